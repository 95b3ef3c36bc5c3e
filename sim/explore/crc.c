/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc.c - CRC32C, with the instruction where the CPU has it.
 *
 * Layer: sim.  A register r with k more words behind it is r * x^(64k) modulo
 * the polynomial, so each line can be taken by itself and moved to its place
 * by one carry-less product.  With bits reflected, the product of two 32-bit
 * values that the instruction then reduces is short of a factor x^-33, which
 * the constants have in them.  Products are summed up and reduced once.
 */
#include "sim/explore/crc.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LINE 8u
#define POLYNOMIAL UINT32_C(0x82f63b78)

static bool ready;
static bool fast;
static uint32_t table[256];
/* x^(64 * LINE * i - 33), for a line with i lines behind it. */
static uint64_t shift[CRC_LINES_MAX + 1];

static uint32_t times_x(uint32_t v)
{
	return v >> 1 ^ (v & 1 ? POLYNOMIAL : 0);
}

static uint32_t divided_by_x(uint32_t v)
{
	uint32_t carry = v >> 31;

	return (v ^ (carry ? POLYNOMIAL : 0)) << 1 | carry;
}

void crc_init(void)
{
	uint32_t v = UINT32_C(0x80000000); /* x^0 */

	if (ready)
		return;
	for (unsigned i = 0; i < 33; i++)
		v = divided_by_x(v);
	for (unsigned i = 0; i <= CRC_LINES_MAX; i++) {
		shift[i] = v;
		for (unsigned k = 0; k < 64 * LINE; k++)
			v = times_x(v);
	}
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (unsigned k = 0; k < 8; k++)
			table[i] = times_x(table[i]);
	}
#if defined(__x86_64__)
	fast = __builtin_cpu_supports("sse4.2") &&
	       __builtin_cpu_supports("pclmul");
#endif
	ready = true;
}

static uint32_t slow_word(uint32_t raw, uint64_t word)
{
	for (unsigned k = 0; k < 64; k += 8)
		raw = raw >> 8 ^ table[(raw ^ (uint32_t)(word >> k)) & 0xff];
	return raw;
}

/* Where the cold bit (9) is set, it and bit 0 are inverted. */
static inline uint64_t canon(uint64_t word, uint64_t keep, uint64_t cold)
{
	cold &= word;
	return (word ^ (cold | cold >> 9)) & keep;
}

static uint32_t slow_lines(uint32_t raw, const uint64_t *word, unsigned lines,
			   uint64_t keep, uint64_t cold, uint64_t *live)
{
	*live = 0;
	for (unsigned i = 0; i < lines * LINE; i++) {
		*live |= (uint64_t)(word[i] != 0) << i / LINE;
		raw = slow_word(raw, canon(word[i], keep, cold));
	}
	return raw;
}

#if defined(__x86_64__)
#define FAST __attribute__((target("sse4.2,pclmul")))

FAST static uint32_t fast_words(uint32_t raw, const uint64_t *word, uint64_t n)
{
	uint64_t r = raw;

	for (uint64_t i = 0; i < n; i++)
		r = _mm_crc32_u64(r, word[i]);
	return (uint32_t)r;
}

FAST static inline bool is_empty(const uint64_t *line)
{
	const __m128i *v = (const __m128i *)(const void *)line;
	__m128i a = _mm_or_si128(_mm_loadu_si128(v), _mm_loadu_si128(v + 1));
	__m128i b =
		_mm_or_si128(_mm_loadu_si128(v + 2), _mm_loadu_si128(v + 3));

	a = _mm_or_si128(a, b);
	return _mm_testz_si128(a, a);
}

FAST static inline __m128i product(uint64_t raw, unsigned lines_behind)
{
	return _mm_clmulepi64_si128(
		_mm_cvtsi64_si128((long long)raw),
		_mm_cvtsi64_si128((long long)shift[lines_behind]), 0);
}

FAST static uint32_t fast_lines(uint32_t raw, const uint64_t *word,
				unsigned lines, uint64_t keep, uint64_t cold,
				uint64_t *live)
{
	__m128i sum = product(raw, lines);
	uint64_t bits = 0;

	for (unsigned i = 0; i < lines; i++, word += LINE) {
		uint64_t r = 0;

		if (is_empty(word))
			continue;
		bits |= UINT64_C(1) << i;
#pragma GCC unroll 8
		for (unsigned k = 0; k < LINE; k++)
			r = _mm_crc32_u64(r, canon(word[k], keep, cold));
		sum = _mm_xor_si128(sum, product(r, lines - 1 - i));
	}
	*live = bits;
	return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(sum));
}
#endif

uint32_t crc_words(uint32_t raw, const uint64_t *word, uint64_t n)
{
#if defined(__x86_64__)
	if (__builtin_expect(fast, 1))
		return fast_words(raw, word, n);
#endif
	for (uint64_t i = 0; i < n; i++)
		raw = slow_word(raw, word[i]);
	return raw;
}

uint32_t crc_lines(uint32_t raw, const uint64_t *word, unsigned lines,
		   uint64_t keep, uint64_t cold, uint64_t *live)
{
#if defined(__x86_64__)
	if (__builtin_expect(fast, 1))
		return fast_lines(raw, word, lines, keep, cold, live);
#endif
	return slow_lines(raw, word, lines, keep, cold, live);
}
