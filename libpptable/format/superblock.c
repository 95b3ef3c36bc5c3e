/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/superblock.h"

#include "format/crc32c.h"

static bool power_of_2(uint64_t v)
{
	return v && !(v & (v - 1));
}

int ppt__layout(uint64_t pool_bytes, uint64_t journal_bytes,
		struct ppt__layout *out, struct ppt_diag *diag)
{
	struct ppt__layout l;

	if (pool_bytes < PPT_POOL_BYTES_MIN || pool_bytes > PPT_POOL_BYTES_MAX)
		return ppt__fail(diag, PPT_E_RANGE, "size",
				 "not between 1 MiB and 16 TiB", pool_bytes);
	if (pool_bytes % PPT_PAGE_BYTES)
		return ppt__fail(diag, PPT_E_INVAL, "size",
				 "not a multiple of 4 KiB", pool_bytes);
	if (journal_bytes < PPT_JOURNAL_BYTES_MIN ||
	    journal_bytes > PPT_JOURNAL_BYTES_MAX)
		return ppt__fail(diag, PPT_E_RANGE, "journal",
				 "not between 64 KiB and 1 GiB", journal_bytes);
	if (!power_of_2(journal_bytes))
		return ppt__fail(diag, PPT_E_INVAL, "journal",
				 "not a power of two", journal_bytes);
	l.pages = pool_bytes / PPT_PAGE_BYTES;
	l.journal_page = 2;
	l.journal_pages = (uint32_t)(journal_bytes / PPT_PAGE_BYTES);
	l.desc_page = l.journal_page + l.journal_pages;
	l.desc_pages =
		(uint32_t)((l.pages + PPT_PAGE_WORDS - 1) / PPT_PAGE_WORDS);
	l.dir_page = l.desc_page + l.desc_pages;
	l.reclaim_page = l.dir_page + 1;
	l.first_page = l.reclaim_page + 1;
	if (l.first_page >= l.pages)
		return ppt__fail(diag, PPT_E_NOSPC, "journal",
				 "leaves no page of the pool free",
				 journal_bytes);
	*out = l;
	return 0;
}

/* The field itself is the upper half of word 1. */
static uint32_t superblock_crc(const struct ppt_m_superblock *sb)
{
	const uint64_t *word = (const uint64_t *)sb;
	uint32_t raw = ppt__crc32c_word(UINT32_MAX, word[0]);

	raw = ppt__crc32c_word(raw, (uint32_t)word[1]);
	return ~ppt__crc32c_words(raw, word + 2, PPT_M_SB_WORDS - 2,
				  PPT__FAMILY_NONE);
}

void ppt__superblock_seal(struct ppt_m_superblock *sb)
{
	sb->crc = ppt__le32(superblock_crc(sb));
}

/* The layout on the media must be the one that follows from the sizes. */
static bool layout_agrees(const struct ppt_m_superblock *sb)
{
	struct ppt__layout l;
	uint64_t journal =
		(uint64_t)ppt__get32(sb->journal_pages) * PPT_PAGE_BYTES;

	if (ppt__layout(ppt__get64(sb->pool_bytes), journal, &l, NULL))
		return false;
	return ppt__get32(sb->journal_page) == l.journal_page &&
	       ppt__get32(sb->desc_page) == l.desc_page &&
	       ppt__get32(sb->desc_pages) == l.desc_pages &&
	       ppt__get32(sb->dir_page) == l.dir_page &&
	       ppt__get32(sb->reclaim_page) == l.reclaim_page &&
	       ppt__get32(sb->first_page) == l.first_page;
}

static bool regions_agree(const struct ppt_m_superblock *sb)
{
	uint32_t n = ppt__get32(sb->region_count);
	uint32_t now = ppt__get32(sb->epoch),
		 old = ppt__get32(sb->epoch_oldest);
	const struct ppt_m_place *pool = sb->region[0].at;

	return n >= 1 && n <= PPT_REGIONS_MAX && now - old < PPT_M_EPOCHS &&
	       ppt__get32(sb->region[0].kind) == PPT_REGION_POOL &&
	       ppt__get64(pool[now % PPT_M_EPOCHS].len) ==
		       ppt__get64(sb->pool_bytes);
}

int ppt__superblock_check(const struct ppt_m_superblock *sb, uint32_t slot,
			  struct ppt_diag *diag)
{
	if (ppt__get64(sb->magic) != PPT_M_MAGIC)
		return ppt__fail(diag, PPT_E_MAGIC, "superblock",
				 "no pptable magic", slot);
	if (ppt__get32(sb->version) != PPT_M_VERSION)
		return ppt__fail(diag, PPT_E_VERSION, "superblock",
				 "media version unknown",
				 ppt__get32(sb->version));
	if (ppt__get32(sb->crc) != superblock_crc(sb))
		return ppt__fail(diag, PPT_E_CORRUPT, "superblock",
				 "checksum wrong", slot);
	if (ppt__get64(sb->incompat) & ~PPT_M_INCOMPAT)
		return ppt__fail(diag, PPT_E_FEATURE, "superblock",
				 "unknown incompatible feature",
				 ppt__get64(sb->incompat));
	if (ppt__get32(sb->slot) != slot || !layout_agrees(sb) ||
	    !regions_agree(sb))
		return ppt__fail(diag, PPT_E_CORRUPT, "superblock",
				 "fields contradict each other", slot);
	return 0;
}

/* Of two errors, the one that tells more. */
static int clearer(int a, int b)
{
	const int order[] = { PPT_E_FEATURE, PPT_E_CORRUPT, PPT_E_VERSION };

	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

int ppt__superblock_choose(const struct ppt_m_superblock *a,
			   const struct ppt_m_superblock *b, uint32_t *slot,
			   bool *fell_back, struct ppt_diag *diag)
{
	struct ppt_diag da, db;
	int ea = ppt__superblock_check(a, 0, &da);
	int eb = ppt__superblock_check(b, 1, &db);

	if (ea && eb) {
		if (diag)
			*diag = clearer(ea, eb) == ea ? da : db;
		return clearer(ea, eb);
	}
	if (ea || eb)
		*slot = ea ? 1 : 0;
	else
		*slot = ppt__get64(b->generation) > ppt__get64(a->generation);
	*fell_back = ea || eb;
	return 0;
}
