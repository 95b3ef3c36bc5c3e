/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Texts that users write: rights, sizes, identities, regions.
 *
 * Layer: tools.  Nothing here accepts less than the whole text.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

#include "pptctl.h"

const char *ctl_parse_pid(const char *text, int *out)
{
	uint64_t value;
	const char *why = cli_parse_number(text, &value);

	if (why)
		return why;
	if (value == 0 || value > INT_MAX)
		return "not a process";
	*out = (int)value;
	return NULL;
}

/* --------------------------------------------------------------- rights -- */

static const char prot_letters[] = "rwxug";

const char *ctl_parse_prot(const char *text, uint32_t *out)
{
	uint32_t prot = 0;

	if (!*text)
		return "empty (some of the letters rwxug)";
	for (; *text; text++) {
		const char *at;
		uint32_t bit;

		if (*text == '-')
			continue;
		at = strchr(prot_letters, *text);
		if (!at)
			return "has a letter that is none of rwxug";
		bit = UINT32_C(1) << (at - prot_letters);
		if (prot & bit)
			return "has a letter twice";
		prot |= bit;
	}
	*out = prot;
	return NULL;
}

void ctl_prot_text(uint32_t prot, char *out)
{
	for (unsigned int i = 0; prot_letters[i]; i++)
		*out++ = prot & (UINT32_C(1) << i) ? prot_letters[i] : '-';
	*out = '\0';
}

/* ---------------------------------------------------------------- names -- */

const char *ctl_parse_page_size(const char *text, uint32_t *out)
{
	static const struct cli_name names[] = {
		{ "auto", 0 },        { "4k", PPT_MAP_4K },
		{ "2m", PPT_MAP_2M }, { "1g", PPT_MAP_1G },
		{ NULL, 0 },
	};

	return cli_parse_name(names, text, "none of 4k, 2m, 1g, auto", out);
}

const char *ctl_parse_flush(const char *text, enum ppt_flush *out)
{
	static const struct cli_name names[] = {
		{ "auto", PPT_FLUSH_AUTO },
		{ "clwb", PPT_FLUSH_CLWB },
		{ "clflushopt", PPT_FLUSH_CLFLUSHOPT },
		{ "clflush", PPT_FLUSH_CLFLUSH },
		{ "eadr", PPT_FLUSH_EADR },
		{ NULL, 0 },
	};
	uint32_t value;
	const char *why = cli_parse_name(
		names, text, "none of auto, clwb, clflushopt, clflush, eadr",
		&value);

	if (!why)
		*out = (enum ppt_flush)value;
	return why;
}

const char *ctl_parse_trust(const char *text, enum ppt_trust *out)
{
	static const struct cli_name names[] = {
		{ "touch", PPT_TRUST_TOUCH },
		{ "none", PPT_TRUST_NONE },
		{ "full", PPT_TRUST_FULL },
		{ NULL, 0 },
	};
	uint32_t value;
	const char *why = cli_parse_name(names, text,
					 "none of touch, none, full", &value);

	if (!why)
		*out = (enum ppt_trust)value;
	return why;
}

const char *ctl_parse_lost(const char *text, enum ppt_lost *out)
{
	static const struct cli_name names[] = {
		{ "fault", PPT_LOST_FAULT },
		{ "drop", PPT_LOST_DROP },
		{ "replace", PPT_LOST_REPLACE },
		{ NULL, 0 },
	};
	uint32_t value;
	const char *why = cli_parse_name(
		names, text, "none of fault, drop, replace", &value);

	if (!why)
		*out = (enum ppt_lost)value;
	return why;
}

static const struct cli_name kinds[] = {
	{ "pool", PPT_REGION_POOL },
	{ "pmem", PPT_REGION_PMEM },
	{ "dram", PPT_REGION_DRAM },
	{ "device", PPT_REGION_DEVICE },
	{ NULL, 0 },
};

const char *ctl_parse_kind(const char *text, uint32_t *out)
{
	return cli_parse_name(kinds, text,
			      "kind is none of pool, pmem, dram, device", out);
}

const char *ctl_kind_text(uint32_t kind)
{
	for (const struct cli_name *name = kinds; name->text; name++)
		if (name->value == kind)
			return name->text;
	return "unknown";
}

const char *ctl_parse_name(const char *text)
{
	size_t len = strlen(text);
	json_t *utf8;

	if (len == 0)
		return "empty";
	if (len >= PPT_NAME_BYTES)
		return "longer than 31 bytes";
	for (const char *c = text; *c; c++) {
		if (*c == '/')
			return "has a '/'";
		if (iscntrl((unsigned char)*c))
			return "has a control character";
	}
	/* What JSON could not show could not be named by its reader either. */
	utf8 = json_string(text);
	if (!utf8)
		return "not UTF-8";
	json_decref(utf8);
	return NULL;
}

/* ----------------------------------------------------------- identities -- */

const char *ctl_parse_uuid(const char *text, struct ppt_uuid *out)
{
	uuid_t uuid;

	if (uuid_parse(text, uuid))
		return "not a UUID";
	if (uuid_is_null(uuid))
		return "the null UUID, which identifies nothing";
	memcpy(out->b, uuid, sizeof(out->b));
	return NULL;
}

void ctl_uuid_text(const struct ppt_uuid *uuid, char *out)
{
	uuid_unparse_lower(uuid->b, out);
}

/* -------------------------------------------------------------- regions -- */

/* One key=value of a region; @seen has a bit for each key. */
static const char *set_region_field(char *field, struct ppt_region *region,
				    unsigned int *seen)
{
	static const char *const keys[] = { "uuid", "kind", "base", "len" };
	char *value = strchr(field, '=');
	unsigned int key;

	if (!value)
		return "not of the form uuid=U,kind=K,base=PA,len=LEN";
	*value++ = '\0';
	for (key = 0; key < 4; key++)
		if (strcmp(field, keys[key]) == 0)
			break;
	if (key == 4)
		return "has a key that is none of uuid, kind, base, len";
	if (*seen & 1u << key)
		return "has a key twice";
	*seen |= 1u << key;
	switch (key) {
	case 0:
		return ctl_parse_uuid(value, &region->uuid);
	case 1:
		return ctl_parse_kind(value, &region->kind);
	case 2:
		return cli_parse_number(value, &region->base) ?
			       "base is not a number" :
			       NULL;
	default:
		return cli_parse_number(value, &region->len) ?
			       "len is not a number" :
			       NULL;
	}
}

static const char *check_region(const struct ppt_region *region)
{
	if (region->kind == PPT_REGION_POOL)
		return "kind pool is for the pool itself, which is recorded";
	if (region->base % PPT_PAGE_BYTES)
		return "base is not a multiple of 4 KiB";
	if (region->len == 0)
		return "len is 0";
	if (region->len % PPT_PAGE_BYTES)
		return "len is not a multiple of 4 KiB";
	if (region->base + region->len - 1 < region->base)
		return "base and len go beyond 64 bits";
	return NULL;
}

const char *ctl_parse_region(const char *text, struct ppt_region *out)
{
	struct ppt_region region;
	unsigned int seen = 0;
	char copy[256];
	char *rest = copy;
	char *field;
	const char *why;

	memset(&region, 0, sizeof(region));
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return "too long";
	while ((field = strsep(&rest, ",")) != NULL) {
		why = set_region_field(field, &region, &seen);
		if (why)
			return why;
	}
	if (seen != 0xf)
		return "lacks one of uuid, kind, base, len";
	why = check_region(&region);
	if (!why)
		*out = region;
	return why;
}

/* --------------------------------------------------------------- policy -- */

static const char *set_policy(const char *word, uint32_t *policy,
			      uint32_t *pa_bits)
{
	static const struct cli_name names[] = {
		{ "wx", PPT_POLICY_WX },
		{ "user", PPT_POLICY_USER },
		{ "supervisor", PPT_POLICY_SUPERVISOR },
		{ NULL, 0 },
	};
	uint32_t bit;
	uint64_t bits;

	if (!cli_parse_name(names, word, "", &bit)) {
		*policy |= bit;
		return NULL;
	}
	if (strncmp(word, "pa-bits=", 8) != 0)
		return "none of wx, user, supervisor, pa-bits=N";
	if (cli_parse_number(word + 8, &bits) || bits < 32 || bits > 52)
		return "pa-bits is not a number from 32 to 52";
	*pa_bits = (uint32_t)bits;
	return NULL;
}

const char *ctl_parse_policy(const char *text, uint32_t *policy,
			     uint32_t *pa_bits)
{
	uint32_t p = 0, bits = *pa_bits;
	const char *why = NULL;
	char copy[128];
	char *rest = copy;
	char *word;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return "too long";
	while (!why && (word = strsep(&rest, ",")) != NULL)
		why = set_policy(word, &p, &bits);
	if (why)
		return why;
	*policy |= p;
	*pa_bits = bits;
	return NULL;
}
