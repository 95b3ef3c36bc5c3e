/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * images_entry.c - entries, directory, reclaim list: for each row of the table of
 * problems a small image that provokes it.
 *
 * Layer: tests.
 */
#include "images.h"

#include "format/pte_x86_64.h"

/* -------------------------------------------------------------- entries -- */

static void entry_bad(struct specimen *i, struct with *w)
{
	set_l1(i, 2);
}

static void entry_bad_level(struct specimen *i, struct with *w)
{
	specimen_set(i, specimen_root(i, SPACE), 0,
		     entry_of(i, specimen_root(i, SPACE), 0) | 0x80);
}

static void entry_reserved(struct specimen *i, struct with *w)
{
	set_l1(i, entry_of(i, l1(i), 0) | UINT64_C(1) << 60);
}

static void entry_reserved_table(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, l1(i)) | 0x100);
}

static void entry_width(struct specimen *i, struct with *w)
{
	w->cfg.pa_bits = 51;
}

/* The pool itself is where this CPU has no memory. */
static void entry_width_table(struct specimen *i, struct with *w)
{
	w->cfg.pa_bits = 36;
}

static void entry_rights(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, l1(i)) & ~UINT64_C(2));
}

static void entry_outside(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, 0));
}

static void entry_target(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, a_free(i)));
}

static void entry_level(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, l2(i)));
}

static void entry_held(struct specimen *i, struct with *w)
{
	set_l2(i, table_entry(i, held(i)));
}

static void entry_held_leaf(struct specimen *i, struct with *w)
{
	set_l1(i, leaf(specimen_pa(i, held(i))));
}

static void entry_held_root(struct specimen *i, struct with *w)
{
	specimen_set(i, i->at.reclaim_page, 200,
		     ppt__reclaim_item(PPT_M_RECLAIM_EXTENT,
				       specimen_root(i, "empty"), 1));
}

static void entry_held_directory(struct specimen *i, struct with *w)
{
	uint32_t page;

	(void)specimen_entry(i, "late", &page);
	specimen_set(i, i->at.reclaim_page, 200,
		     ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, page, 1));
}

static void leaf_unaligned(struct specimen *i, struct with *w)
{
	uint32_t page = specimen_table(i, SPACE, EVERYTHING_VA_2M, 2);
	uint32_t slot = specimen_slot(EVERYTHING_VA_2M, 2);

	specimen_set(i, page, slot, entry_of(i, page, slot) | 0x1000);
}

static void leaf_unknown(struct specimen *i, struct with *w)
{
	set_l1(i, leaf(POOL_FIXTURE_PHYS - 4096));
}

static void leaf_unknown_end(struct specimen *i, struct with *w)
{
	/* It begins in a region, the pool, and ends behind it. */
	specimen_set(i, l2(i), 9, leaf(POOL_FIXTURE_PHYS) | 0x80);
}

static void leaf_metadata(struct specimen *i, struct with *w)
{
	set_l1(i, leaf(specimen_pa(i, 1)) | 4);
}

static void leaf_metadata_table(struct specimen *i, struct with *w)
{
	set_l1(i, leaf(specimen_pa(i, l2(i))) | 4);
}

static void leaf_free(struct specimen *i, struct with *w)
{
	set_l1(i, leaf(specimen_pa(i, a_free(i))));
}

static void leaf_lost(struct specimen *i, struct with *w)
{
	present(i, w);
	w->map.region[1].len = PPT_SIZE_4K;
}

static void leaf_moved(struct specimen *i, struct with *w)
{
	present(i, w);
	w->map.region[1].base -= PPT_SIZE_4K;
}

static void leaf_gone(struct specimen *i, struct with *w)
{
	set_l1(i, UINT64_C(1) << 46 | 0x5000 | PPT__X86_LOST | PPT__X86_RW);
}

static void leaf_gone_nowhere(struct specimen *i, struct with *w)
{
	set_l1(i, UINT64_C(63) << 46 | PPT__X86_LOST);
}

static void leaf_gone_reserved(struct specimen *i, struct with *w)
{
	set_l1(i, UINT64_C(1) << 46 | PPT__X86_LOST | UINT64_C(1) << 60);
}

static void policy_wx(struct specimen *i, struct with *w)
{
	w->cfg.policy = PPT_POLICY_WX;
	set_l1(i, POOL_FIXTURE_DRAM | 3);
}

static void policy_user(struct specimen *i, struct with *w)
{
	uint32_t page = specimen_table(i, SPACE, EVERYTHING_VA_HIGH, 1);

	w->cfg.policy = PPT_POLICY_USER;
	specimen_set(i, page, 0, entry_of(i, page, 0) | 4);
}

static void policy_supervisor(struct specimen *i, struct with *w)
{
	w->cfg.policy = PPT_POLICY_SUPERVISOR;
}

/* ---------------------------------------------------------------- lists -- */

static void directory_checksum(struct specimen *i, struct with *w)
{
	uint32_t page, slot = specimen_entry(i, SPACE, &page);

	*specimen_word(i, page, slot + PPT_M_DIR_NAME) ^= 1;
}

static void directory_link(struct specimen *i, struct with *w)
{
	specimen_set(i, i->at.dir_page, 0, a_free(i));
}

static void directory_link_loop(struct specimen *i, struct with *w)
{
	uint32_t page;

	(void)specimen_entry(i, "late", &page);
	specimen_set(i, page, 0, page);
}

static void directory_reserved(struct specimen *i, struct with *w)
{
	specimen_set(i, i->at.dir_page, 3, 1);
}

static void directory_reserved_entry(struct specimen *i, struct with *w)
{
	uint32_t page, slot = specimen_entry(i, SPACE, &page);

	specimen_set(i, page, slot + 2, 1);
}

static void directory_reserved_empty(struct specimen *i, struct with *w)
{
	specimen_set(i, i->at.dir_page, PPT_M_DIR_ENTRIES * PPT_M_DIR_WORDS + 5,
		     1);
}

static void set_space(struct specimen *i, uint32_t word, uint64_t v)
{
	uint32_t page, slot = specimen_entry(i, SPACE, &page);

	specimen_set(i, page, slot + word, v);
}

static void space_format(struct specimen *i, struct with *w)
{
	set_space(i, PPT_M_DIR_FORMAT, 300);
}

static void space_root(struct specimen *i, struct with *w)
{
	set_space(i, PPT_M_DIR_ROOT, l1(i));
}

static void space_root_outside(struct specimen *i, struct with *w)
{
	set_space(i, PPT_M_DIR_ROOT, UINT64_MAX);
}

static void space_name(struct specimen *i, struct with *w)
{
	set_space(i, PPT_M_DIR_NAME, 0x2f61);
}

static void space_name_padding(struct specimen *i, struct with *w)
{
	set_space(i, PPT_M_DIR_NAME + 3, 1);
}

static void space_twice(struct specimen *i, struct with *w)
{
	uint32_t page, slot = specimen_entry(i, "five", &page);

	set_space(i, PPT_M_DIR_NAME,
		  *specimen_word(i, page, slot + PPT_M_DIR_NAME));
}

static void reclaim_checksum(struct specimen *i, struct with *w)
{
	*specimen_word(i, i->at.reclaim_page, 100) ^= UINT64_C(1) << 45;
}

static void item(struct specimen *i, uint64_t v)
{
	specimen_set(i, i->at.reclaim_page, 200, v);
}

static void reclaim_item(struct specimen *i, struct with *w)
{
	item(i, 7);
}

static void reclaim_item_count(struct specimen *i, struct with *w)
{
	item(i, ppt__reclaim_item(PPT_M_RECLAIM_TREE, l1(i), 3));
}

static void reclaim_extent(struct specimen *i, struct with *w)
{
	item(i, ppt__reclaim_item(PPT_M_RECLAIM_EXTENT,
				  (uint32_t)i->at.pages - 1, 2));
}

static void reclaim_overlap(struct specimen *i, struct with *w)
{
	item(i, ppt__reclaim_item(PPT_M_RECLAIM_EXTENT, held(i) + 1, 4));
}

static void reclaim_root(struct specimen *i, struct with *w)
{
	item(i, ppt__reclaim_item(PPT_M_RECLAIM_TREE, a_data(i), 0));
}

/* ---------------------------------------------------------------- cases -- */

static const struct image_case cases[] = {
	AT(ENTRY_BAD, entry_bad, VA),
	AT(ENTRY_BAD, entry_bad_level, 0),
	AT(ENTRY_RESERVED, entry_reserved, VA),
	AT(ENTRY_RESERVED, entry_reserved_table, VA),
	CLEAN(ENTRY_WIDTH, entry_width),
	CLEAN(ENTRY_WIDTH, entry_width_table),
	AT(ENTRY_RIGHTS, entry_rights, VA),
	AT(ENTRY_OUTSIDE, entry_outside, VA),
	AT(ENTRY_TARGET, entry_target, VA),
	AT(ENTRY_LEVEL, entry_level, VA),
	AT(ENTRY_HELD, entry_held, VA),
	AT(ENTRY_HELD, entry_held_leaf, VA),
	CLEAN(ENTRY_HELD, entry_held_root),
	CLEAN(ENTRY_HELD, entry_held_directory),
	AT(LEAF_UNALIGNED, leaf_unaligned, EVERYTHING_VA_2M),
	AT(LEAF_UNKNOWN, leaf_unknown, VA),
	AT(LEAF_UNKNOWN, leaf_unknown_end, L2_VA(9)),
	AT(LEAF_METADATA, leaf_metadata, VA),
	AT(LEAF_METADATA, leaf_metadata_table, VA),
	AT(LEAF_FREE, leaf_free, VA),
	CLEAN(LEAF_LOST, leaf_lost),
	CLEAN(LEAF_MOVED, leaf_moved),
	AT(LEAF_GONE, leaf_gone, VA),
	AT(LEAF_UNKNOWN, leaf_gone_nowhere, VA),
	AT(ENTRY_RESERVED, leaf_gone_reserved, VA),
	AT(POLICY_WX, policy_wx, VA),
	AT(POLICY_USER, policy_user, EVERYTHING_VA_HIGH),
	CLEAN(POLICY_SUPERVISOR, policy_supervisor),
	CLEAN(DIRECTORY_CHECKSUM, directory_checksum),
	CLEAN(DIRECTORY_LINK, directory_link),
	CLEAN(DIRECTORY_LINK, directory_link_loop),
	CLEAN(DIRECTORY_RESERVED, directory_reserved),
	CLEAN(DIRECTORY_RESERVED, directory_reserved_entry),
	CLEAN(DIRECTORY_RESERVED, directory_reserved_empty),
	CLEAN(SPACE_FORMAT, space_format),
	CLEAN(SPACE_ROOT, space_root),
	CLEAN(SPACE_ROOT, space_root_outside),
	CLEAN(SPACE_NAME, space_name),
	CLEAN(SPACE_NAME, space_name_padding),
	CLEAN(SPACE_TWICE, space_twice),
	CLEAN(RECLAIM_CHECKSUM, reclaim_checksum),
	CLEAN(RECLAIM_ITEM, reclaim_item),
	CLEAN(RECLAIM_ITEM, reclaim_item_count),
	CLEAN(RECLAIM_EXTENT, reclaim_extent),
	CLEAN(RECLAIM_OVERLAP, reclaim_overlap),
	CLEAN(RECLAIM_ROOT, reclaim_root),
};

const struct image_cases images_entry = IMAGE_CASES(cases);
