/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file repair.h  Repair: make a pool what it should be, or as much of it as
 * can be vouched for.
 *
 * What a repair believes comes from above: a superblock, the directory, and
 * then every table that an entry of a believed table names and that matches
 * its descriptor.  From these it makes all descriptors, counts and the list of
 * free pages.  One flipped bit of a table is set right by the checksum.  What
 * cannot be believed is taken out: it is not mapped afterwards, and each range
 * of addresses that is lost so is told.  Never does an address translate to
 * something that nothing vouches for.
 *
 * The pool must not be attached, and nobody else may have it open.
 */
#ifndef PPTABLE_REPAIR_H
#define PPTABLE_REPAIR_H

#include <pptable/check.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a repair does: X(name, code, whether mappings or updates are lost,
 * message).  Codes are stable.
 */
#define PPT_ACTIONS(X)                                                         \
	X(SUPERBLOCK, "superblock-written", false,                             \
	  "both copies of the superblock are written anew")                    \
	X(SHUTDOWN, "shutdown-written", false,                                 \
	  "record of the unsafe-shutdown count is written anew")               \
	X(TAIL, "tail-written", false,                                         \
	  "both copies of the journal's tail are written anew")                \
	X(REPLAYED, "journal-replayed", false,                                 \
	  "records that waited for replay are replayed")                       \
	X(SEARCHED, "journal-searched", true,                                  \
	  "without a tail, the ring's last records are replayed; older ones "  \
	  "that were not written home are lost")                               \
	X(CUT, "journal-cut", true, "updates from this line on are lost")      \
	X(LEFT_OUT, "record-left-out", true,                                   \
	  "words that a record sets in a data page are left as they are")      \
	X(DIRECTORY, "directory-written", false,                               \
	  "directory page is written anew")                                    \
	X(DIRECTORY_DOUBTED, "directory-doubted", true,                        \
	  "damaged directory page keeps its roots, under made-up names")       \
	X(SPACE_EMPTIED, "space-emptied", true,                                \
	  "the space's root table is lost: it maps nothing now")               \
	X(SPACE_REMOVED, "space-removed", true,                                \
	  "entry that leads to no space is removed")                           \
	X(SPACE_FOUND, "space-found", false,                                   \
	  "root table without a name is a space again")                        \
	X(SPACE_NAMED, "space-named", false, "space is given another name")    \
	X(RECLAIM, "reclaim-written", false,                                   \
	  "reclaim list is written anew; what it lost is freed")               \
	X(TABLE_CORRECTED, "table-corrected", false,                           \
	  "flipped bit of a table or its descriptor is set right")             \
	X(TABLE_BELIEVED, "table-believed", false,                             \
	  "descriptor is made from its table, which nothing else vouches for") \
	X(TABLE_WRITTEN, "table-written", false,                               \
	  "counts, reserved bits or rights of a table are set right")          \
	X(TABLE_CUT, "table-cut", true,                                        \
	  "entry that leads to no table that can be believed is cleared")      \
	X(LEAF_CLEARED, "leaf-cleared", true,                                  \
	  "entry that maps what it must not is cleared")                       \
	X(DESCRIPTOR, "descriptor-written", false,                             \
	  "descriptor is made from what leads to the page")                    \
	X(FREED, "page-freed", false, "page that nothing leads to is freed")

enum ppt_action_id {
#define PPT_ACTION_ENUM(name, code, lossy, message) PPT_ACTION_##name,
	PPT_ACTIONS(PPT_ACTION_ENUM)
#undef PPT_ACTION_ENUM
		PPT_ACTION_COUNT
};

/**
 * struct ppt_action - one thing that a repair did, or several of a kind beside
 * each other.
 * @id, @code, @lossy, @message: the row of PPT_ACTIONS.
 * @where: mask of enum ppt_where: which of the following are meant.
 * @page, @slot, @space, @line, @count: as in struct ppt_problem.
 * @va, @last: the addresses concerned; of a lossy action, what is not mapped
 *         now and was, or may have been.
 */
struct ppt_action {
	enum ppt_action_id id;
	const char *code;
	bool lossy;
	const char *message;
	uint32_t where;
	uint64_t page;
	uint32_t slot;
	char space[PPT_NAME_BYTES];
	ppt_va_t va;
	ppt_va_t last;
	uint64_t line;
	uint64_t count;
};

/**
 * struct ppt_repair_config - what to repair, and how.
 * @pm:       where the pool is; @pm.bytes is the length of the media.
 * @scratch, @scratch_bytes: DRAM, 64-byte aligned, at least
 *            ppt_repair_scratch_bytes(), needed during the call.
 * @flags:    PPT_CHECK_EXACT, PPT_CHECK_ZEROED or 0.
 * @policy:   as in struct ppt_check_config; what it does not allow is taken away.
 * @pa_bits:  as there; wider addresses stay, they are no damage of the pool.
 * @usc:      NULL, or the record of the unsafe-shutdown count to store before
 *            anything else is written; UNSAFE, so that a crash leaves it so.
 *            The caller renews it when the pool is found whole.  A damaged
 *            record is taken away without it.
 * @drain, @drain_ctx: as in struct ppt_attach_config.
 * @action:   called with @ctx for each action, before it is durable.
 */
struct ppt_repair_config {
	struct ppt_pm_config pm;
	void *scratch;
	size_t scratch_bytes;
	uint32_t flags;
	uint32_t policy;
	uint32_t pa_bits;
	const struct ppt_usc *usc;
	void (*drain)(void *ctx);
	void *drain_ctx;
	void (*action)(void *ctx, const struct ppt_action *action);
	void *ctx;
};

/**
 * struct ppt_repair_report - what came out.
 * @actions: how many were told.
 * @losses:  how many of these are lossy.
 * @pages:   of the pool.
 */
struct ppt_repair_report {
	uint64_t actions;
	uint64_t losses;
	uint64_t pages;
};

/** ppt_repair_scratch_bytes - as ppt_check_scratch_bytes, for a repair. */
size_t ppt_repair_scratch_bytes(const void *media, uint64_t bytes);

/**
 * ppt_repair - repair a pool, replaying its journal first.
 *
 * A pool in which nothing is wrong is not written to, but for the replay.  A
 * second repair finds nothing to do.  What cannot be repaired is refused before
 * anything is written.
 *
 * Durable: on return.
 * Crash:   repair again: each change is a transaction, and those that are there
 *          make the pool no worse.
 * Bound:   reads every descriptor, table and page of the directory up to four
 *          times; a transaction for each page that is changed.
 * Return:  0; PPT_E_MAGIC, PPT_E_VERSION, PPT_E_FEATURE, PPT_E_SIZE; PPT_E_CORRUPT
 *          both superblocks or their regions are damaged; PPT_E_NOMEM scratch
 *          too small; PPT_E_INVAL an argument; PPT_E_JOURNAL the media does
 *          not hold what is written.
 */
int ppt_repair(const struct ppt_repair_config *cfg,
	       struct ppt_repair_report *report, struct ppt_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
