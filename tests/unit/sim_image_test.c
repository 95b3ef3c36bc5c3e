/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_image_test.c - the simulator's eyes: the reader of images.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/sim_bench.h"
#include "sim/explore/crc.h"

#define ADDRESS UINT64_C(0x000ffffffffff000)

static struct bench bench;

static int set_up(void **state)
{
	*state = &bench;
	bench_make(&bench, PPT_ATTACH_NO_MMU);
	return 0;
}

static int tear_down(void **state)
{
	bench_drop(*state);
	return 0;
}

static void expect_bad(struct bench *b, const char *what)
{
	struct image_view view = bench_view(b, b->copy);
	struct image image = { 0 };
	struct why why;

	if (!image_read(&view, false, &image, &why))
		fail_msg("%s: not noticed", what);
	image_free(&image);
}

static uint64_t *word_of(struct bench *b, uint64_t page, unsigned slot)
{
	return &b->copy[page * PPT_PAGE_WORDS + slot];
}

static uint64_t *desc_of(struct bench *b, uint64_t page)
{
	return word_of(b, BENCH_DESC_PAGE, (unsigned)page);
}

static uint32_t seed_of(const struct bench *b)
{
	crc_init();
	return crc_words(UINT32_MAX, b->copy + 40 / 8, 2);
}

/* A page's checksum as it should be, for a given upper half. */
static void seal(struct bench *b, uint64_t page, uint64_t hi)
{
	uint64_t live;
	uint32_t raw = crc_word(seed_of(b), hi << 32 | page);

	raw = crc_lines(raw, word_of(b, page, 0), 64, ~UINT64_C(0x60), 512,
			&live);
	*desc_of(b, page) = hi << 32 | (uint32_t)~raw;
}

static void seal_plain(struct bench *b, uint64_t page, uint64_t hi)
{
	*desc_of(b, page) = hi << 32 | (uint32_t)~crc_word(seed_of(b), hi);
}

/* The first page whose descriptor has this type. */
static uint64_t page_of_type(struct bench *b, unsigned type)
{
	for (uint64_t p = BENCH_FIRST_PAGE; p < b->bytes / PPT_PAGE_BYTES; p++)
		if ((*desc_of(b, p) >> 32 & 15) == type)
			return p;
	fail_msg("no page of type %u", type);
	return 0;
}

static void fresh(struct bench *b)
{
	memcpy(b->copy, b->base, b->bytes);
}

static void image_read__any_bit_of_an_entry_is_noticed(void **state)
{
	struct bench *b = *state;

	for (unsigned type = 9; type <= 13; type++)
		for (unsigned bit = 0; bit < 64; bit++) {
			unsigned slot = 0;
			uint64_t page;

			fresh(b);
			page = page_of_type(b, type);
			while (!*word_of(b, page, slot))
				slot++;
			*word_of(b, page, slot) ^= UINT64_C(1) << bit;
			if (bit != 5 && bit != 6)
				expect_bad(b, "bit of an entry");
			/* and an entry that was empty */
			fresh(b);
			while (*word_of(b, page, slot))
				slot++;
			*word_of(b, page, slot) ^= UINT64_C(1) << bit;
			expect_bad(b, "bit of an empty entry");
		}
}

static void image_read__accessed_and_dirty_bits_are_ignored(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);
	uint64_t page, hash;

	fresh(b);
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	hash = b->image.hash;
	for (page = BENCH_FIRST_PAGE; page < 256; page++)
		for (unsigned i = 0; i < PPT_PAGE_WORDS; i++)
			if ((*desc_of(b, page) >> 32 & 15) > 8 &&
			    *word_of(b, page, i))
				*word_of(b, page, i) |= 0x60;
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	assert_int_equal(b->image.hash, hash);
	assert_true(world_matches(&b->state, NULL, &b->image, &view, &b->why));
}

/* As docs/FORMAT.md has it; what the library reads is the same. */
static void image_read__shutdown_record_is_no_matter(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);
	uint64_t record[3] = { 0x123456789abcdef0, 77, UINT64_C(2) << 32 };
	struct ppt_geometry g;
	uint64_t hash;

	fresh(b);
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	hash = b->image.hash;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t *sb = word_of(b, i, 0);

		sb[24 / 8] |= 1; /* ro_compat */
		sb[1] &= UINT32_MAX;
		sb[1] |= (uint64_t)(uint32_t)~crc_words(UINT32_MAX, sb, 504)
			 << 32;
	}
	record[2] |= (uint32_t)~crc_words(seed_of(b), record, 3);
	memcpy(word_of(b, 0, 506), record, sizeof(record));
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	assert_int_equal(b->image.hash, hash);
	assert_int_equal(ppt_probe(b->copy, b->bytes, &g, NULL), 0);
	assert_int_equal(g.usc.state, PPT_USC_IN_USE);
	assert_int_equal(g.usc.device, record[0]);
	assert_int_equal(g.usc.count, record[1]);
}

static void image_read__any_bit_of_a_descriptor_is_noticed(void **state)
{
	struct bench *b = *state;

	for (unsigned page = 0; page < PPT_PAGE_WORDS; page++) {
		fresh(b);
		*desc_of(b, page) ^= UINT64_C(1) << (page * 7) % 64;
		expect_bad(b, "bit of a descriptor");
	}
}

static void image_read__any_bit_of_metadata_is_noticed(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < 2 * PPT_PAGE_WORDS; i++) {
		fresh(b);
		*word_of(b, BENCH_DIR_PAGE, i) ^= UINT64_C(1) << (i * 5) % 64;
		expect_bad(b, "bit of the directory or the reclaim list");
	}
}

static void image_read__checksum_alone_is_not_enough(void **state)
{
	struct bench *b = *state;
	unsigned slot = 0;
	uint64_t page, desc;

	/* bits that no entry has, under a right checksum */
	for (unsigned bit = 0; bit < 64; bit++) {
		if (bit == 1 || bit == 2 || bit == 8 || bit == 63 || bit == 5 ||
		    bit == 6 || (bit >= 12 && bit < 44))
			continue;
		fresh(b);
		page = page_of_type(b, 9);
		while (!*word_of(b, page, slot))
			slot++;
		*word_of(b, page, slot) ^= UINT64_C(1) << bit;
		seal(b, page, *desc_of(b, page) >> 32);
		expect_bad(b, "bit of a leaf");
	}
	/* counts, epoch, family, level of a table */
	for (unsigned bit = 32; bit < 64; bit++) {
		fresh(b);
		desc = *desc_of(b, page_of_type(b, 10));
		page = page_of_type(b, 10);
		seal(b, page, (desc ^ UINT64_C(1) << bit) >> 32);
		expect_bad(b, "descriptor of a table");
	}
}

static void image_read__share_counts_are_compared(void **state)
{
	struct bench *b = *state;

	for (uint64_t p = BENCH_FIRST_PAGE; p < b->bytes / PPT_PAGE_BYTES; p++)
		for (int add = -1; add <= 1; add += 2) {
			uint64_t hi;

			fresh(b);
			hi = *desc_of(b, p) >> 32;
			if ((hi & 15) != 4)
				continue;
			seal_plain(b, p, hi + ((uint64_t)(int64_t)add << 10));
			expect_bad(b, add < 0 ? "share too low" :
						"share too high");
		}
}

static void image_read__lost_pages_are_noticed(void **state)
{
	struct bench *b = *state;
	static const uint64_t hi[] = { 4 | 1 << 10, 3, 2, 9 | 1 << 4 | 1 << 20,
				       0 };

	for (unsigned i = 0; i < sizeof(hi) / sizeof(hi[0]); i++) {
		uint64_t page;

		fresh(b);
		page = page_of_type(b, 1);
		seal_plain(b, page, hi[i]);
		expect_bad(b, "a page that nothing leads to");
		seal(b, page, hi[i]);
		expect_bad(b, "a page that nothing leads to");
	}
}

static void image_read__table_with_two_owners_is_noticed(void **state)
{
	struct bench *b = *state;
	unsigned slot = 0;
	uint64_t page, hi;

	fresh(b);
	page = page_of_type(b, 10);
	while (!(*word_of(b, page, slot) & 1) || *word_of(b, page, slot) & 0x80)
		slot++;
	*word_of(b, page, 509) = *word_of(b, page, slot);
	hi = (*desc_of(b, page) >> 32) + (1 << 10);
	seal(b, page, hi);
	expect_bad(b, "a table with two owners");
	/* an entry that leads up again */
	fresh(b);
	*word_of(b, page, 509) =
		(*word_of(b, page, slot) & ~ADDRESS) |
		(b->state.o.regions.region[0].base + page * PPT_PAGE_BYTES);
	seal(b, page, hi);
	expect_bad(b, "a table that leads to itself");
}

static void image_read__one_superblock_is_enough(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);

	for (unsigned i = 0; i < 2; i++) {
		fresh(b);
		*word_of(b, i, 40) ^= 1;
		if (image_read(&view, true, &b->image, &b->why))
			fail_msg("%s", b->why.text);
		*word_of(b, 1 - i, 100) ^= 1;
		expect_bad(b, "two bad superblocks");
	}
}

/* Whatever is in the image: an answer, and no access outside. */
static void image_read__survives_noise(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);
	struct rng r = { .state = 4711 };
	struct image image = { 0 };
	struct why why;

	for (unsigned i = 0; i < 3000 / TEST_SHARE; i++) {
		fresh(b);
		for (uint64_t k = rng_below(&r, 8) + 1; k; k--) {
			uint64_t page = BENCH_DESC_PAGE + rng_below(&r, 60);
			unsigned slot = (unsigned)rng_below(&r, 512);

			*word_of(b, page, slot) =
				*word_of(b, BENCH_DESC_PAGE + rng_below(&r, 60),
					 (unsigned)rng_below(&r, 512));
			if (rng_once_in(&r, 2) && page > BENCH_DESC_PAGE)
				seal(b, page, *desc_of(b, page) >> 32);
		}
		(void)image_read(&view, false, &image, &why);
	}
	image_free(&image);
}

struct decider {
	uint8_t *open;
	uint64_t *media;
	const uint64_t *truth;
	uint64_t calls;
};

static void decide(void *ctx, uint64_t word, uint64_t n)
{
	struct decider *d = ctx;

	d->calls++;
	for (; n; n--, word++) {
		d->open[word / 8] &= (uint8_t) ~(1u << word % 8);
		d->media[word] = d->truth[word];
	}
}

/* Everything undecided: what is not needed stays so. */
static void image_read__decides_only_what_it_reads(void **state)
{
	struct bench *b = *state;
	struct decider d = { .media = b->copy, .truth = b->base };
	struct image_view view = bench_view(b, b->copy);
	uint64_t left = 0;

	d.open = bench_memory(b->bytes / 64);
	memset(d.open, 0xff, b->bytes / 64);
	memset(b->copy, 0xde, b->bytes);
	view.open = d.open;
	view.decide = decide;
	view.ctx = &d;
	if (image_read(&view, true, &b->image, &b->why) ||
	    !world_matches(&b->state, NULL, &b->image, &view, &b->why))
		fail_msg("%s", b->why.text);
	for (uint64_t i = 0; i < b->bytes / 64; i++) {
		uint64_t page = i / 64;
		unsigned type;

		left += d.open[i] == 0xff;
		if (page < BENCH_FIRST_PAGE)
			continue;
		type = *desc_of(b, page) >> 32 & 15;
		assert_int_equal(d.open[i], type == 1 ? 0xff : 0);
	}
	assert_true(left > b->bytes / 64 / 2);
	free(d.open);
}

/* ------------------------------------------------------------- journal -- */

struct journal {
	uint64_t *media; /* set */
	uint64_t last;
	uint64_t count;
};

static void replay(void *ctx, uint64_t word, uint64_t value)
{
	struct journal *j = ctx;

	assert_true(j->count == 0 || word > j->last);
	j->last = word;
	j->count++;
	j->media[word] = value;
}

/* Nothing but the journal since the start: replaying it gives the image. */
static void image_journal__is_what_changed(void **state)
{
	static const char *const names[] = { "map1",  "map512",    "maptables",
					     "txn",   "unmapfree", "mapnew",
					     "split", "relaxed" };
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->media);

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned r = (unsigned)bench_row(names[i]);
		struct journal j = { .media = b->copy };

		assert_int_equal(bench_run(b, &r, 1), 0);
		memcpy(b->copy, b->from->words, b->bytes);
		assert_int_equal(image_journal(&view, replay, &j, &b->why), 0);
		assert_true(j.count >= 2);
		memcpy(b->copy, b->media, BENCH_DESC_PAGE * PPT_PAGE_BYTES);
		for (uint64_t p = BENCH_DESC_PAGE; p < 256; p++)
			if ((*desc_of(b, p) >> 32 & 15) != 1 &&
			    (*desc_of(b, p) >> 32 & 15) != 4)
				assert_memory_equal(word_of(b, p, 0),
						    b->media + p * 512, 4096);
	}
}

static void image_journal__of_a_clean_pool_is_empty(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);
	struct journal j = { .media = b->media };

	fresh(b);
	assert_int_equal(image_journal(&view, replay, &j, &b->why), 0);
	assert_int_equal(j.count, 0);
	*word_of(b, 0, BENCH_TAIL_WORD) ^= 1;
	assert_int_equal(image_journal(&view, replay, &j, &b->why), 0);
	*word_of(b, 1, BENCH_TAIL_WORD) ^= 1;
	assert_int_not_equal(image_journal(&view, replay, &j, &b->why), 0);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(image_read__any_bit_of_an_entry_is_noticed),
		TEST(image_read__accessed_and_dirty_bits_are_ignored),
		TEST(image_read__shutdown_record_is_no_matter),
		TEST(image_read__any_bit_of_a_descriptor_is_noticed),
		TEST(image_read__any_bit_of_metadata_is_noticed),
		TEST(image_read__checksum_alone_is_not_enough),
		TEST(image_read__share_counts_are_compared),
		TEST(image_read__lost_pages_are_noticed),
		TEST(image_read__table_with_two_owners_is_noticed),
		TEST(image_read__one_superblock_is_enough),
		TEST(image_read__survives_noise),
		TEST(image_read__decides_only_what_it_reads),
		TEST(image_journal__is_what_changed),
		TEST(image_journal__of_a_clean_pool_is_empty),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
