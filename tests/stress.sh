#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# stress.sh: tests/live/test_stress.py with its full counts, which take about an hour,
# and with the figures it measured; "make check" does a little of each. T=PATTERN runs
# what matches only.  With them go real services under load, each with gdb and with lldb.
set -eu

cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
unset MAKEFLAGS MFLAGS MAKELEVEL
MAKE=${MAKE:-make}
OUT=$(mktemp -d /tmp/pss.XXXXXX)
chmod 755 "$OUT"
trap 'rm -rf "$OUT"' EXIT
trap 'exit 1' INT TERM

tests/deps.sh check
"$MAKE" --no-print-directory -s -j"$(nproc)" say= BUILD="$BUILD" all tests
if [ "$(id -u)" = 0 ]; then
	tests/stage.sh "$OUT/stage" say= BUILD="$BUILD"
	cp -a "$BUILD/debuggees" "$OUT/stage/usr/"
	export PROCSRV_PREFIX=$OUT/stage/usr
fi
export BUILD STRESS=1 PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -m pytest -p no:cacheprovider -q -rP --no-header ${T:+-k "$T"} tests/live/test_stress.py \
	tests/live/test_rsp_services.py tests/live/test_listener.py::test_a_crowd_that_says_next_to_nothing_keeps_nobody_out_and_is_closed
