/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening and closing pools for hosted use.
 *
 * Layer: host.
 *
 * The order of an open is the order of trust: lock, so that nobody changes
 * the file meanwhile; map; under a guard, because pages of the mapping may be
 * poisoned or be cut off by somebody who does not ask for locks, look at the
 * superblocks, compare what they say with the size of the file, recover.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libpmem.h>

#include "host/handle.h"

/*
 * pmem_has_auto_flush walks sysfs, at a price, and changes the working
 * directory meanwhile.  It looks at the regions of the NVDIMM bus: without any
 * its answer is no.
 */
static bool has_auto_flush(void)
{
	DIR *bus = opendir("/sys/bus/nd/devices");
	const struct dirent *device;
	bool region = false;

	if (!bus)
		return false;
	while (!region && (device = readdir(bus)) != NULL)
		region = strncmp(device->d_name, "region", 6) == 0;
	closedir(bus);
	return region && pmem_has_auto_flush() == 1;
}

int ppt__host_flush(enum ppt_flush *flush, bool is_pmem,
		    struct ppt_host_diag *diag)
{
	enum ppt_flush best = ppt_flush_best();

	switch (*flush) {
	case PPT_FLUSH_AUTO:
		if (is_pmem && has_auto_flush())
			*flush = PPT_FLUSH_EADR;
		return 0;
	case PPT_FLUSH_CLWB:
	case PPT_FLUSH_CLFLUSHOPT:
	case PPT_FLUSH_CLFLUSH:
		/* In this order, a CPU that has one has the later ones. */
		if (*flush >= best)
			return 0;
		return ppt__host_fail(diag, PPT_E_INVAL, "flush",
				      "this CPU does not have it", 0);
	case PPT_FLUSH_EADR:
		return 0;
	}
	return ppt__host_fail(diag, PPT_E_INVAL, "flush", "no such method", 0);
}

/* ---------------------------------------------------------------- probe -- */

struct probe {
	const struct ppt__file *file;
	struct ppt_geometry geometry;
	struct ppt_host_diag *diag;
};

/* Of a mapped file; guarded. */
static int probe(void *arg)
{
	struct probe *p = arg;
	const struct ppt__file *file = p->file;
	int ret = ppt_probe(file->map, file->map_bytes, &p->geometry,
			    &p->diag->diag);

	if (ret)
		return ret;
	/* A device may be larger, a file is made to measure. */
	if (!file->dax && file->bytes != p->geometry.bytes)
		return ppt__host_fail(p->diag, PPT_E_SIZE, "size",
				      "file is larger than the pool", 0);
	return 0;
}

/* --------------------------------------------------------------- attach -- */

static uint32_t attach_flags(const struct ppt__file *file, uint32_t host_flags)
{
	uint32_t flags = 0;

	if (!(host_flags & PPT_HOST_MMU))
		flags |= PPT_ATTACH_NO_MMU;
	if (host_flags & PPT_HOST_READ_ONLY)
		flags |= PPT_ATTACH_READ_ONLY;
	/* What is stored aside is not read: a device, until there is a copy. */
	if (host_flags & PPT_HOST_READ_ONLY && !file->aside)
		flags |= PPT_ATTACH_PRIVATE;
	if (host_flags & PPT_HOST_DRAM_KEPT)
		flags |= PPT_ATTACH_DRAM_KEPT;
	return flags;
}

/* Anonymous memory is zero and costs nothing until it is touched. */
static int get_scratch(struct ppt_host *host,
		       const struct ppt_geometry *geometry,
		       struct ppt_host_diag *diag)
{
	size_t bytes =
		ppt_scratch_bytes(geometry->bytes, geometry->journal_bytes);
	void *scratch = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	if (scratch == MAP_FAILED)
		return ppt__host_fail(diag, PPT_E_SYS, "scratch",
				      "no memory for the handle", errno);
	host->scratch = scratch;
	host->scratch_bytes = bytes;
	return 0;
}

/* What became of what was flushed, and what a writer stores about it. */
static void judge(struct ppt_host *host, const struct ppt_usc *was)
{
	struct ppt_usc now;
	bool has = ppt__usc_source->now(&host->file, &now);

	host->shutdown = ppt__usc_judge(was, has ? &now : NULL);
	if (!has || !host->file.write)
		return;
	host->usc = now;
	host->usc.state = ppt__usc_doubtful(host->shutdown) ? PPT_USC_UNSAFE :
							      PPT_USC_IN_USE;
}

struct attach {
	struct ppt_host *host;
	const struct ppt_host_open *opt;
	struct probe probe;
	struct ppt_attach_report report;
	struct ppt_host_diag *diag;
};

static int attach_pool(struct attach *a)
{
	struct ppt_host *host = a->host;
	const struct ppt_host_open *opt = a->opt;
	struct ppt_attach_config cfg = {
		.pm =
			{
				.media = host->file.map,
				.writable = host->file.aside,
				.bytes = a->probe.geometry.bytes,
				.flush = opt->flush,
				.observer = opt->observer,
			},
		.scratch = host->scratch,
		.scratch_bytes = host->scratch_bytes,
		.present = opt->present,
		.flags = attach_flags(&host->file, opt->flags),
		.trust = opt->trust,
		.lost = opt->lost,
		.policy = opt->policy,
		.drain = ppt__usc_drain,
		.drain_ctx = &host->file,
		.readable = ppt__readable_page,
	};
	int ret = ppt__host_flush(&cfg.pm.flush, host->file.is_pmem, a->diag);

	if (ret)
		return ret;
	if (ppt__usc_doubtful(host->shutdown))
		cfg.trust = PPT_TRUST_FULL;
	if (host->usc.state != PPT_USC_MISSING)
		cfg.usc = &host->usc;
	return ppt_attach(&cfg, &host->pool, &a->report, &a->diag->diag);
}

/* All that reads the mapping; guarded. */
static int recover(void *arg)
{
	struct attach *a = arg;
	int ret = probe(&a->probe);

	if (!ret)
		ret = get_scratch(a->host, &a->probe.geometry, a->diag);
	if (ret)
		return ret;
	judge(a->host, &a->probe.geometry.usc);
	return attach_pool(a);
}

/* *@bytes: of the pool, once that is known. */
static int attach_file(struct ppt_host *host, const struct ppt_host_open *opt,
		       uint64_t *bytes, struct ppt_attach_report *report,
		       struct ppt_host_diag *diag)
{
	struct attach a = {
		.host = host,
		.opt = opt,
		.probe = { .file = &host->file, .diag = diag },
		.report.verdict = PPT_VERDICT_REFUSED,
		.diag = diag,
	};
	int ret = ppt__guard(host->file.map, host->file.map_bytes, recover, &a,
			     NULL, diag);

	if (ret) {
		a.report.verdict = PPT_VERDICT_REFUSED;
		host->pool = NULL;
	}
	a.report.shutdown = host->shutdown;
	*bytes = a.probe.geometry.bytes;
	*report = a.report;
	return ret;
}

/* Whether nothing is wrong where something might be. */
static int dispel(struct ppt_host *host, struct ppt_attach_report *report,
		  struct ppt_host_diag *diag)
{
	if (!ppt__usc_doubtful(host->shutdown))
		return 0;
	report->shutdown_left = !host->file.write || report->tables_damaged ||
				!ppt__usc_renew(host);
	if (!host->dead)
		return 0;
	return ppt__host_fail(diag, PPT_E_IO, "media",
			      "unreadable: poisoned or cut off", 0);
}

/*
 * Whether a reader of a device has to start again with a copy: something was
 * stored, which it cannot see, or may have led to the error.
 */
static bool needs_copy(struct ppt_host *host, int err)
{
	struct ppt_stats stats;

	if (!host->file.aside)
		return false;
	if (err)
		return true;
	ppt_stats(host->pool, &stats);
	return stats.pm.stores + stats.pm.streams > 0;
}

static int attach_copy(struct ppt_host *host, const struct ppt_host_open *opt,
		       uint64_t bytes, struct ppt_attach_report *report,
		       struct ppt_host_diag *diag)
{
	int ret;

	host->pool = NULL;
	munmap(host->scratch, host->scratch_bytes);
	host->scratch = NULL;
	ret = ppt__file_copy(&host->file, bytes, diag);
	if (!ret)
		ret = attach_file(host, opt, &bytes, report, diag);
	return ret;
}

/* ----------------------------------------------------------- superblocks -- */

struct twins {
	const char *map;
	bool readable[2];
};

static int look_at_twins(void *arg)
{
	struct twins *t = arg;

	for (uint32_t i = 0; i < 2; i++)
		t->readable[i] = ppt__readable_page(
			NULL, t->map + (size_t)i * PPT_PAGE_BYTES,
			PPT_PAGE_BYTES);
	return 0;
}

/*
 * One superblock page that cannot be read is spared: a reader has zeros in its
 * place, which are no superblock and no tail.  A writer would have to write
 * there, and media is made good by writing all of the page: by a repair.
 */
static int spare_twin(struct ppt_host *host, struct ppt_host_diag *diag)
{
	struct twins t = { .map = host->file.map };
	struct ppt__bad bad = { .count = 0 };
	uint32_t i;
	int ret;

	if (host->file.map_bytes < (uint64_t)2 * PPT_PAGE_BYTES)
		return 0; /* told by whoever looks for a superblock */
	ret = ppt__guard(t.map, (uint64_t)2 * PPT_PAGE_BYTES, look_at_twins, &t,
			 NULL, diag);
	if (ret || (t.readable[0] && t.readable[1]))
		return ret;
	i = t.readable[0];
	if (!host->file.write && t.readable[i ^ 1])
		return ppt__bad_replace(&host->file, i, &bad, diag);
	ret = ppt__host_fail(diag, PPT_E_IO, "superblock",
			     "its page cannot be read; a repair mends it", 0);
	diag->diag.at = (uint64_t)i * PPT_PAGE_BYTES;
	return ret;
}

/* --------------------------------------------------------- open, close -- */

static void destroy(struct ppt_host *host)
{
	if (host->scratch)
		munmap(host->scratch, host->scratch_bytes);
	ppt__file_close(&host->file);
	free(host);
}

static int open_locked(struct ppt_host *host, const struct ppt_host_open *opt,
		       struct ppt_attach_report *report,
		       struct ppt_host_diag *diag)
{
	uint64_t bytes = 0;
	int ret;

	if (host->file.bytes == 0)
		return ppt__host_fail(diag, PPT_E_MAGIC, "file", "empty", 0);
	ret = ppt__file_map(&host->file, diag);
	if (!ret)
		ret = spare_twin(host, diag);
	if (!ret)
		ret = attach_file(host, opt, &bytes, report, diag);
	if (host->scratch && needs_copy(host, ret))
		ret = attach_copy(host, opt, bytes, report, diag);
	return ret ? ret : dispel(host, report, diag);
}

static int open_path(const char *path, const struct ppt_host_open *opt,
		     struct ppt_host **out, struct ppt_attach_report *report,
		     struct ppt_host_diag *diag)
{
	struct ppt_host *host;
	int ret;

	if (opt->flags &
	    ~(uint32_t)(PPT_HOST_READ_ONLY | PPT_HOST_MMU | PPT_HOST_DRAM_KEPT))
		return ppt__host_fail(diag, PPT_E_INVAL, "flags",
				      "not one of open's", 0);
	host = calloc(1, sizeof(*host));
	if (!host)
		return ppt__host_fail(diag, PPT_E_NOMEM, "handle",
				      "out of memory", ENOMEM);
	host->file.fd = -1;
	ret = ppt__file_open(path, !(opt->flags & PPT_HOST_READ_ONLY),
			     &host->file, diag);
	if (!ret)
		ret = open_locked(host, opt, report, diag);
	if (ret) {
		destroy(host);
		return ret;
	}
	*out = host;
	return 0;
}

int ppt_host_open(const char *path, const struct ppt_host_open *opt,
		  struct ppt_host **out, struct ppt_attach_report *report,
		  struct ppt_host_diag *diag)
{
	static const struct ppt_host_open defaults;
	struct ppt_attach_report r = { .verdict = PPT_VERDICT_REFUSED };
	struct ppt_host_diag d = { .os_errno = 0 };
	int ret;

	if (!path || !out)
		ret = ppt__host_fail(&d, PPT_E_INVAL, path ? "out" : "path",
				     "NULL", 0);
	else
		ret = open_path(path, opt ? opt : &defaults, out, &r, &d);
	if (ret && diag)
		*diag = d;
	if (report)
		*report = r;
	return ret;
}

struct ppt_pool *ppt_host_pool(struct ppt_host *host)
{
	return host->pool;
}

bool ppt_host_is_pmem(const struct ppt_host *host)
{
	return host->file.is_pmem;
}

static int detach_pool(void *arg)
{
	return ppt_detach(arg);
}

static int detach(struct ppt_host *host)
{
	int ret = ppt__usc_close(host);

	return ret ? ret : ppt_host_try(host, detach_pool, host->pool, NULL);
}

int ppt_host_close(struct ppt_host *host)
{
	int ret = 0;

	if (!host)
		return 0;
	if (!host->dead)
		ret = detach(host);
	destroy(host);
	return ret;
}

int ppt__host_settle(struct ppt__file *file, enum ppt_flush flush,
		     struct ppt_host_diag *diag)
{
	const struct ppt_host_open opt = { .flush = flush };
	struct ppt_host host = { .file = *file };
	struct probe p = { .file = file, .diag = diag };
	struct ppt_attach_report report;
	uint64_t bytes = 0;
	int ret = ppt__guard(file->map, file->map_bytes, probe, &p, NULL, diag);

	if (ret)
		return ret;
	judge(&host, &p.geometry.usc);
	if (host.usc.state == PPT_USC_MISSING &&
	    !ppt__usc_doubtful(host.shutdown))
		return 0;
	ret = attach_file(&host, &opt, &bytes, &report, diag);
	if (!ret)
		ret = dispel(&host, &report, diag);
	if (!ret)
		ret = detach(&host);
	if (host.scratch)
		munmap(host.scratch, host.scratch_bytes);
	return ret;
}

int ppt_host_try(struct ppt_host *host, int (*fn)(void *arg), void *arg,
		 struct ppt_host_diag *diag)
{
	bool faulted = false;
	int ret;

	if (host->dead)
		return ppt__host_fail(diag, PPT_E_DEAD, "media",
				      "failed earlier; open again", 0);
	ret = ppt__guard(host->file.map, host->file.map_bytes, fn, arg,
			 &faulted, diag);
	/* The core was left in the middle of something. */
	if (faulted)
		host->dead = true;
	return ret;
}
