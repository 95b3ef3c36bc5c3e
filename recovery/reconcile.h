/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recorded memory map and the present one.  Layer: recovery.  Owns I8.
 */
#ifndef PPTABLE_RECOVERY_RECONCILE_H
#define PPTABLE_RECOVERY_RECONCILE_H

#include "core/pool.h"

/*
 * Make the tables those of @present (NULL: as recorded): every table that was
 * written under another map is rebased, each in one transaction with its epoch.
 * Everything is validated first [I9].
 * Return: 0; PPT_E_REGION; PPT_E_CORRUPT; PPT_E_NOSPC and others.
 *
 * What needs no table to be read is judged by ppt__reconcile_check already.
 */
int ppt__reconcile_check(struct ppt_pool *pool,
			 const struct ppt_memory_map *present,
			 struct ppt_diag *diag);

int ppt__reconcile(struct ppt_pool *pool, const struct ppt_memory_map *present,
		   uint64_t *rebased, struct ppt_diag *diag);

#endif
