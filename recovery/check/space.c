/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: directory.  The chain of its pages, each one's checksum, and every
 * space's format, root and name.
 * Gathers: the owners of its pages and of root tables.
 */
#include "recovery/check/check.h"

/* Whether a metadata page is as its descriptor says. */
static bool matches(const struct ppt_check *c, uint32_t page)
{
	uint64_t desc = ppt__check_desc(c, page);

	return desc == ppt__desc_page(c->pool->seed, page, ppt__desc_hi(desc),
				      ppt__check_page(c, page)) &&
	       ppt__desc_hi(desc) == ppt__desc_meta();
}

void ppt__check_meta(struct ppt_check *c, enum ppt_problem_id id, uint32_t page)
{
	if (!matches(c, page))
		ppt__check_at(&c->serial, id, page, ppt__check_desc(c, page));
}

/* ---------------------------------------------------------------- names -- */

static void load_name(const struct ppt_check *c, uint32_t page, uint32_t slot,
		      uint64_t *name)
{
	for (uint32_t i = 0; i < PPT_NAME_BYTES / 8; i++)
		name[i] = ppt__check_load(c, page, slot + PPT_M_DIR_NAME + i);
}

bool ppt__check_name_ok(const uint64_t *word)
{
	unsigned char c[PPT_NAME_BYTES];
	uint32_t n = 0;

	__builtin_memcpy(c, word, sizeof(c));
	for (; n < PPT_NAME_BYTES && c[n]; n++)
		if (c[n] < 0x20 || c[n] == 0x7f || c[n] == '/')
			return false;
	if (n == 0 || n == PPT_NAME_BYTES)
		return false;
	for (; n < PPT_NAME_BYTES; n++)
		if (c[n])
			return false;
	return true;
}

#define PROBES 64u

bool ppt__check_name_seen(struct ppt_check *c, uint32_t page, uint32_t slot,
			  const uint64_t *name)
{
	uint32_t hash = ppt__crc32c(0, name, PPT_NAME_BYTES);

	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t *at = &c->name[(hash + i) & (c->names - 1)];
		uint64_t other[PPT_NAME_BYTES / 8];

		if (!*at) {
			*at = (uint64_t)page << 16 | slot;
			return false;
		}
		load_name(c, (uint32_t)(*at >> 16), *at & 0xffff, other);
		if (!__builtin_memcmp(name, other, sizeof(other)))
			return true;
	}
	return false; /* many names of one hash were made for this */
}

/* -------------------------------------------------------------- entries -- */

static void check_root(struct ppt_check *c, uint32_t page, uint32_t slot,
		       const struct ppt__pt_ops *ops)
{
	uint64_t root = ppt__check_load(c, page, slot + PPT_M_DIR_ROOT);
	uint64_t desc;

	if (!ppt__check_inside(c, root))
		goto bad;
	desc = ppt__check_desc(c, (uint32_t)root);
	if (ppt__desc_type(desc) != PPT__DESC_TABLE + ops->levels ||
	    ppt__desc_family(desc) != ops->family)
		goto bad;
	ppt__check_own(c, (uint32_t)root, page);
	return;
bad:
	ppt__check_word(c, PPT_PROBLEM_SPACE_ROOT, page, slot, root);
}

/* Words of an entry, or of the head, that are to be 0. */
static bool reserved_zero(const struct ppt_check *c, uint32_t page,
			  uint32_t slot, uint32_t first, uint32_t end)
{
	uint64_t any = 0;

	for (uint32_t i = first; i < end; i++)
		any |= ppt__check_load(c, page, slot + i);
	return any == 0;
}

static void check_entry(struct ppt_check *c, uint32_t page, uint32_t slot)
{
	uint64_t format = ppt__check_load(c, page, slot + PPT_M_DIR_FORMAT);
	const struct ppt__pt_ops *ops = NULL;
	uint64_t name[PPT_NAME_BYTES / 8];

	if (!reserved_zero(c, page, slot, format ? PPT_M_DIR_ROOT + 1 : 1,
			   format ? PPT_M_DIR_NAME : PPT_M_DIR_WORDS))
		ppt__check_word(c, PPT_PROBLEM_DIRECTORY_RESERVED, page, slot,
				0);
	if (!format)
		return;
	if (format <= UINT8_MAX)
		ops = ppt__pt_ops((enum ppt_format)format);
	if (ops)
		check_root(c, page, slot, ops);
	else
		ppt__check_word(c, PPT_PROBLEM_SPACE_FORMAT, page, slot,
				format);
	load_name(c, page, slot, name);
	if (!ppt__check_name_ok(name))
		ppt__check_word(c, PPT_PROBLEM_SPACE_NAME, page, slot, 0);
	else if (ppt__check_name_seen(c, page, slot, name))
		ppt__check_word(c, PPT_PROBLEM_SPACE_TWICE, page, slot, 0);
}

void ppt__check_directory(struct ppt_check *c)
{
	uint32_t page = c->pool->at.dir_page;

	c->owner[page] = page;
	for (uint32_t k = 0; k < PPT_M_DIR_PAGES_MAX; k++) {
		uint64_t next = ppt__check_load(c, page, 0);

		ppt__check_meta(c, PPT_PROBLEM_DIRECTORY_CHECKSUM, page);
		if (!reserved_zero(c, page, 0, 1, PPT_M_DIR_WORDS))
			ppt__check_word(c, PPT_PROBLEM_DIRECTORY_RESERVED, page,
					1, 0);
		for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++)
			check_entry(c, page, i * PPT_M_DIR_WORDS);
		if (next == 0)
			return;
		if (!ppt__check_inside(c, next) || c->owner[next] ||
		    ppt__desc_type(ppt__check_desc(c, (uint32_t)next)) !=
			    PPT__DESC_META) {
			ppt__check_word(c, PPT_PROBLEM_DIRECTORY_LINK, page, 0,
					next);
			return;
		}
		c->owner[next] = page;
		page = (uint32_t)next;
	}
	/* There are as many as there may be, and the last one has a next. */
	ppt__check_word(c, PPT_PROBLEM_DIRECTORY_LINK, page, 0, page);
}
