/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_rows.h - cases that provoke one row of the table of problems each.
 *
 * Layer: tests.
 */
#ifndef TESTS_UNIT_CHECK_ROWS_H
#define TESTS_UNIT_CHECK_ROWS_H

#include "check_rig.h"

#define VA EVERYTHING_VA
#define SPACE "four"

struct with {
	struct ppt_check_config cfg;
	struct ppt_memory_map map;
};

typedef void damage_fn(struct specimen *i, struct with *with);

/* The L1 table that maps VA, and the others on the way to it. */
static inline uint32_t l1(const struct specimen *i)
{
	return specimen_table(i, SPACE, VA, 1);
}

static inline uint32_t l2(const struct specimen *i)
{
	return specimen_table(i, SPACE, VA, 2);
}

static inline uint64_t entry_of(const struct specimen *i, uint32_t page,
				uint32_t slot)
{
	return *specimen_word(i, page, slot);
}

static inline void set_l1(struct specimen *i, uint64_t v)
{
	specimen_set(i, l1(i), 0, v);
}

/* The entry of the level-2 table that leads to the one of VA. */
static inline void set_l2(struct specimen *i, uint64_t v)
{
	specimen_set(i, l2(i), specimen_slot(VA, 2), v);
}

static inline uint64_t table_entry(const struct specimen *i, uint64_t page)
{
	return specimen_pa(i, page) | 7;
}

static inline uint64_t leaf(uint64_t pa)
{
	return pa | 3 | UINT64_C(1) << 63;
}

static inline uint32_t a_free(const struct specimen *i)
{
	return specimen_find(i, PPT__DESC_FREE);
}

static inline uint32_t a_data(const struct specimen *i)
{
	return specimen_find(i, PPT__DESC_DATA);
}

static inline uint32_t held(const struct specimen *i)
{
	return ppt__reclaim_page(*specimen_word(i, i->at.reclaim_page, 100));
}

static inline uint32_t hi_of(const struct specimen *i, uint32_t page)
{
	return ppt__desc_hi(*specimen_desc(i, page));
}

/* The regions as they are recorded, for another present map. */
static inline void present(struct specimen *i, struct with *w)
{
	ppt__epoch_map(specimen_superblock(i, 0), 0, &w->map);
	w->cfg.present = &w->map;
}

struct row_case {
	uint32_t id;
	damage_fn *damage;
	enum everything_kind kind;
	uint64_t va; /* where the problem must be said to be; 1: anywhere */
};

#define CLEAN(id, fn)                                                          \
	{                                                                      \
		PPT_PROBLEM_##id, fn, EVERYTHING_CLEAN, 1                      \
	}
#define LIVE(id, fn)                                                           \
	{                                                                      \
		PPT_PROBLEM_##id, fn, EVERYTHING_LIVE, 1                       \
	}
#define AT(id, fn, va)                                                         \
	{                                                                      \
		PPT_PROBLEM_##id, fn, EVERYTHING_CLEAN, va                     \
	}
#define L2_VA(slot) ((VA & ~(PPT_SIZE_1G - 1)) + (slot)*PPT_SIZE_2M)

/* What ppt_attach says to the same image. */
static inline int attach(struct specimen *i, const struct ppt_memory_map *map)
{
	size_t bytes = ppt_scratch_bytes(i->size, i->journal_bytes);
	struct ppt_attach_config cfg = {
		.pm = { .media = i->bytes,
			.writable = i->bytes,
			.bytes = i->size },
		.scratch = aligned_alloc(64, (bytes + 63) / 64 * 64),
		.scratch_bytes = bytes,
		.present = map,
		.flags = PPT_ATTACH_NO_MMU,
	};
	struct ppt_pool *pool;
	int err;

	assert_non_null(cfg.scratch);
	err = ppt_attach(&cfg, &pool, NULL, NULL);
	free(cfg.scratch);
	return err;
}

static inline void run_case(const struct row_case *row,
			    const struct specimen *good)
{
	struct with with = { .cfg = { .flags = 0 } };
	struct specimen image, copy;
	const struct ppt_problem *p;
	struct outcome o;
	struct ppt_problem want;

	assert_int_equal(ppt_problem_row(row->id, &want), 0);
	specimen_copy(&image, good);
	row->damage(&image, &with);
	specimen_copy(&copy, &image);
	check_image(&image, &with.cfg, &o);
	p = outcome_find(&o, row->id);
	if (!p) {
		outcome_print(&o);
		fail_msg("%s is not reported", want.code);
		return;
	}
	if (row->va != 1 && (!(p->where & PPT_WHERE_VA) || p->va != row->va ||
			     strcmp(p->space, SPACE) != 0)) {
		outcome_print(&o);
		fail_msg("%s is in the wrong place", want.code);
	}
	assert_int_equal(o.report.verdict,
			 o.report.problems[PPT_SEVERITY_FATAL] ?
				 PPT_CHECK_REFUSED :
			 o.report.problems[PPT_SEVERITY_MAJOR] ||
					 o.report.problems[PPT_SEVERITY_MINOR] ?
				 PPT_CHECK_DAMAGED :
				 PPT_CHECK_CLEAN);
	/* Fatal is what attach refuses. */
	if (o.report.verdict == PPT_CHECK_REFUSED &&
	    !attach(&copy, with.cfg.present)) {
		outcome_print(&o);
		fail_msg("%s is fatal and attach does not mind", want.code);
	}
	specimen_free(&image);
	specimen_free(&copy);
}

/* Every one, and that rows [first, end) have one, but for @but. */
static inline void run_cases(const struct row_case *cases, size_t count,
			     uint32_t first, uint32_t end, uint32_t but)
{
	struct specimen good[EVERYTHING_KINDS];
	uint32_t seen[PPT_PROBLEM_COUNT] = { 0 };
	struct ppt_problem row;

	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_make(&good[k], (enum everything_kind)k, 1);
	for (size_t i = 0; i < count; i++) {
		run_case(&cases[i], &good[cases[i].kind]);
		seen[cases[i].id]++;
	}
	for (uint32_t id = first; id < end; id++) {
		assert_int_equal(ppt_problem_row(id, &row), 0);
		if (!seen[id] && id != but)
			fail_msg("no case provokes %s", row.code);
	}
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_free(&good[k]);
}

#define CASES (sizeof(cases) / sizeof(cases[0]))

#endif
