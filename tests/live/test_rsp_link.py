# SPDX-License-Identifier: BSD-2-Clause
"""A debugger behind the bridge while the link to the box breaks and comes back: it notices a pause."""

import os
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

import clean
import harness

pytestmark = [pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed'), pytest.mark.once]


class Gdb:
    """Debian's gdb, to be talked to; its words end with a prompt of our own."""

    def __init__(self, world, bridge, file):
        self.text = ''
        self.p = world.start(['gdb', '-q', '-nx', '-iex', 'set sysroot /', '-iex', 'set debuginfod enabled off', '-iex',
                              'set auto-load off', '-iex', 'set confirm off', '-iex', 'set pagination off', '-iex',
                              'set prompt READY\\n', '-iex', 'set remotetimeout 1', file],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.until('READY')
        assert 'Remote debugging' in self.ask(f'target extended-remote | {bridge}')

    def until(self, pattern):
        """What was said up to the pattern."""
        deadline = time.monotonic() + harness.PATIENCE
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.p.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.p.stdout.fileno(), 65536) if ready else b''
            assert data, f'no {pattern!r} in:\n{self.text}'
            self.text += data.decode(errors='replace')
        said, self.text = self.text[:found.end()], self.text[found.end():]
        return said

    def say(self, line):
        self.p.stdin.write(line.encode() + b'\n')
        self.p.stdin.flush()

    def ask(self, line):
        self.say(line)
        return self.until('READY')


def traced(pid):
    s = clean.status(pid)
    return s and s['TracerPid'] != '0'


@pytest.fixture
def setup(world, boxes, keys, debuggee):
    """setup(NAME): a box that keeps sessions, a way to it that can be cut, gdb attached to a process there."""
    def make(name, **how):
        box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} # alice@test'])
        d, proxy = debuggee(name, **how), world.proxy(box.port)
        words = world.premote(box, port=proxy.port)
        bridge = ' '.join([harness.program('hdb'), *map(str, words), '-rsp'])
        gdb = Gdb(world, bridge, os.path.join(harness.DEBUGGEES, name))
        gdb.ask(f'attach {d.pid}')
        assert traced(d.pid)
        return box, d, proxy, gdb
    return make


def cut(proxy, box):
    """Reset; the next connection is let through."""
    proxy.process.send_signal(signal.SIGUSR2)
    assert not clean.eventually(lambda: not box.audit(event='lost'), 30)
    assert not clean.eventually(lambda: not box.audit(event='resumed'), 30)


def lose(proxy, box, d):
    """Nobody gets through until the box has let the process go; then everybody does."""
    proxy.process.send_signal(signal.SIGSTOP)
    conn, = [pid for pid, what in box.children().items() if 'conn' in what]
    os.kill(conn, signal.SIGKILL)
    assert not clean.eventually(lambda: traced(d.pid), 30)
    proxy.process.send_signal(signal.SIGCONT)


def leave(gdb, d):
    assert 'detached' in gdb.ask('detach')
    gdb.say('quit')
    gdb.p.wait(harness.PATIENCE)
    assert not clean.eventually(lambda: traced(d.pid), 30)


def test_gdb_looks_on_when_the_link_was_cut_and_is_back(setup):
    box, d, proxy, gdb = setup('sleepers')
    before = gdb.ask('info registers rip')
    cut(proxy, box)
    assert traced(d.pid)
    gdb.ask('maint flush register-cache')
    assert gdb.ask('info registers rip') == before
    assert 'descend' in gdb.ask('bt')
    leave(gdb, d)


def test_a_breakpoint_is_hit_after_the_link_was_away(setup):
    box, d, proxy, gdb = setup('spin', busy=True)
    gdb.ask('break hit if count == 5')
    gdb.say('continue')
    gdb.until('Continuing')
    cut(proxy, box)

    def hit():
        with open(f'/proc/{d.pid}/mem', 'r+b', buffering=0) as mem:
            mem.seek(d.facts['count'])
            mem.write((5).to_bytes(8, 'little'))
            time.sleep(0.1)
            mem.seek(d.facts['count'])
            # For a moment it stands wherever the condition is judged, too.
            return mem.read(8)[0] == 5 and 't' in clean.status(d.pid)['State']
    assert not clean.eventually(lambda: not hit(), 30)
    gdb.until('Breakpoint 1, hit ')
    gdb.until('READY')
    leave(gdb, d)


def test_a_process_that_was_let_go_while_it_ran_has_its_breakpoints_again(setup):
    box, d, proxy, gdb = setup('spin', busy=True)
    gdb.ask('break burn if total == 0')
    gdb.say('continue')
    gdb.until('Continuing')
    lose(proxy, box, d)
    said = gdb.until('attached to again')
    assert 'was let go when the link broke' in said
    assert not clean.eventually(lambda: not traced(d.pid), 30)
    gdb.p.send_signal(signal.SIGINT)
    said = gdb.until('READY')
    assert 'SIGINT' in said, said
    gdb.ask('delete')
    gdb.ask('break hit')
    assert 'Breakpoint 2, hit ' in gdb.ask('continue')
    leave(gdb, d)


def test_a_process_that_was_let_go_while_gdb_looked_is_not_written_to_until_gdb_knows_where_it_is(setup):
    box, d, proxy, gdb = setup('spin', busy=True)
    gdb.ask('break hit')
    assert 'Breakpoint 1, hit ' in gdb.ask('continue')
    gdb.ask('delete')
    lose(proxy, box, d)
    box.await_audit(event='resumed')
    gdb.ask('maint flush dcache')
    assert 'count' not in gdb.ask('output 1')
    assert not clean.eventually(lambda: not traced(d.pid), 30)
    said = gdb.ask('set var $rax = 5')
    assert 'ran on while the link' in said, said
    said = gdb.ask('set var count = 5')
    assert 'ran on while the link' in said or 'Cannot access memory' in said, said
    gdb.ask('continue')
    assert '#0 ' in gdb.ask('bt')
    gdb.ask('set var $rax = 5')
    assert '= 5' in gdb.ask('print $rax')
    leave(gdb, d)


def test_gdb_waits_for_an_answer_longer_than_it_would(setup):
    box, d, proxy, gdb = setup('sleepers')
    gdb.ask('set remotetimeout 1')
    gdb.ask('maint flush dcache')
    proxy.process.send_signal(signal.SIGSTOP)
    gdb.say('x/8bx &environ')
    # Thrice its timeout, and it would give up and take this answer for that to its next question.
    ready, _, _ = select.select([gdb.p.stdout], [], [], 5)
    assert not ready, os.read(gdb.p.stdout.fileno(), 65536)
    proxy.process.send_signal(signal.SIGCONT)
    first = gdb.until('READY')
    assert 'timeout' not in first and 'Ignoring packet error' not in first, first
    gdb.ask('maint flush dcache')
    assert gdb.ask('x/8bx &environ').split() == first.split()
    leave(gdb, d)
