/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file check.h  Check: whether a pool is what it should be; changes nothing.
 *
 * Attach looks at what it needs; check looks at everything: superblocks,
 * journal, descriptors, every table and every entry, directory, reclaim list,
 * and whether each page is used as often as its descriptor says.  What is
 * damaged does not stop it: it is reported, and the rest is checked with what
 * can still be trusted.
 *
 *   ppt_check_begin   superblocks, journal, directory, reclaim list, links
 *   ppt_check_work    once for each worker, on as many CPUs as there are:
 *                     descriptors and tables
 *   ppt_check_end     what the workers counted, taken together
 *
 * Between begin and end the media must not change.
 */
#ifndef PPTABLE_CHECK_H
#define PPTABLE_CHECK_H

#include <pptable/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How bad a problem is. */
enum ppt_severity {
	PPT_SEVERITY_NOTE = 0,  /* nothing is wrong, but good to know */
	PPT_SEVERITY_MINOR = 1, /* a spare copy, or pages, are lost */
	PPT_SEVERITY_MAJOR = 2, /* a translation cannot be trusted */
	PPT_SEVERITY_FATAL = 3, /* ppt_attach refuses the pool */
};

/** ppt_severity_name - "note", "minor", "major", "fatal"; never NULL. */
const char *ppt_severity_name(enum ppt_severity severity);

/*
 * Every problem that check knows: X(name, code, severity, message, repair).
 * Codes are stable.  The last column says what a repair does about it.
 *
 * What a page that cannot be read (MEDIA_ERROR, of ppt_host_check) means to who
 * opens the pool depends on the page; see ppt_host_open.
 */
#define PPT_PROBLEMS_POOL(X)                                                   \
	X(MEDIA_SIZE, "media-size", FATAL,                                     \
	  "size of the media and of the pool differ",                          \
	  "none: give the file its size back")                                 \
	X(MEDIA_ERROR, "media-error", MAJOR, "page cannot be read",            \
	  "take it for a page of zeros and repair that")                       \
	X(SUPERBLOCK_MAGIC, "superblock-magic", FATAL,                         \
	  "neither copy is a superblock of a pool", "none: this is no pool")   \
	X(SUPERBLOCK_VERSION, "superblock-version", FATAL,                     \
	  "media version not supported", "none: use the version it is of")     \
	X(SUPERBLOCK_FEATURE, "superblock-feature", FATAL,                     \
	  "pool needs a feature that this version lacks",                      \
	  "none: use a version that has it")                                   \
	X(SUPERBLOCK_READ_ONLY, "superblock-read-only", NOTE,                  \
	  "a feature that this version lacks lets it read only", "none")       \
	X(SUPERBLOCK_BOTH, "superblock-both", FATAL,                           \
	  "both copies of the superblock are damaged",                         \
	  "none: restore it from a backup")                                    \
	X(SUPERBLOCK_COPY, "superblock-copy", MINOR,                           \
	  "one copy of the superblock is damaged",                             \
	  "write it anew from the other")                                      \
	X(SUPERBLOCK_STALE, "superblock-stale", NOTE,                          \
	  "one copy of the superblock is older than the other",                \
	  "write it anew from the other")                                      \
	X(SUPERBLOCK_FOREIGN, "superblock-foreign", FATAL,                     \
	  "the superblocks are of two pools",                                  \
	  "keep the one that the descriptors agree with")                      \
	X(SUPERBLOCK_TWINS, "superblock-twins", MAJOR,                         \
	  "the superblocks differ under one generation",                       \
	  "keep the one that the descriptors agree with")                      \
	X(SUPERBLOCK_RESERVED, "superblock-reserved", MINOR,                   \
	  "a reserved field of the superblock is not 0", "clear it")           \
	X(SHUTDOWN_RECORD, "shutdown-record", MINOR,                           \
	  "record of the unsafe-shutdown count is damaged or torn",            \
	  "write it anew, or clear it where there is no count")                \
	X(SHUTDOWN_UNSAFE, "shutdown-unsafe", NOTE,                            \
	  "what was flushed before power was lost may not have arrived",       \
	  "validate everything, and renew the record if nothing is wrong")     \
	X(REGION_INVALID, "region-invalid", FATAL,                             \
	  "the recorded regions are no memory map",                            \
	  "none: restore the superblock from a backup")                        \
	X(REGION_OLD, "region-old", MAJOR,                                     \
	  "the regions of an older epoch are no memory map",                   \
	  "none: restore the superblock from a backup")                        \
	X(REGION_POOL, "region-pool", MAJOR,                                   \
	  "the pool's own region has another UUID than the pool",              \
	  "give it the pool's UUID")                                           \
	X(MEMORY_MAP, "memory-map", FATAL,                                     \
	  "the present memory map does not fit the recorded one",              \
	  "none: give one with the pool's region and no overlaps")             \
	X(JOURNAL_TAIL, "journal-tail", MINOR,                                 \
	  "one copy of the journal's tail is damaged",                         \
	  "write it anew from the other")                                      \
	X(JOURNAL_TAILS, "journal-tails", FATAL,                               \
	  "both copies of the journal's tail are damaged",                     \
	  "search the ring for its last records")                              \
	X(JOURNAL_RECORD, "journal-record", FATAL,                             \
	  "record is damaged, though declared durable",                        \
	  "replay what is before it; updates are lost")                        \
	X(JOURNAL_RUN, "journal-run", FATAL, "record writes where none may",   \
	  "replay what is before it; updates are lost")                        \
	X(JOURNAL_DATA, "journal-data", MAJOR,                                 \
	  "record to be replayed writes into a data page",                     \
	  "leave that word out of the replay")                                 \
	X(JOURNAL_LIVE, "journal-live", NOTE,                                  \
	  "records wait for replay and were not replayed for this check",      \
	  "none: attach replays them")

#define PPT_PROBLEMS_PAGE(X)                                                   \
	X(DESC_CHECKSUM, "descriptor-checksum", MAJOR,                         \
	  "descriptor does not match its checksum",                            \
	  "make it anew from what leads to the page")                          \
	X(DESC_TYPE, "descriptor-type", MAJOR, "descriptor has no valid type", \
	  "make it anew from what leads to the page")                          \
	X(DESC_RESERVED, "descriptor-reserved", MINOR,                         \
	  "reserved bits of a descriptor are not 0", "clear them")             \
	X(DESC_SHARE, "descriptor-share", MAJOR,                               \
	  "data page with a share count of 0", "count its mappings")           \
	X(DESC_PLACE, "descriptor-place", MAJOR,                               \
	  "descriptor is of a type that cannot be at this place",              \
	  "make it anew from the place")                                       \
	X(DESC_PADDING, "descriptor-padding", MINOR,                           \
	  "descriptor of a page behind the pool's end is changed",             \
	  "write it anew")                                                     \
	X(TABLE_CHECKSUM, "table-checksum", MAJOR,                             \
	  "table does not match its descriptor",                               \
	  "set a flipped bit right; else cut it off: its range is unmapped")   \
	X(TABLE_FAMILY, "table-family", MAJOR,                                 \
	  "table of no known format, or of a level that has none",             \
	  "cut it off: its range is unmapped")                                 \
	X(TABLE_EPOCH, "table-epoch", MAJOR,                                   \
	  "table was written under a memory map that is not recorded",         \
	  "cut it off: its range is unmapped")                                 \
	X(TABLE_LIVE, "table-live", MAJOR,                                     \
	  "table's count of live entries is wrong", "count them")              \
	X(TABLE_SHARE, "table-share", MAJOR, "table's share count is not 1",   \
	  "set it to 1")                                                       \
	X(TABLE_OWNERS, "table-owners", MAJOR,                                 \
	  "more than one entry, root or item leads to the table",              \
	  "clear all but the first of them")                                   \
	X(TABLE_LEAKED, "table-leaked", MINOR, "nothing leads to the table",   \
	  "free it and what it maps")                                          \
	X(FRAME_LEAKED, "frame-leaked", MINOR, "nothing maps the data page",   \
	  "free it")                                                           \
	X(FRAME_OVERCOUNTED, "frame-overcounted", MINOR,                       \
	  "data page is mapped less often than its share count says",          \
	  "set the count")                                                     \
	X(FRAME_UNDERCOUNTED, "frame-undercounted", MAJOR,                     \
	  "data page is mapped more often than its share count says",          \
	  "set the count")                                                     \
	X(META_LEAKED, "meta-leaked", MINOR,                                   \
	  "metadata page is not part of the directory",                        \
	  "free it, or make it part again of a directory that lost it")

#define PPT_PROBLEMS_ENTRY(X)                                                  \
	X(ENTRY_BAD, "entry-bad", MAJOR,                                       \
	  "entry is neither empty, nor a table, nor a leaf", "clear it")       \
	X(ENTRY_RESERVED, "entry-reserved", MAJOR,                             \
	  "reserved bits of an entry are not 0", "clear them")                 \
	X(ENTRY_WIDTH, "entry-width", MAJOR,                                   \
	  "address is wider than this CPU's physical addresses",               \
	  "none: use a CPU that has them, or move the memory")                 \
	X(ENTRY_RIGHTS, "entry-rights", MAJOR,                                 \
	  "entry that names a table restricts rights", "set them")             \
	X(ENTRY_OUTSIDE, "entry-outside", MAJOR,                               \
	  "entry names a table outside the pool's tables", "clear it")         \
	X(ENTRY_TARGET, "entry-target", MAJOR,                                 \
	  "entry names a page that is not a table of the next level",          \
	  "clear it")                                                          \
	X(ENTRY_LEVEL, "entry-level", MAJOR,                                   \
	  "entry names a table of its own or a higher level", "clear it")      \
	X(ENTRY_HELD, "entry-held", MAJOR,                                     \
	  "entry leads to a page that waits to be freed", "clear it")          \
	X(LEAF_UNALIGNED, "leaf-unaligned", MAJOR,                             \
	  "large leaf's frame is not aligned", "make it not present")          \
	X(LEAF_UNKNOWN, "leaf-unknown", MAJOR,                                 \
	  "frame is in no region of the table's memory map",                   \
	  "make it not present")                                               \
	X(LEAF_METADATA, "leaf-metadata", MAJOR,                               \
	  "leaf maps a table or a metadata page", "make it not present")       \
	X(LEAF_FREE, "leaf-free", MAJOR,                                       \
	  "leaf maps a page of the pool that is no data page",                 \
	  "make it a data page")                                               \
	X(LEAF_LOST, "leaf-lost", MAJOR,                                       \
	  "frame is not there in the present memory map",                      \
	  "none: a restart makes it fault until its memory is back")           \
	X(LEAF_MOVED, "leaf-moved", NOTE,                                      \
	  "memory has moved to where a large leaf is not aligned",             \
	  "none: its first fault splits it")                                   \
	X(LEAF_GONE, "leaf-gone", NOTE,                                        \
	  "page faults: its memory was gone, or lost its content",             \
	  "none: it is mapped again when its memory is back, or replaced")     \
	X(POLICY_WX, "policy-wx", MAJOR, "leaf is writable and executable",    \
	  "take the right to execute away")                                    \
	X(POLICY_USER, "policy-user", MAJOR, "user leaf in the upper half",    \
	  "take the right away")                                               \
	X(POLICY_SUPERVISOR, "policy-supervisor", MAJOR,                       \
	  "supervisor leaf in the lower half", "make it not present")

#define PPT_PROBLEMS_LIST(X)                                                   \
	X(DIRECTORY_CHECKSUM, "directory-checksum", MAJOR,                     \
	  "directory page does not match its descriptor",                      \
	  "set one bit right, or keep the roots under made-up names")          \
	X(DIRECTORY_LINK, "directory-link", MAJOR,                             \
	  "directory goes on with a page that is none of it",                  \
	  "search for its other pages")                                        \
	X(DIRECTORY_RESERVED, "directory-reserved", MINOR,                     \
	  "reserved words of the directory are not 0", "clear them")           \
	X(SPACE_FORMAT, "space-format", MAJOR, "space of no known format",     \
	  "take it from the root's level")                                     \
	X(SPACE_ROOT, "space-root", MAJOR,                                     \
	  "root is not a table of the format's highest level",                 \
	  "remove the space; roots without one get a new name")                \
	X(SPACE_NAME, "space-name", MAJOR, "name of a space is not valid",     \
	  "give it another")                                                   \
	X(SPACE_TWICE, "space-twice", MAJOR, "two spaces have one name",       \
	  "give one another")                                                  \
	X(RECLAIM_CHECKSUM, "reclaim-checksum", MAJOR,                         \
	  "reclaim list does not match its descriptor",                        \
	  "clear it and free what is leaked")                                  \
	X(RECLAIM_ITEM, "reclaim-item", MAJOR,                                 \
	  "item of the reclaim list is not valid", "clear it")                 \
	X(RECLAIM_EXTENT, "reclaim-extent", MAJOR,                             \
	  "extent of the reclaim list leaves the pool", "clear it")            \
	X(RECLAIM_OVERLAP, "reclaim-overlap", MAJOR,                           \
	  "two extents of the reclaim list share pages", "clear one")          \
	X(RECLAIM_ROOT, "reclaim-root", MAJOR,                                 \
	  "item of the reclaim list is not a table", "clear it")

#define PPT_PROBLEMS(X)                                                        \
	PPT_PROBLEMS_POOL(X)                                                   \
	PPT_PROBLEMS_PAGE(X)                                                   \
	PPT_PROBLEMS_ENTRY(X)                                                  \
	PPT_PROBLEMS_LIST(X)

enum ppt_problem_id {
#define PPT_PROBLEM_ENUM(name, code, severity, message, repair)                \
	PPT_PROBLEM_##name,
	PPT_PROBLEMS(PPT_PROBLEM_ENUM)
#undef PPT_PROBLEM_ENUM
		PPT_PROBLEM_COUNT
};

/* What of a problem's place is known. */
enum ppt_where {
	PPT_WHERE_PAGE = 1,
	PPT_WHERE_SLOT = 2,
	PPT_WHERE_SPACE = 4,
	PPT_WHERE_VA = 8,
	PPT_WHERE_LINE = 16,
};

/**
 * struct ppt_problem - one problem, or many of a kind beside each other.
 * @id, @code, @severity, @message, @repair: the row of PPT_PROBLEMS; @message
 *         of a memory map says what does not fit.
 * @where: mask of enum ppt_where: which of the following are meant.
 * @page:  index in the pool, 4 KiB each.
 * @slot:  word of that page, 0 to 511; the first, if @count is more than 1.
 * @space: name of the address space.
 * @va:    first virtual address concerned; @last: the last one, inclusive.
 * @line:  of the journal.
 * @count: of entries of one table, or of pages from @page on; from 1.
 * @found: the word that is wrong, where there is one, else 0.
 */
struct ppt_problem {
	enum ppt_problem_id id;
	const char *code;
	enum ppt_severity severity;
	const char *message;
	const char *repair;
	uint32_t where;
	uint64_t page;
	uint32_t slot;
	char space[PPT_NAME_BYTES];
	ppt_va_t va;
	ppt_va_t last;
	uint64_t line;
	uint64_t count;
	uint64_t found;
};

/**
 * ppt_problem_row - a row of the table of problems, with no place in it.
 * @out: filled.
 *
 * Return: 0; PPT_E_RANGE @id is none.
 */
int ppt_problem_row(uint32_t id, struct ppt_problem *out);

enum ppt_check_flags {
	/*
	 * The media is a private copy, as PPT_ATTACH_READ_ONLY wants it: the
	 * journal is replayed into it, so that what is checked is the pool as
	 * attach would make it.  Without it nothing is written, and what the
	 * journal holds counts as written home; so it is after ppt_attach.
	 */
	PPT_CHECK_PRIVATE = 1,
	/* The media is exactly as long as the pool should be: a file. */
	PPT_CHECK_EXACT = 2,
	/* Scratch memory is zero already. */
	PPT_CHECK_ZEROED = 4,
};

#define PPT_CHECK_WORKERS_MAX 1024u

struct ppt_check;

/**
 * struct ppt_check_config - what to check, and how.
 * @pm:       where the pool is; @pm.bytes is the length of the media.
 * @scratch, @scratch_bytes: DRAM, 64-byte aligned, at least
 *            ppt_check_scratch_bytes(), kept until the end.
 * @present:  NULL, or the memory map of this boot: then also what a restart
 *            under it would refuse or lose.  Kept until the end.
 * @flags:    enum ppt_check_flags.
 * @policy:   enum ppt_policy.
 * @pa_bits:  width of physical addresses, 32 to 52; 0: this CPU's.  It is
 *            tested where memory is now, see @present.
 * @workers:  1 to PPT_CHECK_WORKERS_MAX; 0 means 1.
 * @problem:  NULL, or called with @ctx for each problem, by ppt_check_work on
 *            the CPU of that worker; must copy what it wants to keep.
 * @progress: NULL, or called with @ctx, the worker, and how many of its 2 MiB
 *            stretches it has done.
 */
struct ppt_check_config {
	struct ppt_pm_config pm;
	void *scratch;
	size_t scratch_bytes;
	const struct ppt_memory_map *present;
	uint32_t flags;
	uint32_t policy;
	uint32_t pa_bits;
	uint32_t workers;
	void (*problem)(void *ctx, uint32_t worker,
			const struct ppt_problem *problem);
	void (*progress)(void *ctx, uint32_t worker, uint64_t done,
			 uint64_t total);
	void *ctx;
};

enum ppt_check_verdict {
	PPT_CHECK_CLEAN = 0,   /* no problem but notes */
	PPT_CHECK_DAMAGED = 1, /* some, but ppt_attach accepts the pool */
	PPT_CHECK_REFUSED = 2, /* ppt_attach refuses it */
};

/** ppt_check_verdict_name - "clean", "damaged", "refused"; never NULL. */
const char *ppt_check_verdict_name(enum ppt_check_verdict verdict);

/**
 * struct ppt_check_report - what came out.
 * @verdict:  see above.
 * @err:      0, or the error that superblocks and journal end an attach with.
 * @problems: how many were reported, by severity.
 * @pages:    of the pool; 0 if not even a superblock is there.
 * @tables:   that were read in full.
 * @entries:  of these, live ones.
 * @records:  whole journal records between tail and head.
 * @shutdown: enum ppt_shutdown.  Of ppt_host_check; ppt_check leaves it NONE.
 */
struct ppt_check_report {
	enum ppt_check_verdict verdict;
	int err;
	uint64_t problems[4];
	uint64_t pages;
	uint64_t tables;
	uint64_t entries;
	uint64_t records;
	enum ppt_shutdown shutdown;
};

/**
 * ppt_check_scratch_bytes - how much DRAM a check of this media needs.
 * @media: at least its first 8 KiB; @bytes: how much there is.
 *
 * ppt_scratch_bytes(), 4.3 bytes for each page of the pool, and 4 for each of
 * its pages and each worker; most is not touched unless much is mapped.
 */
size_t ppt_check_scratch_bytes(const void *media, uint64_t bytes,
			       uint32_t workers);

/**
 * ppt_check_begin - check what comes first, and prepare the workers.
 * @out: the check; it lives in the scratch memory.
 *
 * Damage is not an error: it is reported.
 * Bound:  reads superblocks, the live journal, the directory, every descriptor
 *         and every table above level 1.
 * Return: 0; PPT_E_NOMEM scratch too small; PPT_E_INVAL the media, @workers,
 *         @pa_bits or a flag.
 */
int ppt_check_begin(const struct ppt_check_config *cfg, struct ppt_check **out,
		    struct ppt_diag *diag);

/**
 * ppt_check_work - one worker's part; once for each from 0 to workers - 1.
 *
 * Workers write to nothing that another one reads, and may run at the same
 * time.
 * Bound: reads the descriptors and tables of one stretch of 512 pages in so
 *        many as there are workers.
 */
void ppt_check_work(struct ppt_check *check, uint32_t worker);

/**
 * ppt_check_end - after all workers: leaks, share counts, the verdict.
 *
 * Bound: reads every descriptor.
 */
void ppt_check_end(struct ppt_check *check, struct ppt_check_report *report);

/**
 * ppt_check - the three in turn, on this CPU.
 *
 * Return: as ppt_check_begin.
 */
int ppt_check(const struct ppt_check_config *cfg,
	      struct ppt_check_report *report, struct ppt_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
