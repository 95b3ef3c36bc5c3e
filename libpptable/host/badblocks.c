/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bad blocks that the kernel knows already, so that nobody need run into them.
 *
 * Layer: host.
 *
 * A block device has a list of them in sysfs (Documentation/ABI,
 * /sys/block/<disk>/badblocks: first sector and count, a line each), which is
 * what libndctl reads too.  Where on the device a file lies its extents say
 * (FIEMAP).  Where there is no device, no list or no extents, nothing is known.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host/handle.h"

#define SECTOR_BYTES 512u
#define EXTENTS 64u /* of one question; a file may have more */
#define ASKED_MAX 4096u

/* The next line of a list; false behind the last. */
static bool next_block(FILE *list, uint64_t *at, uint64_t *bytes)
{
	char line[64], *end;
	unsigned long long first, count;

	if (!fgets(line, sizeof(line), list))
		return false;
	first = strtoull(line, &end, 10);
	count = strtoull(end, NULL, 10);
	*at = first * SECTOR_BYTES;
	*bytes = count * SECTOR_BYTES;
	return count != 0;
}

static bool known(const struct ppt__bad *bad, uint64_t page)
{
	for (uint32_t i = 0; i < bad->count; i++)
		if (bad->page[i] == page)
			return true;
	return false;
}

void ppt__bad_overlap(uint64_t at, uint64_t bytes, const struct ppt__piece *p,
		      struct ppt__bad *bad)
{
	uint64_t from = at > p->device ? at : p->device;
	uint64_t end = at + bytes < p->device + p->bytes ? at + bytes :
							   p->device + p->bytes;

	if (from >= end)
		return;
	from = (from - p->device + p->file) / PPT_PAGE_BYTES;
	end = (end - p->device + p->file + PPT_PAGE_BYTES - 1) / PPT_PAGE_BYTES;
	for (; from < end && bad->count < PPT__BAD_MAX; from++)
		if (!known(bad, from))
			bad->page[bad->count++] = from;
}

/* Every block of the list that lies in a piece of the file. */
static void compare(FILE *list, uint64_t partition, const struct ppt__piece *p,
		    struct ppt__bad *bad)
{
	uint64_t at, bytes;

	rewind(list);
	while (next_block(list, &at, &bytes))
		if (at + bytes > partition)
			ppt__bad_overlap(
				at < partition ? 0 : at - partition,
				at < partition ? at + bytes - partition : bytes,
				p, bad);
}

/* The list of a file's device, and where on that its partition begins. */
static FILE *open_list(int fd, uint64_t *partition)
{
	char path[80], text[32];
	unsigned int major, minor;
	struct stat st;
	FILE *file;

	*partition = 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	major = major(st.st_dev);
	minor = minor(st.st_dev);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/badblocks",
		       major, minor);
	file = fopen(path, "re");
	if (file)
		return file;
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major,
		       minor);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (fgets(text, sizeof(text), file))
		*partition = strtoull(text, NULL, 10) * SECTOR_BYTES;
	(void)fclose(file);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../badblocks",
		       major, minor);
	return fopen(path, "re");
}

/* The next extents of a file from *at on: how many. */
static uint32_t next_extents(int fd, uint64_t *at, struct ppt__piece *piece)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) +
			  EXTENTS * sizeof(struct fiemap_extent)];
	} u;
	uint32_t n = 0;

	memset(&u, 0, sizeof(u));
	u.map.fm_start = *at;
	u.map.fm_length = FIEMAP_MAX_OFFSET - *at;
	u.map.fm_extent_count = EXTENTS;
	if (ioctl(fd, FS_IOC_FIEMAP, &u.map))
		return 0;
	for (uint32_t i = 0; i < u.map.fm_mapped_extents && i < EXTENTS; i++) {
		const struct fiemap_extent *e = &u.map.fm_extents[i];

		*at = e->fe_logical + e->fe_length;
		if (e->fe_flags & FIEMAP_EXTENT_UNKNOWN)
			continue;
		piece[n++] = (struct ppt__piece){ e->fe_physical, e->fe_logical,
						  e->fe_length };
	}
	return n;
}

void ppt__bad_blocks(const struct ppt__file *file, struct ppt__bad *bad)
{
	struct ppt__piece piece[EXTENTS];
	uint64_t at = 0, partition, page;
	FILE *list = open_list(file->fd, &partition);

	bad->count = 0;
	if (!list)
		return;
	if (next_block(list, &page, &page)) /* most lists are empty */
		for (uint32_t i = 0; i < ASKED_MAX; i++) {
			uint32_t n = next_extents(file->fd, &at, piece);

			for (uint32_t k = 0; k < n; k++)
				compare(list, partition, &piece[k], bad);
			if (n < EXTENTS)
				break;
		}
	(void)fclose(list);
}

int ppt__bad_known(struct ppt__file *file, struct ppt__bad *bad,
		   struct ppt_host_diag *diag)
{
	struct ppt__bad blocks;
	int err = 0;

	ppt__bad_blocks(file, &blocks);
	for (uint32_t i = 0; i < blocks.count && !err; i++)
		if (!known(bad, blocks.page[i]) &&
		    blocks.page[i] < file->map_bytes / PPT_PAGE_BYTES)
			err = ppt__bad_replace(file, blocks.page[i], bad, diag);
	return err;
}
