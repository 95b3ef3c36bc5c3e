#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The shell completion offers what the program takes.
. "$(dirname "$0")/lib.sh"
. "$source_dir/tools/completion/pptctl.bash"
fresh
check "space" pptctl space create "$pool" other

offers 'map memory-map' pptctl 'm' 2>/dev/null
offers 'check checkpoint create' pptctl 'c'
offers 'always auto never' pptctl check "$pool" --progress ''
offers 'wx' pptctl check "$pool" --policy w
offers 'create delete list rename' pptctl space ''
offers 'add' pptctl region a
offers "$pool" pptctl map "${pool%ol}"
offers 'other s' pptctl map "$pool" ''
offers 'other' pptctl space delete "$pool" o
offers '--page-size --prot' pptctl map "$pool" s 0 alloc 4k --p
offers 'x86_64-4 x86_64-5' pptctl space create "$pool" x --format ''
offers 'clflush clflushopt clwb' pptctl map "$pool" s --flush cl
offers "$pool" pptctl apply --flush clwb "${pool%ol}"
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
