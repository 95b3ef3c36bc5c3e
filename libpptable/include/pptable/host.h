/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file host.h  Pools in files and, through libpmem, DAX devices.
 *
 * Needs an operating system; kernels use <pptable/pool.h> directly.
 */
#ifndef PPTABLE_HOST_H
#define PPTABLE_HOST_H

#include <pptable/pptable.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ppt_host;

/**
 * struct ppt_host_diag - a diagnostic with the operating system's part.
 * @diag:     as everywhere; @diag.what may be "file".
 * @os_errno: errno, or 0.
 */
struct ppt_host_diag {
	struct ppt_diag diag;
	int os_errno;
};

enum ppt_host_flags {
	PPT_HOST_READ_ONLY = 1,  /* never writes, replays into a private copy */
	PPT_HOST_SPARSE = 2,     /* create: allocate blocks as they are used */
	PPT_HOST_FORCE = 4,      /* create: overwrite an existing file */
	PPT_HOST_MMU = 8,        /* hardware walks the tables, see attach */
	PPT_HOST_DRAM_KEPT = 16, /* open: DRAM kept its content, see attach */
};

/**
 * ppt_host_create - make a file and format it as a pool.
 * @cfg: as ppt_create, with @cfg->pm.bytes the size and the rest of @cfg->pm
 *       unset but for .flush; a zero UUID is replaced by a random one, and
 *       .usc is that of the device.
 *
 * Return: 0; PPT_E_SYS (os_errno: EEXIST, ENOSPC, EACCES, …); PPT_E_LOCKED;
 *         the errors of ppt_create.  A failed call leaves no file, and an
 *         existing one as it was unless PPT_HOST_FORCE was given.
 */
int ppt_host_create(const char *path, struct ppt_create_config *cfg,
		    uint32_t flags, struct ppt_host_diag *diag);

/**
 * struct ppt_host_open - how to open.
 * @flags:    enum ppt_host_flags.
 * @flush:    enum ppt_flush; AUTO takes eADR where libpmem finds it.
 * @present, @trust, @lost, @policy: as in ppt_attach_config.
 * @observer: NULL, or sees every access.
 */
struct ppt_host_open {
	uint32_t flags;
	enum ppt_flush flush;
	const struct ppt_memory_map *present;
	const struct ppt_pm_observer *observer;
	enum ppt_trust trust;
	enum ppt_lost lost;
	uint32_t policy;
};

/**
 * ppt_host_open - lock, map and attach a pool file.
 * @opt:    NULL means all defaults.
 * @report: NULL or the story of the attach, also on failure.
 *
 * One writer at a time, or any number of readers (flock).
 *
 * Where the device has an unsafe-shutdown count (<pptable/usc.h>), it is read
 * from sysfs and compared with the pool's record.  If what was flushed may not
 * have arrived, everything is validated (PPT_TRUST_FULL), @report->shutdown says
 * so, and a writer checks the pool as ppt_host_check does: if nothing is wrong
 * it is no longer marked.  A reader writes nothing, and leaves the mark.  A
 * writer marks the pool as in use, durable before any other write, for a fence
 * and a drain of the memory controller (pmem_deep_drain).  Other files and
 * devices cost a system call at most and are not changed.
 *
 * One superblock page that cannot be read keeps no reader away; a writer, who
 * would have to write there, is refused until a repair has made it good.  A
 * table, or a page of the directory or the reclaim list, that cannot be read is
 * damaged, as if its checksum were wrong.
 * Return: 0; PPT_E_SYS; PPT_E_LOCKED; PPT_E_IO a poisoned or truncated
 *         mapping (@diag has the offset): a superblock, what was read of the
 *         journal, the first descriptors, or a page that the replay stores to;
 *         the errors of ppt_attach.
 */
int ppt_host_open(const char *path, const struct ppt_host_open *opt,
		  struct ppt_host **out, struct ppt_attach_report *report,
		  struct ppt_host_diag *diag);

/** ppt_host_pool - the pool of an open host handle. */
struct ppt_pool *ppt_host_pool(struct ppt_host *host);

/**
 * ppt_host_is_pmem - whether a flush reaches the power-fail domain: true on a
 * DAX mapping (or where PMEM_IS_PMEM_FORCE=1 claims so), false on an ordinary
 * file, which survives the death of the process only.
 */
bool ppt_host_is_pmem(const struct ppt_host *host);

/**
 * ppt_host_close - detach, unmap, unlock.  NULL is fine.
 *
 * With a count, then marks the pool as closed, unless the memory controller
 * cannot be drained: it stays in use, which is safe as long as the count stays.
 * Return: 0, or the error of ppt_detach; the handle is gone in every case.
 * After a media error nothing is written: the next open recovers.
 */
int ppt_host_close(struct ppt_host *host);

/**
 * ppt_host_try - run @fn(@arg) so that SIGBUS on the pool's mapping (poisoned
 * or truncated media) becomes PPT_E_IO instead of the process's death.
 *
 * Also how a table that cannot be read is told from one that can, when a call
 * meets it first: outside of this only attach has done that.
 * After PPT_E_IO the handle is dead: only ppt_host_close is left.  @fn must
 * hold nothing that a longjmp out of a library call would lose.  Installs a
 * SIGBUS handler for the duration; faults elsewhere go to the previous one.
 * Return: what @fn returned; PPT_E_IO (@diag has the offset); PPT_E_DEAD.
 */
int ppt_host_try(struct ppt_host *host, int (*fn)(void *arg), void *arg,
		 struct ppt_host_diag *diag);

/**
 * struct ppt_host_check - how to check.
 * @threads:  0 means one for each CPU.
 * @policy, @pa_bits, @present: as in ppt_check_config.
 * @problem:  NULL, or called with @ctx for each problem, in the order of their
 *            places, when all is done; on the caller's thread.
 * @progress: NULL, or called with @ctx meanwhile, on the caller's thread.
 */
struct ppt_host_check {
	uint32_t threads;
	uint32_t policy;
	uint32_t pa_bits;
	const struct ppt_memory_map *present;
	void (*problem)(void *ctx, const struct ppt_problem *problem);
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

/**
 * ppt_host_check - check a pool file; changes nothing.
 * @opt: NULL means all defaults.
 *
 * Checks the pool as a restart would make it, the journal replayed into private
 * memory.  Pages that cannot be read are reported.  Holds a reader's lock.
 * Bound:  reads every table and descriptor, once for each page that cannot be
 *         read.  At most 2^18 problems for each thread are told, all counted.
 * Return: 0, whatever was found: @report has the verdict; PPT_E_SYS;
 *         PPT_E_LOCKED; PPT_E_MAGIC the file is empty; PPT_E_IO more than 64
 *         pages cannot be read; PPT_E_NOMEM; PPT_E_INVAL.
 */
int ppt_host_check(const char *path, const struct ppt_host_check *opt,
		   struct ppt_check_report *report, struct ppt_host_diag *diag);

enum ppt_host_repair_flags {
	PPT_REPAIR_DRY_RUN = 1, /* in private memory: say what would be done */
};

/**
 * struct ppt_host_repair - how to repair.
 * @flags:   enum ppt_host_repair_flags.
 * @flush:   enum ppt_flush.
 * @backup:  NULL, or where to put a copy of the whole file, page for page,
 *           before the first write to it; must not exist.  Restored by copying
 *           it back.
 * @check:   of the checks before and after: threads, policy, memory map, what
 *           was found before.
 * @left:    NULL, or called with @check.ctx for each problem that is left.
 * @action:  NULL, or called with @check.ctx for each thing that is done, or in
 *           a dry run would be.
 */
struct ppt_host_repair {
	uint32_t flags;
	enum ppt_flush flush;
	const char *backup;
	struct ppt_host_check check;
	void (*left)(void *ctx, const struct ppt_problem *problem);
	void (*action)(void *ctx, const struct ppt_action *action);
};

enum ppt_repair_verdict {
	PPT_REPAIR_CLEAN = 0,    /* there was nothing to do */
	PPT_REPAIR_REPAIRED = 1, /* check finds nothing any more */
	PPT_REPAIR_DAMAGED = 2,  /* something is left, ppt_attach accepts it */
	PPT_REPAIR_REFUSED = 3,  /* ppt_attach refuses the pool */
};

/** ppt_repair_verdict_name - "clean", "repaired" and so on; never NULL. */
const char *ppt_repair_verdict_name(enum ppt_repair_verdict verdict);

/**
 * struct ppt_host_repair_report - what came out.
 * @verdict: see above; of a dry run, what it would be.
 * @err:     0, or why the repair refused the pool, having written nothing.
 * @before, @after: of the checks; @after is that of a private copy in a dry
 *           run, and equal to @before where nothing was done.
 * @done:    of the repair.
 */
struct ppt_host_repair_report {
	enum ppt_repair_verdict verdict;
	int err;
	struct ppt_check_report before;
	struct ppt_check_report after;
	struct ppt_repair_report done;
};

/**
 * ppt_host_repair - check a pool file, and repair what is wrong.
 * @opt: NULL means all defaults.
 *
 * The repair runs in a private copy first, by the same code, and is checked
 * there; only then is the file backed up and written, if there is something to
 * do and no more problems would be left than there were.  Pages that cannot be
 * read are written as zeros first.  Holds a writer's lock, in a dry run a
 * reader's.  A pool that counts as unsafe (<pptable/usc.h>) is marked so until
 * a check finds nothing afterwards.
 *
 * Crash:  repair again; the backup is whole before the first write.
 * Return: 0, whatever was found; PPT_E_SYS (os_errno EEXIST: the backup exists);
 *         PPT_E_LOCKED; PPT_E_MAGIC the file is empty; PPT_E_IO more than 64
 *         pages cannot be read, or one not be written; PPT_E_NOMEM;
 *         PPT_E_INVAL.
 */
int ppt_host_repair(const char *path, const struct ppt_host_repair *opt,
		    struct ppt_host_repair_report *report,
		    struct ppt_host_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
