/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The serial port, where the kernel says what it does, and the end.
 */
#include "kernel.h"

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define EMPTY 0x20 /* the transmitter */
#define SPINS_MAX 1000000
#define DEBUG_EXIT 0xf4

void print_char(char c)
{
	for (uint32_t i = 0; i < SPINS_MAX && !(inb(LINE_STATUS) & EMPTY); i++)
		;
	outb(COM1, (uint8_t)c);
}

static void print_number(uint64_t n, uint32_t base)
{
	char digit[20];
	uint32_t count = 0;

	do {
		digit[count++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (count)
		print_char(digit[--count]);
}

static void print_list(const char *at, __builtin_va_list list)
{
	for (; *at; at++) {
		if (*at != '%') {
			print_char(*at);
		} else if (*++at == 's') {
			const char *text = __builtin_va_arg(list, const char *);

			while (*text)
				print_char(*text++);
		} else {
			print_number(__builtin_va_arg(list, uint64_t),
				     *++at == 'x' ? 16 : 10);
		}
	}
}

void print(const char *format, ...)
{
	__builtin_va_list list;

	__builtin_va_start(list, format);
	print_list(format, list);
	__builtin_va_end(list);
}

_Noreturn void stop(uint64_t why, const char *format, ...)
{
	__builtin_va_list list;

	print("stop %lu: ", why);
	__builtin_va_start(list, format);
	print_list(format, list);
	print("\n");
	for (;;) {
		outb(DEBUG_EXIT, (uint8_t)why);
		__asm__ volatile("cli; hlt");
	}
}
