/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * states.h - what a pool may hold, by what its writer has said.
 *
 * Layer: sim.
 */
#ifndef SIM_KILL_STATES_H
#define SIM_KILL_STATES_H

#include "sim/kill/writer.h"

#define STATES_MAX 96u
/* Overtaken ones, kept to tell what is lost from what is torn. */
#define STATES_OLD 8u

/**
 * struct states - what there may be.
 * @state: oldest first; [@low, @count) are allowed.
 * @open:  the newest, with the writes of the open transaction.
 */
struct states {
	struct oracle state[STATES_MAX];
	unsigned low;
	unsigned count;
	bool relaxed;
	bool in_txn;
	bool op_in_flight;
	bool commit_in_flight;
	struct op op;
	struct oracle open;
	uint64_t acknowledged;
};

/* From here on @o alone is allowed; @relaxed: until a sync, all since. */
void states_start(struct states *s, const struct oracle *o, bool relaxed);
void states_free(struct states *s);

/* The writer has said @m.  0, or -1 and @why: there are too many states. */
int states_hear(struct states *s, const struct writer_message *m,
		struct why *why);

/*
 * The writer is dead: what was in flight is allowed, too.  @met says whether
 * there was something.  0, or -1 and @why.
 */
int states_end(struct states *s, bool *met, struct why *why);

/* The memory is elsewhere: every state with it. */
void states_rebase(struct states *s, const struct ppt_memory_map *present);

#endif
