#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh: a procsrv on loopback as it would run on a box, a small program with
# threads, and hdb looking into it through TLS and the proof of its key.  Nothing
# of it stays.
set -eu

cd "$(dirname "$0")/.."
unset MAKEFLAGS MFLAGS MAKELEVEL # a make of our own has its own jobs
MAKE=${MAKE:-make}
BUILD=${BUILD:-build}
export DEBUGINFOD_URLS=''

if [ -z "${DEMO_DIR-}" ]; then
	if [ -x tests/deps.sh ]; then
		tests/deps.sh demo
	fi
	"$MAKE" --no-print-directory -j"$(nproc)" BUILD="$BUILD" all "$BUILD/debuggees/sleepers"
	DEMO_DIR=$(mktemp -d /tmp/psd.XXXXXX)
	chmod 755 "$DEMO_DIR"
	export DEMO_DIR
	trap 'rm -rf "$DEMO_DIR"; rmdir /run/procsrv 2>/dev/null || true' EXIT
	# As root the programs run from where "make install" puts them, and serve a user
	# of the box; both exist for the length of the demo only.
	if [ "$(id -u)" = 0 ]; then
		tests/stage.sh "$DEMO_DIR" say= BUILD="$BUILD"
		tests/users.sh "$0"
	else
		"$0"
	fi
	exit
fi

dir=$DEMO_DIR bin=$BUILD/bin user=$(id -un) as=''
if [ "$(id -u)" = 0 ]; then
	bin=$dir/usr/bin user=alice as="setpriv --reuid=alice --regid=alice --clear-groups"
fi
export XDG_CONFIG_HOME=$dir/config XDG_CACHE_HOME=$dir/cache XDG_RUNTIME_DIR=$dir/run
mkdir -p "$dir/run" "$dir/box" "$dir/config"
chmod 700 "$dir/run" "$dir/box"
target='' box=''
trap 'kill $box $target 2>/dev/null || true; wait 2>/dev/null || true' EXIT

show() {
	printf '\n$ %s\n' "$1"
}

# ---- keys --------------------------------------------------------------------------

show "hdb -keygen"
"$bin/hdb" -keygen -key "$dir/config/key.pem" | tee "$dir/keygen"
grep -o 'SHA256:[A-Za-z0-9+/]*' "$dir/keygen" | head -n 1 | sed "s/\$/ user=$user # demo@here/" >"$dir/box/authorized_keys"
chmod 600 "$dir/box/authorized_keys"
"$bin/procsrv" -keygen -key "$dir/box/key.pem"

# ---- the box -----------------------------------------------------------------------

# The program closes with its stdin, which a pipe from this shell is.
mkfifo "$dir/stdin"
chmod 644 "$dir/stdin"
$as "$BUILD/debuggees/sleepers" 4 6 <"$dir/stdin" >"$dir/ready" &
target=$!
disown $target # no word about its end
exec 9>"$dir/stdin"

show "procsrv -t tls:port=0,bind=127.0.0.1"
"$bin/procsrv" -t "tls:port=0,bind=127.0.0.1,key=$dir/box/key.pem,map=$dir/box/authorized_keys" \
	>"$dir/listening" 2>"$dir/procsrv.log" &
box=$!
for _ in $(seq 100); do
	grep -q listening "$dir/listening" && grep -q ready "$dir/ready" && break
	kill -0 $box 2>/dev/null || { cat "$dir/procsrv.log"; exit 1; }
	sleep 0.1
done
cat "$dir/listening"
port=$(sed -n 's/.*port=\([0-9]*\).*/\1/p' "$dir/listening")
pin=$(sed -n 's/.*pin=\([^,]*\).*/\1/p' "$dir/listening")
premote="tls:server=127.0.0.1,port=$port,key=$dir/config/key.pem"

# ---- the host ----------------------------------------------------------------------

show "hdb -trust 127.0.0.1:$port $pin"
"$bin/hdb" -trust "127.0.0.1:$port" "$pin"
show "hdb -premote $premote -ps sleepers"
"$bin/hdb" -premote "$premote" -ps sleepers
show "hdb -premote $premote -p $target -batch -ex 'info threads' -ex 'thread apply all bt'"
"$bin/hdb" -premote "$premote" -p $target -batch -ex 'info threads' -ex 'thread apply all bt'
show "hdb -premote $premote -snapshot $target"
"$bin/hdb" -premote "$premote" -snapshot $target

echo
echo "what the box wrote down:"
cat "$dir/procsrv.log"

# ---- and away ------------------------------------------------------------------------

exec 9>&-
kill $box
wait $box && echo "procsrv ended cleanly, the program ran on until its stdin was closed"
