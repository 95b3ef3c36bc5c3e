/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two steps that every commit takes: inline, since they are the hot path.
 * Layer: core.
 */
#ifndef PPTABLE_CORE_COMMIT_H
#define PPTABLE_CORE_COMMIT_H

#include "core/pool.h"

/* Stream a transaction's records.  No fence. */
static inline __attribute__((always_inline)) void
ppt__journal_append(struct ppt_pool *pool, const struct ppt__run *run,
		    uint32_t n)
{
	struct ppt__journal *j = &pool->journal;
	uint64_t word[PPT__RECORD_WORDS_MAX];

	while (n) {
		uint32_t k = n > PPT__RECORD_RUNS_MAX ? PPT__RECORD_RUNS_MAX :
							n;
		uint32_t pending = (uint32_t)(j->head - j->durable);
		uint32_t lines = ppt__record_build(word, j->seed, j->head,
						   pending, run, k, n > k);

		for (uint32_t i = 0; i < lines; i++) {
			uint64_t at = (j->head + i) & (j->lines - 1);

			ppt__pm_stream_line(
				&pool->pm, j->first_word + at * PPT__LINE_WORDS,
				word + i * PPT__LINE_WORDS);
		}
		j->head += lines;
		j->lines_written += lines;
		run += k;
		n -= k;
	}
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
