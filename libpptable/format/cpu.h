/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this CPU can do, asked once: CPUID leaves the guest under a hypervisor,
 * which costs more than a whole attach.  Layer: format.
 */
#ifndef PPTABLE_FORMAT_CPU_H
#define PPTABLE_FORMAT_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct ppt__cpu {
	bool known;
	bool crc32;      /* SSE4.2: CPUID.01H:ECX[20] */
	bool clflush;    /* CPUID.01H:EDX[19] */
	bool clflushopt; /* CPUID.07H.0:EBX[23] */
	bool clwb;       /* CPUID.07H.0:EBX[24] */
};

const struct ppt__cpu *ppt__cpu(void);

/* Width of its physical addresses; asked each time, by check only. */
uint32_t ppt__cpu_pa_bits(void);

#endif
