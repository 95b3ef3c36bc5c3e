/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Floors: what the hardware takes for the same stores, without the library:
 * nothing is checked, nothing is atomic beyond 8 bytes, nothing recovers.
 *
 * Layer: bench.  Inline assembly on a file beside the pools.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define RING_BYTES (UINT64_C(1) << 20)
#define RESTART_BYTES (UINT64_C(16) << 20)
#define FILL_PAGES 16384u
#define FILL_OPS 256u

/**
 * struct floor - a file mapped the way libpmem maps pools.
 * @next: the bench's place in it.
 */
struct floor {
	const char *path;
	uint64_t *word;
	uint64_t bytes;
	uint64_t next;
	uint32_t *order;
};

/* Present, writable, user: what map writes. */
static uint64_t entry_of(uint64_t word)
{
	return bench_pa(word) | 7u;
}

/* ------------------------------------------------------------- flushing -- */

static inline void flush_line(uint64_t *p, enum ppt_flush flush)
{
#if defined(__x86_64__)
	switch (flush) {
	case PPT_FLUSH_CLWB:
		__asm__ volatile("clwb %0" : "+m"(*p));
		break;
	case PPT_FLUSH_CLFLUSHOPT:
		__asm__ volatile("clflushopt %0" : "+m"(*p));
		break;
	case PPT_FLUSH_CLFLUSH:
		__asm__ volatile("clflush %0" : "+m"(*p));
		break;
	case PPT_FLUSH_EADR:
	case PPT_FLUSH_AUTO:
		break;
	}
#else
	(void)p;
	(void)flush;
#endif
}

static inline void fence(void)
{
#if defined(__x86_64__)
	__asm__ volatile("sfence" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Later instructions start when all earlier ones are done. */
static inline void wait_for_all(void)
{
#if defined(__x86_64__)
	__asm__ volatile("lfence" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void store(uint64_t *p, uint64_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static inline void store_nt(uint64_t *p, uint64_t value)
{
#if defined(__x86_64__)
	__asm__ volatile("movnti %1, %0" : "=m"(*p) : "r"(value));
#else
	*p = value;
#endif
}

/* -------------------------------------------------------- opening, closing -- */

static struct floor *floor_new(const char *tag, uint64_t bytes)
{
	struct floor *f = bench_alloc(sizeof(*f));
	int fd;

	if (bench_files_room() < bytes)
		bench_die("%s: less than %llu MiB left there",
			  bench_options.pool, (unsigned long long)bytes >> 20);
	f->path = bench_file(tag);
	f->bytes = bytes;
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		bench_die("%s: %s", f->path, strerror(errno));
	f->word = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f->word == MAP_FAILED)
		bench_die("%s: %s", f->path, strerror(errno));
	close(fd);
	/* No page fault is timed. */
	memset(f->word, 0, bytes);
	return f;
}

static void open_window(struct bench *b)
{
	struct floor *f = floor_new(b->name, BENCH_WINDOW * 8);

	f->next = 1;
	f->order = bench_alloc(BENCH_RANDOM_OPS * sizeof(*f->order));
	b->state = f;
}

static void open_pages(struct bench *b)
{
	b->state = floor_new(b->name, (uint64_t)FILL_PAGES * PPT_PAGE_BYTES);
}

static void open_restart(struct bench *b)
{
	b->state = floor_new(b->name, RESTART_BYTES);
}

static void open_ring(struct bench *b)
{
	b->state = floor_new(b->name, RING_BYTES);
}

static void close_floor(struct bench *b)
{
	struct floor *f = b->state;

	munmap(f->word, f->bytes);
	bench_file_remove(f->path);
	free(f->order);
	free(f);
}

/* Of what is written in this file the counts are known. */
static void timed(struct bench_sample *s, double start, uint64_t ops,
		  uint64_t fences, uint64_t flushes)
{
	*s = (struct bench_sample){
		.ns = bench_cpu_ns() - start,
		.ops = ops,
		.counted = true,
		.fences = fences,
		.flushes = flushes,
	};
}

/* ------------------------------------------------------------ the floors -- */

static void bare_store(struct bench *b, struct bench_sample *s)
{
	enum ppt_flush flush = bench_options.flush;
	struct floor *f = b->state;
	uint64_t at = f->next;
	double start = bench_cpu_ns();

	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		store(f->word + at, entry_of(at));
		flush_line(f->word + at, flush);
		fence();
		at = bench_next(at);
	}
	timed(s, start, BENCH_SINGLE_OPS, BENCH_SINGLE_OPS, BENCH_SINGLE_OPS);
	f->next = at < BENCH_WINDOW / 2 ? at : 1;
}

static void bare_store_rand(struct bench *b, struct bench_sample *s)
{
	enum ppt_flush flush = bench_options.flush;
	struct floor *f = b->state;
	double start;

	f->next = bench_shuffle(f->next, f->order, BENCH_RANDOM_OPS);
	start = bench_cpu_ns();
	for (uint32_t i = 0; i < BENCH_RANDOM_OPS; i++) {
		uint64_t at = f->order[i];

		store(f->word + at, entry_of(at));
		flush_line(f->word + at, flush);
		fence();
	}
	timed(s, start, BENCH_RANDOM_OPS, BENCH_RANDOM_OPS, BENCH_RANDOM_OPS);
}

/* No operation begins before the one before has ended. */
static void bare_store_alone(struct bench *b, struct bench_sample *s)
{
	enum ppt_flush flush = bench_options.flush;
	struct floor *f = b->state;
	double start;

	f->next = bench_shuffle(f->next, f->order, BENCH_RANDOM_OPS);
	start = bench_cpu_ns();
	for (uint32_t i = 0; i < BENCH_RANDOM_OPS; i++) {
		uint64_t at = f->order[i];

		wait_for_all();
		/* A map has to look first whether the slot is empty. */
		if (f->word[at] == UINT64_MAX)
			bench_die("%s: wrong content", f->path);
		store(f->word + at, entry_of(at));
		flush_line(f->word + at, flush);
		fence();
	}
	timed(s, start, BENCH_RANDOM_OPS, BENCH_RANDOM_OPS, BENCH_RANDOM_OPS);
}

static void line_persist(struct bench *b, struct bench_sample *s)
{
	struct floor *f = b->state;
	uint64_t at = f->next;
	double start = bench_cpu_ns();

	for (uint32_t i = 0; i < BENCH_SINGLE_OPS; i++) {
		for (uint32_t w = 0; w < 8; w++)
			store_nt(f->word + at + w, at + w);
		fence();
		at = (at + 8) % (RING_BYTES / 8);
	}
	timed(s, start, BENCH_SINGLE_OPS, BENCH_SINGLE_OPS, 0);
	f->next = at;
}

/* A table filled with one fence at its end. */
static void fill_512(struct bench *b, struct bench_sample *s)
{
	struct floor *f = b->state;
	uint64_t at = f->next;
	double start = bench_cpu_ns();

	for (uint32_t i = 0; i < FILL_OPS; i++) {
		for (uint32_t w = 0; w < PPT_PAGE_WORDS; w++)
			store_nt(f->word + at + w, entry_of(at + w));
		fence();
		at = (at + PPT_PAGE_WORDS) % (f->bytes / 8);
	}
	timed(s, start, FILL_OPS, FILL_OPS, 0);
	f->next = at;
}

/* --------------------------------------------------------------- the walk -- */

#define WALK_OPS 65536u
#define WALK_TABLES (3 + BENCH_HOT_PAGES / PPT_PAGE_WORDS)

/* Four levels over BENCH_HOT_PAGES pages; entries are offsets in words. */
static void open_walk(struct bench *b)
{
	struct floor *f =
		floor_new(b->name, (uint64_t)WALK_TABLES * PPT_PAGE_BYTES);

	f->order = bench_alloc(WALK_OPS * sizeof(*f->order));
	bench_shuffle(1, f->order, WALK_OPS);
	f->word[0] = PPT_PAGE_WORDS;
	f->word[PPT_PAGE_WORDS] = UINT64_C(2) * PPT_PAGE_WORDS;
	for (uint64_t t = 0; t < BENCH_HOT_PAGES / PPT_PAGE_WORDS; t++)
		f->word[2 * PPT_PAGE_WORDS + t] = (3 + t) * PPT_PAGE_WORDS;
	for (uint64_t p = 0; p < BENCH_HOT_PAGES; p++)
		f->word[3 * PPT_PAGE_WORDS + p] = bench_pa(p);
	b->state = f;
}

static uint64_t slot(ppt_va_t va, unsigned int level)
{
	return va >> (3 + 9 * level) & (PPT_PAGE_WORDS - 1);
}

static void walk_hot(struct bench *b, struct bench_sample *s)
{
	struct floor *f = b->state;
	const uint64_t *word = f->word;
	uint64_t sum = 0;
	double start = bench_cpu_ns();

	for (uint32_t i = 0; i < WALK_OPS; i++) {
		ppt_va_t va = (uint64_t)(f->order[i] % BENCH_HOT_PAGES) *
			      PPT_PAGE_BYTES;
		uint64_t at = 0;

		for (unsigned int level = 4; level > 0; level--)
			at = word[at + slot(va, level)];
		sum += at;
	}
	timed(s, start, WALK_OPS, 0, 0);
	bench_keep(sum);
}

/* ------------------------------------------------------------ the restart -- */

/* Open, map, four loads from where tables may be. */
static double restart_one(const struct floor *f)
{
	double start = bench_wall_ns();
	int fd = open(f->path, O_RDWR | O_CLOEXEC);
	uint64_t sum = 0;
	uint64_t *word;
	double ns;

	if (fd < 0)
		bench_die("%s: %s", f->path, strerror(errno));
	word = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (word == MAP_FAILED)
		bench_die("%s: %s", f->path, strerror(errno));
	for (uint64_t i = 0; i < 4; i++)
		sum = word[i * (f->bytes / 32) + (sum & 1)];
	bench_keep(sum);
	ns = bench_wall_ns() - start;
	munmap(word, f->bytes);
	close(fd);
	return ns;
}

static void restart(struct bench *b, struct bench_sample *s)
{
	*s = (struct bench_sample){ .ops = BENCH_RESTARTS, .counted = true };
	for (uint32_t i = 0; i < BENCH_RESTARTS; i++)
		s->ns += restart_one(b->state);
}

/* ------------------------------------------------------- random order -- */

/* A permutation of 24 bits: a Feistel network of 12 + 12. */
static uint32_t permute(uint32_t i)
{
	static const uint32_t key[] = { 0x9e3779b1, 0x85ebca6b, 0xc2b2ae35,
					0x27d4eb2f, 0x165667b1, 0x2c1b3c6d };
	uint32_t a = i >> 12, b = i & 0xfff;

	for (size_t k = 0; k < sizeof(key) / sizeof(key[0]); k++) {
		uint32_t f = (b ^ key[k]) * 0x2545f491u;
		uint32_t next = a ^ (f >> 13 & 0xfff);

		a = b;
		b = next;
	}
	return a << 12 | b;
}

uint64_t bench_shuffle(uint64_t at, uint32_t *order, size_t count)
{
	for (size_t i = 0; i < count; at++) {
		uint32_t word = permute((uint32_t)(at % BENCH_WINDOW));

		if (word % PPT_PAGE_WORDS)
			order[i++] = word;
	}
	return at;
}

const struct bench_ops bench_bare_store = { open_window, bare_store,
					    close_floor };
const struct bench_ops bench_bare_store_rand = { open_window, bare_store_rand,
						 close_floor };
const struct bench_ops bench_bare_store_alone = { open_window, bare_store_alone,
						  close_floor };
const struct bench_ops bench_line_persist = { open_ring, line_persist,
					      close_floor };
const struct bench_ops bench_fill_512 = { open_pages, fill_512, close_floor };
const struct bench_ops bench_walk_hot = { open_walk, walk_hot, close_floor };
const struct bench_ops bench_bare_restart = { open_restart, restart,
					      close_floor };
