/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: journal.  Replays what attach would; of a damaged one what comes before
 * the damage; without any tail the records that end the ring.  Words of data
 * pages are left out [I12]: so those of descriptors come first.
 */
#include "format/mutant.h"
#include "recovery/repair/repair.h"

struct found {
	uint64_t line;
	uint32_t lines;
	uint32_t pending; /* lines before it that were not known durable */
	bool more;        /* its transaction goes on */
};

/* The record that begins at a place of the ring. */
static bool record_at(struct ppt__repair *r, uint64_t place, struct found *f)
{
	const struct ppt__journal *j = &r->pool->journal;
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t head;

	place &= j->lines - 1;
	head = ppt__pm_load(&r->c->pm, j->first_word + place * PPT__LINE_WORDS);
	f->line = ppt__record_seq(head);
	f->lines = 0;
	if ((f->line & (j->lines - 1)) == place)
		f->lines = ppt__record_read(r->pool, f->line, word);
	if (!f->lines)
		return false;
	f->pending = ppt__record_pending(word[1]);
	f->more = word[0] & PPT__RECORD_MORE;
	return true;
}

/*
 * The last whole transactions of the ring, without a gap.  Those behind a torn
 * one never happened: the first says that lines before it were not durable.
 */
static void search(struct ppt__repair *r, struct ppt__scan *scan)
{
	uint64_t n = r->pool->journal.lines, end = 0, first, at;
	uint32_t pending = 0;
	struct found f;

	for (uint64_t i = 0; i < n; i++)
		if (record_at(r, i, &f) && f.line + f.lines > end)
			end = f.line + f.lines;
	first = at = end;
	for (uint64_t i = 0; i < n && at > 0; i++) {
		at--;
		if (!record_at(r, at, &f) || f.line != at)
			continue;
		if (f.line + f.lines != first)
			break;
		if (first == end && f.more)
			end = f.line;
		first = f.line;
		pending = f.pending;
	}
	scan->tail = pending ? end : first;
	scan->end = end;
	scan->records = scan->end - scan->tail;
}

/* ---------------------------------------------------------------- replay -- */

/* Whether a run sets words of what may be somebody's data. */
static bool is_data(const struct ppt__repair *r, uint32_t page)
{
	uint64_t desc = ppt__check_desc(r->c, page);

	return page >= r->pool->at.first_page &&
	       ppt__desc_type(desc) == PPT__DESC_DATA &&
	       desc == ppt__desc_plain(r->pool->seed, ppt__desc_hi(desc));
}

static void replay_record(struct ppt__repair *r, const uint64_t *word,
			  bool tables, bool *left_out)
{
	struct ppt__journal *j = &r->pool->journal;
	uint32_t n = ppt__record_runs(word[0]);

	if (j->queue_head - j->queue_tail + PPT__DIRTY_PER_RUN * n >
	    j->queue_size)
		ppt__journal_flush_queue(r->pool);
	for (uint32_t i = 0; i < n; i++) {
		struct ppt__run run = { word[2 + 2 * i], word[3 + 2 * i] };
		uint32_t page = ppt__run_page(run.where);

		if ((page >= r->pool->at.first_page) != tables)
			continue;
		if (is_data(r, page))
			*left_out = true;
		else
			ppt__txn_apply_run(r->pool, run);
	}
}

static void replay(struct ppt__repair *r, const struct ppt__scan *scan,
		   bool tables)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t line = scan->tail;

	while (line < scan->end && !r->err) {
		uint32_t lines = ppt__record_read(r->pool, line, word);
		bool left_out = false;

		if (!lines) /* it reads differently each time */
			r->err = PPT_E_JOURNAL;
		else
			replay_record(r, word, tables, &left_out);
		if (left_out)
			ppt__repair_line(r, PPT_ACTION_LEFT_OUT, line);
		line += lines;
	}
}

static void tell(struct ppt__repair *r, const struct ppt__scan *scan, bool tail)
{
	switch (scan->fault) {
	case PPT__SCAN_TAILS:
		ppt__repair_line(r, PPT_ACTION_SEARCHED, scan->end);
		return;
	case PPT__SCAN_RECORD:
	case PPT__SCAN_RUN:
		ppt__repair_line(r, PPT_ACTION_CUT, scan->end);
		return;
	case PPT__SCAN_FINE:
		break;
	}
	if (scan->records)
		ppt__repair_line(r, PPT_ACTION_REPLAYED, scan->tail);
	if (tail)
		ppt__repair_line(r, PPT_ACTION_TAIL, scan->end);
}

static bool tail_damaged(const struct ppt__repair *r)
{
	bool valid = true;

	for (uint32_t i = 0; i < 2; i++)
		valid &= ppt__tail_valid(r->pool->seed,
					 ppt__check_load(r->c, i,
							 PPT_M_TAIL_WORD));
	return !valid;
}

void ppt__repair_journal(struct ppt__repair *r)
{
	struct ppt__journal *j = &r->pool->journal;
	bool tail = tail_damaged(r);
	struct ppt__scan scan;

	(void)ppt__journal_look(r->pool, &scan, NULL);
	if (scan.fault == PPT__SCAN_TAILS)
		search(r, &scan);
	tell(r, &scan, tail);
	j->hint = ppt__check_load(r->c, 0, PPT_M_TAIL_WORD + 1);
	j->head = j->durable = j->tail = scan.end;
	j->attached = true;
	if (!tail && !scan.records && scan.fault == PPT__SCAN_FINE)
		return;
	if (PPT_MUTANT(MEND_TAIL_EARLY))
		ppt__journal_skip(r->pool);
	if (scan.records) {
		replay(r, &scan, false);
		replay(r, &scan, true);
		if (r->err)
			return;
		ppt__journal_flush_queue(r->pool);
		ppt__pm_fence(&r->pool->pm);
	}
	j->phase = PPT__CKPT_IDLE;
	/* Behind the damage there may be records as far as the ring goes. */
	if (scan.fault != PPT__SCAN_FINE)
		j->head += j->lines;
	ppt__journal_skip(r->pool);
}
