/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: superblocks.  Both copies, each alone and against the other; the
 * regions of every remembered epoch; the present memory map.
 * Gathers: the copy that counts, and so the geometry.
 */
#include "core/usc.h"
#include "recovery/check/check.h"
#include "recovery/reconcile.h"

static bool same_uuid(const void *a, const void *b)
{
	return __builtin_memcmp(a, b, sizeof(struct ppt_uuid)) == 0;
}

/* Neither copy is good: the error that tells most. */
static bool refuse(struct ppt_check *c, int err)
{
	enum ppt_problem_id id = PPT_PROBLEM_SUPERBLOCK_BOTH;

	if (err == PPT_E_MAGIC)
		id = PPT_PROBLEM_SUPERBLOCK_MAGIC;
	else if (err == PPT_E_VERSION)
		id = PPT_PROBLEM_SUPERBLOCK_VERSION;
	else if (err == PPT_E_FEATURE)
		id = PPT_PROBLEM_SUPERBLOCK_FEATURE;
	c->err = err;
	ppt__check_pool(c, id, 0);
	return false;
}

/* What a copy says, less what differs between good copies. */
static void strip(struct ppt_m_superblock *sb)
{
	sb->slot = ppt__le32(0);
	sb->crc = ppt__le32(0);
	sb->generation = ppt__le64(0);
}

static uint32_t crc_of(const struct ppt_m_superblock *sb)
{
	return ppt__crc32c_words(0, (const uint64_t *)sb, PPT_M_SB_WORDS,
				 PPT__FAMILY_NONE);
}

/* Two valid copies. */
static void compare(struct ppt_check *c, const struct ppt_m_superblock *a,
		    const struct ppt_m_superblock *b)
{
	struct ppt_problem twins = ppt__problem(PPT_PROBLEM_SUPERBLOCK_TWINS);
	uint64_t of_a = ppt__get64(a->generation);
	uint64_t of_b = ppt__get64(b->generation);
	struct ppt_m_superblock x = *a; /* one at a time: a kernel's stack */
	uint32_t crc[2];

	strip(&x);
	crc[0] = crc_of(&x);
	x = *b;
	strip(&x);
	crc[1] = crc_of(&x);
	if (crc[0] == crc[1])
		return;
	if (of_a != of_b) {
		ppt__check_at(&c->serial, PPT_PROBLEM_SUPERBLOCK_STALE,
			      of_b < of_a, 0);
		return;
	}
	twins.where = PPT_WHERE_PAGE; /* 0 and 1 */
	twins.count = 2;
	ppt__check_tell(&c->serial, &twins);
}

static bool check_size(struct ppt_check *c, const struct ppt_m_superblock *sb)
{
	uint64_t have = c->pm.words * 8, want = ppt__get64(sb->pool_bytes);
	bool exact = c->cfg.flags & PPT_CHECK_EXACT;

	if (have == want || (have > want && !exact))
		return true;
	c->err = PPT_E_SIZE;
	ppt__check_pool(c, PPT_PROBLEM_MEDIA_SIZE, have);
	return have > want;
}

/* How many of the first descriptors are a pool's of this UUID. */
static uint32_t fit(const struct ppt_check *c,
		    const struct ppt_m_superblock *sb)
{
	uint64_t want = ppt__desc_plain(ppt__seed(sb->uuid), PPT__DESC_FIXED);
	uint64_t at = ppt__word(ppt__get32(sb->desc_page), 0);
	uint32_t n = 0;

	for (uint32_t i = 0; i < PPT__LINE_WORDS; i++)
		if (at + i < c->pm.words)
			n += ppt__pm_load(&c->pm, at + i) == want;
	return n;
}

bool ppt__check_superblocks(struct ppt_check *c,
			    const struct ppt_m_superblock **sb)
{
	const struct ppt_m_superblock *copy[2];
	bool fell_back;
	uint32_t slot;
	int both;

	if (c->pm.words < 2 * PPT_PAGE_WORDS) {
		c->err = PPT_E_SIZE;
		ppt__check_pool(c, PPT_PROBLEM_MEDIA_SIZE, c->pm.words * 8);
		return false;
	}
	for (uint32_t i = 0; i < 2; i++)
		copy[i] = (const void *)ppt__pm_view(&c->pm, ppt__word(i, 0),
						     PPT_M_SB_WORDS);
	both = ppt__superblock_choose(copy[0], copy[1], &slot, &fell_back,
				      NULL);
	if (both)
		return refuse(c, both);
	if (fell_back) {
		ppt__check_at(&c->serial, PPT_PROBLEM_SUPERBLOCK_COPY, slot ^ 1,
			      0);
	} else if (!same_uuid(copy[0]->uuid, copy[1]->uuid)) {
		c->err = PPT_E_CORRUPT;
		c->fits = true; /* what follows is of one of them */
		ppt__check_pool(c, PPT_PROBLEM_SUPERBLOCK_FOREIGN, 0);
	} else {
		compare(c, copy[0], copy[1]);
	}
	if (!fell_back && c->fits) {
		uint32_t one = fit(c, copy[slot]);
		uint32_t other = fit(c, copy[slot ^ 1]);

		/* Nothing says whose pool it is: to guess would be its end. */
		if (one == other && !same_uuid(copy[0]->uuid, copy[1]->uuid))
			return refuse(c, PPT_E_CORRUPT);
		if (other > one)
			slot ^= 1;
	}
	*sb = copy[slot];
	return check_size(c, *sb);
}

/* -------------------------------------------------------------- regions -- */

static bool all_zero(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	/* Each byte is the one before it. */
	return !n || (!p[0] && !__builtin_memcmp(p, p + 1, n - 1));
}

static void check_reserved(struct ppt_check *c)
{
	const struct ppt_m_superblock *sb = c->pool->superblock;
	uint32_t n = ppt__get32(sb->region_count);
	bool zero = ppt__get32(sb->epochs_cold) >> PPT_M_EPOCHS == 0 &&
		    all_zero(sb->reserved1, sizeof(sb->reserved1)) &&
		    all_zero(sb->reserved2, sizeof(sb->reserved2)) &&
		    all_zero(sb->region + n,
			     (PPT_REGIONS_MAX - n) * sizeof(sb->region[0]));

	for (uint32_t i = 0; i < n; i++)
		zero &= ppt__get32(sb->region[i].reserved) == 0;
	if (!zero)
		ppt__check_pool(c, PPT_PROBLEM_SUPERBLOCK_RESERVED, 0);
	if (ppt__get64(sb->ro_compat) & ~PPT_M_RO_COMPAT)
		ppt__check_pool(c, PPT_PROBLEM_SUPERBLOCK_READ_ONLY,
				ppt__get64(sb->ro_compat));
}

static void check_usc(struct ppt_check *c)
{
	struct ppt_usc usc = ppt__usc_load(&c->pm, c->pool->superblock);

	if (usc.state == PPT_USC_BAD)
		ppt__check_pool(c, PPT_PROBLEM_SHUTDOWN_RECORD, 0);
}

/* The regions that were there at one epoch are disjoint and valid. */
static void check_map(struct ppt_check *c, const struct ppt_memory_map *map,
		      bool present)
{
	struct ppt_memory_map seen = { .count = 0 };

	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *r = &map->region[i];

		if (r->len == 0 && i > 0 && (!present || r->base == 0))
			continue; /* gone */
		if (ppt__region_check(&seen, r, NULL) ||
		    (r->kind == PPT_REGION_POOL) != (i == 0)) {
			ppt__check_pool(c,
					present ? PPT_PROBLEM_REGION_INVALID :
						  PPT_PROBLEM_REGION_OLD,
					i);
			return;
		}
		seen.region[seen.count++] = *r;
	}
}

/* Where each recorded region is now; len 0 if it is nowhere. */
static void find_present(struct ppt_check *c)
{
	struct ppt_problem p = ppt__problem(PPT_PROBLEM_MEMORY_MAP);
	struct ppt_diag diag = { .err = 0 };

	if (!ppt__reconcile_check(c->pool, c->cfg.present, &c->now, &diag))
		return;
	c->err = PPT_E_REGION;
	p.found = diag.at;
	if (diag.why)
		p.message = diag.why;
	ppt__check_tell(&c->serial, &p);
}

/* Regions are where no address is wider than 52 bits. */
static void find_wide(struct ppt_check *c)
{
	for (uint32_t i = 0; i < c->now.count; i++) {
		const struct ppt_region *r = &c->now.region[i];

		c->wide |= r->len && (r->base + r->len - 1) & c->width;
	}
}

void ppt__check_regions(struct ppt_check *c)
{
	const struct ppt_m_superblock *sb = c->pool->superblock;

	check_reserved(c);
	check_usc(c);
	if (!same_uuid(sb->region[0].uuid, sb->uuid))
		ppt__check_pool(c, PPT_PROBLEM_REGION_POOL, 0);
	c->epoch_oldest = ppt__get32(sb->epoch_oldest);
	c->epochs = c->pool->epoch - c->epoch_oldest + 1; /* 1 to 4: checked */
	for (uint32_t i = 0; i < c->epochs; i++) {
		ppt__epoch_map(sb, c->epoch_oldest + i, &c->map[i]);
		check_map(c, &c->map[i], i == c->epochs - 1);
		/* What follows relies on that [I10]. */
		if (c->map[i].region[0].len != ppt__get64(sb->pool_bytes))
			ppt__check_pool(c, PPT_PROBLEM_REGION_OLD, 0);
		c->map[i].region[0].len = ppt__get64(sb->pool_bytes);
	}
	c->now = c->pool->map;
	if (c->cfg.present)
		find_present(c);
	find_wide(c);
}
