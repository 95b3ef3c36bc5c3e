/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng.h - a seeded generator (splitmix64) and readable failure texts.
 *
 * Layer: sim.  Shares no code with the library.
 */
#ifndef SIM_ORACLE_RNG_H
#define SIM_ORACLE_RNG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 … n - 1; n is not 0 */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

/* true once in n */
static inline bool rng_once_in(struct rng *r, uint64_t n)
{
	return rng_below(r, n) == 0;
}

/* An environment variable as a number, or what is given. */
static inline uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* Under AddressSanitizer everything takes some five times as long. */
#if defined(__SANITIZE_ADDRESS__)
#define TEST_SHARE 5u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_SHARE 5u
#endif
#endif
#ifndef TEST_SHARE
#define TEST_SHARE 1u
#endif

/* What went wrong, in words. */
struct why {
	char text[640];
};

__attribute__((format(printf, 2, 3))) static inline int
why_set(struct why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return -1;
}

#endif
