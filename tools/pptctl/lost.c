/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What faults though it is mapped: found by a walk, told, and only then dealt
 * with as --lost says.
 *
 * Layer: tools.
 *
 * A range is told before it is dropped or replaced.  Each page is a transaction
 * of its own, so what is left when one fails, or the machine does, is found and
 * told by the next run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptctl.h"

/* ----------------------------------------------------------------- find -- */

static int add(struct ctl *ctl, struct ctl_lost *lost, const char *space,
	       const struct ppt_extent *e, bool gone)
{
	struct ctl_lost_range *grown;
	size_t room = lost->room ? 2 * lost->room : 64;

	if (lost->count == lost->room) {
		grown = realloc(lost->range, room * sizeof(*grown));
		if (!grown) {
			ctl_say(ctl, "out of memory");
			return CTL_FAILED;
		}
		lost->range = grown;
		lost->room = room;
	}
	if (e->state == PPT_EXTENT_LOST)
		lost->leaves += e->len / e->page_size;
	grown = &lost->range[lost->count++];
	snprintf(grown->space, sizeof(grown->space), "%s", space);
	grown->extent = *e;
	grown->gone = gone;
	return CTL_OK;
}

/*
 * Of an extent that is lost, first what is there: it has moved to where its
 * leaves are not aligned.  Behind that is what is gone.
 */
static int add_lost(struct ctl *ctl, struct ctl_lost *lost, const char *space,
		    const struct ppt_extent *extent)
{
	struct ppt_extent e = *extent;
	struct ppt_memory_map map;
	uint64_t have = 0, there = 0;
	int ret = CTL_OK;

	ppt_memory_map(ctl->pool, &map);
	if (e.region < map.count)
		have = map.region[e.region].len;
	if (e.pa < have)
		there = (have - e.pa) / e.page_size * e.page_size;
	if (there > e.len)
		there = e.len;
	if (there) {
		e.len = there;
		ret = add(ctl, lost, space, &e, false);
	}
	if (ret || there == extent->len)
		return ret;
	e.va = extent->va + there;
	e.pa = extent->pa + there;
	e.len = extent->len - there;
	return add(ctl, lost, space, &e, true);
}

/* A root that is damaged: all that the space maps, which is two halves. */
static int add_root(struct ctl *ctl, struct ctl_lost *lost,
		    const struct ppt_space_info *info)
{
	struct ppt_extent e = { .state = PPT_EXTENT_DAMAGED };
	int ret;

	e.len = UINT64_C(1) << (info->format == PPT_FORMAT_X86_64_5 ? 56 : 47);
	e.page_size = e.len;
	ret = add(ctl, lost, info->name, &e, false);
	e.va = -e.len;
	lost->tables++;
	return ret ? ret : add(ctl, lost, info->name, &e, false);
}

static int find_in(struct ctl *ctl, const struct ppt_space_info *info,
		   struct ctl_lost *lost)
{
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	int ret = ppt_space_open(ctl->pool, info->name, &space, &diag);

	if (ret == PPT_E_CORRUPT)
		return add_root(ctl, lost, info);
	if (ret)
		return ctl_fail(ctl, ret, &diag, NULL);
	ppt_iter_init_any(&it, &space, 0, UINT64_MAX);
	while ((ret = ppt_iter_next(&it, &e, &diag)) == 0) {
		int failed = CTL_OK;

		if (e.state == PPT_EXTENT_LOST)
			failed = add_lost(ctl, lost, info->name, &e);
		else if (e.state != PPT_EXTENT_MAPPED)
			failed = add(ctl, lost, info->name, &e, false);
		lost->tables += e.state == PPT_EXTENT_DAMAGED;
		if (failed)
			return failed;
	}
	return ret == PPT_E_NOENT ? CTL_OK : ctl_fail(ctl, ret, &diag, NULL);
}

int ctl_lost_find(struct ctl *ctl, struct ctl_lost *lost)
{
	struct ppt_space_info info;
	uint64_t cursor = 0;
	int ret = CTL_OK;

	memset(lost, 0, sizeof(*lost));
	/* A directory that is damaged was told with the list of spaces. */
	while (!ret && !ppt_space_next(ctl->pool, &cursor, &info, NULL))
		ret = find_in(ctl, &info, lost);
	return ret;
}

void ctl_lost_free(struct ctl_lost *lost)
{
	free(lost->range);
	memset(lost, 0, sizeof(*lost));
}

/* ----------------------------------------------------------------- tell -- */

/* What --lost makes of a range. */
static enum ppt_lost action_of(const struct ctl *ctl,
			       const struct ctl_lost_range *range)
{
	return range->gone ? ctl->opt.lost : PPT_LOST_FAULT;
}

json_t *ctl_lost_json(const struct ctl *ctl, const struct ctl_lost *lost)
{
	json_t *list = cli_json_need(json_array());

	for (size_t i = 0; i < lost->count; i++) {
		const struct ctl_lost_range *r = &lost->range[i];
		json_t *o = cli_json_need(json_object());

		cli_json_set(o, "space", cli_json_text(r->space));
		cli_json_set(o, "va", cli_json_hex(r->extent.va));
		cli_json_set(o, "len", cli_json_u64(r->extent.len));
		cli_json_set(o, "state",
			     json_string(ppt_extent_state_name(
				     (enum ppt_extent_state)r->extent.state)));
		cli_json_set(o, "action",
			     json_string(ppt_lost_name(action_of(ctl, r))));
		cli_json_add(list, o);
	}
	return list;
}

void ctl_lost_text(const struct ctl *ctl, const struct ctl_lost *lost)
{
	static const char *const does[] = {
		[PPT_LOST_FAULT] = "",
		[PPT_LOST_DROP] = ", is dropped",
		[PPT_LOST_REPLACE] = ", is replaced by zeros",
	};

	for (size_t i = 0; i < lost->count; i++) {
		const struct ctl_lost_range *r = &lost->range[i];
		char name[CTL_NAME_CLEAN];

		printf("%s %s  0x%llx, %llu bytes: %s%s\n",
		       i ? "            " : "faults      ",
		       cli_clean(r->space, name, sizeof(name)),
		       (unsigned long long)r->extent.va,
		       (unsigned long long)r->extent.len,
		       ppt_extent_state_name(
			       (enum ppt_extent_state)r->extent.state),
		       does[action_of(ctl, r)]);
	}
}

/* -------------------------------------------------------------- resolve -- */

/* Touch each page of a range: the pool was opened under the policy. */
static int resolve(struct ctl *ctl, const struct ctl_lost_range *range)
{
	const struct ppt_extent *e = &range->extent;
	struct ppt_diag diag = { .err = 0 };
	struct ppt_space space;
	ppt_va_t va = e->va;
	int ret = ppt_space_open(ctl->pool, range->space, &space, &diag);

	while (!ret && va - e->va < e->len) {
		struct ppt_fault f;

		if (cli_interrupted()) {
			ctl_say(ctl, "%s: interrupted: run it again",
				ctl->cli.args[0]);
			return CTL_FAILED;
		}
		ret = ppt_fault(&space, va, PPT_ACCESS_READ, &f, &diag);
		if (!ret)
			va = f.va + f.len;
	}
	if (!ret)
		return CTL_OK;
	ctl_say(ctl, "%s: VA 0x%llx: cannot %s it: %s", ctl->cli.args[0],
		(unsigned long long)va, ppt_lost_name(ctl->opt.lost),
		diag.why ? diag.why : ppt_strerror(ret));
	return CTL_FAILED;
}

int ctl_lost_resolve(struct ctl *ctl, const struct ctl_lost *lost)
{
	bool any = false;
	int ret = CTL_OK;

	if (ctl->opt.lost == PPT_LOST_FAULT)
		return CTL_OK;
	cli_catch_interrupts();
	for (size_t i = 0; i < lost->count && !cli_interrupted(); i++) {
		if (!lost->range[i].gone)
			continue;
		ret |= resolve(ctl, &lost->range[i]);
		any = true;
	}
	return any ? ret | ctl_reclaim(ctl) : ret;
}
