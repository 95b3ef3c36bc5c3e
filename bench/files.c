/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files of a run: gone at its end, also when a signal is the end.
 *
 * Layer: bench.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench.h"

#define FILES_MAX 32

/* Read by the signal handler: a path is set last and cleared first. */
static char *volatile files[FILES_MAX];
static pid_t owner;

void bench_files_remove(void)
{
	/* Children that measure do not tidy up. */
	if (getpid() != owner)
		return;
	for (int i = 0; i < FILES_MAX; i++) {
		if (files[i])
			unlink(files[i]);
		files[i] = NULL;
	}
}

static void on_signal(int sig)
{
	bench_files_remove();
	signal(sig, SIG_DFL);
	raise(sig);
}

void bench_files_guard(void)
{
	static const int fatal[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
				     SIGPIPE, SIGABRT, SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_signal };

	owner = getpid();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
	atexit(bench_files_remove);
}

const char *bench_file(const char *tag)
{
	size_t bytes = strlen(bench_options.pool) + strlen(tag) + 2;
	char *path = bench_alloc(bytes);

	snprintf(path, bytes, "%s.%s", bench_options.pool, tag);
	/* What exists is not ours to remove. */
	if (!access(path, F_OK))
		bench_die("%s: file exists", path);
	if (errno != ENOENT)
		bench_die("%s: %s", path, strerror(errno));
	for (int i = 0; i < FILES_MAX; i++) {
		if (files[i])
			continue;
		files[i] = path;
		return path;
	}
	bench_die("too many files");
}

void bench_file_remove(const char *path)
{
	for (int i = 0; i < FILES_MAX; i++) {
		char *file = files[i];

		if (file != path)
			continue;
		unlink(file);
		files[i] = NULL;
		free(file);
	}
}

uint64_t bench_files_room(void)
{
	char folder[4096];
	struct statvfs st;
	char *slash;

	if (strlen(bench_options.pool) >= sizeof(folder))
		bench_die("--pool: too long");
	snprintf(folder, sizeof(folder), "%s", bench_options.pool);
	slash = strrchr(folder, '/');
	if (slash == folder)
		slash++;
	if (slash)
		*slash = '\0';
	else
		snprintf(folder, sizeof(folder), ".");
	if (statvfs(folder, &st))
		bench_die("%s: %s", folder, strerror(errno));
	return (uint64_t)st.f_bavail * st.f_frsize;
}
