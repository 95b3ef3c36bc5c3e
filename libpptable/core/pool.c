/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/pool.h"

#include "core/table.h"
#include "core/usc.h"
#include "format/mutant.h"

#define PPT_VERSION_TEXT "0.1.0"

const char *ppt_version(void)
{
	return PPT_VERSION_TEXT;
}

const char *ppt_strerror(int err)
{
	switch (err) {
	case PPT_OK:
		return "no error";
#define TEXT(name, value, text)                                                \
	case PPT_E_##name:                                                     \
		return text;
		PPT_ERRORS(TEXT)
#undef TEXT
	default:
		return "unknown error";
	}
}

const char *ppt_error_name(int err)
{
	switch (err) {
	case PPT_OK:
		return "PPT_OK";
#define NAME(name, value, text)                                                \
	case PPT_E_##name:                                                     \
		return "PPT_E_" #name;
		PPT_ERRORS(NAME)
#undef NAME
	default:
		return "unknown";
	}
}

/* --------------------------------------------------------------- set-up -- */

#define WINDOW_MAX 1024u  /* lines: 64 KiB */
#define BLANKS_MAX 65536u /* tables: as many map 128 GiB in pages */

/* Sizes of the arrays behind the handle. */
struct sizes {
	uint64_t lines;
	uint64_t window;
	uint32_t runs;
	uint64_t queue;
	uint64_t stretches;
	uint32_t blanks;
};

static struct sizes sizes_of(uint64_t pool_bytes, uint64_t journal_bytes)
{
	struct sizes s;

	s.lines = journal_bytes / PPT_LINE_BYTES;
	s.window = s.lines / 4 < WINDOW_MAX ? s.lines / 4 : WINDOW_MAX;
	s.runs = (uint32_t)(s.window / PPT__RECORD_LINES_MAX *
			    PPT__RECORD_RUNS_MAX);
	s.queue = 8 * s.lines;
	if (s.queue > UINT64_C(1) << 18)
		s.queue = UINT64_C(1) << 18;
	s.stretches = pool_bytes / PPT_SIZE_2M + 1;
	s.blanks = 256;
	while (s.blanks < BLANKS_MAX && s.blanks < pool_bytes / PPT_PAGE_BYTES)
		s.blanks *= 2;
	return s;
}

#define ALIGN 64u

/* Where the next array starts. */
static size_t cut(size_t *at, uint64_t bytes)
{
	size_t start = (*at + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	*at = start + bytes;
	return start;
}

/* The handle comes first, the superblock's copy behind it. */
#define SUPERBLOCK_AT                                                          \
	((sizeof(struct ppt_pool) + ALIGN - 1) & ~(size_t)(ALIGN - 1))
#define HEAD_BYTES (SUPERBLOCK_AT + sizeof(struct ppt_m_superblock))

/* Place everything in @base; with that NULL it only measures. */
static size_t place(char *base, const struct sizes *s)
{
	struct ppt_pool *pool = (struct ppt_pool *)(void *)base;
	size_t at = HEAD_BYTES;

#define CUT(field, n)                                                          \
	do {                                                                   \
		size_t start = cut(&at, (n) * sizeof(*pool->field));           \
		if (base)                                                      \
			pool->field = (void *)(base + start);                  \
	} while (0)
	/*
	 * Those that every attach writes to, in as few pages as may be: each is
	 * a page fault.  Then what a moved one writes to as well, and of long
	 * ones the beginning is used first; of the queue it is the end.
	 */
	CUT(frames.full, s->stretches / 64 + 1);
	CUT(walk, 2 * PPT__WALK_HINTS);
	CUT(trust.block, s->stretches);
	CUT(trust.moves, PPT__MOVES);
	CUT(trust.edit, PPT_PAGE_WORDS);
	CUT(group.run, s->runs);
	CUT(journal.queue, s->queue);
	CUT(trust.seen, s->stretches);
	CUT(journal.filter, PPT__DIRTY_FILTER);
	CUT(txn.runs.bucket, PPT__RUNSET_BUCKETS);
	CUT(group.bucket, PPT__RUNSET_BUCKETS);
	CUT(txn.runs.run, s->runs);
	CUT(txn.runs.next, s->runs);
	CUT(group.next, s->runs);
	CUT(txn.change, PPT__RECLAIM_CHANGES_MAX);
	CUT(frames.limbo, PPT__LIMBO_MAX);
	CUT(frames.zero, PPT__LIMBO_MAX);
	CUT(frames.freed, PPT__LIMBO_MAX);
	CUT(frames.held, PPT_PAGE_WORDS);
	CUT(blank.page, s->blanks);
	CUT(blank.used, s->blanks);
	CUT(page_buffer, PPT_PAGE_WORDS);
	CUT(page_edit, PPT_PAGE_WORDS);
	CUT(page_old, PPT_PAGE_WORDS);
	CUT(page_new, PPT_PAGE_WORDS);
#undef CUT
	if (base)
		pool->superblock = (void *)(base + SUPERBLOCK_AT);
	return at;
}

struct ppt_m_superblock *ppt__pool_superblock(void *scratch, size_t bytes)
{
	if (!scratch || (uintptr_t)scratch % ALIGN || bytes < HEAD_BYTES)
		return NULL;
	return (void *)((char *)scratch + SUPERBLOCK_AT);
}

size_t ppt_scratch_bytes(uint64_t pool_bytes, uint64_t journal_bytes)
{
	struct sizes s = sizes_of(pool_bytes, journal_bytes);

	return place(NULL, &s) + ALIGN;
}

void ppt__epoch_map(const struct ppt_m_superblock *sb, uint32_t epoch,
		    struct ppt_memory_map *out)
{
	uint32_t n = ppt__get32(sb->region_count);

	out->count = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct ppt_m_region *r = &sb->region[i];
		const struct ppt_m_place *at = &r->at[epoch % PPT_M_EPOCHS];
		struct ppt_region *to = &out->region[out->count++];

		__builtin_memcpy(to->uuid.b, r->uuid, sizeof(r->uuid));
		to->kind = ppt__get32(r->kind);
		to->base = ppt__get64(at->base);
		to->len = ppt__get64(at->len);
	}
}

/* That the regions recorded for the present epoch are a memory map [I10]. */
static int check_map(const struct ppt_memory_map *map, struct ppt_diag *diag)
{
	struct ppt_memory_map seen; /* as far as it is counted */

	seen.count = 0;
	for (uint32_t i = 0; i < map->count; i++) {
		const struct ppt_region *r = &map->region[i];

		if (r->len == 0 && r->base == 0 && i) /* gone */
			continue;
		if (ppt__region_check(&seen, r, diag) ||
		    (r->kind == PPT_REGION_POOL) != (i == 0))
			return ppt__fail(diag, PPT_E_CORRUPT, "superblock",
					 "its regions are no memory map", i);
		seen.region[seen.count++] = *r;
	}
	return 0;
}

static void init_arrays(struct ppt_pool *pool, const struct sizes *s)
{
	struct ppt__journal *j = &pool->journal;

	j->first_word = ppt__word(pool->at.journal_page, 0);
	j->lines = s->lines;
	j->window = s->window;
	j->queue_size = s->queue;
	/* The first lines share a page of memory with what is behind it. */
	j->queue_head = j->queue_tail = s->queue - PPT__DIRTY_FEW;
	j->seed = pool->seed;
#pragma GCC unroll 8
	for (uint32_t i = 0; i < 2 * PPT__WALK_HINTS; i++)
		pool->walk[i].era = 0;
}

int ppt__pool_init(struct ppt_pool **out, void *scratch, size_t bytes,
		   const struct ppt__pm *pm, const struct ppt_m_superblock *sb,
		   uint32_t flags, struct ppt_diag *diag)
{
	uint64_t pool_bytes = ppt__get64(sb->pool_bytes);
	uint64_t journal_bytes =
		(uint64_t)ppt__get32(sb->journal_pages) * PPT_PAGE_BYTES;
	struct sizes s = sizes_of(pool_bytes, journal_bytes);
	struct ppt_pool *pool = scratch;
	bool room = sb == ppt__pool_superblock(scratch, bytes);
	size_t want;

	/* The arrays are as they come, and so is the map behind its count. */
	if (room)
		__builtin_memset(pool, 0, offsetof(struct ppt_pool, map));
	want = place(room ? scratch : NULL, &s) + ALIGN;
	if (!room || bytes < want)
		return ppt__fail(diag, PPT_E_NOMEM, "scratch",
				 "NULL, not aligned to 64 or too small", want);
	pool->pm = *pm;
	pool->flags = flags;
	pool->walk_era = 1;
	pool->blank.count = s.blanks;
	pool->txn.runs.cap = s.runs;
	pool->group.cap = s.runs;
	ppt__layout(pool_bytes, journal_bytes, &pool->at, NULL);
	pool->seed = ppt__seed(sb->uuid);
	pool->desc_free = ppt__desc_plain(pool->seed, PPT__DESC_FREE);
	pool->desc_data = ppt__desc_plain(pool->seed, ppt__desc_data(1));
	pool->epoch = ppt__get32(sb->epoch);
	pool->superblock_slot = ppt__get32(sb->slot);
	ppt__epoch_map(sb, pool->epoch, &pool->map);
	init_arrays(pool, &s);
	*out = pool;
	return check_map(&pool->map, diag);
}

/*
 * First over the copy that does not count: valid, and so the one that counts,
 * once its checksum is whole.  Then over the other, so that losing either
 * loses nothing.
 */
void ppt__superblock_write(struct ppt_pool *pool)
{
	struct ppt_m_superblock *sb = pool->superblock;

	sb->generation = ppt__le64(ppt__get64(sb->generation) +
				   !PPT_MUTANT(GENERATION_KEPT));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t slot = pool->superblock_slot ^
				!PPT_MUTANT(SUPERBLOCK_IN_PLACE);

		sb->slot = ppt__le32(slot);
		ppt__superblock_seal(sb);
		ppt__pm_stream(&pool->pm, ppt__word(slot, 0),
			       (const uint64_t *)sb, PPT_M_SB_WORDS);
		ppt__pm_fence(&pool->pm);
		pool->superblock_slot = slot;
	}
}

/* ---------------------------------------------------------- inspection -- */

void ppt_stats(const struct ppt_pool *pool, struct ppt_stats *out)
{
	*out = (struct ppt_stats){
		.pm = pool->pm.count,
		.commits = pool->commits,
		.journal_lines = pool->journal.lines_written,
		.checkpoints = pool->journal.checkpoints,
		.live_lines = pool->journal.head - pool->journal.tail,
		.tables_checked = pool->trust.touched,
		.tables_rebased = pool->trust.rebased,
	};
}

void ppt__geometry_of(const struct ppt_m_superblock *sb,
		      struct ppt_geometry *out)
{
	uint32_t epoch = ppt__get32(sb->epoch) % PPT_M_EPOCHS;

	__builtin_memcpy(out->uuid.b, sb->uuid, sizeof(sb->uuid));
	out->bytes = ppt__get64(sb->pool_bytes);
	out->journal_bytes =
		(uint64_t)ppt__get32(sb->journal_pages) * PPT_PAGE_BYTES;
	out->phys_base = ppt__get64(sb->region[0].at[epoch].base);
	out->generation = ppt__get64(sb->generation);
	out->version = ppt__get32(sb->version);
	out->compat = ppt__get64(sb->compat);
	out->ro_compat = ppt__get64(sb->ro_compat);
	out->incompat = ppt__get64(sb->incompat);
}

void ppt_geometry(const struct ppt_pool *pool, struct ppt_geometry *out)
{
	ppt__geometry_of(pool->superblock, out);
	out->usc = ppt__usc_load(&pool->pm, pool->superblock);
}

int ppt_usage(struct ppt_pool *pool, struct ppt_usage *out,
	      struct ppt_diag *diag)
{
	struct ppt_usage u = { 0 };

	for (uint64_t page = 0; page < pool->at.pages; page++) {
		uint64_t d = ppt__desc_load(pool, (uint32_t)page);

		if (ppt__desc_is_table(d))
			u.table_pages++;
		else if (d == pool->desc_free)
			u.free_pages++;
		else if (ppt__desc_type(d) == PPT__DESC_META)
			u.meta_pages++;
		else if (d != ppt__desc_plain(pool->seed, ppt__desc_hi(d)))
			return ppt__fail(diag, PPT_E_CORRUPT, "descriptor",
					 "check wrong", page);
		else if (ppt__desc_type(d) == PPT__DESC_DATA)
			u.data_pages++;
		else if (ppt__desc_type(d) == PPT__DESC_FIXED)
			u.fixed_pages++;
		else
			return ppt__fail(diag, PPT_E_CORRUPT, "descriptor",
					 "of no known type", page);
	}
	*out = u;
	return 0;
}
