/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_journal.c - what a replay of the live journal would set
 * (docs/FORMAT.md, "Tail line" and "Journal").
 *
 * Layer: sim.
 */
#include "sim/explore/image_reader.h"

#include <string.h>

#define LINE 8u
#define TAIL_WORD 504u
#define SEQ_MASK ((UINT64_C(1) << 48) - 1)
#define RUNS_MAX 39u
#define RECORD_WORDS_MAX 80u
#define MORE (UINT64_C(1) << 56)

struct assignment {
	uint64_t word;
	uint64_t value;
	uint64_t order;
};

/**
 * struct ring - the live journal.
 * @a: what it sets; those before @whole belong to whole transactions.
 */
struct ring {
	const struct image_view *view;
	struct image_pool pool;
	uint64_t lines;
	struct assignment *a;
	size_t count;
	size_t whole;
	size_t room;
	struct why *why;
};

static bool tail_ok(uint32_t seed, uint64_t word)
{
	uint32_t raw = crc_word(seed, word & SEQ_MASK);

	return word >> 48 == ((raw ^ raw >> 16) & 0xffff);
}

static int read_tail(struct ring *j, uint64_t *tail)
{
	uint64_t word[2];
	bool ok[2];

	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = i * PPT_PAGE_WORDS + TAIL_WORD;

		image_need(j->view, at, 1);
		word[i] = j->view->media[at];
		ok[i] = tail_ok(j->pool.seed, word[i]);
		word[i] &= SEQ_MASK;
	}
	if (!ok[0] && !ok[1])
		return why_set(j->why, "journal: both tail words are damaged");
	*tail = ok[0] ? word[0] : word[1];
	if (ok[0] && ok[1] && ((word[1] - word[0]) & SEQ_MASK) < SEQ_MASK / 2)
		*tail = word[1];
	return 0;
}

static const uint64_t *line_at(const struct ring *j, uint64_t line, uint64_t n)
{
	uint64_t word = (uint64_t)j->pool.journal_page * PPT_PAGE_WORDS +
			line % j->lines * LINE;

	image_need(j->view, word, n);
	return j->view->media + word;
}

/* The record at a line, to @word; its length in lines, 0: there is none. */
static unsigned read_record(const struct ring *j, uint64_t line, uint64_t *word)
{
	uint64_t head = *line_at(j, line, 1);
	unsigned runs = head >> 48 & 0xff;
	unsigned lines = (2 + 2 * runs + LINE - 1) / LINE;
	uint32_t crc;

	if ((head & SEQ_MASK) != (line & SEQ_MASK) || head >> 57 || !runs ||
	    runs > RUNS_MAX)
		return 0;
	for (unsigned i = 0; i < lines; i++)
		memcpy(word + (size_t)i * LINE, line_at(j, line + i, LINE),
		       sizeof(*word) * LINE);
	crc = (uint32_t)word[1];
	word[1] &= ~(uint64_t)UINT32_MAX;
	if ((uint32_t)~crc_words(j->pool.seed, word, (uint64_t)lines * LINE) !=
	    crc)
		return 0;
	return lines;
}

static void add(struct ring *j, uint64_t word, uint64_t value)
{
	if (j->count == j->room) {
		j->room = j->room ? j->room * 2 : 1024;
		j->a = realloc(j->a, j->room * sizeof(*j->a));
		if (!j->a)
			abort();
	}
	j->a[j->count] = (struct assignment){ word, value, j->count };
	j->count++;
}

static int add_run(struct ring *j, uint64_t where, uint64_t value)
{
	static const uint64_t unit[] = { 0, PPT_SIZE_4K, PPT_SIZE_2M,
					 PPT_SIZE_1G };
	unsigned times = where >> 52 & 1023;
	uint64_t stride = unit[where >> 50 & 3] * (times + 1);
	uint64_t page = where & UINT32_MAX;
	unsigned slot = where >> 32 & 511;
	unsigned count = (where >> 41 & 511) + 1;

	if (where >> 62 || (times && !stride) ||
	    slot + count > PPT_PAGE_WORDS || page < j->pool.desc_page ||
	    page >= j->pool.pages) {
		(void)why_set(j->why, "journal: run %#llx is not acceptable",
			      (unsigned long long)where);
		return 1;
	}
	for (unsigned i = 0; i < count; i++)
		add(j, page * PPT_PAGE_WORDS + slot + i, value + i * stride);
	return 0;
}

static int read_ring(struct ring *j)
{
	uint64_t word[RECORD_WORDS_MAX] = { 0 };
	uint64_t tail = 0, read = 0;

	if (read_tail(j, &tail))
		return -1;
	while (read < j->lines) {
		unsigned lines = read_record(j, tail + read, word);
		unsigned runs = 0;

		if (!lines || read + lines > j->lines)
			break;
		runs = word[0] >> 48 & 0xff;
		for (unsigned i = 1; i <= runs; i++)
			if (add_run(j, word[(size_t)2 * i],
				    word[(size_t)2 * i + 1]))
				return 1;
		if (!(word[0] & MORE))
			j->whole = j->count;
		read += lines;
	}
	return 0;
}

static int by_word(const void *a, const void *b)
{
	const struct assignment *x = a, *y = b;

	if (x->word != y->word)
		return x->word < y->word ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int image_journal(const struct image_view *view,
		  void (*set)(void *ctx, uint64_t word, uint64_t value),
		  void *ctx, struct why *why)
{
	struct ring j = { .view = view, .why = why };
	struct ppt_memory_map regions;
	int err = image_superblock(view, &j.pool, &regions, why);

	if (err)
		return err;
	j.lines = (uint64_t)j.pool.journal_pages * (PPT_PAGE_WORDS / LINE);
	err = read_ring(&j);
	if (!err && j.whole)
		qsort(j.a, j.whole, sizeof(*j.a), by_word);
	for (size_t i = 0; !err && i < j.whole; i++)
		if (i + 1 == j.whole || j.a[i + 1].word != j.a[i].word)
			set(ctx, j.a[i].word, j.a[i].value);
	free(j.a);
	return err;
}
