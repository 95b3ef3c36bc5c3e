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
}

void media_render(struct media *m, struct pending *p, uint32_t line)
{
	uint64_t *to = m->write + (size_t)line * LINE_WORDS;
	uint8_t open = 0;

	for (unsigned k = 0; k < LINE_WORDS; k++) {
		uint64_t word = (uint64_t)line * LINE_WORDS + k;

		if (pending_value(p, word, &to[k]))
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

void media_restore(struct media *m)
{
	for (uint32_t i = 0; i < m->touched_count; i++) {
		uint32_t line = m->touched[i];
		size_t word = (size_t)line * LINE_WORDS;

		memcpy(m->write + word, m->zero + word, LINE_WORDS * 8);
		media_set_open(m, line, m->zero_open[line]);
		m->is_touched[line] = false;
	}
	m->touched_count = 0;
}

struct media_line {
	uint64_t word[LINE_WORDS];
	uint32_t line;
	uint8_t open;
};

void media_keep(const struct media *m, struct media_view *view)
{
	if (view->room < m->touched_count) {
		view->room = m->touched_count * 2;
		free(view->line);
		view->line = malloc(view->room * sizeof(*view->line));
		if (!view->line)
			abort();
	}
	view->count = m->touched_count;
	for (uint32_t i = 0; i < view->count; i++) {
		struct media_line *l = &view->line[i];

		l->line = m->touched[i];
		l->open = m->open[l->line];
		memcpy(l->word, m->write + (size_t)l->line * LINE_WORDS,
		       sizeof(l->word));
	}
}

void media_show(struct media *m, const struct media_view *view)
{
	media_restore(m);
	for (uint32_t i = 0; i < view->count; i++) {
		const struct media_line *l = &view->line[i];

		media_touch(m, l->line);
		media_set_open(m, l->line, l->open);
		memcpy(m->write + (size_t)l->line * LINE_WORDS, l->word,
		       sizeof(l->word));
	}
}

void media_view_free(struct media_view *view)
{
	free(view->line);
	*view = (struct media_view){ 0 };
}
