/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * create_test.c - crash while a pool is made: no pool, or a whole empty one.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/rig.h"

struct outcomes {
	uint64_t none;
	uint64_t empty;
	uint64_t old;
};

/* A pool with content that the next ppt_create overwrites. */
static void make_old(struct pool_fixture *pf, struct oracle *old)
{
	const struct op ops[] = {
		op_create(0, PPT_FORMAT_X86_64_4),
		op_map(0, PPT_SIZE_1G, PPT_PA_ALLOC, 30, 0),
		op_map(0, PPT_SIZE_1G * 2, POOL_FIXTURE_DRAM, 30, 0),
	};
	struct twin twin;

	assert_int_equal(pool_fixture_create(pf), 0);
	assert_int_equal(pool_fixture_attach(pf, NULL), 0);
	pool_fixture_twin(pf, &twin);
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		assert_int_equal(twin_step(&twin, &ops[i]), 0);
	oracle_copy(old, &twin.now);
	twin_close(&twin);
	assert_int_equal(pool_fixture_detach(pf), 0);
}

static int check(struct pool_fixture *v, struct oracle *empty,
		 struct oracle *old, struct outcomes *seen, struct why *why)
{
	struct why second;
	int err = pool_fixture_attach(v, NULL);
	struct view view = pool_fixture_view(v);

	if (err == PPT_E_MAGIC) {
		seen->none++;
		return 0;
	}
	if (err)
		return why_set(why, "ppt_attach: %s", ppt_error_name(err));
	if (!view_check_settled(&view, empty, why)) {
		seen->empty++;
	} else if (old && !view_check_settled(&view, old, &second)) {
		seen->old++;
	} else {
		pool_fixture_drop(v);
		return -1;
	}
	pool_fixture_drop(v);
	return 0;
}

/* Play the log of one ppt_create and crash before every event. */
static void crash_create(struct recorder *rec, const uint64_t *base,
			 struct pool_fixture *v, struct oracle *empty,
			 struct oracle *old, struct outcomes *seen)
{
	uint64_t *image = malloc(v->bytes);
	struct rng r = { .state = env_number("PPT_TEST_SEED", 3) };
	uint64_t odds = env_number("PPT_TEST_SLOW", 0) ? 1 : 12;
	struct shadow s;
	struct view view;
	struct why why;

	assert_non_null(image);
	shadow_open(&s, base, v->bytes);
	for (size_t i = 0; i <= rec->count; i++) {
		bool border = i == rec->count ||
			      rec->event[i].kind == RIG_FENCE ||
			      rec->event[i].off < 2 * PPT_PAGE_BYTES;

		for (int m = 0; m < SHADOW_MODES; m++) {
			if (!border && !rng_once_in(&r, odds))
				continue;
			shadow_image(&s, (enum shadow_mode)m, &r, image);
			memcpy(v->writable, image, v->bytes);
			if (check(v, empty, old, seen, &why))
				fail_msg("crash before event %zu of %zu (%s), "
					 "mode %d: %s",
					 i, rec->count,
					 i < rec->count ? rec->event[i].site :
							  "end",
					 m, why.text);
		}
		if (i < rec->count)
			recorder_play(rec, i, &s);
	}
	/* on return it is durable */
	shadow_image(&s, SHADOW_DURABLE, &r, image);
	memcpy(v->writable, image, v->bytes);
	assert_int_equal(pool_fixture_attach(v, NULL), 0);
	view = pool_fixture_view(v);
	assert_int_equal(view_check_settled(&view, empty, &why), 0);
	pool_fixture_drop(v);
	shadow_close(&s);
	free(image);
}

static void run(bool over_old, bool same_uuid)
{
	struct pool_fixture_options o = {
		.bytes = PPT_POOL_BYTES_MIN,
		.attach_flags = PPT_ATTACH_NO_MMU,
		.seed = 77,
	};
	struct outcomes seen = { 0, 0, 0 };
	struct ppt_memory_map map;
	struct pool_fixture pf;
	struct pool_fixture v;
	struct oracle empty;
	struct oracle old;
	struct recorder rec;
	uint64_t *base = malloc(o.bytes);

	assert_non_null(base);
	pool_fixture_open(&pf, &o);
	pool_fixture_open(&v, &o);
	if (over_old)
		make_old(&pf, &old);
	if (over_old && !same_uuid)
		pf.config.uuid.b[3] ^= 0x55;
	pool_fixture_map(&pf, &map);
	oracle_init(&empty, &map);
	memcpy(base, pf.media, o.bytes);
	recorder_open(&rec, pf.writable);
	pf.observer = &rec.observer;
	assert_int_equal(pool_fixture_create(&pf), 0);
	pf.observer = NULL;
	crash_create(&rec, base, &v, &empty, over_old ? &old : NULL, &seen);
	print_message("%zu events: %llu no pool, %llu empty, %llu the old\n",
		      rec.count, (unsigned long long)seen.none,
		      (unsigned long long)seen.empty,
		      (unsigned long long)seen.old);
	assert_true(seen.none > 0);
	if (over_old)
		oracle_free(&old);
	oracle_free(&empty);
	recorder_close(&rec);
	pool_fixture_close(&pf);
	pool_fixture_close(&v);
	free(base);
}

static void ppt_create__crash_on_garbage_gives_none_or_empty(void **state)
{
	run(false, false);
}

static void ppt_create__crash_over_pool_gives_none_or_whole(void **state)
{
	run(true, false);
}

static void ppt_create__crash_over_same_uuid_gives_none_or_whole(void **state)
{
	run(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_create__crash_on_garbage_gives_none_or_empty),
		cmocka_unit_test(
			ppt_create__crash_over_pool_gives_none_or_whole),
		cmocka_unit_test(
			ppt_create__crash_over_same_uuid_gives_none_or_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
