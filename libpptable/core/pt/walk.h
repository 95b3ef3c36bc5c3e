/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk: from the root towards an address.  Layer: core; see core/pt.h. */

/* No error, and no result yet: walk again. */
#define PT_AGAIN 1

/* Tables from the root down to where a walk stopped. */
struct pt_path {
	struct ppt_pool *pool;
	uint32_t page[PT_LEVELS + 1]; /* by level, from 1 */
	uint32_t level;               /* where it stopped */
	uint32_t slot;                /* there */
	uint64_t entry;               /* there */
	enum pte_kind kind;
	bool cold; /* empty, not read, and no hint led to its table */
};

static inline uint32_t pt_slot(ppt_va_t va, uint32_t level)
{
	return (uint32_t)(va / pte_span(level)) % PPT_PAGE_WORDS;
}

/* Where a walk towards va may start: at a table of level 1 or 2. */
static inline struct ppt__walk_hint *pt_hint(const struct ppt_space *space,
					     ppt_va_t va, uint32_t level)
{
	uint64_t span = va / pte_span(level + 1);

	return &space->pool->walk[(level - 1) * PPT__WALK_HINTS +
				  span % PPT__WALK_HINTS];
}

static inline bool pt_hint_holds(const struct ppt__walk_hint *h,
				 const struct ppt_space *space, ppt_va_t va,
				 uint32_t level)
{
	return h->span == va / pte_span(level + 1) &&
	       h->root_page == space->root_page &&
	       h->era == space->pool->walk_era;
}

static inline void pt_hint_set(const struct pt_path *path,
			       const struct ppt_space *space, ppt_va_t va,
			       uint32_t level)
{
	struct ppt__walk_hint *h = pt_hint(space, va, level);

	h->span = va / pte_span(level + 1);
	h->root_page = space->root_page;
	h->era = space->pool->walk_era;
	for (; level < PT_LEVELS; level++)
		h->page[level - 1] = path->page[level];
}

/* The lowest level that a hint leads to, its tables in the path; or the root's. */
static inline uint32_t pt_start(const struct ppt_space *space, ppt_va_t va,
				uint32_t to, struct pt_path *path)
{
	for (uint32_t level = to; level <= 2; level++) {
		const struct ppt__walk_hint *h = pt_hint(space, va, level);

		if (!pt_hint_holds(h, space, va, level))
			continue;
		for (uint32_t up = level; up < PT_LEVELS; up++)
			path->page[up] = h->page[up - 1];
		return level;
	}
	return PT_LEVELS;
}

/*
 * Fetch what a map of the page at va will wait for: the level-1 table's
 * descriptor, and what says whether the entry is empty.  As early as possible:
 * before a fence is through, only so many stores may follow it, and no load
 * behind these begins.  Nothing here is believed.
 */
static void pt_prefetch(const struct ppt_space *space, ppt_va_t va)
{
	struct ppt_pool *pool = space->pool;
	const struct ppt__walk_hint *h = pt_hint(space, va, 2);
	uint32_t page, slot = pt_slot(va, 1);
	uint64_t e;

	if (!pt_hint_holds(h, space, va, 2))
		return;
	e = ppt__pm_load(&pool->pm, ppt__word(h->page[1], pt_slot(va, 2)));
	if (pte_kind(e, 2) != PTE_TABLE ||
	    !ppt__pa_page(pool, pte_table_pa(e), &page))
		return;
	ppt__pm_prefetch(&pool->pm, ppt__word(pool->at.desc_page, 0) + page);
	if (!ppt__blank_prefetch(&pool->blank, page, slot))
		ppt__pm_prefetch(&pool->pm, ppt__word(page, slot));
}

/*
 * Walk to level @to, or until an entry is not a table.
 * Return: 0; PPT_E_CORRUPT, path->level is that of the table that is refused.
 */
static inline __attribute__((always_inline)) int
pt_walk_here(const struct ppt_space *space, ppt_va_t va, uint32_t to,
	     struct pt_path *path, struct ppt_diag *diag)
{
	struct ppt_pool *pool = space->pool;
	uint32_t start = pt_start(space, va, to, path), level = start, page;
	int err = 0;

	path->pool = pool;
	path->page[PT_LEVELS] = space->root_page;
	page = path->page[level];
	if (level == PT_LEVELS)
		err = ppt__table_expect(pool, page, PTE_FAMILY, level, diag);
	path->level = level;
	while (!err) {
		uint32_t slot = pt_slot(va, level);
		bool blank = level == to &&
			     ppt__blank_slot(&pool->blank, page, slot);
		uint64_t e = blank ? 0 : ppt__load(pool, page, slot);
		enum pte_kind kind = pte_kind(e, level);

		if (level == to || kind != PTE_TABLE) {
			path->level = level;
			path->slot = slot;
			path->entry = e;
			path->kind = kind;
			path->cold = blank && level < start;
			if (kind != PTE_BAD)
				return 0;
			return ppt__fail(diag, PPT_E_CORRUPT, "entry",
					 "neither table nor leaf", va);
		}
		level--;
		err = ppt__table_enter(pool, pte_table_pa(e), PTE_FAMILY, level,
				       &page, diag);
		if (__builtin_expect(pte_is_cold(e) && !err, 0) &&
		    !PPT_MUTANT(ARM_LATE))
			ppt__trust_arm(pool, path->page[level + 1], slot,
				       pte_armed(e));
		path->page[level] = page;
		path->level = level;
		if (level <= 2 && !err)
			pt_hint_set(path, space, va, level);
	}
	return err;
}

static int pt_walk(const struct ppt_space *space, ppt_va_t va, uint32_t to,
		   struct pt_path *path, struct ppt_diag *diag)
{
	return pt_walk_here(space, va, to, path, diag);
}

/* Bytes from va to last; never 0, since a range is within one half. */
static inline uint64_t pt_len(ppt_va_t va, ppt_va_t last)
{
	return last - va + 1;
}

/* Slots of a level from va's to the end of its table that last allows. */
static inline uint32_t pt_slots(ppt_va_t va, ppt_va_t last, uint32_t level)
{
	uint64_t room = PPT_PAGE_WORDS - pt_slot(va, level);
	uint64_t n = pt_len(va, last) / pte_span(level);

	return (uint32_t)(n < room ? n : room);
}

/* Whether va starts a span that lies within the range. */
static inline bool pt_covers(ppt_va_t va, ppt_va_t last, uint32_t level)
{
	return va % pte_span(level) == 0 && pt_len(va, last) >= pte_span(level);
}

/* The highest level at which the range covers va's slot. */
static inline uint32_t pt_highest(ppt_va_t va, ppt_va_t last)
{
	uint32_t level = 1;

	while (level < PT_LEVELS && pt_covers(va, last, level + 1))
		level++;
	return level;
}

/*
 * Put va behind @n slots of a level.  False at the end of the range.
 */
static inline bool pt_advance(ppt_va_t *va, ppt_va_t last, uint32_t level,
			      uint64_t n)
{
	ppt_va_t start = *va - *va % pte_span(level);
	ppt_va_t end = start + n * pte_span(level) - 1;

	if (end >= last || end < start)
		return false;
	*va = end + 1;
	return true;
}

/* A part of a leaf is to change: put its 512 parts one level down. */
static int pt_split(struct pt_path *path, struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page;
	int err = ppt__table_new(pool, PTE_FAMILY, level - 1, 0, PPT_PAGE_WORDS,
				 pte_split(path->entry, level, 0),
				 pte_span(level - 1), &page, diag);

	if (err)
		return err;
	return ppt__table_set(pool, path->page[level], path->slot, 1,
			      pte_table(ppt__page_pa(pool, page)), 0);
}

/*
 * All of a table's live entries go: free it and, where it was the last entry,
 * those above; the root stays.
 */
static int pt_drop_table(struct pt_path *path, uint32_t level, ppt_va_t va,
			 bool free_first)
{
	struct ppt_pool *pool = path->pool;

	for (; level < PT_LEVELS; level++) {
		uint32_t up = path->page[level + 1];
		int err = free_first ?
				  ppt__table_free(pool, path->page[level]) :
				  0;

		if (err)
			return err;
		free_first = true;
		if (level + 1 < PT_LEVELS &&
		    ppt__desc_live(ppt__desc_load(pool, up)) == 1)
			continue;
		return ppt__table_set(pool, up, pt_slot(va, level + 1), 1, 0,
				      0);
	}
	return 0;
}

static int pt_check(ppt_va_t va, ppt_va_t last, uint32_t prot,
		    struct ppt_diag *diag)
{
	if (pte_canonical(va, PT_LEVELS) != va)
		return ppt__fail(diag, PPT_E_RANGE, "va", "not canonical", va);
	if (pte_canonical(last, PT_LEVELS) != last || (va ^ last) >> 63)
		return ppt__fail(diag, PPT_E_RANGE, "len",
				 "range leaves its half of the address space",
				 last);
	if (prot && !pte_prot_ok(prot))
		return ppt__fail(diag, PPT_E_INVAL, "prot",
				 "rights that the format cannot express", prot);
	return 0;
}
