/* SPDX-License-Identifier: BSD-3-Clause */
/* The passes in their order, and the memory that they need. */
#include "recovery/check/check.h"

#include "format/cpu.h"

#define ALIGN 64u
#define FLAGS (PPT_CHECK_PRIVATE | PPT_CHECK_EXACT | PPT_CHECK_ZEROED)

struct sizes {
	uint64_t pages;
	uint64_t pool; /* bytes of the handle */
	uint32_t names;
	uint32_t workers;
};

/* All zero: there is no superblock, and nothing but the check itself. */
static struct sizes sizes_of(uint64_t pool_bytes, uint64_t journal_bytes,
			     uint32_t workers)
{
	struct sizes s = { .workers = workers };

	if (!pool_bytes)
		return s;
	s.pages = pool_bytes / PPT_PAGE_BYTES;
	s.pool = ppt_scratch_bytes(pool_bytes, journal_bytes);
	/* Each space has a root: there are no more of them than pages. */
	for (s.names = 64;
	     s.names < 2 * s.pages && s.names < 2 * PPT_M_DIR_PAGES_MAX * 64;)
		s.names *= 2;
	return s;
}

static size_t cut(size_t *at, uint64_t bytes)
{
	size_t start = (*at + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	*at = start + bytes;
	return start;
}

/* Place everything behind @base; with that NULL it only measures. */
static size_t place(char *base, const struct sizes *s)
{
	struct ppt_check *c = (struct ppt_check *)(void *)base;
	size_t at = sizeof(*c), zero, bits = s->pages / 64 + 1;

#define CUT(field, n)                                                          \
	do {                                                                   \
		size_t start = cut(&at, (n) * sizeof(*c->field));              \
		if (base)                                                      \
			c->field = (void *)(base + start);                     \
	} while (0)
	CUT(worker, s->workers);
	if (!s->pages)
		return at;
	zero = cut(&at, s->pool);
	if (base) // NOLINTNEXTLINE(bugprone-casting-through-void)
		c->pool = (struct ppt_pool *)(void *)(base + zero);
	zero = cut(&at, 0);
	CUT(twice, bits);
	CUT(held, bits);
	CUT(data, bits / 8 + 1);
	CUT(name, s->names);
	CUT(owner, s->pages);
	for (uint32_t i = 0; i < s->workers; i++)
		CUT(worker[i].diff, s->pages + 1);
#undef CUT
	if (base && !(c->cfg.flags & PPT_CHECK_ZEROED))
		__builtin_memset(base + zero, 0, at - zero);
	return at;
}

size_t ppt_check_scratch_bytes(const void *media, uint64_t bytes,
			       uint32_t workers)
{
	struct sizes s = sizes_of(0, 0, workers ? workers : 1);
	size_t most = place(NULL, &s);
	struct ppt_geometry g;

	/* For what it takes to look; either copy may be another pool's. */
	if (ppt_probe(media, bytes, &g, NULL) == PPT_E_INVAL)
		return most + ALIGN;
	for (uint32_t i = 0; i < 2 && bytes >= 2 * PPT_PAGE_BYTES; i++) {
		const struct ppt_m_superblock *sb =
			(const void *)((const char *)media +
				       (uint64_t)i * PPT_PAGE_BYTES);
		uint64_t journal = ppt__get32(sb->journal_pages);
		size_t want;

		if (ppt__superblock_check(sb, i, NULL) ||
		    ppt__get64(sb->pool_bytes) > bytes)
			continue;
		s = sizes_of(ppt__get64(sb->pool_bytes),
			     journal * PPT_PAGE_BYTES, workers ? workers : 1);
		want = place(NULL, &s);
		most = want > most ? want : most;
	}
	return most + ALIGN;
}

/* --------------------------------------------------------------- begin -- */

static int check_config(const struct ppt_check_config *cfg,
			struct ppt_diag *diag)
{
	if (cfg->workers > PPT_CHECK_WORKERS_MAX)
		return ppt__fail(diag, PPT_E_INVAL, "workers", "too many",
				 cfg->workers);
	if (cfg->flags & ~(uint32_t)FLAGS)
		return ppt__fail(diag, PPT_E_INVAL, "flags", "unknown",
				 cfg->flags);
	if (cfg->policy & ~(uint32_t)PPT_POLICY_ALL)
		return ppt__fail(diag, PPT_E_INVAL, "policy", "unknown",
				 cfg->policy);
	if (cfg->pa_bits && (cfg->pa_bits < 32 || cfg->pa_bits > 52))
		return ppt__fail(diag, PPT_E_INVAL, "pa_bits",
				 "not between 32 and 52", cfg->pa_bits);
	return 0;
}

static int no_scratch(size_t want, struct ppt_diag *diag)
{
	return ppt__fail(diag, PPT_E_NOMEM, "scratch",
			 "NULL, not aligned to 64 or too small", want);
}

static void set_up(struct ppt_check *c, const struct ppt_check_config *cfg)
{
	uint32_t bits = cfg->pa_bits ? cfg->pa_bits : ppt__cpu_pa_bits();

	__builtin_memset(c, 0, sizeof(*c));
	c->cfg = *cfg;
	c->workers = cfg->workers ? cfg->workers : 1;
	c->width = ((UINT64_C(1) << 52) - 1) & ~((UINT64_C(1) << bits) - 1);
	c->serial.check = c;
}

/* A handle, to scan and replay with; nothing else is attached. */
static int open_pool(struct ppt_check *c, const struct ppt_m_superblock *sb,
		     size_t scratch_bytes, struct ppt_diag *diag)
{
	uint64_t bytes = ppt__get64(sb->pool_bytes);
	uint64_t journal =
		(uint64_t)ppt__get32(sb->journal_pages) * PPT_PAGE_BYTES;
	struct sizes s = sizes_of(bytes, journal, c->workers);
	struct ppt_m_superblock *own;
	struct ppt_pool *pool;
	size_t want = place(NULL, &s);
	uint32_t slot = ppt__get32(sb->slot);
	int err;

	if (scratch_bytes < want)
		return no_scratch(want, diag);
	c->names = s.names;
	place((char *)c, &s);
	for (uint32_t i = 0; i < c->workers; i++) {
		uint32_t *diff = c->worker[i].diff;

		c->worker[i] = (struct ppt__check_worker){ .check = c,
							   .index = i,
							   .diff = diff };
	}
	own = ppt__pool_superblock(c->pool, s.pool);
	__builtin_memcpy(own, sb, sizeof(*own));
	if (ppt__superblock_check(own, slot, NULL) ||
	    ppt__get64(own->pool_bytes) != bytes ||
	    ppt__get32(own->journal_pages) != journal / PPT_PAGE_BYTES) {
		c->pool = NULL; /* it reads differently each time */
		c->err = PPT_E_CORRUPT;
		ppt__check_pool(c, PPT_PROBLEM_SUPERBLOCK_BOTH, 0);
		return 0;
	}
	/* Its regions may be no memory map: the handle is in order. */
	err = ppt__pool_init(&pool, c->pool, s.pool, &c->pm, own,
			     PPT_ATTACH_NO_MMU, NULL);
	if (err)
		c->err = err;
	c->desc_fixed = ppt__desc_plain(c->pool->seed, PPT__DESC_FIXED);
	return 0;
}

int ppt__check_open(const struct ppt_check_config *cfg, bool repair,
		    struct ppt_check **out, struct ppt_diag *diag)
{
	const size_t least = sizeof(struct ppt_check);
	const struct ppt_m_superblock *sb;
	struct ppt_check *c = cfg->scratch;
	struct ppt_pm_config pm = cfg->pm;
	int err = check_config(cfg, diag);

	if (err)
		return err;
	if (!c || (uintptr_t)c % ALIGN || cfg->scratch_bytes < least)
		return no_scratch(least, diag);
	set_up(c, cfg);
	c->fits = repair;
	if (!repair)
		pm.flush = PPT_FLUSH_EADR; /* nobody keeps the copy */
	err = ppt__pm_init(&c->pm, &pm, diag);
	if (err)
		return err;
	if (ppt__check_superblocks(c, &sb))
		err = open_pool(c, sb, cfg->scratch_bytes, diag);
	if (err)
		return err;
	if (c->pool)
		ppt__check_regions(c);
	*out = c;
	return 0;
}

int ppt_check_begin(const struct ppt_check_config *cfg, struct ppt_check **out,
		    struct ppt_diag *diag)
{
	struct ppt_check *c;
	int err = ppt__check_open(cfg, false, &c, diag);

	if (err)
		return err;
	if (c->pool) {
		ppt__check_journal(c);
		ppt__check_directory(c);
		ppt__check_reclaim(c);
		ppt__check_links(c);
	}
	*out = c;
	return 0;
}

/* --------------------------------------------------------- work and end -- */

void ppt_check_work(struct ppt_check *c, uint32_t worker)
{
	struct ppt__check_worker *w;
	uint64_t done = 0, total;
	uint32_t stretches;

	if (!c->pool || worker >= c->workers)
		return;
	w = &c->worker[worker];
	stretches = c->pool->at.desc_pages;
	total = (stretches + c->workers - 1 - worker) / c->workers;
	for (uint32_t s = worker; s < stretches; s += c->workers) {
		ppt__check_stretch(w, s);
		done++;
		if (c->cfg.progress)
			c->cfg.progress(c->cfg.ctx, worker, done, total);
	}
	ppt__check_flush(w);
}

static void add(struct ppt_check_report *r, const struct ppt__check_worker *w)
{
	for (uint32_t i = 0; i < 4; i++)
		r->problems[i] += w->problems[i];
	r->tables += w->tables;
	r->entries += w->entries;
}

void ppt_check_end(struct ppt_check *c, struct ppt_check_report *report)
{
	struct ppt_check_report r = { .err = c->err };

	if (c->pool) {
		ppt__check_counts(c);
		r.pages = c->pool->at.pages;
		r.records = c->scan.records;
		for (uint32_t i = 0; i < c->workers; i++)
			add(&r, &c->worker[i]);
	}
	add(&r, &c->serial);
	if (r.problems[PPT_SEVERITY_FATAL])
		r.verdict = PPT_CHECK_REFUSED;
	else if (r.problems[PPT_SEVERITY_MAJOR] +
		 r.problems[PPT_SEVERITY_MINOR])
		r.verdict = PPT_CHECK_DAMAGED;
	*report = r;
}

int ppt_check(const struct ppt_check_config *cfg,
	      struct ppt_check_report *report, struct ppt_diag *diag)
{
	uint32_t workers = cfg->workers ? cfg->workers : 1;
	struct ppt_check *c;
	int err = ppt_check_begin(cfg, &c, diag);

	if (err)
		return err;
	for (uint32_t i = 0; i < workers; i++)
		ppt_check_work(c, i);
	ppt_check_end(c, report);
	return 0;
}
