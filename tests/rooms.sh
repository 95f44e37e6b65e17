#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# rooms.sh BUILD: a folder is a trust room.  Fails when a file sees a header of
# a room it may not see (the compiler's dependency files say what it saw), or when a finished
# binary links or calls what its role must never have.
set -u

build=$1
bad=0

say() {
	echo "rooms: $*"
	bad=1
}

# Every project header an object was made from, as "SOURCE HEADER" lines.
seen() {
	find "$build/obj/common" "$build/obj/procsrv" "$build/obj/host" -name '*.d' 2>/dev/null |
		while read -r dep; do
			source=${dep#"$build"/obj/}
			source=${source%.d}.c
			[ -e "$source" ] || continue
			# The first rule only; those behind it keep make quiet about headers that went.
			sed -n '1,/[^\\]$/p' "$dep" | grep -oE '[^ \\]+' | grep -E '^[a-z].*\.(h|def)$' |
				sed "s|^|$source |"
		done
}

headers=$(seen)
[ -n "$headers" ] || say "nothing was built below $build"

# rule FILES MAY-SEE: extended patterns
rule() {
	wrong=$(printf '%s\n' "$headers" | awk -v files="^($1)\$" -v may="^($2)\$" \
		'$1 ~ files && $2 !~ may { print $1 " may not see " $2 }' | sort -u)
	[ -z "$wrong" ] || say "
$wrong"
}

any='[^ ]*'
rule "common/$any" "common/$any"
rule "procsrv/$any" "(common|procsrv)/$any"
rule "host/$any" "(common|host)/$any"
# Within the host, each sees only what lies below it.
all='host/(arena|dirs|errtext|hosteng)\\.h|common/'$any
rule 'host/[^/]*' "$all"
rule "host/link/$any" "host/link/$any|$all"
rule "host/sym/$any" "host/sym/$any|$all"
# Expressions know names and types, not how they are read, and no target.
rule "host/expr/$any" "host/(expr/$any|sym/(sym|type|variable)\\.h)|$all"
rule "host/engine/$any" "host/(engine/$any|link/$any|sym/(sym|spot|type|variable)\\.h|expr/expr\\.h)|$all"
# Front ends are clients of the engine: its public header, and each other's.
rule "host/hdb/$any" 'host/(hdb/[^ ]*|rsp/rsp_(listen|serve)\\.h|hosteng\\.h)|common/(buf|duration|err|fingerprint|log|transport)\\.(h|def)'
rule "host/rsp/$any" 'host/(rsp/[^ ]*|hosteng\\.h)|common/(buf|bytecode|err|fingerprint|gdb_reg|log|transport)\\.(h|def)'

# never_links PROGRAM LIBRARY-PATTERN
never_links() {
	[ -e "$build/$1" ] || return 0
	found=$(readelf -d "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -E "$2" | tr '\n' ' ')
	[ -z "$found" ] || say "$1 links $found"
}

# never_calls PROGRAM SYMBOL-PATTERN
never_calls() {
	[ -e "$build/$1" ] || return 0
	found=$(nm -D --undefined-only "$build/$1" | awk '{ sub("@.*", "", $2); print $2 }' | grep -xE "$2" | tr '\n' ' ')
	[ -z "$found" ] || say "$1 calls $found"
}

private=libexec/procsrv
for program in bin/procsrv "$private"/procsrv-listener "$private"/procsrv-guard \
	"$private"/procsrv-tracer "$private"/procsrv-reader "$private"/procsrv-launch; do
	never_links "$program" '^libmbed'
done
never_links "$private"/procsrv-monitor '^libmbed(tls|x509)'
never_links "$private"/procsrv-admin '^libmbed(tls|x509)'
for program in bin/procsrv "$private"/procsrv-listener "$private"/procsrv-admin \
	"$private"/procsrv-monitor "$private"/procsrv-conn "$private"/procsrv-guard \
	"$private"/procsrv-tracer "$private"/procsrv-reader "$private"/procsrv-keygen "$private"/procsrv-launch; do
	never_links "$program" '^lib(dw|elf|debuginfod|capstone)'
done
never_calls "$private"/procsrv-conn 'ptrace|process_vm_.*|(v|pos)?fork.*|exec.*|posix_spawn.*|setuid|setres.id'
never_calls bin/procsrv 'ptrace|process_vm_.*|recv.*'
never_calls "$private"/procsrv-listener 'ptrace|process_vm_.*|recv.*|openat|fopen|.*scanf|getpw.*|getaddrinfo'
never_calls "$private"/procsrv-monitor 'ptrace|process_vm_.*'
never_calls "$private"/procsrv-reader 'ptrace|process_vm_.*'

[ $bad -eq 0 ] && echo "rooms: every file and every program keeps to its own"
exit $bad
