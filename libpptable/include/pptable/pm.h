/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pm.h  How media is reached: flush method, counters, observer.
 *
 * All loads and stores of media go through one small internal module.  What a
 * user may choose is here: the flush instruction, where the writable alias of
 * the media is, and an observer that sees every access (this is how the crash
 * explorer works on the very object code that runs in production).
 */
#ifndef PPTABLE_PM_H
#define PPTABLE_PM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a line is written back (SDM 1 11.4.6, 3A 12; PMDK libpmem(7)). */
enum ppt_flush {
	PPT_FLUSH_AUTO = 0, /* the best this CPU has */
	PPT_FLUSH_CLWB = 1, /* write back, keep in cache */
	PPT_FLUSH_CLFLUSHOPT = 2,
	PPT_FLUSH_CLFLUSH = 3,
	PPT_FLUSH_EADR = 4, /* caches are in the power-fail domain: none */
};

/* Events that an observer sees, in program order. */
enum ppt_pm_event {
	PPT_PM_LOAD = 1, /* about to read [off, off + len) */
	PPT_PM_STORE,    /* has stored words at [off, off + len) */
	PPT_PM_STREAM,   /* the same, non-temporal */
	PPT_PM_FLUSH,    /* has flushed the line at off */
	PPT_PM_FENCE,    /* all earlier flushes and streams are durable */
	PPT_PM_MARK,     /* has stored a word whose change need not last */
};

/**
 * struct ppt_pm_observer - sees every access to media.
 * @event: called with @ctx, the event, the byte offset in the pool, the length
 *         in bytes, and the site ("file:line").  For LOAD it is called before
 *         the bytes are read (and may change them), for the others after.
 *
 * @loads: NULL, or LOAD is told only while this is not 0; it may change at any
 *         time, also within @event.
 *
 * @lines: NULL, or a byte for each line of 64 bytes of the media: LOAD of up to
 *         64 bytes is told only if that of its first or last line is not 0;
 *         longer ones always.  May change likewise.
 *
 * An observer that is NULL costs one predicted branch per access.
 */
struct ppt_pm_observer {
	void (*event)(void *ctx, enum ppt_pm_event event, uint64_t off,
		      uint64_t len, const char *site);
	void *ctx;
	const uint32_t *loads;
	const uint8_t *lines;
};

/** struct ppt_pm_counts - exact counts since attach. */
struct ppt_pm_counts {
	uint64_t stores;  /* 8-byte plain stores */
	uint64_t streams; /* 8-byte non-temporal stores */
	uint64_t flushes; /* lines flushed */
	uint64_t fences;
	uint64_t marks; /* 8-byte stores of marks that need not be durable */
};

/**
 * struct ppt_pm_config - how to reach a pool's media.
 * @media:    the pool's bytes, 4 KiB aligned; the library reads through this
 *            pointer only.
 * @writable: an alias of the same bytes through which it stores; NULL means
 *            @media itself.  Tests map the pool twice, so that a stray store
 *            faults [I13].
 * @bytes:    length of both.
 * @flush:    enum ppt_flush.
 * @observer: NULL or an observer that outlives the pool.
 */
struct ppt_pm_config {
	const void *media;
	void *writable;
	uint64_t bytes;
	enum ppt_flush flush;
	const struct ppt_pm_observer *observer;
};

/** ppt_flush_best - the method that PPT_FLUSH_AUTO means on this CPU. */
enum ppt_flush ppt_flush_best(void);

/** ppt_flush_name - "clwb" and the like; never NULL. */
const char *ppt_flush_name(enum ppt_flush flush);

#ifdef __cplusplus
}
#endif
#endif
