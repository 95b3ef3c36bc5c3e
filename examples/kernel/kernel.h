/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel's files share.
 *
 * Two sets of page tables.  The *boot tables* (boot.S) map all of memory to
 * itself; the kernel is on them while it starts and whenever it calls the
 * library.  A *space's tables* lie in the pool; programs run on them, and the
 * kernel from a trap's entry to its exit.  The kernel's text, data and stack
 * are at the same addresses in both.  The pool's own pages are mapped by no
 * table of a space: no stray store of a program or of the kernel's drivers can
 * reach them.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <pptable/pptable.h>

/* Virtual addresses of the kernel half, the same in every space. */
#define KERNEL_BASE UINT64_C(0xffffffff80000000)
#define KERNEL_TEXT (KERNEL_BASE + UINT64_C(0x200000))
#define KERNEL_DATA (KERNEL_BASE + UINT64_C(0x400000))
#define DIRECT_MAP UINT64_C(0xffff800000000000)
#define BOOT_MAP_BYTES (UINT64_C(16) << 30)

/* And of the user half: what lies where says what a fault there means. */
#define USER_CODE UINT64_C(0x400000)
#define USER_DATA UINT64_C(0x600000) /* one page, copied on write */
#define USER_GUARD UINT64_C(0x9ff000)
#define USER_STACK UINT64_C(0xa00000)
#define USER_STACK_BYTES UINT64_C(0x4000)
#define USER_ARCHIVE UINT64_C(0x20000000) /* another NVDIMM, if there is one */
#define USER_HEAP UINT64_C(0x40000000)    /* filled with zeros on demand */
#define USER_HEAP_BYTES UINT64_C(0x80000000)

/* Rights of mappings. */
#define R ((uint32_t)PPT_PROT_READ)
#define RW (R | PPT_PROT_WRITE)
#define RX (R | PPT_PROT_EXEC)
#define USER ((uint32_t)PPT_PROT_USER)
#define GLOBAL ((uint32_t)PPT_PROT_GLOBAL)

/* How a run ends: isa-debug-exit makes the exit code 2 * stop + 1 of it. */
enum stop {
	STOP_DONE = 1,
	/* 2 and 3: boot.S */
	STOP_NO_1G = 4,
	STOP_NO_LA57 = 5,
	STOP_NO_NVDIMM = 6,
	STOP_NO_MEMORY = 7,
	STOP_BOOT_LOADER = 8,
	STOP_FORMAT = 9,
	STOP_DAMAGED = 10,
	STOP_CHECK = 11,
	STOP_STALE = 12,
	STOP_TRAP = 13,
	STOP_LIBRARY = 20, /* and up: see must() */
};

/* ------------------------------------------------------ serial.c -- */

void print_char(char c);

/* %s, %lu and %lx are all that the kernel needs. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void stop(uint64_t why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ------------------------------------------------------ machine.c -- */

/* What the boot loader tells, by PVH or as if. */
#define PVH_MAGIC 0x336ec578u
#define PVH_RAM 1

struct pvh_info { /* of version 1 and later */
	uint32_t magic;
	uint32_t version;
	uint32_t skip[4];
	uint64_t words;
	uint64_t rsdp;
	uint64_t ranges;
	uint32_t range_count;
};

struct pvh_range {
	uint64_t base;
	uint64_t len;
	uint32_t type;
	uint32_t reserved;
} __attribute__((packed, aligned(4)));

/*
 * The words of the command line, which main.c explains: the number behind a
 * word's "=", or 1 without one; 0 if it is not there.
 */
struct options {
	uint64_t attach, pages, trust, lost, heap, only, rounds;
	uint64_t create, check, sizes, trace, stale, spread, build;
};

extern struct options options;

/* What this boot found. */
struct machine {
	struct ppt_memory_map map;
	ppt_pa_t free; /* DRAM for the kernel's own use … */
	ppt_pa_t free_end;
	uint64_t scratch_bytes; /* … and, from there on, for the library's */
	bool huge;              /* the CPU has 1 GiB pages */
	bool levels5;
};

extern struct machine machine;
void machine_init(void);

/* DRAM for good, 4 KiB aligned, not cleared. */
void *machine_take(uint64_t bytes);

static inline struct ppt_region *regions_end(void)
{
	return machine.map.region + machine.map.count;
}

/* A physical address on the boot tables. */
static inline void *phys(ppt_pa_t pa)
{
	return (void *)pa; // NOLINT(performance-no-int-to-ptr)
}

/* ------------------------------------------------------ pool.c -- */

extern struct ppt_pool *pool;
extern struct ppt_attach_report pool_report;
extern struct ppt_pm_config media; /* where it is at this boot */

/* What the library says of a failure; and the end, if there was one. */
extern struct ppt_diag diag;
void must(const char *call, int err);

/* Attach the pool, wherever it is; made if the word "create" is given. */
void pool_open(void);

/* Confirm what the library wants flushed from the TLB. */
void tlb_settle(void);

/* The whole pool is what it should be, or stop. */
void pool_check(void);

/* ------------------------------------------------------ space.c -- */

/* The space that runs; on the boot tables: the last one. */
extern struct ppt_space current;

/* Open the space that the kernel starts on; made if it is not there. */
void kernel_half_open(const char *name, struct ppt_space_info *info);

/* A space with the kernel half and nothing else. */
void space_make(const char *name, struct ppt_space *out);

/* Load a space's root; the kernel half is there from the next instruction. */
void space_enter(const struct ppt_space *space,
		 const struct ppt_space_info *info);

/* The programs' spaces, if there are none yet; and run what is in each. */
void programs_install(void);
void programs_run(void);

/* The library's calls, where there is nothing to do about a failure. */
void map(struct ppt_space *space, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	 uint32_t prot, uint32_t flags);
ppt_pa_t frame_of(struct ppt_space *space, ppt_va_t va);

/*
 * Fill a page that was mapped UNZEROED in the transaction that is open, and
 * write it back: it is whole on the media before anything leads to it.
 */
void page_fill(struct ppt_space *space, ppt_va_t va, const void *from);

/* ------------------------------------------------------ fault.c -- */

struct trap;
extern uint64_t faults_cured; /* by the library alone */
void page_fault(struct trap *t, ppt_va_t va);
uint64_t system_call(struct trap *t);

/* The program in ring 3 did what it must not: it ends. */
_Noreturn void program_fails(const char *what, uint64_t at);

/* ---------------------------------------------------- measure.c -- */

/* A space "big" in the pool that maps so many pages. */
#define BIG_SPACE "big"
_Noreturn void big_make(uint64_t pages);

/* Read 1 % of its pages, on its tables: of each part, or the first. */
_Noreturn void big_touch(uint64_t pages, bool spread);

/* The same map from a list in DRAM. */
_Noreturn void list_build(uint64_t pages);

/* What a boot without recovery does: load the root, whatever is in it. */
_Noreturn void stale_root(void);

/* ------------------------------------------------- boot.S, trap.[cS] -- */

struct trap {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

extern const char programs[], programs_end[]; /* the image, whole pages */
extern uint64_t boot_info, boot_time, boot_root, boot_cr4;
extern char boot_stack[], boot_stack_end[];
_Noreturn void kernel_main(void);
_Noreturn void boot_five_levels(void);
void trap_init(void);
uint64_t user_run(ppt_va_t entry, ppt_va_t stack, uint64_t first,
		  uint64_t second);
_Noreturn void user_leave(uint64_t value);

/* ------------------------------------------------------ the CPU -- */

#define CR4_PGE UINT64_C(0x80)
#define CR4_LA57 UINT64_C(0x1000)

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t read_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

/* read_cr3(), write_cr3() and so on. */
#define CONTROL_REGISTER(name)                                                 \
	static inline uint64_t read_##name(void)                               \
	{                                                                      \
		uint64_t value;                                                \
                                                                               \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value));         \
		return value;                                                  \
	}                                                                      \
                                                                               \
	static inline void write_##name(uint64_t value)                        \
	{                                                                      \
		__asm__ volatile("mov %0, %%" #name ::"r"(value) : "memory");  \
	}

CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

/*
 * Write a stretch back to the media.  The load tells cacheloss, the plugin that
 * plays a cache which loses its content, which line it was.
 */
static inline void persist(const void *from, uint64_t bytes)
{
	const volatile char *at = from, *end = at + bytes;

	for (; at < end; at += PPT_LINE_BYTES) {
		__asm__ volatile("clflush %0" ::"m"(*at));
		(void)*at;
	}
	__asm__ volatile("sfence" ::: "memory");
}

#endif
