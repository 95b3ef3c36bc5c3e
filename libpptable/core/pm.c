/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/pm.h"

#include "format/cpu.h"
#include "format/crc32c.h"
#include "format/superblock.h"

static bool flush_exists(enum ppt_flush flush)
{
	switch (flush) {
	case PPT_FLUSH_CLWB:
		return ppt__cpu()->clwb;
	case PPT_FLUSH_CLFLUSHOPT:
		return ppt__cpu()->clflushopt;
	case PPT_FLUSH_CLFLUSH:
		return ppt__cpu()->clflush;
	case PPT_FLUSH_EADR:
	case PPT_FLUSH_AUTO:
		return true;
	}
	return false;
}

enum ppt_flush ppt_flush_best(void)
{
	const enum ppt_flush by_cost[] = { PPT_FLUSH_CLWB, PPT_FLUSH_CLFLUSHOPT,
					   PPT_FLUSH_CLFLUSH };

	for (unsigned int i = 0; i < sizeof(by_cost) / sizeof(by_cost[0]); i++)
		if (flush_exists(by_cost[i]))
			return by_cost[i];
	return PPT_FLUSH_EADR;
}

const char *ppt_flush_name(enum ppt_flush flush)
{
	switch (flush) {
	case PPT_FLUSH_AUTO:
		return "auto";
	case PPT_FLUSH_CLWB:
		return "clwb";
	case PPT_FLUSH_CLFLUSHOPT:
		return "clflushopt";
	case PPT_FLUSH_CLFLUSH:
		return "clflush";
	case PPT_FLUSH_EADR:
		return "eadr";
	}
	return "unknown";
}

int ppt__pm_init(struct ppt__pm *pm, const struct ppt_pm_config *cfg,
		 struct ppt_diag *diag)
{
	ppt__crc32c_init();
	if (!cfg->media || (uintptr_t)cfg->media % PPT_PAGE_BYTES ||
	    (uintptr_t)cfg->writable % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "media",
				 "NULL or not aligned to 4 KiB",
				 (uintptr_t)cfg->media);
	if (!flush_exists(cfg->flush))
		return ppt__fail(diag, PPT_E_INVAL, "flush",
				 "this CPU lacks the instruction", cfg->flush);
	*pm = (struct ppt__pm){
		.media = cfg->media,
		.writable = cfg->writable,
		.words = cfg->bytes / 8,
		.observer = cfg->observer,
		.flush = cfg->flush ? cfg->flush : ppt_flush_best(),
	};
	/* The one place where const is taken off media. */
	if (!pm->writable) // NOLINTNEXTLINE(performance-no-int-to-ptr)
		pm->writable = (uint64_t *)(uintptr_t)cfg->media;
	return 0;
}
