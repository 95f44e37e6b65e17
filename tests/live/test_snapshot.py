# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots."""

import os
import time

import clean
import wire
from tracer import SIGUSR1, SIGCONT, SIGSTOP, SP, word, eventually, states


def test_a_snapshot_of_200_threads(link, debuggee):
    d = debuggee('sleepers', 200)
    s = link.do('snapshot', pid=d.pid, window=8192, total=16 << 20, notes=[{'note': 1}])
    assert sorted(t['tid'] for t in s['threads']) == d.tids() and len(s['regs']) == 200
    assert {t['name'] for t in s['threads']} >= {b'sleeper-1', b'sleeper-199'}
    assert s['maps'] and s['procs'][0]['pid'] == d.pid and s['stopped_ns'] > 0
    chunks = sorted(s['chunks'], key=lambda c: c['addr'])
    for g in s['regs']:
        sp = word(g['data'], SP)
        assert any(c['addr'] <= sp - 128 and sp + 512 <= c['addr'] + c['len'] for c in chunks)
    # 12 frames deep: the window holds all of a thread's stack that is in use
    assert not d.faults()


def test_a_snapshot_says_what_it_cut(link, debuggee):
    d = debuggee('deep', busy=True)
    s = link.do('snapshot', pid=d.pid, window=4096, total=16 << 20, notes=[{'note': 1}])
    cut, = [c for c in s['cuts'] if c['tid'] == d.pid]
    sp = word(next(g['data'] for g in s['regs'] if g['tid'] == d.pid), SP)
    stack = next(m for m in s['maps'] if m['lo'] <= sp < m['hi'])
    assert cut['got'] == 4096 and cut['want'] == stack['hi'] - sp and wire.ERRORS[cut['err']] == 'OK'


def test_a_snapshot_keeps_its_bound(link, debuggee):
    d = debuggee('sleepers', 50)
    before = link.owed
    link.auto_ack = False
    s = link.do('snapshot', pid=d.pid, window=32768, total=200000, notes=[{'note': 1}])
    assert link.owed - before <= 210000
    assert len(s['regs']) == 50 and s['cuts']


def test_snapshots_of_what_the_session_has(link, debuggee):
    d = debuggee('signals')
    for how in ('STOP', 'RUN', 'LOOK'):
        target, _ = link.attach(d.pid, how=how)
        if how == 'STOP':
            link.event('stopped', target)
        state = {'t' if how == 'STOP' else 'S'}
        # A thread that was just let go is R for a moment.
        assert eventually(lambda: set(states(d.pid).values()) == state)
        s = link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])
        assert len(s['regs']) == 3 and not [c for c in s['cuts'] if c['err']]
        assert eventually(lambda: set(states(d.pid).values()) == state)
        assert not link.events
        link.do('detach', target=target)
    os.kill(d.pid, SIGSTOP)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    assert len(link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])['regs']) == 3
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    assert clean.status(d.pid)['TracerPid'] == '0'
    os.kill(d.pid, SIGCONT)


def test_a_snapshot_marks_threads_that_cannot_stop(link, debuggee):
    d = debuggee('odd', 'vfork', 60000, busy=True)
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'D')
    for _ in range(10):  # on a busy machine others may be late as well
        s = link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])
        cuts = [(c['tid'], wire.ERRORS[c['err']]) for c in s['cuts'] if c['err']]
        if cuts == [(d.pid, 'BUSY')]:
            break
    assert cuts == [(d.pid, 'BUSY')] and len(s['regs']) == 3
    d.end_children()
    assert eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')


def test_a_snapshot_of_one_that_is_killed_meanwhile(link, debuggee):
    for delay in (0, 0.0002, 0.001, 0.003, 0.01):
        d = debuggee('sleepers', 100)
        id = link.ask('snapshot', pid=d.pid, window=8192, total=16 << 20, notes=[{'note': 1}])
        time.sleep(delay)
        d.kill()
        try:
            link.wait(id)
        except wire.Error as e:
            assert e.name in ('GONE', 'NO_PROCESS', 'ZOMBIE', 'OS'), e
    link.do('ps')


def test_a_snapshot_can_be_cancelled(link, debuggee):
    d = debuggee('sleepers', 100)
    id = link.ask('snapshot', pid=d.pid, window=32768, total=16 << 20, notes=[{'note': 1}])
    link.send('cancel', request=id)
    try:
        link.wait(id)
    except wire.Error as e:
        assert e.name == 'CANCELLED'
    assert not clean.eventually(d.faults)
