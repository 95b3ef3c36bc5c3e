/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * journal_test.c - the ring in use: the order of stores, flushes and fences
 * [I2, I3], wrapping, limits, group commit.
 *
 * Layer: tests.  An observer keeps a model of what is durable, line by line.
 */
#include "unit_pool.h"

#include "sim/oracle/rng.h"

/* ------------------------------------------------------------ the model -- */

enum line_state { CLEAN, DIRTY, WAITING /* for a fence */ };

struct home_line {
	enum line_state state;
	uint64_t since; /* record before whose end it was not dirty */
};

struct model {
	struct ppt_pm_observer observer;
	struct unit_pool *u;
	struct home_line *home;
	uint64_t head;      /* line behind the last one streamed */
	uint64_t fenced;    /* the same, durable */
	uint64_t fenced_at; /* head at the fence before */
	uint64_t tail;      /* durable */
	uint64_t tail_new;  /* stored last */
	uint64_t fences;
	uint64_t errors;
	uint64_t tails;
	bool skipped; /* once, after attach */
	const char *what;
	const char *site;
};

static void wrong(struct model *m, const char *what, const char *site)
{
	if (!m->errors++) {
		m->what = what;
		m->site = site;
	}
}

static void ring_stream(struct model *m, uint64_t line, const char *site)
{
	uint64_t place = line - m->u->at.journal_page * UINT64_C(64);

	if (place != (m->head & (m->u->lines - 1)))
		wrong(m, "lines not one after the other", site);
	m->head++;
	if (m->head - m->tail > m->u->lines)
		wrong(m, "line of the live ring overwritten [I3]", site);
	if (m->head - m->fenced > m->u->lines / 4)
		wrong(m, "more than a window without a fence", site);
}

static void home_store(struct model *m, uint64_t line, bool streamed,
		       const char *site)
{
	struct home_line *h = &m->home[line];

	if (m->head != m->fenced)
		wrong(m, "home store before its record's fence [I2]", site);
	if (h->state == CLEAN)
		h->since = m->fenced_at;
	h->state = streamed ? WAITING : DIRTY;
}

/* So much the ring moves on after an attach: docs/FORMAT.md. */
static uint64_t skip_of(const struct model *m)
{
	return 2 * (m->u->lines / 4);
}

/* Every home store of records before the new tail has to be durable. */
static void tail_store(struct model *m, uint64_t word, const char *site)
{
	uint64_t line =
		*((const uint64_t *)(const void *)m->u->pf.media + word) &
		PPT__SEQ_MASK;

	m->tail_new = line;
	m->tails++;
	if (line > m->fenced && !m->skipped) {
		/* line numbers that a torn commit may have used are skipped */
		m->skipped = line == m->fenced + skip_of(m);
		m->head = m->fenced = m->fenced_at = line;
	}
	if (line > m->fenced || !m->skipped)
		wrong(m, "tail in front of the head", site);
	for (uint64_t i = 0; i < m->u->pf.bytes / 64; i++)
		if (m->home[i].state != CLEAN && line > m->home[i].since)
			wrong(m, "tail passes what is not durable [I3]", site);
}

static void fence(struct model *m)
{
	for (uint64_t i = 0; i < m->u->pf.bytes / 64; i++)
		if (m->home[i].state == WAITING)
			m->home[i].state = CLEAN;
	if (m->fenced != m->head)
		m->fenced_at = m->fenced;
	m->fenced = m->head;
	m->tail = m->tail_new;
	m->fences++;
}

static bool in_ring(const struct model *m, uint64_t line)
{
	const struct ppt__layout *l = &m->u->at;

	return line / 64 >= l->journal_page && line / 64 < l->desc_page;
}

/* Frames are zeroed by streams of whole pages: nothing covers them. */
static void on_stream(struct model *m, uint64_t off, uint64_t len,
		      const char *site)
{
	if (off % 4096 == 0 && len % 4096 == 0 &&
	    off / 4096 >= m->u->at.first_page)
		return;
	for (uint64_t l = off / 64; l * 64 < off + len; l++)
		if (in_ring(m, l))
			ring_stream(m, l, site);
		else
			home_store(m, l, true, site);
}

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct model *m = ctx;
	struct home_line *h = &m->home[off / 64];

	switch (event) {
	case PPT_PM_STORE:
	case PPT_PM_MARK:
		if (off / 4096 > 1)
			home_store(m, off / 64, false, site);
		else if (off % 4096 == PPT_M_TAIL_OFFSET)
			tail_store(m, off / 8, site);
		break;
	case PPT_PM_STREAM:
		on_stream(m, off, len, site);
		break;
	case PPT_PM_FLUSH:
		if (h->state == DIRTY)
			h->state = WAITING;
		break;
	case PPT_PM_FENCE:
		fence(m);
		break;
	case PPT_PM_LOAD:
		break;
	}
}

static void model_attach(struct model *m)
{
	struct unit_pool *u = m->u;

	m->skipped = false;
	u->pf.observer = NULL;
	assert_ok(unit_attach(u)); /* settle it, unobserved */
	m->head = m->fenced = m->fenced_at = unit_tail(u);
	m->tail = m->tail_new = m->head;
	memset(m->home, 0, u->pf.bytes / 64 * sizeof(*m->home));
	u->pf.observer = &m->observer;
	assert_ok(unit_attach(u));
}

static void model_open(struct model *m, struct unit_pool *u)
{
	*m = (struct model){ .observer = { .event = on_event, .ctx = m },
			     .u = u };
	m->home = malloc(u->pf.bytes / 64 * sizeof(*m->home));
	assert_non_null(m->home);
	model_attach(m);
}

static void model_close(struct model *m)
{
	if (m->errors)
		fail_msg("%s, at %s", m->what, m->site);
	m->u->pf.observer = NULL;
	pool_fixture_drop(&m->u->pf);
	free(m->home);
}

/* ----------------------------------------------------------- operations -- */

#define PAGES 4096u

/* Naive: the PA of each page from VA on, 0 if not mapped. */
struct naive {
	uint64_t pa[PAGES];
};

static void random_step(struct unit_pool *u, struct naive *n, struct rng *r)
{
	uint64_t i = rng_below(r, PAGES), k = 1 + rng_below(r, 4);
	uint64_t pa = PA + (1 + rng_below(r, 100000)) * 4096;

	if (rng_once_in(r, 40))
		k = 1 + rng_below(r, 1200);
	if (k > PAGES - i)
		k = PAGES - i;
	if (rng_once_in(r, 4)) {
		assert_ok(ppt_unmap(&u->space, VA + i * 4096, k * 4096, NULL));
		pa = 0;
	} else {
		assert_ok(ppt_map(&u->space, VA + i * 4096, pa, k * 4096, RW,
				  PPT_MAP_4K | PPT_MAP_REPLACE, NULL));
	}
	for (uint64_t j = 0; j < k; j++)
		n->pa[i + j] = pa ? pa + j * 4096 : 0;
}

static void check_naive(struct unit_pool *u, const struct naive *n)
{
	for (uint64_t i = 0; i < PAGES; i++)
		assert_int_equal(unit_pa(u, VA + i * 4096), n->pa[i]);
	unit_check_pages(u);
}

/* Empty the window that the naive map describes. */
static void start(struct unit_pool *u, struct naive *n)
{
	assert_ok(ppt_unmap(&u->space, VA, PAGES * 4096, NULL));
	memset(n, 0, sizeof(*n));
}

static void wrap_ring(uint64_t journal_bytes, uint32_t flags, uint64_t seed)
{
	struct rng r = { .state = seed };
	struct unit_pool u;
	struct ppt_stats s;
	struct naive n;
	uint64_t written = 0;

	unit_open(&u, 4 * MIB, journal_bytes, flags);
	start(&u, &n);
	/* at least three turns, with crashes on the way */
	while (written < 3 * u.lines) {
		struct ppt_tlb_gather g;

		random_step(&u, &n, &r);
		ppt_tlb_pending(u.pf.pool, &g);
		if (g.ticket)
			assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
		if (!rng_once_in(&r, 700))
			continue;
		ppt_stats(u.pf.pool, &s);
		written += s.journal_lines;
		assert_ok(unit_attach(&u));
		check_naive(&u, &n);
	}
	assert_ok(unit_attach(&u));
	check_naive(&u, &n);
	unit_close(&u);
}

static void ppt_commit__ring_wraps_at_many_sizes_keeps_all(void **state)
{
	wrap_ring(64 << 10, PPT_ATTACH_NO_MMU, 1);
	wrap_ring(64 << 10, 0, 2);
	wrap_ring(128 << 10, PPT_ATTACH_NO_MMU, 3);
	wrap_ring(256 << 10, 0, 4);
	wrap_ring(1 << 20, PPT_ATTACH_NO_MMU, 5);
}

/* ------------------------------------------------------- order of stores -- */

static void run_model(uint32_t flags, uint64_t relaxed_every, uint64_t seed)
{
	struct rng r = { .state = seed };
	struct unit_pool u;
	struct model m;
	struct naive n;

	unit_open(&u, MIB, 65536, flags);
	start(&u, &n);
	model_open(&m, &u);
	for (uint64_t i = 0; i < 6000 && !m.errors; i++) {
		struct ppt_tlb_gather g;

		random_step(&u, &n, &r);
		ppt_tlb_pending(u.pf.pool, &g);
		if (g.ticket)
			assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
		if (relaxed_every && rng_once_in(&r, relaxed_every))
			assert_ok(
				ppt_set_relaxed(u.pf.pool, rng_once_in(&r, 2)));
		if (rng_once_in(&r, 900))
			assert_ok(ppt_checkpoint(u.pf.pool));
	}
	assert_true(m.errors || m.tails >= 16);
	assert_ok(ppt_sync(u.pf.pool));
	if (!m.errors)
		check_naive(&u, &n);
	model_close(&m);
	unit_close(&u);
}

static void ppt_commit__strict_fences_before_home_and_tail(void **state)
{
	run_model(PPT_ATTACH_NO_MMU, 0, 1);
	run_model(0, 0, 2);
}

static void ppt_commit__relaxed_fences_before_home_and_tail(void **state)
{
	run_model(PPT_ATTACH_NO_MMU, 30, 3);
	run_model(0, 30, 4);
}

/* As large as they may be, one after the other: the ring has to be emptied. */
static void ppt_commit__large_ones_in_a_row_never_overrun(void **state)
{
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		struct unit_pool u;
		struct model m;

		unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
		model_open(&m, &u);
		assert_ok(ppt_set_relaxed(u.pf.pool, relaxed));
		for (uint64_t i = 0; i < 30 && !m.errors; i++) {
			assert_ok(ppt_begin(u.pf.pool));
			for (uint64_t k = 0; k < 700; k++)
				assert_ok(ppt_map(&u.space,
						  VA + (i + 2 * k) * 4096,
						  PA + (3 * k + i) * 4096, 4096,
						  RW, PPT_MAP_REPLACE, NULL));
			assert_ok(ppt_commit(u.pf.pool));
		}
		assert_ok(ppt_sync(u.pf.pool));
		for (uint64_t k = 0; k < 700 && !m.errors; k++)
			assert_int_equal(unit_pa(&u, VA + (29 + 2 * k) * 4096),
					 PA + (3 * k + 29) * 4096);
		model_close(&m);
		unit_close(&u);
	}
}

static void ppt_set_relaxed__a_window_at_most_is_not_fenced(void **state)
{
	struct unit_pool u;
	struct model m;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	model_open(&m, &u);
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	for (uint64_t i = 0; i < 3000 && !m.errors; i++)
		assert_ok(ppt_map(&u.space, VA + i % 300 * 4096,
				  PA + i % 7 * 4096, 4096, RW, PPT_MAP_REPLACE,
				  NULL));
	assert_true(m.errors || (m.fences > 5 && m.fences < 100));
	model_close(&m);
	unit_close(&u);
}

/* What replay stores is durable before the tail passes its records. */
static void ppt_attach__replay_is_written_back_before_the_tail(void **state)
{
	struct unit_pool u;
	uint8_t *before, *image;
	struct model m;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	model_open(&m, &u);
	u.pf.observer = NULL;
	assert_ok(unit_attach(&u));
	before = unit_save(&u);
	for (uint64_t i = 0; i < 100; i++)
		unit_map(&u, i * 3);
	assert_ok(ppt_map(&u.space, VA + 512 * 4096, PA, 600 * 4096, RW,
			  PPT_MAP_4K, NULL));
	image = unit_ring_only(&u, before);
	unit_restore(&u, image);
	m.head = m.fenced = m.fenced_at = unit_tail(&u);
	while (ppt__record_seq(*unit_line(&u, m.head)) == m.head)
		m.head += ppt__record_lines(
			ppt__record_runs(*unit_line(&u, m.head)));
	assert_true(m.head - m.fenced >= 101);
	m.fenced = m.head;
	m.skipped = false;
	u.pf.observer = &m.observer;
	assert_ok(unit_attach(&u));
	assert_true(m.skipped || m.errors);
	for (uint64_t i = 0; i < u.pf.bytes / 64 && !m.errors; i++)
		assert_int_equal(m.home[i].state, CLEAN);
	free(before);
	free(image);
	model_close(&m);
	unit_close(&u);
}

static void ppt_checkpoint__empties_the_ring_in_order(void **state)
{
	struct unit_pool u;
	struct ppt_stats s;
	struct model m;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	model_open(&m, &u);
	for (uint64_t i = 0; i < 20; i++)
		unit_map(&u, i);
	assert_ok(ppt_checkpoint(u.pf.pool));
	assert_int_equal(m.tail, m.head);
	for (uint64_t i = 0; i < u.pf.bytes / 64; i++)
		assert_int_equal(m.home[i].state, CLEAN);
	ppt_stats(u.pf.pool, &s);
	assert_int_equal(s.live_lines, 0);
	assert_int_equal(s.checkpoints, 1);
	/* with nothing to do it does nothing */
	assert_ok(ppt_checkpoint(u.pf.pool));
	ppt_stats(u.pf.pool, &s);
	assert_int_equal(s.checkpoints, 1);
	model_close(&m);
	unit_close(&u);
}

/* A commit does a bounded share of a checkpoint, never all of it. */
static void ppt_commit__checkpoints_are_spread_over_commits(void **state)
{
	struct ppt_stats was, now;
	struct unit_pool u;
	uint64_t most = 0;

	unit_open(&u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	ppt_stats(u.pf.pool, &was);
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t page = i * 37 % 511;

		assert_ok(ppt_map(&u.space, VA + page * 4096,
				  PA + (1 + i % 999) * 4096, 4096, RW,
				  PPT_MAP_REPLACE, NULL));
		ppt_stats(u.pf.pool, &now);
		assert_int_equal(now.pm.fences - was.pm.fences, 1);
		if (now.pm.flushes - was.pm.flushes > most)
			most = now.pm.flushes - was.pm.flushes;
		was = now;
	}
	assert_true(now.checkpoints > 10);
	assert_true(most > 0 && most <= 16);
	unit_close(&u);
}

/* --------------------------------------------------------------- limits -- */

static void ppt_begin__more_than_a_quarter_ring_is_too_big(void **state)
{
	struct unit_pool u;
	uint64_t i = 0;
	uint8_t *image;
	int err = 0;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	assert_ok(ppt_begin(u.pf.pool));
	/* every other page: a run each */
	while (!err && i < 100000) {
		err = ppt_map(&u.space, VA + MIB * 64 + i * 8192,
			      PA + (i * 7 + 1) * 4096, 4096, RW, 0, NULL);
		i += !err;
	}
	assert_int_equal(err, PPT_E_TOOBIG);
	/* about a quarter of 1,024 lines of 4 runs */
	assert_true(i > 256 * 5 / 2 && i < 256 * 4);
	/* the call that failed is gone, the others are there */
	assert_int_equal(unit_pa(&u, VA + MIB * 64 + i * 8192), 0);
	assert_int_equal(unit_pa(&u, VA + MIB * 64 + (i - 1) * 8192),
			 PA + ((i - 1) * 7 + 1) * 4096);
	assert_true(unit_same(&u, image));
	assert_ok(ppt_commit(u.pf.pool));
	assert_ok(unit_attach(&u));
	for (uint64_t k = 0; k < i; k++)
		assert_int_equal(unit_pa(&u, VA + MIB * 64 + k * 8192),
				 PA + (k * 7 + 1) * 4096);
	unit_check_pages(&u);
	free(image);
	unit_close(&u);
}

/* -------------------------------------------------------- group commit -- */

static void ppt_set_relaxed__commits_take_no_fence_until_sync(void **state)
{
	struct ppt_stats a, b;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	ppt_stats(u.pf.pool, &a);
	for (uint64_t i = 0; i < 50; i++)
		unit_map(&u, i);
	ppt_stats(u.pf.pool, &b);
	assert_int_equal(b.pm.fences, a.pm.fences);
	assert_int_equal(b.pm.stores, a.pm.stores); /* nothing at home */
	unit_check_first(&u, 50, 60);
	assert_ok(ppt_sync(u.pf.pool));
	ppt_stats(u.pf.pool, &b);
	assert_int_equal(b.pm.fences, a.pm.fences + 1);
	assert_ok(ppt_sync(u.pf.pool)); /* nothing to do */
	ppt_stats(u.pf.pool, &b);
	assert_int_equal(b.pm.fences, a.pm.fences + 1);
	unit_map(&u, 50);
	assert_ok(ppt_set_relaxed(u.pf.pool, false)); /* syncs */
	ppt_stats(u.pf.pool, &b);
	assert_int_equal(b.pm.fences, a.pm.fences + 2);
	assert_ok(unit_attach(&u));
	unit_check_first(&u, 51, 60);
	unit_close(&u);
}

static void ppt_commit__nothing_in_it_writes_nothing(void **state)
{
	struct ppt_stats a, b;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	ppt_stats(u.pf.pool, &a);
	assert_int_equal(ppt_commit(u.pf.pool), PPT_E_INVAL);
	assert_int_equal(ppt_abort(u.pf.pool), PPT_E_INVAL);
	assert_ok(ppt_begin(u.pf.pool));
	assert_int_equal(ppt_begin(u.pf.pool), PPT_E_BUSY);
	assert_ok(ppt_commit(u.pf.pool));
	assert_ok(ppt_begin(u.pf.pool));
	unit_map(&u, 3);
	assert_ok(ppt_abort(u.pf.pool));
	ppt_stats(u.pf.pool, &b);
	assert_int_equal(a.pm.stores + a.pm.streams,
			 b.pm.stores + b.pm.streams);
	assert_int_equal(a.pm.fences, b.pm.fences);
	unit_check_first(&u, 0, 10);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_commit__ring_wraps_at_many_sizes_keeps_all),
		cmocka_unit_test(
			ppt_commit__strict_fences_before_home_and_tail),
		cmocka_unit_test(
			ppt_commit__relaxed_fences_before_home_and_tail),
		cmocka_unit_test(ppt_commit__large_ones_in_a_row_never_overrun),
		cmocka_unit_test(
			ppt_set_relaxed__a_window_at_most_is_not_fenced),
		cmocka_unit_test(
			ppt_attach__replay_is_written_back_before_the_tail),
		cmocka_unit_test(ppt_checkpoint__empties_the_ring_in_order),
		cmocka_unit_test(
			ppt_commit__checkpoints_are_spread_over_commits),
		cmocka_unit_test(
			ppt_begin__more_than_a_quarter_ring_is_too_big),
		cmocka_unit_test(
			ppt_set_relaxed__commits_take_no_fence_until_sync),
		cmocka_unit_test(ppt_commit__nothing_in_it_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
