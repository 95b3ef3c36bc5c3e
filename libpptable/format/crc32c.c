/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/crc32c.h"

#include "format/cpu.h"
#include "format/crc32c_tables.h"

bool ppt__crc32c_hw;

const uint32_t ppt__crc32c_head_bit[32] = { HEAD_BITS };

void ppt__crc32c_init(void)
{
	ppt__crc32c_hw = ppt__cpu()->crc32;
}

static uint32_t crc_byte(uint32_t raw, uint8_t byte)
{
	return raw >> 8 ^ byte_table[(raw ^ byte) & 0xffu];
}

uint32_t ppt__crc32c_word_portable(uint32_t raw, uint64_t word)
{
	for (int i = 0; i < 8; i++)
		raw = crc_byte(raw, (uint8_t)(word >> (8 * i)));
	return raw;
}

/*
 * Carry-less product without a vector unit, which a kernel may not use here:
 * integer products of operands with holes of three zero bits, in which carries
 * cannot reach the next kept bit (at most 8 terms meet in one).
 */
static uint64_t clmul32(uint32_t a, uint32_t b)
{
	const uint64_t m = 0x11111111;
	const uint64_t keep = UINT64_C(0x1111111111111111);
	uint64_t a0 = a & m, a1 = a & m << 1, a2 = a & m << 2, a3 = a & m << 3;
	uint64_t b0 = b & m, b1 = b & m << 1, b2 = b & m << 2, b3 = b & m << 3;
	uint64_t p0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
	uint64_t p1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
	uint64_t p2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
	uint64_t p3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);

	return (p0 & keep) | (p1 & keep << 1) | (p2 & keep << 2) |
	       (p3 & keep << 3);
}

uint32_t ppt__crc32c_shift(uint32_t raw, uint32_t words)
{
	if (words == 0 || raw == 0)
		return raw;
	/* Reducing 64 bits with the CRC itself multiplies by x^32. */
	return ppt__crc32c_word(0, clmul32(raw, shift_table[words]) << 1);
}

/* ------------------------------------------------- words as they are -- */

#define BLOCK 8u       /* words */
#define BLOCKS_MAX 21u /* of a stream: three of them are a page less a line */

/*
 * Three streams of @n blocks, one behind the other, unrolled: a restart spends
 * much of its time here, and one stream alone would wait for each word.
 */
static uint32_t crc_streams(uint32_t a, const uint64_t *p, uint32_t n)
{
#if defined(__x86_64__)
	const uint64_t step = (uint64_t)n * BLOCK * sizeof(*p);
	uint64_t x = a, y = 0, z = 0;
	uint32_t left = n;

#define CRC_WORD(at)                                                           \
	"crc32q " #at "(%[p]), %[x]\n\t"                                       \
	"crc32q " #at "(%[p], %[step]), %[y]\n\t"                              \
	"crc32q " #at "(%[p], %[step], 2), %[z]\n\t"
	__asm__("0:\n\t" CRC_WORD(0) CRC_WORD(8) CRC_WORD(16) CRC_WORD(24)
			CRC_WORD(32) CRC_WORD(40) CRC_WORD(48)
				CRC_WORD(56) "add $64, %[p]\n\t"
					     "dec %[left]\n\t"
					     "jnz 0b"
		: [x] "+r"(x), [y] "+r"(y), [z] "+r"(z), [p] "+r"(p),
		  [left] "+r"(left)
		: [step] "r"(step)
		: "cc", "memory");
#undef CRC_WORD
	return ppt__crc32c_shift((uint32_t)x, 2 * n * BLOCK) ^
	       ppt__crc32c_shift((uint32_t)y, n * BLOCK) ^ (uint32_t)z;
#else
	(void)p;
	(void)n;
	return a;
#endif
}

/* One more word, by the CPU's instruction. */
static inline uint64_t crc_hw(uint64_t raw, uint64_t word)
{
#if defined(__x86_64__)
	__asm__("crc32q %1, %0" : "+r"(raw) : "rm"(word));
	return raw;
#else
	return ppt__crc32c_word_portable((uint32_t)raw, word);
#endif
}

static uint32_t plain_words(uint32_t raw, const uint64_t *word, uint64_t n)
{
	while (ppt__crc32c_hw && n >= 3 * BLOCK) {
		uint64_t k = n / (3 * BLOCK);

		k = k < BLOCKS_MAX ? k : BLOCKS_MAX;
		raw = crc_streams(raw, word, (uint32_t)k);
		word += 3 * k * BLOCK;
		n -= 3 * k * BLOCK;
	}
	if (ppt__crc32c_hw) {
		uint64_t rest = raw;

#pragma GCC unroll 8
		for (; n; n--)
			rest = crc_hw(rest, *word++);
		return (uint32_t)rest;
	}
	for (; n; n--)
		raw = ppt__crc32c_word_portable(raw, *word++);
	return raw;
}

/* ------------------------------------------------- canonical forms -- */

/* Below this three streams cost more than they save. */
#define LANES_MIN 48u

/* Three streams of k words each, one behind the other. */
static inline uint64_t join(uint64_t a, uint64_t b, uint64_t c, uint32_t k)
{
	return ppt__crc32c_shift((uint32_t)a, 2 * k) ^
	       ppt__crc32c_shift((uint32_t)b, k) ^ c;
}

/* A word, or how it differs from an old one. */
static inline uint64_t less(const uint64_t *old, const uint64_t *word,
			    uint32_t i)
{
	return old ? old[i] ^ word[i] : word[i];
}

/*
 * Entries of x86-64 tables of which none is cold, as of the lowest level none
 * is, or that differ in no cold mark: their canonical form is a mask.  Returns
 * false if there is one.  Compiled with @old and without.
 */
static inline __attribute__((always_inline)) bool
warm_words(uint32_t *raw, const uint64_t *old, const uint64_t *word, uint32_t n)
{
	const uint64_t mask = ~ppt__family_ignore(PPT__FAMILY_X86_64);
	const uint32_t k = n / 3;
	uint64_t a = *raw, b = 0, c = 0, any = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < k; i++) {
		uint64_t x = less(old, word, i), y = less(old, word, k + i);
		uint64_t z = less(old, word, 2 * k + i);

		any |= x | y | z;
		a = crc_hw(a, x & mask);
		b = crc_hw(b, y & mask);
		c = crc_hw(c, z & mask);
	}
	c = join(a, b, c, k);
	for (uint32_t i = 3 * k; i < n; i++) {
		any |= less(old, word, i);
		c = crc_hw(c, less(old, word, i) & mask);
	}
	if (any >> PPT__COLD_LG2 & 1u)
		return false;
	*raw = (uint32_t)c;
	return true;
}

/* What follows is compiled once for each family. */
#define PER_FAMILY static inline __attribute__((always_inline))

PER_FAMILY uint32_t words(uint32_t raw, const uint64_t *word, uint32_t n,
			  const uint32_t family)
{
	uint32_t i = 0;

	while (n - i >= LANES_MIN) {
		uint32_t k = n - i >= 3 * 170 ? 170 : (n - i) / 3;
		const uint64_t *w = word + i;
		uint32_t b = 0, c = 0;

		for (uint32_t j = 0; j < k; j++) {
			raw = ppt__crc32c_word(raw, ppt__canon(family, w[j]));
			b = ppt__crc32c_word(b, ppt__canon(family, w[k + j]));
			c = ppt__crc32c_word(c,
					     ppt__canon(family, w[2 * k + j]));
		}
		raw = ppt__crc32c_shift(raw, 2 * k) ^ ppt__crc32c_shift(b, k) ^
		      c;
		i += 3 * k;
	}
	for (; i < n; i++)
		raw = ppt__crc32c_word(raw, ppt__canon(family, word[i]));
	return raw;
}

uint32_t ppt__crc32c_words(uint32_t raw, const uint64_t *word, uint32_t n,
			   uint32_t family)
{
	if (family != PPT__FAMILY_X86_64)
		return plain_words(raw, word, n);
	/* No longer than a page, as streams are shifted by two thirds of it. */
	if (ppt__crc32c_hw && n >= LANES_MIN && n <= 512 &&
	    warm_words(&raw, NULL, word, n))
		return raw;
	return words(raw, word, n, PPT__FAMILY_X86_64);
}

/* @lines twice, and 1 if a word is 0: with the carry, where there is one. */
static inline uint64_t shift_in_empty(uint64_t lines, uint64_t word)
{
#if defined(__x86_64__)
	__asm__("cmp $1, %1\n\t"
		"adc %0, %0"
		: "+r"(lines)
		: "r"(word)
		: "cc");
	return lines;
#else
	return lines * 2 + (word == 0);
#endif
}

uint64_t ppt__page_lines(const uint64_t *word)
{
	uint64_t empty = 0;

	for (const uint64_t *at = word + 512; at != word;) {
		at -= 32;
		empty = shift_in_empty(empty, ppt__line_bits(at + 24));
		empty = shift_in_empty(empty, ppt__line_bits(at + 16));
		empty = shift_in_empty(empty, ppt__line_bits(at + 8));
		empty = shift_in_empty(empty, ppt__line_bits(at));
	}
	return ~empty;
}

/* With more lines than this, stepping over the others saves nothing. */
#define SPARSE_MAX 20u

/* How many bits are set: not every CPU has an instruction for it. */
static uint32_t ones(uint64_t v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) +
	    (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

uint32_t ppt__crc32c_lines(uint32_t raw, const uint64_t *word, uint64_t lines,
			   uint32_t family)
{
	uint32_t at = 0; /* lines before it are in @raw */

	if (ones(lines) > SPARSE_MAX)
		return ppt__crc32c_words(raw, word, 512, family);
	for (; lines; lines &= lines - 1) {
		uint32_t line = (uint32_t)__builtin_ctzll(lines);

		raw = ppt__crc32c_shift(raw, (line - at) * 8);
		for (uint32_t i = 0; i < 8; i++)
			raw = ppt__crc32c_word(
				raw, ppt__canon(family, word[line * 8 + i]));
		at = line + 1;
	}
	return ppt__crc32c_shift(raw, (64 - at) * 8);
}

PER_FAMILY uint64_t change(const uint64_t *old, uint32_t i, uint64_t v,
			   uint64_t stride, const uint32_t family)
{
	return ppt__canon(family, (old ? old[i] : 0) ^ (v + i * stride));
}

PER_FAMILY uint32_t delta(const uint64_t *old, uint32_t n, uint64_t v,
			  uint64_t stride, const uint32_t family)
{
	uint32_t a = 0, b = 0, c = 0, i = 0;

	if (n >= LANES_MIN) {
		uint32_t k = n / 3;

		for (; i < k; i++) {
			a = ppt__crc32c_word(a,
					     change(old, i, v, stride, family));
			b = ppt__crc32c_word(b, change(old, k + i, v, stride,
						       family));
			c = ppt__crc32c_word(c, change(old, 2 * k + i, v,
						       stride, family));
		}
		a = ppt__crc32c_shift(a, 2 * k) ^ ppt__crc32c_shift(b, k) ^ c;
		i = 3 * k;
	}
	for (; i < n; i++)
		a = ppt__crc32c_word(a, change(old, i, v, stride, family));
	return a;
}

/* The same of words that were 0 and are canonical, by the instruction. */
static uint32_t run_hw(uint32_t n, uint64_t v, uint64_t stride)
{
	const uint32_t k = n / 3;
	uint64_t x = v, y = v + k * stride, z = v + 2 * k * stride;
	uint64_t a = 0, b = 0, c = 0;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < k; i++) {
		a = crc_hw(a, x);
		b = crc_hw(b, y);
		c = crc_hw(c, z);
		x += stride;
		y += stride;
		z += stride;
	}
	c = join(a, b, c, k);
	for (uint32_t i = 3 * k; i < n; i++, z += stride)
		c = crc_hw(c, z);
	return (uint32_t)c;
}

uint32_t ppt__crc32c_delta(const uint64_t *old, uint32_t n, uint64_t v,
			   uint64_t stride, uint32_t family)
{
	/* Steps of pages leave alone what canonical form is about. */
	bool simple = !old && stride % 4096 == 0;

	if (simple && ppt__crc32c_hw && n >= LANES_MIN)
		return run_hw(n, ppt__canon(family, v), stride);
	if (simple)
		return delta(NULL, n, ppt__canon(family, v), stride,
			     PPT__FAMILY_NONE);
	if (family == PPT__FAMILY_X86_64)
		return delta(old, n, v, stride, PPT__FAMILY_X86_64);
	return delta(old, n, v, stride, PPT__FAMILY_NONE);
}

PER_FAMILY uint32_t diff(const uint64_t *old, const uint64_t *word, uint32_t n,
			 const uint32_t family)
{
	uint32_t k = n >= LANES_MIN ? n / 3 : 0;
	uint32_t a = 0, b = 0, c = 0;

	for (uint32_t i = 0; i < k; i++) {
		uint32_t j = i + k, l = j + k;

		a = ppt__crc32c_word(a, ppt__canon(family, old[i] ^ word[i]));
		b = ppt__crc32c_word(b, ppt__canon(family, old[j] ^ word[j]));
		c = ppt__crc32c_word(c, ppt__canon(family, old[l] ^ word[l]));
	}
	a = ppt__crc32c_shift(a, 2 * k) ^ ppt__crc32c_shift(b, k) ^ c;
	for (uint32_t i = 3 * k; i < n; i++)
		a = ppt__crc32c_word(a, ppt__canon(family, old[i] ^ word[i]));
	return a;
}

uint32_t ppt__crc32c_diff(const uint64_t *old, const uint64_t *word, uint32_t n,
			  uint32_t family)
{
	uint32_t raw = 0;

	if (family == PPT__FAMILY_X86_64 && ppt__crc32c_hw && n >= LANES_MIN &&
	    n <= 512 && warm_words(&raw, old, word, n))
		return raw;
	if (family == PPT__FAMILY_X86_64)
		return diff(old, word, n, PPT__FAMILY_X86_64);
	return diff(old, word, n, PPT__FAMILY_NONE);
}

uint32_t ppt__crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t raw = ~crc;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w;

		__builtin_memcpy(&w, p, 8);
		raw = ppt__crc32c_word(raw, w);
	}
	for (; len; len--)
		raw = crc_byte(raw, *p++);
	return ~raw;
}
