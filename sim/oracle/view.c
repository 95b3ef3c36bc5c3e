/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * view.c - the pool through the library and through hardware's eyes.
 *
 * Layer: sim.
 */
#include "sim/oracle/view.h"

#include <stdlib.h>
#include <string.h>

static int library_error(struct why *why, const char *call, int err,
			 const struct ppt_diag *diag)
{
	return why_set(why, "%s: %s (%s: %s at %#llx)", call,
		       ppt_error_name(err), diag->what ? diag->what : "?",
		       diag->why ? diag->why : "?",
		       (unsigned long long)diag->at);
}

static int add_extent(struct ext_list *out, const struct ppt_extent *e,
		      struct why *why)
{
	struct oracle_ext ext = {
		.va = e->va,
		.len = e->len,
		.pa = e->pa,
		.page = e->page_size,
		.prot = e->prot,
	};

	if (!e->len || e->len % PPT_PAGE_BYTES)
		return why_set(why, "iterator: length %#llx at va %#llx",
			       (unsigned long long)e->len,
			       (unsigned long long)e->va);
	if (out->count) {
		const struct oracle_ext *prev = &out->ext[out->count - 1];

		if (prev->va + (prev->len - 1) >= ext.va)
			return why_set(why, "iterator: va %#llx after %#llx",
				       (unsigned long long)ext.va,
				       (unsigned long long)prev->va);
		if (prev->va + prev->len == ext.va &&
		    prev->pa + prev->len == ext.pa && prev->prot == ext.prot &&
		    prev->page == ext.page)
			return why_set(why,
				       "iterator: not coalesced at va %#llx",
				       (unsigned long long)ext.va);
	}
	ext_push(out, &ext);
	return 0;
}

int view_iterate(struct ppt_space *space, uint64_t va, uint64_t last,
		 struct ext_list *out, struct why *why)
{
	struct ppt_diag diag = { 0 };
	struct ppt_extent ext;
	struct ppt_iter it;
	int err;

	out->count = 0;
	ppt_iter_init(&it, space, va, last);
	for (;;) {
		err = ppt_iter_next(&it, &ext, &diag);
		if (err == PPT_E_NOENT)
			return 0;
		if (err)
			return library_error(why, "ppt_iter_next", err, &diag);
		err = add_extent(out, &ext, why);
		if (err)
			return err;
	}
}

/* One address: not mapped, or the rest of its leaf. */
static int check_translation(struct ppt_space *handle,
			     const struct oracle_space *s, uint64_t va,
			     struct why *why)
{
	const struct oracle_ext *want = oracle_find(s, va);
	struct ppt_extent got = { .va = 0x1234, .pa = 0x5678 };
	struct ppt_diag diag = { 0 };
	int err = ppt_translate(handle, va, &got, &diag);
	uint64_t rest;

	if (!format_canonical(s->format, va)) {
		if (err == PPT_E_RANGE)
			return 0;
		return why_set(why, "translate %#llx: not canonical, got %s",
			       (unsigned long long)va, ppt_error_name(err));
	}
	if (!want) {
		if (err == PPT_E_NOENT && got.va == 0x1234 && got.pa == 0x5678)
			return 0;
		return why_set(why, "translate %#llx: a hole, got %s%s",
			       (unsigned long long)va, ppt_error_name(err),
			       got.va != 0x1234 ? ", output touched" : "");
	}
	if (err)
		return library_error(why, "ppt_translate", err, &diag);
	rest = want->page - (va - want->va) % want->page;
	if (got.va != va || got.pa != want->pa + (va - want->va) ||
	    got.len != rest || got.prot != want->prot ||
	    got.page_size != want->page)
		return why_set(why,
			       "translate %#llx: pa %#llx len %#llx prot %#x "
			       "page %#llx, expected pa %#llx len %#llx prot "
			       "%#x page %#llx",
			       (unsigned long long)got.va,
			       (unsigned long long)got.pa,
			       (unsigned long long)got.len, got.prot,
			       (unsigned long long)got.page_size,
			       (unsigned long long)(want->pa + (va - want->va)),
			       (unsigned long long)rest, want->prot,
			       (unsigned long long)want->page);
	return 0;
}

static int check_translations(struct ppt_space *handle,
			      const struct oracle_space *s, uint64_t from,
			      uint64_t to, struct why *why)
{
	unsigned budget = 200;

	for (size_t i = 0; i < s->map.count && budget; i++) {
		const struct oracle_ext *ext = &s->map.ext[i];
		uint64_t last = ext->va + (ext->len - 1);
		const uint64_t va[] = { ext->va, ext->va + ext->len / 2 + 5,
					last, ext->va - 1, last + 1 };

		if (last < from || ext->va > to)
			continue;
		budget--;
		for (unsigned k = 0; k < sizeof(va) / sizeof(va[0]); k++) {
			int err = check_translation(handle, s, va[k], why);

			if (err)
				return err;
		}
	}
	return 0;
}

int view_check_space(struct ppt_space *handle, struct oracle_space *s,
		     uint64_t va, uint64_t last, struct why *why)
{
	struct ext_list got = { 0 };
	int err = view_iterate(handle, va, last, &got, why);

	if (!err)
		err = oracle_diff(s, va, last, &got, false, why);
	if (!err)
		err = check_translations(handle, s, va, last, why);
	ext_free(&got);
	return err;
}

/* The directory lists exactly the spaces that exist. */
static int check_directory(const struct view *v, const struct oracle *o,
			   struct why *why)
{
	struct ppt_space_info info;
	struct ppt_diag diag = { 0 };
	uint64_t cursor = 0;
	unsigned seen = 0;
	int err;

	for (;;) {
		unsigned i = 0;

		err = ppt_space_next(v->pool, &cursor, &info, &diag);
		if (err == PPT_E_NOENT)
			break;
		if (err)
			return library_error(why, "ppt_space_next", err, &diag);
		while (i < ORACLE_SPACES &&
		       strcmp(o->space[i].name, info.name) != 0)
			i++;
		if (i == ORACLE_SPACES || !o->space[i].exists ||
		    o->space[i].format != info.format || seen & 1u << i)
			return why_set(why, "directory: unexpected space %s",
				       info.name);
		seen |= 1u << i;
	}
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		if (o->space[i].exists && !(seen & 1u << i))
			return why_set(why, "directory: space %s is missing",
				       o->space[i].name);
	return 0;
}

int view_check_library(const struct view *v, struct oracle *o, struct why *why)
{
	int err = check_directory(v, o, why);

	for (unsigned i = 0; i < ORACLE_SPACES && !err; i++) {
		struct oracle_space *s = &o->space[i];
		struct ppt_diag diag = { 0 };
		struct ppt_space handle;

		err = ppt_space_open(v->pool, s->name, &handle, &diag);
		if (!s->exists) {
			if (err != PPT_E_NOENT)
				return why_set(why, "space %s opens: %d",
					       s->name, err);
			err = 0;
			continue;
		}
		if (err)
			return library_error(why, "ppt_space_open", err, &diag);
		err = view_check_space(&handle, s, 0, UINT64_MAX, why);
	}
	return err;
}

uint64_t tag_word(uint32_t tag, uint64_t page, unsigned word)
{
	if (tag == TAG_ZERO)
		return 0;
	/* looks like an entry: present, with an address */
	return tag * UINT64_C(0x9e3779b97f4a7c15) + page * 4096 + word * 8 + 1;
}

void tag_fill(const struct view *v, struct oracle *o, uint64_t page,
	      uint32_t tag)
{
	uint64_t *w = (uint64_t *)(void *)(v->writable + page * 4096);

	for (unsigned i = 0; i < PPT_PAGE_WORDS; i++)
		w[i] = tag_word(tag, page, i);
	o->tag[page] = tag;
}

/* The content of every frame of the pool; no table among them. */
static int check_frames(const struct view *v, const struct oracle *o,
			const uint8_t *owner, struct why *why)
{
	uint32_t *refs = calloc(o->pages, sizeof(*refs));
	int err = 0;

	if (!refs)
		abort();
	(void)oracle_refs(o, refs);
	for (uint64_t p = 0; p < o->pages && !err; p++) {
		const uint64_t *w = (const void *)(v->media + p * 4096);

		if (!refs[p])
			continue;
		if (owner[p])
			err = why_set(why, "page %llu is table and frame",
				      (unsigned long long)p);
		for (unsigned i = 0; o->tag[p] && i < 512 && !err; i++)
			if (w[i] != tag_word(o->tag[p], p, i))
				err = why_set(why,
					      "frame %llu word %u: expected "
					      "%#llx (tag %u), found %#llx",
					      (unsigned long long)p, i,
					      (unsigned long long)tag_word(
						      o->tag[p], p, i),
					      o->tag[p],
					      (unsigned long long)w[i]);
	}
	free(refs);
	return err;
}

static int check_walk(const struct view *v, struct oracle_space *s,
		      struct hw_walk *w, struct why *why)
{
	struct ppt_space_info info;
	struct ppt_diag diag = { 0 };
	struct ppt_space handle;
	int err = ppt_space_open(v->pool, s->name, &handle, &diag);

	if (!err)
		err = ppt_space_info(&handle, &info, &diag);
	if (err)
		return library_error(why, "ppt_space_info", err, &diag);
	if ((info.root_register & UINT64_C(0xffffffffff000)) != info.root_pa)
		return why_set(why, "CR3 %#llx, root %#llx",
			       (unsigned long long)info.root_register,
			       (unsigned long long)info.root_pa);
	w->out->count = 0;
	err = hw_walk(w, info.root_pa, s->format);
	if (!err)
		err = oracle_diff(s, 0, UINT64_MAX, w->out, false, why);
	if (err && !strstr(why->text, "hardware")) {
		struct why copy = *why;

		err = why_set(why, "hardware walk of %s: %.500s", s->name,
			      copy.text);
	}
	return err;
}

int view_check_media(const struct view *v, struct oracle *o, struct why *why)
{
	uint8_t *owner = calloc(o->pages, 1);
	struct ext_list got = { 0 };
	struct hw_walk w = {
		.media = v->media,
		.bytes = v->bytes,
		.pool_base = o->regions.region[0].base,
		.owner = owner,
		.out = &got,
		.why = why,
	};
	int err = 0;

	if (!owner)
		abort();
	for (unsigned i = 0; i < ORACLE_SPACES && !err; i++)
		if (o->space[i].exists)
			err = check_walk(v, &o->space[i], &w, why);
	if (!err)
		err = check_frames(v, o, owner, why);
	if (!err)
		err = view_check_clean(v, why);
	ext_free(&got);
	free(owner);
	return err;
}

int view_check_usage(const struct view *v, const struct oracle *o, bool settled,
		     struct why *why)
{
	uint32_t *refs = calloc(o->pages, sizeof(*refs));
	struct ppt_usage u = { 0 };
	struct ppt_diag diag = { 0 };
	uint64_t tables = oracle_tables(o);
	uint64_t frames;
	int err = ppt_usage(v->pool, &u, &diag);

	if (!refs)
		abort();
	frames = oracle_refs(o, refs);
	free(refs);
	if (err)
		return library_error(why, "ppt_usage", err, &diag);
	if (u.free_pages + u.fixed_pages + u.meta_pages + u.table_pages +
		    u.data_pages !=
	    o->pages)
		return why_set(why, "usage does not add up to %llu pages",
			       (unsigned long long)o->pages);
	if (settled ? u.data_pages == frames && u.table_pages == tables :
		      u.data_pages >= frames && u.table_pages >= tables)
		return 0;
	return why_set(why,
		       "usage: %llu data and %llu table pages, expected %s "
		       "%llu and %llu (free %llu, meta %llu)",
		       (unsigned long long)u.data_pages,
		       (unsigned long long)u.table_pages,
		       settled ? "exactly" : "at least",
		       (unsigned long long)frames, (unsigned long long)tables,
		       (unsigned long long)u.free_pages,
		       (unsigned long long)u.meta_pages);
}

int view_reclaim(struct ppt_pool *pool, struct why *why)
{
	for (unsigned i = 0; i < 100000; i++) {
		struct ppt_tlb_gather gather = { 0 };
		bool left = false;
		int err = ppt_reclaim(pool, 64, &left);

		if (err && err != PPT_E_AGAIN)
			return why_set(why, "ppt_reclaim: %s",
				       ppt_error_name(err));
		ppt_tlb_pending(pool, &gather);
		if (gather.ticket)
			(void)ppt_tlb_flushed(pool, gather.ticket);
		else if (!left && !err)
			return 0;
	}
	return why_set(why, "ppt_reclaim never ends");
}

int view_check_settled(const struct view *v, struct oracle *o, struct why *why)
{
	int err = view_reclaim(v->pool, why);

	if (!err)
		err = view_check_library(v, o, why);
	if (!err)
		err = view_check_media(v, o, why);
	if (!err)
		err = view_check_usage(v, o, true, why);
	return err;
}
