/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The unsafe-shutdown count: where it comes from, and what follows from it.
 *
 * Layer: host.
 *
 * Where a file lies in persistent memory, its device is below a region of the
 * NVDIMM bus in sysfs.  The region says which NVDIMMs it is interleaved over
 * (mappings, mapping<n>), and these have an identity and a count (id,
 * dirty_shutdown; Documentation/ABI/testing/sysfs-bus-nfit, and what ndctl and
 * libpmem2 read).  A file elsewhere has no such path: one readlink tells.
 */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libpmem.h>

#include "host/handle.h"

#define NAME_BYTES 64u
#define DIMMS_MAX 256u

static const char system_sysfs[] = "/sys";
const char *ppt__sysfs = system_sysfs;

/* ---------------------------------------------------------------- sysfs -- */

/* The first line of an attribute without its end; false if there is none. */
static bool read_text(const char *folder, const char *name, char *out,
		      size_t size)
{
	char path[2 * PATH_MAX];
	FILE *file;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	ok = fgets(out, (int)size, file) != NULL;
	(void)fclose(file);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok && *out;
}

static bool read_number(const char *folder, const char *name, uint64_t *out)
{
	char text[NAME_BYTES], *end;

	if (!read_text(folder, name, text, sizeof(text)) ||
	    !isdigit((unsigned char)*text))
		return false;
	*out = strtoull(text, &end, 0);
	return *end == '\0';
}

/* Whether a component of a path is @word and a number. */
static bool is_numbered(const char *at, size_t n, const char *word)
{
	size_t skip = strlen(word);

	if (n <= skip || strncmp(at, word, skip) != 0)
		return false;
	while (skip < n && isdigit((unsigned char)at[skip]))
		skip++;
	return skip == n;
}

/* Cuts ".../ndbus0/region0/..." behind the region; false if there is none. */
static bool cut_region(char *path)
{
	bool bus = false;

	for (char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		if (bus && is_numbered(at, n, "region")) {
			at[n] = '\0';
			return true;
		}
		bus = is_numbered(at, n, "ndbus");
		at += n + (at[n] == '/');
	}
	return false;
}

/* The folder of the region that an open file is in. */
static bool find_region(const struct ppt__file *file, char *path, size_t size)
{
	char link[128], to[PATH_MAX];
	const char *kind = file->dax ? "char" : "block";
	ssize_t n;

	/* Of a file system without a device, as tmpfs, the system says nothing. */
	if (!file->dax && major(file->device) == 0 &&
	    ppt__sysfs == system_sysfs)
		return false;
	n = snprintf(link, sizeof(link), "%s/dev/%s/%u:%u", ppt__sysfs, kind,
		     major(file->device), minor(file->device));
	if (n < 0 || (size_t)n >= sizeof(link))
		return false;
	n = readlink(link, to, sizeof(to) - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	if (!cut_region(to))
		return false;
	n = snprintf(path, size, "%s/dev/%s/%s", ppt__sysfs, kind, to);
	return n > 0 && (size_t)n < size;
}

/* FNV-1a, with the end of the text. */
static uint64_t hash(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++);
	return h;
}

/* One NVDIMM more, by its name. */
static bool add_dimm(const char *region, const char *name, struct ppt_usc *usc)
{
	static const char *const kinds[] = { "nfit", "papr", "cxl" };
	char folder[PATH_MAX + NAME_BYTES + 16], id[NAME_BYTES];
	uint64_t count;

	if (!is_numbered(name, strlen(name), "nmem"))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)snprintf(folder, sizeof(folder), "%s/../%s/%s", region,
			       name, kinds[i]);
		if (!read_number(folder, "dirty_shutdown", &count) ||
		    !read_text(folder, "id", id, sizeof(id)))
			continue;
		usc->device = hash(usc->device, id);
		usc->count += count;
		return true;
	}
	return false;
}

/* All of an interleave set have a count, or it has none. */
static bool from_sysfs(const struct ppt__file *file, struct ppt_usc *out)
{
	struct ppt_usc usc = { .device = UINT64_C(0xcbf29ce484222325) };
	char region[PATH_MAX + 64], name[32], text[NAME_BYTES];
	uint64_t n;

	if (!find_region(file, region, sizeof(region)) ||
	    !read_number(region, "mappings", &n) || n == 0 || n > DIMMS_MAX)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "mapping%u", (unsigned)i);
		if (!read_text(region, name, text, sizeof(text)))
			return false;
		text[strcspn(text, ",")] = '\0';
		if (!add_dimm(region, text, &usc))
			return false;
	}
	*out = usc;
	return true;
}

/*
 * The queues of all memory controllers below the file: msync(2) of a file,
 * deep_flush in sysfs of a device, which is root's.
 */
static int drain_deep(const struct ppt__file *file)
{
	return pmem_deep_drain(file->map, (size_t)2 * PPT_PAGE_BYTES);
}

static const struct ppt__usc_source sysfs = { from_sysfs, drain_deep };

const struct ppt__usc_source *ppt__usc_source = &sysfs;

/* -------------------------------------------------------------- judging -- */

enum ppt_shutdown ppt__usc_judge(const struct ppt_usc *was,
				 const struct ppt_usc *now)
{
	switch (was->state) {
	case PPT_USC_CLOSED:
		return now ? PPT_SHUTDOWN_SAFE : PPT_SHUTDOWN_NONE;
	case PPT_USC_IN_USE:
		return now && now->device == was->device &&
				       now->count == was->count ?
			       PPT_SHUTDOWN_SAFE :
			       PPT_SHUTDOWN_UNSAFE;
	case PPT_USC_UNSAFE:
		return PPT_SHUTDOWN_UNSAFE;
	case PPT_USC_MISSING:
		return now ? PPT_SHUTDOWN_UNKNOWN : PPT_SHUTDOWN_NONE;
	default:
		return PPT_SHUTDOWN_UNKNOWN;
	}
}

enum ppt_shutdown ppt__usc_look(const struct ppt__file *file)
{
	struct ppt_geometry geometry;
	struct ppt_usc now;

	if (ppt_probe(file->map, file->map_bytes, &geometry, NULL))
		return PPT_SHUTDOWN_NONE;
	return ppt__usc_judge(&geometry.usc,
			      ppt__usc_source->now(file, &now) ? &now : NULL);
}

/* -------------------------------------------------------------- writing -- */

void ppt__usc_drain(void *ctx)
{
	/* One that cannot leaves the record IN_USE when it closes. */
	(void)ppt__usc_source->drain(ctx);
}

struct setting {
	struct ppt_host *host;
	const struct ppt_usc *usc;
};

static int set(void *arg)
{
	const struct setting *s = arg;

	return ppt_usc_set(s->host->pool, s->usc);
}

static int empty(void *arg)
{
	struct ppt_pool *pool = arg;

	(void)ppt_abort(pool);
	return ppt_checkpoint(pool);
}

/* Whether a check of all of the pool, as a reader does it, finds nothing. */
static bool is_whole(struct ppt_host *host)
{
	static const struct ppt_host_check defaults = { .pa_bits = 52 };
	struct ppt__file view = {
		.fd = fcntl(host->file.fd, F_DUPFD_CLOEXEC, 0),
		.dax = host->file.dax,
		.bytes = host->file.bytes,
	};
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_check_report report;
	struct ppt__bad bad = { .count = 0 };
	int err;

	if (view.fd < 0)
		return false;
	err = ppt__file_map(&view, &diag);
	if (!err)
		err = ppt__bad_known(&view, &bad, &diag);
	if (!err)
		err = ppt__host_check_map(&view, &defaults, &bad, &report,
					  &diag);
	ppt__file_close(&view);
	return !err && report.verdict == PPT_CHECK_CLEAN;
}

bool ppt__usc_renew(struct ppt_host *host)
{
	struct ppt_usc usc = host->usc;
	struct setting setting = { host, &usc };

	if (usc.state != PPT_USC_MISSING)
		usc.state = PPT_USC_IN_USE;
	/* A reader of a device needs a copy while there is a journal. */
	if (ppt_host_try(host, empty, host->pool, NULL) || !is_whole(host))
		return false;
	/* No drain: if this is lost it stays UNSAFE. */
	if (ppt_host_try(host, set, &setting, NULL))
		return false;
	host->usc = usc;
	return true;
}

int ppt__usc_close(struct ppt_host *host)
{
	struct ppt_usc usc = host->usc;
	struct setting setting = { host, &usc };
	int err;

	if (usc.state != PPT_USC_IN_USE)
		return 0;
	usc.state = PPT_USC_CLOSED;
	err = ppt_host_try(host, empty, host->pool, NULL);
	/* What may still be on its way must not be called closed. */
	if (err || ppt__usc_source->drain(&host->file))
		return err;
	return ppt_host_try(host, set, &setting, NULL);
}
