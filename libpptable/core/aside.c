/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/aside.h"

#include "core/table.h"
#include "format/mutant.h"

/* Extents that one call may reserve. */
#define EXTENTS_MAX 256u

struct reservation {
	struct ppt__extent extent[EXTENTS_MAX];
	uint32_t count;
	uint32_t slot;
};

/* The first stretch of so many empty slots of the reclaim list. */
static bool find_slots(struct ppt_pool *pool, uint32_t n, uint32_t *slot)
{
	uint32_t run = 0;

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item = ppt__load(pool, pool->at.reclaim_page, s);

		run = item ? 0 : run + 1;
		if (run < n)
			continue;
		*slot = s + 1 - n;
		return true;
	}
	return false;
}

static int fill(struct ppt_pool *pool, void *arg)
{
	struct reservation *r = arg;

	for (uint32_t i = 0; i < r->count; i++) {
		uint64_t item = ppt__reclaim_item(PPT_M_RECLAIM_EXTENT,
						  r->extent[i].page,
						  r->extent[i].count);
		int err = ppt__table_set(pool, pool->at.reclaim_page,
					 r->slot + i, 1, item, 0);

		if (err)
			return err;
	}
	return 0;
}

/* Find the pages; those of frames are hidden while the others are sought. */
static int find_pages(struct ppt_pool *pool, struct reservation *r,
		      uint64_t tables, uint64_t frames, bool whole,
		      uint32_t *first_table, struct ppt_diag *diag)
{
	int err = 0;

	/* Frames first: whole stretches are rarer than pages. */
	if (frames)
		err = ppt__pages_find(pool, frames, whole, r->extent,
				      EXTENTS_MAX / 2, &r->count, diag);
	if (err)
		return err;
	*first_table = r->count;
	for (uint32_t i = 0; i < r->count; i++)
		ppt__pages_hold(pool, r->slot + i, r->extent[i]);
	err = ppt__pages_find(pool, tables, false, r->extent, EXTENTS_MAX,
			      &r->count, diag);
	ppt__pages_release(pool, r->slot, *first_table);
	return err;
}

int ppt__aside_reserve(struct ppt_pool *pool, struct ppt__aside *aside,
		       uint64_t tables, uint64_t frames, bool whole,
		       struct ppt_diag *diag)
{
	struct reservation r = { .count = 0 };
	uint32_t first;
	int err = ppt__reclaim_usable(pool, diag);

	if (err)
		return err;
	if (!find_slots(pool, EXTENTS_MAX, &r.slot))
		return ppt__fail(diag, PPT_E_NOSPC, "reclaim list",
				 "full; reclaim first", 0);
	err = find_pages(pool, &r, tables, frames, whole, &first, diag);
	if (!err && !PPT_MUTANT(INTENT_DROPPED))
		err = ppt__txn_side(pool, fill, &r);
	if (err)
		return err;
	for (uint32_t i = 0; i < r.count; i++)
		ppt__pages_hold(pool, r.slot + i, r.extent[i]);
	pool->txn.unfenced = !PPT_MUTANT(PARENT_FIRST);
	*aside = (struct ppt__aside){ .slot = r.slot,
				      .count = r.count,
				      .frames = first,
				      .at_table = first };
	if (PPT_MUTANT(INTENT_KEPT))
		return 0;
	return ppt__txn_reclaim(pool, r.slot, r.count, 0, diag);
}

int ppt__aside_table(struct ppt_pool *pool, struct ppt__aside *aside,
		     uint32_t *page)
{
	const struct ppt__extent *e =
		&pool->frames.held[aside->slot + aside->at_table];

	if (aside->at_table == aside->count)
		return PPT_E_NOSPC;
	*page = e->page + aside->in_table++;
	if (aside->in_table == e->count) {
		aside->in_table = 0;
		aside->at_table++;
	}
	return 0;
}

int ppt__aside_frames(struct ppt_pool *pool, struct ppt__aside *aside,
		      uint32_t want, bool zero, uint32_t *page, uint32_t *got)
{
	const struct ppt__extent *e =
		&pool->frames.held[aside->slot + aside->at_frame];
	uint32_t p = e->page + aside->in_frame;
	uint32_t n = e->count - aside->in_frame;

	if (aside->at_frame == aside->frames)
		return PPT_E_NOSPC;
	if (n > want)
		n = want;
	aside->in_frame += n;
	if (aside->in_frame == e->count) {
		aside->in_frame = 0;
		aside->at_frame++;
	}
	ppt__pm_stream_run(&pool->pm, ppt__word(pool->at.desc_page, 0) + p, n,
			   pool->desc_data, 0);
	if (zero)
		ppt__pm_stream_run(&pool->pm, ppt__word(p, 0),
				   (uint64_t)n * PPT_PAGE_WORDS, 0, 0);
	*page = p;
	*got = n;
	return 0;
}
