/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_bench.c - a place where the simulator's worlds run.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim_bench.h"

struct image_view bench_view(const struct bench *b, const uint64_t *media)
{
	return (struct image_view){ .media = media, .words = b->bytes / 8 };
}

void *bench_memory(size_t bytes)
{
	void *p = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);

	assert_non_null(p);
	memset(p, 0xa5, bytes);
	return p;
}

void bench_make(struct bench *b, uint32_t flags)
{
	struct world *w = &b->world;
	const struct world_base *all;

	memset(b, 0, sizeof(*b));
	b->bytes = world_bytes();
	b->media = bench_memory(b->bytes);
	b->copy = bench_memory(b->bytes);
	w->pm = (struct ppt_pm_config){ .media = b->media,
					.writable = b->media,
					.bytes = b->bytes };
	w->scratch_bytes = world_scratch_bytes();
	w->scratch = bench_memory(w->scratch_bytes);
	b->scratch = bench_memory(w->scratch_bytes);
	w->attach_flags = flags;
	all = world_base(w, b->bases, WORLD_ALL);
	if (!all)
		fail_msg("%s", w->why.text);
	b->base = all->words;
	b->state = all->state; /* the same lists */
}

void bench_drop(struct bench *b)
{
	world_close(&b->world);
	world_bases_free(b->bases);
	image_free(&b->image);
	free(b->world.scratch);
	free(b->scratch);
	free(b->media);
	free(b->copy);
}

int bench_row(const char *name)
{
	for (unsigned i = 0; i < world_op_count; i++)
		if (!strcmp(world_ops[i].name, name))
			return (int)i;
	fail_msg("no row %s", name);
	return -1;
}

static void begin(struct bench *b, const unsigned *rows, unsigned n)
{
	unsigned parts = 0;

	for (unsigned i = 0; i < n; i++)
		parts |= world_ops[rows[i]].parts;
	b->from = world_base(&b->world, b->bases, parts);
	if (!b->from)
		fail_msg("%s", b->world.why.text);
	memcpy(b->media, b->from->words, b->bytes);
	if (world_open(&b->world, b->from))
		fail_msg("%s", b->world.why.text);
}

int bench_run(struct bench *b, const unsigned *rows, unsigned n)
{
	begin(b, rows, n);
	for (unsigned i = 0; i < n; i++)
		if (world_ops[rows[i]].run(&b->world))
			return why_set(&b->why, "row %s: %.500s",
				       world_ops[rows[i]].name,
				       b->world.why.text);
	return 0;
}

/* The image is the last state, and no other is allowed any more. */
int bench_matches(struct bench *b, const uint64_t *media)
{
	const struct world *w = &b->world;
	struct image_view view = bench_view(b, media);

	if (w->low != w->states - 1 || w->relaxed)
		return why_set(&b->why, "states %u to %u are allowed", w->low,
			       w->states - 1);
	if (image_read(&view, false, &b->image, &b->why))
		return -1;
	return world_matches(&w->state[w->low], world_present(w), &b->image,
			     &view, &b->why) ?
		       0 :
		       -1;
}
