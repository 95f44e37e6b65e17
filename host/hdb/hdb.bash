# SPDX-License-Identifier: BSD-2-Clause
#
# bash completion for hdb.  Options and commands are those the program itself lists.

_hdb() {
	local word cur=$2 prev=$3 i dir=${XDG_CONFIG_HOME:-$HOME/.config}/hdb
	local -a words=()

	# Behind "--" stand a program and its arguments.
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			compopt -o default
			((i + 1 == COMP_CWORD)) && mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
	done
	case ${prev/#--/-} in
	-premote | -trust)
		mapfile -t words < <(sed -e '/^[[:space:]]*#/d' -e 's/[[:space:]].*//' \
			"$dir/boxes" "$dir/known_boxes" 2>/dev/null)
		;;
	-ex)
		mapfile -t words < <("$1" -batch -ex help 2>/dev/null | sed -n 's/^\([a-z]\+\) .*  .*/\1/p')
		;;
	-p)
		mapfile -t words < <(ps -eo pid=)
		;;
	-pn)
		mapfile -t words < <(ps -eo comm= | sort -u)
		;;
	-x | -key)
		compopt -o default
		return
		;;
	*)
		mapfile -t words < <("$1" -help 2>/dev/null | sed -n 's/^  \(-[a-z]\+\).*/\1/p')
		;;
	esac
	# Not compgen -W, which would expand what a process may be called.
	COMPREPLY=()
	for word in "${words[@]}"; do
		word=${word// /}
		[[ $word == "$cur"* && $word != *[!a-zA-Z0-9._:+@/-]* ]] && COMPREPLY+=("$word")
	done
	# A box is followed by its port, which readline takes for a word of its own.
	declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _hdb hdb
