/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutants: the library with one thing wrong, again and again.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptsim.h"
#include "sim/mutants/mutants.h"

static void show(void *arg, unsigned done, unsigned total,
		 const struct mutant_result *last)
{
	struct ctl *ctl = arg;

	cli_progress_show(&ctl->progress, done, total, "mutants, %s %s",
			  last->name, last->killed ? "killed" : "survived");
}

/* Whether one begins like that; -1 after a message. */
static int is_known(const struct ctl *ctl,
		    const struct mutants_options *options)
{
	struct mutants_options all = *options;
	struct mutants mutants;
	struct why why = { "" };
	int known = 0;

	all.only = NULL;
	if (mutants_list(&all, &mutants, &why)) {
		cli_say(&ctl->cli, "%s", why.text);
		return -1;
	}
	for (unsigned i = 0; i < mutants.total && !known; i++)
		known = strncmp(mutants.m[i].name, options->only,
				strlen(options->only)) == 0;
	mutants_free(&mutants);
	return known;
}

static bool survives(const struct mutant_result *m)
{
	return !m->killed && !m->justified;
}

/* --------------------------------------------------------------- reports -- */

static json_t *mutant_json(const struct mutant_result *m, bool hunted)
{
	json_t *object = cli_json_need(json_object());

	cli_json_set(object, "name", cli_json_text(m->name));
	cli_json_set(object, "what", cli_json_text(m->what));
	if (hunted) {
		cli_json_set(object, "killed", json_boolean(m->killed));
		cli_json_set(object, "by",
			     m->killed ? cli_json_text(m->by) : json_null());
		cli_json_set(object, "justified", json_boolean(m->justified));
		cli_json_set(object, "seconds", json_real(m->seconds));
	}
	cli_json_set(object, "justification",
		     m->justification ? cli_json_text(m->justification) :
					json_null());
	return object;
}

static void print_json(const struct mutants *mutants, double seconds)
{
	json_t *root = cli_json_new("pptsim.mutants/1");
	json_t *survivors = cli_json_need(json_array());
	json_t *list = cli_json_need(json_array());

	for (unsigned i = 0; i < mutants->total; i++) {
		const struct mutant_result *m = &mutants->m[i];

		cli_json_add(list, mutant_json(m, true));
		if (survives(m))
			cli_json_add(survivors, mutant_json(m, true));
	}
	cli_json_set(root, "total", cli_json_u64(mutants->total));
	cli_json_set(root, "killed", cli_json_u64(mutants->killed));
	cli_json_set(root, "justified", cli_json_u64(mutants->justified));
	cli_json_set(root, "survivors", survivors);
	cli_json_set(root, "partial", json_boolean(mutants->partial));
	cli_json_set(root, "seconds", json_real(seconds));
	cli_json_set(root, "mutants", list);
	cli_json_print(root, JSON_INDENT(2));
}

static void print_text(const struct mutants *mutants, double seconds)
{
	for (unsigned i = 0; i < mutants->total; i++) {
		const struct mutant_result *m = &mutants->m[i];
		const char *fate = m->killed    ? "killed" :
				   m->justified ? "justified" :
						  "SURVIVED";

		printf("%-9s  %6.1f s  %-38s %s\n", fate, m->seconds, m->name,
		       m->what);
		if (m->killed)
			printf("%22s%s\n", "", m->by);
		else if (m->justified)
			printf("%22s%s\n", "", m->justification);
	}
	printf("%u mutants, %u killed, %u justified, %u survived, %.0f s\n",
	       mutants->total, mutants->killed, mutants->justified,
	       mutants->survivors, seconds);
}

static int hunt_all(struct ctl *ctl, struct mutants_options *options)
{
	struct mutants mutants;
	struct why why = { "" };
	uint64_t begun = cli_now_ns();
	double seconds;
	int ret;

	options->stop = cli_catch_interrupts();
	options->progress = show;
	options->ctx = ctl;
	cli_progress_begin(&ctl->progress, ctl->when);
	ret = mutants_run(options, &mutants, &why);
	cli_progress_end(&ctl->progress);
	if (ret) {
		cli_say(&ctl->cli, "%s", why.text);
		return SIM_FAILED;
	}
	seconds = (double)(cli_now_ns() - begun) / 1e9;
	if (cli_wants_json(&ctl->cli))
		print_json(&mutants, seconds);
	else
		print_text(&mutants, seconds);
	ret = mutants.survivors ? SIM_FOUND : SIM_OK;
	ret |= report_partial(ctl, mutants.partial);
	mutants_free(&mutants);
	return ret | cli_finish_output(&ctl->cli);
}

static int list_all(struct ctl *ctl, const struct mutants_options *options)
{
	json_t *root;
	json_t *list;
	struct mutants mutants;
	struct why why = { "" };

	if (mutants_list(options, &mutants, &why)) {
		cli_say(&ctl->cli, "%s", why.text);
		return SIM_FAILED;
	}
	root = cli_json_new("pptsim.mutant-list/1");
	list = cli_json_need(json_array());
	for (unsigned i = 0; i < mutants.total; i++) {
		const struct mutant_result *m = &mutants.m[i];

		cli_json_add(list, mutant_json(m, false));
		if (!cli_wants_json(&ctl->cli))
			printf("%-38s %s%s\n", m->name, m->what,
			       m->justification ? " (justified)" : "");
	}
	cli_json_set(root, "mutants", list);
	if (cli_wants_json(&ctl->cli))
		cli_json_print(root, JSON_INDENT(2));
	else
		json_decref(root);
	mutants_free(&mutants);
	return cli_finish_output(&ctl->cli);
}

int sim_cmd_mutants(struct ctl *ctl)
{
	struct mutants_options options = {
		.only = ctl->only,
		.seed = ctl->explore.seed,
		.jobs = ctl->jobs,
		.limit_s = ctl->limit_s,
	};
	int known = 1;

	if (ctl->only)
		known = is_known(ctl, &options);
	if (known < 0)
		return SIM_FAILED;
	if (!known)
		return cli_bad(&ctl->cli, "--only", ctl->only,
			       "no mutant's name begins like this; see "
			       "pptsim mutants --list");
	return cli_given(&ctl->cli, SIM_LIST) ? list_all(ctl, &options) :
						hunt_all(ctl, &options);
}
