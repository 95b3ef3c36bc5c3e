/* SPDX-License-Identifier: BSD-3-Clause */
/* What a repair does, and where. */
#include "recovery/repair/repair.h"

struct row {
	const char *code;
	bool lossy;
	const char *message;
};

static const struct row rows[PPT_ACTION_COUNT] = {
#define ROW(name, code, lossy, message) { code, lossy, message },
	PPT_ACTIONS(ROW)
#undef ROW
};

struct ppt_action ppt__action(enum ppt_action_id id)
{
	return (struct ppt_action){
		.id = id,
		.code = rows[id].code,
		.lossy = rows[id].lossy,
		.message = rows[id].message,
		.count = 1,
	};
}

void ppt__repair_tell(struct ppt__repair *r, struct ppt_action *action)
{
	r->report.actions++;
	r->report.losses += action->lossy;
	r->cfg.action(r->cfg.ctx, action);
}

void ppt__repair_at(struct ppt__repair *r, enum ppt_action_id id, uint32_t page)
{
	struct ppt_action a = ppt__action(id);

	a.where = PPT_WHERE_PAGE;
	a.page = page;
	ppt__repair_tell(r, &a);
}

void ppt__repair_line(struct ppt__repair *r, enum ppt_action_id id,
		      uint64_t line)
{
	struct ppt_action a = ppt__action(id);

	a.where = PPT_WHERE_LINE;
	a.line = line & PPT__SEQ_MASK;
	ppt__repair_tell(r, &a);
}

void ppt__repair_flush(struct ppt__repair *r)
{
	if (r->pending.count)
		ppt__repair_tell(r, &r->pending);
	r->pending.count = 0;
}

void ppt__repair_pages(struct ppt__repair *r, enum ppt_action_id id,
		       uint32_t page)
{
	struct ppt_action *p = &r->pending;

	if (p->count && p->id == id && p->page + p->count == page) {
		p->count++;
		return;
	}
	ppt__repair_flush(r);
	*p = ppt__action(id);
	p->where = PPT_WHERE_PAGE;
	p->page = page;
}

void ppt__repair_entries(struct ppt__repair *r, enum ppt_action_id id,
			 const struct ppt__place *at, uint32_t slot, uint32_t n)
{
	const struct ppt__check_family *f = &ppt__check_x86_64;
	uint32_t level = ppt__use(r, at->page);
	bool whole = slot == PPT_PAGE_WORDS;
	struct ppt_action a = ppt__action(id);
	uint64_t span = f->span(level);

	a.where = PPT_WHERE_PAGE | (whole ? 0u : PPT_WHERE_SLOT);
	a.page = at->page;
	a.slot = whole ? 0 : slot;
	a.count = n;
	if (at->levels) {
		a.where |= PPT_WHERE_SPACE | PPT_WHERE_VA;
		__builtin_memcpy(a.space, at->space, sizeof(a.space));
		a.va = f->canonical(at->va + a.slot * span, at->levels);
		a.last = whole && level == at->levels ?
				 UINT64_MAX :
				 a.va + (whole ? PPT_PAGE_WORDS : n) * span - 1;
	}
	ppt__repair_tell(r, &a);
}

/* The name and levels of the space whose root this is. */
static void find_space(const struct ppt__repair *r, uint32_t root,
		       struct ppt__place *out)
{
	uint32_t page = r->c->owner[root], slot = r->slot[root];

	if (slot >= PPT_PAGE_WORDS - PPT_M_DIR_WORDS + 1)
		return;
	out->levels = ppt__use(r, root);
	__builtin_memcpy(out->space,
			 ppt__check_page(r->c, page) + slot + PPT_M_DIR_NAME,
			 sizeof(out->space));
	out->space[sizeof(out->space) - 1] = 0;
}

void ppt__repair_place(const struct ppt__repair *r, uint32_t page,
		       struct ppt__place *out)
{
	uint32_t level = ppt__use(r, page), owner;

	*out = (struct ppt__place){ .page = page, .counts = true };
	for (; level < PPT__LEVELS_MAX; level++) {
		owner = r->c->owner[page];
		if (ppt__use(r, owner) != level + 1)
			break;
		out->va += (ppt_va_t)r->slot[page]
			   << (PPT_PAGE_LG2 + 9 * level);
		page = owner;
	}
	owner = r->c->owner[page];
	if (owner == r->pool->at.reclaim_page)
		out->counts = ppt__reclaim_kind(ppt__check_load(
				      r->c, owner, r->slot[page])) !=
			      PPT_M_RECLAIM_TABLES;
	else if (ppt__use(r, owner) == PPT__USE_META)
		find_space(r, page, out);
}
