/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pptsim-mutant NAME SEED - hunt one seeded mistake; started by pptsim mutants.
 *
 * Layer: tests.  The simulator on top of the library with mutants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/mutants/hunt.h"

int main(int argc, char **argv)
{
	if (argc != 3 || !seeded_select(argv[1])) {
		fprintf(stderr, "usage: pptsim-mutant NAME SEED\n");
		return 16;
	}
	hunt(NULL, strtoull(argv[2], NULL, 0), STDOUT_FILENO);
	return 0;
}
