/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The story of a boot.  Words of the command line that change it:
 *
 *   create    make a pool where there is none
 *   trust=N   enum ppt_trust: 0 on touch, 1 none, 2 full
 *   lost=N    enum ppt_lost: 0 fault, 1 drop, 2 replace
 *   heap=N    leaves of the heap, in KiB: 4, 2048 or 1048576
 *   only=N    run the program of space N only, in the order of the directory
 *   rounds=N  of the keeper
 *   check     check the pool in the end
 *   sizes     tell how much stack and scratch memory it took
 *   trace     for cacheloss
 *   stale     load a root as it is found, without recovery
 *   pages=N   make the space "big", or with "attach" enter it first of all
 *   spread    touch every hundredth of its pages, not the first hundredth
 *   build=N   no pool: build the tables of N pages from a list
 */
#include "kernel.h"

/* The first access is a fault if tables are trusted on touch. */
static void check_direct_map(void)
{
	const ppt_va_t text = KERNEL_DATA + PPT_SIZE_2M - KERNEL_BASE;
	const volatile uint64_t *a = phys(DIRECT_MAP + text);
	const uint64_t seen = *a;

	write_cr3(boot_root);
	if (seen != *(const volatile uint64_t *)phys(text))
		stop(STOP_TRAP, "the direct map leads elsewhere");
}

/* The stack is clear at first: what was used is what is not clear any more. */
static void show_sizes(void)
{
	const char *low = boot_stack;
	struct ppt_geometry g;

	while (low < boot_stack_end && !*low)
		low++;
	ppt_geometry(pool, &g);
	print("sizes: stack %lu, scratch %lu\n",
	      (uint64_t)(boot_stack_end - low),
	      ppt_scratch_bytes(g.bytes, g.journal_bytes));
}

_Noreturn void kernel_main(void)
{
	struct ppt_space_info space;
	uint64_t loaded;

	trap_init();
	machine_init();
	if (options.build)
		list_build(options.build);
	pool_open();
	if (options.stale)
		stale_root();
	kernel_half_open(options.attach ? BIG_SPACE : "kernel", &space);
	if (options.pages && !options.attach)
		big_make(options.pages);
	space_enter(&current, &space);
	loaded = read_tsc();
	print("CR3 loaded %lx, %s, %lu records replayed, count %lu\n",
	      read_cr3(), ppt_verdict_name(pool_report.verdict),
	      pool_report.records_replayed, loaded - boot_time);
	if (options.pages)
		big_touch(options.pages, options.spread);
	check_direct_map();
	programs_install();
	programs_run();
	print("%lu faults cured, %lu tables checked, %lu damaged\n",
	      faults_cured, pool_report.tables_checked,
	      pool_report.tables_damaged);
	if (options.sizes)
		show_sizes();
	if (options.check)
		pool_check();
	stop(STOP_DONE, "done");
}
