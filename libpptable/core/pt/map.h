/* SPDX-License-Identifier: BSD-3-Clause */
/* Map.  Layer: core; see core/pt.h. */

struct pt_mapping {
	struct ppt_space *space;
	struct ppt_pool *pool;
	ppt_va_t va;
	ppt_va_t last;
	ppt_pa_t pa; /* of va */
	bool alloc;
	bool zero;
	bool replace;
	uint32_t prot;
	uint32_t level_min; /* leaf levels that are allowed */
	uint32_t level_max;
	struct pt_build *build; /* NULL, or whole subtrees go aside */
};

/* The largest leaf that fits at va. */
static uint32_t pt_leaf_level(const struct pt_mapping *m)
{
	uint32_t level = m->level_max;

	while (level > m->level_min && (!pt_covers(m->va, m->last, level) ||
					(!m->alloc && m->pa % pte_span(level))))
		level--;
	return level;
}

/* Frames for up to *n leaves of a level; *n becomes how many there are. */
static int pt_frames(struct pt_mapping *m, uint32_t level, uint32_t *n,
		     struct ppt_diag *diag)
{
	struct ppt_pool *pool = m->pool;
	uint64_t pages = pte_span(level) / PPT_PAGE_BYTES;
	uint32_t page, got;
	int err;

	if (!m->alloc)
		return 0;
	if (m->build && m->level_max == level) {
		err = ppt__aside_frames(pool, &m->build->aside,
					*n * (uint32_t)pages, m->zero, &page,
					n);
		if (err)
			return err;
		*n /= (uint32_t)pages;
		m->pa = ppt__page_pa(pool, page);
		return 0;
	}
	if (level == 1) {
		err = ppt__pages_take(pool, *n, &page, &got, diag);
		*n = got;
	} else {
		err = ppt__pages_take_aligned(pool, pte_span(level), &page,
					      diag);
		*n = 1;
	}
	if (err)
		return err;
	m->pa = ppt__page_pa(pool, page);
	err = ppt__frames_claim(pool, page, *n * pages);
	if (!err && m->zero)
		err = ppt__pages_zero(pool, page, (uint32_t)(*n * pages));
	return err;
}

/* New tables from the leaves up, linked where the walk found nothing. */
static int pt_map_fresh(struct pt_mapping *m, const struct pt_path *path,
			uint32_t level, uint32_t n, struct ppt_diag *diag)
{
	struct ppt_pool *pool = m->pool;
	uint64_t v = pte_leaf(m->pa, level, m->prot), stride = pte_span(level);
	uint32_t page;

	for (; level < path->level; level++) {
		int err = ppt__table_new(pool, PTE_FAMILY, level,
					 pt_slot(m->va, level), n, v, stride,
					 &page, diag);

		if (err)
			return err;
		v = pte_table(ppt__page_pa(pool, page));
		stride = 0;
		n = 1;
	}
	return ppt__table_set(pool, path->page[level], path->slot, n, v,
			      stride);
}

/* One whole subtree below a slot of @top + 1, streamed. */
static int pt_map_subtree(struct pt_mapping *m, uint32_t top, uint32_t leaf,
			  uint32_t *root)
{
	struct pt_build *b = m->build;
	ppt_pa_t pa = m->pa;
	uint32_t level = top;
	bool done = false;
	int err = pt_build_open(b, top);

	*root = b->at[top].page;
	while (!err && !done) {
		uint32_t page, n;

		while (!err && level > leaf)
			err = pt_build_open(b, --level);
		if (err)
			return err;
		n = PPT_PAGE_WORDS - b->at[leaf].slot;
		if (m->alloc) {
			uint32_t each =
				(uint32_t)(pte_span(leaf) / PPT_PAGE_BYTES);

			err = ppt__aside_frames(m->pool, &b->aside, n * each,
						m->zero, &page, &n);
			if (err)
				return err;
			n /= each;
			pa = ppt__page_pa(m->pool, page);
		}
		pt_build_put(b, leaf, n, pte_leaf(pa, leaf, m->prot),
			     pte_span(leaf));
		pa += n * pte_span(leaf);
		pt_build_close(b, leaf, top, &done);
		/* Continue in the lowest table that still has room. */
		for (level = leaf; !done && level < top &&
				   b->at[level].slot == PPT_PAGE_WORDS;)
			level++;
	}
	return err;
}

/* Slots from the walk's on that one step may set, up to n. */
static uint32_t pt_map_room(const struct pt_mapping *m,
			    const struct pt_path *path, uint32_t n)
{
	uint32_t page = path->page[path->level], k = 1, live;

	if (m->replace)
		return pt_leaves(m->pool, page, path->slot, n, path->level,
				 &live);
	if (n == 1 || ppt__table_blank(m->pool, page, path->slot, n))
		return n;
	while (k < n && !ppt__load(m->pool, page, path->slot + k))
		k++;
	return k;
}

/* Fill slots from va on as far as one step goes. */
static int pt_map_step(struct pt_mapping *m, struct pt_path *path,
		       uint32_t level, uint32_t *n, struct ppt_diag *diag)
{
	uint32_t page = path->page[path->level];
	uint64_t v;
	int err;

	*n = pt_slots(m->va, m->last, level);
	if (path->level == level)
		*n = pt_map_room(m, path, *n);
	err = pt_frames(m, level, n, diag);
	if (err)
		return err;
	if (path->level > level)
		return pt_map_fresh(m, path, level, *n, diag);
	v = pte_leaf(m->pa, level, m->prot);
	if (!m->replace && *n == 1)
		return ppt__table_word(m->pool, page, path->slot, 0, v,
				       path->cold);
	if (!m->replace)
		return ppt__table_fill(m->pool, page, path->slot, *n, v,
				       pte_span(level));
	err = pt_put_frames(m->pool, page, path->slot, *n, level, diag);
	if (err)
		return err;
	return ppt__table_set(m->pool, page, path->slot, *n, v,
			      pte_span(level));
}

/* A whole subtree where the walk found nothing. */
static int pt_map_whole(struct pt_mapping *m, struct pt_path *path,
			uint32_t leaf)
{
	uint32_t page;
	int err = pt_map_subtree(m, path->level - 1, leaf, &page);

	if (err)
		return err;
	return ppt__table_set(m->pool, path->page[path->level], path->slot, 1,
			      pte_table(ppt__page_pa(m->pool, page)), 0);
}

/*
 * Make room where something is mapped: a large leaf is split, a subtree in the
 * place of a leaf unmapped.  Leaves of the same level are overwritten later.
 */
static int pt_map_clear(struct pt_mapping *m, struct pt_path *path,
			uint32_t leaf, bool *again, struct ppt_diag *diag)
{
	*again = path->kind == PTE_TABLE || path->level > leaf;
	if (path->kind == PTE_TABLE)
		return pt_unmap(m->space, m->va, m->va + pte_span(leaf) - 1,
				false, diag);
	return *again ? pt_split(path, diag) : 0;
}

/* Name the first page that is in the way. */
static int pt_map_exists(struct pt_mapping *m, struct ppt_diag *diag)
{
	struct ppt_extent ext = { .va = m->va };
	struct ppt_iter it;
	int err;

	ppt_iter_init_any(&it, m->space, m->va, m->last);
	err = pt_find(m->space, m->va, &it, &ext, diag);
	return err ? err :
		     ppt__fail(diag, PPT_E_EXIST, "va",
			       "something is mapped there", ext.va);
}

/* Map at va; *level and *n are what was mapped, none if it has to go on. */
static int pt_map_at(struct pt_mapping *m, uint32_t *level, uint32_t *n,
		     struct ppt_diag *diag)
{
	uint32_t leaf = pt_leaf_level(m);
	struct pt_path path;

	for (;; leaf--) {
		bool again = false;
		int err = pt_walk_here(m->space, m->va, leaf, &path, diag);

		if (err)
			return err;
		if (path.kind == PTE_TABLE && leaf > m->level_min &&
		    !m->replace)
			continue; /* smaller leaves may fit in there */
		if (path.kind != PTE_EMPTY && !m->replace)
			return pt_map_exists(m, diag);
		if (path.kind != PTE_EMPTY)
			err = pt_map_clear(m, &path, leaf, &again, diag);
		*n = 0;
		if (err || again)
			return err;
		*level = leaf;
		if (m->build && path.level > leaf &&
		    pt_covers(m->va, m->last, path.level)) {
			*level = path.level;
			*n = 1;
			return pt_map_whole(m, &path, leaf);
		}
		err = pt_map_step(m, &path, leaf, n, diag);
		if (err == PPT_E_NOSPC && m->alloc && leaf > m->level_min)
			continue; /* no aligned frames: smaller ones */
		return err;
	}
}

static int pt_mapping(struct ppt_space *space, const struct ppt__map_args *a,
		      struct pt_mapping *m, struct ppt_diag *diag)
{
	uint32_t size = (a->flags & PPT_MAP_SIZE_MASK) / PPT_MAP_4K;

	*m = (struct pt_mapping){
		.space = space,
		.pool = space->pool,
		.va = a->va,
		.last = a->last,
		.pa = a->pa,
		.alloc = a->pa == PPT_PA_ALLOC,
		.zero = !(a->flags & PPT_MAP_UNZEROED),
		.replace = a->flags & PPT_MAP_REPLACE,
		.prot = a->prot,
		.level_min = size ? size : 1,
		.level_max = size ? size : PTE_LEAF_LEVEL_MAX,
	};
	if (size &&
	    (a->va % pte_span(size) || pt_len(a->va, a->last) % pte_span(size)))
		return ppt__fail(diag, PPT_E_INVAL, "va or len",
				 "not a multiple of the page size", a->va);
	if (size && !m->alloc && a->pa % pte_span(size))
		return ppt__fail(diag, PPT_E_INVAL, "pa",
				 "not a multiple of the page size", a->pa);
	return 0;
}

/* Bytes of the range in whole spans of a level. */
static uint64_t pt_bulk(ppt_va_t va, ppt_va_t last, uint32_t level)
{
	uint64_t span = pte_span(level);
	uint64_t head = -va % span, len = pt_len(va, last);

	return len > head ? (len - head) / span * span : 0;
}

/* Reserve pages for a range whose subtrees go aside. */
static int pt_map_reserve(struct pt_mapping *m, struct pt_build *b,
			  struct ppt_diag *diag)
{
	uint32_t leaf;
	uint64_t frames = 0;
	int err;

	/* Frames aside come in stretches, so as 2 MiB leaves at most. */
	if (m->alloc && m->level_max > 2 && m->level_min <= 2)
		m->level_max = 2;
	b->pool = m->pool;
	for (;;) {
		leaf = m->level_max;
		while (leaf > m->level_min &&
		       (!pt_bulk(m->va, m->last, leaf) ||
			(!m->alloc && (m->va - m->pa) % pte_span(leaf))))
			leaf--;
		m->level_max = leaf;
		if (m->alloc && leaf > 2)
			return ppt__fail(diag, PPT_E_TOOBIG, "len",
					 "too many 1 GiB frames for one "
					 "transaction",
					 pt_len(m->va, m->last));
		if (m->alloc)
			frames = pt_bulk(m->va, m->last, leaf) / PPT_PAGE_BYTES;
		err = ppt__aside_reserve(m->pool, &b->aside,
					 pt_build_tables(pt_len(m->va, m->last),
							 leaf),
					 frames, leaf > 1, diag);
		if (err != PPT_E_NOSPC || !m->alloc || leaf == m->level_min)
			break;
		m->level_max = leaf - 1;
	}
	m->build = b;
	return err;
}

/*
 * The commonest call: one page of 4 KiB, its frame given, into an empty slot of
 * a table that is there.  Everything else is left to pt_map_range.
 * Return: whether *@err is the result.
 */
static inline __attribute__((always_inline)) bool
pt_map_page(struct ppt_space *space, const struct ppt__map_args *a, int *err,
	    struct ppt_diag *diag)
{
	const uint32_t other = PPT_MAP_REPLACE |
			       (PPT_MAP_SIZE_MASK & ~(uint32_t)PPT_MAP_4K);
	struct pt_path path;

	if (a->last - a->va != PPT_PAGE_BYTES - 1 || a->flags & other ||
	    a->pa == PPT_PA_ALLOC)
		return false;
	*err = pt_walk_here(space, a->va, 1, &path, diag);
	if (*err)
		return true;
	if (path.level != 1 || path.kind != PTE_EMPTY)
		return false;
	*err = ppt__table_word(space->pool, path.page[1], path.slot, 0,
			       pte_leaf(a->pa, 1, a->prot), path.cold);
	return true;
}

static __attribute__((noinline)) int
pt_map_range(struct ppt_space *space, const struct ppt__map_args *args,
	     bool aside, struct ppt_diag *diag)
{
	struct pt_mapping m;
	struct pt_build build;
	int err = pt_mapping(space, args, &m, diag);

	if (!err && aside)
		err = pt_map_reserve(&m, &build, diag);
	for (uint32_t steps = 0; !err; steps++) {
		uint32_t level = 0, n = 0;

		if (!aside && steps == ppt__inline_tables(space->pool))
			return PPT_E_TOOBIG;
		err = pt_map_at(&m, &level, &n, diag);
		if (err)
			return err;
		m.pa += n * pte_span(level);
		if (n && !pt_advance(&m.va, m.last, level, n))
			break;
	}
	if (!err && m.replace)
		ppt__txn_gather(space->pool, space->root_page, args->va,
				args->last);
	return err;
}

static int pt_map(struct ppt_space *space, const struct ppt__map_args *args,
		  bool aside, struct ppt_diag *diag)
{
	int err;

	if (!aside && pt_map_page(space, args, &err, diag))
		return err;
	return pt_map_range(space, args, aside, diag);
}
