#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# faults.sh: the same faults to us, to gdbserver and to lldb-server, and what is left of what
# they were debugging.  T=PATTERN: only faults that match; REPEAT: how often each.
set -eu

# shellcheck source=tests/begin.sh
. "$(dirname "$0")/begin.sh"
tests/deps.sh bench
/usr/bin/python3 tests/bench/faults.py
