/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_hostile_test.c - images whose checksums are right and whose content is
 * not: no call leaves the image, loops or dies [I10], and what check calls
 * clean can be read to the end.
 *
 * Layer: tests.  PPT_TEST_SEED, PPT_TEST_SLOW as everywhere;
 * PPT_TEST_ROUND: where to begin.
 */
#include "check_rig.h"

#include <unistd.h>

#include "../support/harm.h"
#include "sim/oracle/rng.h"

#define HANG 60u /* seconds after which one image is taken for a hang */
#define ROUNDS 20000u

static struct rng rng;

static uint32_t pick(uint32_t n)
{
	return (uint32_t)(rng_next(&rng) >> 20) % n;
}

static uint32_t any_page(const struct specimen *i)
{
	return pick((uint32_t)i->at.pages);
}

/* A page that has a checksum of its own content. */
static uint32_t sealed_page(const struct specimen *i)
{
	for (;;) {
		uint32_t page = any_page(i);
		uint64_t d = *specimen_desc(i, page);

		if (ppt__desc_is_table(d) ||
		    ppt__desc_type(d) == PPT__DESC_META)
			return page;
	}
}

/* What somebody who knows the format would write. */
static uint64_t some_word(const struct specimen *i)
{
	uint32_t page = any_page(i);

	switch (pick(9)) {
	case 0:
		return 0;
	case 1:
		return rng_next(&rng);
	case 2:
	case 3:
		return specimen_pa(i, page) | 7;
	case 4:
		return specimen_pa(i, page) | 0x87;
	case 5:
		return (specimen_pa(i, page) & ~(PPT_SIZE_1G - 1)) | 0x87;
	case 6:
		return POOL_FIXTURE_DRAM + (rng_next(&rng) >> 30 << 12) + 3;
	case 7:
		return ppt__reclaim_item((enum ppt_m_reclaim)pick(4), page,
					 pick(3) ? 0 : pick(300));
	default:
		return *specimen_word(i, page, pick(512));
	}
}

static void harm_entry(struct specimen *i)
{
	uint32_t page = sealed_page(i), n = pick(8) ? 1 : pick(512) + 1;
	uint64_t v = some_word(i);

	for (; n; n--)
		specimen_set(i, page, pick(3) ? pick(512) : pick(24), v);
}

static void harm_desc(struct specimen *i)
{
	uint32_t page = pick(3) ? sealed_page(i) : any_page(i);
	uint32_t hi = ppt__desc_hi(*specimen_desc(i, page));

	hi = pick(2) ? hi ^ 1u << pick(32) :
		       ppt__desc_table(1 + pick(7), pick(4), pick(16),
				       pick(513), pick(3));
	if (pick(2))
		specimen_seal(i, page, hi);
	else
		specimen_plain(i, page, hi);
}

static void harm_superblock(struct specimen *i)
{
	uint32_t at = pick(PPT_M_SB_WORDS - 2) + 2, n = pick(4);
	uint64_t v = pick(2) ? rng_next(&rng) : pick(64);

	for (uint32_t s = 0; s < 2; s++) {
		uint64_t *word = specimen_word(i, s, 0);

		if (n)
			word[at] ^= UINT64_C(1) << v % 64;
		else
			word[at] = v;
	}
	specimen_seal_superblock(i, 2);
}

/* A record of random runs, where the first one would be looked for. */
static void harm_journal(struct specimen *i)
{
	uint64_t n = i->journal_bytes / PPT_LINE_BYTES;
	uint64_t word[PPT__RECORD_WORDS_MAX];
	struct ppt__run run[8];
	uint32_t runs = 1 + pick(8), lines;

	for (uint32_t k = 0; k < runs; k++) {
		uint32_t slot = pick(512);

		run[k].where = ppt__run_where(
			pick(9) ? any_page(i) : pick(1u << 30), slot,
			1 + pick(pick(9) ? 512 - slot : 512), pick(4));
		run[k].value = some_word(i);
	}
	lines = ppt__record_build(word, i->seed, i->tail, 0, run, runs,
				  pick(9) == 0);
	for (uint32_t k = 0; k < lines; k++)
		memcpy(specimen_word(i, i->at.journal_page, 0) +
			       (i->tail + k) % n * 8,
		       word + (uint64_t)k * 8, PPT_LINE_BYTES);
}

static void harm(struct specimen *i)
{
	switch (pick(12)) {
	case 0:
		harm_superblock(i);
		return;
	case 1:
		harm_journal(i);
		return;
	case 2:
	case 3:
		harm_desc(i);
		return;
	default:
		harm_entry(i);
	}
}

static void ppt_check__sealed_nonsense_harms_nobody(void **state)
{
	uint32_t rounds = getenv("PPT_TEST_SLOW") ? 20 * ROUNDS : ROUNDS;
	uint64_t clean = 0, seed = env_number("PPT_TEST_SEED", 1);
	struct specimen image[EVERYTHING_KINDS];
	struct harm h[EVERYTHING_KINDS];

	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		specimen_make(&image[k], (enum everything_kind)k, 1);
		harm_open(&h[k], &image[k]);
	}
	for (uint32_t r = (uint32_t)env_number("PPT_TEST_ROUND", 0); r < rounds;
	     r++) {
		struct harm *at = &h[r % EVERYTHING_KINDS];
		struct specimen i = *at->image;
		int err;

		rng.state = seed * 1000003 + r;
		i.bytes = at->check;
		for (uint32_t n = 1 + pick(3); n; n--)
			harm(&i);
		(void)alarm(HANG);
		err = harm_read(at);
		(void)alarm(0);
		if (err < 0)
			fail_msg("PPT_TEST_SEED=%llu PPT_TEST_ROUND=%u: %s",
				 (unsigned long long)seed, r, at->why);
		clean += err == 0;
	}
	print_message("%u images, %llu of them clean\n", rounds,
		      (unsigned long long)clean);
	assert_true(clean < rounds / 4);
	for (unsigned int k = 0; k < EVERYTHING_KINDS; k++) {
		harm_close(&h[k]);
		specimen_free(&image[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppt_check__sealed_nonsense_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
