/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * states.c - what a damaged image may map without anybody noticing.
 *
 * Layer: fuzz.
 */
#include "states.h"

#define STATES_MAX 64u

struct states {
	bool known;
	uint64_t hash[STATES_MAX];
	uint32_t count;
};

/* The pool as it is if the journal ends at @line. */
static uint64_t cut_at(struct rig *rig, uint64_t line)
{
	uint64_t n = rig->image.journal_bytes / PPT_LINE_BYTES, hash;

	for (uint64_t k = line; k < rig->image.end; k++)
		for (uint32_t w = 0; w < PPT__LINE_WORDS; w++)
			rig_set(rig, rig->image.at.journal_page,
				(uint32_t)(k % n * PPT__LINE_WORDS) + w, 0);
	if (rig_attach(rig, NULL, PPT_ATTACH_NO_MMU) || rig_hash(rig, &hash))
		rig_fail("a journal cut short is refused");
	rig_restore(rig);
	return hash;
}

static void find(struct rig *rig, struct states *s)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint64_t line = rig->image.tail;

	s->known = true;
	s->hash[s->count++] = rig->hash;
	while (line < rig->image.end && s->count < STATES_MAX) {
		s->hash[s->count++] = cut_at(rig, line);
		line += specimen_record(&rig->image, line, word);
	}
}

bool states_known(struct rig *rig, uint64_t hash)
{
	static struct states all[EVERYTHING_KINDS];
	struct states *s = &all[rig->image.kind];

	if (!s->known) {
		static struct rig own[EVERYTHING_KINDS]; /* others are in use */

		rig_open(&own[rig->image.kind], &rig->image);
		find(&own[rig->image.kind], s);
	}
	for (uint32_t i = 0; i < s->count; i++)
		if (s->hash[i] == hash)
			return true;
	return false;
}
