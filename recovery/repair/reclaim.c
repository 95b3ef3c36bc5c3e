/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: reclaim list.  Items that are not valid, or name what something else
 * leads to, are dropped; what they named is freed if nothing leads to it.
 */
#include "recovery/repair/repair.h"

static bool load_list(struct ppt__repair *r, uint64_t *word, bool *empty)
{
	struct ppt__believe b = { .page = r->pool->at.reclaim_page };
	int epoch;
	bool fine = ppt__repair_load(r, &b, word, &epoch) != PPT__BELIEF_NONE;

	*empty = !b.lines;
	return fine;
}

/* Items are told apart by page: that of an extent is in no other. */
static bool mark_extent(struct ppt__repair *r, uint32_t slot, uint64_t item)
{
	uint64_t page = ppt__reclaim_page(item);
	uint64_t end = page + ppt__reclaim_count(item);

	if (end == page || page < r->pool->at.first_page ||
	    end > r->pool->at.pages)
		return false;
	for (uint64_t p = page; p < end; p++)
		if (!ppt__repair_unused(r, p))
			return false;
	(void)ppt__check_hold(r->c, (uint32_t)page, ppt__reclaim_count(item));
	r->slot[page] = (uint16_t)slot;
	return true;
}

static void mark_tree(struct ppt__repair *r, uint32_t slot, uint64_t item)
{
	uint32_t list = r->pool->at.reclaim_page;
	struct ppt__believe b = { .page = ppt__reclaim_page(item) };
	uint64_t desc;

	if (ppt__reclaim_count(item) || !ppt__repair_unused(r, b.page))
		return;
	desc = ppt__check_desc(r->c, b.page);
	b.level = ppt__desc_level(desc);
	b.family = ppt__check_family(ppt__desc_family(desc));
	if (b.family && b.level && b.level <= PPT__LEVELS_MAX &&
	    ppt__repair_look(r, &b) >= PPT__BELIEF_CORRECTED)
		ppt__repair_mark(r, b.page, b.level, list, slot);
}

void ppt__repair_mark_reclaim(struct ppt__repair *r)
{
	uint32_t list = r->pool->at.reclaim_page;
	bool empty, fine = load_list(r, r->loaded, &empty);

	ppt__repair_mark(r, list, PPT__USE_META | (fine ? 0 : PPT__USE_DOUBTED),
			 list, 0);
	for (uint32_t s = 0; fine && !empty && s < PPT_PAGE_WORDS; s++) {
		uint64_t item = r->loaded[s];

		if (item & 0xff0)
			continue;
		if (ppt__reclaim_kind(item) == PPT_M_RECLAIM_EXTENT)
			(void)mark_extent(r, s, item);
		else if (ppt__reclaim_kind(item) == PPT_M_RECLAIM_TREE ||
			 ppt__reclaim_kind(item) == PPT_M_RECLAIM_TABLES)
			mark_tree(r, s, item);
	}
}

static bool keep(const struct ppt__repair *r, uint32_t slot, uint64_t item)
{
	uint64_t page = ppt__reclaim_page(item);

	if (item & 0xff0 || !ppt__check_inside(r->c, page))
		return false;
	if (ppt__reclaim_kind(item) == PPT_M_RECLAIM_EXTENT)
		return ppt__repair_held(r, page) && r->slot[page] == slot &&
		       ppt__reclaim_count(item);
	return !ppt__reclaim_count(item) &&
	       ppt__repair_leads(r, r->pool->at.reclaim_page, slot, page);
}

void ppt__repair_reclaim(struct ppt__repair *r)
{
	uint32_t list = r->pool->at.reclaim_page;
	uint64_t *word = r->written;
	bool empty;

	(void)load_list(r, word, &empty);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS && !empty; s++)
		if (r->use[list] & PPT__USE_DOUBTED || !keep(r, s, word[s]))
			word[s] = 0;
	if (ppt__repair_write(r, list, word,
			      ppt__desc_page(r->pool->seed, list,
					     ppt__desc_meta(), word)))
		ppt__repair_at(r, PPT_ACTION_RECLAIM, list);
}
