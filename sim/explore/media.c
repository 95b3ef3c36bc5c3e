/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim/explore/media.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map(int fd, uint64_t bytes, int prot)
{
	void *p = mmap(NULL, bytes, prot, MAP_SHARED | MAP_POPULATE, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int media_open(struct media *m, uint64_t bytes)
{
	uint64_t lines = bytes / 64;
	int fd = memfd_create("pptsim", MFD_CLOEXEC);

	memset(m, 0, sizeof(*m));
	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)bytes) == 0) {
		m->write = map(fd, bytes, PROT_READ | PROT_WRITE);
		m->read = map(fd, bytes, PROT_READ);
	}
	close(fd);
	m->words = bytes / 8;
	m->open = calloc(lines, 1);
	m->zero = malloc(bytes);
	m->zero_open = calloc(lines, 1);
	m->touched = calloc(lines, sizeof(*m->touched));
	m->is_touched = calloc(lines, sizeof(*m->is_touched));
	if (m->write && m->read && m->open && m->zero && m->zero_open &&
	    m->touched && m->is_touched)
		return 0;
	media_close(m);
	return -1;
}

void media_close(struct media *m)
{
	if (m->read)
		munmap(m->read, m->words * 8);
	if (m->write)
		munmap(m->write, m->words * 8);
	free(m->open);
	free(m->zero);
	free(m->zero_open);
	free(m->touched);
	free(m->is_touched);
	memset(m, 0, sizeof(*m));
}

void media_fill(struct media *m, const uint64_t *content)
{
	memcpy(m->write, content, m->words * 8);
	memcpy(m->zero, content, m->words * 8);
	memset(m->open, 0, m->words / LINE_WORDS);
	m->open_lines = 0;
	memset(m->zero_open, 0, m->words / LINE_WORDS);
	memset(m->is_touched, 0, m->words / LINE_WORDS);
	m->touched_count = 0;
	m->shown = NULL;
}

void media_render(struct media *m, struct pending *p, uint32_t line)
{
	uint64_t *to = m->write + (size_t)line * LINE_WORDS;
	uint8_t open = 0;

	for (unsigned k = 0; k < LINE_WORDS; k++) {
		uint64_t word = (uint64_t)line * LINE_WORDS + k;

		if (pending_newest(p, word, &to[k]) ||
		    pending_value(p, word, &to[k]))
			continue;
		to[k] = MEDIA_OPEN;
		open |= (uint8_t)(1u << k);
	}
	media_set_open(m, line, open);
}

void media_render_zero(struct media *m, struct pending *zero, uint32_t line)
{
	size_t word = (size_t)line * LINE_WORDS;

	media_render(m, zero, line);
	memcpy(m->zero + word, m->write + word, LINE_WORDS * 8);
	m->zero_open[line] = m->open[line];
}

static void put(struct media *m, uint32_t line, const uint64_t *word,
		uint8_t open)
{
	memcpy(m->write + (size_t)line * LINE_WORDS, word, LINE_WORDS * 8);
	media_set_open(m, line, open);
}

/* A line of the view that is shown, as it was. */
static void put_back(struct media *m, uint32_t line)
{
	const struct media_line *l = media_line_of(m->shown, line);

	if (l)
		put(m, line, l->word, l->open);
	else
		put(m, line, m->zero + (size_t)line * LINE_WORDS,
		    m->zero_open[line]);
}

static void put_touched_back(struct media *m)
{
	while (m->touched_count) {
		uint32_t line = m->touched[--m->touched_count];

		put_back(m, line);
		m->is_touched[line] = false;
	}
}

void media_restore(struct media *m)
{
	const struct media_view *was = m->shown;

	m->shown = NULL;
	put_touched_back(m);
	for (uint32_t i = 0; was && i < was->count; i++)
		put_back(m, was->line[i].line);
}

void media_show(struct media *m, const struct media_view *view)
{
	if (m->shown == view) {
		put_touched_back(m);
		return;
	}
	media_restore(m);
	for (uint32_t i = 0; i < view->count; i++)
		put(m, view->line[i].line, view->line[i].word,
		    view->line[i].open);
	m->shown = view;
}

static struct media_line *add_line(struct media_view *view, uint32_t line)
{
	if (view->count == view->room) {
		view->room = view->room * 2 + 64;
		view->line =
			realloc(view->line, view->room * sizeof(*view->line));
		if (!view->line)
			abort();
	}
	view->at[line] = ++view->count;
	return &view->line[view->count - 1];
}

void media_copy(const struct media *m, struct media_view *view,
		const struct media_view *from)
{
	if (!view->at)
		view->at = calloc(m->words / LINE_WORDS, sizeof(*view->at));
	if (!view->at)
		abort();
	while (view->count)
		view->at[view->line[--view->count].line] = 0;
	view->sum = from ? from->sum : 0;
	for (uint32_t i = 0; from && i < from->count; i++)
		*add_line(view, from->line[i].line) = from->line[i];
}

void media_keep(struct media *m, struct media_view *view)
{
	while (m->touched_count) {
		uint32_t line = m->touched[--m->touched_count];
		struct media_line *l;

		m->is_touched[line] = false;
		if (view->at[line]) {
			l = &view->line[view->at[line] - 1];
			view->sum -= l->part;
		} else {
			l = add_line(view, line);
		}
		l->line = line;
		l->open = m->open[line];
		l->part = m->part(m->ctx, line);
		view->sum += l->part;
		memcpy(l->word, m->read + (size_t)line * LINE_WORDS,
		       sizeof(l->word));
	}
}

void media_view_free(struct media_view *view)
{
	free(view->line);
	free(view->at);
	*view = (struct media_view){ 0 };
}
