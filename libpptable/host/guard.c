/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guarded calls: SIGBUS on a pool's mapping becomes an error.
 *
 * Layer: host.
 *
 * A load from a page that a truncation took away (BUS_ADRERR) or that the
 * hardware reports as poisoned (BUS_MCEERR_AR, and AO for a page that the
 * kernel found by itself) is a signal to the thread that did it.  Each thread
 * has a stack of the ranges that it guards; the handler leaves by siglongjmp
 * if the address is in one of them and passes everything else on, as if it
 * had never been installed.
 *
 * The handler is installed while at least one guard is up, in any thread.
 * SA_NODEFER keeps the signal mask as it was, so that leaving the handler by
 * a jump needs no system call to put it back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "host/handle.h"

struct guard {
	sigjmp_buf jump;
	uintptr_t base;
	uint64_t bytes;
	volatile uint64_t at;
	bool installs;                /* it has called install() */
	volatile unsigned int inside; /* such guards that the jump leaves out */
	struct guard *outer;
};

/*
 * initial-exec: the first access from another model may allocate, which a
 * signal handler must not.
 */
static __thread struct guard *guards __attribute__((tls_model("initial-exec")));

static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int installed;
static struct sigaction previous;

static void pass_on(int sig, siginfo_t *info, void *context)
{
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, info, context);
		return;
	}
	if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
		previous.sa_handler(sig);
		return;
	}
	/*
	 * Default, or ignored, which the kernel does not accept for a fault:
	 * returning repeats the access, and that ends the process with the
	 * right status.  One that was sent is sent again.
	 */
	signal(sig, SIG_DFL);
	if (info->si_code <= 0)
		raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	bool media = info->si_code == BUS_ADRERR ||
		     info->si_code == BUS_MCEERR_AR ||
		     info->si_code == BUS_MCEERR_AO;

	unsigned int inside = 0;

	for (struct guard *g = media ? guards : NULL; g; g = g->outer) {
		uint64_t at = (uintptr_t)info->si_addr - g->base;

		if (at >= g->bytes) {
			inside += g->installs;
			continue;
		}
		g->at = at;
		g->inside = inside;
		siglongjmp(g->jump, 1);
	}
	pass_on(sig, info, context);
}

static int install(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};
	int ret = 0;

	sigemptyset(&action.sa_mask);
	pthread_mutex_lock(&install_lock);
	if (installed == 0)
		ret = sigaction(SIGBUS, &action, &previous);
	if (!ret)
		installed++;
	pthread_mutex_unlock(&install_lock);
	return ret;
}

static void uninstall(unsigned int count)
{
	struct sigaction current;

	pthread_mutex_lock(&install_lock);
	/* Somebody may have put a handler over this one: leave that alone. */
	installed -= count;
	if (installed == 0 && !sigaction(SIGBUS, NULL, &current) &&
	    (current.sa_flags & SA_SIGINFO) &&
	    current.sa_sigaction == on_sigbus)
		sigaction(SIGBUS, &previous, NULL);
	pthread_mutex_unlock(&install_lock);
}

int ppt__guard(const void *base, uint64_t bytes, int (*fn)(void *arg),
	       void *arg, bool *faulted, struct ppt_host_diag *diag)
{
	struct guard guard = {
		.base = (uintptr_t)base,
		.bytes = bytes,
		.installs = true,
		.outer = guards,
	};
	int ret;

	if (install())
		return ppt__host_fail(diag, PPT_E_SYS, "SIGBUS",
				      "cannot install a handler", 0);
	if (sigsetjmp(guard.jump, 0) == 0) {
		guards = &guard;
		ret = fn(arg);
	} else {
		ret = ppt__host_fail(diag, PPT_E_IO, "media",
				     "unreadable: poisoned or cut off", 0);
		if (diag)
			diag->diag.at = guard.at;
		if (faulted)
			*faulted = true;
	}
	guards = guard.outer;
	uninstall(1 + guard.inside);
	return ret;
}

static bool is_guarded(const void *at)
{
	for (const struct guard *g = guards; g; g = g->outer)
		if ((uintptr_t)at - g->base < g->bytes)
			return true;
	return false;
}

/*
 * The innermost guard, for as long as a few loads take: the handler is there
 * already, so this needs no lock and no system call.
 */
bool ppt__readable_page(void *ctx, const void *at, size_t bytes)
{
	const volatile char *line = at;
	struct guard guard; /* the jump buffer is as it comes */

	(void)ctx;
	if (!is_guarded(at))
		return true;
	guard.base = (uintptr_t)at;
	guard.bytes = bytes;
	guard.installs = false;
	guard.outer = guards;
	if (sigsetjmp(guard.jump, 0)) {
		guards = guard.outer;
		return false;
	}
	guards = &guard;
	atomic_signal_fence(memory_order_seq_cst);
	for (size_t i = 0; i < bytes; i += PPT_LINE_BYTES)
		(void)line[i];
	atomic_signal_fence(memory_order_seq_cst);
	guards = guard.outer;
	return true;
}
