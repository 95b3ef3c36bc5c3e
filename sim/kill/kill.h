/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill.h - SIGKILL a writer at random instants, reopen, compare.
 *
 * Layer: sim.  A child process opens a pool file, runs random operations, and
 * says over a pipe what it is about to do and what was acknowledged.  After
 * its death the pool must hold what was acknowledged last, or that and the
 * whole operation (or transaction) in flight.  This is model M0: the host
 * keeps every store that was made.
 *
 * Each profile has a pool of its own, and all its rounds go on with that.
 */
#ifndef SIM_KILL_KILL_H
#define SIM_KILL_KILL_H

#include <signal.h>

#include "sim/oracle/opgen.h"

/**
 * struct kill_profile - what a writer does.
 * @bytes:  of its pool.
 * @txn_once: a transaction once in so many steps; 0 never, as below.
 * @sync_every: commits are relaxed, with a sync after so many steps; 0 strict.
 * @checkpoint_once, @reclaim_once, @restart_once: as they say.
 * @flush_once: hardware walks the tables, what is freed waits for a TLB flush,
 *          and that comes once in so many steps; 0: no hardware.
 * @moves:  every opening finds the memory somewhere else.
 */
struct kill_profile {
	const char *name;
	const char *what;
	struct opgen gen;
	uint64_t bytes;
	unsigned txn_once;
	unsigned sync_every;
	unsigned checkpoint_once;
	unsigned reclaim_once;
	unsigned restart_once;
	unsigned flush_once;
	bool moves;
};

extern const struct kill_profile kill_profiles[];
extern const unsigned kill_profile_count;

#define KILL_PROFILES_MAX 16u

struct kill_result;

/**
 * struct kill_options - a campaign.
 * @rounds:   kills of a writer.
 * @seed:     of everything but the instants, which the host's clock adds to.
 * @profile:  NULL (all of them in turn) or the name of one.
 * @dir:      where the pools are made; NULL: /dev/shm.
 * @stop:     NULL or set by a signal handler: finish, partial.
 * @progress: NULL or called after every round.
 */
struct kill_options {
	uint64_t rounds;
	uint64_t seed;
	const char *profile;
	const char *dir;
	const volatile sig_atomic_t *stop;
	void (*progress)(void *ctx, const struct kill_result *so_far);
	void *ctx;
};

/**
 * struct kill_tally - what a profile's rounds met.
 * @acknowledged: operations and transactions.
 * @in_flight: rounds in which the kill met one of them.
 * @in_flight_found: ... and it was there, whole, afterwards.
 * @openings: restarts that were meant to be killed.
 * @killed_in_open: ... and were, before they had finished.
 */
struct kill_tally {
	uint64_t rounds;
	uint64_t acknowledged;
	uint64_t in_flight;
	uint64_t in_flight_found;
	uint64_t openings;
	uint64_t killed_in_open;
};

enum kill_verdict {
	KILL_FINE,
	KILL_LOST,    /* the pool holds less than was acknowledged */
	KILL_TORN,    /* it holds what it never should have */
	KILL_REFUSED, /* it cannot be opened any more */
	KILL_WRITER,  /* the library did to the writer what it must not */
};

#define KILL_PATH_BYTES 512u

/**
 * struct kill_result - the campaign; it ends at the first failure.
 * @profile:  in the order of kill_profiles.
 * @failed:   index of the profile that failed, if @verdict is not fine.
 * @round:    of that profile, from 0.
 * @why:      what went wrong there.
 * @pool:     the file as it is now.
 * @before:   the file as the kill left it, before it was reopened; "" if the
 *            failure was the writer's.
 * @partial:  stopped early.
 */
struct kill_result {
	struct kill_tally all;
	struct kill_tally profile[KILL_PROFILES_MAX];
	enum kill_verdict verdict;
	unsigned failed;
	uint64_t round;
	struct why why;
	char pool[KILL_PATH_BYTES];
	char before[KILL_PATH_BYTES];
	double seconds;
	bool partial;
};

/*
 * 0, also with a failure in @result; -1 and @why: no such profile, or the
 * system does not let it run (no file, no process).
 */
int kill_run(const struct kill_options *options, struct kill_result *result,
	     struct why *why);

/* "lost" and the like. */
const char *kill_verdict_name(enum kill_verdict verdict);

#endif
