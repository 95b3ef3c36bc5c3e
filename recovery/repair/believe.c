/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a page may be believed.  What leads to it says what it is; whether it
 * is that its descriptor tells, by the checksum over both.  Where they do not
 * agree, one of them is damaged:
 *
 *   - the upper half of the descriptor, if the checksum is that of the page
 *     under the upper half that it should have;
 *   - a single bit of the page or of the checksum.  CRC32C tells it from every
 *     other single bit and from any two; the result must also have the count of
 *     entries that the descriptor says, and no entry that is not valid;
 *   - the whole descriptor, if it is none of a page of any kind.  Then nothing
 *     vouches for the page but that each of its entries is valid;
 *   - else the page.
 */
#include "recovery/repair/repair.h"

static uint32_t head(const struct ppt__repair *r, const struct ppt__believe *b,
		     int epoch, uint32_t live)
{
	if (!b->family)
		return ppt__desc_meta();
	return ppt__desc_table(b->level, b->family->family,
			       r->c->epoch_oldest + (uint32_t)epoch, live, 1);
}

static uint32_t crc_of(const struct ppt__repair *r,
		       const struct ppt__believe *b, uint32_t hi,
		       const uint64_t *word)
{
	return (uint32_t)ppt__desc_lines(r->pool->seed, b->page, hi, word,
					 b->lines);
}

static uint32_t count_live(const struct ppt__believe *b, const uint64_t *word)
{
	return b->family ? ppt__repair_live(word, b->lines) : 0;
}

/* Whether a descriptor speaks of what the page should be. */
static bool speaks_of(uint64_t desc, const struct ppt__believe *b)
{
	if (!b->family)
		return ppt__desc_hi(desc) == ppt__desc_meta();
	return ppt__desc_type(desc) == PPT__DESC_TABLE + b->level &&
	       ppt__desc_family(desc) == b->family->family;
}

static int epoch_of(const struct ppt__repair *r, const struct ppt__believe *b,
		    uint64_t desc)
{
	return b->family ? ppt__check_epoch(r->c, desc) : 0;
}

/* -------------------------------------------------------------- content -- */

/* What no valid table has, whatever other pages are. */
static void on_entry(struct ppt__check_table *t, enum ppt_problem_id id,
		     uint32_t slot, uint64_t entry)
{
	bool *fine = t->fixer;

	(void)slot;
	switch (id) {
	case PPT_PROBLEM_ENTRY_TARGET:
	case PPT_PROBLEM_ENTRY_LEVEL:
	case PPT_PROBLEM_ENTRY_HELD:
	case PPT_PROBLEM_LEAF_FREE:
	case PPT_PROBLEM_LEAF_GONE:
	case PPT_PROBLEM_ENTRY_WIDTH:
		return;
	case PPT_PROBLEM_LEAF_METADATA:
		/* A descriptor that says so may be what is damaged. */
		if (entry >= t->worker->check->pool->at.first_page)
			return;
		break;
	default:
		break;
	}
	*fine = false;
}

static bool plausible(struct ppt__repair *r, const struct ppt__believe *b,
		      const uint64_t *word, int epoch)
{
	bool fine = true;
	struct ppt__check_table t = {
		.worker = &r->c->worker[0],
		.word = word,
		.lines = b->lines,
		.page = b->page,
		.level = b->level,
		.epoch = epoch,
		.run_end = PPT__NO_RUN,
		.fix = on_entry,
		.fixer = &fine,
	};

	if (b->family)
		b->family->entries(&t);
	return fine;
}

/* -------------------------------------------------------------- damaged -- */

/* Which memory maps there are to choose from. */
static int epochs(const struct ppt__repair *r, const struct ppt__believe *b)
{
	return b->family ? (int)r->c->epochs : 1;
}

/* The checksum fits under an upper half that the page may have. */
static bool find_head(struct ppt__repair *r, const struct ppt__believe *b,
		      uint64_t desc, const uint64_t *word, int *epoch)
{
	uint32_t live = count_live(b, word);

	for (int e = epochs(r, b) - 1; e >= 0; e--) {
		if (crc_of(r, b, head(r, b, e, live), word) != (uint32_t)desc)
			continue;
		*epoch = e;
		return true;
	}
	return false;
}

/* What each bit of a word does to the checksum with a whole page behind it. */
struct flips {
	uint32_t raw[64];
	uint64_t filter[4]; /* a bit for each of them, by its upper 8 bits */
};

static void load_flips(struct flips *f, uint32_t family)
{
	__builtin_memset(f->filter, 0, sizeof(f->filter));
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t flip = ppt__canon(family, UINT64_C(1) << i);

		f->raw[i] = ppt__crc32c_shift(ppt__crc32c_word(0, flip),
					      PPT_PAGE_WORDS);
		ppt__check_set(f->filter, f->raw[i] >> 24);
	}
}

/* The lowest bit with that effect; 64: none. */
static uint32_t find_flip(const struct flips *f, uint32_t change)
{
	uint32_t i = 0;

	if (!ppt__check_bit(f->filter, change >> 24))
		return 64;
	while (i < 64 && f->raw[i] != change)
		i++;
	return i;
}

/*
 * The bit whose flip changes a checksum by @change.  Behind slot s there are
 * 511 - s words, so that s + 1 words of zeros make a page of them.
 * That an entry is cold and that it is not present are one bit to a checksum:
 * a mark that is there is what is wrong.
 */
static bool locate(uint32_t change, uint32_t family, const uint64_t *word,
		   uint32_t *slot, uint64_t *bit)
{
	const uint64_t cold = UINT64_C(1) << PPT__COLD_LG2;
	struct flips flips;

	load_flips(&flips, family);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint32_t i;

		change = ppt__crc32c_word(change, 0);
		i = find_flip(&flips, change);
		if (i == 64)
			continue;
		*slot = s;
		*bit = UINT64_C(1) << i;
		if (family != PPT__FAMILY_NONE && i == 0 && word[s] & cold)
			*bit = cold;
		return true;
	}
	return false;
}

/* One bit, of the page or of the checksum. */
static bool find_bit(struct ppt__repair *r, struct ppt__believe *b,
		     uint64_t desc, uint64_t *word, int *epoch)
{
	uint32_t change, slot;
	uint64_t bit;

	*epoch = epoch_of(r, b, desc);
	if (!speaks_of(desc, b) || *epoch < 0)
		return false;
	change = (uint32_t)desc ^ crc_of(r, b, ppt__desc_hi(desc), word);
	if (change & (change - 1)) {
		uint32_t family = b->family ? b->family->family :
					      PPT__FAMILY_NONE;

		if (!locate(change, family, word, &slot, &bit))
			return false;
		word[slot] ^= bit;
		b->lines = ppt__page_lines(word);
	}
	return (!b->family || count_live(b, word) == ppt__desc_live(desc)) &&
	       plausible(r, b, word, *epoch);
}

/* The memory map that the entries are under, if only one will do. */
static bool find_epoch(struct ppt__repair *r, const struct ppt__believe *b,
		       const uint64_t *word, int *epoch)
{
	int fits = 0;

	for (int e = 0; e < epochs(r, b); e++) {
		if (!plausible(r, b, word, e))
			continue;
		*epoch = e;
		fits++;
	}
	return fits == 1 || (fits > 1 && count_live(b, word) == 0);
}

bool ppt__repair_desc_valid(struct ppt__repair *r, uint32_t page, uint64_t desc)
{
	uint32_t hi = ppt__desc_hi(desc), seed = r->pool->seed;

	switch (ppt__desc_type(desc)) {
	case PPT__DESC_FREE:
	case PPT__DESC_FIXED:
	case PPT__DESC_DATA:
		return desc == ppt__desc_plain(seed, hi);
	default:
		return desc == ppt__desc_page(seed, page, hi,
					      ppt__check_page(r->c, page));
	}
}

static void load(const struct ppt__repair *r, struct ppt__believe *b,
		 uint64_t *word)
{
	__builtin_memcpy(word, ppt__check_page(r->c, b->page), PPT_PAGE_BYTES);
	b->lines = ppt__page_lines(word);
}

/* A page that is not what it should be. */
static enum ppt__belief load_bad(struct ppt__repair *r, struct ppt__believe *b,
				 uint64_t desc, uint64_t *word, int *epoch)
{
	bool garbled = r->garbled[b->page / PPT_PAGE_WORDS];

	load(r, b, word);
	if (!garbled && find_head(r, b, desc, word, epoch))
		return PPT__BELIEF_CORRECTED;
	if (!garbled && find_bit(r, b, desc, word, epoch))
		return PPT__BELIEF_CORRECTED;
	load(r, b, word);
	if (!garbled &&
	    (speaks_of(desc, b) || ppt__repair_desc_valid(r, b->page, desc)))
		return PPT__BELIEF_NONE;
	return find_epoch(r, b, word, epoch) ? PPT__BELIEF_ALONE :
					       PPT__BELIEF_NONE;
}

enum ppt__belief ppt__repair_load(struct ppt__repair *r, struct ppt__believe *b,
				  uint64_t *word, int *epoch)
{
	uint64_t desc = ppt__check_desc(r->c, b->page);

	load(r, b, word);
	*epoch = epoch_of(r, b, desc);
	if (speaks_of(desc, b) &&
	    crc_of(r, b, ppt__desc_hi(desc), word) == (uint32_t)desc)
		return *epoch < 0 ? PPT__BELIEF_NONE : PPT__BELIEF_GOOD;
	return load_bad(r, b, desc, word, epoch);
}

enum ppt__belief ppt__repair_look(struct ppt__repair *r, struct ppt__believe *b)
{
	uint64_t desc = ppt__check_desc(r->c, b->page);
	const uint64_t *word = ppt__check_page(r->c, b->page);
	int epoch = epoch_of(r, b, desc);

	b->lines = ppt__page_lines(word);
	if (speaks_of(desc, b) &&
	    crc_of(r, b, ppt__desc_hi(desc), word) == (uint32_t)desc)
		return epoch < 0 ? PPT__BELIEF_NONE : PPT__BELIEF_GOOD;
	return load_bad(r, b, desc, r->child, &epoch);
}

const uint64_t *ppt__repair_seen(struct ppt__repair *r, struct ppt__believe *b,
				 int *epoch)
{
	const uint64_t *word = ppt__check_page(r->c, b->page);

	*epoch = epoch_of(r, b, ppt__check_desc(r->c, b->page));
	b->lines = ppt__page_lines(word);
	return word;
}

/*
 * Descriptors of pages without content check themselves: where most of them
 * fail, the whole page of descriptors is not what was written there.
 */
void ppt__repair_garbled(struct ppt__repair *r)
{
	const uint64_t usual[3] = { r->pool->desc_free, r->pool->desc_data,
				    r->c->desc_fixed };
	uint32_t good = 0, bad = 0;

	for (uint64_t p = 0; p < r->pool->at.pages; p++) {
		uint64_t desc = ppt__check_desc(r->c, (uint32_t)p);
		uint32_t type = ppt__desc_type(desc);

		if (p % PPT_PAGE_WORDS == 0)
			good = bad = 0;
		if (ppt__repair_held(r, p))
			continue;
		if (desc == usual[0] || desc == usual[1] || desc == usual[2]) {
			good++; /* most, in no time */
		} else if (type <= PPT__DESC_TABLE && type != PPT__DESC_META) {
			if (desc ==
			    ppt__desc_plain(r->pool->seed, ppt__desc_hi(desc)))
				good++;
			else
				bad++;
		}
		r->garbled[p / PPT_PAGE_WORDS] = bad > good;
	}
}
