#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The names that libpptable.so exports are those in symbols.golden.
#
# usage: symbols.sh LIBRARY [--update]
set -euo pipefail
golden=$(dirname "$0")/symbols.golden

# Version nodes are of type A and not names that a program can use.
exported() {
	nm -DP --defined-only "$1" | awk '$2 != "A" { sub("@.*", "", $1); print $1 }' |
		LC_ALL=C sort
}

if [ "${2-}" = --update ]; then
	exported "$1" >"$golden"
elif ! exported "$1" | diff -u --label symbols.golden --label exported \
	"$golden" -; then
	cat <<-END
		The exported names differ from tests/style/symbols.golden.  A name
		that goes away or changes its meaning breaks programs that are
		installed: that needs a new soname.  If only new names came:
		    bash tests/style/symbols.sh build/libpptable/libpptable.so --update
	END
	exit 1
fi
