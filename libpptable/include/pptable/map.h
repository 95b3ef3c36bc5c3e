/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file map.h  Map, unmap, protect, translate, iterate.
 *
 * Ranges are bytes, multiples of 4 KiB, canonical, and do not cross the hole
 * between the two halves of an address space.  Each call is all or nothing,
 * in memory, on media and across a crash.
 */
#ifndef PPTABLE_MAP_H
#define PPTABLE_MAP_H

#include <pptable/space.h>

#ifdef __cplusplus
extern "C" {
#endif

/* PA that asks for frames from the pool: zeroed, freed when unmapped. */
#define PPT_PA_ALLOC UINT64_MAX

enum ppt_map_flags {
	PPT_MAP_REPLACE = 1, /* what is mapped there is unmapped first */
	/*
	 * Leaf size.  AUTO (no flag): the largest that fits by VA, PA and
	 * length.  A given size must fit (PPT_E_INVAL).
	 */
	PPT_MAP_4K = 1 << 4,
	PPT_MAP_2M = 2 << 4,
	PPT_MAP_1G = 3 << 4,
	PPT_MAP_SIZE_MASK = 3 << 4,
	/* With PPT_PA_ALLOC: do not zero; the caller will fill the frames. */
	PPT_MAP_UNZEROED = 2,
};

/**
 * ppt_map - map [va, va + len) to [pa, pa + len), or to frames of the pool.
 * @pa:    multiple of 4 KiB inside one recorded region, or PPT_PA_ALLOC.  In
 *         the pool's own region only frames that are mapped already, or were
 *         and wait for ppt_reclaim (their share count rises), never tables or
 *         metadata [I7].
 * @prot:  enum ppt_prot; the format must be able to express it (x86: READ).
 * @flags: enum ppt_map_flags.
 *
 * Durable: on return, see ppt_commit.  Crash: all or nothing.
 * Bound:   one fence.  A range within one existing table is one journal line.
 *          Frames that have to be zeroed first, a second fence.  A range
 *          of more tables than a transaction holds is built aside: 3 fences.
 * Return:  0; PPT_E_INVAL va, pa, len, prot or flags unaligned or not
 *          expressible; PPT_E_RANGE not canonical or wraps; PPT_E_EXIST
 *          something is mapped there (@diag has the VA); PPT_E_REGION pa;
 *          PPT_E_NOSPC; PPT_E_AGAIN the last free pages wait for a TLB flush;
 *          PPT_E_TOOBIG; PPT_E_LIMIT a frame's share count; PPT_E_CORRUPT;
 *          PPT_E_ROFS.
 */
int ppt_map(struct ppt_space *space, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	    uint32_t prot, uint32_t flags, struct ppt_diag *diag);

/**
 * ppt_unmap - remove what is mapped in [va, va + len); holes are fine.
 *
 * A large leaf that is only partly in the range is split.  Frames of the pool
 * whose share count becomes 0 are freed, and tables that become empty.  They
 * wait for the TLB flush, see ppt_tlb_pending.  A damaged table whose whole
 * range is in [va, va + len) is unlinked: what it led to is leaked, and freed by
 * a repair.
 * Bound: one fence.  A range too large for one transaction is unlinked whole
 *        and freed by ppt_reclaim.
 * Return: 0; PPT_E_INVAL; PPT_E_RANGE; PPT_E_NOSPC no page for a split, or the
 *         reclaim list is full; PPT_E_AGAIN; PPT_E_TOOBIG; PPT_E_CORRUPT; PPT_E_ROFS.
 */
int ppt_unmap(struct ppt_space *space, ppt_va_t va, uint64_t len,
	      struct ppt_diag *diag);

/**
 * ppt_protect - change the rights of [va, va + len), which has no holes.
 *
 * A large leaf that is only partly in the range is split.
 * Return: 0; PPT_E_NOENT a hole (@diag has its VA); PPT_E_REGION a page whose
 *         memory is gone; PPT_E_INVAL; PPT_E_RANGE; PPT_E_NOSPC; PPT_E_AGAIN; PPT_E_TOOBIG; PPT_E_CORRUPT; PPT_E_ROFS.
 */
int ppt_protect(struct ppt_space *space, ppt_va_t va, uint64_t len,
		uint32_t prot, struct ppt_diag *diag);

/* What an extent is. */
enum ppt_extent_state {
	PPT_EXTENT_MAPPED = 0,  /* translates */
	PPT_EXTENT_LOST = 1,    /* faults: its memory is gone */
	PPT_EXTENT_ZERO = 2,    /* faults: its memory lost its content */
	PPT_EXTENT_DAMAGED = 3, /* faults: the table of these VAs is damaged */
};

/** ppt_extent_state_name - "mapped", "lost", "zero", "damaged". */
const char *ppt_extent_state_name(enum ppt_extent_state state);

/**
 * struct ppt_extent - pages that follow each other in VA and PA, with the same
 * rights and leaf size.
 * @pa:     where @va leads; lost or zero: bytes from the start of the region.
 * @state:  enum ppt_extent_state; all but mapped from ppt_iter_init_any only.
 * @region: lost or zero: index in ppt_memory_map().
 */
struct ppt_extent {
	ppt_va_t va;
	ppt_pa_t pa;
	uint64_t len;
	uint32_t prot;
	uint32_t state;
	uint64_t page_size;
	uint32_t region;
};

/**
 * ppt_translate - walk the tables in software.
 * @out: @va is the argument, @pa where it leads, @len what is left of the leaf
 *       from there, @page_size the leaf's.
 *
 * Return: 0; PPT_E_NOENT not mapped; PPT_E_REGION the memory that was mapped
 *         is gone, lost its content, or is where its page is not aligned, see
 *         <pptable/fault.h>; PPT_E_RANGE not canonical; PPT_E_CORRUPT a table on the way is damaged, or the leaf
 *         leads out of the memory map or to what is no data page.
 */
int ppt_translate(struct ppt_space *space, ppt_va_t va, struct ppt_extent *out,
		  struct ppt_diag *diag);

/** struct ppt_iter - caller-owned, fields private. */
struct ppt_iter {
	struct ppt_space space;
	ppt_va_t next;
	ppt_va_t last;
	ppt_va_t table;
	uint64_t left;
	bool done;
	bool any;
};

/**
 * ppt_iter_init - over the pages of [va, last]; 0 and UINT64_MAX are everything.
 */
void ppt_iter_init(struct ppt_iter *it, const struct ppt_space *space,
		   ppt_va_t va, ppt_va_t last);

/**
 * ppt_iter_init_any - the same, over what is lost or damaged too.
 *
 * A damaged table ends no such iteration: it is one extent.
 */
void ppt_iter_init_any(struct ppt_iter *it, const struct ppt_space *space,
		       ppt_va_t va, ppt_va_t last);

/**
 * ppt_iter_next - the next extent, ascending and coalesced.
 *
 * The space must not change meanwhile.
 * Bound:  all calls together meet no more tables than twice the pool's pages.
 * Return: 0; PPT_E_NOENT no more; PPT_E_CORRUPT a table on the way is damaged,
 *         or a leaf that leads to no frame.
 */
int ppt_iter_next(struct ppt_iter *it, struct ppt_extent *out,
		  struct ppt_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
