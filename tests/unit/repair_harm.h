/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_harm.h - the same damage twice, as in check_harm.h, repaired.
 *
 * Layer: tests.  PPT_TEST_SHARD=k/n takes every n-th of the pages only.
 */
#ifndef TESTS_UNIT_REPAIR_HARM_H
#define TESTS_UNIT_REPAIR_HARM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../support/mended.h"

#define SEED 1u
#define HANG 600u /* seconds after which a page's damages are a hang */

/* 1: everything, n: about one in n. */
struct sample {
	uint32_t bits;  /* of metadata */
	uint32_t dead;  /* of free and data pages */
	uint32_t pages; /* pairs of pages */
	uint32_t lines; /* of metadata */
};

static inline bool repair_mine(uint64_t page)
{
	const char *shard = getenv("PPT_TEST_SHARD");
	unsigned int k = 0, n = 1;

	if (shard && sscanf(shard, "%u/%u", &k, &n) == 2 && n > 0)
		return page % n == k % n;
	return true;
}

static inline bool repair_metadata(const struct specimen *image, uint64_t page)
{
	uint32_t type = ppt__desc_type(*specimen_desc(image, page));

	if (image->tail == image->end && page >= image->at.journal_page &&
	    page < image->at.desc_page)
		return false; /* the ring is dead */
	return type == PPT__DESC_FIXED || type == PPT__DESC_META ||
	       type > PPT__DESC_TABLE;
}

static inline void repair_end(struct mended *m, const char *what)
{
	(void)alarm(0);
	mended_print(m, what);
	if (m->why[0])
		fail_msg("%s", m->why);
	mended_close(m);
}

static inline void repair_bits(const struct specimen *image,
			       const struct sample *sample)
{
	static struct mended m;
	uint64_t at = 0;

	mended_open(&m, image);
	for (uint64_t p = 0; p < image->at.pages; p++) {
		uint32_t one_in = repair_metadata(image, p) ? sample->bits :
							      sample->dead;

		if (!repair_mine(p))
			continue;
		(void)alarm(HANG);
		for (uint64_t b = 0; b < PPT_PAGE_BYTES * 8; b++) {
			uint64_t off = p * PPT_PAGE_BYTES + b / 8;
			uint8_t byte =
				(uint8_t)(image->bytes[off] ^ (1u << b % 8));

			if ((at++ * UINT64_C(0x9e3779b1) >> 7) % one_in == 0)
				(void)mended_try(&m, off, &byte, 1);
		}
	}
	repair_end(&m, "bits");
}

static inline void repair_zeros(const struct specimen *image, uint64_t len,
				uint32_t one_in)
{
	const uint8_t zero[PPT_PAGE_BYTES] = { 0 };
	static struct mended m;

	mended_open(&m, image);
	for (uint64_t off = 0; off < image->size; off += len) {
		uint64_t page = off / PPT_PAGE_BYTES;

		if (!repair_mine(page) || off / len % one_in ||
		    (!repair_metadata(image, page) && off / len % 31))
			continue;
		(void)alarm(HANG);
		(void)mended_try(&m, off, zero, len);
	}
	repair_end(&m, len == PPT_PAGE_BYTES ? "pages zeroed" : "lines zeroed");
}

static inline void repair_pages(const struct specimen *image,
				const struct sample *sample)
{
	static struct mended m;
	uint64_t at = 0;

	mended_open(&m, image);
	for (uint64_t to = 0; to < image->at.pages; to++) {
		if (!repair_metadata(image, to) || !repair_mine(to))
			continue;
		(void)alarm(HANG);
		for (uint64_t from = 0; from < image->at.pages; from++)
			if (from != to && at++ % sample->pages == 0)
				(void)mended_try(&m, to * PPT_PAGE_BYTES,
						 image->bytes +
							 from * PPT_PAGE_BYTES,
						 PPT_PAGE_BYTES);
	}
	repair_end(&m, "pages replaced");
}

/* Every page replaced by the same page of another pool, or of another time. */
static inline void repair_foreign(const struct specimen *image, uint64_t seed)
{
	static struct mended m;
	struct specimen other;

	specimen_make_other(&other, image, seed);
	mended_open(&m, image);
	for (uint64_t p = 0; p < image->at.pages; p++) {
		uint64_t off = p * PPT_PAGE_BYTES;

		(void)alarm(HANG);
		if (repair_mine(p) &&
		    (seed != SEED || specimen_may_be_stale(image, p)))
			(void)mended_try(&m, off, other.bytes + off,
					 PPT_PAGE_BYTES);
	}
	repair_end(&m, seed == SEED ? "pages of another time" :
				      "pages of another pool");
	specimen_free(&other);
}

/* Every truncation at a page: refused, and left as it is. */
static inline void repair_truncated(const struct specimen *image)
{
	static struct mended m;
	struct specimen cut = *image;

	mended_open(&m, image);
	m.image = &cut;
	for (uint64_t page = 1; page < image->at.pages; page++) {
		int err;

		cut.size = page * PPT_PAGE_BYTES;
		mended_reset(&m);
		err = mended_repair(&m);
		m.tried++;
		m.refused += err == PPT_E_SIZE;
		assert_int_equal(err, PPT_E_SIZE);
		assert_memory_equal(m.media, image->bytes, cut.size);
	}
	cut.size = image->size;
	repair_end(&m, "truncated");
}

static inline void repair_everything(const struct sample *sample)
{
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		struct specimen image;

		specimen_make(&image, (enum everything_kind)k, SEED);
		repair_zeros(&image, PPT_PAGE_BYTES, 1);
		repair_foreign(&image, SEED + 1);
		repair_foreign(&image, SEED);
		repair_truncated(&image);
		repair_zeros(&image, PPT_LINE_BYTES, sample->lines);
		repair_pages(&image, sample);
		repair_bits(&image, sample);
		specimen_free(&image);
	}
}

#endif
