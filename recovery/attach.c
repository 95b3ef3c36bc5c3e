/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Restart: from any image to a pool that can be trusted, or a reason why not.
 * Layer: recovery.  Owns I9.
 *
 *   superblock -> journal scan -> memory map -> (from here on it writes)
 *   replay -> epoch -> trust
 */
#include "core/pt.h"
#include "core/usc.h"
#include "recovery/reconcile.h"
#include "recovery/replay.h"

const char *ppt_verdict_name(enum ppt_verdict verdict)
{
	switch (verdict) {
	case PPT_VERDICT_CLEAN:
		return "clean";
	case PPT_VERDICT_REPLAYED:
		return "replayed";
	case PPT_VERDICT_DEGRADED:
		return "degraded";
	case PPT_VERDICT_REFUSED:
		return "refused";
	}
	return "unknown";
}

/*
 * Of the copies on the media the one that counts.  If there is room for it in
 * @own, that is where *@sb is: what is read later is what was checked, also if
 * the media does not read the same each time.  Without @spare the other copy is
 * checked only if it is needed.
 */
static int choose_superblock(const struct ppt__pm *pm,
			     struct ppt_m_superblock *own, bool spare,
			     const struct ppt_m_superblock **sb,
			     bool *fell_back, struct ppt_diag *diag)
{
	const struct ppt_m_superblock *copy[2];
	uint32_t slot, newer;
	int err = 0;

	if (pm->words < 2 * PPT_PAGE_WORDS)
		return ppt__fail(diag, PPT_E_SIZE, "media",
				 "shorter than two superblocks", pm->words * 8);
	for (uint32_t i = 0; i < 2; i++)
		copy[i] = (const struct ppt_m_superblock *)ppt__pm_view(
			pm, ppt__word(i, 0), PPT_M_SB_WORDS);
	newer = ppt__get64(copy[1]->generation) >
		ppt__get64(copy[0]->generation);
	if (own) {
		__builtin_memcpy(own, copy[newer], sizeof(*own));
		copy[newer] = own;
	}
	slot = newer;
	*fell_back = false;
	if (!own || spare || ppt__superblock_check(own, newer, NULL))
		err = ppt__superblock_choose(copy[0], copy[1], &slot, fell_back,
					     diag);
	if (!err && own && slot != newer) {
		__builtin_memcpy(own, copy[slot], sizeof(*own));
		copy[slot] = own;
		err = ppt__superblock_check(own, slot, diag);
	}
	if (err)
		return err;
	*sb = copy[slot];
	if (ppt__get64((*sb)->pool_bytes) > pm->words * 8)
		return ppt__fail(diag, PPT_E_SIZE, "media",
				 "shorter than the pool", pm->words * 8);
	return 0;
}

/* That a sound other copy is not another pool's: which one is this, then? */
static int check_twin(const struct ppt__pm *pm,
		      const struct ppt_m_superblock *sb, struct ppt_diag *diag)
{
	uint32_t slot = ppt__get32(sb->slot) ^ 1;
	const struct ppt_m_superblock *twin =
		(const struct ppt_m_superblock *)ppt__pm_view(
			pm, ppt__word(slot, 0), PPT_M_SB_WORDS);

	if (!__builtin_memcmp(twin->uuid, sb->uuid, sizeof(sb->uuid)) ||
	    ppt__superblock_check(twin, slot, NULL))
		return 0;
	return ppt__fail(diag, PPT_E_CORRUPT, "superblock",
			 "the copies are of two pools; a repair mends it",
			 slot);
}

const char *ppt_trust_name(enum ppt_trust trust)
{
	static const char *const name[] = { "touch", "none", "full" };

	return (unsigned)trust <= PPT_TRUST_FULL ? name[trust] : "unknown";
}

const char *ppt_lost_name(enum ppt_lost lost)
{
	static const char *const name[] = { "fault", "drop", "replace" };

	return (unsigned)lost <= PPT_LOST_REPLACE ? name[lost] : "unknown";
}

int ppt_probe(const void *media, uint64_t bytes, struct ppt_geometry *out,
	      struct ppt_diag *diag)
{
	const struct ppt__pm pm = { .media = media, .words = bytes / 8 };
	const struct ppt_m_superblock *sb;
	bool fell_back;
	int err;

	if (!media || (uintptr_t)media % 8)
		return ppt__fail(diag, PPT_E_INVAL, "media",
				 "NULL or not aligned to 8", (uintptr_t)media);
	ppt__crc32c_init();
	err = choose_superblock(&pm, NULL, true, &sb, &fell_back, diag);
	if (err)
		return err;
	ppt__geometry_of(sb, out);
	out->usc = ppt__usc_load(&pm, sb);
	return 0;
}

/* A feature that this version lacks, but that does not hinder reading. */
static int check_features(const struct ppt_m_superblock *sb, uint32_t flags,
			  struct ppt_diag *diag)
{
	uint64_t unknown = ppt__get64(sb->ro_compat) & ~PPT_M_RO_COMPAT;

	if (unknown && !(flags & PPT_ATTACH_READ_ONLY))
		return ppt__fail(diag, PPT_E_FEATURE, "superblock",
				 "unknown feature: readable, not writable",
				 unknown);
	return 0;
}

static int check_config(const struct ppt_attach_config *cfg,
			struct ppt_diag *diag)
{
	const uint32_t flags = PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY |
			       PPT_ATTACH_DRAM_KEPT | PPT_ATTACH_PRIVATE;

	if (cfg->flags & ~flags)
		return ppt__fail(diag, PPT_E_INVAL, "flags", "unknown bits",
				 cfg->flags);
	if (cfg->trust > PPT_TRUST_FULL)
		return ppt__fail(diag, PPT_E_INVAL, "trust", "no such mode",
				 cfg->trust);
	if (cfg->lost > PPT_LOST_REPLACE)
		return ppt__fail(diag, PPT_E_INVAL, "lost", "no such policy",
				 cfg->lost);
	if (cfg->policy & ~(uint32_t)PPT_POLICY_WX)
		return ppt__fail(diag, PPT_E_INVAL, "policy",
				 "attach knows W^X only; check knows all",
				 cfg->policy);
	if (cfg->usc && (cfg->usc->state > PPT_USC_UNSAFE ||
			 cfg->flags & PPT_ATTACH_READ_ONLY))
		return ppt__fail(diag, PPT_E_INVAL, "usc",
				 "cannot be stored, or not by a reader",
				 cfg->usc->state);
	return 0;
}

/* Roots that the directory names, and that do not say that they are tables. */
static void check_roots(struct ppt_pool *pool, struct ppt_attach_report *report)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;

	while (!ppt_space_next(pool, &cursor, &info, NULL)) {
		const struct ppt__pt_ops *ops = ppt__pt_ops(info.format);
		uint32_t page;

		if (ppt__pa_page(pool, info.root_pa, &page))
			ppt__trust_stray(pool, page, ops->family, ops->levels,
					 &report->tables_damaged,
					 &report->first_damaged);
	}
}

/*
 * From here on tables are touched when they are met, or all of them now.
 * A reader whose private copy is made only once does what there is to be written
 * at once.
 */
static void settle_trust(struct ppt_pool *pool,
			 const struct ppt_attach_config *cfg,
			 struct ppt_attach_report *report)
{
	struct ppt__trust *t = &pool->trust;
	bool hardware =
		!(cfg->flags & (PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY));
	bool stale = ppt__get32(pool->superblock->epoch_oldest) != pool->epoch;
	bool once = cfg->flags & PPT_ATTACH_READ_ONLY &&
		    !(cfg->flags & PPT_ATTACH_PRIVATE);

	t->mode = cfg->trust == PPT_TRUST_NONE && stale ? PPT_TRUST_TOUCH :
							  cfg->trust;
	t->lost = cfg->lost;
	t->policy = cfg->policy;
	t->arms = hardware;
	t->marks = hardware && t->mode == PPT_TRUST_TOUCH;
	if (t->mode == PPT_TRUST_FULL || (stale && once)) {
		ppt__trust_sweep(pool, UINT64_MAX, &report->tables_damaged,
				 &report->first_damaged);
		if (!report->tables_damaged)
			ppt__epochs_forget(pool, false);
		ppt__trust_links(pool, &report->tables_damaged,
				 &report->first_damaged);
		check_roots(pool, report);
	}
	report->trust = t->mode;
}

static void report_pool(const struct ppt_pool *pool,
			struct ppt_attach_report *r)
{
	r->epoch = pool->epoch;
	r->epochs_left =
		pool->epoch - ppt__get32(pool->superblock->epoch_oldest);
	r->tables_checked = pool->trust.touched;
	r->tables_rebased = pool->trust.rebased;
	r->frames_lost = pool->trust.frames_lost;
}

static uint32_t regions_lost(const struct ppt_memory_map *was,
			     const struct ppt_memory_map *now)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < was->count; i++)
		lost += now->region[i].len < was->region[i].len;
	return lost;
}

static int attach(const struct ppt_attach_config *cfg, struct ppt_pool **out,
		  struct ppt_attach_report *report, struct ppt_diag *diag)
{
	const struct ppt_m_superblock *sb;
	struct ppt_pool *pool;
	struct ppt__scan scan = { .lines = 0 };
	struct ppt_memory_map now;
	struct ppt__pm pm;
	uint32_t flags = cfg->flags;
	int err = check_config(cfg, diag);

	if (!err)
		err = ppt__pm_init(&pm, &cfg->pm, diag);
	if (!err)
		err = choose_superblock(
			&pm,
			ppt__pool_superblock(cfg->scratch, cfg->scratch_bytes),
			cfg->trust != PPT_TRUST_NONE, &sb,
			&report->superblock_fell_back, diag);
	if (!err)
		err = check_twin(&pm, sb, diag);
	if (!err) /* recovery itself writes, into a private copy if need be */
		err = ppt__pool_init(&pool, cfg->scratch, cfg->scratch_bytes,
				     &pm, sb,
				     flags & ~(uint32_t)PPT_ATTACH_READ_ONLY,
				     diag);
	if (!err)
		err = check_features(pool->superblock, flags, diag);
	if (!err)
		err = ppt__journal_look(pool, &scan, diag);
	report->lines_scanned = scan.lines;
	if (!err)
		err = ppt__reconcile_check(pool, cfg->present, &now, diag);
	if (err)
		return err;
	/* first write [I9] */
	if (cfg->usc && ppt__usc_write(pool, cfg->usc) && cfg->drain)
		cfg->drain(cfg->drain_ctx);
	err = ppt__journal_replay(pool, &scan, diag);
	if (err)
		return err;
	report->records_replayed = scan.records;
	ppt__frames_init(pool, pool->journal.hint);
	pool->trust.readable = cfg->readable;
	pool->trust.readable_ctx = cfg->readable_ctx;
	ppt__reclaim_load(pool);
	report->reclaim_damaged = pool->list_damaged;
	report->regions_lost = regions_lost(&pool->map, &now);
	report->map_changed = ppt__reconcile(
		pool, &now, cfg->present && !(flags & PPT_ATTACH_DRAM_KEPT));
	settle_trust(pool, cfg, report);
	report_pool(pool, report);
	pool->flags = flags;
	*out = pool;
	return 0;
}

int ppt_attach(const struct ppt_attach_config *cfg, struct ppt_pool **out,
	       struct ppt_attach_report *report, struct ppt_diag *diag)
{
	struct ppt_attach_report r = { .verdict = PPT_VERDICT_CLEAN };
	int err = attach(cfg, out, &r, diag);

	if (err)
		r.verdict = PPT_VERDICT_REFUSED;
	else if (r.regions_lost || r.tables_damaged || r.reclaim_damaged)
		r.verdict = PPT_VERDICT_DEGRADED;
	else if (r.records_replayed || r.tables_rebased || r.map_changed)
		r.verdict = PPT_VERDICT_REPLAYED;
	if (report)
		*report = r;
	return err;
}

int ppt_detach(struct ppt_pool *pool)
{
	if (pool->txn.open)
		ppt_abort(pool);
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return 0;
	ppt__txn_settle(pool);
	ppt__journal_close(pool);
	return 0;
}
