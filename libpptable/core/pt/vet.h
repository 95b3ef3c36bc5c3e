/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vetting a table that this handle has not met: every entry, and what it is
 * under the present memory map.  Layer: core; see core/trust.h and core/pt.h.
 */

struct pt_vet {
	struct ppt_pool *pool;
	const struct ppt__moves *moves;
	uint32_t level;
	uint32_t region; /* that held the last frame */
	uint64_t lost;   /* leaves whose memory is gone */
	bool wx;         /* a leaf is writable and executable */
	const char *why; /* an entry is refused */
};

/* The region of the table's own memory map that holds a leaf's frame. */
static bool pt_vet_region(struct pt_vet *v, ppt_pa_t pa)
{
	uint64_t span = pte_span(v->level);

	for (uint32_t i = 0; i < v->moves->count; i++) {
		uint32_t k = v->region + i;
		const struct ppt__move *r;
		uint64_t off;

		k -= k < v->moves->count ? 0 : v->moves->count;
		r = &v->moves->region[k];
		off = pa - r->was;
		if (off < r->was_len && span <= r->was_len - off) {
			v->region = k;
			return true;
		}
	}
	v->region = 0;
	return false;
}

/* That frames of the pool are data: hardware may not reach anything else. */
static bool pt_vet_frames(struct pt_vet *v, uint64_t off)
{
	struct ppt_pool *pool = v->pool;
	uint64_t page = off / PPT_PAGE_BYTES;
	uint64_t n = pte_span(v->level) / PPT_PAGE_BYTES;

	if (page < pool->at.first_page || page + n > pool->at.pages)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t d = ppt__desc_load(pool, (uint32_t)(page + i));

		if (d == pool->desc_data)
			continue;
		if (ppt__desc_type(d) != PPT__DESC_DATA ||
		    ppt__desc_share(d) == 0 ||
		    d != ppt__desc_plain(pool->seed, ppt__desc_hi(d)))
			return false;
	}
	return true;
}

static uint64_t pt_refuse(struct pt_vet *v, const char *why)
{
	v->why = why;
	return 0;
}

/* Whether a leaf at @off of a region can be one there now. */
static bool pt_fits(const struct ppt__move *r, uint64_t off, uint32_t level)
{
	return off < r->now_len && pte_span(level) <= r->now_len - off;
}

static bool pt_is_wx(uint64_t e)
{
	const uint32_t wx = PPT_PROT_WRITE | PPT_PROT_EXEC;

	return (pte_prot(e) & wx) == wx;
}

static uint64_t pt_vet_leaf(struct pt_vet *v, uint64_t e)
{
	const uint64_t span = pte_span(v->level);
	ppt_pa_t pa = pte_leaf_pa(e, v->level);
	const struct ppt__move *r;
	uint64_t off;

	if (e & (pte_zero_bits(v->level, false) | (PTE_ADDRESS & (span - 1))))
		return pt_refuse(v, "an entry has reserved bits set");
	if (!pt_vet_region(v, pa))
		return pt_refuse(v, "an entry leads out of the known memory");
	v->wx |= pt_is_wx(e);
	r = &v->moves->region[v->region];
	off = pa - r->was;
	if (v->region == 0 && !pt_vet_frames(v, off))
		return pt_refuse(v, "an entry maps a page of the pool that "
				    "holds no data");
	if (v->moves->same)
		return e;
	if (pt_fits(r, off, v->level) && !r->fresh &&
	    (r->now + off) % span == 0)
		return pte_moved(e, r->now - r->was);
	if (PPT_MUTANT(LOST_PASSED) && !pt_fits(r, off, v->level))
		return e;
	if (!pt_fits(r, off, v->level)) {
		v->lost++;
		if (v->pool->trust.lost == PPT_LOST_DROP)
			return 0;
	}
	return pte_lost(e, v->region, off, r->fresh);
}

static uint64_t pt_vet_lost(struct pt_vet *v, uint64_t e)
{
	uint32_t i = pte_lost_region(e);
	uint64_t off = pte_lost_off(e), span = pte_span(v->level);
	const struct ppt__move *r;

	if (e & PTE_LOST_NEVER || i >= v->moves->count ||
	    span > (UINT64_C(1) << PTE_LOST_BYTES_LG2) - off)
		return pt_refuse(v, "a lost entry names no region");
	if (i == 0 && !pt_vet_frames(v, off))
		return pt_refuse(v, "a lost entry names a page of the pool "
				    "that holds no data");
	v->wx |= pt_is_wx(e);
	r = &v->moves->region[i];
	if (v->moves->same)
		return e;
	if (!pt_fits(r, off, v->level) && v->pool->trust.lost == PPT_LOST_DROP)
		return 0;
	/* Content is lost also while its memory is not there. */
	if (pte_lost_zero(e) || r->fresh)
		return pte_lost(e, i, off, true);
	if (!pt_fits(r, off, v->level) || (r->now + off) % span)
		return e;
	return pte_found(e, (PPT_MUTANT(FOUND_STALE) ? r->was : r->now) + off);
}

/* Its table is looked at when it is entered; here, that it can be one. */
static uint64_t pt_vet_table(struct pt_vet *v, uint64_t e)
{
	const struct ppt__move *pool = &v->moves->region[0];
	uint64_t armed = pte_is_cold(e) ? pte_armed(e) : e;
	uint64_t page = (pte_table_pa(e) - pool->was) / PPT_PAGE_BYTES;

	if (armed & pte_zero_bits(v->level, true) ||
	    (armed ^ pte_table(0)) & PTE_TABLE_RIGHTS)
		return pt_refuse(v, "an entry has reserved bits set");
	if (page < v->pool->at.first_page || page >= v->pool->at.pages)
		return pt_refuse(v, "an entry leads outside the pool's tables");
	if (!v->moves->same)
		e = pte_moved(e, pool->now - pool->was);
	if (PPT_MUTANT(ARM_EARLY))
		return pte_armed(e);
	return v->pool->trust.marks ? pte_cold(e) : e;
}

static uint64_t pt_vet_entry(struct pt_vet *v, uint64_t e)
{
	switch (pte_kind(e, v->level)) {
	case PTE_TABLE:
		return pt_vet_table(v, e);
	case PTE_LEAF:
		return pt_vet_leaf(v, e);
	case PTE_LOST:
		return pt_vet_lost(v, e);
	case PTE_EMPTY:
	case PTE_BAD:
		break;
	}
	return pt_refuse(v, "an entry is neither table nor leaf");
}

static int pt_vet(struct ppt_pool *pool, uint32_t level, const uint64_t *word,
		  uint32_t live, const struct ppt__moves *moves, uint64_t *out,
		  bool *forbidden, struct ppt_diag *diag)
{
	struct pt_vet v = { .pool = pool, .moves = moves, .level = level };
	uint32_t found = 0;

	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = __atomic_load_n(word + s, __ATOMIC_RELAXED);

		out[s] = e ? pt_vet_entry(&v, e) : 0;
		found += e != 0;
		if (v.why)
			return ppt__fail(diag, PPT_E_CORRUPT, "entry", v.why,
					 e);
	}
	if (found != live)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "has not as many entries as its descriptor "
				 "says",
				 found);
	pool->trust.frames_lost += v.lost;
	*forbidden = v.wx && pool->trust.policy & PPT_POLICY_WX;
	return 0;
}

/* Entries that name tables: armed if these were touched, else cold. */
static void pt_arm(struct ppt_pool *pool, uint32_t page, uint32_t level,
		   uint64_t *damaged, uint32_t *first)
{
	for (uint32_t s = 0; s < PPT_PAGE_WORDS; s++) {
		uint64_t e = ppt__load(pool, page, s), want;
		uint32_t child;

		if (pte_kind(e, level) != PTE_TABLE)
			continue;
		want = pte_armed(e);
		if (ppt__table_enter(pool, pte_table_pa(e), PTE_FAMILY,
				     level - 1, &child, NULL)) {
			want = pte_cold(e);
			ppt__trust_stray(pool, child, PTE_FAMILY, level - 1,
					 damaged, first);
		}
		if (want != e)
			ppt__trust_arm(pool, page, s, want);
	}
}
