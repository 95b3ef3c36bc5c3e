/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record_test.c - journal records, runs and tail words as bits.
 *
 * Layer: tests.  Parsing is done anew here, from docs/FORMAT.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/oracle/rng.h"
#include "format/record.h"

#define SEED UINT32_C(0x12345678)
#define SEQ UINT64_C(0x123456789abc)

static struct ppt__run random_run(struct rng *r)
{
	uint32_t slot = (uint32_t)rng_below(r, 512);
	uint32_t count = 1 + (uint32_t)rng_below(r, 512 - slot);

	return (struct ppt__run){
		ppt__run_where((uint32_t)rng_next(r), slot, count,
			       (uint32_t)rng_below(r, 1024) << 2 |
				       (1 + (uint32_t)rng_below(r, 3))),
		rng_next(r),
	};
}

/* Whether words are the record of a line, by the document's rule. */
static uint32_t parse(const uint64_t *word, uint64_t line)
{
	uint64_t copy[PPT__RECORD_WORDS_MAX];
	uint32_t runs = (uint32_t)(word[0] >> 48) & 0xff;
	uint32_t lines = (2 + 2 * runs + 7) / 8, raw = SEED;

	if ((word[0] & UINT64_C(0xffffffffffff)) !=
	    (line & UINT64_C(0xffffffffffff)))
		return 0;
	if (word[0] >> 57 || runs == 0 || runs > 39)
		return 0;
	memcpy(copy, word, lines * 64);
	copy[1] &= ~UINT64_C(0xffffffff);
	for (uint32_t i = 0; i < lines * 8; i++)
		raw = ppt__crc32c_word_portable(raw, copy[i]);
	return (uint32_t)word[1] == (uint32_t)~raw ? lines : 0;
}

static void ppt__run_where__fields_come_back(void **state)
{
	struct rng r = { .state = 1 };

	for (int i = 0; i < 10000; i++) {
		uint32_t page = (uint32_t)rng_next(&r);
		uint32_t slot = (uint32_t)rng_below(&r, 512);
		uint32_t count = 1 + (uint32_t)rng_below(&r, 512);
		uint32_t code = (uint32_t)rng_below(&r, 4096);
		uint64_t w = ppt__run_where(page, slot, count, code);

		assert_int_equal(w >> 62, 0);
		assert_int_equal(ppt__run_page(w), page);
		assert_int_equal(ppt__run_slot(w), slot);
		assert_int_equal(ppt__run_count(w), count);
		assert_int_equal(ppt__run_stride_code(w), code);
	}
}

/* Whether a stride is a whole number of some unit, and how many. */
static bool naive_stride(uint64_t stride, uint32_t *unit, uint64_t *times)
{
	const uint64_t bytes[] = { PPT_SIZE_1G, PPT_SIZE_2M, PPT_SIZE_4K };

	for (uint32_t i = 0; i < 3; i++) {
		*unit = 3 - i;
		*times = stride / bytes[i];
		if (stride % bytes[i] == 0 && *times >= 1 && *times <= 1024)
			return true;
	}
	return false;
}

static void ppt__stride_code__only_multiples_of_units_have_one(void **state)
{
	struct rng r = { .state = 3 };
	uint64_t times;
	uint32_t unit;

	assert_int_equal(ppt__stride_code(0), 0);
	assert_int_equal(ppt__stride_code(PPT_SIZE_4K), 1);
	assert_int_equal(ppt__stride_code(PPT_SIZE_2M), 2);
	assert_int_equal(ppt__stride_code(PPT_SIZE_1G), 3);
	assert_int_equal(ppt__stride_code(513 * PPT_SIZE_4K), 512 << 2 | 1);
	assert_int_equal(ppt__stride_code(1025 * PPT_SIZE_4K), -1);
	assert_int_equal(ppt__stride_code(1024 * PPT_SIZE_1G), 1023 << 2 | 3);
	assert_int_equal(ppt__stride_code(UINT64_MAX), -1);
	for (uint32_t i = 0; i < 100000; i++) {
		uint64_t stride = rng_below(&r, 2048) << rng_below(&r, 53);
		int code = ppt__stride_code(stride);

		if (!stride || !naive_stride(stride, &unit, &times)) {
			assert_int_equal(code, stride ? -1 : 0);
			continue;
		}
		assert_int_equal(code, (times - 1) << 2 | unit);
		assert_true(ppt__stride((uint32_t)code) == stride);
		assert_true(ppt__stride_code_ok((uint32_t)code));
	}
	assert_false(ppt__stride_code_ok(4));
}

static void ppt__record_lines__packs_3_runs_then_4_a_line(void **state)
{
	for (uint32_t n = 1; n <= PPT__RECORD_RUNS_MAX; n++)
		assert_int_equal(ppt__record_lines(n), 1 + n / 4);
	assert_int_equal(ppt__record_lines(1), 1);
	assert_int_equal(ppt__record_lines(3), 1);
	assert_int_equal(ppt__record_lines(4), 2);
	assert_int_equal(ppt__record_lines(7), 2);
	assert_int_equal(ppt__record_lines(8), 3);
	assert_int_equal(ppt__record_lines(39), 10);
	assert_true(ppt__record_lines(40) > PPT__RECORD_LINES_MAX);
}

static void ppt__record_build__every_size_round_trips(void **state)
{
	struct rng r = { .state = 2 };
	struct ppt__run run[PPT__RECORD_RUNS_MAX];
	uint64_t word[PPT__RECORD_WORDS_MAX + 1];

	ppt__crc32c_init();
	for (uint32_t n = 1; n <= PPT__RECORD_RUNS_MAX; n++) {
		uint64_t seq = rng_next(&r);
		uint32_t pending = (uint32_t)rng_next(&r), lines;
		bool more = n % 2;

		for (uint32_t i = 0; i < n; i++) {
			run[i] = random_run(&r);
			run[i].where |= rng_next(&r) << 52; /* marks */
		}
		memset(word, 0xa5, sizeof(word));
		lines = ppt__record_build(word, SEED, seq, pending, run, n,
					  more);
		assert_int_equal(lines, ppt__record_lines(n));
		assert_int_equal(parse(word, seq), lines);
		assert_int_equal(ppt__record_seq(word[0]), seq & PPT__SEQ_MASK);
		assert_int_equal(ppt__record_runs(word[0]), n);
		assert_int_equal(ppt__record_pending(word[1]), pending);
		assert_int_equal(word[0] & PPT__RECORD_MORE,
				 more ? PPT__RECORD_MORE : 0);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(word[2 + 2 * i],
					 run[i].where & PPT__RUN_MEDIA);
			assert_int_equal(word[3 + 2 * i], run[i].value);
		}
		for (uint32_t i = 2 + 2 * n; i < lines * 8; i++)
			assert_int_equal(word[i], 0);
		/* not a word too many */
		assert_int_equal(word[lines * 8], UINT64_C(0xa5a5a5a5a5a5a5a5));
	}
}

static uint32_t build(uint64_t *word, uint32_t n, uint32_t state)
{
	struct ppt__run run[PPT__RECORD_RUNS_MAX];
	struct rng r = { .state = state };

	for (uint32_t i = 0; i < n; i++)
		run[i] = random_run(&r);
	return ppt__record_build(word, SEED, SEQ, 0, run, n, false);
}

static void ppt__record_crc__every_flipped_bit_is_detected(void **state)
{
	static const uint32_t sizes[] = { 1, 3, 4, 20, 39 };
	uint64_t word[PPT__RECORD_WORDS_MAX] = { 0 };

	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint32_t lines = build(word, sizes[s], 3);

		for (uint32_t b = 0; b < lines * 512; b++) {
			word[b / 64] ^= UINT64_C(1) << b % 64;
			assert_int_equal(parse(word, SEQ), 0);
			word[b / 64] ^= UINT64_C(1) << b % 64;
		}
		assert_int_equal(parse(word, SEQ), lines);
	}
}

static void ppt__record_crc__two_flipped_bits_are_detected(void **state)
{
	uint64_t word[PPT__RECORD_WORDS_MAX] = { 0 };

	build(word, 3, 4);
	for (uint32_t a = 0; a < 512; a++)
		for (uint32_t b = 0; b < a; b++) {
			word[a / 64] ^= UINT64_C(1) << a % 64;
			word[b / 64] ^= UINT64_C(1) << b % 64;
			assert_int_equal(parse(word, SEQ), 0);
			word[a / 64] ^= UINT64_C(1) << a % 64;
			word[b / 64] ^= UINT64_C(1) << b % 64;
		}
}

static void ppt__record_crc__up_to_5_random_bits_are_detected(void **state)
{
	uint64_t word[PPT__RECORD_WORDS_MAX], whole[PPT__RECORD_WORDS_MAX];
	struct rng r = { .state = 5 };
	uint32_t lines = build(whole, 39, 5);

	for (int i = 0; i < 100000; i++) {
		memcpy(word, whole, sizeof(word));
		for (int k = 3 + i % 3; k; k--) {
			uint32_t b = (uint32_t)rng_below(&r, lines * 512);

			word[b / 64] ^= UINT64_C(1) << b % 64;
		}
		if (memcmp(word, whole, sizeof(word)) != 0)
			assert_int_equal(parse(word, SEQ), 0);
	}
}

/* Of a torn record, each word is the new one or what was there before. */
static void ppt__record_crc__torn_over_stale_lines_is_detected(void **state)
{
	uint64_t new[PPT__RECORD_WORDS_MAX], old[PPT__RECORD_WORDS_MAX];
	uint64_t mixed[PPT__RECORD_WORDS_MAX];
	struct rng r = { .state = 6 };
	struct ppt__run run[7];
	uint32_t lines;

	for (uint32_t i = 0; i < 7; i++)
		run[i] = random_run(&r);
	lines = ppt__record_build(new, SEED, SEQ, 0, run, 7, false);
	/* a turn of the ring before, the same runs but for one value */
	run[4].value++;
	ppt__record_build(old, SEED, SEQ - 1024, 0, run, 7, false);
	for (uint32_t mask = 0; mask < 65536; mask++) {
		bool whole = true;

		for (uint32_t i = 0; i < 16; i++) {
			mixed[i] = mask >> i & 1u ? new[i] : old[i];
			whole &= mixed[i] == new[i];
		}
		assert_int_equal(parse(mixed, SEQ), whole ? lines : 0);
	}
}

static void ppt__record_build__other_line_or_pool_is_another(void **state)
{
	uint64_t a[PPT__RECORD_WORDS_MAX], b[PPT__RECORD_WORDS_MAX];
	struct ppt__run run = { ppt__run_where(77, 1, 1, 0), 5 };

	ppt__record_build(a, SEED, SEQ, 0, &run, 1, false);
	ppt__record_build(b, SEED + 1, SEQ, 0, &run, 1, false);
	assert_int_equal(parse(a, SEQ + 1), 0);
	assert_int_equal(parse(b, SEQ), 0);
	/* a number is 48 bits: the rest does not spill into the count */
	ppt__record_build(b, SEED, SEQ | UINT64_C(0xffff) << 48, 0, &run, 1,
			  false);
	assert_memory_equal(a, b, 64);
}

/* ----------------------------------------------------------- tail word -- */

static void ppt__tail_word__line_comes_back(void **state)
{
	struct rng r = { .state = 7 };

	for (int i = 0; i < 10000; i++) {
		uint64_t line = rng_next(&r);
		uint64_t w = ppt__tail_word(SEED, line);

		assert_int_equal(w & PPT__SEQ_MASK, line & PPT__SEQ_MASK);
		assert_true(ppt__tail_valid(SEED, w));
	}
	/* neither erased nor worn-out media is a tail of this pool */
	assert_false(ppt__tail_valid(SEED, 0));
	assert_false(ppt__tail_valid(SEED, UINT64_MAX));
}

/* All of the 64 + 2,016 + 41,664 errors of up to three bits. */
static void ppt__tail_word__up_to_3_flipped_bits_are_detected(void **state)
{
	uint64_t w = ppt__tail_word(SEED, SEQ), tried = 0, missed = 0;

	for (uint32_t a = 0; a < 64; a++)
		for (uint32_t b = a; b < 64; b++)
			for (uint32_t c = b; c < 64; c++) {
				uint64_t e = UINT64_C(1) << a |
					     UINT64_C(1) << b |
					     UINT64_C(1) << c;

				/* {a, a, b} is {a, b, b} */
				if (a == b && b != c)
					continue;
				tried++;
				if (!ppt__tail_valid(SEED, w ^ e))
					continue;
				missed++;
				print_message("missed: %u %u %u\n", a, b, c);
			}
	assert_int_equal(tried, 64 + 2016 + 41664);
	assert_int_equal(missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt__run_where__fields_come_back),
		cmocka_unit_test(
			ppt__stride_code__only_multiples_of_units_have_one),
		cmocka_unit_test(ppt__record_lines__packs_3_runs_then_4_a_line),
		cmocka_unit_test(ppt__record_build__every_size_round_trips),
		cmocka_unit_test(
			ppt__record_crc__every_flipped_bit_is_detected),
		cmocka_unit_test(
			ppt__record_crc__two_flipped_bits_are_detected),
		cmocka_unit_test(
			ppt__record_crc__up_to_5_random_bits_are_detected),
		cmocka_unit_test(
			ppt__record_crc__torn_over_stale_lines_is_detected),
		cmocka_unit_test(
			ppt__record_build__other_line_or_pool_is_another),
		cmocka_unit_test(ppt__tail_word__line_comes_back),
		cmocka_unit_test(
			ppt__tail_word__up_to_3_flipped_bits_are_detected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
