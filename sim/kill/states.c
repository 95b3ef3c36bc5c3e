/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * states.c - what a pool may hold, by what its writer has said.
 *
 * Layer: sim.
 */
#include "sim/kill/states.h"

#include <string.h>

static void forget_oldest(struct states *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		oracle_free(&s->state[i]);
	s->count -= n;
	s->low -= n;
	memmove(s->state, s->state + n, s->count * sizeof(s->state[0]));
}

static int push(struct states *s, const struct oracle *o, struct why *why)
{
	if (s->count == STATES_MAX)
		return why_set(why, "more than %u states without a sync",
			       STATES_MAX);
	oracle_copy(&s->state[s->count++], o);
	return 0;
}

/* The newest state with @op done. */
static int push_op(struct states *s, const struct op *op, struct why *why)
{
	int err = push(s, &s->state[s->count - 1], why);

	if (!err)
		oracle_apply(&s->state[s->count - 1], op);
	return err;
}

void states_start(struct states *s, const struct oracle *o, bool relaxed)
{
	struct oracle copy;

	oracle_copy(&copy, o);
	states_free(s);
	s->state[s->count++] = copy;
	s->relaxed = relaxed;
}

void states_free(struct states *s)
{
	s->low = s->count;
	forget_oldest(s, s->count);
	if (s->in_txn)
		oracle_free(&s->open);
	s->in_txn = false;
	s->op_in_flight = false;
	s->commit_in_flight = false;
}

/* The newest is durable. */
static void settle(struct states *s)
{
	s->low = s->count - 1;
	if (s->low > STATES_OLD)
		forget_oldest(s, s->low - STATES_OLD);
}

static void acknowledge(struct states *s)
{
	s->acknowledged++;
	if (!s->relaxed)
		settle(s);
}

static int op_done(struct states *s, int result, struct why *why)
{
	s->op_in_flight = false;
	if (result)
		return 0;
	if (s->in_txn) {
		oracle_apply(&s->open, &s->op);
		return 0;
	}
	if (push_op(s, &s->op, why))
		return -1;
	acknowledge(s);
	return 0;
}

static int commit_done(struct states *s, int result, struct why *why)
{
	int err = result ? 0 : push(s, &s->open, why);

	if (!result && !err)
		acknowledge(s);
	oracle_free(&s->open);
	s->in_txn = false;
	s->commit_in_flight = false;
	return err;
}

int states_hear(struct states *s, const struct writer_message *m,
		struct why *why)
{
	switch (m->word) {
	case WRITER_OP:
		s->op = m->op;
		s->op_in_flight = true;
		return 0;
	case WRITER_DONE:
		return op_done(s, m->result, why);
	case WRITER_BEGUN:
		oracle_copy(&s->open, &s->state[s->count - 1]);
		s->in_txn = true;
		return 0;
	case WRITER_COMMIT:
		s->commit_in_flight = true;
		return 0;
	case WRITER_COMMITTED:
		return commit_done(s, m->result, why);
	case WRITER_SYNCED:
		settle(s);
		return 0;
	default:
		return 0;
	}
}

/* Frames of the pool that only the writer knows look unmapped to us. */
static bool may_have_happened(const struct oracle *o, const struct op *op)
{
	struct expect e;

	oracle_expect(o, op, &e);
	return e.may_succeed || (e.err[0] == PPT_E_REGION &&
				 oracle_pool_page(o, op->pa) != UINT64_MAX);
}

int states_end(struct states *s, bool *met, struct why *why)
{
	unsigned before = s->count;
	int err = 0;

	if (s->in_txn) {
		if (s->commit_in_flight)
			err = push(s, &s->open, why);
		oracle_free(&s->open);
	} else if (s->op_in_flight) {
		if (may_have_happened(&s->state[s->count - 1], &s->op))
			err = push_op(s, &s->op, why);
	}
	s->in_txn = false;
	s->op_in_flight = false;
	s->commit_in_flight = false;
	*met = s->count > before;
	return err;
}

void states_rebase(struct states *s, const struct ppt_memory_map *present)
{
	for (unsigned i = 0; i < s->count; i++)
		oracle_rebase(&s->state[i], present);
}
