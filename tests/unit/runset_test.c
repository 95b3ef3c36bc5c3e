/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runset_test.c - sets of runs against a naive array of words.
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

#include "sim/oracle/rng.h"
#include "core/runset.h"

#define CAP 300u
#define PAGES 6u

/* Pages that meet in a bucket, and others. */
static const uint32_t page_index[PAGES] = { 5, 5 + 256, 6, 0, 0xffffffff, 7 };

struct fixture {
	struct ppt__runset set;
	struct ppt__run run[CAP];
	uint16_t next[CAP];
	uint16_t bucket[PPT__RUNSET_BUCKETS];
};

/* Naive: what each word became, if it was set. */
struct naive {
	bool set[PAGES][PPT_PAGE_WORDS];
	uint64_t value[PAGES][PPT_PAGE_WORDS];
};

static struct fixture *new_set(uint32_t cap)
{
	struct fixture *f = malloc(sizeof(*f));

	assert_non_null(f);
	memset(f, 0xa5, sizeof(*f)); /* scratch memory is not zero */
	f->set.run = f->run;
	f->set.next = f->next;
	f->set.bucket = f->bucket;
	f->set.cap = cap;
	ppt__runset_reset(&f->set);
	return f;
}

static struct ppt__run random_run(struct rng *r, uint32_t *page)
{
	uint32_t slot = (uint32_t)rng_below(r, PPT_PAGE_WORDS), count = 1;
	uint32_t code = (uint32_t)rng_below(r, 4);
	uint64_t marks = rng_once_in(r, 2) ? PPT__RUN_ENTRY : 0;

	if (code && rng_once_in(r, 2))
		code |= (uint32_t)rng_below(r, 3) << 2;
	if (rng_once_in(r, 4))
		slot = (uint32_t)rng_below(r, 8); /* meet often */
	if (rng_once_in(r, 3))
		count = 1 + (uint32_t)rng_below(r, PPT_PAGE_WORDS - slot);
	*page = (uint32_t)rng_below(r, PAGES);
	return (struct ppt__run){
		ppt__run_where(page_index[*page], slot, count,
			       count > 1 ? code : 0) |
			marks,
		rng_below(r, 4) * 0x1000 + slot * (uint64_t)0x1000,
	};
}

static void naive_add(struct naive *n, uint32_t page, struct ppt__run run)
{
	uint32_t slot = ppt__run_slot(run.where);
	uint64_t v = run.value;

	for (uint32_t i = 0; i < ppt__run_count(run.where); i++) {
		n->set[page][slot + i] = true;
		n->value[page][slot + i] = v;
		v += ppt__stride(ppt__run_stride_code(run.where));
	}
}

static void check_page(struct fixture *f, const struct naive *n, uint32_t page)
{
	uint64_t word[PPT_PAGE_WORDS], v;
	bool any = false;

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		word[s] = UINT64_C(0xeeee0000) + s;
	ppt__runset_overlay(&f->set, page_index[page], word);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		any |= n->set[page][s];
		assert_int_equal(ppt__runset_find(&f->set, page_index[page], s,
						  &v),
				 n->set[page][s]);
		if (n->set[page][s]) {
			assert_int_equal(v, n->value[page][s]);
			assert_int_equal(word[s], v);
		} else {
			assert_int_equal(word[s], UINT64_C(0xeeee0000) + s);
		}
	}
	assert_int_equal(ppt__runset_touches(&f->set, page_index[page]), any);
}

/* The runs in their order have to give the naive result too: replay's view. */
static void check_order(const struct fixture *f, const struct naive *n)
{
	struct naive *again = calloc(1, sizeof(*again));

	assert_non_null(again);
	for (uint32_t i = 0; i < f->set.n; i++)
		for (uint32_t p = 0; p < PAGES; p++)
			if (ppt__run_page(f->run[i].where) == page_index[p])
				naive_add(again, p, f->run[i]);
	for (uint32_t p = 0; p < PAGES; p++)
		for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
			assert_int_equal(again->set[p][s], n->set[p][s]);
			if (n->set[p][s])
				assert_int_equal(again->value[p][s],
						 n->value[p][s]);
		}
	free(again);
}

static void ppt__runset_add__random_runs_equal_an_array(void **state)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct rng r = { .state = seed };
		struct fixture *f = new_set(CAP);
		struct naive *n = calloc(1, sizeof(*n));

		assert_non_null(n);
		for (uint32_t i = 0; i < CAP && f->set.n < CAP; i++) {
			uint32_t page;
			struct ppt__run run = random_run(&r, &page);

			assert_true(ppt__runset_add(&f->set, 0, run));
			naive_add(n, page, run);
			if (i < 20 || i % 16 == 0)
				check_page(f, n,
					   (uint32_t)rng_below(&r, PAGES));
		}
		for (uint32_t p = 0; p < PAGES; p++)
			check_page(f, n, p);
		check_order(f, n);
		free(n);
		free(f);
	}
}

/* Going back to a mark, behind which nothing was merged. */
static void ppt__runset_truncate__gives_the_earlier_set(void **state)
{
	struct naive *n = calloc(1, sizeof(*n)), *now = malloc(sizeof(*n));

	assert_non_null(n);
	assert_non_null(now);
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct rng r = { .state = seed };
		struct fixture *f = new_set(CAP);
		uint32_t mark, page;

		memset(n, 0, sizeof(*n));
		for (uint32_t i = 0; i < 1 + seed; i++) {
			struct ppt__run run = random_run(&r, &page);

			ppt__runset_add(&f->set, 0, run);
			naive_add(n, page, run);
		}
		mark = f->set.n;
		*now = *n;
		for (uint32_t i = 0; i < 50; i++) {
			struct ppt__run run = random_run(&r, &page);

			ppt__runset_add(&f->set, mark, run);
			naive_add(now, page, run);
		}
		for (uint32_t p = 0; p < PAGES; p++)
			check_page(f, now, p);
		ppt__runset_truncate(&f->set, mark);
		for (uint32_t p = 0; p < PAGES; p++)
			check_page(f, n, p);
		check_order(f, n);
		free(f);
	}
	free(now);
	free(n);
}

static void ppt__runset_add__full_set_refuses_and_stays(void **state)
{
	struct fixture *f = new_set(10);
	uint64_t v;

	for (uint32_t i = 0; i < 10; i++)
		assert_true(ppt__runset_add(
			&f->set, 0,
			(struct ppt__run){ ppt__run_where(i, 0, 1, 0), i }));
	assert_false(ppt__runset_add(
		&f->set, 0,
		(struct ppt__run){ ppt__run_where(10, 0, 1, 0), 10 }));
	assert_int_equal(f->set.n, 10);
	/* what can be merged still fits */
	assert_true(ppt__runset_add(
		&f->set, 0,
		(struct ppt__run){ ppt__run_where(9, 0, 1, 0), 99 }));
	assert_int_equal(f->set.n, 10);
	assert_true(ppt__runset_find(&f->set, 9, 0, &v));
	assert_int_equal(v, 99);
	assert_false(ppt__runset_find(&f->set, 10, 0, &v));
	free(f);
}

static uint32_t add3(struct fixture *f, uint64_t w1, uint64_t v1, uint64_t w2,
		     uint64_t v2, uint64_t w3, uint64_t v3)
{
	ppt__runset_reset(&f->set);
	ppt__runset_add(&f->set, 0, (struct ppt__run){ w1, v1 });
	ppt__runset_add(&f->set, 0, (struct ppt__run){ w2, v2 });
	if (w3)
		ppt__runset_add(&f->set, 0, (struct ppt__run){ w3, v3 });
	return f->set.n;
}

/* Sequential maps: entries and the descriptor that changes with each. */
static void ppt__runset_add__neighbours_become_one_run(void **state)
{
	struct fixture *f = new_set(CAP);
	const uint64_t e = PPT__RUN_ENTRY;

	for (uint32_t i = 0; i < 512; i++) {
		assert_true(ppt__runset_add(
			&f->set, 0,
			(struct ppt__run){ ppt__run_where(8, i, 1, 0) | e,
					   0x1003 + UINT64_C(0x1000) * i }));
		assert_true(ppt__runset_add(
			&f->set, 0,
			(struct ppt__run){ ppt__run_where(2, 8, 1, 0), i }));
	}
	assert_int_equal(f->set.n, 2);
	assert_int_equal(f->run[0].where, ppt__run_where(8, 0, 512, 1) | e);
	assert_int_equal(f->run[0].value, 0x1003);
	assert_int_equal(f->run[1].value, 511);
	/* no stride that has a code; other marks; a gap */
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0), 0,
			      ppt__run_where(8, 1, 1, 0), 0x2800, 0, 0),
			 2);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0), 0,
			      ppt__run_where(8, 1, 1, 0), 0x2000, 0, 0),
			 1);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0) | e, 0,
			      ppt__run_where(8, 1, 1, 0), 0x1000, 0, 0),
			 2);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0), 0,
			      ppt__run_where(8, 2, 1, 0), 0x2000, 0, 0),
			 2);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 2, 1), 0,
			      ppt__run_where(8, 2, 2, 2), 0x2000, 0, 0),
			 2);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 2, 1), 0,
			      ppt__run_where(8, 2, 2, 1), 0x2000, 0, 0),
			 1);
	free(f);
}

/*
 * An MMU sees entries in the order in which they were set: an entry of one
 * table is not moved to before an entry of another that came earlier.
 */
static void ppt__runset_add__entries_are_never_overtaken(void **state)
{
	struct fixture *f = new_set(CAP);
	const uint64_t e = PPT__RUN_ENTRY;

	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0) | e, 0x1000,
			      ppt__run_where(9, 0, 1, 0) | e, 0x5000,
			      ppt__run_where(8, 1, 1, 0) | e, 0x2000),
			 3);
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0) | e, 0x1000,
			      ppt__run_where(9, 0, 1, 0) | e, 0x5000,
			      ppt__run_where(8, 0, 1, 0) | e, 0x2000),
			 3);
	assert_int_equal(f->run[0].value, 0x1000);
	/* past words that no MMU looks at they may go */
	assert_int_equal(add3(f, ppt__run_where(8, 0, 1, 0) | e, 0x1000,
			      ppt__run_where(9, 0, 1, 0), 0x5000,
			      ppt__run_where(8, 1, 1, 0) | e, 0x2000),
			 2);
	free(f);
}

static void ppt__runset_add__nothing_before_the_floor_changes(void **state)
{
	struct fixture *f = new_set(CAP);
	struct ppt__run run = { ppt__run_where(8, 0, 1, 0), 1 };

	assert_true(ppt__runset_add(&f->set, 0, run));
	run.value = 2;
	assert_true(ppt__runset_add(&f->set, 1, run));
	assert_int_equal(f->set.n, 2);
	assert_int_equal(f->run[0].value, 1);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt__runset_add__random_runs_equal_an_array),
		cmocka_unit_test(ppt__runset_truncate__gives_the_earlier_set),
		cmocka_unit_test(ppt__runset_add__full_set_refuses_and_stays),
		cmocka_unit_test(ppt__runset_add__neighbours_become_one_run),
		cmocka_unit_test(ppt__runset_add__entries_are_never_overtaken),
		cmocka_unit_test(
			ppt__runset_add__nothing_before_the_floor_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
