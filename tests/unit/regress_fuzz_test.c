/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regress_fuzz_test.c - what the targets in fuzz/ have found, a test for each:
 * images whose checksums are right and whose content is not.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include "../support/everything.h"

#define PAGE_PA(page) (POOL_FIXTURE_PHYS + (uint64_t)(page)*PPT_PAGE_BYTES)

/* The table of a level that VA is below. */
static uint32_t table_of(struct unit_pool *u, uint32_t level)
{
	uint32_t page = u->space.root_page;

	for (uint32_t at = 4; at > level; at--) {
		uint64_t e = *unit_word(u, page, specimen_slot(VA, at));

		page = (uint32_t)(((e & UINT64_C(0xffffffffff000)) -
				   POOL_FIXTURE_PHYS) /
				  PPT_PAGE_BYTES);
	}
	return page;
}

/* A page of the pool that nothing uses. */
static uint32_t free_page(struct unit_pool *u)
{
	for (uint32_t p = (uint32_t)u->at.pages - 1; p; p--)
		if (*unit_word(u, u->at.desc_page, p) ==
		    ppt__desc_plain(u->seed, PPT__DESC_FREE))
			return p;
	fail();
	return 0;
}

static void open_small(struct unit_pool *u)
{
	unit_open(u, MIB, 65536, PPT_ATTACH_NO_MMU);
}

/* [I7] A leaf is believed only if it leads into the map, and to data. */
static void ppt_translate__leaf_to_no_frame_is_corrupt(void **state)
{
	struct unit_pool u;
	uint64_t bad[5];

	open_small(&u);
	bad[0] = UINT64_C(0x7777000000);     /* of no region */
	bad[1] = PAGE_PA(u.space.root_page); /* a table */
	bad[2] = PAGE_PA(free_page(&u));     /* free */
	bad[3] = PAGE_PA(0);                 /* a superblock */
	bad[4] = PAGE_PA(u.at.pages);        /* behind the pool */
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ppt_extent e;
		struct ppt_iter it;

		unit_seal_word(&u, table_of(&u, 1), 511, bad[i] | 3, 0);
		assert_ok(unit_attach(&u));
		assert_int_equal(ppt_translate(&u.space, VA + 511 * 4096, &e,
					       NULL),
				 PPT_E_CORRUPT);
		ppt_iter_init(&it, &u.space, 0, UINT64_MAX);
		assert_int_equal(ppt_iter_next(&it, &e, NULL), PPT_E_CORRUPT);
	}
	unit_close(&u);
}

/* [I7] A large leaf that begins in a region and ends outside it. */
static void ppt_translate__leaf_over_a_regions_end_is_corrupt(void **state)
{
	struct unit_pool u;
	struct ppt_extent e;

	open_small(&u);
	unit_seal_word(&u, table_of(&u, 3), specimen_slot(VA, 3),
		       (PA - PPT_SIZE_1G) | 0x83, 0);
	assert_ok(unit_attach(&u));
	assert_int_equal(ppt_translate(&u.space, VA, &e, NULL), PPT_E_CORRUPT);
	unit_close(&u);
}

/* Every entry of a table, the same. */
static void fill(struct unit_pool *u, uint32_t page, uint64_t entry)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		unit_seal_word(u, page, s, entry,
			       *unit_word(u, page, s) ? 0 : 1);
}

/*
 * [I10] One path of tables at every address: 2^36 pages.  With @leaf 0 there is
 * nothing at the end of any, which a single call would search.
 */
static void iterate_aliases(uint64_t leaf)
{
	struct unit_pool u;
	struct ppt_extent e;
	struct ppt_iter it;
	uint64_t n = 0;
	int err;

	open_small(&u);
	for (uint32_t level = 4; level > 1; level--)
		fill(&u, table_of(&u, level),
		     PAGE_PA(table_of(&u, level - 1)) | 7);
	for (uint32_t s = 0; s < 511; s++)
		unit_seal_word(&u, table_of(&u, 1), s, leaf, leaf ? 1 : 0);
	unit_seal_word(&u, table_of(&u, 1), 511, leaf, leaf ? 0 : -1);
	assert_ok(unit_attach(&u));
	ppt_iter_init(&it, &u.space, 0, UINT64_MAX);
	while (!(err = ppt_iter_next(&it, &e, NULL)))
		assert_true(n++ < 2 * 512 * u.at.pages);
	assert_int_equal(err, PPT_E_CORRUPT);
	assert_int_equal(ppt_region_remove(u.pf.pool,
					   &u.pf.config.regions.region[2].uuid,
					   NULL),
			 PPT_E_CORRUPT);
	unit_close(&u);
}

static void ppt_iter_next__aliased_tables_end(void **state)
{
	iterate_aliases(PA | 3);
}

static void ppt_iter_next__aliased_empty_tables_end(void **state)
{
	iterate_aliases(0);
}

/* [I10] A directory that goes on with a page of itself. */
static void ppt_space_next__directory_in_a_circle_is_corrupt(void **state)
{
	struct ppt_space_info info;
	uint64_t cursor = 0, n = 0;
	struct ppt_space space;
	struct unit_pool u;
	uint32_t page;
	int err;

	open_small(&u);
	page = free_page(&u);
	memcpy(unit_word(&u, page, 0), unit_word(&u, u.at.dir_page, 0),
	       PPT_PAGE_BYTES);
	unit_plain_desc(&u, page, ppt__desc_meta());
	unit_seal_word(&u, page, 0, page, 0);
	unit_seal_word(&u, u.at.dir_page, 0, page, 0);
	pool_fixture_drop(&u.pf);
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	while (!(err = ppt_space_next(u.pf.pool, &cursor, &info, NULL)))
		assert_true(n++ < 8);
	assert_int_equal(err, PPT_E_CORRUPT);
	assert_int_equal(ppt_space_open(u.pf.pool, "none", &space, NULL),
			 PPT_E_CORRUPT);
	unit_close(&u);
}

/* A table is not read as a directory. */
static void ppt_space_open__directory_that_is_a_table_is_refused(void **state)
{
	struct ppt_space space;
	struct unit_pool u;
	uint8_t *image;

	open_small(&u);
	unit_seal_word(&u, u.at.dir_page, 0, u.space.root_page, 0);
	image = unit_save(&u);
	assert_ok(unit_attach(&u)); /* it is on the first page */
	assert_int_equal(ppt_space_open(u.pf.pool, "none", &space, NULL),
			 PPT_E_CORRUPT);
	assert_true(unit_same(&u, image));
	free(image);
	unit_close(&u);
}

/* A root that is no table must not come to the reclaim list. */
static void ppt_space_delete__root_that_is_no_table_is_corrupt(void **state)
{
	struct unit_pool u;
	uint32_t bad[3];

	open_small(&u);
	bad[0] = 0;
	bad[1] = table_of(&u, 1);
	bad[2] = free_page(&u);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t *image;

		unit_seal_word(&u, u.at.dir_page,
			       PPT_M_DIR_WORDS + PPT_M_DIR_ROOT, bad[i], 0);
		image = unit_save(&u);
		pool_fixture_drop(&u.pf);
		assert_ok(pool_fixture_attach(&u.pf, NULL));
		assert_int_equal(ppt_space_delete(u.pf.pool, "s", NULL),
				 PPT_E_CORRUPT);
		assert_true(unit_same(&u, image));
		free(image);
	}
	unit_close(&u);
}

static void ppt_usage__unknown_type_is_corrupt(void **state)
{
	static const uint32_t type[] = { 0, 5, 6, 7, 8 };
	struct ppt_usage usage;
	struct unit_pool u;

	open_small(&u);
	for (uint32_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
		unit_plain_desc(&u, u.at.pages - 1, type[i]);
		assert_ok(unit_attach(&u));
		assert_int_equal(ppt_usage(u.pf.pool, &usage, NULL),
				 PPT_E_CORRUPT);
	}
	unit_close(&u);
}

static struct ppt_m_superblock *superblock(struct unit_pool *u, uint32_t slot)
{
	return (struct ppt_m_superblock *)(void *)unit_word(u, slot, 0);
}

/*
 * [I10] The last epoch that there is: the search for a table's map, which was
 * to end behind it, did not, and took a map that was not recorded.
 */
static void ppt_attach__table_of_no_epoch_at_their_end_is_corrupt(void **state)
{
	struct unit_pool u;

	open_small(&u);
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct ppt_m_superblock *sb = superblock(&u, slot);
		uint32_t at = ppt__get32(sb->epoch) % PPT_M_EPOCHS;

		for (uint32_t i = 0; i < ppt__get32(sb->region_count); i++)
			sb->region[i].at[2] = sb->region[i].at[3] =
				sb->region[i].at[at];
		sb->epoch = ppt__le32(UINT32_MAX);
		sb->epoch_oldest = ppt__le32(UINT32_MAX - 1);
		ppt__superblock_seal(sb);
	}
	assert_int_equal(unit_attach(&u), PPT_E_CORRUPT);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_translate__leaf_to_no_frame_is_corrupt),
		cmocka_unit_test(
			ppt_translate__leaf_over_a_regions_end_is_corrupt),
		cmocka_unit_test(ppt_iter_next__aliased_tables_end),
		cmocka_unit_test(ppt_iter_next__aliased_empty_tables_end),
		cmocka_unit_test(
			ppt_space_next__directory_in_a_circle_is_corrupt),
		cmocka_unit_test(
			ppt_space_open__directory_that_is_a_table_is_refused),
		cmocka_unit_test(
			ppt_space_delete__root_that_is_no_table_is_corrupt),
		cmocka_unit_test(ppt_usage__unknown_type_is_corrupt),
		cmocka_unit_test(
			ppt_attach__table_of_no_epoch_at_their_end_is_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
