/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors: one word for every page of the pool.  Layer: format.
 *
 *   bits 0-31   CRC32C, see below
 *   bits 32-35  type: PPT__DESC_…, or 8 + level of a table
 *   bits 36-37  tables: family of the format (PPT__FAMILY_…)
 *   bits 38-41  tables: epoch % 16 of the memory map it was written under
 *   bits 42-51  tables: entries that are not 0
 *   bits 52-63  tables: share count
 *   bits 42-63  data: share count
 *
 * The checksum of a table or metadata page covers the pool's UUID, the page's
 * index, the upper half of its descriptor and the page in canonical form; that
 * of any other page covers the UUID and the upper half, so that neighbours of
 * one kind have equal descriptors and are set by one run.
 */
#ifndef PPTABLE_FORMAT_DESC_H
#define PPTABLE_FORMAT_DESC_H

#include <pptable/types.h>

#include "format/crc32c.h"

enum ppt__desc_type {
	PPT__DESC_FREE = 1,
	PPT__DESC_FIXED = 2, /* superblocks, journal, descriptors */
	PPT__DESC_META = 3,  /* directory, reclaim list */
	PPT__DESC_DATA = 4,
	PPT__DESC_TABLE = 8, /* + level, 1 to 5 */
};

#define PPT__DESC_DATA_SHARE_MAX ((UINT32_C(1) << 22) - 1u)

/* Upper half, field by field. */
static inline uint32_t ppt__desc_table(uint32_t level, uint32_t family,
				       uint32_t epoch, uint32_t live,
				       uint32_t share)
{
	return (PPT__DESC_TABLE + level) | family << 4 | (epoch & 15u) << 6 |
	       live << 10 | share << 20;
}

static inline uint32_t ppt__desc_meta(void)
{
	return PPT__DESC_META;
}

static inline uint32_t ppt__desc_data(uint32_t share)
{
	return PPT__DESC_DATA | share << 10;
}

static inline uint32_t ppt__desc_hi(uint64_t desc)
{
	return (uint32_t)(desc >> 32);
}

static inline uint32_t ppt__desc_type(uint64_t desc)
{
	return ppt__desc_hi(desc) & 15u;
}

static inline bool ppt__desc_is_table(uint64_t desc)
{
	return ppt__desc_type(desc) > PPT__DESC_TABLE;
}

/* 0 for what is not a table. */
static inline uint32_t ppt__desc_level(uint64_t desc)
{
	return ppt__desc_is_table(desc) ? ppt__desc_type(desc) & 7u : 0;
}

static inline uint32_t ppt__desc_family(uint64_t desc)
{
	return ppt__desc_hi(desc) >> 4 & 3u;
}

static inline uint32_t ppt__desc_epoch(uint64_t desc)
{
	return ppt__desc_hi(desc) >> 6 & 15u;
}

static inline uint32_t ppt__desc_live(uint64_t desc)
{
	return ppt__desc_hi(desc) >> 10 & 0x3ffu;
}

static inline uint32_t ppt__desc_share(uint64_t desc)
{
	if (ppt__desc_type(desc) == PPT__DESC_DATA)
		return ppt__desc_hi(desc) >> 10;
	return ppt__desc_hi(desc) >> 20;
}

/* The CRC's start for a pool: raw, after its UUID. */
static inline uint32_t ppt__seed(const uint8_t uuid[16])
{
	uint64_t w[2];

	__builtin_memcpy(w, uuid, sizeof(w));
	return ppt__crc32c_word(ppt__crc32c_word(UINT32_MAX, w[0]), w[1]);
}

/* A whole descriptor of a page without content of its own. */
static inline uint64_t ppt__desc_plain(uint32_t seed, uint32_t hi)
{
	return (uint64_t)hi << 32 | (uint32_t)~ppt__crc32c_word(seed, hi);
}

/* A whole descriptor of a table or metadata page with @word as content. */
static inline uint64_t ppt__desc_page(uint32_t seed, uint32_t page, uint32_t hi,
				      const uint64_t *word)
{
	uint32_t raw = ppt__crc32c_word(seed, (uint64_t)hi << 32 | page);

	raw = ppt__crc32c_words(raw, word, PPT_PAGE_WORDS, hi >> 4 & 3u);
	return (uint64_t)hi << 32 | (uint32_t)~raw;
}

/* The same, @lines being those of ppt__page_lines. */
static inline uint64_t ppt__desc_lines(uint32_t seed, uint32_t page,
				       uint32_t hi, const uint64_t *word,
				       uint64_t lines)
{
	uint32_t raw = ppt__crc32c_word(seed, (uint64_t)hi << 32 | page);

	raw = ppt__crc32c_lines(raw, word, lines, hi >> 4 & 3u);
	return (uint64_t)hi << 32 | (uint32_t)~raw;
}

/* The same for a page of zeros, from the head of the message alone. */
static inline uint64_t ppt__desc_zero_page(uint32_t seed, uint32_t page,
					   uint32_t hi)
{
	uint32_t raw = ppt__crc32c_word(seed, (uint64_t)hi << 32 | page);

	raw = ppt__crc32c_shift(raw, PPT_PAGE_WORDS);
	return (uint64_t)hi << 32 | (uint32_t)~raw;
}

/*
 * The descriptor after @n words from @slot on changed by @delta (raw, from 0)
 * and its upper half became @hi; the page itself is not read.
 */
static inline uint64_t ppt__desc_update(uint64_t desc, uint32_t hi,
					uint32_t slot, uint32_t n,
					uint32_t delta)
{
	uint32_t head = hi ^ ppt__desc_hi(desc);
	uint32_t crc = (uint32_t)desc;

	crc ^= ppt__crc32c_shift(delta, PPT_PAGE_WORDS - slot - n);
	return (uint64_t)hi << 32 | (crc ^ ppt__crc32c_head(head));
}

#endif
