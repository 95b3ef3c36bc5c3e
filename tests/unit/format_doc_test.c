/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format_doc_test.c - the tables of docs/FORMAT.md against the compiler's view
 * of libpptable/format: offsets, sizes, bit ranges as the accessors see them,
 * values.  A row that is missing, wrong or unknown is an error.  Layer: tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "format/usc.h"
#include "format/desc.h"
#include "format/pte_x86_64.h"
#include "format/record.h"

#define TABLES_MAX 32u
#define ROWS_MAX 32u

/* A row: offset and size, first and last bit, or a value (and 0). */
struct row {
	char name[64];
	uint64_t a;
	uint64_t b;
};

struct table {
	char kind[8]; /* "bytes", "bits", "values" */
	char name[64];
	uint64_t size;
	struct row row[ROWS_MAX];
	uint32_t rows;
};

struct tables {
	struct table table[TABLES_MAX];
	uint32_t count;
	char error[160];
};

/* ------------------------------------------------------- the compiler -- */

static struct table *add_table(struct tables *t, const char *kind,
			       const char *name, uint64_t size)
{
	struct table *to = &t->table[t->count++];

	assert_true(t->count <= TABLES_MAX);
	*to = (struct table){ .size = size };
	(void)snprintf(to->kind, sizeof(to->kind), "%s", kind);
	(void)snprintf(to->name, sizeof(to->name), "%s", name);
	return to;
}

static void add_row(struct table *t, const char *name, uint64_t a, uint64_t b)
{
	struct row *r = &t->row[t->rows++];

	assert_true(t->rows <= ROWS_MAX);
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	r->a = a;
	r->b = b;
}

/* A row for the bits of a mask, which are neighbours. */
static void add_mask(struct table *t, const char *name, uint64_t mask)
{
	uint64_t low = (uint64_t)__builtin_ctzll(mask);
	uint64_t high = 63u - (uint64_t)__builtin_clzll(mask);

	assert_int_equal(mask >> low,
			 high - low == 63 ?
				 UINT64_MAX :
				 (UINT64_C(1) << (high - low + 1)) - 1);
	add_row(t, name, low, high);
}

/* The bits of a word, out of @among, that a getter looks at. */
static void add_bits(struct table *t, const char *name,
		     uint64_t (*get)(uint64_t), uint64_t base, uint64_t among)
{
	uint64_t mask = 0;

	for (uint32_t b = 0; b < 64; b++)
		if (among >> b & 1u &&
		    get(base ^ UINT64_C(1) << b) != get(base))
			mask |= UINT64_C(1) << b;
	assert_true(mask != 0);
	add_mask(t, name, mask);
}

static uint64_t bits(uint32_t low, uint32_t high)
{
	return (UINT64_MAX >> (63 - high + low)) << low;
}

#define GETTER(name, expression)                                               \
	static uint64_t name(uint64_t w)                                       \
	{                                                                      \
		return (uint64_t)(expression);                                 \
	}

GETTER(tail_line, w &PPT__SEQ_MASK)
GETTER(tail_check, w & ~PPT__SEQ_MASK)
GETTER(record_seq, ppt__record_seq(w))
GETTER(record_runs, ppt__record_runs(w))
GETTER(record_more, w &PPT__RECORD_MORE)
GETTER(record_pending, ppt__record_pending(w))
GETTER(run_page, ppt__run_page(w))
GETTER(run_slot, ppt__run_slot(w))
GETTER(run_count, ppt__run_count(w))
GETTER(run_unit, ppt__run_stride_code(w) & 3u)
GETTER(run_times, ppt__run_stride_code(w) >> 2)
GETTER(run_rest, w & ~PPT__RUN_MEDIA)
GETTER(low_half, (uint32_t)w)
GETTER(desc_type, ppt__desc_type(w))
GETTER(desc_family, ppt__desc_family(w))
GETTER(desc_epoch, ppt__desc_epoch(w))
GETTER(desc_live, ppt__desc_live(w))
GETTER(desc_share, ppt__desc_share(w))
GETTER(item_kind, ppt__reclaim_kind(w))
GETTER(item_page, ppt__reclaim_page(w))
GETTER(item_count, ppt__reclaim_count(w))

#define FIELD(t, type, field)                                                  \
	add_row(t, #field, offsetof(struct type, field),                       \
		sizeof(((struct type *)0)->field))
#define VALUE(t, name) add_row(t, #name, (uint64_t)(name), 0)

static void want_superblock(struct tables *all)
{
	struct table *t = add_table(all, "bytes", "ppt_m_superblock",
				    sizeof(struct ppt_m_superblock));

	FIELD(t, ppt_m_superblock, magic);
	FIELD(t, ppt_m_superblock, version);
	FIELD(t, ppt_m_superblock, crc);
	FIELD(t, ppt_m_superblock, compat);
	FIELD(t, ppt_m_superblock, ro_compat);
	FIELD(t, ppt_m_superblock, incompat);
	FIELD(t, ppt_m_superblock, uuid);
	FIELD(t, ppt_m_superblock, generation);
	FIELD(t, ppt_m_superblock, pool_bytes);
	FIELD(t, ppt_m_superblock, journal_page);
	FIELD(t, ppt_m_superblock, journal_pages);
	FIELD(t, ppt_m_superblock, desc_page);
	FIELD(t, ppt_m_superblock, desc_pages);
	FIELD(t, ppt_m_superblock, dir_page);
	FIELD(t, ppt_m_superblock, reclaim_page);
	FIELD(t, ppt_m_superblock, first_page);
	FIELD(t, ppt_m_superblock, slot);
	FIELD(t, ppt_m_superblock, epoch);
	FIELD(t, ppt_m_superblock, epoch_oldest);
	FIELD(t, ppt_m_superblock, region_count);
	FIELD(t, ppt_m_superblock, epochs_cold);
	FIELD(t, ppt_m_superblock, reserved1);
	FIELD(t, ppt_m_superblock, region);
	FIELD(t, ppt_m_superblock, reserved2);
}

static void want_bytes(struct tables *all)
{
	const uint64_t line = (uint64_t)PPT_M_DIR_WORDS * 8;
	struct table *t;

	t = add_table(all, "bytes", "ppt_m_region",
		      sizeof(struct ppt_m_region));
	FIELD(t, ppt_m_region, uuid);
	FIELD(t, ppt_m_region, kind);
	FIELD(t, ppt_m_region, reserved);
	FIELD(t, ppt_m_region, at);
	t = add_table(all, "bytes", "ppt_m_place", sizeof(struct ppt_m_place));
	FIELD(t, ppt_m_place, base);
	FIELD(t, ppt_m_place, len);
	t = add_table(all, "bytes", "ppt_m_tail", sizeof(struct ppt_m_tail));
	FIELD(t, ppt_m_tail, tail);
	FIELD(t, ppt_m_tail, hint);
	FIELD(t, ppt_m_tail, usc);
	FIELD(t, ppt_m_tail, closed);
	FIELD(t, ppt_m_tail, reserved);
	t = add_table(all, "bytes", "ppt_m_usc", sizeof(struct ppt_m_usc));
	FIELD(t, ppt_m_usc, device);
	FIELD(t, ppt_m_usc, count);
	FIELD(t, ppt_m_usc, crc);
	FIELD(t, ppt_m_usc, state);
	t = add_table(all, "bytes", "directory page", PPT_PAGE_BYTES);
	add_row(t, "next", 0, 8);
	add_row(t, "reserved", 8, line - 8);
	add_row(t, "entries", line, PPT_M_DIR_ENTRIES * line);
	t = add_table(all, "bytes", "directory entry", line);
	add_row(t, "format", PPT_M_DIR_FORMAT * 8, 8);
	add_row(t, "root", PPT_M_DIR_ROOT * 8, 8);
	add_row(t, "reserved", PPT_M_DIR_ROOT * 8 + 8,
		PPT_M_DIR_NAME * 8 - PPT_M_DIR_ROOT * 8 - 8);
	add_row(t, "name", PPT_M_DIR_NAME * 8, PPT_NAME_BYTES);
}

static void want_journal_bits(struct tables *all)
{
	const uint64_t any = UINT64_MAX;
	struct table *t = add_table(all, "bits", "tail word", 64);

	add_bits(t, "line", tail_line, 0, any);
	add_bits(t, "check", tail_check, 0, any);
	t = add_table(all, "bits", "record word 0", 64);
	add_bits(t, "sequence", record_seq, 0, any);
	add_bits(t, "runs", record_runs, 0, any);
	add_bits(t, "more", record_more, 0, any);
	add_mask(t, "reserved", bits(57, 63));
	t = add_table(all, "bits", "record word 1", 64);
	add_bits(t, "crc", low_half, 0, any);
	add_bits(t, "pending", record_pending, 0, any);
	t = add_table(all, "bits", "run word 0", 64);
	add_bits(t, "page", run_page, 0, any);
	add_bits(t, "slot", run_slot, 0, any);
	add_bits(t, "count", run_count, 0, any);
	add_bits(t, "unit", run_unit, 0, any);
	add_bits(t, "times", run_times, 0, any);
	add_bits(t, "reserved", run_rest, 0, any);
	t = add_table(all, "bits", "reclaim item", 64);
	add_bits(t, "kind", item_kind, 0, any);
	add_mask(t, "reserved", bits(4, 11));
	add_bits(t, "page", item_page, 0, any);
	add_bits(t, "count", item_count, 0, any);
}

static void want_descriptor_bits(struct tables *all)
{
	const uint64_t any = UINT64_MAX;
	/* The share's place depends on the type, which must stay. */
	const uint64_t rest = bits(36, 63);
	uint64_t table = (uint64_t)ppt__desc_table(1, 1, 0, 0, 0) << 32;
	uint64_t data = (uint64_t)ppt__desc_data(0) << 32;
	struct table *t = add_table(all, "bits", "descriptor of a table", 64);

	add_bits(t, "crc", low_half, table, any);
	add_bits(t, "type", desc_type, table, any);
	add_bits(t, "family", desc_family, table, any);
	add_bits(t, "epoch", desc_epoch, table, any);
	add_bits(t, "live", desc_live, table, any);
	add_bits(t, "share", desc_share, table, rest);
	t = add_table(all, "bits", "descriptor of a data page", 64);
	add_bits(t, "crc", low_half, data, any);
	add_bits(t, "type", desc_type, data, any);
	add_mask(t, "reserved", bits(36, 41));
	add_bits(t, "share", desc_share, data, rest);
	t = add_table(all, "bits", "descriptor of another page", 64);
	add_bits(t, "crc", low_half, 0, any);
	add_bits(t, "type", desc_type, 0, any);
	add_mask(t, "reserved", bits(36, 63));
}

static void want_entry_bits(struct tables *all)
{
	struct table *t = add_table(all, "bits", "x86-64 entry", 64);

	add_mask(t, "P", PPT__X86_P);
	add_mask(t, "R/W", PPT__X86_RW);
	add_mask(t, "U/S", PPT__X86_US);
	add_mask(t, "PWT, PCD", bits(3, 4));
	add_mask(t, "A", PPT__X86_A);
	add_mask(t, "D", PPT__X86_D);
	add_mask(t, "PS", PPT__X86_PS);
	add_mask(t, "G", PPT__X86_G);
	add_mask(t, "cold", PPT__X86_COLD);
	add_mask(t, "lost", PPT__X86_LOST);
	add_mask(t, "zero", PPT__X86_ZERO);
	add_mask(t, "address", PPT__X86_PA);
	add_mask(t, "software, PK", bits(52, 62));
	add_mask(t, "XD", PPT__X86_XD);
	assert_int_equal(ppt__family_ignore(PPT__FAMILY_X86_64),
			 PPT__X86_A | PPT__X86_D);
}

static void want_limits(struct tables *all)
{
	struct table *t = add_table(all, "values", "limits", 0);

	VALUE(t, PPT_PAGE_BYTES);
	VALUE(t, PPT_PAGE_WORDS);
	VALUE(t, PPT_LINE_BYTES);
	VALUE(t, PPT_POOL_BYTES_MIN);
	VALUE(t, PPT_POOL_BYTES_MAX);
	VALUE(t, PPT_JOURNAL_BYTES_MIN);
	VALUE(t, PPT_JOURNAL_BYTES_MAX);
	VALUE(t, PPT_REGIONS_MAX);
	VALUE(t, PPT_NAME_BYTES);
	VALUE(t, PPT_M_EPOCHS);
	VALUE(t, PPT_M_DIR_ENTRIES);
	VALUE(t, PPT_M_DIR_PAGES_MAX);
	VALUE(t, PPT_M_RECLAIM_COUNT_MAX);
	VALUE(t, PPT__DESC_DATA_SHARE_MAX);
	VALUE(t, PPT__RECORD_LINES_MAX);
	VALUE(t, PPT__RECORD_RUNS_MAX);
	VALUE(t, PPT__LINE_WORDS);
}

static void want_values(struct tables *all)
{
	const char *unit[] = { "unit 0", "unit 1", "unit 2", "unit 3" };
	struct table *t = add_table(all, "values", "superblock", 0);

	VALUE(t, PPT_M_MAGIC);
	VALUE(t, PPT_M_VERSION_MAJOR);
	VALUE(t, PPT_M_VERSION_MINOR);
	VALUE(t, PPT_M_VERSION);
	VALUE(t, PPT_M_COMPAT);
	VALUE(t, PPT_M_RO_COMPAT);
	VALUE(t, PPT_M_INCOMPAT);
	t = add_table(all, "values", "kinds of region", 0);
	VALUE(t, PPT_REGION_POOL);
	VALUE(t, PPT_REGION_PMEM);
	VALUE(t, PPT_REGION_DRAM);
	VALUE(t, PPT_REGION_DEVICE);
	t = add_table(all, "values", "places in a superblock page", 0);
	VALUE(t, PPT_M_TAIL_OFFSET);
	VALUE(t, PPT_M_TAIL_WORD);
	VALUE(t, PPT_M_USC_WORD);
	VALUE(t, PPT_M_CLOSED_WORD);
	t = add_table(all, "values", "states of a pool", 0);
	VALUE(t, PPT_USC_MISSING);
	VALUE(t, PPT_USC_CLOSED);
	VALUE(t, PPT_USC_IN_USE);
	VALUE(t, PPT_USC_UNSAFE);
	t = add_table(all, "values", "units of a stride", 0);
	for (uint32_t i = 0; i < 4; i++)
		add_row(t, unit[i], ppt__stride(i), 0);
	t = add_table(all, "values", "types of page", 0);
	VALUE(t, PPT__DESC_FREE);
	VALUE(t, PPT__DESC_FIXED);
	VALUE(t, PPT__DESC_META);
	VALUE(t, PPT__DESC_DATA);
	VALUE(t, PPT__DESC_TABLE);
	t = add_table(all, "values", "families", 0);
	VALUE(t, PPT__FAMILY_NONE);
	VALUE(t, PPT__FAMILY_X86_64);
	add_row(t, "ignored bits of family 0", ppt__family_ignore(0), 0);
	add_row(t, "ignored bits of family 1", ppt__family_ignore(1), 0);
	t = add_table(all, "values", "formats", 0);
	VALUE(t, PPT_FORMAT_X86_64_4);
	VALUE(t, PPT_FORMAT_X86_64_5);
	t = add_table(all, "values", "kinds of reclaim item", 0);
	VALUE(t, PPT_M_RECLAIM_EXTENT);
	VALUE(t, PPT_M_RECLAIM_TREE);
	VALUE(t, PPT_M_RECLAIM_TABLES);
}

/* ------------------------------------------------------- the document -- */

static int say(struct tables *t, const char *what, const char *line)
{
	(void)snprintf(t->error, sizeof(t->error), "%s: %.100s", what, line);
	return -1;
}

/* The next cell of a row, without blanks and backquotes. */
static const char *cell(const char *p, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	if (*p != '|')
		return p;
	for (p++; *p && *p != '\n' && *p != '|'; p++) {
		if (*p == '\\' && p[1] == '|')
			p++;
		if (*p != '`' && n + 1 < size && (n || *p != ' '))
			out[n++] = *p;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
	return p;
}

static int read_row(struct tables *all, struct table *t, const char *line)
{
	char first[64], second[64], third[64], *end;
	const char *p = cell(line, first, sizeof(first));
	bool is_bits = strcmp(t->kind, "bits") == 0;
	uint64_t a, b = 0;

	p = cell(p, second, sizeof(second));
	cell(p, third, sizeof(third));
	if (strcmp(t->kind, "values") == 0) {
		a = strtoull(second, &end, 0);
		if (end == second || *end)
			return say(all, "no value", line);
		add_row(t, first, a, 0);
		return 0;
	}
	a = b = strtoull(first, &end, 0);
	if (is_bits && *end == '-')
		b = strtoull(end + 1, &end, 0);
	if (end == first || *end)
		return say(all, "no number", line);
	if (!is_bits) {
		b = strtoull(second, &end, 0);
		if (end == second || *end)
			return say(all, "no size", line);
	}
	add_row(t, is_bits ? second : third, a, b);
	return 0;
}

/* "<!-- bytes: NAME SIZE -->" and the like. */
static int read_mark(struct tables *all, const char *line, struct table **t)
{
	char text[128], *end, *space;
	unsigned long size = 0;
	const char *kind = line + strlen("<!-- ");
	char *name;

	(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(kind, "\n"),
		       kind);
	name = strstr(text, ": ");
	end = strstr(text, " -->");
	if (!name || !end || all->count == TABLES_MAX)
		return say(all, "bad mark", line);
	*name = 0;
	*end = 0;
	name += 2;
	if (strcmp(text, "values") != 0) {
		space = strrchr(name, ' ');
		if (!space)
			return say(all, "no size", line);
		*space = 0;
		size = strtoul(space + 1, NULL, 0);
	}
	*t = add_table(all, text, name, size);
	return 0;
}

static int read_tables(struct tables *all, const char *text)
{
	struct table *t = NULL;
	int head = 0, err = 0;

	memset(all, 0, sizeof(*all));
	for (const char *p = text; *p && !err;) {
		if (strncmp(p, "<!-- ", 5) == 0) {
			err = read_mark(all, p, &t);
			head = 2; /* its heading and the line below */
		} else if (*p != '|') {
			t = NULL;
		} else if (t && head) {
			head--;
		} else if (t) {
			err = read_row(all, t, p);
		}
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return err;
}

/* No gap, no overlap, and all of it. */
static int check_whole(struct tables *all, const struct table *t)
{
	bool is_bits = strcmp(t->kind, "bits") == 0;
	uint64_t at = 0;

	if (strcmp(t->kind, "values") == 0)
		return 0;
	for (uint32_t i = 0; i < t->rows; i++) {
		if (t->row[i].a != at)
			return say(all, "gap or overlap", t->row[i].name);
		at = is_bits ? t->row[i].b + 1 : at + t->row[i].b;
	}
	return at == t->size ? 0 : say(all, "size", t->name);
}

static int compare_table(struct tables *doc, const struct table *d,
			 const struct table *w)
{
	if (strcmp(d->kind, w->kind) != 0 || d->size != w->size)
		return say(doc, "kind or size", d->name);
	for (uint32_t i = 0; i < w->rows; i++) {
		if (i == d->rows)
			return say(doc, "row missing", w->row[i].name);
		if (strcmp(d->row[i].name, w->row[i].name) != 0)
			return say(doc, "another row", d->row[i].name);
		if (d->row[i].a != w->row[i].a || d->row[i].b != w->row[i].b)
			return say(doc, "wrong", d->row[i].name);
	}
	if (d->rows != w->rows)
		return say(doc, "row unknown", d->row[w->rows].name);
	return check_whole(doc, d);
}

/* Every table has to be there once. */
static int compare(struct tables *doc, const struct tables *want)
{
	if (doc->count != want->count)
		return say(doc, "another number of tables", "");
	for (uint32_t i = 0; i < doc->count; i++) {
		const struct table *d = &doc->table[i], *w = NULL;

		for (uint32_t k = 0; k < want->count; k++)
			if (!strcmp(want->table[k].name, d->name))
				w = &want->table[k];
		if (!w)
			return say(doc, "unknown table", d->name);
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(doc->table[k].name, d->name))
				return say(doc, "twice", d->name);
		if (compare_table(doc, d, w))
			return -1;
	}
	return 0;
}

static struct tables doc, want;
static char text[65536];

static int set_up(void **state)
{
	const char *source = getenv("SOURCE");
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/docs/FORMAT.md",
		       source ? source : ".");
	f = fopen(path, "r");
	if (!f)
		return -1;
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	(void)fclose(f);
	want_superblock(&want);
	want_bytes(&want);
	want_journal_bits(&want);
	want_descriptor_bits(&want);
	want_entry_bits(&want);
	want_limits(&want);
	want_values(&want);
	return 0;
}

static void format_doc__tables_equal_the_code(void **state)
{
	int err = read_tables(&doc, text);

	if (!err)
		err = compare(&doc, &want);
	if (err)
		fail_msg("docs/FORMAT.md: %s", doc.error);
}

static void format_doc__version_is_the_medias(void **state)
{
	char line[32];

	(void)snprintf(line, sizeof(line), "\nVersion %u.%u\n",
		       PPT_M_VERSION_MAJOR, PPT_M_VERSION_MINOR);
	assert_non_null(strstr(text, line));
}

static void format_doc__any_row_missing_or_wrong_fails(void **state)
{
	assert_int_equal(read_tables(&doc, text), 0);
	for (uint32_t i = 0; i < doc.count; i++) {
		struct table *t = &doc.table[i], whole = *t;

		for (uint32_t k = 0; k < whole.rows; k++) {
			*t = whole;
			memmove(&t->row[k], &t->row[k + 1],
				(t->rows - k - 1) * sizeof(t->row[0]));
			t->rows--;
			assert_int_equal(compare(&doc, &want), -1);
			*t = whole;
			t->row[k].a++;
			assert_int_equal(compare(&doc, &want), -1);
			*t = whole;
			t->row[k].name[0] ^= 1;
			assert_int_equal(compare(&doc, &want), -1);
		}
		*t = whole;
		add_row(t, "new", 0, 0);
		assert_int_equal(compare(&doc, &want), -1);
		*t = whole;
	}
	doc.count--;
	assert_int_equal(compare(&doc, &want), -1);
	doc.count++;
	assert_int_equal(compare(&doc, &want), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_doc__tables_equal_the_code),
		cmocka_unit_test(format_doc__version_is_the_medias),
		cmocka_unit_test(format_doc__any_row_missing_or_wrong_fails),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
