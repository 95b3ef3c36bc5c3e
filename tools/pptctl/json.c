/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON: what every report is made of, and the memory map that is read back.
 *
 * Layer: tools.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptctl.h"

/* ------------------------------------------------------------- what we say */

json_t *ctl_json_extent(const struct ppt_extent *extent)
{
	json_t *object = cli_json_need(json_object());
	char prot[8];

	ctl_prot_text(extent->prot, prot);
	cli_json_set(object, "va", cli_json_hex(extent->va));
	cli_json_set(object, "pa", cli_json_hex(extent->pa));
	cli_json_set(object, "len", cli_json_u64(extent->len));
	cli_json_set(object, "prot", json_string(prot));
	cli_json_set(object, "page_size", cli_json_u64(extent->page_size));
	return object;
}

json_t *ctl_json_regions(const struct ppt_memory_map *map)
{
	json_t *array = cli_json_need(json_array());

	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *region = &map->region[i];
		json_t *object = cli_json_need(json_object());
		char uuid[CTL_UUID_BYTES];

		ctl_uuid_text(&region->uuid, uuid);
		cli_json_set(object, "uuid", json_string(uuid));
		cli_json_set(object, "kind",
			     json_string(ctl_kind_text(region->kind)));
		cli_json_set(object, "base", cli_json_hex(region->base));
		cli_json_set(object, "len", cli_json_u64(region->len));
		cli_json_add(array, object);
	}
	return array;
}

json_t *ctl_json_space(const struct ppt_space_info *info)
{
	const char *format = ppt_format_name(info->format);
	json_t *object = cli_json_need(json_object());

	cli_json_set(object, "name", cli_json_text(info->name));
	cli_json_set(object, "format",
		     json_string(format ? format : "unknown"));
	cli_json_set(object, "root_pa", cli_json_hex(info->root_pa));
	cli_json_set(object, "root_register",
		     cli_json_hex(info->root_register));
	return object;
}

void ctl_error_json(json_t *root, int err, const char *text)
{
	cli_json_set(root, "error", cli_json_text(text));
	cli_json_set(root, "error_name", json_string(ppt_error_name(err)));
}

json_t *ctl_json_spaces(struct ctl *ctl, int *err, struct ppt_diag *diag)
{
	json_t *array = cli_json_need(json_array());
	struct ppt_space_info info;
	uint64_t cursor = 0;
	int ret;

	while ((ret = ppt_space_next(ctl->pool, &cursor, &info, diag)) == 0)
		cli_json_add(array, ctl_json_space(&info));
	*err = ret == PPT_E_NOENT ? 0 : ret;
	return array;
}

/* -------------------------------------------------------- what we are told */

/* A number as a JSON integer or as a text in the command line's manner. */
static const char *read_number(const json_t *object, const char *key,
			       uint64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return cli_parse_number(json_string_value(value), out);
	if (!json_is_integer(value))
		return "missing, or neither a number nor a text";
	if (json_integer_value(value) < 0)
		return "negative";
	*out = (uint64_t)json_integer_value(value);
	return NULL;
}

/* NULL, or why; @key is what is at fault. */
static const char *read_region(const json_t *object, const char **key,
			       struct ppt_region *out)
{
	struct ppt_region region;
	const char *text;
	const char *why;

	memset(&region, 0, sizeof(region));
	*key = "uuid";
	text = json_string_value(json_object_get(object, *key));
	why = text ? ctl_parse_uuid(text, &region.uuid) : "missing";
	if (why)
		return why;
	*key = "kind";
	text = json_string_value(json_object_get(object, *key));
	why = text ? ctl_parse_kind(text, &region.kind) : "missing";
	if (why)
		return why;
	*key = "base";
	why = read_number(object, *key, &region.base);
	if (!why && region.base % PPT_PAGE_BYTES)
		why = "not a multiple of 4 KiB";
	if (why)
		return why;
	*key = "len";
	why = read_number(object, *key, &region.len);
	if (!why && region.len % PPT_PAGE_BYTES)
		why = "not a multiple of 4 KiB";
	if (!why && region.len && region.base + region.len - 1 < region.base)
		why = "goes beyond 64 bits";
	if (!why)
		*out = region;
	return why;
}

static int read_regions(const struct ctl *ctl, const char *path,
			const json_t *array, struct ppt_memory_map *out)
{
	struct ppt_memory_map map;
	char text[160];
	size_t count = json_array_size(array);

	memset(&map, 0, sizeof(map));
	if (count == 0 || count > PPT_REGIONS_MAX) {
		snprintf(text, sizeof(text), "has %zu regions (1 to %u)", count,
			 PPT_REGIONS_MAX);
		return ctl_bad(ctl, "--memory-map", path, text);
	}
	for (size_t i = 0; i < count; i++) {
		const char *key = "";
		const char *why = read_region(json_array_get(array, i), &key,
					      &map.region[map.count]);

		/* As recorded; 0 bytes: gone, so not in a present map. */
		if (!why)
			map.count += map.region[map.count].len != 0;
		if (!why)
			continue;
		snprintf(text, sizeof(text), "region %zu: %s: %s", i, key, why);
		return ctl_bad(ctl, "--memory-map", path, text);
	}
	*out = map;
	return CTL_OK;
}

int ctl_json_read_map(const struct ctl *ctl, const char *path,
		      struct ppt_memory_map *out)
{
	int ret = CTL_OK;
	json_t *root = cli_json_load(&ctl->cli, "--memory-map", path, &ret);

	if (!root)
		return ret;
	if (!cli_json_is(root, "pptable.memory-map/1"))
		ret = ctl_bad(ctl, "--memory-map", path,
			      "schema is not pptable.memory-map/1");
	else
		ret = read_regions(ctl, path, json_object_get(root, "regions"),
				   out);
	json_decref(root);
	return ret;
}
