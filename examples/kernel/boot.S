/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the boot loader to C: 32-bit protected mode, the boot tables, long mode;
 * and the change from four to five levels, which only works outside of it.
 *
 * The boot tables map the first 16 GiB to themselves and the first GiB to
 * KERNEL_BASE as well.  They are made by the assembler: a boot spends nothing
 * on them.  The kernel comes back to them whenever it calls the library.
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYS(x) ((x) - KERNEL_BASE)

#define CR0_PG_WP 0x80010000
#define CR4_PAE_PGE 0xa0
#define CR4_LA57 0x1000
#define EFER 0xc0000080
#define EFER_LME_NXE 0x900

#define ENTRY_TABLE 3   /* present, writable */
#define ENTRY_LEAF 0x83 /* present, writable, large */

/* Segments; the last one is 32-bit code. */
#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x28

	/* For PVH, that the kernel is entered at start (Xen's elfnote.h). */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad start

	.section .low, "ax"
	.code32
	.global start, start_with
start: /* %ebx: what the boot loader tells */
	rdtsc
	xor %ecx, %ecx
	mov $PHYS(kernel_main), %ebp
start_with: /* %ebp: who is called, with %ecx:%ebx and the time %edx:%eax */
	mov %eax, %edi
	mov %edx, %esi
	mov $PHYS(boot_stack_end), %esp
	push %esi
	push %edi
	push %ecx
	push %ebx

	mov $0x80000000, %eax
	cpuid
	mov $stop_no_long_mode, %ecx
	cmp $0x80000001, %eax
	jb stop
	mov $0x80000001, %eax
	cpuid
	mov $stop_no_long_mode, %ecx
	bt $29, %edx
	jnc stop
	mov $stop_no_nx, %ecx
	bt $20, %edx
	jnc stop

	mov $CR4_PAE_PGE, %eax
	mov %eax, %cr4
	mov $EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $CR0_PG_WP, %eax
	mov %eax, %cr0
	lgdt gdt_low
	ljmp $CODE64, $1f

	.code64
1:	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	pop %rdi /* what the boot loader tells */
	pop %rsi /* the time of entry */
	movabs $boot_stack_end, %rsp
	lgdt gdt_high
	mov %ebp, %eax
	add $KERNEL_BASE, %rax
	call *%rax
	ud2 /* it does not return */

	.code32
stop: /* say what is at %ecx and leave with the code in front of it */
	mov (%ecx), %bl
	mov $0x3f8, %edx
2:	inc %ecx
	mov (%ecx), %al
	test %al, %al
	jz 3f
	outb %al, %dx
	jmp 2b
3:	mov %bl, %al
	mov $0xf4, %edx /* isa-debug-exit */
	outb %al, %dx
	hlt
	jmp 3b

stop_no_long_mode:
	.byte 2
	.asciz "stop 2: this CPU lacks 64-bit mode\n"
stop_no_nx:
	.byte 3
	.asciz "stop 3: this CPU lacks NX\n"

/* void boot_five_levels(void): five levels from here on; SDM 3A 4.1.1. */
	.code64
	.section .text, "ax"
	.global boot_five_levels
boot_five_levels:
	push %rbx
	push %rbp
	mov %rsp, saved_stack(%rip)
	lgdt gdt_low
	ljmp *to_32

	.section .low, "ax"
	.align 8
to_32:	.long 1f, CODE32
	.code32
1:	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	mov %cr4, %ecx
	or $CR4_LA57, %ecx
	mov %ecx, %cr4
	mov $PHYS(boot_pml5), %ecx
	mov %ecx, %cr3
	or $CR0_PG_WP, %eax
	mov %eax, %cr0
	ljmp $CODE64, $2f
	.code64
2:	movabs $3f, %rax
	jmp *%rax

	.section .text, "ax"
3:	mov saved_stack(%rip), %rsp
	lgdt gdt_high
	pop %rbp
	pop %rbx
	ret

	.section .low, "ax"
	.align 8
gdt_low:
	.word gdt_end - gdt - 1
	.quad gdt - KERNEL_BASE
gdt_high:
	.word gdt_end - gdt - 1
	.quad gdt

	.data
	.align 16
	.global gdt
gdt:	.quad 0
	.quad 0x00af9b000000ffff /* kernel code */
	.quad 0x00cf93000000ffff /* kernel data */
	.quad 0x00cff3000000ffff /* user data */
	.quad 0x00affb000000ffff /* user code */
	.quad 0x00cf9b000000ffff /* 32-bit code */
	.quad 0, 0               /* the TSS, filled in by trap_init */
gdt_end:
saved_stack:
	.quad 0

	.align 4096
	.global boot_pml4, boot_pml5
boot_pml5:
	.quad boot_pml4 - KERNEL_BASE + ENTRY_TABLE
	.fill 510, 8, 0
	.quad boot_pml4 - KERNEL_BASE + ENTRY_TABLE
boot_pml4:
	.quad boot_pdpt - KERNEL_BASE + ENTRY_TABLE
	.fill 510, 8, 0
	.quad boot_pdpt_high - KERNEL_BASE + ENTRY_TABLE
boot_pdpt_high:
	.fill 510, 8, 0
	.quad boot_pd - KERNEL_BASE + ENTRY_TABLE
	.quad 0
boot_pdpt:
	.set i, 0
	.rept 16
	.quad boot_pd + i * 4096 - KERNEL_BASE + ENTRY_TABLE
	.set i, i + 1
	.endr
	.fill 496, 8, 0
boot_pd:
	.set i, 0
	.rept 16 * 512
	.quad i * 0x200000 + ENTRY_LEAF
	.set i, i + 1
	.endr

	.bss
	.align 4096
	.global boot_stack, boot_stack_end
boot_stack:
	.skip 32768
boot_stack_end:
