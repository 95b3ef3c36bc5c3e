/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * apply: a script of operations and transactions.
 *
 * Layer: tools.
 *
 * Lines are read one at a time and done as they arrive, so that a parent
 * process can feed a pipe and wait for acknowledgements.  An operation's
 * number counts the map, unmap and protect lines of the script from 1; it is
 * printed, by write(2), when the operation is durable and not before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pptctl.h"

#define WORDS_MAX 16

/**
 * struct apply - a script that runs.
 * @text:         the line, here because media that fail end this by a jump.
 * @operations:   lines so far that are operations.
 * @committed:    of them, how many were committed.
 * @transactions: begin/commit pairs that were committed.
 * @begun:        line of the open transaction's begin; 0 if none is open.
 * @pending:      numbers committed or about to be, not yet durable.
 * @reclaim:      something may have been unlinked whole.
 */
struct apply {
	struct ctl *ctl;
	struct ppt_space space;
	FILE *file;
	char *text;
	size_t text_size;
	uint64_t operations;
	uint64_t committed;
	uint64_t transactions;
	uint64_t begun;
	uint64_t in_transaction;
	uint64_t *pending;
	size_t pending_count;
	size_t pending_size;
	bool ack;
	bool relaxed;
	bool reclaim;
};

/* ------------------------------------------------------ acknowledgements -- */

static int remember(struct apply *apply, uint64_t number)
{
	uint64_t *grown;
	size_t size;

	if (!apply->ack)
		return CTL_OK;
	if (apply->pending_count == apply->pending_size) {
		size = apply->pending_size ? 2 * apply->pending_size : 64;
		grown = realloc(apply->pending, size * sizeof(*grown));
		if (!grown) {
			ctl_say(apply->ctl, "out of memory");
			return CTL_FAILED;
		}
		apply->pending = grown;
		apply->pending_size = size;
	}
	apply->pending[apply->pending_count++] = number;
	return CTL_OK;
}

/* The transaction's operations are not going to happen. */
static void forget(struct apply *apply)
{
	if (apply->ack)
		apply->pending_count -= apply->in_transaction;
}

static int write_all(const struct ctl *ctl, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ctl_say(ctl, "standard output: %s", strerror(errno));
			return CTL_FAILED;
		}
		text += n;
		len -= (size_t)n;
	}
	return CTL_OK;
}

/* Everything that is pending has become durable. */
static int acknowledge(struct apply *apply)
{
	char text[4096];
	size_t len = 0;
	int ret = CTL_OK;

	for (size_t i = 0; i < apply->pending_count && !ret; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%llu\n",
					(unsigned long long)apply->pending[i]);
		if (len < sizeof(text) - 32 && i + 1 < apply->pending_count)
			continue;
		ret = write_all(apply->ctl, text, len);
		len = 0;
	}
	apply->pending_count = 0;
	return ret;
}

/* ---------------------------------------------------------- transactions -- */

static int fail_call(struct apply *apply, int err)
{
	struct ppt_diag none = { .err = 0 };

	return ctl_fail(apply->ctl, err, &none, NULL);
}

static int after_commit(struct apply *apply)
{
	int ret = CTL_OK;

	if (!apply->relaxed)
		ret = acknowledge(apply);
	if (!ret && apply->reclaim) {
		apply->reclaim = false;
		ret = ctl_reclaim(apply->ctl);
	}
	return ret;
}

static int do_begin(struct apply *apply)
{
	int ret;

	if (apply->begun) {
		ctl_say(apply->ctl,
			"begin: a transaction is open already, since line %llu",
			(unsigned long long)apply->begun);
		return CTL_USAGE;
	}
	ret = ppt_begin(apply->ctl->pool);
	if (ret)
		return fail_call(apply, ret);
	apply->begun = apply->ctl->line;
	apply->in_transaction = 0;
	return CTL_OK;
}

static int need_transaction(struct apply *apply, const char *word)
{
	if (apply->begun)
		return CTL_OK;
	ctl_say(apply->ctl, "%s: no transaction is open", word);
	return CTL_USAGE;
}

static int do_commit(struct apply *apply)
{
	int ret = need_transaction(apply, "commit");

	if (ret)
		return ret;
	apply->begun = 0;
	ret = ppt_commit(apply->ctl->pool);
	if (ret) {
		forget(apply);
		return fail_call(apply, ret);
	}
	apply->transactions++;
	apply->committed += apply->in_transaction;
	return after_commit(apply);
}

static int do_abort(struct apply *apply)
{
	int ret = need_transaction(apply, "abort");

	if (ret)
		return ret;
	apply->begun = 0;
	ret = ppt_abort(apply->ctl->pool);
	forget(apply);
	return ret ? fail_call(apply, ret) : CTL_OK;
}

static int no_transaction(struct apply *apply, const char *word)
{
	if (!apply->begun)
		return CTL_OK;
	ctl_say(apply->ctl,
		"%s: not within a transaction (open since line "
		"%llu)",
		word, (unsigned long long)apply->begun);
	return CTL_USAGE;
}

static int do_sync(struct apply *apply)
{
	int ret = no_transaction(apply, "sync");

	if (ret)
		return ret;
	ret = ppt_sync(apply->ctl->pool);
	return ret ? fail_call(apply, ret) : acknowledge(apply);
}

static int do_checkpoint(struct apply *apply)
{
	int ret = no_transaction(apply, "checkpoint");

	if (ret)
		return ret;
	ret = ppt_checkpoint(apply->ctl->pool);
	return ret ? fail_call(apply, ret) : acknowledge(apply);
}

/* ------------------------------------------------------------ operations -- */

static uint32_t options_of(enum ctl_op_kind kind)
{
	switch (kind) {
	case CTL_OP_MAP:
		return CLI_BIT(CTL_PROT) | CLI_BIT(CTL_PAGE_SIZE) |
		       CLI_BIT(CTL_REPLACE);
	case CTL_OP_PROTECT:
		return CLI_BIT(CTL_PROT);
	default:
		return 0;
	}
}

/* The option at @words[@i]; its value may be the word after it. */
static int read_option(struct apply *apply, enum ctl_op_kind kind, char **words,
		       int count, int *i, struct ctl_values *values)
{
	struct ctl *ctl = apply->ctl;
	char *word = words[*i];
	char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : strlen(word);
	unsigned int option = cli_find_option(&ctl->cli, word, len);

	if (option == CTL_OPTIONS || !(options_of(kind) & CLI_BIT(option)))
		return ctl_bad(ctl, "option", word,
			       "no such option of this operation");
	if (value)
		value++;
	if (!ctl_options[option].value && value)
		return ctl_bad(ctl, "option", word, "takes no value");
	if (ctl_options[option].value && !value) {
		if (*i + 1 >= count)
			return ctl_bad(ctl, "option", word, "needs a value");
		value = words[++*i];
	}
	return ctl_set_option(ctl, values, (enum ctl_option)option, value);
}

static int read_op(struct apply *apply, enum ctl_op_kind kind, char **words,
		   int count, struct ctl_op *op)
{
	static const char *const names[2][4] = {
		{ "VA", "LEN", NULL }, { "VA", "PA|alloc", "LEN", NULL }
	};
	struct ctl_values values = { .given = 0 };
	int want = ctl_op_words(kind);
	char *args[4];
	int have = 0;

	for (int i = 1; i < count; i++) {
		int ret;

		if (strncmp(words[i], "--", 2) == 0) {
			ret = read_option(apply, kind, words, count, &i,
					  &values);
			if (ret)
				return ret;
			continue;
		}
		if (have == want)
			return ctl_bad(apply->ctl, "argument", words[i],
				       "one too many");
		args[have++] = words[i];
	}
	if (have < want) {
		ctl_say(apply->ctl, "%s is missing",
			names[kind == CTL_OP_MAP][have]);
		return CTL_USAGE;
	}
	return ctl_op_parse(apply->ctl, kind, args, &values, op);
}

static int do_op(struct apply *apply, enum ctl_op_kind kind, char **words,
		 int count)
{
	struct ctl_op op = { .kind = kind };
	int ret = read_op(apply, kind, words, count, &op);

	if (!ret)
		ret = ctl_op_run(apply->ctl, &apply->space, &op);
	if (!ret)
		ret = remember(apply, ++apply->operations);
	if (ret)
		return ret;
	if (kind != CTL_OP_MAP || op.flags & PPT_MAP_REPLACE)
		apply->reclaim = true;
	if (apply->begun) {
		apply->in_transaction++;
		return CTL_OK;
	}
	apply->committed++;
	return after_commit(apply);
}

/* ----------------------------------------------------------------- lines -- */

static int split(struct apply *apply, char *line, char **words, int *count)
{
	char *save = NULL;
	char *word;

	line[strcspn(line, "#")] = '\0';
	*count = 0;
	for (word = strtok_r(line, " \t\r\n", &save); word;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		if (*count == WORDS_MAX)
			return ctl_bad(apply->ctl, "argument", word,
				       "one too many");
		words[(*count)++] = word;
	}
	return CTL_OK;
}

static int do_line(struct apply *apply, char *line)
{
	static const struct {
		const char *word;
		int (*fn)(struct apply *apply);
	} verbs[] = {
		{ "begin", do_begin },           { "commit", do_commit },
		{ "abort", do_abort },           { "sync", do_sync },
		{ "checkpoint", do_checkpoint },
	};
	static const char *const ops[] = { "map", "unmap", "protect" };
	char *words[WORDS_MAX];
	int count;
	int ret = split(apply, line, words, &count);

	if (ret || count == 0)
		return ret;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(words[0], verbs[i].word) != 0)
			continue;
		if (count > 1)
			return ctl_bad(apply->ctl, "argument", words[1],
				       "one too many");
		return verbs[i].fn(apply);
	}
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(words[0], ops[i]) == 0)
			return do_op(apply, (enum ctl_op_kind)i, words, count);
	return ctl_bad(apply->ctl, "operation", words[0], "none that is known");
}

static int do_lines(struct apply *apply)
{
	ssize_t len;
	int ret = CTL_OK;

	while (!ret && (len = getline(&apply->text, &apply->text_size,
				      apply->file)) >= 0) {
		apply->ctl->line++;
		if (strlen(apply->text) != (size_t)len) {
			ctl_say(apply->ctl, "has a NUL character");
			ret = CTL_USAGE;
		} else {
			ret = do_line(apply, apply->text);
		}
	}
	if (!ret && ferror(apply->file)) {
		ctl_say(apply->ctl, "cannot read on: %s", strerror(errno));
		ret = CTL_FAILED;
	}
	if (!ret && apply->begun) {
		ctl_say(apply->ctl, "ends within the transaction of line %llu",
			(unsigned long long)apply->begun);
		ret = CTL_USAGE;
	}
	return ret;
}

/* ----------------------------------------------------------------- stats -- */

static void print_stats(const struct apply *apply, uint64_t ns)
{
	const struct ctl *ctl = apply->ctl;
	double per = apply->committed ? (double)apply->committed : 1;
	struct ppt_stats s;
	json_t *root;

	ppt_stats(ctl->pool, &s);
	if (!cli_wants_json(&ctl->cli)) {
		printf("%llu operations, %llu transactions, %.1f ns an "
		       "operation\n",
		       (unsigned long long)apply->committed,
		       (unsigned long long)apply->transactions,
		       (double)ns / per);
		printf("each: %.3f fences, %.3f flushes, %.3f journal lines\n",
		       (double)s.pm.fences / per, (double)s.pm.flushes / per,
		       (double)s.journal_lines / per);
		return;
	}
	root = cli_json_new("pptable.apply/1");
	cli_json_set(root, "operations", cli_json_u64(apply->committed));
	cli_json_set(root, "transactions", cli_json_u64(apply->transactions));
	cli_json_set(root, "ns", cli_json_u64(ns));
	cli_json_set(root, "ns_per_operation", json_real((double)ns / per));
	cli_json_set(root, "commits", cli_json_u64(s.commits));
	cli_json_set(root, "fences", cli_json_u64(s.pm.fences));
	cli_json_set(root, "flushes", cli_json_u64(s.pm.flushes));
	cli_json_set(root, "stores", cli_json_u64(s.pm.stores));
	cli_json_set(root, "streams", cli_json_u64(s.pm.streams));
	cli_json_set(root, "journal_lines", cli_json_u64(s.journal_lines));
	cli_json_set(root, "checkpoints", cli_json_u64(s.checkpoints));
	cli_json_set(root, "live_lines", cli_json_u64(s.live_lines));
	cli_json_print(root, JSON_COMPACT);
}

/* ------------------------------------------------------------------- run -- */

/* The script's end, however it came: what was committed becomes durable. */
static int finish(struct apply *apply, int result)
{
	int ret;

	if (apply->begun) {
		apply->begun = 0;
		forget(apply);
		ppt_abort(apply->ctl->pool);
	}
	if (!apply->relaxed)
		return result;
	ret = ppt_set_relaxed(apply->ctl->pool, false);
	if (ret)
		return result | fail_call(apply, ret);
	return result | acknowledge(apply);
}

static int apply_script(struct ctl *ctl)
{
	struct apply *apply = ctl->state;
	uint64_t start;
	int ret = ctl_find_space(ctl, &apply->space);

	if (ret)
		return ret;
	if (apply->relaxed) {
		ret = ppt_set_relaxed(ctl->pool, true);
		if (ret)
			return fail_call(apply, ret);
	}
	start = cli_now_ns();
	ctl->script = apply->file == stdin ? "stdin" : ctl->cli.args[2];
	ret = do_lines(apply);
	ret = finish(apply, ret);
	ctl->script = NULL;
	if (ctl_given(ctl, CTL_STATS))
		print_stats(apply, cli_now_ns() - start);
	return ret;
}

int ctl_cmd_apply(struct ctl *ctl)
{
	const char *path = ctl->cli.args[2];
	struct apply apply = {
		.ctl = ctl,
		.ack = ctl_given(ctl, CTL_ACK),
		.relaxed = ctl_given(ctl, CTL_RELAXED),
	};
	int ret;

	apply.file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!apply.file) {
		ctl_say(ctl, "SCRIPT '%s': %s", path, strerror(errno));
		return CTL_FAILED;
	}
	ctl->state = &apply;
	ret = ctl_with_pool(ctl, 0, apply_script);
	if (apply.file != stdin)
		fclose(apply.file);
	free(apply.text);
	free(apply.pending);
	return ret;
}
