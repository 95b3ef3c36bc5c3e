#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What attach, dump and check say of damaged media: all that can be said.
. "$(dirname "$0")/lib.sh"

fresh 8M
check "space" pptctl space create "$pool" bravely-named
check "a" pptctl map "$pool" s 0x400000 alloc 64k
check "b" pptctl map "$pool" s 0x80000000 alloc 64k
check "c" pptctl map "$pool" s 0x7f0000000000 alloc 64k
check "d" pptctl map "$pool" bravely-named 0x400000 alloc 64k
base=$(($(pptctl info "$pool" | jq -r .phys_base)))
root=$(pptctl space list "$pool" | jq -r '.spaces[0].root_pa')
cp "$pool" "$dir/good"

flip() { # offset
	local was
	was=$(od -An -tu1 -j"$1" -N1 "$pool")
	printf '%b' "\\x$(printf %02x $((was ^ 6)))" |
		dd of="$pool" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

# The table that entry SLOT of the table at OFFSET names.
below() { # offset slot
	local entry
	entry=$(od -An -tu8 -j$(($1 + 8 * $2)) -N8 "$pool")
	echo $(((entry & 0xffffffffff000) - base))
}

# One table in the middle: what is behind it is there all the same.
flip $(($(below $(below $((root - base)) 0) 2) + 8 * 7))
expect 4 '1 ranges of SPACE .s. are behind damaged tables' \
	pptctl dump "$pool" s --json
has '(.extents | map(.va)) == ["0x400000", "0x7f0000000000"] and
	.faults == [{"va": "0x80000000", "len": 1073741824,
	"state": "damaged"}] and (has("error") | not)'
expect 4 '' pptctl dump "$pool" s --text
says '^0x0000000080000000  damaged +1073741824$'
says '^0x00007f0000000000 .* 65536 '
expect 4 '' pptctl attach "$pool"
has '.verdict == "degraded" and .tables_damaged == 1 and (.lost | length) == 1'

# A root: both halves of all that it maps.
for trust in touch full; do
	cp "$dir/good" "$pool"
	flip $((root - base + 8 * 100))
	expect 4 '' pptctl attach "$pool" --trust $trust
	has '.tables_damaged == 1 and (.lost | map({space, va, len})) ==
		[{"space": "s", "va": "0x0", "len": 140737488355328},
		{"space": "s", "va": "0xffff800000000000",
		"len": 140737488355328}]'
	expect 4 '' pptctl attach "$pool" --trust $trust --text
	says '^faults +s  0x0, 140737488355328 bytes: damaged$'
done

# The directory, and a name in it that would be a line of its own.
cp "$dir/good" "$pool"
name=$(grep -abo bravely-named "$pool" | tail -1 | cut -d: -f1)
printf 'x\nverdict \033[1m\302\233\340\200\233\303\244' |
	dd of="$pool" bs=1 seek="$name" conv=notrunc 2>/dev/null
page=$((name / 4096))
expect 4 "metadata page: differs from its descriptor \\(page $page\\)" \
	pptctl attach "$pool" --json
has '.verdict == "degraded" and (.error | length) > 0 and
	.error_name == "PPT_E_CORRUPT" and (.spaces | type) == "array"'
expect 4 '' pptctl attach "$pool" --text
says '^verdict +degraded'
other=$(pptctl space list "$dir/good" | jq -r '.spaces[1].root_pa')
flip $((other - base + 8 * 100))
expect 4 '' pptctl check "$pool" --text
says 'space x\\x0averdict \\x1b\[1m\\xc2\\x9b\\xe0\\x80\\x9bä '
same 1 "$(grep -c '^verdict' "$dir/out")"
same 0 "$(tr -d '\n' <"$dir/out" | grep -c '[[:cntrl:]]')"
expect 1 '' pptctl check "$pool" --repair
check "text" pptctl space list "$pool" --text
same 0 "$(tr -d '\n' <"$dir/out" | grep -c '[[:cntrl:]]')"
