/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ops_fuzz.c - calls on a pool whose checksums are right and whose content is
 * not.
 *
 * Layer: fuzz.  No call is harmed [I10], what is translated afterwards leads
 * into the memory map and to data [I7], and a call that fails has changed
 * nothing that anybody can see [I11].
 */
#include "damage.h"
#include "steps.h"

/* Of spaces in the images, and one that is in none. */
static const char *const names[ORACLE_SPACES] = { "four",  "five", "late",
						  "empty", "new",  "other" };

static int run_op(struct rig *rig, const struct op *op)
{
	const char *name = names[op->space];
	struct ppt_space space;
	int err;

	if (op->kind == OP_SPACE_CREATE)
		return ppt_space_create(rig->pool, name, op->format, &space,
					NULL);
	if (op->kind == OP_SPACE_DELETE)
		return ppt_space_delete(rig->pool, name, NULL);
	err = ppt_space_open(rig->pool, name, &space, NULL);
	if (err)
		return err;
	switch (op->kind) {
	case OP_MAP:
		return ppt_map(&space, op->va, op->pa, op->len, op->prot,
			       op->flags, NULL);
	case OP_UNMAP:
		return ppt_unmap(&space, op->va, op->len, NULL);
	default:
		return ppt_protect(&space, op->va, op->len, op->prot, NULL);
	}
}

static int run_step(struct rig *rig, enum step_kind kind, const struct op *op)
{
	struct ppt_tlb_gather gather;

	switch (kind) {
	case STEP_OP:
		return run_op(rig, op);
	case STEP_BEGIN:
		return ppt_begin(rig->pool);
	case STEP_COMMIT:
		return ppt_commit(rig->pool);
	case STEP_ABORT:
		return ppt_abort(rig->pool);
	case STEP_RELAX:
	case STEP_STRICT:
		return ppt_set_relaxed(rig->pool, kind == STEP_RELAX);
	case STEP_SYNC:
		return ppt_sync(rig->pool);
	case STEP_CHECKPOINT:
		return ppt_checkpoint(rig->pool);
	case STEP_RECLAIM:
		return ppt_reclaim(rig->pool, 5, NULL);
	case STEP_FLUSH_TLB:
		ppt_tlb_pending(rig->pool, &gather);
		return ppt_tlb_flushed(rig->pool, gather.ticket);
	case STEP_RESTART:
	case STEP_KINDS:
		break;
	}
	return rig_attach(rig, NULL, PPT_ATTACH_NO_MMU);
}

/*
 * A step that fails, between two looks at everything.  What waits to be freed
 * is freed before: a call that lacks pages would, and a hostile list may have
 * pages that are in use.
 */
static void run_watched(struct rig *rig, enum step_kind kind,
			const struct op *op)
{
	uint64_t before, after;
	int was, err, is;

	rig_call(rig);
	(void)ppt_reclaim(rig->pool, UINT64_MAX, NULL);
	was = rig_hash(rig, &before);
	rig_call(rig);
	err = run_step(rig, kind, op);
	if (!err || !rig->pool || kind != STEP_OP)
		return;
	is = rig_hash(rig, &after);
	if (was != is || (!was && before != after))
		rig_fail("a call failed with %s and changed something",
			 ppt_error_name(err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t how = input_byte(&in);
	struct rig *rig = rig_of(how);
	struct op op = { .kind = OP_MAP };
	uint64_t hash;

	if (how & 16)
		damage_sealed(rig, &in);
	if (!rig_attach(rig, NULL, how & 32 ? PPT_ATTACH_NO_MMU : 0)) {
		for (uint32_t i = 0; i < STEPS_MAX && in.left; i++) {
			enum step_kind kind = step_next(&in, &op);

			rig_call(rig);
			/* Dear, so one in four. */
			if (how & 128 && i % 4 == how / 4 % 4)
				run_watched(rig, kind, &op);
			else
				(void)run_step(rig, kind, &op);
			if (!rig->pool)
				break;
		}
	}
	if (rig->pool && !ppt_commit(rig->pool))
		(void)ppt_sync(rig->pool);
	if (rig->pool && !ppt_detach(rig->pool) &&
	    !rig_attach(rig, NULL, PPT_ATTACH_NO_MMU))
		(void)rig_hash(rig, &hash);
	rig_restore(rig);
	return 0;
}
