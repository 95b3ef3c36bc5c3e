/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file types.h  Scalars, limits, rights, formats and the memory map.
 *
 * Glossary.  A *pool* is one contiguous range of persistent memory, an array
 * of 4 KiB *pages* of 512 64-bit *words*.  A *table* is a page in the
 * hardware's page-table format, an *entry* one of its words, a *leaf* an entry
 * that maps a *frame* (4 KiB, 2 MiB or 1 GiB).  A *space* is an address space.
 * A *region* is a stretch of physical memory with an identity; the *memory
 * map* is the list of regions at this boot, and its changes are numbered by
 * *epoch*.  VA virtual address, PA physical address, PFN frame number.
 * `last` is inclusive, `end` exclusive.
 */
#ifndef PPTABLE_TYPES_H
#define PPTABLE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t ppt_va_t; /* virtual address, bytes */
typedef uint64_t ppt_pa_t; /* physical address, bytes */

#define PPT_PAGE_LG2 12u
#define PPT_PAGE_BYTES 4096u
#define PPT_PAGE_WORDS 512u
#define PPT_LINE_BYTES 64u

#define PPT_SIZE_4K UINT64_C(0x1000)
#define PPT_SIZE_2M UINT64_C(0x200000)
#define PPT_SIZE_1G UINT64_C(0x40000000)

/* Limits of the media format; see docs/FORMAT.md. */
#define PPT_POOL_BYTES_MIN (UINT64_C(1) << 20)
#define PPT_POOL_BYTES_MAX (UINT64_C(1) << 44)
#define PPT_JOURNAL_BYTES_MIN (UINT64_C(64) << 10)
#define PPT_JOURNAL_BYTES_MAX (UINT64_C(1) << 30)
#define PPT_JOURNAL_BYTES_DEFAULT (UINT64_C(1) << 20)
#define PPT_REGIONS_MAX 40u
#define PPT_NAME_BYTES 32u /* of a space, with its NUL */

/* Rights of a mapping; printed as "rwxug". */
enum ppt_prot {
	PPT_PROT_READ = 1,
	PPT_PROT_WRITE = 2,
	PPT_PROT_EXEC = 4,
	PPT_PROT_USER = 8,
	PPT_PROT_GLOBAL = 16,
	PPT_PROT_ALL = 31,
};

/* Page-table formats; the values are on the media. */
enum ppt_format {
	PPT_FORMAT_X86_64_4 = 1, /* 48-bit VA, 4 levels (SDM 3A 4.5) */
	PPT_FORMAT_X86_64_5 = 2, /* 57-bit VA, 5 levels */
};

struct ppt_uuid {
	uint8_t b[16];
};

/* Kinds of region; the values are on the media. */
enum ppt_region_kind {
	PPT_REGION_POOL = 1,   /* this pool itself */
	PPT_REGION_PMEM = 2,   /* other persistent memory */
	PPT_REGION_DRAM = 3,   /* volatile */
	PPT_REGION_DEVICE = 4, /* memory-mapped device */
};

/**
 * struct ppt_region - a stretch of physical memory.
 * @uuid: its identity; what it is recognised by, never by its address.
 * @kind: enum ppt_region_kind.
 * @base: first PA; a multiple of 4 KiB.
 * @len:  bytes; a multiple of 4 KiB, not 0.
 */
struct ppt_region {
	struct ppt_uuid uuid;
	uint32_t kind;
	ppt_pa_t base;
	uint64_t len;
};

/** struct ppt_memory_map - the regions at one boot, in any order, disjoint. */
struct ppt_memory_map {
	uint32_t count;
	struct ppt_region region[PPT_REGIONS_MAX];
};

#ifdef __cplusplus
}
#endif
#endif
