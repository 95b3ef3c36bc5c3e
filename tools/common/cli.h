/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli.h - what the programs have in common: commands with options, messages,
 * exit codes, JSON.
 *
 * Layer: tools.
 *
 *   command.c  which command, its help
 *   options.c  options in any place, arguments by name
 *   parse.c    numbers and names
 *   report.c   messages, who reads the output, interrupts
 *   progress.c  how far it is, on a terminal
 *   json.c     JSON in and out
 */
#ifndef TOOLS_COMMON_CLI_H
#define TOOLS_COMMON_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Exit codes are bits, in the manner of fsck(8); 1, 2 and 4 are a program's. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 8, /* operational: file, space, memory */
	CLI_USAGE = 16, /* arguments; nothing was changed */
};

/* Options that every program has; its own begin at CLI_OWN. */
enum cli_common_option { CLI_HELP, CLI_JSON, CLI_TEXT, CLI_OWN };

#define CLI_COMMON_OPTIONS                                                     \
	[CLI_HELP] = { "--help", NULL, "print this and exit" },                \
	[CLI_JSON] = { "--json", NULL,                                         \
		       "report as JSON (also when output is not a "            \
		       "terminal)" },                                          \
	[CLI_TEXT] = { "--text", NULL,                                         \
		       "report as text, wherever output goes" }

#define CLI_OPTIONS_MAX 32
#define CLI_BIT(option) (UINT32_C(1) << (option))
/* Of every command that reports. */
#define CLI_REPORTS (CLI_BIT(CLI_JSON) | CLI_BIT(CLI_TEXT))

/* A run of a program: each defines its own, around a struct cli. */
struct ctl;

/**
 * struct cli_option - one option.
 * @name:  with its dashes.
 * @value: placeholder, NULL if it takes none.
 */
struct cli_option {
	const char *name;
	const char *value;
	const char *help;
};

/**
 * struct cli_command - one command.
 * @name:      one word, or two ("space create").
 * @arguments: names of the positional arguments; a last one that ends in
 *             "..." may be repeated.
 * @options:   mask of the options it takes.
 * @required:  mask of those that it cannot do without.
 * @run:       returns an exit code.
 */
struct cli_command {
	const char *name;
	const char *arguments;
	const char *summary;
	uint32_t options;
	uint32_t required;
	int (*run)(struct ctl *ctl);
};

/**
 * struct cli_program - one program.
 * @purpose, @notes: of its help, before and after the list of commands.
 * @options: indexed by their numbers.
 * @set:     an option was given, with @text if it takes a value; an exit code.
 */
struct cli_program {
	const char *name;
	const char *purpose;
	const char *notes;
	const struct cli_command *commands;
	size_t command_count;
	const struct cli_option *options;
	unsigned int option_count;
	int (*set)(struct ctl *ctl, unsigned int option, const char *text);
};

/**
 * struct cli - a command line.
 * @args, @nargs: positional arguments.
 * @given:        mask of the options that were there.
 */
struct cli {
	const struct cli_program *program;
	const struct cli_command *command;
	char **args;
	int nargs;
	uint32_t given;
};

/* ---------------------------------------------------------- command.c -- */

/* The whole of main(): @cli is @ctl's, and is filled in.  An exit code. */
int cli_main(const struct cli_program *program, struct cli *cli,
	     struct ctl *ctl, int argc, char **argv);

/* ---------------------------------------------------------- options.c -- */

/* Reads the command line after the command's words; an exit code. */
int cli_read_options(struct cli *cli, struct ctl *ctl, int argc, char **argv);

/* The option of a name with its dashes; option_count if there is none. */
unsigned int cli_find_option(const struct cli *cli, const char *name,
			     size_t len);

void cli_print_options(const struct cli *cli, uint32_t mask);

static inline bool cli_given(const struct cli *cli, unsigned int option)
{
	return cli->given & CLI_BIT(option);
}

/* ------------------------------------------------------------ parse.c -- */

/* NULL or why the text is none; @out is left alone then. */
const char *cli_parse_number(const char *text, uint64_t *out);

struct cli_name {
	const char *text;
	uint32_t value;
};

/* One of @names, which end with a NULL, in either case; else @why. */
const char *cli_parse_name(const struct cli_name *names, const char *text,
			   const char *why, uint32_t *out);

/* ----------------------------------------------------------- report.c -- */

/* A line on standard error, with the program and the command. */
void cli_say(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An argument is wrong: its name, its text, why.  Returns CLI_USAGE. */
int cli_bad(const struct cli *cli, const char *name, const char *text,
	    const char *why);

/* Standard output was written; CLI_FAILED if that did not work. */
int cli_finish_output(const struct cli *cli);

/*
 * A text that is not ours, for a terminal: what is not printable UTF-8, or a
 * backslash, becomes \xNN.  Returns @out; 4 bytes for each of @text and 1 more
 * hold all of it.
 */
const char *cli_clean(const char *text, char *out, size_t size);

/* Whether the report is to be JSON: asked for, or nobody is reading it. */
bool cli_wants_json(const struct cli *cli);

uint64_t cli_now_ns(void);

/* From now on SIGINT, SIGTERM and SIGHUP only set a flag, which this is. */
const volatile sig_atomic_t *cli_catch_interrupts(void);
bool cli_interrupted(void);

/* --------------------------------------------------------- progress.c -- */

enum cli_when { CLI_WHEN_AUTO, CLI_WHEN_ALWAYS, CLI_WHEN_NEVER };

/* The value of --progress; NULL or why it is none. */
const char *cli_parse_when(const char *text, enum cli_when *out);

/**
 * struct cli_progress - the line that says how far it is.
 * @shown:    there will be one.
 * @terminal: it is overwritten; else each is a line of its own.
 * @whole:    the last one said that all is done.
 */
struct cli_progress {
	bool shown;
	bool terminal;
	bool whole;
	uint64_t begun_ns;
	uint64_t last_ns;
};

void cli_progress_begin(struct cli_progress *p, enum cli_when when);
/*
 * @done of @total things are done; @format says the rest.  Cheap to call
 * often, shows something a few times a second, and once when all is done.
 */
void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total,
		       const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Makes room for what is printed next; may come more than once. */
void cli_progress_end(struct cli_progress *p);

/* ------------------------------------------------------------- json.c -- */

/* A new object with its schema. */
json_t *cli_json_new(const char *schema);
/* Never NULL: if memory runs out the program ends. */
json_t *cli_json_need(json_t *value);
void cli_json_set(json_t *object, const char *key, json_t *value);
void cli_json_add(json_t *array, json_t *value);
json_t *cli_json_hex(uint64_t value);
json_t *cli_json_u64(uint64_t value);
/* Bytes that are not UTF-8 become U+FFFD. */
json_t *cli_json_text(const char *text);
/* Prints and frees. */
void cli_json_print(json_t *value, size_t flags);
/*
 * Reads the file of argument or option @name, "-" for standard input; NULL
 * after a message and @exit_code.
 */
json_t *cli_json_load(const struct cli *cli, const char *name, const char *path,
		      int *exit_code);
/* Whether the value has this schema. */
bool cli_json_is(const json_t *value, const char *schema);

#endif
