/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill_test.c - a short SIGKILL campaign, see sim/kill/kill.h.
 *
 * Layer: tests.
 *
 * PPT_TEST_ROUNDS  rounds in all (400)
 * PPT_TEST_SEED    seed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/kill/kill.h"

static void writers__killed_anywhere_lose_nothing(void **state)
{
	struct kill_options options = {
		.rounds = env_number("PPT_TEST_ROUNDS", 400 / TEST_SHARE),
		.seed = env_number("PPT_TEST_SEED", 5),
	};
	struct kill_result result;
	struct why why;

	if (kill_run(&options, &result, &why))
		fail_msg("%s", why.text);
	if (result.verdict)
		fail_msg("%s, round %llu, seed %llu: %s: %s (%s)",
			 kill_profiles[result.failed].name,
			 (unsigned long long)result.round,
			 (unsigned long long)options.seed,
			 kill_verdict_name(result.verdict), result.why.text,
			 result.pool);
	for (unsigned i = 0; i < kill_profile_count; i++) {
		const struct kill_tally *t = &result.profile[i];

		print_message("%s: %llu rounds, %llu acknowledged, in flight "
			      "%llu, found %llu, killed while opening %llu\n",
			      kill_profiles[i].name,
			      (unsigned long long)t->rounds,
			      (unsigned long long)t->acknowledged,
			      (unsigned long long)t->in_flight,
			      (unsigned long long)t->in_flight_found,
			      (unsigned long long)t->killed_in_open);
	}
	assert_int_equal(result.all.rounds, options.rounds);
	assert_true(result.all.acknowledged > options.rounds);
	assert_true(result.all.in_flight > 0);
	assert_true(result.all.killed_in_open > 0);
}

static void kill_run__unknown_profile_is_refused(void **state)
{
	struct kill_options options = { .rounds = 1, .profile = "none" };
	struct kill_result result;
	struct why why;

	assert_int_equal(kill_run(&options, &result, &why), -1);
	assert_string_equal(why.text, "no such profile: none");
}

static void kill_run__no_folder_is_told(void **state)
{
	struct kill_options options = { .rounds = 1, .dir = "/nowhere" };
	struct kill_result result;
	struct why why;

	assert_int_equal(kill_run(&options, &result, &why), -1);
	assert_non_null(strstr(why.text, "No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers__killed_anywhere_lose_nothing),
		cmocka_unit_test(kill_run__unknown_profile_is_refused),
		cmocka_unit_test(kill_run__no_folder_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
