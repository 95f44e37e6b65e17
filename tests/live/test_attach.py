# SPDX-License-Identifier: BSD-2-Clause
"""Attach and detach, ends of targets, and refusals."""

import collections
import ctypes
import os
import pwd
import signal
import struct
import subprocess
import time

import pytest

import clean
import harness
import wire
from deaths import times
from tracer import as_user, tracer_of, stop, peek, states, go, refused


# ---- attach and detach


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


def test_attach_promises_nothing_about_a_lost_link_that_is_not_kept(link, debuggee):
    d = debuggee('sleepers')
    for asked in (dict(loss=wire.ENUM['LOSS_HOLD']), dict(loss=wire.ENUM['LOSS_KILL']), dict(grace_ms=1000)):
        refused('POLICY', link, 'attach', target=1, pid=d.pid, **asked)
    for loss in (4, 255):
        refused('MALFORMED', link, 'attach', target=1, pid=d.pid, loss=loss)
    assert clean.status(d.pid)['TracerPid'] == '0'
    link.do('attach', target=1, pid=d.pid, loss=wire.ENUM['LOSS_RESUME'])


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
                gone = ('GONE', 'NO_TARGET', 'NO_PROCESS', 'OS', 'ZOMBIE', 'NO_FILE', 'BUSY', 'STALE')
                assert e.name in gone, (name, e)
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


def let_have(pid, descriptors):
    """Its own user says so: root may be without the capability for that."""
    subprocess.run(['prlimit', f'--pid={pid}', f'--nofile={descriptors}:'], check=True, **as_user(harness.ALICE))


@pytest.mark.root  # the tracer shows its descriptors to nobody else
def test_without_descriptors_attaching_fails_at_each_step_and_leaves_nothing(link, debuggee):
    d = debuggee('sleepers', 3)
    tracer = tracer_of(link)
    link.do('facts', pid=d.pid)
    failed, room, attached = [], len(os.listdir(f'/proc/{tracer}/fd')), None
    while not attached:
        let_have(tracer, room)
        try:
            attached = link.attach(d.pid)
        except wire.Error as e:
            failed.append(e.name)
        let_have(tracer, 1024)
        assert attached or not d.faults()
        room += 1
    assert failed and set(failed) == {'OS'}
    link.event('stopped', attached[0])
    link.do('detach', target=attached[0])


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


# ---- a number that comes to mean another process

CLONE3, SET_TID = 435, struct.Struct('<11Q')


def process_with(pid):
    """One of alice's that has this number; 0: it is still in use."""
    wanted = ctypes.c_int(pid)
    args = ctypes.create_string_buffer(SET_TID.pack(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0))
    child = clean.libc.syscall(CLONE3, args, SET_TID.size)
    if child:
        return max(child, 0)
    try:
        ids = pwd.getpwnam(harness.ALICE)
        os.setgroups([])
        os.setgid(ids.pw_gid)
        os.setuid(ids.pw_uid)
        os.execv('/bin/sleep', ['sleep', '600'])
    finally:
        os._exit(1)


@pytest.mark.once
@pytest.mark.skipif(not harness.ROOT, reason='gives processes their numbers')
def test_who_has_the_number_of_another_by_now_is_not_attached_to(links):
    """Asked for while the one ends and the next begins; the time it began tells them apart."""
    link, seen = links(), collections.Counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if not process_with(pid):
        pytest.skip('this kernel gives nobody a number')
    for i in range(times(30, 10000)):
        before = link.do('facts', pid=pid)['procs'][0]['start']
        time.sleep(0.02)  # processes are told apart by 10 ms
        asked = link.ask('attach', target=i + 1, pid=pid, start=before, how=wire.ENUM['ATTACH_RUN']) if i % 3 == 0 else 0
        os.kill(pid, signal.SIGKILL)
        asked = asked or (i % 3 == 1 and link.ask('attach', target=i + 1, pid=pid, start=before,
                                                  how=wire.ENUM['ATTACH_RUN']))
        os.waitpid(pid, 0)
        assert clean.eventually(lambda: 0 if process_with(pid) else 1) == 0
        asked = asked or link.ask('attach', target=i + 1, pid=pid, start=before, how=wire.ENUM['ATTACH_RUN'])
        try:
            got = 'OK' if link.wait(asked)['start'] == before else 'another'
            link.event('exited', i + 1)
        except wire.Error as e:
            got = e.name
        seen[got] += 1
        assert clean.status(pid)['TracerPid'] == '0', got
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print('numbers used again:', dict(seen))
    assert 'another' not in seen and seen['STALE'], seen
