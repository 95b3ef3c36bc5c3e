/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usc_sysfs_test.c - reading the unsafe-shutdown count of the device that a
 * file is on, from a sysfs that is made up.
 *
 * Layer: tests.
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/handle.h"

#define BUS "devices/platform/ndbus0"

static char root[64], name[96];
static struct ppt__file file;

/* A folder and all above it. */
static void make_folders(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(path, 0700);
		*at = '/';
	}
}

static void put(const char *where, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", root, where);
	make_folders(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void drop(const char *where)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", root, where);
	assert_int_equal(unlink(path), 0);
}

/* The file's device is this one. */
static void lead_to(const char *kind, const char *device)
{
	char link[256], to[256];

	file.device = makedev(259, 3);
	(void)snprintf(link, sizeof(link), "%s/dev/%s/%u:%u", root, kind,
		       major(file.device), minor(file.device));
	(void)snprintf(to, sizeof(to), "../../%s", device);
	make_folders(link);
	(void)unlink(link);
	assert_int_equal(symlink(to, link), 0);
}

/* Two NVDIMMs, interleaved. */
static void make_region(void)
{
	put(BUS "/region0/mappings", "2\n");
	put(BUS "/region0/mapping0", "nmem0,0,4294967296,0\n");
	put(BUS "/region0/mapping1", "nmem3,0,4294967296,1\n");
	put(BUS "/region0/pfn0.1/block/pmem0/size", "8388608\n");
	put(BUS "/nmem0/nfit/dirty_shutdown", "7\n");
	put(BUS "/nmem0/nfit/id", "8089-a2-1838-00001234\n");
	put(BUS "/nmem3/nfit/dirty_shutdown", "30\n");
	put(BUS "/nmem3/nfit/id", "8089-a2-1838-00005678\n");
	lead_to("block", BUS "/region0/pfn0.1/block/pmem0");
}

static int set_up(void **state)
{
	(void)snprintf(root, sizeof(root), "/dev/shm/ppt-sysfs.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(name, sizeof(name), "%s/pool", root);
	file = (struct ppt__file){ .fd = open(name, O_RDWR | O_CREAT, 0600) };
	ppt__sysfs = root;
	return file.fd < 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	close(file.fd);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool now(struct ppt_usc *out)
{
	memset(out, 0xa5, sizeof(*out));
	return ppt__usc_source->now(&file, out);
}

static void assert_none(void)
{
	struct ppt_usc usc;

	assert_false(now(&usc));
}

static void usc__interleave_set_has_the_sum(void **state)
{
	struct ppt_usc usc;

	make_region();
	assert_true(now(&usc));
	assert_int_equal(usc.count, 37);
	/* FNV-1a of both identities, each with its NUL: made by another program. */
	assert_int_equal(usc.device, UINT64_C(0xafbd62d8dc8040a9));
	put(BUS "/nmem3/nfit/dirty_shutdown", "31\n");
	assert_true(now(&usc));
	assert_int_equal(usc.count, 38);
	assert_int_equal(usc.device, UINT64_C(0xafbd62d8dc8040a9));
}

static void usc__another_nvdimm_is_another_device(void **state)
{
	struct ppt_usc a, b;

	make_region();
	assert_true(now(&a));
	put(BUS "/nmem3/nfit/id", "8089-a2-1838-00005679\n");
	assert_true(now(&b));
	assert_int_equal(a.count, b.count);
	assert_int_not_equal(a.device, b.device);
}

static void usc__partition_and_other_kinds_are_read(void **state)
{
	struct ppt_usc usc;

	make_region();
	lead_to("block", BUS "/region0/namespace0.0/block/pmem0/pmem0p1");
	put(BUS "/region0/namespace0.0/block/pmem0/pmem0p1/start", "2048\n");
	assert_true(now(&usc));
	assert_int_equal(usc.count, 37);
	drop(BUS "/nmem3/nfit/dirty_shutdown");
	put(BUS "/nmem3/cxl/dirty_shutdown", "0\n");
	put(BUS "/nmem3/cxl/id", "42\n");
	assert_true(now(&usc));
	assert_int_equal(usc.count, 7);
}

static void usc__device_dax_is_read(void **state)
{
	struct ppt_usc usc;

	make_region();
	file.dax = true;
	assert_none(); /* its own link, not that of a file on it */
	lead_to("char", BUS "/region0/dax0.1/dax0.0");
	assert_true(now(&usc));
	assert_int_equal(usc.count, 37);
}

static void usc__anything_that_lacks_is_no_count(void **state)
{
	static const char *const needed[] = {
		BUS "/nmem3/nfit/dirty_shutdown",
		BUS "/nmem0/nfit/id",
		BUS "/region0/mapping1",
		BUS "/region0/mappings",
	};
	struct ppt_usc usc;

	assert_none(); /* a plain file */
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		make_region();
		assert_true(now(&usc));
		drop(needed[i]);
		assert_none();
		make_region();
		put(needed[i], "");
		assert_none();
	}
}

static void usc__anything_that_is_odd_is_no_count(void **state)
{
	static const char *const odd[][2] = {
		{ BUS "/region0/mappings", "0\n" },
		{ BUS "/region0/mappings", "two\n" },
		{ BUS "/region0/mappings", "1000000000\n" },
		{ BUS "/region0/mapping0", "../nmem0,0,1,0\n" },
		{ BUS "/region0/mapping0", ",0,1,0\n" },
		{ BUS "/nmem0/nfit/dirty_shutdown", "-1\n" },
		{ BUS "/nmem0/nfit/dirty_shutdown", "7 times\n" },
	};
	struct ppt_usc usc;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		make_region();
		assert_true(now(&usc));
		put(odd[i][0], odd[i][1]);
		assert_none();
	}
	make_region();
	lead_to("block", "devices/virtual/block/dm-0");
	assert_none();
	lead_to("block", "devices/platform/region0/namespace0.0/block/pmem0");
	assert_none(); /* not on the bus */
	lead_to("block", BUS "/regional/block/pmem0");
	assert_none();
}

static void usc__of_this_machine_is_no_fault(void **state)
{
	struct ppt_usc usc;

	ppt__sysfs = "/sys";
	(void)now(&usc);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(usc__interleave_set_has_the_sum),
		TEST(usc__another_nvdimm_is_another_device),
		TEST(usc__partition_and_other_kinds_are_read),
		TEST(usc__device_dax_is_read),
		TEST(usc__anything_that_lacks_is_no_count),
		TEST(usc__anything_that_is_odd_is_no_count),
		TEST(usc__of_this_machine_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
