#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# bench.sh: make bench. As root from an installed copy, as check.sh does.
set -eu

cd "$(dirname "$0")/../.."
unset MAKEFLAGS MFLAGS MAKELEVEL # a make of our own has its own jobs
MAKE=${MAKE:-make}
export BUILD=${BUILD:-build}

if [ -x tests/deps.sh ]; then
	tests/deps.sh bench
fi
"$MAKE" --no-print-directory -s -j"$(nproc)" say= BUILD="$BUILD" all tests benches
dir=$(mktemp -d /tmp/psb.XXXXXX)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
if [ "$(id -u)" = 0 ]; then
	tests/stage.sh "$dir" -s say= BUILD="$BUILD"
	export PROCSRV_PREFIX=$dir/usr
fi
export PYTHONDONTWRITEBYTECODE=1
# The subreaper and the private users of the tests are the bench's, too.
/usr/bin/python3 tests/bench/bench.py
