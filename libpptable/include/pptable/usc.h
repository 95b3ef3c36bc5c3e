/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file usc.h  The unsafe-shutdown count: whether what was flushed arrived.
 *
 * A flush reaches the memory controller, and what is there reaches the media
 * only if the platform's power holds long enough (ADR).  Where it did not, the
 * NVDIMM counts it: the unsafe-shutdown count, also called dirty shutdown count
 * (Intel NVDIMM DSM interface, SMART and health info; CXL, health info).  A
 * pool keeps a record of its device and of that device's count, as PMDK's
 * pools do, and whether it was in use:
 *
 *   not in use, whatever the count is now    nothing was on its way: fine
 *   in use, same device, same count          all that was flushed is there
 *   in use, another count or device          it may not be there: unsafe
 *   no record, or a damaged one              nobody knows: as unsafe
 *
 * The core stores the record and returns it.  Where the count comes from, and
 * what follows from it, is the caller's: <pptable/host.h> does it for files and
 * devices.  Kernels read the count from their own NVDIMM driver.
 */
#ifndef PPTABLE_USC_H
#define PPTABLE_USC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ppt_pool;

/* What a record says; the first and the last are never stored as such. */
enum ppt_usc_state {
	PPT_USC_MISSING = 0, /* there is none: all zero */
	PPT_USC_CLOSED = 1,  /* closed in order; what was written has arrived */
	PPT_USC_IN_USE = 2,  /* open for writing, or a process died with it */
	PPT_USC_UNSAFE = 3,  /* found unsafe, and not found whole since */
	PPT_USC_BAD = 4,     /* damaged, or torn by a crash */
};

/**
 * struct ppt_usc - the record of a pool.
 * @device: identity of the device, any number that another device is unlikely
 *          to have.
 * @count:  its unsafe-shutdown count; of an interleave set the sum.
 * @state:  enum ppt_usc_state.
 */
struct ppt_usc {
	uint64_t device;
	uint64_t count;
	uint32_t state;
};

/* What the record and the count came to when a pool was opened. */
enum ppt_shutdown {
	PPT_SHUTDOWN_NONE = 0,    /* the device has no count */
	PPT_SHUTDOWN_SAFE = 1,    /* what was flushed has arrived */
	PPT_SHUTDOWN_UNSAFE = 2,  /* what was flushed may not have arrived */
	PPT_SHUTDOWN_UNKNOWN = 3, /* no valid record: counts as unsafe */
};

/** ppt_shutdown_name - "none", "safe", "unsafe", "unknown"; never NULL. */
const char *ppt_shutdown_name(enum ppt_shutdown shutdown);

/**
 * ppt_usc_set - store the record of an attached pool.
 * @usc: CLOSED, IN_USE or UNSAFE; MISSING takes the record away.
 *
 * A record that is stored already is not written again.  Before CLOSED, call
 * ppt_checkpoint and drain the memory controller's queues: what a fence promises
 * is what is in doubt.  After IN_USE in the place of CLOSED, drain them before
 * anything else is written.
 * CLOSED closes the journal as well, in the line that has the record, so that
 * ppt_detach has nothing to write.
 * The first record of a pool also sets a bit of ro_compat, so that software
 * which does not keep it up cannot write the pool.
 *
 * Durable: on return, as far as a fence goes.
 * Crash:   the old record, the new one, or one that is BAD.
 * Bound:   1 line, 1 fence; with CLOSED 2 lines and 1 fence more; with the first
 *          record also both superblocks and 2 fences.
 * Return:  0; PPT_E_ROFS; PPT_E_INVAL @usc->state cannot be stored.
 */
int ppt_usc_set(struct ppt_pool *pool, const struct ppt_usc *usc);

#ifdef __cplusplus
}
#endif
#endif
