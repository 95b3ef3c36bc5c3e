/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One page an operation, each durable on return but for the relaxed ones.
 *
 * Layer: bench.  The windows are dense: every table exists, because the first
 * page of each is mapped before anything is timed.
 */
#include <stdlib.h>

#include "bench.h"

#define MIB (UINT64_C(1) << 20)
#define SMALL_WINDOW (BENCH_WINDOW / 8) /* slots */
#define ALLOC_TABLES (BENCH_SINGLE_OPS / 511u + 1)
#define HOT_OPS 65536u

struct single {
	struct bench_rig rig;
	uint32_t *order;
};

static struct single *single_new(struct bench *b, uint64_t bytes)
{
	struct single *s = bench_alloc(sizeof(*s));

	b->state = s;
	bench_rig_open(&s->rig, b->name, bytes);
	s->rig.next = 1;
	return s;
}

static void close_single(struct bench *b)
{
	struct single *s = b->state;

	bench_rig_close(&s->rig);
	free(s->order);
	free(s);
}

/* The tables of a window of @slots, each with its first page mapped. */
static void make_tables(struct bench_rig *rig, uint64_t slots)
{
	for (uint64_t w = 0; w < slots; w += PPT_PAGE_WORDS)
		bench_map(rig, bench_va(w), bench_pa(w), PPT_SIZE_4K, 0);
}

/* Empties a window but for the first page of each table. */
static void clear_tables(struct bench_rig *rig, uint64_t slots)
{
	for (uint64_t w = 0; w < slots; w += PPT_PAGE_WORDS)
		bench_unmap(rig, bench_va(w + 1), PPT_SIZE_2M - PPT_SIZE_4K);
}

/* Maps what clear_tables unmaps. */
static void fill_tables(struct bench_rig *rig, uint64_t slots)
{
	for (uint64_t w = 0; w < slots; w += PPT_PAGE_WORDS)
		bench_map(rig, bench_va(w + 1), bench_pa(w + 1),
			  PPT_SIZE_2M - PPT_SIZE_4K, PPT_MAP_4K);
}

/* ------------------------------------------------------------------- map -- */

static void map_one(struct bench_rig *rig, uint64_t word)
{
	int err = ppt_map(&rig->space, bench_va(word), bench_pa(word),
			  PPT_SIZE_4K, BENCH_PROT, 0, NULL);

	if (err)
		bench_must(err, "ppt_map", NULL);
}

/* Reads every table, so that no page fault of a new mapping is timed. */
static void touch_tables(struct bench_rig *rig, uint64_t slots)
{
	struct ppt_extent extent;

	for (uint64_t w = 0; w < slots; w += PPT_PAGE_WORDS)
		bench_must(ppt_translate(&rig->space, bench_va(w), &extent,
					 NULL),
			   "ppt_translate", NULL);
}

static void open_window(struct bench *b)
{
	struct single *s = single_new(b, 160 * MIB);

	s->order = bench_alloc(BENCH_RANDOM_OPS * sizeof(*s->order));
	make_tables(&s->rig, BENCH_WINDOW);
	bench_checkpoint(&s->rig);
	if (b->arg) {
		bench_rig_reopen(&s->rig);
		touch_tables(&s->rig, BENCH_WINDOW);
		s->rig.next = 1;
	}
}

/*
 * Starts again with an empty window if less than a slice of @ops is left of it;
 * a slice takes more slots than it maps, since one of each table is not used.
 */
static void wrap(struct bench_rig *rig, uint64_t slots, uint64_t ops)
{
	if (rig->next + 2 * ops < slots)
		return;
	clear_tables(rig, slots);
	bench_checkpoint(rig);
	rig->next = 1;
}

static void map_seq_1(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct single *)b->state)->rig;
	uint64_t at;

	wrap(rig, BENCH_WINDOW, BENCH_SINGLE_OPS);
	at = rig->next;
	bench_start(rig);
	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		map_one(rig, at);
		at = bench_next(at);
	}
	bench_stop(rig, out, BENCH_SINGLE_OPS);
	rig->next = at;
}

static void map_rand_1(struct bench *b, struct bench_sample *out)
{
	struct single *s = b->state;
	struct bench_rig *rig = &s->rig;

	wrap(rig, BENCH_WINDOW, BENCH_RANDOM_OPS);
	rig->next = bench_shuffle(rig->next, s->order, BENCH_RANDOM_OPS);
	bench_start(rig);
	for (uint32_t i = 0; i < BENCH_RANDOM_OPS; i++)
		map_one(rig, s->order[i]);
	bench_stop(rig, out, BENCH_RANDOM_OPS);
}

/* ------------------------------------------------------------- relaxed -- */

static void open_relaxed(struct bench *b)
{
	struct single *s = single_new(b, 32 * MIB);

	make_tables(&s->rig, SMALL_WINDOW);
	bench_checkpoint(&s->rig);
}

/* A sync at the end: all are durable then. */
static void relaxed_map_seq_1(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct single *)b->state)->rig;
	uint64_t at;

	wrap(rig, SMALL_WINDOW, BENCH_SINGLE_OPS);
	at = rig->next;
	bench_start(rig);
	bench_must(ppt_set_relaxed(rig->pool, true), "ppt_set_relaxed", NULL);
	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		map_one(rig, at);
		at = bench_next(at);
	}
	bench_must(ppt_set_relaxed(rig->pool, false), "ppt_set_relaxed", NULL);
	bench_stop(rig, out, BENCH_SINGLE_OPS);
	rig->next = at;
}

/* ------------------------------------------------------- the pool's frames -- */

static void alloc_slice(struct bench_rig *rig, uint32_t flags)
{
	uint64_t at = 1;

	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		int err = ppt_map(&rig->space, bench_va(at), PPT_PA_ALLOC,
				  PPT_SIZE_4K, BENCH_PROT, flags, NULL);

		if (err)
			bench_must(err, "ppt_map", NULL);
		at = bench_next(at);
	}
}

/*
 * Room for the frames of two slices: those of the last come free only once the
 * journal's tail has passed.
 */
static void open_alloc(struct bench *b)
{
	struct single *s = single_new(b, 144 * MIB);

	make_tables(&s->rig, (uint64_t)ALLOC_TABLES * PPT_PAGE_WORDS);
	bench_prefault(&s->rig);
}

static void map_alloc_1(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct single *)b->state)->rig;

	bench_start(rig);
	alloc_slice(rig, (uint32_t)b->arg);
	bench_stop(rig, out, BENCH_SINGLE_OPS);
	clear_tables(rig, (uint64_t)ALLOC_TABLES * PPT_PAGE_WORDS);
}

/* ----------------------------------------------------------------- unmap -- */

static void open_unmap(struct bench *b)
{
	struct single *s = single_new(b, 32 * MIB);

	make_tables(&s->rig, SMALL_WINDOW);
	fill_tables(&s->rig, SMALL_WINDOW);
	bench_checkpoint(&s->rig);
}

static void unmap_seq_1(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct single *)b->state)->rig;
	uint64_t at = rig->next;

	if (at + 2 * BENCH_SINGLE_OPS >= SMALL_WINDOW) {
		clear_tables(rig, SMALL_WINDOW);
		fill_tables(rig, SMALL_WINDOW);
		bench_checkpoint(rig);
		at = 1;
	}
	bench_start(rig);
	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		int err =
			ppt_unmap(&rig->space, bench_va(at), PPT_SIZE_4K, NULL);

		if (err)
			bench_must(err, "ppt_unmap", NULL);
		at = bench_next(at);
	}
	bench_stop(rig, out, BENCH_SINGLE_OPS);
	rig->next = at;
}

/* ------------------------------------------------------------- translate -- */

static void open_hot(struct bench *b)
{
	struct single *s = single_new(b, 4 * MIB);

	s->order = bench_alloc(HOT_OPS * sizeof(*s->order));
	bench_shuffle(1, s->order, HOT_OPS);
	bench_map(&s->rig, bench_va(0), bench_pa(0),
		  (uint64_t)BENCH_HOT_PAGES * PPT_PAGE_BYTES, PPT_MAP_4K);
	bench_checkpoint(&s->rig);
}

static void translate_hot(struct bench *b, struct bench_sample *out)
{
	struct single *s = b->state;
	uint64_t sum = 0;

	bench_start(&s->rig);
	for (uint32_t i = 0; i < HOT_OPS; i++) {
		struct ppt_extent extent;
		int err = ppt_translate(&s->rig.space,
					bench_va(s->order[i] % BENCH_HOT_PAGES),
					&extent, NULL);

		if (err)
			bench_must(err, "ppt_translate", NULL);
		sum += extent.pa;
	}
	bench_stop(&s->rig, out, HOT_OPS);
	bench_keep(sum);
}

const struct bench_ops bench_map_seq_1 = { open_window, map_seq_1,
					   close_single };
const struct bench_ops bench_map_rand_1 = { open_window, map_rand_1,
					    close_single };
const struct bench_ops bench_relaxed_map_seq_1 = { open_relaxed,
						   relaxed_map_seq_1,
						   close_single };
const struct bench_ops bench_map_alloc_1 = { open_alloc, map_alloc_1,
					     close_single };
const struct bench_ops bench_unmap_seq_1 = { open_unmap, unmap_seq_1,
					     close_single };
const struct bench_ops bench_translate_hot = { open_hot, translate_hot,
					       close_single };
