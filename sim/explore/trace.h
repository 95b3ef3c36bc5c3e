/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.h - what was done to the media, in order.
 *
 * Layer: sim.
 */
#ifndef SIM_EXPLORE_TRACE_H
#define SIM_EXPLORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define LINE_WORDS 8u
#define TRACE_SITES_MAX 512u

enum trace_kind {
	TRACE_STORE,
	TRACE_STREAM,
	TRACE_FLUSH,
	TRACE_FENCE,
	TRACE_USER, /* the frames' user: durable at once */
	TRACE_ACK,  /* the caller has been told */
	TRACE_NONE, /* a mutant took it out */
	TRACE_MARK, /* a store that need not last */
};

/**
 * struct trace_event - one of them.
 * @words: stored, all in one line; 0 for barriers.
 * @site:  number of the place in the library, see trace_site.
 * @low, @high: states that a crash just before it may show.
 * @map:   number of the memory map that a recovery is given.
 * @trust:   mode of the recovery: enum ppt_trust.
 * @mend:  the pool is damaged: a recovery begins with a repair.
 * @quiet:   set-up: no crash is tried.
 * @emptied: the journal is durably empty before this event.
 * @word:  the first, or of a flush the line's first.
 * @data:  where its values are.
 * @choices, @decided: of the run, how many there were by then.
 */
struct trace_event {
	uint8_t kind;
	uint8_t words;
	uint16_t site;
	uint16_t low;
	uint16_t high;
	uint8_t map;
	uint8_t trust;
	bool mend;
	bool quiet;
	bool emptied;
	uint32_t word;
	uint32_t data;
	uint32_t choices;
	uint32_t decided;
};

struct trace {
	struct trace_event *event;
	uint32_t count;
	uint32_t room;
	uint64_t *data;
	uint32_t used;
	uint32_t data_room;
};

/* Room for @need elements of @size bytes. */
static inline void *trace_grow(void *p, uint32_t *room, uint32_t need,
			       size_t size)
{
	if (need <= *room)
		return p;
	*room = need + need / 2 + 256;
	p = realloc(p, *room * size);
	if (!p)
		abort();
	return p;
}

void trace_free(struct trace *t);

static inline void trace_reset(struct trace *t)
{
	t->count = 0;
	t->used = 0;
}

/*
 * Append a store of @words from @word on, in parts of at most @most words that
 * lie in one line; the values are taken from @media.  Barriers and marks:
 * @words 0.
 */
void trace_add(struct trace *t, const struct trace_event *like, uint64_t words,
	       unsigned most, const uint64_t *media);

/* A number for a place ("file:line"), from 1; and its text without folders. */
uint16_t trace_site(const char *site);
const char *trace_site_text(uint16_t site);

const char *trace_kind_name(enum trace_kind kind);

/* A hash of all of it: of another library's trace it differs. */
uint32_t trace_fingerprint(const struct trace *t);

#endif
