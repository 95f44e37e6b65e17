#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# lines.sh PRIVILEGED...: how much of our own code programs are linked from: all lines, and
# those that hold more than a comment.  Standard input names the programs, each on a line
# with its files; what the privileged ones are together, each file once, comes last.
set -eu

# "LINES CODE" of the files named
count() {
	awk '
	FNR == 1 { inside = 0 }
	{
		lines++
		line = $0
		kept = ""
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				line = end ? substr(line, end + 2) : ""
				inside = !end
			} else {
				begin = index(line, "/*")
				kept = kept (begin ? substr(line, 1, begin - 1) : line)
				line = begin ? substr(line, begin + 2) : ""
				inside = begin > 0
			}
		}
		if (kept ~ /[^ \t]/)
			code++
	}
	END { print lines + 0, code + 0 }' "$@"
}

show() {
	name=$1
	shift
	# shellcheck disable=SC2046 # two numbers
	printf '%-24s %3d files %6d lines %6d of them code\n' "$name" $# $(count "$@")
}

together=
while read -r program files; do
	files=$(echo "$files" | tr ' ' '\n' | sort -u)
	# shellcheck disable=SC2086 # a list of files
	show "$program" $files
	case " $* " in *" $program "*) together="$together $files" ;; esac
done
# shellcheck disable=SC2046
show "the first $# together" $(echo "$together" | tr ' ' '\n' | sort -u)
