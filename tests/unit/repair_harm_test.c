/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_harm_test.c - repair of a pool that is damaged in one place: a sample;
 * all of it is in repair_harm_slow_test.c.
 *
 * Layer: tests.
 */
#include "repair_harm.h"

static void ppt_repair__sampled_damage_gives_no_wrong_translation(void **state)
{
	const struct sample sample = { .bits = 211, .dead = 4096, .pages = 11 };

	repair_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_repair__sampled_damage_gives_no_wrong_translation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
