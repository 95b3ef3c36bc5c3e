/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_fuzz.c - a raw image: words anywhere are anything.
 *
 * Layer: fuzz.  Whatever it is, it is opened, read and checked without harm
 * [I10].  What check calls clean can be opened and read.  What can be read
 * after bits have flipped maps what the image mapped that was damaged, or what
 * it mapped before the last transactions in the journal, whose loss cannot be
 * told from a torn write: no damage becomes a wrong translation.
 */
#include "damage.h"
#include "states.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t how = input_byte(&in);
	struct rig *rig = rig_of(how), *other = rig_twin_of(how);
	bool noise = how & 128, wrong;
	struct damages done;
	uint64_t hash = 0;
	int err;

	damage_raw(rig, &in, noise, &done);
	rig_mirror(rig, other);
	rig->trust = how & 32 ? PPT_TRUST_FULL : PPT_TRUST_TOUCH;
	err = rig_attach(rig, NULL, PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY);
	if (!err)
		err = rig_hash(rig, &hash);
	wrong = !err && noise && !states_known(rig, hash);
	if (wrong)
		rig_fail("a wrong translation");
	/* The dearest part comes last: where it matters, or is asked for. */
	if ((err || how & 64) && rig_check(other) == PPT_CHECK_CLEAN && err)
		rig_fail("check is clean, reading: %s", ppt_error_name(err));
	rig_restore(rig);
	rig_restore(other);
	return 0;
}
