#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The shell completion offers what the program takes.
. "$(dirname "$0")/lib.sh"
. "$source_dir/tools/completion/pptctl.bash"
fresh
check "space" pptctl space create "$pool" other

# WANTED: the words offered for what is typed so far, the last being begun.
offers() {
	local wanted=$1
	shift
	COMP_WORDS=(pptctl "$@")
	COMP_CWORD=$#
	_pptctl
	same "$wanted" "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' ')"
}
offers 'map memory-map' 'm' 2>/dev/null
offers 'check checkpoint create' 'c'
offers 'always auto never' check "$pool" --progress ''
offers 'wx' check "$pool" --policy w
offers 'create delete list' space ''
offers 'add' region a
offers "$pool" map "${pool%ol}"
offers 'other s' map "$pool" ''
offers 'other' space delete "$pool" o
offers '--page-size --prot' map "$pool" s 0 alloc 4k --p
offers 'x86_64-4 x86_64-5' space create "$pool" x --format ''
offers 'clflush clflushopt clwb' map "$pool" s --flush cl
offers "$pool" apply --flush clwb "${pool%ol}"
# Each command of the help is offered.
check "help" pptctl --help
while read -r command; do
	COMP_WORDS=(pptctl "$command")
	COMP_CWORD=1
	_pptctl
	case " ${COMPREPLY[*]} " in
	*" $command "*) ;;
	*) failed "$command is not offered" ;;
	esac
done < <(sed -n 's/^  \([a-z-]*\)[ ].*/\1/p' "$dir/out" | sort -u)
