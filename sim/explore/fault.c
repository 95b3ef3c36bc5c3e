/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.c - mutants of barriers: the library's own object code runs, but one
 * of its flushes, fences or streams does not do what it should.
 */
#include <string.h>

#include "sim/explore/engine.h"

/* What happens changes places; when it happens does not. */
static void swap(struct trace_event *a, struct trace_event *b)
{
	struct trace_event was = *a;

	a->kind = b->kind;
	a->words = b->words;
	a->site = b->site;
	a->word = b->word;
	a->data = b->data;
	b->kind = was.kind;
	b->words = was.words;
	b->site = was.site;
	b->word = was.word;
	b->data = was.data;
}

/* Whether a flush is followed by another one of the same place. */
static bool goes_on(const struct trace *t, uint32_t i)
{
	return i + 1 < t->count && t->event[i + 1].kind == TRACE_FLUSH &&
	       t->event[i + 1].site == t->event[i].site;
}

static bool is_store(const struct trace_event *e)
{
	return e->kind == TRACE_STORE || e->kind == TRACE_STREAM;
}

/* How many events before @i, or from @i on, are one step: one place's. */
static uint32_t step_before(const struct trace *t, uint32_t i)
{
	uint32_t n = 0;

	while (n < i &&
	       (is_store(&t->event[i - 1 - n]) ||
		t->event[i - 1 - n].kind == TRACE_FLUSH) &&
	       t->event[i - 1 - n].site == t->event[i - 1].site)
		n++;
	return n;
}

static uint32_t step_from(const struct trace *t, uint32_t i)
{
	uint32_t n = 0;

	while (i + n < t->count && is_store(&t->event[i + n]) &&
	       t->event[i + n].site == t->event[i].site)
		n++;
	return n;
}

/* Return: the event up to which nothing is to be done any more. */
static uint32_t fence_fault(enum sim_fault fault, struct trace *t, uint32_t i)
{
	uint32_t n;

	if (fault == SIM_FAULT_DROP_FENCE)
		t->event[i].kind = TRACE_NONE;
	if (fault == SIM_FAULT_SWAP)
		for (n = step_before(t, i); n; n--, i--)
			swap(&t->event[i - 1], &t->event[i]);
	if (fault == SIM_FAULT_SWAP_NEXT)
		for (n = step_from(t, i + 1); n; n--, i++)
			swap(&t->event[i], &t->event[i + 1]);
	return i;
}

void engine_fault(const struct engine *x, struct trace *t)
{
	const struct sim_mutant *m = x->opt->mutant;

	if (!m || m->fault == SIM_FAULT_NONE)
		return;
	for (uint32_t i = 0; i < t->count; i++) {
		struct trace_event *e = &t->event[i];
		enum trace_kind kind = (enum trace_kind)e->kind;

		if (strcmp(trace_site_text(e->site), m->site) != 0)
			continue;
		if (kind == TRACE_FENCE) {
			uint32_t last = fence_fault(m->fault, t, i);

			i = last > i ? last : i;
		} else if (kind == TRACE_FLUSH &&
			   (m->fault == SIM_FAULT_DROP_FLUSH ||
			    (m->fault == SIM_FAULT_SHORT_FLUSH &&
			     !goes_on(t, i)))) {
			e->kind = TRACE_NONE;
		} else if (kind == TRACE_STREAM &&
			   m->fault == SIM_FAULT_WEAKEN) {
			e->kind = TRACE_STORE;
		}
	}
}
