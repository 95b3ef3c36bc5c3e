/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * space_test.c - the directory: names, many spaces, deletion, damage.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include <stdio.h>

#define MANY 200u /* of 63 on a page */

static void name_of(uint32_t i, char *name)
{
	(void)snprintf(name, PPT_NAME_BYTES, "space-%u", i);
}

static enum ppt_format format_of(uint32_t i)
{
	return i % 2 ? PPT_FORMAT_X86_64_5 : PPT_FORMAT_X86_64_4;
}

/* Which spaces are there, by ppt_space_next; @there: a flag each. */
static void check_spaces(struct unit_pool *u, const bool *there)
{
	struct ppt_space_info info;
	bool seen[MANY] = { false };
	uint64_t cursor = 0;
	uint32_t i, others = 0;
	int err;

	while (!(err = ppt_space_next(u->pf.pool, &cursor, &info, NULL))) {
		if (sscanf(info.name, "space-%u", &i) != 1) {
			others++;
			continue;
		}
		assert_true(i < MANY && there[i] && !seen[i]);
		seen[i] = true;
		assert_int_equal(info.format, format_of(i));
		assert_int_equal(info.root_pa, info.root_register);
	}
	assert_int_equal(err, PPT_E_NOENT);
	assert_int_equal(others, 1); /* "s" */
	for (i = 0; i < MANY; i++) {
		struct ppt_space space;
		char name[PPT_NAME_BYTES];

		assert_int_equal(seen[i], there[i]);
		name_of(i, name);
		assert_int_equal(ppt_space_open(u->pf.pool, name, &space, NULL),
				 there[i] ? 0 : PPT_E_NOENT);
	}
}

static void create_one(struct unit_pool *u, uint32_t i)
{
	char name[PPT_NAME_BYTES];
	struct ppt_space space;

	name_of(i, name);
	assert_ok(
		ppt_space_create(u->pf.pool, name, format_of(i), &space, NULL));
	assert_ok(ppt_map(&space, VA, PA + i * 4096, 4096, RW, 0, NULL));
}

static void ppt_space_create__more_than_a_page_of_them(void **state)
{
	struct ppt_usage a, b;
	struct unit_pool u;
	bool there[MANY];
	char name[PPT_NAME_BYTES];

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t i = 0; i < MANY; i++) {
		create_one(&u, i);
		there[i] = true;
	}
	check_spaces(&u, there);
	assert_ok(ppt_usage(u.pf.pool, &a, NULL));
	assert_int_equal(a.meta_pages, 1 + (MANY + 1 + 62) / 63);
	assert_ok(unit_attach(&u));
	check_spaces(&u, there);
	for (uint32_t i = 0; i < MANY; i += 3) {
		name_of(i, name);
		assert_ok(ppt_space_delete(u.pf.pool, name, NULL));
		there[i] = false;
	}
	check_spaces(&u, there);
	assert_ok(unit_attach(&u));
	check_spaces(&u, there);
	unit_check_pages(&u);
	/* their places are used again: no page more */
	for (uint32_t i = 0; i < MANY; i += 3) {
		create_one(&u, i);
		there[i] = true;
	}
	check_spaces(&u, there);
	assert_ok(ppt_reclaim(u.pf.pool, UINT64_MAX, NULL));
	assert_ok(ppt_usage(u.pf.pool, &b, NULL));
	assert_memory_equal(&a, &b, sizeof(a));
	for (uint32_t i = 0; i < MANY; i++) {
		name_of(i, name);
		assert_ok(ppt_space_open(u.pf.pool, name, &u.space, NULL));
		assert_int_equal(unit_pa(&u, VA), PA + i * 4096);
	}
	unit_close(&u);
}

static void ppt_space_create__names_follow_the_rules(void **state)
{
	static const char *const bad[] = {
		"",     "a/b",
		"/",    "a\nb",
		"\x7f", "\x1f",
		"a\tb", "12345678901234567890123456789012", /* 32 bytes */
	};
	static const char *const good[] = {
		"a",
		"S",
		" ",
		"a b",
		"ä",
		"...",
		"s ",
		"1234567890123456789012345678901",
		"1234567890123456789012345678902",
	};
	struct unit_pool u;
	struct ppt_diag diag;
	struct ppt_space space;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ppt_space_create(u.pf.pool, bad[i],
						  PPT_FORMAT_X86_64_4, NULL,
						  &diag),
				 PPT_E_INVAL);
		assert_diag(diag, PPT_E_INVAL, "name");
	}
	assert_int_equal(ppt_space_create(u.pf.pool, NULL, PPT_FORMAT_X86_64_4,
					  NULL, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_space_create(u.pf.pool, "x", 3, NULL, &diag),
			 PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "format");
	assert_int_equal(ppt_space_create(u.pf.pool, "x", 0, NULL, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_space_create(u.pf.pool, "s", PPT_FORMAT_X86_64_5,
					  NULL, &diag),
			 PPT_E_EXIST);
	assert_diag(diag, PPT_E_EXIST, "space");
	assert_int_equal(ppt_space_open(u.pf.pool, "t", &space, &diag),
			 PPT_E_NOENT);
	assert_diag(diag, PPT_E_NOENT, "space");
	assert_int_equal(ppt_space_delete(u.pf.pool, "t", &diag), PPT_E_NOENT);
	assert_true(unit_same(&u, image));
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_ok(ppt_space_create(u.pf.pool, good[i],
					   PPT_FORMAT_X86_64_4, NULL, NULL));
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ppt_space_info info;

		assert_ok(ppt_space_open(u.pf.pool, good[i], &space, NULL));
		assert_ok(ppt_space_info(&space, &info, NULL));
		assert_string_equal(info.name, good[i]);
	}
	free(image);
	unit_close(&u);
}

/* What a deleted space had comes back, frames that others share stay. */
static void ppt_space_delete__all_pages_come_back(void **state)
{
	struct ppt_usage a, b;
	struct ppt_space t;
	struct unit_pool u;
	bool left = true;
	uint64_t pa;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_map(&u.space, VA, PPT_PA_ALLOC, 4096, RW, 0, NULL));
	pa = unit_pa(&u, VA);
	assert_ok(ppt_usage(u.pf.pool, &a, NULL));
	assert_ok(ppt_space_create(u.pf.pool, "t", PPT_FORMAT_X86_64_5, &t,
				   NULL));
	assert_ok(ppt_map(&t, 0, PPT_PA_ALLOC, 700 * 4096, RW, 0, NULL));
	assert_ok(ppt_map(&t, UINT64_C(0xff00000000000000), pa, 4096, RW, 0,
			  NULL));
	assert_ok(ppt_map(&t, UINT64_C(1) << 40, PA, UINT64_C(1) << 31, RW, 0,
			  NULL));
	assert_ok(ppt_space_delete(u.pf.pool, "t", NULL));
	/* a restart in the middle of each step's work */
	for (int i = 0; left; i++) {
		assert_ok(ppt_reclaim(u.pf.pool, 1, &left));
		unit_check_pages(&u);
		assert_ok(unit_attach(&u));
		assert_true(i < 1000);
	}
	assert_ok(ppt_usage(u.pf.pool, &b, NULL));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(unit_pa(&u, VA), pa);
	assert_ok(ppt_unmap(&u.space, VA, 4096, NULL));
	assert_ok(ppt_usage(u.pf.pool, &b, NULL));
	assert_int_equal(b.data_pages, 0);
	unit_close(&u);
}

static void ppt_abort__created_and_deleted_spaces_are_as_before(void **state)
{
	struct unit_pool u;
	struct ppt_space t;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	image = unit_save(&u);
	assert_ok(ppt_begin(u.pf.pool));
	assert_ok(ppt_space_create(u.pf.pool, "t", PPT_FORMAT_X86_64_4, &t,
				   NULL));
	assert_ok(ppt_map(&t, VA, PA, 4096, RW, 0, NULL));
	assert_ok(ppt_space_delete(u.pf.pool, "s", NULL));
	assert_int_equal(ppt_space_open(u.pf.pool, "s", &t, NULL), PPT_E_NOENT);
	assert_ok(ppt_abort(u.pf.pool));
	assert_int_equal(ppt_space_open(u.pf.pool, "t", &t, NULL), PPT_E_NOENT);
	assert_ok(ppt_space_open(u.pf.pool, "s", &u.space, NULL));
	unit_check_first(&u, 1, 2);
	assert_true(unit_same(&u, image));
	free(image);
	unit_close(&u);
}

/* Links and roots are not believed: no loop, nothing outside [I10]. */
static void ppt_space_next__damaged_directory_is_corrupt(void **state)
{
	struct unit_pool u;
	struct ppt_space_info info;
	struct ppt_space space;
	uint64_t *next, *entry;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	next = unit_word(&u, u.at.dir_page, 0);
	entry = unit_word(&u, u.at.dir_page, PPT_M_DIR_WORDS);
	for (int i = 0; i < 6; i++) {
		const uint64_t links[] = {
			0,          1,          u.at.dir_page,
			u.at.pages, UINT64_MAX, UINT64_C(1) << 32
		};
		uint64_t cursor = 1;

		*next = links[i];
		assert_int_equal(ppt_space_next(u.pf.pool, &cursor, &info,
						NULL),
				 i ? PPT_E_CORRUPT : PPT_E_NOENT);
		assert_int_equal(cursor, 1);
		assert_int_equal(ppt_space_open(u.pf.pool, "t", &space, NULL),
				 i ? PPT_E_CORRUPT : PPT_E_NOENT);
	}
	*next = 0;
	for (int i = 0; i < 5; i++) {
		const uint64_t roots[] = { 0, u.at.dir_page, u.at.pages,
					   UINT64_MAX,
					   entry[PPT_M_DIR_ROOT] |
						   UINT64_C(1) << 32 };
		uint64_t was = entry[PPT_M_DIR_ROOT];

		entry[PPT_M_DIR_ROOT] = roots[i];
		assert_int_equal(ppt_space_open(u.pf.pool, "s", &space, NULL),
				 PPT_E_CORRUPT);
		entry[PPT_M_DIR_ROOT] = was;
	}
	/* a format of another height, or none */
	entry[PPT_M_DIR_FORMAT] = PPT_FORMAT_X86_64_5;
	assert_int_equal(ppt_space_open(u.pf.pool, "s", &space, NULL),
			 PPT_E_CORRUPT);
	entry[PPT_M_DIR_FORMAT] = UINT64_MAX;
	assert_int_equal(ppt_space_open(u.pf.pool, "s", &space, NULL),
			 PPT_E_CORRUPT);
	entry[PPT_M_DIR_FORMAT] = PPT_FORMAT_X86_64_4;
	assert_ok(ppt_space_open(u.pf.pool, "s", &space, NULL));
	unit_close(&u);
}

static int rename_to(struct unit_pool *u, const char *name, const char *to)
{
	return ppt_space_rename(u->pf.pool, name, to, NULL);
}

/* Only what is good is done, and that is there after a restart. */
static void ppt_space_rename__is_durable_or_refused(void **state)
{
	struct ppt_space_info info;
	struct ppt_space other;
	struct unit_pool u;
	uint8_t *image;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_space_create(u.pf.pool, "other", PPT_FORMAT_X86_64_5,
				   NULL, NULL));
	image = unit_save(&u);
	assert_int_equal(rename_to(&u, "absent", "new"), PPT_E_NOENT);
	assert_int_equal(rename_to(&u, "s", "other"), PPT_E_EXIST);
	assert_int_equal(rename_to(&u, "s", "s"), PPT_E_EXIST);
	assert_int_equal(rename_to(&u, "s", ""), PPT_E_INVAL);
	assert_int_equal(rename_to(&u, "s", "a/b"), PPT_E_INVAL);
	assert_int_equal(rename_to(&u, "s", NULL), PPT_E_INVAL);
	assert_true(unit_same(&u, image));
	free(image);
	assert_ok(rename_to(&u, "s", "1 bytes are the longest of them"));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	assert_ok(rename_to(&u, "1 bytes are the longest of them", "t"));
	assert_ok(rename_to(&u, "other", "s"));
	pool_fixture_drop(&u.pf); /* nothing but the journal has it */
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	assert_ok(ppt_space_open(u.pf.pool, "t", &u.space, NULL));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	assert_ok(ppt_space_open(u.pf.pool, "s", &other, NULL));
	assert_ok(ppt_space_info(&other, &info, NULL));
	assert_int_equal(info.format, PPT_FORMAT_X86_64_5);
	assert_string_equal(info.name, "s");
	assert_int_equal(ppt_space_open(u.pf.pool, "other", &other, NULL),
			 PPT_E_NOENT);
	unit_check_pages(&u);
	unit_close(&u);
}

/* A chain of directory pages that never ends. */
static void ppt_space_next__circular_directory_ends(void **state)
{
	struct ppt_space_info info;
	struct ppt_space space;
	struct unit_pool u;
	uint64_t cursor = 0, n = 0;
	uint32_t second;
	int err;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	for (uint32_t i = 0; i < 70; i++)
		create_one(&u, i);
	second = (uint32_t)*unit_word(&u, u.at.dir_page, 0);
	*unit_word(&u, second, 0) = second;
	while (!(err = ppt_space_next(u.pf.pool, &cursor, &info, NULL)))
		assert_true(n++ < PPT_M_DIR_PAGES_MAX * PPT_M_DIR_ENTRIES);
	assert_true(err == PPT_E_NOENT || err == PPT_E_CORRUPT);
	err = ppt_space_open(u.pf.pool, "absent", &space, NULL);
	assert_true(err == PPT_E_NOENT || err == PPT_E_CORRUPT);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_space_create__more_than_a_page_of_them),
		cmocka_unit_test(ppt_space_create__names_follow_the_rules),
		cmocka_unit_test(ppt_space_delete__all_pages_come_back),
		cmocka_unit_test(
			ppt_abort__created_and_deleted_spaces_are_as_before),
		cmocka_unit_test(ppt_space_next__damaged_directory_is_corrupt),
		cmocka_unit_test(ppt_space_next__circular_directory_ends),
		cmocka_unit_test(ppt_space_rename__is_durable_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
