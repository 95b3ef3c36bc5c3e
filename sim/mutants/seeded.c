/* SPDX-License-Identifier: BSD-3-Clause */
/* seeded.c - the mistakes in the source of the test build. */
#include "format/mutant.h"

#include <string.h>

#include "sim/mutants/hunt.h"

static const struct {
	const char *name;
	const char *what;
} seeded[] = {
#define SEEDED(name, what) { #name, what },
	PPT__MUTANTS(SEEDED)
#undef SEEDED
};

#define SEEDED_COUNT (sizeof(seeded) / sizeof(seeded[0]))

bool seeded_name(unsigned i, const char **name, const char **what)
{
	if (i >= SEEDED_COUNT)
		return false;
	*name = seeded[i].name;
	*what = seeded[i].what;
	return true;
}

bool seeded_select(const char *name)
{
	for (unsigned i = 0; i < SEEDED_COUNT && &ppt__mutant; i++)
		if (!strcmp(seeded[i].name, name)) {
			ppt__mutant = i + 1;
			return true;
		}
	return false;
}

const char *seeded_now(void)
{
	return &ppt__mutant && ppt__mutant ? seeded[ppt__mutant - 1].name :
					     NULL;
}
