/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pattern.h - what the user of the pool's frames writes into them.
 *
 * Layer: sim.
 */
#ifndef SIM_EXPLORE_PATTERN_H
#define SIM_EXPLORE_PATTERN_H

#include "sim/oracle/oracle.h"

/* Looks like an entry: present, with an address. */
static inline uint64_t pattern_word(uint32_t tag, uint64_t page, unsigned word)
{
	if (tag == TAG_ZERO)
		return 0;
	return (tag * UINT64_C(0x9e3779b97f4a7c15) & ~UINT64_C(0xfff)) +
	       page * PPT_PAGE_BYTES + word * UINT64_C(8) + 1;
}

#endif
