# SPDX-License-Identifier: BSD-2-Clause
"""Services under load, debugged by stock gdb and lldb through the bridge: they answer before, between two stops, and
when the debugger has left."""

import os
import shlex
import shutil
import socket
import stat
import struct
import threading
import urllib.request

import pytest

import clean
import harness
import services
from terminal import Terminal

pytestmark = pytest.mark.once
LLDB = next((p for p in ('lldb', *(f'lldb-{n}' for n in range(21, 13, -1))) if shutil.which(p)), None)


# ---- services ------------------------------------------------------------------------------------------------------


class Redis:
    def __init__(self, world):
        service, port = services.start_redis(world)
        self.pid, self.calls = service.pid, ['write']
        self.s = socket.create_connection(('127.0.0.1', port), harness.PATIENCE)
        self.n = 0

    def ask(self):
        self.n += 1
        self.s.sendall(b'INCR n\r\n')
        assert self.s.recv(64) == b':%d\r\n' % self.n

    def close(self):
        self.s.close()


class Web:
    """What answers HTTP, on connections that come and go."""

    def __init__(self, pid, port, calls):
        self.pid, self.calls, self.url = pid, calls, f'http://127.0.0.1:{port}/'

    def ask(self):
        with urllib.request.urlopen(self.url, timeout=harness.PATIENCE) as answer:
            assert answer.status == 200 and answer.read()

    def close(self):
        pass


def nginx(world):
    service, port = services.start_nginx(world)
    return Web(next(iter(clean.descendants(service.pid))), port, ['writev'])


def python(world):
    service, port = services.start_python(world)
    return Web(service.pid, port, ['send'])


def node(world):
    service, port = services.start_node(world)
    return Web(service.pid, port, ['write', 'writev'])


class Postgres:
    """A backend of its own, which says its number when it begins."""

    def __init__(self, world):
        _, port = services.start_postgres(world)
        self.pid, self.calls, self.n = 0, ['send'], 0
        assert not clean.eventually(lambda: not self.begin(port)), 'it refuses'

    def begin(self, port):
        """False: it listens already, and is not ready yet."""
        self.s = socket.create_connection(('127.0.0.1', port), harness.PATIENCE)
        self.f = self.s.makefile('rb')
        hello = struct.pack('!I', 3 << 16) + b'user\0alice\0database\0postgres\0\0'
        self.s.sendall(struct.pack('!I', len(hello) + 4) + hello)
        for kind, body in self.messages():
            if kind == b'K':
                self.pid = struct.unpack('!I', body[:4])[0]
            elif kind == b'E':
                return False
        return True

    def messages(self):
        """Until it is ready for the next query."""
        kind = b''
        while kind != b'Z':
            kind, length = struct.unpack('!cI', self.f.read(5))
            yield kind, self.f.read(length - 4)

    def ask(self):
        self.n += 1
        text = b'select %d * 2\0' % self.n
        self.s.sendall(b'Q' + struct.pack('!I', len(text) + 4) + text)
        rows = [body for kind, body in self.messages() if kind == b'D']
        assert len(rows) == 1 and rows[0].endswith(b'%d' % (self.n * 2))

    def close(self):
        """It does not end before its clients have left."""
        self.f.close()
        self.s.close()


SERVICES = {'redis': Redis, 'nginx': nginx, 'postgres': Postgres, 'python': python, 'node': node}


class Load:
    """Asks all the time; answered() waits for answers to questions that were put after it was called."""

    def __init__(self, service):
        self.service, self.wrong, self.count = service, None, 0
        self.ended = False
        self.more = threading.Condition()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.ended:
                self.service.ask()
                with self.more:
                    self.count += 1
                    self.more.notify_all()
        except Exception as e:  # whatever it is, the test is to hear of it
            with self.more:
                self.wrong = e
                self.more.notify_all()

    def answered(self):
        with self.more:
            wanted = self.count + 3
            self.more.wait_for(lambda: self.count >= wanted or self.wrong, harness.PATIENCE)
            assert not self.wrong, self.wrong
            assert self.count >= wanted, 'it does not answer'

    def end(self):
        """Before the service is."""
        self.ended = True
        self.thread.join(harness.PATIENCE)
        self.service.close()
        assert not self.thread.is_alive() and not self.wrong, self.wrong


@pytest.fixture
def service(world, request):
    load = Load(SERVICES[request.param](world))
    yield load
    load.end()


def with_services(*names):
    """These; all of them in make stress."""
    return pytest.mark.parametrize('service', SERVICES if harness.STRESS else names, indirect=True)


# ---- debuggers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def console(world):
    started = []

    def start(argv, env):
        t = Terminal([shutil.which(argv[0]), *argv[1:]], env=dict(world.env, **env), rows=200, cols=400,
                     timeout=harness.PATIENCE)
        started.append(t)
        return t
    yield start
    for t in started:
        t.kill()


def bridge(world, box):
    return shlex.join([harness.program('hdb'), *map(str, world.premote(box)), '-rsp'])


@pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed')
@with_services('nginx', 'node')
def test_it_serves_on_around_gdb(world, box, console, service):
    service.answered()
    t = console(['gdb', '-q', '-nx', '-iex', 'set sysroot /', '-iex', 'set debuginfod enabled off', '-iex',
                 'set auto-load off', '-iex', 'set confirm off', '-iex', 'set pagination off', '-iex',
                 'set breakpoint pending on', '-iex', 'set style enabled off', '-ex',
                 f'target extended-remote | {bridge(world, box)}'], {})
    t.until('(gdb) ').type(f'attach {service.service.pid}\n').until('(gdb) ')
    for call in service.service.calls:
        t.type(f'break {call}\n').until('Breakpoint ').until('(gdb) ')
    t.type('continue\n').until('Continuing.').until('Breakpoint ').until('(gdb) ')
    t.type('bt\n').until('#1 ').until('(gdb) ').type('delete\n').until('(gdb) ').type('continue\n').until('Continuing.')
    service.answered()
    t.type('\x03').until('SIGINT').until('(gdb) ').type('info threads\n').until('* ').until('(gdb) ')
    t.type('detach\n').until('detached]').until('(gdb) ')
    service.answered()
    assert t.type('quit\n').end() == 0
    service.answered()


@pytest.mark.skipif(not LLDB, reason='lldb is not installed')
@with_services('redis', 'postgres', 'python')
def test_it_serves_on_around_lldb(world, box, console, service):
    service.answered()
    wrapper, pid = world.path('lldb-server'), service.service.pid
    with open(wrapper, 'w') as f:
        f.write('#!/bin/bash\nfor w; do case $w in --fd=*) fd=${w#--fd=} ;; esac; done\n'
                f'exec {bridge(world, box)} <&$fd >&$fd\n')
    os.chmod(wrapper, stat.S_IRWXU)
    t = console([LLDB, '-x', '-X'], {'LLDB_DEBUGSERVER_PATH': wrapper})
    t.until('(lldb) ').type('settings set use-color false\n').until('(lldb) ')
    t.type(f'process attach -p {pid}\n').until(f'Process {pid} stopped').until('Architecture set to')
    names = ' '.join(f'-n {call}' for call in service.service.calls)
    t.type(f'breakpoint set {names}\n').until('Breakpoint 1: ').type('continue\n').until('stop reason = breakpoint 1.')
    t.type('bt\n').until('frame #1: ').type('breakpoint delete -f\n').until('removed').type('continue\n')
    t.until(f'Process {pid} resuming')
    service.answered()
    # LLDB says that it resumes before its own state says so, and does not interrupt what does not run.
    states = [f'Process {pid} stopped', f'Process {pid} is running']
    assert not clean.eventually(lambda: t.type('process status\n').either(*states) == states[0])
    t.type('process interrupt\n').until(f'Process {pid} stopped').type('thread list\n').until('* thread #')
    t.type('detach\n').until(f'Process {pid} detached')
    service.answered()
    assert t.type('quit\n').end() == 0
    service.answered()
