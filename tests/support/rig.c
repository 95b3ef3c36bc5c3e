/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.c - run a workload and keep what a crash may show.
 *
 * Layer: tests.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

static int failed(struct rig *rig, const char *what, const struct why *why)
{
	return why_set(&rig->why, "workload %s: %s: %.500s", rig->name, what,
		       why->text);
}

static int result(struct rig *rig, const char *call, int err)
{
	if (!err)
		return 0;
	return why_set(&rig->why, "workload %s: %s: %s", rig->name, call,
		       ppt_error_name(err));
}

static void push_state(struct rig *rig)
{
	if (rig->states == rig->state_room) {
		rig->state_room = rig->state_room ? rig->state_room * 2 : 64;
		rig->state = realloc(rig->state,
				     rig->state_room * sizeof(*rig->state));
		if (!rig->state)
			abort();
	}
	oracle_copy(&rig->state[rig->states++], &rig->twin.now);
}

/* An operation is in flight: the state after it may be found, too. */
static void begin(struct rig *rig)
{
	rig->rec.high = rig->states;
	recorder_mark(&rig->rec, RIG_MARK, 0, NULL, 0);
}

static void durable(struct rig *rig)
{
	rig->rec.low = rig->states - 1;
	rig->rec.high = rig->states - 1;
	recorder_mark(&rig->rec, RIG_MARK, 0, NULL, 0);
}

/* Acknowledged; in relaxed mode it may still be lost. */
static void acknowledge(struct rig *rig)
{
	push_state(rig);
	if (!rig->twin.relaxed)
		durable(rig);
}

void rig_open(struct rig *rig, const struct rig_options *options)
{
	struct pool_fixture_options o = {
		.bytes = options->bytes ? options->bytes : PPT_POOL_BYTES_MIN,
		.journal_bytes = options->journal_bytes,
		.attach_flags = options->mmu ? 0 : PPT_ATTACH_NO_MMU,
		.seed = env_number("PPT_TEST_SEED", 1),
	};

	memset(rig, 0, sizeof(*rig));
	rig->name = options->name;
	rig->seed = o.seed;
	rig->budget = (options->budget ? options->budget : 400) / TEST_SHARE;
	if (env_number("PPT_TEST_SLOW", 0))
		rig->budget *= 40;
	rig->deep = options->deep ? options->deep : 10;
	pool_fixture_open(&rig->pf, &o);
	pool_fixture_open(&rig->victim, &o);
	/* The image is read by other code, which knows one memory map. */
	rig->pf.trust = rig->victim.trust = PPT_TRUST_FULL;
	rig->base = malloc(o.bytes);
	if (!rig->base)
		abort();
	memcpy(rig->base, rig->pf.media, o.bytes);
	recorder_open(&rig->rec, rig->pf.writable);
	rig->pf.observer = &rig->rec.observer;
	if (pool_fixture_create(&rig->pf) ||
	    pool_fixture_attach(&rig->pf, NULL)) {
		fprintf(stderr, "pool not made: %s\n",
			ppt_error_name(rig->pf.diag.err));
		abort();
	}
	pool_fixture_twin(&rig->pf, &rig->twin);
	push_state(rig);
	durable(rig);
}

void rig_close(struct rig *rig)
{
	rig->pf.observer = NULL;
	pool_fixture_drop(&rig->pf);
	pool_fixture_drop(&rig->victim);
	twin_close(&rig->twin);
	pool_fixture_close(&rig->pf);
	pool_fixture_close(&rig->victim);
	for (uint32_t i = 0; i < rig->states; i++)
		oracle_free(&rig->state[i]);
	free(rig->state);
	free(rig->base);
	recorder_close(&rig->rec);
}

void rig_start(struct rig *rig)
{
	rig->crash_from = rig->rec.count;
}

/* The range of an operation that is done, through the library. */
static int check_range(struct rig *rig, const struct op *op)
{
	struct twin *twin = &rig->twin;

	if (op->kind >= OP_SPACE_CREATE || twin->result)
		return 0;
	return view_check_space(&twin->handle[op->space],
				&twin->now.space[op->space], op->va,
				op->va + (op->len - 1), &twin->why);
}

int rig_try(struct rig *rig, const struct op *op)
{
	char text[160];
	struct why why;

	begin(rig);
	if (twin_step(&rig->twin, op) || check_range(rig, op)) {
		why = rig->twin.why;
		return why_set(&rig->why, "workload %s: %s: %.400s", rig->name,
			       op_text(op, text, sizeof(text)), why.text);
	}
	acknowledge(rig);
	return 0;
}

int rig_op(struct rig *rig, const struct op *op)
{
	char text[160];
	int err = rig_try(rig, op);

	if (err || !rig->twin.result)
		return err;
	return why_set(&rig->why, "workload %s: %s: %s", rig->name,
		       op_text(op, text, sizeof(text)),
		       ppt_error_name(rig->twin.result));
}

int rig_try_txn(struct rig *rig, const struct op *ops, unsigned count)
{
	int err = twin_begin(&rig->twin);

	for (unsigned i = 0; i < count && !err; i++) {
		/* a space made or deleted just now changes what is valid */
		if (ops[i].kind < OP_SPACE_CREATE &&
		    !rig->twin.now.space[ops[i].space].exists)
			continue;
		err = twin_step(&rig->twin, &ops[i]);
	}
	if (err)
		return failed(rig, "transaction", &rig->twin.why);
	begin(rig);
	if (twin_commit(&rig->twin))
		return failed(rig, "transaction", &rig->twin.why);
	acknowledge(rig);
	return 0;
}

int rig_txn(struct rig *rig, const struct op *ops, unsigned count)
{
	int err = rig_try_txn(rig, ops, count);

	return err ? err : result(rig, "ppt_commit", rig->twin.result);
}

int rig_relaxed(struct rig *rig, bool on)
{
	int err = twin_relaxed(&rig->twin, on);

	if (err)
		return failed(rig, "relaxed", &rig->twin.why);
	if (!on)
		durable(rig);
	return 0;
}

int rig_sync(struct rig *rig)
{
	int err = result(rig, "ppt_sync", ppt_sync(rig->pf.pool));

	if (!err)
		durable(rig);
	return err;
}

int rig_checkpoint(struct rig *rig)
{
	int err = result(rig, "ppt_checkpoint", ppt_checkpoint(rig->pf.pool));

	if (err)
		return err;
	durable(rig);
	rig->rec.event[rig->rec.count - 1].emptied = true;
	return 0;
}

int rig_reclaim(struct rig *rig, uint64_t steps, bool *left)
{
	return result(rig, "ppt_reclaim",
		      ppt_reclaim(rig->pf.pool, steps, left));
}

int rig_fill(struct rig *rig)
{
	struct oracle *o = &rig->twin.now;
	uint32_t *refs = calloc(o->pages, sizeof(*refs));
	struct view view = pool_fixture_view(&rig->pf);
	int err = view_check_media(&view, o, &rig->why);

	if (!refs)
		abort();
	(void)oracle_refs(o, refs);
	begin(rig);
	for (uint64_t i = 0; i < o->pages; i++) {
		if (!refs[i] || o->tag[i] >= TAG_FILL)
			continue;
		tag_fill(&view, o, i, rig->twin.next_tag++);
		/* the frame is either old or new: its user's business */
		recorder_mark(
			&rig->rec, RIG_USER, i * PPT_PAGE_BYTES,
			(const void *)(rig->pf.media + i * PPT_PAGE_BYTES),
			PPT_PAGE_WORDS);
		acknowledge(rig);
		begin(rig);
	}
	rig->rec.high = rig->states - 1;
	free(refs);
	return err;
}

void rig_touch(struct rig *rig, struct rng *r)
{
	const uint64_t *now = (const void *)rig->pf.media;
	uint64_t *was = malloc(rig->pf.bytes);

	if (!was)
		abort();
	memcpy(was, now, rig->pf.bytes);
	twin_touch(&rig->twin, r);
	for (uint64_t i = 0; i < rig->pf.bytes / 8; i++)
		if (was[i] != now[i])
			recorder_mark(&rig->rec, RIG_STORE, i * 8, &now[i], 1);
	free(was);
}

int rig_region_add(struct rig *rig, const struct ppt_region *region)
{
	struct ppt_memory_map *map = &rig->twin.now.regions;
	int err;

	begin(rig);
	err = result(rig, "ppt_region_add",
		     ppt_region_add(rig->pf.pool, region, NULL));
	map->region[map->count++] = *region;
	acknowledge(rig);
	return err;
}

int rig_region_remove(struct rig *rig, const struct ppt_uuid *uuid)
{
	struct ppt_memory_map *map = &rig->twin.now.regions;
	uint32_t at = 0;
	int err;

	while (memcmp(&map->region[at].uuid, uuid, sizeof(*uuid)) != 0)
		at++;
	begin(rig);
	err = result(rig, "ppt_region_remove",
		     ppt_region_remove(rig->pf.pool, uuid, NULL));
	for (map->count--; at < map->count; at++)
		map->region[at] = map->region[at + 1];
	acknowledge(rig);
	return err;
}

int rig_restart(struct rig *rig, bool clean,
		const struct ppt_memory_map *present)
{
	int err = 0;

	if (clean)
		err = result(rig, "ppt_detach", pool_fixture_detach(&rig->pf));
	else
		pool_fixture_drop(&rig->pf);
	if (present) {
		rig->moved = true;
		rig->present = *present;
		rig->later = *present;
		rig->later.region[0].base += PPT_SIZE_2M * 64;
		rig->later.region[1].base += PPT_SIZE_1G * 2;
		oracle_rebase(&rig->twin.now, present);
	}
	begin(rig);
	if (!err)
		err = result(rig, "ppt_attach",
			     pool_fixture_attach(&rig->pf, present));
	if (err)
		return err;
	push_state(rig);
	durable(rig);
	if (twin_reopen(&rig->twin, pool_fixture_view(&rig->pf)))
		return failed(rig, "restart", &rig->twin.why);
	return 0;
}

struct op op_map(unsigned space, uint64_t va, uint64_t pa, uint64_t pages,
		 uint32_t flags)
{
	return (struct op){ .kind = OP_MAP,
			    .space = space,
			    .va = va,
			    .pa = pa,
			    .len = pages * PPT_PAGE_BYTES,
			    .prot = PPT_PROT_READ | PPT_PROT_WRITE,
			    .flags = flags };
}

struct op op_unmap(unsigned space, uint64_t va, uint64_t pages)
{
	return (struct op){ .kind = OP_UNMAP,
			    .space = space,
			    .va = va,
			    .len = pages * PPT_PAGE_BYTES };
}

struct op op_protect(unsigned space, uint64_t va, uint64_t pages, uint32_t prot)
{
	return (struct op){ .kind = OP_PROTECT,
			    .space = space,
			    .va = va,
			    .len = pages * PPT_PAGE_BYTES,
			    .prot = prot };
}

struct op op_create(unsigned space, enum ppt_format format)
{
	return (struct op){ .kind = OP_SPACE_CREATE,
			    .space = space,
			    .format = format };
}

struct op op_delete(unsigned space)
{
	return (struct op){ .kind = OP_SPACE_DELETE, .space = space };
}
