/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * images.h - a library of damaged images: each made of a good one from a seed.
 *
 * Layer: tests.  What check must find, what repair does and what is left is in
 * images.golden.
 */
#ifndef TESTS_CHECK_IMAGES_H
#define TESTS_CHECK_IMAGES_H

#include <string.h>

#include <pptable/check.h>

#include "../support/everything.h"

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

/**
 * struct image_case - one damaged image.
 * @name: of the damage.
 * @id:   a problem that check must report.
 * @va:   where in space "four"; 1: anywhere.
 */
struct image_case {
	const char *name;
	uint32_t id;
	damage_fn *damage;
	enum everything_kind kind;
	uint64_t va;
};

#define CLEAN(id, fn)                                                          \
	{                                                                      \
#fn, PPT_PROBLEM_##id, fn, EVERYTHING_CLEAN, 1                 \
	}
#define LIVE(id, fn)                                                           \
	{                                                                      \
#fn, PPT_PROBLEM_##id, fn, EVERYTHING_LIVE, 1                  \
	}
#define AT(id, fn, va)                                                         \
	{                                                                      \
#fn, PPT_PROBLEM_##id, fn, EVERYTHING_CLEAN, va                \
	}
#define L2_VA(slot) ((VA & ~(PPT_SIZE_1G - 1)) + (slot)*PPT_SIZE_2M)

struct image_cases {
	const struct image_case *image;
	size_t count;
};

#define IMAGE_CASES(cases)                                                     \
	{                                                                      \
		cases, sizeof(cases) / sizeof((cases)[0])                      \
	}

extern const struct image_cases images_pool;  /* superblock to page */
extern const struct image_cases images_entry; /* entry to reclaim list */
extern const struct image_cases images_lost; /* lines and pages that are gone */

#endif
