/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a repair in their order, and what comes before them [I9]. */
#include "core/usc.h"
#include "format/mutant.h"
#include "recovery/repair/repair.h"

#define ALIGN 64u

static bool seen(const struct ppt__repair *r, enum ppt_problem_id id)
{
	return ppt__check_bit(r->seen, id);
}

static void on_problem(void *ctx, uint32_t worker,
		       const struct ppt_problem *problem)
{
	struct ppt__repair *r = ctx;

	(void)worker;
	ppt__check_set(r->seen, problem->id);
}

/* --------------------------------------------------------------- memory -- */

static size_t cut(size_t *at, uint64_t bytes)
{
	size_t start = (*at + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	*at = start + bytes;
	return start;
}

/* Place everything behind @base, the check last; NULL: only measure. */
static size_t place(char *base, uint64_t pages)
{
	struct ppt__repair *r = (struct ppt__repair *)(void *)base;
	size_t at = sizeof(*r);

#define CUT(field, n)                                                          \
	do {                                                                   \
		size_t start = cut(&at, (n) * sizeof(*r->field));              \
		if (base)                                                      \
			r->field = (void *)(base + start);                     \
	} while (0)
	CUT(use, pages + sizeof(uint64_t));
	CUT(slot, pages);
	CUT(garbled, pages / PPT_PAGE_WORDS + 1);
	CUT(chain, PPT_M_DIR_PAGES_MAX);
	CUT(loaded, PPT_PAGE_WORDS);
	CUT(written, PPT_PAGE_WORDS);
	CUT(child, PPT_PAGE_WORDS);
#undef CUT
	(void)cut(&at, 0);
	if (base && !(r->cfg.flags & PPT_CHECK_ZEROED))
		__builtin_memset(base + sizeof(*r), 0, at - sizeof(*r));
	return at;
}

size_t ppt_repair_scratch_bytes(const void *media, uint64_t bytes)
{
	size_t check = ppt_check_scratch_bytes(media, bytes, 1);

	/* What the superblock says is no more than that; or it is none. */
	return place(NULL, bytes / PPT_PAGE_BYTES) + check + ALIGN;
}

static int no_scratch(size_t want, struct ppt_diag *diag)
{
	return ppt__fail(diag, PPT_E_NOMEM, "scratch",
			 "NULL, not aligned to 64 or too small", want);
}

/* --------------------------------------------------------------- set-up -- */

/* Superblocks, regions: what is beyond repair is refused. */
static int open_pool(struct ppt__repair *r, size_t used, struct ppt_diag *diag)
{
	struct ppt_check_config cfg = {
		.pm = r->cfg.pm,
		.scratch = (char *)r->cfg.scratch + used,
		.scratch_bytes = r->cfg.scratch_bytes - used,
		.flags = r->cfg.flags,
		.policy = r->cfg.policy,
		.pa_bits = r->cfg.pa_bits,
		.workers = 1,
		.problem = on_problem,
		.ctx = r,
	};
	int err = ppt__check_open(&cfg, true, &r->c, diag);

	if (err)
		return err;
	r->pool = r->c->pool;
	if (seen(r, PPT_PROBLEM_MEDIA_SIZE))
		return ppt__fail(diag, PPT_E_SIZE, "media",
				 "not as long as the pool", cfg.pm.bytes);
	if (!r->pool)
		return ppt__fail(diag, r->c->err, "superblock",
				 ppt_strerror(r->c->err), 0);
	if (seen(r, PPT_PROBLEM_REGION_INVALID) ||
	    seen(r, PPT_PROBLEM_REGION_OLD))
		return ppt__fail(diag, PPT_E_CORRUPT, "superblock",
				 "its regions are no memory map", 0);
	if (seen(r, PPT_PROBLEM_SUPERBLOCK_READ_ONLY))
		return ppt__fail(diag, PPT_E_FEATURE, "superblock",
				 "unknown feature: readable, not writable", 0);
	r->report.pages = r->pool->at.pages;
	return 0;
}

/* ---------------------------------------------------------- superblocks -- */

static void tidy(struct ppt_m_superblock *sb)
{
	uint32_t n = ppt__get32(sb->region_count);

	sb->epochs_cold = ppt__le32(ppt__get32(sb->epochs_cold) &
				    ((1u << PPT_M_EPOCHS) - 1));
	__builtin_memset(sb->reserved1, 0, sizeof(sb->reserved1));
	__builtin_memset(sb->reserved2, 0, sizeof(sb->reserved2));
	__builtin_memset(sb->region + n, 0,
			 (PPT_REGIONS_MAX - n) * sizeof(sb->region[0]));
	for (uint32_t i = 0; i < n; i++)
		sb->region[i].reserved = ppt__le32(0);
	__builtin_memcpy(sb->region[0].uuid, sb->uuid, sizeof(sb->uuid));
}

/* So that the one that is kept is also the newer one while it is written. */
static void outdo(struct ppt__repair *r)
{
	struct ppt_m_superblock *sb = r->pool->superblock;

	for (uint32_t i = 0; i < 2; i++) {
		const struct ppt_m_superblock *copy =
			(const void *)ppt__pm_view(&r->c->pm, ppt__word(i, 0),
						   PPT_M_SB_WORDS);

		if (!ppt__superblock_check(copy, i, NULL) &&
		    ppt__get64(copy->generation) > ppt__get64(sb->generation))
			sb->generation = copy->generation;
	}
}

static void write_superblocks(struct ppt__repair *r)
{
	if (!seen(r, PPT_PROBLEM_SUPERBLOCK_COPY) &&
	    !seen(r, PPT_PROBLEM_SUPERBLOCK_STALE) &&
	    !seen(r, PPT_PROBLEM_SUPERBLOCK_FOREIGN) &&
	    !seen(r, PPT_PROBLEM_SUPERBLOCK_TWINS) &&
	    !seen(r, PPT_PROBLEM_SUPERBLOCK_RESERVED) &&
	    !seen(r, PPT_PROBLEM_REGION_POOL))
		return;
	tidy(r->pool->superblock);
	outdo(r);
	ppt__repair_at(r, PPT_ACTION_SUPERBLOCK, 0);
	ppt__superblock_write(r->pool);
}

/* In use by a repair, or no record rather than a damaged one. */
static void write_usc(struct ppt__repair *r)
{
	static const struct ppt_usc none;
	bool bad = seen(r, PPT_PROBLEM_SHUTDOWN_RECORD);

	if (!r->cfg.usc && !bad)
		return;
	if (bad)
		ppt__repair_at(r, PPT_ACTION_SHUTDOWN, 0);
	outdo(r); /* the first record changes the superblock */
	if (ppt__usc_write(r->pool, r->cfg.usc ? r->cfg.usc : &none) &&
	    r->cfg.drain)
		r->cfg.drain(r->cfg.drain_ctx);
}

/* -------------------------------------------------------------- writing -- */

bool ppt__repair_write(struct ppt__repair *r, uint32_t page,
		       const uint64_t *word, uint64_t desc)
{
	bool change = ppt__check_desc(r->c, page) != desc;
	struct ppt__call call;
	int err = r->err;

	change |= __builtin_memcmp(ppt__check_page(r->c, page), word,
				   PPT_PAGE_BYTES) != 0;
	if ((!change && !PPT_MUTANT(MEND_AGAIN)) || err)
		return false;
	err = ppt__call_begin(r->pool, &call, NULL);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS && !err; s++)
		if (ppt__check_load(r->c, page, s) != word[s])
			err = ppt__set(r->pool, page, s, 1, word[s], 0, 0);
	if (PPT_MUTANT(MEND_APART)) {
		(void)ppt__call_end(r->pool, &call, err, NULL);
		err = ppt__call_begin(r->pool, &call, NULL);
	}
	if (!err)
		err = ppt__set(r->pool, ppt__desc_page_of(r->pool, page),
			       page % PPT_PAGE_WORDS, 1, desc, 0, 0);
	err = ppt__call_end(r->pool, &call, err, NULL);
	r->err = err;
	return !err;
}

/* ------------------------------------------------------------------ run -- */

/* Marks: nothing is written. */
static void mark(struct ppt__repair *r)
{
	ppt__repair_garbled(r);
	ppt__repair_mark_directory(r);
	ppt__repair_mark_reclaim(r);
	if (r->c->any_held)
		ppt__repair_garbled(r); /* less those pages */
	ppt__repair_mark_tables(r);
}

static int run(struct ppt__repair *r, struct ppt_diag *diag)
{
	write_usc(r); /* first write [I9] */
	write_superblocks(r);
	ppt__repair_journal(r);
	if (!r->err) {
		mark(r);
		ppt__repair_directory(r);
		ppt__repair_reclaim(r);
		ppt__repair_tables(r);
	}
	if (!r->err)
		ppt__repair_sweep(r);
	if (r->err)
		return ppt__fail(diag, r->err, "repair", ppt_strerror(r->err),
				 0);
	ppt_checkpoint(r->pool);
	return 0;
}

int ppt_repair(const struct ppt_repair_config *cfg,
	       struct ppt_repair_report *report, struct ppt_diag *diag)
{
	struct ppt__repair *r = cfg->scratch;
	uint64_t pages = cfg->pm.bytes / PPT_PAGE_BYTES;
	size_t used = place(NULL, pages);
	int err;

	if (!cfg->action)
		return ppt__fail(diag, PPT_E_INVAL, "action", "NULL", 0);
	if (cfg->usc && cfg->usc->state > PPT_USC_UNSAFE)
		return ppt__fail(diag, PPT_E_INVAL, "usc", "no such state",
				 cfg->usc->state);
	if (cfg->flags & PPT_CHECK_PRIVATE)
		return ppt__fail(diag, PPT_E_INVAL, "flags", "unknown",
				 cfg->flags);
	if (!r || (uintptr_t)r % ALIGN || cfg->scratch_bytes < used)
		return no_scratch(used, diag);
	__builtin_memset(r, 0, sizeof(*r));
	r->cfg = *cfg;
	place((char *)r, pages);
	err = open_pool(r, used, diag);
	if (!err)
		err = run(r, diag);
	if (!err)
		*report = r->report;
	return err;
}
