# SPDX-License-Identifier: BSD-2-Clause
"""The host killed, the link cut or silent, at any moment: the target runs on, untraced."""

import os
import random
import signal
import struct
import subprocess
import time

import pytest

import clean
import harness
from deaths import times

SANITIZED = 'san' in os.path.basename(harness.BUILD)
WORK = ['-batch', '-ex', 'info threads', '-ex', 'thread apply all bt', '-ex', 'continue', '-ex', 'interrupt',
        '-ex', 'detach']
LOOK = ['-batch', '-ex', 'info threads', '-ex', 'thread apply all bt', '-ex', 'detach']


class Counter:
    """A debuggee all whose threads count."""

    def __init__(self, world, threads):
        self.path, self.threads = world.path(f'counts{len(world.debuggees)}'), threads
        with open(self.path, 'wb'):
            os.chmod(self.path, 0o666)
        self.debuggee = world.debuggee('counter', self.path, threads, busy=True)
        self.pid = self.debuggee.pid

    def counts(self):
        with open(self.path, 'rb') as f:
            return struct.unpack(f'{self.threads}Q', f.read(8 * self.threads))

    def runs(self):
        """Do all its threads count on, untraced?"""
        before = self.counts()
        faults = clean.eventually(self.debuggee.faults)
        standing = clean.eventually(lambda: [i for i, (a, b) in enumerate(zip(before, self.counts())) if a == b])
        return faults + [f'thread {i} stands' for i in standing]


def full_size(world, box, pid):
    """Bytes up and down of a whole run."""
    p = world.proxy(box.port, '-once')
    r = world.hdb('-p', pid, *LOOK, box=box, port=p.port)
    assert r.status == 0, r
    link = p.finish()[0]
    return link['up'], link['down']


@pytest.mark.once
@pytest.mark.parametrize('threads', [1, 8])
def test_hdb_killed_at_any_moment(world, boxes, threads):
    c = Counter(world, threads)
    rng = random.Random(threads)
    box = boxes()
    for _ in range(times(6, 100)):
        h = world.hdb_start('-p', c.pid, '-ex', 'thread apply all bt', box=box)
        time.sleep(rng.uniform(0, 0.4))
        h.kill()
        h.wait()
        assert c.runs() == []
    assert not box.quiet()


@pytest.mark.once
@pytest.mark.parametrize('direction', ['up', 'down'])
def test_a_connection_cut_at_any_byte(world, boxes, direction):
    c = Counter(world, 8)
    up, down = full_size(world, boxes(), c.pid)
    rng = random.Random(direction)
    for i in range(times(6, 100)):
        # A cut during the handshake earns the address a penalty: a new box forgets it.
        box = boxes()
        p = world.proxy(box.port, f'-cut-{direction}', rng.randrange(1, up if direction == 'up' else down), '-once')
        r = world.hdb('-p', c.pid, *LOOK, box=box, port=p.port)
        assert r.status in (0, 1) and (r.status == 0 or r.err.startswith('hdb: ')), r
        assert c.runs() == []
        assert not box.quiet()
        box.stop()


@pytest.mark.once
def test_a_silent_link_is_noticed_and_the_target_released(world, box):
    """Both ends: procsrv lets go, hdb says so; within the 15 s that are promised, and the detach."""
    c = Counter(world, 4)
    p = world.proxy(box.port)
    h = world.hdb_start('-p', c.pid, box=box, port=p.port)
    assert not clean.eventually(lambda: clean.status(c.pid)['TracerPid'] == '0', 10)
    p.process.send_signal(signal.SIGSTOP)  # nobody gets through, and nobody is told
    silent = time.monotonic()
    traced = clean.eventually(lambda: clean.status(c.pid)['TracerPid'] != '0', 19)
    p.process.kill()
    assert not traced, 'still traced after 19 s'
    assert c.runs() == []
    assert not box.quiet()
    # hdb notices by itself, too, and says it once its console is used.
    time.sleep(max(0, 16 - (time.monotonic() - silent)))
    out, err = h.communicate('bt\n', timeout=harness.PATIENCE)
    assert 'link' in err and 'lost' in err, (out, err)


@pytest.mark.once
def test_a_link_that_comes_back_before_that_goes_on(world, box, debuggee):
    """A heartbeat late by a slow link is no loss."""
    d = debuggee('sleepers', 3, 4)
    p = world.proxy(box.port, '-delay', 1500)
    r = world.hdb('-p', d.pid, *LOOK, box=box, port=p.port, timeout=120)
    assert r.status == 0 and r.out.count('descend') == 12, r


def test_a_target_killed_while_it_is_looked_at(world, box):
    rng = random.Random(7)
    for _ in range(10):
        c = Counter(world, 8)
        h = world.hdb_start('-p', c.pid, *LOOK, box=box)
        time.sleep(rng.uniform(0, 0.3))
        c.debuggee.kill()
        out, err = h.communicate(timeout=harness.PATIENCE)
        assert h.returncode in (0, 1), (out, err)
        assert h.returncode == 0 or err.startswith('hdb: '), err
    assert not box.quiet()


@pytest.fixture
def patient(boxes, keys):
    """A box that keeps a session for longer than any machine takes to come back to it."""
    return boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} grace=2m # alice@test'])


def test_conn_killed(world, patient):
    c, box = Counter(world, 4), patient
    h = world.hdb_start('-p', c.pid, box=box)
    assert not clean.eventually(lambda: clean.status(c.pid)['TracerPid'] == '0')
    conns = [pid for pid, what in box.children().items() if 'conn' in what]
    assert len(conns) == 1, box.children()
    subprocess.run(['kill', '-KILL', str(conns[0])], check=True)
    box.await_audit(event='resumed')
    h.terminate()
    h.wait()
    assert c.runs() == []
    assert not box.quiet()


@pytest.mark.parametrize('role', ['monitor', 'guard', 'tracer'])
def test_another_role_killed(world, patient, role):
    """Nothing is planted, so the kernel's own detach is enough; it has to run on."""
    c, box = Counter(world, 4), patient
    h = world.hdb_start('-p', c.pid, '-ex', 'continue', box=box)
    assert not clean.eventually(lambda: clean.status(c.pid)['TracerPid'] == '0')

    def named():
        return [pid for pid, what in box.children().items() if role in what]
    assert not clean.eventually(lambda: len(named()) != 1), box.children()  # a child of it, yet to exec, has its name
    subprocess.run(['kill', '-KILL', str(named()[0])], check=True)
    if role == 'monitor':
        box.await_audit(event='resumed')
        h.terminate()
        h.wait()
    assert c.runs() == []
    assert not box.quiet()


def fds(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


@pytest.mark.once
@pytest.mark.parametrize('sessions', [60 if SANITIZED else 1000 if harness.ROOT else 100])
def test_sessions_leave_nothing_behind(world, box, debuggee, sessions):
    """Attach and detach again and again, two hosts at a time."""
    patient = {'DEBUGGEE_SECONDS': '1800'}
    d, other = (debuggee('sleepers', 2, 3, env=patient) for _ in range(2))

    def one(pid):
        return world.hdb_start('-p', pid, '-batch', '-ex', 'detach', box=box, stdin=subprocess.DEVNULL)

    def finish(h):
        out, err = h.communicate(timeout=harness.PATIENCE)
        assert h.returncode == 0, (out, err)
        world.others.remove(h)

    for h in (one(d.pid), one(other.pid)):
        finish(h)
    assert not box.quiet()
    before = fds(box.pid)
    for _ in range(sessions // 2):
        pair = one(d.pid), one(other.pid)
        for h in pair:
            finish(h)
    assert not box.quiet()
    assert fds(box.pid) == before
    assert box.sessions() == []
    assert d.faults() + other.faults() == []
