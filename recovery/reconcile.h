/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorded memory map and the present one.  Layer: recovery.
 */
#ifndef PPTABLE_RECOVERY_RECONCILE_H
#define PPTABLE_RECOVERY_RECONCILE_H

#include "core/pool.h"

/*
 * Where the recorded regions are in @present (NULL: as recorded), in the
 * recorded order, then those that are new; changes nothing [I9].
 * Return: 0; PPT_E_REGION; PPT_E_LIMIT; the errors of ppt__region_check.
 */
int ppt__reconcile_check(struct ppt_pool *pool,
			 const struct ppt_memory_map *present,
			 struct ppt_memory_map *out, struct ppt_diag *diag);

/*
 * Make @now, from ppt__reconcile_check, the pool's memory map, as a new epoch
 * if it differs.  @dram_lost: what was in DRAM is gone.
 * Return: whether entries mean something else under it.
 */
bool ppt__reconcile(struct ppt_pool *pool, const struct ppt_memory_map *now,
		    bool dram_lost);

#endif
