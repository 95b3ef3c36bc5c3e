/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_host_test.c - check of files: threads, order, pages that cannot be read.
 *
 * Layer: tests.
 */
#define _GNU_SOURCE
#include "check_rig.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pptable/host.h>

#define BYTES (UINT64_C(8) << 20)

/* A pool in a memfd; what is checked is a file of its name. */
struct file {
	struct pool_fixture pf;
	char path[64];
};

/* Tables in several stretches: pages that are 2 MiB of VA apart. */
static void file_open(struct file *f)
{
	struct pool_fixture_options o = { .bytes = BYTES,
					  .attach_flags = PPT_ATTACH_NO_MMU,
					  .seed = 3 };
	struct ppt_space s;

	pool_fixture_ready(&f->pf, &o);
	assert_int_equal(ppt_space_create(f->pf.pool, "s", PPT_FORMAT_X86_64_4,
					  &s, NULL),
			 0);
	for (uint64_t i = 0; i < 1500; i++)
		assert_int_equal(ppt_map(&s, i * PPT_SIZE_2M,
					 POOL_FIXTURE_DRAM + i * 4096, 4096,
					 PPT_PROT_READ, PPT_MAP_4K, NULL),
				 0);
	assert_int_equal(ppt_checkpoint(f->pf.pool), 0);
	pool_fixture_drop(&f->pf);
	(void)snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->pf.fd);
}

static void add(void *ctx, const struct ppt_problem *p)
{
	outcome_add(ctx, 0, p);
}

static int run(struct file *f, struct ppt_host_check *opt, struct outcome *o)
{
	struct ppt_host_diag diag;

	memset(o, 0, sizeof(*o));
	opt->pa_bits = 52;
	opt->problem = add;
	opt->ctx = o;
	return ppt_host_check(f->path, opt, &o->report, &diag);
}

static void ppt_host_check__clean_file_is_clean(void **state)
{
	struct ppt_host_check opt = { .threads = 0 };
	struct outcome o;
	struct file f;

	file_open(&f);
	assert_int_equal(run(&f, &opt, &o), 0);
	outcome_print_unless(&o, o.count == 0);
	assert_int_equal(o.report.verdict, PPT_CHECK_CLEAN);
	assert_int_equal(o.report.pages, BYTES / PPT_PAGE_BYTES);
	assert_int_equal(o.report.entries, 1500 + 1500 + 3 + 1);
	pool_fixture_close(&f.pf);
}

/* Damage in every stretch: the same report from any number of threads. */
static void ppt_host_check__threads_agree(void **state)
{
	uint64_t *word;
	struct outcome first, o;
	struct file f;

	file_open(&f);
	word = (uint64_t *)(void *)f.pf.writable;
	for (uint64_t page = 100; page < BYTES / PPT_PAGE_BYTES; page += 37)
		word[page * PPT_PAGE_WORDS + page % 512] ^= UINT64_C(1) << 55;
	for (uint32_t n = 1; n < 8; n++) {
		struct ppt_host_check opt = { .threads = n };

		assert_int_equal(run(&f, &opt, &o), 0);
		assert_true(o.count > 30);
		if (n == 1)
			first = o;
		assert_memory_equal(&first.report, &o.report, sizeof(o.report));
		assert_int_equal(first.count, o.count);
		for (uint32_t i = 0; i < o.count; i++) {
			const struct ppt_problem *a = &first.problem[i];
			const struct ppt_problem *b = &o.problem[i];

			assert_int_equal(a->id, b->id);
			assert_int_equal(a->page, b->page);
			assert_int_equal(a->slot, b->slot);
			assert_int_equal(a->va, b->va);
			assert_int_equal(a->count, b->count);
		}
	}
	pool_fixture_close(&f.pf);
}

/* As soon as the first stretch is done, the last page goes away. */
struct cut {
	struct outcome o; /* first: it is what add() gets */
	int fd;
	uint64_t at;
	uint64_t calls;
};

static void cut_off(void *ctx, uint64_t done, uint64_t total)
{
	struct cut *cut = ctx;

	assert_true(done <= total);
	if (cut->calls++ == 0)
		assert_int_equal(ftruncate(cut->fd, (off_t)cut->at), 0);
}

static void ppt_host_check__page_that_cannot_be_read_is_reported(void **state)
{
	struct ppt_host_check opt = { .threads = 1,
				      .progress = cut_off,
				      .problem = add };
	static struct cut cut;
	uint64_t last = BYTES / PPT_PAGE_BYTES;
	const struct ppt_problem *p;
	struct ppt__layout at;
	const uint64_t *desc;
	struct file f;

	file_open(&f);
	memset(&cut, 0, sizeof(cut));
	cut.fd = f.pf.fd;
	assert_int_equal(
		ppt__layout(BYTES, f.pf.config.journal_bytes, &at, NULL), 0);
	desc = (const uint64_t *)(const void *)f.pf.media +
	       (uint64_t)at.desc_page * PPT_PAGE_WORDS;
	while (!ppt__desc_is_table(desc[last - 1]))
		last--;
	cut.at = (last - 5) * PPT_PAGE_BYTES;
	opt.ctx = &cut;
	opt.pa_bits = 52;
	assert_int_equal(ppt_host_check(f.path, &opt, &cut.o.report, NULL), 0);
	outcome_print_unless(&cut.o, cut.o.of[PPT_PROBLEM_MEDIA_ERROR] > 0);
	assert_int_equal(cut.o.report.verdict, PPT_CHECK_DAMAGED);
	p = outcome_find(&cut.o, PPT_PROBLEM_MEDIA_ERROR);
	assert_non_null(p);
	assert_int_equal(p->page, cut.at / PPT_PAGE_BYTES);
	assert_int_equal(cut.o.of[PPT_PROBLEM_MEDIA_ERROR], 5);
	assert_int_equal(cut.o.of[PPT_PROBLEM_TABLE_CHECKSUM], 5);
	/* Too many. */
	assert_int_equal(ftruncate(f.pf.fd, (off_t)BYTES), 0);
	cut.at -= 100 * PPT_PAGE_BYTES;
	cut.calls = 0;
	assert_int_equal(ppt_host_check(f.path, &opt, &cut.o.report, NULL),
			 PPT_E_IO);
	pool_fixture_close(&f.pf);
}

static void ppt_host_check__misuse_is_refused(void **state)
{
	struct ppt_host_check opt = { .threads = 1, .pa_bits = 99 };
	struct ppt_host_diag diag = { .os_errno = 0 };
	struct ppt_check_report report;
	struct file f;

	file_open(&f);
	assert_int_equal(ppt_host_check(NULL, NULL, &report, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_host_check(f.path, NULL, NULL, &diag),
			 PPT_E_INVAL);
	assert_int_equal(ppt_host_check(f.path, &opt, &report, &diag),
			 PPT_E_INVAL);
	assert_string_equal(diag.diag.what, "pa_bits");
	assert_int_equal(ppt_host_check("/nonexistent", NULL, &report, &diag),
			 PPT_E_SYS);
	pool_fixture_close(&f.pf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_host_check__clean_file_is_clean),
		cmocka_unit_test(ppt_host_check__threads_agree),
		cmocka_unit_test(
			ppt_host_check__page_that_cannot_be_read_is_reported),
		cmocka_unit_test(ppt_host_check__misuse_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
