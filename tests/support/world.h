/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - a pool and its oracle, driven together.
 *
 * Layer: tests.  Every operation runs on both; a result that the contract
 * does not allow is a failure with a text in @why.
 */
#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include "view.h"

struct world {
	struct pool_fixture *pf; /* attached */
	struct oracle now;       /* with the open transaction's writes */
	struct oracle before;    /* as committed, while one is open */
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

/* @pf is attached to an empty pool. */
void world_open(struct world *w, struct pool_fixture *pf);
void world_close(struct world *w);

/* Run one operation on both.  0, or -1 and @w->why. */
int world_step(struct world *w, const struct op *op);

int world_begin(struct world *w);
int world_commit(struct world *w);
int world_abort(struct world *w);
int world_relaxed(struct world *w, bool on);
int world_sync(struct world *w);

/* Confirm all pending TLB flushes. */
int world_flush_tlb(struct world *w);

/* Check zeroed frames and fill some with a pattern, as their user would. */
int world_fill(struct world *w, struct rng *r);
/* Set A and D bits in some leaves, as the MMU would. */
void world_touch(struct world *w, struct rng *r);

/* The pool was attached again: find the spaces anew. */
int world_reopen(struct world *w);

/* Library, media and page counts against the oracle; no transaction open. */
int world_check(struct world *w);

#endif
