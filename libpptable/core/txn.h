/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions.  Layer: core.  Owns I2.
 *
 * A transaction is a set of runs in DRAM.  Commit streams them to the ring,
 * fences, and only then stores them in place.  A relaxed commit leaves out the
 * fence, and so the stores too: its runs wait in the group, through which
 * everything reads, for the next fence.
 */
#ifndef PPTABLE_CORE_TXN_H
#define PPTABLE_CORE_TXN_H

#include "core/pool.h"

/* A public call inside or as a transaction: where to roll back to. */
struct ppt__call {
	uint32_t runs;
	struct ppt__run last[PPT__RUNSET_MERGE]; /* those that may be merged */
	uint32_t floor;
	uint32_t changes;
	uint32_t allocated;
	bool own; /* the call is the whole transaction */
	struct ppt_tlb_gather gather;
	struct ppt__frames_mark frames;
};

void ppt__call_mark(struct ppt_pool *pool, struct ppt__call *call);

/* Return: 0; PPT_E_ROFS. */
static inline int ppt__call_begin(struct ppt_pool *pool, struct ppt__call *call,
				  struct ppt_diag *diag)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return ppt__fail(diag, PPT_E_ROFS, "pool", "open read-only", 0);
	call->own = !pool->txn.open;
	if (!call->own) /* if it is all, all can go: nothing to remember */
		ppt__call_mark(pool, call);
	return 0;
}

/* Commit if the call is its own transaction and err is 0, undo it if not. */
int ppt__call_end(struct ppt_pool *pool, struct ppt__call *call, int err,
		  struct ppt_diag *diag);

/* Undo what the call did so far and go on (another way to do it). */
void ppt__call_undo(struct ppt_pool *pool, struct ppt__call *call);

static inline struct ppt__run ppt__set_run(uint32_t page, uint32_t slot,
					   uint32_t n, uint64_t v,
					   uint64_t stride, uint64_t marks)
{
	uint32_t code = n > 1 ? (uint32_t)ppt__stride_code(stride) : 0;

	return (struct ppt__run){
		.where = ppt__run_where(page, slot, n, code) | marks,
		.value = v,
	};
}

/* Set words to v, v + stride, …; marks as in runset.h.  PPT_E_TOOBIG. */
static inline int ppt__set(struct ppt_pool *pool, uint32_t page, uint32_t slot,
			   uint32_t n, uint64_t v, uint64_t stride,
			   uint64_t marks)
{
	return ppt__runset_add(&pool->txn.runs, pool->txn.floor,
			       ppt__set_run(page, slot, n, v, stride, marks)) ?
		       0 :
		       PPT_E_TOOBIG;
}

/* The same where it is known that no run before it can be merged with. */
static inline int ppt__set_apart(struct ppt_pool *pool, uint32_t page,
				 uint32_t slot, uint32_t n, uint64_t v,
				 uint64_t stride, uint64_t marks)
{
	struct ppt__runset *set = &pool->txn.runs;

	if (set->n == set->cap)
		return PPT_E_TOOBIG;
	set->run[set->n++] = ppt__set_run(page, slot, n, v, stride, marks);
	return 0;
}

/*
 * Set slots of the reclaim list when this transaction commits; slot
 * PPT_PAGE_WORDS stands for any empty one.  Setting to 0 lets go of the extents
 * that were held for them.
 * Return: 0; PPT_E_TOOBIG; PPT_E_CORRUPT the list is quarantined.
 */
int ppt__txn_reclaim(struct ppt_pool *pool, uint32_t slot, uint32_t count,
		     uint64_t item, struct ppt_diag *diag);

/* Widen what the caller must invalidate. */
void ppt__txn_gather(struct ppt_pool *pool, uint32_t root_page, ppt_va_t va,
		     ppt_va_t last);

/*
 * Commit what @fill sets as a strict transaction of its own, while another is
 * being built: they must not touch the same pages.
 */
int ppt__txn_side(struct ppt_pool *pool, int (*fill)(struct ppt_pool *, void *),
		  void *arg);

/* Make a run's home stores; lines that are not flushed are queued. */
void ppt__txn_apply_run(struct ppt_pool *pool, struct ppt__run run);

/* Make relaxed commits durable and apply them.  At most one fence. */
void ppt__txn_settle(struct ppt_pool *pool);

/* The runs that fit in one transaction. */
static inline uint32_t ppt__txn_runs_max(const struct ppt_pool *pool)
{
	return pool->txn.runs.cap;
}

#endif
