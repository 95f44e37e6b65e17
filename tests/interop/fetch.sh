#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fetch.sh PACKAGE DIR PATTERN...: the source of a Debian package of this system's release,
# as its archive has it; what matches the patterns (of tar) is unpacked to DIR.  Nothing of
# the system is changed: apt works in DIR, with lists of its own.  Prints the directory.
set -eu

package=$1 dir=$2
shift 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# DIR/PACKAGE-VERSION, once it is whole
found() {
	find "$dir" -mindepth 1 -maxdepth 1 -name "${package}[-_]*" -type d | sort | tail -n 1
}

if [ -e "$dir/.$package" ]; then
	found
	exit 0
fi
for tool in apt-get tar; do
	command -v "$tool" >/dev/null || {
		echo "fetch.sh: no $tool here; Debian's sources come through it" >&2
		exit 1
	}
done

mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
# The archives that packages come from have the sources, too.
# shellcheck disable=SC2016
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
	sort -u | sed 's/^/deb-src /' >"$dir/apt/sources.list"
[ -s "$dir/apt/sources.list" ] || {
	echo "fetch.sh: apt knows no archive" >&2
	exit 1
}
apt() {
	apt-get -q -o Dir::Etc::SourceList="$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" \
		-o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root "$@" >&2
}
apt update
(cd "$dir" && apt source --download-only "$package")

# shellcheck disable=SC2086
find "$dir" -maxdepth 1 -name "${package}_*.orig.tar.*" ! -name '*.asc' | while read -r orig; do
	wild=''
	for pattern; do
		wild="$wild --wildcards $pattern"
	done
	tar -xf "$orig" -C "$dir" $wild
	rm -f "$orig"
done
[ -n "$(found)" ] || {
	echo "fetch.sh: the sources of $package are not as expected" >&2
	exit 1
}
touch "$dir/.$package"
rm -rf "$dir/apt"
found
