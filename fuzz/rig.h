/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h - media that is damaged, opened, read to the end and put back, without
 * a system call.
 *
 * Layer: fuzz.  All targets share it.  The library reads through a read-only
 * mapping between pages that fault, and an observer sees each access: one
 * outside the media, or more reads than a call can need, ends the program, as
 * does everything else that must not happen [I7, I9, I10].
 */
#ifndef FUZZ_RIG_H
#define FUZZ_RIG_H

#include "../tests/support/everything.h"
#include "input.h"

/**
 * struct rig - one copy of an image.
 * @image:    what it goes back to; its sizes and places.
 * @read, @write: the same bytes.
 * @dirty:    lines that differ from @image, perhaps; @is_dirty the same by line.
 * @loads:    words read since rig_call.
 * @stores:   words stored since rig_restore; @guarded: of these, in what only
 *            a change of the memory map may write: superblocks.
 * @hash:     what the image maps, by rig_hash.
 */
struct rig {
	struct specimen image;
	uint8_t *read;
	uint8_t *write;
	uint32_t *dirty;
	uint32_t dirty_count;
	uint8_t *is_dirty;
	uint64_t loads;
	uint64_t stores;
	uint64_t guarded;
	struct ppt_pm_observer observer;
	void *scratch;
	size_t scratch_bytes;
	void *check_scratch;
	size_t check_bytes;
	struct ppt_pool *pool;
	struct ppt_attach_report report;
	uint32_t trust; /* enum ppt_trust, of the next attach */
	uint64_t hash;
};

/* Never returns: tells what is wrong, for the fuzzer to keep the input. */
__attribute__((noreturn, format(printf, 1, 2))) void rig_fail(const char *why,
							      ...);

/* Takes @image over; the rig lives as long as the program. */
void rig_open(struct rig *rig, const struct specimen *image);

/* Two rigs of each kind of image, and what they map; the first call makes them. */
struct rig *rig_of(uint32_t kind);
struct rig *rig_twin_of(uint32_t kind);

static inline void rig_touch(struct rig *rig, uint64_t word)
{
	uint64_t line = word / PPT__LINE_WORDS;

	if (rig->is_dirty[line])
		return;
	rig->is_dirty[line] = 1;
	rig->dirty[rig->dirty_count++] = (uint32_t)line;
}

static inline uint64_t *rig_word(struct rig *rig, uint64_t page, uint32_t slot)
{
	return (uint64_t *)(void *)rig->write + page * PPT_PAGE_WORDS + slot;
}

static inline void rig_set(struct rig *rig, uint64_t page, uint32_t slot,
			   uint64_t v)
{
	rig_touch(rig, page * PPT_PAGE_WORDS + slot);
	*rig_word(rig, page, slot) = v;
}

/* The image again. */
void rig_restore(struct rig *rig);

/* What @from holds, in @to, which is of the same image and not dirty. */
void rig_mirror(const struct rig *from, struct rig *to);

/* A call of the library begins: it may read so much, and no more. */
static inline void rig_call(struct rig *rig)
{
	rig->loads = 0;
}

/* Attach; a refusal must not have stored what it may not [I9]. */
int rig_attach(struct rig *rig, const struct ppt_memory_map *present,
	       uint32_t flags);

/* What check says of the media; it is replayed then. */
enum ppt_check_verdict rig_check(struct rig *rig);

/*
 * All that the attached pool maps, as a hash.  Each extent must lie in the
 * memory map and, in the pool, on a data page [I7].
 * Return: 0; the error that a call ended with.
 */
int rig_hash(struct rig *rig, uint64_t *hash);

/* That a translation may be believed, under the pool's memory map [I7]. */
void rig_judge(const struct rig *rig, const struct ppt_memory_map *map,
	       const struct ppt_extent *e);

/* The memory map that the image is to be attached under if memory moves. */
void rig_move(struct rig *rig, struct input *in, struct ppt_memory_map *map);

#endif
