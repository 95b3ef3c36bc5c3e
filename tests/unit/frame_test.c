/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frame_test.c - pages of the pool: handed out once, zeroed, and again only
 * when nobody can know them any more [I6, I12].
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include "sim/oracle/rng.h"

#define ALLOC PPT_PA_ALLOC
#define NONE UINT32_MAX

static uint32_t page_of(struct unit_pool *u, uint64_t pa)
{
	uint64_t off = pa - POOL_FIXTURE_PHYS;

	assert_true(off < u->pf.bytes && off % 4096 == 0);
	return (uint32_t)(off / 4096);
}

static uint64_t free_pages(struct unit_pool *u)
{
	struct ppt_usage usage;

	assert_ok(ppt_usage(u->pf.pool, &usage, NULL));
	assert_int_equal(usage.free_pages + usage.fixed_pages +
				 usage.meta_pages + usage.table_pages +
				 usage.data_pages,
			 u->at.pages);
	return usage.free_pages;
}

/* Map one frame at the i-th page; its page, or NONE and *err. */
static uint32_t take(struct unit_pool *u, uint64_t i, uint32_t flags, int *err)
{
	uint64_t va = VA + i * 4096;

	*err = ppt_map(&u->space, va, ALLOC, 4096, RW, flags, NULL);
	return *err ? NONE : page_of(u, unit_pa(u, va));
}

static bool is_zero(struct unit_pool *u, uint32_t page)
{
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		if (*unit_word(u, page, i))
			return false;
	return true;
}

/* Take all there is; their number.  @owned: a byte for each page. */
static uint64_t take_all(struct unit_pool *u, uint8_t *owned, int want_err)
{
	uint64_t n = 0;
	int err = 0;

	for (;;) {
		uint32_t page = take(u, 512 + n, 0, &err);

		if (page == NONE)
			break;
		assert_true(page >= u->at.first_page);
		assert_int_equal(owned[page], 0);
		owned[page] = 1;
		assert_true(is_zero(u, page));
		memset(unit_word(u, page, 0), 0xc3, 4096); /* its user */
		n++;
	}
	assert_int_equal(err, want_err);
	return n;
}

static void ppt_map__pool_filled_and_emptied_gets_all_back(void **state)
{
	struct unit_pool u;
	uint8_t *owned;
	uint64_t first = 0;

	unit_open(&u, 2 * MIB, 65536, PPT_ATTACH_NO_MMU);
	owned = calloc(u.at.pages, 1);
	assert_non_null(owned);
	for (int turn = 0; turn < 4; turn++) {
		uint64_t before = free_pages(&u), n;

		memset(owned, 0, u.at.pages);
		n = take_all(&u, owned, PPT_E_NOSPC);
		assert_int_equal(free_pages(&u), 0);
		if (turn == 0)
			first = n;
		assert_int_equal(n, first);
		/* frames, and a table for 512 of them */
		assert_int_equal(n + (n + 511) / 512, before);
		if (turn == 1) /* or by a crash in between */
			assert_ok(unit_attach(&u));
		assert_ok(ppt_unmap(&u.space, VA + 512 * 4096, n * 4096, NULL));
		assert_int_equal(free_pages(&u), before);
		if (turn == 2)
			assert_ok(unit_attach(&u));
	}
	unit_check_pages(&u);
	free(owned);
	unit_close(&u);
}

static void ppt_map__frames_on_dirty_media_are_zero(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 7, 9, 40, 100, 513 };
	struct unit_pool u;
	uint64_t at = 512;

	unit_open(&u, 16 * MIB, 65536, PPT_ATTACH_NO_MMU);
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (int again = 0; again < 3; again++, at += sizes[s]) {
			uint64_t n = sizes[s];

			if (again == 1)
				assert_ok(ppt_begin(u.pf.pool));
			assert_ok(ppt_map(&u.space, VA + at * 4096, ALLOC,
					  n * 4096, RW, 0, NULL));
			if (again == 1)
				assert_ok(ppt_commit(u.pf.pool));
			for (uint64_t i = 0; i < n; i++) {
				uint64_t pa = unit_pa(&u, VA + (at + i) * 4096);

				assert_true(is_zero(&u, page_of(&u, pa)));
			}
		}
	}
	unit_close(&u);
}

static void ppt_map__unzeroed_frames_are_left_alone(void **state)
{
	struct unit_pool u;
	uint8_t *image;
	int err;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	image = unit_save(&u);
	for (uint64_t i = 0; i < 20; i++) {
		uint32_t page = take(&u, i, PPT_MAP_UNZEROED, &err);

		assert_ok(err);
		assert_memory_equal(u.pf.media + page * 4096,
				    image + page * 4096, 4096);
	}
	free(image);
	unit_close(&u);
}

static void ppt_map__single_frames_are_zeroed_ahead(void **state)
{
	struct ppt_stats a, b;
	struct unit_pool u;
	uint64_t more = 0;
	int err;

	unit_open(&u, 2 * MIB, 65536, PPT_ATTACH_NO_MMU);
	take(&u, 0, 0, &err);
	for (uint64_t i = 1; i < 200; i++) {
		uint32_t page;

		ppt_stats(u.pf.pool, &a);
		page = take(&u, i, 0, &err);
		ppt_stats(u.pf.pool, &b);
		assert_true(is_zero(&u, page));
		more += b.pm.fences - a.pm.fences - 1;
	}
	assert_true(more <= 2);
	unit_close(&u);
}

/* ----------------------------------------------------------------- limbo -- */

/* A freed page serves again only when the tail has passed its record. */
static void ppt_unmap__frame_waits_until_the_tail_has_passed(void **state)
{
	struct rng r = { .state = 5 };
	struct unit_pool u;
	uint32_t held[200];
	uint64_t *freed, reused = 0;
	struct ppt_stats s;
	int err;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	freed = calloc(u.at.pages, sizeof(*freed));
	assert_non_null(freed);
	memset(held, 0xff, sizeof(held));
	for (int i = 0; i < 20000; i++) {
		uint32_t k = (uint32_t)rng_below(&r, 200);

		if (held[k] == NONE) {
			held[k] = take(&u, k, PPT_MAP_UNZEROED, &err);
			assert_true(err == 0 || err == PPT_E_NOSPC);
			if (err)
				continue;
			reused += freed[held[k]] != 0;
			assert_true(unit_tail(&u) >= freed[held[k]]);
			continue;
		}
		assert_ok(ppt_unmap(&u.space, VA + k * 4096, 4096, NULL));
		ppt_stats(u.pf.pool, &s);
		/* behind the record; the ring's own tail may be newer */
		freed[held[k]] = unit_tail(&u);
		if (s.live_lines)
			freed[held[k]] += 1;
		held[k] = NONE;
	}
	assert_true(reused > 1000);
	free(freed);
	unit_close(&u);
}

static void ppt_map__all_wait_for_a_tlb_flush_gives_again(void **state)
{
	struct ppt_tlb_gather g;
	struct unit_pool u;
	uint8_t *owned;
	uint64_t n;
	int err;

	unit_open(&u, MIB, 65536, 0);
	owned = calloc(u.at.pages, 1);
	assert_non_null(owned);
	n = take_all(&u, owned, PPT_E_NOSPC);
	assert_ok(ppt_unmap(&u.space, VA + 600 * 4096, 10 * 4096, NULL));
	ppt_tlb_pending(u.pf.pool, &g);
	assert_true(g.ticket != 0);
	assert_true(g.va <= VA + 600 * 4096 && g.last >= VA + 610 * 4096 - 1);
	/* free on media, but not to be had, nor after a checkpoint */
	assert_int_equal(free_pages(&u), 10);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take(&u, 600, 0, &err), NONE);
		assert_int_equal(err, PPT_E_AGAIN);
		assert_ok(ppt_checkpoint(u.pf.pool));
	}
	assert_int_equal(ppt_tlb_flushed(u.pf.pool, 0), PPT_E_INVAL);
	assert_int_equal(ppt_tlb_flushed(u.pf.pool, g.ticket + 1), PPT_E_INVAL);
	assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
	for (uint64_t i = 0; i < 10; i++)
		assert_int_not_equal(take(&u, 600 + i, 0, &err), NONE);
	assert_int_equal(take(&u, 512 + n, 0, &err), NONE);
	assert_int_equal(err, PPT_E_NOSPC);
	free(owned);
	unit_close(&u);
}

static void ppt_tlb_flushed__older_ticket_frees_only_its_pages(void **state)
{
	struct ppt_tlb_gather one, two;
	struct unit_pool u;
	uint8_t *owned;
	uint32_t first, page;
	int err;

	unit_open(&u, MIB, 65536, 0);
	owned = calloc(u.at.pages, 1);
	assert_non_null(owned);
	take_all(&u, owned, PPT_E_NOSPC);
	first = page_of(&u, unit_pa(&u, VA + 520 * 4096));
	assert_ok(ppt_unmap(&u.space, VA + 520 * 4096, 4096, NULL));
	ppt_tlb_pending(u.pf.pool, &one);
	assert_ok(ppt_unmap(&u.space, VA + 530 * 4096, 4096, NULL));
	ppt_tlb_pending(u.pf.pool, &two);
	assert_true(two.ticket > one.ticket);
	assert_ok(ppt_tlb_flushed(u.pf.pool, one.ticket));
	page = take(&u, 520, 0, &err);
	assert_int_equal(page, first);
	take(&u, 530, 0, &err);
	assert_int_equal(err, PPT_E_AGAIN);
	/* what waits is still told */
	ppt_tlb_pending(u.pf.pool, &one);
	assert_int_equal(one.ticket, two.ticket);
	assert_true(one.va <= VA + 530 * 4096);
	assert_ok(ppt_tlb_flushed(u.pf.pool, two.ticket));
	ppt_tlb_pending(u.pf.pool, &one);
	assert_int_equal(one.ticket, 0);
	take(&u, 530, 0, &err);
	assert_ok(err);
	free(owned);
	unit_close(&u);
}

/* -------------------------------------------------------- large and back -- */

/* Map so much in one leaf of frames of the pool. */
static int take_large(struct ppt_space *space, uint64_t va, uint64_t size,
		      uint64_t *pa)
{
	struct ppt_extent e;
	int err = ppt_map(space, va, ALLOC, size, RW,
			  PPT_MAP_UNZEROED | (size == PPT_SIZE_1G ? PPT_MAP_1G :
								    PPT_MAP_2M),
			  NULL);

	if (err)
		return err;
	assert_ok(ppt_translate(space, va, &e, NULL));
	assert_int_equal(e.page_size, size);
	assert_int_equal(e.pa % size, 0);
	*pa = e.pa;
	return 0;
}

static void large_pool(struct pool_fixture *pf, struct ppt_space *space,
		       uint64_t bytes, ppt_pa_t base)
{
	struct pool_fixture_options o = {
		.bytes = bytes,
		.journal_bytes = MIB,
		.phys_base = base,
		.zeroed_media = true,
		.attach_flags = PPT_ATTACH_NO_MMU,
	};

	pool_fixture_ready(pf, &o);
	assert_ok(ppt_space_create(pf->pool, "s", PPT_FORMAT_X86_64_4, space,
				   NULL));
}

static void ppt_map__2m_frames_are_aligned_and_come_back(void **state)
{
	struct pool_fixture pf;
	struct ppt_space space;
	uint64_t pa[16], n = 0, va = UINT64_C(1) << 40;
	int err = 0;

	large_pool(&pf, &space, 16 * MIB, 3 * PPT_SIZE_2M);
	for (int turn = 0; turn < 3; turn++) {
		for (n = 0; !err; n++) {
			err = take_large(&space, va + n * PPT_SIZE_2M,
					 PPT_SIZE_2M, &pa[n]);
			for (uint64_t i = 0; !err && i < n; i++)
				assert_int_not_equal(pa[n], pa[i]);
		}
		assert_int_equal(err, PPT_E_NOSPC);
		/* all but the stretch of the metadata and tables */
		assert_int_equal(n, 8);
		assert_ok(ppt_unmap(&space, va, 16 * MIB, NULL));
		err = 0;
	}
	pool_fixture_close(&pf);
}

static void ppt_map__1g_frames_are_aligned_and_come_back(void **state)
{
	const uint64_t va = UINT64_C(1) << 41;
	struct pool_fixture pf;
	struct ppt_space space;
	uint64_t a, b, c;

	large_pool(&pf, &space, UINT64_C(3) << 30, POOL_FIXTURE_PHYS);
	assert_ok(take_large(&space, va, PPT_SIZE_1G, &a));
	assert_ok(take_large(&space, 2 * va, PPT_SIZE_1G, &b));
	assert_int_not_equal(a, b);
	/* of three, one begins with the metadata */
	assert_int_equal(take_large(&space, 4 * va, PPT_SIZE_1G, &c),
			 PPT_E_NOSPC);
	assert_ok(ppt_unmap(&space, va, PPT_SIZE_1G, NULL));
	assert_ok(take_large(&space, 4 * va, PPT_SIZE_1G, &c));
	assert_int_equal(a, c);
	pool_fixture_close(&pf);
}

static void ppt_abort__frames_taken_are_free_again(void **state)
{
	struct unit_pool u;
	uint64_t before;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	before = free_pages(&u);
	image = unit_save(&u);
	for (int i = 0; i < 3; i++) {
		assert_ok(ppt_begin(u.pf.pool));
		assert_ok(ppt_map(&u.space, VA + MIB * 64, ALLOC,
				  (before - 1) * 4096, RW, PPT_MAP_4K, NULL));
		assert_int_equal(free_pages(&u), 0);
		assert_ok(ppt_abort(u.pf.pool));
		assert_int_equal(free_pages(&u), before);
		assert_true(unit_same(&u, image)); /* [I11] */
	}
	/* one too many changes nothing, what there is can be had */
	assert_int_equal(ppt_map(&u.space, VA + MIB * 64, ALLOC, before * 4096,
				 RW, PPT_MAP_4K, NULL),
			 PPT_E_NOSPC);
	assert_int_equal(free_pages(&u), before);
	assert_ok(ppt_map(&u.space, VA + MIB * 64, ALLOC, (before - 1) * 4096,
			  RW, PPT_MAP_4K, NULL));
	free(image);
	unit_close(&u);
}

/* --------------------------------------------------------------- restart -- */

struct reads {
	struct ppt_pm_observer observer;
	uint64_t bytes;
};

static void count_reads(void *ctx, enum ppt_pm_event event, uint64_t off,
			uint64_t len, const char *site)
{
	struct reads *r = ctx;

	(void)off;
	(void)site;
	if (event == PPT_PM_LOAD)
		r->bytes += len;
}

/* Bytes read by attach and the first allocation. */
static uint64_t first_allocation(struct unit_pool *u)
{
	struct reads r = { .observer = { .event = count_reads, .ctx = &r } };
	int err;

	pool_fixture_drop(&u->pf);
	u->pf.observer = &r.observer;
	assert_ok(unit_attach(u));
	take(u, 0, PPT_MAP_UNZEROED, &err);
	assert_ok(err);
	assert_ok(ppt_unmap(&u->space, VA, 4096, NULL));
	pool_fixture_drop(&u->pf);
	u->pf.observer = NULL;
	return r.bytes;
}

static void ppt_attach__first_allocation_does_not_scan_the_pool(void **state)
{
	uint64_t bytes[2];

	for (int big = 0; big < 2; big++) {
		uint64_t size = big ? 64 * MIB : 8 * MIB;
		struct unit_pool u;

		unit_open(&u, size, 65536, PPT_ATTACH_NO_MMU);
		/* full but for the last stretch */
		assert_ok(ppt_map(&u.space, VA + MIB * 1024, ALLOC,
				  size - 3 * MIB, RW,
				  PPT_MAP_4K | PPT_MAP_UNZEROED, NULL));
		assert_ok(ppt_checkpoint(u.pf.pool));
		bytes[big] = first_allocation(&u);
		unit_close(&u);
	}
	assert_int_equal(bytes[0], bytes[1]);
}

static void ppt_attach__wrong_hint_does_no_harm(void **state)
{
	static const uint64_t hints[] = {
		0, 1, 3, 4, 511, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX
	};
	struct unit_pool u;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		uint32_t page;
		int err;

		*unit_word(&u, 0, PPT_M_TAIL_WORD + 1) = hints[i];
		*unit_word(&u, 1, PPT_M_TAIL_WORD + 1) = hints[i];
		assert_ok(unit_attach(&u));
		page = take(&u, i, 0, &err);
		assert_ok(err);
		assert_true(page >= u.at.first_page);
	}
	unit_check_pages(&u);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_map__pool_filled_and_emptied_gets_all_back),
		cmocka_unit_test(ppt_map__frames_on_dirty_media_are_zero),
		cmocka_unit_test(ppt_map__unzeroed_frames_are_left_alone),
		cmocka_unit_test(ppt_map__single_frames_are_zeroed_ahead),
		cmocka_unit_test(
			ppt_unmap__frame_waits_until_the_tail_has_passed),
		cmocka_unit_test(ppt_map__all_wait_for_a_tlb_flush_gives_again),
		cmocka_unit_test(
			ppt_tlb_flushed__older_ticket_frees_only_its_pages),
		cmocka_unit_test(ppt_map__2m_frames_are_aligned_and_come_back),
		cmocka_unit_test(ppt_map__1g_frames_are_aligned_and_come_back),
		cmocka_unit_test(ppt_abort__frames_taken_are_free_again),
		cmocka_unit_test(
			ppt_attach__first_allocation_does_not_scan_the_pool),
		cmocka_unit_test(ppt_attach__wrong_hint_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
