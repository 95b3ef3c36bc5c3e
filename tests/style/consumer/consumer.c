/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a user of the installed library writes.  The host call is there so that
 * a static link needs what the host layer needs.
 */
#include <pptable/host.h>

#include <stdio.h>

int main(void)
{
	if (!ppt_strerror(PPT_E_NOSPC) || ppt_host_close(NULL))
		return 1;
	return puts(ppt_version()) == EOF;
}
