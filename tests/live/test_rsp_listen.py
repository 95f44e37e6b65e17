# SPDX-License-Identifier: BSD-2-Clause
"""hdb -rsp on a socket: whom it lets in."""

import re
import signal
import socket
import subprocess

import pytest

import clean
import harness


@pytest.fixture
def bridge(world):
    """Process, port, and a function for what it has said."""
    log = open(world.path('bridge.log'), 'w+')
    p = world.start([harness.program('hdb'), '-rsp', 'tcp:port=0'], stdin=subprocess.DEVNULL, stderr=log,
                    env=dict(world.env, HDB_PREMOTE=''))

    def said():
        with open(world.path('bridge.log')) as f:
            return f.read()
    assert not clean.eventually(lambda: 'Listening on port' not in said(), harness.PATIENCE)
    yield p, int(re.search(r'port (\d+)', said())[1]), said
    log.close()


def test_its_own_user_is_let_in(bridge):
    _, port, _ = bridge
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(harness.PATIENCE)
        s.sendall(b'$qSupported#37')
        assert s.recv(64).startswith(b'+$PacketSize')


def waits(port):
    """Is the other end of a connection there in FIN_WAIT2 or TIME_WAIT, which are no sockets any more?"""
    with open('/proc/net/tcp') as f:
        return any(line.split()[2].endswith(f':{port:04X}') and line.split()[3] in ('05', '06') for line in f)


@pytest.mark.root
@pytest.mark.parametrize('closes', [False, True])
def test_another_user_is_not_whether_still_there_or_gone_already(bridge, closes):
    """An end that was closed stands in /proc/net/tcp as root's."""
    p, port, said = bridge
    p.send_signal(signal.SIGSTOP)
    other = subprocess.Popen(
        ['/usr/bin/python3', '-c', 'import socket, sys\n'
         f's = socket.create_connection(("127.0.0.1", {port}))\n'
         's.sendall(b"$qSupported#37")\n'
         f'if {closes}: s.close()\n'
         'print("sent", flush=True)\n'
         'sys.stdin.read()\n'
         'try: got = b"" if s.fileno() < 0 else s.recv(64)\n'
         'except ConnectionResetError: got = b""\n'
         'sys.exit(len(got))\n'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=30002, group=30002, extra_groups=[])
    try:
        assert other.stdout.readline() == b'sent\n'
        assert not closes or not clean.eventually(lambda: not waits(port))
        p.send_signal(signal.SIGCONT)
        assert not clean.eventually(lambda: 'was refused' not in said()), said()
        other.communicate(timeout=harness.PATIENCE)
        assert other.returncode == 0
    finally:
        other.kill()
        other.wait()
