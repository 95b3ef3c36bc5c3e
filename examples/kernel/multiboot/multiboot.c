/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Multiboot 1 tells (specification 0.6.96, section 3.3), told as by PVH.
 *
 * The loader's memory may be behind the kernel's data, where machine_take gives
 * it away: all is copied.
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

struct multiboot_range { /* @size does not count itself */
	uint32_t size;
	uint64_t base;
	uint64_t len;
	uint32_t type; /* as by PVH */
} __attribute__((packed));

#define RANGES_MAX 64u
#define WORDS_BYTES 1024u
#define NAME_BYTES 4096u
#define BIOS_START 0xe0000
#define BIOS_MIDDLE 0xf0000
#define BIOS_END 0x100000
#define RSDP_BYTES 20
#define ACPI_RSDP UINT64_C(0x2052545020445352) /* "RSD PTR " */

_Noreturn void multiboot_main(uint64_t boot, uint64_t entered);

static struct pvh_range ranges[RANGES_MAX];
static char words[WORDS_BYTES];

static ppt_pa_t pa_of(const void *data)
{
	return (uint64_t)data - KERNEL_BASE;
}

static uint32_t copy_ranges(const struct multiboot_info *info)
{
	const char *at = phys(info->mmap);
	uint64_t left = info->mmap_bytes, step;
	uint32_t count = 0;

	for (; left >= sizeof(struct multiboot_range) && count < RANGES_MAX;
	     left -= step, at += step) {
		const struct multiboot_range *r = (const void *)at;

		ranges[count++] = (struct pvh_range){ .base = r->base,
						      .len = r->len,
						      .type = r->type };
		step = (uint64_t)r->size + sizeof(r->size);
		if (step > left)
			break;
	}
	return count;
}

/* Without the first word, the file's name. */
static void copy_words(const char *at)
{
	const char *end = at + NAME_BYTES;

	while (*at && *at != ' ' && at < end)
		at++;
	while (*at == ' ' && at < end)
		at++;
	for (uint32_t i = 0; *at; i++) {
		if (i == WORDS_BYTES - 1)
			stop(STOP_BOOT_LOADER, "the command line has no end");
		words[i] = *at++;
	}
}

static bool is_rsdp(const uint8_t *at)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < RSDP_BYTES; i++)
		sum = (uint8_t)(sum + at[i]);
	return sum == 0;
}

/* The BIOS has it at a multiple of 16 (ACPI 6.4, 5.2.5.1), or there is none. */
static ppt_pa_t find_rsdp(ppt_pa_t start, ppt_pa_t end)
{
	const uint64_t *at = phys(start);
	uint64_t left = (end - start) / sizeof(*at);
	bool found;

	while (left) {
		__asm__ volatile("repne scasq"
				 : "+D"(at), "+c"(left), "=@ccz"(found)
				 : "a"(ACPI_RSDP)
				 : "memory");
		if (found && is_rsdp((const void *)(at - 1)))
			return (ppt_pa_t)(at - 1);
	}
	return 0;
}

_Noreturn void multiboot_main(uint64_t boot, uint64_t entered)
{
	static struct pvh_info told = { .magic = PVH_MAGIC, .version = 1 };
	const struct multiboot_info *info = phys((uint32_t)boot);

	if (boot >> 32 != MULTIBOOT_MAGIC)
		stop(STOP_BOOT_LOADER, "not by Multiboot: its magic is %lx",
		     boot >> 32);
	if (!(info->flags & MULTIBOOT_MMAP))
		stop(STOP_BOOT_LOADER, "no memory map from the boot loader");
	if (info->flags & MULTIBOOT_CMDLINE)
		copy_words(phys(info->cmdline));
	told.words = pa_of(words);
	told.ranges = pa_of(ranges);
	told.range_count = copy_ranges(info);
	told.rsdp = find_rsdp(BIOS_MIDDLE, BIOS_END);
	if (!told.rsdp) /* an older place */
		told.rsdp = find_rsdp(BIOS_START, BIOS_MIDDLE);
	kernel_main(pa_of(&told), entered);
}
