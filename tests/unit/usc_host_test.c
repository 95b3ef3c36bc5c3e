/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usc_host_test.c - the unsafe-shutdown count of a device and pools in files:
 * when a pool counts as unsafe, what follows, when it no longer does.  The
 * device is made up.
 *
 * Layer: tests.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "format/desc.h"
#include "format/media.h"
#include "format/superblock.h"
#include "host/handle.h"

#define POOL_BYTES (UINT64_C(1) << 20)
#define VA UINT64_C(0x400000)
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)

/* ----------------------------------------------------------- the device -- */

static struct {
	bool has;
	struct ppt_usc now;
	int drain_fails;
	uint32_t drains;
} device;

static bool device_now(const struct ppt__file *file, struct ppt_usc *out)
{
	(void)file;
	if (device.has)
		*out = device.now;
	return device.has;
}

static int device_drain(const struct ppt__file *file)
{
	(void)file;
	device.drains++;
	return device.drain_fails;
}

static const struct ppt__usc_source made_up = { device_now, device_drain };

static char path[64];
static uint8_t image[POOL_BYTES], other[POOL_BYTES];

static int set_up(void **state)
{
	(void)snprintf(path, sizeof(path), "/dev/shm/ppt-usc-test.%ld",
		       (long)getpid());
	unlink(path);
	memset(&device, 0, sizeof(device));
	device.has = true;
	device.now = (struct ppt_usc){ .device = 0xabc, .count = 5 };
	ppt__usc_source = &made_up;
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return 0;
}

/* ------------------------------------------------------------- the file -- */

static void load(uint8_t *to)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, to, POOL_BYTES, 0), POOL_BYTES);
	close(fd);
}

static void store(const uint8_t *from)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, from, POOL_BYTES, 0), POOL_BYTES);
	close(fd);
}

static struct ppt_geometry probe(void)
{
	struct ppt_geometry g;

	load(other);
	assert_int_equal(ppt_probe(other, POOL_BYTES, &g, NULL), 0);
	return g;
}

static void assert_record(uint32_t state, uint64_t id, uint64_t count)
{
	struct ppt_geometry g = probe();

	assert_int_equal(g.usc.state, state);
	assert_int_equal(g.usc.device, id);
	assert_int_equal(g.usc.count, count);
}

/* A pool with a space s that has a mapping; not open. */
static void make_pool(void)
{
	struct ppt_create_config cfg = { .pm.bytes = POOL_BYTES };
	struct ppt_host *host;
	struct ppt_space space;

	assert_int_equal(ppt_host_create(path, &cfg, 0, NULL), 0);
	assert_int_equal(ppt_host_open(path, NULL, &host, NULL, NULL), 0);
	assert_int_equal(ppt_space_create(ppt_host_pool(host), "s",
					  PPT_FORMAT_X86_64_4, &space, NULL),
			 0);
	assert_int_equal(ppt_map(&space, VA, PPT_PA_ALLOC, 4096, RW, 0, NULL),
			 0);
	assert_int_equal(ppt_host_close(host), 0);
}

/* As its writer leaves it when it dies. */
static void die_in_use(void)
{
	struct ppt_host *host;
	struct ppt_space s;

	assert_int_equal(ppt_host_open(path, NULL, &host, NULL, NULL), 0);
	assert_int_equal(ppt_space_open(ppt_host_pool(host), "s", &s, NULL), 0);
	assert_int_equal(ppt_map(&s, VA + (UINT64_C(1) << 30), PPT_PA_ALLOC,
				 4096, RW, 0, NULL),
			 0);
	load(image);
	assert_int_equal(ppt_host_close(host), 0);
	store(image);
	assert_record(PPT_USC_IN_USE, device.now.device, device.now.count);
}

static struct ppt_attach_report open_trusting(uint32_t flags,
					      struct ppt_host **out)
{
	const struct ppt_host_open opt = { .flags = flags,
					   .trust = PPT_TRUST_NONE };
	struct ppt_attach_report report;

	assert_int_equal(ppt_host_open(path, &opt, out, &report, NULL), 0);
	return report;
}

/* An open for writing and a close; nothing was asked to be validated. */
static void assert_open(enum ppt_shutdown shutdown, bool left)
{
	struct ppt_host *host;
	struct ppt_attach_report r = open_trusting(0, &host);
	bool full = shutdown >= PPT_SHUTDOWN_UNSAFE;

	assert_int_equal(r.shutdown, shutdown);
	assert_int_equal(r.shutdown_left, left);
	assert_int_equal(r.trust, full ? PPT_TRUST_FULL : PPT_TRUST_NONE);
	assert_int_equal(r.tables_checked > 0, full);
	if (device.has)
		assert_record(left ? PPT_USC_UNSAFE : PPT_USC_IN_USE,
			      device.now.device, device.now.count);
	assert_int_equal(ppt_host_close(host), 0);
	if (device.has)
		assert_record(left ? PPT_USC_UNSAFE : PPT_USC_CLOSED,
			      device.now.device, device.now.count);
}

/* -------------------------------------------------------------- judging -- */

static void ppt__usc_judge__each_case(void **state)
{
	static const struct {
		struct ppt_usc was;
		enum ppt_shutdown same; /* on device 1 with count 5 */
		enum ppt_shutdown none; /* on one without a count */
	} rows[] = {
		{ { 0, 0, PPT_USC_MISSING },
		  PPT_SHUTDOWN_UNKNOWN,
		  PPT_SHUTDOWN_NONE },
		{ { 1, 5, PPT_USC_BAD },
		  PPT_SHUTDOWN_UNKNOWN,
		  PPT_SHUTDOWN_UNKNOWN },
		{ { 1, 5, PPT_USC_CLOSED },
		  PPT_SHUTDOWN_SAFE,
		  PPT_SHUTDOWN_NONE },
		{ { 1, 4, PPT_USC_CLOSED },
		  PPT_SHUTDOWN_SAFE,
		  PPT_SHUTDOWN_NONE },
		{ { 2, 5, PPT_USC_CLOSED },
		  PPT_SHUTDOWN_SAFE,
		  PPT_SHUTDOWN_NONE },
		{ { 1, 5, PPT_USC_IN_USE },
		  PPT_SHUTDOWN_SAFE,
		  PPT_SHUTDOWN_UNSAFE },
		{ { 1, 4, PPT_USC_IN_USE },
		  PPT_SHUTDOWN_UNSAFE,
		  PPT_SHUTDOWN_UNSAFE },
		{ { 1, 6, PPT_USC_IN_USE },
		  PPT_SHUTDOWN_UNSAFE,
		  PPT_SHUTDOWN_UNSAFE },
		{ { 2, 5, PPT_USC_IN_USE },
		  PPT_SHUTDOWN_UNSAFE,
		  PPT_SHUTDOWN_UNSAFE },
		{ { 1, 5, PPT_USC_UNSAFE },
		  PPT_SHUTDOWN_UNSAFE,
		  PPT_SHUTDOWN_UNSAFE },
	};
	const struct ppt_usc now = { .device = 1, .count = 5 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ppt__usc_judge(&rows[i].was, &now),
				 rows[i].same);
		assert_int_equal(ppt__usc_judge(&rows[i].was, NULL),
				 rows[i].none);
	}
}

/* ----------------------------------------------------------------- open -- */

static void open__without_a_count_nothing_is_stored(void **state)
{
	device.has = false;
	make_pool();
	assert_open(PPT_SHUTDOWN_NONE, false);
	assert_record(PPT_USC_MISSING, 0, 0);
	assert_int_equal(probe().ro_compat, 0);
	assert_int_equal(device.drains, 0);
}

static void create__new_pool_is_closed_and_safe(void **state)
{
	struct ppt_create_config cfg = { .pm.bytes = POOL_BYTES };

	assert_int_equal(ppt_host_create(path, &cfg, 0, NULL), 0);
	assert_record(PPT_USC_CLOSED, 0xabc, 5);
	assert_int_equal(device.drains, 1); /* before it is closed */
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__dead_writer_on_the_same_count_is_safe(void **state)
{
	make_pool();
	die_in_use();
	assert_open(PPT_SHUTDOWN_SAFE, false);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__count_rose_in_use_is_unsafe_until_validated(void **state)
{
	make_pool();
	die_in_use();
	device.now.count++;
	assert_open(PPT_SHUTDOWN_UNSAFE, false);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__other_device_in_use_is_unsafe(void **state)
{
	make_pool();
	die_in_use();
	device.now.device++;
	assert_open(PPT_SHUTDOWN_UNSAFE, false);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__whatever_changed_while_closed_is_safe(void **state)
{
	make_pool();
	device.now.count += 3;
	assert_open(PPT_SHUTDOWN_SAFE, false);
	device.now.device++; /* copied */
	assert_open(PPT_SHUTDOWN_SAFE, false);
	device.now.count = 0;
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__missing_record_is_unknown_once(void **state)
{
	device.has = false;
	make_pool();
	device.has = true;
	assert_open(PPT_SHUTDOWN_UNKNOWN, false);
	assert_int_equal(probe().ro_compat, PPT_M_RO_COMPAT_USC);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__bad_record_is_unknown_once(void **state)
{
	make_pool();
	load(image);
	image[PPT_M_USC_WORD * 8] ^= 1;
	store(image);
	assert_int_equal(probe().usc.state, PPT_USC_BAD);
	assert_open(PPT_SHUTDOWN_UNKNOWN, false);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void open__record_in_use_without_a_count_is_unsafe_once(void **state)
{
	make_pool();
	die_in_use();
	device.has = false; /* copied to a plain file */
	assert_open(PPT_SHUTDOWN_UNSAFE, false);
	assert_record(PPT_USC_MISSING, 0, 0);
	assert_open(PPT_SHUTDOWN_NONE, false);
}

static void open__reader_of_an_unsafe_pool_writes_nothing(void **state)
{
	struct ppt_attach_report r;
	struct ppt_host *host;

	make_pool();
	die_in_use();
	device.now.count++;
	for (int i = 0; i < 2; i++) {
		r = open_trusting(PPT_HOST_READ_ONLY, &host);
		assert_int_equal(r.shutdown, PPT_SHUTDOWN_UNSAFE);
		assert_true(r.shutdown_left);
		assert_int_equal(r.trust, PPT_TRUST_FULL);
		assert_int_equal(ppt_host_close(host), 0);
		load(other);
		assert_memory_equal(other, image, POOL_BYTES);
	}
}

static void close__drain_that_fails_leaves_it_in_use(void **state)
{
	struct ppt_host *host;

	make_pool();
	device.drain_fails = -1;
	open_trusting(0, &host);
	assert_int_equal(ppt_host_close(host), 0);
	assert_record(PPT_USC_IN_USE, 0xabc, 5);
	assert_int_equal(open_trusting(0, &host).shutdown, PPT_SHUTDOWN_SAFE);
	assert_int_equal(ppt_host_close(host), 0);
}

static void close__open_and_relaxed_transactions_are_settled(void **state)
{
	struct ppt_host *host;
	struct ppt_pool *pool;
	struct ppt_space s;

	make_pool();
	open_trusting(0, &host);
	pool = ppt_host_pool(host);
	assert_int_equal(ppt_space_open(pool, "s", &s, NULL), 0);
	assert_int_equal(ppt_set_relaxed(pool, true), 0);
	assert_int_equal(
		ppt_map(&s, VA + 4096, PPT_PA_ALLOC, 4096, RW, 0, NULL), 0);
	assert_int_equal(ppt_begin(pool), 0);
	assert_int_equal(
		ppt_map(&s, VA + 8192, PPT_PA_ALLOC, 4096, RW, 0, NULL), 0);
	assert_int_equal(ppt_host_close(host), 0);
	assert_record(PPT_USC_CLOSED, 0xabc, 5);
	assert_int_equal(open_trusting(0, &host).records_replayed, 0);
	assert_int_equal(ppt_host_close(host), 0);
}

/* --------------------------------------------------------------- damage -- */

static uint64_t *word_of(uint64_t page, uint32_t slot)
{
	return (uint64_t *)(void *)image + page * PPT_PAGE_WORDS + slot;
}

/* A page with a descriptor of this type, from the end. */
static uint64_t find_page(uint32_t type)
{
	struct ppt__layout at;
	struct ppt_geometry g = probe();
	uint64_t page;

	assert_int_equal(ppt__layout(g.bytes, g.journal_bytes, &at, NULL), 0);
	for (page = at.pages - 1; page >= at.first_page; page--)
		if (ppt__desc_type(*word_of(at.desc_page, (uint32_t)page)) ==
		    type)
			return page;
	fail();
	return 0;
}

/* In use when power failed, and a word of a table has not arrived. */
static void lose_an_entry(void)
{
	make_pool();
	die_in_use();
	load(image);
	*word_of(find_page(PPT__DESC_TABLE + 3), 500) ^= 0x1000;
	store(image);
	device.now.count++;
}

static void open__damaged_pool_stays_unsafe(void **state)
{
	struct ppt_host *host;

	lose_an_entry();
	assert_open(PPT_SHUTDOWN_UNSAFE, true);
	assert_open(PPT_SHUTDOWN_UNSAFE, true);
	device.now.count--; /* whatever the count is */
	assert_open(PPT_SHUTDOWN_UNSAFE, true);
	device.has = false;
	assert_open(PPT_SHUTDOWN_UNSAFE, true);
	device.has = true;
	assert_true(open_trusting(0, &host).tables_damaged > 0);
	assert_int_equal(ppt_host_close(host), 0);
}

/* Attach need not mind a page that leaks, check does. */
static void open__whatever_check_finds_keeps_it_unsafe(void **state)
{
	struct ppt_host *host;
	struct ppt_attach_report r;
	struct ppt__layout at;
	struct ppt_geometry g;
	uint64_t page;

	make_pool();
	die_in_use();
	g = probe();
	load(image);
	assert_int_equal(ppt__layout(g.bytes, g.journal_bytes, &at, NULL), 0);
	page = find_page(PPT__DESC_FREE);
	*word_of(at.desc_page, (uint32_t)page) =
		ppt__desc_plain(ppt__seed(g.uuid.b), ppt__desc_data(1));
	store(image);
	device.now.count++;
	r = open_trusting(0, &host);
	assert_int_equal(r.tables_damaged, 0);
	assert_true(r.shutdown_left);
	assert_int_equal(ppt_host_close(host), 0);
	assert_record(PPT_USC_UNSAFE, 0xabc, 6);
}

static void repair__clears_it(void **state)
{
	const struct ppt_host_repair dry = { .flags = PPT_REPAIR_DRY_RUN };
	struct ppt_host_repair_report r;

	lose_an_entry();
	load(image);
	assert_int_equal(ppt_host_repair(path, &dry, &r, NULL), 0);
	assert_int_equal(r.verdict, PPT_REPAIR_REPAIRED);
	assert_int_equal(r.before.shutdown, PPT_SHUTDOWN_UNSAFE);
	load(other);
	assert_memory_equal(other, image, POOL_BYTES);
	assert_int_equal(ppt_host_repair(path, NULL, &r, NULL), 0);
	assert_int_equal(r.verdict, PPT_REPAIR_REPAIRED);
	assert_int_equal(r.before.shutdown, PPT_SHUTDOWN_UNSAFE);
	assert_int_equal(r.after.shutdown, PPT_SHUTDOWN_SAFE);
	assert_record(PPT_USC_CLOSED, 0xabc, 6);
	assert_open(PPT_SHUTDOWN_SAFE, false);
}

static void repair__clears_it_where_nothing_else_is_wrong(void **state)
{
	struct ppt_host_repair_report r;

	make_pool();
	die_in_use();
	device.now.count++;
	assert_int_equal(ppt_host_repair(path, NULL, &r, NULL), 0);
	assert_int_equal(r.verdict, PPT_REPAIR_REPAIRED);
	assert_record(PPT_USC_CLOSED, 0xabc, 6);
	assert_int_equal(ppt_host_repair(path, NULL, &r, NULL), 0);
	assert_int_equal(r.verdict, PPT_REPAIR_CLEAN);
}

/* ---------------------------------------------------------------- check -- */

static uint32_t told[PPT_PROBLEM_COUNT];

static void on_problem(void *ctx, const struct ppt_problem *p)
{
	told[p->id]++;
}

static struct ppt_check_report check(void)
{
	const struct ppt_host_check opt = { .problem = on_problem };
	struct ppt_check_report r;

	memset(told, 0, sizeof(told));
	assert_int_equal(ppt_host_check(path, &opt, &r, NULL), 0);
	return r;
}

static void check__unsafe_is_a_note(void **state)
{
	make_pool();
	die_in_use();
	assert_int_equal(check().shutdown, PPT_SHUTDOWN_SAFE);
	assert_int_equal(told[PPT_PROBLEM_SHUTDOWN_UNSAFE], 0);
	device.now.count++;
	assert_int_equal(check().shutdown, PPT_SHUTDOWN_UNSAFE);
	assert_int_equal(told[PPT_PROBLEM_SHUTDOWN_UNSAFE], 1);
	assert_int_equal(check().verdict, PPT_CHECK_CLEAN);
	load(other);
	assert_memory_equal(other, image, POOL_BYTES);
}

static void check__bad_record_is_damage(void **state)
{
	struct ppt_host_repair_report r;

	make_pool();
	load(image);
	image[(PPT_M_USC_WORD + 1) * 8] ^= 1;
	store(image);
	assert_int_equal(check().verdict, PPT_CHECK_DAMAGED);
	assert_int_equal(told[PPT_PROBLEM_SHUTDOWN_RECORD], 1);
	assert_int_equal(told[PPT_PROBLEM_SHUTDOWN_UNSAFE], 1);
	assert_int_equal(ppt_host_repair(path, NULL, &r, NULL), 0);
	assert_record(PPT_USC_CLOSED, 0xabc, 5);
	assert_int_equal(check().verdict, PPT_CHECK_CLEAN);
	assert_int_equal(told[PPT_PROBLEM_SHUTDOWN_UNSAFE], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ppt__usc_judge__each_case),
		TEST(open__without_a_count_nothing_is_stored),
		TEST(create__new_pool_is_closed_and_safe),
		TEST(open__dead_writer_on_the_same_count_is_safe),
		TEST(open__count_rose_in_use_is_unsafe_until_validated),
		TEST(open__other_device_in_use_is_unsafe),
		TEST(open__whatever_changed_while_closed_is_safe),
		TEST(open__missing_record_is_unknown_once),
		TEST(open__bad_record_is_unknown_once),
		TEST(open__record_in_use_without_a_count_is_unsafe_once),
		TEST(open__reader_of_an_unsafe_pool_writes_nothing),
		TEST(close__drain_that_fails_leaves_it_in_use),
		TEST(close__open_and_relaxed_transactions_are_settled),
		TEST(open__damaged_pool_stays_unsafe),
		TEST(open__whatever_check_finds_keeps_it_unsafe),
		TEST(repair__clears_it),
		TEST(repair__clears_it_where_nothing_else_is_wrong),
		TEST(check__unsafe_is_a_note),
		TEST(check__bad_record_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
