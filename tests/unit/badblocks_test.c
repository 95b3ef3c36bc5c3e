/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * badblocks_test.c - bad blocks of a device as pages of a file.
 *
 * Layer: tests.  There is no device with bad blocks here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/handle.h"

/* Pages 16 to 31 of the file are at 1 MiB of the device. */
static const struct ppt__piece piece = { 1 << 20, 16 * 4096, 16 * 4096 };

static void overlap(uint64_t at, uint64_t bytes, uint32_t count, uint64_t first)
{
	struct ppt__bad bad = { .count = 0 };

	ppt__bad_overlap(at, bytes, &piece, &bad);
	assert_int_equal(bad.count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(bad.page[i], first + i);
}

static void ppt__bad_overlap__blocks_are_pages_of_the_file(void **state)
{
	(void)state;
	overlap(0, 1 << 20, 0, 0);
	overlap((1 << 20) + 16 * 4096, 512, 0, 0);
	overlap(1 << 20, 512, 1, 16);
	overlap((1 << 20) - 512, 1024, 1, 16);
	overlap((1 << 20) + 4096 - 512, 1024, 2, 16);
	overlap((1 << 20) + 15 * 4096, 8192, 1, 31);
	overlap(0, 1 << 30, 16, 16);
}

static void ppt__bad_overlap__a_page_is_there_once(void **state)
{
	struct ppt__bad bad = { .count = 0 };

	(void)state;
	ppt__bad_overlap(1 << 20, 512, &piece, &bad);
	ppt__bad_overlap((1 << 20) + 1024, 512, &piece, &bad);
	assert_int_equal(bad.count, 1);
	bad.count = PPT__BAD_MAX;
	ppt__bad_overlap(0, 1 << 30, &piece, &bad);
	assert_int_equal(bad.count, PPT__BAD_MAX);
}

/* On any file system: no device, or one without a list, or an empty list. */
static void ppt__bad_blocks__without_a_bad_device_is_none(void **state)
{
	static const char *const folders[] = { "/dev/shm", "." };

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct ppt__bad bad = { .count = 7 };
		struct ppt__file file = { .fd = -1 };
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/badblocks.XXXXXX",
			       folders[i]);
		file.fd = mkstemp(path);
		assert_true(file.fd >= 0);
		assert_int_equal(write(file.fd, path, sizeof(path)),
				 sizeof(path));
		ppt__bad_blocks(&file, &bad);
		assert_int_equal(bad.count, 0);
		close(file.fd);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt__bad_overlap__blocks_are_pages_of_the_file),
		cmocka_unit_test(ppt__bad_overlap__a_page_is_there_once),
		cmocka_unit_test(ppt__bad_blocks__without_a_bad_device_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
