/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The four functions that the compiler and the library need.
 */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep movsq"
			 : "+D"(at), "+S"(from), "+c"(words)::"memory");
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n)::"memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *at = to;
	const char *source = from;

	if (at <= source || at >= source + n)
		return memcpy(to, from, n);
	while (n--)
		at[n] = source[n];
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	void *at = to;
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep stosq"
			 : "+D"(at), "+c"(words)
			 : "a"((unsigned char)byte * 0x0101010101010101)
			 : "memory");
	__asm__ volatile("rep stosb"
			 : "+D"(at), "+c"(n)
			 : "a"(byte)
			 : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}
