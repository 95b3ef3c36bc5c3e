/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ops.c - the table of rows.
 *
 * Layer: sim.  To add a row: one line in ROWS and its function
 *
 *     static int run_NAME(struct world *w, unsigned k)
 *
 * which is made of steps (steps.h) and returns what they return.  The contract:
 *
 *  - It succeeds after any sequence of rows, as the k-th of its kind (from 0,
 *    below WORLD_REPEATS).  So it takes places that no other row and no other k
 *    unmaps, and says what has to be there: by parts of the base (base.c), and
 *    by step_need, which makes it after `format`.
 *  - It leaves the pool attached, in strict mode, no transaction open.
 *  - It is deterministic, and small: few tables, few lines of the journal.  Its
 *    crashes are enumerated.
 *  - Pages: all sequences of WORLD_REPEATS rows fit into 235 pages, of which
 *    the base has 24 at most.
 */
#include "sim/explore/steps.h"

/* Parts of the base. */
enum {
	NONE,
	T = WORLD_TABLES,
	H = WORLD_HIGH,
	O = WORLD_OTHER,
	S = WORLD_SPARES,
	ALL = WORLD_ALL,
};

/*
 * X(name, core, parts, what); first what is explored soon, so that mutants die
 * of it.  Core rows reach every path of the protocol; sequences of three are of
 * these.
 */
#define ROWS(X)                                                                \
	X(map1, 1, NONE, "a page, into a table that is there")                 \
	X(map512, 1, T, "a whole table, replaced in place")                    \
	X(protect, 1, NONE, "pages, read-only")                                \
	X(checkpoint, 1, NONE, "a page, then the journal is emptied")          \
	X(create, 1, NONE, "a space")                                          \
	X(delete, 1, O, "a space with what it maps")                           \
	X(restart, 0, ALL, "death, and a restart")                             \
	X(close, 0, NONE, "a page, the pool is closed and attached again")     \
	X(share, 0, NONE, "a frame of the pool is mapped twice, then once")    \
	X(alloc, 0, H, "two frames of the pool, zeroed, then filled")          \
	X(unmapfree, 1, S, "an unmap that frees a table and a frame")          \
	X(split, 1, NONE, "a part of a 2 MiB leaf: unmapped or protected")     \
	X(relaxed, 1, NONE, "three relaxed commits and a sync")                \
	X(wrap, 1, NONE, "commits while a checkpoint goes on beside them")     \
	X(again, 0, H, "a frame that was written, freed and taken again")      \
	X(turnover, 0, H, "a frame is freed and one taken in one transaction") \
	X(reuse, 1, NONE, "a table's page becomes a frame, and a table again") \
	X(maptables, 1, T, "a range over three tables, unaligned, replaced")   \
	X(format, 0, NONE, "a new pool over the living one")                   \
	X(txn, 1, T | H, "map, protect, unmap and frames in one transaction")  \
	X(unmaphuge, 0, S, "130 MiB, unlinked whole and reclaimed")            \
	X(mapnew, 1, NONE, "a page that needs tables at every level")          \
	X(move, 1, H, "death, and a restart where memory has moved")           \
	X(aside, 1, NONE, "64 tables, built aside")                            \
	X(chain, 0, NONE, "a transaction of two records")                      \
	X(touch, 1, ALL, "memory has moved; some of its tables are met")       \
	X(twice, 0, ALL, "memory moves twice, tables are under older maps")    \
	X(settle, 0, ALL, "memory has moved; all tables are met, in steps")    \
	X(arm, 0, ALL, "a restart, then page faults")                          \
	X(lost, 0, ALL, "memory is gone, and comes back elsewhere")            \
	X(replace, 0, ALL, "memory is gone; a frame takes a page's place")     \
	X(flip, 0, T, "death, bits flip in tables and descriptors; a repair")  \
	X(copies, 0, NONE, "death, superblock and tail are lost; a repair")    \
	X(tails, 0, NONE, "death, both tails are lost; a repair")              \
	X(descs, 0, T, "death, a line of descriptors is lost; a repair")       \
	X(list, 0, O, "death, the reclaim list is lost; a repair")             \
	X(cut, 0, O, "death, tables are lost; a repair")                       \
	X(names, 0, H | O, "death, the directory is lost; a repair")

#define WRAP_COMMITS 8u
#define WRAP_PAST 4u  /* so that it ends with the last of them */
#define CHAIN_OPS 40u /* runs, and one for the table: a record holds 39 */

enum row {
#define ROW_NUMBER(name, core, parts, what) ROW_##name,
	ROWS(ROW_NUMBER)
#undef ROW_NUMBER
};

static int run_map1(struct world *w, unsigned k)
{
	if (step_need_space(w, 0))
		return -1;
	return step_map(w, 0, AT_PAGE(0, 64 + k), step_dram(w, 0x1000 + 2 * k),
			1);
}

static int run_map512(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(1), step_dram(w, DRAM_PAGES + 64), 1))
		return -1;
	return step_replace(w, 0, AT_TABLE(1),
			    step_dram(w, DRAM_PAGES + UINT64_C(0x2000) * k),
			    512);
}

static int run_maptables(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(1), step_dram(w, DRAM_PAGES + 64), 1) ||
	    step_need(w, 0, AT_TABLE(2), step_dram(w, DRAM_PAGES + 65), 1))
		return -1;
	return step_replace(w, 0, AT_PAGE(0, 510),
			    step_dram(w, DRAM_PAGES + UINT64_C(0x4000) * k),
			    2 + 512 + 2);
}

static int run_mapnew(struct world *w, unsigned k)
{
	/* The first slot at each level: the least runs. */
	uint64_t va = (2 + k) * 512 * PPT_SIZE_1G;

	if (step_need_space(w, 0))
		return -1;
	return step_map(w, 0, va, step_dram(w, 0x5000 + k), 1);
}

static int run_alloc(struct world *w, unsigned k)
{
	if (step_need_space(w, 1))
		return -1;
	if (step_map(w, 1, AT_HIGH_PAGE(32 + 4 * k), PPT_PA_ALLOC, 2))
		return -1;
	return step_fill(w);
}

/* Of the spare tables from the last on; unmaphuge takes them from the first. */
static int run_unmapfree(struct world *w, unsigned k)
{
	uint64_t va = AT_SPARE(WORLD_REPEATS - 1 - k);

	if (step_need_space(w, 0))
		return -1;
	return step_unmap(w, 0, va, SPARE_FRAME / PPT_PAGE_BYTES + 1);
}

static int run_protect(struct world *w, unsigned k)
{
	uint64_t va = AT_PAGE(0, 4 * k);

	if (step_need(w, 0, va, step_dram(w, DRAM_PAGES + 4 * k), 4))
		return -1;
	return step_protect(w, 0, va, 4, PPT_PROT_READ);
}

static int run_split(struct world *w, unsigned k)
{
	uint64_t va = AT_LEAF(k);

	if (step_need(w, 0, va, step_dram(w, DRAM_LEAVES + 512 * k), 512))
		return -1;
	if (k % 2)
		return step_protect(w, 0, va + PPT_SIZE_4K * 5, 2,
				    PPT_PROT_READ);
	return step_unmap(w, 0, va + PPT_SIZE_4K * 5, 2);
}

static int run_aside(struct world *w, unsigned k)
{
	if (step_need_space(w, 0))
		return -1;
	return step_map(w, 0, AT_ASIDE(k) - PPT_SIZE_4K,
			step_dram(w, DRAM_PAGES + UINT64_C(0x10000) * k),
			1 + ASIDE_TABLES * 512);
}

static int run_unmaphuge(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_SPARE(k), step_dram(w, k), 1) ||
	    step_unmap(w, 0, AT_HUGE(k), HUGE_PAGES))
		return -1;
	return step_reclaim(w);
}

static int run_create(struct world *w, unsigned k)
{
	return step_need_space(w, 3 + k);
}

static int run_delete(struct world *w, unsigned k)
{
	struct op op = { .kind = OP_SPACE_DELETE, .space = 2 };

	(void)k;
	return step_need_other(w) ? -1 : step_op(w, &op);
}

/* Each of one line; the second shares a frame. */
static int run_relaxed(struct world *w, unsigned k)
{
	uint64_t va = AT_PAGE(0, 96 + 4 * k);

	if (step_need_frame(w) ||
	    step_need(w, 0, AT_PAGE(0, 40 + k), step_dram(w, k), 1) ||
	    step_relaxed(w, true) ||
	    step_map(w, 0, va, step_dram(w, 0x6000 + k), 1) ||
	    step_map(w, 0, va + PPT_SIZE_4K, step_frame(w), 1) ||
	    step_unmap(w, 0, AT_PAGE(0, 40 + k), 1) || step_sync(w))
		return -1;
	return step_relaxed(w, false);
}

static int run_checkpoint(struct world *w, unsigned k)
{
	if (step_need_space(w, 0) || step_map(w, 0, AT_PAGE(0, 128 + k),
					      step_dram(w, 0x7000 + 2 * k), 1))
		return -1;
	if (step_checkpoint(w))
		return -1;
	w->emptied = true;
	return 0;
}

/*
 * Single frames are zeroed ahead.  What was given up makes the library look at
 * the descriptors anew; what it knew to be zero may not be by then.
 */
static int run_again(struct world *w, unsigned k)
{
	uint64_t va = AT_HIGH_PAGE(160 + 8 * k);

	if (step_need_space(w, 1))
		return -1;
	for (unsigned i = 0; i < 2; i++)
		if (step_map(w, 1, va + i * PPT_SIZE_4K, PPT_PA_ALLOC, 1))
			return -1;
	if (step_fill(w) || step_unmap(w, 1, va + PPT_SIZE_4K, 1) ||
	    step_checkpoint(w) || step_unmap(w, 1, va, 1) ||
	    step_checkpoint(w) || step_give_up(w, 1, va, 1))
		return -1;
	for (unsigned i = 0; i < 2; i++)
		if (step_map(w, 1, va + i * PPT_SIZE_4K, PPT_PA_ALLOC, 1))
			return -1;
	return 0;
}

static int run_turnover(struct world *w, unsigned k)
{
	const struct op op[] = {
		{ .kind = OP_UNMAP,
		  .space = 1,
		  .va = AT_HIGH_PAGE(192 + 4 * k),
		  .len = PPT_SIZE_4K },
		{ .kind = OP_MAP,
		  .space = 1,
		  .va = AT_HIGH_PAGE(194 + 4 * k),
		  .pa = PPT_PA_ALLOC,
		  .len = PPT_SIZE_4K,
		  .prot = STEP_RW },
	};

	if (step_need_space(w, 1) ||
	    step_map(w, 1, op[0].va, PPT_PA_ALLOC, 1) || step_fill(w) ||
	    step_restart(w, NULL)) /* so that the transaction looks afresh */
		return -1;
	return step_txn(w, op, 2);
}

static int run_chain(struct world *w, unsigned k)
{
	struct op op[CHAIN_OPS];

	for (unsigned i = 0; i < CHAIN_OPS; i++)
		op[i] = (struct op){
			.kind = OP_MAP,
			.space = 0,
			.va = AT_PAGE(0, 424 + 2 * i),
			.pa = step_dram(w, 0x7000 + 512 * k + 3 * i),
			.len = PPT_SIZE_4K,
			.prot = STEP_RW,
			.flags = PPT_MAP_REPLACE,
		};
	return step_need_space(w, 0) || step_txn(w, op, CHAIN_OPS) ? -1 : 0;
}

/* A commit with which a checkpoint begins, and those with which it ends. */
static int run_wrap(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 64))
		return -1;
	for (unsigned i = 0; i < WRAP_COMMITS; i++)
		if ((i % 3 == 0 && i < 6 &&
		     step_fill_ring(w, 0, AT_PAGE(0, 40), 24,
				    WRAP_PAST * i / 3)) ||
		    step_map(w, 0, AT_PAGE(0, 384 + WRAP_COMMITS * k + i),
			     step_dram(w, 0x6000 + 2 * i), 1))
			return -1;
	return 0;
}

static int run_share(struct world *w, unsigned k)
{
	if (step_need_frame(w) ||
	    step_map(w, 0, AT_PAGE(0, 256 + k), step_frame(w), 1))
		return -1;
	return step_unmap(w, 0, AT_PAGE(0, 256 + k), 1);
}

static int run_move(struct world *w, unsigned k)
{
	struct ppt_memory_map map = w->now.regions;

	(void)k;
	map.region[0].base += 6 * PPT_SIZE_2M;
	map.region[1].base += 3 * PPT_SIZE_1G;
	return step_restart(w, &map);
}

/* From here on restarts do not look at tables that nobody meets. */
static int restart_touch(struct world *w, const struct ppt_memory_map *map)
{
	w->trust = w->recover = PPT_TRUST_TOUCH;
	return step_restart(w, map);
}

static struct ppt_memory_map moved_map(const struct world *w)
{
	struct ppt_memory_map map = w->now.regions;

	map.region[0].base += 5 * PPT_SIZE_2M;
	map.region[1].base += 2 * PPT_SIZE_1G;
	return map;
}

static int run_touch(struct world *w, unsigned k)
{
	struct ppt_memory_map map = moved_map(w);

	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 8) ||
	    restart_touch(w, &map) || step_untouched(w, 0) ||
	    step_fault(w, 0, AT_PAGE(0, 2), PPT_FAULT_ARMED))
		return -1;
	return step_map(w, 0, AT_PAGE(0, 288 + k), step_dram(w, 0x9000 + 2 * k),
			1);
}

static int run_twice(struct world *w, unsigned k)
{
	struct ppt_memory_map map = moved_map(w);

	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 8) ||
	    step_need(w, 1, AT_HIGH, PPT_PA_ALLOC, 1) ||
	    restart_touch(w, &map) ||
	    step_fault(w, 1, AT_HIGH, PPT_FAULT_ARMED))
		return -1;
	map = moved_map(w);
	if (restart_touch(w, &map) ||
	    step_fault(w, 0, AT_PAGE(0, 2), PPT_FAULT_ARMED))
		return -1;
	return step_map(w, 1, AT_HIGH_PAGE(300 + k), step_dram(w, 0xa000 + k),
			1);
}

static int run_settle(struct world *w, unsigned k)
{
	struct ppt_memory_map map = moved_map(w);

	(void)k;
	if (step_need_space(w, 0) || restart_touch(w, &map))
		return -1;
	return step_settle(w, 3);
}

static int run_arm(struct world *w, unsigned k)
{
	(void)k;
	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 8) ||
	    step_need(w, 1, AT_HIGH, PPT_PA_ALLOC, 1) ||
	    restart_touch(w, NULL) || step_untouched(w, 0) ||
	    step_untouched(w, 1) || step_fault(w, 1, AT_HIGH, PPT_FAULT_ARMED))
		return -1;
	return step_fault(w, 0, AT_PAGE(0, 4), PPT_FAULT_ARMED);
}

static int run_lost(struct world *w, unsigned k)
{
	struct ppt_memory_map map;
	uint64_t va = AT_PAGE(0, 304 + 2 * k);

	if (step_need_space(w, 0) || step_map(w, 0, va, step_pmem(w, 5 + k), 1))
		return -1;
	map = moved_map(w);
	map.count = 2;
	if (restart_touch(w, &map) || step_fault(w, 0, va, PPT_FAULT_LOST))
		return -1;
	map = w->now.regions;
	map.region[2].base += 64 * PPT_SIZE_1G;
	if (restart_touch(w, &map))
		return -1;
	return step_fault(w, 0, va, PPT_FAULT_ARMED);
}

static int run_replace(struct world *w, unsigned k)
{
	struct ppt_memory_map map = w->now.regions;
	uint64_t va = AT_PAGE(0, 312 + 2 * k);
	int err;

	if (step_need_space(w, 0) || step_map(w, 0, va, step_pmem(w, 9 + k), 1))
		return -1;
	map.count = 2;
	w->lost = PPT_LOST_REPLACE;
	err = restart_touch(w, &map) || step_cure(w, 0, va) || step_fill(w);
	w->lost = PPT_LOST_FAULT;
	map = w->now.regions;
	return err ? -1 : restart_touch(w, &map);
}

static int run_restart(struct world *w, unsigned k)
{
	(void)k;
	return step_restart(w, NULL);
}

static int run_close(struct world *w, unsigned k)
{
	if (step_need_space(w, 0) ||
	    step_map(w, 0, AT_PAGE(0, 376 + k), step_dram(w, 0xb600 + k), 1))
		return -1;
	return step_close(w);
}

/*
 * A freed page matures when a later commit frees something and the tail has
 * passed; then it is the lowest, and so the next to be taken.
 */
static int run_reuse(struct world *w, unsigned k)
{
	uint64_t table = AT_TABLE(24 + 2 * k); /* the second of two */
	uint64_t frame = AT_PAGE(0, 160 + 4 * k);

	if (step_need_space(w, 0) ||
	    step_map(w, 0, table - PPT_SIZE_4K, step_dram(w, 0x8000), 2) ||
	    step_unmap(w, 0, table - PPT_SIZE_4K, 1) || step_checkpoint(w) ||
	    step_unmap(w, 0, table, 1) ||
	    step_map(w, 0, frame, PPT_PA_ALLOC, 2) || step_fill(w) ||
	    step_unmap(w, 0, frame, 1) || step_checkpoint(w) ||
	    step_unmap(w, 0, frame + PPT_SIZE_4K, 1))
		return -1;
	return step_map(w, 0, table, step_dram(w, 0x8001), 1);
}

static int run_txn(struct world *w, unsigned k)
{
	const struct op op[] = {
		{ .kind = OP_MAP,
		  .space = 0,
		  .va = AT_PAGE(1, 510),
		  .pa = step_dram(w, DRAM_PAGES + UINT64_C(0x9000) + 8 * k),
		  .len = 4 * PPT_SIZE_4K,
		  .prot = STEP_RW,
		  .flags = PPT_MAP_REPLACE },
		{ .kind = OP_PROTECT,
		  .space = 0,
		  .va = AT_PAGE(0, 16 + 2 * k),
		  .len = 2 * PPT_SIZE_4K,
		  .prot = PPT_PROT_READ },
		{ .kind = OP_UNMAP,
		  .space = 0,
		  .va = AT_PAGE(0, 32 + 2 * k),
		  .len = 2 * PPT_SIZE_4K },
		{ .kind = OP_MAP,
		  .space = 1,
		  .va = AT_HIGH_PAGE(128 + k),
		  .pa = PPT_PA_ALLOC,
		  .len = PPT_SIZE_4K,
		  .prot = STEP_RW },
	};

	if (step_need(w, 0, AT_PAGE(0, 16), step_dram(w, DRAM_PAGES + 16), 8) ||
	    step_need(w, 0, AT_PAGE(0, 32 + 2 * k), step_dram(w, k), 2) ||
	    step_need_space(w, 1) ||
	    step_txn(w, op, sizeof(op) / sizeof(op[0])))
		return -1;
	return step_fill(w);
}

static int run_format(struct world *w, unsigned k)
{
	return step_format(w, k);
}

/* The records that wait for replay set neither of what flips. */
static int run_flip(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 8) ||
	    step_need(w, 0, AT_TABLE(2), step_dram(w, DRAM_PAGES + 65), 1) ||
	    step_need(w, 0, AT_TABLE(1), step_dram(w, DRAM_PAGES + 64), 1) ||
	    step_checkpoint(w) ||
	    step_map(w, 0, AT_PAGE(0, 328 + 2 * k), step_dram(w, 0xb000 + k),
		     1) ||
	    step_die(w))
		return -1;
	if (step_flip_entry(w, 0, AT_PAGE(0, 3), 1, 21) ||
	    step_flip_desc(w, 0, AT_TABLE(2), 1, 44) ||
	    step_flip_entry(w, 0, AT_TABLE(1), 2, 1) ||
	    step_flip_desc(w, 0, AT_TABLE(1), 1, 7))
		return -1;
	return step_repair(w);
}

static int run_copies(struct world *w, unsigned k)
{
	if (step_need_space(w, 0) ||
	    step_map(w, 0, AT_PAGE(0, 336 + 2 * k), step_dram(w, 0xb100 + k),
		     1) ||
	    step_die(w) || step_ruin_superblock(w, k % 2, 4 * k) ||
	    step_ruin_tail(w, (k + 1) % 2))
		return -1;
	return step_repair(w);
}

/* After a restart the ring has no records but what follows. */
static int run_tails(struct world *w, unsigned k)
{
	if (step_need_space(w, 0) || step_restart(w, NULL) ||
	    step_map(w, 0, AT_PAGE(0, 344 + 2 * k), step_dram(w, 0xb200 + k),
		     1) ||
	    step_die(w) || step_ruin_tail(w, 0) || step_ruin_tail(w, 1))
		return -1;
	return step_repair(w);
}

/* Tables are believed if their entries fit one memory map only. */
static int run_descs(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(2), step_dram(w, DRAM_PAGES + 65), 1) ||
	    step_settle(w, 64) ||
	    step_map(w, 0, AT_PAGE(0, 352 + 2 * k), step_dram(w, 0xb300 + k),
		     1) ||
	    step_die(w) || step_wipe_descs(w, 0, AT_TABLE(2), 1))
		return -1;
	return step_repair(w);
}

/* What is on it: a space that was deleted. */
static int run_list(struct world *w, unsigned k)
{
	if (run_delete(w, k) || step_die(w) || step_ruin_reclaim(w))
		return -1;
	return step_repair(w);
}

/* Each with a frame; so that no record makes their content again, settled. */
static int run_cut(struct world *w, unsigned k)
{
	uint64_t low = AT_CUT(k), wide = AT_WIDE_CUT(k);

	if (step_need_other(w) || step_need(w, 0, low, PPT_PA_ALLOC, 1) ||
	    step_need(w, 0, wide, PPT_PA_ALLOC, 1) || step_checkpoint(w) ||
	    step_map(w, 0, AT_PAGE(0, 360 + 2 * k), step_dram(w, 0xb400 + k),
		     1) ||
	    step_die(w))
		return -1;
	if (step_ruin_table(w, 0, low, 1) || step_ruin_table(w, 0, wide, 2) ||
	    step_ruin_root(w, 2))
		return -1;
	return step_repair(w);
}

/* So that no record makes an entry of it again, settled. */
static int run_names(struct world *w, unsigned k)
{
	if (step_need(w, 0, AT_TABLE(0), step_dram(w, DRAM_PAGES), 8) ||
	    step_need(w, 1, AT_HIGH, PPT_PA_ALLOC, 1) || step_need_other(w) ||
	    step_checkpoint(w) ||
	    step_map(w, 0, AT_PAGE(0, 368 + 2 * k), step_dram(w, 0xb500 + k),
		     1) ||
	    step_die(w) || step_wipe_directory(w))
		return -1;
	return step_repair(w);
}

/* The function in the table: it knows which row it is. */
#define ROW_RUN(name, core, parts, what)                                       \
	static int row_##name(struct world *w)                                 \
	{                                                                      \
		return run_##name(w, w->used[ROW_##name]++);                   \
	}
ROWS(ROW_RUN)
#undef ROW_RUN

const struct world_op world_ops[] = {
#define ROW_ENTRY(name, core, parts, what)                                     \
	{ #name, what, core, parts, row_##name },
	ROWS(ROW_ENTRY)
#undef ROW_ENTRY
};

const unsigned world_op_count = sizeof(world_ops) / sizeof(world_ops[0]);

_Static_assert(sizeof(world_ops) / sizeof(world_ops[0]) <= WORLD_OPS_MAX,
	       "world.used has a count for each row");
