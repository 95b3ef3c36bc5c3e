/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pm: the only place that loads from and stores to media [I13].  Layer: core.
 *
 * Words are counted from the start of the pool.  A store is not durable before
 * its line was flushed, a stream (non-temporal store) needs no flush, and both
 * need a fence.  Nothing here hides a fence inside something else.
 */
#ifndef PPTABLE_CORE_PM_H
#define PPTABLE_CORE_PM_H

#include <pptable/pm.h>
#include <pptable/types.h>

#define PPT__LINE_WORDS_LG2 3u

struct ppt__pm {
	const uint64_t *media;
	uint64_t *writable;
	uint64_t words;
	const struct ppt_pm_observer *observer;
	enum ppt_flush flush;
	struct ppt_pm_counts count;
};

#define PPT__STR2(x) #x
#define PPT__STR(x) PPT__STR2(x)
#define PPT__SITE __FILE__ ":" PPT__STR(__LINE__)

static inline void ppt__pm_tell(const struct ppt__pm *pm,
				enum ppt_pm_event event, uint64_t word,
				uint64_t n, const char *site)
{
	const struct ppt_pm_observer *o = pm->observer;

	if (__builtin_expect(o != NULL, 0))
		o->event(o->ctx, event, word * 8, n * 8, site);
}

/* Whether somebody is told of loads, until the next one that is told of. */
static inline bool ppt__pm_loads_told(const struct ppt__pm *pm)
{
	const struct ppt_pm_observer *o = pm->observer;

	return __builtin_expect(o != NULL, 0) && (!o->loads || *o->loads);
}

static inline void ppt__pm_tell_load(const struct ppt__pm *pm, uint64_t word,
				     uint64_t n, const char *site)
{
	const struct ppt_pm_observer *o = pm->observer;

	if (ppt__pm_loads_told(pm) &&
	    (!n || n > 8 || !o->lines ||
	     o->lines[word / 8] | o->lines[(word + n - 1) / 8]))
		o->event(o->ctx, PPT_PM_LOAD, word * 8, n * 8, site);
}

/* Whether loads of any of n lines from @word on may be told. */
static inline bool ppt__pm_lines_told(const struct ppt__pm *pm, uint64_t word,
				      uint64_t n)
{
	const struct ppt_pm_observer *o = pm->observer;
	uint64_t any = 0, eight;

	if (!ppt__pm_loads_told(pm) || !o->lines)
		return ppt__pm_loads_told(pm);
	for (; n >= 8; n -= 8, word += 64) {
		__builtin_memcpy(&eight, o->lines + word / 8, sizeof(eight));
		any |= eight;
	}
	for (; n; n--, word += 8)
		any |= o->lines[word / 8];
	return any != 0;
}

/* About to read n words; returns where they are. */
static inline const uint64_t *ppt__pm_view_at(const struct ppt__pm *pm,
					      uint64_t word, uint64_t n,
					      const char *site)
{
	ppt__pm_tell_load(pm, word, n, site);
	return pm->media + word;
}

static inline uint64_t ppt__pm_load_at(const struct ppt__pm *pm, uint64_t word,
				       const char *site)
{
	ppt__pm_tell_load(pm, word, 1, site);
	return __atomic_load_n(pm->media + word, __ATOMIC_RELAXED);
}

/* Soon to be read or stored to; no load that anybody need know of. */
static inline void ppt__pm_prefetch(const struct ppt__pm *pm, uint64_t word)
{
	__builtin_prefetch(pm->writable + word, 1);
}

static inline void ppt__pm_store_at(struct ppt__pm *pm, uint64_t word,
				    uint64_t value, const char *site)
{
	__atomic_store_n(pm->writable + word, value, __ATOMIC_RELAXED);
	pm->count.stores++;
	ppt__pm_tell(pm, PPT_PM_STORE, word, 1, site);
}

/*
 * Store a word whose change need not be durable: of an entry, its cold mark.
 * What it names was made ready before.
 */
static inline void ppt__pm_mark_at(struct ppt__pm *pm, uint64_t word,
				   uint64_t value, const char *site)
{
	__atomic_store_n(pm->writable + word, value, __ATOMIC_RELEASE);
	pm->count.marks++;
	ppt__pm_tell(pm, PPT_PM_MARK, word, 1, site);
}

/*
 * Store an entry of a table that the MMU may be walking, without losing the
 * bits of @hardware (accessed, dirty) that it set meanwhile in an entry for
 * the same frame.
 */
static inline void ppt__pm_exchange_at(struct ppt__pm *pm, uint64_t word,
				       uint64_t value, uint64_t hardware,
				       const char *site)
{
	uint64_t *p = pm->writable + word;
	uint64_t was = __atomic_exchange_n(p, value, __ATOMIC_ACQ_REL);
	uint64_t keep = was & ~value & hardware;

	if (keep && !((was ^ value) & UINT64_C(0x000ffffffffff001)))
		__atomic_or_fetch(p, keep, __ATOMIC_ACQ_REL);
	pm->count.stores++;
	ppt__pm_tell(pm, PPT_PM_STORE, word, 1, site);
}

static inline void ppt__pm_nt(uint64_t *p, uint64_t value)
{
#if defined(__x86_64__)
	__asm__ volatile("movnti %1, %0" : "=m"(*p) : "r"(value));
#else
	*p = value;
#endif
}

/*
 * Where caches last, nothing is gained by going past them with a few lines
 * that are read again soon, as records, superblocks and tables are.
 */
static inline bool ppt__pm_keeps(const struct ppt__pm *pm, uint64_t n)
{
	return __builtin_expect(pm->flush == PPT_FLUSH_EADR, 0) &&
	       n <= PPT_PAGE_WORDS;
}

static inline void ppt__pm_stream_at(struct ppt__pm *pm, uint64_t word,
				     const uint64_t *value, uint64_t n,
				     const char *site)
{
	uint64_t *p = pm->writable + word;
	bool plain = ppt__pm_keeps(pm, n);

	for (uint64_t i = 0; plain && i < n; i++)
		__atomic_store_n(p + i, value[i], __ATOMIC_RELAXED);
	for (uint64_t i = 0; !plain && i < n; i++)
		ppt__pm_nt(p + i, value[i]);
	pm->count.streams += n;
	ppt__pm_tell(pm, PPT_PM_STREAM, word, n, site);
}

/* Stream one line. */
static inline void ppt__pm_stream_line_at(struct ppt__pm *pm, uint64_t word,
					  const uint64_t *value,
					  const char *site)
{
	uint64_t *p = pm->writable + word;

	if (ppt__pm_keeps(pm, 8)) {
		ppt__pm_stream_at(pm, word, value, 8, site);
		return;
	}
	ppt__pm_nt(p, value[0]);
	ppt__pm_nt(p + 1, value[1]);
	ppt__pm_nt(p + 2, value[2]);
	ppt__pm_nt(p + 3, value[3]);
	ppt__pm_nt(p + 4, value[4]);
	ppt__pm_nt(p + 5, value[5]);
	ppt__pm_nt(p + 6, value[6]);
	ppt__pm_nt(p + 7, value[7]);
	pm->count.streams += 8;
	ppt__pm_tell(pm, PPT_PM_STREAM, word, 8, site);
}

/* Stream v, v + stride, … */
static inline void ppt__pm_stream_run_at(struct ppt__pm *pm, uint64_t word,
					 uint64_t n, uint64_t v,
					 uint64_t stride, const char *site)
{
	uint64_t *p = pm->writable + word;
	uint64_t plain = ppt__pm_keeps(pm, n) ? n : 0;

	for (uint64_t i = 0; i < plain; i++, v += stride)
		__atomic_store_n(p + i, v, __ATOMIC_RELAXED);
#pragma GCC unroll 8
	for (uint64_t i = plain; i < n; i++, v += stride)
		ppt__pm_nt(p + i, v);
	pm->count.streams += n;
	ppt__pm_tell(pm, PPT_PM_STREAM, word, n, site);
}

/* Write back the line that holds a word. */
static inline void ppt__pm_flush_at(struct ppt__pm *pm, uint64_t word,
				    const char *site)
{
	uint64_t line = word & ~(uint64_t)7;
#if defined(__x86_64__)
	volatile char *p = (volatile char *)(pm->writable + line);

	switch (pm->flush) {
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
#endif
	pm->count.flushes++;
	ppt__pm_tell(pm, PPT_PM_FLUSH, line, 8, site);
}

static inline void ppt__pm_fence_at(struct ppt__pm *pm, const char *site)
{
#if defined(__x86_64__)
	__asm__ volatile("sfence" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
	pm->count.fences++;
	ppt__pm_tell(pm, PPT_PM_FENCE, 0, 0, site);
}

#define ppt__pm_view(pm, word, n) ppt__pm_view_at(pm, word, n, PPT__SITE)
#define ppt__pm_load(pm, word) ppt__pm_load_at(pm, word, PPT__SITE)
#define ppt__pm_store(pm, word, v) ppt__pm_store_at(pm, word, v, PPT__SITE)
#define ppt__pm_mark(pm, word, v) ppt__pm_mark_at(pm, word, v, PPT__SITE)
#define ppt__pm_exchange(pm, word, v, hw)                                      \
	ppt__pm_exchange_at(pm, word, v, hw, PPT__SITE)
#define ppt__pm_stream(pm, word, v, n)                                         \
	ppt__pm_stream_at(pm, word, v, n, PPT__SITE)
#define ppt__pm_stream_line(pm, word, v)                                       \
	ppt__pm_stream_line_at(pm, word, v, PPT__SITE)
#define ppt__pm_stream_run(pm, word, n, v, s)                                  \
	ppt__pm_stream_run_at(pm, word, n, v, s, PPT__SITE)
#define ppt__pm_flush(pm, word) ppt__pm_flush_at(pm, word, PPT__SITE)
#define ppt__pm_fence(pm) ppt__pm_fence_at(pm, PPT__SITE)

/* First word of a page. */
static inline uint64_t ppt__word(uint32_t page, uint32_t slot)
{
	return (uint64_t)page * PPT_PAGE_WORDS + slot;
}

/* Return: 0; PPT_E_INVAL media NULL or unaligned, flush not on this CPU. */
struct ppt_diag;
int ppt__pm_init(struct ppt__pm *pm, const struct ppt_pm_config *cfg,
		 struct ppt_diag *diag);

#endif
