/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshots of a process's address space and of the machine's memory.
 *
 * Layer: tools.
 */
#ifndef PPTCTL_SNAPSHOT_H
#define PPTCTL_SNAPSHOT_H

#include "pptctl.h"

/**
 * struct snap_run - pages that follow each other in VA and PA.
 * @pa: 0 where the frame numbers are hidden.
 */
struct snap_run {
	ppt_va_t va;
	ppt_pa_t pa;
	uint64_t len;
	uint32_t prot;
};

/**
 * struct snapshot - an address space as /proc shows it.
 * @visible: whether frame numbers are.
 * @present: pages in @runs.
 * @absent, @swapped, @no_rights, @outside: pages that were left out: never
 *           touched, on swap, not readable, in no region.
 * @mappings: lines of /proc/PID/maps.
 */
struct snapshot {
	struct snap_run *runs;
	size_t count;
	size_t size;
	bool visible;
	uint64_t mappings;
	uint64_t present;
	uint64_t absent;
	uint64_t swapped;
	uint64_t no_rights;
	uint64_t outside;
};

/*
 * Reads "FIRST-LAST", in hexadecimal without 0x, as /proc has it at the start
 * of lines.  Returns what follows, NULL if it is none.
 */
const char *snap_parse_span(const char *line, uint64_t *first, uint64_t *last);

/* Reads a process; an exit code, after a message. */
int snap_read(const struct ctl *ctl, int pid, struct snapshot *out);

void snap_free(struct snapshot *snap);

/* Cuts @snap down to what lies in @map's regions, each run in one of them. */
int snap_clip(const struct ctl *ctl, struct snapshot *snap,
	      const struct ppt_memory_map *map);

/*
 * The System RAM of /proc/iomem as regions, whose identities follow from where
 * they are.  None if the addresses are hidden.
 */
int snap_machine(const struct ctl *ctl, struct ppt_memory_map *out);

/* Stops a process; @was_stopped tells whether it was already. */
int snap_stop(const struct ctl *ctl, int pid, bool *was_stopped);

#endif
