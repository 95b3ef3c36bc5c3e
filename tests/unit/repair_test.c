/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_test.c - narrow cases of repair.
 *
 * Layer: tests.  Damage of every kind is in repair_harm_test.c, crashes are the
 * explorer's.
 */
#include "unit_pool.h"

#include <stdio.h>

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

/* Detached; the report of a repair with an observer and a callback. */
static struct ppt_repair_report
repair(struct unit_pool *u, const struct ppt_pm_observer *observer,
       void (*action)(void *ctx, const struct ppt_action *action))
{
	struct ppt_repair_config cfg = unit_repair_config(u);
	struct ppt_repair_report report;

	cfg.pm.observer = observer;
	cfg.action = action;
	assert_ok(ppt_repair(&cfg, &report, NULL));
	free(cfg.scratch);
	return report;
}

/* Found by: pptsim replay 'pptsim1/tails/m2/1/-/1/2ae4ce1d/0@-/24:01' */
static void ppt_repair__lost_tail_takes_no_idle_fence(void **state)
{
	struct idle i = { .observer = { .event = on_event, .ctx = &i } };
	struct unit_pool u;

	(void)state;
	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	*unit_word(&u, 1, PPT_M_TAIL_WORD) ^= 6;
	assert_int_equal(repair(&u, &i.observer, on_action).actions, 1);
	assert_int_equal(i.fences, 1);
	assert_int_equal(i.idle, 0);
	unit_close(&u);
}

/* All behind the tables is said to be extents, under wrong descriptors. */
static void garble_behind(struct unit_pool *u, uint32_t last)
{
	uint32_t list = u->at.reclaim_page, slot = 0;

	for (uint32_t page = last + 1; page < PPT_PAGE_WORDS; slot++) {
		uint32_t n = PPT_PAGE_WORDS - page;

		n = n < 100 ? n : 100;
		unit_seal_word(u, list, slot,
			       ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, page, n),
			       0);
		for (; n; n--, page++)
			*unit_word(u, u->at.desc_page, page) ^= 1;
	}
}

/*
 * Extents are known only after directory and list were read: a page of
 * descriptors that was garbled with them is not without.  A root that was
 * believed because of that, of an epoch that is none, is empty then.
 */
static void ppt_repair__root_doubted_once_extents_are_known(void **state)
{
	struct unit_pool u;
	uint64_t *desc;
	uint32_t last = 0;

	(void)state;
	unit_open(&u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	assert_ok(pool_fixture_detach(&u.pf));
	for (uint32_t p = u.at.first_page; p < PPT_PAGE_WORDS; p++)
		if (ppt__desc_is_table(*unit_word(&u, u.at.desc_page, p)))
			last = p;
	desc = unit_word(&u, u.at.desc_page, u.space.root_page);
	*desc ^= UINT64_C(5) << 38 ^ 0x12345; /* epoch and checksum */
	garble_behind(&u, last);
	assert_true(repair(&u, NULL, unit_on_action).actions > 0);
	assert_int_equal(repair(&u, NULL, unit_on_action).actions, 0);
	assert_ok(unit_attach(&u));
	assert_ok(ppt_space_open(u.pf.pool, "s", &u.space, NULL));
	unit_close(&u);
}

/* Two spaces, the second with other mappings; detached. */
static void make_two(struct unit_pool *u, uint64_t seed, const char *first,
		     const char *second)
{
	struct pool_fixture_options o = { .bytes = MIB,
					  .attach_flags = PPT_ATTACH_NO_MMU,
					  .seed = seed };
	const char *name[2] = { first, second };

	memset(u, 0, sizeof(*u));
	pool_fixture_ready(&u->pf, &o);
	assert_ok(ppt__layout(u->pf.bytes, u->pf.config.journal_bytes, &u->at,
			      NULL));
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(ppt_space_create(u->pf.pool, name[i],
					   PPT_FORMAT_X86_64_4, &u->space,
					   NULL));
		assert_ok(ppt_map(&u->space, VA, PA + i * 4096, 4096, RW, 0,
				  NULL));
	}
	assert_ok(pool_fixture_detach(&u->pf));
}

/*
 * The directory page is that of @other: its names lead to good roots of other
 * spaces, so that none of them may be believed.
 */
static void replace_directory(struct unit_pool *u, struct unit_pool *other)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;
	uint32_t spaces = 0;

	memcpy(unit_word(u, u->at.dir_page, 0),
	       unit_word(other, u->at.dir_page, 0), PPT_PAGE_BYTES);
	assert_true(repair(u, NULL, unit_on_action).actions > 0);
	assert_int_equal(repair(u, NULL, unit_on_action).actions, 0);
	assert_ok(pool_fixture_attach(&u->pf, NULL));
	while (!ppt_space_next(u->pf.pool, &cursor, &info, NULL)) {
		assert_memory_equal(info.name, "lost-", 5);
		assert_ok(
			ppt_space_open(u->pf.pool, info.name, &u->space, NULL));
		assert_true(unit_pa(u, VA) != 0);
		spaces++;
	}
	assert_int_equal(spaces, 2);
	unit_close(u);
	unit_close(other);
}

static void
ppt_repair__directory_page_of_another_pool_gives_no_names(void **state)
{
	struct unit_pool u, other;

	(void)state;
	make_two(&u, 7, "kern", "user");
	make_two(&other, 8, "user", "kern");
	replace_directory(&u, &other);
}

/* As it was before one space was deleted and another took its pages. */
static void ppt_repair__stale_directory_page_gives_no_names(void **state)
{
	struct unit_pool u, other;

	(void)state;
	make_two(&u, 7, "new", "user");
	make_two(&other, 7, "old", "user");
	replace_directory(&u, &other);
}

/* A space has the name that a repair would make up for another. */
static void ppt_repair__made_up_name_is_of_no_other_space(void **state)
{
	struct unit_pool u;
	struct ppt_space other;
	char name[PPT_NAME_BYTES];
	uint32_t root;

	(void)state;
	unit_open(&u, 4 * MIB, 65536, PPT_ATTACH_NO_MMU);
	root = u.space.root_page;
	for (unsigned i = 1; i < PPT_M_DIR_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "filler %u", i);
		assert_ok(ppt_space_create(u.pf.pool, name, PPT_FORMAT_X86_64_4,
					   NULL, NULL));
	}
	/* The first on the directory's second page. */
	(void)snprintf(name, sizeof(name), "lost-%u", root);
	assert_ok(ppt_space_create(u.pf.pool, name, PPT_FORMAT_X86_64_4, &other,
				   NULL));
	assert_ok(pool_fixture_detach(&u.pf));
	*unit_word(&u, u.at.dir_page, PPT_M_DIR_WORDS + PPT_M_DIR_NAME) ^= 7;
	assert_true(repair(&u, NULL, unit_on_action).actions > 0);
	assert_int_equal(repair(&u, NULL, unit_on_action).actions, 0);
	assert_ok(pool_fixture_attach(&u.pf, NULL));
	assert_ok(ppt_space_open(u.pf.pool, name, &u.space, NULL));
	assert_int_equal(u.space.root_page, other.root_page);
	(void)snprintf(name, sizeof(name), "lost-%u+", root);
	assert_ok(ppt_space_open(u.pf.pool, name, &u.space, NULL));
	assert_int_equal(u.space.root_page, root);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_repair__lost_tail_takes_no_idle_fence),
		cmocka_unit_test(
			ppt_repair__root_doubted_once_extents_are_known),
		cmocka_unit_test(
			ppt_repair__directory_page_of_another_pool_gives_no_names),
		cmocka_unit_test(
			ppt_repair__stale_directory_page_gives_no_names),
		cmocka_unit_test(ppt_repair__made_up_name_is_of_no_other_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
