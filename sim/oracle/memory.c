/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory.c - the memory of a machine that does not exist.
 *
 * Layer: sim.
 */
#include "sim/oracle/memory.h"

#include <string.h>

void memory_add(struct ppt_memory_map *map, uint8_t id, uint32_t kind,
		ppt_pa_t base, uint64_t len)
{
	struct ppt_region *region = &map->region[map->count++];

	memset(region, 0, sizeof(*region));
	memset(region->uuid.b, id, sizeof(region->uuid.b));
	region->kind = kind;
	region->base = base;
	region->len = len;
}

void memory_add_all(struct ppt_memory_map *map)
{
	memory_add(map, 0xd1, PPT_REGION_DRAM, MEMORY_DRAM, MEMORY_DRAM_BYTES);
	memory_add(map, 0xd2, PPT_REGION_PMEM, MEMORY_PMEM, MEMORY_PMEM_BYTES);
	memory_add(map, 0xd3, PPT_REGION_DEVICE, MEMORY_DEVICE,
		   MEMORY_DEVICE_BYTES);
	memory_add(map, 0xd4, PPT_REGION_DRAM, MEMORY_TOP, MEMORY_TOP_BYTES);
}

void memory_move(struct ppt_memory_map *map, struct rng *r)
{
	map->region[0].base += PPT_SIZE_2M * rng_below(r, 8000);
	map->region[1].base += PPT_SIZE_1G * rng_below(r, 250);
	map->region[2].base += PPT_SIZE_1G * rng_below(r, 250);
	map->region[3].base += PPT_SIZE_2M * rng_below(r, 1000);
	map->region[4].base -= PPT_SIZE_1G * rng_below(r, 250);
	if (rng_below(r, 2)) {
		struct ppt_region first = map->region[0];

		map->region[0] = map->region[4];
		map->region[4] = first;
	}
}
