#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# wire-page.sh WIRE-TABLE man/wire.7 [-update]
# Does the page list exactly what the table holds: numbers, names, fields, bounds?
set -eu

table=$1 page=$2
new=$(mktemp)
trap 'rm -f "$new" "$new.records" "$new.messages"' EXIT

for part in records messages; do
	"$table" $part >"$new.$part"
done
# Between ".\" BEGIN part" and ".\" END part" stands what wire-table prints.
awk -v files="$new" '
	/^\.\\" END / { skip = 0 }
	!skip { print }
	/^\.\\" BEGIN / { skip = 1; while ((getline line < (files "." $3)) > 0) print line }
' "$page" >"$new"

if [ "${3-}" = -update ]; then
	cat "$new" >"$page"
elif ! diff -u "$page" "$new"; then
	echo "$page is not what common/wire.def says: run tests/wire-page.sh $table $page -update" >&2
	exit 1
fi
