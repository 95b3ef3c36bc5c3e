/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on the memory map: memory-map, region add, region remove, and
 * attach, which is told the present one.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptctl.h"

/* ----------------------------------------------------------- memory-map -- */

static int memory_map(struct ctl *ctl)
{
	json_t *root = cli_json_new("pptable.memory-map/1");
	struct ppt_memory_map map;

	ppt_memory_map(ctl->pool, &map);
	cli_json_set(root, "regions", ctl_json_regions(&map));
	cli_json_print(root, JSON_INDENT(2));
	return CTL_OK;
}

int ctl_cmd_memory_map(struct ctl *ctl)
{
	return ctl_with_pool(ctl, PPT_HOST_READ_ONLY, memory_map);
}

/* -------------------------------------------------------------- regions -- */

static int fail_region(const struct ctl *ctl, int err,
		       const struct ppt_diag *diag, const char *name)
{
	const char *why = diag->why ? diag->why : ppt_strerror(err);

	switch (err) {
	case PPT_E_EXIST:
	case PPT_E_REGION:
	case PPT_E_INVAL:
	case PPT_E_RANGE:
	case PPT_E_NOENT:
		return ctl_bad(ctl, name, ctl->cli.args[1], why);
	case PPT_E_BUSY:
		ctl_say(ctl, "%s '%s': a frame in it is mapped (VA 0x%llx)",
			name, ctl->cli.args[1], (unsigned long long)diag->at);
		return CTL_FAILED;
	case PPT_E_LIMIT:
		ctl_say(ctl, "%s '%s': %s", name, ctl->cli.args[1], why);
		return CTL_FAILED;
	default:
		return ctl_fail(ctl, err, diag, NULL);
	}
}

static int region_add(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_region_add(ctl->pool, ctl->state, &diag);

	return ret ? fail_region(ctl, ret, &diag, "REGION") : CTL_OK;
}

int ctl_cmd_region_add(struct ctl *ctl)
{
	struct ppt_region region;
	const char *why = ctl_parse_region(ctl->cli.args[1], &region);

	if (why)
		return ctl_bad(ctl, "REGION", ctl->cli.args[1], why);
	ctl->state = &region;
	return ctl_with_pool(ctl, 0, region_add);
}

static int region_remove(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_region_remove(ctl->pool, ctl->state, &diag);

	return ret ? fail_region(ctl, ret, &diag, "UUID") : CTL_OK;
}

int ctl_cmd_region_remove(struct ctl *ctl)
{
	struct ppt_uuid uuid;
	const char *why = ctl_parse_uuid(ctl->cli.args[1], &uuid);

	if (why)
		return ctl_bad(ctl, "UUID", ctl->cli.args[1], why);
	ctl->state = &uuid;
	return ctl_with_pool(ctl, 0, region_remove);
}

/* --------------------------------------------------------------- attach -- */

/* @spaces and @error: one of them is NULL. */
static void print_attach_json(const struct ctl *ctl, json_t *spaces,
			      const char *error, int err)
{
	const struct ppt_attach_report *r = &ctl->attach;
	json_t *root = cli_json_new("pptable.attach/1");

	cli_json_set(root, "verdict",
		     json_string(ppt_verdict_name(r->verdict)));
	cli_json_set(root, "attach_ns", cli_json_u64(ctl->attach_ns));
	cli_json_set(root, "records_replayed",
		     cli_json_u64(r->records_replayed));
	cli_json_set(root, "tables_rebased", cli_json_u64(r->tables_rebased));
	cli_json_set(root, "lines_scanned", cli_json_u64(r->lines_scanned));
	cli_json_set(root, "superblock_fell_back",
		     json_boolean(r->superblock_fell_back));
	cli_json_set(root, "epoch", cli_json_u64(r->epoch));
	cli_json_set(root, "spaces", spaces ? spaces : json_array());
	if (error) {
		cli_json_set(root, "error", cli_json_text(error));
		cli_json_set(root, "error_name",
			     json_string(ppt_error_name(err)));
	}
	cli_json_print(root, JSON_INDENT(2));
}

static void print_attach_text(const struct ctl *ctl, const json_t *spaces)
{
	const struct ppt_attach_report *r = &ctl->attach;

	printf("verdict      %s\n", ppt_verdict_name(r->verdict));
	if (r->superblock_fell_back)
		puts("             the newer superblock is damaged, the older "
		     "is used");
	printf("attached in  %.1f us\n", (double)ctl->attach_ns / 1e3);
	printf("replayed     %llu records (%llu lines read)\n",
	       (unsigned long long)r->records_replayed,
	       (unsigned long long)r->lines_scanned);
	printf("rebased      %llu tables, epoch %u\n",
	       (unsigned long long)r->tables_rebased, r->epoch);
	for (size_t i = 0; i < json_array_size(spaces); i++) {
		const json_t *space = json_array_get(spaces, i);

		printf("%s %s  %s  CR3 %s\n",
		       i ? "            " : "spaces      ",
		       json_string_value(json_object_get(space, "name")),
		       json_string_value(json_object_get(space, "format")),
		       json_string_value(json_object_get(space, "root_"
								"register")));
	}
}

static int report_attach(struct ctl *ctl)
{
	int ret = CTL_OK;
	json_t *spaces = ctl_json_spaces(ctl, &ret);

	if (!spaces)
		return ret;
	if (cli_wants_json(&ctl->cli)) {
		print_attach_json(ctl, spaces, NULL, 0);
	} else {
		print_attach_text(ctl, spaces);
		json_decref(spaces);
	}
	return ctl->attach.verdict == PPT_VERDICT_DEGRADED ? CTL_DAMAGE :
							     CTL_OK;
}

int ctl_cmd_attach(struct ctl *ctl)
{
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_memory_map present;
	const char *file = ctl->opt.text[CTL_MEMORY_MAP];
	char text[512];
	int ret;

	if (file) {
		ret = ctl_json_read_map(ctl, file, &present);
		if (ret)
			return ret;
	}
	ret = ctl_open(ctl, 0, file ? &present : NULL, &diag);
	if (!ret)
		return ctl_run_and_close(ctl, report_attach);
	ctl->attach.verdict = PPT_VERDICT_REFUSED;
	if (cli_wants_json(&ctl->cli)) {
		ctl_describe(ret, &diag, text, sizeof(text));
		print_attach_json(ctl, NULL, text, ret);
	} else {
		puts("verdict      refused");
	}
	ctl_fail_file(ctl, ret, &diag);
	return CTL_FAILED | cli_finish_output(&ctl->cli);
}
