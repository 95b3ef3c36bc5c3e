/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - run a workload once and write down what it does. */
#include <stdlib.h>
#include <string.h>

#include "sim/explore/engine.h"

/* Tables that `aside` leaves to the other of a pair, and in longer sequences. */
#define KEPT 16u
#define KEPT_LATER 2u

static bool same_map(const struct ppt_memory_map *a,
		     const struct ppt_memory_map *b)
{
	return a->count == b->count &&
	       !memcmp(a->region, b->region, a->count * sizeof(a->region[0]));
}

/* Number of the memory map that a recovery would be given now. */
static uint8_t map_now(struct engine *x)
{
	const struct ppt_memory_map *map = world_present(&x->world);

	if (!map)
		return 0;
	if (x->maps && same_map(&x->map[x->maps - 1], map))
		return (uint8_t)x->maps;
	if (x->maps == ENGINE_MAPS)
		abort();
	x->map[x->maps++] = *map;
	return (uint8_t)x->maps;
}

static struct trace_event event_now(struct engine *x, enum trace_kind kind,
				    uint64_t off, const char *site)
{
	return (struct trace_event){ .kind = (uint8_t)kind,
				     .site = trace_site(site),
				     .low = (uint16_t)x->world.low,
				     .high = (uint16_t)(x->world.states - 1),
				     .map = map_now(x),
				     .trust = (uint8_t)x->world.recover,
				     .mend = x->world.mend,
				     .quiet = x->world.quiet,
				     .word = (uint32_t)(off / 8) };
}

/* Under M0 a crash may come between any two words, of one line as well. */
static unsigned most(const struct engine *x)
{
	return x->opt->model == SIM_M0 ? 1 : LINE_WORDS;
}

/* What a place does; more than one line in a row is a series. */
static void note_site(struct engine *x, const struct trace *t,
		      const struct trace_event *e)
{
	const struct trace_event *last = t->count ? &t->event[t->count - 1] :
						    NULL;

	x->seen[e->site] |= (uint8_t)(1u << e->kind);
	if (last && last->kind == e->kind && last->site == e->site)
		x->series[e->site] = true;
}

static enum trace_kind kind_of(enum ppt_pm_event event)
{
	static const enum trace_kind kind[] = { [PPT_PM_STORE] = TRACE_STORE,
						[PPT_PM_STREAM] = TRACE_STREAM,
						[PPT_PM_FLUSH] = TRACE_FLUSH,
						[PPT_PM_FENCE] = TRACE_FENCE,
						[PPT_PM_MARK] = TRACE_MARK };

	return kind[event];
}

static bool stores(enum ppt_pm_event event)
{
	return event == PPT_PM_STORE || event == PPT_PM_STREAM ||
	       event == PPT_PM_MARK;
}

static void record(struct engine *x, enum ppt_pm_event event, uint64_t off,
		   uint64_t len, const char *site)
{
	struct trace_event e = event_now(x, kind_of(event), off, site);

	note_site(x, &x->work, &e);
	trace_add(&x->work, &e, stores(event) ? len / 8 : 0, most(x),
		  x->media.read);
}

/* Words of a line, stored to: whatever they were, they are decided. */
static inline void close_words(struct media *m, uint64_t word, uint64_t n)
{
	uint32_t line = (uint32_t)(word / LINE_WORDS);
	unsigned words = ((1u << n) - 1) << word % LINE_WORDS;

	media_touch(m, line);
	if (__builtin_expect(m->open[line], 0))
		media_set_open(m, line, (uint8_t)(m->open[line] & ~words));
}

static void add_run_event(struct engine *x, enum ppt_pm_event event,
			  uint64_t off, uint64_t len, const char *site)
{
	struct run *r = &x->run[x->level];
	struct trace_event e = {
		.kind = (uint8_t)kind_of(event),
		.site = trace_site(site),
		.word = (uint32_t)(off / 8),
		.choices = r->choice.at,
		.decided = r->log.count,
	};

	if (x->traced) {
		note_site(x, &r->trace, &e);
		trace_add(&r->trace, &e, stores(event) ? len / 8 : 0, most(x),
			  x->media.read);
	}
	if (!stores(event))
		return;
	for (uint64_t at = off / 8, end = at + len / 8; at < end;) {
		uint64_t next = (at / LINE_WORDS + 1) * LINE_WORDS;

		next = next < end ? next : end;
		close_words(&x->media, at, next - at);
		at = next;
	}
}

static inline bool eight_closed(const uint8_t *open)
{
	uint64_t eight;

	memcpy(&eight, open, sizeof(eight));
	return !eight;
}

static __attribute__((noinline)) void loaded(struct engine *x, uint64_t off,
					     uint64_t len)
{
	const uint8_t *open = x->media.open + off / 64;
	const uint8_t *last = x->media.open + (off + len - 1) / 64;

	for (; last - open >= 7 && eight_closed(open); open += 8)
		;
	for (; open <= last; open++)
		if (__builtin_expect(*open, 0))
			engine_decide(x, off / 8, len / 8);
}

static __attribute__((noinline)) void stored(struct engine *x,
					     enum ppt_pm_event event,
					     uint64_t off, uint64_t len,
					     const char *site)
{
	if (x->mode == ENGINE_OFF)
		return;
	if (x->mode == ENGINE_RECORD) {
		record(x, event, off, len, site);
		return;
	}
	if (x->mode == ENGINE_QUIET)
		x->stored |= stores(event) && event != PPT_PM_MARK;
	add_run_event(x, event, off, len, site);
}

/* Most are loads of a word, in a search, of which nothing is open. */
void engine_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		  uint64_t len, const char *site)
{
	struct engine *x = ctx;

	if (event != PPT_PM_LOAD)
		stored(x, event, off, len, site);
	else if (len > 8 || x->media.open[off / 64])
		loaded(x, off, len);
}

static void user_wrote(void *ctx, uint64_t off, uint64_t len)
{
	struct engine *x = ctx;
	struct trace_event e = event_now(x, TRACE_USER, off, "user");

	trace_add(&x->work, &e, len / 8, LINE_WORDS, x->media.read);
}

static void acknowledge(struct engine *x)
{
	struct trace_event e = event_now(x, TRACE_ACK, 0, "caller");

	e.emptied = x->world.emptied;
	trace_add(&x->work, &e, 0, 0, x->media.read);
}

/* The base with what the rows act on. */
static int choose_base(struct engine *x)
{
	unsigned parts = x->parts;

	for (unsigned i = 0; i < x->rows; i++)
		parts |= world_ops[x->row[i]].parts;
	x->world.user = NULL;
	if (!x->bases[parts].words) /* nothing is open while it is made */
		media_fill(&x->media, x->base->words);
	x->base = world_base(&x->world, x->bases, parts);
	return x->base ? 0 : -1;
}

int engine_record(struct engine *x)
{
	struct world *w = &x->world;
	int err;

	trace_reset(&x->work);
	x->maps = 0;
	if (choose_base(x))
		return -1;
	media_fill(&x->media, x->base->words);
	x->starts = 0;
	x->singles = x->rows > 1 ? ENGINE_SINGLES_LATER : ENGINE_SINGLES;
	w->user = user_wrote;
	w->ctx = x;
	x->mode = ENGINE_RECORD;
	err = world_open(w, x->base);
	for (unsigned i = 0; i < x->rows && !err; i++) {
		if (!x->opt->workload && i && i == x->rows - 1)
			x->starts = x->work.count;
		w->emptied = false;
		err = world_ops[x->row[i]].run(w);
		acknowledge(x);
		if (!err && i + 1 < x->rows)
			err = world_trim(w, x->rows > 2 ? KEPT_LATER : KEPT);
	}
	x->mode = ENGINE_OFF;
	engine_fault(x, &x->work);
	if (w->states > ENGINE_STATES)
		err = why_set(&w->why, "more than %u states", ENGINE_STATES);
	for (unsigned i = 0; i < ENGINE_STATES; i++) {
		if (x->extra_known[i])
			world_state_free(&x->extra[i]);
		x->extra_known[i] = false;
	}
	return err;
}
