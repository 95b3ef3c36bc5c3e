/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON: what every report is made of, and files that are read back.
 *
 * Layer: tools.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"

static void *need(void *value)
{
	if (!value) {
		fprintf(stderr, "%s: out of memory\n",
			program_invocation_short_name);
		exit(CLI_FAILED);
	}
	return value;
}

json_t *cli_json_need(json_t *value)
{
	return need(value);
}

void cli_json_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, need(value)))
		need(NULL);
}

void cli_json_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, need(value)))
		need(NULL);
}

json_t *cli_json_new(const char *schema)
{
	json_t *object = need(json_object());

	cli_json_set(object, "schema", json_string(schema));
	return object;
}

json_t *cli_json_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return need(json_string(text));
}

json_t *cli_json_u64(uint64_t value)
{
	return need(json_integer((json_int_t)value));
}

json_t *cli_json_text(const char *text)
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

void cli_json_print(json_t *value, size_t flags)
{
	/* Names come from media: no control character of any kind. */
	json_dumpf(value, stdout, flags | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(value);
}

json_t *cli_json_load(const struct cli *cli, const char *name, const char *path,
		      int *exit_code)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "re");
	json_error_t error;
	json_t *root;
	char text[256];

	if (!file) {
		cli_say(cli, "%s '%s': %s", name, path, strerror(errno));
		*exit_code = CLI_FAILED;
		return NULL;
	}
	root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!standard)
		fclose(file);
	if (root)
		return root;
	snprintf(text, sizeof(text), "line %d: %s", error.line, error.text);
	*exit_code = cli_bad(cli, name, path, text);
	return NULL;
}

bool cli_json_is(const json_t *value, const char *schema)
{
	const char *is = json_string_value(json_object_get(value, "schema"));

	return is && strcmp(is, schema) == 0;
}
