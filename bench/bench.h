/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptbench: what its modules share.
 *
 * Layer: bench; sees the public headers only.
 *
 *   main.c     command line
 *   table.c    what is measured
 *   run.c      rounds: floors and subjects in turns
 *   report.c   figures for people and as JSON, and the goals
 *   files.c    files that are gone afterwards, come what may
 *   rig.c      a pool to measure in
 *   floors.c   what the hardware takes, without the library
 *   single.c   one page an operation
 *   range.c    many pages an operation
 *   attach.c   restarts
 *   check.c    full validation
 */
#ifndef PPTBENCH_H
#define PPTBENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <pptable/host.h>

#define BENCH_PROT (PPT_PROT_READ | PPT_PROT_WRITE | PPT_PROT_USER)

/* Memory that is recorded but not there: nothing here touches a frame. */
#define BENCH_DRAM (UINT64_C(1) << 40)
#define BENCH_DRAM_BYTES (UINT64_C(4) << 40)
#define BENCH_POOL_BASE (UINT64_C(1) << 45)

/* Where everything is mapped: one entry of the root table. */
#define BENCH_VA (UINT64_C(1) << 39)

/**
 * struct bench_options - the command line.
 * @pool:  what the names of all files start with.
 * @huge:  their folder is the run's own, on pages of 2 MiB.
 * @small: it is not to be.
 * @limit: pages that the attach benches map at most.
 */
struct bench_options {
	bool json;
	bool list;
	const char *filter;
	unsigned int rounds;
	uint64_t limit;
	const char *pool;
	bool huge;
	bool small;
	enum ppt_flush flush;
};

extern struct bench_options bench_options;

/**
 * struct bench_sample - what one slice took.
 * @ns:    time of @ops operations.
 * @counted: the rest is known: fences, lines flushed, journal lines.
 */
struct bench_sample {
	double ns;
	uint64_t ops;
	bool counted;
	uint64_t fences;
	uint64_t flushes;
	uint64_t journal_lines;
};

#define BENCH_SLICES_MAX 8

/**
 * struct bench_result - the figures; @median, @min and @max are of the rounds.
 * @slice:   of this round, in the bench's unit.
 * @round:   for each round the median of its slices.
 * @total:   sums over all that was timed.
 * @records: of an attach: journal records replayed.
 * @tables:  of an attach: tables rebased.
 * @skipped: NULL, or why there are no figures.
 */
struct bench_result {
	double slice[BENCH_SLICES_MAX];
	double *round;
	double median;
	double min;
	double max;
	double ratio; /* median of the rounds' ratios; 0 if there is none */
	struct bench_sample total;
	uint64_t records;
	uint64_t tables;
	const char *skipped;
};

struct bench;

/**
 * struct bench_ops - how something is measured.
 * @open, @close: before the first slice and after the last.
 * @slice: some operations, timed.
 */
struct bench_ops {
	void (*open)(struct bench *b);
	void (*slice)(struct bench *b, struct bench_sample *s);
	void (*close)(struct bench *b);
};

/**
 * struct bench - one thing that is measured.
 * @n:     pages that an operation covers, or that are mapped (attach).
 * @per:   an operation's time is divided by this: 1, or pages.
 * @arg:   the module's.
 */
struct bench {
	const char *name;
	const char *what;
	const char *unit;
	const char *ratio_to;
	uint64_t n;
	uint64_t per;
	const struct bench_ops *ops;
	uint64_t arg;
	void *state;
	bool selected;
	struct bench_result result;
};

/**
 * struct bench_group - benches that are measured in turns.
 * @slices: of each bench in a round.
 */
struct bench_group {
	struct bench *bench;
	size_t count;
	unsigned int slices;
};

#define BENCH_GROUPS 6
extern const struct bench_group bench_groups[BENCH_GROUPS];

/* -------------------------------------------------------------- main.c -- */

/* A message, all files removed, exit 1. */
void bench_die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Memory or death. */
void *bench_alloc(size_t bytes);

/* --------------------------------------------------------------- run.c -- */

/* NULL if there is none of this name. */
struct bench *bench_find(const char *name);

/*
 * Marks what @filter names, and the floors that it is compared with; false if
 * a part of it names nothing.
 */
bool bench_select(const char *filter);

void bench_run(void);

/* Adds what a part took to what the whole takes. */
void bench_add(struct bench_sample *to, const struct bench_sample *s);

/* The median of @n values, which it sorts. */
double bench_median(double *value, size_t n);

static inline bool bench_has(const struct bench *b)
{
	return b && b->selected && !b->result.skipped;
}

/* ------------------------------------------------------------ report.c -- */

void bench_list(FILE *out);
void bench_print(FILE *out);
void bench_print_json(FILE *out);

/* ------------------------------------------------------------ folder.c -- */

/*
 * Goes to a folder of the run's own, of files that are mapped by 2 MiB; false,
 * and nowhere, where the system does not let it.
 */
bool bench_folder_huge(void);

/* ------------------------------------------------------------- files.c -- */

/* From now on signals that end the program remove its files first. */
void bench_files_guard(void);

/* Registers <options.pool>.<tag>, which must not exist; the name stays. */
const char *bench_file(const char *tag);

void bench_file_remove(const char *path);
void bench_files_remove(void);

/* Bytes that may still be written where the files are. */
uint64_t bench_files_room(void);

/* --------------------------------------------------------------- rig.c -- */

/**
 * struct bench_rig - an open pool with a space in it.
 * @next: the bench's place in its window.
 */
struct bench_rig {
	const char *path;
	struct ppt_host *host;
	struct ppt_pool *pool;
	struct ppt_space space;
	struct ppt_stats was;
	double start;
	uint64_t next;
};

/* Makes a pool file; @bytes is its size, blocks are allocated on use. */
void bench_pool_create(const char *path, uint64_t bytes);

void bench_rig_open(struct bench_rig *rig, const char *tag, uint64_t bytes);
/* A clean restart: what the handle had learnt is forgotten. */
void bench_rig_reopen(struct bench_rig *rig);
void bench_rig_close(struct bench_rig *rig);

/* A call of the library that has to succeed. */
void bench_must(int err, const char *what, const struct ppt_diag *diag);
void bench_must_file(int err, const char *path,
		     const struct ppt_host_diag *diag);

void bench_map(struct bench_rig *rig, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	       uint32_t flags);
void bench_unmap(struct bench_rig *rig, ppt_va_t va, uint64_t len);
void bench_checkpoint(struct bench_rig *rig);

/* ppt_reclaim until nothing is left. */
void bench_reclaim(struct bench_rig *rig);

/* Writes to every free page once, so that no page fault is timed. */
void bench_prefault(struct bench_rig *rig);

/* From here to there is timed, and its fences, flushes and lines counted. */
void bench_start(struct bench_rig *rig);
void bench_stop(struct bench_rig *rig, struct bench_sample *s, uint64_t ops);

/*
 * Time that this thread ran: for what never waits, so that other programs on
 * the machine count less.  Restarts are timed by the clock on the wall.
 */
double bench_cpu_ns(void);
double bench_wall_ns(void);

/* Address of the page that belongs to slot @word of a dense window. */
static inline ppt_va_t bench_va(uint64_t word)
{
	return BENCH_VA + word * PPT_PAGE_BYTES;
}

static inline ppt_pa_t bench_pa(uint64_t word)
{
	return BENCH_DRAM + word * PPT_PAGE_BYTES;
}

/* Hides from the compiler that a result is not needed. */
static inline void bench_keep(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

/* ------------------------------------------------------------ floors.c -- */

/* Pages that the lookups go round in. */
#define BENCH_HOT_PAGES 4096u

/* Slots of a dense window of 64 GiB; the first of each table is not used. */
#define BENCH_WINDOW (UINT64_C(1) << 24)
#define BENCH_SINGLE_OPS 16384u
/* In random order: several for each table, so that most find it in a cache. */
#define BENCH_RANDOM_OPS 131072u
#define BENCH_RESTARTS 4u /* clean ones in a slice */

/* The slot after @word. */
static inline uint64_t bench_next(uint64_t word)
{
	word++;
	return word % PPT_PAGE_WORDS ? word : word + 1;
}

/*
 * Fills @order with the next @count slots of a random order of the window, in
 * which none comes twice; returns where to go on, or 0 at the end: the order
 * starts again.
 */
uint64_t bench_shuffle(uint64_t at, uint32_t *order, size_t count);

extern const struct bench_ops bench_bare_store;
extern const struct bench_ops bench_bare_store_rand;
extern const struct bench_ops bench_bare_store_alone;
extern const struct bench_ops bench_line_persist;
extern const struct bench_ops bench_fill_512;
extern const struct bench_ops bench_walk_hot;
extern const struct bench_ops bench_bare_restart;

/* ------------------------------------------------------------ single.c -- */

extern const struct bench_ops bench_map_seq_1;
extern const struct bench_ops bench_map_rand_1; /* @arg: restart before it */
extern const struct bench_ops bench_relaxed_map_seq_1;
extern const struct bench_ops bench_map_alloc_1; /* @arg: flags of ppt_map */
extern const struct bench_ops bench_unmap_seq_1;
extern const struct bench_ops bench_translate_hot;

/* ------------------------------------------------------------- range.c -- */

extern const struct bench_ops bench_map_range;
extern const struct bench_ops bench_map_range_new;
extern const struct bench_ops bench_map_replace;
extern const struct bench_ops bench_protect;
extern const struct bench_ops bench_protect_scattered;
extern const struct bench_ops bench_map_huge;
extern const struct bench_ops bench_unmap_huge;
extern const struct bench_ops bench_reclaim_huge;

/* ------------------------------------------------------------ attach.c -- */

/* @n pages mapped. */
extern const struct bench_ops bench_attach_clean;
extern const struct bench_ops bench_attach_clean_open; /* no translation */
extern const struct bench_ops bench_attach_dirty;
extern const struct bench_ops bench_attach_dirty_full; /* as dirty as can be */
extern const struct bench_ops bench_attach_moved;
extern const struct bench_ops bench_attach_moved_open;
extern const struct bench_ops bench_first_touch;
extern const struct bench_ops bench_first_touch_moved;

/* ------------------------------------------------------------- check.c -- */

/* @n pages mapped; figures are per table. */
extern const struct bench_ops bench_crc32c_pass;
extern const struct bench_ops bench_check_full;
extern const struct bench_ops bench_check_full_2; /* workers */

#endif
