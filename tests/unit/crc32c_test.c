/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc32c_test.c - CRC32C against published vectors and against a division bit
 * by bit, with the CPU's instruction and without; the linear algebra on top.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/oracle/rng.h"
#include "format/crc32c.h"
#include "format/crc32c_tables.h"
#include "format/desc.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */

/* ------------------------------------------------------- the reference -- */

static uint32_t slow_bit(uint32_t raw)
{
	return raw >> 1 ^ (raw & 1u ? POLYNOMIAL : 0);
}

static uint32_t slow_byte(uint32_t raw, uint8_t byte)
{
	raw ^= byte;
	for (int i = 0; i < 8; i++)
		raw = slow_bit(raw);
	return raw;
}

static uint32_t slow_word(uint32_t raw, uint64_t word)
{
	for (int i = 0; i < 8; i++)
		raw = slow_byte(raw, (uint8_t)(word >> (8 * i)));
	return raw;
}

/* A and D count as 0, and a cold entry (bit 9) as the present one. */
static uint64_t slow_canon(uint64_t word, uint32_t family)
{
	if (family == PPT__FAMILY_NONE)
		return word;
	word &= ~(UINT64_C(1) << 5 | UINT64_C(1) << 6);
	if (word & UINT64_C(1) << 9) {
		word &= ~(UINT64_C(1) << 9);
		word ^= 1;
	}
	return word;
}

static uint32_t slow_words(uint32_t raw, const uint64_t *word, uint32_t n,
			   uint32_t family)
{
	for (uint32_t i = 0; i < n; i++)
		raw = slow_word(raw, slow_canon(word[i], family));
	return raw;
}

/* Run a check with the instruction, if there is one, and without. */
static void both_ways(void (*check)(void))
{
	ppt__crc32c_init();
	check();
	ppt__crc32c_hw = false;
	check();
	ppt__crc32c_init();
}

/* ------------------------------------------------------------- vectors -- */

static void check_vectors(void)
{
	/* RFC 3720 B.4: an iSCSI read (10) command PDU */
	static const uint8_t pdu[48] = {
		0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
		0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	};
	uint8_t b[32];

	memset(b, 0, sizeof(b));
	assert_int_equal(ppt__crc32c(0, b, sizeof(b)), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(ppt__crc32c(0, b, sizeof(b)), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		b[i] = i;
	assert_int_equal(ppt__crc32c(0, b, sizeof(b)), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		b[i] = (uint8_t)(31 - i);
	assert_int_equal(ppt__crc32c(0, b, sizeof(b)), 0x113fdb5c);
	assert_int_equal(ppt__crc32c(0, pdu, sizeof(pdu)), 0xd9963a56);
	assert_int_equal(ppt__crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(ppt__crc32c(0, "", 0), 0);
	assert_int_equal(ppt__crc32c(0, "a", 1), 0xc1d04330);
}

static void ppt__crc32c__published_vectors_match(void **state)
{
	both_ways(check_vectors);
}

static void check_pieces(void)
{
	struct rng r = { .state = 1 };
	uint8_t b[77];
	uint32_t whole, slow = UINT32_MAX;

	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)rng_next(&r);
	for (unsigned i = 0; i < sizeof(b); i++)
		slow = slow_byte(slow, b[i]);
	whole = ppt__crc32c(0, b, sizeof(b));
	assert_int_equal(whole, ~slow);
	for (unsigned i = 0; i <= sizeof(b); i++)
		assert_int_equal(ppt__crc32c(ppt__crc32c(0, b, i), b + i,
					     sizeof(b) - i),
				 whole);
}

static void ppt__crc32c__split_anywhere_equals_the_whole(void **state)
{
	both_ways(check_pieces);
}

static void ppt__crc32c_word__hardware_equals_portable(void **state)
{
	struct rng r = { .state = 2 };

	ppt__crc32c_init();
	if (!ppt__crc32c_hw)
		skip();
	for (int i = 0; i < 100000; i++) {
		uint32_t raw = (uint32_t)rng_next(&r);
		uint64_t word = rng_next(&r);
		uint32_t hw = ppt__crc32c_word(raw, word);

		assert_int_equal(hw, ppt__crc32c_word_portable(raw, word));
		if (i < 1000)
			assert_int_equal(hw, slow_word(raw, word));
	}
}

/* -------------------------------------------------------------- tables -- */

static void crc32c_tables__are_those_of_the_polynomial(void **state)
{
	/* x^0 is the highest bit; a step of the division multiplies by x. */
	uint32_t power = UINT32_C(0x80000000);

	for (uint32_t b = 0; b < 256; b++)
		assert_int_equal(byte_table[b], slow_byte(0, (uint8_t)b));
	assert_int_equal(shift_table[0], 0); /* x^-32: never used */
	for (uint32_t i = 0; i < 32; i++)
		power = slow_bit(power);
	for (uint32_t k = 1; k <= 512; k++) {
		assert_int_equal(shift_table[k], power);
		for (uint32_t i = 0; i < 64; i++)
			power = slow_bit(power);
	}
	for (uint32_t b = 0; b < 32; b++) {
		uint32_t raw = slow_word(0, UINT64_C(1) << (32 + b));

		for (uint32_t i = 0; i < 512; i++)
			raw = slow_word(raw, 0);
		assert_int_equal(ppt__crc32c_head_bit[b], raw);
	}
}

/* ------------------------------------------------------------- algebra -- */

static void check_shift(void)
{
	struct rng r = { .state = 3 };

	for (int i = 0; i < 40; i++) {
		uint32_t raw = i < 32 ? UINT32_C(1) << i :
					(uint32_t)rng_next(&r);
		uint32_t slow = raw;

		for (uint32_t k = 0; k <= 512; k++) {
			assert_int_equal(ppt__crc32c_shift(raw, k), slow);
			slow = slow_word(slow, 0);
		}
	}
	assert_int_equal(ppt__crc32c_shift(0, 17), 0);
}

static void ppt__crc32c_shift__equals_zero_words(void **state)
{
	both_ways(check_shift);
}

static void check_head(void)
{
	struct rng r = { .state = 4 };

	for (int i = 0; i < 20; i++) {
		uint32_t change = (uint32_t)rng_next(&r);
		uint32_t raw = slow_word(0, (uint64_t)change << 32);

		for (uint32_t k = 0; k < 512; k++)
			raw = slow_word(raw, 0);
		assert_int_equal(ppt__crc32c_head(change), raw);
	}
	assert_int_equal(ppt__crc32c_head(0), 0);
}

static void ppt__crc32c_head__equals_a_word_before_512(void **state)
{
	both_ways(check_head);
}

static void check_words(void)
{
	struct rng r = { .state = 5 };
	uint64_t word[PPT_PAGE_WORDS];

	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		word[i] = rng_next(&r);
	for (uint32_t n = 0; n <= PPT_PAGE_WORDS; n++) {
		uint32_t from = (uint32_t)rng_below(&r, PPT_PAGE_WORDS - n + 1);
		uint32_t family = n % 3 ? PPT__FAMILY_X86_64 : PPT__FAMILY_NONE;
		uint32_t raw = (uint32_t)rng_next(&r);

		assert_int_equal(ppt__crc32c_words(raw, word + from, n, family),
				 slow_words(raw, word + from, n, family));
	}
}

static void ppt__crc32c_words__every_length_equals_bit_by_bit(void **state)
{
	both_ways(check_words);
}

/* Pages from empty to full: only the lines that are not 0 are looked at. */
static void check_lines(void)
{
	struct rng r = { .state = 11 };

	for (uint32_t n = 0; n <= 64; n++) {
		uint64_t word[PPT_PAGE_WORDS] = { 0 }, lines = 0;
		uint32_t raw = (uint32_t)rng_next(&r);

		for (uint32_t i = 0; i < n; i++) {
			uint32_t line = (uint32_t)rng_below(&r, 64);

			lines |= UINT64_C(1) << line;
			word[line * 8 + rng_below(&r, 8)] |=
				UINT64_C(1) << rng_below(&r, 64);
		}
		assert_int_equal(ppt__page_lines(word), lines);
		for (uint32_t f = PPT__FAMILY_NONE; f <= PPT__FAMILY_X86_64;
		     f++)
			assert_int_equal(ppt__crc32c_lines(raw, word, lines, f),
					 slow_words(raw, word, PPT_PAGE_WORDS,
						    f));
	}
}

static void ppt__crc32c_lines__any_page_equals_bit_by_bit(void **state)
{
	both_ways(check_lines);
}

static void check_delta(void)
{
	struct rng r = { .state = 6 };
	uint64_t old[PPT_PAGE_WORDS], change[PPT_PAGE_WORDS];

	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		old[i] = rng_next(&r);
	for (uint32_t n = 1; n <= PPT_PAGE_WORDS; n++) {
		uint64_t v = rng_next(&r), stride = n % 2 ? 0x1000 : 0;
		uint32_t family = n % 5 ? PPT__FAMILY_X86_64 : PPT__FAMILY_NONE;

		for (uint32_t i = 0; i < n; i++)
			change[i] = old[i] ^ (v + i * stride);
		assert_int_equal(ppt__crc32c_delta(old, n, v, stride, family),
				 slow_words(0, change, n, family));
		for (uint32_t i = 0; i < n; i++)
			change[i] = v + i * stride;
		assert_int_equal(ppt__crc32c_delta(NULL, n, v, stride, family),
				 slow_words(0, change, n, family));
	}
}

static void ppt__crc32c_delta__every_length_equals_bit_by_bit(void **state)
{
	both_ways(check_delta);
}

/* --------------------------------------------------------- descriptors -- */

static const uint8_t uuid[16] = {
	9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8
};

/* The text of docs/FORMAT.md, word for word. */
static uint64_t slow_desc(uint32_t page, uint32_t hi, const uint64_t *word,
			  uint32_t family)
{
	uint32_t raw = UINT32_MAX;

	for (int i = 0; i < 16; i++)
		raw = slow_byte(raw, uuid[i]);
	assert_int_equal(ppt__seed(uuid), raw);
	if (!word)
		raw = slow_word(raw, hi);
	else
		raw = slow_words(slow_word(raw, (uint64_t)hi << 32 | page),
				 word, PPT_PAGE_WORDS, family);
	return (uint64_t)hi << 32 | (uint32_t)~raw;
}

static void check_desc_page(void)
{
	struct rng r = { .state = 7 };
	uint64_t word[PPT_PAGE_WORDS] = { 0 };
	uint32_t seed = ppt__seed(uuid);
	uint32_t table = ppt__desc_table(2, PPT__FAMILY_X86_64, 3, 77, 1);
	uint32_t meta = ppt__desc_meta();
	uint64_t desc;

	assert_int_equal(ppt__desc_zero_page(seed, 5, table),
			 slow_desc(5, table, word, PPT__FAMILY_X86_64));
	assert_int_equal(ppt__desc_plain(seed, ppt__desc_data(9)),
			 slow_desc(0, ppt__desc_data(9), NULL, 0));
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		word[i] = rng_next(&r);
	assert_int_equal(ppt__desc_page(seed, 1234, table, word),
			 slow_desc(1234, table, word, PPT__FAMILY_X86_64));
	assert_int_equal(ppt__desc_page(seed, 1234, meta, word),
			 slow_desc(1234, meta, word, 0));
	/* A, D and cold marks of a table change nothing, of metadata they do. */
	word[100] ^= 0x60;
	word[101] ^= 0x201;
	assert_int_equal(ppt__desc_page(seed, 1234, table, word),
			 slow_desc(1234, table, word, PPT__FAMILY_X86_64));
	desc = ppt__desc_page(seed, 1234, meta, word);
	word[100] ^= 0x20;
	assert_int_not_equal(ppt__desc_page(seed, 1234, meta, word), desc);
}

static void ppt__desc_page__equals_the_documents_formula(void **state)
{
	both_ways(check_desc_page);
}

static void check_update(void)
{
	struct rng r = { .state = 8 };
	uint64_t word[PPT_PAGE_WORDS] = { 0 };
	uint32_t seed = ppt__seed(uuid), page = 4711;
	uint32_t hi = ppt__desc_table(1, PPT__FAMILY_X86_64, 0, 0, 1);
	uint64_t desc = ppt__desc_zero_page(seed, page, hi);

	for (int i = 0; i < 600; i++) {
		uint32_t slot = (uint32_t)rng_below(&r, PPT_PAGE_WORDS);
		uint32_t n =
			1 + (uint32_t)rng_below(&r, i % 3 ? 3 : PPT_PAGE_WORDS);
		uint64_t v = rng_next(&r), stride = i % 2 ? 0x1000 : 0;
		uint32_t delta;

		if (n > PPT_PAGE_WORDS - slot)
			n = PPT_PAGE_WORDS - slot;
		delta = ppt__crc32c_delta(word + slot, n, v, stride,
					  PPT__FAMILY_X86_64);
		for (uint32_t k = 0; k < n; k++)
			word[slot + k] = v + k * stride;
		hi = ppt__desc_table(1, PPT__FAMILY_X86_64,
				     (uint32_t)rng_below(&r, 16),
				     (uint32_t)rng_below(&r, 513),
				     (uint32_t)rng_below(&r, 4096));
		desc = ppt__desc_update(desc, hi, slot, n, delta);
		/* what hardware does meanwhile does not matter */
		word[rng_below(&r, PPT_PAGE_WORDS)] ^= 0x40;
		assert_int_equal(desc, ppt__desc_page(seed, page, hi, word));
	}
}

static void ppt__desc_update__any_change_equals_desc_page(void **state)
{
	both_ways(check_update);
}

static void ppt__desc_page__other_pool_place_or_bit_differs(void **state)
{
	uint64_t word[PPT_PAGE_WORDS] = { 0 };
	uint32_t hi = ppt__desc_table(1, PPT__FAMILY_X86_64, 0, 1, 1);
	uint32_t seed = ppt__seed(uuid);
	uint64_t desc;
	uint8_t other[16];

	word[3] = 0x1003;
	desc = ppt__desc_page(seed, 7, hi, word);
	for (uint32_t b = 0; b < 32; b++)
		assert_int_not_equal(desc,
				     ppt__desc_page(seed, 7 ^ UINT32_C(1) << b,
						    hi, word));
	for (uint32_t b = 0; b < 128; b++) {
		memcpy(other, uuid, sizeof(other));
		other[b / 8] ^= (uint8_t)(1u << b % 8);
		assert_int_not_equal(desc, ppt__desc_page(ppt__seed(other), 7,
							  hi, word));
	}
	for (uint32_t b = 0; b < 64 * PPT_PAGE_WORDS; b++) {
		word[b / 64] ^= UINT64_C(1) << b % 64;
		assert_int_equal(desc == ppt__desc_page(seed, 7, hi, word),
				 b % 64 == 5 || b % 64 == 6);
		word[b / 64] ^= UINT64_C(1) << b % 64;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt__crc32c__published_vectors_match),
		cmocka_unit_test(ppt__crc32c__split_anywhere_equals_the_whole),
		cmocka_unit_test(ppt__crc32c_word__hardware_equals_portable),
		cmocka_unit_test(crc32c_tables__are_those_of_the_polynomial),
		cmocka_unit_test(ppt__crc32c_shift__equals_zero_words),
		cmocka_unit_test(ppt__crc32c_head__equals_a_word_before_512),
		cmocka_unit_test(
			ppt__crc32c_words__every_length_equals_bit_by_bit),
		cmocka_unit_test(ppt__crc32c_lines__any_page_equals_bit_by_bit),
		cmocka_unit_test(
			ppt__crc32c_delta__every_length_equals_bit_by_bit),
		cmocka_unit_test(ppt__desc_page__equals_the_documents_formula),
		cmocka_unit_test(ppt__desc_update__any_change_equals_desc_page),
		cmocka_unit_test(
			ppt__desc_page__other_pool_place_or_bit_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
