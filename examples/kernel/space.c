/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spaces: the kernel half, the programs', and how they come to run.
 */
#include "kernel.h"
#include "programs.h"

struct ppt_space current;

void map(struct ppt_space *space, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	 uint32_t prot, uint32_t flags)
{
	must("map", ppt_map(space, va, pa, len, prot, flags, &diag));
}

ppt_pa_t frame_of(struct ppt_space *space, ppt_va_t va)
{
	struct ppt_extent at;

	must("translate", ppt_translate(space, va, &at, &diag));
	return at.pa;
}

void page_fill(struct ppt_space *space, ppt_va_t va, const void *from)
{
	void *page = phys(frame_of(space, va));

	__builtin_memcpy(page, from, PPT_PAGE_BYTES);
	persist(page, PPT_PAGE_BYTES);
}

/* ---------------------------------------------------------- kernel half -- */

/* The kernel itself, a leaf each; the boot loader has put it there. */
static const struct {
	ppt_va_t va;
	uint32_t prot;
} image[] = { { KERNEL_TEXT, RX | GLOBAL }, { KERNEL_DATA, RW | GLOBAL } };

/* And all DRAM behind it by the largest leaves there are. */
static void map_kernel_half(struct ppt_space *space)
{
	const ppt_pa_t end = KERNEL_DATA - KERNEL_BASE + PPT_SIZE_2M;

	for (uint32_t i = 0; i < 2; i++)
		map(space, image[i].va, image[i].va - KERNEL_BASE, PPT_SIZE_2M,
		    image[i].prot, PPT_MAP_2M);
	for (struct ppt_region *r = machine.map.region; r < regions_end();
	     r++) {
		ppt_pa_t base = r->base < end ? end : r->base;

		if (r->kind == PPT_REGION_DRAM && base < r->base + r->len)
			map(space, DIRECT_MAP + base, base,
			    r->base + r->len - base, RW | GLOBAL,
			    machine.huge ? 0 : PPT_MAP_2M);
	}
}

/* Of the boot tables, and so of every space that can be entered. */
static enum ppt_format boot_format(void)
{
	return boot_cr4 & CR4_LA57 ? PPT_FORMAT_X86_64_5 : PPT_FORMAT_X86_64_4;
}

/* Paging with as many levels as the pool's spaces have; with five from now on. */
static void need_format(enum ppt_format format)
{
	if (format == boot_format())
		return;
	if (!machine.levels5)
		stop(STOP_NO_LA57, "the pool has 5-level tables, this CPU "
				   "lacks LA57");
	boot_five_levels();
}

/* Leaves of 1 GiB in the direct map mean that the pool's maker had them. */
static void check_leaves(void)
{
	struct ppt_extent at;
	struct ppt_iter it;

	if (machine.huge)
		return;
	ppt_iter_init(&it, &current, DIRECT_MAP,
		      DIRECT_MAP + BOOT_MAP_BYTES - 1);
	while (!ppt_iter_next(&it, &at, NULL))
		if (at.page_size == PPT_SIZE_1G)
			stop(STOP_NO_1G, "the pool has leaves of 1 GiB, this "
					 "CPU lacks them");
}

void space_make(const char *name, struct ppt_space *out)
{
	must("space", ppt_space_create(pool, name, boot_format(), out, &diag));
	map_kernel_half(out);
}

/* A pool's spaces are of one format: that of the first. */
void kernel_half_open(const char *name, struct ppt_space_info *info)
{
	uint64_t cursor = 0;
	int err = ppt_space_open(pool, name, &current, &diag);

	if (err == PPT_E_NOENT) {
		if (!ppt_space_next(pool, &cursor, info, &diag))
			need_format(info->format);
		else if (machine.levels5)
			need_format(PPT_FORMAT_X86_64_5);
		ppt_begin(pool);
		space_make(name, &current);
		err = ppt_commit(pool);
	}
	must("kernel half", err);
	must("kernel half", ppt_space_info(&current, info, &diag));
	need_format(info->format);
	check_leaves();
}

/* That the next instruction and the stack are there, once it is loaded. */
static bool is_armed(struct ppt_space *space)
{
	struct ppt_extent at;

	for (uint32_t i = 0; i < 2; i++)
		if (ppt_arm(space, image[i].va, PPT_SIZE_2M, &diag) ||
		    ppt_translate(space, image[i].va, &at, &diag) ||
		    at.pa != image[i].va - KERNEL_BASE ||
		    at.len != PPT_SIZE_2M || at.prot != image[i].prot)
			return false;
	return true;
}

void space_enter(const struct ppt_space *space,
		 const struct ppt_space_info *info)
{
	current = *space;
	/* Whoever asks for no trust modes gets none. */
	if (info->format != boot_format() ||
	    (pool_report.trust != PPT_TRUST_NONE && !is_armed(&current)))
		stop(STOP_FORMAT, "space %s: another format or kernel half",
		     info->name);
	write_cr3(info->root_register);
}

/* ------------------------------------------------------------- programs -- */

/* By the number of their space in the directory. */
static const char *const program_name[] = { "kernel", "greeter", "twin",
					    "trespasser", "keeper" };

/* Data is one frame for all, read-only, until somebody writes. */
static void program_make(const char *name, ppt_pa_t *data)
{
	const uint64_t bytes = (uint64_t)(programs_end - programs);
	struct ppt_space space;

	space_make(name, &space);
	map(&space, USER_CODE, PPT_PA_ALLOC, bytes, RX | USER,
	    PPT_MAP_UNZEROED);
	for (uint64_t at = 0; at < bytes; at += PPT_PAGE_BYTES)
		page_fill(&space, USER_CODE + at, programs + at);
	map(&space, USER_STACK, PPT_PA_ALLOC, USER_STACK_BYTES, RW | USER, 0);
	map(&space, USER_DATA, *data, PPT_PAGE_BYTES, R | USER, 0);
	*data = frame_of(&space, USER_DATA);
	for (struct ppt_region *r = machine.map.region; r < regions_end(); r++)
		if (r->kind == PPT_REGION_PMEM)
			map(&space, USER_ARCHIVE, r->base, PPT_SIZE_2M,
			    RW | USER, 0);
}

void programs_install(void)
{
	ppt_pa_t data = PPT_PA_ALLOC;
	struct ppt_space_info info;
	uint64_t cursor = 0;

	/* The first space is the kernel's, or there is one made elsewhere. */
	if (!ppt_space_next(pool, &cursor, &info, &diag) &&
	    !ppt_space_next(pool, &cursor, &info, &diag))
		return;
	ppt_begin(pool);
	for (uint32_t i = GREETER; i <= KEEPER; i++)
		program_make(program_name[i], &data);
	must("programs", ppt_commit(pool));
	print("installed %lu programs\n", (uint64_t)KEEPER);
}

/* A space that was made elsewhere has no kernel half yet. */
static void adopt(struct ppt_space *space)
{
	struct ppt_extent at;

	if (ppt_translate(space, KERNEL_TEXT, &at, &diag) != PPT_E_NOENT)
		return;
	ppt_begin(pool);
	map_kernel_half(space);
	must("adopt", ppt_commit(pool));
	print("adopted\n");
}

/* There is a program in each space that has code. */
void programs_run(void)
{
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_extent at;
	uint64_t cursor = 0;

	for (uint64_t i = 0; !ppt_space_next(pool, &cursor, &info, &diag);
	     i++) {
		if ((options.only && options.only != i) ||
		    ppt_space_open(pool, info.name, &space, &diag) ||
		    ppt_translate(&space, USER_CODE, &at, &diag) == PPT_E_NOENT)
			continue;
		print("%s:\n", info.name);
		adopt(&space);
		space_enter(&space, &info);
		user_run(USER_CODE, USER_STACK + USER_STACK_BYTES, i,
			 options.rounds);
	}
}
