/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: which one, and help.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pptable/pptable.h>

#include "tools/common/cli.h"

static void print_overview(const struct cli_program *program, FILE *out)
{
	fprintf(out,
		"usage: %s COMMAND ARGUMENTS [OPTIONS]\n"
		"\n"
		"%s\n"
		"\n",
		program->name, program->purpose);
	for (size_t i = 0; i < program->command_count; i++)
		fprintf(out, "  %-15s %s\n", program->commands[i].name,
			program->commands[i].summary);
	fprintf(out, "\n'%s COMMAND --help' says more; %s(1) says all.\n%s",
		program->name, program->name, program->notes);
}

static void print_help(const struct cli *cli)
{
	const struct cli_command *command = cli->command;

	printf("usage: %s %s %s%s[OPTIONS]\n\n%s\n\n", cli->program->name,
	       command->name, command->arguments,
	       *command->arguments ? " " : "", command->summary);
	cli_print_options(cli, command->options | CLI_BIT(CLI_HELP));
}

/* The command of the first words; @words is how many it took. */
static const struct cli_command *find_command(const struct cli_program *program,
					      int argc, char **argv, int *words)
{
	for (size_t i = 0; i < program->command_count; i++) {
		const char *name = program->commands[i].name;
		size_t first = strcspn(name, " ");

		if (strncmp(name, argv[1], first) != 0 || argv[1][first])
			continue;
		*words = 1;
		if (!name[first])
			return &program->commands[i];
		*words = 2;
		if (argc > 2 && strcmp(name + first + 1, argv[2]) == 0)
			return &program->commands[i];
	}
	return NULL;
}

static int no_command(const struct cli_program *program, int argc, char **argv,
		      int words)
{
	const char *name = program->name;

	if (words == 2 && argc > 2)
		fprintf(stderr,
			"%s: %s: subcommand '%s': none that is known; see "
			"%s --help\n",
			name, argv[1], argv[2], name);
	else if (words == 2)
		fprintf(stderr,
			"%s: %s: subcommand is missing; see %s --help\n", name,
			argv[1], name);
	else
		fprintf(stderr,
			"%s: command '%s': none that is known; see %s --help\n",
			name, argv[1], name);
	return CLI_USAGE;
}

static int run(struct cli *cli, struct ctl *ctl, int argc, char **argv)
{
	int words = 0;
	int ret;

	cli->command = find_command(cli->program, argc, argv, &words);
	if (!cli->command) {
		bool help = words == 2 && argc > 2 &&
			    strcmp(argv[2], "--help") == 0;

		if (!help)
			return no_command(cli->program, argc, argv, words);
		print_overview(cli->program, stdout);
		return CLI_OK;
	}
	cli->args = calloc((size_t)argc + 1, sizeof(*cli->args));
	if (!cli->args) {
		cli_say(cli, "out of memory");
		return CLI_FAILED;
	}
	ret = cli_read_options(cli, ctl, argc - words, argv + words);
	if (!ret && cli_given(cli, CLI_HELP)) {
		print_help(cli);
		ret = cli_finish_output(cli);
	} else if (!ret) {
		ret = cli->command->run(ctl);
	}
	free(cli->args);
	return ret;
}

int cli_main(const struct cli_program *program, struct cli *cli,
	     struct ctl *ctl, int argc, char **argv)
{
	/* A reader that has gone is an error to report, after a clean close. */
	signal(SIGPIPE, SIG_IGN);
	cli->program = program;
	if (argc < 2) {
		fprintf(stderr, "%s: command is missing\n", program->name);
		print_overview(program, stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_overview(program, stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", program->name, ppt_version());
		return CLI_OK;
	}
	return run(cli, ctl, argc, argv);
}
