/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * input.h - the bytes of one execution, taken from the front.
 *
 * Layer: fuzz.  Behind the end there are zeros, so that every input means
 * something.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* Little-endian, @bytes (1 to 8) of them. */
static inline uint64_t input_take(struct input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		v |= (uint64_t)*in->at++ << 8 * i;
	return v;
}

static inline uint32_t input_byte(struct input *in)
{
	return (uint32_t)input_take(in, 1);
}

/* 0 … n - 1 */
static inline uint32_t input_below(struct input *in, uint32_t n)
{
	return (uint32_t)input_take(in, n > 256 ? 2 : 1) % n;
}

/* libFuzzer's and afl's entry, of each target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
