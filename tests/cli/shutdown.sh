#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# shutdown: the unsafe-shutdown count of a device, which is made up.
. "$(dirname "$0")/lib.sh"

pptctl() {
	PPT_TEST_SYSFS=$dir/sys "$BUILD/tests/pptctl-sysfs" "$@"
}

# The device that $dir is on is one NVDIMM with this count.
count() {
	echo "$1" >"$bus/nmem0/nfit/dirty_shutdown"
}
bus=$dir/sys/devices/ndbus0
mkdir -p "$bus/region0/pmem0" "$bus/nmem0/nfit" "$dir/sys/dev/block"
echo 1 >"$bus/region0/mappings"
echo nmem0,0,1073741824,0 >"$bus/region0/mapping0"
echo 8089-a2-1838-00001234 >"$bus/nmem0/nfit/id"

# Without a count nothing is said.
fresh
json '.shutdown == "none" and .shutdown_left == false' pptctl attach "$pool"
json '.shutdown == "none"' pptctl check "$pool"

number=$(stat -c %d "$dir")
ln -s ../../devices/ndbus0/region0/pmem0 \
	"$dir/sys/dev/block/$((number >> 8 & 0xfff)):$((number & 0xff))"
count 3
check "attach" pptctl attach "$pool" --text
says '^shutdown +UNKNOWN: no valid record'
says '^ +everything was validated and nothing is wrong'
json '.shutdown == "safe" and .trust == "touch"' pptctl attach "$pool"
json '.shutdown == "safe"' pptctl info "$pool"
json '.shutdown == "safe"' pptctl check "$pool"
check "map" pptctl map "$pool" s 0x400000 alloc 1M
fresh
json '.shutdown == "safe"' pptctl attach "$pool"

# A writer that dies, and power that fails, too.
killed() {
	local fifo=$dir/fifo$RANDOM
	mkfifo "$fifo"
	rm -f "$dir/ack"
	PPT_TEST_SYSFS=$dir/sys "$BUILD/tests/pptctl-sysfs" apply "$pool" s - \
		--ack <"$fifo" >"$dir/ack" &
	local writer=$!
	disown
	exec 3>"$fifo"
	echo "map $1 alloc 16K" >&3
	for ((i = 0; i < 500; i++)); do
		[ -s "$dir/ack" ] && break
		sleep 0.01
	done
	kill -9 $writer
	exec 3>&-
	for ((i = 0; i < 500; i++)); do
		kill -0 $writer 2>/dev/null || break
		sleep 0.01
	done
}
killed 0x400000
json '.shutdown == "safe"' pptctl check "$pool"
json '.shutdown == "safe" and .trust == "touch"' pptctl attach "$pool"
killed 0x800000
count 4
cp "$pool" "$dir/unsafe"
json '.shutdown == "unsafe" and .verdict == "clean" and
	.problems[0].code == "shutdown-unsafe" and .counts.note == 1' \
	pptctl check "$pool"
refuse 0 'unsafe: what was flushed .* may not have arrived' \
	pptctl info "$pool"
check "info" pptctl info "$pool" --text
says '^shutdown +UNSAFE: what was flushed before power was lost'
says 'stays marked until'
json '.shutdown == "unsafe" and .shutdown_left == false and
	.trust == "full"' pptctl attach "$pool" --trust none
json '.shutdown == "safe" and .trust == "none"' \
	pptctl attach "$pool" --trust none
refuse 0 '' pptctl info "$pool"
same '' "$(cat "$dir/err")"

# A repair clears it, one that pretends does not.
cp "$dir/unsafe" "$pool"
refuse 4 '' pptctl check "$pool" --repair --dry-run
expect 1 '' pptctl check "$pool" --repair
has '.verdict == "repaired" and .left == [] and .shutdown == "unsafe"'
expect 0 '' pptctl check "$pool" --repair
json '.shutdown == "safe"' pptctl attach "$pool"

# Damage keeps it: a word of a root table.
cp "$dir/unsafe" "$pool"
root=$(pptctl space list "$pool" 2>/dev/null | jq -r '.spaces[0].root_pa')
base=$(pptctl info "$pool" 2>/dev/null | jq -r '.phys_base')
printf '\001' | dd of="$pool" bs=1 seek=$((root - base + 4000)) conv=notrunc \
	status=none
for _ in 1 2; do
	expect 4 '' pptctl attach "$pool"
	has '.shutdown == "unsafe" and .shutdown_left and
		.verdict == "degraded"'
done
expect 1 '' pptctl check "$pool" --repair
json '.shutdown == "safe" and .verdict == "clean"' pptctl attach "$pool"
