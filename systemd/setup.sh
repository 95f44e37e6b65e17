#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# setup.sh PREFIX KEYDIR: what "make install" does on the machine it runs on: the user
# of the network side, the run-time directory, the server's key.  Nothing that exists is
# changed.
set -eu

prefix=$1
keydir=$2

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers "$prefix/lib/sysusers.d/procsrv.conf"
elif ! getent passwd procsrv-conn >/dev/null; then
	useradd --system --home-dir / --no-create-home --shell /usr/sbin/nologin procsrv-conn
fi
if command -v systemd-tmpfiles >/dev/null; then
	systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/procsrv.conf"
fi
if [ ! -e "$keydir/key.pem" ]; then
	"$prefix/bin/procsrv" -keygen -key "$keydir/key.pem"
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	echo "Next: put keys into $keydir/authorized_keys, then systemctl enable --now procsrv.socket"
else
	echo "Next: put keys into $keydir/authorized_keys, then procsrv -t tls:port=7000"
fi
