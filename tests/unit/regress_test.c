/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * regress_test.c - narrow cases in which an invariant is easily broken: torn
 * records and their successors, relaxed commits and TLBs, building aside,
 * ranges of many GiB, regions that go.
 *
 * Layer: tests.  Pools of some GiB are sparse.
 */
#include "unit_pool.h"

#define GIB (UINT64_C(1) << 30)
#define ALLOC PPT_PA_ALLOC
#define FAR (UINT64_C(1) << 40)

/* A large pool with nothing but an empty space "s". */
static void sparse_open(struct unit_pool *u, uint64_t bytes)
{
	struct pool_fixture_options o = {
		.bytes = bytes,
		.zeroed_media = true,
		.attach_flags = PPT_ATTACH_NO_MMU,
	};

	memset(u, 0, sizeof(*u));
	pool_fixture_ready(&u->pf, &o);
	assert_ok(ppt__layout(bytes, u->pf.config.journal_bytes, &u->at, NULL));
	u->seed = ppt__seed(u->pf.config.uuid.b);
	u->lines = u->pf.config.journal_bytes / PPT_LINE_BYTES;
	assert_ok(ppt_space_create(u->pf.pool, "s", PPT_FORMAT_X86_64_4,
				   &u->space, NULL));
}

static struct ppt_usage usage(struct unit_pool *u)
{
	struct ppt_usage now;

	assert_ok(ppt_usage(u->pf.pool, &now, NULL));
	return now;
}

static void check_usage(struct unit_pool *u, const struct ppt_usage *was)
{
	struct ppt_usage now = usage(u);

	assert_memory_equal(&now, was, sizeof(now));
}

static uint64_t fences(struct unit_pool *u)
{
	struct ppt_stats s;

	ppt_stats(u->pf.pool, &s);
	return s.pm.fences;
}

static void reclaim_all(struct unit_pool *u)
{
	bool left = true;

	while (left)
		assert_ok(ppt_reclaim(u->pf.pool, 100000, &left));
	assert_ok(ppt_checkpoint(u->pf.pool));
}

/* [va, va + len) is mapped, all of it by leaves of one size. */
static void check_leaves(struct unit_pool *u, uint64_t va, uint64_t len,
			 uint64_t size)
{
	struct ppt_extent e;
	struct ppt_iter it;
	uint64_t next = va;

	ppt_iter_init(&it, &u->space, va, va + len - 1);
	while (next < va + len) {
		assert_ok(ppt_iter_next(&it, &e, NULL));
		assert_int_equal(e.va, next);
		assert_int_equal(e.page_size, size);
		assert_int_equal(e.pa % size, 0);
		next += e.len;
	}
	assert_int_equal(ppt_iter_next(&it, &e, NULL), PPT_E_NOENT);
}

/* ---------------------------------------------------------- torn records -- */

/*
 * What was durable before a transaction wrote its record, and what it had
 * written right before the fence of that record.
 */
struct tear {
	struct ppt_pm_observer observer;
	struct unit_pool *u;
	uint8_t *before;
	uint8_t *after;
	uint64_t first; /* place of the record's first word */
	bool streamed;
	bool done;
};

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct tear *t = ctx;
	uint64_t page = off / PPT_PAGE_BYTES;

	if (t->done)
		return;
	if (event == PPT_PM_STREAM && page >= t->u->at.journal_page &&
	    page < t->u->at.desc_page) {
		if (!t->streamed)
			t->first = off / 8;
		t->streamed = true;
	}
	if (event != PPT_PM_FENCE)
		return;
	memcpy(t->streamed ? t->after : t->before, t->u->pf.media,
	       t->u->pf.bytes);
	t->done = t->streamed;
}

/* Attach the pool as it is; what follows is observed. */
static void tear_open(struct tear *t, struct unit_pool *u)
{
	*t = (struct tear){ .observer = { .event = on_event, .ctx = t },
			    .u = u };
	pool_fixture_drop(&u->pf);
	u->pf.observer = &t->observer;
	t->before = unit_save(u);
	t->after = unit_save(u);
	assert_ok(unit_attach(u));
}

/* A crash after which words [from, end) of the record have persisted. */
static void tear_crash(struct tear *t, uint64_t from, uint64_t end)
{
	uint64_t ring = t->u->lines * PPT__LINE_WORDS;
	uint64_t base = (uint64_t)t->u->at.journal_page * PPT_PAGE_WORDS;
	uint64_t *to = (uint64_t *)(void *)t->before;
	const uint64_t *with = (const uint64_t *)(const void *)t->after;

	assert_true(t->done);
	for (uint64_t i = from; i < end; i++) {
		uint64_t w = base + (t->first - base + i) % ring;

		to[w] = with[w];
	}
	unit_restore(t->u, t->before);
	free(t->before);
	free(t->after);
	t->u->pf.observer = NULL;
}

/* A transaction of 60 runs, which are a chain of records. */
static void commit_chain(struct unit_pool *u, uint64_t pa)
{
	assert_ok(ppt_begin(u->pf.pool));
	for (uint64_t i = 0; i < 60; i++)
		assert_ok(ppt_map(&u->space, VA + i * 8192, pa + i * 12288,
				  4096, RW, 0, NULL));
	assert_ok(ppt_commit(u->pf.pool));
}

/*
 * [I1] A line number names one record for good: the whole first record of a
 * torn transaction and the last ones of its torn successor are no transaction.
 */
static void ppt_attach__halves_of_two_chains_are_no_chain(void **state)
{
	const uint64_t record = PPT__RECORD_WORDS_MAX;
	struct unit_pool u;
	struct tear t;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	tear_open(&t, &u);
	commit_chain(&u, PA + MIB);
	tear_crash(&t, 0, record);
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, VA), 0);
	tear_open(&t, &u);
	commit_chain(&u, PA + 8 * MIB);
	tear_crash(&t, record, 4 * record);
	assert_ok(unit_attach(&u));
	for (uint64_t i = 0; i < 60; i++)
		assert_int_equal(unit_pa(&u, VA + i * 8192), 0);
	unit_check_pages(&u);
	unit_close(&u);
}

/*
 * [I1] Words of a later record do not complete a torn one: a transaction that
 * a recovery has discarded stays discarded.
 */
static void ppt_attach__torn_record_is_never_completed(void **state)
{
	for (uint64_t cut = 1; cut < PPT__LINE_WORDS; cut++) {
		struct unit_pool u;
		struct tear t;

		unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
		memset(unit_line(&u, 0), 0x5a, u.lines * PPT_LINE_BYTES);
		tear_open(&t, &u);
		assert_ok(ppt_map(&u.space, VA, PA + 20480, 4096, RW, 0, NULL));
		tear_crash(&t, 0, cut);
		assert_ok(unit_attach(&u));
		assert_int_equal(unit_pa(&u, VA), 0);
		tear_open(&t, &u);
		assert_ok(ppt_map(&u.space, VA + 4096, PA + 36864, 4096, RW, 0,
				  NULL));
		tear_crash(&t, cut, PPT__LINE_WORDS);
		assert_ok(unit_attach(&u));
		assert_int_equal(unit_pa(&u, VA), 0);
		assert_int_equal(unit_pa(&u, VA + 4096), 0);
		unit_check_pages(&u);
		unit_close(&u);
	}
}

/* -------------------------------------------------------- relaxed commit -- */

/* The entry at which a walk by hardware for an address ends. */
static uint64_t hw_entry(struct unit_pool *u, uint64_t va)
{
	struct ppt_space_info info;
	uint64_t e;

	assert_ok(ppt_space_info(&u->space, &info, NULL));
	e = info.root_pa | 1;
	for (uint32_t level = 4; level && e & 1; level--) {
		uint64_t pa = e & UINT64_C(0xffffffffff000);
		uint64_t page = (pa - POOL_FIXTURE_PHYS) / PPT_PAGE_BYTES;

		e = *unit_word(u, (uint32_t)page,
			       (uint32_t)(va >> (3 + 9 * level)) & 511u);
	}
	return e;
}

/*
 * [I6] A ticket is handed out only when the entry is gone from the media: what
 * is flushed before, the MMU fetches again.
 */
static void ppt_tlb_pending__relaxed_unmap_comes_later(void **state)
{
	struct ppt_tlb_gather g;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, 0);
	assert_ok(ppt_map(&u.space, VA, ALLOC, 8192, RW, PPT_MAP_4K, NULL));
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	assert_ok(ppt_unmap(&u.space, VA, 4096, NULL));
	ppt_tlb_pending(u.pf.pool, &g);
	assert_true(hw_entry(&u, VA) == 0 || g.ticket == 0);
	assert_ok(ppt_sync(u.pf.pool));
	assert_int_equal(hw_entry(&u, VA), 0);
	ppt_tlb_pending(u.pf.pool, &g);
	assert_int_not_equal(g.ticket, 0);
	assert_true(g.va <= VA && g.last >= VA + 4095);
	assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
	unit_close(&u);
}

/*
 * [I6] Confirming every ticket there is does not free the frame of a relaxed
 * unmap: its own ticket comes with the fence that covers the unmap.
 */
static void ppt_tlb_flushed__relaxed_frame_is_not_free(void **state)
{
	struct ppt_tlb_gather g;
	struct unit_pool u;
	uint64_t pa;
	int err = 0;

	unit_open(&u, MIB, 65536, 0);
	assert_ok(ppt_map(&u.space, VA, ALLOC, 8192, RW, PPT_MAP_4K, NULL));
	pa = unit_pa(&u, VA);
	assert_ok(ppt_unmap(&u.space, VA + 4096, 4096, NULL));
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	assert_ok(ppt_unmap(&u.space, VA, 4096, NULL));
	ppt_tlb_pending(u.pf.pool, &g);
	assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
	for (uint64_t i = 0; !err; i++) {
		uint64_t va = VA + (2 + i) * 4096;

		err = ppt_map(&u.space, va, ALLOC, 4096, RW, PPT_MAP_4K, NULL);
		if (!err)
			assert_int_not_equal(unit_pa(&u, va), pa);
	}
	assert_int_equal(err, PPT_E_AGAIN);
	ppt_tlb_pending(u.pf.pool, &g);
	assert_int_not_equal(g.ticket, 0);
	assert_int_equal(hw_entry(&u, VA), 0);
	assert_ok(ppt_tlb_flushed(u.pf.pool, g.ticket));
	assert_ok(ppt_map(&u.space, VA, ALLOC, 4096, RW, PPT_MAP_4K, NULL));
	assert_int_equal(unit_pa(&u, VA), pa);
	unit_close(&u);
}

/* ---------------------------------------------------------- built aside -- */

/*
 * [I7] A frame of a build that was given up has a data page's descriptor until
 * it is reclaimed; it may not be mapped, for reclaim will free it [I6].
 */
static void ppt_map__frame_of_aborted_build_is_refused(void **state)
{
	static const uint32_t size[] = { PPT_MAP_2M, PPT_MAP_4K };
	const uint64_t len = 600 * MIB;
	struct unit_pool u;
	struct ppt_usage was;

	sparse_open(&u, GIB);
	was = usage(&u);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t pa;

		assert_ok(ppt_begin(u.pf.pool));
		assert_ok(ppt_map(&u.space, VA, ALLOC, len, RW,
				  size[i] | PPT_MAP_UNZEROED, NULL));
		pa = unit_pa(&u, VA + 4096);
		assert_ok(ppt_abort(u.pf.pool));
		assert_int_equal(ppt_map(&u.space, FAR, pa, 4096, RW, 0, NULL),
				 PPT_E_REGION);
		assert_ok(unit_attach(&u)); /* a crash changes nothing */
		assert_int_equal(ppt_map(&u.space, FAR, pa, 4096, RW, 0, NULL),
				 PPT_E_REGION);
		reclaim_all(&u);
		check_usage(&u, &was);
	}
	unit_check_pages(&u);
	unit_close(&u);
}

/*
 * Frames and the tables above them may be neighbours in one free extent: each
 * kind keeps its own, and what cannot be had is refused with a reason [I11].
 */
static void ppt_map__small_leaves_from_one_extent_fit(void **state)
{
	const uint64_t len = 600 * MIB;
	struct ppt_diag diag = { 0 };
	struct ppt_usage was;
	struct unit_pool u;

	sparse_open(&u, GIB);
	was = usage(&u);
	assert_ok(ppt_map(&u.space, VA, ALLOC, len, RW,
			  PPT_MAP_4K | PPT_MAP_UNZEROED, NULL));
	check_leaves(&u, VA, len, PPT_SIZE_4K);
	assert_int_equal(usage(&u).data_pages, len / 4096);
	for (uint32_t size = 0; size <= PPT_MAP_2M; size += PPT_MAP_4K) {
		memset(&diag, 0, sizeof(diag));
		assert_int_equal(ppt_map(&u.space, FAR, ALLOC, len, RW,
					 size | PPT_MAP_UNZEROED, &diag),
				 PPT_E_NOSPC);
		assert_int_equal(diag.err, PPT_E_NOSPC);
		assert_non_null(diag.what);
		assert_non_null(diag.why);
	}
	unit_check_pages(&u);
	assert_ok(ppt_unmap(&u.space, VA, len, NULL));
	reclaim_all(&u);
	check_usage(&u, &was);
	unit_close(&u);
}

/*
 * [I7] Extents of the reclaim list end at whole stretches, so that a large
 * leaf of a range of several GiB lies in one of them, aligned.
 */
static void ppt_map__4_gib_of_large_leaves_are_aligned(void **state)
{
	struct ppt_usage was;
	struct unit_pool u;

	sparse_open(&u, 5 * GIB);
	was = usage(&u);
	for (uint64_t len = 4 * GIB; len < 5 * GIB; len += 512 * MIB) {
		assert_ok(ppt_map(&u.space, FAR, ALLOC, len, RW,
				  PPT_MAP_2M | PPT_MAP_UNZEROED, NULL));
		check_leaves(&u, FAR, len, PPT_SIZE_2M);
		assert_int_equal(usage(&u).data_pages, len / 4096);
		assert_ok(ppt_unmap(&u.space, FAR, len, NULL));
		reclaim_all(&u);
	}
	unit_check_pages(&u);
	check_usage(&u, &was);
	unit_close(&u);
}

/*
 * map.h: leaves of 1 GiB are had on request, in a transaction too; what counts
 * as large is the number of tables, not of bytes.
 */
static void ppt_map__1g_leaves_take_one_transaction(void **state)
{
	struct ppt_usage was;
	struct unit_pool u;
	uint64_t before;

	sparse_open(&u, 3 * GIB);
	was = usage(&u);
	assert_ok(ppt_begin(u.pf.pool));
	assert_ok(ppt_map(&u.space, FAR, ALLOC, GIB, RW,
			  PPT_MAP_1G | PPT_MAP_UNZEROED, NULL));
	assert_ok(ppt_commit(u.pf.pool));
	check_leaves(&u, FAR, GIB, PPT_SIZE_1G);
	before = fences(&u);
	assert_ok(ppt_map(&u.space, 2 * FAR, PA, 512 * GIB, RW, 0, NULL));
	assert_int_equal(fences(&u), before + 1);
	check_leaves(&u, 2 * FAR, 512 * GIB, PPT_SIZE_1G);
	assert_ok(unit_attach(&u));
	check_leaves(&u, FAR, GIB, PPT_SIZE_1G);
	check_leaves(&u, 2 * FAR, 512 * GIB, PPT_SIZE_1G);
	assert_ok(ppt_unmap(&u.space, 0, UINT64_C(1) << 47, NULL));
	reclaim_all(&u);
	check_usage(&u, &was);
	unit_close(&u);
}

/* map.h: one fence, also right after something built aside was given up. */
static void ppt_abort__huge_map_leaves_no_fence_behind(void **state)
{
	struct unit_pool u;
	uint64_t before;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	before = fences(&u);
	assert_ok(ppt_begin(u.pf.pool));
	assert_ok(ppt_map(&u.space, FAR, PA + 4096, 800 * MIB, RW, 0, NULL));
	assert_true(fences(&u) > before); /* it was built aside */
	assert_ok(ppt_abort(u.pf.pool));
	for (uint64_t i = 1; i < 4; i++) {
		before = fences(&u);
		unit_map(&u, i);
		assert_int_equal(fences(&u), before + 1);
	}
	unit_close(&u);
}

/* ---------------------------------------------------------------- frames -- */

/*
 * [I7] The frames of a range that is replaced by themselves never pass through
 * "free": their shares rise before anything is cleared.
 */
static void ppt_map__replace_by_larger_leaf_keeps_frames(void **state)
{
	struct ppt_usage was;
	struct unit_pool u;
	uint64_t pa;

	unit_open(&u, 8 * MIB, 65536, PPT_ATTACH_NO_MMU);
	was = usage(&u);
	assert_ok(ppt_map(&u.space, FAR, ALLOC, PPT_SIZE_2M, RW, PPT_MAP_2M,
			  NULL));
	pa = unit_pa(&u, FAR);
	assert_ok(ppt_protect(&u.space, FAR, 4096, PPT_PROT_READ, NULL));
	check_leaves(&u, FAR, PPT_SIZE_2M, PPT_SIZE_4K);
	assert_ok(ppt_map(&u.space, FAR, pa, PPT_SIZE_2M, RW,
			  PPT_MAP_REPLACE | PPT_MAP_2M, NULL));
	check_leaves(&u, FAR, PPT_SIZE_2M, PPT_SIZE_2M);
	assert_int_equal(unit_pa(&u, FAR), pa);
	assert_int_equal(usage(&u).data_pages, 512);
	assert_ok(unit_attach(&u));
	assert_int_equal(unit_pa(&u, FAR), pa);
	assert_ok(ppt_unmap(&u.space, FAR, PPT_SIZE_2M, NULL));
	reclaim_all(&u);
	check_usage(&u, &was);
	unit_close(&u);
}

/* [I7] The same for a range so long that its tables are replaced whole. */
static void ppt_map__huge_replace_by_itself_keeps_frames(void **state)
{
	const uint64_t len = 520 * MIB;
	struct ppt_usage was;
	struct unit_pool u;
	uint64_t pa;

	sparse_open(&u, GIB);
	was = usage(&u);
	assert_ok(ppt_map(&u.space, FAR, ALLOC, len, RW,
			  PPT_MAP_2M | PPT_MAP_UNZEROED, NULL));
	pa = unit_pa(&u, FAR);
	assert_int_equal(unit_pa(&u, FAR + len - 4096), pa + len - 4096);
	assert_ok(ppt_map(&u.space, FAR, pa, len, RW,
			  PPT_MAP_REPLACE | PPT_MAP_4K, NULL));
	check_leaves(&u, FAR, len, PPT_SIZE_4K);
	reclaim_all(&u);
	assert_int_equal(usage(&u).data_pages, len / 4096);
	assert_int_equal(unit_pa(&u, FAR + len - 4096), pa + len - 4096);
	assert_ok(ppt_unmap(&u.space, FAR, len, NULL));
	reclaim_all(&u);
	check_usage(&u, &was);
	unit_close(&u);
}

/* --------------------------------------------------------------- regions -- */

#define PMEM 2u /* in the fixture's memory map */

/*
 * [I7] No table leads outside the memory map, those that wait for reclaim not
 * excepted: a later restart with memory moved walks them too.
 */
static void ppt_region_remove__deleted_space_is_freed(void **state)
{
	struct ppt_memory_map map;
	struct ppt_space other;
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	pool_fixture_map(&u.pf, &map);
	assert_ok(ppt_space_create(u.pf.pool, "other", PPT_FORMAT_X86_64_4,
				   &other, NULL));
	assert_ok(ppt_map(&other, VA, POOL_FIXTURE_PMEM, 40960, RW, 0, NULL));
	assert_ok(ppt_space_delete(u.pf.pool, "other", NULL));
	assert_ok(ppt_region_remove(u.pf.pool, &map.region[PMEM].uuid, NULL));
	assert_ok(pool_fixture_detach(&u.pf));
	map.region[PMEM] = map.region[--map.count];
	map.region[0].base += GIB;
	assert_ok(pool_fixture_attach(&u.pf, &map));
	assert_ok(ppt_space_open(u.pf.pool, "s", &u.space, NULL));
	assert_int_equal(unit_pa(&u, VA + 511 * 4096), PA);
	unit_check_pages(&u);
	unit_close(&u);
}

struct order {
	struct ppt_pm_observer observer;
	struct unit_pool *u;
	bool waiting; /* the ring for a fence */
	uint64_t superblocks;
	uint64_t early;
};

static void on_superblock(void *ctx, enum ppt_pm_event event, uint64_t off,
			  uint64_t len, const char *site)
{
	struct order *o = ctx;
	uint64_t page = off / PPT_PAGE_BYTES;

	if (event == PPT_PM_FENCE)
		o->waiting = false;
	if (event != PPT_PM_STREAM)
		return;
	if (page >= o->u->at.journal_page && page < o->u->at.desc_page)
		o->waiting = true;
	if (page > 1 || off % PPT_PAGE_BYTES >= PPT_M_TAIL_OFFSET)
		return;
	o->superblocks++;
	o->early += o->waiting;
}

/*
 * [I7] The unmap that makes a region unused is durable before the superblock
 * that lacks the region can be.
 */
static void ppt_region_remove__relaxed_unmap_is_settled(void **state)
{
	struct ppt_memory_map map;
	struct unit_pool u;
	struct order o = { .observer = { .event = on_superblock, .ctx = &o },
			   .u = &u };

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	pool_fixture_map(&u.pf, &map);
	assert_ok(ppt_map(&u.space, VA, POOL_FIXTURE_PMEM, 4096, RW, 0, NULL));
	u.pf.observer = &o.observer;
	assert_ok(unit_attach(&u));
	assert_ok(ppt_set_relaxed(u.pf.pool, true));
	assert_ok(ppt_unmap(&u.space, VA, 4096, NULL));
	assert_true(o.waiting);
	assert_ok(ppt_region_remove(u.pf.pool, &map.region[PMEM].uuid, NULL));
	assert_true(o.superblocks > 0);
	assert_int_equal(o.early, 0);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_attach__halves_of_two_chains_are_no_chain),
		cmocka_unit_test(ppt_attach__torn_record_is_never_completed),
		cmocka_unit_test(ppt_tlb_pending__relaxed_unmap_comes_later),
		cmocka_unit_test(ppt_tlb_flushed__relaxed_frame_is_not_free),
		cmocka_unit_test(ppt_map__frame_of_aborted_build_is_refused),
		cmocka_unit_test(ppt_map__small_leaves_from_one_extent_fit),
		cmocka_unit_test(ppt_map__4_gib_of_large_leaves_are_aligned),
		cmocka_unit_test(ppt_map__1g_leaves_take_one_transaction),
		cmocka_unit_test(ppt_abort__huge_map_leaves_no_fence_behind),
		cmocka_unit_test(ppt_map__replace_by_larger_leaf_keeps_frames),
		cmocka_unit_test(ppt_map__huge_replace_by_itself_keeps_frames),
		cmocka_unit_test(ppt_region_remove__deleted_space_is_freed),
		cmocka_unit_test(ppt_region_remove__relaxed_unmap_is_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
