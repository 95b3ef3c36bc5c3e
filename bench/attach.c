/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Restarts: from the call that opens a pool file to the first translation.
 *
 * Layer: bench.
 *
 * A dirty pool is made for real: a child commits and dies without closing.
 * Its superblocks and journal are kept, and put back before each attach; this
 * is exact, because replay sets words to the values that the records hold.
 * The two kinds of dirt are in different tables, so that neither's records
 * are about what the other changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define POOL_BYTES (UINT64_C(1) << 30)
#define DIRTY_LINES 4096u

/* The superblocks and the journal behind them. */
#define HEAD_BYTES (2 * PPT_PAGE_BYTES + PPT_JOURNAL_BYTES_DEFAULT)

enum dirt { DIRT_SOME, DIRT_FULL, DIRT_KINDS };

/**
 * struct attach_pool - a pool file that the benches of one size share.
 * @users: benches that have it open.
 * @head:  what a dirty pool starts with, NULL until it is wanted.
 * @shift: what memory was moved by last.
 */
struct attach_pool {
	uint64_t pages;
	bool moves;
	unsigned int users;
	const char *path;
	unsigned char *head[DIRT_KINDS];
	struct ppt_memory_map map;
	uint64_t shift;
	uint64_t seed;
};

static struct attach_pool pools[16];

/* -------------------------------------------------------------- opening -- */

static struct ppt_host *open_pool(const struct attach_pool *p,
				  const struct ppt_memory_map *present,
				  struct ppt_space *space)
{
	struct ppt_host_open opt = { .flush = bench_options.flush,
				     .present = present };
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_host *host;
	int err = ppt_host_open(p->path, &opt, &host, NULL, &diag);

	bench_must_file(err, p->path, &diag);
	err = ppt_space_open(ppt_host_pool(host), "bench", space, &diag.diag);
	bench_must(err, "ppt_space_open", &diag.diag);
	return host;
}

static void close_pool(struct ppt_host *host)
{
	bench_must(ppt_host_close(host), "ppt_host_close", NULL);
}

static void build(struct attach_pool *p)
{
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct bench_rig rig;
	uint64_t len = p->pages * PPT_PAGE_BYTES;

	memset(&rig, 0, sizeof(rig));
	bench_pool_create(p->path, POOL_BYTES);
	bench_must_file(ppt_host_open(p->path, NULL, &rig.host, NULL, &diag),
			p->path, &diag);
	rig.pool = ppt_host_pool(rig.host);
	bench_must(ppt_space_create(rig.pool, "bench", PPT_FORMAT_X86_64_4,
				    &rig.space, &diag.diag),
		   "ppt_space_create", &diag.diag);
	bench_map(&rig, BENCH_VA, BENCH_DRAM, len, PPT_MAP_4K);
	ppt_memory_map(rig.pool, &p->map);
	close_pool(rig.host);
}

/* False if there is no room for it, which is not an error. */
static bool open_attach(struct bench *b, bool moves)
{
	/* An entry a page, upper tables, descriptors, the rest. */
	uint64_t need = b->n * 8 + b->n / 32 + 8 * (UINT64_C(1) << 20);
	struct attach_pool *p = pools;
	char tag[32];

	while (p->users && (p->pages != b->n || p->moves != moves))
		p++;
	b->state = p;
	if (p->users) {
		p->users++;
		return true;
	}
	if (bench_files_room() < need) {
		b->result.skipped = "no room for its tables";
		return false;
	}
	p->users = 1;
	p->pages = b->n;
	p->moves = moves;
	p->seed = 1;
	snprintf(tag, sizeof(tag), "attach%s-%llu", moves ? "-moved" : "",
		 (unsigned long long)b->n);
	p->path = bench_file(tag);
	build(p);
	return true;
}

static void close_attach(struct bench *b)
{
	struct attach_pool *p = b->state;

	if (--p->users)
		return;
	bench_file_remove(p->path);
	for (int i = 0; i < DIRT_KINDS; i++)
		free(p->head[i]);
	memset(p, 0, sizeof(*p));
}

/* --------------------------------------------------------------- the dirt -- */

static uint64_t random_of(uint64_t *seed)
{
	/* xorshift64*, Marsaglia 2003 and Vigna 2016. */
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* A page in an even table, or in an odd one. */
static ppt_va_t page_of(struct attach_pool *p, enum dirt dirt)
{
	uint64_t tables = p->pages / PPT_PAGE_WORDS;
	uint64_t r = random_of(&p->seed);
	uint64_t table = (r / PPT_PAGE_WORDS % (tables / 2)) * 2 + dirt;

	return bench_va(table * PPT_PAGE_WORDS + r % PPT_PAGE_WORDS);
}

static uint64_t change_one(struct attach_pool *p, struct ppt_space *space,
			   enum dirt dirt)
{
	static const uint32_t prots[] = { PPT_PROT_READ, BENCH_PROT };
	uint64_t r = random_of(&p->seed);
	struct ppt_stats stats;
	int err = ppt_protect(space, page_of(p, dirt), PPT_SIZE_4K,
			      prots[r & 1], NULL);

	bench_must(err, "ppt_protect", NULL);
	ppt_stats(space->pool, &stats);
	return stats.live_lines;
}

/*
 * The child: strict commits of one line each, and no end.  Full means almost as
 * full as it was just before the first checkpoint emptied a part of it; how many
 * lines come while the next one is on its way differs by a percent or two.
 */
static void make_dirt(struct attach_pool *p, enum dirt dirt)
{
	struct ppt_space space;
	uint64_t most = 0, live;

	open_pool(p, NULL, &space);
	live = change_one(p, &space, dirt);
	while (dirt == DIRT_SOME && live < DIRTY_LINES)
		live = change_one(p, &space, dirt);
	while (dirt == DIRT_FULL && live >= most) {
		most = live;
		live = change_one(p, &space, dirt);
	}
	while (dirt == DIRT_FULL && live < most - most / 16)
		live = change_one(p, &space, dirt);
	_exit(0);
}

static void transfer(const struct attach_pool *p, unsigned char *head,
		     bool write)
{
	int fd = open(p->path, O_RDWR | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0 && write)
		n = pwrite(fd, head, HEAD_BYTES, 0);
	else if (fd >= 0)
		n = pread(fd, head, HEAD_BYTES, 0);
	if (n != (ssize_t)HEAD_BYTES)
		bench_die("%s: %s", p->path, strerror(errno));
	close(fd);
}

static void open_dirty(struct bench *b, enum dirt dirt)
{
	struct attach_pool *p;
	struct ppt_space space;
	int status = -1;
	pid_t child;

	if (!open_attach(b, false))
		return;
	p = b->state;
	child = fork();
	if (child == 0)
		make_dirt(p, dirt);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		bench_die("%s: the child that leaves it dirty failed", p->path);
	p->head[dirt] = bench_alloc(HEAD_BYTES);
	transfer(p, p->head[dirt], false);
	/* What it left is recovered before the other kind comes. */
	close_pool(open_pool(p, NULL, &space));
}

static void open_some(struct bench *b)
{
	open_dirty(b, DIRT_SOME);
}

static void open_full(struct bench *b)
{
	open_dirty(b, DIRT_FULL);
}

/* ------------------------------------------------------------- the restart -- */

/* When the clock stops. */
enum until { OPENED, TRANSLATED };

static void add_restart(struct ppt_host *host, double ns,
			struct bench_sample *out)
{
	struct ppt_stats stats;

	ppt_stats(ppt_host_pool(host), &stats);
	bench_add(out, &(struct bench_sample){
			       .ns = ns,
			       .ops = 1,
			       .counted = true,
			       .fences = stats.pm.fences,
			       .flushes = stats.pm.flushes,
			       .journal_lines = stats.journal_lines,
		       });
}

/* One more restart, added to @out. */
static void restart(struct bench *b, const struct ppt_memory_map *present,
		    enum until until, struct bench_sample *out)
{
	struct attach_pool *p = b->state;
	struct ppt_host_open opt = { .flags = PPT_HOST_DRAM_KEPT,
				     .flush = bench_options.flush,
				     .present = present };
	struct ppt_host_diag diag = { .os_errno = 0 };
	ppt_va_t va = bench_va(random_of(&p->seed) % p->pages);
	struct ppt_attach_report report;
	struct ppt_extent extent = { .pa = 0 };
	struct ppt_space space;
	struct ppt_host *host;
	double start = bench_wall_ns();
	int err = ppt_host_open(p->path, &opt, &host, &report, &diag);
	double ns = bench_wall_ns() - start;

	bench_must_file(err, p->path, &diag);
	if (until == OPENED)
		add_restart(host, ns, out);
	err = ppt_space_open(ppt_host_pool(host), "bench", &space, &diag.diag);
	if (!err)
		err = ppt_translate(&space, va, &extent, &diag.diag);
	ns = bench_wall_ns() - start;
	bench_must(err, "first translation", &diag.diag);
	if (extent.pa != va - BENCH_VA + BENCH_DRAM + p->shift)
		bench_die("%s: wrong translation of 0x%llx", b->name,
			  (unsigned long long)va);
	if (until == TRANSLATED)
		add_restart(host, ns, out);
	b->result.records = report.records_replayed;
	b->result.tables = report.tables_rebased;
	/* So that the next one need not work off an old memory map. */
	if (present)
		bench_must(ppt_settle(ppt_host_pool(host), UINT64_MAX, NULL),
			   "ppt_settle", NULL);
	close_pool(host);
}

static void attach_clean(struct bench *b, struct bench_sample *out)
{
	for (uint32_t i = 0; i < BENCH_RESTARTS; i++)
		restart(b, NULL, TRANSLATED, out);
}

static void attach_clean_open(struct bench *b, struct bench_sample *out)
{
	for (uint32_t i = 0; i < BENCH_RESTARTS; i++)
		restart(b, NULL, OPENED, out);
}

static void attach_some(struct bench *b, struct bench_sample *out)
{
	struct attach_pool *p = b->state;

	transfer(p, p->head[DIRT_SOME], true);
	restart(b, NULL, TRANSLATED, out);
}

static void attach_full(struct bench *b, struct bench_sample *out)
{
	struct attach_pool *p = b->state;

	transfer(p, p->head[DIRT_FULL], true);
	restart(b, NULL, TRANSLATED, out);
}

/*
 * The pool and the memory beside it, to and fro.  What was made up for after the
 * last time went through all of the pool; a restart that is not timed leaves the
 * caches as attach_clean finds them.
 */
static void move(struct bench *b, enum until until, struct bench_sample *out)
{
	struct attach_pool *p = b->state;
	struct ppt_memory_map present = p->map;
	struct ppt_space space;

	close_pool(open_pool(p, NULL, &space));
	p->shift ^= PPT_SIZE_1G;
	for (uint32_t i = 0; i < present.count; i++)
		present.region[i].base += p->shift;
	restart(b, &present, until, out);
}

static void attach_moved(struct bench *b, struct bench_sample *out)
{
	move(b, TRANSLATED, out);
}

static void attach_moved_open(struct bench *b, struct bench_sample *out)
{
	move(b, OPENED, out);
}

#define TOUCHES 4096u

/*
 * Tables that no walk has met since the restart, in random order, so in no
 * cache: the walk to one page of each.
 */
static void touch(struct bench *b, const struct ppt_memory_map *present,
		  struct bench_sample *out)
{
	struct attach_pool *p = b->state;
	struct ppt_host_open opt = { .flags = PPT_HOST_DRAM_KEPT,
				     .flush = bench_options.flush,
				     .present = present };
	struct ppt_host_diag diag = { .os_errno = 0 };
	uint64_t tables = p->pages / PPT_PAGE_WORDS;
	uint64_t at = random_of(&p->seed) % tables;
	struct ppt_extent extent;
	struct ppt_space space;
	struct ppt_host *host;
	struct ppt_stats before, after;
	double ns;

	bench_must_file(ppt_host_open(p->path, &opt, &host, NULL, &diag),
			p->path, &diag);
	bench_must(ppt_space_open(ppt_host_pool(host), "bench", &space,
				  &diag.diag),
		   "ppt_space_open", &diag.diag);
	ppt_stats(ppt_host_pool(host), &before);
	ns = bench_wall_ns();
	for (uint32_t i = 0; i < TOUCHES; i++) {
		/* All are met before one is met twice: the step is prime. */
		at = (at + 7919) % tables;
		bench_must(ppt_translate(&space, bench_va(at * PPT_PAGE_WORDS),
					 &extent, &diag.diag),
			   "first touch", &diag.diag);
	}
	ns = bench_wall_ns() - ns;
	ppt_stats(ppt_host_pool(host), &after);
	bench_add(out, &(struct bench_sample){
			       .ns = ns,
			       .ops = TOUCHES,
			       .counted = true,
			       .fences = after.pm.fences - before.pm.fences,
			       .flushes = after.pm.flushes - before.pm.flushes,
			       .journal_lines = after.journal_lines -
						before.journal_lines,
		       });
	bench_must(ppt_settle(ppt_host_pool(host), UINT64_MAX, NULL),
		   "ppt_settle", NULL);
	close_pool(host);
}

static void touch_clean(struct bench *b, struct bench_sample *out)
{
	touch(b, NULL, out);
}

static void touch_moved(struct bench *b, struct bench_sample *out)
{
	struct attach_pool *p = b->state;
	struct ppt_memory_map present = p->map;

	p->shift ^= PPT_SIZE_1G;
	for (uint32_t i = 0; i < present.count; i++)
		present.region[i].base += p->shift;
	touch(b, &present, out);
}

static void open_clean(struct bench *b)
{
	(void)open_attach(b, false);
}

static void open_moved(struct bench *b)
{
	(void)open_attach(b, true);
}

const struct bench_ops bench_attach_clean = { open_clean, attach_clean,
					      close_attach };
const struct bench_ops bench_attach_clean_open = { open_clean,
						   attach_clean_open,
						   close_attach };
const struct bench_ops bench_attach_dirty = { open_some, attach_some,
					      close_attach };
const struct bench_ops bench_attach_dirty_full = { open_full, attach_full,
						   close_attach };
const struct bench_ops bench_first_touch = { open_clean, touch_clean,
					     close_attach };
const struct bench_ops bench_first_touch_moved = { open_moved, touch_moved,
						   close_attach };
const struct bench_ops bench_attach_moved = { open_moved, attach_moved,
					      close_attach };
const struct bench_ops bench_attach_moved_open = { open_moved,
						   attach_moved_open,
						   close_attach };
