/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * harm.c - damage an image in one place, then attach and check it.
 *
 * Layer: tests.
 */
#define _GNU_SOURCE
#include "harm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXTENTS_MAX 100000u
#define AD UINT64_C(0x60)

static void die(const char *what)
{
	perror(what);
	abort();
}

/* Memory that a step outside of ends in a fault. */
uint8_t *harm_fenced(uint64_t bytes)
{
	uint8_t *p = mmap(NULL, bytes + 2 * PPT_PAGE_BYTES,
			  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (p == MAP_FAILED || mprotect(p, PPT_PAGE_BYTES, PROT_NONE) != 0 ||
	    mprotect(p + PPT_PAGE_BYTES + bytes, PPT_PAGE_BYTES, PROT_NONE))
		die("mmap");
	return p + PPT_PAGE_BYTES;
}

void harm_unfence(uint8_t *p, uint64_t bytes)
{
	munmap(p - PPT_PAGE_BYTES, bytes + 2 * PPT_PAGE_BYTES);
}

/* ------------------------------------------------------------- judgement -- */

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t mix_extent(uint64_t hash, const struct ppt_extent *e)
{
	hash = mix(hash, e->va);
	hash = mix(hash, e->pa);
	hash = mix(hash, e->len);
	hash = mix(hash, e->prot);
	return mix(hash, e->page_size);
}

/* All that one space maps. */
static int hash_space(struct ppt_pool *pool, const char *name, uint64_t *hash,
		      struct ppt_diag *diag)
{
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	int err = ppt_space_open(pool, name, &space, diag);

	if (err)
		return err;
	ppt_iter_init(&it, &space, 0, UINT64_MAX);
	for (uint32_t n = 0; n < EXTENTS_MAX; n++) {
		err = ppt_iter_next(&it, &e, diag);
		if (err)
			return err == PPT_E_NOENT ? 0 : err;
		*hash = mix_extent(*hash, &e);
	}
	return 0;
}

static int hash_pool(struct ppt_pool *pool, uint64_t *hash,
		     struct ppt_diag *diag)
{
	struct ppt_space_info info;
	uint64_t cursor = 0, word[PPT_NAME_BYTES / 8];
	int err;

	*hash = 1;
	while (!(err = ppt_space_next(pool, &cursor, &info, diag))) {
		memcpy(word, info.name, sizeof(word));
		for (uint32_t i = 0; i < PPT_NAME_BYTES / 8; i++)
			*hash = mix(*hash, word[i]);
		*hash = mix(*hash, info.format);
		err = hash_space(pool, info.name, hash, diag);
		if (err)
			return err;
	}
	return err == PPT_E_NOENT ? 0 : err;
}

enum outcome { REFUSED, FAILED, READ };

/* Attach @media and read all of it. */
static enum outcome attach(struct harm *h, uint8_t *media, uint64_t *hash)
{
	struct ppt_attach_config cfg = {
		.pm = { .media = media,
			.writable = media,
			.bytes = h->image->size,
			.flush = PPT_FLUSH_EADR },
		.scratch = h->attach_scratch,
		.scratch_bytes = h->attach_bytes,
		.flags = PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY,
	};
	struct ppt_pool *pool;

	h->diag = (struct ppt_diag){ .what = "", .why = "" };
	if (ppt_attach(&cfg, &pool, NULL, &h->diag))
		return REFUSED;
	return hash_pool(pool, hash, &h->diag) ? FAILED : READ;
}

static enum ppt_check_verdict check(struct harm *h)
{
	struct ppt_check_config cfg = {
		.pm = { .media = h->check,
			.writable = h->check,
			.bytes = h->image->size },
		.scratch = h->check_scratch,
		.scratch_bytes = h->check_bytes,
		.flags = PPT_CHECK_PRIVATE | PPT_CHECK_EXACT,
		.pa_bits = 52,
	};
	struct ppt_check_report report;

	if (ppt_check(&cfg, &report, NULL))
		die("ppt_check");
	return report.verdict;
}

/* ------------------------------------------------------------- the places -- */

static void mark_ring(struct harm *h)
{
	const struct specimen *i = h->image;
	uint64_t n = i->journal_bytes / PPT_LINE_BYTES;
	uint64_t ring = (uint64_t)i->at.journal_page * PPT_PAGE_WORDS;
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint32_t lines;

	if (!n)
		return;
	for (uint64_t line = 0; line < n; line++)
		memset(h->place + ring + line * 8, HARM_DEAD, 8);
	for (uint64_t line = i->tail; line < i->end; line += lines) {
		lines = specimen_record(i, line, word);
		for (uint32_t k = 0; k < lines; k++)
			memset(h->place + ring + (line + k) % n * 8,
			       HARM_MATTERS, 8);
		for (uint32_t r = 0; r < ppt__record_runs(word[0]); r++) {
			uint64_t w = word[2 + 2 * r];

			memset(h->place + ppt__word(ppt__run_page(w),
						    ppt__run_slot(w)),
			       HARM_REPLAYED, ppt__run_count(w));
		}
	}
}

static void mark_page(struct harm *h, const uint8_t *after, uint32_t page)
{
	const uint64_t *media = (const void *)after;
	uint64_t first = ppt__word(page, 0);

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		if (h->place[first + s] != HARM_MATTERS)
			continue;
		if (h->type[page] == PPT__DESC_FREE)
			h->place[first + s] = HARM_FREE;
		else if (h->type[page] == PPT__DESC_DATA)
			h->place[first + s] = HARM_DATA;
		else if (h->type[page] > PPT__DESC_TABLE)
			h->ad[first + s] = media[first + s] != 0;
	}
}

/* From the image as it is after replay. */
static void mark(struct harm *h, const uint8_t *after)
{
	const struct specimen *i = h->image;
	const uint64_t *media = (const void *)after;
	uint64_t desc = ppt__word(i->at.desc_page, 0);

	for (uint32_t s = PPT_M_TAIL_WORD + 1; s < PPT_PAGE_WORDS; s++)
		h->place[s] = h->place[PPT_PAGE_WORDS + s] = HARM_HINT;
	mark_ring(h);
	for (uint32_t p = 0; p < i->at.pages; p++)
		h->type[p] = (uint8_t)ppt__desc_type(media[desc + p]);
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item = media[ppt__word(i->at.reclaim_page, s)];
		uint32_t page = ppt__reclaim_page(item);

		if (ppt__reclaim_kind(item) != PPT_M_RECLAIM_EXTENT)
			continue;
		for (uint32_t k = 0; k < ppt__reclaim_count(item); k++) {
			h->type[page + k] = PPT__DESC_FREE;
			h->place[desc + page + k] = HARM_HELD;
			memset(h->place + ppt__word(page + k, 0), HARM_HELD,
			       PPT_PAGE_WORDS);
		}
	}
	for (uint32_t p = i->at.first_page; p < i->at.pages; p++)
		mark_page(h, after, p);
}

void harm_cut(const struct specimen *image, uint8_t *media, uint64_t line)
{
	uint64_t n = image->journal_bytes / PPT_LINE_BYTES;
	uint8_t *ring =
		media + (uint64_t)image->at.journal_page * PPT_PAGE_BYTES;

	memcpy(media, image->bytes, image->size);
	for (; line < image->end; line++)
		memset(ring + line % n * PPT_LINE_BYTES, 0, PPT_LINE_BYTES);
}

/* What the pool may be if the journal ends early, record by record. */
static void cut_short(struct harm *h)
{
	const struct specimen *i = h->image;
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint32_t lines;

	for (uint64_t line = i->tail; line < i->end; line += lines) {
		uint64_t hash = 0;

		lines = specimen_record(i, line, word);
		harm_cut(i, h->attach, line);
		if (h->torn_count == HARM_STATES ||
		    attach(h, h->attach, &hash) != READ)
			die("journal cut short");
		h->torn[h->torn_count++] = hash;
	}
}

void harm_open(struct harm *h, const struct specimen *image)
{
	uint64_t size = image->size;

	memset(h, 0, sizeof(*h));
	h->image = image;
	h->check = harm_fenced(size);
	h->attach = harm_fenced(size);
	h->place = calloc(1, size / 8);
	h->ad = calloc(1, size / 8);
	h->type = calloc(1, image->at.pages);
	h->attach_bytes = ppt_scratch_bytes(size, image->journal_bytes);
	h->attach_scratch = aligned_alloc(64, (h->attach_bytes + 63) / 64 * 64);
	h->check_bytes = ppt_check_scratch_bytes(image->bytes, size, 1);
	h->check_scratch = aligned_alloc(64, (h->check_bytes + 63) / 64 * 64);
	if (!h->place || !h->ad || !h->type || !h->attach_scratch ||
	    !h->check_scratch)
		die("memory");
	/* The image must be good, and what it maps is the measure. */
	memcpy(h->attach, image->bytes, size);
	memcpy(h->check, image->bytes, size);
	if (attach(h, h->attach, &h->good) != READ || check(h))
		die("a good image");
	mark(h, h->check);
	cut_short(h);
	memcpy(h->attach, image->bytes, size);
	memcpy(h->check, image->bytes, size);
}

void harm_close(struct harm *h)
{
	harm_unfence(h->check, h->image->size);
	harm_unfence(h->attach, h->image->size);
	harm_trust_close(h);
	free(h->place);
	free(h->ad);
	free(h->type);
	free(h->attach_scratch);
	free(h->check_scratch);
}

bool harm_is_metadata(const struct harm *h, uint32_t page)
{
	return h->type[page] != PPT__DESC_FREE &&
	       h->type[page] != PPT__DESC_DATA;
}

/* ---------------------------------------------------------------- damage -- */

int harm_broken(struct harm *h, const char *how, uint64_t off, uint64_t len)
{
	if (!h->why[0])
		(void)snprintf(h->why, sizeof(h->why),
			       "%s: page %llu, byte %llu, %llu bytes long "
			       "(image %d; %s: %s)",
			       how, (unsigned long long)off / PPT_PAGE_BYTES,
			       (unsigned long long)off % PPT_PAGE_BYTES,
			       (unsigned long long)len, (int)h->image->kind,
			       h->diag.what, h->diag.why);
	return -1;
}

/* Where the damage is without effect, if it is so everywhere. */
static enum harm_place inert(const struct harm *h, uint64_t off, uint64_t len)
{
	const uint64_t *was = (const void *)h->image->bytes;
	const uint64_t *is = (const void *)h->check;
	enum harm_place place = HARM_PLACES;

	for (uint64_t w = off / 8; w <= (off + len - 1) / 8; w++) {
		enum harm_place here = (enum harm_place)h->place[w];
		uint64_t diff = was[w] ^ is[w];

		if (!diff)
			continue;
		if (here == HARM_MATTERS && h->ad[w] && !(diff & ~AD))
			here = HARM_AD;
		if (here == HARM_MATTERS)
			return HARM_MATTERS;
		place = here;
	}
	return place;
}

/* Whether it can have cut the journal short. */
bool harm_in_ring(const struct specimen *image, uint64_t off)
{
	uint64_t page = off / PPT_PAGE_BYTES;

	return page >= image->at.journal_page && page < image->at.desc_page;
}

static bool is_torn(const struct harm *h, uint64_t hash)
{
	for (uint32_t i = 0; i < h->torn_count; i++)
		if (h->torn[i] == hash)
			return true;
	return false;
}

static int judge(struct harm *h, uint64_t off, uint64_t len,
		 enum harm_place place, bool reported, enum outcome outcome,
		 uint64_t hash)
{
	h->tried++;
	if (outcome != READ && !reported)
		return harm_broken(h, "attach or reading fails, check is clean",
				   off, len);
	if (outcome == READ && !reported) {
		if (hash == h->good && place != HARM_MATTERS)
			h->inert[place]++;
		else if (harm_in_ring(h->image, off) && is_torn(h, hash))
			h->cut++;
		else if (hash == h->good)
			return harm_broken(h, "goes unnoticed", off, len);
		else
			return harm_broken(h, "WRONG TRANSLATION", off, len);
		return 0;
	}
	if (outcome == REFUSED)
		h->refused++;
	else if (outcome == FAILED)
		h->failed++;
	else if (hash == h->good)
		h->reported++;
	else
		h->wrong++;
	return 0;
}

/* Both copies as they were. */
static void restore(struct harm *h, uint64_t off, uint64_t len)
{
	const struct specimen *i = h->image;

	if (i->kind == EVERYTHING_CLEAN) { /* nothing writes to it */
		memcpy(h->check + off, i->bytes + off, len);
		memcpy(h->attach + off, i->bytes + off, len);
		return;
	}
	memcpy(h->check, i->bytes, i->size);
	memcpy(h->attach, i->bytes, i->size);
}

int harm_try(struct harm *h, uint64_t off, const uint8_t *bytes, uint64_t len)
{
	enum harm_place place;
	enum outcome outcome;
	uint64_t hash = 0;
	bool reported;

	if (!memcmp(h->image->bytes + off, bytes, len))
		return 0; /* no damage */
	if (h->trust)
		return harm_trust_try(h, off, bytes, len);
	memcpy(h->check + off, bytes, len);
	memcpy(h->attach + off, bytes, len);
	place = inert(h, off, len);
	reported = check(h) != PPT_CHECK_CLEAN;
	outcome = attach(h, h->attach, &hash);
	restore(h, off, len);
	return judge(h, off, len, place, reported, outcome, hash);
}

int harm_read(struct harm *h)
{
	const struct specimen *i = h->image;
	enum ppt_check_verdict verdict;
	enum outcome outcome;
	uint64_t hash = 0;

	memcpy(h->attach, h->check, i->size);
	verdict = check(h);
	outcome = attach(h, h->attach, &hash);
	memcpy(h->check, i->bytes, i->size);
	memcpy(h->attach, i->bytes, i->size);
	if (verdict != PPT_CHECK_CLEAN)
		return 1;
	if (outcome == READ)
		return 0;
	return harm_broken(h, "attach or reading fails, check is clean", 0, 0);
}

int harm_flip(struct harm *h, uint64_t bit)
{
	uint8_t byte = (uint8_t)(h->image->bytes[bit / 8] ^ (1u << bit % 8));

	return harm_try(h, bit / 8, &byte, 1);
}

void harm_print(const struct harm *h, const char *what)
{
	static const char *const kinds[] = { "clean", "live", "epochs" };
	static const char *const places[HARM_PLACES] = {
		"-",    "hint", "dead line", "replayed",
		"held", "free", "data",      "A/D",
	};

	if (h->trust) {
		harm_trust_print(h, what, kinds[h->image->kind]);
		return;
	}
	printf("%s, %s: %llu tried; refused %llu, reading fails %llu, "
	       "reported %llu, reported and wrong without %llu, "
	       "journal's end %llu; inert:",
	       what, kinds[h->image->kind], (unsigned long long)h->tried,
	       (unsigned long long)h->refused, (unsigned long long)h->failed,
	       (unsigned long long)h->reported, (unsigned long long)h->wrong,
	       (unsigned long long)h->cut);
	for (uint32_t i = 1; i < HARM_PLACES; i++)
		printf(" %s %llu%s", places[i], (unsigned long long)h->inert[i],
		       i + 1 < HARM_PLACES ? "," : "\n");
	(void)fflush(stdout);
}
