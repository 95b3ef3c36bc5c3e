/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk for x86-64, 5 levels (SDM 3A 4.5).  Layer: core. */
#define PT_FORMAT PPT_FORMAT_X86_64_5
#define PT_NAME "x86_64-5"
#define PT_OPS ppt__pt_x86_64_5
#define PT_LEVELS 5u

#include "format/pte_x86_64.h"

#include "core/pt/all.h"
