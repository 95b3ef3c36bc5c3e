/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file space.h  Address spaces: a format, a root table and a name.
 */
#ifndef PPTABLE_SPACE_H
#define PPTABLE_SPACE_H

#include <pptable/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ppt_space - a handle; caller-owned, fields private.
 *
 * Valid until the space is deleted or the pool detached.
 */
struct ppt_space {
	struct ppt_pool *pool;
	const struct ppt__pt_ops *ops;
	uint32_t dir_page;
	uint32_t dir_slot;
	uint32_t root_page;
};

/** struct ppt_space_info - what the directory says. */
struct ppt_space_info {
	char name[PPT_NAME_BYTES];
	enum ppt_format format;
	ppt_pa_t root_pa;
	uint64_t root_register; /* CR3 */
};

/**
 * ppt_space_create - make an empty space.
 * @name: 1 to 31 bytes, no '/' and no control characters.
 * @out:  NULL or the handle.
 *
 * Durable, crash: as every transaction.  Bound: reads the directory.
 * Return: 0; PPT_E_EXIST; PPT_E_INVAL name or format; PPT_E_NOSPC; PPT_E_ROFS;
 *         PPT_E_CORRUPT the directory.
 */
int ppt_space_create(struct ppt_pool *pool, const char *name,
		     enum ppt_format format, struct ppt_space *out,
		     struct ppt_diag *diag);

/**
 * ppt_space_open - find a space, and validate its root.
 *
 * Where hardware walks the pool, the root's entries are cold afterwards: its
 * register may be loaded, see <pptable/fault.h>.
 * Return: 0; PPT_E_NOENT; PPT_E_CORRUPT.
 */
int ppt_space_open(struct ppt_pool *pool, const char *name,
		   struct ppt_space *out, struct ppt_diag *diag);

/**
 * ppt_space_rename - give a space another name; handles of it stay valid.
 * @to: as @name of ppt_space_create.
 *
 * Durable, crash: as every transaction.  Bound: reads the directory twice.
 * Return: 0; PPT_E_NOENT; PPT_E_EXIST a space has the new name, also this one;
 *         PPT_E_INVAL @to; PPT_E_ROFS; PPT_E_CORRUPT the directory.
 */
int ppt_space_rename(struct ppt_pool *pool, const char *name, const char *to,
		     struct ppt_diag *diag);

/**
 * ppt_space_delete - remove a space with all that it maps.
 *
 * It is unlinked by one transaction; its pages come back by ppt_reclaim.
 * Return: 0; PPT_E_NOENT; PPT_E_ROFS; PPT_E_NOSPC the reclaim list is full;
 *         PPT_E_AGAIN.
 */
int ppt_space_delete(struct ppt_pool *pool, const char *name,
		     struct ppt_diag *diag);

/**
 * ppt_space_next - iterate over spaces.
 * @cursor: 0 at first; advanced.
 *
 * Says what the directory says: a root register from here must not be loaded
 * before ppt_space_open has validated the root.
 * Return: 0; PPT_E_NOENT no more; PPT_E_CORRUPT.
 */
int ppt_space_next(struct ppt_pool *pool, uint64_t *cursor,
		   struct ppt_space_info *out, struct ppt_diag *diag);

/** ppt_space_info - of an open space.  Return: 0; PPT_E_CORRUPT. */
int ppt_space_info(const struct ppt_space *space, struct ppt_space_info *out,
		   struct ppt_diag *diag);

/** ppt_format_name - "x86_64-4"; NULL for a value that is none. */
const char *ppt_format_name(enum ppt_format format);

/** ppt_format_parse - the format of a name; PPT_E_INVAL if there is none. */
int ppt_format_parse(const char *name, enum ppt_format *out);

#ifdef __cplusplus
}
#endif
#endif
