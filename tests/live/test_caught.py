# SPDX-License-Identifier: BSD-2-Clause
"""Forks, exec, new threads, threads that end, system calls: caught, passed and followed."""

import os
import signal
import time

import pytest

import clean
import wire
from tracer import SIGUSR1, bit, stop, peek, eventually, states, go, refused

FORK, VFORK, EXEC, CLONE, EXIT, SYSCALL = (wire.ENUM['CATCH_' + n] for n in (
    'FORK', 'VFORK', 'EXEC', 'CLONE', 'EXIT', 'SYSCALL'))
PARENT, CHILD, BOTH = (wire.ENUM['FOLLOW_' + n] for n in ('PARENT', 'CHILD', 'BOTH'))
REASONS = {wire.ENUM['STOP_' + n]: n for n in ('CLONE', 'EXIT', 'EXEC', 'SYSCALL', 'SYSRET', 'BORN')}
OWN = 0x80000000  # handles from here on are the agent's choice

# System calls that tests/debuggees/kin.c makes, and where NT_PRSTATUS has their number and answer.
CALLS_OF = {'kin': dict(getppid=110, getuid=102, waits=[128], width=8, number=120, answer=80),
            'kin-i386': dict(getppid=64, getuid=24, waits=[177, 421], width=4, number=44, answer=24)}

# What tests/debuggees/kin.c does when it gets SIGRTMIN + n, and what it counts.
(FORKS, VFORKS_EXECUTES, VFORKS, SHARES, CLONES, THREAD, EXECUTES, CALLS, STORM, PASSES) = range(10)
COUNTS = ('done', 'here', 'there', 'good', 'bad', 'status', 'answer0', 'answer1')


class Kin:
    def __init__(self, d):
        self.d, self.pid = d, d.pid
        self.landmark = d.facts['landmark']
        self.calls = CALLS_OF[os.path.basename(d.argv[0])]

    def ask(self, what):
        os.kill(self.pid, signal.SIGRTMIN + what)

    def counts(self):
        with open(f'/proc/{self.pid}/mem', 'rb') as mem:
            mem.seek(self.d.facts['shared'])
            data = mem.read(8 * len(COUNTS))
        return {n: int.from_bytes(data[8 * i:8 * i + 8], 'little') for i, n in enumerate(COUNTS)}

    def has(self, **expected):
        def reached():
            c = self.counts()
            return all(c[n] == v for n, v in expected.items())
        assert eventually(reached), f'{self.counts()}, expected {expected}'
        return True


@pytest.fixture(params=['kin', pytest.param('kin-i386', marks=pytest.mark.i386)])
def kin(debuggee, request):
    return Kin(debuggee(request.param))


def catch(link, target, events, follow=PARENT, syscalls=()):
    link.do('catch', target=target, events=events, follow=follow, syscalls=[{'number': n} for n in syscalls])


def attach(link, pid, events, follow=PARENT, syscalls=()):
    target, _ = link.attach(pid, how='RUN')
    catch(link, target, events, follow, syscalls)
    return target


def told(link, target, reason):
    """The next stop, which has to be for that reason: its stop record and what its cause says."""
    bundle = link.event('stopped', target)
    record, = [s for s in bundle['stops'] if reason == 'BORN' or s['reason'] != wire.ENUM['STOP_BORN']]
    assert record['reason'] == wire.ENUM['STOP_' + reason], (record, reason)
    causes = [e for e in link.events if e[0] == 'causes' and e[1] == target]
    for e in causes:
        link.events.remove(e)
    details = [c for e in causes for c in e[2]['causes'] if e[2]['generation'] == bundle['generation']]
    assert len(details) == len(causes) == (0 if reason == 'BORN' else 1)
    return record, details[0]['value'] if details else None


def plant(link, target, addr, id=1, **more):
    r = link.do('patch_set', target=target, patches=[dict({'id': id, 'addr': addr}, **more)])['results'][0]
    assert r['err'] == 0, wire.ERRORS[r['err']]


def hit(link, target, times=1):
    """Stops at a patch, so many, each let go again."""
    for _ in range(times):
        bundle = link.event('stopped', target)
        assert [s['reason'] for s in bundle['stops']] == [wire.ENUM['STOP_PATCH']]
        go(link, target)


def untouched(pid, addr):
    with open(f'/proc/{pid}/mem', 'rb') as mem, open(f'/proc/{pid}/exe', 'rb') as exe:
        lo, offset = next((int(line.split('-')[0], 16), int(line.split()[2], 16))
                          for line in clean.read(f'/proc/{pid}/maps').splitlines()
                          if int(line.split('-')[0], 16) <= addr < int(line.split()[0].split('-')[1], 16))
        mem.seek(addr)
        exe.seek(addr - lo + offset)
        return mem.read(1) == exe.read(1)


# ---- forks


@pytest.mark.parametrize('what,event,reason', [(FORKS, FORK, 'FORK'), (CLONES, FORK, 'FORK'), (VFORKS, VFORK, 'VFORK')])
def test_a_child_is_told_with_its_number_and_goes_its_way(link, kin, what, event, reason):
    target = attach(link, kin.pid, event)
    kin.ask(what)
    record, child = told(link, target, reason)
    assert record['tid'] == kin.pid
    forked = link.event('forked', target)
    assert (forked['pid'], forked['handle'], forked['tid']) == (child, 0, kin.pid)
    assert forked['vfork'] == (reason == 'VFORK') and forked['start'] > 0
    go(link, target)
    if reason == 'VFORK':
        assert told(link, target, 'VFORK_DONE')[1] == child
        go(link, target)
    kin.has(done=1, good=1, bad=0, there=3)


def test_children_nobody_asked_about_come_and_go_unseen(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    for what in (FORKS, VFORKS_EXECUTES, VFORKS, SHARES, CLONES, FORKS):
        kin.ask(what)
    kin.has(done=6, good=6, bad=0)
    link.settle()
    assert not link.events


def test_the_child_of_a_fork_has_nothing_of_ours_in_it(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark)
    for what in (FORKS, CLONES):
        kin.ask(what)
    kin.has(done=2, good=2, bad=0, there=6)
    kin.ask(PASSES)
    hit(link, target)
    kin.has(done=3, here=1)
    assert link.do('patch_hits', target=target)['states'] == [{'id': 1, 'hits': 1}]


@pytest.mark.parametrize('what,passes', [(VFORKS, 3), (VFORKS_EXECUTES, 1), (SHARES, 3)])
def test_a_child_in_its_makers_memory_meets_no_patches_and_they_come_back(link, kin, what, passes):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark)
    for round in range(1, 4):
        kin.ask(what)
        kin.has(done=2 * round - 1, good=round, bad=0, there=passes * round)
        assert eventually(lambda: not untouched(kin.pid, kin.landmark))
        kin.ask(PASSES)
        hit(link, target)
        kin.has(done=2 * round, here=round)
    assert link.do('patch_hits', target=target)['states'] == [{'id': 1, 'hits': 3}]


def test_patches_set_while_a_child_runs_in_the_memory_come_when_it_is_out(link, kin):
    target = attach(link, kin.pid, VFORK)
    kin.ask(VFORKS)
    told(link, target, 'VFORK')
    go(link, target)
    plant(link, target, kin.landmark)
    told(link, target, 'VFORK_DONE')
    go(link, target)
    kin.has(done=1, good=1, bad=0, there=3)
    kin.ask(PASSES)
    hit(link, target)
    kin.has(here=1)


@pytest.mark.parametrize('what', [FORKS, CLONES])
def test_a_child_that_is_followed_is_a_target_with_the_same_patches(link, kin, what):
    target, _ = link.attach(kin.pid, how='RUN')
    catch(link, target, 0, BOTH)
    plant(link, target, kin.landmark)
    kin.ask(what)
    forked = link.event('forked', target)
    child = forked['handle']
    assert child >= OWN and forked['pid'] != kin.pid
    record, _ = told(link, child, 'BORN')
    assert record['tid'] == forked['pid']
    assert not untouched(forked['pid'], kin.landmark) and not untouched(kin.pid, kin.landmark)
    go(link, child)
    hit(link, child, 3)
    assert link.event('exited', child)['status'] == 7 << 8
    kin.has(done=1, good=1, bad=0, there=3)
    assert link.do('patch_hits', target=target)['states'] == [{'id': 1, 'hits': 0}]
    kin.ask(PASSES)
    hit(link, target)
    kin.has(done=2)


def test_a_followed_child_has_the_patches_of_the_debug_registers_too(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    catch(link, target, 0, BOTH)
    there = kin.d.facts['shared'] + 8 * COUNTS.index('there')
    plant(link, target, kin.landmark, kind=wire.ENUM['PATCH_HARD'])
    plant(link, target, there, id=2, kind=wire.ENUM['PATCH_WRITE'], len=4)
    kin.ask(FORKS)
    child = link.event('forked', target)['handle']
    told(link, child, 'BORN')
    go(link, child)
    for id in (1, 2) * 3:
        bundle = link.event('stopped', child)
        assert [s['reason'] for s in bundle['stops']] == [wire.ENUM['STOP_PATCH']]
        assert [c['patch'] for c in link.event('causes', child)['causes']] == [id]
        go(link, child)
    assert link.event('exited', child)['status'] == 7 << 8
    kin.ask(THREAD)
    assert link.event('stopped', target)['stops'][0]['reason'] == wire.ENUM['STOP_PATCH']
    go(link, target)
    kin.has(done=2, good=1, bad=0, there=3, here=1)


def test_children_that_are_let_go_meet_no_debug_registers(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark, kind=wire.ENUM['PATCH_HARD'])
    for n, what in enumerate((FORKS, VFORKS, VFORKS_EXECUTES, SHARES, CLONES), 1):
        kin.ask(what)
        kin.has(done=n, good=n, bad=0)
    kin.ask(PASSES)
    hit(link, target)
    kin.has(here=1)


def test_each_child_that_is_followed_has_a_handle_of_its_own(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    catch(link, target, 0, BOTH)
    handles = []
    for n in range(1, 4):
        kin.ask(FORKS)
        handles.append(link.event('forked', target)['handle'])
        told(link, handles[-1], 'BORN')
        link.do('detach', target=handles[-1])
        kin.has(done=n, good=n, bad=0)
    assert len(set(handles)) == 3


@pytest.mark.parametrize('what', [FORKS, VFORKS, VFORKS_EXECUTES])
def test_with_the_child_followed_its_maker_is_let_go(link, kin, what):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark)
    catch(link, target, 0, CHILD)
    kin.ask(what)
    forked = link.event('forked', target)
    child = forked['handle']
    assert wire.ERRORS[link.event('released', target)['why']] == 'OK'
    told(link, child, 'BORN')
    assert clean.status(kin.pid)['TracerPid'] == '0' and untouched(kin.pid, kin.landmark)
    link.do('patch_clear', target=child)
    go(link, child)
    if what == VFORKS_EXECUTES:
        assert link.event('executed', child)['pid'] == forked['pid']
    assert link.event('exited', child)['status'] == 7 << 8
    kin.has(done=1, good=1, bad=0)


def test_a_followed_child_of_a_vfork_executes_and_both_go_on(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark)
    catch(link, target, VFORK | EXEC, BOTH)
    kin.ask(VFORKS_EXECUTES)
    child = link.event('forked', target)['handle']
    told(link, target, 'VFORK')
    told(link, child, 'BORN')
    assert link.do('patch_hits', target=child)['states'] == []
    go(link, target)
    go(link, child)
    told(link, child, 'EXEC')
    told(link, target, 'VFORK_DONE')
    go(link, target)
    go(link, child)
    link.event('exited', child)
    kin.has(done=1, good=1, bad=0, there=1)


def test_forks_of_many_threads_with_a_patch_on_their_way(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    plant(link, target, kin.landmark, condition=bytes([0x22, 0, 0x27]))
    kin.ask(STORM)
    kin.has(done=1, good=200, bad=0, here=200, there=600)
    link.settle()
    assert {e[0] for e in link.events} == {'thread_born', 'thread_exited'}


def test_forks_of_many_threads_that_are_all_followed(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    catch(link, target, 0, BOTH)
    kin.ask(STORM)
    for _ in range(200):
        child = link.event('forked', target)['handle']
        told(link, child, 'BORN')
        link.do('detach', target=child)
    kin.has(done=1, good=200, bad=0)


@pytest.mark.parametrize('end', ['detach', 'close'])
def test_detached_in_the_middle_of_forks_everybody_lives_on(link, kin, end):
    for n in range(6):
        target, _ = link.attach(kin.pid, how='RUN')
        plant(link, target, kin.landmark, condition=bytes([0x22, 0, 0x27]))
        kin.ask(STORM)
        time.sleep(0.004 * n)
        if end == 'close' and n == 5:
            link.close()
        else:
            link.do('detach', target=target)
        kin.has(done=n + 1, good=200 * (n + 1), bad=0)
        assert not clean.process_faults(kin.pid)


# ---- threads, exec


def test_new_threads_and_their_ends_are_told(link, kin):
    target = attach(link, kin.pid, CLONE | EXIT)
    # Sometimes the new one reports before its maker does, and must not go on alone.
    for n in range(1, 31):
        kin.ask(THREAD)
        record, tid = told(link, target, 'CLONE')
        assert record['tid'] == kin.pid and tid in clean.threads(kin.pid)
        go(link, target)
        record, status = told(link, target, 'EXIT')
        assert (record['tid'], status) == (tid, 0) and tid in clean.threads(kin.pid)
        go(link, target)
        kin.has(done=n, here=n)
        assert eventually(lambda: tid not in clean.threads(kin.pid))


def test_a_process_about_to_end_can_be_looked_at_first(link, kin):
    target, _ = stop(link, kin.d)
    catch(link, target, EXIT)
    go(link, target)
    kin.d.expect_gone = True
    os.kill(kin.pid, signal.SIGTERM)
    assert told(link, target, 'EXIT') == ({'tid': kin.pid, 'reason': wire.ENUM['STOP_EXIT'], 'signal': 0,
                                           'siginfo': b''}, signal.SIGTERM)
    assert peek(link, target, kin.d.facts['shared']) == 0
    go(link, target)
    assert link.event('exited', target)['status'] == signal.SIGTERM


def test_exec_stops_when_asked(link, kin):
    target = attach(link, kin.pid, EXEC)
    kin.ask(EXECUTES)
    told(link, target, 'EXEC')
    assert link.event('executed', target)['pid'] == kin.pid
    go(link, target)
    kin.d.settle()


@pytest.mark.parametrize('events', [EXIT | EXEC | CLONE, SYSCALL | EXEC])
def test_exec_by_a_thread_that_is_not_the_first(link, debuggee, events):
    d = debuggee('events')
    target = attach(link, d.pid, events, syscalls=[59])
    for _ in range(3):
        os.kill(d.pid, signal.SIGUSR2)
        seen, last = [], 'SYSRET' if events & SYSCALL else 'EXEC'
        while last not in seen:
            seen += [REASONS[s['reason']] for s in link.event('stopped', target)['stops']]
            go(link, target)
        assert seen == (['SYSCALL', 'EXEC', 'SYSRET'] if events & SYSCALL else seen[:-2] + ['EXIT', 'EXEC'])
        link.event('executed', target)
        d.settle()
        link.settle()
        assert not [e for e in link.events if e[0] == 'stopped']
    assert clean.threads(d.pid) == [d.pid]


# ---- system calls


def calls(link, target, n):
    """The next n stops: which and where."""
    out = []
    for _ in range(n):
        bundle = link.event('stopped', target)
        causes = link.event('causes', target)['causes']
        names = {wire.ENUM['STOP_SYSCALL']: 'entry', wire.ENUM['STOP_SYSRET']: 'return'}
        out.append((names[bundle['stops'][0]['reason']], causes[0]['value']))
        go(link, target)
    return out


def test_system_calls_stop_at_entry_and_return(link, kin):
    target = attach(link, kin.pid, SYSCALL)
    kin.ask(CALLS)
    getppid, getuid = kin.calls['getppid'], kin.calls['getuid']
    pairs = [('entry', getppid), ('return', getppid)] * 3 + [('entry', getuid), ('return', getuid)] * 2
    seen = []
    while seen[-10:] != pairs:
        seen += calls(link, target, 1)
        assert len(seen) < 16
    assert {number for _, number in seen[:-10]} <= {*kin.calls['waits'], -1}  # -1: it was in one already
    catch(link, target, 0)
    kin.has(done=1)


def test_of_a_set_only_these_stop_and_none_is_changed(link, kin):
    getuid = kin.calls['getuid']
    target = attach(link, kin.pid, SYSCALL, syscalls=[getuid, 1023])
    kin.ask(CALLS)
    assert calls(link, target, 4) == [('entry', getuid), ('return', getuid)] * 2
    kin.has(done=1)
    counts, status = kin.counts(), clean.status(kin.pid)
    assert counts['answer0'] == 3 * int(status['PPid'])
    assert counts['answer1'] == 2 * (int(status['Uid'].split()[0]) + 1)
    link.settle()
    assert not link.events


def test_calls_under_way_are_caught_when_asked_for_and_let_be_again(link, kin):
    target = attach(link, kin.pid, SYSCALL, syscalls=kin.calls['waits'])
    bundle = link.event('stopped', target)
    assert bundle['stops'][0]['reason'] == wire.ENUM['STOP_SYSCALL']
    catch(link, target, 0)
    go(link, target)
    kin.ask(PASSES)
    kin.has(done=1, here=1)
    link.settle()
    assert not [e for e in link.events if e[0] == 'stopped']


def test_a_system_call_can_be_changed_at_its_entry_and_its_return(link, kin):
    c = kin.calls
    target = attach(link, kin.pid, SYSCALL, syscalls=[c['getuid']])
    kin.ask(CALLS)
    for at, slot, value in (('SYSCALL', c['number'], c['getppid']), ('SYSRET', c['answer'], 4711)) * 2:
        bundle = link.event('stopped', target)
        assert bundle['stops'][0]['reason'] == wire.ENUM['STOP_' + at]
        r, = bundle['regs']
        data = r['data'][:slot] + value.to_bytes(c['width'], 'little') + r['data'][slot + c['width']:]
        link.do('regs_write', target=target, regs=[dict(r, data=data)])
        go(link, target)
    kin.has(done=1, answer1=2 * 4712)


@pytest.mark.parametrize('when', ['SYSCALL', 'SYSRET'])
def test_detached_at_a_system_call_it_goes_on_as_if_nothing_had_been(link, kin, when):
    target = attach(link, kin.pid, SYSCALL, syscalls=[kin.calls['getppid']])
    kin.ask(CALLS)
    assert link.event('stopped', target)['stops'][0]['reason'] == wire.ENUM['STOP_SYSCALL']
    if when == 'SYSRET':
        go(link, target)
        link.event('stopped', target)
    link.do('detach', target=target)
    kin.has(done=1, answer0=3 * os.getpid())


def test_signals_come_through_while_system_calls_are_caught(link, debuggee):
    d = debuggee('signals')
    target, _ = link.attach(d.pid, how='RUN')
    catch(link, target, SYSCALL, syscalls=[CALLS_OF['kin']['getppid']])
    for n in range(1, 21):
        os.kill(d.pid, SIGUSR1)
        assert eventually(lambda: peek(link, target, d.facts['counts']) == n)
    assert not link.events


@pytest.mark.parametrize('follow', [PARENT, BOTH])
@pytest.mark.parametrize('what,events', [(FORKS, FORK), (VFORKS, VFORK), (CLONES, FORK), (SHARES, FORK),
                                         (THREAD, CLONE), (THREAD, EXIT), (EXECUTES, EXEC), (CALLS, SYSCALL)])
def test_killed_while_it_stands_at_an_event_it_is_gone_and_its_children_are_free(link, kin, what, events, follow):
    target = attach(link, kin.pid, events, follow)
    plant(link, target, kin.landmark, condition=bytes([0x22, 0, 0x27]))
    kin.ask(what)
    link.event('stopped', target)
    link.event('causes', target)
    children = set(clean.descendants(kin.pid))
    kin.d.expect_gone = True
    os.kill(kin.pid, signal.SIGKILL)
    if events == EXIT:  # it stands at its end, too
        assert told(link, target, 'EXIT')[1] == signal.SIGKILL
        go(link, target)
    assert link.event('exited', target)['status'] == signal.SIGKILL
    for name, handle, fields, _ in list(link.events):
        if name == 'forked' and fields['handle']:
            told(link, fields['handle'], 'BORN')
            link.do('detach', target=fields['handle'])
    assert not clean.eventually(lambda: [p for p in children if clean.alive(p)])


# ---- who must not, and what makes no sense


@pytest.mark.parametrize('fields', [{'events': 64}, {'events': 0xffffffff}, {'follow': 3},
                                    {'events': SYSCALL, 'syscalls': [{'number': 1024}]},
                                    {'events': SYSCALL, 'syscalls': [{'number': 0xffffffff}]}])
def test_what_cannot_be_caught_is_refused(link, kin, fields):
    target, _ = link.attach(kin.pid, how='RUN')
    refused('MALFORMED', link, 'catch', target=target, **fields)
    kin.ask(FORKS)
    kin.has(done=1, good=1)
    link.settle()
    assert not link.events


def test_one_that_is_only_looked_at_has_no_events(link, kin):
    target, _ = link.attach(kin.pid, how='LOOK')
    refused('STATE', link, 'catch', target=target, events=FORK)


def test_whoever_may_not_attach_to_the_maker_does_not_get_its_children(sessions, kin):
    s = sessions('LOOK')
    target, _ = s.link.attach(kin.pid, how='LOOK')
    refused('RIGHT', s.link, 'catch', target=target, follow=BOTH)


def test_a_followed_child_is_on_the_record(sessions, kin):
    s = sessions('LOOK', 'STOP')
    target, _ = s.link.attach(kin.pid, how='RUN')
    catch(s.link, target, 0, BOTH)
    kin.ask(FORKS)
    forked = s.link.event('forked', target)
    told(s.link, forked['handle'], 'BORN')
    s.link.do('detach', target=forked['handle'])
    child = forked['pid']
    assert [s.record()[:2] for _ in range(3)] == [('attach', kin.pid), ('attach', child), ('detach', child)]
    kin.has(done=1, good=1)


def test_a_breakpoint_and_a_signal_still_work_in_a_followed_child(link, kin):
    target, _ = link.attach(kin.pid, how='RUN')
    link.do('signals', target=target, stop=bit(signal.SIGUSR1))
    catch(link, target, FORK, BOTH)
    kin.ask(FORKS)
    child = link.event('forked', target)
    told(link, target, 'FORK')
    told(link, child['handle'], 'BORN')
    os.kill(child['pid'], signal.SIGUSR1)
    go(link, child['handle'])
    cause, = link.event('stopped', child['handle'])['stops']
    assert (cause['reason'], cause['signal']) == (wire.ENUM['STOP_SIGNAL'], signal.SIGUSR1)
    assert states(child['pid']) == {child['pid']: 't'}
    go(link, child['handle'], signal=0)
    go(link, target)
    link.event('exited', child['handle'])
    kin.has(done=1, good=1)
