/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * damage.c - what an input does to an image.
 *
 * Layer: fuzz.
 */
#include "damage.h"

#include <string.h>

#include "sim/oracle/rng.h"

#define PAGES_MAX 256u /* of a specimen */

/* ------------------------------------------------------------------- raw -- */

static uint64_t *desc_of(struct rig *rig, uint32_t page)
{
	return rig_word(rig, rig->image.at.desc_page, page);
}

static uint32_t any_page(struct rig *rig, struct input *in)
{
	return input_byte(in) % (uint32_t)rig->image.at.pages;
}

static uint64_t hash_of(const struct input *in)
{
	struct rng r = { .state = in->left };

	for (size_t i = 0; i < in->left; i++)
		r.state = rng_next(&r) ^ in->at[i];
	return rng_next(&r);
}

void damage_raw(struct rig *rig, struct input *in, bool noise,
		struct damages *out)
{
	struct rng r = { .state = noise ? hash_of(in) : 0 };

	out->count = 0;
	for (uint32_t i = 0; i < DAMAGE_MAX && in->left; i++) {
		uint32_t page = any_page(rig, in);
		uint32_t slot = (uint32_t)input_take(in, 2) % PPT_PAGE_WORDS;
		uint64_t was = *rig_word(rig, page, slot), now;

		if (noise)
			now = was ^ rng_next(&r) >> input_byte(in) % 64;
		else
			now = input_take(in, 8);
		if (now == was)
			continue;
		rig_set(rig, page, slot, now);
		out->word[out->count++] =
			(struct damage){ page, slot, was, now };
	}
}

void damage_undo_in_frames(struct rig *rig, const struct damages *done)
{
	for (uint32_t i = done->count; i-- > 0;) {
		const struct damage *d = &done->word[i];

		if (ppt__desc_type(*desc_of(rig, d->page)) == PPT__DESC_DATA &&
		    *rig_word(rig, d->page, d->slot) == d->now)
			rig_set(rig, d->page, d->slot, d->was);
	}
}

/* ---------------------------------------------------------------- sealed -- */

/* Pages whose checksum has to be made right. */
struct seals {
	struct rig *rig;
	uint32_t hi[PAGES_MAX];
	bool page[PAGES_MAX];
	bool given[PAGES_MAX]; /* the upper half is what the input said */
	bool superblock;
};

static void set(struct seals *s, uint32_t page, uint32_t slot, uint64_t v)
{
	s->page[page] = true;
	rig_set(s->rig, page, slot, v);
}

/* Any page; most often one with a checksum of its own content. */
static uint32_t sealed_page(struct rig *rig, struct input *in)
{
	uint32_t page = any_page(rig, in), n = (uint32_t)rig->image.at.pages;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t p = (page + i) % n;
		uint64_t d = *desc_of(rig, p);

		if (ppt__desc_is_table(d) ||
		    ppt__desc_type(d) == PPT__DESC_META)
			return p;
	}
	return page;
}

/* An entry's value: to a page of the pool or to other memory, with any flags. */
static uint64_t some_entry(struct rig *rig, struct input *in)
{
	static const ppt_pa_t base[] = { POOL_FIXTURE_PHYS, POOL_FIXTURE_DRAM,
					 POOL_FIXTURE_PMEM, POOL_FIXTURE_TOP,
					 POOL_FIXTURE_DEVICE };
	uint32_t how = input_byte(in);
	uint64_t flags = input_byte(in);
	ppt_pa_t pa;

	if (how < 128)
		pa = specimen_pa(&rig->image, any_page(rig, in));
	else
		pa = base[how % 5] + (input_take(in, 4) << PPT_PAGE_LG2);
	if (how & 64)
		flags |= UINT64_C(1) << 63;
	return pa | flags;
}

static void change_entry(struct seals *s, struct input *in)
{
	uint32_t page = sealed_page(s->rig, in);
	uint32_t slot = (uint32_t)input_take(in, 2);
	uint32_t n = slot >> 9 & 64u ? 1 + input_byte(in) * 2 : 1;
	uint64_t v = some_entry(s->rig, in);
	uint64_t stride = ppt__stride(input_byte(in));

	slot %= PPT_PAGE_WORDS;
	for (; n && slot < PPT_PAGE_WORDS; n--, slot++, v += stride)
		set(s, page, slot, v);
}

static void change_word(struct seals *s, struct input *in)
{
	uint32_t page = sealed_page(s->rig, in);
	uint32_t slot = (uint32_t)input_take(in, 2) % PPT_PAGE_WORDS;

	set(s, page, slot, input_take(in, 8));
}

/* A word as it is elsewhere: an alias, a stale or misplaced one. */
static void change_copy(struct seals *s, struct input *in)
{
	uint32_t from = sealed_page(s->rig, in), page = sealed_page(s->rig, in);
	uint32_t a = (uint32_t)input_take(in, 2) % PPT_PAGE_WORDS;
	uint32_t b = (uint32_t)input_take(in, 2) % PPT_PAGE_WORDS;
	uint32_t n = 1 + input_byte(in) * 2;

	for (; n && a < PPT_PAGE_WORDS && b < PPT_PAGE_WORDS; n--)
		set(s, page, b++, *rig_word(s->rig, from, a++));
}

static void change_desc(struct seals *s, struct input *in)
{
	uint32_t how = input_byte(in);
	uint32_t page = how & 1 ? sealed_page(s->rig, in) :
				  any_page(s->rig, in);
	uint32_t hi = ppt__desc_hi(*desc_of(s->rig, page));

	if (how & 2)
		hi ^= 1u << input_byte(in) % 32;
	else
		hi = (uint32_t)input_take(in, 4);
	s->page[page] = true;
	s->given[page] = true;
	s->hi[page] = hi;
}

static void change_superblock(struct seals *s, struct input *in)
{
	uint32_t slot = (uint32_t)input_take(in, 2) % PPT_M_SB_WORDS;
	uint32_t how = input_byte(in);
	uint64_t v = input_take(in, 1 + how % 8);

	for (uint32_t i = 0; i < 2; i++)
		if (how & 0x40u << i)
			rig_set(s->rig, i, slot,
				how & 32 ? *rig_word(s->rig, i, slot) ^ v : v);
	s->superblock = true;
}

static void change_item(struct seals *s, struct input *in)
{
	uint32_t how = input_byte(in), slot = input_byte(in) * 2;
	uint64_t item = ppt__reclaim_item(
		(enum ppt_m_reclaim)(how & 15), any_page(s->rig, in),
		how & 64 ? (uint32_t)input_take(in, 2) : how >> 7);

	set(s, s->rig->image.at.reclaim_page, slot, item);
}

static void change_tail(struct seals *s, struct input *in)
{
	struct rig *rig = s->rig;
	uint32_t how = input_byte(in);
	uint64_t line = rig->image.tail + input_take(in, 1 + how % 6);
	uint64_t word = ppt__tail_word(rig->image.seed, line);

	for (uint32_t i = 0; i < 2; i++)
		if (how & 0x40u << i)
			rig_set(rig, i, PPT_M_TAIL_WORD, word);
	if (how & 32)
		rig_set(rig, 0, PPT_M_CLOSED_WORD, word);
}

#define RUNS_MAX 6u

/* A record of the input's runs, @line lines behind the live ones' beginning. */
static void change_record(struct seals *s, struct input *in)
{
	struct rig *rig = s->rig;
	uint64_t n = rig->image.journal_bytes / PPT_LINE_BYTES;
	uint64_t word[PPT__RECORD_WORDS_MAX], line;
	struct ppt__run run[RUNS_MAX];
	uint32_t how = input_byte(in), runs = 1 + how % RUNS_MAX, lines;

	line = rig->image.tail + input_byte(in);
	for (uint32_t i = 0; i < runs; i++) {
		run[i].where = any_page(rig, in) | (uint64_t)input_take(in, 3)
							   << 32;
		run[i].value = input_byte(in) & 1 ? some_entry(rig, in) :
						    input_take(in, 8);
	}
	lines = ppt__record_build(word, rig->image.seed, line,
				  how & 32 ? input_byte(in) : 0, run, runs,
				  how & 64);
	for (uint32_t w = 0; w < lines * PPT__LINE_WORDS; w++)
		rig_set(rig, rig->image.at.journal_page,
			(uint32_t)((line % n * PPT__LINE_WORDS + w) %
				   (n * PPT__LINE_WORDS)),
			word[w]);
}

/* The upper half of a table's descriptor with the count that it has now. */
static uint32_t counted(struct rig *rig, uint32_t page, uint32_t hi)
{
	uint32_t live = 0;

	if (!ppt__desc_is_table((uint64_t)hi << 32))
		return hi;
	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		live += *rig_word(rig, page, i) != 0;
	return (hi & ~(0x3ffu << 10)) | live << 10;
}

static void seal(struct seals *s, uint32_t page)
{
	struct rig *rig = s->rig;
	uint64_t was = *desc_of(rig, page), now;
	uint32_t hi = s->given[page] ? s->hi[page] :
				       counted(rig, page, ppt__desc_hi(was));
	uint64_t head = (uint64_t)hi << 32;

	if (ppt__desc_is_table(head) || ppt__desc_type(head) == PPT__DESC_META)
		now = ppt__desc_page(rig->image.seed, page, hi,
				     rig_word(rig, page, 0));
	else
		now = ppt__desc_plain(rig->image.seed, hi);
	rig_set(rig, rig->image.at.desc_page, page, now);
}

static void seal_all(struct seals *s)
{
	struct rig *rig = s->rig;

	for (uint32_t p = 0; p < rig->image.at.pages; p++)
		if (s->page[p])
			seal(s, p);
	for (uint32_t i = 0; i < 2 && s->superblock; i++) {
		rig_touch(rig, ppt__word(i, 0));
		ppt__superblock_seal((void *)rig_word(rig, i, 0));
	}
}

void damage_sealed(struct rig *rig, struct input *in)
{
	static void (*const change[])(struct seals *, struct input *) = {
		change_entry, change_entry,  change_copy,
		change_word,  change_desc,   change_superblock,
		change_item,  change_record, change_tail,
	};
	uint32_t kinds = sizeof(change) / sizeof(change[0]);
	uint32_t n = 1 + input_byte(in) % DAMAGE_MAX;
	struct seals s = { .rig = rig };

	for (; n && in->left; n--)
		change[input_below(in, kinds)](&s, in);
	seal_all(&s);
}
