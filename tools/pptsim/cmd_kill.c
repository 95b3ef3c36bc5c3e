/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kill: writers of real files die, and what they were told is looked for.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pptsim.h"
#include "sim/kill/kill.h"

static void show(void *arg, const struct kill_result *r)
{
	struct ctl *ctl = arg;

	cli_progress_show(
		&ctl->progress, r->all.rounds, ctl->rounds,
		"rounds, %.0f/s, %llu acknowledged, %s",
		r->seconds > 0 ? (double)r->all.rounds / r->seconds : 0,
		(unsigned long long)r->all.acknowledged,
		r->verdict ? kill_verdict_name(r->verdict) : "none lost");
}

static void add_tally(json_t *object, const struct kill_tally *t)
{
	cli_json_set(object, "rounds", cli_json_u64(t->rounds));
	cli_json_set(object, "acknowledged", cli_json_u64(t->acknowledged));
	cli_json_set(object, "in_flight", cli_json_u64(t->in_flight));
	cli_json_set(object, "in_flight_found",
		     cli_json_u64(t->in_flight_found));
	cli_json_set(object, "killed_in_open", cli_json_u64(t->killed_in_open));
}

static json_t *profiles_json(const struct ctl *ctl, const struct kill_result *r)
{
	json_t *array = cli_json_need(json_array());

	for (unsigned i = 0; i < kill_profile_count; i++) {
		json_t *object;

		if (ctl->profile &&
		    strcmp(ctl->profile, kill_profiles[i].name) != 0)
			continue;
		object = cli_json_need(json_object());
		cli_json_set(object, "name",
			     json_string(kill_profiles[i].name));
		add_tally(object, &r->profile[i]);
		cli_json_add(array, object);
	}
	return array;
}

static json_t *failure_json(const struct kill_result *r)
{
	json_t *object = cli_json_need(json_object());

	cli_json_set(object, "kind",
		     json_string(kill_verdict_name(r->verdict)));
	cli_json_set(object, "profile",
		     json_string(kill_profiles[r->failed].name));
	cli_json_set(object, "round", cli_json_u64(r->round));
	cli_json_set(object, "text", cli_json_text(r->why.text));
	cli_json_set(object, "pool", cli_json_text(r->pool));
	cli_json_set(object, "before",
		     r->before[0] ? cli_json_text(r->before) : json_null());
	return object;
}

static void print_json(const struct ctl *ctl, const struct kill_result *r)
{
	json_t *root = cli_json_new("pptsim.kill/1");
	double rate = r->seconds > 0 ? (double)r->all.rounds / r->seconds : 0;

	add_tally(root, &r->all);
	cli_json_set(root, "lost", cli_json_u64(r->verdict == KILL_LOST));
	cli_json_set(root, "torn", cli_json_u64(r->verdict == KILL_TORN));
	cli_json_set(root, "violations", cli_json_u64(r->verdict != KILL_FINE));
	cli_json_set(root, "rounds_wanted", cli_json_u64(ctl->rounds));
	cli_json_set(root, "rounds_per_s", json_real(rate));
	cli_json_set(root, "seconds", json_real(r->seconds));
	cli_json_set(root, "seed", cli_json_u64(ctl->explore.seed));
	cli_json_set(root, "partial", json_boolean(r->partial));
	cli_json_set(root, "profiles", profiles_json(ctl, r));
	cli_json_set(root, "failure",
		     r->verdict ? failure_json(r) : json_null());
	cli_json_print(root, JSON_INDENT(2));
}

static void print_tally(const char *name, const struct kill_tally *t)
{
	printf("%-13s %7llu  %12llu  %9llu  %9llu  %9llu\n", name,
	       (unsigned long long)t->rounds,
	       (unsigned long long)t->acknowledged,
	       (unsigned long long)t->in_flight,
	       (unsigned long long)t->in_flight_found,
	       (unsigned long long)t->killed_in_open);
}

static void print_text(const struct ctl *ctl, const struct kill_result *r)
{
	printf("%-13s %7s  %12s  %9s  %9s  %9s\n", "PROFILE", "ROUNDS",
	       "ACKNOWLEDGED", "IN FLIGHT", "FOUND", "REOPENING");
	for (unsigned i = 0; i < kill_profile_count; i++)
		if (!ctl->profile ||
		    strcmp(ctl->profile, kill_profiles[i].name) == 0)
			print_tally(kill_profiles[i].name, &r->profile[i]);
	print_tally("all", &r->all);
	printf("%.1f s, %.0f rounds a second, seed %llu\n", r->seconds,
	       r->seconds > 0 ? (double)r->all.rounds / r->seconds : 0,
	       (unsigned long long)ctl->explore.seed);
	if (!r->verdict) {
		printf("nothing lost, nothing torn\n");
		return;
	}
	printf("\n%s: profile %s, round %llu: %s\n"
	       "the pool as it is now: %s\n",
	       kill_verdict_name(r->verdict), kill_profiles[r->failed].name,
	       (unsigned long long)r->round, r->why.text, r->pool);
	if (r->before[0])
		printf("as the kill left it: %s\n", r->before);
}

static int check_profile(const struct ctl *ctl)
{
	for (unsigned i = 0; ctl->profile && i < kill_profile_count; i++)
		if (strcmp(ctl->profile, kill_profiles[i].name) == 0)
			return SIM_OK;
	if (!ctl->profile)
		return SIM_OK;
	cli_bad(&ctl->cli, "--profile", ctl->profile, "none of these:");
	for (unsigned i = 0; i < kill_profile_count; i++)
		fprintf(stderr, "  %-13s %s\n", kill_profiles[i].name,
			kill_profiles[i].what);
	return SIM_USAGE;
}

static int check_dir(const struct ctl *ctl)
{
	struct stat st;

	if (!ctl->pool_dir ||
	    (stat(ctl->pool_dir, &st) == 0 && S_ISDIR(st.st_mode)))
		return SIM_OK;
	return cli_bad(&ctl->cli, "--pool-dir", ctl->pool_dir, "not a folder");
}

int sim_cmd_kill(struct ctl *ctl)
{
	static struct kill_result result;
	struct kill_options options = {
		.rounds = ctl->rounds,
		.seed = ctl->explore.seed,
		.profile = ctl->profile,
		.dir = ctl->pool_dir,
		.progress = show,
		.ctx = ctl,
	};
	struct why why = { "" };
	int ret = check_profile(ctl);

	if (!ret)
		ret = check_dir(ctl);
	if (ret)
		return ret;
	options.stop = cli_catch_interrupts();
	cli_progress_begin(&ctl->progress, ctl->when);
	ret = kill_run(&options, &result, &why);
	cli_progress_end(&ctl->progress);
	if (ret) {
		cli_say(&ctl->cli, "%s", why.text);
		return SIM_FAILED;
	}
	if (cli_wants_json(&ctl->cli))
		print_json(ctl, &result);
	else
		print_text(ctl, &result);
	ret = result.verdict ? SIM_FOUND : SIM_OK;
	return ret | report_partial(ctl, result.partial) |
	       cli_finish_output(&ctl->cli);
}
