/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - record a workload, then crash it in many places and ways.
 *
 * Layer: tests.  A workload runs once on a pool whose observer writes a log of
 * every store, flush and fence, and after each operation the oracle is kept as
 * a *state*.  Then the log is played into a shadow; at crash points images are
 * made of it, recovered on another pool, and must show one of the states that
 * are allowed at that point.
 *
 * PPT_TEST_SEED     seed
 * PPT_TEST_SLOW     1: many times more images
 * PPT_TEST_CRASH    event:mode:sample, one image only (printed on failure)
 * PPT_TEST_DROP     file:line of a barrier that is taken for missing
 * PPT_TEST_SITES    1: print these places
 */
#ifndef TESTS_SUPPORT_RIG_H
#define TESTS_SUPPORT_RIG_H

#include "pool_fixture.h"
#include "shadow.h"

enum rig_kind {
	RIG_STORE,
	RIG_STREAM,
	RIG_FLUSH,
	RIG_FENCE,
	RIG_USER,
	RIG_MARK
};

/* @low … @high: states allowed if the crash comes right before this event. */
struct rig_event {
	enum rig_kind kind;
	uint32_t words;
	uint64_t off;
	size_t data;
	uint32_t low;
	uint32_t high;
	bool emptied; /* the journal is durably empty before this event */
	const char *site;
};

struct recorder {
	struct ppt_pm_observer observer;
	const uint8_t *media;
	struct rig_event *event;
	size_t count;
	size_t room;
	uint64_t *data;
	size_t words;
	size_t word_room;
	uint32_t low;
	uint32_t high;
};

struct rig {
	const char *name;
	struct pool_fixture pf;     /* here the workload runs */
	struct pool_fixture victim; /* here images are recovered */
	struct twin twin;
	struct recorder rec;
	uint64_t *base; /* media before the first event */
	struct oracle *state;
	uint32_t states;
	uint32_t state_room;
	size_t crash_from; /* events before this one are set-up */
	bool moved; /* recover under @present, nested also under @later */
	struct ppt_memory_map present;
	struct ppt_memory_map later; /* of a boot after that */
	uint64_t seed;
	uint64_t budget; /* images, about */
	unsigned deep;   /* crash in the recovery of one image in so many */
	uint64_t images;
	uint64_t nested;
	struct why why;
};

struct rig_options {
	const char *name;
	uint64_t bytes;         /* 1 MiB */
	uint64_t journal_bytes; /* 64 KiB */
	uint64_t budget;        /* 400 */
	unsigned deep;          /* 10 */
	bool mmu;               /* attach without PPT_ATTACH_NO_MMU */
};

/* Pool made, recording on, nothing mapped, no space. */
void rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* From here on crashes are tried. */
void rig_start(struct rig *rig);

/*
 * One operation on pool and oracle, one more state.  An operation that is
 * refused is a failure, but for rig_try.
 */
int rig_op(struct rig *rig, const struct op *op);
int rig_try(struct rig *rig, const struct op *op);
/* Operations that fail are left out. */
int rig_try_txn(struct rig *rig, const struct op *ops, unsigned count);
int rig_txn(struct rig *rig, const struct op *ops, unsigned count);
int rig_relaxed(struct rig *rig, bool on);
int rig_sync(struct rig *rig);
int rig_checkpoint(struct rig *rig);
int rig_reclaim(struct rig *rig, uint64_t steps, bool *left);
/* The user of the pool's frames writes them, and makes that durable. */
int rig_fill(struct rig *rig);
int rig_region_add(struct rig *rig, const struct ppt_region *region);
int rig_region_remove(struct rig *rig, const struct ppt_uuid *uuid);
/* The MMU sets A and D bits; nobody flushes them. */
void rig_touch(struct rig *rig, struct rng *r);
/* Detach, or crash, and attach under @present (NULL: as it was). */
int rig_restart(struct rig *rig, bool clean,
		const struct ppt_memory_map *present);

/* Crash everywhere.  0, or -1 with the story in @rig->why. */
int rig_crash(struct rig *rig);

/* Shorthands. */
struct op op_map(unsigned space, uint64_t va, uint64_t pa, uint64_t pages,
		 uint32_t flags);
struct op op_unmap(unsigned space, uint64_t va, uint64_t pages);
struct op op_protect(unsigned space, uint64_t va, uint64_t pages,
		     uint32_t prot);
struct op op_create(unsigned space, enum ppt_format format);
struct op op_delete(unsigned space);

/* Internal to the rig. */
void recorder_open(struct recorder *rec, const uint8_t *media);
void recorder_close(struct recorder *rec);
void recorder_mark(struct recorder *rec, enum rig_kind kind, uint64_t off,
		   const uint64_t *value, uint32_t words);
/* Print the sites of barriers, to be tried with PPT_TEST_DROP. */
void recorder_sites(const struct recorder *rec);
void recorder_play(const struct recorder *rec, size_t at, struct shadow *s);

/*
 * Recover @image and compare; *@state is the one found.  @rec: NULL, or
 * records the recovery.
 */
int rig_recover(struct rig *rig, const uint64_t *image, uint32_t low,
		uint32_t high, struct recorder *rec, uint32_t *state);

#endif
