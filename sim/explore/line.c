/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/explore/line.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "pptsim1"

static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const char *const model_name[] = { "m0", "m1", "m2", "m3" };

/* Return: characters written, or @room if they do not fit. */
static size_t put_choices(const uint8_t *choice, uint32_t n, char *text,
			  size_t room)
{
	size_t at = 0;

	while (n && !choice[n - 1])
		n--; /* what is not said is 0 */
	for (uint32_t i = 0, zeros; i < n; i += zeros ? zeros : 1) {
		zeros = 0;
		while (!choice[i + zeros])
			zeros++;
		if (at + 16 >= room)
			return room;
		if (zeros > 3) {
			at += (size_t)snprintf(text + at, room - at, "(%u)",
					       zeros);
			continue;
		}
		zeros = 0;
		text[at++] = digit[choice[i]];
	}
	text[at] = 0;
	return at;
}

void line_print(const struct line *line, char *text, size_t bytes)
{
	bool faulty = line->mutant.fault != SIM_FAULT_NONE;
	size_t at = (size_t)snprintf(
		text, bytes, MAGIC "/%s/%s/%u/%s/%llu/%08x/%u@%s",
		line->workload, model_name[line->model], line->depth,
		line->mmu ? "mmu" : "-", (unsigned long long)line->seed,
		line->fingerprint, (unsigned)line->mutant.fault,
		faulty ? line->mutant.site : "-");

	for (unsigned i = 0; i < line->levels && at + 16 < bytes; i++) {
		at += (size_t)snprintf(text + at, bytes - at,
				       "/%u:", line->event[i]);
		at += put_choices(line->choice[i], line->choices[i], text + at,
				  bytes - at);
	}
	if (at + 16 >= bytes)
		(void)snprintf(text, bytes,
			       "%s: more choices than a line holds",
			       line->workload);
}

void line_make(const struct engine *x, char *text, size_t bytes)
{
	static struct line line;

	line = (struct line){ .model = x->opt->model,
			      .depth = x->opt->depth,
			      .mmu = x->opt->mmu,
			      .seed = x->opt->seed,
			      .fingerprint = trace_fingerprint(&x->work),
			      .levels = x->level + 1 };

	if (x->opt->mutant)
		line.mutant = *x->opt->mutant;
	memcpy(line.workload, x->name, sizeof(line.workload));
	for (unsigned i = 0; i < line.levels; i++) {
		const struct choice *c = &x->run[i].choice;

		line.event[i] = x->run[i].at.event;
		line.choices[i] = c->at;
		memcpy(line.choice[i], c->taken, c->at);
	}
	line_print(&line, text, bytes);
}

/* The next field up to '/'; NULL if there is none. */
static char *field(char **rest)
{
	return strsep(rest, "/");
}

static int bad(struct why *why, const char *what, const char *text)
{
	return why_set(why, "replay line: %s: %s", what,
		       text ? text : "missing");
}

static int number(const char *text, int base, uint64_t max, uint64_t *out)
{
	char *end;

	if (!text || !*text || *text == '-' || *text == '+')
		return -1;
	*out = strtoull(text, &end, base);
	return *end || *out > max ? -1 : 0;
}

static int parse_level(struct line *line, char *text, struct why *why)
{
	unsigned level = line->levels;
	char *choices = strchr(text, ':');
	uint64_t event;

	if (level == ENGINE_LEVELS)
		return bad(why, "too many crashes", text);
	if (!choices)
		return bad(why, "no EVENT:CHOICES", text);
	*choices++ = 0;
	if (number(text, 10, UINT32_MAX, &event))
		return bad(why, "not an event", text);
	line->event[level] = (uint32_t)event;
	while (*choices) {
		const char *d = strchr(digit, *choices);
		unsigned long zeros = 0;
		char *end = choices + 1;

		if (*choices == '(') {
			zeros = strtoul(choices + 1, &end, 10);
			if (*end++ != ')' || !zeros)
				return bad(why, "not a number of zeros",
					   choices);
		} else if (!d) {
			return bad(why, "not a choice", choices);
		}
		if (zeros + 1 > CHOICES_MAX - line->choices[level])
			return bad(why, "too many choices", choices);
		if (zeros)
			line->choices[level] += (uint32_t)zeros;
		else
			line->choice[level][line->choices[level]++] =
				(uint8_t)(d - digit);
		choices = end;
	}
	line->levels++;
	return 0;
}

static int parse_model(const char *text, struct line *line)
{
	for (unsigned i = 0; text && i < 4; i++)
		if (!strcmp(text, model_name[i])) {
			line->model = (enum sim_model)i;
			return 0;
		}
	return -1;
}

static int parse_mutant(char *text, struct line *line)
{
	char *site = text ? strchr(text, '@') : NULL;
	uint64_t fault;

	if (!site)
		return -1;
	*site++ = 0;
	if (number(text, 10, SIM_FAULT_WEAKEN, &fault) ||
	    strlen(site) >= sizeof(line->mutant.site))
		return -1;
	line->mutant.fault = (enum sim_fault)fault;
	memcpy(line->mutant.site, site, strlen(site) + 1);
	return 0;
}

static int parse_head(char **rest, struct line *line, struct why *why)
{
	uint64_t depth, print;
	const char *f = field(rest);

	if (!f || strcmp(f, MAGIC) != 0)
		return bad(why, "does not begin with " MAGIC, f);
	f = field(rest);
	if (!f || !*f || strlen(f) >= sizeof(line->workload))
		return bad(why, "workload", f);
	memcpy(line->workload, f, strlen(f) + 1);
	if (parse_model(f = field(rest), line))
		return bad(why, "not a model", f);
	if (number(f = field(rest), 10, ENGINE_LEVELS - 2, &depth))
		return bad(why, "not a depth", f);
	line->depth = (unsigned)depth;
	f = field(rest);
	if (!f || (strcmp(f, "mmu") != 0 && strcmp(f, "-") != 0))
		return bad(why, "flags are neither mmu nor -", f);
	line->mmu = !strcmp(f, "mmu");
	if (number(f = field(rest), 10, UINT64_MAX, &line->seed))
		return bad(why, "not a seed", f);
	if (number(f = field(rest), 16, UINT32_MAX, &print))
		return bad(why, "not a fingerprint", f);
	line->fingerprint = (uint32_t)print;
	if (parse_mutant(field(rest), line))
		return bad(why, "not FAULT@SITE", NULL);
	return 0;
}

int line_parse(const char *text, struct line *line, struct why *why)
{
	char *copy = strdup(text), *rest = copy, *f;
	int err;

	memset(line, 0, sizeof(*line));
	if (!copy)
		return why_set(why, "no memory");
	err = parse_head(&rest, line, why);
	while (!err && (f = field(&rest)))
		err = parse_level(line, f, why);
	if (!err && !line->levels)
		err = bad(why, "no crash in it", NULL);
	free(copy);
	return err;
}
