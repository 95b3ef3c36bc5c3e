/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file pptable.h  Page tables that survive: everything but <pptable/host.h>.
 *
 * Freestanding: needs no libc beyond memcpy, memmove, memset and memcmp.
 */
#ifndef PPTABLE_PPTABLE_H
#define PPTABLE_PPTABLE_H

#include <pptable/check.h>
#include <pptable/error.h>
#include <pptable/fault.h>
#include <pptable/map.h>
#include <pptable/pm.h>
#include <pptable/pool.h>
#include <pptable/repair.h>
#include <pptable/space.h>
#include <pptable/types.h>
#include <pptable/usc.h>

#endif
