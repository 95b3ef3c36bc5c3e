/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: whether a pool is what it should be.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pptctl.h"

struct check {
	struct ctl *ctl;
	json_t *problems; /* NULL: they are printed as text, as they come */
	bool progress;
	unsigned int percent; /* that was shown */
};

/* ------------------------------------------------------------- progress -- */

static bool wants_progress(const struct ctl *ctl)
{
	switch (ctl->opt.progress) {
	case CTL_PROGRESS_ALWAYS:
		return true;
	case CTL_PROGRESS_NEVER:
		return false;
	case CTL_PROGRESS_AUTO:
		break;
	}
	return isatty(STDERR_FILENO);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct check *check = ctx;
	unsigned int percent = total ? (unsigned int)(done * 100 / total) : 100;

	/* A page that cannot be read has it start again. */
	if (!check->progress || percent == check->percent)
		return;
	check->percent = percent;
	fprintf(stderr, "\r%s: checked %u %%", check->ctl->args[0], percent);
	fflush(stderr);
}

static void end_progress(struct check *check)
{
	if (check->percent)
		fputc('\n', stderr);
	check->percent = 0;
}

/* ------------------------------------------------------------- problems -- */

static json_t *where_json(const struct ppt_problem *p)
{
	json_t *where = json_object();

	if (p->where & PPT_WHERE_PAGE)
		ctl_json_set(where, "page", ctl_json_u64(p->page));
	if (p->where & PPT_WHERE_SLOT)
		ctl_json_set(where, "slot", ctl_json_u64(p->slot));
	if (p->where & PPT_WHERE_LINE)
		ctl_json_set(where, "line", ctl_json_u64(p->line));
	if (p->where & PPT_WHERE_SPACE)
		ctl_json_set(where, "space", ctl_json_text(p->space));
	if (p->where & PPT_WHERE_VA) {
		ctl_json_set(where, "va", ctl_json_hex(p->va));
		ctl_json_set(where, "last", ctl_json_hex(p->last));
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

	if (!check->problems) {
		where_text(p, where, sizeof(where));
		printf("%-5s %s:%s: %s\n", ppt_severity_name(p->severity),
		       p->code, where, p->message);
		printf("      repair: %s\n", p->repair);
		return;
	}
	object = json_object();
	ctl_json_set(object, "code", json_string(p->code));
	ctl_json_set(object, "severity",
		     json_string(ppt_severity_name(p->severity)));
	ctl_json_set(object, "where", where_json(p));
	ctl_json_set(object, "count", ctl_json_u64(p->count));
	ctl_json_set(object, "message", json_string(p->message));
	ctl_json_set(object, "repair", json_string(p->repair));
	ctl_json_add(check->problems, object);
}

/* --------------------------------------------------------------- report -- */

static void report_json(const struct ctl *ctl, json_t *problems,
			const struct ppt_check_report *r, uint64_t ns)
{
	json_t *root = ctl_json_new("pptable.check/1");
	json_t *counts = json_object();

	ctl_json_set(root, "pool", ctl_json_text(ctl->args[0]));
	ctl_json_set(root, "verdict",
		     json_string(ppt_check_verdict_name(r->verdict)));
	for (int i = PPT_SEVERITY_FATAL; i >= PPT_SEVERITY_NOTE; i--)
		ctl_json_set(counts, ppt_severity_name((enum ppt_severity)i),
			     ctl_json_u64(r->problems[i]));
	ctl_json_set(root, "counts", counts);
	ctl_json_set(root, "pages", ctl_json_u64(r->pages));
	ctl_json_set(root, "tables", ctl_json_u64(r->tables));
	ctl_json_set(root, "entries", ctl_json_u64(r->entries));
	ctl_json_set(root, "records_to_replay", ctl_json_u64(r->records));
	ctl_json_set(root, "check_ns", ctl_json_u64(ns));
	ctl_json_set(root, "problems", problems);
	ctl_json_print(root, JSON_INDENT(2));
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
		ctl_say(ctl, "%s: %s", ctl->args[0], ppt_strerror(r->err));
		return CTL_FAILED;
	default:
		return CTL_DAMAGE;
	}
}

int ctl_cmd_check(struct ctl *ctl)
{
	struct check check = { .ctl = ctl, .progress = wants_progress(ctl) };
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
	uint64_t start = ctl_now_ns();
	int ret;

	if (file) {
		ret = ctl_json_read_map(ctl, file, &present);
		if (ret)
			return ret;
		opt.present = &present;
	}
	if (ctl_wants_json(ctl))
		check.problems = json_array();
	ret = ppt_host_check(ctl->args[0], &opt, &report, &diag);
	end_progress(&check);
	if (ret) {
		json_decref(check.problems);
		return ctl_fail_file(ctl, ret, &diag);
	}
	if (check.problems)
		report_json(ctl, check.problems, &report, ctl_now_ns() - start);
	else
		report_text(&report, ctl_now_ns() - start);
	return exit_code_of(ctl, &report) | ctl_finish_output(ctl);
}
