/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What check finds and repair does, as JSON and as text.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptctl.h"

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
	char name[CTL_NAME_CLEAN];
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
	ADD(PPT_WHERE_SPACE, " space %s",
	    cli_clean(p->space, name, sizeof(name)));
	ADD(PPT_WHERE_VA, " va 0x%llx-0x%llx", (unsigned long long)p->va,
	    (unsigned long long)p->last);
#undef ADD
	if (p->count > 1 && n < size)
		snprintf(out + n, size - n, " (%llu of them)",
			 (unsigned long long)p->count);
}

json_t *ctl_problem_json(const struct ppt_problem *p)
{
	json_t *object = cli_json_need(json_object());

	cli_json_set(object, "code", json_string(p->code));
	cli_json_set(object, "severity",
		     json_string(ppt_severity_name(p->severity)));
	cli_json_set(object, "where", where_json(p));
	cli_json_set(object, "count", cli_json_u64(p->count));
	if (p->found)
		cli_json_set(object, "found", cli_json_hex(p->found));
	cli_json_set(object, "message", json_string(p->message));
	cli_json_set(object, "repair", json_string(p->repair));
	return object;
}

void ctl_problem_text(const struct ppt_problem *p)
{
	char where[256], found[40] = "";

	where_text(p, where, sizeof(where));
	if (p->found)
		snprintf(found, sizeof(found), " (found 0x%llx)",
			 (unsigned long long)p->found);
	printf("%-5s %s:%s%s%s%s\n", ppt_severity_name(p->severity), p->code,
	       where, *where ? ": " : " ", p->message, found);
	printf("      repair: %s\n", p->repair);
}

/* The place of an action, as that of a problem. */
static struct ppt_problem place_of(const struct ppt_action *a)
{
	struct ppt_problem p = {
		.where = a->where,
		.page = a->page,
		.slot = a->slot,
		.va = a->va,
		.last = a->last,
		.line = a->line,
		.count = a->count,
	};

	memcpy(p.space, a->space, sizeof(p.space));
	return p;
}

json_t *ctl_action_json(const struct ppt_action *a)
{
	json_t *object = cli_json_need(json_object());
	struct ppt_problem place = place_of(a);

	cli_json_set(object, "code", json_string(a->code));
	cli_json_set(object, "lossy", json_boolean(a->lossy));
	cli_json_set(object, "where", where_json(&place));
	cli_json_set(object, "count", cli_json_u64(a->count));
	cli_json_set(object, "message", json_string(a->message));
	return object;
}

void ctl_action_text(const struct ppt_action *a)
{
	struct ppt_problem place = place_of(a);
	char where[256];

	where_text(&place, where, sizeof(where));
	printf("%-5s %s:%s: %s\n", a->lossy ? "lost" : "did", a->code, where,
	       a->message);
}

json_t *ctl_counts_json(const struct ppt_check_report *r)
{
	json_t *counts = cli_json_need(json_object());

	for (int i = PPT_SEVERITY_FATAL; i >= PPT_SEVERITY_NOTE; i--)
		cli_json_set(counts, ppt_severity_name((enum ppt_severity)i),
			     cli_json_u64(r->problems[i]));
	return counts;
}

void ctl_check_json(json_t *root, const struct ppt_check_report *r)
{
	cli_json_set(root, "counts", ctl_counts_json(r));
	cli_json_set(root, "pages", cli_json_u64(r->pages));
	cli_json_set(root, "tables", cli_json_u64(r->tables));
	cli_json_set(root, "entries", cli_json_u64(r->entries));
	cli_json_set(root, "records_to_replay", cli_json_u64(r->records));
	cli_json_set(root, "shutdown",
		     json_string(ppt_shutdown_name(r->shutdown)));
}
