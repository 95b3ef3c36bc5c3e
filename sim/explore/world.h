/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - the operations that workloads are made of, and what they should do.
 *
 * Layer: sim.  A world is a pool, its oracle, and the list of *states*: what a
 * recovery may find.  State 0 is the base.  A workload is a sequence of rows
 * of the table; each row runs on library and oracle alike.
 */
#ifndef SIM_EXPLORE_WORLD_H
#define SIM_EXPLORE_WORLD_H

#include "sim/explore/image.h"

#define WORLD_STATES_MAX 64u
#define WORLD_OPS_MAX 40u
#define WORLD_LOSSES_MAX 4u

/*
 * What a base pool can have besides one space with a table of pages, large
 * leaves and a frame.  A recovery reads all tables: a workload starts from a
 * base with no more than its rows act on.
 */
enum world_part {
	WORLD_TABLES = 1, /* two more tables of level 1 */
	WORLD_HIGH = 2,   /* a space of 5 levels, with a frame of the pool */
	WORLD_OTHER = 4,  /* a space that shares a frame with the first */
	WORLD_SPARES = 8, /* tables that can go, with frames */
	WORLD_ALL = 15,
};

/**
 * struct world_state - what recovery may show.
 * @none:    there is no pool: attach says PPT_E_MAGIC.
 * @o:       its content, under the memory map that it was reached with.
 */
struct world_state {
	bool none;
	struct oracle o;
};

/* A base pool: its content, and what it shows. */
struct world_base {
	uint64_t *words;
	struct world_state state;
};

/* Addresses of a space whose mappings are lost, until a repair has told so. */
struct world_loss {
	const char *space;
	uint64_t va;
	uint64_t last;
	bool told;
};

/**
 * struct world - a running workload.  All zero before its first use.
 * @pm:      where the pool is; set by the caller, with its observer.
 * @scratch: for the library, of world_scratch_bytes; set by the caller.
 * @attach_flags: as they are given to ppt_attach; set by the caller.  Without
 *           PPT_ATTACH_NO_MMU TLB flushes are confirmed after each operation.
 * @present: the memory map that a restart is given, if @moved.
 * @trust, @lost: of restarts, as they are given to ppt_attach.
 * @recover: trust mode of the recoveries of crashes that come now.
 * @mend:    the pool is damaged: they begin with a repair.
 * @loss:    what is lost with it.
 * @relaxed: commits are not durable when they are acknowledged.
 * @emptied: a row's last step was ppt_checkpoint: there is nothing to replay.
 * @quiet:   set-up inside a row: no crash is tried.
 * @low:     a crash now may show states @low to @states - 1.
 * @user:    called when the user of the pool's frames has written words of one
 *           and made them durable; set by the caller, may be NULL.
 * @tags:    patterns that frames were filled with so far.
 * @used:    how often each row has run, so that it takes another address.
 */
struct world {
	struct ppt_pm_config pm;
	void *scratch;
	size_t scratch_bytes;
	uint32_t attach_flags;
	struct ppt_pool *pool;
	struct ppt_memory_map present;
	bool moved;
	uint32_t trust;
	uint32_t lost;
	uint32_t recover;
	bool mend;
	struct world_loss loss[WORLD_LOSSES_MAX];
	unsigned losses;
	bool relaxed;
	bool emptied;
	bool quiet;
	struct oracle now;
	struct world_state state[WORLD_STATES_MAX];
	unsigned states;
	unsigned low;
	void (*user)(void *ctx, uint64_t off, uint64_t len);
	void *ctx;
	uint32_t tags;
	unsigned used[WORLD_OPS_MAX];
	struct why why;
};

/**
 * struct world_op - one row.
 * @core: sequences of three are made of core rows only.
 * @parts: bits of enum world_part: what of the base it acts on.
 * @run: 0, or -1 and world->why: the library did what it must not.
 */
struct world_op {
	const char *name;
	const char *what;
	bool core;
	unsigned parts;
	int (*run)(struct world *w);
};

extern const struct world_op world_ops[];
extern const unsigned world_op_count;

/* Each row can be used so often in one workload. */
#define WORLD_REPEATS 3u

/* Bytes of the pool, and of scratch, the same for every workload. */
uint64_t world_bytes(void);
size_t world_scratch_bytes(void);

/*
 * The base pool with these parts, of @all of them, WORLD_ALL and one.  One that
 * is not there yet is made in the media, @w->pm, .scratch set by the caller,
 * after that was filled with plausible entries; it is left detached.  What the
 * world has been before is forgotten.  NULL, and @w->why: the library did what
 * it must not.
 */
const struct world_base *world_base(struct world *w, struct world_base *all,
				    unsigned parts);
void world_bases_free(struct world_base *all);

/*
 * Attach to a base pool, which is in the media.  What the world has been before
 * is forgotten.
 */
int world_open(struct world *w, const struct world_base *base);

/* Forget the handle and all states; a second time does nothing. */
void world_close(struct world *w);

/*
 * Between rows: of each range that was built aside so many tables stay.  Later
 * recoveries read all that there are, and say the same of each.
 * 0, or -1 and @w->why.
 */
int world_trim(struct world *w, unsigned kept);

/* ppt_repair, as every repair of a world is made: the library's result. */
int world_repair(struct world *w, struct ppt_repair_report *report,
		 struct ppt_diag *diag);

/* The memory map that a recovery at this point is given, or NULL. */
const struct ppt_memory_map *world_present(const struct world *w);

/*
 * Whether @image is @state, under @present (NULL: as it was reached), and the
 * pool's frames in @view hold what their user left there; else @why has the
 * difference.
 */
bool world_matches(const struct world_state *state,
		   const struct ppt_memory_map *present,
		   const struct image *image, const struct image_view *view,
		   struct why *why);

/*
 * Life goes on: one more operation on a recovered pool that shows @from, one
 * that needs a new table; and what the pool shows then.
 */
int world_extra(struct ppt_pool *pool, const struct world_state *from,
		struct why *why);
void world_extra_state(const struct world_state *from, struct world_state *to);

void world_state_free(struct world_state *state);

#endif
