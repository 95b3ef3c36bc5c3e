/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel and its programs agree on.  A program starts at USER_CODE
 * with its number; it asks the kernel by int 0x80: the call in rax, arguments
 * in rdi, rsi and rdx, the answer in rax.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

enum program { GREETER, TRESPASSER, KEEPER };

enum call {
	CALL_PRINT,   /* text, length */
	CALL_EXIT,    /* value */
	CALL_MAP,     /* address, pages: fresh frames */
	CALL_UNMAP,   /* address, pages */
	CALL_PROTECT, /* address, pages, 1: writable */
	CALL_QUERY, /* address: 0 not mapped, 1 read-only, 2 writable, 3 lost */
	CALL_ROUNDS, /* how many rounds the keeper shall do */
};

#endif
