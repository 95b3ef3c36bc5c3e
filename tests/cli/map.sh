#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# map, unmap, protect, translate, dump: semantics in the manner of mmap.
. "$(dirname "$0")/lib.sh"

u1=11111111-2222-4333-8444-555555555555
check "create" pptctl create "$pool" --size 16M --phys-base 1T \
	--region "uuid=$u1,kind=dram,base=4G,len=4G"
check "space" pptctl space create "$pool" s
check "space" pptctl space create "$pool" five --format x86_64-5

check "caller's frames" pptctl map "$pool" s 0x400000 0x100000000 8k --prot xr
same "0x400000 0x100000000 8192 r-x-- 4096" "$(extents)"
check "next to it" pptctl map "$pool" s 0x402000 0x100002000 4k --prot rx
same "0x400000 0x100000000 12288 r-x-- 4096" "$(extents)"
check "large leaves" pptctl map "$pool" s 0x40000000 0x140000000 0x40200000 \
	--prot rwu
same "0x40000000 0x140000000 1073741824 rw-u- 1073741824
0x80000000 0x180000000 2097152 rw-u- 2097152" "$(extents | tail -2)"
check "split by unmap" pptctl unmap "$pool" s 0x40001000 4k
check "split by protect" pptctl protect "$pool" s 0x80001000 4k --prot r
same 0x40000000,0x40002000,0x40200000,0x80000000,0x80001000,0x80002000 \
	"$(extents | tail -n +2 | cut -d' ' -f1 | paste -sd,)"
check "the upper half, global" pptctl map "$pool" s 0xffffffff80000000 \
	0x100000000 2M --prot rwxug --page-size 2m
same "0xffffffff80000000 0x100000000 2097152 rwxug 2097152" \
	"$(extents | tail -1)"
check "the last page" pptctl map "$pool" s 0xfffffffffffff000 \
	0x100000000 4k --prot r
check "57 bits" pptctl map "$pool" five 0x00ffffffffe00000 0x100000000 2M
same "0xffffffffe00000 0x100000000 2097152 rw-u- 2097152" "$(extents five)"

check "frames of the pool" pptctl map "$pool" s 0x10000000 alloc 64k --prot urw
json '[.translations[] | [.va, .mapped, .prot, .page_size]] ==
	[["0x10000123", true, "rw-u-", 4096], ["0x400fff", true, "r-x--", 4096]]
	and .schema == "pptable.translate/1" and .space == "s"
	and .translations[1].pa == "0x100000fff"' \
	pptctl translate "$pool" s 0x10000123 0x400fff
expect 1 "VA '0x5000': not mapped" pptctl translate "$pool" s 0x5000 0x400000
same '[false,true]' "$(jq -c '[.translations[].mapped]' "$dir/out")"
check "as text" pptctl translate "$pool" s 0x400000 --text
same "0x400000  0x100000000  r-x--  4096" "$(cat "$dir/out")"
check "dump as text" pptctl dump "$pool" s --text
same VA "$(head -1 "$dir/out" | cut -d' ' -f1)"
json '.schema == "pptable.dump/1" and .space == "s" and .format == "x86_64-4"
	and (.extents | map(.va | ltrimstr("0x") | length) | . == sort)' \
	pptctl dump "$pool" s

# As mmap does.
refuse 16 "VA '0x401000': .*mapped" pptctl map "$pool" s 0x401000 alloc 8k
check "replace" pptctl map "$pool" s 0x401000 0x100100000 8k --replace
same "0x400000 0x100000000 4096 r-x-- 4096
0x401000 0x100100000 8192 rw-u- 4096" "$(extents | head -2)"
refuse 16 '(VA|LEN).*0x403000' \
	pptctl protect "$pool" s 0x402000 8k --prot r
refuse 0 '' pptctl unmap "$pool" s 0x7000000 4k
check "unmap with holes" pptctl unmap "$pool" s 0 0x800000000000
check "the rest" pptctl unmap "$pool" s 0xffff800000000000 0x800000000000
same "" "$(extents)"
json '.pages.data == 0' pptctl info "$pool"

# Arguments.
bad() {
	local pattern=$1
	shift
	refuse 16 "$pattern" pptctl "$@"
}
check "something" pptctl map "$pool" s 0x400000 0x100000000 4k
bad "VA '0x1001': not a multiple" map "$pool" s 0x1001 alloc 4k
bad "VA '-4096': negative" map "$pool" s -4096 alloc 4k
bad "VA '12monkeys': something follows" map "$pool" s 12monkeys alloc 4k
bad "VA '': not a number" map "$pool" s '' alloc 4k
bad "VA '0x800000000000': .*canonical" map "$pool" s 0x800000000000 alloc 4k
bad "(VA|LEN) .*half of the address space" \
	map "$pool" s 0x7ffffffff000 0x100000000 8k
bad "VA '0x0100000000000000': .*canonical" \
	map "$pool" five 0x0100000000000000 alloc 4k
bad "PA '0x1001': not a multiple" map "$pool" s 0 0x1001 4k
bad "PA '-1': negative" map "$pool" s 0 -1 4k
bad "PA 'aloc': not a number" map "$pool" s 0 aloc 4k
bad "PA '0x0'.*(region|memory map)" map "$pool" s 0 0x0 4k
bad "PA '0x1fffff000'.*(region|memory map)" map "$pool" s 0 0x1fffff000 8k
bad "PA '0x10000000000'" map "$pool" s 0 0x10000000000 4k # superblock
bad "PA '0xfffffffffffff000'" map "$pool" s 0 0xfffffffffffff000 4k
bad "LEN '0': 0" map "$pool" s 0 alloc 0
bad "LEN '5': not a multiple" map "$pool" s 0 alloc 5
bad "LEN '-4k': negative" map "$pool" s 0 alloc -4k
bad "LEN '17179869184G': larger than 64" map "$pool" s 0 alloc 17179869184G
bad "LEN '8k': goes beyond" map "$pool" s 0xfffffffffffff000 alloc 8k
bad "(VA|LEN) .*half of the address space" \
	map "$pool" s 0x400000 0x100000000 0xffffffff00000000
bad "--prot 'rq': has a letter" map "$pool" s 0 alloc 4k --prot rq
bad "--prot 'rr': has a letter twice" map "$pool" s 0 alloc 4k --prot rr
bad "--prot '': empty" map "$pool" s 0 alloc 4k --prot ''
bad "--prot 'w'" map "$pool" s 0 alloc 4k --prot w # x86 cannot
bad "--prot 'R'" protect "$pool" s 0x400000 4k --prot R
bad "--page-size '3m': none of" map "$pool" s 0 alloc 4k --page-size 3m
bad "VA '0x1000': not a multiple of --page-size" \
	map "$pool" s 0x1000 0x100000000 2M --page-size 2m
bad "PA '0x100001000': not a multiple of --page-size" \
	map "$pool" s 0 0x100001000 2M --page-size 2m
bad "LEN '4k': not a multiple of --page-size" \
	map "$pool" s 0 0x100000000 4k --page-size 1g
bad "VA '7': not a multiple" unmap "$pool" s 7 4k
bad "LEN '7': not a multiple" unmap "$pool" s 0 7
bad "VA '0x800000000000': .*canonical" unmap "$pool" s 0x800000000000 4k
bad "LEN 'x': not a number" protect "$pool" s 0 x --prot r
bad "VA 'x': not a number" translate "$pool" s x
bad "VA '0x800000000000': .*canonical" translate "$pool" s 0x800000000000

# State that is not as it must be.
refuse 8 "SPACE 't': no such space in $pool" pptctl map "$pool" t 0 alloc 4k
refuse 8 "SPACE 't': no such space" pptctl dump "$pool" t
refuse 8 "SPACE 't': no such space" pptctl translate "$pool" t 0
extents >"$dir/then"
expect 8 'no free page' pptctl map "$pool" s 0x800000 alloc 64M
same "$(cat "$dir/then")" "$(extents)"
