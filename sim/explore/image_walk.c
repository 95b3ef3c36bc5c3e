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
#define ADDRESS UINT64_C(0x000ffffffffff000)

#define FAMILY 1u

struct table {
	const uint64_t *word;
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
	uint64_t bits = P | RW | US | G | XD | ADDRESS;

	if (level > 1)
		bits |= PS;
	if (e & ~bits)
		return "bits set that a leaf does not have";
	if (e & ADDRESS & (span_of(level) - 1))
		return "leaf is not aligned";
	return NULL;
}

/* Whether all of [pa, pa + len) lies in regions. */
static bool is_known(struct image_reader *r, uint64_t pa, uint64_t len)
{
	const struct ppt_memory_map *map = &r->out->regions;

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
static const char *count_frames(struct image_reader *r, uint64_t pa,
				uint64_t len)
{
	const struct ppt_region *pool = &r->out->regions.region[0];
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

/* The leaf at @slot and those that go on where it ends; *@n of them. */
static int leaves(struct image_reader *r, const struct table *t, unsigned slot,
		  unsigned *n)
{
	uint64_t e = t->word[slot] & ~AD, span = span_of(t->level);
	const char *wrong = leaf_fault(e, t->level);
	struct oracle_ext ext = { .va = va_of(t, slot),
				  .pa = e & ADDRESS,
				  .page = span,
				  .prot = PPT_PROT_READ };
	/* Not beyond where the address would run into other bits. */
	uint64_t most = (ADDRESS - ext.pa) / span + 1;
	unsigned k = 1;

	if (wrong)
		return bad_entry(r, t, slot, wrong);
	while (slot + k < PPT_PAGE_WORDS && k < most &&
	       (t->word[slot + k] & ~AD) == e + k * span)
		k++;
	ext.len = k * span;
	ext.prot |= e & RW ? PPT_PROT_WRITE : 0;
	ext.prot |= e & US ? PPT_PROT_USER : 0;
	ext.prot |= e & XD ? 0 : PPT_PROT_EXEC;
	ext.prot |= e & G ? PPT_PROT_GLOBAL : 0;
	if (!is_known(r, ext.pa, ext.len))
		return bad_entry(r, t, slot, "frame in no region");
	wrong = count_frames(r, ext.pa, ext.len);
	if (wrong)
		return bad_entry(r, t, slot, wrong);
	if (r->map)
		add_extent(r, &ext);
	*n = k;
	return 0;
}

/* ------------------------------------------------------------- tables -- */

static int table(struct image_reader *r, const struct table *from);

/* The table that an entry names. */
static int below(struct image_reader *r, const struct table *t, unsigned slot)
{
	uint64_t e = t->word[slot] & ~AD;
	uint64_t off = (e & ADDRESS) - r->out->regions.region[0].base;
	struct table next = { .va = va_of(t, slot), .level = t->level - 1 };

	if ((e & ~ADDRESS) != (P | RW | US))
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
		if (e && !(e & P))
			return bad_entry(r, t, slot, "not present, yet not 0");
		if (e && t->level > 3 && e & PS)
			return bad_entry(r, t, slot, "leaf above level 3");
		if (e && t->level > 1 && !(e & PS))
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
	if ((hi >> 6 & 15) != (r->pool.epoch & 15))
		return bad_desc(r, &t, desc, "not of the present epoch");
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
