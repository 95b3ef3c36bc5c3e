/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options, and their values.
 *
 * Layer: tools.
 */
#include "pptctl.h"

const struct cli_option ctl_options[CTL_OPTIONS] = {
	CLI_COMMON_OPTIONS,
	[CTL_FLUSH] = { "--flush", "HOW",
			"auto, clwb, clflushopt, clflush or eadr" },
	[CTL_SIZE] = { "--size", "S", "size of the pool, 1M to 16T" },
	[CTL_PHYS_BASE] = { "--phys-base", "PA",
			    "physical address of the pool (default 16T)" },
	[CTL_JOURNAL] = { "--journal", "S",
			  "size of the journal, a power of two, 64K to 1G" },
	[CTL_REGION] = { "--region", "R",
			 "record a region: uuid=U,kind=pmem|dram|device,"
			 "base=PA,len=LEN" },
	[CTL_UUID] = { "--uuid", "U", "identity of the pool (default random)" },
	[CTL_SPARSE] = { "--sparse", NULL,
			 "do not allocate the file's blocks now" },
	[CTL_FORCE] = { "--force", NULL, "replace an existing file" },
	[CTL_FORMAT] = { "--format", "F", "x86_64-4 (default) or x86_64-5" },
	[CTL_PROT] = { "--prot", "RIGHTS",
		       "letters of rwxug (map: default rwu)" },
	[CTL_PAGE_SIZE] = { "--page-size", "P",
			    "4k, 2m, 1g or auto (default)" },
	[CTL_REPLACE] = { "--replace", NULL,
			  "unmap what is mapped there first" },
	[CTL_ACK] = { "--ack", NULL,
		      "print the number of each operation once it is durable" },
	[CTL_RELAXED] = { "--relaxed", NULL,
			  "commit without a fence; durable at sync" },
	[CTL_STATS] = { "--stats", NULL, "print figures at the end" },
	[CTL_PID] = { "--pid", "PID", "the process to import" },
	[CTL_FREEZE] = { "--freeze", NULL, "stop the process meanwhile" },
	[CTL_MEMORY_MAP] = { "--memory-map", "FILE",
			     "the memory map of this boot (- for stdin)" },
	[CTL_POLICY] = { "--policy", "P",
			 "a list of wx, user, supervisor, pa-bits=N" },
	[CTL_PROGRESS] = { "--progress", "WHEN",
			   "auto (default: on a terminal), always or never" },
	[CTL_TRUST] = { "--trust", "MODE",
			"validate tables on touch (default), none or full" },
	[CTL_LOST] = { "--lost", "HOW",
		       "pages whose memory is gone: fault (default), drop or "
		       "replace" },
	[CTL_DRAM_KEPT] = { "--dram-kept", NULL,
			    "DRAM kept its content, as after a warm restart" },
};

static const char *add_region(struct ppt_memory_map *map, const char *text)
{
	const char *why;

	/* One place is the pool's own. */
	if (map->count >= PPT_REGIONS_MAX - 1)
		return "too many regions";
	why = ctl_parse_region(text, &map->region[map->count]);
	if (!why)
		map->count++;
	return why;
}

static const char *set_value(struct ctl_values *values, enum ctl_option option,
			     const char *text)
{
	switch (option) {
	case CTL_FLUSH:
		return ctl_parse_flush(text, &values->flush);
	case CTL_SIZE:
		return cli_parse_number(text, &values->size);
	case CTL_PHYS_BASE:
		return cli_parse_number(text, &values->phys_base);
	case CTL_JOURNAL:
		return cli_parse_number(text, &values->journal);
	case CTL_REGION:
		return add_region(&values->regions, text);
	case CTL_UUID:
		return ctl_parse_uuid(text, &values->uuid);
	case CTL_FORMAT:
		return ppt_format_parse(text, &values->format) ?
			       "none of x86_64-4, x86_64-5" :
			       NULL;
	case CTL_PROT:
		return ctl_parse_prot(text, &values->prot);
	case CTL_PAGE_SIZE:
		return ctl_parse_page_size(text, &values->page_size);
	case CTL_PID:
		return ctl_parse_pid(text, &values->pid);
	case CTL_POLICY:
		return ctl_parse_policy(text, &values->policy,
					&values->pa_bits);
	case CTL_TRUST:
		return ctl_parse_trust(text, &values->trust);
	case CTL_LOST:
		return ctl_parse_lost(text, &values->lost);
	case CTL_PROGRESS:
		return cli_parse_when(text, &values->when);
	default:
		return NULL;
	}
}

int ctl_set_option(struct ctl *ctl, struct ctl_values *values,
		   enum ctl_option option, const char *text)
{
	const char *why = set_value(values, option, text);

	values->given |= CLI_BIT(option);
	values->text[option] = text;
	return why ? ctl_bad(ctl, ctl_options[option].name, text, why) : CTL_OK;
}
