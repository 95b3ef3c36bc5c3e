/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cacheloss - a QEMU TCG plugin that plays a cache which loses its content.
 *
 *   -plugin cacheloss.so,media=FILE,out=FILE[,fence=N][,seed=S][,omit=A]
 *
 * It keeps a shadow of the NVDIMM in which a line changes only once it was
 * flushed, or written past the cache, *and* a fence followed.  At fence N, which
 * does not happen any more, QEMU ends and the shadow is written to @out: that is
 * what a power loss leaves.  With a seed some of what was on its way got there
 * all the same: whole lines with an even seed, any 8-byte words of them with an
 * odd one.  The flush instruction at address A is ignored, as if somebody had
 * forgotten it.  In the end it tells where flushes were, and how many.
 *
 * A plugin of QEMU 7.2 sees where loads and stores go, but no registers, so not
 * which line a flush is for.  The guest therefore loads a byte of each line
 * right after it has flushed it.  The first flush is of the pool's first line.
 *
 * What the MMU writes, accessed and dirty bits, is not seen: it is in memory,
 * and reaches the shadow with the next flush of its line.
 */
#include "qemu_plugin.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 64u
#define WORDS (LINE / 8)
#define SITES_MAX 64u

/* What may happen to a line that is not as the shadow has it. */
enum { CLEAN = 0, DIRTY = 1, PENDING = 2 };

PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static struct {
	const uint64_t *media; /* as the guest sees it */
	uint64_t *shadow;      /* as it is durable */
	uint64_t *pending;     /* as the next fence makes it durable */
	uint8_t *state;        /* of each line */
	uint64_t *waiting;     /* lines that are pending */
	uint64_t waiting_count;
	uint64_t lines;
	const char *out;
	uint64_t stop_fence, seed, omit;
	uint64_t fences;
	struct {
		uint64_t address, flushes;
	} sites[SITES_MAX];
	uint64_t base; /* where the media is */
	bool found;    /* the first flush was seen */
	bool flushing; /* a flush was; the line is told by the next load */
	uint64_t site; /* of that flush */
} loss;

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ---------------------------------------------------------- the crash -- */

static void write_out(void)
{
	FILE *out = fopen(loss.out, "wb");

	if (!out || fwrite(loss.shadow, LINE, loss.lines, out) != loss.lines ||
	    fclose(out)) {
		perror(loss.out);
		_exit(1);
	}
	fprintf(stderr, "cacheloss: %" PRIu64 " fences\n", loss.fences);
	for (uint32_t i = 0; i < SITES_MAX && loss.sites[i].flushes; i++)
		fprintf(stderr, "flushes at %" PRIx64 ": %" PRIu64 "\n",
			loss.sites[i].address, loss.sites[i].flushes);
}

/* A part of what was on its way is there. */
static void evict(uint64_t line)
{
	const uint64_t *now = loss.media + line * WORDS;
	uint64_t luck = mix(mix(loss.seed) ^ line);
	uint64_t words = 0;

	if (loss.seed & 1)
		words = luck >> 8 & 0xff;
	else if (luck & 1)
		words = 0xff;
	for (uint32_t i = 0; i < WORDS; i++)
		if (words >> i & 1)
			loss.shadow[line * WORDS + i] = now[i];
}

static void crash(void)
{
	for (uint64_t line = 0; loss.seed && line < loss.lines; line++)
		if (loss.state[line] != CLEAN)
			evict(line);
	write_out();
	_exit(0);
}

/* ------------------------------------------------------------- events -- */

static void wait_for_fence(uint64_t line)
{
	if (loss.state[line] & PENDING)
		return;
	memcpy(loss.pending + line * WORDS, loss.shadow + line * WORDS, LINE);
	loss.state[line] |= PENDING;
	loss.waiting[loss.waiting_count++] = line;
}

static void count_site(uint64_t address)
{
	for (uint32_t i = 0; i < SITES_MAX; i++) {
		if (loss.sites[i].flushes && loss.sites[i].address != address)
			continue;
		loss.sites[i].address = address;
		loss.sites[i].flushes++;
		return;
	}
}

static void flush(uint64_t line)
{
	count_site(loss.site);
	if (loss.site == loss.omit)
		return;
	wait_for_fence(line);
	memcpy(loss.pending + line * WORDS, loss.media + line * WORDS, LINE);
}

static void on_fence(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	if (!loss.found)
		return;
	if (++loss.fences == loss.stop_fence)
		crash();
	for (uint64_t i = 0; i < loss.waiting_count; i++) {
		uint64_t line = loss.waiting[i], at = line * WORDS;

		memcpy(loss.shadow + at, loss.pending + at, LINE);
		loss.state[line] =
			memcmp(loss.shadow + at, loss.media + at, LINE) ?
				DIRTY :
				CLEAN;
	}
	loss.waiting_count = 0;
}

static void on_flush(unsigned int cpu, void *address)
{
	(void)cpu;
	loss.flushing = true;
	loss.site = (uint64_t)address;
}

/* Where in the media an access is; false if elsewhere. */
static bool place(qemu_plugin_meminfo_t info, uint64_t va, uint64_t *at)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, va);

	if (!hw || qemu_plugin_hwaddr_is_io(hw))
		return false;
	*at = qemu_plugin_hwaddr_phys_addr(hw);
	if (!loss.found && loss.flushing) {
		loss.base = *at;
		loss.found = true;
	}
	*at -= loss.base;
	return loss.found && *at < loss.lines * LINE;
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t va,
		      void *streams)
{
	uint64_t at, last;

	(void)cpu;
	if (!loss.flushing && !qemu_plugin_mem_is_store(info))
		return;
	if (!place(info, va, &at))
		return;
	if (!qemu_plugin_mem_is_store(info)) {
		loss.flushing = false;
		flush(at / LINE);
		return;
	}
	last = at + (1u << qemu_plugin_mem_size_shift(info)) - 1;
	for (uint64_t line = at / LINE; line <= last / LINE; line++)
		loss.state[line] |= DIRTY;
	if (streams) {
		wait_for_fence(at / LINE);
		loss.pending[at / 8] = loss.media[at / 8];
	}
}

/* ------------------------------------------------------ translation -- */

enum kind { OTHER, STREAM, FLUSH, FENCE };

/* SDM 2: movnti 0f c3; 0f ae /7 clflush, with 66 clflushopt, 66 0f ae /6 clwb. */
static enum kind kind_of(const uint8_t *code, size_t size)
{
	bool wide = false; /* the prefix 66 */
	size_t i = 0;

	while (i < size && (code[i] == 0x66 || code[i] >> 4 == 4))
		wide |= code[i++] == 0x66;
	if (i + 2 >= size || code[i] != 0x0f)
		return OTHER;
	if (code[i + 1] == 0xc3)
		return STREAM;
	if (code[i + 1] != 0xae)
		return OTHER;
	if (code[i + 2] == 0xf8)
		return FENCE;
	if (code[i + 2] >> 6 == 3)
		return OTHER;
	if ((code[i + 2] >> 3 & 7) == 7 ||
	    (wide && (code[i + 2] >> 3 & 7) == 6))
		return FLUSH;
	return OTHER;
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
	static char streams[] = "streams";

	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
		struct qemu_plugin_insn *insn =
			qemu_plugin_tb_get_insn(block, i);
		enum kind kind = kind_of(qemu_plugin_insn_data(insn),
					 qemu_plugin_insn_size(insn));

		if (kind == FENCE || kind == FLUSH)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, kind == FENCE ? on_fence : on_flush,
				QEMU_PLUGIN_CB_NO_REGS,
				(void *)qemu_plugin_insn_vaddr(insn));
		else
			qemu_plugin_register_vcpu_mem_cb(
				insn, on_access, QEMU_PLUGIN_CB_NO_REGS,
				QEMU_PLUGIN_MEM_RW,
				kind == STREAM ? streams : NULL);
	}
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *unused)
{
	(void)id;
	(void)unused;
	write_out();
}

/* --------------------------------------------------------------- set-up -- */

static int load(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		return -1;
	}
	loss.lines = (uint64_t)st.st_size / LINE;
	loss.media =
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	loss.shadow = malloc((size_t)st.st_size);
	loss.pending = malloc((size_t)st.st_size);
	loss.state = calloc(loss.lines, 1);
	loss.waiting = calloc(loss.lines, sizeof(*loss.waiting));
	if (loss.media == MAP_FAILED || !loss.shadow || !loss.pending ||
	    !loss.state || !loss.waiting) {
		perror("cacheloss");
		return -1;
	}
	memcpy(loss.shadow, loss.media, (size_t)st.st_size);
	return 0;
}

/* The value of "name=value", or NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) != 0 || word[n] != '=' ? NULL :
							       word + n + 1;
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info,
				      int argc, char **argv)
{
	const char *media = NULL, *v;

	(void)info;
	for (int i = 0; i < argc; i++) {
		if ((v = value_of(argv[i], "media")))
			media = v;
		else if ((v = value_of(argv[i], "out")))
			loss.out = v;
		else if ((v = value_of(argv[i], "fence")))
			loss.stop_fence = strtoull(v, NULL, 0);
		else if ((v = value_of(argv[i], "seed")))
			loss.seed = strtoull(v, NULL, 0);
		else if ((v = value_of(argv[i], "omit")))
			loss.omit = strtoull(v, NULL, 16);
	}
	if (!media || !loss.out || load(media)) {
		fputs("cacheloss: needs media=FILE and out=FILE\n", stderr);
		return -1;
	}
	loss.out = strdup(loss.out);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
