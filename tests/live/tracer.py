# SPDX-License-Identifier: BSD-2-Clause
"""The tracer by itself, spoken to in its own wire over the pipes of `procsrv-guard -stdio`, or started as a
monitor's guard does it."""

import contextlib
import os
import pwd
import socket
import struct
import subprocess
import time

import pytest

import clean
import harness
import wire

SIGUSR1, SIGCONT, SIGSTOP = 10, 18, 19
SP, PC = 152, 128  # of x86-64's NT_PRSTATUS


def bit(sig):
    return 1 << (sig - 1)


def word(data, at):
    return struct.unpack_from('<Q', data, at)[0]


def guard():
    base = harness.PREFIX if harness.ROOT and harness.PREFIX else harness.BUILD
    return os.path.join(base, 'libexec/procsrv/procsrv-guard')


def as_user(name):
    if not harness.ROOT:
        return {}
    ids = pwd.getpwnam(name)
    return dict(user=ids.pw_uid, group=ids.pw_gid, extra_groups=[])


def tracer_of(link):
    """The pid of a guard's tracer."""
    path = f'/proc/{link.child.pid}/task/{link.child.pid}/children'
    return eventually(lambda: [int(pid) for pid in clean.read(path).split()])[0]


def hold_up(tracer):
    """It stands still: its guard does not let it go on, as it otherwise would at once."""
    guard = int(clean.status(tracer)['PPid'])
    os.kill(guard, SIGSTOP)
    os.kill(tracer, SIGSTOP)
    return guard


def go_on(tracer):
    os.kill(int(clean.status(tracer)['PPid']), SIGCONT)
    with contextlib.suppress(ProcessLookupError):  # its guard may end it first
        os.kill(tracer, SIGCONT)


def rss(pid):
    """In KiB; the sanitizers' quarantine says nothing of ours."""
    if 'san' in os.path.basename(harness.BUILD):
        return 0
    return int(clean.status(pid)['VmRSS'].split()[0])


def stop(link, debuggee, **how):
    """Attached and stopped: handle and the first stop."""
    target, _ = link.attach(debuggee.pid, **how)
    return target, link.event('stopped', target)


def peek(link, target, addr, size=8):
    chunks = link.do('mem_read', target=target, ranges=[{'addr': addr, 'len': size}])['chunks']
    return int.from_bytes(chunks[0]['data'], 'little') if chunks[0]['kind'] == wire.ENUM['BYTES'] else 0


def eventually(what, seconds=10):
    end = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.01)
    return value


def states(pid):
    return {t: s['State'][0] for t in clean.threads(pid) if (s := clean.status(pid, t))}


def go(link, target, signal=-1, tid=0):
    return link.do('resume', target=target, threads=[{'tid': tid, 'signal': signal}])


def refused(name, link, request, **fields):
    with pytest.raises(wire.Error) as e:
        link.do(request, **fields)
    assert e.value.name == name, e.value
    return e.value.fields


class Session:
    """A tracer as a monitor's guard starts it: rights, audit records, a channel."""

    AUDIT = struct.Struct('<HHI' 'IIQQQIIQ256s')
    RIGHTS = {r: 1 << wire.ENUM['R_' + r] for r in ('LOOK', 'STOP', 'WRITE', 'LAUNCH')}
    EVENTS = {1: 'attach', 2: 'detach', 3: 'snapshot', 4: 'file_read', 5: 'exited', 6: 'launch', 7: 'kill',
              8: 'write_memory', 9: 'write_registers', 10: 'wrote_memory', 11: 'wrote_registers',
              12: 'file_write', 13: 'file_change'}

    def __init__(self, *rights, before=None, below=()):
        """below: the command that runs it, as the user itself."""
        self.pipe, pipe = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel, far = socket.socketpair()
        pids = {} if below else as_user(harness.ALICE)

        def place():
            os.dup2(pipe.fileno(), 100)
            os.dup2(far.fileno(), 101)
            os.dup2(100, 3)
            os.dup2(101, 4)
            if before:
                before()

        self.process = subprocess.Popen([*below, os.path.join(os.path.dirname(guard()), 'procsrv-tracer')], cwd='/',
                                        preexec_fn=place, close_fds=False, **pids)
        pipe.close()
        far.close()
        session = struct.pack('<16sIIIIIII12xq64s128s64s', b'i' * 16, 3, sum(self.RIGHTS[r] for r in rights), 0, 0, 0,
                              0, 1, 0, harness.ALICE.encode(), b'alice@test', b'127.0.0.1')
        self.pipe.send(struct.pack('<HHI', 1, 11, len(session)) + session)
        self.link = wire.Link.over(channel, harness.PATIENCE)
        self.pipe.settimeout(5)

    def record(self, sized=False):
        """The next audit record: event, pid and name, the result when it is not OK, and its size if asked for."""
        data = self.pipe.recv(8192)
        while data[2] == 13:  # a target, for the guard
            data = self.pipe.recv(8192)
        _, _, _, event, pid, start, dev, ino, result, _, size, name = self.AUDIT.unpack(data)
        return (self.EVENTS[event], pid, name.rstrip(b'\0')) + ((wire.ERRORS[result],) if result else ()) \
            + ((size,) if sized else ())

    def end(self):
        self.pipe.close()
        status = self.process.wait(10)
        self.link.sock.close()
        return status
