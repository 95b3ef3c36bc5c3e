/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file error.h  The one list of errors (frozen: values never change).
 *
 * Values are negative errno numbers where one fits and -1000 downwards where
 * none does.  Every function that can fail returns 0 or one of these, leaves
 * its outputs untouched on failure, and has changed nothing [I11].
 */
#ifndef PPTABLE_ERROR_H
#define PPTABLE_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text) */
#define PPT_ERRORS(X)                                                          \
	X(NOENT, -2, "not found or not mapped")                                \
	X(IO, -5, "media error")                                               \
	X(TOOBIG, -7, "too large for one transaction")                         \
	X(AGAIN, -11, "freed pages wait for a TLB flush to be confirmed")      \
	X(NOMEM, -12, "scratch memory too small")                              \
	X(BUSY, -16, "in use")                                                 \
	X(EXIST, -17, "already exists or already mapped")                      \
	X(INVAL, -22, "invalid argument")                                      \
	X(NOSPC, -28, "no free pages left in the pool")                        \
	X(ROFS, -30, "pool is open read-only")                                 \
	X(RANGE, -34, "address or length out of range")                        \
	X(LIMIT, -40, "a limit of the format is reached")                      \
	X(SYS, -999, "operating system error")                                 \
	X(MAGIC, -1000, "not a pptable pool")                                  \
	X(VERSION, -1001, "media version not supported")                       \
	X(FEATURE, -1002, "pool needs a feature that this version lacks")      \
	X(SIZE, -1003, "size of the media and of the pool differ")             \
	X(CORRUPT, -1004, "pool content is damaged")                           \
	X(JOURNAL, -1005, "journal is damaged")                                \
	X(REGION, -1006, "frame or region not in the memory map")              \
	X(LOCKED, -1007, "pool is open elsewhere")                             \
	X(DEAD, -1008, "handle unusable after a media error; open again")

enum ppt_error {
	PPT_OK = 0,
#define PPT_ERROR_ENUM(name, value, text) PPT_E_##name = (value),
	PPT_ERRORS(PPT_ERROR_ENUM)
#undef PPT_ERROR_ENUM
};

/**
 * struct ppt_diag - what exactly was wrong; caller-owned and optional.
 * @err:  the error, as returned.
 * @what: the thing or the argument at fault ("va", "journal record", …), a
 *        static string.
 * @why:  the reason in words, a static string.
 * @at:   its place: an address, a page index or a line number, by @what.
 *
 * Filled on failure only.
 */
struct ppt_diag {
	int err;
	const char *what;
	const char *why;
	uint64_t at;
};

/** ppt_strerror - text of an error value; never NULL. */
const char *ppt_strerror(int err);

/** ppt_error_name - "PPT_E_NOSPC" and the like; never NULL. */
const char *ppt_error_name(int err);

#ifdef __cplusplus
}
#endif
#endif
