/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.h - the memory of a machine that does not exist.
 *
 * Layer: sim.
 */
#ifndef SIM_ORACLE_MEMORY_H
#define SIM_ORACLE_MEMORY_H

#include <pptable/pptable.h>

#include "sim/oracle/rng.h"

#define MEMORY_POOL UINT64_C(0x2000000000)
#define MEMORY_DRAM UINT64_C(0x10000000000)
#define MEMORY_DRAM_BYTES UINT64_C(0x10000000000)
#define MEMORY_PMEM UINT64_C(0x30000000000)
#define MEMORY_PMEM_BYTES UINT64_C(0x100000000)
#define MEMORY_DEVICE UINT64_C(0xfe000000)
#define MEMORY_DEVICE_BYTES UINT64_C(0x1000000)
/* ends at the last address that an entry can hold */
#define MEMORY_TOP UINT64_C(0xfff0000000000)
#define MEMORY_TOP_BYTES UINT64_C(0x10000000000)

/* One more region; its UUID is @id all over. */
void memory_add(struct ppt_memory_map *map, uint8_t id, uint32_t kind,
		ppt_pa_t base, uint64_t len);

/* The four regions beside a pool: DRAM, PMEM, device, DRAM at the top. */
void memory_add_all(struct ppt_memory_map *map);

/*
 * Another boot: @map has the pool and the four.  Each moves within a stretch
 * of its own, and half of the time they come in another order.
 */
void memory_move(struct ppt_memory_map *map, struct rng *r);

#endif
