/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig_crash.c - make crash images of a recorded workload and recover them.
 *
 * Layer: tests.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define SPARE_VA UINT64_C(0x7abcdef0000)
#define NESTED_IMAGES 6u

/* One image: a place in the log, a model, and which of several samples. */
struct crash_point {
	size_t event;
	enum shadow_mode mode;
	unsigned sample;
};

static int attach_error(struct rig *rig, const char *when, int err)
{
	const struct ppt_diag *d = &rig->victim.diag;

	return why_set(&rig->why, "%s attach: %s (%s: %s at %#llx)", when,
		       ppt_error_name(err), d->what ? d->what : "?",
		       d->why ? d->why : "?", (unsigned long long)d->at);
}

static int attach(struct rig *rig)
{
	return pool_fixture_attach(&rig->victim,
				   rig->moved ? &rig->present : NULL);
}

/* The recorded memory map is the state's, in whatever order. */
static int check_regions(struct rig *rig, const struct oracle *o,
			 struct why *why)
{
	struct ppt_memory_map map;

	ppt_memory_map(rig->victim.pool, &map);
	if (map.count != o->regions.count)
		return why_set(why, "%u regions recorded, expected %u",
			       map.count, o->regions.count);
	for (uint32_t i = 0; i < map.count; i++) {
		const struct ppt_region *want = &o->regions.region[i];
		uint32_t k = 0;

		while (k < map.count &&
		       memcmp(&map.region[k].uuid, &want->uuid, 16) != 0)
			k++;
		if (k == map.count || map.region[k].base != want->base ||
		    map.region[k].len != want->len ||
		    map.region[k].kind != want->kind)
			return why_set(why, "region %u not recorded", i);
	}
	return 0;
}

/* State @s as it looks under the memory map that images are recovered in. */
static void state_now(const struct rig *rig, uint32_t s, struct oracle *o)
{
	oracle_copy(o, &rig->state[s]);
	if (rig->moved)
		oracle_rebase(o, &rig->present);
}

static int matches(struct rig *rig, struct oracle *o, struct why *why)
{
	struct view view = pool_fixture_view(&rig->victim);
	int err = check_regions(rig, o, why);

	if (!err)
		err = view_check_library(&view, o, why);
	if (!err)
		err = view_check_media(&view, o, why);
	if (!err)
		err = view_check_usage(&view, o, false, why);
	return err;
}

/* Which of the allowed states is it? */
static int find_state(struct rig *rig, uint32_t low, uint32_t high,
		      uint32_t *state)
{
	struct why why[2] = { { "" }, { "" } };

	if (high >= rig->states)
		high = rig->states - 1;
	/* the newest first: the likeliest when all stores are kept */
	for (uint32_t s = high;; s--) {
		struct oracle o;
		int err;

		state_now(rig, s, &o);
		err = matches(rig, &o, &why[s == high ? 0 : 1]);
		oracle_free(&o);
		*state = s;
		if (!err)
			return 0;
		if (s == low)
			break;
	}
	return why_set(&rig->why,
		       "verdict %s, %llu records: none of states %u to %u: "
		       "%.230s; or: %.230s",
		       ppt_verdict_name(rig->victim.report.verdict),
		       (unsigned long long)rig->victim.report.records_replayed,
		       low, high, why[0].text, why[1].text);
}

/* A second recovery finds nothing to do and changes no byte [I4]. */
static int check_again(struct rig *rig)
{
	struct pool_fixture *v = &rig->victim;
	static uint8_t *was;
	static uint64_t was_bytes;
	int err;

	if (was_bytes < v->bytes) {
		free(was);
		was = malloc(v->bytes);
		was_bytes = v->bytes;
	}
	if (!was)
		abort();
	memcpy(was, v->media, v->bytes);
	pool_fixture_drop(v);
	err = attach(rig);
	if (err)
		return attach_error(rig, "second", err);
	if (v->report.verdict != PPT_VERDICT_CLEAN ||
	    v->report.records_replayed || v->report.tables_rebased)
		return why_set(&rig->why,
			       "second recovery: %s, %llu records, %llu tables",
			       ppt_verdict_name(v->report.verdict),
			       (unsigned long long)v->report.records_replayed,
			       (unsigned long long)v->report.tables_rebased);
	for (uint64_t i = 0; i < v->bytes; i += 8)
		if (memcmp(was + i, v->media + i, 8) != 0)
			return why_set(&rig->why,
				       "second recovery changed %#llx",
				       (unsigned long long)i);
	return 0;
}

static int library_op(struct rig *rig, const char *call, int err)
{
	if (!err)
		return 0;
	return why_set(&rig->why, "after recovery: %s: %s", call,
		       ppt_error_name(err));
}

/* Life goes on: one more operation, a crash, and it is there. */
static int check_goes_on(struct rig *rig, const struct oracle *o)
{
	struct pool_fixture *v = &rig->victim;
	uint64_t pa = o->regions.region[1].base + 0x5000;
	struct ppt_extent ext = { 0 };
	struct ppt_space handle;
	struct ppt_usage u;
	unsigned i = 0;
	int err = 0;

	if (ppt_usage(v->pool, &u, NULL) || u.free_pages < 8)
		return 0;
	while (i < ORACLE_SPACES && !o->space[i].exists)
		i++;
	if (i == ORACLE_SPACES)
		err = ppt_space_create(v->pool, o->space[i = 0].name,
				       PPT_FORMAT_X86_64_4, &handle, NULL);
	else
		err = ppt_space_open(v->pool, o->space[i].name, &handle, NULL);
	if (!err)
		err = ppt_map(&handle, SPARE_VA, pa, PPT_PAGE_BYTES,
			      PPT_PROT_READ, 0, NULL);
	err = library_op(rig, "ppt_map", err);
	if (err)
		return err;
	pool_fixture_drop(v);
	err = attach(rig);
	if (err)
		return attach_error(rig, "third", err);
	err = ppt_space_open(v->pool, o->space[i].name, &handle, NULL);
	if (!err)
		err = ppt_translate(&handle, SPARE_VA, &ext, NULL);
	if (!err && (ext.pa != pa || ext.prot != PPT_PROT_READ))
		err = PPT_E_CORRUPT;
	if (!err)
		err = ppt_unmap(&handle, SPARE_VA, PPT_PAGE_BYTES, NULL);
	if (!err && !o->space[i].exists)
		err = ppt_space_delete(v->pool, o->space[i].name, NULL);
	return library_op(rig, "a page mapped after recovery is lost", err);
}

/* Whatever the crash left half built comes back; nothing leaks. */
static int check_settled(struct rig *rig, struct oracle *o)
{
	struct view view = pool_fixture_view(&rig->victim);
	struct why why;

	if (!view_check_settled(&view, o, &why))
		return 0;
	return why_set(&rig->why, "after reclaim: %.500s", why.text);
}

/* @s was found: it stays, nothing leaks, and the pool goes on working. */
static int check_future(struct rig *rig, uint32_t s)
{
	struct oracle o;
	int err = check_again(rig);

	state_now(rig, s, &o);
	if (!err)
		err = check_settled(rig, &o);
	if (!err && rig->images % 4 == 0)
		err = check_goes_on(rig, &o);
	if (!err && rig->images % 4 == 0)
		err = check_settled(rig, &o);
	oracle_free(&o);
	return err;
}

int rig_recover(struct rig *rig, const uint64_t *image, uint32_t low,
		uint32_t high, struct recorder *rec, uint32_t *state)
{
	struct pool_fixture *v = &rig->victim;
	int err;

	rig->images++;
	memcpy(v->writable, image, v->bytes);
	v->observer = rec ? &rec->observer : NULL;
	err = attach(rig);
	v->observer = NULL;
	if (err)
		return attach_error(rig, "recovering", err);
	err = find_state(rig, low, high, state);
	if (!err && !rec)
		err = check_future(rig, *state);
	pool_fixture_drop(v);
	return err;
}

/* The next boot may have moved memory once more. */
static int recover_nested(struct rig *rig, const uint64_t *image, uint32_t low,
			  uint32_t high, struct rng *r)
{
	struct ppt_memory_map present = rig->present;
	uint32_t state;
	int err;

	if (rig->moved && rng_once_in(r, 2))
		rig->present = rig->later;
	rig->nested++;
	err = rig_recover(rig, image, low, high, NULL, &state);
	rig->present = present;
	return err;
}

/* What attach or ppt_checkpoint did is durable: there is nothing to do. */
static int check_done(struct rig *rig, const uint64_t *image)
{
	struct pool_fixture *v = &rig->victim;
	int err;

	memcpy(v->writable, image, v->bytes);
	err = attach(rig);
	pool_fixture_drop(v);
	if (!err && !v->report.records_replayed && !v->report.tables_rebased)
		return 0;
	return why_set(&rig->why,
		       "%s, %llu records still to replay, %llu tables to "
		       "rebase",
		       ppt_error_name(err),
		       (unsigned long long)v->report.records_replayed,
		       (unsigned long long)v->report.tables_rebased);
}

/* Crash inside the recovery of @image, and after its end. */
static int crash_in_recovery(struct rig *rig, const uint64_t *image,
			     uint32_t low, uint32_t high, struct rng *r)
{
	uint64_t *second = malloc(rig->victim.bytes);
	struct recorder rec;
	struct shadow s;
	uint64_t odds;
	uint32_t state;
	int err;

	if (!second)
		abort();
	recorder_open(&rec, rig->victim.writable);
	err = rig_recover(rig, image, low, high, &rec, &state);
	shadow_open(&s, image, rig->victim.bytes);
	odds = rec.count / NESTED_IMAGES + 1;
	for (size_t i = 0; i < rec.count && !err; i++) {
		if (rng_once_in(r, odds)) {
			shadow_image(&s,
				     (enum shadow_mode)rng_below(r,
								 SHADOW_MODES),
				     r, second);
			err = recover_nested(rig, second, low, high, r);
		}
		recorder_play(&rec, i, &s);
	}
	if (!err) {
		/* what attach has shown is durable */
		shadow_image(&s, SHADOW_DURABLE, r, second);
		err = recover_nested(rig, second, state, state, r);
		if (!err)
			err = check_done(rig, second);
	}
	shadow_close(&s);
	recorder_close(&rec);
	free(second);
	return err;
}

static int blame(struct rig *rig, const struct crash_point *p, bool nested)
{
	static const char *const kind[] = { "store", "stream", "flush",
					    "fence", "user",   "mark" };
	static const char *const mode[] = { "all",      "durable", "words",
					    "prefixes", "lines",   "but-one",
					    "only-one" };
	const struct rig_event *e = &rig->rec.event[p->event];
	struct why why = rig->why;

	return why_set(&rig->why,
		       "workload %s, crash before event %zu (%s at %#llx, %s), "
		       "%s%s: %.400s\n  replay: PPT_TEST_SEED=%llu "
		       "PPT_TEST_CRASH=%zu:%d:%u",
		       rig->name, p->event, kind[e->kind],
		       (unsigned long long)e->off, e->site ? e->site : "?",
		       mode[p->mode], nested ? ", and again in recovery" : "",
		       why.text, (unsigned long long)rig->seed, p->event,
		       (int)p->mode, p->sample);
}

static int crash_at(struct rig *rig, const struct crash_point *p,
		    const struct shadow *s)
{
	const struct rig_event *e = &rig->rec.event[p->event];
	struct rng r = { .state = rig->seed * 31 + p->event * 1009 +
				  (uint64_t)p->mode * 101 + p->sample };
	uint64_t *image = malloc(rig->victim.bytes);
	uint32_t state;
	bool nested;
	int err;

	if (!image)
		abort();
	shadow_image(s, p->mode, &r, image);
	nested = rng_once_in(&r, rig->deep);
	if (nested)
		err = crash_in_recovery(rig, image, e->low, e->high, &r);
	else
		err = rig_recover(rig, image, e->low, e->high, NULL, &state);
	free(image);
	return err ? blame(rig, p, nested) : 0;
}

/* How many samples of @mode are worth taking before an event of @kind. */
static unsigned weight(enum rig_kind kind, enum shadow_mode mode)
{
	bool border = kind == RIG_FENCE || kind == RIG_MARK;

	switch (mode) {
	case SHADOW_ALL:
		return 1;
	case SHADOW_DURABLE:
		return border ? 1 : 0;
	case SHADOW_WORDS:
		return border ? 6 : 1;
	default:
		return border ? 2 : 0;
	}
}

static uint64_t possible(const struct rig *rig)
{
	uint64_t count = 0;

	for (size_t i = rig->crash_from; i < rig->rec.count; i++)
		for (int m = 0; m < SHADOW_MODES; m++)
			count += weight(rig->rec.event[i].kind,
					(enum shadow_mode)m);
	return count;
}

/* The single image that PPT_TEST_CRASH asks for. */
static bool wanted(struct crash_point *p)
{
	const char *text = getenv("PPT_TEST_CRASH");
	char *end = NULL;

	if (!text || !*text)
		return false;
	p->event = strtoull(text, &end, 10);
	p->mode = (enum shadow_mode)(*end ? strtoul(end + 1, &end, 10) : 0);
	p->sample = (unsigned)(*end ? strtoul(end + 1, &end, 10) : 0);
	return true;
}

/* After ppt_checkpoint a power loss leaves nothing to replay. */
static int check_emptied(struct rig *rig, size_t event, const struct shadow *s)
{
	struct why why;

	if (!check_done(rig, s->durable))
		return 0;
	why = rig->why;
	return why_set(&rig->why,
		       "workload %s: after a checkpoint, before event %zu: "
		       "%.400s",
		       rig->name, event, why.text);
}

static int crash_before(struct rig *rig, size_t event, const struct shadow *s,
			uint64_t total, struct rng *r)
{
	struct crash_point one;
	bool only = wanted(&one);

	if (only)
		return one.event == event ? crash_at(rig, &one, s) : 0;
	if (rig->rec.event[event].emptied) {
		int err = check_emptied(rig, event, s);

		if (err)
			return err;
	}
	for (int m = 0; m < SHADOW_MODES; m++) {
		struct crash_point p = { event, (enum shadow_mode)m, 0 };
		unsigned n = weight(rig->rec.event[event].kind, p.mode);

		for (; p.sample < n; p.sample++) {
			int err;

			if (rng_below(r, total) >= rig->budget)
				continue;
			err = crash_at(rig, &p, s);
			if (err)
				return err;
		}
	}
	return 0;
}

int rig_crash(struct rig *rig)
{
	uint64_t total = possible(rig) + 1;
	struct rng r = { .state = rig->seed ^ 0xc4a54 };
	struct shadow s;
	int err = 0;

	rig->rec.low = rig->states - 1;
	rig->rec.high = rig->states - 1;
	if (!rig->twin.relaxed)
		recorder_mark(&rig->rec, RIG_MARK, 0, NULL, 0);
	rig->victim.config.uuid = rig->pf.config.uuid;
	shadow_open(&s, rig->base, rig->pf.bytes);
	for (size_t i = 0; i < rig->rec.count && !err; i++) {
		if (i >= rig->crash_from)
			err = crash_before(rig, i, &s, total, &r);
		recorder_play(&rig->rec, i, &s);
	}
	if (!err && memcmp(s.visible, rig->pf.media, rig->pf.bytes) != 0)
		err = why_set(&rig->why,
			      "workload %s: stores that no observer saw",
			      rig->name);
	shadow_close(&s);
	return err;
}
