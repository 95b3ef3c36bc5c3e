/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_bed.h - a pool with a few mappings that is attached in each trust mode,
 * and looked at as the MMU does.
 *
 * Layer: tests.
 */
#ifndef TESTS_UNIT_TRUST_BED_H
#define TESTS_UNIT_TRUST_BED_H

#include <sys/mman.h>

#include "unit_pool.h"

#include "sim/oracle/hw_walk.h"

#define BED_BYTES (8 * MIB)

/* Regions by their place in the fixture's memory map. */
enum { POOL, DRAM, PMEM, DEVICE, TOP, REGIONS };

/* One mapping; where it is in its region. */
struct spot {
	uint32_t region;
	uint64_t off;
	uint64_t va;
	uint64_t len;
	uint32_t prot;
};

#define HIGH UINT64_C(0xffff800000000000)
#define FAR UINT64_C(0x7f0000000000)
#define RX (PPT_PROT_READ | PPT_PROT_EXEC)

/* Under six level-1 tables or none, four level-2, four level-3 tables. */
static const struct spot spots[] = {
	{ DRAM, 0x5000, VA, 4096, RW },
	{ PMEM, 0x7000, VA + 0x1000, 4096, PPT_PROT_READ },
	{ DRAM, 0x9000, VA + PPT_SIZE_2M, 4096, RW | PPT_PROT_USER },
	{ DRAM, 0xb000, VA + 7 * PPT_SIZE_1G, 4096, RX },
	{ DRAM, PPT_SIZE_1G, FAR, PPT_SIZE_2M, RW },
	{ TOP, 2 * PPT_SIZE_1G, FAR + PPT_SIZE_1G, PPT_SIZE_1G, RW },
	{ DEVICE, 0x9000, VA + 0x2000, 4096, RW },
	{ TOP, 0x123000, HIGH, 4096, RW },
};
#define SPOTS (sizeof(spots) / sizeof(spots[0]))
#define POOL_VA (HIGH + PPT_SIZE_1G)

struct bed {
	struct unit_pool u;
	struct ppt_memory_map map; /* present */
	uint64_t pool_off;         /* of the frame at POOL_VA */
	uint8_t *image;            /* after a clean detach */
};

/* Made without an MMU; attached later as @flags say. */
static inline void bed_open(struct bed *b, uint32_t flags, uint32_t trust)
{
	struct unit_pool *u = &b->u;

	unit_open(u, BED_BYTES, 65536, PPT_ATTACH_NO_MMU);
	pool_fixture_map(&u->pf, &b->map);
	for (unsigned i = 0; i < SPOTS; i++)
		assert_ok(ppt_map(&u->space, spots[i].va,
				  b->map.region[spots[i].region].base +
					  spots[i].off,
				  spots[i].len, spots[i].prot, 0, NULL));
	assert_ok(ppt_map(&u->space, POOL_VA, PPT_PA_ALLOC, 4096, RW, 0, NULL));
	b->pool_off = unit_pa(u, POOL_VA) - b->map.region[POOL].base;
	assert_ok(pool_fixture_detach(&u->pf));
	b->image = unit_save(u);
	u->pf.attach_flags = flags;
	u->pf.trust = trust;
}

static inline void bed_close(struct bed *b)
{
	free(b->image);
	unit_close(&b->u);
}

/* As a boot: attach, and find the space. */
static inline int bed_boot(struct bed *b)
{
	struct unit_pool *u = &b->u;
	int err;

	pool_fixture_drop(&u->pf);
	err = pool_fixture_attach(&u->pf, &b->map);
	if (!err)
		err = ppt_space_open(u->pf.pool, "s", &u->space, NULL);
	return err;
}

/* What the pool was when it was made, then a boot. */
static inline void bed_reboot(struct bed *b)
{
	unit_restore(&b->u, b->image);
	assert_ok(bed_boot(b));
}

/* What the MMU reaches: extents, and in @tables how many tables. */
static inline struct ext_list bed_hardware(struct bed *b, unsigned *tables)
{
	struct ppt_space_info info;
	struct ext_list list = { 0 };
	struct why why = { "" };
	struct hw_walk w = {
		.media = b->u.pf.media,
		.bytes = b->u.pf.bytes,
		.pool_base = b->map.region[POOL].base,
		.owner = calloc(1, b->u.at.pages),
		.out = &list,
		.why = &why,
	};

	assert_non_null(w.owner);
	assert_ok(ppt_space_info(&b->u.space, &info, NULL));
	if (hw_walk(&w, info.root_pa, info.format))
		fail_msg("%s", why.text);
	*tables = 0;
	for (uint64_t p = 0; p < b->u.at.pages; p++)
		*tables += w.owner[p];
	free(w.owner);
	return list;
}

/* Where the MMU is led by an address, or 0. */
static inline uint64_t bed_mmu(struct bed *b, uint64_t va)
{
	unsigned tables;
	struct ext_list list = bed_hardware(b, &tables);
	uint64_t pa = 0;

	for (size_t i = 0; i < list.count; i++)
		if (va - list.ext[i].va < list.ext[i].len)
			pa = list.ext[i].pa + (va - list.ext[i].va);
	ext_free(&list);
	return pa;
}

static inline uint64_t bed_want(const struct bed *b, unsigned i)
{
	return b->map.region[spots[i].region].base + spots[i].off;
}

static inline uint32_t bed_fault(struct bed *b, uint64_t va, uint32_t access,
				 struct ppt_fault *f)
{
	memset(f, 0xa5, sizeof(*f));
	assert_ok(ppt_fault(&b->u.space, va, access, f, NULL));
	return f->kind;
}

/* A fault ends with access, by software and by hardware. */
static inline void bed_reach(struct bed *b, uint64_t va, uint64_t pa)
{
	struct ppt_fault f;
	uint32_t kind = bed_fault(b, va, PPT_ACCESS_READ, &f);

	assert_true(kind == PPT_FAULT_ARMED || kind == PPT_FAULT_SPURIOUS);
	assert_true(va - f.va < f.len);
	assert_int_equal(f.pa + (va - f.va), pa);
	assert_int_equal(unit_pa(&b->u, va), pa);
	if (!(b->u.pf.attach_flags & PPT_ATTACH_NO_MMU))
		assert_int_equal(bed_mmu(b, va), pa);
	/* it is there now */
	assert_int_equal(bed_fault(b, va, PPT_ACCESS_READ, &f),
			 PPT_FAULT_SPURIOUS);
}

static inline void bed_reach_all(struct bed *b)
{
	for (unsigned i = 0; i < SPOTS; i++) {
		bed_reach(b, spots[i].va, bed_want(b, i));
		bed_reach(b, spots[i].va + spots[i].len - 4096,
			  bed_want(b, i) + spots[i].len - 4096);
	}
	bed_reach(b, POOL_VA, b->map.region[POOL].base + b->pool_off);
}

/* The table on the way to an address, whatever the marks say. */
static inline uint32_t bed_table(struct bed *b, uint64_t va, uint32_t level)
{
	struct ppt_space_info info;
	uint32_t page, at = 4;

	assert_ok(ppt_space_info(&b->u.space, &info, NULL));
	page = (uint32_t)((info.root_pa - b->map.region[POOL].base) / 4096);
	for (; at > level; at--) {
		uint64_t e = *unit_word(&b->u, page,
					(uint32_t)(va >> (3 + 9 * at)) & 511);

		page = (uint32_t)(((e & UINT64_C(0xffffffffff000)) -
				   b->map.region[POOL].base) /
				  4096);
		assert_true(page < b->u.at.pages);
	}
	return page;
}

/* The extent of an address among all, also those that fault. */
static inline struct ppt_extent bed_any(struct bed *b, uint64_t va)
{
	struct ppt_extent e, found = { .state = UINT32_MAX };
	struct ppt_iter it;
	int err;

	ppt_iter_init_any(&it, &b->u.space, 0, UINT64_MAX);
	while (!(err = ppt_iter_next(&it, &e, NULL)))
		if (va - e.va < e.len)
			found = e;
	assert_int_equal(err, PPT_E_NOENT);
	return found;
}

static inline void bed_ignore(void *ctx, uint32_t worker,
			      const struct ppt_problem *p)
{
	(void)ctx;
	(void)worker;
	(void)p;
}

/* As ppt_check: whatever the trust mode left on the media is understood. */
static inline enum ppt_check_verdict bed_check(struct bed *b)
{
	uint64_t bytes = b->u.pf.bytes;
	uint8_t *copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			     b->u.pf.fd, 0);
	size_t need = ppt_check_scratch_bytes(b->u.pf.media, bytes, 1);
	void *scratch = aligned_alloc(64, (need + 63) / 64 * 64);
	struct ppt_check_config cfg = {
		.pm = { .media = copy, .writable = copy, .bytes = bytes },
		.scratch = scratch,
		.scratch_bytes = need,
		.flags = PPT_CHECK_PRIVATE | PPT_CHECK_EXACT,
		.pa_bits = 52,
		.problem = bed_ignore,
	};
	struct ppt_check_report report;

	assert_true(copy != MAP_FAILED && scratch);
	assert_ok(ppt_check(&cfg, &report, NULL));
	(void)munmap(copy, bytes);
	free(scratch);
	return report.verdict;
}

#endif
