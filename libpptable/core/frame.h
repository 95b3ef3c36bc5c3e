/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages and frames.  Layer: core.  Owns I6, I12.  core/pages.c knows which
 * pages are free and hands them out, core/frame.c zeroes and counts frames.
 *
 * The truth is in the descriptors.  DRAM holds no list of free pages, only a
 * look at one stretch (the 512 pages that share a descriptor page), a bit for
 * each stretch that was found full, and the *limbo*: extents that are free on
 * media but must not be used yet, because a TLB may still know them, because
 * the live ring may still cover them, or because they wait to be reclaimed.
 */
#ifndef PPTABLE_CORE_FRAME_H
#define PPTABLE_CORE_FRAME_H

#include <pptable/error.h>
#include <pptable/types.h>

struct ppt_pool;

#define PPT__STRETCH_WORDS (PPT_PAGE_WORDS / 64u)
#define PPT__LIMBO_MAX 1024u

struct ppt__limbo {
	uint32_t page;
	uint32_t count;
	uint64_t line;   /* usable when the tail has passed this line … */
	uint64_t ticket; /* … and this TLB flush is confirmed */
};

struct ppt__extent {
	uint32_t page;
	uint32_t count;
};

struct ppt__frames {
	uint32_t stretches;
	uint32_t stretch; /* that is looked at */
	bool loaded;
	uint64_t free[PPT__STRETCH_WORDS];    /* in it, by bit */
	uint64_t zeroed[PPT__STRETCH_WORDS];  /* zeroed ahead and fenced */
	uint64_t zeroing[PPT__STRETCH_WORDS]; /* zeroed ahead */
	bool zeroing_any;
	uint64_t *full;      /* stretches found full, a hint */
	uint64_t found_full; /* by the open transaction, so often */

	/* Freed, oldest first: a ring. */
	struct ppt__limbo *limbo; /* PPT__LIMBO_MAX of them */
	uint32_t limbo_head;
	uint32_t limbo_tail;

	/* Taken by the open transaction, to be zeroed. */
	struct ppt__extent *zero; /* PPT__LIMBO_MAX of them */
	uint32_t zero_count;

	/* Freed by the open transaction. */
	struct ppt__extent *freed; /* PPT__LIMBO_MAX of them */
	uint32_t freed_count;

	/*
	 * What the extents in the reclaim list cover, by slot: out of the
	 * allocator's sight.
	 */
	struct ppt__extent *held; /* PPT_PAGE_WORDS of them */
	uint32_t held_end;        /* slots before it may be in use */
	bool blocked; /* what they cover is not known: no page is free */
};

static inline bool ppt__bit(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> i % 64 & 1u;
}

static inline void ppt__set_bit(uint64_t *map, uint32_t i, bool on)
{
	uint64_t m = UINT64_C(1) << i % 64;

	map[i / 64] = on ? map[i / 64] | m : map[i / 64] & ~m;
}

/* Where an allocation may be rolled back to. */
struct ppt__frames_mark {
	uint32_t stretch;
	uint32_t freed_count;
	uint32_t zero_count;
	uint64_t found_full;
	struct ppt__extent last_freed;
};

void ppt__frames_init(struct ppt_pool *pool, uint64_t hint);

/*
 * Take up to @want consecutive free pages, at least one, out of the stretch
 * that is looked at.  The caller sets their descriptors in the same call.
 * Return: 0; PPT_E_NOSPC; PPT_E_CORRUPT the reclaim list, which may hold them,
 *         is damaged.
 */
int ppt__pages_take(struct ppt_pool *pool, uint32_t want, uint32_t *page,
		    uint32_t *got, struct ppt_diag *diag);

/* Take 2^k * 512 pages whose PA is aligned to @bytes (2 MiB or 1 GiB). */
int ppt__pages_take_aligned(struct ppt_pool *pool, uint64_t bytes,
			    uint32_t *page, struct ppt_diag *diag);

/*
 * Find @want free pages, without taking them, in at most @max extents; @whole:
 * in whole stretches only.
 */
int ppt__pages_find(struct ppt_pool *pool, uint64_t want, bool whole,
		    struct ppt__extent *out, uint32_t max, uint32_t *count,
		    struct ppt_diag *diag);

/* Hide the extent of a slot of the reclaim list, or show those of some. */
void ppt__pages_hold(struct ppt_pool *pool, uint32_t slot,
		     struct ppt__extent extent);
void ppt__pages_release(struct ppt_pool *pool, uint32_t slot, uint32_t count);

/* Whether any of these pages is hidden so. */
bool ppt__pages_held(const struct ppt_pool *pool, uint32_t page,
		     uint64_t count);

/*
 * Make frames that were taken zero, when the transaction commits; those not
 * zeroed ahead make it fence first.  PPT_E_TOOBIG.
 */
int ppt__pages_zero(struct ppt_pool *pool, uint32_t page, uint32_t count);
void ppt__pages_zero_taken(struct ppt_pool *pool);

/* Zero a few of the next free pages ahead of the coming fence. */
void ppt__pages_zero_ahead(struct ppt_pool *pool, uint32_t count);

/* A fence has passed. */
void ppt__pages_fenced(struct ppt_pool *pool);

/* Set the descriptors of an extent to one value.  PPT_E_TOOBIG. */
int ppt__descs_set(struct ppt_pool *pool, uint32_t page, uint64_t count,
		   uint64_t desc);

/*
 * Free pages: sets their descriptors in the open transaction.
 * Return: 0; PPT_E_TOOBIG.
 */
int ppt__pages_free(struct ppt_pool *pool, uint32_t page, uint32_t count);

/* The same for a table, which walks forget. */
int ppt__table_free(struct ppt_pool *pool, uint32_t page);

/* Set the descriptors of pages that were taken to data, share count 1. */
int ppt__frames_claim(struct ppt_pool *pool, uint32_t page, uint64_t count);

/*
 * Drop one reference to each of the frames of a leaf in the pool, or add one.
 * Return: 0; PPT_E_CORRUPT a frame that is no data page; PPT_E_LIMIT.
 */
int ppt__frames_put(struct ppt_pool *pool, uint32_t page, uint64_t count,
		    struct ppt_diag *diag);
int ppt__frames_get(struct ppt_pool *pool, uint32_t page, uint64_t count,
		    struct ppt_diag *diag);

/* Whether a page of the pool is a data page, by a descriptor that is right. */
bool ppt__frame_known(struct ppt_pool *pool, uint32_t page);

/*
 * Whether a caller may name these frames: PPT_E_REGION, PPT_E_LIMIT; PPT_E_CORRUPT
 * the reclaim list, which may hold them, is damaged.
 */
int ppt__frames_check(struct ppt_pool *pool, uint32_t page, uint64_t count,
		      struct ppt_diag *diag);

/* Commit and rollback of the open transaction's allocations. */
struct ppt__frames_mark ppt__frames_mark(const struct ppt_pool *pool);
void ppt__frames_rollback(struct ppt_pool *pool, struct ppt__frames_mark mark);
void ppt__frames_committed(struct ppt_pool *pool);

/* Whether limbo has room for what the open transaction frees. */
int ppt__limbo_room(struct ppt_pool *pool, struct ppt_diag *diag);

#endif
