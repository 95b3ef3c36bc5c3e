/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * journal_fuzz.c - the journal alone: lines of the ring are anything.
 *
 * Layer: fuzz.  Scan and replay, without the rest of attach, and so fast.  A
 * scan stores nothing [I9]; a replay stores where runs may, and nowhere else
 * [I10]; done twice it is done once [I4]; and the words that it stores are
 * those that a reading of docs/FORMAT.md that shares no code with it finds.
 */
#include <string.h>

#include "recovery/replay.h"
#include "rig.h"
#include "sim/explore/image.h"

#define RECORDS_MAX 12u
#define RUNS_MAX 9u

/* As attach has it when it comes to the journal. */
struct ready {
	bool known;
	struct ppt_pool pool;
};

static struct ppt_pool *ready_pool(struct rig *rig)
{
	static struct ready all[EVERYTHING_KINDS];
	struct ready *r = &all[rig->image.kind];

	if (!r->known) {
		if (rig_attach(rig, NULL, PPT_ATTACH_NO_MMU))
			rig_fail("a good image is refused");
		r->pool = *rig->pool;
		r->known = true;
		rig_restore(rig);
	}
	rig->pool = rig->scratch;
	*rig->pool = r->pool;
	rig->pool->journal.queue_head = rig->pool->journal.queue_tail = 0;
	return rig->pool;
}

/* Words of the ring, which goes round. */
static void put_words(struct rig *rig, uint64_t line, const uint64_t *word,
		      uint32_t words)
{
	uint64_t n = rig->image.journal_bytes / 8;

	for (uint32_t i = 0; i < words; i++)
		rig_set(rig, rig->image.at.journal_page,
			(uint32_t)((line * PPT__LINE_WORDS + i) % n), word[i]);
}

/* A record that is right but for what the input says; returns its lines. */
static uint32_t put_record(struct rig *rig, struct input *in, uint64_t line)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	struct ppt__run run[RUNS_MAX];
	uint32_t how = input_byte(in), runs = 1 + how % RUNS_MAX, lines, at;

	for (uint32_t i = 0; i < runs; i++) {
		run[i].where = input_take(in, 1) | (uint64_t)input_take(in, 3)
							   << 32;
		run[i].value = input_take(in, 2) << 12;
	}
	lines = ppt__record_build(word, rig->image.seed, line,
				  how & 32 ? input_byte(in) : 0, run, runs,
				  how & 64);
	if (how & 128) {
		at = input_byte(in) % (lines * PPT__LINE_WORDS);
		word[at] ^= input_take(in, 8);
		/* A header that is wrong in itself, or torn. */
		if (at < 2 && word[1] & 1)
			word[1] = (word[1] & ~(uint64_t)UINT32_MAX) |
				  ppt__record_crc(rig->image.seed, word, lines);
	}
	put_words(rig, line, word, lines * PPT__LINE_WORDS);
	return lines;
}

/* Return: whether something may lie where the journal goes on after a replay. */
static bool put_input(struct rig *rig, struct input *in)
{
	uint64_t line = rig->image.tail;
	bool ahead = false;

	for (uint32_t i = 0; i < RECORDS_MAX && in->left; i++) {
		uint32_t how = input_byte(in);
		uint64_t word[PPT__LINE_WORDS];

		if (!(how & 7)) {
			line += input_take(in, 2) % 1024;
			ahead = true;
		}
		if (how & 8) {
			for (uint32_t k = 0; k < PPT__LINE_WORDS; k++)
				word[k] = input_take(in, 8);
			put_words(rig, line++, word, PPT__LINE_WORDS);
		} else if (how & 16) {
			rig_set(rig, how >> 7, PPT_M_TAIL_WORD,
				input_take(in, 8));
		} else if (how & 32) {
			rig_set(rig, how >> 7, PPT_M_TAIL_WORD,
				ppt__tail_word(rig->image.seed, line));
		} else {
			line += put_record(rig, in, line);
		}
		ahead |= how & (8 | 16 | 32);
	}
	return ahead;
}

/* ---------------------------------------------------------- a second reader */

struct reader {
	struct rig *rig;
	bool compare;
	uint64_t words;
	uint64_t hash;
};

static void on_word(void *ctx, uint64_t word, uint64_t value)
{
	struct reader *r = ctx;
	const uint64_t *media = (const void *)r->rig->read;

	r->words++;
	if (r->compare && media[word] != value)
		rig_fail("replay: word %llu is not what the journal says",
			 (unsigned long long)word);
}

static void compare(struct rig *rig, struct rig *other,
		    const struct ppt__scan *scan)
{
	struct image_view view = { .media = (const void *)other->read,
				   .words = other->image.size / 8 };
	struct reader r = { .rig = rig, .compare = true };
	struct why why;

	if (image_journal(&view, on_word, &r, &why))
		rig_fail("replay: accepted what is damaged: %s", why.text);
	if (!!r.words != !!scan->records)
		rig_fail("replay: %llu records, but %llu words",
			 (unsigned long long)scan->records,
			 (unsigned long long)r.words);
}

/* Nothing but a new tail may be stored by a second replay. */
static void replay_again(struct rig *rig)
{
	struct ppt_pool *pool = ready_pool(rig);
	struct ppt__scan scan = { .lines = 0 };
	uint64_t stores = rig->stores;

	rig_call(rig);
	if (ppt__journal_scan(pool, &scan, NULL) ||
	    ppt__journal_replay(pool, &scan, NULL))
		rig_fail("replay: refused the second time");
	if (scan.records || rig->stores != stores)
		rig_fail("replay: something to do the second time");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t how = input_byte(&in);
	struct rig *rig = rig_of(how), *other = rig_twin_of(how);
	struct ppt_pool *pool = ready_pool(rig);
	struct ppt__scan scan = { .lines = 0 };
	bool ahead = put_input(rig, &in);
	int err;

	rig_call(rig);
	err = ppt__journal_scan(pool, &scan, NULL);
	if (rig->stores)
		rig_fail("scan: has stored");
	if (!err) {
		rig_mirror(rig, other);
		err = ppt__journal_replay(pool, &scan, NULL);
		if (err || rig->guarded)
			rig_fail("replay: %s, %llu words in superblocks",
				 ppt_error_name(err),
				 (unsigned long long)rig->guarded);
		if (scan.records && how & 64)
			compare(rig, other, &scan);
		if (scan.records && !ahead)
			replay_again(rig);
	}
	rig_restore(rig);
	rig_restore(other);
	return 0;
}
