/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: all other pages.  What leaves map is data, as often as they do; what
 * nothing leads to is free; the fixed ones are that.
 */
#include "recovery/repair/repair.h"

/* What a page's descriptor should be; false if it is right whatever it is. */
static bool expect(const struct ppt__repair *r, uint64_t page, uint32_t mapped,
		   uint64_t *desc)
{
	const struct ppt__layout *at = &r->pool->at;

	if (page < at->dir_page || page >= at->pages) {
		*desc = r->c->desc_fixed;
		return true;
	}
	if (r->use[page] || ppt__repair_held(r, page))
		return false;
	if (mapped > PPT__DESC_DATA_SHARE_MAX)
		mapped = PPT__DESC_DATA_SHARE_MAX;
	*desc = mapped ?
			ppt__desc_plain(r->pool->seed, ppt__desc_data(mapped)) :
			r->pool->desc_free;
	return true;
}

static void tell(struct ppt__repair *r, uint64_t page, uint64_t was,
		 uint64_t desc)
{
	uint32_t type = ppt__desc_type(was);
	bool used = type == PPT__DESC_META || type == PPT__DESC_DATA ||
		    ppt__desc_is_table(was);

	ppt__repair_pages(r,
			  used && desc == r->pool->desc_free ?
				  PPT_ACTION_FREED :
				  PPT_ACTION_DESCRIPTOR,
			  (uint32_t)page);
}

/*
 * The first of the descriptors [i, PPT_PAGE_WORDS) of a page that is not one of
 * a free page which nothing leads to: most are, in no time.
 */
static uint32_t skip_free(const struct ppt__repair *r, uint64_t first,
			  uint32_t i, uint32_t mapped, const uint64_t *now)
{
	const uint32_t *diff = r->c->worker[0].diff + first;
	const uint64_t desc = r->pool->desc_free;
	const uint64_t pages = r->pool->at.pages;
	uint32_t end = PPT_PAGE_WORDS;

	if (mapped || first + i < r->pool->at.first_page)
		return i;
	if (pages - first < end)
		end = (uint32_t)(pages - first);
	while (i < end && now[i] == desc && !diff[i])
		i++;
	return i;
}

/* The descriptors of one page of them: a transaction. */
static void sweep_page(struct ppt__repair *r, uint32_t k, uint32_t *mapped)
{
	uint32_t page = r->pool->at.desc_page + k, changes = 0;
	const uint32_t *diff = r->c->worker[0].diff;
	const uint64_t *now = ppt__check_page(r->c, page);
	struct ppt__call call;
	int err = ppt__call_begin(r->pool, &call, NULL);

	for (uint32_t i = 0; i < PPT_PAGE_WORDS && !err; i++) {
		uint64_t first = (uint64_t)k * PPT_PAGE_WORDS, p, was, desc;

		i = skip_free(r, first, i, *mapped, now);
		if (i == PPT_PAGE_WORDS)
			break;
		p = first + i;
		if (p < r->pool->at.pages)
			*mapped += diff[p];
		was = now[i];
		if (!expect(r, p, *mapped, &desc) || was == desc)
			continue;
		err = ppt__set(r->pool, page, i, 1, desc, 0, 0);
		tell(r, p, was, desc);
		changes++;
	}
	if (changes || err)
		err = ppt__call_end(r->pool, &call, err, NULL);
	if (err)
		r->err = err;
}

void ppt__repair_sweep(struct ppt__repair *r)
{
	uint32_t mapped = 0;

	for (uint32_t k = 0; k < r->pool->at.desc_pages && !r->err; k++)
		sweep_page(r, k, &mapped);
	ppt__repair_flush(r);
}
