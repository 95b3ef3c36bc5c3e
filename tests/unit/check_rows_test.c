/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_rows_test.c - the images of tests/check/: each is reported as what it
 * is, and attach refuses it if and only if that is fatal; a row of the table of
 * problems without one is a failure.
 *
 * Layer: tests.
 */
#include "../check/images.h"
#include "check_rig.h"

/* What ppt_attach says to the same image. */
static int attach(const struct specimen *image,
		  const struct ppt_memory_map *map, uint32_t flags,
		  uint32_t trust, struct ppt_diag *diag)
{
	size_t bytes = ppt_scratch_bytes(image->size, image->journal_bytes);
	struct specimen copy;
	struct ppt_attach_config cfg = {
		.pm = { .bytes = image->size },
		.scratch = aligned_alloc(64, (bytes + 63) / 64 * 64),
		.scratch_bytes = bytes,
		.present = map,
		.flags = PPT_ATTACH_NO_MMU | flags,
		.trust = trust,
	};
	struct ppt_pool *pool;
	int err;

	assert_non_null(cfg.scratch);
	specimen_copy(&copy, image);
	cfg.pm.media = cfg.pm.writable = copy.bytes;
	err = ppt_attach(&cfg, &pool, NULL, diag);
	if (err) /* a refusal has changed nothing [I9] */
		assert_memory_equal(copy.bytes, image->bytes, image->size);
	specimen_free(&copy);
	free(cfg.scratch);
	return err;
}

/* Fatal is what attach refuses, and nothing else is [I9]. */
static void compare_attach(const struct specimen *image,
			   const struct ppt_memory_map *map,
			   const struct outcome *o, const char *name)
{
	bool fatal = o->report.verdict == PPT_CHECK_REFUSED;
	uint32_t flags = o->of[PPT_PROBLEM_SUPERBLOCK_READ_ONLY] ?
				 PPT_ATTACH_READ_ONLY :
				 0;

	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++) {
		struct ppt_diag diag = { .err = 0 };
		int err = attach(image, map, flags, trust, &diag);

		if (fatal == (err != 0))
			continue;
		outcome_print(o);
		fail_msg("%s is %sfatal, and attach with trust %s says %s: "
			 "%s %s",
			 name, fatal ? "" : "not ", ppt_trust_name(trust),
			 ppt_error_name(err), err ? diag.what : "",
			 err ? diag.why : "");
	}
}

static void run_case(const struct image_case *row, const struct specimen *good)
{
	struct with with = { .cfg = { .flags = 0 } };
	struct specimen image, copy;
	const struct ppt_problem *p;
	struct outcome o;
	struct ppt_problem want;

	assert_int_equal(ppt_problem_row(row->id, &want), 0);
	specimen_copy(&image, good);
	row->damage(&image, &with);
	specimen_copy(&copy, &image);
	check_image(&image, &with.cfg, &o);
	p = outcome_find(&o, row->id);
	if (!p) {
		outcome_print(&o);
		fail_msg("%s is not reported", want.code);
		return;
	}
	if (row->va != 1 && (!(p->where & PPT_WHERE_VA) || p->va != row->va ||
			     strcmp(p->space, SPACE) != 0)) {
		outcome_print(&o);
		fail_msg("%s is in the wrong place", want.code);
	}
	assert_int_equal(o.report.verdict,
			 o.report.problems[PPT_SEVERITY_FATAL] ?
				 PPT_CHECK_REFUSED :
			 o.report.problems[PPT_SEVERITY_MAJOR] ||
					 o.report.problems[PPT_SEVERITY_MINOR] ?
				 PPT_CHECK_DAMAGED :
				 PPT_CHECK_CLEAN);
	compare_attach(&copy, with.cfg.present, &o, row->name);
	specimen_free(&image);
	specimen_free(&copy);
}

/* Every one; counts the rows. */
static void run_cases(const struct image_cases *cases, uint32_t *seen)
{
	struct specimen good[EVERYTHING_KINDS];

	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_make(&good[k], (enum everything_kind)k, 1);
	for (size_t i = 0; i < cases->count; i++) {
		run_case(&cases->image[i], &good[cases->image[i].kind]);
		seen[cases->image[i].id]++;
	}
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_free(&good[k]);
}

static void ppt_check__each_row_is_provoked(void **state)
{
	uint32_t seen[PPT_PROBLEM_COUNT] = { 0 };
	struct ppt_problem row;

	run_cases(&images_pool, seen);
	run_cases(&images_entry, seen);
	run_cases(&images_lost, seen);
	for (uint32_t id = 0; id < PPT_PROBLEM_COUNT; id++) {
		assert_int_equal(ppt_problem_row(id, &row), 0);
		/* check_host_test.c, usc_host_test.c */
		if (!seen[id] && id != PPT_PROBLEM_MEDIA_ERROR &&
		    id != PPT_PROBLEM_SHUTDOWN_UNSAFE)
			fail_msg("no case provokes %s", row.code);
	}
}

static void ppt_problem_row__codes_are_unique(void **state)
{
	struct ppt_problem a, b;

	for (uint32_t i = 0; i < PPT_PROBLEM_COUNT; i++) {
		assert_int_equal(ppt_problem_row(i, &a), 0);
		assert_int_equal(a.id, i);
		assert_true(strlen(a.message) > 0 && strlen(a.repair) > 0);
		for (uint32_t k = 0; k < i; k++) {
			assert_int_equal(ppt_problem_row(k, &b), 0);
			assert_string_not_equal(a.code, b.code);
		}
	}
	assert_int_equal(ppt_problem_row(PPT_PROBLEM_COUNT, &a), PPT_E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_check__each_row_is_provoked),
		cmocka_unit_test(ppt_problem_row__codes_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
