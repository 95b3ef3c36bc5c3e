/* SPDX-License-Identifier: BSD-3-Clause */
/* Saying what went wrong.  Layer: format. */
#ifndef PPTABLE_FORMAT_FAIL_H
#define PPTABLE_FORMAT_FAIL_H

#include <pptable/error.h>

#include <stddef.h>

/* Fill a diag, which may be NULL, and return err. */
static inline int ppt__fail(struct ppt_diag *diag, int err, const char *what,
			    const char *why, uint64_t at)
{
	if (diag)
		*diag = (struct ppt_diag){ err, what, why, at };
	return err;
}

#endif
