/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crashes.c - the crash points of the explorer's workloads.
 *
 * Layer: fuzz.
 */
#include "crashes.h"

#include <string.h>

#define CRASHES_MAX 4096u
#define WORKS_MAX WORLD_OPS_MAX
#define WORDS_MAX 65536u

/* ------------------------------------------------------------ one point -- */

static bool note_word(struct engine *x, uint64_t word, struct crash_word *out)
{
	struct option option[PENDING_OPTIONS_MAX];
	uint64_t value;
	unsigned n;

	*out = (struct crash_word){ .word = (uint32_t)word, .values = 1 };
	if (pending_value(&x->pending[0], word, &value)) {
		out->value[0] = value;
		return value != x->base->words[word];
	}
	n = pending_options(&x->pending[0], word, option);
	for (out->values = 0; out->values < n && out->values < WORD_VALUES;
	     out->values++)
		out->value[out->values] = option[out->values].value;
	return true;
}

/* Words that the workload has stored to before an event, each once. */
static uint32_t note_words(struct engine *x, uint32_t event,
			   struct crash_word *to)
{
	static bool seen[PPT_POOL_BYTES_MIN / 8];
	uint32_t n = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t e = 0; e < event; e++) {
		const struct trace_event *t = &x->work.event[e];

		for (uint32_t i = 0; i < t->words; i++) {
			uint32_t word = t->word + i;

			if (seen[word])
				continue;
			seen[word] = true;
			if (n == WORDS_MAX)
				rig_fail("workload of too many words");
			n += note_word(x, word, &to[n]);
		}
	}
	return n;
}

static void add_crash(struct crashes *all, struct engine *x,
		      struct crash_work *work, uint32_t event, bool quiet)
{
	static struct crash_word word[WORDS_MAX];
	const struct trace_event *e = &x->work.event[event];
	struct crash *c = &all->crash[all->count++];

	if (all->count > CRASHES_MAX)
		rig_fail("too many crash points");
	*c = (struct crash){
		.work = work,
		.low = e->low,
		.high = e->high,
		.quiet = quiet,
	};
	c->words = note_words(x, event, word);
	c->word = malloc(c->words * sizeof(*word) + 1);
	if (!c->word)
		rig_fail("no memory");
	memcpy(c->word, word, c->words * sizeof(*word));
	c->moved = e->map;
	if (e->map)
		c->present = x->map[e->map - 1];
}

/* --------------------------------------------------------- all of them -- */

/* A pool that is formatted anew is none for a while: left to the explorer. */
static bool leaves_none(const struct engine *x)
{
	for (uint32_t i = 0; i < x->world.states; i++)
		if (x->world.state[i].none)
			return true;
	return false;
}

static void add_work(struct crashes *all, struct engine *x,
		     struct crash_work *work)
{
	bool quiet = false;

	(void)snprintf(work->name, sizeof(work->name), "%s", x->name);
	engine_rewind(x);
	for (uint32_t e = 0; e < x->work.count; e++) {
		quiet |= x->work.event[e].quiet;
		/* A damaged pool needs a repair first: left to the explorer. */
		if (engine_is_crash_point(x, &x->work, e) &&
		    !x->work.event[e].mend)
			add_crash(all, x, work, e, quiet);
		(void)pending_play(&x->pending[0], &x->work, &x->work.event[e]);
	}
	work->states = x->world.states;
	/* The states are needed when the next workload has run. */
	memcpy(work->state, x->world.state, sizeof(work->state));
	memset(x->world.state, 0, sizeof(x->world.state));
	x->world.states = 0;
}

/* The same for all workloads. */
static void take_base(struct specimen *image, struct engine *x)
{
	const struct world_base *base;
	const struct ppt_m_superblock *sb;

	x->parts = WORLD_ALL;
	base = world_base(&x->world, x->bases, x->parts);
	if (!base)
		rig_fail("%s", x->world.why.text);
	sb = (const void *)base->words;
	*image = (struct specimen){ .size = world_bytes() };
	image->journal_bytes =
		(uint64_t)ppt__get32(sb->journal_pages) * PPT_PAGE_BYTES;
	if (image->size != PPT_POOL_BYTES_MIN ||
	    ppt__layout(image->size, image->journal_bytes, &image->at, NULL))
		rig_fail("the workloads' pool is of another size");
	memcpy(image->uuid.b, sb->uuid, sizeof(image->uuid.b));
	image->seed = ppt__seed(sb->uuid);
	image->bytes = (uint8_t *)base->words;
}

static void make_all(struct crashes *all)
{
	static struct crash_work work[WORKS_MAX];
	static struct engine x;
	const struct sim_options options = { .ops = 1,
					     .model = SIM_M2,
					     .first = true };
	struct sim_result result = { .total = 0 };
	struct specimen image;

	if (engine_open(&x, &options, &result))
		rig_fail("%s", x.why.text);
	take_base(&image, &x);
	rig_open(&all->rig, &image);
	rig_open(&all->other, &image);
	all->crash = calloc(CRASHES_MAX, sizeof(*all->crash));
	if (!all->crash)
		rig_fail("no memory");
	for (unsigned i = 0; i < world_op_count; i++) {
		x.row[0] = i;
		x.rows = 1;
		engine_name(&x);
		if (engine_record(&x))
			rig_fail("%s: %s", x.name, x.world.why.text);
		if (!leaves_none(&x))
			add_work(all, &x, &work[i]);
	}
}

struct crashes *crashes_all(void)
{
	static struct crashes all;

	if (!all.crash)
		make_all(&all);
	return &all;
}

/* The exact comparison: slow, and done once for each hash that is met. */
static uint64_t matching(struct crash *crash, struct rig *rig, struct why *why)
{
	static struct image image;
	struct image_view view = { .media = (const void *)rig->read,
				   .words = rig->image.size / 8 };
	uint64_t shown = 0;

	if (image_read(&view, false, &image, why))
		return 0;
	for (uint32_t s = 0; s < crash->work->states; s++)
		if (world_matches(&crash->work->state[s],
				  crash->moved ? &crash->present : NULL, &image,
				  &view, why))
			shown |= STATE_BIT(s);
	return shown;
}

bool crash_allows(struct crash *crash, struct rig *rig, uint64_t hash,
		  bool flips, struct why *why)
{
	struct crash_work *w = crash->work;
	uint64_t allowed = STATE_BIT(crash->high) * 2 - 1, shown;

	if (!flips)
		allowed &= ~(STATE_BIT(crash->low) - 1);
	for (uint32_t i = 0; i < w->hashes; i++)
		if (w->hash[i] == hash && w->shown[i] & allowed)
			return true;
	/* States may differ in what frames hold, which no hash tells. */
	shown = matching(crash, rig, why);
	if (shown && w->hashes < CRASH_HASHES) {
		w->hash[w->hashes] = hash;
		w->shown[w->hashes++] = shown;
	}
	return shown & allowed;
}
