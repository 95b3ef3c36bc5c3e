/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Repair: the steps, and what they share.  Layer: recovery.
 *
 *   repair.c     set-up, superblocks, the order of the steps
 *   journal.c    tails, replay of what can be replayed
 *   believe.c    how far a page and its descriptor may be believed
 *   directory.c  spaces: which roots count, the directory written anew
 *   reclaim.c    the same for the reclaim list
 *   tree.c       from the roots down: which tables count
 *   table.c      one table written anew
 *   sweep.c      the descriptors of all other pages
 *   report.c     actions, and where they were
 *
 * First marks are made, which writes nothing: which page is used, as what, and
 * which word leads to it.  Then what differs from that is written, from the top
 * down, each page with its descriptor in a transaction of its own; so a crash
 * leaves less to do, and nothing else.
 */
#ifndef PPTABLE_RECOVERY_REPAIR_REPAIR_H
#define PPTABLE_RECOVERY_REPAIR_REPAIR_H

#include <pptable/repair.h>

#include "recovery/check/check.h"

/* What a page is marked as: 0, the level of a table, or … */
#define PPT__USE_META 15u
#define PPT__USE_LEVEL 15u     /* mask */
#define PPT__USE_EMPTY 0x80u   /* a root whose content is lost */
#define PPT__USE_DOUBTED 0x40u /* metadata that does not match its checksum */
#define PPT__USE_UNNAMED 0x20u /* a root that no entry leads to */
#define PPT__USE_GOOD 0x10u    /* a table that matches its checksum */

enum ppt__belief {
	PPT__BELIEF_NONE,      /* damaged, or something else */
	PPT__BELIEF_ALONE,     /* only its descriptor is damaged, it seems */
	PPT__BELIEF_CORRECTED, /* one bit, or the descriptor's upper half */
	PPT__BELIEF_GOOD,
};

struct ppt__repair {
	struct ppt_repair_config cfg;
	struct ppt_check *c;
	struct ppt_pool *pool;
	struct ppt_repair_report report;
	int err;
	uint64_t seen[PPT_PROBLEM_COUNT / 64 + 1]; /* by the first passes */
	uint8_t *use;                              /* by page */
	uint16_t *slot;   /* by page: of the word that leads to it */
	uint8_t *garbled; /* by page of descriptors: most are no descriptors */
	uint32_t *chain;  /* pages of the directory, in order */
	uint32_t chained;
	uint64_t *loaded;  /* page buffers: what was loaded, … */
	uint64_t *written; /* … what is to be written, … */
	uint64_t *child;   /* … and what is loaded meanwhile */
	bool unnamed;      /* roots without a name are looked for */
	bool top_lost; /* a root of 5 levels is: its children are no roots */
	uint32_t next_unnamed;
	struct ppt_action pending; /* may grow by the next page */
};

/*
 * A family's code, or NULL for metadata, and what the page should be; of what
 * was loaded, the lines that are not empty.
 */
struct ppt__believe {
	const struct ppt__check_family *family;
	uint32_t level;
	uint32_t page;
	uint64_t lines;
};

static inline uint32_t ppt__use(const struct ppt__repair *r, uint64_t page)
{
	return r->use[page] & PPT__USE_LEVEL;
}

static inline bool ppt__repair_held(const struct ppt__repair *r, uint64_t page)
{
	return r->c->any_held && ppt__check_bit(r->c->held, page);
}

/* The first page from @page on that is marked; the pool's pages: none is. */
static inline uint64_t ppt__repair_next(const struct ppt__repair *r,
					uint64_t page)
{
	const uint64_t pages = r->pool->at.pages;

	while (page < pages && !r->use[page]) {
		uint64_t eight;

		/* Behind the last page there is room, and no mark. */
		__builtin_memcpy(&eight, r->use + page, sizeof(eight));
		page += eight ? 1 : sizeof(eight);
	}
	return page < pages ? page : pages;
}

/* Words that are not 0, all in @lines. */
static inline uint32_t ppt__repair_live(const uint64_t *word, uint64_t lines)
{
	uint32_t live = 0;

	for (; lines; lines &= lines - 1) {
		uint32_t at =
			(uint32_t)__builtin_ctzll(lines) * PPT__LINE_WORDS;

		for (uint32_t s = at; s < at + PPT__LINE_WORDS; s++)
			live += word[s] != 0;
	}
	return live;
}

/* Whether a page may still be marked. */
static inline bool ppt__repair_unused(const struct ppt__repair *r,
				      uint64_t page)
{
	return ppt__check_inside(r->c, page) && !r->use[page] &&
	       !ppt__repair_held(r, page);
}

static inline void ppt__repair_mark(struct ppt__repair *r, uint32_t page,
				    uint32_t use, uint32_t owner, uint32_t slot)
{
	r->use[page] = (uint8_t)use;
	r->c->owner[page] = owner;
	r->slot[page] = (uint16_t)slot;
}

/* Whether a word was found to be what leads to a page. */
static inline bool ppt__repair_leads(const struct ppt__repair *r, uint32_t from,
				     uint32_t slot, uint64_t page)
{
	return ppt__check_inside(r->c, page) && r->use[page] &&
	       r->c->owner[page] == from && r->slot[page] == slot;
}

/* ----------------------------------------------------------- believing -- */

/*
 * Load a page, set right if that is possible; @epoch: the index of the memory
 * map that a table's entries are under.
 */
enum ppt__belief ppt__repair_load(struct ppt__repair *r, struct ppt__believe *b,
				  uint64_t *word, int *epoch);

/* The same, for the answer alone. */
enum ppt__belief ppt__repair_look(struct ppt__repair *r,
				  struct ppt__believe *b);

/* The page where it is; ppt__repair_look has found it good. */
const uint64_t *ppt__repair_seen(struct ppt__repair *r, struct ppt__believe *b,
				 int *epoch);

/* Whether a descriptor is right about its page, whatever it says. */
bool ppt__repair_desc_valid(struct ppt__repair *r, uint32_t page,
			    uint64_t desc);

/* Find the pages of descriptors that are none. */
void ppt__repair_garbled(struct ppt__repair *r);

/* ------------------------------------------------------------- writing -- */

/* A transaction that makes a page and its descriptor so; false: it was so. */
bool ppt__repair_write(struct ppt__repair *r, uint32_t page,
		       const uint64_t *word, uint64_t desc);

/* -------------------------------------------------------------- telling -- */

struct ppt_action ppt__action(enum ppt_action_id id);
void ppt__repair_tell(struct ppt__repair *r, struct ppt_action *action);
void ppt__repair_at(struct ppt__repair *r, enum ppt_action_id id,
		    uint32_t page);
void ppt__repair_line(struct ppt__repair *r, enum ppt_action_id id,
		      uint64_t line);
/* Of pages; those of a kind that follow each other are one action. */
void ppt__repair_pages(struct ppt__repair *r, enum ppt_action_id id,
		       uint32_t page);
void ppt__repair_flush(struct ppt__repair *r);
/* Of entries [slot, slot + n) of a table; PPT_PAGE_WORDS: of all of it. */
void ppt__repair_entries(struct ppt__repair *r, enum ppt_action_id id,
			 const struct ppt__place *at, uint32_t slot,
			 uint32_t n);
/* Where a table is: up along the marks. */
void ppt__repair_place(const struct ppt__repair *r, uint32_t page,
		       struct ppt__place *out);

/* ---------------------------------------------------------------- steps -- */

void ppt__repair_journal(struct ppt__repair *r);
void ppt__repair_mark_directory(struct ppt__repair *r);
/* Roots of a level that entries of doubted pages lead to. */
void ppt__repair_mark_doubted(struct ppt__repair *r, uint32_t level);
void ppt__repair_mark_reclaim(struct ppt__repair *r);
void ppt__repair_mark_tables(struct ppt__repair *r);
void ppt__repair_directory(struct ppt__repair *r);
void ppt__repair_reclaim(struct ppt__repair *r);
void ppt__repair_tables(struct ppt__repair *r);
void ppt__repair_sweep(struct ppt__repair *r);

#endif
