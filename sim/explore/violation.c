/* SPDX-License-Identifier: BSD-3-Clause */
/* violation.c - the story of a violation, and the line that replays it. */
#include <stdarg.h>
#include <string.h>

#include <unistd.h>

#include "sim/explore/engine.h"
#include "sim/explore/line.h"

#define LOST_MAX 12u

static void append(char *text, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t bytes, const char *format, ...)
{
	size_t at = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + at, bytes - at, format, args);
	va_end(args);
}

static void tell_point(const struct engine *x, unsigned level, char *text,
		       size_t bytes)
{
	const struct trace *t = level ? &x->run[level - 1].trace : &x->work;
	uint32_t at = x->run[level].at.event;
	const struct trace_event *e = at < t->count ? &t->event[at] : NULL;

	append(text, bytes, "  %s event %u of the %s (%s at %s)",
	       level ? "then crash before" : "crash before", at,
	       level ? "recovery" : "workload",
	       e ? trace_kind_name((enum trace_kind)e->kind) : "its end",
	       e ? trace_site_text(e->site) : "-");
	if (level && at >= x->run[level - 1].back)
		append(text, bytes, ", after attach had returned");
	append(text, bytes, "\n");
}

/* Words that were stored and did not survive, as far as somebody looked. */
static void tell_lost(const struct engine *x, char *text, size_t bytes)
{
	unsigned lost = 0;

	for (unsigned level = 0; level <= x->level; level++) {
		const struct decisions *log = &x->run[level].log;
		uint32_t n = level < x->level ? x->run[level].in_force :
						log->count;

		for (uint32_t i = 0; i < n; i++) {
			const struct pending *p = log->d[i].at;
			const struct chain *c = &p->chain[log->d[i].chain];
			const struct step *s = &p->step[c->last];

			if (c->hi == c->n && !c->garbled)
				continue;
			if (lost++ < LOST_MAX)
				append(text, bytes,
				       "  %s: page %u word %u, %u of %u "
				       "stores, last by %s\n",
				       c->garbled ? "garbled" : "lost",
				       s->word / 512, s->word % 512,
				       c->n - c->hi, c->n,
				       trace_site_text(s->site));
		}
	}
	if (lost > LOST_MAX)
		append(text, bytes, "  … %u more\n", lost - LOST_MAX);
}

static const char *operation(const struct engine *x)
{
	uint32_t acks = 0;

	for (uint32_t i = 0; i < x->run[0].at.event && i < x->work.count; i++)
		acks += x->work.event[i].kind == TRACE_ACK;
	return acks < x->rows ? world_ops[x->row[acks]].name : "the end";
}

void engine_violation(struct engine *x, const char *kind, const char *format,
		      ...)
{
	struct sim_violation *v = &x->res->violation[x->res->kept];
	va_list args;

	x->res->violations++;
	if (x->opt->first)
		x->halt = true;
	if (x->res->kept == SIM_VIOLATIONS_KEPT)
		return;
	x->res->kept++;
	memset(v, 0, sizeof(*v));
	(void)snprintf(v->kind, sizeof(v->kind), "%s", kind);
	va_start(args, format);
	(void)vsnprintf(v->text, sizeof(v->text) - 1, format, args);
	va_end(args);
	append(v->text, sizeof(v->text), "\n  workload %s, in %s\n", x->name,
	       operation(x));
	for (unsigned i = 0; i <= x->level; i++)
		tell_point(x, i, v->text, sizeof(v->text));
	tell_lost(x, v->text, sizeof(v->text));
	line_make(x, v->line, sizeof(v->line));
}

/* ----------------------------------------------------------------- faults -- */

static const struct engine *guarded;

/* A store beside core/pm, or a load from nowhere: tell which, and die of it. */
static void on_fault(int signal, siginfo_t *info, void *unused)
{
	char text[SIM_LINE_BYTES + 128], line[SIM_LINE_BYTES];
	const struct engine *x = guarded;
	const char *what = "access to memory that is not there";
	const char *at = info->si_addr;
	int n;

	(void)unused;
	if (x && at >= (const char *)x->media.read &&
	    at < (const char *)(x->media.read + x->media.words))
		what = "stray store to the media";
	line[0] = 0;
	if (x)
		line_make(x, line, sizeof(line));
	n = snprintf(text, sizeof(text), "pptsim: %s at %p; replay: %s\n", what,
		     info->si_addr, line);
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(3);
	(void)raise(signal);
}

void engine_guard(const struct engine *x)
{
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO |
						(int)SA_RESETHAND };

	guarded = x;
	if (!x)
		return;
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
}
