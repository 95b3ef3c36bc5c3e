/* SPDX-License-Identifier: BSD-3-Clause */
/* Translate and iterate.  Layer: core; see core/pt.h. */

/*
 * Whether a leaf may be believed: all of it lies in one region, and what @in it
 * is asked for is, in the pool, a data page [I7].
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
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "more tables than the pool has pages", va);
	return 0;
}

/*
 * The leaf at va or, in an iteration, the run of leaves that is the first from
 * va on.
 */
static int pt_find(struct ppt_space *space, ppt_va_t va, struct ppt_iter *it,
		   struct ppt_extent *out, struct ppt_diag *diag)
{
	struct pt_path path;

	/* In the hole: the upper half is what follows. */
	if (it && pte_canonical(va, PT_LEVELS) != va)
		va = -(pte_span(PT_LEVELS) * (PPT_PAGE_WORDS / 2));
	for (;;) {
		uint64_t span;
		int err = pt_walk(space, va, 1, &path, diag);

		if (!err && it)
			err = pt_meet(it, va, path.level, diag);
		if (err)
			return err;
		span = pte_span(path.level);
		if (path.kind == PTE_LEAF) {
			uint64_t in = va % span;

			if (!pt_leaf_known(space->pool, path.entry, path.level,
					   in))
				return ppt__fail(diag, PPT_E_CORRUPT, "entry",
						 "leaf leads to no frame", va);
			*out = (struct ppt_extent){
				.va = va,
				.pa = pte_leaf_pa(path.entry, path.level) + in,
				.len = span - in,
				.prot = pte_prot(path.entry),
				.page_size = span,
			};
			if (it)
				pt_extend(&path, out);
			return 0;
		}
		if (!it)
			return ppt__fail(diag, PPT_E_NOENT, "va", "not mapped",
					 va);
		/* Skip the empty slots of this table. */
		do {
			path.slot++;
			va = va - va % span + span;
		} while (path.slot < PPT_PAGE_WORDS &&
			 !ppt__load(space->pool, path.page[path.level],
				    path.slot));
		/* Over the hole between the halves; 0 behind the end. */
		va = pte_canonical(va, PT_LEVELS);
		if (va == 0)
			return PPT_E_NOENT;
	}
}
