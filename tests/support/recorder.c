/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recorder.c - a log of what the library does to the media.
 *
 * Layer: tests.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig_event *new_event(struct recorder *rec, enum rig_kind kind)
{
	struct rig_event *e;

	if (rec->count == rec->room) {
		rec->room = rec->room ? rec->room * 2 : 4096;
		rec->event =
			realloc(rec->event, rec->room * sizeof(*rec->event));
		if (!rec->event)
			abort();
	}
	e = &rec->event[rec->count++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->low = rec->low;
	e->high = rec->high;
	return e;
}

static size_t keep(struct recorder *rec, const void *value, uint32_t words)
{
	size_t at = rec->words;

	while (rec->words + words > rec->word_room) {
		rec->word_room = rec->word_room ? rec->word_room * 2 : 65536;
		rec->data = realloc(rec->data, rec->word_room * 8);
		if (!rec->data)
			abort();
	}
	memcpy(rec->data + at, value, words * 8);
	rec->words += words;
	return at;
}

/* A long store is cut at line borders, so that a crash can come between. */
static void stored(struct recorder *rec, enum rig_kind kind, uint64_t off,
		   uint64_t len, const char *site)
{
	if (off % 8 || len % 8) {
		fprintf(stderr, "store of %llu bytes at %#llx: not words\n",
			(unsigned long long)len, (unsigned long long)off);
		abort();
	}
	while (len) {
		uint64_t part = 64 - off % 64;
		struct rig_event *e = new_event(rec, kind);

		if (part > len)
			part = len;
		e->off = off;
		e->words = (uint32_t)(part / 8);
		e->data = keep(rec, rec->media + off, e->words);
		e->site = site;
		off += part;
		len -= part;
	}
}

static void seen(void *ctx, enum ppt_pm_event event, uint64_t off, uint64_t len,
		 const char *site)
{
	struct recorder *rec = ctx;

	switch (event) {
	case PPT_PM_LOAD:
		return;
	case PPT_PM_STORE:
	case PPT_PM_MARK:
		stored(rec, RIG_STORE, off, len, site);
		return;
	case PPT_PM_STREAM:
		stored(rec, RIG_STREAM, off, len, site);
		return;
	case PPT_PM_FLUSH: {
		struct rig_event *e = new_event(rec, RIG_FLUSH);

		e->off = off;
		e->site = site;
		return;
	}
	case PPT_PM_FENCE:
		new_event(rec, RIG_FENCE)->site = site;
		return;
	}
}

void recorder_open(struct recorder *rec, const uint8_t *media)
{
	memset(rec, 0, sizeof(*rec));
	rec->media = media;
	rec->observer.event = seen;
	rec->observer.ctx = rec;
}

void recorder_close(struct recorder *rec)
{
	free(rec->event);
	free(rec->data);
	memset(rec, 0, sizeof(*rec));
}

void recorder_mark(struct recorder *rec, enum rig_kind kind, uint64_t off,
		   const uint64_t *value, uint32_t words)
{
	struct rig_event *e = new_event(rec, kind);

	e->site = "test";
	if (kind == RIG_MARK)
		return;
	e->off = off;
	e->words = words;
	e->data = keep(rec, value, words);
}

/*
 * Teeth: PPT_TEST_DROP names a site ("file:line") whose flushes and fences are
 * taken for not done, and whose streamed stores for plain ones.
 */
static bool dropped(const struct rig_event *e)
{
	static const char *site;
	static bool asked;

	if (!asked)
		site = getenv("PPT_TEST_DROP");
	asked = true;
	return site && e->site && strcmp(site, e->site) == 0;
}

void recorder_play(const struct recorder *rec, size_t at, struct shadow *s)
{
	const struct rig_event *e = &rec->event[at];
	bool drop = dropped(e);

	if (drop && (e->kind == RIG_FLUSH || e->kind == RIG_FENCE))
		return;
	switch (e->kind) {
	case RIG_STORE:
	case RIG_STREAM:
		shadow_store(s, e->off, rec->data + e->data, e->words,
			     e->kind == RIG_STREAM && !drop);
		break;
	case RIG_FLUSH:
		shadow_flush(s, e->off);
		break;
	case RIG_FENCE:
		shadow_fence(s);
		break;
	case RIG_USER:
		shadow_user(s, e->off, rec->data + e->data, e->words);
		break;
	case RIG_MARK:
		break;
	}
}

void recorder_sites(const struct recorder *rec)
{
	static const char *const name[] = { "store", "stream", "flush",
					    "fence" };
	const char *seen[64];
	unsigned count = 0;

	for (size_t i = 0; i < rec->count; i++) {
		const struct rig_event *e = &rec->event[i];
		unsigned k = 0;

		if (e->kind == RIG_STORE || e->kind > RIG_FENCE)
			continue;
		while (k < count && strcmp(seen[k], e->site) != 0)
			k++;
		if (k < count || count == sizeof(seen) / sizeof(seen[0]))
			continue;
		seen[count++] = e->site;
		printf("site %s %s\n", e->site, name[e->kind]);
	}
}
