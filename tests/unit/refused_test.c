/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refused_test.c - arguments that attach and repair refuse: by name, and before
 * they have changed anything.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

static void refused(struct unit_pool *u, int err, const char *what,
		    const uint8_t *image, const struct ppt_diag *diag)
{
	assert_int_equal(err, PPT_E_INVAL);
	assert_diag(*diag, PPT_E_INVAL, what);
	assert_memory_equal(u->pf.media, image, u->pf.bytes);
}

static void attach_refuses(struct unit_pool *u, const uint8_t *image,
			   const char *what)
{
	refused(u, pool_fixture_attach(&u->pf, NULL), what, image, &u->pf.diag);
}

static void ppt_attach__unknown_arguments_are_refused(void **state)
{
	struct unit_pool u;
	uint8_t *image;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	image = unit_save(&u);
	u.pf.attach_flags |= UINT32_C(1) << 31;
	attach_refuses(&u, image, "flags");
	u.pf.attach_flags = PPT_ATTACH_NO_MMU;
	u.pf.trust = PPT_TRUST_FULL + 1;
	attach_refuses(&u, image, "trust");
	u.pf.trust = PPT_TRUST_FULL;
	u.pf.lost = PPT_LOST_REPLACE + 1;
	attach_refuses(&u, image, "lost");
	u.pf.lost = PPT_LOST_REPLACE;
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	free(image);
	unit_close(&u);
}

static void ppt_trust_name__of_no_mode_is_unknown(void **state)
{
	(void)state;
	assert_string_equal(ppt_trust_name(PPT_TRUST_NONE), "none");
	assert_string_equal(ppt_trust_name(PPT_TRUST_TOUCH), "touch");
	assert_string_equal(ppt_trust_name(PPT_TRUST_FULL), "full");
	assert_string_equal(ppt_trust_name((enum ppt_trust)7), "unknown");
	assert_string_equal(ppt_lost_name(PPT_LOST_FAULT), "fault");
	assert_string_equal(ppt_lost_name(PPT_LOST_DROP), "drop");
	assert_string_equal(ppt_lost_name(PPT_LOST_REPLACE), "replace");
	assert_string_equal(ppt_lost_name((enum ppt_lost)7), "unknown");
}

static void ppt_probe__media_that_is_none_is_refused(void **state)
{
	struct ppt_geometry geometry;
	struct ppt_diag diag;
	uint64_t word[2] = { 0 };

	(void)state;
	assert_int_equal(ppt_probe(NULL, MIB, &geometry, &diag), PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "media");
	assert_int_equal(ppt_probe((char *)word + 4, MIB, &geometry, &diag),
			 PPT_E_INVAL);
	assert_diag(diag, PPT_E_INVAL, "media");
}

static void repair_refuses(struct unit_pool *u, const uint8_t *image,
			   const struct ppt_repair_config *cfg,
			   const char *what)
{
	struct ppt_repair_report report;
	struct ppt_diag diag;

	refused(u, ppt_repair(cfg, &report, &diag), what, image, &diag);
}

static void ppt_repair__unknown_arguments_are_refused(void **state)
{
	const struct ppt_usc usc = { .state = PPT_USC_UNSAFE + 1 };
	struct ppt_repair_config good, cfg;
	struct unit_pool u;
	uint8_t *image;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	image = unit_save(&u);
	good = unit_repair_config(&u);

	cfg = good;
	cfg.action = NULL;
	repair_refuses(&u, image, &cfg, "action");
	cfg = good;
	cfg.usc = &usc;
	repair_refuses(&u, image, &cfg, "usc");
	cfg = good;
	cfg.flags = PPT_CHECK_PRIVATE;
	repair_refuses(&u, image, &cfg, "flags");
	free(good.scratch);
	free(image);
	unit_close(&u);
}

static void ppt_repair__scratch_memory_that_will_not_do_is_told(void **state)
{
	struct ppt_repair_config good, cfg;
	struct ppt_repair_report report;
	struct unit_pool u;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	good = unit_repair_config(&u);
	cfg = good;
	cfg.scratch = NULL;
	assert_int_equal(ppt_repair(&cfg, &report, NULL), PPT_E_NOMEM);
	cfg.scratch = (char *)good.scratch + 8;
	assert_int_equal(ppt_repair(&cfg, &report, NULL), PPT_E_NOMEM);
	cfg = good;
	cfg.scratch_bytes = 64;
	assert_int_equal(ppt_repair(&cfg, &report, NULL), PPT_E_NOMEM);
	assert_ok(ppt_repair(&good, &report, NULL));
	assert_int_equal(report.actions, 0);
	free(good.scratch);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_attach__unknown_arguments_are_refused),
		cmocka_unit_test(ppt_trust_name__of_no_mode_is_unknown),
		cmocka_unit_test(ppt_probe__media_that_is_none_is_refused),
		cmocka_unit_test(ppt_repair__unknown_arguments_are_refused),
		cmocka_unit_test(
			ppt_repair__scratch_memory_that_will_not_do_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
