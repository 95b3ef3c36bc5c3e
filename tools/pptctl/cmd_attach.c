/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: a restart, and what it has found.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptctl.h"

/* -------------------------------------------------------------- report -- */

/* @spaces and @lost, or @error: the others are NULL. */
static void print_attach_json(const struct ctl *ctl, json_t *spaces,
			      json_t *lost, const char *error, int err)
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
	cli_json_set(root, "trust",
		     json_string(ppt_trust_name((enum ppt_trust)r->trust)));
	cli_json_set(root, "shutdown",
		     json_string(ppt_shutdown_name(r->shutdown)));
	cli_json_set(root, "shutdown_left", json_boolean(r->shutdown_left));
	cli_json_set(root, "map_changed", json_boolean(r->map_changed));
	cli_json_set(root, "epoch", cli_json_u64(r->epoch));
	cli_json_set(root, "epochs_left", cli_json_u64(r->epochs_left));
	cli_json_set(root, "tables_checked", cli_json_u64(r->tables_checked));
	cli_json_set(root, "tables_damaged", cli_json_u64(r->tables_damaged));
	cli_json_set(root, "regions_lost", cli_json_u64(r->regions_lost));
	cli_json_set(root, "frames_lost", cli_json_u64(r->frames_lost));
	cli_json_set(root, "lost", lost ? lost : json_array());
	cli_json_set(root, "spaces", spaces ? spaces : json_array());
	if (error) {
		cli_json_set(root, "error", cli_json_text(error));
		cli_json_set(root, "error_name",
			     json_string(ppt_error_name(err)));
	}
	cli_json_print(root, JSON_INDENT(2));
}

static void print_trust_text(const struct ppt_attach_report *r)
{
	printf("trust        %s, %llu tables validated\n",
	       ppt_trust_name((enum ppt_trust)r->trust),
	       (unsigned long long)r->tables_checked);
	if (r->tables_damaged)
		printf("damaged      %llu tables, the first is page %u\n",
		       (unsigned long long)r->tables_damaged, r->first_damaged);
	if (r->epochs_left)
		printf("             tables of %u older memory maps may be "
		       "left: "
		       "rebased when met\n",
		       r->epochs_left);
	if (r->regions_lost)
		printf("memory       %u regions are gone or shrunk\n",
		       r->regions_lost);
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
	print_trust_text(r);
	ctl_shutdown_text(r);
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

static void print_report(struct ctl *ctl, json_t *spaces,
			 const struct ctl_lost *lost)
{
	if (cli_wants_json(&ctl->cli)) {
		print_attach_json(ctl, spaces, ctl_lost_json(ctl, lost), NULL,
				  0);
		return;
	}
	print_attach_text(ctl, spaces);
	ctl_lost_text(ctl, lost);
	json_decref(spaces);
}

static int report_attach(struct ctl *ctl)
{
	struct ppt_attach_report *r = &ctl->attach;
	struct ctl_lost lost = { .count = 0 };
	int ret = CTL_OK;
	json_t *spaces = ctl_json_spaces(ctl, &ret);

	if (!spaces)
		return ret;
	if (r->trust == PPT_TRUST_FULL || r->regions_lost || r->map_changed ||
	    ctl->opt.lost != PPT_LOST_FAULT)
		ret = ctl_lost_find(ctl, &lost);
	if (lost.count && r->verdict < PPT_VERDICT_DEGRADED)
		r->verdict = PPT_VERDICT_DEGRADED;
	print_report(ctl, spaces, &lost);
	/* Nothing goes before it was told. */
	if (!ret && !fflush(stdout) && !ferror(stdout))
		ret = ctl_lost_resolve(ctl, &lost);
	ctl_lost_free(&lost);
	if (r->verdict == PPT_VERDICT_DEGRADED)
		ret |= CTL_DAMAGE;
	return ret;
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
	ret = ctl_open(ctl,
		       ctl_given(ctl, CTL_DRAM_KEPT) ? PPT_HOST_DRAM_KEPT : 0,
		       file ? &present : NULL, &diag);
	if (!ret)
		return ctl_run_and_close(ctl, report_attach);
	ctl->attach.verdict = PPT_VERDICT_REFUSED;
	if (cli_wants_json(&ctl->cli)) {
		ctl_describe(ret, &diag, text, sizeof(text));
		print_attach_json(ctl, NULL, NULL, text, ret);
	} else {
		puts("verdict      refused");
	}
	ctl_fail_file(ctl, ret, &diag);
	return CTL_FAILED | cli_finish_output(&ctl->cli);
}
