/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash.c - recover a crash state in every way that the crash left open.
 *
 * A word is decided when recovery reads it (Demsky, Xu et al., Jaaru, ASPLOS
 * 2021); recovery is then run again for every other way it could have been.
 */
#include <string.h>

#include "sim/explore/engine.h"

#define DEEP_ONCE 8u

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* --------------------------------------------------------------- choices -- */

/*
 * What is too much to enumerate: all as it was stored, nothing of it, halves
 * and all but a few, by chance that the path so far decides.
 */
static unsigned by_pattern(struct engine *x, unsigned *pattern, uint64_t word,
			   unsigned n)
{
	struct run *r = &x->run[x->level];
	uint64_t h = mix(word * 31 + r->path + x->opt->seed);

	if (!*pattern) {
		*pattern = 1 + choice_make(&r->choice, 4);
		x->res->sampled++;
	}
	switch (*pattern) {
	case 1:
		return 0;
	case 2:
		return n - 1;
	case 3:
		return (unsigned)(h % n);
	default:
		return h % 6 ? 0 : (unsigned)(h / 8 % n);
	}
}

/* Which of what is under a checksum; ENGINE_SUMMED: none. */
static unsigned summed(const struct engine *x, uint64_t word)
{
	if (word < 2 * PPT_PAGE_WORDS && !engine_is_tail(word))
		return word < PPT_PAGE_WORDS ? 0 : 1;
	return word >= x->ring_first && word < x->ring_last ? 2 : ENGINE_SUMMED;
}

/*
 * The superblocks and the journal's records are read whole, each under one
 * checksum.  Up to the first word that was lost every way is tried, and in its
 * line every way for the words that follow; what is read behind that line is
 * rejected with it.  In a recovery after a recovery patterns must do, and where
 * a repair was crashed in a sequence: alone it was tried in every way.
 */
static unsigned choose_summed(struct engine *x, unsigned area, uint64_t word,
			      unsigned n)
{
	struct run *r = &x->run[x->level];
	uint64_t line = word / LINE_WORDS + 1;
	uint64_t *torn = &r->torn[area];
	unsigned k;

	if (x->level || (r->at.mend && x->rows > 1) || (*torn && line != *torn))
		return by_pattern(x, &r->pattern[area], word, n);
	if (*torn && x->opt->model == SIM_M3) /* one garbled word will do */
		return choice_make(&r->choice, 2) ? n - 1 : 0;
	k = choice_make(&r->choice, n);
	if (k && !*torn)
		*torn = line;
	return k;
}

bool engine_is_mark(const struct option *option, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (!engine_same_entry(option[0].value, option[i].value))
			return false;
	return true;
}

static unsigned choose(struct engine *x, uint64_t word,
		       const struct option *option, unsigned n)
{
	struct run *r = &x->run[x->level];
	unsigned area = summed(x, word), k;

	if (x->eager)
		return choice_make(&r->choice, n);
	if (area < ENGINE_SUMMED)
		k = choose_summed(x, area, word, n);
	else if (engine_is_mark(option, n))
		k = by_pattern(x, &r->marks, word, n);
	else if (r->single++ < x->singles)
		k = choice_make(&r->choice, n);
	else
		k = by_pattern(x, &r->pattern[area], word, n);
	r->path = mix(r->path + k + 1);
	return k;
}

void engine_decide(struct engine *x, uint64_t word, uint64_t n)
{
	struct option option[PENDING_OPTIONS_MAX];
	struct pending *p = &x->pending[x->level];
	struct run *r = &x->run[x->level];

	for (; n; n--, word++) {
		uint32_t line = (uint32_t)(word / LINE_WORDS);
		uint8_t bit = (uint8_t)(1u << word % LINE_WORDS);
		unsigned k = 0, of;

		if (!(x->media.open[line] & bit))
			continue;
		of = pending_options(p, word, option);
		if (of > 1) {
			k = choose(x, word, option, of);
			pending_decide(p, word, &option[k], &r->log);
		}
		r->looked += x->mode == ENGINE_LOOK;
		x->media.write[word] = option[k].value;
		media_set_open(&x->media, line,
			       (uint8_t)(x->media.open[line] & ~bit));
		media_touch(&x->media, line);
	}
}

/* ------------------------------------------------------------- one crash -- */

static void render(struct engine *x, unsigned level, uint32_t line)
{
	media_touch(&x->media, line);
	media_render(&x->media, &x->pending[level], line);
}

/* Of a run's decisions other ones are in force than for the last crash in it. */
static void set_force(struct engine *x, unsigned level, uint32_t in_force)
{
	struct run *r = &x->run[level];
	uint32_t i = in_force < r->in_force ? in_force : r->in_force;
	uint32_t end = in_force < r->in_force ? r->in_force : in_force;

	for (; i < end; i++)
		pending_stale(&x->pending[level + 1],
			      r->log.d[i].at->chain[r->log.d[i].chain].line);
	r->in_force = in_force;
}

/*
 * The media as the crash left it, with what is decided by now; kept.  It is that
 * of the last crash in the same run, or of the crash that this run recovers,
 * but for what is stale of it.
 */
static void prepare(struct engine *x, unsigned level)
{
	struct pending *p = &x->pending[level];
	struct run *r = &x->run[level];

	if (!level || !r->started) {
		media_restore(&x->media);
		media_copy(&x->media, &r->start,
			   level ? &x->run[level - 1].start : NULL);
		r->started = true;
	}
	media_show(&x->media, &r->start);
	for (uint32_t i = 0; level && i < p->stale_count; i++)
		render(x, level, p->stale[i]);
	media_keep(&x->media, &r->start);
	pending_fresh(p);
}

/* Selfcheck: whatever is open, whether somebody reads it or not. */
static void decide_all(struct engine *x)
{
	const struct pending *p = &x->pending[0];

	for (uint32_t i = 0; i < p->line_count; i++)
		engine_decide(x, (uint64_t)p->lines[i] * LINE_WORDS,
			      LINE_WORDS);
}

static int attach(struct engine *x, const struct crash_point *at,
		  struct ppt_pool **pool, struct ppt_attach_report *report,
		  struct ppt_diag *diag)
{
	const struct ppt_attach_config cfg = {
		.pm = { .media = x->media.read,
			.writable = x->media.write,
			.bytes = x->media.words * 8,
			.flush = PPT_FLUSH_EADR, /* no instruction is needed */
			.observer = &x->observer },
		.scratch = x->scratch,
		.scratch_bytes = x->scratch_bytes,
		.present = at->map ? &x->map[at->map - 1] : NULL,
		.flags = x->world.attach_flags | PPT_ATTACH_DRAM_KEPT,
		.trust = at->trust,
	};

	*diag = (struct ppt_diag){ 0 };
	x->res->recoveries++;
	return ppt_attach(&cfg, pool, report, diag);
}

/* A repair of what the crash left.  false: violation. */
static bool repair(struct engine *x, const struct crash_point *at,
		   uint64_t *actions)
{
	struct ppt_repair_report report = { 0 };
	struct ppt_diag diag = { 0 };
	int err;

	x->res->recoveries++;
	err = world_repair(&x->world, &report, &diag);
	if (x->tell)
		fprintf(x->tell,
			"%*scrash before event %u: repair: %s, %llu actions\n",
			(int)(2 * x->level), "", at->event,
			err ? ppt_error_name(err) : "0",
			(unsigned long long)report.actions);
	if (err)
		engine_violation(x, "refused", "repair: %s: %s: %s (at %#llx)",
				 ppt_error_name(err),
				 diag.what ? diag.what : "?",
				 diag.why ? diag.why : "?",
				 (unsigned long long)diag.at);
	*actions = report.actions;
	return !err;
}

/* The first half of a recovery of what is damaged. */
static bool repair_first(struct engine *x, const struct crash_point *at)
{
	struct run *r = &x->run[x->level];
	uint64_t actions;

	if (!repair(x, at, &actions))
		return false;
	r->mended = r->trace.count;
	if (actions)
		r->settled = r->mended;
	return true;
}

/* There is nothing more to repair. */
static bool repair_again(struct engine *x, const struct crash_point *at)
{
	uint64_t actions;

	if (!repair(x, at, &actions))
		return false;
	if (!actions && !x->stored)
		return true;
	engine_violation(x, "again", "a second repair has %llu actions%s",
			 (unsigned long long)actions,
			 x->stored ? ", and stores" : "");
	return false;
}

static uint64_t none_bits(const struct engine *x)
{
	uint64_t bits = 0;

	for (unsigned s = 0; s < x->world.states; s++)
		if (x->world.state[s].none)
			bits |= STATE_BIT(s);
	return bits;
}

/* Attach, and find out what is there.  Return: bits of states; 0: violation. */
static uint64_t recover(struct engine *x, const struct crash_point *at)
{
	struct ppt_attach_report report;
	struct ppt_pool *pool;
	struct ppt_diag diag;
	int err;

	x->mode = ENGINE_RUN;
	if (x->forced && x->level + 1 == x->forced_levels)
		sim_breakpoint();
	if (at->mend && !repair_first(x, at))
		return 0;
	err = attach(x, at, &pool, &report, &diag);
	if (x->tell)
		fprintf(x->tell,
			"%*scrash before event %u: attach: %s, %s, %llu "
			"records replayed, %llu tables rebased\n",
			(int)(2 * x->level), "", at->event,
			err ? ppt_error_name(err) : "0",
			ppt_verdict_name(report.verdict),
			(unsigned long long)report.records_replayed,
			(unsigned long long)report.tables_rebased);
	x->run[x->level].back = x->run[x->level].trace.count;
	if (err == PPT_E_MAGIC && at->allowed & none_bits(x))
		return at->allowed & none_bits(x);
	if (err) {
		engine_violation(x, "refused", "attach: %s: %s: %s (at %#llx)",
				 ppt_error_name(err),
				 diag.what ? diag.what : "?",
				 diag.why ? diag.why : "?",
				 (unsigned long long)diag.at);
		return 0;
	}
	if (report.records_replayed && !report.tables_rebased)
		x->run[x->level].settled = x->run[x->level].back;
	if ((at->emptied || at->mend) && report.records_replayed) {
		engine_violation(
			x, "oracle", "%llu records are replayed after %s",
			(unsigned long long)report.records_replayed,
			at->mend ? "a repair" : "an acknowledged checkpoint");
		return 0;
	}
	return engine_outcome(x, at);
}

/* A second recovery finds nothing to do, and shows the same. */
static struct ppt_pool *recover_again(struct engine *x,
				      const struct crash_point *at)
{
	struct ppt_attach_report report;
	struct ppt_pool *pool = NULL;
	struct ppt_diag diag;
	int err;

	x->mode = ENGINE_QUIET;
	x->stored = false;
	if (at->mend && !repair_again(x, at))
		return NULL;
	err = attach(x, at, &pool, &report, &diag);
	if (err)
		engine_violation(
			x, "again", "second recovery: %s: %s: %s (at %#llx)",
			ppt_error_name(err), diag.what ? diag.what : "?",
			diag.why ? diag.why : "?", (unsigned long long)diag.at);
	else if (x->stored || report.verdict != PPT_VERDICT_CLEAN)
		engine_violation(x, "again",
				 "second recovery is not clean: %s, %llu "
				 "records, %llu tables%s",
				 ppt_verdict_name(report.verdict),
				 (unsigned long long)report.records_replayed,
				 (unsigned long long)report.tables_rebased,
				 x->stored ? ", and stores" : "");
	else
		return pool;
	return NULL;
}

/* Life goes on with one more operation.  Its first event is @run.back + 0. */
static bool go_on(struct engine *x, struct ppt_pool *pool, unsigned state)
{
	struct trace_event ack = { .kind = TRACE_ACK };
	struct run *r = &x->run[x->level];
	int err;

	if (!x->extra_known[state])
		world_extra_state(&x->world.state[state], &x->extra[state]);
	x->extra_known[state] = true;
	x->mode = ENGINE_RUN;
	err = world_extra(pool, &x->world.state[state], &x->why);
	if (err) {
		engine_violation(x, "goes on", "one more operation: %s",
				 x->why.text);
		return false;
	}
	ack.choices = r->choice.at;
	ack.decided = r->log.count;
	trace_add(&r->trace, &ack, 0, 0, x->media.read);
	return true;
}

/*
 * What a crash before event @e of a run may show; the run had shown @found.
 * When a repair has returned, an attach has to do.
 */
static struct crash_point point_in(const struct run *r, uint32_t e,
				   uint64_t found)
{
	struct crash_point at = { .event = e,
				  .allowed = r->at.allowed,
				  .map = r->at.map,
				  .trust = r->at.trust,
				  .mend = r->at.mend && e < r->mended };
	unsigned state = (unsigned)__builtin_ctzll(found);

	if (e >= r->back)
		at.allowed = found;
	if (e > r->back)
		at.allowed |= EXTRA_BIT(state);
	if (e < r->trace.count && r->trace.event[e].kind == TRACE_ACK)
		at.allowed = EXTRA_BIT(state);
	return at;
}

/* Whether a crash there is to be tried, and has not been with this prefix. */
static bool is_wanted(struct engine *x, unsigned level, uint32_t e)
{
	const struct run *r = &x->run[level];
	bool end = e == r->trace.count;
	uint32_t choices = end ? r->choice.at : r->trace.event[e].choices;

	if (e < r->back && level >= x->opt->depth)
		return false;
	if (e != r->back && (end || !engine_is_crash_point(x, &r->trace, e)))
		return false;
	if (x->forced)
		return level + 1 < x->forced_levels &&
		       x->forced_event[level + 1] == e;
	if (!choice_first_after(&r->choice, choices))
		return false;
	if (!level || x->opt->sample < 2 ||
	    mix(r->path + e) % x->opt->sample == 0)
		return true;
	x->res->sampled++;
	return false;
}

/* After a replay or a repair the journal is empty: nothing may be pending. */
static void check_settled(struct engine *x, unsigned level)
{
	const struct pending *p = &x->pending[level + 1];

	for (uint32_t c = 1; c < p->chains; c++) {
		uint16_t site = p->step[p->chain[c].last].site;

		if (p->chain[c].lo == p->chain[c].n || x->unclean[site])
			continue;
		x->unclean[site] = true;
		engine_violation(x, "hygiene",
				 "a store by %s is pending when recovery has "
				 "returned",
				 trace_site_text(site));
	}
}

/* Crash inside what a run did, before each event that counts. */
static void crash_again(struct engine *x, unsigned level, uint64_t found)
{
	struct run *r = &x->run[level];

	engine_fault(x, &r->trace);
	pending_reset(&x->pending[level + 1]);
	x->run[level + 1].started = false;
	r->in_force = 0;
	for (uint32_t e = 0; e <= r->trace.count && !x->halt; e++) {
		bool end = e == r->trace.count;

		if (e == r->settled)
			check_settled(x, level);
		if (is_wanted(x, level, e)) {
			struct crash_point at = point_in(r, e, found);

			set_force(x, level,
				  end ? r->log.count :
					r->trace.event[e].decided);
			pending_undo(&r->log, r->in_force);
			engine_explore(x, level + 1, &at);
			pending_redo(&r->log, r->in_force);
		}
		if (!end)
			engine_play(x, level + 1, &r->trace, e);
	}
}

/*
 * Whether a recovery is crashed in turn, and one more operation made: after
 * whatever the journal said when it was whole, and after one in DEEP_ONCE of
 * the ways in which it was torn, which all end in the same rejection.
 */
static bool goes_deep(struct engine *x)
{
	const struct run *r = &x->run[0];
	bool torn = false;

	for (unsigned i = 0; i < ENGINE_SUMMED; i++)
		torn |= r->torn[i] != 0;
	if (x->plain || !torn || x->forced || mix(r->path) % DEEP_ONCE == 0)
		return !x->plain;
	x->res->sampled++;
	return false;
}

/* Whether a run at this level may be crashed, so that it is written down. */
static bool may_crash(const struct engine *x, unsigned level)
{
	return level + 1 < ENGINE_LEVELS && !x->plain &&
	       (!level || level < x->opt->depth);
}

static void one_run(struct engine *x, unsigned level,
		    const struct crash_point *at)
{
	struct run *r = &x->run[level];
	struct ppt_pool *pool;
	uint64_t found;
	bool deep;

	x->level = level;
	r->at = *at;
	memset(r->pattern, 0, sizeof(r->pattern));
	memset(r->torn, 0, sizeof(r->torn));
	r->marks = 0;
	r->looked = 0;
	r->mended = 0;
	r->settled = UINT32_MAX;
	r->single = 0;
	r->path = level ? x->run[level - 1].path : 0;
	r->log.count = 0;
	trace_reset(&r->trace);
	x->traced = may_crash(x, level);
	media_show(&x->media, &r->start);
	if (x->eager)
		decide_all(x);
	found = recover(x, at);
	deep = goes_deep(x);
	if (found && !(found & none_bits(x)) && !x->plain) {
		pool = recover_again(x, at);
		if (!pool)
			found = 0;
		else if (deep && level == 0)
			(void)go_on(x, pool, (unsigned)__builtin_ctzll(found));
	}
	x->mode = ENGINE_OFF;
	if (found && !(found & none_bits(x)) && deep && may_crash(x, level))
		crash_again(x, level, found);
	pending_undo(&r->log, 0);
}

void engine_explore(struct engine *x, unsigned level,
		    const struct crash_point *at)
{
	struct choice *c = &x->run[level].choice;

	c->forced = x->forced;
	c->at = 0;
	if (!x->forced)
		c->depth = 0;
	prepare(x, level);
	do {
		one_run(x, level, at);
		if (!level)
			engine_report(x);
		x->halt |= x->opt->stop && *x->opt->stop;
	} while (!x->halt && choice_next(c));
	x->level = level ? level - 1 : 0;
}
