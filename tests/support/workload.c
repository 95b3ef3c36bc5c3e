/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workload.c - what the crash tests share.
 *
 * Layer: tests.
 */
#include "workload.h"

#include <string.h>

int workload_each(struct rig *rig, const struct op *ops, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int err = rig_op(rig, &ops[i]);

		if (err)
			return err;
	}
	return 0;
}

int workload_set_up(struct rig *rig)
{
	return EACH(rig, op_create(0, PPT_FORMAT_X86_64_4),
		    op_create(1, PPT_FORMAT_X86_64_5),
		    op_map(0, VA, DRAM, 1, 0), op_map(1, VA, DRAM, 1, 0));
}

int workload_reclaim(struct rig *rig)
{
	bool left = true;
	int err = 0;

	for (unsigned i = 0; i < 4000 && left && !err; i++)
		err = rig_reclaim(rig, 1 + i / 4, &left);
	return err;
}

int workload_crash(const char *name, int (*run)(struct rig *), uint64_t mib,
		   uint64_t budget, bool mmu)
{
	const char *only = getenv("PPT_TEST_WORKLOAD");
	struct rig_options options = {
		.name = name,
		.bytes = mib * MIB,
		.budget = budget,
		.mmu = mmu,
	};
	struct rig rig;
	int err;

	if (only && strcmp(only, name) != 0)
		return 1;
	rig_open(&rig, &options);
	err = run(&rig);
	if (env_number("PPT_TEST_SITES", 0))
		recorder_sites(&rig.rec);
	if (!err)
		err = rig_crash(&rig);
	if (err)
		fprintf(stderr, "%s\n  PPT_TEST_WORKLOAD=%s\n", rig.why.text,
			name);
	else
		printf("%s: %zu events, %llu images, %llu of them in "
		       "recovery\n",
		       name, rig.rec.count - rig.crash_from,
		       (unsigned long long)rig.images,
		       (unsigned long long)rig.nested);
	rig_close(&rig);
	return err;
}
