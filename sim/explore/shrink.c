/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shrink.c - the shortest workload and the fewest lost words that still go
 * wrong.
 */
#include <string.h>

#include "sim/explore/line.h"

#define KEEP_MAX 200u

/* The workload without its @skip-th operation; false if none would be left. */
static bool without(const char *workload, unsigned skip, char *out,
		    size_t bytes)
{
	const char *at = workload;
	unsigned i = 0;

	out[0] = 0;
	for (;; i++) {
		size_t len = strcspn(at, "+"), end = strlen(out);

		if (i != skip)
			(void)snprintf(out + end, bytes - end, "%s%.*s",
				       end ? "+" : "", (int)len, at);
		if (!at[len])
			break;
		at += len + 1;
	}
	return out[0] && skip <= i;
}

/* A shorter workload that is violated as well. */
static bool drop_operation(const struct sim_options *options, struct line *line,
			   struct sim_violation *v)
{
	static struct sim_result result;
	struct sim_options less = *options;
	char name[sizeof(line->workload)];
	struct why why;

	less.workload = name;
	less.first = true;
	less.progress = NULL;
	for (unsigned i = 0; without(line->workload, i, name, sizeof(name));
	     i++) {
		if (!strcmp(name, line->workload))
			return false;
		if (sim_explore(&less, &result, &why) || !result.violations ||
		    strcmp(result.violation[0].kind, v->kind) != 0)
			continue;
		*v = result.violation[0];
		return !line_parse(v->line, line, &why);
	}
	return false;
}

/* One word less lost. */
static bool keep_word(struct line *line, struct sim_violation *v)
{
	for (unsigned level = 0; level < line->levels; level++)
		for (uint32_t i = 0; i < line->choices[level]; i++) {
			char text[SIM_LINE_BYTES];
			uint8_t was = line->choice[level][i];
			struct sim_violation now;
			struct why why;

			if (!was)
				continue;
			line->choice[level][i] = 0;
			line_print(line, text, sizeof(text));
			if (sim_replay(text, NULL, &now, &why) == 1 &&
			    !strcmp(now.kind, v->kind)) {
				*v = now;
				return !line_parse(v->line, line, &why);
			}
			line->choice[level][i] = was;
		}
	return false;
}

void engine_shrink(const struct sim_options *options, struct sim_violation *v)
{
	static struct line line;
	struct why why;

	if (line_parse(v->line, &line, &why))
		return;
	for (unsigned i = 0; i < SIM_SEQUENCE_MAX; i++)
		if (!drop_operation(options, &line, v))
			break;
	for (unsigned i = 0; i < KEEP_MAX; i++)
		if (!keep_word(&line, v))
			break;
}
