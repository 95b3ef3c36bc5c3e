/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dirty_test.c - the queue of lines to write back: none is forgotten, and none
 * is in it twice unless more of one set are queued than the set has ways.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/journal.h"
#include "sim/oracle/rng.h"

#define QUEUE 1024u
#define LINES (1u << 16)

struct rig {
	struct ppt__journal j;
	uint64_t queue[QUEUE];
	uint32_t filter[PPT__DIRTY_FILTER];
	uint32_t times[LINES]; /* it is in the queue */
};

/* Scratch memory begins with any content; the filter's numbers wrap around. */
static struct rig *rig_new(struct rng *r)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->j.queue_head = g->j.queue_tail = UINT32_MAX - 2 * QUEUE;
	for (uint32_t i = 0; i < PPT__DIRTY_FILTER; i++)
		g->filter[i] = (uint32_t)g->j.queue_head - QUEUE +
			       (uint32_t)rng_below(r, 2 * QUEUE);
	for (uint32_t i = 0; i < QUEUE; i++)
		g->queue[i] = rng_below(r, LINES);
	g->j.queue = g->queue;
	g->j.queue_size = QUEUE;
	g->j.filter = g->filter;
	return g;
}

static void store(struct rig *g, uint64_t line)
{
	uint64_t head = g->j.queue_head;

	ppt__journal_dirty_at(&g->j, line * PPT__LINE_WORDS + line % 8);
	if (g->j.queue_head != head) {
		assert_int_equal(g->j.queue_head, head + 1);
		assert_int_equal(g->queue[head % QUEUE], line);
		g->times[line]++;
	}
	assert_true(g->times[line] > 0);
}

static void flush(struct rig *g, uint64_t n)
{
	while (n-- && g->j.queue_tail != g->j.queue_head)
		g->times[g->queue[g->j.queue_tail++ % QUEUE]]--;
}

/* Lines of one set, found as a store would find them. */
static uint32_t lines_of_set(uint64_t like, uint64_t *line, uint32_t n)
{
	uint32_t found = 0;

	for (uint64_t l = 0; l < LINES && found < n; l++)
		if (ppt__journal_dirty_set(l) == ppt__journal_dirty_set(like))
			line[found++] = l;
	return found;
}

/* Lines 1856 and 10050 of the explorer's pool were, before there were ways. */
static void ppt_dirty__lines_of_one_set_are_queued_once_each(void **state)
{
	struct rng r = { 1 };
	struct rig *g = rig_new(&r);
	uint64_t line[PPT__DIRTY_WAYS];

	(void)state;
	assert_int_equal(lines_of_set(1856, line, PPT__DIRTY_WAYS),
			 PPT__DIRTY_WAYS);
	for (uint32_t i = 0; i < 10000; i++) {
		store(g, line[rng_below(&r, PPT__DIRTY_WAYS)]);
		for (uint32_t k = 0; k < PPT__DIRTY_WAYS; k++)
			assert_true(g->times[line[k]] <= 1);
		if (rng_once_in(&r, 8))
			flush(g, 1 + rng_below(&r, PPT__DIRTY_WAYS));
	}
	free(g);
}

/* Numbers of a filter before, which are again those of queued lines. */
static void ppt_dirty__what_scratch_held_takes_no_place(void **state)
{
	struct rng r = { 3 };
	struct rig *g = rig_new(&r);
	uint64_t line[PPT__DIRTY_WAYS];

	(void)state;
	lines_of_set(1856, line, PPT__DIRTY_WAYS);
	for (uint32_t i = 0; i < PPT__DIRTY_FILTER; i++)
		g->filter[i] = (uint32_t)g->j.queue_head + i % PPT__DIRTY_WAYS;
	for (uint32_t i = 0; i < PPT__DIRTY_WAYS; i++)
		store(g, 1 + i); /* of other sets */
	for (uint32_t k = 0; k < PPT__DIRTY_WAYS; k++) {
		store(g, line[k]);
		for (uint32_t i = 1; i < PPT__DIRTY_WAYS; i++)
			store(g, 100 + PPT__DIRTY_WAYS * k + i);
	}
	for (uint32_t k = 0; k < PPT__DIRTY_WAYS; k++) {
		store(g, line[k]);
		assert_int_equal(g->times[line[k]], 1);
	}
	free(g);
}

static void ppt_dirty__no_line_is_forgotten(void **state)
{
	struct rng r = { 2 };
	struct rig *g = rig_new(&r);

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		uint64_t span = rng_once_in(&r, 2) ? 64 : LINES;

		if (g->j.queue_head - g->j.queue_tail == QUEUE)
			flush(g, 1 + rng_below(&r, QUEUE));
		store(g, rng_below(&r, span)); /* asserts that it is queued */
	}
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_dirty__lines_of_one_set_are_queued_once_each),
		cmocka_unit_test(ppt_dirty__what_scratch_held_takes_no_place),
		cmocka_unit_test(ppt_dirty__no_line_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
