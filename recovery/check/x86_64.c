/* SPDX-License-Identifier: BSD-3-Clause */
/* Pass: tables; entries of x86-64, 4 and 5 levels (SDM 3A 4.5). */
#include "recovery/check/check.h"

#include "format/pte_x86_64.h"

#define PT_FAMILY ppt__check_x86_64

#include "recovery/check/entries.h"
