/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_bench.h - a place where the simulator's worlds run.
 *
 * Layer: tests.  To be included after cmocka.h: what cannot be set up fails the
 * test.
 */
#ifndef TESTS_SUPPORT_SIM_BENCH_H
#define TESTS_SUPPORT_SIM_BENCH_H

#include "sim/explore/world.h"

/* Where things are in the base pool. */
#define BENCH_RING_PAGE 2u
#define BENCH_RING_LINES 1024u
#define BENCH_TAIL_WORD 504u
#define BENCH_TAIL_LINE ((UINT64_C(1) << 48) - 1)
#define BENCH_DESC_PAGE 18u
#define BENCH_DIR_PAGE 19u
#define BENCH_FIRST_PAGE 21u

/**
 * struct bench - base pools, and where worlds run.
 * @base:    that with all parts, and @state what it shows.
 * @from:    that from which bench_run ran last.
 * @media:   the pool of @world; @copy another, for the test.
 * @scratch: for an attach of the copy.
 */
struct bench {
	uint64_t bytes;
	uint64_t *media;
	uint64_t *copy;
	struct world_base bases[WORLD_ALL + 1];
	const uint64_t *base;
	struct world world;
	struct world_state state; /* of bases[WORLD_ALL] */
	const struct world_base *from;
	struct image image;
	struct why why;
	void *scratch;
};

void bench_make(struct bench *b, uint32_t attach_flags);
void bench_drop(struct bench *b);

/* Pages, full of garbage. */
void *bench_memory(size_t bytes);

struct image_view bench_view(const struct bench *b, const uint64_t *media);

/* The number of a row. */
int bench_row(const char *name);

/* Run rows, from the base with what they act on.  0, or -1 and @b->why. */
int bench_run(struct bench *b, const unsigned *rows, unsigned n);

/* @media is the last state, and no other is allowed any more.  The same. */
int bench_matches(struct bench *b, const uint64_t *media);

#endif
