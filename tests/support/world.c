/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.c - a pool and its oracle, driven together.
 *
 * Layer: tests.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define DIAG_POISON 0x7fff

void world_open(struct world *w, struct pool_fixture *pf)
{
	struct ppt_memory_map map;

	memset(w, 0, sizeof(*w));
	w->pf = pf;
	pool_fixture_map(pf, &map);
	oracle_init(&w->now, &map);
	w->held = calloc(w->now.pages, 1);
	if (!w->held)
		abort();
	w->mmu = !(pf->attach_flags & PPT_ATTACH_NO_MMU);
	w->must_va = 1;
	w->next_tag = TAG_FILL;
}

void world_close(struct world *w)
{
	if (w->in_txn)
		oracle_free(&w->before);
	oracle_free(&w->now);
	free(w->held);
	memset(w, 0, sizeof(*w));
}

static int run(struct world *w, const struct op *op)
{
	struct ppt_space *s = &w->handle[op->space];
	const char *name = w->now.space[op->space].name;
	struct ppt_diag *diag = &w->diag;

	memset(diag, 0, sizeof(*diag));
	diag->err = DIAG_POISON;
	switch (op->kind) {
	case OP_MAP:
		return ppt_map(s, op->va, op->pa, op->len, op->prot, op->flags,
			       diag);
	case OP_UNMAP:
		return ppt_unmap(s, op->va, op->len, diag);
	case OP_PROTECT:
		return ppt_protect(s, op->va, op->len, op->prot, diag);
	case OP_SPACE_CREATE:
		return ppt_space_create(w->pf->pool, name, op->format, s, diag);
	case OP_SPACE_DELETE:
		return ppt_space_delete(w->pf->pool, name, diag);
	}
	return PPT_E_INVAL;
}

static int refuse(struct world *w, const char *reason)
{
	return why_set(&w->why, "returned %s (%s: %s at %#llx): %s",
		       ppt_error_name(w->result),
		       w->diag.what ? w->diag.what : "?",
		       w->diag.why ? w->diag.why : "?",
		       (unsigned long long)w->diag.at, reason);
}

/* Out of pages, but were there not plenty? */
static int judge_no_space(struct world *w, const struct op *op,
			  const struct expect *e)
{
	struct ppt_usage u = { 0 };
	struct ppt_tlb_gather gather = { 0 };

	ppt_tlb_pending(w->pf->pool, &gather);
	if (gather.ticket)
		return 0; /* freed, but not to be used yet */
	if (w->result == PPT_E_AGAIN)
		return w->in_txn ? 0 : refuse(w, "but no TLB flush is pending");
	/* 2 MiB of frames in one piece: the pool may be fragmented */
	if (op->pa == PPT_PA_ALLOC &&
	    (op->flags & PPT_MAP_SIZE_MASK) > PPT_MAP_4K)
		return 0;
	if (ppt_usage(w->pf->pool, &u, NULL))
		return refuse(w, "and ppt_usage fails");
	if (!w->in_txn && u.free_pages > 2 * e->pages + 64)
		return refuse(w, "but there are plenty of free pages");
	return 0;
}

/* @diag names the error, and a place inside the range where it has one. */
static int judge_diag(struct world *w, const struct op *op)
{
	const struct oracle_space *s = &w->now.space[op->space];
	uint64_t at = w->diag.at;
	bool inside = at >= op->va && at - op->va < op->len;

	if (w->diag.err != w->result || !w->diag.what || !w->diag.why)
		return refuse(w, "and the diagnostic was not filled in");
	if (w->result == PPT_E_EXIST && op->kind == OP_MAP &&
	    (!inside || !oracle_find(s, at)))
		return refuse(w, "and nothing is mapped at the place named");
	if (w->result == PPT_E_NOENT && op->kind == OP_PROTECT &&
	    (!inside || oracle_find(s, at)))
		return refuse(w, "and the place named is no hole");
	return 0;
}

static int judge_failure(struct world *w, const struct op *op,
			 const struct expect *e)
{
	for (unsigned i = 0; i < e->errors; i++) {
		if (e->err[i] == w->result) {
			w->failures_expected++;
			return judge_diag(w, op);
		}
	}
	/* what is there and what is free may be found out in any order */
	for (unsigned i = 0; i < e->errors && !e->may_succeed; i++)
		if (e->err[i] == PPT_E_INVAL || e->err[i] == PPT_E_RANGE)
			return refuse(w, "another error was expected");
	switch (w->result) {
	case PPT_E_NOSPC:
	case PPT_E_AGAIN:
		w->no_space++;
		return judge_no_space(w, op, e);
	case PPT_E_TOOBIG:
		w->too_big++;
		return w->in_txn ? 0 : refuse(w, "outside a transaction");
	default:
		return refuse(w, e->may_succeed ? "success was expected" :
						  "another error was expected");
	}
}

/*
 * A frame of something unlinked whole is in use until ppt_reclaim comes to it;
 * mapping it then is no error.
 */
static bool is_orphan(struct world *w, const struct op *op,
		      const struct expect *e)
{
	uint32_t *refs = calloc(w->now.pages, sizeof(*refs));
	struct ppt_usage u = { 0 };
	uint64_t mapped;

	if (!refs)
		abort();
	mapped = oracle_refs(&w->now, refs);
	free(refs);
	return op->kind == OP_MAP && e->errors == 1 &&
	       e->err[0] == PPT_E_REGION &&
	       oracle_pool_page(&w->now, op->pa) != UINT64_MAX &&
	       ppt_usage(w->pf->pool, &u, NULL) == 0 && u.data_pages > mapped;
}

/* What the caller must invalidate because of @op, before it is applied. */
static void note_tlb(struct world *w, const struct op *op)
{
	const struct oracle_space *s = &w->now.space[op->space];
	uint64_t last = op->va + (op->len - 1);
	bool all = op->kind != OP_PROTECT;

	if (op->kind >= OP_SPACE_CREATE)
		return;
	for (size_t i = 0; i < s->map.count; i++) {
		const struct oracle_ext *ext = &s->map.ext[i];
		uint64_t from = ext->va > op->va ? ext->va : op->va;
		uint64_t to = ext->va + (ext->len - 1);

		if (to > last)
			to = last;
		if (from > to || !(all || ext->prot & ~op->prot))
			continue;
		if (w->must_va > w->must_last) {
			w->must_va = from;
			w->must_last = to;
		}
		w->must_va = from < w->must_va ? from : w->must_va;
		w->must_last = to > w->must_last ? to : w->must_last;
	}
}

static int judge_tlb(struct world *w)
{
	struct ppt_tlb_gather gather = { 0 };

	if (!w->mmu || w->must_va > w->must_last)
		return 0;
	ppt_tlb_pending(w->pf->pool, &gather);
	if (gather.ticket && gather.va <= w->must_va &&
	    gather.last >= w->must_last)
		return 0;
	return why_set(&w->why,
		       "TLB gather %#llx..%#llx (ticket %llu) does not cover "
		       "%#llx..%#llx",
		       (unsigned long long)gather.va,
		       (unsigned long long)gather.last,
		       (unsigned long long)gather.ticket,
		       (unsigned long long)w->must_va,
		       (unsigned long long)w->must_last);
}

/* Pages that @old maps and @new does not wait for a TLB flush. */
static void hold_freed(struct world *w, const uint32_t *old,
		       const struct oracle *new)
{
	uint32_t *refs = calloc(new->pages, sizeof(*refs));

	if (!refs)
		abort();
	(void)oracle_refs(new, refs);
	for (uint64_t i = 0; w->mmu && i < new->pages; i++)
		if (old[i] && !refs[i])
			w->held[i] = 1;
	free(refs);
}

/* A frame just handed out must have been free, and flushed [I6]. */
static int judge_frame(struct world *w, uint64_t pa, const uint32_t *was,
		       const uint32_t *committed)
{
	uint64_t p = oracle_pool_page(&w->now, pa);
	const char *reason = NULL;

	if (p == UINT64_MAX)
		reason = "lies outside the pool";
	else if (was[p] || committed[p])
		reason = "was in use";
	else if (w->held[p])
		reason = "waits for a TLB flush";
	if (!reason)
		return 0;
	return why_set(&w->why, "frame %#llx handed out, but it %s",
		       (unsigned long long)pa, reason);
}

/* Look up which frames were handed out, and that nobody had them. */
static int learn(struct world *w, const struct op *op, const uint32_t *was)
{
	struct oracle_space *s = &w->now.space[op->space];
	uint64_t last = op->va + (op->len - 1);
	uint32_t *taken = calloc(w->now.pages, sizeof(*taken));
	struct ext_list got = { 0 };
	int err;

	if (!taken)
		abort();
	if (w->in_txn)
		(void)oracle_refs(&w->before, taken);
	err = view_iterate(&w->handle[op->space], op->va, last, &got, &w->why);
	if (!err)
		err = oracle_diff(s, op->va, last, &got, true, &w->why);
	for (uint64_t va = op->va; !err; va += PPT_PAGE_BYTES) {
		const struct oracle_ext *ext = oracle_find(s, va);
		uint64_t pa = ext->pa + (va - ext->va);

		err = judge_frame(w, pa, was, taken);
		if (err)
			break;
		taken[oracle_pool_page(&w->now, pa)] = 1;
		w->now.tag[oracle_pool_page(&w->now, pa)] =
			op->flags & PPT_MAP_UNZEROED ? TAG_ANY : TAG_ZERO;
		if (last - va < PPT_PAGE_BYTES)
			break;
	}
	ext_free(&got);
	free(taken);
	return err;
}

static int succeed(struct world *w, const struct op *op)
{
	uint32_t *was = calloc(w->now.pages, sizeof(*was));
	int err = 0;

	if (!was)
		abort();
	if (w->diag.err != DIAG_POISON)
		err = refuse(w, "and filled in the diagnostic");
	(void)oracle_refs(&w->now, was);
	note_tlb(w, op);
	oracle_apply(&w->now, op);
	if (!err && op->kind == OP_MAP && op->pa == PPT_PA_ALLOC)
		err = learn(w, op, was);
	oracle_sweep_tags(&w->now);
	if (!err && !w->in_txn) {
		hold_freed(w, was, &w->now);
		err = judge_tlb(w);
	}
	free(was);
	return err;
}

int world_step(struct world *w, const struct op *op)
{
	struct expect e;

	w->steps++;
	oracle_expect(&w->now, op, &e);
	w->result = run(w, op);
	if (w->result)
		return judge_failure(w, op, &e);
	if (!e.may_succeed && !is_orphan(w, op, &e))
		return refuse(w, "an error was expected");
	return succeed(w, op);
}

static int call(struct world *w, const char *name, int err)
{
	if (!err)
		return 0;
	return why_set(&w->why, "%s: %s", name, ppt_error_name(err));
}

int world_begin(struct world *w)
{
	int err = call(w, "ppt_begin", ppt_begin(w->pf->pool));

	if (!err && ppt_begin(w->pf->pool) != PPT_E_BUSY)
		err = why_set(&w->why, "a second ppt_begin is not refused");
	if (err)
		return err;
	oracle_copy(&w->before, &w->now);
	w->in_txn = true;
	return 0;
}

static void end_txn(struct world *w, bool keep)
{
	uint32_t *was;

	w->in_txn = false;
	if (!keep) {
		oracle_free(&w->now);
		w->now = w->before;
		return;
	}
	was = calloc(w->now.pages, sizeof(*was));
	if (!was)
		abort();
	(void)oracle_refs(&w->before, was);
	hold_freed(w, was, &w->now);
	oracle_free(&w->before);
	free(was);
}

int world_commit(struct world *w)
{
	int err = ppt_commit(w->pf->pool);

	w->result = err;
	end_txn(w, err == 0);
	if (err) {
		w->must_va = 1;
		w->must_last = 0;
		w->too_big++;
		return err == PPT_E_TOOBIG ? world_reopen(w) :
					     call(w, "ppt_commit", err);
	}
	return judge_tlb(w);
}

int world_abort(struct world *w)
{
	int err = call(w, "ppt_abort", ppt_abort(w->pf->pool));

	end_txn(w, false);
	w->must_va = 1;
	w->must_last = 0;
	return err ? err : world_reopen(w);
}

int world_relaxed(struct world *w, bool on)
{
	w->relaxed = on;
	return call(w, "ppt_set_relaxed", ppt_set_relaxed(w->pf->pool, on));
}

int world_sync(struct world *w)
{
	return call(w, "ppt_sync", ppt_sync(w->pf->pool));
}

int world_flush_tlb(struct world *w)
{
	struct ppt_tlb_gather gather = { 0 };
	int err = 0;

	ppt_tlb_pending(w->pf->pool, &gather);
	if (gather.ticket)
		err = call(w, "ppt_tlb_flushed",
			   ppt_tlb_flushed(w->pf->pool, gather.ticket));
	memset(w->held, 0, w->now.pages);
	w->must_va = 1;
	w->must_last = 0;
	return err;
}

int world_fill(struct world *w, struct rng *r)
{
	int err = view_check_media(w->pf, &w->now, &w->why);
	uint32_t *refs = calloc(w->now.pages, sizeof(*refs));

	if (!refs)
		abort();
	(void)oracle_refs(&w->now, refs);
	for (uint64_t i = 0; i < w->now.pages && !err; i++)
		if (refs[i] && w->now.tag[i] < TAG_FILL && rng_once_in(r, 2))
			tag_fill(w->pf, &w->now, i, w->next_tag++);
	free(refs);
	return err;
}

/* Follow the tables to the leaf of @va; NULL if there is none. */
static uint64_t *leaf_word(struct world *w, uint64_t root_pa, unsigned levels,
			   uint64_t va)
{
	uint64_t base = w->now.regions.region[0].base;
	uint64_t pa = root_pa;

	for (unsigned level = levels; level; level--) {
		uint64_t slot = va >> (12 + 9 * (level - 1)) & 511;
		uint64_t *word = (uint64_t *)(void *)(w->pf->writable +
						      (pa - base) + slot * 8);

		if (!(*word & 1))
			return NULL;
		*word |= 0x20; /* accessed */
		if (level == 1 || *word & 0x80)
			return word;
		pa = *word & UINT64_C(0x000ffffffffff000);
	}
	return NULL;
}

void world_touch(struct world *w, struct rng *r)
{
	/* an open transaction is not where the MMU could see it */
	const struct oracle *o = w->in_txn ? &w->before : &w->now;

	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct oracle_space *s = &o->space[i];
		struct ppt_space_info info;

		if (!s->exists || !s->map.count ||
		    ppt_space_info(&w->handle[i], &info, NULL))
			continue;
		for (unsigned k = 0; k < 16; k++) {
			const struct oracle_ext *ext =
				&s->map.ext[rng_below(r, s->map.count)];
			uint64_t va = ext->va + rng_below(r, ext->len);
			uint64_t *word = leaf_word(
				w, info.root_pa, format_levels(s->format), va);

			if (word && ext->prot & PPT_PROT_WRITE)
				*word |= 0x40; /* dirty */
		}
	}
}

int world_reopen(struct world *w)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct oracle_space *s = &w->now.space[i];

		if (s->exists &&
		    ppt_space_open(w->pf->pool, s->name, &w->handle[i], NULL))
			return why_set(&w->why, "space %s is gone", s->name);
	}
	return 0;
}

int world_check(struct world *w)
{
	int err = view_check_library(w->pf, &w->now, &w->why);

	if (!err)
		err = view_check_media(w->pf, &w->now, &w->why);
	if (!err)
		err = view_check_usage(w->pf, &w->now, false, &w->why);
	return err;
}
