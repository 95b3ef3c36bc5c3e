/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The story of a boot.  Words of the command line that change it:
 *
 *   create    make a pool where there is none
 *   trust=    none, touch, full
 *   lost=     fault, drop, replace
 *   heap=     leaves of the heap: 4 (KiB), 2 (MiB), 1 (GiB)
 *   only=NAME run no other space's program
 *   rounds=N  of the keeper
 *   dirty     tell which pages of the heaps the MMU found written
 *   check     check the pool in the end
 *   sizes     tell how much stack and scratch memory it took
 *   trace     for cacheloss
 *   stale     load a root as it is found, without recovery
 *   pages=N   make the space "big", or with "attach" enter it first of all
 *   spread    touch every hundredth of its pages, not the first hundredth
 *   build=N   no pool: build the tables of N pages from a list
 */
#include "kernel.h"

static _Noreturn void build_from_list(uint64_t pages)
{
	uint64_t start;

	list_make(pages);
	start = read_tsc();
	list_build(pages);
	stop(STOP_DONE, "built, count %lu", read_tsc() - start);
}

static _Noreturn void touch_big(uint64_t pages, bool spread)
{
	uint64_t start = read_tsc();

	big_touch(pages, spread);
	stop(STOP_DONE, "touched, count %lu", read_tsc() - start);
}

/* The first access is a fault if tables are trusted on touch. */
static void check_direct_map(void)
{
	const ppt_va_t text = KERNEL_DATA + PPT_SIZE_2M - KERNEL_BASE;
	const volatile uint64_t *a = phys(DIRECT_MAP + text);
	const uint64_t seen = *a;

	write_cr3(boot_root());
	if (seen != *(const volatile uint64_t *)phys(text))
		stop(STOP_TRAP, "the direct map leads elsewhere");
}

/* The stack is clear at first: what was used is what is not clear any more. */
static void show_sizes(void)
{
	const char *low = boot_stack;

	while (low < boot_stack_end && !*low)
		low++;
	print("sizes: stack %lu, scratch %lu\n",
	      (uint64_t)(boot_stack_end - low), pool_scratch_bytes);
}

_Noreturn void kernel_main(ppt_pa_t boot_info, uint64_t entered)
{
	struct ppt_space_info space;
	uint64_t pages, loaded;
	bool attach, spread;

	trap_init();
	machine_init(boot_info);
	pages = machine_number("build", 0);
	if (pages)
		build_from_list(pages);
	pool_open();
	pages = machine_number("pages", 0);
	attach = machine_word("attach");
	kernel_half_open(attach ? BIG_SPACE : KERNEL_SPACE, &space);
	if (pages && !attach) {
		big_make(pages);
		stop(STOP_DONE, "big is made");
	}
	spread = machine_word("spread"); /* the words are out of reach then */
	space_enter(&current, &space);
	loaded = read_tsc();
	print("CR3 loaded %lx, %s, %lu records replayed, count %lu\n",
	      read_cr3(), ppt_verdict_name(pool_report.verdict),
	      pool_report.records_replayed, loaded - entered);
	if (pages)
		touch_big(pages, spread);
	check_direct_map();
	pool_trim();
	programs_install();
	programs_run();
	print("%lu faults cured, %lu tables checked, %lu damaged\n",
	      faults_cured, pool_report.tables_checked,
	      pool_report.tables_damaged);
	if (machine_word("sizes"))
		show_sizes();
	if (machine_word("check"))
		pool_check();
	stop(STOP_DONE, "done");
}
