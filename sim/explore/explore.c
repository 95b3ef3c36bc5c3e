/* SPDX-License-Identifier: BSD-3-Clause */
/* explore.c - campaigns: which workloads, and which of their crash points. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/explore/engine.h"

/* Where a superblock says where the ring is (docs/FORMAT.md). */
#define SB_JOURNAL_PAGE 72u
#define SB_JOURNAL_PAGES 76u

#define CORE_FROM 3u

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -------------------------------------------------------------- the engine -- */

static void prepare_world(struct engine *x)
{
	struct world *w = &x->world;

	w->pm = (struct ppt_pm_config){ .media = x->media.read,
					.writable = x->media.write,
					.bytes = x->media.words * 8,
					.flush = PPT_FLUSH_EADR,
					.observer = &x->observer };
	w->scratch = x->scratch;
	w->scratch_bytes = x->scratch_bytes;
	w->attach_flags = x->opt->mmu ? 0 : PPT_ATTACH_NO_MMU;
}

/* The least base there is; the journal is where it is in each of them. */
static int find_ring(struct engine *x)
{
	uint32_t page, pages;

	x->base = world_base(&x->world, x->bases, 0);
	if (!x->base)
		return why_set(&x->why, SIM_NO_BASE "%.500s",
			       x->world.why.text);
	memcpy(&page, (char *)x->base->words + SB_JOURNAL_PAGE, 4);
	memcpy(&pages, (char *)x->base->words + SB_JOURNAL_PAGES, 4);
	x->ring_first = (uint64_t)page * PPT_PAGE_WORDS;
	x->ring_last = x->ring_first + (uint64_t)pages * PPT_PAGE_WORDS;
	return 0;
}

static int open_levels(struct engine *x)
{
	for (unsigned i = 0; i < ENGINE_LEVELS; i++) {
		struct pending *p = &x->pending[i];

		pending_open(p, x->opt->model, x->media.words,
			     i ? &x->pending[i - 1] : NULL);
		p->garbage_first = x->ring_first;
		p->garbage_last = x->ring_last;
	}
	return 0;
}

int engine_open(struct engine *x, const struct sim_options *opt,
		struct sim_result *res)
{
	uint64_t bytes = world_bytes();

	memset(x, 0, sizeof(*x));
	x->opt = opt;
	x->res = res;
	x->observer.event = engine_event;
	x->observer.ctx = x;
	x->observer.loads = &x->media.open_lines;
	x->scratch_bytes = world_scratch_bytes();
	x->scratch = aligned_alloc(4096, x->scratch_bytes);
	x->memo = calloc(MEMO_SLOTS, sizeof(*x->memo));
	if (!x->scratch || !x->memo || media_open(&x->media, bytes))
		return why_set(&x->why, "memory for the simulator: %s",
			       strerror(errno));
	x->observer.lines = x->media.open;
	x->media.part = engine_line_part;
	x->media.ctx = x;
	if (!opt->first) /* of a mutant the death says enough */
		engine_guard(x);
	prepare_world(x);
	if (find_ring(x))
		return -1;
	return open_levels(x);
}

void engine_close(struct engine *x)
{
	engine_guard(NULL);
	for (unsigned i = 0; i < ENGINE_LEVELS; i++) {
		if (x->pending[i].head)
			pending_close(&x->pending[i]);
		trace_free(&x->run[i].trace);
		free(x->run[i].log.d);
		media_view_free(&x->run[i].start);
	}
	for (unsigned i = 0; i < ENGINE_STATES; i++)
		if (x->extra_known[i])
			world_state_free(&x->extra[i]);
	trace_free(&x->work);
	world_bases_free(x->bases);
	image_free(&x->image);
	media_close(&x->media);
	free(x->scratch);
	free(x->memo);
}

/* --------------------------------------------------------------- workloads -- */

void engine_name(struct engine *x)
{
	size_t at = 0;

	x->name[0] = 0;
	for (unsigned i = 0; i < x->rows; i++)
		at += (size_t)snprintf(x->name + at, sizeof(x->name) - at,
				       "%s%s", i ? "+" : "",
				       world_ops[x->row[i]].name);
}

static int find_row(const char *name, size_t len)
{
	for (unsigned i = 0; i < world_op_count; i++)
		if (strlen(world_ops[i].name) == len &&
		    !memcmp(world_ops[i].name, name, len))
			return (int)i;
	return -1;
}

static unsigned uses(const struct engine *x, unsigned row)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->rows; i++)
		n += x->row[i] == row;
	return n;
}

int engine_parse(struct engine *x, const char *name)
{
	const char *at = name;

	for (x->rows = 0;;) {
		size_t len = strcspn(at, "+");
		int row = find_row(at, len);

		if (row < 0)
			return why_set(&x->why,
				       "workload: there is no operation "
				       "\"%.*s\"; see pptsim workloads",
				       (int)len, at);
		if (x->rows == SIM_SEQUENCE_MAX)
			return why_set(&x->why,
				       "workload: more than %u operations",
				       SIM_SEQUENCE_MAX);
		if (uses(x, (unsigned)row) == WORLD_REPEATS)
			return why_set(&x->why,
				       "workload: \"%s\" more than %u times",
				       world_ops[row].name, WORLD_REPEATS);
		x->row[x->rows++] = (unsigned)row;
		if (!at[len])
			break;
		at += len + 1;
	}
	engine_name(x);
	return 0;
}

static bool takes(const struct engine *x, unsigned length, unsigned row)
{
	return length < (x->opt->core ? x->opt->core : CORE_FROM) ||
	       world_ops[row].core;
}

/* Of sequences of this length: how many rows there are to choose from. */
static unsigned row_count(const struct engine *x, unsigned length)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world_op_count; i++)
		n += takes(x, length, i);
	return n;
}

static unsigned nth_row(const struct engine *x, unsigned length, uint64_t n)
{
	unsigned i = 0;

	for (;; i++) {
		if (!takes(x, length, i))
			continue;
		if (!n--)
			return i;
	}
}

static uint64_t sequences(const struct engine *x, unsigned length)
{
	uint64_t of = 1;

	for (unsigned i = 0; i < length; i++)
		of *= row_count(x, length);
	return of;
}

static uint64_t workloads(const struct engine *x, unsigned ops)
{
	uint64_t sum = 0;

	for (; ops; ops--)
		sum += sequences(x, ops);
	return sum;
}

/* The @i-th sequence: the short ones first. */
static void nth_workload(struct engine *x, uint64_t i)
{
	unsigned of;

	for (x->rows = 1; i >= sequences(x, x->rows); x->rows++)
		i -= sequences(x, x->rows);
	of = row_count(x, x->rows);
	for (unsigned k = x->rows; of && k-- > 0; i /= of)
		x->row[k] = nth_row(x, x->rows, i % of);
	engine_name(x);
}

/* ------------------------------------------------------------ crash points -- */

bool engine_is_crash_point(const struct engine *x, const struct trace *t,
			   uint32_t event)
{
	enum trace_kind kind = (enum trace_kind)t->event[event].kind;

	if (t->event[event].quiet)
		return false;
	if (kind == TRACE_FENCE || kind == TRACE_ACK)
		return true;
	/* What the user of a frame writes is not all or nothing. */
	if (kind == TRACE_NONE || kind == TRACE_USER)
		return false;
	if (x->opt->every_event)
		return true;
	/* M0: between any two words of the workload, any two lines later. */
	return x->opt->model == SIM_M0 &&
	       (t == &x->work || kind == TRACE_FLUSH);
}

void engine_rewind(struct engine *x)
{
	for (unsigned i = 0; i < ENGINE_LEVELS; i++)
		pending_reset(&x->pending[i]);
	memcpy(x->pending[0].durable, x->base->words, x->media.words * 8);
	media_fill(&x->media, x->base->words);
}

void engine_play(struct engine *x, unsigned level, const struct trace *t,
		 uint32_t event)
{
	const struct trace_event *e = &t->event[event];
	const char *unclean = pending_play(&x->pending[level], t, e);

	if (!unclean || x->unclean[e->site])
		return;
	x->unclean[e->site] = true;
	engine_violation(x, "hygiene", "%s at %s", unclean,
			 trace_site_text(e->site));
}

static void forget_outcomes(struct engine *x)
{
	for (unsigned i = 0; i < x->memo_count; i++)
		x->memo[x->memo_used[i]] = (struct memo){ 0 };
	x->memo_count = 0;
}

void engine_crash_at(struct engine *x, uint32_t event)
{
	const struct trace_event *e = &x->work.event[event];
	struct crash_point at = { .event = event,
				  .map = e->map,
				  .trust = e->trust,
				  .mend = e->mend,
				  .emptied = e->emptied };
	double states;

	for (unsigned s = e->low; s <= e->high; s++)
		at.allowed |= STATE_BIT(s);
	media_restore(&x->media);
	for (uint32_t i = 0; i < x->pending[0].line_count; i++)
		media_render_zero(&x->media, &x->pending[0],
				  x->pending[0].lines[i]);
	forget_outcomes(x);
	x->res->crash_points++;
	states = pending_log10(&x->pending[0]);
	x->res->eager_log10 = /* of the sum */
		x->res->eager_log10 > states ?
			x->res->eager_log10 +
				log10(1 +
				      pow(10, states - x->res->eager_log10)) :
			states + log10(1 +
				       pow(10, x->res->eager_log10 - states));
	x->run[0].at = at;
	if (e->kind == TRACE_ACK && e->low == e->high &&
	    x->opt->model != SIM_M0)
		engine_check_acknowledged(x, e->emptied);
	engine_explore(x, 0, &at);
}

static bool stopped(const struct engine *x)
{
	return x->halt || (x->opt->stop && *x->opt->stop);
}

void engine_crash_all(struct engine *x)
{
	engine_rewind(x);
	for (uint32_t e = 0; e < x->work.count && !stopped(x); e++) {
		if (e >= x->starts && engine_is_crash_point(x, &x->work, e))
			engine_crash_at(x, e);
		x->run[0].at.event = e;
		engine_play(x, 0, &x->work, e);
	}
}

/* ---------------------------------------------------------------- campaigns -- */

static void one_workload(struct engine *x, void *ctx)
{
	(void)ctx;
	if (engine_record(x)) {
		x->run[0].at.event = x->work.count;
		engine_violation(x, "world", "without a crash: %s",
				 x->world.why.text);
	} else {
		engine_crash_all(x);
	}
}

void engine_report(struct engine *x)
{
	double now = now_s();

	x->res->seconds = now - x->began_s;
	if (!x->opt->progress || now < x->report_s)
		return;
	x->report_s = now + 0.2;
	x->opt->progress(x->opt->ctx, x->res);
}

/*
 * Dealt by chance: what a sequence costs depends on its last row, and every n-th
 * has the same few.
 */
static bool is_mine(const struct engine *x, uint64_t i)
{
	uint64_t h = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return x->opt->shards < 2 ||
	       (h >> 32) % x->opt->shards + 1 == x->opt->shard;
}

static void sequences_of_shard(struct engine *x, engine_work *one, void *ctx)
{
	uint64_t count = workloads(x, x->opt->ops);

	for (uint64_t i = 0; i < count; i++)
		x->res->total += is_mine(x, i);
	for (uint64_t i = 0; i < count && !stopped(x); i++) {
		if (!is_mine(x, i))
			continue;
		nth_workload(x, i);
		one(x, ctx);
		world_close(&x->world);
		x->res->workloads += !stopped(x);
		engine_report(x);
	}
}

int engine_campaign(struct engine *x, engine_work *one, void *ctx)
{
	x->began_s = x->report_s = now_s();
	x->res->total = x->res->workloads = 0;
	if (x->opt->workload) {
		if (engine_parse(x, x->opt->workload))
			return -1;
		one(x, ctx);
		world_close(&x->world);
		x->res->total = 1;
		x->res->workloads = !stopped(x);
	} else {
		sequences_of_shard(x, one, ctx);
	}
	x->res->partial = x->res->workloads < x->res->total;
	engine_report(x);
	return 0;
}

int sim_explore(const struct sim_options *options, struct sim_result *result,
		struct why *why)
{
	static struct engine x;
	int err;

	memset(result, 0, sizeof(*result));
	err = engine_open(&x, options, result);
	if (!err)
		err = engine_campaign(&x, one_workload, NULL);
	if (err)
		*why = x.why;
	engine_close(&x);
	for (unsigned i = 0; i < result->kept && !err && !options->first; i++)
		engine_shrink(options, &result->violation[i]);
	return err;
}

/* ------------------------------------------------------------------- sites -- */

/* Barriers of workloads and of recoveries, as a small campaign meets them. */
int sim_sites(struct sim_site *site, unsigned *count, struct why *why)
{
	const struct sim_options options = { .ops = 1,
					     .model = SIM_M2,
					     .shards = 1 };
	static struct sim_result result;
	static struct engine x;
	int err;

	*count = 0;
	memset(&result, 0, sizeof(result));
	err = engine_open(&x, &options, &result);
	if (!err)
		err = engine_campaign(&x, one_workload, NULL);
	if (err)
		*why = x.why;
	for (uint16_t i = 1; i < TRACE_SITES_MAX && !err; i++) {
		struct sim_site *s = &site[*count];

		if (!(x.seen[i] & ~(1u << TRACE_STORE | 1u << TRACE_MARK)) ||
		    *count == SIM_SITES_MAX)
			continue;
		(void)snprintf(s->site, sizeof(s->site), "%s",
			       trace_site_text(i));
		s->flush = x.seen[i] & 1u << TRACE_FLUSH;
		s->series = x.series[i];
		s->fence = x.seen[i] & 1u << TRACE_FENCE;
		s->stream = x.seen[i] & 1u << TRACE_STREAM;
		++*count;
	}
	engine_close(&x);
	return err;
}
