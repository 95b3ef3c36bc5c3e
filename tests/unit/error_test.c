/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error_test.c - error values are part of the interface and never change.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pptable/pptable.h>

/* Written down once more, on purpose: a row may be added, none changed. */
static const struct {
	int value;
	const char *name;
} frozen[] = {
	{ -2, "PPT_E_NOENT" },      { -5, "PPT_E_IO" },
	{ -7, "PPT_E_TOOBIG" },     { -11, "PPT_E_AGAIN" },
	{ -12, "PPT_E_NOMEM" },     { -16, "PPT_E_BUSY" },
	{ -17, "PPT_E_EXIST" },     { -22, "PPT_E_INVAL" },
	{ -28, "PPT_E_NOSPC" },     { -30, "PPT_E_ROFS" },
	{ -34, "PPT_E_RANGE" },     { -40, "PPT_E_LIMIT" },
	{ -999, "PPT_E_SYS" },      { -1000, "PPT_E_MAGIC" },
	{ -1001, "PPT_E_VERSION" }, { -1002, "PPT_E_FEATURE" },
	{ -1003, "PPT_E_SIZE" },    { -1004, "PPT_E_CORRUPT" },
	{ -1005, "PPT_E_JOURNAL" }, { -1006, "PPT_E_REGION" },
	{ -1007, "PPT_E_LOCKED" },  { -1008, "PPT_E_DEAD" },
};
#define FROZEN (sizeof(frozen) / sizeof(frozen[0]))

static void ppt_error_name__values_are_frozen(void **state)
{
	size_t listed = 0;

	for (size_t i = 0; i < FROZEN; i++)
		assert_string_equal(ppt_error_name(frozen[i].value),
				    frozen[i].name);
	for (int e = -2000; e < 0; e++)
		listed += strcmp(ppt_error_name(e), "unknown") != 0;
	assert_int_equal(listed, FROZEN); /* a new one is to be added here */
	assert_int_equal(PPT_OK, 0);
	assert_string_equal(ppt_error_name(0), "PPT_OK");
}

static void ppt_strerror__each_has_a_text_of_its_own(void **state)
{
	for (size_t i = 0; i < FROZEN; i++) {
		const char *text = ppt_strerror(frozen[i].value);

		assert_true(strlen(text) > 3);
		assert_string_not_equal(text, "unknown error");
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(text,
						ppt_strerror(frozen[k].value));
	}
	assert_string_equal(ppt_strerror(0), "no error");
	assert_string_equal(ppt_strerror(1), "unknown error");
	assert_string_equal(ppt_strerror(INT32_MIN), "unknown error");
	assert_string_equal(ppt_error_name(1), "unknown");
}

static void ppt_verdict_name__values_are_frozen(void **state)
{
	assert_string_equal(ppt_verdict_name(0), "clean");
	assert_string_equal(ppt_verdict_name(1), "replayed");
	assert_string_equal(ppt_verdict_name(2), "degraded");
	assert_string_equal(ppt_verdict_name(3), "refused");
	assert_string_equal(ppt_verdict_name(4), "unknown");
}

static void ppt_format_name__parse_is_its_inverse(void **state)
{
	enum ppt_format f = 77;

	assert_string_equal(ppt_format_name(PPT_FORMAT_X86_64_4), "x86_64-4");
	assert_string_equal(ppt_format_name(PPT_FORMAT_X86_64_5), "x86_64-5");
	assert_null(ppt_format_name(0));
	assert_null(ppt_format_name(99));
	assert_int_equal(ppt_format_parse("x86_64", &f), PPT_E_INVAL);
	assert_int_equal(ppt_format_parse("x86_64-44", &f), PPT_E_INVAL);
	assert_int_equal(ppt_format_parse("", &f), PPT_E_INVAL);
	assert_int_equal(f, 77);
	assert_int_equal(ppt_format_parse("x86_64-5", &f), 0);
	assert_int_equal(f, PPT_FORMAT_X86_64_5);
	assert_int_equal(ppt_format_parse("x86_64-4", &f), 0);
	assert_int_equal(f, PPT_FORMAT_X86_64_4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_error_name__values_are_frozen),
		cmocka_unit_test(ppt_strerror__each_has_a_text_of_its_own),
		cmocka_unit_test(ppt_verdict_name__values_are_frozen),
		cmocka_unit_test(ppt_format_name__parse_is_its_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
