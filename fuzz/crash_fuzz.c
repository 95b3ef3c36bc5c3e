/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crash_fuzz.c - what a crash leaves, and then some.
 *
 * Layer: fuzz.  A crash point of one of the explorer's workloads, any subset of
 * the stores that were pending there, and then bits that flip.  Without flips
 * the pool shows the state before the operation or the one after it, and check
 * calls it clean; with them it does so, or it is refused, or check says what is
 * wrong.  Bits that flip in a frame are the user's to find.
 */
#include "crashes.h"
#include "damage.h"

enum keep {
	KEEP_ALL,
	KEEP_NONE,
	KEEP_SOME,
	KEEP_FEW,
	KEEP_MOST,
	KEEP_INPUT,
	KEEP_WAYS
};

/* Which of a word's values is kept; 0 is the newest. */
static uint32_t which(enum keep keep, uint32_t values, struct rng *r,
		      struct input *in)
{
	uint32_t v = (uint32_t)(rng_next(r) >> 32);

	switch (keep) {
	case KEEP_ALL:
		return 0;
	case KEEP_NONE:
		return values - 1;
	case KEEP_FEW:
		return v % 16 ? values - 1 : v / 16 % values;
	case KEEP_MOST:
		return v % 16 ? 0 : v / 16 % values;
	case KEEP_INPUT:
		return input_below(in, values);
	case KEEP_SOME:
	case KEEP_WAYS:
		break;
	}
	return v % values;
}

static void put_crash(struct rig *rig, const struct crash *crash,
		      struct input *in)
{
	enum keep keep = (enum keep)input_below(in, KEEP_WAYS);
	struct rng r = { .state = input_take(in, 2) };

	for (uint32_t i = 0; i < crash->words; i++) {
		const struct crash_word *w = &crash->word[i];
		uint32_t k = w->values > 1 ? which(keep, w->values, &r, in) : 0;

		rig_set(rig, w->word / PPT_PAGE_WORDS, w->word % PPT_PAGE_WORDS,
			w->value[k]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct crashes *all = crashes_all();
	struct rig *rig = &all->rig, *other = &all->other;
	uint32_t at = (uint32_t)input_take(&in, 2) % all->count;
	struct crash *crash = &all->crash[at];
	struct damages flips = { .count = 0 };
	struct why why = { "a translation that was never made" };
	uint64_t hash = 0;
	bool wrong;
	int err;

	put_crash(rig, crash, &in);
	/* Flips may show any state before, and here not all are known. */
	if (!crash->quiet)
		damage_raw(rig, &in, true, &flips);
	rig_mirror(rig, other);
	rig->trust = PPT_TRUST_FULL; /* image_read knows one memory map */
	err = rig_attach(rig, crash->moved ? &crash->present : NULL,
			 PPT_ATTACH_NO_MMU);
	if (!err)
		err = rig_hash(rig, &hash);
	if (!err)
		damage_undo_in_frames(rig, &flips);
	wrong = !err && !crash_allows(crash, rig, hash, flips.count, &why);
	if ((err || wrong) &&
	    (!flips.count || rig_check(other) == PPT_CHECK_CLEAN))
		rig_fail("%s, crash %u: %s", crash->work->name, at,
			 err ? ppt_error_name(err) : why.text);
	rig_restore(rig);
	rig_restore(other);
	return 0;
}
