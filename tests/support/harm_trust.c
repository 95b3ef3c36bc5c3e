/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * harm_trust.c - damage an image in one place, then attach in each trust mode
 * and see what is mapped: by the library, and by hardware.
 *
 * Layer: tests.  What is found must be a part of what the good image maps, or,
 * where the journal was damaged, of what it maps with the journal cut short,
 * which cannot be told from a torn write.  If it is less than the whole, attach,
 * the walk or a fault must have told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harm.h"
#include "sim/oracle/hw_walk.h"

#define SPACES 8u
#define STATES (HARM_STATES + 1)

static const struct mode {
	const char *name;
	uint32_t flags;
	uint32_t trust;
} modes[] = {
	{ "none", PPT_ATTACH_NO_MMU, PPT_TRUST_NONE },
	{ "touch", PPT_ATTACH_NO_MMU, PPT_TRUST_TOUCH },
	{ "full", PPT_ATTACH_NO_MMU, PPT_TRUST_FULL },
	{ "touch, MMU", 0, PPT_TRUST_TOUCH },
	{ "full, MMU", 0, PPT_TRUST_FULL },
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* What a pool maps. */
struct content {
	struct {
		char name[PPT_NAME_BYTES];
		struct ext_list map;
	} space[SPACES];
	uint32_t spaces;
	uint64_t bytes; /* mapped */
};

struct harm_trust {
	struct content state[STATES]; /* good, then with the journal cut */
	uint32_t states;
	struct content found;
	struct ext_list seen; /* by hardware */
	uint8_t *owner;
	uint64_t size; /* of the media */
	bool reported; /* damage, or memory that is lost */
	bool written; /* h->attach may differ from the image beside the damage */
	struct why why;
	struct {
		uint64_t refused; /* by attach */
		uint64_t less;    /* something is not mapped any more */
		uint64_t same;
		uint64_t cut; /* of a journal that ends earlier */
	} count[MODES];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "harm_trust: %s\n", what);
	abort();
}

/* --------------------------------------------------------------- content -- */

static bool within(const struct oracle_ext *e, const struct ext_list *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct oracle_ext *g = &map->ext[i];
		uint64_t in = e->va - g->va;

		if (in < g->len)
			return e->len <= g->len - in && e->pa == g->pa + in &&
			       e->prot == g->prot && e->page == g->page;
	}
	return false;
}

static const struct ext_list *space_of(const struct content *c,
				       const char *name)
{
	for (uint32_t i = 0; i < c->spaces; i++)
		if (!strcmp(c->space[i].name, name))
			return &c->space[i].map;
	return NULL;
}

static bool is_part(const struct ext_list *map, const char *name,
		    const struct content *of)
{
	const struct ext_list *good = space_of(of, name);

	for (size_t i = 0; i < map->count; i++)
		if (!good || !within(&map->ext[i], good))
			return false;
	return true;
}

/* The states of which all that was found is a part, as bits. */
static uint64_t parts(const struct harm_trust *t)
{
	uint64_t bits = 0;

	for (uint32_t s = 0; s < t->states && s < 64; s++) {
		bool part = true;

		for (uint32_t i = 0; i < t->found.spaces && part; i++)
			part = is_part(&t->found.space[i].map,
				       t->found.space[i].name, &t->state[s]);
		bits |= (uint64_t)part << s;
	}
	return bits;
}

/* By the library, in one space. */
static void read_space(struct harm_trust *t, struct ppt_space *space)
{
	struct content *c = &t->found;
	struct ext_list *map = &c->space[c->spaces].map;
	struct ppt_extent e;
	struct ppt_iter it;
	int err;

	map->count = 0;
	ppt_iter_init_any(&it, space, 0, UINT64_MAX);
	while (!(err = ppt_iter_next(&it, &e, NULL))) {
		const struct oracle_ext ext = { .va = e.va,
						.len = e.len,
						.pa = e.pa,
						.page = e.page_size,
						.prot = e.prot };

		if (e.state != PPT_EXTENT_MAPPED) {
			t->reported = true;
			continue;
		}
		ext_push(map, &ext);
		c->bytes += e.len;
	}
	t->reported |= err != PPT_E_NOENT;
	c->spaces++;
}

/* ------------------------------------------------------------- hardware -- */

/* What hardware reaches from a root that may be loaded. */
static const char *walk(struct harm *h, struct ppt_space *space)
{
	struct harm_trust *t = h->trust;
	struct ppt_space_info info;
	struct ppt_memory_map map;
	struct hw_walk w = { .media = h->attach,
			     .bytes = h->image->size,
			     .owner = t->owner,
			     .out = &t->seen,
			     .why = &t->why };

	t->seen.count = 0;
	if (ppt_space_info(space, &info, NULL))
		return NULL;
	ppt_memory_map(space->pool, &map);
	w.pool_base = map.region[0].base;
	memset(t->owner, 0, h->image->at.pages);
	return hw_walk(&w, info.root_pa, info.format) ? t->why.text : NULL;
}

/* A fault at every place where something is, was, or may seem to be. */
static void fault(struct harm_trust *t, struct ppt_space *space, ppt_va_t va)
{
	struct ppt_fault f;
	int err = ppt_fault(space, va, PPT_ACCESS_READ, &f, NULL);

	t->reported |= err || f.kind == PPT_FAULT_QUARANTINED ||
		       f.kind == PPT_FAULT_LOST;
}

static void fault_all(struct harm_trust *t, struct ppt_space *space,
		      const struct ext_list *good)
{
	for (size_t i = 0; i < good->count; i++) {
		const struct oracle_ext *e = &good->ext[i];

		for (uint64_t at = 0; at < e->len; at += e->page)
			fault(t, space, e->va + at);
	}
	for (uint64_t i = 0; i < PPT_PAGE_WORDS; i += 7)
		fault(t, space, EVERYTHING_VA + i * PPT_PAGE_BYTES);
}

/* Before and after all faults hardware sees what the library would. */
static const char *try_hardware(struct harm *h, struct ppt_space *space,
				const char *name, uint32_t trust)
{
	struct harm_trust *t = h->trust;
	struct content *c = &t->found;
	const struct ext_list *good = space_of(&t->state[0], name);
	const char *wrong = walk(h, space);

	if (wrong)
		return wrong;
	if (trust == PPT_TRUST_TOUCH && t->seen.count)
		return "hardware reaches what was not validated";
	if (good)
		fault_all(t, space, good);
	wrong = walk(h, space);
	c->space[c->spaces].map.count = 0;
	for (size_t i = 0; !wrong && i < t->seen.count; i++) {
		ext_push(&c->space[c->spaces].map, &t->seen.ext[i]);
		c->bytes += t->seen.ext[i].len;
	}
	c->spaces++;
	return wrong;
}

/* ------------------------------------------------------------- one attach -- */

/* Attach to h->attach; false: refused.  What is wrong in *@wrong. */
static bool look(struct harm *h, const struct mode *mode, const char **wrong)
{
	struct harm_trust *t = h->trust;
	struct ppt_attach_config cfg = {
		.pm = { .media = h->attach + (h->image->size - t->size),
			.writable = h->attach + (h->image->size - t->size),
			.bytes = t->size,
			.flush = PPT_FLUSH_EADR },
		.scratch = h->attach_scratch,
		.scratch_bytes = h->attach_bytes,
		.flags = mode->flags,
		.trust = mode->trust,
	};
	struct content *c = &t->found;
	struct ppt_space_info info;
	struct ppt_pool *pool;
	struct ppt_stats stats;
	struct ppt_attach_report report;
	uint64_t cursor = 0;
	int err = 0;

	h->diag = (struct ppt_diag){ .what = "", .why = "" };
	c->spaces = 0;
	c->bytes = 0;
	t->written = h->image->kind != EVERYTHING_CLEAN;
	if (ppt_attach(&cfg, &pool, &report, &h->diag))
		return false;
	t->reported = report.verdict == PPT_VERDICT_DEGRADED;
	while (!*wrong && c->spaces < SPACES &&
	       !(err = ppt_space_next(pool, &cursor, &info, NULL))) {
		struct ppt_space space;

		if (ppt_space_open(pool, info.name, &space, NULL)) {
			t->reported = true;
			continue;
		}
		memcpy(c->space[c->spaces].name, info.name, sizeof(info.name));
		if (mode->flags & PPT_ATTACH_NO_MMU)
			read_space(t, &space);
		else
			*wrong =
				try_hardware(h, &space, info.name, mode->trust);
	}
	t->reported |= err && err != PPT_E_NOENT;
	ppt_stats(pool, &stats);
	t->written = stats.pm.stores || stats.pm.streams || stats.pm.marks;
	return true;
}

static void copy_content(struct content *to, const struct content *from)
{
	memset(to, 0, sizeof(*to));
	to->spaces = from->spaces;
	to->bytes = from->bytes;
	for (uint32_t i = 0; i < from->spaces; i++) {
		memcpy(to->space[i].name, from->space[i].name, PPT_NAME_BYTES);
		for (size_t k = 0; k < from->space[i].map.count; k++)
			ext_push(&to->space[i].map, &from->space[i].map.ext[k]);
	}
}

/* The content of h->attach is one that the image may have. */
static void learn(struct harm *h)
{
	struct harm_trust *t = h->trust;
	const char *wrong = NULL;

	if (t->states == 64 || !look(h, &modes[0], &wrong) || wrong)
		die("a good image");
	copy_content(&t->state[t->states++], &t->found);
}

/* All modes agree on a good image. */
static void agree(struct harm *h)
{
	struct harm_trust *t = h->trust;

	for (unsigned m = 0; m < MODES; m++) {
		const char *wrong = NULL;

		memcpy(h->attach, h->image->bytes, h->image->size);
		if (!look(h, &modes[m], &wrong) || wrong || !(parts(t) & 1) ||
		    t->found.bytes != t->state[0].bytes)
			die(wrong ? wrong : modes[m].name);
	}
}

void harm_trust_open(struct harm *h)
{
	struct harm_trust *t = calloc(1, sizeof(*t));
	const struct specimen *i = h->image;
	uint64_t word[PPT__RECORD_WORDS_MAX];

	if (!t)
		die("memory");
	h->trust = t;
	t->size = i->size;
	t->owner = calloc(1, i->at.pages);
	if (!t->owner)
		die("memory");
	memcpy(h->attach, i->bytes, i->size);
	learn(h);
	agree(h);
	for (uint64_t line = i->tail; line < i->end;
	     line += specimen_record(i, line, word)) {
		harm_cut(i, h->attach, line);
		learn(h);
	}
	t->written = true;
}

void harm_trust_close(struct harm *h)
{
	struct harm_trust *t = h->trust;

	if (!t)
		return;
	for (uint32_t s = 0; s <= t->states; s++) {
		struct content *c = s < t->states ? &t->state[s] : &t->found;

		for (uint32_t i = 0; i < SPACES; i++)
			ext_free(&c->space[i].map);
	}
	ext_free(&t->seen);
	free(t->owner);
	free(t);
	h->trust = NULL;
}

/* ---------------------------------------------------------------- damage -- */

/* h->attach is damaged: what it is in one mode. */
static int judge(struct harm *h, unsigned m, uint64_t off, uint64_t len)
{
	struct harm_trust *t = h->trust;
	const char *wrong = NULL;
	bool attached = look(h, &modes[m], &wrong);
	uint64_t bits = parts(t);

	h->tried++;
	if (wrong)
		return harm_broken(h, wrong, off, len);
	if (!attached)
		t->count[m].refused++;
	else if (bits & 1 && t->found.bytes == t->state[0].bytes)
		t->count[m].same++;
	else if (bits & 1 && t->reported)
		t->count[m].less++;
	else if (bits == 1 || (bits & 1 && !harm_in_ring(h->image, off)))
		return harm_broken(h, "lost and not told", off, len);
	else if (bits && harm_in_ring(h->image, off))
		t->count[m].cut++;
	else
		return harm_broken(h, "WRONG TRANSLATION", off, len);
	return 0;
}

int harm_trust_try(struct harm *h, uint64_t off, const uint8_t *bytes,
		   uint64_t len)
{
	const struct specimen *i = h->image;
	int err = 0;

	for (unsigned m = 0; m < MODES; m++) {
		if (h->trust->written)
			memcpy(h->attach, i->bytes, i->size);
		memcpy(h->attach + off, bytes, len);
		err |= judge(h, m, off, len);
	}
	if (!h->trust->written)
		memcpy(h->attach + off, i->bytes + off, len);
	return err;
}

/* Its end is where the media faults. */
int harm_trust_truncate(struct harm *h, uint64_t bytes)
{
	const struct specimen *i = h->image;
	int err = 0;

	h->trust->size = bytes;
	for (unsigned m = 0; m < MODES && !err; m++) {
		uint64_t refused = h->trust->count[m].refused;

		memcpy(h->attach + (i->size - bytes), i->bytes, bytes);
		err = judge(h, m, bytes, i->size - bytes);
		if (!err && h->trust->count[m].refused == refused)
			err = harm_broken(h, "a short pool is accepted", bytes,
					  0);
	}
	h->trust->size = i->size;
	h->trust->written = true;
	return err;
}

void harm_trust_print(const struct harm *h, const char *what, const char *image)
{
	const struct harm_trust *t = h->trust;

	for (unsigned m = 0; m < MODES; m++)
		printf("%s, %s, trust %s: refused %llu, less %llu, same %llu, "
		       "journal's end %llu\n",
		       what, image, modes[m].name,
		       (unsigned long long)t->count[m].refused,
		       (unsigned long long)t->count[m].less,
		       (unsigned long long)t->count[m].same,
		       (unsigned long long)t->count[m].cut);
	(void)fflush(stdout);
}
