/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * unit_pool.h - what tests of single modules do to a small pool: look at its
 * words, write records and tails by hand, keep images, crash.
 *
 * Layer: tests.
 */
#ifndef TESTS_UNIT_UNIT_POOL_H
#define TESTS_UNIT_UNIT_POOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/pool_fixture.h"
#include "format/desc.h"
#include "format/media.h"
#include "format/record.h"
#include "format/superblock.h"

#define VA UINT64_C(0x40000000)
#define PA POOL_FIXTURE_DRAM
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)
#define MIB (UINT64_C(1) << 20)

struct unit_pool {
	struct pool_fixture pf;
	struct ppt__layout at;
	uint32_t seed;
	uint64_t lines; /* of the ring */
	struct ppt_space space;
};

#define assert_ok(call) assert_int_equal(call, 0)

/* A diagnostic that names what is expected. */
#define assert_diag(diag, error, thing)                                        \
	do {                                                                   \
		assert_int_equal((diag).err, error);                           \
		assert_string_equal((diag).what, thing);                       \
		assert_non_null((diag).why);                                   \
	} while (0)

static inline uint64_t *unit_word(struct unit_pool *u, uint32_t page,
				  uint32_t slot)
{
	return (uint64_t *)(void *)u->pf.writable +
	       (uint64_t)page * PPT_PAGE_WORDS + slot;
}

/* Change a word of a table or metadata page under a right checksum. */
static inline void unit_seal_word(struct unit_pool *u, uint32_t page,
				  uint32_t slot, uint64_t value, int live)
{
	uint64_t *desc = unit_word(u, u->at.desc_page, page);
	uint32_t hi = ppt__desc_hi(*desc);

	*unit_word(u, page, slot) = value;
	if (live) /* of metadata nothing is counted */
		hi += (uint32_t)live << 10;
	*desc = ppt__desc_page(u->seed, page, hi, unit_word(u, page, 0));
}

/* Give a page a descriptor of a kind without content. */
static inline void unit_plain_desc(struct unit_pool *u, uint64_t page,
				   uint32_t hi)
{
	*unit_word(u, u->at.desc_page, (uint32_t)page) =
		ppt__desc_plain(u->seed, hi);
}

/* The place of a line of the journal. */
static inline uint64_t *unit_line(struct unit_pool *u, uint64_t line)
{
	return unit_word(u, u->at.journal_page, 0) +
	       (line & (u->lines - 1)) * PPT__LINE_WORDS;
}

static inline uint64_t unit_tail(struct unit_pool *u)
{
	return *unit_word(u, 0, PPT_M_TAIL_WORD) & PPT__SEQ_MASK;
}

/* An empty ring that goes on at a line. */
static inline void unit_set_tail(struct unit_pool *u, uint64_t line)
{
	memset(unit_line(u, 0), 0, u->lines * PPT_LINE_BYTES);
	for (uint32_t page = 0; page < 2; page++)
		*unit_word(u, page, PPT_M_TAIL_WORD) =
			ppt__tail_word(u->seed, line);
}

/* Write a record as the library would; returns its lines. */
static inline uint32_t unit_put_record(struct unit_pool *u, uint64_t line,
				       uint32_t pending,
				       const struct ppt__run *run, uint32_t n,
				       bool more)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint32_t lines =
		ppt__record_build(word, u->seed, line, pending, run, n, more);

	for (uint32_t i = 0; i < lines; i++)
		memcpy(unit_line(u, line + i), word + i * PPT__LINE_WORDS,
		       PPT_LINE_BYTES);
	return lines;
}

/* With a space "s" and one table that maps VA's neighbour. */
static inline void unit_open(struct unit_pool *u, uint64_t bytes,
			     uint64_t journal_bytes, uint32_t flags)
{
	struct pool_fixture_options o = {
		.bytes = bytes,
		.journal_bytes = journal_bytes,
		.attach_flags = flags,
		.seed = 7,
	};

	memset(u, 0, sizeof(*u));
	pool_fixture_ready(&u->pf, &o);
	assert_ok(ppt__layout(u->pf.bytes, u->pf.config.journal_bytes, &u->at,
			      NULL));
	u->seed = ppt__seed(u->pf.config.uuid.b);
	u->lines = u->pf.config.journal_bytes / PPT_LINE_BYTES;
	assert_ok(ppt_space_create(u->pf.pool, "s", PPT_FORMAT_X86_64_4,
				   &u->space, NULL));
	assert_ok(ppt_map(&u->space, VA + 511 * 4096, PA, 4096, RW, 0, NULL));
	assert_ok(ppt_checkpoint(u->pf.pool));
}

static inline void unit_on_action(void *ctx, const struct ppt_action *action)
{
	(void)ctx;
	(void)action;
}

/* To repair a detached pool; the scratch memory is the caller's to free. */
static inline struct ppt_repair_config unit_repair_config(struct unit_pool *u)
{
	struct ppt_repair_config cfg = {
		.pm = { .media = u->pf.media,
			.writable = u->pf.writable,
			.bytes = u->pf.bytes },
		.pa_bits = 52,
		.action = unit_on_action,
	};

	cfg.scratch_bytes = ppt_repair_scratch_bytes(u->pf.media, u->pf.bytes);
	cfg.scratch_bytes = (cfg.scratch_bytes + 63) & ~(size_t)63;
	cfg.scratch = aligned_alloc(64, cfg.scratch_bytes);
	assert_non_null(cfg.scratch);
	return cfg;
}

static inline void unit_close(struct unit_pool *u)
{
	pool_fixture_close(&u->pf);
}

static inline uint8_t *unit_save(const struct unit_pool *u)
{
	uint8_t *image = malloc(u->pf.bytes);

	assert_non_null(image);
	memcpy(image, u->pf.media, u->pf.bytes);
	return image;
}

static inline void unit_restore(struct unit_pool *u, const uint8_t *image)
{
	memcpy(u->pf.writable, image, u->pf.bytes);
}

static inline bool unit_same(const struct unit_pool *u, const uint8_t *image)
{
	return memcmp(u->pf.media, image, u->pf.bytes) == 0;
}

/* Every table and metadata page matches its descriptor. */
static inline void unit_check_pages(struct unit_pool *u)
{
	for (uint32_t p = 0; p < u->at.pages; p++) {
		uint64_t d = *unit_word(u, u->at.desc_page, p);
		uint64_t want = ppt__desc_plain(u->seed, ppt__desc_hi(d));

		if (ppt__desc_is_table(d) ||
		    ppt__desc_type(d) == PPT__DESC_META)
			want = ppt__desc_page(u->seed, p, ppt__desc_hi(d),
					      unit_word(u, p, 0));
		assert_int_equal(d, want);
	}
}

static inline int unit_attach(struct unit_pool *u)
{
	int err;

	pool_fixture_drop(&u->pf);
	err = pool_fixture_attach(&u->pf, NULL);
	if (!err)
		err = ppt_space_open(u->pf.pool, "s", &u->space, NULL);
	return err;
}

/* The PA that a VA leads to, or 0. */
static inline uint64_t unit_pa(struct unit_pool *u, uint64_t va)
{
	struct ppt_extent e;
	int err = ppt_translate(&u->space, va, &e, NULL);

	if (err)
		assert_int_equal(err, PPT_E_NOENT);
	return err ? 0 : e.pa;
}

/* Map the i-th page. */
static inline void unit_map(struct unit_pool *u, uint64_t i)
{
	assert_ok(ppt_map(&u->space, VA + i * 4096, PA + (i + 1) * 4096, 4096,
			  RW, PPT_MAP_4K, NULL));
}

/* Pages [0, n) are mapped as unit_map does it, [n, end) are not. */
static inline void unit_check_first(struct unit_pool *u, uint64_t n,
				    uint64_t end)
{
	for (uint64_t i = 0; i < end; i++)
		assert_int_equal(unit_pa(u, VA + i * 4096),
				 i < n ? PA + (i + 1) * 4096 : 0);
}

/*
 * The image of a crash in which of all that happened since @before, without a
 * checkpoint, nothing but the ring has reached the media.
 */
static inline uint8_t *unit_ring_only(struct unit_pool *u,
				      const uint8_t *before)
{
	uint64_t first = (uint64_t)u->at.journal_page * PPT_PAGE_BYTES;
	uint8_t *image = malloc(u->pf.bytes);

	assert_non_null(image);
	memcpy(image, before, u->pf.bytes);
	memcpy(image + first, u->pf.media + first,
	       (size_t)u->at.journal_pages * PPT_PAGE_BYTES);
	for (uint32_t p = 0; p < 2; p++) /* moved before the first commit */
		memcpy(image + p * PPT_PAGE_BYTES + PPT_M_TAIL_OFFSET,
		       u->pf.media + p * PPT_PAGE_BYTES + PPT_M_TAIL_OFFSET,
		       PPT_LINE_BYTES);
	return image;
}

#endif
