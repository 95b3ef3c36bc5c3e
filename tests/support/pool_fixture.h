/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_fixture.h - a pool in a memfd that is mapped twice.
 *
 * Layer: tests.  The library reads through a read-only mapping and stores
 * through a writable alias, so that a store that bypasses core/pm faults
 * [I13].  Media starts dirty: full of plausible entries.  Scratch memory is
 * refilled with garbage before every attach and ends in a canary.
 */
#ifndef TESTS_SUPPORT_POOL_FIXTURE_H
#define TESTS_SUPPORT_POOL_FIXTURE_H

#include <pptable/pptable.h>

#include "sim/oracle/memory.h"
#include "sim/oracle/twin.h"

#define POOL_FIXTURE_PHYS MEMORY_POOL
#define POOL_FIXTURE_DRAM MEMORY_DRAM
#define POOL_FIXTURE_DRAM_BYTES MEMORY_DRAM_BYTES
#define POOL_FIXTURE_PMEM MEMORY_PMEM
#define POOL_FIXTURE_PMEM_BYTES MEMORY_PMEM_BYTES
#define POOL_FIXTURE_DEVICE MEMORY_DEVICE
#define POOL_FIXTURE_DEVICE_BYTES MEMORY_DEVICE_BYTES
#define POOL_FIXTURE_TOP MEMORY_TOP
#define POOL_FIXTURE_TOP_BYTES MEMORY_TOP_BYTES

/* Zero members take a default. */
struct pool_fixture_options {
	uint64_t bytes;         /* 8 MiB */
	uint64_t journal_bytes; /* 64 KiB */
	ppt_pa_t phys_base;     /* POOL_FIXTURE_PHYS */
	uint32_t attach_flags;  /* as given */
	enum ppt_flush flush;
	bool zeroed_media; /* do not fill with garbage */
	uint64_t seed;     /* of the garbage and the UUID */
};

struct pool_fixture {
	int fd;
	uint8_t *media;    /* read-only mapping */
	uint8_t *writable; /* alias */
	uint64_t bytes;
	struct ppt_create_config config;
	void *scratch;
	size_t scratch_bytes;
	uint32_t attach_flags;
	uint32_t trust;            /* enum ppt_trust; set before an attach */
	uint32_t lost;             /* enum ppt_lost; the same */
	const struct ppt_usc *usc; /* of attach, as the next two */
	void (*drain)(void *ctx);
	void *drain_ctx;
	const struct ppt_pm_observer *observer;
	struct ppt_pool *pool; /* NULL while not attached */
	struct ppt_attach_report report;
	struct ppt_diag diag;
};

/* Maps memory, fills it, prepares the configuration; aborts on failure. */
void pool_fixture_open(struct pool_fixture *pf,
		       const struct pool_fixture_options *options);
void pool_fixture_close(struct pool_fixture *pf);

/* The library's result. */
int pool_fixture_create(struct pool_fixture *pf);
int pool_fixture_attach(struct pool_fixture *pf,
			const struct ppt_memory_map *present);
int pool_fixture_detach(struct pool_fixture *pf);

/* Forget the handle, as a crash would. */
void pool_fixture_drop(struct pool_fixture *pf);

/* Same bytes, same configuration; the sizes are equal. */
void pool_fixture_copy(struct pool_fixture *to,
		       const struct pool_fixture *from);

/* Open, create and attach; aborts with a message on failure. */
void pool_fixture_ready(struct pool_fixture *pf,
			const struct pool_fixture_options *options);

/* The memory map of the configuration, the pool's own region first. */
void pool_fixture_map(const struct pool_fixture *pf,
		      struct ppt_memory_map *map);

/* The pool as the oracle looks at it; of this attach only. */
struct view pool_fixture_view(const struct pool_fixture *pf);

/* An oracle beside the pool, which is attached and empty. */
void pool_fixture_twin(const struct pool_fixture *pf, struct twin *twin);

#endif
