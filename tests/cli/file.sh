#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Files that are no pool, of another version, cut, locked, full, not writable.
. "$(dirname "$0")/lib.sh"

# Each kind of command, on a file that must be refused and named.
every() {
	local pattern=$1 file=$2 keep=$pool
	pool=$file
	shift 2
	refuse 8 "$file: $pattern" pptctl info "$file"
	refuse 8 "$file: $pattern" pptctl space list "$file"
	refuse 8 "$file: $pattern" pptctl dump "$file" s
	refuse 8 "$file: $pattern" pptctl map "$file" s 0 alloc 4k
	refuse 8 "$file: $pattern" pptctl checkpoint "$file"
	refuse 8 "$file: $pattern" pptctl memory-map "$file"
	refuse 8 "$file: $pattern" pptctl attach "$file" --json
	jq -e '.verdict == "refused" and .schema == "pptable.attach/1" and
		.spaces == [] and (.error | length) > 0' "$dir/out" \
		>/dev/null || failed "attach does not say refused: $file"
	for option in --json --repair; do
		pptctl check "$file" --json $option >"$dir/out" 2>/dev/null
		has '.verdict == "refused" and .schema == "pptable.check/1"'
	done
	pool=$keep
}

# Nothing to check: one object says so, as attach does.
unopened() { # pattern file
	local command
	for command in attach check "check --repair"; do
		# shellcheck disable=SC2086
		expect 8 "$2: $1" pptctl $command "$2" --json
		has '.verdict == "refused" and (.error | length) > 0 and
			(.error_name | startswith("PPT_E_"))'
		# shellcheck disable=SC2086
		expect 8 "$2: $1" pptctl $command "$2" --text
		says '^verdict +refused$'
	done
}

fresh
check "map" pptctl map "$pool" s 0x400000 alloc 64k

expect 8 "$dir/none: .*No such file" pptctl info "$dir/none"
expect 8 "$dir/none: .*No such file" pptctl map "$dir/none" s 0 alloc 4k
unopened '.*No such file' "$dir/none"
unopened '.*directory' "$dir"
expect 8 "$dir: .*directory" pptctl info "$dir"
expect 8 "$dir: .*directory" pptctl checkpoint "$dir"
mkfifo "$dir/fifo"
expect 8 'fifo: not a file or DAX device' pptctl info "$dir/fifo"
expect 8 'null: not a file or DAX device' pptctl checkpoint /dev/null

: >"$dir/empty"
unopened empty "$dir/empty"
every empty "$dir/empty"
head -c 4M /dev/zero >"$dir/zeros"
every '.*not a pptable pool|.*magic' "$dir/zeros"
head -c 4M /dev/zero | tr '\0' '\377' >"$dir/ones"
every '.*not a pptable pool|.*magic' "$dir/ones"
cp "$BUILD/tools/pptctl" "$dir/elf"
every '.*not a pptable pool|.*magic' "$dir/elf"
printf 'short' >"$dir/short"
every '' "$dir/short"

# Truncated: at a page, within one, within the superblocks.
for size in 2M 4190209 8192 4096 100; do
	cp "$pool" "$dir/cut"
	truncate -s "$size" "$dir/cut"
	every '' "$dir/cut"
done
cp "$pool" "$dir/long"
truncate -s 8M "$dir/long"
every '.*larger than the pool' "$dir/long"

# The writer in the background has the pool open and did its first line.
acknowledged() {
	local i
	for ((i = 0; i < 1000; i++)); do
		[ -s "$dir/acks" ] && return
		sleep 0.01
	done
	failed "the writer does not get on"
}

# Cut off under a running writer: an error, not a death.
cp "$pool" "$dir/live"
mkfifo "$dir/feed"
pptctl apply "$dir/live" s - --ack <"$dir/feed" >"$dir/acks" 2>"$dir/err" &
writer=$!
exec 7>"$dir/feed"
echo 'map 0x800000 alloc 4k' >&7
acknowledged
same 1 "$(cat "$dir/acks")"
truncate -s 8192 "$dir/live"
echo 'map 0x900000 alloc 4k' >&7
exec 7>&-
wait "$writer"
same 8 $?
grep -q "live: .*at offset 0x" "$dir/err" ||
	failed "file and place are not named: $(cat "$dir/err")"

# Locked: one writer, or readers.
: >"$dir/acks"
pptctl apply "$pool" s - --ack <"$dir/feed" >"$dir/acks" 2>&1 &
writer=$!
exec 7>"$dir/feed"
echo 'map 0x800000 alloc 4k' >&7
acknowledged
expect 8 "$pool: .*(has it open|open elsewhere)" \
	pptctl map "$pool" s 0xa00000 alloc 4k
expect 8 "$pool: .*(has it open|open elsewhere)" pptctl info "$pool"
expect 8 "$pool: .*(has it open|open elsewhere)" \
	pptctl create "$pool" --size 4M --force
echo 'map 0x900000 alloc 4k' >&7
exec 7>&-
wait "$writer"
same 0 $?
same 3 "$(extents | wc -l)"
flock -s "$pool" -c "'$BUILD/tools/pptctl' info '$pool'" >/dev/null ||
	failed "a second reader is refused"
expect 8 "$pool: .*(has it open|open elsewhere)" \
	flock -s "$pool" "$BUILD/tools/pptctl" checkpoint "$pool"

# Another version, and both superblocks damaged.  Magic is 8 bytes; what comes
# after it is the version.
cp "$pool" "$dir/version"
for page in 0 1; do
	printf '\377\377' | dd of="$dir/version" bs=1 \
		seek=$((page * 4096 + 8)) conv=notrunc status=none
	printf '\377\377' | dd of="$dir/version" bs=1 \
		seek=$((page * 4096 + 10)) conv=notrunc status=none
done
every '.*version' "$dir/version"
cp "$pool" "$dir/damaged"
for page in 0 1; do
	printf 'XXXX' | dd of="$dir/damaged" bs=1 \
		seek=$((page * 4096 + 64)) conv=notrunc status=none
done
every '.*damaged|.*checksum' "$dir/damaged"

# One superblock damaged: the other is used and nothing is lost.
extents >"$dir/then"
for page in 0 1; do
	cp "$pool" "$dir/half"
	printf 'XXXX' | dd of="$dir/half" bs=1 \
		seek=$((page * 4096 + 64)) conv=notrunc status=none
	check "dump" pptctl dump "$dir/half" s
	same "$(cat "$dir/then")" "$(jq -r '.extents[] |
		"\(.va) \(.pa) \(.len) \(.prot) \(.page_size)"' "$dir/out")"
done

# Read-only for this user.  Root may write anywhere, so be somebody else.
if [ "$(id -u)" -eq 0 ]; then
	run_as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
	run_as=()
fi
chmod 755 "$dir"
cp "$pool" "$dir/readonly"
chmod 444 "$dir/readonly"
pool=$dir/readonly
# A build folder that only root can enter is no use to others.
cp "$BUILD/tools/pptctl" "$dir/pptctl"
if "${run_as[@]}" "$dir/pptctl" --version >/dev/null 2>&1; then
	refuse 8 'readonly: cannot open for writing: Permission denied' \
		"${run_as[@]}" "$dir/pptctl" map "$pool" s 0 alloc 4k
	refuse 0 '' "${run_as[@]}" "$dir/pptctl" dump "$pool" s
	refuse 0 '' "${run_as[@]}" "$dir/pptctl" info "$pool"
	chmod 000 "$pool"
	refuse 8 'readonly: cannot open for reading: Permission denied' \
		"${run_as[@]}" "$dir/pptctl" info "$pool"
	expect 8 'mine: cannot create: Permission denied' \
		"${run_as[@]}" "$dir/pptctl" create "$dir/mine" --size 4M
fi
