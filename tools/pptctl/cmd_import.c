/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import: a live process's address space, with its real frame numbers.
 *
 * Layer: tools.
 *
 * The process is read completely before the pool is touched.  What follows is
 * a list of mappings in relaxed mode with one sync at its end; if one of them
 * fails, those before it and the regions that were recorded for them are taken
 * back.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snapshot.h"

/**
 * struct import - one import.
 * @made_space: it did not exist before.
 * @done:       runs that are mapped.
 * @regions:    machine's DRAM; @added: of them, those that were recorded.
 * @before, @after: pages by use.
 * @read_ns, @map_ns: time to read /proc, and to store.
 */
struct import {
	struct snapshot snap;
	struct ppt_space space;
	bool made_space;
	size_t done;
	struct ppt_memory_map regions;
	struct ppt_memory_map added;
	struct ppt_usage before;
	struct ppt_usage after;
	uint64_t extents;
	uint64_t read_ns;
	uint64_t map_ns;
};

/* --------------------------------------------------------------- reading -- */

static int read_process(const struct ctl *ctl, struct import *import)
{
	uint64_t start = cli_now_ns();
	bool freeze = ctl_given(ctl, CTL_FREEZE);
	bool was_stopped = true;
	int ret;

	if (freeze) {
		ret = snap_stop(ctl, ctl->opt.pid, &was_stopped);
		if (ret)
			return ret;
	}
	ret = snap_read(ctl, ctl->opt.pid, &import->snap);
	if (!was_stopped)
		kill(ctl->opt.pid, SIGCONT);
	if (ret)
		return ret;
	if (import->snap.visible)
		ret = snap_machine(ctl, &import->regions);
	else if (import->snap.present > 0)
		ctl_say(ctl, "no right to see page frame numbers (root has "
			     "it): frames are taken from the pool instead");
	import->read_ns = cli_now_ns() - start;
	return ret;
}

/* --------------------------------------------------------------- regions -- */

static bool overlaps(const struct ppt_region *a, const struct ppt_region *b)
{
	return a->base < b->base + b->len && b->base < a->base + a->len;
}

/* Where a region of that identity is recorded; NULL if nowhere. */
static const struct ppt_region *find_same(const struct ppt_memory_map *map,
					  const struct ppt_region *region)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (memcmp(&map->region[i].uuid, &region->uuid,
			   sizeof(region->uuid)) == 0)
			return &map->region[i];
	return NULL;
}

static const struct ppt_region *find_overlap(const struct ppt_memory_map *map,
					     const struct ppt_region *region)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (overlaps(&map->region[i], region))
			return &map->region[i];
	return NULL;
}

static int record_region(const struct ctl *ctl, struct import *import,
			 const struct ppt_region *region)
{
	const struct ppt_region *other;
	struct ppt_diag diag = { .err = 0 };
	struct ppt_memory_map have;
	int ret;

	ppt_memory_map(ctl->pool, &have);
	other = find_same(&have, region);
	if (other && other->base == region->base)
		return CTL_OK;
	if (other) {
		ctl_say(ctl,
			"%s: System RAM at 0x%" PRIx64 " is recorded at "
			"0x%" PRIx64 ": attach with the present memory map "
			"first",
			ctl->cli.args[0], region->base, other->base);
		return CTL_FAILED;
	}
	other = find_overlap(&have, region);
	if (other && other->base == region->base && other->len == region->len)
		return CTL_OK;
	if (other) {
		ctl_say(ctl,
			"System RAM at 0x%" PRIx64 " overlaps the %s region "
			"at 0x%" PRIx64 ": not recorded",
			region->base, ctl_kind_text(other->kind), other->base);
		return CTL_OK;
	}
	ret = ppt_region_add(ctl->pool, region, &diag);
	if (ret) {
		ctl_say(ctl, "cannot record System RAM at 0x%" PRIx64,
			region->base);
		return ctl_fail_here(ctl, ret, &diag);
	}
	import->added.region[import->added.count++] = *region;
	return CTL_OK;
}

/* Records the DRAM that no recorded region has a part of yet. */
static int record_regions(const struct ctl *ctl, struct import *import)
{
	int ret = CTL_OK;

	for (uint32_t i = 0; i < import->regions.count && !ret; i++)
		ret = record_region(ctl, import, &import->regions.region[i]);
	return ret;
}

/* ----------------------------------------------------------------- space -- */

static ppt_va_t half_bytes(enum ppt_format format)
{
	return UINT64_C(1) << (format == PPT_FORMAT_X86_64_5 ? 56 : 47);
}

/* Unmaps both halves. */
static int empty_space(const struct ctl *ctl, struct ppt_space *space)
{
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space_info info;
	ppt_va_t half;
	int ret = ppt_space_info(space, &info, &diag);

	if (!ret) {
		half = half_bytes(info.format);
		ret = ppt_unmap(space, 0, half, &diag);
		if (!ret)
			ret = ppt_unmap(space, 0 - half, half, &diag);
	}
	return ret ? ctl_fail_here(ctl, ret, &diag) : CTL_OK;
}

/* An existing space has to be empty, or is made so. */
static int prepare_space(struct ctl *ctl, struct import *import)
{
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space_info info;
	struct ppt_extent extent;
	struct ppt_iter it;
	int ret = ppt_space_info(&import->space, &info, &diag);

	if (ret)
		return ctl_fail_here(ctl, ret, &diag);
	if (ctl_given(ctl, CTL_FORMAT) && info.format != ctl->opt.format)
		return ctl_bad(ctl, "--format",
			       ppt_format_name(ctl->opt.format),
			       "the space exists and has another");
	ppt_iter_init(&it, &import->space, 0, UINT64_MAX);
	ret = ppt_iter_next(&it, &extent, &diag);
	if (ret == PPT_E_NOENT)
		return CTL_OK;
	if (ret)
		return ctl_fail_here(ctl, ret, &diag);
	if (!ctl_given(ctl, CTL_REPLACE))
		return ctl_bad(ctl, "SPACE", ctl->cli.args[1],
			       "not empty (--replace empties it first)");
	ret = empty_space(ctl, &import->space);
	return ret ? ret : ctl_reclaim(ctl);
}

/* Also counts the pages before, without what is about to be replaced. */
static int open_space(struct ctl *ctl, struct import *import)
{
	const char *name = ctl->cli.args[1];
	struct ppt_diag diag = { .err = 0 };
	int ret;
	int err;

	err = ppt_space_open(ctl->pool, name, &import->space, &diag);
	if (err && err != PPT_E_NOENT)
		return ctl_fail_here(ctl, err, &diag);
	if (!err) {
		ret = prepare_space(ctl, import);
		if (ret)
			return ret;
	}
	import->made_space = err == PPT_E_NOENT;
	err = ppt_usage(ctl->pool, &import->before, &diag);
	if (!err && import->made_space)
		err = ppt_space_create(ctl->pool, name, ctl->opt.format,
				       &import->space, &diag);
	if (err)
		import->made_space = false;
	return err ? ctl_fail_here(ctl, err, &diag) : CTL_OK;
}

/* --------------------------------------------------------------- mapping -- */

static int map_runs(struct ctl *ctl, struct import *import)
{
	const struct snapshot *snap = &import->snap;
	struct ppt_diag diag = { .err = 0 };

	for (import->done = 0; import->done < snap->count; import->done++) {
		const struct snap_run *run = &snap->runs[import->done];
		ppt_pa_t pa = snap->visible ? run->pa : PPT_PA_ALLOC;
		int ret = ppt_map(&import->space, run->va, pa, run->len,
				  run->prot, 0, &diag);

		if (ret) {
			ctl_say(ctl, "cannot map VA 0x%" PRIx64, run->va);
			return ctl_fail_here(ctl, ret, &diag);
		}
		if (cli_interrupted()) {
			import->done++;
			ctl_say(ctl, "interrupted");
			return CTL_FAILED;
		}
	}
	return CTL_OK;
}

/* Takes everything back that this import made. */
static void undo(struct ctl *ctl, struct import *import)
{
	int ret = 0;

	if (import->made_space)
		ret = ppt_space_delete(ctl->pool, ctl->cli.args[1], NULL);
	for (size_t i = 0; !import->made_space && i < import->done; i++) {
		const struct snap_run *run = &import->snap.runs[i];

		ret |= ppt_unmap(&import->space, run->va, run->len, NULL);
	}
	for (bool left = true; !ret && left;)
		ret = ppt_reclaim(ctl->pool, 256, &left);
	for (uint32_t i = 0; i < import->added.count; i++)
		ret |= ppt_region_remove(ctl->pool,
					 &import->added.region[i].uuid, NULL);
	if (ret)
		ctl_say(ctl,
			"%s: the part that was imported could not be "
			"taken back",
			ctl->cli.args[0]);
}

static int map_relaxed(struct ctl *ctl, struct import *import)
{
	struct ppt_diag none = { .err = 0 };
	uint64_t start = cli_now_ns();
	int ret;
	int err;

	err = ppt_set_relaxed(ctl->pool, true);
	if (err)
		return ctl_fail(ctl, err, &none, NULL);
	ret = map_runs(ctl, import);
	/* Also syncs. */
	err = ppt_set_relaxed(ctl->pool, false);
	if (err)
		ret |= ctl_fail(ctl, err, &none, NULL);
	import->map_ns = cli_now_ns() - start;
	return ret;
}

/* ---------------------------------------------------------------- report -- */

static int count_extents(const struct ctl *ctl, struct import *import)
{
	struct ppt_diag diag = { .err = 0 };
	struct ppt_extent extent;
	struct ppt_iter it;
	int ret;

	ppt_iter_init(&it, &import->space, 0, UINT64_MAX);
	while ((ret = ppt_iter_next(&it, &extent, &diag)) == 0)
		import->extents++;
	return ret == PPT_E_NOENT ? CTL_OK : ctl_fail(ctl, ret, &diag, NULL);
}

static void report_json(const struct ctl *ctl, const struct import *import,
			uint64_t tables)
{
	const struct snapshot *snap = &import->snap;
	json_t *root = cli_json_new("pptable.import/1");
	json_t *skipped = json_object();

	cli_json_set(root, "space", cli_json_text(ctl->cli.args[1]));
	cli_json_set(root, "pid", json_integer(ctl->opt.pid));
	cli_json_set(root, "frames",
		     json_string(snap->visible ? "real" : "pool"));
	cli_json_set(root, "mappings", cli_json_u64(snap->mappings));
	cli_json_set(root, "pages", cli_json_u64(snap->present));
	cli_json_set(root, "extents", cli_json_u64(import->extents));
	cli_json_set(root, "tables", cli_json_u64(tables));
	cli_json_set(root, "regions_recorded",
		     cli_json_u64(import->added.count));
	cli_json_set(root, "ns",
		     cli_json_u64(import->read_ns + import->map_ns));
	cli_json_set(root, "read_ns", cli_json_u64(import->read_ns));
	cli_json_set(root, "map_ns", cli_json_u64(import->map_ns));
	cli_json_set(skipped, "absent", cli_json_u64(snap->absent));
	cli_json_set(skipped, "swapped", cli_json_u64(snap->swapped));
	cli_json_set(skipped, "no_rights", cli_json_u64(snap->no_rights));
	cli_json_set(skipped, "outside", cli_json_u64(snap->outside));
	cli_json_set(root, "skipped", skipped);
	cli_json_print(root, JSON_INDENT(2));
}

static void report_text(const struct ctl *ctl, const struct import *import,
			uint64_t tables)
{
	const struct snapshot *snap = &import->snap;

	printf("process %d: %" PRIu64 " mappings, %" PRIu64
	       " pages with %s frames\n",
	       ctl->opt.pid, snap->mappings, snap->present,
	       snap->visible ? "their real" : "pool");
	printf("space %s: %" PRIu64 " extents, %" PRIu64 " new tables\n",
	       ctl->cli.args[1], import->extents, tables);
	printf("time: %.3f ms to read, %.3f ms to store, %.1f ns a page\n",
	       (double)import->read_ns / 1e6, (double)import->map_ns / 1e6,
	       (double)import->map_ns /
		       (double)(snap->present ? snap->present : 1));
	printf("skipped pages: %" PRIu64 " absent, %" PRIu64
	       " swapped, %" PRIu64 " without read right, %" PRIu64
	       " in no region\n",
	       snap->absent, snap->swapped, snap->no_rights, snap->outside);
}

/* ------------------------------------------------------------------- run -- */

static int store(struct ctl *ctl, struct import *import)
{
	struct ppt_memory_map map;
	int ret = open_space(ctl, import);

	if (!ret && import->snap.visible)
		ret = record_regions(ctl, import);
	if (!ret && import->snap.visible) {
		ppt_memory_map(ctl->pool, &map);
		ret = snap_clip(ctl, &import->snap, &map);
	}
	if (!ret)
		ret = map_relaxed(ctl, import);
	if (ret)
		undo(ctl, import);
	return ret;
}

static int import_process(struct ctl *ctl)
{
	struct import *import = ctl->state;
	struct ppt_diag diag = { .err = 0 };
	uint64_t tables;
	int ret;
	int err;

	ret = store(ctl, import);
	if (!ret)
		ret = count_extents(ctl, import);
	if (ret)
		return ret;
	err = ppt_usage(ctl->pool, &import->after, &diag);
	if (err)
		return ctl_fail(ctl, err, &diag, NULL);
	tables = import->after.table_pages - import->before.table_pages;
	if (cli_wants_json(&ctl->cli))
		report_json(ctl, import, tables);
	else
		report_text(ctl, import, tables);
	return CTL_OK;
}

int ctl_cmd_import(struct ctl *ctl)
{
	static struct import import;
	const char *why = ctl_parse_name(ctl->cli.args[1]);
	int ret;

	if (why)
		return ctl_bad(ctl, "SPACE", ctl->cli.args[1], why);
	cli_catch_interrupts();
	ret = read_process(ctl, &import);
	if (!ret) {
		ctl->state = &import;
		ret = ctl_with_pool(ctl, 0, import_process);
	}
	snap_free(&import.snap);
	return ret;
}
