/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool handle and what all of core shares.  Layer: core.
 */
#ifndef PPTABLE_CORE_POOL_H
#define PPTABLE_CORE_POOL_H

#include <pptable/map.h>
#include <pptable/pool.h>

#include "core/blank.h"
#include "core/frame.h"
#include "core/journal.h"
#include "core/pm.h"
#include "core/runset.h"
#include "core/trust.h"
#include "format/desc.h"
#include "format/media.h"
#include "format/superblock.h"

#define PPT__RECLAIM_CHANGES_MAX 32u

/* What a transaction changes in the reclaim list, settled at its commit. */
struct ppt__reclaim_change {
	uint32_t slot;  /* PPT_PAGE_WORDS: any empty one */
	uint32_t count; /* consecutive slots that get @item */
	uint64_t item;
};

/* One open transaction; see txn.h. */
struct ppt__txn {
	bool open;     /* by ppt_begin */
	bool unfenced; /* frames were zeroed since the last fence */
	struct ppt__runset runs;
	uint32_t floor; /* runs before it are not merged with */
	struct ppt__reclaim_change *change; /* PPT__RECLAIM_CHANGES_MAX */
	uint32_t changes;
	uint32_t allocated; /* single frames, to zero as many ahead */
};

/*
 * Where tables are that walks have found, so that the next walk need not start
 * at the root: level-2 tables by gigabyte, level-1 tables by 2 MiB.  All are
 * forgotten, by a new era, when any table is freed.
 */
#define PPT__WALK_HINTS 64u
#define PPT__WALK_LEVELS 4u /* below the root, which is known */

struct ppt__walk_hint {
	uint64_t span; /* VA divided by what an entry above covers */
	uint32_t root_page;
	uint32_t era;
	uint32_t page[PPT__WALK_LEVELS]; /* by level - 1, from its own on */
};

/*
 * What every commit touches comes first, close together; all arrays are
 * elsewhere.  (Loads that agree with stores of the stack in the lower 12 bits
 * of their address wait for these, and so for the fence before them.)
 */
struct ppt_pool {
	struct ppt__pm pm;
	struct ppt__layout at;
	uint32_t flags;
	bool relaxed;
	bool list_damaged;           /* the reclaim list is quarantined */
	uint32_t seed;               /* of all checksums */
	uint32_t epoch;              /* of the present memory map */
	uint32_t last_region;        /* where a frame was found last */
	uint32_t walk_era;           /* from 1 */
	struct ppt__walk_hint *walk; /* PPT__WALK_HINTS for each of 2 levels */
	uint64_t desc_free;          /* ready-made descriptors: */
	uint64_t desc_data;          /* share count 1 */
	uint64_t commits;
	struct ppt__blank blank;

	struct ppt__journal journal;
	struct ppt__txn txn;
	struct ppt__runset group; /* relaxed commits, not applied yet */
	struct ppt__frames frames;
	struct ppt__trust trust;

	struct ppt_tlb_gather gather;       /* committed, not confirmed */
	struct ppt_tlb_gather open_gather;  /* the transaction's; ticket 1 */
	struct ppt_tlb_gather group_gather; /* relaxed commits'; ticket 1 */
	uint64_t ticket_flushed;
	uint64_t ticket_last;

	struct ppt_memory_map map; /* the present one; [0] is the pool */
	uint32_t superblock_slot;  /* the one that counts */
	uint64_t *page_buffer;     /* a page of DRAM, used inside core/table */
	uint64_t *page_edit;       /* another, for what is to be written */
	uint64_t *page_old; /* and two for a table's entries before … */
	uint64_t *page_new; /* … and after */
	struct ppt_m_superblock *superblock; /* a copy of it in DRAM */
};

/* ------------------------------------------- reading through the writes -- */

/* A word as the open transaction sees it. */
static inline uint64_t ppt__load(struct ppt_pool *pool, uint32_t page,
				 uint32_t slot)
{
	uint64_t v;

	if (__builtin_expect((pool->txn.runs.n | pool->group.n) != 0, 0) &&
	    (ppt__runset_find(&pool->txn.runs, page, slot, &v) ||
	     ppt__runset_find(&pool->group, page, slot, &v)))
		return v;
	return ppt__pm_load(&pool->pm, ppt__word(page, slot));
}

/* n words; either where they are, or a copy in @buffer (512 words). */
const uint64_t *ppt__load_words(struct ppt_pool *pool, uint32_t page,
				uint32_t slot, uint32_t n, uint64_t *buffer);

/* Where a page's descriptor is. */
static inline uint32_t ppt__desc_page_of(const struct ppt_pool *pool,
					 uint32_t page)
{
	return pool->at.desc_page + page / PPT_PAGE_WORDS;
}

static inline uint64_t ppt__desc_load(struct ppt_pool *pool, uint32_t page)
{
	if (__builtin_expect((pool->txn.runs.n | pool->group.n) != 0, 0))
		return ppt__load(pool, ppt__desc_page_of(pool, page),
				 page % PPT_PAGE_WORDS);
	return ppt__pm_load(&pool->pm, ppt__word(pool->at.desc_page, 0) + page);
}

/* Whether a page was validated, or written, since attach. */
static inline bool ppt__trusted(const struct ppt_pool *pool, uint32_t page)
{
	const struct ppt__seen *seen =
		ppt__trust_block(&pool->trust, page / PPT_PAGE_WORDS);

	return seen && ppt__bit(seen->page, page % PPT_PAGE_WORDS);
}

/* ------------------------------------------------------- memory map -- */

static inline ppt_pa_t ppt__page_pa(const struct ppt_pool *pool, uint32_t page)
{
	return pool->map.region[0].base + (uint64_t)page * PPT_PAGE_BYTES;
}

/* Page index of a PA in the pool; false if it lies elsewhere. */
static inline bool ppt__pa_page(const struct ppt_pool *pool, ppt_pa_t pa,
				uint32_t *page)
{
	uint64_t off = pa - pool->map.region[0].base;

	*page = (uint32_t)(off / PPT_PAGE_BYTES);
	return off / PPT_PAGE_BYTES < pool->at.pages;
}

/* Whether [pa, pa + len) lies in one region. */
bool ppt__pa_known(struct ppt_pool *pool, ppt_pa_t pa, uint64_t len);

/* The longest region: what a lost entry can tell of an offset. */
#define PPT__REGION_BYTES_LG2 46u

/* Return: 0; PPT_E_REGION; PPT_E_INVAL; PPT_E_RANGE; PPT_E_EXIST. */
int ppt__region_check(const struct ppt_memory_map *map,
		      const struct ppt_region *region, struct ppt_diag *diag);

/* Record where a region is at an epoch. */
void ppt__superblock_set_region(struct ppt_m_superblock *sb, uint32_t i,
				uint32_t epoch, const struct ppt_region *r);

void ppt__geometry_of(const struct ppt_m_superblock *sb,
		      struct ppt_geometry *out);

/* Write the superblock's copy in DRAM as the next generation; 2 fences. */
void ppt__superblock_write(struct ppt_pool *pool);

/* ----------------------------------------------------------- set-up -- */

/*
 * Where in scratch memory the copy of the superblock goes, which is checked
 * there: the media may not read the same a second time.  NULL if there is no
 * room for it.
 */
struct ppt_m_superblock *ppt__pool_superblock(void *scratch, size_t bytes);

/*
 * Lay the handle out in scratch memory, by the superblock that was chosen, which
 * is where ppt__pool_superblock says, or there is too little scratch memory.
 * Return: 0; PPT_E_NOMEM; PPT_E_CORRUPT its regions are no memory map: the
 *         handle is in order.
 */
int ppt__pool_init(struct ppt_pool **out, void *scratch, size_t bytes,
		   const struct ppt__pm *pm, const struct ppt_m_superblock *sb,
		   uint32_t flags, struct ppt_diag *diag);

/*
 * Hide the extents in the reclaim list from the allocator, at attach.  A damaged
 * list is quarantined: nothing changes it, and what it holds stays hidden.  If
 * that is not known, no page is handed out.
 */
void ppt__reclaim_load(struct ppt_pool *pool);

/* Return: 0; PPT_E_CORRUPT the reclaim list is quarantined. */
int ppt__reclaim_usable(const struct ppt_pool *pool, struct ppt_diag *diag);

/* Read the memory map of an epoch out of the superblock's copy. */
void ppt__epoch_map(const struct ppt_m_superblock *sb, uint32_t epoch,
		    struct ppt_memory_map *out);

#include "core/txn.h"

#endif
