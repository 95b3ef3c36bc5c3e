/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * round.c - a writer is killed, its pool reopened and compared.
 *
 * Layer: sim.
 *
 *   round
 *     start -> listen until the instant -> SIGKILL -> hear the rest
 *     once in a while: start an opening, SIGKILL it (more than once)
 *     reopen -> which of the allowed states is it? -> go on from that one
 */
#include "sim/kill/round.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pptable/host.h>

#include "sim/oracle/memory.h"
#include "sim/oracle/view.h"

/* A writer that says nothing for so long hangs. */
#define PATIENCE_US UINT64_C(20000000)

/* A child, and what was heard from it. */
struct victim {
	pid_t pid;
	int fd;
	bool idle;
	bool opened;
	bool killed;
	uint64_t begun;
	uint64_t until;
};

uint64_t kill_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int failed(struct kill_pool *p, enum kill_verdict verdict)
{
	p->verdict = verdict;
	return -1;
}

static int system_failed(struct kill_pool *p, const char *what)
{
	return why_set(&p->why, "%s: %s: %s", p->path, what, strerror(errno));
}

/* -------------------------------------------------------------- the pool -- */

static void make_map(struct kill_pool *p)
{
	struct ppt_memory_map *map = &p->home;

	memset(map, 0, sizeof(*map));
	memory_add(map, 0xd0, PPT_REGION_POOL, MEMORY_POOL, p->profile->bytes);
	memory_add_all(map);
	p->present = *map;
}

static void move_memory(struct kill_pool *p)
{
	if (!p->profile->moves)
		return;
	p->present = p->home;
	memory_move(&p->present, &p->rng);
}

static const struct ppt_memory_map *present(const struct kill_pool *p)
{
	return p->profile->moves ? &p->present : NULL;
}

static int format_pool(struct kill_pool *p)
{
	struct ppt_host_diag diag;
	struct ppt_create_config config = {
		.pm.bytes = p->profile->bytes,
		.uuid = p->home.region[0].uuid,
		.phys_base = MEMORY_POOL,
		.journal_bytes = PPT_JOURNAL_BYTES_MIN,
		.regions.count = p->home.count - 1,
	};
	int err;

	memcpy(config.regions.region, p->home.region + 1,
	       config.regions.count * sizeof(config.regions.region[0]));
	err = ppt_host_create(p->path, &config, PPT_HOST_FORCE, &diag);
	if (!err)
		return 0;
	return why_set(&p->why, "%s: cannot be made: %s: %s", p->path,
		       diag.diag.why ? diag.diag.why : ppt_strerror(err),
		       diag.os_errno ? strerror(diag.os_errno) : "");
}

int kill_pool_open(struct kill_pool *p, const struct kill_profile *profile,
		   const struct kill_options *options)
{
	const char *dir = options->dir ? options->dir : "/dev/shm";
	uint64_t index = (uint64_t)(profile - kill_profiles);
	int fd;

	p->profile = profile;
	p->rng.state = options->seed + index * UINT64_C(0x100000001b3);
	p->open_us = 300;
	(void)snprintf(p->path, sizeof(p->path), "%s/pptable-kill-%d-%s", dir,
		       (int)getpid(), profile->name);
	make_map(p);
	oracle_init(&p->now, &p->home);
	p->before = malloc(profile->bytes);
	if (!p->before || format_pool(p))
		return p->before ? -1 : system_failed(p, "memory");
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return system_failed(p, "open");
	p->media = mmap(NULL, profile->bytes, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	return p->media == MAP_FAILED ? system_failed(p, "mmap") : 0;
}

void kill_pool_close(struct kill_pool *p)
{
	if (p->media && p->media != MAP_FAILED)
		(void)munmap(p->media, p->profile->bytes);
	if (p->profile && p->verdict == KILL_FINE)
		(void)unlink(p->path);
	states_free(&p->states);
	oracle_free(&p->now);
	free(p->before);
}

/* ------------------------------------------------------------- the child -- */

static int start(struct kill_pool *p, struct victim *v)
{
	struct writer order = {
		.profile = p->profile,
		.path = p->path,
		.now = &p->now,
		.present = present(p),
		.seed = rng_next(&p->rng),
		.idle = v->idle,
	};
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) != 0)
		return system_failed(p, "pipe");
	order.fd = fd[1];
	v->fd = fd[0];
	v->pid = fork();
	if (v->pid == 0)
		writer_run(&order);
	(void)close(fd[1]);
	if (v->pid > 0) {
		v->begun = kill_now_us();
		return 0;
	}
	(void)close(fd[0]);
	return system_failed(p, "fork");
}

/* How long a writer lives: often for the first operations only. */
static uint64_t lifetime(struct kill_pool *p)
{
	return rng_below(&p->rng, UINT64_C(64) << rng_below(&p->rng, 8));
}

static int hear(struct kill_pool *p, struct victim *v)
{
	struct writer_message m;
	ssize_t n = read(v->fd, &m, sizeof(m));
	struct why why;

	if (n == 0)
		return 1;
	if (n != (ssize_t)sizeof(m))
		return system_failed(p, "read");
	if (m.word == WRITER_FAILED) {
		if (read(v->fd, &why, sizeof(why)) == (ssize_t)sizeof(why))
			p->why = why;
		return failed(p, KILL_WRITER);
	}
	if (m.word == WRITER_OPENING && v->idle)
		v->until = kill_now_us() + rng_below(&p->rng, 50 + p->open_us);
	if (m.word == WRITER_OPENED && !v->opened) {
		v->opened = true;
		if (!v->idle)
			v->until = kill_now_us() + lifetime(p);
	}
	return states_hear(&p->states, &m, &p->why);
}

/* Wait for a message, but not beyond the instant; whether there is one. */
static bool wait_for(struct victim *v)
{
	struct pollfd poll_fd = { .fd = v->fd, .events = POLLIN };
	struct timespec wait = { .tv_sec = 1 };
	uint64_t now = kill_now_us();

	if (!v->killed && now >= v->until) {
		(void)kill(v->pid, SIGKILL);
		v->killed = true;
	}
	if (!v->killed && v->until - now < 1000000) {
		wait.tv_sec = 0;
		wait.tv_nsec = (long)(v->until - now) * 1000;
	}
	return ppoll(&poll_fd, 1, &wait, NULL) > 0;
}

/* Listen until the instant, kill, hear the rest. */
static int listen_and_kill(struct kill_pool *p, struct victim *v)
{
	int status = 0;
	int err = 0;

	while (!err)
		if (wait_for(v))
			err = hear(p, v);
	(void)close(v->fd);
	(void)kill(v->pid, SIGKILL);
	while (waitpid(v->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (err < 0)
		return err;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		(void)why_set(&p->why, "the writer ended by itself, status %#x",
			      (unsigned)status);
		return failed(p, KILL_WRITER);
	}
	if (v->opened || v->idle)
		return 0;
	(void)why_set(&p->why, "the writer does not open its pool");
	return failed(p, KILL_WRITER);
}

/* A writer lives and dies. */
static int write_and_kill(struct kill_pool *p)
{
	struct victim v = { .idle = false };
	int err;

	move_memory(p);
	oracle_rebase(&p->now, &p->present);
	states_start(&p->states, &p->now, p->profile->sync_every != 0);
	err = start(p, &v);
	v.until = v.begun + PATIENCE_US;
	if (!err)
		err = listen_and_kill(p, &v);
	if (!err)
		err = states_end(&p->states, &p->met, &p->why);
	p->tally->in_flight += p->met;
	p->tally->acknowledged += p->states.acknowledged;
	p->states.acknowledged = 0;
	return err;
}

/* The restart after that dies, too. */
static int open_and_kill(struct kill_pool *p)
{
	struct victim v = { .idle = true };
	int err;

	move_memory(p);
	p->tally->openings++;
	err = start(p, &v);
	v.until = v.begun + PATIENCE_US;
	if (!err)
		err = listen_and_kill(p, &v);
	p->tally->killed_in_open += !err && !v.opened;
	return err;
}

/* ------------------------------------------------------------ comparing -- */

/* Is it @o, with the frames that the child was given unknown to us? */
static int matches(const struct view *view, struct oracle *o, struct why *why)
{
	struct ext_list got = { 0 };
	int err = 0;

	for (unsigned i = 0; i < ORACLE_SPACES && !err; i++) {
		struct oracle_space *s = &o->space[i];
		struct ppt_space handle;

		if (!s->exists)
			continue;
		if (ppt_space_open(view->pool, s->name, &handle, NULL)) {
			err = why_set(why, "space %s is gone", s->name);
			break;
		}
		err = view_iterate(&handle, 0, UINT64_MAX, &got, why);
		if (!err)
			err = oracle_diff(s, 0, UINT64_MAX, &got, true, why);
	}
	ext_free(&got);
	for (uint64_t i = 0; i < o->pages; i++)
		o->tag[i] = TAG_ZERO;
	return err ? err : view_check_settled(view, o, why);
}

/* The index of the state that the pool shows, newest first; else @count. */
static unsigned find_state(struct kill_pool *p, const struct view *view,
			   struct why *newest, struct why *oldest)
{
	struct states *s = &p->states;

	for (unsigned i = s->count; i-- > 0;) {
		struct why why = { "" };

		if (!matches(view, &s->state[i], &why))
			return i;
		if (i == s->count - 1)
			*newest = why;
		if (i == s->low)
			*oldest = why;
	}
	return s->count;
}

static int compare(struct kill_pool *p, const struct view *view)
{
	struct states *s = &p->states;
	struct why newest = { "" };
	struct why oldest = { "" };
	unsigned i = find_state(p, view, &newest, &oldest);

	if (i >= s->low && i < s->count) {
		oracle_free(&p->now);
		oracle_copy(&p->now, &s->state[i]);
		p->tally->in_flight_found += p->met && i == s->count - 1;
		return 0;
	}
	if (i < s->low) {
		(void)why_set(&p->why,
			      "the last %u of what was acknowledged are gone; "
			      "against what should be there: %.400s",
			      s->low - i, oldest.text);
		return failed(p, KILL_LOST);
	}
	(void)why_set(&p->why,
		      "none of %u allowed states; against the newest: %.250s; "
		      "against the oldest: %.250s",
		      s->count - s->low, newest.text, oldest.text);
	return failed(p, KILL_TORN);
}

static int reopen(struct kill_pool *p)
{
	/* The tables are read by other code: all of the present map, none cold. */
	struct ppt_host_open options = {
		.flags = PPT_HOST_DRAM_KEPT |
			 (p->profile->flush_once ? PPT_HOST_MMU : 0u),
		.trust = PPT_TRUST_FULL,
	};
	struct ppt_host_diag diag;
	struct ppt_host *host;
	struct view view = { .media = p->media, .bytes = p->profile->bytes };
	uint64_t begun;
	int err;

	memcpy(p->before, p->media, p->profile->bytes);
	move_memory(p);
	states_rebase(&p->states, &p->present);
	options.present = present(p);
	begun = kill_now_us();
	err = ppt_host_open(p->path, &options, &host, NULL, &diag);
	p->open_us = (3 * p->open_us + (kill_now_us() - begun)) / 4;
	if (err) {
		(void)why_set(&p->why, "open: %s (%s: %s), errno %d",
			      ppt_error_name(err), diag.diag.what,
			      diag.diag.why, diag.os_errno);
		return failed(p, KILL_REFUSED);
	}
	view.pool = ppt_host_pool(host);
	err = compare(p, &view);
	if (ppt_host_close(host) && !err) {
		(void)why_set(&p->why, "ppt_host_close fails");
		err = failed(p, KILL_REFUSED);
	}
	return err;
}

int kill_round(struct kill_pool *p)
{
	int err;

	p->met = false;
	err = write_and_kill(p);

	while (!err && rng_once_in(&p->rng, 4))
		err = open_and_kill(p);
	if (!err)
		err = reopen(p);
	if (!err)
		p->tally->rounds++;
	return err;
}
