/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_test.c - narrow cases of repair.
 *
 * Layer: tests.  Damage of every kind is in repair_harm_test.c, crashes are the
 * explorer's.
 */
#include "unit_pool.h"

/* What is done to the media, and fences that order nothing. */
struct idle {
	struct ppt_pm_observer observer;
	unsigned waiting;
	unsigned fences;
	unsigned idle;
};

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct idle *i = ctx;

	(void)off;
	(void)len;
	(void)site;
	if (event == PPT_PM_STREAM || event == PPT_PM_FLUSH)
		i->waiting++;
	if (event != PPT_PM_FENCE)
		return;
	i->fences++;
	i->idle += !i->waiting;
	i->waiting = 0;
}

static void on_action(void *ctx, const struct ppt_action *action)
{
	(void)ctx;
	assert_int_equal(action->id, PPT_ACTION_TAIL);
}

/* Found by: pptsim replay 'pptsim1/tails/m2/1/-/1/2ae4ce1d/0@-/24:01' */
static void ppt_repair__lost_tail_takes_no_idle_fence(void **state)
{
	struct idle i = { .observer = { .event = on_event, .ctx = &i } };
	struct ppt_repair_config cfg = { .pa_bits = 52, .action = on_action };
	struct ppt_repair_report report;
	struct unit_pool u;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	*unit_word(&u, 1, PPT_M_TAIL_WORD) ^= 6;
	cfg.pm = (struct ppt_pm_config){ .media = u.pf.media,
					 .writable = u.pf.writable,
					 .bytes = u.pf.bytes,
					 .observer = &i.observer };
	cfg.scratch_bytes = ppt_repair_scratch_bytes(u.pf.media, u.pf.bytes);
	cfg.scratch_bytes = (cfg.scratch_bytes + 63) & ~(size_t)63;
	cfg.scratch = aligned_alloc(64, cfg.scratch_bytes);
	assert_non_null(cfg.scratch);
	assert_ok(ppt_repair(&cfg, &report, NULL));
	assert_int_equal(report.actions, 1);
	assert_int_equal(i.fences, 1);
	assert_int_equal(i.idle, 0);
	free(cfg.scratch);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_repair__lost_tail_takes_no_idle_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
