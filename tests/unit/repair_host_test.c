/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair_host_test.c - what a repair leaves alone: it writes nothing to the file,
 * makes no backup, and says the same each time.
 *
 * Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "../check/images.h"

static void count(void *ctx, const struct ppt_problem *problem)
{
	(void)problem;
	++*(unsigned *)ctx;
}

static void no_action(void *ctx, const struct ppt_action *action)
{
	(void)ctx;
	fail_msg("%s", action->code);
}

static void repair(const struct specimen *image, int fd,
		   struct ppt_host_repair *opt, enum ppt_repair_verdict verdict)
{
	uint8_t *media = malloc(image->size);
	struct ppt_host_repair_report r;
	char path[64];
	unsigned left = 0;

	assert_non_null(media);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opt->left = count;
	opt->action = no_action;
	opt->check.ctx = &left;
	assert_int_equal(ppt_host_repair(path, opt, &r, NULL), 0);
	assert_int_equal(r.verdict, verdict);
	assert_int_equal(r.done.actions, 0);
	assert_true(left > 0);
	assert_memory_equal(r.before.problems, r.after.problems,
			    sizeof(r.after.problems));
	assert_int_equal(pread(fd, media, image->size, 0), image->size);
	assert_memory_equal(media, image->bytes, image->size);
	free(media);
}

/* With a backup, and without writing; twice. */
static void leaves(struct specimen *image, const struct with *with,
		   enum ppt_repair_verdict verdict)
{
	struct ppt_host_repair opt = { .check = { .present = with->cfg.present,
						  .pa_bits =
							  with->cfg.pa_bits } };
	int fd = memfd_create("pool", MFD_CLOEXEC);
	char backup[64];

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, image->bytes, image->size, 0), image->size);
	(void)snprintf(backup, sizeof(backup), "repair_host_test.%ld",
		       (long)getpid());
	for (unsigned i = 0; i < 2; i++) {
		opt.backup = backup;
		opt.flags = 0;
		repair(image, fd, &opt, verdict);
		assert_int_not_equal(access(backup, F_OK), 0);
		opt.backup = NULL;
		opt.flags = PPT_REPAIR_DRY_RUN;
		repair(image, fd, &opt, verdict);
	}
	close(fd);
	specimen_free(image);
}

static void ppt_host_repair__notes_only_is_clean(void **state)
{
	struct with with = { .cfg = { .pa_bits = 52 } };
	struct specimen image;

	(void)state;
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	present(&image, &with);
	with.map.region[1].base -= PPT_SIZE_4K; /* large leaves: leaf-moved */
	leaves(&image, &with, PPT_REPAIR_CLEAN);
}

static void ppt_host_repair__lost_memory_is_no_work(void **state)
{
	struct with with = { .cfg = { .pa_bits = 52 } };
	struct specimen image;

	(void)state;
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	present(&image, &with);
	with.map.region[1].len = PPT_SIZE_4K;
	leaves(&image, &with, PPT_REPAIR_DAMAGED);
}

static void ppt_host_repair__narrow_cpu_is_no_damage_of_the_pool(void **state)
{
	struct with with = { .cfg = { .pa_bits = 36 } };
	struct specimen image;

	(void)state;
	specimen_make(&image, EVERYTHING_CLEAN, 1);
	leaves(&image, &with, PPT_REPAIR_DAMAGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_host_repair__notes_only_is_clean),
		cmocka_unit_test(ppt_host_repair__lost_memory_is_no_work),
		cmocka_unit_test(
			ppt_host_repair__narrow_cpu_is_no_damage_of_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
