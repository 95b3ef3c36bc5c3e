/* SPDX-License-Identifier: BSD-3-Clause */
/* Which mistake is on.  Layer: format.  In no build but that of the mutants. */
#include "format/mutant.h"

unsigned int ppt__mutant;
