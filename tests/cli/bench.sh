#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# pptbench measures each row there is, to its end, and leaves no files.
. "$(dirname "$0")/lib.sh"

pptbench() {
	"$BUILD/bench/pptbench" "$@"
}

expect 16 "names nothing" pptbench --filter no_such_row
expect 16 "out of range" pptbench --runs 0
expect 1 "file exists" pptbench --filter bare_restart --pool "$(
	touch "$dir/taken.bare_restart"
	echo "$dir/taken"
)"
check "list" pptbench --list
# first_touch has 10^7 pages.
rows=$(awk '{ print $1 }' "$dir/out" | grep -Ev '_1e[678]$|^first_touch')

# A thousand pages are less than the smallest attach row has.
small='.results | map(select(.name | test("^attach_|^first_touch"))) | length == 0'
json "$small" pptbench --json --runs 1 --max-pages 1000
has '.schema == "pptable.bench/1" and .rounds == 1'
has '[.results[].median] | all(. > 0)'

json '[.results[] | .median // .skipped] | all' \
	pptbench --json --runs 1 --max-pages 1e5
same "$rows" "$(jq -r '.results[].name' "$dir/out")"

# What it is to be on is what it says.
json '.machine | .huge_pages == false and (.pool | startswith("/dev/shm/"))' \
	pptbench --json --runs 1 --filter bare_restart --small-pages
json ".machine | .huge_pages == false and .pool == \"$dir/here\"" \
	pptbench --json --runs 1 --filter bare_restart --pool "$dir/here"
check "no files are left" test -z "$(find "$dir" -name 'here*')"
