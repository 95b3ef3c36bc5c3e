/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three ways to the same memory map, counted: built page by page from a list,
 * as a boot without persistent memory does, or attached; and a look at what
 * the MMU leaves in the tables.
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
#define ENTRY_LARGE UINT64_C(0x80)
#define ENTRY_DIRTY UINT64_C(0x40)
#define ENTRY_PA UINT64_C(0x000ffffffffff000)
#define ENTRY_NX (UINT64_C(1) << 63)

static uint32_t slot_of(ppt_va_t va, uint32_t level)
{
	return (uint32_t)(va >> (12 + 9 * (level - 1))) % PPT_PAGE_WORDS;
}

static uint32_t levels(void)
{
	return pool_format == PPT_FORMAT_X86_64_5 ? 5 : 4;
}

/* ------------------------------------------------ the map in the pool -- */

void big_make(uint64_t pages)
{
	const uint64_t bytes = pages * PPT_PAGE_BYTES;
	struct ppt_space space;
	struct ppt_diag diag;
	int err = space_make(BIG_SPACE, &space, &diag);

	for (uint64_t at = 0; !err && at < bytes; at += BIG_FRAMES_BYTES) {
		uint64_t len = bytes - at;

		if (len > BIG_FRAMES_BYTES)
			len = BIG_FRAMES_BYTES;
		err = ppt_map(&space, BIG_VA + at, BIG_FRAMES, len,
			      PPT_PROT_READ | PPT_PROT_WRITE, PPT_MAP_4K,
			      &diag);
	}
	if (!err)
		err = ppt_checkpoint(pool);
	if (err)
		library_fails("big", err, &diag);
}

void big_touch(uint64_t pages, bool spread)
{
	const uint64_t step = spread ? TOUCH_EVERY : 1;
	const uint64_t end = spread ? pages : pages / TOUCH_EVERY;

	for (uint64_t i = 0; i < end; i += step)
		(void)*(volatile char *)phys(BIG_VA + i * PPT_PAGE_BYTES);
}

/* -------------------------------------------- the map as usually built -- */

struct wanted { /* an element of the list */
	ppt_va_t va;
	ppt_pa_t frame;
	uint32_t prot;
};

static struct wanted *list;
static uint32_t *users; /* how often each frame is mapped */
static ppt_pa_t built_root;

void list_make(uint64_t pages)
{
	list = machine_take(pages * sizeof(*list));
	users = machine_take((BIG_FRAMES + BIG_FRAMES_BYTES) / PPT_PAGE_BYTES *
			     sizeof(*users));
	for (uint64_t i = 0; i < pages; i++)
		list[i] = (struct wanted){
			.va = BIG_VA + i * PPT_PAGE_BYTES,
			.frame = BIG_FRAMES +
				 i * PPT_PAGE_BYTES % BIG_FRAMES_BYTES,
			.prot = PPT_PROT_READ | PPT_PROT_WRITE,
		};
}

static ppt_pa_t new_table(void)
{
	void *table = machine_take(PPT_PAGE_BYTES);

	__builtin_memset(table, 0, PPT_PAGE_BYTES);
	return (ppt_pa_t)table;
}

static bool is_dram(ppt_pa_t frame)
{
	for (uint32_t i = 0; i < machine.map.count; i++) {
		const struct ppt_region *r = &machine.map.region[i];

		if (r->kind == PPT_REGION_DRAM && frame - r->base < r->len)
			return true;
	}
	return false;
}

static bool build_page(const struct wanted *w)
{
	uint64_t *table = phys(built_root), entry = w->frame | ENTRY_PRESENT;

	if (w->va % PPT_PAGE_BYTES || w->frame % PPT_PAGE_BYTES ||
	    !is_dram(w->frame))
		return false;
	if (w->prot & PPT_PROT_WRITE)
		entry |= 2;
	if (w->prot & PPT_PROT_USER)
		entry |= 4;
	if (!(w->prot & PPT_PROT_EXEC))
		entry |= ENTRY_NX;
	for (uint32_t level = levels(); level > 1; level--) {
		uint64_t *e = &table[slot_of(w->va, level)];

		if (!(*e & ENTRY_PRESENT))
			*e = new_table() | ENTRY_TABLE;
		table = phys(*e & ENTRY_PA);
	}
	if (table[slot_of(w->va, 1)] & ENTRY_PRESENT)
		return false;
	table[slot_of(w->va, 1)] = entry;
	users[w->frame / PPT_PAGE_BYTES]++;
	return true;
}

void list_build(uint64_t pages)
{
	const uint64_t *boot = phys(boot_root());
	uint64_t *root;

	built_root = new_table();
	root = phys(built_root);
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		root[i] = boot[i];
	for (uint64_t i = 0; i < pages; i++)
		if (!build_page(&list[i]))
			stop(STOP_TRAP, "the list cannot be built");
	write_cr3(built_root);
}

/* --------------------------------------------- what the tables look like -- */

/* The lowest entry on the way to an address, as the MMU would find it. */
static uint64_t entry_of(ppt_pa_t root, ppt_va_t va)
{
	uint64_t entry = root | ENTRY_TABLE;

	for (uint32_t level = levels(); level > 0; level--) {
		const uint64_t *table = phys(entry & ENTRY_PA);

		entry = table[slot_of(va, level)];
		if (!(entry & ENTRY_PA) || /* a cold one has its address */
		    (entry & ENTRY_LARGE && level <= 3))
			break;
	}
	return entry;
}

uint64_t dirty_pages(ppt_va_t va, ppt_va_t last, uint64_t *mapped)
{
	struct ppt_space_info info;
	struct ppt_extent at;
	struct ppt_iter it;
	uint64_t dirty = 0;

	*mapped = 0;
	if (ppt_space_info(&current, &info, NULL))
		return 0;
	ppt_iter_init(&it, &current, va, last);
	while (!ppt_iter_next(&it, &at, NULL))
		for (uint64_t i = 0; i < at.len; i += at.page_size, ++*mapped)
			if (entry_of(info.root_pa, at.va + i) & ENTRY_DIRTY)
				dirty++;
	return dirty;
}

_Noreturn void stale_root(void)
{
	const uint64_t *boot = phys(boot_root()), *stale;
	struct ppt_space_info info;
	struct ppt_geometry recorded;
	struct ppt_diag diag;
	uint64_t *entry, cursor = 0;
	ppt_pa_t root;
	int err = ppt_space_next(pool, &cursor, &info, &diag);

	if (!err)
		err = ppt_space_next(pool, &cursor, &info, &diag);
	if (err)
		library_fails("stale root", err, &diag);
	pool_trim();
	root = new_table();
	entry = phys(root);
	ppt_geometry(pool, &recorded);
	stale = phys(info.root_pa - recorded.phys_base + pool_base());
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		entry[i] = i < PPT_PAGE_WORDS / 2 ? stale[i] : boot[i];
	print("stale root: %s, root %lx, of base %lx, now %lx\n", info.name,
	      info.root_pa, recorded.phys_base, pool_base());
	write_cr3(root);
	if (*(const volatile char *)phys(USER_CODE) == *programs)
		stop(STOP_DONE, "the root is not stale: the code is there");
	stop(STOP_STALE, "the stale root leads to something else");
}
