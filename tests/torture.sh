#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# torture.sh: every way in which the processes of a session can die, as often as it takes.
# Ends with one line: faults injected and survived, targets left dead, frozen or patched.
# SIGKILL of the tracer is a line of its own.  T=PATTERN: only tests that match.
set -eu

cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
MAKE=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL
OUT=$(mktemp -d /tmp/pst.XXXXXX)
chmod 755 "$OUT"
trap 'rm -rf "$OUT"' EXIT
trap 'exit 1' INT TERM

tests/deps.sh check
"$MAKE" --no-print-directory -s -j"$(nproc)" say= BUILD="$BUILD" all tests
if [ "$(id -u)" = 0 ]; then
	tests/stage.sh "$OUT/stage" say= BUILD="$BUILD"
	cp -a "$BUILD/debuggees" "$BUILD/tests/kill" "$OUT/stage/usr/"
	export PROCSRV_PREFIX=$OUT/stage/usr
fi
export BUILD TORTURE=1 PYTHONDONTWRITEBYTECODE=1
status=0
/usr/bin/python3 -m pytest -p no:cacheprovider -q -rA --no-header ${T:+-k "$T"} tests/live/test_deaths.py \
	>"$OUT/log" 2>&1 || status=1
grep -E ' injected, |^(FAILED|ERROR) ' "$OUT/log" || true
tail -n 1 "$OUT/log"

# sum PATTERN: of the lines that match (-v: that do not)
sum() {
	grep ' injected, ' "$OUT/log" | grep "$@" | awk '{
		sub(/^.*: /, "")
		for (i = 1; i < NF; i++) n[$(i + 1)] += $i
	} END {
		printf "%d faults injected, %d survived; targets left dead %d, frozen %d, patched %d\n",
			n["injected,"], n["survived"] + n["survived,"], n["dead"] + n["dead,"],
			n["frozen"] + n["frozen,"], n["patched"] + n["patched,"]
	}'
}
echo "SIGKILL of the tracer: $(sum -e '^SIGKILL of the tracer' -e '^SIGKILL at each step')"
echo "everything else: $(sum -v -e '^SIGKILL of the tracer' -e '^SIGKILL at each step')"
exit $status
