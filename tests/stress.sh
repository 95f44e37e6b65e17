#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# stress.sh: tests/live/test_stress.py with its full counts, which take about an hour,
# and with the figures it measured; "make check" does a little of each. T=PATTERN runs
# what matches only.
set -eu

# shellcheck source=tests/begin.sh
. "$(dirname "$0")/begin.sh"
STRESS=1 "${PYTEST[@]}" -rP tests/live/test_stress.py tests/live/test_package.py
