/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process's address space from /proc/PID/maps and /proc/PID/pagemap.
 *
 * Layer: tools.
 *
 * pagemap (Documentation/admin-guide/mm/pagemap.rst): one 64-bit word a page,
 * bit 63 present, bit 62 swapped, bits 0 to 54 the frame number, which is 0
 * for whoever lacks CAP_SYS_ADMIN.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "snapshot.h"

#define PM_PRESENT (UINT64_C(1) << 63)
#define PM_SWAPPED (UINT64_C(1) << 62)
#define PM_PFN ((UINT64_C(1) << 55) - 1)

/*
 * PAGEMAP_SCAN, in the same document: which spans have pages.  Linux 6.7, and
 * not in the headers of Debian 12.
 */
struct span {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_SWAPPED (UINT64_C(1) << 4)

/* Pages of pagemap that are read at once. */
#define CHUNK 32768u

/* A line of maps. */
struct area {
	ppt_va_t va;
	ppt_va_t end;
	uint32_t prot;
};

static int out_of_memory(const struct ctl *ctl)
{
	ctl_say(ctl, "out of memory");
	return CTL_FAILED;
}

/* Appends a run, or makes the last one longer. */
static int add_run(struct snapshot *snap, const struct snap_run *run)
{
	struct snap_run *last = NULL;
	struct snap_run *grown;
	size_t size;

	if (snap->count > 0)
		last = &snap->runs[snap->count - 1];
	if (last && last->va + last->len == run->va &&
	    last->prot == run->prot &&
	    (!snap->visible || last->pa + last->len == run->pa)) {
		last->len += run->len;
		return 0;
	}
	if (snap->count == snap->size) {
		size = snap->size ? 2 * snap->size : 1024;
		grown = realloc(snap->runs, size * sizeof(*grown));
		if (!grown)
			return -1;
		snap->runs = grown;
		snap->size = size;
	}
	snap->runs[snap->count++] = *run;
	return 0;
}

void snap_free(struct snapshot *snap)
{
	free(snap->runs);
	snap->runs = NULL;
	snap->count = 0;
	snap->size = 0;
}

/* ----------------------------------------------------------------- pages -- */

static int add_page(struct snapshot *snap, const struct area *area, ppt_va_t va,
		    uint64_t word)
{
	struct snap_run run = {
		.va = va,
		.pa = (word & PM_PFN) << PPT_PAGE_LG2,
		.len = PPT_PAGE_BYTES,
		.prot = area->prot,
	};

	if (word & PM_SWAPPED) {
		snap->swapped++;
		return 0;
	}
	if (!(word & PM_PRESENT)) {
		snap->absent++;
		return 0;
	}
	/* The first frame number that is seen shows that they can be. */
	if (run.pa && snap->present == 0)
		snap->visible = true;
	snap->present++;
	return add_run(snap, &run);
}

/* The words of pages from @va on; 0 for pages that have none ([vsyscall]). */
static int read_words(int fd, ppt_va_t va, uint64_t *words, uint64_t count)
{
	uint64_t offset = va / PPT_PAGE_BYTES * sizeof(*words);
	size_t want = count * sizeof(*words);
	size_t have = 0;

	while (have < want) {
		ssize_t n = pread(fd, (char *)words + have, want - have,
				  (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EINVAL && errno != EFAULT)
			return -1;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	memset((char *)words + have, 0, want - have);
	return 0;
}

/* The pages of [va, end), one by one. */
static int read_span(const struct ctl *ctl, int fd, const struct area *area,
		     ppt_va_t va, ppt_va_t end, struct snapshot *snap)
{
	static uint64_t words[CHUNK];

	while (va < end) {
		uint64_t count = (end - va) / PPT_PAGE_BYTES;

		if (count > CHUNK)
			count = CHUNK;
		if (read_words(fd, va, words, count)) {
			ctl_say(ctl, "--pid '%d': cannot read pagemap: %s",
				ctl->opt.pid, strerror(errno));
			return CTL_FAILED;
		}
		for (uint64_t i = 0; i < count; i++, va += PPT_PAGE_BYTES)
			if (add_page(snap, area, va, words[i]))
				return out_of_memory(ctl);
		if (cli_interrupted()) {
			ctl_say(ctl, "interrupted");
			return CTL_FAILED;
		}
	}
	return CTL_OK;
}

/*
 * Where [va, end) has pages at all; at most @max spans.  -1 where the kernel
 * does not tell.  @next: where to go on.
 */
static int scan(int fd, ppt_va_t va, ppt_va_t end, struct span *spans,
		unsigned int max, ppt_va_t *next)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = va,
		.end = end,
		.vec = (uintptr_t)spans,
		.vec_len = max,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED,
	};
	int ret = ioctl(fd, SCAN, &arg);

	/* One that gets nowhere would be asked for ever. */
	if (ret < 0 || arg.walk_end <= va || arg.walk_end > end)
		return -1;
	*next = arg.walk_end;
	return ret;
}

/* As read_span, but skips quickly what was never touched. */
static int read_sparse(const struct ctl *ctl, int fd, const struct area *area,
		       struct snapshot *snap)
{
	static struct span spans[256];
	ppt_va_t va = area->va;
	int ret = CTL_OK;

	while (va < area->end && !ret) {
		ppt_va_t next;
		int count = scan(fd, va, area->end, spans, 256, &next);

		if (count < 0)
			return read_span(ctl, fd, area, va, area->end, snap);
		for (int i = 0; i < count && !ret; i++) {
			snap->absent += (spans[i].start - va) / PPT_PAGE_BYTES;
			ret = read_span(ctl, fd, area, spans[i].start,
					spans[i].end, snap);
			va = spans[i].end;
		}
		snap->absent += (next - va) / PPT_PAGE_BYTES;
		va = next;
	}
	return ret;
}

static int read_area(const struct ctl *ctl, int fd, const struct area *area,
		     struct snapshot *snap)
{
	uint64_t pages = (area->end - area->va) / PPT_PAGE_BYTES;

	if (!(area->prot & PPT_PROT_READ)) {
		snap->no_rights += pages;
		return CTL_OK;
	}
	if (pages > CHUNK)
		return read_sparse(ctl, fd, area, snap);
	return read_span(ctl, fd, area, area->va, area->end, snap);
}

/* ----------------------------------------------------------------- areas -- */

const char *snap_parse_span(const char *line, uint64_t *first, uint64_t *last)
{
	const char *at = line;
	char *end;

	*first = strtoull(at, &end, 16);
	if (end == at || *end != '-')
		return NULL;
	at = end + 1;
	*last = strtoull(at, &end, 16);
	return end == at ? NULL : end;
}

static bool parse_area(const char *line, struct area *out)
{
	const char *rights = snap_parse_span(line, &out->va, &out->end);

	if (!rights || rights[0] != ' ' || strlen(rights) < 5)
		return false;
	rights++;
	out->prot = PPT_PROT_USER;
	if (rights[0] == 'r')
		out->prot |= PPT_PROT_READ;
	if (rights[1] == 'w')
		out->prot |= PPT_PROT_WRITE;
	if (rights[2] == 'x')
		out->prot |= PPT_PROT_EXEC;
	return true;
}

static int read_areas(const struct ctl *ctl, FILE *maps, int pagemap,
		      struct snapshot *snap)
{
	char *line = NULL;
	size_t size = 0;
	struct area area;
	int ret = CTL_OK;

	while (!ret && getline(&line, &size, maps) > 0) {
		if (!parse_area(line, &area))
			continue;
		snap->mappings++;
		ret = read_area(ctl, pagemap, &area, snap);
	}
	free(line);
	if (!ret && ferror(maps)) {
		ctl_say(ctl, "--pid '%d': cannot read maps: %s", ctl->opt.pid,
			strerror(errno));
		ret = CTL_FAILED;
	}
	return ret;
}

static int cannot_open(const struct ctl *ctl, int pid, const char *what)
{
	if (errno == ENOENT || errno == ESRCH)
		ctl_say(ctl, "--pid '%d': no such process", pid);
	else
		ctl_say(ctl, "--pid '%d': cannot read its %s: %s", pid, what,
			strerror(errno));
	return CTL_FAILED;
}

int snap_read(const struct ctl *ctl, int pid, struct snapshot *out)
{
	struct snapshot snap = { .visible = false };
	char path[64];
	FILE *maps;
	int pagemap;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return cannot_open(ctl, pid, "maps");
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0) {
		fclose(maps);
		return cannot_open(ctl, pid, "pagemap");
	}
	ret = read_areas(ctl, maps, pagemap, &snap);
	close(pagemap);
	fclose(maps);
	if (ret) {
		snap_free(&snap);
		return ret;
	}
	*out = snap;
	return CTL_OK;
}

/* --------------------------------------------------------------- regions -- */

static const struct ppt_region *region_of(const struct ppt_memory_map *map,
					  ppt_pa_t pa)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *region = &map->region[i];

		/* The pool's frames are the pool's to give. */
		if (region->kind != PPT_REGION_POOL &&
		    pa - region->base < region->len)
			return region;
	}
	return NULL;
}

/* How much of @run, from its start, is in one region, or in none. */
static uint64_t clip_run(const struct snap_run *run,
			 const struct ppt_memory_map *map, bool *inside)
{
	const struct ppt_region *region = region_of(map, run->pa);
	uint64_t len = PPT_PAGE_BYTES;

	*inside = region != NULL;
	if (region)
		len = region->base + region->len - run->pa;
	return len < run->len ? len : run->len;
}

int snap_clip(const struct ctl *ctl, struct snapshot *snap,
	      const struct ppt_memory_map *map)
{
	struct snapshot clipped = *snap;

	clipped.runs = NULL;
	clipped.count = 0;
	clipped.size = 0;
	for (size_t i = 0; i < snap->count; i++) {
		struct snap_run rest = snap->runs[i];

		while (rest.len > 0) {
			struct snap_run part = rest;
			bool inside;

			part.len = clip_run(&rest, map, &inside);
			if (inside && add_run(&clipped, &part)) {
				snap_free(&clipped);
				return out_of_memory(ctl);
			}
			if (!inside) {
				clipped.outside += part.len / PPT_PAGE_BYTES;
				clipped.present -= part.len / PPT_PAGE_BYTES;
			}
			rest.va += part.len;
			rest.pa += part.len;
			rest.len -= part.len;
		}
	}
	snap_free(snap);
	*snap = clipped;
	return CTL_OK;
}

/* -------------------------------------------------------------- stopping -- */

/* The state letter of /proc/PID/stat, which follows the last ')'. */
static char process_state(int pid)
{
	char path[64];
	char text[512];
	const char *at;
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return '\0';
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	at = strrchr(text, ')');
	return at && at[1] ? at[2] : '\0';
}

static bool is_stopped(int pid)
{
	char state = process_state(pid);

	return state == 'T' || state == 't';
}

int snap_stop(const struct ctl *ctl, int pid, bool *was_stopped)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	if (pid == getpid())
		return ctl_bad(ctl, "--freeze", "pptctl itself",
			       "cannot stop itself");
	*was_stopped = is_stopped(pid);
	if (*was_stopped)
		return CTL_OK;
	if (kill(pid, SIGSTOP)) {
		ctl_say(ctl, "--freeze: cannot stop process %d: %s", pid,
			strerror(errno));
		return CTL_FAILED;
	}
	/* A thread in the kernel stops when it comes out; two seconds. */
	for (int i = 0; i < 2000 && !is_stopped(pid); i++)
		nanosleep(&pause, NULL);
	if (is_stopped(pid))
		return CTL_OK;
	kill(pid, SIGCONT);
	ctl_say(ctl, "--freeze: process %d does not stop", pid);
	return CTL_FAILED;
}
