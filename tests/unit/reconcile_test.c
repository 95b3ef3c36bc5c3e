/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reconcile_test.c - attach when physical memory has changed: moved, exchanged,
 * grown, new, absent; interrupted again and again.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include "sim/oracle/rng.h"

/* Regions by their place in the fixture's memory map. */
enum { POOL, DRAM, PMEM, DEVICE, TOP, REGIONS };

/* One mapping in each region; where it is in it. */
struct spot {
	uint32_t region;
	uint64_t off;
	uint64_t va;
};

static const struct spot spots[] = {
	{ DRAM, 0x5000, VA },
	{ DRAM, 0x40000000, UINT64_C(0x7f0000000000) }, /* 2 MiB leaf */
	{ PMEM, 0x7000, VA + 0x1000 },
	{ DEVICE, 0x9000, VA + 0x2000 },
	{ TOP, 0x123000, UINT64_C(0xffff800000000000) },
};
#define SPOTS (sizeof(spots) / sizeof(spots[0]))
#define POOL_VA (VA + 0x10000)

struct moved {
	struct unit_pool u;
	struct ppt_memory_map map; /* present */
	uint64_t pool_off;         /* of a frame of the pool */
	uint8_t *image;
};

/* All tests run in each mode. */
static uint32_t trust;

static void moved_open(struct moved *m)
{
	struct unit_pool *u = &m->u;

	unit_open(u, 2 * MIB, 65536, PPT_ATTACH_NO_MMU);
	u->pf.trust = trust;
	pool_fixture_map(&u->pf, &m->map);
	for (unsigned i = 0; i < SPOTS; i++) {
		uint64_t len = i == 1 ? PPT_SIZE_2M : 4096;
		const struct ppt_region *r = &m->map.region[spots[i].region];

		assert_ok(ppt_map(&u->space, spots[i].va,
				  r->base + spots[i].off, len, RW, 0, NULL));
	}
	assert_ok(ppt_map(&u->space, POOL_VA, PPT_PA_ALLOC, 4096, RW, 0, NULL));
	m->pool_off = unit_pa(u, POOL_VA) - m->map.region[POOL].base;
	assert_ok(pool_fixture_detach(&u->pf));
	m->image = unit_save(u);
}

static void moved_close(struct moved *m)
{
	free(m->image);
	unit_close(&m->u);
}

static int attach_map(struct moved *m)
{
	struct unit_pool *u = &m->u;
	int err;

	pool_fixture_drop(&u->pf);
	err = pool_fixture_attach(&u->pf, &m->map);
	if (!err)
		err = ppt_space_open(u->pf.pool, "s", &u->space, NULL);
	return err;
}

/* Everything is where the memory map says. */
static void check_places(struct moved *m)
{
	struct ppt_space_info info;
	struct unit_pool *u = &m->u;
	uint64_t base = m->map.region[POOL].base;

	for (unsigned i = 0; i < SPOTS; i++)
		assert_int_equal(unit_pa(u, spots[i].va),
				 m->map.region[spots[i].region].base +
					 spots[i].off);
	assert_int_equal(unit_pa(u, POOL_VA), base + m->pool_off);
	assert_ok(ppt_space_info(&u->space, &info, NULL));
	assert_true(info.root_pa - base < u->pf.bytes);
	assert_int_equal(info.root_register, info.root_pa);
	unit_check_pages(u);
}

/* In small steps. */
static void settle(struct moved *m)
{
	struct ppt_settle_report r = { .left = true };

	while (r.left) {
		assert_ok(ppt_settle(m->u.pf.pool, 10, &r));
		assert_int_equal(r.tables_damaged, 0);
	}
}

/* Refused before anything was written. */
static void expect_refused(struct moved *m, int err)
{
	assert_int_equal(attach_map(m), err);
	assert_int_equal(m->u.pf.report.verdict, PPT_VERDICT_REFUSED);
	assert_int_equal(m->u.pf.diag.err, err);
	assert_true(unit_same(&m->u, m->image));
}

static void ppt_attach__same_map_is_clean_and_writes_nothing(void **state)
{
	struct moved m;

	moved_open(&m);
	assert_ok(attach_map(&m));
	assert_int_equal(m.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	assert_int_equal(m.u.pf.report.tables_rebased, 0);
	check_places(&m);
	assert_true(unit_same(&m.u, m.image));
	moved_close(&m);
}

static void ppt_attach__any_region_moved_is_rebased(void **state)
{
	for (uint32_t i = 0; i < REGIONS; i++) {
		struct moved m;
		uint8_t *image;

		moved_open(&m);
		/* the last one ends where addresses end */
		m.map.region[i].base += i == TOP ? -(40 * MIB) : 40 * MIB;
		assert_ok(attach_map(&m));
		assert_int_equal(m.u.pf.report.verdict, PPT_VERDICT_REPLAYED);
		assert_int_equal(m.u.pf.report.tables_rebased > 0,
				 trust == PPT_TRUST_FULL);
		assert_int_equal(m.u.pf.report.epochs_left,
				 trust == PPT_TRUST_TOUCH);
		assert_int_equal(m.u.pf.report.epoch, 1);
		check_places(&m);
		settle(&m);
		/* once is enough */
		image = unit_save(&m.u);
		assert_ok(attach_map(&m));
		assert_int_equal(m.u.pf.report.verdict, PPT_VERDICT_CLEAN);
		assert_true(unit_same(&m.u, image));
		/* and it is what is recorded now */
		assert_ok(unit_attach(&m.u));
		check_places(&m);
		free(image);
		moved_close(&m);
	}
}

static void ppt_attach__regions_exchanged_are_rebased(void **state)
{
	struct moved m;
	ppt_pa_t base;

	moved_open(&m);
	assert_int_equal(m.map.region[DRAM].len, m.map.region[TOP].len);
	base = m.map.region[DRAM].base;
	m.map.region[DRAM].base = m.map.region[TOP].base;
	m.map.region[TOP].base = base;
	assert_ok(attach_map(&m));
	check_places(&m);
	moved_close(&m);
}

/* The order in which the caller lists regions means nothing. */
static void ppt_attach__map_in_another_order_is_the_same(void **state)
{
	struct moved m;
	struct ppt_region swap;

	moved_open(&m);
	swap = m.map.region[POOL];
	m.map.region[POOL] = m.map.region[TOP];
	m.map.region[TOP] = swap;
	assert_ok(attach_map(&m));
	assert_int_equal(m.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	assert_true(unit_same(&m.u, m.image));
	moved_close(&m);
}

/* Where the pool is needs no UUID: the caller has it mapped. */
static void ppt_attach__pool_region_without_uuid_is_the_pool(void **state)
{
	struct ppt_memory_map now, whole;
	struct moved m;

	moved_open(&m);
	whole = m.map;
	m.map.region[POOL].uuid = (struct ppt_uuid){ { 0 } };
	assert_ok(attach_map(&m));
	assert_int_equal(m.u.pf.report.verdict, PPT_VERDICT_CLEAN);
	assert_true(unit_same(&m.u, m.image));
	m.map.region[POOL].len -= 4096;
	expect_refused(&m, PPT_E_INVAL);
	m.map.region[POOL].len += MIB; /* it may be in something longer */
	m.map.region[POOL].base += 40 * MIB;
	m.map.region[m.map.count++] = whole.region[POOL];
	expect_refused(&m, PPT_E_EXIST);
	m.map.count--;
	m.map.region[DRAM].uuid = m.map.region[POOL].uuid;
	expect_refused(&m, PPT_E_INVAL);
	m.map.region[DRAM].uuid = whole.region[DRAM].uuid;
	assert_ok(attach_map(&m));
	check_places(&m);
	ppt_memory_map(m.u.pf.pool, &now);
	assert_int_equal(now.region[POOL].len, whole.region[POOL].len);
	assert_memory_equal(&now.region[POOL].uuid, &whole.region[POOL].uuid,
			    16);
	moved_close(&m);
}

static void ppt_attach__region_grown_or_new_is_recorded(void **state)
{
	struct ppt_memory_map now;
	struct moved m;
	uint64_t end;

	moved_open(&m);
	end = m.map.region[PMEM].base + m.map.region[PMEM].len;
	m.map.region[PMEM].len += MIB;
	m.map.region[m.map.count] = (struct ppt_region){
		.uuid = { { 0xee } },
		.kind = PPT_REGION_DRAM,
		.base = UINT64_C(1) << 45,
		.len = MIB,
	};
	m.map.count++;
	assert_ok(attach_map(&m));
	assert_int_equal(m.u.pf.report.epoch, 1);
	assert_int_equal(m.u.pf.report.regions_lost, 0);
	check_places(&m);
	ppt_memory_map(m.u.pf.pool, &now);
	assert_int_equal(now.count, REGIONS + 1);
	assert_int_equal(now.region[PMEM].len, m.map.region[PMEM].len);
	assert_ok(ppt_map(&m.u.space, VA + 0x20000, end + MIB - 4096, 4096, RW,
			  0, NULL));
	assert_ok(ppt_map(&m.u.space, VA + 0x21000,
			  (UINT64_C(1) << 45) + 0x4000, 4096, RW, 0, NULL));
	assert_ok(unit_attach(&m.u)); /* without being told again */
	assert_int_equal(unit_pa(&m.u, VA + 0x20000), end + MIB - 4096);
	moved_close(&m);
}

static void ppt_attach__impossible_map_is_refused_unchanged(void **state)
{
	struct ppt_memory_map whole;
	struct moved m;

	moved_open(&m);
	whole = m.map;
	for (uint32_t i = 0; i < REGIONS; i++) {
		/* of another kind */
		m.map.region[i].kind = i == DEVICE ? PPT_REGION_DRAM :
						     PPT_REGION_DEVICE;
		expect_refused(&m, PPT_E_REGION);
		m.map = whole;
		/* twice */
		m.map.region[m.map.count++] = m.map.region[i];
		expect_refused(&m, PPT_E_EXIST);
		m.map = whole;
		/* over another one */
		m.map.region[i].base = m.map.region[(i + 1) % REGIONS].base;
		expect_refused(&m, PPT_E_REGION);
		m.map = whole;
		m.map.region[i].base += 1;
		expect_refused(&m, PPT_E_INVAL);
		m.map = whole;
	}
	m.map.region[POOL].len += 4096; /* a pool has one length */
	expect_refused(&m, PPT_E_REGION);
	m.map = whole;
	m.map.region[POOL].len -= 4096;
	expect_refused(&m, PPT_E_REGION);
	m.map = whole;
	m.map.region[POOL] = m.map.region[--m.map.count]; /* absent */
	expect_refused(&m, PPT_E_REGION);
	m.map = whole;
	m.map.count = PPT_REGIONS_MAX + 1;
	expect_refused(&m, PPT_E_LIMIT);
	m.map.count = UINT32_MAX;
	expect_refused(&m, PPT_E_LIMIT);
	m.map.count = 0;
	expect_refused(&m, PPT_E_REGION);
	m.map = whole;
	assert_ok(attach_map(&m));
	check_places(&m);
	moved_close(&m);
}

/* It faults once, and is split then; moved back, what is whole stays whole. */
static void ppt_fault__large_leaf_not_aligned_any_more_is_split(void **state)
{
	struct ppt_extent e;
	struct ppt_fault f;
	struct moved m;

	moved_open(&m);
	m.map.region[DRAM].base += MIB;
	assert_ok(attach_map(&m));
	assert_int_equal(ppt_translate(&m.u.space, spots[1].va, &e, NULL),
			 PPT_E_REGION);
	assert_ok(ppt_fault(&m.u.space, spots[1].va + 0x5000, 0, &f, NULL));
	assert_int_equal(f.kind, PPT_FAULT_ARMED);
	assert_int_equal(f.len, 4096);
	check_places(&m);
	m.map.region[DRAM].base += MIB;
	assert_ok(attach_map(&m));
	check_places(&m);
	moved_close(&m);
}

/* What of the spots can be reached, and is right; the others are damaged. */
static unsigned check_reached(struct moved *m)
{
	unsigned reached = 0;

	for (unsigned i = 0; i < SPOTS; i++) {
		struct ppt_extent e = { .pa = 0 };
		int err = ppt_translate(&m->u.space, spots[i].va, &e, NULL);

		if (err) {
			assert_int_equal(err, PPT_E_CORRUPT);
			continue;
		}
		reached++;
		assert_int_equal(e.pa, m->map.region[spots[i].region].base +
					       spots[i].off);
	}
	return reached;
}

/* The rest of the pool works; what is damaged comes back with its content. */
static void expect_quarantined(struct moved *m, uint32_t page)
{
	int err = attach_map(m);

	if (trust == PPT_TRUST_FULL) {
		assert_int_equal(m->u.pf.report.verdict, PPT_VERDICT_DEGRADED);
		assert_int_equal(m->u.pf.report.tables_damaged, 1);
		assert_int_equal(m->u.pf.report.first_damaged, page);
	}
	if (err)
		assert_int_equal(err, PPT_E_CORRUPT); /* the root itself */
	else
		assert_true(check_reached(m) < SPOTS ||
			    ppt_translate(&m->u.space, POOL_VA,
					  &(struct ppt_extent){ 0 }, NULL));
}

/* A table that differs from its descriptor is not rebased into something. */
static void ppt_attach__damaged_table_is_quarantined(void **state)
{
	struct moved m;
	uint32_t tables = 0;

	moved_open(&m);
	m.map.region[POOL].base += 2 * MIB;
	for (uint32_t p = 0; p < m.u.at.pages; p++) {
		uint64_t d = *unit_word(&m.u, m.u.at.desc_page, p);

		if (!ppt__desc_is_table(d))
			continue;
		tables++;
		for (uint32_t s = 0; s < PPT_PAGE_WORDS; s += 73) {
			*unit_word(&m.u, p, s) ^= UINT64_C(0x1000);
			expect_quarantined(&m, p);
			unit_restore(&m.u, m.image);
		}
		/* A and D are the hardware's business */
		for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
			if (*unit_word(&m.u, p, s))
				*unit_word(&m.u, p, s) ^= 0x60;
		free(m.image);
		m.image = unit_save(&m.u);
	}
	assert_true(tables > 6);
	assert_ok(attach_map(&m));
	assert_int_equal(m.u.pf.report.tables_damaged, 0);
	check_places(&m);
	moved_close(&m);
}

/* ------------------------------------------------------- interruptions -- */

struct cut {
	struct ppt_pm_observer observer;
	const struct unit_pool *u;
	uint8_t *image;
	uint64_t at;
	uint64_t events;
};

static void cut_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		      uint64_t len, const char *site)
{
	struct cut *c = ctx;

	(void)off;
	(void)len;
	(void)site;
	if (event != PPT_PM_LOAD && c->events++ == c->at)
		memcpy(c->image, c->u->pf.media, c->u->pf.bytes);
}

/*
 * Attach under the map and look at everything, die after event @at; how many events there were.  The
 * pool's image is that of the death.
 */
static uint64_t attach_and_die(struct moved *m, uint64_t at)
{
	struct cut c = { .observer = { .event = cut_event, .ctx = &c },
			 .u = &m->u,
			 .at = at };

	c.image = unit_save(&m->u);
	m->u.pf.observer = &c.observer;
	assert_ok(attach_map(m));
	check_places(m);
	m->u.pf.observer = NULL;
	pool_fixture_drop(&m->u.pf);
	if (at < c.events)
		unit_restore(&m->u, c.image);
	free(c.image);
	return c.events;
}

static void ppt_attach__move_cut_at_every_event_goes_on(void **state)
{
	struct moved m;
	uint64_t events, at = 0;

	moved_open(&m);
	m.map.region[POOL].base += 4 * MIB;
	m.map.region[DRAM].base += 4 * MIB;
	do {
		unit_restore(&m.u, m.image);
		events = attach_and_die(&m, at);
		assert_ok(attach_map(&m));
		check_places(&m);
	} while (++at < events);
	assert_true(events > 20);
	moved_close(&m);
}

/* More maps than are remembered, each attach cut short. */
static void ppt_attach__many_moves_cut_short_are_worked_off(void **state)
{
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct rng r = { .state = seed };
		struct moved m;

		moved_open(&m);
		for (uint32_t i = 0; i < 20; i++) {
			uint32_t k = (uint32_t)rng_below(&r, DEVICE);

			m.map.region[k].base +=
				rng_once_in(&r, 4) ? -(4 * MIB) : 6 * MIB;
			attach_and_die(&m, rng_below(&r, 60));
		}
		assert_ok(attach_map(&m));
		check_places(&m);
		assert_ok(ppt_map(&m.u.space, VA + 0x40000,
				  m.map.region[DRAM].base, 4096, RW, 0, NULL));
		moved_close(&m);
	}
}

/* Also right after a crash that left the journal full. */
static void ppt_attach__move_with_records_to_replay_is_rebased(void **state)
{
	struct unit_pool u;
	struct ppt_memory_map map;
	uint8_t *before, *image;

	unit_open(&u, 2 * MIB, 65536, PPT_ATTACH_NO_MMU);
	pool_fixture_map(&u.pf, &map);
	before = unit_save(&u);
	for (uint64_t i = 0; i < 400; i++)
		unit_map(&u, i);
	image = unit_ring_only(&u, before);
	unit_restore(&u, image);
	map.region[POOL].base += 2 * MIB;
	map.region[DRAM].base += 2 * MIB;
	pool_fixture_drop(&u.pf);
	assert_ok(pool_fixture_attach(&u.pf, &map));
	assert_ok(ppt_space_open(u.pf.pool, "s", &u.space, NULL));
	for (uint64_t i = 0; i < 400; i++)
		assert_int_equal(unit_pa(&u, VA + i * 4096),
				 PA + 2 * MIB + (i + 1) * 4096);
	unit_check_pages(&u);
	free(before);
	free(image);
	unit_close(&u);
}

/* What waits to be reclaimed has to be found at the new place too. */
static void ppt_attach__move_with_a_deleted_space_is_reclaimed(void **state)
{
	struct ppt_usage a, b;
	struct ppt_space other;
	struct moved m;
	bool left = true;

	moved_open(&m);
	assert_ok(attach_map(&m));
	assert_ok(ppt_usage(m.u.pf.pool, &a, NULL));
	assert_ok(ppt_space_create(m.u.pf.pool, "other", PPT_FORMAT_X86_64_5,
				   &other, NULL));
	assert_ok(ppt_map(&other, 0, PPT_PA_ALLOC, 40 * 4096, RW, 0, NULL));
	assert_ok(ppt_map(&other, UINT64_C(1) << 50, PPT_PA_ALLOC, 4096, RW, 0,
			  NULL));
	assert_ok(ppt_space_delete(m.u.pf.pool, "other", NULL));
	m.map.region[POOL].base += 2 * MIB;
	assert_ok(attach_map(&m));
	while (left)
		assert_ok(ppt_reclaim(m.u.pf.pool, 1, &left));
	assert_ok(ppt_usage(m.u.pf.pool, &b, NULL));
	assert_memory_equal(&a, &b, sizeof(a));
	check_places(&m);
	moved_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt_attach__same_map_is_clean_and_writes_nothing),
		cmocka_unit_test(ppt_attach__any_region_moved_is_rebased),
		cmocka_unit_test(ppt_attach__regions_exchanged_are_rebased),
		cmocka_unit_test(ppt_attach__map_in_another_order_is_the_same),
		cmocka_unit_test(
			ppt_attach__pool_region_without_uuid_is_the_pool),
		cmocka_unit_test(ppt_attach__region_grown_or_new_is_recorded),
		cmocka_unit_test(
			ppt_attach__impossible_map_is_refused_unchanged),
		cmocka_unit_test(
			ppt_fault__large_leaf_not_aligned_any_more_is_split),
		cmocka_unit_test(ppt_attach__damaged_table_is_quarantined),
		cmocka_unit_test(ppt_attach__move_cut_at_every_event_goes_on),
		cmocka_unit_test(
			ppt_attach__many_moves_cut_short_are_worked_off),
		cmocka_unit_test(
			ppt_attach__move_with_records_to_replay_is_rebased),
		cmocka_unit_test(
			ppt_attach__move_with_a_deleted_space_is_reclaimed),
	};

	int failed;

	trust = PPT_TRUST_TOUCH;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	trust = PPT_TRUST_FULL;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
