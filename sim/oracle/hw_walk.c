/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hw_walk.c - x86-64 paging as the manual has it (SDM 3A 4.5, tables 4-14 to
 * 4-20), written from the manual alone.
 *
 * Layer: sim.
 */
#include <string.h>

#include "sim/oracle/hw_walk.h"

#define HW_P (UINT64_C(1) << 0)
#define HW_RW (UINT64_C(1) << 1)
#define HW_US (UINT64_C(1) << 2)
#define HW_PWT (UINT64_C(1) << 3)
#define HW_PCD (UINT64_C(1) << 4)
#define HW_PS (UINT64_C(1) << 7)
#define HW_G (UINT64_C(1) << 8)
#define HW_NX (UINT64_C(1) << 63)
#define HW_ADDR UINT64_C(0x000ffffffffff000)

/* What the levels above allow, and where they are. */
struct path {
	uint64_t table_pa;
	uint64_t va;
	bool write;
	bool user;
	bool exec;
	unsigned level; /* 1 is the table of 4 KiB leaves */
};

static uint64_t entry_bytes(unsigned level)
{
	return UINT64_C(1) << (12 + 9 * (level - 1));
}

static int bad(struct hw_walk *w, const struct path *p, uint64_t entry,
	       const char *reason)
{
	return why_set(w->why,
		       "hardware walk: va %#llx level %u table at %#llx: entry "
		       "%#llx: %s",
		       (unsigned long long)p->va, p->level,
		       (unsigned long long)p->table_pa,
		       (unsigned long long)entry, reason);
}

static void leaf(struct hw_walk *w, const struct path *p, uint64_t entry)
{
	struct ext_list *out = w->out;
	struct oracle_ext ext = {
		.va = p->va,
		.len = entry_bytes(p->level),
		.page = entry_bytes(p->level),
		.pa = entry & HW_ADDR & ~(entry_bytes(p->level) - 1),
		.prot = PPT_PROT_READ,
	};

	ext.prot |= p->write && entry & HW_RW ? PPT_PROT_WRITE : 0;
	ext.prot |= p->user && entry & HW_US ? PPT_PROT_USER : 0;
	ext.prot |= p->exec && !(entry & HW_NX) ? PPT_PROT_EXEC : 0;
	ext.prot |= entry & HW_G ? PPT_PROT_GLOBAL : 0;
	if (out->count) {
		struct oracle_ext *prev = &out->ext[out->count - 1];

		if (prev->va + prev->len == ext.va && prev->prot == ext.prot &&
		    prev->pa + prev->len == ext.pa && prev->page == ext.page) {
			prev->len += ext.len;
			return;
		}
	}
	ext_push(out, &ext);
}

/* Reserved bits of a leaf; the rest of the low bits are legal but unused. */
static const char *leaf_fault(const struct path *p, uint64_t entry)
{
	uint64_t low = entry & HW_ADDR & (entry_bytes(p->level) - 1);

	if (p->level == 1)
		return entry & HW_PS ? "PAT set in a 4 KiB leaf" : NULL;
	if (p->level > 3)
		return "PS set above level 3";
	return low ? "address bits of a large leaf below its size" : NULL;
}

static int table(struct hw_walk *w, const struct path *p);

static int entry_walk(struct hw_walk *w, const struct path *p, uint64_t entry)
{
	const char *fault = NULL;
	struct path next = *p;

	if (!(entry & HW_P))
		return 0;
	if (entry & (HW_PWT | HW_PCD))
		return bad(w, p, entry, "cache bits set");
	if (p->level == 1 || entry & HW_PS) {
		fault = leaf_fault(p, entry);
		if (fault)
			return bad(w, p, entry, fault);
		leaf(w, p, entry);
		return 0;
	}
	next.table_pa = entry & HW_ADDR;
	next.write = p->write && entry & HW_RW;
	next.user = p->user && entry & HW_US;
	next.exec = p->exec && !(entry & HW_NX);
	next.level = p->level - 1;
	return table(w, &next);
}

static int table(struct hw_walk *w, const struct path *p)
{
	uint64_t off = p->table_pa - w->pool_base;
	struct path at = *p;

	if (p->table_pa < w->pool_base || off >= w->bytes)
		return bad(w, p, p->table_pa, "table outside the pool");
	if (w->owner[off / PPT_PAGE_BYTES]++)
		return bad(w, p, p->table_pa, "table met twice");
	for (unsigned i = 0; i < PPT_PAGE_WORDS; i++) {
		uint64_t entry;
		int err;

		memcpy(&entry, w->media + off + i * 8, 8);
		at.va = p->va + i * entry_bytes(p->level);
		err = entry_walk(w, &at, entry);
		if (err)
			return err;
	}
	return 0;
}

/* The upper half of the root's entries is the upper half of the addresses. */
int hw_walk(struct hw_walk *w, uint64_t root_pa, enum ppt_format format)
{
	unsigned levels = format == PPT_FORMAT_X86_64_4 ? 4 : 5;
	uint64_t off = root_pa - w->pool_base;
	struct path p = {
		.table_pa = root_pa,
		.write = true,
		.user = true,
		.exec = true,
		.level = levels,
	};

	if (root_pa < w->pool_base || off >= w->bytes || off % PPT_PAGE_BYTES)
		return bad(w, &p, root_pa, "root outside the pool");
	if (w->owner[off / PPT_PAGE_BYTES]++)
		return bad(w, &p, root_pa, "root met twice");
	for (unsigned i = 0; i < PPT_PAGE_WORDS; i++) {
		uint64_t entry;
		int err;

		memcpy(&entry, w->media + off + i * 8, 8);
		p.va = i * entry_bytes(levels);
		if (i >= PPT_PAGE_WORDS / 2)
			p.va -= entry_bytes(levels) * PPT_PAGE_WORDS;
		err = entry_walk(w, &p, entry);
		if (err)
			return err;
	}
	return 0;
}
