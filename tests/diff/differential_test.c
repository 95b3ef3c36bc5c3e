/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * differential_test.c - long random operation sequences against a naive map.
 *
 * Layer: tests.  After every operation the range that it touched is compared,
 * and every so often everything: iteration, translation, a walk of the media
 * as the MMU does it, the content of frames, and the page counts.
 *
 * PPT_TEST_SEED  replays a run (printed on failure)
 * PPT_TEST_OPS   operations of each profile
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/oracle/opgen.h"
#include "../support/pool_fixture.h"

#define HISTORY 12u
#define TEXT_BYTES 176u
#define OPS_DEFAULT (10000u / TEST_SHARE)
#define SEED_DEFAULT 20240611u

struct profile {
	const char *name;
	uint64_t bytes;
	uint64_t journal_bytes;
	bool no_mmu;
	unsigned txn_once;    /* begin a transaction */
	unsigned relax_once;  /* enter or leave relaxed mode */
	unsigned attach_once; /* detach and attach */
	unsigned crash_once;  /* copy the media, attach the copy */
	unsigned move_once;   /* of these, with moved regions */
	unsigned check_once;  /* compare everything */
	unsigned touch_once;  /* set A and D bits */
	unsigned share;       /* of PPT_TEST_OPS, in percent */
	struct opgen gen;
};

struct run {
	const struct profile *profile;
	struct pool_fixture fixture[2];
	unsigned active;
	struct twin twin;
	struct opgen gen;
	struct rng rng;
	uint64_t seed;
	uint64_t index;
	unsigned txn_left;
	bool txn_spaces; /* the open transaction created or deleted one */
	uint8_t *bytes_before;
	char history[HISTORY][TEXT_BYTES];
	uint64_t free_before;
};

static void note(struct run *r, const char *text)
{
	char *line = r->history[r->index % HISTORY];

	(void)snprintf(line, TEXT_BYTES, "%llu: %s",
		       (unsigned long long)r->index, text);
	r->index++;
}

/* Says all that is needed to see the failure again. */
static int report(struct run *r)
{
	uint64_t from = r->index > HISTORY ? r->index - HISTORY : 0;

	fprintf(stderr,
		"\nprofile %s failed at operation %llu%s%s: %s\n"
		"replay: PPT_TEST_SEED=%llu PPT_TEST_PROFILE=%s "
		"PPT_TEST_OPS=%llu\nlast operations:\n",
		r->profile->name, (unsigned long long)r->index - 1,
		r->twin.in_txn ? ", in a transaction" : "",
		r->twin.relaxed ? ", relaxed" : "", r->twin.why.text,
		(unsigned long long)r->seed, r->profile->name,
		(unsigned long long)r->index * 100 / r->profile->share + 100);
	for (uint64_t i = from; i < r->index; i++)
		fprintf(stderr, "  %s\n", r->history[i % HISTORY]);
	return -1;
}

static bool once_in(struct run *r, unsigned n)
{
	return n != 0 && rng_once_in(&r->rng, n);
}

/* A call that is to fail must not change one byte of the media [I11]. */
static int step_watched(struct run *r, const struct op *op)
{
	struct pool_fixture *pf = &r->fixture[r->active];
	int err;

	if (ppt_checkpoint(pf->pool))
		return why_set(&r->twin.why, "ppt_checkpoint failed");
	memcpy(r->bytes_before, pf->media, pf->bytes);
	err = twin_step(&r->twin, op);
	if (err || !r->twin.result)
		return err;
	for (uint64_t i = 0; i < pf->bytes; i += 8)
		if (memcmp(r->bytes_before + i, pf->media + i, 8))
			return why_set(&r->twin.why,
				       "a call that failed with %s changed the "
				       "media at %#llx",
				       ppt_error_name(r->twin.result),
				       (unsigned long long)i);
	return 0;
}

/* The range of @op and some pages around it, within its half. */
static int check_near(struct run *r, const struct op *op)
{
	struct oracle_space *s = &r->twin.now.space[op->space];
	const uint64_t more = 3 * PPT_SIZE_4K;
	uint64_t va = op->va & ~UINT64_C(0xfff);
	uint64_t half_last = format_half_last(s->format, va);
	uint64_t last = op->va + (op->len - 1);

	if (!s->exists || op->kind >= OP_SPACE_CREATE ||
	    !format_canonical(s->format, va))
		return 0;
	last |= PPT_PAGE_BYTES - 1;
	if (last < va || last > half_last || half_last - last < more)
		last = half_last;
	else
		last += more;
	va = va > more ? va - more : 0;
	if (!format_canonical(s->format, va))
		va = op->va & ~UINT64_C(0xfff);
	return view_check_space(&r->twin.handle[op->space], s, va, last,
				&r->twin.why);
}

static int one_op(struct run *r)
{
	char text[TEXT_BYTES];
	struct expect e;
	struct op op;
	int err;

	opgen_next(&r->gen, &r->twin.now, &op);
	note(r, op_text(&op, text, 150));
	oracle_expect(&r->twin.now, &op, &e);
	if (!e.may_succeed && !r->twin.in_txn && once_in(r, 12))
		err = step_watched(r, &op);
	else
		err = twin_step(&r->twin, &op);
	if (op.kind >= OP_SPACE_CREATE)
		r->txn_spaces = true;
	r->index--;
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ": %s",
		       ppt_error_name(r->twin.result));
	note(r, text);
	if (!err)
		err = check_near(r, &op);
	return err;
}

static int attach(struct run *r, bool clean)
{
	struct pool_fixture *pf = &r->fixture[r->active];
	struct twin *twin = &r->twin;
	struct ppt_memory_map map;
	bool moved = once_in(r, r->profile->move_once);
	int err;

	if (moved) {
		pool_fixture_map(pf, &map);
		memory_move(&map, &r->rng);
	}
	err = pool_fixture_attach(pf, moved ? &map : NULL);
	if (err)
		return why_set(&twin->why, "ppt_attach: %s (%s: %s at %#llx)",
			       ppt_error_name(err),
			       pf->diag.what ? pf->diag.what : "?",
			       pf->diag.why ? pf->diag.why : "?",
			       (unsigned long long)pf->diag.at);
	if (moved)
		oracle_rebase(&twin->now, &map);
	if (clean && !moved && pf->report.verdict != PPT_VERDICT_CLEAN)
		return why_set(&twin->why, "attach after detach reports %s",
			       ppt_verdict_name(pf->report.verdict));
	err = twin_reopen(twin, pool_fixture_view(pf));
	return err ? err : twin_check(twin);
}

/* A detach aborts what is open; so does a crash. */
static void lose_txn(struct run *r)
{
	struct twin *twin = &r->twin;

	if (!twin->in_txn)
		return;
	oracle_free(&twin->now);
	twin->now = twin->before;
	twin->in_txn = false;
	r->txn_left = 0;
}

static int reattach(struct run *r)
{
	note(r, "detach, attach");
	lose_txn(r);
	if (pool_fixture_detach(&r->fixture[r->active]))
		return why_set(&r->twin.why, "ppt_detach failed");
	return attach(r, true);
}

static int crash(struct run *r)
{
	struct pool_fixture *from = &r->fixture[r->active];
	struct pool_fixture *to = &r->fixture[!r->active];

	note(r, "crash, attach");
	if (r->twin.relaxed && !r->twin.in_txn && twin_sync(&r->twin))
		return -1;
	if (r->twin.relaxed && r->twin.in_txn)
		return 0;
	lose_txn(r);
	pool_fixture_copy(to, from);
	pool_fixture_drop(from);
	r->active = !r->active;
	return attach(r, false);
}

static int check_all(struct run *r)
{
	struct twin *twin = &r->twin;
	int err;

	if (twin->in_txn) {
		/* nothing of an open transaction is on the media */
		if (twin->relaxed || r->txn_spaces)
			return 0;
		return view_check_media(&twin->view, &twin->before, &twin->why);
	}
	if (twin->relaxed && twin_sync(twin))
		return -1;
	err = twin_check(twin);
	if (!err && once_in(r, 4))
		err = twin_fill(twin, &r->rng);
	if (!err && once_in(r, 3))
		err = twin_flush_tlb(twin);
	if (!err && !twin->mmu && once_in(r, 4))
		err = view_check_settled(&twin->view, &twin->now, &twin->why);
	return err;
}

static int transaction(struct run *r)
{
	struct twin *twin = &r->twin;

	if (twin->in_txn && r->txn_left == 0) {
		bool keep = rng_below(&r->rng, 4) != 0;

		note(r, keep ? "commit" : "abort");
		return keep ? twin_commit(twin) : twin_abort(twin);
	}
	if (twin->in_txn) {
		r->txn_left--;
		return 0;
	}
	if (!once_in(r, r->profile->txn_once))
		return 0;
	note(r, "begin");
	r->txn_left = 1 + (unsigned)rng_below(&r->rng, 9);
	r->txn_spaces = false;
	return twin_begin(twin);
}

static int one_step(struct run *r)
{
	const struct profile *p = r->profile;
	struct twin *twin = &r->twin;
	int err = transaction(r);

	if (!err)
		err = one_op(r);
	if (!err && !twin->in_txn && once_in(r, p->relax_once)) {
		note(r, twin->relaxed ? "strict" : "relaxed");
		err = twin_relaxed(twin, !twin->relaxed);
	}
	if (!err &&
	    (twin->result == PPT_E_AGAIN || twin->result == PPT_E_NOSPC) &&
	    !twin->in_txn) {
		err = twin_flush_tlb(twin);
		if (!err)
			err = view_reclaim(twin->view.pool, &twin->why);
	}
	if (!err && once_in(r, p->check_once))
		err = check_all(r);
	if (!err && !twin->relaxed && !(twin->in_txn && r->txn_spaces) &&
	    once_in(r, p->touch_once))
		twin_touch(twin, &r->rng);
	if (!err && once_in(r, p->attach_once))
		err = reattach(r);
	if (!err && once_in(r, p->crash_once))
		err = crash(r);
	return err;
}

static uint64_t free_pages(struct run *r)
{
	struct ppt_usage u = { 0 };

	(void)ppt_usage(r->twin.view.pool, &u, NULL);
	return u.free_pages;
}

/* Delete all spaces; every page must come back. */
static int end(struct run *r)
{
	struct twin *twin = &r->twin;
	int err = 0;

	if (twin->in_txn)
		err = twin_commit(twin);
	if (!err && twin->relaxed)
		err = twin_relaxed(twin, false);
	if (!err)
		err = twin_flush_tlb(twin);
	if (!err)
		err = view_check_settled(&twin->view, &twin->now, &twin->why);
	for (unsigned i = 0; i < ORACLE_SPACES && !err; i++) {
		struct op op = { .kind = OP_SPACE_DELETE, .space = i };

		if (!twin->now.space[i].exists)
			continue;
		note(r, "delete a space");
		err = twin_step(twin, &op);
		if (!err && twin->result)
			err = why_set(&twin->why, "delete: %s",
				      ppt_error_name(twin->result));
		if (!err)
			err = view_check_settled(&twin->view, &twin->now,
						 &twin->why);
	}
	if (!err && r->free_before != free_pages(r))
		err = why_set(&twin->why, "%llu pages were free, now %llu are",
			      (unsigned long long)r->free_before,
			      (unsigned long long)free_pages(r));
	return err;
}

/* Spaces once made and deleted, so that the directory has its pages. */
static int warm_up(struct run *r)
{
	struct twin *twin = &r->twin;
	int err = 0;

	for (unsigned i = 0; i < ORACLE_SPACES * 2 && !err; i++) {
		struct op op = { .space = i % ORACLE_SPACES };

		op.kind = i < ORACLE_SPACES ? OP_SPACE_CREATE : OP_SPACE_DELETE;
		op.format = PPT_FORMAT_X86_64_4;
		err = twin_step(twin, &op);
	}
	if (!err)
		err = view_check_settled(&twin->view, &twin->now, &twin->why);
	r->free_before = free_pages(r);
	return err;
}

static void start(struct run *r, const struct profile *p, uint64_t seed)
{
	struct pool_fixture_options o = {
		.bytes = p->bytes,
		.journal_bytes = p->journal_bytes,
		.attach_flags = p->no_mmu ? PPT_ATTACH_NO_MMU : 0,
		.seed = seed,
	};

	memset(r, 0, sizeof(*r));
	r->profile = p;
	r->seed = seed;
	r->rng.state = seed;
	r->gen = p->gen;
	r->gen.rng.state = seed ^ 0x5eed;
	pool_fixture_ready(&r->fixture[0], &o);
	pool_fixture_open(&r->fixture[1], &o);
	r->bytes_before = malloc(r->fixture[0].bytes);
	pool_fixture_twin(&r->fixture[0], &r->twin);
}

static void run_profile(const struct profile *p)
{
	const char *only = getenv("PPT_TEST_PROFILE");
	uint64_t seed = env_number("PPT_TEST_SEED", SEED_DEFAULT);
	uint64_t ops = env_number("PPT_TEST_OPS", OPS_DEFAULT) * p->share / 100;
	struct run r;
	int err;

	if (only && strcmp(only, p->name) != 0)
		skip();
	start(&r, p, seed);
	assert_non_null(r.bytes_before);
	err = warm_up(&r);
	for (uint64_t i = 0; i < ops && !err; i++)
		err = one_step(&r);
	if (!err)
		err = end(&r);
	if (err)
		(void)report(&r);
	else
		print_message("%s: %llu steps, %llu refused as expected, "
			      "%llu out of pages, %llu too big\n",
			      p->name, (unsigned long long)r.twin.steps,
			      (unsigned long long)r.twin.failures_expected,
			      (unsigned long long)r.twin.no_space,
			      (unsigned long long)r.twin.too_big);
	free(r.bytes_before);
	twin_close(&r.twin);
	for (unsigned i = 0; i < 2; i++) {
		if (err)
			pool_fixture_drop(&r.fixture[i]);
		pool_fixture_close(&r.fixture[i]);
	}
	assert_int_equal(err, 0);
}

#define GEN_MIXED                                                              \
	{                                                                      \
		.max_small = 1500, .max_alloc = 64, .error_once = 12,          \
		.space_once = 150, .large_once = 5, .sweep_once = 40,          \
		.map_weight = 6,                                               \
	}

#define GEN_FULL                                                               \
	{                                                                      \
		.max_small = 700, .max_alloc = 100, .error_once = 20,          \
		.space_once = 100, .large_once = 8, .sweep_once = 80,          \
		.map_weight = 7,                                               \
	}

static const struct profile profiles[] = {
	{
		.name = "singles",
		.bytes = UINT64_C(16) << 20,
		.no_mmu = true,
		.attach_once = 400,
		.crash_once = 150,
		.check_once = 30,
		.share = 100,
		.gen = GEN_MIXED,
	},
	{
		.name = "transactions",
		.bytes = UINT64_C(16) << 20,
		.journal_bytes = UINT64_C(256) << 10,
		.no_mmu = true,
		.txn_once = 3,
		.attach_once = 400,
		.crash_once = 150,
		.check_once = 20,
		.share = 100,
		.gen = GEN_MIXED,
	},
	{
		.name = "relaxed",
		.bytes = UINT64_C(16) << 20,
		.no_mmu = true,
		.txn_once = 10,
		.relax_once = 60,
		.attach_once = 400,
		.crash_once = 150,
		.check_once = 30,
		.share = 100,
		.gen = GEN_MIXED,
	},
	{
		.name = "mmu",
		.bytes = UINT64_C(8) << 20,
		.txn_once = 8,
		.attach_once = 300,
		.crash_once = 100,
		.check_once = 20,
		.touch_once = 3,
		.share = 100,
		.gen = GEN_MIXED,
	},
	{
		.name = "moves",
		.bytes = UINT64_C(8) << 20,
		.no_mmu = true,
		.txn_once = 20,
		.attach_once = 60,
		.crash_once = 40,
		.move_once = 2,
		.check_once = 40,
		.share = 80,
		.gen = GEN_MIXED,
	},
	{
		.name = "full",
		.bytes = UINT64_C(1) << 20,
		.no_mmu = true,
		.txn_once = 10,
		.relax_once = 300,
		.attach_once = 400,
		.crash_once = 60,
		.check_once = 8,
		.share = 200,
		.gen = GEN_FULL,
	},
	{
		.name = "full-mmu",
		.bytes = UINT64_C(1) << 20,
		.txn_once = 10,
		.attach_once = 400,
		.crash_once = 60,
		.check_once = 8,
		.touch_once = 4,
		.share = 150,
		.gen = GEN_FULL,
	},
	{
		.name = "huge", .bytes = UINT64_C(16) << 20, .no_mmu = true,
		.txn_once = 40, .relax_once = 100, .attach_once = 200,
		.crash_once = 40, .check_once = 20, .share = 15,
		.gen = {
			.max_small = 20000, .max_alloc = 2000,
			.error_once = 20, .space_once = 100, .huge_once = 4,
			.large_once = 6, .sweep_once = 20, .map_weight = 6,
		},
	},
};

/* X(test, place in profiles) */
#define TESTS(X)                                                               \
	X(ppt_map__random_singles_match, 0)                                    \
	X(ppt_commit__random_transactions_match, 1)                            \
	X(ppt_sync__random_relaxed_match, 2)                                   \
	X(ppt_tlb_flushed__random_with_mmu_matches, 3)                         \
	X(ppt_attach__random_moves_match, 4)                                   \
	X(ppt_map__random_in_full_pool_matches, 5)                             \
	X(ppt_map__random_full_pool_with_mmu_matches, 6)                       \
	X(ppt_map__random_huge_ranges_match, 7)

#define PROFILE_TEST(test, index)                                              \
	static void test(void **state)                                         \
	{                                                                      \
		run_profile(&profiles[index]);                                 \
	}
TESTS(PROFILE_TEST)

#define PROFILE_ENTRY(test, index) cmocka_unit_test(test),

int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(PROFILE_ENTRY) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
