#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# create and info: what is made, and every argument that is refused.
. "$(dirname "$0")/lib.sh"

u1=11111111-2222-4333-8444-555555555555
u2=11111111-2222-4333-8444-666666666666

# No file is left where there was none.
none() {
	expect "$@"
	[ ! -e "$dir/new" ] || failed "a file is left: ${*:3}"
	[ -z "$(find "$dir" -name '*.new-*')" ] || failed "a file is left beside"
}

new=$dir/new
none 16 '--size is missing' pptctl create "$new"
none 16 "--size '12x': something follows" pptctl create "$new" --size 12x
none 16 "--size '-4M': negative" pptctl create "$new" --size -4M
none 16 "--size '': not a number" pptctl create "$new" --size ''
none 16 "--size '0x': not a number" pptctl create "$new" --size 0x
none 16 "--size '99999999999999999999': larger than 64" \
	pptctl create "$new" --size 99999999999999999999
none 16 "--size '16777216T': larger than 64" \
	pptctl create "$new" --size 16777216T
none 16 "--size.*1 MiB" pptctl create "$new" --size 4k
none 16 "--size.*16 TiB" pptctl create "$new" --size 32T
none 16 "--size.*multiple of 4 KiB" pptctl create "$new" --size 4194305
none 16 "--phys-base.*multiple" \
	pptctl create "$new" --size 4M --phys-base 4k
none 16 "--phys-base" \
	pptctl create "$new" --size 4M --phys-base 0xffffffffffe00000
none 16 "--journal.*power of two" \
	pptctl create "$new" --size 4M --journal 100k
none 16 "--journal" pptctl create "$new" --size 4M --journal 4k
none 16 "--journal" pptctl create "$new" --size 4M --journal 2G
none 16 "--journal" pptctl create "$new" --size 4M --journal 4M
none 16 "--journal '0'" pptctl create "$new" --size 4M --journal 0
none 16 "--uuid 'nonsense': not a UUID" \
	pptctl create "$new" --size 4M --uuid nonsense

region() {
	local pattern=$1
	shift
	none 16 "--region.*$pattern" pptctl create "$new" --size 4M \
		--phys-base 1T "$@"
}
region 'not of the form' --region frob
region 'none of uuid, kind' --region "uuid=$u1,kind=dram,base=0,size=4k"
region 'key twice' --region "uuid=$u1,uuid=$u1"
region 'lacks one' --region "uuid=$u1,kind=dram,base=0"
region 'not a UUID' --region "uuid=1,kind=dram,base=0,len=4k"
region 'kind is none' --region "uuid=$u1,kind=disk,base=0,len=4k"
region 'kind pool' --region "uuid=$u1,kind=pool,base=0,len=4k"
region 'base is not a multiple' --region "uuid=$u1,kind=dram,base=1,len=4k"
region 'base is not a number' --region "uuid=$u1,kind=dram,base=x,len=4k"
region 'len is 0' --region "uuid=$u1,kind=dram,base=0,len=0"
region 'len is not a multiple' --region "uuid=$u1,kind=dram,base=0,len=511"
region 'len is not a number' --region "uuid=$u1,kind=dram,base=0,len=-4k"
region 'beyond 64' \
	--region "uuid=$u1,kind=dram,base=0xfffffffffffff000,len=8k"
region '' --region "uuid=$u1,kind=dram,base=1T,len=4k" # over the pool
region '' --region "uuid=$u1,kind=dram,base=0,len=1M" \
	--region "uuid=$u2,kind=dram,base=512k,len=1M"
region '' --region "uuid=$u1,kind=dram,base=0,len=1M" \
	--region "uuid=$u1,kind=dram,base=2M,len=1M"

none 8 "$dir/nowhere/new.*No such file" \
	pptctl create "$dir/nowhere/new" --size 4M

# What is asked for is what is there.
check "create" pptctl create "$pool" --size 4M --phys-base 1T --journal 128k \
	--uuid $u1 --region "uuid=$u2,kind=device,base=0x10000,len=64K"
same 600 "$(stat -c %a "$pool")"
json '.schema == "pptable.info/1" and .uuid == "'$u1'" and .size == 4194304
	and .phys_base == "0x10000000000" and .journal_bytes == 131072
	and .verdict == "clean" and .durability == "power-fail"
	and ([.pages[]] | add) == 1024 and (.regions | length) == 2
	and .regions[0].kind == "pool" and .regions[0].uuid == "'$u1'"
	and .regions[0].base == "0x10000000000" and .regions[0].len == 4194304
	and .regions[1] == {"uuid": "'$u2'", "kind": "device",
		"base": "0x10000", "len": 65536} and .spaces == []' \
	pptctl info "$pool" --json
PMEM_IS_PMEM_FORCE=0 json '.durability == "process-crash"' \
	pptctl info "$pool" --json
check "info as text" env PMEM_IS_PMEM_FORCE=0 \
	"$BUILD/tools/pptctl" info "$pool" --text
says 'power loss is NOT covered'
json '.schema == "pptable.create/1" and .size == 1048576' \
	pptctl create "$dir/json" --size 1M --json
check "silent otherwise" pptctl create "$dir/silent" --size 1M
same "" "$(cat "$dir/out")"
json '.phys_base == "0x100000000000"' pptctl info "$dir/silent"
check "sparse" pptctl create "$dir/sparse" --size 64M --sparse
check "fewer blocks than bytes" \
	test "$(stat -c %b "$dir/sparse")" -lt $((32 << 11))
check "lower case, hexadecimal" pptctl create "$dir/hex" --size 0x1m

# An existing file.
refuse 8 "$pool: .*File exists" pptctl create "$pool" --size 4M
refuse 16 '--journal' pptctl create "$pool" --size 4M --force --journal 3
refuse 16 '--region' pptctl create "$pool" --size 4M --force \
	--phys-base 1T --region "uuid=$u2,kind=dram,base=1T,len=4k"
check "force" pptctl create "$pool" --size 2M --force
json '.size == 2097152 and .uuid != "'$u1'"' pptctl info "$pool"
ln -s "$pool" "$dir/link"
expect 8 'File exists' pptctl create "$dir/link" --size 4M
check "force through a link" pptctl create "$dir/link" --size 4M --force
check "the link is one" test -L "$dir/link"
json '.size == 4194304' pptctl info "$pool"
mkdir "$dir/folder"
expect 8 'File exists' pptctl create "$dir/folder" --size 4M
expect 8 'directory' pptctl create "$dir/folder" --size 4M --force
