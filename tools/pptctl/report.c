/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages, and the exit codes that the library's errors come to.
 *
 * Layer: tools.
 */
#include <stdio.h>
#include <string.h>

#include "pptctl.h"

void ctl_say(const struct ctl *ctl, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (ctl->script)
		cli_say(&ctl->cli, "%s: line %llu: %s", ctl->script,
			(unsigned long long)ctl->line, text);
	else
		cli_say(&ctl->cli, "%s", text);
}

int ctl_bad(const struct ctl *ctl, const char *name, const char *text,
	    const char *why)
{
	ctl_say(ctl, "%s '%s': %s", name, text, why);
	return CTL_USAGE;
}

/* ------------------------------------------------------- library errors -- */

static int exit_code_of(int err)
{
	switch (err) {
	case PPT_E_INVAL:
	case PPT_E_RANGE:
	case PPT_E_EXIST:
	case PPT_E_NOENT:
	case PPT_E_REGION:
	case PPT_E_TOOBIG:
		return CTL_USAGE;
	case PPT_E_CORRUPT:
	case PPT_E_JOURNAL:
		return CTL_DAMAGE;
	default:
		return CTL_FAILED;
	}
}

/* What of damage the library numbers by page, by journal line, or by VA. */
static const char *unit_of(const char *what)
{
	static const char *const pages[] = {
		"descriptor", "directory", "frame", "metadata page", "table",
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (strcmp(what, pages[i]) == 0)
			return "page";
	if (strcmp(what, "journal record") == 0)
		return "line";
	return NULL;
}

/* Where it is, if that says more than the argument itself does; or "". */
static const char *place_of(int err, const struct ppt_diag *diag, char *out,
			    size_t size)
{
	const char *what = diag->what ? diag->what : "";
	const char *unit = unit_of(what);

	*out = '\0';
	if ((err == PPT_E_CORRUPT || err == PPT_E_JOURNAL) && unit)
		snprintf(out, size, " (%s %llu)", unit,
			 (unsigned long long)diag->at);
	else if (err == PPT_E_CORRUPT &&
		 (strcmp(what, "entry") == 0 || strcmp(what, "va") == 0))
		snprintf(out, size, " (VA 0x%llx)",
			 (unsigned long long)diag->at);
	else if (*what && (err == PPT_E_EXIST || err == PPT_E_NOENT ||
			   err == PPT_E_REGION || err == PPT_E_BUSY ||
			   err == PPT_E_LIMIT))
		snprintf(out, size, " (at 0x%llx)",
			 (unsigned long long)diag->at);
	return out;
}

static const struct ctl_argument *
find_argument(const struct ctl_argument *argument, const char *what)
{
	if (!what)
		return NULL;
	for (; argument && argument->what; argument++)
		if (strcmp(argument->what, what) == 0 && argument->text)
			return argument;
	return NULL;
}

int ctl_fail(const struct ctl *ctl, int err, const struct ppt_diag *diag,
	     const struct ctl_argument *arguments)
{
	const struct ctl_argument *argument =
		find_argument(arguments, diag->what);
	const char *why = diag->why ? diag->why : ppt_strerror(err);
	char place[48];

	place_of(err, diag, place, sizeof(place));
	if (argument)
		ctl_say(ctl, "%s '%s': %s%s", argument->name, argument->text,
			why, place);
	else if (diag->what)
		ctl_say(ctl, "%s: %s: %s%s", ctl->cli.args[0], diag->what, why,
			place);
	else
		ctl_say(ctl, "%s: %s", ctl->cli.args[0], ppt_strerror(err));
	return exit_code_of(err);
}

int ctl_fail_here(const struct ctl *ctl, int err, const struct ppt_diag *diag)
{
	int code = ctl_fail(ctl, err, diag, NULL);

	return code == CTL_USAGE ? CTL_FAILED : code;
}

void ctl_describe(int err, const struct ppt_host_diag *diag, char *out,
		  size_t size)
{
	const struct ppt_diag *d = &diag->diag;
	const char *what = d->what ? d->what : "";
	bool file = strcmp(what, "file") == 0;
	char place[48] = "";
	int n;

	if (err == PPT_E_CORRUPT || err == PPT_E_JOURNAL)
		place_of(err, d, place, sizeof(place));
	n = snprintf(out, size, "%s%s%s%s", file ? "" : what,
		     file || !*what ? "" : ": ",
		     d->why ? d->why : ppt_strerror(err), place);
	if (n > 0 && (size_t)n < size && diag->os_errno && err == PPT_E_SYS)
		n += snprintf(out + n, size - (size_t)n, ": %s",
			      strerror(diag->os_errno));
	else if (n > 0 && (size_t)n < size && d->why)
		n += snprintf(out + n, size - (size_t)n, " (%s)",
			      ppt_strerror(err));
	if (err == PPT_E_IO && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n,
			 " at offset 0x%llx, or the file system is full",
			 (unsigned long long)d->at);
}

int ctl_fail_file(const struct ctl *ctl, int err,
		  const struct ppt_host_diag *diag)
{
	char text[512];

	ctl_describe(err, diag, text, sizeof(text));
	ctl_say(ctl, "%s: %s", ctl->cli.args[0], text);
	return CTL_FAILED;
}

/* ------------------------------------------------------------ shutdowns -- */

/* NULL: nothing is in doubt. */
static const char *doubt(enum ppt_shutdown shutdown)
{
	switch (shutdown) {
	case PPT_SHUTDOWN_UNSAFE:
		return "what was flushed before power was lost may not have "
		       "arrived";
	case PPT_SHUTDOWN_UNKNOWN:
		return "no valid record of the unsafe-shutdown count, counts "
		       "as unsafe";
	default:
		return NULL;
	}
}

static const char *outcome(const struct ppt_attach_report *r)
{
	return r->shutdown_left ?
		       "everything was validated; it stays marked until "
		       "'check --repair', or an open for writing that finds "
		       "nothing" :
		       "everything was validated and nothing is wrong: it is "
		       "no longer marked";
}

void ctl_shutdown_text(const struct ppt_attach_report *r)
{
	const char *why = doubt(r->shutdown);

	if (why)
		printf("shutdown     %s: %s\n             %s\n",
		       r->shutdown == PPT_SHUTDOWN_UNSAFE ? "UNSAFE" :
							    "UNKNOWN",
		       why, outcome(r));
	else if (r->shutdown != PPT_SHUTDOWN_NONE)
		printf("shutdown     %s\n", ppt_shutdown_name(r->shutdown));
}

void ctl_shutdown_say(const struct ctl *ctl)
{
	const char *why = doubt(ctl->attach.shutdown);

	if (why)
		ctl_say(ctl, "%s: %s: %s; %s", ctl->cli.args[0],
			ppt_shutdown_name(ctl->attach.shutdown), why,
			outcome(&ctl->attach));
}

/* --------------------------------------------------------------- sizes -- */

void ctl_size_text(uint64_t bytes, char *out)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes / 1024;
	unsigned int unit = 0;

	if (bytes < 1024) {
		snprintf(out, 32, "%llu B", (unsigned long long)bytes);
		return;
	}
	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(out, 32, "%.4g %ciB", value, units[unit]);
}
