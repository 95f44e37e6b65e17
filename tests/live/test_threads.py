# SPDX-License-Identifier: BSD-2-Clause
"""Threads of a target: stops, births, deaths, exec, and those that are odd."""

import os
import pwd
import shutil
import signal
import time

import pytest

import clean
import harness
import wire
from tracer import SIGUSR1, SP, word, stop, peek, eventually, states, go, refused


def test_resume_and_interrupt_of_single_threads(link, debuggee):
    d = debuggee('sleepers', 4)
    target, _ = stop(link, d)
    tid = d.tids()[2]
    go(link, target, tid=tid)
    assert eventually(lambda: states(d.pid)[tid] == 'S')
    assert [s for t, s in states(d.pid).items() if t != tid] == ['t'] * 3
    assert refused('RUNNING', link, 'resume', target=target, threads=[{'tid': tid, 'signal': -1}])['addr'] == tid
    link.do('interrupt', target=target, tids=[{'tid': tid}])
    bundle = link.event('stopped', target)
    assert bundle['all'] == 1 and [s['tid'] for s in bundle['stops']] == [tid]
    assert [g['tid'] for g in bundle['regs']] == [tid], 'registers the host has already come again'


def test_threads_that_are_not_there_are_refused(link, debuggee):
    d = debuggee('sleepers')
    target, _ = stop(link, d)
    for tid in (1, d.pid + 100000, 1 << 32, (1 << 64) - 1):
        assert refused('NO_THREAD', link, 'interrupt', target=target, tids=[{'tid': tid}])['addr'] == tid
        assert refused('NO_THREAD', link, 'resume', target=target, threads=[{'tid': tid}])['addr'] == tid
        r = link.do('regs_read', target=target, tids=[{'tid': tid}], notes=[{'note': 1}])['regs']
        assert [wire.ERRORS[g['err']] for g in r] == ['NO_THREAD']


def test_registers_of_running_threads_are_refused_one_by_one(link, debuggee):
    d = debuggee('sleepers', 3)
    target, _ = stop(link, d)
    running = d.tids()[1]
    go(link, target, tid=running)
    r = link.do('regs_read', target=target, tids=[{'tid': t} for t in d.tids()],
                notes=[{'note': 1}, {'note': wire.NT_X86_XSTATE}, {'note': 0x7777}])['regs']
    by = {(g['tid'], g['note']): (wire.ERRORS[g['err']], len(g['data'])) for g in r}
    assert by[running, 1] == ('RUNNING', 0)
    assert by[d.pid, 1] == ('OK', 216)
    assert by[d.pid, wire.NT_X86_XSTATE][1] >= 576
    assert by[d.pid, 0x7777] == ('UNKNOWN', 0)


def test_a_thousand_threads(link, debuggee):
    d = debuggee('sleepers', 1001)
    target, bundle = stop(link, d)
    assert bundle['all'] == 1 and len(bundle['threads']) == 1001 and len(bundle['regs']) == 1001
    r = link.do('regs_read', target=target, notes=[{'note': 1}, {'note': 2}])['regs']
    assert len(r) == 2002
    link.do('detach', target=target)
    assert not d.faults()


def test_threads_that_are_born_and_end_are_told(link, debuggee):
    d = debuggee('events')
    target, _ = link.attach(d.pid, how='RUN')
    os.kill(d.pid, SIGUSR1)
    born = link.event('thread_born', target)
    assert born['parent'] == d.pid
    ended = link.event('thread_exited', target)
    assert ended['tid'] == born['tid'] and ended['status'] == 0


def test_a_process_that_makes_threads_all_the_time_is_stopped_whole(link, debuggee):
    d = debuggee('churn', 30, busy=True)
    for _ in range(5):
        target, bundle = stop(link, d)
        while not bundle['all']:  # a busy machine has not let all of them come in time
            bundle = link.event('stopped', target)
        known = {t['tid'] for t in link.do('threads', target=target)['threads']}
        assert known == set(d.tids()) and set(states(d.pid).values()) == {'t'}
        go(link, target)
        time.sleep(0.05)
        link.do('detach', target=target)
        assert not [t for t in d.tids() if clean.thread_faults(d.pid, t)]
        link.events.clear()


def test_exec_by_another_thread_than_the_first(link, debuggee):
    d = debuggee('events')
    target, _ = link.attach(d.pid, how='RUN')
    os.kill(d.pid, 12)  # SIGUSR2
    former = link.event('thread_born', target)['tid']
    e = link.event('executed', target)
    assert e['pid'] == d.pid and e['former'] == former and e['exe'].endswith(b'/events') and not e['privileged']
    assert [t['tid'] for t in link.do('threads', target=target)['threads']] == [d.pid]
    assert d.process.stdout.readline() == b'ready\n'
    link.do('interrupt', target=target)
    assert link.event('stopped', target)['all'] == 1
    sp = word(link.do('regs_read', target=target, notes=[{'note': 1}])['regs'][0]['data'], SP)
    assert peek(link, target, sp) is not None


@pytest.fixture
def elevated(world, debuggee):
    """A process of alice's that is about to execute a program which is bob's and set-user-id."""
    path = world.path('other')
    shutil.copy(os.path.join(harness.DEBUGGEES, 'sleepers'), path)
    os.chown(path, pwd.getpwnam('bob').pw_uid, -1)
    os.chmod(path, 0o4755)
    return debuggee('becomes', path, 1)


def ids(d):
    return {pwd.getpwuid(int(n)).pw_name for n in clean.status(d.pid)['Uid'].split()}


@pytest.mark.skipif(not harness.ROOT, reason='needs several users')
def test_a_traced_program_does_not_get_the_rights_of_its_file_and_the_host_is_told(link, elevated):
    target, _ = link.attach(elevated.pid, how='RUN')
    os.kill(elevated.pid, SIGUSR1)
    assert link.event('executed', target)['privileged']
    assert elevated.process.stdout.readline() == b'ready\n' and ids(elevated) == {'alice'}
    link.do('detach', target=target)
    assert not elevated.faults()


@pytest.mark.skipif(not harness.ROOT, reason='needs several users')
def test_a_program_that_got_other_rights_is_lost_to_us(link, elevated):
    os.kill(elevated.pid, SIGUSR1)
    assert elevated.process.stdout.readline() == b'ready\n' and ids(elevated) == {'alice', 'bob'}
    refused('OTHER_USER', link, 'attach', target=1, pid=elevated.pid)
    refused('OTHER_USER', link, 'environment', pid=elevated.pid)


def test_exec_while_its_other_threads_are_held(link, debuggee):
    d = debuggee('events')
    target, _ = stop(link, d)
    os.kill(d.pid, 12)
    go(link, target)
    assert link.event('executed', target)['pid'] == d.pid
    assert d.process.stdout.readline() == b'ready\n'
    link.do('detach', target=target)
    assert not d.faults()


def test_a_process_without_its_first_thread(link, debuggee):
    d = debuggee('odd', 'leaderless', busy=True)
    assert eventually(lambda: states(d.pid)[d.pid] == 'Z')
    target, r = link.attach(d.pid)
    bundle = link.event('stopped', target)
    assert bundle['all'] == 1 and len(bundle['regs']) == 3
    ticks = peek(link, target, d.facts['ticks'])
    assert peek(link, target, d.facts['ticks']) == ticks
    assert any(m['build_id'] for m in link.do('maps', target=target)['maps'])
    link.do('detach', target=target)
    assert eventually(lambda: 't' not in states(d.pid).values())
    s = link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])
    assert len(s['regs']) == 3 and any(m['build_id'] for m in s['maps'])
    link.do('file_stat', pid=d.pid, path='/etc/passwd')


def test_a_first_thread_that_ends_at_the_moment_of_the_attach(link, debuggee):
    for _ in range(25):
        d = debuggee('odd', 'leaderless', busy=True)
        target, _ = stop(link, d)
        link.do('detach', target=target)
        d.kill()


def test_a_process_without_its_first_thread_can_be_attached_again(link, debuggee):
    d = debuggee('odd', 'leaderless', busy=True)
    assert eventually(lambda: states(d.pid)[d.pid] == 'Z')
    for _ in range(3):
        target, bundle = stop(link, d)
        assert len(bundle['regs']) == 3
        link.do('detach', target=target)
        assert {clean.status(d.pid, t)['TracerPid'] for t in d.tids() if t != d.pid} == {'0'}
    assert not link.events


def test_a_first_thread_that_ends_while_traced(link, debuggee):
    d = debuggee('odd', 'ending', busy=True)
    target, _ = stop(link, d)
    go(link, target)
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'Z')
    assert any(m['build_id'] for m in link.do('maps', target=target)['maps'])
    link.do('interrupt', target=target)
    bundle = link.event('stopped', target)
    assert bundle['all'] == 1 and len(bundle['regs']) == 3
    link.do('detach', target=target)
    refused('NO_TARGET', link, 'threads', target=target)
    assert eventually(lambda: 't' not in states(d.pid).values())
    assert len(link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])['regs']) == 3
    target, bundle = stop(link, d)
    assert len(bundle['regs']) == 3
    d.kill()
    assert link.event('exited', target)['status'] == signal.SIGKILL


def test_the_parent_gets_the_status_of_a_process_that_was_let_go_without_its_first_thread(link, debuggee):
    d = debuggee('odd', 'ending', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'Z')
    link.do('detach', target=target)
    d.expect_gone = True
    os.kill(d.pid, signal.SIGTERM)
    assert d.process.wait(10) == -signal.SIGTERM
    link.settle(0.1)
    assert not link.events


def test_a_detach_that_waits_for_one_thread_ends_without_the_first(link, debuggee):
    d = debuggee('odd', 'stuck', busy=True)
    assert eventually(lambda: states(d.pid)[d.pid] == 'Z' and 'D' in states(d.pid).values())
    target, _ = link.attach(d.pid, how='RUN')
    refused('BUSY', link, 'detach', target=target)
    assert wire.ERRORS[link.event('released', target)['why']] == 'OK'
    target, _ = stop(link, d)
    link.do('detach', target=target)


def test_a_child_the_kernel_attached_unasked_is_let_go(link, debuggee):
    d = debuggee('odd', 'clone', busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    os.kill(d.pid, SIGUSR1)
    child = eventually(lambda: peek(link, target, d.facts['child']))
    link.settle(0.1)
    s = clean.status(child)
    assert s and s['TracerPid'] == '0' and s['State'][0] == 'S'
    assert not [e for e in link.events if e[0] == 'thread_born']


def test_a_thread_that_cannot_stop_is_named_and_comes_later(link, debuggee):
    d = debuggee('odd', 'vfork', busy=True)
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'D')
    target, _ = link.attach(d.pid)
    bundle = link.event('stopped', target)
    assert bundle['all'] == 0 and [t['tid'] for t in bundle['missing']] == [d.pid]
    assert len(bundle['regs']) == 3
    late = link.event('stopped', target)
    assert late['all'] == 1 and [s['tid'] for s in late['stops']] == [d.pid]
    assert [g['tid'] for g in late['regs']] == [d.pid]


def test_detach_from_one_that_cannot_stop_is_bounded(link, debuggee):
    d = debuggee('odd', 'vfork', busy=True)
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'D')
    target, _ = link.attach(d.pid, how='RUN')
    link.do('detach', target=target)
    assert eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    assert not d.faults()
