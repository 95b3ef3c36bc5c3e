/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Restart: from any image to a pool that can be trusted, or a reason why not.
 * Layer: recovery.  Owns I9.
 *
 *   superblock -> journal scan -> (from here on it writes) replay -> reconcile
 *
 * Trust modes and the full check have their place between replay and the end.
 */
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

static int choose_superblock(const struct ppt__pm *pm,
			     const struct ppt_m_superblock **sb,
			     bool *fell_back, struct ppt_diag *diag)
{
	const struct ppt_m_superblock *copy[2];
	uint32_t slot;
	int err;

	if (pm->words < 2 * PPT_PAGE_WORDS)
		return ppt__fail(diag, PPT_E_SIZE, "media",
				 "shorter than two superblocks", pm->words * 8);
	for (uint32_t i = 0; i < 2; i++)
		copy[i] = (const struct ppt_m_superblock *)ppt__pm_view(
			pm, ppt__word(i, 0), PPT_M_SB_WORDS);
	err = ppt__superblock_choose(copy[0], copy[1], &slot, fell_back, diag);
	if (err)
		return err;
	*sb = copy[slot];
	if (ppt__get64((*sb)->pool_bytes) > pm->words * 8)
		return ppt__fail(diag, PPT_E_SIZE, "media",
				 "shorter than the pool", pm->words * 8);
	return 0;
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
	err = choose_superblock(&pm, &sb, &fell_back, diag);
	if (!err)
		ppt__geometry_of(sb, out);
	return err;
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

static int attach(const struct ppt_attach_config *cfg, struct ppt_pool **out,
		  struct ppt_attach_report *report, struct ppt_diag *diag)
{
	const struct ppt_m_superblock *sb;
	struct ppt_pool *pool;
	struct ppt__scan scan = { .lines = 0 };
	struct ppt__pm pm;
	uint32_t flags = cfg->flags;
	int err = ppt__pm_init(&pm, &cfg->pm, diag);

	if (!err)
		err = choose_superblock(&pm, &sb, &report->superblock_fell_back,
					diag);
	if (!err) /* recovery itself writes, into a private copy if need be */
		err = ppt__pool_init(&pool, cfg->scratch, cfg->scratch_bytes,
				     &pm, sb,
				     flags & ~(uint32_t)PPT_ATTACH_READ_ONLY,
				     diag);
	if (!err)
		err = check_features(pool->superblock, flags, diag);
	if (!err)
		err = ppt__journal_scan(pool, &scan, diag);
	report->lines_scanned = scan.lines;
	if (!err)
		err = ppt__reconcile_check(pool, cfg->present, diag);
	if (err)
		return err;
	err = ppt__journal_replay(pool, &scan, diag); /* first write [I9] */
	if (err)
		return err;
	report->records_replayed = scan.records;
	ppt__frames_init(pool, pool->journal.hint);
	err = ppt__reclaim_load(pool, diag);
	if (!err)
		err = ppt__reconcile(pool, cfg->present,
				     &report->tables_rebased, diag);
	if (err)
		return err;
	report->epoch = pool->epoch;
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
	else if (r.records_replayed || r.tables_rebased)
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
	return ppt_checkpoint(pool);
}
