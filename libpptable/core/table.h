/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changing checksummed pages: tables, directory, reclaim list.  Layer: core.
 * Owns I5: whatever changes a page sets its descriptor in the same transaction.
 */
#ifndef PPTABLE_CORE_TABLE_H
#define PPTABLE_CORE_TABLE_H

#include "core/pool.h"
#include "format/mutant.h"

/* Marks of a run that sets words of a page, by its descriptor. */
static inline uint64_t ppt__table_marks(const struct ppt_pool *pool,
					uint64_t desc)
{
	if (pool->flags & PPT_ATTACH_NO_MMU || !ppt__desc_is_table(desc))
		return 0;
	return PPT__RUN_ENTRY;
}

/* The descriptor's upper half with another count of live entries. */
static inline uint32_t ppt__table_live(uint64_t desc, uint32_t minus,
				       uint32_t plus)
{
	uint32_t hi = ppt__desc_hi(desc);

	if (!ppt__desc_is_table(desc) || PPT_MUTANT(LIVE_KEPT))
		return hi;
	return hi + ((plus - minus) << 10);
}

/* Set the descriptor of a page. */
static inline int ppt__table_desc(struct ppt_pool *pool, uint32_t page,
				  uint64_t desc)
{
	return ppt__set(pool, ppt__desc_page_of(pool, page),
			page % PPT_PAGE_WORDS, 1, desc, 0, 0);
}

/*
 * Set one word, which was @was, and the descriptor: what most changes are.
 * @cold: the word is probably in no cache and will not be set again soon, so
 * it is best streamed there: no line is fetched for it, none flushed later.
 */
static inline int ppt__table_word(struct ppt_pool *pool, uint32_t page,
				  uint32_t slot, uint64_t was, uint64_t v,
				  bool cold)
{
	uint64_t desc = ppt__desc_load(pool, page);
	uint64_t marks = ppt__table_marks(pool, desc);
	uint32_t family = ppt__desc_family(desc);
	uint32_t hi = ppt__table_live(desc, was != 0, v != 0);
	uint32_t delta = ppt__crc32c_word(0, ppt__canon(family, was ^ v));

	if (cold && !marks) /* an MMU must see entries in their order */
		marks = PPT__RUN_COLD;
	if (v && !PPT_MUTANT(BLANK_STALE))
		ppt__blank_use(&pool->blank, page, slot, 1);
	if (ppt__set(pool, page, slot, 1, v, 0, marks))
		return PPT_E_TOOBIG;
	if (PPT_MUTANT(CRC_LEFT_OUT))
		return 0;
	return ppt__table_desc(pool, page,
			       ppt__desc_update(desc, hi, slot, 1, delta));
}

/* Set words of a page to v, v + stride, … and its descriptor.  PPT_E_TOOBIG. */
int ppt__table_set(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		   uint32_t n, uint64_t v, uint64_t stride);

/* The same where the words are known to be 0: they are not read. */
int ppt__table_fill(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		    uint32_t n, uint64_t v, uint64_t stride);

/* Whether words of a table are 0, by its count of live ones where possible. */
bool ppt__table_blank(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		      uint32_t n);

/* Set words of a page to those of @word. */
int ppt__table_write(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, const uint64_t *word);

/*
 * The same of a whole page, and its epoch: what it holds is under the present
 * memory map now [I8].  @lines: those that are not empty, before or after.
 * @run: if not 0, the page is full before and after, and of @word there is the
 * first one only, each being so much more than the one before.
 */
int ppt__table_rebase(struct ppt_pool *pool, uint32_t page,
		      const uint64_t *word, uint64_t lines, uint64_t run);

/*
 * Allocate a table whose entries are 0 but for [slot, slot + n).
 * Return: 0; PPT_E_NOSPC; PPT_E_TOOBIG; PPT_E_CORRUPT.
 */
int ppt__table_new(struct ppt_pool *pool, uint32_t family, uint32_t level,
		   uint32_t slot, uint32_t n, uint64_t v, uint64_t stride,
		   uint32_t *page, struct ppt_diag *diag);

/* Allocate a zeroed metadata page. */
int ppt__meta_new(struct ppt_pool *pool, uint32_t *page, struct ppt_diag *diag);

/*
 * Validate a table that no walk has entered since attach, and bring it under
 * the present memory map; see core/trust.h.
 * Bound:  its page and, for each page of the pool that it maps, 8 bytes are
 *         read; if it is rebased, 1 transaction.
 * Return: 0; PPT_E_CORRUPT.
 */
int ppt__table_touch(struct ppt_pool *pool, uint32_t page, uint32_t family,
		     uint32_t level, struct ppt_diag *diag);

/* Whether a page lies where tables are, and says that it is such a one, now. */
static inline bool ppt__table_named(struct ppt_pool *pool, uint32_t page,
				    uint32_t family, uint32_t level)
{
	uint32_t want = ppt__desc_table(level, family, pool->epoch, 0, 0);
	uint32_t mask = ppt__desc_table(7, 3, 15, 0, 0);
	uint32_t hi;

	if (__builtin_expect(
		    page < pool->at.first_page || page >= pool->at.pages, 0))
		return false;
	hi = ppt__desc_hi(ppt__desc_load(pool, page));
	return (hi & mask) == want && hi >> 20 != 0;
}

/*
 * Believe that a page is a table: it must lie where tables are, its descriptor
 * must name its level and its family, and it must have been touched.
 */
static inline int ppt__table_expect(struct ppt_pool *pool, uint32_t page,
				    uint32_t family, uint32_t level,
				    struct ppt_diag *diag)
{
	if (__builtin_expect(!ppt__table_named(pool, page, family, level) ||
				     !ppt__trusted(pool, page),
			     0))
		return ppt__table_touch(pool, page, family, level, diag);
	return 0;
}

/*
 * Step from an entry to the table it names: the one place where the walk
 * believes an address.  The table must lie in the pool and be what its
 * descriptor and its parent say [I7, I10]; levels fall, so a walk ends.
 * Return: 0 and *@page; PPT_E_CORRUPT.
 */
static inline int ppt__table_enter(struct ppt_pool *pool, ppt_pa_t pa,
				   uint32_t family, uint32_t level,
				   uint32_t *page, struct ppt_diag *diag)
{
	if (!ppt__pa_page(pool, pa, page))
		*page = UINT32_MAX; /* refused: no pool has so many */
	return ppt__table_expect(pool, *page, family, level, diag);
}

#endif
