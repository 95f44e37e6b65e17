# SPDX-License-Identifier: BSD-2-Clause
"""Sessions whose processes are made to die, and what becomes of what they were debugging."""

import ctypes
import os
import random
import signal
import struct
import threading
import time

import clean
import harness
import tracer
import wire
from patching import patch, plant, resume

CONT, GETEVENTMSG, TRACEFORK, EVENT_FORK = 7, 0x4201, 2, 1
# make torture: all that SECURITY asks for, or that share of it.
TORTURE = float(os.environ.get('TORTURE') or 0)
GOOD, DEAD, FROZEN, PATCHED = 'good', 'dead', 'frozen', 'patched'


def times(few, many):
    return max(few, int(many * TORTURE))


class Session:
    """A guard and its tracer with one target, whose breakpoint is hit again and again: each stop lasts for a while,
    then it goes on."""

    def __init__(self, d, soft=True, hard=False, dwell=0.02, guard=None, env=None):
        self.d = d
        self.dwell = dwell
        self.link = wire.Link([guard or tracer.guard(), '-stdio'], timeout=harness.PATIENCE, cwd='/',
                              env=dict(os.environ, **(env or {})), **tracer.as_user(harness.ALICE))
        self.guard = self.link.child.pid
        self.tracer = tracer.tracer_of(self.link)
        self.patches = ([patch(d, 1, 'beat')] if soft else []) + (
            [patch(d, 2, 'beat', told=False, kind='HARD')] if hard else [])
        self.stops = 0
        self.target = None

    def attach(self):
        self.target, _ = self.link.attach(self.d.pid)
        self.link.event('stopped', self.target)
        if self.patches:
            plant(self.link, self.target, *self.patches)
        resume(self.link, self.target)

    def work(self):
        """Until the session is over."""
        try:
            if self.target is None:
                self.attach()
            while True:
                self.link.event('stopped', self.target)
                self.stops += 1
                time.sleep(random.random() * self.dwell)
                resume(self.link, self.target)
        except (wire.Closed, wire.Error, OSError, AssertionError):
            pass

    def strike(self, sig, whom=None, after=None):
        """Send it at a moment nobody knows, while it is at work; the guard's status."""
        def now():
            os.kill(whom or self.tracer, sig)
        timer = threading.Timer(random.uniform(0.02, 0.12) if after is None else after, now)
        timer.start()
        self.work()
        timer.join()
        return self.end()

    def end(self):
        status = self.link.child.wait(harness.PATIENCE)
        self.link.close()
        return status


class Steps(Session):
    """One that comes to every step of planting, passing, lifting and letting go: the tracer is of a build that dies at
    one of them (tests/kill), the Nth time that it comes there."""

    LABELS = '''seized plant-intended plant-written watch-loaded hit-taken hit-moved-back call-written call-begun call-stepping
call-made call-done slot-written slot-entered jump-begun jump-done alone-lifted alone-stepping restore-intended restore-written
lift-begun lift-written leave-begun leave-lifted detach-ready detached'''.split()

    def __init__(self, d, label, sig, nth=1, labels=None):
        base = harness.PREFIX if harness.ROOT and harness.PREFIX else os.path.join(harness.BUILD, 'tests')
        env = {'PROCSRV_KILL': f'{label}:{nth}:{int(sig)}', **({'PROCSRV_LABELS': labels} if labels else {})}
        super().__init__(d, guard=os.path.join(base, 'kill/procsrv-guard'), env=env)

    def work(self):
        d, link = self.d, self.link
        try:
            self.target, _ = link.attach(d.pid)
            link.event('stopped', self.target)
            plant(link, self.target, patch(d, 1, 'beat'), patch(d, 2, 'jump', ignore=1 << 62),
                  patch(d, 3, 'alone', False, ignore=1 << 62), patch(d, 4, 'beat', False, kind='HARD', ignore=1 << 62))
            resume(link, self.target)
            for _ in range(6):
                link.event('stopped', self.target)
                resume(link, self.target)
            link.do('patch_clear', target=self.target, ids=[{'id': 2}])
            link.do('detach', target=self.target)
            link.child.stdin.close()
        except (wire.Closed, wire.Error, OSError, AssertionError):
            pass

    def run(self):
        self.work()
        return self.end()


def held_up(argv, env):
    """Run that program until it starts its first child, and leave the child stopped: pids of both."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open('/dev/null', os.O_WRONLY), 1)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execve(argv[0], argv, dict(os.environ, **env))
    os.waitpid(pid, os.WUNTRACED)
    assert clean.libc.ptrace(clean.SEIZE, pid, None, TRACEFORK) == 0
    os.kill(pid, signal.SIGCONT)
    while (status := os.waitpid(pid, clean.WALL)[1]) >> 16 != EVENT_FORK:
        assert os.WIFSTOPPED(status), f'{argv} has started nobody'
        clean.libc.ptrace(CONT, pid, None, 0 if status >> 16 else os.WSTOPSIG(status))
    child = ctypes.c_ulong()
    clean.libc.ptrace(GETEVENTMSG, pid, None, ctypes.byref(child))
    os.waitpid(child.value, clean.WALL)
    os.kill(child.value, signal.SIGSTOP)
    for p in (child.value, pid):
        assert clean.libc.ptrace(clean.DETACH, p, None, None) == 0
    return pid, child.value


def count(d):
    """How often it has called."""
    try:
        with open(f'/proc/{d.pid}/mem', 'rb') as f:
            f.seek(d.facts['counts'])
            return sum(struct.unpack('<1024Q', f.read(8192)))
    except (OSError, struct.error):
        return 0


def verdict(d, seconds=5.0):
    """What has become of it, judged by the kernel's word alone."""
    faults = clean.eventually(lambda: clean.process_faults(d.pid), seconds)
    if not clean.alive(d.pid):
        d.expect_gone = True
        return DEAD
    if any('in its file' in f for f in faults):
        return PATCHED
    before = count(d)
    if clean.eventually(lambda: [] if count(d) > before else ['stands still'], seconds):
        return FROZEN
    return f'faults: {faults}' if faults else GOOD


class Tally:
    """What became of many."""

    def __init__(self, what):
        self.what, self.seen = what, {}

    def add(self, verdict):
        self.seen[verdict] = self.seen.get(verdict, 0) + 1

    @property
    def n(self):
        return sum(self.seen.values())

    def __str__(self):
        bad = ', '.join(f'{n} {what}' for what, n in sorted(self.seen.items()) if what != GOOD)
        return f'{self.what}: {self.n} injected, {self.seen.get(GOOD, 0)} survived' + (f', {bad}' if bad else '')
