/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_harm_test.c - a sample of all damage in one place; all of it is in
 * check_harm_slow_test.c.
 *
 * Layer: tests.
 */
#include "check_harm.h"

static void ppt_check__sampled_damage_is_refused_reported_or_inert(void **state)
{
	const struct sample sample = {
		.bits = 67, .dead_bits = 1024, .pages = 7, .zeros = 1
	};

	harm_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_check__sampled_damage_is_refused_reported_or_inert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
