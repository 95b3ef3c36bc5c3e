/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin.h - a pool and its oracle, driven together.
 *
 * Layer: sim.  Every operation runs on both; a result that the contract
 * does not allow is a failure with a text in @why.
 */
#ifndef SIM_ORACLE_TWIN_H
#define SIM_ORACLE_TWIN_H

#include "sim/oracle/view.h"

struct twin {
	struct view view;
	struct oracle now;    /* with the open transaction's writes */
	struct oracle before; /* as committed, while one is open */
	bool in_txn;
	bool relaxed;
	bool mmu; /* attached without PPT_ATTACH_NO_MMU */
	struct ppt_space handle[ORACLE_SPACES];
	uint8_t *held;      /* pages whose TLB flush is not confirmed */
	uint64_t must_va;   /* the gather has to cover [must_va, must_last] */
	uint64_t must_last; /* nothing, if must_va > must_last */
	uint32_t next_tag;
	int result; /* of the last step */
	struct ppt_diag diag;
	uint64_t steps;
	uint64_t failures_expected;
	uint64_t no_space;
	uint64_t too_big;
	struct why why;
};

/*
 * @view is attached to an empty pool, with @flags (enum ppt_attach_flags);
 * @regions is its memory map, the pool's own region first.
 */
void twin_open(struct twin *t, struct view view,
	       const struct ppt_memory_map *regions, uint32_t flags);
void twin_close(struct twin *t);

/* Run one operation on both.  0, or -1 and @t->why. */
int twin_step(struct twin *t, const struct op *op);

int twin_begin(struct twin *t);
int twin_commit(struct twin *t);
int twin_abort(struct twin *t);
int twin_relaxed(struct twin *t, bool on);
int twin_sync(struct twin *t);

/* Confirm all pending TLB flushes. */
int twin_flush_tlb(struct twin *t);

/* Check zeroed frames and fill some with a pattern, as their user would. */
int twin_fill(struct twin *t, struct rng *r);
/* Set A and D bits in some leaves, as the MMU would. */
void twin_touch(struct twin *t, struct rng *r);

/* The pool was attached again: find the spaces anew. */
int twin_reopen(struct twin *t, struct view view);

/* Library, media and page counts against the oracle; no transaction open. */
int twin_check(struct twin *t);

#endif
