/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Multiboot 1 tells (specification 0.6.96, section 3.3), told as by PVH.
 */
#include "../kernel.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define MULTIBOOT_CMDLINE (1u << 2)
#define MULTIBOOT_MMAP (1u << 6)

struct multiboot_info {
	uint32_t flags;
	uint32_t skip[3];
	uint32_t cmdline;
	uint32_t skip2[6];
	uint32_t mmap_bytes;
	uint32_t mmap;
};

/*
 * A range has its size in front, which does not count itself.  With the size of
 * the next one behind it, it is one of PVH's.
 */
#define RANGE_BYTES 20u
#define RANGE_STEP ((uint32_t)sizeof(struct pvh_range))

#define RSDP_BYTES 20u
#define ACPI_RSDP UINT64_C(0x2052545020445352) /* "RSD PTR " */

_Noreturn void multiboot_main(void);

static bool is_rsdp(const uint8_t *at)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < RSDP_BYTES; i++)
		sum = (uint8_t)(sum + at[i]);
	return sum == 0;
}

static ppt_pa_t search(ppt_pa_t pa, ppt_pa_t end)
{
	const uint64_t *at = phys(pa);
	uint64_t left = (end - pa) / sizeof(*at);

	while (left) {
		__asm__ volatile("repne scasq"
				 : "+D"(at), "+c"(left)
				 : "a"(ACPI_RSDP)
				 : "memory");
		if (at[-1] == ACPI_RSDP && is_rsdp((const void *)(at - 1)))
			return (ppt_pa_t)(at - 1);
	}
	return 0;
}

/*
 * It is at a multiple of 16 in the BIOS's memory or the first KiB of its data,
 * of which 0x40e has the segment (ACPI 6.4, 5.2.5.1).  SeaBIOS has its tables in
 * front of its code: that is looked at first.
 */
static ppt_pa_t find_rsdp(void)
{
	const uint16_t *segment = phys(KERNEL_BASE + 0x40e);
	const ppt_pa_t ebda = (ppt_pa_t)*segment << 4;
	ppt_pa_t found = search(0xf5000, 0x100000);

	if (!found)
		found = search(0xe0000, 0xf5000);
	return found ? found : search(ebda, ebda + 1024);
}

void multiboot_main(void)
{
	static struct pvh_info told = { .magic = PVH_MAGIC, .version = 1 };
	const struct multiboot_info *info = phys((uint32_t)boot_info);
	const uint32_t *size = phys(info->mmap);
	const char *words =
		info->flags & MULTIBOOT_CMDLINE ? phys(info->cmdline) : "";

	if (boot_info >> 32 != MULTIBOOT_MAGIC)
		stop(STOP_BOOT_LOADER, "not by Multiboot: its magic is %lx",
		     boot_info >> 32);
	if (info->flags & MULTIBOOT_MMAP)
		told.range_count = info->mmap_bytes / RANGE_STEP;
	for (uint32_t i = 0; i < told.range_count; i++)
		if (size[i * RANGE_STEP / 4] != RANGE_BYTES)
			told.range_count = 0;
	if (told.range_count == 0)
		stop(STOP_BOOT_LOADER, "no memory map from the boot loader");
	while (*words > ' ') /* the kernel's file name */
		words++;
	told.words = (uint64_t)words;
	told.ranges = (uint64_t)(size + 1);
	told.rsdp = find_rsdp();
	boot_info = (uint64_t)&told - KERNEL_BASE;
	kernel_main();
}
