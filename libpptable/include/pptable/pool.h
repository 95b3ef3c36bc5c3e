/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pool.h  Pools: create, attach (restart), transactions, detach.
 *
 * A pool handle lives in scratch memory that the caller gives.  It has one
 * writer: calls on one handle must not overlap, the library takes no locks.
 * Reads of the tables by the MMU need no lock at any time: every entry changes
 * by one 8-byte store.  Towards a hardware walk each *entry* is atomic and
 * nothing more; crash atomicity spans the transaction.
 */
#ifndef PPTABLE_POOL_H
#define PPTABLE_POOL_H

#include <pptable/error.h>
#include <pptable/pm.h>
#include <pptable/types.h>
#include <pptable/usc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ppt_pool;

/**
 * struct ppt_create_config - a new pool.
 * @pm:            where; @pm.bytes is the pool's size (1 MiB to 16 TiB, a
 *                 multiple of 4 KiB).
 * @uuid:          its identity, not all zero; random.
 * @phys_base:     PA of its first byte, a multiple of 2 MiB.
 * @journal_bytes: a power of two, 64 KiB to 1 GiB; 0 means 1 MiB, or less
 *                 where that would be over a sixteenth of the pool.
 * @regions:       memory beside the pool that frames may lie in.
 * @usc:           the record of the unsafe-shutdown count; zero for none.
 */
struct ppt_create_config {
	struct ppt_pm_config pm;
	struct ppt_uuid uuid;
	ppt_pa_t phys_base;
	uint64_t journal_bytes;
	struct ppt_memory_map regions;
	struct ppt_usc usc;
};

/**
 * ppt_create - format media as an empty pool.
 *
 * Whatever was there is lost; the caller has made sure.
 * Durable: on return.  Crash: no pool (PPT_E_MAGIC) or the whole empty pool;
 *          the superblocks are written last.
 * Bound:   writes 8 bytes for each 4 KiB of the pool, and the journal; 3
 *          fences.
 * Return:  0; PPT_E_INVAL or PPT_E_RANGE, the field named in @diag;
 *          PPT_E_REGION regions overlap; PPT_E_NOSPC too small for its journal.
 */
int ppt_create(const struct ppt_create_config *cfg, struct ppt_diag *diag);

/**
 * struct ppt_geometry - what a superblock says, before anything is attached.
 * @uuid:          the pool's.
 * @bytes:         size of the pool.
 * @journal_bytes: size of the ring.
 * @phys_base:     recorded base of the pool.
 * @generation:    of the superblock.
 * @version:       media version, major << 16 | minor.
 * @compat, @ro_compat, @incompat: feature sets.
 * @usc:           the record of the unsafe-shutdown count.
 */
struct ppt_geometry {
	struct ppt_uuid uuid;
	uint64_t bytes;
	uint64_t journal_bytes;
	ppt_pa_t phys_base;
	uint64_t generation;
	uint32_t version;
	uint64_t compat;
	uint64_t ro_compat;
	uint64_t incompat;
	struct ppt_usc usc;
};

/**
 * ppt_probe - read a pool's superblock; changes nothing.
 * @media: at least its first 8 KiB; @bytes: how much there is.
 *
 * Return: 0; PPT_E_MAGIC, PPT_E_VERSION, PPT_E_FEATURE, PPT_E_CORRUPT (both
 *         copies), PPT_E_SIZE if @bytes is less than the pool says.
 */
int ppt_probe(const void *media, uint64_t bytes, struct ppt_geometry *out,
	      struct ppt_diag *diag);

/**
 * ppt_scratch_bytes - how much DRAM ppt_attach needs.
 *
 * About 100 bytes for a line of the journal and 76 for 512 pages of the pool,
 * of which attach writes those that it meets.
 */
size_t ppt_scratch_bytes(uint64_t pool_bytes, uint64_t journal_bytes);

/* Flags of attach. */
enum ppt_attach_flags {
	/*
	 * Nothing but this library walks the tables: no A/D bits appear by
	 * themselves, and no TLB holds a translation, so that freed pages
	 * need no confirmation.  Hosted tools set it; a kernel does not.
	 */
	PPT_ATTACH_NO_MMU = 1,
	/*
	 * Changes are refused (PPT_E_ROFS).  The media must be a private
	 * copy-on-write mapping if it may need replay: inspecting never
	 * writes.
	 */
	PPT_ATTACH_READ_ONLY = 2,
	/*
	 * DRAM kept its content since the last detach or crash (a warm restart,
	 * kexec).  Without it, and with a present memory map, what is mapped in
	 * regions of kind DRAM faults as PPT_FAULT_ZERO.
	 */
	PPT_ATTACH_DRAM_KEPT = 4,
	/*
	 * The media of a reader is a copy-on-write mapping of its own for as
	 * long as it is attached: tables that wait to be rebased are, there,
	 * when they are touched.  Without it a reader does that in ppt_attach,
	 * for all of them, and stores nothing afterwards.
	 */
	PPT_ATTACH_PRIVATE = 8,
};

/* When tables are validated. */
enum ppt_trust {
	/* Each when it is first walked; hardware finds cold entries. */
	PPT_TRUST_TOUCH = 0,
	/*
	 * Hardware walks what it finds: the bare CR3 load.  No table is looked
	 * at by ppt_attach and ppt_space_open, nor is the superblock that does
	 * not count.  The library's own walks validate as with TOUCH.  Where
	 * tables wait to be rebased this is TOUCH.
	 */
	PPT_TRUST_NONE = 1,
	/* All of them, before attach returns. */
	PPT_TRUST_FULL = 2,
};

/** ppt_trust_name - "touch", "none", "full"; never NULL. */
const char *ppt_trust_name(enum ppt_trust trust);

/*
 * What ppt_fault does about a page whose memory is gone.  Whatever the policy,
 * nothing is forgotten before that: ppt_iter_init_any lists every such range as
 * PPT_EXTENT_LOST, and it comes back with its memory.  So who wants to know
 * iterates after ppt_attach, and then lets ppt_fault or ppt_unmap have it.
 */
enum ppt_lost {
	PPT_LOST_FAULT = 0,   /* nothing: it goes on faulting */
	PPT_LOST_DROP = 1,    /* it is unmapped */
	PPT_LOST_REPLACE = 2, /* it gets a zeroed frame of the pool */
};

/** ppt_lost_name - "fault", "drop", "replace"; never NULL. */
const char *ppt_lost_name(enum ppt_lost lost);

/* Rules that leaves must keep. */
enum ppt_policy {
	PPT_POLICY_WX = 1,         /* no leaf is writable and executable */
	PPT_POLICY_USER = 2,       /* no user leaf in the upper half */
	PPT_POLICY_SUPERVISOR = 4, /* no supervisor leaf in the lower half */
	PPT_POLICY_ALL = 7,
};

/* What recovery found. */
enum ppt_verdict {
	PPT_VERDICT_CLEAN = 0,    /* nothing to do */
	PPT_VERDICT_REPLAYED = 1, /* records were replayed or tables rebased */
	PPT_VERDICT_DEGRADED = 2, /* works, with a loss that is reported */
	PPT_VERDICT_REFUSED = 3,  /* not attached; see the error */
};

/** ppt_verdict_name - "clean", "replayed", "degraded", "refused". */
const char *ppt_verdict_name(enum ppt_verdict verdict);

/**
 * struct ppt_attach_report - the story of one attach.
 * @verdict:            see above; also set when attach fails.
 * @superblock_fell_back: one of the superblocks is damaged, the other is used.
 *                      With PPT_TRUST_NONE: the one that would count.
 * @records_replayed:   whole journal records that were applied.
 * @lines_scanned:      journal lines read.
 * @tables_rebased:     tables whose entries were moved to the present map.
 * @map_changed:        the present memory map is another than the recorded one.
 * @epoch:              the present memory map's number.
 * @epochs_left:        older memory maps that tables may still be under; they
 *                      are rebased on touch, or by ppt_settle.
 * @trust:              enum ppt_trust that is in force.
 * @tables_checked:     tables validated so far.
 * @tables_damaged:     of these, refused: what they map faults.
 * @first_damaged:      page index of the first of them.
 * @reclaim_damaged:    the reclaim list is quarantined: see ppt_reclaim.
 * @regions_lost:       recorded regions that are gone or shrunk.
 * @frames_lost:        leaves met so far whose memory is gone, now or at an
 *                      earlier attach; ppt_iter_init_any tells where.
 * @shutdown:           enum ppt_shutdown.  Of ppt_host_open, which validates
 *                      everything if it is UNSAFE or UNKNOWN; ppt_attach leaves
 *                      it NONE.
 * @shutdown_left:      it counts as unsafe for the next open, too: something is
 *                      wrong, or the pool was opened for reading.
 */
struct ppt_attach_report {
	enum ppt_verdict verdict;
	bool superblock_fell_back;
	uint64_t records_replayed;
	uint64_t lines_scanned;
	uint64_t tables_rebased;
	bool map_changed;
	uint32_t epoch;
	uint32_t epochs_left;
	uint32_t trust;
	uint64_t tables_checked;
	uint64_t tables_damaged;
	uint32_t first_damaged;
	bool reclaim_damaged;
	uint32_t regions_lost;
	uint64_t frames_lost;
	enum ppt_shutdown shutdown;
	bool shutdown_left;
};

/**
 * struct ppt_attach_config - a restart.
 * @pm:            where the pool is.
 * @scratch:       DRAM, 64-byte aligned, kept until detach.
 * @scratch_bytes: its size, at least ppt_scratch_bytes().
 * @present:       the memory map of this boot, with this pool's own region in
 *                 it, by its UUID; or of kind PPT_REGION_POOL with UUID 0 and
 *                 at least the pool's length, which stands for it.  NULL means
 *                 unchanged.
 * @flags:         enum ppt_attach_flags.
 * @trust:         enum ppt_trust.
 * @lost:          enum ppt_lost.
 * @policy:        PPT_POLICY_WX or 0: a table that breaks it is damaged.
 * @usc:           NULL, or the record of the unsafe-shutdown count to store
 *                 before anything else is written; not with READ_ONLY.
 * @drain:         NULL, or called with @drain_ctx when it is stored and was not
 *                 before: to drain what a fence leaves in the memory controller.
 * @readable:      NULL, or called with @readable_ctx before a table, or a page
 *                 of the directory or the reclaim list, is read for the first
 *                 time: false if any of @bytes (a page) at @at cannot be read.
 *                 The page is damaged then.  It reads every line of it, by
 *                 whatever survives a machine check or a signal.
 */
struct ppt_attach_config {
	struct ppt_pm_config pm;
	void *scratch;
	size_t scratch_bytes;
	const struct ppt_memory_map *present;
	uint32_t flags;
	uint32_t trust;
	uint32_t lost;
	uint32_t policy;
	const struct ppt_usc *usc;
	void (*drain)(void *ctx);
	void *drain_ctx;
	bool (*readable)(void *ctx, const void *at, size_t bytes);
	void *readable_ctx;
};

/**
 * ppt_attach - recover a pool and open it.
 * @out:    the handle.
 * @report: NULL or what happened, also on failure.
 *
 * Picks the superblock, replays whole journal records, and compares the recorded
 * memory map with the present one: a region is recognised by its UUID, wherever
 * it is now.  If one moved, grew, shrank, went or came back, the present map is
 * recorded as the next epoch; tables are rebased when they are touched.
 * Validates before it changes anything [I9].
 * Durable: what it changed, on return.  Crash: run it again [I4].
 * Bound:   independent of what is mapped, also when everything has moved: the
 *          live part of the journal is read twice, its words stored once, and
 *          the superblocks are written once if the map has changed.  Every
 *          table is read with PPT_TRUST_FULL, with PPT_ATTACH_READ_ONLY if some
 *          wait to be rebased (and without PPT_ATTACH_PRIVATE), and when the map
 *          has changed for the fourth time while tables of the oldest one were
 *          left (see ppt_settle).
 * Return:  0; the errors of ppt_probe; PPT_E_NOMEM scratch too small;
 *          PPT_E_JOURNAL; PPT_E_CORRUPT; PPT_E_INVAL; PPT_E_REGION the present
 *          map lacks the pool's own region in its length, has a region of
 *          another kind than recorded, or regions that overlap.
 */
int ppt_attach(const struct ppt_attach_config *cfg, struct ppt_pool **out,
	       struct ppt_attach_report *report, struct ppt_diag *diag);

/** struct ppt_settle_report - what one ppt_settle did. */
struct ppt_settle_report {
	bool left;               /* there is more to do */
	uint64_t tables_damaged; /* tables that were refused … */
	uint32_t first_damaged;  /* … and the page index of the first */
};

/**
 * ppt_settle - bring tables under the present memory map ahead of their use.
 * @pages: at most so many pages of the pool are looked at.
 * @out:   NULL or what was done.
 *
 * When all are, older maps are forgotten, so that no later attach has to do it.
 * While a table is damaged they are not, until there is no room for one more.
 * Durable: on return.  Crash: done or not, table by table.
 * Bound:   1 transaction for each table that is rebased.
 * Return:  0; PPT_E_ROFS; PPT_E_BUSY a transaction is open.
 */
int ppt_settle(struct ppt_pool *pool, uint64_t pages,
	       struct ppt_settle_report *out);

/**
 * ppt_detach - checkpoint and close.  The handle is gone, also on error.
 *
 * Durable: everything.  An open transaction is aborted.
 * Return: 0.
 */
int ppt_detach(struct ppt_pool *pool);

/* ------------------------------------------------------- transactions -- */

/*
 * Outside ppt_begin/ppt_commit every call of <pptable/space.h> and
 * <pptable/map.h> is a transaction of its own and durable on return, unless
 * the pool is in relaxed mode.
 */

/**
 * ppt_begin - open a transaction; calls that follow join it.
 *
 * They read what it wrote.  One that fails leaves the transaction as it was
 * before that call.
 * Frames of PPT_PA_ALLOC are zeroed by the commit: fill them after it.
 * Return: 0; PPT_E_BUSY one is open already; PPT_E_ROFS.
 */
int ppt_begin(struct ppt_pool *pool);

/**
 * ppt_commit - make the open transaction happen.
 *
 * Durable: on return (in relaxed mode: at the next ppt_sync or strict commit).
 * Crash:   all of it or nothing.
 * Bound:   1 fence; 1 line of journal for 3 runs, then 4 runs a line.
 * Return:  0; PPT_E_INVAL none is open; on these it is aborted: PPT_E_TOOBIG
 *          over a quarter of the ring or 64 KiB, PPT_E_AGAIN too many freed
 *          pages wait for a TLB flush, PPT_E_NOSPC the reclaim list is full.
 */
int ppt_commit(struct ppt_pool *pool);

/**
 * ppt_abort - give up the open transaction; nothing of it remains.
 *
 * Return: 0; PPT_E_INVAL none is open.
 */
int ppt_abort(struct ppt_pool *pool);

/**
 * ppt_set_relaxed - commit without a fence from here on, or no longer.
 *
 * A relaxed commit is all-or-nothing and in order, and durable at the next
 * ppt_sync or strict commit at the latest; until then hardware that walks the
 * tables sees nothing of it.  Leaving relaxed mode syncs.
 * Return: 0; PPT_E_ROFS.
 */
int ppt_set_relaxed(struct ppt_pool *pool, bool relaxed);

/**
 * ppt_sync - make every earlier commit durable.
 *
 * Bound: 1 fence.  Return: 0; PPT_E_ROFS.
 */
int ppt_sync(struct ppt_pool *pool);

/**
 * ppt_checkpoint - empty the journal: sync, write the tables back, advance the
 * tail.  Never needed for safety; it shortens the next attach.
 * Bound: every line touched since the last one; 3 fences.
 * Return: 0; PPT_E_ROFS.
 */
int ppt_checkpoint(struct ppt_pool *pool);

/**
 * ppt_reclaim - free pages of what was unlinked whole (a huge unmap, a deleted
 * space) or of a huge map that a crash cut short.
 * @steps: at most so many tables; each step is one transaction.
 * @left:  NULL or whether there is more to do.
 *
 * If the list is damaged, it is left alone until a repair mends it, and so is
 * what it holds: what would change it (this, deleting a space, and the huge
 * calls that build aside or unlink whole) fails with PPT_E_CORRUPT and changes
 * nothing.  All else works; but where more than a bit of the list is damaged
 * nobody knows which pages it holds, and then no page is allocated and none of
 * the pool's frames can be mapped by its address, either: PPT_E_CORRUPT.
 * Return: 0; PPT_E_ROFS; PPT_E_BUSY a transaction is open; PPT_E_AGAIN;
 *         PPT_E_CORRUPT an item is damaged (the others were freed), or the list
 *         is (nothing was).
 */
int ppt_reclaim(struct ppt_pool *pool, uint64_t steps, bool *left);

/* ---------------------------------------------------------------- TLB -- */

/**
 * struct ppt_tlb_gather - what the caller must invalidate.
 * @ticket: to confirm with; 0 means nothing waits.
 * @va, @last: covers every VA whose translation was removed or tightened.
 * @root_pa: of the one space concerned, or 0 for several.
 */
struct ppt_tlb_gather {
	uint64_t ticket;
	ppt_va_t va;
	ppt_va_t last;
	ppt_pa_t root_pa;
};

/** ppt_tlb_pending - what has not been confirmed yet. */
void ppt_tlb_pending(const struct ppt_pool *pool, struct ppt_tlb_gather *out);

/**
 * ppt_tlb_flushed - confirm that @ticket was flushed on every CPU.
 *
 * Frames and tables freed up to that ticket may be used again from now on
 * [I6].
 * Return: 0; PPT_E_INVAL no such ticket.
 */
int ppt_tlb_flushed(struct ppt_pool *pool, uint64_t ticket);

/* --------------------------------------------------------- inspection -- */

/**
 * struct ppt_stats - figures since attach.
 * @pm:            stores, flushes, fences.
 * @commits:       transactions.
 * @journal_lines: 64-byte lines written.
 * @checkpoints:   tail advances.
 * @live_lines:    journal lines between tail and head now.
 * @tables_checked, @tables_rebased: as in ppt_attach_report, up to now.
 */
struct ppt_stats {
	struct ppt_pm_counts pm;
	uint64_t commits;
	uint64_t journal_lines;
	uint64_t checkpoints;
	uint64_t live_lines;
	uint64_t tables_checked;
	uint64_t tables_rebased;
};

void ppt_stats(const struct ppt_pool *pool, struct ppt_stats *out);

/** ppt_geometry - as ppt_probe, of an attached pool. */
void ppt_geometry(const struct ppt_pool *pool, struct ppt_geometry *out);

/**
 * struct ppt_usage - pages by use; the sum is the pool.
 */
struct ppt_usage {
	uint64_t free_pages;
	uint64_t fixed_pages; /* superblocks, journal, descriptors */
	uint64_t meta_pages;  /* directory, reclaim list */
	uint64_t table_pages;
	uint64_t data_pages;
};

/**
 * ppt_usage - count the pages.  Bound: reads every descriptor, 8 bytes for
 * each 4 KiB of pool.
 * Return: 0; PPT_E_CORRUPT a descriptor is damaged.
 */
int ppt_usage(struct ppt_pool *pool, struct ppt_usage *out,
	      struct ppt_diag *diag);

/**
 * ppt_memory_map - the recorded map; the pool's own region is the first.  A
 * region with len 0 is gone.
 */
void ppt_memory_map(const struct ppt_pool *pool, struct ppt_memory_map *out);

/**
 * ppt_region_add - record memory that frames may lie in.
 *
 * Durable: on return.  Crash: recorded or not.  Bound: both superblocks
 * written, 2 fences.
 * Return: 0; PPT_E_EXIST the UUID is recorded; PPT_E_REGION it overlaps;
 *         PPT_E_LIMIT PPT_REGIONS_MAX; PPT_E_INVAL; PPT_E_RANGE; PPT_E_BUSY a
 *         transaction is open.
 */
int ppt_region_add(struct ppt_pool *pool, const struct ppt_region *region,
		   struct ppt_diag *diag);

/**
 * ppt_region_remove - forget a region.
 *
 * Bound: reads every table.
 * Return: 0; PPT_E_NOENT; PPT_E_BUSY a frame in it is mapped (@diag has the
 *         VA) or a transaction is open; PPT_E_INVAL it is the pool itself.
 */
int ppt_region_remove(struct ppt_pool *pool, const struct ppt_uuid *uuid,
		      struct ppt_diag *diag);

/** ppt_version - "0.1.0". */
const char *ppt_version(void);

#ifdef __cplusplus
}
#endif
#endif
