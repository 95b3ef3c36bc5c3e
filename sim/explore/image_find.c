/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_find.c - where something is in a pool that is sound (docs/FORMAT.md).
 *
 * Layer: sim.  For those who damage it.
 */
#include "sim/explore/image_reader.h"

#include <string.h>

int image_places(const struct image_view *view, struct image_places *out,
		 struct why *why)
{
	struct ppt_memory_map regions;
	struct image_pool pool;

	if (image_superblock(view, &pool, &regions, why))
		return -1;
	out->desc_page = pool.desc_page;
	out->dir_page = pool.dir_page;
	out->reclaim_page = pool.reclaim_page;
	return 0;
}

static const uint64_t *page_at(const struct image_view *view, uint64_t page)
{
	image_need(view, page * PPT_PAGE_WORDS, PPT_PAGE_WORDS);
	return view->media + page * PPT_PAGE_WORDS;
}

/* The entry of a space in the directory, or NULL. */
static const uint64_t *find_space(const struct image_view *view,
				  const struct image_pool *pool,
				  const char *name)
{
	uint64_t page = pool->dir_page;

	for (unsigned k = 0; page && k < IMAGE_DIR_PAGES_MAX; k++) {
		const uint64_t *word = page_at(view, page), *e = word;

		for (e += IMAGE_DIR_WORDS; e < word + PPT_PAGE_WORDS;
		     e += IMAGE_DIR_WORDS)
			if (e[0] && !strncmp((const char *)(e + IMAGE_DIR_NAME),
					     name, PPT_NAME_BYTES))
				return e;
		page = word[0];
	}
	return NULL;
}

/* The table below that @va goes through; 0: none. */
static uint64_t step_down(const struct image_view *view,
			  const struct image_pool *pool, uint64_t page,
			  unsigned level, uint64_t va)
{
	uint64_t desc = page_at(
		view,
		pool->desc_page + page / PPT_PAGE_WORDS)[page % PPT_PAGE_WORDS];
	const struct ppt_memory_map *map = image_map_of(pool, desc >> 38 & 15);
	uint64_t e = page_at(view, page)[va >> (3 + 9 * level) & 511];

	if (!map || !e || e & 0x80)
		return 0;
	page = ((e & IMAGE_ADDRESS) - map->region[0].base) / PPT_PAGE_BYTES;
	return page < pool->pages ? page : 0;
}

int image_find(const struct image_view *view, const char *space, uint64_t va,
	       unsigned level, uint32_t *page, struct why *why)
{
	struct ppt_memory_map regions;
	struct image_pool pool;
	const uint64_t *e;
	uint64_t at;
	unsigned l;

	if (image_superblock(view, &pool, &regions, why))
		return -1;
	e = find_space(view, &pool, space);
	if (!e)
		return why_set(why, "there is no space %s", space);
	at = e[IMAGE_DIR_ROOT];
	for (l = e[0] == PPT_FORMAT_X86_64_4 ? 4 : 5; at && l > level; l--)
		at = step_down(view, &pool, at, l, va);
	if (!at || at >= pool.pages)
		return why_set(why, "%s: no table of level %u at %#llx", space,
			       l, (unsigned long long)va);
	*page = (uint32_t)at;
	return 0;
}
