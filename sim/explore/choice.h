/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * choice.h - depth-first search by running again.
 *
 * Layer: sim.  A run asks choice_make whenever it could go on in several ways;
 * the next run goes the same way up to the last choice that has another
 * alternative left, and takes that one.
 */
#ifndef SIM_EXPLORE_CHOICE_H
#define SIM_EXPLORE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#define CHOICES_MAX 4096u

/**
 * struct choice - a stack.
 * @taken, @of: what was taken, of how many.
 * @depth:  choices on the stack; @at: how many of them this run has made.
 * @forced: the run follows the stack, and takes 0 behind its end; no search.
 */
struct choice {
	uint8_t taken[CHOICES_MAX];
	uint8_t of[CHOICES_MAX];
	uint32_t depth;
	uint32_t at;
	bool forced;
};

/* One of 0 … n - 1; behind CHOICES_MAX always 0. */
static inline unsigned choice_make(struct choice *c, unsigned n)
{
	if (c->at == c->depth && c->at < CHOICES_MAX) {
		c->taken[c->at] = 0;
		c->of[c->at] = (uint8_t)n;
		c->depth++;
	}
	if (c->at == CHOICES_MAX)
		return 0;
	if (c->taken[c->at] >= n) /* only in a forced run */
		c->taken[c->at] = (uint8_t)(n - 1);
	return c->taken[c->at++];
}

/* Whether this is the first of the runs that share its first @n choices. */
static inline bool choice_first_after(const struct choice *c, uint32_t n)
{
	for (uint32_t i = n; i < c->at; i++)
		if (c->taken[i])
			return false;
	return true;
}

/* Set up the next run; false if there is none. */
static inline bool choice_next(struct choice *c)
{
	c->depth = c->at;
	c->at = 0;
	if (c->forced)
		return false;
	while (c->depth && c->taken[c->depth - 1] + 1 >= c->of[c->depth - 1])
		c->depth--;
	if (!c->depth)
		return false;
	c->taken[c->depth - 1]++;
	return true;
}

#endif
