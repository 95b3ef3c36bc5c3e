/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * round.h - one profile's pool, and a round with it.
 *
 * Layer: sim.
 */
#ifndef SIM_KILL_ROUND_H
#define SIM_KILL_ROUND_H

#include "sim/kill/states.h"

/**
 * struct kill_pool - a profile's pool, over all its rounds.
 * @media:   the file, mapped read-only.
 * @before:  its bytes as a kill left them.
 * @home:    the memory map that it was made with.
 * @present: the one of the present opening.
 * @open_us: how long an opening takes, about.
 * @met:     the last kill met an operation in flight.
 */
struct kill_pool {
	const struct kill_profile *profile;
	struct kill_tally *tally;
	struct rng rng;
	char path[KILL_PATH_BYTES - 8];
	void *media;
	uint8_t *before;
	struct ppt_memory_map home;
	struct ppt_memory_map present;
	struct oracle now;
	struct states states;
	uint64_t open_us;
	bool met;
	enum kill_verdict verdict;
	struct why why;
};

/* Makes it.  0, or -1 and @p->why. */
int kill_pool_open(struct kill_pool *p, const struct kill_profile *profile,
		   const struct kill_options *options);
/* The file stays if it is evidence. */
void kill_pool_close(struct kill_pool *p);

/*
 * A writer is killed, and some openings after it; what is found is compared.
 * 0, or -1 and @p->why; @p->verdict is KILL_FINE if it is the system's fault.
 */
int kill_round(struct kill_pool *p);

/* A clock that only goes forward. */
uint64_t kill_now_us(void);

#endif
