/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries after the physical memory has moved.  Layer: core; see core/pt.h.
 */

/* Where [pa, pa + len) of one memory map is in another, by region. */
static int pt_moved_by(const struct ppt_memory_map *was,
		       const struct ppt_memory_map *now, ppt_pa_t pa,
		       uint64_t len, uint64_t *delta, struct ppt_diag *diag)
{
	for (uint32_t i = 0; i < was->count; i++) {
		const struct ppt_region *r = &was->region[i];
		uint64_t off = pa - r->base;

		if (pa < r->base || off >= r->len || len > r->len - off)
			continue;
		if (off + len > now->region[i].len)
			break;
		*delta = now->region[i].base - r->base;
		return 0;
	}
	return ppt__fail(diag, PPT_E_REGION, "frame",
			 "not in the present memory map", pa);
}

static int pt_rebase(uint32_t level, const uint64_t *word,
		     const struct ppt_memory_map *was,
		     const struct ppt_memory_map *now, uint64_t *out,
		     struct ppt_diag *diag)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		enum pte_kind kind = pte_kind(word[s], level);
		uint64_t len = kind == PTE_LEAF ? pte_span(level) :
						  PPT_PAGE_BYTES;
		ppt_pa_t pa = kind == PTE_LEAF ? pte_leaf_pa(word[s], level) :
						 pte_table_pa(word[s]);
		uint64_t delta = 0;
		int err;

		out[s] = word[s];
		if (kind == PTE_EMPTY)
			continue;
		if (kind == PTE_BAD)
			return ppt__fail(diag, PPT_E_CORRUPT, "entry",
					 "neither table nor leaf", s);
		err = pt_moved_by(was, now, pa, len, &delta, diag);
		if (err)
			return err;
		if (delta % len)
			return ppt__fail(diag, PPT_E_REGION, "frame",
					 "moved to where its large leaf is "
					 "not aligned",
					 pa);
		out[s] = pte_moved(word[s], delta);
	}
	return 0;
}

static bool pt_next_table(const uint64_t *word, uint32_t level, uint32_t *slot,
			  ppt_pa_t *pa)
{
	for (; *slot < PPT_PAGE_WORDS; ++*slot) {
		if (pte_kind(word[*slot], level) != PTE_TABLE)
			continue;
		*pa = pte_table_pa(word[*slot]);
		return true;
	}
	return false;
}
