/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool: where it is, making it, attaching it.  What an embedding kernel
 * gives the library is all in this file: the media, scratch memory, the memory
 * map of this boot, and TLB flushes.
 */
#include "kernel.h"

struct ppt_pool *pool;
struct ppt_attach_report pool_report;
struct ppt_pm_config media;
struct ppt_diag diag = { .what = "", .why = "" };

/*
 * Errors are numbered from -2 (not found) and, where errno has none, from -999
 * down (operating system); stops are from 20 and 70 up.
 */
void must(const char *call, int err)
{
	if (err)
		stop(STOP_LIBRARY +
			     (uint64_t)(err > PPT_E_SYS ? -err : -err - 949),
		     "%s: %s (%s: %s, %lx)", call, ppt_strerror(err), diag.what,
		     diag.why, diag.at);
}

/*
 * There is one CPU.  Writing CR3 does not flush what is global, changing
 * CR4.PGE does (SDM 3A 4.10.4.1).
 */
void tlb_settle(void)
{
	struct ppt_tlb_gather gather;

	ppt_tlb_pending(pool, &gather);
	if (!gather.ticket)
		return;
	write_cr4(boot_cr4 & ~CR4_PGE);
	write_cr4(boot_cr4);
	ppt_tlb_flushed(pool, gather.ticket);
}

/* -------------------------------------------------------------- attach -- */

/* With the word "trace": show cacheloss the lines that the library flushes. */
static void show_flush(void *at, enum ppt_pm_event event, uint64_t off,
		       uint64_t len, const char *site)
{
	(void)len;
	(void)site;
	if (event == PPT_PM_FLUSH)
		(void)*((const volatile char *)at + off);
}

static void use_nvdimm(const struct ppt_region *r)
{
	static struct ppt_pm_observer observer = { .event = show_flush };

	media = (struct ppt_pm_config){ .media = phys(r->base),
					.bytes = r->len };
	if (!options.trace)
		return;
	persist(media.media, 1); /* where the pool is */
	observer.ctx = phys(r->base);
	media.observer = &observer;
}

/* As if the pool were on an NVDIMM: its region has no identity of its own. */
static int try_nvdimm(struct ppt_region *r)
{
	const struct ppt_region was = *r;
	struct ppt_attach_config cfg = {
		.scratch = phys(machine.free_end),
		.scratch_bytes = machine.scratch_bytes,
		.present = options.stale ? NULL : &machine.map,
		.trust = (uint32_t)options.trust,
		.lost = (uint32_t)options.lost,
		.policy = PPT_POLICY_WX,
		/*
		 * Nobody expects content in DRAM: what is mapped there is the
		 * kernel, put there by the boot loader, and the direct map.
		 */
		.flags = PPT_ATTACH_DRAM_KEPT,
	};
	int err;

	use_nvdimm(r);
	cfg.pm = media;
	r->kind = PPT_REGION_POOL;
	r->uuid = (struct ppt_uuid){ { 0 } };
	err = ppt_attach(&cfg, &pool, &pool_report, &diag);
	if (err)
		*r = was;
	return err;
}

/* The pool comes to life with the memory of this machine beside it. */
static void create(const struct ppt_region *r)
{
	struct ppt_create_config cfg = {
		.phys_base = r->base,
		.journal_bytes = PPT_JOURNAL_BYTES_MIN,
		.regions = machine.map,
	};

	use_nvdimm(r);
	cfg.pm = media;
	cfg.regions.region[r - machine.map.region] =
		cfg.regions.region[--cfg.regions.count];
	/* A product has a source of randomness. */
	__builtin_memcpy(cfg.uuid.b, &boot_time, sizeof(boot_time));
	must("create", ppt_create(&cfg, &diag));
	print("created\n");
}

void pool_open(void)
{
	struct ppt_region *r = machine.map.region, *first = NULL;
	int err = PPT_E_MAGIC;

	for (; err == PPT_E_MAGIC && r < regions_end(); r++) {
		if (r->kind != PPT_REGION_PMEM ||
		    r->base + r->len > BOOT_MAP_BYTES)
			continue;
		first = first ? first : r;
		err = try_nvdimm(r);
	}
	if (!first)
		stop(STOP_NO_NVDIMM, "no NVDIMM below 16 GiB");
	if (err == PPT_E_MAGIC && options.create) {
		create(first);
		err = try_nvdimm(first);
	}
	must("attach", err);
}

void pool_check(void)
{
	struct ppt_check_config cfg = { .pm = media };
	struct ppt_check_report report;

	cfg.scratch_bytes =
		ppt_check_scratch_bytes(media.media, media.bytes, 1);
	cfg.scratch = machine_take(cfg.scratch_bytes);
	must("check", ppt_check(&cfg, &report, &diag));
	if (report.verdict != PPT_CHECK_CLEAN)
		stop(STOP_CHECK, "check: %s",
		     ppt_check_verdict_name(report.verdict));
	print("check: clean, %lu tables, %lu entries\n", report.tables,
	      report.entries);
}
