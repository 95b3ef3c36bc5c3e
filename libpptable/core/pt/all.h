/* SPDX-License-Identifier: BSD-3-Clause */
/* One format's code; see core/pt.h.  No guard: compiled once per format. */
#include "core/pt.h"
#include "core/aside.h"
#include "core/table.h"
#include "format/mutant.h"

#include "core/pt/walk.h"
#include "core/pt/vet.h"
#include "core/pt/read.h"
#include "core/pt/build.h"
#include "core/pt/unmap.h"
#include "core/pt/map.h"
#include "core/pt/protect.h"
#include "core/pt/reclaim.h"
#include "core/pt/fault.h"

static uint64_t pt_root_register(ppt_pa_t root_pa)
{
	return PTE_ROOT_REGISTER(root_pa);
}

_Static_assert(PT_LEVELS >= 3 && PT_LEVELS <= 5, "levels");
_Static_assert(PTE_LEAF_LEVEL_MAX <= 3, "leaf sizes: 4 KiB, 2 MiB, 1 GiB");

const struct ppt__pt_ops PT_OPS = {
	.format = PT_FORMAT,
	.name = PT_NAME,
	.family = PTE_FAMILY,
	.levels = PT_LEVELS,
	.check = pt_check,
	.prefetch = pt_prefetch,
	.map = pt_map,
	.unmap = pt_unmap,
	.protect = pt_protect,
	.find = pt_find,
	.reclaim = pt_reclaim,
	.vet = pt_vet,
	.arm = pt_arm,
	.fault = pt_fault,
	.root_register = pt_root_register,
};
