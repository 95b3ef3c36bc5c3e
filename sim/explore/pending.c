/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/explore/pending.h"

#include <stdlib.h>
#include <string.h>

/* The word of a step that means nothing any more. */
#define FORGOTTEN UINT32_MAX

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void pending_open(struct pending *p, enum sim_model model, uint64_t words,
		  struct pending *parent)
{
	memset(p, 0, sizeof(*p));
	p->model = model;
	p->words = words;
	p->parent = parent;
	p->level = parent ? parent->level + 1 : 0;
	if (!parent)
		p->durable = must(malloc(words * 8));
	p->head = must(calloc(words, sizeof(*p->head)));
	p->line_of = must(calloc(words / LINE_WORDS, sizeof(*p->line_of)));
	p->listed = must(calloc(words / LINE_WORDS, sizeof(*p->listed)));
	p->owed = must(calloc(words / LINE_WORDS, sizeof(*p->owed)));
	p->lines = must(malloc(words / LINE_WORDS * sizeof(*p->lines)));
	p->is_stale = must(calloc(words / LINE_WORDS, sizeof(*p->is_stale)));
	p->stale = must(malloc(words / LINE_WORDS * sizeof(*p->stale)));
	pending_reset(p);
}

void pending_close(struct pending *p)
{
	free(p->durable);
	free(p->head);
	free(p->line_of);
	free(p->listed);
	free(p->owed);
	free(p->lines);
	free(p->is_stale);
	free(p->stale);
	free(p->chain);
	free(p->step);
	free(p->ref);
	free(p->queue);
	memset(p, 0, sizeof(*p));
}

void pending_reset(struct pending *p)
{
	for (uint32_t i = 0; i < p->line_count; i++) {
		uint32_t line = p->lines[i];

		memset(p->head + (size_t)line * LINE_WORDS, 0,
		       LINE_WORDS * sizeof(*p->head));
		p->line_of[line] = 0;
		p->listed[line] = false;
		p->owed[line] = false;
	}
	p->line_count = 0;
	pending_fresh(p);
	p->chains = p->steps = p->refs = 1; /* 0 means none */
	p->queued = 0;
}

/* ---------------------------------------------------------------- stores -- */

static uint32_t new_chain(struct pending *p, uint32_t line, bool stream)
{
	p->chain = trace_grow(p->chain, &p->chain_room, p->chains + 1,
			      sizeof(*p->chain));
	p->chain[p->chains] = (struct chain){ .line = line,
					      .level = (uint8_t)p->level,
					      .stream = stream };
	return p->chains++;
}

/* The chain that a store to @word joins; the newest of its stack, or new. */
static uint32_t chain_for(struct pending *p, uint32_t word, bool stream)
{
	uint32_t line = word / LINE_WORDS;
	uint32_t top = p->head[word] ? p->ref[p->head[word]].chain : 0;
	bool whole_line = p->model == SIM_M1 && !stream;

	if (!whole_line) {
		if (top && p->chain[top].stream == stream && p->chain[top].n)
			return top;
		return new_chain(p, line, stream);
	}
	if (!p->line_of[line] || (top && p->chain[top].stream))
		p->line_of[line] = new_chain(p, line, false);
	return p->line_of[line];
}

static void add_step(struct pending *p, uint32_t c, uint32_t word,
		     uint64_t value, uint16_t site)
{
	struct chain *chain = &p->chain[c];
	struct ref *top = p->head[word] ? &p->ref[p->head[word]] : NULL;

	p->step = trace_grow(p->step, &p->step_room, p->steps + 1,
			     sizeof(*p->step));
	p->step[p->steps] = (struct step){ value, word, 0, site };
	if (chain->n)
		p->step[chain->last].next = p->steps;
	else
		chain->first = p->steps;
	chain->last = p->steps++;
	chain->n++;
	chain->hi = chain->n;
	if (top && top->chain == c) {
		top->uses++;
		return;
	}
	p->ref = trace_grow(p->ref, &p->ref_room, p->refs + 1, sizeof(*p->ref));
	p->ref[p->refs] = (struct ref){ c, p->head[word], 1 };
	p->head[word] = p->refs++;
}

static void enqueue(struct pending *p, uint32_t c)
{
	struct chain *chain = &p->chain[c];

	chain->flushed = chain->n;
	if (chain->queued)
		return;
	chain->queued = true;
	p->queue = trace_grow(p->queue, &p->queue_room, p->queued + 1,
			      sizeof(*p->queue));
	p->queue[p->queued++] = c;
}

static void list_line(struct pending *p, uint32_t line)
{
	if (p->listed[line])
		return;
	p->listed[line] = true;
	p->lines[p->line_count++] = line;
}

/* -------------------------------------------------------------- durable -- */

/* What a chain stored to a word means nothing any more. */
static void forget(struct pending *p, uint32_t c, uint32_t word)
{
	uint32_t s = p->chain[c].first;

	for (uint16_t i = 0; i < p->chain[c].n; i++, s = p->step[s].next)
		if (p->step[s].word == word)
			p->step[s].word = FORGOTTEN;
}

/* A store has become durable: what was pending under it means nothing now. */
static void settle_step(struct pending *p, uint32_t c, const struct step *s)
{
	uint32_t *link;

	if (s->word == FORGOTTEN)
		return;
	link = &p->head[s->word];
	while (*link && p->ref[*link].chain != c)
		link = &p->ref[*link].below;
	if (!*link)
		return; /* under one that is durable already */
	p->durable[s->word] = s->value;
	for (uint32_t r = p->ref[*link].below; r; r = p->ref[r].below)
		forget(p, p->ref[r].chain, s->word);
	p->ref[*link].below = 0;
	if (--p->ref[*link].uses == 0)
		*link = 0;
}

static void settle(struct pending *p, uint32_t c)
{
	struct chain *chain = &p->chain[c];

	chain->queued = false;
	if (p->level) { /* kept, so that it can be seen what was */
		chain->lo = chain->flushed;
		pending_stale(p, chain->line);
		return;
	}
	while (chain->flushed) {
		settle_step(p, c, &p->step[chain->first]);
		chain->first = p->step[chain->first].next;
		chain->flushed--;
		chain->n--;
	}
	chain->hi = chain->n;
	if (!chain->n && p->line_of[chain->line] == c)
		p->line_of[chain->line] = 0;
}

static void settle_all(struct pending *p)
{
	for (uint32_t i = 0; i < p->queued; i++)
		settle(p, p->queue[i]);
	p->queued = 0;
}

/* Room for a chain, a step, a ref and a place in the queue for each of n words. */
static void make_room(struct pending *p, uint32_t n)
{
	p->chain = trace_grow(p->chain, &p->chain_room, p->chains + n,
			      sizeof(*p->chain));
	p->step = trace_grow(p->step, &p->step_room, p->steps + n,
			     sizeof(*p->step));
	p->ref = trace_grow(p->ref, &p->ref_room, p->refs + n, sizeof(*p->ref));
	p->queue = trace_grow(p->queue, &p->queue_room, p->queued + n,
			      sizeof(*p->queue));
}

/* Words that nothing is pending of, as of a page that is filled. */
static bool stream_afresh(struct pending *p, const struct trace *t,
			  const struct trace_event *e)
{
	const uint64_t *value = t->data + e->data;
	uint32_t line = e->word / LINE_WORDS;

	for (uint32_t i = 0; i < e->words; i++)
		if (p->head[e->word + i])
			return false;
	make_room(p, e->words);
	for (uint32_t i = 0; i < e->words; i++) {
		uint32_t c = p->chains++, s = p->steps++, r = p->refs++;

		p->chain[c] = (struct chain){ .first = s,
					      .last = s,
					      .line = line,
					      .n = 1,
					      .hi = 1,
					      .flushed = 1,
					      .level = (uint8_t)p->level,
					      .stream = true,
					      .queued = true };
		p->step[s] = (struct step){ value[i], e->word + i, 0, e->site };
		p->ref[r] = (struct ref){ c, 0, 1 };
		p->head[e->word + i] = r;
		p->queue[p->queued++] = c;
	}
	return true;
}

static void store(struct pending *p, const struct trace *t,
		  const struct trace_event *e)
{
	bool stream = e->kind == TRACE_STREAM;

	list_line(p, e->word / LINE_WORDS);
	pending_stale(p, e->word / LINE_WORDS);
	if (stream && p->model != SIM_M0 && stream_afresh(p, t, e))
		return;
	p->owed[e->word / LINE_WORDS] |= e->kind == TRACE_STORE;
	for (uint32_t i = 0; i < e->words; i++) {
		uint32_t word = e->word + i;
		uint32_t c = chain_for(p, word, stream);

		add_step(p, c, word, t->data[e->data + i], e->site);
		if (stream || p->model == SIM_M0)
			enqueue(p, c);
		if (e->kind != TRACE_USER)
			continue;
		p->chain[c].flushed = p->chain[c].n;
		settle(p, c); /* it alone: nothing else is fenced */
	}
	if (p->model == SIM_M0)
		settle_all(p);
}

/* The plain stores to a line that no flush has covered yet. */
static bool flush(struct pending *p, uint32_t word)
{
	uint32_t line = word / LINE_WORDS;
	bool dirty = p->owed[line];

	p->owed[line] = false;
	for (uint32_t w = line * LINE_WORDS; w < (line + 1) * LINE_WORDS; w++)
		for (uint32_t r = p->head[w]; r; r = p->ref[r].below) {
			struct chain *chain = &p->chain[p->ref[r].chain];

			if (chain->stream || chain->flushed == chain->n ||
			    chain->lo == chain->n)
				continue;
			dirty = true;
			enqueue(p, p->ref[r].chain);
		}
	return dirty;
}

const char *pending_play(struct pending *p, const struct trace *t,
			 const struct trace_event *e)
{
	bool any;

	switch ((enum trace_kind)e->kind) {
	case TRACE_STORE:
	case TRACE_STREAM:
	case TRACE_USER:
	case TRACE_MARK:
		store(p, t, e);
		return NULL;
	case TRACE_FLUSH:
		if (!flush(p, e->word) && p->model != SIM_M0)
			return "flush of a clean line";
		return NULL;
	case TRACE_FENCE:
		any = p->queued != 0;
		settle_all(p);
		if (!any && p->model != SIM_M0)
			return "fence with nothing pending";
		return NULL;
	case TRACE_ACK:
	case TRACE_NONE:
		return NULL;
	}
	return NULL;
}
