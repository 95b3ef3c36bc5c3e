/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Journal records: the one verb.  Layer: format.
 *
 * A line number counts 64-byte lines since the pool was made, modulo 2^48; a
 * record's sequence number is the number of its first line, which fixes its
 * place in the ring.  A record is whole lines, at most 10 (640 bytes, within
 * which CRC32C finds every error of up to 5 bits):
 *
 *   word 0  bits 0-47 sequence, 48-55 count of runs, 56 "more"
 *   word 1  bits 0-31 CRC32C, 32-63 lines before this one that were not known
 *           to be durable when it was written
 *   then    runs of 2 words, then zeros to the end of the line
 *
 * The CRC covers the pool's UUID and all words, with its own field 0.  A
 * transaction is a chain of records of which all but the last have "more" set;
 * it happened if and only if the whole chain is there [I1].
 *
 * A run sets words [slot, slot + count) of a page to v, v + s, v + 2s, …:
 *
 *   word 0  bits 0-31 page, 32-40 slot, 41-49 count - 1, 50-51 unit of the
 *           stride, 52-61 how many of them - 1
 *   word 1  v
 */
#ifndef PPTABLE_FORMAT_RECORD_H
#define PPTABLE_FORMAT_RECORD_H

#include <pptable/types.h>

#include "format/crc32c.h"
#include "format/mutant.h"

#define PPT__LINE_WORDS 8u
#define PPT__RECORD_LINES_MAX 10u
#define PPT__RECORD_WORDS_MAX (PPT__RECORD_LINES_MAX * PPT__LINE_WORDS)
#define PPT__LINE_RUNS 3u /* in a record of one line */
#define PPT__RECORD_RUNS_MAX ((PPT__RECORD_WORDS_MAX - 2u) / 2u)

#define PPT__SEQ_MASK ((UINT64_C(1) << 48) - 1u)
#define PPT__RECORD_MORE (UINT64_C(1) << 56)

struct ppt__run {
	uint64_t where;
	uint64_t value;
};

/* What of a run is on the media; the rest are marks in DRAM. */
#define PPT__RUN_MEDIA ((UINT64_C(1) << 62) - 1u)

static inline uint64_t ppt__run_where(uint32_t page, uint32_t slot,
				      uint32_t count, uint32_t stride_code)
{
	uint64_t upper = slot | (uint64_t)(count - 1) * 512 |
			 (uint64_t)stride_code * 512 * 512;

	return page | upper * (UINT64_C(1) << 32);
}

static inline uint32_t ppt__run_page(uint64_t where)
{
	return (uint32_t)where;
}

static inline uint32_t ppt__run_slot(uint64_t where)
{
	return (uint32_t)(where >> 32) & 511u;
}

static inline uint32_t ppt__run_count(uint64_t where)
{
	return ((uint32_t)(where >> 41) & 511u) + 1u;
}

static inline uint32_t ppt__run_stride_code(uint64_t where)
{
	return (uint32_t)(where >> 50) & 0xfffu;
}

#define PPT__STRIDE_TIMES 1024u

/* 0, or up to 1024 times 4 KiB, 2 MiB or 1 GiB: unit in bits 0-1, times - 1. */
static inline uint64_t ppt__stride(uint32_t code)
{
	uint32_t unit = code & 3u;

	return unit ? ((uint64_t)(code >> 2) + 1) << (3 + 9 * unit) : 0;
}

/* Whether nothing is said of how many there are of no unit. */
static inline bool ppt__stride_code_ok(uint32_t code)
{
	return code & 3u || !code;
}

/* The code of a stride, of the largest unit that it can have, or -1. */
static inline int ppt__stride_code(uint64_t stride)
{
	for (uint32_t unit = 3; unit && stride; unit--) {
		uint64_t times = stride >> (3 + 9 * unit);

		if (times - 1 < PPT__STRIDE_TIMES &&
		    times << (3 + 9 * unit) == stride)
			return (int)((uint32_t)(times - 1) << 2 | unit);
	}
	return stride ? -1 : 0;
}

static inline uint32_t ppt__record_lines(uint32_t runs)
{
	return (2u + 2u * runs + PPT__LINE_WORDS - 1u) / PPT__LINE_WORDS;
}

static inline uint64_t ppt__record_seq(uint64_t word0)
{
	return word0 & PPT__SEQ_MASK;
}

static inline uint32_t ppt__record_runs(uint64_t word0)
{
	return (uint32_t)(word0 >> 48) & 255u;
}

static inline uint32_t ppt__record_pending(uint64_t word1)
{
	return (uint32_t)(word1 >> 32);
}

/* CRC of a record's words, its own field taken as 0. */
static inline uint32_t ppt__record_crc(uint32_t seed, const uint64_t *word,
				       uint32_t lines)
{
	const uint64_t *end = word + lines * PPT__LINE_WORDS;
	/* NOLINTNEXTLINE */
	uint32_t raw = ppt__crc32c_word(seed, word[0]);

	if (PPT_MUTANT(CRC_FIRST_LINE))
		end = word + PPT__LINE_WORDS;
	raw = ppt__crc32c_word(raw, word[1] & ~(uint64_t)UINT32_MAX);
	/* The analyzer loses track of who has filled the lines. */
	for (word += 2; word < end; word += 2) { // NOLINTNEXTLINE
		raw = ppt__crc32c_word(raw, word[0]);
		raw = ppt__crc32c_word(raw, word[1]);
	}
	return ~raw;
}

/* Words of up to @slots runs, zeros for those behind the last. */
static inline void ppt__record_fill(uint64_t *word, const struct ppt__run *run,
				    uint32_t n, uint32_t slots)
{
#pragma GCC unroll 4
	for (uint32_t i = 0; i < slots; i++, word += 2) {
		word[0] = i < n ? run[i].where & PPT__RUN_MEDIA : 0;
		word[1] = i < n ? run[i].value : 0;
	}
}

/* Build a record of one line, up to 3 runs: in registers, where inlined. */
static inline __attribute__((always_inline)) void
ppt__record_line(uint64_t *word, uint32_t seed, uint64_t seq, uint32_t pending,
		 const struct ppt__run *run, uint32_t n)
{
	uint64_t open = (uint64_t)pending << 32;
	uint32_t raw;

	word[0] = (seq & PPT__SEQ_MASK) | (uint64_t)n << 48;
	raw = ppt__crc32c_word(ppt__crc32c_word(seed, word[0]), open);
	ppt__record_fill(word + 2, run, n, 3);
#pragma GCC unroll 6
	for (uint32_t i = 2; i < PPT__LINE_WORDS;
	     i++) // all filled: NOLINTNEXTLINE
		raw = ppt__crc32c_word(raw, word[i]);
	word[1] = open | (uint32_t)~raw;
}

/*
 * Build a record in @word (PPT__RECORD_WORDS_MAX of them).  Returns its lines.
 */
static inline __attribute__((always_inline)) uint32_t
ppt__record_build(uint64_t *word, uint32_t seed, uint64_t seq, uint32_t pending,
		  const struct ppt__run *run, uint32_t n, bool more)
{
	uint64_t head = (seq & PPT__SEQ_MASK) | (uint64_t)n << 48 |
			(more ? PPT__RECORD_MORE : 0);
	uint64_t open = (uint64_t)pending << 32;
	uint32_t raw = ppt__crc32c_word(ppt__crc32c_word(seed, head), open);
	uint32_t lines = 1;

	ppt__record_fill(word + 2, run, n, 3);
#pragma GCC unroll 6
	for (uint32_t i = 2; i < PPT__LINE_WORDS;
	     i++) // all filled: NOLINTNEXTLINE
		raw = ppt__crc32c_word(raw, word[i]);
	for (uint32_t done = 3; done < n; done += 4, lines++) {
		uint64_t *line = word + lines * PPT__LINE_WORDS;

		ppt__record_fill(line, run + done, n - done, 4);
		if (PPT_MUTANT(CRC_FIRST_LINE))
			continue;
#pragma GCC unroll 8
		for (uint32_t i = 0; i < PPT__LINE_WORDS; i++)
			raw = ppt__crc32c_word(raw, line[i]);
	}
	word[0] = head;
	word[1] = open | (uint32_t)~raw;
	return lines;
}

/* Tail word: 48 bits of line number under a 16-bit check. */
static inline uint64_t ppt__tail_word(uint32_t seed, uint64_t line)
{
	uint64_t low = line & PPT__SEQ_MASK;
	uint32_t raw = ppt__crc32c_word(seed, low);

	return low | (uint64_t)((raw ^ raw >> 16) & 0xffffu) << 48;
}

static inline bool ppt__tail_valid(uint32_t seed, uint64_t word)
{
	return word == ppt__tail_word(seed, word & PPT__SEQ_MASK);
}

#endif
