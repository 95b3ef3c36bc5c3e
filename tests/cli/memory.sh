#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# memory-map, region add and remove, attach with moved memory.
. "$(dirname "$0")/lib.sh"

u1=11111111-2222-4333-8444-555555555555
u2=11111111-2222-4333-8444-666666666666
u3=11111111-2222-4333-8444-777777777777
check "create" pptctl create "$pool" --size 16M --phys-base 1T \
	--region "uuid=$u1,kind=pmem,base=4G,len=4G"
check "space" pptctl space create "$pool" s
check "space" pptctl space create "$pool" t --format x86_64-5

json '.schema == "pptable.memory-map/1" and (.regions | length) == 2 and
	.regions[0].kind == "pool" and .regions[1] == {"uuid": "'$u1'",
	"kind": "pmem", "base": "0x100000000", "len": 4294967296}' \
	pptctl memory-map "$pool"

# Regions.
check "add" pptctl region add "$pool" "uuid=$u2,kind=dram,base=0,len=1G"
json '.regions | map(.uuid) | index("'$u2'")' pptctl memory-map "$pool"
refuse 16 "REGION '.*': .*memory map already" \
	pptctl region add "$pool" "uuid=$u2,kind=dram,base=1G,len=1G"
refuse 16 "REGION '.*': overlaps" \
	pptctl region add "$pool" "uuid=$u3,kind=dram,base=512M,len=1G"
refuse 16 "REGION '.*': overlaps" \
	pptctl region add "$pool" "uuid=$u3,kind=device,base=1T,len=4k"
refuse 16 "REGION '.*': beyond" \
	pptctl region add "$pool" "uuid=$u3,kind=dram,base=4096T,len=4k"
refuse 16 "REGION 'kind=dram': lacks" pptctl region add "$pool" kind=dram
refuse 16 "UUID 'x': not a UUID" pptctl region remove "$pool" x
refuse 16 "UUID '$u3': no region" pptctl region remove "$pool" $u3
refuse 16 "UUID '.*'" pptctl region remove "$pool" \
	"$(pptctl info "$pool" | jq -r .uuid)"
check "map" pptctl map "$pool" s 0x400000 0x100000 1M --prot rwu
refuse 8 "UUID '$u2': a frame in it is mapped \(VA 0x400000\)" \
	pptctl region remove "$pool" $u2
check "unmap" pptctl unmap "$pool" s 0x400000 1M
check "remove" pptctl region remove "$pool" $u2
refuse 16 "PA '0x100000'" pptctl map "$pool" s 0x400000 0x100000 1M

# As many as there may be.
for ((i = 0; i < 38; i++)); do
	uuid=$(printf '22222222-2222-4333-8444-%012x' "$i")
	pptctl region add "$pool" \
		"uuid=$uuid,kind=device,base=$((i + 100))G,len=4k" ||
		failed "region $i"
done
refuse 8 "REGION '.*': .*full" \
	pptctl region add "$pool" "uuid=$u3,kind=dram,base=0,len=4k"
for ((i = 0; i < 38; i++)); do
	uuid=$(printf '22222222-2222-4333-8444-%012x' "$i")
	pptctl region remove "$pool" "$uuid" || failed "region $i"
done

# What is mapped: the pool's frames, the other region's, each leaf size.
check "pool frames" pptctl map "$pool" s 0x400000 alloc 1M
check "pool frames, 2m" pptctl map "$pool" s 0x600000 alloc 2M --page-size 2m
check "4k" pptctl map "$pool" s 0x800000 0x100003000 64k --prot rx
check "2m" pptctl map "$pool" s 0x40000000 0x120000000 4M --prot rw
check "1g" pptctl map "$pool" t 0x4000000000 0x140000000 1G
extents >"$dir/s"
extents t >"$dir/t"
json '.verdict == "clean" and .tables_rebased == 0 and .epoch >= 0 and
	(.spaces | length) == 2 and .attach_ns > 0' pptctl attach "$pool"
pptctl memory-map "$pool" >"$dir/map"
refuse 0 '' pptctl attach "$pool" --memory-map "$dir/map"
roots=$(pptctl space list "$pool" | jq -r '.spaces[].root_pa')

# A line of extents with what lies in [base, base + len) moved by delta.
shifted() { # file base len delta
	while read -r va pa rest; do
		if ((pa >= $2 && pa < $2 + $3)); then
			pa=$(printf '0x%x' $((pa + $4)))
		fi
		echo "$va $pa $rest"
	done <"$1"
}

# The pool moves, up and by hand; the journal is replayed before.
move() { # region-index new-base old-base len rebased trust
	pptctl memory-map "$pool" |
		jq ".regions[$1].base = \"$2\"" >"$dir/map"
	extents >"$dir/s"
	extents t >"$dir/t"
	json '.schema == "pptable.attach/1" and .verdict == "replayed" and
		.at_attach.tables_rebased '"$5"' and .tables_rebased > 0 and
		.trust == "'"$6"'" and .map_changed' \
		pptctl attach "$pool" --memory-map "$dir/map" --trust "$6"
	same "$(shifted "$dir/s" "$3" "$4" $(($2 - $3)))" "$(extents)"
	same "$(shifted "$dir/t" "$3" "$4" $(($2 - $3)))" "$(extents t)"
	json '.verdict == "clean" and .tables_rebased == 0' \
		pptctl attach "$pool" --memory-map "$dir/map"
}
move 0 0x20000000000 0x10000000000 $((16 << 20)) '== 0' touch
for root in $roots; do
	root=$(printf '0x%x' $((root + 0x10000000000)))
	pptctl space list "$pool" | jq -e --arg root "$root" \
		'[.spaces[].root_pa] | index($root)' >/dev/null ||
		failed "root $root has not moved"
done
move 1 0x380000000 0x100000000 $((4 << 30)) '> 0' full
move 0 0x10000000000 0x20000000000 $((16 << 20)) '> 0' full
move 1 0x100000000 0x380000000 $((4 << 30)) '== 0' touch

# Regions in another order, and one more than is recorded.
pptctl memory-map "$pool" | jq '.regions |= reverse' >"$dir/map"
check "another order" pptctl attach "$pool" --memory-map "$dir/map"
same 0 "$(jq .tables_rebased "$dir/out")"
pptctl memory-map "$pool" | jq '.regions += [{"uuid": "'$u3'",
	"kind": "device", "base": "0x3000000000", "len": 4096, "note": 1}]' \
	>"$dir/map"
check "one more" pptctl attach "$pool" --memory-map "$dir/map"
check "as text" pptctl attach "$pool" --text --memory-map "$dir/map"
says '^verdict +clean'

# Maps that do not fit: refused, and the pool is as it was.
pptctl checkpoint "$pool"
pptctl memory-map "$pool" >"$dir/good"
gone() { # pattern filter
	jq "$2" "$dir/good" >"$dir/map"
	refuse 8 "$pool: .*$1" pptctl attach "$pool" --memory-map "$dir/map"
	jq -e '.verdict == "refused" and (.error | length) > 0 and
		(.error_name | startswith("PPT_E_"))' "$dir/out" >/dev/null ||
		failed "attach does not say refused"
}
gone '' '.regions |= map(select(.kind != "pool"))'
gone '' '.regions[0].len = 4096'
gone '' '(.regions[] | select(.uuid == "'$u1'")).kind = "device"'
gone '' '(.regions[] | select(.uuid == "'$u1'")).base = "0x10000000000"'
gone '' '.regions += [.regions[1]]'

# Memory that is gone, has shrunk or is askew, and is back.
extents >"$dir/s"
lost() { # exit ranges filter option...
	jq "$3" "$dir/good" >"$dir/map"
	expect "$1" '' pptctl attach "$pool" --memory-map "$dir/map" "${@:4}"
	same "$2" "$(jq -r '.lost[] | "\(.space) \(.va) \(.len) \(.state)"' \
		"$dir/out" | sort | paste -sd,)"
}
u1_lost='s 0x40000000 4194304 lost,s 0x800000 65536 lost,'
u1_lost+='t 0x4000000000 1073741824 lost'
lost 4 "$u1_lost" '.regions |= map(select(.uuid != "'$u1'"))'
jq -e '.verdict == "degraded" and .regions_lost == 1' "$dir/out" >/dev/null ||
	failed "not degraded"
# The figures agree with the list, and what is lost stays told.
has '.frames_lost == 2 + 16 + 1 and .tables_rebased > 0 and
	.at_attach.tables_rebased == 0'
json '.verdict == "degraded" and (.lost | length) == 3 and
	.frames_lost == 19 and .regions_lost == 0' pptctl attach "$pool"
expect 4 '' pptctl attach "$pool" --text
says '^verdict +degraded'
refuse 1 'gone' pptctl translate "$pool" s 0x40000000
lost 4 "$u1_lost" '(.regions[] | select(.uuid == "'$u1'")).len = 4096'
lost 4 's 0x40000000 4194304 lost,t 0x4000000000 1073741824 lost' \
	'(.regions[] | select(.uuid == "'$u1'")).base = "0x100001000"'
refuse 1 'VA .0x40000000.: .*is where no page of this size is aligned' \
	pptctl translate "$pool" s 0x40000000
refuse 8 'VA .0x40000000.: .*is where no page of this size is aligned' \
	pptctl protect "$pool" s 0x40000000 4M --prot r
lost 0 '' . --trust full
same "$(cat "$dir/s")" "$(extents)"
# A region that is gone with nothing in it is no loss.
cp "$pool" "$dir/lost"
check "add" pptctl region add "$pool" "uuid=$u2,kind=pmem,base=0,len=1G"
lost 0 '' '.'
has '.verdict == "replayed" and .regions_lost == 1'
cp "$dir/lost" "$pool"

# By policy: all is told, and only then dropped or replaced.
without='.regions |= map(select(.uuid != "'$u1'"))'
cp "$pool" "$dir/lost"
for trust in none touch full; do
	for before in fault drop; do
		cp "$dir/lost" "$pool"
		[ $before = drop ] || lost 4 "$u1_lost" "$without"
		lost 4 "$u1_lost" "$without" --lost drop --trust $trust
		has '.verdict == "degraded" and
			(.lost | map(.action == "drop") | all)'
		lost 0 '' "$without"
		lost 0 '' .
		refuse 1 'not mapped' pptctl translate "$pool" s 0x40000000
		json '.verdict == "clean"' pptctl check "$pool"
	done
done
cp "$dir/lost" "$pool"
lost 4 "$u1_lost" "$without"
expect 4 '' pptctl attach "$pool" --lost drop --text
says '^faults +s  0x800000, 65536 bytes: lost, is dropped$'
says '^ +t  0x4000000000, 1073741824 bytes: lost, is dropped$'
# What nobody was told of stays.
cp "$dir/lost" "$pool"
lost 4 "$u1_lost" "$without"
pptctl attach "$pool" --lost drop >/dev/full 2>/dev/null
lost 4 "$u1_lost" "$without" --lost drop
# Zeroed frames of the pool, as far as there are any.
cp "$dir/lost" "$pool"
lost 12 "$u1_lost" "$without" --lost replace
grep -Eq 'VA 0x4000000000: cannot replace it' "$dir/err" ||
	failed "what is not replaced is not told"
lost 4 't 0x4000000000 1073741824 lost' "$without" --lost drop
lost 0 '' .
same 'r-x-- rw---' "$(extents | grep -E '^0x(800000|40000000) ' |
	cut -d' ' -f4 | sort | paste -sd' ')"
json '.verdict == "clean"' pptctl check "$pool"
# Memory that is there but askew is not dropped.
cp "$dir/lost" "$pool"
lost 4 's 0x40000000 4194304 lost,t 0x4000000000 1073741824 lost' \
	'(.regions[] | select(.uuid == "'$u1'")).base = "0x100001000"' \
	--lost drop
has '.lost | map(.action == "fault") | all'
lost 0 '' .

# Maps that are none.
none() { # pattern text
	printf '%s' "$2" >"$dir/map"
	refuse 16 "--memory-map '$dir/map': .*$1" \
		pptctl attach "$pool" --memory-map "$dir/map"
}
m='"schema": "pptable.memory-map/1", "regions"'
r='"uuid": "'$u1'", "kind": "dram", "base": "0x2000"'
none 'line 1' ''
none 'line 2' '{
x'
none 'schema' '[]'
none 'schema' '{"regions": []}'
none 'schema' '{"schema": "pptable.memory-map/2", "regions": []}'
none 'has 0 regions' "{$m: []}"
none 'has 0 regions' "{$m: 7}"
none 'has 41 regions' "$(jq '.regions = [range(41) | {}]' "$dir/good")"
none 'region 0: uuid: missing' "{$m: [{}]}"
none 'region 0: uuid: missing' "{$m: [7]}"
none 'region 0: uuid: not a UUID' "{$m: [{\"uuid\": \"1\"}]}"
none 'region 0: kind: kind is none' \
	"{$m: [{\"uuid\": \"$u1\", \"kind\": \"ram\"}]}"
none 'region 0: len: missing' "{$m: [{$r}]}"
none 'region 0: len: negative' "{$m: [{$r, \"len\": -4096}]}"
none 'region 0: len: not a multiple' "{$m: [{$r, \"len\": 5}]}"
none 'region 0: len: .*beyond' \
	"{$m: [{$r, \"len\": \"0xfffffffffffff000\"}]}"
none 'region 1: base: not a multiple' "{$m: [{$r, \"len\": 4096},
	{\"uuid\": \"$u2\", \"kind\": \"dram\", \"base\": 7}]}"
refuse 8 "--memory-map '$dir/none': No such file" \
	pptctl attach "$pool" --memory-map "$dir/none"
check "from standard input" bash -c \
	"'$BUILD/tools/pptctl' attach '$pool' --memory-map - <'$dir/good'"

# Cut off while it drops: what is gone was told, what is left is told again.
rm -f "$pool"
check "create" pptctl create "$pool" --size 16M \
	--region "uuid=$u1,kind=pmem,base=4G,len=4G"
check "space" pptctl space create "$pool" s
check "map" pptctl map "$pool" s 0x40000000 4G 1G --page-size 4k
pptctl memory-map "$pool" | jq "$without" >"$dir/map"
cp "$pool" "$dir/lost"
whole=$((0x40000000)),$((1 << 30))
ranges() { # file: of one range at most
	jq -r '.lost[]? | "\(.va) \(.len)"' "$1" | while read -r va len; do
		echo "$((va)),$len"
	done
}
for after in 0.02 0.05 0.1 0.15; do
	cp "$dir/lost" "$pool"
	"$BUILD/tools/pptctl" attach "$pool" \
		--memory-map "$dir/map" --lost drop >"$dir/told" &
	writer=$!
	sleep $after
	kill -9 $writer
	wait $writer 2>/dev/null # it has the pool locked until it is gone
	pptctl attach "$pool" --memory-map "$dir/map" --lost drop >"$dir/out"
	left=$(ranges "$dir/out")
	if [ -s "$dir/told" ]; then
		same "$whole" "$(ranges "$dir/told")"
		[ -z "$left" ] || same $((2 << 30)) $((${left%,*} + ${left#*,}))
	else
		same "$whole" "$left"
	fi
	json '.lost == [] and .verdict == "clean"' pptctl attach "$pool"
done
