/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes that are seeded on purpose, to see that the crash explorer finds
 * them.  Layer: format.
 *
 * PPT_MUTANT(NAME) is the constant 0 in every build but that of the target
 * ppt_mutant_objects (-DPPT_MUTANTS), whose objects go into no library that is
 * installed.  So mutants cost nothing: tests/style/mutants_cost.py compares the
 * object code with that of a tree without them.
 *
 * Each one is a mistake that somebody could make, at one place if that can be.
 * Its text says what the mutated library does.
 */
#ifndef PPTABLE_FORMAT_MUTANT_H
#define PPTABLE_FORMAT_MUTANT_H

/* clang-format off */
/* X(name, what the mutant does) */
#define PPT__MUTANTS(X)                                                        \
	/* the record */                                                       \
	X(CRC_FIRST_LINE, "a record's checksum covers its first line only")    \
	X(CRC_IGNORED, "recovery takes any record with the right number")      \
	X(CHAIN_HALF, "recovery takes a chain of which the end is missing")    \
	X(PENDING_IGNORED, "recovery takes any record behind the end for "     \
			   "proof of damage")                                  \
	/* the commit */                                                       \
	X(HOME_EARLY, "a commit stores in place before its fence")             \
	X(RELAXED_AT_ONCE, "a relaxed commit stores in place at once")         \
	X(ZERO_UNFENCED, "a frame that was just zeroed is mapped without a "   \
			 "fence in between")                                   \
	X(ZERO_STALE, "a frame that was zeroed once counts as zero for good")  \
	/* the ring */                                                         \
	X(TAIL_EARLY, "a checkpoint moves the tail and writes nothing back")   \
	X(TAIL_PAST_RECORD, "a checkpoint beside a commit also moves the "     \
			    "tail past that commit's record")                  \
	X(DIRTY_ONCE, "a line that was written back once never is again")      \
	X(SEQ_REUSED, "behind a torn record its line numbers are used again")  \
	X(GHOSTS_CONTINUED, "the first commit after an attach that replayed "  \
			    "nothing continues the ring where it is")          \
	X(CLOSED_EARLY, "each move of the tail says that nothing is behind it") \
	/* pages */                                                            \
	X(FREED_SHOWN, "a transaction takes pages that it frees itself")       \
	X(LIMBO_SKIPPED, "freed pages are taken before that is durable")       \
	X(LIMBO_BEFORE_TAIL, "freed pages are taken while the ring has "       \
			     "records that set words of them")                 \
	X(HELD_FORGOTTEN, "after an attach, pages on the reclaim list are "    \
			  "taken")                                             \
	X(SHARE_KEPT, "another mapping of a frame is not counted")             \
	X(FRAMES_LEAKED, "unmapping does not free frames")                     \
	X(TABLES_LEAKED, "reclaiming frees frames, but no tables")             \
	X(ROOT_LEAKED, "a deleted space is not put on the reclaim list")       \
	/* tables */                                                           \
	X(CRC_LEFT_OUT, "a word changes and its table's descriptor does not")  \
	X(LIVE_KEPT, "the count of live entries is left as it is")             \
	X(TABLE_DIRTY, "what is behind the first entries of a new table is "   \
		       "not cleared")                                          \
	X(ERA_KEPT, "walks find a table that was freed")                       \
	X(BLANK_STALE, "a slot that was set is still known to be empty")       \
	/* building aside */                                                   \
	X(INTENT_DROPPED, "pages are built upon without being on the "         \
			  "reclaim list")                                      \
	X(INTENT_UNFENCED, "pages are built upon before it is durable that "   \
			   "they are on the reclaim list")                     \
	X(INTENT_KEPT, "pages that are linked stay on the reclaim list")       \
	X(PARENT_FIRST, "a subtree is linked before it is durable")            \
	/* superblocks */                                                      \
	X(GENERATION_KEPT, "the superblock's generation is not raised")        \
	X(SUPERBLOCK_IN_PLACE, "the superblock that counts is overwritten, "   \
			       "the other one not")                            \
	X(MAGIC_KEPT, "formatting does not begin by taking the magic away")    \
	/* recovery */                                                         \
	X(REPAIR_FIRST, "the scan stores what it reads")                       \
	X(REPLAY_SHORT, "the last record is not replayed")                     \
	X(REPLAY_BACKWARDS, "the runs of a record are replayed in reverse")    \
	X(TAIL_BEFORE_REPLAY, "recovery moves the tail, then replays")         \
	X(REBASE_TWICE, "a table is rebased from the oldest epoch, whatever "  \
			"its own")                                             \
	X(EPOCH_APART, "a table's words and its epoch are rebased in two "     \
		       "transactions")                                         \
	/* trust */                                                            \
	X(EPOCH_SAME, "a changed memory map is recorded as the same epoch")    \
	X(EPOCH_KEPT, "a table is rebased, and its epoch is not")              \
	X(STALE_TRUSTED, "a table of an older epoch is taken as it is")        \
	X(MOVES_LATEST, "a table is rebased from the latest epoch before the " \
			"present one, whatever its own")                       \
	X(FORGET_EARLY, "settling forgets older maps at its first step")       \
	X(SETTLE_SKIPS, "settling skips a page behind each step")              \
	X(LOST_PASSED, "a leaf whose memory is gone stays as it is")           \
	X(FOUND_STALE, "a leaf whose memory is back gets its old address")     \
	X(ARM_EARLY, "tables are armed when their parent is touched")          \
	X(ARM_LATE, "a walk does not arm what it passes")                      \
	X(COLD_SUMMED, "a cold mark counts in the checksum")                   \
	/* repair */                                                           \
	X(MEND_TAIL_EARLY, "a repair moves the tail, then replays")            \
	X(MEND_APART, "a repair writes a page and its descriptor in two "      \
		      "transactions")                                          \
	X(MEND_AGAIN, "a repair writes each table that it reads")
/* clang-format on */

enum ppt__mutant_name {
	PPT__MUTANT_NONE,
#define PPT__MUTANT_ID(name, what) PPT__MUTANT_##name,
	PPT__MUTANTS(PPT__MUTANT_ID)
#undef PPT__MUTANT_ID
		PPT__MUTANT_COUNT
};

#ifdef PPT_MUTANTS
extern unsigned int ppt__mutant; /* the one that is on */
#define PPT_MUTANT(name) (ppt__mutant == PPT__MUTANT_##name)
#else
#define PPT_MUTANT(name) 0
/* For the simulator, which is linked to either library: NULL if there is none. */
extern unsigned int ppt__mutant __attribute__((weak));
#endif

#endif
