/* SPDX-License-Identifier: BSD-3-Clause */
/* replay.c - from a line back to the violation. */
#include <string.h>

#include "sim/explore/engine.h"
#include "sim/explore/line.h"

/* A place to stop at: what follows is the recovery that fails. */
__attribute__((noinline)) void sim_breakpoint(void)
{
	__asm__ volatile("");
}

static void force(struct engine *x, const struct line *line)
{
	x->forced = true;
	x->forced_levels = line->levels;
	for (unsigned i = 0; i < line->levels; i++) {
		struct choice *c = &x->run[i].choice;

		x->forced_event[i] = line->event[i];
		memset(c->of, 255, sizeof(c->of));
		memcpy(c->taken, line->choice[i], line->choices[i]);
		c->depth = line->choices[i];
	}
}

static int follow(struct engine *x, const struct line *line, FILE *out)
{
	if (engine_parse(x, line->workload))
		return -1;
	if (engine_record(x)) {
		engine_violation(x, "world", "without a crash: %s",
				 x->world.why.text);
		return 0;
	}
	if (trace_fingerprint(&x->work) != line->fingerprint)
		return why_set(&x->why,
			       "replay line: outdated: the workload does other "
			       "stores today (%08x, the line says %08x)",
			       trace_fingerprint(&x->work), line->fingerprint);
	if (line->event[0] >= x->work.count)
		return why_set(&x->why,
			       "replay line: event %u of %u in the workload",
			       line->event[0], x->work.count);
	force(x, line);
	x->tell = out;
	engine_rewind(x);
	for (uint32_t e = 0; e < line->event[0]; e++) {
		x->run[0].at.event = e;
		engine_play(x, 0, &x->work, e);
	}
	engine_crash_at(x, line->event[0]);
	x->run[0].at.event = line->event[0];
	if (line->levels == 1 && !x->res->violations) /* hygiene of the event */
		engine_play(x, 0, &x->work, line->event[0]);
	return 0;
}

int sim_replay(const char *text, FILE *out, struct sim_violation *found,
	       struct why *why)
{
	static struct engine x;
	static struct sim_result res;
	struct sim_options opt = { .first = true };
	static struct line line;
	int err = line_parse(text, &line, why);

	if (err)
		return err;
	memset(&res, 0, sizeof(res));
	opt.model = line.model;
	opt.depth = line.depth;
	opt.seed = line.seed;
	opt.mmu = line.mmu;
	opt.workload = line.workload;
	opt.mutant = line.mutant.fault ? &line.mutant : NULL;
	err = engine_open(&x, &opt, &res);
	if (!err)
		err = follow(&x, &line, out);
	if (err)
		*why = x.why;
	world_close(&x.world);
	engine_close(&x);
	if (err || !res.violations)
		return err;
	*found = res.violation[0];
	return 1;
}
