#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# stage.sh DIR [MAKE ARGUMENTS…]: install below DIR/usr, with that path compiled
# in, as root runs the programs; but create no users and touch nothing of systemd.
set -eu

dir=$1
shift
mkdir -p "$dir"
chmod 755 "$dir"
rm -rf "${dir:?}/usr" "${dir:?}/root"
"${MAKE:-make}" --no-print-directory "$@" install DESTDIR="$dir/root" PREFIX="$dir/usr"
mv "$dir/root$dir/usr" "$dir/usr"
