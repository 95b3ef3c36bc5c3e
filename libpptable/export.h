/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's interface, for the compiler: force-included before each of its
 * sources, which are compiled with hidden visibility.  What a public header
 * declares is exported, everything else stays inside, and neither the headers
 * nor the definitions need a macro to say so.
 */
#pragma GCC visibility push(default)
#include <pptable/pptable.h>
#if __STDC_HOSTED__
#include <pptable/host.h>
#endif
#pragma GCC visibility pop
