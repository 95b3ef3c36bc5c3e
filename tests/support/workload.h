/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workload.h - what the crash tests share: places, shorthands, the main loop.
 *
 * Layer: tests.
 */
#ifndef TESTS_SUPPORT_WORKLOAD_H
#define TESTS_SUPPORT_WORKLOAD_H

#include "sim/oracle/opgen.h"
#include "rig.h"

#define DRAM POOL_FIXTURE_DRAM
#define VA UINT64_C(0x40000000)
#define HIGH (UINT64_C(0) - PPT_SIZE_1G)
#define MIB (UINT64_C(1) << 20)

/* Run @count operations, none of which may be refused. */
int workload_each(struct rig *rig, const struct op *ops, unsigned count);

/* Two spaces, 4-level and 5-level, each with one table that is in use. */
int workload_set_up(struct rig *rig);

/* ppt_reclaim in small steps until nothing is left. */
int workload_reclaim(struct rig *rig);

/*
 * Run @run on a pool of @mib, crash it about @budget times.  0; -1 after
 * printing what went wrong; 1 if PPT_TEST_WORKLOAD names another one.
 */
int workload_crash(const char *name, int (*run)(struct rig *), uint64_t mib,
		   uint64_t budget, bool mmu);

#define EACH(rig, ...)                                                         \
	workload_each(rig, (const struct op[]){ __VA_ARGS__ },                 \
		      sizeof((const struct op[]){ __VA_ARGS__ }) /             \
			      sizeof(struct op))

#define TXN(rig, ...)                                                          \
	rig_txn(rig, (const struct op[]){ __VA_ARGS__ },                       \
		sizeof((const struct op[]){ __VA_ARGS__ }) /                   \
			sizeof(struct op))

/* X(test, workload, MiB of pool, images) becomes a test and its entry. */
#define WORKLOAD_TEST(test, workload, mib, budget)                             \
	static void test(void **state)                                         \
	{                                                                      \
		int err = workload_crash(#workload, run_##workload, mib,       \
					 budget, false);                       \
                                                                               \
		if (err > 0)                                                   \
			skip();                                                \
		assert_int_equal(err, 0);                                      \
	}
#define WORKLOAD_ENTRY(test, workload, mib, budget) cmocka_unit_test(test),

#endif
