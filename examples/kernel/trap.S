/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In and out of ring 3, and every trap's way to C.
 */
#define KERNEL_CODE_SEGMENT 0x08
#define USER_DATA_SEGMENT 0x1b
#define USER_CODE_SEGMENT 0x23
#define RFLAGS 2 /* interrupts stay off, everywhere */
#define TSS_SEGMENT 0x30
#define TSS_RSP0 4

#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_CALL 32
#define VECTORS 33
#define GATE 0x8e /* present, for interrupts */
#define FROM_RING_3 0x60
#define EMERGENCY_STACK 1 /* for faults of the kernel's own stack */

	.macro each operation registers:vararg
	.irp register, \registers
	\operation %\register
	.endr
	.endm

	.text
	.global user_run, user_leave, trap_init

/*
 * uint64_t user_run(entry, stack, first, second): into ring 3, with two
 * arguments.  It returns what user_leave is given.
 */
user_run:
	each push, rbx, rbp, r12, r13, r14, r15
	mov %rsp, tss + TSS_RSP0(%rip)
	pushq $USER_DATA_SEGMENT
	push %rsi
	pushq $RFLAGS
	pushq $USER_CODE_SEGMENT
	push %rdi
	mov %rdx, %rdi
	mov %rcx, %rsi
	.irp register, eax, ebx, ecx, edx, ebp
	xor %\register, %\register
	.endr
	iretq

/* _Noreturn void user_leave(uint64_t value) */
user_leave:
	mov tss + TSS_RSP0(%rip), %rsp
	mov %rdi, %rax
	each pop, r15, r14, r13, r12, rbp, rbx
	ret

/*
 * One stub of 16 bytes for each exception and for system calls, where the linker
 * puts them first: at KERNEL_TEXT.  These push an error code: 8, 10 to 14, 17,
 * 21, 29, 30 (SDM 3A table 6-1).
 */
	.section .text.stubs, "ax"
	.set vector, 0
	.rept VECTORS
	.balign 16
	.if (vector == VECTOR_CALL) || !((0x60227d00 >> vector) & 1)
	pushq $0
	.endif
	pushq $vector
	jmp to_c
	.set vector, vector + 1
	.endr

/* The gates to them: SDM 3A figure 6-8. */
	.data
	.balign 16
idt:	.set vector, 0
	.rept VECTORS
	.word 16 * vector, KERNEL_CODE_SEGMENT
	.byte EMERGENCY_STACK & (vector == VECTOR_DOUBLE_FAULT)
	.byte GATE | (FROM_RING_3 & (vector == VECTOR_CALL))
	.word 0x8020 /* the rest of KERNEL_TEXT */
	.long 0xffffffff, 0
	.set vector, vector + 1
	.endr
idt_register:
	.word idt_register - idt - 1
	.quad idt

/* The linker puts it first in the data: at KERNEL_DATA, as boot.S says. */
	.section .data.tss, "aw"
tss:	.long 0
	.quad 0, 0, 0, 0, emergency_stack_end
	.fill 14, 4, 0
	.word 0, 104 /* no port is ring 3's */

	.bss
	.skip 4096
	.balign 16
emergency_stack_end:

/* void trap_init(void) */
	.text
trap_init:
	lidt idt_register(%rip)
	mov $TSS_SEGMENT, %eax
	ltr %ax
	ret

/* As struct trap has them, from its end. */
to_c:	each push, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, \
		r14, r15
	cld
	mov %rsp, %rdi
	call trap
	each pop, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, \
		rcx, rax
	add $16, %rsp
	iretq

/* The programs of ring 3, one image, linked to run at USER_CODE. */
	.section .rodata
	.global programs, programs_end
	.align 16
programs:
	.incbin "programs.bin"
programs_end:
