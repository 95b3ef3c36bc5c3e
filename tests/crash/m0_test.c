/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * m0_test.c - crash single operations in process, under the models M0 (all
 * stores kept), "only what was fenced", M1 and M2 (any word pending), and again
 * inside recovery.  See tests/support/rig.h.
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

static int run_single(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	for (unsigned i = 1; i < 6 && !err; i++)
		err = EACH(rig,
			   op_map(i % 2, VA + i * 4096, DRAM + i * 8192, 1, 0));
	return err;
}

static int run_single_pool(struct rig *rig)
{
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

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
	int err = workload_set_up(rig);

	if (!err)
		err = EACH(rig, op_map(0, 4 * VA, PPT_PA_ALLOC, 4, 0));
	if (!err)
		err = rig_fill(rig);
	if (err)
		return err;
	pa = oracle_find(&rig->twin.now.space[0], 4 * VA)->pa;
	rig_start(rig);
	return EACH(rig, op_map(1, 4 * VA, pa, 1, 0),
		    op_map(1, 5 * VA, pa, 1, 0), op_unmap(0, 4 * VA, 4),
		    op_map(0, 4 * VA, PPT_PA_ALLOC, 4, 0),
		    op_unmap(1, 4 * VA, 1), op_unmap(1, 5 * VA, 1),
		    op_map(0, 5 * VA, PPT_PA_ALLOC, 2, 0));
}

static int run_huge(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM + 4096, 512 * 450, 0),
			   op_map(1, VA * 4 + 0x3000, DRAM + 8192, 512 * 100,
				  0),
			   op_unmap(0, VA * 4, 512 * 450));
	if (!err)
		err = workload_reclaim(rig);
	return err;
}

static int run_huge_change(struct rig *rig)
{
	int err = workload_set_up(rig);

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
		err = workload_reclaim(rig);
	if (!err)
		err = EACH(rig, op_unmap(0, VA * 4 + 4096, 512 * 395));
	return err;
}

static int run_huge_4g(struct rig *rig)
{
	int err = workload_set_up(rig);

	rig_start(rig);
	if (!err)
		err = EACH(rig, op_map(0, VA * 4, DRAM + 4096, MIB, 0));
	return err;
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
	X(ppt_map__crash_in_4_gib_recovers, huge_4g, 12, 40)

WORKLOADS(WORKLOAD_TEST)

int main(void)
{
	const struct CMUnitTest tests[] = { WORKLOADS(WORKLOAD_ENTRY) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
