/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line.h - replay lines.
 *
 * Layer: sim.  One line of text that says everything that a violation needs:
 *
 *   pptsim1/WORKLOAD/MODEL/DEPTH/FLAGS/SEED/FINGERPRINT/FAULT@SITE/EVENT:CHOICES[/…]
 *
 * FINGERPRINT is that of the workload's trace: another library's differs.
 * EVENT:CHOICES is there for each level; a choice is one character, 0-9 a-z;
 * (N) stands for N zeros, and what is not said is 0.
 */
#ifndef SIM_EXPLORE_LINE_H
#define SIM_EXPLORE_LINE_H

#include "sim/explore/engine.h"

struct line {
	char workload[96];
	enum sim_model model;
	unsigned depth;
	bool mmu;
	uint64_t seed;
	uint32_t fingerprint;
	unsigned levels;
	uint32_t event[ENGINE_LEVELS];
	uint32_t choices[ENGINE_LEVELS];
	uint8_t choice[ENGINE_LEVELS][CHOICES_MAX];
	struct sim_mutant mutant;
};

/* What the engine is doing now. */
void line_make(const struct engine *x, char *text, size_t bytes);

/* A line that does not fit becomes one that cannot be parsed, and says so. */
void line_print(const struct line *line, char *text, size_t bytes);

/* 0, or -1 and what is wrong with it. */
int line_parse(const char *text, struct line *line, struct why *why);

#endif
