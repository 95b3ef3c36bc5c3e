#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# pptsim's command line: arguments, reports, merging shards, interrupts.
. "$(dirname "$0")/lib.sh"

# ------------------------------------------------------------- arguments --

check "version" pptsim --version
same "pptsim" "$(cut -d' ' -f1 "$dir/out")"
check "help" pptsim --help
commands=$(sed -n 's/^  \([a-z]*\)  .*/\1/p' "$dir/out")
same 7 "$(wc -l <<<"$commands")"
while read -r command; do
	check "help of $command" pptsim "$command" --help
	says "^usage: pptsim $command "
	check "$command is in the manual" \
		grep -q "^\.It Cm $command\b" "$source_dir/docs/man/pptsim.1"
done <<<"$commands"

expect 16 'command is missing' pptsim
expect 16 "command 'explode'" pptsim explode
expect 16 "option '--frob': no such" pptsim explore --frob
expect 16 "option '--rounds': no such" pptsim explore --rounds 3
expect 16 "argument 'map': one too many" pptsim explore map
expect 16 "--ops '0': not from 1 to 3" pptsim explore --ops 0
expect 16 "--ops '4': not from 1 to 3" pptsim explore --ops 4
expect 16 "--ops 'two': not a number" pptsim explore --ops two
expect 16 "--model 'm4': none of m0, m1" pptsim explore --model m4
expect 16 "--depth '3': not from 0 to 2" pptsim explore --depth 3
expect 16 "--depth '-1': negative" pptsim explore --depth -1
expect 16 "--seed '1x': something follows" pptsim explore --seed 1x
expect 16 "--sample '0': 0" pptsim explore --sample 0
expect 16 "--progress 'loud': none of" pptsim explore --progress loud
for command in explore selfcheck; do
	expect 16 "--workload 'nonsense': .*not in the table" \
		pptsim $command --workload nonsense
	expect 16 "--shard '0/4': K is not" pptsim $command --shard 0/4
	expect 16 "--shard '5/4': K is not" pptsim $command --shard 5/4
done
row=$(pptsim workloads --text | sed -n '1s/ .*//p')
expect 16 "--workload '$row\+': .*not in the table" \
	pptsim explore --workload "$row+"
expect 16 "--workload '$row\+\+$row': .*not in the table" \
	pptsim explore --workload "$row++$row"
expect 16 "too many operations" \
	pptsim explore --workload "$row+$row+$row+$row+$row"
expect 16 "--shard '1': not of the form" pptsim explore --shard 1
expect 16 "--shard '/2': not of the form" pptsim explore --shard /2
expect 16 "--shard '1/0': there is no part" pptsim explore --shard 1/0
expect 16 "--shard '1/x': K or N is not" pptsim explore --shard 1/x
expect 16 "--shard '-1/2': K or N is not" pptsim explore --shard -1/2

expect 16 'LINE is missing' pptsim replay
expect 16 "LINE '': " pptsim replay ''
expect 16 "LINE 'nonsense': " pptsim replay nonsense
expect 16 "LINE 'pptsim1/$row': " pptsim replay "pptsim1/$row"
expect 16 "LINE 'pptsim9/" pptsim replay "pptsim9/$row/m2/1/-/1/0/-/1:0"

json '.schema == "pptsim.mutant-list/1" and (.mutants | length) > 15 and
	(.mutants | all(.name != "" and .what != ""))' pptsim mutants --list
expect 16 "--only 'nobody': no mutant" pptsim mutants --only nobody
expect 16 "--jobs '0': not from" pptsim mutants --jobs 0
expect 16 '--rounds is missing' pptsim kill
expect 16 "--rounds '0': 0" pptsim kill --rounds 0
expect 16 "--profile 'nobody': none of" pptsim kill --rounds 1 --profile nobody
expect 16 "--pool-dir '$dir/none': not a folder" \
	pptsim kill --rounds 1 --pool-dir "$dir/none"
expect 16 'FILE is missing' pptsim merge

if [ -e /dev/full ]; then
	expect 8 'standard output: No space' \
		bash -c "'$BUILD/tools/pptsim' workloads >/dev/full"
fi

# ---------------------------------------------------------------- explore --

json '.schema == "pptsim.workloads/1" and (.operations | length) > 0 and
	(.operations | all(.name != "" and .what != ""))' pptsim workloads
json '.schema == "pptsim.explore/1" and .workloads == 1 and
	.workloads_total == 1 and .crash_points > 0 and .recoveries > 0 and
	.outcomes > 0 and .violations == 0 and .recoveries_per_s > 0 and
	.eager_log10 > 0 and .partial == false and .model == "m1" and
	.depth == 0 and .workload == "'"$row"'" and .seed == 7 and
	.shard == 1 and .shards == 1 and .seconds > 0 and .violation_list == []' \
	pptsim explore --workload "$row" --model m1 --depth 0 --seed 7 --json
cp "$dir/out" "$dir/whole"
check "as text" pptsim explore --depth 0 --workload "$row+$row" --text
says '^violations +0$'
says "^workloads +1 of 1$"

# ------------------------------------------------------------------ merge --

# Shards of a campaign; tests/cli/shards_slow.sh runs real ones.
for k in 1 2 3; do
	jq ".shard = $k | .shards = 3 | .workload = null | .recoveries = 1$k |
		.seconds = 0.5 | .eager_log10 = 20" "$dir/whole" >"$dir/shard.$k"
done
check "merge" pptsim merge "$dir"/shard.[321] --json
has '.schema == "pptsim.explore/1" and .partial == false and .merged == 3 and
	.shard == 1 and .shards == 1 and .violation_list == [] and
	.workloads == 3 and .workloads_total == 3 and .recoveries == 36 and
	.seconds == 1.5 and .recoveries_per_s == 24 and
	(.eager_log10 - 20.4771 | fabs) < 0.0001'
check "one whole" pptsim merge "$dir/whole" --text
says '^workloads +1 of 1$'
check "standard input" bash -c "'$BUILD/tools/pptsim' merge - <'$dir/whole'"

expect 16 'shard 2/3 is missing' pptsim merge "$dir/shard.1" "$dir/shard.3"
expect 16 "'$dir/shard.1': the same shard as $dir/shard.1" \
	pptsim merge "$dir"/shard.* "$dir/shard.1"
expect 16 'workload is another|shards is another' \
	pptsim merge "$dir/shard.1" "$dir/whole"
expect 8 'No such file' pptsim merge "$dir/none"
spoil() { # jq-filter: a second shard that is wrong
	jq "$1" "$dir/shard.2" >"$dir/spoilt"
}
spoil '.seed = 8'
expect 16 'seed is another than' pptsim merge "$dir/shard.1" "$dir/spoilt"
spoil '.model = "m2"'
expect 16 'model is another than' pptsim merge "$dir/shard.1" "$dir/spoilt"
spoil '.version = "9.9.9"'
expect 16 'version is another than' pptsim merge "$dir/shard.1" "$dir/spoilt"
spoil '.shard = 4'
expect 16 'shard is not from' pptsim merge "$dir/shard.1" "$dir/spoilt"
spoil 'del(.outcomes)'
expect 16 'outcomes is not a number' pptsim merge "$dir/spoilt"
spoil '.recoveries = -1'
expect 16 'recoveries is not a number' pptsim merge "$dir/spoilt"
spoil '.schema = "pptsim.kill/1"'
expect 16 'schema is not' pptsim merge "$dir/spoilt"
spoil '.shards = 0'
expect 16 'shards is not from' pptsim merge "$dir/spoilt"
echo '{' >"$dir/spoilt"
expect 16 "'$dir/spoilt': line [12]: " pptsim merge "$dir/spoilt"
echo '[]' >"$dir/spoilt"
expect 16 'schema is not' pptsim merge "$dir/spoilt"
# What a shard found, and what it did not get to, is in the sum.
spoil '.violations = 2 | .violation_list = [{kind: "oracle", line: "l",
	text: "t"}]'
expect 1 '' pptsim merge "$dir/shard.1" "$dir/spoilt" "$dir/shard.3"
has '.violations == 2 and .violation_list[0].line == "l"'
spoil '.partial = true'
expect 8 'partial' pptsim merge "$dir/shard.1" "$dir/spoilt" "$dir/shard.3"
has '.partial == true'

# ------------------------------------------------------------------- kill --

json '.schema == "pptsim.kill/1" and .rounds == 40 and .acknowledged > 40 and
	.in_flight >= .in_flight_found and .lost == 0 and .torn == 0 and
	.violations == 0 and .partial == false and .seed == 3 and
	.failure == null and (.profiles | length) == 8 and
	([.profiles[].rounds] | add) == 40' \
	pptsim kill --rounds 40 --seed 3 --pool-dir "$dir" --json
json '(.profiles | length) == 1 and .profiles[0].name == "moved"' \
	pptsim kill --rounds 3 --profile moved --pool-dir "$dir"
check "as text" pptsim kill --rounds 3 --pool-dir "$dir" --text
says '^nothing lost, nothing torn$'
same "" "$(find "$dir" -name 'pptable-kill-*')"

# ------------------------------------------------------------- interrupts --

# COMMAND...: after a moment SIGINT; it reports what it has, and says partial.
interrupt() {
	checks=$((checks + 1))
	# In the background of a script SIGINT would be ignored.
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$BUILD/tools/pptsim" "$@" \
		>"$dir/out" 2>"$dir/err" &
	sleep 1
	kill -INT $!
	wait $!
	same 8 $?
	grep -q 'partial: it was interrupted' "$dir/err" ||
		failed "no word of it: $*"
	has '.partial == true and .violations == 0'
}
interrupt explore --ops 3 --depth 1 --model m0 --json
interrupt kill --rounds 100000 --pool-dir "$dir" --json
same "" "$(find "$dir" -name 'pptable-kill-*')"
check "progress where there is no terminal" \
	pptsim explore --workload "$row" --depth 0 --progress always

# -------------------------------------------------------------- completion --

. "$source_dir/tools/completion/pptsim.bash"
offers "--help --version $(sort <<<"$commands" | paste -sd' ')" pptsim ""
offers 'merge mutants' pptsim m
offers '--mmu --model' pptsim explore --m
offers 'm0 m1 m2 m3' pptsim explore --model ''
offers 'ranges relaxed' pptsim kill --profile r
offers "$dir/whole" pptsim merge "$dir/who"
