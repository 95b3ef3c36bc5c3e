/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repairing a pool in a file.
 *
 * Layer: host.
 *
 * Twice by the same code: in private memory first, where it is checked what
 * came out, and then in the file.  Nothing is written to the file, and no
 * backup made, before the first has ended well, with something done and no more
 * damage left than there was [I9].
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/handle.h"

#define COPY_BYTES (UINT64_C(1) << 20)

struct job {
	const struct ppt_host_repair *opt;
	struct ppt__file file; /* locked, and mapped to write to it */
	struct ppt__bad bad;
	struct ppt_host_repair_report report;
	struct ppt_host_diag *diag;
	struct ppt_repair_config cfg;
	struct ppt_usc usc; /* while the file is written; or MISSING */
	bool quiet;
	void (*problem)(void *ctx, const struct ppt_problem *problem);
	uint64_t found; /* by the last check, of what a repair can mend */
};

const char *ppt_repair_verdict_name(enum ppt_repair_verdict verdict)
{
	switch (verdict) {
	case PPT_REPAIR_CLEAN:
		return "clean";
	case PPT_REPAIR_REPAIRED:
		return "repaired";
	case PPT_REPAIR_DAMAGED:
		return "damaged";
	case PPT_REPAIR_REFUSED:
		return "refused";
	}
	return "unknown";
}

/* -------------------------------------------------------------- viewing -- */

static int fail(struct job *job, const char *what, const char *why)
{
	return ppt__host_fail(job->diag, PPT_E_SYS, what, why, errno);
}

/* A reader's mapping of the locked file, with zeros for what is unreadable. */
static int view_open(struct job *job, struct ppt__file *view)
{
	struct ppt__bad again = { .count = 0 };
	int err;

	*view = (struct ppt__file){
		.fd = fcntl(job->file.fd, F_DUPFD_CLOEXEC, 0),
		.dax = job->file.dax,
		.bytes = job->file.bytes,
	};
	if (view->fd < 0)
		return fail(job, "file", "cannot be opened twice");
	err = ppt__file_map(view, job->diag);
	if (!err && view->aside)
		err = ppt__file_copy(view, view->map_bytes, job->diag);
	for (uint32_t i = 0; !err && i < job->bad.count; i++)
		err = ppt__bad_replace(view, job->bad.page[i], &again,
				       job->diag);
	if (!err)
		err = ppt__bad_known(view, &job->bad, job->diag);
	return err;
}

static void on_problem(void *ctx, const struct ppt_problem *problem)
{
	struct job *job = ctx;

	/* Of pages that cannot be read each look may find more. */
	job->found += problem->severity != PPT_SEVERITY_NOTE &&
		      problem->id != PPT_PROBLEM_MEDIA_ERROR &&
		      strncmp(problem->repair, "none", 4) != 0;
	if (job->problem)
		job->problem(job->opt->check.ctx, problem);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct job *job = ctx;

	job->opt->check.progress(job->opt->check.ctx, done, total);
}

static int check_view(struct job *job, struct ppt__file *view,
		      void (*problem)(void *, const struct ppt_problem *),
		      struct ppt_check_report *report)
{
	struct ppt_host_check opt = job->opt->check;

	job->problem = problem;
	job->found = 0;
	opt.problem = on_problem;
	if (opt.progress)
		opt.progress = on_progress;
	opt.ctx = job;
	return ppt__host_check_map(view, &opt, &job->bad, report, job->diag);
}

/* ------------------------------------------------------------ repairing -- */

static void on_action(void *ctx, const struct ppt_action *action)
{
	struct job *job = ctx;

	if (job->opt->action && !job->quiet)
		job->opt->action(job->opt->check.ctx, action);
}

static int call_repair(void *arg)
{
	struct job *job = arg;

	return ppt_repair(&job->cfg, &job->report.done, &job->diag->diag);
}

static int measure(void *arg)
{
	struct job *job = arg;
	struct ppt_repair_config *cfg = &job->cfg;

	cfg->scratch_bytes =
		ppt_repair_scratch_bytes(cfg->pm.media, cfg->pm.bytes);
	return 0;
}

static int repair_map(struct job *job, struct ppt__file *file, bool *faulted)
{
	const struct ppt_host_check *opt = &job->opt->check;
	struct ppt_repair_config *cfg = &job->cfg;
	int err;

	*cfg = (struct ppt_repair_config){
		.pm = { .media = file->map,
			.bytes = file->map_bytes,
			.flush = job->opt->flush },
		.flags = PPT_CHECK_ZEROED | (file->dax ? 0u : PPT_CHECK_EXACT),
		.policy = opt->policy,
		.pa_bits = opt->pa_bits,
		.usc = job->usc.state == PPT_USC_MISSING ? NULL : &job->usc,
		.drain = ppt__usc_drain,
		.drain_ctx = file,
		.action = on_action,
		.ctx = job,
	};
	err = ppt__host_flush(&cfg->pm.flush, file->is_pmem, job->diag);
	if (!err)
		err = ppt__guard(file->map, file->map_bytes, measure, job,
				 faulted, job->diag);
	if (err)
		return err;
	cfg->scratch = mmap(NULL, cfg->scratch_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (cfg->scratch == MAP_FAILED)
		return fail(job, "scratch", "no memory for the repair");
	err = ppt__guard(file->map, file->map_bytes, call_repair, job, faulted,
			 job->diag);
	munmap(cfg->scratch, cfg->scratch_bytes);
	return err;
}

/*
 * In private memory.  A page that only the repair reads, and cannot, is zero
 * for the next attempt.
 */
static int rehearse(struct job *job)
{
	bool faulted = true;
	int err = 0;

	while (faulted) {
		struct ppt__file view;

		faulted = false;
		err = view_open(job, &view);
		job->quiet = true;
		if (!err)
			err = repair_map(job, &view, &faulted);
		if (!err)
			err = check_view(job, &view, NULL, &job->report.after);
		if (faulted)
			err = ppt__bad_replace(
				&view, job->diag->diag.at / PPT_PAGE_BYTES,
				&job->bad, job->diag);
		ppt__file_close(&view);
		if (err)
			return err;
	}
	return err;
}

/* -------------------------------------------------------------- writing -- */

static int copy_range(struct job *job, int to, uint64_t at, uint64_t n,
		      const char *from)
{
	while (n) {
		ssize_t did = pwrite(to, from, n, (off_t)at);

		if (did < 0 && errno != EINTR)
			return fail(job, "backup", "cannot write");
		if (did <= 0)
			continue;
		at += (uint64_t)did;
		from += did;
		n -= (uint64_t)did;
	}
	return 0;
}

static bool all_zero(const char *bytes, uint64_t n)
{
	return n == 0 || (bytes[0] == 0 && !memcmp(bytes, bytes + 1, n - 1));
}

struct copying {
	struct job *job;
	const struct ppt__file *view;
	int to;
};

/* What is zero stays a hole. */
static int copy_all(void *arg)
{
	const struct copying *c = arg;
	const char *map = c->view->map;
	int err = 0;

	for (uint64_t at = 0; !err && at < c->view->map_bytes;
	     at += COPY_BYTES) {
		uint64_t n = c->view->map_bytes - at;

		if (n > COPY_BYTES)
			n = COPY_BYTES;
		if (!all_zero(map + at, n))
			err = copy_range(c->job, c->to, at, n, map + at);
	}
	return err;
}

static int back_up(struct job *job)
{
	const char *path = job->opt->backup;
	struct ppt__file view = { .fd = -1 };
	struct copying copying = { job, &view, -1 };
	struct ppt__file made = { .fd = -1 };
	int err;

	copying.to = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (copying.to < 0)
		return fail(job, "backup", "cannot create");
	made.fd = copying.to;
	err = view_open(job, &view);
	if (!err && ftruncate(copying.to, (off_t)view.map_bytes))
		err = fail(job, "backup", "cannot set its size");
	if (!err)
		err = ppt__guard(view.map, view.map_bytes, copy_all, &copying,
				 NULL, job->diag);
	ppt__file_close(&view);
	if (!err)
		err = ppt__file_persist_name(&made, path, job->diag);
	ppt__file_close(&made);
	if (err)
		unlink(path);
	return err;
}

/* A write of a whole page is what makes bad media good again. */
static int clear_bad(struct job *job)
{
	static const char zero[PPT_PAGE_BYTES];

	for (uint32_t i = 0; i < job->bad.count; i++) {
		off_t at = (off_t)(job->bad.page[i] * PPT_PAGE_BYTES);
		ssize_t n = pwrite(job->file.fd, zero, sizeof(zero), at);

		if (n != (ssize_t)sizeof(zero))
			return ppt__host_fail(job->diag, PPT_E_IO, "media",
					      "a bad page cannot be written",
					      errno);
	}
	if (job->bad.count && fsync(job->file.fd))
		return fail(job, "file", "cannot sync");
	return 0;
}

static int perform(struct job *job)
{
	struct ppt__file view;
	bool faulted = false;
	int err = job->opt->backup ? back_up(job) : 0;

	if (!err)
		err = clear_bad(job);
	if (!err)
		err = ppt__file_map(&job->file, job->diag);
	job->quiet = false;
	if (!err && ppt__usc_source->now(&job->file, &job->usc))
		job->usc.state = PPT_USC_UNSAFE;
	if (!err)
		err = repair_map(job, &job->file, &faulted);
	if (err)
		return err;
	job->bad.count = 0;
	/* What it refuses has been left, and told by the check. */
	(void)ppt__host_settle(&job->file, job->opt->flush, job->diag);
	err = view_open(job, &view);
	if (!err)
		err = check_view(job, &view, job->opt->left,
				 &job->report.after);
	ppt__file_close(&view);
	return err;
}

/* The file stays as it is. */
static int leave(struct job *job)
{
	struct ppt__file view;
	int err = view_open(job, &view);

	if (!err)
		err = check_view(job, &view, job->opt->left,
				 &job->report.after);
	ppt__file_close(&view);
	return err;
}

/* The same in private memory once more, for its tale. */
static int pretend(struct job *job)
{
	struct ppt__file view;
	bool faulted = false;
	int err = view_open(job, &view);

	job->quiet = false;
	if (!err)
		err = repair_map(job, &view, &faulted);
	job->bad.count = 0; /* zeros by now */
	if (!err)
		err = check_view(job, &view, job->opt->left,
				 &job->report.after);
	ppt__file_close(&view);
	return err;
}

/* ------------------------------------------------------------------ run -- */

static enum ppt_repair_verdict judge(const struct ppt_check_report *r,
				     enum ppt_repair_verdict clean)
{
	switch (r->verdict) {
	case PPT_CHECK_CLEAN:
		return clean;
	case PPT_CHECK_DAMAGED:
		return PPT_REPAIR_DAMAGED;
	case PPT_CHECK_REFUSED:
		break;
	}
	return PPT_REPAIR_REFUSED;
}

/* What ppt_repair refuses, having written nothing. */
static bool is_refusal(int err)
{
	return err == PPT_E_MAGIC || err == PPT_E_VERSION ||
	       err == PPT_E_FEATURE || err == PPT_E_SIZE ||
	       err == PPT_E_CORRUPT;
}

static uint64_t problems_of(const struct ppt_check_report *r)
{
	return r->problems[0] + r->problems[1] + r->problems[2] +
	       r->problems[3];
}

/* Nothing would be written but a record of the shutdown count, for nothing. */
static bool is_idle(const struct job *job)
{
	const struct ppt_host_repair_report *r = &job->report;

	return !r->done.actions && !job->bad.count &&
	       !(ppt__usc_doubtful(r->before.shutdown) &&
		 r->after.verdict == PPT_CHECK_CLEAN);
}

/* After the rehearsal; @found: by the check before it. */
static int decide(struct job *job, uint64_t found)
{
	struct ppt_host_repair_report *r = &job->report;
	bool opens = r->before.verdict == PPT_CHECK_REFUSED &&
		     r->after.verdict != PPT_CHECK_REFUSED;
	bool worse = !opens && (job->found > found ||
				r->after.verdict > r->before.verdict);
	int err;

	if (worse || is_idle(job)) {
		r->done.actions = r->done.losses = 0;
		r->verdict = judge(&r->before, worse ? PPT_REPAIR_DAMAGED :
						       PPT_REPAIR_CLEAN);
		return leave(job);
	}
	err = job->opt->flags & PPT_REPAIR_DRY_RUN ? pretend(job) :
						     perform(job);
	r->verdict = judge(&r->after, PPT_REPAIR_REPAIRED);
	return err;
}

static int run(struct job *job)
{
	struct ppt_host_repair_report *r = &job->report;
	struct ppt__file view;
	uint64_t found;
	int err;

	if (job->file.bytes == 0)
		return ppt__host_fail(job->diag, PPT_E_MAGIC, "file", "empty",
				      0);
	err = view_open(job, &view);
	if (!err)
		err = check_view(job, &view, job->opt->check.problem,
				 &r->before);
	ppt__file_close(&view);
	if (err)
		return err;
	r->after = r->before;
	r->verdict = judge(&r->before, PPT_REPAIR_CLEAN);
	if (problems_of(&r->before) == 0)
		return 0;
	found = job->found;
	err = rehearse(job);
	if (is_refusal(err)) {
		r->err = err;
		return 0;
	}
	return err ? err : decide(job, found);
}

int ppt_host_repair(const char *path, const struct ppt_host_repair *opt,
		    struct ppt_host_repair_report *report,
		    struct ppt_host_diag *diag)
{
	static const struct ppt_host_repair defaults;
	struct ppt_host_diag d = { .os_errno = 0 };
	struct job job = { .opt = opt ? opt : &defaults, .diag = &d };
	int err;

	if (!path || !report)
		return ppt__host_fail(diag, PPT_E_INVAL,
				      path ? "report" : "path", "NULL", 0);
	if (job.opt->flags & ~(uint32_t)PPT_REPAIR_DRY_RUN)
		return ppt__host_fail(diag, PPT_E_INVAL, "flags", "unknown", 0);
	err = ppt__file_open(path, !(job.opt->flags & PPT_REPAIR_DRY_RUN),
			     &job.file, &d);
	if (!err) {
		err = run(&job);
		ppt__file_close(&job.file);
	}
	if (!err)
		*report = job.report;
	else if (diag)
		*diag = d;
	return err;
}
