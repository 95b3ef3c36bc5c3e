/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: options in any place, arguments by name.
 *
 * Layer: tools.
 */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/cli.h"

/* How far from getopt's own values an option's number is. */
#define OPTION_BASE 256

unsigned int cli_find_option(const struct cli *cli, const char *name,
			     size_t len)
{
	unsigned int i;

	for (i = 0; i < cli->program->option_count; i++) {
		const char *known = cli->program->options[i].name;

		if (strncmp(known, name, len) == 0 && !known[len])
			break;
	}
	return i;
}

void cli_print_options(const struct cli *cli, uint32_t mask)
{
	for (unsigned int i = 0; i < cli->program->option_count; i++) {
		const struct cli_option *option = &cli->program->options[i];
		char left[32];

		if (!(mask & CLI_BIT(i)))
			continue;
		snprintf(left, sizeof(left), "%s%s%s", option->name,
			 option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-20s %s\n", left, option->help);
	}
}

/* The n-th word of a list, copied to @out; false if there are fewer. */
static bool nth_word(const char *list, int n, char *out, size_t size)
{
	while (n-- > 0) {
		list += strcspn(list, " ");
		list += strspn(list, " ");
	}
	snprintf(out, size, "%.*s", (int)strcspn(list, " "), list);
	return *out != '\0';
}

static int check_count(const struct cli *cli)
{
	const char *list = cli->command->arguments;
	char name[32];
	int want = 0;
	bool repeats = false;

	while (nth_word(list, want, name, sizeof(name))) {
		repeats = strstr(name, "...") != NULL;
		want++;
	}
	if (cli->nargs < want) {
		nth_word(list, cli->nargs, name, sizeof(name));
		name[strcspn(name, ".")] = '\0';
		cli_say(cli, "%s is missing (usage: %s %s %s)", name,
			cli->program->name, cli->command->name, list);
		return CLI_USAGE;
	}
	if (cli->nargs > want && !repeats)
		return cli_bad(cli, "argument", cli->args[want],
			       "one too many");
	return CLI_OK;
}

static int check_required(const struct cli *cli)
{
	for (unsigned int i = 0; i < cli->program->option_count; i++) {
		if (!(cli->command->required & CLI_BIT(i)) || cli_given(cli, i))
			continue;
		cli_say(cli, "%s is missing", cli->program->options[i].name);
		return CLI_USAGE;
	}
	return CLI_OK;
}

static int refuse(const struct cli *cli, int code, const char *word)
{
	const char *why = "no such option of this command";

	if (code == ':')
		why = "needs a value";
	else if (optopt >= OPTION_BASE)
		why = "takes no value";
	return cli_bad(cli, "option", word, why);
}

static void make_getopt(const struct cli *cli, uint32_t mask,
			struct option *longs)
{
	for (unsigned int i = 0; i < cli->program->option_count; i++) {
		if (!(mask & CLI_BIT(i)))
			continue;
		*longs++ = (struct option){
			.name = cli->program->options[i].name + 2,
			.has_arg = cli->program->options[i].value ?
					   required_argument :
					   no_argument,
			.val = (int)(OPTION_BASE + i),
		};
	}
	*longs = (struct option){ .name = NULL };
}

static bool is_negative(const char *word)
{
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

int cli_read_options(struct cli *cli, struct ctl *ctl, int argc, char **argv)
{
	uint32_t mask = cli->command->options | CLI_BIT(CLI_HELP);
	struct option longs[CLI_OPTIONS_MAX + 1];
	const char *word;
	int code;
	int ret;

	make_getopt(cli, mask, longs);
	opterr = 0;
	optind = 1;
	while (optind < argc) {
		/*
		 * A negative number is an argument, a wrong one, and whoever
		 * parses it says which; getopt would call it an option.
		 */
		word = argv[optind];
		if (is_negative(word)) {
			cli->args[cli->nargs++] = argv[optind++];
			continue;
		}
		/* '-': arguments come in their place, as code 1. */
		code = getopt_long(argc, argv, "-:h", longs, NULL);
		if (code == -1)
			break;
		if (code == 1) {
			cli->args[cli->nargs++] = optarg;
			continue;
		}
		if (code == '?' || code == ':')
			return refuse(cli, code, word);
		if (code == 'h')
			code = OPTION_BASE + CLI_HELP;
		cli->given |= CLI_BIT(code - OPTION_BASE);
		ret = cli->program->set(ctl, (unsigned int)(code - OPTION_BASE),
					optarg);
		if (ret)
			return ret;
	}
	/* After "--". */
	while (optind < argc)
		cli->args[cli->nargs++] = argv[optind++];
	if (cli_given(cli, CLI_HELP))
		return CLI_OK;
	ret = check_count(cli);
	return ret ? ret : check_required(cli);
}
