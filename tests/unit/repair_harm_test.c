/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_harm_test.c - repair of a pool that is damaged in one place: a sample;
 * all of it is in repair_harm_slow_test.c.
 *
 * Layer: tests.
 */
#include "repair_harm.h"
#include "sim/oracle/rng.h" /* TEST_SHARE */

static void ppt_repair__sampled_damage_gives_no_wrong_translation(void **state)
{
	const struct sample sample = { .bits = 997 * TEST_SHARE,
				       .dead = 65536,
				       .pages = 29 * TEST_SHARE,
				       .lines = 11 * TEST_SHARE };

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
