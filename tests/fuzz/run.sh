#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh BUILD SECONDS TARGET…: each fuzz target for so long, from its corpus in
# the tree and what earlier runs found.
set -u

build=$1 seconds=$2
shift 2
failed=0
for target; do
	mkdir -p "$build/corpus/$target" "$build/findings"
	printf '  %-5s %s for %s s: ' FUZZ "$target" "$seconds"
	# Only what grows without bound is a leak here; the bases kept between inputs are not.
	if "$build/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=70000 -print_final_stats=1 \
		-artifact_prefix="$build/findings/$target-" "$build/corpus/$target" "tests/fuzz/corpus/$target" \
		>"$build/findings/$target.log" 2>&1; then
		awk '/number_of_executed_units/ { runs = $2 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
			END { print runs " runs, coverage " cov }' "$build/findings/$target.log"
	else
		echo "FAILED, see $build/findings/$target.log"
		tail -n 40 "$build/findings/$target.log"
		failed=$((failed + 1))
	fi
done
[ "$failed" -eq 0 ]
