/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.h - what an image of a pool says, read from docs/FORMAT.md alone.
 *
 * Layer: sim.  Shares no code with the library.  Everything is read through a
 * view, so that a word of which a crash left open what it is gets decided when
 * it is looked at, and not before.
 */
#ifndef SIM_EXPLORE_IMAGE_H
#define SIM_EXPLORE_IMAGE_H

#include "sim/oracle/oracle.h"

#define IMAGE_PAGES_MAX 1024u

/**
 * struct image_view - how words are read.
 * @media:   the pool.
 * @words:   its length.
 * @open:    for each line of 8 words a bit for each word that is undecided, or
 *           NULL.
 * @decide:  called before any word of [word, word + n) that is open is read;
 *           afterwards none of them is open and @media has their values.
 */
struct image_view {
	const uint64_t *media;
	uint64_t words;
	const uint8_t *open;
	void (*decide)(void *ctx, uint64_t word, uint64_t n);
	void *ctx;
};

/* Before words are read. */
static inline void image_need(const struct image_view *view, uint64_t word,
			      uint64_t n)
{
	if (!view->open)
		return;
	for (uint64_t line = word / 8; line <= (word + n - 1) / 8; line++) {
		if (__builtin_expect(!view->open[line], 1))
			continue;
		view->decide(view->ctx, word, n);
		return;
	}
}

/**
 * struct image - what was found.  All zero before the first image_read; the
 * lists of extents are reused by the next.
 * @space:   by name, in the order of the directory; .exists is set.
 * @spaces:  how many; more than ORACLE_SPACES is a failure.
 * @regions: the recorded memory map, the pool's own region first.
 * @hash:    of everything that counts: the names, formats and extents, and the
 *           words of directory, reclaim list, reachable tables (canonical) and
 *           descriptors.  Tables and metadata count by their descriptors,
 *           whose checksums have been compared with them.
 * @tables:  reachable, and on the reclaim list.
 * @frames:  pages of the pool that are mapped, there too.
 */
struct image {
	struct oracle_space space[ORACLE_SPACES];
	unsigned spaces;
	struct ppt_memory_map regions;
	uint64_t hash;
	uint64_t tables;
	uint64_t frames;
};

/*
 * Read and check a recovered image in full [I5, I7]:
 *   superblock -> directory -> walk of every space as the MMU does it
 * and that each reachable page has a right descriptor (type, level, family,
 * epoch, live count, share count, checksum), each table one owner, each frame
 * of the pool as many leaves as its descriptor says; that no page is lost:
 * what nothing leads to is free, fixed, or named by the reclaim list.
 * Recovered means that all records are replayed and all tables rebased; so the
 * ring is not looked at, nor what extents of the reclaim list name.
 * @settled: nothing may be on the reclaim list.
 * 0, or -1 and the first thing that is wrong.
 */
int image_read(const struct image_view *view, bool settled, struct image *out,
	       struct why *why);

void image_free(struct image *image);

/* Where things are in a pool. */
struct image_places {
	uint32_t desc_page;
	uint32_t dir_page;
	uint32_t reclaim_page;
};

/* 0, or -1 and @why: there is no pool. */
int image_places(const struct image_view *view, struct image_places *out,
		 struct why *why);

/*
 * The page of the table of @level that @va goes through; of the root if @level
 * is higher than that.  The same; -1 also if there is none.
 */
int image_find(const struct image_view *view, const char *space, uint64_t va,
	       unsigned level, uint32_t *page, struct why *why);

/*
 * The words that a replay of the live journal would set, each once with its
 * last value, passed to @set in ascending order; for hygiene.  0; -1 if the
 * superblocks or the tail are damaged; 1 if a whole record is not acceptable.
 */
int image_journal(const struct image_view *view,
		  void (*set)(void *ctx, uint64_t word, uint64_t value),
		  void *ctx, struct why *why);

#endif
