/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streaming whole subtrees that are built aside.  Layer: core; see core/pt.h.
 *
 * Every table is full: 512 entries, written once, in order, each level's
 * checksum growing with them.
 */

struct pt_build {
	struct ppt_pool *pool;
	struct ppt__aside aside;
	struct {
		uint32_t page;
		uint32_t slot;
		uint32_t raw;
	} at[PT_LEVELS + 1];
};

/* Start a table of a level. */
static int pt_build_open(struct pt_build *b, uint32_t level)
{
	struct ppt_pool *pool = b->pool;
	uint64_t hi = ppt__desc_table(level, PTE_FAMILY, pool->epoch,
				      PPT_PAGE_WORDS, 1);
	uint32_t page;
	int err = ppt__aside_table(pool, &b->aside, &page);

	if (err)
		return err;
	ppt__trust_set(pool, page);
	ppt__blank_drop(&pool->blank, page);
	b->at[level].page = page;
	b->at[level].slot = 0;
	b->at[level].raw = ppt__crc32c_word(pool->seed, hi << 32 | page);
	return 0;
}

/* Append entries v, v + stride, … to the open table of a level. */
static void pt_build_put(struct pt_build *b, uint32_t level, uint32_t n,
			 uint64_t v, uint64_t stride)
{
	uint32_t raw = b->at[level].raw;

	ppt__pm_stream_run(&b->pool->pm,
			   ppt__word(b->at[level].page, b->at[level].slot), n,
			   v, stride);
	raw = ppt__crc32c_shift(raw, n) ^
	      ppt__crc32c_delta(NULL, n, v, stride, PTE_FAMILY);
	b->at[level].raw = raw;
	b->at[level].slot += n;
}

/* Append entries that follow no progression. */
static void pt_build_put_words(struct pt_build *b, uint32_t level, uint32_t n,
			       const uint64_t *word)
{
	ppt__pm_stream(&b->pool->pm,
		       ppt__word(b->at[level].page, b->at[level].slot), word,
		       n);
	b->at[level].raw =
		ppt__crc32c_words(b->at[level].raw, word, n, PTE_FAMILY);
	b->at[level].slot += n;
}

/*
 * Tables that are full now: store their descriptors and enter them into the
 * ones above, up to @top.  *@done: @top itself is full.
 */
static void pt_build_close(struct pt_build *b, uint32_t level, uint32_t top,
			   bool *done)
{
	struct ppt_pool *pool = b->pool;

	for (*done = false; b->at[level].slot == PPT_PAGE_WORDS; level++) {
		uint32_t page = b->at[level].page;
		uint64_t hi = ppt__desc_table(level, PTE_FAMILY, pool->epoch,
					      PPT_PAGE_WORDS, 1);
		uint64_t desc = hi << 32 | (uint32_t)~b->at[level].raw;

		ppt__pm_stream(&pool->pm,
			       ppt__word(pool->at.desc_page, 0) + page, &desc,
			       1);
		if (level == top) {
			*done = true;
			return;
		}
		pt_build_put(b, level + 1, 1,
			     pte_table(ppt__page_pa(pool, page)), 0);
	}
}

/* Tables at most for n bytes of leaves of a level. */
static uint64_t pt_build_tables(uint64_t bytes, uint32_t leaf_level)
{
	uint64_t n = 0;

	for (uint32_t level = leaf_level; level < PT_LEVELS; level++)
		n += bytes / pte_span(level + 1) + 2;
	return n;
}

/* Stream a table of @live entries that stand in @word, to hang old ones on. */
static int pt_build_holder(struct pt_build *b, uint32_t level, uint32_t live,
			   const uint64_t *word, uint32_t *page)
{
	struct ppt_pool *pool = b->pool;
	uint32_t hi = ppt__desc_table(level, PTE_FAMILY, pool->epoch, live, 1);
	uint64_t desc;
	int err = ppt__aside_table(pool, &b->aside, page);

	if (err)
		return err;
	ppt__trust_set(pool, *page);
	ppt__blank_drop(&pool->blank, *page);
	ppt__pm_stream(&pool->pm, ppt__word(*page, 0), word, PPT_PAGE_WORDS);
	desc = ppt__desc_page(pool->seed, *page, hi, word);
	ppt__pm_stream(&pool->pm, ppt__word(pool->at.desc_page, 0) + *page,
		       &desc, 1);
	return 0;
}
