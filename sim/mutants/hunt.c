/* SPDX-License-Identifier: BSD-3-Clause */
/* hunt.c - explore a mutant until something is wrong. */
#include "sim/mutants/hunt.h"

#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define RECOVERY_LIMIT_S 30 /* of CPU; one takes a millisecond at most */

/* Alive: a recovery without end would not get here. */
static void alive(void *ctx, const struct sim_result *so_far)
{
	const struct itimerval limit = { .it_value.tv_sec = RECOVERY_LIMIT_S };

	(void)ctx;
	(void)so_far;
	(void)setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

/* What the turns below would come to late: seeded ones, and barriers. */
static const struct {
	const char *name; /* or where the site begins */
	enum sim_fault fault;
	const char *workload;
} killer[] = {
	{ "LIMBO_SKIPPED", SIM_FAULT_NONE, "unmapfree+aside" },
	{ "LIMBO_BEFORE_TAIL", SIM_FAULT_NONE, "unmapfree+aside" },
	{ "create.c:", SIM_FAULT_SWAP_NEXT, "wrap+format" },
};

static const char *killer_of(const struct sim_mutant *mutant)
{
	const char *name = mutant ? mutant->site : seeded_now();
	enum sim_fault fault = mutant ? mutant->fault : SIM_FAULT_NONE;

	for (size_t i = 0; name && i < sizeof(killer) / sizeof(*killer); i++)
		if (killer[i].fault == fault &&
		    !strncmp(name, killer[i].name, strlen(killer[i].name)))
			return killer[i].workload;
	return NULL;
}

int mutant_hunt(const struct sim_mutant *mutant, uint64_t seed,
		struct sim_violation *v, struct why *why)
{
	static const struct {
		unsigned ops;
		unsigned core;
		bool mmu;
	} turn[] = { { 1, 0, false },
		     { 1, 0, true },
		     { 2, 2, false }, /* which most die of */
		     { 2, 0, false } };
	static struct sim_result result;
	struct sim_options options = {
		.model = SIM_M2,
		.depth = 1,
		.seed = seed,
		.shards = 1,
		.mutant = mutant,
		.first = true,
		.progress = alive,
	};

	alive(NULL, NULL);
	options.workload = killer_of(mutant);
	if (options.workload && sim_explore(&options, &result, why))
		return -1;
	options.workload = NULL;
	if (result.violations) {
		*v = result.violation[0];
		return 1;
	}
	for (unsigned i = 0; i < sizeof(turn) / sizeof(turn[0]); i++) {
		options.ops = turn[i].ops;
		options.core = turn[i].core;
		options.mmu = turn[i].mmu;
		if (sim_explore(&options, &result, why))
			return -1;
		if (!result.violations)
			continue;
		*v = result.violation[0];
		return 1;
	}
	return 0;
}

void hunt(const struct sim_mutant *mutant, uint64_t seed, int fd)
{
	struct hunt_verdict verdict;
	struct why why = { "" };
	int found;

	memset(&verdict, 0, sizeof(verdict));
	found = mutant_hunt(mutant, seed, &verdict.v, &why);
	verdict.killed = found > 0;
	if (found < 0) { /* it may be so wrong that there is no base pool */
		verdict.killed = strstr(why.text, SIM_NO_BASE) == why.text;
		verdict.failed = !verdict.killed;
		(void)snprintf(verdict.v.kind, sizeof(verdict.v.kind), "base");
		(void)snprintf(verdict.v.text, sizeof(verdict.v.text), "%s",
			       why.text);
	}
	if (write(fd, &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict))
		_exit(3);
}
