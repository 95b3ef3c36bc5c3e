/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * brute.h - the persistency model by brute force: random short programs of
 * stores, flushes and fences, and all images that a crash behind them may leave.
 *
 * Layer: tests.  Written from docs/TESTING.md alone.
 */
#ifndef TESTS_SUPPORT_BRUTE_H
#define TESTS_SUPPORT_BRUTE_H

#include "sim/explore/pending.h"
#include "sim/oracle/rng.h"

#define LINES 3u
#define USED 3u /* words of a line that are stored to */
#define WORDS (LINES * USED)
#define MEDIA (LINES * LINE_WORDS)
#define ACTIONS_MAX 12u
#define GARBAGE 15u
#define VALUE UINT64_C(0x1000) /* on the media: that much more */

struct action {
	enum trace_kind kind;
	unsigned word;  /* 0 … WORDS - 1; of a flush: any of the line */
	unsigned words; /* of a store, all in one line */
	unsigned value[USED];
};

struct program {
	struct action a[ACTIONS_MAX];
	unsigned n;
};

/**
 * struct taste - what random programs are made of.
 * @mixed: a word may be stored to in both ways; else lines are plain or not.
 * @same:  values repeat, and may be what is there already.
 * @user:  some stores are of the frames' user.
 * @loose: more may be found than is expected: what M2 allows.
 * @journal: line 0 is a journal: streams only (M3).
 */
struct taste {
	enum sim_model model;
	bool mixed;
	bool same;
	bool user;
	bool journal;
	bool loose;
	unsigned levels;
};

/* Four bits a word. */
struct images {
	uint64_t *image;
	size_t count;
	size_t room;
};

static inline unsigned line_of(unsigned word)
{
	return word / USED;
}

static inline uint32_t media_word(unsigned word)
{
	return line_of(word) * LINE_WORDS + word % USED;
}

void make_program(struct rng *r, const struct taste *taste, unsigned n,
		  struct program *p);

void program_text(const struct program *p, char *text, size_t bytes);

void images_add(struct images *s, uint64_t image);

void images_tidy(struct images *s);

/* One that is in @a only. */
bool images_lack(const struct images *b, const struct images *a,
		 uint64_t *image);

void images_free(struct images *s);

void expect_images(const struct taste *taste, const struct program *p,
		   struct images *out);

uint64_t with(uint64_t image, unsigned word, uint64_t value);

#endif
