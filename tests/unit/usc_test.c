/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usc_test.c - the record of the unsafe-shutdown count on the media: what is
 * stored is returned, what is damaged is BAD, and it is stored before all else.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include <pptable/usc.h>

#define POOL (UINT64_C(2) << 20)

static const struct ppt_usc in_use = { 0x1122334455667788, 7, PPT_USC_IN_USE };

static void open_pool(struct unit_pool *u)
{
	unit_open(u, POOL, PPT_JOURNAL_BYTES_MIN, PPT_ATTACH_NO_MMU);
}

static struct ppt_geometry probe(struct unit_pool *u)
{
	struct ppt_geometry g;

	assert_ok(ppt_probe(u->pf.media, u->pf.bytes, &g, NULL));
	return g;
}

static void assert_usc(const struct ppt_usc *a, const struct ppt_usc *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->count, b->count);
}

static uint64_t fences(struct unit_pool *u)
{
	struct ppt_stats s;

	ppt_stats(u->pf.pool, &s);
	return s.pm.fences;
}

/* ------------------------------------------------------------------ set -- */

static void ppt_usc_set__is_returned_also_after_a_restart(void **state)
{
	struct ppt_geometry g;
	struct unit_pool u;

	open_pool(&u);
	assert_int_equal(probe(&u).usc.state, PPT_USC_MISSING);
	assert_int_equal(probe(&u).ro_compat, 0);
	for (uint32_t s = PPT_USC_CLOSED; s <= PPT_USC_UNSAFE; s++) {
		const struct ppt_usc usc = { s << 20, UINT64_MAX - s, s };

		assert_ok(ppt_usc_set(u.pf.pool, &usc));
		g = probe(&u);
		assert_usc(&g.usc, &usc);
		assert_ok(pool_fixture_detach(&u.pf));
		assert_ok(pool_fixture_attach(&u.pf, NULL));
		ppt_geometry(u.pf.pool, &g);
		assert_usc(&g.usc, &usc);
		assert_int_equal(g.ro_compat, PPT_M_RO_COMPAT_USC);
	}
	pool_fixture_close(&u.pf);
}

static void ppt_usc_set__costs_its_fences_or_nothing(void **state)
{
	struct ppt_usc usc = in_use;
	struct unit_pool u;
	uint64_t before;

	open_pool(&u);
	before = fences(&u);
	assert_ok(ppt_usc_set(u.pf.pool, &usc)); /* and both superblocks */
	assert_int_equal(fences(&u) - before, 3);
	assert_ok(ppt_usc_set(u.pf.pool, &usc));
	assert_int_equal(fences(&u) - before, 3);
	usc.state = PPT_USC_CLOSED;
	assert_ok(ppt_usc_set(u.pf.pool, &usc));
	assert_int_equal(fences(&u) - before, 5); /* and the journal */
	usc = (struct ppt_usc){ .state = PPT_USC_MISSING };
	assert_ok(ppt_usc_set(u.pf.pool, &usc));
	assert_int_equal(fences(&u) - before, 6);
	assert_int_equal(probe(&u).usc.state, PPT_USC_MISSING);
	pool_fixture_close(&u.pf);
}

static void ppt_usc_set__state_or_reader_is_refused(void **state)
{
	struct ppt_usc usc = in_use;
	struct unit_pool u;

	open_pool(&u);
	usc.state = PPT_USC_BAD;
	assert_int_equal(ppt_usc_set(u.pf.pool, &usc), PPT_E_INVAL);
	assert_ok(pool_fixture_detach(&u.pf));
	u.pf.attach_flags |= PPT_ATTACH_READ_ONLY;
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	assert_int_equal(ppt_usc_set(u.pf.pool, &in_use), PPT_E_ROFS);
	assert_int_equal(probe(&u).usc.state, PPT_USC_MISSING);
	pool_fixture_close(&u.pf);
}

static void ppt_probe__any_bit_of_the_record_makes_it_bad(void **state)
{
	struct unit_pool u;

	open_pool(&u);
	assert_ok(ppt_usc_set(u.pf.pool, &in_use));
	for (uint32_t b = 0; b < 64 * PPT_M_USC_WORDS; b++) {
		uint64_t *w = unit_word(&u, 0, PPT_M_USC_WORD + b / 64);

		*w ^= UINT64_C(1) << b % 64;
		assert_int_equal(probe(&u).usc.state, PPT_USC_BAD);
		*w ^= UINT64_C(1) << b % 64;
	}
	/* Any of its words as if it had never been stored. */
	for (uint32_t i = 1; i + 1 < 1u << PPT_M_USC_WORDS; i++) {
		uint64_t kept[PPT_M_USC_WORDS];
		uint64_t *w = unit_word(&u, 0, PPT_M_USC_WORD);

		memcpy(kept, w, sizeof(kept));
		for (uint32_t k = 0; k < PPT_M_USC_WORDS; k++)
			if (i >> k & 1u)
				w[k] = 0;
		assert_int_equal(probe(&u).usc.state, PPT_USC_BAD);
		memcpy(w, kept, sizeof(kept));
	}
	assert_int_equal(probe(&u).usc.state, PPT_USC_IN_USE);
	pool_fixture_close(&u.pf);
}

/* --------------------------------------------------------------- create -- */

static void ppt_create__stores_the_record(void **state)
{
	struct ppt_geometry g;
	struct unit_pool u;

	open_pool(&u);
	assert_ok(pool_fixture_detach(&u.pf));
	u.pf.config.usc = in_use;
	assert_ok(pool_fixture_create(&u.pf));
	g = probe(&u);
	assert_usc(&g.usc, &in_use);
	assert_int_equal(g.ro_compat, PPT_M_RO_COMPAT_USC);
	u.pf.config.usc.state = PPT_USC_BAD;
	assert_int_equal(pool_fixture_create(&u.pf), PPT_E_INVAL);
	assert_diag(u.pf.diag, PPT_E_INVAL, "usc");
	g = probe(&u); /* it is as it was */
	assert_usc(&g.usc, &in_use);
	u.pf.config.usc.state = PPT_USC_MISSING;
	assert_ok(pool_fixture_create(&u.pf));
	g = probe(&u);
	assert_int_equal(g.usc.state, PPT_USC_MISSING);
	assert_int_equal(g.usc.device, 0);
	assert_int_equal(g.ro_compat, 0);
	pool_fixture_close(&u.pf);
}

/* --------------------------------------------------------------- attach -- */

/* What was stored before the drain, and after it. */
struct order {
	uint64_t before; /* beside the superblocks' pages */
	uint64_t after;
	uint64_t superblocks;
	uint32_t drains;
};

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct order *o = ctx;
	uint64_t end = 2 * PPT_PAGE_BYTES;

	if (event != PPT_PM_STORE && event != PPT_PM_STREAM)
		return;
	if (off < end)
		o->superblocks += !o->drains;
	else if (o->drains)
		o->after++;
	else
		o->before++;
}

static void on_drain(void *ctx)
{
	struct order *o = ctx;

	o->drains++;
}

static void ppt_attach__stores_the_record_before_the_replay(void **state)
{
	struct order o = { 0 };
	const struct ppt_pm_observer observer = { .event = on_event,
						  .ctx = &o };
	struct ppt_geometry g;
	struct unit_pool u;

	open_pool(&u);
	assert_ok(ppt_map(&u.space, VA, PPT_PA_ALLOC, 4096, RW, 0, NULL));
	pool_fixture_drop(&u.pf);
	u.pf.usc = &in_use;
	u.pf.drain = on_drain;
	u.pf.drain_ctx = &o;
	u.pf.observer = &observer;
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	assert_true(u.pf.report.records_replayed > 0);
	assert_int_equal(o.drains, 1);
	assert_int_equal(o.before, 0);
	assert_true(o.superblocks >= PPT_M_USC_WORDS);
	assert_true(o.after > 0);
	g = probe(&u);
	assert_usc(&g.usc, &in_use);
	/* It is there already: nothing to store, nothing to drain. */
	pool_fixture_drop(&u.pf);
	o = (struct order){ 0 };
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	assert_int_equal(o.drains + o.superblocks + o.before + o.after, 0);
	pool_fixture_close(&u.pf);
}

static void ppt_attach__refused_pool_keeps_its_record(void **state)
{
	const struct ppt_usc bad = { 1, 1, PPT_USC_BAD };
	struct unit_pool u;
	uint8_t *was;

	open_pool(&u);
	assert_ok(pool_fixture_detach(&u.pf));
	u.pf.usc = &bad;
	assert_int_equal(pool_fixture_attach(&u.pf, NULL), PPT_E_INVAL);
	assert_diag(u.pf.diag, PPT_E_INVAL, "usc");
	u.pf.usc = &in_use;
	u.pf.attach_flags |= PPT_ATTACH_READ_ONLY;
	assert_int_equal(pool_fixture_attach(&u.pf, NULL), PPT_E_INVAL);
	u.pf.attach_flags &= ~(uint32_t)PPT_ATTACH_READ_ONLY;
	for (uint32_t page = 0; page < 2; page++)
		*unit_word(&u, page, PPT_M_TAIL_WORD) ^= 1;
	was = malloc(u.pf.bytes);
	assert_non_null(was);
	memcpy(was, u.pf.media, u.pf.bytes);
	assert_int_equal(pool_fixture_attach(&u.pf, NULL), PPT_E_JOURNAL);
	assert_memory_equal(was, u.pf.media, u.pf.bytes); /* [I9] */
	free(was);
	pool_fixture_close(&u.pf);
}

/* --------------------------------------------------------------- repair -- */

static void on_action(void *ctx, const struct ppt_action *action)
{
	uint32_t *n = ctx;

	n[action->id]++;
}

static void repair(struct unit_pool *u, const struct ppt_usc *usc,
		   uint32_t *actions)
{
	struct ppt_repair_config cfg = {
		.pm = u->pf.config.pm,
		.scratch_bytes =
			ppt_repair_scratch_bytes(u->pf.media, u->pf.bytes),
		.usc = usc,
		.action = on_action,
		.ctx = actions,
	};
	struct ppt_repair_report report;

	memset(actions, 0, PPT_ACTION_COUNT * sizeof(*actions));
	cfg.scratch = aligned_alloc(64, (cfg.scratch_bytes + 63) / 64 * 64);
	assert_non_null(cfg.scratch);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
}

static void ppt_repair__damaged_record_is_taken_away_or_renewed(void **state)
{
	const struct ppt_usc unsafe = { 9, 9, PPT_USC_UNSAFE };
	uint32_t actions[PPT_ACTION_COUNT];
	struct ppt_geometry g;
	struct unit_pool u;

	open_pool(&u);
	assert_ok(ppt_usc_set(u.pf.pool, &in_use));
	assert_ok(pool_fixture_detach(&u.pf));
	*unit_word(&u, 0, PPT_M_USC_WORD) ^= 2;
	repair(&u, NULL, actions);
	assert_int_equal(actions[PPT_ACTION_SHUTDOWN], 1);
	assert_int_equal(actions[PPT_ACTION_SUPERBLOCK], 0);
	assert_int_equal(probe(&u).usc.state, PPT_USC_MISSING);
	repair(&u, NULL, actions);
	assert_int_equal(actions[PPT_ACTION_SHUTDOWN], 0);
	*unit_word(&u, 0, PPT_M_USC_WORD + 2) = 1;
	repair(&u, &unsafe, actions);
	assert_int_equal(actions[PPT_ACTION_SHUTDOWN], 1);
	g = probe(&u);
	assert_usc(&g.usc, &unsafe);
	pool_fixture_close(&u.pf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_usc_set__is_returned_also_after_a_restart),
		cmocka_unit_test(ppt_usc_set__costs_its_fences_or_nothing),
		cmocka_unit_test(ppt_usc_set__state_or_reader_is_refused),
		cmocka_unit_test(ppt_probe__any_bit_of_the_record_makes_it_bad),
		cmocka_unit_test(ppt_create__stores_the_record),
		cmocka_unit_test(
			ppt_attach__stores_the_record_before_the_replay),
		cmocka_unit_test(ppt_attach__refused_pool_keeps_its_record),
		cmocka_unit_test(
			ppt_repair__damaged_record_is_taken_away_or_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
