/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * images_pool.c - superblocks, journal, pages: for each row of the table of
 * problems a small image that provokes it.
 *
 * Layer: tests.
 */
#include "images.h"

/* -------------------------------------------------- superblock, regions -- */

static void media_size(struct specimen *i, struct with *w)
{
	i->size -= PPT_PAGE_BYTES;
}

static void superblock_magic(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->magic = ppt__le64(0);
}

static void superblock_version(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->version = ppt__le32(77);
}

static void superblock_feature(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->incompat = ppt__le64(8);
	specimen_seal_superblock(i, 2);
}

static void superblock_read_only(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->ro_compat = ppt__le64(8);
	specimen_seal_superblock(i, 2);
}

static void superblock_both(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		i->bytes[s * PPT_PAGE_BYTES + 300] ^= 1;
}

static void superblock_copy(struct specimen *i, struct with *w)
{
	i->bytes[300] ^= 1;
}

static void superblock_stale(struct specimen *i, struct with *w)
{
	specimen_superblock(i, 0)->compat = ppt__le64(1);
	specimen_seal_superblock(i, 0); /* the newer one */
}

/* A page of another pool, whose history was the same but for one more move. */
static void superblock_foreign(struct specimen *i, struct with *w)
{
	struct ppt_m_superblock *sb = specimen_superblock(i, 0);

	for (uint32_t b = 0; b < sizeof(sb->uuid); b++)
		sb->uuid[b] ^= 0x55;
	memcpy(sb->region[0].uuid, sb->uuid, sizeof(sb->uuid));
	sb->generation = ppt__le64(ppt__get64(sb->generation) + 1);
	*specimen_word(i, 0, PPT_M_TAIL_WORD) ^= 0x55;
	specimen_seal_superblock(i, 0);
}

static void superblock_twins(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->generation = ppt__le64(5);
	specimen_superblock(i, 0)->compat = ppt__le64(1);
	specimen_seal_superblock(i, 2);
}

static void superblock_reserved(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->reserved2[255] = 1;
	specimen_seal_superblock(i, 2);
}

/* A record of the unsafe-shutdown count that does not match its checksum. */
static void shutdown_record(struct specimen *i, struct with *w)
{
	*specimen_word(i, 0, PPT_M_USC_WORD + 1) = 5;
}

static void region_invalid(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->region[1].kind = ppt__le32(9);
	specimen_seal_superblock(i, 2);
}

static void region_old(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++) {
		struct ppt_m_superblock *sb = specimen_superblock(i, s);
		uint32_t old = ppt__get32(sb->epoch_oldest) % PPT_M_EPOCHS;

		sb->region[3].at[old].base = sb->region[1].at[old].base;
	}
	specimen_seal_superblock(i, 2);
}

static void region_pool(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		specimen_superblock(i, s)->region[0].uuid[3] ^= 1;
	specimen_seal_superblock(i, 2);
}

static void memory_map(struct specimen *i, struct with *w)
{
	present(i, w);
	w->map.region[1].kind = PPT_REGION_DEVICE;
}

/* -------------------------------------------------------------- journal -- */

static void journal_tail(struct specimen *i, struct with *w)
{
	*specimen_word(i, 1, PPT_M_TAIL_WORD) ^= 1;
}

static void journal_tails(struct specimen *i, struct with *w)
{
	for (uint32_t s = 0; s < 2; s++)
		*specimen_word(i, s, PPT_M_TAIL_WORD) ^= 1;
}

static uint64_t *line_of(struct specimen *i, uint64_t line)
{
	return specimen_word(i, i->at.journal_page, 0) +
	       line % (i->journal_bytes / PPT_LINE_BYTES) * 8;
}

static void journal_record(struct specimen *i, struct with *w)
{
	*line_of(i, i->tail) ^= 1;
}

/* The ring holds a record of one run and nothing else. */
static void one_record(struct specimen *i, uint32_t page, uint64_t value)
{
	struct ppt__run run = { ppt__run_where(page, 0, 1, 0), value };
	uint64_t word[PPT__RECORD_WORDS_MAX];

	memset(specimen_word(i, i->at.journal_page, 0), 0, i->journal_bytes);
	(void)ppt__record_build(word, i->seed, i->tail, 0, &run, 1, false);
	memcpy(line_of(i, i->tail), word, PPT_LINE_BYTES);
}

static void journal_run(struct specimen *i, struct with *w)
{
	one_record(i, 1, 0);
}

static void journal_data(struct specimen *i, struct with *w)
{
	one_record(i, a_data(i), 0);
}

static void journal_live(struct specimen *i, struct with *w)
{
	w->cfg.flags = PPT_CHECK_EXACT; /* and not private */
}

/* ---------------------------------------------------------------- pages -- */

static void desc_checksum(struct specimen *i, struct with *w)
{
	*specimen_desc(i, a_free(i)) ^= 1;
}

static void desc_type(struct specimen *i, struct with *w)
{
	specimen_plain(i, a_free(i), 5);
}

static void desc_reserved(struct specimen *i, struct with *w)
{
	specimen_plain(i, a_free(i), PPT__DESC_FREE | 1u << 20);
}

static void desc_share(struct specimen *i, struct with *w)
{
	specimen_plain(i, a_data(i), ppt__desc_data(0));
}

static void desc_place(struct specimen *i, struct with *w)
{
	specimen_plain(i, a_free(i), PPT__DESC_FIXED);
}

static void desc_place_fixed(struct specimen *i, struct with *w)
{
	specimen_plain(i, 1, PPT__DESC_FREE);
}

static void desc_padding(struct specimen *i, struct with *w)
{
	*specimen_desc(i, i->at.pages + 3) ^= 1;
}

static void table_checksum(struct specimen *i, struct with *w)
{
	*specimen_word(i, l1(i), 0) ^= 0x1000;
}

static void table_family(struct specimen *i, struct with *w)
{
	specimen_seal(i, l1(i), hi_of(i, l1(i)) ^ 3u << 4);
}

static void table_epoch(struct specimen *i, struct with *w)
{
	specimen_seal(i, l1(i), hi_of(i, l1(i)) | 7u << 6);
}

static void table_live(struct specimen *i, struct with *w)
{
	specimen_seal(i, l1(i), hi_of(i, l1(i)) + (1u << 10));
}

static void table_share(struct specimen *i, struct with *w)
{
	specimen_seal(i, l1(i), hi_of(i, l1(i)) + (1u << 20));
}

static void table_owners(struct specimen *i, struct with *w)
{
	specimen_set(i, l2(i), 77, table_entry(i, l1(i)));
}

static void table_owners_root(struct specimen *i, struct with *w)
{
	specimen_set(i, i->at.reclaim_page, 200,
		     ppt__reclaim_item(PPT_M_RECLAIM_TREE, l1(i), 0));
}

static void table_leaked(struct specimen *i, struct with *w)
{
	uint32_t page = a_free(i);

	memset(specimen_word(i, page, 0), 0, PPT_PAGE_BYTES);
	specimen_seal(i, page, ppt__desc_table(1, PPT__FAMILY_X86_64, 0, 0, 1));
}

static void frame_leaked(struct specimen *i, struct with *w)
{
	specimen_plain(i, a_free(i), ppt__desc_data(1));
}

static void frame_overcounted(struct specimen *i, struct with *w)
{
	uint32_t page = a_data(i);

	specimen_plain(
		i, page,
		ppt__desc_data(ppt__desc_share(*specimen_desc(i, page)) + 1));
}

static void frame_undercounted(struct specimen *i, struct with *w)
{
	uint64_t page = i->at.first_page;

	while (ppt__desc_type(*specimen_desc(i, page)) != PPT__DESC_DATA ||
	       ppt__desc_share(*specimen_desc(i, page)) < 2)
		page++;
	specimen_plain(i, page, ppt__desc_data(1));
}

static void meta_leaked(struct specimen *i, struct with *w)
{
	uint32_t page = a_free(i);

	memset(specimen_word(i, page, 0), 0, PPT_PAGE_BYTES);
	specimen_seal(i, page, ppt__desc_meta());
}

/* ---------------------------------------------------------------- cases -- */

static const struct image_case cases[] = {
	CLEAN(MEDIA_SIZE, media_size),
	CLEAN(SUPERBLOCK_MAGIC, superblock_magic),
	CLEAN(SUPERBLOCK_VERSION, superblock_version),
	CLEAN(SUPERBLOCK_FEATURE, superblock_feature),
	CLEAN(SUPERBLOCK_READ_ONLY, superblock_read_only),
	CLEAN(SUPERBLOCK_BOTH, superblock_both),
	CLEAN(SUPERBLOCK_COPY, superblock_copy),
	CLEAN(SUPERBLOCK_STALE, superblock_stale),
	CLEAN(SUPERBLOCK_FOREIGN, superblock_foreign),
	CLEAN(SUPERBLOCK_TWINS, superblock_twins),
	CLEAN(SUPERBLOCK_RESERVED, superblock_reserved),
	CLEAN(SHUTDOWN_RECORD, shutdown_record),
	CLEAN(REGION_INVALID, region_invalid),
	{ "region_old", PPT_PROBLEM_REGION_OLD, region_old, EVERYTHING_EPOCHS,
	  1 },
	CLEAN(REGION_POOL, region_pool),
	CLEAN(MEMORY_MAP, memory_map),
	CLEAN(JOURNAL_TAIL, journal_tail),
	CLEAN(JOURNAL_TAILS, journal_tails),
	LIVE(JOURNAL_RECORD, journal_record),
	LIVE(JOURNAL_RUN, journal_run),
	LIVE(JOURNAL_DATA, journal_data),
	LIVE(JOURNAL_LIVE, journal_live),
	CLEAN(DESC_CHECKSUM, desc_checksum),
	CLEAN(DESC_TYPE, desc_type),
	CLEAN(DESC_RESERVED, desc_reserved),
	CLEAN(DESC_SHARE, desc_share),
	CLEAN(DESC_PLACE, desc_place),
	CLEAN(DESC_PLACE, desc_place_fixed),
	CLEAN(DESC_PADDING, desc_padding),
	AT(TABLE_CHECKSUM, table_checksum, VA),
	CLEAN(TABLE_FAMILY, table_family),
	AT(TABLE_EPOCH, table_epoch, VA),
	AT(TABLE_LIVE, table_live, VA),
	AT(TABLE_SHARE, table_share, VA),
	CLEAN(TABLE_OWNERS, table_owners),
	CLEAN(TABLE_OWNERS, table_owners_root),
	CLEAN(TABLE_LEAKED, table_leaked),
	CLEAN(FRAME_LEAKED, frame_leaked),
	CLEAN(FRAME_OVERCOUNTED, frame_overcounted),
	CLEAN(FRAME_UNDERCOUNTED, frame_undercounted),
	CLEAN(META_LEAKED, meta_leaked),
};

const struct image_cases images_pool = IMAGE_CASES(cases);
