/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_walk.c - tables and their entries (docs/FORMAT.md, "x86-64").
 *
 * Layer: sim.  Recursive: levels fall, and a table is entered once only.
 */
#include "sim/explore/image_reader.h"

#define P (UINT64_C(1) << 0)
#define RW (UINT64_C(1) << 1)
#define US (UINT64_C(1) << 2)
#define AD UINT64_C(0x60) /* accessed and dirty: hardware's */
#define PS (UINT64_C(1) << 7)
#define G (UINT64_C(1) << 8)
#define XD (UINT64_C(1) << 63)

/* A lost entry: the index of its region, and above 46 bits of offset. */
#define LOST_BYTES (UINT64_C(1) << 46)

#define FAMILY 1u

struct table {
	const uint64_t *word;
	const struct ppt_memory_map *map; /* of its epoch */
	uint64_t va;
	uint32_t page;
	unsigned level;
	bool root;
};

static uint64_t span_of(unsigned level)
{
	return UINT64_C(1) << (12 + 9 * (level - 1));
}

static uint64_t va_of(const struct table *t, unsigned slot)
{
	uint64_t va = t->va + slot * span_of(t->level);

	/* The upper half of the root is that of the addresses. */
	if (t->root && slot >= PPT_PAGE_WORDS / 2)
		va -= span_of(t->level) * PPT_PAGE_WORDS;
	return va;
}

static int bad_entry(struct image_reader *r, const struct table *t,
		     unsigned slot, const char *reason)
{
	return why_set(r->why,
		       "table %u, level %u, entry %u (va %#llx): %#llx: %s",
		       t->page, t->level, slot,
		       (unsigned long long)va_of(t, slot),
		       (unsigned long long)t->word[slot], reason);
}

/* ------------------------------------------------------------- leaves -- */

static const char *leaf_fault(uint64_t e, unsigned level)
{
	uint64_t bits = P | RW | US | G | XD | IMAGE_ADDRESS;

	if (level > 1)
		bits |= PS;
	if (e & ~bits)
		return "bits set that a leaf does not have";
	if (e & IMAGE_ADDRESS & (span_of(level) - 1))
		return "leaf is not aligned";
	return NULL;
}

/* Whether all of [pa, pa + len) lies in regions of a map. */
static bool is_known(struct image_reader *r, const struct ppt_memory_map *map,
		     uint64_t pa, uint64_t len)
{
	for (uint32_t tries = 0; tries < map->count; tries++) {
		const struct ppt_region *g = &map->region[r->last];
		uint64_t left = g->len - (pa - g->base);

		if (pa - g->base < g->len) {
			if (len <= left)
				return true;
			pa += left;
			len -= left;
			tries = 0;
		}
		r->last = r->last + 1 == map->count ? 0 : r->last + 1;
	}
	return false;
}

/* References to the pool's own pages. */
static const char *count_frames(struct image_reader *r,
				const struct ppt_region *pool, uint64_t pa,
				uint64_t len)
{
	uint64_t end = pa + len, page;

	if (end <= pool->base || pa >= pool->base + pool->len)
		return NULL;
	if (pa < pool->base)
		pa = pool->base;
	if (end > pool->base + pool->len)
		end = pool->base + pool->len;
	page = (pa - pool->base) / PPT_PAGE_BYTES;
	end = (end - pool->base) / PPT_PAGE_BYTES;
	if (page < r->pool.first_page)
		return "leaf leads to metadata";
	for (; r->counts && page < end; page++)
		r->refs[page]++;
	return NULL;
}

static void add_extent(struct image_reader *r, const struct oracle_ext *ext)
{
	struct ext_list *map = r->map;

	if (map->count) {
		struct oracle_ext *prev = &map->ext[map->count - 1];

		if (prev->va + prev->len == ext->va &&
		    prev->pa + prev->len == ext->pa &&
		    prev->page == ext->page && prev->prot == ext->prot) {
			prev->len += ext->len;
			return;
		}
	}
	ext_push(map, ext);
}

/* A leaf at an offset of a region, if it is there now. */
static void add_found(struct image_reader *r, uint32_t i, uint64_t off,
		      struct oracle_ext *ext)
{
	const struct ppt_region *now = &r->out->regions.region[i];

	if (off >= now->len || ext->len > now->len - off)
		return;
	ext->pa = now->base + off;
	add_extent(r, ext);
}

/* Leaves of an older memory map, each where its region is now. */
static void add_moved(struct image_reader *r, const struct ppt_memory_map *was,
		      const struct oracle_ext *all)
{
	for (uint64_t at = 0; at < all->len; at += all->page) {
		struct oracle_ext ext = *all;

		ext.va += at;
		ext.len = all->page;
		for (uint32_t i = 0; i < was->count; i++) {
			const struct ppt_region *g = &was->region[i];
			uint64_t off = all->pa + at - g->base;

			if (off < g->len)
				add_found(r, i, off, &ext);
		}
	}
}

static uint32_t rights(uint64_t e)
{
	return (e & RW ? PPT_PROT_WRITE : 0u) | (e & US ? PPT_PROT_USER : 0u) |
	       (e & XD ? 0u : PPT_PROT_EXEC) | (e & G ? PPT_PROT_GLOBAL : 0u);
}

/* The leaf at @slot and those that go on where it ends; *@n of them. */
static int leaves(struct image_reader *r, const struct table *t, unsigned slot,
		  unsigned *n)
{
	uint64_t e = t->word[slot] & ~AD, span = span_of(t->level);
	const char *wrong = leaf_fault(e, t->level);
	struct oracle_ext ext = { .va = va_of(t, slot),
				  .pa = e & IMAGE_ADDRESS,
				  .page = span,
				  .prot = PPT_PROT_READ };
	/* Not beyond where the address would run into other bits. */
	uint64_t most = (IMAGE_ADDRESS - ext.pa) / span + 1;
	unsigned k = 1;

	if (wrong)
		return bad_entry(r, t, slot, wrong);
	while (slot + k < PPT_PAGE_WORDS && k < most &&
	       (t->word[slot + k] & ~AD) == e + k * span)
		k++;
	ext.len = k * span;
	ext.prot |= rights(e);
	if (!is_known(r, t->map, ext.pa, ext.len))
		return bad_entry(r, t, slot, "frame in no region");
	wrong = count_frames(r, t->map->region, ext.pa, ext.len);
	if (wrong)
		return bad_entry(r, t, slot, wrong);
	*n = k;
	if (!r->map)
		return 0;
	if (t->map == &r->out->regions)
		add_extent(r, &ext);
	else
		add_moved(r, t->map, &ext);
	return 0;
}

/* A leaf whose memory was not there when its table was written. */
static int lost(struct image_reader *r, const struct table *t, unsigned slot)
{
	const struct ppt_region *pool = t->map->region;
	uint64_t e = t->word[slot] & ~AD, span = span_of(t->level);
	uint64_t bits = IMAGE_LOST | IMAGE_ZERO | RW | US | G | XD |
			IMAGE_ADDRESS;
	uint64_t at = e & IMAGE_ADDRESS & (LOST_BYTES - 1);
	unsigned i = (unsigned)((e & IMAGE_ADDRESS) / LOST_BYTES);
	struct oracle_ext ext = { .va = va_of(t, slot),
				  .len = span,
				  .page = span,
				  .prot = PPT_PROT_READ };
	const char *wrong = NULL;

	if (!(e & IMAGE_LOST) || t->level > 3 || !(e & PS) != (t->level == 1) ||
	    e & ~(bits | PS) || i >= t->map->count)
		return bad_entry(r, t, slot, "neither cold nor lost");
	if (i == 0)
		wrong = count_frames(r, pool, pool->base + at, span);
	if (wrong)
		return bad_entry(r, t, slot, wrong);
	ext.prot |= rights(e);
	if (r->map && t->map != &r->out->regions && !(e & IMAGE_ZERO))
		add_found(r, i, at, &ext);
	return 0;
}

/* ------------------------------------------------------------- tables -- */

static int table(struct image_reader *r, const struct table *from);

/* The table that an entry names. */
static int below(struct image_reader *r, const struct table *t, unsigned slot)
{
	uint64_t e = t->word[slot] & ~AD;
	uint64_t off = (e & IMAGE_ADDRESS) - t->map->region[0].base;
	struct table next = { .va = va_of(t, slot), .level = t->level - 1 };

	if ((e & ~IMAGE_ADDRESS) !=
	    (e & P ? P | RW | US : IMAGE_COLD | RW | US))
		return bad_entry(r, t, slot,
				 "bits set that the name of a table lacks");
	if (off / PPT_PAGE_BYTES >= r->pool.pages)
		return bad_entry(r, t, slot, "table outside the pool");
	next.page = (uint32_t)(off / PPT_PAGE_BYTES);
	return table(r, &next);
}

static int entries(struct image_reader *r, const struct table *t,
		   uint64_t lines, unsigned *live)
{
	unsigned slot = 0;
	int err = 0;

	for (*live = 0; !err && slot < PPT_PAGE_WORDS;) {
		uint64_t e = t->word[slot];
		unsigned n = 1;

		if (slot % 8 == 0 && !(lines >> slot / 8 & 1)) {
			lines &= UINT64_MAX << slot / 8;
			if (!lines)
				break;
			slot = (unsigned)__builtin_ctzll(lines) * 8;
			continue;
		}
		if (e && t->level > 3 && e & PS)
			return bad_entry(r, t, slot, "leaf above level 3");
		if (e && !(e & (P | IMAGE_COLD)))
			err = lost(r, t, slot);
		else if (e && t->level > 1 && !(e & PS))
			err = below(r, t, slot);
		else if (e)
			err = leaves(r, t, slot, &n);
		*live += e ? n : 0;
		slot += n;
	}
	return err;
}

static int bad_desc(struct image_reader *r, const struct table *t,
		    uint64_t desc, const char *reason)
{
	return why_set(r->why,
		       "table %u, level %u (va %#llx): descriptor %#llx: %s",
		       t->page, t->level, (unsigned long long)t->va,
		       (unsigned long long)desc, reason);
}

const struct ppt_memory_map *image_map_of(const struct image_pool *p,
					  uint32_t epoch)
{
	if (epoch == (p->epoch & 15))
		return p->regions;
	for (uint32_t e = p->epoch_oldest; e != p->epoch; e++)
		if (epoch == (e & 15))
			return &p->at[e % IMAGE_EPOCHS];
	return NULL;
}

static int table(struct image_reader *r, const struct table *from)
{
	struct table t = *from;
	uint64_t lines, desc;
	uint32_t hi;
	unsigned live;

	if (t.page < r->pool.first_page || t.page >= r->pool.pages)
		return why_set(r->why,
			       "table %u, level %u: not where tables "
			       "are",
			       t.page, t.level);
	desc = image_desc(r, t.page);
	hi = (uint32_t)(desc >> 32);
	if ((hi & 15) != DESC_TABLE + t.level)
		return bad_desc(r, &t, desc, "another type or level");
	if ((hi >> 4 & 3) != FAMILY)
		return bad_desc(r, &t, desc, "another family");
	t.map = image_map_of(&r->pool, hi >> 6 & 15);
	if (!t.map)
		return bad_desc(r, &t, desc, "of no epoch that is recorded");
	if (hi >> 20 != 1)
		return bad_desc(r, &t, desc, "share count is not 1");
	if (image_claim(r, t.page, USE_TABLE, desc, ~AD, &lines))
		return -1;
	r->out->tables++;
	t.word = r->media + (uint64_t)t.page * PPT_PAGE_WORDS;
	if (entries(r, &t, lines, &live))
		return -1;
	if ((hi >> 10 & 1023) != live)
		return bad_desc(r, &t, desc, "count of live entries");
	return 0;
}

int image_tree(struct image_reader *r, uint32_t page, unsigned level)
{
	struct table t = { .page = page, .level = level, .root = level > 3 };

	return table(r, &t);
}
