# SPDX-License-Identifier: BSD-2-Clause
"""Each allocation and each system call of ours fails once: that is an error for the host, or the session's end, and
nothing of it is seen in the process. Some of them in `make check`, all in `make torture`."""

import collections
import os
import random
import re
import shutil

import pytest

import clean
import failing
import harness
import tracer
import wire
from deaths import GOOD, TORTURE, Tally, times, verdict
from resuming import stop

SANITIZED = 'san' in os.path.basename(harness.BUILD)
pytestmark = pytest.mark.skipif(SANITIZED, reason='the sanitizers have an allocator of their own')
FEW, MANY = 20, 1000


@pytest.fixture
def control(world):
    c = failing.Control(world)
    yield c
    c.close()


def chosen(n):
    """Which of n: the first ones, and some of the others."""
    many, rng = times(FEW, MANY) // 2, random.Random(7)
    return sorted({*range(1, min(n, many) + 1), *(rng.randint(1, n) for _ in range(many if n > many else 0))})


@pytest.mark.once
@pytest.mark.parametrize('program', ['tracer', 'reader', 'guard', 'launch'])
def test_an_allocation_that_fails_is_an_error_and_no_harm(debuggee, control, program):
    d = debuggee('beats', 5000, 4, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    control.fail('procsrv-' + program, 0)
    assert failing.session(control, d).run() == 0 and verdict(d) == GOOD
    n, t, bad = control.count, Tally(f'allocation of the {program}'), []
    for i in chosen(n):
        control.fail('procsrv-' + program, i)
        s = failing.session(control, d)
        status = s.run() if s else 1
        if not control.failed:
            continue
        t.add(seen := verdict(d))
        # Whoever cannot start says so and ends with 1; nobody dies of a signal.
        bad += [(i, seen, status, s and s.failures)] * (seen != GOOD or status not in (0, 1))
    print(t, f'of {n}')
    assert not bad, bad
    assert n == 0 or t.n


def visit(hosts, box, d):
    """A whole session over the network, as far as it comes."""
    try:
        host = hosts(box)
        target, _ = stop(host, d)
        host.do('threads', target=target)
        host.do('ps', limit=2)
        host.do('detach', target=target)
        host.leave()
        return True
    except (wire.Closed, wire.Error, OSError, AssertionError):
        return False


@pytest.mark.once
@pytest.mark.parametrize('program', ['conn', 'monitor'])
def test_an_allocation_of_a_connections_that_fails_ends_that_connection(control, leased, hosts, debuggee, monkeypatch,
                                                                        program):
    monkeypatch.setattr(harness, 'program', lambda name: os.path.join(control.place, 'bin', name))
    d = debuggee('sleepers')
    control.fail('procsrv-' + program, 0)
    box = leased('grace=0')
    control.fail('procsrv-' + program, 0)
    assert visit(hosts, box, d) and not box.quiet()
    n, t = control.count, Tally(f'allocation of the {program}')
    assert not box.stop()
    for i in chosen(n):
        control.fail('', 0)
        box = leased('grace=0')  # each has an address to keep out of its own
        control.fail('procsrv-' + program, i)
        visit(hosts, box, d)
        control.fail('', 0)
        assert not box.quiet(), f'allocation {i}'
        t.add(GOOD if not clean.eventually(d.faults) else 'faults')
        assert box.process.poll() is None
        # glibc 2.36 ends a program that has no memory to look up users; the connection is over either way.
        assert not [f for f in box.stop() if 'nss_database' not in f]
    print(t, f'of {n}')
    assert t.n and set(t.seen) == {GOOD}


HOST = ['-batch', '-ex', 'info threads', '-ex', 'bt', '-ex', 'break beat', '-ex', 'continue', '-ex', 'info locals', '-ex',
        'step', '-ex', 'print counts[0]', '-ex', 'x/4i $pc', '-ex', 'finish', '-ex', 'delete', '-ex', 'detach']


@pytest.mark.once
def test_an_allocation_of_the_hosts_that_fails_is_an_error_and_no_harm(world, debuggee):
    """hdb with its engine: it may end, and says so; nobody dies of a signal. libdw does, where it has no memory itself."""
    host = failing.Control(world, 'bin')
    d, rng = debuggee('beats', 5000, 2, busy=True, env={'DEBUGGEE_SECONDS': '3600'}), random.Random(7)
    as_alice = ['setpriv', *(f'--{of}id={harness.ALICE}' for of in ('reu', 'reg')), '--clear-groups'] if harness.ROOT else []

    def run(n):
        host.fail('hdb', n, own=True)
        return world.run([*as_alice, os.path.join(host.place, 'bin/hdb'), '-p', str(d.pid), *HOST])
    r = run(0)
    assert r.status == 0 and verdict(d) == GOOD, repr(r)
    n, t, bad = host.count, Tally('allocation of the host'), []
    for i in sorted({rng.randint(1, n) for _ in range(times(FEW, MANY))}):
        r = run(i)
        if not host.failed:
            continue
        t.add(seen := verdict(d))
        bad += [(i, seen, r.status, r.err[-300:])] * (
            seen != GOOD or r.status not in (0, 1, 2) or (r.status and not r.err))
    host.close()
    print(t, f'of {n}')
    assert not bad, bad
    assert t.n


# ---- system calls

ERRNOS = ('EINTR', 'ENOMEM', 'EIO', 'ESRCH', 'EPERM', 'EMFILE')
# Without these there is nothing that could tell of an error; the kernel's brk(2) has none.
VITAL = {'brk', 'exit_group', 'execve', 'rt_sigreturn', 'restart_syscall', 'arch_prctl', 'set_tid_address', 'rseq',
         'set_robust_list'}


class Traced(tracer.Session):
    """A tracer below strace(1), and no guard."""

    def __init__(self, options):
        strace = [shutil.which('strace'), *(('-u', harness.ALICE) if harness.ROOT else ()), *options]
        super().__init__('LOOK', 'STOP', 'WRITE', 'LAUNCH', below=strace)
        self.pipe.setblocking(False)


def run_traced(d, *options):
    """How it ended."""
    t = Traced(options)
    s = failing.Session(t.link, d)
    try:
        s.debug()
        s.do('detach', target=s.target)
    except (wire.Closed, OSError, AssertionError) as e:
        s.failures.append(repr(e))
    t.link.sock.close()
    t.pipe.close()
    return t.process.wait(harness.PATIENCE), s.failures


def calls_of(world, d):
    """{system call: from which to which of them are ours}, of one whole session: those before it says that nobody is to
    look into it are the dynamic loader's."""
    path = world.path('calls')
    assert run_traced(d, '-o', path)[0] == 0
    loader, every, ours = collections.Counter(), collections.Counter(), False
    with open(path) as f:
        for m in (m for line in f if (m := re.match(r'(\w+)\(', line))):
            ours = ours or m[1] == 'prctl'
            every[m[1]] += 1
            loader[m[1]] += not ours
    return {name: (loader[name] + 1, n) for name, n in every.items() if name not in VITAL and n > loader[name]}


def places(calls):
    """Which call of which kind fails how: those that are made often, near their beginning and now and then."""
    every = [(name, n, errno) for name, (first, last) in sorted(calls.items())
             for n in sorted({min(last, first + n) for n in (0, 1, 2, 4, 7, 12, 20, 33, 54, 88, 143)})
             for errno in ERRNOS]
    return every if TORTURE >= 1 else random.Random(3).sample(every, min(len(every), times(FEW, MANY)))


@pytest.mark.once
@pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')
def test_a_system_call_that_fails_is_an_error_and_no_harm(world, debuggee):
    d = debuggee('beats', 5000, 4, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    t, bad = Tally('system call of the tracer'), []
    for name, n, errno in places(calls_of(world, d)):
        if d.expect_gone:
            d = debuggee('beats', 5000, 4, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
        status, failures = run_traced(d, '-o', '/dev/null', '-e', f'inject={name}:error={errno}:when={n}')
        t.add(seen := verdict(d))
        bad += [(name, n, errno, seen, status, failures)] * (seen != GOOD or status not in (0, 1))
    print(t)
    assert not bad, '\n'.join(map(str, bad))
