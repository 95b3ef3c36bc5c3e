/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_harm_slow_test.c - every bit, line and page of a pool damaged in turn, and
 * attached to in each trust mode.
 *
 * Layer: tests.
 */
#include "check_harm.h"

static void ppt_attach__any_damage_never_translates_wrong(void **state)
{
	const struct sample sample = { .bits = 1,
				       .dead_bits = 16,
				       .pages = 1,
				       .zeros = 1,
				       .trust = true };

	harm_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_attach__any_damage_never_translates_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
