/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * images_lost.c - whole lines and pages that are gone, and damage in more than
 * one place.
 *
 * Layer: tests.
 */
#include "images.h"

static void zero_page(struct specimen *i, uint64_t page)
{
	memset(specimen_word(i, page, 0), 0, PPT_PAGE_BYTES);
}

/* Descriptors of [page, page + n). */
static void zero_descs(struct specimen *i, uint64_t page, uint64_t n)
{
	memset(specimen_desc(i, page), 0, n * 8);
}

static uint32_t table(const struct specimen *i, uint32_t level)
{
	return specimen_table(i, SPACE, VA, level);
}

static void lost_superblock_a(struct specimen *i, struct with *w)
{
	zero_page(i, 0);
}

static void lost_superblock_b(struct specimen *i, struct with *w)
{
	zero_page(i, 1);
}

static void lost_ring(struct specimen *i, struct with *w)
{
	for (uint32_t p = 0; p < i->at.journal_pages; p++)
		zero_page(i, i->at.journal_page + p);
	*specimen_word(i, 0, PPT_M_TAIL_WORD) ^= 1;
}

static void lost_tails(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		*specimen_word(i, s, PPT_M_TAIL_WORD) ^= 1;
}

static void lost_descriptors(struct specimen *i, struct with *w)
{
	zero_page(i, i->at.desc_page);
}

static void lost_descriptor_line(struct specimen *i, struct with *w)
{
	zero_descs(i, table(i, 1) & ~7u, 8);
}

static void lost_directory(struct specimen *i, struct with *w)
{
	zero_page(i, i->at.dir_page);
}

static void lost_second_directory(struct specimen *i, struct with *w)
{
	zero_page(i, *specimen_word(i, i->at.dir_page, 0));
}

static void lost_directory_line(struct specimen *i, struct with *w)
{
	memset(specimen_word(i, i->at.dir_page, 8), 0, PPT_LINE_BYTES);
}

static void lost_reclaim(struct specimen *i, struct with *w)
{
	zero_page(i, i->at.reclaim_page);
}

static void lost_root(struct specimen *i, struct with *w)
{
	zero_page(i, table(i, 4));
}

static void lost_level_3(struct specimen *i, struct with *w)
{
	zero_page(i, table(i, 3));
}

static void lost_level_2(struct specimen *i, struct with *w)
{
	zero_page(i, table(i, 2));
}

static void lost_level_1(struct specimen *i, struct with *w)
{
	zero_page(i, table(i, 1));
}

static void lost_table_line(struct specimen *i, struct with *w)
{
	memset(specimen_word(i, table(i, 1), 0), 0, PPT_LINE_BYTES);
}

static void bit_of_table(struct specimen *i, struct with *w)
{
	*specimen_word(i, table(i, 2), 333) ^= UINT64_C(1) << 40;
}

static void bits_of_table(struct specimen *i, struct with *w)
{
	*specimen_word(i, table(i, 2), 333) ^= UINT64_C(5) << 40;
}

static void bit_of_checksum(struct specimen *i, struct with *w)
{
	*specimen_desc(i, table(i, 2)) ^= 1u << 9;
}

static void head_of_descriptor(struct specimen *i, struct with *w)
{
	*specimen_desc(i, table(i, 3)) ^= UINT64_C(0xfff) << 40;
}

static void bit_of_directory(struct specimen *i, struct with *w)
{
	*specimen_word(i, i->at.dir_page, 8 + 4) ^= 0x20;
}

static void bit_of_reclaim(struct specimen *i, struct with *w)
{
	*specimen_word(i, i->at.reclaim_page, 100) ^= 1u << 13;
}

static void swapped_tables(struct specimen *i, struct with *w)
{
	uint32_t a = table(i, 1);
	uint32_t b = specimen_table(i, SPACE, EVERYTHING_VA_HIGH, 1);
	uint64_t keep[PPT_PAGE_WORDS];

	memcpy(keep, specimen_word(i, a, 0), PPT_PAGE_BYTES);
	memcpy(specimen_word(i, a, 0), specimen_word(i, b, 0), PPT_PAGE_BYTES);
	memcpy(specimen_word(i, b, 0), keep, PPT_PAGE_BYTES);
}

static void everywhere(struct specimen *i, struct with *w)
{
	lost_superblock_a(i, w);
	lost_level_1(i, w);
	bit_of_directory(i, w);
	lost_reclaim(i, w);
	*specimen_desc(i, a_free(i)) ^= 1;
}

static void middle_of_the_ring(struct specimen *i, struct with *w)
{
	uint64_t n = i->journal_bytes / PPT_LINE_BYTES;
	uint64_t line = i->tail + (i->end - i->tail) / 2;

	specimen_word(i, i->at.journal_page, 0)[line % n * 8] ^= 1;
}

static const struct image_case cases[] = {
	CLEAN(SUPERBLOCK_COPY, lost_superblock_a),
	CLEAN(SUPERBLOCK_COPY, lost_superblock_b),
	CLEAN(JOURNAL_TAIL, lost_ring),
	LIVE(JOURNAL_TAILS, lost_tails),
	LIVE(JOURNAL_RECORD, middle_of_the_ring),
	CLEAN(DESC_TYPE, lost_descriptors),
	CLEAN(DESC_TYPE, lost_descriptor_line),
	CLEAN(DIRECTORY_CHECKSUM, lost_directory),
	CLEAN(DIRECTORY_CHECKSUM, lost_second_directory),
	CLEAN(DIRECTORY_CHECKSUM, lost_directory_line),
	CLEAN(RECLAIM_CHECKSUM, lost_reclaim),
	CLEAN(TABLE_CHECKSUM, lost_root),
	CLEAN(TABLE_CHECKSUM, lost_level_3),
	CLEAN(TABLE_CHECKSUM, lost_level_2),
	AT(TABLE_CHECKSUM, lost_level_1, VA),
	AT(TABLE_CHECKSUM, lost_table_line, VA),
	LIVE(TABLE_CHECKSUM, bit_of_table),
	LIVE(TABLE_CHECKSUM, bits_of_table),
	CLEAN(TABLE_CHECKSUM, bit_of_checksum),
	CLEAN(TABLE_CHECKSUM, head_of_descriptor),
	CLEAN(DIRECTORY_CHECKSUM, bit_of_directory),
	CLEAN(RECLAIM_CHECKSUM, bit_of_reclaim),
	CLEAN(TABLE_CHECKSUM, swapped_tables),
	CLEAN(SUPERBLOCK_COPY, everywhere),
	{ "lost_descriptors_epochs", PPT_PROBLEM_DESC_TYPE, lost_descriptors,
	  EVERYTHING_EPOCHS, 1 },
	{ "lost_directory_live", PPT_PROBLEM_DIRECTORY_CHECKSUM,
	  lost_second_directory, EVERYTHING_LIVE, 1 },
};

const struct image_cases images_lost = IMAGE_CASES(cases);
