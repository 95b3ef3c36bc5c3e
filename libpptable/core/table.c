/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/table.h"

#include "format/mutant.h"

const uint64_t *ppt__load_words(struct ppt_pool *pool, uint32_t page,
				uint32_t slot, uint32_t n, uint64_t *buffer)
{
	const uint64_t *media =
		ppt__pm_view(&pool->pm, ppt__word(page, slot), n);

	if (!(pool->txn.runs.n | pool->group.n) ||
	    (!ppt__runset_touches(&pool->txn.runs, page) &&
	     !ppt__runset_touches(&pool->group, page)))
		return media;
	for (uint32_t i = 0; i < n; i++)
		buffer[slot + i] = media[i];
	ppt__runset_overlay(&pool->group, page, buffer);
	ppt__runset_overlay(&pool->txn.runs, page, buffer);
	return buffer + slot;
}

static uint32_t count_live(const uint64_t *word, uint32_t n)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < n; i++)
		live += word[i] != 0;
	return live;
}

/* Set n words that were @old (NULL: all 0), and the descriptor. */
static int set_words(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, uint64_t v, uint64_t stride, uint64_t desc,
		     const uint64_t *old)
{
	uint32_t family = ppt__desc_family(desc);
	uint32_t hi, delta, minus = old ? count_live(old, n) : 0;
	int err;

	delta = ppt__crc32c_delta(old, n, v, stride, family);
	hi = ppt__table_live(desc, minus, v | stride ? n : 0);
	if (v | stride)
		ppt__blank_use(&pool->blank, page, slot, n);
	err = ppt__set(pool, page, slot, n, v, stride,
		       ppt__table_marks(pool, desc));
	if (err)
		return err;
	return ppt__table_desc(pool, page,
			       ppt__desc_update(desc, hi, slot, n, delta));
}

int ppt__table_set(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		   uint32_t n, uint64_t v, uint64_t stride)
{
	if (n == 1)
		return ppt__table_word(pool, page, slot,
				       ppt__load(pool, page, slot), v, false);
	return set_words(
		pool, page, slot, n, v, stride, ppt__desc_load(pool, page),
		ppt__load_words(pool, page, slot, n, pool->page_buffer));
}

int ppt__table_fill(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		    uint32_t n, uint64_t v, uint64_t stride)
{
	return set_words(pool, page, slot, n, v, stride,
			 ppt__desc_load(pool, page), NULL);
}

bool ppt__table_blank(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		      uint32_t n)
{
	uint32_t live = ppt__desc_live(ppt__desc_load(pool, page));
	uint32_t after = PPT_PAGE_WORDS - slot - n;
	const uint64_t *word;

	if (live == 0)
		return true;
	/* Few words outside: all live ones must be among them. */
	if (n > PPT_PAGE_WORDS / 2) {
		uint32_t outside;

		word = ppt__load_words(pool, page, 0, slot, pool->page_buffer);
		outside = count_live(word, slot);
		word = ppt__load_words(pool, page, slot + n, after,
				       pool->page_buffer);
		return outside + count_live(word, after) == live;
	}
	word = ppt__load_words(pool, page, slot, n, pool->page_buffer);
	return count_live(word, n) == 0;
}

/* How many words from @word on are one progression, and its stride. */
static uint32_t progression(const uint64_t *word, uint32_t n, uint64_t *stride)
{
	uint64_t step = n > 1 ? word[1] - word[0] : 0, next;
	uint32_t k = 1;

	*stride = 0;
	if (ppt__stride_code(step) < 0)
		return 1;
	/* Nearly always it is all of a line, or the first word only. */
	for (next = word[0] + step; n - k >= PPT__LINE_WORDS;) {
		const uint64_t *line = word + k;
		uint64_t differ = 0, v = next;

#pragma GCC unroll 8
		for (uint32_t i = 0; i < PPT__LINE_WORDS; i++, v += step)
			differ |= line[i] ^ v;
		if (differ)
			break;
		k += PPT__LINE_WORDS;
		next = v;
	}
	for (; k < n && word[k] == next; k++)
		next += step;
	*stride = step;
	return k;
}

/*
 * Runs for those of n words that differ; *@live changes by what is not 0.
 * Bit i of @lines: words 8 i to 8 i + 7 may differ.
 */
static int set_changed(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		       uint32_t n, const uint64_t *old, const uint64_t *word,
		       uint64_t lines, uint64_t marks, uint32_t *live)
{
	int (*set)(struct ppt_pool *, uint32_t, uint32_t, uint32_t, uint64_t,
		   uint64_t, uint64_t) = ppt__set;

	for (uint32_t i = 0; i < n;) {
		uint64_t stride;
		uint32_t k = 1;

		if (i % PPT__LINE_WORDS == 0 &&
		    !(lines >> i / PPT__LINE_WORDS & 1)) {
			i += PPT__LINE_WORDS;
			continue;
		}

		if (old[i] != word[i]) {
			k = progression(word + i, n - i, &stride);
			if (set(pool, page, slot + i, k, word[i], stride,
				marks))
				return PPT_E_TOOBIG;
			/* It ends where the next is no continuation of it. */
			set = ppt__set_apart;
			*live += (word[i] ? k : 0) - count_live(old + i, k);
		}
		i += k;
	}
	return 0;
}

int ppt__table_write(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, const uint64_t *word)
{
	uint64_t desc = ppt__desc_load(pool, page);
	uint32_t family = ppt__desc_family(desc);
	const uint64_t *old =
		ppt__load_words(pool, page, slot, n, pool->page_buffer);
	uint32_t delta = ppt__crc32c_diff(old, word, n, family);
	uint32_t hi, live = 0;
	int err;

	ppt__blank_use(&pool->blank, page, slot, n);
	err = set_changed(pool, page, slot, n, old, word, UINT64_MAX,
			  ppt__table_marks(pool, desc), &live);

	if (err)
		return err;
	hi = ppt__table_live(desc, 0, live);
	return ppt__table_desc(pool, page,
			       ppt__desc_update(desc, hi, slot, n, delta));
}

/* A full table becomes one run: its checksum is made without reading it. */
static int write_run(struct ppt_pool *pool, uint32_t page, uint64_t v,
		     uint64_t stride, uint64_t desc, uint32_t epoch_bits)
{
	const uint32_t n = PPT_PAGE_WORDS;
	uint32_t hi = ppt__desc_hi(desc) ^ epoch_bits;
	uint32_t delta =
		ppt__crc32c_delta(NULL, n, v, stride, ppt__desc_family(desc));
	int err;

	ppt__blank_use(&pool->blank, page, 0, n);
	err = ppt__set(pool, page, 0, n, v, stride,
		       ppt__table_marks(pool, desc));
	if (err)
		return err;
	desc = ppt__desc_zero_page(pool->seed, page, hi);
	return ppt__table_desc(pool, page,
			       ppt__desc_update(desc, hi, 0, n, delta));
}

int ppt__table_rebase(struct ppt_pool *pool, uint32_t page,
		      const uint64_t *word, uint64_t lines, uint64_t run)
{
	uint64_t desc = ppt__desc_load(pool, page), stride = run;
	const uint64_t *old = ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
					      pool->page_buffer);
	uint32_t epochs = ppt__desc_epoch(desc) ^ (pool->epoch & 15u);
	uint32_t live = 0, hi;
	int err;

	if (PPT_MUTANT(EPOCH_KEPT))
		epochs = 0;
	if (run ||
	    (ppt__desc_live(desc) == PPT_PAGE_WORDS && word[0] &&
	     word[0] != old[0] &&
	     progression(word, PPT_PAGE_WORDS, &stride) == PPT_PAGE_WORDS))
		return write_run(pool, page, word[0], stride, desc,
				 epochs << 6);
	ppt__blank_use(&pool->blank, page, 0, PPT_PAGE_WORDS);
	err = set_changed(pool, page, 0, PPT_PAGE_WORDS, old, word, lines,
			  ppt__table_marks(pool, desc), &live);
	if (err)
		return err;
	hi = ppt__table_live(desc, 0, live) ^ epochs << 6;
	return ppt__table_desc(
		pool, page, ppt__desc_lines(pool->seed, page, hi, word, lines));
}

/* Words of a page that was just taken. */
static int set_fresh(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		     uint32_t n, uint64_t v, uint64_t stride)
{
	uint64_t marks = pool->flags & PPT_ATTACH_NO_MMU ?
				 0 :
				 PPT__RUN_ENTRY | PPT__RUN_FRESH;

	if (PPT_MUTANT(TABLE_DIRTY) && slot && !v)
		return 0;
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
	delta = ppt__crc32c_delta(NULL, n, v, stride, family);
	desc = ppt__desc_update(ppt__desc_zero_page(pool->seed, p, hi), hi,
				slot, n, delta);
	if (set_fresh(pool, p, 0, slot, 0, 0) ||
	    set_fresh(pool, p, slot, n, v, stride) ||
	    set_fresh(pool, p, after, PPT_PAGE_WORDS - after, 0, 0) ||
	    ppt__table_desc(pool, p, desc))
		return PPT_E_TOOBIG;
	ppt__trust_set(pool, p);
	ppt__blank_add(&pool->blank, p);
	ppt__blank_use(&pool->blank, p, slot, n);
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
	    ppt__table_desc(pool, p,
			    ppt__desc_zero_page(pool->seed, p,
						ppt__desc_meta())))
		return PPT_E_TOOBIG;
	ppt__trust_set(pool, p);
	*page = p;
	return 0;
}
