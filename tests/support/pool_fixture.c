/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_fixture.c - a pool in a memfd that is mapped twice.
 *
 * Layer: tests.
 */
#define _GNU_SOURCE
#include "pool_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/oracle/memory.h"
#include "sim/oracle/rng.h"

#define CANARY_BYTES 64u
#define CANARY 0x5au
#define GARBAGE 0xa5

static void die(const char *what)
{
	perror(what);
	abort();
}

/*
 * Entries as an earlier user of the media could have left them: present, with
 * addresses inside the pool or in DRAM, some large, some with NX and A/D.
 */
static void fill_dirty(struct pool_fixture *pf, uint64_t seed)
{
	uint64_t *word = (uint64_t *)(void *)pf->writable;
	struct rng r = { .state = seed };

	for (uint64_t i = 0; i < pf->bytes / 8; i++) {
		uint64_t v = rng_next(&r);
		uint64_t pa =
			v & 8 ? POOL_FIXTURE_DRAM + (v >> 40 << 12) :
				pf->config.phys_base +
					((v >> 20) % (pf->bytes / 4096) << 12);

		switch (v & 7) {
		case 0:
			word[i] = 0;
			break;
		case 1:
			word[i] = v;
			break;
		default:
			word[i] = pa | 0x67 | (v >> 4 & 0x80) |
				  (v & UINT64_C(1) << 63);
			break;
		}
	}
}

static void configure(struct pool_fixture *pf,
		      const struct pool_fixture_options *o)
{
	struct ppt_create_config *c = &pf->config;
	struct rng r = { .state = o->seed ^ 0x9001 };

	c->pm.media = pf->media;
	c->pm.writable = pf->writable;
	c->pm.bytes = pf->bytes;
	c->pm.flush = o->flush;
	for (unsigned i = 0; i < sizeof(c->uuid.b); i++)
		c->uuid.b[i] = (uint8_t)(rng_next(&r) | 1);
	c->phys_base = o->phys_base ? o->phys_base : POOL_FIXTURE_PHYS;
	c->journal_bytes = o->journal_bytes ? o->journal_bytes :
					      PPT_JOURNAL_BYTES_MIN;
	memory_add_all(&c->regions);
}

void pool_fixture_open(struct pool_fixture *pf,
		       const struct pool_fixture_options *options)
{
	static const struct pool_fixture_options defaults;
	const struct pool_fixture_options *o = options ? options : &defaults;

	memset(pf, 0, sizeof(*pf));
	pf->bytes = o->bytes ? o->bytes : UINT64_C(8) << 20;
	pf->fd = memfd_create("pptable-test", MFD_CLOEXEC);
	if (pf->fd < 0 || ftruncate(pf->fd, (off_t)pf->bytes) != 0)
		die("memfd");
	pf->media = mmap(NULL, pf->bytes, PROT_READ, MAP_SHARED, pf->fd, 0);
	pf->writable = mmap(NULL, pf->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    pf->fd, 0);
	if (pf->media == MAP_FAILED || pf->writable == MAP_FAILED)
		die("mmap");
	pf->attach_flags = o->attach_flags;
	configure(pf, o);
	if (!o->zeroed_media)
		fill_dirty(pf, o->seed);
}

static void free_scratch(struct pool_fixture *pf)
{
	const uint8_t *end = pf->scratch;

	if (!pf->scratch)
		return;
	end += pf->scratch_bytes;
	for (unsigned i = 0; i < CANARY_BYTES; i++) {
		if (end[i] != CANARY) {
			fprintf(stderr, "scratch memory overrun\n");
			abort();
		}
	}
	free(pf->scratch);
	pf->scratch = NULL;
}

void pool_fixture_close(struct pool_fixture *pf)
{
	if (pf->pool)
		(void)pool_fixture_detach(pf);
	pool_fixture_drop(pf);
	munmap(pf->media, pf->bytes);
	munmap(pf->writable, pf->bytes);
	close(pf->fd);
	memset(pf, 0, sizeof(*pf));
	pf->fd = -1;
}

int pool_fixture_create(struct pool_fixture *pf)
{
	pf->config.pm.observer = pf->observer;
	return ppt_create(&pf->config, &pf->diag);
}

static void new_scratch(struct pool_fixture *pf)
{
	size_t bytes = ppt_scratch_bytes(pf->bytes, pf->config.journal_bytes);
	size_t whole = (bytes + CANARY_BYTES + 63) / 64 * 64;

	free_scratch(pf);
	pf->scratch_bytes = bytes;
	pf->scratch = aligned_alloc(64, whole);
	if (!pf->scratch)
		die("scratch");
	memset(pf->scratch, GARBAGE, bytes);
	memset((uint8_t *)pf->scratch + bytes, CANARY, CANARY_BYTES);
}

int pool_fixture_attach(struct pool_fixture *pf,
			const struct ppt_memory_map *present)
{
	struct ppt_attach_config config = {
		.pm = pf->config.pm,
		.present = present,
		.flags = pf->attach_flags | PPT_ATTACH_DRAM_KEPT,
		.trust = pf->trust,
		.lost = pf->lost,
		.usc = pf->usc,
		.drain = pf->drain,
		.drain_ctx = pf->drain_ctx,
	};
	int err;

	new_scratch(pf);
	config.pm.observer = pf->observer;
	config.scratch = pf->scratch;
	config.scratch_bytes = pf->scratch_bytes;
	memset(&pf->report, GARBAGE, sizeof(pf->report));
	pf->pool = NULL;
	err = ppt_attach(&config, &pf->pool, &pf->report, &pf->diag);
	if (err)
		pf->pool = NULL;
	return err;
}

int pool_fixture_detach(struct pool_fixture *pf)
{
	int err = ppt_detach(pf->pool);

	pool_fixture_drop(pf);
	return err;
}

void pool_fixture_drop(struct pool_fixture *pf)
{
	free_scratch(pf);
	pf->pool = NULL;
}

void pool_fixture_copy(struct pool_fixture *to, const struct pool_fixture *from)
{
	struct ppt_pm_config pm = to->config.pm;

	memcpy(to->writable, from->media, from->bytes);
	to->config = from->config;
	to->config.pm = pm;
}

void pool_fixture_ready(struct pool_fixture *pf,
			const struct pool_fixture_options *options)
{
	int err;

	pool_fixture_open(pf, options);
	err = pool_fixture_create(pf);
	if (!err)
		err = pool_fixture_attach(pf, NULL);
	if (err) {
		fprintf(stderr, "pool not made: %s, %s: %s at %#llx\n",
			ppt_error_name(err), pf->diag.what, pf->diag.why,
			(unsigned long long)pf->diag.at);
		abort();
	}
}

void pool_fixture_map(const struct pool_fixture *pf, struct ppt_memory_map *map)
{
	const struct ppt_create_config *c = &pf->config;

	memset(map, 0, sizeof(*map));
	map->count = 1 + c->regions.count;
	map->region[0].uuid = c->uuid;
	map->region[0].kind = PPT_REGION_POOL;
	map->region[0].base = c->phys_base;
	map->region[0].len = c->pm.bytes;
	for (uint32_t i = 0; i < c->regions.count; i++)
		map->region[i + 1] = c->regions.region[i];
}

struct view pool_fixture_view(const struct pool_fixture *pf)
{
	return (struct view){ .pool = pf->pool,
			      .media = pf->media,
			      .writable = pf->writable,
			      .bytes = pf->bytes };
}

void pool_fixture_twin(const struct pool_fixture *pf, struct twin *twin)
{
	struct ppt_memory_map map;

	pool_fixture_map(pf, &map);
	twin_open(twin, pool_fixture_view(pf), &map, pf->attach_flags);
}
