/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * everything.c - images of a pool that holds every structure.
 *
 * Layer: tests.
 */
#include "everything.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracle/rng.h"

#define MIB (UINT64_C(1) << 20)
#define RW (PPT_PROT_READ | PPT_PROT_WRITE)
#define RX (PPT_PROT_READ | PPT_PROT_EXEC)
#define DRAM POOL_FIXTURE_DRAM
#define ALLOC PPT_PA_ALLOC
#define HELD_PAGES 3u
#define AD UINT64_C(0x60)

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#condition);                                   \
			abort();                                               \
		}                                                              \
	} while (0)

/* --------------------------------------------------------------- images -- */

static void allocate(struct specimen *image)
{
	image->bytes = aligned_alloc(PPT_PAGE_BYTES, image->size);
	MUST(image->bytes);
}

void specimen_copy(struct specimen *to, const struct specimen *from)
{
	*to = *from;
	allocate(to);
	memcpy(to->bytes, from->bytes, from->size);
}

void specimen_free(struct specimen *image)
{
	free(image->bytes);
	image->bytes = NULL;
}

void specimen_take(struct specimen *image, const struct pool_fixture *pf,
		   const uint8_t *bytes)
{
	image->size = pf->bytes;
	image->journal_bytes = pf->config.journal_bytes;
	image->uuid = pf->config.uuid;
	image->seed = ppt__seed(pf->config.uuid.b);
	MUST(!ppt__layout(image->size, image->journal_bytes, &image->at, NULL));
	allocate(image);
	memcpy(image->bytes, bytes, image->size);
}

void specimen_seal(struct specimen *image, uint32_t page, uint32_t hi)
{
	*specimen_desc(image, page) = ppt__desc_page(
		image->seed, page, hi, specimen_word(image, page, 0));
}

void specimen_plain(struct specimen *image, uint64_t page, uint32_t hi)
{
	*specimen_desc(image, page) = ppt__desc_plain(image->seed, hi);
}

void specimen_set(struct specimen *image, uint32_t page, uint32_t slot,
		  uint64_t v)
{
	uint64_t *word = specimen_word(image, page, slot);
	uint32_t hi = ppt__desc_hi(*specimen_desc(image, page));

	if (ppt__desc_is_table(*specimen_desc(image, page))) {
		hi += v && !*word ? 1u << 10 : 0;
		hi -= !v && *word ? 1u << 10 : 0;
	}
	*word = v;
	specimen_seal(image, page, hi);
}

void specimen_seal_superblock(struct specimen *image, uint32_t slot)
{
	for (uint32_t i = 0; i < 2; i++)
		if (slot == i || slot == 2)
			ppt__superblock_seal(specimen_superblock(image, i));
}

uint32_t specimen_find(const struct specimen *image, uint32_t type)
{
	for (uint64_t p = image->at.first_page; p < image->at.pages; p++)
		if (ppt__desc_type(*specimen_desc(image, p)) == type)
			return (uint32_t)p;
	MUST(false && "a page of this type");
	return 0;
}

uint32_t specimen_entry(const struct specimen *image, const char *space,
			uint32_t *page)
{
	for (*page = image->at.dir_page; *page;
	     *page = (uint32_t)*specimen_word(image, *page, 0))
		for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++) {
			uint32_t at = i * PPT_M_DIR_WORDS;

			if (*specimen_word(image, *page, at) &&
			    !strcmp((char *)specimen_word(image, *page, at + 4),
				    space))
				return at;
		}
	MUST(false && "a space of this name");
	return 0;
}

uint32_t specimen_root(const struct specimen *image, const char *space)
{
	uint32_t page, slot = specimen_entry(image, space, &page);

	return (uint32_t)*specimen_word(image, page, slot + PPT_M_DIR_ROOT);
}

uint64_t specimen_pa(const struct specimen *image, uint64_t page)
{
	(void)image;
	return POOL_FIXTURE_PHYS + page * PPT_PAGE_BYTES;
}

uint32_t specimen_slot(uint64_t va, uint32_t level)
{
	return (uint32_t)(va >> (3 + 9 * level)) & 511u;
}

uint32_t specimen_table(const struct specimen *image, const char *space,
			uint64_t va, uint32_t level)
{
	uint32_t page = specimen_root(image, space);
	uint32_t at = ppt__desc_level(*specimen_desc(image, page));

	for (; at > level; at--) {
		uint64_t e = *specimen_word(image, page, specimen_slot(va, at));

		page = (uint32_t)(((e & UINT64_C(0xffffffffff000)) -
				   POOL_FIXTURE_PHYS) /
				  PPT_PAGE_BYTES);
		MUST(page < image->at.pages);
	}
	return page;
}

uint32_t specimen_record(const struct specimen *image, uint64_t line,
			 uint64_t *word)
{
	uint64_t n = image->journal_bytes / PPT_LINE_BYTES;
	const uint64_t *ring = specimen_word(image, image->at.journal_page, 0);
	uint64_t head = ring[line % n * 8];
	uint32_t runs = ppt__record_runs(head), lines;

	if (ppt__record_seq(head) != line || head >> 57 || !runs ||
	    runs > PPT__RECORD_RUNS_MAX)
		return 0;
	lines = ppt__record_lines(runs);
	for (uint32_t i = 0; i < lines * 8; i++)
		word[i] = ring[(line + i / 8) % n * 8 + i % 8];
	if ((uint32_t)word[1] != ppt__record_crc(image->seed, word, lines))
		return 0;
	return lines;
}

static void find_live(struct specimen *image)
{
	uint64_t word[PPT__RECORD_WORDS_MAX] = { 0 };
	uint32_t lines;

	image->tail = *specimen_word(image, 0, PPT_M_TAIL_WORD) & PPT__SEQ_MASK;
	image->end = image->tail;
	while ((lines = specimen_record(image, image->end, word)))
		image->end += lines;
}

/* -------------------------------------------------------------- content -- */

/* A pool that is being made. */
struct maker {
	struct pool_fixture pf;
	uint64_t seed; /* of its UUID and of garbage */
	bool other;    /* with the other content */
};

/* In the other content spaces have each other's names … */
static const char *name_in(const struct maker *m, const char *space)
{
	static const char *const pair[] = { "four", "five", "late", "empty" };

	for (unsigned i = 0; i < 4 && m->other; i++)
		if (!strcmp(space, pair[i]))
			return pair[i ^ 1];
	return space;
}

/* … and what is mapped is elsewhere, in the tables of each level. */
static uint64_t va_in(const struct maker *m, const char *space, uint64_t va,
		      uint64_t page_size)
{
	const unsigned bits = strstr("five late empty", space) ? 57 : 48;
	uint64_t off = 0;

	for (unsigned lg = 12; lg < bits; lg += 9)
		if (m->other && UINT64_C(1) << lg >= page_size)
			off += UINT64_C(5) << lg;
	return va >> 63 ? va - off : va + off;
}

static uint64_t size_of(uint32_t flags)
{
	switch (flags & PPT_MAP_SIZE_MASK) {
	case PPT_MAP_1G:
		return PPT_SIZE_1G;
	case PPT_MAP_2M:
		return PPT_SIZE_2M;
	default:
		return PPT_SIZE_4K;
	}
}

static struct ppt_space open_space(struct maker *m, const char *space)
{
	struct ppt_space s;

	MUST(!ppt_space_open(m->pf.pool, name_in(m, space), &s, NULL));
	return s;
}

static void map(struct maker *m, const char *space, uint64_t va, uint64_t pa,
		uint64_t len, uint32_t prot, uint32_t flags)
{
	struct ppt_space s = open_space(m, space);
	struct ppt_diag diag = { 0 };

	va = va_in(m, space, va, size_of(flags));
	if (m->other && pa - DRAM < POOL_FIXTURE_DRAM_BYTES)
		pa += size_of(flags);
	if (ppt_map(&s, va, pa, len, prot, flags, &diag)) {
		fprintf(stderr, "map %s %#llx: %s\n", space,
			(unsigned long long)va, diag.why);
		abort();
	}
}

static void create(struct maker *m, const char *name, bool five)
{
	MUST(!ppt_space_create(m->pf.pool, name_in(m, name),
			       five ? PPT_FORMAT_X86_64_5 : PPT_FORMAT_X86_64_4,
			       NULL, NULL));
}

static uint64_t pa_of(struct maker *m, const char *space, uint64_t va)
{
	struct ppt_space s = open_space(m, space);
	struct ppt_extent e;

	MUST(!ppt_translate(&s, va_in(m, space, va, PPT_SIZE_4K), &e, NULL));
	return e.pa;
}

/* A second page of the directory, with one space. */
static void fill_directory(struct maker *m)
{
	char name[PPT_NAME_BYTES];

	for (uint32_t i = 0; i < PPT_M_DIR_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "filler %u", i);
		create(m, name, false);
	}
	create(m, "late", true);
	for (uint32_t i = 0; i < PPT_M_DIR_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "filler %u", i);
		MUST(!ppt_space_delete(m->pf.pool, name, NULL));
	}
	MUST(!ppt_reclaim(m->pf.pool, UINT64_MAX, NULL));
}

static void fill_four(struct maker *m)
{
	const uint32_t all = PPT_PROT_ALL & ~(uint32_t)PPT_PROT_WRITE;
	uint64_t va = EVERYTHING_VA, pa;

	create(m, "four", false);
	map(m, "four", va, DRAM + 5 * MIB, 5 * 4096, RW, PPT_MAP_4K);
	map(m, "four", va + 7 * 4096, ALLOC, 4 * 4096, RW | PPT_PROT_USER, 0);
	map(m, "four", va + 511 * 4096, POOL_FIXTURE_PMEM, 4096, all, 0);
	pa = pa_of(m, "four", va + 8 * 4096);
	map(m, "four", va + 20 * 4096, pa, 2 * 4096, PPT_PROT_READ, 0);
	map(m, "four", EVERYTHING_VA_2M, DRAM + 8 * MIB, 3 * PPT_SIZE_2M, RX,
	    PPT_MAP_2M);
	map(m, "four", EVERYTHING_VA_1G, DRAM + PPT_SIZE_1G, PPT_SIZE_1G, RW,
	    PPT_MAP_1G);
	map(m, "four", EVERYTHING_VA_HIGH, POOL_FIXTURE_DEVICE, 4096,
	    RW | PPT_PROT_GLOBAL, 0);
	map(m, "four", EVERYTHING_VA_HIGH + 4096, pa, 4096, RW, 0);
}

static void fill_five(struct maker *m)
{
	create(m, "five", true);
	map(m, "five", EVERYTHING_VA, DRAM + MIB, 3 * 4096, RW, PPT_MAP_4K);
	map(m, "five", EVERYTHING_VA_2M, POOL_FIXTURE_TOP, PPT_SIZE_2M, RW,
	    PPT_MAP_2M);
	map(m, "five", EVERYTHING_VA_HIGH, ALLOC, 4096, RX, 0);
	create(m, "empty", true);
	if (m->other) /* no page of it is the same */
		map(m, "empty", EVERYTHING_VA, DRAM + MIB, 4096, RW, 0);
}

/* Trees on the reclaim list: with frames of their own, and without. */
static void fill_reclaim(struct maker *m)
{
	create(m, "tree", false);
	map(m, "tree", EVERYTHING_VA, ALLOC, 2 * 4096, RW, 0);
	map(m, "tree", EVERYTHING_VA + 4 * 4096,
	    pa_of(m, "four", EVERYTHING_VA + 8 * 4096), 4096, RW, 0);
	create(m, "tables", false);
	map(m, "tables", EVERYTHING_VA, DRAM, 4096, RW, PPT_MAP_4K);
	MUST(!ppt_space_delete(m->pf.pool, "tree", NULL));
	MUST(!ppt_space_delete(m->pf.pool, "tables", NULL));
}

static uint32_t held_page(const struct specimen *image)
{
	return (uint32_t)image->at.pages - HELD_PAGES - 2;
}

/* What the library leaves behind only after a crash in a huge call. */
static void forge(struct specimen *image)
{
	uint32_t list = image->at.reclaim_page, last = 0;
	uint32_t held = held_page(image);
	struct rng r = { .state = 5 };

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
		if (*specimen_word(image, list, s))
			last = s;
	specimen_set(image, list, last,
		     ppt__reclaim_item(PPT_M_RECLAIM_TABLES,
				       ppt__reclaim_page(*specimen_word(
					       image, list, last)),
				       0));
	specimen_set(image, list, 100,
		     ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, held, HELD_PAGES));
	for (uint32_t i = 0; i < HELD_PAGES; i++)
		*specimen_desc(image, held + i) = rng_next(&r);
	/* The MMU was here. */
	for (uint32_t p = image->at.first_page; p < image->at.pages; p++) {
		uint64_t *word = specimen_word(image, p, 0);

		if (!ppt__desc_is_table(*specimen_desc(image, p)) || p >= held)
			continue;
		for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++)
			word[s] |= word[s] ? rng_next(&r) & AD : 0;
	}
}

static void make_clean(struct maker *m, struct specimen *image)
{
	struct pool_fixture_options o = {
		.bytes = MIB,
		.attach_flags = PPT_ATTACH_NO_MMU,
		.seed = m->seed,
	};

	pool_fixture_ready(&m->pf, &o);
	fill_directory(m);
	fill_four(m);
	fill_five(m);
	map(m, "late", EVERYTHING_VA, DRAM + 3 * MIB, 4096, RW, 0);
	fill_reclaim(m);
	MUST(!pool_fixture_detach(&m->pf));
	specimen_take(image, &m->pf, m->pf.media);
	pool_fixture_close(&m->pf);
	forge(image);
}

/* A fixture with the image on it, attached. */
static void load(struct maker *m, const struct specimen *image)
{
	struct pool_fixture_options o = {
		.bytes = image->size,
		.attach_flags = PPT_ATTACH_NO_MMU,
		.seed = m->seed,
	};

	pool_fixture_open(&m->pf, &o);
	memcpy(m->pf.writable, image->bytes, image->size);
}

/* Of what happens now only the ring and the tails reach the media. */
static void make_live(struct maker *m, struct specimen *image)
{
	uint64_t ring = (uint64_t)image->at.journal_page * PPT_PAGE_BYTES;
	struct pool_fixture *pf = &m->pf;
	uint64_t va;
	struct ppt_space s;

	load(m, image);
	MUST(!pool_fixture_attach(pf, NULL));
	map(m, "four", EVERYTHING_VA + 30 * 4096, DRAM, 4096, RW, 0);
	MUST(!ppt_checkpoint(pf->pool));
	memcpy(image->bytes, pf->media, image->size);
	map(m, "four", EVERYTHING_VA + 40 * 4096, DRAM + 9 * MIB, 8 * 4096, RW,
	    PPT_MAP_4K);
	map(m, "five", EVERYTHING_VA + 9 * 4096, ALLOC, 2 * 4096, RW, 0);
	s = open_space(m, "four");
	va = va_in(m, "four", EVERYTHING_VA, PPT_SIZE_4K);
	MUST(!ppt_unmap(&s, va + 8 * 4096, 4096, NULL));
	MUST(!ppt_protect(&s, va, 2 * 4096, PPT_PROT_READ, NULL));
	va = va_in(m, "four", EVERYTHING_VA_2M, PPT_SIZE_2M);
	MUST(!ppt_unmap(&s, va + 4096, 4096, NULL)); /* splits */
	create(m, "new", false);
	memcpy(image->bytes + ring, pf->media + ring, image->journal_bytes);
	for (uint32_t i = 0; i < 2; i++)
		memcpy(specimen_word(image, i, PPT_M_TAIL_WORD),
		       pf->media + i * PPT_PAGE_BYTES + PPT_M_TAIL_OFFSET,
		       PPT_LINE_BYTES);
	pool_fixture_drop(pf);
	pool_fixture_close(pf);
}

/* Keeps the media as it is when the first table is about to be rebased. */
/* So many lines of the journal are live. */
#define EPOCHS_LINES 12u

struct keeper {
	struct ppt_pm_observer observer;
	const struct specimen *image;
	const uint8_t *media;
	uint8_t *kept;
	unsigned lines; /* of the journal that were written */
	bool done;
};

static void on_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		     uint64_t len, const char *site)
{
	struct keeper *k = ctx;

	(void)len;
	(void)site;
	k->lines += event == PPT_PM_STREAM &&
		    off / PPT_PAGE_BYTES >= k->image->at.journal_page &&
		    off / PPT_PAGE_BYTES < k->image->at.desc_page;
	if (k->done || event != PPT_PM_FENCE || k->lines < EPOCHS_LINES)
		return;
	memcpy(k->kept, k->media, k->image->size);
	k->done = true;
}

/*
 * The pool and other memory move; of the tables some are rebased, and one has
 * its record in the ring and nothing in place yet.
 */
static void make_epochs(struct maker *m, struct specimen *image)
{
	struct keeper k = { .observer = { .event = on_event, .ctx = &k },
			    .image = image };
	struct ppt_memory_map now;
	struct pool_fixture *pf = &m->pf;

	load(m, image);
	pf->trust = PPT_TRUST_FULL;
	pool_fixture_map(pf, &now);
	now.region[0].base += PPT_SIZE_1G;
	now.region[1].base += 4 * PPT_SIZE_1G;
	k.media = pf->media;
	k.kept = image->bytes;
	pf->observer = &k.observer;
	MUST(!pool_fixture_attach(pf, &now));
	MUST(k.done);
	pool_fixture_drop(pf);
	pool_fixture_close(pf);
	find_live(image);
}

static void make(struct maker *m, struct specimen *image,
		 enum everything_kind kind)
{
	memset(image, 0, sizeof(*image));
	image->kind = kind;
	make_clean(m, image);
	if (kind == EVERYTHING_LIVE)
		make_live(m, image);
	else if (kind == EVERYTHING_EPOCHS)
		make_epochs(m, image);
	find_live(image);
}

void specimen_make(struct specimen *image, enum everything_kind kind,
		   uint64_t seed)
{
	struct maker m = { .seed = seed };

	make(&m, image, kind);
}

/* But for accessed and dirty bits. */
static bool same_page(const struct specimen *a, const struct specimen *b,
		      uint64_t page)
{
	uint64_t diff = 0;

	for (uint32_t i = 0; i < PPT_PAGE_WORDS; i++)
		diff |= *specimen_word(a, page, i) ^ *specimen_word(b, page, i);
	return !(diff & ~AD);
}

/* No page of metadata is what it is to replace. */
static void must_differ(const struct specimen *a, const struct specimen *b)
{
	MUST(a->size == b->size && a->journal_bytes == b->journal_bytes);
	for (uint64_t p = a->at.desc_page; p < held_page(a); p++) {
		uint32_t type = ppt__desc_type(*specimen_desc(a, p));

		if (p < a->at.first_page || type == PPT__DESC_META ||
		    type > PPT__DESC_TABLE)
			MUST(!same_page(a, b, p));
	}
}

void specimen_make_other(struct specimen *image, const struct specimen *of,
			 uint64_t seed)
{
	struct maker m = { .seed = seed, .other = true };

	make(&m, image, of->kind);
	must_differ(of, image);
}
