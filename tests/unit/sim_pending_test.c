/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_pending_test.c - the persistency model against brute force.
 *
 * Layer: tests.
 *
 * Random short traces are played into pending.c, words are decided one by one
 * in random order, in every way; what comes out must be exactly the images that
 * docs/TESTING.md, "The persistency model", allows.  These are enumerated here
 * from the program alone: of each line a prefix of its plain stores, of the
 * streams any, of these what a fence has made durable in any case; the last
 * store to a word that was kept counts.  Where plain stores and streams meet in
 * one line, M1 may give more than that, but no less, and nothing that M2 lacks.
 *
 * PPT_TEST_ROUNDS  traces of each length (300)
 * PPT_TEST_SEED    seed (1)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/brute.h"

/* ------------------------------------------------------------- explorer -- */

/**
 * struct side - what pending.c makes of it.
 * @order: in which words are decided, for each level.
 * @reads: how many a recovery reads before it crashes, too.
 */
struct side {
	struct pending p[2];
	struct trace t[2];
	struct decisions log[2];
	unsigned order[2][WORDS];
	unsigned reads;
	unsigned levels;
	struct images found;
};

static void record(struct side *s, unsigned level, const struct program *p)
{
	uint64_t media[MEDIA] = { 0 };

	trace_reset(&s->t[level]);
	for (unsigned i = 0; i < p->n; i++) {
		const struct action *a = &p->a[i];
		struct trace_event e = { .kind = (uint8_t)a->kind,
					 .site = 1,
					 .word = media_word(a->word) };
		bool stores = a->kind != TRACE_FLUSH && a->kind != TRACE_FENCE;

		for (unsigned k = 0; stores && k < a->words; k++)
			media[e.word + k] = VALUE + a->value[k];
		trace_add(&s->t[level], &e, stores ? a->words : 0, LINE_WORDS,
			  media);
	}
}

static void play(struct side *s, unsigned level)
{
	pending_reset(&s->p[level]);
	for (uint32_t i = 0; i < s->t[level].count; i++)
		(void)pending_play(&s->p[level], &s->t[level],
				   &s->t[level].event[i]);
}

static uint64_t read_image(struct side *s, unsigned level)
{
	uint64_t image = 0;

	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t value = 0;

		assert_true(pending_value(&s->p[level], media_word(w), &value));
		value -= VALUE;
		image = with(image, w, value < GARBAGE ? value : GARBAGE);
	}
	return image;
}

static void decide_from(struct side *s, unsigned level, unsigned i);

/* As crash_again does it: with what is decided by now. */
static void crash_again(struct side *s)
{
	uint32_t from = s->log[0].count;

	play(s, 1);
	decide_from(s, 1, 0);
	assert_int_equal(s->log[0].count, from);
}

static void decide_one(struct side *s, unsigned level, unsigned i)
{
	struct option option[PENDING_OPTIONS_MAX];
	uint32_t word = media_word(s->order[level][i]);
	uint32_t from = s->log[level].count;
	uint64_t value = 0;
	unsigned n;

	if (pending_value(&s->p[level], word, &value)) {
		decide_from(s, level, i + 1);
		return;
	}
	n = pending_options(&s->p[level], word, option);
	assert_true(n > 1);
	for (unsigned k = 0; k < n; k++) {
		pending_decide(&s->p[level], word, &option[k], &s->log[level]);
		if (!pending_value(&s->p[level], word, &value))
			fail_msg("word %u, level %u: option %u of %u decided, "
				 "and open again",
				 s->order[level][i], level, k, n);
		assert_int_equal(value, option[k].value);
		/* There and back again: as a crash before this read does. */
		pending_undo(&s->log[level], from);
		assert_int_equal(pending_options(&s->p[level], word, option),
				 n);
		pending_redo(&s->log[level], from);
		assert_true(pending_value(&s->p[level], word, &value));
		assert_int_equal(value, option[k].value);
		decide_from(s, level, i + 1);
		pending_undo(&s->log[level], from);
		s->log[level].count = from;
	}
}

static void decide_from(struct side *s, unsigned level, unsigned i)
{
	if (level + 1 < s->levels && i == s->reads)
		crash_again(s);
	else if (i < WORDS)
		decide_one(s, level, i);
	else
		images_add(&s->found, read_image(s, level));
	if (s->found.count > 200000)
		images_tidy(&s->found);
}

static void open_side(struct side *s, const struct taste *taste)
{
	memset(s, 0, sizeof(*s));
	s->levels = taste->levels;
	for (unsigned i = 0; i < 2; i++) {
		pending_open(&s->p[i], taste->model, MEDIA,
			     i ? &s->p[0] : NULL);
		s->p[i].garbage_last = LINE_WORDS;
	}
	for (unsigned i = 0; i < MEDIA; i++)
		s->p[0].durable[i] = VALUE;
}

static void close_side(struct side *s)
{
	for (unsigned i = 0; i < 2; i++) {
		pending_close(&s->p[i]);
		trace_free(&s->t[i]);
		free(s->log[i].d);
	}
	images_free(&s->found);
}

static void shuffle(struct rng *r, unsigned *order)
{
	for (unsigned i = 0; i < WORDS; i++) {
		unsigned k = (unsigned)rng_below(r, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
}

/* ---------------------------------------------------------- comparisons -- */

static void tell(const struct program *p, unsigned levels, const char *what,
		 uint64_t image)
{
	char text[2][1024] = { "", "" };

	for (unsigned i = 0; i < levels; i++)
		program_text(&p[i], text[i], sizeof(text[i]));
	fail_msg("%s: image %#0*llx (hex digits: words, the last first)\n"
		 "  program:%s\n  recovery:%s",
		 what, (int)WORDS + 2, (unsigned long long)image, text[0],
		 text[1]);
}

static void compare(struct rng *r, const struct taste *taste,
		    const struct program *p)
{
	struct images expected = { 0 };
	struct side s;
	uint64_t image;

	open_side(&s, taste);
	for (unsigned i = 0; i < taste->levels; i++) {
		record(&s, i, &p[i]);
		shuffle(r, s.order[i]);
	}
	s.reads = (unsigned)rng_below(r, WORDS + 1);
	play(&s, 0);
	decide_from(&s, 0, 0);
	images_tidy(&s.found);
	expect_images(taste, p, &expected);
	if (images_lack(&s.found, &expected, &image))
		tell(p, taste->levels, "never produced", image);
	if (taste->loose) {
		struct taste m2 = *taste;

		m2.model = SIM_M2;
		images_free(&expected);
		expect_images(&m2, p, &expected);
	}
	if (images_lack(&expected, &s.found, &image))
		tell(p, taste->levels, "no crash leaves it", image);
	images_free(&expected);
	close_side(&s);
}

/* Short programs first: what fails is small. */
static void compare_random(struct taste taste)
{
	struct rng r = { .state = env_number("PPT_TEST_SEED", 1) };
	uint64_t rounds = env_number("PPT_TEST_ROUNDS", 300);
	unsigned longest = taste.levels == 1 ? 10 : 6;

	for (unsigned n = 1; n <= longest; n++)
		for (uint64_t i = 0; i < rounds; i++) {
			struct program p[2];

			taste.same = rng_below(&r, 2);
			make_program(&r, &taste, n, &p[0]);
			make_program(&r, &taste, n, &p[1]);
			compare(&r, &taste, p);
		}
}

/* ---------------------------------------------------------------- tests -- */

static void pending__m0_one_level(void **state)
{
	compare_random((struct taste){
		.model = SIM_M0, .mixed = true, .user = true, .levels = 1 });
}

static void pending__m0_two_levels(void **state)
{
	compare_random(
		(struct taste){ .model = SIM_M0, .mixed = true, .levels = 2 });
}

static void pending__m1_one_level(void **state)
{
	compare_random((struct taste){ .model = SIM_M1, .levels = 1 });
}

static void pending__m1_two_levels(void **state)
{
	compare_random((struct taste){ .model = SIM_M1, .levels = 2 });
}

static void pending__m1_mixed_one_level(void **state)
{
	compare_random((struct taste){
		.model = SIM_M1, .mixed = true, .loose = true, .levels = 1 });
}

static void pending__m1_mixed_two_levels(void **state)
{
	compare_random((struct taste){
		.model = SIM_M1, .mixed = true, .loose = true, .levels = 2 });
}

static void pending__m2_one_level(void **state)
{
	compare_random(
		(struct taste){ .model = SIM_M2, .mixed = true, .levels = 1 });
}

static void pending__m2_two_levels(void **state)
{
	compare_random(
		(struct taste){ .model = SIM_M2, .mixed = true, .levels = 2 });
}

static void pending__m2_user_one_level(void **state)
{
	compare_random((struct taste){
		.model = SIM_M2, .mixed = true, .user = true, .levels = 1 });
}

static void pending__m3_one_level(void **state)
{
	compare_random((struct taste){
		.model = SIM_M3, .mixed = true, .journal = true, .levels = 1 });
}

static void pending__m3_two_levels(void **state)
{
	compare_random((struct taste){
		.model = SIM_M3, .mixed = true, .journal = true, .levels = 2 });
}

static unsigned count_options(struct side *s)
{
	struct option option[PENDING_OPTIONS_MAX];

	return pending_options(&s->p[0], 0, option);
}

static void add_barrier(struct side *s, enum trace_kind kind)
{
	struct trace_event e = { .kind = (uint8_t)kind, .site = 1 };

	trace_add(&s->t[0], &e, 0, LINE_WORDS, NULL);
}

static void add_store(struct side *s, enum trace_kind kind, uint64_t value)
{
	struct trace_event e = { .kind = (uint8_t)kind, .site = 1 };
	uint64_t media[MEDIA] = { value };

	trace_add(&s->t[0], &e, 1, LINE_WORDS, media);
}

/* What a stream has settled does not come back; the last store counts. */
static void pending__m1_plain_after_durable_stream(void **state)
{
	const struct taste taste = { .model = SIM_M1, .levels = 1 };
	uint64_t value = 0;
	struct side s;

	open_side(&s, &taste);
	add_store(&s, TRACE_STORE, 1);
	add_store(&s, TRACE_STREAM, 2);
	add_barrier(&s, TRACE_FENCE);
	add_store(&s, TRACE_STORE, 3);
	play(&s, 0);
	assert_int_equal(count_options(&s), 2); /* 3 or 2, never 1 */
	add_barrier(&s, TRACE_FLUSH);
	add_barrier(&s, TRACE_FENCE);
	play(&s, 0);
	assert_true(pending_value(&s.p[0], 0, &value));
	assert_int_equal(value, 3);
	close_side(&s);
}

/* Of a word that was stored many times, all values. */
static void pending__m2_many_stores_to_a_word(void **state)
{
	const struct taste taste = { .model = SIM_M2, .levels = 1 };

	for (unsigned n = 1; n < 34; n++) {
		struct side s;

		open_side(&s, &taste);
		for (unsigned i = 0; i < n; i++)
			add_store(&s, TRACE_STORE, i + 1);
		play(&s, 0);
		if (count_options(&s) != n + 1)
			fail_msg("%u stores: %u options, expected %u", n,
				 count_options(&s), n + 1);
		close_side(&s);
	}
}

/* The same of a word of the journal, stored to in both ways. */
static void pending__m3_many_stores_to_a_word(void **state)
{
	const struct taste taste = { .model = SIM_M3, .levels = 1 };
	struct side s;

	open_side(&s, &taste);
	for (unsigned i = 0; i < 16; i++)
		add_store(&s, TRACE_STORE, i + 1);
	for (unsigned i = 0; i < 16; i++)
		add_store(&s, TRACE_STREAM, 100 + i);
	play(&s, 0);
	assert_int_equal(count_options(&s), 16 + 1 + 16 + 1);
	close_side(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pending__m0_one_level),
		cmocka_unit_test(pending__m0_two_levels),
		cmocka_unit_test(pending__m1_one_level),
		cmocka_unit_test(pending__m1_two_levels),
		cmocka_unit_test(pending__m1_mixed_one_level),
		cmocka_unit_test(pending__m1_mixed_two_levels),
		cmocka_unit_test(pending__m1_plain_after_durable_stream),
		cmocka_unit_test(pending__m2_one_level),
		cmocka_unit_test(pending__m2_two_levels),
		cmocka_unit_test(pending__m2_user_one_level),
		cmocka_unit_test(pending__m3_one_level),
		cmocka_unit_test(pending__m3_two_levels),
		cmocka_unit_test(pending__m2_many_stores_to_a_word),
		cmocka_unit_test(pending__m3_many_stores_to_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
