#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# deps.sh build|demo|check|torture|bench|suite|suite-lldb|lint|fuzz: see that the Debian packages are
# there which that needs.  Names what is missing, asks when there is a terminal (YES=1 says yes) and
# installs it, through sudo when not root.  Nothing missing: nothing is done.
set -eu

build='gcc libc6-dev libevent-dev libmbedtls-dev libseccomp-dev libdw-dev libcapstone-dev libelf-dev
	libdebuginfod-dev libiberty-dev zlib1g-dev libedit-dev libjansson-dev'
demo="$build procps util-linux"
tests='binutils dwz g++ libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-pexpect openssl gdb pkgconf
	dejagnu strace redis-server nginx postgresql nodejs lldb python3-dbg mandoc systemd systemd-container mmdebstrap
	gcc-i686-linux-gnu g++-i686-linux-gnu libc6-dev-i386-cross'

case ${1-} in
build) want=$build ;;
demo) want=$demo ;;
check) want="$demo $tests" ;;
torture) want="$demo $tests sslscan testssl.sh" ;;
bench) want="$demo $tests gdbserver lldb openssh-server openssh-client" ;;
suite) want="$demo $tests gdbserver" ;;
suite-lldb) want="$demo $tests lldb-14 python3-lldb-14 clang-14 llvm-14 make" ;;
lint) want="$demo $tests clang clang-tidy cppcheck shellcheck" ;;
fuzz) want="$build clang" ;;
*)
	echo "usage: $0 build|demo|check|torture|bench|suite|suite-lldb|lint|fuzz" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "This is no Debian; please see to it that the likes of these are installed: $want" >&2
	exit 0
fi

missing=''
for package in $want; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Debian packages to be installed:$missing"
as=''
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Please ask an admin for: apt-get install$missing" >&2
		exit 1
	fi
	as=sudo
fi
if [ "${YES-}" != 1 ] && [ -t 0 ] && [ -t 1 ]; then
	printf 'Install them (yes/no)? '
	read -r answer
	case $answer in
	y | yes | Y | YES) ;;
	*)
		echo "Nothing installed; they are needed to go on." >&2
		exit 1
		;;
	esac
fi

run() {
	$as env DEBIAN_FRONTEND=noninteractive "$@" || {
		echo "That failed. Please ask an admin for: apt-get install$missing" >&2
		exit 1
	}
}

# The tests start their services by themselves: packages shall not.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $as tee $policy >/dev/null && $as chmod 755 $policy
	trap '$as rm -f $policy' EXIT
fi
run apt-get -q update
# shellcheck disable=SC2086
run apt-get -qy --no-install-recommends install $missing
for service in redis-server nginx postgresql; do
	case "$missing " in
	*" $service"*) $as systemctl -q disable "$service" 2>/dev/null || true ;;
	esac
done
