/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session: the pool is opened, one command runs guarded, it is closed.
 *
 * Layer: tools.
 */
#include <string.h>

#include "pptctl.h"

int ctl_open(struct ctl *ctl, uint32_t flags,
	     const struct ppt_memory_map *present, struct ppt_host_diag *diag)
{
	struct ppt_host_open opt = {
		.flags = flags,
		.flush = ctl->opt.flush,
		.present = present,
		.trust = ctl->opt.trust,
		.lost = ctl->opt.lost,
	};
	uint64_t start = cli_now_ns();
	int ret;

	ret = ppt_host_open(ctl->cli.args[0], &opt, &ctl->host, &ctl->attach,
			    diag);
	ctl->attach_ns = cli_now_ns() - start;
	if (!ret)
		ctl->pool = ppt_host_pool(ctl->host);
	return ret;
}

struct guarded {
	struct ctl *ctl;
	int (*fn)(struct ctl *ctl);
	int exit_code;
};

static int run_guarded(void *arg)
{
	struct guarded *guarded = arg;

	guarded->exit_code = guarded->fn(guarded->ctl);
	return 0;
}

int ctl_run_and_close(struct ctl *ctl, int (*fn)(struct ctl *ctl))
{
	struct guarded guarded = { .ctl = ctl, .fn = fn };
	struct ppt_host_diag diag = { .os_errno = 0 };
	int ret;

	ret = ppt_host_try(ctl->host, run_guarded, &guarded, &diag);
	if (ret)
		guarded.exit_code = ctl_fail_file(ctl, ret, &diag);
	ret = ppt_host_close(ctl->host);
	ctl->host = NULL;
	ctl->pool = NULL;
	if (ret) {
		ctl_say(ctl, "%s: cannot close: %s", ctl->cli.args[0],
			ppt_strerror(ret));
		guarded.exit_code |= CTL_FAILED;
	}
	return guarded.exit_code | cli_finish_output(&ctl->cli);
}

int ctl_with_pool(struct ctl *ctl, uint32_t flags, int (*fn)(struct ctl *ctl))
{
	struct ppt_host_diag diag = { .os_errno = 0 };
	int ret = ctl_open(ctl, flags, NULL, &diag);

	if (ret)
		return ctl_fail_file(ctl, ret, &diag);
	ctl_shutdown_say(ctl);
	return ctl_run_and_close(ctl, fn);
}

int ctl_find_space(struct ctl *ctl, struct ppt_space *out)
{
	struct ppt_diag diag = { .err = 0 };
	int ret = ppt_space_open(ctl->pool, ctl->cli.args[1], out, &diag);

	if (ret == 0)
		return CTL_OK;
	if (ret != PPT_E_NOENT && ret != PPT_E_INVAL)
		return ctl_fail(ctl, ret, &diag, NULL);
	ctl_say(ctl, "SPACE '%s': no such space in %s", ctl->cli.args[1],
		ctl->cli.args[0]);
	return CTL_FAILED;
}

/* ------------------------------------------------------ bounded steps -- */

int ctl_reclaim(struct ctl *ctl)
{
	struct ppt_diag none = { .err = 0 };
	bool left = true;

	/* What was to be done is done, and durable. */
	if (ctl->attach.reclaim_damaged) {
		ctl_say(ctl,
			"%s: reclaim list: damaged: freed pages wait for a "
			"repair",
			ctl->cli.args[0]);
		return CTL_OK;
	}
	while (left) {
		int ret;

		if (cli_interrupted()) {
			ctl_say(ctl,
				"%s: interrupted: pages are left for "
				"'pptctl reclaim'",
				ctl->cli.args[0]);
			return CTL_FAILED;
		}
		ret = ppt_reclaim(ctl->pool, 256, &left);
		if (ret) {
			ctl_say(ctl, "%s: cannot reclaim pages",
				ctl->cli.args[0]);
			return ctl_fail(ctl, ret, &none, NULL);
		}
	}
	return CTL_OK;
}
