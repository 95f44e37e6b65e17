#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# torture.sh: every way in which the processes of a session can die, as often as it takes, and
# every fuzzer for FUZZ_SECONDS (60; 0: none).  Ends with one line: faults injected and survived,
# targets left dead, frozen or patched, malformed inputs and crashes.  SIGKILL of the tracer is
# a line of its own.  T=PATTERN: only tests that match, and no fuzzers.
set -eu

# shellcheck source=tests/begin.sh
. "$(dirname "$0")/begin.sh"
status=0
TORTURE=1 "${PYTEST[@]}" -rA tests/live/test_deaths.py >"$OUT/log" 2>&1 || status=1
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
# malformed: what the fuzzers made of it
malformed() {
	[ "${FUZZ_SECONDS:-60}" != 0 ] && [ -z "${T-}" ] || return 0
	command -v clang >/dev/null || {
		echo "; no fuzzers without clang"
		return
	}
	"$MAKE" --no-print-directory -s BUILD="$BUILD" FUZZ_SECONDS="${FUZZ_SECONDS:-60}" say= fuzz >"$OUT/fuzz" 2>&1 || status=1
	grep FUZZ "$OUT/fuzz" >&2
	awk '/ FUZZ / { runs += $6; crashes += /FAILED/ } END { printf "; %d malformed inputs, %d crashes\n", runs, crashes }' "$OUT/fuzz"
}
malformed >"$OUT/malformed"
echo "SIGKILL of the tracer: $(sum -e '^SIGKILL of the tracer' -e '^SIGKILL at each step')"
echo "everything else: $(sum -v -e '^SIGKILL of the tracer' -e '^SIGKILL at each step')$(cat "$OUT/malformed")"
exit $status
