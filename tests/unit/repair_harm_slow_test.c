/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_harm_slow_test.c - repair of a pool that is damaged in one place: every
 * bit, line and page, every page replaced by every other.
 *
 * Layer: tests.
 */
#include "repair_harm.h"

static void ppt_repair__any_damage_gives_no_wrong_translation(void **state)
{
	const struct sample sample = {
		.bits = 1, .dead = 64, .pages = 1, .lines = 1
	};

	repair_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_repair__any_damage_gives_no_wrong_translation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
