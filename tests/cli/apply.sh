#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# apply: scripts, transactions, acknowledgements, errors by line.
. "$(dirname "$0")/lib.sh"
fresh 16M

script() {
	cat >"$dir/script"
}

script <<'END'
# A comment, an empty line, and blanks of both kinds.

map 0x400000 alloc 8k   # and one behind
	map	0x500000 alloc 4k --prot=xr
begin
unmap 0x401000 4k
protect 0x400000 4k --prot r
map 0x600000 alloc 4k --page-size 4k --replace
commit
begin
map 0x700000 alloc 4k
abort
checkpoint
map 0x800000 alloc 2M --page-size auto
END
check "a script" pptctl apply "$pool" s "$dir/script" --ack
same "1 2 3 4 5 7" "$(paste -sd' ' "$dir/out")"
same "0x400000,r---- 0x500000,r-x-- 0x600000,rw-u- 0x800000,rw-u-" \
	"$(extents | cut -d' ' -f1,4 | tr ' ' , | uniq | paste -sd' ')"
check "the same, unacknowledged" pptctl unmap "$pool" s 0 0x800000000000
check "a script" pptctl apply "$pool" s "$dir/script"
same "" "$(cat "$dir/out")"
check "relaxed" pptctl unmap "$pool" s 0 0x800000000000
check "relaxed" pptctl apply "$pool" s "$dir/script" --relaxed --ack
same "1 2 3 4 5 7" "$(paste -sd' ' "$dir/out")"

check "figures" pptctl unmap "$pool" s 0 0x800000000000
check "figures" pptctl apply "$pool" s "$dir/script" --ack --stats
same "1 2 3 4 5 7" "$(head -6 "$dir/out" | paste -sd' ')"
tail -n +7 "$dir/out" | jq -e '.schema == "pptable.apply/1" and
	.operations == 6 and .transactions == 1 and .ns > 0 and .fences > 0 and
	.journal_lines > 0 and .commits >= 4' >/dev/null ||
	failed "figures: $(cat "$dir/out")"
check "as text" pptctl apply "$pool" s /dev/null --stats --text
says '^0 operations'

# An error in line 7, in every way; line 5 and 6 are of a transaction.
bad() {
	local code=$1 pattern=$2
	cat >"$dir/script" <<END
map 0x400000 alloc 4k
# two
# three
begin
map 0x500000 alloc 4k
map 0x600000 alloc 4k
$3
commit
END
	check "empty" pptctl unmap "$pool" s 0 0x800000000000
	expect "$code" "$dir/script: line 7: $pattern" \
		pptctl apply "$pool" s "$dir/script" --ack
	same 1 "$(cat "$dir/out")"
	same 0x400000 "$(extents | cut -d' ' -f1)"
}
bad 16 "operation 'mpa': none that is known" 'mpa 1 2 3'
bad 16 'LEN is missing' 'map 0x700000 alloc'
bad 16 'VA is missing' 'unmap'
bad 16 "argument '9': one too many" 'unmap 0 4k 9'
bad 16 "argument 'please': one too many" 'commit please'
bad 16 "option '--fast': no such" 'map 0x700000 alloc 4k --fast'
bad 16 "option '--replace': no such" 'unmap 0x700000 4k --replace'
bad 16 "option '--size': no such" 'map 0x700000 alloc 4k --size 4k'
bad 16 "option '--': no such" 'map 0x700000 alloc 4k --'
bad 16 "option '--prot': needs a value" 'map 0x700000 alloc 4k --prot'
bad 16 "option '--replace=1': takes no value" 'map 0 alloc 4k --replace=1'
bad 16 "--prot 'z': has a letter" 'protect 0x400000 4k --prot z'
bad 16 '--prot is missing' 'protect 0x400000 4k'
bad 16 "VA '0x700001': not a multiple" 'map 0x700001 alloc 4k'
bad 16 "VA '-4096': negative" 'unmap -4096 4k'
bad 16 "LEN '4kk': something follows" 'map 0x700000 alloc 4kk'
bad 16 "VA '0x800000000000': " 'map 0x800000000000 alloc 4k'
bad 16 "VA '0x500000': .*mapped" 'map 0x500000 alloc 4k'
bad 16 '(VA|LEN).*0x700000' 'protect 0x700000 4k --prot r'
bad 16 "PA '0': " 'map 0x700000 0 4k'
bad 16 'begin: a transaction is open already, since line 4' begin
bad 16 'sync: not within a transaction \(open since line 4' sync
bad 16 'checkpoint: not within a transaction' checkpoint
printf 'map 0 alloc 4k\0\n' >"$dir/nul"
refuse 16 'line 1: has a NUL' pptctl apply "$pool" s "$dir/nul"
bad 8 '.*no free page' 'map 0x700000 alloc 64M'
expect 16 'line 1: commit: no transaction is open' \
	bash -c "echo commit | '$BUILD/tools/pptctl' apply '$pool' s -"
expect 16 'line 1: abort: no transaction is open' \
	bash -c "echo abort | '$BUILD/tools/pptctl' apply '$pool' s -"
check "empty" pptctl unmap "$pool" s 0 0x800000000000
expect 16 'line 2: ends within the transaction of line 1' bash -c \
	"printf 'begin\nmap 0 alloc 4k' | '$BUILD/tools/pptctl' apply '$pool' s -"
same "" "$(extents)"
printf 'map 0 alloc 4k' >"$dir/script"
check "no newline at the end" pptctl apply "$pool" s "$dir/script" --ack
same 1 "$(cat "$dir/out")"
refuse 8 "SCRIPT '$dir/none': No such file" pptctl apply "$pool" s "$dir/none"
refuse 8 'Is a directory' pptctl apply "$pool" s "$dir"
refuse 8 "SPACE 't': no such space" pptctl apply "$pool" t /dev/null

# A huge script line, more words than any operation has.
{ printf 'map'; printf ' 0%.0s' {1..5000}; } >"$dir/script"
refuse 16 'line 1: argument .0.: one too many' \
	pptctl apply "$pool" s "$dir/script"

# Fed line by line: each is acknowledged before the next is written.
check "empty" pptctl unmap "$pool" s 0 0x800000000000
coproc feed { pptctl apply "$pool" s - --ack 2>"$dir/err"; }
writer=$feed_PID
for n in 1 2 3; do
	printf 'map 0x%x alloc 4k\n' $((n << 20)) >&"${feed[1]}"
	read -r -t 10 ack <&"${feed[0]}" || failed "no acknowledgement of $n"
	same "$n" "$ack"
done
# Killed now, nothing that was acknowledged is lost.
printf 'begin\nmap 0x900000 alloc 4k\n' >&"${feed[1]}"
worker=$(pgrep -P "$writer" || echo "$writer")
kill -KILL "$worker"
wait "$writer" 2>/dev/null
json '.verdict == "replayed" and .records_replayed > 0' \
	pptctl attach "$pool"
same "0x100000 0x200000 0x300000" "$(extents | cut -d' ' -f1 | paste -sd' ')"
json '.verdict == "clean"' pptctl attach "$pool"

# A reader of acknowledgements that goes away is an error, not a signal.
mkfifo "$dir/acks"
(
	for n in {1..2000}; do
		printf 'map 0x%x alloc 4k\nunmap 0x%x 4k\n' \
			$(((n % 100 + 100) << 20)) $(((n % 100 + 100) << 20))
	done
) >"$dir/script"
pptctl apply "$pool" s "$dir/script" --ack >"$dir/acks" 2>"$dir/err" &
writer=$!
head -1 "$dir/acks" >/dev/null
wait "$writer"
same 8 $?
grep -q 'standard output: Broken pipe' "$dir/err" ||
	failed "a broken pipe is not named: $(cat "$dir/err")"
json '.verdict == "clean"' pptctl attach "$pool"
