/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of the unsafe-shutdown count: encoding, validation.
 * Layer: format.
 */
#ifndef PPTABLE_FORMAT_USC_H
#define PPTABLE_FORMAT_USC_H

#include <pptable/usc.h>

#include "format/crc32c.h"
#include "format/media.h"

/* Its third word: the state above a checksum of all of it. */
static inline uint64_t ppt__usc_word(uint32_t seed, const struct ppt_usc *usc)
{
	uint64_t state = (uint64_t)usc->state << 32;
	uint32_t raw = ppt__crc32c_word(seed, usc->device);

	raw = ppt__crc32c_word(raw, usc->count);
	return state | (uint32_t)~ppt__crc32c_word(raw, state);
}

/* @word: its three words; @feature: whether the superblock has the feature. */
static inline struct ppt_usc ppt__usc_read(uint32_t seed, bool feature,
					   const uint64_t *word)
{
	struct ppt_usc usc = {
		.device = word[0],
		.count = word[1],
		.state = (uint32_t)(word[2] >> 32),
	};

	if (!(word[0] | word[1] | word[2]))
		return usc;
	if (!feature || usc.state < PPT_USC_CLOSED ||
	    usc.state > PPT_USC_UNSAFE || ppt__usc_word(seed, &usc) != word[2])
		usc.state = PPT_USC_BAD;
	return usc;
}

#endif
