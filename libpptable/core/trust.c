/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/trust.h"

#include "core/pt.h"
#include "core/table.h"
#include "format/mutant.h"

/* ----------------------------------------------------------------- bits -- */

void ppt__trust_set(struct ppt_pool *pool, uint32_t page)
{
	struct ppt__trust *t = &pool->trust;
	uint32_t stretch = page / PPT_PAGE_WORDS;

	if (!ppt__trust_block(t, stretch)) {
		struct ppt__seen *seen = &t->seen[t->blocks];

		seen->stretch = stretch;
		for (uint32_t i = 0; i < PPT__STRETCH_WORDS; i++)
			seen->page[i] = 0;
		t->block[stretch] = t->blocks++;
	}
	ppt__set_bit(t->seen[t->block[stretch]].page, page % PPT_PAGE_WORDS,
		     true);
}

void ppt__trust_reset(struct ppt_pool *pool)
{
	pool->trust.blocks = 0;
	pool->trust.settled = 0;
}

/* ---------------------------------------------------------------- epochs -- */

/* Whether what is in DRAM was lost after an epoch, up to the present one. */
static bool content_lost(const struct ppt_pool *pool, uint32_t epoch)
{
	uint32_t lost = ppt__get32(pool->superblock->epochs_cold);

	for (uint32_t e = epoch; e != pool->epoch;)
		if (lost >> ++e % PPT_M_EPOCHS & 1u)
			return true;
	return false;
}

static void load_moves(struct ppt_pool *pool, uint32_t epoch,
		       struct ppt__moves *out)
{
	const struct ppt_m_superblock *sb = pool->superblock;
	bool lost = content_lost(pool, epoch);

	out->same = epoch == pool->epoch;
	out->count = pool->map.count;
	for (uint32_t i = 0; i < out->count; i++) {
		const struct ppt_m_place *was =
			&sb->region[i].at[epoch % PPT_M_EPOCHS];

		out->region[i] = (struct ppt__move){
			.was = ppt__get64(was->base),
			.was_len = ppt__get64(was->len),
			.now = pool->map.region[i].base,
			.now_len = pool->map.region[i].len,
			.fresh = lost &&
				 pool->map.region[i].kind == PPT_REGION_DRAM,
		};
	}
}

void ppt__trust_load(struct ppt_pool *pool)
{
	load_moves(pool, pool->epoch, pool->trust.moves);
	pool->trust.met = pool->epoch;
}

static const struct ppt__moves *moves_from(struct ppt_pool *pool,
					   uint32_t epoch)
{
	struct ppt__trust *t = &pool->trust;

	if (epoch == pool->epoch)
		return t->moves;
	if (epoch != t->met)
		load_moves(pool, epoch, t->moves + 1);
	t->met = epoch;
	return t->moves + 1;
}

/* How a table came here from the epoch that its descriptor names; or NULL. */
static const struct ppt__moves *moves_of(struct ppt_pool *pool, uint64_t desc)
{
	uint32_t oldest = ppt__get32(pool->superblock->epoch_oldest);

	for (uint32_t i = 0; i <= pool->epoch - oldest; i++) {
		uint32_t e = oldest + i;

		if (PPT_MUTANT(MOVES_LATEST) && i + 1 < pool->epoch - oldest)
			continue;
		if (PPT_MUTANT(MOVES_LATEST) && i < pool->epoch - oldest &&
		    ppt__desc_epoch(desc) != (pool->epoch & 15u))
			return moves_from(pool, e);
		if ((e & 15u) == ppt__desc_epoch(desc) ||
		    PPT_MUTANT(REBASE_TWICE))
			return moves_from(pool, e);
	}
	return NULL;
}

/* ----------------------------------------------------------------- touch -- */

bool ppt__readable(const struct ppt_pool *pool, uint32_t page)
{
	const struct ppt__trust *t = &pool->trust;

	return !t->readable ||
	       t->readable(t->readable_ctx, pool->pm.media + ppt__word(page, 0),
			   PPT_PAGE_BYTES);
}

int ppt__meta_look(struct ppt_pool *pool, uint32_t page, uint64_t *lines,
		   struct ppt_diag *diag)
{
	uint64_t desc = ppt__desc_load(pool, page), want;
	uint32_t hi = ppt__desc_hi(desc);
	const uint64_t *word;

	if (ppt__desc_type(desc) != PPT__DESC_META)
		return ppt__fail(diag, PPT_E_CORRUPT, "metadata page",
				 "descriptor is not that of one", page);
	if (!ppt__readable(pool, page))
		return ppt__fail(diag, PPT_E_CORRUPT, "metadata page",
				 "cannot be read", page);
	word = ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
			       pool->page_buffer);
	if (lines) {
		*lines = ppt__page_lines(word);
		want = ppt__desc_lines(pool->seed, page, hi, word, *lines);
	} else {
		want = ppt__desc_page(pool->seed, page, hi, word);
	}
	if (desc != want)
		return ppt__fail(diag, PPT_E_CORRUPT, "metadata page",
				 "differs from its descriptor", page);
	ppt__trust_set(pool, page);
	return 0;
}

int ppt__meta_touch(struct ppt_pool *pool, uint32_t page, struct ppt_diag *diag)
{
	if (ppt__trusted(pool, page) &&
	    ppt__desc_type(ppt__desc_load(pool, page)) == PPT__DESC_META)
		return 0;
	return ppt__meta_look(pool, page, NULL, diag);
}

struct rebased {
	uint32_t page;
	uint64_t lines;
	const struct ppt__vetted *to;
};

static int fill_rebased(struct ppt_pool *pool, void *arg)
{
	const struct rebased *r = arg;

	if (PPT_MUTANT(EPOCH_APART) && !r->to->run)
		return ppt__table_write(pool, r->page, 0, PPT_PAGE_WORDS,
					pool->trust.edit);
	return ppt__table_rebase(pool, r->page, r->to->word, r->lines,
				 r->to->run);
}

/* Cold marks need not be durable: a restart begins with the root's. */
static void make_cold(struct ppt_pool *pool, uint32_t page,
		      const uint64_t *word)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		if (word[s] != pool->trust.edit[s])
			ppt__pm_mark(&pool->pm, ppt__word(page, s),
				     pool->trust.edit[s]);
}

/*
 * Vet a table's content and bring it under the present memory map.  One that
 * breaks the policy is rebased too: another attach may have another policy,
 * when its epoch is long forgotten.
 */
static int bring_up(struct ppt_pool *pool, uint32_t page, uint64_t desc,
		    const uint64_t *word, uint64_t lines,
		    const struct ppt__moves *moves, struct ppt_diag *diag)
{
	struct ppt__trust *t = &pool->trust;
	uint32_t level = ppt__desc_level(desc);
	struct ppt__vetted to = { .word = t->edit };
	int err = ppt__pt_ops_of_family(ppt__desc_family(desc))
			  ->vet(pool, level, word, lines, ppt__desc_live(desc),
				moves, &to, diag);

	if (!err && !moves->same && !PPT_MUTANT(STALE_TRUSTED)) {
		err = ppt__txn_side(pool, fill_rebased,
				    &(struct rebased){ page, lines, &to });
		t->rebased += !err;
	} else if (!err && !to.forbidden && t->marks && level > 1) {
		make_cold(pool, page, word);
	}
	if (!err && to.forbidden)
		return ppt__fail(diag, PPT_E_CORRUPT, "entry",
				 "a leaf is writable and executable", page);
	return err;
}

int ppt__table_touch(struct ppt_pool *pool, uint32_t page, uint32_t family,
		     uint32_t level, struct ppt_diag *diag)
{
	const struct ppt__pt_ops *ops = ppt__pt_ops_of_family(family);
	const struct ppt__moves *moves;
	const uint64_t *word;
	uint64_t desc, lines;
	int err;

	if (page < pool->at.first_page || page >= pool->at.pages)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "an entry leads outside the pool's tables",
				 page);
	desc = ppt__desc_load(pool, page);
	/* A descriptor can name levels that no format has. */
	if (!ops || level > ops->levels ||
	    ppt__desc_type(desc) != PPT__DESC_TABLE + level ||
	    ppt__desc_family(desc) != family || ppt__desc_share(desc) == 0)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "descriptor is not that of a table of this "
				 "level",
				 page);
	moves = moves_of(pool, desc);
	if (!moves)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "written under a memory map that is not "
				 "recorded",
				 page);
	if (!ppt__readable(pool, page))
		return ppt__fail(diag, PPT_E_CORRUPT, "table", "cannot be read",
				 page);
	word = ppt__load_words(pool, page, 0, PPT_PAGE_WORDS,
			       pool->page_buffer);
	lines = ppt__page_lines(word);
	if (desc !=
	    ppt__desc_lines(pool->seed, page, ppt__desc_hi(desc), word, lines))
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "differs from its descriptor", page);
	err = bring_up(pool, page, desc, word, lines, moves, diag);
	if (err) /* whatever it is, the page is what helps to find it */
		return ppt__fail(diag, err, "table", diag ? diag->why : NULL,
				 page);
	pool->trust.touched++;
	ppt__trust_set(pool, page);
	return 0;
}

void ppt__trust_arm(struct ppt_pool *pool, uint32_t page, uint32_t slot,
		    uint64_t entry)
{
	if (!pool->trust.arms)
		return;
	ppt__pm_mark(&pool->pm, ppt__word(page, slot), entry);
	pool->trust.armed++;
}

/* ----------------------------------------------------------------- sweep -- */

static void count_damaged(uint32_t page, uint64_t *damaged, uint32_t *first)
{
	if (!*damaged)
		*first = page;
	++*damaged;
}

struct sweep {
	uint64_t *damaged;
	uint32_t *first;
};

/* The first of the descriptors [i, n) that is a table's; n if there is none. */
static uint64_t find_table(const uint64_t *desc, uint64_t i, uint64_t n)
{
	const uint64_t bit = (uint64_t)PPT__DESC_TABLE << 32;

	for (; i < n; i++) {
		/* Most are not: four at a time. */
		while (n - i >= 4 &&
		       !((desc[i] | desc[i + 1] | desc[i + 2] | desc[i + 3]) &
			 bit))
			i += 4;
		if (i < n && ppt__desc_is_table(__atomic_load_n(
				     desc + i, __ATOMIC_RELAXED)))
			return i;
	}
	return n;
}

/*
 * Each table among the pages [page, end), as they lie, not by walking trees.
 * No transaction is open.
 */
static void for_tables(struct ppt_pool *pool, uint64_t page, uint64_t end,
		       void (*fn)(struct ppt_pool *, uint32_t page,
				  uint64_t desc, struct sweep *),
		       struct sweep *sweep)
{
	while (page < end) {
		uint64_t n = PPT_PAGE_WORDS - page % PPT_PAGE_WORDS;
		const uint64_t *desc;

		n = n < end - page ? n : end - page;
		desc = ppt__pm_view(&pool->pm,
				    ppt__word(pool->at.desc_page, 0) + page, n);
		for (uint64_t i = 0; (i = find_table(desc, i, n)) < n; i++) {
			uint32_t p = (uint32_t)(page + i);

			if (!ppt__pages_held(pool, p, 1))
				fn(pool, p,
				   __atomic_load_n(desc + i, __ATOMIC_RELAXED),
				   sweep);
		}
		page += n;
	}
}

static void sweep_table(struct ppt_pool *pool, uint32_t page, uint64_t desc,
			struct sweep *sweep)
{
	if (ppt__table_expect(pool, page, ppt__desc_family(desc),
			      ppt__desc_level(desc), NULL))
		count_damaged(page, sweep->damaged, sweep->first);
}

void ppt__trust_sweep(struct ppt_pool *pool, uint64_t pages, uint64_t *damaged,
		      uint32_t *first)
{
	struct ppt__trust *t = &pool->trust;
	uint64_t end = pool->at.pages;

	if (t->settled < pool->at.first_page)
		t->settled = pool->at.first_page;
	if (pages < end - t->settled)
		end = t->settled + pages;
	for_tables(pool, t->settled, end, sweep_table,
		   &(struct sweep){ damaged, first });
	t->settled = (uint32_t)end;
}

/*
 * A refused table that lies under an epoch which is forgotten now.  Its
 * descriptor has that epoch modulo 16: it is put half a turn away from the
 * present one, so that no later epoch is taken for it.  Whether the descriptor
 * was right stays as it is: the checksum is updated, not made anew.
 */
static int fill_outcast(struct ppt_pool *pool, void *arg)
{
	const uint32_t *page = arg;
	uint64_t desc = ppt__desc_load(pool, *page);
	uint32_t hi = ppt__desc_hi(desc);
	uint32_t far = (ppt__desc_epoch(desc) ^ (pool->epoch + 8u)) & 15u;

	return ppt__table_desc(pool, *page,
			       ppt__desc_update(desc, hi ^ far << 6, 0, 0, 0));
}

static void cast_out(struct ppt_pool *pool, uint32_t page, uint64_t desc,
		     struct sweep *sweep)
{
	(void)sweep;
	if (ppt__desc_epoch(desc) != (pool->epoch & 15u))
		ppt__txn_side(pool, fill_outcast, &page);
}

void ppt__epochs_forget(struct ppt_pool *pool, bool refused)
{
	struct ppt_m_superblock *sb = pool->superblock;

	if (refused)
		for_tables(pool, pool->at.first_page, pool->at.pages, cast_out,
			   NULL);
	if (ppt__get32(sb->epoch_oldest) == pool->epoch)
		return;
	/* No record of an older epoch may be replayed after this. */
	ppt__txn_settle(pool);
	if (pool->journal.tail != pool->journal.head)
		ppt__journal_checkpoint(pool);
	sb->epoch_oldest = ppt__le32(pool->epoch);
	ppt__superblock_write(pool);
}

void ppt__trust_stray(struct ppt_pool *pool, uint32_t page, uint32_t family,
		      uint32_t level, uint64_t *damaged, uint32_t *first)
{
	uint64_t desc = page < pool->at.pages ? ppt__desc_load(pool, page) : 0;

	if (ppt__desc_type(desc) != PPT__DESC_TABLE + level ||
	    ppt__desc_family(desc) != family || ppt__pages_held(pool, page, 1))
		count_damaged(page, damaged, first);
}

static void arm_table(struct ppt_pool *pool, uint32_t page, uint64_t desc,
		      struct sweep *sweep)
{
	const struct ppt__pt_ops *ops =
		ppt__pt_ops_of_family(ppt__desc_family(desc));

	if (ppt__trusted(pool, page) && ppt__desc_level(desc) > 1)
		ops->arm(pool, page, ppt__desc_level(desc),
			 ppt__desc_live(desc), sweep->damaged, sweep->first);
}

void ppt__trust_links(struct ppt_pool *pool, uint64_t *damaged, uint32_t *first)
{
	for_tables(pool, pool->at.first_page, pool->at.pages, arm_table,
		   &(struct sweep){ damaged, first });
}
