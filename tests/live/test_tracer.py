# SPDX-License-Identifier: BSD-2-Clause
"""The tracer by itself, spoken to in its own wire over the pipes of `procsrv-guard -stdio`."""

import os
import pwd
import random as random_module
import signal
import socket
import struct
import subprocess
import time

import pytest

import clean
import harness
import wire

SIGUSR1, SIGCONT, SIGSTOP = 10, 18, 19
SP, PC = 152, 128  # of x86-64's NT_PRSTATUS


def bit(sig):
    return 1 << (sig - 1)


def word(data, at):
    return struct.unpack_from('<Q', data, at)[0]


def guard():
    base = harness.PREFIX if harness.ROOT and harness.PREFIX else harness.BUILD
    return os.path.join(base, 'libexec/procsrv/procsrv-guard')


def as_user(name):
    if not harness.ROOT:
        return {}
    ids = pwd.getpwnam(name)
    return dict(user=ids.pw_uid, group=ids.pw_gid, extra_groups=[])


@pytest.fixture
def links(world):
    """links(…): a guard and tracer of their own, ended before the world is looked at."""
    made = []

    def make(user=harness.ALICE, **how):
        made.append(wire.Link([guard(), '-stdio'], timeout=harness.PATIENCE, cwd='/', **as_user(user), **how))
        return made[-1]
    yield make
    status = [link.close() for link in made if link.child.poll() is None]
    assert not any(status), f'a guard ended with {status}'


@pytest.fixture
def link(links):
    return links()


def tracer_of(link):
    """The pid of a guard's tracer."""
    path = f'/proc/{link.child.pid}/task/{link.child.pid}/children'
    return eventually(lambda: [int(pid) for pid in clean.read(path).split()])[0]


def rss(pid):
    """In KiB; the sanitizers' quarantine says nothing of ours."""
    if 'san' in os.path.basename(harness.BUILD):
        return 0
    return int(clean.status(pid)['VmRSS'].split()[0])


def stop(link, debuggee, **how):
    """Attached and stopped: handle and the first stop."""
    target, _ = link.attach(debuggee.pid, **how)
    return target, link.event('stopped', target)


def peek(link, target, addr, size=8):
    chunks = link.do('mem_read', target=target, ranges=[{'addr': addr, 'len': size}])['chunks']
    return word(chunks[0]['data'], 0) if chunks[0]['kind'] == wire.ENUM['BYTES'] else 0


def eventually(what, seconds=10):
    end = time.monotonic() + seconds
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.01)
    return value


def states(pid):
    return {t: s['State'][0] for t in clean.threads(pid) if (s := clean.status(pid, t))}


def go(link, target, signal=-1, tid=0):
    return link.do('resume', target=target, threads=[{'tid': tid, 'signal': signal}])


def refused(name, link, request, **fields):
    with pytest.raises(wire.Error) as e:
        link.do(request, **fields)
    assert e.value.name == name, e.value
    return e.value.fields


# ---- the start of a link


def test_hello_says_what_the_box_is(link):
    assert link.hello['kind'] == wire.ENUM['PEER_PROCSRV']
    assert link.hello['machine'] == os.uname().machine.encode()
    assert link.hello['max_read'] == 1 << 20 and link.hello['credit_requests'] == 64


def test_opened_says_who_we_are(link):
    assert link.opened['user'].decode() == harness.ALICE
    assert link.opened['uid'] == pwd.getpwnam(harness.ALICE).pw_uid


def test_requests_before_open_are_refused(links):
    link = links(open=False)
    link.send('hello', kind=1, version_min=1, version_max=1, credit_bytes=1 << 20)
    refused('STATE', link, 'ps')


def test_another_version_is_told_so(links):
    link = links(open=False)
    link.send('hello', kind=1, version_min=7, version_max=9, credit_bytes=1 << 20)
    with pytest.raises(wire.Closed) as e:
        while True:
            link.take()
    assert wire.ERRORS[e.value.goodbye['code']] == 'VERSION'


def test_an_unknown_request_is_answered_as_such(link):
    id = link.next_id
    link.next_id += 1
    link.raw(wire.frame(99, b'something', id=id))
    with pytest.raises(wire.Error) as e:
        link.wait(id)
    assert e.value.name == 'UNKNOWN'
    link.do('ps')


def test_request_ids_that_do_not_rise_end_the_link(link):
    link.do('ps', pattern='nothing is called so')
    link.send('ps', id=1)
    with pytest.raises(wire.Closed) as e:
        while True:
            link.take()
    assert wire.ERRORS[e.value.goodbye['code']] == 'PROTOCOL'


def test_heartbeats_are_answered(link):
    link.send('heartbeat', stamp=42)
    while link.take() != 'heartbeat_ack':
        pass


def test_a_silent_host_is_asked_whether_it_lives(link):
    while link.take(10) != 'heartbeat':
        pass


def test_the_tracer_is_undumpable_and_without_stray_descriptors(link):
    pid = tracer_of(link)
    assert os.stat(f'/proc/{pid}/environ').st_uid == 0
    if harness.ROOT:
        fds = {n: os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd')}
        assert len(fds) <= 8, fds


def test_end_of_the_link_ends_guard_and_tracer(links):
    link = links()
    tracer = tracer_of(link)
    assert link.close() == 0
    assert not clean.alive(tracer)


def test_sigterm_to_the_guard_ends_it_cleanly(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    stop(link, d)
    link.child.terminate()
    assert link.child.wait(10) == 0
    assert not d.faults()


def test_a_tracer_that_hangs_keeps_nothing_standing(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    tracer = tracer_of(link)
    stop(link, d)
    os.kill(tracer, SIGSTOP)
    link.child.terminate()
    assert link.child.wait(20) == 128 + signal.SIGKILL
    assert not clean.alive(tracer)
    assert not d.faults()


def test_a_killed_guard_takes_the_tracer_with_it(links, debuggee):
    d = debuggee('sleepers')
    link = links()
    tracer = tracer_of(link)
    stop(link, d)
    link.child.kill()
    link.child.wait()
    assert eventually(lambda: not clean.alive(tracer))
    assert not d.faults()


# ---- attach, stops, threads


def test_attach_stops_every_thread_and_says_so_in_one_bundle(link, debuggee):
    d = debuggee('sleepers', 9)
    target, r = link.attach(d.pid, notes=(wire.NT_PRSTATUS, wire.NT_PRFPREG))
    assert r['pid'] == d.pid and r['threads'] == 9 and r['procs'][0]['comm'] == b'sleepers'
    bundle = link.event('stopped', target)
    assert bundle['all'] == 1 and bundle['generation'] == 1 and not bundle['missing']
    assert sorted(t['tid'] for t in bundle['threads']) == d.tids()
    assert {t['name'] for t in bundle['threads']} >= {b'sleeper-1', b'sleeper-8'}
    assert all(t['state'] == wire.ENUM['T_STOPPED'] for t in bundle['threads'])
    assert len(bundle['regs']) == 18 and {len(g['data']) for g in bundle['regs']} == {216, 512}
    assert set(states(d.pid).values()) == {'t'}


def test_detach_leaves_everything_as_it_was(link, debuggee):
    d = debuggee('sleepers', 20)
    target, _ = stop(link, d)
    link.do('detach', target=target)
    assert not d.faults()
    refused('NO_TARGET', link, 'threads', target=target)


def test_the_same_handle_can_be_used_again(link, debuggee):
    d = debuggee('sleepers')
    for _ in range(3):
        link.next_target = 1
        target, _ = stop(link, d)
        link.do('detach', target=target)


def test_a_handle_in_use_and_a_process_twice_are_refused(link, debuggee):
    d, other = debuggee('sleepers'), debuggee('sleepers')
    target, _ = stop(link, d)
    refused('IN_USE', link, 'attach', target=target, pid=other.pid)
    refused('ATTACHED', link, 'attach', target=target + 1, pid=d.pid)
    refused('MALFORMED', link, 'attach', target=0, pid=other.pid)


def test_attach_without_stopping(link, debuggee):
    d = debuggee('sleepers')
    target, _ = link.attach(d.pid, how='RUN')
    link.settle(0.2)
    assert not link.events
    assert set(states(d.pid).values()) == {'S'}
    assert int(clean.status(d.pid)['TracerPid']) == tracer_of(link)
    link.do('interrupt', target=target)
    assert link.event('stopped', target)['all'] == 1


def test_looking_never_touches_the_target(link, debuggee):
    d = debuggee('memory')
    target, _ = link.attach(d.pid, how='LOOK')
    assert clean.status(d.pid)['TracerPid'] == '0'
    assert peek(link, target, d.facts['noise']) != 0
    assert [t['tid'] for t in link.do('threads', target=target)['threads']] == d.tids()
    refused('STATE', link, 'interrupt', target=target)
    refused('STATE', link, 'regs_read', target=target, notes=[{'note': 1}])
    assert clean.status(d.pid)['TracerPid'] == '0'
    d.kill()
    assert link.event('exited', target)['status'] == -1


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
        assert bundle['all'] == 1
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
        assert {t: clean.status(d.pid, t)['TracerPid'] for t in d.tids() if t != d.pid} == dict.fromkeys(d.tids()[1:], '0')
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


# ---- signals and job control


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


# ---- memory


def test_a_scattered_read_with_holes(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    page, hole = d.facts['page'], d.facts['hole']
    ranges = [(d.facts['noise'] + 3, 100), (hole, 3 * page), (d.facts['forbidden'], 16), (0, 8), (hole + 2 * page, 8),
              ((1 << 64) - 8, 8), (1 << 63, 8)]
    chunks = link.do('mem_read', target=target, ranges=[{'addr': a, 'len': n} for a, n in ranges])['chunks']
    said = [(c['addr'], c['len'], c['kind']) for c in chunks]
    B, U = wire.ENUM['BYTES'], wire.ENUM['UNREADABLE']
    assert said == [(ranges[0][0], 100, B), (hole, page, B), (hole + page, 2 * page, U), (ranges[2][0], 16, U),
                    (0, 8, U), (hole + 2 * page, 8, B), (ranges[5][0], 8, U), (1 << 63, 8, U)]
    assert chunks[1]['data'] == b'h' * page
    assert {c['os_errno'] for c in chunks if c['kind'] == U} == {14}


def test_zero_pages_are_not_sent(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    r = link.do('mem_read', target=target, ranges=[{'addr': d.facts['zeros'], 'len': 65536}])['chunks']
    assert [(c['kind'], c['len']) for c in r] == [(wire.ENUM['ZEROS'], 65536)]


@pytest.mark.parametrize('how', ['STOP', 'RUN', 'LOOK'])
def test_a_mebibyte_is_what_it_is(link, debuggee, how):
    d = debuggee('memory')
    target, _ = link.attach(d.pid, how=how)
    r = link.do('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])['chunks']
    got = b''.join(c['data'] for c in r)
    with open(f'/proc/{d.pid}/mem', 'rb') as f:
        f.seek(d.facts['noise'])
        assert got == f.read(1 << 20)
    at = d.facts['noise']
    for c in r:
        assert c['addr'] == at
        at += c['len']


def test_many_ranges_in_one_request(link, debuggee):
    d = debuggee('memory')
    target, _ = stop(link, d)
    ranges = [{'addr': d.facts['noise'] + 64 * i if i % 3 else 16 * i, 'len': 8} for i in range(3000)]
    r = link.do('mem_read', target=target, ranges=ranges)['chunks']
    assert [(c['addr'], c['len']) for c in r] == [(x['addr'], 8) for x in ranges]
    assert [c['kind'] == wire.ENUM['BYTES'] for c in r] == [i % 3 != 0 for i in range(3000)]


LENGTHS = [0, 1 << 20, (1 << 20) + 1, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]


def test_no_length_makes_the_tracer_grow(link, debuggee):
    d = debuggee('memory', 2)
    target, _ = stop(link, d)
    noise = d.facts['noise']
    link.do('mem_read', target=target, ranges=[{'addr': noise, 'len': 1 << 20}])
    tracer = tracer_of(link)
    before = rss(tracer)

    def ask(name, **fields):
        try:
            link.do(name, **fields)
        except wire.Error as e:
            return e.name
        return 'OK'

    for n in LENGTHS:
        small = n & 0xffffffff
        said = ask('mem_read', target=target, ranges=[{'addr': noise, 'len': n}])
        assert said == ('OK' if n <= 1 << 20 else 'TOO_BIG')
        assert ask('mem_read', target=target, ranges=[{'addr': noise, 'len': 16}, {'addr': noise, 'len': n}]) == \
            ('OK' if n <= (1 << 20) - 16 else 'TOO_BIG')
        ask('mem_read', target=target, ranges=[{'addr': n, 'len': 16}])
        ask('mem_walk', target=target, head=n, size=16, limit=small)
        assert ask('mem_walk', target=target, head=noise, size=small, limit=1) == \
            ('OK' if 8 <= small <= 1024 else 'MALFORMED')
        assert ask('mem_walk', target=target, head=noise, next_off=small, size=8, limit=1) == \
            ('MALFORMED' if small else 'OK')
        said = ask('file_read', target=target, path='/proc/version', len=n)
        assert said == ('NOT_FILE' if n <= 1 << 20 else 'TOO_BIG')
        ask('file_read', target=target, path='/etc/passwd', offset=n, len=100)
        ask('ps', limit=small)
        ask('snapshot', target=target, window=small, total=0)
        ask('snapshot', target=target, window=16, total=n)
        ask('attach', target=77, pid=small)
        ask('attach', target=77, pid=d.pid, start=n or 1)
        ask('facts', pid=small)
        ask('preorder', target=target, recipes=[{'base': 2, 'len': small, 'offset': -1}])
        ask('preorder', target=target)
        ask('signals', target=target, stop=0, report=n)
    assert rss(tracer) - before < 2048, 'it grew'


def test_no_frame_length_makes_the_tracer_grow(links):
    for length in LENGTHS[:7]:
        link = links()
        before = rss(tracer_of(link))
        link.raw(wire.HEAD.pack(length & 0xffffffff, wire.MSGS['mem_read']['number'], 0, 1, 0, 0, 100) + b'x' * 4096)
        try:
            for _ in range(20):
                link.take(0.02)
            assert rss(tracer_of(link)) - before < 2048
        except wire.Closed:
            pass


def test_linked_lists_are_followed(link, debuggee):
    d = debuggee('sleepers')
    target, _ = stop(link, d)
    # The dynamic linker's list, found by auxv and the program's own headers.
    aux = link.do('auxv', target=target)['data']
    auxv = dict(struct.iter_unpack('<QQ', aux))
    phdr, phnum = auxv[3], auxv[5]
    heads = b''.join(c['data'] for c in link.do(
        'mem_read', target=target, ranges=[{'addr': phdr, 'len': 56 * phnum}])['chunks'])
    ph = {struct.unpack_from('<I', heads, 56 * i)[0]: struct.unpack_from('<6Q', heads, 56 * i + 8)
          for i in range(phnum)}
    bias = phdr - ph[6][1]
    dyn = ph[2]
    table = b''.join(c['data'] for c in link.do(
        'mem_read', target=target, ranges=[{'addr': bias + dyn[1], 'len': dyn[4]}])['chunks'])
    debug = dict(struct.iter_unpack('<QQ', table))[21]
    head = peek(link, target, debug + 8)
    r = link.do('mem_walk', target=target, head=head, next_off=24, size=40, limit=100)
    assert wire.ERRORS[r['err']] == 'OK' and 3 <= len(r['nodes']) <= 10
    assert [word(n['data'], 24) for n in r['nodes']][:-1] == [n['addr'] for n in r['nodes']][1:]
    r = link.do('mem_walk', target=target, head=head, next_off=24, size=40, limit=2)
    assert wire.ERRORS[r['err']] == 'LIMIT' and len(r['nodes']) == 2 and r['addr'] == word(r['nodes'][1]['data'], 24)
    r = link.do('mem_walk', target=target, head=12345, next_off=0, size=8, limit=2)
    assert wire.ERRORS[r['err']] == 'FAULT' and r['addr'] == 12345 and not r['nodes']


def test_ordered_memory_comes_with_the_stop(link, debuggee):
    d = debuggee('sleepers', 6)
    recipes = [{'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_SP'], 'offset': -128, 'len': 4096},
               {'scope': wire.ENUM['SCOPE_CAUSE'], 'base': wire.ENUM['BASE_PC'], 'offset': -16, 'len': 64},
               {'scope': wire.ENUM['SCOPE_ALL'], 'base': wire.ENUM['BASE_ZERO'], 'offset': 4096, 'len': 4096}]
    target, bundle = stop(link, d, recipes=recipes)

    def brought(addr, n):
        return any(c['addr'] <= addr and addr + n <= c['addr'] + c['len'] for c in bundle['chunks'])
    for g in bundle['regs']:
        sp, pc = word(g['data'], SP), word(g['data'], PC)
        assert brought(sp - 128, 512)
        assert brought(pc - 16, 64)  # all sleep at the same place
    ends = sorted((c['addr'], c['addr'] + c['len']) for c in bundle['chunks'])
    assert all(a[1] <= b[0] for a, b in zip(ends, ends[1:])), 'memory came twice'
    assert not brought(4096, 1)


# ---- operating system


def test_the_process_list_finds_by_any_name(link, debuggee):
    d = debuggee('sleepers', 7)
    for pattern in ('sleepers', 'leeper', f'{d.argv[0]} 7'):
        procs = link.do('ps', pattern=pattern)['procs']
        found = [p for p in procs if p['pid'] == d.pid]
        assert found and found[0]['threads'] == 7 and found[0]['user'].decode() == harness.ALICE
    assert not link.do('ps', pattern='no process is called like this one')['procs']


def test_what_the_process_list_leaves_out_is_counted(link, debuggee):
    for _ in range(3):
        debuggee('sleepers', 1)
    r = link.do('ps', pattern='/debuggees/sleepers', limit=1)
    assert len(r['procs']) == 1 and r['more'] >= 2


def test_facts_of_a_process(link, debuggee):
    d = debuggee('sleepers')
    f = link.do('facts', pid=d.pid)
    ids = pwd.getpwnam(harness.ALICE)
    assert f['ruid'] == ids.pw_uid and f['rgid'] == ids.pw_gid
    assert f['procs'][0]['start'] and f['cwd'] == b'/' and f['root'] == b'/'
    st = os.stat(d.argv[0])
    assert (f['exe_dev'], f['exe_ino']) == (st.st_dev, st.st_ino)
    assert b'\nThreads:\t5' in f['status']


def test_maps_carry_build_ids(link, debuggee):
    d = debuggee('sleepers')
    maps = link.do('maps', pid=d.pid)['maps']
    with open(f'/proc/{d.pid}/maps') as f:
        lines = f.read().splitlines()
    assert [(m['lo'], m['hi']) for m in maps] == [tuple(int(x, 16) for x in l.split()[0].split('-')) for l in lines]
    exe = next(m for m in maps if m['name'].decode() == os.path.realpath(d.argv[0]))
    notes = subprocess.run(['readelf', '-n', d.argv[0]], capture_output=True, text=True).stdout
    assert exe['build_id'].hex() in notes and exe['build_id']
    st = os.stat(d.argv[0])
    assert (exe['dev'], exe['ino']) == (st.st_dev, st.st_ino)
    assert next(m for m in maps if m['name'] == b'[vdso]')['build_id']


def test_auxv_and_environment(link, debuggee):
    d = debuggee('sleepers', env={'SOMETHING': 'special'})
    with open(f'/proc/{d.pid}/auxv', 'rb') as f:
        assert link.do('auxv', pid=d.pid)['data'] == f.read()
    assert b'\0SOMETHING=special\0' in b'\0' + link.do('environment', pid=d.pid)['data']


def test_hostile_names_arrive_as_they_are(world, link):
    name = b'a)\n(b\x1b[2J\xff'
    p = world.start(['/usr/bin/python3', '-c', f"""
import ctypes, time
ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)
print(flush=True)
time.sleep(60)"""], stdout=subprocess.PIPE)
    p.stdout.readline()
    found = link.do('facts', pid=p.pid)['procs'][0]
    assert found['comm'] == name and found['pid'] == p.pid and found['state'] in b'SR'
    assert [f['pid'] for f in link.do('ps', pattern=name[:5])['procs']] == [p.pid]


def test_stale_identities_are_refused(link, debuggee):
    d = debuggee('sleepers')
    start = link.do('facts', pid=d.pid)['procs'][0]['start']
    link.do('facts', pid=d.pid, start=start)
    for request in ('facts', 'maps', 'auxv', 'environment'):
        refused('STALE', link, request, pid=d.pid, start=start - 1)
    refused('STALE', link, 'attach', target=1, pid=d.pid, start=start + 1)
    refused('STALE', link, 'snapshot', pid=d.pid, start=start + 1, window=64, total=1 << 20)
    refused('STALE', link, 'file_stat', pid=d.pid, start=1, path='/')


# ---- files


def test_files_are_read_from_the_targets_root(world, link, debuggee):
    d = debuggee('sleepers')
    path = world.path('file')
    data = os.urandom(300000)
    with open(path, 'wb') as f:
        f.write(data)
    os.chmod(path, 0o644)
    st = link.do('file_stat', pid=d.pid, path=path)
    assert st['size'] == len(data) and st['mode'] == 0o100644
    r = link.do('file_read', pid=d.pid, path=path, len=1 << 20)
    assert r['data'] == data and r['size'] == len(data)
    r = link.do('file_read', pid=d.pid, path=path, offset=299990, len=100, dev=st['dev'], ino=st['ino'])
    assert r['data'] == data[-10:]
    assert link.do('file_read', pid=d.pid, path=path, offset=1 << 63, len=100)['data'] == b''
    os.symlink('file', world.path('link'))
    assert link.do('file_link', pid=d.pid, path=world.path('link'))['data'] == b'file'
    assert link.do('file_read', pid=d.pid, path=world.path('link'), len=10)['data'] == data[:10]
    names = {e['name'] for e in link.do('file_list', pid=d.pid, path=world.dir)['entries']}
    assert {b'file', b'link'} <= names
    refused('CHANGED', link, 'file_read', pid=d.pid, path=path, len=10, dev=st['dev'], ino=st['ino'] + 1)


def test_only_regular_files_are_read(world, link, debuggee):
    d = debuggee('sleepers')
    os.mkfifo(world.path('fifo'), 0o666)
    for path, name in ((world.path('fifo'), 'NOT_FILE'), ('/dev/zero', 'NOT_FILE'), ('/tmp', 'NOT_FILE'),
                       ('/proc/self/environ', 'NOT_FILE'), ('/proc/self/exe', 'OS'), ('', 'NO_FILE'),
                       ('/no/such/file', 'NO_FILE'), ('/etc/passwd/x', 'NOT_DIR'), (b'/etc/pass\0wd', 'NO_FILE'),
                       ('x' * 4096, 'TOO_BIG')):
        assert refused(name, link, 'file_read', pid=d.pid, path=path, len=10)['subject'] == \
            (path.encode() if isinstance(path, str) else path).split(b'\0')[0][:255]
    refused('NOT_DIR', link, 'file_list', pid=d.pid, path='/etc/passwd')


def test_dots_do_not_leave_the_root(link, debuggee):
    d = debuggee('sleepers')
    want = link.do('file_stat', pid=d.pid, path='/etc/passwd')
    assert link.do('file_stat', pid=d.pid, path='/../../../etc/./passwd') == want
    assert link.do('file_stat', pid=d.pid, path='etc/passwd') == want


# ---- snapshot


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
    d = debuggee('odd', 'vfork', busy=True)
    os.kill(d.pid, SIGUSR1)
    assert eventually(lambda: states(d.pid)[d.pid] == 'D')
    s = link.do('snapshot', pid=d.pid, window=4096, total=1 << 20, notes=[{'note': 1}])
    cut, = [c for c in s['cuts'] if c['err']]
    assert cut['tid'] == d.pid and wire.ERRORS[cut['err']] == 'BUSY' and len(s['regs']) == 3
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


# ---- ends


def test_one_exit_event_and_every_request_answered(link, debuggee):
    for round in range(4):
        d = debuggee('sleepers', 10)
        target, _ = stop(link, d)
        if round % 2:
            go(link, target)
        here = dict(target=target)
        asked = [('threads', here), ('regs_read', dict(here, notes=[{'note': 1}])),
                 ('mem_read', dict(here, ranges=[{'addr': 4096, 'len': 1 << 20}])),
                 ('mem_walk', dict(here, head=1 << 20, size=8, limit=10)), ('maps', here), ('auxv', here),
                 ('environment', here), ('facts', here), ('file_stat', dict(here, path='/')),
                 ('file_read', dict(here, path='/etc/passwd', len=10)), ('file_list', dict(here, path='/')),
                 ('file_link', dict(here, path='/bin')), ('preorder', here), ('signals', here),
                 ('interrupt', here), ('resume', dict(here, threads=[{'signal': -1}])),
                 ('snapshot', dict(here, window=4096, total=1 << 20)), ('maps', dict(pid=d.pid)),
                 ('detach', here)]
        ids = [link.ask(n, **f) for n, f in asked[:9]]
        d.kill()
        ids += [link.ask(n, **f) for n, f in asked[9:]]
        for (name, _), id in zip(asked, ids):
            try:
                link.wait(id)
            except wire.Error as e:
                assert e.name in ('GONE', 'NO_TARGET', 'NO_PROCESS', 'OS', 'ZOMBIE', 'NO_FILE', 'BUSY', 'STALE'), (name, e)
        link.settle(0.1)
        exits = [e for e in link.events if e[0] == 'exited' and e[1] == target]
        assert len(exits) <= 1
        if exits:
            assert exits[0][2]['status'] == signal.SIGKILL
        link.events.clear()


def test_exit_status_is_told(link, debuggee):
    d = debuggee('awkward', 'dying')
    d.expect_gone = True
    target, _ = link.attach(d.pid, how='RUN')
    assert link.event('exited', target)['status'] == 3 << 8
    assert d.process.wait(5) == 3, 'its parent does not see the status'


def test_a_killed_target_is_one_event(link, debuggee):
    d = debuggee('sleepers', 50)
    target, _ = stop(link, d)
    d.kill()
    assert link.event('exited', target)['status'] == signal.SIGKILL
    link.settle(0.1)
    assert not [e for e in link.events if e[0] in ('exited', 'stopped')]
    refused('NO_TARGET', link, 'threads', target=target)


def test_the_link_cut_at_any_moment_leaves_the_target_running(links, debuggee):
    d = debuggee('sleepers', 30)
    for delay in (0, 0.0005, 0.001, 0.002, 0.004, 0.02):
        link = links()
        link.ask('attach', target=1, pid=d.pid)
        time.sleep(delay)
        link.close()
        assert not d.faults()


# ---- refusals


def test_what_does_not_exist(link):
    for pid in (0, 4194303, 1 << 31, (1 << 32) - 1):
        refused('NO_PROCESS', link, 'attach', target=1, pid=pid)


def test_a_thread_is_not_a_process(link, debuggee):
    d = debuggee('sleepers')
    refused('NO_PROCESS', link, 'attach', target=1, pid=d.tids()[1])


def test_ourselves(link):
    assert refused('SELF', link, 'attach', target=1, pid=tracer_of(link))['pid'] == tracer_of(link)
    refused('SELF', link, 'attach', target=1, pid=link.child.pid)
    refused('SELF', link, 'snapshot', pid=link.child.pid, window=64, total=1 << 20)


def test_a_kernel_thread(link):
    if not (clean.read('/proc/2/status') or '').startswith('Name:\tkthreadd'):
        pytest.skip('no kernel threads in this pid namespace')
    assert refused('KERNEL_THREAD', link, 'attach', target=1, pid=2)['subject'] == b'kthreadd'


def test_a_zombie(link, debuggee):
    d = debuggee('awkward', 'zombie')
    refused('ZOMBIE', link, 'attach', target=1, pid=d.facts['pid'])


def test_one_already_traced_names_the_holder(links, debuggee):
    d = debuggee('sleepers')
    first, second = links(), links()
    stop(first, d)
    f = refused('TRACED', second, 'attach', target=1, pid=d.pid)
    assert f['pid'] == tracer_of(first) and b'session' in f['detail'] and harness.ALICE.encode() in f['detail']
    f = refused('TRACED', second, 'snapshot', pid=d.pid, window=64, total=1 << 20)
    assert f['pid'] == tracer_of(first) and f['subject'] == b'sleepers'


@pytest.mark.skipif(not harness.ROOT, reason='needs several users')
def test_another_user_is_named(links, debuggee):
    d = debuggee('sleepers')
    bob = links(user='bob')
    for how in range(3):
        f = refused('OTHER_USER', bob, 'attach', target=1, pid=d.pid, how=how)
        assert f['subject'] == b'sleepers' and f['detail'].decode() == harness.ALICE
    bob.do('facts', pid=d.pid)
    for request, fields in (('environment', {}), ('auxv', {}), ('maps', {}), ('file_stat', {'path': '/'})):
        refused('OTHER_USER', bob, request, pid=d.pid, **fields)


@pytest.mark.skipif(not harness.ROOT, reason='needs several users')
def test_another_group(world, link):
    ids = pwd.getpwnam(harness.ALICE)
    p = subprocess.Popen(['sleep', '60'], user=ids.pw_uid, group=pwd.getpwnam('bob').pw_gid, extra_groups=[])
    time.sleep(0.05)
    try:
        assert refused('OTHER_GROUP', link, 'attach', target=1, pid=p.pid)['detail'] == b'bob'
    finally:
        p.kill()
        p.wait()


@pytest.mark.skipif(not harness.ROOT, reason='needs several users')
def test_more_capabilities(link):
    ids = pwd.getpwnam(harness.ALICE)
    p = subprocess.Popen(['setpriv', '--reuid', str(ids.pw_uid), '--regid', str(ids.pw_gid), '--clear-groups',
                          '--inh-caps', '+kill', '--ambient-caps', '+kill', 'sleep', '60'])
    time.sleep(0.1)
    try:
        assert refused('MORE_CAPS', link, 'attach', target=1, pid=p.pid)['subject'] == b'sleep'
    finally:
        p.kill()
        p.wait()


def test_an_undumpable_one(link, debuggee):
    d = debuggee('awkward', 'undumpable')
    refused('UNDUMPABLE', link, 'attach', target=1, pid=d.pid)
    refused('UNDUMPABLE', link, 'attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_LOOK'])


# ---- the session's rights and its record


class Session:
    """A tracer as a monitor's guard starts it: rights, audit records, a channel."""

    AUDIT = struct.Struct('<HHI' 'IIQQQIIQ256s')
    RIGHTS = {'LOOK': 1 << wire.ENUM['R_LOOK'], 'STOP': 1 << wire.ENUM['R_STOP']}
    EVENTS = {1: 'attach', 2: 'detach', 3: 'snapshot', 4: 'file_read', 5: 'exited'}

    def __init__(self, *rights):
        self.pipe, pipe = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel, far = socket.socketpair()
        pids = as_user(harness.ALICE)

        def place():
            os.dup2(pipe.fileno(), 100)
            os.dup2(far.fileno(), 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        self.process = subprocess.Popen([os.path.join(os.path.dirname(guard()), 'procsrv-tracer')], cwd='/',
                                        preexec_fn=place, close_fds=False, **pids)
        pipe.close()
        far.close()
        session = struct.pack('<16sIIIIIII4xq64s128s64s', b'i' * 16, 3, sum(self.RIGHTS[r] for r in rights), 0, 0, 0,
                              0, 1, 0, harness.ALICE.encode(), b'alice@test', b'127.0.0.1')
        self.pipe.send(struct.pack('<HHI', 1, 11, len(session)) + session)
        self.link = wire.Link.over(channel, harness.PATIENCE)
        self.pipe.settimeout(5)

    def record(self):
        """The next audit record: event, pid and name, and the result when it is not OK."""
        data = self.pipe.recv(8192)
        _, _, _, event, pid, start, dev, ino, result, _, size, name = self.AUDIT.unpack(data)
        return (self.EVENTS[event], pid, name.rstrip(b'\0')) + ((wire.ERRORS[result],) if result else ())

    def end(self):
        self.pipe.close()
        status = self.process.wait(10)
        self.link.sock.close()
        return status


@pytest.fixture
def sessions(world):
    made = []

    def make(*rights):
        made.append(Session(*rights))
        return made[-1]
    yield make
    assert not any([s.end() for s in made])


def test_whoever_may_only_look_cannot_stop(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK')
    for how in ('STOP', 'RUN'):
        refused('RIGHT', s.link, 'attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_' + how])
    refused('RIGHT', s.link, 'snapshot', pid=d.pid, window=64, total=1 << 20)
    target, _ = s.link.attach(d.pid, how='LOOK')
    for request in ('interrupt', 'resume', 'preorder', 'signals'):
        refused('RIGHT', s.link, request, target=target)
    s.link.do('maps', target=target)
    s.link.do('detach', target=target)
    assert not d.faults()


def test_whoever_may_nothing_gets_nothing(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions()
    for name, m in wire.MSGS.items():
        if m['kind'] == 'REQ' and m['right'] != 'NONE':
            refused('RIGHT', s.link, name)
    assert not d.faults()


def test_everything_is_recorded_before_it_happens(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(d.pid)
    assert s.record() == ('attach', d.pid, b'')
    s.link.do('snapshot', pid=d.pid, window=64, total=1 << 20)
    assert s.record() == ('snapshot', d.pid, b'')
    s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert s.record() == ('file_read', d.pid, b'/etc/passwd')
    s.link.do('detach', target=target)
    assert s.record() == ('detach', d.pid, b'')
    target, _ = s.link.attach(d.pid)
    s.record()
    d.kill()
    assert s.record() == ('exited', d.pid, b'')


def test_a_snapshot_is_one_record_whenever_the_first_thread_ends(sessions, debuggee):
    s = sessions('LOOK', 'STOP')
    for _ in range(25):
        d = debuggee('odd', 'leaderless', busy=True)
        s.link.do('snapshot', pid=d.pid, window=64, total=1 << 20)
        assert s.record() == ('snapshot', d.pid, b'')
        d.kill()


def test_what_is_refused_is_recorded_with_the_reason(sessions, debuggee):
    d = debuggee('awkward', 'undumpable')
    s = sessions('LOOK', 'STOP')
    for how in ('STOP', 'LOOK'):
        refused('UNDUMPABLE', s.link, 'attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_' + how])
        assert s.record() == ('attach', d.pid, b'')
        assert s.record() == ('attach', d.pid, b'', 'UNDUMPABLE')
    refused('UNDUMPABLE', s.link, 'snapshot', pid=d.pid, window=64, total=1 << 20)
    assert s.record() == ('snapshot', d.pid, b'')
    assert s.record() == ('snapshot', d.pid, b'', 'UNDUMPABLE')
    refused('KERNEL_THREAD', s.link, 'attach', target=1, pid=2)
    assert s.record() == ('attach', 2, b'', 'KERNEL_THREAD')


def test_no_part_of_a_file_is_read_without_a_record(sessions, debuggee):
    d = debuggee('sleepers')
    s = sessions('LOOK')
    for path in ('/etc/passwd', '/etc/group'):
        s.link.do('file_read', pid=d.pid, path=path, offset=1, len=10)
        assert s.record() == ('file_read', d.pid, path.encode())
    for offset in (11, 21):
        s.link.do('file_read', pid=d.pid, path='/etc/passwd', offset=offset, len=10)
    s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert s.record() == ('file_read', d.pid, b'/etc/passwd')
    s.pipe.setblocking(False)
    with pytest.raises(BlockingIOError):
        s.record()


def test_without_room_for_the_record_nothing_happens_but_detach(sessions, debuggee):
    d, other = debuggee('sleepers'), debuggee('sleepers')
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(d.pid)
    with pytest.raises(wire.Error) as e:
        while True:
            s.link.do('file_read', pid=d.pid, path='/etc/passwd', len=10)
    assert e.value.name == 'LIMIT'
    refused('LIMIT', s.link, 'attach', target=7, pid=other.pid)
    refused('LIMIT', s.link, 'snapshot', pid=other.pid, window=64, total=1 << 20)
    assert not other.faults()
    s.link.do('detach', target=target)
    assert not d.faults()


def test_a_session_behind_conn_says_no_hello_and_needs_no_open(sessions):
    s = sessions('LOOK')
    assert s.link.do('ps', limit=1)['procs']
    assert s.link.hello is None


# ---- anything at all


def anything(random, link, pids):
    """A request of some type, its fields made of values that have hurt others."""
    edges = [0, 1, 2, 7, 8, 255, 4095, 4096, 65535, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]

    def value(word, args, depth=0):
        if word in wire.INTS:
            size = struct.calcsize(wire.INTS[word]) * 8
            v = random.choice([random.choice(edges), random.choice(pids), random.getrandbits(size)]) % (1 << size)
            return v - (1 << size) if word[0] == 'I' and v >> (size - 1) else v
        if word == 'RAW':
            return random.randbytes(int(args[1]))
        if word == 'LIST':
            return [{a[0]: value(w, a, 1) for w, a in wire.RECS[args[1]]} for _ in range(random.randrange(4))]
        most = min(int(args[1]), 300)
        return random.choice([b'', b'/etc/passwd', b'/', b'/proc/self/mem', b'..', random.randbytes(most)])[:most]
    name = random.choice([n for n, m in wire.MSGS.items() if m['kind'] == 'REQ' and n != 'open'])
    fields = {a[0]: value(w, a) for w, a in wire.MSGS[name]['fields']}
    return link.ask(name, target=random.choice([0, 1, 1, 1, 2, 99]), **fields)


@pytest.mark.parametrize('seed', range(4))
def test_whatever_is_asked_is_answered(links, debuggee, seed):
    random = random_module.Random(seed)
    link = links()
    d = debuggee('signals')
    pids = [d.pid, link.child.pid, tracer_of(link), 1]
    for round in range(60):
        if round % 10 == 0:
            link.ask('attach', target=1, pid=d.pid, how=random.randrange(3))
        waiting = [anything(random, link, pids) for _ in range(20)]
        for id in waiting:
            try:
                link.wait(id)
            except wire.Error as e:
                assert e.name not in ('INTERNAL', 'NOMEM', 'PROTOCOL')
        link.events.clear()
        link.replies.clear()
    assert link.close() == 0
    assert not clean.eventually(d.faults)


# ---- flow


def test_nothing_is_sent_beyond_the_hosts_credit(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=100000)
    link.auto_ack = False
    target, _ = stop(link, d)
    id = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    link.settle(0.3)
    assert id not in link.replies and link.owed <= 100000 + 65536 + 28
    link.send('heartbeat', stamp=1)
    while link.take() != 'heartbeat_ack':
        pass
    link.send('ack', credit_bytes=4 << 20)
    assert sum(c['len'] for c in link.wait(id)['chunks']) == 1 << 20


def test_a_waiting_reply_can_be_cancelled(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=100000)
    link.auto_ack = False
    target, _ = stop(link, d)
    ids = [link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}]) for _ in range(8)]
    for id in ids:
        link.send('cancel', request=id)
    link.send('cancel', request=999999)
    link.send('ack', credit_bytes=1 << 20)
    for id in ids:
        with pytest.raises(wire.Error) as e:
            link.wait(id)
        assert e.value.name == 'CANCELLED'


def test_a_flood_of_requests_is_held_within_bounds(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    link.auto_ack = False
    target = 1
    link.ask('attach', target=target, pid=d.pid)
    ids = [link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}]) for _ in range(60)]
    link.settle(0.3)
    assert rss(tracer_of(link)) < 20 << 10
    link.auto_ack = True
    link.send('ack', credit_bytes=4 << 20)
    for id in ids:
        assert sum(c['len'] for c in link.wait(id)['chunks']) == 1 << 20


def test_more_requests_than_there_is_credit_for_end_the_link(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    with pytest.raises((wire.Closed, BrokenPipeError)):
        for _ in range(70):
            link.ask('ps')
        while True:
            link.take()
    if link.goodbye:
        assert wire.ERRORS[link.goodbye['code']] == 'PROTOCOL'


def test_long_replies_take_turns(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=1)
    link.auto_ack = False
    target = 1
    link.ask('attach', target=target, pid=d.pid, how=wire.ENUM['ATTACH_LOOK'])
    first = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    second = link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 8}])
    link.send('ack', credit_bytes=4 << 20)
    while second not in link.replies:
        link.take()
    assert first not in link.replies, 'a short reply waited for a long one'
    link.wait(first)


def test_an_interrupt_passes_by_reads_that_wait(links, debuggee):
    d = debuggee('memory', 2)
    link = links(credit=300000)
    link.auto_ack = False
    target, _ = link.attach(d.pid, how='RUN')
    for _ in range(20):
        link.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    link.ask('interrupt', target=target)
    assert eventually(lambda: set(states(d.pid).values()) == {'t'})


def test_events_are_lost_rather_than_hoarded(links, debuggee):
    d = debuggee('signals')
    link = links(credit=1)
    link.auto_ack = False
    link.ask('attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_RUN'])
    link.ask('signals', target=1, report=bit(SIGUSR1))
    tracer = tracer_of(link)
    assert eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')
    before = rss(tracer)
    for _ in range(12000):
        os.kill(d.pid, SIGUSR1)
    look = links()
    target, _ = look.attach(d.pid, how='LOOK')
    assert eventually(lambda: peek(look, target, d.facts['counts']) > 0)
    time.sleep(0.5)
    assert rss(tracer) - before < 8 << 10
    link.auto_ack = True
    link.send('ack', credit_bytes=4 << 20)
    link.settle(0.5)
    numbers = [e[3] for e in link.events]
    assert numbers == sorted(set(numbers))


def test_nothing_is_left_after_many_sessions(links, debuggee):
    d = debuggee('sleepers', 10)
    link = links()
    tracer = tracer_of(link)
    for i in range(60):
        target, _ = stop(link, d)
        link.do('maps', target=target)
        link.do('file_read', target=target, path='/etc/passwd', len=100)
        link.do('snapshot', pid=d.pid, window=1024, total=1 << 20)
        link.do('detach', target=target)
        if i == 20:
            before = rss(tracer)
            fds = len(os.listdir(f'/proc/{tracer}/fd')) if harness.ROOT else 0
    assert rss(tracer) - before < 256
    assert not harness.ROOT or len(os.listdir(f'/proc/{tracer}/fd')) == fds
    assert not d.faults()
