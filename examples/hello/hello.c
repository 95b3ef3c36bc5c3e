/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hello - make a pool, map two pages, restart, find them again.
 *
 * usage: hello FILE
 *
 * Layer: examples.
 */
#include <pptable/host.h>

#include <inttypes.h>
#include <stdio.h>

#define VA UINT64_C(0x400000)
#define RW ((uint32_t)PPT_PROT_READ | PPT_PROT_WRITE | PPT_PROT_USER)

static int store(const char *path, struct ppt_host_diag *diag)
{
	struct ppt_create_config cfg = { .pm.bytes = UINT64_C(64) << 20 };
	struct ppt_host *host = NULL;
	struct ppt_space space;
	int err;

	/* README begin */
	err = ppt_host_create(path, &cfg, PPT_HOST_FORCE, diag);
	if (!err)
		err = ppt_host_open(path, NULL, &host, NULL, diag);
	if (!err)
		err = ppt_space_create(ppt_host_pool(host), "init",
				       PPT_FORMAT_X86_64_4, &space,
				       &diag->diag);
	if (!err) /* two frames of the pool; durable when it returns */
		err = ppt_map(&space, VA, PPT_PA_ALLOC, 8192, RW, 0,
			      &diag->diag);
	/* README end */
	/* A crash here would lose nothing: closing makes nothing durable. */
	ppt_host_close(host);
	return err;
}

static int find(const char *path, struct ppt_host_diag *diag)
{
	struct ppt_attach_report report;
	struct ppt_host *host = NULL;
	struct ppt_space space;
	struct ppt_extent at;
	int err = ppt_host_open(path, NULL, &host, &report, diag);

	if (!err)
		err = ppt_space_open(ppt_host_pool(host), "init", &space,
				     &diag->diag);
	if (!err)
		err = ppt_translate(&space, VA + 4096, &at, &diag->diag);
	if (!err)
		printf("%s restart: 0x%" PRIx64 " -> 0x%" PRIx64 "\n",
		       ppt_verdict_name(report.verdict), at.va, at.pa);
	ppt_host_close(host);
	return err;
}

int main(int argc, char **argv)
{
	struct ppt_host_diag diag;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	err = store(argv[1], &diag);
	if (!err)
		err = find(argv[1], &diag);
	if (err)
		fprintf(stderr, "%s: %s: %s\n", ppt_strerror(err),
			diag.diag.what, diag.diag.why);
	return err != 0;
}
