/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill_test.c - SIGKILL a writer at random instants, reopen, compare.
 *
 * Layer: tests.  A child opens the pool file and runs random operations.  It
 * tells over a pipe what it is about to do and what was acknowledged.  After
 * its death the pool must hold what was acknowledged last, or that and the
 * whole operation (or transaction) in flight.  All rounds of a profile go on
 * with the same pool.
 *
 * PPT_TEST_ROUNDS  rounds in all (300)
 * PPT_TEST_SEED    seed
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "sim/oracle/opgen.h"
#include "../support/world.h"

#define POOL_BYTES (UINT64_C(4) << 20)
#define STATES_MAX 80u
#define PROFILES 4u

enum word {
	SAY_OP,
	SAY_DONE,
	SAY_BEGIN,
	SAY_COMMIT,
	SAY_COMMITTED,
	SAY_SYNCED
};

/* Smaller than PIPE_BUF, so that a write is whole or not there. */
struct message {
	enum word word;
	int result;
	struct op op;
};

struct profile {
	const char *name;
	struct opgen gen;
	unsigned txn_once;
	bool relaxed;
};

struct campaign {
	const struct profile *profile;
	char path[64];
	struct rng rng;
	struct oracle now;               /* as found by the last reopening */
	struct oracle state[STATES_MAX]; /* what the next may show */
	unsigned states;
	struct oracle open; /* with the writes of the open transaction */
	bool in_txn;
	struct op in_flight;
	bool op_in_flight;
	bool commit_in_flight;
	uint64_t acknowledged;
	uint64_t in_flight_found;
	uint64_t killed_in_open;
	struct why why;
};

/* ------------------------------------------------------------ the child -- */

static void say(int fd, enum word word, int result, const struct op *op)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.word = word;
	m.result = result;
	if (op)
		m.op = *op;
	if (write(fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(4);
}

static void give_up(struct world *w, const struct op *op)
{
	char text[160];

	fprintf(stderr, "writer: %s: %s\n", op_text(op, text, sizeof(text)),
		w->why.text);
	_exit(3);
}

static void write_one(struct world *w, struct opgen *gen, int fd)
{
	struct op op;

	opgen_next(gen, &w->now, &op);
	op.flags &= ~(uint32_t)PPT_MAP_UNZEROED;
	say(fd, SAY_OP, 0, &op);
	if (world_step(w, &op))
		give_up(w, &op);
	say(fd, SAY_DONE, w->result, NULL);
	if (w->result == PPT_E_NOSPC && !w->in_txn)
		(void)view_reclaim(w->pf->pool, &w->why);
}

static void write_forever(struct campaign *c, struct world *w,
			  struct opgen *gen, int fd)
{
	const struct profile *p = c->profile;
	static const struct op nothing;

	for (unsigned n = 0;; n++) {
		if (p->relaxed && n % 40 == 39) {
			if (world_sync(w))
				give_up(w, &nothing);
			say(fd, SAY_SYNCED, 0, NULL);
		}
		if (p->txn_once == 0 || !rng_once_in(&gen->rng, p->txn_once)) {
			write_one(w, gen, fd);
			continue;
		}
		say(fd, SAY_BEGIN, 0, NULL);
		if (world_begin(w))
			give_up(w, &nothing);
		for (uint64_t i = 1 + rng_below(&gen->rng, 8); i; i--)
			write_one(w, gen, fd);
		say(fd, SAY_COMMIT, 0, NULL);
		if (world_commit(w))
			give_up(w, &nothing);
		say(fd, SAY_COMMITTED, w->result, NULL);
	}
}

static void child(struct campaign *c, int fd, bool only_open, uint64_t seed)
{
	struct opgen gen = c->profile->gen;
	struct ppt_host_diag diag;
	struct ppt_host *host;
	struct pool_fixture pf;
	struct world w;
	int err = ppt_host_open(c->path, NULL, &host, NULL, &diag);

	if (err) {
		fprintf(stderr, "writer: open: %s (%s: %s)\n",
			ppt_error_name(err), diag.diag.what, diag.diag.why);
		_exit(3);
	}
	while (only_open)
		pause();
	memset(&pf, 0, sizeof(pf));
	memset(&w, 0, sizeof(w));
	pf.pool = ppt_host_pool(host);
	pf.attach_flags = PPT_ATTACH_NO_MMU;
	w.pf = &pf;
	w.must_va = 1;
	w.held = calloc(c->now.pages, 1);
	oracle_copy(&w.now, &c->now);
	gen.rng.state = seed;
	if (!w.held || world_reopen(&w) ||
	    (c->profile->relaxed && world_relaxed(&w, true))) {
		fprintf(stderr, "writer: %s\n", w.why.text);
		_exit(3);
	}
	write_forever(c, &w, &gen, fd);
}

/* ----------------------------------------------------------- the parent -- */

static void forget_states(struct campaign *c, unsigned from)
{
	while (c->states > from)
		oracle_free(&c->state[--c->states]);
}

static int push_state(struct campaign *c, const struct oracle *o)
{
	if (c->states == STATES_MAX)
		return why_set(&c->why, "too many states");
	oracle_copy(&c->state[c->states++], o);
	return 0;
}

/* Only the newest state is allowed from here on. */
static void settle(struct campaign *c)
{
	struct oracle newest = c->state[--c->states];

	forget_states(c, 0);
	c->state[c->states++] = newest;
}

static int acknowledge(struct campaign *c)
{
	c->acknowledged++;
	if (!c->profile->relaxed)
		settle(c);
	return 0;
}

/* The newest state with @op done. */
static int apply(struct campaign *c, const struct op *op)
{
	int err = push_state(c, &c->state[c->states - 1]);

	if (!err)
		oracle_apply(&c->state[c->states - 1], op);
	return err;
}

static int op_done(struct campaign *c, int result)
{
	c->op_in_flight = false;
	if (result)
		return 0;
	if (c->in_txn) {
		oracle_apply(&c->open, &c->in_flight);
		return 0;
	}
	return apply(c, &c->in_flight) ? -1 : acknowledge(c);
}

static int commit_done(struct campaign *c, int result)
{
	int err = 0;

	if (!result)
		err = push_state(c, &c->open);
	if (!result && !err)
		err = acknowledge(c);
	oracle_free(&c->open);
	c->in_txn = false;
	c->commit_in_flight = false;
	return err;
}

static int hear(struct campaign *c, const struct message *m)
{
	switch (m->word) {
	case SAY_OP:
		c->in_flight = m->op;
		c->op_in_flight = true;
		return 0;
	case SAY_DONE:
		return op_done(c, m->result);
	case SAY_BEGIN:
		oracle_copy(&c->open, &c->state[c->states - 1]);
		c->in_txn = true;
		return 0;
	case SAY_COMMIT:
		c->commit_in_flight = true;
		return 0;
	case SAY_COMMITTED:
		return commit_done(c, m->result);
	case SAY_SYNCED:
		settle(c);
		return 0;
	}
	return -1;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Listen until @until, then kill, then hear the rest. */
static int listen_and_kill(struct campaign *c, int fd, pid_t pid,
			   uint64_t until)
{
	bool killed = false;
	struct message m;
	int status;
	int err = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec wait = { 0 };
		uint64_t now = now_us();

		if (!killed && now >= until) {
			kill(pid, SIGKILL);
			killed = true;
		}
		if (!killed)
			wait.tv_nsec = (long)(until - now) * 1000;
		else
			wait.tv_sec = 5;
		if (ppoll(&p, 1, &wait, NULL) <= 0)
			continue;
		if (read(fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
			break;
		if (!err)
			err = hear(c, &m);
	}
	if (!killed)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return why_set(&c->why, "the writer ended by itself, status %x",
			       (unsigned)status);
	return err;
}

static int writer(struct campaign *c, bool only_open)
{
	uint64_t seed = rng_next(&c->rng);
	uint64_t delay = rng_below(&c->rng, only_open ? 400 : 9000);
	uint64_t until;
	int fd[2];
	pid_t pid;
	int err;

	if (pipe(fd) != 0)
		return why_set(&c->why, "pipe");
	pid = fork();
	if (pid < 0)
		return why_set(&c->why, "fork");
	if (pid == 0) {
		close(fd[0]);
		child(c, fd[1], only_open, seed);
	}
	until = now_us() + 300 + delay;
	close(fd[1]);
	err = listen_and_kill(c, fd[0], pid, until);
	close(fd[0]);
	return err;
}

/* Is it @o, with the frames that the child was given unknown to us? */
static int matches(struct pool_fixture *pf, struct oracle *o, struct why *why)
{
	struct ext_list got = { 0 };
	int err = 0;

	for (unsigned i = 0; i < ORACLE_SPACES && !err; i++) {
		struct oracle_space *s = &o->space[i];
		struct ppt_space handle;

		if (!s->exists)
			continue;
		if (ppt_space_open(pf->pool, s->name, &handle, NULL)) {
			err = why_set(why, "space %s is gone", s->name);
			break;
		}
		err = view_iterate(&handle, 0, UINT64_MAX, &got, why);
		if (!err)
			err = oracle_diff(s, 0, UINT64_MAX, &got, true, why);
	}
	ext_free(&got);
	/* nobody writes to the frames: they stay zero */
	for (uint64_t i = 0; i < o->pages; i++)
		o->tag[i] = TAG_ZERO;
	return err ? err : view_check_settled(pf, o, why);
}

static int find_state(struct campaign *c, struct pool_fixture *pf)
{
	struct why first = { "" };
	struct why why = { "" };

	for (unsigned i = c->states; i-- > 0;) {
		struct oracle *o = &c->state[i];

		if (!matches(pf, o, &why)) {
			oracle_free(&c->now);
			oracle_copy(&c->now, o);
			return 0;
		}
		if (!first.text[0])
			first = why;
	}
	return why_set(&c->why, "none of %u states: %.280s; or: %.280s",
		       c->states, first.text, why.text);
}

/* What was in flight may have happened, too. */
static int add_in_flight(struct campaign *c)
{
	struct expect e;
	int err = 0;

	if (c->in_txn) {
		if (c->commit_in_flight)
			err = push_state(c, &c->open);
		oracle_free(&c->open);
	} else if (c->op_in_flight) {
		oracle_expect(&c->state[c->states - 1], &c->in_flight, &e);
		/* frames of the pool that we do not know look unmapped */
		if (e.may_succeed || e.err[0] == PPT_E_REGION)
			err = apply(c, &c->in_flight);
	}
	c->in_txn = false;
	c->op_in_flight = false;
	c->commit_in_flight = false;
	return err;
}

static int reopen(struct campaign *c)
{
	struct ppt_attach_report report = { 0 };
	struct ppt_host_diag diag;
	struct ppt_host *host;
	struct pool_fixture pf;
	unsigned acknowledged = c->states;
	int fd;
	int err = add_in_flight(c);

	if (err)
		return err;
	c->in_flight_found += c->states > acknowledged;
	err = ppt_host_open(c->path, NULL, &host, &report, &diag);
	if (err)
		return why_set(&c->why, "open: %s (%s: %s), errno %d",
			       ppt_error_name(err), diag.diag.what,
			       diag.diag.why, diag.os_errno);
	memset(&pf, 0, sizeof(pf));
	pf.pool = ppt_host_pool(host);
	pf.bytes = POOL_BYTES;
	fd = open(c->path, O_RDONLY | O_CLOEXEC);
	pf.media = mmap(NULL, POOL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (pf.media == MAP_FAILED)
		return why_set(&c->why, "mmap");
	err = find_state(c, &pf);
	munmap(pf.media, POOL_BYTES);
	close(fd);
	if (ppt_host_close(host) && !err)
		err = why_set(&c->why, "ppt_host_close");
	forget_states(c, 0);
	return err ? err : push_state(c, &c->now);
}

static void make_pool(struct campaign *c)
{
	struct ppt_host_diag diag;
	struct ppt_memory_map map;
	struct pool_fixture pf;

	pool_fixture_open(
		&pf, &(struct pool_fixture_options){ .bytes = POOL_BYTES });
	pool_fixture_map(&pf, &map);
	oracle_init(&c->now, &map);
	pf.config.pm.media = NULL;
	pf.config.pm.writable = NULL;
	assert_int_equal(
		ppt_host_create(c->path, &pf.config, PPT_HOST_FORCE, &diag), 0);
	pool_fixture_close(&pf);
	assert_int_equal(push_state(c, &c->now), 0);
}

static void run_profile(const struct profile *p)
{
	uint64_t rounds = env_number("PPT_TEST_ROUNDS", 300) / PROFILES;
	static struct campaign c;
	uint64_t round = 0;
	int err = 0;

	memset(&c, 0, sizeof(c));
	c.profile = p;
	c.rng.state = env_number("PPT_TEST_SEED", 5);
	(void)snprintf(c.path, sizeof(c.path), "/dev/shm/pptable-kill-%d",
		       (int)getpid());
	make_pool(&c);
	for (; round < rounds && !err; round++) {
		err = writer(&c, false);
		while (!err && rng_once_in(&c.rng, 4)) {
			c.killed_in_open++;
			err = writer(&c, true);
		}
		if (!err)
			err = reopen(&c);
	}
	if (err)
		print_error("%s, round %llu, seed %llu: %s\n", p->name,
			    (unsigned long long)round,
			    (unsigned long long)env_number("PPT_TEST_SEED", 5),
			    c.why.text);
	else
		print_message("%s: %llu rounds, %llu acknowledged, %llu with "
			      "one in flight, %llu killed while opening\n",
			      p->name, (unsigned long long)round,
			      (unsigned long long)c.acknowledged,
			      (unsigned long long)c.in_flight_found,
			      (unsigned long long)c.killed_in_open);
	forget_states(&c, 0);
	oracle_free(&c.now);
	unlink(c.path);
	assert_int_equal(err, 0);
}

static void ppt_map__killed_in_singles_recovers(void **state)
{
	static const struct profile p = {
		.name = "singles",
		.gen = { .max_small = 4,
			 .max_alloc = 4,
			 .error_once = 40,
			 .space_once = 200,
			 .sized_alloc = true,
			 .map_weight = 6 },
	};

	run_profile(&p);
}

static void ppt_map__killed_in_ranges_recovers(void **state)
{
	static const struct profile p = {
		.name = "ranges",
		.gen = { .max_small = 2000,
			 .max_alloc = 64,
			 .error_once = 40,
			 .space_once = 50,
			 .huge_once = 12,
			 .large_once = 4,
			 .sweep_once = 20,
			 .sized_alloc = true,
			 .map_weight = 6 },
	};

	run_profile(&p);
}

static void ppt_commit__killed_in_transactions_recovers(void **state)
{
	static const struct profile p = {
		.name = "transactions",
		.gen = { .max_small = 600,
			 .max_alloc = 16,
			 .error_once = 40,
			 .space_once = 100,
			 .large_once = 4,
			 .sweep_once = 40,
			 .sized_alloc = true,
			 .map_weight = 6 },
		.txn_once = 2,
	};

	run_profile(&p);
}

static void ppt_sync__killed_in_relaxed_recovers(void **state)
{
	static const struct profile p = {
		.name = "relaxed",
		.gen = { .max_small = 600,
			 .max_alloc = 16,
			 .error_once = 40,
			 .space_once = 100,
			 .large_once = 4,
			 .sweep_once = 40,
			 .sized_alloc = true,
			 .map_weight = 6 },
		.txn_once = 10,
		.relaxed = true,
	};

	run_profile(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_map__killed_in_singles_recovers),
		cmocka_unit_test(ppt_map__killed_in_ranges_recovers),
		cmocka_unit_test(ppt_commit__killed_in_transactions_recovers),
		cmocka_unit_test(ppt_sync__killed_in_relaxed_recovers),
	};

	/* /dev/shm is no DAX file system; each flush would be an msync */
	setenv("PMEM_IS_PMEM_FORCE", "1", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
