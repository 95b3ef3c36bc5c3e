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

struct media_view;

/**
 * struct media - the memory and what of it is undecided.
 * @open:     for each line a bit for each undecided word.
 * @open_lines: lines with any.
 * @zero, @zero_open: both as the crash of level 0 left them.
 * @shown:    what it was made to show last; NULL: the crash of level 0.
 * @touched:  lines that may have changed since.
 * @part:     what a line adds to a view's sum.
 */
struct media {
	uint64_t *read;
	uint64_t *write;
	uint64_t words;
	uint8_t *open;
	uint32_t open_lines;
	uint64_t *zero;
	uint8_t *zero_open;
	const struct media_view *shown;
	uint32_t *touched;
	uint32_t touched_count;
	bool *is_touched;
	uint64_t (*part)(const void *ctx, uint32_t line);
	const void *ctx;
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

/**
 * struct media_view - what differs from level 0.
 * @at:  for each line of the media where it is in @line, and 1; 0: it is not.
 * @sum: of the lines' parts.
 */
struct media_view {
	struct media_line *line;
	uint32_t count;
	uint32_t room;
	uint32_t *at;
	uint64_t sum;
};

struct media_line {
	uint64_t word[LINE_WORDS];
	uint64_t part;
	uint32_t line;
	uint8_t open;
};

/* What is there of a line; NULL: it is as level 0 has it. */
static inline const struct media_line *
media_line_of(const struct media_view *view, uint32_t line)
{
	if (!view || !view->at || !view->at[line])
		return NULL;
	return &view->line[view->at[line] - 1];
}

/* The media as at level 0, or as a view has it: again, if it was shown last. */
void media_restore(struct media *m);
void media_show(struct media *m, const struct media_view *view);

/* A view becomes another one; NULL: level 0.  It is not the one that is shown. */
void media_copy(const struct media *m, struct media_view *view,
		const struct media_view *from);
/* What the touched lines hold goes into the view that is shown. */
void media_keep(struct media *m, struct media_view *view);
void media_view_free(struct media_view *view);

#endif
