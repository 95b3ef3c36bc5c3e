/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: tables, from the roots down, a level at a time: those that an entry of
 * a table that counts leads to, and that can be believed, count.
 */
#include "recovery/repair/repair.h"

/* The page that an entry names as a table; false if that is no page. */
static bool child_of(const struct ppt__repair *r, const struct ppt__believe *b,
		     int epoch, uint64_t entry, uint64_t *page)
{
	ppt_pa_t pa;

	if (!entry || !b->family->table_pa(entry, b->level, &pa))
		return false;
	*page = (pa - r->c->map[epoch].region[0].base) / PPT_PAGE_BYTES;
	return true;
}

/* What an entry leads to, if that is a table that can be believed. */
static void mark_child(struct ppt__repair *r, const struct ppt__believe *b,
		       int epoch, uint32_t slot, uint64_t entry)
{
	struct ppt__believe child = { .family = b->family,
				      .level = b->level - 1 };
	enum ppt__belief belief;
	uint64_t page;

	if (!child_of(r, b, epoch, entry, &page) ||
	    !ppt__repair_unused(r, page))
		return;
	child.page = (uint32_t)page;
	belief = ppt__repair_look(r, &child);
	if (belief != PPT__BELIEF_NONE)
		ppt__repair_mark(r, child.page,
				 child.level | (belief == PPT__BELIEF_GOOD ?
							PPT__USE_GOOD :
							0),
				 b->page, slot);
}

static void mark_children(struct ppt__repair *r, struct ppt__believe *b)
{
	const uint64_t *word = r->loaded;
	int epoch;

	if (r->use[b->page] & PPT__USE_GOOD)
		word = ppt__repair_seen(r, b, &epoch);
	else if (ppt__repair_load(r, b, r->loaded, &epoch) ==
		 PPT__BELIEF_NONE) {
		/* It was believed while held pages counted as garbled ones. */
		r->use[b->page] |= PPT__USE_EMPTY;
		r->top_lost |= b->level == PPT__LEVELS_MAX;
		return;
	}
	for (uint64_t left = b->lines; left; left &= left - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(left) * PPT__LINE_WORDS;

		for (uint32_t s = at; s < at + PPT__LINE_WORDS; s++)
			mark_child(r, b, epoch, s, word[s]);
	}
}

/* Roots that no entry leads to. */
static void mark_unnamed(struct ppt__repair *r, uint32_t level)
{
	const struct ppt__check_family *f = &ppt__check_x86_64;

	for (uint64_t p = r->pool->at.first_page; p < r->pool->at.pages; p++) {
		struct ppt__believe b = { f, level, (uint32_t)p, 0 };
		uint64_t desc = ppt__check_desc(r->c, b.page);

		if (ppt__desc_level(desc) != level ||
		    !ppt__repair_unused(r, p) || !ppt__desc_live(desc) ||
		    ppt__repair_look(r, &b) != PPT__BELIEF_GOOD)
			continue;
		ppt__repair_mark(r, b.page, level | PPT__USE_UNNAMED, b.page,
				 0);
	}
}

void ppt__repair_mark_tables(struct ppt__repair *r)
{
	for (uint32_t level = PPT__LEVELS_MAX; level > 1; level--) {
		bool top = level == PPT__LEVELS_MAX;

		if (r->unnamed && level + 1 >= PPT__LEVELS_MAX) {
			ppt__repair_mark_doubted(r, level);
			if (top || !r->top_lost)
				mark_unnamed(r, level);
		}
		for (uint64_t p = ppt__repair_next(r, r->pool->at.first_page);
		     p < r->pool->at.pages; p = ppt__repair_next(r, p + 1)) {
			if (ppt__use(r, p) != level ||
			    r->use[p] & PPT__USE_EMPTY)
				continue;
			mark_children(r, &(struct ppt__believe){
						 .family = &ppt__check_x86_64,
						 .level = level,
						 .page = (uint32_t)p });
		}
	}
}
