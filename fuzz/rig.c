/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.c - media that is damaged, opened, read to the end and put back.
 *
 * Layer: fuzz.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Words that one call may read of a pool of 1 MiB: each of its words more than
 * a hundred times.
 */
#define LOADS_MAX (UINT64_C(1) << 24)

void rig_fail(const char *why, ...)
{
	va_list args;

	va_start(args, why);
	(void)vfprintf(stderr, why, args);
	va_end(args);
	(void)fputc('\n', stderr);
	abort();
}

/* ----------------------------------------------------------------- media -- */

/* Pages of @fd between two that fault. */
static uint8_t *map_fenced(int fd, uint64_t bytes, int prot)
{
	uint8_t *p = mmap(NULL, bytes + 2 * PPT_PAGE_BYTES, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		rig_fail("no memory");
	p += PPT_PAGE_BYTES;
	if (mmap(p, bytes, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		rig_fail("no memory");
	return p;
}

static void on_store(struct rig *rig, uint64_t off, uint64_t len)
{
	uint64_t in_page = off % PPT_PAGE_BYTES;

	rig->stores += len / 8;
	if (off < 2 * PPT_PAGE_BYTES && in_page < PPT_M_TAIL_OFFSET)
		rig->guarded += len / 8;
	for (uint64_t w = off / 8; w < (off + len) / 8; w += PPT__LINE_WORDS)
		rig_touch(rig, w);
	rig_touch(rig, (off + len) / 8 - 1);
}

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct rig *rig = ctx;

	if (__builtin_expect(
		    off > rig->image.size || len > rig->image.size - off, 0))
		rig_fail("%s: outside the media: %#llx, %llu bytes", site,
			 (unsigned long long)off, (unsigned long long)len);
	if (event == PPT_PM_LOAD) {
		rig->loads += len / 8;
		if (__builtin_expect(rig->loads > LOADS_MAX, 0))
			rig_fail("%s: reads without bound", site);
	} else if (event == PPT_PM_STORE || event == PPT_PM_STREAM) {
		on_store(rig, off, len);
	}
}

static void *some(size_t bytes)
{
	void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!p)
		rig_fail("no memory");
	memset(p, 0xa5, bytes);
	return p;
}

void rig_open(struct rig *rig, const struct specimen *image)
{
	uint64_t lines = image->size / PPT_LINE_BYTES;
	int fd = memfd_create("pptable-fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)image->size) != 0)
		rig_fail("no memory");
	memset(rig, 0, sizeof(*rig));
	rig->image = *image;
	rig->read = map_fenced(fd, image->size, PROT_READ);
	rig->write = map_fenced(fd, image->size, PROT_READ | PROT_WRITE);
	close(fd);
	memcpy(rig->write, image->bytes, image->size);
	rig->dirty = some(lines * sizeof(*rig->dirty));
	rig->is_dirty = some(lines);
	memset(rig->is_dirty, 0, lines);
	rig->observer =
		(struct ppt_pm_observer){ .event = on_event, .ctx = rig };
	rig->scratch_bytes =
		ppt_scratch_bytes(image->size, image->journal_bytes);
	rig->scratch = some(rig->scratch_bytes);
	rig->check_bytes =
		ppt_check_scratch_bytes(image->bytes, image->size, 1);
	rig->check_scratch = some(rig->check_bytes);
	if (rig_attach(rig, NULL, PPT_ATTACH_NO_MMU) ||
	    rig_hash(rig, &rig->hash))
		rig_fail("a good image is refused");
	rig_restore(rig);
}

void rig_restore(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->dirty_count; i++) {
		uint64_t line = rig->dirty[i];

		memcpy(rig->write + line * PPT_LINE_BYTES,
		       rig->image.bytes + line * PPT_LINE_BYTES,
		       PPT_LINE_BYTES);
		rig->is_dirty[line] = 0;
	}
	rig->dirty_count = 0;
	rig->stores = 0;
	rig->guarded = 0;
	rig->pool = NULL;
}

void rig_mirror(const struct rig *from, struct rig *to)
{
	for (uint32_t i = 0; i < from->dirty_count; i++) {
		uint64_t line = from->dirty[i];

		rig_touch(to, line * PPT__LINE_WORDS);
		memcpy(to->write + line * PPT_LINE_BYTES,
		       from->write + line * PPT_LINE_BYTES, PPT_LINE_BYTES);
	}
}

static struct rig *rig_number(uint32_t kind, uint32_t copy)
{
	static struct rig rigs[2][EVERYTHING_KINDS];
	struct rig *rig = &rigs[copy][kind % EVERYTHING_KINDS];

	if (!rig->read) {
		struct specimen image;

		specimen_make(&image,
			      (enum everything_kind)(kind % EVERYTHING_KINDS),
			      1);
		rig_open(rig, &image);
	}
	return rig;
}

struct rig *rig_of(uint32_t kind)
{
	return rig_number(kind, 0);
}

struct rig *rig_twin_of(uint32_t kind)
{
	return rig_number(kind, 1);
}

/* --------------------------------------------------------------- library -- */

static struct ppt_pm_config media(struct rig *rig)
{
	return (struct ppt_pm_config){ .media = rig->read,
				       .writable = rig->write,
				       .bytes = rig->image.size,
				       .flush = PPT_FLUSH_EADR,
				       .observer = &rig->observer };
}

int rig_attach(struct rig *rig, const struct ppt_memory_map *present,
	       uint32_t flags)
{
	struct ppt_attach_config cfg = {
		.pm = media(rig),
		.scratch = rig->scratch,
		.scratch_bytes = rig->scratch_bytes,
		.present = present,
		.flags = flags | PPT_ATTACH_DRAM_KEPT,
		.trust = rig->trust,
	};
	uint64_t stores = rig->stores, guarded = rig->guarded;
	int err;

	rig_call(rig);
	err = ppt_attach(&cfg, &rig->pool, &rig->report, NULL);
	if (!err)
		return 0;
	rig->pool = NULL;
	if (rig->guarded != guarded)
		rig_fail("attach: %s, and has written a superblock",
			 ppt_error_name(err));
	if (rig->stores != stores && !rig->report.records_replayed)
		rig_fail("attach: %s, and has stored before",
			 ppt_error_name(err));
	return err;
}

static void ignore(void *ctx, uint32_t worker, const struct ppt_problem *p)
{
	(void)worker;
	if (p->count == 0 || p->where & PPT_WHERE_PAGE) {
		struct rig *rig = ctx;

		if (p->count == 0 || p->page >= rig->image.at.pages)
			rig_fail("check: problem with no place");
	}
}

enum ppt_check_verdict rig_check(struct rig *rig)
{
	struct ppt_check_config cfg = {
		.pm = media(rig),
		.scratch = rig->check_scratch,
		.scratch_bytes = rig->check_bytes,
		.flags = PPT_CHECK_PRIVATE | PPT_CHECK_EXACT,
		.pa_bits = 52,
		.problem = ignore,
		.ctx = rig,
	};
	struct ppt_check_report report;

	rig_call(rig);
	if (ppt_check_scratch_bytes(rig->read, rig->image.size, 1) >
	    rig->check_bytes) {
		rig->check_bytes =
			ppt_check_scratch_bytes(rig->read, rig->image.size, 1);
		free(rig->check_scratch);
		rig->check_scratch = some(rig->check_bytes);
		cfg.scratch = rig->check_scratch;
		cfg.scratch_bytes = rig->check_bytes;
	}
	if (ppt_check(&cfg, &report, NULL))
		rig_fail("check: an error where there is damage only");
	return report.verdict;
}

/* --------------------------------------------------------------- reading -- */

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Where it leads, and to what page. */
void rig_judge(const struct rig *rig, const struct ppt_memory_map *map,
	       const struct ppt_extent *e)
{
	uint32_t i = 0;
	uint64_t off = 0;

	for (; i < map->count; i++) {
		off = e->pa - map->region[i].base;
		if (off < map->region[i].len &&
		    e->len <= map->region[i].len - off)
			break;
	}
	if (i == map->count)
		rig_fail("translation out of the memory map: va %#llx",
			 (unsigned long long)e->va);
	if (e->len == 0 || e->va + (e->len - 1) < e->va)
		rig_fail("extent of no length, or over the end");
	for (; i == 0 && off < map->region[0].len; off += e->page_size) {
		uint64_t page = off / PPT_PAGE_BYTES;

		if (off >= e->pa - map->region[0].base + e->len)
			break;
		if (ppt__desc_type(ppt__desc_load(rig->pool, (uint32_t)page)) !=
		    PPT__DESC_DATA)
			rig_fail("translation to a page that is no data");
	}
}

static int hash_space(struct rig *rig, const struct ppt_memory_map *map,
		      const char *name, uint64_t *hash)
{
	/* What as many tables as there are pages can hold. */
	uint64_t most = rig->image.at.pages * PPT_PAGE_WORDS;
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	ppt_va_t from = 0;
	int err = ppt_space_open(rig->pool, name, &space, NULL);

	if (err)
		return err;
	ppt_iter_init(&it, &space, 0, UINT64_MAX);
	rig_call(rig);
	while (!(err = ppt_iter_next(&it, &e, NULL))) {
		if (e.va < from || !most--)
			rig_fail("iteration without end");
		from = e.va + (e.len - 1);
		rig_judge(rig, map, &e);
		*hash = mix(mix(mix(*hash, e.va), e.pa), e.len);
		*hash = mix(mix(*hash, e.prot), e.page_size);
	}
	return err == PPT_E_NOENT ? 0 : err;
}

int rig_hash(struct rig *rig, uint64_t *hash)
{
	uint64_t most = PPT_M_DIR_PAGES_MAX * PPT_M_DIR_ENTRIES;
	struct ppt_space_info info;
	struct ppt_memory_map map;
	uint64_t cursor = 0, word[PPT_NAME_BYTES / 8];
	int err;

	ppt_memory_map(rig->pool, &map);
	*hash = 1;
	for (;;) {
		rig_call(rig);
		err = ppt_space_next(rig->pool, &cursor, &info, NULL);
		if (err)
			break;
		if (!most--)
			rig_fail("spaces without end");
		memcpy(word, info.name, sizeof(word));
		for (uint32_t i = 0; i < PPT_NAME_BYTES / 8; i++)
			*hash = mix(*hash, word[i]);
		*hash = mix(*hash, info.format);
		err = hash_space(rig, &map, info.name, hash);
		if (err)
			return err;
	}
	return err == PPT_E_NOENT ? 0 : err;
}

void rig_move(struct rig *rig, struct input *in, struct ppt_memory_map *map)
{
	uint32_t how = input_byte(in);
	uint64_t by = UINT64_C(1) << (12 + input_below(in, 24));

	*map = (struct ppt_memory_map){ .count = 1 };
	map->region[0] = (struct ppt_region){ .uuid = rig->image.uuid,
					      .kind = PPT_REGION_POOL,
					      .base = POOL_FIXTURE_PHYS,
					      .len = rig->image.size };
	memory_add_all(map);
	if (how & 1)
		map->region[0].base += by;
	if (how & 2)
		map->region[1].base += by;
	if (how & 4)
		map->region[2].base += by;
	if (how & 8)
		map->count--;
	if (how & 16)
		memory_add(map, 0x99, PPT_REGION_DEVICE, UINT64_C(0xf0000000),
			   0x1000);
	if (how & 32)
		map->region[1].len -= by;
	if (how & 64)
		memory_add(map, 0x9a, PPT_REGION_POOL, UINT64_C(0xe0000000),
			   PPT_POOL_BYTES_MIN);
	while (how & 128 && map->count < PPT_REGIONS_MAX)
		memory_add(map, (uint8_t)map->count, PPT_REGION_DEVICE,
			   map->count * PPT_SIZE_1G, PPT_SIZE_4K);
}
