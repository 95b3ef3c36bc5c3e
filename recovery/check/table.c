/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pass: tables, by workers.  A table's checksum, family, epoch, counts and
 * owners; its entries by the code of its family.
 * Gathers: how often each data page is mapped.
 */
#include "recovery/check/check.h"

/* Of tables with fewer entries it is worth while to look for empty lines. */
#define SPARSE 256u

/* The table itself, not one of its entries. */
static void found(struct ppt__check_table *t, enum ppt_problem_id id)
{
	ppt__check_entry(t, id, PPT_PAGE_WORDS, t->desc);
}

/* Where the owner is: of tables that lie beside each other, the same. */
static const struct ppt__place *above(struct ppt__check_worker *w,
				      uint32_t page)
{
	const struct ppt_check *c = w->check;
	uint32_t owner = c->owner[page];

	if (!owner || !ppt__desc_is_table(ppt__check_desc(c, owner)))
		owner = page; /* a root, or leaked */
	if (w->above.page != owner)
		ppt__check_climb(c, owner, &w->above);
	return &w->above;
}

void ppt__check_set_policy(struct ppt__check_table *t,
			   const struct ppt__check_family *f,
			   const struct ppt__place *at)
{
	uint32_t policy = t->worker->check->cfg.policy;
	bool upper;

	t->no_user = t->no_supervisor = false;
	t->no_wx = policy & PPT_POLICY_WX;
	if (!at->levels ||
	    !(policy & (PPT_POLICY_USER | PPT_POLICY_SUPERVISOR)))
		return;
	upper = f->canonical(at->va, at->levels) >> 63;
	t->no_user = upper && policy & PPT_POLICY_USER;
	t->no_supervisor = !upper && policy & PPT_POLICY_SUPERVISOR;
}

static void check_head(struct ppt__check_table *t)
{
	const struct ppt_check *c = t->worker->check;

	if (ppt__desc_share(t->desc) != 1)
		found(t, PPT_PROBLEM_TABLE_SHARE);
	if (ppt__check_bit(c->twice, t->page))
		found(t, PPT_PROBLEM_TABLE_OWNERS);
	if (t->epoch < 0)
		found(t, PPT_PROBLEM_TABLE_EPOCH);
}

void ppt__check_table(struct ppt__check_worker *w, uint32_t page, uint64_t desc)
{
	const struct ppt_check *c = w->check;
	const struct ppt__check_family *f =
		ppt__check_family(ppt__desc_family(desc));
	const struct ppt__place *at;
	struct ppt__check_table t;

	t.worker = w;
	t.desc = desc;
	t.page = page;
	t.level = ppt__desc_level(desc);
	t.founds = 0;
	t.fix = NULL;
	w->tables++;
	if (!f) {
		ppt__check_at(w, PPT_PROBLEM_TABLE_FAMILY, page, desc);
		return;
	}
	t.word = ppt__check_page(c, page);
	t.lines = UINT64_MAX;
	if (ppt__desc_live(desc) < SPARSE)
		t.lines = ppt__page_lines(t.word);
	t.epoch = ppt__check_epoch(c, desc);
	at = above(w, page);
	t.counts = at->counts;
	ppt__check_set_policy(&t, f, at);
	check_head(&t);
	t.run_end = PPT__NO_RUN;
	f->entries(&t);
	w->entries += t.live;
	if (t.live != ppt__desc_live(desc))
		found(&t, PPT_PROBLEM_TABLE_LIVE);
	if (desc !=
	    ppt__desc_page(c->pool->seed, page, ppt__desc_hi(desc), t.word))
		found(&t, PPT_PROBLEM_TABLE_CHECKSUM);
	ppt__check_entries_tell(&t);
}
