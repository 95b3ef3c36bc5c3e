/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Map, unmap, protect, translate, iterate: arguments, and the choice between
 * one transaction of runs and building aside.  Layer: core.
 */
#include "core/pt.h"
#include "core/txn.h"

/* What no format could express. */
static int check_range(const struct ppt_space *space, ppt_va_t va, uint64_t len,
		       uint32_t prot, ppt_va_t *last, struct ppt_diag *diag)
{
	if (va % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "va",
				 "not a multiple of 4 KiB", va);
	if (len == 0 || len % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "len",
				 "zero or not a multiple of 4 KiB", len);
	*last = va + (len - 1);
	if (*last < va)
		return ppt__fail(diag, PPT_E_RANGE, "len", "range wraps around",
				 len);
	return space->ops->check(va, *last, prot, diag);
}

static int check_frames(struct ppt_space *space, ppt_pa_t pa, uint64_t len,
			struct ppt_diag *diag)
{
	uint32_t page;

	if (pa == PPT_PA_ALLOC)
		return 0;
	if (pa % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "pa",
				 "not a multiple of 4 KiB", pa);
	if (!ppt__pa_known(space->pool, pa, len))
		return ppt__fail(diag, PPT_E_REGION, "pa",
				 "range is not inside one region of the "
				 "memory map",
				 pa);
	if (ppt__pa_page(space->pool, pa, &page))
		return ppt__frames_check(space->pool, page,
					 len / PPT_PAGE_BYTES, diag);
	return 0;
}

/* Whether a range is only worth building aside: so many tables of pages. */
static bool is_huge(const struct ppt_pool *pool,
		    const struct ppt__map_args *args)
{
	uint32_t size = args->flags & PPT_MAP_SIZE_MASK;
	bool pages = size == PPT_MAP_4K ||
		     (!size && args->pa != PPT_PA_ALLOC &&
		      (args->va - args->pa) % PPT_SIZE_2M != 0);

	return pages && (args->last - args->va) / PPT_SIZE_2M >=
				ppt__inline_tables(pool);
}

/* Whether anything of a range can be built aside: a whole table of pages. */
static bool has_bulk(const struct ppt__map_args *args)
{
	uint64_t head = -args->va % PPT_SIZE_2M;
	uint64_t len = args->last - args->va + 1;

	return len >= head && len - head >= PPT_SIZE_2M;
}

/* References to the pool's frames that a caller names, before any is cleared. */
static int get_frames(struct ppt_pool *pool, const struct ppt__map_args *args,
		      struct ppt_diag *diag)
{
	uint64_t count = (args->last - args->va) / PPT_PAGE_BYTES + 1;
	uint32_t page;

	if (args->pa == PPT_PA_ALLOC || !ppt__pa_page(pool, args->pa, &page))
		return 0;
	return ppt__frames_get(pool, page, count, diag);
}

/* What a huge map would meet only after it has reserved pages. */
static int check_empty(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		       struct ppt_diag *diag)
{
	struct ppt_extent ext;
	struct ppt_iter it;
	int err;

	ppt_iter_init_any(&it, space, va, last);
	err = space->ops->find(space, va, &it, &ext, diag);
	if (err == PPT_E_NOENT)
		return 0;
	if (!err && ext.va <= last && ext.va >= va)
		return ppt__fail(diag, PPT_E_EXIST, "va",
				 "something is mapped there", ext.va);
	return err;
}

static int unmap_range(struct ppt_space *space, ppt_va_t va, ppt_va_t last,
		       struct ppt__call *call, struct ppt_diag *diag)
{
	int err = space->ops->unmap(space, va, last, false, diag);

	if (err != PPT_E_TOOBIG)
		return err;
	ppt__call_undo(space->pool, call);
	return space->ops->unmap(space, va, last, true, diag);
}

static inline __attribute__((always_inline)) int
map_range(struct ppt_space *space, const struct ppt__map_args *args, bool aside,
	  struct ppt_diag *diag)
{
	int err = get_frames(space->pool, args, diag);

	if (err)
		return err;
	if (aside && args->flags & PPT_MAP_REPLACE)
		err = space->ops->unmap(space, args->va, args->last, true,
					diag);
	else if (aside)
		err = check_empty(space, args->va, args->last, diag);
	if (err)
		return err;
	return space->ops->map(space, args, aside, diag);
}

static inline int try_map(struct ppt_space *space,
			  const struct ppt__map_args *args,
			  struct ppt__call *call, struct ppt_diag *diag)
{
	int err = PPT_E_TOOBIG;

	if (!is_huge(space->pool, args))
		err = map_range(space, args, false, diag);
	if (err == PPT_E_TOOBIG && has_bulk(args)) {
		ppt__call_undo(space->pool, call);
		err = map_range(space, args, true, diag);
	}
	if (err == PPT_E_NOSPC && !(args->flags & PPT_MAP_REPLACE)) {
		/* Of two reasons, the one that more pages would not cure. */
		ppt__call_undo(space->pool, call);
		if (check_empty(space, args->va, args->last, diag) ==
		    PPT_E_EXIST)
			err = PPT_E_EXIST;
	}
	return err;
}

static int try_unmap(struct ppt_space *space, const struct ppt__map_args *args,
		     struct ppt__call *call, struct ppt_diag *diag)
{
	return unmap_range(space, args->va, args->last, call, diag);
}

static int try_protect(struct ppt_space *space,
		       const struct ppt__map_args *args, struct ppt__call *call,
		       struct ppt_diag *diag)
{
	int err = space->ops->protect(space, args->va, args->last, args->prot,
				      false, diag);

	if (err != PPT_E_TOOBIG)
		return err;
	ppt__call_undo(space->pool, call);
	return space->ops->protect(space, args->va, args->last, args->prot,
				   true, diag);
}

/* One call, as a transaction or in one; again if pages could be reclaimed. */
static inline __attribute__((always_inline)) int
do_call(struct ppt_space *space,
	int (*attempt)(struct ppt_space *, const struct ppt__map_args *,
		       struct ppt__call *, struct ppt_diag *),
	const struct ppt__map_args *args, struct ppt_diag *diag)
{
	struct ppt_pool *pool = space->pool;
	struct ppt__call call;
	struct ppt_diag why; /* another attempt may make it good */
	bool left;
	int err = ppt__call_begin(pool, &call, diag);

	if (err)
		return err;
	why.err = 0;
	err = attempt(space, args, &call, &why);
	if (err == PPT_E_NOSPC && call.own) {
		ppt__call_undo(pool, &call);
		if (!ppt_reclaim(pool, UINT64_MAX, &left))
			err = attempt(space, args, &call, &why);
	}
	if (err && why.err != err)
		why = (struct ppt_diag){ err, "len", ppt_strerror(err),
					 args->last - args->va + 1 };
	err = ppt__call_end(pool, &call, err, &why);
	if (err && call.own && pool->frames.held_end) /* reserved in vain */
		ppt_reclaim(pool, UINT64_MAX, &left);
	if (err && diag)
		*diag = why;
	return err;
}

int ppt_map(struct ppt_space *space, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	    uint32_t prot, uint32_t flags, struct ppt_diag *diag)
{
	struct ppt__map_args args = {
		.va = va, .pa = pa, .prot = prot, .flags = flags
	};
	int err;

	if (len == PPT_PAGE_BYTES)
		space->ops->prefetch(space, va);
	if (flags &
	    ~(uint32_t)(PPT_MAP_REPLACE | PPT_MAP_SIZE_MASK | PPT_MAP_UNZEROED))
		return ppt__fail(diag, PPT_E_INVAL, "flags", "unknown bits",
				 flags);
	if (prot == 0)
		return ppt__fail(diag, PPT_E_INVAL, "prot", "no rights", 0);
	err = check_range(space, va, len, prot, &args.last, diag);
	if (!err)
		err = check_frames(space, pa, len, diag);
	return err ? err : do_call(space, try_map, &args, diag);
}

int ppt_unmap(struct ppt_space *space, ppt_va_t va, uint64_t len,
	      struct ppt_diag *diag)
{
	struct ppt__map_args args = { .va = va };
	int err = check_range(space, va, len, 0, &args.last, diag);

	return err ? err : do_call(space, try_unmap, &args, diag);
}

int ppt_protect(struct ppt_space *space, ppt_va_t va, uint64_t len,
		uint32_t prot, struct ppt_diag *diag)
{
	struct ppt__map_args args = { .va = va, .prot = prot };
	int err;

	if (prot == 0)
		return ppt__fail(diag, PPT_E_INVAL, "prot", "no rights", 0);
	err = check_range(space, va, len, prot, &args.last, diag);
	return err ? err : do_call(space, try_protect, &args, diag);
}

int ppt_translate(struct ppt_space *space, ppt_va_t va, struct ppt_extent *out,
		  struct ppt_diag *diag)
{
	int err = space->ops->check(va, va, 0, diag);

	return err ? err : space->ops->find(space, va, NULL, out, diag);
}

void ppt_iter_init(struct ppt_iter *it, const struct ppt_space *space,
		   ppt_va_t va, ppt_va_t last)
{
	*it = (struct ppt_iter){
		.space = *space,
		.next = va & ~(ppt_va_t)(PPT_PAGE_BYTES - 1),
		.last = last | (PPT_PAGE_BYTES - 1),
		.left = 2 * space->pool->at.pages,
	};
}

void ppt_iter_init_any(struct ppt_iter *it, const struct ppt_space *space,
		       ppt_va_t va, ppt_va_t last)
{
	ppt_iter_init(it, space, va, last);
	it->any = true;
}

/* Whether b continues a. */
static bool joins(const struct ppt_extent *a, const struct ppt_extent *b)
{
	return a->va + a->len == b->va && a->pa + a->len == b->pa &&
	       a->prot == b->prot && a->page_size == b->page_size &&
	       a->state == b->state && a->region == b->region;
}

int ppt_iter_next(struct ppt_iter *it, struct ppt_extent *out,
		  struct ppt_diag *diag)
{
	struct ppt_extent all = { .len = 0 };

	while (!it->done) {
		struct ppt_extent ext;
		int err = it->space.ops->find(&it->space, it->next, it, &ext,
					      diag);

		if (err && err != PPT_E_NOENT)
			return err;
		if (err || ext.va > it->last || ext.va < it->next) {
			it->done = true;
			break;
		}
		if (ext.len > it->last - ext.va + 1 &&
		    it->last - ext.va != UINT64_MAX)
			ext.len = it->last - ext.va + 1;
		if (all.len && !joins(&all, &ext))
			break;
		if (all.len)
			all.len += ext.len;
		else
			all = ext;
		it->next = ext.va + ext.len;
		it->done = it->next == 0;
	}
	if (!all.len)
		return PPT_E_NOENT;
	*out = all;
	return 0;
}

const char *ppt_extent_state_name(enum ppt_extent_state state)
{
	static const char *const name[] = {
		[PPT_EXTENT_MAPPED] = "mapped",
		[PPT_EXTENT_LOST] = "lost",
		[PPT_EXTENT_ZERO] = "zero",
		[PPT_EXTENT_DAMAGED] = "damaged",
	};

	return (unsigned)state < sizeof(name) / sizeof(name[0]) ? name[state] :
								  "unknown";
}
