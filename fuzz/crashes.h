/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crashes.h - the crash points of the explorer's workloads.
 *
 * Layer: fuzz.  Each operation of the explorer's table is run once, and of each
 * of its crash points is kept what a crash there may leave of each word.
 */
#ifndef FUZZ_CRASHES_H
#define FUZZ_CRASHES_H

#include "rig.h"
#include "sim/explore/engine.h"

#define WORD_VALUES 4u

/* What a crash may leave of a word: the newest store first. */
struct crash_word {
	uint32_t word;
	uint32_t values;
	uint64_t value[WORD_VALUES];
};

/* What a workload's recoveries may show, and what some have shown. */
#define CRASH_HASHES 32u

struct crash_work {
	char name[96];
	struct world_state state[WORLD_STATES_MAX];
	uint32_t states;
	uint64_t hash[CRASH_HASHES];
	uint64_t shown[CRASH_HASHES]; /* states, as bits */
	uint32_t hashes;
};

struct crash {
	struct crash_work *work;
	struct crash_word *word;
	uint32_t words;
	uint32_t low; /* states that may be found: @low to @high */
	uint32_t high;
	bool quiet; /* some before it are not among these */
	bool moved;
	struct ppt_memory_map present;
};

struct crashes {
	struct rig rig;   /* of the pool that workloads start from */
	struct rig other; /* the same */
	struct crash *crash;
	uint32_t count;
};

/* Made at the first call. */
struct crashes *crashes_all(void);

/*
 * Whether the recovered pool in @rig is a state that this crash may show; with
 * @flips also an earlier one: that the journal's last records were damaged
 * cannot be told from a torn write.
 */
bool crash_allows(struct crash *crash, struct rig *rig, uint64_t hash,
		  bool flips, struct why *why);

#endif
