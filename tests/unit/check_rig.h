/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_rig.h - run check on an image and keep what it says.
 *
 * Layer: tests.
 */
#ifndef TESTS_UNIT_CHECK_RIG_H
#define TESTS_UNIT_CHECK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../support/everything.h"

#define OUTCOME_MAX 4096u

struct outcome {
	struct ppt_check_report report;
	uint32_t count; /* of all, also of those that are not kept */
	uint32_t of[PPT_PROBLEM_COUNT];
	struct ppt_problem problem[OUTCOME_MAX];
};

static inline void outcome_add(void *ctx, uint32_t worker,
			       const struct ppt_problem *problem)
{
	struct outcome *o = ctx;

	(void)worker;
	if (o->count < OUTCOME_MAX)
		o->problem[o->count] = *problem;
	o->count++;
	o->of[problem->id]++;
}

static inline void outcome_print(const struct outcome *o)
{
	for (uint32_t i = 0; i < o->count && i < 40; i++) {
		const struct ppt_problem *p = &o->problem[i];

		fprintf(stderr,
			"  %-22s where %02x page %llu slot %u space %s va "
			"%#llx count %llu found %#llx\n",
			p->code, p->where, (unsigned long long)p->page, p->slot,
			p->space, (unsigned long long)p->va,
			(unsigned long long)p->count,
			(unsigned long long)p->found);
	}
}

static inline void outcome_print_unless(const struct outcome *o, bool fine)
{
	if (!fine)
		outcome_print(o);
}

static inline const struct ppt_problem *outcome_find(const struct outcome *o,
						     uint32_t id)
{
	for (uint32_t i = 0; i < o->count && i < OUTCOME_MAX; i++)
		if (o->problem[i].id == id)
			return &o->problem[i];
	return NULL;
}

/* Check; members of @with that are not 0 are taken over. */
static inline int check_try(struct specimen *image,
			    const struct ppt_check_config *with,
			    struct outcome *o)
{
	struct ppt_check_config cfg = { .flags = 0 };
	uint32_t workers = with && with->workers ? with->workers : 1;
	size_t bytes =
		ppt_check_scratch_bytes(image->bytes, image->size, workers);
	uint8_t *scratch = aligned_alloc(64, (bytes + 127) / 64 * 64);
	int err;

	assert_non_null(scratch);
	memset(scratch, 0xa5, bytes);
	memset(scratch + bytes, 0x5a, 64);
	if (with)
		cfg = *with;
	if (!with || !(with->flags & PPT_CHECK_EXACT))
		cfg.flags |= PPT_CHECK_PRIVATE;
	cfg.pm.media = image->bytes;
	cfg.pm.writable = image->bytes;
	cfg.pm.bytes = image->size;
	cfg.scratch = scratch;
	cfg.scratch_bytes = bytes;
	if (!cfg.pa_bits)
		cfg.pa_bits = 52;
	cfg.problem = outcome_add;
	cfg.ctx = o;
	memset(o, 0, sizeof(*o));
	err = ppt_check(&cfg, &o->report, NULL);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(scratch[bytes + i], 0x5a);
	free(scratch);
	return err;
}

static inline void check_image(struct specimen *image,
			       const struct ppt_check_config *with,
			       struct outcome *o)
{
	uint64_t sum = 0;

	assert_int_equal(check_try(image, with, o), 0);
	for (uint32_t i = 0; i < 4; i++)
		sum += o->report.problems[i];
	assert_int_equal(sum, o->count);
}

#endif
