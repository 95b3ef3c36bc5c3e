/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc.h - CRC32C of words, for whoever reads an image.
 *
 * Layer: sim.  From docs/FORMAT.md, "Checksums"; shares no code with the
 * library.
 */
#ifndef SIM_EXPLORE_CRC_H
#define SIM_EXPLORE_CRC_H

#include <stdint.h>

/* Before any other call. */
void crc_init(void);

/* raw(r, w…): feed @n words into the register. */
uint32_t crc_words(uint32_t raw, const uint64_t *word, uint64_t n);

static inline uint32_t crc_word(uint32_t raw, uint64_t word)
{
	return crc_words(raw, &word, 1);
}

#define CRC_LINES_MAX 64u

/*
 * The same for up to CRC_LINES_MAX lines of 8 words, of each only the bits of
 * @keep; empty lines cost next to nothing.  @cold: bit 9 or 0, the mark of a
 * word that counts as its present form.  *@live: a bit for each line that is
 * not empty.
 */
uint32_t crc_lines(uint32_t raw, const uint64_t *word, unsigned lines,
		   uint64_t keep, uint64_t cold, uint64_t *live);

#endif
