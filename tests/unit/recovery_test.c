/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recovery_test.c - the journal after a crash: torn end, damage, ghosts, tails,
 * hostile records, interrupted recovery.  Images are made by hand.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include "sim/oracle/rng.h"

#define RECORDS 6u

/* Strict commits of one line each, of which only the ring is on the media. */
struct strict {
	struct unit_pool u;
	uint8_t *image;
	uint64_t tail;
};

static void strict_open(struct strict *s)
{
	uint8_t *before;

	unit_open(&s->u, MIB, 65536, PPT_ATTACH_NO_MMU);
	before = unit_save(&s->u);
	s->tail = unit_tail(&s->u);
	for (uint32_t i = 0; i < RECORDS; i++)
		unit_map(&s->u, i);
	s->image = unit_ring_only(&s->u, before);
	free(before);
	unit_restore(&s->u, s->image);
}

static void strict_close(struct strict *s)
{
	free(s->image);
	unit_close(&s->u);
}

/* Attach an image from which the first n records are to be recovered. */
static void expect_state(struct unit_pool *u, uint32_t n)
{
	assert_ok(unit_attach(u));
	assert_int_equal(u->pf.report.verdict,
			 n ? PPT_VERDICT_REPLAYED : PPT_VERDICT_CLEAN);
	assert_int_equal(u->pf.report.records_replayed, n);
	unit_check_first(u, n, RECORDS);
	unit_check_pages(u);
}

/* Attach an image that is to be refused, and be left as it is. */
static void expect_refusal(struct unit_pool *u, const char *what)
{
	uint8_t *image = unit_save(u);

	assert_int_equal(unit_attach(u), PPT_E_JOURNAL);
	assert_int_equal(u->pf.report.verdict, PPT_VERDICT_REFUSED);
	assert_diag(u->pf.diag, PPT_E_JOURNAL, what);
	assert_true(unit_same(u, image));
	free(image);
}

static void ppt_attach__only_the_ring_is_there_replays_all(void **state)
{
	struct strict s;

	strict_open(&s);
	expect_state(&s.u, RECORDS);
	strict_close(&s);
}

/* ------------------------------------------------ torn end and damage -- */

static void ppt_attach__any_bit_of_the_last_record_is_a_torn_end(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t b = 0; b < 512; b++) {
		unit_restore(&s.u, s.image);
		unit_line(&s.u, s.tail + RECORDS - 1)[b / 64] ^= UINT64_C(1)
								 << b % 64;
		expect_state(&s.u, RECORDS - 1);
	}
	strict_close(&s);
}

static void ppt_attach__any_bit_of_an_earlier_record_is_damage(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t i = 0; i < RECORDS - 1; i++)
		for (uint32_t b = 0; b < 512; b++) {
			uint64_t *line;

			unit_restore(&s.u, s.image);
			line = unit_line(&s.u, s.tail + i);
			line[b / 64] ^= UINT64_C(1) << b % 64;
			expect_refusal(&s.u, "journal record");
		}
	strict_close(&s);
}

static void ppt_attach__earlier_line_erased_or_foreign_is_damage(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t i = 0; i < RECORDS - 1; i++) {
		unit_restore(&s.u, s.image);
		memset(unit_line(&s.u, s.tail + i), 0, 64);
		expect_refusal(&s.u, "journal record");
		memset(unit_line(&s.u, s.tail + i), 0xff, 64);
		expect_refusal(&s.u, "journal record");
		/* a good record, but of another place */
		memcpy(unit_line(&s.u, s.tail + i),
		       unit_line(&s.u, s.tail + i + 1), 64);
		expect_refusal(&s.u, "journal record");
	}
	strict_close(&s);
}

/* A transaction of several records, of which any word may be missing. */
static void ppt_attach__chain_with_any_line_torn_is_lost_whole(void **state)
{
	struct unit_pool u;
	uint8_t *before, *image;
	struct ppt_stats a, b;
	uint64_t tail, lines;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	before = unit_save(&u);
	tail = unit_tail(&u);
	ppt_stats(u.pf.pool, &a);
	assert_ok(ppt_begin(u.pf.pool));
	for (uint64_t i = 0; i < 200; i += 2) /* nothing to merge */
		assert_ok(ppt_map(&u.space, VA + i * 4096, PA + i * 8192, 4096,
				  RW, 0, NULL));
	assert_ok(ppt_commit(u.pf.pool));
	ppt_stats(u.pf.pool, &b);
	lines = b.journal_lines - a.journal_lines;
	assert_true(lines > 2 * PPT__RECORD_LINES_MAX);
	image = unit_ring_only(&u, before);
	for (uint64_t w = 0; w < lines * 8; w++) {
		unit_restore(&u, image);
		if (!unit_line(&u, tail + w / 8)[w % 8])
			continue;
		unit_line(&u, tail + w / 8)[w % 8] = 0;
		assert_ok(unit_attach(&u));
		assert_int_equal(u.pf.report.records_replayed, 0);
		for (uint64_t i = 0; i < 200; i += 2)
			assert_int_equal(unit_pa(&u, VA + i * 4096), 0);
		unit_check_pages(&u);
	}
	unit_restore(&u, image);
	assert_ok(unit_attach(&u));
	assert_int_equal(u.pf.report.records_replayed, (lines + 9) / 10);
	for (uint64_t i = 0; i < 200; i += 2)
		assert_int_equal(unit_pa(&u, VA + i * 4096), PA + i * 8192);
	free(before);
	free(image);
	unit_close(&u);
}

/* ---------------------------------------------------------------- ghosts -- */

/* Relaxed commits [0, n) of which the ones in the mask did not arrive. */
static void tear_relaxed(struct unit_pool *u, uint32_t n, uint32_t mask)
{
	uint64_t line = unit_tail(u);

	assert_ok(ppt_set_relaxed(u->pf.pool, true));
	for (uint32_t i = 0; i < n; i++)
		unit_map(u, i);
	for (uint32_t i = 0; i < n; i++)
		if (mask >> i & 1u)
			memset(unit_line(u, line + i), 0xee, 64);
}

static void ppt_attach__relaxed_with_any_lost_keeps_a_prefix(void **state)
{
	for (uint32_t mask = 0; mask < 1u << RECORDS; mask++) {
		uint32_t n = mask ? (uint32_t)__builtin_ctz(mask) : RECORDS;
		struct unit_pool u;

		unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
		tear_relaxed(&u, RECORDS, mask);
		assert_ok(unit_attach(&u));
		assert_int_equal(u.pf.report.records_replayed, n);
		unit_check_first(&u, n, RECORDS);
		unit_check_pages(&u);
		unit_close(&u);
	}
}

/*
 * What was lost does not come back when the line that tore is written anew:
 * the new commits take exactly the place that would join old and new.
 */
static void ppt_attach__ghost_behind_new_commits_stays_dead(void **state)
{
	for (uint32_t again = 1; again < 5; again++) {
		struct unit_pool u;

		unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
		tear_relaxed(&u, RECORDS, 1);
		assert_ok(unit_attach(&u));
		for (uint32_t i = 0; i < again; i++)
			assert_ok(ppt_map(&u.space, VA + (100 + i) * 4096,
					  PA + 0x100000, 4096, RW, 0, NULL));
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(unit_attach(&u));
			unit_check_first(&u, 0, RECORDS);
			for (uint32_t i = 0; i < again; i++)
				assert_int_equal(unit_pa(&u,
							 VA + (100 + i) * 4096),
						 PA + 0x100000);
			unit_check_pages(&u);
		}
		unit_close(&u);
	}
}

/* The first of a chain is whole, the last torn, and nothing behind it. */
static void ppt_attach__half_a_chain_then_commits_stays_dead(void **state)
{
	const struct ppt__run run = { ppt__run_where(200, 0, 512, 0), 0xbad };
	struct unit_pool u;
	uint64_t line;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	line = unit_tail(&u);
	unit_put_record(&u, line, 0, &run, 1, true);
	for (int i = 0; i < 3; i++) {
		assert_ok(unit_attach(&u));
		unit_map(&u, (uint64_t)i);
		unit_check_first(&u, (uint64_t)i + 1, RECORDS);
	}
	assert_ok(unit_attach(&u));
	unit_check_first(&u, 3, RECORDS);
	assert_int_not_equal(*unit_word(&u, 200, 5), 0xbad);
	unit_close(&u);
}

/* A later strict commit's fence covered the relaxed ones before it. */
static void ppt_attach__relaxed_before_two_strict_is_damage(void **state)
{
	struct unit_pool u;
	uint64_t line;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	line = unit_tail(&u);
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	unit_map(&u, 0);
	unit_map(&u, 1);
	assert_ok(ppt_set_relaxed(u.pf.pool, false));
	unit_map(&u, 2);
	unit_line(&u, line)[3] ^= 4;
	expect_refusal(&u, "journal record");
	unit_close(&u);
}

/* ----------------------------------------------------------------- tails -- */

static void ppt_attach__one_tail_damaged_takes_the_other(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t page = 0; page < 2; page++)
		for (uint32_t b = 0; b < 64; b++) {
			unit_restore(&s.u, s.image);
			*unit_word(&s.u, page, PPT_M_TAIL_WORD) ^= UINT64_C(1)
								   << b;
			expect_state(&s.u, RECORDS);
			/* and is whole again */
			assert_int_equal(*unit_word(&s.u, 0, PPT_M_TAIL_WORD),
					 *unit_word(&s.u, 1, PPT_M_TAIL_WORD));
		}
	strict_close(&s);
}

static void ppt_attach__both_tails_damaged_is_refused(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t b = 0; b < 64; b++) {
		unit_restore(&s.u, s.image);
		*unit_word(&s.u, 0, PPT_M_TAIL_WORD) ^= UINT64_C(1) << b;
		*unit_word(&s.u, 1, PPT_M_TAIL_WORD) ^= UINT64_C(1) << (63 - b);
		expect_refusal(&s.u, "journal tail");
	}
	strict_close(&s);
}

/* A crash between the stores of the two: either is right. */
static void ppt_attach__one_tail_older_recovers_the_same(void **state)
{
	struct strict s;

	strict_open(&s);
	for (uint32_t page = 0; page < 2; page++)
		for (uint32_t i = 0; i <= RECORDS; i++) {
			/* home stores of the records before the newer tail */
			unit_restore(&s.u, s.image);
			assert_ok(unit_attach(&s.u));
			*unit_word(&s.u, page, PPT_M_TAIL_WORD) =
				ppt__tail_word(s.u.seed, s.tail + i);
			assert_ok(unit_attach(&s.u));
			unit_check_first(&s.u, RECORDS, RECORDS);
			unit_check_pages(&s.u);
		}
	strict_close(&s);
}

/* Closed: nothing is behind this tail.  It is another one for the next writer. */
static void ppt_attach__closed_then_commits_is_searched_again(void **state)
{
	struct strict s;

	strict_open(&s);
	expect_state(&s.u, RECORDS);
	assert_true(s.u.pf.report.lines_scanned > 0);
	assert_ok(pool_fixture_detach(&s.u.pf));
	for (uint32_t n = 0; n < 2; n++) {
		assert_ok(unit_attach(&s.u));
		assert_int_equal(s.u.pf.report.lines_scanned, 0);
	}
	unit_map(&s.u, RECORDS);
	assert_ok(unit_attach(&s.u));
	assert_true(s.u.pf.report.lines_scanned > 0);
	assert_int_equal(s.u.pf.report.records_replayed, 1);
	unit_check_first(&s.u, RECORDS + 1, RECORDS + 2);
	strict_close(&s);
}

/* --------------------------------------------------- numbers at 2^48 -- */

static void ppt_attach__line_numbers_wrap_at_2_48(void **state)
{
	for (uint64_t back = 0; back < 12; back++) {
		struct unit_pool u;
		uint8_t *before, *image;

		unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
		unit_set_tail(&u, (UINT64_C(1) << 48) - back);
		assert_ok(unit_attach(&u));
		before = unit_save(&u);
		for (uint64_t i = 0; i < 8; i++)
			unit_map(&u, i);
		image = unit_ring_only(&u, before);
		unit_restore(&u, image);
		expect_state(&u, 8);
		/* damage is told from a torn end across the wrap too */
		unit_restore(&u, image);
		unit_line(&u, unit_tail(&u) + 3)[2] ^= 1;
		expect_refusal(&u, "journal record");
		unit_restore(&u, image);
		assert_ok(unit_attach(&u));
		for (uint64_t i = 8; i < 500; i++)
			unit_map(&u, i);
		assert_ok(unit_attach(&u));
		unit_check_first(&u, 500, 511);
		unit_check_pages(&u);
		free(before);
		free(image);
		unit_close(&u);
	}
}

/* -------------------------------------------------------------- hostile -- */

static void ppt_attach__run_to_a_forbidden_place_is_refused(void **state)
{
	struct unit_pool u;
	const uint64_t bad[] = {
		ppt__run_where(0, 0, 1, 0),
		ppt__run_where(1, PPT_M_TAIL_WORD, 1, 0),
		ppt__run_where(2, 0, 512, 0),
		ppt__run_where(17, 511, 1, 0), /* the ring's last word */
		ppt__run_where(256, 0, 1, 0),  /* behind 1 MiB */
		ppt__run_where(UINT32_MAX, 0, 1, 0),
		ppt__run_where(100, 511, 2, 0),
		ppt__run_where(100, 1, 512, 3),
		ppt__run_where(255, 511, 512, 1),
		ppt__run_where(100, 0, 1, 0) | UINT64_C(1) << 52,
		ppt__run_where(100, 0, 2, 0) | UINT64_C(1) << 61,
		ppt__run_where(100, 0, 1, 1) | UINT64_C(1) << 62,
		ppt__run_where(100, 0, 1, 0) | UINT64_C(1) << 63,
	};

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_int_equal(u.at.desc_page, 18);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ppt__run run[2] = { { ppt__run_where(200, 0, 1, 0), 0 },
					   { 0, 0x1234 } };
		uint64_t line = unit_tail(&u);

		/* build masks the bits that are not on the media */
		run[1].where = bad[i] & PPT__RUN_MEDIA;
		unit_put_record(&u, line, 0, run, 2, false);
		if (bad[i] != run[1].where) {
			uint64_t *w = unit_line(&u, line);

			w[4] = bad[i];
			w[1] &= ~(uint64_t)UINT32_MAX;
			w[1] |= ppt__record_crc(u.seed, w, 1);
		}
		expect_refusal(&u, "journal record");
		/* also in a chain that is not whole */
		if (bad[i] == run[1].where) {
			unit_put_record(&u, line, 0, run, 2, true);
			expect_refusal(&u, "journal record");
		}
	}
	unit_close(&u);
}

static void ppt_attach__run_at_the_limits_is_replayed(void **state)
{
	struct unit_pool u;
	uint64_t desc;
	struct ppt__run run[2];

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	desc = *unit_word(&u, u.at.desc_page, 0);
	run[0] = (struct ppt__run){ ppt__run_where(u.at.desc_page, 0, 1, 0),
				    desc };
	run[1] = (struct ppt__run){ ppt__run_where(255, 0, 512, 2), 77 };
	unit_put_record(&u, unit_tail(&u), 0, run, 2, false);
	assert_ok(unit_attach(&u));
	assert_int_equal(*unit_word(&u, u.at.desc_page, 0), desc);
	for (uint64_t i = 0; i < 512; i++)
		assert_int_equal(*unit_word(&u, 255, (uint32_t)i),
				 77 + i * PPT_SIZE_2M);
	unit_close(&u);
}

/* Counts and bits that no record has, under a right checksum. */
static void ppt_attach__header_out_of_bounds_is_no_record(void **state)
{
	const uint64_t bad[] = { UINT64_C(0), UINT64_C(40) << 48,
				 UINT64_C(255) << 48,
				 UINT64_C(1) << 48 | UINT64_C(1) << 57,
				 UINT64_C(1) << 48 | UINT64_C(1) << 63 };
	struct unit_pool u;
	uint64_t line;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	line = unit_tail(&u);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t runs = ppt__record_runs(bad[i]);
		uint64_t *w = unit_line(&u, line);
		uint32_t lines = ppt__record_lines(runs);

		memset(w, 0, (size_t)lines * 64);
		for (uint32_t k = 0; k < runs; k++)
			w[2 + 2 * k] = ppt__run_where(200, 0, 1, 0);
		w[0] = line | bad[i];
		w[1] = ppt__record_crc(u.seed, w, lines);
		assert_ok(unit_attach(&u));
		assert_int_equal(u.pf.report.verdict, PPT_VERDICT_CLEAN);
	}
	unit_close(&u);
}

/* A ring that is full to the last line, and the first line follows the last. */
static void ppt_attach__ring_full_of_records_replays_once(void **state)
{
	struct ppt__run run = { ppt__run_where(200, 7, 1, 0), 0 };
	struct unit_pool u;
	uint64_t tail;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	tail = unit_tail(&u);
	for (uint64_t i = 0; i < u.lines; i++) {
		run.value = i;
		unit_put_record(&u, tail + i, 0, &run, 1, false);
	}
	assert_ok(unit_attach(&u));
	assert_int_equal(u.pf.report.records_replayed, u.lines);
	assert_int_equal(*unit_word(&u, 200, 7), u.lines - 1);
	unit_close(&u);
}

/* ------------------------------------------------------- interruptions -- */

static void ppt_attach__a_second_time_is_clean_and_writes_nothing(void **state)
{
	struct strict s;
	uint8_t *image;

	strict_open(&s);
	expect_state(&s.u, RECORDS);
	image = unit_save(&s.u);
	for (int i = 0; i < 3; i++) {
		assert_ok(unit_attach(&s.u));
		assert_int_equal(s.u.pf.report.verdict, PPT_VERDICT_CLEAN);
		assert_true(unit_same(&s.u, image));
	}
	free(image);
	strict_close(&s);
}

struct cut {
	struct ppt_pm_observer observer;
	const struct unit_pool *u;
	uint8_t *image;
	uint64_t at;
	uint64_t events;
};

static void cut_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		      uint64_t len, const char *site)
{
	struct cut *c = ctx;

	(void)event;
	(void)off;
	(void)len;
	(void)site;
	if (c->events++ == c->at)
		memcpy(c->image, c->u->pf.media, c->u->pf.bytes);
}

static void ppt_attach__cut_at_every_event_runs_again(void **state)
{
	struct strict s;
	struct cut c = { .observer = { .event = cut_event, .ctx = &c },
			 .u = &s.u };

	strict_open(&s);
	c.image = unit_save(&s.u);
	do {
		unit_restore(&s.u, s.image);
		c.events = 0;
		s.u.pf.observer = &c.observer;
		assert_ok(unit_attach(&s.u));
		s.u.pf.observer = NULL;
		unit_restore(&s.u, c.image);
		assert_ok(unit_attach(&s.u));
		unit_check_first(&s.u, RECORDS, RECORDS);
		unit_check_pages(&s.u);
	} while (++c.at < c.events);
	assert_true(c.events > 50);
	free(c.image);
	strict_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_attach__only_the_ring_is_there_replays_all),
		cmocka_unit_test(
			ppt_attach__any_bit_of_the_last_record_is_a_torn_end),
		cmocka_unit_test(
			ppt_attach__any_bit_of_an_earlier_record_is_damage),
		cmocka_unit_test(
			ppt_attach__earlier_line_erased_or_foreign_is_damage),
		cmocka_unit_test(
			ppt_attach__chain_with_any_line_torn_is_lost_whole),
		cmocka_unit_test(
			ppt_attach__relaxed_with_any_lost_keeps_a_prefix),
		cmocka_unit_test(
			ppt_attach__ghost_behind_new_commits_stays_dead),
		cmocka_unit_test(
			ppt_attach__half_a_chain_then_commits_stays_dead),
		cmocka_unit_test(
			ppt_attach__relaxed_before_two_strict_is_damage),
		cmocka_unit_test(ppt_attach__one_tail_damaged_takes_the_other),
		cmocka_unit_test(ppt_attach__both_tails_damaged_is_refused),
		cmocka_unit_test(ppt_attach__one_tail_older_recovers_the_same),
		cmocka_unit_test(
			ppt_attach__closed_then_commits_is_searched_again),
		cmocka_unit_test(ppt_attach__line_numbers_wrap_at_2_48),
		cmocka_unit_test(
			ppt_attach__run_to_a_forbidden_place_is_refused),
		cmocka_unit_test(ppt_attach__run_at_the_limits_is_replayed),
		cmocka_unit_test(ppt_attach__header_out_of_bounds_is_no_record),
		cmocka_unit_test(ppt_attach__ring_full_of_records_replays_once),
		cmocka_unit_test(
			ppt_attach__a_second_time_is_clean_and_writes_nothing),
		cmocka_unit_test(ppt_attach__cut_at_every_event_runs_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
