/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the media looks like.  Normative text: docs/FORMAT.md, whose tables a
 * test compares with this file.  Layer: format.
 *
 * A pool is an array of 4 KiB pages:
 *
 *   0, 1          superblock A and B, each with a copy of the journal's tail
 *   2 …           journal: a ring of 64-byte lines
 *   then          descriptors: one word for every page of the pool
 *   then          directory, reclaim list: one page each
 *   the rest      tables, data, further directory pages, by allocation
 */
#ifndef PPTABLE_FORMAT_MEDIA_H
#define PPTABLE_FORMAT_MEDIA_H

#include <pptable/types.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "tables are in the hardware's own byte order: little-endian");

/* Little-endian fields, wrapped so that a raw read does not compile. */
struct ppt_le32 {
	uint32_t le;
};

struct ppt_le64 {
	uint64_t le;
};

static inline uint32_t ppt__get32(struct ppt_le32 v)
{
	return v.le;
}

static inline uint64_t ppt__get64(struct ppt_le64 v)
{
	return v.le;
}

static inline struct ppt_le32 ppt__le32(uint32_t v)
{
	return (struct ppt_le32){ v };
}

static inline struct ppt_le64 ppt__le64(uint64_t v)
{
	return (struct ppt_le64){ v };
}

#define PPT_M_MAGIC UINT64_C(0x31656c6261747070) /* "pptable1" */
#define PPT_M_VERSION_MAJOR 0u
#define PPT_M_VERSION_MINOR 1u
#define PPT_M_VERSION (PPT_M_VERSION_MAJOR << 16 | PPT_M_VERSION_MINOR)

/* Feature sets, and their bits. */
#define PPT_M_COMPAT UINT64_C(0)
#define PPT_M_RO_COMPAT PPT_M_RO_COMPAT_USC
#define PPT_M_INCOMPAT UINT64_C(0)

/* A writer keeps the record of the unsafe-shutdown count. */
#define PPT_M_RO_COMPAT_USC UINT64_C(1)

/* Epochs whose bases are remembered; more must be worked off first. */
#define PPT_M_EPOCHS 4u

/* Where a region was at one epoch; len 0 means not there. */
struct ppt_m_place {
	struct ppt_le64 base;
	struct ppt_le64 len;
};

struct ppt_m_region {
	uint8_t uuid[16];
	struct ppt_le32 kind;
	struct ppt_le32 reserved;
	struct ppt_m_place at[PPT_M_EPOCHS]; /* by epoch % PPT_M_EPOCHS */
};

struct ppt_m_superblock {
	struct ppt_le64 magic;
	struct ppt_le32 version; /* major << 16 | minor */
	struct ppt_le32 crc;     /* CRC32C of the struct with this field 0 */
	struct ppt_le64 compat;
	struct ppt_le64 ro_compat;
	struct ppt_le64 incompat;
	uint8_t uuid[16];
	struct ppt_le64 generation; /* the highest valid one wins */
	struct ppt_le64 pool_bytes;
	struct ppt_le32 journal_page;
	struct ppt_le32 journal_pages;
	struct ppt_le32 desc_page;
	struct ppt_le32 desc_pages;
	struct ppt_le32 dir_page;
	struct ppt_le32 reclaim_page;
	struct ppt_le32 first_page;   /* first that is allocated */
	struct ppt_le32 slot;         /* 0 in page 0, 1 in page 1 */
	struct ppt_le32 epoch;        /* the recorded memory map's number */
	struct ppt_le32 epoch_oldest; /* no table is older */
	struct ppt_le32 region_count;
	struct ppt_le32 epochs_cold; /* bit epoch % 4: began without power */
	uint8_t reserved1[136];
	struct ppt_m_region region[PPT_REGIONS_MAX]; /* [0] is the pool */
	uint8_t reserved2[256];
};

/* The record of the unsafe-shutdown count; all 0: none. */
struct ppt_m_usc {
	struct ppt_le64 device;
	struct ppt_le64 count;
	struct ppt_le32 crc;
	struct ppt_le32 state; /* enum ppt_usc_state */
};

/* Last line of each superblock page; not covered by its CRC. */
struct ppt_m_tail {
	struct ppt_le64 tail;   /* line number, 48 bits; check, 16 bits */
	struct ppt_le64 hint;   /* where free pages are; verified on use */
	struct ppt_m_usc usc;   /* in page 0; in page 1 reserved */
	struct ppt_le64 closed; /* the same; the tail that nothing is behind */
	uint8_t reserved[16];
};

#define PPT_M_TAIL_OFFSET 4032u
#define PPT_M_TAIL_WORD (PPT_M_TAIL_OFFSET / 8u)
#define PPT_M_USC_WORD (PPT_M_TAIL_WORD + 2u)
#define PPT_M_USC_WORDS 3u
#define PPT_M_CLOSED_WORD (PPT_M_TAIL_WORD + 5u)
#define PPT_M_SB_WORDS (PPT_M_TAIL_OFFSET / 8u)

_Static_assert(sizeof(struct ppt_m_place) == 16, "place");
_Static_assert(sizeof(struct ppt_m_region) == 88, "region");
_Static_assert(sizeof(struct ppt_m_superblock) == PPT_M_TAIL_OFFSET, "sb");
_Static_assert(sizeof(struct ppt_m_tail) == PPT_LINE_BYTES, "tail");
_Static_assert(sizeof(struct ppt_m_usc) == PPT_M_USC_WORDS * 8, "usc");
_Static_assert(offsetof(struct ppt_m_tail, usc) == 16, "usc");
_Static_assert(offsetof(struct ppt_m_tail, closed) == 40, "closed");
_Static_assert(offsetof(struct ppt_m_superblock, crc) == 12, "crc");
_Static_assert(offsetof(struct ppt_m_superblock, uuid) == 40, "uuid");
_Static_assert(offsetof(struct ppt_m_superblock, generation) == 56, "gen");
_Static_assert(offsetof(struct ppt_m_superblock, journal_page) == 72, "ring");
_Static_assert(offsetof(struct ppt_m_superblock, dir_page) == 88, "dir");
_Static_assert(offsetof(struct ppt_m_superblock, epoch) == 104, "epoch");
_Static_assert(offsetof(struct ppt_m_superblock, region) == 256, "regions");

/* ---------------------------------------------------------- directory -- */

/*
 * A directory page: word 0 is the page index of the next one or 0, words 1 to
 * 7 are 0, then 63 entries of 8 words.
 */
#define PPT_M_DIR_ENTRIES 63u
#define PPT_M_DIR_WORDS 8u
#define PPT_M_DIR_PAGES_MAX 1024u

enum ppt_m_dir_word {
	PPT_M_DIR_FORMAT = 0, /* enum ppt_format, 0 for an empty entry */
	PPT_M_DIR_ROOT = 1,   /* page index of the root table */
	PPT_M_DIR_NAME = 4,   /* 32 bytes, padded with NUL */
};

/* ------------------------------------------------------- reclaim list -- */

/*
 * A page of 512 items; each is a piece of the pool that is unreachable and
 * waits to be freed.
 *   bits 0-3    kind
 *   bits 12-43  page index
 *   bits 44-63  count of pages (extents)
 */
enum ppt_m_reclaim {
	PPT_M_RECLAIM_EXTENT = 1, /* pages of whatever content */
	PPT_M_RECLAIM_TREE = 2,   /* a table, all below it and its frames */
	PPT_M_RECLAIM_TABLES = 3, /* a table and those below; frames live on */
};

#define PPT_M_RECLAIM_COUNT_MAX ((UINT32_C(1) << 20) - 1u)

static inline uint64_t ppt__reclaim_item(enum ppt_m_reclaim kind, uint32_t page,
					 uint32_t count)
{
	return (uint64_t)kind | (uint64_t)page << 12 | (uint64_t)count << 44;
}

static inline uint32_t ppt__reclaim_kind(uint64_t item)
{
	return (uint32_t)(item & 15u);
}

static inline uint32_t ppt__reclaim_page(uint64_t item)
{
	return (uint32_t)(item >> 12);
}

static inline uint32_t ppt__reclaim_count(uint64_t item)
{
	return (uint32_t)(item >> 44);
}

#endif
