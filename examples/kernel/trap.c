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
#define GATE_KERNEL 0x8e
#define GATE_USER 0xee
#define EMERGENCY 1 /* the stack for faults of the kernel's own stack */

struct gate {
	uint16_t low;
	uint16_t segment;
	uint8_t stack;
	uint8_t type;
	uint16_t middle;
	uint32_t high;
	uint32_t zero;
};

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

static struct gate idt[VECTORS];
static char emergency_stack[4096] __attribute__((aligned(16)));

void trap_init(void)
{
	const struct table_register at = { sizeof(idt) - 1, idt };
	uint64_t base = (uint64_t)&tss, limit = sizeof(tss) - 1;

	for (uint32_t i = 0; i < VECTORS;
	     i = i == EXCEPTIONS - 1 ? VECTOR_CALL : i + 1) {
		uint64_t stub = (uint64_t)(trap_stubs + i * STUB_BYTES);

		idt[i] = (struct gate){
			.low = (uint16_t)stub,
			.segment = KERNEL_CODE_SEGMENT,
			.stack = i == VECTOR_DOUBLE_FAULT ? EMERGENCY : 0,
			.type = i == VECTOR_CALL ? GATE_USER : GATE_KERNEL,
			.middle = (uint16_t)(stub >> 16),
			.high = (uint32_t)(stub >> 32),
		};
	}
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
