/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptctl: pools and address spaces from the command line.
 *
 * Layer: tools.  See docs/man/pptctl.1.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptctl.h"

#define OP_OPTIONS                                                             \
	(CTL_WRITES | CTL_BIT(CTL_PROT) | CTL_BIT(CTL_PAGE_SIZE) |             \
	 CTL_BIT(CTL_REPLACE))

static const struct ctl_command commands[] = {
	{ "create", "POOL", "make a file and format it as a pool",
	  CTL_REPORTS | CTL_WRITES | CTL_BIT(CTL_SIZE) |
		  CTL_BIT(CTL_PHYS_BASE) | CTL_BIT(CTL_JOURNAL) |
		  CTL_BIT(CTL_REGION) | CTL_BIT(CTL_UUID) |
		  CTL_BIT(CTL_SPARSE) | CTL_BIT(CTL_FORCE),
	  CTL_BIT(CTL_SIZE), ctl_cmd_create },
	{ "info", "POOL", "what a pool is and holds", CTL_REPORTS, 0,
	  ctl_cmd_info },
	{ "space create", "POOL NAME", "make an empty address space",
	  CTL_WRITES | CTL_BIT(CTL_FORMAT), 0, ctl_cmd_space_create },
	{ "space list", "POOL", "the address spaces of a pool", CTL_REPORTS, 0,
	  ctl_cmd_space_list },
	{ "space delete", "POOL NAME", "remove a space with all it maps",
	  CTL_WRITES, 0, ctl_cmd_space_delete },
	{ "map", "POOL SPACE VA PA|alloc LEN",
	  "map a range to physical memory or to frames of the pool", OP_OPTIONS,
	  0, ctl_cmd_map },
	{ "unmap", "POOL SPACE VA LEN", "unmap a range; holes are fine",
	  CTL_WRITES, 0, ctl_cmd_unmap },
	{ "protect", "POOL SPACE VA LEN",
	  "change the rights of a range without holes",
	  CTL_WRITES | CTL_BIT(CTL_PROT), CTL_BIT(CTL_PROT), ctl_cmd_protect },
	{ "translate", "POOL SPACE VA...", "where virtual addresses lead",
	  CTL_REPORTS, 0, ctl_cmd_translate },
	{ "dump", "POOL SPACE", "all that a space maps, as extents",
	  CTL_REPORTS, 0, ctl_cmd_dump },
	{ "apply", "POOL SPACE SCRIPT|-",
	  "run a script of operations and transactions",
	  CTL_REPORTS | CTL_WRITES | CTL_BIT(CTL_ACK) | CTL_BIT(CTL_RELAXED) |
		  CTL_BIT(CTL_STATS),
	  0, ctl_cmd_apply },
	{ "import", "POOL SPACE", "store a live process's address space",
	  CTL_REPORTS | CTL_WRITES | CTL_BIT(CTL_PID) | CTL_BIT(CTL_FREEZE) |
		  CTL_BIT(CTL_REPLACE) | CTL_BIT(CTL_FORMAT),
	  CTL_BIT(CTL_PID), ctl_cmd_import },
	{ "memory-map", "POOL", "the recorded memory map, as JSON",
	  CTL_BIT(CTL_JSON), 0, ctl_cmd_memory_map },
	{ "region add", "POOL uuid=U,kind=K,base=PA,len=LEN",
	  "record memory that frames may lie in", CTL_WRITES, 0,
	  ctl_cmd_region_add },
	{ "region remove", "POOL UUID", "forget a region that nothing maps",
	  CTL_WRITES, 0, ctl_cmd_region_remove },
	{ "attach", "POOL", "restart: recover, reconcile memory, report",
	  CTL_REPORTS | CTL_WRITES | CTL_BIT(CTL_MEMORY_MAP), 0,
	  ctl_cmd_attach },
	{ "check", "POOL", "whether all of a pool is what it should be",
	  CTL_REPORTS | CTL_BIT(CTL_MEMORY_MAP) | CTL_BIT(CTL_POLICY) |
		  CTL_BIT(CTL_PROGRESS),
	  0, ctl_cmd_check },
	{ "checkpoint", "POOL", "empty the journal", CTL_WRITES, 0,
	  ctl_cmd_checkpoint },
	{ "reclaim", "POOL", "give back pages of what was unlinked whole",
	  CTL_WRITES, 0, ctl_cmd_reclaim },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_overview(FILE *out)
{
	fputs("usage: pptctl COMMAND ARGUMENTS [OPTIONS]\n"
	      "\n"
	      "Page tables in persistent memory: pools, spaces, mappings.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-15s %s\n", commands[i].name,
			commands[i].summary);
	fputs("\n"
	      "'pptctl COMMAND --help' says more; pptctl(1) says all.\n"
	      "Numbers are decimal or 0x, with K, M, G or T (1024s).\n"
	      "Exit: 0 fine, 1 not mapped, 4 damage, 8 failed, 16 usage.\n",
	      out);
}

static void print_help(const struct ctl_command *command)
{
	printf("usage: pptctl %s %s [OPTIONS]\n\n%s\n\n", command->name,
	       command->arguments, command->summary);
	ctl_print_options(command->options | CTL_BIT(CTL_HELP));
}

/* The command of the first words; @words is how many it took. */
static const struct ctl_command *find_command(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *name = commands[i].name;
		size_t first = strcspn(name, " ");

		if (strncmp(name, argv[1], first) != 0 || argv[1][first])
			continue;
		*words = 1;
		if (!name[first])
			return &commands[i];
		*words = 2;
		if (argc > 2 && strcmp(name + first + 1, argv[2]) == 0)
			return &commands[i];
	}
	return NULL;
}

static int no_command(int argc, char **argv, int words)
{
	if (words == 2 && argc > 2)
		fprintf(stderr,
			"pptctl: %s: subcommand '%s': none that is "
			"known; see pptctl --help\n",
			argv[1], argv[2]);
	else if (words == 2)
		fprintf(stderr,
			"pptctl: %s: subcommand is missing; see "
			"pptctl --help\n",
			argv[1]);
	else
		fprintf(stderr,
			"pptctl: command '%s': none that is known; "
			"see pptctl --help\n",
			argv[1]);
	return CTL_USAGE;
}

static int run(int argc, char **argv)
{
	struct ctl ctl = {
		.opt = {
			.format = PPT_FORMAT_X86_64_4,
			.phys_base = UINT64_C(1) << 44,
		},
	};
	int words = 0;
	int ret;

	ctl.command = find_command(argc, argv, &words);
	if (!ctl.command) {
		bool help = words == 2 && argc > 2 &&
			    strcmp(argv[2], "--help") == 0;

		if (!help)
			return no_command(argc, argv, words);
		print_overview(stdout);
		return CTL_OK;
	}
	ctl.args = calloc((size_t)argc + 1, sizeof(*ctl.args));
	if (!ctl.args) {
		ctl_say(&ctl, "out of memory");
		return CTL_FAILED;
	}
	ret = ctl_read_options(&ctl, argc - words, argv + words);
	if (!ret && ctl_given(&ctl, CTL_HELP)) {
		print_help(ctl.command);
		ret = ctl_finish_output(&ctl);
	} else if (!ret) {
		ret = ctl.command->run(&ctl);
	}
	free(ctl.args);
	return ret;
}

int main(int argc, char **argv)
{
	/* A reader that has gone is an error to report, after a clean close. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		fputs("pptctl: command is missing\n", stderr);
		print_overview(stderr);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_overview(stdout);
		return CTL_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("pptctl %s\n", ppt_version());
		return CTL_OK;
	}
	return run(argc, argv);
}
