/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * script_fuzz.c - calls on a good pool, beside the oracle.
 *
 * Layer: fuzz.  Each result must be one that the contract allows, and what the
 * pool holds what a naive map holds: through the library, through the eyes of
 * the MMU, and after a crash of the process.
 */
#include "rig.h"
#include "steps.h"

static struct rig *empty_rig(void)
{
	static struct rig rig;
	struct pool_fixture_options o = { .bytes = PPT_POOL_BYTES_MIN,
					  .attach_flags = PPT_ATTACH_NO_MMU };
	struct specimen image = { .kind = EVERYTHING_CLEAN };
	struct pool_fixture pf;

	if (rig.read)
		return &rig;
	pool_fixture_ready(&pf, &o);
	if (pool_fixture_detach(&pf))
		rig_fail("a good pool is refused");
	specimen_take(&image, &pf, pf.media);
	pool_fixture_close(&pf);
	rig_open(&rig, &image);
	return &rig;
}

static struct view view_of(struct rig *rig)
{
	return (struct view){ .pool = rig->pool,
			      .media = rig->read,
			      .writable = rig->write,
			      .bytes = rig->image.size };
}

static void open_twin(struct rig *rig, struct twin *twin, uint32_t flags)
{
	struct ppt_memory_map map;

	if (rig_attach(rig, NULL, flags))
		rig_fail("a good pool is refused");
	ppt_memory_map(rig->pool, &map);
	twin_open(twin, view_of(rig), &map, flags);
}

static int restart(struct rig *rig, struct twin *twin, uint32_t flags)
{
	if (twin->in_txn && twin_abort(twin))
		return -1;
	if (twin->relaxed && twin_relaxed(twin, false))
		return -1;
	if (rig_attach(rig, NULL, flags))
		return why_set(&twin->why, "restart is refused");
	if (twin_reopen(twin, view_of(rig)))
		return -1;
	return twin_check(twin);
}

/* PPT_FUZZ_TELL=1: what an input means. */
static void tell(enum step_kind kind, const struct op *op)
{
	char text[160];

	if (!env_number("PPT_FUZZ_TELL", 0))
		return;
	printf("%s\n", kind == STEP_OP ? op_text(op, text, sizeof(text)) :
					 step_name(kind));
	(void)fflush(stdout);
}

static int run_step(struct rig *rig, struct twin *twin, enum step_kind kind,
		    const struct op *op, uint32_t flags)
{
	switch (kind) {
	case STEP_OP:
		if (op->kind < OP_SPACE_CREATE &&
		    !twin->now.space[op->space].exists)
			return 0; /* there is no handle */
		return twin_step(twin, op);
	case STEP_BEGIN:
		return twin->in_txn ? 0 : twin_begin(twin);
	case STEP_COMMIT:
		return twin->in_txn ? twin_commit(twin) : 0;
	case STEP_ABORT:
		return twin->in_txn ? twin_abort(twin) : 0;
	case STEP_RELAX:
	case STEP_STRICT:
		/* With an MMU a relaxed commit tells of its TLB flush later. */
		if (twin->in_txn || twin->mmu)
			return 0;
		return twin_relaxed(twin, kind == STEP_RELAX);
	case STEP_SYNC:
		return twin_sync(twin);
	case STEP_CHECKPOINT:
		return twin->in_txn ? 0 : ppt_checkpoint(rig->pool);
	case STEP_RECLAIM:
		if (twin->in_txn)
			return 0;
		/* It confirms TLB flushes on the way. */
		return view_reclaim(rig->pool, &twin->why) ||
		       twin_flush_tlb(twin);
	case STEP_FLUSH_TLB:
		return twin->in_txn ? 0 : twin_flush_tlb(twin);
	case STEP_RESTART:
	case STEP_KINDS:
		break;
	}
	return restart(rig, twin, flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t flags = input_byte(&in) & 1 ? PPT_ATTACH_NO_MMU : 0;
	struct rig *rig = empty_rig();
	struct op op = { .kind = OP_MAP };
	struct twin twin;
	int err = 0;

	open_twin(rig, &twin, flags);
	for (uint32_t i = 0; i < STEPS_MAX && in.left && !err; i++) {
		enum step_kind kind = step_next(&in, &op);

		tell(kind, &op);
		rig_call(rig);
		err = run_step(rig, &twin, kind, &op, flags);
	}
	rig_call(rig);
	if (!err)
		err = restart(rig, &twin, flags);
	if (err)
		rig_fail("%s", twin.why.text);
	twin_close(&twin);
	rig_restore(rig);
	return 0;
}
