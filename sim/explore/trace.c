/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/explore/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES TRACE_SITES_MAX

static struct {
	const char *key[SITES]; /* by address, as the library passes it */
	uint16_t number[SITES];
	const char *text[SITES]; /* by number */
	uint16_t count;
} sites;

void trace_free(struct trace *t)
{
	free(t->event);
	free(t->data);
	memset(t, 0, sizeof(*t));
}

static inline struct trace_event *append(struct trace *t,
					 const struct trace_event *like)
{
	if (t->count == t->room)
		t->event = trace_grow(t->event, &t->room, t->count + 1,
				      sizeof(*t->event));
	t->event[t->count] = *like;
	return &t->event[t->count++];
}

static void add_part(struct trace *t, const struct trace_event *like,
		     uint32_t word, uint32_t part, const uint64_t *media)
{
	struct trace_event *e = append(t, like);

	if (t->used + LINE_WORDS > t->data_room)
		t->data = trace_grow(t->data, &t->data_room,
				     t->used + LINE_WORDS, sizeof(*t->data));
	if (part == 1)
		t->data[t->used] = media[word];
	else
		memcpy(t->data + t->used, media + word, part * 8);
	e->word = word;
	e->words = (uint8_t)part;
	e->data = t->used;
	t->used += part;
}

void trace_add(struct trace *t, const struct trace_event *like, uint64_t words,
	       unsigned most, const uint64_t *media)
{
	uint32_t word = like->word;

	if (!words)
		append(t, like);
	/* What was streamed there is in no cache. */
	for (uint64_t i = LINE_WORDS; i < words; i += LINE_WORDS)
		__builtin_prefetch(media + word + i);
	while (words) {
		uint32_t part = LINE_WORDS - word % LINE_WORDS;

		if (part > most)
			part = most;
		if (part > words)
			part = (uint32_t)words;
		add_part(t, like, word, part, media);
		word += part;
		words -= part;
	}
}

/* Only the file's name: builds in other folders agree. */
static const char *base_name(const char *site)
{
	const char *slash = strrchr(site, '/');

	return slash ? slash + 1 : site;
}

static uint16_t site_of_text(const char *text)
{
	uint16_t i = 1;

	while (i <= sites.count && strcmp(sites.text[i], text) != 0)
		i++;
	if (i > sites.count) {
		if (i == SITES) {
			fprintf(stderr, "more than %u barrier sites\n", SITES);
			abort();
		}
		sites.text[i] = text;
		sites.count = i;
	}
	return i;
}

uint16_t trace_site(const char *site)
{
	size_t at = ((uintptr_t)site * UINT64_C(0x9e3779b97f4a7c15)) >> 55;

	for (unsigned i = 0; i < SITES; i++, at = (at + 1) % SITES) {
		if (sites.key[at] == site)
			return sites.number[at];
		if (!sites.key[at])
			break;
	}
	sites.key[at] = site;
	sites.number[at] = site_of_text(base_name(site));
	return sites.number[at];
}

const char *trace_site_text(uint16_t site)
{
	return site && site <= sites.count ? sites.text[site] : "?";
}

const char *trace_kind_name(enum trace_kind kind)
{
	static const char *const name[] = { "store",   "stream", "flush",
					    "fence",   "user",   "ack",
					    "nothing", "mark" };

	return name[kind];
}

uint32_t trace_fingerprint(const struct trace *t)
{
	uint64_t h = t->count;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct trace_event *e = &t->event[i];

		h = (h ^ e->kind ^ (uint64_t)e->word << 8) *
		    UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		for (unsigned k = 0; k < e->words; k++)
			h = (h ^ t->data[e->data + k]) *
			    UINT64_C(0xbf58476d1ce4e5b9);
	}
	return (uint32_t)(h >> 32);
}
