/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * everything.h - images of a small pool that holds every structure, for tests
 * that damage it.
 *
 * Layer: tests.  Two spaces of each format and one on a second page of the
 * directory; leaves of 4 KiB, 2 MiB and 1 GiB, into every kind of region and
 * to frames of the pool, some shared; accessed and dirty bits; each kind of
 * item on the reclaim list; free, reserved and data pages full of garbage.
 */
#ifndef TESTS_SUPPORT_EVERYTHING_H
#define TESTS_SUPPORT_EVERYTHING_H

#include "format/desc.h"
#include "format/media.h"
#include "format/record.h"
#include "core/pool.h"
#include "format/superblock.h"
#include "pool_fixture.h"

enum everything_kind {
	EVERYTHING_CLEAN,  /* the journal is empty */
	EVERYTHING_LIVE,   /* of some transactions only the ring is there */
	EVERYTHING_EPOCHS, /* memory has moved, half of the tables with it */
	EVERYTHING_KINDS,
};

/* Where in each space something is mapped. */
#define EVERYTHING_VA UINT64_C(0x40000000)
#define EVERYTHING_VA_2M UINT64_C(0x80000000)
#define EVERYTHING_VA_1G UINT64_C(0x8000000000)
#define EVERYTHING_VA_HIGH (UINT64_C(0) - PPT_SIZE_1G)

struct specimen {
	enum everything_kind kind;
	uint8_t *bytes; /* 4 KiB aligned */
	uint64_t size;
	uint64_t journal_bytes;
	struct ppt__layout at;
	struct ppt_uuid uuid;
	uint32_t seed;
	uint64_t tail; /* journal lines [tail, end) are live */
	uint64_t end;
};

/* @seed: of the UUID and of garbage; the content is the same with each. */
void specimen_make(struct specimen *image, enum everything_kind kind,
		   uint64_t seed);
/*
 * A pool of the same kind and geometry with another content: other names, other
 * VAs and PAs, so that no page of metadata is the same.  With the seed of @of
 * it is what that pool may have been at another time.
 */
void specimen_make_other(struct specimen *image, const struct specimen *of,
			 uint64_t seed);
/* The same of any pool: @bytes are its media. */
void specimen_take(struct specimen *image, const struct pool_fixture *pf,
		   const uint8_t *bytes);
void specimen_copy(struct specimen *to, const struct specimen *from);
void specimen_free(struct specimen *image);

/*
 * Whether a page may be what it was at another time without that the journal
 * would be another one: tails and ring may not.
 */
static inline bool specimen_may_be_stale(const struct specimen *image,
					 uint64_t page)
{
	return page >= image->at.desc_page;
}

static inline uint64_t *specimen_word(const struct specimen *image,
				      uint64_t page, uint32_t slot)
{
	return (uint64_t *)(void *)image->bytes + page * PPT_PAGE_WORDS + slot;
}

static inline uint64_t *specimen_desc(const struct specimen *image,
				      uint64_t page)
{
	return specimen_word(image, image->at.desc_page, 0) + page;
}

/* Make a page's checksum right again, under another upper half. */
void specimen_seal(struct specimen *image, uint32_t page, uint32_t hi);
/* Set a word, count it if it is an entry, and make the checksum right. */
void specimen_set(struct specimen *image, uint32_t page, uint32_t slot,
		  uint64_t v);
/* Give a page without content a descriptor. */
void specimen_plain(struct specimen *image, uint64_t page, uint32_t hi);
/* Both superblocks after a change of their fields; @slot 2: both. */
void specimen_seal_superblock(struct specimen *image, uint32_t slot);

static inline struct ppt_m_superblock *
specimen_superblock(struct specimen *image, uint32_t slot)
{
	return (struct ppt_m_superblock *)(void *)(image->bytes +
						   (uint64_t)slot *
							   PPT_PAGE_BYTES);
}

/* The first page whose descriptor is of a type; fails the test if none is. */
uint32_t specimen_find(const struct specimen *image, uint32_t type);
/* The root of a space, and the table of a level for an address. */
uint32_t specimen_root(const struct specimen *image, const char *space);
uint32_t specimen_table(const struct specimen *image, const char *space,
			uint64_t va, uint32_t level);
/* The word of a directory page where a space's entry begins. */
uint32_t specimen_entry(const struct specimen *image, const char *space,
			uint32_t *page);
uint32_t specimen_slot(uint64_t va, uint32_t level);
/* PA of a page of the pool. */
uint64_t specimen_pa(const struct specimen *image, uint64_t page);

/* Lines of each live record, by its number; 0 behind the last. */
uint32_t specimen_record(const struct specimen *image, uint64_t line,
			 uint64_t *word);

#endif
