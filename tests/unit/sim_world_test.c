/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_world_test.c - the simulator's hands: worlds and their rows.
 *
 * Layer: tests.
 *
 * PPT_TEST_SLOW  1: all sequences of three rows also by a restart of a copy
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/sim_bench.h"

static struct bench bench;

static int set_up(void **state)
{
	*state = &bench;
	bench_make(&bench, PPT_ATTACH_NO_MMU);
	return 0;
}

static int tear_down(void **state)
{
	bench_drop(*state);
	return 0;
}

static int attach_copy(struct bench *b, struct ppt_pool **pool)
{
	const struct world *w = &b->world;
	struct ppt_attach_config cfg = { .pm = w->pm,
					 .scratch = b->scratch,
					 .scratch_bytes = w->scratch_bytes,
					 .present = world_present(w),
					 .flags = w->attach_flags |
						  PPT_ATTACH_DRAM_KEPT,
					 .trust = PPT_TRUST_FULL };
	struct ppt_diag diag = { 0 };
	int err;

	memcpy(b->copy, b->media, b->bytes);
	cfg.pm.media = cfg.pm.writable = b->copy;
	err = ppt_attach(&cfg, pool, NULL, &diag);
	if (err)
		return why_set(&b->why, "attach: %s (%s)", ppt_error_name(err),
			       diag.why);
	return 0;
}

/* The process has died; another one finds the same, and goes on. */
static int recovers(struct bench *b)
{
	const struct world_state *last = &b->world.state[b->world.low];
	struct image_view view = bench_view(b, b->copy);
	struct ppt_pool *pool = NULL;
	struct world_state more;
	bool same;

	if (attach_copy(b, &pool) || bench_matches(b, b->copy) ||
	    world_extra(pool, last, &b->why) ||
	    image_read(&view, false, &b->image, &b->why))
		return -1;
	world_extra_state(last, &more);
	same = world_matches(&more, world_present(&b->world), &b->image, &view,
			     &b->why);
	world_state_free(&more);
	return same ? 0 : -1;
}

static void check(struct bench *b, const unsigned *rows, unsigned n,
		  bool recover)
{
	char name[100] = "";

	if (!bench_run(b, rows, n) && !bench_matches(b, b->media) &&
	    (!recover || !recovers(b)))
		return;
	for (unsigned i = 0; i < n; i++) {
		size_t at = strlen(name);

		(void)snprintf(name + at, sizeof(name) - at, "%s%s",
			       i ? "+" : "", world_ops[rows[i]].name);
	}
	fail_msg("%s: %s", name, b->why.text);
}

static void world_base__is_state_0_and_settled(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->base);

	if (image_read(&view, true, &b->image, &b->why) ||
	    !world_matches(&b->state, NULL, &b->image, &view, &b->why))
		fail_msg("%s", b->why.text);
	assert_int_equal(b->image.spaces, 3);
	assert_true(b->image.tables <= 20 && b->image.frames >= 4);
}

static void world_base__is_the_same_each_time(void **state)
{
	struct bench *b = *state;
	struct bench again;

	bench_make(&again, PPT_ATTACH_NO_MMU);
	assert_memory_equal(b->base, again.base, b->bytes);
	bench_drop(&again);
}

/* The first record is four lines before the end of the ring. */
static void world_open__leaves_the_ring_about_to_wrap(void **state)
{
	struct bench *b = *state;
	unsigned one = (unsigned)bench_row("map1");
	uint64_t line;

	assert_int_equal(bench_run(b, &one, 1), 0);
	line = b->media[BENCH_TAIL_WORD] & BENCH_TAIL_LINE;
	assert_int_equal(line % BENCH_RING_LINES, BENCH_RING_LINES - 4);
	line = BENCH_RING_PAGE * PPT_PAGE_WORDS + (line % BENCH_RING_LINES) * 8;
	assert_int_equal(b->media[line] & BENCH_TAIL_LINE,
			 b->media[BENCH_TAIL_WORD] & BENCH_TAIL_LINE);
}

static void world_ops__each_row_runs_and_recovers(void **state)
{
	for (unsigned i = 0; i < world_op_count; i++)
		check(*state, &i, 1, true);
}

static void world_ops__each_pair_runs_and_recovers(void **state)
{
	for (unsigned i = 0; i < world_op_count; i++)
		for (unsigned k = 0; k < world_op_count; k++) {
			const unsigned rows[] = { i, k };

			check(*state, rows, 2, true);
		}
}

static void world_ops__each_three_rows_run(void **state)
{
	bool slow = env_number("PPT_TEST_SLOW", 0);
	unsigned n = world_op_count;

	for (unsigned i = 0; i < n * n * n; i++) {
		const unsigned rows[] = { i / (n * n), i / n % n, i % n };

		if (i % TEST_SHARE == 0)
			check(*state, rows, 3, slow || i % 7 == 0);
	}
}

static void world_ops__with_an_mmu_each_pair_runs(void **state)
{
	struct bench *mmu = test_malloc(sizeof(*mmu));

	(void)state;
	bench_make(mmu, 0);
	for (unsigned i = 0; i < world_op_count; i++)
		for (unsigned k = 0; k < world_op_count; k++) {
			const unsigned rows[] = { i, k };

			check(mmu, rows, 2, true);
		}
	bench_drop(mmu);
	test_free(mmu);
}

static void note_user(void *ctx, uint64_t off, uint64_t len)
{
	uint64_t *told = ctx;

	assert_int_equal(off % PPT_PAGE_BYTES, 0);
	assert_int_equal(len, PPT_PAGE_BYTES);
	*told += len / 8;
}

static void world_user__is_told_of_each_frame(void **state)
{
	struct bench *b = *state;
	unsigned alloc = (unsigned)bench_row("alloc");
	uint64_t told = 0;

	b->world.user = note_user;
	b->world.ctx = &told;
	check(b, &alloc, 1, true);
	b->world.user = NULL;
	assert_int_equal(told, 2 * PPT_PAGE_WORDS);
}

/* The states of a row, and which may be found after it. */
static void world_ops__leave_states_in_order(void **state)
{
	struct bench *b = *state;
	unsigned format = (unsigned)bench_row("format");

	check(b, &format, 1, true);
	assert_int_equal(b->world.states, 3);
	assert_false(b->world.state[0].none);
	assert_true(b->world.state[1].none);
	assert_false(b->world.state[2].none);
}

/* Pages of the base that are free, and filled as frames later. */
static bool was_filled(const struct bench *b, uint64_t page)
{
	const struct world *w = &b->world;

	for (unsigned s = 0; s < w->states; s++)
		if (w->state[s].o.tag[page] >= TAG_FILL &&
		    b->from->state.o.tag[page] < TAG_FILL)
			return true;
	return false;
}

/* The row is named for it: a page is a table, a frame, and a table. */
static void world_ops__reuse_reuses_pages(void **state)
{
	struct bench *b = *state;
	unsigned reuse = (unsigned)bench_row("reuse");
	const uint64_t *desc = b->media + BENCH_DESC_PAGE * PPT_PAGE_WORDS;
	uint64_t page = BENCH_FIRST_PAGE;

	check(b, &reuse, 1, true);
	while (!was_filled(b, page))
		page++;
	assert_int_equal(desc[page] >> 32 & 15, 9); /* a table of level 1 */
	/* the first table was made of the first free page */
	for (uint64_t p = BENCH_FIRST_PAGE; p < page; p++)
		assert_int_not_equal(
			b->from->words[BENCH_DESC_PAGE * PPT_PAGE_WORDS + p] >>
					32 &
				15,
			1);
}

/* A word of a frame that is not what its user wrote. */
static void world_matches__compares_frames(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->copy);
	uint64_t page = BENCH_FIRST_PAGE;

	memcpy(b->copy, b->base, b->bytes);
	while (b->state.o.tag[page] < TAG_FILL)
		page++;
	b->copy[page * PPT_PAGE_WORDS + 300] ^= 1;
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	assert_false(world_matches(&b->state, NULL, &b->image, &view, &b->why));
}

/* Under the memory map of a restart, every state is moved. */
static void world_matches__compares_under_the_present_map(void **state)
{
	struct bench *b = *state;
	struct image_view view = bench_view(b, b->media);
	unsigned move = (unsigned)bench_row("move");
	const struct world *w = &b->world;

	check(b, &move, 1, true);
	assert_int_equal(image_read(&view, true, &b->image, &b->why), 0);
	assert_true(world_matches(&w->state[0], &w->present, &b->image, &view,
				  &b->why));
	assert_true(
		world_matches(&w->state[1], NULL, &b->image, &view, &b->why));
	assert_false(
		world_matches(&w->state[0], NULL, &b->image, &view, &b->why));
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(world_base__is_state_0_and_settled),
		TEST(world_base__is_the_same_each_time),
		TEST(world_open__leaves_the_ring_about_to_wrap),
		TEST(world_ops__each_row_runs_and_recovers),
		TEST(world_ops__each_pair_runs_and_recovers),
		TEST(world_ops__each_three_rows_run),
		TEST(world_ops__with_an_mmu_each_pair_runs),
		TEST(world_user__is_told_of_each_frame),
		TEST(world_ops__leave_states_in_order),
		TEST(world_ops__reuse_reuses_pages),
		TEST(world_matches__compares_frames),
		TEST(world_matches__compares_under_the_present_map),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
