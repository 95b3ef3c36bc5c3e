/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.c - worlds, and what a recovered image has to be.
 *
 * Layer: sim.
 */
#include "sim/explore/world.h"

#include <string.h>

#include "sim/explore/pattern.h"
#include "sim/explore/steps.h"

/* Of any pool of that size; if it is not enough, a repair says so. */
#define REPAIR_SCRATCH (512u << 10)

uint64_t world_bytes(void)
{
	return PPT_POOL_BYTES_MIN;
}

size_t world_scratch_bytes(void)
{
	uint64_t bytes = world_bytes();
	size_t attach = ppt_scratch_bytes(bytes, bytes / 8);
	size_t most = attach > REPAIR_SCRATCH ? attach : REPAIR_SCRATCH;

	return (most + 4095) & ~(size_t)4095;
}

const struct ppt_memory_map *world_present(const struct world *w)
{
	return w->moved ? &w->present : NULL;
}

void world_state_free(struct world_state *state)
{
	oracle_free(&state->o);
	state->none = false;
}

void world_close(struct world *w)
{
	for (unsigned i = 0; i < w->states; i++)
		world_state_free(&w->state[i]);
	oracle_free(&w->now);
	w->states = 0;
	w->low = 0;
	w->tags = 0;
	w->pool = NULL;
	w->moved = false;
	w->relaxed = false;
	w->mend = false;
	w->losses = 0;
	w->trust = w->recover = PPT_TRUST_FULL;
	w->lost = PPT_LOST_FAULT;
	memset(w->used, 0, sizeof(w->used));
}

int world_open(struct world *w, const struct world_base *base)
{
	world_close(w);
	oracle_copy(&w->state[0].o, &base->state.o);
	oracle_copy(&w->now, &base->state.o);
	w->states = 1;
	/* No pattern twice, so that old content is told from new. */
	for (uint64_t i = 0; i < w->now.pages; i++)
		if (w->now.tag[i] >= TAG_FILL + w->tags)
			w->tags = w->now.tag[i] - TAG_FILL + 1;
	return step_attach(w);
}

int world_trim(struct world *w, unsigned kept)
{
	int err = 0;

	w->quiet = true;
	for (unsigned k = 0; k < WORLD_REPEATS && !err; k++) {
		uint64_t va = AT_ASIDE(k) + kept * PPT_SIZE_2M;

		if (w->now.space[0].exists &&
		    oracle_find(&w->now.space[0], va) && !w->relaxed)
			err = step_unmap(w, 0, va, (ASIDE_TABLES - kept) * 512);
	}
	w->quiet = false;
	return err;
}

/* ------------------------------------------------------------- matches -- */

/* How far each region of a state is from where it is now. */
struct shift {
	const struct ppt_memory_map *map;
	uint64_t delta[PPT_REGIONS_MAX];
	bool gone[PPT_REGIONS_MAX]; /* what is there faults */
};

static const struct ppt_region *find(const struct ppt_memory_map *map,
				     const struct ppt_uuid *uuid)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (!memcmp(&map->region[i].uuid, uuid, sizeof(*uuid)))
			return &map->region[i];
	return NULL;
}

/* The image has the state's regions, where they are now. */
static int match_regions(const struct oracle *o,
			 const struct ppt_memory_map *present,
			 const struct image *image, struct shift *shift,
			 struct why *why)
{
	const struct ppt_memory_map *map = &o->regions;

	shift->map = map;
	if (image->regions.count != map->count)
		return why_set(why, "%u regions recorded, expected %u",
			       image->regions.count, map->count);
	for (uint32_t i = 0; i < map->count; i++) {
		static const struct ppt_region nowhere;
		const struct ppt_region *was = &map->region[i];
		const struct ppt_region *now =
			present ? find(present, &was->uuid) : was;
		const struct ppt_region *have =
			find(&image->regions, &was->uuid);

		shift->gone[i] = !now;
		if (!now)
			now = &nowhere;
		if (!have || have->base != now->base || have->len != now->len ||
		    have->kind != was->kind)
			return why_set(why,
				       "region %u, expected at %#llx, is %s "
				       "%#llx",
				       i, (unsigned long long)now->base,
				       have ? "at" : "not recorded,",
				       (unsigned long long)(have ? have->base :
								   0));
		shift->delta[i] = now->base - was->base;
	}
	return 0;
}

static uint32_t region_of(const struct shift *shift, uint64_t pa)
{
	uint32_t i = 0;

	while (i < shift->map->count &&
	       pa - shift->map->region[i].base >= shift->map->region[i].len)
		i++;
	return i;
}

static uint64_t moved(const struct shift *shift, uint64_t pa)
{
	uint32_t i = region_of(shift, pa);

	return i < shift->map->count ? pa + shift->delta[i] : pa;
}

static bool is_gone(const struct shift *shift, uint64_t pa)
{
	uint32_t i = region_of(shift, pa);

	return i < shift->map->count && shift->gone[i];
}

/* The next extent, with all that go on where it ends. */
static bool next(const struct ext_list *map, const struct shift *shift,
		 size_t *at, struct oracle_ext *out)
{
	while (*at < map->count && is_gone(shift, map->ext[*at].pa))
		++*at;
	if (*at == map->count)
		return false;
	*out = map->ext[(*at)++];
	out->pa = moved(shift, out->pa);
	for (; *at < map->count; ++*at) {
		const struct oracle_ext *ext = &map->ext[*at];

		if (is_gone(shift, ext->pa) || ext->va != out->va + out->len ||
		    ext->prot != out->prot || ext->page != out->page ||
		    moved(shift, ext->pa) != out->pa + out->len)
			break;
		out->len += ext->len;
	}
	return true;
}

static int differ(const char *name, const struct oracle_ext *want,
		  const struct oracle_ext *have, struct why *why)
{
	return why_set(why,
		       "%s: expected va %#llx len %#llx pa %#llx page %#llx "
		       "prot %#x, found va %#llx len %#llx pa %#llx page "
		       "%#llx prot %#x",
		       name, (unsigned long long)want->va,
		       (unsigned long long)want->len,
		       (unsigned long long)want->pa,
		       (unsigned long long)want->page, want->prot,
		       (unsigned long long)have->va,
		       (unsigned long long)have->len,
		       (unsigned long long)have->pa,
		       (unsigned long long)have->page, have->prot);
}

static int match_space(const struct oracle_space *s,
		       const struct oracle_space *found,
		       const struct shift *shift, struct why *why)
{
	size_t at = 0;

	if (s->format != found->format)
		return why_set(why, "%s: format %d, expected %d", s->name,
			       (int)found->format, (int)s->format);
	for (size_t i = 0;; i++) {
		struct oracle_ext want = { 0 }, have = { 0 };
		bool wanted = next(&s->map, shift, &at, &want);

		if (i < found->map.count)
			have = found->map.ext[i];
		else if (!wanted)
			return 0;
		if (want.va != have.va || want.len != have.len ||
		    want.pa != have.pa || want.page != have.page ||
		    want.prot != have.prot)
			return differ(s->name, &want, &have, why);
	}
}

static int match_spaces(const struct oracle *o, const struct image *image,
			const struct shift *shift, struct why *why)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		count += o->space[i].exists;
	if (count != image->spaces)
		return why_set(why, "%u spaces, expected %u", image->spaces,
			       count);
	for (unsigned i = 0; i < image->spaces; i++) {
		const struct oracle_space *found = &image->space[i];
		unsigned k = 0;

		while (k < ORACLE_SPACES &&
		       (!o->space[k].exists ||
			strcmp(o->space[k].name, found->name) != 0))
			k++;
		if (k == ORACLE_SPACES)
			return why_set(why, "unexpected space %s", found->name);
		if (match_space(&o->space[k], found, shift, why))
			return -1;
	}
	return 0;
}

static int match_frame(const struct image_view *view, uint64_t page,
		       uint32_t tag, struct why *why)
{
	const uint64_t *word = view->media + page * PPT_PAGE_WORDS;

	image_need(view, page * PPT_PAGE_WORDS, PPT_PAGE_WORDS);
	for (unsigned i = 0; i < PPT_PAGE_WORDS; i++)
		if (word[i] != pattern_word(tag, page, i))
			return why_set(
				why,
				"frame %llu word %u: expected %#llx (tag %u), "
				"found %#llx",
				(unsigned long long)page, i,
				(unsigned long long)pattern_word(tag, page, i),
				tag, (unsigned long long)word[i]);
	return 0;
}

static int match_frames(const struct oracle *o, const struct image_view *view,
			struct why *why)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++) {
		const struct ext_list *map = &o->space[i].map;

		for (size_t k = 0; k < map->count; k++) {
			const struct oracle_ext *ext = &map->ext[k];
			uint64_t page = oracle_pool_page(o, ext->pa);
			uint64_t n = ext->len / PPT_PAGE_BYTES;

			for (; page != UINT64_MAX && n; n--, page++)
				if (o->tag[page] != TAG_ANY &&
				    match_frame(view, page, o->tag[page], why))
					return -1;
		}
	}
	return 0;
}

bool world_matches(const struct world_state *state,
		   const struct ppt_memory_map *present,
		   const struct image *image, const struct image_view *view,
		   struct why *why)
{
	struct shift shift;

	if (state->none) {
		(void)why_set(why, "no pool was expected");
		return false;
	}
	return !match_regions(&state->o, present, image, &shift, why) &&
	       !match_spaces(&state->o, image, &shift, why) &&
	       !match_frames(&state->o, view, why);
}

/* --------------------------------------------------------------- extra -- */

static unsigned extra_space(const struct oracle *o)
{
	for (unsigned i = 0; i < ORACLE_SPACES; i++)
		if (o->space[i].exists)
			return i;
	return ORACLE_SPACES;
}

int world_extra(struct ppt_pool *pool, const struct world_state *from,
		struct why *why)
{
	unsigned i = extra_space(&from->o);
	struct ppt_diag diag = { 0 };
	struct ppt_memory_map map;
	struct ppt_space space;
	int err;

	ppt_memory_map(pool, &map);
	if (i == ORACLE_SPACES)
		err = ppt_space_create(pool, from->o.space[0].name,
				       PPT_FORMAT_X86_64_4, NULL, &diag);
	else
		err = ppt_space_open(pool, from->o.space[i].name, &space,
				     &diag);
	if (!err && i != ORACLE_SPACES)
		err = ppt_map(&space, AT_EXTRA,
			      map.region[1].base + EXTRA_DRAM * PPT_PAGE_BYTES,
			      PPT_PAGE_BYTES, PPT_PROT_READ, 0, &diag);
	if (!err)
		return 0;
	return why_set(why, "%s (%s: %s at %#llx)", ppt_error_name(err),
		       diag.what ? diag.what : "?", diag.why ? diag.why : "?",
		       (unsigned long long)diag.at);
}

void world_extra_state(const struct world_state *from, struct world_state *to)
{
	unsigned i = extra_space(&from->o);
	struct op op = { .kind = OP_MAP,
			 .space = i,
			 .va = AT_EXTRA,
			 .pa = from->o.regions.region[1].base +
			       EXTRA_DRAM * PPT_PAGE_BYTES,
			 .len = PPT_PAGE_BYTES,
			 .prot = PPT_PROT_READ };

	if (i == ORACLE_SPACES)
		op = (struct op){ .kind = OP_SPACE_CREATE,
				  .space = 0,
				  .format = PPT_FORMAT_X86_64_4 };
	to->none = false;
	oracle_copy(&to->o, &from->o);
	oracle_apply(&to->o, &op);
}
