/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the boot loader to C: 32-bit protected mode, the boot tables, long mode.
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
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4

#define ENTRY_TABLE 3   /* present, writable */
#define ENTRY_LEAF 0x83 /* present, writable, large */

/* Segments; the last one is 32-bit code. */
#define CODE64 0x08
#define DATA 0x10
#define CODE32 0x28
#define TSS_BUSY 2

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
start_with: /* %ebp: who is called; to be kept: %ecx:%ebx, the time %edx:%eax */
	mov %ebx, PHYS(boot_info)
	mov %ecx, PHYS(boot_info) + 4
	mov %eax, PHYS(boot_time)
	mov %edx, PHYS(boot_time) + 4
	cld
	mov $no_long_mode, %esi
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb refuse
	mov $0x80000001, %eax
	cpuid
	bt $29, %edx
	jnc refuse
	mov $no_nx, %esi
	bt $20, %edx
	jnc refuse

enter:	mov PHYS(boot_cr4), %eax
	mov %eax, %cr4
	mov $EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov PHYS(boot_root), %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $CR0_PG_WP, %eax
	mov %eax, %cr0
	lgdt gdt_low
	ljmp $CODE64, $1f

	.code64
1:	mov $DATA, %eax
	mov %eax, %ds
	mov %eax, %ss
	movabs $boot_stack_end, %rsp
	lgdt gdt_high
	mov %ebp, %eax
	add $KERNEL_BASE, %rax
	call *%rax
	ud2 /* it does not return */

	.code32
refuse: /* say "stop N: …", which is at %esi, and leave with N */
	mov 5(%esi), %bl
	mov $COM1, %edx
1:	lodsb
	outb %al, %dx
	cmp $'\n', %al
	jne 1b
	mov %bl, %al
	and $15, %al
	outb %al, $DEBUG_EXIT
2:	hlt
	jmp 2b

no_long_mode:
	.ascii "stop 2: this CPU lacks 64-bit mode\n"
no_nx:	.ascii "stop 3: this CPU lacks NX\n"

/*
 * _Noreturn void boot_five_levels(void): start anew with five levels of tables;
 * the change is possible only outside of long mode (SDM 3A 4.1.1).
 */
	.code64
	.global boot_five_levels
boot_five_levels:
	lgdt gdt_low
	ljmp *to_32

	.align 8
to_32:	.long 1f, CODE32
	.code32
1:	mov %cr0, %eax
	and $~CR0_PG_WP, %eax
	mov %eax, %cr0
	andb $~TSS_BUSY, PHYS(gdt_tss) + 5
	movl $PHYS(boot_pml5), PHYS(boot_root)
	orl $CR4_LA57, PHYS(boot_cr4)
	mov $PHYS(kernel_main), %ebp
	jmp enter

	.align 8
gdt_low:
	.word gdt_end - gdt - 1
	.quad gdt - KERNEL_BASE
gdt_high:
	.word gdt_end - gdt - 1
	.quad gdt

	.data
	.align 16
gdt:	.quad 0
	.quad 0x00af9b000000ffff /* kernel code */
	.quad 0x00cf93000000ffff /* kernel data */
	.quad 0x00cff3000000ffff /* user data */
	.quad 0x00affb000000ffff /* user code */
	.quad 0x00cf9b000000ffff /* 32-bit code */
	/* The TSS at KERNEL_DATA: SDM 3A figure 8-4. */
gdt_tss:
	.quad 0x8000894000000067, 0xffffffff
gdt_end:
	.global boot_info, boot_time, boot_root, boot_cr4
boot_info:	.quad 0 /* what the boot loader tells */
boot_time:	.quad 0 /* of the first instruction */
boot_root:	.quad boot_pml4 - KERNEL_BASE
boot_cr4:	.quad CR4_PAE_PGE

	.align 4096
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
	.quad boot_pd - KERNEL_BASE + ENTRY_TABLE, 0
boot_pdpt:
	.set at, boot_pd - KERNEL_BASE + ENTRY_TABLE
	.rept 16
	.quad at
	.set at, at + 4096
	.endr
	.fill 496, 8, 0
boot_pd:
	.set at, ENTRY_LEAF
	.rept 16 * 512
	.quad at
	.set at, at + 0x200000
	.endr

	.bss
	.align 4096
	.global boot_stack, boot_stack_end
boot_stack:
	.skip 32768
boot_stack_end:
