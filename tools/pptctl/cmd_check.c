/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: whether a pool is what it should be.
 *
 * Layer: tools.
 */
#include <stdio.h>

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

/* ------------------------------------------------------------- problems -- */

static json_t *where_json(const struct ppt_problem *p)
{
	json_t *where = cli_json_need(json_object());

	if (p->where & PPT_WHERE_PAGE)
		cli_json_set(where, "page", cli_json_u64(p->page));
	if (p->where & PPT_WHERE_SLOT)
		cli_json_set(where, "slot", cli_json_u64(p->slot));
	if (p->where & PPT_WHERE_LINE)
		cli_json_set(where, "line", cli_json_u64(p->line));
	if (p->where & PPT_WHERE_SPACE)
		cli_json_set(where, "space", cli_json_text(p->space));
	if (p->where & PPT_WHERE_VA) {
		cli_json_set(where, "va", cli_json_hex(p->va));
		cli_json_set(where, "last", cli_json_hex(p->last));
	}
	return where;
}

static void where_text(const struct ppt_problem *p, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
#define ADD(bit, ...)                                                          \
	do {                                                                   \
		if (p->where & (bit) && n < size)                              \
			n += (size_t)snprintf(out + n, size - n, __VA_ARGS__); \
	} while (0)
	ADD(PPT_WHERE_PAGE, " page %llu", (unsigned long long)p->page);
	ADD(PPT_WHERE_SLOT, " slot %u", p->slot);
	ADD(PPT_WHERE_LINE, " line %llu", (unsigned long long)p->line);
	ADD(PPT_WHERE_SPACE, " space %s", p->space);
	ADD(PPT_WHERE_VA, " va 0x%llx-0x%llx", (unsigned long long)p->va,
	    (unsigned long long)p->last);
#undef ADD
	if (p->count > 1 && n < size)
		snprintf(out + n, size - n, " (%llu of them)",
			 (unsigned long long)p->count);
}

static void on_problem(void *ctx, const struct ppt_problem *p)
{
	struct check *check = ctx;
	char where[256];
	json_t *object;

	cli_progress_end(&check->progress);
	if (!check->problems) {
		where_text(p, where, sizeof(where));
		printf("%-5s %s:%s: %s\n", ppt_severity_name(p->severity),
		       p->code, where, p->message);
		printf("      repair: %s\n", p->repair);
		return;
	}
	object = cli_json_need(json_object());
	cli_json_set(object, "code", json_string(p->code));
	cli_json_set(object, "severity",
		     json_string(ppt_severity_name(p->severity)));
	cli_json_set(object, "where", where_json(p));
	cli_json_set(object, "count", cli_json_u64(p->count));
	cli_json_set(object, "message", json_string(p->message));
	cli_json_set(object, "repair", json_string(p->repair));
	cli_json_add(check->problems, object);
}

/* --------------------------------------------------------------- report -- */

static void report_json(const struct ctl *ctl, json_t *problems,
			const struct ppt_check_report *r, uint64_t ns)
{
	json_t *root = cli_json_new("pptable.check/1");
	json_t *counts = cli_json_need(json_object());

	cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
	cli_json_set(root, "verdict",
		     json_string(ppt_check_verdict_name(r->verdict)));
	for (int i = PPT_SEVERITY_FATAL; i >= PPT_SEVERITY_NOTE; i--)
		cli_json_set(counts, ppt_severity_name((enum ppt_severity)i),
			     cli_json_u64(r->problems[i]));
	cli_json_set(root, "counts", counts);
	cli_json_set(root, "pages", cli_json_u64(r->pages));
	cli_json_set(root, "tables", cli_json_u64(r->tables));
	cli_json_set(root, "entries", cli_json_u64(r->entries));
	cli_json_set(root, "records_to_replay", cli_json_u64(r->records));
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
}

/* What is no pool of ours, or not under this memory map, is not damage. */
static int exit_code_of(const struct ctl *ctl, const struct ppt_check_report *r)
{
	if (r->verdict == PPT_CHECK_CLEAN)
		return CTL_OK;
	if (r->verdict == PPT_CHECK_DAMAGED)
		return CTL_DAMAGE;
	switch (r->err) {
	case PPT_E_MAGIC:
	case PPT_E_VERSION:
	case PPT_E_FEATURE:
	case PPT_E_SIZE:
	case PPT_E_REGION:
		ctl_say(ctl, "%s: %s", ctl->cli.args[0], ppt_strerror(r->err));
		return CTL_FAILED;
	default:
		return CTL_DAMAGE;
	}
}

int ctl_cmd_check(struct ctl *ctl)
{
	struct check check = { .problems = NULL };
	const char *file = ctl->opt.text[CTL_MEMORY_MAP];
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_check_report report;
	struct ppt_memory_map present;
	struct ppt_host_check opt = {
		.policy = ctl->opt.policy,
		.pa_bits = ctl->opt.pa_bits,
		.problem = on_problem,
		.progress = on_progress,
		.ctx = &check,
	};
	uint64_t start = cli_now_ns();
	int ret;

	if (file) {
		ret = ctl_json_read_map(ctl, file, &present);
		if (ret)
			return ret;
		opt.present = &present;
	}
	if (cli_wants_json(&ctl->cli))
		check.problems = cli_json_need(json_array());
	cli_progress_begin(&check.progress, ctl->opt.when);
	ret = ppt_host_check(ctl->cli.args[0], &opt, &report, &diag);
	cli_progress_end(&check.progress);
	if (ret) {
		json_decref(check.problems);
		return ctl_fail_file(ctl, ret, &diag);
	}
	if (check.problems)
		report_json(ctl, check.problems, &report, cli_now_ns() - start);
	else
		report_text(&report, cli_now_ns() - start);
	return exit_code_of(ctl, &report) | cli_finish_output(&ctl->cli);
}
