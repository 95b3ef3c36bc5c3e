/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regress_hostile_test.c - media whose checks are right and whose content is
 * not, or that reads differently each time [I10].
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include <unistd.h>

#define ALLOC PPT_PA_ALLOC
#define FAR (UINT64_C(1) << 40)
#define HANG 60u /* seconds after which a call is taken for hanging */

static uint32_t page_of(uint64_t pa)
{
	return (uint32_t)((pa - POOL_FIXTURE_PHYS) / PPT_PAGE_BYTES);
}

/* The table of a level that is walked for an address. */
static uint32_t table_page(struct unit_pool *u, uint64_t va, uint32_t level)
{
	struct ppt_space_info info;
	uint32_t page;

	assert_ok(ppt_space_info(&u->space, &info, NULL));
	page = page_of(info.root_pa);
	for (uint32_t l = 4; l > level; l--)
		page = page_of(
			*unit_word(u, page,
				   (uint32_t)(va >> (3 + 9 * l)) & 511u) &
			UINT64_C(0xffffffffff000));
	return page;
}

/* ------------------------------------------------------------- the ring -- */

/* Puts other words in place of some as soon as they are read a second time. */
struct swap {
	struct ppt_pm_observer observer;
	uint64_t *at;
	uint64_t off; /* in the pool, of the word that is watched */
	uint64_t word[2 * PPT__LINE_WORDS];
	uint32_t words;
	uint32_t reads;
};

static void on_read(void *ctx, enum ppt_pm_event event, uint64_t off,
		    uint64_t len, const char *site)
{
	struct swap *s = ctx;

	if (event == PPT_PM_LOAD && off == s->off && len == 8 &&
	    ++s->reads == 2)
		memcpy(s->at, s->word, s->words * 8);
}

/* Three records of one line each to replay; the second one is watched. */
static uint64_t ring_open(struct unit_pool *u, struct swap *s)
{
	uint8_t *before, *image;
	uint64_t line;

	unit_open(u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(unit_attach(u));
	unit_map(u, 0); /* skips lines, once after an attach */
	assert_ok(ppt_checkpoint(u->pf.pool));
	line = unit_tail(u);
	before = unit_save(u);
	for (uint64_t i = 1; i < 4; i++)
		unit_map(u, i);
	image = unit_ring_only(u, before);
	unit_restore(u, image);
	free(before);
	free(image);
	*s = (struct swap){ .observer = { .event = on_read, .ctx = s } };
	s->at = unit_line(u, line + 1);
	s->off = (uint64_t)((uint8_t *)s->at - u->pf.writable);
	pool_fixture_drop(&u->pf);
	u->pf.observer = &s->observer;
	return line + 1;
}

/* Refused, in finite time; what replay may not touch is as it was. */
static void expect_refusal(struct unit_pool *u, struct swap *s)
{
	const size_t fixed = (size_t)2 * PPT_PAGE_BYTES;
	uint8_t *image = unit_save(u);

	(void)alarm(HANG);
	assert_int_equal(unit_attach(u), PPT_E_JOURNAL);
	(void)alarm(0);
	assert_diag(u->pf.diag, PPT_E_JOURNAL, "journal record");
	assert_int_equal(u->pf.report.verdict, PPT_VERDICT_REFUSED);
	assert_int_equal(s->reads, 2); /* the scan has passed */
	assert_memory_equal(u->pf.media, image, fixed);
	free(image);
	u->pf.observer = NULL;
	unit_close(u);
}

/* [I10] A record that is gone when it is read again ends replay. */
static void ppt_attach__record_that_vanishes_is_refused(void **state)
{
	struct unit_pool u;
	struct swap s;

	(void)ring_open(&u, &s);
	s.words = PPT__LINE_WORDS; /* of zeros */
	expect_refusal(&u, &s);
}

/* [I10] A record that has become another one is judged like the first. */
static void ppt_attach__record_that_leads_elsewhere_is_refused(void **state)
{
	static const uint32_t page[] = { 0, 1, 2, UINT32_MAX };

	for (uint32_t i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
		struct ppt__run run = { ppt__run_where(page[i], 0, 1, 0), 1 };
		uint64_t word[PPT__RECORD_WORDS_MAX], line;
		struct unit_pool u;
		struct swap s;

		line = ring_open(&u, &s);
		assert_int_equal(ppt__record_build(word, u.seed, line, 0, &run,
						   1, false),
				 1);
		s.words = PPT__LINE_WORDS;
		memcpy(s.word, word, sizeof(uint64_t) * s.words);
		expect_refusal(&u, &s);
	}
}

/* [I10] A record that has grown does not lead replay past the end it found. */
static void ppt_attach__record_that_grows_is_refused(void **state)
{
	uint64_t word[PPT__RECORD_WORDS_MAX], line;
	struct ppt__run run[5];
	struct unit_pool u;
	struct swap s;

	line = ring_open(&u, &s);
	for (uint32_t i = 0; i < 5; i++)
		run[i] = (struct ppt__run){
			ppt__run_where(u.at.first_page + 100, 2 * i, 1, 0), 0
		};
	assert_int_equal(
		ppt__record_build(word, u.seed, line, 0, run, 5, false), 2);
	/* the scan ends behind the one that is watched, replay would not */
	s.words = 2 * PPT__LINE_WORDS;
	memcpy(s.word, word, sizeof(uint64_t) * s.words);
	memset(unit_line(&u, line + 1), 0, PPT_LINE_BYTES);
	expect_refusal(&u, &s);
}

/* ---------------------------------------------------------- descriptors -- */

/*
 * [I7] Superblocks, ring, descriptors, directory and reclaim list are never
 * handed out, whatever their descriptors say.
 */
static void ppt_map__fixed_page_marked_free_is_not_taken(void **state)
{
	uint8_t seen[256] = { 0 };
	struct unit_pool u;
	uint64_t n = 0;
	int err;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t p = 0; p < u.at.dir_page; p++)
		unit_plain_desc(&u, p, PPT__DESC_FREE);
	for (uint32_t p = 0; p < 2; p++)
		*unit_word(&u, p, PPT_M_TAIL_WORD + 1) = 0; /* the hint */
	assert_ok(unit_attach(&u));
	while (!(err = ppt_map(&u.space, VA + n * 4096, ALLOC, 4096, RW, 0,
			       NULL))) {
		uint32_t page = page_of(unit_pa(&u, VA + n * 4096));

		assert_true(page >= u.at.first_page && page < 256);
		assert_false(seen[page]);
		seen[page] = 1;
		n++;
	}
	assert_int_equal(err, PPT_E_NOSPC);
	assert_true(n > 200);
	assert_ok(unit_attach(&u));
	unit_close(&u);
}

/* [I7] Nor are they mapped when their descriptors say that they are data. */
static void ppt_map__fixed_page_marked_data_is_refused(void **state)
{
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t p = 0; p < u.at.first_page; p++) {
		uint64_t pa = POOL_FIXTURE_PHYS + (uint64_t)p * PPT_PAGE_BYTES;
		uint64_t was = *unit_word(&u, u.at.desc_page, p);

		unit_plain_desc(&u, p, ppt__desc_data(1));
		assert_int_equal(ppt_map(&u.space, VA, pa, 4096, RW, 0, NULL),
				 PPT_E_REGION);
		*unit_word(&u, u.at.desc_page, p) = was;
	}
	unit_close(&u);
}

/* An operation on a leaf that a table should not hold, and its refusal. */
static void refuse_leaf(struct unit_pool *u, uint64_t va, uint64_t len)
{
	struct ppt_diag diag = { 0 };
	uint8_t *image;

	assert_ok(unit_attach(u));
	image = unit_save(u);
	assert_int_equal(ppt_unmap(&u->space, va, len, &diag), PPT_E_CORRUPT);
	assert_int_equal(diag.err, PPT_E_CORRUPT);
	assert_int_equal(ppt_map(&u->space, va, PA, len, RW, PPT_MAP_REPLACE,
				 &diag),
			 PPT_E_CORRUPT);
	assert_true(unit_same(u, image)); /* [I11] */
	free(image);
}

/*
 * [I10] A leaf that begins in the pool and ends behind it frees nothing:
 * behind the pool's last descriptor lie words of other pages.
 */
static void ppt_unmap__leaf_over_the_pools_end_is_corrupt(void **state)
{
	struct unit_pool u;
	uint32_t table;

	/* the second stretch is half there; so is its descriptor page */
	unit_open(&u, 3 * MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint64_t p = 512; p < 1024; p++)
		unit_plain_desc(&u, p, ppt__desc_data(1));
	table = table_page(&u, VA, 2);
	unit_seal_word(&u, table, 1,
		       (POOL_FIXTURE_PHYS + PPT_SIZE_2M) | UINT64_C(0x83), 1);
	refuse_leaf(&u, VA + PPT_SIZE_2M, PPT_SIZE_2M);
	unit_close(&u);
}

/* [I10] Unmapping a leaf never frees a superblock or a page of the ring. */
static void ppt_unmap__leaf_to_a_fixed_page_is_corrupt(void **state)
{
	struct unit_pool u;
	uint32_t table;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	table = table_page(&u, VA, 1);
	for (uint32_t p = 0; p < u.at.dir_page; p++) {
		uint64_t was = *unit_word(&u, u.at.desc_page, p);
		uint64_t pa = POOL_FIXTURE_PHYS + (uint64_t)p * PPT_PAGE_BYTES;

		unit_plain_desc(&u, p, ppt__desc_data(1));
		unit_seal_word(&u, table, 9, pa | 3, p == 0);
		refuse_leaf(&u, VA + 9 * 4096, 4096);
		*unit_word(&u, u.at.desc_page, p) = was;
	}
	unit_close(&u);
}

/* ---------------------------------------------------------- superblock -- */

#define REGIONS 5u /* of the fixture, the pool's own first */

/* @field of region @i of both copies, under right checksums. */
#define REFUSE(i, field, value)                                                \
	do {                                                                   \
		for (uint32_t copy = 0; copy < 2; copy++) {                    \
			struct ppt_m_superblock *sb =                          \
				(void *)unit_word(&u, copy, 0);                \
			struct ppt_m_region *r = &sb->region[i];               \
                                                                               \
			r->field = (value);                                    \
			ppt__superblock_seal(sb);                              \
		}                                                              \
		refuse_regions(&u, image);                                     \
	} while (0)

/* Refused with nothing changed; then as it was before. */
static void refuse_regions(struct unit_pool *u, const uint8_t *whole)
{
	uint8_t *image = unit_save(u);

	assert_int_equal(unit_attach(u), PPT_E_CORRUPT);
	assert_diag(u->pf.diag, PPT_E_CORRUPT, "superblock");
	assert_true(unit_same(u, image));
	free(image);
	unit_restore(u, whole);
}

/*
 * [I7] The regions of a superblock are a memory map as ppt_region_add would
 * have made it: aligned, disjoint, within 52 bits, one pool.
 */
static void ppt_attach__regions_that_are_no_map_are_corrupt(void **state)
{
	const uint64_t pool = POOL_FIXTURE_PHYS;
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	for (uint32_t i = 0; i < REGIONS; i++) {
		REFUSE(i, at[0].base, ppt__le64(pool + MIB / 2 + 8));
		REFUSE(i, at[0].base, ppt__le64((UINT64_C(1) << 52) - 4096));
		REFUSE(i, at[0].base, ppt__le64(UINT64_MAX - 4095));
		REFUSE(i, at[0].base, ppt__le64(PA + 4096 - i));
		REFUSE(i, at[0].len, ppt__le64(0));
		REFUSE(i, at[0].len, ppt__le64(2049));
		REFUSE(i, kind, ppt__le32(5));
		REFUSE(i, kind, ppt__le32(0));
	}
	for (uint32_t i = 1; i < REGIONS; i++) {
		REFUSE(i, at[0].base, ppt__le64(pool));
		REFUSE(i, at[0].base, ppt__le64(pool + MIB - 4096));
		REFUSE(i, at[0].len, ppt__le64(UINT64_MAX - 4095));
		REFUSE(i, kind, ppt__le32(PPT_REGION_POOL));
	}
	assert_ok(unit_attach(&u));
	free(image);
	unit_close(&u);
}

/* [I7] Regions are told apart by UUID: two of one are no map. */
static void ppt_attach__regions_of_one_uuid_are_corrupt(void **state)
{
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	for (uint32_t i = 0; i < REGIONS; i++)
		for (uint32_t k = 0; k <= i; k++) {
			for (uint32_t copy = 0; copy < 2; copy++) {
				struct ppt_m_superblock *sb =
					(void *)unit_word(&u, copy, 0);

				memcpy(sb->region[i].uuid, sb->region[k].uuid,
				       sizeof(sb->region[k].uuid));
				if (i == k) /* none at all */
					memset(sb->region[i].uuid, 0,
					       sizeof(sb->region[i].uuid));
				ppt__superblock_seal(sb);
			}
			refuse_regions(&u, image);
		}
	free(image);
	unit_close(&u);
}

/* -------------------------------------------------- directory, reclaim -- */

/* [I9] All 64 bits of a directory's word are its format. */
static void ppt_attach__format_with_high_bits_is_corrupt(void **state)
{
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_seal_word(&u, u.at.dir_page, PPT_M_DIR_WORDS + PPT_M_DIR_FORMAT,
		       (UINT64_C(1) << 32) + PPT_FORMAT_X86_64_4, 0);
	image = unit_save(&u);
	assert_int_equal(unit_attach(&u), PPT_E_CORRUPT); /* by its name */
	assert_true(unit_same(&u, image));
	free(image);
	unit_close(&u);
}

/* The pages that a deleted space "gone" has left; its root's item is first. */
static uint64_t delete_one(struct unit_pool *u)
{
	struct ppt_usage before, after;
	struct ppt_space gone;

	unit_open(u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_usage(u->pf.pool, &before, NULL));
	assert_ok(ppt_space_create(u->pf.pool, "gone", PPT_FORMAT_X86_64_4,
				   &gone, NULL));
	assert_ok(ppt_map(&gone, VA, ALLOC, 40 * 4096, RW, PPT_MAP_4K, NULL));
	assert_ok(ppt_space_delete(u->pf.pool, "gone", NULL));
	assert_ok(ppt_checkpoint(u->pf.pool));
	assert_ok(ppt_usage(u->pf.pool, &after, NULL));
	return before.free_pages - after.free_pages;
}

static uint64_t free_pages(struct unit_pool *u)
{
	struct ppt_usage now;

	assert_ok(ppt_usage(u->pf.pool, &now, NULL));
	return now.free_pages;
}

/* pool.h: an item that is damaged does not keep the others from being freed. */
static void ppt_reclaim__bad_item_does_not_stop_the_others(void **state)
{
	static const uint32_t kind[] = { 0, 4, 15, PPT_M_RECLAIM_TREE,
					 PPT_M_RECLAIM_TABLES };

	for (uint32_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		struct unit_pool u;
		uint64_t pages = delete_one(&u), was = free_pages(&u), item;
		uint32_t list = u.at.reclaim_page;

		item = *unit_word(&u, list, 0);
		assert_int_equal(ppt__reclaim_kind(item), PPT_M_RECLAIM_TREE);
		unit_seal_word(&u, list, 7, item, 0);
		unit_seal_word(&u, list, 0,
			       ppt__reclaim_item((enum ppt_m_reclaim)kind[i],
						 u.at.first_page - 1, 1),
			       0);
		assert_ok(unit_attach(&u));
		assert_int_equal(ppt_reclaim(u.pf.pool, 100000, NULL),
				 PPT_E_CORRUPT);
		assert_int_equal(free_pages(&u), was + pages);
		assert_int_not_equal(*unit_word(&u, list, 0), 0);
		assert_int_equal(*unit_word(&u, list, 7), 0);
		assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
		unit_check_pages(&u);
		unit_close(&u);
	}
}

/*
 * [I10] A table that waits to be freed and whose descriptor counts entries
 * that it does not have is damage; nothing is stored for it.
 */
static void ppt_reclaim__table_without_its_entries_is_corrupt(void **state)
{
	struct unit_pool u;
	uint64_t was, item;
	uint32_t root;
	uint8_t *image;

	(void)delete_one(&u);
	item = *unit_word(&u, u.at.reclaim_page, 0);
	root = ppt__reclaim_page(item);
	unit_seal_word(&u, root, 0, 0, 0); /* was its only one */
	assert_int_not_equal(
		ppt__desc_live(*unit_word(&u, u.at.desc_page, root)), 0);
	assert_ok(unit_attach(&u));
	was = free_pages(&u);
	image = unit_save(&u);
	assert_int_equal(ppt_reclaim(u.pf.pool, 10, NULL), PPT_E_CORRUPT);
	assert_int_equal(free_pages(&u), was);
	assert_true(unit_same(&u, image));
	free(image);
	unit_close(&u);
}

/* pool.h: the report is right about an attach that fails, too. */
static void ppt_attach__refused_scan_reports_its_lines(void **state)
{
	struct ppt__run run = { ppt__run_where(0, 0, 1, 0), 1 };
	struct unit_pool u;
	uint64_t line;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	line = unit_tail(&u);
	assert_int_equal(unit_put_record(&u, line, 0, &run, 1, false), 1);
	assert_int_equal(unit_attach(&u), PPT_E_JOURNAL);
	assert_int_equal(u.pf.report.verdict, PPT_VERDICT_REFUSED);
	assert_true(u.pf.report.lines_scanned > 0);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_attach__record_that_vanishes_is_refused),
		cmocka_unit_test(
			ppt_attach__record_that_leads_elsewhere_is_refused),
		cmocka_unit_test(ppt_attach__record_that_grows_is_refused),
		cmocka_unit_test(ppt_map__fixed_page_marked_free_is_not_taken),
		cmocka_unit_test(ppt_map__fixed_page_marked_data_is_refused),
		cmocka_unit_test(ppt_unmap__leaf_over_the_pools_end_is_corrupt),
		cmocka_unit_test(ppt_unmap__leaf_to_a_fixed_page_is_corrupt),
		cmocka_unit_test(
			ppt_attach__regions_that_are_no_map_are_corrupt),
		cmocka_unit_test(ppt_attach__regions_of_one_uuid_are_corrupt),
		cmocka_unit_test(ppt_attach__format_with_high_bits_is_corrupt),
		cmocka_unit_test(
			ppt_reclaim__bad_item_does_not_stop_the_others),
		cmocka_unit_test(
			ppt_reclaim__table_without_its_entries_is_corrupt),
		cmocka_unit_test(ppt_attach__refused_scan_reports_its_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
