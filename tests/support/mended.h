/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mended.h - repair a damaged image and judge what became of it.
 *
 * Layer: tests.  The promise: after a repair check finds nothing, a second
 * repair does nothing, whatever is mapped is what was mapped there before the
 * damage, and what is not mapped any more was told.
 */
#ifndef TESTS_SUPPORT_MENDED_H
#define TESTS_SUPPORT_MENDED_H

#include <pptable/repair.h>

#include "everything.h"

#define MENDED_LEAVES 512u
#define MENDED_STATES 24u
#define MENDED_ACTIONS 1024u

/* One extent of one space. */
struct mended_leaf {
	char space[PPT_NAME_BYTES];
	struct ppt_extent e;
};

/* All that a pool maps. */
struct mended_map {
	uint32_t count;
	struct mended_leaf leaf[MENDED_LEAVES];
};

struct mended {
	const struct specimen *image;
	uint8_t *media; /* the damaged copy */
	uint8_t *copy;  /* of that, to check it */
	void *scratch;
	size_t scratch_bytes;
	uint32_t states;         /* that the damage may lead to: … */
	struct mended_map *good; /* … the first is the whole journal's */
	struct mended_map after;
	uint32_t actions;
	uint32_t of[PPT_ACTION_COUNT];
	struct ppt_action action[MENDED_ACTIONS];
	uint32_t problems[PPT_PROBLEM_COUNT]; /* of the last check */
	struct ppt_check_report report;
	struct ppt_check_config with;           /* policy, present, pa_bits */
	const struct ppt_pm_observer *observer; /* of repairs */
	bool exact; /* the ring is as it was: only the whole journal's state */
	bool again; /* an earlier repair was cut short: it told what is lost */
	/* counts: of damages … */
	uint64_t tried;
	uint64_t whole;   /* all mappings are there */
	uint64_t partial; /* some were lost and told */
	uint64_t refused;
	uint64_t lost; /* … and extents that were lost in part or whole */
	char why[256]; /* the first broken promise */
};

void mended_open(struct mended *m, const struct specimen *image);
void mended_close(struct mended *m);

/* The image as it is, or as one with more or other bytes of it. */
void mended_reset(struct mended *m);

/* Check what is in @m->media, as attach would make it, in a copy. */
void mended_check(struct mended *m);

/* Repair what is there: the library's result, and the actions. */
int mended_repair(struct mended *m);

/*
 * Repair what is in @m->media, and judge.  @same: the translations are those of
 * the image, or lost; false for damage that is an attacker's.
 * Return: 0; 1 repair refused it; -1 and @m->why.
 */
int mended_judge(struct mended *m, bool same);

/*
 * Attach what is in @m->media, in a copy and without a repair: each translation
 * is one of the image, or an error, or not there.
 * Return: 0; 1 attach refused it; -1 and @m->why.
 */
int mended_attach(struct mended *m, uint32_t trust);

/* Put @bytes at an offset of the image, repair, judge. */
int mended_try(struct mended *m, uint64_t off, const uint8_t *bytes,
	       uint64_t len);

void mended_print(const struct mended *m, const char *what);

#endif
