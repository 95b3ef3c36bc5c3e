/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mended.c - repair a damaged image and judge what became of it.
 *
 * Layer: tests.
 */
#include "mended.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
	if (!p) {
		perror("memory");
		abort();
	}
	return p;
}

static int broken(struct mended *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!m->why[0])
		(void)vsnprintf(m->why, sizeof(m->why), format, args);
	va_end(args);
	return -1;
}

/* ------------------------------------------------------ what is mapped -- */

static int read_space(struct ppt_pool *pool, const char *name,
		      struct mended_map *map)
{
	struct ppt_space space;
	struct ppt_extent e;
	struct ppt_iter it;
	int err = ppt_space_open(pool, name, &space, NULL);

	if (err)
		return err;
	ppt_iter_init(&it, &space, 0, UINT64_MAX);
	while (!(err = ppt_iter_next(&it, &e, NULL))) {
		struct mended_leaf *leaf;

		if (map->count == MENDED_LEAVES)
			return PPT_E_LIMIT;
		leaf = &map->leaf[map->count++];
		memcpy(leaf->space, name, sizeof(leaf->space));
		leaf->e = e;
	}
	return err == PPT_E_NOENT ? 0 : err;
}

/* Attach and read all; @media is written to where it needs replay. */
static int read_map(struct mended *m, uint8_t *media, struct mended_map *map)
{
	struct ppt_attach_config cfg = {
		.pm = { .media = media,
			.writable = media,
			.bytes = m->image->size,
			.flush = PPT_FLUSH_EADR },
		.scratch = m->scratch,
		.scratch_bytes = m->scratch_bytes,
		.flags = PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY,
	};
	struct ppt_space_info info;
	struct ppt_pool *pool;
	uint64_t cursor = 0;
	int err = ppt_attach(&cfg, &pool, NULL, NULL);

	map->count = 0;
	while (!err && !(err = ppt_space_next(pool, &cursor, &info, NULL)))
		err = read_space(pool, info.name, map);
	return err == PPT_E_NOENT ? 0 : err;
}

/* The pool as it would be had the journal ended at a line. */
static void add_state(struct mended *m, uint64_t end)
{
	const struct specimen *i = m->image;
	uint64_t n = i->journal_bytes / PPT_LINE_BYTES;
	uint8_t *ring =
		m->media + (uint64_t)i->at.journal_page * PPT_PAGE_BYTES;

	memcpy(m->media, i->bytes, i->size);
	for (uint64_t k = end; k < i->end; k++)
		memset(ring + k % n * PPT_LINE_BYTES, 0, PPT_LINE_BYTES);
	if (m->states == MENDED_STATES ||
	    read_map(m, m->media, &m->good[m->states++])) {
		(void)fprintf(stderr, "a good image is none\n");
		abort();
	}
}

void mended_open(struct mended *m, const struct specimen *image)
{
	uint64_t word[PPT__RECORD_WORDS_MAX];
	uint32_t lines;

	memset(m, 0, sizeof(*m));
	m->image = image;
	m->media = need(aligned_alloc(PPT_PAGE_BYTES, image->size));
	m->copy = need(aligned_alloc(PPT_PAGE_BYTES, image->size));
	m->scratch_bytes =
		(ppt_repair_scratch_bytes(image->bytes, image->size) + 63) /
		64 * 64;
	m->scratch = need(aligned_alloc(64, m->scratch_bytes));
	memset(m->scratch, 0xa5, m->scratch_bytes);
	m->good = need(calloc(MENDED_STATES, sizeof(*m->good)));
	m->with.pa_bits = 52;
	add_state(m, image->end);
	for (uint64_t line = image->tail; line < image->end; line += lines) {
		add_state(m, line);
		lines = specimen_record(image, line, word);
	}
	mended_reset(m);
}

void mended_close(struct mended *m)
{
	free(m->media);
	free(m->copy);
	free(m->scratch);
	free(m->good);
}

void mended_reset(struct mended *m)
{
	memcpy(m->media, m->image->bytes, m->image->size);
}

/* --------------------------------------------------------------- running -- */

static void on_problem(void *ctx, uint32_t worker, const struct ppt_problem *p)
{
	struct mended *m = ctx;

	(void)worker;
	m->problems[p->id]++;
}

void mended_check(struct mended *m)
{
	struct ppt_check_config cfg = m->with;

	memcpy(m->copy, m->media, m->image->size);
	cfg.pm = (struct ppt_pm_config){ .media = m->copy,
					 .writable = m->copy,
					 .bytes = m->image->size };
	cfg.scratch = m->scratch;
	cfg.scratch_bytes = m->scratch_bytes;
	cfg.flags = PPT_CHECK_PRIVATE | PPT_CHECK_EXACT;
	cfg.problem = on_problem;
	cfg.ctx = m;
	memset(m->problems, 0, sizeof(m->problems));
	if (ppt_check(&cfg, &m->report, NULL))
		abort();
}

static void on_action(void *ctx, const struct ppt_action *action)
{
	struct mended *m = ctx;

	if (m->actions < MENDED_ACTIONS)
		m->action[m->actions] = *action;
	m->actions++;
	m->of[action->id]++;
}

int mended_repair(struct mended *m)
{
	struct ppt_repair_config cfg = {
		.pm = { .media = m->media,
			.writable = m->media,
			.bytes = m->image->size,
			.flush = PPT_FLUSH_EADR,
			.observer = m->observer },
		.scratch = m->scratch,
		.scratch_bytes = m->scratch_bytes,
		.flags = PPT_CHECK_EXACT,
		.policy = m->with.policy,
		.pa_bits = m->with.pa_bits,
		.action = on_action,
		.ctx = m,
	};
	struct ppt_repair_report report;
	int err;

	m->actions = 0;
	memset(m->of, 0, sizeof(m->of));
	err = ppt_repair(&cfg, &report, NULL);
	if (!err && report.actions != m->actions)
		return broken(m, "actions are miscounted");
	return err;
}

/* ------------------------------------------------------------- judgement -- */

static bool covers(const struct ppt_extent *by, const struct ppt_extent *e)
{
	uint64_t off = e->va - by->va;

	return off < by->len && e->len <= by->len - off &&
	       e->pa == by->pa + off && e->prot == by->prot;
}

/* A space that was found again has a name of its own. */
static bool same_space(const char *was, const char *is)
{
	return strcmp(was, is) == 0 || strncmp(is, "lost-", 5) == 0;
}

/* Whether an extent is, or is part of, one of a map. */
static bool is_in(const struct mended_map *map, const struct mended_leaf *leaf)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (same_space(map->leaf[i].space, leaf->space) &&
		    covers(&map->leaf[i].e, &leaf->e))
			return true;
	return false;
}

static bool was_there(const struct mended *m, const struct mended_leaf *leaf)
{
	for (uint32_t s = 0; s < (m->exact ? 1 : m->states); s++)
		if (is_in(&m->good[s], leaf))
			return true;
	return false;
}

/* What of an extent is there, in bytes: extents do not overlap. */
static uint64_t what_is_left(const struct mended *m,
			     const struct mended_leaf *was)
{
	uint64_t left = 0;

	for (uint32_t i = 0; i < m->after.count; i++)
		if (same_space(was->space, m->after.leaf[i].space) &&
		    covers(&was->e, &m->after.leaf[i].e))
			left += m->after.leaf[i].e.len;
	return left;
}

static bool overlaps(const struct ppt_action *a, const struct mended_leaf *was)
{
	if (!(a->where & PPT_WHERE_VA))
		return true; /* the journal, a space without a name */
	if (a->where & PPT_WHERE_SPACE && strcmp(a->space, was->space) != 0 &&
	    strncmp(a->space, "lost-", 5) != 0)
		return false;
	return a->va <= was->e.va + was->e.len - 1 && was->e.va <= a->last;
}

static bool was_told(const struct mended *m, const struct mended_leaf *was)
{
	for (uint32_t i = 0; i < m->actions && i < MENDED_ACTIONS; i++)
		if (m->action[i].lossy && overlaps(&m->action[i], was))
			return true;
	return false;
}

static int judge_map(struct mended *m, const struct ppt_action *first)
{
	bool all = true;

	for (uint32_t i = 0; i < m->after.count; i++)
		if (!was_there(m, &m->after.leaf[i]))
			return broken(
				m, "WRONG TRANSLATION: %s %#llx",
				m->after.leaf[i].space,
				(unsigned long long)m->after.leaf[i].e.va);
	for (uint32_t i = 0; i < m->good[0].count; i++) {
		const struct mended_leaf *was = &m->good[0].leaf[i];

		if (what_is_left(m, was) == was->e.len)
			continue;
		all = false;
		m->lost++;
		/* The journal's end may be gone without a trace. */
		if ((m->exact || m->states == 1) && !m->again &&
		    !was_told(m, was))
			return broken(m, "lost and not told: %s %#llx (%s)",
				      was->space, (unsigned long long)was->e.va,
				      first ? first->code : "no action");
	}
	if (all)
		m->whole++;
	else
		m->partial++;
	return 0;
}

static int first_problem(const struct mended *m)
{
	for (int i = 0; i < PPT_PROBLEM_COUNT; i++) {
		struct ppt_problem row;

		(void)ppt_problem_row((uint32_t)i, &row);
		if (m->problems[i] && row.severity != PPT_SEVERITY_NOTE)
			return i;
	}
	return -1;
}

/* Nothing is found, and nothing is left to do. */
static int judge_image(struct mended *m)
{
	struct ppt_problem row;
	int left, err;

	mended_check(m);
	left = first_problem(m);
	if (left >= 0) {
		(void)ppt_problem_row((uint32_t)left, &row);
		return broken(m, "%s is left", row.code);
	}
	err = mended_repair(m);
	if (err)
		return broken(m, "a second repair: %s", ppt_error_name(err));
	if (m->actions)
		return broken(m, "a second repair does %s", m->action[0].code);
	return 0;
}

int mended_judge(struct mended *m, bool same)
{
	int err = mended_repair(m);

	m->tried++;
	if (err > 0 || err == -1)
		return -1;
	if (err) {
		m->refused++;
		return 1;
	}
	if (read_map(m, m->media, &m->after))
		return broken(m, "it cannot be attached and read");
	if (same && judge_map(m, m->actions ? &m->action[0] : NULL))
		return -1;
	return judge_image(m);
}

static int judge_leaf(struct mended *m, const char *space,
		      const struct ppt_extent *e)
{
	struct mended_leaf leaf = { .e = *e };

	(void)snprintf(leaf.space, sizeof(leaf.space), "%s", space);
	return was_there(m, &leaf) ? 0 :
				     broken(m, "WRONG TRANSLATION: %s %#llx",
					    space, (unsigned long long)e->va);
}

/* What can be walked, then address by address what was there. */
static int judge_space(struct mended *m, struct ppt_space *space,
		       const char *name)
{
	struct ppt_extent e;
	struct ppt_iter it;
	int ret = 0;

	ppt_iter_init(&it, space, 0, UINT64_MAX);
	while (!ret && !ppt_iter_next(&it, &e, NULL))
		ret = judge_leaf(m, name, &e);
	for (uint32_t i = 0; !ret && i < m->good[0].count; i++) {
		const struct mended_leaf *was = &m->good[0].leaf[i];

		if (!strcmp(was->space, name) &&
		    !ppt_translate(space, was->e.va + was->e.len - 1, &e, NULL))
			ret = judge_leaf(m, name, &e);
	}
	return ret;
}

int mended_attach(struct mended *m, uint32_t trust)
{
	struct ppt_attach_config cfg = {
		.pm = { .media = m->copy,
			.writable = m->copy,
			.bytes = m->image->size,
			.flush = PPT_FLUSH_EADR },
		.scratch = m->scratch,
		.scratch_bytes = m->scratch_bytes,
		.flags = PPT_ATTACH_NO_MMU | PPT_ATTACH_READ_ONLY,
		.trust = trust,
	};
	struct ppt_space_info info;
	struct ppt_space space;
	struct ppt_pool *pool;
	uint64_t cursor = 0;
	int ret = 0;

	memcpy(m->copy, m->media, m->image->size);
	if (ppt_attach(&cfg, &pool, NULL, NULL))
		return 1;
	while (!ret && !ppt_space_next(pool, &cursor, &info, NULL))
		if (!ppt_space_open(pool, info.name, &space, NULL))
			ret = judge_space(m, &space, info.name);
	return ret;
}

int mended_try(struct mended *m, uint64_t off, const uint8_t *bytes,
	       uint64_t len)
{
	uint64_t page = off / PPT_PAGE_BYTES;
	int ret;

	if (!memcmp(m->image->bytes + off, bytes, len))
		return 0; /* no damage */
	mended_reset(m);
	memcpy(m->media + off, bytes, len);
	m->exact = page < m->image->at.journal_page ||
		   page >= m->image->at.desc_page;
	ret = mended_judge(m, true);
	if (ret < 0 && m->why[0] && !strstr(m->why, " [page "))
		(void)snprintf(m->why + strlen(m->why),
			       sizeof(m->why) - strlen(m->why),
			       " [page %llu byte %llu, %llu bytes, image %d]",
			       (unsigned long long)off / PPT_PAGE_BYTES,
			       (unsigned long long)off % PPT_PAGE_BYTES,
			       (unsigned long long)len, (int)m->image->kind);
	return ret;
}

void mended_print(const struct mended *m, const char *what)
{
	static const char *const kinds[] = { "clean", "live", "epochs" };

	printf("repair, %s, %s: %llu tried: whole %llu, in part %llu, "
	       "refused %llu; extents lost %llu\n",
	       what, kinds[m->image->kind], (unsigned long long)m->tried,
	       (unsigned long long)m->whole, (unsigned long long)m->partial,
	       (unsigned long long)m->refused, (unsigned long long)m->lost);
	(void)fflush(stdout);
}
