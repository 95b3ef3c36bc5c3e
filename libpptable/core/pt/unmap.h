/* SPDX-License-Identifier: BSD-3-Clause */
/* Unmap.  Layer: core; see core/pt.h. */

/* The page of the pool that a leaf maps, or mapped before it was lost. */
static bool pt_frame(struct ppt_pool *pool, uint64_t e, uint32_t level,
		     uint32_t *page)
{
	if (pte_kind(e, level) == PTE_LEAF)
		return ppt__pa_page(pool, pte_leaf_pa(e, level), page);
	*page = (uint32_t)(pte_lost_off(e) / PPT_PAGE_BYTES);
	return pte_lost_region(e) == 0;
}

/* Give back the pool's frames of n leaves of a table. */
static int pt_put_frames(struct ppt_pool *pool, uint32_t page, uint32_t slot,
			 uint32_t n, uint32_t level, struct ppt_diag *diag)
{
	const uint64_t *word =
		ppt__load_words(pool, page, slot, n, pool->page_edit);
	uint64_t pages = pte_span(level) / PPT_PAGE_BYTES, count = 0;
	uint32_t first = 0;

	/* Neighbours in one go: their descriptors are set by one run. */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t e = word[i];
		uint32_t frame;
		int err = 0;

		if (!e || !pt_frame(pool, e, level, &frame))
			continue;
		if (count && frame == first + count) {
			count += pages;
			continue;
		}
		if (count)
			err = ppt__frames_put(pool, first, count, diag);
		if (err)
			return err;
		first = frame;
		count = pages;
	}
	return count ? ppt__frames_put(pool, first, count, diag) : 0;
}

/* From a slot on, all but tables, up to n slots; *live are not empty. */
static uint32_t pt_leaves(struct ppt_pool *pool, uint32_t page, uint32_t slot,
			  uint32_t n, uint32_t level, uint32_t *live)
{
	const uint64_t *word =
		ppt__load_words(pool, page, slot, n, pool->page_buffer);
	uint32_t k = 0;

	for (*live = 0; k < n; k++) {
		enum pte_kind kind = pte_kind(word[k], level);

		if (kind != PTE_LEAF && kind != PTE_EMPTY && kind != PTE_LOST)
			break;
		*live += kind != PTE_EMPTY;
	}
	return k;
}

/* Clear slots of the table where the walk stopped, @live of them in use. */
static int pt_clear(struct pt_path *path, ppt_va_t va, uint32_t n,
		    uint32_t live)
{
	struct ppt_pool *pool = path->pool;
	uint32_t page = path->page[path->level];
	uint64_t desc = ppt__desc_load(pool, page);

	if (path->level < PT_LEVELS && ppt__desc_live(desc) == live)
		return pt_drop_table(path, path->level, va, true);
	return ppt__table_set(pool, page, path->slot, n, 0, 0);
}

/* Entry by entry, freeing frames and tables in this transaction. */
static int pt_unmap_step(struct pt_path *path, ppt_va_t va, ppt_va_t last,
			 uint32_t *n, struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page = path->page[level], live;
	int err;

	*n = pt_leaves(pool, page, path->slot, pt_slots(va, last, level), level,
		       &live);
	err = PPT_MUTANT(FRAMES_LEAKED) ?
		      0 :
		      pt_put_frames(pool, page, path->slot, *n, level, diag);
	if (err || !live)
		return err;
	return pt_clear(path, va, *n, live);
}

/*
 * Unlink n slots as they are: what they lead to hangs on a table of its own
 * in the reclaim list.
 */
static int pt_orphan(struct pt_path *path, ppt_va_t va, uint32_t n,
		     enum ppt_m_reclaim kind, struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page = path->page[level], holder;
	uint64_t desc = ppt__desc_load(pool, page);
	const uint64_t *word =
		ppt__load_words(pool, page, path->slot, n, pool->page_buffer);
	uint64_t *copy = pool->page_edit;
	uint32_t live = 0;
	int err;

	for (uint32_t i = 0; i < n; i++) {
		copy[i] = word[i];
		live += word[i] != 0;
	}
	if (!live)
		return 0;
	pool->walk_era++; /* what goes is not found any more */
	if (level < PT_LEVELS && ppt__desc_live(desc) == live) {
		err = ppt__txn_reclaim(pool, PPT_PAGE_WORDS, 1,
				       ppt__reclaim_item(kind, page, 0), diag);
		return err ? err : pt_drop_table(path, level, va, false);
	}
	err = ppt__table_new(pool, PTE_FAMILY, level, 0, 0, 0, 0, &holder,
			     diag);
	if (!err)
		err = ppt__table_write(pool, holder, path->slot, n, copy);
	if (!err)
		err = ppt__txn_reclaim(pool, PPT_PAGE_WORDS, 1,
				       ppt__reclaim_item(kind, holder, 0),
				       diag);
	if (!err)
		err = ppt__table_set(pool, page, path->slot, n, 0, 0);
	return err;
}

/*
 * Unlink a table that is damaged; what it held is lost, and its pages and
 * frames are leaked until the pool is repaired.
 */
static int pt_cut(struct pt_path *path, ppt_va_t va)
{
	uint32_t level = path->level + 1;

	path->pool->walk_era++;
	return ppt__table_set(path->pool, path->page[level], pt_slot(va, level),
			      1, 0, 0);
}

/* A slot at a time as high up as the range covers it. */
static int pt_unmap_at(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		       bool whole, uint32_t *level, uint32_t *n,
		       struct ppt_diag *diag)
{
	uint32_t to = whole ? pt_highest(va, last) : 1;
	struct pt_path path;
	int err = pt_walk(space, va, to, &path, diag);

	*n = 1;
	*level = path.level + 1;
	if (err == PPT_E_CORRUPT && path.level < PT_LEVELS &&
	    pt_covers(va, last, *level))
		return pt_cut(&path, va);
	if (err)
		return err;
	*level = path.level;
	if (path.kind == PTE_EMPTY && path.level > to)
		return 0;
	if (path.kind != PTE_TABLE && !pt_covers(va, last, path.level)) {
		*n = 0; /* and here again */
		return pt_split(&path, diag);
	}
	if (!whole)
		return pt_unmap_step(&path, va, last, n, diag);
	*n = pt_slots(va, last, path.level);
	return pt_orphan(&path, va, *n, PPT_M_RECLAIM_TREE, diag);
}

static int pt_unmap(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		    bool whole, struct ppt_diag *diag)
{
	ppt_va_t at = va;

	for (uint32_t steps = 0;; steps++) {
		uint32_t level = 0, n = 0;
		int err;

		if (!whole && steps == ppt__inline_tables(space->pool))
			return PPT_E_TOOBIG;
		err = pt_unmap_at(space, at, last, whole, &level, &n, diag);
		if (err)
			return err;
		if (n && !pt_advance(&at, last, level, n))
			break;
	}
	ppt__txn_gather(space->pool, space->root_page, va, last);
	return 0;
}
