#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lint.sh [READER]...: what other programs find in ours by reading it, or those named alone.
# Each must find nothing.  What was found clean is not read again until it, or a header it
# sees, has changed.
# shellcheck disable=SC2317 # functions are called through lane
set -u

cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
known=$BUILD/lint
only=" $* "
bad=0
mkdir -p "$known/cppcheck"

lane() {
	local name=$1 log
	shift
	[[ $only = '  ' || $only = *" ${name%% *} "* ]] || return
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

# One source under the reader $1, unless its text and that of all it includes was clean before.
read_one() {
	local reader=$1 source stamp
	shift
	source=${*: -1}
	set -- "${@:1:$#-1}"
	stamp=$known/$reader/$({ cat .clang-tidy && declare -f "$reader" && clang -E -C "$@" "$source"; } | sha256sum | cut -c 1-32) || return 1
	[ -e "$stamp" ] && return
	"$reader" "$source" "$@" 2> >(grep -v ' warnings\? generated\.$' >&2) && touch "$stamp"
}

# What a source looks like; what happens in it when it runs is the analyzer's, below.
tidy() {
	clang-tidy --quiet "$1" -- "${@:2}"
}

# Paths through a source.  What is off and why: valist.Uninitialized is wrong about va_start in
# clang 14; insecureAPI wants the C11 Annex K functions glibc does not have; fields stand in
# the order of what they mean, not of what pads least.
analyzer() {
	clang --analyze -Xclang -analyzer-output=text -Xclang -analyzer-werror \
		-Xclang -analyzer-checker=apiModeling,core,unix,deadcode,nullability,security,optin,valist \
		-Xclang -analyzer-disable-checker=valist.Uninitialized \
		-Xclang -analyzer-disable-checker=security.insecureAPI.DeprecatedOrUnsafeBufferHandling \
		-Xclang -analyzer-disable-checker=optin.performance.Padding \
		-o /dev/null "${@:2}" "$1"
}

each() {
	export known
	export -f read_one tidy analyzer
	mkdir -p "$known/$1"
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'read_one "$@"' lint "$1" "${flags[@]}"
}

# Off is what it cannot know: across files (ctu...) it takes what a function is to fill for
# what it reads, and an error from an operation that got pointers for one of these.
check() {
	local off=(missingIncludeSystem normalCheckLevelMaxBranches ctuuninitvar ctunullpointer returnDanglingLifetime)

	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		"${off[@]/#/--suppress=}" -j "$(nproc)" --cppcheck-build-dir="$known/cppcheck" \
		-D_GNU_SOURCE -D__linux__ -I. "${sources[@]}"
}

lane clang-tidy each tidy
lane cppcheck check
lane analyzer each analyzer
lane shellcheck shellcheck -x "${scripts[@]}"
for page in man/*.[1-8]; do
	lane "mandoc $page" mandoc -T lint -W warning "$page"
done
exit $bad
