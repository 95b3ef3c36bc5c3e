/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * damage.h - what an input does to an image.
 *
 * Layer: fuzz.  An input is a sequence of small changes, each a few bytes: so
 * mutations of the input are mutations of the image, and files stay small.
 */
#ifndef FUZZ_DAMAGE_H
#define FUZZ_DAMAGE_H

#include "rig.h"

/* Changes that one input makes at most. */
#define DAMAGE_MAX 24u

/* What was changed, in that order. */
struct damages {
	uint32_t count;
	struct damage {
		uint32_t page;
		uint32_t slot;
		uint64_t was;
		uint64_t now;
	} word[DAMAGE_MAX];
};

/*
 * Words at places that the input chooses become what it says, or, with @noise,
 * change by bits that it can choose the places of, but not the pattern: no
 * checksum can be forged with those.
 */
void damage_raw(struct rig *rig, struct input *in, bool noise,
		struct damages *out);

/*
 * What the users of the attached pool's frames keep there, no checksum covers:
 * what was changed of it becomes what it was again.
 */
void damage_undo_in_frames(struct rig *rig, const struct damages *done);

/*
 * Changes of structures, by somebody who knows the format: entries, records,
 * items, descriptors, superblocks.  All checksums are right afterwards.
 */
void damage_sealed(struct rig *rig, struct input *in);

#endif
