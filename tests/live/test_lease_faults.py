# SPDX-License-Identifier: BSD-2-Clause
"""Links that fall silent, are cut and come back while processes of 1, 8 and 200 threads are debugged over them (SECURITY
section 4, faults 3 to 6). A few times each in `make check`, as often as SECURITY asks in `make torture`."""

import random
import signal
import struct

import pytest

import clean
import harness
import wire
from deaths import GOOD, Tally, times, verdict
from patching import patch, plant, resume
from resuming import state, stop, traced

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')
THREADS = [1, 8, 200]
SILENCE = 15  # seconds until it is noticed; the processes run 2 s later
SESSIONS = 12  # at once


def beating(debuggee, threads):
    """It calls so often in all, however many threads it has."""
    return debuggee('beats', 5000 * min(threads, 20), threads, busy=True, env={'DEBUGGEE_SECONDS': '3600'})


def attached(hosts, box, d, runs, port=None, loss='DEFAULT'):
    """A host with something planted in d that it meets again and again: host, target. It stands there, or it runs and
    will meet it when nobody can be told."""
    host = hosts(box, port=port)
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_' + loss])
    plant(host, target, patch(d, 1, 'beat'))
    resume(host, target)
    host.event('stopped', target)
    if runs:
        plant(host, target, patch(d, 2, 'beat', False, kind='HARD', ignore=1 << 62))
        resume(host, target)
    return host, target


@pytest.mark.once
def test_who_is_debugged_over_a_link_that_falls_silent_runs_on(world, leased, hosts, debuggee):
    """Stopped, or about to stop; many sessions at a time, since each takes so long."""
    box, t = leased('grace=4s'), Tally('silent link')
    targets = [beating(debuggee, n) for n in (THREADS * SESSIONS)[:min(SESSIONS, times(len(THREADS) * 2, 400))]]
    for turn in range(max(1, times(1, 400) // SESSIONS)):
        p = world.proxy(box.port)
        for i, d in enumerate(targets):
            attached(hosts, box, d, runs=(i + turn + i // len(THREADS)) % 2, port=p.port)
        p.process.send_signal(signal.SIGSTOP)  # nobody gets through, and nobody is told
        assert not clean.eventually(lambda: [d for d in targets if traced(d.pid)], SILENCE + 5)
        for d in targets:
            t.add(seen := verdict(d))
            assert seen == GOOD, (seen, len(d.tids()))
        assert len(box.audit(event='lost')) >= len(targets)
        assert not clean.eventually(box.sessions, 10), 'the lease is over'
        p.process.send_signal(signal.SIGCONT)
        p.finish()
    print(t)
    assert not box.quiet()


def signals_of(d):
    with open(f'/proc/{d.pid}/mem', 'rb') as f:
        f.seek(d.facts['queued'])
        return struct.unpack('<Q', f.read(8))[0]


@pytest.mark.once
@pytest.mark.parametrize('threads', THREADS)
def test_a_link_that_comes_back_finds_the_same_stop_and_nothing_done_twice(leased, hosts, debuggee, threads):
    """Cut at any moment, or (the host's machine began anew) still there when the next one comes."""
    box, rng, t = leased(), random.Random(threads), Tally(f'link that comes back, {threads} threads')
    d, other = beating(debuggee, threads), debuggee('signals')
    host, target = attached(hosts, box, d, runs=False, loss='HOLD')
    counted, _ = stop(host, other, loss=wire.ENUM['LOSS_HOLD'])
    sent = 0
    for i in range(times(8, 200)):
        regs = host.do('regs_read', target=target, notes=[{'note': wire.NT_PRSTATUS}])['regs']
        asked = [host.ask('send_signal', target=counted, signal=40) for _ in range(rng.randrange(1, 12))]
        sent += len(asked)
        if rng.random() < 0.5:
            host.wait(rng.choice(asked))
        old = host
        if i % 2:
            old.cut()
        host = hosts(box, before=old)
        assert host.opened['resumed'] and traced(d.pid)
        for id in asked:
            if id in host.waiting or id in host.replies:
                host.wait(id)
        assert {s['State'][0] for n in d.tids() if (s := clean.status(d.pid, n))} == {'t'}
        assert regs == host.do('regs_read', target=target, notes=[{'note': wire.NT_PRSTATUS}])['regs']
        if rng.random() < 0.5:
            host.ack()
        if i % 4 == 3:
            resume(host, target)
            host.event('stopped', target)
        if not i % 2:
            assert old.ending() in ('LOST', 'SHUTDOWN', 'closed', 'reset')
        t.add(GOOD)
    host.do('detach', target=counted)
    host.do('detach', target=target)
    assert not clean.eventually(lambda: [] if signals_of(other) == sent else [signals_of(other), sent])
    assert verdict(d) == GOOD and state(other.pid) in 'SR'
    host.leave()
    print(t)
    assert not box.quiet() and not box.audit(event='expired')
