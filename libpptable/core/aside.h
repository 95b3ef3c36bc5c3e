/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building aside: pages for what is too large for one transaction.
 * Layer: core.  Owns its part of I13: what is streamed is unreachable, and the
 * reclaim list names it until the transaction that links it.
 *
 *   1  reserve: the reclaim list gets the extents       (fence)
 *   2  stream tables, descriptors and zeroed frames     (fence)
 *   3  link: entries set, the reclaim list cleared      (fence, the commit)
 */
#ifndef PPTABLE_CORE_ASIDE_H
#define PPTABLE_CORE_ASIDE_H

#include "core/pool.h"

struct ppt__aside {
	uint32_t slot;     /* of the first extent in the reclaim list */
	uint32_t count;    /* of extents */
	uint32_t frames;   /* so many of them, the first, are for frames */
	uint32_t at_table; /* next page to hand out: extent … */
	uint32_t in_table; /* … and page in it */
	uint32_t at_frame;
	uint32_t in_frame;
};

/*
 * Reserve pages.  @whole: frames in whole stretches.
 * Return: 0; PPT_E_NOSPC; PPT_E_CORRUPT.
 */
int ppt__aside_reserve(struct ppt_pool *pool, struct ppt__aside *aside,
		       uint64_t tables, uint64_t frames, bool whole,
		       struct ppt_diag *diag);

/* The next page for a table. */
int ppt__aside_table(struct ppt_pool *pool, struct ppt__aside *aside,
		     uint32_t *page);

/* The next up to @want consecutive frames, their descriptors streamed. */
int ppt__aside_frames(struct ppt_pool *pool, struct ppt__aside *aside,
		      uint32_t want, bool zero, uint32_t *page, uint32_t *got);

#endif
