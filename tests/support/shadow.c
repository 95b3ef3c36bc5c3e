/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shadow.c - which words of the media are durable, and which only pending.
 *
 * Layer: tests.
 */
#include "shadow.h"

#include <stdlib.h>
#include <string.h>

#define LINE_WORDS 8u

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void shadow_open(struct shadow *s, const void *image, uint64_t bytes)
{
	uint64_t lines = bytes / 64;

	memset(s, 0, sizeof(*s));
	s->words = bytes / 8;
	s->durable = must(malloc(bytes));
	s->visible = must(malloc(bytes));
	s->line = must(malloc(lines * sizeof(*s->line)));
	s->fence = must(malloc(lines * sizeof(*s->fence)));
	s->lines = must(malloc(lines * sizeof(*s->lines)));
	for (uint64_t i = 0; i < lines; i++)
		s->line[i] = (struct shadow_line){ SHADOW_NONE, SHADOW_NONE,
						   SHADOW_NONE, false, false };
	s->free_head = SHADOW_NONE;
	memcpy(s->durable, image, bytes);
	memcpy(s->visible, image, bytes);
}

void shadow_close(struct shadow *s)
{
	free(s->durable);
	free(s->visible);
	free(s->node);
	free(s->line);
	free(s->fence);
	free(s->lines);
	memset(s, 0, sizeof(*s));
}

void shadow_reset(struct shadow *s, const void *image)
{
	for (uint32_t i = 0; i < s->line_count; i++)
		s->line[s->lines[i]] =
			(struct shadow_line){ SHADOW_NONE, SHADOW_NONE,
					      SHADOW_NONE, false, false };
	s->line_count = 0;
	s->fences = 0;
	s->nodes = 0;
	s->pending = 0;
	s->free_head = SHADOW_NONE;
	memcpy(s->durable, image, s->words * 8);
	memcpy(s->visible, image, s->words * 8);
}

static uint32_t new_node(struct shadow *s)
{
	uint32_t n = s->free_head;

	s->pending++;
	if (n != SHADOW_NONE) {
		s->free_head = s->node[n].next;
		return n;
	}
	if (s->nodes == s->node_room) {
		s->node_room = s->node_room ? s->node_room * 2 : 4096;
		s->node =
			must(realloc(s->node, s->node_room * sizeof(*s->node)));
	}
	return s->nodes++;
}

static void queue(struct shadow *s, uint32_t at)
{
	if (s->line[at].queued)
		return;
	s->line[at].queued = true;
	s->fence[s->fences++] = at;
}

void shadow_store(struct shadow *s, uint64_t off, const uint64_t *value,
		  uint64_t words, bool stream)
{
	for (uint64_t i = 0; i < words; i++) {
		uint64_t word = off / 8 + i;
		uint32_t at = (uint32_t)(word / LINE_WORDS);
		struct shadow_line *line = &s->line[at];
		uint32_t n = new_node(s);

		s->node[n] = (struct shadow_node){ word, value[i], SHADOW_NONE,
						   stream };
		if (line->tail == SHADOW_NONE)
			line->head = n;
		else
			s->node[line->tail].next = n;
		line->tail = n;
		if (!line->active) {
			line->active = true;
			s->lines[s->line_count++] = at;
		}
		if (stream)
			queue(s, at);
		s->visible[word] = value[i];
	}
}

void shadow_flush(struct shadow *s, uint64_t off)
{
	uint32_t at = (uint32_t)(off / 64);

	if (s->line[at].tail == SHADOW_NONE)
		return;
	s->line[at].flushed = s->line[at].tail;
	queue(s, at);
}

/* Older stores to @word that were kept as pending are overtaken. */
static void overtake(struct shadow *s, uint32_t *kept, uint32_t *count,
		     uint64_t word)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < *count; i++) {
		if (s->node[kept[i]].word == word) {
			s->node[kept[i]].next = s->free_head;
			s->free_head = kept[i];
			s->pending--;
		} else {
			kept[left++] = kept[i];
		}
	}
	*count = left;
}

static void fence_line(struct shadow *s, struct shadow_line *line)
{
	static uint32_t kept[1u << 16];
	bool flushed = line->flushed != SHADOW_NONE;
	uint32_t count = 0;
	uint32_t n = line->head;

	while (n != SHADOW_NONE) {
		uint32_t next = s->node[n].next;

		if (flushed || s->node[n].stream) {
			overtake(s, kept, &count, s->node[n].word);
			s->durable[s->node[n].word] = s->node[n].value;
			if (n == line->flushed)
				flushed = false;
			s->node[n].next = s->free_head;
			s->free_head = n;
			s->pending--;
		} else if (count < sizeof(kept) / sizeof(kept[0])) {
			kept[count++] = n;
		} else {
			abort();
		}
		n = next;
	}
	line->head = count ? kept[0] : SHADOW_NONE;
	for (uint32_t i = 0; i < count; i++)
		s->node[kept[i]].next = i + 1 < count ? kept[i + 1] :
							SHADOW_NONE;
	line->tail = count ? kept[count - 1] : SHADOW_NONE;
	line->flushed = SHADOW_NONE;
	line->queued = false;
}

void shadow_fence(struct shadow *s)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < s->fences; i++)
		fence_line(s, &s->line[s->fence[i]]);
	s->fences = 0;
	for (uint32_t i = 0; i < s->line_count; i++) {
		struct shadow_line *line = &s->line[s->lines[i]];

		if (line->head == SHADOW_NONE)
			line->active = false;
		else
			s->lines[left++] = s->lines[i];
	}
	s->line_count = left;
}

void shadow_user(struct shadow *s, uint64_t off, const uint64_t *value,
		 uint64_t words)
{
	memcpy(s->durable + off / 8, value, words * 8);
	memcpy(s->visible + off / 8, value, words * 8);
}

/* How many of a line's stores persist, in order. */
static uint32_t prefix(const struct shadow *s, uint32_t n, struct rng *r)
{
	uint32_t count = 0;

	for (; n != SHADOW_NONE; n = s->node[n].next)
		count++;
	return (uint32_t)rng_below(r, count + 1);
}

static void image_line(const struct shadow *s, const struct shadow_line *line,
		       enum shadow_mode mode, uint64_t odds, struct rng *r,
		       uint64_t *image)
{
	uint32_t most = UINT32_MAX;

	if (mode == SHADOW_PREFIXES)
		most = prefix(s, line->head, r);
	if (mode == SHADOW_LINES && rng_below(r, 16) >= odds)
		return;
	for (uint32_t n = line->head; n != SHADOW_NONE && most;
	     n = s->node[n].next, most--)
		if (mode != SHADOW_WORDS || rng_below(r, 16) < odds)
			image[s->node[n].word] = s->node[n].value;
}

void shadow_image(const struct shadow *s, enum shadow_mode mode, struct rng *r,
		  uint64_t *image)
{
	uint64_t odds = 1 + rng_below(r, 15);
	uint64_t one = s->line_count ? rng_below(r, s->line_count) : 0;

	memcpy(image, mode == SHADOW_ALL ? s->visible : s->durable,
	       s->words * 8);
	if (mode == SHADOW_ALL || mode == SHADOW_DURABLE)
		return;
	for (uint32_t i = 0; i < s->line_count; i++) {
		if (mode == SHADOW_BUT_ONE && i == one)
			continue;
		if (mode == SHADOW_ONLY_ONE && i != one)
			continue;
		image_line(s, &s->line[s->lines[i]], mode, odds, r, image);
	}
}
