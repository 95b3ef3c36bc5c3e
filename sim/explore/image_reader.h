/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_reader.h - the inside of image_read and image_journal.
 *
 * Layer: sim.  Offsets and bits are those of docs/FORMAT.md.
 *
 *   image_pool.c    superblocks, geometry, memory map
 *   image_walk.c    tables and their entries
 *   image_read.c    directory, reclaim list, descriptors
 *   image_journal.c the live ring
 *   image_find.c    where something is, to damage it
 */
#ifndef SIM_EXPLORE_IMAGE_READER_H
#define SIM_EXPLORE_IMAGE_READER_H

#include "sim/explore/crc.h"
#include "sim/explore/image.h"

#define DESC_FREE 1u
#define DESC_FIXED 2u
#define DESC_META 3u
#define DESC_DATA 4u
#define DESC_TABLE 8u

/* Entries that are not present: tables, and leaves whose memory is gone. */
#define IMAGE_COLD (UINT64_C(1) << 9)
#define IMAGE_LOST (UINT64_C(1) << 10)
#define IMAGE_ZERO (UINT64_C(1) << 11)

#define IMAGE_EPOCHS 4u

/* Directory. */
#define IMAGE_DIR_PAGES_MAX 1024u
#define IMAGE_DIR_WORDS 8u /* of an entry */
#define IMAGE_DIR_ROOT 1u
#define IMAGE_DIR_NAME 4u

#define IMAGE_ADDRESS UINT64_C(0x000ffffffffff000)

/* What leads to a page. */
enum image_use {
	USE_NONE, /* nothing, or leaves: see refs */
	USE_FIXED,
	USE_META,
	USE_TABLE,
	USE_EXTENT, /* of the reclaim list */
};

/**
 * struct image_pool - what the superblock that counts says.
 * @regions: the present ones.
 */
struct image_pool {
	uint64_t pages;
	uint32_t journal_page;
	uint32_t journal_pages;
	uint32_t desc_page;
	uint32_t desc_pages;
	uint32_t dir_page;
	uint32_t reclaim_page;
	uint32_t first_page;
	uint32_t epoch;
	uint32_t epoch_oldest;
	uint32_t seed;
	struct ppt_memory_map *regions;
	struct ppt_memory_map at[IMAGE_EPOCHS]; /* by epoch modulo 4 */
};

/**
 * struct image_reader - one image_read.
 * @desc_share: the descriptor of a data page with that share count.
 * @map:        where leaves go; NULL for what is on the reclaim list.
 * @counts:     leaves are references to frames.
 * @last:       the region where a frame was found last.
 */
struct image_reader {
	const struct image_view *view;
	const uint64_t *media;
	struct image *out;
	struct why *why;
	bool settled;
	struct image_pool pool;
	uint64_t desc_free;
	uint64_t desc_fixed;
	uint64_t desc_share1;
	struct ext_list *map;
	bool counts;
	uint32_t last;
	uint64_t hash;
	uint8_t use[IMAGE_PAGES_MAX];
	uint32_t refs[IMAGE_PAGES_MAX];
};

static inline uint64_t image_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static inline uint64_t image_plain_desc(uint32_t seed, uint64_t hi)
{
	return hi << 32 | (uint32_t)~crc_word(seed, hi);
}

/* The descriptor of a page. */
static inline uint64_t image_desc(const struct image_reader *r, uint32_t page)
{
	uint64_t word = (uint64_t)r->pool.desc_page * PPT_PAGE_WORDS + page;

	image_need(r->view, word, 1);
	return r->media[word];
}

/*
 * The superblock that counts.  @regions: for its memory map.
 * 0, or -1: there is none.
 */
int image_superblock(const struct image_view *view, struct image_pool *pool,
		     struct ppt_memory_map *regions, struct why *why);

/* The memory map of an epoch modulo 16, or NULL. */
const struct ppt_memory_map *image_map_of(const struct image_pool *p,
					  uint32_t epoch);

/*
 * Claim a page that is to be a table or metadata and compare it with its
 * descriptor.  @keep: the bits that count; *@live: its lines that are not
 * empty.
 */
int image_claim(struct image_reader *r, uint32_t page, enum image_use use,
		uint64_t desc, uint64_t keep, uint64_t *live);

/* A tree of tables from @page down, which is of @level. */
int image_tree(struct image_reader *r, uint32_t page, unsigned level);

#endif
