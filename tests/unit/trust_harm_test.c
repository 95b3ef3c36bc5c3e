/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_harm_test.c - a sample of all damage in one place, attached to in each
 * trust mode; all of it is in trust_harm_slow_test.c.
 *
 * Layer: tests.
 */
#include "check_harm.h"

static void ppt_attach__sampled_damage_never_translates_wrong(void **state)
{
	const struct sample sample = { .bits = 1201,
				       .dead_bits = 8192,
				       .pages = 211,
				       .zeros = 11,
				       .trust = true };

	harm_everything(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_attach__sampled_damage_never_translates_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
