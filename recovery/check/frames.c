/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: tables, by workers; the part that looks at the frames of the pool that
 * leaves map.  Runs of leaves whose frames follow each other are one piece.
 */
#include "recovery/check/check.h"

static enum ppt_problem_id wrong(const struct ppt_check *c, uint64_t page)
{
	uint64_t desc;

	if (c->any_held && ppt__check_bit(c->held, page))
		return PPT_PROBLEM_ENTRY_HELD;
	if (page < c->pool->at.first_page)
		return PPT_PROBLEM_LEAF_METADATA;
	desc = ppt__check_desc(c, (uint32_t)page);
	if (ppt__desc_type(desc) == PPT__DESC_DATA)
		return PPT_PROBLEM_COUNT;
	if (ppt__desc_is_table(desc) || ppt__desc_type(desc) == PPT__DESC_META)
		return PPT_PROBLEM_LEAF_METADATA;
	return PPT_PROBLEM_LEAF_FREE;
}

/* [page, end) of which each is a data page, as far as a look at all tells. */
static uint64_t skip(const struct ppt_check *c, uint64_t page, uint64_t end)
{
	while (!c->any_held && page % PPT_PAGE_WORDS == 0 &&
	       page + PPT_PAGE_WORDS <= end &&
	       ppt__check_bit(c->data, page / PPT_PAGE_WORDS))
		page += PPT_PAGE_WORDS;
	return page;
}

void ppt__check_frames(struct ppt__check_table *t, uint64_t leaf_pages)
{
	const struct ppt_check *c = t->worker->check;
	uint32_t *diff = t->worker->diff;
	uint64_t page = t->run;

	while ((page = skip(c, page, t->run_end)) < t->run_end) {
		uint64_t leaf = (page - t->run) / leaf_pages;
		enum ppt_problem_id id = PPT_PROBLEM_COUNT;

		if (ppt__check_desc(c, (uint32_t)page) != c->pool->desc_data ||
		    page < c->pool->at.first_page || c->any_held)
			id = wrong(c, page);
		if (id == PPT_PROBLEM_COUNT) {
			page++;
			continue;
		}
		ppt__check_entry(t, id, t->run_slot + (uint32_t)leaf, page);
		page = t->run + (leaf + 1) * leaf_pages; /* once for a leaf */
	}
	if (t->counts) {
		diff[t->run]++;
		diff[t->run_end]--;
	}
}
