/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check --repair: what is wrong, what is done about it, what is left.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptctl.h"

struct repair {
	bool json;
	json_t *problems;
	json_t *actions;
	json_t *left;
	struct cli_progress progress;
};

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct repair *repair = ctx;

	cli_progress_show(&repair->progress, done, total,
			  "stretches of 2 MiB checked");
}

static void on_problem(void *ctx, const struct ppt_problem *p)
{
	struct repair *repair = ctx;

	cli_progress_end(&repair->progress);
	if (repair->json)
		cli_json_add(repair->problems, ctl_problem_json(p));
	else
		ctl_problem_text(p);
}

static void on_left(void *ctx, const struct ppt_problem *p)
{
	struct repair *repair = ctx;

	cli_progress_end(&repair->progress);
	if (repair->json) {
		cli_json_add(repair->left, ctl_problem_json(p));
		return;
	}
	printf("left  ");
	ctl_problem_text(p);
}

static void on_action(void *ctx, const struct ppt_action *a)
{
	struct repair *repair = ctx;

	cli_progress_end(&repair->progress);
	if (repair->json)
		cli_json_add(repair->actions, ctl_action_json(a));
	else
		ctl_action_text(a);
}

static void report_json(const struct ctl *ctl, struct repair *repair,
			const struct ppt_host_repair_report *r, uint64_t ns)
{
	json_t *root = cli_json_new("pptable.check/1");

	cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
	cli_json_set(root, "verdict",
		     json_string(ppt_repair_verdict_name(r->verdict)));
	cli_json_set(root, "dry_run",
		     json_boolean(ctl_given(ctl, CTL_DRY_RUN)));
	ctl_check_json(root, &r->before);
	cli_json_set(root, "counts_left", ctl_counts_json(&r->after));
	cli_json_set(root, "repair_ns", cli_json_u64(ns));
	cli_json_set(root, "problems", repair->problems);
	cli_json_set(root, "actions", repair->actions);
	cli_json_set(root, "left", repair->left);
	cli_json_print(root, JSON_INDENT(2));
}

static unsigned long long all_of(const struct ppt_check_report *r)
{
	uint64_t sum = 0;

	for (int i = PPT_SEVERITY_NOTE; i <= PPT_SEVERITY_FATAL; i++)
		sum += r->problems[i];
	return sum;
}

static void report_text(const struct ppt_host_repair_report *r, uint64_t ns)
{
	printf("verdict      %s: %llu problems before, %llu left\n",
	       ppt_repair_verdict_name(r->verdict), all_of(&r->before),
	       all_of(&r->after));
	printf("repaired     %llu actions, %llu of them with losses, in %.1f "
	       "ms\n",
	       (unsigned long long)r->done.actions,
	       (unsigned long long)r->done.losses, (double)ns / 1e6);
}

static int exit_code_of(const struct ctl *ctl,
			const struct ppt_host_repair_report *r)
{
	switch (r->verdict) {
	case PPT_REPAIR_CLEAN:
		return CTL_OK;
	case PPT_REPAIR_REPAIRED:
		/* A dry run has left the damage where it was. */
		return ctl_given(ctl, CTL_DRY_RUN) ? CTL_DAMAGE : CTL_REPAIRED;
	case PPT_REPAIR_DAMAGED:
	case PPT_REPAIR_REFUSED:
		break;
	}
	return ctl_check_exit(ctl, &r->after, r->err ? r->err : r->after.err);
}

int ctl_repair(struct ctl *ctl, const struct ppt_host_check *check)
{
	struct repair repair = { .json = cli_wants_json(&ctl->cli) };
	struct ppt_host_repair opt = {
		.flags = ctl_given(ctl, CTL_DRY_RUN) ? PPT_REPAIR_DRY_RUN : 0,
		.flush = ctl->opt.flush,
		.backup = ctl->opt.text[CTL_BACKUP],
		.check = *check,
		.left = on_left,
		.action = on_action,
	};
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_host_repair_report report;
	uint64_t start = cli_now_ns();
	int ret;

	opt.check.problem = on_problem;
	opt.check.progress = on_progress;
	opt.check.ctx = &repair;
	if (repair.json) {
		repair.problems = cli_json_need(json_array());
		repair.actions = cli_json_need(json_array());
		repair.left = cli_json_need(json_array());
	}
	cli_progress_begin(&repair.progress, ctl->opt.when);
	ret = ppt_host_repair(ctl->cli.args[0], &opt, &report, &diag);
	cli_progress_end(&repair.progress);
	if (ret) {
		json_decref(repair.actions);
		json_decref(repair.left);
		return ctl_check_failed(ctl, repair.problems, ret, &diag);
	}
	if (repair.json)
		report_json(ctl, &repair, &report, cli_now_ns() - start);
	else
		report_text(&report, cli_now_ns() - start);
	return exit_code_of(ctl, &report) | cli_finish_output(&ctl->cli);
}
