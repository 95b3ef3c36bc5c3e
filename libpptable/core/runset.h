/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of runs that are to happen, in order, and reading through it: what a
 * transaction has written but not stored yet.  Layer: core.
 */
#ifndef PPTABLE_CORE_RUNSET_H
#define PPTABLE_CORE_RUNSET_H

#include <stdbool.h>

#include "format/record.h"

/* Marks of a run in DRAM, above PPT__RUN_MEDIA. */
#define PPT__RUN_ENTRY (UINT64_C(1) << 62) /* words that an MMU may walk */
#define PPT__RUN_FRESH (UINT64_C(1) << 63) /* … once they are linked */
/* Of what is no entry: one word in no cache, best streamed. */
#define PPT__RUN_COLD PPT__RUN_FRESH
#define PPT__RUN_MARKS (~PPT__RUN_MEDIA)

#define PPT__RUNSET_BUCKETS 256u
#define PPT__RUNSET_LINEAR 8u /* so many are searched one by one */
#define PPT__RUNSET_NONE UINT16_MAX

#define PPT__RUNSET_MERGE 4u /* so many of the last runs may be merged with */

struct ppt__runset {
	struct ppt__run *run;
	uint16_t *next; /* older run of the same bucket */
	uint32_t n;
	uint32_t cap;     /* below PPT__RUNSET_NONE */
	uint32_t linked;  /* runs that are in the buckets */
	uint16_t *bucket; /* PPT__RUNSET_BUCKETS of them */
};

static inline void ppt__runset_reset(struct ppt__runset *set)
{
	set->n = 0;
	set->linked = 0;
}

/* Drop all but the first n. */
void ppt__runset_truncate(struct ppt__runset *set, uint32_t n);

/*
 * Append a run; it is merged into one of the last few runs from @floor on where
 * that leaves the result, and the order in which an MMU sees entries, as is.
 * Return: false if the set is full.
 */
bool ppt__runset_merge(struct ppt__runset *set, uint32_t floor,
		       struct ppt__run run);

static inline bool ppt__runset_add(struct ppt__runset *set, uint32_t floor,
				   struct ppt__run run)
{
	uint32_t n = set->n, last = n;

	/* Only a run of the same page can be merged with: look for one first. */
	while (last > floor && n - last < PPT__RUNSET_MERGE)
		if (ppt__run_page(set->run[--last].where) ==
		    ppt__run_page(run.where)) {
			if (ppt__runset_merge(set, floor, run))
				return true;
			break;
		}
	if (n == set->cap)
		return false;
	set->run[n] = run;
	set->n = n + 1;
	return true;
}

bool ppt__runset_find_slow(struct ppt__runset *set, uint32_t page,
			   uint32_t slot, uint64_t *value);

/* What the newest run that covers a word makes it. */
static inline bool ppt__runset_find(struct ppt__runset *set, uint32_t page,
				    uint32_t slot, uint64_t *value)
{
	return set->n && ppt__runset_find_slow(set, page, slot, value);
}

/* Overwrite those of a page's 512 words in @word that the set covers. */
void ppt__runset_overlay(struct ppt__runset *set, uint32_t page,
			 uint64_t *word);

/* Whether any run touches a page. */
bool ppt__runset_touches(struct ppt__runset *set, uint32_t page);

#endif
