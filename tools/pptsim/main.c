/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptsim: crashes the library in every way there is.
 *
 * Layer: tools.  See docs/man/pptsim.1.
 */
#include "pptsim.h"

#define CAMPAIGN                                                               \
	(CLI_REPORTS | CLI_BIT(SIM_OPS) | CLI_BIT(SIM_MODEL) |                 \
	 CLI_BIT(SIM_WORKLOAD) | CLI_BIT(SIM_SEED) | CLI_BIT(SIM_SHARD) |      \
	 CLI_BIT(SIM_MMU) | CLI_BIT(SIM_PROGRESS))

static const struct cli_command commands[] = {
	{ "explore", "", "crash every workload everywhere, recover, compare",
	  CAMPAIGN | CLI_BIT(SIM_DEPTH) | CLI_BIT(SIM_SAMPLE) |
		  CLI_BIT(SIM_EVERY_EVENT),
	  0, sim_cmd_explore },
	{ "mutants", "", "does the explorer see what it should",
	  CLI_REPORTS | CLI_BIT(SIM_ONLY) | CLI_BIT(SIM_LIST) |
		  CLI_BIT(SIM_SEED) | CLI_BIT(SIM_JOBS) | CLI_BIT(SIM_LIMIT) |
		  CLI_BIT(SIM_PROGRESS),
	  0, sim_cmd_mutants },
	{ "replay", "LINE", "do again what a violation's line says", 0, 0,
	  sim_cmd_replay },
	{ "selfcheck", "", "lazy and eager exploration find the same", CAMPAIGN,
	  0, sim_cmd_selfcheck },
	{ "kill", "", "SIGKILL writers of real files, reopen, compare",
	  CLI_REPORTS | CLI_BIT(SIM_ROUNDS) | CLI_BIT(SIM_SEED) |
		  CLI_BIT(SIM_PROFILE) | CLI_BIT(SIM_POOL_DIR) |
		  CLI_BIT(SIM_PROGRESS),
	  CLI_BIT(SIM_ROUNDS), sim_cmd_kill },
	{ "workloads", "", "the operations that workloads are made of",
	  CLI_REPORTS, 0, sim_cmd_workloads },
	{ "merge", "FILE...", "add up the JSON of all shards of a campaign",
	  CLI_REPORTS, 0, sim_cmd_merge },
};

static const struct cli_program program = {
	.name = "pptsim",
	.purpose = "Is anything ever lost or torn?  Crashes, and counts.",
	.notes = "Numbers are decimal or 0x, with K, M, G or T (1024s).\n"
		 "Exit: 0 nothing found, 1 something found, 8 failed or "
		 "interrupted, 16 usage.\n",
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.options = sim_options,
	.option_count = SIM_OPTION_COUNT,
	.set = sim_set_option,
};

int main(int argc, char **argv)
{
	struct ctl ctl = {
		.explore = {
			.model = SIM_M2,
			.depth = 1,
			.sample = 1,
			.seed = 1,
			.shard = 1,
			.shards = 1,
		},
	};

	return cli_main(&program, &ctl.cli, &ctl, argc, argv);
}
