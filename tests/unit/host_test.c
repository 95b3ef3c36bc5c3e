/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host_test.c - pools in files: making, locking, sizes, and media that fail.
 *
 * Layer: tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "host/handle.h"

#define POOL_BYTES (UINT64_C(4) << 20)
#define VA UINT64_C(0x400000)
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)

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

static char path[64];

static int new_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/dev/shm/ppt-host-test.%ld",
		 (long)getpid());
	unlink(path);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int create_with(uint32_t flags, uint64_t bytes,
		       struct ppt_host_diag *diag)
{
	struct ppt_create_config cfg = {
		.pm.bytes = bytes,
		.phys_base = UINT64_C(1) << 40,
	};

	return ppt_host_create(path, &cfg, flags, diag);
}

/* A pool with a space s that has a mapping; not open. */
static void make_pool(void)
{
	struct ppt_host *host;
	struct ppt_space space;

	assert_int_equal(create_with(0, POOL_BYTES, NULL), 0);
	assert_int_equal(ppt_host_open(path, NULL, &host, NULL, NULL), 0);
	assert_int_equal(ppt_space_create(ppt_host_pool(host), "s",
					  PPT_FORMAT_X86_64_4, &space, NULL),
			 0);
	assert_int_equal(ppt_map(&space, VA, PPT_PA_ALLOC, 4096, RW, 0, NULL),
			 0);
	assert_int_equal(ppt_host_close(host), 0);
}

static int open_with(uint32_t flags, struct ppt_host **out)
{
	struct ppt_host_open opt = { .flags = flags };

	return ppt_host_open(path, &opt, out, NULL, NULL);
}

/* Translates VA in space s of a pool. */
static int look(void *arg)
{
	struct ppt_extent extent;
	struct ppt_space space;
	int err = ppt_space_open(arg, "s", &space, NULL);

	return err ? err : ppt_translate(&space, VA, &extent, NULL);
}

/* Maps one more page of the pool. */
static int change(void *arg)
{
	struct ppt_space space;
	int err = ppt_space_open(arg, "s", &space, NULL);

	return err ? err :
		     ppt_map(&space, VA + (UINT64_C(1) << 30), PPT_PA_ALLOC,
			     4096, RW, 0, NULL);
}

/* ---------------------------------------------------------------- create -- */

static void create__zero_uuid_gets_a_random_one(void **state)
{
	struct ppt_create_config cfg = {
		.pm.bytes = POOL_BYTES,
	};
	static const struct ppt_uuid none;
	struct ppt_geometry geometry;
	struct ppt_host *host;

	assert_int_equal(ppt_host_create(path, &cfg, 0, NULL), 0);
	assert_memory_not_equal(&cfg.uuid, &none, sizeof(none));
	assert_int_equal(open_with(0, &host), 0);
	ppt_geometry(ppt_host_pool(host), &geometry);
	assert_memory_equal(&geometry.uuid, &cfg.uuid, sizeof(none));
	assert_int_equal(ppt_host_close(host), 0);
}

static void create__bad_arguments_leave_no_file(void **state)
{
	static const uint64_t sizes[] = { 0, 4096, POOL_BYTES + 1,
					  UINT64_MAX - 4095 };
	struct ppt_create_config cfg = {
		.pm.bytes = POOL_BYTES,
		.journal_bytes = 100000,
	};
	struct ppt_host_diag diag;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_true(create_with(0, sizes[i], &diag) < 0);
		assert_string_equal(diag.diag.what, "size");
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(ppt_host_create(path, &cfg, 0, &diag), PPT_E_INVAL);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(create_with(PPT_HOST_READ_ONLY, POOL_BYTES, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_host_create(NULL, &cfg, 0, NULL), PPT_E_INVAL);
	assert_int_equal(ppt_host_create(path, NULL, 0, NULL), PPT_E_INVAL);
	assert_int_equal(access(path, F_OK), -1);
}

static void create__existing_file_is_kept_without_force(void **state)
{
	struct ppt_host_diag diag;
	struct ppt_host *host;

	make_pool();
	assert_int_equal(create_with(0, POOL_BYTES, &diag), PPT_E_SYS);
	assert_int_equal(diag.os_errno, EEXIST);
	assert_int_equal(create_with(PPT_HOST_FORCE, 5, &diag), PPT_E_RANGE);
	assert_int_equal(open_with(0, &host), 0);
	assert_int_equal(look(ppt_host_pool(host)), 0);
	assert_int_equal(create_with(PPT_HOST_FORCE, POOL_BYTES, &diag),
			 PPT_E_LOCKED);
	assert_int_equal(ppt_host_close(host), 0);
	assert_int_equal(create_with(PPT_HOST_FORCE, POOL_BYTES, &diag), 0);
	assert_int_equal(open_with(0, &host), 0);
	assert_int_equal(look(ppt_host_pool(host)), PPT_E_NOENT);
	assert_int_equal(ppt_host_close(host), 0);
}

/* ------------------------------------------------------------------ open -- */

static void open__one_writer_or_many_readers(void **state)
{
	struct ppt_host *first;
	struct ppt_host *second;

	make_pool();
	assert_int_equal(open_with(0, &first), 0);
	assert_int_equal(open_with(0, &second), PPT_E_LOCKED);
	assert_int_equal(open_with(PPT_HOST_READ_ONLY, &second), PPT_E_LOCKED);
	assert_int_equal(ppt_host_close(first), 0);
	assert_int_equal(open_with(PPT_HOST_READ_ONLY, &first), 0);
	assert_int_equal(open_with(PPT_HOST_READ_ONLY, &second), 0);
	assert_int_equal(look(ppt_host_pool(first)), 0);
	assert_int_equal(look(ppt_host_pool(second)), 0);
	assert_int_equal(ppt_host_close(first), 0);
	assert_int_equal(open_with(0, &first), PPT_E_LOCKED);
	assert_int_equal(ppt_host_close(second), 0);
	assert_int_equal(open_with(0, &first), 0);
	assert_int_equal(ppt_host_close(first), 0);
	assert_int_equal(ppt_host_close(NULL), 0);
}

/* The file as it is, in memory of its own. */
static void *file_bytes(size_t *len)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;
	bytes = malloc(*len);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *len), (ssize_t)*len);
	close(fd);
	return bytes;
}

static void open__reader_replays_and_never_writes(void **state)
{
	struct ppt_host_open opt = { .flags = PPT_HOST_READ_ONLY };
	struct ppt_attach_report report;
	struct ppt_host *host;
	void *before;
	void *after;
	size_t len;
	pid_t pid;

	make_pool();
	/* A writer that dies leaves records to replay. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!open_with(0, &host) && !change(ppt_host_pool(host)))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	before = file_bytes(&len);
	assert_int_equal(ppt_host_open(path, &opt, &host, &report, NULL), 0);
	assert_int_equal(report.verdict, PPT_VERDICT_REPLAYED);
	assert_true(report.records_replayed > 0);
	assert_int_equal(look(ppt_host_pool(host)), 0);
	assert_int_equal(change(ppt_host_pool(host)), PPT_E_ROFS);
	assert_int_equal(ppt_host_close(host), 0);
	after = file_bytes(&len);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
}

static void open__wrong_size_is_refused(void **state)
{
	static const off_t sizes[] = { 0,       1,
				       4096,    8192,
				       1 << 20, (off_t)POOL_BYTES - 1,
				       4 << 21, (off_t)POOL_BYTES + 4096 };
	struct ppt_attach_report report;
	struct ppt_host *host = NULL;

	make_pool();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint32_t flags = 0; flags <= 1; flags++) {
			struct ppt_host_open opt = { .flags = flags };
			int err;

			unlink(path);
			make_pool();
			assert_int_equal(truncate(path, sizes[i]), 0);
			err = ppt_host_open(path, &opt, &host, &report, NULL);
			assert_int_equal(err, sizes[i] == 0 ? PPT_E_MAGIC :
							      PPT_E_SIZE);
			assert_int_equal(report.verdict, PPT_VERDICT_REFUSED);
			assert_null(host);
		}
	}
}

static void open__bad_options_are_refused(void **state)
{
	struct ppt_host_open opt = { .flags = PPT_HOST_SPARSE };
	struct ppt_host_diag diag;
	struct ppt_host *host;

	make_pool();
	assert_int_equal(ppt_host_open(path, &opt, &host, NULL, &diag),
			 PPT_E_INVAL);
	assert_string_equal(diag.diag.what, "flags");
	opt = (struct ppt_host_open){ .flush = (enum ppt_flush)77 };
	assert_int_equal(ppt_host_open(path, &opt, &host, NULL, &diag),
			 PPT_E_INVAL);
	assert_string_equal(diag.diag.what, "flush");
	assert_int_equal(ppt_host_open(NULL, NULL, &host, NULL, NULL),
			 PPT_E_INVAL);
	assert_int_equal(ppt_host_open(path, NULL, NULL, NULL, NULL),
			 PPT_E_INVAL);
}

/* ------------------------------------------------------------------- try -- */

static void try__truncated_media_is_an_error_once(void **state)
{
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_host *host;

	make_pool();
	assert_int_equal(open_with(0, &host), 0);
	assert_int_equal(truncate(path, 8192), 0);
	assert_int_equal(ppt_host_try(host, change, ppt_host_pool(host), &diag),
			 PPT_E_IO);
	assert_true(diag.diag.at >= 8192 && diag.diag.at < POOL_BYTES);
	assert_int_equal(ppt_host_try(host, look, ppt_host_pool(host), &diag),
			 PPT_E_DEAD);
	assert_int_equal(ppt_host_close(host), 0);
}

static void close__truncated_media_is_an_error(void **state)
{
	struct ppt_host *host;

	make_pool();
	assert_int_equal(open_with(0, &host), 0);
	assert_int_equal(change(ppt_host_pool(host)), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(ppt_host_close(host), PPT_E_IO);
}

static void on_other_fault(int sig)
{
	_exit(sig == SIGBUS ? 42 : 1);
}

static int touch(void *arg)
{
	*(volatile char *)arg = 1;
	return 0;
}

/* A mapping whose every page is cut off. */
static void *cut_off(void)
{
	int fd = memfd_create("cut", MFD_CLOEXEC);
	void *map;

	assert_true(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	close(fd);
	return map;
}

/* How a process ends that faults outside the pool, within a guarded call. */
static int fault_elsewhere(void (*handler)(int sig))
{
	void *map = cut_off();
	struct ppt_host *host;
	int status;
	pid_t pid;

	make_pool();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGBUS, handler);
		if (!open_with(0, &host))
			(void)ppt_host_try(host, touch, map, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	munmap(map, 4096);
	return status;
}

static void try__fault_elsewhere_goes_to_the_previous_handler(void **state)
{
	int status = fault_elsewhere(on_other_fault);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void try__fault_elsewhere_kills_by_default(void **state)
{
	int status = fault_elsewhere(SIG_DFL);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void try__handler_is_taken_away_again(void **state)
{
	struct sigaction before;
	struct sigaction after;
	struct ppt_host *host;

	make_pool();
	assert_int_equal(sigaction(SIGBUS, NULL, &before), 0);
	assert_int_equal(open_with(0, &host), 0);
	assert_int_equal(truncate(path, 8192), 0);
	assert_int_equal(ppt_host_try(host, change, ppt_host_pool(host), NULL),
			 PPT_E_IO);
	assert_int_equal(ppt_host_close(host), 0);
	assert_int_equal(sigaction(SIGBUS, NULL, &after), 0);
	assert_ptr_equal(before.sa_handler, after.sa_handler);
}

/* Ranges and what is done in them, one within the other. */
struct nest {
	void *outer;
	void *inner;
	void *at;
	bool faulted;
	int err;
};

static int inner(void *arg)
{
	struct nest *nest = arg;

	nest->err = ppt__guard(nest->inner, 4096, touch, nest->at,
			       &nest->faulted, NULL);
	return 7;
}

static void guard__nested_ranges_catch_their_own(void **state)
{
	struct nest nest = { .outer = cut_off(), .inner = cut_off() };
	struct sigaction now;
	bool faulted = false;

	nest.at = nest.inner;
	assert_int_equal(
		ppt__guard(nest.outer, 4096, inner, &nest, &faulted, NULL), 7);
	assert_true(nest.faulted && !faulted);
	assert_int_equal(nest.err, PPT_E_IO);
	nest.faulted = false;
	nest.at = nest.outer;
	assert_int_equal(ppt__guard(nest.outer, 4096, inner, &nest, &faulted,
				    NULL),
			 PPT_E_IO);
	assert_true(faulted && !nest.faulted);
	assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
	assert_false(now.sa_flags & SA_NODEFER);
	munmap(nest.outer, 4096);
	munmap(nest.inner, 4096);
}

static void *fault_often(void *arg)
{
	void *map = cut_off();
	uintptr_t wrong = 0;

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		bool faulted = false;

		if (ppt__guard(map, 4096, touch, map, &faulted, NULL) !=
			    PPT_E_IO ||
		    !faulted)
			wrong++;
	}
	munmap(map, 4096);
	return (void *)wrong;
}

static void guard__threads_catch_their_own(void **state)
{
	pthread_t thread[4];
	struct sigaction now;

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, fault_often, NULL), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;

		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
	assert_false(now.sa_flags & SA_NODEFER);
}

/* ---------------------------------------------------------------- poison -- */

/* -1 where the kernel has no UFFDIO_POISON, or not for us. */
static int poisoner(void *map, uint64_t bytes)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_POISON,
	};
	struct uffdio_register range = {
		.range = { (uintptr_t)map, bytes },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A page of an open pool goes bad. */
static void poison(int fd, const struct ppt_host *host, uint64_t at)
{
	char *page = (char *)host->file.map + at;
	struct uffdio_poison bad = {
		.range = { (uintptr_t)page, 4096 },
	};

	assert_int_equal(madvise(page, 4096, MADV_DONTNEED), 0);
	assert_int_equal(ioctl(fd, UFFDIO_POISON, &bad), 0);
}

static void try__each_poisoned_page_is_an_error_or_not_needed(void **state)
{
	uint64_t hits = 0;

	make_pool();
	for (uint64_t at = 0; at < POOL_BYTES; at += 4096) {
		struct ppt_host_diag diag = { .os_errno = 0 };
		struct ppt_host *host;
		int fd;
		int err;

		assert_int_equal(open_with(0, &host), 0);
		fd = poisoner(host->file.map, POOL_BYTES);
		if (fd < 0) {
			assert_int_equal(ppt_host_close(host), 0);
			print_message("no UFFDIO_POISON here\n");
			skip();
		}
		poison(fd, host, at);
		err = ppt_host_try(host, look, ppt_host_pool(host), &diag);
		assert_true(err == 0 || err == PPT_E_IO ||
			    err == PPT_E_CORRUPT);
		if (err == PPT_E_IO)
			assert_true(diag.diag.at - at < 4096);
		hits += err != 0;
		err = ppt_host_try(host, change, ppt_host_pool(host), &diag);
		assert_true(err == 0 || err == PPT_E_IO || err == PPT_E_DEAD ||
			    err == PPT_E_EXIST || err == PPT_E_CORRUPT);
		err = ppt_host_close(host);
		assert_true(err == 0 || err == PPT_E_IO);
		close(fd);
	}
	/* Directory and four levels at least. */
	assert_true(hits >= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_path, remove_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create__zero_uuid_gets_a_random_one),
		TEST(create__bad_arguments_leave_no_file),
		TEST(create__existing_file_is_kept_without_force),
		TEST(open__one_writer_or_many_readers),
		TEST(open__reader_replays_and_never_writes),
		TEST(open__wrong_size_is_refused),
		TEST(open__bad_options_are_refused),
		TEST(try__truncated_media_is_an_error_once),
		TEST(close__truncated_media_is_an_error),
		TEST(try__fault_elsewhere_goes_to_the_previous_handler),
		TEST(try__fault_elsewhere_kills_by_default),
		TEST(try__handler_is_taken_away_again),
		TEST(guard__nested_ranges_catch_their_own),
		TEST(guard__threads_catch_their_own),
		TEST(try__each_poisoned_page_is_an_error_or_not_needed),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
