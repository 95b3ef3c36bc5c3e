/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_read.c - directory, reclaim list and descriptors of an image.
 *
 * Layer: sim.  Every page has one use, found in this order: fixed by the
 * geometry, metadata and tables that are reached, extents of the reclaim list.
 * The rest are frames as often as leaves lead to them, and else free.
 */
#include "sim/explore/image_reader.h"

#include <string.h>

#define PAGE_LINES (PPT_PAGE_WORDS / 8)

#define DIR_RESERVED 2u

#define RECLAIM_EXTENT 1u
#define RECLAIM_TREE 2u
#define RECLAIM_TABLES 3u

int image_claim(struct image_reader *r, uint32_t page, enum image_use use,
		uint64_t desc, uint64_t keep, uint64_t *live)
{
	uint64_t first = (uint64_t)page * PPT_PAGE_WORDS;
	uint64_t head = desc >> 32 << 32 | page;
	uint32_t raw;

	if (r->use[page] != USE_NONE)
		return why_set(r->why,
			       "page %u: reached as a %s, but has an owner "
			       "(use %u)",
			       page, use == USE_TABLE ? "table" : "directory",
			       r->use[page]);
	r->use[page] = (uint8_t)use;
	image_need(r->view, first, PPT_PAGE_WORDS);
	raw = crc_lines(crc_word(r->pool.seed, head), r->media + first,
			PAGE_LINES, keep, use == USE_TABLE ? IMAGE_COLD : 0,
			live);
	if ((uint32_t)~raw != (uint32_t)desc)
		return why_set(r->why,
			       "page %u: differs from its checksum (descriptor "
			       "%#llx, content %#x)",
			       page, (unsigned long long)desc, ~raw);
	r->hash = image_mix(r->hash, desc ^ (uint64_t)page << 52);
	return 0;
}

/* ---------------------------------------------------------- directory -- */

static int claim_meta(struct image_reader *r, uint32_t page, uint64_t *live)
{
	uint64_t desc = image_desc(r, page);

	if (desc >> 32 != DESC_META)
		return why_set(r->why,
			       "page %u: descriptor %#llx is not that of "
			       "metadata",
			       page, (unsigned long long)desc);
	return image_claim(r, page, USE_META, desc, UINT64_MAX, live);
}

static bool name_ok(const char *name)
{
	size_t n = 0;

	for (; n < PPT_NAME_BYTES && name[n]; n++) {
		unsigned char c = (unsigned char)name[n];

		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
	}
	if (n == 0 || n == PPT_NAME_BYTES)
		return false;
	for (; n < PPT_NAME_BYTES; n++)
		if (name[n])
			return false;
	return true;
}

static int add_space(struct image_reader *r, const uint64_t *entry,
		     struct oracle_space **out)
{
	struct image *image = r->out;
	struct oracle_space *s = &image->space[image->spaces];

	if (image->spaces == ORACLE_SPACES)
		return why_set(r->why, "directory: too many spaces");
	if (entry[0] != PPT_FORMAT_X86_64_4 && entry[0] != PPT_FORMAT_X86_64_5)
		return why_set(r->why, "directory: format %#llx",
			       (unsigned long long)entry[0]);
	if (entry[DIR_RESERVED] | entry[DIR_RESERVED + 1])
		return why_set(r->why, "directory: reserved words are not 0");
	memcpy(s->name, entry + IMAGE_DIR_NAME, PPT_NAME_BYTES);
	if (!name_ok(s->name))
		return why_set(r->why, "directory: name of space %u",
			       image->spaces);
	for (unsigned i = 0; i < image->spaces; i++)
		if (!strcmp(image->space[i].name, s->name))
			return why_set(r->why, "directory: two spaces %s",
				       s->name);
	s->exists = true;
	s->format = (enum ppt_format)entry[0];
	image->spaces++;
	*out = s;
	return 0;
}

static int read_space(struct image_reader *r, const uint64_t *entry)
{
	struct oracle_space *s = NULL;
	uint64_t hash;

	if (!entry[0]) {
		for (unsigned i = 1; i < IMAGE_DIR_WORDS; i++)
			if (entry[i])
				return why_set(r->why, "directory: an empty "
						       "entry is not all 0");
		return 0;
	}
	if (add_space(r, entry, &s))
		return -1;
	if (entry[IMAGE_DIR_ROOT] >= r->pool.pages)
		return why_set(r->why, "space %s: root %#llx", s->name,
			       (unsigned long long)entry[IMAGE_DIR_ROOT]);
	r->map = &s->map;
	r->counts = true;
	if (image_tree(r, (uint32_t)entry[IMAGE_DIR_ROOT],
		       s->format == PPT_FORMAT_X86_64_4 ? 4 : 5))
		return -1;
	hash = image_mix(r->hash, s->map.count);
	for (size_t i = 0; i < s->map.count; i++) {
		const struct oracle_ext *ext = &s->map.ext[i];

		hash = image_mix(hash, ext->va);
		hash = image_mix(hash, ext->pa);
		hash = image_mix(hash, ext->len ^ ext->page << 1 ^ ext->prot);
	}
	r->hash = hash;
	return 0;
}

static int read_directory(struct image_reader *r)
{
	uint32_t page = r->pool.dir_page;

	for (unsigned k = 0; k < IMAGE_DIR_PAGES_MAX; k++) {
		const uint64_t *word =
			r->media + (uint64_t)page * PPT_PAGE_WORDS;
		uint64_t live = 0;

		if (claim_meta(r, page, &live))
			return -1;
		for (unsigned i = 1; i < IMAGE_DIR_WORDS; i++)
			if (word[i])
				return why_set(r->why, "directory: reserved "
						       "words are not 0");
		for (unsigned i = 1; i < PAGE_LINES; i++)
			if (live >> i & 1 &&
			    read_space(r, word + (size_t)i * IMAGE_DIR_WORDS))
				return -1;
		if (!word[0])
			return 0;
		if (word[0] < r->pool.first_page || word[0] >= r->pool.pages)
			return why_set(r->why, "directory: next page %#llx",
				       (unsigned long long)word[0]);
		page = (uint32_t)word[0];
	}
	return why_set(r->why, "directory: more than %u pages",
		       IMAGE_DIR_PAGES_MAX);
}

/* ------------------------------------------------------- reclaim list -- */

static int bad_item(struct image_reader *r, unsigned slot, uint64_t item,
		    const char *reason)
{
	return why_set(r->why, "reclaim list: item %u, %#llx: %s", slot,
		       (unsigned long long)item, reason);
}

static int read_item(struct image_reader *r, unsigned slot, uint64_t item)
{
	uint64_t page = item >> 12 & UINT32_MAX;
	uint64_t count = item >> 44;
	unsigned kind = item & 15;
	uint32_t level;

	if (item >> 4 & 0xff || kind < RECLAIM_EXTENT || kind > RECLAIM_TABLES)
		return bad_item(r, slot, item, "unknown kind or bits");
	if (page < r->pool.first_page || page >= r->pool.pages ||
	    count > r->pool.pages - page)
		return bad_item(r, slot, item, "leads where none may");
	if ((kind == RECLAIM_EXTENT) != (count != 0))
		return bad_item(r, slot, item, "count of pages");
	if (kind != RECLAIM_EXTENT) {
		level = image_desc(r, (uint32_t)page) >> 32 & 7;
		if (!level || level > 5)
			return bad_item(r, slot, item, "is not a table");
		r->map = NULL;
		r->counts = kind == RECLAIM_TREE;
		return image_tree(r, (uint32_t)page, level);
	}
	for (; count; count--, page++) {
		if (r->use[page] != USE_NONE)
			return bad_item(r, slot, item, "page has an owner");
		r->use[page] = USE_EXTENT;
	}
	return 0;
}

/* Extents first: not even their descriptors may be read. */
static int read_reclaim(struct image_reader *r)
{
	const uint64_t *word =
		r->media + (uint64_t)r->pool.reclaim_page * PPT_PAGE_WORDS;
	uint64_t live = 0;

	if (claim_meta(r, r->pool.reclaim_page, &live))
		return -1;
	if (live && r->settled)
		return why_set(r->why, "reclaim list is not empty");
	for (unsigned slot = 0; live && slot < PPT_PAGE_WORDS; slot++)
		if (word[slot] && (word[slot] & 15) == RECLAIM_EXTENT &&
		    read_item(r, slot, word[slot]))
			return -1;
	for (unsigned slot = 0; live && slot < PPT_PAGE_WORDS; slot++)
		if (word[slot] && (word[slot] & 15) != RECLAIM_EXTENT &&
		    read_item(r, slot, word[slot]))
			return -1;
	return 0;
}

/* -------------------------------------------------------- descriptors -- */

static int bad_desc(struct image_reader *r, uint32_t page, uint64_t desc)
{
	static const char *const use[] = { "that nothing leads to", "fixed",
					   "metadata", "a table",
					   "of an extent" };

	return why_set(r->why,
		       "page %u: descriptor %#llx, but the page is one %s, "
		       "with %u leaves",
		       page, (unsigned long long)desc, use[r->use[page]],
		       r->refs[page]);
}

static int check_page(struct image_reader *r, uint32_t page, uint64_t desc)
{
	uint64_t hi = DESC_DATA | (uint64_t)r->refs[page] << 10;

	if (r->refs[page] && r->use[page] != USE_NONE)
		return bad_desc(r, page, desc);
	switch (r->use[page]) {
	case USE_FIXED:
		return desc == r->desc_fixed ? 0 : bad_desc(r, page, desc);
	case USE_META:
	case USE_TABLE:
		return 0; /* read before */
	default:
		break;
	}
	if (!r->refs[page])
		return desc == r->desc_free ? 0 : bad_desc(r, page, desc);
	r->out->frames++;
	r->hash = image_mix(r->hash, desc ^ (uint64_t)page << 52);
	if (desc == r->desc_share1 && r->refs[page] == 1)
		return 0;
	if (desc == image_plain_desc(r->pool.seed, hi))
		return 0;
	return bad_desc(r, page, desc);
}

static int check_descriptors(struct image_reader *r)
{
	uint64_t first = (uint64_t)r->pool.desc_page * PPT_PAGE_WORDS;
	uint64_t words = (uint64_t)r->pool.desc_pages * PPT_PAGE_WORDS;
	const uint64_t *desc = r->media + first;
	uint32_t page = 0;

	for (; page < r->pool.pages; page++) {
		if (r->use[page] == USE_EXTENT && !r->refs[page])
			continue;
		image_need(r->view, first + page, 1);
		/* Most are free, and that is all there is to say. */
		if (!r->use[page] && !r->refs[page] &&
		    desc[page] == r->desc_free)
			continue;
		if (check_page(r, page, desc[page]))
			return -1;
	}
	image_need(r->view, first + page, words - page);
	for (; page < words; page++)
		if (desc[page] != r->desc_fixed)
			return why_set(r->why,
				       "descriptor %u, of no page, is not "
				       "fixed",
				       page);
	return 0;
}

/* ---------------------------------------------------------------- all -- */

static void reset(struct image *image)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		image->space[i].exists = false;
		image->space[i].map.count = 0;
	}
	image->spaces = 0;
	image->tables = 0;
	image->frames = 0;
}

static int start(struct image_reader *r)
{
	if (image_superblock(r->view, &r->pool, &r->out->regions, r->why))
		return -1;
	if (r->pool.pages > IMAGE_PAGES_MAX)
		return why_set(r->why, "pool larger than %u pages",
			       IMAGE_PAGES_MAX);
	r->desc_free = image_plain_desc(r->pool.seed, DESC_FREE);
	r->desc_fixed = image_plain_desc(r->pool.seed, DESC_FIXED);
	r->desc_share1 =
		image_plain_desc(r->pool.seed, DESC_DATA | UINT64_C(1) << 10);
	r->hash = image_mix(r->pool.seed, r->pool.pages);
	memset(r->use, USE_NONE, r->pool.pages);
	memset(r->use, USE_FIXED, r->pool.dir_page);
	memset(r->refs, 0, r->pool.pages * sizeof(r->refs[0]));
	return 0;
}

int image_read(const struct image_view *view, bool settled, struct image *out,
	       struct why *why)
{
	struct image_reader r;

	r.view = view;
	r.media = view->media;
	r.out = out;
	r.why = why;
	r.settled = settled;
	r.last = 0;
	reset(out);
	if (start(&r) || read_directory(&r) || read_reclaim(&r) ||
	    check_descriptors(&r))
		return -1;
	out->hash = r.hash;
	return 0;
}

void image_free(struct image *image)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		ext_free(&image->space[i].map);
	memset(image, 0, sizeof(*image));
}
