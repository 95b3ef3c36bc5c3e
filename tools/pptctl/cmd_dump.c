/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump: all that a space maps, as coalesced extents.
 *
 * Layer: tools.
 *
 * Extents go out as they are found, since a space may have millions; so the
 * JSON around them is put together by hand.  What faults though it is mapped is
 * told too, in text where it is, in JSON in a list of its own.  The JSON stays
 * well-formed when the list is cut short: then it ends with a member "error".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptctl.h"

static void print_head(const struct ppt_space_info *info)
{
	const char *format = ppt_format_name(info->format);
	json_t *head = cli_json_new("pptable.dump/1");
	char *text;

	cli_json_set(head, "space", cli_json_text(info->name));
	cli_json_set(head, "format", json_string(format ? format : "unknown"));
	text = json_dumps(head, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(head);
	/* All but the closing brace. */
	if (text)
		printf("%.*s,\"extents\":[", (int)strlen(text) - 1, text);
	free(text);
}

static void print_extent_json(const struct ppt_extent *extent, bool first)
{
	char prot[8];

	ctl_prot_text(extent->prot, prot);
	printf("%s\n{\"va\":\"0x%llx\",\"pa\":\"0x%llx\",\"len\":%llu,"
	       "\"prot\":\"%s\",\"page_size\":%llu}",
	       first ? "" : ",", (unsigned long long)extent->va,
	       (unsigned long long)extent->pa, (unsigned long long)extent->len,
	       prot, (unsigned long long)extent->page_size);
}

static void print_extent_text(const struct ppt_extent *extent)
{
	char prot[8];
	char size[32];

	ctl_prot_text(extent->prot, prot);
	ctl_size_text(extent->page_size, size);
	printf("0x%016llx  0x%013llx  %16llu  %s  %s\n",
	       (unsigned long long)extent->va, (unsigned long long)extent->pa,
	       (unsigned long long)extent->len, prot, size);
}

static void print_fault_text(const struct ppt_extent *extent)
{
	printf("0x%016llx  %-15s  %16llu\n", (unsigned long long)extent->va,
	       ppt_extent_state_name((enum ppt_extent_state)extent->state),
	       (unsigned long long)extent->len);
}

static json_t *fault_json(const struct ppt_extent *extent)
{
	json_t *o = cli_json_need(json_object());

	cli_json_set(o, "va", cli_json_hex(extent->va));
	cli_json_set(o, "len", cli_json_u64(extent->len));
	cli_json_set(o, "state",
		     json_string(ppt_extent_state_name(
			     (enum ppt_extent_state)extent->state)));
	return o;
}

/* Prints every extent; what ended it.  @faults: NULL, or gets what faults. */
static int print_extents(struct ppt_space *space, json_t *faults,
			 uint64_t *damaged, struct ppt_diag *diag)
{
	struct ppt_extent extent;
	struct ppt_iter it;
	bool first = true;
	int ret;

	ppt_iter_init_any(&it, space, 0, UINT64_MAX);
	while ((ret = ppt_iter_next(&it, &extent, diag)) == 0) {
		bool mapped = extent.state == PPT_EXTENT_MAPPED;

		*damaged += extent.state == PPT_EXTENT_DAMAGED;
		if (mapped && faults)
			print_extent_json(&extent, first);
		else if (mapped)
			print_extent_text(&extent);
		else if (faults)
			cli_json_add(faults, fault_json(&extent));
		else
			print_fault_text(&extent);
		first = first && !mapped;
		/* Nobody reads any more: the rest would be for nothing. */
		if (ferror(stdout))
			return PPT_E_NOENT;
	}
	return ret;
}

/* The end of the JSON, behind the extents; takes over @faults. */
static void print_tail(json_t *faults, int err)
{
	printf("],\"faults\":");
	json_dumpf(faults, stdout, JSON_COMPACT);
	json_decref(faults);
	if (err != PPT_E_NOENT)
		printf(",\"error\":\"%s\"", ppt_error_name(err));
	puts("}");
}

static int dump(struct ctl *ctl)
{
	json_t *faults = NULL;
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space_info info;
	struct ppt_space space;
	uint64_t damaged = 0;
	int ret = ctl_find_space(ctl, &space);

	if (ret)
		return ret;
	ret = ppt_space_info(&space, &info, &diag);
	if (ret)
		return ctl_fail(ctl, ret, &diag, NULL);
	if (cli_wants_json(&ctl->cli)) {
		faults = cli_json_need(json_array());
		print_head(&info);
	} else {
		printf("%-18s  %-15s  %16s  %s  %s\n", "VA", "PA", "LEN",
		       "PROT ", "PAGE");
	}
	ret = print_extents(&space, faults, &damaged, &diag);
	if (faults)
		print_tail(faults, ret);
	if (ret != PPT_E_NOENT)
		return ctl_fail(ctl, ret, &diag, NULL);
	if (!damaged)
		return CTL_OK;
	ctl_say(ctl, "%s: %llu ranges of SPACE '%s' are behind damaged tables",
		ctl->cli.args[0], (unsigned long long)damaged,
		ctl->cli.args[1]);
	return CTL_DAMAGE;
}

int ctl_cmd_dump(struct ctl *ctl)
{
	return ctl_with_pool(ctl, PPT_HOST_READ_ONLY, dump);
}
