/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/runset.h"

static uint32_t bucket_of(uint32_t page)
{
	return (page ^ page >> 8 ^ page >> 16) % PPT__RUNSET_BUCKETS;
}

/* Bring the buckets up to date. */
static void link_all(struct ppt__runset *set)
{
	if (set->linked == 0)
		for (uint32_t b = 0; b < PPT__RUNSET_BUCKETS; b++)
			set->bucket[b] = PPT__RUNSET_NONE;
	for (; set->linked < set->n; set->linked++) {
		uint32_t page = ppt__run_page(set->run[set->linked].where);
		uint16_t *head = &set->bucket[bucket_of(page)];

		set->next[set->linked] = *head;
		*head = (uint16_t)set->linked;
	}
}

/*
 * The newest run that may be of a page, and the next older one: all of a small
 * set, which needs no buckets, else those of the page's bucket.
 */
static uint32_t newest(struct ppt__runset *set, uint32_t page)
{
	if (set->n <= PPT__RUNSET_LINEAR)
		return set->n ? set->n - 1 : PPT__RUNSET_NONE;
	link_all(set);
	return set->bucket[bucket_of(page)];
}

static uint32_t older(const struct ppt__runset *set, uint32_t i)
{
	if (set->n <= PPT__RUNSET_LINEAR)
		return i ? i - 1 : PPT__RUNSET_NONE;
	return set->next[i];
}

void ppt__runset_truncate(struct ppt__runset *set, uint32_t n)
{
	set->n = n;
	set->linked = 0;
}

/* Whether b continues a of the same page: its words and its progression. */
static bool continues(struct ppt__run a, struct ppt__run b, uint32_t *code)
{
	uint32_t na = ppt__run_count(a.where), nb = ppt__run_count(b.where);
	int step;

	if (ppt__run_slot(a.where) + na != ppt__run_slot(b.where) ||
	    (a.where ^ b.where) & PPT__RUN_MARKS)
		return false;
	step = ppt__stride_code(b.value - a.value);
	if (na == 1 && step >= 0)
		*code = (uint32_t)step;
	else if (na == 1)
		return false;
	else
		*code = ppt__run_stride_code(a.where);
	return b.value == a.value + na * ppt__stride(*code) &&
	       (nb == 1 || *code == ppt__run_stride_code(b.where));
}

bool ppt__runset_merge(struct ppt__runset *set, uint32_t floor,
		       struct ppt__run run)
{
	const uint64_t place = ppt__run_where(UINT32_MAX, 511, 512, 0);

	for (uint32_t k = 0; k < PPT__RUNSET_MERGE && set->n > floor + k; k++) {
		struct ppt__run *old = &set->run[set->n - 1 - k];
		uint32_t code;

		/* Nothing may overtake a run of entries. */
		if (ppt__run_page(old->where) != ppt__run_page(run.where)) {
			if (old->where & run.where & PPT__RUN_ENTRY)
				return false;
			continue;
		}
		if (((old->where ^ run.where) & place) == 0) {
			*old = run;
			return true;
		}
		/* Nor another run of the same page. */
		if (!continues(*old, run, &code))
			return false;
		old->where = ppt__run_where(ppt__run_page(old->where),
					    ppt__run_slot(old->where),
					    ppt__run_count(old->where) +
						    ppt__run_count(run.where),
					    code) |
			     (old->where & PPT__RUN_MARKS);
		return true;
	}
	return false;
}

static bool covers(struct ppt__run run, uint32_t page, uint32_t slot,
		   uint64_t *value)
{
	uint32_t i = slot - ppt__run_slot(run.where);

	if (ppt__run_page(run.where) != page || i >= ppt__run_count(run.where))
		return false;
	*value = run.value + i * ppt__stride(ppt__run_stride_code(run.where));
	return true;
}

bool ppt__runset_find_slow(struct ppt__runset *set, uint32_t page,
			   uint32_t slot, uint64_t *value)
{
	for (uint32_t i = newest(set, page); i != PPT__RUNSET_NONE;
	     i = older(set, i))
		if (covers(set->run[i], page, slot, value))
			return true;
	return false;
}

bool ppt__runset_touches(struct ppt__runset *set, uint32_t page)
{
	for (uint32_t i = newest(set, page); i != PPT__RUNSET_NONE;
	     i = older(set, i))
		if (ppt__run_page(set->run[i].where) == page)
			return true;
	return false;
}

void ppt__runset_overlay(struct ppt__runset *set, uint32_t page, uint64_t *word)
{
	uint64_t done[PPT_PAGE_WORDS / 64] = { 0 };

	/* Newest first: the first that covers a word is the one that counts. */
	for (uint32_t i = newest(set, page); i != PPT__RUNSET_NONE;
	     i = older(set, i)) {
		uint64_t where = set->run[i].where;
		uint64_t step = ppt__stride(ppt__run_stride_code(where));
		uint64_t v = set->run[i].value;
		uint32_t s = ppt__run_slot(where);
		uint32_t end = s + ppt__run_count(where);

		if (ppt__run_page(where) != page)
			continue;
		for (; s < end; s++, v += step) {
			if (done[s / 64] >> s % 64 & 1u)
				continue;
			done[s / 64] |= UINT64_C(1) << s % 64;
			word[s] = v;
		}
	}
}
