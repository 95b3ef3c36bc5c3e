/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: journal.  Both tails, every record from there to the end, what they
 * write to.  Replays into a private copy; where the journal is damaged nothing
 * is replayed, and what follows is the pool as it was found.
 * Gathers: how many records are live.
 */
#include "recovery/check/check.h"

static void check_tails(struct ppt_check *c)
{
	for (uint32_t i = 0; i < 2; i++)
		if (!ppt__tail_valid(c->pool->seed,
				     ppt__check_load(c, i, PPT_M_TAIL_WORD)))
			ppt__check_at(&c->serial, PPT_PROBLEM_JOURNAL_TAIL, i,
				      0);
}

static void refuse(struct ppt_check *c)
{
	c->err = PPT_E_JOURNAL;
	switch (c->scan.fault) {
	case PPT__SCAN_TAILS:
		ppt__check_pool(c, PPT_PROBLEM_JOURNAL_TAILS, 0);
		return;
	case PPT__SCAN_RUN:
		ppt__check_line(c, PPT_PROBLEM_JOURNAL_RUN, c->scan.fault_line);
		return;
	case PPT__SCAN_RECORD:
	case PPT__SCAN_FINE: /* it reads differently each time */
		ppt__check_line(c, PPT_PROBLEM_JOURNAL_RECORD,
				c->scan.fault_line);
		return;
	}
}

/* [I12] What the records set are no words of data pages, after replay. */
static void check_targets(struct ppt_check *c)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t line = c->scan.tail;

	while (line < c->scan.end) {
		uint32_t lines = ppt__record_read(c->pool, line, word);
		uint32_t runs = ppt__record_runs(word[0]);

		for (uint32_t i = 0; lines && i < runs; i++) {
			uint32_t page = ppt__run_page(word[2 + 2 * i]);

			if (ppt__desc_type(ppt__check_desc(c, page)) !=
			    PPT__DESC_DATA)
				continue;
			ppt__check_line(c, PPT_PROBLEM_JOURNAL_DATA, line);
			break;
		}
		line += lines ? lines : 1;
	}
}

/*
 * Every line, for media errors.  What is there says nothing where the ring is
 * dead, so nobody is told of these loads.
 */
static void read_ring(struct ppt_check *c)
{
	const struct ppt__journal *j = &c->pool->journal;
	const volatile uint64_t *word = c->pm.media + j->first_word;

	for (uint64_t i = 0; i < j->lines * PPT__LINE_WORDS;
	     i += PPT__LINE_WORDS)
		(void)word[i];
}

void ppt__check_journal(struct ppt_check *c)
{
	int err;

	read_ring(c);
	err = ppt__journal_look(c->pool, &c->scan, NULL);

	if (c->scan.fault != PPT__SCAN_TAILS)
		check_tails(c);
	if (!err && c->cfg.flags & PPT_CHECK_PRIVATE)
		err = ppt__journal_replay(c->pool, &c->scan, NULL);
	if (err) {
		refuse(c);
		return;
	}
	if (c->scan.records && !(c->cfg.flags & PPT_CHECK_PRIVATE))
		ppt__check_pool(c, PPT_PROBLEM_JOURNAL_LIVE, c->scan.records);
	check_targets(c);
}
