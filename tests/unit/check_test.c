/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_test.c - check on pools in order, its workers and its arguments.
 *
 * Layer: tests.
 */
#include "check_rig.h"
#include "unit_pool.h"

static void ppt_check__pool_of_everything_is_clean(void **state)
{
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		struct specimen image;
		struct outcome o;

		specimen_make(&image, (enum everything_kind)k, 1);
		check_image(&image, NULL, &o);
		outcome_print_unless(&o, o.count == 0);
		assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
		assert_int_equal(o.count, 0);
		assert_int_equal(o.report.err, 0);
		assert_int_equal(o.report.pages, image.at.pages);
		assert_true(o.report.tables > 15);
		assert_int_equal(o.report.records != 0, k != EVERYTHING_CLEAN);
		specimen_free(&image);
	}
}

/* The last region of the fixture, which nothing maps. */
static void ppt_check__region_that_is_gone_is_clean(void **state)
{
	struct ppt_memory_map map;
	struct specimen image;
	struct unit_pool u;
	struct outcome o;

	unit_open(&u, 2 * MIB, 65536, PPT_ATTACH_NO_MMU);
	pool_fixture_map(&u.pf, &map);
	map.count--;
	assert_ok(pool_fixture_detach(&u.pf));
	assert_ok(pool_fixture_attach(&u.pf, &map));
	specimen_take(&image, &u.pf, u.pf.media);
	check_image(&image, NULL, &o);
	outcome_print_unless(&o, o.count == 0);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
	specimen_free(&image);
	unit_close(&u);
}

/* The images are what the other tests take them for. */
static void specimen_make__has_tables_of_two_epochs(void **state)
{
	uint32_t of[16] = { 0 };
	struct specimen image;
	struct outcome o;

	specimen_make(&image, EVERYTHING_EPOCHS, 1);
	check_image(&image, NULL, &o); /* replays */
	for (uint32_t p = 0; p < image.at.pages; p++)
		if (ppt__desc_is_table(*specimen_desc(&image, p)) &&
		    p < image.at.pages - 8)
			of[ppt__desc_epoch(*specimen_desc(&image, p))]++;
	assert_true(of[0] > 2);
	assert_true(of[1] > 2);
	specimen_free(&image);
}

static int by_place(const void *a, const void *b)
{
	const struct ppt_problem *x = a, *y = b;

	if (x->page != y->page)
		return x->page < y->page ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* Any number of workers finds the same. */
static void ppt_check_work__any_split_finds_the_same(void **state)
{
	static struct outcome one, many;
	struct specimen image, copy;

	specimen_make(&image, EVERYTHING_CLEAN, 1);
	for (uint32_t p = image.at.first_page; p < image.at.pages; p += 3)
		*specimen_word(&image, p, p % 512) ^= 2;
	for (uint32_t n = 1; n < 9; n++) {
		struct ppt_check_config cfg = { .workers = n };

		specimen_copy(&copy, &image);
		check_image(&copy, &cfg, n == 1 ? &one : &many);
		specimen_free(&copy);
		if (n == 1)
			continue;
		assert_int_equal(many.count, one.count);
		qsort(one.problem, one.count, sizeof(one.problem[0]), by_place);
		qsort(many.problem, one.count, sizeof(one.problem[0]),
		      by_place);
		for (uint32_t i = 0; i < one.count; i++)
			assert_int_equal(
				by_place(&one.problem[i], &many.problem[i]), 0);
		assert_memory_equal(&one.report, &many.report,
				    sizeof(one.report));
	}
	assert_true(one.count > 5);
	specimen_free(&image);
}

/* A part of what is mapped goes to frames that follow each other. */
static void ppt_check__tells_where_and_how_many(void **state)
{
	const struct ppt_problem *p;
	struct specimen image;
	struct outcome o;
	uint32_t page, slot;

	specimen_make(&image, EVERYTHING_CLEAN, 1);
	page = specimen_table(&image, "four", EVERYTHING_VA, 1);
	for (slot = 0; slot < 4; slot++)
		specimen_set(&image, page, slot,
			     *specimen_word(&image, page, slot) | 1u << 9);
	check_image(&image, NULL, &o);
	assert_int_equal(o.count, 1);
	p = outcome_find(&o, PPT_PROBLEM_ENTRY_RESERVED);
	assert_non_null(p);
	assert_int_equal(p->count, 4);
	assert_int_equal(p->page, page);
	assert_int_equal(p->slot, 0);
	assert_int_equal(p->va, EVERYTHING_VA);
	assert_int_equal(p->last, EVERYTHING_VA + 4095);
	assert_string_equal(p->space, "four");
	assert_string_equal(p->code, "entry-reserved");
	specimen_free(&image);

	/* The upper half, five levels. */
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	page = specimen_table(&image, "five", EVERYTHING_VA_HIGH, 1);
	*specimen_word(&image, page, 0) ^= 0x1000;
	check_image(&image, NULL, &o);
	p = outcome_find(&o, PPT_PROBLEM_TABLE_CHECKSUM);
	assert_non_null(p);
	assert_int_equal(p->va, EVERYTHING_VA_HIGH);
	assert_int_equal(p->last, EVERYTHING_VA_HIGH + PPT_SIZE_2M - 1);
	assert_string_equal(p->space, "five");
	specimen_free(&image);
}

/* Descriptors gone: pages beside each other are one problem. */
static void ppt_check__pages_beside_each_other_are_one_problem(void **state)
{
	const struct ppt_problem *p;
	struct specimen image;
	struct outcome o;
	uint32_t page;

	specimen_make(&image, EVERYTHING_CLEAN, 1);
	page = (uint32_t)image.at.pages - 60;
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(
			ppt__desc_type(*specimen_desc(&image, page + i)),
			PPT__DESC_FREE);
		*specimen_desc(&image, page + i) = 0;
	}
	check_image(&image, NULL, &o);
	assert_int_equal(o.count, 1);
	p = outcome_find(&o, PPT_PROBLEM_DESC_TYPE);
	assert_non_null(p);
	assert_int_equal(p->page, page);
	assert_int_equal(p->count, 40);
	specimen_free(&image);
}

static void ppt_check_begin__misuse_is_refused(void **state)
{
	struct outcome o;
	struct specimen image;
	size_t bytes;
	uint8_t *scratch;
	struct ppt_check_config good;
	struct ppt_diag diag = { .err = 0 };

	specimen_make(&image, EVERYTHING_CLEAN, 1);
	bytes = ppt_check_scratch_bytes(image.bytes, image.size, 1);
	scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
	assert_non_null(scratch);
	good = (struct ppt_check_config){
		.pm = { .media = image.bytes, .bytes = image.size },
		.scratch = scratch,
		.scratch_bytes = bytes,
		.problem = outcome_add,
		.ctx = &o,
	};
#define REFUSED(error, thing, ...)                                             \
	do {                                                                   \
		struct ppt_check_config bad = good;                            \
                                                                               \
		__VA_ARGS__;                                                   \
		assert_int_equal(ppt_check(&bad, &o.report, &diag), error);    \
		assert_int_equal(diag.err, error);                             \
		assert_string_equal(diag.what, thing);                         \
	} while (0)
	REFUSED(PPT_E_INVAL, "workers", bad.workers = 1025);
	REFUSED(PPT_E_INVAL, "flags", bad.flags = 64);
	REFUSED(PPT_E_INVAL, "policy", bad.policy = 64);
	REFUSED(PPT_E_INVAL, "pa_bits", bad.pa_bits = 31);
	REFUSED(PPT_E_INVAL, "pa_bits", bad.pa_bits = 53);
	REFUSED(PPT_E_INVAL, "media", bad.pm.media = NULL);
	REFUSED(PPT_E_NOMEM, "scratch", bad.scratch = NULL);
	REFUSED(PPT_E_NOMEM, "scratch", bad.scratch = scratch + 8);
	REFUSED(PPT_E_NOMEM, "scratch", bad.scratch_bytes = 64);
	REFUSED(PPT_E_NOMEM, "scratch", bad.scratch_bytes = bytes / 2);
	REFUSED(PPT_E_NOMEM, "scratch", bad.workers = 2);
#undef REFUSED
	memset(&o, 0, sizeof(o));
	assert_int_equal(ppt_check(&good, &o.report, &diag), 0);
	good.problem = NULL; /* nobody wants to know */
	assert_int_equal(ppt_check(&good, &o.report, &diag), 0);
	free(scratch);
	specimen_free(&image);
}

/* The widest of the memory is at the top, and only that. */
static void ppt_check__width_is_that_of_where_memory_is_now(void **state)
{
	struct ppt_check_config with = { .pa_bits = 51 };
	struct ppt_memory_map map;
	struct specimen image;
	struct outcome o;
	uint32_t top = 0;

	(void)state;
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	ppt__epoch_map(specimen_superblock(&image, 0), 0, &map);
	while (map.region[top].base != POOL_FIXTURE_TOP)
		top++;
	check_image(&image, &with, &o);
	assert_non_null(outcome_find(&o, PPT_PROBLEM_ENTRY_WIDTH));
	with.present = &map;
	map.region[top].base = UINT64_C(1) << 50;
	check_image(&image, &with, &o);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
	map.region[0].base = UINT64_C(1) << 51;
	check_image(&image, &with, &o);
	assert_non_null(outcome_find(&o, PPT_PROBLEM_ENTRY_WIDTH));
	/* What is not there is not wide: one large leaf ends behind it. */
	for (uint32_t i = 1; i < map.count; i++)
		map.region[i].base += UINT64_C(1) << 51;
	map.region[1].len = 9 * UINT64_C(0x100000);
	check_image(&image, &with, &o);
	assert_non_null(outcome_find(&o, PPT_PROBLEM_LEAF_LOST));
	specimen_free(&image);
}

/* Without a superblock little is needed, and a worker has nothing to do. */
static void ppt_check__what_is_no_pool_is_refused(void **state)
{
	struct specimen image;
	struct outcome o;

	specimen_make(&image, EVERYTHING_CLEAN, 1);
	memset(image.bytes, 0xff, image.size);
	check_image(&image, NULL, &o);
	assert_int_equal(o.count, 1);
	assert_int_equal(o.problem[0].id, PPT_PROBLEM_SUPERBLOCK_MAGIC);
	assert_int_equal(o.report.verdict, PPT_CHECK_REFUSED);
	assert_int_equal(o.report.err, PPT_E_MAGIC);
	assert_int_equal(o.report.pages, 0);
	image.size = 100;
	check_image(&image, NULL, &o);
	assert_int_equal(o.problem[0].id, PPT_PROBLEM_MEDIA_SIZE);
	specimen_free(&image);
}

/* Never NULL, whatever is asked for. */
static void ppt_severity_name__names_each(void **state)
{
	static const char *const severity[] = { "note", "minor", "major",
						"fatal", "unknown" };
	static const char *const verdict[] = { "clean", "damaged", "refused",
					       "unknown" };

	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(ppt_severity_name((enum ppt_severity)i),
				    severity[i]);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(
			ppt_check_verdict_name((enum ppt_check_verdict)i),
			verdict[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_check__pool_of_everything_is_clean),
		cmocka_unit_test(ppt_check__region_that_is_gone_is_clean),
		cmocka_unit_test(specimen_make__has_tables_of_two_epochs),
		cmocka_unit_test(ppt_check_work__any_split_finds_the_same),
		cmocka_unit_test(ppt_check__tells_where_and_how_many),
		cmocka_unit_test(
			ppt_check__pages_beside_each_other_are_one_problem),
		cmocka_unit_test(ppt_severity_name__names_each),
		cmocka_unit_test(ppt_check_begin__misuse_is_refused),
		cmocka_unit_test(
			ppt_check__width_is_that_of_where_memory_is_now),
		cmocka_unit_test(ppt_check__what_is_no_pool_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
