#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh DIR PROGRAM: one unit test program, its words and its end in a log in DIR.
log=$1/$(basename "$2").log
timeout 300 "$2" >"$log" 2>&1
echo "exit $?" >>"$log"
