#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# clang-tidy, by the rules in .clang-tidy, on everything that is shipped.
#
# usage: clang_tidy.sh BUILD [FILE-REGEX]
set -euo pipefail
build=$1
cd "$(dirname "$0")/../.."
files=${2:-$PWD/(libpptable|recovery|tools)/}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Flags that only gcc knows are in the compile commands.
if ! run-clang-tidy-14 -quiet -p "$build" -j "$(nproc)" \
	-extra-arg=-Wno-unknown-warning-option "$files" >"$log" 2>&1; then
	# Less the colours, the commands and the warnings of system headers.
	sed -E 's/\x1b\[[0-9;]*m//g' "$log" |
		grep -vE '^(clang-tidy-14 |[0-9]+ warnings? (generated|treated))'
	exit 1
fi
# Without a single file it would succeed too.
grep -q '^clang-tidy-14 ' "$log"
