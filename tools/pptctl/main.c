/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptctl: pools and address spaces from the command line.
 *
 * Layer: tools.  See docs/man/pptctl.1.
 */
#include "pptctl.h"

#define OP_OPTIONS                                                             \
	(CTL_WRITES | CLI_BIT(CTL_PROT) | CLI_BIT(CTL_PAGE_SIZE) |             \
	 CLI_BIT(CTL_REPLACE))

static const struct cli_command commands[] = {
	{ "create", "POOL", "make a file and format it as a pool",
	  CLI_REPORTS | CTL_WRITES | CLI_BIT(CTL_SIZE) |
		  CLI_BIT(CTL_PHYS_BASE) | CLI_BIT(CTL_JOURNAL) |
		  CLI_BIT(CTL_REGION) | CLI_BIT(CTL_UUID) |
		  CLI_BIT(CTL_SPARSE) | CLI_BIT(CTL_FORCE),
	  CLI_BIT(CTL_SIZE), ctl_cmd_create },
	{ "info", "POOL", "what a pool is and holds", CLI_REPORTS, 0,
	  ctl_cmd_info },
	{ "space create", "POOL NAME", "make an empty address space",
	  CTL_WRITES | CLI_BIT(CTL_FORMAT), 0, ctl_cmd_space_create },
	{ "space list", "POOL", "the address spaces of a pool", CLI_REPORTS, 0,
	  ctl_cmd_space_list },
	{ "space rename", "POOL NAME NEW", "give a space another name",
	  CTL_WRITES, 0, ctl_cmd_space_rename },
	{ "space delete", "POOL NAME", "remove a space with all it maps",
	  CTL_WRITES, 0, ctl_cmd_space_delete },
	{ "map", "POOL SPACE VA PA|alloc LEN",
	  "map a range to physical memory or to frames of the pool", OP_OPTIONS,
	  0, ctl_cmd_map },
	{ "unmap", "POOL SPACE VA LEN", "unmap a range; holes are fine",
	  CTL_WRITES, 0, ctl_cmd_unmap },
	{ "protect", "POOL SPACE VA LEN",
	  "change the rights of a range without holes",
	  CTL_WRITES | CLI_BIT(CTL_PROT), CLI_BIT(CTL_PROT), ctl_cmd_protect },
	{ "translate", "POOL SPACE VA...", "where virtual addresses lead",
	  CLI_REPORTS, 0, ctl_cmd_translate },
	{ "dump", "POOL SPACE", "all that a space maps, as extents",
	  CLI_REPORTS, 0, ctl_cmd_dump },
	{ "apply", "POOL SPACE SCRIPT|-",
	  "run a script of operations and transactions",
	  CLI_REPORTS | CTL_WRITES | CLI_BIT(CTL_ACK) | CLI_BIT(CTL_RELAXED) |
		  CLI_BIT(CTL_STATS),
	  0, ctl_cmd_apply },
	{ "import", "POOL SPACE", "store a live process's address space",
	  CLI_REPORTS | CTL_WRITES | CLI_BIT(CTL_PID) | CLI_BIT(CTL_FREEZE) |
		  CLI_BIT(CTL_REPLACE) | CLI_BIT(CTL_FORMAT),
	  CLI_BIT(CTL_PID), ctl_cmd_import },
	{ "memory-map", "POOL", "the recorded memory map, as JSON",
	  CLI_BIT(CLI_JSON), 0, ctl_cmd_memory_map },
	{ "region add", "POOL uuid=U,kind=K,base=PA,len=LEN",
	  "record memory that frames may lie in", CTL_WRITES, 0,
	  ctl_cmd_region_add },
	{ "region remove", "POOL UUID", "forget a region that nothing maps",
	  CTL_WRITES, 0, ctl_cmd_region_remove },
	{ "attach", "POOL", "restart: recover, reconcile memory, report",
	  CLI_REPORTS | CTL_WRITES | CLI_BIT(CTL_MEMORY_MAP) |
		  CLI_BIT(CTL_TRUST) | CLI_BIT(CTL_LOST) |
		  CLI_BIT(CTL_DRAM_KEPT),
	  0, ctl_cmd_attach },
	{ "check", "POOL", "whether all of a pool is what it should be",
	  CLI_REPORTS | CLI_BIT(CTL_MEMORY_MAP) | CLI_BIT(CTL_POLICY) |
		  CLI_BIT(CTL_PROGRESS) | CLI_BIT(CTL_REPAIR) |
		  CLI_BIT(CTL_BACKUP) | CLI_BIT(CTL_DRY_RUN) | CTL_WRITES,
	  0, ctl_cmd_check },
	{ "checkpoint", "POOL", "empty the journal", CTL_WRITES, 0,
	  ctl_cmd_checkpoint },
	{ "reclaim", "POOL", "give back pages of what was unlinked whole",
	  CTL_WRITES, 0, ctl_cmd_reclaim },
};

static int set_option(struct ctl *ctl, unsigned int option, const char *text)
{
	return ctl_set_option(ctl, &ctl->opt, (enum ctl_option)option, text);
}

static const struct cli_program program = {
	.name = "pptctl",
	.purpose = "Page tables in persistent memory: pools, spaces, mappings.",
	.notes = "Numbers are decimal or 0x, with K, M, G or T (1024s).\n"
		 "Exit: 0 fine, 1 not mapped or repaired, 4 damage, 8 failed, "
		 "16 usage.\n",
	.commands = commands,
	.command_count = sizeof(commands) / sizeof(commands[0]),
	.options = ctl_options,
	.option_count = CTL_OPTIONS,
	.set = set_option,
};

int main(int argc, char **argv)
{
	struct ctl ctl = {
		.opt = {
			.format = PPT_FORMAT_X86_64_4,
			.phys_base = UINT64_C(1) << 44,
		},
	};

	return cli_main(&program, &ctl.cli, &ctl, argc, argv);
}
