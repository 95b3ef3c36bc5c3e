/* SPDX-License-Identifier: BSD-3-Clause */
/* pending_word.c - what is pending of a word: what it may be, and is to be. */
#include "sim/explore/pending.h"

#include <math.h>
#include <string.h>

/* --------------------------------------------------------------- options -- */

/* A walk from the newest store to a word to the oldest. */
struct walk {
	struct pending *at;
	uint32_t ref;
};

static inline void walk_down(struct walk *w, uint64_t word)
{
	while (!w->ref && w->at && w->at->parent) {
		w->at = w->at->parent;
		w->ref = w->at->head[word];
	}
}

static inline struct walk walk_from(struct pending *p, uint64_t word)
{
	struct walk w = { p, p->head[word] };

	walk_down(&w, word);
	return w;
}

static inline void walk_next(struct walk *w, uint64_t word)
{
	w->ref = w->at->ref[w->ref].below;
	walk_down(w, word);
}

static inline uint64_t durable(const struct pending *p, uint64_t word)
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

/*
 * The chain of one undecided store to a word alone over what is durable; else
 * NULL.
 */
static inline const struct chain *lone(const struct walk *w, uint64_t word)
{
	const struct chain *c = &w->at->chain[w->at->ref[w->ref].chain];
	struct walk below = *w;

	if (c->n != 1 || c->lo || !c->hi || w->at->model == SIM_M3 ||
	    (w->at->model != SIM_M2 && !c->stream))
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

/* What a word may be, as far as it is known; is there another choice? */
struct known {
	uint64_t value;
	bool any;
	bool open;
	bool independent; /* equal values are the same choice */
};

static inline void learn(struct known *k, uint64_t value)
{
	k->open |= k->any && (!k->independent || k->value != value);
	k->value = value;
	k->any = true;
}

/* The cuts of a chain.  Return: whether what is below it counts, too. */
static inline bool learn_chain(struct known *k, const struct pending *p,
			       const struct chain *c, uint64_t word)
{
	uint32_t s = c->first;
	uint64_t kept = 0;
	bool keeps = false; /* each cut has a store there */

	k->independent &= p->model != SIM_M1 || c->stream;
	for (uint16_t cut = 1; cut <= c->hi; cut++, s = p->step[s].next) {
		if (p->step[s].word != word)
			continue;
		if (cut > c->lo) {
			learn(k, p->step[s].value);
			continue;
		}
		kept = p->step[s].value;
		keeps = true;
	}
	if (keeps)
		learn(k, kept);
	return !keeps;
}

/* M3: there is garbage, too. */
static bool value_of_options(struct pending *p, uint64_t word, uint64_t *value)
{
	struct option option[PENDING_OPTIONS_MAX];

	if (pending_options(p, word, option) > 1)
		return false;
	*value = option[0].value;
	return true;
}

bool pending_value(struct pending *p, uint64_t word, uint64_t *value)
{
	struct known k = { .independent = true };
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
	if (p->model == SIM_M3)
		return value_of_options(p, word, value);
	if (lone(&w, word)) {
		*value = durable(p, word);
		return w.at->step[c->first].value == *value;
	}
	while (learn_chain(&k, w.at, c, word) && !k.open) {
		walk_next(&w, word);
		if (!w.ref) {
			learn(&k, durable(p, word));
			break;
		}
		c = &w.at->chain[w.at->ref[w.ref].chain];
	}
	*value = k.value;
	return !k.open;
}

/* ------------------------------------------------------------- decisions -- */

static void narrow(struct pending *at, uint32_t chain, uint16_t lo, uint16_t hi,
		   bool garbled, struct decisions *log)
{
	struct chain *c = &at->chain[chain];

	log->d =
		trace_grow(log->d, &log->room, log->count + 1, sizeof(*log->d));
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
