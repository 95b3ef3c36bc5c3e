/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_images_test.c - the images of tests/check/: what the first check finds,
 * what repair does, what is left, and that a second run does nothing; as it is
 * written in images.golden.  PPT_TEST_UPDATE=1 writes that anew.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../check/images.h"
#include "../support/mended.h"

#define GOLDEN "tests/check/images.golden"
#define TEXT_BYTES (1u << 16)

struct text {
	char *bytes;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->used += (size_t)vsnprintf(t->bytes + t->used, TEXT_BYTES - t->used,
				     format, args);
	va_end(args);
	assert_true(t->used < TEXT_BYTES);
}

static void add_check(struct text *t, const char *when, const struct mended *m)
{
	struct ppt_problem row;

	add(t, "    %s: %s", when, ppt_check_verdict_name(m->report.verdict));
	for (uint32_t i = 0; i < PPT_PROBLEM_COUNT; i++) {
		assert_int_equal(ppt_problem_row(i, &row), 0);
		if (m->problems[i])
			add(t, " %s*%u", row.code, m->problems[i]);
	}
	add(t, "\n");
}

static void add_actions(struct text *t, const struct mended *m)
{
	static const char *const codes[] = {
#define CODE(name, code, lossy, message) ((lossy) ? "!" code : (code)),
		PPT_ACTIONS(CODE)
#undef CODE
	};

	add(t, "    repair:");
	for (uint32_t i = 0; i < PPT_ACTION_COUNT; i++)
		if (m->of[i])
			add(t, " %s*%u", codes[i], m->of[i]);
	add(t, m->actions ? "\n" : " nothing\n");
}

static void run_image(struct text *t, const struct image_case *image,
		      const struct specimen *good)
{
	struct with with = { .cfg = { .flags = 0 } };
	struct specimen damaged;
	static struct mended m;
	int err;

	specimen_copy(&damaged, good);
	mended_open(&m, good);
	image->damage(&damaged, &with);
	if (!with.cfg.pa_bits)
		with.cfg.pa_bits = 52;
	m.with = with.cfg;
	m.image = &damaged;
	mended_reset(&m);
	mended_check(&m);
	add(t, "%s\n", image->name);
	add_check(t, "before", &m);
	err = mended_repair(&m);
	if (err) {
		add(t, "    repair: %s\n", ppt_error_name(err));
	} else {
		add_actions(t, &m);
		mended_check(&m);
		add_check(t, "after", &m);
		assert_int_equal(mended_repair(&m), 0);
		if (m.actions)
			fail_msg("%s: a second repair does %s", image->name,
				 m.action[0].code);
	}
	specimen_free(&damaged);
	mended_close(&m);
}

static void run_images(struct text *t, const struct image_cases *cases)
{
	struct specimen good[EVERYTHING_KINDS];

	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_make(&good[k], (enum everything_kind)k, 1);
	for (size_t i = 0; i < cases->count; i++)
		run_image(t, &cases->image[i], &good[cases->image[i].kind]);
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_free(&good[k]);
}

static void compare(const struct text *t)
{
	char *golden = calloc(1, TEXT_BYTES);
	FILE *file = fopen(GOLDEN, getenv("PPT_TEST_UPDATE") ? "w" : "r");
	size_t line = 1;

	assert_non_null(file);
	assert_non_null(golden);
	if (getenv("PPT_TEST_UPDATE")) {
		assert_int_equal(fwrite(t->bytes, 1, t->used, file), t->used);
	} else {
		(void)fread(golden, 1, TEXT_BYTES - 1, file);
		for (size_t i = 0; golden[i] || t->bytes[i]; i++) {
			if (golden[i] != t->bytes[i])
				fail_msg("%s differs from line %zu on: %.300s",
					 GOLDEN, line, t->bytes + i);
			line += golden[i] == '\n';
		}
	}
	assert_int_equal(fclose(file), 0);
	free(golden);
}

static void ppt_repair__each_image_gives_what_is_written(void **state)
{
	struct text t = { calloc(1, TEXT_BYTES), 0 };

	assert_non_null(t.bytes);
	assert_true(images_pool.count + images_entry.count +
			    images_lost.count >=
		    60);
	run_images(&t, &images_pool);
	run_images(&t, &images_entry);
	run_images(&t, &images_lost);
	compare(&t);
	free(t.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_repair__each_image_gives_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
