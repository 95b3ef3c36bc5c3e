#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A full disk: the pool is not made, nothing is left, what was there stays.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "mounting a small file system needs root"
mkdir "$dir/small"
mount -t tmpfs -o size=8m pptctl-test "$dir/small" 2>/dev/null ||
	skip "cannot mount a tmpfs here"
cleanups+=('umount "$dir/small"')

expect 8 "$dir/small/p: cannot allocate its size: No space left" \
	pptctl create "$dir/small/p" --size 16M
same "" "$(ls -A "$dir/small")"
pool=$dir/small/p
fresh 6M
check "map" pptctl map "$pool" s 0 alloc 64k
cp "$pool" "$dir/before"
expect 8 'No space left' pptctl create "$pool" --size 6M --force
check "what was there stays" cmp "$pool" "$dir/before"
same p "$(ls -A "$dir/small")"

# A sparse pool on a disk that fills up later: an error, not a death.
rm "$pool"
check "create sparse" pptctl create "$pool" --size 64M --sparse
check "space" pptctl space create "$pool" s
expect 8 "$pool: .*(poisoned or cut off)" \
	pptctl map "$pool" s 0x400000 alloc 32M
same "p" "$(ls -A "$dir/small")"

# What is to be replaced was told before there was no room for it.
rm "$pool"
check "create sparse" pptctl create "$pool" --size 64M --sparse --region \
	uuid=11111111-2222-4333-8444-555555555555,kind=pmem,base=4G,len=4G
check "space" pptctl space create "$pool" s
check "map" pptctl map "$pool" s 0x400000 4G 32M --page-size 4k
pptctl memory-map "$pool" | jq '.regions |= .[0:1]' >"$dir/map"
expect 12 'the file system is full' \
	pptctl attach "$pool" --memory-map "$dir/map" --lost replace --json
has '.verdict == "degraded" and (.lost | map({va, len, action})) ==
	[{"va": "0x400000", "len": 33554432, "action": "replace"}]'
