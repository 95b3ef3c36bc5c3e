/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * writer.h - the process that is killed, and what it tells before.
 *
 * Layer: sim.
 */
#ifndef SIM_KILL_WRITER_H
#define SIM_KILL_WRITER_H

#include "sim/kill/kill.h"

enum writer_word {
	WRITER_OPENING, /* is about to open the pool */
	WRITER_OPENED,
	WRITER_OP,        /* is about to do @op */
	WRITER_DONE,      /* it returned @result */
	WRITER_BEGUN,     /* a transaction */
	WRITER_COMMIT,    /* is about to commit it */
	WRITER_COMMITTED, /* that returned @result */
	WRITER_SYNCED,    /* every earlier commit is durable */
	WRITER_FAILED,    /* a struct why follows */
};

/* Smaller than PIPE_BUF, so that a write is whole or not there. */
struct writer_message {
	enum writer_word word;
	int result;
	struct op op;
};

/**
 * struct writer - an order to a child.
 * @now:     what the pool holds, under @present.
 * @present: NULL or where the memory is now.
 * @fd:      the pipe.
 * @idle:    open the pool, and nothing more.
 */
struct writer {
	const struct kill_profile *profile;
	const char *path;
	const struct oracle *now;
	const struct ppt_memory_map *present;
	uint64_t seed;
	int fd;
	bool idle;
};

/* Runs until it is killed. */
_Noreturn void writer_run(const struct writer *order);

#endif
