/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In and out of ring 3, and every trap's way to C.
 */
#define USER_DATA_SEGMENT 0x1b
#define USER_CODE_SEGMENT 0x23
#define RFLAGS 2 /* interrupts stay off, everywhere */
#define TSS_RSP0 4

	.text

/*
 * uint64_t user_run(entry, stack, argument): into ring 3.  It returns what
 * user_leave is given.
 */
	.global user_run
user_run:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, tss + TSS_RSP0(%rip)
	pushq $USER_DATA_SEGMENT
	push %rsi
	pushq $RFLAGS
	pushq $USER_CODE_SEGMENT
	push %rdi
	mov %rdx, %rdi
	xor %eax, %eax
	xor %ebx, %ebx
	xor %ecx, %ecx
	xor %edx, %edx
	xor %esi, %esi
	xor %ebp, %ebp
	iretq

/* _Noreturn void user_leave(uint64_t value) */
	.global user_leave
user_leave:
	mov tss + TSS_RSP0(%rip), %rsp
	mov %rdi, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/*
 * One stub of 16 bytes for each vector.  These push an error code: 8, 10 to
 * 14, 17, 21, 29, 30 (SDM 3A table 6-1).
 */
	.global trap_stubs
	.align 4096
trap_stubs:
	.set vector, 0
	.rept 129
	.align 16
	.if (vector >= 32) || !((0x60227d00 >> (vector & 31)) & 1)
	pushq $0
	.endif
	pushq $vector
	jmp to_c
	.set vector, vector + 1
	.endr

to_c:	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	call trap
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

/* The programs of ring 3, one image, linked to run at USER_CODE. */
	.section .rodata
	.global programs, programs_end
	.align 16
programs:
	.incbin "programs.bin"
programs_end:
