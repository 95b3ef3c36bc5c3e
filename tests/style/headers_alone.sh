#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Each public header compiles alone, twice in a row, as strict C11 and as
# C++17, with every compiler that is here, without a warning.
set -euo pipefail
cd "$(dirname "$0")/../../libpptable/include"

failed=0
compile() { # compiler language standard header
	# Included twice: a broken include guard is an error too.
	printf '#include <%s>\n#include <%s>\n' "$4" "$4" |
		"$1" -x "$2" -std="$3" -fsyntax-only -Wall -Wextra -Wpedantic \
			-Wconversion -Wundef -Werror -I. - && return
	echo "$4 does not compile alone: $1 -std=$3"
	failed=1
}

checked=0
for header in pptable/*.h; do
	compile gcc c c11 "$header"
	compile g++ c++ c++17 "$header"
	compile clang-14 c c11 "$header"
	compile clang-14 c++ c++17 "$header"
	checked=$((checked + 1))
done
[ "$checked" -gt 0 ]
exit "$failed"
