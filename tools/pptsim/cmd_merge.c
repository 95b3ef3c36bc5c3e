/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * merge: the JSON of all shards of a campaign, added up.
 *
 * Layer: tools.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptsim.h"

#define SCHEMA "pptsim.explore/1"

/* What the shards of one campaign have in common. */
static const char *const same[] = { "version", "model",       "depth",
				    "ops",     "workload",    "seed",
				    "sample",  "every_event", "mmu",
				    "shards" };
/* What is added up. */
static const char *const sums[] = { "workloads",  "crash_points",
				    "recoveries", "outcomes",
				    "violations", "workloads_total",
				    "sampled" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct merge - what is added up so far.
 * @first: the first file's content; its options count.
 * @by:    for each shard the file that it came from, or NULL.
 */
struct merge {
	struct ctl *ctl;
	json_t *first;
	const char **by;
	uint64_t shards;
	uint64_t sum[COUNT(sums)];
	double seconds;
	double eager; /* a sum of states, as its log10 */
	bool partial;
	json_t *violations;
};

static int bad(const struct merge *m, const char *path, const char *format,
	       const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), format, what);
	return cli_bad(&m->ctl->cli, "FILE", path, text);
}

/* All that is used below is there, and of the right kind. */
static int check_shape(const struct merge *m, const char *path,
		       const json_t *root)
{
	const json_t *list = json_object_get(root, "violation_list");

	if (!cli_json_is(root, SCHEMA))
		return bad(m, path, "schema is not %s", SCHEMA);
	for (size_t i = 0; i < COUNT(sums); i++) {
		const json_t *value = json_object_get(root, sums[i]);

		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return bad(m, path, "%s is not a number", sums[i]);
	}
	for (size_t i = 0; i < COUNT(same); i++)
		if (!json_object_get(root, same[i]))
			return bad(m, path, "%s is missing", same[i]);
	if (!json_is_number(json_object_get(root, "seconds")) ||
	    !json_is_number(json_object_get(root, "eager_log10")))
		return bad(m, path, "%s is not a number",
			   "seconds or eager_log10");
	if (!json_is_boolean(json_object_get(root, "partial")))
		return bad(m, path, "%s is missing", "partial");
	if (!json_is_array(list))
		return bad(m, path, "%s is missing", "violation_list");
	return SIM_OK;
}

/* It is a shard of the same campaign, and not there yet. */
static int check_shard(struct merge *m, const char *path, const json_t *root)
{
	uint64_t shard = report_u64(root, "shard");

	for (size_t i = 0; i < COUNT(same); i++)
		if (!json_equal(json_object_get(root, same[i]),
				json_object_get(m->first, same[i])))
			return bad(m, path,
				   "%s is another than in the first file",
				   same[i]);
	if (shard < 1 || shard > m->shards)
		return bad(m, path, "shard is not from 1 to %s", "shards");
	if (m->by[shard - 1])
		return bad(m, path, "the same shard as %s", m->by[shard - 1]);
	m->by[shard - 1] = path;
	return SIM_OK;
}

static double log10_sum(double a, double b)
{
	double high = a > b ? a : b;
	double low = a > b ? b : a;

	return high + log10(1 + pow(10, low - high));
}

static void add(struct merge *m, const json_t *root, bool first)
{
	json_t *list = json_object_get(root, "violation_list");
	double eager = json_number_value(json_object_get(root, "eager_log10"));

	for (size_t i = 0; i < COUNT(sums); i++)
		m->sum[i] += report_u64(root, sums[i]);
	m->seconds += json_number_value(json_object_get(root, "seconds"));
	m->eager = first ? eager : log10_sum(m->eager, eager);
	m->partial |= json_is_true(json_object_get(root, "partial"));
	if (json_array_extend(m->violations, list))
		cli_json_need(NULL);
}

static int set_up(struct merge *m, const char *path, json_t *root)
{
	m->first = json_incref(root);
	m->shards = report_u64(root, "shards");
	if (m->shards < 1 || m->shards > 1000000)
		return bad(m, path, "%s is not from 1 to 1000000", "shards");
	m->by = calloc(m->shards, sizeof(*m->by));
	if (!m->by)
		cli_json_need(NULL);
	return SIM_OK;
}

static int read_file(struct merge *m, const char *path)
{
	int ret = SIM_OK;
	json_t *root = cli_json_load(&m->ctl->cli, "FILE", path, &ret);
	bool first = !m->first;

	if (!root)
		return ret;
	ret = check_shape(m, path, root);
	if (!ret && first)
		ret = set_up(m, path, root);
	if (!ret)
		ret = check_shard(m, path, root);
	if (!ret)
		add(m, root, first);
	json_decref(root);
	return ret;
}

static int check_complete(const struct merge *m)
{
	for (uint64_t i = 0; i < m->shards; i++) {
		if (m->by[i])
			continue;
		cli_say(&m->ctl->cli, "shard %llu/%llu is missing",
			(unsigned long long)i + 1,
			(unsigned long long)m->shards);
		return SIM_USAGE;
	}
	return SIM_OK;
}

/* As one shard of one. */
static json_t *result(struct merge *m)
{
	json_t *root = cli_json_need(json_deep_copy(m->first));
	double rate = m->seconds > 0 ?
			      (double)m->sum[2] / m->seconds : /* recoveries */
			      0;

	for (size_t i = 0; i < COUNT(sums); i++)
		cli_json_set(root, sums[i], cli_json_u64(m->sum[i]));
	cli_json_set(root, "seconds", json_real(m->seconds));
	cli_json_set(root, "recoveries_per_s", json_real(round(rate)));
	cli_json_set(root, "eager_log10", json_real(m->eager));
	cli_json_set(root, "partial", json_boolean(m->partial));
	cli_json_set(root, "shard", cli_json_u64(1));
	cli_json_set(root, "shards", cli_json_u64(1));
	cli_json_set(root, "merged", cli_json_u64(m->shards));
	cli_json_set(root, "violation_list", json_incref(m->violations));
	return root;
}

int sim_cmd_merge(struct ctl *ctl)
{
	struct merge m = { .ctl = ctl };
	int ret = SIM_OK;

	m.violations = cli_json_need(json_array());
	for (int i = 0; i < ctl->cli.nargs && !ret; i++)
		ret = read_file(&m, ctl->cli.args[i]);
	if (!ret)
		ret = check_complete(&m);
	if (!ret)
		ret = report_print(ctl, result(&m));
	json_decref(m.violations);
	json_decref(m.first);
	free(m.by);
	return ret;
}
