/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rare_test.c - content that no damage by chance makes, and calls that only a
 * careless caller does: what fuzzing and the images of tests/check/ miss of
 * recovery/ and libpptable/format.
 *
 * Layer: tests.
 */
#include "check_rig.h"
#include "unit_pool.h"

/* ------------------------------------------------------------ superblock -- */

static void ppt_check__size_is_exact_where_asked_for(void **state)
{
	struct ppt_check_config exact = { .flags = PPT_CHECK_EXACT };
	struct specimen good, image;
	struct outcome o;

	(void)state;
	specimen_make(&good, EVERYTHING_CLEAN, 1);
	image = good;
	image.size += PPT_PAGE_BYTES;
	image.bytes = aligned_alloc(PPT_PAGE_BYTES, image.size);
	assert_non_null(image.bytes);
	memset(image.bytes + good.size, 0, PPT_PAGE_BYTES);
	memcpy(image.bytes, good.bytes, good.size);
	assert_int_equal(check_try(&image, NULL, &o), 0);
	assert_int_equal(o.of[PPT_PROBLEM_MEDIA_SIZE], 0);
	(void)check_try(&image, &exact, &o);
	assert_int_equal(o.of[PPT_PROBLEM_MEDIA_SIZE], 1);
	assert_int_equal(o.report.verdict, PPT_CHECK_REFUSED);
	free(image.bytes);
	specimen_free(&good);
}

/* What the pool says of itself, in both copies, under right checksums. */
static void superblock_says(struct specimen *image,
			    void (*change)(struct ppt_m_superblock *),
			    struct outcome *o)
{
	specimen_make(image, EVERYTHING_CLEAN, 1);
	for (uint32_t s = 0; s < 2; s++)
		change(specimen_superblock(image, s));
	specimen_seal_superblock(image, 2);
	(void)check_try(image, NULL, o);
	specimen_free(image);
}

static void no_journal(struct ppt_m_superblock *sb)
{
	sb->journal_pages = ppt__le32(0);
}

static void second_pool(struct ppt_m_superblock *sb)
{
	sb->region[1].kind = ppt__le32(PPT_REGION_POOL);
}

static void ppt_check__superblock_that_cannot_be_is_reported(void **state)
{
	struct specimen image;
	struct outcome o;

	(void)state;
	superblock_says(&image, no_journal, &o);
	assert_int_equal(o.of[PPT_PROBLEM_SUPERBLOCK_BOTH], 1);
	superblock_says(&image, second_pool, &o);
	assert_int_equal(o.of[PPT_PROBLEM_REGION_INVALID], 1);
}

static void ppt_check__as_many_regions_as_there_can_be_is_clean(void **state)
{
	struct specimen image;
	struct unit_pool u;
	struct outcome o;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t i = u.pf.pool->map.count; i < PPT_REGIONS_MAX; i++) {
		struct ppt_region r = {
			.uuid = { { (uint8_t)i, 77 } },
			.kind = PPT_REGION_DEVICE,
			.base = PPT_SIZE_1G / 2 * (1000 + i),
			.len = PPT_PAGE_BYTES,
		};

		assert_ok(ppt_region_add(u.pf.pool, &r, NULL));
	}
	assert_ok(pool_fixture_detach(&u.pf));
	specimen_take(&image, &u.pf, u.pf.media);
	check_image(&image, NULL, &o);
	outcome_print_unless(&o, !o.count);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
	specimen_free(&image);
	unit_close(&u);
}

/*
 * Superblocks of two pools, one of them larger, and descriptors of neither:
 * which one it is cannot be told, so nothing is made of either.
 */
static void ppt_check__of_two_pools_nobody_tells_it_is_none(void **state)
{
	struct unit_pool u, large;
	struct ppt_repair_config cfg;
	struct ppt_repair_report report;
	struct specimen image;
	struct outcome o;
	uint8_t *before;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	memset(&large, 0, sizeof(large));
	pool_fixture_ready(&large.pf, &(struct pool_fixture_options){
					      .bytes = 4 * MIB, .seed = 99 });
	assert_ok(pool_fixture_detach(&large.pf));
	memcpy(unit_word(&u, 1, 0), large.pf.media + PPT_PAGE_BYTES,
	       PPT_PAGE_BYTES);
	pool_fixture_close(&large.pf);
	specimen_take(&image, &u.pf, u.pf.media);
	check_image(&image, NULL, &o);
	specimen_free(&image);
	assert_int_equal(o.report.verdict, PPT_CHECK_REFUSED);
	unit_close(&u);

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	before = unit_save(&u);
	((struct ppt_m_superblock *)(void *)unit_word(&u, 1, 0))->uuid[3] ^= 1;
	ppt__superblock_seal((void *)unit_word(&u, 1, 0));
	memset(unit_word(&u, u.at.desc_page, 0), 0x77, PPT_LINE_BYTES);
	memcpy(before, u.pf.media, u.pf.bytes);
	cfg = unit_repair_config(&u);
	assert_int_equal(ppt_repair(&cfg, &report, NULL), PPT_E_CORRUPT);
	free(cfg.scratch);
	assert_true(unit_same(&u, before));
	free(before);
	unit_close(&u);
}

/* ------------------------------------------------------------ memory map -- */

static void check_under(void (*change)(struct ppt_memory_map *map),
			struct outcome *o)
{
	struct ppt_memory_map map;
	struct ppt_check_config cfg = { .present = &map };
	struct specimen image;
	struct unit_pool u;

	unit_open(&u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_map(&u.space, VA + PPT_SIZE_1G, PA + PPT_SIZE_2M,
			  PPT_SIZE_2M, RW, 0, NULL));
	ppt_memory_map(u.pf.pool, &map);
	assert_ok(pool_fixture_detach(&u.pf));
	specimen_take(&image, &u.pf, u.pf.media);
	change(&map);
	(void)check_try(&image, &cfg, o);
	specimen_free(&image);
	unit_close(&u);
}

static struct ppt_region *dram_of(struct ppt_memory_map *map)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (map->region[i].base <= PA &&
		    PA - map->region[i].base < map->region[i].len)
			return &map->region[i];
	fail_msg("there is no memory there");
	return NULL;
}

static void cut_in_a_leaf(struct ppt_memory_map *map)
{
	dram_of(map)->len = PA - dram_of(map)->base + PPT_SIZE_2M * 3 / 2;
}

static void cut_before_a_leaf(struct ppt_memory_map *map)
{
	dram_of(map)->len = PA - dram_of(map)->base + PPT_PAGE_BYTES;
}

static void no_length(struct ppt_memory_map *map)
{
	dram_of(map)->len = 0;
}

static void ppt_check__memory_that_ends_in_a_leaf_loses_it(void **state)
{
	struct outcome o;

	(void)state;
	check_under(cut_in_a_leaf, &o);
	assert_int_equal(o.of[PPT_PROBLEM_LEAF_LOST], 1);
	check_under(cut_before_a_leaf, &o);
	assert_int_equal(o.of[PPT_PROBLEM_LEAF_LOST], 1);
	check_under(no_length, &o);
	outcome_print_unless(&o, o.of[PPT_PROBLEM_MEMORY_MAP] == 1);
	assert_int_equal(o.of[PPT_PROBLEM_MEMORY_MAP], 1);
}

/* ---------------------------------------------------------------- entries -- */

/* A large leaf that is lost, of the last bytes that a region could have. */
static void ppt_check__lost_leaf_behind_every_region_is_unknown(void **state)
{
	const uint64_t end = UINT64_C(1) << PPT__REGION_BYTES_LG2;
	struct specimen image;
	struct outcome o;
	struct unit_pool u;
	uint32_t table;

	(void)state;
	unit_open(&u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_map(&u.space, VA + PPT_SIZE_2M, PA + PPT_SIZE_2M,
			  PPT_SIZE_2M, RW, 0, NULL));
	assert_ok(pool_fixture_detach(&u.pf));
	specimen_take(&image, &u.pf, u.pf.media);
	table = specimen_table(&image, "s", VA + PPT_SIZE_2M, 2);
	specimen_set(&image, table, specimen_slot(VA + PPT_SIZE_2M, 2),
		     UINT64_C(0x480) | (end - PPT_PAGE_BYTES) |
			     UINT64_C(1) << 46);
	check_image(&image, NULL, &o);
	outcome_print_unless(&o, o.of[PPT_PROBLEM_LEAF_UNKNOWN] == 1);
	assert_int_equal(o.of[PPT_PROBLEM_LEAF_UNKNOWN], 1);
	specimen_free(&image);
	unit_close(&u);
}

/* ----------------------------------------------------------- reclaim list -- */

static void ppt_repair__items_that_cannot_be_are_dropped(void **state)
{
	struct ppt_repair_report report;
	struct ppt_repair_config cfg;
	struct unit_pool u;
	uint32_t list, table, n = 0;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	list = u.at.reclaim_page;
	for (table = u.at.first_page; table < u.at.pages; table++)
		if (ppt__desc_level(*unit_word(&u, u.at.desc_page, table)) == 1)
			break;
	{
		const uint64_t item[] = {
			ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, 200, 0),
			ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, 5, 2),
			ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, 250, 10),
			ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, 999, 1),
			ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, 200, 1) | 0x10,
			ppt__reclaim_item(PPT_M_RECLAIM_TREE, table, 3),
			ppt__reclaim_item(PPT_M_RECLAIM_TREE, 200, 0),
			ppt__reclaim_item(PPT_M_RECLAIM_TABLES, 999, 0),
			ppt__reclaim_item((enum ppt_m_reclaim)9, 200, 1),
		};

		for (; n < sizeof(item) / sizeof(item[0]); n++)
			unit_seal_word(&u, list, 2 * n, item[n], 0);
	}
	cfg = unit_repair_config(&u);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		assert_int_equal(*unit_word(&u, list, s), 0);
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	unit_close(&u);
}

/* ---------------------------------------------------------------- journal -- */

/*
 * A page is mapped by a record that is all there is in the ring, and both tails
 * are lost; what the repair makes of the record, if it says this.
 */
static uint64_t page_of_record(uint32_t pending, bool more)
{
	struct ppt_repair_report report;
	struct ppt_repair_config cfg;
	struct ppt__run run[PPT__RECORD_WORDS_MAX / 2];
	struct unit_pool u;
	uint64_t *line, tail, pa;
	uint8_t *before;
	uint32_t n;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	unit_set_tail(&u, unit_tail(&u));
	tail = unit_tail(&u);
	before = unit_save(&u);
	assert_ok(unit_attach(&u));
	assert_ok(ppt_map(&u.space, VA, PA + 4096, 4096, RW, 0, NULL));
	pool_fixture_drop(&u.pf);
	/* A record at the tail itself, or behind what a restart leaves free. */
	for (n = 0; n < u.lines && !*unit_line(&u, tail); n++)
		tail++;
	line = unit_line(&u, tail);
	n = ppt__record_runs(line[0]);
	assert_in_range(n, 1, PPT__RECORD_WORDS_MAX / 2 - 1);
	for (uint32_t i = 0; i < n; i++)
		run[i] = (struct ppt__run){ line[2 + 2 * i], line[3 + 2 * i] };
	unit_restore(&u, before);
	unit_put_record(&u, tail, pending, run, n, more);
	for (uint32_t s = 0; s < 2; s++)
		*unit_word(&u, s, PPT_M_TAIL_WORD) ^= 6;
	cfg = unit_repair_config(&u);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	pa = unit_pa(&u, VA);
	free(cfg.scratch);
	free(before);
	unit_close(&u);
	return pa;
}

static void ppt_repair__without_tails_whole_transactions_count(void **state)
{
	(void)state;
	assert_int_equal(page_of_record(0, false), PA + 4096);
	assert_int_equal(page_of_record(0, true), 0);
	assert_int_equal(page_of_record(3, false), 0);
}

/* -------------------------------------------------------------- directory -- */

static void ppt_repair__space_of_no_format_is_told_by_its_root(void **state)
{
	struct ppt_repair_report report;
	struct ppt_repair_config cfg;
	struct unit_pool u;
	uint32_t slot;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	for (slot = PPT_M_DIR_WORDS; slot < PPT_PAGE_WORDS;
	     slot += PPT_M_DIR_WORDS)
		if (*unit_word(&u, u.at.dir_page, slot + PPT_M_DIR_FORMAT))
			break;
	assert_in_range(slot, PPT_M_DIR_WORDS, PPT_PAGE_WORDS - 1);
	unit_seal_word(&u, u.at.dir_page, slot + PPT_M_DIR_FORMAT, 99, 0);
	cfg = unit_repair_config(&u);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	unit_close(&u);
}

/* More than one bit of a page, which nothing sets right. */
static void ruin(struct unit_pool *u, uint32_t page)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s += 3)
		*unit_word(u, page, s) ^= 0x50;
}

/* How many spaces there are, and in how many of them @va leads to @pa. */
static uint32_t spaces_of(struct unit_pool *u, uint64_t va, uint64_t pa,
			  uint32_t *same)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;
	uint32_t n = 0;

	*same = 0;
	for (; !ppt_space_next(u->pf.pool, &cursor, &info, NULL); n++) {
		struct ppt_extent e;

		assert_ok(
			ppt_space_open(u->pf.pool, info.name, &u->space, NULL));
		*same += !ppt_translate(&u->space, va, &e, NULL) && e.pa == pa;
	}
	return n;
}

#define MANY 70u
#define FIVE_VA (UINT64_C(255) << 48 | VA)

/* One space of five levels, and as many others as take two directory pages. */
static void open_many(struct unit_pool *u, uint32_t many, uint32_t *five)
{
	struct ppt_space space;

	unit_open(u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_space_create(u->pf.pool, "five", PPT_FORMAT_X86_64_5,
				   &space, NULL));
	*five = space.root_page;
	assert_ok(ppt_map(&space, FIVE_VA, PA, 4096, RW, 0, NULL));
	assert_ok(ppt_map(&space, VA, PA, 4096, RW, 0, NULL));
	for (uint32_t i = 0; i < many; i++) {
		char name[8] = { 's', (char)('0' + i / 10),
				 (char)('0' + i % 10) };

		assert_ok(ppt_space_create(u->pf.pool, name,
					   PPT_FORMAT_X86_64_4, &space, NULL));
		assert_ok(ppt_map(&space, VA + 511 * 4096, PA, 4096, RW, 0,
				  NULL));
	}
	assert_ok(pool_fixture_detach(&u->pf));
}

static void mend(struct unit_pool *u)
{
	struct ppt_repair_config cfg = unit_repair_config(u);
	struct ppt_repair_report report;

	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
	assert_ok(pool_fixture_attach(&u->pf, NULL));
}

/* Entries of a ruined page count, though a root of five levels is lost too. */
static void
ppt_repair__ruined_directory_keeps_roots_of_four_levels(void **state)
{
	struct unit_pool u;
	uint32_t five, same;

	(void)state;
	open_many(&u, MANY, &five);
	ruin(&u, five);
	{
		uint32_t second = (uint32_t)*unit_word(&u, u.at.dir_page, 0);

		assert_in_range(second, u.at.first_page, u.at.pages - 1);
		*unit_word(&u, second, PPT_M_DIR_WORDS + PPT_M_DIR_NAME) ^= 6;
		*unit_word(&u, second, 2 * PPT_M_DIR_WORDS + PPT_M_DIR_NAME) ^=
			6;
	}
	mend(&u);
	assert_in_range(spaces_of(&u, VA + 511 * 4096, PA, &same), MANY + 1,
			MANY + 2);
	assert_int_equal(same, MANY + 1);
	unit_close(&u);
}

/* What a lost root of five levels led to is no space of four. */
static void ppt_repair__tables_of_a_lost_root_are_no_spaces(void **state)
{
	struct unit_pool u;
	uint32_t five, same;

	(void)state;
	open_many(&u, 0, &five);
	ruin(&u, five);
	*unit_word(&u, u.at.dir_page, PPT_M_DIR_WORDS + PPT_M_DIR_NAME) ^= 6;
	*unit_word(&u, u.at.dir_page, 2 * PPT_M_DIR_WORDS + PPT_M_DIR_NAME) ^=
		6;
	mend(&u);
	(void)spaces_of(&u, VA, PA, &same);
	assert_int_equal(same, 0);
	assert_int_equal(spaces_of(&u, VA + 511 * 4096, PA, &same), 1);
	assert_int_equal(same, 1);
	unit_close(&u);
}

/* ------------------------------------------------------------------ calls -- */

static void ppt_detach__open_transaction_is_aborted(void **state)
{
	struct unit_pool u;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_begin(u.pf.pool));
	assert_ok(ppt_map(&u.space, VA, PA, 4096, RW, 0, NULL));
	assert_ok(pool_fixture_detach(&u.pf));
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, VA), 0);
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	unit_close(&u);
}

static void ppt_attach__count_without_a_drain_is_recorded(void **state)
{
	const struct ppt_usc usc = { .state = PPT_USC_IN_USE,
				     .device = 3,
				     .count = 4 };
	struct unit_pool u;
	struct ppt_geometry g;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	u.pf.usc = &usc;
	u.pf.drain = NULL;
	assert_ok(unit_attach(&u));
	assert_ok(ppt_probe(u.pf.media, u.pf.bytes, &g, NULL));
	assert_int_equal(g.usc.count, 4);
	unit_close(&u);
}

static void ppt_check_work__of_a_worker_too_many_does_nothing(void **state)
{
	struct specimen image;
	struct outcome o = { .count = 0 };
	struct ppt_check_config cfg = {
		.workers = 2, .pa_bits = 52, .problem = outcome_add, .ctx = &o
	};
	struct ppt_check *check;
	void *scratch;

	(void)state;
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	cfg.pm.media = image.bytes;
	cfg.pm.bytes = image.size;
	cfg.scratch_bytes = ppt_check_scratch_bytes(image.bytes, image.size, 2);
	cfg.scratch_bytes = (cfg.scratch_bytes + 63) & ~(size_t)63;
	cfg.scratch = scratch = aligned_alloc(64, cfg.scratch_bytes);
	assert_ok(ppt_check_begin(&cfg, &check, NULL));
	/* None is as one, and of no media the least. */
	assert_int_equal(ppt_check_scratch_bytes(image.bytes, image.size, 0),
			 ppt_check_scratch_bytes(image.bytes, image.size, 1));
	assert_in_range(ppt_check_scratch_bytes(NULL, image.size, 1), 1,
			cfg.scratch_bytes - 1);
	for (uint32_t i = 0; i < 4; i++)
		ppt_check_work(check, i);
	ppt_check_end(check, &o.report);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
	free(scratch);
	specimen_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_check__size_is_exact_where_asked_for),
		cmocka_unit_test(
			ppt_check__superblock_that_cannot_be_is_reported),
		cmocka_unit_test(
			ppt_check__as_many_regions_as_there_can_be_is_clean),
		cmocka_unit_test(
			ppt_check__memory_that_ends_in_a_leaf_loses_it),
		cmocka_unit_test(
			ppt_check__lost_leaf_behind_every_region_is_unknown),
		cmocka_unit_test(ppt_repair__items_that_cannot_be_are_dropped),
		cmocka_unit_test(
			ppt_repair__without_tails_whole_transactions_count),
		cmocka_unit_test(
			ppt_repair__space_of_no_format_is_told_by_its_root),
		cmocka_unit_test(
			ppt_repair__ruined_directory_keeps_roots_of_four_levels),
		cmocka_unit_test(
			ppt_repair__tables_of_a_lost_root_are_no_spaces),
		cmocka_unit_test(
			ppt_check__of_two_pools_nobody_tells_it_is_none),
		cmocka_unit_test(ppt_detach__open_transaction_is_aborted),
		cmocka_unit_test(ppt_attach__count_without_a_drain_is_recorded),
		cmocka_unit_test(
			ppt_check_work__of_a_worker_too_many_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
