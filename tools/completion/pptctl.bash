# SPDX-License-Identifier: BSD-3-Clause
# Completion for pptctl: commands, their options, files, spaces.

_pptctl_spaces() {
	pptctl space list "$1" --json 2>/dev/null |
		sed -n 's/^ *"name": "\([^"\\]*\)".*/\1/p'
}

_pptctl_options() {
	pptctl "$@" --help 2>/dev/null |
		sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

# The words that are not options, nor options' values, are the arguments.
_pptctl_arguments() {
	local word skip=
	for word in "$@"; do
		if [ -n "$skip" ]; then
			skip=
			continue
		fi
		case $word in
		--flush | --size | --phys-base | --journal | --region | \
			--uuid | --format | --prot | --page-size | --pid | \
			--memory-map | --policy | --progress | --backup | \
			--trust | --lost)
			skip=1
			;;
		-?*) ;;
		*) printf '%s\n' "$word" ;;
		esac
	done
}

_pptctl_value() {
	case $1 in
	--flush) echo auto clwb clflushopt clflush eadr ;;
	--format) echo x86_64-4 x86_64-5 ;;
	--page-size) echo auto 4k 2m 1g ;;
	--prot) echo rwu rxu ru rw rx r rwxug ;;
	--region) echo uuid= ;;
	--policy) echo wx user supervisor pa-bits= ;;
	--progress) echo auto always never ;;
	--trust) echo touch none full ;;
	--lost) echo fault drop replace ;;
	--pid) ps -e -o pid= ;;
	*) return 1 ;;
	esac
}

_pptctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words=(create info space map unmap protect translate dump apply
		import memory-map region attach check checkpoint reclaim)
	local command=${COMP_WORDS[1]} first=2 args=() values

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"${words[*]} --help --version" -- "$cur")
		return
	fi
	case $command in
	space) words=(create list rename delete) ;;
	region) words=(add remove) ;;
	*) words=() ;;
	esac
	if [ ${#words[@]} -gt 0 ]; then
		if [ "$COMP_CWORD" -eq 2 ]; then
			mapfile -t COMPREPLY < <(compgen -W "${words[*]}" \
				-- "$cur")
			return
		fi
		command="$command ${COMP_WORDS[2]}"
		first=3
	fi
	if [ "$prev" = --memory-map ] || [ "$prev" = --backup ]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	if values=$(_pptctl_value "$prev"); then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		# shellcheck disable=SC2086 # two words are two arguments
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_pptctl_options $command)" -- "$cur")
		return
	fi
	mapfile -t args < <(_pptctl_arguments \
		"${COMP_WORDS[@]:first:COMP_CWORD-first}")
	case ${#args[@]}:$command in
	0:*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	1:map | 1:unmap | 1:protect | 1:translate | 1:dump | 1:apply | \
		1:import | '1:space rename' | '1:space delete')
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_pptctl_spaces "${args[0]}")" -- "$cur")
		;;
	2:apply) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

complete -o filenames -F _pptctl pptctl
