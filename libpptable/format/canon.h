/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Canonical form: a word as checksums see it.  Layer: format.
 *
 * Hardware writes the accessed and dirty bits of entries by itself, and an
 * entry is made *cold* (not present, with a mark) and armed again without a
 * transaction.  Neither may change a checksum: A and D count as 0, and a cold
 * entry as the present one that it stands for.  What remains is a bijection of
 * the other 62 bits, and linear: canon(a ^ b) == canon(a) ^ canon(b).
 */
#ifndef PPTABLE_FORMAT_CANON_H
#define PPTABLE_FORMAT_CANON_H

#include <stdint.h>

#include "format/mutant.h"

/* Families share entry layout, and so the bits that hardware writes. */
enum ppt__family {
	PPT__FAMILY_NONE = 0, /* metadata: no hardware writes it */
	PPT__FAMILY_X86_64 = 1,
};

/* Bits of an entry that hardware writes by itself. */
static inline uint64_t ppt__family_ignore(uint32_t family)
{
	return family == PPT__FAMILY_X86_64 ? UINT64_C(0x60) : 0;
}

/* The bit that marks a cold entry; where it is set, bit 0 (P) is inverted. */
#define PPT__COLD_LG2 9u

static inline uint64_t ppt__canon(uint32_t family, uint64_t word)
{
	const uint64_t cold = UINT64_C(1) << PPT__COLD_LG2;

	if (family != PPT__FAMILY_X86_64)
		return word;
	if (__builtin_expect((word & cold) != 0, 0) && !PPT_MUTANT(COLD_SUMMED))
		word ^= cold | 1u;
	return word & ~ppt__family_ignore(PPT__FAMILY_X86_64);
}

#endif
