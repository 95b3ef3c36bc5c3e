/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Full validation, beside a plain checksum of the same bytes.
 *
 * Layer: bench.  The pool maps pages of memory beside it, so that what it holds
 * is tables, one behind the other.  It is mapped once and read before: what is
 * compared is reading memory and thinking, not page faults.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define WORKERS 2u

/**
 * struct check_pool - the pool that the benches here share.
 * @first: offset of the first table.
 */
struct check_pool {
	unsigned int users;
	const char *path;
	unsigned char *map;
	uint64_t bytes;
	uint64_t first;
	uint64_t tables;
	void *scratch;
	size_t scratch_bytes;
};

static struct check_pool pool;

static void build(struct check_pool *p, uint64_t pages)
{
	struct ppt_usage usage;
	struct bench_rig rig;

	p->bytes = (pages / 500 * 4096 + (UINT64_C(16) << 20)) &
		   ~(PPT_SIZE_2M - 1);
	bench_rig_open(&rig, "check", p->bytes);
	bench_map(&rig, BENCH_VA, BENCH_DRAM, pages * PPT_PAGE_BYTES,
		  PPT_MAP_4K);
	bench_checkpoint(&rig);
	bench_must(ppt_usage(rig.pool, &usage, NULL), "ppt_usage", NULL);
	p->first = (usage.fixed_pages + usage.meta_pages) * PPT_PAGE_BYTES;
	p->tables = usage.table_pages;
	p->path = rig.path;
	bench_must(ppt_host_close(rig.host), "ppt_host_close", NULL);
}

static void open_check(struct bench *b)
{
	struct check_pool *p = &pool;
	uint64_t sum = 0;
	int fd;

	b->state = p;
	if (p->users++)
		return;
	build(p, b->n);
	fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("%s: cannot open", p->path);
	p->map = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		      0);
	close(fd);
	if (p->map == MAP_FAILED)
		bench_die("%s: cannot map", p->path);
	for (uint64_t i = 0; i < p->bytes; i += PPT_PAGE_BYTES)
		sum += p->map[i];
	bench_keep(sum);
	p->scratch_bytes = ppt_check_scratch_bytes(p->map, p->bytes, WORKERS);
	p->scratch = aligned_alloc(64, (p->scratch_bytes + 63) / 64 * 64);
	if (!p->scratch)
		bench_die("out of memory");
}

static void close_check(struct bench *b)
{
	struct check_pool *p = b->state;

	if (--p->users)
		return;
	munmap(p->map, p->bytes);
	free(p->scratch);
	bench_file_remove(p->path);
	memset(p, 0, sizeof(*p));
}

/* ---------------------------------------------------------------- floor -- */

/* One word after the other, as anybody would write it. */
#if defined(__x86_64__)
static uint64_t crc32c(const uint64_t *word, uint64_t n)
{
	uint64_t crc = UINT32_MAX;

	for (uint64_t i = 0; i < n; i++)
		__asm__("crc32q %1, %0" : "+r"(crc) : "m"(word[i]));
	return crc;
}
#else
static uint64_t crc32c(const uint64_t *word, uint64_t n)
{
	uint64_t crc = UINT32_MAX;

	for (uint64_t i = 0; i < n; i++)
		for (int bit = 0; bit < 64; bit++)
			crc = crc >> 1 ^
			      (((crc ^ word[i] >> bit) & 1) ? 0x82f63b78 : 0);
	return crc;
}
#endif

static void crc32c_pass(struct bench *b, struct bench_sample *out)
{
	const struct check_pool *p = b->state;
	const void *tables = p->map + p->first;
	double start = bench_cpu_ns();

	bench_keep(crc32c(tables, p->tables * PPT_PAGE_WORDS));
	out->ns = bench_cpu_ns() - start;
	out->ops = p->tables;
}

/* ---------------------------------------------------------------- check -- */

static void on_problem(void *ctx, uint32_t worker,
		       const struct ppt_problem *problem)
{
	(void)ctx;
	(void)worker;
	bench_die("check: %s", problem->code);
}

static struct ppt_check *begin(const struct check_pool *p, uint32_t workers)
{
	struct ppt_check_config cfg = {
		.pm = { .media = p->map, .bytes = p->bytes },
		.scratch = p->scratch,
		.scratch_bytes = p->scratch_bytes,
		.flags = PPT_CHECK_PRIVATE | PPT_CHECK_EXACT,
		.pa_bits = 52,
		.workers = workers,
		.problem = on_problem,
	};
	struct ppt_diag diag = { .err = 0 };
	struct ppt_check *check = NULL;

	bench_must(ppt_check_begin(&cfg, &check, &diag), "ppt_check_begin",
		   &diag);
	return check;
}

static void finish(const struct check_pool *p, struct ppt_check *check)
{
	struct ppt_check_report report;

	ppt_check_end(check, &report);
	if (report.tables != p->tables)
		bench_die("check has read %llu of %llu tables",
			  (unsigned long long)report.tables,
			  (unsigned long long)p->tables);
}

static void check_one(struct bench *b, struct bench_sample *out)
{
	const struct check_pool *p = b->state;
	double start = bench_cpu_ns();
	struct ppt_check *check = begin(p, 1);

	ppt_check_work(check, 0);
	finish(p, check);
	out->ns = bench_cpu_ns() - start;
	out->ops = p->tables;
}

static void *second(void *check)
{
	ppt_check_work(check, 1);
	return NULL;
}

static void check_two(struct bench *b, struct bench_sample *out)
{
	const struct check_pool *p = b->state;
	double start = bench_wall_ns();
	struct ppt_check *check = begin(p, WORKERS);
	pthread_t thread;

	if (pthread_create(&thread, NULL, second, check))
		bench_die("cannot make a thread");
	ppt_check_work(check, 0);
	pthread_join(thread, NULL);
	finish(p, check);
	out->ns = bench_wall_ns() - start;
	out->ops = p->tables;
}

const struct bench_ops bench_crc32c_pass = { open_check, crc32c_pass,
					     close_check };
const struct bench_ops bench_check_full = { open_check, check_one,
					    close_check };
const struct bench_ops bench_check_full_2 = { open_check, check_two,
					      close_check };
