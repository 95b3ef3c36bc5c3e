/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opgen.c - random operations that meet, overlap and hit boundaries.
 *
 * Layer: sim.
 */
#include "sim/oracle/opgen.h"

#include <string.h>

static bool once_in(struct opgen *g, unsigned n)
{
	return n != 0 && rng_once_in(&g->rng, n);
}

/* Places where something changes: table borders, ends of the halves. */
static uint64_t anchor(struct opgen *g, enum ppt_format format)
{
	uint64_t half = format_half_last(format, 0);
	const uint64_t places[] = {
		0,
		PPT_SIZE_2M,
		PPT_SIZE_1G,
		PPT_SIZE_1G * 512,
		half - PPT_SIZE_2M + 1, /* towards the hole */
		half + 1 - PPT_SIZE_4K, /* last page of the lower half */
		~half,                  /* first page of the upper half */
		~half + PPT_SIZE_1G,
		0 - PPT_SIZE_1G * 512,
		0 - PPT_SIZE_2M,
		0 - PPT_SIZE_4K, /* last page of all */
		(half >> 1) + 1,
		UINT64_C(0x123456789000),
	};

	return places[rng_below(&g->rng, sizeof(places) / sizeof(*places))];
}

static uint64_t pages_for(struct opgen *g, uint64_t most)
{
	uint64_t n;

	switch (rng_below(&g->rng, 8)) {
	case 0:
	case 1:
	case 2:
		n = 1;
		break;
	case 3:
	case 4:
		n = 1 + rng_below(&g->rng, 8);
		break;
	case 5:
		n = 1 + rng_below(&g->rng, 64);
		break;
	case 6:
		n = 512;
		break;
	default:
		n = 1 + rng_below(&g->rng, most);
		break;
	}
	return n < most ? n : most;
}

/* Move the range into the half that its middle lies in. */
static void fit(struct op *op, enum ppt_format format, uint64_t near)
{
	uint64_t last = format_half_last(format, near);
	uint64_t first = near >> 63 ? ~format_half_last(format, 0) : 0;

	if (op->len - 1 > last - first)
		op->len = PPT_SIZE_4K;
	if (!format_canonical(format, op->va) || op->va < first ||
	    op->va > last)
		op->va = near;
	if (op->len - 1 > last - op->va)
		op->va = last - (op->len - 1);
}

static void range_new(struct opgen *g, enum ppt_format format, struct op *op)
{
	uint64_t near = anchor(g, format);
	uint64_t unit = PPT_SIZE_4K;

	if (once_in(g, g->large_once))
		unit = rng_below(&g->rng, 3) ? PPT_SIZE_2M : PPT_SIZE_1G;
	near -= near % unit;
	if (unit == PPT_SIZE_4K)
		op->len = pages_for(g, g->max_small) * unit;
	else
		op->len = (1 + rng_below(&g->rng, 4)) * unit;
	op->va = near;
	if (rng_below(&g->rng, 4)) {
		uint64_t off =
			rng_below(&g->rng, unit == PPT_SIZE_4K ? 700 : 4);

		op->va = rng_below(&g->rng, 2) ? near + off * unit :
						 near - off * unit;
	}
	fit(op, format, near);
}

/* A range in, over or around an extent that is there; false if none is. */
static bool range_old(struct opgen *g, const struct oracle_space *s,
		      bool inside, struct op *op)
{
	const struct oracle_ext *ext;
	uint64_t unit;
	uint64_t units;
	uint64_t at;

	if (s->map.count == 0)
		return false;
	ext = &s->map.ext[rng_below(&g->rng, s->map.count)];
	unit = rng_below(&g->rng, 2) ? ext->page : PPT_SIZE_4K;
	units = ext->len / unit;
	at = rng_below(&g->rng, units);
	if (rng_once_in(&g->rng, 3))
		at = 0;
	op->va = ext->va + at * unit;
	op->len = unit * (1 + rng_below(&g->rng, units - at));
	if (rng_once_in(&g->rng, 4))
		op->len = unit * (units - at);
	if (!inside && rng_once_in(&g->rng, 3)) {
		op->len += unit * rng_below(&g->rng, 600);
		fit(op, s->format, ext->va);
	}
	return true;
}

static const struct oracle_ext *pool_extent(struct opgen *g,
					    const struct oracle *o)
{
	for (unsigned tries = 0; tries < 12; tries++) {
		const struct oracle_space *s =
			&o->space[rng_below(&g->rng, ORACLE_SPACES)];
		const struct oracle_ext *ext;

		if (s->map.count == 0)
			continue;
		ext = &s->map.ext[rng_below(&g->rng, s->map.count)];
		if (ext->page && oracle_pool_page(o, ext->pa) != UINT64_MAX)
			return ext;
	}
	return NULL;
}

/* Frames of a region beside the pool, often in step with the VA. */
static void frames_given(struct opgen *g, const struct oracle *o, struct op *op)
{
	uint32_t n = o->regions.count;
	const struct ppt_region *region =
		&o->regions.region[1 + rng_below(&g->rng, n - 1)];
	uint64_t align = op->len < PPT_SIZE_2M ? PPT_SIZE_4K : PPT_SIZE_2M;
	uint64_t room;

	if (op->len > region->len)
		region = &o->regions.region[1];
	room = region->len - op->len;
	op->pa = region->base +
		 rng_below(&g->rng, room / PPT_SIZE_4K + 1) * PPT_SIZE_4K;
	if (rng_once_in(&g->rng, 16))
		op->pa = region->base + room; /* its last frames */
	if (op->len >= PPT_SIZE_1G)
		align = PPT_SIZE_1G;
	if (op->len > g->max_small * PPT_SIZE_4K || rng_below(&g->rng, 2)) {
		uint64_t pa = op->pa - op->pa % align + op->va % align;

		if (pa >= region->base && pa - region->base <= room)
			op->pa = pa;
		else
			op->pa = region->base + op->va % align;
	}
}

static void frames_of_pool(struct opgen *g, const struct oracle *o,
			   const struct oracle_space *s, struct op *op)
{
	const struct oracle_ext *ext = pool_extent(g, o);

	if (ext && rng_once_in(&g->rng, 3)) {
		uint64_t n = ext->len / PPT_SIZE_4K;
		uint64_t at = rng_below(&g->rng, n);

		op->pa = ext->pa + at * PPT_SIZE_4K;
		op->len = PPT_SIZE_4K * (1 + rng_below(&g->rng, n - at));
		fit(op, s->format, op->va);
		return;
	}
	op->pa = PPT_PA_ALLOC;
	op->len = PPT_SIZE_4K * pages_for(g, g->max_alloc);
	if (rng_once_in(&g->rng, 3))
		op->flags |= PPT_MAP_UNZEROED;
	if (g->sized_alloc)
		op->flags |= PPT_MAP_4K;
	fit(op, s->format, op->va);
}

static void leaf_size(struct opgen *g, struct op *op)
{
	uint64_t all = op->va | op->len;

	if (op->flags & PPT_MAP_SIZE_MASK)
		return;
	if (op->pa != PPT_PA_ALLOC)
		all |= op->pa;
	switch (rng_below(&g->rng, 6)) {
	case 0:
		if (op->len <= g->max_small * PPT_SIZE_4K)
			op->flags |= PPT_MAP_4K;
		break;
	case 1:
		if (all % PPT_SIZE_2M == 0)
			op->flags |= PPT_MAP_2M;
		break;
	case 2:
		if (all % PPT_SIZE_1G == 0)
			op->flags |= PPT_MAP_1G;
		break;
	default:
		break;
	}
}

static void gen_map(struct opgen *g, const struct oracle *o, struct op *op)
{
	const struct oracle_space *s = &o->space[op->space];

	op->kind = OP_MAP;
	if (rng_below(&g->rng, 3) == 0)
		op->flags |= PPT_MAP_REPLACE;
	if (!(op->flags & PPT_MAP_REPLACE && rng_below(&g->rng, 2) &&
	      range_old(g, s, false, op)))
		range_new(g, s->format, op);
	if (once_in(g, g->huge_once)) {
		op->len = PPT_SIZE_2M * (1 + rng_below(&g->rng, 500));
		fit(op, s->format, op->va);
		op->pa = o->regions.region[1].base + PPT_SIZE_4K * 3;
		op->flags |= PPT_MAP_REPLACE;
		return;
	}
	if (rng_below(&g->rng, 10) < 3)
		frames_of_pool(g, o, s, op);
	else
		frames_given(g, o, op);
	leaf_size(g, op);
}

/* Make exactly one argument wrong. */
static void spoil(struct opgen *g, const struct oracle *o, struct op *op)
{
	enum ppt_format format = o->space[op->space].format;
	uint64_t half = format_half_last(format, 0);

	switch (rng_below(&g->rng, op->kind == OP_MAP ? 12 : 6)) {
	case 0:
		op->va |= 1 + rng_below(&g->rng, 4095);
		break;
	case 1:
		op->len += 1 + rng_below(&g->rng, 4095);
		break;
	case 2:
		op->len = 0;
		break;
	case 3: /* into the hole, or inside it */
		op->va = half + 1 - PPT_SIZE_4K * rng_below(&g->rng, 2);
		op->len = PPT_SIZE_4K * 2;
		break;
	case 4: /* past the end of all addresses */
		op->va = 0 - PPT_SIZE_4K;
		op->len = PPT_SIZE_4K * (2 + rng_below(&g->rng, 3));
		break;
	case 5:
		op->va = (half << 1) & ~UINT64_C(0xfff);
		break;
	case 6:
		op->prot &= ~(uint32_t)PPT_PROT_READ;
		break;
	case 7:
		op->prot |= 32u << rng_below(&g->rng, 27);
		break;
	case 8:
		op->flags |= 64u << rng_below(&g->rng, 26);
		break;
	case 9:
		op->pa = (op->pa | 1) & ~UINT64_C(2);
		break;
	case 10: /* between two regions, or over a region's end */
		op->pa = o->regions.region[3].base + o->regions.region[3].len -
			 op->len / PPT_SIZE_2M * PPT_SIZE_4K;
		op->len += PPT_SIZE_4K;
		op->flags &= ~(uint32_t)PPT_MAP_SIZE_MASK;
		fit(op, format, op->va);
		break;
	default: /* superblock, ring, descriptors, free pages */
		op->pa = o->regions.region[0].base +
			 rng_below(&g->rng, o->pages) * PPT_SIZE_4K;
		op->flags &= ~(uint32_t)PPT_MAP_SIZE_MASK;
		op->len = PPT_SIZE_4K;
		break;
	}
}

static void gen_change(struct opgen *g, const struct oracle *o, struct op *op)
{
	const struct oracle_space *s = &o->space[op->space];

	op->kind = rng_below(&g->rng, 2) ? OP_UNMAP : OP_PROTECT;
	if (op->kind == OP_UNMAP && once_in(g, g->sweep_once)) {
		uint64_t last = format_half_last(s->format, 0);

		op->va = rng_below(&g->rng, 2) ? 0 : ~last;
		op->len = last + 1;
		return;
	}
	if (rng_once_in(&g->rng, 6) ||
	    !range_old(g, s, op->kind == OP_PROTECT, op))
		range_new(g, s->format, op);
}

static bool gen_space(struct opgen *g, const struct oracle *o, struct op *op)
{
	const struct oracle_space *s = &o->space[op->space];

	if (s->exists && !once_in(g, g->space_once))
		return false;
	op->kind = s->exists && rng_below(&g->rng, 4) ? OP_SPACE_DELETE :
							OP_SPACE_CREATE;
	op->format = rng_below(&g->rng, 2) ? PPT_FORMAT_X86_64_4 :
					     PPT_FORMAT_X86_64_5;
	return true;
}

void opgen_next(struct opgen *g, const struct oracle *o, struct op *op)
{
	memset(op, 0, sizeof(*op));
	op->space = (unsigned)rng_below(&g->rng, ORACLE_SPACES);
	op->prot = PPT_PROT_READ | (uint32_t)rng_below(&g->rng, 32);
	if (gen_space(g, o, op))
		return;
	if (rng_below(&g->rng, 10) < g->map_weight)
		gen_map(g, o, op);
	else
		gen_change(g, o, op);
	if (once_in(g, g->error_once))
		spoil(g, o, op);
}
