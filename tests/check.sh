#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# check.sh: everything "make check" runs. Ends with one line "N passed, N failed,
# N skipped". T=PATTERN runs what matches only; KEEP=1 keeps the logs.
set -u

cd "$(dirname "$0")/.." || exit 1
T=${T-}
BUILD=${BUILD:-build}
unset MAKEFLAGS MFLAGS MAKELEVEL # a make of our own has its own jobs
MAKE=${MAKE:-make}
JOBS=${JOBS:-$(nproc)}
PYTEST=(/usr/bin/python3 -m pytest -p no:cacheprovider -q -ra --no-header -n "$((JOBS * 2))") # they wait much
export PYTHONDONTWRITEBYTECODE=1
OUT=$(mktemp -d /tmp/psc.XXXXXX)
chmod 755 "$OUT"
passed=0 failed=0 skipped=0 began=$SECONDS

finish() {
	[ -z "${san_build-}" ] || kill "$san_build" 2>/dev/null
	[ -n "${KEEP-}" ] || rm -rf "$OUT"
	rmdir /run/procsrv 2>/dev/null
}
trap finish EXIT
trap 'exit 1' INT TERM

# tally NAME PASSED FAILED SKIPPED [REMARK]
tally() {
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	printf '%-28s %4d passed %4d failed %4d skipped  %s\n' "$1" "$2" "$3" "$4" "${5-}"
}

# one NAME COMMAND…: a test that is one command; its output is shown when it fails
one() {
	local name=$1 log
	shift
	[[ $name == *$T* ]] || return 0
	log=$OUT/$(echo "$name" | tr -c 'a-z0-9\n' _).log
	if "$@" >"$log" 2>&1; then
		tally "$name" 1 0 0
	else
		cat "$log"
		tally "$name" 0 1 0
	fi
}

skip() {
	[[ $1 == *$T* ]] && tally "$1" 0 0 1 "skipped: $2"
	return 0
}

# units LANE BUILD: all unit test programs, two at a time
units() {
	local dir=$OUT/units-$2 program log p f s
	mkdir -p "$dir"
	for program in "$2"/unit/test_*; do
		[[ -x $program && $program == *$T* ]] && echo "$program"
	done | xargs -r -P "$JOBS" -I{} tests/unit/run.sh "$dir" {}
	p=0 f=0 s=0
	for log in "$dir"/*.log; do
		[ -e "$log" ] || return 0
		p=$((p + $(grep -c '^\[       OK \]' "$log")))
		s=$((s + $(grep -c '^\[  SKIPPED \] [a-z_0-9]*$' "$log")))
		if ! grep -q '^exit 0$' "$log"; then
			echo "--- $log"
			cat "$log"
			# Failed ones are named twice; a program that died names none.
			n=$(grep -c '^ *[0-9]* FAILED TEST' "$log")
			[ "$n" -gt 0 ] && n=$(awk '/FAILED TEST/ { print $1 }' "$log")
			f=$((f + (n > 0 ? n : 1)))
		fi
	done
	tally "$1" $p $f $s
}

# Each corpus through its decoder.
replays() {
	local target p=0 f=0
	for target in "$2"/fuzz/*; do
		[[ -x $target && $target == *$T* ]] || continue
		if "$target" "tests/fuzz/corpus/$(basename "$target")" >"$OUT/replay.log" 2>&1; then
			p=$((p + 1))
		else
			echo "--- $target"
			cat "$OUT/replay.log"
			f=$((f + 1))
		fi
	done
	[ $((p + f)) -eq 0 ] || tally "$1" $p $f 0
}

# pytests LANE COMMAND…: pytest's own words at its end are counted
pytests() {
	local lane=$1 log=$OUT/$1.log counts
	shift
	"$@" ${T:+-k "$T"} >"$log" 2>&1
	case $? in
	0) ;;
	5) # nothing selected
		[ -n "$T" ] || { cat "$log"; tally "$lane" 0 1 0 "no tests"; }
		return ;;
	*) cat "$log" ;;
	esac
	counts=$(tail -n 1 "$log" | awk '{
		for (i = 2; i <= NF; i++) {
			if ($i ~ /^passed/) p = $(i - 1)
			if ($i ~ /^(failed|error)/) f += $(i - 1)
			if ($i ~ /^skipped/) s = $(i - 1)
		}
		print p + 0, f + 0, s + 0
	}')
	[ "$counts" = "0 0 0" ] && counts="0 1 0"
	grep '^SKIPPED' "$log" | sort | uniq
	# shellcheck disable=SC2086
	tally "$lane" $counts
}

live=(tests/live)
[ -d tests/privsep ] && live+=(tests/privsep)

# ---- build ---------------------------------------------------------------------

if [ -x tests/deps.sh ]; then
	tests/deps.sh check || exit 1
fi
"$MAKE" --no-print-directory -s -j"$JOBS" say= BUILD="$BUILD" all tests || exit 1

# ---- what needs no processes ------------------------------------------------------

units "unit tests" "$BUILD"
replays "fuzz corpora" "$BUILD"
one "wire(7) is the table" tests/wire-page.sh "$BUILD/tests/wire-table" man/wire.7
for page in man/*.[1-8]; do
	one "mandoc $(basename "$page")" mandoc -T lint -W warning "$page"
done
one "rooms" "$MAKE" --no-print-directory BUILD="$BUILD" rooms

# ---- live ---------------------------------------------------------------------------

# Meanwhile, when nobody else wants the processor, what the sanitizers' lane will need.
san_build=
if [ -z "${NOSAN-}" ]; then
	nice -n 19 "$MAKE" --no-print-directory -s -j"$JOBS" say= BUILD="$BUILD-san" SAN=address,undefined \
		CFLAGS="-Og -g1" all tests >"$OUT/san-build.log" 2>&1 &
	san_build=$!
fi

# as_user BUILD COMMAND…: from root, an ordinary user with a copy of the tree and that build
as_user() {
	local copy=$OUT/user-$1 build=$1
	mkdir -p "$copy"
	tar -cf - --exclude=./.git --exclude='./build*' . | tar -xf - -C "$copy"
	cp -a "$build" "$copy"
	chown -R 30001:30001 "$copy"
	chmod 755 "$copy"
	shift
	tests/users.sh env -i -C "$copy" PATH="$PATH" HOME="$copy" BUILD="$build" PYTHONDONTWRITEBYTECODE=1 \
		setpriv --reuid=30001 --regid=30001 --clear-groups --inh-caps=-all "$@"
}

# What root's lane has run already as an ordinary user, with the same programs (agents behind a
# pipe, and debuggees, are its mapped users' there), or does not depend on who runs it.
ran=()
for file in patches stepping caught changes stress signals memory_requests os_requests file_requests \
	backtrace_vs_gdb print step i386 breakpoints catch chosen watch watch_forked optimized run_time examine \
	system_calls modes awkward exec go mapping threads flow bad_input contract harness rsp_gdb rsp_gdb_runs rsp_turns \
	rsp_lldb rsp_lldb_commands rsp_files rsp_editors rsp_dap rsp_services grants rights tls bounds end habits clocks \
	pressure shortage slow_memory streams lease_faults lossy cut_frames; do
	ran+=("--ignore=tests/live/test_$file.py")
done

if [ "$(id -u)" = 0 ]; then
	tests/stage.sh "$OUT/stage" say= BUILD="$BUILD" || exit 1
	cp -a "$BUILD/debuggees" "$BUILD/tests/kill" "$BUILD/tests/failing" "$OUT/stage/usr/"
	export BUILD
	PROCSRV_PREFIX=$OUT/stage/usr pytests "live, as root" "${PYTEST[@]}" "${live[@]}"
	pytests "live, as a user" as_user "$BUILD" "${PYTEST[@]}" "${ran[@]}" -m "not once" "${live[@]}"
else
	export BUILD
	pytests "live, as a user" "${PYTEST[@]}" "${live[@]}"
	skip "live, as root" "needs root (sudo make check): several mapped users, conn's own uid, systemd"
fi

# ---- other projects' tests of the bridge -----------------------------------------------

# gdb's own tests, a quick few: each is passed when as many of its checks do as with gdbserver
gdbs_own() {
	local lane="gdb's own tests" source log=$OUT/gdbs-own.log short
	[[ $lane == *$T* ]] || return 0
	source=$(tests/interop/fetch.sh gdb "$BUILD/suite" 'gdb-*/gdb/testsuite/*' 2>"$log") || {
		skip "$lane" "their source, Debian's package gdb, cannot be had: $(tail -n 1 "$log")"
		return
	}
	HDB_SUITE=$PWD/$BUILD/bin/hdb tests/interop/gdb_suite.py --out "$OUT/gdb-suite" "$source" \
		tests/interop/fast.list >"$log" 2>&1
	short=$(grep -c 'SHORT' "$log")
	grep -q 'fall short' "$log" || short=1
	[ "$short" -eq 0 ] || cat "$log"
	tally "$lane" $(($(grep -c '^gdb[.]' "$log") - short)) "$short" 0
}
gdbs_own

# ---- all of it under the sanitizers --------------------------------------------------

# Left out: debuggees for i386, which go the same ways, and files of what would take its time for nothing new:
# deaths (the guard cannot trace a tracer that looks for leaks), systems that are booted, long silences,
# comparisons with gdb, debuggers that take most of the time themselves (the bridge has its fuzzer and rsp_gdb),
# counts of turns, what makes programs of its own fail, the tests' own tools.
whole=(-m "not once and not i386")
for file in deaths units link backtrace_vs_gdb print real_programs library harness rsp_turns rsp_lldb rsp_lldb_commands \
	rsp_dap rsp_gdb_runs rsp_editors clocks shortage lease_faults lossy; do
	whole+=("--ignore=tests/live/test_$file.py")
done

san() {
	local build=$BUILD-san pid=$san_build
	san_build=
	wait "$pid" || {
		cat "$OUT/san-build.log"
		tally "sanitizers" 0 1 0 "does not build"
		return
	}
	echo "sanitizers: off are leak detection in undumpable processes (tracer, guard) and conn's bound of its" \
		"address space and system call filter, which the sanitizers' run-time does not survive;" \
		"libdw's own leaks (tests/lsan.supp) do not count; live tests left out: ${whole[*]}"
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
	cp tests/lsan.supp "$OUT/" # where every test's user can read it
	export LSAN_OPTIONS=suppressions=$OUT/lsan.supp:print_suppressions=0
	units "unit tests, sanitized" "$build"
	replays "fuzz corpora, sanitized" "$build"
	if [ "$(id -u)" = 0 ]; then
		tests/stage.sh "$OUT/stage-san" say= BUILD="$build" SAN=address,undefined || return
		cp -a "$build/debuggees" "$build/tests/kill" "$OUT/stage-san/usr/"
		BUILD=$build PROCSRV_PREFIX=$OUT/stage-san/usr pytests "live, sanitized" "${PYTEST[@]}" "${whole[@]}" "${live[@]}"
	else
		BUILD=$build pytests "live, sanitized" "${PYTEST[@]}" "${whole[@]}" "${live[@]}"
	fi
}
[ -n "${NOSAN-}" ] || san

printf 'took %d s\n' $((SECONDS - began))
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]
