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
