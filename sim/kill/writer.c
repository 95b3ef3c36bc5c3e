/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * writer.c - the process that is killed.
 *
 * Layer: sim.
 */
#include "sim/kill/writer.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <pptable/host.h>

#include "sim/oracle/twin.h"

struct child {
	const struct writer *order;
	struct ppt_host *host;
	struct twin twin;
	struct opgen gen;
};

static void say(const struct child *c, enum writer_word word, int result,
		const struct op *op)
{
	struct writer_message m;

	memset(&m, 0, sizeof(m));
	m.word = word;
	m.result = result;
	if (op)
		m.op = *op;
	/* the parent has gone: nobody would know what this is about */
	if (write(c->order->fd, &m, sizeof(m)) != (ssize_t)sizeof(m))
		_exit(4);
}

static _Noreturn void give_up(struct child *c, const struct op *op)
{
	char text[160];
	struct why why;

	(void)why_set(&why, "%s%s%.400s",
		      op ? op_text(op, text, sizeof(text)) : "", op ? ": " : "",
		      c->twin.why.text);
	say(c, WRITER_FAILED, 0, NULL);
	if (write(c->order->fd, &why, sizeof(why)) != (ssize_t)sizeof(why))
		_exit(4);
	_exit(3);
}

static void need(struct child *c, int err)
{
	if (err)
		give_up(c, NULL);
}

static void open_pool(struct child *c)
{
	const struct kill_profile *p = c->order->profile;
	struct ppt_host_open options = {
		.flags = PPT_HOST_DRAM_KEPT |
			 (p->flush_once ? PPT_HOST_MMU : 0u),
		.present = c->order->present,
	};
	struct ppt_host_diag diag;
	struct view view = { .bytes = p->bytes };
	int err;

	say(c, WRITER_OPENING, 0, NULL);
	err = ppt_host_open(c->order->path, &options, &c->host, NULL, &diag);
	if (err)
		need(c, why_set(&c->twin.why, "open: %s (%s: %s)",
				ppt_error_name(err), diag.diag.what,
				diag.diag.why));
	say(c, WRITER_OPENED, 0, NULL);
	while (c->order->idle)
		pause();
	view.pool = ppt_host_pool(c->host);
	need(c, twin_reopen(&c->twin, view));
	if (p->sync_every)
		need(c, twin_relaxed(&c->twin, true));
}

static void restart(struct child *c)
{
	int err = ppt_host_close(c->host);

	if (err)
		need(c,
		     why_set(&c->twin.why, "close: %s", ppt_error_name(err)));
	say(c, WRITER_SYNCED, 0, NULL);
	open_pool(c);
}

/* Everything that is freed can be used again. */
static void reclaim(struct child *c)
{
	need(c, view_reclaim(c->twin.view.pool, &c->twin.why));
	need(c, twin_flush_tlb(&c->twin));
}

static void one(struct child *c)
{
	struct twin *t = &c->twin;
	struct op op;

	opgen_next(&c->gen, &t->now, &op);
	/* frames stay zero, so that the parent knows what is in them */
	op.flags &= ~(uint32_t)PPT_MAP_UNZEROED;
	say(c, WRITER_OP, 0, &op);
	if (twin_step(t, &op))
		give_up(c, &op);
	say(c, WRITER_DONE, t->result, NULL);
	if (!t->in_txn &&
	    (t->result == PPT_E_NOSPC || t->result == PPT_E_AGAIN))
		reclaim(c);
}

static void transaction(struct child *c)
{
	struct twin *t = &c->twin;

	/* a commit must not have to wait for a TLB flush */
	need(c, twin_flush_tlb(t));
	say(c, WRITER_BEGUN, 0, NULL);
	need(c, twin_begin(t));
	for (uint64_t i = 1 + rng_below(&c->gen.rng, 8); i; i--)
		one(c);
	say(c, WRITER_COMMIT, 0, NULL);
	need(c, twin_commit(t));
	say(c, WRITER_COMMITTED, t->result, NULL);
}

static bool once(struct child *c, unsigned n)
{
	return n && rng_once_in(&c->gen.rng, n);
}

static void checkpoint(struct child *c)
{
	int err = ppt_checkpoint(c->twin.view.pool);

	if (err)
		need(c, why_set(&c->twin.why, "ppt_checkpoint: %s",
				ppt_error_name(err)));
	say(c, WRITER_SYNCED, 0, NULL);
}

static void step(struct child *c, uint64_t n)
{
	const struct kill_profile *p = c->order->profile;

	if (p->sync_every && n % p->sync_every == 0) {
		need(c, twin_sync(&c->twin));
		say(c, WRITER_SYNCED, 0, NULL);
	}
	if (once(c, p->checkpoint_once))
		checkpoint(c);
	if (once(c, p->reclaim_once))
		reclaim(c);
	if (once(c, p->restart_once))
		restart(c);
	if (once(c, p->flush_once))
		need(c, twin_flush_tlb(&c->twin));
	if (once(c, p->txn_once))
		transaction(c);
	else
		one(c);
}

void writer_run(const struct writer *order)
{
	const struct kill_profile *p = order->profile;
	struct child c = { .order = order, .gen = p->gen };
	const struct view nothing = { .bytes = p->bytes };

	/* the parent decides when this ends; without it, at once */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	c.gen.rng.state = order->seed;
	twin_open(&c.twin, nothing, &order->now->regions,
		  p->flush_once ? 0 : PPT_ATTACH_NO_MMU);
	oracle_free(&c.twin.now);
	oracle_copy(&c.twin.now, order->now);
	open_pool(&c);
	for (uint64_t n = 1;; n++)
		step(&c, n);
}
