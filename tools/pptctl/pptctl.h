/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptctl: what its modules share.
 *
 * Layer: tools; sees the public headers only.
 *
 *   main.c      commands
 *   options.c   options
 *   parse.c     rights, regions
 *   report.c    messages and exit codes
 *   json.c      JSON in and out
 *   session.c   an open pool, for as long as a command needs it
 *   problem.c   problems and what repair did about them
 *   lost.c      what faults though it is mapped
 *   op.c        map, unmap and protect, from a command or a script's line
 *   cmd_*.c     the commands
 *   snapshot.c  /proc of a process and of the machine, for import
 */
#ifndef PPTCTL_H
#define PPTCTL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pptable/host.h>

#include "tools/common/cli.h"

/* Room for cli_clean of a space's name. */
#define CTL_NAME_CLEAN (4 * PPT_NAME_BYTES + 1)

/* Exit codes: bits, in the manner of fsck(8). */
enum ctl_exit {
	CTL_OK = CLI_OK,
	CTL_UNMAPPED = 1, /* translate: some VA is not mapped */
	CTL_REPAIRED = 1, /* check --repair: damage was found, none is left */
	CTL_DAMAGE = 4,   /* damage was found and is left */
	CTL_FAILED = CLI_FAILED,
	CTL_USAGE = CLI_USAGE,
};

/* Options; a command's set is a mask of these bits. */
enum ctl_option {
	CTL_FLUSH = CLI_OWN,
	CTL_SIZE,
	CTL_PHYS_BASE,
	CTL_JOURNAL,
	CTL_REGION,
	CTL_UUID,
	CTL_SPARSE,
	CTL_FORCE,
	CTL_FORMAT,
	CTL_PROT,
	CTL_PAGE_SIZE,
	CTL_REPLACE,
	CTL_ACK,
	CTL_RELAXED,
	CTL_STATS,
	CTL_PID,
	CTL_FREEZE,
	CTL_MEMORY_MAP,
	CTL_POLICY,
	CTL_PROGRESS,
	CTL_REPAIR,
	CTL_BACKUP,
	CTL_DRY_RUN,
	CTL_TRUST,
	CTL_LOST,
	CTL_DRAM_KEPT,
	CTL_OPTIONS,
};

/* Of every command that writes to the pool. */
#define CTL_WRITES CLI_BIT(CTL_FLUSH)

/**
 * struct ctl_values - what the options said.
 * @given: mask of the options that were there.
 * @text:  their values as they were given, for messages.
 */
struct ctl_values {
	uint32_t given;
	const char *text[CTL_OPTIONS];
	enum ppt_flush flush;
	uint64_t size;
	ppt_pa_t phys_base;
	uint64_t journal;
	struct ppt_memory_map regions;
	struct ppt_uuid uuid;
	enum ppt_format format;
	uint32_t prot;
	uint32_t page_size; /* a PPT_MAP_*K flag, 0 for auto */
	int pid;
	uint32_t policy;  /* enum ppt_policy */
	uint32_t pa_bits; /* 0: this CPU's */
	enum cli_when when;
	enum ppt_trust trust;
	enum ppt_lost lost;
};

/**
 * struct ctl - one run of pptctl.
 * @cli:  the command line; its first argument is the pool's path.
 * @script, @line: where an operation comes from, for messages; NULL if from
 *                 the command line.
 * @host, @pool:  while a pool is open.
 * @attach, @attach_ns: the story of its opening.
 * @state:        of the command, between its own functions.
 */
struct ctl {
	struct cli cli;
	struct ctl_values opt;
	const char *script;
	uint64_t line;
	struct ppt_host *host;
	struct ppt_pool *pool;
	struct ppt_attach_report attach;
	uint64_t attach_ns;
	void *state;
};

/* ---------------------------------------------------------- options.c -- */

extern const struct cli_option ctl_options[CTL_OPTIONS];

/* Sets one option from its text; an exit code. */
int ctl_set_option(struct ctl *ctl, struct ctl_values *values,
		   enum ctl_option option, const char *text);

static inline bool ctl_given(const struct ctl *ctl, unsigned int option)
{
	return cli_given(&ctl->cli, option);
}

/* ---------------------------------------------------------- problem.c -- */

json_t *ctl_problem_json(const struct ppt_problem *p);
void ctl_problem_text(const struct ppt_problem *p);
json_t *ctl_action_json(const struct ppt_action *a);
void ctl_action_text(const struct ppt_action *a);
json_t *ctl_counts_json(const struct ppt_check_report *r);
/* What a check counted, as members of @root. */
void ctl_check_json(json_t *root, const struct ppt_check_report *r);

/* ------------------------------------------- cmd_check.c, cmd_repair.c -- */

/* What is no pool of ours, or not under this memory map, is not damage. */
int ctl_check_exit(const struct ctl *ctl, const struct ppt_check_report *r,
		   int err);
/* There was no check: takes over @problems, which is NULL without JSON. */
int ctl_check_failed(const struct ctl *ctl, json_t *problems, int err,
		     const struct ppt_host_diag *diag);
int ctl_repair(struct ctl *ctl, const struct ppt_host_check *check);

/* ------------------------------------------------------------ parse.c -- */

/*
 * All return NULL or why the text is none, and leave @out alone then.
 */
const char *ctl_parse_prot(const char *text, uint32_t *out);
const char *ctl_parse_page_size(const char *text, uint32_t *out);
const char *ctl_parse_flush(const char *text, enum ppt_flush *out);
const char *ctl_parse_trust(const char *text, enum ppt_trust *out);
const char *ctl_parse_lost(const char *text, enum ppt_lost *out);
const char *ctl_parse_uuid(const char *text, struct ppt_uuid *out);
const char *ctl_parse_kind(const char *text, uint32_t *out);
const char *ctl_parse_region(const char *text, struct ppt_region *out);
const char *ctl_parse_pid(const char *text, int *out);
const char *ctl_parse_name(const char *text);
const char *ctl_parse_policy(const char *text, uint32_t *policy,
			     uint32_t *pa_bits);

/* "rw-u-"; @out has at least 6 bytes. */
void ctl_prot_text(uint32_t prot, char *out);
/* Of a region kind; never NULL. */
const char *ctl_kind_text(uint32_t kind);
#define CTL_UUID_BYTES 37
void ctl_uuid_text(const struct ppt_uuid *uuid, char *out);

/* ----------------------------------------------------------- report.c -- */

/* A line on standard error, with the command and the script's line. */
void ctl_say(const struct ctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An argument is wrong: its name, its text, why.  Returns CTL_USAGE. */
int ctl_bad(const struct ctl *ctl, const char *name, const char *text,
	    const char *why);

/**
 * struct ctl_argument - an argument that the library may find fault with.
 * @what: the library's name for it.
 * @name: the user's name for it.
 * @text: as it was given.
 */
struct ctl_argument {
	const char *what;
	const char *name;
	const char *text;
};

/*
 * A call on an open pool failed: says why, naming the argument out of
 * @arguments (ended by a NULL) if it was one.  Returns the exit code.
 */
int ctl_fail(const struct ctl *ctl, int err, const struct ppt_diag *diag,
	     const struct ctl_argument *arguments);

/* As ctl_fail where no argument can be to blame: never CTL_USAGE. */
int ctl_fail_here(const struct ctl *ctl, int err, const struct ppt_diag *diag);

/* The pool's file is at fault.  Returns CTL_FAILED. */
int ctl_fail_file(const struct ctl *ctl, int err,
		  const struct ppt_host_diag *diag);

/* What @err and @diag say, in one line of at most @size bytes. */
void ctl_describe(int err, const struct ppt_host_diag *diag, char *out,
		  size_t size);

/* "1.5 GiB"; @out has at least 32 bytes. */
void ctl_size_text(uint64_t bytes, char *out);

/* What became of what was flushed before; nothing where nobody counts. */
void ctl_shutdown_text(const struct ppt_attach_report *r);

/* The same as a message, of a command that reports something else. */
void ctl_shutdown_say(const struct ctl *ctl);

/* ------------------------------------------------------------- json.c -- */

json_t *ctl_json_extent(const struct ppt_extent *extent);
json_t *ctl_json_regions(const struct ppt_memory_map *map);
json_t *ctl_json_space(const struct ppt_space_info *info);
/* Members "error" and "error_name" of a report. */
void ctl_error_json(json_t *root, int err, const char *text);
/* An array of all spaces, or of those before *@err, of which @diag tells. */
json_t *ctl_json_spaces(struct ctl *ctl, int *err, struct ppt_diag *diag);
/* Reads what memory-map prints; an exit code, after a message. */
int ctl_json_read_map(const struct ctl *ctl, const char *path,
		      struct ppt_memory_map *out);

/* ---------------------------------------------------------- session.c -- */

/*
 * Opens the pool of the first argument (@flags: enum ppt_host_flags), runs
 * @fn guarded, closes.  Returns an exit code.
 */
int ctl_with_pool(struct ctl *ctl, uint32_t flags, int (*fn)(struct ctl *ctl));

/* As ctl_with_pool, but the caller opened it. */
int ctl_run_and_close(struct ctl *ctl, int (*fn)(struct ctl *ctl));

/* Opens only; PPT_E_*, @diag filled. */
int ctl_open(struct ctl *ctl, uint32_t flags,
	     const struct ppt_memory_map *present, struct ppt_host_diag *diag);

/* The space of the second argument; an exit code, after a message. */
int ctl_find_space(struct ctl *ctl, struct ppt_space *out);

/* Gives back the pages of what was unlinked whole; an exit code. */
int ctl_reclaim(struct ctl *ctl);

/* ------------------------------------------------------------- lost.c -- */

/**
 * struct ctl_lost_range - a range that faults though it is mapped.
 * @gone: its memory is, so that --lost has a say.
 */
struct ctl_lost_range {
	char space[PPT_NAME_BYTES];
	struct ppt_extent extent;
	bool gone;
};

struct ctl_lost {
	struct ctl_lost_range *range;
	size_t count;
	size_t room;
	uint64_t tables; /* that are damaged */
	uint64_t leaves; /* whose memory is gone, or not aligned any more */
};

/* Walks all tables; an exit code, after a message.  Free it in any case. */
int ctl_lost_find(struct ctl *ctl, struct ctl_lost *lost);
void ctl_lost_free(struct ctl_lost *lost);
json_t *ctl_lost_json(const struct ctl *ctl, const struct ctl_lost *lost);
void ctl_lost_text(const struct ctl *ctl, const struct ctl_lost *lost);
/* Does what --lost says about those that were told; an exit code. */
int ctl_lost_resolve(struct ctl *ctl, const struct ctl_lost *lost);

/* --------------------------------------------------------------- op.c -- */

enum ctl_op_kind { CTL_OP_MAP, CTL_OP_UNMAP, CTL_OP_PROTECT };

/**
 * struct ctl_op - one change of a space.
 * @va_text and the like: as they were given, for messages.
 */
struct ctl_op {
	enum ctl_op_kind kind;
	ppt_va_t va;
	ppt_pa_t pa;
	uint64_t len;
	uint32_t prot;
	uint32_t flags;
	const char *va_text;
	const char *pa_text;
	const char *len_text;
	const char *prot_text;
	const char *page_size_text;
};

/*
 * Takes VA [PA] LEN from @words and the rest from @values; an exit code, after
 * a message.
 */
int ctl_op_parse(const struct ctl *ctl, enum ctl_op_kind kind, char **words,
		 const struct ctl_values *values, struct ctl_op *out);

/* Does it; an exit code, after a message. */
int ctl_op_run(const struct ctl *ctl, struct ppt_space *space,
	       const struct ctl_op *op);

/* How many positional arguments an operation has. */
int ctl_op_words(enum ctl_op_kind kind);

/* ----------------------------------------------------------- commands -- */

int ctl_cmd_create(struct ctl *ctl);
int ctl_cmd_info(struct ctl *ctl);
int ctl_cmd_checkpoint(struct ctl *ctl);
int ctl_cmd_reclaim(struct ctl *ctl);
int ctl_cmd_space_create(struct ctl *ctl);
int ctl_cmd_space_list(struct ctl *ctl);
int ctl_cmd_space_rename(struct ctl *ctl);
int ctl_cmd_space_delete(struct ctl *ctl);
int ctl_cmd_map(struct ctl *ctl);
int ctl_cmd_unmap(struct ctl *ctl);
int ctl_cmd_protect(struct ctl *ctl);
int ctl_cmd_translate(struct ctl *ctl);
int ctl_cmd_dump(struct ctl *ctl);
int ctl_cmd_apply(struct ctl *ctl);
int ctl_cmd_import(struct ctl *ctl);
int ctl_cmd_memory_map(struct ctl *ctl);
int ctl_cmd_region_add(struct ctl *ctl);
int ctl_cmd_region_remove(struct ctl *ctl);
int ctl_cmd_attach(struct ctl *ctl);
int ctl_cmd_check(struct ctl *ctl);

#endif
