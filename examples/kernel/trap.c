/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traps: faults and system calls.  The library is called on the boot tables;
 * a trap enters them, and its end goes back to the space.
 */
#include "kernel.h"

#define EXCEPTIONS 32
#define VECTORS 129
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14
#define VECTOR_CALL 128
#define STUB_BYTES 16
#define KERNEL_CODE_SEGMENT 0x08
#define TSS_SEGMENT 0x30
#define GATE_KERNEL (UINT64_C(0x8e) << 40 | KERNEL_CODE_SEGMENT << 16)
#define GATE_USER (UINT64_C(0xee) << 40 | KERNEL_CODE_SEGMENT << 16)
#define GATE_STACK_LG2 32
#define EMERGENCY 1 /* the stack for faults of the kernel's own stack */

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t stack[7];
	uint64_t reserved2;
	uint32_t reserved3;
} __attribute__((packed));

struct table_register {
	uint16_t limit;
	const void *base;
} __attribute__((packed));

extern const char trap_stubs[];
extern uint64_t gdt[];
extern struct tss tss;
struct tss tss;
void trap(struct trap *t);

/* Two words for each vector: SDM 3A figure 6-8. */
static uint64_t idt[VECTORS][2];
static char emergency_stack[4096] __attribute__((aligned(16)));

void trap_init(void)
{
	const struct table_register at = { sizeof(idt) - 1, idt };
	const uint64_t stubs = (uint64_t)trap_stubs;
	const uint64_t low = (stubs & 0xffff) | (stubs & 0xffff0000) << 32;
	uint64_t base = (uint64_t)&tss, limit = sizeof(tss) - 1;

	/* The stubs share a page: the lowest bits count them. */
	for (uint32_t i = 0; i < EXCEPTIONS; i++) {
		idt[i][0] = (GATE_KERNEL | low) + i * STUB_BYTES;
		idt[i][1] = stubs >> 32;
	}
	idt[VECTOR_DOUBLE_FAULT][0] |= UINT64_C(EMERGENCY) << GATE_STACK_LG2;
	idt[VECTOR_CALL][0] = (GATE_USER | low) + VECTOR_CALL * STUB_BYTES;
	idt[VECTOR_CALL][1] = stubs >> 32;
	tss.stack[EMERGENCY - 1] =
		(uint64_t)(emergency_stack + sizeof(emergency_stack));
	gdt[TSS_SEGMENT / 8] = limit | (base & 0xffffff) << 16 |
			       UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
	gdt[TSS_SEGMENT / 8 + 1] = base >> 32;
	__asm__ volatile("lidt %0" ::"m"(at));
	__asm__ volatile("ltr %w0" ::"r"(TSS_SEGMENT));
}

void trap(struct trap *t)
{
	uint64_t va = read_cr2(), space_root = read_cr3();

	write_cr3(boot_root());
	if (t->vector == VECTOR_PAGE_FAULT && space_root != boot_root())
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
