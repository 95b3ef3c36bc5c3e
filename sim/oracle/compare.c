/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare.c - what the oracle says about frames and tables, and its
 * comparison with extents that were found.
 *
 * Layer: sim.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/oracle/oracle.h"

uint64_t oracle_pool_page(const struct oracle *o, uint64_t pa)
{
	const struct ppt_region *pool = &o->regions.region[0];

	if (pa < pool->base || pa - pool->base >= pool->len)
		return UINT64_MAX;
	return (pa - pool->base) / PPT_PAGE_BYTES;
}

uint64_t oracle_refs(const struct oracle *o, uint32_t *refs)
{
	uint64_t distinct = 0;

	memset(refs, 0, o->pages * sizeof(*refs));
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct ext_list *map = &o->space[i].map;

		for (size_t k = 0; k < map->count; k++) {
			const struct oracle_ext *ext = &map->ext[k];
			uint64_t page = oracle_pool_page(o, ext->pa);

			if (page == UINT64_MAX)
				continue;
			for (uint64_t n = ext->len / PPT_PAGE_BYTES; n; n--)
				if (refs[page++]++ == 0)
					distinct++;
		}
	}
	return distinct;
}

/* Tables of one level: how many stretches of @bytes the extents touch. */
static uint64_t stretches(const struct ext_list *map, unsigned lg2,
			  uint64_t largest_leaf)
{
	uint64_t count = 0;
	uint64_t next = 0; /* first stretch not yet counted */

	for (size_t k = 0; k < map->count; k++) {
		const struct oracle_ext *ext = &map->ext[k];
		uint64_t from = ext->va >> lg2;
		uint64_t to = (ext->va + (ext->len - 1)) >> lg2;

		if (ext->page > largest_leaf)
			continue;
		if (from < next)
			from = next;
		if (to < from)
			continue;
		count += to - from + 1;
		next = to + 1;
	}
	return count;
}

uint64_t oracle_tables(const struct oracle *o)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct oracle_space *s = &o->space[i];
		uint64_t leaf = PPT_SIZE_4K;
		unsigned lg2 = 21;

		if (!s->exists)
			continue;
		count++; /* the root */
		for (unsigned l = 1; l < format_levels(s->format); l++) {
			count += stretches(&s->map, lg2, leaf);
			lg2 += 9;
			leaf = leaf < PPT_SIZE_1G ? leaf * 512 : UINT64_MAX;
		}
	}
	return count;
}

void oracle_sweep_tags(struct oracle *o)
{
	uint32_t *refs = calloc(o->pages, sizeof(*refs));

	if (!refs)
		abort();
	(void)oracle_refs(o, refs);
	for (uint64_t i = 0; i < o->pages; i++)
		if (!refs[i])
			o->tag[i] = TAG_ANY;
	free(refs);
}

static const struct ppt_region *by_pa(const struct ppt_memory_map *map,
				      uint64_t pa)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (pa - map->region[i].base < map->region[i].len)
			return &map->region[i];
	abort();
}

static const struct ppt_region *by_uuid(const struct ppt_memory_map *map,
					const struct ppt_uuid *uuid)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (!memcmp(&map->region[i].uuid, uuid, sizeof(*uuid)))
			return &map->region[i];
	return NULL;
}

void oracle_rebase(struct oracle *o, const struct ppt_memory_map *present)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		struct ext_list *map = &o->space[i].map;

		for (size_t k = 0; k < map->count; k++) {
			const struct ppt_region *old, *now;

			if (map->ext[k].pa == ORACLE_PA_LEARN)
				continue;
			old = by_pa(&o->regions, map->ext[k].pa);
			now = by_uuid(present, &old->uuid);
			if (now)
				map->ext[k].pa += now->base - old->base;
		}
	}
	for (uint32_t i = 0; i < o->regions.count; i++) {
		struct ppt_region *region = &o->regions.region[i];
		const struct ppt_region *now = by_uuid(present, &region->uuid);

		if (now)
			region->base = now->base;
	}
}

static const char *ext_text(const struct oracle_ext *ext, char *text,
			    size_t bytes)
{
	if (!ext)
		(void)snprintf(text, bytes, "nothing");
	else
		(void)snprintf(text, bytes,
			       "va %#llx len %#llx pa %#llx page %#llx prot "
			       "%#x",
			       (unsigned long long)ext->va,
			       (unsigned long long)ext->len,
			       (unsigned long long)ext->pa,
			       (unsigned long long)ext->page, ext->prot);
	return text;
}

static int differ(uint64_t va, const struct oracle_ext *want,
		  const struct oracle_ext *have, struct why *why)
{
	char a[120];
	char b[120];

	return why_set(why, "at va %#llx: expected %s, found %s",
		       (unsigned long long)va, ext_text(want, a, sizeof(a)),
		       ext_text(have, b, sizeof(b)));
}

/* The part of the extent at or after @va and up to @last; false if none. */
static bool clip(const struct ext_list *list, size_t *at, uint64_t va,
		 uint64_t last, struct oracle_ext *out)
{
	while (*at < list->count) {
		const struct oracle_ext *ext = &list->ext[*at];
		uint64_t end = ext->va + (ext->len - 1);

		if (end < va) {
			++*at;
			continue;
		}
		if (ext->va > last)
			return false;
		*out = *ext;
		if (out->va < va) {
			out->pa = out->pa == ORACLE_PA_LEARN ?
					  out->pa :
					  out->pa + (va - out->va);
			out->va = va;
		}
		out->len = (end < last ? end : last) - out->va + 1;
		return true;
	}
	return false;
}

static bool same(const struct oracle_ext *want, const struct oracle_ext *have,
		 bool learn)
{
	if (want->va != have->va || want->prot != have->prot)
		return false;
	if (want->pa != have->pa && !(learn && want->pa == ORACLE_PA_LEARN))
		return false;
	return want->page == have->page || (learn && !want->page);
}

/* Put what was learned in place of the unknown extents. */
static void take_over(struct oracle_space *s, uint64_t va, uint64_t last,
		      const struct ext_list *learned)
{
	struct ext_list map = { 0 };
	bool done = false;

	for (size_t i = 0; i <= s->map.count; i++) {
		const struct oracle_ext *ext =
			i < s->map.count ? &s->map.ext[i] : NULL;

		if (!done && (!ext || ext->va >= va)) {
			for (size_t k = 0; k < learned->count; k++)
				ext_push(&map, &learned->ext[k]);
			done = true;
		}
		if (ext && (ext->va < va || ext->va > last))
			ext_push(&map, ext);
	}
	ext_free(&s->map);
	s->map = map;
}

int oracle_diff(struct oracle_space *s, uint64_t va, uint64_t last,
		const struct ext_list *got, bool learn, struct why *why)
{
	struct ext_list learned = { 0 };
	uint64_t from = va;
	size_t i = 0;
	size_t k = 0;
	int err = 0;

	for (;;) {
		struct oracle_ext want;
		struct oracle_ext have;
		bool wanted = clip(&s->map, &i, va, last, &want);
		bool found = clip(got, &k, va, last, &have);

		if (!wanted && !found)
			break;
		if (!wanted || !found || !same(&want, &have, learn)) {
			uint64_t at = wanted ? want.va : have.va;

			if (wanted && found && have.va < want.va)
				at = have.va;
			err = differ(at, wanted ? &want : NULL,
				     found ? &have : NULL, why);
			break;
		}
		if (have.len > want.len)
			have.len = want.len;
		if (learn)
			ext_push(&learned, &have);
		if (last - have.va < have.len)
			break;
		va = have.va + have.len;
	}
	if (!err && learn)
		take_over(s, from, last, &learned);
	ext_free(&learned);
	return err;
}
