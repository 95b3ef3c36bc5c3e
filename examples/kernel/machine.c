/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine is made of: the boot loader's list of DRAM (PVH, Xen's
 * public/arch-x86/hvm/start_info.h), the NVDIMMs in ACPI's NFIT (ACPI 6.4,
 * 5.2.25), and what the CPU can do.
 *
 * Tables of the firmware are read as they come, within their lengths.
 */
#include <cpuid.h>

#include "kernel.h"

struct acpi_rsdp {
	uint8_t skip[15];
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
#define ACPI_WORDS_MAX 128
#define NFIT_PARTS_MAX 256u

/* A part of the NFIT: a range of system physical addresses. */
struct nfit_range {
	uint16_t type;
	uint16_t length;
	uint16_t index;
	uint16_t flags;
	uint32_t skip[2];
	uint64_t guid[2];
	uint64_t base;
	uint64_t len;
};

#define NFIT_RANGE 0
/* Byte-addressable persistent memory, 66f0d379-b4f3-4074-ac43-0d3318b78cdb. */
#define GUID_PMEM_LOW UINT64_C(0x4074b4f366f0d379)
#define GUID_PMEM_HIGH UINT64_C(0xdb8cb718330d43ac)

struct machine machine;
struct options options = { .heap = 4, .rounds = 8 };

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

	machine.free = machine.free_end =
		KERNEL_DATA - KERNEL_BASE + PPT_SIZE_2M;
	for (; r < end; r++) {
		ppt_pa_t base = (r->base + PPT_SIZE_2M - 1) & -PPT_SIZE_2M;
		ppt_pa_t last = (r->base + r->len) & -PPT_SIZE_2M;

		if (r->type != PVH_RAM || last <= base)
			continue;
		add_region(PPT_REGION_DRAM, number++, base, last - base);
		if (base < machine.free && machine.free < r->base + r->len)
			machine.free_end = r->base + r->len;
	}
	/* The library gets half of it. */
	machine.scratch_bytes = (machine.free_end - machine.free) / 2 &
				-(uint64_t)PPT_PAGE_BYTES;
	machine.free_end -= machine.scratch_bytes;
}

static void add_nvdimms(const struct acpi_table *nfit)
{
	const char *at = (const char *)nfit + ACPI_NFIT_BYTES;
	const char *end = (const char *)nfit + nfit->length;

	for (uint32_t i = 0; at < end && i < NFIT_PARTS_MAX; i++) {
		const struct nfit_range *r = (const void *)at;

		if (r->type == NFIT_RANGE && r->guid[0] == GUID_PMEM_LOW &&
		    r->guid[1] == GUID_PMEM_HIGH)
			add_region(PPT_REGION_PMEM, r->index, r->base, r->len);
		if (r->length == 0)
			return;
		at += r->length;
	}
}

/* The NFIT is one of the tables that the root table lists. */
static void read_acpi(const struct acpi_rsdp *rsdp)
{
	const bool wide = rsdp->revision >= 2 && rsdp->xsdt;
	const struct acpi_table *root = phys(wide ? rsdp->xsdt : rsdp->rsdt);
	const uint32_t *at = (const void *)(root + 1);
	uint64_t count = (root->length - sizeof(*root)) / sizeof(*at);

	for (uint64_t i = 0; i < count && i < ACPI_WORDS_MAX; i += 1 + wide) {
		const struct acpi_table *table =
			phys(at[i] | (wide ? (uint64_t)at[i + 1] << 32 : 0));

		if (table->signature == ACPI_NFIT)
			add_nvdimms(table);
	}
}

/* ------------------------------------------------------ command line -- */

#define WORDS_BYTES_MAX 1024

/* In the order of struct options. */
static const char option_name[sizeof(options) / sizeof(uint64_t)][8] = {
	"attach", "pages", "trust", "lost",  "heap",  "only",   "rounds",
	"create", "check", "sizes", "trace", "stale", "spread", "build",
};

static void read_options(const char *at)
{
	const char *end = at + WORDS_BYTES_MAX;
	uint64_t *option = &options.attach;

	while (*at && at < end) {
		char name[8] = { 0 };
		uint64_t value = 1;

		for (uint32_t n = 0; n < 8 && *at > ' ' && *at != '='; at++)
			name[n++] = *at;
		for (; *at > ' '; at++)
			value = *at == '=' ? 0 :
					     value * 10 + (uint64_t)(*at - '0');
		for (uint32_t i = 0; i < sizeof(option_name) / 8; i++)
			if (!__builtin_memcmp(name, option_name[i], 8)) {
				option[i] = value;
				break;
			}
		at += *at != 0;
	}
	if (*at)
		stop(STOP_BOOT_LOADER, "the command line has no end");
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

/* The words first: whatever is in memory now may be overwritten later. */
void machine_init(void)
{
	const struct pvh_info *info = phys(boot_info);
	uint32_t a, b, c, d;

	if (info->magic != PVH_MAGIC || info->version == 0)
		stop(STOP_BOOT_LOADER, "no memory map from the boot loader");
	if (info->words)
		read_options(phys(info->words));
	machine.huge = __get_cpuid(0x80000001, &a, &b, &c, &d) && d >> 26 & 1;
	machine.levels5 = __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
			  c >> 16 & 1;
	machine.map.count = 0;
	add_dram(info);
	if (info->rsdp)
		read_acpi(phys(info->rsdp));
}
