/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trust_model_test.c - memory that changes again and again, with pages touched
 * at random in between, against a naive model: where in which region a page is,
 * and whether that has its content.
 *
 * Layer: tests.  PPT_TEST_SEED, PPT_TEST_ROUNDS.
 */
#include "trust_bed.h"

#include "sim/oracle/rng.h"

#define PAGES 40u
#define STEPS 25u
#define KEEP (4 * PPT_SIZE_1G) /* what no region shrinks below */

/* A leaf: @off in a region; nothing if @len is 0. */
struct leaf {
	uint64_t va;
	uint64_t len;
	uint64_t off;
	uint32_t region;
	uint32_t prot;
	bool empty; /* its content is lost */
};

struct model {
	struct bed b;
	struct rng r;
	struct ppt_memory_map all; /* regions as they would be */
	bool there[REGIONS];
	struct leaf leaf[PAGES];
	uint32_t lost;
};

static uint64_t place_va(struct model *m, unsigned i)
{
	(void)m;
	return (i % 3 ? VA + 32 * PPT_SIZE_1G : HIGH) +
	       i * (i % 5 ? PPT_SIZE_2M * 3 : PPT_SIZE_1G);
}

/* The present map: what is there, in any order. */
static void present(struct model *m)
{
	struct ppt_memory_map *map = &m->b.map;

	map->count = 0;
	for (uint32_t i = 0; i < REGIONS; i++)
		if (m->there[i])
			map->region[map->count++] = m->all.region[i];
	if (map->count > 2 && rng_once_in(&m->r, 2)) {
		struct ppt_region r = map->region[1];

		map->region[1] = map->region[2];
		map->region[2] = r;
	}
}

static void map_leaf(struct model *m, unsigned i)
{
	static const uint64_t sizes[] = { 4096, 4096, 4096, PPT_SIZE_2M };
	struct leaf *l = &m->leaf[i];
	struct ppt_region *r;
	uint32_t k = 1 + (uint32_t)rng_below(&m->r, REGIONS - 1);

	if (l->len || !m->there[k])
		return;
	*l = (struct leaf){ .va = place_va(m, i), .region = k, .prot = RW };
	l->len = k == DEVICE ? 4096 : sizes[rng_below(&m->r, 4)];
	r = &m->all.region[k];
	l->off = rng_below(&m->r, 7) * l->len;
	if ((r->base + l->off) % l->len)
		l->len = 4096;
	if (l->off + l->len > r->len)
		l->off = 0;
	assert_ok(ppt_map(&m->b.u.space, l->va, r->base + l->off, l->len,
			  l->prot, 0, NULL));
}

static void unmap_leaf(struct model *m, unsigned i)
{
	struct leaf *l = &m->leaf[i];

	if (l->len)
		assert_ok(ppt_unmap(&m->b.u.space, l->va, l->len, NULL));
	l->len = 0;
}

/* A page of a leaf is touched, as by a kernel. */
static void touch(struct model *m, unsigned i)
{
	struct leaf *l = &m->leaf[i];
	const struct ppt_region *r = &m->all.region[l->region];
	struct bed *b = &m->b;
	uint64_t in = l->len ? rng_below(&m->r, l->len / 4096) * 4096 : 0;
	uint64_t va = place_va(m, i) + in, pa = r->base + l->off + in;
	bool gone = l->len &&
		    (!m->there[l->region] || l->off + l->len > r->len);
	struct ppt_fault f;
	uint32_t kind = bed_fault(b, va, PPT_ACCESS_READ, &f);

	if (!l->len || (gone && m->lost == PPT_LOST_DROP)) {
		assert_int_equal(kind, PPT_FAULT_UNMAPPED);
		/* It may have been split. */
		for (va = l->va; va - l->va < l->len; va = f.va + f.len)
			assert_int_equal(bed_fault(b, va, PPT_ACCESS_READ, &f),
					 PPT_FAULT_UNMAPPED);
		l->len = 0;
		return;
	}
	if (gone) {
		assert_int_equal(kind, PPT_FAULT_LOST);
		assert_int_equal(bed_mmu(b, va), 0);
		return;
	}
	if (l->empty) {
		assert_int_equal(kind, PPT_FAULT_ZERO);
		assert_int_equal(f.pa + (va - f.va), pa);
		assert_int_equal(bed_mmu(b, va), 0);
		if (f.len != l->len || rng_once_in(&m->r, 2))
			return;
		assert_ok(ppt_map(&b->u.space, f.va, f.pa, f.len, f.prot,
				  PPT_MAP_REPLACE, NULL));
		l->empty = false;
		kind = bed_fault(b, va, PPT_ACCESS_READ, &f);
	}
	assert_true(kind == PPT_FAULT_ARMED || kind == PPT_FAULT_SPURIOUS);
	assert_int_equal(f.pa + (va - f.va), pa);
	assert_int_equal(bed_mmu(b, va), pa);
	assert_int_equal(unit_pa(&b->u, va), pa);
}

/* What hardware reaches is right, wherever it is. */
static void check_hardware(struct model *m)
{
	unsigned tables;
	struct ext_list list = bed_hardware(&m->b, &tables);

	for (size_t k = 0; k < list.count; k++) {
		const struct oracle_ext *e = &list.ext[k];

		for (uint64_t at = 0; at < e->len; at += e->page) {
			const struct leaf *l = NULL;

			for (unsigned i = 0; i < PAGES && !l; i++)
				if (e->va + at - place_va(m, i) <
				    m->leaf[i].len)
					l = &m->leaf[i];
			if (!l) { /* the first page, of unit_open */
				assert_int_equal(e->va + at, VA + 511 * 4096);
				continue;
			}
			assert_true(m->there[l->region] && !l->empty);
			assert_int_equal(e->pa + at,
					 m->all.region[l->region].base +
						 l->off + (e->va + at - l->va));
		}
	}
	ext_free(&list);
}

static void change_memory(struct model *m)
{
	uint32_t i = (uint32_t)rng_below(&m->r, REGIONS);
	struct ppt_region *r = &m->all.region[i];
	struct ppt_memory_map whole;
	uint64_t step = rng_once_in(&m->r, 3) ? 4096 :
			rng_once_in(&m->r, 2) ? PPT_SIZE_2M :
						PPT_SIZE_1G;

	pool_fixture_map(&m->b.u.pf, &whole);
	switch (rng_below(&m->r, 5)) {
	case 0:
	case 1:
		r->base += r->base > MEMORY_TOP / 2 ? -step : step;
		break;
	case 2:
		if (i != POOL)
			m->there[i] = !m->there[i];
		break;
	case 3: /* exchanged */
		m->all.region[DRAM].base ^= m->all.region[TOP].base;
		m->all.region[TOP].base ^= m->all.region[DRAM].base;
		m->all.region[DRAM].base ^= m->all.region[TOP].base;
		break;
	case 4:
		if (i == PMEM)
			r->len = r->len == KEEP ? KEEP - 2 * PPT_SIZE_1G : KEEP;
		else if (i == DEVICE)
			r->len = r->len == 4096 * 4 ? MEMORY_DEVICE_BYTES :
						      4096 * 4;
		break;
	}
}

static void boot(struct model *m)
{
	struct bed *b = &m->b;
	bool kept = !rng_once_in(&m->r, 4);
	struct ppt_attach_config cfg = {
		.pm = b->u.pf.config.pm,
		.present = &b->map,
		.flags = kept ? PPT_ATTACH_DRAM_KEPT : 0,
		.trust = (uint32_t)rng_below(&m->r, 3),
		.lost = m->lost,
	};

	for (unsigned n = (unsigned)rng_below(&m->r, 3); n; n--)
		change_memory(m);
	present(m);
	for (unsigned i = 0; !kept && i < PAGES; i++)
		if (m->all.region[m->leaf[i].region].kind == PPT_REGION_DRAM)
			m->leaf[i].empty = true;
	cfg.scratch = b->u.pf.scratch;
	cfg.scratch_bytes = b->u.pf.scratch_bytes;
	assert_ok(ppt_attach(&cfg, &b->u.pf.pool, &b->u.pf.report, NULL));
	if (cfg.trust == PPT_TRUST_FULL)
		assert_int_equal(b->u.pf.report.epochs_left, 0);
	assert_int_equal(b->u.pf.report.tables_damaged, 0);
	assert_ok(ppt_space_open(b->u.pf.pool, "s", &b->u.space, NULL));
	b->map.region[POOL] = m->all.region[POOL];
	/* What is to be dropped is when it is touched, and for good. */
	if (m->lost == PPT_LOST_DROP)
		for (unsigned i = 0; i < PAGES; i++)
			touch(m, i);
}

static void run(struct model *m, uint64_t seed)
{
	m->r.state = seed;
	m->lost = seed % 4 ? PPT_LOST_FAULT : PPT_LOST_DROP;
	memset(m->leaf, 0, sizeof(m->leaf));
	unit_open(&m->b.u, BED_BYTES, 65536, 0);
	pool_fixture_map(&m->b.u.pf, &m->all);
	m->all.region[PMEM].len = KEEP;
	for (uint32_t i = 0; i < REGIONS; i++)
		m->there[i] = true;
	for (unsigned s = 0; s < STEPS; s++) {
		boot(m);
		for (unsigned k = (unsigned)rng_below(&m->r, 30); k; k--) {
			unsigned i = (unsigned)rng_below(&m->r, PAGES);

			switch (rng_below(&m->r, 6)) {
			case 0:
				map_leaf(m, i);
				break;
			case 1:
				if (rng_once_in(&m->r, 3))
					unmap_leaf(m, i);
				break;
			case 2:
				assert_ok(ppt_settle(m->b.u.pf.pool,
						     rng_below(&m->r, 200),
						     NULL));
				break;
			default:
				touch(m, i);
				break;
			}
		}
		check_hardware(m);
		if (rng_once_in(&m->r, 3))
			assert_int_equal(bed_check(&m->b), PPT_CHECK_CLEAN);
	}
	unit_close(&m->b.u);
}

static void ppt_fault__random_moves_match_a_naive_model(void **state)
{
	uint64_t seed = env_number("PPT_TEST_SEED", 0);
	uint64_t rounds = env_number("PPT_TEST_ROUNDS", 60 / TEST_SHARE);
	static struct model m;

	for (uint64_t i = 0; i < rounds; i++) {
		printf("seed %llu\n", (unsigned long long)(seed + i));
		(void)fflush(stdout);
		run(&m, seed + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_fault__random_moves_match_a_naive_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
