/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * brute.c - what a crash may leave, enumerated.
 *
 * Layer: tests.
 */
#include "brute.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- programs -- */

static struct action make_action(struct rng *r, const struct taste *taste,
				 unsigned *fresh)
{
	struct action a = { .kind = TRACE_STORE,
			    .word = (unsigned)rng_below(r, WORDS),
			    .words = 1 };
	unsigned what = (unsigned)rng_below(r, 10);

	if (what < 2) {
		a.kind = TRACE_FLUSH;
		return a;
	}
	if (what < 4) {
		a.kind = TRACE_FENCE;
		return a;
	}
	if (taste->mixed ? rng_below(r, 3) == 0 : line_of(a.word) == 1)
		a.kind = TRACE_STREAM;
	if (taste->journal && line_of(a.word) == 0)
		a.kind = TRACE_STREAM;
	if (taste->user && rng_below(r, 5) == 0)
		a.kind = TRACE_USER;
	if (rng_below(r, 4) == 0)
		a.words += (unsigned)rng_below(r, USED - a.word % USED);
	for (unsigned i = 0; i < a.words; i++)
		a.value[i] = taste->same ? (unsigned)rng_below(r, 3) :
					   1 + (*fresh)++ % 14;
	return a;
}

void make_program(struct rng *r, const struct taste *taste, unsigned n,
		  struct program *p)
{
	unsigned fresh = (unsigned)rng_below(r, 14);

	for (p->n = 0; p->n < n; p->n++)
		p->a[p->n] = make_action(r, taste, &fresh);
}

void program_text(const struct program *p, char *text, size_t bytes)
{
	size_t at = 0;

	text[0] = 0;
	for (unsigned i = 0; i < p->n && at < bytes; i++) {
		const struct action *a = &p->a[i];

		at += (size_t)snprintf(text + at, bytes - at, "  %s",
				       trace_kind_name(a->kind));
		if (a->kind == TRACE_FLUSH && at < bytes)
			at += (size_t)snprintf(text + at, bytes - at,
					       " line %u", line_of(a->word));
		for (unsigned k = 0;
		     k < a->words && at < bytes && a->kind != TRACE_FLUSH &&
		     a->kind != TRACE_FENCE;
		     k++)
			at += (size_t)snprintf(text + at, bytes - at,
					       " %u.%u=%u", line_of(a->word),
					       a->word % USED + k, a->value[k]);
	}
}

/* --------------------------------------------------------------- images -- */

void images_add(struct images *s, uint64_t image)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->image = realloc(s->image, s->room * sizeof(*s->image));
		if (!s->image)
			abort();
	}
	s->image[s->count++] = image;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void images_tidy(struct images *s)
{
	size_t kept = 0;

	if (s->count)
		qsort(s->image, s->count, sizeof(*s->image), by_value);
	for (size_t i = 0; i < s->count; i++)
		if (!kept || s->image[kept - 1] != s->image[i])
			s->image[kept++] = s->image[i];
	s->count = kept;
}

/* One that is in @a only. */
bool images_lack(const struct images *b, const struct images *a,
		 uint64_t *image)
{
	for (size_t i = 0; i < a->count; i++) {
		*image = a->image[i];
		if (!b->count || !bsearch(image, b->image, b->count,
					  sizeof(*image), by_value))
			return true;
	}
	return false;
}

void images_free(struct images *s)
{
	free(s->image);
	memset(s, 0, sizeof(*s));
}

uint64_t with(uint64_t image, unsigned word, uint64_t value)
{
	return (image & ~(UINT64_C(15) << 4 * word)) | value << 4 * word;
}

/* ---------------------------------------------------------- brute force -- */

struct one_store {
	unsigned word;
	unsigned value;
	bool stream;
	bool flushed;
	bool sure; /* durable in any case */
};

struct stores {
	struct one_store s[ACTIONS_MAX * USED];
	unsigned n;
};

static void fence_all(struct stores *all)
{
	for (unsigned i = 0; i < all->n; i++)
		all->s[i].sure |= all->s[i].flushed || all->s[i].stream;
}

/* The stores of a program, and which of them are durable at its end. */
static void list_stores(const struct taste *taste, const struct program *p,
			struct stores *all)
{
	all->n = 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct action *a = &p->a[i];

		if (a->kind == TRACE_FENCE)
			fence_all(all);
		for (unsigned k = 0; a->kind == TRACE_FLUSH && k < all->n; k++)
			if (!all->s[k].stream &&
			    line_of(all->s[k].word) == line_of(a->word))
				all->s[k].flushed = true;
		if (a->kind == TRACE_FLUSH || a->kind == TRACE_FENCE)
			continue;
		for (unsigned k = 0; k < a->words; k++)
			all->s[all->n++] = (struct one_store){
				.word = a->word + k,
				.value = a->value[k],
				.stream = a->kind == TRACE_STREAM,
				.sure = a->kind == TRACE_USER ||
					taste->model == SIM_M0
			};
	}
	/* A line's plain stores become durable in order. */
	for (unsigned i = 0; taste->model == SIM_M1 && i < all->n; i++)
		for (unsigned k = 0; k < i; k++)
			if (all->s[i].sure && !all->s[i].stream &&
			    !all->s[k].stream &&
			    line_of(all->s[i].word) == line_of(all->s[k].word))
				all->s[k].sure = true;
}

static bool may_be_garbage(const struct taste *taste, const struct one_store *s)
{
	return taste->model == SIM_M3 && s->stream && line_of(s->word) == 0;
}

/* Beside the image: lines of which a plain store was lost (M1). */
#define CUT(line) (UINT64_C(1) << (60 + (line)))
#define IMAGE(state) ((state) & (CUT(0) - 1))

/* One store more: it is kept, or not, or (M3) becomes garbage. */
static void brute(const struct taste *taste, const struct one_store *s,
		  const struct images *from, struct images *to)
{
	bool ordered = taste->model == SIM_M1 && !s->stream;
	uint64_t cut = ordered ? CUT(line_of(s->word)) : 0;

	for (size_t i = 0; i < from->count; i++) {
		uint64_t was = from->image[i];

		if (s->sure || !(was & cut))
			images_add(to, with(was, s->word, s->value));
		if (!s->sure)
			images_add(to, was | cut);
		if (!s->sure && may_be_garbage(taste, s))
			images_add(to, with(was, s->word, GARBAGE));
	}
	images_tidy(to);
}

void expect_images(const struct taste *taste, const struct program *p,
		   struct images *out)
{
	images_add(out, 0);
	for (unsigned level = 0; level < taste->levels; level++) {
		struct stores all;

		list_stores(taste, &p[level], &all);
		for (unsigned i = 0; i < all.n; i++) {
			struct images from = *out;

			memset(out, 0, sizeof(*out));
			brute(taste, &all.s[i], &from, out);
			images_free(&from);
		}
		for (size_t i = 0; i < out->count; i++)
			out->image[i] = IMAGE(out->image[i]);
		images_tidy(out);
	}
}
