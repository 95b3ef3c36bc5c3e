/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far it is, and how long it will still take.
 *
 * Layer: tools.  On standard error, so that the report can go elsewhere.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "pptsim.h"

#define NS_PER_S UINT64_C(1000000000)
#define EVERY_NS (NS_PER_S / 4)
/* Where lines are kept, there are fewer. */
#define EVERY_LINE_NS (NS_PER_S * 10)

void progress_begin(struct ctl *ctl)
{
	struct progress *p = &ctl->progress;

	p->terminal = isatty(STDERR_FILENO) != 0;
	p->shown = ctl->when == SIM_WHEN_ALWAYS ||
		   (ctl->when == SIM_WHEN_AUTO && p->terminal);
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

void progress_show(struct ctl *ctl, uint64_t done, uint64_t total,
		   const char *format, ...)
{
	struct progress *p = &ctl->progress;
	uint64_t now;
	double passed;
	char text[160];
	char left[32] = "?";
	va_list args;

	if (!p->shown)
		return;
	now = cli_now_ns();
	if (now - p->last_ns < (p->terminal ? EVERY_NS : EVERY_LINE_NS))
		return;
	p->last_ns = now;
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

void progress_end(struct ctl *ctl)
{
	if (ctl->progress.shown && ctl->progress.terminal)
		fputs("\r\033[K", stderr);
}
