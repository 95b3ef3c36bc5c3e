/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two steps that every commit takes: inline, since they are the hot path.
 * Layer: core.
 */
#ifndef PPTABLE_CORE_COMMIT_H
#define PPTABLE_CORE_COMMIT_H

#include "core/pool.h"

/* Space for @lines more and the runs' home stores; may checkpoint. */
static inline void ppt__journal_make_room(struct ppt_pool *pool, uint64_t lines,
					  uint64_t runs)
{
	const struct ppt__journal *j = &pool->journal;

	if (__builtin_expect(j->attached, 0) ||
	    !ppt__journal_has_room(j, lines, runs))
		ppt__journal_find_room(pool, lines, runs);
}

/* Stream a transaction's records.  No fence. */
static inline __attribute__((always_inline)) void
ppt__journal_append(struct ppt_pool *pool, const struct ppt__run *run,
		    uint32_t n)
{
	struct ppt__journal *j = &pool->journal;
	uint64_t word[PPT__LINE_WORDS];

	if (n - 1u >= PPT__LINE_RUNS) {
		ppt__journal_append_chain(pool, run, n);
		return;
	}
	ppt__record_line(word, j->seed, j->head,
			 (uint32_t)(j->head - j->durable), run, n);
	ppt__pm_stream_line(&pool->pm,
			    j->first_word + (j->head & (j->lines - 1)) *
						    PPT__LINE_WORDS,
			    word);
	j->head++;
	j->lines_written++;
}

/* Before a fence: what it can do for a checkpoint on the way. */
static inline void ppt__journal_before_fence(struct ppt_pool *pool,
					     uint64_t lines)
{
	struct ppt__journal *j = &pool->journal;

	if (j->phase != PPT__CKPT_IDLE || ppt__journal_half_full(j))
		ppt__journal_assist(pool, lines);
}

/* The commit point [I1]: everything appended is durable afterwards. */
static inline void ppt__journal_fence(struct ppt_pool *pool)
{
	struct ppt__journal *j = &pool->journal;

	ppt__pm_fence(&pool->pm);
	j->durable = j->head;
	if (j->phase != PPT__CKPT_IDLE)
		ppt__journal_fenced(j);
}

#endif
