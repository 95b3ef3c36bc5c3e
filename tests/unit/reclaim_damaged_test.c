/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reclaim_damaged_test.c - a reclaim list that is damaged: attach quarantines
 * it, what needs it fails and changes nothing, everything else works.
 *
 * Layer: tests.  Whether what the list holds was left alone is seen when the
 * damage is undone: then check must find nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../check/images.h"
#include "check_rig.h"

#define DRAM POOL_FIXTURE_DRAM
#define FRESH_VA (VA + 100 * 4096)
#define HUGE_LEN (UINT64_C(1) << 46)

struct trial {
	struct specimen image;
	struct ppt_pool *pool;
	struct ppt_attach_report report;
	struct ppt_space four;
	uint8_t *before; /* the media as it was attached */
	void *scratch;
};

/* Of the pages on the list some look free, as after a crash they may. */
static void make(struct trial *t, const struct specimen *good)
{
	uint64_t item;

	specimen_copy(&t->image, good);
	item = *specimen_word(good, good->at.reclaim_page, 100);
	for (uint32_t i = 0; i < ppt__reclaim_count(item); i++)
		specimen_plain(&t->image, ppt__reclaim_page(item) + i,
			       PPT__DESC_FREE);
	t->before = malloc(good->size);
	assert_non_null(t->before);
}

static void attach(struct trial *t, uint32_t trust)
{
	size_t bytes = ppt_scratch_bytes(t->image.size, t->image.journal_bytes);
	struct ppt_attach_config cfg = {
		.pm = { .media = t->image.bytes,
			.writable = t->image.bytes,
			.bytes = t->image.size },
		.scratch = aligned_alloc(64, (bytes + 63) / 64 * 64),
		.scratch_bytes = bytes,
		.flags = PPT_ATTACH_NO_MMU,
		.trust = trust,
	};
	struct ppt_diag diag = { .err = 0 };
	int err;

	t->scratch = cfg.scratch;
	assert_non_null(cfg.scratch);
	memset(cfg.scratch, 0xa5, bytes);
	err = ppt_attach(&cfg, &t->pool, &t->report, &diag);
	if (err)
		fail_msg("attach: %s %s %s", ppt_error_name(err), diag.what,
			 diag.why);
	assert_int_equal(t->report.verdict, PPT_VERDICT_DEGRADED);
	assert_true(t->report.reclaim_damaged);
	assert_int_equal(ppt_space_open(t->pool, SPACE, &t->four, NULL), 0);
	memcpy(t->before, t->image.bytes, t->image.size);
}

static void drop(struct trial *t)
{
	assert_int_equal(ppt_detach(t->pool), 0);
	free(t->scratch);
	free(t->before);
	specimen_free(&t->image);
}

static void names_the_list(int err, const struct ppt_diag *diag)
{
	assert_int_equal(err, PPT_E_CORRUPT);
	assert_int_equal(diag->err, PPT_E_CORRUPT);
	assert_string_equal(diag->what, "reclaim list");
}

/* What would change the list fails, alone and in a transaction [I11]. */
static void try_list(struct trial *t)
{
	struct ppt_diag diag;
	bool left = true;

	assert_int_equal(ppt_reclaim(t->pool, UINT64_MAX, &left),
			 PPT_E_CORRUPT);
	for (uint32_t open = 0; open < 2; open++) {
		if (open)
			assert_int_equal(ppt_begin(t->pool), 0);
		memset(&diag, 0, sizeof(diag));
		names_the_list(ppt_space_delete(t->pool, "late", &diag), &diag);
		memset(&diag, 0, sizeof(diag));
		names_the_list(ppt_unmap(&t->four, 0, HUGE_LEN, &diag), &diag);
		memset(&diag, 0, sizeof(diag));
		names_the_list(ppt_map(&t->four, UINT64_C(1) << 45, DRAM,
				       PPT_SIZE_1G, PPT_PROT_READ, PPT_MAP_4K,
				       &diag),
			       &diag);
		if (open)
			assert_int_equal(ppt_commit(t->pool), 0);
	}
	assert_memory_equal(t->image.bytes, t->before, t->image.size);
}

/* In a table that is there, to memory elsewhere: no page is needed. */
static void try_small(struct trial *t)
{
	struct ppt_extent e;

	assert_int_equal(ppt_translate(&t->four, VA, &e, NULL), 0);
	assert_int_equal(e.pa, DRAM + 5 * (PPT_SIZE_2M / 2));
	assert_int_equal(ppt_map(&t->four, FRESH_VA, DRAM, 4096, PPT_PROT_READ,
				 PPT_MAP_4K, NULL),
			 0);
	assert_int_equal(ppt_translate(&t->four, FRESH_VA, &e, NULL), 0);
	assert_int_equal(e.pa, DRAM);
	assert_int_equal(ppt_unmap(&t->four, FRESH_VA, 4096, NULL), 0);
	assert_int_equal(ppt_unmap(&t->four, VA + 9 * 4096, 4096, NULL), 0);
}

/* All the free pages that there are. */
static uint32_t fill(struct trial *t, struct ppt_diag *diag)
{
	uint32_t n = 0;

	while (n < 400 && !ppt_map(&t->four, FRESH_VA + n * 4096, PPT_PA_ALLOC,
				   4096, PPT_PROT_READ, 0, diag))
		n++;
	return n;
}

static void is_whole(struct trial *t)
{
	struct outcome o;

	assert_int_equal(ppt_checkpoint(t->pool), 0);
	check_image(&t->image, NULL, &o);
	outcome_print_unless(&o, o.report.verdict == PPT_CHECK_CLEAN);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
}

static void flip_one(const struct specimen *good,
		     uint64_t *(*word)(const struct specimen *, uint32_t),
		     uint32_t bit, uint32_t trust)
{
	struct trial t;
	uint64_t *at, flip = UINT64_C(1) << bit % 64;
	struct ppt_diag diag = { .err = 0 };

	make(&t, good);
	at = word(&t.image, bit);
	*at ^= flip;
	attach(&t, trust);
	try_list(&t);
	try_small(&t);
	assert_true(fill(&t, &diag) > 5);
	assert_int_equal(diag.err, PPT_E_NOSPC);
	assert_int_equal(ppt_checkpoint(t.pool), 0);
	*at ^= flip;
	is_whole(&t);
	drop(&t);
}

static uint64_t *in_list(const struct specimen *i, uint32_t bit)
{
	return specimen_word(i, i->at.reclaim_page, bit / 64);
}

static uint64_t *in_descriptor(const struct specimen *i, uint32_t bit)
{
	(void)bit;
	return specimen_desc(i, i->at.reclaim_page);
}

static void ppt_attach__one_bit_of_the_list_is_quarantined(void **state)
{
	struct specimen good;

	specimen_make(&good, EVERYTHING_CLEAN, 1);
	/* Each bit of the extent, and one of every other word or so. */
	for (uint32_t bit = 100 * 64; bit < 101 * 64; bit++)
		flip_one(&good, in_list, bit, bit % 3);
	for (uint32_t bit = 0; bit < PPT_PAGE_WORDS * 64; bit += 89)
		flip_one(&good, in_list, bit, bit % 3);
	for (uint32_t bit = 0; bit < 64; bit++)
		flip_one(&good, in_descriptor, bit, bit % 3);
	specimen_free(&good);
}

static void ppt_attach__a_lost_list_is_quarantined(void **state)
{
	struct specimen good;

	specimen_make(&good, EVERYTHING_CLEAN, 1);
	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++) {
		uint64_t *list, kept[PPT_PAGE_WORDS];
		struct ppt_diag diag = { .err = 0 };
		struct ppt_extent e;
		struct trial t;

		make(&t, &good);
		list = specimen_word(&t.image, t.image.at.reclaim_page, 0);
		memcpy(kept, list, sizeof(kept));
		memset(list, 0, sizeof(kept));
		attach(&t, trust);
		try_list(&t);
		try_small(&t);
		/* Nobody knows which pages it holds. */
		assert_int_equal(fill(&t, &diag), 0);
		names_the_list(diag.err, &diag);
		assert_int_equal(
			ppt_translate(&t.four, VA + 8 * 4096, &e, NULL), 0);
		names_the_list(ppt_map(&t.four, FRESH_VA, e.pa, 4096,
				       PPT_PROT_READ, 0, &diag),
			       &diag);
		assert_int_equal(ppt_checkpoint(t.pool), 0);
		memcpy(list, kept, sizeof(kept));
		is_whole(&t);
		drop(&t);
	}
	specimen_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_attach__one_bit_of_the_list_is_quarantined),
		cmocka_unit_test(ppt_attach__a_lost_list_is_quarantined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
