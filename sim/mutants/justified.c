/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * justified.c - mutants that may survive, and why: what they take away is not
 * needed for any promise.  At most one in twenty.
 */
#include <string.h>

#include "sim/mutants/mutants.h"

static const struct {
	const char *name;
	const char *why;
} justified[] = {
	{ NULL, NULL }, /* the end: there is none at present */
};

const char *mutant_justification(const char *name)
{
	for (size_t i = 0; justified[i].name; i++)
		if (!strcmp(justified[i].name, name))
			return justified[i].why;
	return NULL;
}
