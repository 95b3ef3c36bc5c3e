/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * harm.h - damage an image in one place, then attach and check it.
 *
 * Layer: tests.  The promise: what is damaged is refused by attach or reported
 * by check, or it is in a place where it cannot matter, or what is lost is the
 * end of the journal, which cannot be told from a torn one.  Never does a
 * translation change without a report.
 */
#ifndef TESTS_SUPPORT_HARM_H
#define TESTS_SUPPORT_HARM_H

#include "everything.h"

/* Why the damage of a word is provably without effect. */
enum harm_place {
	HARM_MATTERS,
	HARM_HINT,     /* beside the tail: hint, reserved */
	HARM_DEAD,     /* a line of the ring that is not live */
	HARM_REPLAYED, /* set again by replay */
	HARM_HELD,     /* in an extent of the reclaim list, or its descriptor */
	HARM_FREE,     /* content of a free page */
	HARM_DATA,     /* content of a data page */
	HARM_AD,       /* accessed and dirty bits of an entry */
	HARM_PLACES,
};

#define HARM_STATES 64u

struct harm_trust; /* harm_trust.c */

struct harm {
	const struct specimen *image;
	uint8_t *check; /* two copies, each between pages that fault */
	uint8_t *attach;
	uint8_t *place; /* enum harm_place of each word */
	uint8_t *ad;    /* for each word: whether it has A and D bits */
	uint8_t *type;  /* of each page, after replay */
	uint64_t good;  /* what the spaces map, as a hash */
	uint64_t torn[HARM_STATES]; /* the same, with the journal cut short */
	uint32_t torn_count;
	void *check_scratch;
	size_t check_bytes;
	void *attach_scratch;
	size_t attach_bytes;
	/* counts */
	uint64_t tried;
	uint64_t refused;  /* by attach; check says so too */
	uint64_t failed;   /* attach works, reading ends with an error */
	uint64_t reported; /* by check only, and no translation is wrong */
	uint64_t wrong;    /* by check only; without it one would be wrong */
	uint64_t cut;      /* the end of the journal is gone */
	uint64_t inert[HARM_PLACES];
	struct ppt_diag diag;     /* of the last attach or read */
	char why[256];            /* the first broken promise */
	struct harm_trust *trust; /* NULL, or in every trust mode instead */
};

void harm_open(struct harm *h, const struct specimen *image);
void harm_close(struct harm *h);

/* Put @bytes at an offset: 0, or -1 and @h->why. */
int harm_try(struct harm *h, uint64_t off, const uint8_t *bytes, uint64_t len);

/* One bit. */
int harm_flip(struct harm *h, uint64_t bit);

/*
 * What is in @h->check now, attached and checked, whatever it is, and then as
 * it was: 0 if check calls it clean, 1 if not; -1 and @h->why if check calls
 * clean what cannot be attached and read.
 */
int harm_read(struct harm *h);

/*
 * From now on damage is not checked for, but attached to in every trust mode:
 * what is mapped, read by the library and walked by hardware, must be what it
 * was, or nothing, and that told.
 */
void harm_trust_open(struct harm *h);

/* So much of the media is left. */
int harm_trust_truncate(struct harm *h, uint64_t bytes);

/* Whether a page holds metadata, or else only proves that it is inert. */
bool harm_is_metadata(const struct harm *h, uint32_t page);

void harm_print(const struct harm *h, const char *what);

/* ------------------------------------------ harm.c and harm_trust.c only -- */

/* Memory that a step outside of ends in a fault. */
uint8_t *harm_fenced(uint64_t bytes);
void harm_unfence(uint8_t *p, uint64_t bytes);

/* @media is the image with the journal cut short at a line. */
void harm_cut(const struct specimen *image, uint8_t *media, uint64_t line);
/* Whether damage there can cut the journal short. */
bool harm_in_ring(const struct specimen *image, uint64_t off);
/* Note a broken promise; -1. */
int harm_broken(struct harm *h, const char *how, uint64_t off, uint64_t len);

int harm_trust_try(struct harm *h, uint64_t off, const uint8_t *bytes,
		   uint64_t len);
void harm_trust_print(const struct harm *h, const char *what,
		      const char *image);
void harm_trust_close(struct harm *h);

#endif
