#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lint.sh: what other programs find in ours by reading it.  Each must find nothing.  What
# was found clean is not read again until it, or a header it sees, has changed.
# shellcheck disable=SC2317 # functions are called through lane
set -u

cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
known=$BUILD/lint
bad=0
mkdir -p "$known/tidy" "$known/cppcheck"

lane() {
	local name=$1 log
	shift
	log=$("$@" 2>&1) && {
		echo "$name: clean"
		return
	}
	printf '%s\n%s: found the above\n' "$log" "$name"
	bad=1
}

flags=(-std=c17 -D_GNU_SOURCE -I. -Ihost "-DPROCSRV_VERSION=\"0\"" "-DLIBEXECDIR=\"/\"" "-DSYSCONFDIR=\"/\"" "-DBINDIR=\"/\"")
mapfile -t sources < <(git ls-files 'common/*.c' 'procsrv/*.c' 'host/*.c')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

# One source, unless its text and that of all it includes was clean before.
tidy_one() {
	local source=$1 stamp
	shift
	stamp=$known/tidy/$({ cat .clang-tidy && clang -E -C "$@" "$source"; } | sha256sum | cut -c 1-32) || return 1
	[ -e "$stamp" ] && return
	clang-tidy --quiet "$source" -- "$@" 2> >(grep -v ' warnings generated\.$' >&2) && touch "$stamp"
}

tidy() {
	export known
	export -f tidy_one
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy_one "${@: -1}" "${@:1:$#-1}"' tidy \
		"${flags[@]}"
}

# Off is what it cannot know: across files (ctu...) it takes what a function is to fill for
# what it reads, and an error from an operation that got pointers for one of these.
check() {
	local off=(missingIncludeSystem normalCheckLevelMaxBranches ctuuninitvar ctunullpointer returnDanglingLifetime)

	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		"${off[@]/#/--suppress=}" -j "$(nproc)" --cppcheck-build-dir="$known/cppcheck" \
		-D_GNU_SOURCE -D__linux__ -I. "${sources[@]}"
}

# What it objects to was compiled all the same, and would be passed over the next time.
analyze() {
	scan-build --status-bugs --use-cc=clang make --no-print-directory -j"$(nproc)" say= \
		BUILD="$BUILD-scan" CC=clang all || { rm -rf "$BUILD-scan" && return 1; }
}

lane clang-tidy tidy
lane cppcheck check
lane scan-build analyze
lane shellcheck shellcheck -x "${scripts[@]}"
for page in man/*.[1-8]; do
	lane "mandoc $page" mandoc -T lint -W warning "$page"
done
exit $bad
