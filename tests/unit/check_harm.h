/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_harm.h - the same damage twice: a sample for every day, and all of it
 * for the label slow.
 *
 * Layer: tests.  PPT_TEST_SHARD=k/n takes every n-th of the pages only.
 */
#ifndef TESTS_UNIT_CHECK_HARM_H
#define TESTS_UNIT_CHECK_HARM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../support/harm.h"

#define SEED 1u
#define HANG 60u /* seconds after which one damage is taken for a hang */

/* 1: everything, n: about one in n. */
struct sample {
	uint32_t bits;      /* of metadata */
	uint32_t dead_bits; /* of dead lines and other inert places */
	uint32_t pages;     /* pairs of pages */
	uint32_t zeros;     /* lines zeroed, pages of another pool */
	bool trust;         /* attach in all modes, instead of checking */
};

static inline void harm_begin(struct harm *h, const struct specimen *image,
			      const struct sample *sample)
{
	harm_open(h, image);
	if (sample->trust)
		harm_trust_open(h);
}

static inline void harm_end(struct harm *h, const char *what)
{
	(void)alarm(0);
	harm_print(h, what);
	if (h->why[0])
		fail_msg("%s", h->why);
	harm_close(h);
}

static inline bool harm_mine(uint32_t page)
{
	const char *shard = getenv("PPT_TEST_SHARD");
	unsigned int k = 0, n = 1;

	if (shard && sscanf(shard, "%u/%u", &k, &n) == 2 && n > 0)
		return page % n == k % n;
	return true;
}

static inline bool harm_all_inert(const struct harm *h, uint64_t word)
{
	return h->place[word] != HARM_MATTERS;
}

/* Every bit of every page, or so many of them. */
static inline void harm_bits(const struct specimen *image,
			     const struct sample *sample)
{
	uint64_t at = 0;
	struct harm h;

	harm_begin(&h, image, sample);
	for (uint32_t p = 0; p < image->at.pages; p++) {
		if (!harm_mine(p))
			continue;
		(void)alarm(HANG * 10);
		for (uint64_t b = 0; b < PPT_PAGE_BYTES * 8; b++) {
			uint64_t bit = (uint64_t)p * PPT_PAGE_BYTES * 8 + b;
			bool dead = harm_all_inert(&h, bit / 64);
			uint32_t one_in = dead ? sample->dead_bits :
						 sample->bits;

			/* not the same bits of each word */
			if (!harm_is_metadata(&h, p))
				one_in *= 64;
			if ((at++ * UINT64_C(0x9e3779b1) >> 7) % one_in == 0)
				(void)harm_flip(&h, bit);
		}
	}
	harm_end(&h, "bits");
}

static inline void harm_zeros(const struct specimen *image, uint64_t len,
			      const struct sample *sample)
{
	uint8_t zero[PPT_PAGE_BYTES] = { 0 };
	struct harm h;

	harm_begin(&h, image, sample);
	for (uint64_t off = 0; off < image->size; off += len) {
		uint32_t page = (uint32_t)(off / PPT_PAGE_BYTES);

		/* Of what is inert throughout, a few. */
		if (!harm_mine(page) ||
		    (!harm_is_metadata(&h, page) && off / len % 31) ||
		    off / len * 7 / 3 % sample->zeros)
			continue;
		(void)alarm(HANG);
		(void)harm_try(&h, off, zero, len);
	}
	harm_end(&h, len == PPT_PAGE_BYTES ? "pages zeroed" : "lines zeroed");
}

/* Pages of metadata replaced by those of the same pool. */
static inline void harm_pages(const struct specimen *image,
			      const struct sample *sample)
{
	uint64_t at = 0;
	struct harm h;

	harm_begin(&h, image, sample);
	for (uint32_t to = 0; to < image->at.pages; to++) {
		if (!harm_is_metadata(&h, to) || !harm_mine(to))
			continue;
		(void)alarm(HANG);
		for (uint32_t from = 0; from < image->at.pages; from++)
			if (from != to && at++ % sample->pages == 0)
				(void)harm_try(
					&h, (uint64_t)to * PPT_PAGE_BYTES,
					image->bytes +
						(uint64_t)from * PPT_PAGE_BYTES,
					PPT_PAGE_BYTES);
	}
	harm_end(&h, "pages replaced");
}

/* Every page replaced by the same page of another pool, or of another time. */
static inline void harm_foreign(const struct specimen *image,
				const struct sample *sample, uint64_t seed)
{
	struct specimen other;
	struct harm h;

	specimen_make_other(&other, image, seed);
	harm_begin(&h, image, sample);
	for (uint32_t p = 0; p < image->at.pages; p++) {
		uint64_t off = (uint64_t)p * PPT_PAGE_BYTES;

		(void)alarm(HANG);
		if (harm_mine(p) &&
		    (p % sample->zeros == 0 || harm_is_metadata(&h, p)) &&
		    (seed != SEED || specimen_may_be_stale(image, p)))
			(void)harm_try(&h, off, other.bytes + off,
				       PPT_PAGE_BYTES);
	}
	harm_end(&h, seed == SEED ? "pages of another time" :
				    "pages of another pool");
	specimen_free(&other);
}

/* The media ends early. */
static inline void harm_truncated(const struct specimen *image,
				  const struct sample *sample)
{
	struct harm h;

	harm_begin(&h, image, sample);
	for (uint32_t p = 0; p < image->at.pages; p++)
		if (harm_mine(p))
			(void)harm_trust_truncate(&h,
						  (uint64_t)p * PPT_PAGE_BYTES);
	harm_end(&h, "truncated");
}

static inline void harm_everything(const struct sample *sample)
{
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		struct specimen image;

		specimen_make(&image, (enum everything_kind)k, SEED);
		harm_bits(&image, sample);
		harm_zeros(&image, PPT_LINE_BYTES, sample);
		harm_zeros(&image, PPT_PAGE_BYTES, sample);
		harm_pages(&image, sample);
		harm_foreign(&image, sample, SEED + 1);
		harm_foreign(&image, sample, SEED);
		if (sample->trust)
			harm_truncated(&image, sample);
		specimen_free(&image);
	}
}

#endif
