/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: whether a pool is what it should be.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptctl.h"

struct check {
	json_t *problems; /* NULL: they are printed as text, as they come */
	struct cli_progress progress;
};

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct check *check = ctx;

	cli_progress_show(&check->progress, done, total,
			  "stretches of 2 MiB checked");
}

static void on_problem(void *ctx, const struct ppt_problem *p)
{
	struct check *check = ctx;

	cli_progress_end(&check->progress);
	if (check->problems)
		cli_json_add(check->problems, ctl_problem_json(p));
	else
		ctl_problem_text(p);
}

/* --------------------------------------------------------------- report -- */

static void report_json(const struct ctl *ctl, json_t *problems,
			const struct ppt_check_report *r, uint64_t ns)
{
	json_t *root = cli_json_new("pptable.check/1");

	cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
	cli_json_set(root, "verdict",
		     json_string(ppt_check_verdict_name(r->verdict)));
	ctl_check_json(root, r);
	cli_json_set(root, "check_ns", cli_json_u64(ns));
	cli_json_set(root, "problems", problems);
	cli_json_print(root, JSON_INDENT(2));
}

static void report_text(const struct ppt_check_report *r, uint64_t ns)
{
	printf("verdict      %s: %llu fatal, %llu major, %llu minor, %llu "
	       "notes\n",
	       ppt_check_verdict_name(r->verdict),
	       (unsigned long long)r->problems[PPT_SEVERITY_FATAL],
	       (unsigned long long)r->problems[PPT_SEVERITY_MAJOR],
	       (unsigned long long)r->problems[PPT_SEVERITY_MINOR],
	       (unsigned long long)r->problems[PPT_SEVERITY_NOTE]);
	printf("checked      %llu tables with %llu entries in %.1f ms\n",
	       (unsigned long long)r->tables, (unsigned long long)r->entries,
	       (double)ns / 1e6);
	if (r->shutdown != PPT_SHUTDOWN_NONE)
		printf("shutdown     %s\n", ppt_shutdown_name(r->shutdown));
}

int ctl_check_failed(const struct ctl *ctl, json_t *problems, int err,
		     const struct ppt_host_diag *diag)
{
	const char *what = diag->diag.what ? diag->diag.what : "";
	char text[512];
	json_t *root;

	ctl_describe(err, diag, text, sizeof(text));
	if (cli_wants_json(&ctl->cli)) {
		root = cli_json_new("pptable.check/1");
		cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
		cli_json_set(root, "verdict", json_string("refused"));
		cli_json_set(root, "problems", problems);
		ctl_error_json(root, err, text);
		cli_json_print(root, JSON_INDENT(2));
	} else {
		puts("verdict      refused");
	}
	if (strcmp(what, "backup") == 0)
		ctl_say(ctl, "--backup '%s': %s", ctl->opt.text[CTL_BACKUP],
			text);
	else
		ctl_fail_file(ctl, err, diag);
	return CTL_FAILED | cli_finish_output(&ctl->cli);
}

int ctl_check_exit(const struct ctl *ctl, const struct ppt_check_report *r,
		   int err)
{
	if (r->verdict == PPT_CHECK_CLEAN)
		return CTL_OK;
	if (r->verdict == PPT_CHECK_DAMAGED)
		return CTL_DAMAGE;
	switch (err) {
	case PPT_E_MAGIC:
	case PPT_E_VERSION:
	case PPT_E_FEATURE:
	case PPT_E_SIZE:
	case PPT_E_REGION:
		ctl_say(ctl, "%s: %s", ctl->cli.args[0], ppt_strerror(err));
		return CTL_FAILED;
	default:
		return CTL_DAMAGE;
	}
}

static int check(struct ctl *ctl, struct ppt_host_check *opt)
{
	struct check check = { .problems = NULL };
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_check_report report;
	uint64_t start = cli_now_ns();
	int ret;

	opt->problem = on_problem;
	opt->progress = on_progress;
	opt->ctx = &check;
	if (cli_wants_json(&ctl->cli))
		check.problems = cli_json_need(json_array());
	cli_progress_begin(&check.progress, ctl->opt.when);
	ret = ppt_host_check(ctl->cli.args[0], opt, &report, &diag);
	cli_progress_end(&check.progress);
	if (ret)
		return ctl_check_failed(ctl, check.problems, ret, &diag);
	if (check.problems)
		report_json(ctl, check.problems, &report, cli_now_ns() - start);
	else
		report_text(&report, cli_now_ns() - start);
	return ctl_check_exit(ctl, &report, report.err) |
	       cli_finish_output(&ctl->cli);
}

int ctl_cmd_check(struct ctl *ctl)
{
	const char *file = ctl->opt.text[CTL_MEMORY_MAP];
	struct ppt_memory_map present;
	struct ppt_host_check opt = {
		.policy = ctl->opt.policy,
		.pa_bits = ctl->opt.pa_bits,
	};
	int ret;

	if (!ctl_given(ctl, CTL_REPAIR) &&
	    (ctl_given(ctl, CTL_BACKUP) || ctl_given(ctl, CTL_DRY_RUN) ||
	     ctl_given(ctl, CTL_FLUSH))) {
		ctl_say(ctl,
			"--backup, --dry-run and --flush go with --repair");
		return CTL_USAGE;
	}
	if (file) {
		ret = ctl_json_read_map(ctl, file, &present);
		if (ret)
			return ret;
		opt.present = &present;
	}
	if (ctl_given(ctl, CTL_REPAIR))
		return ctl_repair(ctl, &opt);
	return check(ctl, &opt);
}
