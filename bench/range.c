/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many pages an operation: one commit each.
 *
 * Layer: bench.
 */
#include <stdlib.h>

#include "bench.h"

#define MIB (UINT64_C(1) << 20)
#define OPS 256u
#define TABLES 16384u /* 64 MiB of them, more than caches hold */
#define REST (PPT_SIZE_2M - PPT_SIZE_4K)
#define HUGE_PAGES (UINT64_C(1) << 20)
#define HUGE_BYTES (HUGE_PAGES * PPT_PAGE_BYTES)

/* @flip: rounds over the window, for what changes to and fro. */
struct range {
	struct bench_rig rig;
	uint32_t flip;
};

static struct range *range_new(struct bench *b, uint64_t bytes)
{
	struct range *r = bench_alloc(sizeof(*r));

	b->state = r;
	bench_rig_open(&r->rig, b->name, bytes);
	return r;
}

static void close_range(struct bench *b)
{
	struct range *r = b->state;

	bench_rig_close(&r->rig);
	free(r);
}

static ppt_va_t table_va(uint64_t table)
{
	return bench_va(table * PPT_PAGE_WORDS);
}

static ppt_pa_t table_pa(uint64_t table)
{
	return bench_pa(table * PPT_PAGE_WORDS);
}

static void timed_map(struct bench_rig *rig, ppt_va_t va, ppt_pa_t pa,
		      uint64_t len, uint32_t flags)
{
	int err = ppt_map(&rig->space, va, pa, len, BENCH_PROT,
			  PPT_MAP_4K | flags, NULL);

	if (err)
		bench_must(err, "ppt_map", NULL);
}

/* -------------------------------------------- the rest of an existing table -- */

static void open_range(struct bench *b)
{
	struct range *r = range_new(b, 80 * MIB);

	for (uint64_t t = 0; t < TABLES; t++)
		bench_map(&r->rig, table_va(t), table_pa(t), PPT_SIZE_4K, 0);
	bench_checkpoint(&r->rig);
}

static void map_range(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct range *)b->state)->rig;
	uint64_t t = rig->next;

	if (t + OPS > TABLES) {
		for (t = 0; t < TABLES; t++)
			bench_unmap(rig, table_va(t) + PPT_SIZE_4K, REST);
		bench_checkpoint(rig);
		t = 0;
	}
	bench_start(rig);
	for (uint32_t i = 0; i < OPS; i++, t++)
		timed_map(rig, table_va(t) + PPT_SIZE_4K,
			  table_pa(t) + PPT_SIZE_4K, REST, 0);
	bench_stop(rig, out, OPS);
	rig->next = t;
}

/* ------------------------------------------------------------ a new table -- */

static void open_new(struct bench *b)
{
	struct range *r = range_new(b, 80 * MIB);

	bench_prefault(&r->rig);
}

static void map_range_new(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct range *)b->state)->rig;
	uint64_t t = rig->next;

	if (t + OPS > TABLES) {
		for (t = 0; t < TABLES; t++)
			bench_unmap(rig, table_va(t), PPT_SIZE_2M);
		bench_checkpoint(rig);
		t = 0;
	}
	bench_start(rig);
	for (uint32_t i = 0; i < OPS; i++, t++)
		timed_map(rig, table_va(t), table_pa(t), PPT_SIZE_2M, 0);
	bench_stop(rig, out, OPS);
	rig->next = t;
}

/* ------------------------------------------------- all of a full table -- */

static void open_full(struct bench *b)
{
	struct range *r = range_new(b, 80 * MIB);

	for (uint64_t t = 0; t < TABLES; t++)
		bench_map(&r->rig, table_va(t), table_pa(t), PPT_SIZE_2M,
			  PPT_MAP_4K);
	bench_checkpoint(&r->rig);
}

static uint64_t next_full(struct range *r)
{
	if (r->rig.next + OPS > TABLES) {
		r->rig.next = 0;
		r->flip ^= 1;
	}
	return r->rig.next;
}

/* Other frames each time round. */
static void map_replace(struct bench *b, struct bench_sample *out)
{
	struct range *r = b->state;
	uint64_t t = next_full(r);
	uint64_t off = r->flip ? 0 : BENCH_DRAM_BYTES / 2;

	bench_start(&r->rig);
	for (uint32_t i = 0; i < OPS; i++, t++)
		timed_map(&r->rig, table_va(t), table_pa(t) + off, PPT_SIZE_2M,
			  PPT_MAP_REPLACE);
	bench_stop(&r->rig, out, OPS);
	r->rig.next = t;
}

static void protect(struct bench *b, struct bench_sample *out)
{
	struct range *r = b->state;
	uint64_t t = next_full(r);
	uint32_t prot = r->flip ? BENCH_PROT : PPT_PROT_READ;

	bench_start(&r->rig);
	for (uint32_t i = 0; i < OPS; i++, t++) {
		int err = ppt_protect(&r->rig.space, table_va(t), PPT_SIZE_2M,
				      prot, NULL);

		if (err)
			bench_must(err, "ppt_protect", NULL);
	}
	bench_stop(&r->rig, out, OPS);
	r->rig.next = t;
}

/* Frames from the last to the first: no stride says that, so no runs. */
static void open_scattered(struct bench *b)
{
	const uint64_t n = UINT64_C(2) * OPS * PPT_PAGE_WORDS;
	struct range *r = range_new(b, 80 * MIB);

	bench_must(ppt_set_relaxed(r->rig.pool, true), "ppt_set_relaxed", NULL);
	for (uint64_t w = 0; w < n; w++)
		bench_map(&r->rig, bench_va(w), bench_pa(n - w), PPT_SIZE_4K,
			  0);
	bench_must(ppt_set_relaxed(r->rig.pool, false), "ppt_set_relaxed",
		   NULL);
	bench_checkpoint(&r->rig);
}

static void protect_scattered(struct bench *b, struct bench_sample *out)
{
	struct range *r = b->state;

	/* A window of two slices. */
	if (r->rig.next == 2 * OPS)
		r->rig.next = TABLES;
	protect(b, out);
}

/* ------------------------------------------------------------------ huge -- */

static void open_huge(struct bench *b)
{
	struct range *r = range_new(b, 32 * MIB);

	bench_prefault(&r->rig);
}

static void map_huge(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct range *)b->state)->rig;

	bench_start(rig);
	timed_map(rig, BENCH_VA, BENCH_DRAM, HUGE_BYTES, 0);
	bench_stop(rig, out, 1);
	bench_unmap(rig, BENCH_VA, HUGE_BYTES);
	bench_reclaim(rig);
	bench_checkpoint(rig);
}

static void unmap_huge(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct range *)b->state)->rig;

	bench_map(rig, BENCH_VA, BENCH_DRAM, HUGE_BYTES, PPT_MAP_4K);
	bench_checkpoint(rig);
	bench_start(rig);
	bench_unmap(rig, BENCH_VA, HUGE_BYTES);
	bench_stop(rig, out, 1);
	bench_reclaim(rig);
	bench_checkpoint(rig);
}

static void reclaim_huge(struct bench *b, struct bench_sample *out)
{
	struct bench_rig *rig = &((struct range *)b->state)->rig;

	bench_map(rig, BENCH_VA, BENCH_DRAM, HUGE_BYTES, PPT_MAP_4K);
	bench_unmap(rig, BENCH_VA, HUGE_BYTES);
	bench_checkpoint(rig);
	bench_start(rig);
	bench_reclaim(rig);
	bench_stop(rig, out, 1);
	bench_checkpoint(rig);
}

const struct bench_ops bench_map_range = { open_range, map_range, close_range };
const struct bench_ops bench_map_range_new = { open_new, map_range_new,
					       close_range };
const struct bench_ops bench_map_replace = { open_full, map_replace,
					     close_range };
const struct bench_ops bench_protect = { open_full, protect, close_range };
const struct bench_ops bench_protect_scattered = { open_scattered,
						   protect_scattered,
						   close_range };
const struct bench_ops bench_map_huge = { open_huge, map_huge, close_range };
const struct bench_ops bench_unmap_huge = { open_huge, unmap_huge,
					    close_range };
const struct bench_ops bench_reclaim_huge = { open_huge, reclaim_huge,
					      close_range };
