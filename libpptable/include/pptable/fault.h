/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file fault.h  Page faults on tables that live in a pool.
 *
 * After a restart hardware finds entries *cold*: not present, until what they
 * name was validated.  And a leaf whose memory is gone, or came back empty, is
 * not present either, but remembers what it was.  The kernel's page-fault
 * handler calls ppt_fault first, and goes on as the result says.
 */
#ifndef PPTABLE_FAULT_H
#define PPTABLE_FAULT_H

#include <pptable/map.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the access was; bits of x86's error code by other names. */
enum ppt_access {
	PPT_ACCESS_READ = 0,
	PPT_ACCESS_WRITE = 1,
	PPT_ACCESS_EXEC = 2,
	PPT_ACCESS_USER = 4, /* from user mode */
};

enum ppt_fault_kind {
	/* Retry the access: it is mapped, and the way is armed now. */
	PPT_FAULT_ARMED = 0,
	/* Retry: nothing had to be done; another CPU was faster. */
	PPT_FAULT_SPURIOUS = 1,
	/* Retry: the memory was gone, a zeroed frame took its place. */
	PPT_FAULT_REPLACED = 2,
	/* Nothing is mapped there: yours to map, or an error. */
	PPT_FAULT_UNMAPPED = 3,
	/* Mapped, but not for this access: guard page, copy on write, … */
	PPT_FAULT_RIGHTS = 4,
	/* Its memory is gone. */
	PPT_FAULT_LOST = 5,
	/* Its memory lost its content: zero @pa, then map it with REPLACE. */
	PPT_FAULT_ZERO = 6,
	/* A table on the way is damaged: the range faults until repaired. */
	PPT_FAULT_QUARANTINED = 7,
};

/** ppt_fault_name - "armed", "spurious", …; never NULL. */
const char *ppt_fault_name(enum ppt_fault_kind kind);

/**
 * struct ppt_fault - why, and over which range.
 * @kind: enum ppt_fault_kind.
 * @va, @len: the leaf, the hole's entry, or all that the damaged table maps.
 * @pa:   where @va leads (armed, spurious, replaced, rights, zero).
 * @prot: of the leaf, also of one that is lost, or was and is unmapped now by
 *        PPT_LOST_DROP; 0 where nothing was mapped.
 * @page: quarantined: page index of the table; its reason is in @diag.
 */
struct ppt_fault {
	uint32_t kind;
	uint32_t prot;
	ppt_va_t va;
	uint64_t len;
	ppt_pa_t pa;
	uint32_t page;
};

/**
 * ppt_fault - what a page fault is about, and cure it where that is the
 * library's part.
 * @access: enum ppt_access, or-ed.
 *
 * Validates the tables on the way that were not met since attach, rebases those
 * of an older memory map, makes their entries cold and only then arms those
 * that lead to them: no TLB flush is needed.  A lost page whose memory has come
 * back is mapped again; one whose memory is gone is treated as
 * ppt_attach_config's @lost says.
 * Durable: rebased tables and replaced pages, on return, and relaxed commits,
 *          so that hardware sees them too; armed entries need not be.  With a
 *          transaction open, its writes count as made, and a lost page is cured
 *          as a part of it: hardware sees that after ppt_commit.
 *          Crash: as if it had not been called.
 * Bound:   one table for each level; a table that is rebased is 1 transaction.
 * Return:  0 and @out; PPT_E_RANGE not canonical; the errors of ppt_map where a
 *          lost page is cured.
 */
int ppt_fault(struct ppt_space *space, ppt_va_t va, uint32_t access,
	      struct ppt_fault *out, struct ppt_diag *diag);

/**
 * ppt_arm - ppt_fault for every page of a range ahead of its use: what must be
 * there before CR3 is loaded.
 *
 * Bound:  every table of the range.
 * Return: 0; PPT_E_NOENT a page is not mapped, PPT_E_REGION lost, or
 *         PPT_E_CORRUPT behind a damaged table (@diag has its VA);
 *         PPT_E_RANGE; PPT_E_INVAL.
 */
int ppt_arm(struct ppt_space *space, ppt_va_t va, uint64_t len,
	    struct ppt_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
