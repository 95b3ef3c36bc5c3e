/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far it is, and how long it will still take.
 *
 * Layer: tools.  On standard error, so that the report can go elsewhere.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/common/cli.h"

#define NS_PER_S UINT64_C(1000000000)
#define EVERY_NS (NS_PER_S / 4)
/* Where lines are kept, there are fewer. */
#define EVERY_LINE_NS (NS_PER_S * 10)

const char *cli_parse_when(const char *text, enum cli_when *out)
{
	static const struct cli_name names[] = {
		{ "auto", CLI_WHEN_AUTO },
		{ "always", CLI_WHEN_ALWAYS },
		{ "never", CLI_WHEN_NEVER },
		{ NULL, 0 },
	};
	uint32_t value;
	const char *why = cli_parse_name(names, text,
					 "none of auto, always, never", &value);

	if (!why)
		*out = (enum cli_when)value;
	return why;
}

void cli_progress_begin(struct cli_progress *p, enum cli_when when)
{
	p->terminal = isatty(STDERR_FILENO) != 0;
	p->shown = when == CLI_WHEN_ALWAYS ||
		   (when == CLI_WHEN_AUTO && p->terminal);
	p->whole = false;
	p->begun_ns = cli_now_ns();
	p->last_ns = p->begun_ns;
}

/* "3 min 20 s"; @out has at least 32 bytes. */
static void duration_text(double seconds, char *out)
{
	unsigned long long s = (unsigned long long)(seconds + 0.5);

	if (s >= 3600)
		snprintf(out, 32, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(out, 32, "%llu min %llu s", s / 60, s % 60);
	else
		snprintf(out, 32, "%llu s", s);
}

/* A little time has passed, or all is done and that was not said. */
static bool is_due(const struct cli_progress *p, uint64_t now, bool whole)
{
	uint64_t every = p->terminal ? EVERY_NS : EVERY_LINE_NS;

	return now - p->last_ns >= every || (whole && !p->whole);
}

void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total,
		       const char *format, ...)
{
	bool whole = done && done == total;
	uint64_t now;
	double passed;
	char text[160];
	char left[32] = "?";
	va_list args;

	if (!p->shown)
		return;
	now = cli_now_ns();
	if (!is_due(p, now, whole))
		return;
	p->last_ns = now;
	p->whole = whole;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	passed = (double)(now - p->begun_ns) / (double)NS_PER_S;
	if (done && total >= done)
		duration_text(passed / (double)done * (double)(total - done),
			      left);
	fprintf(stderr, "%s%llu of %llu %s, %s left%s", p->terminal ? "\r" : "",
		(unsigned long long)done, (unsigned long long)total, text, left,
		p->terminal ? "\033[K" : "\n");
	fflush(stderr);
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown && p->terminal)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
