/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_test.c - a repair that is cut short at any fence: another one ends as
 * well as the first would have, and an attach without another one translates
 * nothing wrongly that was right before.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../check/images.h"
#include "../support/mended.h"
#include "../support/shadow.h"

struct cutter {
	struct ppt_pm_observer observer;
	struct shadow shadow;
	struct mended *whole; /* the repair that is cut */
	struct mended *again; /* the ones after it */
	struct rng rng;
	const char *name;
	bool same;
	uint64_t cuts;
	bool sound;        /* nothing translated wrongly before the repair */
	uint64_t attached; /* cuts that were, without a repair … */
	uint64_t refused;  /* … or were not */
};

/* Nobody repairs it: attach refuses it, or nothing translates wrongly. */
static void cut_and_attach(struct cutter *c, enum shadow_mode mode)
{
	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++) {
		int ret = mended_attach(c->again, trust);

		c->refused += ret > 0;
		c->attached += ret == 0;
		if (ret < 0)
			fail_msg("%s, cut %llu, mode %d, trust %s: %s", c->name,
				 (unsigned long long)c->cuts, (int)mode,
				 ppt_trust_name(trust), c->again->why);
	}
}

/* The power fails now: what may be left is attached, then repaired. */
static void cut(struct cutter *c, enum shadow_mode mode)
{
	int ret;

	shadow_image(&c->shadow, mode, &c->rng,
		     (uint64_t *)(void *)c->again->media);
	if (c->sound)
		cut_and_attach(c, mode);
	ret = mended_judge(c->again, c->same);
	if (ret)
		fail_msg("%s, cut %llu, mode %d: %s", c->name,
			 (unsigned long long)c->cuts, (int)mode, c->again->why);
	c->cuts++;
}

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct cutter *c = ctx;
	const uint64_t *word =
		(const uint64_t *)(const void *)(c->whole->media + off);

	(void)site;
	switch (event) {
	case PPT_PM_LOAD:
	case PPT_PM_MARK: /* by walks, not by a repair */
		return;
	case PPT_PM_STORE:
	case PPT_PM_STREAM:
		shadow_store(&c->shadow, off, word, len / 8,
			     event == PPT_PM_STREAM);
		return;
	case PPT_PM_FLUSH:
		shadow_flush(&c->shadow, off);
		return;
	case PPT_PM_FENCE:
		break;
	}
	cut(c, SHADOW_ALL);
	cut(c, SHADOW_DURABLE);
	for (uint32_t i = 0; i < 2; i++)
		cut(c,
		    (enum shadow_mode)(
			    SHADOW_WORDS +
			    rng_below(&c->rng, SHADOW_MODES - SHADOW_WORDS)));
	shadow_fence(&c->shadow);
}

/* An attacker's damage can translate wrongly before anybody repairs it. */
static bool is_sound(struct mended *whole, bool same)
{
	bool sound = true;

	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust++)
		sound &= mended_attach(whole, trust) >= 0;
	assert_true(sound || !same);
	return sound;
}

/* What a repair that is not cut makes of an attacker's entry is right as well. */
static void allow_outcome(struct mended *whole, struct mended *again)
{
	if (mended_judge(whole, false) || again->states == MENDED_STATES)
		return;
	again->good[again->states++] = whole->after;
}

static uint64_t cut_image(const struct image_case *image,
			  const struct specimen *good, bool same,
			  uint64_t *attached, uint64_t *refused)
{
	struct cutter c = { .observer = { .event = on_event, .ctx = &c },
			    .rng = { .state = image->id + 7 },
			    .name = image->name,
			    .same = same };
	struct with with = { .cfg = { .flags = 0 } };
	static struct mended whole, again;
	struct specimen damaged;

	specimen_copy(&damaged, good);
	mended_open(&whole, good);
	mended_open(&again, good);
	image->damage(&damaged, &with);
	if (!with.cfg.pa_bits)
		with.cfg.pa_bits = 52;
	whole.with = again.with = with.cfg;
	whole.image = again.image = &damaged;
	again.again = true;
	c.whole = &whole;
	c.again = &again;
	mended_reset(&whole);
	c.sound = is_sound(&whole, same);
	if (!same)
		allow_outcome(&whole, &again);
	mended_reset(&whole);
	whole.observer = &c.observer;
	shadow_open(&c.shadow, damaged.bytes, damaged.size);
	/* What cannot be repaired is another test's. */
	if (!with.cfg.present && !mended_repair(&whole) && whole.actions)
		cut(&c, SHADOW_DURABLE);
	shadow_close(&c.shadow);
	mended_close(&whole);
	mended_close(&again);
	specimen_free(&damaged);
	*attached += c.attached;
	*refused += c.refused;
	return c.cuts;
}

static void cut_images(const struct image_cases *cases, bool same)
{
	struct specimen good[EVERYTHING_KINDS];
	uint64_t cuts = 0, attached = 0, refused = 0;

	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_make(&good[k], (enum everything_kind)k, 1);
	for (size_t i = 0; i < cases->count; i++)
		if (i % TEST_SHARE == 0)
			cuts += cut_image(&cases->image[i],
					  &good[cases->image[i].kind], same,
					  &attached, &refused);
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++)
		specimen_free(&good[k]);
	printf("%llu repairs after a cut; without, attach works %llu times and "
	       "refuses %llu\n",
	       (unsigned long long)cuts, (unsigned long long)attached,
	       (unsigned long long)refused);
}

static void ppt_repair__cut_while_repairing_what_is_lost(void **state)
{
	cut_images(&images_lost, true);
}

static void ppt_repair__cut_while_repairing_any_row(void **state)
{
	cut_images(&images_pool, false);
	cut_images(&images_entry, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_repair__cut_while_repairing_what_is_lost),
		cmocka_unit_test(ppt_repair__cut_while_repairing_any_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
