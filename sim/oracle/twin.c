/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin.c - a pool and its oracle, driven together.
 *
 * Layer: sim.
 */
#include "sim/oracle/twin.h"

#include <stdlib.h>
#include <string.h>

#define DIAG_POISON 0x7fff

void twin_open(struct twin *t, struct view view,
	       const struct ppt_memory_map *regions, uint32_t flags)
{
	memset(t, 0, sizeof(*t));
	t->view = view;
	oracle_init(&t->now, regions);
	t->held = calloc(t->now.pages, 1);
	if (!t->held)
		abort();
	t->mmu = !(flags & PPT_ATTACH_NO_MMU);
	t->must_va = 1;
	t->next_tag = TAG_FILL;
}

void twin_close(struct twin *t)
{
	if (t->in_txn)
		oracle_free(&t->before);
	oracle_free(&t->now);
	free(t->held);
	memset(t, 0, sizeof(*t));
}

static int run(struct twin *t, const struct op *op)
{
	struct ppt_space *s = &t->handle[op->space];
	const char *name = t->now.space[op->space].name;
	struct ppt_diag *diag = &t->diag;

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
		return ppt_space_create(t->view.pool, name, op->format, s,
					diag);
	case OP_SPACE_DELETE:
		return ppt_space_delete(t->view.pool, name, diag);
	}
	return PPT_E_INVAL;
}

static int refuse(struct twin *t, const char *reason)
{
	return why_set(&t->why, "returned %s (%s: %s at %#llx): %s",
		       ppt_error_name(t->result),
		       t->diag.what ? t->diag.what : "?",
		       t->diag.why ? t->diag.why : "?",
		       (unsigned long long)t->diag.at, reason);
}

/* Out of pages, but were there not plenty? */
static int judge_no_space(struct twin *t, const struct op *op,
			  const struct expect *e)
{
	struct ppt_usage u = { 0 };
	struct ppt_tlb_gather gather = { 0 };

	ppt_tlb_pending(t->view.pool, &gather);
	if (gather.ticket)
		return 0; /* freed, but not to be used yet */
	if (t->result == PPT_E_AGAIN)
		return t->in_txn ? 0 : refuse(t, "but no TLB flush is pending");
	/* 2 MiB of frames in one piece: the pool may be fragmented */
	if (op->pa == PPT_PA_ALLOC &&
	    (op->flags & PPT_MAP_SIZE_MASK) > PPT_MAP_4K)
		return 0;
	if (ppt_usage(t->view.pool, &u, NULL))
		return refuse(t, "and ppt_usage fails");
	if (!t->in_txn && u.free_pages > 2 * e->pages + 64)
		return refuse(t, "but there are plenty of free pages");
	return 0;
}

/* @diag names the error, and a place inside the range where it has one. */
static int judge_diag(struct twin *t, const struct op *op)
{
	const struct oracle_space *s = &t->now.space[op->space];
	uint64_t at = t->diag.at;
	bool inside = at >= op->va && at - op->va < op->len;

	if (t->diag.err != t->result || !t->diag.what || !t->diag.why)
		return refuse(t, "and the diagnostic was not filled in");
	if (t->result == PPT_E_EXIST && op->kind == OP_MAP &&
	    (!inside || !oracle_find(s, at)))
		return refuse(t, "and nothing is mapped at the place named");
	if (t->result == PPT_E_NOENT && op->kind == OP_PROTECT &&
	    (!inside || oracle_find(s, at)))
		return refuse(t, "and the place named is no hole");
	return 0;
}

static int judge_failure(struct twin *t, const struct op *op,
			 const struct expect *e)
{
	for (unsigned i = 0; i < e->errors; i++) {
		if (e->err[i] == t->result) {
			t->failures_expected++;
			return judge_diag(t, op);
		}
	}
	/* what is there and what is free may be found out in any order */
	for (unsigned i = 0; i < e->errors && !e->may_succeed; i++)
		if (e->err[i] == PPT_E_INVAL || e->err[i] == PPT_E_RANGE)
			return refuse(t, "another error was expected");
	switch (t->result) {
	case PPT_E_NOSPC:
	case PPT_E_AGAIN:
		t->no_space++;
		return judge_no_space(t, op, e);
	case PPT_E_TOOBIG:
		t->too_big++;
		return t->in_txn ? 0 : refuse(t, "outside a transaction");
	default:
		return refuse(t, e->may_succeed ? "success was expected" :
						  "another error was expected");
	}
}

/*
 * A frame of something unlinked whole is in use until ppt_reclaim comes to it;
 * mapping it then is no error.
 */
static bool is_orphan(struct twin *t, const struct op *op,
		      const struct expect *e)
{
	uint32_t *refs = calloc(t->now.pages, sizeof(*refs));
	struct ppt_usage u = { 0 };
	uint64_t mapped;

	if (!refs)
		abort();
	mapped = oracle_refs(&t->now, refs);
	free(refs);
	return op->kind == OP_MAP && e->errors == 1 &&
	       e->err[0] == PPT_E_REGION &&
	       oracle_pool_page(&t->now, op->pa) != UINT64_MAX &&
	       ppt_usage(t->view.pool, &u, NULL) == 0 && u.data_pages > mapped;
}

/* What the caller must invalidate because of @op, before it is applied. */
static void note_tlb(struct twin *t, const struct op *op)
{
	const struct oracle_space *s = &t->now.space[op->space];
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
		if (t->must_va > t->must_last) {
			t->must_va = from;
			t->must_last = to;
		}
		t->must_va = from < t->must_va ? from : t->must_va;
		t->must_last = to > t->must_last ? to : t->must_last;
	}
}

static int judge_tlb(struct twin *t)
{
	struct ppt_tlb_gather gather = { 0 };

	if (!t->mmu || t->must_va > t->must_last)
		return 0;
	ppt_tlb_pending(t->view.pool, &gather);
	if (gather.ticket && gather.va <= t->must_va &&
	    gather.last >= t->must_last)
		return 0;
	return why_set(&t->why,
		       "TLB gather %#llx..%#llx (ticket %llu) does not cover "
		       "%#llx..%#llx",
		       (unsigned long long)gather.va,
		       (unsigned long long)gather.last,
		       (unsigned long long)gather.ticket,
		       (unsigned long long)t->must_va,
		       (unsigned long long)t->must_last);
}

/* Pages that @old maps and @new does not wait for a TLB flush. */
static void hold_freed(struct twin *t, const uint32_t *old,
		       const struct oracle *new)
{
	uint32_t *refs = calloc(new->pages, sizeof(*refs));

	if (!refs)
		abort();
	(void)oracle_refs(new, refs);
	for (uint64_t i = 0; t->mmu && i < new->pages; i++)
		if (old[i] && !refs[i])
			t->held[i] = 1;
	free(refs);
}

/* A frame just handed out must have been free, and flushed [I6]. */
static int judge_frame(struct twin *t, uint64_t pa, const uint32_t *was,
		       const uint32_t *committed)
{
	uint64_t p = oracle_pool_page(&t->now, pa);
	const char *reason = NULL;

	if (p == UINT64_MAX)
		reason = "lies outside the pool";
	else if (was[p] || committed[p])
		reason = "was in use";
	else if (t->held[p])
		reason = "waits for a TLB flush";
	if (!reason)
		return 0;
	return why_set(&t->why, "frame %#llx handed out, but it %s",
		       (unsigned long long)pa, reason);
}

/* Look up which frames were handed out, and that nobody had them. */
static int learn(struct twin *t, const struct op *op, const uint32_t *was)
{
	struct oracle_space *s = &t->now.space[op->space];
	uint64_t last = op->va + (op->len - 1);
	uint32_t *taken = calloc(t->now.pages, sizeof(*taken));
	struct ext_list got = { 0 };
	int err;

	if (!taken)
		abort();
	if (t->in_txn)
		(void)oracle_refs(&t->before, taken);
	err = view_iterate(&t->handle[op->space], op->va, last, &got, &t->why);
	if (!err)
		err = oracle_diff(s, op->va, last, &got, true, &t->why);
	for (uint64_t va = op->va; !err; va += PPT_PAGE_BYTES) {
		const struct oracle_ext *ext = oracle_find(s, va);
		uint64_t pa = ext->pa + (va - ext->va);

		err = judge_frame(t, pa, was, taken);
		if (err)
			break;
		taken[oracle_pool_page(&t->now, pa)] = 1;
		t->now.tag[oracle_pool_page(&t->now, pa)] =
			op->flags & PPT_MAP_UNZEROED ? TAG_ANY : TAG_ZERO;
		if (last - va < PPT_PAGE_BYTES)
			break;
	}
	ext_free(&got);
	free(taken);
	return err;
}

static int succeed(struct twin *t, const struct op *op)
{
	uint32_t *was = calloc(t->now.pages, sizeof(*was));
	int err = 0;

	if (!was)
		abort();
	if (t->diag.err != DIAG_POISON)
		err = refuse(t, "and filled in the diagnostic");
	(void)oracle_refs(&t->now, was);
	note_tlb(t, op);
	oracle_apply(&t->now, op);
	if (!err && op->kind == OP_MAP && op->pa == PPT_PA_ALLOC)
		err = learn(t, op, was);
	oracle_sweep_tags(&t->now);
	if (!err && !t->in_txn) {
		hold_freed(t, was, &t->now);
		err = judge_tlb(t);
	}
	free(was);
	return err;
}

int twin_step(struct twin *t, const struct op *op)
{
	struct expect e;

	t->steps++;
	oracle_expect(&t->now, op, &e);
	t->result = run(t, op);
	if (t->result)
		return judge_failure(t, op, &e);
	if (!e.may_succeed && !is_orphan(t, op, &e))
		return refuse(t, "an error was expected");
	return succeed(t, op);
}

static int call(struct twin *t, const char *name, int err)
{
	if (!err)
		return 0;
	return why_set(&t->why, "%s: %s", name, ppt_error_name(err));
}

int twin_begin(struct twin *t)
{
	int err = call(t, "ppt_begin", ppt_begin(t->view.pool));

	if (!err && ppt_begin(t->view.pool) != PPT_E_BUSY)
		err = why_set(&t->why, "a second ppt_begin is not refused");
	if (err)
		return err;
	oracle_copy(&t->before, &t->now);
	t->in_txn = true;
	return 0;
}

static void end_txn(struct twin *t, bool keep)
{
	uint32_t *was;

	t->in_txn = false;
	if (!keep) {
		oracle_free(&t->now);
		t->now = t->before;
		return;
	}
	was = calloc(t->now.pages, sizeof(*was));
	if (!was)
		abort();
	(void)oracle_refs(&t->before, was);
	hold_freed(t, was, &t->now);
	oracle_free(&t->before);
	free(was);
}

static int find_spaces(struct twin *t)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct oracle_space *s = &t->now.space[i];

		if (s->exists &&
		    ppt_space_open(t->view.pool, s->name, &t->handle[i], NULL))
			return why_set(&t->why, "space %s is gone", s->name);
	}
	return 0;
}

int twin_commit(struct twin *t)
{
	int err = ppt_commit(t->view.pool);

	t->result = err;
	end_txn(t, err == 0);
	if (err) {
		t->must_va = 1;
		t->must_last = 0;
		t->too_big++;
		return err == PPT_E_TOOBIG ? find_spaces(t) :
					     call(t, "ppt_commit", err);
	}
	return judge_tlb(t);
}

int twin_abort(struct twin *t)
{
	int err = call(t, "ppt_abort", ppt_abort(t->view.pool));

	end_txn(t, false);
	t->must_va = 1;
	t->must_last = 0;
	return err ? err : find_spaces(t);
}

int twin_relaxed(struct twin *t, bool on)
{
	t->relaxed = on;
	return call(t, "ppt_set_relaxed", ppt_set_relaxed(t->view.pool, on));
}

int twin_sync(struct twin *t)
{
	return call(t, "ppt_sync", ppt_sync(t->view.pool));
}

int twin_flush_tlb(struct twin *t)
{
	struct ppt_tlb_gather gather = { 0 };
	int err = 0;

	ppt_tlb_pending(t->view.pool, &gather);
	if (gather.ticket)
		err = call(t, "ppt_tlb_flushed",
			   ppt_tlb_flushed(t->view.pool, gather.ticket));
	memset(t->held, 0, t->now.pages);
	t->must_va = 1;
	t->must_last = 0;
	return err;
}

int twin_fill(struct twin *t, struct rng *r)
{
	int err = view_check_media(&t->view, &t->now, &t->why);
	uint32_t *refs = calloc(t->now.pages, sizeof(*refs));

	if (!refs)
		abort();
	(void)oracle_refs(&t->now, refs);
	for (uint64_t i = 0; i < t->now.pages && !err; i++)
		if (refs[i] && t->now.tag[i] < TAG_FILL && rng_once_in(r, 2))
			tag_fill(&t->view, &t->now, i, t->next_tag++);
	free(refs);
	return err;
}

/* Follow the tables to the leaf of @va; NULL if there is none. */
static uint64_t *leaf_word(struct twin *t, uint64_t root_pa, unsigned levels,
			   uint64_t va)
{
	uint64_t base = t->now.regions.region[0].base;
	uint64_t pa = root_pa;

	for (unsigned level = levels; level; level--) {
		uint64_t slot = va >> (12 + 9 * (level - 1)) & 511;
		uint64_t *word = (uint64_t *)(void *)(t->view.writable +
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

void twin_touch(struct twin *t, struct rng *r)
{
	/* an open transaction is not where the MMU could see it */
	const struct oracle *o = t->in_txn ? &t->before : &t->now;

	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct oracle_space *s = &o->space[i];
		struct ppt_space_info info;

		if (!s->exists || !s->map.count ||
		    ppt_space_info(&t->handle[i], &info, NULL))
			continue;
		for (unsigned k = 0; k < 16; k++) {
			const struct oracle_ext *ext =
				&s->map.ext[rng_below(r, s->map.count)];
			uint64_t va = ext->va + rng_below(r, ext->len);
			uint64_t *word = leaf_word(
				t, info.root_pa, format_levels(s->format), va);

			if (word && ext->prot & PPT_PROT_WRITE)
				*word |= 0x40; /* dirty */
		}
	}
}

int twin_reopen(struct twin *t, struct view view)
{
	t->view = view;
	t->relaxed = false;
	/* a restart has flushed every TLB */
	memset(t->held, 0, t->now.pages);
	t->must_va = 1;
	t->must_last = 0;
	return find_spaces(t);
}

int twin_check(struct twin *t)
{
	int err = view_check_library(&t->view, &t->now, &t->why);

	if (!err)
		err = view_check_media(&t->view, &t->now, &t->why);
	if (!err)
		err = view_check_usage(&t->view, &t->now, false, &t->why);
	return err;
}
