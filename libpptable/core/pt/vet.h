/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vetting a table that this handle has not met: every entry, and what it is
 * under the present memory map.  Layer: core; see core/trust.h and core/pt.h.
 */

/*
 * What is known of entries like the last one: of leaves in the same region,
 * then and now, with the same bits, nothing else is to be said than that they
 * have moved, nor of tables of the pool.  An entry's @bits less @first are how
 * far its frame is behind that of the first such entry, in units of a frame;
 * anything else is more than @last, with what is below a frame turned to the top.
 */
struct pt_like {
	uint64_t bits;
	uint32_t unit_lg2; /* of a frame; of a table a page */
	uint64_t first;
	uint64_t last;
	uint64_t delta;
	uint32_t page; /* of the first frame in the pool, or 0 */
};

struct pt_vet {
	struct ppt_pool *pool;
	const struct ppt__moves *moves;
	uint32_t level;
	uint32_t region; /* that held the last frame */
	uint64_t bits;   /* that leaves which are alike have in common */
	struct pt_like like;
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

/* The leaves that follow are probably like this one, which has just moved. */
static void pt_vet_like(struct pt_vet *v, const struct ppt__move *r, uint64_t e)
{
	const uint64_t span = pte_span(v->level);
	uint64_t len = r->was_len < r->now_len ? r->was_len : r->now_len;
	uint32_t page = v->region == 0 ? v->pool->at.first_page : 0;
	uint64_t skip = (uint64_t)page * PPT_PAGE_BYTES;

	/* Metadata at the pool's start is for no leaf, nor is half a frame. */
	skip += -(r->was + skip) & (span - 1);
	if ((page && v->level > 1) || (r->now - r->was) % span ||
	    skip + span > len)
		return;
	v->like = (struct pt_like){
		.bits = v->bits,
		.unit_lg2 = (uint32_t)__builtin_ctzll(span),
		.page = page,
		.first = (r->was + skip) | (e & v->bits & ~PTE_ADDRESS),
		.last = (len - skip) / span - 1,
		.delta = r->now - r->was,
	};
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
	if (pt_fits(r, off, v->level) && !r->fresh &&
	    (r->now + off) % span == 0) {
		pt_vet_like(v, r, e);
		return pte_moved(e, r->now - r->was);
	}
	if (PPT_MUTANT(LOST_PASSED) && !pt_fits(r, off, v->level))
		return e;
	v->lost += !pt_fits(r, off, v->level);
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
	v->lost += !pt_fits(r, off, v->level);
	if (v->moves->same)
		return e;
	/* Content is lost also while its memory is not there. */
	if (pte_lost_zero(e) || r->fresh)
		return pte_lost(e, i, off, true);
	if (!pt_fits(r, off, v->level) || (r->now + off) % span)
		return e;
	return pte_found(e, (PPT_MUTANT(FOUND_STALE) ? r->was : r->now) + off);
}

/* The tables that follow are probably named with the same bits. */
static void pt_vet_alike(struct pt_vet *v, uint64_t e, uint64_t now)
{
	uint64_t first = v->pool->at.first_page;

	v->like = (struct pt_like){
		.bits = UINT64_MAX,
		.unit_lg2 = PPT_PAGE_LG2,
		.first = (v->moves->region[0].was + first * PPT_PAGE_BYTES) |
			 (e & ~PTE_ADDRESS),
		.last = v->pool->at.pages - first - 1,
		.delta = now - e,
	};
}

/* Its table is looked at when it is entered; here, that it can be one. */
static uint64_t pt_vet_table(struct pt_vet *v, uint64_t e)
{
	const struct ppt__move *pool = &v->moves->region[0];
	uint64_t armed = pte_is_cold(e) ? pte_armed(e) : e, now = e;
	uint64_t page = (pte_table_pa(e) - pool->was) / PPT_PAGE_BYTES;

	if (armed & pte_zero_bits(v->level, true) ||
	    (armed ^ pte_table(0)) & PTE_TABLE_RIGHTS)
		return pt_refuse(v, "an entry has reserved bits set");
	if (page < v->pool->at.first_page || page >= v->pool->at.pages)
		return pt_refuse(v, "an entry leads outside the pool's tables");
	if (!v->moves->same)
		now = pte_moved(e, pool->now - pool->was);
	if (PPT_MUTANT(ARM_EARLY))
		now = pte_armed(now);
	else if (v->pool->trust.marks)
		now = pte_cold(now);
	pt_vet_alike(v, e, now);
	return now;
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

/* Like the one before: of a leaf in the pool, the frame is an ordinary data page. */
static inline bool pt_is_like(const struct pt_like *like, struct ppt_pool *pool,
			      uint64_t e, uint32_t unit_lg2)
{
	uint64_t far = (e & like->bits) - like->first;

	far = far >> unit_lg2 | far << (64 - unit_lg2);
	if (far > like->last)
		return false;
	return !like->page ||
	       ppt__desc_load(pool, like->page + (uint32_t)far) ==
		       pool->desc_data;
}

/*
 * A line of such leaves, outside the pool, whose frames follow each other: as
 * most lines are, and all of it is known from the first and the sum of what the
 * others differ by.
 */
static inline bool pt_line_is_like(const struct pt_like *like,
				   const uint64_t *word, uint32_t unit_lg2)
{
	uint64_t e = __atomic_load_n(word, __ATOMIC_RELAXED), differ = 0;
	uint64_t far = (e & like->bits) - like->first;

	far = far >> unit_lg2 | far << (64 - unit_lg2);
	if (like->page || far > like->last ||
	    like->last - far < PPT__LINE_WORDS - 1)
		return false;
#pragma GCC unroll 8
	for (uint64_t i = 1; i < PPT__LINE_WORDS; i++)
		differ |= __atomic_load_n(word + i, __ATOMIC_RELAXED) ^
			  (e + (i << unit_lg2));
	return !(differ & like->bits);
}

static inline void pt_move_line(uint64_t *out, const uint64_t *word,
				uint64_t delta)
{
#pragma GCC unroll 8
	for (uint32_t i = 0; i < PPT__LINE_WORDS; i++)
		out[i] = __atomic_load_n(word + i, __ATOMIC_RELAXED) + delta;
}

/* Compiled once for level 1 and for the others, with and without output. */
static inline __attribute__((always_inline)) uint32_t
pt_vet_lines(struct pt_vet *v, const uint64_t *word, uint64_t lines,
	     const uint32_t level, const bool edit, uint64_t *out)
{
	struct ppt_pool *const pool = v->pool;
	struct pt_like like = v->like;
	uint32_t zeros = 0, n = 0;

	if (~lines && edit)
		__builtin_memset(out, 0, PPT_PAGE_BYTES);
	for (; lines && !v->why; lines &= lines - 1) {
		uint32_t at =
			(uint32_t)__builtin_ctzll(lines) * PPT__LINE_WORDS;

		n += PPT__LINE_WORDS;
		if (level == 1 &&
		    pt_line_is_like(&like, word + at, PPT_PAGE_LG2)) {
			if (edit)
				pt_move_line(out + at, word + at, like.delta);
			continue;
		}
		for (uint32_t s = at; s < at + PPT__LINE_WORDS; s++) {
			uint64_t e =
				__atomic_load_n(word + s, __ATOMIC_RELAXED);
			uint64_t now = e + like.delta; /* within the address */

			if (!e) {
				now = 0;
				zeros++;
			} else if (!pt_is_like(&like, pool, e,
					       level == 1 ? PPT_PAGE_LG2 :
							    like.unit_lg2)) {
				now = pt_vet_entry(v, e);
				like = v->like;
			}
			if (edit)
				out[s] = now;
		}
	}
	return n - zeros;
}

static uint32_t pt_vet_words(struct pt_vet *v, const uint64_t *word,
			     uint64_t lines, bool edit, uint64_t *out)
{
	if (v->level > 1)
		return pt_vet_lines(v, word, lines, v->level, edit, out);
	if (edit)
		return pt_vet_lines(v, word, lines, 1, true, out);
	return pt_vet_lines(v, word, lines, 1, false, out);
}

/* Whether all words of a page are each @step more than the one before. */
static bool pt_is_run(const uint64_t *word, uint64_t step)
{
	uint64_t v = __atomic_load_n(word, __ATOMIC_RELAXED), differ = 0;

	for (uint32_t at = 0; at < PPT_PAGE_WORDS && !differ;
	     at += PPT__LINE_WORDS)
#pragma GCC unroll 8
		for (uint32_t i = 0; i < PPT__LINE_WORDS; i++, v += step)
			differ |= v ^ __atomic_load_n(word + at + i,
						      __ATOMIC_RELAXED);
	return !differ;
}

/*
 * A full table whose frames, or tables, follow each other and lie outside the
 * pool's frames: if the first entry is like itself and the last one is, all are.
 * *@now: what the first one is now.  Return: by how much they differ, or 0.
 */
static uint64_t pt_vet_run(struct pt_vet *v, const uint64_t *word,
			   uint64_t *now)
{
	const uint64_t last = PPT_PAGE_WORDS - 1;
	uint64_t e = __atomic_load_n(word, __ATOMIC_RELAXED), far;
	uint64_t step = __atomic_load_n(word + 1, __ATOMIC_RELAXED) - e;
	const struct pt_like *like = &v->like;

	if (__atomic_load_n(word + last, __ATOMIC_RELAXED) - e != last * step ||
	    !pt_is_run(word, step))
		return 0;
	*now = pt_vet_entry(v, e);
	far = ((e & like->bits) - like->first) >> like->unit_lg2;
	if (v->why || step != UINT64_C(1) << like->unit_lg2 || like->page ||
	    !like->delta || !pt_is_like(like, v->pool, e, like->unit_lg2) ||
	    like->last - far < last) {
		v->lost = 0; /* it is looked at again */
		return 0;
	}
	return step;
}

static int pt_vet(struct ppt_pool *pool, uint32_t level, const uint64_t *word,
		  uint64_t lines, uint32_t live, const struct ppt__moves *moves,
		  struct ppt__vetted *out, struct ppt_diag *diag)
{
	const bool edit = !moves->same || (pool->trust.marks && level > 1);
	struct pt_vet v = {
		.pool = pool,
		.moves = moves,
		.level = level,
		/* With a policy leaves of other rights are looked at again. */
		.bits = pte_leaf(0, level, PPT_PROT_READ | PPT_PROT_EXEC) |
			pte_zero_bits(level, false) | PTE_ADDRESS |
			(pool->trust.policy ? PTE_RIGHTS : 0),
		/* none so far */
		.like = { .unit_lg2 = PPT_PAGE_LG2, .first = UINT64_MAX },
	};
	uint32_t found = live;

	out->run = 0;
	if (!moves->same && live == PPT_PAGE_WORDS)
		out->run = pt_vet_run(&v, word, out->word);
	if (!out->run && !v.why)
		found = pt_vet_words(&v, word, lines, edit, out->word);
	if (v.why)
		return ppt__fail(diag, PPT_E_CORRUPT, "entry", v.why, 0);
	if (found != live)
		return ppt__fail(diag, PPT_E_CORRUPT, "table",
				 "has not as many entries as its descriptor "
				 "says",
				 found);
	pool->trust.frames_lost += v.lost;
	out->forbidden = v.wx && pool->trust.policy & PPT_POLICY_WX;
	return 0;
}

/* An entry that names a table: armed if that was touched, else cold. */
static void pt_arm_entry(struct ppt_pool *pool, uint32_t page, uint32_t level,
			 uint32_t slot, uint64_t e, uint64_t *damaged,
			 uint32_t *first)
{
	uint64_t want = pte_armed(e);
	uint32_t child;

	if (ppt__table_enter(pool, pte_table_pa(e), PTE_FAMILY, level - 1,
			     &child, NULL)) {
		want = pte_cold(e);
		ppt__trust_stray(pool, child, PTE_FAMILY, level - 1, damaged,
				 first);
	}
	if (want != e)
		ppt__trust_arm(pool, page, slot, want);
}

static void pt_arm(struct ppt_pool *pool, uint32_t page, uint32_t level,
		   uint32_t live, uint64_t *damaged, uint32_t *first)
{
	const uint64_t *word =
		ppt__pm_view(&pool->pm, ppt__word(page, 0), PPT_PAGE_WORDS);

	for (uint32_t s = 0; s < PPT_PAGE_WORDS && live; s++) {
		uint64_t e;

		if (s % PPT__LINE_WORDS == 0 && !ppt__line_any(word + s)) {
			s += PPT__LINE_WORDS - 1;
			continue;
		}
		e = __atomic_load_n(word + s, __ATOMIC_RELAXED);
		live -= e != 0;
		if (pte_kind(e, level) == PTE_TABLE)
			pt_arm_entry(pool, page, level, s, e, damaged, first);
	}
}
