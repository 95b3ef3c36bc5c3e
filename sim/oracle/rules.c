/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.c - which results the headers' contract allows.
 *
 * Layer: sim.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/oracle/oracle.h"

static void allow(struct expect *e, int err)
{
	for (unsigned i = 0; i < e->errors; i++)
		if (e->err[i] == err)
			return;
	if (e->errors < ORACLE_ERRORS)
		e->err[e->errors++] = err;
}

static uint64_t flag_page(uint32_t flags)
{
	static const uint64_t page[] = { 0, PPT_SIZE_4K, PPT_SIZE_2M,
					 PPT_SIZE_1G };

	return page[(flags & PPT_MAP_SIZE_MASK) >> 4];
}

static void check_range(const struct oracle_space *s, const struct op *op,
			struct expect *e)
{
	if (op->va % PPT_PAGE_BYTES || op->len % PPT_PAGE_BYTES || !op->len)
		allow(e, PPT_E_INVAL);
	if (!format_canonical(s->format, op->va) ||
	    (op->len &&
	     op->len - 1 > format_half_last(s->format, op->va) - op->va))
		allow(e, PPT_E_RANGE);
}

static void check_prot(const struct op *op, struct expect *e)
{
	if (op->prot & ~(uint32_t)PPT_PROT_ALL || !(op->prot & PPT_PROT_READ))
		allow(e, PPT_E_INVAL);
}

/* PA: inside one region, and in the pool only frames that are mapped. */
static void check_frames(const struct oracle *o, const struct op *op,
			 struct expect *e)
{
	const struct ppt_region *region = NULL;
	uint32_t *refs;

	for (uint32_t i = 0; i < o->regions.count && !region; i++) {
		const struct ppt_region *r = &o->regions.region[i];

		if (op->pa >= r->base && op->pa - r->base < r->len &&
		    r->len - (op->pa - r->base) >= op->len)
			region = r;
	}
	if (!region) {
		allow(e, PPT_E_REGION);
		return;
	}
	if (region->kind != PPT_REGION_POOL)
		return;
	refs = calloc(o->pages, sizeof(*refs));
	if (!refs)
		abort();
	(void)oracle_refs(o, refs);
	for (uint64_t at = 0; at < op->len; at += PPT_PAGE_BYTES)
		if (!refs[oracle_pool_page(o, op->pa + at)])
			allow(e, PPT_E_REGION);
	free(refs);
}

static void check_flags(const struct op *op, struct expect *e)
{
	const uint32_t known = PPT_MAP_REPLACE | PPT_MAP_UNZEROED |
			       PPT_MAP_SIZE_MASK;
	uint64_t page = flag_page(op->flags);

	if (op->flags & ~known)
		allow(e, PPT_E_INVAL);
	if (page && (op->va | op->len) % page)
		allow(e, PPT_E_INVAL);
	if (op->pa != PPT_PA_ALLOC && op->pa % (page ? page : PPT_PAGE_BYTES))
		allow(e, PPT_E_INVAL);
}

/* An upper bound of tables for @len at @va, both ends cut, all levels. */
static uint64_t tables_at_most(uint64_t len)
{
	return len / PPT_SIZE_2M + len / PPT_SIZE_1G + 16;
}

static void expect_map(const struct oracle *o, const struct op *op,
		       struct expect *e)
{
	const struct oracle_space *s = &o->space[op->space];

	check_range(s, op, e);
	check_prot(op, e);
	check_flags(op, e);
	if (op->pa != PPT_PA_ALLOC)
		check_frames(o, op, e);
	if (!(op->flags & PPT_MAP_REPLACE) && op->len &&
	    oracle_has_mapping(s, op->va, op->va + (op->len - 1)))
		allow(e, PPT_E_EXIST);
	e->pages = tables_at_most(op->len);
	if (op->pa == PPT_PA_ALLOC)
		e->pages += op->len / PPT_PAGE_BYTES;
}

/*
 * Frames of the pool mapped over frames of the pool: the headers leave open
 * whether the ones replaced count as "mapped already".
 */
static bool replaces_pool_frames(const struct oracle *o, const struct op *op)
{
	const struct ext_list *map = &o->space[op->space].map;

	if (op->kind != OP_MAP || oracle_pool_page(o, op->pa) == UINT64_MAX)
		return false;
	for (size_t i = 0; i < map->count; i++) {
		const struct oracle_ext *ext = &map->ext[i];

		if (ext->va + (ext->len - 1) >= op->va &&
		    ext->va <= op->va + (op->len - 1) &&
		    oracle_pool_page(o, ext->pa) != UINT64_MAX)
			return true;
	}
	return false;
}

void oracle_expect(const struct oracle *o, const struct op *op,
		   struct expect *e)
{
	const struct oracle_space *s = &o->space[op->space];

	memset(e, 0, sizeof(*e));
	switch (op->kind) {
	case OP_MAP:
		expect_map(o, op, e);
		break;
	case OP_UNMAP:
		check_range(s, op, e);
		e->pages = 16;
		break;
	case OP_PROTECT:
		check_range(s, op, e);
		check_prot(op, e);
		if (!e->errors &&
		    oracle_has_hole(s, op->va, op->va + (op->len - 1)))
			allow(e, PPT_E_NOENT);
		e->pages = tables_at_most(op->len);
		break;
	case OP_SPACE_CREATE:
		if (s->exists)
			allow(e, PPT_E_EXIST);
		e->pages = 3;
		break;
	case OP_SPACE_DELETE:
		if (!s->exists)
			allow(e, PPT_E_NOENT);
		e->pages = 1;
		break;
	}
	e->may_succeed = e->errors == 0;
	if (e->may_succeed && replaces_pool_frames(o, op))
		allow(e, PPT_E_REGION);
}

static void prot_text(uint32_t prot, char text[6])
{
	for (unsigned i = 0; i < 5; i++)
		text[i] = '-';
	for (unsigned i = 0; i < 5; i++)
		if (prot & 1u << i)
			text[i] = "rwxug"[i];
	text[5] = 0;
}

const char *op_text(const struct op *op, char *text, size_t bytes)
{
	static const char *const name[] = { "map", "unmap", "protect",
					    "space-create", "space-delete" };
	char prot[6];

	prot_text(op->prot, prot);
	if (op->kind >= OP_SPACE_CREATE)
		(void)snprintf(text, bytes, "%s %u format %d", name[op->kind],
			       op->space, (int)op->format);
	else
		(void)snprintf(text, bytes,
			       "%s space %u va %#llx len %#llx pa %#llx prot "
			       "%s(%#x) flags %#x",
			       name[op->kind], op->space,
			       (unsigned long long)op->va,
			       (unsigned long long)op->len,
			       (unsigned long long)op->pa, prot, op->prot,
			       op->flags);
	return text;
}
