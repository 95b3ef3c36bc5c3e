/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Page faults, and tables that are brought under the present memory map ahead
 * of them.  Layer: core.
 */
#include <pptable/fault.h>

#include "core/pt.h"
#include "core/table.h"
#include "format/mutant.h"

int ppt_fault(struct ppt_space *space, ppt_va_t va, uint32_t access,
	      struct ppt_fault *out, struct ppt_diag *diag)
{
	struct ppt_fault f;
	int err = space->ops->check(va, va, 0, diag);

	if (!err)
		err = space->ops->fault(space, va, access, &f, diag);
	if (err)
		return err;
	/* A retry that hardware sees nothing new of would never end. */
	if (f.kind <= PPT_FAULT_REPLACED)
		ppt__txn_settle(space->pool);
	*out = f;
	return 0;
}

static int arm_result(const struct ppt_fault *f, struct ppt_diag *diag)
{
	switch ((enum ppt_fault_kind)f->kind) {
	case PPT_FAULT_ARMED:
	case PPT_FAULT_SPURIOUS:
	case PPT_FAULT_REPLACED:
	case PPT_FAULT_RIGHTS:
		return 0;
	case PPT_FAULT_UNMAPPED:
		return ppt__fail(diag, PPT_E_NOENT, "va", "not mapped", f->va);
	case PPT_FAULT_ZERO:
		return ppt__fail(diag, PPT_E_REGION, "va",
				 "the memory that was mapped lost its content",
				 f->va);
	case PPT_FAULT_LOST:
		return ppt__fail(diag, PPT_E_REGION, "va",
				 "the memory that was mapped is gone", f->va);
	case PPT_FAULT_QUARANTINED:
		break;
	}
	return ppt__fail(diag, PPT_E_CORRUPT, "va", "its table is damaged",
			 f->va);
}

int ppt_arm(struct ppt_space *space, ppt_va_t va, uint64_t len,
	    struct ppt_diag *diag)
{
	ppt_va_t last = va + (len - 1);

	if (len == 0 || last < va)
		return ppt__fail(diag, PPT_E_INVAL, "len", "0, or wraps around",
				 len);
	for (;;) {
		struct ppt_fault f;
		int err = ppt_fault(space, va, PPT_ACCESS_READ, &f, diag);

		if (!err)
			err = arm_result(&f, diag);
		if (err)
			return err;
		if (last - f.va < f.len)
			return 0;
		va = f.va + f.len;
	}
}

int ppt_settle(struct ppt_pool *pool, uint64_t pages,
	       struct ppt_settle_report *out)
{
	struct ppt_settle_report r = { .left = false };
	uint32_t first = 0;

	if (pool->flags & PPT_ATTACH_READ_ONLY)
		return PPT_E_ROFS;
	if (pool->txn.open)
		return PPT_E_BUSY;
	ppt__trust_sweep(pool, pages, &r.tables_damaged, &first);
	pool->trust.refused |= r.tables_damaged != 0;
	r.left = pool->trust.settled < pool->at.pages;
	r.first_damaged = first;
	if (PPT_MUTANT(SETTLE_SKIPS))
		pool->trust.settled += r.left;
	if ((!r.left || PPT_MUTANT(FORGET_EARLY)) && !pool->trust.refused)
		ppt__epochs_forget(pool, false);
	if (out)
		*out = r;
	return 0;
}

const char *ppt_fault_name(enum ppt_fault_kind kind)
{
	static const char *const name[] = {
		[PPT_FAULT_ARMED] = "armed",
		[PPT_FAULT_SPURIOUS] = "spurious",
		[PPT_FAULT_REPLACED] = "replaced",
		[PPT_FAULT_UNMAPPED] = "unmapped",
		[PPT_FAULT_RIGHTS] = "rights",
		[PPT_FAULT_LOST] = "lost",
		[PPT_FAULT_ZERO] = "zero",
		[PPT_FAULT_QUARANTINED] = "quarantined",
	};

	return (unsigned)kind < sizeof(name) / sizeof(name[0]) ? name[kind] :
								 "unknown";
}
