/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Texts that users write: numbers, and one of several names.
 *
 * Layer: tools.  Nothing here accepts less than the whole text.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tools/common/cli.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* The shift of a suffix, -1 for what is none. */
static int suffix_lg2(const char *text)
{
	static const char suffixes[] = "KMGT";
	const char *at;

	if (!*text)
		return 0;
	at = strchr(suffixes, toupper((unsigned char)*text));
	if (!at || text[1])
		return -1;
	return 10 * (int)(at - suffixes + 1);
}

const char *cli_parse_number(const char *text, uint64_t *out)
{
	unsigned int base = 10;
	uint64_t value = 0;
	const char *first;
	int shift;

	if (*text == '-')
		return "negative";
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	for (first = text; (unsigned int)digit_of(*text) < base; text++) {
		unsigned int digit = (unsigned int)digit_of(*text);

		if (value > (UINT64_MAX - digit) / base)
			return "larger than 64 bits";
		value = value * base + digit;
	}
	if (text == first)
		return "not a number (decimal or 0x, with K, M, G or T)";
	shift = suffix_lg2(text);
	if (shift < 0)
		return "something follows the number (K, M, G or T may)";
	if (value << shift >> shift != value)
		return "larger than 64 bits";
	*out = value << shift;
	return NULL;
}

const char *cli_parse_name(const struct cli_name *names, const char *text,
			   const char *why, uint32_t *out)
{
	for (; names->text; names++) {
		if (strcasecmp(names->text, text) != 0)
			continue;
		*out = names->value;
		return NULL;
	}
	return why;
}
