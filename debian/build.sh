#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh DIR [ARGUMENTS of dpkg-buildpackage…]: make the packages in DIR, of what git knows
# of this tree as it is now, and let lintian(1) judge them where it is installed.
set -eu

cd "$(dirname "$0")/.."
for tool in dpkg-buildpackage dh git; do
	command -v $tool >/dev/null || {
		echo "make deb needs $tool: apt-get install dpkg-dev debhelper git" >&2
		exit 1
	}
done
dir=$1
shift
rm -rf "$dir"
mkdir -p "$dir/source"
git ls-files -z | tar -c --null -T - --ignore-failed-read | tar -x -C "$dir/source"
cd "$dir/source"
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD PREFIX DESTDIR CFLAGS LDFLAGS
dpkg-buildpackage -us -uc -b "$@" >../log 2>&1 || {
	tail -n 40 ../log
	exit 1
}
cd ..
rm -rf source
if [ -z "${QUICK-}" ] && command -v lintian >/dev/null; then
	# Read as root here; it says so each time.
	lintian --allow-root --fail-on error,warning ./*.changes
fi
ls -1 "$PWD"/*.deb
