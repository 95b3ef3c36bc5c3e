/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * x86-64 page-table entries: Intel SDM 3A, 4.5 (4-level and 5-level paging),
 * tables 4-15 to 4-20; AMD APM 2, 5.3 and 5.4.  Layer: format.
 *
 * One of the small headers that fulfil the contract of core/pt.h; the tests of
 * presence, kind and rights are all that the walk knows of a format.
 */
#ifndef PPTABLE_FORMAT_PTE_X86_64_H
#define PPTABLE_FORMAT_PTE_X86_64_H

#include <pptable/types.h>

#include "format/desc.h"

#define PPT__X86_P (UINT64_C(1) << 0)  /* present */
#define PPT__X86_RW (UINT64_C(1) << 1) /* writable */
#define PPT__X86_US (UINT64_C(1) << 2) /* user */
#define PPT__X86_A (UINT64_C(1) << 5)  /* accessed, written by hardware */
#define PPT__X86_D (UINT64_C(1) << 6)  /* dirty, written by hardware */
#define PPT__X86_PS (UINT64_C(1) << 7) /* leaf above level 1 */
#define PPT__X86_G (UINT64_C(1) << 8)  /* global, leaves only */
#define PPT__X86_COLD (UINT64_C(1) << PPT__COLD_LG2)
#define PPT__X86_LOST (UINT64_C(1) << 10)
#define PPT__X86_ZERO (UINT64_C(1) << 11)
#define PPT__X86_XD (UINT64_C(1) << 63) /* execute disable */
#define PPT__X86_PA UINT64_C(0x000ffffffffff000)

/* Contract: what every format header defines. */
#define PTE_FAMILY PPT__FAMILY_X86_64
#define PTE_LEAF_LEVEL_MAX 3u /* 1 GiB */
#define PTE_RIGHTS PPT__X86_RIGHTS
#define PTE_PA_BITS 52u
#define PTE_ROOT_REGISTER(pa) (pa) /* CR3, no PCID */

enum pte_kind { PTE_EMPTY, PTE_TABLE, PTE_LEAF, PTE_LOST, PTE_BAD };

/*
 * Not present, and not empty; hardware ignores all other bits (SDM 3A 4.5):
 * a cold entry names a table that waits to be validated, a lost one remembers
 * a leaf whose memory is gone.
 */
static inline enum pte_kind pte_absent(uint64_t e, uint32_t level)
{
	bool large = e & PPT__X86_PS;

	switch (e & (PPT__X86_COLD | PPT__X86_LOST)) {
	case PPT__X86_COLD:
		return level > 1 && !large ? PTE_TABLE : PTE_BAD;
	case PPT__X86_LOST:
		return level <= PTE_LEAF_LEVEL_MAX && large == (level > 1) ?
			       PTE_LOST :
			       PTE_BAD;
	default:
		return PTE_BAD;
	}
}

static inline enum pte_kind pte_kind(uint64_t e, uint32_t level)
{
	if (e == 0)
		return PTE_EMPTY;
	if (!(e & PPT__X86_P))
		return pte_absent(e, level);
	if (level == 1)
		return PTE_LEAF;
	if (!(e & PPT__X86_PS))
		return PTE_TABLE;
	return level <= PTE_LEAF_LEVEL_MAX ? PTE_LEAF : PTE_BAD;
}

/* What is 0 in entries of each kind: software bits, PK, PWT and PCD. */
#define PPT__X86_NEVER UINT64_C(0x7ff0000000000e18)

static inline uint64_t pte_zero_bits(uint32_t level, bool table)
{
	if (table)
		return PPT__X86_NEVER | PPT__X86_PS | PPT__X86_G;
	return PPT__X86_NEVER | (level == 1 ? PPT__X86_PS : 0);
}

/* What the library sets to one value in every entry that names a table. */
#define PTE_TABLE_RIGHTS (PPT__X86_RW | PPT__X86_US | PPT__X86_XD)
#define PTE_ADDRESS PPT__X86_PA

/* Bytes that one entry of a level covers. */
static inline uint64_t pte_span(uint32_t level)
{
	return UINT64_C(1) << (PPT_PAGE_LG2 + 9 * (level - 1));
}

/*
 * The canonical address that equals va in all bits that a walk of so many
 * levels uses: the others repeat the highest of these (SDM 1 3.3.7.1).
 */
static inline ppt_va_t pte_canonical(ppt_va_t va, uint32_t levels)
{
	const uint32_t unused = 64 - (PPT_PAGE_LG2 + 9 * levels);

	return (ppt_va_t)((int64_t)(va << unused) >> unused);
}

/* PA of a leaf's frame; bit 12 of a large leaf is PAT, which is not used. */
static inline ppt_pa_t pte_leaf_pa(uint64_t e, uint32_t level)
{
	return e & PPT__X86_PA & ~(pte_span(level) - 1);
}

static inline ppt_pa_t pte_table_pa(uint64_t e)
{
	return e & PPT__X86_PA;
}

/* A present entry is readable: there is no way to say otherwise. */
static inline bool pte_prot_ok(uint32_t prot)
{
	return (prot & PPT_PROT_READ) && !(prot & ~(uint32_t)PPT_PROT_ALL);
}

static inline uint64_t pte_rights(uint32_t prot)
{
	return (prot & PPT_PROT_WRITE ? PPT__X86_RW : 0) |
	       (prot & PPT_PROT_USER ? PPT__X86_US : 0) |
	       (prot & PPT_PROT_GLOBAL ? PPT__X86_G : 0) |
	       (prot & PPT_PROT_EXEC ? 0 : PPT__X86_XD);
}

#define PPT__X86_RIGHTS (PPT__X86_RW | PPT__X86_US | PPT__X86_G | PPT__X86_XD)

static inline uint64_t pte_leaf(ppt_pa_t pa, uint32_t level, uint32_t prot)
{
	return pa | PPT__X86_P | (level > 1 ? PPT__X86_PS : 0) |
	       pte_rights(prot);
}

/* Tables are permissive; what is allowed is said by the leaves. */
static inline uint64_t pte_table(ppt_pa_t pa)
{
	return pa | PPT__X86_P | PPT__X86_RW | PPT__X86_US;
}

static inline uint32_t pte_prot(uint64_t e)
{
	return PPT_PROT_READ | (e & PPT__X86_RW ? PPT_PROT_WRITE : 0u) |
	       (e & PPT__X86_XD ? 0u : PPT_PROT_EXEC) |
	       (e & PPT__X86_US ? PPT_PROT_USER : 0u) |
	       (e & PPT__X86_G ? PPT_PROT_GLOBAL : 0u);
}

/* The leaf with other rights; A and D stay. */
static inline uint64_t pte_with_prot(uint64_t e, uint32_t prot)
{
	return (e & ~PPT__X86_RIGHTS) | pte_rights(prot);
}

/* The leaf's @i-th part one level down. */
static inline uint64_t pte_split(uint64_t e, uint32_t level, uint32_t i)
{
	uint64_t part = e + i * pte_span(level - 1);

	return level == 2 ? part & ~PPT__X86_PS : part;
}

/* Cold: not present, with a mark; armed: what it was. */
static inline bool pte_is_cold(uint64_t e)
{
	return (e & (PPT__X86_P | PPT__X86_COLD)) == PPT__X86_COLD;
}

static inline uint64_t pte_cold(uint64_t e)
{
	return (e & ~PPT__X86_P) | PPT__X86_COLD;
}

static inline uint64_t pte_armed(uint64_t e)
{
	return (e & ~PPT__X86_COLD) | PPT__X86_P;
}

/*
 * A lost leaf: its rights and size, and instead of its address the index of
 * its region (bits 46-51) and the page in that (bits 12-45).  @zero: the memory
 * is there, its content is gone.
 */
#define PTE_LOST_BYTES_LG2 46u
#define PTE_LOST_NEVER UINT64_C(0x7ff0000000000218)

static inline uint64_t pte_lost(uint64_t e, uint32_t region, uint64_t off,
				bool zero)
{
	return (e & (PPT__X86_RIGHTS | PPT__X86_PS)) | off |
	       (uint64_t)region << PTE_LOST_BYTES_LG2 | PPT__X86_LOST |
	       (zero ? PPT__X86_ZERO : 0);
}

static inline bool pte_lost_zero(uint64_t e)
{
	return e & PPT__X86_ZERO;
}

static inline uint32_t pte_lost_region(uint64_t e)
{
	return (uint32_t)(e >> PTE_LOST_BYTES_LG2) & 63u;
}

/* Bytes from the start of the region. */
static inline uint64_t pte_lost_off(uint64_t e)
{
	return e & PPT__X86_PA & ((UINT64_C(1) << PTE_LOST_BYTES_LG2) - 1);
}

/* The leaf again, at another address. */
static inline uint64_t pte_found(uint64_t e, ppt_pa_t pa)
{
	return (e & (PPT__X86_RIGHTS | PPT__X86_PS)) | pa | PPT__X86_P;
}

/* The entry with its address moved by a multiple of 4 KiB. */
static inline uint64_t pte_moved(uint64_t e, uint64_t delta)
{
	return (e & ~PPT__X86_PA) | ((e + delta) & PPT__X86_PA);
}

#endif
