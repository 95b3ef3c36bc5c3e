/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * profiles.c - the writers: one row, one way of using a pool.
 *
 * Layer: sim.
 */
#include "sim/kill/kill.h"

#define MIB (UINT64_C(1) << 20)

/* A bit of everything. */
#define MIXED                                                                  \
	.max_small = 600, .max_alloc = 16, .error_once = 40,                   \
	.space_once = 100, .large_once = 4, .sweep_once = 40,                  \
	.sized_alloc = true, .map_weight = 6

const struct kill_profile kill_profiles[] = {
	{ .name = "singles",
	  .what = "a few pages at a time, each change its own commit",
	  .bytes = 4 * MIB,
	  .gen = { .max_small = 4,
		   .max_alloc = 4,
		   .error_once = 40,
		   .space_once = 200,
		   .sized_alloc = true,
		   .map_weight = 6 },
	  .restart_once = 300 },
	{ .name = "ranges",
	  .what = "ranges over several tables, large leaves, huge ranges",
	  .bytes = 4 * MIB,
	  .gen = { .max_small = 2000,
		   .max_alloc = 64,
		   .error_once = 40,
		   .space_once = 50,
		   .huge_once = 12,
		   .large_once = 4,
		   .sweep_once = 20,
		   .sized_alloc = true,
		   .map_weight = 6 },
	  .reclaim_once = 40 },
	{ .name = "transactions",
	  .what = "up to 8 changes in one commit, and checkpoints",
	  .bytes = 4 * MIB,
	  .gen = { MIXED },
	  .txn_once = 2,
	  .checkpoint_once = 60 },
	{ .name = "relaxed",
	  .what = "commits without a fence, and a sync after 40 steps",
	  .bytes = 4 * MIB,
	  .gen = { MIXED },
	  .txn_once = 10,
	  .sync_every = 40,
	  .checkpoint_once = 200,
	  .restart_once = 400 },
	{ .name = "spaces",
	  .what = "spaces made, filled with huge ranges, swept and deleted",
	  .bytes = 4 * MIB,
	  .gen = { .max_small = 1200,
		   .max_alloc = 32,
		   .error_once = 60,
		   .space_once = 4,
		   .huge_once = 6,
		   .large_once = 4,
		   .sweep_once = 6,
		   .sized_alloc = true,
		   .map_weight = 8 },
	  .reclaim_once = 8 },
	{ .name = "full",
	  .what = "a pool that is out of pages most of the time",
	  .bytes = MIB,
	  .gen = { .max_small = 1500,
		   .max_alloc = 48,
		   .error_once = 60,
		   .space_once = 100,
		   .large_once = 6,
		   .sized_alloc = true,
		   .map_weight = 9 },
	  .txn_once = 12 },
	{ .name = "hardware",
	  .what = "tables that an MMU walks, frees that wait for TLB flushes",
	  .bytes = 4 * MIB,
	  .gen = { MIXED },
	  .txn_once = 10,
	  .flush_once = 12 },
	{ .name = "moved",
	  .what = "memory that is elsewhere at every restart",
	  .bytes = 2 * MIB,
	  .gen = { MIXED },
	  .txn_once = 10,
	  .restart_once = 200,
	  .moves = true },
};

const unsigned kill_profile_count =
	sizeof(kill_profiles) / sizeof(kill_profiles[0]);

_Static_assert(sizeof(kill_profiles) / sizeof(kill_profiles[0]) <=
		       KILL_PROFILES_MAX,
	       "struct kill_result has a tally for each");
