/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * view.h - what a pool contains, seen through the library and through the
 * eyes of the hardware, each compared with the oracle.
 *
 * Layer: sim.
 */
#ifndef SIM_ORACLE_VIEW_H
#define SIM_ORACLE_VIEW_H

#include "sim/oracle/hw_walk.h"

/**
 * struct view - a pool, where it can be looked at.
 * @pool:     NULL while not attached.
 * @media:    its bytes.
 * @writable: the same bytes for those who write frames and set A and D bits;
 *            NULL where nobody does.
 */
struct view {
	struct ppt_pool *pool;
	const uint8_t *media;
	uint8_t *writable;
	uint64_t bytes;
};

/* Collect [va, last] with ppt_iter; checks order and coalescing. */
int view_iterate(struct ppt_space *space, uint64_t va, uint64_t last,
		 struct ext_list *out, struct why *why);

/* Compare one space by iteration and by translation of boundary addresses. */
int view_check_space(struct ppt_space *handle, struct oracle_space *s,
		     uint64_t va, uint64_t last, struct why *why);

/* Compare all spaces, through the library. */
int view_check_library(const struct view *v, struct oracle *o, struct why *why);

/*
 * Compare all spaces as hardware sees them, and the content of the pool's
 * frames.  Everything committed must be in place (strict, or just synced).
 */
int view_check_media(const struct view *v, struct oracle *o, struct why *why);

/* Whether ppt_check finds nothing on the media. */
int view_check_clean(const struct view *v, struct why *why);

/*
 * Compare the page counts.  @settled: nothing waits for ppt_reclaim or a TLB
 * flush, so that tables and frames must match exactly.
 */
int view_check_usage(const struct view *v, const struct oracle *o, bool settled,
		     struct why *why);

/* All of the above on a settled pool; runs ppt_reclaim to the end first. */
int view_check_settled(const struct view *v, struct oracle *o, struct why *why);

/* ppt_reclaim until nothing is left. */
int view_reclaim(struct ppt_pool *pool, struct why *why);

/* The pattern of a page that the test filled. */
void tag_fill(const struct view *v, struct oracle *o, uint64_t page,
	      uint32_t tag);
uint64_t tag_word(uint32_t tag, uint64_t page, unsigned word);

#endif
