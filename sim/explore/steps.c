/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.c - steps of rows, on library and oracle.
 *
 * Layer: sim.
 */
#include "sim/explore/steps.h"

#include <string.h>

#include "sim/explore/pattern.h"
#include "sim/oracle/hw_walk.h"
#include "sim/oracle/view.h"

int step_failed(struct world *w, const char *call, int err,
		const struct ppt_diag *diag)
{
	return why_set(&w->why, "%s: %s (%s: %s at %#llx)", call,
		       ppt_error_name(err),
		       diag && diag->what ? diag->what : "?",
		       diag && diag->why ? diag->why : "?",
		       (unsigned long long)(diag ? diag->at : 0));
}

static int result(struct world *w, const char *call, int err)
{
	return err ? step_failed(w, call, err, NULL) : 0;
}

/* ------------------------------------------------------------- states -- */

struct world_state *step_push(struct world *w)
{
	struct world_state *s = &w->state[w->states];

	if (w->states == WORLD_STATES_MAX) {
		(void)why_set(&w->why, "more than %u states", WORLD_STATES_MAX);
		return NULL;
	}
	s->none = false;
	oracle_copy(&s->o, &w->now);
	w->states++;
	return s;
}

void step_pushed(struct world *w)
{
	oracle_free(&w->now);
	oracle_copy(&w->now, &w->state[w->states - 1].o);
	if (!w->relaxed)
		w->low = w->states - 1;
}

static int confirm_tlb(struct world *w)
{
	struct ppt_tlb_gather gather = { 0 };

	ppt_tlb_pending(w->pool, &gather);
	if (!gather.ticket)
		return 0;
	return result(w, "ppt_tlb_flushed",
		      ppt_tlb_flushed(w->pool, gather.ticket));
}

/* --------------------------------------------------------- operations -- */

static int call(struct world *w, const struct op *op, struct ppt_space *s)
{
	static const char *const name[] = { "ppt_map", "ppt_unmap",
					    "ppt_protect", "ppt_space_create",
					    "ppt_space_delete" };
	const char *space = w->now.space[op->space].name;
	struct ppt_diag diag = { 0 };
	int err = 0;

	if (op->kind < OP_SPACE_CREATE)
		err = ppt_space_open(w->pool, space, s, &diag);
	if (err)
		return step_failed(w, "ppt_space_open", err, &diag);
	switch (op->kind) {
	case OP_MAP:
		err = ppt_map(s, op->va, op->pa, op->len, op->prot, op->flags,
			      &diag);
		break;
	case OP_UNMAP:
		err = ppt_unmap(s, op->va, op->len, &diag);
		break;
	case OP_PROTECT:
		err = ppt_protect(s, op->va, op->len, op->prot, &diag);
		break;
	case OP_SPACE_CREATE:
		err = ppt_space_create(w->pool, space, op->format, NULL, &diag);
		break;
	case OP_SPACE_DELETE:
		err = ppt_space_delete(w->pool, space, &diag);
		break;
	}
	return err ? step_failed(w, name[op->kind], err, &diag) : 0;
}

/* Which frames were handed out; they are zero. */
static int learn(struct world *w, const struct op *op, struct ppt_space *space,
		 struct oracle *o)
{
	struct oracle_space *s = &o->space[op->space];
	uint64_t last = op->va + (op->len - 1);
	struct ext_list got = { 0 };
	int err = view_iterate(space, op->va, last, &got, &w->why);

	if (!err)
		err = oracle_diff(s, op->va, last, &got, true, &w->why);
	for (size_t i = 0; !err && i < got.count; i++) {
		uint64_t page = oracle_pool_page(o, got.ext[i].pa);

		for (uint64_t n = got.ext[i].len / PPT_PAGE_BYTES; n; n--)
			o->tag[page++] = TAG_ZERO;
	}
	ext_free(&got);
	return err;
}

static int step_one(struct world *w, const struct op *op, struct oracle *to)
{
	struct ppt_space space = { 0 };

	oracle_apply(to, op);
	oracle_sweep_tags(to);
	if (call(w, op, &space))
		return -1;
	if (op->kind == OP_MAP && op->pa == PPT_PA_ALLOC)
		return learn(w, op, &space, to);
	return 0;
}

int step_op(struct world *w, const struct op *op)
{
	struct world_state *s = step_push(w);

	if (!s || step_one(w, op, &s->o))
		return -1;
	step_pushed(w);
	return confirm_tlb(w);
}

int step_txn(struct world *w, const struct op *op, unsigned n)
{
	struct world_state *s = step_push(w);

	if (!s || result(w, "ppt_begin", ppt_begin(w->pool)))
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (step_one(w, &op[i], &s->o))
			return -1;
	if (result(w, "ppt_commit", ppt_commit(w->pool)))
		return -1;
	step_pushed(w);
	return confirm_tlb(w);
}

static struct op map_op(unsigned space, uint64_t va, uint64_t pa,
			uint64_t pages, uint32_t flags)
{
	return (struct op){ .kind = OP_MAP,
			    .space = space,
			    .va = va,
			    .pa = pa,
			    .len = pages * PPT_PAGE_BYTES,
			    .prot = STEP_RW,
			    .flags = flags };
}

int step_map(struct world *w, unsigned space, uint64_t va, uint64_t pa,
	     uint64_t pages)
{
	struct op op = map_op(space, va, pa, pages, 0);

	return step_op(w, &op);
}

int step_replace(struct world *w, unsigned space, uint64_t va, uint64_t pa,
		 uint64_t pages)
{
	struct op op = map_op(space, va, pa, pages, PPT_MAP_REPLACE);

	return step_op(w, &op);
}

int step_unmap(struct world *w, unsigned space, uint64_t va, uint64_t pages)
{
	struct op op = { .kind = OP_UNMAP,
			 .space = space,
			 .va = va,
			 .len = pages * PPT_PAGE_BYTES };

	return step_op(w, &op);
}

int step_protect(struct world *w, unsigned space, uint64_t va, uint64_t pages,
		 uint32_t prot)
{
	struct op op = { .kind = OP_PROTECT,
			 .space = space,
			 .va = va,
			 .len = pages * PPT_PAGE_BYTES,
			 .prot = prot };

	return step_op(w, &op);
}

int step_need_space(struct world *w, unsigned space)
{
	struct op op = { .kind = OP_SPACE_CREATE,
			 .space = space,
			 .format = space % 2 ? PPT_FORMAT_X86_64_5 :
					       PPT_FORMAT_X86_64_4 };

	return w->now.space[space].exists ? 0 : step_op(w, &op);
}

int step_need(struct world *w, unsigned space, uint64_t va, uint64_t pa,
	      uint64_t pages)
{
	uint64_t last = va + (pages * PPT_PAGE_BYTES - 1);

	if (step_need_space(w, space))
		return -1;
	if (!oracle_has_hole(&w->now.space[space], va, last))
		return 0;
	if (step_replace(w, space, va, pa, pages))
		return -1;
	return pa == PPT_PA_ALLOC ? step_fill(w) : 0;
}

int step_need_frame(struct world *w)
{
	return step_need(w, 0, AT_FRAME, PPT_PA_ALLOC, 1);
}

uint64_t step_frame(const struct world *w)
{
	return oracle_find(&w->now.space[0], AT_FRAME)->pa;
}

int step_need_other(struct world *w)
{
	return step_need_frame(w) ?
		       -1 :
		       step_need(w, 2, AT_SHARED, step_frame(w), 1);
}

/* ------------------------------------------------------- frames' user -- */

static int fill_page(struct world *w, uint64_t page)
{
	uint64_t *word = w->pm.writable;
	uint32_t tag = TAG_FILL + w->tags++;
	struct world_state *s;

	word += page * PPT_PAGE_WORDS;
	if (w->now.tag[page] == TAG_ZERO)
		for (unsigned i = 0; i < PPT_PAGE_WORDS; i++)
			if (word[i])
				return why_set(&w->why,
					       "frame %llu is not zero",
					       (unsigned long long)page);
	for (unsigned i = 0; i < PPT_PAGE_WORDS; i++)
		word[i] = pattern_word(tag, page, i);
	if (w->user)
		w->user(w->ctx, page * PPT_PAGE_BYTES, PPT_PAGE_BYTES);
	s = step_push(w);
	if (!s)
		return -1;
	s->o.tag[page] = tag;
	step_pushed(w);
	return 0;
}

int step_fill(struct world *w)
{
	uint32_t *refs = calloc(w->now.pages, sizeof(*refs));
	int err = 0;

	if (!refs)
		abort();
	(void)oracle_refs(&w->now, refs);
	for (uint64_t i = 0; i < w->now.pages && !err; i++)
		if (refs[i] && w->now.tag[i] < TAG_FILL)
			err = fill_page(w, i);
	free(refs);
	return err;
}

/* ------------------------------------------------------------- others -- */

int step_checkpoint(struct world *w)
{
	return result(w, "ppt_checkpoint", ppt_checkpoint(w->pool));
}

int step_give_up(struct world *w, unsigned space, uint64_t va, uint64_t pages)
{
	struct ppt_space handle;
	int err = ppt_space_open(w->pool, w->now.space[space].name, &handle,
				 NULL);

	if (!err)
		err = ppt_begin(w->pool);
	if (!err)
		err = ppt_map(&handle, va, PPT_PA_ALLOC, pages * PPT_PAGE_BYTES,
			      STEP_RW, 0, NULL);
	if (!err)
		err = ppt_abort(w->pool);
	return result(w, "giving up a map", err);
}

/* Other rights for every other page and, with them, back again. */
static int toggle(struct world *w, struct ppt_space *space, uint64_t va,
		  uint64_t pages)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		int err = ppt_begin(w->pool);

		for (uint64_t i = 0; i < pages && !err; i += 2)
			err = ppt_protect(space, va + i * PPT_PAGE_BYTES,
					  PPT_PAGE_BYTES,
					  turn ? STEP_RW : PPT_PROT_READ, NULL);
		if (!err)
			err = ppt_commit(w->pool);
		if (err)
			return result(w, "filling the journal", err);
	}
	return 0;
}

int step_fill_ring(struct world *w, unsigned space, uint64_t va, uint64_t pages,
		   uint64_t past)
{
	const uint64_t lines = PPT_JOURNAL_BYTES_MIN / PPT_LINE_BYTES;
	struct ppt_space handle;
	struct ppt_diag diag = { 0 };
	struct ppt_stats stats;
	int err = ppt_space_open(w->pool, w->now.space[space].name, &handle,
				 &diag);

	if (err)
		return step_failed(w, "ppt_space_open", err, &diag);
	w->quiet = true;
	for (uint64_t i = 0; i < lines && !err; i++) {
		ppt_stats(w->pool, &stats);
		if (stats.live_lines >= lines / 2 + past)
			break;
		err = toggle(w, &handle, va,
			     stats.live_lines + pages < lines / 2 ? pages : 2);
	}
	w->quiet = false;
	return err;
}

int step_reclaim(struct world *w)
{
	bool left = true;

	for (unsigned i = 0; left; i++) {
		if (i == 1000)
			return why_set(&w->why, "ppt_reclaim never ends");
		if (result(w, "ppt_reclaim", ppt_reclaim(w->pool, 64, &left)) ||
		    confirm_tlb(w))
			return -1;
	}
	return 0;
}

int step_relaxed(struct world *w, bool on)
{
	w->relaxed = on;
	return result(w, "ppt_set_relaxed", ppt_set_relaxed(w->pool, on));
}

int step_sync(struct world *w)
{
	if (result(w, "ppt_sync", ppt_sync(w->pool)))
		return -1;
	w->low = w->states - 1;
	return confirm_tlb(w);
}

int step_attach(struct world *w)
{
	struct ppt_attach_config cfg = { .pm = w->pm,
					 .scratch = w->scratch,
					 .scratch_bytes = w->scratch_bytes,
					 .present = world_present(w),
					 .flags = w->attach_flags |
						  PPT_ATTACH_DRAM_KEPT,
					 .trust = w->trust,
					 .lost = w->lost };
	struct ppt_diag diag = { 0 };
	int err = ppt_attach(&cfg, &w->pool, NULL, &diag);

	if (!err)
		return 0;
	w->pool = NULL;
	return step_failed(w, "ppt_attach", err, &diag);
}

/* Under an MMU: what it finds is what the library said, or nothing yet. */
static int check_hardware(struct world *w, struct ppt_space *space,
			  const struct ppt_fault *f)
{
	const struct ppt_memory_map *map = &w->now.regions;
	static uint8_t owner[IMAGE_PAGES_MAX];
	struct ppt_space_info info;
	struct ext_list seen = { 0 };
	struct hw_walk walk = { .media = w->pm.media,
				.bytes = w->pm.bytes,
				.pool_base = map->region[0].base,
				.owner = owner,
				.out = &seen,
				.why = &w->why };
	bool found = false;
	int err;

	if (w->attach_flags & PPT_ATTACH_NO_MMU)
		return 0;
	memset(owner, 0, sizeof(owner));
	err = ppt_space_info(space, &info, NULL);
	if (err)
		return result(w, "ppt_space_info", err);
	err = hw_walk(&walk, info.root_pa, info.format);
	for (size_t i = 0; f && i < seen.count; i++) {
		const struct oracle_ext *e = &seen.ext[i];

		found |= f->va - e->va < e->len &&
			 e->pa + (f->va - e->va) == f->pa;
	}
	if (!err && !f && seen.count)
		err = why_set(&w->why, "hardware reaches what nobody touched");
	if (!err && f && !found)
		err = why_set(&w->why, "hardware does not reach what is armed");
	ext_free(&seen);
	return err;
}

int step_fault(struct world *w, unsigned space, uint64_t va,
	       enum ppt_fault_kind kind)
{
	const struct oracle_ext *want = oracle_find(&w->now.space[space], va);
	struct ppt_diag diag = { 0 };
	struct ppt_space handle;
	struct ppt_fault f = { 0 };
	int err = ppt_space_open(w->pool, w->now.space[space].name, &handle,
				 &diag);

	if (!err)
		err = ppt_fault(&handle, va, PPT_ACCESS_READ, &f, &diag);
	if (err)
		return step_failed(w, "ppt_fault", err, &diag);
	if (f.kind == PPT_FAULT_SPURIOUS)
		f.kind = PPT_FAULT_ARMED;
	if (f.kind != (uint32_t)kind)
		return why_set(&w->why, "ppt_fault %#llx: %s, expected %s",
			       (unsigned long long)va, ppt_fault_name(f.kind),
			       ppt_fault_name(kind));
	if (kind != PPT_FAULT_ARMED)
		return 0;
	if (!want || f.pa != want->pa + (f.va - want->va))
		return why_set(&w->why, "ppt_fault %#llx: pa %#llx",
			       (unsigned long long)va,
			       (unsigned long long)f.pa);
	return check_hardware(w, &handle, &f);
}

int step_untouched(struct world *w, unsigned space)
{
	struct ppt_space handle;
	int err = ppt_space_open(w->pool, w->now.space[space].name, &handle,
				 NULL);

	return err ? result(w, "ppt_space_open", err) :
		     check_hardware(w, &handle, NULL);
}

int step_cure(struct world *w, unsigned space, uint64_t va)
{
	struct op op = map_op(space, va, PPT_PA_ALLOC, 1, PPT_MAP_REPLACE);
	struct world_state *s = step_push(w);
	struct ppt_space handle;

	if (!s)
		return -1;
	oracle_apply(&s->o, &op);
	oracle_sweep_tags(&s->o);
	if (step_fault(w, space, va, PPT_FAULT_REPLACED))
		return -1;
	if (ppt_space_open(w->pool, w->now.space[space].name, &handle, NULL) ||
	    learn(w, &op, &handle, &s->o))
		return -1;
	step_pushed(w);
	return confirm_tlb(w);
}

int step_settle(struct world *w, uint64_t pages)
{
	struct ppt_settle_report r = { .left = true };

	for (unsigned i = 0; r.left; i++) {
		if (i == 1000)
			return why_set(&w->why, "ppt_settle never ends");
		if (result(w, "ppt_settle", ppt_settle(w->pool, pages, &r)))
			return -1;
		if (r.tables_damaged)
			return why_set(&w->why,
				       "ppt_settle: table %u is "
				       "damaged",
				       r.first_damaged);
	}
	return 0;
}

static uint64_t generation(struct world *w)
{
	struct ppt_geometry g = { 0 };

	return ppt_probe(w->pm.media, w->pm.bytes, &g, NULL) ? 0 : g.generation;
}

int step_close(struct world *w)
{
	return result(w, "ppt_detach", ppt_detach(w->pool)) ? -1 :
							      step_attach(w);
}

int step_restart(struct world *w, const struct ppt_memory_map *map)
{
	uint64_t before = generation(w);
	struct world_state *s;

	w->pool = NULL;
	if (map) {
		w->present = *map;
		w->moved = true;
		s = step_push(w);
		if (!s)
			return -1;
		oracle_rebase(&s->o, map);
	}
	if (step_attach(w))
		return -1;
	if (!map)
		return 0;
	if (generation(w) <= before)
		return why_set(&w->why,
			       "memory has moved, and the superblock's "
			       "generation has not risen");
	step_pushed(w);
	return 0;
}

int step_create(struct world *w, const struct ppt_memory_map *map)
{
	struct ppt_create_config cfg = {
		.pm = w->pm,
		.uuid = map->region[0].uuid,
		.phys_base = map->region[0].base,
		.journal_bytes = PPT_JOURNAL_BYTES_MIN,
		.regions = { .count = map->count - 1 },
	};
	struct ppt_diag diag = { 0 };
	int err;

	for (uint32_t i = 1; i < map->count; i++)
		cfg.regions.region[i - 1] = map->region[i];
	err = ppt_create(&cfg, &diag);
	return err ? step_failed(w, "ppt_create", err, &diag) : 0;
}

int step_format(struct world *w, unsigned n)
{
	struct ppt_memory_map map = w->now.regions;
	struct world_state *none = step_push(w);
	struct world_state *empty = step_push(w);

	if (!none || !empty)
		return -1;
	/*
	 * The map of a restart would have to name one pool or the other.  None
	 * is needed: that memory has moved is recorded by now.
	 */
	w->moved = false;
	w->pool = NULL;
	none->none = true;
	map.region[0].uuid.b[15] = (uint8_t)(0xf0 + n);
	oracle_free(&empty->o);
	oracle_init(&empty->o, &map);
	if (step_create(w, &map))
		return -1;
	step_pushed(w);
	return step_attach(w);
}
