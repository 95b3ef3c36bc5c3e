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

static void pt_table_entry(struct ppt__check_table *t, uint32_t slot,
			   uint64_t e)
{
	const struct ppt_check *c = t->worker->check;
	uint32_t map = t->epoch < 0 ? c->epochs - 1 : (uint32_t)t->epoch;
	uint64_t at, desc;
	uint32_t page;

	if (e & pte_zero_bits(t->level, true))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RESERVED, slot, e);
	if (e & c->width)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_WIDTH, slot, e);
	if ((e ^ pte_table(0)) & PTE_TABLE_RIGHTS)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RIGHTS, slot, e);
	if (ppt__check_follow(c, &PT_FAMILY, t->epoch, t->level, e, &page))
		return;
	at = (pte_table_pa(e) - c->map[map].region[0].base) / PPT_PAGE_BYTES;
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

/* Which of its bits is wrong. */
static void pt_leaf_bits(struct ppt__check_table *t, uint32_t slot, uint64_t e)
{
	if (e & pte_zero_bits(t->level, false))
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_RESERVED, slot, e);
	if (e & t->worker->check->width)
		ppt__check_entry(t, PPT_PROBLEM_ENTRY_WIDTH, slot, e);
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

/* A leaf behind the others of its run, or the first of another one. */
static inline void pt_frames(struct ppt__check_table *t, uint32_t slot,
			     uint64_t page, uint64_t pages)
{
	if (__builtin_expect(page != t->run_end, 0)) {
		if (t->run_end != PPT__NO_RUN)
			ppt__check_frames(t, pages);
		t->run = page;
		t->run_slot = slot;
	}
	t->run_end = page + pages;
}

static inline __attribute__((always_inline)) void
pt_entries_of(struct ppt__check_table *t, const uint32_t level)
{
	const struct ppt_check *c = t->worker->check;
	const struct ppt_memory_map *map = t->epoch < 0 ? NULL :
							  &c->map[t->epoch];
	const uint64_t span = pte_span(level);
	const uint64_t wrong = pte_zero_bits(level, false) | c->width |
			       (PTE_ADDRESS & (span - 1));
	const bool policy = t->no_wx | t->no_user | t->no_supervisor;
	const bool present = c->cfg.present != NULL;
	uint32_t region = t->worker->last_region, live = 0, next = 0;
	uint64_t base = 0, len = 0; /* of the region found last */

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = __atomic_load_n(t->word + s, __ATOMIC_RELAXED);
		enum pte_kind kind = pte_kind(e, level);
		uint64_t off;

		if (kind == PTE_EMPTY)
			continue;
		live++;
		if (level > 1 && kind == PTE_TABLE) {
			pt_table_entry(t, s, e);
			continue;
		}
		if (__builtin_expect(kind == PTE_BAD, 0)) {
			ppt__check_entry(t, PPT_PROBLEM_ENTRY_BAD, s, e);
			continue;
		}
		if (__builtin_expect((e & wrong) != 0, 0))
			pt_leaf_bits(t, s, e);
		if (policy)
			pt_leaf_policy(t, s, e);
		off = pte_leaf_pa(e, level) - base;
		if (__builtin_expect(off >= len || span > len - off, 0)) {
			if (!map)
				continue;
			region = pt_region(map, region, off + base, span);
			if (region == map->count) {
				ppt__check_entry(t, PPT_PROBLEM_LEAF_UNKNOWN, s,
						 e);
				region = next = 0;
				len = 0;
				continue;
			}
			off += base;
			base = map->region[region].base;
			len = map->region[region].len;
			off -= base;
		}
		if (present)
			pt_leaf_present(t, s, e, region);
		/* Frames of the pool, in the order of entries. */
		if (region == 0) {
			if (s != next && t->run_end != PPT__NO_RUN) {
				ppt__check_frames(t, span / PPT_PAGE_BYTES);
				t->run_end = PPT__NO_RUN;
			}
			pt_frames(t, s, off / PPT_PAGE_BYTES,
				  span / PPT_PAGE_BYTES);
			next = s + 1;
		}
	}
	if (t->run_end != PPT__NO_RUN)
		ppt__check_frames(t, span / PPT_PAGE_BYTES);
	t->worker->last_region = region;
	t->live = live;
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
	.entries = pt_entries,
	.span = pte_span,
	.canonical = pte_canonical,
};
