/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: links.  Every table above level 1 that is not waiting to be freed, for
 * the tables that its entries name.  Says nothing: what is wrong with an entry
 * is said by the pass over tables, which then knows where it is.
 * Gathers: the owner of each table, and which have more than one; which
 * stretches are data pages throughout.
 */
#include "recovery/check/check.h"

const struct ppt__check_family *ppt__check_family(uint32_t family)
{
	return family == PPT__FAMILY_X86_64 ? &ppt__check_x86_64 : NULL;
}

int ppt__check_epoch(const struct ppt_check *c, uint64_t desc)
{
	for (uint32_t i = 0; i < c->epochs; i++)
		if (((c->epoch_oldest + i) & 15u) == ppt__desc_epoch(desc))
			return (int)i;
	return -1;
}

bool ppt__check_follow(const struct ppt_check *c,
		       const struct ppt__check_family *f, int epoch,
		       uint32_t level, uint64_t entry, uint32_t *page)
{
	/* Of an unknown epoch: most likely it is the present one. */
	uint32_t map = epoch < 0 ? c->epochs - 1 : (uint32_t)epoch;
	uint64_t desc, at;
	ppt_pa_t pa;

	if (!f->table_pa(entry, level, &pa))
		return false;
	at = (pa - c->map[map].region[0].base) / PPT_PAGE_BYTES;
	if (!ppt__check_inside(c, at))
		return false;
	*page = (uint32_t)at;
	desc = ppt__check_desc(c, *page);
	return ppt__desc_type(desc) == PPT__DESC_TABLE + level - 1 &&
	       ppt__desc_family(desc) == f->family &&
	       !(c->any_held && ppt__check_bit(c->held, at));
}

static void follow_all(struct ppt_check *c, uint32_t page, uint64_t desc)
{
	const struct ppt__check_family *f =
		ppt__check_family(ppt__desc_family(desc));
	uint32_t level = ppt__desc_level(desc), child;
	int epoch = ppt__check_epoch(c, desc);
	const uint64_t *word;

	if (!f || level > PPT__LEVELS_MAX || ppt__check_bit(c->held, page))
		return;
	word = ppt__check_page(c, page);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = __atomic_load_n(word + s, __ATOMIC_RELAXED);

		if (e && ppt__check_follow(c, f, epoch, level, e, &child))
			ppt__check_own(c, child, page);
	}
}

void ppt__check_links(struct ppt_check *c)
{
	uint64_t first = ppt__word(c->pool->at.desc_page, 0);

	for (uint32_t k = 0; k < c->pool->at.desc_pages; k++) {
		uint64_t at = (uint64_t)k * PPT_PAGE_WORDS;
		const uint64_t *desc =
			ppt__pm_view(&c->pm, first + at, PPT_PAGE_WORDS);
		uint64_t left = c->pool->at.pages - at;
		uint32_t n = left < PPT_PAGE_WORDS ? (uint32_t)left :
						     PPT_PAGE_WORDS;
		bool data = true;

		for (uint32_t i = 0; i < n; i++) {
			uint64_t d =
				__atomic_load_n(desc + i, __ATOMIC_RELAXED);

			data &= ppt__desc_type(d) == PPT__DESC_DATA;
			if (ppt__desc_level(d) > 1 &&
			    at + i >= c->pool->at.first_page)
				follow_all(c, (uint32_t)(at + i), d);
		}
		if (data)
			ppt__check_set(c->data, k);
	}
}
