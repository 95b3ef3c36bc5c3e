/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's DRAM from /proc/iomem.
 *
 * Layer: tools.
 *
 * The ranges have no identity of their own, so one is derived from where they
 * are: the same machine gives the same regions each time, and another layout
 * gives others.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#include "snapshot.h"

static void derive_uuid(struct ppt_region *region)
{
	char name[80];
	uuid_t uuid;
	int len;

	len = snprintf(name, sizeof(name),
		       "pptable:dram:base=0x%" PRIx64 ",len=0x%" PRIx64,
		       region->base, region->len);
	uuid_generate_sha1(uuid, *uuid_get_template("url"), name, (size_t)len);
	memcpy(region->uuid.b, uuid, sizeof(region->uuid.b));
}

/* A top-level line "00100000-bfffffff : System RAM", in whole pages. */
static bool parse_line(const char *line, struct ppt_region *out)
{
	const uint64_t mask = PPT_PAGE_BYTES - 1;
	uint64_t first;
	uint64_t last;
	const char *rest = NULL;

	/* What is indented is a part of the line before. */
	if (line[0] != ' ')
		rest = snap_parse_span(line, &first, &last);
	if (!rest || strncmp(rest, " : System RAM", 13) != 0)
		return false;
	/* Hidden addresses are all 0. */
	if (last == 0)
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = PPT_REGION_DRAM;
	out->base = (first + mask) & ~mask;
	if (((last + 1) & ~mask) <= out->base)
		return false;
	out->len = ((last + 1) & ~mask) - out->base;
	derive_uuid(out);
	return true;
}

int snap_machine(const struct ctl *ctl, struct ppt_memory_map *out)
{
	struct ppt_memory_map map = { .count = 0 };
	struct ppt_region region;
	char *line = NULL;
	size_t size = 0;
	FILE *file = fopen("/proc/iomem", "re");
	int ret = CTL_OK;

	if (!file) {
		ctl_say(ctl, "/proc/iomem: %s", strerror(errno));
		return CTL_FAILED;
	}
	while (!ret && getline(&line, &size, file) > 0) {
		if (!parse_line(line, &region))
			continue;
		if (map.count == PPT_REGIONS_MAX) {
			ctl_say(ctl, "/proc/iomem: more than %u ranges of DRAM",
				PPT_REGIONS_MAX);
			ret = CTL_FAILED;
			break;
		}
		map.region[map.count++] = region;
	}
	free(line);
	fclose(file);
	if (!ret)
		*out = map;
	return ret;
}
