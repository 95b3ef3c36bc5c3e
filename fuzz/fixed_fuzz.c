/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fixed_fuzz.c - an image whose checksums are right and whose content is not.
 *
 * Layer: fuzz.  Made by somebody who knows the format, and so past every
 * checksum.  No call is harmed by it [I10]; what is translated leads into the
 * memory map and to data [I7]; a refusal leaves the media as it was [I9]; what
 * check calls clean can be opened and read.
 */
#include "damage.h"

/* Addresses that something is mapped at, and those beside them. */
static void translate_some(struct rig *rig, struct input *in)
{
	static const ppt_va_t at[] = { EVERYTHING_VA, EVERYTHING_VA_2M,
				       EVERYTHING_VA_1G, EVERYTHING_VA_HIGH };
	struct ppt_space_info info;
	struct ppt_memory_map map;
	uint64_t cursor = 0;

	ppt_memory_map(rig->pool, &map);
	while (!ppt_space_next(rig->pool, &cursor, &info, NULL) &&
	       cursor < 256) {
		struct ppt_space space;
		struct ppt_extent e;
		ppt_va_t va = at[input_below(in, 4)] + input_byte(in) * 4096;

		rig_call(rig);
		if (!ppt_space_open(rig->pool, info.name, &space, NULL) &&
		    !ppt_translate(&space, va, &e, NULL))
			rig_judge(rig, &map, &e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t how = input_byte(&in);
	struct rig *rig = rig_of(how), *other = rig_twin_of(how);
	struct ppt_memory_map map;
	bool moved = how & 64;
	uint64_t hash;
	int err;

	if (moved)
		rig_move(rig, &in, &map);
	damage_sealed(rig, &in);
	rig_mirror(rig, other);
	rig->trust = how & 32 ? PPT_TRUST_FULL : PPT_TRUST_TOUCH;
	err = rig_attach(rig, moved ? &map : NULL, PPT_ATTACH_NO_MMU);
	/* A feature that only a writer has to know is no damage. */
	if (err == PPT_E_FEATURE)
		err = rig_attach(rig, moved ? &map : NULL,
				 PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY);
	if (!err) {
		translate_some(rig, &in);
		err = rig_hash(rig, &hash);
	}
	/* The dearest part comes last: where it matters, or is asked for. */
	if ((err || how & 128) && rig_check(other) == PPT_CHECK_CLEAN && err &&
	    !moved)
		rig_fail("check is clean, reading: %s", ppt_error_name(err));
	rig_restore(rig);
	rig_restore(other);
	return 0;
}
