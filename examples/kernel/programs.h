/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel and its programs agree on.  A program starts at USER_CODE
 * with the number of its space in the directory, and how many rounds the keeper
 * shall do; it asks the kernel by int 0x20: the call in rax, arguments in rdi,
 * rsi and rdx, the answer in rax.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

/* Behind the kernel's space, as they were made; in any other the greeter runs. */
enum program { GREETER = 1, TWIN, TRESPASSER, KEEPER };

enum call {
	CALL_PRINT,   /* text, length, a number to print behind it */
	CALL_EXIT,    /* value */
	CALL_MAP,     /* address, pages: fresh frames */
	CALL_UNMAP,   /* address, pages */
	CALL_PROTECT, /* address, pages: read-only */
	CALL_QUERY, /* address: 0 not mapped, 1 read-only, 2 writable, 3 lost */
};

#endif
