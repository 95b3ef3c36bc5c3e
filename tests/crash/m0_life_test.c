/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * m0_life_test.c - crash what happens over the life of a pool: spaces, relaxed
 * commits, transactions, wraps of the ring, checkpoints, reuse of pages, moved
 * memory.  See tests/support/rig.h for the models.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../support/workload.h"

static int run_spaces(struct rig *rig)
{
	bool left;
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA * 4, PPT_PA_ALLOC, 30, 0),
			   op_map(0, VA * 5 + 4096, DRAM, 1200, 0));
	if (!err)
		err = rig_fill(rig);
	rig_start(rig);
	if (!err)
		err = EACH(rig, op_create(2, PPT_FORMAT_X86_64_4),
			   op_map(2, VA, PPT_PA_ALLOC, 2, 0), op_delete(0),
			   op_create(0, PPT_FORMAT_X86_64_5));
	if (!err)
		err = rig_reclaim(rig, 2, &left);
	if (!err)
		err = EACH(rig, op_map(0, VA, PPT_PA_ALLOC, 9, 0),
			   op_delete(2));
	if (!err)
		err = workload_reclaim(rig);
	if (!err)
		err = EACH(rig, op_map(1, VA + 8192, PPT_PA_ALLOC, 9, 0),
			   op_delete(1), op_delete(0));
	return err;
}

static int run_relaxed(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	if (!err)
		err = rig_relaxed(rig, true);
	for (unsigned i = 1; i < 60 && !err; i++) {
		err = EACH(rig, op_map(0, VA + i * 4096, DRAM + i * 8192, 1, 0),
			   op_map(1, VA + i * 8192, PPT_PA_ALLOC, 1, 0),
			   op_unmap(1, VA + (i - 1) * 8192, 1));
		if (!err && i % 7 == 0)
			err = rig_sync(rig);
		if (!err && i == 40)
			err = rig_checkpoint(rig);
	}
	if (!err)
		err = rig_relaxed(rig, false);
	return err;
}

/* Frames go round while nothing is fenced: none may be reused too early. */
static int run_relaxed_frames(struct rig *rig)
{
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA * 4, PPT_PA_ALLOC, 100, 0),
			   op_map(0, VA * 5, PPT_PA_ALLOC, 40, 0));
	if (!err)
		err = rig_fill(rig);
	if (!err)
		err = rig_relaxed(rig, true);
	rig_start(rig);
	for (unsigned i = 0; i < 8 && !err; i++) {
		uint64_t at = VA * 4 + i * 0xa000;
		struct op op = op_map(1, at, PPT_PA_ALLOC, 10, 0);

		err = EACH(rig, op_unmap(0, at, 10));
		if (!err)
			err = rig_try(rig, &op);
		if (!err && i % 3 == 2)
			err = rig_sync(rig);
		if (!err && i % 3 == 2)
			err = rig_fill(rig);
	}
	if (!err)
		err = rig_relaxed(rig, false);
	return err;
}

static int run_wrap(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 1; i < 1300 && !err; i++) {
		uint64_t at = (i * 37) % 900;

		err = EACH(rig, op_map(i % 2, VA + 4096 * at,
				       DRAM + UINT64_C(4096) * i, 1 + i % 3,
				       PPT_MAP_REPLACE));
	}
	return err;
}

static int run_checkpoint(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 1; i < 40 && !err; i++) {
		err = EACH(rig,
			   op_map(i % 2, VA + i * 4096, DRAM + i * 4096, 1, 0));
		if (!err && i % 9 == 0)
			err = rig_checkpoint(rig);
	}
	return err;
}

static int run_transactions(struct rig *rig)
{
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM, 1024, 0),
			   op_map(1, VA * 4, PPT_PA_ALLOC, 6, 0));
	if (!err)
		err = rig_fill(rig);
	rig_start(rig);
	if (!err)
		err = TXN(rig, op_map(0, VA + 4096, PPT_PA_ALLOC, 4, 0),
			  op_unmap(0, VA + 8192, 2),
			  op_protect(0, VA * 4 + 0x5000, 6, PPT_PROT_READ),
			  op_unmap(1, VA * 4, 3),
			  op_create(2, PPT_FORMAT_X86_64_4),
			  op_map(2, VA, DRAM, 700, 0),
			  op_map(1, HIGH, PPT_PA_ALLOC, 2, 0));
	if (!err)
		err = rig_fill(rig);
	if (!err)
		err = TXN(rig, op_delete(2), op_unmap(0, VA, 1024),
			  op_map(0, VA, DRAM, 1, 0), op_unmap(0, VA, 1),
			  op_map(1, VA * 4, DRAM, 512, PPT_MAP_REPLACE));
	if (!err)
		err = TXN(rig, op_map(0, VA * 9, PPT_PA_ALLOC, 20, 0),
			  op_map(1, VA * 9, PPT_PA_ALLOC, 20, 0),
			  op_protect(1, VA * 9, 7, PPT_PROT_READ));
	return err;
}

/* Tables are freed, and data frames take their place, and the reverse. */
static int run_reuse(struct rig *rig)
{
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA * 8, PPT_PA_ALLOC, 120, 0));
	if (!err)
		err = rig_fill(rig);
	rig_start(rig);
	for (unsigned i = 0; i < 4 && !err; i++) {
		struct op op = op_map(1, VA * 4, PPT_PA_ALLOC, 60, 0);

		/* tables */
		for (uint64_t k = 0; k < 60 && !err; k++) {
			struct op map = op_map(0, VA * 4 + k * 2 * MIB,
					       DRAM + 4096, 1, 0);

			err = rig_try(rig, &map);
		}
		if (!err)
			err = EACH(rig, op_unmap(0, VA * 4, 512 * 60));
		/* frames, out of the same pages */
		if (!err)
			err = rig_try(rig, &op);
		if (!err)
			err = rig_fill(rig);
		if (!err)
			err = EACH(rig, op_unmap(1, VA * 4, 60));
	}
	return err;
}

static int run_random(struct rig *rig)
{
	struct opgen gen = {
		.rng = { .state = rig->seed ^ 0xabc },
		.max_small = 600,
		.max_alloc = 30,
		.error_once = 30,
		.space_once = 20,
		.large_once = 5,
		.sweep_once = 30,
		.map_weight = 6,
	};
	struct rng *r = &gen.rng;
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 150 && !err; i++) {
		struct op op;

		opgen_next(&gen, &rig->twin.now, &op);
		err = rig_try(rig, &op);
		if (!err && rng_once_in(r, 5) && !rig->twin.relaxed)
			err = rig_fill(rig);
		if (!err && rng_once_in(r, 15))
			err = rig_reclaim(rig, rng_below(r, 4), NULL);
		if (!err && rng_once_in(r, 25))
			err = rig_checkpoint(rig);
		if (!err && rng_once_in(r, 10))
			err = rig_relaxed(rig, !rig->twin.relaxed);
	}
	return err;
}

/* Large and small operations and transactions, on a small ring. */
static int run_mixed(struct rig *rig)
{
	struct opgen gen = {
		.rng = { .state = rig->seed ^ 0xdef },
		.max_small = 1200,
		.max_alloc = 60,
		.space_once = 25,
		.huge_once = 8,
		.large_once = 5,
		.sweep_once = 15,
		.map_weight = 6,
	};
	struct rng *r = &gen.rng;
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 80 && !err; i++) {
		struct op op[6];
		unsigned n = rng_once_in(r, 3) ? 1 + i % 6 : 1;

		for (unsigned k = 0; k < n; k++)
			opgen_next(&gen, &rig->twin.now, &op[k]);
		err = n == 1 ? rig_try(rig, op) : rig_try_txn(rig, op, n);
		if (!err && rng_once_in(r, 6))
			err = rig_fill(rig);
		if (!err && rng_once_in(r, 8))
			err = rig_reclaim(rig, rng_below(r, 40), NULL);
	}
	return err;
}

static void move(const struct rig *rig, struct ppt_memory_map *map)
{
	*map = rig->twin.now.regions;
	map->region[0].base += 6 * PPT_SIZE_2M;
	map->region[1].base += 3 * PPT_SIZE_1G;
	map->region[3].base += 2 * PPT_SIZE_2M;
}

static int moved_pool(struct rig *rig, bool clean)
{
	struct ppt_memory_map map;
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA + 4096, DRAM, 1500, 0),
			   op_map(0, VA * 4, DRAM + PPT_SIZE_1G, 262144, 0),
			   op_map(0, VA * 5, DRAM + PPT_SIZE_2M, 1025, 0),
			   op_map(1, VA * 4, PPT_PA_ALLOC, 40, 0),
			   op_map(1, HIGH, POOL_FIXTURE_DEVICE, 7, 0),
			   op_map(0, HIGH, POOL_FIXTURE_PMEM, 7, 0));
	if (!err)
		err = rig_fill(rig);
	if (!err && !clean)
		err = EACH(rig, op_unmap(1, VA * 4 + 4096, 4),
			   op_map(0, VA * 6, DRAM, 40, 0));
	move(rig, &map);
	rig_start(rig);
	if (!err)
		err = rig_restart(rig, clean, &map);
	if (!err)
		err = EACH(rig, op_map(0, VA * 7, map.region[1].base, 40, 0),
			   op_map(1, VA * 7, PPT_PA_ALLOC, 4, 0));
	return err;
}

static int run_moved(struct rig *rig)
{
	return moved_pool(rig, true);
}

static int run_moved_dirty(struct rig *rig)
{
	return moved_pool(rig, false);
}

static int run_regions(struct rig *rig)
{
	const struct ppt_region more = {
		.uuid = { .b = { 7, 7, 7 } },
		.kind = PPT_REGION_PMEM,
		.base = UINT64_C(0x90000000000),
		.len = PPT_SIZE_1G,
	};
	int err = workload_set_up(rig);

	rig_start(rig);
	if (!err)
		err = rig_region_add(rig, &more);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, more.base, 4, 0),
			   op_unmap(0, VA * 4, 4));
	if (!err)
		err = rig_region_remove(rig, &more.uuid);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM, 4, 0));
	if (!err)
		err = rig_region_add(rig, &more);
	return err;
}

/* A and D bits come and go as they like. */
static int run_touched(struct rig *rig)
{
	struct opgen gen = {
		.rng = { .state = rig->seed ^ 0x777 },
		.max_small = 600,
		.max_alloc = 20,
		.large_once = 5,
		.sweep_once = 30,
		.map_weight = 6,
	};
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 60 && !err; i++) {
		struct op op;

		opgen_next(&gen, &rig->twin.now, &op);
		err = rig_try(rig, &op);
		rig_touch(rig, &gen.rng);
		if (!err && i % 7 == 0)
			err = twin_flush_tlb(&rig->twin);
		if (!err && i % 5 == 0)
			err = rig_fill(rig);
		if (!err && i % 16 == 15)
			err = rig_checkpoint(rig);
	}
	return err;
}

/* X(test, workload, MiB of pool, images) */
#define WORKLOADS(X)                                                           \
	X(ppt_space_delete__crash_recovers, spaces, 1, 900)                    \
	X(ppt_sync__crash_in_relaxed_recovers, relaxed, 1, 900)                \
	X(ppt_sync__crash_never_shows_reused_frames, relaxed_frames, 1, 700)   \
	X(ppt_checkpoint__crash_in_wrap_recovers, wrap, 1, 1500)               \
	X(ppt_checkpoint__crash_recovers, checkpoint, 1, 900)                  \
	X(ppt_commit__crash_recovers, transactions, 1, 900)                    \
	X(ppt_map__crash_with_reused_pages_recovers, reuse, 1, 1500)           \
	X(ppt_commit__crash_in_random_recovers, random, 1, 2500)               \
	X(ppt_commit__crash_in_mixed_recovers, mixed, 4, 1000)                 \
	X(ppt_attach__crash_while_moving_recovers, moved, 1, 700)              \
	X(ppt_attach__crash_while_moving_dirty_recovers, moved_dirty, 1, 700)  \
	X(ppt_region_add__crash_recovers, regions, 1, 500)

WORKLOADS(WORKLOAD_TEST)

static void ppt_map__crash_with_accessed_bits_recovers(void **state)
{
	int err = workload_crash("touched", run_touched, 1, 1500, true);

	if (err > 0)
		skip();
	assert_int_equal(err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORKLOADS(WORKLOAD_ENTRY) cmocka_unit_test(
			ppt_map__crash_with_accessed_bits_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
