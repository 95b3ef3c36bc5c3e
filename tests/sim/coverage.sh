#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Coverage does not shrink silently: single operations under every model, and
# how many crash points, recoveries and outcomes that takes, against what is
# written in coverage.golden.  Of recoveries a tenth less may do: a word that is
# no longer written need not be enumerated.
#
# usage: coverage.sh [--update]
set -euo pipefail

golden=$SOURCE/tests/sim/coverage.golden
status=0

count() { # MODEL FLAGS…
	local model=$1
	shift
	"$BUILD/tools/pptsim" explore --ops 1 --model "$model" "$@" --json \
		--progress never |
		jq -r --arg name "$model${*:+ $*}" \
			'[$name, .workloads, .crash_points, .outcomes,
			  .recoveries, .violations] | @tsv'
}

now=$(
	count m0 --depth 1
	count m1 --depth 1
	count m2 --depth 1
	count m2 --depth 1 --mmu
	count m2 --depth 2 --sample 20
	count m3 --depth 1
)
if [ "${1:-}" = --update ]; then
	printf '%s\n' "$now" >"$golden"
	exit
fi
while IFS=$'\t' read -r name workloads points outcomes recoveries violations; do
	was=$(grep "^$name"$'\t' "$golden") || {
		printf '%s: not in %s\n' "$name" "$golden" >&2
		exit 1
	}
	IFS=$'\t' read -r _ w p o r _ <<<"$was"
	printf '%-22s %8s workloads %8s points %8s outcomes %9s recoveries\n' \
		"$name" "$workloads" "$points" "$outcomes" "$recoveries"
	if [ "$workloads" -lt "$w" ] || [ "$points" -lt "$p" ] ||
		[ "$outcomes" -lt "$o" ] ||
		[ $((recoveries * 10)) -lt $((r * 9)) ]; then
		printf '%s: less than the golden %s %s %s %s\n' \
			"$name" "$w" "$p" "$o" "$r" >&2
		status=1
	fi
	if [ "$violations" != 0 ]; then
		printf '%s: %s violations\n' "$name" "$violations" >&2
		status=1
	fi
done <<<"$now"
exit $status
