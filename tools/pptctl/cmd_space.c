/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on spaces: create, list, rename, delete.
 *
 * Layer: tools.
 */
#include <stdio.h>

#include "pptctl.h"

/* What the state of the pool is at fault for, and not the argument. */
static int fail_space(const struct ctl *ctl, int err,
		      const struct ppt_diag *diag)
{
	const struct ctl_argument arguments[] = {
		{ "name", "NAME", ctl->cli.args[1] },
		{ NULL, NULL, NULL },
	};

	if (err != PPT_E_EXIST && err != PPT_E_NOENT)
		return ctl_fail(ctl, err, diag, arguments);
	ctl_say(ctl, "NAME '%s': %s in %s", ctl->cli.args[1],
		err == PPT_E_EXIST ? "a space of this name exists" :
				     "no such space",
		ctl->cli.args[0]);
	return CTL_FAILED;
}

static int space_create(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_space_create(ctl->pool, ctl->cli.args[1], ctl->opt.format,
				   NULL, &diag);

	return ret ? fail_space(ctl, ret, &diag) : CTL_OK;
}

int ctl_cmd_space_create(struct ctl *ctl)
{
	const char *why = ctl_parse_name(ctl->cli.args[1]);

	if (why)
		return ctl_bad(ctl, "NAME", ctl->cli.args[1], why);
	return ctl_with_pool(ctl, 0, space_create);
}

static int space_rename(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_space_rename(ctl->pool, ctl->cli.args[1],
				   ctl->cli.args[2], &diag);

	if (ret != PPT_E_EXIST)
		return ret ? fail_space(ctl, ret, &diag) : CTL_OK;
	ctl_say(ctl, "NEW '%s': a space of this name exists in %s",
		ctl->cli.args[2], ctl->cli.args[0]);
	return CTL_FAILED;
}

int ctl_cmd_space_rename(struct ctl *ctl)
{
	const char *why = ctl_parse_name(ctl->cli.args[2]);

	if (why)
		return ctl_bad(ctl, "NEW", ctl->cli.args[2], why);
	return ctl_with_pool(ctl, 0, space_rename);
}

static int space_delete(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_space_delete(ctl->pool, ctl->cli.args[1], &diag);

	if (ret)
		return fail_space(ctl, ret, &diag);
	cli_catch_interrupts();
	return ctl_reclaim(ctl);
}

int ctl_cmd_space_delete(struct ctl *ctl)
{
	return ctl_with_pool(ctl, 0, space_delete);
}

static int space_list(struct ctl *ctl)
{
	struct ppt_diag diag = { .err = 0 };
	int ret;
	json_t *spaces = ctl_json_spaces(ctl, &ret, &diag);
	json_t *root;

	if (ret) {
		json_decref(spaces);
		return ctl_fail(ctl, ret, &diag, NULL);
	}
	if (cli_wants_json(&ctl->cli)) {
		root = cli_json_new("pptable.space-list/1");
		cli_json_set(root, "spaces", spaces);
		cli_json_print(root, JSON_INDENT(2));
		return CTL_OK;
	}
	printf("%-31s  %-9s  %-18s  %s\n", "NAME", "FORMAT", "ROOT",
	       "REGISTER");
	for (size_t i = 0; i < json_array_size(spaces); i++) {
		const json_t *space = json_array_get(spaces, i);
		char name[CTL_NAME_CLEAN];

		printf("%-31s  %-9s  %-18s  %s\n",
		       cli_clean(json_string_value(json_object_get(space, "nam"
									  "e")),
				 name, sizeof(name)),
		       json_string_value(json_object_get(space, "format")),
		       json_string_value(json_object_get(space, "root_pa")),
		       json_string_value(json_object_get(space, "root_"
								"register")));
	}
	json_decref(spaces);
	return CTL_OK;
}

int ctl_cmd_space_list(struct ctl *ctl)
{
	return ctl_with_pool(ctl, PPT_HOST_READ_ONLY, space_list);
}
