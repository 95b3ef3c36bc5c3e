/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * close_test.c - what a close stores, torn in every way, and what is left of it
 * by a repair.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

/* What the end of a close stores: words of the two tail lines. */
struct place {
	uint32_t page;
	uint32_t word;
};

static const struct place stored[] = {
	{ 0, PPT_M_TAIL_WORD },   { 0, PPT_M_TAIL_WORD + 1 },
	{ 1, PPT_M_TAIL_WORD },   { 1, PPT_M_TAIL_WORD + 1 },
	{ 0, PPT_M_CLOSED_WORD },
};

#define STORED (sizeof(stored) / sizeof(stored[0]))

/* Words of another image of the pool: those whose bits are set. */
static void take(struct unit_pool *u, const uint8_t *image, uint32_t which)
{
	const uint64_t *from = (const void *)image;

	for (uint32_t i = 0; i < STORED; i++)
		if (which >> i & 1)
			*unit_word(u, stored[i].page, stored[i].word) =
				from[stored[i].page * PPT_PAGE_WORDS +
				     stored[i].word];
}

/* The next writer's first commits: torn in their tails, then in the ring only. */
static void commit_after(struct unit_pool *u)
{
	const size_t tail = PPT_M_TAIL_OFFSET;
	uint8_t *before = unit_save(u), *after;

	unit_map(u, 3);
	unit_map(u, 4);
	after = unit_save(u);
	for (uint32_t which = 0; which < 1u << STORED; which++) {
		unit_restore(u, before);
		take(u, after, which);
		assert_ok(unit_attach(u));
		unit_check_first(u, 3, 6);
	}
	unit_restore(u, before);
	memcpy(unit_word(u, u->at.journal_page, 0),
	       after + (size_t)u->at.journal_page * PPT_PAGE_BYTES,
	       (size_t)u->at.journal_pages * PPT_PAGE_BYTES);
	for (uint32_t page = 0; page < 2; page++)
		memcpy(unit_word(u, page, PPT_M_TAIL_WORD),
		       after + page * PPT_PAGE_BYTES + tail, PPT_LINE_BYTES);
	assert_ok(unit_attach(u));
	unit_check_first(u, 5, 6);
	unit_check_pages(u);
	free(before);
	free(after);
}

/* @again: it was closed, and opened, before. */
static void close_torn(bool again)
{
	struct unit_pool u;
	uint8_t *dirty, *closed;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	if (again) {
		assert_ok(pool_fixture_detach(&u.pf));
		assert_ok(unit_attach(&u));
	}
	unit_map(&u, 1);
	unit_map(&u, 2);
	dirty = unit_save(&u);
	assert_ok(pool_fixture_detach(&u.pf));
	closed = unit_save(&u);
	for (uint32_t which = 0; which < 1u << STORED; which++) {
		unit_restore(&u, closed);
		take(&u, dirty, which);
		assert_ok(unit_attach(&u));
		unit_check_first(&u, 3, 6);
		unit_check_pages(&u);
		commit_after(&u);
	}
	free(dirty);
	free(closed);
	unit_close(&u);
}

static void ppt_detach__torn_in_any_way_loses_nothing(void **state)
{
	(void)state;
	close_torn(false);
	close_torn(true);
}

/* Two commits more; power fails; so many records are found. */
static void two_survive(struct unit_pool *u, uint64_t records)
{
	uint8_t *image = unit_save(u), *crashed;

	unit_map(u, 20);
	unit_map(u, 21);
	crashed = unit_ring_only(u, image);
	unit_restore(u, crashed);
	assert_ok(unit_attach(u));
	assert_int_equal(u->pf.report.records_replayed, records);
	free(crashed);
	free(image);
}

/* A commit and a checkpoint, for as long as the tail is before a line. */
static void move_tail(struct unit_pool *u, uint64_t line)
{
	for (uint64_t i = 0; unit_tail(u) < line; i++) {
		if (i % 2)
			assert_ok(ppt_unmap(&u->space, VA, 4096, NULL));
		else
			assert_ok(ppt_map(&u->space, VA, PA, 4096, RW,
					  PPT_MAP_4K, NULL));
		assert_ok(ppt_checkpoint(u->pf.pool));
	}
}

/* A repair that finds no tail and no record begins lower than the pool closed. */
static void ppt_repair__nothing_is_left_of_a_close(void **state)
{
	struct ppt_repair_report report = { 0 };
	struct ppt_repair_config cfg;
	struct unit_pool u;
	uint64_t tail;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	move_tail(&u, 2 * u.lines + 8);
	tail = unit_tail(&u);
	assert_ok(pool_fixture_detach(&u.pf));
	memset(unit_line(&u, 0), 0, u.lines * PPT_LINE_BYTES);
	*unit_word(&u, 0, PPT_M_TAIL_WORD) ^= 6;
	*unit_word(&u, 1, PPT_M_TAIL_WORD) ^= 6;
	cfg = unit_repair_config(&u);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
	assert_ok(unit_attach(&u));
	assert_true(unit_tail(&u) < tail);
	move_tail(&u, tail);
	assert_int_equal(unit_tail(&u), tail);
	two_survive(&u, 2);
	unit_close(&u);
}

/* A record that says closed, and commits through the same handle. */
static void ppt_usc_set__closed_then_commits_are_found(void **state)
{
	struct ppt_usc usc = { .device = 1, .state = PPT_USC_IN_USE };
	struct unit_pool u;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_usc_set(u.pf.pool, &usc));
	unit_map(&u, 0);
	usc.state = PPT_USC_CLOSED;
	assert_ok(ppt_usc_set(u.pf.pool, &usc));
	/* The first moves the tail. */
	unit_map(&u, 1);
	two_survive(&u, 3);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_detach__torn_in_any_way_loses_nothing),
		cmocka_unit_test(ppt_repair__nothing_is_left_of_a_close),
		cmocka_unit_test(ppt_usc_set__closed_then_commits_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
