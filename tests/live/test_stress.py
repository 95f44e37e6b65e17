# SPDX-License-Identifier: BSD-2-Clause
"""Many hits, and many visits to a server that is at work. Few of each in `make check`; all of them, with their figures,
in `make stress`."""

import functools
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import clean
import harness
from patching import (E, ALWAYS, NEVER, call_number, code, const, describe, divides, equal, expected, hits, patch, plant,
                      resume, stopped, tallies, work, worked)
from services import need, start_redis
from tracer import go_on, hold_up, states, stop, tracer_of

MANY = 1 << 62
THREADS = 200
PLACES = ['plain', 'jcc', 'call', 'loop', 'syscall', 'ret', 'work']
CALLS = 100000 if harness.STRESS else 200
LONG = 3600


@pytest.fixture(params=['patched', pytest.param('patched-i386', marks=pytest.mark.i386)])
def patched(request, debuggee):
    """200 threads that have their calls before them, for both kinds of programs."""
    return debuggee(request.param, THREADS, CALLS, env={'DEBUGGEE_SECONDS': str(LONG)})


def rate(what, count, began):
    took = time.monotonic() - began
    print(f'{count} {what} in {took:.1f} s: {count / took:.0f} per second')


def test_a_counting_condition_in_200_threads(link, patched):
    target, _ = stop(link, patched)
    plant(link, target, patch(patched, 1, 'work', condition=divides(10, call_number(patched)), ignore=MANY),
          patch(patched, 2, 'work', condition=NEVER), patch(patched, 3, 'work', condition=ALWAYS, ignore=MANY))
    resume(link, target)
    began = time.monotonic()
    work(patched)
    assert worked(link, target, patched, threads=THREADS, seconds=LONG)
    rate('hits with three conditions', THREADS * CALLS, began)
    counted = tallies(link, target, patched, THREADS)
    assert counted == [expected(CALLS)] * THREADS
    calls = sum(c for c, _, _ in counted)
    assert hits(link, target) == {1: calls // 10, 2: 0, 3: calls}
    assert not link.events


def born(d):
    """Its threads in the order of their birth, which is not that of their numbers when those have begun anew."""
    return [int(tid) for tid in os.listdir(f'/proc/{d.pid}/task')]


def test_a_condition_true_once_in_each_of_200_threads_stops_each_once(link, patched):
    target, _ = stop(link, patched)
    plant(link, target, patch(patched, 1, 'work', condition=equal(call_number(patched), const(CALLS // 2))))
    resume(link, target)
    began = time.monotonic()
    work(patched)
    # Until then nothing is reported; that may take longer than any reply.
    link.timeout = LONG
    seen = []
    while len(seen) < THREADS:
        _, causes = stopped(link, target)
        counts = dict(zip(born(patched), tallies(link, target, patched, THREADS)))
        for cause in causes:
            seen.append(cause['tid'])
            assert cause['hits'] == len(seen) and counts[cause['tid']][0] == CALLS // 2
        resume(link, target)
    assert sorted(seen) == patched.tids()
    assert worked(link, target, patched, threads=THREADS, seconds=LONG)
    rate(f'hits, {THREADS} of them stops,', THREADS * CALLS, began)
    assert tallies(link, target, patched, THREADS) == [expected(CALLS)] * THREADS
    assert hits(link, target) == {1: THREADS} and not link.events


# ---- its end ----------------------------------------------------------------------------------


def test_a_target_is_killed_at_any_point_while_it_steps_and_hits(link, debuggee):
    rng = random.Random(3)
    for _ in range(500 if harness.STRESS else 50):
        d = debuggee('patched', rng.choice((1, 4, 20)), 1000000)
        target, _ = stop(link, d)
        plant(link, target, *[patch(d, i, p, rng.random() < 0.5, ignore=rng.choice((0, MANY)))
                              for i, p in enumerate(PLACES, 1)])
        work(d)
        base = d.facts['work'] & ~0xfff
        how = dict(action=rng.choice(('CONT', 'STEP', 'RANGE')), lo=base - 8192, hi=base + 8192)
        deadline = time.monotonic() + rng.random() * 0.05
        resume(link, target, **how)
        while time.monotonic() < deadline:
            link.settle(0.001)
            if any(name == 'stopped' for name, *_ in link.events):
                link.events.clear()
                resume(link, target, **how)
        d.kill()
        assert link.event('exited', target)['status'] == signal.SIGKILL
        link.events.clear()
    after = debuggee('patched', 2, 10)
    target, _ = stop(link, after)
    assert set(states(after.pid).values()) == {'t'}


@pytest.mark.once
def test_a_host_is_not_blamed_for_time_in_which_the_tracer_did_not_run(link, debuggee):
    d = debuggee('sleepers', 2)
    target, _ = stop(link, d)
    tracer = tracer_of(link)
    hold_up(tracer)
    time.sleep(16)  # a host is lost that says nothing for 14 s
    go_on(tracer)
    assert set(states(d.pid).values()) == {'t'}
    link.do('detach', target=target)


# ---- a server at work -------------------------------------------------------------------------


class Clients:
    """Connections that count a key of their own up, and know each answer beforehand; and redis' own load beside them."""

    def __init__(self, port, connections=4):
        self.port, self.over, self.wrong, self.answers = port, False, [], [0] * connections
        self.benchmark = subprocess.Popen(
            [need('redis-benchmark'), '-p', str(port), '-c', '10', '-l', '-q', '-t', 'set,get,lpush'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(connections)]
        for t in self.threads:
            t.start()

    def run(self, i):
        try:
            with socket.create_connection(('127.0.0.1', self.port), harness.PATIENCE) as s, s.makefile('rb') as answers:
                while not self.over:
                    s.sendall(b'INCR stress-%d\r\n' % i * 8)
                    for _ in range(8):
                        self.answers[i] += 1
                        if (line := answers.readline()) != b':%d\r\n' % self.answers[i]:
                            self.wrong.append(line)
                            return
        except OSError as e:
            self.wrong.append(e)

    def end(self):
        """How many answers there were; what was wrong."""
        self.over = True
        for t in self.threads:
            t.join()
        if self.benchmark.poll() is not None:
            self.wrong.append(f'redis-benchmark ended with {self.benchmark.returncode}')
        self.benchmark.kill()
        self.wrong += self.benchmark.communicate()[1].splitlines()
        return sum(self.answers), self.wrong


@pytest.fixture
def busy_redis(world):
    """A server, and clients that must not notice anything."""
    redis, port = start_redis(world)
    clients = Clients(port)
    yield redis
    answers, wrong = clients.end()
    print(f'{answers} answers to clients, {len(wrong)} errors')
    assert not wrong and answers
    assert not clean.text_faults(redis.pid)
    assert not anonymous_code(redis.pid)


def anonymous_code(pid):
    """Mappings that may be executed and are of no file: redis has none, the pages of slots are some."""
    maps = [line.split() for line in clean.read(f'/proc/{pid}/maps').splitlines()]
    return [m for m in maps if 'x' in m[1] and len(m) < 6]


@functools.lru_cache(None)
def exported(path, name):
    """Offset in the file's addresses, and the instruction there, of a symbol that a stripped program still has."""
    text = subprocess.run(['nm', '-D', path], check=True, capture_output=True, text=True).stdout
    addr = int(re.search(rf'^([0-9a-f]+) T {name}$', text, re.M)[1], 16)
    data, words = code(path, addr, 16)[addr]
    return addr, dict(describe(data, words), bytes=data)


def command_patch(pid, told):
    """A patch where redis begins to execute a command."""
    path = os.readlink(f'/proc/{pid}/exe')
    offset, facts = exported(path, 'processCommand')
    base = min(int(line.split('-')[0], 16) for line in clean.read(f'/proc/{pid}/maps').splitlines() if path in line)
    return dict({'id': 1, 'kind': E['PATCH_SOFT'], 'addr': base + offset}, **(facts if told else {}))


def visit(link, pid, told):
    """Attach, a breakpoint, its first hit, on again, and away while the server runs over it."""
    target, _ = link.attach(pid)
    link.event('stopped', target)
    plant(link, target, command_patch(pid, told))
    resume(link, target)
    stopped(link, target)
    resume(link, target)
    link.do('detach', target=target)
    link.events.clear()


def test_20_visits_a_second_go_unnoticed_by_a_servers_clients(link, busy_redis):
    visits = 1200 if harness.STRESS else 60
    began = time.monotonic()
    for n in range(visits):
        time.sleep(max(0, began + n / 20 - time.monotonic()))
        visit(link, busy_redis.pid, n % 2 == 0)
        assert not clean.text_faults(busy_redis.pid)
    rate('visits', visits, began)


def test_visits_as_fast_as_they_go(link, busy_redis):
    visits = 5000 if harness.STRESS else 100
    began = time.monotonic()
    for n in range(visits):
        visit(link, busy_redis.pid, n % 2 == 0)
    rate('visits', visits, began)


def test_visits_of_hdb_go_unnoticed_by_a_servers_clients(hdb, busy_redis):
    visits = 100 if harness.STRESS else 5
    began = time.monotonic()
    for _ in range(visits):
        r = hdb('-p', busy_redis.pid, '-batch', '-ex', 'break processCommand', '-ex', 'continue', '-ex', 'detach')
        assert r.status == 0 and 'Breakpoint 1, ' in r.out, r
    rate('visits of hdb', visits, began)
