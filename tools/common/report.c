/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages, who reads the output, and interrupts.
 *
 * Layer: tools.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/common/cli.h"

void cli_say(const struct cli *cli, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s: ", cli->program->name);
	if (cli->command)
		fprintf(stderr, "%s: ", cli->command->name);
	fprintf(stderr, "%s\n", text);
}

int cli_bad(const struct cli *cli, const char *name, const char *text,
	    const char *why)
{
	cli_say(cli, "%s '%s': %s", name, text, why);
	return CLI_USAGE;
}

int cli_finish_output(const struct cli *cli)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	cli_say(cli, "standard output: %s", strerror(errno));
	return CLI_FAILED;
}

/* Bytes of the printable character that @s begins with, or 0. */
static size_t printable(const unsigned char *s)
{
	size_t len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] >= 0x20 && s[0] < 0x7f)
		return s[0] != '\\';
	/* U+0080 to U+009F are control characters too; none in a longer form. */
	if (s[0] < 0xc2 || s[0] > 0xf4 || (s[0] == 0xc2 && s[1] < 0xa0) ||
	    (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

const char *cli_clean(const char *text, char *out, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0;

	while (*s && n + 5 <= size) {
		size_t len = printable(s);

		if (len) {
			memcpy(out + n, s, len);
			n += len;
			s += len;
			continue;
		}
		n += (size_t)snprintf(out + n, size - n, "\\x%02x", *s++);
	}
	out[n] = '\0';
	return out;
}

bool cli_wants_json(const struct cli *cli)
{
	if (cli_given(cli, CLI_JSON))
		return true;
	return !cli_given(cli, CLI_TEXT) && !isatty(STDOUT_FILENO);
}

uint64_t cli_now_ns(void)
{
	struct timespec now = { .tv_sec = 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---------------------------------------------------------- interrupts -- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

const volatile sig_atomic_t *cli_catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return &interrupted;
}

bool cli_interrupted(void)
{
	return interrupted;
}
