/* SPDX-License-Identifier: BSD-3-Clause */
/* mutants.c - which there are, and hunting them, each in its own process. */
#include "sim/mutants/mutants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/mutants/hunt.h"

#define LIMIT_S 480u
#define JOBS_MAX 64u
#define TEST_BUILD "../tests/pptsim-mutant" /* from the program's folder */

static const struct {
	const char *name;
	const char *what;
} fault[] = {
	[SIM_FAULT_DROP_FLUSH] = { "drop-flush", "lines are not flushed" },
	[SIM_FAULT_DROP_FENCE] = { "drop-fence", "nothing is fenced" },
	[SIM_FAULT_SHORT_FLUSH] = { "short-flush", "the last line is not "
						   "flushed" },
	[SIM_FAULT_SWAP] = { "swap", "the fence comes one step too early" },
	[SIM_FAULT_SWAP_NEXT] = { "swap-next", "the fence comes one step too "
					       "late" },
	[SIM_FAULT_WEAKEN] = { "weaken", "streams are plain stores" },
};

/* A mutant with what it takes to hunt it. */
struct prey {
	struct sim_mutant mutant; /* no fault: seeded */
	pid_t pid;
	int fd;
	double start;
	bool over;
};

struct pack {
	const struct mutants_options *options;
	struct mutants *out;
	struct prey *prey;
	unsigned running;
	unsigned done;
	char program[4096];
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -------------------------------------------------------------------- list -- */

static int add(struct pack *p, const char *name, const char *what,
	       const struct sim_mutant *mutant, struct why *why)
{
	const char *only = p->options->only;
	unsigned n = p->out->total;
	struct mutant_result *m;

	if (only && strncmp(name, only, strlen(only)) != 0)
		return 0;
	p->out->m = realloc(p->out->m, (n + 1) * sizeof(*p->out->m));
	p->prey = realloc(p->prey, (n + 1) * sizeof(*p->prey));
	if (!p->out->m || !p->prey)
		return why_set(why, "no memory");
	p->prey[n] = (struct prey){ .fd = -1 };
	if (mutant)
		p->prey[n].mutant = *mutant;
	m = &p->out->m[n];
	memset(m, 0, sizeof(*m));
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	(void)snprintf(m->what, sizeof(m->what), "%s", what);
	p->out->total++;
	return 0;
}

static bool applies(const struct sim_site *site, enum sim_fault f)
{
	switch (f) {
	case SIM_FAULT_DROP_FLUSH:
		return site->flush;
	case SIM_FAULT_SHORT_FLUSH:
		return site->flush && site->series;
	case SIM_FAULT_DROP_FENCE:
	case SIM_FAULT_SWAP:
	case SIM_FAULT_SWAP_NEXT:
		return site->fence;
	case SIM_FAULT_WEAKEN:
		return site->stream;
	case SIM_FAULT_NONE:
		break;
	}
	return false;
}

static int add_barriers(struct pack *p, struct why *why)
{
	static struct sim_site site[SIM_SITES_MAX];
	unsigned count;
	int err = sim_sites(site, &count, why);

	for (unsigned i = 0; i < count && !err; i++)
		for (int f = SIM_FAULT_DROP_FLUSH; f <= SIM_FAULT_WEAKEN; f++) {
			struct sim_mutant m = { .fault = (enum sim_fault)f };
			char name[96];

			if (err || !applies(&site[i], m.fault))
				continue;
			memcpy(m.site, site[i].site, sizeof(m.site));
			(void)snprintf(name, sizeof(name), "%s@%s",
				       fault[f].name, m.site);
			err = add(p, name, fault[f].what, &m, why);
		}
	return err;
}

static int add_seeded(struct pack *p, struct why *why)
{
	const char *name, *what;

	for (unsigned i = 0; seeded_name(i, &name, &what); i++)
		if (add(p, name, what, NULL, why))
			return -1;
	return 0;
}

/* The test build is beside the program. */
static int find_program(struct pack *p, struct why *why)
{
	char self[sizeof(p->program) - sizeof(TEST_BUILD)];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return why_set(why, "/proc/self/exe: %s", strerror(errno));
	self[n] = 0;
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = 0;
	(void)snprintf(p->program, sizeof(p->program), "%s" TEST_BUILD, self);
	if (access(p->program, X_OK))
		return why_set(why,
			       "%s: %s (seeded mutants are in the test build "
			       "only: BUILD_TESTING)",
			       p->program, strerror(errno));
	return 0;
}

static int list(struct pack *p, struct why *why)
{
	memset(p->out, 0, sizeof(*p->out));
	if (find_program(p, why) || add_barriers(p, why) || add_seeded(p, why))
		return -1;
	if (!p->out->total)
		return why_set(why, "there is no mutant \"%s\"",
			       p->options->only ? p->options->only : "");
	return 0;
}

int mutants_list(const struct mutants_options *options, struct mutants *out,
		 struct why *why)
{
	struct pack p = { .options = options, .out = out };
	int err = list(&p, why);

	free(p.prey);
	if (err)
		mutants_free(out);
	return err;
}

void mutants_free(struct mutants *mutants)
{
	free(mutants->m);
	memset(mutants, 0, sizeof(*mutants));
}

/* -------------------------------------------------------------------- hunt -- */

static void child(struct pack *p, unsigned i, int fd)
{
	const struct prey *prey = &p->prey[i];
	char seed[32];

	if (prey->mutant.fault != SIM_FAULT_NONE) {
		hunt(&prey->mutant, p->options->seed, fd);
		_exit(0);
	}
	(void)snprintf(seed, sizeof(seed), "%llu",
		       (unsigned long long)p->options->seed);
	dup2(fd, STDOUT_FILENO);
	execl(p->program, p->program, p->out->m[i].name, seed, (char *)NULL);
	_exit(2);
}

static int start(struct pack *p, unsigned i, struct why *why)
{
	struct prey *prey = &p->prey[i];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return why_set(why, "pipe: %s", strerror(errno));
	prey->start = now_s();
	(void)fflush(NULL);
	prey->pid = fork();
	if (prey->pid < 0) {
		close(fd[0]);
		close(fd[1]);
		return why_set(why, "fork: %s", strerror(errno));
	}
	if (prey->pid == 0) {
		close(fd[0]);
		child(p, i, fd[1]);
	}
	close(fd[1]);
	prey->fd = fd[0];
	p->running++;
	return 0;
}

static void judge(struct mutants *out, struct mutant_result *m)
{
	m->justification = mutant_justification(m->name);
	if (m->killed) {
		out->killed++;
	} else if (m->justification) {
		m->justified = true;
		out->justified++;
	} else {
		out->survivors++;
	}
}

/* What a process dies of by its own doing. */
static const char *death(int status)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };

	if (!WIFSIGNALED(status))
		return NULL;
	if (WTERMSIG(status) == SIGVTALRM)
		return "recovery does not end";
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (WTERMSIG(status) == own[i])
			return strsignal(own[i]);
	return NULL;
}

static int finish(struct pack *p, unsigned i, int status, struct why *why)
{
	struct mutant_result *m = &p->out->m[i];
	struct prey *prey = &p->prey[i];
	struct hunt_verdict v;
	bool told = read(prey->fd, &v, sizeof(v)) == (ssize_t)sizeof(v);

	close(prey->fd);
	prey->over = true;
	p->running--;
	p->done++;
	m->seconds = now_s() - prey->start;
	if (told && v.failed)
		return why_set(why, "%s: %.500s", m->name, v.v.text);
	if (told && v.killed) {
		m->killed = true;
		(void)snprintf(m->by, sizeof(m->by), "%s: %.960s", v.v.kind,
			       v.v.line);
	} else if (!told && death(status)) {
		m->killed = true;
		(void)snprintf(m->by, sizeof(m->by), "%s", death(status));
	} else if (!told && !WIFSIGNALED(status)) {
		return why_set(why, "%s: %s ended with status %d", m->name,
			       p->program, WEXITSTATUS(status));
	}
	judge(p->out, m);
	if (p->options->progress)
		p->options->progress(p->options->ctx, p->done, p->out->total,
				     m);
	return 0;
}

/* Those that took too long are killed, and survive. */
static void check_time(struct pack *p, bool stop)
{
	unsigned limit = p->options->limit_s ? p->options->limit_s : LIMIT_S;

	for (unsigned i = 0; i < p->out->total; i++) {
		struct prey *prey = &p->prey[i];

		if (prey->pid && !prey->over &&
		    (stop || now_s() - prey->start > limit))
			(void)kill(prey->pid, SIGKILL);
	}
}

static int reap(struct pack *p, struct why *why)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int status, err = 0;
	pid_t pid = waitpid(-1, &status, WNOHANG);

	if (pid <= 0) {
		(void)nanosleep(&pause, NULL);
		return 0;
	}
	for (unsigned i = 0; i < p->out->total; i++)
		if (p->prey[i].pid == pid && !p->prey[i].over)
			err = finish(p, i, status, why);
	return err;
}

static unsigned job_count(const struct mutants_options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned jobs = options->jobs ? options->jobs :
					(unsigned)(cpus > 0 ? cpus : 1);

	return jobs < JOBS_MAX ? jobs : JOBS_MAX;
}

int mutants_run(const struct mutants_options *options, struct mutants *out,
		struct why *why)
{
	struct pack p = { .options = options, .out = out };
	unsigned next = 0, jobs = job_count(options);
	int err = list(&p, why);

	while (!err && (next < out->total || p.running)) {
		bool stop = options->stop && *options->stop;

		if (stop)
			out->partial = true;
		if (stop && !p.running)
			break;
		if (!stop && next < out->total && p.running < jobs) {
			err = start(&p, next, why);
			next++;
			continue;
		}
		check_time(&p, stop);
		err = reap(&p, why);
	}
	if (err)
		check_time(&p, true);
	while (err && p.running && waitpid(-1, NULL, 0) > 0)
		p.running--;
	free(p.prey);
	if (err)
		mutants_free(out);
	return err;
}
