#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# import: the address space of a live process.
. "$(dirname "$0")/lib.sh"
check "create" pptctl create "$pool" --size 64M

sleep 300 &
target=$!
cleanups+=("kill -KILL $target 2>/dev/null; wait $target 2>/dev/null")
for ((i = 0; i < 500; i++)); do
	[ "$(cat /proc/$target/comm)" = sleep ] && grep -q '\[stack\]' \
		/proc/$target/maps && [ "$(cut -d' ' -f3 /proc/$target/stat)" \
		= S ] && break
	sleep 0.01
done

# Python reads /proc for itself: va pa prot of each present page that can be
# read, with PA 0 where it cannot be seen.
cat >"$dir/oracle.py" <<'END'
import struct
import sys

pid = sys.argv[1]
with open(f"/proc/{pid}/maps") as maps, \
        open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:
    for line in maps:
        span, rights = line.split()[:2]
        va, end = (int(x, 16) for x in span.split("-"))
        if rights[0] != "r":
            continue
        pagemap.seek(va // 4096 * 8)
        data = pagemap.read((end - va) // 4096 * 8)
        for i in range(len(data) // 8):
            word, = struct.unpack_from("<Q", data, i * 8)
            if word >> 63:
                print(hex(va + i * 4096),
                      hex((word & (1 << 55) - 1) * 4096),
                      rights[:3] + "u-")
END
pages() { # SPACE: as the oracle, from the dump
	pptctl dump "$pool" "$1" | python3 -c '
import json, sys
for e in json.load(sys.stdin)["extents"]:
    for off in range(0, e["len"], 4096):
        print(hex(int(e["va"], 16) + off), hex(int(e["pa"], 16) + off),
              e["prot"])'
}

python3 "$dir/oracle.py" $target >"$dir/want"
json '.schema == "pptable.import/1" and .pages > 50 and .tables >= 4 and
	.extents > 5 and .ns > 0 and .ns == .read_ns + .map_ns and
	.pid == '$target' and .mappings > 10 and .skipped.no_rights >= 0 and
	.skipped.absent > 0' pptctl import "$pool" live --pid $target
cp "$dir/out" "$dir/report"
pages live >"$dir/got"
same "$(jq .pages "$dir/report")" "$(wc -l <"$dir/got")"
same "$(jq .extents "$dir/report")" "$(extents live | wc -l)"

if [ "$(id -u)" -eq 0 ] && [ "$(jq -r .frames "$dir/report")" = real ]; then
	# All but what lies in no System RAM.
	same "$(wc -l <"$dir/want")" "$(jq '.pages + .skipped.outside' \
		"$dir/report")"
	grep -vxFf "$dir/want" "$dir/got" >"$dir/more" &&
		failed "not in the process: $(head -3 "$dir/more")"
	json '(.regions | map(select(.kind == "dram")) | length) > 0' \
		pptctl memory-map "$pool"
	same "$(jq .regions_recorded "$dir/report")" \
		"$(jq '.regions | map(select(.kind == "dram")) | length' \
		"$dir/out")"
	# A second time nothing is recorded, and the identities are the same.
	json '.regions_recorded == 0 and .frames == "real"' \
		pptctl import "$pool" again --pid $target --freeze
	same "$(pages live)" "$(pages again)"
	json '.pages > 0' pptctl import "$pool" five --pid $target \
		--format x86_64-5 --json
	same "$(pages live)" "$(pages five)"
	# Survives a restart with all of the DRAM moved.
	pptctl memory-map "$pool" | jq '.regions |= map(if .kind == "dram" and
		.base == "0x100000000" then .base = "0x4000000000" else . end)' \
		>"$dir/map"
	check "moved" pptctl attach "$pool" --memory-map "$dir/map" --dram-kept
	same "$(cut -d' ' -f1,3 "$dir/got")" "$(pages live | cut -d' ' -f1,3)"
	expect 8 'is recorded at 0x4000000000' \
		pptctl import "$pool" moved --pid $target
	pptctl memory-map "$pool" | jq '.regions |= map(if .base ==
		"0x4000000000" then .base = "0x100000000" else . end)' \
		>"$dir/map"
	check "moved back" pptctl attach "$pool" --memory-map "$dir/map" --dram-kept
	check "deleted" pptctl space delete "$pool" live
	check "deleted" pptctl space delete "$pool" again
	check "deleted" pptctl space delete "$pool" five
else
	echo "skipped: real frame numbers need root"
fi

# --freeze leaves the process as it was.
same S "$(cut -d' ' -f3 /proc/$target/stat)"
kill -STOP $target
for ((i = 0; i < 500; i++)); do
	[ "$(cut -d' ' -f3 /proc/$target/stat)" = T ] && break
	sleep 0.01
done
check "of a stopped process" pptctl import "$pool" stopped --pid $target --freeze
same T "$(cut -d' ' -f3 /proc/$target/stat)"
kill -CONT $target

# A space that exists must be empty, or is replaced.
refuse 16 "SPACE 'stopped': not empty" pptctl import "$pool" stopped \
	--pid $target
refuse 16 "--format 'x86_64-5': the space exists" \
	pptctl import "$pool" stopped --pid $target --format x86_64-5 --replace
pages stopped >"$dir/then"
check "replace" pptctl import "$pool" stopped --pid $target --replace --text
says 'process '$target
same "$(cut -d' ' -f1 "$dir/then")" "$(pages stopped | cut -d' ' -f1)"
check "an empty space" pptctl space create "$pool" empty
check "an empty space" pptctl import "$pool" empty --pid $target

refuse 16 "--pid '0': not a process" pptctl import "$pool" x --pid 0
refuse 16 "--pid '-1': negative" pptctl import "$pool" x --pid -1
refuse 16 "--pid 'init': not a number" pptctl import "$pool" x --pid init
refuse 16 "--pid '4294967297': not a process" \
	pptctl import "$pool" x --pid 4294967297
refuse 8 "--pid '4194305': no such process" \
	pptctl import "$pool" x --pid 4194305
refuse 16 "SPACE 'a/b': has a '/'" pptctl import "$pool" a/b --pid $target

# Too small for it: nothing of it is left.
small=$pool
pool=$dir/small
check "a small pool" pptctl create "$pool" --size 1M --journal 64k
check "nearly full" pptctl space create "$pool" full
for ((i = 0; i < 400; i++)); do
	pptctl map "$pool" full $((i << 12)) alloc 4k 2>/dev/null || break
done
pptctl info "$pool" | jq -c '[.regions, .spaces, .pages]' >"$dir/then"
expect 8 'no free page' pptctl import "$pool" x --pid $target
same "$(cat "$dir/then")" \
	"$(pptctl info "$pool" | jq -c '[.regions, .spaces, .pages]')"
pool=$small

# Without the right to see frame numbers.
if [ "$(id -u)" -eq 0 ]; then
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	cp "$BUILD/tools/pptctl" "$dir/pptctl"
	chmod 755 "$dir"
	mkdir -m 777 "$dir/open"
	if "${nobody[@]}" "$dir/pptctl" --version >/dev/null 2>&1; then
		"${nobody[@]}" sleep 300 &
		other=$!
		cleanups+=("kill -KILL $other 2>/dev/null; wait $other \
			2>/dev/null")
		for ((i = 0; i < 500; i++)); do
			[ "$(cat /proc/$other/comm)" = sleep ] && break
			sleep 0.01
		done
		sleep 0.1
		pool=$dir/open/pool
		check "create" "${nobody[@]}" "$dir/pptctl" create "$pool" \
			--size 64M
		expect 0 'no right to see page frame numbers' "${nobody[@]}" \
			"$dir/pptctl" import "$pool" s --pid $other
		same pool "$(jq -r .frames "$dir/out")"
		same "$(jq .pages "$dir/out")" \
			"$(pptctl info "$pool" | jq .pages.data)"
		refuse 8 "--pid '$target': cannot read" "${nobody[@]}" \
			"$dir/pptctl" import "$pool" x --pid $target
	fi
fi
