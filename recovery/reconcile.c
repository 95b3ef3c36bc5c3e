/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A region is recognised by its UUID.  The superblock remembers where regions
 * were at up to four epochs:
 *
 *   1  nothing moved              no write at all
 *   2  something moved            a superblock with the next epoch
 *   3  tables of older epochs     one transaction each: words, CRC, epoch [I8]
 *   4  none is left               a superblock that forgets older epochs
 *
 * A crash leaves a mixture of epochs that step 3 goes on with.
 */
#include "recovery/reconcile.h"

#include "core/pt.h"
#include "core/table.h"
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

/* The recorded regions, where they are now, then those that are new. */
static int merge_maps(const struct ppt_pool *pool,
		      const struct ppt_memory_map *present,
		      struct ppt_memory_map *out, struct ppt_diag *diag)
{
	struct ppt_memory_map seen = { .count = 0 };

	if (present->count > PPT_REGIONS_MAX)
		return ppt__fail(diag, PPT_E_LIMIT, "memory map",
				 "too many regions", present->count);
	for (uint32_t i = 0; i < present->count; i++) {
		int err = ppt__region_check(&seen, &present->region[i], diag);

		if (err)
			return err;
		seen.region[seen.count++] = present->region[i];
	}
	out->count = 0;
	for (uint32_t i = 0; i < pool->map.count; i++) {
		const struct ppt_region *was = &pool->map.region[i];
		const struct ppt_region *now = find_region(present, &was->uuid);

		if (!now || now->kind != was->kind || now->len < was->len)
			return ppt__fail(diag, PPT_E_REGION, "memory map",
					 "a recorded region is absent, shrunk "
					 "or of another kind",
					 was->base);
		if (i == 0 && now->len != was->len)
			return ppt__fail(diag, PPT_E_REGION, "memory map",
					 "the pool's region has another length",
					 now->base);
		out->region[out->count++] = *now;
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

/* ------------------------------------------------------------ the walk -- */

struct walk {
	struct ppt_pool *pool;
	const struct ppt_memory_map *target;
	const struct ppt__pt_ops *ops;
	bool write;
	uint64_t visited;
	uint64_t rebased;
	struct ppt_diag *diag;
};

/* The map under which a descriptor says that its table was written. */
static int map_of(struct ppt_pool *pool, uint64_t desc, uint32_t page,
		  struct ppt_memory_map *out, struct ppt_diag *diag)
{
	uint32_t oldest = ppt__get32(pool->superblock->epoch_oldest);
	uint32_t count = pool->epoch - oldest + 1; /* modulo 2^32 */

	for (uint32_t i = 0; i < count; i++) {
		uint32_t e = oldest + i;

		if ((e & 15u) != ppt__desc_epoch(desc) &&
		    !PPT_MUTANT(REBASE_TWICE))
			continue;
		ppt__epoch_map(pool->superblock, e, out);
		return 0;
	}
	return ppt__fail(diag, PPT_E_CORRUPT, "table",
			 "written under a memory map that is not recorded",
			 page);
}

/* Check a table in full, and rebase it where this is the writing pass. */
static int visit(struct walk *w, uint32_t page, uint32_t level,
		 struct ppt_memory_map *was)
{
	struct ppt_pool *pool = w->pool;
	uint64_t desc = ppt__desc_load(pool, page);
	const uint64_t *word = ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
					       pool->page_buffer);
	struct ppt__call call;
	int err;

	if (ppt__desc_type(desc) != PPT__DESC_TABLE + level ||
	    ppt__desc_family(desc) != w->ops->family ||
	    desc != ppt__desc_page(pool->seed, page, ppt__desc_hi(desc), word))
		return ppt__fail(w->diag, PPT_E_CORRUPT, "table",
				 "differs from its descriptor", page);
	err = map_of(pool, desc, page, was, w->diag);
	if (!err)
		err = w->ops->rebase(level, word, was, w->target,
				     pool->page_edit, w->diag);
	if (err || !w->write || ppt__desc_epoch(desc) == (pool->epoch & 15u))
		return err;
	err = ppt__call_begin(pool, &call, w->diag);
	if (!err && PPT_MUTANT(EPOCH_APART))
		err = ppt__call_end(pool, &call,
				    ppt__table_write(pool, page, 0,
						     PPT_PAGE_WORDS,
						     pool->page_edit),
				    w->diag);
	if (!err)
		err = ppt__call_end(pool, &call,
				    ppt__table_rebase(pool, page,
						      pool->page_edit),
				    w->diag);
	w->rebased += !err;
	return err;
}

#define LEVELS_MAX 5u

struct step {
	uint32_t page;
	uint32_t slot;
	ppt_pa_t base; /* of the pool, in the map of this table's entries */
};

/* Visit a table and note how to go on below it. */
static int descend(struct walk *w, struct step *s, uint32_t level)
{
	struct ppt_memory_map was;
	int err;

	/* A hostile graph of shared tables could be walked without end. */
	if (w->visited++ == w->pool->at.pages)
		return ppt__fail(w->diag, PPT_E_CORRUPT, "table",
				 "more tables than the pool has pages",
				 s->page);
	if (s->page < w->pool->at.first_page || s->page >= w->pool->at.pages)
		return ppt__fail(w->diag, PPT_E_CORRUPT, "table",
				 "page outside the pool's tables", s->page);
	err = visit(w, s->page, level, &was);
	s->slot = 0;
	/* Rebased by now, or left as it was. */
	s->base = w->write ? w->target->region[0].base : was.region[0].base;
	return err;
}

/* Every table of one tree, parents before children. */
static int walk_tree(struct walk *w, uint32_t root, uint32_t level)
{
	struct step step[LEVELS_MAX + 1];
	uint32_t top = level;
	int err;

	step[level] = (struct step){ .page = root };
	err = descend(w, &step[level], level);
	while (!err && level <= top) {
		struct step *s = &step[level];
		const uint64_t *word = ppt__load_words(w->pool, s->page, 0,
						       PPT_PAGE_WORDS,
						       w->pool->page_buffer);
		ppt_pa_t pa;

		if (!w->ops->next_table(word, level, &s->slot, &pa)) {
			level++;
			continue;
		}
		s->slot++;
		pa -= s->base;
		if (pa / PPT_PAGE_BYTES >= w->pool->at.pages)
			return ppt__fail(w->diag, PPT_E_CORRUPT, "table",
					 "entry leads outside the pool",
					 s->page);
		level--;
		step[level].page = (uint32_t)(pa / PPT_PAGE_BYTES);
		err = descend(w, &step[level], level);
	}
	return err;
}

static int walk_spaces(struct walk *w)
{
	struct ppt_pool *pool = w->pool;
	struct ppt__chain chain = ppt__chain_first(pool);

	for (uint32_t k = 0; chain.page && k < PPT_M_DIR_PAGES_MAX; k++) {
		uint32_t page = chain.page;
		int err;

		for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++) {
			uint32_t at = i * PPT_M_DIR_WORDS;
			uint64_t format =
				ppt__load(pool, page, at + PPT_M_DIR_FORMAT);
			uint64_t root =
				ppt__load(pool, page, at + PPT_M_DIR_ROOT);

			if (!format)
				continue;
			w->ops = format > UINT8_MAX ?
					 NULL :
					 ppt__pt_ops((enum ppt_format)format);
			if (!w->ops || root >= pool->at.pages)
				return ppt__fail(w->diag, PPT_E_CORRUPT,
						 "directory", "bad entry",
						 page);
			err = walk_tree(w, (uint32_t)root, w->ops->levels);
			if (err)
				return err;
		}
		err = ppt__chain_next(pool, &chain, w->diag);
		if (err)
			return err;
	}
	return 0;
}

/* Tables on the reclaim list too: they are walked to be freed. */
static int walk_orphans(struct walk *w)
{
	struct ppt_pool *pool = w->pool;

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item = ppt__load(pool, pool->at.reclaim_page, s), desc;
		uint32_t page = ppt__reclaim_page(item);
		int err;

		if (!item || ppt__reclaim_kind(item) == PPT_M_RECLAIM_EXTENT)
			continue;
		if (page >= pool->at.pages)
			return ppt__fail(w->diag, PPT_E_CORRUPT, "reclaim list",
					 "bad item", s);
		desc = ppt__desc_load(pool, page);
		w->ops = ppt__pt_ops_of_family(ppt__desc_family(desc));
		if (!w->ops || !ppt__desc_is_table(desc) ||
		    ppt__desc_level(desc) > LEVELS_MAX)
			return ppt__fail(w->diag, PPT_E_CORRUPT, "reclaim list",
					 "item is not a table", page);
		err = walk_tree(w, page, ppt__desc_level(desc));
		if (err)
			return err;
	}
	return 0;
}

static int walk_all(struct ppt_pool *pool, const struct ppt_memory_map *target,
		    bool write, uint64_t *rebased, struct ppt_diag *diag)
{
	struct walk w = {
		.pool = pool, .target = target, .write = write, .diag = diag
	};
	int err = walk_spaces(&w);

	if (!err)
		err = walk_orphans(&w);
	*rebased += w.rebased;
	return err;
}

/* ----------------------------------------------------------- the epochs -- */

/* Steps 3 and 4: bring every table to the recorded epoch. */
static int work_off(struct ppt_pool *pool, uint64_t *rebased,
		    struct ppt_diag *diag)
{
	uint64_t none = 0;
	int err;

	if (ppt__get32(pool->superblock->epoch_oldest) == pool->epoch)
		return 0;
	err = walk_all(pool, &pool->map, false, &none, diag); /* [I9] */
	if (err)
		return err;
	/* Each table is a transaction; the fence may be shared. */
	pool->relaxed = true;
	err = walk_all(pool, &pool->map, true, rebased, diag);
	pool->relaxed = false;
	ppt__txn_settle(pool);
	if (err)
		return err;
	/* No record of an older epoch may be replayed after this. */
	ppt_checkpoint(pool);
	pool->superblock->epoch_oldest = ppt__le32(pool->epoch);
	ppt__superblock_write(pool);
	return 0;
}

static bool same_places(const struct ppt_memory_map *a,
			const struct ppt_memory_map *b, bool *grown)
{
	bool same = true;

	*grown = a->count != b->count;
	for (uint32_t i = 0; i < a->count; i++) {
		same &= a->region[i].base == b->region[i].base;
		*grown |= a->region[i].len != b->region[i].len;
	}
	return same;
}

/* Record a map as that of an epoch, in a superblock that counts from now on. */
static void record_map(struct ppt_pool *pool, const struct ppt_memory_map *map,
		       uint32_t epoch)
{
	struct ppt_m_superblock *sb = pool->superblock;

	for (uint32_t i = ppt__get32(sb->region_count); i < map->count; i++)
		__builtin_memset(&sb->region[i], 0, sizeof(sb->region[i]));
	for (uint32_t i = 0; i < map->count; i++)
		ppt__superblock_set_region(sb, i, epoch, &map->region[i]);
	sb->region_count = ppt__le32(map->count);
	sb->epoch = ppt__le32(epoch);
	pool->map = *map;
	pool->epoch = epoch;
	pool->last_region = 0;
	ppt__superblock_write(pool);
}

int ppt__reconcile_check(struct ppt_pool *pool,
			 const struct ppt_memory_map *present,
			 struct ppt_diag *diag)
{
	struct ppt_memory_map now;

	return present ? merge_maps(pool, present, &now, diag) : 0;
}

int ppt__reconcile(struct ppt_pool *pool, const struct ppt_memory_map *present,
		   uint64_t *rebased, struct ppt_diag *diag)
{
	struct ppt_memory_map now;
	uint64_t none = 0;
	bool grown, same;
	int err;

	if (!present)
		return work_off(pool, rebased, diag);
	err = merge_maps(pool, present, &now, diag);
	if (err)
		return err;
	same = same_places(&pool->map, &now, &grown);
	/* All of it is judged before anything is recorded [I9]. */
	if (!same || ppt__get32(pool->superblock->epoch_oldest) != pool->epoch)
		err = walk_all(pool, &now, false, &none, diag);
	if (err)
		return err;
	if (same && grown)
		record_map(pool, &now, pool->epoch);
	if (same)
		return work_off(pool, rebased, diag);
	/* A slot for one more epoch: at most PPT_M_EPOCHS are remembered. */
	if (pool->epoch - ppt__get32(pool->superblock->epoch_oldest) ==
	    PPT_M_EPOCHS - 1)
		err = work_off(pool, rebased, diag);
	if (err)
		return err;
	record_map(pool, &now, pool->epoch + 1);
	return work_off(pool, rebased, diag);
}
