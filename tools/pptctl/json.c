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

static void *need(void *value)
{
	if (!value) {
		fputs("pptctl: out of memory\n", stderr);
		exit(CTL_FAILED);
	}
	return value;
}

void ctl_json_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, need(value)))
		need(NULL);
}

void ctl_json_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, need(value)))
		need(NULL);
}

json_t *ctl_json_new(const char *schema)
{
	json_t *object = need(json_object());

	ctl_json_set(object, "schema", json_string(schema));
	return object;
}

json_t *ctl_json_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return need(json_string(text));
}

json_t *ctl_json_u64(uint64_t value)
{
	return need(json_integer((json_int_t)value));
}

json_t *ctl_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *clean;
	char *to;

	if (value)
		return value;
	/* Each byte over 0x7f for itself: enough for a name that is none. */
	clean = need(malloc(3 * strlen(text) + 1));
	for (to = clean; *text; text++) {
		if ((unsigned char)*text < 0x80) {
			*to++ = *text;
			continue;
		}
		memcpy(to, "\xef\xbf\xbd", 3);
		to += 3;
	}
	*to = '\0';
	value = need(json_string(clean));
	free(clean);
	return value;
}

/* ------------------------------------------------------------- what we say */

json_t *ctl_json_extent(const struct ppt_extent *extent)
{
	json_t *object = need(json_object());
	char prot[8];

	ctl_prot_text(extent->prot, prot);
	ctl_json_set(object, "va", ctl_json_hex(extent->va));
	ctl_json_set(object, "pa", ctl_json_hex(extent->pa));
	ctl_json_set(object, "len", ctl_json_u64(extent->len));
	ctl_json_set(object, "prot", json_string(prot));
	ctl_json_set(object, "page_size", ctl_json_u64(extent->page_size));
	return object;
}

json_t *ctl_json_regions(const struct ppt_memory_map *map)
{
	json_t *array = need(json_array());

	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *region = &map->region[i];
		json_t *object = need(json_object());
		char uuid[CTL_UUID_BYTES];

		ctl_uuid_text(&region->uuid, uuid);
		ctl_json_set(object, "uuid", json_string(uuid));
		ctl_json_set(object, "kind",
			     json_string(ctl_kind_text(region->kind)));
		ctl_json_set(object, "base", ctl_json_hex(region->base));
		ctl_json_set(object, "len", ctl_json_u64(region->len));
		ctl_json_add(array, object);
	}
	return array;
}

json_t *ctl_json_space(const struct ppt_space_info *info)
{
	const char *format = ppt_format_name(info->format);
	json_t *object = need(json_object());

	ctl_json_set(object, "name", ctl_json_text(info->name));
	ctl_json_set(object, "format",
		     json_string(format ? format : "unknown"));
	ctl_json_set(object, "root_pa", ctl_json_hex(info->root_pa));
	ctl_json_set(object, "root_register",
		     ctl_json_hex(info->root_register));
	return object;
}

json_t *ctl_json_spaces(struct ctl *ctl, int *exit_code)
{
	json_t *array = need(json_array());
	struct ppt_space_info info;
	struct ppt_diag diag = { .err = 0 };
	uint64_t cursor = 0;
	int ret;

	while ((ret = ppt_space_next(ctl->pool, &cursor, &info, &diag)) == 0)
		ctl_json_add(array, ctl_json_space(&info));
	if (ret == PPT_E_NOENT)
		return array;
	*exit_code = ctl_fail(ctl, ret, &diag, NULL);
	json_decref(array);
	return NULL;
}

void ctl_json_print(json_t *value, size_t flags)
{
	json_dumpf(value, stdout, flags);
	putchar('\n');
	json_decref(value);
}

/* -------------------------------------------------------- what we are told */

/* A number as a JSON integer or as a text in the command line's manner. */
static const char *read_number(const json_t *object, const char *key,
			       uint64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return ctl_parse_number(json_string_value(value), out);
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
	if (!why && (region.len == 0 || region.len % PPT_PAGE_BYTES))
		why = "0, or not a multiple of 4 KiB";
	if (!why && region.base + region.len - 1 < region.base)
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
					      &map.region[i]);

		if (!why)
			continue;
		snprintf(text, sizeof(text), "region %zu: %s: %s", i, key, why);
		return ctl_bad(ctl, "--memory-map", path, text);
	}
	map.count = (uint32_t)count;
	*out = map;
	return CTL_OK;
}

int ctl_json_read_map(const struct ctl *ctl, const char *path,
		      struct ppt_memory_map *out)
{
	const char *schema;
	json_error_t error;
	json_t *root;
	char text[256];
	FILE *file;
	int ret;

	file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file) {
		ctl_say(ctl, "--memory-map '%s': %s", path, strerror(errno));
		return CTL_FAILED;
	}
	root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (file != stdin)
		fclose(file);
	if (!root) {
		snprintf(text, sizeof(text), "line %d: %s", error.line,
			 error.text);
		return ctl_bad(ctl, "--memory-map", path, text);
	}
	schema = json_string_value(json_object_get(root, "schema"));
	if (!schema || strcmp(schema, "pptable.memory-map/1") != 0)
		ret = ctl_bad(ctl, "--memory-map", path,
			      "schema is not pptable.memory-map/1");
	else
		ret = read_regions(ctl, path, json_object_get(root, "regions"),
				   out);
	json_decref(root);
	return ret;
}
