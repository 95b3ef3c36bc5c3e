/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptsim: what its modules share.
 *
 * Layer: tools; the one program that sees sim/.
 *
 *   main.c          commands
 *   options.c       options
 *   report.c        what a campaign of the explorer found
 *   cmd_*.c         the commands
 */
#ifndef PPTSIM_H
#define PPTSIM_H

#include "sim/explore/explore.h"
#include "tools/common/cli.h"

/* Exit codes: a sum, in the manner of fsck(8). */
enum sim_exit {
	SIM_OK = CLI_OK,
	SIM_FOUND = 1, /* a violation, a survivor, a mismatch, a loss */
	SIM_FAILED = CLI_FAILED, /* operational, or interrupted */
	SIM_USAGE = CLI_USAGE,
};

/* Options; a command's set is a mask of these bits. */
enum sim_option {
	SIM_OPS = CLI_OWN,
	SIM_MODEL,
	SIM_DEPTH,
	SIM_WORKLOAD,
	SIM_SEED,
	SIM_SHARD,
	SIM_SAMPLE,
	SIM_EVERY_EVENT,
	SIM_MMU,
	SIM_PROGRESS,
	SIM_ONLY,
	SIM_LIST,
	SIM_JOBS,
	SIM_LIMIT,
	SIM_ROUNDS,
	SIM_PROFILE,
	SIM_POOL_DIR,
	SIM_OPTION_COUNT,
};

/**
 * struct ctl - one run of pptsim.
 * @explore: what explore and selfcheck are asked.
 */
struct ctl {
	struct cli cli;
	struct sim_options explore;
	enum cli_when when;
	const char *only;
	const char *profile;
	const char *pool_dir;
	uint64_t rounds;
	unsigned jobs;
	unsigned limit_s;
	struct cli_progress progress;
};

/* ---------------------------------------------------------- options.c -- */

extern const struct cli_option sim_options[SIM_OPTION_COUNT];

/* Sets one option from its text; an exit code. */
int sim_set_option(struct ctl *ctl, unsigned int option, const char *text);

/* "m2"; and back, by what the options accept. */
const char *sim_model_name(enum sim_model model);

/* ----------------------------------------------------------- report.c -- */

/* pptsim.explore/1, of the campaign that @ctl asked for. */
json_t *report_explore(const struct ctl *ctl, const struct sim_result *result);

/* Prints it, as JSON or as text, and frees it; the exit code. */
int report_print(const struct ctl *ctl, json_t *root);

/* Says that a campaign was interrupted, where it was; SIM_FAILED then. */
int report_partial(const struct ctl *ctl, bool partial);

/* A member of @root that is a number. */
unsigned long long report_u64(const json_t *root, const char *key);

/* ----------------------------------------------------------- commands -- */

int sim_cmd_explore(struct ctl *ctl);
int sim_cmd_selfcheck(struct ctl *ctl);
int sim_cmd_replay(struct ctl *ctl);
int sim_cmd_mutants(struct ctl *ctl);
int sim_cmd_kill(struct ctl *ctl);
int sim_cmd_workloads(struct ctl *ctl);
int sim_cmd_merge(struct ctl *ctl);

#endif
