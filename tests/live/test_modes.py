# SPDX-License-Identifier: BSD-2-Clause
"""Who runs and who stands: non-stop, scheduler-locking, and threads let run one by one."""

import os
import re
import signal
import subprocess
import threading

import pytest

import clean
import harness
from tracer import eventually, states


@pytest.fixture(params=['patched', pytest.param('patched-i386', marks=pytest.mark.i386)])
def busy(request, debuggee):
    """Four threads that come by work() for a long time."""
    d = debuggee(request.param, 4, 2000000000)
    os.kill(d.pid, signal.SIGUSR1)
    return d


@pytest.fixture
def session(world):
    """session(DEBUGGEE): hdb attached to it, spoken to line by line."""
    return lambda d: Session(world.hdb_start('-p', d.pid, stderr=subprocess.STDOUT), d)


class Session:
    def __init__(self, p, d):
        self.p, self.d, self.marks = p, d, 1000

    def do(self, *commands):
        """What they say."""
        self.marks += 1
        self.p.stdin.write(''.join(c + '\n' for c in commands) + f'print {self.marks}\n')
        self.p.stdin.flush()
        said = ''
        late = threading.Timer(harness.PATIENCE, self.p.kill)
        late.start()
        while not re.search(rf'^\$\d+ = {self.marks}$', said, re.M):
            line = self.p.stdout.readline()
            assert line, said
            said += line
        late.cancel()
        return said

    def stands(self):
        return [t for t, s in states(self.d.pid).items() if s == 't']

    def end(self):
        out, _ = self.p.communicate('detach\n', timeout=harness.PATIENCE)
        assert self.p.returncode == 0, out


def counts(d):
    """How often each thread has come by, whoever is asked nothing."""
    with open(f'/proc/{d.pid}/mem', 'rb') as mem:
        mem.seek(d.facts['tallies'])
        data = mem.read(4 * 64)
    return [int.from_bytes(data[i:i + 8], 'little') for i in range(0, 256, 64)]


def go_on(d, *threads):
    """These (by number, from 0) come by again; the others do not."""
    before = counts(d)
    assert eventually(lambda: all(counts(d)[i] > before[i] for i in threads))
    before = counts(d)
    assert eventually(lambda: all(counts(d)[i] > before[i] + 1000 for i in threads))
    after = counts(d)
    return [i for i in range(4) if after[i] > before[i]] == sorted(threads)


def number(d, tid):
    """Of a thread among the debuggee's; they are made in this order."""
    return d.tids().index(tid)


def test_without_non_stop_all_stand(busy, session):
    s = session(busy)
    assert 'breakpoint 1, work ' in s.do('tbreak work', 'continue')
    assert sorted(s.stands()) == busy.tids()
    s.end()


def test_in_non_stop_only_the_thread_that_hits_stands(busy, session):
    s = session(busy)
    first = busy.tids()[0]
    said = s.do('set non-stop on', 'tbreak work thread 1', 'continue')
    assert 'breakpoint 1, work ' in said
    # The others come by it, too, and stand for moments.
    assert first in s.stands() and go_on(busy, 1, 2, 3)
    # They go on while it is looked at and stepped.
    assert 'work (' in s.do('stepi', 'bt 1')
    assert first in s.stands() and go_on(busy, 1, 2, 3)
    s.do('continue -t &')
    assert go_on(busy, 0, 1, 2, 3)
    s.do('interrupt')
    assert sorted(s.stands()) == busy.tids()
    s.end()


def test_a_locked_scheduler_lets_one_go_on_and_the_others_stand(busy, session):
    s = session(busy)
    assert 'Breakpoint 1, work ' in s.do('break work thread 3', 'continue')
    third = busy.tids()[2]
    assert sorted(s.stands()) == busy.tids()
    before = counts(busy)
    said = s.do('set scheduler-locking on', 'continue', 'continue', 'continue')
    assert said.count('Breakpoint 1, work ') == 3
    assert [now - then for now, then in zip(counts(busy), before)] == [0, 0, 3, 0]
    s.do('delete', 'continue &')
    assert go_on(busy, number(busy, third)) and third not in s.stands()
    s.do('interrupt', 'set scheduler-locking off', 'continue &')
    assert go_on(busy, 0, 1, 2, 3) and not s.stands()
    s.do('interrupt')
    s.end()


def test_locked_for_steps_continuing_lets_all_go(busy, session):
    s = session(busy)
    s.do('set scheduler-locking step', 'tbreak work thread 2', 'continue')
    before = counts(busy)
    s.do(*['stepi'] * 20)
    assert [counts(busy)[i] for i in (0, 2, 3)] == [before[i] for i in (0, 2, 3)]
    s.do('continue &')
    assert go_on(busy, 0, 1, 2, 3)
    s.do('interrupt')
    s.end()
