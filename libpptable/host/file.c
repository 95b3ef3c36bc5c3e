/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files and DAX devices: open, lock, make, map.
 *
 * Layer: host.
 *
 * Files are mapped here, with MAP_SYNC where that is possible, as libpmem would
 * do it, for a third of its system calls: it opens a path, and finds out once
 * more what is known of the open file.  The kernel aligns for huge pages.
 * Devices are libpmem's, for a writer.  It is given /proc/self/fd/N, not the
 * path again: what is mapped is then the very device that was locked.
 *
 * Readers map privately, so that recovery replays into their own copy and
 * nothing can reach the file [I9].  Devices have no private mappings; there a
 * reader makes do without stores, or with a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <libpmem.h>

#include "host/handle.h"

int ppt__host_fail(struct ppt_host_diag *diag, int err, const char *what,
		   const char *why, int os_errno)
{
	if (diag) {
		diag->diag = (struct ppt_diag){
			.err = err,
			.what = what,
			.why = why,
		};
		diag->os_errno = os_errno;
	}
	return err;
}

static int fail_sys(struct ppt_host_diag *diag, const char *why)
{
	return ppt__host_fail(diag, PPT_E_SYS, "file", why, errno);
}

/* ------------------------------------------------------------- devices -- */

/* Size of a DAX character device from sysfs; 0 if it is none. */
static uint64_t dax_bytes(const struct stat *st)
{
	char path[64];
	char target[PATH_MAX];
	char text[32];
	const char *base;
	FILE *file;
	uint64_t bytes = 0;

	if (!S_ISCHR(st->st_mode))
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/subsystem",
		 major(st->st_rdev), minor(st->st_rdev));
	if (!realpath(path, target))
		return 0;
	base = strrchr(target, '/');
	if (!base || strcmp(base, "/dax") != 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/size",
		 major(st->st_rdev), minor(st->st_rdev));
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file))
		bytes = strtoull(text, NULL, 0);
	fclose(file);
	return bytes;
}

/* -------------------------------------------------------------- opening -- */

static int check_type(struct ppt__file *file, struct ppt_host_diag *diag)
{
	struct stat st;

	if (fstat(file->fd, &st))
		return fail_sys(diag, "cannot stat");
	file->device = S_ISCHR(st.st_mode) ? st.st_rdev : st.st_dev;
	if (S_ISREG(st.st_mode)) {
		file->bytes = (uint64_t)st.st_size;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return ppt__host_fail(diag, PPT_E_SYS, "file",
				      "not a file or DAX device", EISDIR);
	file->bytes = dax_bytes(&st);
	file->dax = file->bytes != 0;
	if (!file->dax)
		return ppt__host_fail(diag, PPT_E_SYS, "file",
				      "not a file or DAX device", ENODEV);
	return 0;
}

static int lock(struct ppt__file *file, struct ppt_host_diag *diag)
{
	int how = (file->write ? LOCK_EX : LOCK_SH) | LOCK_NB;
	int ret;

	do
		ret = flock(file->fd, how);
	while (ret && errno == EINTR);
	if (!ret)
		return 0;
	if (errno == EWOULDBLOCK)
		return ppt__host_fail(diag, PPT_E_LOCKED, "file",
				      file->write ?
					      "another process has it open" :
					      "a writer has it open",
				      errno);
	return fail_sys(diag, "cannot lock");
}

int ppt__file_open(const char *path, bool write, struct ppt__file *file,
		   struct ppt_host_diag *diag)
{
	struct ppt__file f = { .fd = -1, .write = write };
	int ret;

	/* O_NONBLOCK: a FIFO is refused and not waited for. */
	f.fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY |
				  O_NONBLOCK);
	if (f.fd < 0)
		return fail_sys(diag, write ? "cannot open for writing" :
					      "cannot open for reading");
	ret = lock(&f, diag);
	/* Only now is the size one that no pptable program changes. */
	if (!ret)
		ret = check_type(&f, diag);
	if (ret) {
		close(f.fd);
		return ret;
	}
	*file = f;
	return 0;
}

/* -------------------------------------------------------------- mapping -- */

/* MAP_SYNC is what tells persistent memory, as it tells libpmem. */
static int map_shared(struct ppt__file *file, struct ppt_host_diag *diag)
{
	const int prot = PROT_READ | PROT_WRITE;
	void *map = mmap(NULL, file->bytes, prot,
			 MAP_SHARED_VALIDATE | MAP_SYNC, file->fd, 0);

	file->is_pmem = map != MAP_FAILED;
	if (map == MAP_FAILED)
		map = mmap(NULL, file->bytes, prot, MAP_SHARED, file->fd, 0);
	if (map == MAP_FAILED)
		return fail_sys(diag, "cannot map");
	file->map = map;
	file->map_bytes = file->bytes;
	/* Or so it is claimed (PMEM_IS_PMEM_FORCE). */
	if (!file->is_pmem)
		file->is_pmem = pmem_is_pmem(map, file->bytes) == 1;
	/* Where the file system can; a pool on small pages works as well. */
	(void)madvise(map, file->bytes, MADV_HUGEPAGE);
	return 0;
}

static int map_pmem(struct ppt__file *file, struct ppt_host_diag *diag)
{
	char path[32];
	size_t bytes;
	int is_pmem;
	void *map;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	map = pmem_map_file(path, 0, 0, 0, &bytes, &is_pmem);
	if (!map)
		return fail_sys(diag, "cannot map");
	file->map = map;
	file->map_bytes = bytes;
	file->is_pmem = is_pmem != 0;
	return 0;
}

struct copy {
	void *to;
	const void *from;
	uint64_t bytes;
};

static int copy_bytes(void *arg)
{
	const struct copy *copy = arg;

	memcpy(copy->to, copy->from, copy->bytes);
	return 0;
}

static void *map_anonymous(uint64_t bytes, int flags)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void unmap_reader(struct ppt__file *file)
{
	if (file->map)
		munmap(file->map, file->map_bytes);
	if (file->aside)
		munmap(file->aside, file->map_bytes);
	file->map = NULL;
	file->aside = NULL;
}

/*
 * A device cannot be mapped privately.  It is mapped for reading, and stores
 * go elsewhere; that is enough for as long as there are none.
 */
static int map_device(struct ppt__file *file, struct ppt_host_diag *diag)
{
	void *map = mmap(NULL, file->bytes, PROT_READ, MAP_SHARED, file->fd, 0);

	if (map == MAP_FAILED)
		return fail_sys(diag, "cannot map");
	file->map = map;
	file->map_bytes = file->bytes;
	file->aside = map_anonymous(file->bytes, MAP_NORESERVE);
	if (file->aside == MAP_FAILED) {
		file->aside = NULL;
		return fail_sys(diag, "cannot map");
	}
	file->is_pmem = true;
	return 0;
}

int ppt__file_copy(struct ppt__file *file, uint64_t bytes,
		   struct ppt_host_diag *diag)
{
	struct copy copy = { .from = file->map, .bytes = bytes };
	int ret;

	/* Not MAP_NORESERVE: what there is no memory for is refused here. */
	copy.to = map_anonymous(bytes, 0);
	if (copy.to == MAP_FAILED)
		return fail_sys(diag, "needs replay, and a copy for a reader");
	ret = ppt__guard(file->map, file->map_bytes, copy_bytes, &copy, NULL,
			 diag);
	if (ret) {
		munmap(copy.to, bytes);
		return ret;
	}
	unmap_reader(file);
	file->map = copy.to;
	file->map_bytes = bytes;
	return 0;
}

/*
 * Whether a writer would get persistent memory.  libpmem answers for its own
 * mappings only, and makes no private ones; MAP_SYNC is what it goes by.
 */
static bool can_map_sync(int fd)
{
	void *map = mmap(NULL, PPT_PAGE_BYTES, PROT_READ,
			 MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);

	if (map == MAP_FAILED)
		return false;
	munmap(map, PPT_PAGE_BYTES);
	return true;
}

static int map_private(struct ppt__file *file, struct ppt_host_diag *diag)
{
	void *map;

	map = mmap(NULL, file->bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_NORESERVE, file->fd, 0);
	if (map == MAP_FAILED)
		return fail_sys(diag, "cannot map");
	file->map = map;
	file->map_bytes = file->bytes;
	file->is_pmem = pmem_is_pmem(map, file->bytes) == 1 ||
			can_map_sync(file->fd);
	return 0;
}

int ppt__file_map(struct ppt__file *file, struct ppt_host_diag *diag)
{
	if (file->dax)
		return file->write ? map_pmem(file, diag) :
				     map_device(file, diag);
	return file->write ? map_shared(file, diag) : map_private(file, diag);
}

/* --------------------------------------------------------------- making -- */

int ppt__file_create(const char *path, uint64_t bytes, bool sparse,
		     struct ppt__file *file, struct ppt_host_diag *diag)
{
	int flags = PMEM_FILE_CREATE | PMEM_FILE_EXCL;
	struct ppt__file f = { .fd = -1 };
	size_t map_bytes;
	int is_pmem;
	void *map;
	int ret;

	if (sparse)
		flags |= PMEM_FILE_SPARSE;
	/*
	 * 0600: page tables say where everything is.  libpmem allocates the
	 * blocks and takes its file away again where that fails.
	 */
	map = pmem_map_file(path, bytes, flags, 0600, &map_bytes, &is_pmem);
	if (!map)
		return fail_sys(diag, errno == ENOSPC || errno == EFBIG ?
					      "cannot allocate its size" :
					      "cannot create");
	ret = ppt__file_open(path, true, &f, diag);
	if (ret) {
		pmem_unmap(map, map_bytes);
		unlink(path);
		return ret;
	}
	f.map = map;
	f.map_bytes = map_bytes;
	f.is_pmem = is_pmem != 0;
	*file = f;
	return 0;
}

int ppt__file_persist_name(const struct ppt__file *file, const char *path,
			   struct ppt_host_diag *diag)
{
	char folder[PATH_MAX];
	int fd;
	int ret;

	if (file->dax)
		return 0;
	if (fsync(file->fd))
		return fail_sys(diag, "cannot sync");
	/* Shorter than PATH_MAX, or it could not have been made. */
	snprintf(folder, sizeof(folder), "%s", path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_sys(diag, "cannot sync its folder");
	ret = fsync(fd);
	/* EINVAL: a file system that has no such thing. */
	if (ret && errno != EINVAL)
		ret = fail_sys(diag, "cannot sync its folder");
	else
		ret = 0;
	close(fd);
	return ret;
}

void ppt__file_close(struct ppt__file *file)
{
	if (file->map && file->write)
		pmem_unmap(file->map, file->map_bytes);
	else
		unmap_reader(file);
	if (file->fd >= 0)
		close(file->fd);
	file->map = NULL;
	file->fd = -1;
}
