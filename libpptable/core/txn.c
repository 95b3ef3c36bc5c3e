/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/txn.h"

#include "core/commit.h"
#include "core/table.h"
#include "format/mutant.h"

/* Runs of so many words have their whole lines streamed, not queued. */
#define STREAM_MIN 16u

/* ------------------------------------------------------------- apply -- */

/* Entries that an MMU may be walking: exchanged one by one, in order. */
static void apply_entries(struct ppt_pool *pool, uint64_t word, uint32_t n,
			  uint64_t v, uint64_t step)
{
	const uint64_t hw = ppt__family_ignore(PPT__FAMILY_X86_64);
	bool flush = n >= STREAM_MIN;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t w = word + i;

		ppt__pm_exchange(&pool->pm, w, v + i * step, hw);
		if (w % PPT__LINE_WORDS != PPT__LINE_WORDS - 1 && i + 1 < n)
			continue;
		if (flush)
			ppt__pm_flush(&pool->pm, w);
		else
			ppt__journal_dirty(pool, w);
	}
}

void ppt__txn_apply_run(struct ppt_pool *pool, struct ppt__run run)
{
	uint64_t word =
		ppt__word(ppt__run_page(run.where), ppt__run_slot(run.where));
	uint32_t n = ppt__run_count(run.where);
	uint64_t step = ppt__stride(ppt__run_stride_code(run.where));
	/* A stream could be overtaken by the store that links the table. */
	bool stream = n >= STREAM_MIN && !(run.where & PPT__RUN_ENTRY);
	uint64_t v = run.value;

	if ((run.where & PPT__RUN_ENTRY) && !(run.where & PPT__RUN_FRESH)) {
		apply_entries(pool, word, n, v, step);
		return;
	}
	while (n) {
		uint32_t k = PPT__LINE_WORDS - word % PPT__LINE_WORDS;

		if (k > n)
			k = n;
		if (stream && k == PPT__LINE_WORDS) {
			k = n - n % PPT__LINE_WORDS;
			ppt__pm_stream_run(&pool->pm, word, k, v, step);
		} else {
			for (uint32_t i = 0; i < k; i++)
				ppt__pm_store(&pool->pm, word + i,
					      v + i * step);
			if (n >= STREAM_MIN && k == PPT__LINE_WORDS)
				ppt__pm_flush(&pool->pm, word);
			else
				ppt__journal_dirty(pool, word);
		}
		word += k;
		v += k * step;
		n -= k;
	}
}

/* One word that no MMU walks: the commonest run. */
static inline bool is_plain_word(struct ppt__run run)
{
	return ppt__run_count(run.where) == 1 && !(run.where & PPT__RUN_ENTRY);
}

static inline uint64_t word_of(struct ppt__run run)
{
	return ppt__word(ppt__run_page(run.where), ppt__run_slot(run.where));
}

/*
 * Queue the lines of plain words before the fence that the stores wait for: it
 * takes longer than this.  The checkpoint has had its turn already, so it will
 * not flush them before they are stored.
 */
static inline void queue_ahead(struct ppt_pool *pool, struct ppt__runset *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		if (is_plain_word(set->run[i]) &&
		    !(set->run[i].where & PPT__RUN_COLD))
			ppt__journal_dirty(pool, word_of(set->run[i]));
}

/* Home stores: only after the fence that covers their records [I2]. */
static inline __attribute__((always_inline)) void
apply(struct ppt_pool *pool, struct ppt__runset *set, bool queued)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct ppt__run run = set->run[i];

		if (!is_plain_word(run)) {
			ppt__txn_apply_run(pool, run);
			continue;
		}
		if (run.where & PPT__RUN_COLD) {
			ppt__pm_stream(&pool->pm, word_of(run), &run.value, 1);
			continue;
		}
		ppt__pm_store(&pool->pm, word_of(run), run.value);
		if (!queued)
			ppt__journal_dirty(pool, word_of(run));
	}
	ppt__runset_reset(set);
}

static __attribute__((noinline)) void apply_group(struct ppt_pool *pool)
{
	apply(pool, &pool->group, false);
}

/* ------------------------------------------------------------ commit -- */

static int settle_reclaim(struct ppt_pool *pool)
{
	struct ppt__txn *t = &pool->txn;
	uint32_t page = pool->at.reclaim_page, next = 0;

	for (uint32_t i = 0; i < t->changes; i++) {
		struct ppt__reclaim_change *c = &t->change[i];
		uint32_t slot = c->slot;
		int err;

		if (slot == PPT_PAGE_WORDS) {
			while (next < PPT_PAGE_WORDS &&
			       ppt__load(pool, page, next))
				next++;
			if (next == PPT_PAGE_WORDS)
				return PPT_E_NOSPC;
			slot = next++;
		}
		err = ppt__table_set(pool, page, slot, c->count, c->item, 0);
		if (err)
			return err;
	}
	return 0;
}

/* The extents of cleared slots are the allocator's again. */
static void release_held(struct ppt_pool *pool)
{
	struct ppt__txn *t = &pool->txn;

	for (uint32_t i = 0; i < t->changes; i++)
		if (t->change[i].item == 0)
			ppt__pages_release(pool, t->change[i].slot,
					   t->change[i].count);
}

static void txn_reset(struct ppt_pool *pool)
{
	struct ppt__txn *t = &pool->txn;

	ppt__runset_reset(&t->runs);
	t->floor = 0;
	t->changes = 0;
	t->allocated = 0;
	t->open = false;
	t->unfenced = false;
	pool->open_gather.ticket = 0;
	pool->frames.found_full = 0;
}

static void gather_merge(struct ppt_tlb_gather *all,
			 const struct ppt_tlb_gather *one)
{
	if (!one->ticket)
		return;
	if (!all->ticket) {
		*all = *one;
		return;
	}
	if (one->va < all->va)
		all->va = one->va;
	if (one->last > all->last)
		all->last = one->last;
	if (one->root_pa != all->root_pa)
		all->root_pa = 0;
}

/*
 * The entries are cleared on the media: now, and not before, does flushing
 * them from TLBs mean something [I6].
 */
static void gather_publish(struct ppt_pool *pool)
{
	if (!pool->group_gather.ticket)
		return;
	gather_merge(&pool->gather, &pool->group_gather);
	pool->group_gather.ticket = 0;
	pool->gather.ticket = ++pool->ticket_last;
	if (pool->flags & PPT_ATTACH_NO_MMU)
		ppt_tlb_flushed(pool, pool->ticket_last);
}

void ppt__txn_settle(struct ppt_pool *pool)
{
	if (pool->journal.head == pool->journal.durable)
		return;
	ppt__journal_before_fence(pool,
				  pool->journal.head - pool->journal.durable);
	ppt__journal_fence(pool);
	ppt__pages_fenced(pool);
	apply_group(pool);
	gather_publish(pool);
}

/* Relaxed: the runs join those that wait for a fence. */
static void join_group(struct ppt_pool *pool)
{
	if (PPT_MUTANT(RELAXED_AT_ONCE))
		apply(pool, &pool->txn.runs, false);
	for (uint32_t i = 0; i < pool->txn.runs.n; i++)
		ppt__runset_add(&pool->group, 0, pool->txn.runs.run[i]);
}

static void make_durable(struct ppt_pool *pool, uint64_t lines)
{
	if (pool->txn.allocated && pool->txn.allocated <= 8)
		ppt__pages_zero_ahead(pool, pool->txn.allocated);
	ppt__journal_before_fence(pool, lines);
	queue_ahead(pool, &pool->txn.runs);
	if (PPT_MUTANT(HOME_EARLY))
		apply(pool, &pool->txn.runs, true);
	ppt__journal_fence(pool);
	if (pool->frames.zeroing_any)
		ppt__pages_fenced(pool);
	if (pool->group.n)
		apply_group(pool);
	apply(pool, &pool->txn.runs, true);
	gather_publish(pool);
}

static inline __attribute__((always_inline)) int
commit_now(struct ppt_pool *pool)
{
	struct ppt__journal *j = &pool->journal;
	struct ppt__runset *runs = &pool->txn.runs;
	uint32_t lines;
	int err = pool->txn.changes ? settle_reclaim(pool) : 0;

	if (!err && pool->frames.freed_count)
		err = ppt__limbo_room(pool, NULL);
	if (err)
		return err;
	lines = ppt__journal_lines(runs->n);
	if (runs->n == 0) {
		if (!pool->relaxed)
			ppt__txn_settle(pool);
		return 0;
	}
	if (j->head + lines - j->durable > j->window ||
	    pool->group.n + runs->n > pool->group.cap)
		ppt__txn_settle(pool);
	ppt__journal_make_room(pool, lines, runs->n + pool->group.n);
	if (pool->frames.zero_count)
		ppt__pages_zero_taken(pool);
	if (pool->txn.unfenced) {
		/* Frames are zero before anything maps them. */
		ppt__pm_fence(&pool->pm);
		pool->txn.unfenced = false;
	}
	ppt__journal_append(pool, runs->run, runs->n);
	gather_merge(&pool->group_gather, &pool->open_gather);
	if (pool->relaxed)
		join_group(pool);
	else
		make_durable(pool, lines);
	if (pool->frames.freed_count)
		ppt__frames_committed(pool);
	if (pool->txn.changes)
		release_held(pool);
	pool->commits++;
	return 0;
}

static int commit(struct ppt_pool *pool)
{
	return commit_now(pool);
}

static void rollback_all(struct ppt_pool *pool)
{
	ppt__frames_rollback(pool, (struct ppt__frames_mark){
					   .stretch = pool->frames.stretch });
	txn_reset(pool);
}

/* ------------------------------------------------------------- calls -- */

void ppt__call_mark(struct ppt_pool *pool, struct ppt__call *call)
{
	struct ppt__txn *t = &pool->txn;
	uint32_t n = t->runs.n;

	call->runs = n;
	call->floor = t->floor;
	t->floor = n > PPT__RUNSET_MERGE ? n - PPT__RUNSET_MERGE : 0;
	for (uint32_t i = t->floor; i < n; i++)
		call->last[i - t->floor] = t->runs.run[i];
	call->changes = t->changes;
	call->allocated = t->allocated;
	call->gather = pool->open_gather;
	call->frames = ppt__frames_mark(pool);
}

void ppt__call_undo(struct ppt_pool *pool, struct ppt__call *call)
{
	struct ppt__txn *t = &pool->txn;

	if (call->own) {
		rollback_all(pool);
		return;
	}
	ppt__frames_rollback(pool, call->frames);
	ppt__runset_truncate(&t->runs, call->runs);
	for (uint32_t i = t->floor; i < call->runs; i++)
		t->runs.run[i] = call->last[i - t->floor];
	t->changes = call->changes;
	t->allocated = call->allocated;
	pool->open_gather = call->gather;
}

int ppt__call_end(struct ppt_pool *pool, struct ppt__call *call, int err,
		  struct ppt_diag *diag)
{
	if (!err && call->own) {
		err = commit_now(pool);
		if (err)
			ppt__fail(diag, err, "transaction", ppt_strerror(err),
				  pool->txn.runs.n);
	}
	if (err)
		ppt__call_undo(pool, call);
	if (call->own)
		txn_reset(pool);
	else
		pool->txn.floor = call->floor;
	return err;
}

int ppt__txn_reclaim(struct ppt_pool *pool, uint32_t slot, uint32_t count,
		     uint64_t item, struct ppt_diag *diag)
{
	struct ppt__txn *t = &pool->txn;
	int err = ppt__reclaim_usable(pool, diag);

	if (err)
		return err;
	if (t->changes == PPT__RECLAIM_CHANGES_MAX)
		return PPT_E_TOOBIG;
	t->change[t->changes++] =
		(struct ppt__reclaim_change){ slot, count, item };
	return 0;
}

void ppt__txn_gather(struct ppt_pool *pool, uint32_t root_page, ppt_va_t va,
		     ppt_va_t last)
{
	struct ppt_tlb_gather *g = &pool->open_gather;
	ppt_pa_t root = ppt__page_pa(pool, root_page);

	if (!g->ticket) {
		*g = (struct ppt_tlb_gather){ 1, va, last, root };
		return;
	}
	if (va < g->va)
		g->va = va;
	if (last > g->last)
		g->last = last;
	if (g->root_pa != root)
		g->root_pa = 0;
}

int ppt__txn_side(struct ppt_pool *pool, int (*fill)(struct ppt_pool *, void *),
		  void *arg)
{
	struct ppt__runset outer;
	uint32_t floor = pool->txn.floor;
	int err;

	/* The group is empty after this: its room serves the side one. */
	ppt__txn_settle(pool);
	outer = pool->txn.runs;
	pool->txn.runs = pool->group;
	pool->group = outer; /* still read through */
	pool->txn.floor = 0;
	err = fill(pool, arg);
	outer = pool->group;
	pool->group = pool->txn.runs;
	pool->txn.runs = outer;
	pool->txn.floor = floor;
	if (err) {
		ppt__runset_reset(&pool->group);
		return err;
	}
	ppt__journal_make_room(pool, ppt__journal_lines(pool->group.n),
			       pool->group.n);
	ppt__journal_append(pool, pool->group.run, pool->group.n);
	if (!PPT_MUTANT(INTENT_UNFENCED))
		ppt__txn_settle(pool);
	return 0;
}

/* ------------------------------------------------------------ public -- */

int ppt_begin(struct ppt_pool *pool)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	if (pool->txn.open)
		return PPT_E_BUSY;
	txn_reset(pool);
	pool->txn.open = true;
	return 0;
}

int ppt_commit(struct ppt_pool *pool)
{
	int err;

	if (!pool->txn.open)
		return PPT_E_INVAL;
	err = commit(pool);
	if (err)
		rollback_all(pool);
	else
		txn_reset(pool);
	return err;
}

int ppt_abort(struct ppt_pool *pool)
{
	if (!pool->txn.open)
		return PPT_E_INVAL;
	rollback_all(pool);
	return 0;
}

int ppt_sync(struct ppt_pool *pool)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	ppt__txn_settle(pool);
	return 0;
}

int ppt_set_relaxed(struct ppt_pool *pool, bool relaxed)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	if (!relaxed)
		ppt__txn_settle(pool);
	pool->relaxed = relaxed;
	return 0;
}

int ppt_checkpoint(struct ppt_pool *pool)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	ppt__txn_settle(pool);
	if (pool->journal.tail != pool->journal.head)
		ppt__journal_checkpoint(pool);
	return 0;
}

void ppt_tlb_pending(const struct ppt_pool *pool, struct ppt_tlb_gather *out)
{
	*out = pool->gather;
}

int ppt_tlb_flushed(struct ppt_pool *pool, uint64_t ticket)
{
	if (ticket == 0 || ticket > pool->ticket_last)
		return PPT_E_INVAL;
	if (ticket > pool->ticket_flushed)
		pool->ticket_flushed = ticket;
	if (pool->ticket_flushed == pool->ticket_last)
		pool->gather = (struct ppt_tlb_gather){ 0 };
	return 0;
}
