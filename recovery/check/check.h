/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Check: what its passes share.  Layer: recovery; see <pptable/check.h>.
 *
 *   superblock.c  copies, geometry, regions, the present memory map
 *   journal.c     tails, records; replay into a private copy
 *   space.c       directory: pages, names, roots
 *   reclaim.c     reclaim list: items, extents
 *   link.c        who leads to each table: owners, from entries of level 2 up
 *   page.c        descriptors of each page, by workers
 *   table.c       tables: checksum, counts, every entry, by workers
 *   entries.h     of these every entry, once for each family of formats
 *   frames.c      … and the frames of the pool that leaves map
 *   count.c       share counts and leaks, from what the workers counted
 *   report.c      the table of problems, and where a problem is
 *   check.c       the passes in their order
 *
 * Tables are checked by page, not by walking trees: each one alone, in the
 * order in which they lie.  So no content can make the check go in circles or
 * the same way twice [I10], and the work can be split anywhere.  What makes
 * trees of the tables is in @owner: the page whose entry, root or item leads
 * to a table.  Levels rise along it, so that a climb ends.
 *
 * Repair, quarantine and the full trust mode have their place on top of these
 * passes: each problem says what a repair does about it.
 */
#ifndef PPTABLE_RECOVERY_CHECK_CHECK_H
#define PPTABLE_RECOVERY_CHECK_CHECK_H

#include <pptable/check.h>

#include "core/pool.h"
#include "core/pt.h"
#include "recovery/replay.h"

#define PPT__LEVELS_MAX 5u

/* Kinds of problem in one table that are told apart; there are fewer. */
#define PPT__FOUND_MAX 24u

struct ppt__found {
	enum ppt_problem_id id;
	uint32_t slot; /* the first */
	uint32_t count;
	uint64_t entry;
};

/* What leads to a table's tree, and where in a space it is. */
struct ppt__place {
	uint32_t page;   /* of the table */
	uint32_t levels; /* of the space; 0: it is in none */
	ppt_va_t va;     /* first one of the table, not yet canonical */
	bool counts;     /* its leaves count as mappings of frames */
	char space[PPT_NAME_BYTES];
};

struct ppt__check_worker {
	uint32_t *diff; /* by page: mappings here, less those of the one before */
	struct ppt_check *check;
	uint32_t index;
	uint32_t last_region;
	struct ppt__place above; /* of the owner of the last table */
	uint64_t problems[4];
	uint64_t tables;
	uint64_t entries;
	struct ppt_problem pending; /* may grow by the next page; count 0: none */
};

#define PPT__NO_RUN UINT64_MAX

/* One table that is being looked at. */
struct ppt__check_table {
	struct ppt__check_worker *worker;
	const uint64_t *word;
	uint64_t lines; /* all but some empty ones */
	uint64_t desc;
	uint32_t page;
	uint32_t level;
	int epoch; /* index of its memory map; -1: unknown */
	bool counts;
	bool no_user; /* by policy and half */
	bool no_supervisor;
	bool no_wx;
	uint32_t live;
	uint64_t run;      /* pages of the pool that leaves map one after the */
	uint64_t run_end;  /* other: [run, run_end) … */
	uint32_t run_slot; /* … from this entry on */
	uint32_t founds;
	struct ppt__found found[PPT__FOUND_MAX];
	/* NULL, or told of each entry at once instead of at the end. */
	void (*fix)(struct ppt__check_table *t, enum ppt_problem_id id,
		    uint32_t slot, uint64_t entry);
	void *fixer;
};

/* What of the check depends on the family of formats. */
struct ppt__check_family {
	uint32_t family;
	/* Where an entry leads if it names a table: false if it does not. */
	bool (*table_pa)(uint64_t entry, uint32_t level, ppt_pa_t *pa);
	/* Where it leads if it is a leaf. */
	bool (*leaf_pa)(uint64_t entry, uint32_t level, ppt_pa_t *pa);
	/* The same of a lost one, as a page of the pool; UINT64_MAX: of other. */
	bool (*lost)(uint64_t entry, uint32_t level, uint64_t *page);
	void (*entries)(struct ppt__check_table *t);
	/* The entry with reserved bits 0 and the rights that tables have. */
	uint64_t (*tidy)(uint64_t entry, uint32_t level);
	/* The leaf without some of its rights. */
	uint64_t (*without)(uint64_t entry, uint32_t prot);
	uint64_t (*span)(uint32_t level);
	ppt_va_t (*canonical)(ppt_va_t va, uint32_t levels);
};

extern const struct ppt__check_family ppt__check_x86_64 PPT__HIDDEN;

struct ppt_check {
	struct ppt_check_config cfg;
	struct ppt__pm pm;
	struct ppt_pool *pool; /* NULL: no superblock, nothing can be done */
	struct ppt__scan scan;
	int err;
	bool fits; /* of two superblocks take the one that descriptors fit */
	uint32_t workers;
	uint64_t width;      /* bits of an address that this CPU lacks */
	bool wide;           /* there is memory at addresses that have them */
	uint64_t desc_fixed; /* ready-made */
	uint32_t epochs;     /* maps that are remembered, the oldest first */
	uint32_t epoch_oldest;
	struct ppt_memory_map map[PPT_M_EPOCHS];
	struct ppt_memory_map now; /* of the recorded regions; len 0: gone */

	uint32_t *owner; /* by page: the page that leads to it, or 0 */
	uint64_t *twice; /* bits: more than one does */
	uint64_t *held;  /* bits: in an extent of the reclaim list */
	uint64_t *data;  /* bits by stretch: of data pages only */
	uint64_t *name;  /* hash table of names: page << 16 | slot, or 0 */
	uint32_t names;  /* a power of two */
	bool any_held;
	struct ppt__check_worker *worker;
	struct ppt__check_worker serial; /* of the passes that are not split */
};

/* ------------------------------------------------------------ reading -- */

static inline uint64_t ppt__check_load(const struct ppt_check *c, uint32_t page,
				       uint32_t slot)
{
	return ppt__pm_load(&c->pm, ppt__word(page, slot));
}

static inline uint64_t ppt__check_desc(const struct ppt_check *c, uint32_t page)
{
	return ppt__pm_load(&c->pm, ppt__word(c->pool->at.desc_page, 0) + page);
}

static inline const uint64_t *ppt__check_page(const struct ppt_check *c,
					      uint32_t page)
{
	return ppt__pm_view(&c->pm, ppt__word(page, 0), PPT_PAGE_WORDS);
}

static inline bool ppt__check_bit(const uint64_t *map, uint64_t i)
{
	return map[i / 64] >> i % 64 & 1u;
}

static inline void ppt__check_set(uint64_t *map, uint64_t i)
{
	map[i / 64] |= UINT64_C(1) << i % 64;
}

/* Whether a page may be a table or a data page. */
static inline bool ppt__check_inside(const struct ppt_check *c, uint64_t page)
{
	return page >= c->pool->at.first_page && page < c->pool->at.pages;
}

/* NULL for what is no family. */
const struct ppt__check_family *ppt__check_family(uint32_t family);

/* Index of the memory map that a table's descriptor names; -1: none. */
int ppt__check_epoch(const struct ppt_check *c, uint64_t desc);

/*
 * The page that an entry leads to as a table, if it is one of the level below
 * and not held; else false.  What the library's walk would follow.
 */
bool ppt__check_follow(const struct ppt_check *c,
		       const struct ppt__check_family *f, int epoch,
		       uint32_t level, uint64_t entry, uint32_t *page);

/* Something leads to a table. */
static inline void ppt__check_own(struct ppt_check *c, uint32_t page,
				  uint32_t owner)
{
	if (c->owner[page])
		ppt__check_set(c->twice, page);
	else
		c->owner[page] = owner;
}

/* ---------------------------------------------------------- reporting -- */

/* A problem with its row filled in. */
struct ppt_problem ppt__problem(enum ppt_problem_id id);

/* Report; counts it. */
void ppt__check_tell(struct ppt__check_worker *w, struct ppt_problem *problem);

/* Of the pool as a whole, of a page, of a word, of a line. */
void ppt__check_pool(struct ppt_check *c, enum ppt_problem_id id,
		     uint64_t found);
void ppt__check_at(struct ppt__check_worker *w, enum ppt_problem_id id,
		   uint32_t page, uint64_t found);
void ppt__check_word(struct ppt_check *c, enum ppt_problem_id id, uint32_t page,
		     uint32_t slot, uint64_t found);
void ppt__check_line(struct ppt_check *c, enum ppt_problem_id id,
		     uint64_t line);

/* Of a page; pages of a kind that follow each other are one problem. */
void ppt__check_pages(struct ppt__check_worker *w, enum ppt_problem_id id,
		      uint32_t page, uint64_t found);
void ppt__check_flush(struct ppt__check_worker *w);

/* Of an entry of a table; told with the others of its kind by … */
void ppt__check_entry(struct ppt__check_table *t, enum ppt_problem_id id,
		      uint32_t slot, uint64_t entry);
/* … this. */
void ppt__check_entries_tell(struct ppt__check_table *t);

/* Where a table is: up along its owners. */
void ppt__check_climb(const struct ppt_check *c, uint32_t page,
		      struct ppt__place *out);

/* ------------------------------------------------------------- passes -- */

/*
 * All that comes before the passes over pages but the journal: superblocks,
 * handle, regions.  @repair: stores are meant to last, and of two superblocks
 * the one counts that the descriptors agree with.
 */
int ppt__check_open(const struct ppt_check_config *cfg, bool repair,
		    struct ppt_check **out, struct ppt_diag *diag);

/* False if there is no superblock to go by. */
bool ppt__check_superblocks(struct ppt_check *c,
			    const struct ppt_m_superblock **sb);
void ppt__check_regions(struct ppt_check *c);
void ppt__check_journal(struct ppt_check *c);
void ppt__check_directory(struct ppt_check *c);
void ppt__check_reclaim(struct ppt_check *c);
void ppt__check_links(struct ppt_check *c);
void ppt__check_stretch(struct ppt__check_worker *w, uint32_t stretch);
void ppt__check_table(struct ppt__check_worker *w, uint32_t page,
		      uint64_t desc);
/* Pages of the pool that leaves of so many pages each map: [run, run_end). */
void ppt__check_frames(struct ppt__check_table *t, uint64_t leaf_pages);
void ppt__check_counts(struct ppt_check *c);

/* What the policy says about leaves of this table. */
void ppt__check_set_policy(struct ppt__check_table *t,
			   const struct ppt__check_family *f,
			   const struct ppt__place *at);

/* 1 to 31 printable bytes, no '/', then nothing but NUL. */
bool ppt__check_name_ok(const uint64_t *word);
/* Enter a name into the table of those seen; true if it is there already. */
bool ppt__check_name_seen(struct ppt_check *c, uint32_t page, uint32_t slot,
			  const uint64_t *name);

/* Mark an extent as held; whether a page of it was marked before. */
bool ppt__check_hold(struct ppt_check *c, uint32_t page, uint32_t count);

/* A metadata page against its descriptor. */
void ppt__check_meta(struct ppt_check *c, enum ppt_problem_id id,
		     uint32_t page);

#endif
