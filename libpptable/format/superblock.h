/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Superblocks: layout of a pool from its size, encoding, validation.
 * Layer: format.
 */
#ifndef PPTABLE_FORMAT_SUPERBLOCK_H
#define PPTABLE_FORMAT_SUPERBLOCK_H

#include "format/fail.h"
#include "format/media.h"

/* Where everything is; follows from the two sizes alone. */
struct ppt__layout {
	uint64_t pages;
	uint32_t journal_page;
	uint32_t journal_pages;
	uint32_t desc_page;
	uint32_t desc_pages;
	uint32_t dir_page;
	uint32_t reclaim_page;
	uint32_t first_page;
};

/* Return: 0; PPT_E_RANGE, PPT_E_INVAL; PPT_E_NOSPC. */
int ppt__layout(uint64_t pool_bytes, uint64_t journal_bytes,
		struct ppt__layout *out, struct ppt_diag *diag);

/* Set the CRC of a superblock that is otherwise ready. */
void ppt__superblock_seal(struct ppt_m_superblock *sb);

/*
 * Whether bytes of a pool are a superblock that this version understands.
 * Magic and version are looked at before the checksum, so that what is no pool
 * and what is from another version get their own errors.
 * Return: 0; PPT_E_MAGIC; PPT_E_VERSION; PPT_E_FEATURE; PPT_E_CORRUPT.
 */
int ppt__superblock_check(const struct ppt_m_superblock *sb, uint32_t slot,
			  struct ppt_diag *diag);

/*
 * Pick the one that counts, of copies of A and B: the valid one with the
 * highest generation.  @fell_back: the other copy is damaged.
 * Return: 0 and *@slot; or the error of the less hopeless copy.
 */
int ppt__superblock_choose(const struct ppt_m_superblock *a,
			   const struct ppt_m_superblock *b, uint32_t *slot,
			   bool *fell_back, struct ppt_diag *diag);

#endif
