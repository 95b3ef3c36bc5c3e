#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# check --repair: dry run, backup, actions, exit codes, a second run.
. "$(dirname "$0")/lib.sh"

u1=11111111-2222-4333-8444-555555555555
check "create" pptctl create "$pool" --size 8M --phys-base 1T \
	--region "uuid=$u1,kind=dram,base=4G,len=4G"
check "space" pptctl space create "$pool" s
check "space" pptctl space create "$pool" t --format x86_64-5
check "map" pptctl map "$pool" s 0x400000 alloc 1M
check "map" pptctl map "$pool" s 0x40000000 0x120000000 4M --prot rwxu
check "map" pptctl map "$pool" t 0x4000000000 0x140000000 1G --prot rwg
check "checkpoint" pptctl checkpoint "$pool"
cp "$pool" "$dir/good"
pptctl dump "$pool" s >"$dir/s"
pptctl dump "$pool" t >"$dir/t"

# Nothing to do: nothing is written, no backup made.
json '.verdict == "clean" and .actions == [] and .problems == []' \
	pptctl check "$pool" --repair --backup "$dir/backup"
same no "$([ -e "$dir/backup" ] && echo yes || echo no)"
cmp "$pool" "$dir/good" || failed "a clean pool is written to"

# A table is lost: a dry run says what repair does, and writes nothing.
root=$(pptctl space list "$pool" | jq -r '.spaces[0].root_pa')
page=$(((root - (1 << 40)) / 4096))
dd if=/dev/zero of="$pool" bs=4096 seek=$page count=1 conv=notrunc 2>/dev/null
cp "$pool" "$dir/bad"
refuse 4 '' pptctl check "$pool" --repair --dry-run
cmp "$pool" "$dir/bad" || failed "a dry run writes"
jq -c '.actions' "$dir/out" >"$dir/dry"
jq -e '.verdict == "repaired" and .dry_run and
	([.actions[] | select(.lossy)] | length) == 1 and
	.actions[0].code == "space-emptied" and
	.actions[0].where.space == "s" and .left == []' "$dir/out" >/dev/null ||
	failed "a dry run says something else"
expect 1 '' pptctl check "$pool" --repair --backup "$dir/backup" --json
jq -c '.actions' "$dir/out" | cmp - "$dir/dry" || failed "the runs differ"
cmp "$dir/backup" "$dir/bad" || failed "the backup is no copy"
check "repaired" pptctl check "$pool"
json '.actions == []' pptctl check "$pool" --repair
same '[]' "$(pptctl dump "$pool" s | jq -c .extents)"
pptctl dump "$pool" t | jq .extents | cmp - <(jq .extents "$dir/t") ||
	failed "the other space has changed"

# A backup is never written over.
cp "$dir/bad" "$pool"
refuse 8 "--backup '$dir/backup': .*File exists" pptctl check "$pool" --repair --backup "$dir/backup"
cmp "$pool" "$dir/bad" || failed "written to without a backup"

# Text; a superblock; one flipped bit.
cp "$dir/good" "$pool"
dd if=/dev/zero of="$pool" bs=4096 count=1 conv=notrunc 2>/dev/null
printf '\1' | dd of="$pool" bs=1 seek=$((page * 4096 + 3000)) \
	conv=notrunc 2>/dev/null
expect 1 '' pptctl check "$pool" --repair --text
says '^did +superblock-written: page 0'
says '^did +table-corrected: page '"$page"' space s'
says '^verdict +repaired: [0-9]+ problems before, 0 left$'
pptctl dump "$pool" s | jq .extents | cmp - <(jq .extents "$dir/s") ||
	failed "a flipped bit costs something"

# A policy is made true.
expect 1 '' pptctl check "$pool" --repair --policy wx
check "policy" pptctl check "$pool" --policy wx
same rwu "$(pptctl dump "$pool" s | jq -r '.extents[-1].prot' | tr -d -)"

# A reclaim list that is damaged is quarantined: the rest works.
cp "$dir/good" "$pool"
page=$(($(pptctl info "$pool" | jq .pages.fixed) + 1))
printf xyz | dd of="$pool" bs=1 seek=$((page * 4096 + 100)) conv=notrunc 2>/dev/null
expect 4 '' pptctl attach "$pool"
has '.verdict == "degraded" and .reclaim_damaged'
expect 4 '' pptctl attach "$pool" --text
says '^damaged +the reclaim list'
pptctl dump "$pool" s | jq .extents | cmp - <(jq .extents "$dir/s") ||
	failed "a damaged reclaim list costs something"
expect 4 'reclaim list' pptctl space delete "$pool" s
expect 4 'reclaim list' pptctl reclaim "$pool"
va=$(jq -r '.extents[0].va' "$dir/s")
expect 0 'reclaim list: damaged: freed pages wait' pptctl unmap "$pool" s "$va" 4K
expect 1 '' pptctl translate "$pool" s "$va"
expect 1 '' pptctl check "$pool" --repair
json '.verdict == "clean" and .reclaim_damaged == false' pptctl attach "$pool"

# What cannot be repaired is left alone.
cp "$dir/good" "$pool"
dd if=/dev/zero of="$pool" bs=4096 count=2 conv=notrunc 2>/dev/null
cp "$pool" "$dir/bad"
refuse 8 'not a pptable pool' pptctl check "$pool" --repair
cmp "$pool" "$dir/bad" || failed "what is no pool is written to"
printf x | dd of="$dir/good" bs=1 seek=200 conv=notrunc 2>/dev/null
printf x | dd of="$dir/good" bs=1 seek=4300 conv=notrunc 2>/dev/null
cp "$dir/good" "$pool"
refuse 4 '' pptctl check "$pool" --repair
same refused "$(jq -r .verdict "$dir/out")"

expect 16 'go with --repair' pptctl check "$pool" --dry-run
expect 16 'go with --repair' pptctl check "$pool" --backup x
