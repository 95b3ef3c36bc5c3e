/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_map_test.c - memory that is gone, shrunk, back, exchanged, empty; and
 * pages that are touched in between.
 *
 * Layer: tests.  Written from <pptable/pool.h>, <pptable/fault.h> and
 * docs/FORMAT.md.
 */
#include "trust_bed.h"

#define MMU 0u

/* The memory map without a region. */
static struct ppt_region take(struct bed *b, uint32_t i)
{
	struct ppt_region r = b->map.region[i];

	b->map.region[i] = b->map.region[--b->map.count];
	return r;
}

static void give(struct bed *b, uint32_t i, struct ppt_region r)
{
	b->map.region[b->map.count++] = b->map.region[i];
	b->map.region[i] = r;
}

/* All but those of a region work; these are lost. */
static void check_lost(struct bed *b, uint32_t region)
{
	struct ppt_extent e = { .va = 5 };
	struct ppt_fault f;

	for (unsigned i = 0; i < SPOTS; i++) {
		if (spots[i].region != region) {
			bed_reach(b, spots[i].va, bed_want(b, i));
			continue;
		}
		assert_int_equal(bed_fault(b, spots[i].va, 0, &f),
				 PPT_FAULT_LOST);
		assert_int_equal(f.va, spots[i].va);
		assert_int_equal(f.len, spots[i].len);
		assert_int_equal(f.prot, spots[i].prot);
		assert_int_equal(bed_mmu(b, spots[i].va), 0);
		e.va = 5;
		assert_int_equal(ppt_translate(&b->u.space, spots[i].va, &e,
					       NULL),
				 PPT_E_REGION);
		assert_int_equal(e.va, 5);
		assert_int_equal(ppt_protect(&b->u.space, spots[i].va,
					     spots[i].len, RW, NULL),
				 PPT_E_REGION);
		assert_int_equal(ppt_arm(&b->u.space, spots[i].va, 4096, NULL),
				 PPT_E_REGION);
		e = bed_any(b, spots[i].va);
		assert_int_equal(e.state, PPT_EXTENT_LOST);
		assert_int_equal(e.region, region);
		assert_int_equal(e.pa, spots[i].off);
		assert_int_equal(e.len, spots[i].len);
	}
	assert_int_equal(bed_check(b), PPT_CHECK_CLEAN);
}

static void ppt_fault__gone_region_is_lost_and_comes_back(void **state)
{
	static const uint32_t modes[] = { PPT_TRUST_TOUCH, PPT_TRUST_FULL };

	for (uint32_t i = 1; i < REGIONS; i++)
		for (unsigned m = 0; m < 4; m++) {
			struct ppt_region r;
			struct bed b;

			bed_open(&b, MMU, modes[m / 2]);
			r = take(&b, i);
			bed_reboot(&b);
			assert_int_equal(b.u.pf.report.verdict,
					 PPT_VERDICT_DEGRADED);
			assert_int_equal(b.u.pf.report.regions_lost, 1);
			/* map order differs from the recorded one */
			give(&b, i, r);
			if (m % 2)
				check_lost(&b, i);
			r.base += i == TOP ? -(64 * PPT_SIZE_1G) :
					     64 * PPT_SIZE_1G;
			b.map.region[i] = r;
			assert_ok(bed_boot(&b));
			bed_reach_all(&b);
			assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
			bed_close(&b);
		}
}

/* The part that is left works; what took the other's place is nobody's. */
static void ppt_fault__split_region_loses_what_left_it(void **state)
{
	struct ppt_fault f;
	struct bed b;
	struct ppt_region whole, tail;

	bed_open(&b, MMU, PPT_TRUST_TOUCH);
	whole = tail = b.map.region[DRAM];
	memset(&tail.uuid, 0x77, sizeof(tail.uuid));
	tail.base += PPT_SIZE_1G;
	tail.len -= PPT_SIZE_1G;
	b.map.region[DRAM].len = PPT_SIZE_1G;
	b.map.region[b.map.count++] = tail;
	bed_reboot(&b);
	assert_int_equal(b.u.pf.report.regions_lost, 1);
	assert_int_equal(bed_fault(&b, FAR, 0, &f), PPT_FAULT_LOST);
	for (unsigned i = 0; i < SPOTS; i++)
		if (spots[i].va != FAR)
			bed_reach(&b, spots[i].va, bed_want(&b, i));
	/* merged again: the new one is gone, the old one has grown */
	b.map.count--;
	b.map.region[DRAM] = whole;
	assert_ok(bed_boot(&b));
	bed_reach_all(&b);
	bed_close(&b);
}

/* ---------------------------------------------------------------- policies -- */

static void ppt_fault__drop_unmaps_what_is_lost(void **state)
{
	for (unsigned late = 0; late < 2; late++)
		for (uint32_t full = 0; full < 2; full++) {
			struct ppt_region r;
			struct ppt_fault f;
			struct bed b;

			bed_open(&b, MMU, full ? PPT_TRUST_FULL : 0);
			r = take(&b, TOP);
			if (late) { /* lost first, dropped then */
				bed_reboot(&b);
				(void)bed_fault(&b, HIGH, 0, &f);
				b.u.pf.lost = PPT_LOST_DROP;
				assert_ok(bed_boot(&b));
			} else {
				b.u.pf.lost = PPT_LOST_DROP;
				bed_reboot(&b);
			}
			for (unsigned i = 0; i < SPOTS; i++)
				if (spots[i].region == TOP)
					assert_int_equal(bed_fault(&b,
								   spots[i].va,
								   0, &f),
							 PPT_FAULT_UNMAPPED);
			assert_int_equal(bed_any(&b, HIGH).state, UINT32_MAX);
			assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX, NULL));
			assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
			give(&b, TOP, r);
			assert_ok(bed_boot(&b));
			assert_int_equal(bed_fault(&b, HIGH, 0, &f),
					 PPT_FAULT_UNMAPPED);
			assert_ok(ppt_map(&b.u.space, HIGH, PA, 4096, RW, 0,
					  NULL));
			bed_reach(&b, HIGH, PA);
			bed_close(&b);
		}
}

/* Whatever the policy, what is lost can be listed until ppt_fault is asked. */
static void ppt_attach__drop_forgets_nothing_before_the_fault(void **state)
{
	for (uint32_t full = 0; full < 2; full++) {
		struct ppt_stats s;
		struct ppt_fault f;
		struct bed b;

		bed_open(&b, MMU, full ? PPT_TRUST_FULL : 0);
		(void)take(&b, TOP);
		b.u.pf.lost = PPT_LOST_DROP;
		bed_reboot(&b);
		assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX, NULL));
		ppt_stats(b.u.pf.pool, &s);
		assert_true(s.tables_rebased > 0);
		assert_int_equal(s.tables_checked, s.tables_rebased);
		assert_ok(bed_boot(&b));
		assert_int_equal(bed_any(&b, HIGH).state, PPT_EXTENT_LOST);
		assert_int_equal(bed_fault(&b, HIGH, 0, &f),
				 PPT_FAULT_UNMAPPED);
		assert_true(f.prot & PPT_PROT_READ);
		assert_true(HIGH - f.va < f.len);
		assert_int_equal(bed_any(&b, HIGH).state, UINT32_MAX);
		assert_int_equal(bed_fault(&b, HIGH, 0, &f),
				 PPT_FAULT_UNMAPPED);
		assert_int_equal(f.prot, 0);
		bed_close(&b);
	}
}

static void ppt_fault__replace_gives_a_zeroed_frame(void **state)
{
	for (unsigned relaxed = 0; relaxed < 2; relaxed++) {
		struct ppt_usage before, after;
		struct ppt_fault f;
		struct bed b;
		const uint64_t *frame;

		bed_open(&b, MMU, PPT_TRUST_TOUCH);
		(void)take(&b, PMEM);
		b.u.pf.lost = PPT_LOST_REPLACE;
		bed_reboot(&b);
		assert_ok(ppt_set_relaxed(b.u.pf.pool, relaxed));
		assert_ok(ppt_usage(b.u.pf.pool, &before, NULL));
		assert_int_equal(bed_fault(&b, VA + 0x1000, 0, &f),
				 PPT_FAULT_REPLACED);
		assert_int_equal(f.va, VA + 0x1000);
		assert_int_equal(f.len, 4096);
		assert_int_equal(f.prot, PPT_PROT_READ);
		assert_int_equal(bed_mmu(&b, VA + 0x1000), f.pa);
		assert_true(f.pa - b.map.region[POOL].base < BED_BYTES);
		frame = unit_word(
			&b.u,
			(uint32_t)((f.pa - b.map.region[POOL].base) / 4096), 0);
		for (unsigned i = 0; i < 512; i++)
			assert_int_equal(frame[i], 0);
		assert_int_equal(bed_fault(&b, VA + 0x1000, PPT_ACCESS_WRITE,
					   &f),
				 PPT_FAULT_RIGHTS);
		assert_ok(ppt_sync(b.u.pf.pool));
		assert_ok(ppt_usage(b.u.pf.pool, &after, NULL));
		assert_int_equal(after.data_pages, before.data_pages + 1);
		assert_ok(bed_boot(&b)); /* as a crash: it is durable */
		bed_reach(&b, VA + 0x1000, f.pa);
		assert_int_equal(bed_check(&b), PPT_CHECK_CLEAN);
		bed_close(&b);
	}
}

/* A policy is of one attach: a table that broke it was not left behind. */
static void ppt_attach__forbidden_table_moves_with_its_memory(void **state)
{
	const uint64_t va = VA + 16 * PPT_SIZE_1G;

	for (unsigned lost = 0; lost < 2; lost++) {
		struct ppt_attach_config cfg;
		struct ppt_region r;
		struct ppt_fault f;
		struct bed b;

		bed_open(&b, MMU, PPT_TRUST_FULL);
		bed_reboot(&b);
		assert_ok(ppt_map(&b.u.space, va, PA, 4096, RW | RX, 0, NULL));
		if (lost) {
			r = take(&b, DRAM);
			assert_ok(bed_boot(&b));
			give(&b, DRAM, r);
		}
		b.map.region[DRAM].base += MIB;
		assert_ok(pool_fixture_detach(&b.u.pf));
		assert_ok(bed_boot(&b));
		assert_ok(pool_fixture_detach(&b.u.pf));
		for (unsigned i = 0; i < 20; i++) { /* all epochs modulo 16 */
			b.map.region[DRAM].base += MIB;
			b.u.pf.pool = NULL;
			free(b.image);
			b.image = NULL;
			assert_ok(bed_boot(&b));
			cfg = (struct ppt_attach_config){
				.pm = b.u.pf.config.pm,
				.scratch = b.u.pf.scratch,
				.scratch_bytes = b.u.pf.scratch_bytes,
				.present = &b.map,
				.flags = PPT_ATTACH_DRAM_KEPT,
				.trust = i % 2 ? PPT_TRUST_FULL : 0,
				.policy = PPT_POLICY_WX,
			};
			b.map.region[DRAM].base += MIB;
			assert_ok(ppt_attach(&cfg, &b.u.pf.pool, NULL, NULL));
			assert_ok(ppt_space_open(b.u.pf.pool, "s", &b.u.space,
						 NULL));
			assert_int_equal(bed_fault(&b, va, 0, &f),
					 PPT_FAULT_QUARANTINED);
			assert_int_equal(bed_mmu(&b, va), 0);
			assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX, NULL));
		}
		b.u.pf.trust = PPT_TRUST_TOUCH;
		assert_ok(bed_boot(&b));
		bed_reach(&b, va, b.map.region[DRAM].base);
		bed_close(&b);
	}
}

static void ppt_attach__lost_leaf_that_is_back_keeps_the_policy(void **state)
{
	const uint64_t va = VA + 16 * PPT_SIZE_1G;
	struct ppt_attach_config cfg;
	struct ppt_region r;
	struct ppt_fault f;
	struct bed b;

	bed_open(&b, MMU, PPT_TRUST_FULL);
	bed_reboot(&b);
	assert_ok(ppt_map(&b.u.space, va, PA, 4096, RW | RX, 0, NULL));
	r = take(&b, DRAM);
	assert_ok(bed_boot(&b));
	assert_int_equal(bed_fault(&b, va, 0, &f), PPT_FAULT_LOST);
	give(&b, DRAM, r);
	cfg = (struct ppt_attach_config){
		.pm = b.u.pf.config.pm,
		.scratch = b.u.pf.scratch,
		.scratch_bytes = b.u.pf.scratch_bytes,
		.present = &b.map,
		.flags = PPT_ATTACH_DRAM_KEPT,
		.policy = PPT_POLICY_WX,
	};
	assert_ok(ppt_attach(&cfg, &b.u.pf.pool, NULL, NULL));
	assert_ok(ppt_space_open(b.u.pf.pool, "s", &b.u.space, NULL));
	assert_int_equal(bed_fault(&b, va, 0, &f), PPT_FAULT_QUARANTINED);
	assert_int_equal(bed_mmu(&b, va), 0);
	bed_close(&b);
}

/* Leaves that are like the one before are looked at less: not for this. */
static void ppt_attach__one_leaf_against_the_policy_is_found(void **state)
{
	const uint64_t va = VA + 16 * PPT_SIZE_1G;

	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i += 73) {
		struct ppt_attach_config cfg;
		struct ppt_fault f;
		struct bed b;

		bed_open(&b, MMU, PPT_TRUST_TOUCH);
		bed_reboot(&b);
		assert_ok(ppt_map(&b.u.space, va, PA, PPT_SIZE_2M, RW,
				  PPT_MAP_4K, NULL));
		cfg = (struct ppt_attach_config){
			.pm = b.u.pf.config.pm,
			.scratch = b.u.pf.scratch,
			.scratch_bytes = b.u.pf.scratch_bytes,
			.present = &b.map,
			.flags = PPT_ATTACH_DRAM_KEPT,
			.policy = PPT_POLICY_WX,
		};
		for (int bad = 0; bad < 2; bad++) {
			if (bad)
				assert_ok(ppt_protect(&b.u.space, va + i * 4096,
						      4096, RW | RX, NULL));
			assert_ok(ppt_attach(&cfg, &b.u.pf.pool, NULL, NULL));
			assert_ok(ppt_space_open(b.u.pf.pool, "s", &b.u.space,
						 NULL));
			assert_int_equal(bed_fault(&b, va, 0, &f),
					 bad ? PPT_FAULT_QUARANTINED :
					       PPT_FAULT_ARMED);
		}
		bed_close(&b);
	}
}

/* ------------------------------------------------------------------- epochs -- */

/* Refused while its epoch was known, it is not believed under a later one. */
static void ppt_attach__damaged_table_never_comes_back_stale(void **state)
{
	for (uint32_t full = 0; full < 3; full++) {
		struct ppt_region first;
		struct ppt_fault f;
		uint32_t page, data;
		uint64_t good, seen = 0;
		struct bed b;

		bed_open(&b, MMU, PPT_TRUST_TOUCH);
		bed_reboot(&b);
		page = bed_table(&b, POOL_VA, 1);
		data = (uint32_t)(b.pool_off / 4096);
		unit_restore(&b.u, b.image);
		/* the table is right; what it maps says it is no data */
		good = *unit_word(&b.u, b.u.at.desc_page, data);
		first = b.map.region[POOL];
		for (unsigned i = 0; i < 40; i++) {
			*unit_word(&b.u, b.u.at.desc_page, data) =
				good ^ UINT64_C(1) << 50;
			b.u.pf.trust = full == 1 ? PPT_TRUST_FULL : 0;
			b.map.region[POOL].base += PPT_SIZE_2M;
			assert_ok(bed_boot(&b));
			assert_int_equal(bed_fault(&b, POOL_VA, 0, &f),
					 PPT_FAULT_QUARANTINED);
			assert_int_equal(f.page, page);
			if (full == 2)
				assert_ok(ppt_settle(b.u.pf.pool, UINT64_MAX,
						     NULL));
			bed_reach(&b, VA, bed_want(&b, 0));
			/* it is repaired, for a moment */
			free(b.image);
			b.image = unit_save(&b.u);
			*unit_word(&b.u, b.u.at.desc_page, data) = good;
			assert_ok(bed_boot(&b));
			if (bed_fault(&b, POOL_VA, 0, &f) !=
			    PPT_FAULT_QUARANTINED) {
				seen++;
				assert_int_equal(f.pa, b.map.region[POOL].base +
							       b.pool_off);
			}
			unit_restore(&b.u, b.image);
		}
		/* within the epochs that are remembered it was good */
		assert_true(seen >= 3);
		assert_int_not_equal(first.base, b.map.region[POOL].base);
		bed_close(&b);
	}
}

/* ------------------------------------------------------------------ DRAM -- */

static uint32_t boot_cold(struct bed *b, bool kept)
{
	struct ppt_attach_config cfg = {
		.pm = b->u.pf.config.pm,
		.present = &b->map,
		.flags = b->u.pf.attach_flags |
			 (kept ? PPT_ATTACH_DRAM_KEPT : 0),
		.trust = b->u.pf.trust,
	};

	assert_ok(pool_fixture_attach(&b->u.pf, NULL)); /* fresh scratch */
	cfg.scratch = b->u.pf.scratch;
	cfg.scratch_bytes = b->u.pf.scratch_bytes;
	assert_ok(ppt_attach(&cfg, &b->u.pf.pool, &b->u.pf.report, NULL));
	assert_ok(ppt_space_open(b->u.pf.pool, "s", &b->u.space, NULL));
	return b->u.pf.report.epochs_left;
}

static void check_zero(struct bed *b)
{
	struct ppt_fault f;

	for (unsigned i = 0; i < SPOTS; i++) {
		if (b->map.region[spots[i].region].kind != PPT_REGION_DRAM) {
			bed_reach(b, spots[i].va, bed_want(b, i));
			continue;
		}
		assert_int_equal(bed_fault(b, spots[i].va, 0, &f),
				 PPT_FAULT_ZERO);
		assert_int_equal(f.pa, bed_want(b, i));
		assert_int_equal(f.prot, spots[i].prot);
		assert_int_equal(f.len, spots[i].len);
		assert_int_equal(bed_mmu(b, spots[i].va), 0);
		assert_int_equal(bed_any(b, spots[i].va).state,
				 PPT_EXTENT_ZERO);
	}
}

static void ppt_fault__dram_after_power_loss_is_zero(void **state)
{
	for (uint32_t full = 0; full < 2; full++) {
		struct ppt_region r;
		struct ppt_fault f;
		struct bed b;

		bed_open(&b, MMU, full ? PPT_TRUST_FULL : 0);
		(void)boot_cold(&b, false);
		check_zero(&b);
		/* moved and kept: what was lost stays so */
		b.map.region[DRAM].base += PPT_SIZE_1G;
		(void)boot_cold(&b, true);
		check_zero(&b);
		/* mapped again it holds what its user puts there */
		assert_int_equal(bed_fault(&b, VA, 0, &f), PPT_FAULT_ZERO);
		assert_ok(ppt_map(&b.u.space, f.va, f.pa, f.len, f.prot,
				  PPT_MAP_REPLACE, NULL));
		bed_reach(&b, VA, bed_want(&b, 0));
		(void)boot_cold(&b, true);
		bed_reach(&b, VA, bed_want(&b, 0));
		(void)boot_cold(&b, false);
		check_zero(&b);
		unit_restore(&b.u, b.image);
		/* power is lost while the memory is not in the map */
		b.map.region[DRAM].base -= PPT_SIZE_1G;
		r = take(&b, TOP);
		(void)boot_cold(&b, true);
		(void)boot_cold(&b, false);
		assert_int_equal(bed_fault(&b, HIGH, 0, &f), PPT_FAULT_LOST);
		assert_int_equal(bed_any(&b, HIGH).state, PPT_EXTENT_LOST);
		give(&b, TOP, r);
		(void)boot_cold(&b, true);
		check_zero(&b);
		unit_restore(&b.u, b.image);
		(void)boot_cold(&b, true);
		bed_reach_all(&b);
		bed_close(&b);
	}
}

/* ------------------------------------------------------------- full tables -- */

enum odd {
	ODD_NONE,
	ODD_HOLE,
	ODD_OTHER,
	ODD_RIGHTS,
	ODD_BITS,
	ODD_POOL,
	ODDS
};

#define FULL_VA (VA + 16 * PPT_SIZE_1G)

/* What leaf @i maps then; 0 is nothing. */
static uint64_t make_odd(struct bed *b, uint32_t i, enum odd odd)
{
	uint64_t va = FULL_VA + i * UINT64_C(4096);
	struct ppt_space *s = &b->u.space;
	uint32_t table;

	switch (odd) {
	case ODD_HOLE:
		assert_ok(ppt_unmap(s, va, 4096, NULL));
		return 0;
	case ODD_OTHER:
		assert_ok(ppt_map(s, va, PA + 4096, 4096, RW, PPT_MAP_REPLACE,
				  NULL));
		break;
	case ODD_RIGHTS:
		assert_ok(ppt_protect(s, va, 4096, PPT_PROT_READ, NULL));
		break;
	case ODD_BITS: /* accessed and dirty, as hardware writes them */
		table = bed_table(b, FULL_VA, 1);
		*unit_word(&b->u, table, i) |= UINT64_C(0x60);
		break;
	case ODD_POOL:
		assert_ok(ppt_map(s, va, PPT_PA_ALLOC, 4096, RW,
				  PPT_MAP_REPLACE, NULL));
		break;
	case ODD_NONE:
	case ODDS:
		break;
	}
	return unit_pa(&b->u, va);
}

static void check_full(struct bed *b, uint32_t odd, uint64_t pa, uint64_t move)
{
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++) {
		uint64_t want = PA + PPT_SIZE_2M + i * UINT64_C(4096);
		struct ppt_extent e;
		int err = ppt_translate(&b->u.space, FULL_VA + i * 4096, &e,
					NULL);

		want = i == odd ? pa : want;
		assert_int_equal(err, want ? 0 : PPT_E_NOENT);
		if (want)
			assert_int_equal(e.pa, want + move);
	}
	assert_ok(ppt_checkpoint(b->u.pf.pool));
	assert_int_equal(bed_check(b), PPT_CHECK_CLEAN);
}

/* All at once, or line by line, or one by one: they move alike. */
static void ppt_fault__full_table_moves_with_any_leaf_in_it(void **state)
{
	static const uint32_t at[] = { 0, 1, 7, 8, 100, 504, 511 };

	for (uint32_t k = 0; k < ODDS * 2 * sizeof(at) / sizeof(at[0]); k++) {
		uint32_t odd = at[k / 2 / ODDS];
		struct bed b;
		uint64_t pa;

		bed_open(&b, k / ODDS % 2 ? MMU : PPT_ATTACH_NO_MMU,
			 PPT_TRUST_TOUCH);
		bed_reboot(&b);
		assert_ok(ppt_map(&b.u.space, FULL_VA, PA + PPT_SIZE_2M,
				  PPT_SIZE_2M, RW, PPT_MAP_4K, NULL));
		pa = make_odd(&b, odd, (enum odd)(k % ODDS));
		assert_ok(ppt_checkpoint(b.u.pf.pool));
		b.map.region[DRAM].base += MIB;
		b.map.region[POOL].base += MIB;
		assert_ok(bed_boot(&b));
		check_full(&b, odd, pa, MIB);
		assert_ok(bed_boot(&b));
		check_full(&b, odd, pa, MIB);
		bed_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_fault__gone_region_is_lost_and_comes_back),
		cmocka_unit_test(ppt_fault__split_region_loses_what_left_it),
		cmocka_unit_test(ppt_fault__drop_unmaps_what_is_lost),
		cmocka_unit_test(
			ppt_attach__drop_forgets_nothing_before_the_fault),
		cmocka_unit_test(ppt_fault__replace_gives_a_zeroed_frame),
		cmocka_unit_test(
			ppt_attach__forbidden_table_moves_with_its_memory),
		cmocka_unit_test(
			ppt_attach__lost_leaf_that_is_back_keeps_the_policy),
		cmocka_unit_test(
			ppt_attach__one_leaf_against_the_policy_is_found),
		cmocka_unit_test(
			ppt_attach__damaged_table_never_comes_back_stale),
		cmocka_unit_test(ppt_fault__dram_after_power_loss_is_zero),
		cmocka_unit_test(
			ppt_fault__full_table_moves_with_any_leaf_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
