/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * media.h - memory that the library takes for a pool.
 *
 * Layer: sim.  Mapped twice: the library reads through a read-only mapping and
 * core/pm stores through the other, so that a stray store faults [I13].
 */
#ifndef SIM_EXPLORE_MEDIA_H
#define SIM_EXPLORE_MEDIA_H

#include "sim/explore/pending.h"

/* What an undecided word holds until it is looked at. */
#define MEDIA_OPEN UINT64_C(0xdeadc0dedeadc0de)

/**
 * struct media - the memory and what of it is undecided.
 * @open:     for each line a bit for each undecided word.
 * @open_lines: lines with any.
 * @zero, @zero_open: both as the crash of level 0 left them.
 * @touched:  lines that are not.
 */
struct media {
	uint64_t *read;
	uint64_t *write;
	uint64_t words;
	uint8_t *open;
	uint32_t open_lines;
	uint64_t *zero;
	uint8_t *zero_open;
	uint32_t *touched;
	uint32_t touched_count;
	bool *is_touched;
};

/* 0, or -1 with errno. */
int media_open(struct media *m, uint64_t bytes);
void media_close(struct media *m);

/* A pool's content, of which nothing is undecided; also for level 0. */
void media_fill(struct media *m, const uint64_t *content);

/* Make a line what @p says of it: values, or open. */
void media_render(struct media *m, struct pending *p, uint32_t line);

/* The same for level 0, to which media_restore goes back. */
void media_render_zero(struct media *m, struct pending *zero, uint32_t line);

static inline void media_set_open(struct media *m, uint32_t line, uint8_t open)
{
	m->open_lines += open != 0;
	m->open_lines -= m->open[line] != 0;
	m->open[line] = open;
}

static inline void media_touch(struct media *m, uint32_t line)
{
	if (m->is_touched[line])
		return;
	m->is_touched[line] = true;
	m->touched[m->touched_count++] = line;
}

/* All touched lines back to level 0. */
void media_restore(struct media *m);

/* What the touched lines hold, to have it again without rendering them. */
struct media_view {
	struct media_line *line;
	uint32_t count;
	uint32_t room;
};

void media_keep(const struct media *m, struct media_view *view);
void media_show(struct media *m, const struct media_view *view);
void media_view_free(struct media_view *view);

#endif
