/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_pool.c - superblocks, geometry and the memory map of an image.
 *
 * Layer: sim.
 */
#include "sim/explore/image_reader.h"

#include <string.h>

#define SB_LINES 63u
#define SB_WORDS (SB_LINES * 8u)
#define MAGIC UINT64_C(0x31656c6261747070)
#define VERSION 1u
#define EPOCHS IMAGE_EPOCHS
#define PA_END (UINT64_C(1) << 52)

/* Offsets in a superblock. */
enum {
	AT_VERSION = 8,
	AT_CRC = 12,
	AT_INCOMPAT = 32,
	AT_UUID = 40,
	AT_GENERATION = 56,
	AT_POOL_BYTES = 64,
	AT_JOURNAL_PAGE = 72,
	AT_JOURNAL_PAGES = 76,
	AT_DESC_PAGE = 80,
	AT_DESC_PAGES = 84,
	AT_DIR_PAGE = 88,
	AT_RECLAIM_PAGE = 92,
	AT_FIRST_PAGE = 96,
	AT_SLOT = 100,
	AT_EPOCH = 104,
	AT_EPOCH_OLDEST = 108,
	AT_EPOCHS_COLD = 116,
	AT_REGION_COUNT = 112,
	AT_REGION = 256,
	REGION_BYTES = 88,
	AT_REGION_KIND = 16,
	AT_REGION_PLACE = 24,
	PLACE_BYTES = 16,
};

static uint32_t get32(const uint64_t *sb, unsigned at)
{
	return (uint32_t)(sb[at / 8] >> at % 8 * 8);
}

static uint32_t checksum(const uint64_t *sb)
{
	uint64_t first[8];
	uint64_t live;
	uint32_t raw;

	memcpy(first, sb, sizeof(first));
	first[AT_CRC / 8] &= UINT32_MAX;
	raw = crc_words(UINT32_MAX, first, 8);
	return ~crc_lines(raw, sb + 8, SB_LINES - 1, UINT64_MAX, 0, &live);
}

/* The geometry is the one that follows from the two sizes. */
static bool geometry_ok(const uint64_t *sb)
{
	uint64_t bytes = sb[AT_POOL_BYTES / 8];
	uint64_t ring = (uint64_t)get32(sb, AT_JOURNAL_PAGES) * PPT_PAGE_BYTES;
	uint64_t pages = bytes / PPT_PAGE_BYTES;
	uint64_t desc_pages = (pages + 511) / 512;
	uint64_t desc_page = 2 + ring / PPT_PAGE_BYTES;

	if (bytes < PPT_POOL_BYTES_MIN || bytes > PPT_POOL_BYTES_MAX ||
	    bytes % PPT_PAGE_BYTES)
		return false;
	if (ring < PPT_JOURNAL_BYTES_MIN || ring > PPT_JOURNAL_BYTES_MAX ||
	    ring & (ring - 1))
		return false;
	return get32(sb, AT_JOURNAL_PAGE) == 2 &&
	       get32(sb, AT_DESC_PAGE) == desc_page &&
	       get32(sb, AT_DESC_PAGES) == desc_pages &&
	       get32(sb, AT_DIR_PAGE) == desc_page + desc_pages &&
	       get32(sb, AT_RECLAIM_PAGE) == desc_page + desc_pages + 1 &&
	       get32(sb, AT_FIRST_PAGE) == desc_page + desc_pages + 2 &&
	       desc_page + desc_pages + 2 < pages;
}

/* Word @at of region @i, or of its place at an epoch. */
static uint64_t region_word(const uint64_t *sb, uint32_t i, unsigned at)
{
	return sb[(AT_REGION + i * REGION_BYTES + at) / 8];
}

static uint64_t place_at(const uint64_t *sb, uint32_t i, uint32_t epoch,
			 unsigned word)
{
	return region_word(sb, i,
			   AT_REGION_PLACE + epoch % EPOCHS * PLACE_BYTES +
				   word * 8);
}

static uint64_t place_word(const uint64_t *sb, uint32_t i, unsigned word)
{
	return place_at(sb, i, get32(sb, AT_EPOCH), word);
}

/* What is wrong with the copy in page @slot, or NULL. */
static const char *fault(const uint64_t *sb, uint32_t slot)
{
	uint32_t count;

	if (sb[0] != MAGIC)
		return "magic";
	if (get32(sb, AT_VERSION) != VERSION)
		return "version";
	if (get32(sb, AT_CRC) != checksum(sb))
		return "checksum";
	if (sb[AT_INCOMPAT / 8])
		return "unknown feature";
	if (get32(sb, AT_SLOT) != slot)
		return "misplaced";
	if (!geometry_ok(sb))
		return "geometry";
	count = get32(sb, AT_REGION_COUNT);
	if (!count || count > PPT_REGIONS_MAX)
		return "count of regions";
	if (get32(sb, AT_EPOCH) - get32(sb, AT_EPOCH_OLDEST) >= EPOCHS)
		return "epochs";
	if (get32(sb, AT_EPOCHS_COLD))
		return "DRAM was never lost";
	if ((uint32_t)region_word(sb, 0, AT_REGION_KIND) != PPT_REGION_POOL ||
	    place_word(sb, 0, 1) != sb[AT_POOL_BYTES / 8])
		return "the pool's own region";
	return NULL;
}

static bool overlap(const struct ppt_region *a, const struct ppt_region *b)
{
	return a->base < b->base + b->len && b->base < a->base + a->len;
}

static int read_regions(const uint64_t *sb, uint32_t epoch,
			struct ppt_memory_map *map, struct why *why)
{
	map->count = get32(sb, AT_REGION_COUNT);
	for (uint32_t i = 0; i < map->count; i++) {
		struct ppt_region *region = &map->region[i];

		memcpy(region->uuid.b, sb + (AT_REGION + i * REGION_BYTES) / 8,
		       16);
		region->kind = (uint32_t)region_word(sb, i, AT_REGION_KIND);
		region->base = place_at(sb, i, epoch, 0);
		region->len = place_at(sb, i, epoch, 1);
		if (i && !region->len && !region->base)
			continue; /* gone */
		if (!region->len || region->len % PPT_PAGE_BYTES ||
		    region->base % PPT_PAGE_BYTES || region->base >= PA_END ||
		    region->len > PA_END - region->base ||
		    (region->kind == PPT_REGION_POOL) != (i == 0))
			return why_set(why, "superblock: region %u", i);
		for (uint32_t k = 0; k < i; k++)
			if (overlap(region, &map->region[k]) ||
			    !memcmp(&region->uuid, &map->region[k].uuid, 16))
				return why_set(why,
					       "superblock: regions %u and %u "
					       "are not disjoint",
					       k, i);
	}
	return 0;
}

static void fill_pool(const uint64_t *sb, struct image_pool *pool)
{
	pool->pages = sb[AT_POOL_BYTES / 8] / PPT_PAGE_BYTES;
	pool->journal_page = get32(sb, AT_JOURNAL_PAGE);
	pool->journal_pages = get32(sb, AT_JOURNAL_PAGES);
	pool->desc_page = get32(sb, AT_DESC_PAGE);
	pool->desc_pages = get32(sb, AT_DESC_PAGES);
	pool->dir_page = get32(sb, AT_DIR_PAGE);
	pool->reclaim_page = get32(sb, AT_RECLAIM_PAGE);
	pool->first_page = get32(sb, AT_FIRST_PAGE);
	pool->epoch = get32(sb, AT_EPOCH);
	pool->epoch_oldest = get32(sb, AT_EPOCH_OLDEST);
	pool->seed = crc_words(UINT32_MAX, sb + AT_UUID / 8, 2);
}

int image_superblock(const struct image_view *view, struct image_pool *pool,
		     struct ppt_memory_map *regions, struct why *why)
{
	const uint64_t *copy[2];
	const char *wrong[2];
	unsigned use;

	crc_init();
	if (view->words < 2 * PPT_PAGE_WORDS)
		return why_set(why, "superblock: media too short");
	for (uint32_t i = 0; i < 2; i++) {
		copy[i] = view->media + i * PPT_PAGE_WORDS;
		image_need(view, i * PPT_PAGE_WORDS, SB_WORDS);
		wrong[i] = fault(copy[i], i);
	}
	if (wrong[0] && wrong[1])
		return why_set(why, "superblock: none is valid: %s, %s",
			       wrong[0], wrong[1]);
	use = wrong[0] != NULL;
	if (!wrong[0] && !wrong[1])
		use = copy[1][AT_GENERATION / 8] > copy[0][AT_GENERATION / 8];
	fill_pool(copy[use], pool);
	pool->regions = regions;
	if (pool->pages > view->words / PPT_PAGE_WORDS)
		return why_set(why, "superblock: the pool is larger than the "
				    "media");
	for (uint32_t e = pool->epoch_oldest; e != pool->epoch; e++)
		if (read_regions(copy[use], e, &pool->at[e % EPOCHS], why))
			return -1;
	return read_regions(copy[use], pool->epoch, regions, why);
}
