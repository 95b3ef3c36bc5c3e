/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host layer's own glossary: an open file, a handle, a guarded call.
 *
 * Layer: host (includes go format <- core <- recovery <- host <- tools).
 */
#ifndef PPT_HOST_HANDLE_H
#define PPT_HOST_HANDLE_H

#include <sys/types.h>

#include <pptable/host.h>

/**
 * struct ppt__file - a pool file that is open and locked.
 * @fd:      holds the lock for as long as it is open; -1 if none.
 * @dax:     a DAX character device, which can only be mapped.
 * @write:   opened for writing.
 * @is_pmem: the mapping is of persistent memory, or it is claimed to be.
 * @device:  of a DAX device its own number, else that of the file system.
 * @bytes:   size of the file or device.
 * @map:     NULL until ppt__file_map.
 * @map_bytes: length of @map.
 * @aside:   where a reader's stores go while @map cannot take them, or NULL.
 */
struct ppt__file {
	int fd;
	bool dax;
	bool write;
	bool is_pmem;
	dev_t device;
	uint64_t bytes;
	void *map;
	uint64_t map_bytes;
	void *aside;
};

/**
 * struct ppt_host - an open pool.
 * @pool:    NULL until attached.
 * @usc:     the record of the unsafe-shutdown count that a writer has stored;
 *           MISSING if the device has no count.
 * @shutdown: what the record said when the pool was opened.
 * @dead:    media failed under a call: nothing may touch @pool any more.
 * @scratch: anonymous memory for the core.
 */
struct ppt_host {
	struct ppt__file file;
	struct ppt_pool *pool;
	struct ppt_usc usc;
	enum ppt_shutdown shutdown;
	bool dead;
	void *scratch;
	size_t scratch_bytes;
};

/* Fills @diag, which may be NULL; returns @err. */
int ppt__host_fail(struct ppt_host_diag *diag, int err, const char *what,
		   const char *why, int os_errno);

/*
 * Opens and locks; nothing is mapped yet.  PPT_E_SYS, PPT_E_LOCKED.
 */
int ppt__file_open(const char *path, bool write, struct ppt__file *file,
		   struct ppt_host_diag *diag);

/*
 * Makes a file of @bytes, which must not exist, locks and maps it.  Leaves no
 * file on failure.
 */
int ppt__file_create(const char *path, uint64_t bytes, bool sparse,
		     struct ppt__file *file, struct ppt_host_diag *diag);

/* Maps an open file as a whole: shared for a writer, private for a reader. */
int ppt__file_map(struct ppt__file *file, struct ppt_host_diag *diag);

/*
 * Puts a private copy of the first @bytes in the place of a reader's mapping
 * of a device.
 */
int ppt__file_copy(struct ppt__file *file, uint64_t bytes,
		   struct ppt_host_diag *diag);

/* Makes a new file's name and size durable. */
int ppt__file_persist_name(const struct ppt__file *file, const char *path,
			   struct ppt_host_diag *diag);

/* Unmaps, unlocks, closes; safe on a half-open one. */
void ppt__file_close(struct ppt__file *file);

/* Pages that cannot be read, at most; beyond that a file is given up. */
#define PPT__BAD_MAX 64u

/* struct ppt__bad - pages of a mapping that zeros were put in the place of. */
struct ppt__bad {
	uint64_t page[PPT__BAD_MAX];
	uint32_t count;
};

/* Puts zeros in the place of a reader's page.  PPT_E_IO too many; PPT_E_SYS. */
int ppt__bad_replace(struct ppt__file *file, uint64_t page,
		     struct ppt__bad *bad, struct ppt_host_diag *diag);

/* struct ppt__piece - where bytes of a file are on its device. */
struct ppt__piece {
	uint64_t device;
	uint64_t file;
	uint64_t bytes;
};

/* Adds the pages of a piece that lie in bad bytes of the device. */
void ppt__bad_overlap(uint64_t at, uint64_t bytes, const struct ppt__piece *p,
		      struct ppt__bad *bad);

/* The pages of a file that the kernel knows to be bad; none is no error. */
void ppt__bad_blocks(const struct ppt__file *file, struct ppt__bad *bad);

/* Replaces them in a reader's mapping before anybody meets them. */
int ppt__bad_known(struct ppt__file *file, struct ppt__bad *bad,
		   struct ppt_host_diag *diag);

/*
 * Checks what a reader has mapped; the journal is replayed into it.  @bad: as
 * many as there are have been replaced, and are reported; more may follow.
 */
int ppt__host_check_map(struct ppt__file *file,
			const struct ppt_host_check *opt, struct ppt__bad *bad,
			struct ppt_check_report *report,
			struct ppt_host_diag *diag);

/*
 * struct ppt__usc_source - where unsafe-shutdown counts come from.
 * @now:   device and count of an open file; false if it has none.
 * @drain: makes sure that what was fenced has left the memory controller;
 *         nonzero if it cannot.  Of a mapped file.
 */
struct ppt__usc_source {
	bool (*now)(const struct ppt__file *file, struct ppt_usc *out);
	int (*drain)(const struct ppt__file *file);
};

/* The operating system; tests put their own in its place. */
extern const struct ppt__usc_source *ppt__usc_source;

/* Where sysfs is: "/sys". */
extern const char *ppt__sysfs;

/*
 * What a record came to on a device with the count @now, or on one without
 * (NULL).
 */
enum ppt_shutdown ppt__usc_judge(const struct ppt_usc *was,
				 const struct ppt_usc *now);

/* Whether everything has to be validated. */
static inline bool ppt__usc_doubtful(enum ppt_shutdown shutdown)
{
	return shutdown >= PPT_SHUTDOWN_UNSAFE;
}

/* The same for a file whose superblocks are mapped. */
enum ppt_shutdown ppt__usc_look(const struct ppt__file *file);

/* The drain of attach: @ctx is the file. */
void ppt__usc_drain(void *ctx);

/*
 * After an attach to a pool of which not all may have arrived: checks all of
 * it, and renews the record if nothing is wrong.  False: it is as it was.
 */
bool ppt__usc_renew(struct ppt_host *host);

/* Empties the journal and stores that the pool is closed, if it was in use. */
int ppt__usc_close(struct ppt_host *host);

/*
 * Opens and closes a pool that is locked and mapped for writing, so that its
 * record becomes what it should; nothing if the device has no count.
 */
int ppt__host_settle(struct ppt__file *file, enum ppt_flush flush,
		     struct ppt_host_diag *diag);

/*
 * Settles PPT_FLUSH_AUTO where libpmem knows more than the CPU; PPT_E_INVAL
 * for a method that this CPU lacks.
 */
int ppt__host_flush(enum ppt_flush *flush, bool is_pmem,
		    struct ppt_host_diag *diag);

/*
 * Whether every line of a page can be read, inside a guard of this thread's;
 * outside of one nobody knows, and it says yes.  The readable of attach.
 */
bool ppt__readable_page(void *ctx, const void *at, size_t bytes);

/*
 * Runs @fn(@arg) and returns what it does; SIGBUS inside [@base, @base +
 * @bytes) makes it PPT_E_IO, with the offset in @diag and @faulted (NULL or
 * false at first) set.
 */
int ppt__guard(const void *base, uint64_t bytes, int (*fn)(void *arg),
	       void *arg, bool *faulted, struct ppt_host_diag *diag);

#endif
