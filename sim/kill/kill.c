/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill.c - the campaign: rounds with the pools of all profiles in turn.
 *
 * Layer: sim.
 */
#include "sim/kill/kill.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sim/kill/round.h"

/**
 * struct campaign - one pool a profile; that of a profile that does not run
 * has none set.
 */
struct campaign {
	const struct kill_options *options;
	struct kill_result *result;
	struct kill_pool *pool;
	unsigned count;
};

const char *kill_verdict_name(enum kill_verdict verdict)
{
	static const char *const name[] = { "fine", "lost", "torn", "refused",
					    "writer" };

	return name[verdict];
}

static int open_pools(struct campaign *c, struct why *why)
{
	const char *only = c->options->profile;

	for (unsigned i = 0; i < kill_profile_count; i++) {
		struct kill_pool *p = &c->pool[c->count];

		if (only && strcmp(only, kill_profiles[i].name) != 0)
			continue;
		c->count++;
		p->tally = &c->result->profile[i];
		if (kill_pool_open(p, &kill_profiles[i], c->options)) {
			*why = p->why;
			return -1;
		}
	}
	return c->count ? 0 : why_set(why, "no such profile: %s", only);
}

/* The image as the kill left it, next to the pool. */
static void keep_evidence(struct kill_result *r, const struct kill_pool *p)
{
	int fd;

	(void)snprintf(r->pool, sizeof(r->pool), "%s", p->path);
	if (p->verdict == KILL_WRITER)
		return;
	(void)snprintf(r->before, sizeof(r->before), "%s.before", p->path);
	fd = open(r->before, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p->before, p->profile->bytes) !=
			      (ssize_t)p->profile->bytes)
		r->before[0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static int fail(struct campaign *c, const struct kill_pool *p, struct why *why)
{
	struct kill_result *r = c->result;

	if (p->verdict == KILL_FINE) {
		*why = p->why;
		return -1;
	}
	r->verdict = p->verdict;
	r->failed = (unsigned)(p->profile - kill_profiles);
	r->round = p->tally->rounds;
	r->why = p->why;
	keep_evidence(r, p);
	return 0;
}

static void add_up(struct kill_result *r)
{
	memset(&r->all, 0, sizeof(r->all));
	for (unsigned i = 0; i < kill_profile_count; i++) {
		const struct kill_tally *t = &r->profile[i];

		r->all.rounds += t->rounds;
		r->all.acknowledged += t->acknowledged;
		r->all.in_flight += t->in_flight;
		r->all.in_flight_found += t->in_flight_found;
		r->all.openings += t->openings;
		r->all.killed_in_open += t->killed_in_open;
	}
}

/* Round by round, the profiles in turn. */
static int run_rounds(struct campaign *c, struct why *why)
{
	const struct kill_options *o = c->options;
	struct kill_result *r = c->result;
	uint64_t begun = kill_now_us();
	int err = 0;

	for (uint64_t i = 0; i < o->rounds && !err && !r->verdict; i++) {
		struct kill_pool *p = &c->pool[i % c->count];

		if (o->stop && *o->stop) {
			r->partial = true;
			break;
		}
		if (kill_round(p))
			err = fail(c, p, why);
		add_up(r);
		r->seconds = (double)(kill_now_us() - begun) / 1e6;
		if (o->progress)
			o->progress(o->ctx, r);
	}
	return err;
}

int kill_run(const struct kill_options *options, struct kill_result *result,
	     struct why *why)
{
	struct campaign c = { .options = options, .result = result };
	int err;

	memset(result, 0, sizeof(*result));
	c.pool = calloc(kill_profile_count, sizeof(*c.pool));
	if (!c.pool)
		return why_set(why, "out of memory");
	/*
	 * What a kill leaves does not depend on flushes, which on a file
	 * system without DAX would each be an msync.
	 */
	(void)setenv("PMEM_IS_PMEM_FORCE", "1", 0);
	err = open_pools(&c, why);
	if (!err)
		err = run_rounds(&c, why);
	for (unsigned i = 0; i < c.count; i++)
		kill_pool_close(&c.pool[i]);
	free(c.pool);
	return err;
}
