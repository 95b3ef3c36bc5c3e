/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * selfcheck.c - does lazy exploration see what eager exploration sees?
 *
 * At each crash point: the contents that recovery leads to, when words are
 * decided as they are read, and when all are decided beforehand, in every
 * combination.  And over a workload: crashes before every event lead to no
 * content that crashes before fences and acknowledgements do not lead to.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/engine.h"

#define EAGER_LOG10_MAX 4.2 /* 16,000 states */
/* There are many more events than fences: of each fewer words in every way. */
#define EVENT_SINGLES 5u
#define HASHES_MAX 65536u

struct hashes {
	uint64_t hash[HASHES_MAX];
	size_t count;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void tidy(struct hashes *h)
{
	size_t kept = 0;

	qsort(h->hash, h->count, sizeof(h->hash[0]), by_value);
	for (size_t i = 0; i < h->count; i++)
		if (!kept || h->hash[kept - 1] != h->hash[i])
			h->hash[kept++] = h->hash[i];
	h->count = kept;
}

static void collect(void *ctx, uint64_t hash)
{
	struct hashes *h = ctx;

	if (h->count == HASHES_MAX)
		tidy(h);
	if (h->count < HASHES_MAX)
		h->hash[h->count++] = hash;
}

static bool subset(const struct hashes *a, const struct hashes *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (!bsearch(&a->hash[i], b->hash, b->count, sizeof(b->hash[0]),
			     by_value))
			return false;
	return true;
}

struct check {
	struct engine x;
	struct hashes lazy;
	struct hashes eager;
	struct hashes fences; /* of the whole workload */
	struct hashes events;
	struct sim_selfcheck *out;
};

static void outcomes(struct check *c, uint32_t event, struct hashes *to,
		     bool eager)
{
	c->x.outcome = collect;
	c->x.outcome_ctx = to;
	c->x.eager = eager;
	engine_crash_at(&c->x, event);
	c->x.eager = false;
	tidy(to);
}

static void compare(struct check *c, uint32_t event)
{
	struct sim_selfcheck *out = c->out;
	uint64_t was = c->x.res->recoveries;

	if (pending_log10(&c->x.pending[0]) > EAGER_LOG10_MAX) {
		out->too_many++;
		return;
	}
	c->lazy.count = c->eager.count = 0;
	outcomes(c, event, &c->lazy, false);
	was = c->x.res->recoveries;
	outcomes(c, event, &c->eager, true);
	out->eager_states += c->x.res->recoveries - was;
	out->points++;
	if (c->lazy.count == c->eager.count && subset(&c->lazy, &c->eager))
		return;
	if (!out->mismatches++)
		(void)why_set(&out->first,
			      "workload %s, event %u: %zu outcomes lazily, %zu "
			      "eagerly",
			      c->x.name, event, c->lazy.count, c->eager.count);
}

static void one_workload(struct engine *x, void *ctx)
{
	struct check *c = ctx;

	if (engine_record(x)) {
		if (!c->out->mismatches++)
			(void)why_set(&c->out->first,
				      "workload %s, without a crash: %.500s",
				      x->name, x->world.why.text);
		return;
	}
	c->fences.count = c->events.count = 0;
	engine_rewind(x);
	for (uint32_t e = 0; e < x->work.count; e++) {
		if (engine_is_crash_point(x, &x->work, e)) {
			outcomes(c, e, &c->fences, false);
			compare(c, e);
		}
		if (x->work.event[e].kind != TRACE_USER &&
		    !x->work.event[e].quiet) {
			unsigned singles = x->singles;

			x->singles = EVENT_SINGLES;
			outcomes(c, e, &c->events, false);
			x->singles = singles;
		}
		engine_play(x, 0, &x->work, e);
	}
	c->out->workloads++;
	if (subset(&c->events, &c->fences))
		return;
	if (!c->out->event_mismatches++ && !c->out->mismatches)
		(void)why_set(&c->out->first,
			      "workload %s: a crash between two fences shows "
			      "what none at a fence shows",
			      x->name);
}

int sim_selfcheck(const struct sim_options *options, struct sim_selfcheck *out,
		  struct why *why)
{
	static struct sim_result res;
	struct check *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return why_set(why, "no memory");
	memset(out, 0, sizeof(*out));
	memset(&res, 0, sizeof(res));
	c->out = out;
	err = engine_open(&c->x, options, &res);
	c->x.plain = true;
	if (!err)
		err = engine_campaign(&c->x, one_workload, c);
	if (err)
		*why = c->x.why;
	out->partial = res.partial;
	if (!err && res.violations && !out->first.text[0])
		(void)why_set(&out->first, "%.600s", res.violation[0].text);
	out->mismatches += res.violations;
	engine_close(&c->x);
	free(c);
	return err;
}
