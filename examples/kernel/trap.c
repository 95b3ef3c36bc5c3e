/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traps: faults and system calls.  The library is called on the boot tables;
 * a trap enters them, and its end goes back to the space.
 */
#include "kernel.h"

#define VECTOR_PAGE_FAULT 14
#define VECTOR_CALL 32
#define KERNEL_CODE_SEGMENT 0x08

void trap(struct trap *t);

void trap(struct trap *t)
{
	const uint64_t va = read_cr2(), space_root = read_cr3();

	write_cr3(boot_root);
	if (t->vector == VECTOR_PAGE_FAULT && space_root != boot_root)
		page_fault(t, va);
	else if (t->vector == VECTOR_CALL)
		t->rax = system_call(t);
	else if (t->cs != KERNEL_CODE_SEGMENT)
		program_fails("trap", t->vector);
	else
		stop(STOP_TRAP, "trap %lu in the kernel, rip %lx, cr2 %lx",
		     t->vector, t->rip, va);
	tlb_settle();
	write_cr3(space_root);
}
