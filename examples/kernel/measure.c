/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to the same memory map, counted: built page by page from a list, as a
 * boot without persistent memory does, or attached; and the root as it is found,
 * without recovery.
 *
 * The map is BIG_VA and up, 4 KiB pages, onto DRAM again and again.
 */
#include "kernel.h"

#define BIG_VA (UINT64_C(1) << 40)
#define BIG_FRAMES (UINT64_C(32) << 20) /* DRAM from here on … */
#define BIG_FRAMES_BYTES (UINT64_C(128) << 20)
#define TOUCH_EVERY 100 /* 1 % of the pages */

#define ENTRY_PRESENT UINT64_C(1)
#define ENTRY_TABLE UINT64_C(7)
#define ENTRY_PA UINT64_C(0x000ffffffffff000)
#define ENTRY_NX (UINT64_C(1) << 63)

/* ------------------------------------------------ the map in the pool -- */

void big_make(uint64_t pages)
{
	const uint64_t bytes = pages * PPT_PAGE_BYTES;
	struct ppt_space space;

	space_make(BIG_SPACE, &space);
	for (uint64_t at = 0; at < bytes; at += BIG_FRAMES_BYTES)
		map(&space, BIG_VA + at, BIG_FRAMES,
		    bytes - at < BIG_FRAMES_BYTES ? bytes - at :
						    BIG_FRAMES_BYTES,
		    RW, PPT_MAP_4K);
	must("big", ppt_checkpoint(pool));
	stop(STOP_DONE, "big is made");
}

void big_touch(uint64_t pages, bool spread)
{
	const uint64_t step = spread ? TOUCH_EVERY : 1;
	const uint64_t end = spread ? pages : pages / TOUCH_EVERY;
	const uint64_t start = read_tsc();

	for (uint64_t i = 0; i < end; i += step)
		(void)*(volatile char *)phys(BIG_VA + i * PPT_PAGE_BYTES);
	stop(STOP_DONE, "touched, count %lu", read_tsc() - start);
}

/* -------------------------------------------- the map as usually built -- */

static uint32_t *users; /* how often each frame is mapped */

static ppt_pa_t new_table(void)
{
	void *table = machine_take(PPT_PAGE_BYTES);

	__builtin_memset(table, 0, PPT_PAGE_BYTES);
	return (ppt_pa_t)table;
}

/* A root with the kernel half of the boot tables. */
static ppt_pa_t new_root(void)
{
	const uint32_t half = PPT_PAGE_WORDS / 2;
	const uint64_t *boot = phys(boot_root);
	ppt_pa_t root = new_table();

	__builtin_memcpy((uint64_t *)phys(root) + half, boot + half,
			 half * sizeof(*boot));
	return root;
}

static bool is_dram(ppt_pa_t frame)
{
	const struct ppt_region *r = machine.map.region;

	for (uint32_t i = machine.map.count; i; i--, r++)
		if (r->kind == PPT_REGION_DRAM && frame - r->base < r->len)
			return true;
	return false;
}

static uint64_t *entry_of(uint64_t *table, ppt_va_t va, uint32_t level)
{
	return &table[(va >> (12 + 9 * (level - 1))) % PPT_PAGE_WORDS];
}

static bool build_page(ppt_pa_t root, const struct ppt_extent *w)
{
	uint64_t *table = phys(root), entry = w->pa | ENTRY_PRESENT;

	if (w->va % PPT_PAGE_BYTES || w->pa % PPT_PAGE_BYTES || !is_dram(w->pa))
		return false;
	if (w->prot & PPT_PROT_WRITE)
		entry |= 2;
	if (w->prot & PPT_PROT_USER)
		entry |= 4;
	if (!(w->prot & PPT_PROT_EXEC))
		entry |= ENTRY_NX;
	for (uint32_t level = boot_cr4 & CR4_LA57 ? 5 : 4; level > 1; level--) {
		uint64_t *e = entry_of(table, w->va, level);

		if (!(*e & ENTRY_PRESENT))
			*e = new_table() | ENTRY_TABLE;
		table = phys(*e & ENTRY_PA);
	}
	table = entry_of(table, w->va, 1);
	if (*table & ENTRY_PRESENT)
		return false;
	*table = entry;
	users[w->pa / PPT_PAGE_BYTES]++;
	return true;
}

void list_build(uint64_t pages)
{
	struct ppt_extent *list = machine_take(pages * sizeof(*list));
	uint64_t start;
	ppt_pa_t root;

	users = machine_take((BIG_FRAMES + BIG_FRAMES_BYTES) / PPT_PAGE_BYTES *
			     sizeof(*users));
	for (uint64_t i = 0, at = 0; i < pages; i++, at += PPT_PAGE_BYTES)
		list[i] = (struct ppt_extent){
			.va = BIG_VA + at,
			.pa = BIG_FRAMES + at % BIG_FRAMES_BYTES,
			.prot = RW,
		};
	start = read_tsc();
	root = new_root();
	for (uint64_t i = 0; i < pages; i++)
		if (!build_page(root, &list[i]))
			stop(STOP_TRAP, "the list cannot be built");
	write_cr3(root);
	stop(STOP_DONE, "built, count %lu", read_tsc() - start);
}

/* ------------------------------------------------ the root as it is found -- */

/* The kernel half is that of the boot tables, for the sake of telling the tale. */
void stale_root(void)
{
	struct ppt_space_info info;
	struct ppt_geometry recorded;
	uint64_t cursor = 0;
	ppt_pa_t root = new_root(), base = (ppt_pa_t)media.media;

	for (uint32_t i = 0; i < 2; i++)
		must("stale root", ppt_space_next(pool, &cursor, &info, &diag));
	ppt_geometry(pool, &recorded);
	__builtin_memcpy(phys(root),
			 phys(info.root_pa - recorded.phys_base + base),
			 PPT_PAGE_BYTES / 2);
	print("stale root: %s, root %lx, of base %lx, now %lx\n", info.name,
	      info.root_pa, recorded.phys_base, base);
	write_cr3(root);
	if (*(const volatile char *)phys(USER_CODE) == *programs)
		stop(STOP_DONE, "the root is not stale: the code is there");
	stop(STOP_STALE, "the stale root leads to something else");
}
