/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oracle.h - what a pool ought to contain, kept as naively as possible.
 *
 * Layer: sim.  A space is a sorted array of extents; an operation cuts the
 * array at both ends of its range and then replaces what lies between.  Shares
 * no code with the library; knows the headers' contract only.
 */
#ifndef SIM_ORACLE_ORACLE_H
#define SIM_ORACLE_ORACLE_H

#include <pptable/pptable.h>

#include "sim/oracle/rng.h"

#define ORACLE_SPACES 6u
/* A frame of the pool that the library chose, not yet looked up. */
#define ORACLE_PA_LEARN UINT64_MAX
#define ORACLE_ERRORS 4u

/* What a frame of the pool holds; above TAG_FILL a pattern of that number. */
enum { TAG_ANY = 0, TAG_ZERO = 1, TAG_FILL = 2 };

/* Pages that follow each other; page 0 means a leaf size not yet known. */
struct oracle_ext {
	uint64_t va;
	uint64_t len;
	uint64_t pa;
	uint64_t page;
	uint32_t prot;
};

struct ext_list {
	struct oracle_ext *ext;
	size_t count;
	size_t room;
};

struct oracle_space {
	bool exists;
	enum ppt_format format;
	char name[PPT_NAME_BYTES];
	struct ext_list map;
};

struct oracle {
	struct oracle_space space[ORACLE_SPACES];
	struct ppt_memory_map regions; /* the pool's own first */
	uint32_t *tag;                 /* for each page of the pool */
	uint64_t pages;
};

enum op_kind {
	OP_MAP,
	OP_UNMAP,
	OP_PROTECT,
	OP_SPACE_CREATE,
	OP_SPACE_DELETE,
};

struct op {
	enum op_kind kind;
	unsigned space;
	uint64_t va;
	uint64_t pa;
	uint64_t len;
	uint32_t prot;
	uint32_t flags;
	enum ppt_format format;
};

/*
 * The results that the contract allows.  No error listed: it must succeed,
 * unless the pool cannot give @pages pages (at most; tables and frames).
 */
struct expect {
	int err[ORACLE_ERRORS];
	unsigned errors;
	bool may_succeed;
	uint64_t pages;
};

void ext_push(struct ext_list *list, const struct oracle_ext *ext);
void ext_free(struct ext_list *list);

void oracle_init(struct oracle *o, const struct ppt_memory_map *regions);
void oracle_copy(struct oracle *to, const struct oracle *from);
void oracle_free(struct oracle *o);

/* What @op may return; changes nothing. */
void oracle_expect(const struct oracle *o, const struct op *op,
		   struct expect *expect);
/* @op has succeeded. */
void oracle_apply(struct oracle *o, const struct op *op);

/* The extent that holds @va, or NULL. */
const struct oracle_ext *oracle_find(const struct oracle_space *s, uint64_t va);
/* Whether [va, last] holds any mapping, or any hole. */
bool oracle_has_mapping(const struct oracle_space *s, uint64_t va,
			uint64_t last);
bool oracle_has_hole(const struct oracle_space *s, uint64_t va, uint64_t last);

/* How often each page of the pool is mapped; returns the distinct ones. */
uint64_t oracle_refs(const struct oracle *o, uint32_t *refs);
/* Tables that hardware needs for all spaces, roots included. */
uint64_t oracle_tables(const struct oracle *o);
/* Index of the pool's page at @pa, or UINT64_MAX. */
uint64_t oracle_pool_page(const struct oracle *o, uint64_t pa);
/* Forget the tags of frames that are not mapped any more. */
void oracle_sweep_tags(struct oracle *o);
/*
 * The regions are elsewhere now: every frame moves with its own.  One that is
 * gone stays where it was, for when it comes back.
 */
void oracle_rebase(struct oracle *o, const struct ppt_memory_map *present);

/*
 * Compare [va, last] with @got (ascending).  With @learn, unknown frames and
 * leaf sizes are taken over from @got.  0, or -1 and the first difference.
 */
int oracle_diff(struct oracle_space *s, uint64_t va, uint64_t last,
		const struct ext_list *got, bool learn, struct why *why);

bool format_canonical(enum ppt_format format, uint64_t va);
/* Inclusive end of the half that the canonical @va lies in. */
uint64_t format_half_last(enum ppt_format format, uint64_t va);
unsigned format_levels(enum ppt_format format);

/* Text of @op, in a buffer of at least 160 bytes; returns the buffer. */
const char *op_text(const struct op *op, char *text, size_t bytes);

#endif
