/* SPDX-License-Identifier: BSD-3-Clause */
/* Translate and iterate.  Layer: core; see core/pt.h. */

/*
 * Whether a leaf may be believed: all of it lies in one region, and what @in it
 * is asked for is, in the pool, a data page [I7].  That was so when its table was
 * vetted; where tables are aliased it may have been freed through another.
 */
static inline bool pt_leaf_known(struct ppt_pool *pool, uint64_t entry,
				 uint32_t level, uint64_t in)
{
	ppt_pa_t pa = pte_leaf_pa(entry, level);
	uint32_t page;

	return ppt__pa_known(pool, pa, pte_span(level)) &&
	       (!ppt__pa_page(pool, pa + in, &page) ||
		ppt__frame_known(pool, page));
}

/* Leaves behind the first that continue it, in the same table. */
static void pt_extend(struct pt_path *path, struct ppt_extent *out)
{
	struct ppt_pool *pool = path->pool;
	uint64_t span = pte_span(path->level);

	for (uint32_t s = path->slot + 1; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = ppt__load(pool, path->page[path->level], s);

		if (pte_kind(e, path->level) != PTE_LEAF ||
		    pte_prot(e) != out->prot ||
		    pte_leaf_pa(e, path->level) != out->pa + out->len ||
		    !pt_leaf_known(pool, e, path->level, 0))
			return;
		out->len += span;
	}
}

/* Whether the region of a lost leaf has its memory now. */
static bool pt_is_back(const struct pt_path *path, ppt_pa_t *pa)
{
	struct ppt_pool *pool = path->pool;
	uint32_t i = pte_lost_region(path->entry);
	uint64_t off = pte_lost_off(path->entry);
	struct ppt__move r;

	if (i >= pool->map.count)
		return false;
	r.now_len = pool->map.region[i].len;
	*pa = pool->map.region[i].base + off;
	return pt_fits(&r, off, path->level);
}

/* Why a lost leaf faults. */
static const char *pt_why_lost(const struct pt_path *path)
{
	ppt_pa_t pa;

	if (!pt_is_back(path, &pa))
		return "the memory that was mapped is gone";
	if (pte_lost_zero(path->entry))
		return "the memory that was mapped lost its content";
	return "the memory that was mapped is where no page of this size "
	       "is aligned: the first fault splits it";
}

/* What va is in the middle of: a leaf, or what is left of one that is lost. */
static void pt_extent(const struct pt_path *path, ppt_va_t va,
		      struct ppt_extent *out)
{
	uint64_t span = pte_span(path->level), in = va % span;
	bool leaf = path->kind == PTE_LEAF;
	ppt_pa_t pa;

	*out = (struct ppt_extent){
		.va = va,
		.pa = leaf ? pte_leaf_pa(path->entry, path->level) + in : 0,
		.len = span - in,
		.prot = pte_prot(path->entry),
		.page_size = span,
		.state = leaf ? PPT_EXTENT_MAPPED : PPT_EXTENT_LOST,
	};
	if (leaf)
		return;
	if (pte_lost_zero(path->entry) && pt_is_back(path, &pa))
		out->state = PPT_EXTENT_ZERO;
	out->region = pte_lost_region(path->entry);
	out->pa = pte_lost_off(path->entry) + in;
}

/* The table that a walk was refused: all that it would map. */
static void pt_damaged(const struct pt_path *path, ppt_va_t va,
		       struct ppt_extent *out)
{
	uint64_t span = path->level == PT_LEVELS ?
				pte_span(PT_LEVELS) * (PPT_PAGE_WORDS / 2) :
				pte_span(path->level + 1);

	*out = (struct ppt_extent){
		.va = va,
		.len = span - va % span,
		.page_size = span,
		.state = PPT_EXTENT_DAMAGED,
	};
}

/*
 * A walk of an iteration has come to a table.  Each is met when it is entered
 * and when those below it are left; tables that are met more often stand at
 * more than one address, and no iteration would end [I10].
 */
static int pt_meet(struct ppt_iter *it, ppt_va_t va, uint32_t level,
		   struct ppt_diag *diag)
{
	ppt_va_t end = va | (pte_span(level + 1) - 1);

	if (end == it->table)
		return 0;
	it->table = end;
	if (it->left-- == 0)
		return ppt__fail(diag, PPT_E_CORRUPT, "va",
				 "more tables than the pool has pages", va);
	return 0;
}

/* What a walk has met: 0 and @out, PT_AGAIN if it has to go on, or an error. */
static int pt_met(struct pt_path *path, ppt_va_t va, struct ppt_iter *it,
		  struct ppt_extent *out, struct ppt_diag *diag)
{
	bool leaf = path->kind == PTE_LEAF, lost = path->kind == PTE_LOST;

	if (leaf && !pt_leaf_known(path->pool, path->entry, path->level,
				   va % pte_span(path->level)))
		return ppt__fail(diag, PPT_E_CORRUPT, "entry",
				 "leaf leads to no frame", va);
	if (leaf || (lost && it && it->any)) {
		pt_extent(path, va, out);
		if (leaf && it)
			pt_extend(path, out);
		return 0;
	}
	if (it)
		return PT_AGAIN;
	if (lost)
		return ppt__fail(diag, PPT_E_REGION, "va", pt_why_lost(path),
				 va);
	return ppt__fail(diag, PPT_E_NOENT, "va", "not mapped", va);
}

/* Behind the slot where a walk stopped and the empty ones after it. */
static ppt_va_t pt_skip(struct pt_path *path, ppt_va_t va)
{
	uint64_t span = pte_span(path->level);

	do {
		path->slot++;
		va = va - va % span + span;
	} while (path->slot < PPT_PAGE_WORDS &&
		 !ppt__load(path->pool, path->page[path->level], path->slot));
	/* Over the hole between the halves; 0 behind the end. */
	return pte_canonical(va, PT_LEVELS);
}

static int pt_find(struct ppt_space *space, ppt_va_t va, struct ppt_iter *it,
		   struct ppt_extent *out, struct ppt_diag *diag)
{
	struct pt_path path;

	/* In the hole: the upper half is what follows. */
	if (it && pte_canonical(va, PT_LEVELS) != va)
		va = -(pte_span(PT_LEVELS) * (PPT_PAGE_WORDS / 2));
	for (;;) {
		int err = pt_walk(space, va, 1, &path, diag);

		if (err == PPT_E_CORRUPT && it && it->any) {
			pt_damaged(&path, va, out);
			return 0;
		}
		if (!err && it)
			err = pt_meet(it, va, path.level, diag);
		if (!err)
			err = pt_met(&path, va, it, out, diag);
		if (err != PT_AGAIN)
			return err;
		va = pt_skip(&path, va);
		if (va == 0)
			return PPT_E_NOENT;
	}
}
