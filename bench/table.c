/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured, in the order in which it is printed.
 *
 * Layer: bench.  A floor stands before what is compared with it.
 */
#include "bench.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HUGE_N (UINT64_C(1) << 20)

static struct bench single[] = {
	{ .name = "bare_store",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .what = "floor: 8-byte store, flush, fence; slots as map_seq_1",
	  .ops = &bench_bare_store },
	{ .name = "map_seq_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store",
	  .what = "durable map of one page, one after the other",
	  .ops = &bench_map_seq_1 },
	{ .name = "bare_store_rand",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .what = "floor: 8-byte store, flush, fence; slots as map_rand_1",
	  .ops = &bench_bare_store_rand },
	{ .name = "map_rand_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store_rand",
	  .what = "durable map of one page, random in a dense 64 GiB",
	  .ops = &bench_map_rand_1 },
	{ .name = "line_persist",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .what = "floor: one 64-byte non-temporal line into a ring, fence",
	  .ops = &bench_line_persist },
	{ .name = "unmap_seq_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store",
	  .what = "durable unmap of one page",
	  .ops = &bench_unmap_seq_1 },
	{ .name = "relaxed_map_seq_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store",
	  .what = "map_seq_1 with relaxed commits, one sync for 16384",
	  .ops = &bench_relaxed_map_seq_1 },
	{ .name = "map_alloc_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store",
	  .what = "durable map of one zeroed frame of the pool",
	  .ops = &bench_map_alloc_1 },
	{ .name = "map_alloc_unzeroed_1",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "bare_store",
	  .what = "the same with PPT_MAP_UNZEROED",
	  .ops = &bench_map_alloc_1,
	  .arg = PPT_MAP_UNZEROED },
	{ .name = "walk_hot",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .what = "floor: four loads down a tree, 4096 pages, random",
	  .ops = &bench_walk_hot },
	{ .name = "translate_hot",
	  .unit = "ns",
	  .n = 1,
	  .per = 1,
	  .ratio_to = "walk_hot",
	  .what = "translate, 4096 pages, random",
	  .ops = &bench_translate_hot },
};

static struct bench range[] = {
	{ .name = "fill_512",
	  .unit = "ns/page",
	  .n = 512,
	  .per = 512,
	  .what = "floor: 512 non-temporal 8-byte stores, one fence",
	  .ops = &bench_fill_512 },
	{ .name = "map_range_512",
	  .unit = "ns/page",
	  .n = 511,
	  .per = 511,
	  .ratio_to = "fill_512",
	  .what = "511 pages, the rest of an existing table, one commit",
	  .ops = &bench_map_range },
	{ .name = "map_range_512_new",
	  .unit = "ns/page",
	  .n = 512,
	  .per = 512,
	  .ratio_to = "fill_512",
	  .what = "512 pages in a table that the commit makes",
	  .ops = &bench_map_range_new },
	{ .name = "map_replace_512",
	  .unit = "ns/page",
	  .n = 512,
	  .per = 512,
	  .ratio_to = "fill_512",
	  .what = "512 pages instead of 512 others (PPT_MAP_REPLACE)",
	  .ops = &bench_map_replace },
	{ .name = "protect_512",
	  .unit = "ns/page",
	  .n = 512,
	  .per = 512,
	  .ratio_to = "fill_512",
	  .what = "rights of 512 pages, frames one after the other",
	  .ops = &bench_protect },
	{ .name = "protect_512_scattered",
	  .unit = "ns/page",
	  .n = 512,
	  .per = 512,
	  .ratio_to = "fill_512",
	  .what = "rights of 512 pages, frames all over the place",
	  .ops = &bench_protect_scattered },
	{ .name = "map_huge_range",
	  .unit = "ns/page",
	  .n = HUGE_N,
	  .per = HUGE_N,
	  .ratio_to = "fill_512",
	  .what = "1048576 pages of 4 KiB, one commit",
	  .ops = &bench_map_huge },
	{ .name = "unmap_huge",
	  .unit = "ns",
	  .n = HUGE_N,
	  .per = 1,
	  .what = "1048576 pages of 4 KiB, one commit; not yet reclaimed",
	  .ops = &bench_unmap_huge },
	{ .name = "reclaim_huge",
	  .unit = "ns/page",
	  .n = HUGE_N,
	  .per = HUGE_N,
	  .ratio_to = "fill_512",
	  .what = "giving back the tables of unmap_huge, bounded steps",
	  .ops = &bench_reclaim_huge },
};

#define ATTACH(MODE, SIZE, FLOOR, TEXT)                                        \
	{                                                                      \
		.name = "attach_" #MODE "_" #SIZE, .unit = "ns",               \
		.n = (uint64_t)SIZE, .per = 1, .ratio_to = FLOOR,              \
		.what = TEXT, .ops = &bench_attach_##MODE,                     \
	}
#define CLEAN "open to first translation after a clean close"
#define DIRTY "the same after a crash, 4096 live journal lines"
#define FULL "the same after a crash with the fullest journal"
#define MOVED "the same, pool and DRAM moved; eager: all tables rebased"

static struct bench clean[] = {
	{ .name = "bare_restart",
	  .unit = "ns",
	  .n = 0,
	  .per = 1,
	  .what = "floor: open, mmap and four loads",
	  .ops = &bench_bare_restart },
	ATTACH(clean, 1e5, "bare_restart", CLEAN),
	ATTACH(clean, 1e6, "bare_restart", CLEAN),
	ATTACH(clean, 1e7, "bare_restart", CLEAN),
	ATTACH(clean, 1e8, "bare_restart", CLEAN),
};

static struct bench dirty[] = {
	ATTACH(dirty, 1e5, NULL, DIRTY),
	ATTACH(dirty, 1e6, NULL, DIRTY),
	ATTACH(dirty, 1e7, NULL, DIRTY),
	ATTACH(dirty, 1e8, NULL, DIRTY),
	ATTACH(dirty_full, 1e5, NULL, FULL),
	ATTACH(dirty_full, 1e6, NULL, FULL),
	ATTACH(dirty_full, 1e7, NULL, FULL),
	ATTACH(dirty_full, 1e8, NULL, FULL),
};

static struct bench moved[] = {
	ATTACH(moved, 1e5, NULL, MOVED),
	ATTACH(moved, 1e6, NULL, MOVED),
	ATTACH(moved, 1e7, NULL, MOVED),
};

const struct bench_group bench_groups[BENCH_GROUPS] = {
	{ single, COUNT(single), 5 }, { range, COUNT(range), 5 },
	{ clean, COUNT(clean), 5 },   { dirty, COUNT(dirty), 3 },
	{ moved, COUNT(moved), 1 },
};
