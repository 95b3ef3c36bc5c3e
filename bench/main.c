/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptbench: how fast a pool is, beside the floors of the machine it runs on.
 *
 * Layer: bench.  See bench/README.md.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS_DEFAULT 11u
#define ROUNDS_MAX 1000u
#define LIMIT_DEFAULT UINT64_C(100000000)
#define EXIT_USAGE 16

struct bench_options bench_options = {
	.rounds = ROUNDS_DEFAULT,
	.limit = LIMIT_DEFAULT,
};

void bench_die(const char *format, ...)
{
	va_list ap;

	fputs("pptbench: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	bench_files_remove();
	_exit(1);
}

void *bench_alloc(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		bench_die("out of memory");
	return p;
}

static void usage(FILE *out)
{
	fputs("usage: pptbench [OPTIONS]\n"
	      "\n"
	      "Measures pptable on a pool file, in turns with the floors of "
	      "this machine.\n"
	      "\n"
	      "  --json           print JSON (schema pptable.bench/1)\n"
	      "  --list           print what can be measured\n"
	      "  --filter NAMES   only what starts with NAME or matches the "
	      "pattern, and its\n"
	      "                   floors; several are separated by commas\n"
	      "  --runs N         rounds (11); a figure is the median of the "
	      "rounds\n"
	      "  --max-pages N    pages that the attach benches map at most "
	      "(1e8)\n"
	      "  --pool PATH      files are called PATH.* (without: in a tmpfs "
	      "of its own on\n"
	      "                   pages of 2 MiB, or /dev/shm/pptbench-PID if "
	      "that can't be)\n"
	      "  --small-pages    in /dev/shm also if it can\n"
	      "  --flush METHOD   auto, clwb, clflushopt, clflush or eadr\n"
	      "  --help, --version\n"
	      "\n"
	      "All needs about 1.2 GiB in the folder of PATH.  Exit: 0 "
	      "measured, 1 failed,\n"
	      "16 usage.\n",
	      out);
}

static void bad_option(const char *name, const char *text, const char *why)
{
	fprintf(stderr, "pptbench: --%s '%s': %s\n", name, text, why);
	exit(EXIT_USAGE);
}

static uint64_t number(const char *name, const char *text, uint64_t min,
		       uint64_t max)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || errno || value != (double)(uint64_t)value)
		bad_option(name, text, "not a whole number");
	if (value < (double)min || value > (double)max)
		bad_option(name, text, "out of range");
	return (uint64_t)value;
}

static enum ppt_flush flush_of(const char *text)
{
	for (int f = PPT_FLUSH_AUTO; f <= PPT_FLUSH_EADR; f++)
		if (!strcmp(text, ppt_flush_name((enum ppt_flush)f)))
			return (enum ppt_flush)f;
	bad_option("flush", text,
		   "not auto, clwb, clflushopt, clflush or eadr");
	return PPT_FLUSH_AUTO;
}

enum {
	OPT_JSON = 256,
	OPT_LIST,
	OPT_FILTER,
	OPT_RUNS,
	OPT_MAX,
	OPT_POOL,
	OPT_SMALL,
	OPT_FLUSH,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "runs", required_argument, NULL, OPT_RUNS },
	{ "max-pages", required_argument, NULL, OPT_MAX },
	{ "pool", required_argument, NULL, OPT_POOL },
	{ "small-pages", no_argument, NULL, OPT_SMALL },
	{ "flush", required_argument, NULL, OPT_FLUSH },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static void set_option(int option, const char *text)
{
	struct bench_options *o = &bench_options;

	switch (option) {
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_LIST:
		o->list = true;
		break;
	case OPT_FILTER:
		o->filter = text;
		break;
	case OPT_RUNS:
		o->rounds = (unsigned int)number("runs", text, 1, ROUNDS_MAX);
		break;
	case OPT_MAX:
		o->limit = number("max-pages", text, 1, LIMIT_DEFAULT);
		break;
	case OPT_POOL:
		o->pool = text;
		break;
	case OPT_SMALL:
		o->small = true;
		break;
	case OPT_FLUSH:
		o->flush = flush_of(text);
		break;
	case OPT_HELP:
		usage(stdout);
		exit(0);
	case OPT_VERSION:
		printf("pptbench %s\n", ppt_version());
		exit(0);
	default:
		usage(stderr);
		exit(EXIT_USAGE);
	}
}

/* A file of persistent memory is mapped by 2 MiB; so are these, if it can be. */
static void find_folder(void)
{
	static char path[64];

	if (bench_options.pool)
		return;
	bench_options.huge = !bench_options.small && bench_folder_huge();
	if (bench_options.huge)
		snprintf(path, sizeof(path), "pptbench");
	else
		snprintf(path, sizeof(path), "/dev/shm/pptbench-%ld",
			 (long)getpid());
	bench_options.pool = path;
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(option, optarg);
	if (optind < argc)
		bad_option("filter", argv[optind],
			   "names are given with this option");
	/* The floors must flush as the pool does. */
	if (bench_options.flush == PPT_FLUSH_AUTO)
		bench_options.flush = ppt_flush_best();
}

/*
 * libpmem looks at its environment before main: without a DAX file system
 * every pool would be an ordinary file to it.
 */
static void force_pmem(char **argv)
{
	if (getenv("PMEM_IS_PMEM_FORCE"))
		return;
	if (!setenv("PMEM_IS_PMEM_FORCE", "1", 1))
		execv("/proc/self/exe", argv);
	/* Then not: the figures do not depend on it. */
}

int main(int argc, char **argv)
{
	force_pmem(argv);
	read_options(argc, argv);
	if (bench_options.list) {
		bench_list(stdout);
		return 0;
	}
	if (!bench_select(bench_options.filter))
		bad_option("filter", bench_options.filter,
			   "a part of it names nothing; see --list");
	find_folder();
	bench_files_guard();
	bench_run();
	if (bench_options.json)
		bench_print_json(stdout);
	else
		bench_print(stdout);
	if (fflush(stdout) || ferror(stdout))
		bench_die("standard output: %s", strerror(errno));
	return 0;
}
