/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A region is recognised by its UUID.  The superblock remembers where regions
 * were at up to four epochs:
 *
 *   1  nothing has changed        no write at all
 *   2  something has              a superblock with the next epoch
 *   3  tables of older epochs     when they are touched, one transaction each:
 *                                 words, CRC, epoch [I8] (core/trust.c)
 *   4  none is left               a superblock that forgets older epochs
 *
 * A crash leaves a mixture of epochs that step 3 goes on with.
 */
#include "recovery/reconcile.h"

#include "core/trust.h"
#include "format/mutant.h"

static const struct ppt_region *find_region(const struct ppt_memory_map *map,
					    const struct ppt_uuid *uuid)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (!__builtin_memcmp(&map->region[i].uuid, uuid,
				      sizeof(*uuid)))
			return &map->region[i];
	return NULL;
}

static bool anonymous(const struct ppt_region *r)
{
	static const struct ppt_uuid none;

	return !__builtin_memcmp(&r->uuid, &none, sizeof(none));
}

/* That it is a memory map; the one region that may lack a UUID gets it. */
static int take_map(const struct ppt_pool *pool,
		    const struct ppt_memory_map *present,
		    struct ppt_memory_map *out, struct ppt_diag *diag)
{
	if (present->count > PPT_REGIONS_MAX)
		return ppt__fail(diag, PPT_E_LIMIT, "memory map",
				 "too many regions", present->count);
	out->count = 0;
	for (uint32_t i = 0; i < present->count; i++) {
		struct ppt_region *r = &out->region[i];
		const struct ppt_region *own = &pool->map.region[0];
		int err;

		*r = present->region[i];
		if (r->kind == PPT_REGION_POOL && anonymous(r) &&
		    r->len >= own->len) {
			r->uuid = own->uuid;
			r->len = own->len;
		}
		err = ppt__region_check(out, r, diag);
		if (err)
			return err;
		out->count++;
	}
	return 0;
}

/* The recorded regions, where they are now, then those that are new. */
static int merge_maps(const struct ppt_pool *pool,
		      const struct ppt_memory_map *given,
		      struct ppt_memory_map *out, struct ppt_diag *diag)
{
	struct ppt_memory_map map; /* as far as it is counted */
	const struct ppt_memory_map *present = &map;
	int err = take_map(pool, given, &map, diag);

	if (err)
		return err;
	out->count = 0;
	for (uint32_t i = 0; i < pool->map.count; i++) {
		const struct ppt_region *was = &pool->map.region[i];
		const struct ppt_region *now = find_region(present, &was->uuid);

		if (i == 0 && (!now || now->len != was->len))
			return ppt__fail(diag, PPT_E_REGION, "memory map",
					 "the pool's region is not in it, or "
					 "has another length",
					 was->base);
		if (now && now->kind != was->kind)
			return ppt__fail(diag, PPT_E_REGION, "memory map",
					 "a recorded region is of another kind",
					 now->base);
		out->region[out->count] = now ? *now : *was;
		if (!now) /* gone; it may come back */
			out->region[out->count].base = 0;
		if (!now)
			out->region[out->count].len = 0;
		out->count++;
	}
	for (uint32_t i = 0; i < present->count; i++) {
		const struct ppt_region *r = &present->region[i];

		if (find_region(&pool->map, &r->uuid))
			continue;
		if (r->kind == PPT_REGION_POOL)
			continue; /* another pool's own region */
		if (out->count == PPT_REGIONS_MAX)
			return ppt__fail(diag, PPT_E_LIMIT, "memory map",
					 "too many regions", present->count);
		out->region[out->count++] = *r;
	}
	return 0;
}

/* ----------------------------------------------------------- the epochs -- */

/*
 * Whether entries mean something else under another map.  What is in DRAM is
 * lost also while that is not in the map: it may come back.
 */
static bool has_changed(const struct ppt_memory_map *was,
			const struct ppt_memory_map *now, bool dram_lost)
{
	for (uint32_t i = 0; i < was->count; i++) {
		const struct ppt_region *a = &was->region[i];
		const struct ppt_region *b = &now->region[i];

		if (a->base != b->base || a->len != b->len ||
		    (dram_lost && a->kind == PPT_REGION_DRAM))
			return true;
	}
	return false;
}

/* Record a map as that of an epoch, in a superblock that counts from now on. */
static void record_map(struct ppt_pool *pool, const struct ppt_memory_map *map,
		       uint32_t epoch, bool dram_lost)
{
	struct ppt_m_superblock *sb = pool->superblock;
	uint32_t cold = ppt__get32(sb->epochs_cold);
	uint32_t bit = 1u << epoch % PPT_M_EPOCHS;

	for (uint32_t i = ppt__get32(sb->region_count); i < map->count; i++)
		__builtin_memset(&sb->region[i], 0, sizeof(sb->region[i]));
	for (uint32_t i = 0; i < map->count; i++)
		ppt__superblock_set_region(sb, i, epoch, &map->region[i]);
	if (epoch != pool->epoch)
		cold = dram_lost ? cold | bit : cold & ~bit;
	sb->epochs_cold = ppt__le32(cold);
	sb->region_count = ppt__le32(map->count);
	sb->epoch = ppt__le32(epoch);
	pool->map = *map;
	pool->epoch = epoch;
	pool->last_region = 0;
	ppt__superblock_write(pool);
}

int ppt__reconcile_check(struct ppt_pool *pool,
			 const struct ppt_memory_map *present,
			 struct ppt_memory_map *out, struct ppt_diag *diag)
{
	if (present)
		return merge_maps(pool, present, out, diag);
	*out = pool->map;
	return 0;
}

bool ppt__reconcile(struct ppt_pool *pool, const struct ppt_memory_map *now,
		    bool dram_lost)
{
	uint32_t oldest = ppt__get32(pool->superblock->epoch_oldest);
	uint64_t damaged = 0;
	uint32_t first;

	if (!has_changed(&pool->map, now, dram_lost)) {
		if (now->count != pool->map.count)
			record_map(pool, now, pool->epoch, false);
		ppt__trust_load(pool);
		return false;
	}
	/* A slot for one more epoch: at most PPT_M_EPOCHS are remembered. */
	if (pool->epoch - oldest == PPT_M_EPOCHS - 1) {
		ppt__trust_load(pool);
		ppt__trust_sweep(pool, UINT64_MAX, &damaged, &first);
		ppt__epochs_forget(pool, damaged != 0);
		ppt__trust_reset(pool); /* under this map, not under the next */
	}
	record_map(pool, now, pool->epoch + !PPT_MUTANT(EPOCH_SAME), dram_lost);
	ppt__trust_load(pool);
	return true;
}
