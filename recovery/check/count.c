/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: allocator.  What the workers counted, against what descriptors say:
 * pages that nothing uses, and share counts.
 */
#include "recovery/check/check.h"

static enum ppt_problem_id judge_frame(uint32_t mapped, uint32_t share)
{
	if (mapped == share || share == 0) /* that 0 is wrong was said */
		return PPT_PROBLEM_COUNT;
	if (mapped == 0)
		return PPT_PROBLEM_FRAME_LEAKED;
	return mapped < share ? PPT_PROBLEM_FRAME_OVERCOUNTED :
				PPT_PROBLEM_FRAME_UNDERCOUNTED;
}

static enum ppt_problem_id judge(const struct ppt_check *c, uint32_t page,
				 uint64_t desc, uint32_t mapped)
{
	if (c->any_held && ppt__check_bit(c->held, page))
		return PPT_PROBLEM_COUNT;
	if (ppt__desc_type(desc) == PPT__DESC_DATA)
		return judge_frame(mapped, ppt__desc_share(desc));
	if (c->owner[page])
		return PPT_PROBLEM_COUNT;
	if (ppt__desc_type(desc) == PPT__DESC_META)
		return PPT_PROBLEM_META_LEAKED;
	if (ppt__desc_is_table(desc) &&
	    ppt__desc_type(desc) <= PPT__DESC_TABLE + PPT__LEVELS_MAX)
		return PPT_PROBLEM_TABLE_LEAKED;
	return PPT_PROBLEM_COUNT;
}

void ppt__check_counts(struct ppt_check *c)
{
	uint32_t mapped = 0;

	for (uint64_t p = 0; p < c->pool->at.pages; p++) {
		uint64_t desc = ppt__check_desc(c, (uint32_t)p);
		enum ppt_problem_id id;

		for (uint32_t i = 0; i < c->workers; i++)
			mapped += c->worker[i].diff[p];
		if (p < c->pool->at.first_page || desc == c->pool->desc_free ||
		    (desc == c->pool->desc_data && mapped == 1))
			continue;
		id = judge(c, (uint32_t)p, desc, mapped);
		if (id != PPT_PROBLEM_COUNT)
			ppt__check_pages(&c->serial, id, (uint32_t)p, desc);
	}
	ppt__check_flush(&c->serial);
}
