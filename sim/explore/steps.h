/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.h - what rows are made of: each step runs on library and oracle.
 *
 * Layer: sim.  Before the library is called, the state that the step leads to
 * is pushed, so that a crash in between may show it; when the library has
 * returned, older ones may not be found any more.  All return 0, or -1 and
 * world->why.
 */
#ifndef SIM_EXPLORE_STEPS_H
#define SIM_EXPLORE_STEPS_H

#include "sim/explore/world.h"

#define STEP_RW (PPT_PROT_READ | PPT_PROT_WRITE)

/* A state like the present one, to be changed; NULL: too many. */
struct world_state *step_push(struct world *w);
/* It is the present one now; unless relaxed, the only one. */
void step_pushed(struct world *w);

/* An address of DRAM, in pages from its beginning. */
static inline uint64_t step_dram(const struct world *w, uint64_t page)
{
	return w->now.regions.region[1].base + page * PPT_PAGE_BYTES;
}

/* One operation; in a transaction of its own. */
int step_op(struct world *w, const struct op *op);
/* Several, in one transaction. */
int step_txn(struct world *w, const struct op *op, unsigned n);

/* The same in short. */
int step_map(struct world *w, unsigned space, uint64_t va, uint64_t pa,
	     uint64_t pages);
int step_replace(struct world *w, unsigned space, uint64_t va, uint64_t pa,
		 uint64_t pages);
int step_unmap(struct world *w, unsigned space, uint64_t va, uint64_t pages);
int step_protect(struct world *w, unsigned space, uint64_t va, uint64_t pages,
		 uint32_t prot);

/*
 * What a row acts on: a space, pages that are mapped, a frame, another space
 * that shares it.  The base has them if the row says so, and then nothing
 * happens; after a format they are made first.
 */
int step_need_space(struct world *w, unsigned space);
int step_need(struct world *w, unsigned space, uint64_t va, uint64_t pa,
	      uint64_t pages);
int step_need_frame(struct world *w);
int step_need_other(struct world *w);
/* Where that frame is. */
uint64_t step_frame(const struct world *w);

/* The user of the pool's frames fills those that it has not yet. */
int step_fill(struct world *w);

int step_checkpoint(struct world *w);
/* Map frames of the pool, and then not. */
int step_give_up(struct world *w, unsigned space, uint64_t va, uint64_t pages);

/*
 * Change the rights of every other of @pages mapped pages and change them back,
 * until the journal is half full, when a checkpoint begins beside the commits,
 * and @past lines more.
 */
int step_fill_ring(struct world *w, unsigned space, uint64_t va, uint64_t pages,
		   uint64_t past);
int step_reclaim(struct world *w);
int step_relaxed(struct world *w, bool on);
int step_sync(struct world *w);

/* The pool is closed, and attached again. */
int step_close(struct world *w);

/* The process dies and attaches again; @map: memory has moved there. */
int step_restart(struct world *w, const struct ppt_memory_map *map);

/* A page fault, and that it ends so; armed: that hardware gets there. */
int step_fault(struct world *w, unsigned space, uint64_t va,
	       enum ppt_fault_kind kind);
/* After a restart in TOUCH: hardware gets nowhere yet. */
int step_untouched(struct world *w, unsigned space);
/* A fault that replaces a page whose memory is gone. */
int step_cure(struct world *w, unsigned space, uint64_t va);
/* Settle, so many pages at a time, to the end. */
int step_settle(struct world *w, uint64_t pages);

/*
 * Damage: the process dies, then words of the media change, as often as the row
 * likes; until the repair, after which it attaches.
 */
int step_die(struct world *w);
/* A bit of the entry, or of the descriptor, of the table at a level. */
int step_flip_entry(struct world *w, unsigned space, uint64_t va,
		    unsigned level, unsigned bit);
int step_flip_desc(struct world *w, unsigned space, uint64_t va, unsigned level,
		   unsigned bit);
/* The line of descriptors which that table's is in. */
int step_wipe_descs(struct world *w, unsigned space, uint64_t va,
		    unsigned level);
/* Of one copy of two: a line, the tail. */
int step_ruin_superblock(struct world *w, unsigned copy, unsigned line);
int step_ruin_tail(struct world *w, unsigned copy);
int step_ruin_reclaim(struct world *w);
/* What the table maps is lost; what the space maps; the spaces' names. */
int step_ruin_table(struct world *w, unsigned space, uint64_t va,
		    unsigned level);
int step_ruin_root(struct world *w, unsigned space);
int step_wipe_directory(struct world *w);
int step_repair(struct world *w);

/* Format with the @n-th UUID, and attach. */
int step_format(struct world *w, unsigned n);

/* ppt_create alone; @map: the pool's own region first. */
int step_create(struct world *w, const struct ppt_memory_map *map);
int step_attach(struct world *w);

/* A call of the library that failed.  -1. */
int step_failed(struct world *w, const char *call, int err,
		const struct ppt_diag *diag);

/* An address of other persistent memory, in pages. */
static inline uint64_t step_pmem(const struct world *w, uint64_t page)
{
	return w->now.regions.region[2].base + page * PPT_PAGE_BYTES;
}

/* Rows' common places. */

/* Space 0, 4 levels: tables that are in use, in 2 MiB from here on. */
#define AT_TABLES UINT64_C(0x40000000)
#define AT_TABLE(i) (AT_TABLES + (uint64_t)(i)*PPT_SIZE_2M)
#define AT_PAGE(i, page) (AT_TABLE(i) + (uint64_t)(page)*PPT_PAGE_BYTES)
/* Tables that can go: DRAM in the first page, a frame of the pool behind. */
#define AT_HUGE(k) AT_TABLE(64 + 66 * (k)) /* and 130 MiB from there on */
#define HUGE_PAGES UINT64_C(65 * 512)
#define AT_SPARE(k) (AT_HUGE(k) + 3 * PPT_SIZE_2M)
#define SPARE_FRAME (7 * UINT64_C(4096))
/* Two tables, of levels 1 and 2, of the row that has them overwritten. */
#define AT_CUT(k) AT_TABLE(8 + (k))
#define AT_WIDE_CUT(k) (AT_TABLES + (UINT64_C(4) + (k)) * PPT_SIZE_1G)
/* Large leaves. */
#define AT_LEAF(i) AT_TABLE(16 + (i))
#define LEAVES 4u
/* A frame of the pool. */
#define AT_FRAME AT_PAGE(0, 70)
/* Nothing: 64 tables and a page before the first. */
#define AT_ASIDE(k) AT_TABLE(265 + 66 * (k))
#define ASIDE_TABLES UINT64_C(64)
/* Where world_extra maps. */
#define AT_EXTRA AT_PAGE(511, 5)
#define EXTRA_DRAM 5u

/* Space 1, 5 levels: a frame of the pool. */
#define AT_HIGH UINT64_C(0xff00000040000000)
#define AT_HIGH_PAGE(page) (AT_HIGH + (uint64_t)(page)*PPT_PAGE_BYTES)

/* Space 2, 4 levels: can be deleted; shares space 0's frame. */
#define AT_SHARED UINT64_C(0x7f0000000000)

/* Pages of DRAM: not aligned to the pages of VA, so never a large leaf … */
#define DRAM_PAGES UINT64_C(0x101)
/* … and aligned. */
#define DRAM_LEAVES UINT64_C(0x40000)

#endif
