/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal after a crash: find its end, tell a torn end from damage, replay.
 * Layer: recovery.  Owns I4; reads what core/journal wrote.
 */
#ifndef PPTABLE_RECOVERY_REPLAY_H
#define PPTABLE_RECOVERY_REPLAY_H

#include "core/pool.h"

enum ppt__scan_fault {
	PPT__SCAN_FINE,
	PPT__SCAN_TAILS,  /* both tail words */
	PPT__SCAN_RECORD, /* damaged, though declared durable */
	PPT__SCAN_RUN,    /* a run leads where none may */
};

struct ppt__scan {
	uint64_t tail; /* where it starts */
	uint64_t end;  /* behind the last whole transaction */
	uint64_t records;
	uint64_t lines; /* looked at */
	enum ppt__scan_fault fault;
	uint64_t fault_line;
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
 * The same, but if the pool was closed at its tail: nothing is behind that,
 * and the ring is not read.
 */
int ppt__journal_look(struct ppt_pool *pool, struct ppt__scan *out,
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

/*
 * The record at a line, with runs that replay may believe, into
 * @word[PPT__RECORD_WORDS_MAX].  Returns its lines, or 0 if there is none.
 */
uint32_t ppt__record_read(struct ppt_pool *pool, uint64_t line, uint64_t *word);

#endif
