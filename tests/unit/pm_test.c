/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pm_test.c - the one way to the media: flush methods, counters, observer,
 * the read-only mapping [I13].
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/oracle/rng.h"
#include "core/pm.h"

static void workload(struct unit_pool *u, uint64_t seed)
{
	struct rng r = { .state = seed };

	for (int i = 0; i < 600; i++) {
		uint64_t at = rng_below(&r, 500), n = 1 + rng_below(&r, 3);

		if (rng_once_in(&r, 50))
			n = 512;
		assert_ok(ppt_map(&u->space, VA + at * 4096,
				  rng_once_in(&r, 3) ? PPT_PA_ALLOC :
						       PA + at * 4096,
				  n * 4096, RW, PPT_MAP_REPLACE, NULL));
		if (rng_once_in(&r, 3))
			assert_ok(ppt_unmap(&u->space, VA + at * 4096, n * 4096,
					    NULL));
		if (rng_once_in(&r, 60))
			assert_ok(ppt_checkpoint(u->pf.pool));
	}
	assert_ok(ppt_space_create(u->pf.pool, "t", PPT_FORMAT_X86_64_5, NULL,
				   NULL));
	assert_ok(ppt_space_delete(u->pf.pool, "t", NULL));
	assert_ok(ppt_reclaim(u->pf.pool, 100, NULL));
}

static void ppt_attach__every_flush_method_works(void **state)
{
	uint32_t worked = 0;

	for (enum ppt_flush f = 0; f <= PPT_FLUSH_EADR; f++) {
		struct pool_fixture_options o = {
			.bytes = 16 * MIB,
			.flush = f,
			.attach_flags = PPT_ATTACH_NO_MMU,
		};
		struct unit_pool u = { .lines = 1024 };
		struct ppt_stats s;
		int err;

		pool_fixture_open(&u.pf, &o);
		err = pool_fixture_create(&u.pf);
		if (err) {
			/* the CPU has no such instruction */
			assert_diag(u.pf.diag, PPT_E_INVAL, "flush");
			assert_int_not_equal(f, PPT_FLUSH_AUTO);
			assert_int_not_equal(f, PPT_FLUSH_EADR);
			pool_fixture_close(&u.pf);
			continue;
		}
		worked++;
		assert_ok(pool_fixture_attach(&u.pf, NULL));
		assert_ok(ppt_space_create(u.pf.pool, "s", PPT_FORMAT_X86_64_4,
					   &u.space, NULL));
		workload(&u, 1);
		ppt_stats(u.pf.pool, &s);
		assert_true(s.pm.flushes > 0 && s.pm.fences > 500);
		assert_ok(unit_attach(&u));
		pool_fixture_close(&u.pf);
	}
	assert_true(worked >= 3);
}

static void ppt_flush_name__every_method_has_one(void **state)
{
	assert_string_equal(ppt_flush_name(PPT_FLUSH_AUTO), "auto");
	assert_string_equal(ppt_flush_name(PPT_FLUSH_CLWB), "clwb");
	assert_string_equal(ppt_flush_name(PPT_FLUSH_CLFLUSHOPT), "clflushopt");
	assert_string_equal(ppt_flush_name(PPT_FLUSH_CLFLUSH), "clflush");
	assert_string_equal(ppt_flush_name(PPT_FLUSH_EADR), "eadr");
	assert_string_equal(ppt_flush_name(99), "unknown");
	assert_int_not_equal(ppt_flush_best(), PPT_FLUSH_AUTO);
}

static void ppt_attach__media_or_flush_of_no_use_is_named(void **state)
{
	struct pool_fixture pf;

	pool_fixture_open(&pf, NULL);
	assert_ok(pool_fixture_create(&pf));
	pf.config.pm.flush = 99;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_INVAL);
	assert_diag(pf.diag, PPT_E_INVAL, "flush");
	pf.config.pm.flush = PPT_FLUSH_AUTO;
	pf.config.pm.media = pf.media + 8;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_INVAL);
	assert_diag(pf.diag, PPT_E_INVAL, "media");
	pf.config.pm.media = NULL;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_INVAL);
	assert_diag(pf.diag, PPT_E_INVAL, "media");
	pf.config.pm.media = pf.media;
	pf.config.pm.writable = pf.writable + 64;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_INVAL);
	pf.config.pm.writable = pf.writable;
	pf.config.pm.bytes = 4096;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_SIZE);
	pf.config.pm.bytes = pf.bytes - 4096;
	assert_int_equal(pool_fixture_attach(&pf, NULL), PPT_E_SIZE);
	assert_diag(pf.diag, PPT_E_SIZE, "media");
	pf.config.pm.bytes = pf.bytes;
	assert_ok(pool_fixture_attach(&pf, NULL));
	pool_fixture_close(&pf);
}

/* -------------------------------------------------------------- observer -- */

/* A copy that is made of nothing but what the observer was told. */
struct copy {
	struct ppt_pm_observer observer;
	const struct unit_pool *u;
	uint8_t *image;
	struct ppt_pm_counts count;
	uint64_t loads;
	uint64_t bad;
};

static void copy_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		       uint64_t len, const char *site)
{
	struct copy *c = ctx;

	if (off % 8 || len % 8 || off + len > c->u->pf.bytes ||
	    !strchr(site, ':'))
		c->bad++;
	switch (event) {
	case PPT_PM_STORE:
	case PPT_PM_MARK:
		memcpy(c->image + off, c->u->pf.media + off, len);
		c->count.stores += len / 8;
		break;
	case PPT_PM_STREAM:
		memcpy(c->image + off, c->u->pf.media + off, len);
		c->count.streams += len / 8;
		break;
	case PPT_PM_FLUSH:
		c->count.flushes++;
		c->bad += off % 64 != 0;
		break;
	case PPT_PM_FENCE:
		c->count.fences++;
		break;
	case PPT_PM_LOAD:
		c->loads++;
		break;
	}
}

static void ppt_pm_observer__sees_every_store_and_count(void **state)
{
	struct unit_pool u;
	struct copy c = { .observer = { .event = copy_event, .ctx = &c },
			  .u = &u };
	struct ppt_stats s;

	unit_open(&u, 16 * MIB, 65536, PPT_ATTACH_NO_MMU);
	workload(&u, 2); /* something to be replayed */
	c.image = unit_save(&u);
	u.pf.observer = &c.observer;
	assert_ok(unit_attach(&u));
	workload(&u, 3);
	ppt_stats(u.pf.pool, &s);
	assert_int_equal(c.bad, 0);
	assert_memory_equal(&s.pm, &c.count, sizeof(s.pm));
	assert_true(c.loads > 1000);
	assert_true(unit_same(&u, c.image));
	u.pf.observer = NULL;
	pool_fixture_drop(&u.pf);
	free(c.image);
	unit_close(&u);
}

/* What the observer does to the bytes before a load is what is read. */
static void forge_event(void *ctx, enum ppt_pm_event event, uint64_t off,
			uint64_t len, const char *site)
{
	uint64_t **word = ctx;

	(void)off;
	(void)len;
	(void)site;
	if (event == PPT_PM_LOAD && word[0])
		*word[0] ^= word[1] ? 0 : PPT_SIZE_4K;
	word[0] = NULL; /* once */
}

static void ppt_pm_observer__is_told_before_the_load(void **state)
{
	uint64_t *word[2] = { NULL, NULL };
	struct ppt_pm_observer observer = { .event = forge_event, .ctx = word };
	struct unit_pool u;
	uint64_t pa;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	u.pf.observer = &observer;
	assert_ok(unit_attach(&u));
	unit_map(&u, 0);
	pa = unit_pa(&u, VA);
	for (uint32_t p = u.at.first_page; p < u.at.pages; p++)
		if (*unit_word(&u, p, 0) ==
		    (pa | 3 | UINT64_C(1) << 63)) /* RW, no execution */
			word[0] = unit_word(&u, p, 0);
	assert_non_null(word[0]);
	assert_int_equal(unit_pa(&u, VA), pa ^ PPT_SIZE_4K);
	u.pf.observer = NULL;
	pool_fixture_drop(&u.pf);
	unit_close(&u);
}

static void count_event(void *ctx, enum ppt_pm_event event, uint64_t off,
			uint64_t len, const char *site)
{
	unsigned *count = ctx;

	(void)off;
	(void)len;
	(void)site;
	count[event]++;
}

static void ppt_pm_observer__loads_are_told_only_while_asked_for(void **state)
{
	unsigned count[PPT_PM_MARK + 1] = { 0 }, fences;
	uint32_t loads = 0;
	struct ppt_pm_observer observer = { .event = count_event,
					    .ctx = count,
					    .loads = &loads };
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	u.pf.observer = &observer;
	assert_ok(unit_attach(&u));
	unit_map(&u, 0);
	fences = count[PPT_PM_FENCE];
	assert_true(fences > 0);
	assert_int_equal(count[PPT_PM_LOAD], 0);
	loads = 1;
	unit_map(&u, 1);
	assert_true(count[PPT_PM_FENCE] > fences);
	assert_true(count[PPT_PM_LOAD] > 0);
	u.pf.observer = NULL;
	pool_fixture_drop(&u.pf);
	unit_close(&u);
}

/* Loads of lines that it wants, and none behind the last one. */
static void ppt_pm_observer__is_told_of_the_lines_it_names(void **state)
{
	static _Alignas(4096) uint64_t media[PPT_PAGE_WORDS];
	unsigned count[PPT_PM_MARK + 1] = { 0 };
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *lines = page + 4096 - PPT_PAGE_WORDS / 8;
	struct ppt_pm_observer observer = { .event = count_event,
					    .ctx = count,
					    .lines = lines };
	const struct ppt_pm_config cfg = { .media = media,
					   .bytes = sizeof(media),
					   .observer = &observer };
	struct ppt__pm pm;

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	assert_ok(ppt__pm_init(&pm, &cfg, NULL));
	lines[63] = 1;
	(void)ppt__pm_view(&pm, 503, 1);
	assert_int_equal(count[PPT_PM_LOAD], 0);
	(void)ppt__pm_view(&pm, 503, 2);
	(void)ppt__pm_view(&pm, 511, 1);
	assert_int_equal(count[PPT_PM_LOAD], 2);
	/* of nothing, behind the end: as before a table's last entries */
	(void)ppt__pm_view(&pm, 512, 0);
	assert_int_equal(munmap(page, 8192), 0);
}

/* --------------------------------------------------------- single stores -- */

static void ppt__pm_exchange__keeps_what_hardware_wrote(void **state)
{
	const uint64_t hw = 0x60, entry = UINT64_C(0x5000) | 1;
	static _Alignas(4096) uint64_t media[PPT_PAGE_WORDS];
	const struct ppt_pm_config cfg = { .media = media,
					   .bytes = sizeof(media) };
	struct ppt__pm pm;

	assert_ok(ppt__pm_init(&pm, &cfg, NULL));
	/* the same frame: accessed and dirty survive a change of rights */
	media[9] = entry | 0x60;
	ppt__pm_exchange(&pm, 9, entry | 2, hw);
	assert_int_equal(media[9], entry | 2 | 0x60);
	/* another frame, or none: they do not */
	ppt__pm_exchange(&pm, 9, UINT64_C(0x6000) | 1, hw);
	assert_int_equal(media[9], UINT64_C(0x6000) | 1);
	media[9] |= 0x20;
	ppt__pm_exchange(&pm, 9, 0, hw);
	assert_int_equal(media[9], 0);
	assert_int_equal(pm.count.stores, 3);
}

static void ppt__pm_stream__writes_exactly_its_words(void **state)
{
	static _Alignas(4096) uint64_t media[PPT_PAGE_WORDS];
	const struct ppt_pm_config cfg = { .media = media,
					   .bytes = sizeof(media) };
	uint64_t line[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ppt__pm pm;

	assert_ok(ppt__pm_init(&pm, &cfg, NULL));
	ppt__pm_stream_run(&pm, 3, 5, 0x1003, 0x1000);
	ppt__pm_stream_line(&pm, 16, line);
	ppt__pm_stream(&pm, 30, line, 3);
	ppt__pm_fence(&pm);
	for (uint64_t i = 0; i < PPT_PAGE_WORDS; i++) {
		uint64_t want = i >= 3 && i < 8   ? 0x1003 + (i - 3) * 0x1000 :
				i >= 16 && i < 24 ? i - 15 :
				i >= 30 && i < 33 ? i - 29 :
						    0;

		assert_int_equal(media[i], want);
	}
	assert_int_equal(pm.count.streams, 16);
	assert_int_equal(pm.count.fences, 1);
}

/* A store that bypasses core/pm does not go unnoticed in any test. */
static void pool_fixture__stray_store_to_media_faults(void **state)
{
	struct unit_pool u;
	int status;
	pid_t pid;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		*(volatile uint8_t *)(u.pf.media + 4096 * 30) = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_attach__every_flush_method_works),
		cmocka_unit_test(ppt_flush_name__every_method_has_one),
		cmocka_unit_test(ppt_attach__media_or_flush_of_no_use_is_named),
		cmocka_unit_test(ppt_pm_observer__sees_every_store_and_count),
		cmocka_unit_test(ppt_pm_observer__is_told_before_the_load),
		cmocka_unit_test(
			ppt_pm_observer__loads_are_told_only_while_asked_for),
		cmocka_unit_test(
			ppt_pm_observer__is_told_of_the_lines_it_names),
		cmocka_unit_test(ppt__pm_exchange__keeps_what_hardware_wrote),
		cmocka_unit_test(ppt__pm_stream__writes_exactly_its_words),
		cmocka_unit_test(pool_fixture__stray_store_to_media_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
