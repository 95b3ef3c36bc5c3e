/* SPDX-License-Identifier: BSD-3-Clause */
/* Translate and iterate.  Layer: core; see core/pt.h. */

/* Leaves behind the first that continue it, in the same table. */
static void pt_extend(struct pt_path *path, struct ppt_extent *out)
{
	struct ppt_pool *pool = path->pool;
	uint64_t span = pte_span(path->level);

	for (uint32_t s = path->slot + 1; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = ppt__load(pool, path->page[path->level], s);

		if (pte_kind(e, path->level) != PTE_LEAF ||
		    pte_prot(e) != out->prot ||
		    pte_leaf_pa(e, path->level) != out->pa + out->len)
			return;
		out->len += span;
	}
}

/* The leaf at va, or the run of leaves that is the first from va on. */
static int pt_find(struct ppt_space *space, ppt_va_t va, bool next,
		   struct ppt_extent *out, struct ppt_diag *diag)
{
	struct pt_path path;

	/* In the hole: the upper half is what follows. */
	if (next && pte_canonical(va, PT_LEVELS) != va)
		va = -(pte_span(PT_LEVELS) * (PPT_PAGE_WORDS / 2));
	for (;;) {
		uint64_t span;
		int err = pt_walk(space, va, 1, &path, diag);

		if (err)
			return err;
		span = pte_span(path.level);
		if (path.kind == PTE_LEAF) {
			uint64_t in = va % span;

			*out = (struct ppt_extent){
				.va = va,
				.pa = pte_leaf_pa(path.entry, path.level) + in,
				.len = span - in,
				.prot = pte_prot(path.entry),
				.page_size = span,
			};
			if (next)
				pt_extend(&path, out);
			return 0;
		}
		if (!next)
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
