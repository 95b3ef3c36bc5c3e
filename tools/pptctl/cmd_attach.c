/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: a restart, and what it has found.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptctl.h"

/* What the attach had done when it returned, before all was walked. */
struct at_attach {
	uint64_t checked;
	uint64_t rebased;
};

/* -------------------------------------------------------------- report -- */

static json_t *at_attach_json(const struct at_attach *at)
{
	json_t *o = cli_json_need(json_object());

	cli_json_set(o, "tables_checked", cli_json_u64(at->checked));
	cli_json_set(o, "tables_rebased", cli_json_u64(at->rebased));
	return o;
}

/* @at, @spaces and @lost are NULL if there was no attach; @err: 0 or why. */
static void print_attach_json(const struct ctl *ctl, const struct at_attach *at,
			      json_t *spaces, json_t *lost, const char *error,
			      int err)
{
	static const struct at_attach none;
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
	cli_json_set(root, "reclaim_damaged", json_boolean(r->reclaim_damaged));
	cli_json_set(root, "at_attach", at_attach_json(at ? at : &none));
	cli_json_set(root, "regions_lost", cli_json_u64(r->regions_lost));
	cli_json_set(root, "frames_lost", cli_json_u64(r->frames_lost));
	cli_json_set(root, "lost", lost ? lost : json_array());
	cli_json_set(root, "spaces", spaces ? spaces : json_array());
	if (err)
		ctl_error_json(root, err, error);
	cli_json_print(root, JSON_INDENT(2));
}

static void print_trust_text(const struct ppt_attach_report *r,
			     const struct at_attach *at)
{
	printf("trust        %s, %llu tables validated, %llu of them at "
	       "attach\n",
	       ppt_trust_name((enum ppt_trust)r->trust),
	       (unsigned long long)r->tables_checked,
	       (unsigned long long)at->checked);
	if (r->tables_damaged)
		printf("damaged      %llu tables\n",
		       (unsigned long long)r->tables_damaged);
	if (r->reclaim_damaged)
		puts("damaged      the reclaim list: no page is freed in steps "
		     "until a repair");
	if (r->epochs_left)
		printf("             tables of %u older memory maps may be "
		       "left: "
		       "rebased when met\n",
		       r->epochs_left);
	if (r->regions_lost)
		printf("memory       %u regions are gone or shrunk\n",
		       r->regions_lost);
}

static void print_attach_text(const struct ctl *ctl, const struct at_attach *at,
			      const json_t *spaces)
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
	printf("rebased      %llu tables, %llu of them at attach, epoch %u\n",
	       (unsigned long long)r->tables_rebased,
	       (unsigned long long)at->rebased, r->epoch);
	print_trust_text(r, at);
	ctl_shutdown_text(r);
	for (size_t i = 0; i < json_array_size(spaces); i++) {
		const json_t *space = json_array_get(spaces, i);
		char name[CTL_NAME_CLEAN];

		printf("%s %s  %s  CR3 %s\n",
		       i ? "            " : "spaces      ",
		       cli_clean(json_string_value(json_object_get(space, "nam"
									  "e")),
				 name, sizeof(name)),
		       json_string_value(json_object_get(space, "format")),
		       json_string_value(json_object_get(space, "root_"
								"register")));
	}
}

/*
 * The figures of the attach and of the walk behind it are told as one, and the
 * verdict is on what is mapped: memory that is gone with nothing in it is no
 * loss, pages that are lost since an earlier attach are.
 */
static void count_walk(struct ctl *ctl, const struct ctl_lost *lost, int failed,
		       struct at_attach *at)
{
	struct ppt_attach_report *r = &ctl->attach;
	struct ppt_stats stats;

	at->checked = r->tables_checked;
	at->rebased = r->tables_rebased;
	ppt_stats(ctl->pool, &stats);
	r->tables_checked = stats.tables_checked;
	r->tables_rebased = stats.tables_rebased;
	r->frames_lost = lost->leaves;
	if (r->tables_damaged < lost->tables)
		r->tables_damaged = lost->tables;
	if (lost->count || r->tables_damaged || r->reclaim_damaged || failed)
		r->verdict = PPT_VERDICT_DEGRADED;
	else if (r->records_replayed || r->tables_rebased || r->map_changed)
		r->verdict = PPT_VERDICT_REPLAYED;
	else
		r->verdict = PPT_VERDICT_CLEAN;
}

/* All that reads the pool before there is something to tell. */
struct walk {
	struct ctl *ctl;
	json_t *spaces;
	struct ctl_lost lost;
	struct ppt_host_diag diag;
	int err; /* what cut the list of spaces short */
	int ret; /* an exit code */
};

static int walk(void *arg)
{
	struct walk *w = arg;

	w->spaces = ctl_json_spaces(w->ctl, &w->err, &w->diag.diag);
	if (w->err)
		w->ret = ctl_fail(w->ctl, w->err, &w->diag.diag, NULL);
	w->ret |= ctl_lost_find(w->ctl, &w->lost);
	return 0;
}

static int resolve(void *arg)
{
	struct walk *w = arg;

	w->ret |= ctl_lost_resolve(w->ctl, &w->lost);
	return 0;
}

static int report_attach(struct ctl *ctl)
{
	struct walk w = { .ctl = ctl };
	struct at_attach at;
	char text[512] = "";
	int dead = ppt_host_try(ctl->host, walk, &w, &w.diag);

	if (dead) {
		w.err = dead;
		w.ret |= ctl_fail_file(ctl, dead, &w.diag);
	}
	if (w.err)
		ctl_describe(w.err, &w.diag, text, sizeof(text));
	count_walk(ctl, &w.lost, w.ret, &at);
	if (cli_wants_json(&ctl->cli)) {
		print_attach_json(ctl, &at, w.spaces,
				  ctl_lost_json(ctl, &w.lost), text, w.err);
	} else {
		print_attach_text(ctl, &at, w.spaces);
		ctl_lost_text(ctl, &w.lost);
		json_decref(w.spaces);
	}
	/* Nothing goes before it was told. */
	if (!dead && !fflush(stdout) && !ferror(stdout)) {
		dead = ppt_host_try(ctl->host, resolve, &w, &w.diag);
		if (dead)
			w.ret |= ctl_fail_file(ctl, dead, &w.diag);
	}
	ctl_lost_free(&w.lost);
	if (ctl->attach.verdict == PPT_VERDICT_DEGRADED)
		w.ret |= CTL_DAMAGE;
	return w.ret;
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
		print_attach_json(ctl, NULL, NULL, NULL, text, ret);
	} else {
		puts("verdict      refused");
	}
	ctl_fail_file(ctl, ret, &diag);
	return CTL_FAILED | cli_finish_output(&ctl->cli);
}
