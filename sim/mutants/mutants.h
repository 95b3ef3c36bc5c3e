/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutants.h - does the explorer see what it should?
 *
 * Layer: sim.  A mutant is the library with one thing wrong: a barrier that
 * does not do what it should (the production object code, under a model that
 * ignores it), or a mistake seeded in the source (libpptable/format/mutant.h,
 * compiled into the test build only).  Each is hunted by the explorer until
 * the first violation, in a process of its own.
 */
#ifndef SIM_MUTANTS_MUTANTS_H
#define SIM_MUTANTS_MUTANTS_H

#include "sim/explore/explore.h"

/**
 * struct mutant_result - one mutant.
 * @name:    "drop-fence@journal.c:93", or that of a seeded mistake.
 * @what:    what is wrong.
 * @killed:  a violation was found.
 * @by:      its kind and replay line; or how the process died.
 * @justified, @justification: it does no harm, in writing (justified.c).
 */
struct mutant_result {
	char name[96];
	char what[160];
	bool killed;
	bool justified;
	char by[SIM_LINE_BYTES];
	const char *justification;
	double seconds;
};

/**
 * struct mutants_options - a hunt.
 * @only:     NULL, or the name of the only mutant; or its beginning.
 * @jobs:     processes at a time; 0: one for each CPU.
 * @limit_s:  seconds for one mutant; 0: 120.  One that is not killed by then
 *            survives.
 * @progress: NULL, or called after each.
 */
struct mutants_options {
	const char *only;
	uint64_t seed;
	unsigned jobs;
	unsigned limit_s;
	const volatile sig_atomic_t *stop;
	void (*progress)(void *ctx, unsigned done, unsigned total,
			 const struct mutant_result *last);
	void *ctx;
};

/**
 * struct mutants - all of them.
 * @partial: stopped early; those not hunted are neither killed nor justified.
 */
struct mutants {
	struct mutant_result *m;
	unsigned total;
	unsigned killed;
	unsigned justified; /* that survived */
	unsigned survivors; /* without a justification */
	bool partial;
};

/*
 * Which there are; nothing is run.  0, or -1 and @why: no mutant of that name,
 * the test build is not there, no memory.
 */
int mutants_list(const struct mutants_options *options, struct mutants *out,
		 struct why *why);

/* Hunt them.  0, also with survivors; -1 as above. */
int mutants_run(const struct mutants_options *options, struct mutants *out,
		struct why *why);

void mutants_free(struct mutants *mutants);

/* Why a mutant may survive; NULL: it may not. */
const char *mutant_justification(const char *name);

/*
 * Explore until the first violation: single operations, then pairs, under M2
 * with crashes in recovery.  1 and @v: killed; 0: survived; -1: @why.
 */
int mutant_hunt(const struct sim_mutant *mutant, uint64_t seed,
		struct sim_violation *v, struct why *why);

#endif
