/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hunt.h - the process that hunts one mutant, and what it tells its parent.
 *
 * Layer: sim.
 */
#ifndef SIM_MUTANTS_HUNT_H
#define SIM_MUTANTS_HUNT_H

#include "sim/mutants/mutants.h"

/* What the child writes: smaller than a pipe's buffer, so at one go. */
struct hunt_verdict {
	bool killed;
	bool failed; /* the hunt itself: why in @v.text */
	struct sim_violation v;
};

/* Hunt, and write the verdict to @fd.  An endless recovery ends in SIGVTALRM. */
void hunt(const struct sim_mutant *mutant, uint64_t seed, int fd);

/* Turn on a seeded mistake; false: not this build, or there is none. */
bool seeded_select(const char *name);

/* The name of the one that is turned on, or NULL. */
const char *seeded_now(void);

/* The @i-th seeded mistake; false behind the last. */
bool seeded_name(unsigned i, const char **name, const char **what);

#endif
