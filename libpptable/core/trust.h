/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trust: which pages were validated since attach, and validating one.
 * Layer: core.  Owns I7 and I8 after a restart.
 *
 * Nothing of a table is believed before its checksum and every entry were
 * looked at, which happens when the first walk enters it: *touch*.  In the same
 * step a table that was written under an older memory map is rebased, and where
 * hardware walks the pool its entries that name tables are made cold, so that
 * the MMU comes here before it goes there.
 *
 * A bit for each page in DRAM says what was touched.  They are set up by
 * stretches of 512, in the order in which these are met, so that attach need not
 * clear them, and few of them are in few pages of memory.  Whether a stretch has
 * any its block says: what @block holds before may be anything (Briggs and
 * Torczon, LOPLAS 2, 1993).
 */
#ifndef PPTABLE_CORE_TRUST_H
#define PPTABLE_CORE_TRUST_H

#include <pptable/pool.h>

#include "core/frame.h"
#include "format/media.h"

/* Where a region was at an epoch, and where it is now; len 0: nowhere. */
struct ppt__move {
	ppt_pa_t was;
	uint64_t was_len;
	ppt_pa_t now;
	uint64_t now_len;
	bool fresh; /* its content was lost since */
};

/* From one epoch to the present. */
struct ppt__moves {
	uint32_t count;
	bool same; /* it is the present one */
	struct ppt__move region[PPT_REGIONS_MAX];
};

/* Of a stretch of 512 pages, which were touched. */
struct ppt__seen {
	uint32_t stretch;
	uint64_t page[PPT__STRETCH_WORDS];
};

/* Kept: from the present epoch, and from that of the last table of another. */
#define PPT__MOVES 2u

struct ppt__trust {
	uint32_t *block; /* by stretch: which of @seen it has */
	struct ppt__seen *seen;
	uint32_t blocks; /* of @seen, set up so far */
	bool marks;      /* touch makes entries cold */
	bool arms;     /* hardware walks: a walk arms cold entries it passes */
	uint32_t mode; /* enum ppt_trust */
	uint32_t lost; /* enum ppt_lost */
	uint32_t policy;          /* enum ppt_policy */
	struct ppt__moves *moves; /* PPT__MOVES */
	uint32_t met;             /* the epoch of the other one */
	uint64_t *edit;           /* a page of DRAM */
	bool (*readable)(void *ctx, const void *at, size_t bytes); /* or NULL */
	void *readable_ctx;
	uint32_t settled;     /* pages before it are of the present epoch … */
	bool refused;         /* … but for damaged ones */
	uint64_t armed;       /* entries */
	uint64_t touched;     /* tables */
	uint64_t rebased;     /* tables */
	uint64_t frames_lost; /* leaves whose memory is gone */
};

/* The bits of a stretch, or NULL if no page of it was touched. */
static inline const struct ppt__seen *
ppt__trust_block(const struct ppt__trust *t, uint32_t stretch)
{
	uint32_t b = t->block[stretch];

	return b < t->blocks && t->seen[b].stretch == stretch ? &t->seen[b] :
								NULL;
}

struct ppt__pt_ops;

/* Take over what the superblock says of the epochs. */
void ppt__trust_load(struct ppt_pool *pool);

/* Forget what was touched: entries are under another map from here on. */
void ppt__trust_reset(struct ppt_pool *pool);

/* A page was written by this handle: it is what it should be. */
void ppt__trust_set(struct ppt_pool *pool, uint32_t page);

/* Asked before a page is read for the first time: media may be poisoned. */
bool ppt__readable(const struct ppt_pool *pool, uint32_t page);

/*
 * Validate a metadata page.
 * Return: 0; PPT_E_CORRUPT.
 */
int ppt__meta_touch(struct ppt_pool *pool, uint32_t page,
		    struct ppt_diag *diag);

/*
 * The same, whether it was validated or not.  *@lines: bit i, line i is not 0;
 * NULL if nobody wants to know.
 */
int ppt__meta_look(struct ppt_pool *pool, uint32_t page, uint64_t *lines,
		   struct ppt_diag *diag);

/* Where hardware walks: arm an entry, or make it cold. */
void ppt__trust_arm(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		    uint64_t entry);

/*
 * Touch the tables among the next pages, at most @pages from
 * pool->trust.settled on; held extents are skipped.
 * @damaged: grows by tables that are refused; @first: the first of these.
 */
void ppt__trust_sweep(struct ppt_pool *pool, uint64_t pages, uint64_t *damaged,
		      uint32_t *first);

/*
 * After a sweep over all: older memory maps are needed no more.
 * @refused: the sweep has refused tables, and whatever they are under, it is to
 *           be forgotten.
 */
void ppt__epochs_forget(struct ppt_pool *pool, bool refused);

/*
 * After a sweep over all: entries that name tables that were touched are armed,
 * the others cold.  @damaged, @first: as with the sweep, for entries that name
 * what is no such table at all.
 */
void ppt__trust_links(struct ppt_pool *pool, uint64_t *damaged,
		      uint32_t *first);

/* What a sweep did not meet because it does not say that it is a table. */
void ppt__trust_stray(struct ppt_pool *pool, uint32_t page, uint32_t family,
		      uint32_t level, uint64_t *damaged, uint32_t *first);

#endif
