/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oracle.c - what a pool ought to contain: extents and operations on them.
 *
 * Layer: sim.
 */
#include "sim/oracle/oracle.h"

#include <stdlib.h>
#include <string.h>

void ext_push(struct ext_list *list, const struct oracle_ext *ext)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 16;
		list->ext = realloc(list->ext, list->room * sizeof(*list->ext));
		if (!list->ext)
			abort();
	}
	list->ext[list->count++] = *ext;
}

void ext_free(struct ext_list *list)
{
	free(list->ext);
	memset(list, 0, sizeof(*list));
}

static void ext_insert(struct ext_list *list, size_t at,
		       const struct oracle_ext *ext)
{
	ext_push(list, ext);
	memmove(&list->ext[at + 1], &list->ext[at],
		(list->count - 1 - at) * sizeof(*list->ext));
	list->ext[at] = *ext;
}

static uint64_t ext_last(const struct oracle_ext *ext)
{
	return ext->va + (ext->len - 1);
}

/* First extent that ends at or after @va. */
static size_t ext_index(const struct ext_list *list, uint64_t va)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ext_last(&list->ext[mid]) < va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint64_t pa_plus(uint64_t pa, uint64_t bytes)
{
	return pa == ORACLE_PA_LEARN ? pa : pa + bytes;
}

/* Cut extent @at in two, @bytes after its beginning. */
static void ext_cut(struct ext_list *list, size_t at, uint64_t bytes)
{
	struct oracle_ext right = list->ext[at];

	right.va += bytes;
	right.pa = pa_plus(right.pa, bytes);
	right.len -= bytes;
	list->ext[at].len = bytes;
	ext_insert(list, at + 1, &right);
}

/*
 * Make @va a boundary between extents.  A leaf that holds it inside becomes
 * 512 of the next smaller size, and so on down.
 */
static void cut(struct ext_list *list, uint64_t va)
{
	for (;;) {
		size_t at = ext_index(list, va);
		struct oracle_ext *ext;
		uint64_t inside;

		if (at == list->count || list->ext[at].va >= va)
			return;
		ext = &list->ext[at];
		inside = (va - ext->va) % ext->page;
		if (inside == 0) {
			ext_cut(list, at, va - ext->va);
			return;
		}
		if (va - inside > ext->va) {
			ext_cut(list, at++, va - inside - ext->va);
			ext = &list->ext[at];
		}
		if (ext->len > ext->page)
			ext_cut(list, at, ext->page);
		list->ext[at].page /= PPT_PAGE_WORDS;
	}
}

/* Cut at both ends; the indices [*from, *to) lie inside. */
static void isolate(struct ext_list *list, uint64_t va, uint64_t last,
		    size_t *from, size_t *to)
{
	cut(list, va);
	if (last != UINT64_MAX)
		cut(list, last + 1);
	*from = ext_index(list, va);
	for (*to = *from; *to < list->count && list->ext[*to].va <= last;)
		++*to;
}

static void ext_remove(struct ext_list *list, uint64_t va, uint64_t last)
{
	size_t from;
	size_t to;

	isolate(list, va, last, &from, &to);
	if (from == to)
		return;
	memmove(&list->ext[from], &list->ext[to],
		(list->count - to) * sizeof(*list->ext));
	list->count -= to - from;
}

void oracle_init(struct oracle *o, const struct ppt_memory_map *regions)
{
	memset(o, 0, sizeof(*o));
	o->regions = *regions;
	o->pages = regions->region[0].len / PPT_PAGE_BYTES;
	o->tag = calloc(o->pages, sizeof(*o->tag));
	if (!o->tag)
		abort();
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		(void)snprintf(o->space[i].name, sizeof(o->space[i].name),
			       "space-%u", i);
}

void oracle_copy(struct oracle *to, const struct oracle *from)
{
	*to = *from;
	to->tag = malloc(from->pages * sizeof(*to->tag));
	if (!to->tag)
		abort();
	memcpy(to->tag, from->tag, from->pages * sizeof(*to->tag));
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		struct ext_list *map = &to->space[i].map;
		const struct ext_list *src = &from->space[i].map;

		memset(map, 0, sizeof(*map));
		if (src->count == 0)
			continue;
		map->ext = malloc(src->count * sizeof(*map->ext));
		if (!map->ext)
			abort();
		memcpy(map->ext, src->ext, src->count * sizeof(*map->ext));
		map->count = src->count;
		map->room = src->count;
	}
}

void oracle_free(struct oracle *o)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		ext_free(&o->space[i].map);
	free(o->tag);
	memset(o, 0, sizeof(*o));
}

bool format_canonical(enum ppt_format format, uint64_t va)
{
	unsigned bits = format == PPT_FORMAT_X86_64_4 ? 48 : 57;
	uint64_t top = va >> (bits - 1);

	return top == 0 || top == UINT64_MAX >> (bits - 1);
}

uint64_t format_half_last(enum ppt_format format, uint64_t va)
{
	unsigned bits = format == PPT_FORMAT_X86_64_4 ? 48 : 57;

	return va >> 63 ? UINT64_MAX : (UINT64_C(1) << (bits - 1)) - 1;
}

unsigned format_levels(enum ppt_format format)
{
	return format == PPT_FORMAT_X86_64_4 ? 4 : 5;
}

const struct oracle_ext *oracle_find(const struct oracle_space *s, uint64_t va)
{
	size_t at = ext_index(&s->map, va);

	if (at == s->map.count || s->map.ext[at].va > va)
		return NULL;
	return &s->map.ext[at];
}

bool oracle_has_mapping(const struct oracle_space *s, uint64_t va,
			uint64_t last)
{
	size_t at = ext_index(&s->map, va);

	return at < s->map.count && s->map.ext[at].va <= last;
}

bool oracle_has_hole(const struct oracle_space *s, uint64_t va, uint64_t last)
{
	for (;;) {
		const struct oracle_ext *ext = oracle_find(s, va);

		if (!ext)
			return true;
		if (ext_last(ext) >= last)
			return false;
		va = ext_last(ext) + 1;
	}
}

static uint64_t wanted_page(uint32_t flags)
{
	switch (flags & PPT_MAP_SIZE_MASK) {
	case PPT_MAP_4K:
		return PPT_SIZE_4K;
	case PPT_MAP_2M:
		return PPT_SIZE_2M;
	case PPT_MAP_1G:
		return PPT_SIZE_1G;
	default:
		return 0;
	}
}

/* The largest leaf at @va and @pa, with @len left. */
static uint64_t fitting_page(uint64_t va, uint64_t pa, uint64_t len)
{
	for (uint64_t page = PPT_SIZE_1G; page > PPT_SIZE_4K; page /= 512)
		if ((va | pa) % page == 0 && len >= page)
			return page;
	return PPT_SIZE_4K;
}

static void put(struct ext_list *list, const struct op *op)
{
	uint64_t va = op->va;
	uint64_t pa = op->pa;
	uint64_t left = op->len;
	uint64_t want = wanted_page(op->flags);
	size_t at = ext_index(list, va);

	while (left) {
		struct oracle_ext ext = {
			.va = va,
			.pa = pa,
			.len = left,
			.page = want,
			.prot = op->prot,
		};

		if (pa != PPT_PA_ALLOC && !want) {
			uint64_t page = fitting_page(va, pa, left);
			uint64_t up = page * 512;

			ext.page = page;
			ext.len = left / page * page;
			/* stop where the next larger size begins to fit */
			if (page < PPT_SIZE_1G && (va - pa) % up == 0 &&
			    ext.len > up - va % up)
				ext.len = up - va % up;
		}
		ext_insert(list, at++, &ext);
		va += ext.len;
		pa = pa_plus(pa, ext.len);
		left -= ext.len;
	}
}

static void protect(struct ext_list *list, const struct op *op)
{
	size_t from;
	size_t to;

	isolate(list, op->va, op->va + (op->len - 1), &from, &to);
	for (; from < to; from++)
		list->ext[from].prot = op->prot;
}

void oracle_apply(struct oracle *o, const struct op *op)
{
	struct oracle_space *s = &o->space[op->space];
	uint64_t last = op->va + (op->len - 1);

	switch (op->kind) {
	case OP_MAP:
		ext_remove(&s->map, op->va, last);
		put(&s->map, op);
		break;
	case OP_UNMAP:
		ext_remove(&s->map, op->va, last);
		break;
	case OP_PROTECT:
		protect(&s->map, op);
		break;
	case OP_SPACE_CREATE:
		s->exists = true;
		s->format = op->format;
		break;
	case OP_SPACE_DELETE:
		s->exists = false;
		ext_free(&s->map);
		break;
	}
}
