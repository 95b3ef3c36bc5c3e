/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checked.c - what check says to a pool that is viewed.
 *
 * Layer: sim.  Every state that operations, crashes and recoveries lead to
 * is one in which check finds nothing.
 */
#include "sim/oracle/view.h"

#include <stdlib.h>

struct first {
	bool any;
	struct ppt_problem problem;
};

static void on_problem(void *ctx, uint32_t worker, const struct ppt_problem *p)
{
	struct first *first = ctx;

	(void)worker;
	/* A crash may tear the superblock that does not count yet. */
	if (p->severity == PPT_SEVERITY_NOTE ||
	    p->id == PPT_PROBLEM_SUPERBLOCK_COPY || first->any)
		return;
	first->any = true;
	first->problem = *p;
}

int view_check_clean(const struct view *v, struct why *why)
{
	struct first first = { .any = false };
	struct ppt_check_config cfg = {
		.pm = { .media = v->media, .bytes = v->bytes },
		.flags = PPT_CHECK_EXACT,
		.pa_bits = 52,
		.problem = on_problem,
		.ctx = &first,
	};
	const struct ppt_problem *p = &first.problem;
	struct ppt_check_report report;
	int err;

	cfg.scratch_bytes =
		ppt_check_scratch_bytes(v->media, v->bytes, 1) / 64 * 64;
	cfg.scratch = aligned_alloc(64, cfg.scratch_bytes);
	if (!cfg.scratch)
		abort();
	err = ppt_check(&cfg, &report, NULL);
	free(cfg.scratch);
	if (err)
		return why_set(why, "check: %s", ppt_error_name(err));
	if (!first.any)
		return 0;
	return why_set(why,
		       "check: %s: page %llu, slot %u, VA %#llx, %llu of them, "
		       "word %#llx",
		       p->code, (unsigned long long)p->page, p->slot,
		       (unsigned long long)p->va, (unsigned long long)p->count,
		       (unsigned long long)p->found);
}
