/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfs.c - makes a pptctl of its own that takes PPT_TEST_SYSFS for sysfs.
 *
 * Layer: tests.
 */
#include <stdlib.h>

#include "host/handle.h"

__attribute__((constructor)) static void take(void)
{
	const char *path = getenv("PPT_TEST_SYSFS");

	if (path)
		ppt__sysfs = path;
}
