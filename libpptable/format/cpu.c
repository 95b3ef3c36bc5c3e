/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/cpu.h"

#if defined(__x86_64__)
static void ask(struct ppt__cpu *cpu)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	cpu->crc32 = c >> 20 & 1u;
	cpu->clflush = d >> 19 & 1u;
	/* Every CPU with SSE4.2 knows leaf 7, if only as zeros. */
	if (!cpu->crc32)
		return;
	a = 7;
	c = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	cpu->clflushopt = b >> 23 & 1u;
	cpu->clwb = b >> 24 & 1u;
}

/* MAXPHYADDR, SDM 3A 4.1.4: 36 where the CPU does not say. */
uint32_t ppt__cpu_pa_bits(void)
{
	uint32_t a = 0x80000000, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (a < 0x80000008)
		return 36;
	a = 0x80000008;
	c = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return a & 0xff;
}
#else
uint32_t ppt__cpu_pa_bits(void)
{
	return 52;
}

static void ask(struct ppt__cpu *cpu)
{
	(void)cpu;
}
#endif

const struct ppt__cpu *ppt__cpu(void)
{
	static struct ppt__cpu cpu;

	/* Two threads may both ask: they write the same answer. */
	if (!__atomic_load_n(&cpu.known, __ATOMIC_ACQUIRE)) {
		ask(&cpu);
		__atomic_store_n(&cpu.known, true, __ATOMIC_RELEASE);
	}
	return &cpu;
}
