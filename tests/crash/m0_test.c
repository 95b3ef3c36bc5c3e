/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * m0_test.c - crash every kind of operation in process, under the models M0
 * (all stores kept), "only what was fenced", M1 and M2 (any word pending), and
 * again inside recovery.  See tests/support/rig.h.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../support/opgen.h"
#include "../support/rig.h"

#define DRAM POOL_FIXTURE_DRAM
#define VA UINT64_C(0x40000000)
#define HIGH (UINT64_C(0) - PPT_SIZE_1G)
#define MIB (UINT64_C(1) << 20)

/* Run @count operations, all strict. */
static int each(struct rig *rig, const struct op *ops, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int err = rig_op(rig, &ops[i]);

		if (err)
			return err;
	}
	return 0;
}

#define EACH(rig, ...)                                                         \
	each(rig, (const struct op[]){ __VA_ARGS__ },                          \
	     sizeof((const struct op[]){ __VA_ARGS__ }) / sizeof(struct op))

#define TXN(rig, ...)                                                          \
	rig_txn(rig, (const struct op[]){ __VA_ARGS__ },                       \
		sizeof((const struct op[]){ __VA_ARGS__ }) /                   \
			sizeof(struct op))

/* Two spaces and a table that is in use. */
static int set_up(struct rig *rig)
{
	return EACH(rig, op_create(0, PPT_FORMAT_X86_64_4),
		    op_create(1, PPT_FORMAT_X86_64_5),
		    op_map(0, VA, DRAM, 1, 0), op_map(1, VA, DRAM, 1, 0));
}

static int run_single(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	for (unsigned i = 1; i < 6 && !err; i++)
		err = EACH(rig,
			   op_map(i % 2, VA + i * 4096, DRAM + i * 8192, 1, 0));
	return err;
}

static int run_single_pool(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA + 4096, PPT_PA_ALLOC, 1, 0),
			   op_map(1, VA + 4096, PPT_PA_ALLOC, 3,
				  PPT_MAP_UNZEROED),
			   op_map(1, VA + 0x8000, PPT_PA_ALLOC, 5, 0));
	if (!err)
		err = rig_fill(rig);
	if (!err)
		err = EACH(rig, op_unmap(1, VA + 4096, 2),
			   op_map(0, VA + 0x9000, PPT_PA_ALLOC, 4, 0));
	return err;
}

static int run_range_512(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA + 4096, DRAM + 8192, 511, 0),
			   op_map(0, VA, DRAM + 4 * MIB + 4096, 512,
				  PPT_MAP_REPLACE),
			   op_protect(0, VA, 512, PPT_PROT_READ),
			   op_unmap(0, VA, 512));
	return err;
}

static int run_tables(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA + 8192, DRAM + 4096, 1300, 0),
			   op_map(1, HIGH - 700 * 4096, DRAM + 8192, 1100, 0),
			   op_protect(0, VA + 0x10000, 900, PPT_PROT_READ),
			   op_unmap(0, VA + 0x20000, 1000));
	return err;
}

static int run_all_levels(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, HIGH, DRAM + 4096, 1, 0),
			   op_map(1, HIGH, DRAM + 4096, 1, 0),
			   op_map(1, UINT64_C(0xff00000000000000), DRAM, 1, 0),
			   op_map(0, 0, PPT_PA_ALLOC, 1, 0),
			   op_unmap(0, HIGH, 1), op_unmap(1, HIGH, 1),
			   op_unmap(0, 0, 1));
	return err;
}

static int run_split(struct rig *rig)
{
	int err = set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, 4 * VA, DRAM, 512 * 512, 0),
			   op_map(1, VA * 4, DRAM, 1024, 0));
	rig_start(rig);
	if (!err)
		err = EACH(rig, op_unmap(1, VA * 4 + 0x7000, 3),
			   op_protect(1, VA * 4 + 2 * MIB, 100,
				      PPT_PROT_READ | PPT_PROT_EXEC),
			   op_protect(0, VA * 4 + 3 * MIB, 1, PPT_PROT_READ),
			   op_unmap(0, VA * 4 + 17 * MIB, 512 * 3 + 1),
			   op_unmap(0, VA * 4, 512 * 512));
	return err;
}

static int run_replace(struct rig *rig)
{
	const uint32_t flags = PPT_MAP_REPLACE;
	int err = set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, 4 * VA, PPT_PA_ALLOC, 8, 0),
			   op_map(1, 4 * VA, DRAM + 4096, 600, 0));
	if (!err)
		err = rig_fill(rig);
	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, 4 * VA + 4096, DRAM, 2, flags),
			   op_map(0, 4 * VA, PPT_PA_ALLOC, 6, flags),
			   op_map(0, 4 * VA, DRAM, 512, flags),
			   op_map(1, 4 * VA, DRAM, 512, flags),
			   op_map(1, 4 * VA + 4096, PPT_PA_ALLOC, 2, flags),
			   op_map(1, 4 * VA, DRAM, 1024, flags));
	return err;
}

static int run_alias(struct rig *rig)
{
	uint64_t pa;
	int err = set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, 4 * VA, PPT_PA_ALLOC, 4, 0));
	if (!err)
		err = rig_fill(rig);
	if (err)
		return err;
	pa = oracle_find(&rig->w.now.space[0], 4 * VA)->pa;
	rig_start(rig);
	return EACH(rig, op_map(1, 4 * VA, pa, 1, 0),
		    op_map(1, 5 * VA, pa, 1, 0), op_unmap(0, 4 * VA, 4),
		    op_map(0, 4 * VA, PPT_PA_ALLOC, 4, 0),
		    op_unmap(1, 4 * VA, 1), op_unmap(1, 5 * VA, 1),
		    op_map(0, 5 * VA, PPT_PA_ALLOC, 2, 0));
}

static int reclaim_slowly(struct rig *rig)
{
	bool left = true;
	int err = 0;

	for (unsigned i = 0; i < 4000 && left && !err; i++)
		err = rig_reclaim(rig, 1 + i / 4, &left);
	return err;
}

static int run_huge(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM + 4096, 512 * 450, 0),
			   op_map(1, VA * 4 + 0x3000, DRAM + 8192, 512 * 100,
				  0),
			   op_unmap(0, VA * 4, 512 * 450));
	if (!err)
		err = reclaim_slowly(rig);
	return err;
}

static int run_huge_change(struct rig *rig)
{
	int err = set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM + 4096, 512 * 400, 0));
	rig_start(rig);
	if (!err)
		err = EACH(rig, op_protect(0, VA * 4 + 8192, 512 * 390,
					   PPT_PROT_READ));
	if (!err)
		err = rig_reclaim(rig, 1000, NULL);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4 + 4096, DRAM + 4096, 512 * 390,
				       PPT_MAP_REPLACE));
	if (!err)
		err = reclaim_slowly(rig);
	if (!err)
		err = EACH(rig, op_unmap(0, VA * 4 + 4096, 512 * 395));
	return err;
}

static int run_huge_4g(struct rig *rig)
{
	int err = set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM + 4096, MIB, 0));
	return err;
}

static int run_spaces(struct rig *rig)
{
	bool left;
	int err = set_up(rig);

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
		err = reclaim_slowly(rig);
	if (!err)
		err = EACH(rig, op_map(1, VA + 8192, PPT_PA_ALLOC, 9, 0),
			   op_delete(1), op_delete(0));
	return err;
}

static int run_relaxed(struct rig *rig)
{
	int err = set_up(rig);

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
	int err = set_up(rig);

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
	int err = set_up(rig);

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
	int err = set_up(rig);

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
	int err = set_up(rig);

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
	int err = set_up(rig);

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
	int err = set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 150 && !err; i++) {
		struct op op;

		opgen_next(&gen, &rig->w.now, &op);
		err = rig_try(rig, &op);
		if (!err && rng_once_in(r, 5) && !rig->w.relaxed)
			err = rig_fill(rig);
		if (!err && rng_once_in(r, 15))
			err = rig_reclaim(rig, rng_below(r, 4), NULL);
		if (!err && rng_once_in(r, 25))
			err = rig_checkpoint(rig);
		if (!err && rng_once_in(r, 10))
			err = rig_relaxed(rig, !rig->w.relaxed);
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
	int err = set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 80 && !err; i++) {
		struct op op[6];
		unsigned n = rng_once_in(r, 3) ? 1 + i % 6 : 1;

		for (unsigned k = 0; k < n; k++)
			opgen_next(&gen, &rig->w.now, &op[k]);
		err = n == 1 ? rig_try(rig, op) : rig_try_txn(rig, op, n);
		if (!err && rng_once_in(r, 6))
			err = rig_fill(rig);
		if (!err && rng_once_in(r, 8))
			err = rig_reclaim(rig, rng_below(r, 40), NULL);
	}
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
	int err = set_up(rig);

	rig_start(rig);
	for (unsigned i = 0; i < 60 && !err; i++) {
		struct op op;

		opgen_next(&gen, &rig->w.now, &op);
		err = rig_try(rig, &op);
		rig_touch(rig, &gen.rng);
		if (!err && i % 7 == 0)
			err = world_flush_tlb(&rig->w);
		if (!err && i % 5 == 0)
			err = rig_fill(rig);
		if (!err && i % 16 == 15)
			err = rig_checkpoint(rig);
	}
	return err;
}

static void move(const struct rig *rig, struct ppt_memory_map *map)
{
	*map = rig->w.now.regions;
	map->region[0].base += 6 * PPT_SIZE_2M;
	map->region[1].base += 3 * PPT_SIZE_1G;
	map->region[3].base += 2 * PPT_SIZE_2M;
}

static int moved_pool(struct rig *rig, bool clean)
{
	struct ppt_memory_map map;
	int err = set_up(rig);

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
	int err = set_up(rig);

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

static void crash_workload(const char *name, int (*run)(struct rig *),
			   uint64_t mib, uint64_t budget)
{
	const char *only = getenv("PPT_TEST_WORKLOAD");
	struct rig_options options = {
		.name = name,
		.bytes = mib * MIB,
		.budget = budget,
		.mmu = run == run_touched,
	};
	struct rig rig;
	int err;

	if (only && strcmp(only, name) != 0)
		skip();
	rig_open(&rig, &options);
	err = run(&rig);
	if (!err)
		err = rig_crash(&rig);
	if (err)
		print_error("%s\n  PPT_TEST_WORKLOAD=%s\n", rig.why.text, name);
	else
		print_message("%s: %zu events, %llu images, %llu of them in "
			      "recovery\n",
			      name, rig.rec.count - rig.crash_from,
			      (unsigned long long)rig.images,
			      (unsigned long long)rig.nested);
	rig_close(&rig);
	assert_int_equal(err, 0);
}

/* X(test, workload, MiB of pool, images) */
#define WORKLOADS(X)                                                           \
	X(ppt_map__crash_in_single_recovers, single, 1, 500)                   \
	X(ppt_map__crash_with_pool_frames_recovers, single_pool, 1, 700)       \
	X(ppt_map__crash_in_range_512_recovers, range_512, 1, 500)             \
	X(ppt_map__crash_over_tables_recovers, tables, 1, 700)                 \
	X(ppt_map__crash_with_new_levels_recovers, all_levels, 1, 700)         \
	X(ppt_unmap__crash_in_split_recovers, split, 1, 700)                   \
	X(ppt_map__crash_in_replace_recovers, replace, 1, 700)                 \
	X(ppt_map__crash_with_shared_frames_recovers, alias, 1, 500)           \
	X(ppt_map__crash_in_huge_range_recovers, huge, 4, 400)                 \
	X(ppt_protect__crash_in_huge_range_recovers, huge_change, 6, 300)      \
	X(ppt_map__crash_in_4_gib_recovers, huge_4g, 12, 40)                   \
	X(ppt_space_delete__crash_recovers, spaces, 1, 900)                    \
	X(ppt_sync__crash_in_relaxed_recovers, relaxed, 1, 900)                \
	X(ppt_sync__crash_never_shows_reused_frames, relaxed_frames, 1, 700)   \
	X(ppt_checkpoint__crash_in_wrap_recovers, wrap, 1, 1500)               \
	X(ppt_checkpoint__crash_recovers, checkpoint, 1, 900)                  \
	X(ppt_commit__crash_recovers, transactions, 1, 900)                    \
	X(ppt_map__crash_with_reused_pages_recovers, reuse, 1, 1500)           \
	X(ppt_commit__crash_in_random_recovers, random, 1, 2500)               \
	X(ppt_commit__crash_in_mixed_recovers, mixed, 4, 1000)                 \
	X(ppt_map__crash_with_accessed_bits_recovers, touched, 1, 1500)        \
	X(ppt_attach__crash_while_moving_recovers, moved, 1, 700)              \
	X(ppt_attach__crash_while_moving_dirty_recovers, moved_dirty, 1, 700)  \
	X(ppt_region_add__crash_recovers, regions, 1, 500)

#define WORKLOAD_TEST(test, workload, mib, budget)                             \
	static void test(void **state)                                         \
	{                                                                      \
		crash_workload(#workload, run_##workload, mib, budget);        \
	}
WORKLOADS(WORKLOAD_TEST)

#define WORKLOAD_ENTRY(test, workload, mib, budget) cmocka_unit_test(test),

int main(void)
{
	const struct CMUnitTest tests[] = { WORKLOADS(WORKLOAD_ENTRY) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
