/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC32C (Castagnoli, RFC 3720 B.4) over 64-bit words, and its linear algebra.
 * Layer: format.
 *
 * "Raw" means without the initial and final inversion.  Raw CRCs are linear:
 * raw(a ^ b) == raw(a) ^ raw(b), and k zero words behind a message multiply
 * its raw CRC by x^(64 k).  This is what lets one changed entry update the
 * checksum of its table without reading the table.
 */
#ifndef PPTABLE_FORMAT_CRC32C_H
#define PPTABLE_FORMAT_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/canon.h"

/* Data of the library's own: reached without a detour through the GOT. */
#define PPT__HIDDEN __attribute__((visibility("hidden")))

/* Whether to use the CPU's instruction; tests turn it off. */
extern bool ppt__crc32c_hw PPT__HIDDEN;

/* Look what the CPU has; cheap, may be called again. */
void ppt__crc32c_init(void);

uint32_t ppt__crc32c_word_portable(uint32_t raw, uint64_t word);

/* One more word. */
static inline uint32_t ppt__crc32c_word(uint32_t raw, uint64_t word)
{
#if defined(__x86_64__)
	if (__builtin_expect(ppt__crc32c_hw, true)) {
		uint64_t wide = raw;

		__asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
		return (uint32_t)wide;
	}
#endif
	return ppt__crc32c_word_portable(raw, word);
}

/* As if @words zero words followed, 0 to 512. */
uint32_t ppt__crc32c_shift(uint32_t raw, uint32_t words);

/* What a change of the upper half of the word before 512 others does. */
extern const uint32_t ppt__crc32c_head_bit[32] PPT__HIDDEN;

static inline uint32_t ppt__crc32c_head(uint32_t change)
{
	uint32_t raw = 0;

	for (; change; change &= change - 1)
		raw ^= ppt__crc32c_head_bit[__builtin_ctz(change)];
	return raw;
}

/* n more words in the canonical form of @family; three streams at a time. */
uint32_t ppt__crc32c_words(uint32_t raw, const uint64_t *word, uint32_t n,
			   uint32_t family);

/* The bits of all eight words of a line. */
static inline uint64_t ppt__line_bits(const uint64_t *word)
{
	return word[0] | word[1] | word[2] | word[3] | word[4] | word[5] |
	       word[6] | word[7];
}

/* Whether any of them is not 0. */
static inline bool ppt__line_any(const uint64_t *word)
{
	return ppt__line_bits(word) != 0;
}

/* Bit i: line i of a page of 512 words is not all 0. */
uint64_t ppt__page_lines(const uint64_t *word);

/* The same as ppt__crc32c_words of a page of which only @lines are not 0. */
uint32_t ppt__crc32c_lines(uint32_t raw, const uint64_t *word, uint64_t lines,
			   uint32_t family);

/*
 * Raw CRC from 0 of what changes when n words become v, v + stride, …;
 * @old NULL means that all were 0.
 */
uint32_t ppt__crc32c_delta(const uint64_t *old, uint32_t n, uint64_t v,
			   uint64_t stride, uint32_t family);

/* The same when n words become those of @word. */
uint32_t ppt__crc32c_diff(const uint64_t *old, const uint64_t *word, uint32_t n,
			  uint32_t family);

/* The standard CRC32C of bytes, chained through @crc (0 at first). */
uint32_t ppt__crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
