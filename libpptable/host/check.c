/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checking a pool in a file, on all CPUs.
 *
 * Layer: host.
 *
 * The file is mapped privately, so that the journal can be replayed for the
 * check and the file stays as it is.  A page that cannot be read is replaced by
 * one of zeros, and the check starts again: the page is then one problem and
 * what lacks it another, and no pass needs to know about poison.  Problems are
 * kept until the end and sorted, so that the same pool gives the same report
 * whatever the threads did.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/handle.h"

/* Problems of one worker that are kept; the others are only counted. */
#define KEEP_MAX (1u << 18)

struct job;

/* One worker: its thread, its problems, how far it is. */
struct part {
	struct job *job;
	uint32_t index;
	pthread_t thread;
	bool started;
	bool faulted;
	int err;
	uint64_t bad; /* where it faulted, in bytes */
	uint64_t done;
	struct ppt_problem *problem;
	uint32_t count;
	uint32_t room;
};

struct job {
	const struct ppt_host_check *opt;
	struct ppt__file file;
	struct ppt_check_config cfg;
	struct ppt_check *check;
	struct ppt_check_report report;
	struct part *part;
	uint32_t parts;
	uint64_t stretches;
	struct ppt__bad *bad;
	struct ppt_host_diag *diag;
};

/* ------------------------------------------------------------- problems -- */

static void keep(struct part *part, const struct ppt_problem *problem)
{
	struct ppt_problem *grown;
	uint32_t room;

	if (part->count == part->room) {
		room = part->room ? 2 * part->room : 64;
		if (room > KEEP_MAX)
			return;
		grown = realloc(part->problem, room * sizeof(*grown));
		if (!grown)
			return; /* it is counted all the same */
		part->problem = grown;
		part->room = room;
	}
	part->problem[part->count++] = *problem;
}

static void on_problem(void *ctx, uint32_t worker,
		       const struct ppt_problem *problem)
{
	struct job *job = ctx;

	keep(&job->part[worker], problem);
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* By place; the pool as a whole comes first. */
static int compare(const void *a, const void *b)
{
	const struct ppt_problem *x = a, *y = b;
	bool page = x->where & PPT_WHERE_PAGE;
	bool other = y->where & PPT_WHERE_PAGE;
	int by = order(page, other);

	by = by ? by : order(x->page, y->page);
	by = by ? by : order(x->slot, y->slot);
	by = by ? by : order(x->line, y->line);
	return by ? by : order(x->id, y->id);
}

static int hand_over(struct job *job)
{
	struct ppt_problem *all;
	size_t n = 0;

	for (uint32_t i = 0; i < job->parts; i++)
		n += job->part[i].count;
	if (n == 0 || !job->opt->problem)
		return 0;
	all = malloc(n * sizeof(*all));
	if (!all)
		return ppt__host_fail(job->diag, PPT_E_NOMEM, "problems",
				      "out of memory", ENOMEM);
	n = 0;
	for (uint32_t i = 0; i < job->parts; i++) {
		const struct part *part = &job->part[i];

		if (part->count)
			memcpy(all + n, part->problem,
			       part->count * sizeof(*all));
		n += part->count;
	}
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < n; i++)
		job->opt->problem(job->opt->ctx, &all[i]);
	free(all);
	return 0;
}

/* ------------------------------------------------------------- progress -- */

static void on_progress(void *ctx, uint32_t worker, uint64_t done,
			uint64_t total)
{
	struct job *job = ctx;
	uint64_t sum = 0;

	(void)total;
	__atomic_store_n(&job->part[worker].done, done, __ATOMIC_RELAXED);
	if (worker != 0 || !job->opt->progress)
		return;
	for (uint32_t i = 0; i < job->parts; i++)
		sum += __atomic_load_n(&job->part[i].done, __ATOMIC_RELAXED);
	job->opt->progress(job->opt->ctx, sum, job->stretches);
}

/* -------------------------------------------------------------- workers -- */

static int begin(void *arg)
{
	struct job *job = arg;

	return ppt_check_begin(&job->cfg, &job->check, &job->diag->diag);
}

static int work(void *arg)
{
	struct part *part = arg;

	ppt_check_work(part->job->check, part->index);
	return 0;
}

static int end(void *arg)
{
	struct job *job = arg;

	ppt_check_end(job->check, &job->report);
	return 0;
}

/* Run a piece under a guard of this thread's. */
static void guarded(struct part *part, int (*fn)(void *), void *arg,
		    struct ppt_host_diag *diag)
{
	const struct ppt__file *file = &part->job->file;

	part->err = ppt__guard(file->map, file->map_bytes, fn, arg,
			       &part->faulted, diag);
	if (part->faulted)
		part->bad = diag->diag.at;
}

static void *thread(void *arg)
{
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct part *part = arg;

	guarded(part, work, part, &diag);
	return NULL;
}

/* A thread that cannot be had leaves its work to the others. */
static void work_all(struct job *job)
{
	for (uint32_t i = 1; i < job->parts; i++)
		job->part[i].started = !pthread_create(
			&job->part[i].thread, NULL, thread, &job->part[i]);
	thread(&job->part[0]);
	for (uint32_t i = 1; i < job->parts; i++) {
		if (job->part[i].started)
			pthread_join(job->part[i].thread, NULL);
		else
			thread(&job->part[i]);
	}
}

/* -------------------------------------------------------------- set-up -- */

static uint32_t count_parts(const struct ppt_host_check *opt, uint64_t bytes)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t stretches = bytes / PPT_SIZE_2M + 1;
	uint64_t n = opt->threads;

	if (!n && cpus > 0)
		n = (uint64_t)cpus;
	if (n > stretches)
		n = stretches;
	if (n > PPT_CHECK_WORKERS_MAX)
		n = PPT_CHECK_WORKERS_MAX;
	return n ? (uint32_t)n : 1;
}

/* Zeros, and as if nothing had been said yet. */
static int start_over(struct job *job)
{
	struct ppt_check_config *cfg = &job->cfg;
	void *scratch;

	if (cfg->scratch)
		munmap(cfg->scratch, cfg->scratch_bytes);
	cfg->scratch = NULL;
	cfg->scratch_bytes = ppt_check_scratch_bytes(
		job->file.map, job->file.map_bytes, job->parts);
	scratch = mmap(NULL, cfg->scratch_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (scratch == MAP_FAILED)
		return ppt__host_fail(job->diag, PPT_E_SYS, "scratch",
				      "no memory for the check", errno);
	cfg->scratch = scratch;
	for (uint32_t i = 0; i < job->parts; i++) {
		job->part[i].count = 0;
		job->part[i].done = 0;
		job->part[i].faulted = false;
	}
	return 0;
}

int ppt__bad_replace(struct ppt__file *file, uint64_t page,
		     struct ppt__bad *bad, struct ppt_host_diag *diag)
{
	char *place = (char *)file->map + page * PPT_PAGE_BYTES;

	if (bad->count == PPT__BAD_MAX)
		return ppt__host_fail(diag, PPT_E_IO, "media",
				      "too many pages cannot be read", 0);
	if (mmap(place, PPT_PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return ppt__host_fail(diag, PPT_E_SYS, "media",
				      "cannot map around a bad page", errno);
	bad->page[bad->count++] = page;
	return 0;
}

/* ------------------------------------------------------------------ run -- */

/* The first two pages are read before there is a check to tell of faults. */
static int measure(void *arg)
{
	return start_over(arg);
}

/* Once through; *@again: a page could not be read and is zero now. */
static int pass(struct job *job, bool *again)
{
	struct part *first = &job->part[0];

	*again = false;
	guarded(first, measure, job, job->diag);
	if (!first->faulted && !first->err)
		guarded(first, begin, job, job->diag);
	if (!first->faulted && !first->err) {
		work_all(job);
		for (uint32_t i = 0; i < job->parts; i++)
			if (job->part[i].faulted)
				first = &job->part[i];
	}
	if (!first->faulted && !first->err)
		guarded(first, end, job, job->diag);
	if (!first->faulted)
		return first->err;
	*again = true;
	return ppt__bad_replace(&job->file, first->bad / PPT_PAGE_BYTES,
				job->bad, job->diag);
}

/* What only this layer knows of. */
static void tell(struct job *job, enum ppt_problem_id id, uint32_t where,
		 uint64_t page)
{
	struct ppt_problem problem;

	if (ppt_problem_row(id, &problem))
		return;
	problem.where = where;
	problem.page = page;
	keep(&job->part[0], &problem);
	job->report.problems[problem.severity]++;
}

static void tell_usc(struct job *job)
{
	job->report.shutdown = ppt__usc_look(&job->file);
	if (ppt__usc_doubtful(job->report.shutdown))
		tell(job, PPT_PROBLEM_SHUTDOWN_UNSAFE, 0, 0);
}

static void tell_bad(struct job *job)
{
	for (uint32_t i = 0; i < job->bad->count; i++) {
		tell(job, PPT_PROBLEM_MEDIA_ERROR, PPT_WHERE_PAGE,
		     job->bad->page[i]);
		if (job->report.verdict == PPT_CHECK_CLEAN)
			job->report.verdict = PPT_CHECK_DAMAGED;
	}
}

static int run(struct job *job)
{
	bool again = true;
	int err = 0;

	while (!err && again)
		err = pass(job, &again);
	if (!err && job->file.aside && job->report.records) {
		/* A device cannot be mapped privately: replay into a copy. */
		err = ppt__file_copy(&job->file, job->file.map_bytes,
				     job->diag);
		job->cfg.pm.media = job->file.map;
		job->cfg.pm.writable = NULL;
		job->cfg.flags |= PPT_CHECK_PRIVATE;
		for (again = true; !err && again;)
			err = pass(job, &again);
	}
	if (err)
		return err;
	if (job->opt->progress)
		job->opt->progress(job->opt->ctx, job->stretches,
				   job->stretches);
	tell_bad(job);
	tell_usc(job);
	return hand_over(job);
}

static void configure(struct job *job)
{
	const struct ppt_host_check *opt = job->opt;

	job->cfg = (struct ppt_check_config){
		.pm = { .media = job->file.map,
			.writable = job->file.aside,
			.bytes = job->file.map_bytes },
		.present = opt->present,
		.flags = PPT_CHECK_ZEROED |
			 (job->file.dax ? 0u : PPT_CHECK_EXACT) |
			 (job->file.aside ? 0u : PPT_CHECK_PRIVATE),
		.policy = opt->policy,
		.pa_bits = opt->pa_bits,
		.workers = job->parts,
		.problem = on_problem,
		.progress = on_progress,
		.ctx = job,
	};
	job->stretches = (job->file.map_bytes + PPT_SIZE_2M - 1) / PPT_SIZE_2M;
}

static int check_map(struct job *job)
{
	int err;

	job->parts = count_parts(job->opt, job->file.map_bytes);
	job->part = calloc(job->parts, sizeof(*job->part));
	if (!job->part)
		return ppt__host_fail(job->diag, PPT_E_NOMEM, "workers",
				      "out of memory", ENOMEM);
	for (uint32_t i = 0; i < job->parts; i++) {
		job->part[i].job = job;
		job->part[i].index = i;
	}
	configure(job);
	err = run(job);
	for (uint32_t i = 0; i < job->parts; i++)
		free(job->part[i].problem);
	free(job->part);
	if (job->cfg.scratch)
		munmap(job->cfg.scratch, job->cfg.scratch_bytes);
	return err;
}

int ppt__host_check_map(struct ppt__file *file,
			const struct ppt_host_check *opt, struct ppt__bad *bad,
			struct ppt_check_report *report,
			struct ppt_host_diag *diag)
{
	struct job job = { .opt = opt, .file = *file, .bad = bad, .diag = diag };
	int err = check_map(&job);

	*file = job.file; /* it may be a copy by now */
	if (!err)
		*report = job.report;
	return err;
}

int ppt_host_check(const char *path, const struct ppt_host_check *opt,
		   struct ppt_check_report *report, struct ppt_host_diag *diag)
{
	static const struct ppt_host_check defaults;
	struct ppt_host_diag d = { .os_errno = 0 };
	struct ppt__bad bad = { .count = 0 };
	struct ppt__file file;
	int err;

	if (!path || !report)
		return ppt__host_fail(diag, PPT_E_INVAL,
				      path ? "report" : "path", "NULL", 0);
	err = ppt__file_open(path, false, &file, &d);
	if (!err) {
		if (file.bytes == 0)
			err = ppt__host_fail(&d, PPT_E_MAGIC, "file", "empty",
					     0);
		if (!err)
			err = ppt__file_map(&file, &d);
		if (!err)
			err = ppt__bad_known(&file, &bad, &d);
		if (!err)
			err = ppt__host_check_map(&file, opt ? opt : &defaults,
						  &bad, report, &d);
		ppt__file_close(&file);
	}
	if (err && diag)
		*diag = d;
	return err;
}
