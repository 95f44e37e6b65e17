#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""make faults: the same accidents to hdb with procsrv, gdb with gdbserver and lldb with lldb-server, and what becomes
of the process they were debugging, by the word of the kernel alone.

The process calls a function twice a second, a breakpoint is set there. The accident happens while it runs and while
it stands at the breakpoint, or in the middle of steps. After it, and after the time that a peer may take to notice:

  good     it lives, runs on, and no byte of its text is another than in its file
  patched  it runs, but a breakpoint of somebody's is still in its text: it will die there
  frozen   it does not get on any more
  dead     it was killed"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'live'))

import clean  # noqa: E402
import conftest  # noqa: E402
import harness  # noqa: E402
from deaths import verdict  # noqa: E402
from peers import LLDB_SERVER, listens  # noqa: E402

REPEAT = int(os.environ.get('REPEAT', 3))
ONLY = os.environ.get('T', '')
NOTICED = 5      # seconds that anybody may take to notice what happened to a process of theirs
SILENT = 22      # ... and to notice that nobody answers: 15 and the map's 2, and some
HALF_A_SECOND = '500000'


class Debugger:
    """Client, proxy and server, up to a breakpoint that was hit."""

    def __init__(self, world, d):
        self.world, self.d = world, d
        self.servers = []
        self.text = ''
        self.server()
        self.proxy = world.proxy(self.port)
        self.client = world.start(self.argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, start_new_session=True)
        os.set_blocking(self.client.stdout.fileno(), False)
        self.say(*self.BEGIN)
        self.await_text(self.HIT)

    def start(self, *argv):
        self.servers.append(self.world.start(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL))
        return self.servers[-1]

    def say(self, *lines):
        self.text = ''
        self.client.stdin.write(''.join(line + '\n' for line in lines))
        self.client.stdin.flush()

    def await_text(self, what, seconds=60):
        end = time.monotonic() + seconds
        while what not in self.text:
            if time.monotonic() > end or self.client.poll() is not None:
                raise RuntimeError(f'{self.NAME} did not say {what!r} but\n{self.text[-2000:]}')
            if select.select([self.client.stdout], [], [], 0.1)[0]:
                self.text += self.client.stdout.read() or ''

    def run(self):
        """It runs on, with the breakpoint set."""
        self.say(self.CONTINUE)
        faults = clean.eventually(lambda: not clean.text_faults(self.d.pid) or clean.status(self.d.pid)['State'][0] == 't')
        if faults:
            raise RuntimeError(f'{self.NAME} does not let it run')

    def step(self):
        self.say(self.STEP)
        time.sleep(0.3)

    def terminate(self):
        for p in self.servers:
            p.terminate()

    def kill(self):
        for p in self.servers:
            for pid in [*clean.descendants(p.pid), p.pid]:
                if pid != self.d.pid:
                    os.kill(pid, signal.SIGKILL)


class Hdb(Debugger):
    NAME = 'procsrv'
    BEGIN = 'break beat', 'continue'
    HIT, CONTINUE, STEP = 'Breakpoint 1, ', 'continue', 'stepi 100000000'

    def server(self):
        self.box = self.world.box()
        self.port = self.box.port

    def argv(self):
        return [harness.program('hdb'), *self.world.premote(self.box, port=self.proxy.port), '-p', str(self.d.pid)]

    def terminate(self):
        self.box.process.terminate()

    def kill(self):
        """The process that holds the target, as the peers' does."""
        tracer, = [pid for pid, what in self.box.children().items() if what.endswith('procsrv-tracer')]
        os.kill(tracer, signal.SIGKILL)


class Gdb(Debugger):
    NAME = 'gdbserver'
    BEGIN = 'break beat', 'continue'
    HIT, CONTINUE, STEP = 'Breakpoint 1, ', 'continue', 'stepi 100000000'

    def server(self):
        self.port = listens(self.start('gdbserver', '--attach', '127.0.0.1:0', str(self.d.pid)).pid)

    def argv(self):
        settings = 'set sysroot /', 'set debuginfod enabled off', 'set confirm off', 'set pagination off', 'set height 0'
        return ['gdb', '-nx', '-q', *(x for s in settings for x in ('-ex', s)),
                '-ex', f'target remote 127.0.0.1:{self.proxy.port}']


class Lldb(Debugger):
    NAME = 'lldb-server'
    BEGIN = 'breakpoint set -n beat', 'continue'
    HIT, CONTINUE, STEP = 'stop reason = breakpoint', 'continue', 'thread step-inst -c 100000000'

    def server(self):
        self.port = listens(self.start(LLDB_SERVER, 'gdbserver', '--attach', str(self.d.pid), '127.0.0.1:0').pid)

    def argv(self):
        return ['lldb', '-x', '-o', 'settings set symbols.enable-external-lookup false',
                '-o', f'gdb-remote 127.0.0.1:{self.proxy.port}']


FAULTS = {
    'client killed': lambda s: s.client.kill(),
    # For good: hdb would be back at once and go on where it was.
    'link cut': lambda s: s.proxy.process.terminate(),
    'link silent': lambda s: s.proxy.process.send_signal(signal.SIGSTOP),
    'server SIGTERM': lambda s: s.terminate(),
    'server SIGKILL': lambda s: s.kill(),
}
STATES = {'running': lambda s: s.run(), 'stopped': lambda s: None, 'stepping': lambda s: s.step()}


def accident(keys, peer, fault, state):
    world = harness.World(keys, '/tmp')
    world.env['DEBUGGEE_SECONDS'] = '600'
    try:
        d = world.debuggee('beats', HALF_A_SECOND, busy=True, env={'DEBUGGEE_SECONDS': '600'})
        s = peer(world, d)
        STATES[state](s)
        FAULTS[fault](s)
        if fault == 'link silent':
            time.sleep(SILENT)
        return verdict(d, NOTICED)
    finally:
        # A tracer that does nothing any more would keep the dead from being buried.
        for p in world.others:
            p.kill()
            p.wait()
        for p in world.proxies:
            p.process.send_signal(signal.SIGCONT)
        for d in world.debuggees:
            d.kill()
        world.close()


def outcome(keys, peer, fault, state):
    """In words, of all times."""
    seen = []
    for _ in range(1 if fault == 'link silent' else REPEAT):
        try:
            seen.append(accident(keys, peer, fault, state))
        except RuntimeError as e:
            print(f'  ({str(e).splitlines()[0]})')
    if not seen:
        return '?'
    return ', '.join(kind if n == len(seen) else f'{n} {kind}'
                     for kind, n in sorted((k, seen.count(k)) for k in set(seen)))


def main():
    conftest.libc.prctl(conftest.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if harness.ROOT:
        conftest.private_users()
    directory = tempfile.mkdtemp(prefix='psb')
    keys = {name: harness.Key(directory, name) for name in ('box', 'alice')}
    all_peers = [Hdb, Gdb] + ([Lldb] if LLDB_SERVER else [])
    print(f'{"fault, target":28}' + ''.join(f'{p.NAME:18}' for p in all_peers), flush=True)
    for fault in FAULTS:
        for state in STATES:
            if ONLY in f'{fault}, {state}':
                row = [outcome(keys, p, fault, state) for p in all_peers]
                print(f'{fault + ", " + state:28}' + ''.join(f'{r:18}' for r in row), flush=True)
    shutil.rmtree(directory)


if __name__ == '__main__':
    main()
