/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that boots from a pool: the pool is where it is told, its space
 * "kernel" is loaded.  Everything else, see ../.
 *
 * It takes boot.S, serial.c and string.c from the kernel.
 */
#include "../kernel.h"

/* Where the pool is, of how much; and DRAM for the library. */
#define POOL_BASE UINT64_C(0x100000000)
#define POOL_BYTES (UINT64_C(64) << 20)
static char scratch[3 << 19] __attribute__((aligned(64)));

struct ppt_diag diag;

void must(const char *call, int err)
{
	if (err)
		stop(STOP_LIBRARY, "%s: %s, %s", call, ppt_strerror(err),
		     diag.why);
}

void kernel_main(void)
{
	struct ppt_attach_config cfg = {
		.pm = { .media = phys(POOL_BASE), .bytes = POOL_BYTES },
		.scratch = scratch,
		.scratch_bytes = sizeof(scratch),
	};
	struct ppt_attach_report report;
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_pool *handle;

	must("attach", ppt_attach(&cfg, &handle, &report, &diag));
	must("open", ppt_space_open(handle, "kernel", &space, &diag));
	must("info", ppt_space_info(&space, &info, &diag));
	/* What the next instruction and the stack need must be there. */
	must("text", ppt_arm(&space, KERNEL_TEXT, PPT_SIZE_2M, &diag));
	must("data", ppt_arm(&space, KERNEL_DATA, PPT_SIZE_2M, &diag));
	write_cr3(info.root_register);
	stop(STOP_DONE, "on CR3 %lx, %s", read_cr3(),
	     ppt_verdict_name(report.verdict));
}
