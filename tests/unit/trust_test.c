/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_test.c - when tables are validated, and what hardware reaches before.
 *
 * Layer: tests.  Written from <pptable/pool.h>, <pptable/fault.h> and
 * docs/FORMAT.md.
 */
#include "trust_bed.h"

#define MMU 0u

/* ------------------------------------------------------------------ touch -- */

static void ppt_attach__touch_lets_hardware_reach_no_table(void **state)
{
	struct ext_list list;
	unsigned tables;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	assert_int_equal(b.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	assert_int_equal(b.u.pf.report.trust, PPT_TRUST_TOUCH);
	list = bed_hardware(&b, &tables);
	assert_int_equal(list.count, 0);
	assert_int_equal(tables, 1);
	bed_reach_all(&b);
	assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
	bed_close(&b);
}

static void ppt_fault__armed_is_the_path_and_no_more(void **state)
{
	struct ppt_fault f;
	struct ext_list list;
	unsigned tables;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	for (unsigned i = 0; i < SPOTS; i++) {
		unsigned levels = spots[i].len == 4096        ? 4 :
				  spots[i].len == PPT_SIZE_2M ? 3 :
								2;

		bed_reboot(&b);
		assert_int_equal(bed_fault(&b, spots[i].va + 0x123, 0, &f),
				 PPT_FAULT_ARMED);
		assert_int_equal(f.va, spots[i].va);
		assert_int_equal(f.len, spots[i].len);
		assert_int_equal(f.pa, bed_want(&b, i));
		assert_int_equal(f.prot, spots[i].prot);
		list = bed_hardware(&b, &tables);
		assert_int_equal(tables, levels);
		ext_free(&list);
		assert_int_equal(bed_mmu(&b, spots[i].va), bed_want(&b, i));
	}
	bed_close(&b);
}

/* Whatever validated the tables before: the path is armed by the fault. */
static void ppt_fault__tables_met_otherwise_are_armed_too(void **state)
{
	struct ppt_extent e;
	unsigned tables;
	struct ext_list list;
	struct ppt_iter it;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	ppt_iter_init(&it, &b.u.space, 0, UINT64_MAX);
	while (!ppt_iter_next(&it, &e, NULL))
		;
	bed_reach_all(&b);
	bed_reboot(&b);
	assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX, NULL));
	list = bed_hardware(&b, &tables);
	assert_int_equal(list.count, 0);
	bed_reach_all(&b);
	bed_close(&b);
}

/* What a kernel left behind is understood by all who come later. */
static void ppt_attach__cold_marks_on_media_mean_the_same(void **state)
{
	static const uint32_t mode[] = { PPT_TRUST_TOUCH, PPT_TRUST_NONE,
					 PPT_TRUST_FULL };
	struct ppt_fault f;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	for (unsigned half = 0; half < 2; half++)
		for (unsigned i = 0; i < 6; i++) {
			b.u.pf.attach_flags = MMU;
			b.u.pf.trust = PPT_TRUST_TOUCH;
			bed_reboot(&b);
			if (half)
				(void)bed_fault(&b, VA, 0, &f);
			assert_false(unit_same(&b.u, b.image));
			assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
			b.u.pf.attach_flags = i < 3 ? PPT_ATTACH_NO_MMU : MMU;
			b.u.pf.trust = mode[i % 3];
			assert_ok(bed_boot(&b));
			assert_int_equal(b.u.pf.report.verdict,
					 PPT_VERDICT_CLEAN);
			bed_reach_all(&b);
			assert_ok(ppt_unmap(&b.u.space, VA + PPT_SIZE_2M, 4096,
					    NULL));
			assert_ok(ppt_unmap(&b.u.space, FAR, 2 * PPT_SIZE_1G,
					    NULL));
			unit_check_pages(&b.u);
			assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
		}
	bed_close(&b);
}

/* ------------------------------------------------------------------ kinds -- */

static void ppt_fault__access_beyond_the_rights_says_rights(void **state)
{
	const uint64_t va = VA + 16 * PPT_SIZE_1G;
	struct ppt_fault f;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	for (uint32_t prot = 0; prot <= PPT_PROT_ALL; prot++) {
		if (!(prot & PPT_PROT_READ))
			continue;
		for (uint32_t access = 0; access < 8; access++) {
			bool may = (!(access & PPT_ACCESS_WRITE) ||
				    prot & PPT_PROT_WRITE) &&
				   (!(access & PPT_ACCESS_EXEC) ||
				    prot & PPT_PROT_EXEC) &&
				   (!(access & PPT_ACCESS_USER) ||
				    prot & PPT_PROT_USER);

			bed_reboot(&b);
			assert_ok(ppt_map(&b.u.space, va, PA, 4096, prot, 0,
					  NULL));
			assert_ok(bed_boot(&b));
			assert_int_equal(bed_fault(&b, va, access, &f),
					 may ? PPT_FAULT_ARMED :
					       PPT_FAULT_RIGHTS);
			assert_int_equal(f.prot, prot);
			assert_int_equal(f.pa, PA);
			assert_int_equal(bed_fault(&b, va, access, &f),
					 may ? PPT_FAULT_SPURIOUS :
					       PPT_FAULT_RIGHTS);
		}
	}
	bed_close(&b);
}

static void ppt_fault__hole_is_unmapped_with_its_extent(void **state)
{
	static const struct {
		uint64_t va, start, len;
	} hole[] = {
		{ VA + 0x3456, VA + 0x3000, 4096 },
		{ VA + 2 * PPT_SIZE_2M + 5, VA + 2 * PPT_SIZE_2M, PPT_SIZE_2M },
		{ VA + 3 * PPT_SIZE_1G + 7, VA + 3 * PPT_SIZE_1G, PPT_SIZE_1G },
		{ 512 * PPT_SIZE_1G, 512 * PPT_SIZE_1G, 512 * PPT_SIZE_1G },
		{ UINT64_MAX, -(512 * PPT_SIZE_1G), 512 * PPT_SIZE_1G },
	};
	struct ppt_fault f = { .kind = 77 };
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	for (unsigned i = 0; i < sizeof(hole) / sizeof(hole[0]); i++) {
		assert_int_equal(bed_fault(&b, hole[i].va, 0, &f),
				 PPT_FAULT_UNMAPPED);
		assert_int_equal(f.va, hole[i].start);
		assert_int_equal(f.len, hole[i].len);
	}
	f.kind = 77;
	assert_int_equal(ppt_fault(&b.u.space, UINT64_C(1) << 47, 0, &f, NULL),
			 PPT_E_RANGE);
	assert_int_equal(f.kind, 77);
	bed_close(&b);
}

static void ppt_arm__range_is_reached_by_hardware(void **state)
{
	struct ppt_diag d;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	assert_ok(ppt_arm(&b.u.space, FAR, PPT_SIZE_2M, NULL));
	assert_int_equal(bed_mmu(&b, FAR + 4096), bed_want(&b, 4) + 4096);
	assert_ok(ppt_arm(&b.u.space, FAR + PPT_SIZE_1G, PPT_SIZE_1G, NULL));
	assert_ok(ppt_arm(&b.u.space, VA + 5, 0x3000 - 5, NULL));
	assert_int_equal(bed_mmu(&b, VA + 0x2000), bed_want(&b, 6));
	assert_int_equal(ppt_arm(&b.u.space, VA, 0x3001, &d), PPT_E_NOENT);
	assert_int_equal(d.at, VA + 0x3000);
	assert_int_equal(ppt_arm(&b.u.space, VA, 0, NULL), PPT_E_INVAL);
	assert_int_equal(ppt_arm(&b.u.space, VA, UINT64_MAX, NULL),
			 PPT_E_INVAL);
	assert_int_equal(ppt_arm(&b.u.space, UINT64_C(1) << 47, 4096, NULL),
			 PPT_E_RANGE);
	assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
	bed_close(&b);
}

/* ------------------------------------------------------------- quarantine -- */

static bool below(struct bed *b, uint64_t va, uint32_t page, uint32_t level)
{
	for (unsigned i = 0; i < SPOTS; i++)
		if (spots[i].va == va && spots[i].len > 4096 &&
		    level < (spots[i].len == PPT_SIZE_2M ? 2u : 3u))
			return false;
	return bed_table(b, va, level) == page;
}

/* Of all the spots: those behind a damaged table fault, the others work. */
static void check_quarantine(struct bed *b, uint32_t page, uint32_t level)
{
	const uint64_t span = UINT64_C(1) << (12 + 9 * level);
	struct ppt_fault f;

	for (unsigned i = 0; i < SPOTS; i++) {
		struct ppt_extent e;

		if (!below(b, spots[i].va, page, level)) {
			bed_reach(b, spots[i].va, bed_want(b, i));
			continue;
		}
		assert_int_equal(bed_fault(b, spots[i].va, 0, &f),
				 PPT_FAULT_QUARANTINED);
		assert_int_equal(f.page, page);
		assert_int_equal(f.len, span);
		assert_int_equal(f.va, spots[i].va - spots[i].va % span);
		assert_int_equal(ppt_translate(&b->u.space, spots[i].va, &e,
					       NULL),
				 PPT_E_CORRUPT);
		assert_int_equal(ppt_arm(&b->u.space, spots[i].va, 4096, NULL),
				 PPT_E_CORRUPT);
		assert_int_equal(bed_mmu(b, spots[i].va), 0);
		assert_int_equal(bed_any(b, spots[i].va).state,
				 PPT_EXTENT_DAMAGED);
	}
}

/* Unmap of the range brings it back, empty. */
static void unmap_quarantine(struct bed *b, uint64_t va, uint32_t level)
{
	const uint64_t span = UINT64_C(1) << (12 + 9 * level);
	struct ppt_fault f;

	va -= va % span;
	assert_ok(ppt_unmap(&b->u.space, va, span, NULL));
	assert_int_equal(bed_fault(b, va, 0, &f), PPT_FAULT_UNMAPPED);
	assert_int_equal(bed_any(b, va).state, UINT32_MAX);
	assert_ok(ppt_map(&b->u.space, va + 0x5000, PA + 0x77000, 4096, RW, 0,
			  NULL));
	bed_reach(b, va + 0x5000, PA + 0x77000);
}

static void ppt_fault__damaged_table_is_quarantined_alone(void **state)
{
	static const uint64_t bits[] = { 0x1000, 1, 4, UINT64_C(1) << 63 };
	unsigned cases = 0;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	for (unsigned i = 0; i < SPOTS; i++)
		for (uint32_t level = 1; level < 4; level++) {
			uint32_t lowest = spots[i].len == 4096        ? 1 :
					  spots[i].len == PPT_SIZE_2M ? 2 :
									3;
			uint64_t bit = bits[(i + level) % 4];
			uint32_t page;

			if (level < lowest)
				continue;
			bed_reboot(&b);
			page = bed_table(&b, spots[i].va, level);
			unit_restore(&b.u, b.image);
			*unit_word(&b.u, page, (i * 97 + level) % 512) ^= bit;
			for (unsigned full = 0; full < 2; full++) {
				b.u.pf.trust = full ? PPT_TRUST_FULL :
						      PPT_TRUST_TOUCH;
				assert_ok(bed_boot(&b));
				check_quarantine(&b, page, level);
				cases++;
			}
			assert_int_equal(b.u.pf.report.verdict,
					 PPT_VERDICT_DEGRADED);
			assert_int_equal(b.u.pf.report.tables_damaged, 1);
			assert_int_equal(b.u.pf.report.first_damaged, page);
			unmap_quarantine(&b, spots[i].va, level);
		}
	assert_true(cases > 20);
	bed_close(&b);
}

/* If tables are believed, it is when a walk enters it. */
static void ppt_space_open__damaged_root_is_refused(void **state)
{
	struct ppt_extent extent;
	uint32_t root;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	root = bed_table(&b, VA, 4);
	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++) {
		bool none = trust == PPT_TRUST_NONE;

		unit_restore(&b.u, b.image);
		b.u.pf.trust = trust;
		*unit_word(&b.u, root, 100) ^= 0x1000;
		assert_int_equal(bed_boot(&b), none ? 0 : PPT_E_CORRUPT);
		if (!none)
			continue;
		assert_int_equal(ppt_translate(&b.u.space, VA, &extent, NULL),
				 PPT_E_CORRUPT);
		assert_int_equal(ppt_unmap(&b.u.space, VA, 4096, NULL),
				 PPT_E_CORRUPT);
		assert_int_equal(ppt_space_delete(b.u.pf.pool, "s", NULL),
				 PPT_E_CORRUPT);
		/* what does not even say that it is a table never is one */
		unit_restore(&b.u, b.image);
		*unit_word(&b.u, b.u.at.desc_page, root) ^= UINT64_C(1) << 32;
		assert_int_equal(bed_boot(&b), PPT_E_CORRUPT);
	}
	bed_close(&b);
}

/* The other superblock is looked at only if it is needed. */
static void ppt_attach__none_takes_the_superblock_that_is_whole(void **state)
{
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_NONE);
	for (uint32_t slot = 0; slot < 2; slot++) {
		bed_reboot(&b);
		assert_false(b.u.pf.report.superblock_fell_back);
		*unit_word(&b.u, slot, 20) ^= 1;
		assert_ok(bed_boot(&b));
		assert_int_equal(b.u.pf.report.superblock_fell_back, slot == 0);
		for (unsigned i = 0; i < SPOTS; i++)
			assert_int_equal(bed_mmu(&b, spots[i].va),
					 bed_want(&b, i));
		*unit_word(&b.u, !slot, 20) ^= 1;
		assert_int_equal(bed_boot(&b), PPT_E_CORRUPT);
	}
	bed_close(&b);
}

/* ------------------------------------------------------ the other modes -- */

static void ppt_attach__none_marks_nothing(void **state)
{
	struct ppt_fault f;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_NONE);
	bed_reboot(&b);
	assert_int_equal(b.u.pf.report.trust, PPT_TRUST_NONE);
	for (unsigned i = 0; i < SPOTS; i++) {
		assert_int_equal(bed_mmu(&b, spots[i].va), bed_want(&b, i));
		assert_int_equal(bed_fault(&b, spots[i].va, 0, &f) ==
					 PPT_FAULT_UNMAPPED,
				 false);
		assert_int_equal(f.pa, bed_want(&b, i));
	}
	assert_true(unit_same(&b.u, b.image));
	b.map.region[DRAM].base += MIB;
	assert_ok(bed_boot(&b));
	assert_int_equal(b.u.pf.report.trust, PPT_TRUST_TOUCH);
	assert_int_equal(bed_mmu(&b, VA), 0);
	bed_reach_all(&b);
	/* once all is moved it is what was asked for again */
	assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX, NULL));
	assert_ok(bed_boot(&b));
	assert_int_equal(b.u.pf.report.trust, PPT_TRUST_NONE);
	bed_reach_all(&b);
	bed_close(&b);
}

static void ppt_attach__full_writes_nothing_on_a_healthy_pool(void **state)
{
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_FULL);
	bed_reboot(&b);
	assert_int_equal(b.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	assert_int_equal(b.u.pf.report.tables_damaged, 0);
	assert_true(b.u.pf.report.tables_checked >= 14);
	assert_true(unit_same(&b.u, b.image));
	for (unsigned i = 0; i < SPOTS; i++)
		assert_int_equal(bed_mmu(&b, spots[i].va), bed_want(&b, i));
	bed_close(&b);
}

/* What is refused may be where no table is expected: the report says so. */
static void ppt_attach__full_reports_entries_that_name_no_table(void **state)
{
	static const uint32_t types[] = { PPT__DESC_FREE, PPT__DESC_DATA,
					  PPT__DESC_META };

	for (unsigned mmu = 0; mmu < 2; mmu++)
		for (unsigned i = 0; i < 3; i++) {
			struct bed b;
			uint32_t page;

			bed_open(&b, mmu ? MMU : PPT_ATTACH_NO_MMU,
				 PPT_TRUST_FULL);
			bed_reboot(&b);
			page = bed_table(&b, VA, 1);
			unit_restore(&b.u, b.image);
			*unit_word(&b.u, b.u.at.desc_page, page) =
				ppt__desc_plain(b.u.seed,
						i == 1 ? ppt__desc_data(1) :
							 types[i]);
			assert_ok(bed_boot(&b));
			assert_int_equal(b.u.pf.report.verdict,
					 PPT_VERDICT_DEGRADED);
			assert_int_equal(b.u.pf.report.tables_damaged, 1);
			assert_int_equal(b.u.pf.report.first_damaged, page);
			if (mmu)
				assert_int_equal(bed_mmu(&b, VA), 0);
			bed_close(&b);
		}
}

static void ppt_attach__read_only_writes_nothing(void **state)
{
	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++)
		for (unsigned mmu = 0; mmu < 2; mmu++) {
			uint32_t flags = PPT_ATTACH_READ_ONLY |
					 (mmu ? 0 : PPT_ATTACH_NO_MMU);
			struct bed b;

			bed_open(&b, flags, trust);
			bed_reboot(&b);
			for (unsigned i = 0; i < SPOTS; i++)
				assert_int_equal(unit_pa(&b.u, spots[i].va),
						 bed_want(&b, i));
			assert_int_equal(ppt_settle(b.u.pf.pool, 1, NULL),
					 PPT_E_ROFS);
			assert_true(unit_same(&b.u, b.image));
			/* a private copy may be written, at attach */
			b.map.region[DRAM].base += MIB;
			b.map.region[POOL].base += 2 * MIB;
			bed_reboot(&b);
			free(b.image);
			b.image = unit_save(&b.u);
			for (unsigned i = 0; i < SPOTS; i++)
				if (spots[i].len == 4096)
					assert_int_equal(unit_pa(&b.u,
								 spots[i].va),
							 bed_want(&b, i));
			assert_true(unit_same(&b.u, b.image));
			bed_close(&b);
		}
}

/* Of a moved pool a reader rebases what it walks, if its copy stays private. */
static void ppt_attach__reader_of_a_moved_pool_rebases_on_touch(void **state)
{
	for (uint32_t private = 0; private < 2; private ++) {
		struct ppt_stats before, after;
		struct ppt_extent e;
		struct bed b;

		bed_open(&b, PPT_ATTACH_NO_MMU, PPT_TRUST_TOUCH);
		b.map.region[DRAM].base += MIB;
		b.map.region[POOL].base += 2 * MIB;
		bed_reboot(&b);
		pool_fixture_drop(&b.u.pf);
		b.u.pf.attach_flags |= PPT_ATTACH_READ_ONLY |
				       (private ? PPT_ATTACH_PRIVATE : 0);
		assert_ok(pool_fixture_attach(&b.u.pf, &b.map));
		/* The root has been rebased before, by the writer. */
		assert_int_equal(b.u.pf.report.tables_checked > 0, !private);
		assert_int_equal(b.u.pf.report.tables_rebased > 0, !private);
		assert_int_equal(b.u.pf.report.epochs_left > 0, private);
		assert_ok(ppt_space_open(b.u.pf.pool, "s", &b.u.space, NULL));
		ppt_stats(b.u.pf.pool, &before);
		assert_ok(ppt_translate(&b.u.space, VA, &e, NULL));
		assert_int_equal(e.pa, bed_want(&b, 0));
		ppt_stats(b.u.pf.pool, &after);
		/* Three tables, a line of journal at least for each. */
		assert_int_equal(after.journal_lines - before.journal_lines >=
					 3,
				 private);
		if (!private)
			assert_int_equal(after.pm.stores, before.pm.stores);
		for (unsigned i = 0; i < SPOTS; i++)
			if (spots[i].len == 4096)
				assert_int_equal(unit_pa(&b.u, spots[i].va),
						 bed_want(&b, i));
		assert_int_equal(ppt_unmap(&b.u.space, VA, 4096, NULL),
				 PPT_E_ROFS);
		bed_close(&b);
	}
}

/* ---------------------------------------------------------------- policy -- */

static void ppt_attach__policy_wx_is_kept_from_hardware(void **state)
{
	const uint64_t va = VA + 16 * PPT_SIZE_1G;
	struct ppt_attach_config cfg;
	struct ppt_fault f;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	bed_reboot(&b);
	assert_ok(ppt_map(&b.u.space, va, PA, 4096, RW | RX, 0, NULL));
	assert_ok(pool_fixture_detach(&b.u.pf));
	assert_ok(bed_boot(&b));
	bed_reach(&b, va, PA);
	cfg = (struct ppt_attach_config){
		.pm = b.u.pf.config.pm,
		.scratch = b.u.pf.scratch,
		.scratch_bytes = b.u.pf.scratch_bytes,
		.policy = PPT_POLICY_WX,
	};
	assert_ok(ppt_attach(&cfg, &b.u.pf.pool, NULL, NULL));
	assert_ok(ppt_space_open(b.u.pf.pool, "s", &b.u.space, NULL));
	assert_int_equal(bed_fault(&b, va, 0, &f), PPT_FAULT_QUARANTINED);
	assert_int_equal(bed_mmu(&b, va), 0);
	bed_reach_all(&b);
	cfg.policy = PPT_POLICY_USER;
	assert_int_equal(ppt_attach(&cfg, &b.u.pf.pool, NULL, NULL),
			 PPT_E_INVAL);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_attach__touch_lets_hardware_reach_no_table),
		cmocka_unit_test(ppt_fault__armed_is_the_path_and_no_more),
		cmocka_unit_test(ppt_fault__tables_met_otherwise_are_armed_too),
		cmocka_unit_test(ppt_attach__cold_marks_on_media_mean_the_same),
		cmocka_unit_test(
			ppt_fault__access_beyond_the_rights_says_rights),
		cmocka_unit_test(ppt_fault__hole_is_unmapped_with_its_extent),
		cmocka_unit_test(ppt_arm__range_is_reached_by_hardware),
		cmocka_unit_test(ppt_fault__damaged_table_is_quarantined_alone),
		cmocka_unit_test(ppt_space_open__damaged_root_is_refused),
		cmocka_unit_test(
			ppt_attach__none_takes_the_superblock_that_is_whole),
		cmocka_unit_test(ppt_attach__none_marks_nothing),
		cmocka_unit_test(
			ppt_attach__full_writes_nothing_on_a_healthy_pool),
		cmocka_unit_test(
			ppt_attach__full_reports_entries_that_name_no_table),
		cmocka_unit_test(ppt_attach__read_only_writes_nothing),
		cmocka_unit_test(
			ppt_attach__reader_of_a_moved_pool_rebases_on_touch),
		cmocka_unit_test(ppt_attach__policy_wx_is_kept_from_hardware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
