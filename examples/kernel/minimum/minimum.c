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

static void need(int err, const char *what, const struct ppt_diag *diag)
{
	if (err)
		stop(STOP_LIBRARY, "%s: %s, %s", what, ppt_strerror(err),
		     diag->why);
}

_Noreturn void kernel_main(ppt_pa_t boot_info, uint64_t entered)
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
	struct ppt_diag diag;

	(void)boot_info;
	(void)entered;
	need(ppt_attach(&cfg, &handle, &report, &diag), "attach", &diag);
	need(ppt_space_open(handle, "kernel", &space, &diag), "open", &diag);
	need(ppt_space_info(&space, &info, &diag), "info", &diag);
	/* What the next instruction and the stack need must be there. */
	need(ppt_arm(&space, KERNEL_TEXT, PPT_SIZE_2M, &diag), "text", &diag);
	need(ppt_arm(&space, KERNEL_DATA, PPT_SIZE_2M, &diag), "data", &diag);
	write_cr3(info.root_register);
	stop(STOP_DONE, "on CR3 %lx, %s", read_cr3(),
	     ppt_verdict_name(report.verdict));
}
