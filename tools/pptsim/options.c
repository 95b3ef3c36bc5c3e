/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options, and their values.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptsim.h"

const struct cli_option sim_options[SIM_OPTION_COUNT] = {
	CLI_COMMON_OPTIONS,
	[SIM_OPS] = { "--ops", "N", "operations in a row, 1 to 3 (2)" },
	[SIM_MODEL] = { "--model", "M",
			"what a crash keeps: m0, m1, m2 (default) or m3" },
	[SIM_DEPTH] = { "--depth", "D",
			"crashes nested in recovery, 0 to 2 (1)" },
	[SIM_WORKLOAD] = { "--workload", "W",
			   "this one only: a name, or several with +" },
	[SIM_SEED] = { "--seed", "N", "of what is random (1)" },
	[SIM_SHARD] = { "--shard", "K/N", "the K-th of N parts (1/1)" },
	[SIM_SAMPLE] = { "--sample", "N",
			 "of the crashes at depth 2 one in N (1: all)" },
	[SIM_EVERY_EVENT] = { "--every-event", NULL,
			      "crash before every event, not only at fences" },
	[SIM_MMU] = { "--mmu", NULL, "hardware walks the tables meanwhile" },
	[SIM_PROGRESS] = { "--progress", "WHEN",
			   "auto (default: on a terminal), always or never" },
	[SIM_ONLY] = { "--only", "NAME",
		       "the mutants whose names begin like this" },
	[SIM_LIST] = { "--list", NULL, "list them, hunt none" },
	[SIM_JOBS] = { "--jobs", "N", "so many at a time (one a CPU)" },
	[SIM_LIMIT] = { "--limit", "S", "seconds for one mutant (120)" },
	[SIM_ROUNDS] = { "--rounds", "N", "writers to kill" },
	[SIM_PROFILE] = { "--profile", "NAME", "writers of this kind only" },
	[SIM_POOL_DIR] = { "--pool-dir", "DIR",
			   "where the pools are made (/dev/shm)" },
};

static const struct cli_name models[] = {
	{ "m0", SIM_M0 }, { "m1", SIM_M1 }, { "m2", SIM_M2 },
	{ "m3", SIM_M3 }, { NULL, 0 },
};

const char *sim_model_name(enum sim_model model)
{
	return models[model].text;
}

static const char *parse_model(const char *text, enum sim_model *out)
{
	uint32_t value;
	const char *why =
		cli_parse_name(models, text, "none of m0, m1, m2, m3", &value);

	if (!why)
		*out = (enum sim_model)value;
	return why;
}

/* A number from @min to @max; @range says so. */
static const char *parse_small(const char *text, uint64_t min, uint64_t max,
			       const char *range, unsigned *out)
{
	uint64_t value;
	const char *why = cli_parse_number(text, &value);

	if (why)
		return why;
	if (value < min || value > max)
		return range;
	*out = (unsigned)value;
	return NULL;
}

static const char *parse_positive(const char *text, uint64_t *out)
{
	uint64_t value;
	const char *why = cli_parse_number(text, &value);

	if (why)
		return why;
	if (value == 0)
		return "0";
	*out = value;
	return NULL;
}

static const char *parse_shard(const char *text, unsigned *shard,
			       unsigned *shards)
{
	const char *slash = strchr(text, '/');
	char first[16];
	unsigned k;
	unsigned n;

	if (!slash || slash == text || slash - text >= (long)sizeof(first))
		return "not of the form K/N";
	snprintf(first, sizeof(first), "%.*s", (int)(slash - text), text);
	if (parse_small(first, 0, 1000000, "", &k) ||
	    parse_small(slash + 1, 0, 1000000, "", &n))
		return "K or N is not a number up to 1000000";
	if (n == 0)
		return "there is no part of 0";
	if (k == 0 || k > n)
		return "K is not from 1 to N";
	*shard = k;
	*shards = n;
	return NULL;
}

/* Rows of the table, joined by "+". */
static const char *parse_workload(const char *text, const char **out)
{
	unsigned count = 0;

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, "+");
		unsigned i = 0;

		while (i < world_op_count &&
		       (strncmp(world_ops[i].name, at, len) != 0 ||
			world_ops[i].name[len]))
			i++;
		if (len == 0 || i == world_op_count)
			return "has an operation that is not in the table; "
			       "see pptsim workloads";
		if (++count > SIM_SEQUENCE_MAX)
			return "has too many operations";
		at += len;
		if (!*at)
			break;
	}
	*out = text;
	return NULL;
}

static const char *set_campaign(struct sim_options *o, unsigned int option,
				const char *text)
{
	switch (option) {
	case SIM_OPS:
		return parse_small(text, 1, 3, "not from 1 to 3", &o->ops);
	case SIM_MODEL:
		return parse_model(text, &o->model);
	case SIM_DEPTH:
		return parse_small(text, 0, 2, "not from 0 to 2", &o->depth);
	case SIM_WORKLOAD:
		return parse_workload(text, &o->workload);
	case SIM_SEED:
		return cli_parse_number(text, &o->seed);
	case SIM_SHARD:
		return parse_shard(text, &o->shard, &o->shards);
	case SIM_SAMPLE:
		return parse_positive(text, &o->sample);
	case SIM_EVERY_EVENT:
		o->every_event = true;
		return NULL;
	case SIM_MMU:
		o->mmu = true;
		return NULL;
	default:
		return NULL;
	}
}

static const char *set_value(struct ctl *ctl, unsigned int option,
			     const char *text)
{
	switch (option) {
	case SIM_PROGRESS:
		return cli_parse_when(text, &ctl->when);
	case SIM_ONLY:
		ctl->only = text;
		return NULL;
	case SIM_JOBS:
		return parse_small(text, 1, 64, "not from 1 to 64", &ctl->jobs);
	case SIM_LIMIT:
		return parse_small(text, 1, 86400, "not from 1 to 86400",
				   &ctl->limit_s);
	case SIM_ROUNDS:
		return parse_positive(text, &ctl->rounds);
	case SIM_PROFILE:
		ctl->profile = text;
		return NULL;
	case SIM_POOL_DIR:
		ctl->pool_dir = text;
		return NULL;
	default:
		return set_campaign(&ctl->explore, option, text);
	}
}

int sim_set_option(struct ctl *ctl, unsigned int option, const char *text)
{
	const char *why = set_value(ctl, option, text);

	if (!why)
		return SIM_OK;
	return cli_bad(&ctl->cli, sim_options[option].name, text, why);
}
