/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explore.h - every crash of every workload.
 *
 * Layer: sim.  What pptsim offers; see docs/TESTING.md for the model.
 */
#ifndef SIM_EXPLORE_EXPLORE_H
#define SIM_EXPLORE_EXPLORE_H

#include <signal.h>

#include "sim/explore/world.h"

/* Which stores of those not yet durable a crash may keep. */
enum sim_model {
	SIM_M0, /* all, up to an instant */
	SIM_M1, /* of each line a prefix of its plain stores */
	SIM_M2, /* any words */
	SIM_M3, /* any words, or garbage in what a checksum protects */
};

/* What is done to barriers before they reach the model, at one site. */
enum sim_fault {
	SIM_FAULT_NONE,
	SIM_FAULT_DROP_FLUSH,
	SIM_FAULT_DROP_FENCE,
	SIM_FAULT_SHORT_FLUSH, /* of each series of flushes the last */
	SIM_FAULT_SWAP,        /* the fence comes before what precedes it */
	SIM_FAULT_SWAP_NEXT,   /* the fence comes after what follows it */
	SIM_FAULT_WEAKEN,      /* streams are plain stores */
};

/* A mutant: a fault at a site ("journal.c:93"), or a seeded logic mistake. */
struct sim_mutant {
	enum sim_fault fault;
	char site[64];
};

#define SIM_SEQUENCE_MAX 4u

struct sim_result;

/**
 * struct sim_options - a campaign.
 * @ops:      sequences of 1 to @ops rows (1 to 3).
 * @core:     those of so many rows, and longer ones, are made of core rows; 0: 3.
 * @model:    enum sim_model.
 * @depth:    crashes nested in recovery (0 to 2).
 * @sample:   of the crashes nested at depth 2 one in so many; 0 or 1: all.
 * @workload: NULL, or one sequence ("map1+unmap"), all of whose crash points
 *            are tried; otherwise only those of the last operation of each,
 *            since the others are those of shorter sequences.
 * @shard, @shards: of the list of workloads those that are dealt to @shard (1
 *            to @shards).
 * @mmu:      hardware walks the tables: attach without PPT_ATTACH_NO_MMU.
 * @every_event: crash before every event, not only before fences.
 * @mutant:   NULL or one.
 * @stop:     NULL or set by a signal handler: finish, partial.
 * @first:    stop at the first violation.
 * @progress: NULL or called now and then.
 */
struct sim_options {
	unsigned ops;
	unsigned core;
	enum sim_model model;
	unsigned depth;
	uint64_t sample;
	const char *workload;
	uint64_t seed;
	unsigned shard;
	unsigned shards;
	bool mmu;
	bool every_event;
	const struct sim_mutant *mutant;
	const volatile sig_atomic_t *stop;
	bool first;
	void (*progress)(void *ctx, const struct sim_result *so_far);
	void *ctx;
};

#define SIM_VIOLATIONS_KEPT 8u
#define SIM_LINE_BYTES 1024u

/* What went wrong. */
struct sim_violation {
	char line[SIM_LINE_BYTES]; /* pptsim replay LINE */
	char kind[16];             /* "oracle", "hygiene", "again", … */
	char text[2048];           /* the story, several lines */
};

/**
 * struct sim_result - what a campaign covered.
 * @total:        workloads that there are in this shard.
 * @workloads:    finished.
 * @crash_points: of workloads, at depth 0.
 * @recoveries:   calls of ppt_attach, and of ppt_repair, on a crash state.
 * @outcomes:     distinct contents after recovery, summed over crash points.
 * @sampled:      choices that were sampled instead of exhausted.
 * @eager_log10:  log10 of the number of crash states at depth 0.
 * @partial:      stopped early.
 */
struct sim_result {
	uint64_t total;
	uint64_t workloads;
	uint64_t crash_points;
	uint64_t recoveries;
	uint64_t outcomes;
	uint64_t sampled;
	uint64_t violations;
	double seconds;
	double eager_log10;
	bool partial;
	unsigned kept;
	struct sim_violation violation[SIM_VIOLATIONS_KEPT];
};

/* How the reason begins if not even the base pool could be made. */
#define SIM_NO_BASE "base pool: "

/*
 * Run a campaign.  0, also with violations; -1 and @why: an unknown workload,
 * no memory, a world that does not run even without a crash.
 */
int sim_explore(const struct sim_options *options, struct sim_result *result,
		struct why *why);

/*
 * Run what a line describes, and print what happens at each step.  Calls
 * sim_breakpoint() before the last recovery, for a debugger.
 * 1: it is violated, 0: it is not; -1 and @why: the line is malformed, or made
 * by another version of the library.
 */
int sim_replay(const char *line, FILE *out, struct sim_violation *found,
	       struct why *why);
void sim_breakpoint(void);

/**
 * struct sim_selfcheck - lazy against eager exploration.
 */
struct sim_selfcheck {
	uint64_t workloads;
	uint64_t points;   /* crash points compared */
	uint64_t too_many; /* crash points with too many states for eager */
	uint64_t eager_states;
	uint64_t mismatches;
	uint64_t event_mismatches; /* crashes before every event */
	struct why first;
	bool partial;
};

int sim_selfcheck(const struct sim_options *options, struct sim_selfcheck *out,
		  struct why *why);

/* Barrier sites that the library has, as seen in a first run. */
struct sim_site {
	char site[64];
	bool flush;
	bool series; /* of flushes, more than one */
	bool fence;
	bool stream;
};

#define SIM_SITES_MAX 128u

int sim_sites(struct sim_site *site, unsigned *count, struct why *why);

#endif
