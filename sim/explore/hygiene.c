/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hygiene.c - what has not yet reached the media when the caller is told that
 * an operation is durable: home stores that a durable record would make again,
 * and tail words.  Anything else is a store that nothing covers [I13].
 */
#include <stdlib.h>
#include <string.h>

#include "sim/explore/engine.h"

#define SLOTS 65536u

/* docs/FORMAT.md */
#define SB_DESC_PAGE_WORD (80u / 8)
#define DESC_FREE 1u

/* What a replay would set: word + 1 -> value. */
struct replayed {
	uint64_t key[SLOTS];
	uint64_t value[SLOTS];
	uint32_t used[SLOTS];
	uint32_t count;
	bool full;
};

struct hygiene {
	struct engine *x;
	struct replayed *set;
	bool emptied; /* the tail, too, has to be durable */
};

static uint32_t slot_of(const struct replayed *s, uint64_t word)
{
	uint32_t at = (uint32_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 48);

	while (s->key[at % SLOTS] && s->key[at % SLOTS] != word + 1)
		at++;
	return at % SLOTS;
}

static void set_word(void *ctx, uint64_t word, uint64_t value)
{
	struct hygiene *h = ctx;
	struct replayed *s = h->set;
	uint32_t at = slot_of(s, word);

	if (!s->key[at]) {
		if (s->count == SLOTS / 2) {
			s->full = true;
			return;
		}
		s->key[at] = word + 1;
		s->used[s->count++] = at;
	}
	s->value[at] = value;
}

/* The journal as it would be after a power loss that keeps nothing pending. */
static void keep_durable(void *ctx, uint64_t word, uint64_t n)
{
	struct hygiene *h = ctx;
	struct media *m = &h->x->media;

	for (; n; n--, word++) {
		uint32_t line = (uint32_t)(word / LINE_WORDS);

		media_set_open(m, line,
			       (uint8_t)(m->open[line] &
					 ~(1u << word % LINE_WORDS)));
		m->write[word] = h->x->pending[0].durable[word];
		media_touch(m, line);
	}
}

/* Of a free page any content will do. */
static bool is_free(const struct engine *x, uint64_t word)
{
	const uint64_t *media = x->media.read;
	uint64_t page = (uint32_t)media[SB_DESC_PAGE_WORD];
	uint64_t at = page * PPT_PAGE_WORDS + word / PPT_PAGE_WORDS;

	return at < x->media.words && (media[at] >> 32 & 0xf) == DESC_FREE;
}

/* Whether a record sets a word to a value, or to one that a mark made of it. */
static bool is_covered(const struct hygiene *h, uint64_t word, uint64_t value,
		       bool marked)
{
	uint32_t at = slot_of(h->set, word);

	if (!h->set->key[at])
		return false;
	return h->set->value[at] == value ||
	       (marked && engine_same_entry(h->set->value[at], value));
}

static void check_word(struct hygiene *h, uint64_t word)
{
	struct engine *x = h->x;
	struct option option[PENDING_OPTIONS_MAX];
	uint16_t site = pending_site(&x->pending[0], word);
	bool marked = x->seen[site] & 1u << TRACE_MARK;
	unsigned n;

	if ((engine_is_tail(word) && !h->emptied) || is_free(x, word))
		return;
	n = pending_options(&x->pending[0], word, option);
	if (n < 2 || (marked && engine_is_mark(option, n)) ||
	    is_covered(h, word, option[0].value, marked) || h->set->full ||
	    x->unclean[site])
		return;
	x->unclean[site] = true;
	engine_violation(x, "hygiene",
			 "page %llu word %llu, stored by %s, is neither "
			 "durable "
			 "nor covered by a record when the caller is told",
			 (unsigned long long)word / PPT_PAGE_WORDS,
			 (unsigned long long)word % PPT_PAGE_WORDS,
			 trace_site_text(site));
}

void engine_check_acknowledged(struct engine *x, bool emptied)
{
	static struct replayed *set;
	struct hygiene h = { .x = x, .emptied = emptied };
	const struct image_view view = { .media = x->media.read,
					 .words = x->media.words,
					 .open = x->media.open,
					 .decide = keep_durable,
					 .ctx = &h };
	const struct pending *p = &x->pending[0];
	struct why why;
	int err;

	if (!set)
		set = calloc(1, sizeof(*set));
	if (!set)
		abort();
	for (uint32_t i = 0; i < set->count; i++)
		set->key[set->used[i]] = 0;
	set->count = 0;
	set->full = false;
	h.set = set;
	err = image_journal(&view, set_word, &h, &why);
	if (err > 0)
		engine_violation(x, "hygiene", "%s", why.text);
	if (err)
		return; /* no pool: being formatted */
	for (uint32_t i = 0; i < p->line_count; i++)
		for (uint32_t k = 0; k < LINE_WORDS; k++)
			if (p->head[p->lines[i] * LINE_WORDS + k])
				check_word(&h, p->lines[i] * LINE_WORDS + k);
}
