/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: options in any place, arguments by name.
 *
 * Layer: tools.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptctl.h"

/* How far from getopt's own values an option's number is. */
#define OPTION_BASE 256

static const struct {
	const char *name;  /* with its dashes */
	const char *value; /* placeholder, NULL if it takes none */
	const char *help;
} options[CTL_OPTIONS] = {
	[CTL_HELP] = { "--help", NULL, "print this and exit" },
	[CTL_JSON] = { "--json", NULL,
		       "report as JSON (also when output is not a terminal)" },
	[CTL_TEXT] = { "--text", NULL, "report as text, wherever output goes" },
	[CTL_FLUSH] = { "--flush", "HOW",
			"auto, clwb, clflushopt, clflush or eadr" },
	[CTL_SIZE] = { "--size", "S", "size of the pool, 1M to 16T" },
	[CTL_PHYS_BASE] = { "--phys-base", "PA",
			    "physical address of the pool (default 16T)" },
	[CTL_JOURNAL] = { "--journal", "S",
			  "size of the journal, a power of two, 64K to 1G" },
	[CTL_REGION] = { "--region", "R",
			 "record a region: uuid=U,kind=pmem|dram|device,"
			 "base=PA,len=LEN" },
	[CTL_UUID] = { "--uuid", "U", "identity of the pool (default random)" },
	[CTL_SPARSE] = { "--sparse", NULL,
			 "do not allocate the file's blocks now" },
	[CTL_FORCE] = { "--force", NULL, "replace an existing file" },
	[CTL_FORMAT] = { "--format", "F", "x86_64-4 (default) or x86_64-5" },
	[CTL_PROT] = { "--prot", "RIGHTS",
		       "letters of rwxug (map: default rwu)" },
	[CTL_PAGE_SIZE] = { "--page-size", "P",
			    "4k, 2m, 1g or auto (default)" },
	[CTL_REPLACE] = { "--replace", NULL,
			  "unmap what is mapped there first" },
	[CTL_ACK] = { "--ack", NULL,
		      "print the number of each operation once it is durable" },
	[CTL_RELAXED] = { "--relaxed", NULL,
			  "commit without a fence; durable at sync" },
	[CTL_STATS] = { "--stats", NULL, "print figures at the end" },
	[CTL_PID] = { "--pid", "PID", "the process to import" },
	[CTL_FREEZE] = { "--freeze", NULL, "stop the process meanwhile" },
	[CTL_MEMORY_MAP] = { "--memory-map", "FILE",
			     "the memory map of this boot (- for stdin)" },
	[CTL_POLICY] = { "--policy", "P",
			 "a list of wx, user, supervisor, pa-bits=N" },
	[CTL_PROGRESS] = { "--progress", "WHEN",
			   "auto (on a terminal), always or never" },
};

enum ctl_option ctl_find_option(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < CTL_OPTIONS; i++)
		if (strncmp(options[i].name, name, len) == 0 &&
		    !options[i].name[len])
			break;
	return (enum ctl_option)i;
}

const char *ctl_option_name(enum ctl_option option)
{
	return options[option].name;
}

bool ctl_takes_value(enum ctl_option option)
{
	return options[option].value != NULL;
}

void ctl_print_options(uint32_t mask)
{
	for (unsigned int i = 0; i < CTL_OPTIONS; i++) {
		char left[32];

		if (!(mask & CTL_BIT(i)))
			continue;
		snprintf(left, sizeof(left), "%s%s%s", options[i].name,
			 options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		printf("  %-20s %s\n", left, options[i].help);
	}
}

/* --------------------------------------------------------------- values -- */

static const char *add_region(struct ppt_memory_map *map, const char *text)
{
	const char *why;

	/* One place is the pool's own. */
	if (map->count >= PPT_REGIONS_MAX - 1)
		return "too many regions";
	why = ctl_parse_region(text, &map->region[map->count]);
	if (!why)
		map->count++;
	return why;
}

static const char *set_value(struct ctl_values *values, enum ctl_option option,
			     const char *text)
{
	switch (option) {
	case CTL_FLUSH:
		return ctl_parse_flush(text, &values->flush);
	case CTL_SIZE:
		return ctl_parse_number(text, &values->size);
	case CTL_PHYS_BASE:
		return ctl_parse_number(text, &values->phys_base);
	case CTL_JOURNAL:
		return ctl_parse_number(text, &values->journal);
	case CTL_REGION:
		return add_region(&values->regions, text);
	case CTL_UUID:
		return ctl_parse_uuid(text, &values->uuid);
	case CTL_FORMAT:
		return ppt_format_parse(text, &values->format) ?
			       "none of x86_64-4, x86_64-5" :
			       NULL;
	case CTL_PROT:
		return ctl_parse_prot(text, &values->prot);
	case CTL_PAGE_SIZE:
		return ctl_parse_page_size(text, &values->page_size);
	case CTL_PID:
		return ctl_parse_pid(text, &values->pid);
	case CTL_POLICY:
		return ctl_parse_policy(text, &values->policy,
					&values->pa_bits);
	case CTL_PROGRESS:
		return ctl_parse_progress(text, &values->progress);
	default:
		return NULL;
	}
}

int ctl_set_option(struct ctl *ctl, struct ctl_values *values,
		   enum ctl_option option, const char *text)
{
	const char *why = set_value(values, option, text);

	values->given |= CTL_BIT(option);
	values->text[option] = text;
	return why ? ctl_bad(ctl, options[option].name, text, why) : CTL_OK;
}

/* ------------------------------------------------------------ arguments -- */

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

static int check_count(const struct ctl *ctl)
{
	const char *list = ctl->command->arguments;
	char name[32];
	int want = 0;
	bool repeats = false;

	while (nth_word(list, want, name, sizeof(name))) {
		repeats = strstr(name, "...") != NULL;
		want++;
	}
	if (ctl->nargs < want) {
		nth_word(list, ctl->nargs, name, sizeof(name));
		name[strcspn(name, ".")] = '\0';
		ctl_say(ctl, "%s is missing (usage: pptctl %s %s)", name,
			ctl->command->name, list);
		return CTL_USAGE;
	}
	if (ctl->nargs > want && !repeats)
		return ctl_bad(ctl, "argument", ctl->args[want],
			       "one too many");
	return CTL_OK;
}

static int check_required(const struct ctl *ctl)
{
	for (unsigned int i = 0; i < CTL_OPTIONS; i++) {
		if (!(ctl->command->required & CTL_BIT(i)) ||
		    ctl_given(ctl, (enum ctl_option)i))
			continue;
		ctl_say(ctl, "%s is missing", options[i].name);
		return CTL_USAGE;
	}
	return CTL_OK;
}

static int refuse(const struct ctl *ctl, int code, const char *word)
{
	const char *why = "no such option of this command";

	if (code == ':')
		why = "needs a value";
	else if (optopt >= OPTION_BASE)
		why = "takes no value";
	return ctl_bad(ctl, "option", word, why);
}

static void make_getopt(uint32_t mask, struct option *longs)
{
	for (unsigned int i = 0; i < CTL_OPTIONS; i++) {
		if (!(mask & CTL_BIT(i)))
			continue;
		*longs++ = (struct option){
			.name = options[i].name + 2,
			.has_arg = options[i].value ? required_argument :
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

int ctl_read_options(struct ctl *ctl, int argc, char **argv)
{
	uint32_t mask = ctl->command->options | CTL_BIT(CTL_HELP);
	struct option longs[CTL_OPTIONS + 1];
	const char *word;
	int code;
	int ret;

	make_getopt(mask, longs);
	opterr = 0;
	optind = 1;
	while (optind < argc) {
		/*
		 * A negative number is an argument, a wrong one, and whoever
		 * parses it says which; getopt would call it an option.
		 */
		word = argv[optind];
		if (is_negative(word)) {
			ctl->args[ctl->nargs++] = argv[optind++];
			continue;
		}
		/* '-': arguments come in their place, as code 1. */
		code = getopt_long(argc, argv, "-:h", longs, NULL);
		if (code == -1)
			break;
		if (code == 1) {
			ctl->args[ctl->nargs++] = optarg;
			continue;
		}
		if (code == '?' || code == ':')
			return refuse(ctl, code, word);
		if (code == 'h')
			code = OPTION_BASE + CTL_HELP;
		ret = ctl_set_option(ctl, &ctl->opt,
				     (enum ctl_option)(code - OPTION_BASE),
				     optarg);
		if (ret)
			return ret;
	}
	/* After "--". */
	while (optind < argc)
		ctl->args[ctl->nargs++] = argv[optind++];
	if (ctl_given(ctl, CTL_HELP))
		return CTL_OK;
	ret = check_count(ctl);
	return ret ? ret : check_required(ctl);
}
