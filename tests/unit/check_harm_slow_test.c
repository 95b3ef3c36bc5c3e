/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_harm_slow_test.c - every bit of a pool flipped, one at a time, every
 * line and page zeroed, every page replaced by every other.
 *
 * Layer: tests.
 */
#include "check_harm.h"

static void ppt_check__any_damage_is_refused_reported_or_inert(void **state)
{
	const struct sample sample = {
		.bits = 1, .dead_bits = 1, .pages = 1, .zeros = 1
	};

	harm_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_check__any_damage_is_refused_reported_or_inert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
