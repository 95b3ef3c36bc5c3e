/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * superblock_test.c - layout, validity, the choice between A and B.
 *
 * Layer: tests.
 */
#include "unit_pool.h"

#include "sim/oracle/rng.h"
#include "format/crc32c.h"

#define KIB UINT64_C(1024)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/* ---------------------------------------------------------------- layout -- */

static void check_layout(uint64_t bytes, uint64_t journal)
{
	struct ppt__layout l;

	assert_ok(ppt__layout(bytes, journal, &l, NULL));
	assert_int_equal(l.pages, bytes / 4096);
	assert_int_equal(l.journal_page, 2);
	assert_int_equal(l.journal_pages, journal / 4096);
	assert_int_equal(l.desc_page, 2 + journal / 4096);
	assert_int_equal(l.desc_pages, (bytes / 4096 + 511) / 512);
	assert_int_equal(l.dir_page, l.desc_page + l.desc_pages);
	assert_int_equal(l.reclaim_page, l.dir_page + 1);
	assert_int_equal(l.first_page, l.dir_page + 2);
	assert_true(l.first_page < l.pages);
}

static void ppt__layout__sizes_within_limits_follow_the_format(void **state)
{
	check_layout(MIB, 64 * KIB);
	check_layout(MIB + 4096, 64 * KIB);
	check_layout(2 * MIB, MIB);
	check_layout(2 * MIB + 4096, 64 * KIB); /* one page in a new stretch */
	check_layout(GIB, MIB);
	check_layout(4 * GIB, GIB);
	check_layout(16 * TIB - 4096, 64 * KIB);
	check_layout(16 * TIB, GIB);
}

static void refuse_layout(uint64_t bytes, uint64_t journal, int err,
			  const char *what)
{
	struct ppt__layout l, same;
	struct ppt_diag diag;

	memset(&l, 0x5a, sizeof(l));
	same = l;
	assert_int_equal(ppt__layout(bytes, journal, &l, &diag), err);
	assert_diag(diag, err, what);
	assert_memory_equal(&l, &same, sizeof(l));
}

static void ppt__layout__sizes_beyond_limits_are_refused(void **state)
{
	refuse_layout(0, 64 * KIB, PPT_E_RANGE, "size");
	refuse_layout(MIB - 4096, 64 * KIB, PPT_E_RANGE, "size");
	refuse_layout(16 * TIB + 4096, 64 * KIB, PPT_E_RANGE, "size");
	refuse_layout(UINT64_MAX, 64 * KIB, PPT_E_RANGE, "size");
	refuse_layout(MIB + 1, 64 * KIB, PPT_E_INVAL, "size");
	refuse_layout(MIB + 2048, 64 * KIB, PPT_E_INVAL, "size");
	refuse_layout(MIB, 0, PPT_E_RANGE, "journal");
	refuse_layout(MIB, 32 * KIB, PPT_E_RANGE, "journal");
	refuse_layout(8 * GIB, 2 * GIB, PPT_E_RANGE, "journal");
	refuse_layout(MIB, 65 * KIB, PPT_E_INVAL, "journal");
	refuse_layout(MIB, 192 * KIB, PPT_E_INVAL, "journal");
	refuse_layout(MIB, MIB, PPT_E_NOSPC, "journal");
	refuse_layout(GIB, GIB, PPT_E_NOSPC, "journal");
}

/* ---------------------------------------------------------------- choice -- */

struct pair {
	struct ppt_m_superblock sb[2];
};

/* What ppt_create writes. */
static void make_pair(struct pair *p)
{
	struct pool_fixture pf;

	pool_fixture_open(&pf, NULL);
	assert_ok(pool_fixture_create(&pf));
	memcpy(&p->sb[0], pf.media, sizeof(p->sb[0]));
	memcpy(&p->sb[1], pf.media + 4096, sizeof(p->sb[1]));
	pool_fixture_close(&pf);
}

static int choose(const struct pair *p, uint32_t *slot, bool *fell_back)
{
	struct ppt_diag diag = { 0 };
	int err = ppt__superblock_choose(&p->sb[0], &p->sb[1], slot, fell_back,
					 &diag);

	assert_int_equal(diag.err, err);
	return err;
}

static void expect_slot(const struct pair *p, uint32_t want, bool fell)
{
	uint32_t slot = 9;
	bool fell_back = !fell;

	assert_ok(choose(p, &slot, &fell_back));
	assert_int_equal(slot, want);
	assert_int_equal(fell_back, fell);
}

static void set_generations(struct pair *p, uint64_t a, uint64_t b)
{
	p->sb[0].generation = ppt__le64(a);
	p->sb[1].generation = ppt__le64(b);
	ppt__superblock_seal(&p->sb[0]);
	ppt__superblock_seal(&p->sb[1]);
}

static void ppt__superblock_choose__newer_wins(void **state)
{
	struct pair p;

	make_pair(&p);
	expect_slot(&p, 0, false);
	set_generations(&p, 1, 2);
	expect_slot(&p, 1, false);
	set_generations(&p, 7, 7);
	expect_slot(&p, 0, false);
	set_generations(&p, UINT64_C(1) << 40, 2);
	expect_slot(&p, 0, false);
}

static void ppt__superblock_choose__any_bit_of_newer_falls_back(void **state)
{
	struct pair p;

	make_pair(&p);
	for (uint32_t newer = 0; newer < 2; newer++) {
		uint8_t *byte = (uint8_t *)&p.sb[newer];

		set_generations(&p, 5 - newer, 4 + newer);
		for (uint32_t b = 0; b < 8 * sizeof(p.sb[0]); b++) {
			byte[b / 8] ^= (uint8_t)(1u << b % 8);
			expect_slot(&p, 1 - newer, true);
			byte[b / 8] ^= (uint8_t)(1u << b % 8);
		}
	}
}

static void ppt__superblock_choose__any_bit_of_both_is_an_error(void **state)
{
	struct rng r = { .state = 1 };
	struct pair p, whole;
	uint32_t slot;
	bool fell_back;

	make_pair(&p);
	whole = p;
	for (uint32_t b = 0; b < 8 * sizeof(p.sb[0]); b++) {
		uint32_t c = b; /* the same bit, then another */

		for (int i = 0; i < 2; i++) {
			int err;

			((uint8_t *)&p.sb[0])[b / 8] ^= (uint8_t)(1u << b % 8);
			((uint8_t *)&p.sb[1])[c / 8] ^= (uint8_t)(1u << c % 8);
			err = choose(&p, &slot, &fell_back);
			assert_true(err == PPT_E_MAGIC ||
				    err == PPT_E_VERSION ||
				    err == PPT_E_CORRUPT);
			p = whole;
			c = (uint32_t)rng_below(&r, 8 * sizeof(p.sb[0]));
		}
	}
}

/* A copy that is where the other belongs. */
static void
ppt__superblock_check__copy_in_the_wrong_page_is_refused(void **state)
{
	struct pair p;

	make_pair(&p);
	assert_ok(ppt__superblock_check(&p.sb[0], 0, NULL));
	assert_ok(ppt__superblock_check(&p.sb[1], 1, NULL));
	assert_int_equal(ppt__superblock_check(&p.sb[0], 1, NULL),
			 PPT_E_CORRUPT);
	assert_int_equal(ppt__superblock_check(&p.sb[1], 0, NULL),
			 PPT_E_CORRUPT);
}

/* ---------------------------------------------------------------- errors -- */

enum harm { MAGIC, VERSION, CRC, FEATURE, FIELDS, HARMS };

static const int harm_error[HARMS] = { PPT_E_MAGIC, PPT_E_VERSION,
				       PPT_E_CORRUPT, PPT_E_FEATURE,
				       PPT_E_CORRUPT };

static void do_harm(struct ppt_m_superblock *sb, enum harm harm)
{
	switch (harm) {
	case MAGIC:
		sb->magic = ppt__le64(0);
		break;
	case VERSION:
		sb->version = ppt__le32(PPT_M_VERSION + 1);
		break;
	case FEATURE:
		sb->incompat = ppt__le64(UINT64_C(1) << 63);
		break;
	case FIELDS:
		sb->region_count = ppt__le32(0);
		break;
	case CRC:
	case HARMS:
		break;
	}
	ppt__superblock_seal(sb);
	if (harm == CRC)
		sb->crc = ppt__le32(ppt__get32(sb->crc) ^ 1);
}

/* Of two damaged copies the error that tells most, whichever comes first. */
static void ppt__superblock_choose__two_errors_give_the_clearer(void **state)
{
	static const int order[] = { PPT_E_FEATURE, PPT_E_CORRUPT,
				     PPT_E_VERSION, PPT_E_MAGIC };

	for (enum harm a = 0; a < HARMS; a++)
		for (enum harm b = 0; b < HARMS; b++) {
			struct pair p;
			uint32_t slot = 9;
			bool fell_back;
			int want = 0;

			make_pair(&p);
			do_harm(&p.sb[0], a);
			do_harm(&p.sb[1], b);
			for (int i = 3; i >= 0; i--)
				if (harm_error[a] == order[i] ||
				    harm_error[b] == order[i])
					want = order[i];
			assert_int_equal(choose(&p, &slot, &fell_back), want);
			assert_int_equal(slot, 9);
		}
}

/* Every field that has a rule, broken under a right checksum. */
static void
ppt__superblock_check__fields_that_contradict_are_refused(void **state)
{
	struct pair p;
	struct ppt_m_superblock sb;
	struct ppt_diag diag;

#define BREAK(assignment)                                                      \
	do {                                                                   \
		sb = p.sb[0];                                                  \
		assignment;                                                    \
		ppt__superblock_seal(&sb);                                     \
		assert_int_equal(ppt__superblock_check(&sb, 0, &diag),         \
				 PPT_E_CORRUPT);                               \
		assert_diag(diag, PPT_E_CORRUPT, "superblock");                \
	} while (0)
	make_pair(&p);
	BREAK(sb.slot = ppt__le32(2));
	BREAK(sb.pool_bytes = ppt__le64(ppt__get64(sb.pool_bytes) + 4096));
	BREAK(sb.pool_bytes = ppt__le64(0));
	BREAK(sb.pool_bytes = ppt__le64(UINT64_MAX));
	BREAK(sb.journal_pages = ppt__le32(UINT32_MAX));
	BREAK(sb.journal_pages = ppt__le32(17));
	BREAK(sb.journal_page = ppt__le32(3));
	BREAK(sb.desc_page = ppt__le32(0));
	BREAK(sb.desc_pages = ppt__le32(1));
	BREAK(sb.dir_page = ppt__le32(2));
	BREAK(sb.reclaim_page = ppt__le32(1));
	BREAK(sb.first_page = ppt__le32(1));
	BREAK(sb.region_count = ppt__le32(0));
	BREAK(sb.region_count = ppt__le32(PPT_REGIONS_MAX + 1));
	BREAK(sb.region_count = ppt__le32(UINT32_MAX));
	BREAK(sb.epoch_oldest = ppt__le32(1)); /* newer than epoch 0 */
	BREAK(sb.epoch = ppt__le32(4));
	BREAK(sb.region[0].kind = ppt__le32(PPT_REGION_DRAM));
	BREAK(sb.region[0].at[0].len = ppt__le64(4096));
#undef BREAK
}

/* ---------------------------------------------------------- whole pools -- */

static void ppt_probe__no_pool_gives_its_own_errors(void **state)
{
	struct unit_pool u;
	struct ppt_geometry g;
	struct ppt_diag diag;

	unit_open(&u, MIB, 65536, 0);
	assert_ok(ppt_probe(u.pf.media, MIB, &g, &diag));
	assert_int_equal(g.bytes, MIB);
	assert_int_equal(g.journal_bytes, 65536);
	assert_int_equal(g.phys_base, POOL_FIXTURE_PHYS);
	assert_int_equal(g.version, PPT_M_VERSION);
	assert_memory_equal(&g.uuid, &u.pf.config.uuid, 16);
	assert_int_equal(ppt_probe(u.pf.media, MIB - 4096, &g, &diag),
			 PPT_E_SIZE);
	assert_diag(diag, PPT_E_SIZE, "media");
	assert_int_equal(ppt_probe(u.pf.media, 4096, &g, &diag), PPT_E_SIZE);
	assert_int_equal(ppt_probe(u.pf.media, 0, &g, &diag), PPT_E_SIZE);
	assert_int_equal(ppt_probe(NULL, MIB, &g, &diag), PPT_E_INVAL);
	memset(u.pf.writable, 0, MIB);
	assert_int_equal(ppt_probe(u.pf.media, MIB, &g, &diag), PPT_E_MAGIC);
	memset(u.pf.writable, 0xff, MIB);
	assert_int_equal(ppt_probe(u.pf.media, MIB, &g, &diag), PPT_E_MAGIC);
	pool_fixture_drop(&u.pf);
	assert_int_equal(pool_fixture_attach(&u.pf, NULL), PPT_E_MAGIC);
	unit_close(&u);
}

static void ppt_attach__either_superblock_is_enough(void **state)
{
	struct unit_pool u;
	uint8_t *image;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	unit_map(&u, 0);
	image = unit_save(&u);
	for (uint32_t page = 0; page < 2; page++) {
		unit_restore(&u, image);
		/* all but the tail line */
		memset(unit_word(&u, page, 0), 0x33, PPT_M_TAIL_OFFSET);
		assert_ok(unit_attach(&u));
		assert_true(u.pf.report.superblock_fell_back);
		unit_check_first(&u, 1, 2);
	}
	free(image);
	unit_close(&u);
}

/* Features by their set: docs/FORMAT.md, "Versions and features". */
static void set_features(struct unit_pool *u, uint64_t compat, uint64_t ro,
			 uint64_t incompat)
{
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct ppt_m_superblock *sb = (void *)unit_word(u, slot, 0);

		sb->compat = ppt__le64(compat);
		sb->ro_compat = ppt__le64(ro);
		sb->incompat = ppt__le64(incompat);
		ppt__superblock_seal(sb);
	}
}

static void ppt_attach__unknown_compat_is_ignored_incompat_is_not(void **state)
{
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	set_features(&u, UINT64_MAX, 0, 0);
	assert_ok(unit_attach(&u));
	for (uint32_t b = 0; b < 64; b++) {
		set_features(&u, 0, 0, UINT64_C(1) << b);
		assert_int_equal(unit_attach(&u), PPT_E_FEATURE);
		assert_int_equal(u.pf.diag.at, UINT64_C(1) << b);
	}
	unit_close(&u);
}

static void ppt_attach__unknown_ro_compat_is_read_only(void **state)
{
	struct unit_pool u;

	unit_open(&u, MIB, 65536, PPT_ATTACH_NO_MMU);
	set_features(&u, 0, 2, 0);
	assert_int_equal(unit_attach(&u), PPT_E_FEATURE);
	u.pf.attach_flags |= PPT_ATTACH_READ_ONLY;
	assert_ok(unit_attach(&u));
	assert_int_equal(ppt_unmap(&u.space, VA, 4096, NULL), PPT_E_ROFS);
	unit_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			ppt__layout__sizes_within_limits_follow_the_format),
		cmocka_unit_test(ppt__layout__sizes_beyond_limits_are_refused),
		cmocka_unit_test(ppt__superblock_choose__newer_wins),
		cmocka_unit_test(
			ppt__superblock_choose__any_bit_of_newer_falls_back),
		cmocka_unit_test(
			ppt__superblock_choose__any_bit_of_both_is_an_error),
		cmocka_unit_test(
			ppt__superblock_check__copy_in_the_wrong_page_is_refused),
		cmocka_unit_test(
			ppt__superblock_choose__two_errors_give_the_clearer),
		cmocka_unit_test(
			ppt__superblock_check__fields_that_contradict_are_refused),
		cmocka_unit_test(ppt_probe__no_pool_gives_its_own_errors),
		cmocka_unit_test(ppt_attach__either_superblock_is_enough),
		cmocka_unit_test(
			ppt_attach__unknown_compat_is_ignored_incompat_is_not),
		cmocka_unit_test(ppt_attach__unknown_ro_compat_is_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
