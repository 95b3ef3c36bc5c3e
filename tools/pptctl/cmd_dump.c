/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump: all that a space maps, as coalesced extents.
 *
 * Layer: tools.
 *
 * Extents go out as they are found, since a space may have millions; so the
 * JSON around them is put together by hand, and stays well-formed when damage
 * cuts the list short: then it ends with a member "error".
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
	text = json_dumps(head, JSON_COMPACT);
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

/* Prints every extent; what ended it. */
static int print_extents(struct ppt_space *space, bool json,
			 struct ppt_diag *diag)
{
	struct ppt_extent extent;
	struct ppt_iter it;
	bool first = true;
	int ret;

	ppt_iter_init(&it, space, 0, UINT64_MAX);
	while ((ret = ppt_iter_next(&it, &extent, diag)) == 0) {
		if (json)
			print_extent_json(&extent, first);
		else
			print_extent_text(&extent);
		first = false;
		/* Nobody reads any more: the rest would be for nothing. */
		if (ferror(stdout))
			return PPT_E_NOENT;
	}
	return ret;
}

static int dump(struct ctl *ctl)
{
	bool json = cli_wants_json(&ctl->cli);
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space_info info;
	struct ppt_space space;
	int ret = ctl_find_space(ctl, &space);

	if (ret)
		return ret;
	ret = ppt_space_info(&space, &info, &diag);
	if (ret)
		return ctl_fail(ctl, ret, &diag, NULL);
	if (json)
		print_head(&info);
	else
		printf("%-18s  %-15s  %16s  %s  %s\n", "VA", "PA", "LEN",
		       "PROT ", "PAGE");
	ret = print_extents(&space, json, &diag);
	if (json && ret == PPT_E_NOENT)
		puts("]}");
	else if (json)
		printf("],\"error\":\"%s\"}\n", ppt_error_name(ret));
	return ret == PPT_E_NOENT ? CTL_OK : ctl_fail(ctl, ret, &diag, NULL);
}

int ctl_cmd_dump(struct ctl *ctl)
{
	return ctl_with_pool(ctl, PPT_HOST_READ_ONLY, dump);
}
