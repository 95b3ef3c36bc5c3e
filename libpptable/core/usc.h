/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of the unsafe-shutdown count on the media.  Layer: core.
 */
#ifndef PPTABLE_CORE_USC_H
#define PPTABLE_CORE_USC_H

#include "core/pool.h"
#include "format/usc.h"

/* The record of a pool with this superblock. */
struct ppt_usc ppt__usc_load(const struct ppt__pm *pm,
			     const struct ppt_m_superblock *sb);

/* Make it durable, if it is another; false: it was so. */
bool ppt__usc_write(struct ppt_pool *pool, const struct ppt_usc *usc);

#endif
