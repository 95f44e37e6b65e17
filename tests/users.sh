#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# users.sh COMMAND…: as root, run it where the users alice, bob and procsrv-conn
# exist and /run/procsrv is its own; nobody else sees either (a private mount
# namespace, no useradd).
set -eu

if [ -z "${USERS_DIR-}" ]; then
	USERS_DIR=$(mktemp -d)
	export USERS_DIR
	trap 'rm -rf "$USERS_DIR"' EXIT
	status=0
	unshare -m -- "$0" "$@" || status=$?
	exit $status
fi

mount --make-rprivate /
mkdir -p /run/procsrv
mount -t tmpfs -o mode=0755 procsrv /run/procsrv
for file in passwd group; do
	grep -vE '^(alice|bob|procsrv-conn):' /etc/$file >"$USERS_DIR/$file" || true
	chmod 644 "$USERS_DIR/$file"
done
id=30001
for user in alice bob procsrv-conn; do
	echo "$user:x:$id:$id::/nonexistent:/bin/sh" >>"$USERS_DIR/passwd"
	echo "$user:x:$id:" >>"$USERS_DIR/group"
	id=$((id + 1))
done
mount --bind "$USERS_DIR/passwd" /etc/passwd
mount --bind "$USERS_DIR/group" /etc/group
unset USERS_DIR
exec "$@"
