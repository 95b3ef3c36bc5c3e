/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: reclaim list.  Its checksum and every item.
 * Gathers: which pages are in extents, and so may be anything; the owners of
 * tables that wait to be freed.
 */
#include "recovery/check/check.h"

bool ppt__check_hold(struct ppt_check *c, uint32_t page, uint32_t count)
{
	uint64_t end = (uint64_t)page + count, any = 0;

	for (uint64_t p = page; p < end;) {
		uint32_t bit = p % 64;
		uint64_t n = 64 - bit < end - p ? 64 - bit : end - p;
		uint64_t mask = (n == 64 ? 0 : UINT64_C(1) << n) - 1;

		any |= c->held[p / 64] & mask << bit;
		c->held[p / 64] |= mask << bit;
		p += n;
	}
	c->any_held = true;
	return any != 0;
}

static void check_extent(struct ppt_check *c, uint32_t slot, uint64_t item)
{
	uint32_t list = c->pool->at.reclaim_page;
	uint32_t page = ppt__reclaim_page(item);
	uint32_t count = ppt__reclaim_count(item);

	if (page < c->pool->at.first_page || count == 0 ||
	    (uint64_t)page + count > c->pool->at.pages)
		ppt__check_word(c, PPT_PROBLEM_RECLAIM_EXTENT, list, slot,
				item);
	else if (ppt__check_hold(c, page, count))
		ppt__check_word(c, PPT_PROBLEM_RECLAIM_OVERLAP, list, slot,
				item);
}

static void check_tree(struct ppt_check *c, uint32_t slot, uint64_t item)
{
	uint32_t list = c->pool->at.reclaim_page;
	uint32_t page = ppt__reclaim_page(item);

	if (ppt__reclaim_count(item)) {
		ppt__check_word(c, PPT_PROBLEM_RECLAIM_ITEM, list, slot, item);
		return;
	}
	if (!ppt__check_inside(c, page) ||
	    !ppt__check_family(ppt__desc_family(ppt__check_desc(c, page))) ||
	    !ppt__desc_is_table(ppt__check_desc(c, page))) {
		ppt__check_word(c, PPT_PROBLEM_RECLAIM_ROOT, list, slot, item);
		return;
	}
	ppt__check_own(c, page, list);
}

void ppt__check_reclaim(struct ppt_check *c)
{
	uint32_t list = c->pool->at.reclaim_page;

	c->owner[list] = list;
	ppt__check_meta(c, PPT_PROBLEM_RECLAIM_CHECKSUM, list);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item = ppt__check_load(c, list, s);
		uint32_t kind = ppt__reclaim_kind(item);

		if (!item)
			continue;
		if (item & 0xff0 || kind < PPT_M_RECLAIM_EXTENT ||
		    kind > PPT_M_RECLAIM_TABLES)
			ppt__check_word(c, PPT_PROBLEM_RECLAIM_ITEM, list, s,
					item);
		else if (kind == PPT_M_RECLAIM_EXTENT)
			check_extent(c, s, item);
		else
			check_tree(c, s, item);
	}
}
