/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds.  A machine's speed changes while one measures; so floors and
 * subjects take turns, a few milliseconds each, and a ratio is that of figures
 * of the same round.
 *
 * Layer: bench.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), compare);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* ------------------------------------------------------------- selecting -- */

struct bench *bench_find(const char *name)
{
	for (int g = 0; g < BENCH_GROUPS; g++)
		for (size_t i = 0; i < bench_groups[g].count; i++)
			if (!strcmp(bench_groups[g].bench[i].name, name))
				return &bench_groups[g].bench[i];
	return NULL;
}

/* The start of its name, or a pattern of the whole. */
static bool matches(const struct bench *b, const char *word)
{
	return !strncmp(b->name, word, strlen(word)) ||
	       !fnmatch(word, b->name, 0);
}

static bool select_word(const char *word)
{
	bool any = false;

	for (int g = 0; g < BENCH_GROUPS; g++) {
		for (size_t i = 0; i < bench_groups[g].count; i++) {
			struct bench *b = &bench_groups[g].bench[i];

			if (!matches(b, word))
				continue;
			any = true;
			if ((!strncmp(b->name, "attach_", 7) ||
			     !strncmp(b->name, "first_touch", 11)) &&
			    b->n > bench_options.limit)
				continue;
			b->selected = true;
			if (b->ratio_to)
				bench_find(b->ratio_to)->selected = true;
		}
	}
	return any;
}

bool bench_select(const char *filter)
{
	bool known = true;
	char *words = strdup(filter ? filter : "*");
	char *rest = words;
	char *word;

	if (!words)
		bench_die("out of memory");
	while (known && (word = strsep(&rest, ",")))
		known = select_word(word);
	free(words);
	return known;
}

/* --------------------------------------------------------------- progress -- */

static void progress(const struct bench *b, unsigned int round)
{
	static bool shown;

	if (!isatty(STDERR_FILENO))
		return;
	if (b && round)
		fprintf(stderr, "\r\033[Kround %u of %u: %s", round,
			bench_options.rounds, b->name);
	else if (b)
		fprintf(stderr, "\r\033[Kpreparing %s", b->name);
	else if (shown)
		fputs("\r\033[K", stderr);
	shown = b != NULL;
}

/* ---------------------------------------------------------------- rounds -- */

void bench_add(struct bench_sample *to, const struct bench_sample *s)
{
	to->ns += s->ns;
	to->ops += s->ops;
	to->counted = s->counted;
	to->fences += s->fences;
	to->flushes += s->flushes;
	to->journal_lines += s->journal_lines;
}

/* Another order for each slice: nothing always follows the same neighbour. */
static void reorder(struct bench **order, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)random() % i;
		struct bench *b = order[k];

		order[k] = order[i - 1];
		order[i - 1] = b;
	}
}

static void run_round(struct bench **order, size_t n, unsigned int slices,
		      unsigned int round)
{
	for (unsigned int s = 0; s < slices; s++) {
		reorder(order, n);
		for (size_t i = 0; i < n; i++) {
			struct bench *b = order[i];
			struct bench_sample sample = { .ns = 0 };

			progress(b, round + 1);
			b->ops->slice(b, &sample);
			bench_add(&b->result.total, &sample);
			b->result.slice[s] =
				sample.ns / (double)sample.ops / (double)b->per;
		}
	}
	for (size_t i = 0; i < n; i++)
		order[i]->result.round[round] =
			bench_median(order[i]->result.slice, slices);
}

/* ---------------------------------------------------------------- figures -- */

static double ratio_of(const struct bench *b, double *buffer)
{
	const struct bench *floor = b->ratio_to ? bench_find(b->ratio_to) :
						  NULL;

	if (!bench_has(floor))
		return 0;
	for (unsigned int r = 0; r < bench_options.rounds; r++)
		buffer[r] = b->result.round[r] / floor->result.round[r];
	return bench_median(buffer, bench_options.rounds);
}

static void conclude(const struct bench_group *g)
{
	unsigned int n = bench_options.rounds;
	double *buffer = bench_alloc(n * sizeof(*buffer));

	for (size_t i = 0; i < g->count; i++) {
		struct bench *b = &g->bench[i];

		if (!bench_has(b))
			continue;
		b->result.ratio = ratio_of(b, buffer);
		memcpy(buffer, b->result.round, n * sizeof(*buffer));
		b->result.median = bench_median(buffer, n);
		b->result.min = buffer[0];
		b->result.max = buffer[n - 1];
	}
	free(buffer);
}

static void open_all(const struct bench_group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct bench *b = &g->bench[i];

		if (!bench_has(b))
			continue;
		progress(b, 0);
		b->result.round =
			bench_alloc(bench_options.rounds * sizeof(double));
		b->ops->open(b); /* or it says why it is skipped */
	}
}

static void run_group(const struct bench_group *g)
{
	struct bench **order = bench_alloc(g->count * sizeof(*order));
	size_t n = 0;

	open_all(g);
	for (size_t i = 0; i < g->count; i++)
		if (bench_has(&g->bench[i]))
			order[n++] = &g->bench[i];
	for (unsigned int r = 0; r < bench_options.rounds; r++)
		run_round(order, n, g->slices, r);
	for (size_t i = 0; i < n; i++)
		order[i]->ops->close(order[i]);
	free(order);
	progress(NULL, 0);
	conclude(g);
}

void bench_run(void)
{
	for (int g = 0; g < BENCH_GROUPS; g++)
		run_group(&bench_groups[g]);
}
