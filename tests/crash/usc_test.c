/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usc_test.c - power fails while a pool is opened, used and closed, with and
 * without the loss of what was flushed: the record of the unsafe-shutdown count
 * is right, or the pool counts as unsafe.
 *
 * Layer: tests.  A loss is one in which fences achieve nothing: only what was
 * drained from the memory controller has arrived, and the device has counted.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include <pptable/host.h>

#include "../support/rig.h"
#include "format/media.h"
#include "host/handle.h"

#define BYTES PPT_POOL_BYTES_MIN
#define WORDS (BYTES / 8)
#define VA UINT64_C(0x400000)
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)
#define STATE_WORD (PPT_M_USC_WORD + 2u)
#define HEAD (2 * PPT_PAGE_WORDS)

/* ----------------------------------------------------------- the device -- */

static struct ppt_usc device;
static struct recorder *recorder; /* NULL: nobody is told of drains */

static bool device_now(const struct ppt__file *file, struct ppt_usc *out)
{
	(void)file;
	*out = device;
	return device.count != 0;
}

static int device_drain(const struct ppt__file *file)
{
	(void)file;
	if (recorder)
		recorder_mark(recorder, RIG_MARK, 0, NULL, 0);
	return 0;
}

static const struct ppt__usc_source made_up = { device_now, device_drain };

/* ----------------------------------------------------------- the session -- */

struct session {
	char path[64];
	int fd;
	uint8_t *media; /* a mapping of its own */
	uint64_t *base;
	uint64_t *final;
	uint64_t *image;
	struct recorder rec;
	bool doubtful;      /* when it began */
	size_t first_other; /* stores that are not to the first two pages … */
	size_t last_other;
	size_t renewed; /* the store that makes an unsafe pool one in use … */
	size_t closed;  /* … and that which closes it */
	uint64_t unsafe;
	uint64_t safe;
	uint64_t refused;
};

static void begin(struct session *s)
{
	struct ppt_create_config cfg = { .pm.bytes = BYTES };
	struct ppt_host *host;
	struct ppt_space space;

	memset(s, 0, sizeof(*s));
	ppt__usc_source = &made_up;
	(void)snprintf(s->path, sizeof(s->path), "/dev/shm/ppt-usc-crash.%ld",
		       (long)getpid());
	unlink(s->path);
	assert_int_equal(ppt_host_create(s->path, &cfg, 0, NULL), 0);
	assert_int_equal(ppt_host_open(s->path, NULL, &host, NULL, NULL), 0);
	assert_int_equal(ppt_space_create(ppt_host_pool(host), "s",
					  PPT_FORMAT_X86_64_4, &space, NULL),
			 0);
	assert_int_equal(ppt_host_close(host), 0);
	s->fd = open(s->path, O_RDWR);
	assert_true(s->fd >= 0);
	s->media =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	assert_true(s->media != MAP_FAILED);
	s->base = malloc(BYTES);
	s->final = malloc(BYTES);
	s->image = malloc(BYTES);
	assert_true(s->base && s->final && s->image);
}

static void end(struct session *s)
{
	print_message("%zu events: %llu safe, %llu unsafe, %llu refused\n",
		      s->rec.count, (unsigned long long)s->safe,
		      (unsigned long long)s->unsafe,
		      (unsigned long long)s->refused);
	recorder_close(&s->rec);
	munmap(s->media, BYTES);
	close(s->fd);
	unlink(s->path);
	free(s->base);
	free(s->final);
	free(s->image);
}

/* Open, map, close.  @keep: the file is then as a writer that died left it. */
static void use(struct session *s, const struct ppt_pm_observer *observer,
		uint64_t va, bool keep)
{
	const struct ppt_host_open opt = { .observer = observer };
	struct ppt_host *host;
	struct ppt_space space;

	assert_int_equal(ppt_host_open(s->path, &opt, &host, NULL, NULL), 0);
	assert_int_equal(ppt_space_open(ppt_host_pool(host), "s", &space, NULL),
			 0);
	assert_int_equal(ppt_map(&space, va, PPT_PA_ALLOC, 8192, RW, 0, NULL),
			 0);
	if (keep)
		memcpy(s->image, s->media, BYTES);
	assert_int_equal(ppt_host_close(host), 0);
	if (keep)
		memcpy(s->media, s->image, BYTES);
}

static enum ppt_shutdown judge(const uint64_t *image, uint64_t more)
{
	struct ppt_usc now = device;
	struct ppt_geometry g;

	now.count += more;
	if (ppt_probe(image, BYTES, &g, NULL))
		return PPT_SHUTDOWN_NONE;
	return ppt__usc_judge(&g.usc, &now);
}

/* Which events are the ones that matter. */
static void find_events(struct session *s)
{
	s->first_other = s->rec.count;
	s->renewed = s->closed = SIZE_MAX;
	for (size_t i = 0; i < s->rec.count; i++) {
		const struct rig_event *e = &s->rec.event[i];
		uint64_t state;

		if (e->kind != RIG_STORE && e->kind != RIG_STREAM)
			continue;
		/* The tail line of page 0 without the record is another. */
		if (e->off / 8 >= HEAD || e->off / 8 == PPT_M_TAIL_WORD) {
			if (s->first_other == s->rec.count)
				s->first_other = i;
			s->last_other = i;
		}
		if (e->off / 8 != STATE_WORD)
			continue;
		state = s->rec.data[e->data] >> 32;
		if (state == PPT_USC_IN_USE && s->renewed == SIZE_MAX)
			s->renewed = i;
		if (state == PPT_USC_CLOSED)
			s->closed = i;
	}
	assert_true(s->closed != SIZE_MAX);
	assert_true(s->last_other < s->closed);
	assert_true(!s->doubtful || s->renewed < s->closed);
}

static void record(struct session *s)
{
	memcpy(s->base, s->media, BYTES);
	s->doubtful = ppt__usc_doubtful(judge(s->base, 0));
	recorder_open(&s->rec, s->media);
	recorder = &s->rec;
	use(s, &s->rec.observer, VA + (UINT64_C(1) << 30), false);
	recorder = NULL;
	memcpy(s->final, s->media, BYTES);
	find_events(s);
}

/* What may be said of an image of a crash right before event @i. */
static void check(struct session *s, size_t i, int mode, bool lost)
{
	for (uint64_t more = lost; more < 2; more++) {
		enum ppt_shutdown shutdown = judge(s->image, more);
		bool not_yet = s->doubtful && i <= s->renewed;
		bool in_use = i > s->first_other && i <= s->closed;

		s->refused += shutdown == PPT_SHUTDOWN_NONE;
		s->unsafe += ppt__usc_doubtful(shutdown);
		if (shutdown != PPT_SHUTDOWN_SAFE)
			continue;
		s->safe++;
		if (not_yet || (more && in_use && !lost))
			fail_msg("wrongly safe: before event %zu of %zu, mode "
				 "%d, count + %llu",
				 i, s->rec.count, mode,
				 (unsigned long long)more);
		if (lost &&
		    (s->doubtful || memcmp(s->image + HEAD, s->base + HEAD,
					   BYTES - HEAD * 8) != 0) &&
		    memcmp(s->image + HEAD, s->final + HEAD,
			   BYTES - HEAD * 8) != 0)
			fail_msg("wrongly safe after a loss: before event %zu "
				 "of %zu, mode %d",
				 i, s->rec.count, mode);
	}
}

/* Recovers an image on the next count, and closes it. */
static void recover(struct session *s)
{
	struct ppt_attach_report report;
	struct ppt_host *host;

	memcpy(s->media, s->image, BYTES);
	device.count++;
	assert_int_equal(ppt_host_open(s->path, NULL, &host, &report, NULL), 0);
	assert_int_equal(report.tables_damaged, 0);
	assert_int_equal(ppt_host_close(host), 0);
	memcpy(s->image, s->media, BYTES);
	/* A superblock that is torn waits for a repair. */
	assert_int_equal(judge(s->image, 0), report.shutdown_left ?
						     PPT_SHUTDOWN_UNSAFE :
						     PPT_SHUTDOWN_SAFE);
	device.count--;
}

/* @lost: fences achieve nothing, drains do. */
static void crash(struct session *s, bool lost)
{
	struct rng r = { .state = env_number("PPT_TEST_SEED", 5) };
	struct shadow shadow;

	shadow_open(&shadow, s->base, BYTES);
	for (size_t i = 0; i <= s->rec.count; i++) {
		for (int m = 0; m < SHADOW_MODES; m++) {
			shadow_image(&shadow, (enum shadow_mode)m, &r,
				     s->image);
			check(s, i, m, lost);
			if (!lost && i % 5 == 0 && m == (int)(i / 5) % 7)
				recover(s);
		}
		if (i == s->rec.count)
			break;
		if (lost && s->rec.event[i].kind == RIG_MARK)
			shadow_fence(&shadow);
		if (!lost || s->rec.event[i].kind != RIG_FENCE)
			recorder_play(&s->rec, i, &shadow);
	}
	/* In the end it is closed, or a loss right then leaves it in use. */
	shadow_image(&shadow, SHADOW_DURABLE, &r, s->image);
	assert_int_equal(judge(s->image, 1),
			 lost ? PPT_SHUTDOWN_UNSAFE : PPT_SHUTDOWN_SAFE);
	shadow_close(&shadow);
}

static void run(struct session *s)
{
	record(s);
	crash(s, false);
	crash(s, true);
	end(s);
}

/* ---------------------------------------------------------------- cases -- */

static void usc__crash_of_a_closed_pool_is_never_wrongly_safe(void **state)
{
	struct session s;

	device = (struct ppt_usc){ .device = 1, .count = 3 };
	begin(&s);
	run(&s);
}

static void usc__crash_while_renewed_is_never_wrongly_safe(void **state)
{
	struct session s;

	device = (struct ppt_usc){ .device = 1, .count = 3 };
	begin(&s);
	device = (struct ppt_usc){ .device = 2, .count = 9 };
	run(&s);
}

static void usc__crash_with_the_first_record_is_never_wrongly_safe(void **state)
{
	struct session s;

	device = (struct ppt_usc){ .device = 0, .count = 0 };
	begin(&s);
	device = (struct ppt_usc){ .device = 1, .count = 3 };
	run(&s);
}

static void usc__crash_after_a_crash_is_never_wrongly_safe(void **state)
{
	struct session s;

	device = (struct ppt_usc){ .device = 1, .count = 3 };
	begin(&s);
	use(&s, NULL, VA, true);
	run(&s);
}

static void usc__crash_while_unsafe_stays_unsafe(void **state)
{
	struct session s;

	device = (struct ppt_usc){ .device = 1, .count = 3 };
	begin(&s);
	use(&s, NULL, VA, true);
	device.count++;
	run(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			usc__crash_of_a_closed_pool_is_never_wrongly_safe),
		cmocka_unit_test(
			usc__crash_while_renewed_is_never_wrongly_safe),
		cmocka_unit_test(
			usc__crash_with_the_first_record_is_never_wrongly_safe),
		cmocka_unit_test(
			usc__crash_after_a_crash_is_never_wrongly_safe),
		cmocka_unit_test(usc__crash_while_unsafe_stays_unsafe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
