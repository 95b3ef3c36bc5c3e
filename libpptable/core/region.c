/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory map: which physical memory entries may lead to.  Layer: core.
 * Owns its half of I7: no leaf leads outside the known regions.
 */
#include "core/pool.h"
#include "core/pt.h"

static bool overlap(ppt_pa_t a, uint64_t alen, ppt_pa_t b, uint64_t blen)
{
	return a < b + blen && b < a + alen;
}

static bool same_uuid(const struct ppt_uuid *a, const struct ppt_uuid *b)
{
	return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

/* Widest physical address of any format: x86-64 (SDM 3A 4.1.4). */
#define PA_END (UINT64_C(1) << 52)

int ppt__region_check(const struct ppt_memory_map *map,
		      const struct ppt_region *r, struct ppt_diag *diag)
{
	static const struct ppt_uuid none;

	if (same_uuid(&r->uuid, &none))
		return ppt__fail(diag, PPT_E_INVAL, "region uuid", "is zero",
				 r->base);
	if (r->kind < PPT_REGION_POOL || r->kind > PPT_REGION_DEVICE)
		return ppt__fail(diag, PPT_E_INVAL, "region kind", "unknown",
				 r->kind);
	if (r->base % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "region base",
				 "not a multiple of 4 KiB", r->base);
	if (r->len % PPT_PAGE_BYTES || r->len == 0)
		return ppt__fail(diag, PPT_E_INVAL, "region len",
				 "zero or not a multiple of 4 KiB", r->len);
	if (r->len > UINT64_C(1) << PPT__REGION_BYTES_LG2)
		return ppt__fail(diag, PPT_E_RANGE, "region len", "over 64 TiB",
				 r->len);
	if (r->base >= PA_END || r->len > PA_END - r->base)
		return ppt__fail(diag, PPT_E_RANGE, "region base",
				 "beyond 52 bits of physical address", r->base);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *o = &map->region[i];

		if (same_uuid(&o->uuid, &r->uuid))
			return ppt__fail(diag, PPT_E_EXIST, "region uuid",
					 "is in the memory map already",
					 o->base);
		if (overlap(o->base, o->len, r->base, r->len))
			return ppt__fail(diag, PPT_E_REGION, "region base",
					 "overlaps another region", o->base);
	}
	return 0;
}

static bool within(const struct ppt_region *r, ppt_pa_t pa, uint64_t len)
{
	uint64_t off = pa - r->base;

	return off < r->len && len <= r->len - off;
}

bool ppt__pa_known(struct ppt_pool *pool, ppt_pa_t pa, uint64_t len)
{
	const struct ppt_memory_map *m = &pool->map;

	if (within(&m->region[pool->last_region], pa, len))
		return true;
	for (uint32_t i = 0; i < m->count; i++) {
		if (!within(&m->region[i], pa, len))
			continue;
		pool->last_region = i;
		return true;
	}
	return false;
}

void ppt_memory_map(const struct ppt_pool *pool, struct ppt_memory_map *out)
{
	*out = pool->map;
}

void ppt__superblock_set_region(struct ppt_m_superblock *sb, uint32_t i,
				uint32_t epoch, const struct ppt_region *r)
{
	struct ppt_m_region *to = &sb->region[i];
	struct ppt_m_place *at = &to->at[epoch % PPT_M_EPOCHS];

	__builtin_memcpy(to->uuid, r->uuid.b, sizeof(to->uuid));
	to->kind = ppt__le32(r->kind);
	at->base = ppt__le64(r->base);
	at->len = ppt__le64(r->len);
}

static int writable(struct ppt_pool *pool, struct ppt_diag *diag)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return ppt__fail(diag, PPT_E_ROFS, "pool", "open read-only", 0);
	if (pool->txn.open)
		return ppt__fail(diag, PPT_E_BUSY, "pool",
				 "a transaction is open", 0);
	return 0;
}

int ppt_region_add(struct ppt_pool *pool, const struct ppt_region *region,
		   struct ppt_diag *diag)
{
	uint32_t n = pool->map.count;
	int err = writable(pool, diag);

	if (!err)
		err = ppt__region_check(&pool->map, region, diag);
	if (err)
		return err;
	if (region->kind == PPT_REGION_POOL)
		return ppt__fail(diag, PPT_E_INVAL, "region kind",
				 "a pool has one region of kind pool", 0);
	if (n == PPT_REGIONS_MAX)
		return ppt__fail(diag, PPT_E_LIMIT, "region",
				 "the table of regions is full", n);
	__builtin_memset(&pool->superblock->region[n], 0,
			 sizeof(pool->superblock->region[n]));
	ppt__superblock_set_region(pool->superblock, n, pool->epoch, region);
	pool->superblock->region_count = ppt__le32(n + 1);
	ppt__superblock_write(pool);
	pool->map.region[n] = *region;
	pool->map.count = n + 1;
	ppt__trust_load(pool);
	return 0;
}

/* Whether an extent leads, or led, into a region or names one behind it. */
static bool uses(const struct ppt_pool *pool, const struct ppt_extent *ext,
		 uint32_t i)
{
	const struct ppt_region *r = &pool->map.region[i];

	if (ext->state == PPT_EXTENT_MAPPED)
		return overlap(ext->pa, ext->len, r->base, r->len);
	return ext->region >= i; /* its index would change */
}

/* The first mapping of any space that leads into a region. */
static int find_use(struct ppt_pool *pool, uint32_t i, struct ppt_diag *diag)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;
	int err;

	while (!(err = ppt_space_next(pool, &cursor, &info, diag))) {
		struct ppt_space space;
		struct ppt_extent ext;
		struct ppt_iter it;

		err = ppt_space_open(pool, info.name, &space, diag);
		if (err)
			return err;
		ppt_iter_init_any(&it, &space, 0, UINT64_MAX);
		while (!(err = ppt_iter_next(&it, &ext, diag))) {
			if (ext.state == PPT_EXTENT_DAMAGED)
				return ppt__fail(diag, PPT_E_CORRUPT, "va",
						 "damaged: what it maps is not "
						 "known",
						 ext.va);
			if (uses(pool, &ext, i))
				return ppt__fail(diag, PPT_E_BUSY, "region",
						 "a frame in it is mapped, "
						 "or one of a region behind it "
						 "is lost",
						 ext.va);
		}
		if (err != PPT_E_NOENT)
			return err;
	}
	return err == PPT_E_NOENT ? 0 : err;
}

int ppt_region_remove(struct ppt_pool *pool, const struct ppt_uuid *uuid,
		      struct ppt_diag *diag)
{
	struct ppt_m_superblock *sb = pool->superblock;
	uint32_t i = 0, n = pool->map.count;
	int err = writable(pool, diag);

	if (err)
		return err;
	while (i < n && !same_uuid(&pool->map.region[i].uuid, uuid))
		i++;
	if (i == n)
		return ppt__fail(diag, PPT_E_NOENT, "region",
				 "no region has this uuid", 0);
	if (i == 0)
		return ppt__fail(diag, PPT_E_INVAL, "region",
				 "it is the pool itself", 0);
	/* What is unlinked but not freed, or not durable yet, uses it too. */
	ppt__txn_settle(pool);
	/* Entries of older epochs know regions by their place in the list. */
	ppt_settle(pool, UINT64_MAX, NULL);
	err = ppt_reclaim(pool, UINT64_MAX, NULL);
	if (err)
		return ppt__fail(diag, err, "reclaim list",
				 "what it holds may use the region", 0);
	err = find_use(pool, i, diag); /* [I7] */
	if (err)
		return err;
	for (; i + 1 < n; i++) {
		pool->map.region[i] = pool->map.region[i + 1];
		sb->region[i] = sb->region[i + 1];
	}
	__builtin_memset(&sb->region[n - 1], 0, sizeof(sb->region[0]));
	sb->region_count = ppt__le32(n - 1);
	pool->map.count = n - 1;
	pool->last_region = 0;
	ppt__superblock_write(pool);
	ppt__trust_load(pool);
	return 0;
}
