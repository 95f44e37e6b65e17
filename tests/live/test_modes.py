# SPDX-License-Identifier: BSD-2-Clause
"""Who runs and who stands: non-stop, scheduler-locking, and threads let run one by one."""

import os
import re
import select
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


def counts(d, n=4):
    """How often each thread has come by, whoever is asked nothing."""
    with open(f'/proc/{d.pid}/mem', 'rb') as mem:
        mem.seek(d.facts['tallies'])
        data = mem.read(n * 64)
    return [int.from_bytes(data[i:i + 8], 'little') for i in range(0, n * 64, 64)]


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


# ---- what nobody hears of ------------------------------------------------------------------

LIBRARY = os.path.join(harness.DEBUGGEES, 'libplugin.so')
WORKS, BESIDE = 2, 3  # the numbers of its threads


@pytest.fixture
def loads(debuggee):
    """Two threads that come by, and a first one that loads a library for every line it is sent."""
    return debuggee('loads', LIBRARY, busy=True)


def kept_awake(s, condition):
    """It holds sooner or later, while hdb, which reads commands from a pipe, sees to what happens between them."""
    return eventually(lambda: s.do('info program') and condition())


def load(s):
    """The library is loaded and unloaded."""
    d = s.d
    d.process.stdin.write(b'\n')
    d.process.stdin.flush()
    assert kept_awake(s, lambda: select.select([d.process.stdout], [], [], 0)[0])
    assert d.process.stdout.readline() == b'loaded\n'


def comes_by(s, which, times=20):
    """The thread that counts there (0 works, 1 is beside it) goes on."""
    before = counts(s.d, 2)[which]
    return kept_awake(s, lambda: counts(s.d, 2)[which] >= before + times)


def held_at_work(s):
    """Non-stop, that thread held at a breakpoint, and the others run."""
    d = s.d
    s.do('set non-stop on', f'break work thread {WORKS}', 'continue')
    assert d.tids()[WORKS - 1] in s.stands() and comes_by(s, 1)


def stays_held(s, before):
    d = s.d
    return comes_by(s, 1) and counts(d, 2)[0] == before and d.tids()[WORKS - 1] in s.stands()


@pytest.mark.once
def test_in_non_stop_a_loaded_library_lets_nobody_go_who_is_held(loads, session):
    s = session(loads)
    s.do('set breakpoint pending on', 'break not_there_yet')
    held_at_work(s)
    before = counts(loads, 2)[0]
    for _ in range(3):
        load(s)
        assert stays_held(s, before)
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_libraries_that_load_before_non_stop_is_set_stop_nobody_after_it(loads, session):
    s = session(loads)
    s.do('set breakpoint pending on', 'break not_there_yet', 'continue &', 'interrupt')
    held_at_work(s)
    before = counts(loads, 2)[0]
    load(s)
    assert stays_held(s, before)
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_in_non_stop_a_false_condition_lets_only_its_own_thread_go(loads, session):
    s = session(loads)
    held_at_work(s)
    before = counts(loads, 2)[0]
    # One that only the host can evaluate.
    s.do('print $wanted = 0', 'break beside if $wanted')
    assert stays_held(s, before)
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_in_non_stop_one_thread_is_stepped_while_anothers_condition_is_false(loads, session):
    s = session(loads)
    held_at_work(s)
    s.do('delete 1', 'print $wanted = 0', 'break beside if $wanted')
    assert 'comes_by (' in s.do('next', 'next', 'next')
    for _ in range(20):
        said = s.do('print $pc', 'stepi', 'print $pc')
        was, now = re.findall(r'^\$\d+ = .* (0x[0-9a-f]+)', said, re.M)
        assert was != now and loads.tids()[WORKS - 1] in s.stands()
    assert comes_by(s, 1)
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_in_non_stop_both_of_two_that_hit_something_are_told(loads, session):
    s = session(loads)
    said = [s.do('set non-stop on', 'break work', 'break beside', 'continue')]
    # However their stops fall together, each is told by itself, and stands.

    def both():
        said.append(s.do('info program'))
        return set(loads.tids()[1:]) <= set(s.stands()) and all(f'{f} (n=' in ''.join(said) for f in ('work', 'beside'))
    assert eventually(both), said
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_a_thread_that_was_interrupted_alone_is_not_let_go_by_a_false_condition(loads, session):
    s = session(loads)
    s.do(f'thread {WORKS}', 'continue &', f'thread {WORKS}', 'interrupt -t', 'print $wanted = 0',
         'break beside if $wanted')
    before = counts(loads, 2)[0]
    assert stays_held(s, before)
    s.do('interrupt')
    s.end()


@pytest.mark.once
def test_jump_in_non_stop_is_for_one_thread(loads, session):
    s = session(loads)
    held_at_work(s)
    s.do('interrupt', 'delete', 'tbreak work')
    assert sorted(s.stands()) == loads.tids()
    before = counts(loads, 2)
    assert 'breakpoint 2, work ' in s.do(f'thread {WORKS}', 'jump work')
    assert sorted(s.stands()) == loads.tids() and counts(loads, 2)[1] == before[1]
    s.end()
