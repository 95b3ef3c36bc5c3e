/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on a pool as a whole: create, info, checkpoint, reclaim.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pptctl.h"

/* --------------------------------------------------------------- create -- */

/* The option that the library found fault with, by the library's word. */
static enum ctl_option option_of(const struct ctl *ctl, int err,
				 const struct ppt_diag *diag)
{
	static const struct {
		const char *what;
		enum ctl_option option;
	} words[] = {
		{ "size", CTL_SIZE },       { "phys-base", CTL_PHYS_BASE },
		{ "journal", CTL_JOURNAL }, { "region", CTL_REGION },
		{ "flush", CTL_FLUSH },
	};
	const char *what = diag->what ? diag->what : "";

	/* The pool is a region too. */
	if (err == PPT_E_RANGE && diag->at == ctl->opt.phys_base)
		return CTL_PHYS_BASE;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		/* Also "region base" and the like. */
		if (strncmp(words[i].what, what, strlen(words[i].what)) == 0)
			return words[i].option;
	return CTL_OPTIONS;
}

static int bad_create(const struct ctl *ctl, int err,
		      const struct ppt_diag *diag)
{
	enum ctl_option option = option_of(ctl, err, diag);
	const char *why = diag->why ? diag->why : ppt_strerror(err);
	const char *text = "default";
	char place[32];

	if (option == CTL_OPTIONS) {
		ctl_say(ctl, "%s: %s", diag->what ? diag->what : "pool", why);
		return CTL_USAGE;
	}
	if (ctl->opt.text[option])
		text = ctl->opt.text[option];
	/* There may be several: this is the one. */
	if (option == CTL_REGION) {
		snprintf(place, sizeof(place), "0x%llx",
			 (unsigned long long)diag->at);
		text = place;
	}
	return ctl_bad(ctl, ctl_options[option].name, text, why);
}

static int fail_create(const struct ctl *ctl, int err,
		       const struct ppt_host_diag *diag)
{
	switch (err) {
	case PPT_E_INVAL:
	case PPT_E_RANGE:
	case PPT_E_REGION:
	case PPT_E_EXIST:
	case PPT_E_LIMIT:
	case PPT_E_NOSPC: /* too small for its journal */
		return bad_create(ctl, err, &diag->diag);
	default:
		return ctl_fail_file(ctl, err, diag);
	}
}

static int report_create(const struct ctl *ctl,
			 const struct ppt_create_config *cfg)
{
	char uuid[CTL_UUID_BYTES];
	char size[32];

	ctl_uuid_text(&cfg->uuid, uuid);
	if (ctl_given(ctl, CLI_JSON)) {
		json_t *root = cli_json_new("pptable.create/1");

		cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
		cli_json_set(root, "uuid", json_string(uuid));
		cli_json_set(root, "size", cli_json_u64(cfg->pm.bytes));
		cli_json_set(root, "phys_base", cli_json_hex(cfg->phys_base));
		cli_json_print(root, JSON_INDENT(2));
	} else if (ctl_given(ctl, CLI_TEXT) || isatty(STDOUT_FILENO)) {
		ctl_size_text(cfg->pm.bytes, size);
		printf("%s: pool %s, %s at 0x%llx\n", ctl->cli.args[0], uuid,
		       size, (unsigned long long)cfg->phys_base);
	}
	return cli_finish_output(&ctl->cli);
}

int ctl_cmd_create(struct ctl *ctl)
{
	struct ppt_create_config cfg = {
		.pm = { .bytes = ctl->opt.size, .flush = ctl->opt.flush },
		.uuid = ctl->opt.uuid,
		.phys_base = ctl->opt.phys_base,
		.journal_bytes = ctl->opt.journal,
		.regions = ctl->opt.regions,
	};
	struct ppt_host_diag diag = { .os_errno = 0 };
	uint32_t flags = 0;
	int ret;

	if (ctl_given(ctl, CTL_JOURNAL) && ctl->opt.journal == 0)
		return ctl_bad(ctl, "--journal", "0", "smaller than 64 KiB");
	if (ctl_given(ctl, CTL_SPARSE))
		flags |= PPT_HOST_SPARSE;
	if (ctl_given(ctl, CTL_FORCE))
		flags |= PPT_HOST_FORCE;
	ret = ppt_host_create(ctl->cli.args[0], &cfg, flags, &diag);
	if (ret)
		return fail_create(ctl, ret, &diag);
	return report_create(ctl, &cfg);
}

/* ----------------------------------------------------------------- info -- */

struct info {
	struct ppt_geometry geometry;
	struct ppt_memory_map map;
	struct ppt_usage usage;
	bool power_fail;
};

static void info_json(const struct ctl *ctl, const struct info *info,
		      json_t *spaces)
{
	const struct ppt_geometry *g = &info->geometry;
	const struct ppt_usage *u = &info->usage;
	json_t *root = cli_json_new("pptable.info/1");
	json_t *object = json_object();
	char text[CTL_UUID_BYTES];

	cli_json_set(root, "pool", cli_json_text(ctl->cli.args[0]));
	ctl_uuid_text(&g->uuid, text);
	cli_json_set(root, "uuid", json_string(text));
	cli_json_set(root, "size", cli_json_u64(g->bytes));
	snprintf(text, sizeof(text), "%u.%u", g->version >> 16,
		 g->version & 0xffff);
	cli_json_set(root, "version", json_string(text));
	cli_json_set(object, "compat", cli_json_hex(g->compat));
	cli_json_set(object, "ro_compat", cli_json_hex(g->ro_compat));
	cli_json_set(object, "incompat", cli_json_hex(g->incompat));
	cli_json_set(root, "features", object);
	cli_json_set(root, "phys_base", cli_json_hex(g->phys_base));
	cli_json_set(root, "journal_bytes", cli_json_u64(g->journal_bytes));
	cli_json_set(root, "generation", cli_json_u64(g->generation));
	cli_json_set(root, "epoch", cli_json_u64(ctl->attach.epoch));
	cli_json_set(root, "verdict",
		     json_string(ppt_verdict_name(ctl->attach.verdict)));
	cli_json_set(root, "records_to_replay",
		     cli_json_u64(ctl->attach.records_replayed));
	cli_json_set(root, "durability",
		     json_string(info->power_fail ? "power-fail" :
						    "process-crash"));
	cli_json_set(root, "shutdown",
		     json_string(ppt_shutdown_name(ctl->attach.shutdown)));
	object = json_object();
	cli_json_set(object, "free", cli_json_u64(u->free_pages));
	cli_json_set(object, "fixed", cli_json_u64(u->fixed_pages));
	cli_json_set(object, "meta", cli_json_u64(u->meta_pages));
	cli_json_set(object, "table", cli_json_u64(u->table_pages));
	cli_json_set(object, "data", cli_json_u64(u->data_pages));
	cli_json_set(root, "pages", object);
	cli_json_set(root, "regions", ctl_json_regions(&info->map));
	cli_json_set(root, "spaces", spaces);
	cli_json_print(root, JSON_INDENT(2));
}

static void info_pages(const struct ppt_usage *u)
{
	const struct {
		const char *name;
		uint64_t pages;
	} rows[] = {
		{ "free", u->free_pages }, { "fixed", u->fixed_pages },
		{ "meta", u->meta_pages }, { "table", u->table_pages },
		{ "data", u->data_pages },
	};
	char size[32];

	puts("pages");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ctl_size_text(rows[i].pages * PPT_PAGE_BYTES, size);
		printf("  %-6s %12llu  %s\n", rows[i].name,
		       (unsigned long long)rows[i].pages, size);
	}
}

static void info_lists(const struct info *info, const json_t *spaces)
{
	char uuid[CTL_UUID_BYTES];
	char size[32];

	puts("regions");
	for (uint32_t i = 0; i < info->map.count; i++) {
		const struct ppt_region *region = &info->map.region[i];

		ctl_uuid_text(&region->uuid, uuid);
		ctl_size_text(region->len, size);
		printf("  %s  %-6s  0x%013llx  %s\n", uuid,
		       ctl_kind_text(region->kind),
		       (unsigned long long)region->base, size);
	}
	puts("spaces");
	for (size_t i = 0; i < json_array_size(spaces); i++) {
		const json_t *space = json_array_get(spaces, i);
		char name[CTL_NAME_CLEAN];

		printf("  %-31s  %s  root %s\n",
		       cli_clean(json_string_value(json_object_get(space, "nam"
									  "e")),
				 name, sizeof(name)),
		       json_string_value(json_object_get(space, "format")),
		       json_string_value(json_object_get(space, "root_pa")));
	}
}

static void info_text(const struct ctl *ctl, const struct info *info,
		      const json_t *spaces)
{
	const struct ppt_geometry *g = &info->geometry;
	char uuid[CTL_UUID_BYTES];
	char size[32];

	ctl_uuid_text(&g->uuid, uuid);
	printf("pool         %s\nuuid         %s\n", ctl->cli.args[0], uuid);
	ctl_size_text(g->bytes, size);
	printf("size         %s at 0x%llx\n", size,
	       (unsigned long long)g->phys_base);
	printf("version      %u.%u, features compat 0x%llx, "
	       "ro_compat 0x%llx, incompat 0x%llx\n",
	       g->version >> 16, g->version & 0xffff,
	       (unsigned long long)g->compat, (unsigned long long)g->ro_compat,
	       (unsigned long long)g->incompat);
	printf("generation   %llu, epoch %u\n",
	       (unsigned long long)g->generation, ctl->attach.epoch);
	ctl_size_text(g->journal_bytes, size);
	printf("journal      %s, %llu records to replay\n", size,
	       (unsigned long long)ctl->attach.records_replayed);
	printf("durability   %s\n",
	       info->power_fail ?
		       "survives power loss" :
		       "survives the death of the process; power loss is "
		       "NOT covered on this file");
	ctl_shutdown_text(&ctl->attach);
	info_pages(&info->usage);
	info_lists(info, spaces);
}

static int info(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	struct info info;
	json_t *spaces;
	int ret;

	ppt_geometry(ctl->pool, &info.geometry);
	ppt_memory_map(ctl->pool, &info.map);
	info.power_fail = ppt_host_is_pmem(ctl->host);
	ret = ppt_usage(ctl->pool, &info.usage, &diag);
	if (ret)
		return ctl_fail(ctl, ret, &diag, NULL);
	spaces = ctl_json_spaces(ctl, &ret, &diag);
	if (ret) {
		json_decref(spaces);
		return ctl_fail(ctl, ret, &diag, NULL);
	}
	if (cli_wants_json(&ctl->cli)) {
		info_json(ctl, &info, spaces);
	} else {
		info_text(ctl, &info, spaces);
		json_decref(spaces);
	}
	return CTL_OK;
}

int ctl_cmd_info(struct ctl *ctl)
{
	return ctl_with_pool(ctl, PPT_HOST_READ_ONLY, info);
}

/* -------------------------------------------------- checkpoint, reclaim -- */

static int checkpoint(struct ctl *ctl)
{
	struct ppt_diag none = { .err = 0 };
	int ret = ppt_checkpoint(ctl->pool);

	return ret ? ctl_fail(ctl, ret, &none, NULL) : CTL_OK;
}

int ctl_cmd_checkpoint(struct ctl *ctl)
{
	return ctl_with_pool(ctl, 0, checkpoint);
}

static int reclaim(struct ctl *ctl)
{
	struct ppt_diag diag = { .what = "reclaim list",
				 .why = "damaged; a repair mends it" };

	if (ctl->attach.reclaim_damaged)
		return ctl_fail(ctl, PPT_E_CORRUPT, &diag, NULL);
	cli_catch_interrupts();
	return ctl_reclaim(ctl);
}

int ctl_cmd_reclaim(struct ctl *ctl)
{
	return ctl_with_pool(ctl, 0, reclaim);
}
