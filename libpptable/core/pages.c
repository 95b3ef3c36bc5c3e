/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/frame.h"

#include "core/pool.h"
#include "format/mutant.h"

/* ------------------------------------------------------------ stretches -- */

/* Clear the bits of an extent of pages that lie in a stretch. */
static void hide(uint64_t *map, uint32_t stretch, uint32_t page, uint32_t count)
{
	uint64_t first = (uint64_t)stretch * PPT_PAGE_WORDS;
	uint64_t a = page > first ? page : first;
	uint64_t end = (uint64_t)page + count;

	if (end > first + PPT_PAGE_WORDS)
		end = first + PPT_PAGE_WORDS;
	for (; a < end; a++)
		ppt__set_bit(map, (uint32_t)(a - first), false);
}

/* Which pages of a stretch may be handed out now. */
static bool look_at(struct ppt_pool *pool, uint32_t stretch, uint64_t *map)
{
	struct ppt__frames *f = &pool->frames;
	uint32_t first = stretch * PPT_PAGE_WORDS;
	uint64_t left = pool->at.pages - first;
	uint32_t n = left < PPT_PAGE_WORDS ? (uint32_t)left : PPT_PAGE_WORDS;
	const uint64_t *desc = ppt__load_words(
		pool, pool->at.desc_page + stretch, 0, n, pool->page_buffer);
	uint64_t any = 0;

	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
		map[i] = 0;
	for (uint32_t i = 0; i < n; i++)
		if (desc[i] == pool->desc_free)
			map[i / 64] |= UINT64_C(1) << i % 64;
	/* Whatever its descriptor says, none of these is ever free [I10]. */
	if (first < pool->at.first_page)
		hide(map, stretch, first, pool->at.first_page - first);
	for (uint32_t i = f->limbo_tail; i != f->limbo_head; i++) {
		struct ppt__limbo *l = &f->limbo[i % PPT__LIMBO_MAX];

		hide(map, stretch, l->page, l->count);
	}
	for (uint32_t i = 0; i < f->freed_count && !PPT_MUTANT(FREED_SHOWN);
	     i++)
		hide(map, stretch, f->freed[i].page, f->freed[i].count);
	for (uint32_t i = 0; i < f->held_end; i++)
		hide(map, stretch, f->held[i].page, f->held[i].count);
	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
		any |= map[i];
	return any != 0;
}

static bool load_stretch(struct ppt_pool *pool, uint32_t stretch)
{
	struct ppt__frames *f = &pool->frames;
	bool any = look_at(pool, stretch, f->free);

	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
		if (!PPT_MUTANT(ZERO_STALE))
			f->zeroed[i] = f->zeroing[i] = 0;
	f->stretch = stretch;
	f->loaded = true;
	pool->journal.hint = stretch;
	ppt__set_bit(f->full, stretch, !any);
	f->found_full += !any;
	return any;
}

static bool none_free(const uint64_t *map)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
		any |= map[i];
	return any == 0;
}

static bool all_free(const uint64_t *map)
{
	uint64_t all = UINT64_MAX;

	for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
		all &= map[i];
	return all == UINT64_MAX;
}

/* A page of these stretches may be free again. */
static void not_full(struct ppt_pool *pool, uint32_t page, uint32_t count)
{
	for (uint32_t s = page / PPT_PAGE_WORDS;
	     s <= (page + count - 1) / PPT_PAGE_WORDS; s++) {
		ppt__set_bit(pool->frames.full, s, false);
		if (s == pool->frames.stretch)
			pool->frames.loaded = false;
	}
}

void ppt__frames_init(struct ppt_pool *pool, uint64_t hint)
{
	struct ppt__frames *f = &pool->frames;

	f->stretches = pool->at.desc_pages;
	f->stretch = hint < f->stretches ? (uint32_t)hint :
					   pool->at.first_page / PPT_PAGE_WORDS;
	for (uint32_t i = 0; i <= f->stretches / 64; i++)
		f->full[i] = 0;
}

/* ---------------------------------------------------------------- limbo -- */

static void limbo_mature(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;

	while (f->limbo_tail != f->limbo_head) {
		struct ppt__limbo *l =
			&f->limbo[f->limbo_tail % PPT__LIMBO_MAX];

		/* Durable, no longer in the ring [I12], flushed from TLBs. */
		if ((l->line > pool->journal.tail &&
		     !PPT_MUTANT(LIMBO_BEFORE_TAIL)) ||
		    l->ticket > pool->ticket_flushed)
			return;
		not_full(pool, l->page, l->count);
		f->limbo_tail++;
	}
}

static bool limbo_blocked_by_tail(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;

	return f->limbo_tail != f->limbo_head &&
	       f->limbo[f->limbo_tail % PPT__LIMBO_MAX].ticket <=
		       pool->ticket_flushed;
}

/* Get back what can be had; false if there was nothing. */
static bool limbo_squeeze(struct ppt_pool *pool)
{
	uint32_t before = pool->frames.limbo_tail;

	if (pool->group_gather.ticket) /* waits for a fence to be handed out */
		ppt__txn_settle(pool);
	limbo_mature(pool);
	if (pool->frames.limbo_tail == before && limbo_blocked_by_tail(pool)) {
		ppt__txn_settle(pool);
		ppt__journal_checkpoint(pool);
		limbo_mature(pool);
	}
	return pool->frames.limbo_tail != before;
}

int ppt__limbo_room(struct ppt_pool *pool, struct ppt_diag *diag)
{
	struct ppt__frames *f = &pool->frames;

	for (;;) {
		uint32_t used = f->limbo_head - f->limbo_tail;

		if (used + f->freed_count <= PPT__LIMBO_MAX)
			return 0;
		if (!limbo_squeeze(pool))
			return ppt__fail(diag, PPT_E_AGAIN, "TLB",
					 "confirm a flush first",
					 pool->ticket_last);
	}
}

void ppt__frames_committed(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;
	/* Of a relaxed commit, the one that its fence will hand out. */
	uint64_t ticket = pool->ticket_last + !!pool->group_gather.ticket;

	for (uint32_t i = 0; i < f->freed_count; i++)
		f->limbo[f->limbo_head++ % PPT__LIMBO_MAX] =
			(struct ppt__limbo){ f->freed[i].page,
					     f->freed[i].count,
					     pool->journal.head, ticket };
	f->freed_count = 0;
	if (PPT_MUTANT(LIMBO_SKIPPED)) {
		f->limbo_tail = f->limbo_head;
		f->loaded = false;
	}
	limbo_mature(pool);
}

struct ppt__frames_mark ppt__frames_mark(const struct ppt_pool *pool)
{
	const struct ppt__frames *f = &pool->frames;
	struct ppt__frames_mark mark = {
		f->stretch, f->freed_count, f->zero_count, f->found_full, { 0 }
	};

	if (f->freed_count) /* may be merged with */
		mark.last_freed = f->freed[f->freed_count - 1];
	return mark;
}

void ppt__frames_rollback(struct ppt_pool *pool, struct ppt__frames_mark mark)
{
	struct ppt__frames *f = &pool->frames;

	pool->walk_era++; /* walks may have found tables that are none now */
	/* What looked full may have been so by what was taken since. */
	if (f->found_full != mark.found_full)
		for (uint32_t i = 0; i <= f->stretches / 64; i++)
			f->full[i] = 0;
	f->stretch = mark.stretch;
	f->loaded = false;
	f->freed_count = mark.freed_count;
	if (f->freed_count)
		f->freed[f->freed_count - 1] = mark.last_freed;
	f->zero_count = mark.zero_count;
}

/* ----------------------------------------------------------------- take -- */

/* Make the stretch looked at one that has a free page. */
static bool find_stretch(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;
	uint32_t s = f->stretch;

	if (f->loaded && !none_free(f->free))
		return true;
	for (uint32_t i = 0; i <= f->stretches; i++) {
		if (!ppt__bit(f->full, s) && load_stretch(pool, s))
			return true;
		s = s + 1 == f->stretches ? 0 : s + 1;
	}
	return false;
}

#define FRESH_STRETCH_PROBES 64u

/* For a whole stretch of frames: one that is free, if one is near. */
static void find_fresh_stretch(struct ppt_pool *pool)
{
	struct ppt__frames *f = &pool->frames;
	uint64_t map[PPT__STRETCH_WORDS];
	uint32_t s = f->stretch;

	if (f->loaded && all_free(f->free))
		return;
	for (uint32_t i = 0; i < FRESH_STRETCH_PROBES && i < f->stretches;
	     i++) {
		if (look_at(pool, s, map) && all_free(map)) {
			load_stretch(pool, s);
			return;
		}
		s = s + 1 == f->stretches ? 0 : s + 1;
	}
}

static int out_of_pages(struct ppt_pool *pool, struct ppt_diag *diag)
{
	if (pool->frames.limbo_tail != pool->frames.limbo_head &&
	    !limbo_blocked_by_tail(pool))
		return ppt__fail(diag, PPT_E_AGAIN, "pool",
				 "the last free pages wait for a TLB flush",
				 pool->ticket_last);
	return ppt__fail(diag, PPT_E_NOSPC, "pool", "no free page",
			 pool->at.pages);
}

int ppt__pages_take(struct ppt_pool *pool, uint32_t want, uint32_t *page,
		    uint32_t *got, struct ppt_diag *diag)
{
	struct ppt__frames *f = &pool->frames;
	uint32_t first = 0, n = 0;

	if (__builtin_expect(f->blocked, 0))
		return ppt__reclaim_usable(pool, diag);
	if (want >= PPT_PAGE_WORDS)
		find_fresh_stretch(pool);
	while (!find_stretch(pool))
		if (!limbo_squeeze(pool))
			return out_of_pages(pool, diag);
	while (f->free[first / 64] == 0)
		first += 64;
	first += (uint32_t)__builtin_ctzll(f->free[first / 64]);
	while (n < want && first + n < PPT_PAGE_WORDS &&
	       ppt__bit(f->free, first + n))
		ppt__set_bit(f->free, first + n++, false);
	*page = f->stretch * PPT_PAGE_WORDS + first;
	*got = n;
	return 0;
}

/* The first aligned run of whole free stretches. */
static bool find_aligned(struct ppt_pool *pool, uint64_t bytes, uint32_t *page)
{
	struct ppt__frames *f = &pool->frames;
	uint32_t need = (uint32_t)(bytes / PPT_SIZE_2M), run = 0;
	uint64_t map[PPT__STRETCH_WORDS];

	for (uint32_t s = 0; s < f->stretches; s++) {
		uint32_t from = s * PPT_PAGE_WORDS;

		if (run == 0 && ppt__page_pa(pool, from) % bytes)
			continue;
		if (ppt__bit(f->full, s) || !look_at(pool, s, map)) {
			ppt__set_bit(f->full, s, true);
			f->found_full++;
			run = 0;
			continue;
		}
		run = all_free(map) ? run + 1 : 0;
		if (run < need)
			continue;
		if (f->stretch + need > s && f->stretch <= s)
			f->loaded = false;
		*page = from - (need - 1) * PPT_PAGE_WORDS;
		return true;
	}
	return false;
}

int ppt__pages_take_aligned(struct ppt_pool *pool, uint64_t bytes,
			    uint32_t *page, struct ppt_diag *diag)
{
	if (pool->frames.blocked)
		return ppt__reclaim_usable(pool, diag);
	/* Stretches of PAs and of descriptors agree at such a base only. */
	if (pool->map.region[0].base % PPT_SIZE_2M)
		return ppt__fail(diag, PPT_E_NOSPC, "pool",
				 "its base is not aligned to 2 MiB",
				 pool->map.region[0].base);
	while (!find_aligned(pool, bytes, page))
		if (!limbo_squeeze(pool))
			return ppt__fail(diag, PPT_E_NOSPC, "pool",
					 "no aligned run of free pages", bytes);
	return 0;
}

/* Longest extent: an item of the reclaim list, in whole stretches. */
#define EXTENT_MAX (PPT_M_RECLAIM_COUNT_MAX + 1u - PPT_PAGE_WORDS)

/* Add a page to the extents from @from on; false if there are @max. */
static bool add_page(struct ppt__extent *out, uint32_t from, uint32_t max,
		     uint32_t *n, uint32_t page)
{
	if (*n > from) {
		struct ppt__extent *last = out + *n - 1;

		if (last->page + last->count == page &&
		    last->count < EXTENT_MAX) {
			last->count++;
			return true;
		}
	}
	if (*n == max)
		return false;
	out[(*n)++] = (struct ppt__extent){ page, 1 };
	return true;
}

/* Append so many free pages as extents; *want is what was not found. */
static bool find_pages(struct ppt_pool *pool, uint64_t *want, bool whole,
		       struct ppt__extent *out, uint32_t max, uint32_t *n)
{
	struct ppt__frames *f = &pool->frames;
	uint64_t map[PPT__STRETCH_WORDS];
	uint32_t s = f->stretch, from = *n;

	for (uint32_t i = 0; i < f->stretches && *want; i++, s++) {
		if (s == f->stretches)
			s = 0;
		if (ppt__bit(f->full, s) || !look_at(pool, s, map) ||
		    (whole && !all_free(map)))
			continue;
		for (uint32_t b = 0; b < PPT_PAGE_WORDS && *want; b++) {
			if (!ppt__bit(map, b))
				continue;
			if (!add_page(out, from, max, n,
				      s * PPT_PAGE_WORDS + b))
				return false;
			--*want;
		}
	}
	return true;
}

int ppt__pages_find(struct ppt_pool *pool, uint64_t want, bool whole,
		    struct ppt__extent *out, uint32_t max, uint32_t *count,
		    struct ppt_diag *diag)
{
	for (;;) {
		uint64_t left = want;
		uint32_t n = *count;
		bool fits = find_pages(pool, &left, whole, out, max, &n);

		if (fits && !left) {
			*count = n;
			return 0;
		}
		if (limbo_squeeze(pool))
			continue; /* what waited may be what is wanted */
		if (!fits)
			return ppt__fail(diag, PPT_E_NOSPC, "pool",
					 "free pages too scattered", max);
		return out_of_pages(pool, diag);
	}
}

void ppt__pages_hold(struct ppt_pool *pool, uint32_t slot,
		     struct ppt__extent extent)
{
	struct ppt__frames *f = &pool->frames;

	for (; f->held_end <= slot; f->held_end++)
		f->held[f->held_end].count = 0;
	f->held[slot] = extent;
	f->loaded = false;
}

bool ppt__pages_held(const struct ppt_pool *pool, uint32_t page, uint64_t count)
{
	const struct ppt__frames *f = &pool->frames;

	for (uint32_t i = 0; i < f->held_end; i++)
		if (page < (uint64_t)f->held[i].page + f->held[i].count &&
		    f->held[i].page < page + count)
			return true;
	return false;
}

void ppt__pages_release(struct ppt_pool *pool, uint32_t slot, uint32_t count)
{
	struct ppt__frames *f = &pool->frames;

	for (; count && slot < f->held_end; count--, slot++) {
		if (!f->held[slot].count)
			continue;
		not_full(pool, f->held[slot].page, f->held[slot].count);
		f->held[slot].count = 0;
	}
	while (f->held_end && !f->held[f->held_end - 1].count)
		f->held_end--;
}

/* ----------------------------------------------------------------- free -- */

/* Set the descriptors of an extent to one value. */
int ppt__descs_set(struct ppt_pool *pool, uint32_t page, uint64_t count,
		   uint64_t desc)
{
	while (count) {
		uint32_t slot = page % PPT_PAGE_WORDS;
		uint32_t n = PPT_PAGE_WORDS - slot;

		if (n > count)
			n = (uint32_t)count;
		if (ppt__set(pool, ppt__desc_page_of(pool, page), slot, n, desc,
			     0, 0))
			return PPT_E_TOOBIG;
		page += n;
		count -= n;
	}
	return 0;
}

int ppt__table_free(struct ppt_pool *pool, uint32_t page)
{
	if (!PPT_MUTANT(ERA_KEPT))
		pool->walk_era++;
	return ppt__pages_free(pool, page, 1);
}

int ppt__pages_free(struct ppt_pool *pool, uint32_t page, uint32_t count)
{
	struct ppt__frames *f = &pool->frames;
	struct ppt__extent *end = f->freed + f->freed_count;
	bool any = f->freed_count > 0;

	if (any && end[-1].page + end[-1].count == page) {
		end[-1].count += count;
	} else if (any && page + count == end[-1].page) {
		end[-1].page = page;
		end[-1].count += count;
	} else {
		if (f->freed_count == PPT__LIMBO_MAX)
			return PPT_E_TOOBIG;
		*end = (struct ppt__extent){ page, count };
		f->freed_count++;
	}
	return ppt__descs_set(pool, page, count, pool->desc_free);
}
