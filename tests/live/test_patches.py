# SPDX-License-Identifier: BSD-2-Clause
"""Software breakpoints, at the agent: the debuggee counts what it does, the agent counts what it sees."""

import os
import signal
import time

import pytest

import clean
import wire
from patching import (E, BY_ZERO, FOR_EVER, call_number, const, equal, expected, facts, hits, patch, pc, plant, read_at,
                      reasons, refusal, resume, stopped, symbols, tallies, width, work, worked)
from tracer import eventually, go, peek, refused, states, stop, tracer_of

MANY = 1 << 62
PLACES = {'plain': 1, 'relative': 1, 'jcc': 1, 'jmp': 1, 'push': 1, 'pushf': 1, 'call': 1, 'jmp_ptr': 1, 'calls_ptr': 1,
          'calls_mem': 1, 'calls_own': 1, 'jmp_mem': 1, 'loop': 3, 'syscall': 1, 'rep': 1, 'ret': 1, 'kinds': 1, 'work': 1}


@pytest.fixture(params=['patched', pytest.param('patched-i386', marks=pytest.mark.i386)])
def patched(request, debuggee):
    """patched(THREADS, CALLS…), for both kinds of programs."""
    return lambda *args, **how: debuggee(request.param, *args, **how)


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
@pytest.mark.parametrize('place', PLACES)
def test_every_pass_is_counted_and_the_instruction_does_what_it_does(link, patched, place, told):
    d = patched(4, 50)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, place, told, ignore=MANY))
    resume(link, target)
    work(d)
    assert worked(link, target, d, threads=4)
    assert tallies(link, target, d, 4) == [expected(50)] * 4
    assert hits(link, target) == {1: 4 * 50 * PLACES[place]}
    link.do('detach', target=target)
    assert not d.faults()


def test_all_places_at_once_in_many_threads(link, patched):
    d = patched(50, 40)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    assert worked(link, target, d, threads=50)
    assert tallies(link, target, d, 50) == [expected(40)] * 50
    assert hits(link, target) == {i: 2000 * n for i, n in enumerate(PLACES.values(), 1)}


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
def test_a_hit_stops_all_and_the_thread_passes_when_it_goes_on(link, patched, told):
    d = patched(3, 4)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 7, 'plain', told, tid=d.pid))
    resume(link, target)
    work(d)
    for n in range(1, 5):
        bundle, causes = stopped(link, target)
        assert bundle['all'] == 1 and [(c['tid'], c['patch'], c['hits']) for c in causes] == [(d.pid, 7, n)]
        assert pc(bundle) == d.facts['plain']
        resume(link, target)
    assert worked(link, target, d, threads=3)
    assert tallies(link, target, d, 3) == [expected(4)] * 3


def test_threads_that_come_at_once_are_causes_of_one_stop_and_each_counts_once(link, patched):
    d = patched(20, 5)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain'))
    resume(link, target)
    work(d)
    seen = {t: 0 for t in d.tids()}
    last = 0
    while sum(seen.values()) < 100:
        bundle, causes = stopped(link, target)
        assert len(causes) == len(bundle['stops'])
        for c in causes:
            seen[c['tid']] += 1
            assert c['hits'] == last + 1
            last = c['hits']
            assert pc(bundle, c['tid']) == d.facts['plain']
        resume(link, target)
    assert set(seen.values()) == {5}
    assert worked(link, target, d, threads=20)
    assert tallies(link, target, d, 20) == [expected(5)] * 20 and hits(link, target) == {1: 100}


def test_one_thread_stops_and_the_others_run(link, patched):
    d = patched(3, 100)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', tid=d.pid, stop=E['STOPS_THREAD']))
    resume(link, target)
    work(d)
    bundle, _ = stopped(link, target)
    assert bundle['all'] == 0 and list(reasons(bundle)) == [d.pid]
    assert worked(link, target, d, threads=2)
    link.do('patch_clear', target=target)
    resume(link, target)
    assert worked(link, target, d, threads=3)
    assert tallies(link, target, d, 3) == [expected(100)] * 3


def test_ignored_hits_count_and_the_next_is_reported(link, patched):
    d = patched(1, 10)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', ignore=6))
    resume(link, target)
    work(d)
    _, causes = stopped(link, target)
    assert causes[0]['hits'] == 7
    resume(link, target)
    _, causes = stopped(link, target)
    assert causes[0]['hits'] == 8


def test_one_that_is_for_once_is_gone_after_its_first_report(link, patched):
    d = patched(1, 10)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', ignore=3, flags=E['PATCH_ONCE']))
    resume(link, target)
    work(d)
    _, causes = stopped(link, target)
    assert causes[0]['hits'] == 4 and hits(link, target) == {}
    assert not clean.text_faults(d.pid)
    resume(link, target)
    assert worked(link, target, d) and tallies(link, target, d) == [expected(10)]


def test_a_condition_on_memory_and_registers_decides_at_the_target(link, patched):
    d = patched(1, 100)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'work', condition=equal(call_number(d), const(42))))
    resume(link, target)
    work(d)
    bundle, causes = stopped(link, target)
    assert causes[0]['hits'] == 1
    assert [t[0] for t in tallies(link, target, d)] == [42]
    resume(link, target)
    assert worked(link, target, d)


@pytest.mark.parametrize('condition,error,addr', [(BY_ZERO, 'DIVIDED', 0), (read_at(16), 'FAULT', 16),
                                                  (FOR_EVER, 'TOO_LONG', 0)])
def test_a_condition_that_fails_stops_with_the_reason(link, patched, condition, error, addr):
    d = patched(1, 3)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', condition=condition))
    resume(link, target)
    work(d)
    for _ in range(3):
        _, causes = stopped(link, target)
        assert [(wire.ERRORS[c['err']], c['addr'], c['hits']) for c in causes] == [(error, addr, 0)]
        resume(link, target)
    assert worked(link, target, d) and tallies(link, target, d) == [expected(3)]


def test_several_at_one_address_are_counted_apart(link, patched):
    d = patched(2, 10)
    other = [t for t in d.tids() if t != d.pid][0]
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', tid=d.pid, ignore=MANY), patch(d, 2, 'plain', False, tid=other, ignore=MANY),
          patch(d, 3, 'plain', ignore=19))
    resume(link, target)
    work(d)
    _, causes = stopped(link, target)
    assert [c['patch'] for c in causes] == [3]
    assert hits(link, target) == {1: 10, 2: 10, 3: 20}
    link.do('patch_clear', target=target, ids=[{'id': 1}, {'id': 3}, {'id': 99}])
    assert clean.text_faults(d.pid)
    link.do('patch_clear', target=target, ids=[{'id': 2}])
    assert not clean.text_faults(d.pid)


def test_a_patch_that_is_set_again_keeps_its_hits(link, patched):
    d = patched(1, 10)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', ignore=4))
    resume(link, target)
    work(d)
    stopped(link, target)
    plant(link, target, patch(d, 1, 'ret', ignore=2))
    assert hits(link, target) == {1: 5}
    resume(link, target)
    bundle, causes = stopped(link, target)
    assert causes[0]['hits'] == 8 and pc(bundle) == d.facts['ret']


def test_bad_patches_are_refused_one_by_one(link, patched):
    d = patched()
    target, _ = stop(link, d)
    assert refusal(link, target, {'id': 1, 'addr': 16})[0] == 'NO_CODE'
    assert refusal(link, target, {'id': 1, 'addr': d.facts['tallies']})[0] == 'NO_CODE'
    assert refusal(link, target, {'id': 1, 'addr': (1 << 64) - 1})[0] == 'NO_CODE'
    assert refusal(link, target, {'id': 0, 'addr': d.facts['plain']})[0] == 'MALFORMED'
    assert refusal(link, target, dict(patch(d, 1, 'plain'), bytes=b'\x90\x90'))[0] == 'OTHER_CODE'
    assert refusal(link, target, patch(d, 1, 'plain', condition=b'\x13'))[0] == 'BAD_CONDITION'
    assert not clean.text_faults(d.pid)
    plant(link, target, patch(d, 1, 'plain'))
    inside = dict(patch(d, 2, 'plain'), addr=d.facts['plain'] + 1, bytes=b'')
    assert refusal(link, target, inside) == ('INSIDE', 1)
    assert refusal(link, target, dict(inside, addr=d.facts['plain'] - 1, bytes=facts(d, 'plain')['bytes']))[0] in (
        'INSIDE', 'OTHER_CODE')
    assert hits(link, target) == {1: 0}


def test_no_more_than_1024(link, patched):
    d = patched()
    target, _ = stop(link, d)
    r = link.do('patch_set', target=target, patches=[patch(d, i, 'plain') for i in range(1, 500)])
    r = link.do('patch_set', target=target, patches=[patch(d, i, 'plain') for i in range(500, 1026)])['results']
    assert [wire.ERRORS[x['err']] for x in r] == ['OK'] * 525 + ['LIMIT']
    link.do('patch_clear', target=target)
    assert not clean.text_faults(d.pid)


def test_what_is_planted_does_not_show_in_memory(link, patched):
    d = patched()
    target, _ = stop(link, d)
    span = {'addr': d.facts['kinds'], 'len': d.facts['kinds_end'] - d.facts['kinds']}
    before = link.do('mem_read', target=target, ranges=[span])['chunks'][0]['data']
    plant(link, target, *[patch(d, i, p) for i, p in enumerate(PLACES, 1)])
    assert clean.text_faults(d.pid)
    assert link.do('mem_read', target=target, ranges=[span])['chunks'][0]['data'] == before
    one = {'addr': d.facts['plain'], 'len': 1}
    assert link.do('mem_read', target=target, ranges=[one])['chunks'][0]['data'] == facts(d, 'plain')['bytes'][:1]


def test_patches_set_and_cleared_while_threads_run_over_them(link, patched):
    d = patched(8, 20000)
    target, _ = link.attach(d.pid, how='RUN')
    work(d)
    for n in range(100):
        plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
        link.do('patch_clear', target=target)
        assert not clean.text_faults(d.pid)
    assert worked(link, target, d, threads=8)
    assert tallies(link, target, d, 8) == [expected(20000)] * 8
    assert peek(link, target, d.facts['traps']) == 0
    assert not link.events


def test_stops_by_request_lose_no_hit_and_count_none_twice(link, patched):
    d = patched(4, 1000)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])

    resume(link, target)
    work(d)
    while peek(link, target, d.facts['done']) < 4:
        link.do('interrupt', target=target)
        bundle = link.event('stopped', target)
        maps = link.do('maps', target=target)['maps']
        for t in d.tids():
            at = [m for m in maps if m['lo'] <= pc(bundle, t) < m['hi']]
            assert at and at[0]['name'], f'{pc(bundle, t):#x} is not the program\'s'
        resume(link, target)

    assert hits(link, target) == {i: 4000 * n for i, n in enumerate(PLACES.values(), 1)}
    assert tallies(link, target, d, 4) == [expected(1000)] * 4


def test_signals_on_the_way_are_delivered_once_and_their_frames_show_the_program(link, patched):
    d = patched(2, 1500)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    sent = 0
    while peek(link, target, d.facts['done']) < 2 and sent < 4000:
        os.kill(d.pid, signal.SIGUSR2)
        sent += 1
        assert eventually(lambda: peek(link, target, d.facts['signals']) == sent)
    assert worked(link, target, d, threads=2)
    maps = [m for m in link.do('maps', target=target)['maps'] if m['name']]
    for i in range(min(sent, 4000)):
        at = peek(link, target, d.facts['pcs'] + width(d) * i, width(d))
        assert any(m['lo'] <= at < m['hi'] for m in maps), f'{at:#x} is not the program\'s'
    assert hits(link, target) == {i: 3000 * n for i, n in enumerate(PLACES.values(), 1)}
    assert tallies(link, target, d, 2) == [expected(1500)] * 2


def test_a_trap_from_outside_is_a_signal_like_any_other(link, patched):
    d = patched(1, 10)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', ignore=MANY))
    resume(link, target)
    os.kill(d.pid, signal.SIGTRAP)
    assert eventually(lambda: peek(link, target, d.facts['traps']) == 1)
    work(d)
    assert worked(link, target, d) and hits(link, target) == {1: 10}


def slot_pages(link, target):
    return [m for m in link.do('maps', target=target)['maps'] if m['prot'] & 4 and not m['name']]


def test_detaching_from_threads_that_run_over_patches_leaves_nothing(link, patched):
    d = patched(20, 100000)
    work(d)
    for _ in range(20):
        target, _ = stop(link, d)
        plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
        resume(link, target)
        time.sleep(0.05)
        link.do('detach', target=target)
        assert not clean.text_faults(d.pid)
    target, _ = stop(link, d)
    assert all(c <= 100000 and w == 0 for c, _, w in tallies(link, target, d, 20))
    assert peek(link, target, d.facts['traps']) == 0
    assert not slot_pages(link, target), 'a page of slots is left'


@pytest.mark.parametrize('reasons', [['SYSCALL'], ['SYSCALL', 'SYSRET']], ids=['entry', 'return'])
def test_detaching_from_one_that_stands_in_a_system_call_leaves_nothing(link, patched, reasons):
    d = patched(1, 1000)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', ignore=MANY))
    link.do('catch', target=target, events=E['CATCH_SYSCALL'], syscalls=[{'number': {8: 39, 4: 20}[width(d)]}])
    work(d)
    for reason in reasons:
        resume(link, target)
        stopped(link, target, reason)
    assert slot_pages(link, target)
    link.do('detach', target=target)
    assert not d.faults()
    target, _ = stop(link, d)
    assert not slot_pages(link, target)
    resume(link, target)
    assert worked(link, target, d) and tallies(link, target, d) == [expected(1000)]


@pytest.mark.parametrize('standing', [True, False], ids=['standing', 'running'])
def test_the_end_of_the_link_leaves_nothing(links, patched, standing):
    link = links()
    d = patched(10, 100000)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    if not standing:
        resume(link, target)
    work(d)
    time.sleep(0.2)
    link.close()
    assert not clean.eventually(d.faults)


def test_a_target_that_is_killed_among_hits(link, patched):
    for n in range(10):
        d = patched(10, 100000)
        target, _ = stop(link, d)
        plant(link, target, *[patch(d, i, p, n % 2, ignore=MANY) for i, p in enumerate(PLACES, 1)])
        resume(link, target)
        work(d)
        time.sleep(0.01 * n)
        d.kill()
        assert link.event('exited', target)['status'] == signal.SIGKILL
        link.events.clear()


def test_a_process_with_a_filter_of_system_calls_is_not_made_to_map_anything(link, patched):
    d = patched(4, 50, env={'PATCHED_FILTER': '1'})
    target, _ = stop(link, d)
    before = len(link.do('maps', target=target)['maps'])
    plant(link, target, *[patch(d, i, p, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    assert worked(link, target, d, threads=4)
    assert tallies(link, target, d, 4) == [expected(50)] * 4
    assert hits(link, target) == {i: 200 * n for i, n in enumerate(PLACES.values(), 1)}
    assert len(link.do('maps', target=target)['maps']) == before


def test_a_snapshot_amid_hits_shows_the_program_and_changes_no_count(link, patched):
    d = patched(10, 40)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, i % 2, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    for _ in range(20):
        s = link.do('snapshot', target=target, window=512, total=1 << 20, notes=[{'note': wire.NT_PRSTATUS}])
        named = [m for m in s['maps'] if m['name']]
        for t in d.tids():
            assert any(m['lo'] <= pc(s, t) < m['hi'] for m in named)
    assert worked(link, target, d, threads=10)
    assert hits(link, target) == {i: 400 * n for i, n in enumerate(PLACES.values(), 1)}
    assert tallies(link, target, d, 10) == [expected(40)] * 10


def set_pc(link, target, bundle, tid, to):
    """Written back whole, as it was read, but for the pc."""
    r, = [dict(r) for r in bundle['regs'] if r['tid'] == tid and r['note'] == wire.NT_PRSTATUS]
    at, size = (48, 4) if len(r['data']) == 68 else (128, 8)
    r['data'] = r['data'][:at] + to.to_bytes(size, 'little') + r['data'][at + size:]
    link.do('regs_write', target=target, regs=[r])


def test_where_a_thread_is_put_it_hits_and_where_it_stands_it_passes(link, patched):
    d = patched(1, 10)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'kinds', flags=E['PATCH_ONCE']))
    resume(link, target)
    work(d)
    bundle, _ = stopped(link, target)
    plant(link, target, patch(d, 2, 'kinds', ignore=8))
    set_pc(link, target, bundle, d.pid, d.facts['kinds'])
    resume(link, target)
    bundle, causes = stopped(link, target)
    assert causes[0]['hits'] == 9, 'planted under it, with registers written: nine more calls'
    set_pc(link, target, bundle, d.pid, d.facts['kinds'])
    resume(link, target)
    assert worked(link, target, d) and hits(link, target) == {2: 9} and tallies(link, target, d) == [expected(10)]
    plant(link, target, patch(d, 2, 'work'))
    work(d)
    bundle, _ = stopped(link, target)
    plant(link, target, patch(d, 3, 'kinds', flags=E['PATCH_ONCE']))
    set_pc(link, target, bundle, d.pid, d.facts['kinds'])
    resume(link, target)
    bundle, causes = stopped(link, target)
    assert [c['patch'] for c in causes] == [3], 'put there, it hits'


def test_planted_where_a_thread_waits_in_the_kernel(link, patched):
    d = patched(2, 10)
    target, bundle = stop(link, d)
    base = pc(bundle, d.pid)
    for _ in range(2):
        plant(link, target, {'id': 1, 'kind': E['PATCH_SOFT'], 'addr': base, 'insn': E['INSN_OTHER'], 'ignore': MANY})
        resume(link, target)
        for _ in range(3):
            link.do('interrupt', target=target)
            assert pc(link.event('stopped', target), d.pid) == base
            resume(link, target)
        assert hits(link, target) == {1: 0}, 'it is in the call still'
        link.do('interrupt', target=target)
        link.event('stopped', target)
    resume(link, target)
    work(d)
    assert worked(link, target, d, threads=2)
    assert hits(link, target)[1] >= 2 and peek(link, target, d.facts['traps']) == 0


def test_what_was_mapped_anew_is_left_as_it_is(link, debuggee, world):
    with open(world.path('code'), 'w') as f:
        os.fchmod(f.fileno(), 0o777)
    d = debuggee('remapped', f.name)
    target, _ = stop(link, d)
    there = {'id': 1, 'kind': E['PATCH_SOFT'], 'addr': d.facts['code'], 'insn': E['INSN_PLAIN'], 'bytes': b'\x90',
             'ignore': MANY}
    plant(link, target, there)
    resume(link, target)
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: peek(link, target, d.facts['calls']) == 1)
    assert hits(link, target) == {1: 1} and peek(link, target, d.facts['result']) == 1
    os.kill(d.pid, signal.SIGUSR2)
    assert eventually(lambda: peek(link, target, d.facts['maps']) == 1)
    link.do('patch_clear', target=target)
    assert not clean.text_faults(d.pid), 'another breakpoint instruction than ours stands there'
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: peek(link, target, d.facts['calls']) == 2)
    assert peek(link, target, d.facts['traps']) == 1 and peek(link, target, d.facts['result']) == 2
    assert refusal(link, target, there)[0] == 'OTHER_CODE'
    os.kill(d.pid, signal.SIGUSR2)
    assert eventually(lambda: peek(link, target, d.facts['maps']) == 2)
    plant(link, target, there)
    os.kill(d.pid, signal.SIGUSR2)
    assert eventually(lambda: peek(link, target, d.facts['maps']) == 3)
    os.kill(d.pid, signal.SIGUSR2)
    assert eventually(lambda: peek(link, target, d.facts['maps']) == 4)
    plant(link, target, there)
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: peek(link, target, d.facts['calls']) == 3)
    assert hits(link, target) == {1: 1}, 'set again, it is planted again'


def test_code_that_others_share_is_not_written_to(link, debuggee, world):
    with open(world.path('code'), 'w') as f:
        os.fchmod(f.fileno(), 0o777)
    d = debuggee('shared', f.name)
    target, _ = stop(link, d)
    there = {'id': 1, 'addr': d.facts['code'], 'insn': E['INSN_PLAIN'], 'bytes': b'\x90', 'ignore': MANY}
    assert refusal(link, target, dict(there, kind=E['PATCH_SOFT']))[0] == 'SHARED_CODE'
    with open(f.name, 'rb') as code:
        assert code.read(1) == b'\x90'
    plant(link, target, dict(there, kind=E['PATCH_HARD']))
    resume(link, target)
    os.kill(d.pid, signal.SIGUSR1)
    assert eventually(lambda: peek(link, target, d.facts['calls']) == 1)
    assert hits(link, target) == {1: 1}


def test_a_tracer_that_is_told_to_end_leaves_nothing(links, patched):
    link = links()
    d = patched(20, 100000)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, i % 2, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    time.sleep(0.2)
    os.kill(tracer_of(link), signal.SIGTERM)
    assert not clean.eventually(d.faults)
    link.child.wait(10)


def test_job_control_amid_hits_is_as_without_us(link, patched):
    d = patched(6, 100)
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, i % 4, ignore=MANY) for i, p in enumerate(PLACES, 1)])
    resume(link, target)
    work(d)
    for _ in range(10):
        os.kill(d.pid, signal.SIGSTOP)
        link.event('job_stopped', target)
        before = tallies(link, target, d, 6)
        time.sleep(0.01)
        assert tallies(link, target, d, 6) == before, 'it stands'
        os.kill(d.pid, signal.SIGCONT)
        link.event('job_continued', target)
    assert worked(link, target, d, threads=6)
    assert hits(link, target) == {i: 600 * n for i, n in enumerate(PLACES.values(), 1)}
    assert tallies(link, target, d, 6) == [expected(100)] * 6


def test_another_program_has_no_patches(link, debuggee):
    d = debuggee('events')
    target, _ = stop(link, d)
    at = symbols(d.argv[0])['main']
    base = min(m['lo'] for m in link.do('maps', target=target)['maps'] if m['name'].endswith(b'/events'))
    plant(link, target, {'id': 1, 'kind': E['PATCH_SOFT'], 'addr': base + at},
          {'id': 2, 'kind': E['PATCH_WRITE'], 'addr': base & ~7, 'len': 8})
    os.kill(d.pid, 12)  # SIGUSR2: another thread executes the program anew
    resume(link, target)
    link.event('executed', target)
    assert d.process.stdout.readline() == b'ready\n'
    assert hits(link, target) == {}
    base = min(m['lo'] for m in link.do('maps', target=target)['maps'] if m['name'].endswith(b'/events'))
    plant(link, target, {'id': 1, 'kind': E['PATCH_SOFT'], 'addr': base + at})
    link.do('detach', target=target)


# ---- instructions that fail, and calls that are repeated

FAILING = ('div', 'load', 'ud2', 'int3')


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
def test_faults_of_patched_instructions_are_the_programs_own(link, debuggee, told):
    d = debuggee('faults')
    target, _ = stop(link, d)
    plant(link, target, *[patch(d, i, p, told, ignore=MANY) for i, p in enumerate(FAILING, 1)])
    resume(link, target)
    work(d)
    assert eventually(lambda: peek(link, target, d.facts['done']) == 1)
    assert [peek(link, target, d.facts['counts'] + 8 * i) for i in range(4)] == [20] * 4
    assert peek(link, target, d.facts['wrong_addr']) == 0 and peek(link, target, d.facts['wrong_pc']) == 0
    assert hits(link, target) == {1: 20, 2: 20, 3: 20, 4: 20}


def reading(link, target, d):
    """It is in its read."""
    os.kill(d.pid, signal.SIGUSR2)
    assert eventually(lambda: clean.read(f'/proc/{d.pid}/syscall').startswith('0 ') and states(d.pid)[d.pid] == 'S')


def fill(d):
    with open(f'/proc/{d.pid}/fd/{d.facts["pipe"]}', 'wb') as f:
        f.write(b'x')


@pytest.mark.parametrize('told', [True, False], ids=['told', 'untold'])
def test_a_call_the_kernel_repeats_is_counted_once(link, debuggee, told):
    d = debuggee('faults')
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'read', told, ignore=MANY))
    resume(link, target)
    for n in range(1, 6):
        reading(link, target, d)
        for i in range(3 * n - 2, 3 * n + 1):
            os.kill(d.pid, signal.SIGALRM)
            link.do('interrupt', target=target)
            link.event('stopped', target)
            resume(link, target)
            assert eventually(lambda: peek(link, target, d.facts['alarms']) == i)
        fill(d)
        assert eventually(lambda: peek(link, target, d.facts['reads']) == n)
        assert hits(link, target) == {1: n}


def test_a_call_that_is_broken_off_ends_as_without_us(link, debuggee):
    d = debuggee('faults')
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'read', ignore=MANY))
    resume(link, target)
    for n in (1, 2):
        reading(link, target, d)
        os.kill(d.pid, signal.SIGVTALRM)
        assert eventually(lambda: peek(link, target, d.facts['broken']) == n)
    assert hits(link, target) == {1: 2}


# ---- debug registers

def watch(d, id, fact, kind='WRITE', len=8, **fields):
    return dict({'id': id, 'kind': E['PATCH_' + kind], 'addr': d.facts[fact], 'len': len}, **fields)


def test_hardware_breakpoints_count_in_all_threads_also_those_born_later(link, patched):
    d = patched(4, 100, 'late')
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', False, kind='HARD', ignore=MANY))
    resume(link, target)
    work(d)
    assert worked(link, target, d, threads=4)
    assert hits(link, target) == {1: 400} and tallies(link, target, d, 4) == [expected(100)] * 4
    assert not clean.text_faults(d.pid)


def test_a_hardware_breakpoint_stops_and_is_passed(link, patched):
    d = patched(2, 3)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'plain', False, kind='HARD', tid=d.pid))
    resume(link, target)
    work(d)
    for n in (1, 2, 3):
        bundle, causes = stopped(link, target)
        assert pc(bundle) == d.facts['plain'] and causes[0]['hits'] == n
        resume(link, target, tid=d.pid, action='STEP')
        assert pc(stopped(link, target, 'STEP')) == d.facts['plain'] + len(facts(d, 'plain')['bytes'])
        resume(link, target)
    assert worked(link, target, d, threads=2)


@pytest.mark.parametrize('kind', ['WRITE', 'ACCESS'])
def test_data_that_is_watched(link, patched, kind):
    d = patched(3, 20)
    target, _ = stop(link, d)
    plant(link, target, watch(d, 1, 'tallies', kind, ignore=9))
    resume(link, target)
    work(d)
    bundle, causes = stopped(link, target)
    assert [(c['tid'], c['patch'], c['addr'], c['hits']) for c in causes] == [(d.pid, 1, d.facts['tallies'], 10)]
    assert tallies(link, target, d)[0][0] == 10, 'it stops behind the write'
    link.do('patch_clear', target=target)
    resume(link, target)
    assert worked(link, target, d, threads=3)


def test_watched_and_patched_at_once_and_by_instructions_in_slots(link, patched):
    d = patched(1, 20)
    target, _ = stop(link, d)
    plant(link, target, watch(d, 1, 'tallies', ignore=MANY), patch(d, 2, 'counted', ignore=MANY),
          patch(d, 3, 'plain', ignore=MANY))
    resume(link, target)
    work(d)
    assert worked(link, target, d)
    assert hits(link, target) == {1: 20, 2: 20, 3: 20} and tallies(link, target, d) == [expected(20)]


def test_data_watched_while_stepping_through_a_range(link, patched):
    d = patched(1, 5)
    target, _ = stop(link, d)
    plant(link, target, patch(d, 1, 'work', flags=E['PATCH_ONCE']), watch(d, 2, 'tallies'))
    resume(link, target)
    work(d)
    stopped(link, target)
    resume(link, target, action='RANGE', lo=d.facts['kinds'] - 4096, hi=d.facts['kinds'] + 4096)
    _, causes = stopped(link, target)
    assert [c['patch'] for c in causes] == [2]


def test_an_address_of_the_kernels_is_refused_while_threads_run_too(link, debuggee):
    target, _ = link.attach(debuggee('sleepers').pid, how='RUN')
    for kind, size in (('HARD', 0), ('WRITE', 8)):
        patch = {'id': 1, 'kind': E['PATCH_' + kind], 'addr': 0xffffffff81000000, 'len': size}
        assert refusal(link, target, patch)[0] == 'FAULT'
    assert hits(link, target) == {}


def test_more_than_the_processor_has_are_refused(link, patched):
    d = patched()
    target, _ = stop(link, d)
    plant(link, target, *[watch(d, i, 'tallies', len=1, addr=d.facts['tallies'] + i) for i in range(1, 5)])
    assert refusal(link, target, watch(d, 5, 'tallies', len=1))[0] == 'NO_DEBUG_REGISTER'
    assert refusal(link, target, watch(d, 5, 'tallies', len=3))[0] == 'WATCH_SIZE'
    assert refusal(link, target, watch(d, 5, 'tallies', len=4096))[0] == 'WATCH_SIZE'
    assert refusal(link, target, watch(d, 5, 'tallies', len=8, addr=d.facts['tallies'] + 1))[0] == 'WATCH_SIZE'
    link.do('patch_clear', target=target, ids=[{'id': 1}])
    assert refusal(link, target, watch(d, 5, 'tallies', addr=0xffffffff81000000))[0] == 'FAULT'
    plant(link, target, watch(d, 5, 'tallies', len=2))


def test_debug_registers_of_running_threads_count_from_the_answer_on(link, debuggee):
    d = debuggee('spin', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    for _ in range(30):
        plant(link, target, {'id': 1, 'kind': E['PATCH_HARD'], 'addr': d.facts['hit']})
        before = peek(link, target, d.facts['count'])
        stopped(link, target)
        assert peek(link, target, d.facts['count']) - before <= 1  # it may have been there already
        link.do('patch_clear', target=target)
        resume(link, target)


def test_a_thread_that_cannot_stand_has_its_debug_registers_when_it_runs(link, debuggee):
    d = debuggee('kin')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('catch', target=target, follow=E['FOLLOW_BOTH'])
    os.kill(d.pid, signal.SIGRTMIN + 2)  # a vfork, whose maker waits until the child has ended
    child = link.event('forked', target)['handle']
    plant(link, target, {'id': 1, 'kind': E['PATCH_HARD'], 'addr': d.facts['landmark'], 'ignore': MANY})
    plant(link, target, {'id': 2, 'kind': E['PATCH_HARD'], 'addr': d.facts['landmark'], 'ignore': MANY})
    link.event('stopped', child)
    resume(link, child)
    link.event('exited', child)
    os.kill(d.pid, signal.SIGRTMIN + 9)  # it comes by
    assert eventually(lambda: hits(link, target) == {1: 1, 2: 1})


def test_debug_registers_change_while_threads_run_and_are_empty_in_the_end(link, patched):
    d = patched(6, 30000)
    target, _ = link.attach(d.pid, how='RUN')
    work(d)
    for _ in range(30):
        plant(link, target, patch(d, 1, 'plain', False, kind='HARD', ignore=MANY), watch(d, 2, 'tallies', ignore=MANY))
        link.do('patch_clear', target=target, ids=[{'id': 1}])
    link.do('detach', target=target)
    assert not clean.eventually(lambda: clean.debug_register_faults(d.pid))
    target, _ = stop(link, d)
    assert peek(link, target, d.facts['traps']) == 0
