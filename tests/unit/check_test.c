/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_test.c - check on pools in order, and one case for each problem.
 *
 * Layer: tests.
 */
#include "check_rig.h"

/* ---------------------------------------------------------------- clean -- */

static void ppt_check__pool_of_everything_is_clean(void **state)
{
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		struct image image;
		struct outcome o;

		image_make(&image, (enum everything_kind)k, 1);
		check_image(&image, NULL, &o);
		outcome_print_unless(&o, o.count == 0);
		assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
		assert_int_equal(o.count, 0);
		assert_true(o.report.tables > 15);
		assert_int_equal(o.report.records != 0, k != EVERYTHING_CLEAN);
		image_free(&image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_check__pool_of_everything_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
