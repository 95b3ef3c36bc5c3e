/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other way into boot.S: Multiboot 1 (specification 0.6.96, 3.1 and 3.2).
 */
#define KERNEL_BASE 0xffffffff80000000

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 2, -(0x1badb002 + 2) /* 2: tell the memory map */

	.section .low, "ax"
	.code32
	.global start_multiboot
start_multiboot:
	mov %eax, %ecx /* the boot loader's magic; %ebx: its information */
	rdtsc
	mov $multiboot_main - KERNEL_BASE, %ebp
	jmp start_with
