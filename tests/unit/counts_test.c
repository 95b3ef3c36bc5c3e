/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counts_test.c - exact numbers of fences, flushes and journal lines, and the
 * share of the pool that metadata takes.
 *
 * Layer: tests.  Bounds from the headers and the design (one line, one fence).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/pool_fixture.h"

#define VA UINT64_C(0x40000000)
#define DRAM POOL_FIXTURE_DRAM
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)
#define MIB (UINT64_C(1) << 20)

struct bench {
	struct pool_fixture pf;
	struct ppt_space space;
	struct ppt_stats was;
};

static void bench_open(struct bench *b, uint64_t bytes, uint64_t journal_bytes)
{
	struct pool_fixture_options o = {
		.bytes = bytes,
		.journal_bytes = journal_bytes,
		.attach_flags = PPT_ATTACH_NO_MMU,
	};

	pool_fixture_ready(&b->pf, &o);
	assert_int_equal(ppt_space_create(b->pf.pool, "s", PPT_FORMAT_X86_64_4,
					  &b->space, NULL),
			 0);
	/* a table that exists */
	assert_int_equal(ppt_map(&b->space, VA, DRAM, 4096, RW, 0, NULL), 0);
}

static void bench_close(struct bench *b)
{
	pool_fixture_close(&b->pf);
}

static void mark(struct bench *b)
{
	ppt_stats(b->pf.pool, &b->was);
}

static uint64_t fences(struct bench *b)
{
	struct ppt_stats now;

	ppt_stats(b->pf.pool, &now);
	return now.pm.fences - b->was.pm.fences;
}

static uint64_t lines(struct bench *b)
{
	struct ppt_stats now;

	ppt_stats(b->pf.pool, &now);
	return now.journal_lines - b->was.journal_lines;
}

static uint64_t flushes(struct bench *b)
{
	struct ppt_stats now;

	ppt_stats(b->pf.pool, &now);
	return now.pm.flushes - b->was.pm.flushes;
}

static uint64_t commits(struct bench *b)
{
	struct ppt_stats now;

	ppt_stats(b->pf.pool, &now);
	return now.commits - b->was.commits;
}

#define assert_cost(b, f, l)                                                   \
	do {                                                                   \
		assert_int_equal(fences(b), f);                                \
		assert_int_equal(lines(b), l);                                 \
		assert_int_equal(flushes(b), 0);                               \
		assert_int_equal(commits(b), 1);                               \
	} while (0)

static void ppt_map__one_page_takes_one_fence_and_line(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA + 4096, DRAM + 0x9000, 4096, RW,
				 0, NULL),
			 0);
	assert_cost(&b, 1, 1);
	bench_close(&b);
}

static void ppt_map__512_pages_take_one_fence_and_line(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA, DRAM + 0x9000, 512 * 4096, RW,
				 PPT_MAP_REPLACE, NULL),
			 0);
	assert_cost(&b, 1, 1);
	mark(&b);
	assert_int_equal(ppt_unmap(&b.space, VA + 4096, 511 * 4096, NULL), 0);
	assert_cost(&b, 1, 1);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA + 4096, DRAM + 0x9000, 511 * 4096,
				 RW, 0, NULL),
			 0);
	assert_cost(&b, 1, 1);
	mark(&b);
	assert_int_equal(ppt_protect(&b.space, VA + 4096, 511 * 4096,
				     PPT_PROT_READ, NULL),
			 0);
	assert_cost(&b, 1, 1);
	bench_close(&b);
}

static void ppt_map__pool_frame_takes_one_fence_and_line(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA + 4096, PPT_PA_ALLOC, 4096, RW,
				 PPT_MAP_UNZEROED, NULL),
			 0);
	assert_cost(&b, 1, 1);
	mark(&b);
	assert_int_equal(ppt_unmap(&b.space, VA + 4096, 4096, NULL), 0);
	assert_cost(&b, 1, 1);
	bench_close(&b);
}

static void ppt_map__zeroed_frame_takes_two_fences(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA + 4096, PPT_PA_ALLOC, 4096, RW, 0,
				 NULL),
			 0);
	assert_true(fences(&b) <= 2);
	assert_int_equal(lines(&b), 1);
	bench_close(&b);
}

static void ppt_unmap__one_page_takes_one_fence_and_line(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	assert_int_equal(ppt_map(&b.space, VA + 4096, DRAM, 8192, RW, 0, NULL),
			 0);
	mark(&b);
	assert_int_equal(ppt_unmap(&b.space, VA + 4096, 4096, NULL), 0);
	assert_cost(&b, 1, 1);
	bench_close(&b);
}

static void ppt_protect__one_page_takes_one_fence_and_line(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_protect(&b.space, VA, 4096, PPT_PROT_READ, NULL),
			 0);
	assert_cost(&b, 1, 1);
	bench_close(&b);
}

/* The fences of checkpoints come on top; what a commit takes does not grow. */
static uint64_t in_a_row(struct bench *b, unsigned count, uint64_t pages)
{
	struct ppt_stats now;

	mark(b);
	for (unsigned i = 0; i < count; i++) {
		ppt_va_t va = VA + (pages == 1 ? 4096 * (1 + i % 511) : 0);
		ppt_pa_t pa = DRAM + UINT64_C(4096) * (1 + i % 9999);

		assert_int_equal(ppt_map(&b->space, va, pa, pages * 4096, RW,
					 PPT_MAP_REPLACE | PPT_MAP_4K, NULL),
				 0);
	}
	ppt_stats(b->pf.pool, &now);
	assert_int_equal(now.commits - b->was.commits, count);
	assert_int_equal(now.journal_lines - b->was.journal_lines, count);
	print_message(
		"%u commits: %llu fences, %llu flushes, %llu "
		"checkpoints\n",
		count, (unsigned long long)(now.pm.fences - b->was.pm.fences),
		(unsigned long long)(now.pm.flushes - b->was.pm.flushes),
		(unsigned long long)(now.checkpoints - b->was.checkpoints));
	return now.pm.fences - b->was.pm.fences;
}

static void ppt_map__100000_commits_take_one_fence_each(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	assert_int_equal(in_a_row(&b, 100000, 1), 100000);
	assert_int_equal(in_a_row(&b, 100000, 512), 100000);
	bench_close(&b);
}

static void ppt_map__million_pages_take_four_fences_at_most(void **state)
{
	struct ppt_extent ext;
	struct bench b;

	bench_open(&b, 16 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_map(&b.space, VA * 4, DRAM + 4096,
				 UINT64_C(4096) << 20, RW, 0, NULL),
			 0);
	print_message("1048576 pages: %llu fences, %llu lines, %llu flushes\n",
		      (unsigned long long)fences(&b),
		      (unsigned long long)lines(&b),
		      (unsigned long long)flushes(&b));
	assert_true(fences(&b) <= 4);
	assert_int_equal(ppt_translate(&b.space, VA * 8 - 4096, &ext, NULL), 0);
	assert_int_equal(ext.pa, DRAM + VA * 4);
	bench_close(&b);
}

static void ppt_sync__1000_relaxed_maps_take_few_fences(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 1 << 18);
	assert_int_equal(ppt_set_relaxed(b.pf.pool, true), 0);
	mark(&b);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(ppt_map(&b.space, VA * 2 + 4096 * i,
					 DRAM + UINT64_C(8192) * i, 4096, RW, 0,
					 NULL),
				 0);
	assert_int_equal(fences(&b), 0);
	assert_int_equal(commits(&b), 1000);
	mark(&b);
	assert_int_equal(ppt_sync(b.pf.pool), 0);
	assert_int_equal(fences(&b), 1);
	bench_close(&b);
}

static void ppt_commit__three_singles_in_one_transaction(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	assert_int_equal(ppt_begin(b.pf.pool), 0);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(ppt_map(&b.space, VA + i * 8192,
					 DRAM + i * 8192, 4096, RW, 0, NULL),
				 0);
	assert_int_equal(fences(&b), 0);
	assert_int_equal(ppt_commit(b.pf.pool), 0);
	assert_int_equal(fences(&b), 1);
	/* four runs: three entries and the table's descriptor */
	assert_true(lines(&b) <= 2);
	bench_close(&b);
}

static void ppt_checkpoint__takes_three_fences_at_most(void **state)
{
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	for (unsigned i = 1; i < 100; i++)
		assert_int_equal(ppt_map(&b.space, VA + 4096 * i,
					 DRAM + UINT64_C(8192) * i, 4096, RW, 0,
					 NULL),
				 0);
	mark(&b);
	assert_int_equal(ppt_checkpoint(b.pf.pool), 0);
	assert_true(fences(&b) <= 3);
	/* 99 entries in 13 lines, descriptors, the tail */
	assert_true(flushes(&b) <= 13 + 8);
	bench_close(&b);
}

static void ppt_translate__stores_nothing(void **state)
{
	struct ppt_extent ext;
	struct ppt_stats now;
	struct bench b;

	bench_open(&b, 8 * MIB, 64 << 10);
	mark(&b);
	for (unsigned i = 0; i < 100; i++)
		(void)ppt_translate(&b.space, VA + i * 4096, &ext, NULL);
	ppt_stats(b.pf.pool, &now);
	assert_int_equal(now.pm.stores, b.was.pm.stores);
	assert_int_equal(now.pm.streams, b.was.pm.streams);
	assert_int_equal(now.pm.fences, b.was.pm.fences);
	bench_close(&b);
}

static void overhead(uint64_t bytes)
{
	struct pool_fixture_options o = {
		.bytes = bytes,
		.journal_bytes = PPT_JOURNAL_BYTES_MIN,
		.zeroed_media = true,
	};
	struct pool_fixture pf;
	struct ppt_usage u;
	uint64_t meta;

	pool_fixture_ready(&pf, &o);
	assert_int_equal(ppt_usage(pf.pool, &u, NULL), 0);
	assert_int_equal(u.free_pages + u.fixed_pages + u.meta_pages +
				 u.table_pages + u.data_pages,
			 bytes / 4096);
	meta = u.fixed_pages + u.meta_pages - o.journal_bytes / 4096;
	print_message("%llu MiB: %llu pages of metadata, %.3f %%\n",
		      (unsigned long long)(bytes / MIB),
		      (unsigned long long)meta,
		      100.0 * (double)meta * 4096 / (double)bytes);
	assert_true(meta * 4096 * 400 <= bytes);
	pool_fixture_close(&pf);
}

static void ppt_usage__metadata_takes_a_quarter_percent(void **state)
{
	/*
	 * Superblocks, directory and reclaim list are four pages however small
	 * the pool is: 0.25 % holds from here up.
	 */
	overhead(32 * MIB);
	overhead(64 * MIB);
	overhead(1024 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_map__one_page_takes_one_fence_and_line),
		cmocka_unit_test(ppt_map__512_pages_take_one_fence_and_line),
		cmocka_unit_test(ppt_map__pool_frame_takes_one_fence_and_line),
		cmocka_unit_test(ppt_map__zeroed_frame_takes_two_fences),
		cmocka_unit_test(ppt_unmap__one_page_takes_one_fence_and_line),
		cmocka_unit_test(
			ppt_protect__one_page_takes_one_fence_and_line),
		cmocka_unit_test(ppt_map__100000_commits_take_one_fence_each),
		cmocka_unit_test(
			ppt_map__million_pages_take_four_fences_at_most),
		cmocka_unit_test(ppt_sync__1000_relaxed_maps_take_few_fences),
		cmocka_unit_test(ppt_commit__three_singles_in_one_transaction),
		cmocka_unit_test(ppt_checkpoint__takes_three_fences_at_most),
		cmocka_unit_test(ppt_translate__stores_nothing),
		cmocka_unit_test(ppt_usage__metadata_takes_a_quarter_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
