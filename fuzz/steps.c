/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.c - calls of the library as an input says them.
 *
 * Layer: fuzz.
 */
#include "steps.h"

#include "../tests/support/everything.h"

const char *step_name(enum step_kind kind)
{
	static const char *const name[STEP_KINDS] = {
		"operation", "begin",  "commit",  "abort",
		"relax",     "strict", "sync",    "checkpoint",
		"reclaim",   "flush",  "restart",
	};

	return name[kind];
}

/* Ranges meet, overlap and hit boundaries: few addresses, small distances. */
static uint64_t some_va(struct input *in)
{
	static const uint64_t at[] = {
		EVERYTHING_VA,
		EVERYTHING_VA_2M,
		EVERYTHING_VA_1G,
		EVERYTHING_VA_HIGH,
		0,
		UINT64_C(0x7fffc0000000),
		UINT64_C(0xffff800000000000),
		UINT64_C(0x00ffffffc0000000),
	};
	uint32_t how = input_byte(in);

	return at[how & 7] + input_below(in, 256) * PPT_SIZE_4K +
	       (how & 8 ? input_below(in, 8) * PPT_SIZE_2M : 0) +
	       (how & 16 ? input_below(in, 4) * PPT_SIZE_1G : 0) +
	       (how & 32 ? 511 * PPT_SIZE_4K : 0) + (how == 255);
}

static uint64_t some_pa(struct input *in)
{
	static const uint64_t base[] = { POOL_FIXTURE_DRAM, POOL_FIXTURE_PMEM,
					 POOL_FIXTURE_TOP, POOL_FIXTURE_DEVICE,
					 POOL_FIXTURE_PHYS };
	uint32_t how = input_byte(in);

	if (how < 96)
		return PPT_PA_ALLOC;
	return base[how % 5] + input_below(in, 256) * PPT_SIZE_4K +
	       (how & 32 ? input_below(in, 16) * PPT_SIZE_2M : 0);
}

static uint64_t some_len(struct input *in)
{
	uint32_t how = input_byte(in);
	uint64_t pages = 1 + how % 32;

	if (how < 192)
		return pages * PPT_SIZE_4K;
	if (how < 224)
		return pages / 4 * PPT_SIZE_2M + (how & 1) * PPT_SIZE_4K;
	return how < 240 ? (pages & 3) * PPT_SIZE_1G : pages << 39;
}

static void some_op(struct input *in, uint32_t how, struct op *op)
{
	static const enum op_kind kind[] = {
		OP_MAP,     OP_MAP,     OP_MAP,          OP_UNMAP,
		OP_PROTECT, OP_PROTECT, OP_SPACE_CREATE, OP_SPACE_DELETE,
	};

	*op = (struct op){ .kind = kind[how & 7] };
	op->space = (how >> 3) % ORACLE_SPACES;
	if (op->kind == OP_SPACE_CREATE) {
		op->format = input_byte(in) & 1 ? PPT_FORMAT_X86_64_5 :
						  PPT_FORMAT_X86_64_4;
		return;
	}
	if (op->kind == OP_SPACE_DELETE)
		return;
	op->va = some_va(in);
	op->len = some_len(in);
	if (op->kind == OP_UNMAP)
		return;
	op->prot = PPT_PROT_READ | (input_byte(in) & PPT_PROT_ALL);
	if (op->kind == OP_PROTECT)
		return;
	op->pa = some_pa(in);
	op->flags = input_byte(in) &
		    (PPT_MAP_REPLACE | PPT_MAP_UNZEROED | PPT_MAP_SIZE_MASK);
}

enum step_kind step_next(struct input *in, struct op *op)
{
	uint32_t how = input_byte(in);

	if (how >= 64)
		return (enum step_kind)(STEP_BEGIN +
					how % (STEP_KINDS - STEP_BEGIN));
	some_op(in, how, op);
	return STEP_OP;
}
