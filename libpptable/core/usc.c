/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of the unsafe-shutdown count.  Layer: core.
 *
 * It is in a tail line, under a checksum of its own, and there is one copy:
 * torn or damaged means unknown, which is always right.  So the superblocks,
 * without which there is no pool, are not rewritten just when power may fail.
 * From CLOSED to IN_USE and back only one word changes, which cannot tear.
 */
#include "core/usc.h"

const char *ppt_shutdown_name(enum ppt_shutdown shutdown)
{
	static const char *const name[] = { "none", "safe", "unsafe",
					    "unknown" };

	return (unsigned)shutdown <= PPT_SHUTDOWN_UNKNOWN ? name[shutdown] :
							    "unknown";
}

struct ppt_usc ppt__usc_load(const struct ppt__pm *pm,
			     const struct ppt_m_superblock *sb)
{
	return ppt__usc_read(ppt__seed(sb->uuid),
			     ppt__get64(sb->ro_compat) & PPT_M_RO_COMPAT_USC,
			     ppt__pm_view(pm, ppt__word(0, PPT_M_USC_WORD),
					  PPT_M_USC_WORDS));
}

bool ppt__usc_write(struct ppt_pool *pool, const struct ppt_usc *usc)
{
	struct ppt_m_superblock *sb = pool->superblock;
	struct ppt_usc was = ppt__usc_load(&pool->pm, sb);
	uint64_t at = ppt__word(0, PPT_M_USC_WORD);
	uint64_t features = ppt__get64(sb->ro_compat);
	uint64_t word[PPT_M_USC_WORDS] = { 0 };

	if (was.state == usc->state &&
	    (usc->state == PPT_USC_MISSING ||
	     (was.device == usc->device && was.count == usc->count)))
		return false;
	if (usc->state != PPT_USC_MISSING) {
		word[0] = usc->device;
		word[1] = usc->count;
		word[2] = ppt__usc_word(pool->seed, usc);
		if (!(features & PPT_M_RO_COMPAT_USC)) {
			sb->ro_compat =
				ppt__le64(features | PPT_M_RO_COMPAT_USC);
			ppt__superblock_write(pool);
		}
	}
	for (uint32_t i = 0; i < PPT_M_USC_WORDS; i++)
		ppt__pm_store(&pool->pm, at + i, word[i]);
	ppt__pm_flush(&pool->pm, at);
	ppt__pm_fence(&pool->pm);
	return true;
}

int ppt_usc_set(struct ppt_pool *pool, const struct ppt_usc *usc)
{
	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	if (usc->state > PPT_USC_UNSAFE)
		return PPT_E_INVAL;
	/* ppt_detach has nothing to write after it then. */
	if (usc->state == PPT_USC_CLOSED && !pool->txn.open) {
		ppt__txn_settle(pool);
		ppt__journal_close(pool);
	}
	(void)ppt__usc_write(pool, usc);
	return 0;
}
