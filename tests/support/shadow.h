/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shadow.h - which words of the media are durable, and which only pending.
 *
 * Layer: tests.  The persistency model in miniature: a store is pending until
 * its line was flushed after it and a fence followed; a streamed store until a
 * fence followed.  What is pending may or may not survive a power loss, word
 * by word (M2), by prefixes of lines (M1), or all of it (M0).
 */
#ifndef TESTS_SUPPORT_SHADOW_H
#define TESTS_SUPPORT_SHADOW_H

#include <stddef.h>

#include "sim/oracle/rng.h"

#define SHADOW_NONE UINT32_MAX

struct shadow_node {
	uint64_t word;
	uint64_t value;
	uint32_t next;
	bool stream;
};

struct shadow_line {
	uint32_t head;
	uint32_t tail;
	uint32_t flushed; /* nodes up to this one wait for a fence only */
	bool queued;      /* in @fence */
	bool active;      /* in @lines */
};

struct shadow {
	uint64_t words;
	uint64_t *durable;
	uint64_t *visible; /* what a reader sees now (M0) */
	struct shadow_node *node;
	uint32_t nodes;
	uint32_t node_room;
	uint32_t free_head;
	uint64_t pending; /* nodes in use */
	struct shadow_line *line;
	uint32_t *fence; /* lines that the next fence completes, in part */
	uint32_t fences;
	uint32_t *lines; /* lines with pending nodes, possibly empty ones too */
	uint32_t line_count;
};

enum shadow_mode {
	SHADOW_ALL,      /* M0: every store */
	SHADOW_DURABLE,  /* nothing that is pending */
	SHADOW_WORDS,    /* M2: any subset of the pending words */
	SHADOW_PREFIXES, /* M1: a prefix of each line's stores */
	SHADOW_LINES,    /* whole lines or nothing of them */
	SHADOW_BUT_ONE,  /* all but one line */
	SHADOW_ONLY_ONE, /* nothing but one line */
	SHADOW_MODES
};

/* @image is durable. */
void shadow_open(struct shadow *s, const void *image, uint64_t bytes);
void shadow_close(struct shadow *s);
void shadow_reset(struct shadow *s, const void *image);

void shadow_store(struct shadow *s, uint64_t off, const uint64_t *value,
		  uint64_t words, bool stream);
void shadow_flush(struct shadow *s, uint64_t off);
void shadow_fence(struct shadow *s);
/* A store that is durable at once: the frames' user, who flushes. */
void shadow_user(struct shadow *s, uint64_t off, const uint64_t *value,
		 uint64_t words);

/* One image that a crash now could leave. */
void shadow_image(const struct shadow *s, enum shadow_mode mode, struct rng *r,
		  uint64_t *image);

#endif
