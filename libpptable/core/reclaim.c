/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reclaim list: freeing, in bounded steps, what was unlinked whole or never
 * linked.  Layer: core.
 */
#include "core/pt.h"
#include "core/table.h"
#include "format/mutant.h"

/* Pages of an extent that one step frees: 64 runs at most. */
#define EXTENT_STEP (64u * PPT_PAGE_WORDS)

static int extent_ok(struct ppt_pool *pool, uint64_t item,
		     struct ppt_diag *diag)
{
	uint32_t page = ppt__reclaim_page(item);
	uint64_t end = (uint64_t)page + ppt__reclaim_count(item);

	if (page < pool->at.first_page || end > pool->at.pages ||
	    ppt__reclaim_count(item) == 0)
		return ppt__fail(diag, PPT_E_CORRUPT, "reclaim list",
				 "extent outside the pool", page);
	return 0;
}

static int reclaim_extent(struct ppt_pool *pool, uint32_t slot, uint64_t item,
			  struct ppt_diag *diag)
{
	uint32_t page = ppt__reclaim_page(item);
	uint32_t count = ppt__reclaim_count(item), n = count;
	uint64_t rest = 0;
	int err = extent_ok(pool, item, diag);

	if (n > EXTENT_STEP) {
		n = EXTENT_STEP;
		rest = ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, page + n,
					 count - n);
	}
	if (!err)
		err = ppt__pages_free(pool, page, n);
	if (!err)
		err = ppt__txn_reclaim(pool, slot, 1, rest, diag);
	return err;
}

static int step(struct ppt_pool *pool, uint32_t slot, uint64_t item,
		struct ppt_diag *diag)
{
	const struct ppt__pt_ops *ops;
	uint64_t desc;

	switch (ppt__reclaim_kind(item)) {
	case PPT_M_RECLAIM_EXTENT:
		return reclaim_extent(pool, slot, item, diag);
	case PPT_M_RECLAIM_TREE:
	case PPT_M_RECLAIM_TABLES:
		if (ppt__reclaim_page(item) >= pool->at.pages)
			break;
		desc = ppt__desc_load(pool, ppt__reclaim_page(item));
		ops = ppt__pt_ops_of_family(ppt__desc_family(desc));
		if (!ops || !ppt__desc_is_table(desc))
			break;
		return ops->reclaim(pool, slot, item, diag);
	default:
		break;
	}
	return ppt__fail(diag, PPT_E_CORRUPT, "reclaim list", "unknown item",
			 slot);
}

static bool first_item(struct ppt_pool *pool, uint32_t *slot, uint64_t *item)
{
	const uint64_t *word = ppt__load_words(pool, pool->at.reclaim_page, 0,
					       PPT_PAGE_WORDS,
					       pool->page_buffer);
	uint32_t s = *slot;

	while (s < PPT_PAGE_WORDS && !word[s])
		s += s % PPT__LINE_WORDS == 0 && !ppt__line_any(word + s) ?
			     PPT__LINE_WORDS :
			     1;
	*slot = s;
	if (s == PPT_PAGE_WORDS)
		return false;
	*item = word[s];
	return true;
}

/* ---------------------------------------------------------------- attach -- */

/* What of an extent lies in the pool; ppt_reclaim tells of the others. */
static void hold_item(struct ppt_pool *pool, uint32_t slot, uint64_t item)
{
	uint64_t page = ppt__reclaim_page(item);
	uint64_t end = page + ppt__reclaim_count(item);

	if (ppt__reclaim_kind(item) != PPT_M_RECLAIM_EXTENT ||
	    PPT_MUTANT(HELD_FORGOTTEN))
		return;
	if (page < pool->at.first_page)
		page = pool->at.first_page;
	if (end > pool->at.pages)
		end = pool->at.pages;
	if (page < end)
		ppt__pages_hold(pool, slot,
				(struct ppt__extent){ (uint32_t)page,
						      (uint32_t)(end - page) });
}

static void hold_items(struct ppt_pool *pool, const uint64_t *word,
		       uint64_t lines)
{
	for (; lines; lines &= lines - 1) {
		uint32_t slot =
			(uint32_t)__builtin_ctzll(lines) * PPT__LINE_WORDS;

		for (uint32_t i = 0; i < PPT__LINE_WORDS; i++)
			hold_item(pool, slot + i, word[slot + i]);
	}
}

/* Set that bit of a page right whose flip changes its checksum by @change. */
static bool unflip(uint64_t *word, uint32_t change)
{
	uint32_t flip[64]; /* of the last word */

	for (uint32_t i = 0; i < 64; i++)
		flip[i] = ppt__crc32c_shift(
			ppt__crc32c_word(0, UINT64_C(1) << i), PPT_PAGE_WORDS);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		change = ppt__crc32c_word(change, 0);
		for (uint32_t i = 0; i < 64; i++) {
			if (flip[i] != change)
				continue;
			word[s] ^= UINT64_C(1) << i;
			return true;
		}
	}
	return false;
}

/*
 * What a damaged list said, if one bit of it or of its descriptor has flipped:
 * the checksum tells that from every other bit and from any two.
 */
static bool unflipped(struct ppt_pool *pool, uint64_t *word)
{
	uint32_t page = pool->at.reclaim_page;
	uint64_t desc = ppt__desc_load(pool, page), change;

	change = desc ^
		 ppt__desc_page(pool->seed, page, ppt__desc_meta(), word);
	if (!(change & (change - 1)))
		return true;
	return change >> 32 == 0 && unflip(word, (uint32_t)change);
}

void ppt__reclaim_load(struct ppt_pool *pool)
{
	uint32_t page = pool->at.reclaim_page;
	uint64_t *word = pool->page_edit;
	uint64_t lines;

	if (!ppt__meta_look(pool, page, &lines, NULL)) {
		hold_items(pool,
			   ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
					   pool->page_buffer),
			   lines);
		return;
	}
	pool->list_damaged = true;
	pool->frames.blocked = true;
	if (!ppt__readable(pool, page))
		return;
	__builtin_memcpy(word,
			 ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
					 pool->page_buffer),
			 PPT_PAGE_BYTES);
	pool->frames.blocked = !unflipped(pool, word);
	if (!pool->frames.blocked)
		hold_items(pool, word, ppt__page_lines(word));
}

int ppt__reclaim_usable(const struct ppt_pool *pool, struct ppt_diag *diag)
{
	if (pool->list_damaged)
		return ppt__fail(diag, PPT_E_CORRUPT, "reclaim list",
				 "damaged; a repair mends it",
				 pool->at.reclaim_page);
	return 0;
}

/* --------------------------------------------------------------- reclaim -- */

int ppt_reclaim(struct ppt_pool *pool, uint64_t steps, bool *left)
{
	bool relaxed = pool->relaxed;
	uint32_t slot = 0;
	uint64_t item;
	int err = 0, damage = 0;

	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	if (pool->txn.open)
		return PPT_E_BUSY;
	err = ppt__reclaim_usable(pool, NULL);
	if (err)
		return err;
	/* Nobody waits for one step: all of them share a fence. */
	pool->relaxed = true;
	for (; !err && steps && first_item(pool, &slot, &item); steps--) {
		struct ppt__call call;

		err = ppt__call_begin(pool, &call, NULL);
		if (!err)
			err = step(pool, slot, item, NULL);
		err = ppt__call_end(pool, &call, err, NULL);
		if (err == PPT_E_CORRUPT) { /* the others can be freed */
			damage = err;
			err = 0;
			slot++;
		}
	}
	pool->relaxed = relaxed;
	if (!relaxed)
		ppt__txn_settle(pool);
	err = err ? err : damage;
	if (!err && left)
		*left = first_item(pool, &slot, &item);
	return err;
}
