/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands on mappings: map, unmap, protect, translate.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pptctl.h"

/* --------------------------------------------------------------- change -- */

static int change(struct ctl *ctl)
{
	struct ppt_space space;
	int ret = ctl_find_space(ctl, &space);

	if (!ret)
		ret = ctl_op_run(ctl, &space, ctl->state);
	if (ret)
		return ret;
	cli_catch_interrupts();
	return ctl_reclaim(ctl);
}

static int parse_and_change(struct ctl *ctl, enum ctl_op_kind kind)
{
	struct ctl_op op;
	int ret = ctl_op_parse(ctl, kind, ctl->cli.args + 2, &ctl->opt, &op);

	if (ret)
		return ret;
	ctl->state = &op;
	return ctl_with_pool(ctl, 0, change);
}

int ctl_cmd_map(struct ctl *ctl)
{
	return parse_and_change(ctl, CTL_OP_MAP);
}

int ctl_cmd_unmap(struct ctl *ctl)
{
	return parse_and_change(ctl, CTL_OP_UNMAP);
}

int ctl_cmd_protect(struct ctl *ctl)
{
	return parse_and_change(ctl, CTL_OP_PROTECT);
}

/* ------------------------------------------------------------ translate -- */

/* One VA and where it leads; @mapped false: nowhere. */
struct translation {
	const char *text;
	bool mapped;
	ppt_va_t va;
	struct ppt_extent extent;
};

static void print_translations(const struct ctl *ctl,
			       const struct translation *t, int count)
{
	json_t *array = json_array();
	json_t *root;

	for (int i = 0; i < count; i++) {
		json_t *object;

		if (t[i].mapped) {
			object = ctl_json_extent(&t[i].extent);
		} else {
			object = json_object();
			cli_json_set(object, "va", cli_json_hex(t[i].va));
		}
		cli_json_set(object, "mapped", json_boolean(t[i].mapped));
		cli_json_add(array, object);
	}
	root = cli_json_new("pptable.translate/1");
	cli_json_set(root, "space", cli_json_text(ctl->cli.args[1]));
	cli_json_set(root, "translations", array);
	cli_json_print(root, JSON_INDENT(2));
}

static void print_translation(const struct translation *t)
{
	char prot[8];

	if (!t->mapped) {
		printf("0x%llx  not mapped\n", (unsigned long long)t->va);
		return;
	}
	ctl_prot_text(t->extent.prot, prot);
	printf("0x%llx  0x%llx  %s  %llu\n", (unsigned long long)t->va,
	       (unsigned long long)t->extent.pa, prot,
	       (unsigned long long)t->extent.page_size);
}

static int translate_one(const struct ctl *ctl, struct ppt_space *space,
			 struct translation *t)
{
	const struct ctl_argument arguments[] = {
		{ "va", "VA", t->text },
		{ NULL, NULL, NULL },
	};
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_translate(space, t->va, &t->extent, &diag);

	t->mapped = ret == 0;
	if (!ret)
		return CTL_OK;
	if (ret != PPT_E_NOENT && ret != PPT_E_REGION)
		return ctl_fail(ctl, ret, &diag, arguments);
	ctl_say(ctl, "VA '%s': %s", t->text, diag.why);
	return CTL_UNMAPPED;
}

static int translate(struct ctl *ctl)
{
	struct translation *all = ctl->state;
	int count = ctl->cli.nargs - 2;
	struct ppt_space space;
	int result;

	result = ctl_find_space(ctl, &space);
	if (result)
		return result;
	for (int i = 0; i < count; i++) {
		result |= translate_one(ctl, &space, &all[i]);
		if (result & ~CTL_UNMAPPED)
			return result & ~CTL_UNMAPPED;
	}
	if (cli_wants_json(&ctl->cli)) {
		print_translations(ctl, all, count);
		return result;
	}
	for (int i = 0; i < count; i++)
		print_translation(&all[i]);
	return result;
}

int ctl_cmd_translate(struct ctl *ctl)
{
	int count = ctl->cli.nargs - 2;
	struct translation *all = calloc((size_t)count, sizeof(*all));
	int ret = CTL_OK;

	if (!all) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	for (int i = 0; i < count && !ret; i++) {
		const char *why;

		all[i].text = ctl->cli.args[2 + i];
		why = cli_parse_number(all[i].text, &all[i].va);
		if (why)
			ret = ctl_bad(ctl, "VA", all[i].text, why);
	}
	ctl->state = all;
	if (!ret)
		ret = ctl_with_pool(ctl, PPT_HOST_READ_ONLY, translate);
	free(all);
	return ret;
}
