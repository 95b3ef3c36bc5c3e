/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a page-table format can do.  Layer: core.
 *
 * The code is in core/pt/: headers without guards that are compiled once for
 * each format by core/pt_<format>.c, on top of the contract that
 * format/pte_<family>.h fulfils:
 *
 *   PTE_FAMILY, PTE_LEAF_LEVEL_MAX, PTE_PA_BITS, PTE_ROOT_REGISTER(pa)
 *   pte_kind(e, level)         empty, table, leaf, lost, bad
 *   pte_is_cold(e), pte_cold(e), pte_armed(e)
 *   pte_lost(e, region, off, zero), pte_lost_region, pte_lost_off,
 *   pte_lost_zero, pte_found(e, pa)
 *   pte_span(level)            bytes that an entry covers
 *   pte_leaf(pa, level, prot), pte_leaf_pa(e, level), pte_prot(e)
 *   pte_table(pa), pte_table_pa(e)
 *   pte_prot_ok(prot), pte_with_prot(e, prot)
 *   pte_split(e, level, i)     the leaf's i-th part, one level down
 *   pte_moved(e, delta)        the entry after its memory moved
 *
 * So the walk holds no function pointer; a call on a space goes through one.
 */
#ifndef PPTABLE_CORE_PT_H
#define PPTABLE_CORE_PT_H

#include <pptable/fault.h>

#include "core/pool.h"

struct ppt__map_args {
	ppt_va_t va;
	ppt_va_t last;
	ppt_pa_t pa; /* PPT_PA_ALLOC: from the pool */
	uint32_t prot;
	uint32_t flags;
};

/*
 * What was found of a table.
 * @word: if the map has changed or marks are made, what its entries are under
 *        the present one, cold where that is due.
 * @run:  if not 0, of @word there is the first one only: each is so much more
 *        than the one before.
 * @forbidden: one breaks the policy of this attach.
 */
struct ppt__vetted {
	uint64_t *word;
	uint64_t run;
	bool forbidden;
};

struct ppt__pt_ops {
	enum ppt_format format;
	const char *name;
	uint32_t family;
	uint32_t levels;

	/* Arguments that the format cannot express. */
	int (*check)(ppt_va_t va, ppt_va_t last, uint32_t prot,
		     struct ppt_diag *diag);
	/* Fetch what mapping one page at va will wait for. */
	void (*prefetch)(const struct ppt_space *space, ppt_va_t va);
	int (*map)(struct ppt_space *space, const struct ppt__map_args *args,
		   bool aside, struct ppt_diag *diag);
	/* @whole: unlink subtrees as they are, for the reclaim list. */
	int (*unmap)(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		     bool whole, struct ppt_diag *diag);
	int (*protect)(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		       uint32_t prot, bool aside, struct ppt_diag *diag);
	/*
	 * The leaf at va or, in an iteration, what is the first from va on:
	 * leaves or, if it is over any state, what is lost or damaged.
	 */
	int (*find)(struct ppt_space *space, ppt_va_t va, struct ppt_iter *it,
		    struct ppt_extent *out, struct ppt_diag *diag);
	/* One bounded step of freeing an item of the reclaim list. */
	int (*reclaim)(struct ppt_pool *pool, uint32_t slot, uint64_t item,
		       struct ppt_diag *diag);
	/*
	 * Vet every entry of a table, with @live that are not 0, all of them in
	 * @lines.
	 */
	int (*vet)(struct ppt_pool *pool, uint32_t level, const uint64_t *word,
		   uint64_t lines, uint32_t live,
		   const struct ppt__moves *moves, struct ppt__vetted *out,
		   struct ppt_diag *diag);
	/*
	 * Of the @live entries of a table: arm what names a table that was
	 * touched, make cold what does not; count what names none, see
	 * ppt__trust_stray.
	 */
	void (*arm)(struct ppt_pool *pool, uint32_t page, uint32_t level,
		    uint32_t live, uint64_t *damaged, uint32_t *first);
	/* See <pptable/fault.h>. */
	int (*fault)(struct ppt_space *space, ppt_va_t va, uint32_t access,
		     struct ppt_fault *out, struct ppt_diag *diag);
	uint64_t (*root_register)(ppt_pa_t root_pa);
};

/* NULL for what is no format. */
const struct ppt__pt_ops *ppt__pt_ops(enum ppt_format format);

/* Any format of a family, for what does not depend on the root's level. */
const struct ppt__pt_ops *ppt__pt_ops_of_family(uint32_t family);

extern const struct ppt__pt_ops ppt__pt_x86_64_4 PPT__HIDDEN;
extern const struct ppt__pt_ops ppt__pt_x86_64_5 PPT__HIDDEN;

#define PPT__INLINE_TABLES_MAX 256u

/*
 * The table count from which a call goes the way for huge ranges.  A table
 * takes some lines of the window, so with small rings it is smaller.
 */
static inline uint32_t ppt__inline_tables(const struct ppt_pool *pool)
{
	uint64_t n = pool->journal.window / 4;

	return n < PPT__INLINE_TABLES_MAX ? (uint32_t)n :
					    PPT__INLINE_TABLES_MAX;
}

#endif
