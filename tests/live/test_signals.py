# SPDX-License-Identifier: BSD-2-Clause
"""Signals and job control of a target."""

import os
import signal
import struct
import subprocess
import time

import pytest

import clean
import harness
import wire
from tracer import SIGUSR1, SIGCONT, SIGSTOP, bit, as_user, stop, peek, eventually, states, go


def test_signals_pass_with_what_was_sent_along(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    send = subprocess.Popen(['/usr/bin/python3', '-c', f'''
import ctypes, os
class V(ctypes.Union):
    _fields_ = [("i", ctypes.c_int), ("p", ctypes.c_void_p)]
ctypes.CDLL(None).sigqueue({d.pid}, {SIGUSR1}, V(p=0x1234))
'''], **as_user(harness.ALICE))
    send.wait()
    counts = d.facts['counts']
    assert eventually(lambda: peek(link, target, counts) == 1)
    assert peek(link, target, counts + 8) == 0x1234 and peek(link, target, counts + 16) == send.pid
    assert not link.events


def test_signals_are_reported_in_passing_when_asked(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, report=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    e = link.event('signalled', target)
    assert e['signal'] == SIGUSR1 and struct.unpack_from('<i', e['siginfo'])[0] == SIGUSR1
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 1)


def test_signals_are_ignored_when_asked(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, ignore=bit(SIGUSR1), report=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    link.event('signalled', target)
    time.sleep(0.1)
    assert peek(link, target, d.facts['counts']) == 0


@pytest.mark.parametrize('answer,count', [(-1, 1), (0, 0)])
def test_a_signal_that_stops_is_passed_or_swallowed_at_resume(link, debuggee, answer, count):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    bundle = link.event('stopped', target)
    assert bundle['all'] == 1
    cause, = [s for s in bundle['stops'] if s['reason'] == wire.ENUM['STOP_SIGNAL']]
    assert cause['signal'] == SIGUSR1 and struct.unpack_from('<i', cause['siginfo'])[0] == SIGUSR1
    go(link, target, signal=answer)
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})
    time.sleep(0.05)
    assert peek(link, target, d.facts['counts']) == count


def test_a_signal_can_be_sent_at_resume(link, debuggee):
    d = debuggee('signals')
    target, _ = stop(link, d)
    go(link, target, signal=SIGUSR1, tid=d.pid)
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 1)


def test_a_signal_held_at_detach_is_not_lost(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(SIGUSR1))
    os.kill(d.pid, SIGUSR1)
    link.event('stopped', target)
    link.do('detach', target=target)
    target, _ = link.attach(d.pid, how='LOOK')
    assert eventually(lambda: peek(link, target, d.facts['counts']) == 1)
    assert not d.faults()


def test_job_control_works_as_without_us(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    os.kill(d.pid, SIGSTOP)
    assert link.event('job_stopped', target)['signal'] == SIGSTOP
    os.kill(d.pid, SIGCONT)
    link.event('job_continued', target)
    assert eventually(lambda: peek(link, target, d.facts['counts'] + 24) == 1)
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})
    link.settle(0.1)
    assert not [e for e in link.events if e[0].startswith('job')]


@pytest.mark.parametrize('sig', ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])
def test_a_signal_that_would_stop_the_job_can_be_caught_first(link, debuggee, sig):
    d, sig = debuggee('signals'), getattr(signal, sig)
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(sig))
    os.kill(d.pid, sig)
    cause, = link.event('stopped', target)['stops']
    assert (cause['reason'], cause['signal']) == (wire.ENUM['STOP_SIGNAL'], sig)
    assert set(states(d.pid).values()) == {'t'}
    go(link, target, signal=0)  # it never had it
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})
    link.settle()
    assert not link.events


def test_a_caught_sigstop_that_is_delivered_stops_the_job(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('signals', target=target, stop=bit(SIGSTOP))
    for n in (1, 2):
        os.kill(d.pid, SIGSTOP)
        assert link.event('stopped', target)['stops'][0]['signal'] == SIGSTOP
        go(link, target)
        assert link.event('job_stopped', target)['signal'] == SIGSTOP
        assert len([t for t in link.do('threads', target=target)['threads'] if t['kernel'] == ord('T')]) == len(d.tids())
        os.kill(d.pid, SIGCONT)
        link.event('job_continued', target)
        assert eventually(lambda: peek(link, target, d.facts['counts'] + 24) == n)


@pytest.mark.parametrize('how', ['STOP', 'RUN'])
def test_a_stopped_job_stays_stopped(link, debuggee, how):
    d = debuggee('signals')
    os.kill(d.pid, SIGSTOP)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    target, _ = link.attach(d.pid, how=how)
    if how == 'STOP':
        bundle = link.event('stopped', target)
        assert {s['reason'] for s in bundle['stops']} == {wire.ENUM['STOP_JOB']}
        go(link, target)
    link.settle(0.1)
    link.do('detach', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    assert clean.status(d.pid)['TracerPid'] == '0'
    os.kill(d.pid, SIGCONT)
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})
    assert not d.faults()


def test_a_stopped_job_resumed_by_us_goes_on_at_sigcont(link, debuggee):
    d = debuggee('signals')
    os.kill(d.pid, SIGSTOP)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    target, _ = stop(link, d)
    go(link, target)
    os.kill(d.pid, SIGCONT)
    link.event('job_continued', target)
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})


def test_sigcont_while_we_hold_it(link, debuggee):
    d = debuggee('signals')
    os.kill(d.pid, SIGSTOP)
    assert eventually(lambda: set(states(d.pid).values()) == {'T'})
    target, _ = stop(link, d)
    os.kill(d.pid, SIGCONT)
    go(link, target)
    assert eventually(lambda: set(states(d.pid).values()) == {'S'})
    link.do('detach', target=target)
    assert not d.faults()
