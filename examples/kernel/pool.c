/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool: where it is, making it, attaching it.  What an embedding kernel
 * gives the library is all in this file: the media, scratch memory, the memory
 * map of this boot, and TLB flushes.
 */
#include "kernel.h"

#define CR4_PGE UINT64_C(0x80)

struct ppt_pool *pool;
static const struct ppt_region *nvdimm; /* where it is */
enum ppt_format pool_format;
struct ppt_attach_report pool_report;
uint64_t pool_scratch_bytes;

/* ------------------------------------------------------------- errors -- */

static enum stop stop_of(int err)
{
	switch (err) {
	case PPT_E_MAGIC:
		return STOP_NO_POOL;
	case PPT_E_VERSION:
	case PPT_E_FEATURE:
		return STOP_VERSION;
	case PPT_E_SIZE:
	case PPT_E_CORRUPT:
	case PPT_E_JOURNAL:
		return STOP_DAMAGED;
	case PPT_E_REGION:
		return STOP_MEMORY_MAP;
	case PPT_E_NOMEM:
		return STOP_NO_MEMORY;
	case PPT_E_NOSPC:
		return STOP_FULL;
	default:
		return STOP_LIBRARY;
	}
}

_Noreturn void library_fails(const char *call, int err,
			     const struct ppt_diag *diag)
{
	stop(stop_of(err), "%s: %s (%s: %s, %lx)", call, ppt_strerror(err),
	     diag->what, diag->why, diag->at);
}

/* ---------------------------------------------------------------- TLB -- */

/*
 * There is one CPU.  Writing CR3 does not flush what is global, changing
 * CR4.PGE does (SDM 3A 4.10.4.1).
 */
void tlb_settle(void)
{
	struct ppt_tlb_gather gather;
	uint64_t cr4;

	ppt_tlb_pending(pool, &gather);
	if (!gather.ticket)
		return;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 & ~CR4_PGE) : "memory");
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4) : "memory");
	ppt_tlb_flushed(pool, gather.ticket);
}

/* -------------------------------------------------------------- attach -- */

/* With the word "trace": show cacheloss the lines that the library flushes. */
static void show_flush(void *media, enum ppt_pm_event event, uint64_t off,
		       uint64_t len, const char *site)
{
	(void)len;
	(void)site;
	if (event == PPT_PM_FLUSH)
		(void)*((const volatile char *)media + off);
}

static struct ppt_pm_config media(void)
{
	static struct ppt_pm_observer observer = { .event = show_flush };
	struct ppt_pm_config pm = { .media = phys(nvdimm->base),
				    .bytes = nvdimm->len };

	if (machine_word("trace")) {
		pm.observer = &observer;
		if (!observer.ctx)
			persist(pm.media, 1); /* where the pool is */
		observer.ctx = phys(nvdimm->base);
	}
	return pm;
}

/* The pool comes to life with the memory of this machine beside it. */
static void create(void)
{
	struct ppt_create_config cfg = {
		.pm = media(),
		.phys_base = nvdimm->base,
		.journal_bytes = PPT_JOURNAL_BYTES_MIN,
	};
	uint64_t now = read_tsc();
	struct ppt_diag diag;
	int err;

	/* A product has a source of randomness. */
	__builtin_memcpy(cfg.uuid.b, &now, sizeof(now));
	cfg.uuid.b[15] = 'k';
	for (uint32_t i = 0; i < machine.map.count; i++)
		if (&machine.map.region[i] != nvdimm)
			cfg.regions.region[cfg.regions.count++] =
				machine.map.region[i];
	err = ppt_create(&cfg, &diag);
	if (err)
		library_fails("create", err, &diag);
	print("created\n");
}

/* The value of a word as one of three names. */
static uint32_t one_of(const char *word, const char *b, const char *c)
{
	const char *value = machine_word(word);

	if (!value)
		return 0;
	return *value == *b ? 1 : *value == *c ? 2 : 0;
}

/*
 * Scratch memory is all that is left, before pool_trim.
 */
static int attach(struct ppt_diag *diag)
{
	struct ppt_attach_config cfg = {
		.pm = media(),
		.scratch = phys(machine.free),
		.scratch_bytes = machine.free_end - machine.free,
		.present = machine_word("stale") ? NULL : &machine.map,
		.trust = one_of("trust", ppt_trust_name(PPT_TRUST_NONE),
				ppt_trust_name(PPT_TRUST_FULL)),
		.lost = one_of("lost", ppt_lost_name(PPT_LOST_DROP),
			       ppt_lost_name(PPT_LOST_REPLACE)),
		.policy = PPT_POLICY_WX,
		/*
		 * Nobody expects content in DRAM: what is mapped there is the
		 * kernel, put there by the boot loader, and the direct map.
		 */
		.flags = PPT_ATTACH_DRAM_KEPT,
	};
	int err = ppt_attach(&cfg, &pool, &pool_report, diag);

	if (!err && !cfg.present)
		stale_root();
	return err;
}

void pool_trim(void)
{
	struct ppt_geometry geometry;

	ppt_geometry(pool, &geometry);
	pool_scratch_bytes =
		ppt_scratch_bytes(geometry.bytes, geometry.journal_bytes);
	machine_take(pool_scratch_bytes);
}

/* As if the pool were on an NVDIMM: its region has no identity of its own. */
static int try_nvdimm(struct ppt_region *r, struct ppt_diag *diag)
{
	const struct ppt_region was = *r;
	int err;

	nvdimm = r;
	r->kind = PPT_REGION_POOL;
	r->uuid = (struct ppt_uuid){ { 0 } };
	err = attach(diag);
	if (err)
		*r = was;
	return err;
}

void pool_open(void)
{
	struct ppt_region *first = NULL;
	int err = PPT_E_MAGIC;
	struct ppt_diag diag;

	for (uint32_t i = 0; err == PPT_E_MAGIC && i < machine.map.count; i++) {
		struct ppt_region *r = &machine.map.region[i];

		if (r->kind != PPT_REGION_PMEM ||
		    r->base + r->len > BOOT_MAP_BYTES)
			continue;
		first = first ? first : r;
		err = try_nvdimm(r, &diag);
	}
	if (!first)
		stop(STOP_NO_NVDIMM, "no NVDIMM below 16 GiB");
	if (err == PPT_E_MAGIC && machine_word("create")) {
		nvdimm = first;
		create();
		err = try_nvdimm(first, &diag);
	}
	if (err)
		library_fails("attach", err, &diag);
}

ppt_pa_t pool_base(void)
{
	return nvdimm->base;
}

/* --------------------------------------------------------------- check -- */

#define PROBLEMS_SHOWN_MAX 4u

static void show_problem(void *ctx, uint32_t worker,
			 const struct ppt_problem *problem)
{
	uint32_t *shown = ctx;

	(void)worker;
	if (problem->severity > PPT_SEVERITY_NOTE &&
	    (*shown)++ < PROBLEMS_SHOWN_MAX)
		print("problem: %s, page %lu, va %lx\n", problem->code,
		      problem->page, problem->va);
}

void pool_check(void)
{
	uint32_t shown = 0;
	struct ppt_check_config cfg = { .problem = show_problem,
					.ctx = &shown };
	struct ppt_check_report report;
	struct ppt_diag diag;
	int err;

	cfg.pm.media = phys(nvdimm->base);
	cfg.pm.bytes = nvdimm->len;
	cfg.scratch_bytes =
		ppt_check_scratch_bytes(cfg.pm.media, cfg.pm.bytes, 1);
	cfg.scratch = machine_take(cfg.scratch_bytes);
	err = ppt_check(&cfg, &report, &diag);
	if (err)
		library_fails("check", err, &diag);
	if (report.verdict != PPT_CHECK_CLEAN)
		stop(STOP_CHECK, "check: %s",
		     ppt_check_verdict_name(report.verdict));
	print("check: clean, %lu tables, %lu entries\n", report.tables,
	      report.entries);
}
