# SPDX-License-Identifier: BSD-3-Clause
# Completion for pptsim: commands, their options, and what these take.

_pptsim_options() {
	pptsim "$1" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_pptsim_value() {
	case $1 in
	--ops) echo 1 2 3 ;;
	--model) echo m0 m1 m2 m3 ;;
	--depth) echo 0 1 2 ;;
	--progress) echo auto always never ;;
	--workload) pptsim workloads --text 2>/dev/null | sed 's/ .*//' ;;
	--only) pptsim mutants --list --text 2>/dev/null | sed 's/ .*//' ;;
	--profile)
		{ pptsim kill --rounds 1 --profile '' || :; } 2>&1 |
			sed -n 's/^  \([a-z]*\) .*/\1/p'
		;;
	*) return 1 ;;
	esac
}

_pptsim() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words=(explore mutants replay selfcheck kill workloads merge)
	local command=${COMP_WORDS[1]} values

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"${words[*]} --help --version" -- "$cur")
	elif [ "$prev" = --pool-dir ]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif values=$(_pptsim_value "$prev"); then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_pptsim_options "$command")" -- "$cur")
	elif [ "$command" = merge ]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -o filenames -F _pptsim pptsim
