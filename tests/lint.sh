#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lint.sh: what other programs find in ours by reading it.  Each must find nothing.
# shellcheck disable=SC2317 # functions are called through lane
set -u

cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
bad=0

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

tidy() {
	printf '%s\0' "${sources[@]}" | xargs -0 -n 4 -P "$(nproc)" sh -c \
		'clang-tidy --quiet "$@" -- '"$(printf "'%s' " "${flags[@]}")" tidy
}

# unmatchedSuppression and the like are about cppcheck itself.
check() {
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -j "$(nproc)" \
		-D_GNU_SOURCE -D__linux__ -I. "${sources[@]}"
}

analyze() {
	scan-build --status-bugs --use-cc=clang make --no-print-directory -j"$(nproc)" say= \
		BUILD="$BUILD-scan" CC=clang all
}

lane clang-tidy tidy
lane cppcheck check
lane scan-build analyze
lane shellcheck shellcheck -x "${scripts[@]}"
for page in man/*.[1-8]; do
	lane "mandoc $page" mandoc -T lint -W warning "$page"
done
exit $bad
