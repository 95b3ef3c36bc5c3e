/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots that are known to be empty, in DRAM, for tables made since attach.
 * Layer: core.
 *
 * To map a page at random in a large space costs, before anything is stored,
 * one load that misses every cache and TLB: is the entry free?  A bit for each
 * entry is 64 times denser than the entries.  A clear bit means that the entry
 * is 0; a set bit means nothing, so what is unmapped or rolled back need not be
 * followed.  Where a table is not in here, its entry is read.
 */
#ifndef PPTABLE_CORE_BLANK_H
#define PPTABLE_CORE_BLANK_H

#include <stdbool.h>

#include <pptable/types.h>

struct ppt__blank {
	uint32_t *page; /* which table an entry is about; 0: none */
	uint64_t (*used)[PPT_PAGE_WORDS / 64];
	uint32_t count; /* of entries, a power of two */
	bool ready;     /* initialised, with the first table made */
};

static inline bool ppt__blank_slot(const struct ppt__blank *b, uint32_t page,
				   uint32_t slot)
{
	uint32_t i = page & (b->count - 1);

	return b->ready && b->page[i] == page &&
	       !(b->used[i][slot / 64] >> slot % 64 & 1u);
}

/*
 * Soon to be asked for a slot, and soon to be told that it is used.
 * Return: whether the table is in here.
 */
static inline bool ppt__blank_prefetch(const struct ppt__blank *b,
				       uint32_t page, uint32_t slot)
{
	uint32_t i = page & (b->count - 1);

	if (!b->ready)
		return false;
	__builtin_prefetch(&b->used[i][slot / 64], 1);
	return b->page[i] == page;
}

/* Slots of a table are set. */
static inline void ppt__blank_use(struct ppt__blank *b, uint32_t page,
				  uint32_t slot, uint32_t n)
{
	uint32_t i = page & (b->count - 1);

	if (!b->ready || b->page[i] != page)
		return;
	while (n) {
		uint32_t at = slot % 64, k = 64 - at < n ? 64 - at : n;

		b->used[i][slot / 64] |= UINT64_MAX >> (64 - k) << at;
		slot += k;
		n -= k;
	}
}

/* A table was made, all empty. */
static inline void ppt__blank_add(struct ppt__blank *b, uint32_t page)
{
	uint32_t i = page & (b->count - 1);

	if (!b->ready)
		__builtin_memset(b->page, 0, b->count * sizeof(*b->page));
	b->ready = true;
	b->page[i] = page;
	for (uint32_t k = 0; k < PPT_PAGE_WORDS / 64; k++)
		b->used[i][k] = 0;
}

/* A table is written without a call of ppt__blank_use for each slot. */
static inline void ppt__blank_drop(struct ppt__blank *b, uint32_t page)
{
	uint32_t i = page & (b->count - 1);

	if (b->ready && b->page[i] == page)
		b->page[i] = 0;
}

#endif
