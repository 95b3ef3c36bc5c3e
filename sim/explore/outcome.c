/* SPDX-License-Identifier: BSD-3-Clause */
/* outcome.c - what a recovery shows, against the states that are allowed. */
#include <string.h>

#include "sim/explore/engine.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Where the oracle does not look: the journal and the tail lines. */
static bool is_journal(const struct engine *x, uint64_t word)
{
	if (engine_is_tail(word))
		return true;
	return word >= x->ring_first && word < x->ring_last;
}

/* Whether a touched line is again what the crash left of it. */
static bool is_as_left(const struct media *m, uint32_t line)
{
	size_t word = (size_t)line * LINE_WORDS;

	return m->open[line] == m->zero_open[line] &&
	       !memcmp(m->read + word, m->zero + word, LINE_WORDS * 8);
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = a;

	product *= b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of a line's words; four products that do not wait for each other. */
static uint64_t line_hash(const uint64_t *word)
{
	return fold(word[0] ^ UINT64_C(0x9e3779b97f4a7c15),
		    word[1] ^ UINT64_C(0xd6e8feb86659fd93)) +
	       fold(word[2] ^ UINT64_C(0xa0761d6478bd642f),
		    word[3] ^ UINT64_C(0xe7037ed1a0b428db)) +
	       fold(word[4] ^ UINT64_C(0x8ebc6af09c88c6e3),
		    word[5] ^ UINT64_C(0x589965cc75374cc3)) +
	       fold(word[6] ^ UINT64_C(0x1d8e4e27c47d124f),
		    word[7] ^ UINT64_C(0xeb44accab455d165));
}

uint64_t engine_line_part(const void *ctx, uint32_t line)
{
	const struct engine *x = ctx;
	const struct media *m = &x->media;
	uint64_t word = (uint64_t)line * LINE_WORDS;

	if (is_journal(x, word) || is_as_left(m, line))
		return 0;
	return mix(line_hash(m->read + word) ^ (word + 1), m->open[line]);
}

/*
 * A hash of the content: since all but a few lines is as in every other recovery
 * of this crash, it is one of those lines, in any order.
 */
static uint64_t content_hash(const struct engine *x)
{
	const struct media *m = &x->media;
	uint64_t sum = m->shown ? m->shown->sum : 0;

	for (uint32_t i = 0; i < m->touched_count; i++) {
		const struct media_line *was =
			media_line_of(m->shown, m->touched[i]);

		sum += engine_line_part(x, m->touched[i]);
		sum -= was ? was->part : 0;
	}
	return sum | 1;
}

static struct memo *memo_find(struct engine *x, uint64_t key)
{
	uint64_t at = key >> 20;

	for (;; at++) {
		struct memo *m = &x->memo[at % MEMO_SLOTS];

		if (m->key == key)
			return m;
		if (m->key)
			continue;
		if (x->memo_count == MEMO_SLOTS / 2)
			return NULL;
		x->memo_used[x->memo_count++] = (uint32_t)(at % MEMO_SLOTS);
		m->key = key;
		return m;
	}
}

static void decide(void *ctx, uint64_t word, uint64_t n)
{
	engine_decide(ctx, word, n);
}

static const struct world_state *state_of(const struct engine *x, unsigned bit)
{
	return bit < ENGINE_STATES ? &x->world.state[bit] :
				     &x->extra[bit - ENGINE_STATES];
}

/* Compare with each of @states; the first difference goes to @why. */
static uint64_t compare(struct engine *x, const struct image_view *view,
			const struct crash_point *at, struct why *why)
{
	const struct ppt_memory_map *present = at->map ? &x->map[at->map - 1] :
							 NULL;
	uint64_t states = at->allowed;
	uint64_t matched = 0;
	bool told = false;

	for (unsigned bit = 64; bit-- > 0;) {
		struct why diff;

		if (!(states >> bit & 1) || state_of(x, bit)->none)
			continue;
		if (world_matches(state_of(x, bit), present, &x->image, view,
				  &diff)) {
			matched |= UINT64_C(1) << bit;
		} else if (!told) {
			*why = diff;
			told = true;
		}
	}
	return matched;
}

static void note_outcome(struct engine *x, uint64_t hash)
{
	struct memo *m = memo_find(x, mix(hash, 7) | 1);

	if (x->outcome && x->level == 0)
		x->outcome(x->outcome_ctx, hash);
	if (m && !m->tested) {
		m->tested = 1;
		x->res->outcomes++;
	}
}

uint64_t engine_outcome(struct engine *x, const struct crash_point *at)
{
	const struct image_view view = { .media = x->media.read,
					 .words = x->media.words,
					 .open = x->media.open,
					 .decide = decide,
					 .ctx = x };
	struct run *r = &x->run[x->level];
	struct memo *m = memo_find(x, content_hash(x));
	uint64_t matched;
	struct why why = { "" };

	if (m && m->matched & at->allowed && !(at->allowed & ~m->tested)) {
		if (x->outcome && x->level == 0)
			x->outcome(x->outcome_ctx, m->hash);
		return m->matched & at->allowed;
	}
	x->mode = ENGINE_LOOK;
	if (image_read(&view, false, &x->image, &why)) {
		engine_violation(x, "oracle", "%s", why.text);
		return 0;
	}
	matched = compare(x, &view, at, &why);
	if (!matched) {
		engine_violation(x, "oracle", "%s", why.text);
		return 0;
	}
	note_outcome(x, x->image.hash);
	if (m && !r->looked) { /* else it depends on that, too */
		m->tested |= at->allowed;
		m->matched |= matched;
		m->hash = x->image.hash;
	}
	return matched;
}
