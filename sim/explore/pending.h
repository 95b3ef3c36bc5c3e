/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pending.h - which stores a crash may keep, and which it may lose.
 *
 * Layer: sim.  The persistency model (docs/TESTING.md).  Stores that are not
 * yet durable are kept in *chains*: a crash keeps of a chain a prefix, a *cut*,
 * which lies between lo and hi.  Under M1 the plain stores to a line are one
 * chain; under M2, and for non-temporal stores always, those to a word.
 *
 * Levels: of a crash in a recovery after a crash there are two, and so on.  The
 * content of a word is what the topmost chain with a store to it kept, else
 * that of the level below, else what was durable when the workload crashed.
 * A cut that has been looked at is decided: lo and hi close in on it.
 */
#ifndef SIM_EXPLORE_PENDING_H
#define SIM_EXPLORE_PENDING_H

#include <stdlib.h>

#include "sim/explore/explore.h"
#include "sim/explore/trace.h"

#define PENDING_OPTIONS_MAX 36u

struct chain {
	uint32_t first; /* steps, linked */
	uint32_t last;
	uint32_t line;
	uint16_t n;
	uint16_t lo;
	uint16_t hi;
	uint16_t flushed; /* steps that the next fence makes durable */
	uint8_t level;
	bool stream;
	bool queued;
	bool garbled; /* M3: decided to be neither old nor new */
};

struct step {
	uint64_t value;
	uint32_t word;
	uint32_t next;
	uint16_t site;
};

/* Chains with stores to one word, newest first. */
struct ref {
	uint32_t chain;
	uint32_t below;
	uint32_t uses;
};

/**
 * struct pending - one level.
 * @durable: level 0: what is durable, for every word.
 * @head:    for each word its newest ref; 0 none.
 * @line_of: for each line its chain of plain stores (M1); 0 none.
 * @listed:  for each line whether it is in @lines.
 * @owed:    for each line whether it was stored to since its last flush.
 * @stale:   lines of which something else may be known than when pending_fresh
 *           was called; @is_stale says which they are.
 */
struct pending {
	enum sim_model model;
	unsigned level;
	struct pending *parent;
	uint64_t words;
	uint64_t garbage_first; /* M3: words in [first, last) may be garbage */
	uint64_t garbage_last;
	uint64_t *durable;
	uint32_t *head;
	uint32_t *line_of;
	bool *listed;
	bool *owed;
	uint32_t *lines;
	uint32_t line_count;
	bool *is_stale;
	uint32_t *stale;
	uint32_t stale_count;
	struct chain *chain;
	uint32_t chains;
	uint32_t chain_room;
	struct step *step;
	uint32_t steps;
	uint32_t step_room;
	struct ref *ref;
	uint32_t refs;
	uint32_t ref_room;
	uint32_t *queue;
	uint32_t queued;
	uint32_t queue_room;
};

/* What a word may be. */
struct option {
	uint64_t value;
	struct pending *at; /* whose chain it comes from; NULL: durable */
	uint32_t chain;
	uint16_t lo;
	uint16_t hi;
	bool garbled;
};

/* Before a decision, to take it back. */
struct decision {
	struct pending *at;
	uint32_t chain;
	uint16_t lo;
	uint16_t hi;
	bool garbled;
};

struct decisions {
	struct decision *d;
	uint32_t count;
	uint32_t room;
};

void pending_open(struct pending *p, enum sim_model model, uint64_t words,
		  struct pending *parent);
void pending_close(struct pending *p);
void pending_reset(struct pending *p);

static inline void pending_stale(struct pending *p, uint32_t line)
{
	if (p->is_stale[line])
		return;
	p->is_stale[line] = true;
	p->stale[p->stale_count++] = line;
}

static inline void pending_fresh(struct pending *p)
{
	while (p->stale_count)
		p->is_stale[p->stale[--p->stale_count]] = false;
}

/*
 * One event of a trace.  Return: NULL, or what is unhygienic about it: a flush
 * of a line that nothing was stored to since its last flush (what was may be
 * durable already, if the line was streamed over), a fence with nothing to order.
 */
const char *pending_play(struct pending *p, const struct trace *t,
			 const struct trace_event *e);

/* Whether a word is decided; then its value. */
bool pending_value(struct pending *p, uint64_t word, uint64_t *value);

/* The same of most words: of which the newest store is not lost. */
static inline bool pending_newest(const struct pending *p, uint64_t word,
				  uint64_t *value)
{
	const struct chain *c;
	const struct step *s;

	if (!p->head[word])
		return false;
	c = &p->chain[p->ref[p->head[word]].chain];
	s = &p->step[c->last];
	*value = s->value;
	return c->lo == c->n && s->word == word && !c->garbled;
}

/*
 * What an undecided word may be, the newest first.  Return: how many.
 */
unsigned pending_options(struct pending *p, uint64_t word,
			 struct option option[PENDING_OPTIONS_MAX]);

/* Decide for one of them; what was before goes to @log. */
void pending_decide(struct pending *p, uint64_t word,
		    const struct option *option, struct decisions *log);

/* Swap the decisions [from, …) of the log: takes them back, or makes them. */
void pending_undo(struct decisions *log, uint32_t from);
void pending_redo(struct decisions *log, uint32_t from);

/* log10 of how many states the pending stores of this level span. */
double pending_log10(struct pending *p);

/* The place of the newest store to a word that may be lost; 0 none. */
uint16_t pending_site(const struct pending *p, uint64_t word);

#endif
