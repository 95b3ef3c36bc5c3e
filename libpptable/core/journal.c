/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/journal.h"

#include "core/pool.h"
#include "format/media.h"
#include "format/mutant.h"

/* Lines that a checkpoint flushes before one fence. */
#define FLUSH_BATCH 16u

static void flush_queued(struct ppt_pool *pool, uint64_t n)
{
	struct ppt__journal *j = &pool->journal;

	for (; n && j->queue_tail < j->target_queue; n--) {
		uint64_t line = j->queue[j->queue_tail++ & (j->queue_size - 1)];

		ppt__pm_flush(&pool->pm, line << PPT__LINE_WORDS_LG2);
	}
	if (j->queue_tail == j->target_queue)
		j->phase = PPT__CKPT_FLUSHED;
}

static void begin(struct ppt__journal *j)
{
	/* Done well before either ring fills up. */
	uint64_t in_lines = j->lines / 4;
	uint64_t queue_lines = j->queue_size / (8 * PPT__DIRTY_PER_RUN);

	if (in_lines > queue_lines)
		in_lines = queue_lines;
	j->target_queue = j->queue_head;
	j->target_line = PPT_MUTANT(TAIL_PAST_RECORD) ? j->head : j->durable;
	j->step = (j->target_queue - j->queue_tail + in_lines - 1) / in_lines;
	j->owed = 0;
	j->phase = PPT__CKPT_FLUSHING;
}

/*
 * A fence takes longer if it has to wait for a line that is written back, but
 * hardly longer for many of them: so they are flushed by the batch.
 */
static void flush_share(struct ppt_pool *pool, uint64_t lines)
{
	struct ppt__journal *j = &pool->journal;
	uint64_t left = j->target_queue - j->queue_tail, n;

	j->owed += j->step * lines;
	n = j->owed < left ? j->owed - j->owed % FLUSH_BATCH : left;
	j->owed -= n;
	flush_queued(pool, n);
}

void ppt__journal_filter_few(struct ppt__journal *j)
{
	for (uint64_t at = j->queue_tail; at != j->queue_head; at++)
		(void)ppt__journal_filter(j, j->queue[at & (j->queue_size - 1)],
					  at);
}

void ppt__journal_store_tail(struct ppt_pool *pool, uint64_t line)
{
	struct ppt__journal *j = &pool->journal;
	uint64_t word = ppt__tail_word(j->seed, line);

	for (uint32_t page = 0; page < 2; page++) {
		uint64_t at = ppt__word(page, PPT_M_TAIL_WORD);

		ppt__pm_store(&pool->pm, at, word);
		ppt__pm_store(&pool->pm, at + 1, j->hint);
		if (page == 0)
			ppt__pm_store(&pool->pm,
				      ppt__word(0, PPT_M_CLOSED_WORD),
				      j->closing || PPT_MUTANT(CLOSED_EARLY) ?
					      word :
					      0);
		ppt__pm_flush(&pool->pm, at);
	}
}

void ppt__journal_assist(struct ppt_pool *pool, uint64_t lines)
{
	struct ppt__journal *j = &pool->journal;

	switch (j->phase) {
	case PPT__CKPT_IDLE:
		begin(j);
		/* fall through */
	case PPT__CKPT_FLUSHING:
		flush_share(pool, lines);
		return;
	case PPT__CKPT_SETTLED:
		ppt__journal_store_tail(pool, j->target_line);
		j->phase = PPT__CKPT_TAIL_STORED;
		return;
	case PPT__CKPT_FLUSHED:
	case PPT__CKPT_TAIL_STORED:
		return;
	}
}

void ppt__journal_fenced(struct ppt__journal *j)
{
	if (j->phase == PPT__CKPT_FLUSHED) {
		j->phase = PPT__CKPT_SETTLED;
	} else if (j->phase == PPT__CKPT_TAIL_STORED) {
		/* Durable: the ring behind it may be written again [I3]. */
		j->tail = j->target_line;
		j->phase = PPT__CKPT_IDLE;
		j->checkpoints++;
	}
}

void ppt__journal_checkpoint(struct ppt_pool *pool)
{
	struct ppt__journal *j = &pool->journal;

	/* The fence that makes relaxed commits durable comes before their
	 * home stores, which the caller has made [I2]. */
	begin(j);
	if (!PPT_MUTANT(TAIL_EARLY))
		flush_queued(pool, UINT64_MAX);
	ppt__pm_fence(&pool->pm);
	ppt__journal_store_tail(pool, j->target_line);
	ppt__pm_fence(&pool->pm);
	j->tail = j->target_line;
	j->phase = PPT__CKPT_IDLE;
	j->checkpoints++;
}

void ppt__journal_close(struct ppt_pool *pool)
{
	struct ppt__journal *j = &pool->journal;

	/* If nothing was written it is as it was found. */
	if (j->attached)
		return;
	j->closing = true;
	if (j->tail != j->head) {
		ppt__journal_checkpoint(pool);
	} else {
		ppt__journal_store_tail(pool, j->tail);
		ppt__pm_fence(&pool->pm);
	}
	j->closing = false;
	/* Should more be written after all, the tail moves first. */
	j->attached = true;
}

void ppt__journal_flush_queue(struct ppt_pool *pool)
{
	pool->journal.target_queue = pool->journal.queue_head;
	flush_queued(pool, UINT64_MAX);
}

void ppt__journal_skip(struct ppt_pool *pool)
{
	struct ppt__journal *j = &pool->journal;

	/*
	 * A line number names a record for good: were one used again, parts
	 * of the torn record and of its successor could add up to a whole one
	 * that was never committed.  Torn ones reach a window behind the end.
	 */
	j->head += PPT_MUTANT(SEQ_REUSED) ? 0 : 2 * j->window;
	j->durable = j->tail = j->head;
	ppt__journal_store_tail(pool, j->tail);
	ppt__pm_fence(&pool->pm);
	j->attached = false;
}

void ppt__journal_append_chain(struct ppt_pool *pool,
			       const struct ppt__run *run, uint32_t n)
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

void ppt__journal_find_room(struct ppt_pool *pool, uint64_t lines,
			    uint64_t runs)
{
	struct ppt__journal *j = &pool->journal;

	if (j->attached && !PPT_MUTANT(GHOSTS_CONTINUED))
		ppt__journal_skip(pool);
	if (ppt__journal_has_room(j, lines, runs))
		return;
	ppt__txn_settle(pool);
	ppt__journal_checkpoint(pool);
}
