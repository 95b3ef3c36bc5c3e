/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/table.h"

const uint64_t *ppt__load_words(struct ppt_pool *pool, uint32_t page,
				uint32_t slot, uint32_t n, uint64_t *buffer)
{
	const uint64_t *media = ppt__pm_view(&pool->pm, ppt__word(page, slot),
					     n);

	if (!ppt__runset_touches(&pool->txn.runs, page) &&
	    !ppt__runset_touches(&pool->group, page))
		return media;
	for (uint32_t i = 0; i < n; i++)
		buffer[slot + i] = media[i];
	ppt__runset_overlay(&pool->group, page, buffer);
	ppt__runset_overlay(&pool->txn.runs, page, buffer);
	return buffer + slot;
}

static uint64_t marks_of(const struct ppt_pool *pool, uint64_t desc)
{
	if (pool->flags & PPT_ATTACH_NO_MMU || !ppt__desc_is_table(desc))
		return 0;
	return PPT__RUN_ENTRY;
}

static uint32_t count_live(const uint64_t *word, uint32_t n)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < n; i++)
		live += word[i] != 0;
	return live;
}

/* The descriptor's upper half with another count of live entries. */
static uint32_t with_live(uint64_t desc, uint32_t minus, uint32_t plus)
{
	uint32_t hi = ppt__desc_hi(desc);

	if (!ppt__desc_is_table(desc))
		return hi;
	return hi + ((plus - minus) << 10);
}

static inline __attribute__((always_inline)) int
set_desc(struct ppt_pool *pool, uint32_t page, uint64_t desc)
{
	return ppt__set(pool, ppt__desc_page_of(pool, page),
			page % PPT_PAGE_WORDS, 1, desc, 0, 0);
}

int ppt__table_set(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		   uint32_t n, uint64_t v, uint64_t stride)
{
	uint64_t desc = ppt__desc_load(pool, page);
	uint64_t ignore = ppt__family_ignore(ppt__desc_family(desc));
	uint32_t hi, delta, minus = 0;
	const uint64_t *old = NULL;
	int err;

	/* An empty table need not be read. */
	if (n == 1) {
		uint64_t was = ppt__load(pool, page, slot);

		minus = was != 0;
		delta = ppt__crc32c_word(0, (was ^ v) & ~ignore);
	} else {
		if (!ppt__desc_is_table(desc) || ppt__desc_live(desc)) {
			old = ppt__load_words(pool, page, slot, n,
					      pool->page_buffer);
			minus = count_live(old, n);
		}
		delta = ppt__crc32c_delta(old, n, v, stride, ignore);
	}
	hi = with_live(desc, minus, v | stride ? n : 0);
	err = ppt__set(pool, page, slot, n, v, stride, marks_of(pool, desc));
	if (err)
		return err;
	return set_desc(pool, page, ppt__desc_update(desc, hi, slot, n, delta));
}

static int write_words(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		       uint32_t n, const uint64_t *word, uint32_t epoch_bits)
{
	uint64_t desc = ppt__desc_load(pool, page);
	uint64_t ignore = ppt__family_ignore(ppt__desc_family(desc));
	uint64_t marks = marks_of(pool, desc);
	uint32_t delta = 0, minus = 0, hi;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t old = ppt__load(pool, page, slot + i);

		minus += old != 0;
		delta = ppt__crc32c_word(delta, (old ^ word[i]) & ~ignore);
		if (old == word[i])
			continue;
		if (ppt__set(pool, page, slot + i, 1, word[i], 0, marks))
			return PPT_E_TOOBIG;
	}
	hi = with_live(desc, minus, count_live(word, n)) ^ epoch_bits;
	return set_desc(pool, page, ppt__desc_update(desc, hi, slot, n, delta));
}

int ppt__table_write(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, const uint64_t *word)
{
	return write_words(pool, page, slot, n, word, 0);
}

int ppt__table_rebase(struct ppt_pool *pool, uint32_t page,
		      const uint64_t *word)
{
	uint32_t was = ppt__desc_epoch(ppt__desc_load(pool, page));

	return write_words(pool, page, 0, PPT_PAGE_WORDS, word,
			   (was ^ (pool->epoch & 15u)) << 6);
}

/* Words of a page that was just taken. */
static int set_fresh(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, uint64_t v, uint64_t stride)
{
	uint64_t marks = pool->flags & PPT_ATTACH_NO_MMU ?
				 0 :
				 PPT__RUN_ENTRY | PPT__RUN_FRESH;

	return n ? ppt__set(pool, page, slot, n, v, stride, marks) : 0;
}

int ppt__table_new(struct ppt_pool *pool, uint32_t family, uint32_t level,
		   uint32_t slot, uint32_t n, uint64_t v, uint64_t stride,
		   uint32_t *page, struct ppt_diag *diag)
{
	uint32_t hi = ppt__desc_table(level, family, pool->epoch, n, 1);
	uint32_t after = slot + n, p, got, delta;
	uint64_t desc;
	int err = ppt__pages_take(pool, 1, &p, &got, diag);

	if (err)
		return err;
	delta = ppt__crc32c_delta(NULL, n, v, stride,
				  ppt__family_ignore(family));
	desc = ppt__desc_update(ppt__desc_zero_page(pool->seed, p, hi), hi,
				slot, n, delta);
	if (set_fresh(pool, p, 0, slot, 0, 0) ||
	    set_fresh(pool, p, slot, n, v, stride) ||
	    set_fresh(pool, p, after, PPT_PAGE_WORDS - after, 0, 0) ||
	    set_desc(pool, p, desc))
		return PPT_E_TOOBIG;
	*page = p;
	return 0;
}

int ppt__meta_new(struct ppt_pool *pool, uint32_t *page, struct ppt_diag *diag)
{
	uint32_t p, got;
	int err = ppt__pages_take(pool, 1, &p, &got, diag);

	if (err)
		return err;
	if (ppt__set(pool, p, 0, PPT_PAGE_WORDS, 0, 0, 0) ||
	    set_desc(pool, p,
		     ppt__desc_zero_page(pool->seed, p, ppt__desc_meta())))
		return PPT_E_TOOBIG;
	*page = p;
	return 0;
}

int ppt__table_refuse(struct ppt_pool *pool, uint32_t page, uint32_t family,
		      uint32_t level, struct ppt_diag *diag)
{
	uint64_t desc;

	if (page < pool->at.first_page || page >= pool->at.pages)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "an entry leads outside the pool's tables",
				 page);
	desc = ppt__desc_load(pool, page);
	if (ppt__desc_type(desc) != PPT__DESC_TABLE + level ||
	    ppt__desc_family(desc) != family || ppt__desc_share(desc) == 0)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "descriptor is not that of a table of this "
				 "level", page);
	return ppt__fail(diag, PPT_E_CORRUPT, "table",
			 "written under another memory map", page);
}
