/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * contract_test.c - corners of the headers' contract that random operations
 * do not reach.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/rig.h"

#define DRAM POOL_FIXTURE_DRAM
#define VA UINT64_C(0x40000000)
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)
#define MIB (UINT64_C(1) << 20)

struct stage {
	struct pool_fixture pf;
	struct twin twin;
};

static void stage_open(struct stage *s, uint64_t bytes, uint32_t flags)
{
	struct op op = op_create(0, PPT_FORMAT_X86_64_4);

	pool_fixture_ready(&s->pf,
			   &(struct pool_fixture_options){
				   .bytes = bytes, .attach_flags = flags });
	pool_fixture_twin(&s->pf, &s->twin);
	assert_int_equal(twin_step(&s->twin, &op), 0);
}

static void stage_close(struct stage *s)
{
	twin_close(&s->twin);
	pool_fixture_close(&s->pf);
}

static void must(struct stage *s, struct op op)
{
	if (twin_step(&s->twin, &op))
		fail_msg("%s", s->twin.why.text);
	assert_int_equal(s->twin.result, 0);
}

static void settled(struct stage *s)
{
	struct view view = pool_fixture_view(&s->pf);

	if (view_check_settled(&view, &s->twin.now, &s->twin.why))
		fail_msg("%s", s->twin.why.text);
}

static uint64_t free_pages(struct stage *s)
{
	struct ppt_usage u;

	assert_int_equal(ppt_usage(s->pf.pool, &u, NULL), 0);
	return u.free_pages;
}

/* Share one frame until the format's limit; nothing wraps, nothing leaks. */
static void ppt_map__frame_shared_to_the_limit_stays_counted(void **state)
{
	struct ppt_extent ext;
	struct stage s;
	uint64_t n = 1;
	uint64_t was;
	int err = 0;

	stage_open(&s, 4 * MIB, PPT_ATTACH_NO_MMU);
	was = free_pages(&s);
	must(&s, op_map(0, VA, PPT_PA_ALLOC, 1, 0));
	assert_int_equal(ppt_translate(&s.twin.handle[0], VA, &ext, NULL), 0);
	for (; n < 200000 && !err; n++)
		err = ppt_map(&s.twin.handle[0], VA + n * 4096, ext.pa, 4096,
			      RW, 0, NULL);
	if (err)
		n--;
	print_message("one frame mapped %llu times: %s\n",
		      (unsigned long long)n, ppt_error_name(err));
	if (err)
		assert_int_equal(err, PPT_E_LIMIT);
	assert_true(n >= 100);
	for (uint64_t i = 1; i < n; i++) {
		struct op op = op_map(0, VA + i * 4096, ext.pa, 1, 0);

		oracle_apply(&s.twin.now, &op);
	}
	settled(&s);
	/* all but one reference: still in use */
	must(&s, op_unmap(0, VA + 4096, n - 1));
	settled(&s);
	must(&s, op_unmap(0, VA, 1));
	settled(&s);
	assert_int_equal(free_pages(&s), was);
	stage_close(&s);
}

/* A failed call changes nothing in memory either: all pages can be had. */
static void ppt_map__out_of_pages_leaves_the_rest_usable(void **state)
{
	struct op too_many = op_map(0, VA, PPT_PA_ALLOC, 0, PPT_MAP_4K);
	struct op huge = op_map(0, VA * 64, DRAM + 4096, 0, 0);
	struct stage s;
	uint64_t room;

	stage_open(&s, 16 * MIB, PPT_ATTACH_NO_MMU);
	room = free_pages(&s);
	for (unsigned i = 0; i < 3; i++) {
		too_many.len = (room + 100) * PPT_SIZE_4K;
		assert_int_equal(twin_step(&s.twin, &too_many), 0);
		assert_int_equal(s.twin.result, PPT_E_NOSPC);
		huge.len = (room + 100) * PPT_SIZE_2M;
		assert_int_equal(twin_step(&s.twin, &huge), 0);
		assert_int_equal(s.twin.result, PPT_E_NOSPC);
		must(&s, op_map(0, VA, PPT_PA_ALLOC, 1, 0));
		must(&s, op_unmap(0, VA, 1));
		huge.len = (room - 20) * PPT_SIZE_2M;
		must(&s, huge);
		must(&s, op_map(0, VA, PPT_PA_ALLOC, 1, 0));
		must(&s, op_unmap(0, 0, UINT64_C(1) << 35));
		settled(&s);
		assert_int_equal(free_pages(&s), room);
	}
	stage_close(&s);
}

/* Whether a range is too large never depends on what came before. */
static void huge_protects(struct stage *s, struct rng *r)
{
	struct op huge = op_protect(0, 4096, 0, PPT_PROT_READ);
	uint64_t tables = 250 + rng_below(r, 250);

	must(s, op_map(0, 4096, DRAM + 0x3000, tables * 512, 0));
	for (unsigned i = 0; i < 25; i++) {
		for (uint64_t k = rng_below(r, 250); k; k--) {
			uint64_t at = rng_below(r, tables * 512 - 8);

			must(s, op_protect(0, 4096 + at * 4096,
					   1 + rng_below(r, 7),
					   k & 1 ? PPT_PROT_READ : RW));
		}
		huge.len =
			(tables / 2 + rng_below(r, tables / 2)) * PPT_SIZE_2M -
			rng_below(r, 2) * PPT_SIZE_4K;
		must(s, huge);
		if (view_reclaim(s->pf.pool, &s->twin.why))
			fail_msg("%s", s->twin.why.text);
	}
	must(s, op_unmap(0, 0, UINT64_C(1) << 35));
}

static void ppt_protect__huge_range_after_many_small_ones_succeeds(void **state)
{
	struct rng r = { .state = 1 };
	struct stage s;

	stage_open(&s, 16 * MIB, PPT_ATTACH_NO_MMU);
	for (unsigned i = 0; i < 8; i++)
		huge_protects(&s, &r);
	settled(&s);
	stage_close(&s);
}

static void ppt_attach__read_only_refuses_every_change(void **state)
{
	struct ppt_space space;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	must(&s, op_map(0, VA, DRAM, 9, 0));
	assert_int_equal(pool_fixture_detach(&s.pf), 0);
	s.pf.attach_flags |= PPT_ATTACH_READ_ONLY;
	assert_int_equal(pool_fixture_attach(&s.pf, NULL), 0);
	assert_int_equal(twin_reopen(&s.twin, pool_fixture_view(&s.pf)), 0);
	space = s.twin.handle[0];
	assert_int_equal(ppt_map(&space, VA * 2, DRAM, 4096, RW, 0, NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_unmap(&space, VA, 4096, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_protect(&space, VA, 4096, 1, NULL), PPT_E_ROFS);
	assert_int_equal(ppt_space_create(s.pf.pool, "x", PPT_FORMAT_X86_64_4,
					  NULL, NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_space_delete(s.pf.pool, s.twin.now.space[0].name,
					  NULL),
			 PPT_E_ROFS);
	assert_int_equal(ppt_begin(s.pf.pool), PPT_E_ROFS);
	if (twin_check(&s.twin))
		fail_msg("%s", s.twin.why.text);
	assert_int_equal(pool_fixture_detach(&s.pf), 0);
	stage_close(&s);
}

static void ppt_begin__misuse_is_refused(void **state)
{
	const struct ppt_region region = {
		.uuid = { .b = { 1, 2, 3 } },
		.kind = PPT_REGION_DRAM,
		.base = UINT64_C(0x90000000000),
		.len = PPT_SIZE_2M,
	};
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	assert_int_equal(ppt_commit(s.pf.pool), PPT_E_INVAL);
	assert_int_equal(ppt_begin(s.pf.pool), 0);
	assert_int_equal(ppt_begin(s.pf.pool), PPT_E_BUSY);
	assert_int_equal(ppt_region_add(s.pf.pool, &region, NULL), PPT_E_BUSY);
	assert_int_equal(ppt_region_remove(s.pf.pool, &region.uuid, NULL),
			 PPT_E_BUSY);
	assert_int_equal(ppt_abort(s.pf.pool), 0);
	assert_int_equal(ppt_commit(s.pf.pool), PPT_E_INVAL);
	/* empty transactions are fine */
	assert_int_equal(ppt_begin(s.pf.pool), 0);
	assert_int_equal(ppt_commit(s.pf.pool), 0);
	settled(&s);
	stage_close(&s);
}

static void ppt_region_remove__mapped_frame_is_named(void **state)
{
	const struct ppt_region region = {
		.uuid = { .b = { 1, 2, 3 } },
		.kind = PPT_REGION_DRAM,
		.base = UINT64_C(0x90000000000),
		.len = PPT_SIZE_2M,
	};
	struct ppt_diag diag = { 0 };
	struct ppt_region other = region;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	assert_int_equal(ppt_region_add(s.pf.pool, &region, &diag), 0);
	assert_int_equal(ppt_region_add(s.pf.pool, &region, &diag),
			 PPT_E_EXIST);
	other.uuid.b[0] = 9;
	assert_int_equal(ppt_region_add(s.pf.pool, &other, &diag),
			 PPT_E_REGION);
	other.base++;
	assert_int_equal(ppt_region_add(s.pf.pool, &other, &diag), PPT_E_INVAL);
	assert_int_equal(ppt_region_remove(s.pf.pool, &other.uuid, &diag),
			 PPT_E_NOENT);
	assert_int_equal(ppt_region_remove(s.pf.pool, &s.pf.config.uuid, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_map(&s.twin.handle[0], VA * 3 + 8192,
				 region.base + 4096, 4096, RW, 0, &diag),
			 0);
	assert_int_equal(ppt_region_remove(s.pf.pool, &region.uuid, &diag),
			 PPT_E_BUSY);
	assert_int_equal(diag.at, VA * 3 + 8192);
	assert_int_equal(ppt_unmap(&s.twin.handle[0], VA * 3, MIB, &diag), 0);
	assert_int_equal(ppt_region_remove(s.pf.pool, &region.uuid, &diag), 0);
	assert_int_equal(ppt_map(&s.twin.handle[0], VA * 3, region.base, 4096,
				 RW, 0, &diag),
			 PPT_E_REGION);
	stage_close(&s);
}

/* Attach under @map is refused and changes nothing. */
static void refused_under(struct stage *s, const struct ppt_memory_map *map)
{
	uint8_t *was = malloc(s->pf.bytes);

	assert_non_null(was);
	memcpy(was, s->pf.media, s->pf.bytes);
	assert_int_equal(pool_fixture_attach(&s->pf, map), PPT_E_REGION);
	assert_int_equal(s->pf.report.verdict, PPT_VERDICT_REFUSED);
	assert_int_equal(s->pf.diag.err, PPT_E_REGION);
	assert_memory_equal(was, s->pf.media, s->pf.bytes);
	free(was);
}

static void ppt_attach__impossible_memory_map_is_refused(void **state)
{
	struct ppt_memory_map map;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	must(&s, op_map(0, VA, DRAM, 262144, 0)); /* one leaf of 1 GiB */
	must(&s, op_map(0, VA * 4, POOL_FIXTURE_PMEM, 3, 0));
	pool_fixture_drop(&s.pf); /* with a journal to replay */
	map = s.twin.now.regions;
	map.region[2].base = map.region[1].base; /* overlap */
	refused_under(&s, &map);
	map = s.twin.now.regions;
	map.region[0].len -= PPT_SIZE_4K; /* the pool itself shrunk */
	refused_under(&s, &map);
	map = s.twin.now.regions;
	map.region[2].kind = PPT_REGION_DEVICE; /* something else */
	refused_under(&s, &map);
	map = s.twin.now.regions;
	map.region[0] = map.region[--map.count]; /* the pool itself gone */
	refused_under(&s, &map);
	assert_int_equal(pool_fixture_attach(&s.pf, &s.twin.now.regions), 0);
	assert_int_equal(twin_reopen(&s.twin, pool_fixture_view(&s.pf)), 0);
	settled(&s);
	stage_close(&s);
}

static void ppt_attach__small_scratch_is_refused(void **state)
{
	struct ppt_attach_config config = { .flags = PPT_ATTACH_NO_MMU };
	struct ppt_pool *pool = NULL;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	assert_int_equal(pool_fixture_detach(&s.pf), 0);
	config.pm = s.pf.config.pm;
	config.scratch_bytes = ppt_scratch_bytes(MIB, 64 << 10) / 64 * 64;
	config.scratch = aligned_alloc(64, config.scratch_bytes);
	config.scratch_bytes = ppt_scratch_bytes(MIB, 64 << 10) - 1;
	assert_int_equal(ppt_attach(&config, &pool, NULL, NULL), PPT_E_NOMEM);
	assert_null(pool);
	free(config.scratch);
	stage_close(&s);
}

static void ppt_space_create__names_are_checked(void **state)
{
	static const char *const bad[] = {
		"",          "a/b",  "tab\t",
		"new\nline", "\x7f", "12345678901234567890123456789012",
	};
	struct ppt_space space;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ppt_space_create(s.pf.pool, bad[i],
						  PPT_FORMAT_X86_64_4, &space,
						  NULL),
				 PPT_E_INVAL);
	assert_int_equal(ppt_space_create(s.pf.pool, "ok", (enum ppt_format)77,
					  &space, NULL),
			 PPT_E_INVAL);
	assert_int_equal(ppt_space_create(s.pf.pool,
					  "1234567890123456789012345678901",
					  PPT_FORMAT_X86_64_5, &space, NULL),
			 0);
	assert_int_equal(ppt_space_create(s.pf.pool,
					  "1234567890123456789012345678901",
					  PPT_FORMAT_X86_64_5, &space, NULL),
			 PPT_E_EXIST);
	assert_int_equal(ppt_space_open(s.pf.pool, "123", &space, NULL),
			 PPT_E_NOENT);
	stage_close(&s);
}

/* As many spaces as the pool has pages for, and back. */
static void ppt_space_create__many_come_and_go(void **state)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;
	uint64_t seen = 0;
	unsigned n = 0;
	struct stage s;
	uint64_t was;
	char name[16];
	int err = 0;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	was = free_pages(&s);
	while (!err && n < 1000) {
		(void)snprintf(name, sizeof(name), "n%u", n);
		err = ppt_space_create(s.pf.pool, name, PPT_FORMAT_X86_64_4,
				       NULL, NULL);
		n += !err;
	}
	assert_int_equal(err, PPT_E_NOSPC);
	print_message("%u spaces in 1 MiB, %llu pages were free\n", n,
		      (unsigned long long)was);
	assert_true(n > 150);
	while (!ppt_space_next(s.pf.pool, &cursor, &info, NULL))
		seen++;
	assert_int_equal(seen, n + 1);
	while (n-- > 0) {
		(void)snprintf(name, sizeof(name), "n%u", n);
		assert_int_equal(ppt_space_delete(s.pf.pool, name, NULL), 0);
		if (n % 16 == 0)
			assert_int_equal(view_reclaim(s.pf.pool, &s.twin.why),
					 0);
	}
	settled(&s);
	print_message("%llu pages are free again\n",
		      (unsigned long long)free_pages(&s));
	stage_close(&s);
}

static void ppt_tlb_flushed__frames_wait_for_it(void **state)
{
	struct ppt_tlb_gather gather = { 0 };
	struct ppt_space_info info;
	struct stage s;
	uint64_t room;
	int err;

	stage_open(&s, MIB, 0);
	must(&s, op_map(0, VA, DRAM, 2, 0));
	ppt_tlb_pending(s.pf.pool, &gather);
	assert_int_equal(gather.ticket, 0);
	room = free_pages(&s) - 8;
	must(&s, op_map(0, VA * 2, PPT_PA_ALLOC, room, PPT_MAP_4K));
	must(&s, op_unmap(0, VA * 2, room));
	ppt_tlb_pending(s.pf.pool, &gather);
	assert_int_not_equal(gather.ticket, 0);
	assert_true(gather.va <= VA * 2);
	assert_true(gather.last >= VA * 2 + room * 4096 - 1);
	assert_int_equal(ppt_space_info(&s.twin.handle[0], &info, NULL), 0);
	assert_int_equal(gather.root_pa, info.root_pa);
	err = ppt_map(&s.twin.handle[0], VA * 3, PPT_PA_ALLOC, 40 * 4096, RW, 0,
		      NULL);
	assert_true(err == PPT_E_AGAIN || err == PPT_E_NOSPC);
	assert_int_equal(ppt_tlb_flushed(s.pf.pool, gather.ticket + 1000),
			 PPT_E_INVAL);
	assert_int_equal(twin_flush_tlb(&s.twin), 0);
	must(&s, op_map(0, VA * 3, PPT_PA_ALLOC, 40, 0));
	settled(&s);
	stage_close(&s);
}

static void ppt_iter_next__windows_show_what_lies_in_them(void **state)
{
	struct rng r = { .state = 11 };
	struct stage s;

	stage_open(&s, 2 * MIB, PPT_ATTACH_NO_MMU);
	must(&s, op_map(0, VA, DRAM, 262144, 0));
	must(&s, op_map(0, VA * 2 + 4096, DRAM + PPT_SIZE_1G, 1500, 0));
	must(&s, op_map(0, 0 - PPT_SIZE_2M, DRAM, 512, 0));
	must(&s, op_unmap(0, VA + 5 * PPT_SIZE_2M + 4096, 3));
	for (unsigned i = 0; i < 400; i++) {
		uint64_t va =
			VA - PPT_SIZE_2M +
			(rng_below(&r, UINT64_C(3) << 30) & ~UINT64_C(0xfff));
		uint64_t last = (va + rng_below(&r, UINT64_C(1) << 31)) | 0xfff;

		if (view_check_space(&s.twin.handle[0], &s.twin.now.space[0],
				     va, i % 5 ? last : UINT64_MAX,
				     &s.twin.why))
			fail_msg("%s", s.twin.why.text);
	}
	settled(&s);
	stage_close(&s);
}

/* Nothing is in the hole, whichever way a window ends in it. */
static void ppt_iter_next__window_into_the_hole_shows_canonical(void **state)
{
	const uint64_t end = UINT64_C(1) << 47;
	struct stage s;

	stage_open(&s, 2 * MIB, PPT_ATTACH_NO_MMU);
	must(&s, op_map(0, end - 8192, DRAM, 2, 0));
	must(&s, op_map(0, 0 - end, DRAM + PPT_SIZE_1G, 4, 0));
	for (uint64_t i = 1; i < 5; i++) {
		const uint64_t window[][2] = {
			{ end - 8192, end + i * 4096 - 1 },
			{ end, end + i * 4096 - 1 },
			{ end + i * 4096, UINT64_MAX },
			{ 0 - end - i * 4096, UINT64_MAX },
			{ 0, 0 - end - 1 },
		};

		for (unsigned k = 0; k < 5; k++)
			if (view_check_space(&s.twin.handle[0],
					     &s.twin.now.space[0], window[k][0],
					     window[k][1], &s.twin.why))
				fail_msg("window %#llx..%#llx: %s",
					 (unsigned long long)window[k][0],
					 (unsigned long long)window[k][1],
					 s.twin.why.text);
	}
	stage_close(&s);
}

static void ppt_probe__foreign_media_is_refused(void **state)
{
	struct ppt_geometry g;
	struct stage s;

	stage_open(&s, MIB, PPT_ATTACH_NO_MMU);
	assert_int_equal(ppt_probe(s.pf.media, MIB, &g, NULL), 0);
	assert_int_equal(g.bytes, MIB);
	assert_int_equal(g.phys_base, POOL_FIXTURE_PHYS);
	assert_int_equal(ppt_probe(s.pf.media, MIB - 4096, &g, NULL),
			 PPT_E_SIZE);
	assert_int_equal(pool_fixture_detach(&s.pf), 0);
	memset(s.pf.writable, 0, 8192);
	assert_int_equal(ppt_probe(s.pf.media, MIB, &g, NULL), PPT_E_MAGIC);
	assert_int_equal(pool_fixture_attach(&s.pf, NULL), PPT_E_MAGIC);
	memset(s.pf.writable, 0xff, 8192);
	assert_int_equal(ppt_probe(s.pf.media, MIB, &g, NULL), PPT_E_MAGIC);
	pool_fixture_drop(&s.pf);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_map__frame_shared_to_the_limit_stays_counted),
		cmocka_unit_test(ppt_map__out_of_pages_leaves_the_rest_usable),
		cmocka_unit_test(
			ppt_protect__huge_range_after_many_small_ones_succeeds),
		cmocka_unit_test(ppt_attach__read_only_refuses_every_change),
		cmocka_unit_test(ppt_begin__misuse_is_refused),
		cmocka_unit_test(ppt_region_remove__mapped_frame_is_named),
		cmocka_unit_test(ppt_attach__impossible_memory_map_is_refused),
		cmocka_unit_test(ppt_attach__small_scratch_is_refused),
		cmocka_unit_test(ppt_space_create__names_are_checked),
		cmocka_unit_test(ppt_space_create__many_come_and_go),
		cmocka_unit_test(ppt_tlb_flushed__frames_wait_for_it),
		cmocka_unit_test(ppt_iter_next__windows_show_what_lies_in_them),
		cmocka_unit_test(
			ppt_iter_next__window_into_the_hole_shows_canonical),
		cmocka_unit_test(ppt_probe__foreign_media_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
