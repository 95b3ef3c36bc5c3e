/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Formatting a pool.  Layer: core.  The superblocks' magic goes first and comes
 * last: in between the media is no pool.
 */
#include "core/pool.h"
#include "core/usc.h"
#include "format/mutant.h"

static uint64_t default_journal(uint64_t pool_bytes)
{
	uint64_t journal = PPT_JOURNAL_BYTES_DEFAULT;

	while (journal > pool_bytes / 16 && journal > PPT_JOURNAL_BYTES_MIN)
		journal /= 2;
	return journal;
}

static int check_regions(const struct ppt_create_config *cfg,
			 struct ppt_memory_map *map, struct ppt_diag *diag)
{
	struct ppt_region self = {
		.uuid = cfg->uuid,
		.kind = PPT_REGION_POOL,
		.base = cfg->phys_base,
		.len = cfg->pm.bytes,
	};
	int err;

	if (cfg->phys_base % PPT_SIZE_2M)
		return ppt__fail(diag, PPT_E_INVAL, "phys-base",
				 "not a multiple of 2 MiB", cfg->phys_base);
	if (cfg->regions.count > PPT_REGIONS_MAX - 1)
		return ppt__fail(diag, PPT_E_LIMIT, "region", "too many",
				 cfg->regions.count);
	map->count = 0;
	err = ppt__region_check(map, &self, diag);
	if (err)
		return err;
	map->region[map->count++] = self;
	for (uint32_t i = 0; i < cfg->regions.count; i++) {
		const struct ppt_region *r = &cfg->regions.region[i];

		if (r->kind == PPT_REGION_POOL)
			return ppt__fail(diag, PPT_E_INVAL, "region kind",
					 "a pool has one region of kind pool",
					 r->base);
		err = ppt__region_check(map, r, diag);
		if (err)
			return err;
		map->region[map->count++] = *r;
	}
	return 0;
}

static void write_descriptors(struct ppt__pm *pm, const struct ppt__layout *l,
			      uint32_t seed)
{
	uint64_t first = ppt__word(l->desc_page, 0);
	uint64_t words = (uint64_t)l->desc_pages * PPT_PAGE_WORDS;
	uint64_t fixed = ppt__desc_plain(seed, PPT__DESC_FIXED);
	uint64_t meta[2] = {
		ppt__desc_zero_page(seed, l->dir_page, ppt__desc_meta()),
		ppt__desc_zero_page(seed, l->reclaim_page, ppt__desc_meta()),
	};
	uint64_t rest = l->pages - l->first_page;

	ppt__pm_stream_run(pm, first, l->dir_page, fixed, 0);
	ppt__pm_stream(pm, first + l->dir_page, meta, 2);
	ppt__pm_stream_run(pm, first + l->first_page, rest,
			   ppt__desc_plain(seed, PPT__DESC_FREE), 0);
	/* Words behind the last page's describe nothing that exists. */
	ppt__pm_stream_run(pm, first + l->pages, words - l->pages, fixed, 0);
}

/* Both, but for the word that makes them superblocks. */
static void write_superblocks(struct ppt__pm *pm,
			      const struct ppt_create_config *cfg,
			      const struct ppt__layout *l,
			      const struct ppt_memory_map *map, uint32_t seed)
{
	struct ppt_m_superblock sb = {
		.magic = ppt__le64(PPT_M_MAGIC),
		.version = ppt__le32(PPT_M_VERSION),
		.pool_bytes = ppt__le64(cfg->pm.bytes),
		.journal_page = ppt__le32(l->journal_page),
		.journal_pages = ppt__le32(l->journal_pages),
		.desc_page = ppt__le32(l->desc_page),
		.desc_pages = ppt__le32(l->desc_pages),
		.dir_page = ppt__le32(l->dir_page),
		.reclaim_page = ppt__le32(l->reclaim_page),
		.first_page = ppt__le32(l->first_page),
		.region_count = ppt__le32(map->count),
	};
	uint64_t tail[8] = { ppt__tail_word(seed, 0),
			     l->first_page / PPT_PAGE_WORDS };

	tail[PPT_M_CLOSED_WORD - PPT_M_TAIL_WORD] = tail[0];
	if (cfg->usc.state != PPT_USC_MISSING) {
		sb.ro_compat = ppt__le64(PPT_M_RO_COMPAT_USC);
		tail[2] = cfg->usc.device;
		tail[3] = cfg->usc.count;
		tail[4] = ppt__usc_word(seed, &cfg->usc);
	}
	__builtin_memcpy(sb.uuid, cfg->uuid.b, sizeof(sb.uuid));
	for (uint32_t i = 0; i < map->count; i++)
		ppt__superblock_set_region(&sb, i, 0, &map->region[i]);
	for (uint32_t slot = 0; slot < 2; slot++) {
		sb.slot = ppt__le32(slot);
		sb.generation = ppt__le64(2 - slot);
		ppt__superblock_seal(&sb);
		ppt__pm_stream(pm, ppt__word(slot, PPT_M_TAIL_WORD), tail, 8);
		ppt__pm_stream(pm, ppt__word(slot, 1),
			       (const uint64_t *)&sb + 1, PPT_M_SB_WORDS - 1);
		/* What only page 0 has. */
		__builtin_memset(tail + 2, 0, sizeof(tail) - 2 * 8);
	}
}

/* Make the media a pool, or no pool. */
static void write_magic(struct ppt__pm *pm, uint64_t magic)
{
	for (uint32_t slot = 0; slot < 2; slot++) {
		ppt__pm_store(pm, ppt__word(slot, 0), magic);
		ppt__pm_flush(pm, ppt__word(slot, 0));
	}
	ppt__pm_fence(pm);
}

int ppt_create(const struct ppt_create_config *cfg, struct ppt_diag *diag)
{
	uint64_t journal = cfg->journal_bytes;
	struct ppt_memory_map map;
	struct ppt__layout l;
	struct ppt__pm pm;
	uint32_t seed;
	int err = ppt__pm_init(&pm, &cfg->pm, diag);

	if (err)
		return err;
	if (!journal)
		journal = default_journal(cfg->pm.bytes);
	err = ppt__layout(cfg->pm.bytes, journal, &l, diag);
	if (!err)
		err = check_regions(cfg, &map, diag);
	if (!err && cfg->usc.state > PPT_USC_UNSAFE)
		err = ppt__fail(diag, PPT_E_INVAL, "usc", "no such state",
				cfg->usc.state);
	if (err)
		return err;
	seed = ppt__seed(cfg->uuid.b);
	if (!PPT_MUTANT(MAGIC_KEPT))
		write_magic(&pm, 0);
	ppt__pm_stream_run(&pm, ppt__word(l.journal_page, 0),
			   (uint64_t)l.journal_pages * PPT_PAGE_WORDS, 0, 0);
	write_descriptors(&pm, &l, seed);
	ppt__pm_stream_run(&pm, ppt__word(l.dir_page, 0), 2 * PPT_PAGE_WORDS, 0,
			   0);
	write_superblocks(&pm, cfg, &l, &map, seed);
	ppt__pm_fence(&pm);
	/* From here on it is a pool: each copy is good by itself. */
	write_magic(&pm, PPT_M_MAGIC);
	return 0;
}
