/* SPDX-License-Identifier: BSD-3-Clause */
/* Protect.  Layer: core; see core/pt.h. */

/* Leaves from a slot on, up to n, with other rights. */
static uint32_t pt_with_prot(struct ppt_pool *pool, uint32_t page,
			     uint32_t slot, uint32_t n, uint32_t level,
			     uint32_t prot, uint64_t *to)
{
	const uint64_t *word =
		ppt__load_words(pool, page, slot, n, pool->page_buffer);
	uint32_t k = 0;

	for (; k < n && pte_kind(word[k], level) == PTE_LEAF; k++)
		to[k] = pte_with_prot(word[k], prot);
	return k;
}

/* Change the rights of the leaves from the walk's slot on. */
static int pt_protect_step(struct pt_path *path, ppt_va_t va, ppt_va_t last,
			   uint32_t prot, uint32_t *n)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page = path->page[level];

	/* Behind these: a table to enter, or a hole to be found. */
	*n = pt_with_prot(pool, page, path->slot, pt_slots(va, last, level),
			  level, prot, pool->page_edit);
	return ppt__table_write(pool, page, path->slot, *n, pool->page_edit);
}

/*
 * Copy the subtree below @root (a table of @top), with other rights, to one
 * that is built aside.  It has no holes: the caller has looked.
 */
static int pt_protect_copy(struct pt_build *b, uint32_t root, uint32_t top,
			   uint32_t prot, uint32_t *copy, struct ppt_diag *diag)
{
	struct ppt_pool *pool = b->pool;
	uint32_t from[PT_LEVELS + 1], level = top;
	bool done = false;
	int err = pt_build_open(b, top);

	from[top] = root;
	*copy = b->at[top].page;
	while (!err && !done) {
		uint32_t slot = b->at[level].slot, n;
		uint64_t e = ppt__load(pool, from[level], slot);

		switch (pte_kind(e, level)) {
		case PTE_TABLE:
			err = ppt__table_enter(pool, pte_table_pa(e),
					       PTE_FAMILY, level - 1,
					       &from[level - 1], diag);
			if (!err)
				err = pt_build_open(b, --level);
			continue;
		case PTE_LEAF:
			n = pt_with_prot(pool, from[level], slot,
					 PPT_PAGE_WORDS - slot, level, prot,
					 pool->page_edit);
			pt_build_put_words(b, level, n, pool->page_edit);
			break;
		case PTE_EMPTY:
		case PTE_LOST:
		case PTE_BAD:
			return ppt__fail(diag, PPT_E_CORRUPT, "table",
					 "changed while it was copied",
					 from[level]);
		}
		pt_build_close(b, level, top, &done);
		while (!done && b->at[level].slot == PPT_PAGE_WORDS)
			level++;
	}
	return err;
}

/*
 * Entries of n slots that the range covers, above level 1: what is a table gets
 * a copy, and its old entry is noted for the reclaim list; a leaf changes.
 */
static int pt_protect_slots(struct pt_build *b, const struct pt_path *path,
			    uint32_t n, uint32_t prot, uint32_t *live,
			    struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page = path->page[level];
	uint64_t *old = pool->page_old;
	int err = 0;

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		old[s] = 0;
	for (uint32_t i = 0; !err && i < n; i++) {
		uint32_t s = path->slot + i, from, copy;
		uint64_t e = ppt__load(pool, page, s);

		if (pte_kind(e, level) == PTE_LEAF) {
			pool->page_new[i] = pte_with_prot(e, prot);
			continue;
		}
		err = ppt__table_enter(pool, pte_table_pa(e), PTE_FAMILY,
				       level - 1, &from, diag);
		if (!err)
			err = pt_protect_copy(b, from, level - 1, prot, &copy,
					      diag);
		if (err)
			break;
		old[s] = e;
		++*live;
		pool->page_new[i] = pte_table(ppt__page_pa(pool, copy));
	}
	return err;
}

/* The same, and the old tables go to the reclaim list. */
static int pt_protect_aside(struct pt_build *b, struct pt_path *path,
			    uint32_t n, uint32_t prot, struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t holder, live = 0;
	int err = pt_protect_slots(b, path, n, prot, &live, diag);

	if (err)
		return err;
	pool->walk_era++; /* the old tables are not found any more */
	if (live)
		err = pt_build_holder(b, path->level, live, pool->page_old,
				      &holder);
	if (!err && live)
		err = ppt__txn_reclaim(pool, PPT_PAGE_WORDS, 1,
				       ppt__reclaim_item(PPT_M_RECLAIM_TABLES,
							 holder, 0),
				       diag);
	if (err)
		return err;
	return ppt__table_write(pool, path->page[path->level], path->slot, n,
				pool->page_new);
}

static int pt_protect_at(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
			 uint32_t prot, struct pt_build *b, uint32_t *level,
			 uint32_t *n, struct ppt_diag *diag)
{
	uint32_t to = b ? pt_highest(va, last) : 1;
	struct pt_path path;
	int err = pt_walk(space, va, to, &path, diag);

	if (err)
		return err;
	*level = path.level;
	if (path.kind == PTE_EMPTY)
		return ppt__fail(diag, PPT_E_NOENT, "va", "not mapped", va);
	if (path.kind == PTE_LOST)
		return ppt__fail(diag, PPT_E_REGION, "va", pt_why_lost(&path),
				 va);
	if (path.kind == PTE_LEAF && !pt_covers(va, last, path.level)) {
		*n = 0;
		return pt_split(&path, diag);
	}
	if (path.level > 1 && b) {
		*n = pt_slots(va, last, path.level);
		return pt_protect_aside(b, &path, *n, prot, diag);
	}
	return pt_protect_step(&path, va, last, prot, n);
}

/* What a copy aside would meet too late: a hole in [va, last]. */
static int pt_check_mapped(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
			   struct ppt_diag *diag)
{
	struct ppt_iter it;

	ppt_iter_init(&it, space, va, last);
	for (;;) {
		struct ppt_extent ext;
		int err = pt_find(space, va, &it, &ext, diag);

		if (err == PPT_E_NOENT || (!err && ext.va != va))
			return ppt__fail(diag, PPT_E_NOENT, "va", "not mapped",
					 va);
		if (err)
			return err;
		if (ext.len > last - va)
			return 0;
		va += ext.len;
	}
}

static int pt_protect(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		      uint32_t prot, bool aside, struct ppt_diag *diag)
{
	struct pt_build build = { .pool = space->pool };
	uint64_t tables = pt_build_tables(pt_len(va, last), 1) + 2 * PT_LEVELS;
	ppt_va_t at = va;
	int err = 0;

	if (aside)
		err = pt_check_mapped(space, va, last, diag);
	if (!err && aside)
		err = ppt__aside_reserve(space->pool, &build.aside, tables, 0,
					 false, diag);
	for (uint32_t steps = 0; !err; steps++) {
		uint32_t level = 0, n = 0;

		if (!aside && steps == ppt__inline_tables(space->pool))
			return PPT_E_TOOBIG;
		err = pt_protect_at(space, at, last, prot,
				    aside ? &build : NULL, &level, &n, diag);
		if (err)
			return err;
		if (n && !pt_advance(&at, last, level, n))
			break;
	}
	if (!err)
		ppt__txn_gather(space->pool, space->root_page, va, last);
	return err;
}
