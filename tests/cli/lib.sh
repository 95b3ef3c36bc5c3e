# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the command line tests share.  Sourced at the start of each:
#
#   BUILD       the build directory (build/ if unset)
#   dir         a folder of its own in /dev/shm, removed at the end
#   pptctl, pptsim   run the program
#   expect      CODE PATTERN COMMAND...: exit code and standard error
#   refuse      the same, and $pool's bytes are as before
#   check       DESCRIPTION COMMAND...: the command must succeed
#   says        PATTERN: so did the command before, on standard output
#   json        FILTER COMMAND...: the output must be JSON that fulfils it
#   has         FILTER: so did the output of the command before
#   offers      WANTED PROGRAM WORD...: what its completion gives
#
# A test goes on after a failure and ends with the number of them.
set -uo pipefail

export PMEM_IS_PMEM_FORCE=1
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$source_dir/build}
dir=$(mktemp -d /dev/shm/pptctl-test.XXXXXX)
pool=$dir/pool
failures=0
checks=0
cleanups=()

cleanup() {
	local status=$? command
	for command in "${cleanups[@]}"; do
		eval "$command"
	done
	rm -rf "$dir"
	[ "$status" -eq 0 ] || exit "$status"
	echo "$checks checks, $failures failures"
	[ "$failures" -eq 0 ] || exit 1
}
trap cleanup EXIT
# A program that ends early is a failure, not the end of the test.
trap : PIPE

pptctl() {
	"$BUILD/tools/pptctl" "$@"
}

pptsim() {
	"$BUILD/tools/pptsim" "$@"
}

skip() {
	echo "skipped: $*"
	exit 77
}

failed() {
	failures=$((failures + 1))
	echo "FAILED (line ${BASH_LINENO[1]}): $*"
}

expect() {
	local code=$1 pattern=$2 got
	shift 2
	checks=$((checks + 1))
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	if [ "$got" -ne "$code" ]; then
		failed "exit $got, not $code: $*"
		sed 's/^/    /' "$dir/err"
	elif [ -n "$pattern" ] && ! grep -Eq -- "$pattern" "$dir/err"; then
		failed "message is not like '$pattern': $*"
		sed 's/^/    /' "$dir/err"
	fi
}

refuse() {
	cp "$pool" "$dir/before"
	expect "$@"
	cmp -s "$pool" "$dir/before" || failed "the pool changed: ${*:3}"
}

check() {
	local what=$1
	shift
	checks=$((checks + 1))
	"$@" >"$dir/out" 2>"$dir/err" || {
		failed "$what: $*"
		sed 's/^/    /' "$dir/err"
	}
}

json() {
	local filter=$1
	shift
	checks=$((checks + 1))
	"$@" >"$dir/out" 2>"$dir/err"
	{ [ -s "$dir/out" ] && jq -e "$filter" "$dir/out" >/dev/null; } || {
		failed "not $filter: $*"
		sed 's/^/    /' "$dir/out" "$dir/err"
	}
}

# The output of the last command has such a line.
says() {
	checks=$((checks + 1))
	grep -Eq -- "$1" "$dir/out" || failed "output is not like '$1'"
}

# The output of the last command is JSON that fulfils the filter.
has() {
	checks=$((checks + 1))
	jq -e "$1" "$dir/out" >/dev/null || failed "output is not $1"
}

# The words offered for what is typed so far, the last being begun.
offers() {
	local wanted=$1 program=$2
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	"_$program"
	same "$wanted" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' ')"
}

# A fresh pool with an empty space s.
fresh() {
	rm -f "$pool"
	check "create" pptctl create "$pool" --size "${1:-4M}"
	check "space" pptctl space create "$pool" s
}

# The extents of space s, one a line: va pa len prot page_size.
extents() {
	pptctl dump "$pool" "${1:-s}" --json |
		jq -r '.extents[] | "\(.va) \(.pa) \(.len) \(.prot) \(.page_size)"'
}

same() {
	checks=$((checks + 1))
	[ "$1" = "$2" ] || failed "expected '$1', got '$2'"
}
