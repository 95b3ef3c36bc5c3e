/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poison_test.c - each page of a pool that cannot be read, in turn: opened,
 * recovered, read, checked, repaired.
 *
 * Layer: tests.  Every mapping of the file gets the poison (UFFDIO_POISON, which
 * is SIGBUS for an access) as soon as it is made: mmap is this program's own.
 * Writing the page with write(2) makes it good, as it does on real media.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "../support/everything.h"

/* Linux 6.6; Debian 12 has older headers. */
#ifndef UFFDIO_POISON
#define UFFD_FEATURE_POISON (1 << 14)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

#define NOWHERE UINT64_MAX
#define MAPPINGS_MAX 32u

static struct {
	uint64_t page; /* that is bad; NOWHERE: none */
	uint64_t bytes;
	int uffd[MAPPINGS_MAX]; /* of the mappings of one trial */
	uint32_t mappings;
	bool missing; /* the kernel has no poison */
} media = { .page = NOWHERE };

static int poisoner(char *page)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_POISON };
	struct uffdio_register range = {
		.range = { (uintptr_t)page, PPT_PAGE_BYTES },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_poison bad = { .range = range.range };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range) ||
	    ioctl(fd, UFFDIO_POISON, &bad)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The C library's names for the arguments are its own affair. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
void *mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t off)
{
	// NOLINTNEXTLINE(performance-no-int-to-ptr)
	char *map = (char *)syscall(SYS_mmap, at, bytes, prot, flags, fd, off);

	if (map == MAP_FAILED || fd < 0 || bytes != media.bytes ||
	    media.page == NOWHERE || media.mappings == MAPPINGS_MAX)
		return map;
	fd = poisoner(map + media.page * PPT_PAGE_BYTES);
	media.missing |= fd < 0;
	if (fd >= 0)
		media.uffd[media.mappings++] = fd;
	return map;
}

/* In a 64-bit program the same. */
void *mmap64(void *at, size_t bytes, int prot, int flags, int fd, off_t off)
{
	return mmap(at, bytes, prot, flags, fd, off);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if ((uint64_t)at == media.page * PPT_PAGE_BYTES && n == PPT_PAGE_BYTES)
		media.page = NOWHERE;
	return (ssize_t)syscall(SYS_pwrite64, fd, bytes, n, at);
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

static void forget_mappings(void)
{
	while (media.mappings)
		close(media.uffd[--media.mappings]);
}

/* --------------------------------------------------------------- a trial -- */

struct trial {
	const struct specimen *image;
	int fd;
	char path[64];
	uint64_t media_errors; /* of the last check */
	uint64_t opened, refused, read, reported, repaired, inert;
};

static void on_problem(void *ctx, const struct ppt_problem *p)
{
	struct trial *t = ctx;

	t->media_errors += p->id == PPT_PROBLEM_MEDIA_ERROR;
}

static void write_file(struct trial *t)
{
	media.page = NOWHERE;
	assert_int_equal(pwrite(t->fd, t->image->bytes, t->image->size, 0),
			 t->image->size);
}

static int read_all(void *arg)
{
	struct ppt_pool *pool = arg;
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	uint64_t cursor = 0;
	int err = 0;

	while (!err && !(err = ppt_space_next(pool, &cursor, &info, NULL))) {
		err = ppt_space_open(pool, info.name, &space, NULL);
		ppt_iter_init(&it, &space, 0, UINT64_MAX);
		while (!err)
			err = ppt_iter_next(&it, &e, NULL);
		err = err == PPT_E_NOENT ? 0 : err;
	}
	return err == PPT_E_NOENT ? 0 : err;
}

static void try_open(struct trial *t, uint64_t page, uint32_t flags)
{
	struct ppt_host_open opt = { .flags = flags };
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_host *host;
	int err;

	write_file(t);
	media.page = page;
	err = ppt_host_open(t->path, &opt, &host, NULL, &diag);
	if (err) {
		assert_int_equal(err, PPT_E_IO);
		assert_int_equal(diag.diag.at / PPT_PAGE_BYTES, page);
		t->refused++;
		return;
	}
	t->opened++;
	err = ppt_host_try(host, read_all, ppt_host_pool(host), &diag);
	assert_true(err == 0 || err == PPT_E_IO);
	t->read += err == 0;
	err = ppt_host_close(host);
	assert_true(err == 0 || err == PPT_E_IO);
}

static void try_check(struct trial *t, uint64_t page)
{
	struct ppt_host_check opt = { .problem = on_problem,
				      .pa_bits = 52,
				      .ctx = t };
	struct ppt_check_report report;

	write_file(t);
	media.page = page;
	t->media_errors = 0;
	assert_int_equal(ppt_host_check(t->path, &opt, &report, NULL), 0);
	if (report.verdict == PPT_CHECK_CLEAN) {
		assert_int_equal(t->media_errors, 0); /* nobody reads it */
		t->inert++;
	} else {
		assert_int_equal(t->media_errors, 1);
		t->reported++;
	}
}

static void try_repair(struct trial *t, uint64_t page)
{
	struct ppt_host_repair opt = { .check = { .pa_bits = 52 } };
	struct ppt_host_repair_report report;

	write_file(t);
	media.page = page;
	assert_int_equal(ppt_host_repair(t->path, &opt, &report, NULL), 0);
	if (report.verdict == PPT_REPAIR_CLEAN)
		return;
	assert_int_equal(report.verdict, PPT_REPAIR_REPAIRED);
	assert_int_equal(media.page, NOWHERE); /* it was written */
	t->repaired++;
	assert_int_equal(ppt_host_repair(t->path, &opt, &report, NULL), 0);
	assert_int_equal(report.verdict, PPT_REPAIR_CLEAN);
}

static void poison_each(enum everything_kind kind)
{
	struct specimen image;
	struct trial t = { .image = &image };

	specimen_make(&image, kind, 1);
	t.fd = memfd_create("pool", MFD_CLOEXEC);
	assert_true(t.fd >= 0);
	(void)snprintf(t.path, sizeof(t.path), "/proc/self/fd/%d", t.fd);
	media.bytes = image.size;
	for (uint64_t page = 0; page < image.at.pages; page++) {
		/* Superblocks are read before there is a mapping. */
		try_open(&t, page, PPT_HOST_READ_ONLY);
		forget_mappings();
		try_open(&t, page, 0);
		forget_mappings();
		try_check(&t, page);
		forget_mappings();
		try_repair(&t, page);
		forget_mappings();
		if (media.missing)
			break;
	}
	media.page = NOWHERE;
	media.bytes = 0;
	close(t.fd);
	specimen_free(&image);
	if (media.missing) {
		print_message("no UFFDIO_POISON here\n");
		skip();
	}
	print_message("opened %llu, of these read whole %llu; refused %llu; "
		      "check: reported %llu, not read %llu; repaired %llu\n",
		      (unsigned long long)t.opened, (unsigned long long)t.read,
		      (unsigned long long)t.refused,
		      (unsigned long long)t.reported,
		      (unsigned long long)t.inert,
		      (unsigned long long)t.repaired);
	assert_true(t.refused > 0 && t.reported > 40);
	assert_int_equal(t.reported, t.repaired);
}

static void poison__each_page_of_a_clean_pool(void **state)
{
	poison_each(EVERYTHING_CLEAN);
}

static void poison__each_page_of_a_pool_to_replay(void **state)
{
	poison_each(EVERYTHING_LIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poison__each_page_of_a_clean_pool),
		cmocka_unit_test(poison__each_page_of_a_pool_to_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
