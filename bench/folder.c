/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the files of a run are: a tmpfs of the run's own on pages of 2 MiB,
 * because a DAX file system maps an NVDIMM by these.  It is mounted nowhere
 * (fsmount(2)), so it is gone with the last process of the run, however that
 * ends.
 *
 * Layer: bench.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

static bool put_map(const char *path, unsigned int id)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u 1", id, id);
	return put(path, text);
}

/* Mounting takes a privilege, which anybody has in namespaces of their own. */
static bool get_privilege(void)
{
	unsigned int uid = geteuid(), gid = getegid();

	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) &&
	       put("/proc/self/setgroups", "deny") &&
	       put_map("/proc/self/uid_map", uid) &&
	       put_map("/proc/self/gid_map", gid);
}

/* A directory, or -1. */
static int make_tmpfs(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int dir = -1;

	if (fs < 0)
		return -1;
	if (!fsconfig(fs, FSCONFIG_SET_STRING, "huge", "always", 0) &&
	    !fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) &&
	    !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		dir = fsmount(fs, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID |
				      MOUNT_ATTR_NODEV);
	close(fs);
	return dir;
}

/* Whether a byte of a file takes 2 MiB there; the kernel may be told not to. */
static bool is_huge(int dir)
{
	struct stat st = { .st_blocks = 0 };
	int fd = openat(dir, "probe", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);

	if (fd < 0)
		return false;
	if (ftruncate(fd, PPT_SIZE_2M) || pwrite(fd, "", 1, 0) != 1 ||
	    fstat(fd, &st))
		st.st_blocks = 0;
	close(fd);
	unlinkat(dir, "probe", 0);
	return (uint64_t)st.st_blocks * 512 == PPT_SIZE_2M;
}

bool bench_folder_huge(void)
{
	int dir = make_tmpfs();
	bool huge;

	if (dir < 0 && get_privilege())
		dir = make_tmpfs();
	huge = dir >= 0 && is_huge(dir) && !fchdir(dir);
	/* Open until the end: closing it unmounts it. */
	if (dir >= 0 && !huge)
		close(dir);
	return huge;
}
