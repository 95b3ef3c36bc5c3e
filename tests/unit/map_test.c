/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * map_test.c - arguments of map, unmap, protect and translate: boundaries, and
 * what a refusal says.
 *
 * Layer: tests.  What the calls do is tested against a naive map in tests/diff.
 */
#include "unit_pool.h"

#define R PPT_PROT_READ
#define END4 UINT64_C(0x800000000000)      /* of the lower half */
#define HIGH4 UINT64_C(0xffff800000000000) /* first of the upper */
#define END5 UINT64_C(0x100000000000000)
#define HIGH5 UINT64_C(0xff00000000000000)

struct bad {
	ppt_va_t va;
	ppt_pa_t pa;
	uint64_t len;
	uint32_t prot;
	uint32_t flags;
	int err;
	const char *what;
	uint64_t at;
};

static const struct bad bad_maps[] = {
	{ VA + 1, PA, 4096, R, 0, PPT_E_INVAL, "va", VA + 1 },
	{ VA + 2048, PA, 4096, R, 0, PPT_E_INVAL, "va", VA + 2048 },
	{ VA, PA, 0, R, 0, PPT_E_INVAL, "len", 0 },
	{ VA, PA, 4095, R, 0, PPT_E_INVAL, "len", 4095 },
	{ VA, PA, 1, R, 0, PPT_E_INVAL, "len", 1 },
	{ VA, PA + 8, 4096, R, 0, PPT_E_INVAL, "pa", PA + 8 },
	{ VA, PPT_PA_ALLOC - 1, 4096, R, 0, PPT_E_INVAL, "pa",
	  PPT_PA_ALLOC - 1 },
	{ VA, PA, 4096, 0, 0, PPT_E_INVAL, "prot", 0 },
	{ VA, PA, 4096, PPT_PROT_WRITE, 0, PPT_E_INVAL, "prot",
	  PPT_PROT_WRITE },
	{ VA, PA, 4096, 32 | R, 0, PPT_E_INVAL, "prot", 32 | R },
	{ VA, PA, 4096, R, 4, PPT_E_INVAL, "flags", 4 },
	{ VA, PA, 4096, R, 1u << 31, PPT_E_INVAL, "flags", 1u << 31 },
	/* explicit sizes must fit */
	{ VA + 4096, PA, PPT_SIZE_2M, R, PPT_MAP_2M, PPT_E_INVAL, "va or len",
	  VA + 4096 },
	{ VA, PA, 4096, R, PPT_MAP_2M, PPT_E_INVAL, "va or len", VA },
	{ VA, PA + 4096, PPT_SIZE_2M, R, PPT_MAP_2M, PPT_E_INVAL, "pa",
	  PA + 4096 },
	{ VA, PA, PPT_SIZE_2M, R, PPT_MAP_1G, PPT_E_INVAL, "va or len", VA },
	{ VA, PA + PPT_SIZE_2M, PPT_SIZE_1G, R, PPT_MAP_1G, PPT_E_INVAL, "pa",
	  PA + PPT_SIZE_2M },
	/* canonical, within one half, not around the end */
	{ END4, PA, 4096, R, 0, PPT_E_RANGE, "va", END4 },
	{ HIGH4 - 4096, PA, 4096, R, 0, PPT_E_RANGE, "va", HIGH4 - 4096 },
	{ UINT64_C(1) << 60, PA, 4096, R, 0, PPT_E_RANGE, "va",
	  UINT64_C(1) << 60 },
	{ END4 - 4096, PA, 8192, R, 0, PPT_E_RANGE, "len", END4 + 4095 },
	{ 0, PA, UINT64_C(1) << 63, R, 0, PPT_E_RANGE, "len",
	  (UINT64_C(1) << 63) - 1 },
	{ 4096, PA, -UINT64_C(8192), R, 0, PPT_E_RANGE, "len",
	  UINT64_MAX - 4096 },
	{ -UINT64_C(4096), PA, 8192, R, 0, PPT_E_RANGE, "len", 8192 },
	{ VA, PA, -UINT64_C(4096), R, 0, PPT_E_RANGE, "len", -UINT64_C(4096) },
	/* in one recorded region, and not the pool's own metadata */
	{ VA, 0, 4096, R, 0, PPT_E_REGION, "pa", 0 },
	{ VA, PA - 4096, 8192, R, 0, PPT_E_REGION, "pa", PA - 4096 },
	{ VA, PA + POOL_FIXTURE_DRAM_BYTES - 4096, 8192, R, 0, PPT_E_REGION,
	  "pa", PA + POOL_FIXTURE_DRAM_BYTES - 4096 },
	{ VA, UINT64_C(1) << 52, 4096, R, 0, PPT_E_REGION, "pa",
	  UINT64_C(1) << 52 },
	{ VA, -UINT64_C(4096), 4096, R, 0, PPT_E_REGION, "pa",
	  -UINT64_C(4096) },
	{ VA, POOL_FIXTURE_PHYS, 4096, R, 0, PPT_E_REGION, "pa",
	  POOL_FIXTURE_PHYS },
	{ VA, POOL_FIXTURE_PHYS + 2 * 4096, 4096, R, 0, PPT_E_REGION, "pa",
	  POOL_FIXTURE_PHYS + 2 * 4096 },
	/* a free page is no frame that may be named */
	{ VA, POOL_FIXTURE_PHYS + 200 * 4096, 4096, R, 0, PPT_E_REGION, "pa",
	  POOL_FIXTURE_PHYS + 200 * 4096 },
	{ VA + 511 * 4096, PA, 4096, R, 0, PPT_E_EXIST, "va", VA + 511 * 4096 },
	{ VA + 500 * 4096, PA, 64 * 4096, R, 0, PPT_E_EXIST, "va",
	  VA + 511 * 4096 },
};

static void ppt_map__bad_arguments_are_named_and_change_nothing(void **state)
{
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	for (unsigned i = 0; i < sizeof(bad_maps) / sizeof(bad_maps[0]); i++) {
		const struct bad *b = &bad_maps[i];
		struct ppt_diag diag = { 0 };

		for (int open = 0; open < 2; open++) {
			if (open)
				assert_ok(ppt_begin(u.pf.pool));
			assert_int_equal(ppt_map(&u.space, b->va, b->pa, b->len,
						 b->prot, b->flags, &diag),
					 b->err);
			assert_diag(diag, b->err, b->what);
			assert_int_equal(diag.at, b->at);
			if (open)
				assert_ok(ppt_commit(u.pf.pool));
			/* and without a place for the reason */
			assert_int_equal(ppt_map(&u.space, b->va, b->pa, b->len,
						 b->prot, b->flags, NULL),
					 b->err);
			assert_true(unit_same(&u, image));
		}
	}
	free(image);
	unit_close(&u);
}

/* The tables of the pool are never mapped by anybody [I7]. */
static void ppt_map__no_page_but_frames_can_be_named(void **state)
{
	struct unit_pool u;
	uint64_t frame;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_map(&u.space, VA, PPT_PA_ALLOC, 4096, RW, 0, NULL));
	frame = unit_pa(&u, VA);
	for (uint64_t p = 0; p < u.at.pages; p++) {
		uint64_t pa = POOL_FIXTURE_PHYS + p * 4096;

		assert_int_equal(ppt_map(&u.space, VA + 0x5000, pa, 4096, RW, 0,
					 NULL),
				 pa == frame ? 0 : PPT_E_REGION);
	}
	/* shared: it goes with the second mapping only */
	assert_ok(ppt_unmap(&u.space, VA, 4096, NULL));
	assert_ok(ppt_map(&u.space, VA, frame, 4096, RW, 0, NULL));
	assert_ok(ppt_unmap(&u.space, VA, 0x6000, NULL));
	assert_ok(ppt_checkpoint(u.pf.pool));
	assert_int_equal(ppt_map(&u.space, VA, frame, 4096, RW, 0, NULL),
			 PPT_E_REGION);
	unit_close(&u);
}

static void ppt_unmap__bad_arguments_are_named(void **state)
{
	struct ppt_diag diag;
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	assert_int_equal(ppt_unmap(&u.space, VA + 8, 4096, &diag), PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "va");
	assert_int_equal(ppt_unmap(&u.space, VA, 0, &diag), PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "len");
	assert_int_equal(ppt_unmap(&u.space, VA, 5000, &diag), PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "len");
	assert_int_equal(ppt_unmap(&u.space, END4, 4096, &diag), PPT_E_RANGE);
	assert_diag(diag, PPT_E_RANGE, "va");
	assert_int_equal(ppt_unmap(&u.space, 0, END4 + 4096, &diag),
			 PPT_E_RANGE);
	assert_diag(diag, PPT_E_RANGE, "len");
	assert_int_equal(ppt_unmap(&u.space, -UINT64_C(4096), 8192, &diag),
			 PPT_E_RANGE);
	assert_diag(diag, PPT_E_RANGE, "len");
	/* holes are fine */
	assert_ok(ppt_unmap(&u.space, VA, 4096, &diag));
	assert_ok(ppt_unmap(&u.space, HIGH4, END4, &diag));
	assert_true(unit_same(&u, image));
	assert_ok(ppt_unmap(&u.space, 0, END4, &diag));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), 0);
	free(image);
	unit_close(&u);
}

static void ppt_protect__bad_arguments_and_holes_are_named(void **state)
{
	struct ppt_diag diag;
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	unit_map(&u, 1);
	unit_map(&u, 3);
	image = unit_save(&u);
	assert_int_equal(ppt_protect(&u.space, VA + 8, 4096, R, &diag),
			 PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "va");
	assert_int_equal(ppt_protect(&u.space, VA, 100, R, &diag), PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "len");
	assert_int_equal(ppt_protect(&u.space, VA, 4096, 0, &diag),
			 PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "prot");
	assert_int_equal(ppt_protect(&u.space, VA, 4096, PPT_PROT_EXEC, &diag),
			 PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "prot");
	assert_int_equal(ppt_protect(&u.space, END4, 4096, R, &diag),
			 PPT_E_RANGE);
	assert_diag(diag, PPT_E_RANGE, "va");
	assert_int_equal(ppt_protect(&u.space, VA, 0x4000, R, &diag),
			 PPT_E_NOENT);
	assert_diag(diag, PPT_E_NOENT, "va");
	assert_int_equal(diag.at, VA + 0x2000);
	assert_int_equal(ppt_protect(&u.space, VA - 4096, 0x2000, R, &diag),
			 PPT_E_NOENT);
	assert_int_equal(diag.at, VA - 4096);
	assert_true(unit_same(&u, image));
	assert_ok(ppt_protect(&u.space, VA, 0x2000, R, &diag));
	free(image);
	unit_close(&u);
}

/* The first and the last page of both halves, alone and up to the brim. */
static void check_halves(enum ppt_format format, uint64_t end, uint64_t high)
{
	const uint64_t at[] = { 0, end - 4096, high, -UINT64_C(4096) };
	struct ppt_extent e;
	struct ppt_space t;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_space_create(u.pf.pool, "t", format, &t, NULL));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ppt_translate(&t, at[i], &e, NULL),
				 PPT_E_NOENT);
		assert_ok(ppt_map(&t, at[i], PA + (uint64_t)i * 4096, 4096, RW,
				  0, NULL));
	}
	for (int i = 0; i < 4; i++) {
		assert_ok(ppt_translate(&t, at[i] + 4095, &e, NULL));
		assert_int_equal(e.va, at[i] + 4095);
		assert_int_equal(e.pa, PA + (uint64_t)i * 4096 + 4095);
		assert_int_equal(e.len, 1);
		assert_int_equal(e.page_size, 4096);
		assert_int_equal(e.prot, RW);
		assert_int_equal(ppt_map(&t, at[i], PA, 4096, RW, 0, NULL),
				 PPT_E_EXIST);
	}
	assert_int_equal(ppt_translate(&t, end, &e, NULL), PPT_E_RANGE);
	assert_int_equal(ppt_translate(&t, high - 1, &e, NULL), PPT_E_RANGE);
	assert_int_equal(ppt_map(&t, end, PA, 4096, RW, 0, NULL), PPT_E_RANGE);
	/* a half in one call */
	assert_ok(ppt_unmap(&t, 0, end, NULL));
	assert_ok(ppt_unmap(&t, high, -high, NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(ppt_translate(&t, at[i], &e, NULL),
				 PPT_E_NOENT);
	/* the highest address that an entry can hold */
	assert_ok(ppt_map(&t, 0, (UINT64_C(1) << 52) - 4096, 4096, PPT_PROT_ALL,
			  0, NULL));
	assert_ok(ppt_translate(&t, 0, &e, NULL));
	assert_int_equal(e.pa, (UINT64_C(1) << 52) - 4096);
	assert_int_equal(e.prot, PPT_PROT_ALL);
	unit_check_pages(&u);
	unit_close(&u);
}

static void ppt_map__boundaries_of_the_halves_can_be_used(void **state)
{
	check_halves(PPT_FORMAT_X86_64_4, END4, HIGH4);
	check_halves(PPT_FORMAT_X86_64_5, END5, HIGH5);
}

/* Each leaf size by itself, and the rights of each come back. */
static void ppt_map__every_size_and_right_comes_back(void **state)
{
	static const uint64_t size[] = { PPT_SIZE_4K, PPT_SIZE_2M,
					 PPT_SIZE_1G };
	static const uint32_t flag[] = { PPT_MAP_4K, PPT_MAP_2M, PPT_MAP_1G };
	struct ppt_extent e;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t s = 0; s < 3; s++)
		for (uint32_t prot = R; prot <= PPT_PROT_ALL; prot += 2) {
			uint64_t va = UINT64_C(1) << 40;

			assert_ok(ppt_map(&u.space, va, PA, size[s], prot,
					  flag[s] | PPT_MAP_REPLACE, NULL));
			assert_ok(ppt_translate(&u.space, va + size[s] / 2, &e,
						NULL));
			assert_int_equal(e.pa, PA + size[s] / 2);
			assert_int_equal(e.len, size[s] / 2);
			assert_int_equal(e.page_size, size[s]);
			assert_int_equal(e.prot, prot);
		}
	unit_check_pages(&u);
	unit_close(&u);
}

static void ppt_map__read_only_pool_refuses_every_change(void **state)
{
	struct ppt_region r = { .uuid = { { 1 } },
				.kind = PPT_REGION_DRAM,
				.base = UINT64_C(1) << 45,
				.len = 4096 };
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	assert_ok(pool_fixture_detach(&u.pf));
	image = unit_save(&u);
	u.pf.attach_flags |= PPT_ATTACH_READ_ONLY;
	assert_ok(unit_attach(&u));
	assert_int_equal(ppt_map(&u.space, VA + 4096, PA, 4096, R, 0, NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_unmap(&u.space, VA, 4096, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_protect(&u.space, VA, 4096, R, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_begin(u.pf.pool), PPT_E_ROFS);
	assert_int_equal(ppt_checkpoint(u.pf.pool), PPT_E_ROFS);
	assert_int_equal(ppt_sync(u.pf.pool), PPT_E_ROFS);
	assert_int_equal(ppt_set_relaxed(u.pf.pool, true), PPT_E_ROFS);
	assert_int_equal(ppt_reclaim(u.pf.pool, 1, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_region_add(u.pf.pool, &r, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_region_remove(u.pf.pool, &r.uuid, NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_space_create(u.pf.pool, "t", PPT_FORMAT_X86_64_4,
					  NULL, NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_space_delete(u.pf.pool, "s", NULL), PPT_E_ROFS);
	unit_check_first(&u, 1, 2);
	assert_ok(pool_fixture_detach(&u.pf));
	assert_true(unit_same(&u, image));
	free(image);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_map__bad_arguments_are_named_and_change_nothing),
		cmocka_unit_test(ppt_map__no_page_but_frames_can_be_named),
		cmocka_unit_test(ppt_unmap__bad_arguments_are_named),
		cmocka_unit_test(
			ppt_protect__bad_arguments_and_holes_are_named),
		cmocka_unit_test(ppt_map__boundaries_of_the_halves_can_be_used),
		cmocka_unit_test(ppt_map__every_size_and_right_comes_back),
		cmocka_unit_test(ppt_map__read_only_pool_refuses_every_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
