/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The story of a boot.
 */
#include "kernel.h"

_Noreturn void kernel_main(uint64_t magic_and_info, uint64_t entered);

static uint64_t entry_tsc;

_Noreturn void kernel_main(uint64_t magic_and_info, uint64_t entered)
{
	uint64_t loaded;

	entry_tsc = entered;
	trap_init();
	machine_init((uint32_t)magic_and_info, magic_and_info >> 32);
	pool_open();
	kernel_half_open();
	space_enter(&current);
	loaded = read_tsc();
	print("CR3 loaded %lx, %s, %lu records replayed, count %lu\n",
	      read_cr3(), ppt_verdict_name(pool_report.verdict),
	      pool_report.records_replayed, loaded - entry_tsc);
	write_cr3(boot_root());
	programs_install();
	programs_run();
	if (machine_word("check"))
		pool_check();
	stop(STOP_DONE, "done");
}
