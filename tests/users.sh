#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# users.sh COMMAND…: as root, run it where the users alice, bob and procsrv-conn
# exist and /run/procsrv is its own; nobody else sees either (a private mount
# namespace, no useradd).  All of /etc is a copy, because a mount on /etc/passwd
# alone falls off when somebody outside renames a new one into its place.
set -eu

if [ "${1-}" != --inside ]; then
	exec unshare -m -- "$0" --inside "$@"
fi
shift
mount --make-rprivate /
mount -t tmpfs -o mode=0755 users /mnt
cp -a /etc /mnt
mkdir -p /run/procsrv
mount -t tmpfs -o mode=0755 procsrv /run/procsrv
id=30001
for user in alice bob procsrv-conn; do
	sed -i "/^$user:/d" /mnt/etc/passwd /mnt/etc/group
	echo "$user:x:$id:$id::/nonexistent:/bin/sh" >>/mnt/etc/passwd
	echo "$user:x:$id:" >>/mnt/etc/group
	id=$((id + 1))
done
mount --bind /mnt/etc /etc
exec "$@"
