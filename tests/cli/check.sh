#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# check: clean and damaged pools, policies, memory maps, output, exit codes.
. "$(dirname "$0")/lib.sh"

u1=11111111-2222-4333-8444-555555555555
check "create" pptctl create "$pool" --size 8M --phys-base 1T \
	--region "uuid=$u1,kind=dram,base=4G,len=4G"
check "space" pptctl space create "$pool" s
check "space" pptctl space create "$pool" t --format x86_64-5
check "map" pptctl map "$pool" s 0x400000 alloc 1M
check "map" pptctl map "$pool" s 0x40000000 0x120000000 4M --prot rwxu
check "map" pptctl map "$pool" t 0x4000000000 0x140000000 1G --prot rwg

clean() {
	json '.schema == "pptable.check/1" and .verdict == "clean" and
		.problems == [] and .tables > 5 and .entries > 256 and
		.counts == {"fatal": 0, "major": 0, "minor": 0, "note": 0}' \
		pptctl check "$pool" "$@"
	refuse 0 '' pptctl check "$pool" "$@"
}
clean
clean --json --policy pa-bits=52
pptctl memory-map "$pool" >"$dir/map"
clean --memory-map "$dir/map"
check "text" pptctl check "$pool" --text
says '^verdict +clean: 0 fatal, 0 major, 0 minor, 0 notes$'
says '^checked +[0-9]+ tables with [0-9]+ entries'

# What is in the journal counts, and nothing is written.
pptctl checkpoint "$pool"
mkfifo "$dir/fifo"
"$BUILD/tools/pptctl" apply "$pool" s - --ack <"$dir/fifo" >"$dir/ack" &
writer=$!
disown
exec 3>"$dir/fifo"
echo 'map 0x90000000 alloc 16K' >&3
for ((i = 0; i < 500; i++)); do
	[ -s "$dir/ack" ] && break
	sleep 0.01
done
refuse 8 'writer has it open' pptctl check "$pool"
kill -9 $writer
exec 3>&-
for ((i = 0; i < 500; i++)); do
	kill -0 $writer 2>/dev/null || break
	sleep 0.01
done
clean
same 0 "$(pptctl check "$pool" | jq 'if .records_to_replay > 0 then 0 else 1 end')"

# Policies.
refuse 4 '' pptctl check "$pool" --policy wx
jq -e '.verdict == "damaged" and (.problems | length) == 1 and
	(.problems[0] | .code == "policy-wx" and .severity == "major" and
		.where.space == "s" and .where.va == "0x40000000" and
		.count == 2 and (.message | length) > 0 and
		(.repair | length) > 0)' "$dir/out" >/dev/null ||
	failed "wx is not reported"
refuse 4 '' pptctl check "$pool" --policy wx,user,supervisor
same 'policy-supervisor policy-wx' \
	"$(jq -r '.problems[].code' "$dir/out" | sort -u | paste -sd' ')"
refuse 4 '' pptctl check "$pool" --policy pa-bits=32
same entry-width "$(jq -r '.problems[].code' "$dir/out" | sort -u)"
expect 16 "--policy 'x': none of" pptctl check "$pool" --policy x
expect 16 "--policy 'wx,': none of" pptctl check "$pool" --policy wx,
expect 16 "pa-bits is not" pptctl check "$pool" --policy pa-bits=53
expect 16 "--progress 'x': none of" pptctl check "$pool" --progress x

# Progress is shown where it is wanted only.
check "progress" pptctl check "$pool" --progress always
grep -Eq '^([0-9]+) of \1 stretches of 2 MiB checked, ' "$dir/err" ||
	failed "no progress"
check "no progress" pptctl check "$pool" --progress never
same '' "$(cat "$dir/err")"
check "nor without a terminal" pptctl check "$pool"
same '' "$(cat "$dir/err")"

# Memory that is gone, and memory that has moved badly.
jq '(.regions[] | select(.uuid == "'$u1'")).len = 4096' "$dir/map" >"$dir/m"
refuse 4 '' pptctl check "$pool" --memory-map "$dir/m"
same leaf-lost "$(jq -r '.problems[].code' "$dir/out" | sort -u)"
same damaged "$(jq -r .verdict "$dir/out")"
jq '(.regions[] | select(.uuid == "'$u1'")).kind = "device"' "$dir/map" >"$dir/m"
refuse 8 'not in the memory map' pptctl check "$pool" --memory-map "$dir/m"
same memory-map "$(jq -r '.problems[].code' "$dir/out" | sort -u)"
has '.problems[0].message | test("another kind")'
misfit() { # message filter
	jq "$2" "$dir/map" >"$dir/m"
	refuse 8 '' pptctl check "$pool" --memory-map "$dir/m" --json
	has '(.problems | length) == 1 and .problems[0].code == "memory-map"'
	has '.problems[0].message | test("'"$1"'")'
}
misfit "pool's region is not in it" '.regions |= map(select(.kind != "pool"))'
misfit "pool's region .*another length" '.regions[0].len = 4096'
misfit overlaps '(.regions[] | select(.uuid == "'$u1'")).base =
	.regions[0].base'
misfit 'memory map already' '.regions += [.regions[1] | .base = "0x0"]'
jq '(.regions[] | select(.uuid == "'$u1'")).kind = "device"' "$dir/map" >"$dir/m"
refuse 8 'not in the memory map' pptctl check "$pool" --memory-map "$dir/m"
same refused "$(jq -r .verdict "$dir/out")"
jq '(.regions[] | select(.uuid == "'$u1'")).base = "0x100001000"' \
	"$dir/map" >"$dir/m"
refuse 0 '' pptctl check "$pool" --memory-map "$dir/m"
same leaf-moved "$(jq -r '.problems[].code' "$dir/out" | sort -u)"

# Damage.
check "checkpoint" pptctl checkpoint "$pool"
cp "$pool" "$dir/good"
byte() { # offset: another value
	local was
	was=$(od -An -tu1 -j"$1" -N1 "$pool")
	printf '%b' "\\x$(printf %02x $((was ^ 255)))" |
		dd of="$pool" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
byte 100
refuse 4 '' pptctl check "$pool" --json
jq -e '.verdict == "damaged" and .problems[0].code == "superblock-copy" and
	.problems[0].where == {"page": 0}' "$dir/out" >/dev/null ||
	failed "a superblock that is damaged is not reported"
byte 4196
refuse 4 '' pptctl check "$pool"
jq -e '.verdict == "refused" and .problems[0].code == "superblock-both"' \
	"$dir/out" >/dev/null || failed "two superblocks are not reported"
cp "$dir/good" "$pool"
root=$(pptctl space list "$pool" | jq -r '.spaces[0].root_pa')
byte $((root - (1 << 40) + 8 * 100 + 1))
refuse 4 '' pptctl check "$pool"
same 'entry-bad table-checksum table-live' \
	"$(jq -r '.problems[].code' "$dir/out" | sort -u | paste -sd' ')"
expect 4 '' pptctl check "$pool" --text
says '^major table-checksum: page [0-9]+ space s va 0x0-0x'
says '^ +repair: '

# What is no pool.
refuse_file() {
	expect 8 "$1" pptctl check "$dir/file"
}
head -c 65536 /dev/zero >"$dir/file"
refuse_file 'not a pptable pool'
jq -e '.verdict == "refused" and .problems[0].code == "superblock-magic"' \
	"$dir/out" >/dev/null || failed "no pool is not reported"
: >"$dir/file"
refuse_file 'empty'
head -c 5000 "$dir/good" >"$dir/file"
refuse_file 'size of the media'
head -c 4194304 "$dir/good" >"$dir/file"
refuse_file 'size of the media'
has '.problems[0] | .code == "media-size" and .found == "0x400000"'
cat "$dir/good" "$dir/good" >"$dir/file"
refuse_file 'size of the media'
expect 8 'No such file' pptctl check "$dir/none"
expect 16 'POOL is missing' pptctl check
