/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hw_walk.h - the tables as the MMU sees them.
 *
 * Layer: sim.  Shares no code with the library.
 */
#ifndef SIM_ORACLE_HW_WALK_H
#define SIM_ORACLE_HW_WALK_H

#include "sim/oracle/oracle.h"

/*
 * Walk the tables as the MMU does (SDM 3A 4.5): straight from the media.
 * @owner: one byte for each page of the pool, set for each table met; a table
 *         met twice is an error.
 */
struct hw_walk {
	const uint8_t *media;
	uint64_t bytes;
	uint64_t pool_base;
	uint8_t *owner;
	struct ext_list *out;
	struct why *why;
};
int hw_walk(struct hw_walk *w, uint64_t root_pa, enum ppt_format format);

#endif
