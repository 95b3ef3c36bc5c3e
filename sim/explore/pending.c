/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/explore/pending.h"

#include <math.h>
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

static void *grow(void *p, uint32_t *room, uint32_t need, size_t size)
{
	if (need <= *room)
		return p;
	*room = need + need / 2 + 256;
	return must(realloc(p, *room * size));
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
	p->chains = p->steps = p->refs = 1; /* 0 means none */
	p->queued = 0;
}

/* ---------------------------------------------------------------- stores -- */

static uint32_t new_chain(struct pending *p, uint32_t line, bool stream)
{
	p->chain = grow(p->chain, &p->chain_room, p->chains + 1,
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

	p->step = grow(p->step, &p->step_room, p->steps + 1, sizeof(*p->step));
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
	p->ref = grow(p->ref, &p->ref_room, p->refs + 1, sizeof(*p->ref));
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
	p->queue = grow(p->queue, &p->queue_room, p->queued + 1,
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

static void store(struct pending *p, const struct trace *t,
		  const struct trace_event *e)
{
	bool stream = e->kind == TRACE_STREAM;

	list_line(p, e->word / LINE_WORDS);
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

/* --------------------------------------------------------------- options -- */

/* A walk from the newest store to a word to the oldest. */
struct walk {
	struct pending *at;
	uint32_t ref;
};

static void walk_down(struct walk *w, uint64_t word)
{
	while (!w->ref && w->at && w->at->parent) {
		w->at = w->at->parent;
		w->ref = w->at->head[word];
	}
}

static struct walk walk_from(struct pending *p, uint64_t word)
{
	struct walk w = { p, p->head[word] };

	walk_down(&w, word);
	return w;
}

static void walk_next(struct walk *w, uint64_t word)
{
	w->ref = w->at->ref[w->ref].below;
	walk_down(w, word);
}

static uint64_t durable(const struct pending *p, uint64_t word)
{
	while (p->parent)
		p = p->parent;
	return p->durable[word];
}

static uint64_t garbage(uint64_t word, uint64_t value)
{
	uint64_t h = (value ^ word) * UINT64_C(0xbf58476d1ce4e5b9);

	return (h ^ h >> 31) * UINT64_C(0x94d049bb133111eb) + 1;
}

/* A newer store of a single word has this value, too: that will do. */
static unsigned drop_value(struct option *o, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < n; i++)
		if (o[i].value == value) {
			memmove(&o[i], &o[i + 1], (n - i - 1) * sizeof(*o));
			return n - 1;
		}
	return n;
}

/*
 * What the cuts lo … hi of a chain leave in @word, the newest first.  A cut
 * that comes before its first store there leaves what is below: *none is the
 * last such cut, or -1.
 */
static unsigned chain_options(const struct walk *w, uint64_t word,
			      struct option *out, unsigned room, int *none)
{
	const struct pending *p = w->at;
	const struct chain *c = &p->chain[p->ref[w->ref].chain];
	struct option all[PENDING_OPTIONS_MAX];
	uint32_t s = c->first;
	unsigned n = 0, k = 0;

	if (c->n == 1 && p->step[s].word == word) { /* as most have */
		*none = c->lo ? -1 : 0;
		if (!c->hi || !room)
			return 0;
		*out = (struct option){ .value = p->step[s].value,
					.at = w->at,
					.chain = p->ref[w->ref].chain,
					.lo = 1,
					.hi = 1 };
		return 1;
	}
	*none = c->hi;
	for (uint16_t cut = 1; cut <= c->hi; cut++, s = p->step[s].next) {
		if (p->step[s].word != word)
			continue;
		if (n == 0)
			*none = cut - 1;
		else
			all[n - 1].hi = cut - 1;
		if (p->model != SIM_M1 || c->stream)
			n = drop_value(all, n, p->step[s].value);
		if (n == PENDING_OPTIONS_MAX) { /* forget the oldest */
			memmove(all, all + 1, sizeof(all) - sizeof(*all));
			n--;
		}
		all[n++] = (struct option){ .value = p->step[s].value,
					    .at = w->at,
					    .chain = p->ref[w->ref].chain,
					    .lo = cut,
					    .hi = c->hi };
	}
	if (*none < c->lo)
		*none = -1;
	while (n && k < room) {
		struct option *o = &all[--n];

		if (o->hi < c->lo)
			break;
		if (o->lo < c->lo)
			o->lo = c->lo;
		out[k++] = *o;
	}
	return k;
}

static bool add_garbage(const struct pending *p, const struct walk *w,
			uint64_t word, struct option *out, unsigned n)
{
	const struct chain *c = &w->at->chain[w->at->ref[w->ref].chain];

	if (p->model != SIM_M3 || !c->stream || c->lo == c->hi ||
	    word < p->garbage_first || word >= p->garbage_last || !n ||
	    n == PENDING_OPTIONS_MAX)
		return false;
	out[n] = out[0];
	out[n].value = garbage(word, out[0].value);
	out[n].garbled = true;
	return true;
}

/* Stores to single words: who kept what does not matter, what is there does. */
static unsigned merge(struct option *o, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < kept && o[k].value != o[i].value)
			k++;
		if (k == kept)
			o[kept++] = o[i];
	}
	return kept;
}

/* M2: the chain of one undecided store over what is durable; else NULL. */
static const struct chain *lone(const struct walk *w, uint64_t word)
{
	const struct chain *c = &w->at->chain[w->at->ref[w->ref].chain];
	struct walk below = *w;

	if (w->at->model != SIM_M2 || c->n != 1 || c->lo || !c->hi)
		return NULL;
	walk_next(&below, word);
	return below.ref ? NULL : c;
}

unsigned pending_options(struct pending *p, uint64_t word,
			 struct option option[PENDING_OPTIONS_MAX])
{
	struct walk w = walk_from(p, word);
	const struct chain *alone = w.ref ? lone(&w, word) : NULL;
	bool independent = true;
	unsigned n = 0;
	int none = 0;

	if (alone) {
		(void)chain_options(&w, word, option, 1, &none);
		option[1] = (struct option){ .value = durable(p, word) };
		return option[0].value == option[1].value ? 1 : 2;
	}
	for (; w.ref && n + 2 < PENDING_OPTIONS_MAX; walk_next(&w, word)) {
		const struct chain *c = &w.at->chain[w.at->ref[w.ref].chain];

		independent &= p->model != SIM_M1 || c->stream;
		if (c->garbled) {
			option[n] = (struct option){ .at = w.at };
			option[n++].value =
				garbage(word, w.at->step[c->last].value);
			none = -1;
			break;
		}
		n += chain_options(&w, word, option + n,
				   PENDING_OPTIONS_MAX - 1 - n, &none);
		n += add_garbage(p, &w, word, option, n);
		if (none < 0)
			break;
	}
	if (!w.ref && n < PENDING_OPTIONS_MAX)
		option[n++] = (struct option){ .value = durable(p, word) };
	return independent ? merge(option, n) : n;
}

bool pending_value(struct pending *p, uint64_t word, uint64_t *value)
{
	struct option option[PENDING_OPTIONS_MAX];
	struct walk w = walk_from(p, word);
	const struct chain *c;

	if (!w.ref) {
		*value = durable(p, word);
		return true;
	}
	c = &w.at->chain[w.at->ref[w.ref].chain];
	if (c->lo == c->n && w.at->step[c->last].word == word && !c->garbled) {
		*value = w.at->step[c->last].value;
		return true;
	}
	c = lone(&w, word);
	if (c) {
		*value = durable(p, word);
		return w.at->step[c->first].value == *value;
	}
	if (pending_options(p, word, option) > 1)
		return false;
	*value = option[0].value;
	return true;
}

/* ------------------------------------------------------------- decisions -- */

static void narrow(struct pending *at, uint32_t chain, uint16_t lo, uint16_t hi,
		   bool garbled, struct decisions *log)
{
	struct chain *c = &at->chain[chain];

	log->d = grow(log->d, &log->room, log->count + 1, sizeof(*log->d));
	log->d[log->count++] =
		(struct decision){ at, chain, c->lo, c->hi, c->garbled };
	c->lo = lo;
	c->hi = hi;
	c->garbled = garbled;
}

void pending_decide(struct pending *p, uint64_t word,
		    const struct option *option, struct decisions *log)
{
	struct walk w = walk_from(p, word);

	for (; w.ref; walk_next(&w, word)) {
		uint32_t chain = w.at->ref[w.ref].chain;
		struct chain *c = &w.at->chain[chain];
		int none;

		if (w.at == option->at && chain == option->chain) {
			narrow(w.at, chain, option->lo, option->hi,
			       option->garbled, log);
			return;
		}
		(void)chain_options(&w, word, NULL, 0, &none);
		if (none >= 0 && none < c->hi)
			narrow(w.at, chain, c->lo, (uint16_t)none, false, log);
	}
}

/* Exchanges what is with what the log says; in the order given. */
static void exchange(struct decision *d)
{
	struct chain *c = &d->at->chain[d->chain];
	struct decision was = { d->at, d->chain, c->lo, c->hi, c->garbled };

	c->lo = d->lo;
	c->hi = d->hi;
	c->garbled = d->garbled;
	*d = was;
}

void pending_undo(struct decisions *log, uint32_t from)
{
	for (uint32_t i = log->count; i > from; i--)
		exchange(&log->d[i - 1]);
}

void pending_redo(struct decisions *log, uint32_t from)
{
	for (uint32_t i = from; i < log->count; i++)
		exchange(&log->d[i]);
}

/* ------------------------------------------------------------------ facts -- */

double pending_log10(struct pending *p)
{
	struct option option[PENDING_OPTIONS_MAX];
	double sum = 0;

	if (p->model == SIM_M1) {
		for (uint32_t c = 1; c < p->chains; c++)
			sum += log10(p->chain[c].n - p->chain[c].lo + 1.0);
		return sum;
	}
	for (uint32_t i = 0; i < p->line_count; i++)
		for (uint32_t k = 0; k < LINE_WORDS; k++) {
			uint32_t word = p->lines[i] * LINE_WORDS + k;

			if (p->head[word])
				sum += log10(pending_options(p, word, option));
		}
	return sum;
}

uint16_t pending_site(const struct pending *p, uint64_t word)
{
	const struct chain *c;
	uint16_t site = 0;
	uint32_t s;

	if (!p->head[word])
		return 0;
	c = &p->chain[p->ref[p->head[word]].chain];
	s = c->first;
	for (uint16_t i = 0; i < c->n; i++, s = p->step[s].next)
		if (p->step[s].word == word)
			site = p->step[s].site;
	return site;
}
