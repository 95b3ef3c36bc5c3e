/* SPDX-License-Identifier: BSD-3-Clause */
#include "recovery/replay.h"

#include "format/mutant.h"

/*
 * Of two valid tails the newer one.  They differ only if a crash came between
 * the stores and their fence; nothing behind the older one was overwritten
 * then, so either is right, and if one is damaged the other will do.
 */
static int read_tail(struct ppt_pool *pool, uint64_t *tail,
		     struct ppt_diag *diag)
{
	uint32_t seed = pool->seed;
	uint64_t a = ppt__pm_load(&pool->pm, ppt__word(0, PPT_M_TAIL_WORD));
	uint64_t b = ppt__pm_load(&pool->pm, ppt__word(1, PPT_M_TAIL_WORD));
	bool va = ppt__tail_valid(seed, a), vb = ppt__tail_valid(seed, b);

	a &= PPT__SEQ_MASK;
	b &= PPT__SEQ_MASK;
	if (!va && !vb)
		return ppt__fail(diag, PPT_E_JOURNAL, "journal tail",
				 "both copies are damaged", 0);
	if (va && vb) /* modulo 2^48 */
		*tail = ((a - b) & PPT__SEQ_MASK) < PPT__SEQ_MASK / 2 ? a : b;
	else
		*tail = va ? a : b;
	return 0;
}

/*
 * Read the record at a line into @word.  Returns its lines, or 0 if what is
 * there is not the record of that line.
 */
static uint32_t read_record(struct ppt_pool *pool, uint64_t line,
			    uint64_t *word)
{
	const struct ppt__journal *j = &pool->journal;
	uint64_t at = j->first_word + (line & (j->lines - 1)) * PPT__LINE_WORDS;
	uint64_t head = ppt__pm_load(&pool->pm, at);
	uint32_t runs = ppt__record_runs(head), lines;

	if (ppt__record_seq(head) != (line & PPT__SEQ_MASK) || head >> 57 ||
	    runs == 0 || runs > PPT__RECORD_RUNS_MAX)
		return 0;
	lines = ppt__record_lines(runs);
	for (uint32_t i = 0; i < lines; i++) {
		const uint64_t *from;

		at = j->first_word +
		     ((line + i) & (j->lines - 1)) * PPT__LINE_WORDS;
		from = ppt__pm_view(&pool->pm, at, PPT__LINE_WORDS);
		for (uint32_t k = 0; k < PPT__LINE_WORDS; k++)
			word[i * PPT__LINE_WORDS + k] = from[k];
	}
	if ((uint32_t)word[1] != ppt__record_crc(j->seed, word, lines) &&
	    !PPT_MUTANT(CRC_IGNORED))
		return 0;
	return lines;
}

/* Runs that replay may believe: never a superblock or the ring [I10]. */
static int check_runs(struct ppt_pool *pool, const uint64_t *word,
		      uint64_t line, struct ppt_diag *diag)
{
	uint32_t n = ppt__record_runs(word[0]);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t where = word[2 + 2 * i];
		uint32_t page = ppt__run_page(where);

		if (where & ~PPT__RUN_MEDIA ||
		    !ppt__stride_code_ok(ppt__run_stride_code(where)) ||
		    ppt__run_slot(where) + ppt__run_count(where) >
			    PPT_PAGE_WORDS ||
		    page < pool->at.desc_page || page >= pool->at.pages)
			return ppt__fail(diag, PPT_E_JOURNAL, "journal record",
					 "run leads where none may", line);
		if (PPT_MUTANT(REPAIR_FIRST))
			ppt__txn_apply_run(
				pool,
				(struct ppt__run){ where, word[3 + 2 * i] });
	}
	return 0;
}

uint32_t ppt__record_read(struct ppt_pool *pool, uint64_t line, uint64_t *word)
{
	uint32_t lines = read_record(pool, line, word);

	return lines && !check_runs(pool, word, line, NULL) ? lines : 0;
}

#define HEADS 16u
#define MIDDLE_LG2 8u /* bits of a line number below those that are compared */
#define MIDDLE_LINES (UINT64_C(1) << MIDDLE_LG2)

/* Whether bits 8 to 39 of a head are those: no two laps of a ring agree there. */
static inline bool may_be_head(const uint64_t *head, uint32_t middle)
{
	uint32_t bits;

	__builtin_memcpy(&bits, (const uint8_t *)head + MIDDLE_LG2 / 8,
			 sizeof(bits));
	return bits == middle;
}

/*
 * The first of n lines whose head may be its own, as far as the bits go that all
 * of them have; n if there is none.  What a restart with nothing to replay does
 * most: two instructions a line.
 */
static uint32_t find_head(const uint64_t *head, uint32_t middle, uint32_t n)
{
	uint32_t i = 0;

	for (; n - i >= HEADS; i += HEADS, head += HEADS * PPT__LINE_WORDS) {
#pragma GCC unroll 16
		for (uint32_t k = 0; k < HEADS; k++)
			if (may_be_head(head + k * PPT__LINE_WORDS, middle))
				return i + k;
	}
	for (; i < n && !may_be_head(head, middle); i++)
		head += PPT__LINE_WORDS;
	return i;
}

/*
 * The first line from @line on, and before @end, at which the record of that
 * line may be.  An observer is told of the lines some at a time, so that it
 * hears of few that need not be read.
 */
static uint64_t find_record(const struct ppt_pool *pool, uint64_t line,
			    uint64_t end)
{
	const struct ppt__journal *j = &pool->journal;
	const struct ppt__pm *pm = &pool->pm;

	while (line != end) {
		/* Rings are multiples of such stretches. */
		uint64_t n = MIDDLE_LINES - line % MIDDLE_LINES;
		uint64_t at = j->first_word +
			      (line & (j->lines - 1)) * PPT__LINE_WORDS;
		uint32_t found;

		n = n < end - line ? n : end - line;
		if (pm->observer && n > HEADS)
			n = HEADS;
		if (ppt__pm_lines_told(pm, at, n))
			for (uint64_t i = 0; i < n; i++)
				ppt__pm_view(pm, at + i * PPT__LINE_WORDS, 1);
		found = find_head(pm->media + at,
				  (uint32_t)(line >> MIDDLE_LG2), (uint32_t)n);
		line += found;
		if (found < n)
			break;
	}
	return line;
}

/*
 * Behind the end: a whole record there that declares the line at the end
 * durable means that what should be there was damaged, not torn.  Lines that
 * were written without a fence reach at most a window behind the end, so the
 * search need not go further than two.
 */
static int look_behind(struct ppt_pool *pool, struct ppt__scan *scan,
		       struct ppt_diag *diag)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t limit = 2 * pool->journal.window;

	if (limit > pool->journal.lines)
		limit = pool->journal.lines;
	scan->lines += limit - 1;
	limit += scan->end;
	for (uint64_t line = scan->end + 1;
	     (line = find_record(pool, line, limit)) != limit; line++) {
		uint64_t durable = line;

		if (!read_record(pool, line, word))
			continue;
		if (!PPT_MUTANT(PENDING_IGNORED))
			durable -= ppt__record_pending(word[1]);
		if (durable > scan->end && durable <= line)
			return ppt__fail(diag, PPT_E_JOURNAL, "journal record",
					 "damaged, though declared durable",
					 scan->end);
	}
	return 0;
}

/* Whether a writer has closed the pool at this tail. */
static bool is_closed(struct ppt_pool *pool, uint64_t tail)
{
	return ppt__pm_load(&pool->pm, ppt__word(0, PPT_M_CLOSED_WORD)) ==
	       ppt__tail_word(pool->seed, tail);
}

/* The live ring; @all: also of a pool that was closed. */
static int scan(struct ppt_pool *pool, bool all, struct ppt__scan *out,
		struct ppt_diag *diag)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	struct ppt__scan s = { .lines = 0 };
	uint64_t line, chain = 0;
	int err = read_tail(pool, &s.tail, diag);

	if (err)
		s.fault = PPT__SCAN_TAILS;
	all |= err || !is_closed(pool, s.tail);
	s.end = line = s.tail;
	while (all && !err && line - s.tail < pool->journal.lines) {
		uint32_t lines = read_record(pool, line, word);

		s.lines += lines + 1;
		if (!lines || line + lines - s.tail > pool->journal.lines)
			break;
		err = check_runs(pool, word, line, diag);
		if (err) {
			s.fault = PPT__SCAN_RUN;
			s.fault_line = line;
			break; /* the end is behind what can be believed */
		}
		line += lines;
		chain++;
		if (word[0] & PPT__RECORD_MORE && !PPT_MUTANT(CHAIN_HALF))
			continue;
		s.end = line;
		s.records += chain;
		chain = 0;
	}
	if (all && !err && (err = look_behind(pool, &s, diag))) {
		s.fault = PPT__SCAN_RECORD;
		s.fault_line = s.end;
	}
	*out = s;
	return err;
}

int ppt__journal_scan(struct ppt_pool *pool, struct ppt__scan *out,
		      struct ppt_diag *diag)
{
	return scan(pool, true, out, diag);
}

int ppt__journal_look(struct ppt_pool *pool, struct ppt__scan *out,
		      struct ppt_diag *diag)
{
	return scan(pool, false, out, diag);
}

/* The home stores of a record, as its commit would have made them. */
static void replay_record(struct ppt_pool *pool, const uint64_t *word)
{
	struct ppt__journal *j = &pool->journal;
	uint32_t n = ppt__record_runs(word[0]);

	if (j->queue_head - j->queue_tail + PPT__DIRTY_PER_RUN * n >
	    j->queue_size)
		ppt__journal_flush_queue(pool);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = PPT_MUTANT(REPLAY_BACKWARDS) ? n - 1 - i : i;

		ppt__txn_apply_run(pool, (struct ppt__run){ word[2 + 2 * k],
							    word[3 + 2 * k] });
	}
}

int ppt__journal_replay(struct ppt_pool *pool, const struct ppt__scan *scan,
			struct ppt_diag *diag)
{
	struct ppt__journal *j = &pool->journal;
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t line = scan->tail;
	int err = 0;

	j->hint = ppt__pm_load(&pool->pm, ppt__word(0, PPT_M_TAIL_WORD) + 1);
	j->head = j->durable = j->tail = scan->end;
	j->attached = true;
	if (scan->end == scan->tail)
		return 0;
	if (PPT_MUTANT(TAIL_BEFORE_REPLAY))
		ppt__journal_skip(pool);
	while (!err && line != scan->end) { /* [I4] */
		uint32_t lines = read_record(pool, line, word);

		/* Somebody else is writing, or the media does not hold. */
		if (!lines)
			return ppt__fail(diag, PPT_E_JOURNAL, "journal record",
					 "reads differently each time", line);
		if (PPT_MUTANT(REPLAY_SHORT) && line + lines == scan->end)
			break;
		err = check_runs(pool, word, line, diag);
		if (!err)
			replay_record(pool, word);
		line += lines;
	}
	if (err)
		return err;
	ppt__journal_flush_queue(pool);
	j->phase = PPT__CKPT_IDLE;
	ppt__pm_fence(&pool->pm);
	ppt__journal_skip(pool);
	return 0;
}
