# SPDX-License-Identifier: BSD-2-Clause
"""The processes of a session die, one after the other or together; what they debugged lives on, unpatched. A few times
each in `make check`, as often as SECURITY asks in `make torture`."""

import ctypes
import fcntl
import os
import signal
import struct
import threading
import time

import pytest

import clean
import harness
import wire
from patching import NEVER
from test_caught import FORKS, STORM, Kin, plant as plant_at
from deaths import GOOD, DEAD, TORTURE, Session, Steps, Tally, held_up, times, verdict
from tracer import bit, eventually, go, go_on, hold_up, states, stop, tracer_of

# Their guard does not trace its tracer: the check for leaks does.
SANITIZED = 'san' in os.path.basename(harness.BUILD)
MEANS_SOMETHING = 100  # deaths of so many targets
KIN_STATUS = 7  # of children of tests/debuggees/kin.c
FATAL = [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL]


def strike(debuggee, what, n, sig, apart=10000, threads=1, **how):
    """So often, a target of its own for as long as it lives."""
    tally, d = Tally(what), None
    for _ in range(n):
        if not d or d.expect_gone:
            d = debuggee('beats', apart, threads, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
        s = Session(d, **how)
        s.strike(sig)
        tally.add(verdict(d))
    print(tally)
    return tally


def live(debuggee, what, n, most, **how):
    """None ever stands still or is still patched, and not more are dead. Of a few more can be, where a busy machine lets
    a target hit what is planted before anybody runs who takes it out: not three times in a row."""
    for _ in range(1 if n >= MEANS_SOMETHING else 3):
        t = strike(debuggee, what, n, signal.SIGKILL, **how)
        assert set(t.seen) <= {GOOD, DEAD}, t
        if SANITIZED or t.seen.get(DEAD, 0) <= most:
            return
    raise AssertionError(t)


def test_sigkill_of_the_tracer_leaves_nothing_frozen_or_patched(debuggee):
    n = times(12, 1000)
    # Who is between trap and wait at that moment dies of the trap: there is nothing to be done.
    live(debuggee, 'SIGKILL of the tracer, breakpoint at 100 Hz', n, max(3, 0.03 * n))


def test_sigkill_at_1000_hits_a_second(debuggee):
    n = times(10, 300)
    live(debuggee, 'SIGKILL of the tracer, breakpoint at 1000 Hz', n, max(4, 0.1 * n), apart=1000, dwell=0.002)


def test_sigkill_with_nothing_planted_harms_nobody(debuggee):
    t = strike(debuggee, 'SIGKILL of the tracer, no breakpoint', times(5, 200), signal.SIGKILL, soft=False)
    assert set(t.seen) == {GOOD}, t


def test_sigkill_with_a_debug_register_clears_it(debuggee):
    n = times(10, 1000)
    live(debuggee, 'SIGKILL of the tracer, hardware breakpoint at 100 Hz', n, max(3, 0.03 * n), soft=False, hard=True)


@pytest.mark.once
@pytest.mark.parametrize('threads', [1, 8, 200])
@pytest.mark.parametrize('sig', FATAL, ids=lambda s: s.name)
def test_a_tracer_that_dies_of_a_fault_lets_everything_go_first(debuggee, sig, threads):
    if threads == 200 and sig != signal.SIGSEGV and not TORTURE:
        pytest.skip('only in make torture')
    t = strike(debuggee, f'{sig.name} in the tracer, {threads} threads', times(3, 100), sig, threads=threads,
               apart=10000 * min(threads, 20), hard=threads == 8)
    assert set(t.seen) == {GOOD}, t


@pytest.mark.parametrize('whom', ['tracer', 'guard'])
def test_sigterm_of_a_role_releases_in_order(debuggee, whom):
    t = Tally(f'SIGTERM of the {whom}')
    d = debuggee('beats', 10000, 8, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    for _ in range(times(5, 500)):
        s = Session(d, hard=True)
        s.strike(signal.SIGTERM, s.guard if whom == 'guard' else s.tracer)
        t.add(verdict(d))
    print(t)
    assert set(t.seen) == {GOOD}, t


def test_a_tracer_whose_guard_is_killed_releases_everything(debuggee):
    t = Tally('SIGKILL of the guard')
    d = debuggee('beats', 10000, 8, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    for _ in range(times(5, 200)):
        s = Session(d, hard=True)
        s.strike(signal.SIGKILL, s.guard)
        t.add(verdict(d))
        assert not eventually_gone(s.tracer)
    print(t)
    assert set(t.seen) == {GOOD}, t


def eventually_gone(pid):
    return clean.eventually(lambda: clean.alive(pid))


def queue(d, value):
    assert clean.libc.sigqueue(d.pid, signal.SIGUSR1, ctypes.c_void_p(value)) == 0


def counted(d):
    """Signals that came, and the last one's value and sender."""
    with open(f'/proc/{d.pid}/mem', 'rb') as f:
        f.seek(d.facts['counts'])
        return struct.unpack('<3Q', f.read(24))


def stands_with(link, d, value):
    """Its target, at a signal with that value."""
    target, _ = stop(link, d)
    link.do('signals', target=target, stop=bit(signal.SIGUSR1))
    go(link, target)
    queue(d, value)
    link.event('stopped', target)
    return target


def kill_tracer(link):
    os.kill(tracer_of(link), signal.SIGKILL)
    assert link.child.wait(harness.PATIENCE) == 128 + signal.SIGKILL


def test_a_signal_that_a_thread_stands_with_is_not_lost_with_the_tracer(link, debuggee):
    d = debuggee('signals')
    stands_with(link, d, 4711)
    kill_tracer(link)
    assert eventually(lambda: counted(d)[0]), 'its handler has run'
    assert counted(d) == (1, 4711, os.getpid())
    assert not clean.eventually(d.faults)


def test_a_signal_that_a_thread_goes_on_with_comes_once(link, debuggee):
    d = debuggee('signals')
    go(link, stands_with(link, d, 1))
    assert eventually(lambda: counted(d)[0])
    kill_tracer(link)
    assert not clean.eventually(d.faults)
    assert counted(d)[0] == 1


def test_a_guard_holds_in_memory_what_it_needs_and_no_more(link):
    tracer_of(link)
    assert int(clean.status(link.child.pid)['RssShmem'].split()[0]) < 1024, 'KiB: the journal has room for megabytes'


def test_a_tracer_cannot_be_held_up_by_sigstop(debuggee):
    d = debuggee('beats', 10000, busy=True)
    s = Session(d)
    s.attach()
    os.kill(s.tracer, signal.SIGSTOP)
    s.link.event('stopped', s.target)
    s.link.do('detach', target=s.target)
    assert verdict(d) == GOOD
    s.link.child.stdin.close()
    assert s.end() == 0


# ---- makers of processes


def children():
    """Ours, and those that nobody else buries."""
    return set(map(int, clean.read(f'/proc/self/task/{threading.get_native_id()}/children').split()))


def buried(pids):
    """How they ended."""
    def alive():
        return [pid for pid in pids if clean.alive(pid)]
    assert not clean.eventually(alive, 20), 'they stand'
    return [os.waitpid(pid, 0)[1] for pid in pids]


@pytest.mark.parametrize('first', ['child', 'maker'])
@pytest.mark.parametrize('alone', [True, False])
def test_a_child_whose_maker_is_killed_before_it_could_tell_is_left_clean(link, debuggee, first, alone):
    """first: of whom the tracer hears first."""
    kin = Kin(debuggee('kin'))
    target, _ = link.attach(kin.pid, how='RUN')
    plant_at(link, target, kin.landmark, condition=NEVER)
    other = None if alone else stop(link, debuggee('kin'))[0]
    before, tracer = children(), tracer_of(link)
    hold_up(tracer)
    if first == 'maker':
        link.send('interrupt', id=link.next_id, target=target)
        link.next_id += 1
    kin.ask(FORKS)
    assert eventually(lambda: clean.status(kin.pid)['State'][0] == 't')
    kin.d.expect_gone = True
    os.kill(kin.pid, signal.SIGKILL)
    orphans = eventually(lambda: children() - before)
    go_on(tracer)
    link.event('exited', target)
    assert buried(orphans) == [KIN_STATUS << 8]
    if other:
        link.do('detach', target=other)


def test_makers_killed_among_their_forks_leave_their_children_clean(link, debuggee):
    n, seen = times(10, 500), []
    for i in range(n):
        kin = Kin(debuggee('kin'))
        target, _ = link.attach(kin.pid, how='RUN')
        plant_at(link, target, kin.landmark, condition=NEVER)
        before = children()
        kin.ask(STORM)
        time.sleep(0.001 + 0.03 * (i % 10) / 10)
        kin.d.kill()
        link.event('exited', target)
        seen += buried(children() - before)
    t = Tally('SIGKILL of a maker of processes')
    for status in seen:
        t.add(GOOD if status == KIN_STATUS << 8 else DEAD)
    print(t)
    assert set(t.seen) <= {GOOD}, t


# ---- at every step

def at_every_step(debuggee, what, sig, threads, nth=(1,), labels=Steps.LABELS):
    tally, d, bad = Tally(f'{what} at each step, {threads} threads'), None, []
    for label in labels:
        for n in nth:
            if not d or d.expect_gone:
                d = debuggee('beats', 2000 * threads, threads, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
            Steps(d, label, sig, n).run()
            tally.add(seen := verdict(d))
            bad += [(label, n, seen)] * (seen != GOOD)
    print(tally)
    print("  ", *bad)
    return tally, bad


def test_the_steps_are_all_come_to(debuggee, world):
    path = world.path('labels')
    open(path, 'w').close()
    os.chmod(path, 0o666)
    d = debuggee('beats', 2000, busy=True)
    assert Steps(d, 'none', 0, labels=path).run() == 0
    with open(path) as f:
        assert {line.strip() for line in f} == set(Steps.LABELS)
    assert verdict(d) == GOOD


@pytest.mark.once
@pytest.mark.parametrize('threads', [1, 8, pytest.param(200, marks=pytest.mark.skipif(not TORTURE, reason='torture'))])
def test_a_tracer_that_faults_at_any_step_leaves_nothing(debuggee, threads):
    _, bad = at_every_step(debuggee, 'SIGSEGV', signal.SIGSEGV, threads, range(1, 1 + times(1, 5)))
    assert not bad


@pytest.mark.once
@pytest.mark.parametrize('threads', [1, pytest.param(8, marks=pytest.mark.skipif(not TORTURE, reason='torture')),
                                     pytest.param(200, marks=pytest.mark.skipif(not TORTURE, reason='torture'))])
def test_a_tracer_that_is_killed_at_any_step_leaves_nothing_frozen_or_patched(debuggee, threads):
    _, bad = at_every_step(debuggee, 'SIGKILL', signal.SIGKILL, threads, range(1, 1 + times(1, 5)))
    assert {seen for _, _, seen in bad} <= {DEAD}, bad


@pytest.mark.once
@pytest.mark.parametrize('label', Steps.LABELS if TORTURE else ['hit-taken', 'call-begun'])
def test_a_tracer_that_hangs_is_ended_within_seconds(debuggee, label):
    d = debuggee('beats', 5000, 4, busy=True)
    assert Steps(d, label, 0).run() == 128 + signal.SIGABRT
    assert verdict(d) == GOOD


# ---- both of them

def roles(box, since=()):
    """The pids of a session's guard and tracer."""
    children = {pid: what for pid, what in box.children().items() if pid not in since}
    guard, = [pid for pid, what in children.items() if what.endswith('procsrv-guard')]
    tracer, = [pid for pid, what in children.items() if what.endswith('procsrv-tracer')]
    return guard, tracer


def plant_beside(world, box, d, key='alice'):
    """A session over the network that has planted something which is never met: guard, tracer."""
    before = box.children()
    front = world.hdb_start('-p', d.pid, box=box, key=key)
    front.stdin.write('break beat\ncontinue\n')
    front.stdin.flush()
    assert eventually(lambda: clean.text_faults(d.pid))
    return roles(box, before)


@pytest.fixture
def planted(world, box, debuggee):
    """The same: debuggee, guard, tracer."""
    d = debuggee('beats', 1000000000)
    return d, *plant_beside(world, box, d)


def kill_both(guard, tracer):
    """So that neither gets to do anything about the other."""
    os.kill(guard, signal.SIGSTOP)
    os.kill(tracer, signal.SIGKILL)
    os.kill(guard, signal.SIGKILL)
    assert not eventually_gone(tracer) and not eventually_gone(guard)


def test_when_both_are_killed_the_listener_has_it_put_right(box, planted):
    d, *both = planted
    kill_both(*both)
    assert not clean.eventually(d.faults)
    assert not clean.eventually(box.sessions)


def test_what_is_locked_for_a_moment_after_its_end_is_swept_all_the_same(box, planted):
    """As by a process that was forked at the end and has yet to get the processor."""
    d, *both = planted
    os.kill(box.pid, signal.SIGSTOP)  # who sweeps
    kill_both(*both)
    lock = os.open(f'{box.runtime}/s/{box.sessions()[0]}/record', os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.kill(box.pid, signal.SIGCONT)
    assert clean.eventually(box.sessions, 0.7)
    os.close(lock)
    assert not clean.eventually(box.sessions) and not clean.eventually(d.faults)


def kill_listener(box):
    box.stopped = True
    box.process.kill()
    box.process.wait()
    box.process.stdout.close()


def test_when_all_are_killed_it_is_put_right_by_hand(world, box, planted):
    d, *both = planted
    kill_listener(box)
    kill_both(*both)
    assert clean.text_faults(d.pid)
    env = {'XDG_RUNTIME_DIR': os.path.join(box.dir, 'run')}
    r = world.run([harness.program('procsrv'), '-repair'], env=env)
    assert r.status == 0 and r.out == 'put right what 1 session left\n', r
    assert not d.faults()
    r = world.run([harness.program('procsrv'), '-repair'], env=env)
    assert r.status == 0 and r.out == 'nothing to repair\n', r
    # What the kill of the listener left behind.
    world.run([harness.program('procsrv'), '-release'], env=env)
    assert not box.sessions()
    box.log.close()


@pytest.mark.once
def test_one_repair_that_is_held_up_does_not_hold_up_another(world, boxes, keys):
    users = {'alice': harness.ALICE, **({'bob': harness.BOB} if harness.ROOT else {})}
    box = boxes(rows=[f'{keys[k].fingerprint} user={u} grace=2s # {k}@test' for k, u in users.items()])
    both = [(world.debuggee('beats', 1000000000, user=users[k]), k) for k in (list(users) * 2)[:2]]
    pairs = [plant_beside(world, box, d, k) for d, k in both]
    kill_listener(box)
    for pair in pairs:
        kill_both(*pair)
    assert all(clean.text_faults(d.pid) for d, _ in both)
    env = {'XDG_RUNTIME_DIR': os.path.join(box.dir, 'run')}
    repair, held = held_up([harness.program('procsrv'), '-repair'], env)
    assert not clean.eventually(lambda: len([d for d, _ in both if clean.text_faults(d.pid)]) > 1)
    assert clean.status(held)['State'][0] == 'T'
    os.kill(held, signal.SIGCONT)
    assert os.waitpid(repair, 0)[1] == 0
    assert not [f for d, _ in both for f in d.faults()]
    world.run([harness.program('procsrv'), '-release'], env=env)
    assert not box.sessions()
    box.log.close()


def test_a_first_thread_that_is_killed_amid_a_call_of_ours_holds_up_nobody(debuggee):
    """The kernel tells of its end when those of the others are known, which wait for the tracer."""
    d, after = debuggee('beats', 10000, 4, busy=True), debuggee('sleepers', 1)
    s = Steps(d, 'call-stepping', signal.SIGSTOP)
    target, _ = s.link.attach(d.pid)
    s.link.event('stopped', target)
    os.kill(s.guard, signal.SIGSTOP)  # or it would let the tracer go on at once
    asked = s.link.ask('map_new', target=target, tid=d.pid, size=4096, prot=3)
    assert eventually(lambda: clean.status(s.tracer)['State'][0] in 'tT')
    d.expect_gone = True
    os.kill(d.pid, signal.SIGKILL)
    assert eventually(lambda: 'Z' in states(d.pid).values())
    os.kill(s.guard, signal.SIGCONT)
    with pytest.raises(wire.Error):
        s.link.wait(asked)
    assert s.link.event('exited', target)['status'] == signal.SIGKILL
    s.link.attach(after.pid)
    s.link.child.stdin.close()
    assert s.end() == 0
