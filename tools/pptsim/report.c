/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a campaign of the explorer found.
 *
 * Layer: tools.  The report is one JSON value, which the text is made from, so
 * that what merge adds up is printed like what explore found.
 */
#include <math.h>
#include <stdio.h>

#include "pptsim.h"

static json_t *violations(const struct sim_result *r)
{
	json_t *array = cli_json_need(json_array());

	for (unsigned i = 0; i < r->kept; i++) {
		json_t *object = cli_json_need(json_object());

		cli_json_set(object, "kind",
			     cli_json_text(r->violation[i].kind));
		cli_json_set(object, "line",
			     cli_json_text(r->violation[i].line));
		cli_json_set(object, "text",
			     cli_json_text(r->violation[i].text));
		cli_json_add(array, object);
	}
	return array;
}

static void add_options(json_t *root, const struct sim_options *o)
{
	cli_json_set(root, "version", json_string(ppt_version()));
	cli_json_set(root, "model", json_string(sim_model_name(o->model)));
	cli_json_set(root, "depth", cli_json_u64(o->depth));
	cli_json_set(root, "ops", cli_json_u64(o->ops));
	cli_json_set(root, "workload",
		     o->workload ? cli_json_text(o->workload) : json_null());
	cli_json_set(root, "seed", cli_json_u64(o->seed));
	cli_json_set(root, "sample", cli_json_u64(o->sample));
	cli_json_set(root, "every_event", json_boolean(o->every_event));
	cli_json_set(root, "mmu", json_boolean(o->mmu));
	cli_json_set(root, "shard", cli_json_u64(o->shard));
	cli_json_set(root, "shards", cli_json_u64(o->shards));
}

json_t *report_explore(const struct ctl *ctl, const struct sim_result *r)
{
	json_t *root = cli_json_new("pptsim.explore/1");
	double rate = r->seconds > 0 ? (double)r->recoveries / r->seconds : 0;

	cli_json_set(root, "workloads", cli_json_u64(r->workloads));
	cli_json_set(root, "crash_points", cli_json_u64(r->crash_points));
	cli_json_set(root, "recoveries", cli_json_u64(r->recoveries));
	cli_json_set(root, "outcomes", cli_json_u64(r->outcomes));
	cli_json_set(root, "violations", cli_json_u64(r->violations));
	cli_json_set(root, "recoveries_per_s", json_real(round(rate)));
	cli_json_set(root, "eager_log10", json_real(r->eager_log10));
	cli_json_set(root, "partial", json_boolean(r->partial));
	cli_json_set(root, "workloads_total", cli_json_u64(r->total));
	cli_json_set(root, "sampled", cli_json_u64(r->sampled));
	cli_json_set(root, "seconds", json_real(r->seconds));
	add_options(root, &ctl->explore);
	cli_json_set(root, "violation_list", violations(r));
	return root;
}

unsigned long long report_u64(const json_t *root, const char *key)
{
	return (unsigned long long)json_integer_value(
		json_object_get(root, key));
}

static const char *text_of(const json_t *root, const char *key)
{
	return json_string_value(json_object_get(root, key));
}

static void print_text(const json_t *root)
{
	const json_t *list = json_object_get(root, "violation_list");
	const char *workload = text_of(root, "workload");

	printf("model %s, depth %llu, ", text_of(root, "model"),
	       report_u64(root, "depth"));
	if (workload)
		printf("workload %s", workload);
	else
		printf("up to %llu operations, shard %llu/%llu",
		       report_u64(root, "ops"), report_u64(root, "shard"),
		       report_u64(root, "shards"));
	printf(", seed %llu%s%s\n", report_u64(root, "seed"),
	       json_is_true(json_object_get(root, "every_event")) ?
		       ", every event" :
		       "",
	       json_is_true(json_object_get(root, "mmu")) ? ", mmu" : "");
	printf("workloads     %llu of %llu\n", report_u64(root, "workloads"),
	       report_u64(root, "workloads_total"));
	printf("crash points  %llu\n", report_u64(root, "crash_points"));
	printf("recoveries    %llu in %.1f s, %.0f a second\n",
	       report_u64(root, "recoveries"),
	       json_real_value(json_object_get(root, "seconds")),
	       json_real_value(json_object_get(root, "recoveries_per_s")));
	printf("outcomes      %llu\n", report_u64(root, "outcomes"));
	printf("eager         10^%.1f crash states stand behind these\n",
	       json_real_value(json_object_get(root, "eager_log10")));
	if (report_u64(root, "sampled"))
		printf("sampled       %llu choices\n",
		       report_u64(root, "sampled"));
	printf("violations    %llu\n", report_u64(root, "violations"));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		printf("\n%s: %s\npptsim replay '%s'\n", text_of(v, "kind"),
		       text_of(v, "text"), text_of(v, "line"));
	}
}

int report_partial(const struct ctl *ctl, bool partial)
{
	if (!partial)
		return SIM_OK;
	cli_say(&ctl->cli, "partial: it was interrupted, and says nothing "
			   "about the rest");
	return SIM_FAILED;
}

int report_print(const struct ctl *ctl, json_t *root)
{
	int ret = report_u64(root, "violations") ? SIM_FOUND : SIM_OK;
	bool partial = json_is_true(json_object_get(root, "partial"));

	if (cli_wants_json(&ctl->cli)) {
		cli_json_print(root, JSON_INDENT(2));
	} else {
		print_text(root);
		json_decref(root);
	}
	return ret | report_partial(ctl, partial) |
	       cli_finish_output(&ctl->cli);
}
