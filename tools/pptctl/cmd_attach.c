/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: a restart, and what it has found.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptctl.h"

/* --------------------------------------------------------- what is lost -- */

static json_t *lost_extent(const char *space, const struct ppt_extent *e)
{
	json_t *lost = cli_json_need(json_object());

	cli_json_set(lost, "space", cli_json_text(space));
	cli_json_set(lost, "va", cli_json_hex(e->va));
	cli_json_set(lost, "len", cli_json_u64(e->len));
	cli_json_set(lost, "state",
		     json_string(ppt_extent_state_name(
			     (enum ppt_extent_state)e->state)));
	return lost;
}

static int lost_of_space(struct ctl *ctl, const char *name, json_t *list)
{
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	int ret = ppt_space_open(ctl->pool, name, &space, &diag);

	if (ret == PPT_E_CORRUPT) { /* its root: all that it maps */
		e = (struct ppt_extent){ .len = UINT64_MAX,
					 .state = PPT_EXTENT_DAMAGED };
		cli_json_add(list, lost_extent(name, &e));
		return CTL_OK;
	}
	if (ret)
		return ctl_fail(ctl, ret, &diag, NULL);
	ppt_iter_init_any(&it, &space, 0, UINT64_MAX);
	while ((ret = ppt_iter_next(&it, &e, &diag)) == 0)
		if (e.state != PPT_EXTENT_MAPPED)
			cli_json_add(list, lost_extent(name, &e));
	return ret == PPT_E_NOENT ? CTL_OK : ctl_fail(ctl, ret, &diag, NULL);
}

/*
 * Every range that faults though it is mapped.  It takes a walk over all tables,
 * so only where there may be any, or all were to be validated anyway.
 */
static int find_lost(struct ctl *ctl, const json_t *spaces, json_t *list)
{
	const struct ppt_attach_report *r = &ctl->attach;
	int ret = CTL_OK;

	if (r->trust != PPT_TRUST_FULL && !r->regions_lost && !r->map_changed)
		return CTL_OK;
	for (size_t i = 0; ret == CTL_OK && i < json_array_size(spaces); i++)
		ret = lost_of_space(ctl,
				    json_string_value(json_object_get(
					    json_array_get(spaces, i), "name")),
				    list);
	return ret;
}

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

static void print_lost_text(const json_t *lost)
{
	for (size_t i = 0; i < json_array_size(lost); i++) {
		const json_t *e = json_array_get(lost, i);
		const char *va = json_string_value(json_object_get(e, "va"));
		long long len = json_integer_value(json_object_get(e, "len"));

		printf("%s %s  %s, %lld bytes: %s\n",
		       i ? "            " : "faults      ",
		       json_string_value(json_object_get(e, "space")), va, len,
		       json_string_value(json_object_get(e, "state")));
	}
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

static int report_attach(struct ctl *ctl)
{
	int ret = CTL_OK;
	json_t *spaces = ctl_json_spaces(ctl, &ret), *lost;

	if (!spaces)
		return ret;
	lost = cli_json_need(json_array());
	ret = find_lost(ctl, spaces, lost);
	if (json_array_size(lost) && ctl->attach.verdict < PPT_VERDICT_DEGRADED)
		ctl->attach.verdict = PPT_VERDICT_DEGRADED;
	if (cli_wants_json(&ctl->cli)) {
		print_attach_json(ctl, spaces, lost, NULL, 0);
	} else {
		print_attach_text(ctl, spaces);
		print_lost_text(lost);
		json_decref(lost);
		json_decref(spaces);
	}
	if (ret)
		return ret;
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
