/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * damage.c - steps of damage, and of its repair.
 *
 * Layer: sim.  Damage is done to a pool that nobody has open.  It is durable at
 * once, and all that comes before the repair comes with it; so a crash from then
 * on may show one state only, and what that is the oracle says.
 */
#include "sim/explore/steps.h"

#include <stdlib.h>
#include <string.h>

#define LINE_WORDS (PPT_LINE_BYTES / 8)
#define TAIL_WORD 504u
#define PA_BITS 52u

/* ------------------------------------------------------------- repair -- */

/* What is lost is told, as a range that holds all of it. */
static void on_action(void *ctx, const struct ppt_action *a)
{
	const uint32_t where = PPT_WHERE_SPACE | PPT_WHERE_VA;
	struct world *w = ctx;

	for (unsigned i = 0; i < w->losses; i++) {
		struct world_loss *l = &w->loss[i];

		if (a->lossy && (a->where & where) == where &&
		    !strcmp(a->space, l->space) && a->va <= l->va &&
		    a->last >= l->last)
			l->told = true;
	}
}

int world_repair(struct world *w, struct ppt_repair_report *report,
		 struct ppt_diag *diag)
{
	const struct ppt_repair_config cfg = { .pm = w->pm,
					       .scratch = w->scratch,
					       .scratch_bytes =
						       w->scratch_bytes,
					       .pa_bits = PA_BITS,
					       .action = on_action,
					       .ctx = w };

	return ppt_repair(&cfg, report, diag);
}

int step_repair(struct world *w)
{
	struct ppt_repair_report report = { 0 };
	struct ppt_diag diag = { 0 };
	int err = world_repair(w, &report, &diag);

	if (err)
		return step_failed(w, "ppt_repair", err, &diag);
	if (!report.actions)
		return why_set(&w->why, "ppt_repair: nothing to do");
	for (unsigned i = 0; i < w->losses; i++)
		if (!w->loss[i].told)
			return why_set(&w->why,
				       "ppt_repair: does not tell that %s lost "
				       "%#llx",
				       w->loss[i].space,
				       (unsigned long long)w->loss[i].va);
	w->losses = 0;
	w->mend = false; /* it is durable */
	return step_attach(w);
}

/* -------------------------------------------------------------- words -- */

int step_die(struct world *w)
{
	w->pool = NULL;
	return 0;
}

static struct image_view view_of(const struct world *w)
{
	return (struct image_view){ .media = w->pm.media,
				    .words = w->pm.bytes / 8 };
}

static void told(struct world *w, uint64_t word, uint64_t n)
{
	w->mend = true;
	if (w->user)
		w->user(w->ctx, word * 8, n * 8);
}

static void flip(struct world *w, uint64_t word, unsigned bit)
{
	((uint64_t *)w->pm.writable)[word] ^= UINT64_C(1) << bit;
	told(w, word, 1);
}

/* What another part of the media could have held. */
static void ruin(struct world *w, uint64_t word, uint64_t n)
{
	uint64_t *media = w->pm.writable;
	struct rng r = { .state = word };

	for (uint64_t i = 0; i < n; i++)
		media[word + i] = rng_next(&r);
	told(w, word, n);
}

static int table_of(struct world *w, unsigned space, uint64_t va,
		    unsigned level, uint32_t *page)
{
	const struct image_view view = view_of(w);

	return image_find(&view, w->now.space[space].name, va, level, page,
			  &w->why);
}

static int places_of(struct world *w, struct image_places *out)
{
	const struct image_view view = view_of(w);

	return image_places(&view, out, &w->why);
}

/* --------------------------------------------------- nothing is lost -- */

int step_flip_entry(struct world *w, unsigned space, uint64_t va,
		    unsigned level, unsigned bit)
{
	uint32_t page;

	if (table_of(w, space, va, level, &page))
		return -1;
	flip(w, (uint64_t)page * PPT_PAGE_WORDS + (va >> (3 + 9 * level) & 511),
	     bit);
	return 0;
}

int step_flip_desc(struct world *w, unsigned space, uint64_t va, unsigned level,
		   unsigned bit)
{
	struct image_places at;
	uint32_t page;

	if (places_of(w, &at) || table_of(w, space, va, level, &page))
		return -1;
	flip(w, (uint64_t)at.desc_page * PPT_PAGE_WORDS + page, bit);
	return 0;
}

int step_ruin_superblock(struct world *w, unsigned copy, unsigned line)
{
	ruin(w, copy * (uint64_t)PPT_PAGE_WORDS + line * LINE_WORDS,
	     LINE_WORDS);
	return 0;
}

int step_ruin_tail(struct world *w, unsigned copy)
{
	ruin(w, copy * (uint64_t)PPT_PAGE_WORDS + TAIL_WORD, 1);
	return 0;
}

int step_ruin_reclaim(struct world *w)
{
	struct image_places at;

	if (places_of(w, &at))
		return -1;
	ruin(w, (uint64_t)at.reclaim_page * PPT_PAGE_WORDS, PPT_PAGE_WORDS);
	return 0;
}

static void fill(struct world *w, uint64_t word, int byte, uint64_t n)
{
	memset((uint64_t *)w->pm.writable + word, byte, n * 8);
	told(w, word, n);
}

/* To all ones, which no descriptor is. */
int step_wipe_descs(struct world *w, unsigned space, uint64_t va,
		    unsigned level)
{
	struct image_places at;
	uint64_t word;
	uint32_t page;

	if (places_of(w, &at) || table_of(w, space, va, level, &page))
		return -1;
	word = (uint64_t)at.desc_page * PPT_PAGE_WORDS;
	fill(w, word + page / LINE_WORDS * LINE_WORDS, 0xff, LINE_WORDS);
	return 0;
}

/* ----------------------------------------------------- some is lost -- */

static void lose(struct world *w, unsigned space, uint64_t va, uint64_t last)
{
	if (w->losses == WORLD_LOSSES_MAX)
		abort();
	w->loss[w->losses++] = (struct world_loss){ w->now.space[space].name,
						    va, last, false };
}

int step_ruin_table(struct world *w, unsigned space, uint64_t va,
		    unsigned level)
{
	uint64_t bytes = UINT64_C(1) << (12 + 9 * level);
	const struct op op = { .kind = OP_UNMAP,
			       .space = space,
			       .va = va & ~(bytes - 1),
			       .len = bytes };
	struct world_state *s;
	uint32_t page;

	if (table_of(w, space, va, level, &page))
		return -1;
	s = step_push(w);
	if (!s)
		return -1;
	oracle_apply(&s->o, &op);
	oracle_sweep_tags(&s->o);
	step_pushed(w);
	lose(w, space, op.va, op.va + (op.len - 1));
	ruin(w, (uint64_t)page * PPT_PAGE_WORDS, PPT_PAGE_WORDS);
	return 0;
}

int step_ruin_root(struct world *w, unsigned space)
{
	struct world_state *s;
	uint32_t page;

	if (table_of(w, space, 0, UINT32_MAX, &page))
		return -1;
	s = step_push(w);
	if (!s)
		return -1;
	s->o.space[space].map.count = 0;
	oracle_sweep_tags(&s->o);
	step_pushed(w);
	lose(w, space, 0, UINT64_MAX);
	ruin(w, (uint64_t)page * PPT_PAGE_WORDS, PPT_PAGE_WORDS);
	return 0;
}

/* Spaces are told by their roots; those that map nothing by nothing. */
static int rename_space(struct world *w, unsigned i, struct oracle_space *s)
{
	uint32_t root;

	s->exists &= s->map.count != 0;
	(void)snprintf(s->name, sizeof(s->name), "space-%u", i);
	if (!s->exists)
		return 0;
	if (table_of(w, i, 0, UINT32_MAX, &root))
		return -1;
	(void)snprintf(s->name, sizeof(s->name), "lost-%u", root);
	return 0;
}

int step_wipe_directory(struct world *w)
{
	struct world_state *s = step_push(w);
	struct image_places at;

	if (!s || places_of(w, &at))
		return -1;
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		if (rename_space(w, i, &s->o.space[i]))
			return -1;
	step_pushed(w);
	fill(w, (uint64_t)at.dir_page * PPT_PAGE_WORDS, 0, PPT_PAGE_WORDS);
	return 0;
}
