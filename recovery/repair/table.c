/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: tables; each one that counts written anew where it differs from what it
 * should be: entries that lead where they must not are cleared [I7], reserved
 * bits and rights set right, and the descriptor made from the result.
 */
#include "recovery/repair/repair.h"

struct edit {
	struct ppt__repair *r;
	struct ppt__believe b;
	struct ppt__place place;
	int epoch;
	enum ppt__belief belief;
	const uint64_t *word; /* what it is to be: as loaded, until … */
	bool edited;          /* … something has to be written */
};

/* An entry that is to be another. */
static uint64_t *to_edit(struct edit *e, uint32_t slot)
{
	if (!e->edited)
		__builtin_memcpy(e->r->written, e->r->loaded, PPT_PAGE_BYTES);
	e->edited = true;
	e->word = e->r->written;
	return e->r->written + slot;
}

/* What is no reason to change an entry here. */
static bool is_left(enum ppt_problem_id id)
{
	switch (id) {
	case PPT_PROBLEM_ENTRY_OUTSIDE: /* by the marks, see below: */
	case PPT_PROBLEM_ENTRY_TARGET:
	case PPT_PROBLEM_ENTRY_LEVEL:
	case PPT_PROBLEM_ENTRY_HELD:
	case PPT_PROBLEM_LEAF_METADATA:
	case PPT_PROBLEM_LEAF_FREE:
	case PPT_PROBLEM_LEAF_GONE:   /* it is to fault */
	case PPT_PROBLEM_ENTRY_WIDTH: /* this CPU's, not the pool's damage */
		return true;
	default:
		return false;
	}
}

/* What check says about an entry, as a change of it. */
static void on_entry(struct ppt__check_table *t, enum ppt_problem_id id,
		     uint32_t slot, uint64_t entry)
{
	struct edit *e = t->fixer;
	const struct ppt__check_family *f = e->b.family;
	uint64_t *word;

	(void)entry;
	if (is_left(id))
		return;
	word = to_edit(e, slot);
	switch (id) {
	case PPT_PROBLEM_ENTRY_RESERVED:
	case PPT_PROBLEM_ENTRY_RIGHTS:
		*word = f->tidy(*word, e->b.level);
		return;
	case PPT_PROBLEM_POLICY_WX:
		*word = f->without(*word, PPT_PROT_EXEC);
		return;
	case PPT_PROBLEM_POLICY_USER:
		*word = f->without(*word, PPT_PROT_USER);
		return;
	default:
		*word = 0;
		return;
	}
}

static void ignore(struct ppt__check_table *t, enum ppt_problem_id id,
		   uint32_t slot, uint64_t entry)
{
	(void)t;
	(void)id;
	(void)slot;
	(void)entry;
}

/* Look at each entry as check does. */
static void look(struct edit *e, const uint64_t *word, bool counts,
		 void (*fix)(struct ppt__check_table *, enum ppt_problem_id,
			     uint32_t, uint64_t))
{
	struct ppt__check_table t = {
		.worker = &e->r->c->worker[0],
		.word = word,
		.lines = e->b.lines,
		.page = e->b.page,
		.level = e->b.level,
		.epoch = e->epoch,
		.counts = counts,
		.run_end = PPT__NO_RUN,
		.fix = fix,
		.fixer = e,
	};

	ppt__check_set_policy(&t, e->b.family, &e->place);
	e->b.family->entries(&t);
}

/* Whether a page may be somebody's frame. */
static bool may_map(struct ppt__repair *r, uint64_t page)
{
	uint64_t desc;

	if (!ppt__repair_unused(r, page))
		return false;
	desc = ppt__check_desc(r->c, (uint32_t)page);
	return !(ppt__desc_is_table(desc) ||
		 ppt__desc_type(desc) == PPT__DESC_META) ||
	       !ppt__repair_desc_valid(r, (uint32_t)page, desc);
}

static bool leads_well(struct edit *e, uint32_t slot, uint64_t entry)
{
	const struct ppt__check_family *f = e->b.family;
	struct ppt__repair *r = e->r;
	ppt_pa_t base = r->c->map[e->epoch].region[0].base, pa;
	uint64_t page, n = f->span(e->b.level) / PPT_PAGE_BYTES;

	if (f->table_pa(entry, e->b.level, &pa))
		return (pa - base) / PPT_PAGE_BYTES < r->pool->at.pages &&
		       ppt__repair_leads(r, e->b.page, slot,
					 (pa - base) / PPT_PAGE_BYTES);
	if (f->leaf_pa(entry, e->b.level, &pa))
		page = (pa - base) / PPT_PAGE_BYTES;
	else if (!f->lost(entry, e->b.level, &page))
		return false;
	if (page >= r->pool->at.pages)
		return true; /* elsewhere, and known: check has looked */
	for (uint64_t i = 0; i < n; i++)
		if (!may_map(r, page + i))
			return false;
	return true;
}

/* Entries that were and are not: neighbours together. */
static void tell_cleared(struct edit *e)
{
	struct ppt__repair *r = e->r;
	uint32_t first = PPT_PAGE_WORDS;
	bool table = false;

	if (!e->edited)
		return;
	for (uint32_t s = 0; s <= PPT_PAGE_WORDS; s++) {
		bool gone = s < PPT_PAGE_WORDS && r->loaded[s] &&
			    !r->written[s];
		bool named = false;
		ppt_pa_t pa;

		if (gone)
			named = e->b.family->table_pa(r->loaded[s], e->b.level,
						      &pa);
		if (first < s && (!gone || named != table)) {
			ppt__repair_entries(r,
					    table ? PPT_ACTION_TABLE_CUT :
						    PPT_ACTION_LEAF_CLEARED,
					    &e->place, first, s - first);
			first = PPT_PAGE_WORDS;
		}
		if (gone && first > s) {
			first = s;
			table = named;
		}
	}
}

static void tell_how(struct edit *e)
{
	enum ppt_action_id id = PPT_ACTION_TABLE_WRITTEN;

	if (e->belief == PPT__BELIEF_CORRECTED)
		id = PPT_ACTION_TABLE_CORRECTED;
	else if (e->belief == PPT__BELIEF_ALONE)
		id = PPT_ACTION_TABLE_BELIEVED;
	ppt__repair_entries(e->r, id, &e->place, PPT_PAGE_WORDS, 1);
}

/* What the table is to be, in e->word. */
static void edit(struct edit *e)
{
	struct ppt__repair *r = e->r;

	if (!(r->use[e->b.page] & PPT__USE_EMPTY)) {
		e->belief = ppt__repair_load(r, &e->b, r->loaded, &e->epoch);
		if (e->belief == PPT__BELIEF_NONE)
			r->use[e->b.page] |= PPT__USE_EMPTY;
	}
	if (r->use[e->b.page] & PPT__USE_EMPTY) {
		__builtin_memset(r->loaded, 0, PPT_PAGE_BYTES);
		e->b.lines = 0;
		e->epoch = (int)r->c->epochs - 1;
		e->belief = PPT__BELIEF_GOOD;
	}
	e->word = r->loaded;
	look(e, r->loaded, false, on_entry);
	for (uint64_t left = e->b.lines; left; left &= left - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(left) * PPT__LINE_WORDS;

		for (uint32_t s = at; s < at + PPT__LINE_WORDS; s++)
			if (e->word[s] && !leads_well(e, s, e->word[s]))
				*to_edit(e, s) = 0;
	}
}

/* Whether it is so, by the checksum that was compared when it was loaded. */
static bool is_right(const struct edit *e, uint32_t hi)
{
	const struct ppt__repair *r = e->r;

	return e->belief == PPT__BELIEF_GOOD && !e->edited &&
	       !(r->use[e->b.page] & PPT__USE_EMPTY) &&
	       ppt__desc_hi(ppt__check_desc(r->c, e->b.page)) == hi;
}

static void write_table(struct ppt__repair *r, uint32_t page, uint32_t level)
{
	struct edit e = { .r = r, .b = { &ppt__check_x86_64, level, page, 0 } };
	uint32_t hi;

	ppt__repair_place(r, page, &e.place);
	edit(&e);
	hi = ppt__desc_table(level, e.b.family->family,
			     r->c->epoch_oldest + (uint32_t)e.epoch,
			     ppt__repair_live(e.word, e.b.lines), 1);
	tell_cleared(&e);
	if (!is_right(&e, hi) &&
	    ppt__repair_write(r, page, e.word,
			      ppt__desc_lines(r->pool->seed, page, hi, e.word,
					      e.b.lines)))
		tell_how(&e);
	if (e.place.counts)
		look(&e, e.word, true, ignore);
}

void ppt__repair_tables(struct ppt__repair *r)
{
	for (uint32_t level = PPT__LEVELS_MAX; level > 0; level--)
		for (uint64_t p = ppt__repair_next(r, r->pool->at.first_page);
		     p < r->pool->at.pages; p = ppt__repair_next(r, p + 1))
			if (ppt__use(r, p) == level && !r->err)
				write_table(r, (uint32_t)p, level);
}
