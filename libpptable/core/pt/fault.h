/* SPDX-License-Identifier: BSD-3-Clause */
/* Page faults.  Layer: core; see <pptable/fault.h> and core/pt.h. */

/*
 * A leaf whose memory has moved to where a leaf of this size is not aligned:
 * its 512 parts one level down, which are leaves if they are aligned.
 */
static int pt_restore_parts(struct pt_path *path, ppt_pa_t pa,
			    struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	uint32_t level = path->level, page;
	uint64_t span = pte_span(level - 1);
	uint64_t part = pte_split(path->entry, level, 0);
	int err;

	if (pa % span == 0 && !pte_lost_zero(part))
		part = pte_found(part, pa);
	err = ppt__table_new(pool, PTE_FAMILY, level - 1, 0, PPT_PAGE_WORDS,
			     part, span, &page, diag);
	if (err)
		return err;
	return ppt__table_set(pool, path->page[level], path->slot, 1,
			      pte_table(ppt__page_pa(pool, page)), 0);
}

/* A lost leaf whose memory is there. */
static int pt_restore(struct pt_path *path, struct ppt_diag *diag)
{
	struct ppt_pool *pool = path->pool;
	struct ppt__call call;
	ppt_pa_t pa = pool->map.region[pte_lost_region(path->entry)].base +
		      pte_lost_off(path->entry);
	int err = ppt__call_begin(pool, &call, diag);

	if (err)
		return err;
	if (pa % pte_span(path->level))
		err = pt_restore_parts(path, pa, diag);
	else
		err = ppt__table_set(pool, path->page[path->level], path->slot,
				     1, pte_found(path->entry, pa), 0);
	return ppt__call_end(pool, &call, err, diag);
}

/* Memory that is gone, as the policy has it.  Return: 0; PT_AGAIN; an error. */
static int pt_fault_gone(struct ppt_space *space, struct ppt_fault *out,
			 struct ppt_diag *diag)
{
	int err = 0;

	switch (space->pool->trust.lost) {
	case PPT_LOST_DROP:
		out->kind = PPT_FAULT_UNMAPPED;
		return ppt_unmap(space, out->va, out->len, diag);
	case PPT_LOST_REPLACE:
		out->kind = PPT_FAULT_REPLACED;
		err = ppt_map(space, out->va, PPT_PA_ALLOC, out->len, out->prot,
			      PPT_MAP_REPLACE, diag);
		return err ? err : PT_AGAIN;
	default:
		out->kind = PPT_FAULT_LOST;
		return 0;
	}
}

static int pt_fault_lost(struct ppt_space *space, struct pt_path *path,
			 struct ppt_fault *out, struct ppt_diag *diag)
{
	ppt_pa_t pa = 0;
	bool back = pt_is_back(path, &pa);
	int err;

	out->prot = pte_prot(path->entry);
	if (!back)
		return pt_fault_gone(space, out, diag);
	if (pte_lost_zero(path->entry) && pa % pte_span(path->level) == 0) {
		out->kind = PPT_FAULT_ZERO;
		out->pa = pa;
		return 0;
	}
	out->kind = PPT_FAULT_ARMED;
	err = pt_restore(path, diag);
	return err ? err : PT_AGAIN;
}

static bool pt_allows(uint32_t prot, uint32_t access)
{
	return (!(access & PPT_ACCESS_WRITE) || prot & PPT_PROT_WRITE) &&
	       (!(access & PPT_ACCESS_EXEC) || prot & PPT_PROT_EXEC) &&
	       (!(access & PPT_ACCESS_USER) || prot & PPT_PROT_USER);
}

/* @done: what was done on the way, if anything was. */
static void pt_fault_leaf(const struct pt_path *path, uint32_t access,
			  uint32_t done, struct ppt_fault *out)
{
	out->prot = pte_prot(path->entry);
	out->pa = pte_leaf_pa(path->entry, path->level);
	out->kind = pt_allows(out->prot, access) ? done : PPT_FAULT_RIGHTS;
}

static int pt_fault_damaged(const struct ppt_space *space,
			    const struct pt_path *path, ppt_va_t va,
			    struct ppt_fault *out)
{
	struct ppt_extent ext;

	pt_damaged(path, va, &ext);
	out->kind = PPT_FAULT_QUARANTINED;
	out->va = va - va % ext.page_size;
	out->len = ext.page_size;
	out->page = path->page[path->level];
	if (path->level == PT_LEVELS)
		out->page = space->root_page;
	return 0;
}

/* A lost 1 GiB leaf may have to be split twice before it is what it was. */
#define PT_FAULT_TRIES (PTE_LEAF_LEVEL_MAX + 1u)

static int pt_fault(struct ppt_space *space, ppt_va_t va, uint32_t access,
		    struct ppt_fault *out, struct ppt_diag *diag)
{
	struct ppt__trust *t = &space->pool->trust;
	uint64_t before = t->armed + t->touched;
	uint32_t done = PPT_FAULT_SPURIOUS;

	for (uint32_t tries = 0; tries < PT_FAULT_TRIES; tries++) {
		struct ppt_fault f = { .kind = PPT_FAULT_UNMAPPED };
		struct pt_path path;
		int err = pt_walk(space, va, 1, &path, diag);
		uint64_t span = pte_span(path.level);

		if (err == PPT_E_CORRUPT)
			return pt_fault_damaged(space, &path, va, out);
		if (err)
			return err;
		f.va = va - va % span;
		f.len = span;
		if (done == PPT_FAULT_SPURIOUS &&
		    t->armed + t->touched != before)
			done = PPT_FAULT_ARMED;
		if (path.kind == PTE_LEAF)
			pt_fault_leaf(&path, access, done, &f);
		else if (path.kind == PTE_LOST)
			err = pt_fault_lost(space, &path, &f, diag);
		if (err == 0)
			*out = f;
		if (err != PT_AGAIN)
			return err;
		done = f.kind;
	}
	return ppt__fail(diag, PPT_E_CORRUPT, "entry",
			 "is lost again and again", va);
}
