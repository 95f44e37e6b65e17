# SPDX-License-Identifier: BSD-2-Clause
#
# begin.sh: what "make torture", "make stress" and "make faults" begin with; sourced by them.
# Builds; as root installs a copy where users of the tests can reach it.  OUT is a directory that
# goes when they end, PYTEST what runs live tests.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
BUILD=${BUILD:-build}
MAKE=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL # a make of our own has its own jobs
OUT=$(mktemp -d /tmp/pst.XXXXXX)
chmod 755 "$OUT"
trap 'rm -rf "$OUT"' EXIT
trap 'exit 1' INT TERM

tests/deps.sh check
"$MAKE" --no-print-directory -s -j"$(nproc)" say= BUILD="$BUILD" all tests
if [ "$(id -u)" = 0 ]; then
	tests/stage.sh "$OUT/stage" say= BUILD="$BUILD"
	cp -a "$BUILD/debuggees" "$BUILD/tests/kill" "$BUILD/tests/failing" "$OUT/stage/usr/"
	export PROCSRV_PREFIX=$OUT/stage/usr
fi
export BUILD PYTHONDONTWRITEBYTECODE=1
# shellcheck disable=SC2034
PYTEST=(/usr/bin/python3 -m pytest -p no:cacheprovider -q --no-header ${T:+-k "$T"})
