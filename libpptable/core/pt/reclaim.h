/* SPDX-License-Identifier: BSD-3-Clause */
/* Freeing what was unlinked whole, a table a step.  Layer: core; see pt.h. */

struct pt_orphan {
	uint32_t page[PT_LEVELS + 1];
	uint32_t slot[PT_LEVELS + 1];
	uint32_t top;
	uint32_t level;
};

/* Down along the first live entries, to a table that starts with no table. */
static int pt_orphan_bottom(struct ppt_pool *pool, struct pt_orphan *o,
			    struct ppt_diag *diag)
{
	for (;;) {
		uint32_t page = o->page[o->level], s = 0;
		uint64_t e = 0;
		int err;

		while (s < PPT_PAGE_WORDS && !(e = ppt__load(pool, page, s)))
			s++;
		o->slot[o->level] = s;
		if (s == PPT_PAGE_WORDS || pte_kind(e, o->level) != PTE_TABLE)
			return 0;
		err = ppt__table_enter(pool, pte_table_pa(e), PTE_FAMILY,
				       o->level - 1, &page, diag);
		if (err)
			return err;
		o->page[--o->level] = page;
	}
}

/* Free the bottom table and clear the entry that led to it. */
static int pt_orphan_free(struct ppt_pool *pool, struct pt_orphan *o,
			  uint32_t item_slot, struct ppt_diag *diag)
{
	int err = PPT_MUTANT(TABLES_LEAKED) ?
			  0 :
			  ppt__table_free(pool, o->page[o->level]);

	if (err)
		return err;
	if (o->level == o->top)
		return ppt__txn_reclaim(pool, item_slot, 1, 0, diag);
	return ppt__table_set(pool, o->page[o->level + 1],
			      o->slot[o->level + 1], 1, 0, 0);
}

static int pt_reclaim(struct ppt_pool *pool, uint32_t slot, uint64_t item,
		      struct ppt_diag *diag)
{
	uint32_t page = ppt__reclaim_page(item), s, n, live;
	struct pt_orphan o = { .page = { 0 } };
	int err;

	o.top = o.level = ppt__desc_level(ppt__desc_load(pool, page));
	if (o.top == 0 || o.top > PT_LEVELS)
		return ppt__fail(diag, PPT_E_CORRUPT, "reclaim list",
				 "item is not a table", page);
	err = ppt__table_expect(pool, page, PTE_FAMILY, o.top, diag);
	o.page[o.top] = page;
	if (!err)
		err = pt_orphan_bottom(pool, &o, diag);
	if (err)
		return err;
	page = o.page[o.level];
	s = o.slot[o.level];
	n = pt_leaves(pool, page, s, PPT_PAGE_WORDS - s, o.level, &live);
	if (n == 0 && s < PPT_PAGE_WORDS)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "an entry is neither table nor leaf", page);
	if (n == 0 && ppt__desc_live(ppt__desc_load(pool, page)))
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "has fewer entries than its descriptor says",
				 page);
	if (live && ppt__reclaim_kind(item) == PPT_M_RECLAIM_TREE)
		err = pt_put_frames(pool, page, s, n, o.level, diag);
	if (err)
		return err;
	if (live == ppt__desc_live(ppt__desc_load(pool, page)))
		return pt_orphan_free(pool, &o, slot, diag);
	return ppt__table_set(pool, page, s, n, 0, 0);
}
