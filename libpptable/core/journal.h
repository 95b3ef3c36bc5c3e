/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ring journal: records, the commit fence, write-back of home stores, tail.
 * Layer: core.  Owns I1, I3.
 *
 *      tail          durable       head
 *        |  applied,    |  relaxed,  |
 *   -----+--------------+------------+-----  lines, numbered without end
 *
 *   [tail, durable)  records whose home stores were made; some of these are
 *                    not written back yet: the dirty queue names their lines
 *   [durable, head)  records streamed, but not known durable; not applied [I2]
 *
 * Checkpoints have no fence of their own.  One runs beside commits: every few
 * commits flush queued lines before a fence, which covers them; when all that
 * belonged to the records before `target_line` are covered, the next commit
 * stores the tail, and its fence covers that:
 *
 *   IDLE --ppt__journal_assist: half full--> FLUSHING --all flushed--> FLUSHED
 *   FLUSHED --fence--> SETTLED --store tail--> TAIL_STORED --fence--> IDLE
 */
#ifndef PPTABLE_CORE_JOURNAL_H
#define PPTABLE_CORE_JOURNAL_H

#include "core/pm.h"
#include "core/runset.h"
#include "format/mutant.h"

enum ppt__ckpt_phase {
	PPT__CKPT_IDLE,
	PPT__CKPT_FLUSHING,
	PPT__CKPT_FLUSHED,
	PPT__CKPT_SETTLED,
	PPT__CKPT_TAIL_STORED,
};

/*
 * The filter of queued lines has sets of as many ways.  Only were more lines of
 * one set queued at a time, one of them could be queued, and flushed, twice.
 */
#define PPT__DIRTY_WAYS 4u
#define PPT__DIRTY_SETS_LG2 10u
#define PPT__DIRTY_FILTER (PPT__DIRTY_WAYS << PPT__DIRTY_SETS_LG2)

/*
 * Fewer queued lines are compared one by one: what a restart dirties leaves the
 * filter's pages alone.
 */
#define PPT__DIRTY_FEW 16u

/* Lines that one run's home stores leave to be flushed later, at most. */
#define PPT__DIRTY_PER_RUN 4u

struct ppt__journal {
	uint64_t first_word; /* of the ring */
	uint64_t lines;      /* in the ring, a power of two */
	uint64_t window;     /* lines that may be written without a fence */
	uint32_t seed;
	bool attached; /* since then, or since a close, nothing was written */
	bool closing;  /* the tail that is being stored is the last */
	uint64_t head;
	uint64_t durable;
	uint64_t tail;

	/* Lines to write back: a ring of line numbers in the pool. */
	uint64_t *queue;
	uint64_t queue_size; /* a power of two */
	uint64_t queue_head;
	uint64_t queue_tail;
	/*
	 * In the set of a line, where it was last put in the queue: it is
	 * there still if the queue says so.  So any content will do at first,
	 * and attach need not touch it.
	 */
	uint32_t *filter; /* PPT__DIRTY_FILTER of them: modulo 2^32 */

	enum ppt__ckpt_phase phase;
	uint64_t target_queue;
	uint64_t target_line;
	uint64_t step; /* queue entries to flush for a line written … */
	uint64_t owed; /* … and so many of them were not flushed so far */
	uint64_t hint; /* stored beside the tail */

	uint64_t lines_written;
	uint64_t checkpoints;
};

struct ppt_pool;

/* Whether it is time for a checkpoint. */
static inline bool ppt__journal_half_full(const struct ppt__journal *j)
{
	return j->head - j->tail > j->lines / 2 ||
	       j->queue_head - j->queue_tail > j->queue_size / 2;
}

/* Lines that a transaction of n runs takes. */
static inline uint32_t ppt__journal_lines(uint32_t runs)
{
	uint32_t lines = 0;

	for (; runs > PPT__RECORD_RUNS_MAX; runs -= PPT__RECORD_RUNS_MAX)
		lines += PPT__RECORD_LINES_MAX;
	return runs ? lines + ppt__record_lines(runs) : lines;
}

/* Give up what line numbers a torn transaction may have used; a fence. */
void ppt__journal_skip(struct ppt_pool *pool);

/* Whether there is space for @lines more and the runs' home stores. */
static inline bool ppt__journal_has_room(const struct ppt__journal *j,
					 uint64_t lines, uint64_t runs)
{
	uint64_t queued = j->queue_head - j->queue_tail;

	return j->head + lines - j->tail <= j->lines &&
	       queued + PPT__DIRTY_PER_RUN * runs <= j->queue_size;
}

/* See to it that there is; the first time since attach, too.  May checkpoint. */
void ppt__journal_find_room(struct ppt_pool *pool, uint64_t lines,
			    uint64_t runs);

/* Stream the records of a transaction that takes more than a line.  No fence. */
void ppt__journal_append_chain(struct ppt_pool *pool,
			       const struct ppt__run *run, uint32_t n);

/* Before a fence: the share of @lines in a checkpoint. */
void ppt__journal_assist(struct ppt_pool *pool, uint64_t lines);

/* After a fence: what of a checkpoint it has settled. */
void ppt__journal_fenced(struct ppt__journal *j);

/* Neighbouring lines are of different sets: 64 pages fill the filter. */
static inline uint32_t ppt__journal_dirty_set(uint64_t line)
{
	uint64_t hash = line ^ line >> PPT__DIRTY_SETS_LG2;

	return (uint32_t)hash % (1u << PPT__DIRTY_SETS_LG2) * PPT__DIRTY_WAYS;
}

/* Whether a line is one of the few that are queued. */
static inline bool ppt__journal_queued(const struct ppt__journal *j,
				       uint64_t line)
{
	uint64_t end = PPT_MUTANT(DIRTY_ONCE) ? j->queue_head - PPT__DIRTY_FEW :
						j->queue_tail;

	for (uint64_t at = j->queue_head; at != end;)
		if (j->queue[--at & (j->queue_size - 1)] == line)
			return true;
	return false;
}

/* Enter a line that is queued at @at; false if it was queued before that. */
static inline bool ppt__journal_filter(struct ppt__journal *j, uint64_t line,
				       uint64_t at)
{
	uint32_t first = ppt__journal_dirty_set(line);
	uint32_t *set = j->filter + first;
	uint64_t queued = at - j->queue_tail;
	uint32_t to = at % PPT__DIRTY_WAYS;

#pragma GCC unroll 4
	for (uint32_t way = 0; way < PPT__DIRTY_WAYS; way++) {
		uint32_t was = set[way];
		uint64_t there;

		/* Queued already, and not flushed since?  It is a short queue. */
		if (was - (uint32_t)j->queue_tail >= queued &&
		    !PPT_MUTANT(DIRTY_ONCE)) {
			to = way;
			continue;
		}
		there = j->queue[was & (j->queue_size - 1)];
		if (there == line)
			return false;
		if (ppt__journal_dirty_set(there) != first)
			to = way; /* what the scratch memory held before */
	}
	set[to] = (uint32_t)at;
	return true;
}

/* Enter the few. */
void ppt__journal_filter_few(struct ppt__journal *j);

/* A home store was made at a word: remember its line. */
static inline void ppt__journal_dirty_at(struct ppt__journal *j, uint64_t word)
{
	uint64_t line = word >> PPT__LINE_WORDS_LG2;
	uint64_t queued = j->queue_head - j->queue_tail;

	if (queued < PPT__DIRTY_FEW ?
		    ppt__journal_queued(j, line) :
		    !ppt__journal_filter(j, line, j->queue_head))
		return;
	j->queue[j->queue_head++ & (j->queue_size - 1)] = line;
	if (queued + 1 == PPT__DIRTY_FEW)
		ppt__journal_filter_few(j);
}

#define ppt__journal_dirty(pool, word)                                         \
	ppt__journal_dirty_at(&(pool)->journal, word)

/* Write everything back and advance the tail to the head. */
void ppt__journal_checkpoint(struct ppt_pool *pool);

/*
 * Empty the ring for good, and say so: the next attach need not look for what
 * may be behind the tail.  What was appended is durable.
 */
void ppt__journal_close(struct ppt_pool *pool);

/* Flush all that is queued.  No fence. */
void ppt__journal_flush_queue(struct ppt_pool *pool);

/* Store both tails, flushed but not fenced. */
void ppt__journal_store_tail(struct ppt_pool *pool, uint64_t line);

#endif
