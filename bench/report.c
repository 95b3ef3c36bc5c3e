/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Figures: a table for people, JSON for programs, and what they were to be.
 *
 * Layer: bench.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "bench.h"

#define CPU_BYTES 128

/* For each bench that has figures. */
static void each(void (*fn)(const struct bench *b, void *arg), void *arg)
{
	for (int g = 0; g < BENCH_GROUPS; g++)
		for (size_t i = 0; i < bench_groups[g].count; i++)
			if (bench_groups[g].bench[i].selected)
				fn(&bench_groups[g].bench[i], arg);
}

static double per_op(const struct bench *b, uint64_t count)
{
	return (double)count / (double)b->result.total.ops;
}

static double journal_bytes(const struct bench *b)
{
	return per_op(b, b->result.total.journal_lines) * PPT_LINE_BYTES;
}

/* --------------------------------------------------------------- machine -- */

static void cpu_name(char *out)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(out, CPU_BYTES, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !value)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(out, CPU_BYTES, "%.100s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

/* ------------------------------------------------------------------ JSON -- */

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		bench_die("out of memory");
}

static json_t *real(double value, bool known)
{
	return known ? json_real(value) : json_null();
}

static json_t *whole(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void add_result(const struct bench *b, void *arg)
{
	const struct bench_result *r = &b->result;
	bool measured = bench_has(b);
	bool counted = measured && r->total.counted;
	bool attach = !strncmp(b->name, "attach_", 7);
	json_t *o = json_object();

	set(o, "name", json_string(b->name));
	set(o, "n", whole(b->n));
	set(o, "unit", json_string(b->unit));
	set(o, "median", real(r->median, measured));
	set(o, "min", real(r->min, measured));
	set(o, "max", real(r->max, measured));
	set(o, "ratio_to",
	    b->ratio_to ? json_string(b->ratio_to) : json_null());
	set(o, "ratio", real(r->ratio, measured && r->ratio > 0));
	set(o, "fences_per_op", real(per_op(b, r->total.fences), counted));
	set(o, "flushes_per_op", real(per_op(b, r->total.flushes), counted));
	set(o, "journal_bytes_per_op", real(journal_bytes(b), counted));
	set(o, "ops", whole(r->total.ops));
	if (attach && measured) {
		set(o, "records_replayed", whole(r->records));
		set(o, "tables_rebased", whole(r->tables));
	}
	if (r->skipped)
		set(o, "skipped", json_string(r->skipped));
	if (json_array_append_new(arg, o))
		bench_die("out of memory");
}

void bench_print_json(FILE *out)
{
	json_t *top = json_object();
	json_t *machine = json_object();
	json_t *results = json_array();
	char cpu[CPU_BYTES];
	struct utsname os;

	uname(&os);
	cpu_name(cpu);
	set(machine, "cpu", json_string(cpu));
	set(machine, "processors",
	    whole((uint64_t)sysconf(_SC_NPROCESSORS_ONLN)));
	set(machine, "arch", json_string(os.machine));
	set(machine, "os", json_sprintf("%s %s", os.sysname, os.release));
	set(machine, "flush", json_string(ppt_flush_name(bench_options.flush)));
	set(machine, "pool", json_string(bench_options.pool));
	set(machine, "huge_pages", json_boolean(bench_options.huge));
	each(add_result, results);
	set(top, "schema", json_string("pptable.bench/1"));
	set(top, "version", json_string(ppt_version()));
	set(top, "rounds", whole(bench_options.rounds));
	set(top, "machine", machine);
	set(top, "results", results);
	if (json_dumpf(top, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		bench_die("cannot write JSON");
	fputc('\n', out);
	json_decref(top);
}

/* ------------------------------------------------------------------ text -- */

/* Nanoseconds for people: "151", "1.27", "68.2 us". */
static void figure(double ns, char *out, size_t bytes)
{
	if (ns < 10)
		snprintf(out, bytes, "%.2f ns", ns);
	else if (ns < 10e3)
		snprintf(out, bytes, "%.0f ns", ns);
	else if (ns < 10e6)
		snprintf(out, bytes, "%.1f us", ns / 1e3);
	else
		snprintf(out, bytes, "%.1f ms", ns / 1e6);
}

static void print_row(const struct bench *b, void *arg)
{
	const struct bench_result *r = &b->result;
	char median[32], min[32], max[32], ratio[16] = "";
	FILE *out = arg;

	fprintf(out, "%-22s", b->name);
	if (!bench_has(b)) {
		fprintf(out, " skipped: %s\n", r->skipped);
		return;
	}
	figure(r->median, median, sizeof(median));
	figure(r->min, min, sizeof(min));
	figure(r->max, max, sizeof(max));
	if (r->ratio > 0)
		snprintf(ratio, sizeof(ratio), "%.2f", r->ratio);
	fprintf(out, " %9s %9s %9s %7s %-15s %8.5g %8.5g %8.5g", median, min,
		max, ratio, r->ratio > 0 ? b->ratio_to : "",
		per_op(b, r->total.fences), per_op(b, r->total.flushes),
		journal_bytes(b));
	if (r->records)
		fprintf(out, "  %llu records", (unsigned long long)r->records);
	if (r->tables)
		fprintf(out, "  %llu tables", (unsigned long long)r->tables);
	fputc('\n', out);
}

/* A goal that both figures are there for, or nothing. */
static void goal(FILE *out, const char *text, double value, double limit,
		 bool known)
{
	if (!known)
		return;
	fprintf(out, "%s  %-52s %8.3g  (%.3g)\n",
		value <= limit ? "PASS" : "FAIL", text, value, limit);
}

/* How much the slowest of the sizes differs from the fastest. */
static double attach_growth(double *most, bool *known)
{
	static const char *const names[] = { "attach_clean_1e5",
					     "attach_clean_1e6",
					     "attach_clean_1e7",
					     "attach_clean_1e8" };
	double low = 0, high = 0;
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct bench *b = bench_find(names[i]);

		if (!bench_has(b))
			continue;
		if (!n || b->result.median < low)
			low = b->result.median;
		if (b->result.median > high)
			high = b->result.median;
		n++;
	}
	*most = high;
	*known = n > 1;
	return n ? high / low : 0;
}

static void print_goals(FILE *out)
{
	const struct bench *seq = bench_find("map_seq_1");
	const struct bench *rnd = bench_find("map_rand_1");
	const struct bench *range = bench_find("map_range_512");
	const struct bench *huge = bench_find("map_huge_range");
	const struct bench *check = bench_find("check_full");
	const struct bench *both = bench_find("check_full_2");
	const struct bench *moved = bench_find("attach_moved_1e8");
	const struct bench *touch = bench_find("first_touch");
	const struct bench *stale = bench_find("first_touch_moved");
	double most, growth;
	bool known;

	fputs("\nGoals (information, not a test)\n", out);
	goal(out, "map_seq_1 / bare_store", seq->result.ratio, 1.0,
	     bench_has(seq));
	goal(out, "map_rand_1 / bare_store_rand", rnd->result.ratio, 1.5,
	     bench_has(rnd));
	goal(out, "map_range_512, ns a page", range->result.median, 2.0,
	     bench_has(range));
	goal(out, "map_huge_range, fences",
	     bench_has(huge) ? per_op(huge, huge->result.total.fences) : 0, 4,
	     bench_has(huge));
	growth = attach_growth(&most, &known);
	goal(out, "check_full / crc32c_pass", check->result.ratio, 1 / 0.3,
	     bench_has(check));
	goal(out, "check_full_2 / check_full",
	     both->result.median / check->result.median, 0.6,
	     bench_has(check) && bench_has(both));
	goal(out, "attach_clean, us at the slowest size", most / 1e3, 100,
	     most > 0);
	goal(out, "attach_clean, slowest size / fastest size", growth, 1.25,
	     known);
	goal(out, "attach_moved_1e8, us", moved->result.median / 1e3, 100,
	     bench_has(moved));
	goal(out, "first_touch, us", touch->result.median / 1e3, 3,
	     bench_has(touch));
	goal(out, "first_touch_moved, us", stale->result.median / 1e3, 3,
	     bench_has(stale));
}

/*
 * Loops in the first-level cache take the same time always, unless another
 * program has the other half of the core.
 */
static void print_disturbance(FILE *out)
{
	const struct bench *b = bench_find("walk_hot");

	if (bench_has(b) && b->result.max > 1.15 * b->result.min)
		fprintf(out,
			"\nNot a quiet machine: walk_hot, which never leaves "
			"the core, took %.2f to %.2f ns.\nWhat computes much "
			"is measured too slow; the column min is nearer.\n",
			b->result.min, b->result.max);
}

void bench_print(FILE *out)
{
	char cpu[CPU_BYTES];

	cpu_name(cpu);
	fprintf(out, "%s, flush by %s, files %s.*%s, %u rounds\n\n", cpu,
		ppt_flush_name(bench_options.flush), bench_options.pool,
		bench_options.huge ? " on pages of 2 MiB" : "",
		bench_options.rounds);
	fprintf(out, "%-22s %9s %9s %9s %7s %-15s %8s %8s %8s\n",
		"(ns/page where n > 1)", "median", "min", "max", "ratio", "to",
		"fences", "flushes", "journal");
	each(print_row, out);
	fputs("\nfences, flushes and bytes of journal are those of one "
	      "operation (one commit,\none attach), counted exactly; ratios "
	      "are medians of the rounds'.\n",
	      out);
	print_disturbance(out);
	print_goals(out);
}

void bench_list(FILE *out)
{
	for (int g = 0; g < BENCH_GROUPS; g++)
		for (size_t i = 0; i < bench_groups[g].count; i++)
			fprintf(out, "%-22s %s\n",
				bench_groups[g].bench[i].name,
				bench_groups[g].bench[i].what);
}
