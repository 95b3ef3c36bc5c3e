/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool to measure in, opened as users open theirs.
 *
 * Layer: bench.  Each bench has a pool of its own: its journal, and so the
 * flushes of its checkpoints, are nobody else's.
 */
#include <string.h>
#include <time.h>

#include "bench.h"

static double clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double bench_wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double bench_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void bench_must(int err, const char *what, const struct ppt_diag *diag)
{
	if (!err)
		return;
	if (diag && diag->what)
		bench_die("%s: %s: %s", what, diag->what,
			  diag->why ? diag->why : ppt_strerror(err));
	bench_die("%s: %s", what, ppt_strerror(err));
}

void bench_must_file(int err, const char *path,
		     const struct ppt_host_diag *diag)
{
	const char *why = diag->diag.why;

	if (!err)
		return;
	if (!why)
		why = ppt_strerror(err);
	if (diag->os_errno)
		bench_die("%s: %s: %s", path, why, strerror(diag->os_errno));
	bench_die("%s: %s", path, why);
}

void bench_pool_create(const char *path, uint64_t bytes)
{
	struct ppt_create_config cfg = {
		.pm = { .bytes = bytes, .flush = bench_options.flush },
		.phys_base = BENCH_POOL_BASE,
		.regions = {
			.count = 1,
			.region[0] = {
				.uuid = { { 'b', 'e', 'n', 'c', 'h' } },
				.kind = PPT_REGION_DRAM,
				.base = BENCH_DRAM,
				.len = BENCH_DRAM_BYTES,
			},
		},
	};
	struct ppt_host_diag diag = { .os_errno = 0 };
	int err = ppt_host_create(path, &cfg, PPT_HOST_SPARSE, &diag);

	bench_must_file(err, path, &diag);
}

static void open_host(struct bench_rig *rig)
{
	struct ppt_host_open opt = { .flush = bench_options.flush };
	struct ppt_host_diag diag = { .os_errno = 0 };
	int err = ppt_host_open(rig->path, &opt, &rig->host, NULL, &diag);

	bench_must_file(err, rig->path, &diag);
	rig->pool = ppt_host_pool(rig->host);
}

void bench_rig_open(struct bench_rig *rig, const char *tag, uint64_t bytes)
{
	struct ppt_diag diag = { .err = 0 };
	int err;

	memset(rig, 0, sizeof(*rig));
	/* A sparse file that outgrows its disk is a SIGBUS. */
	if (bench_files_room() < bytes)
		bench_die("%s: less than %llu MiB left there",
			  bench_options.pool, (unsigned long long)bytes >> 20);
	rig->path = bench_file(tag);
	bench_pool_create(rig->path, bytes);
	open_host(rig);
	err = ppt_space_create(rig->pool, "bench", PPT_FORMAT_X86_64_4,
			       &rig->space, &diag);
	bench_must(err, "ppt_space_create", &diag);
}

void bench_rig_reopen(struct bench_rig *rig)
{
	struct ppt_diag diag = { .err = 0 };

	bench_must(ppt_host_close(rig->host), "ppt_host_close", NULL);
	open_host(rig);
	bench_must(ppt_space_open(rig->pool, "bench", &rig->space, &diag),
		   "ppt_space_open", &diag);
}

void bench_rig_close(struct bench_rig *rig)
{
	bench_must(ppt_host_close(rig->host), "ppt_host_close", NULL);
	bench_file_remove(rig->path);
}

void bench_map(struct bench_rig *rig, ppt_va_t va, ppt_pa_t pa, uint64_t len,
	       uint32_t flags)
{
	struct ppt_diag diag = { .err = 0 };

	bench_must(ppt_map(&rig->space, va, pa, len, BENCH_PROT, flags, &diag),
		   "ppt_map", &diag);
}

void bench_unmap(struct bench_rig *rig, ppt_va_t va, uint64_t len)
{
	struct ppt_diag diag = { .err = 0 };

	bench_must(ppt_unmap(&rig->space, va, len, &diag), "ppt_unmap", &diag);
}

void bench_checkpoint(struct bench_rig *rig)
{
	bench_must(ppt_checkpoint(rig->pool), "ppt_checkpoint", NULL);
}

void bench_reclaim(struct bench_rig *rig)
{
	bool left = true;

	while (left)
		bench_must(ppt_reclaim(rig->pool, 4096, &left), "ppt_reclaim",
			   NULL);
}

/* Frames for all that is free but for the tables that this takes itself. */
void bench_prefault(struct bench_rig *rig)
{
	ppt_va_t far = BENCH_VA << 1;
	struct ppt_usage usage;
	uint64_t len;

	bench_must(ppt_usage(rig->pool, &usage, NULL), "ppt_usage", NULL);
	len = usage.free_pages - usage.free_pages / 500 - 64;
	len *= PPT_PAGE_BYTES;
	bench_map(rig, far, PPT_PA_ALLOC, len, PPT_MAP_4K);
	bench_unmap(rig, far, len);
	bench_reclaim(rig);
	bench_checkpoint(rig);
}

void bench_start(struct bench_rig *rig)
{
	ppt_stats(rig->pool, &rig->was);
	rig->start = bench_cpu_ns();
}

void bench_stop(struct bench_rig *rig, struct bench_sample *s, uint64_t ops)
{
	double end = bench_cpu_ns();
	struct ppt_stats now;

	ppt_stats(rig->pool, &now);
	*s = (struct bench_sample){
		.ns = end - rig->start,
		.ops = ops,
		.counted = true,
		.fences = now.pm.fences - rig->was.pm.fences,
		.flushes = now.pm.flushes - rig->was.pm.flushes,
		.journal_lines = now.journal_lines - rig->was.journal_lines,
	};
}
