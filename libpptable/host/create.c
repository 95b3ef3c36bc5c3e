/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making pools in files.
 *
 * Layer: host.
 *
 * A new file is made under its own name and unlinked if anything fails.  An
 * existing one that may be overwritten is replaced by rename(2): a new file
 * is made beside it, formatted, and takes the name when it is whole.  So what
 * was there stays until there is something better, even where the arguments
 * turn out wrong only in ppt_create or the disk is full.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "host/handle.h"

static int random_uuid(struct ppt_uuid *uuid)
{
	if (getrandom(uuid->b, sizeof(uuid->b), 0) != sizeof(uuid->b))
		return -1;
	/* RFC 9562 5.4: version 4, variant 10. */
	uuid->b[6] = (uint8_t)((uuid->b[6] & 0x0f) | 0x40);
	uuid->b[8] = (uint8_t)((uuid->b[8] & 0x3f) | 0x80);
	return 0;
}

/*
 * What would make a file of a nonsensical size; ppt_create checks the rest
 * before it writes, and this again.
 */
static int check_size(uint64_t bytes, struct ppt_host_diag *diag)
{
	if (bytes < PPT_POOL_BYTES_MIN)
		return ppt__host_fail(diag, PPT_E_RANGE, "size",
				      "smaller than 1 MiB", 0);
	if (bytes > PPT_POOL_BYTES_MAX)
		return ppt__host_fail(diag, PPT_E_RANGE, "size",
				      "larger than 16 TiB", 0);
	if (bytes % PPT_PAGE_BYTES)
		return ppt__host_fail(diag, PPT_E_INVAL, "size",
				      "not a multiple of 4 KiB", 0);
	return 0;
}

/* ppt_create under a guard. */
struct format {
	const struct ppt_create_config *cfg;
	struct ppt_diag *diag;
};

static int format_pool(void *arg)
{
	const struct format *format = arg;

	return ppt_create(format->cfg, format->diag);
}

static int format_file(struct ppt__file *file, struct ppt_create_config *cfg,
		       struct ppt_host_diag *diag)
{
	struct ppt_create_config c = *cfg;
	struct format format = {
		.cfg = &c,
		.diag = &diag->diag,
	};
	static const struct ppt_uuid none;
	int ret;

	if (!memcmp(&c.uuid, &none, sizeof(none)) && random_uuid(&c.uuid))
		return ppt__host_fail(diag, PPT_E_SYS, "uuid",
				      "no random numbers", errno);
	if (file->map_bytes < c.pm.bytes)
		return ppt__host_fail(diag, PPT_E_RANGE, "size",
				      "larger than the device", 0);
	c.pm.media = file->map;
	c.pm.writable = NULL;
	c.pm.observer = NULL;
	/* Closed only when it has left the memory controller. */
	memset(&c.usc, 0, sizeof(c.usc));
	if (ppt__usc_source->now(file, &c.usc))
		c.usc.state = PPT_USC_IN_USE;
	ret = ppt__host_flush(&c.pm.flush, file->is_pmem, diag);
	if (!ret)
		ret = ppt__guard(file->map, file->map_bytes, format_pool,
				 &format, NULL, diag);
	if (!ret)
		ret = ppt__host_settle(file, cfg->pm.flush, diag);
	if (!ret)
		cfg->uuid = c.uuid;
	return ret;
}

/* Makes and formats @path, which does not exist. */
static int create_file(const char *path, struct ppt_create_config *cfg,
		       uint32_t flags, struct ppt_host_diag *diag)
{
	struct ppt__file file;
	int ret;

	ret = ppt__file_create(path, cfg->pm.bytes, flags & PPT_HOST_SPARSE,
			       &file, diag);
	if (ret)
		return ret;
	ret = format_file(&file, cfg, diag);
	if (!ret)
		ret = ppt__file_persist_name(&file, path, diag);
	if (ret)
		unlink(path);
	ppt__file_close(&file);
	return ret;
}

/* Formats a device in place. */
static int create_on_device(struct ppt__file *file,
			    struct ppt_create_config *cfg,
			    struct ppt_host_diag *diag)
{
	int ret = ppt__file_map(file, diag);

	return ret ? ret : format_file(file, cfg, diag);
}

/* Replaces an existing file, which @old holds locked. */
static int replace_file(const char *path, struct ppt_create_config *cfg,
			uint32_t flags, struct ppt_host_diag *diag)
{
	char real[PATH_MAX];
	char beside[PATH_MAX + 32];
	int ret;

	/* The file that a symbolic link leads to, not the link. */
	if (!realpath(path, real))
		return ppt__host_fail(diag, PPT_E_SYS, "file", "cannot resolve",
				      errno);
	snprintf(beside, sizeof(beside), "%s.new-%ld", real, (long)getpid());
	ret = create_file(beside, cfg, flags, diag);
	if (ret)
		return ret;
	if (rename(beside, real)) {
		ret = ppt__host_fail(diag, PPT_E_SYS, "file", "cannot replace",
				     errno);
		unlink(beside);
	}
	return ret;
}

static int create_path(const char *path, struct ppt_create_config *cfg,
		       uint32_t flags, struct ppt_host_diag *diag)
{
	struct ppt__file old;
	struct stat st;
	int ret;

	ret = check_size(cfg->pm.bytes, diag);
	if (ret)
		return ret;
	if (lstat(path, &st)) {
		if (errno == ENOENT)
			return create_file(path, cfg, flags, diag);
		return ppt__host_fail(diag, PPT_E_SYS, "file", "cannot create",
				      errno);
	}
	if (!(flags & PPT_HOST_FORCE))
		return ppt__host_fail(diag, PPT_E_SYS, "file", "cannot create",
				      EEXIST);
	/* Locked by somebody means in use. */
	ret = ppt__file_open(path, true, &old, diag);
	if (ret)
		return ret;
	ret = old.dax ? create_on_device(&old, cfg, diag) :
			replace_file(path, cfg, flags, diag);
	ppt__file_close(&old);
	return ret;
}

int ppt_host_create(const char *path, struct ppt_create_config *cfg,
		    uint32_t flags, struct ppt_host_diag *diag)
{
	const uint32_t known = PPT_HOST_SPARSE | PPT_HOST_FORCE;
	struct ppt_host_diag d = { .os_errno = 0 };
	int ret;

	if (!path || !cfg)
		ret = ppt__host_fail(&d, PPT_E_INVAL, path ? "cfg" : "path",
				     "NULL", 0);
	else if (flags & ~known)
		ret = ppt__host_fail(&d, PPT_E_INVAL, "flags",
				     "not one of create's", 0);
	else
		ret = create_path(path, cfg, flags, &d);
	if (ret && diag)
		*diag = d;
	return ret;
}
