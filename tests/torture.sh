#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# torture.sh: every way in which the processes of a session can die, or run short of something,
# and their links end, as often as SECURITY asks; and every fuzzer for FUZZ_SECONDS (60; 0:
# none).  Says how long each part takes, and ends with what became of it: faults injected and
# survived, targets left dead, frozen or patched, malformed inputs and crashes.  SIGKILL of the
# tracer is a line of its own, and has the machine to itself.
#
#   TORTURE=SHARE  of the counts, as 0.1; all of them (1) take a quiet machine of two
#                  processors about two and a half hours, fuzzers not counted (one of them
#                  is the million sequences of a lying conn), and 0.1 half an hour: some
#                  parts last as long whatever the share
#   T=PATTERN      only tests that match, and no fuzzers
set -eu

# shellcheck source=tests/begin.sh
. "$(dirname "$0")/begin.sh"
tests/deps.sh torture
export TORTURE=${TORTURE:-1}
status=0
killing='sigkill or killed_at_any_step'

# part NAME AT_ONCE PATTERN FILE...
part() {
	local name=$1 jobs=$2 pattern=$3 began=$SECONDS log=$OUT/log-$1
	shift 3
	"${PYTEST[@]}" ${jobs:+-n "$jobs"} -k "($pattern)${T:+ and ($T)}" -rA "${@/#/tests/live/}" >"$log" 2>&1 ||
		[ $? = 5 ] || status=1
	grep -E ' injected, ' "$log" | sort -u || true
	grep -E '^(FAILED|ERROR) ' "$log" || true
	echo "$name: $((SECONDS - began)) s, $(tail -n 1 "$log")"
}
part killing '' "$killing" test_deaths.py
part dying "$(nproc)" "not ($killing)" test_deaths.py
part links "$(nproc)" test test_lease.py test_lease_faults.py test_resume.py test_link.py test_cut_frames.py
part shortage "$(nproc)" test test_shortage.py test_slow_memory.py
part pressure "$(nproc)" test test_pressure.py test_clocks.py test_lossy.py test_oom.py
part rights "$(nproc)" test test_rights.py test_grants.py test_tls.py
part strangers "$(nproc)" test test_streams.py test_privsep.py

# sum PART...
sum() {
	cat "${@/#/$OUT/log-}" | grep ' injected, ' | sort -u | awk '{
		sub(/^.*: /, "")
		for (i = 1; i < NF; i++) n[$(i + 1)] += $i
	} END {
		printf "%d faults injected, %d survived; targets left dead %d, frozen %d, patched %d",
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
	awk '/ FUZZ / { runs += $6; crashes += /FAILED/ } END { printf "; %d malformed inputs, %d crashes", runs, crashes }' "$OUT/fuzz"
}
malformed >"$OUT/malformed"
echo "SIGKILL of the tracer: $(sum killing)"
echo "everything else: $(sum dying links shortage pressure strangers)$(cat "$OUT/malformed")"
exit $status
