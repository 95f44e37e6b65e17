#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# record.sh BUILD PROCSRV: what a real agent says in the sessions fuzz/engine asks for; the
# corpus of that target.
set -eu

build=$1 procsrv=$2
seed=tests/fuzz/corpus/engine
mkdir -p "$seed"
for debuggee in sleepers sigframe deep; do
	dir=$(mktemp -d)
	mkfifo "$dir/stdin"
	"$build/debuggees/$debuggee" 3 <"$dir/stdin" >/dev/null &
	pid=$!
	exec 9>"$dir/stdin"
	sleep 1
	for work in attach bt snapshot; do
		"$build/bench/engine" "exec:$procsrv -t stdio | tee $seed/$debuggee-$work" $work $pid >/dev/null
	done
	exec 9>&-
	wait $pid || true
	rm -rf "$dir"
done
