/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opgen.h - random operations that meet, overlap and hit boundaries.
 *
 * Layer: sim.
 */
#ifndef SIM_ORACLE_OPGEN_H
#define SIM_ORACLE_OPGEN_H

#include "sim/oracle/oracle.h"

struct opgen {
	struct rng rng;
	uint64_t max_small;  /* 4 KiB pages of one range, at most */
	uint64_t max_alloc;  /* pages of one range of the pool's frames */
	unsigned error_once; /* a wrong argument once in so many; 0 never */
	unsigned space_once; /* create or delete a space; 0 never */
	unsigned huge_once;  /* a range of up to 1 GiB in small leaves; 0 */
	unsigned large_once; /* ranges of large leaves; 0 never */
	unsigned sweep_once; /* unmap a whole half; 0 never */
	bool sized_alloc;    /* frames of the pool only with a leaf size */
	unsigned map_weight; /* of 10, what is left is unmap and protect */
};

/* The next operation for a pool that contains @o. */
void opgen_next(struct opgen *g, const struct oracle *o, struct op *op);

#endif
