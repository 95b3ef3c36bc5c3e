#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The command line itself: help, version, commands, options, arguments.
. "$(dirname "$0")/lib.sh"
fresh

check "version" pptctl --version
same "pptctl" "$(cut -d' ' -f1 "$dir/out")"
check "help" pptctl --help
commands=$(sed -n 's/^  \([a-z-]*\( [a-z]*\)\{0,1\}\)  .*/\1/p' "$dir/out")
same 20 "$(wc -l <<<"$commands")"
while read -r command; do
	# shellcheck disable=SC2086 # two words are two arguments
	check "help of $command" pptctl $command --help
	says "^usage: pptctl $command [A-Z]"
done <<<"$commands"

refuse 16 'command is missing' pptctl
refuse 16 "command 'mpa'" pptctl mpa
refuse 16 'subcommand is missing' pptctl space
refuse 16 "subcommand 'make'" pptctl space make "$pool"
refuse 16 "option '--frob': no such" pptctl info "$pool" --frob
refuse 16 "option '-x': no such" pptctl info -x "$pool"
refuse 16 "option '--size': no such" pptctl info "$pool" --size 1
refuse 16 "option '--prot': needs a value" pptctl map "$pool" s 0 alloc 4k --prot
refuse 16 "option '--replace=1': takes no value" \
	pptctl map "$pool" s 0 alloc 4k --replace=1
refuse 16 'POOL is missing' pptctl info
refuse 16 'SPACE is missing' pptctl map "$pool"
refuse 16 'LEN is missing' pptctl map "$pool" s 0 alloc
refuse 16 "argument '5': one too many" pptctl unmap "$pool" s 0 4k 5
refuse 16 'VA is missing' pptctl translate "$pool" s
refuse 16 '--prot is missing' pptctl protect "$pool" s 0 4k
refuse 16 '--pid is missing' pptctl import "$pool" s
refuse 16 "flush 'sometimes'|--flush 'sometimes': none of" \
	pptctl map "$pool" s 0 alloc 4k --flush sometimes

# Every flush method that this CPU has makes the same pool.
for how in auto clflush eadr clflushopt clwb; do
	grep -qw "$how" /proc/cpuinfo || [ "$how" = auto ] || [ "$how" = eadr ] ||
		[ "$how" = clflush ] || continue
	check "$how" pptctl map "$pool" s 0x1000 alloc 4k --replace \
		--flush "$how"
	check "$how" pptctl translate "$pool" s 0x1000
done

# Output that nobody can take is an error.
if [ -e /dev/full ]; then
	expect 8 'standard output: No space' \
		bash -c "'$BUILD/tools/pptctl' info '$pool' >/dev/full"
	expect 8 'standard output: No space' \
		bash -c "'$BUILD/tools/pptctl' dump '$pool' s >/dev/full"
fi
