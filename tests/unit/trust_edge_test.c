/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_edge_test.c - tables are touched at awkward times, large leaves are not
 * aligned any more, and tables whose checksums are right lie.
 *
 * Layer: tests.  Written from <pptable/pool.h>, <pptable/fault.h> and
 * docs/FORMAT.md.
 */
#include "trust_bed.h"

#define MMU 0u
#define TABLE 7u /* what an entry that names a table says */

/* ------------------------------------------------------------ large leaves -- */

/* A pool of 3 GiB, empty media. */
static void big_open(struct bed *b, struct ppt_usage *empty)
{
	struct pool_fixture_options o = { .bytes = 3 * PPT_SIZE_1G,
					  .attach_flags = PPT_ATTACH_NO_MMU,
					  .zeroed_media = true,
					  .phys_base = 64 * PPT_SIZE_1G };
	struct unit_pool *u = &b->u;

	memset(b, 0, sizeof(*b));
	pool_fixture_ready(&u->pf, &o);
	assert_ok(ppt__layout(u->pf.bytes, u->pf.config.journal_bytes, &u->at,
			      NULL));
	pool_fixture_map(&u->pf, &b->map);
	assert_ok(ppt_space_create(u->pf.pool, "s", PPT_FORMAT_X86_64_4,
				   &u->space, NULL));
	assert_ok(ppt_usage(u->pf.pool, empty, NULL));
	assert_ok(ppt_map(&u->space, FAR, PPT_PA_ALLOC, PPT_SIZE_1G, RW,
			  PPT_MAP_1G | PPT_MAP_UNZEROED, NULL));
	assert_ok(ppt_map(&u->space, HIGH, PPT_PA_ALLOC, PPT_SIZE_2M, RW,
			  PPT_MAP_2M | PPT_MAP_UNZEROED, NULL));
}

static void big_close(struct bed *b, const struct ppt_usage *empty)
{
	struct ppt_tlb_gather g;
	struct ppt_usage u;
	bool left = true;

	while (left) {
		ppt_tlb_pending(b->u.pf.pool, &g);
		if (g.ticket)
			assert_ok(ppt_tlb_flushed(b->u.pf.pool, g.ticket));
		assert_ok(ppt_reclaim(b->u.pf.pool, 1000, &left));
	}
	assert_ok(ppt_checkpoint(b->u.pf.pool));
	assert_ok(ppt_usage(b->u.pf.pool, &u, NULL));
	assert_memory_equal(&u, empty, sizeof(u));
	assert_int_equal(bed_check(b), PPT_CHECK_CLEAN);
	bed_close(b);
}

/* Split where it is touched, freed whole: nothing is lost. */
static void ppt_fault__large_leaf_of_the_pool_is_split_and_freed(void **state)
{
	static const uint64_t shift[] = { 4096, PPT_SIZE_2M, PPT_SIZE_1G };

	for (unsigned i = 0; i < 6; i++) {
		bool touched = i % 2;
		uint64_t by = shift[i / 2], pa, pa2;
		struct ppt_usage empty;
		struct ppt_fault f;
		struct bed b;

		big_open(&b, &empty);
		pa = unit_pa(&b.u, FAR) + by;
		pa2 = unit_pa(&b.u, HIGH) + by;
		b.map.region[POOL].base += by;
		b.u.pf.attach_flags = MMU;
		b.u.pf.lost = i % 3; /* means nothing for what is there */
		assert_ok(bed_boot(&b));
		for (unsigned k = 0; touched && k < 4; k++) {
			uint64_t at = k * 0x12345000;
			uint64_t len = pa % PPT_SIZE_1G == 0 ? PPT_SIZE_1G :
				       pa % PPT_SIZE_2M == 0 ? PPT_SIZE_2M :
							       4096;

			bed_reach(&b, FAR + at, pa + at);
			assert_int_equal(bed_fault(&b, FAR + at, 0, &f),
					 PPT_FAULT_SPURIOUS);
			assert_int_equal(f.len, len);
		}
		if (touched)
			bed_reach(&b, HIGH + 0x5000, pa2 + 0x5000);
		assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
		/* a part first */
		assert_ok(ppt_unmap(&b.u.space, FAR + 5 * PPT_SIZE_2M + 0x3000,
				    0x2000, NULL));
		bed_reach(&b, FAR + 5 * PPT_SIZE_2M, pa + 5 * PPT_SIZE_2M);
		assert_int_equal(bed_fault(&b, FAR + 5 * PPT_SIZE_2M + 0x3000,
					   0, &f),
				 PPT_FAULT_UNMAPPED);
		assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
		assert_ok(ppt_unmap(&b.u.space, FAR, PPT_SIZE_1G, NULL));
		assert_ok(ppt_unmap(&b.u.space, HIGH, PPT_SIZE_2M, NULL));
		big_close(&b, &empty);
	}
}

/* -------------------------------------------------------------- the times -- */

static void ppt_abort__tables_touched_meanwhile_stay_rebased(void **state)
{
	for (unsigned commit = 0; commit < 2; commit++) {
		struct bed b;

		bed_open(&b, MMU, PPT_TRUST_TOUCH);
		b.map.region[DRAM].base += PPT_SIZE_2M;
		b.map.region[POOL].base += PPT_SIZE_2M;
		bed_reboot(&b);
		assert_ok(ppt_begin(b.u.pf.pool));
		assert_ok(ppt_map(&b.u.space, VA + 0x8000,
				  b.map.region[DRAM].base, 4096, RW, 0, NULL));
		assert_int_equal(ppt_settle(b.u.pf.pool, 1, NULL), PPT_E_BUSY);
		bed_reach_all(&b);
		assert_int_equal(bed_mmu(&b, VA + 0x8000), 0);
		assert_ok(commit ? ppt_commit(b.u.pf.pool) :
				   ppt_abort(b.u.pf.pool));
		bed_reach_all(&b);
		assert_int_equal(bed_mmu(&b, VA + 0x8000),
				 commit ? b.map.region[DRAM].base : 0);
		assert_int_equal(unit_pa(&b.u, VA + 0x8000),
				 commit ? b.map.region[DRAM].base : 0);
		unit_check_pages(&b.u);
		assert_ok(bed_boot(&b));
		bed_reach_all(&b);
		assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
		bed_close(&b);
	}
}

/* Relaxed commits and stale tables by turns, all around the ring. */
static void ppt_fault__stale_table_at_any_place_of_the_ring(void **state)
{
	for (unsigned lines = 0; lines < 1100; lines += 37)
		for (unsigned relaxed = 0; relaxed < 2; relaxed++) {
			struct bed b;

			bed_open(&b, MMU, PPT_TRUST_TOUCH);
			b.map.region[DRAM].base += MIB;
			bed_reboot(&b);
			bed_reach(&b, VA, bed_want(&b, 0));
			assert_ok(ppt_set_relaxed(b.u.pf.pool, relaxed));
			for (unsigned i = 0; i < lines; i++)
				assert_ok(ppt_protect(&b.u.space, VA, 4096,
						      i % 2 ? RW : RX, NULL));
			bed_reach_all(&b);
			assert_ok(bed_boot(&b));
			bed_reach_all(&b);
			unit_check_pages(&b.u);
			bed_close(&b);
		}
}

/* ---------------------------------------------------------------- settling -- */

struct cut {
	struct ppt_pm_observer observer;
	const struct bed *b;
	uint8_t *image;
	uint64_t at, events;
};

static void cut_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		      uint64_t len, const char *site)
{
	struct cut *c = ctx;

	(void)off;
	(void)len;
	(void)site;
	if (event != PPT_PM_LOAD && c->events++ == c->at)
		memcpy(c->image, c->b->u.pf.media, BED_BYTES);
}

/* Death at an event of a boot, some faults and settling in small steps. */
static uint64_t settle_and_die(struct bed *b, uint64_t at)
{
	struct cut c = { .observer = { .event = cut_event, .ctx = &c },
			 .b = b,
			 .at = at };
	struct ppt_settle_report r = { .left = true };

	c.image = unit_save(&b->u);
	b->u.pf.observer = &c.observer;
	assert_ok(bed_boot(b));
	bed_reach(b, VA, bed_want(b, 0));
	for (unsigned steps = 0; r.left; steps++) {
		assert_ok(ppt_settle(b->u.pf.pool, 11, &r));
		assert_int_equal(r.tables_damaged, 0);
		assert_true(steps < BED_BYTES / 4096 / 11 + 2);
	}
	b->u.pf.observer = NULL;
	pool_fixture_drop(&b->u.pf);
	if (at < c.events)
		unit_restore(&b->u, c.image);
	free(c.image);
	return c.events;
}

static void ppt_settle__cut_at_any_event_goes_on(void **state)
{
	uint64_t events, at = 0;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	b.map.region[DRAM].base += MIB;
	b.map.region[POOL].base += PPT_SIZE_2M;
	do {
		unit_restore(&b.u, b.image);
		events = settle_and_die(&b, at);
		if (at % 2) /* again, before all was worked off */
			b.map.region[DRAM].base ^= 32 * PPT_SIZE_1G;
		assert_ok(bed_boot(&b));
		bed_reach_all(&b);
		if (at % 2)
			b.map.region[DRAM].base ^= 32 * PPT_SIZE_1G;
		at += 1 + at / 40;
	} while (at < events);
	assert_true(events > 100);
	bed_close(&b);
}

static void ppt_settle__last_step_forgets_older_maps(void **state)
{
	struct ppt_settle_report r = { .left = true };
	uint8_t *image;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	b.map.region[DRAM].base += MIB;
	bed_reboot(&b);
	assert_int_equal(b.u.pf.report.epochs_left, 1);
	while (r.left)
		assert_ok(ppt_settle(b.u.pf.pool, 100, &r));
	assert_ok(pool_fixture_detach(&b.u.pf));
	image = unit_save(&b.u);
	b.u.pf.trust = PPT_TRUST_FULL;
	assert_ok(bed_boot(&b));
	assert_int_equal(b.u.pf.report.epochs_left, 0);
	assert_int_equal(b.u.pf.report.tables_rebased, 0);
	assert_int_equal(b.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	bed_reach_all(&b);
	free(image);
	bed_close(&b);
}

/* ----------------------------------------------------------------- regions -- */

static void ppt_region_remove__lost_pages_name_regions(void **state)
{
	struct ppt_region r, dram;
	struct ppt_memory_map now;
	struct ppt_diag d;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	r = b.map.region[PMEM];
	dram = b.map.region[DRAM];
	b.map.region[PMEM] = b.map.region[--b.map.count];
	bed_reboot(&b);
	/* lost pages of it, and lost ones know it by its number */
	assert_int_equal(ppt_region_remove(b.u.pf.pool, &r.uuid, &d),
			 PPT_E_BUSY);
	assert_int_equal(d.at, VA + 0x1000);
	assert_int_equal(ppt_region_remove(b.u.pf.pool, &dram.uuid, &d),
			 PPT_E_BUSY);
	assert_ok(ppt_unmap(&b.u.space, VA + 0x1000, 4096, NULL));
	assert_ok(ppt_region_remove(b.u.pf.pool, &r.uuid, &d));
	ppt_memory_map(b.u.pf.pool, &now);
	assert_int_equal(now.count, REGIONS - 1);
	assert_ok(ppt_region_add(b.u.pf.pool, &r, NULL));
	assert_ok(ppt_map(&b.u.space, VA + 0x1000, r.base + 0x7000, 4096, RW, 0,
			  NULL));
	assert_int_equal(bed_mmu(&b, VA + 0x1000), r.base + 0x7000);
	assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
	b.map.region[b.map.count++] = r;
	b.map.region[b.map.count - 1].base += PPT_SIZE_1G;
	assert_ok(bed_boot(&b));
	bed_reach(&b, VA + 0x1000, r.base + 0x7000 + PPT_SIZE_1G);
	bed_reach(&b, HIGH, MEMORY_TOP + 0x123000);
	bed_close(&b);
}

/* ----------------------------------------------------------------- hostile -- */

struct lie {
	const char *name;
	uint32_t level; /* of the table, on the way to VA */
	uint32_t slot;  /* besides that on the way, if not 0 */
	uint64_t entry;
	uint32_t page; /* 1 + kind of page whose PA is added */
};

enum { SELF = 1, L1, L2, SUPERBLOCK, RING, DESCS, DIRECTORY, FREE_PAGE, END };

static const struct lie lies[] = {
	{ "frame in no region", 1, 9, 0x67 | UINT64_C(0x7000000000), 0 },
	{ "frame at the end of addresses", 1, 9, 3 | UINT64_C(0xfffffffff000),
	  0 },
	{ "superblock", 1, 9, TABLE, SUPERBLOCK },
	{ "journal", 1, 9, TABLE, RING },
	{ "descriptors", 1, 9, TABLE, DESCS },
	{ "directory", 1, 9, TABLE, DIRECTORY },
	{ "a table, for users", 1, 9, TABLE, L2 },
	{ "itself", 1, 9, 3, SELF },
	{ "a free page", 1, 9, 3, FREE_PAGE },
	{ "behind the pool", 1, 9, 3, END },
	{ "PWT", 1, 9, 0xb | MEMORY_DRAM, 0 },
	{ "PCD", 1, 9, 0x13 | MEMORY_DRAM, 0 },
	{ "PAT", 1, 9, 0x83 | MEMORY_DRAM, 0 },
	{ "software bit", 1, 9, 0x203 | MEMORY_DRAM, 0 },
	{ "bit 52", 1, 9, 3 | MEMORY_DRAM | UINT64_C(1) << 52, 0 },
	{ "bit 62", 1, 9, 3 | MEMORY_DRAM | UINT64_C(1) << 62, 0 },
	{ "not present, no mark", 1, 9, 2 | MEMORY_DRAM, 0 },
	{ "cold leaf", 1, 9, 0x202 | MEMORY_DRAM, 0 },
	{ "lost of no region", 1, 9, 0x402 | UINT64_C(40) << 46, 0 },
	{ "lost and present", 1, 9, 0x403 | UINT64_C(1) << 46, 0 },
	{ "lost metadata", 1, 9, 0x402 | 5 << 12, 0 },
	{ "table out of the pool", 2, 77, TABLE, END },
	{ "table: superblock", 2, 77, TABLE, SUPERBLOCK },
	{ "table: ring", 2, 77, TABLE, RING },
	{ "table for supervisors", 2, 77, 3, L1 },
	{ "table, read-only", 2, 77, 5, L1 },
	{ "table, no execution", 2, 77, TABLE | UINT64_C(1) << 63, L1 },
	{ "table, global", 2, 77, TABLE | 0x100, L1 },
	{ "2 MiB leaf, unaligned", 2, 77, 0x83 | MEMORY_DRAM | 0x1000, 0 },
	{ "2 MiB leaf over metadata", 2, 77, 0x83, SUPERBLOCK },
	{ "2 MiB leaf out of its region", 2, 77,
	  0x83 | (MEMORY_PMEM + MEMORY_PMEM_BYTES), 0 },
	{ "1 GiB leaf over the pool", 3, 77, 0x83, SUPERBLOCK },
	{ "1 GiB leaf, half in its region", 3, 77, 0x83 | 0xc0000000, 0 },
	{ "512 GiB leaf", 4, 77, 0x83 | MEMORY_DRAM, 0 },
	{ "cold 512 GiB leaf", 4, 77, 0x282 | MEMORY_DRAM, 0 },
	{ "lost 512 GiB leaf", 4, 77, 0x482 | UINT64_C(1) << 46, 0 },
};

static uint64_t lie_page(struct bed *b, const struct lie *l, uint32_t self)
{
	uint64_t base = b->map.region[POOL].base, n = b->u.at.pages;

	switch (l->page) {
	case SELF:
		return base + self * UINT64_C(4096);
	case L1:
		return base + bed_table(b, VA, 1) * UINT64_C(4096);
	case L2:
		return base + bed_table(b, VA, 2) * UINT64_C(4096);
	case SUPERBLOCK:
		return base;
	case RING:
		return base + 3 * 4096;
	case DESCS:
		return base + b->u.at.desc_page * UINT64_C(4096);
	case DIRECTORY:
		return base + b->u.at.dir_page * UINT64_C(4096);
	case FREE_PAGE:
		return base + (n - 2) * 4096;
	case END:
		return base + n * 4096;
	default:
		return 0;
	}
}

/* A table says something else, and its checksum is right. */
static void tell(struct bed *b, uint32_t page, uint32_t slot, uint64_t e)
{
	uint64_t *desc = unit_word(&b->u, b->u.at.desc_page, page);
	uint32_t hi = ppt__desc_hi(*desc);
	uint64_t *word = unit_word(&b->u, page, slot);

	hi += e && !*word ? 1u << 10 : 0;
	*word = e;
	*desc = ppt__desc_page(b->u.seed, page, hi, unit_word(&b->u, page, 0));
}

static void check_lie(struct bed *b, const struct lie *l, uint64_t va)
{
	struct ppt_extent e;
	struct ppt_fault f;
	int err = bed_boot(b);

	if (err) {
		assert_int_equal(l->level, 4);
		assert_int_equal(err, PPT_E_CORRUPT);
		return;
	}
	err = ppt_translate(&b->u.space, va, &e, NULL);
	if (err != PPT_E_CORRUPT)
		fail_msg("%s: translates, %d", l->name, err);
	if (bed_fault(b, va, 0, &f) != PPT_FAULT_QUARANTINED)
		fail_msg("%s: fault %s", l->name, ppt_fault_name(f.kind));
	(void)bed_any(b, va);
	for (unsigned i = 0; i < SPOTS; i++)
		if ((spots[i].va ^ va) >> 39)
			bed_reach(b, spots[i].va, bed_want(b, i));
	if (!(b->u.pf.attach_flags & PPT_ATTACH_NO_MMU))
		assert_int_equal(bed_mmu(b, va), 0);
}

static void ppt_fault__lying_entries_are_never_followed(void **state)
{
	struct ppt_memory_map whole;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	whole = b.map;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (unsigned mode = 0; mode < 8; mode++) {
			const struct lie *l = &lies[i];
			uint64_t span = UINT64_C(1) << (3 + 9 * l->level);
			uint64_t va = VA - VA % (span * 512) + l->slot * span;
			uint64_t e;
			uint32_t page;

			b.map = whole;
			b.u.pf.attach_flags = MMU;
			b.u.pf.trust = PPT_TRUST_TOUCH;
			bed_reboot(&b);
			page = bed_table(&b, VA, l->level);
			e = l->entry | lie_page(&b, l, page);
			unit_restore(&b.u, b.image);
			if (l->level == 1)
				va = VA + l->slot * 4096;
			tell(&b, page, l->slot, e);
			b.u.pf.attach_flags = mode & 1 ? PPT_ATTACH_NO_MMU : 0;
			b.u.pf.trust = mode & 2 ? PPT_TRUST_FULL : 0;
			if (mode & 4) {
				b.map.region[POOL].base += PPT_SIZE_1G;
				b.map.region[DRAM].base += PPT_SIZE_1G;
			}
			check_lie(&b, l, va);
		}
	bed_close(&b);
}

/* A name of a table of another level, or of itself: it is not entered. */
static void ppt_fault__crossed_tables_are_not_entered(void **state)
{
	for (uint32_t level = 2; level <= 4; level++)
		for (uint32_t to = 1; to <= 4; to++)
			for (unsigned mode = 0; mode < 4; mode++) {
				uint64_t span = UINT64_C(1) << (3 + 9 * level);
				struct ppt_fault f;
				uint32_t page, other;
				uint64_t va;
				struct bed b;

				if (to == level - 1)
					continue;
				bed_open(&b, MMU, PPT_TRUST_TOUCH);
				bed_reboot(&b);
				va = VA - VA % (span * 512) + 200 * span;
				page = bed_table(&b, VA, level);
				other = bed_table(&b, VA, to);
				unit_restore(&b.u, b.image);
				tell(&b, page, 200,
				     TABLE | (MEMORY_POOL + other * 4096ull));
				b.u.pf.attach_flags =
					mode & 1 ? PPT_ATTACH_NO_MMU : 0;
				b.u.pf.trust = mode & 2 ? PPT_TRUST_FULL : 0;
				assert_ok(bed_boot(&b));
				assert_int_equal(bed_fault(&b, va, 0, &f),
						 PPT_FAULT_QUARANTINED);
				assert_int_equal(f.page, other);
				assert_int_equal(bed_any(&b, va).state,
						 PPT_EXTENT_DAMAGED);
				bed_reach_all(&b);
				bed_close(&b);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_fault__large_leaf_of_the_pool_is_split_and_freed),
		cmocka_unit_test(
			ppt_abort__tables_touched_meanwhile_stay_rebased),
		cmocka_unit_test(
			ppt_fault__stale_table_at_any_place_of_the_ring),
		cmocka_unit_test(ppt_settle__cut_at_any_event_goes_on),
		cmocka_unit_test(ppt_settle__last_step_forgets_older_maps),
		cmocka_unit_test(ppt_region_remove__lost_pages_name_regions),
		cmocka_unit_test(ppt_fault__lying_entries_are_never_followed),
		cmocka_unit_test(ppt_fault__crossed_tables_are_not_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
