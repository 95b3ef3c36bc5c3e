/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Spaces: the kernel half, the programs', and how they come to run.
 */
#include "kernel.h"
#include "programs.h"

#define R ((uint32_t)PPT_PROT_READ)
#define RW (R | PPT_PROT_WRITE)
#define RX (R | PPT_PROT_EXEC)
#define USER ((uint32_t)PPT_PROT_USER)
#define GLOBAL ((uint32_t)PPT_PROT_GLOBAL)

static const struct {
	const char *name;
	enum program program;
} program_set[] = {
	{ "greeter", GREETER },
	{ "twin", GREETER },
	{ "trespasser", TRESPASSER },
	{ "keeper", KEEPER },
};

#define PROGRAM_SET (sizeof(program_set) / sizeof(program_set[0]))

struct ppt_space current;

/* ---------------------------------------------------------- kernel half -- */

/* Text and data, and all DRAM behind them by the largest leaves there are. */
static int map_kernel_half(struct ppt_space *space, struct ppt_diag *diag)
{
	const ppt_pa_t text = KERNEL_TEXT - KERNEL_BASE;
	const ppt_pa_t data = KERNEL_DATA - KERNEL_BASE;
	const ppt_pa_t end = data + PPT_SIZE_2M;
	int err = ppt_map(space, KERNEL_TEXT, text, PPT_SIZE_2M, RX | GLOBAL,
			  PPT_MAP_2M, diag);

	if (!err)
		err = ppt_map(space, KERNEL_DATA, data, PPT_SIZE_2M,
			      RW | GLOBAL, PPT_MAP_2M, diag);
	for (uint32_t i = 0; !err && i < machine.map.count; i++) {
		const struct ppt_region *r = &machine.map.region[i];
		ppt_pa_t base = r->base < end ? end : r->base;

		if (r->kind == PPT_REGION_DRAM && base < r->base + r->len)
			err = ppt_map(space, DIRECT_MAP + base, base,
				      r->base + r->len - base, RW | GLOBAL,
				      machine.huge ? 0 : PPT_MAP_2M, diag);
	}
	return err;
}

/* A pool's spaces are of one format: that of the first. */
static enum ppt_format format_of_pool(void)
{
	struct ppt_space_info info;
	struct ppt_diag diag;
	uint64_t cursor = 0;
	int err = ppt_space_next(pool, &cursor, &info, &diag);

	if (err == PPT_E_NOENT)
		return machine.levels5 ? PPT_FORMAT_X86_64_5 :
					 PPT_FORMAT_X86_64_4;
	if (err)
		library_fails("spaces", err, &diag);
	return info.format;
}

/* Paging with as many levels as the tables have. */
static void set_format(enum ppt_format format)
{
	if (format == pool_format)
		return;
	if (format == PPT_FORMAT_X86_64_5 && !machine.levels5)
		stop(STOP_NO_LA57, "the pool has 5-level tables, this CPU "
				   "lacks LA57");
	if (format == PPT_FORMAT_X86_64_5)
		boot_five_levels();
	pool_format = format;
}

/* Leaves of 1 GiB in the direct map mean that the pool's maker had them. */
static void check_leaves(void)
{
	for (uint32_t i = 0; i < machine.map.count && !machine.huge; i++) {
		const struct ppt_region *r = &machine.map.region[i];
		struct ppt_extent at;

		if (r->len >= PPT_SIZE_1G &&
		    !ppt_translate(&current, DIRECT_MAP + r->base + PPT_SIZE_1G,
				   &at, NULL) &&
		    at.page_size == PPT_SIZE_1G)
			stop(STOP_NO_1G, "the pool has leaves of 1 GiB, this "
					 "CPU lacks them");
	}
}

int space_make(const char *name, struct ppt_space *out, struct ppt_diag *diag)
{
	int err = ppt_space_create(pool, name, pool_format, out, diag);

	return err ? err : map_kernel_half(out, diag);
}

void kernel_half_open(const char *name, struct ppt_space_info *info)
{
	struct ppt_diag diag;
	int err = ppt_space_open(pool, name, &current, &diag);

	if (err == PPT_E_NOENT) {
		set_format(format_of_pool());
		ppt_begin(pool);
		err = space_make(name, &current, &diag);
		if (!err)
			err = ppt_commit(pool);
	}
	if (!err)
		err = ppt_space_info(&current, info, &diag);
	if (err)
		library_fails("kernel half", err, &diag);
	set_format(info->format);
	check_leaves();
}

/* That the next instruction and the stack are there, once it is loaded. */
static int arm_kernel(struct ppt_space *space, struct ppt_diag *diag)
{
	struct ppt_extent text, data;
	int err = ppt_arm(space, KERNEL_TEXT, PPT_SIZE_2M, diag);

	if (!err)
		err = ppt_arm(space, KERNEL_DATA, PPT_SIZE_2M, diag);
	if (!err)
		err = ppt_translate(space, KERNEL_TEXT, &text, diag);
	if (!err)
		err = ppt_translate(space, KERNEL_DATA, &data, diag);
	if (!err &&
	    (text.pa != KERNEL_TEXT - KERNEL_BASE ||
	     data.pa != KERNEL_DATA - KERNEL_BASE || text.len != PPT_SIZE_2M ||
	     data.len != PPT_SIZE_2M || text.prot != (RX | GLOBAL) ||
	     data.prot != (RW | GLOBAL))) {
		diag->why = "its kernel half is another one";
		err = PPT_E_EXIST;
	}
	return err;
}

void space_enter(struct ppt_space *space, const struct ppt_space_info *info)
{
	struct ppt_diag diag;
	int err = 0;

	/* Whoever asks for no trust modes gets none. */
	if (pool_report.trust != PPT_TRUST_NONE)
		err = arm_kernel(space, &diag);
	if (err || info->format != pool_format)
		stop(STOP_FORMAT, "space %s cannot be entered: %s", info->name,
		     err ? diag.why : "another format");
	current = *space;
	write_cr3(info->root_register);
}

/* ------------------------------------------------------------- programs -- */

/*
 * Make the space of a program, with all that is in it, in the transaction
 * that is open: frames are filled and written back before anything leads to
 * them.  Data is one frame for all, read-only, until somebody writes.
 */
static int program_make(const char *name, ppt_pa_t *data, struct ppt_diag *diag)
{
	const uint64_t code_bytes = (uint64_t)(programs_end - programs);
	const uint64_t pages = (code_bytes + PPT_PAGE_BYTES - 1) &
			       -(uint64_t)PPT_PAGE_BYTES;
	struct ppt_space space;
	struct ppt_extent at;
	int err = space_make(name, &space, diag);

	if (!err)
		err = ppt_map(&space, USER_CODE, PPT_PA_ALLOC, pages, RX | USER,
			      PPT_MAP_UNZEROED, diag);
	for (uint64_t done = 0; !err && done < code_bytes; done += at.len) {
		err = ppt_translate(&space, USER_CODE + done, &at, diag);
		if (err)
			break;
		at.len = PPT_PAGE_BYTES;
		__builtin_memcpy(phys(at.pa), programs + done,
				 code_bytes - done < at.len ?
					 code_bytes - done :
					 at.len);
		persist(phys(at.pa), at.len);
	}
	if (!err)
		err = ppt_map(&space, USER_STACK, PPT_PA_ALLOC,
			      USER_STACK_BYTES, RW | USER, 0, diag);
	if (!err)
		err = ppt_map(&space, USER_DATA, *data, PPT_PAGE_BYTES,
			      R | USER, 0, diag);
	if (!err && *data == PPT_PA_ALLOC) {
		err = ppt_translate(&space, USER_DATA, &at, diag);
		*data = at.pa;
	}
	for (uint32_t i = 0; !err && i < machine.map.count; i++)
		if (machine.map.region[i].kind == PPT_REGION_PMEM)
			err = ppt_map(&space, USER_ARCHIVE,
				      machine.map.region[i].base, PPT_SIZE_2M,
				      RW | USER, 0, diag);
	return err;
}

void programs_install(void)
{
	struct ppt_space_info info;
	ppt_pa_t data = PPT_PA_ALLOC;
	struct ppt_diag diag;
	uint64_t cursor = 0;
	uint32_t spaces = 0;
	int err = 0;

	while (!ppt_space_next(pool, &cursor, &info, &diag))
		spaces++;
	if (spaces > 1)
		return;
	ppt_begin(pool);
	for (uint32_t i = 0; !err && i < PROGRAM_SET; i++)
		err = program_make(program_set[i].name, &data, &diag);
	if (!err)
		err = ppt_commit(pool);
	if (err)
		library_fails("programs", err, &diag);
	print("installed %lu programs\n", PROGRAM_SET);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static bool wanted(const char *name)
{
	const char *only = machine_word("only");

	for (; only && *name && *only == *name; only++)
		name++;
	return !only || !*name;
}

/* A space that was made elsewhere has no kernel half yet. */
static void adopt(struct ppt_space *space)
{
	struct ppt_extent at;
	struct ppt_diag diag;
	int err;

	if (ppt_translate(space, KERNEL_TEXT, &at, &diag) != PPT_E_NOENT)
		return;
	ppt_begin(pool);
	err = map_kernel_half(space, &diag);
	if (!err)
		err = ppt_commit(pool);
	if (err)
		library_fails("adopt", err, &diag);
	print("adopted\n");
}

void programs_run(void)
{
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_diag diag;
	uint64_t cursor = 0;

	while (!ppt_space_next(pool, &cursor, &info, &diag)) {
		enum program program = GREETER;

		if (same(info.name, KERNEL_SPACE) || !wanted(info.name))
			continue;
		for (uint32_t i = 0; i < PROGRAM_SET; i++)
			if (same(info.name, program_set[i].name))
				program = program_set[i].program;
		if (ppt_space_open(pool, info.name, &space, &diag))
			continue;
		print("%s:\n", info.name);
		adopt(&space);
		space_enter(&space, &info);
		user_run(USER_CODE, USER_STACK + USER_STACK_BYTES, program);
		if (machine_word("dirty")) {
			uint64_t mapped,
				dirty = dirty_pages(USER_HEAP,
						    USER_HEAP +
							    USER_HEAP_BYTES - 1,
						    &mapped);

			print("heap: %lu pages, %lu dirty\n", mapped, dirty);
		}
	}
}
