/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base.c - the pool that every workload starts from.
 *
 * Layer: sim.  No larger than the workload needs, so that it is read fast; used,
 * so that free pages have been tables and frames before; and with a ring whose
 * next record lies just before its end, so that most workloads wrap around it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/explore/steps.h"
#include "sim/oracle/memory.h"

#define PHYS UINT64_C(0x2000000000)
#define DRAM UINT64_C(0x10000000000)
#define DRAM_BYTES UINT64_C(0x10000000000)
#define PMEM UINT64_C(0x30000000000)
#define PMEM_BYTES UINT64_C(0x100000000)

#define RING_LINES (PPT_JOURNAL_BYTES_MIN / PPT_LINE_BYTES)
/* The first record after an attach is two windows, half a ring, further on. */
#define SKIPPED (RING_LINES / 2)
#define BEFORE_END 4u /* lines */
#define TAIL_WORD 504u
#define TAIL_LINE ((UINT64_C(1) << 48) - 1)

/* Pages that have been tables or frames before the base is built. */
#define RECYCLED_TABLES 60u
#define RECYCLED_FRAMES 60u

/* Entries as an earlier user of the media could have left them. */
static void fill_dirty(struct world *w)
{
	uint64_t *word = w->pm.writable;
	struct rng r = { .state = 1 };

	for (uint64_t i = 0; i < w->pm.bytes / 8; i++) {
		uint64_t v = rng_next(&r);
		uint64_t page = (v >> 20) % (w->pm.bytes / PPT_PAGE_BYTES);
		uint64_t pa = v & 8 ? DRAM + (v >> 40 << 12) :
				      PHYS + page * PPT_PAGE_BYTES;

		if ((v & 7) == 0)
			word[i] = 0;
		else if ((v & 7) == 1)
			word[i] = v;
		else
			word[i] = pa | 0x67 | (v >> 4 & 0x80) | (v >> 63 << 63);
	}
}

/* Only the last state counts. */
static void collapse(struct world *w)
{
	struct world_state last = w->state[w->states - 1];

	for (unsigned i = 0; i + 1 < w->states; i++)
		world_state_free(&w->state[i]);
	memset(&w->state[w->states - 1], 0, sizeof(last));
	w->state[0] = last;
	w->states = 1;
	w->low = 0;
}

/* Tables and frames that come and go. */
static int recycle(struct world *w)
{
	const struct ext_list *map = &w->now.space[0].map;
	uint64_t tables = AT_HUGE(0), frames = AT_HUGE(1);
	uint64_t *word = w->pm.writable;

	for (unsigned i = 0; i < RECYCLED_TABLES; i++) {
		if (step_map(w, 0, tables + i * PPT_SIZE_2M, step_dram(w, i),
			     2))
			return -1;
		collapse(w);
	}
	if (step_map(w, 0, frames, PPT_PA_ALLOC, RECYCLED_FRAMES))
		return -1;
	for (size_t i = 0; i < map->count; i++) {
		const struct oracle_ext *ext = &map->ext[i];
		uint64_t first = (ext->pa - PHYS) / 8;

		for (uint64_t k = 0; ext->va >= frames && k < ext->len / 8; k++)
			word[first + k] = (DRAM + k * PPT_PAGE_BYTES) | 0x67;
	}
	if (step_unmap(w, 0, tables, RECYCLED_TABLES * 512) ||
	    step_unmap(w, 0, frames, RECYCLED_FRAMES))
		return -1;
	return step_checkpoint(w);
}

static int build_spares(struct world *w)
{
	for (unsigned k = 0; k < WORLD_REPEATS; k++)
		if (step_need(w, 0, AT_SPARE(k), step_dram(w, k), 1) ||
		    step_need(w, 0, AT_SPARE(k) + SPARE_FRAME, PPT_PA_ALLOC, 1))
			return -1;
	return 0;
}

/* What rows act on. */
static int build(struct world *w, unsigned parts)
{
	uint64_t dram = step_dram(w, DRAM_PAGES);

	if (step_need(w, 0, AT_TABLE(0), dram, 64) || step_need_frame(w) ||
	    step_need(w, 0, AT_LEAF(0), step_dram(w, DRAM_LEAVES),
		      LEAVES * UINT64_C(512)))
		return -1;
	if (parts & WORLD_TABLES &&
	    (step_need(w, 0, AT_TABLE(1), dram + 64 * PPT_SIZE_4K, 1) ||
	     step_need(w, 0, AT_TABLE(2), dram + 65 * PPT_SIZE_4K, 1)))
		return -1;
	if (parts & WORLD_HIGH && step_need(w, 1, AT_HIGH, PPT_PA_ALLOC, 1))
		return -1;
	if (parts & WORLD_OTHER && step_need_other(w))
		return -1;
	return parts & WORLD_SPARES ? build_spares(w) : 0;
}

/* Commits of one line each, until the end of the ring is near. */
static int turn_ring(struct world *w)
{
	const uint64_t want = RING_LINES - BEFORE_END - SKIPPED;
	const uint64_t *word = w->pm.media;
	uint64_t at, n;

	if (step_checkpoint(w))
		return -1;
	at = (word[TAIL_WORD] & TAIL_LINE) % RING_LINES;
	n = (want - at) % RING_LINES;
	if (n < 2)
		n += RING_LINES;
	for (uint64_t i = 1; i < n; i++) {
		if (step_replace(w, 0, AT_PAGE(0, 511), step_dram(w, i), 1))
			return -1;
		collapse(w);
	}
	return step_unmap(w, 0, AT_PAGE(0, 511), 1);
}

static int make(struct world *w, unsigned parts)
{
	struct ppt_memory_map map = { 0 };
	int err;

	world_close(w);
	fill_dirty(w);
	memory_add(&map, 0x70, PPT_REGION_POOL, PHYS, w->pm.bytes);
	memory_add(&map, 0xd1, PPT_REGION_DRAM, DRAM, DRAM_BYTES);
	memory_add(&map, 0xd2, PPT_REGION_PMEM, PMEM, PMEM_BYTES);
	oracle_init(&w->now, &map);
	oracle_copy(&w->state[0].o, &w->now);
	w->states = 1;
	err = step_create(w, &map);
	if (!err)
		err = step_attach(w);
	if (!err)
		err = step_need_space(w, 0);
	if (!err)
		err = recycle(w);
	collapse(w);
	if (!err)
		err = build(w, parts);
	if (!err)
		err = turn_ring(w);
	if (err)
		return err;
	collapse(w);
	err = ppt_detach(w->pool);
	w->pool = NULL;
	return err ? step_failed(w, "ppt_detach", err, NULL) : 0;
}

const struct world_base *world_base(struct world *w, struct world_base *all,
				    unsigned parts)
{
	struct world_base *base = &all[parts];

	if (base->words)
		return base;
	if (make(w, parts))
		return NULL;
	base->words = malloc(w->pm.bytes);
	if (!base->words)
		abort();
	memcpy(base->words, w->pm.media, w->pm.bytes);
	base->state = w->state[0];
	memset(&w->state[0], 0, sizeof(w->state[0]));
	return base;
}

void world_bases_free(struct world_base *all)
{
	for (unsigned i = 0; i <= WORLD_ALL; i++) {
		free(all[i].words);
		world_state_free(&all[i].state);
	}
	memset(all, 0, (WORLD_ALL + 1) * sizeof(*all));
}
