/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory of spaces: a chain of metadata pages.  Layer: core.
 */
#include "core/pt.h"
#include "core/table.h"
#include "format/mutant.h"

struct place {
	uint32_t page;
	uint32_t slot; /* first word of the entry */
};

static uint32_t entry_slot(uint32_t i)
{
	return (i + 1) * PPT_M_DIR_WORDS;
}

/*
 * A walk along the directory's pages.  The chain of a damaged pool may come back
 * to itself: then it meets the page that it remembers, the one after the last
 * power of two of steps (Brent, BIT 20, 1980).
 */
struct chain {
	uint32_t page;
	uint32_t seen;
	uint32_t steps;
	uint32_t until;
};

static int chain_first(struct ppt_pool *pool, struct chain *chain,
		       struct ppt_diag *diag)
{
	*chain = (struct chain){ .page = pool->at.dir_page,
				 .seen = pool->at.dir_page,
				 .until = 1 };
	return ppt__meta_touch(pool, chain->page, diag);
}

/* The next page of the chain; 0 behind the last. */
static int chain_next(struct ppt_pool *pool, struct chain *chain,
		      struct ppt_diag *diag)
{
	uint64_t next = ppt__load(pool, chain->page, 0);

	if (next && (next < pool->at.first_page || next >= pool->at.pages ||
		     next == chain->seen))
		return ppt__fail(diag, PPT_E_CORRUPT, "directory",
				 "link to a page that is no directory, or back",
				 chain->page);
	chain->page = (uint32_t)next;
	if (++chain->steps == chain->until) {
		chain->seen = (uint32_t)next;
		chain->until *= 2;
	}
	return next ? ppt__meta_touch(pool, chain->page, diag) : 0;
}

static void load_name(struct ppt_pool *pool, struct place at, char *name)
{
	const uint64_t *word =
		ppt__load_words(pool, at.page, at.slot + PPT_M_DIR_NAME,
				PPT_NAME_BYTES / 8, pool->page_buffer);

	__builtin_memcpy(name, word, PPT_NAME_BYTES);
	name[PPT_NAME_BYTES - 1] = 0;
}

static int read_entry(struct ppt_pool *pool, struct place at,
		      struct ppt_space *space, struct ppt_diag *diag)
{
	uint64_t format = ppt__load(pool, at.page, at.slot + PPT_M_DIR_FORMAT);
	uint64_t root = ppt__load(pool, at.page, at.slot + PPT_M_DIR_ROOT);
	const struct ppt__pt_ops *ops = NULL;

	if (format <= UINT8_MAX)
		ops = ppt__pt_ops((enum ppt_format)format);
	if (!ops || root >= pool->at.pages)
		return ppt__fail(diag, PPT_E_CORRUPT, "directory",
				 "entry has no known format or root", at.page);
	*space = (struct ppt_space){ pool, ops, at.page, at.slot,
				     (uint32_t)root };
	return 0;
}

static void get_info(const struct ppt_space *space, struct ppt_space_info *info)
{
	struct place at = { space->dir_page, space->dir_slot };

	load_name(space->pool, at, info->name);
	info->format = space->ops->format;
	info->root_pa = ppt__page_pa(space->pool, space->root_page);
	info->root_register = space->ops->root_register(info->root_pa);
}

/* A page where it is, or NULL: an open transaction may change it. */
static const uint64_t *view(struct ppt_pool *pool, uint32_t page)
{
	if (pool->txn.runs.n | pool->group.n)
		return NULL;
	return ppt__pm_view(&pool->pm, ppt__word(page, 0), PPT_PAGE_WORDS);
}

/* The first used entry from *cursor on; PPT_E_NOENT. */
static int next_entry(struct ppt_pool *pool, uint64_t *cursor, struct place *at,
		      struct ppt_diag *diag)
{
	struct chain chain;
	int err = chain_first(pool, &chain, diag);

	if (err)
		return err;
	for (uint64_t k = 0; k < PPT_M_DIR_PAGES_MAX && chain.page; k++) {
		const uint64_t *word = view(pool, chain.page);
		uint64_t first = k * PPT_M_DIR_ENTRIES;
		uint32_t i = *cursor > first ? (uint32_t)(*cursor - first) : 0;

		for (; i < PPT_M_DIR_ENTRIES; i++) {
			uint32_t slot = entry_slot(i);

			if (!(word ? word[slot + PPT_M_DIR_FORMAT] :
				     ppt__load(pool, chain.page,
					       slot + PPT_M_DIR_FORMAT)))
				continue;
			*at = (struct place){ chain.page, slot };
			*cursor = first + i + 1;
			return 0;
		}
		err = chain_next(pool, &chain, diag);
		if (err)
			return err;
	}
	return ppt__fail(diag, PPT_E_NOENT, "space", "no such space", 0);
}

/* The same, and that the root is a table, touched. */
static int touch_entry(struct ppt_pool *pool, struct place at,
		       struct ppt_space *space, struct ppt_diag *diag)
{
	int err = read_entry(pool, at, space, diag);

	if (err)
		return err;
	return ppt__table_expect(pool, space->root_page, space->ops->family,
				 space->ops->levels, diag);
}

/* For hardware: if tables are believed, so is the root, until a walk comes. */
static int open_entry(struct ppt_pool *pool, struct place at,
		      struct ppt_space *space, struct ppt_diag *diag)
{
	int err;

	if (pool->trust.mode != PPT_TRUST_NONE)
		return touch_entry(pool, at, space, diag);
	err = read_entry(pool, at, space, diag);
	if (!err && !ppt__table_named(pool, space->root_page,
				      space->ops->family, space->ops->levels))
		err = ppt__fail(diag, PPT_E_CORRUPT, "table",
				"descriptor is not that of a root",
				space->root_page);
	return err;
}

int ppt_space_next(struct ppt_pool *pool, uint64_t *cursor,
		   struct ppt_space_info *out, struct ppt_diag *diag)
{
	struct ppt_space space;
	uint64_t next = *cursor;
	struct place at;
	int err = next_entry(pool, &next, &at, diag);

	if (!err)
		err = read_entry(pool, at, &space, diag);
	if (err)
		return err;
	get_info(&space, out);
	*cursor = next;
	return 0;
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

static int find_name(struct ppt_pool *pool, const char *name, struct place *at,
		     struct ppt_diag *diag)
{
	char found[PPT_NAME_BYTES];
	uint64_t cursor = 0;
	int err;

	while (!(err = next_entry(pool, &cursor, at, diag))) {
		load_name(pool, *at, found);
		if (same_name(found, name))
			return 0;
	}
	return err;
}

int ppt_space_open(struct ppt_pool *pool, const char *name,
		   struct ppt_space *out, struct ppt_diag *diag)
{
	struct ppt_space space;
	struct place at;
	int err = find_name(pool, name, &at, diag);

	if (!err)
		err = open_entry(pool, at, &space, diag);
	if (!err)
		*out = space;
	return err;
}

int ppt_space_info(const struct ppt_space *space, struct ppt_space_info *out,
		   struct ppt_diag *diag)
{
	struct place at = { space->dir_page, space->dir_slot };
	struct ppt_space same;
	int err = open_entry(space->pool, at, &same, diag);

	if (!err)
		get_info(&same, out);
	return err;
}

/* 1 to 31 bytes, printable, usable as a file name. */
static bool name_ok(const char *name)
{
	uint32_t n = 0;

	for (; name[n]; n++) {
		unsigned char c = (unsigned char)name[n];

		if (n == PPT_NAME_BYTES - 1 || c < 0x20 || c == 0x7f ||
		    c == '/')
			return false;
	}
	return n > 0;
}

/* An empty entry, on a new page if need be. */
static int find_empty(struct ppt_pool *pool, struct place *at,
		      struct ppt_diag *diag)
{
	struct chain chain;
	uint32_t last, fresh = 0;
	int err = chain_first(pool, &chain, diag);

	if (err)
		return err;
	for (uint32_t k = 0; k < PPT_M_DIR_PAGES_MAX; k++) {
		for (uint32_t i = 0; i < PPT_M_DIR_ENTRIES; i++) {
			*at = (struct place){ chain.page, entry_slot(i) };
			if (!ppt__load(pool, chain.page,
				       at->slot + PPT_M_DIR_FORMAT))
				return 0;
		}
		last = chain.page;
		err = chain_next(pool, &chain, diag);
		if (err || chain.page)
			goto next;
		err = ppt__meta_new(pool, &fresh, diag);
		if (!err)
			err = ppt__table_set(pool, last, 0, 1, fresh, 0);
		chain.page = fresh;
next:
		if (err)
			return err;
	}
	return ppt__fail(diag, PPT_E_LIMIT, "directory", "too many spaces",
			 PPT_M_DIR_PAGES_MAX);
}

static void put_name(const char *name, uint64_t *word)
{
	char padded[PPT_NAME_BYTES] = { 0 };

	for (uint32_t i = 0; name[i]; i++)
		padded[i] = name[i];
	__builtin_memcpy(word, padded, sizeof(padded));
}

/* A name that a space may get. */
static int check_name(struct ppt_pool *pool, const char *name,
		      struct ppt_diag *diag)
{
	struct ppt_diag found = { .err = 0 };
	struct place at;
	int err;

	if (!name || !name_ok(name))
		return ppt__fail(diag, PPT_E_INVAL, "name",
				 "not 1 to 31 printable bytes without '/'", 0);
	err = find_name(pool, name, &at, &found);
	if (!err)
		return ppt__fail(diag, PPT_E_EXIST, "space",
				 "one of this name exists", 0);
	if (err == PPT_E_NOENT)
		return 0;
	return ppt__fail(diag, err, found.what, found.why, found.at);
}

static int create(struct ppt_pool *pool, const char *name,
		  const struct ppt__pt_ops *ops, struct place *at,
		  struct ppt_diag *diag)
{
	uint64_t word[PPT_M_DIR_WORDS] = { ops->format };
	uint32_t root;
	int err = find_empty(pool, at, diag);

	if (!err)
		err = ppt__table_new(pool, ops->family, ops->levels, 0, 0, 0, 0,
				     &root, diag);
	if (err)
		return err;
	word[PPT_M_DIR_ROOT] = root;
	put_name(name, word + PPT_M_DIR_NAME);
	return ppt__table_write(pool, at->page, at->slot, PPT_M_DIR_WORDS,
				word);
}

int ppt_space_create(struct ppt_pool *pool, const char *name,
		     enum ppt_format format, struct ppt_space *out,
		     struct ppt_diag *diag)
{
	const struct ppt__pt_ops *ops = ppt__pt_ops(format);
	struct ppt__call call;
	struct place at = { 0, 0 };
	int err = check_name(pool, name, diag);

	if (!err && !ops)
		err = ppt__fail(diag, PPT_E_INVAL, "format", "unknown", format);
	if (!err)
		err = ppt__call_begin(pool, &call, diag);
	if (err)
		return err;
	err = create(pool, name, ops, &at, diag);
	err = ppt__call_end(pool, &call, err, diag);
	if (!err && out)
		err = read_entry(pool, at, out, diag);
	return err;
}

int ppt_space_rename(struct ppt_pool *pool, const char *name, const char *to,
		     struct ppt_diag *diag)
{
	uint64_t word[PPT_NAME_BYTES / 8];
	struct ppt__call call;
	struct place at;
	int err = check_name(pool, to, diag);

	if (!err)
		err = find_name(pool, name, &at, diag);
	if (!err)
		err = ppt__call_begin(pool, &call, diag);
	if (err)
		return err;
	put_name(to, word);
	err = ppt__table_write(pool, at.page, at.slot + PPT_M_DIR_NAME,
			       PPT_NAME_BYTES / 8, word);
	return ppt__call_end(pool, &call, err, diag);
}

int ppt_space_delete(struct ppt_pool *pool, const char *name,
		     struct ppt_diag *diag)
{
	struct ppt_space space;
	struct ppt__call call;
	struct place at;
	uint32_t root;
	int err = find_name(pool, name, &at, diag);

	if (!err) /* what is no table may not come to the reclaim list */
		err = touch_entry(pool, at, &space, diag);
	if (!err)
		err = ppt__call_begin(pool, &call, diag);
	if (err)
		return err;
	root = space.root_page;
	pool->walk_era++;
	ppt__txn_gather(pool, root, 0, UINT64_MAX);
	err = ppt__table_set(pool, at.page, at.slot, PPT_M_DIR_WORDS, 0, 0);
	if (!err && !PPT_MUTANT(ROOT_LEAKED))
		err = ppt__txn_reclaim(
			pool, PPT_PAGE_WORDS, 1,
			ppt__reclaim_item(PPT_M_RECLAIM_TREE, root, 0), diag);
	return ppt__call_end(pool, &call, err, diag);
}
