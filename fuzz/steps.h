/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.h - calls of the library as an input says them.
 *
 * Layer: fuzz.
 */
#ifndef FUZZ_STEPS_H
#define FUZZ_STEPS_H

#include "input.h"
#include "sim/oracle/oracle.h"

enum step_kind {
	STEP_OP, /* map, unmap, protect, create, delete */
	STEP_BEGIN,
	STEP_COMMIT,
	STEP_ABORT,
	STEP_RELAX,
	STEP_STRICT,
	STEP_SYNC,
	STEP_CHECKPOINT,
	STEP_RECLAIM,
	STEP_FLUSH_TLB,
	STEP_RESTART,
	STEP_KINDS,
};

#define STEPS_MAX 24u

const char *step_name(enum step_kind kind);

/* The next step; its operation, if it is one. */
enum step_kind step_next(struct input *in, struct op *op);

#endif
