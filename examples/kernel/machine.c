/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine is made of: the boot loader's list of DRAM (PVH, Xen's
 * public/arch-x86/hvm/start_info.h), the NVDIMMs in ACPI's NFIT (ACPI 6.4,
 * 5.2.25), and what the CPU can do.
 *
 * Tables of the firmware are read as they come, within their lengths.
 */
#include "kernel.h"

struct acpi_rsdp {
	uint64_t signature;
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
} __attribute__((packed));

struct acpi_table {
	uint32_t signature;
	uint32_t length;
	uint8_t skip[28];
};

#define ACPI_NFIT 0x5449464e /* "NFIT" */
#define ACPI_NFIT_BYTES 40
#define ACPI_TABLES_MAX 64
#define NFIT_PARTS_MAX 256

/* A part of the NFIT: a range of system physical addresses. */
struct nfit_range {
	uint16_t type;
	uint16_t length;
	uint16_t index;
	uint16_t flags;
	uint32_t skip[2];
	uint8_t guid[16];
	uint64_t base;
	uint64_t len;
	uint64_t attributes;
};

#define NFIT_RANGE 0
/* Byte-addressable persistent memory, 66f0d379-b4f3-4074-ac43-0d3318b78cdb. */
static const struct ppt_uuid pmem_guid = { { 0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4,
					     0x74, 0x40, 0xac, 0x43, 0x0d, 0x33,
					     0x18, 0xb7, 0x8c, 0xdb } };

struct machine machine;

/* -------------------------------------------------------- memory map -- */

/*
 * A region's identity.  DRAM is known by its number, which does not change
 * with the amount; an NVDIMM by its number in the NFIT.  (QEMU gives NVDIMMs
 * no identity of their own.  Real ones have a serial number, and where a pool
 * is found its UUID counts.)
 */
static void add_region(enum ppt_region_kind kind, uint32_t number,
		       ppt_pa_t base, uint64_t len)
{
	struct ppt_memory_map *map = &machine.map;

	if (map->count == PPT_REGIONS_MAX || len == 0)
		return;
	map->region[map->count++] = (struct ppt_region){
		.uuid = { { 'k', (uint8_t)kind, (uint8_t)number } },
		.kind = kind,
		.base = base,
		.len = len,
	};
}

/* Whole leaves of DRAM only; the first MiB is the firmware's. */
static void add_dram(const struct pvh_info *info)
{
	const struct pvh_range *r = phys(info->ranges);
	const struct pvh_range *end = r + info->range_count;
	uint32_t number = 0;

	for (; r < end; r++) {
		ppt_pa_t base = (r->base + PPT_SIZE_2M - 1) & -PPT_SIZE_2M;
		ppt_pa_t last = (r->base + r->len) & -PPT_SIZE_2M;

		if (r->type != PVH_RAM || last <= base)
			continue;
		add_region(PPT_REGION_DRAM, number++, base, last - base);
		if (base < KERNEL_DATA - KERNEL_BASE)
			machine.free_end = r->base + r->len;
	}
	machine.free = KERNEL_DATA - KERNEL_BASE + PPT_SIZE_2M;
	if (machine.free_end < machine.free)
		machine.free_end = machine.free;
}

static const struct acpi_table *find_nfit(const struct acpi_rsdp *rsdp)
{
	bool wide = rsdp->revision >= 2 && rsdp->xsdt;
	const struct acpi_table *root = phys(wide ? rsdp->xsdt : rsdp->rsdt);
	const char *entry = (const char *)(root + 1);
	uint32_t size = wide ? 8 : 4;
	uint32_t count = (root->length - (uint32_t)sizeof(*root)) / size;

	for (uint32_t i = 0; i < count && i < ACPI_TABLES_MAX; i++) {
		ppt_pa_t pa = 0;

		__builtin_memcpy(&pa, entry + i * size, size);
		if (((const struct acpi_table *)phys(pa))->signature ==
		    ACPI_NFIT)
			return phys(pa);
	}
	return NULL;
}

static void add_nvdimms(const struct acpi_table *nfit)
{
	const char *at = (const char *)nfit + ACPI_NFIT_BYTES;
	const char *end = (const char *)nfit + nfit->length;

	for (uint32_t i = 0; at < end && i < NFIT_PARTS_MAX; i++) {
		const struct nfit_range *r = (const void *)at;

		at += r->length;
		if (r->type == NFIT_RANGE &&
		    !__builtin_memcmp(r->guid, pmem_guid.b, sizeof(r->guid)))
			add_region(PPT_REGION_PMEM, r->index, r->base, r->len);
		if (r->length == 0)
			return;
	}
}

/* --------------------------------------------------------------- CPU -- */

static void ask_cpu(void)
{
	uint32_t a = 0x80000001, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	machine.huge = d >> 26 & 1;
	a = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (a < 7)
		return;
	a = 7;
	c = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	machine.levels5 = c >> 16 & 1;
}

/* ------------------------------------------------------ command line -- */

static void find_words(const char *at)
{
	while (*at && machine.word_count < WORDS_MAX) {
		machine.word[machine.word_count++] = at;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
}

const char *machine_word(const char *name)
{
	for (uint32_t i = 0; i < machine.word_count; i++) {
		const char *at = machine.word[i], *n = name;

		while (*n && *at == *n)
			at++, n++;
		if (!*n && (*at == '=' || *at == ' ' || !*at))
			return *at == '=' ? at + 1 : at;
	}
	return NULL;
}

uint64_t machine_number(const char *name, uint64_t otherwise)
{
	const char *at = machine_word(name);
	uint64_t n = 0;

	if (!at)
		return otherwise;
	for (; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/* -------------------------------------------------------------- all -- */

void *machine_take(uint64_t bytes)
{
	ppt_pa_t pa = machine.free;

	bytes = (bytes + PPT_PAGE_BYTES - 1) & -(uint64_t)PPT_PAGE_BYTES;
	if (machine.free_end - pa < bytes)
		stop(STOP_NO_MEMORY, "too little memory: %lu bytes more needed",
		     bytes);
	machine.free += bytes;
	return phys(pa);
}

void machine_init(ppt_pa_t info_pa)
{
	const struct pvh_info *info = phys(info_pa);
	const struct acpi_table *nfit = NULL;

	if (info->magic != PVH_MAGIC || info->version == 0)
		stop(STOP_BOOT_LOADER, "no memory map from the boot loader");
	if (info->words)
		find_words(phys(info->words));
	ask_cpu();
	add_dram(info);
	if (info->rsdp)
		nfit = find_nfit(phys(info->rsdp));
	if (nfit)
		add_nvdimms(nfit);
}
