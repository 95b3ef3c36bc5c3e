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

/* -------------------------------------------------------- what is a page -- */

enum kind {
	KIND_SUPERBLOCK,
	KIND_RING,
	KIND_DESCRIPTORS,
	KIND_REPLAYED, /* a live record sets words of it */
	KIND_DIRECTORY,
	KIND_LIST,
	KIND_TABLE,
	KIND_INERT, /* nobody reads it: data, free, on the reclaim list */
};

/* Whether replay stores to a page. */
static bool is_replayed(const struct specimen *image, uint64_t page)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint32_t lines;

	for (uint64_t line = image->tail; line < image->end; line += lines) {
		lines = specimen_record(image, line, word);
		if (!lines)
			return false;
		for (uint32_t i = 0; i < ppt__record_runs(word[0]); i++)
			if (ppt__run_page(word[2 + 2 * i]) == page)
				return true;
	}
	return false;
}

static bool is_held(const struct specimen *image, uint64_t page)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item =
			*specimen_word(image, image->at.reclaim_page, s);

		if (ppt__reclaim_kind(item) == PPT_M_RECLAIM_EXTENT &&
		    page - ppt__reclaim_page(item) < ppt__reclaim_count(item))
			return true;
	}
	return false;
}

static enum kind kind_of(const struct specimen *image, uint64_t page)
{
	uint64_t desc = *specimen_desc(image, page);

	if (page < 2)
		return KIND_SUPERBLOCK;
	if (page < image->at.desc_page)
		return KIND_RING;
	if (page < image->at.dir_page)
		return KIND_DESCRIPTORS;
	if (is_replayed(image, page))
		return KIND_REPLAYED;
	if (page == image->at.reclaim_page)
		return KIND_LIST;
	if (is_held(image, page))
		return KIND_INERT;
	if (ppt__desc_type(desc) == PPT__DESC_META)
		return KIND_DIRECTORY;
	return ppt__desc_is_table(desc) ? KIND_TABLE : KIND_INERT;
}

/* ---------------------------------------------------- what is translated -- */

struct known {
	char space[PPT_NAME_BYTES];
	struct ppt_extent e;
};

static struct {
	struct known all[256];
	uint32_t count;
	uint32_t lost; /* of them, that were quarantined in the last reading */
} mapped;

/* Of the undamaged pool: the first page of every extent. */
static int gather(void *arg)
{
	struct ppt_pool *pool = arg;
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_iter it;
	uint64_t cursor = 0;
	int err = 0;

	mapped.count = 0;
	while (!(err = ppt_space_next(pool, &cursor, &info, NULL))) {
		struct known *x = &mapped.all[mapped.count];

		assert_int_equal(ppt_space_open(pool, info.name, &space, NULL),
				 0);
		ppt_iter_init(&it, &space, 0, UINT64_MAX);
		for (; !ppt_iter_next(&it, &x->e, NULL); x++) {
			memcpy(x->space, info.name, sizeof(x->space));
			assert_int_equal(
				ppt_translate(&space, x->e.va, &x->e, NULL), 0);
			assert_true(++mapped.count < 256);
		}
	}
	return err == PPT_E_NOENT ? 0 : err;
}

/* What translates, translates as it did; else the reason is the damage. */
static int compare(void *arg)
{
	mapped.lost = 0;
	for (uint32_t i = 0; i < mapped.count; i++) {
		const struct known *x = &mapped.all[i];
		struct ppt_space space;
		struct ppt_extent e;
		int err = ppt_space_open(arg, x->space, &space, NULL);

		if (!err)
			err = ppt_translate(&space, x->e.va, &e, NULL);
		if (err) {
			assert_int_equal(err, PPT_E_CORRUPT);
			mapped.lost++;
			continue;
		}
		assert_int_equal(e.va, x->e.va);
		assert_int_equal(e.pa, x->e.pa);
		assert_int_equal(e.len, x->e.len);
		assert_int_equal(e.prot, x->e.prot);
	}
	return 0;
}

/* --------------------------------------------------------------- a trial -- */

struct trial {
	const struct specimen *image;
	int fd;
	char path[64];
	uint64_t media_errors; /* of the last check */
	uint64_t opened, refused, degraded, reported, repaired, inert;
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

/* What ppt_host_open may refuse; each with the page. */
static bool may_refuse(enum kind kind, uint32_t flags)
{
	switch (kind) {
	case KIND_SUPERBLOCK:
		return !(flags & PPT_HOST_READ_ONLY);
	case KIND_RING: /* if it is near the live part */
	case KIND_DESCRIPTORS:
	case KIND_REPLAYED:
		return true;
	default:
		return false;
	}
}

static bool must_refuse(enum kind kind, uint32_t flags)
{
	return kind != KIND_RING && may_refuse(kind, flags);
}

/* On the way to what the space "four" maps, in one of its trees. */
static bool is_on_the_way(const struct specimen *image, uint64_t page)
{
	/* Where memory has moved, entries name other pages than they will. */
	for (uint32_t level = 1; level <= 4 && image->kind != EVERYTHING_EPOCHS;
	     level++)
		if (specimen_table(image, "four", EVERYTHING_VA, level) == page)
			return true;
	return page == image->at.dir_page;
}

static void try_open(struct trial *t, uint64_t page, uint32_t flags,
		     uint32_t trust)
{
	struct ppt_host_open opt = { .flags = flags, .trust = trust };
	struct ppt_host_diag diag = { .os_errno = 0 };
	enum kind kind = kind_of(t->image, page);
	struct ppt_attach_report report;
	struct ppt_host *host;
	int err;

	write_file(t);
	media.page = page;
	err = ppt_host_open(t->path, &opt, &host, &report, &diag);
	if (err) {
		assert_int_equal(err, PPT_E_IO);
		assert_int_equal(diag.diag.at / PPT_PAGE_BYTES, page);
		assert_true(may_refuse(kind, flags));
		if (kind == KIND_SUPERBLOCK)
			assert_string_equal(diag.diag.what, "superblock");
		t->refused++;
		return;
	}
	assert_false(must_refuse(kind, flags));
	t->opened++;
	/*
	 * Nothing that is read now is a surprise, and the handle lives.  But a
	 * table that is rebased needs a record in the ring.
	 */
	err = ppt_host_try(host, compare, ppt_host_pool(host), &diag);
	if (kind == KIND_RING && err == PPT_E_IO) {
		assert_int_equal(diag.diag.at / PPT_PAGE_BYTES, page);
		assert_int_equal(t->image->kind, EVERYTHING_EPOCHS);
		(void)ppt_host_close(host);
		return;
	}
	assert_int_equal(err, 0);
	if (kind != KIND_TABLE && kind != KIND_DIRECTORY)
		assert_int_equal(mapped.lost, 0);
	else if (is_on_the_way(t->image, page))
		assert_true(mapped.lost > 0);
	assert_int_equal(report.reclaim_damaged, kind == KIND_LIST);
	if (kind == KIND_LIST || (kind == KIND_TABLE && trust))
		assert_int_equal(report.verdict, PPT_VERDICT_DEGRADED);
	t->degraded += mapped.lost > 0;
	assert_int_equal(ppt_host_close(host), 0);
}

static void try_check(struct trial *t, uint64_t page)
{
	struct ppt_host_check opt = { .problem = on_problem,
				      .pa_bits = 52,
				      .ctx = t };
	enum kind kind = kind_of(t->image, page);
	struct ppt_check_report report;

	write_file(t);
	media.page = page;
	t->media_errors = 0;
	assert_int_equal(ppt_host_check(t->path, &opt, &report, NULL), 0);
	if (kind == KIND_INERT) {
		assert_int_equal(report.verdict, PPT_CHECK_CLEAN);
		assert_int_equal(t->media_errors, 0);
		t->inert++;
		return;
	}
	assert_int_equal(t->media_errors, 1);
	if (kind != KIND_RING) /* a record may be lost */
		assert_int_equal(report.verdict, PPT_CHECK_DAMAGED);
	assert_int_not_equal(report.verdict, PPT_CHECK_CLEAN);
	t->reported++;
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

static void read_undamaged(struct trial *t)
{
	struct ppt_host_open opt = { .flags = PPT_HOST_READ_ONLY };
	struct ppt_host *host;

	write_file(t);
	assert_int_equal(ppt_host_open(t->path, &opt, &host, NULL, NULL), 0);
	assert_int_equal(gather(ppt_host_pool(host)), 0);
	assert_int_equal(ppt_host_close(host), 0);
	assert_true(mapped.count > 10);
}

static void try_page(struct trial *t, uint64_t page)
{
	/* Superblocks are read before there is a mapping. */
	for (uint32_t trust = 0; trust <= PPT_TRUST_FULL; trust += 2) {
		try_open(t, page, PPT_HOST_READ_ONLY, trust);
		forget_mappings();
		try_open(t, page, 0, trust);
		forget_mappings();
	}
	try_check(t, page);
	forget_mappings();
	try_repair(t, page);
	forget_mappings();
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
	read_undamaged(&t);
	for (uint64_t page = 0; page < image.at.pages && !media.missing; page++)
		try_page(&t, page);
	media.page = NOWHERE;
	media.bytes = 0;
	close(t.fd);
	specimen_free(&image);
	if (media.missing) {
		print_message("no UFFDIO_POISON here\n");
		skip();
	}
	print_message(
		"opened %llu, of these with a loss %llu; refused %llu; "
		"check: reported %llu, inert %llu; repaired %llu\n",
		(unsigned long long)t.opened, (unsigned long long)t.degraded,
		(unsigned long long)t.refused, (unsigned long long)t.reported,
		(unsigned long long)t.inert, (unsigned long long)t.repaired);
	assert_true(t.refused > 0 && t.degraded > 0 && t.reported > 40);
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

static void poison__each_page_of_a_pool_on_the_move(void **state)
{
	poison_each(EVERYTHING_EPOCHS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poison__each_page_of_a_clean_pool),
		cmocka_unit_test(poison__each_page_of_a_pool_to_replay),
		cmocka_unit_test(poison__each_page_of_a_pool_on_the_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
