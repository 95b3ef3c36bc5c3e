/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Step: directory.  Which pages it has, which root tables its entries lead to;
 * then each of its pages written anew.
 *
 * A page that does not match its checksum is doubted: it may be that of another
 * pool, or of another time.  Its entries count only if they lead to a root that
 * matches its own checksum and that nothing else leads to, and not for a name:
 * under that, another space's tables would be a wrong translation.  So these
 * spaces get a name that is made up, as do roots that no entry leads to where
 * part of the directory is lost.  Doubted pages are written last: until then
 * another repair would look for such roots, too.
 */
#include "core/pt.h"
#include "recovery/repair/repair.h"

static enum ppt__belief load_page(struct ppt__repair *r, uint32_t page,
				  uint64_t *word)
{
	struct ppt__believe b = { .page = page };
	int epoch;

	/* It was tried. */
	if (r->use[page] & PPT__USE_DOUBTED) {
		__builtin_memcpy(word, ppt__check_page(r->c, page),
				 PPT_PAGE_BYTES);
		return PPT__BELIEF_NONE;
	}

	return ppt__repair_load(r, &b, word, &epoch);
}

static const struct ppt__pt_ops *ops_of(uint64_t format)
{
	return format && format <= UINT8_MAX ?
		       ppt__pt_ops((enum ppt_format)format) :
		       NULL;
}

/* The format whose root tables are of this level. */
static uint64_t format_of(uint32_t level)
{
	return level == PPT__LEVELS_MAX ? PPT_FORMAT_X86_64_5 :
					  PPT_FORMAT_X86_64_4;
}

/* ----------------------------------------------------------- the pages -- */

static bool is_directory(struct ppt__repair *r, uint64_t page, bool sure)
{
	uint64_t desc;

	if (!ppt__repair_unused(r, page))
		return false;
	desc = ppt__check_desc(r->c, (uint32_t)page);
	if (ppt__desc_type(desc) == PPT__DESC_META)
		return !sure || ppt__repair_desc_valid(r, (uint32_t)page, desc);
	return !sure && !ppt__repair_desc_valid(r, (uint32_t)page, desc);
}

/* A page of the directory that nothing leads to. */
static uint64_t find_page(struct ppt__repair *r)
{
	for (uint64_t p = r->pool->at.first_page; p < r->pool->at.pages; p++)
		if (is_directory(r, p, true))
			return p;
	return 0;
}

static void mark_pages(struct ppt__repair *r)
{
	uint32_t page = r->pool->at.dir_page, last = page;

	while (page && r->chained < PPT_M_DIR_PAGES_MAX) {
		bool doubted = load_page(r, page, r->loaded) ==
			       PPT__BELIEF_NONE;
		uint64_t next = r->loaded[0];

		ppt__repair_mark(r, page,
				 PPT__USE_META |
					 (doubted ? PPT__USE_DOUBTED : 0),
				 last, 0);
		r->chain[r->chained++] = page;
		r->unnamed |= doubted;
		if (next && !is_directory(r, next, doubted)) {
			r->unnamed = true;
			next = 0;
		}
		if (!next && r->unnamed)
			next = find_page(r);
		last = page;
		page = (uint32_t)next;
	}
}

/* ----------------------------------------------------------- the roots -- */

/* What a root would be, by its format or, without one, by its descriptor. */
static bool expect_root(struct ppt__repair *r, uint64_t format, uint64_t root,
			struct ppt__believe *b)
{
	const struct ppt__pt_ops *ops = ops_of(format);
	uint64_t desc;

	if (!ppt__repair_unused(r, root))
		return false;
	desc = ppt__check_desc(r->c, (uint32_t)root);
	b->page = (uint32_t)root;
	b->level = ops ? ops->levels : ppt__desc_level(desc);
	b->family =
		ppt__check_family(ops ? ops->family : ppt__desc_family(desc));
	return b->family && b->level + 1 >= PPT__LEVELS_MAX &&
	       b->level <= PPT__LEVELS_MAX;
}

/* An entry of a page that can be believed. */
static void mark_root(struct ppt__repair *r, uint32_t page, uint32_t slot,
		      const uint64_t *word)
{
	struct ppt__believe b = { .page = 0 };
	enum ppt__belief belief;
	uint32_t use;

	if (!expect_root(r, word[PPT_M_DIR_FORMAT], word[PPT_M_DIR_ROOT], &b)) {
		r->unnamed = true;
		return;
	}
	belief = ppt__repair_look(r, &b);
	use = b.level;
	if (belief == PPT__BELIEF_NONE) {
		if (ppt__repair_desc_valid(r, b.page,
					   ppt__check_desc(r->c, b.page)))
			return; /* it is something else */
		use |= PPT__USE_EMPTY;
		r->top_lost |= b.level == PPT__LEVELS_MAX;
	}
	ppt__repair_mark(r, b.page, use, page, slot);
}

/* One of a doubted page. */
static void mark_doubted(struct ppt__repair *r, uint32_t page, uint32_t slot,
			 const uint64_t *word, uint32_t level)
{
	struct ppt__believe b = { .page = 0 };

	if (!expect_root(r, word[PPT_M_DIR_FORMAT], word[PPT_M_DIR_ROOT], &b) ||
	    b.level != level)
		return;
	if (ppt__repair_look(r, &b) >= PPT__BELIEF_CORRECTED)
		ppt__repair_mark(r, b.page, level, page, slot);
	else
		r->top_lost |= level == PPT__LEVELS_MAX;
}

/* @level 0: of pages that can be believed, else of doubted ones. */
static void mark_roots(struct ppt__repair *r, uint32_t level)
{
	for (uint32_t k = 0; k < r->chained; k++) {
		uint32_t page = r->chain[k];

		if (!(r->use[page] & PPT__USE_DOUBTED) != !level)
			continue;
		(void)load_page(r, page, r->loaded);
		for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++) {
			uint32_t at = i * PPT_M_DIR_WORDS;
			const uint64_t *word = r->loaded + at;

			if (!word[PPT_M_DIR_FORMAT])
				continue;
			if (level)
				mark_doubted(r, page, at, word, level);
			else
				mark_root(r, page, at, word);
		}
	}
}

void ppt__repair_mark_directory(struct ppt__repair *r)
{
	mark_pages(r);
	mark_roots(r, 0);
}

void ppt__repair_mark_doubted(struct ppt__repair *r, uint32_t level)
{
	mark_roots(r, level);
}

/* -------------------------------------------------------------- writing -- */

/* "lost-" and the number of the root's page; a name that is free. */
static void make_name(struct ppt__repair *r, uint32_t page, uint32_t slot,
		      uint32_t root, uint64_t *word)
{
	char name[PPT_NAME_BYTES] = { 'l', 'o', 's', 't', '-' }, digit[10];
	uint32_t n = 0, at = 5;

	do
		digit[n++] = (char)('0' + root % 10);
	while (root /= 10);
	while (n)
		name[at++] = digit[--n];
	__builtin_memcpy(word, name, sizeof(name));
	while (ppt__check_name_seen(r->c, page, slot, word) &&
	       at < PPT_NAME_BYTES - 1) {
		name[at++] = '+';
		__builtin_memcpy(word, name, sizeof(name));
	}
}

static void tell_space(struct ppt__repair *r, enum ppt_action_id id,
		       uint32_t page, uint32_t slot, const uint64_t *name)
{
	struct ppt_action a = ppt__action(id);

	a.where = PPT_WHERE_PAGE | PPT_WHERE_SLOT;
	a.page = page;
	a.slot = slot;
	if (ppt__check_name_ok(name)) {
		a.where |= PPT_WHERE_SPACE;
		__builtin_memcpy(a.space, name, sizeof(a.space));
	}
	if (a.lossy) {
		a.where |= PPT_WHERE_VA;
		a.last = UINT64_MAX;
	}
	ppt__repair_tell(r, &a);
}

/* An entry whose root counts. */
static void keep_entry(struct ppt__repair *r, uint32_t page, uint32_t slot,
		       uint64_t *word)
{
	uint32_t root = (uint32_t)word[PPT_M_DIR_ROOT];
	const struct ppt__pt_ops *ops = ops_of(word[PPT_M_DIR_FORMAT]);

	if (!ops || ops->levels != ppt__use(r, root))
		word[PPT_M_DIR_FORMAT] = format_of(ppt__use(r, root));
	word[PPT_M_DIR_ROOT + 1] = word[PPT_M_DIR_ROOT + 2] = 0;
	if (r->use[page] & PPT__USE_DOUBTED ||
	    !ppt__check_name_ok(word + PPT_M_DIR_NAME) ||
	    ppt__check_name_seen(r->c, page, slot, word + PPT_M_DIR_NAME)) {
		make_name(r, page, slot, root, word + PPT_M_DIR_NAME);
		tell_space(r, PPT_ACTION_SPACE_NAMED, page, slot,
			   word + PPT_M_DIR_NAME);
	}
	if (r->use[root] & PPT__USE_EMPTY)
		tell_space(r, PPT_ACTION_SPACE_EMPTIED, page, slot,
			   word + PPT_M_DIR_NAME);
}

/* An empty entry: for a root that no other leads to. */
static void fill_entry(struct ppt__repair *r, uint32_t page, uint32_t slot,
		       uint64_t *word)
{
	uint64_t pages = r->pool->at.pages;
	uint32_t root = r->next_unnamed;

	while (root < pages && !(r->use[root] & PPT__USE_UNNAMED))
		root++;
	r->next_unnamed = root;
	if (root >= pages)
		return;
	ppt__repair_mark(r, root, ppt__use(r, root), page, slot);
	word[PPT_M_DIR_FORMAT] = format_of(ppt__use(r, root));
	word[PPT_M_DIR_ROOT] = root;
	make_name(r, page, slot, root, word + PPT_M_DIR_NAME);
	tell_space(r, PPT_ACTION_SPACE_FOUND, page, slot,
		   word + PPT_M_DIR_NAME);
}

static void edit_entry(struct ppt__repair *r, uint32_t page, uint32_t slot,
		       uint64_t *word)
{
	bool used = word[PPT_M_DIR_FORMAT] != 0;

	if (used && ppt__repair_leads(r, page, slot, word[PPT_M_DIR_ROOT])) {
		keep_entry(r, page, slot, word);
		return;
	}
	if (used)
		tell_space(r, PPT_ACTION_SPACE_REMOVED, page, slot,
			   word + PPT_M_DIR_NAME);
	__builtin_memset(word, 0, PPT_M_DIR_WORDS * sizeof(*word));
	fill_entry(r, page, slot, word);
}

static void write_page(struct ppt__repair *r, uint32_t k)
{
	uint32_t page = r->chain[k];
	uint64_t *word = r->written;

	(void)load_page(r, page, word);
	__builtin_memset(word, 0, PPT_M_DIR_WORDS * sizeof(*word));
	if (k + 1 < r->chained)
		word[0] = r->chain[k + 1];
	for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++) {
		uint32_t at = i * PPT_M_DIR_WORDS;

		edit_entry(r, page, at, word + at);
	}
	if (ppt__repair_write(r, page, word,
			      ppt__desc_page(r->pool->seed, page,
					     ppt__desc_meta(), word)))
		ppt__repair_at(r,
			       r->use[page] & PPT__USE_DOUBTED ?
				       PPT_ACTION_DIRECTORY_DOUBTED :
				       PPT_ACTION_DIRECTORY,
			       page);
}

void ppt__repair_directory(struct ppt__repair *r)
{
	for (uint32_t doubted = 0; doubted < 2; doubted++)
		for (uint32_t k = 0; k < r->chained; k++)
			if (!(r->use[r->chain[k]] & PPT__USE_DOUBTED) ==
			    !doubted)
				write_page(r, k);
}
