/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal after a crash: find its end, tell a torn end from damage, replay.
 * Layer: recovery.  Owns I4; reads what core/journal wrote.
 */
#ifndef PPTABLE_RECOVERY_REPLAY_H
#define PPTABLE_RECOVERY_REPLAY_H

#include "core/pool.h"

struct ppt__scan {
	uint64_t tail; /* where it starts */
	uint64_t end;  /* behind the last whole transaction */
	uint64_t records;
	uint64_t lines; /* looked at */
};

/*
 * Look at the live ring; changes nothing.  *@out is set on failure, too.
 * Return: 0; PPT_E_JOURNAL both tails damaged, a record that a later one
 *         declares durable is invalid, or a run leads outside the pages that
 *         runs may change.
 */
int ppt__journal_scan(struct ppt_pool *pool, struct ppt__scan *out,
		      struct ppt_diag *diag);

/*
 * Set every word that the whole records set, write back, and start the ring
 * anew behind every line that a torn transaction may have used.  May be cut at
 * any point and run again [I4].  Without records to replay nothing is written;
 * the ring is started anew by the first commit then.
 * Return: 0; PPT_E_JOURNAL the ring does not read as it did in the scan.
 */
int ppt__journal_replay(struct ppt_pool *pool, const struct ppt__scan *scan,
			struct ppt_diag *diag);

#endif
