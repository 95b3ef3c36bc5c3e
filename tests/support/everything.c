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

static void map(struct pool_fixture *pf, const char *space, uint64_t va,
		uint64_t pa, uint64_t len, uint32_t prot, uint32_t flags)
{
	struct ppt_diag diag = { 0 };
	struct ppt_space s;

	MUST(!ppt_space_open(pf->pool, space, &s, NULL));
	if (ppt_map(&s, va, pa, len, prot, flags, &diag)) {
		fprintf(stderr, "map %s %#llx: %s\n", space,
			(unsigned long long)va, diag.why);
		abort();
	}
}

static void create(struct pool_fixture *pf, const char *name, bool five)
{
	MUST(!ppt_space_create(pf->pool, name,
			       five ? PPT_FORMAT_X86_64_5 : PPT_FORMAT_X86_64_4,
			       NULL, NULL));
}

static uint64_t pa_of(struct pool_fixture *pf, const char *space, uint64_t va)
{
	struct ppt_extent e;
	struct ppt_space s;

	MUST(!ppt_space_open(pf->pool, space, &s, NULL));
	MUST(!ppt_translate(&s, va, &e, NULL));
	return e.pa;
}

/* A second page of the directory, with one space. */
static void fill_directory(struct pool_fixture *pf)
{
	char name[PPT_NAME_BYTES];

	for (uint32_t i = 0; i < PPT_M_DIR_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "filler %u", i);
		create(pf, name, false);
	}
	create(pf, "late", true);
	for (uint32_t i = 0; i < PPT_M_DIR_ENTRIES; i++) {
		(void)snprintf(name, sizeof(name), "filler %u", i);
		MUST(!ppt_space_delete(pf->pool, name, NULL));
	}
	MUST(!ppt_reclaim(pf->pool, UINT64_MAX, NULL));
}

static void fill_four(struct pool_fixture *pf)
{
	const uint32_t all = PPT_PROT_ALL & ~(uint32_t)PPT_PROT_WRITE;
	uint64_t va = EVERYTHING_VA, pa;

	create(pf, "four", false);
	map(pf, "four", va, DRAM + 5 * MIB, 5 * 4096, RW, PPT_MAP_4K);
	map(pf, "four", va + 7 * 4096, ALLOC, 4 * 4096, RW | PPT_PROT_USER, 0);
	map(pf, "four", va + 511 * 4096, POOL_FIXTURE_PMEM, 4096, all, 0);
	pa = pa_of(pf, "four", va + 8 * 4096);
	map(pf, "four", va + 20 * 4096, pa, 2 * 4096, PPT_PROT_READ, 0);
	map(pf, "four", EVERYTHING_VA_2M, DRAM + 8 * MIB, 3 * PPT_SIZE_2M, RX,
	    PPT_MAP_2M);
	map(pf, "four", EVERYTHING_VA_1G, DRAM + PPT_SIZE_1G, PPT_SIZE_1G, RW,
	    PPT_MAP_1G);
	map(pf, "four", EVERYTHING_VA_HIGH, POOL_FIXTURE_DEVICE, 4096,
	    RW | PPT_PROT_GLOBAL, 0);
	map(pf, "four", EVERYTHING_VA_HIGH + 4096, pa, 4096, RW, 0);
}

static void fill_five(struct pool_fixture *pf)
{
	create(pf, "five", true);
	map(pf, "five", EVERYTHING_VA, DRAM + MIB, 3 * 4096, RW, PPT_MAP_4K);
	map(pf, "five", EVERYTHING_VA_2M, POOL_FIXTURE_TOP, PPT_SIZE_2M, RW,
	    PPT_MAP_2M);
	map(pf, "five", EVERYTHING_VA_HIGH, ALLOC, 4096, RX, 0);
	create(pf, "empty", true);
}

/* Trees on the reclaim list: with frames of their own, and without. */
static void fill_reclaim(struct pool_fixture *pf)
{
	create(pf, "tree", false);
	map(pf, "tree", EVERYTHING_VA, ALLOC, 2 * 4096, RW, 0);
	map(pf, "tree", EVERYTHING_VA + 4 * 4096,
	    pa_of(pf, "four", EVERYTHING_VA + 8 * 4096), 4096, RW, 0);
	create(pf, "tables", false);
	map(pf, "tables", EVERYTHING_VA, DRAM, 4096, RW, PPT_MAP_4K);
	MUST(!ppt_space_delete(pf->pool, "tree", NULL));
	MUST(!ppt_space_delete(pf->pool, "tables", NULL));
}

/* What the library leaves behind only after a crash in a huge call. */
static void forge(struct specimen *image)
{
	uint32_t list = image->at.reclaim_page, last = 0;
	uint32_t held = (uint32_t)image->at.pages - HELD_PAGES - 2;
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
			word[s] |= word[s] ? rng_next(&r) & 0x60 : 0;
	}
}

static void make_clean(struct specimen *image, uint64_t seed)
{
	struct pool_fixture_options o = {
		.bytes = MIB,
		.attach_flags = PPT_ATTACH_NO_MMU,
		.seed = seed,
	};
	struct pool_fixture pf;

	pool_fixture_ready(&pf, &o);
	fill_directory(&pf);
	fill_four(&pf);
	fill_five(&pf);
	map(&pf, "late", EVERYTHING_VA, DRAM + 3 * MIB, 4096, RW, 0);
	fill_reclaim(&pf);
	MUST(!pool_fixture_detach(&pf));
	specimen_take(image, &pf, pf.media);
	pool_fixture_close(&pf);
	forge(image);
}

/* A fixture with the image on it, attached. */
static void load(struct pool_fixture *pf, const struct specimen *image,
		 uint64_t seed)
{
	struct pool_fixture_options o = {
		.bytes = image->size,
		.attach_flags = PPT_ATTACH_NO_MMU,
		.seed = seed,
	};

	pool_fixture_open(pf, &o);
	memcpy(pf->writable, image->bytes, image->size);
}

/* Of what happens now only the ring and the tails reach the media. */
static void make_live(struct specimen *image, uint64_t seed)
{
	uint64_t ring = (uint64_t)image->at.journal_page * PPT_PAGE_BYTES;
	struct pool_fixture pf;
	struct ppt_space s;

	load(&pf, image, seed);
	MUST(!pool_fixture_attach(&pf, NULL));
	map(&pf, "four", EVERYTHING_VA + 30 * 4096, DRAM, 4096, RW, 0);
	MUST(!ppt_checkpoint(pf.pool));
	memcpy(image->bytes, pf.media, image->size);
	map(&pf, "four", EVERYTHING_VA + 40 * 4096, DRAM + 9 * MIB, 8 * 4096,
	    RW, PPT_MAP_4K);
	map(&pf, "five", EVERYTHING_VA + 9 * 4096, ALLOC, 2 * 4096, RW, 0);
	MUST(!ppt_space_open(pf.pool, "four", &s, NULL));
	MUST(!ppt_unmap(&s, EVERYTHING_VA + 8 * 4096, 4096, NULL));
	MUST(!ppt_protect(&s, EVERYTHING_VA, 2 * 4096, PPT_PROT_READ, NULL));
	MUST(!ppt_unmap(&s, EVERYTHING_VA_2M + 4096, 4096, NULL)); /* splits */
	create(&pf, "new", false);
	memcpy(image->bytes + ring, pf.media + ring, image->journal_bytes);
	for (uint32_t i = 0; i < 2; i++)
		memcpy(specimen_word(image, i, PPT_M_TAIL_WORD),
		       pf.media + i * PPT_PAGE_BYTES + PPT_M_TAIL_OFFSET,
		       PPT_LINE_BYTES);
	pool_fixture_drop(&pf);
	pool_fixture_close(&pf);
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
static void make_epochs(struct specimen *image, uint64_t seed)
{
	struct keeper k = { .observer = { .event = on_event, .ctx = &k },
			    .image = image };
	struct ppt_memory_map now;
	struct pool_fixture pf;

	load(&pf, image, seed);
	pf.trust = PPT_TRUST_FULL;
	pool_fixture_map(&pf, &now);
	now.region[0].base += PPT_SIZE_1G;
	now.region[1].base += 4 * PPT_SIZE_1G;
	k.media = pf.media;
	k.kept = image->bytes;
	pf.observer = &k.observer;
	MUST(!pool_fixture_attach(&pf, &now));
	MUST(k.done);
	pool_fixture_drop(&pf);
	pool_fixture_close(&pf);
	find_live(image);
}

void specimen_make(struct specimen *image, enum everything_kind kind,
		   uint64_t seed)
{
	memset(image, 0, sizeof(*image));
	image->kind = kind;
	make_clean(image, seed);
	if (kind == EVERYTHING_LIVE)
		make_live(image, seed);
	else if (kind == EVERYTHING_EPOCHS)
		make_epochs(image, seed);
	find_live(image);
}
