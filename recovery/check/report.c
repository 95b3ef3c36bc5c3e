/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of problems, and where a problem is. */
#include "recovery/check/check.h"

struct row {
	const char *code;
	const char *message;
	const char *repair;
	enum ppt_severity severity;
};

static const struct row rows[PPT_PROBLEM_COUNT] = {
#define ROW(name, code, severity, message, repair)                             \
	{ code, message, repair, PPT_SEVERITY_##severity },
	PPT_PROBLEMS(ROW)
#undef ROW
};

const char *ppt_severity_name(enum ppt_severity severity)
{
	switch (severity) {
	case PPT_SEVERITY_NOTE:
		return "note";
	case PPT_SEVERITY_MINOR:
		return "minor";
	case PPT_SEVERITY_MAJOR:
		return "major";
	case PPT_SEVERITY_FATAL:
		return "fatal";
	}
	return "unknown";
}

const char *ppt_check_verdict_name(enum ppt_check_verdict verdict)
{
	switch (verdict) {
	case PPT_CHECK_CLEAN:
		return "clean";
	case PPT_CHECK_DAMAGED:
		return "damaged";
	case PPT_CHECK_REFUSED:
		return "refused";
	}
	return "unknown";
}

struct ppt_problem ppt__problem(enum ppt_problem_id id)
{
	return (struct ppt_problem){
		.id = id,
		.code = rows[id].code,
		.severity = rows[id].severity,
		.message = rows[id].message,
		.repair = rows[id].repair,
		.count = 1,
	};
}

int ppt_problem_row(uint32_t id, struct ppt_problem *out)
{
	if (id >= PPT_PROBLEM_COUNT)
		return PPT_E_RANGE;
	*out = ppt__problem((enum ppt_problem_id)id);
	return 0;
}

/* -------------------------------------------------------------- telling -- */

void ppt__check_tell(struct ppt__check_worker *w, struct ppt_problem *problem)
{
	const struct ppt_check_config *cfg = &w->check->cfg;

	w->problems[problem->severity]++;
	if (cfg->problem)
		cfg->problem(cfg->ctx, w->index, problem);
}

void ppt__check_pool(struct ppt_check *c, enum ppt_problem_id id,
		     uint64_t found)
{
	struct ppt_problem p = ppt__problem(id);

	p.found = found;
	ppt__check_tell(&c->serial, &p);
}

void ppt__check_at(struct ppt__check_worker *w, enum ppt_problem_id id,
		   uint32_t page, uint64_t found)
{
	struct ppt_problem p = ppt__problem(id);

	p.where = PPT_WHERE_PAGE;
	p.page = page;
	p.found = found;
	ppt__check_tell(w, &p);
}

void ppt__check_word(struct ppt_check *c, enum ppt_problem_id id, uint32_t page,
		     uint32_t slot, uint64_t found)
{
	struct ppt_problem p = ppt__problem(id);

	p.where = PPT_WHERE_PAGE | PPT_WHERE_SLOT;
	p.page = page;
	p.slot = slot;
	p.found = found;
	ppt__check_tell(&c->serial, &p);
}

void ppt__check_line(struct ppt_check *c, enum ppt_problem_id id, uint64_t line)
{
	struct ppt_problem p = ppt__problem(id);

	p.where = PPT_WHERE_LINE;
	p.line = line & PPT__SEQ_MASK;
	ppt__check_tell(&c->serial, &p);
}

void ppt__check_flush(struct ppt__check_worker *w)
{
	if (w->pending.count)
		ppt__check_tell(w, &w->pending);
	w->pending.count = 0;
}

void ppt__check_pages(struct ppt__check_worker *w, enum ppt_problem_id id,
		      uint32_t page, uint64_t found)
{
	struct ppt_problem *p = &w->pending;

	if (p->count && p->id == id && p->page + p->count == page) {
		p->count++;
		return;
	}
	ppt__check_flush(w);
	*p = ppt__problem(id);
	p->where = PPT_WHERE_PAGE;
	p->page = page;
	p->found = found;
}

/* -------------------------------------------------------------- entries -- */

void ppt__check_entry(struct ppt__check_table *t, enum ppt_problem_id id,
		      uint32_t slot, uint64_t entry)
{
	if (t->fix) {
		t->fix(t, id, slot, entry);
		return;
	}
	for (uint32_t i = 0; i < t->founds; i++) {
		if (t->found[i].id != id)
			continue;
		t->found[i].count++;
		return;
	}
	if (t->founds < PPT__FOUND_MAX)
		t->found[t->founds++] =
			(struct ppt__found){ id, slot, 1, entry };
}

static void tell_entry(struct ppt__check_table *t, const struct ppt__place *at,
		       const struct ppt__found *found)
{
	const struct ppt__check_family *f =
		ppt__check_family(ppt__desc_family(t->desc));
	struct ppt_problem p = ppt__problem(found->id);
	bool whole = found->slot == PPT_PAGE_WORDS; /* the table itself */
	uint32_t level = whole ? t->level + 1 : t->level;

	p.where = PPT_WHERE_PAGE;
	p.page = t->page;
	p.count = found->count;
	p.found = found->entry;
	if (!whole) {
		p.where |= PPT_WHERE_SLOT;
		p.slot = found->slot;
	}
	if (at->levels && f) {
		uint64_t span = f->span(level);
		ppt_va_t va = at->va + (whole ? 0 : found->slot * span);

		p.where |= PPT_WHERE_SPACE | PPT_WHERE_VA;
		__builtin_memcpy(p.space, at->space, sizeof(p.space));
		p.va = f->canonical(va, at->levels);
		/* A root covers all; its span is that of no entry. */
		p.last = level > at->levels ? UINT64_MAX : p.va + (span - 1);
	}
	ppt__check_tell(t->worker, &p);
}

void ppt__check_entries_tell(struct ppt__check_table *t)
{
	struct ppt__place at;

	if (!t->founds)
		return;
	ppt__check_climb(t->worker->check, t->page, &at);
	for (uint32_t i = 0; i < t->founds; i++)
		tell_entry(t, &at, &t->found[i]);
}

/* ---------------------------------------------------------------- climb -- */

/* The slot of a table that leads to @child. */
static bool slot_of(const struct ppt_check *c, uint32_t page, uint32_t level,
		    uint32_t child, uint32_t *slot)
{
	uint64_t desc = ppt__check_desc(c, page);
	const struct ppt__check_family *f =
		ppt__check_family(ppt__desc_family(desc));
	const uint64_t *word = ppt__check_page(c, page);
	int epoch = ppt__check_epoch(c, desc);

	for (*slot = 0; f && *slot < PPT_PAGE_WORDS; ++*slot) {
		uint32_t found;

		if (word[*slot] &&
		    ppt__check_follow(c, f, epoch, level, word[*slot],
				      &found) &&
		    found == child)
			return true;
	}
	return false;
}

/* The entry of a directory page that has this root. */
static void find_space(const struct ppt_check *c, uint32_t page,
		       struct ppt__place *out)
{
	for (uint32_t i = 1; i <= PPT_M_DIR_ENTRIES; i++) {
		uint32_t at = i * PPT_M_DIR_WORDS;
		uint64_t format =
			ppt__check_load(c, page, at + PPT_M_DIR_FORMAT);
		const struct ppt__pt_ops *ops;

		if (!format || format > UINT8_MAX ||
		    ppt__check_load(c, page, at + PPT_M_DIR_ROOT) != out->page)
			continue;
		ops = ppt__pt_ops((enum ppt_format)format);
		out->levels = ops ? ops->levels : 0;
		__builtin_memcpy(out->space,
				 ppt__check_page(c, page) + at + PPT_M_DIR_NAME,
				 sizeof(out->space));
		out->space[sizeof(out->space) - 1] = 0;
		return;
	}
}

/* Whether an item of the reclaim list leaves the frames alone. */
static bool is_tables_only(const struct ppt_check *c, uint32_t root)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t item = ppt__check_load(c, c->pool->at.reclaim_page, s);

		if (ppt__reclaim_kind(item) == PPT_M_RECLAIM_TABLES &&
		    ppt__reclaim_page(item) == root)
			return true;
	}
	return false;
}

void ppt__check_climb(const struct ppt_check *c, uint32_t page,
		      struct ppt__place *out)
{
	uint32_t level = ppt__desc_level(ppt__check_desc(c, page)), slot;
	uint32_t owner = c->owner[page];

	*out = (struct ppt__place){ .page = page, .counts = true };
	for (; level < PPT__LEVELS_MAX; level++) {
		uint64_t desc = owner ? ppt__check_desc(c, owner) : 0;

		if (ppt__desc_level(desc) != level + 1 ||
		    !slot_of(c, owner, level + 1, out->page, &slot))
			break;
		out->va += (ppt_va_t)slot << (PPT_PAGE_LG2 + 9 * level);
		out->page = owner;
		owner = c->owner[owner];
	}
	/* @out->page is the root now. */
	if (owner == c->pool->at.reclaim_page)
		out->counts = !is_tables_only(c, out->page);
	else if (owner)
		find_space(c, owner, out);
	out->page = page;
}
