/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/frame.h"

#include "core/pool.h"
#include "format/mutant.h"

/* ----------------------------------------------------------------- zero -- */

int ppt__pages_zero(struct ppt_pool *pool, uint32_t page, uint32_t count)
{
	struct ppt__frames *f = &pool->frames;

	pool->txn.allocated += count;
	/* One by one while that lasts, so that a rollback is a count. */
	if (count == 1 && f->loaded && page / PPT_PAGE_WORDS == f->stretch &&
	    ppt__bit(f->zeroed, page % PPT_PAGE_WORDS))
		return 0;
	if (f->zero_count == PPT__LIMBO_MAX)
		return PPT_E_TOOBIG;
	f->zero[f->zero_count++] = (struct ppt__extent){ page, count };
	return 0;
}

void ppt__pages_zero_taken(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;

	for (uint32_t i = 0; i < f->zero_count; i++) {
		ppt__pm_stream_run(&pool->pm, ppt__word(f->zero[i].page, 0),
				   (uint64_t)f->zero[i].count * PPT_PAGE_WORDS,
				   0, 0);
		pool->txn.unfenced = !PPT_MUTANT(ZERO_UNFENCED);
	}
	f->zero_count = 0;
}

void ppt__pages_zero_ahead(struct ppt_pool *pool, uint32_t count)
{
	struct ppt__frames *f = &pool->frames;

	for (uint32_t i = 0; f->loaded && i < PPT_PAGE_WORDS && count; i++) {
		if (!ppt__bit(f->free, i))
			continue;
		count--;
		if (ppt__bit(f->zeroed, i))
			continue;
		ppt__pm_stream_run(&pool->pm,
				   ppt__word(f->stretch * PPT_PAGE_WORDS + i,
					     0),
				   PPT_PAGE_WORDS, 0, 0);
		ppt__set_bit(f->zeroing, i, true);
		f->zeroing_any = true;
	}
}

void ppt__pages_fenced(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;

	if (!f->zeroing_any)
		return;
	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++) {
		f->zeroed[i] |= f->zeroing[i];
		f->zeroing[i] = 0;
	}
	f->zeroing_any = false;
}

/* ----------------------------------------------------------------- refs -- */

/* Whether all of these can be data pages at all [I10]. */
static bool in_pool(const struct ppt_pool *pool, uint32_t page, uint64_t count)
{
	return page >= pool->at.first_page && page < pool->at.pages &&
	       count <= pool->at.pages - page;
}

/* A data page's descriptor; its check tells damage from another type. */
static int data_desc(struct ppt_pool *pool, uint32_t page, uint64_t *desc,
		     struct ppt_diag *diag)
{
	uint64_t d = ppt__desc_load(pool, page);

	if (d != pool->desc_data &&
	    (ppt__desc_type(d) != PPT__DESC_DATA || ppt__desc_share(d) == 0 ||
	     d != ppt__desc_plain(pool->seed, ppt__desc_hi(d))))
		return ppt__fail(diag, PPT_E_CORRUPT, "descriptor",
				 "frame is not a data page", page);
	*desc = d;
	return 0;
}

bool ppt__frame_known(struct ppt_pool *pool, uint32_t page)
{
	uint64_t d;

	return in_pool(pool, page, 1) && !data_desc(pool, page, &d, NULL);
}

int ppt__frames_put(struct ppt_pool *pool, uint32_t page, uint64_t count,
		    struct ppt_diag *diag)
{
	uint64_t done = 0;

	if (!in_pool(pool, page, count))
		return ppt__fail(diag, PPT_E_CORRUPT, "frame",
				 "leaf leaves the pool's pages", page);
	while (done < count) {
		uint32_t p = page + (uint32_t)done, n = 0;
		uint64_t d;
		int err = data_desc(pool, p, &d, diag);

		if (err)
			return err;
		if (ppt__desc_share(d) > 1) {
			uint32_t hi = ppt__desc_data(ppt__desc_share(d) - 1);

			err = ppt__descs_set(pool, p, 1,
					     ppt__desc_plain(pool->seed, hi));
			n = 1;
		} else {
			while (done + n < count &&
			       ppt__desc_load(pool, p + n) == pool->desc_data)
				n++;
			err = ppt__pages_free(pool, p, n);
		}
		if (err)
			return err;
		done += n;
	}
	return 0;
}

/* The descriptor of a frame that gets one more mapping. */
static int shareable(struct ppt_pool *pool, uint32_t page, uint64_t *desc,
		     struct ppt_diag *diag)
{
	if (data_desc(pool, page, desc, NULL))
		return ppt__fail(diag, PPT_E_REGION, "pa",
				 "not a data page of the pool",
				 ppt__page_pa(pool, page));
	if (ppt__desc_share(*desc) == PPT__DESC_DATA_SHARE_MAX)
		return ppt__fail(diag, PPT_E_LIMIT, "pa",
				 "share count of the frame",
				 ppt__page_pa(pool, page));
	return 0;
}

int ppt__frames_check(struct ppt_pool *pool, uint32_t page, uint64_t count,
		      struct ppt_diag *diag)
{
	uint64_t d;
	int err = 0;

	if (pool->frames.blocked)
		return ppt__reclaim_usable(pool, diag);
	/* Of what is built aside the descriptors are set, but not yet true. */
	if (!in_pool(pool, page, count) || ppt__pages_held(pool, page, count))
		return ppt__fail(diag, PPT_E_REGION, "pa",
				 "not data pages of the pool",
				 ppt__page_pa(pool, page));
	for (uint64_t i = 0; !err && i < count; i++)
		err = shareable(pool, page + (uint32_t)i, &d, diag);
	return err;
}

int ppt__frames_get(struct ppt_pool *pool, uint32_t page, uint64_t count,
		    struct ppt_diag *diag)
{
	for (uint64_t i = 0; i < count; i++) {
		uint32_t p = page + (uint32_t)i;
		uint64_t d;
		int err = shareable(pool, p, &d, diag);

		if (err)
			return err;
		d = ppt__desc_plain(pool->seed,
				    ppt__desc_data(ppt__desc_share(d) +
						   !PPT_MUTANT(SHARE_KEPT)));
		err = ppt__descs_set(pool, p, 1, d);
		if (err)
			return err;
	}
	return 0;
}

int ppt__frames_claim(struct ppt_pool *pool, uint32_t page, uint64_t count)
{
	return ppt__descs_set(pool, page, count, pool->desc_data);
}
