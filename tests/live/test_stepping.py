# SPDX-License-Identifier: BSD-2-Clause
"""Single steps and ranges of them, at the agent."""

import os
import signal

import pytest

import clean
from patching import (E, I386, NEVER, code, expected, hits, patch, pc, plant, reasons, resume, sp, stopped, symbols,
                      tallies, work, worked)
from tracer import bit, eventually, peek, refused, states, stop

MANY = 1 << 62
PLACES = ('plain', 'relative', 'jcc', 'jmp', 'push', 'pushf', 'call', 'jmp_ptr', 'calls_ptr', 'calls_mem', 'calls_own',
          'jmp_mem', 'loop', 'syscall', 'ret')


@pytest.fixture(params=['patched', pytest.param('patched-i386', marks=pytest.mark.i386)])
def patched(request, debuggee):
    """patched(THREADS, CALLS…), for both kinds of programs."""
    return lambda *args, **how: debuggee(request.param, *args, **how)


def at_work(link, d, place='kinds', n=1):
    """Stopped at the n-th coming of the only thread to a place, with nothing planted any more."""
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, place, ignore=n - 1, flags=E['PATCH_ONCE']))
    resume(link, target)
    work(d)
    bundle, _ = stopped(link, target)
    return target, bundle


def result(bundle):
    """rax or eax"""
    r = bundle['regs'][0]
    return int.from_bytes(r['data'][24:28] if r['arch'] == I386 else r['data'][80:88], 'little')


def steps_through_kinds(link, d, target, bundle, patched=()):
    """All pcs, by single steps, until the function returns."""
    seen, depth = [pc(bundle)], sp(bundle)
    while True:
        resume(link, target, action='STEP')
        bundle = link.event('stopped', target)
        seen.append(pc(bundle))
        reason, = reasons(bundle).values()
        causes = link.event('causes', target)['causes'] if reason == E['STOP_PATCH'] else []
        assert (pc(bundle) in patched) == bool(causes) and reason in (E['STOP_PATCH'], E['STOP_STEP'])
        if sp(bundle) > depth:
            return seen


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
def test_steps_are_the_same_whether_patched_or_not(link, patched, told):
    ways = []
    for places in ((), PLACES):
        d = patched(1, 1)
        target, bundle = at_work(link, d)
        base = d.facts['kinds'] - symbols(d.argv[0])['kinds']
        plant(link, target, *[patch(d, i, p, told) for i, p in enumerate(places, 10)])
        seen = steps_through_kinds(link, d, target, bundle, [d.facts[p] for p in places])
        ways.append([at - base for at in seen])
        if places:
            count = hits(link, target)
            assert set(count.values()) == {1, 3} and [p for p, n in zip(places, count.values()) if n == 3] == ['loop']
        link.do('patch_clear', target=target)
        resume(link, target)
        assert worked(link, target, d) and tallies(link, target, d) == [expected(1)]
        assert peek(link, target, d.facts['traps']) == 0, 'a step leaves no trap flag behind'
    assert ways[0] == ways[1] and len(ways[0]) > 90
    insns = code(d.argv[0])
    assert all(at in insns for at in ways[0][:-1])


def test_a_range_is_stepped_through_at_the_target(link, patched):
    d = patched(1, 1)
    target, bundle = at_work(link, d)
    resume(link, target, action='RANGE', lo=d.facts['kinds'], hi=d.facts['kinds_end'])
    bundle = stopped(link, target, 'STEP')
    assert not d.facts['kinds'] <= pc(bundle) < d.facts['kinds_end']
    assert not link.events, 'no step of them was told'
    base = d.facts['kinds'] - symbols(d.argv[0])['kinds']
    assert code(d.argv[0])[pc(bundle) - base] and 'call' in code(d.argv[0])[pc(bundle) - base - 5][1]
    resume(link, target)
    assert worked(link, target, d)


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
def test_false_hits_in_a_range_do_not_end_it_and_true_ones_do(link, patched, told):
    d = patched(1, 2)
    target, bundle = at_work(link, d)
    plant(link, target, *[patch(d, i, p, told, ignore=MANY) for i, p in enumerate(PLACES, 10)],
          patch(d, 50, 'push', told, condition=NEVER), patch(d, 51, 'syscall', told, ignore=1))
    resume(link, target, action='RANGE', lo=d.facts['kinds'], hi=d.facts['kinds_end'])
    bundle = stopped(link, target, 'STEP')
    assert not d.facts['kinds'] <= pc(bundle) < d.facts['kinds_end']
    assert hits(link, target) == {10 + i: 3 if p == 'loop' else 1 for i, p in enumerate(PLACES)} | {50: 0, 51: 1}
    plant(link, target, patch(d, 1, 'kinds', flags=E['PATCH_ONCE']))
    resume(link, target)
    stopped(link, target)
    resume(link, target, action='RANGE', lo=d.facts['kinds'], hi=d.facts['kinds_end'])
    bundle, causes = stopped(link, target)
    assert [c['patch'] for c in causes] == [51] and pc(bundle) == d.facts['syscall']
    resume(link, target)
    assert worked(link, target, d) and tallies(link, target, d) == [expected(2)]


def test_a_range_that_never_ends_can_be_interrupted_and_others_served(link, patched):
    d = patched(1, 1000000)
    target, bundle = at_work(link, d, 'work')
    base = d.facts['work'] & ~0xfff
    resume(link, target, action='RANGE', lo=base - 8192, hi=base + 8192)
    before = tallies(link, target, d)[0][0]
    assert eventually(lambda: tallies(link, target, d)[0][0] > before + 5)
    link.do('interrupt', target=target)
    bundle = stopped(link, target, 'REQUEST')
    assert code(d.argv[0])[pc(bundle) - d.facts['kinds'] + symbols(d.argv[0])['kinds']]
    resume(link, target, action='STEP')
    stopped(link, target, 'STEP')
    link.do('detach', target=target)
    assert not d.faults()


def test_one_thread_steps_while_others_run_or_stand(link, patched):
    d = patched(3, 1000)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', tid=d.pid))
    resume(link, target)
    work(d)
    bundle, _ = stopped(link, target)
    before = tallies(link, target, d, 3)
    resume(link, target, tid=d.pid, action='STEP', stop='THREAD')
    bundle = stopped(link, target, 'STEP')
    assert list(reasons(bundle)) == [d.pid] and bundle['all'] == 1
    assert tallies(link, target, d, 3)[1:] == before[1:], 'the others stood'
    link.do('go', target=target, stop=E['STOPS_THREAD'],
            threads=[{'tid': d.pid, 'action': E['RESUME_STEP'], 'signal': -1}, {'signal': -1}])
    bundle = stopped(link, target, 'STEP')
    assert list(reasons(bundle)) == [d.pid] and bundle['all'] == 0, 'the others run'
    link.do('patch_clear', target=target)
    resume(link, target, tid=d.pid)
    assert worked(link, target, d, threads=3)


def test_a_step_into_a_call_of_the_kernel_ends_behind_it(link, patched):
    for planted in (False, True):
        d = patched(1, 1)
        target, _ = at_work(link, d, 'syscall')
        if planted:
            plant(link, target, patch(d, 5, 'syscall'))
        resume(link, target, action='STEP')
        bundle = stopped(link, target, 'STEP')
        assert pc(bundle) == d.facts['syscall'] + 2
        assert result(bundle) == d.pid, 'what getpid returned'
        resume(link, target)
        assert worked(link, target, d)
        link.do('detach', target=target)


def test_a_signal_that_stops_in_the_middle_of_a_step(link, patched):
    d = patched(1, 3)
    target, bundle = at_work(link, d)
    link.do('signals', target=target, stop=bit(signal.SIGUSR2))
    here = pc(bundle)
    os.kill(d.pid, signal.SIGUSR2)
    resume(link, target, action='STEP')
    bundle = stopped(link, target, 'SIGNAL')
    assert pc(bundle) == here and bundle['stops'][0]['signal'] == signal.SIGUSR2
    link.do('signals', target=target)
    resume(link, target, action='STEP')
    bundle = stopped(link, target, 'STEP')
    assert pc(bundle) != here, 'the first instruction of its handler'
    assert peek(link, target, d.facts['signals']) == peek(link, target, d.facts['traps']) == 0
    resume(link, target)
    assert worked(link, target, d) and peek(link, target, d.facts['signals']) == 1
    assert tallies(link, target, d) == [expected(3)]


def test_a_signal_suppressed_at_a_patched_place(link, patched):
    d = patched(1, 3)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain'))
    link.do('signals', target=target, stop=bit(signal.SIGUSR2))
    resume(link, target)
    work(d)
    stopped(link, target)
    os.kill(d.pid, signal.SIGUSR2)
    resume(link, target)
    bundle = stopped(link, target, 'SIGNAL')
    assert pc(bundle) == d.facts['plain']
    resume(link, target, signal=0)
    bundle, causes = stopped(link, target)
    assert causes[0]['hits'] == 2, 'the first coming is counted once'
    link.do('patch_clear', target=target)
    resume(link, target)
    assert worked(link, target, d) and peek(link, target, d.facts['signals']) == 0


def test_bad_requests(link, patched):
    d = patched(2, 1)
    target, _ = stop(link, d)
    record = {'tid': d.pid, 'signal': -1}
    for bad in ({'action': 3}, {'signal': 65}, {'signal': -2}, {'action': E['RESUME_RANGE']},
                {'action': E['RESUME_RANGE'], 'lo': 8, 'hi': 8}):
        refused('MALFORMED', link, 'go', target=target, threads=[dict(record, **bad)])
    refused('NO_THREAD', link, 'go', target=target, threads=[dict(record, tid=1)])
    other = [t for t in d.tids() if t != d.pid][0]
    resume(link, target, tid=other)
    assert refused('RUNNING', link, 'go', target=target, threads=[record, dict(record, tid=other)])['addr'] == other
    assert states(d.pid)[d.pid] == 't', 'none of the list goes when one cannot'
    resume(link, target)


def test_detaching_in_the_middle_of_steps(link, patched):
    d = patched(4, 100000)
    for n in range(20):
        target, _ = stop(link, d)
        if n == 0:
            resume(link, target)
            work(d)
            link.do('interrupt', target=target)
            link.event('stopped', target)
        plant(link, target, *[patch(d, i, p, n % 2 == 0, ignore=MANY) for i, p in enumerate(PLACES, 10)])
        base = d.facts['work'] & ~0xfff
        resume(link, target, action='RANGE', lo=base - 8192, hi=base + 8192)
        link.settle(0.02)
        link.do('detach', target=target)
        assert not clean.process_faults(d.pid)
        link.events.clear()
    target, _ = stop(link, d)
    assert peek(link, target, d.facts['traps']) == 0
    assert all(w == 0 for _, _, w in tallies(link, target, d, 4))
