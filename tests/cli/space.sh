#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# space create, list, rename, delete.
. "$(dirname "$0")/lib.sh"

check "create" pptctl create "$pool" --size 4M
check "a space" pptctl space create "$pool" one
check "five levels" pptctl space create "$pool" 'two "zwei"' --format x86_64-5
check "31 bytes" pptctl space create "$pool" 1234567890123456789012345678901
check "not ASCII" pptctl space create "$pool" käse
json '.schema == "pptable.space-list/1" and
	([.spaces[] | .name] | sort) == (["one", "two \"zwei\"",
		"1234567890123456789012345678901", "käse"] | sort) and
	([.spaces[] | select(.name == "one") | .format] == ["x86_64-4"]) and
	([.spaces[] | select(.format == "x86_64-5") | .name]
		== ["two \"zwei\""]) and
	all(.spaces[]; (.root_pa | startswith("0x1000")) and
		(.root_register | startswith("0x")))' \
	pptctl space list "$pool"
check "as text" pptctl space list "$pool" --text
same 5 "$(wc -l <"$dir/out")"

refuse 8 "NAME 'one': a space of this name exists in $pool" \
	pptctl space create "$pool" one
refuse 16 "NAME 'a/b': has a '/'" pptctl space create "$pool" a/b
refuse 16 "NAME '': empty" pptctl space create "$pool" ''
refuse 16 'longer than 31' \
	pptctl space create "$pool" 12345678901234567890123456789012
refuse 16 'control character' pptctl space create "$pool" $'a\tb'
refuse 16 'not UTF-8' pptctl space create "$pool" $'a\xff'
refuse 16 "--format 'sv39': none of" \
	pptctl space create "$pool" x --format sv39
refuse 8 "NAME 'x': no such space in $pool" pptctl space delete "$pool" x

refuse 8 "NAME 'x': no such space in $pool" pptctl space rename "$pool" x y
refuse 8 "NEW 'käse': a space of this name exists in $pool" \
	pptctl space rename "$pool" one käse
refuse 16 "NEW 'a/b': has a '/'" pptctl space rename "$pool" one a/b
check "rename" pptctl space rename "$pool" one other
json '[.spaces[].name] | index("other") and (index("one") | not)' \
	pptctl space list "$pool"
check "and back" pptctl space rename "$pool" other one

json '.pages.data == 0' pptctl info "$pool"
check "map" pptctl map "$pool" one 0x400000 alloc 1M
json '.pages.data == 256' pptctl info "$pool"
check "delete" pptctl space delete "$pool" one
json '.pages.data == 0 and ([.spaces[].name] | index("one") | not)' \
	pptctl info "$pool"
check "the name is free" pptctl space create "$pool" one
same "" "$(extents one)"
check "nothing left to do" pptctl reclaim "$pool"
check "checkpoint" pptctl checkpoint "$pool"
for name in one 'two "zwei"' 1234567890123456789012345678901 käse; do
	check "delete $name" pptctl space delete "$pool" "$name"
done
json '.spaces == [] and .pages.table == 0 and .pages.data == 0' \
	pptctl info "$pool"
