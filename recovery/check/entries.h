/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: tables; every entry.  No guard: compiled once for each family of
 * formats, on top of the contract of core/pt.h and
 *
 *   pte_zero_bits(level, table)  what is 0 in entries
 *   PTE_TABLE_RIGHTS             bits that are the same in all that name tables
 *   PTE_ADDRESS                  bits of an address
 *
 * The loop over leaves is what check takes its time for.
 */

static bool pt_table_pa(uint64_t entry, uint32_t level, ppt_pa_t *pa)
{
	if (pte_kind(entry, level) != PTE_TABLE)
		return false;
	*pa = pte_table_pa(entry);
	return true;
}

static bool pt_leaf(uint64_t entry, uint32_t level, ppt_pa_t *pa)
{
	if (pte_kind(entry, level) != PTE_LEAF)
		return false;
	*pa = pte_leaf_pa(entry, level);
	return true;
}

static bool pt_lost(uint64_t entry, uint32_t level, uint64_t *page)
{
	if (pte_kind(entry, level) != PTE_LOST)
		return false;
	*page = pte_lost_region(entry) == 0 ?
			pte_lost_off(entry) / PPT_PAGE_BYTES :
			UINT64_MAX;
	return true;
}

static uint64_t pt_tidy_table(uint64_t entry, uint32_t level)
{
	bool cold = pte_is_cold(entry);

	if (cold)
		entry = pte_armed(entry);
	entry &= ~(pte_zero_bits(level, true) | PTE_TABLE_RIGHTS);
	entry |= pte_table(0) & PTE_TABLE_RIGHTS;
	return cold ? pte_cold(entry) : entry;
}

static uint64_t pt_tidy(uint64_t entry, uint32_t level)
{
	switch (pte_kind(entry, level)) {
	case PTE_TABLE:
		return pt_tidy_table(entry, level);
	case PTE_LEAF:
		return entry & ~pte_zero_bits(level, false);
	case PTE_LOST:
		return entry & ~PTE_LOST_NEVER;
	case PTE_EMPTY:
	case PTE_BAD:
		break;
	}
	return 0;
}

static uint64_t pt_without(uint64_t entry, uint32_t prot)
{
	return pte_with_prot(entry, pte_prot(entry) & ~prot);
}

/*
 * Whether this CPU cannot address memory where it is now, which need not be
 * where the entry has it.  What is not there is something else.
 */
static bool pt_is_wide(const struct ppt_check *c, uint32_t region, uint64_t off,
		       uint64_t span)
{
	const struct ppt_region *now = &c->now.region[region];

	return c->wide && off < now->len && span <= now->len - off &&
	       (now->base + off + span - 1) & c->width;
}

static void pt_table_entry(struct ppt__check_table *t, uint32_t slot,
			   uint64_t found)
{
	const struct ppt_check *c = t->worker->check;
	uint32_t map = t->epoch < 0 ? c->epochs - 1 : (uint32_t)t->epoch;
	uint64_t e = pte_is_cold(found) ? pte_armed(found) : found, at, desc;
	uint32_t page;

	if (e & pte_zero_bits(t->level, true))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RESERVED, slot, e);
	at = (pte_table_pa(e) - c->map[map].region[0].base) / PPT_PAGE_BYTES;
	if (pt_is_wide(c, 0, at * PPT_PAGE_BYTES, PPT_PAGE_BYTES))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_WIDTH, slot, e);
	if ((e ^ pte_table(0)) & PTE_TABLE_RIGHTS)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RIGHTS, slot, e);
	if (ppt__check_follow(c, &PT_FAMILY, t->epoch, t->level, e, &page))
		return;
	if (!ppt__check_inside(c, at)) {
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_OUTSIDE, slot, e);
		return;
	}
	desc = ppt__check_desc(c, (uint32_t)at);
	if (c->any_held && ppt__check_bit(c->held, at))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_HELD, slot, e);
	else if (ppt__desc_level(desc) >= t->level)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_LEVEL, slot, e);
	else
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_TARGET, slot, e);
}

/* The frames of the pool so far; the next one begins a run. */
static void pt_run_end(struct ppt__check_table *t, uint64_t pages)
{
	if (t->run_end != PPT__NO_RUN)
		ppt__check_frames(t, pages);
	t->run_end = PPT__NO_RUN;
}

/* A leaf whose memory is gone: what it says of that must make sense. */
static void pt_lost_entry(struct ppt__check_table *t, uint32_t slot, uint64_t e)
{
	const struct ppt_check *c = t->worker->check;
	uint64_t span = pte_span(t->level), off = pte_lost_off(e);
	uint32_t region = pte_lost_region(e);

	if (e & PTE_LOST_NEVER)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RESERVED, slot, e);
	if (region >= c->now.count ||
	    span > (UINT64_C(1) << PTE_LOST_BYTES_LG2) - off) {
		ppt__check_entry(t, PPT_PROBLEM_LEAF_UNKNOWN, slot, e);
		return;
	}
	ppt__check_entry(t, PPT_PROBLEM_LEAF_GONE, slot, e);
	if (region != 0)
		return;
	/* Too large where the pool is now: its frames are still its own. */
	if (off + span > c->pool->at.pages * (uint64_t)PPT_PAGE_BYTES) {
		ppt__check_entry(t, PPT_PROBLEM_LEAF_UNKNOWN, slot, e);
		return;
	}
	pt_run_end(t, span / PPT_PAGE_BYTES);
	t->run = off / PPT_PAGE_BYTES;
	t->run_end = t->run + span / PPT_PAGE_BYTES;
	t->run_slot = slot;
	pt_run_end(t, span / PPT_PAGE_BYTES);
}

/* Which of its bits is wrong. */
static void pt_leaf_bits(struct ppt__check_table *t, uint32_t slot, uint64_t e)
{
	if (e & pte_zero_bits(t->level, false))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RESERVED, slot, e);
	if (e & PTE_ADDRESS & (pte_span(t->level) - 1))
		ppt__check_entry(t, PPT_PROBLEM_LEAF_UNALIGNED, slot, e);
}

static void pt_leaf_policy(struct ppt__check_table *t, uint32_t slot,
			   uint64_t e)
{
	uint32_t prot = pte_prot(e);

	if (t->no_wx && prot & PPT_PROT_WRITE && prot & PPT_PROT_EXEC)
		ppt__check_entry(t, PPT_PROBLEM_POLICY_WX, slot, e);
	if (t->no_user && prot & PPT_PROT_USER)
		ppt__check_entry(t, PPT_PROBLEM_POLICY_USER, slot, e);
	if (t->no_supervisor && !(prot & PPT_PROT_USER))
		ppt__check_entry(t, PPT_PROBLEM_POLICY_SUPERVISOR, slot, e);
}

/* What a restart under the present memory map does to a leaf. */
static void pt_leaf_present(struct ppt__check_table *t, uint32_t slot,
			    uint64_t e, uint32_t region)
{
	const struct ppt_check *c = t->worker->check;
	const struct ppt_region *was = &c->map[t->epoch].region[region];
	const struct ppt_region *now = &c->now.region[region];
	uint64_t span = pte_span(t->level);
	uint64_t off = pte_leaf_pa(e, t->level) - was->base;

	if (pt_is_wide(c, region, off, span))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_WIDTH, slot, e);
	if (!c->cfg.present)
		return;
	if (off > now->len || span > now->len - off)
		ppt__check_entry(t, PPT_PROBLEM_LEAF_LOST, slot, e);
	else if ((now->base - was->base) % span)
		ppt__check_entry(t, PPT_PROBLEM_LEAF_MOVED, slot, e);
}

/* The region of the table's map that holds a frame; its count if none does. */
static uint32_t pt_region(const struct ppt_memory_map *map, uint32_t hint,
			  ppt_pa_t pa, uint64_t span)
{
	for (uint32_t i = 0; i < map->count; i++) {
		uint32_t k = hint + i < map->count ? hint + i :
						     hint + i - map->count;
		uint64_t off = pa - map->region[k].base;

		if (off < map->region[k].len &&
		    span <= map->region[k].len - off)
			return k;
	}
	return map->count;
}

/* The scan of one table: where frames are, as far as it is known already. */
struct pt_scan {
	const struct ppt_memory_map *map; /* NULL: of no known epoch */
	uint32_t region;                  /* that held the last frame */
	uint64_t base;  /* a frame is in it if its address … */
	uint64_t limit; /* … less this is at most that */
};

/* No address is in it. */
#define PT_NO_REGION 1u

/* Find the region of a frame, and remember it; false if there is none. */
static bool pt_locate(struct ppt__check_table *t, struct pt_scan *scan,
		      ppt_pa_t pa)
{
	uint64_t span = pte_span(t->level);

	scan->base = PT_NO_REGION;
	scan->limit = 0;
	if (!scan->map)
		return false;
	scan->region = pt_region(scan->map, scan->region, pa, span);
	if (scan->region == scan->map->count) {
		scan->region = 0;
		return false;
	}
	scan->base = scan->map->region[scan->region].base;
	scan->limit = scan->map->region[scan->region].len - span;
	return true;
}

/* An empty entry, and all others up to the next line that is not empty. */
static inline uint32_t pt_empty(struct ppt__check_table *t, uint32_t slot)
{
	uint64_t rest = t->lines >> slot / PPT__LINE_WORDS;
	uint32_t n = 1;

	if (!rest)
		n = PPT_PAGE_WORDS - slot;
	else if (!(rest & 1))
		n = (uint32_t)__builtin_ctzll(rest) * PPT__LINE_WORDS -
		    slot % PPT__LINE_WORDS;
	t->live -= n;
	return n;
}

/*
 * An entry that the loop does not like at first sight.  True if it is a leaf
 * in a region, which the loop goes on with.
 */
static bool pt_odd(struct ppt__check_table *t, struct pt_scan *scan,
		   uint32_t slot, uint64_t e)
{
	ppt_pa_t pa = pte_leaf_pa(e, t->level);

	switch (pte_kind(e, t->level)) {
	case PTE_EMPTY: /* the loop steps over them */
		return false;
	case PTE_TABLE:
		pt_table_entry(t, slot, e);
		return false;
	case PTE_LOST:
		pt_lost_entry(t, slot, e);
		return false;
	case PTE_BAD:
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_BAD, slot, e);
		return false;
	case PTE_LEAF:
		break;
	}
	pt_leaf_bits(t, slot, e);
	if (pa - scan->base <= scan->limit || pt_locate(t, scan, pa))
		return true;
	if (scan->map)
		ppt__check_entry(t, PPT_PROBLEM_LEAF_UNKNOWN, slot, e);
	return false;
}

static inline __attribute__((always_inline)) void
pt_entries_of(struct ppt__check_table *t, const uint32_t level)
{
	const struct ppt_check *c = t->worker->check;
	const uint64_t pages = pte_span(level) / PPT_PAGE_BYTES;
	const uint64_t leaf = pte_leaf(0, level, PPT_PROT_READ | PPT_PROT_EXEC);
	const uint64_t bits = leaf | pte_zero_bits(level, false) |
			      (PTE_ADDRESS & (pte_span(level) - 1));
	const bool policy = t->no_wx | t->no_user | t->no_supervisor;
	const bool extra = policy | c->wide | (c->cfg.present != NULL);
	struct pt_scan scan = { .map = t->epoch < 0 ? NULL : &c->map[t->epoch],
				.region = t->worker->last_region,
				.base = PT_NO_REGION };
	uint32_t next = 0; /* slot behind the last leaf of the run */

	t->live = PPT_PAGE_WORDS;
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = __atomic_load_n(t->word + s, __ATOMIC_RELAXED);
		uint64_t off = (e & PTE_ADDRESS) - scan.base;

		if (__builtin_expect((e & bits) != leaf || off > scan.limit,
				     0)) {
			if (!e) {
				s += pt_empty(t, s) - 1;
				continue;
			}
			if (!pt_odd(t, &scan, s, e))
				continue;
			off = pte_leaf_pa(e, level) - scan.base;
		}
		if (__builtin_expect(extra, 0)) {
			if (policy)
				pt_leaf_policy(t, s, e);
			if (c->cfg.present || c->wide)
				pt_leaf_present(t, s, e, scan.region);
		}
		if (scan.region != 0)
			continue;
		/* Frames of the pool, in the order of entries. */
		off /= PPT_PAGE_BYTES;
		if (__builtin_expect(off != t->run_end || s != next, 0)) {
			pt_run_end(t, pages);
			t->run = off;
			t->run_slot = s;
		}
		t->run_end = off + pages;
		next = s + 1;
	}
	pt_run_end(t, pages);
	t->worker->last_region = scan.region;
}

static void pt_entries(struct ppt__check_table *t)
{
	if (t->level == 1)
		pt_entries_of(t, 1);
	else
		pt_entries_of(t, t->level);
}

const struct ppt__check_family PT_FAMILY = {
	.family = PTE_FAMILY,
	.table_pa = pt_table_pa,
	.leaf_pa = pt_leaf,
	.lost = pt_lost,
	.entries = pt_entries,
	.tidy = pt_tidy,
	.without = pt_without,
	.span = pte_span,
	.canonical = pte_canonical,
};
