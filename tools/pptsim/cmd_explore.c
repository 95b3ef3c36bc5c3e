/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the explorer: explore, selfcheck, replay, workloads.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptsim.h"

static void show(void *arg, const struct sim_result *r)
{
	struct ctl *ctl = arg;

	cli_progress_show(&ctl->progress, r->workloads, r->total,
			  "workloads, %llu recoveries, %.0f/s, %llu violations",
			  (unsigned long long)r->recoveries,
			  r->seconds > 0 ? (double)r->recoveries / r->seconds :
					   0,
			  (unsigned long long)r->violations);
}

static void prepare(struct ctl *ctl, unsigned ops)
{
	if (!ctl->explore.ops)
		ctl->explore.ops = ops;
	ctl->explore.stop = cli_catch_interrupts();
	ctl->explore.progress = show;
	ctl->explore.ctx = ctl;
	cli_progress_begin(&ctl->progress, ctl->when);
}

int sim_cmd_explore(struct ctl *ctl)
{
	static struct sim_result result;
	struct why why = { "" };
	int err;

	prepare(ctl, 2);
	err = sim_explore(&ctl->explore, &result, &why);
	cli_progress_end(&ctl->progress);
	if (err) {
		cli_say(&ctl->cli, "%s", why.text);
		return SIM_FAILED;
	}
	return report_print(ctl, report_explore(ctl, &result));
}

/* ------------------------------------------------------------ selfcheck -- */

static void print_selfcheck(const struct ctl *ctl,
			    const struct sim_selfcheck *s)
{
	json_t *root;

	if (!cli_wants_json(&ctl->cli)) {
		printf("workloads         %llu\n"
		       "crash points      %llu compared, %llu with too many "
		       "states\n"
		       "eager states      %llu\n"
		       "mismatches        %llu\n"
		       "event mismatches  %llu\n",
		       (unsigned long long)s->workloads,
		       (unsigned long long)s->points,
		       (unsigned long long)s->too_many,
		       (unsigned long long)s->eager_states,
		       (unsigned long long)s->mismatches,
		       (unsigned long long)s->event_mismatches);
		if (s->first.text[0])
			printf("\n%s\n", s->first.text);
		return;
	}
	root = cli_json_new("pptsim.selfcheck/1");
	cli_json_set(root, "workloads", cli_json_u64(s->workloads));
	cli_json_set(root, "points", cli_json_u64(s->points));
	cli_json_set(root, "too_many", cli_json_u64(s->too_many));
	cli_json_set(root, "eager_states", cli_json_u64(s->eager_states));
	cli_json_set(root, "mismatches", cli_json_u64(s->mismatches));
	cli_json_set(root, "event_mismatches",
		     cli_json_u64(s->event_mismatches));
	cli_json_set(root, "partial", json_boolean(s->partial));
	cli_json_set(root, "first",
		     s->first.text[0] ? cli_json_text(s->first.text) :
					json_null());
	cli_json_print(root, JSON_INDENT(2));
}

int sim_cmd_selfcheck(struct ctl *ctl)
{
	struct sim_selfcheck check = { .workloads = 0 };
	struct why why = { "" };
	int ret = SIM_OK;
	int err;

	prepare(ctl, 1);
	err = sim_selfcheck(&ctl->explore, &check, &why);
	cli_progress_end(&ctl->progress);
	if (err) {
		cli_say(&ctl->cli, "%s", why.text);
		return SIM_FAILED;
	}
	print_selfcheck(ctl, &check);
	if (check.mismatches || check.event_mismatches)
		ret = SIM_FOUND;
	return ret | report_partial(ctl, check.partial) |
	       cli_finish_output(&ctl->cli);
}

/* --------------------------------------------------------------- replay -- */

int sim_cmd_replay(struct ctl *ctl)
{
	static struct sim_violation found;
	struct why why = { "" };
	int ret = sim_replay(ctl->cli.args[0], stdout, &found, &why);

	if (ret < 0)
		return cli_bad(&ctl->cli, "LINE", ctl->cli.args[0], why.text);
	if (ret > 0)
		printf("\n%s: %s\n", found.kind, found.text);
	else
		printf("\nnothing is violated\n");
	return (ret ? SIM_FOUND : SIM_OK) | cli_finish_output(&ctl->cli);
}

/* ------------------------------------------------------------ workloads -- */

int sim_cmd_workloads(struct ctl *ctl)
{
	json_t *root;
	json_t *rows;

	if (!cli_wants_json(&ctl->cli)) {
		for (unsigned i = 0; i < world_op_count; i++)
			printf("%-15s %s\n", world_ops[i].name,
			       world_ops[i].what);
		return cli_finish_output(&ctl->cli);
	}
	root = cli_json_new("pptsim.workloads/1");
	rows = cli_json_need(json_array());
	for (unsigned i = 0; i < world_op_count; i++) {
		json_t *row = cli_json_need(json_object());

		cli_json_set(row, "name", json_string(world_ops[i].name));
		cli_json_set(row, "what", json_string(world_ops[i].what));
		cli_json_add(rows, row);
	}
	cli_json_set(root, "operations", rows);
	cli_json_print(root, JSON_INDENT(2));
	return cli_finish_output(&ctl->cli);
}
