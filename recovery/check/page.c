/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: descriptors, by workers.  Each page's type, its place, checksum and
 * reserved bits; of tables all that table.c knows.
 */
#include "recovery/check/check.h"

/* Of pages without content of their own. */
static void check_plain(struct ppt__check_worker *w, uint32_t page,
			uint64_t desc)
{
	uint32_t seed = w->check->pool->seed, hi = ppt__desc_hi(desc);
	bool data = ppt__desc_type(desc) == PPT__DESC_DATA;

	if (desc != ppt__desc_plain(seed, hi))
		ppt__check_pages(w, PPT_PROBLEM_DESC_CHECKSUM, page, desc);
	else if (hi & (data ? 0x3f0u : ~15u))
		ppt__check_pages(w, PPT_PROBLEM_DESC_RESERVED, page, desc);
	else if (data && ppt__desc_share(desc) == 0)
		ppt__check_pages(w, PPT_PROBLEM_DESC_SHARE, page, desc);
}

/* Superblocks, ring, descriptors; the first metadata pages. */
static void check_fixed(struct ppt__check_worker *w, uint32_t page,
			uint64_t desc)
{
	const struct ppt_check *c = w->check;

	if (page < c->pool->at.dir_page ?
		    desc != c->desc_fixed :
		    ppt__desc_type(desc) != PPT__DESC_META)
		ppt__check_pages(w, PPT_PROBLEM_DESC_PLACE, page, desc);
}

static void check_page(struct ppt__check_worker *w, uint32_t page,
		       uint64_t desc)
{
	const struct ppt_check *c = w->check;

	if (page < c->pool->at.first_page) {
		check_fixed(w, page, desc);
		return;
	}
	if (c->any_held && ppt__check_bit(c->held, page)) {
		/* It may be anything, but no root and no directory page. */
		if (c->owner[page])
			ppt__check_at(w, PPT_PROBLEM_ENTRY_HELD, page, desc);
		return;
	}
	switch (ppt__desc_type(desc)) {
	case PPT__DESC_FREE:
	case PPT__DESC_DATA:
		check_plain(w, page, desc);
		return;
	case PPT__DESC_META: /* the directory's are checked with it */
		return;
	case PPT__DESC_FIXED:
		ppt__check_pages(w, PPT_PROBLEM_DESC_PLACE, page, desc);
		return;
	default:
		break;
	}
	if (ppt__desc_is_table(desc) &&
	    ppt__desc_type(desc) <= PPT__DESC_TABLE + PPT__LEVELS_MAX)
		ppt__check_table(w, page, desc);
	else
		ppt__check_pages(w, PPT_PROBLEM_DESC_TYPE, page, desc);
}

void ppt__check_stretch(struct ppt__check_worker *w, uint32_t stretch)
{
	const struct ppt_check *c = w->check;
	uint64_t first = (uint64_t)stretch * PPT_PAGE_WORDS;
	uint64_t usual[2] = { c->pool->desc_free, c->pool->desc_data };
	const uint64_t *desc = ppt__pm_view(
		&c->pm, ppt__word(c->pool->at.desc_page, 0) + first,
		PPT_PAGE_WORDS);

	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++) {
		uint64_t d = __atomic_load_n(desc + i, __ATOMIC_RELAXED);

		if (first + i >= c->pool->at.pages) {
			if (d != c->desc_fixed)
				ppt__check_at(w, PPT_PROBLEM_DESC_PADDING,
					      ppt__desc_page_of(
						      c->pool, (uint32_t)first),
					      i);
			continue;
		}
		/* Most pages, in no time. */
		if ((d == usual[0] || d == usual[1]) &&
		    first + i >= c->pool->at.first_page)
			continue;
		check_page(w, (uint32_t)(first + i), d);
	}
}
