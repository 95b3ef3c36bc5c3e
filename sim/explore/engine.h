/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.h - the explorer's inside.
 *
 * Layer: sim.
 *
 *   explore.c   campaigns: which workloads, which of their crash points
 *   record.c    run a workload once, and write down what it does to the media
 *   fault.c     mutants of barriers
 *   crash.c     a crash state: recover it in every way that is left open, and
 *               crash again in between (recursion over levels, bounded)
 *   hygiene.c   what is not durable when it should be
 *   outcome.c   what a recovery shows, against the states that are allowed
 *   violation.c the story of a violation, and its replay line
 *   line.c      replay lines; replay.c: the other way round; shrink.c
 *   selfcheck.c lazy against eager
 *   pending.c   the persistency model, pending_word.c of a word; media.c,
 *               trace.c, choice.h below it
 */
#ifndef SIM_EXPLORE_ENGINE_H
#define SIM_EXPLORE_ENGINE_H

#include "sim/explore/choice.h"
#include "sim/explore/media.h"
#include "sim/explore/world.h"

/* Crash of the workload, in recovery, in that one's recovery; one to spare. */
#define ENGINE_LEVELS 4u
#define ENGINE_STATES 32u /* of a workload; as many again with one more op */
#define ENGINE_MAPS 8u

/* Bits of states: that of state s, and of s with one more operation. */
#define STATE_BIT(s) (UINT64_C(1) << (s))
#define EXTRA_BIT(s) (UINT64_C(1) << ((s) + ENGINE_STATES))

enum engine_mode {
	ENGINE_OFF,
	ENGINE_RECORD, /* a workload */
	ENGINE_RUN,    /* recovery of a crash state */
	ENGINE_QUIET,  /* a second recovery: it may not store */
	ENGINE_LOOK,   /* the oracle reads: decides, but is no recovery */
};

/**
 * struct crash_point - where a crash comes, and what may be found after it.
 * @event:   before this event of the trace of the workload, or of the run of
 *           the level below.
 * @allowed: bits of states.
 * @map:     number of the memory map that the recovery is given; 0 none.
 * @mend:    the recovery is a repair, then an attach.
 * @emptied: there must be nothing to replay.
 */
struct crash_point {
	uint32_t event;
	uint64_t allowed;
	uint16_t map;
	uint8_t trust;
	bool mend;
	bool emptied;
};

/* Entries that differ in what is not journalled: accessed, dirty, cold. */
static inline bool engine_same_entry(uint64_t a, uint64_t b)
{
	uint64_t differ = a ^ b, cold = differ >> 9 & 1;

	return !((differ ^ (cold << 9 | cold)) & ~UINT64_C(0x60));
}

/* Whether only a mark may be lost of a word, and what is below it is not. */
struct option;
bool engine_is_mark(const struct option *option, unsigned n);

/* What is read whole, under a checksum: two superblocks, the journal. */
#define ENGINE_SUMMED 3u

/*
 * Words under no checksum: the first of a run are tried in every way; fewer in a
 * sequence, of which each operation was tried alone before.
 */
#define ENGINE_SINGLES 10u
#define ENGINE_SINGLES_LATER 7u

/**
 * struct run - one recovery of a crash state.
 * @mended: event at which ppt_repair had returned; 0 without one.
 * @back:   event at which ppt_attach had returned.
 * @looked: words that were decided because the oracle read them.
 * @settled: event at which all is durable, since it was replayed or repaired;
 *          UINT32_MAX: none.
 * @in_force: decisions that hold for the crash in it that is looked at.
 * @torn:   of what is under a checksum a word was lost; the first in this line
 *           (its number and 1; 0: none).
 * @pattern: how the words are chosen that are not enumerated; 0 not yet.
 * @marks:  the same for words of which nothing but a mark is undecided.
 * @single: words that no checksum covers and that were.
 * @path:   a hash of the choices that led here.
 * @start:  the lines that differ from level 0 when the run begins; if @started,
 *          those of the last crash at this level in the same run below.
 */
struct run {
	struct choice choice;
	struct trace trace;
	struct decisions log;
	struct crash_point at;
	uint32_t mended;
	uint32_t back;
	uint32_t in_force;
	uint32_t looked;
	uint32_t settled;
	uint64_t torn[ENGINE_SUMMED];
	unsigned pattern[ENGINE_SUMMED + 1];
	unsigned marks;
	unsigned single;
	uint64_t path;
	struct media_view start;
	bool started;
};

/* What is known of a content: which states were compared, which it is. */
struct memo {
	uint64_t key;
	uint64_t tested;
	uint64_t matched;
	uint64_t hash;
};

#define MEMO_SLOTS 65536u

struct engine {
	const struct sim_options *opt;
	struct sim_result *res;
	struct why why;
	/* the library's surroundings */
	struct media media;
	struct ppt_pm_observer observer;
	void *scratch;
	size_t scratch_bytes;
	enum engine_mode mode;
	unsigned level;
	bool stored; /* in ENGINE_QUIET */
	bool traced; /* the run may be crashed: it is written down */
	/* the workload */
	struct world world;
	struct world_base bases[WORLD_ALL + 1]; /* by parts */
	const struct world_base *base;          /* that of the workload */
	unsigned parts; /* that each has, whatever its rows act on */
	char name[96];
	struct trace work;
	unsigned row[SIM_SEQUENCE_MAX];
	unsigned rows;
	uint32_t starts; /* of the events that are tried, the first */
	struct ppt_memory_map map[ENGINE_MAPS];
	unsigned maps;
	uint64_t ring_first; /* words */
	uint64_t ring_last;
	/* the search */
	unsigned singles; /* words without a checksum that are enumerated */
	struct pending pending[ENGINE_LEVELS];
	struct run run[ENGINE_LEVELS];
	struct world_state extra[ENGINE_STATES];
	bool extra_known[ENGINE_STATES];
	struct image image;
	struct memo *memo;
	uint32_t memo_used[MEMO_SLOTS / 2];
	unsigned memo_count;
	uint8_t seen[TRACE_SITES_MAX]; /* kinds of events by site, as bits */
	bool series[TRACE_SITES_MAX];  /* several in a row */
	bool unclean[TRACE_SITES_MAX]; /* hygiene that was reported */
	bool halt;
	double began_s;
	double report_s; /* when progress is told next */
	bool forced;     /* replay: the choices are given */
	uint32_t forced_event[ENGINE_LEVELS];
	unsigned forced_levels;
	FILE *tell; /* replay: tell what happens */
	/* selfcheck: recover and look, nothing else; decide all beforehand */
	bool plain;
	bool eager;
	void (*outcome)(void *ctx, uint64_t hash);
	void *outcome_ctx;
};

/* The tail lines at the ends of the superblocks' pages (docs/FORMAT.md). */
static inline bool engine_is_tail(uint64_t word)
{
	return word < 2 * PPT_PAGE_WORDS && word % PPT_PAGE_WORDS >= 504;
}

/* 0, or -1 and @x->why. */
int engine_open(struct engine *x, const struct sim_options *opt,
		struct sim_result *res);
void engine_close(struct engine *x);

/* A workload by its rows' numbers, or by its name "map1+unmapfree". */
int engine_parse(struct engine *x, const char *name);
void engine_name(struct engine *x);

/*
 * One after the other the workloads that the options ask for.  @one is given a
 * name and rows, and records.  0; -1 and @x->why: there is no such workload.
 */
typedef void engine_work(struct engine *x, void *ctx);
int engine_campaign(struct engine *x, engine_work *one, void *ctx);
/* Tell progress, if it is time. */
void engine_report(struct engine *x);

/* Run the workload and write it down.  0; -1: it fails without any crash. */
int engine_record(struct engine *x);
/* For every access of the library: see ppt_pm_observer. */
void engine_event(void *ctx, enum ppt_pm_event event, uint64_t off,
		  uint64_t len, const char *site);

/* Level 0 as it is at the start of the workload. */
void engine_rewind(struct engine *x);
/* Do to a trace what the mutant does. */
void engine_fault(const struct engine *x, struct trace *t);

/* Play one event into a level; hygiene is checked. */
void engine_play(struct engine *x, unsigned level, const struct trace *t,
		 uint32_t event);

/* At an acknowledgement of the workload: what is neither durable nor covered. */
void engine_check_acknowledged(struct engine *x, bool emptied);

/* Try all crashes of the recorded workload. */
void engine_crash_all(struct engine *x);
/* The crash before @event of the workload; level 0 was played up to there. */
void engine_crash_at(struct engine *x, uint32_t event);
/* Whether a crash before this event can show what one later cannot. */
bool engine_is_crash_point(const struct engine *x, const struct trace *t,
			   uint32_t event);

/* Recover a crash state in all ways, from level @level on. */
void engine_explore(struct engine *x, unsigned level,
		    const struct crash_point *at);

/* Decide what a word holds, because somebody reads it. */
void engine_decide(struct engine *x, uint64_t word, uint64_t n);

/*
 * What @at->allowed of the states does the recovered pool show?  0 if none:
 * then it is a violation, and reported.
 */
uint64_t engine_outcome(struct engine *x, const struct crash_point *at);

/* What a line adds to the hash of a content (media.part). */
uint64_t engine_line_part(const void *ctx, uint32_t line);

/* A stray store from now on tells its replay line; NULL: no more. */
void engine_guard(const struct engine *x);

/* Make a violation shorter, as far as that goes. */
void engine_shrink(const struct sim_options *options, struct sim_violation *v);

__attribute__((format(printf, 3, 4))) void
engine_violation(struct engine *x, const char *kind, const char *format, ...);

#endif
