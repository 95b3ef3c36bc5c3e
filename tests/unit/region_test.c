/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region_test.c - recording and forgetting physical memory.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#define FREE_PA (UINT64_C(1) << 45)

static struct ppt_region region(uint8_t id, ppt_pa_t base, uint64_t len)
{
	struct ppt_region r = {
		.kind = PPT_REGION_DRAM,
		.base = base,
		.len = len,
	};

	memset(r.uuid.b, id, sizeof(r.uuid.b));
	return r;
}

static uint64_t generation(struct unit_pool *u)
{
	struct ppt_geometry g;

	ppt_geometry(u->pf.pool, &g);
	return g.generation;
}

static void ppt_region_add__recorded_usable_and_durable(void **state)
{
	struct ppt_region r = region(0x11, FREE_PA, MIB);
	struct ppt_memory_map map;
	struct unit_pool u;
	uint64_t was;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	was = generation(&u);
	assert_int_equal(ppt_map(&u.space, VA, FREE_PA, 4096, RW, 0, NULL),
			 PPT_E_REGION);
	assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	assert_int_equal(generation(&u), was + 1);
	for (int i = 0; i < 2; i++) {
		ppt_memory_map(u.pf.pool, &map);
		assert_int_equal(map.count, 6);
		assert_int_equal(map.region[0].kind, PPT_REGION_POOL);
		assert_memory_equal(&map.region[5].uuid, &r.uuid, 16);
		assert_int_equal(map.region[5].base, r.base);
		assert_int_equal(map.region[5].len, r.len);
		assert_int_equal(map.region[5].kind, r.kind);
		assert_int_equal(generation(&u), was + 1);
		assert_ok(unit_attach(&u));
	}
	assert_ok(
		ppt_map(&u.space, VA, FREE_PA + MIB - 4096, 4096, RW, 0, NULL));
	assert_int_equal(ppt_map(&u.space, VA + 4096, FREE_PA + MIB - 4096,
				 8192, RW, 0, NULL),
			 PPT_E_REGION);
	unit_close(&u);
}

static void refuse(struct unit_pool *u, struct ppt_region r, int err,
		   const char *what)
{
	struct ppt_memory_map a, b;
	struct ppt_diag diag;
	uint8_t *image = unit_save(u);

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	ppt_memory_map(u->pf.pool, &a);
	assert_int_equal(ppt_region_add(u->pf.pool, &r, &diag), err);
	assert_diag(diag, err, what);
	ppt_memory_map(u->pf.pool, &b);
	assert_int_equal(a.count, b.count);
	assert_memory_equal(a.region, b.region, a.count * sizeof(a.region[0]));
	assert_true(unit_same(u, image));
	free(image);
}

static void ppt_region_add__bad_arguments_change_nothing(void **state)
{
	const uint64_t end = UINT64_C(1) << 52;
	struct ppt_region r;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	refuse(&u, region(0, FREE_PA, MIB), PPT_E_INVAL, "region uuid");
	refuse(&u, region(1, FREE_PA + 1, MIB), PPT_E_INVAL, "region base");
	refuse(&u, region(1, FREE_PA + 2048, MIB), PPT_E_INVAL, "region base");
	refuse(&u, region(1, FREE_PA, 0), PPT_E_INVAL, "region len");
	refuse(&u, region(1, FREE_PA, MIB + 8), PPT_E_INVAL, "region len");
	refuse(&u, region(1, end, 4096), PPT_E_RANGE, "region base");
	refuse(&u, region(1, FREE_PA, end), PPT_E_RANGE, "region len");
	refuse(&u, region(1, FREE_PA, -UINT64_C(4096)), PPT_E_RANGE,
	       "region len");
	refuse(&u, region(1, end - MIB, 2 * MIB), PPT_E_RANGE, "region base");
	refuse(&u, region(1, -UINT64_C(4096), 4096), PPT_E_RANGE,
	       "region base");
	/* the pool's own and the last page of another */
	refuse(&u, region(1, POOL_FIXTURE_PHYS, 4096), PPT_E_REGION,
	       "region base");
	refuse(&u, region(1, PA + POOL_FIXTURE_DRAM_BYTES - 4096, 2 * MIB),
	       PPT_E_REGION, "region base");
	refuse(&u, region(1, PA - MIB, MIB + 4096), PPT_E_REGION,
	       "region base");
	refuse(&u, region(0xd1, FREE_PA, MIB), PPT_E_EXIST, "region uuid");
	r = region(1, FREE_PA, MIB);
	r.kind = 0;
	refuse(&u, r, PPT_E_INVAL, "region kind");
	r.kind = 5;
	refuse(&u, r, PPT_E_INVAL, "region kind");
	r.kind = PPT_REGION_POOL;
	refuse(&u, r, PPT_E_INVAL, "region kind");
	/* right beside one is no overlap */
	r = region(1, PA - MIB, MIB);
	assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	unit_close(&u);
}

static void ppt_region_add__limit_is_40_in_all(void **state)
{
	struct ppt_memory_map map;
	struct unit_pool u;
	uint8_t id = 1;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t n = 5; n < PPT_REGIONS_MAX; n++, id++) {
		struct ppt_region r = region(id, FREE_PA + id * MIB, MIB);

		assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	}
	refuse(&u, region(id, FREE_PA + id * MIB, MIB), PPT_E_LIMIT, "region");
	assert_ok(unit_attach(&u));
	ppt_memory_map(u.pf.pool, &map);
	assert_int_equal(map.count, PPT_REGIONS_MAX);
	/* one less, and there is room */
	assert_ok(ppt_region_remove(u.pf.pool, &map.region[17].uuid, NULL));
	assert_ok(ppt_region_add(u.pf.pool, &map.region[17], NULL));
	unit_close(&u);
}

static void ppt_region_remove__in_use_or_own_is_refused(void **state)
{
	struct ppt_region r = region(0x11, FREE_PA, UINT64_C(1) << 30);
	struct ppt_space t;
	struct ppt_diag diag;
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	assert_ok(ppt_space_create(u.pf.pool, "t", PPT_FORMAT_X86_64_5, &t,
				   NULL));
	assert_ok(
		ppt_map(&t, VA + 0x3000, FREE_PA + 0x10000, 4096, RW, 0, NULL));
	image = unit_save(&u);
	assert_int_equal(ppt_region_remove(u.pf.pool, &r.uuid, &diag),
			 PPT_E_BUSY);
	assert_diag(diag, PPT_E_BUSY, "region");
	assert_int_equal(diag.at, VA + 0x3000);
	assert_int_equal(ppt_region_remove(u.pf.pool, &u.pf.config.uuid, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_region_remove(u.pf.pool,
					   &(struct ppt_uuid){ { 3 } }, &diag),
			 PPT_E_NOENT);
	assert_true(unit_same(&u, image));
	assert_ok(ppt_unmap(&t, VA + 0x3000, 4096, NULL));
	/* not while a transaction could map something in it */
	assert_ok(ppt_begin(u.pf.pool));
	assert_int_equal(ppt_region_remove(u.pf.pool, &r.uuid, &diag),
			 PPT_E_BUSY);
	assert_int_equal(ppt_region_add(u.pf.pool, &r, &diag), PPT_E_BUSY);
	assert_ok(ppt_commit(u.pf.pool));
	assert_ok(ppt_region_remove(u.pf.pool, &r.uuid, &diag));
	assert_int_equal(ppt_map(&t, VA, FREE_PA, 4096, RW, 0, NULL),
			 PPT_E_REGION);
	assert_ok(unit_attach(&u));
	assert_int_equal(ppt_region_remove(u.pf.pool, &r.uuid, &diag),
			 PPT_E_NOENT);
	free(image);
	unit_close(&u);
}

/* Those behind the one that goes keep their places and their entries. */
static void ppt_region_remove__others_are_untouched(void **state)
{
	struct unit_pool u;
	struct ppt_memory_map map;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_map(&u.space, VA, POOL_FIXTURE_TOP + 0x5000, 4096, RW, 0,
			  NULL));
	pool_fixture_map(&u.pf, &map);
	assert_ok(ppt_region_remove(u.pf.pool, &map.region[2].uuid, NULL));
	assert_int_equal(unit_pa(&u, VA), POOL_FIXTURE_TOP + 0x5000);
	/* then the last one moves, told without the one that went */
	map.region[2] = map.region[--map.count];
	map.region[2].base -= 2 * MIB;
	pool_fixture_drop(&u.pf);
	assert_ok(pool_fixture_attach(&u.pf, &map));
	assert_ok(ppt_space_open(u.pf.pool, "s", &u.space, NULL));
	assert_int_equal(unit_pa(&u, VA), POOL_FIXTURE_TOP + 0x5000 - 2 * MIB);
	unit_check_pages(&u);
	unit_close(&u);
}

/* What waits to be reclaimed still leads there: a later move must not care. */
static void ppt_region_remove__used_by_a_deleted_space_can_move(void **state)
{
	struct ppt_region r = region(0x11, FREE_PA, MIB);
	struct ppt_memory_map map;
	struct ppt_space t;
	struct unit_pool u;
	bool left = true;
	int err;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	assert_ok(ppt_space_create(u.pf.pool, "t", PPT_FORMAT_X86_64_5, &t,
				   NULL));
	assert_ok(ppt_map(&t, VA, FREE_PA, 4096, RW, 0, NULL));
	assert_ok(ppt_space_delete(u.pf.pool, "t", NULL));
	pool_fixture_map(&u.pf, &map);
	err = ppt_region_remove(u.pf.pool, &r.uuid, NULL);
	if (err) { /* that would be right too */
		assert_int_equal(err, PPT_E_BUSY);
		map.region[map.count++] = r;
	}
	map.region[0].base += 2 * MIB;
	pool_fixture_drop(&u.pf);
	assert_ok(pool_fixture_attach(&u.pf, &map));
	while (left)
		assert_ok(ppt_reclaim(u.pf.pool, 1, &left));
	unit_check_pages(&u);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_region_add__recorded_usable_and_durable),
		cmocka_unit_test(ppt_region_add__bad_arguments_change_nothing),
		cmocka_unit_test(ppt_region_add__limit_is_40_in_all),
		cmocka_unit_test(ppt_region_remove__in_use_or_own_is_refused),
		cmocka_unit_test(ppt_region_remove__others_are_untouched),
		cmocka_unit_test(
			ppt_region_remove__used_by_a_deleted_space_can_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
