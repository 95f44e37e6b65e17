# SPDX-License-Identifier: BSD-2-Clause
"""The link is lost, and comes back or does not: what becomes of the session and of those it debugs."""

import itertools
import os
import random
import signal
import struct
import subprocess
import time

import pytest

import clean
import harness
import wire
from deaths import GOOD, Tally, times, verdict
from resuming import end, state, stop, traced


def row(keys, words='', name='alice'):
    return f'{keys[name].fingerprint} user={harness.ALICE} {words} # {name}@test'


def test_a_session_is_told_how_it_is_taken_up_again(leased, hosts):
    box = leased()
    host = hosts(box)
    assert any(host.opened['session']) and any(host.opened['secret'])
    assert host.opened['grace_ms'] == 30000 and not host.opened['resumed']
    host.do('ps', limit=1)
    end(host, box)


def test_the_host_chooses_the_grace_within_what_the_map_allows(leased, hosts):
    box, bounded, none = leased(), leased('grace=7s'), leased('grace=0')
    for b, asked, want in ((box, 5000, 5000), (box, 4000000, 3600000), (bounded, 0, 7000), (bounded, 60000, 7000),
                           (bounded, 500, 500), (none, 60000, 0)):
        host = hosts(b, grace_ms=asked)
        assert host.opened['grace_ms'] == want
        assert any(host.opened['session']) == (want > 0)
        end(host, b)


@pytest.mark.once
def test_a_stopped_process_is_let_go_after_the_loss_and_the_session_waits(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d)
    host.cut()
    assert not clean.eventually(lambda: traced(d.pid), 10)
    assert not d.faults() and box.sessions()
    again = hosts(box, before=host)
    assert again.opened['resumed'] and again.opened['session'] == host.opened['session']
    e = again.event('released', target)
    assert wire.ERRORS[e['why']] == 'LOST'
    with pytest.raises(wire.Error) as err:
        again.do('threads', target=target)
    assert err.value.name == 'NO_TARGET'
    stop(again, d)
    end(again, box)


def test_a_stopped_process_stands_at_the_same_stop_when_the_link_is_back_at_once(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, first = stop(host, d)
    host.cut()
    again = hosts(box, before=host)
    assert again.opened['resumed'] and traced(d.pid) and state(d.pid) == 't'
    regs = again.do('regs_read', target=target, notes=[{'note': wire.NT_PRSTATUS}])['regs']
    assert regs[0]['data'] == first['regs'][0]['data']
    assert not again.events
    end(again, box)
    assert not d.faults()


# ---- hdb comes back by itself


def console(world, box, debuggee, *more):
    """hdb attached through a proxy."""
    p = world.proxy(box.port)
    h = world.hdb_start('-p', debuggee.pid, *more, box=box, port=p.port)
    assert not clean.eventually(lambda: not traced(debuggee.pid), 30)
    box.await_audit(event='attach')
    return p, h


def cut(p, box, times=1):
    """Reset the links through the proxy; the next one is let through."""
    p.process.send_signal(signal.SIGUSR2)
    assert not clean.eventually(lambda: len(box.audit(event='lost')) < times, 30)
    assert not clean.eventually(lambda: len(box.audit(event='resumed')) < times, 30)


def test_hdb_goes_on_where_it_was_when_the_link_is_cut(world, leased, debuggee):
    box, d = leased(), debuggee('sleepers')
    p, h = console(world, box, d)
    for n in (1, 2):
        cut(p, box, n)
        assert traced(d.pid)
    out, err = h.communicate('info threads\ndetach\nquit\n', timeout=harness.PATIENCE)
    assert h.returncode == 0, (out, err)
    assert 'resuming...' in err and 'is back' in err and out.count('LWP') == 5, (out, err)
    assert not box.quiet() and not d.faults()


@pytest.mark.once
def test_hdb_attaches_again_to_what_was_let_go_meanwhile(world, leased, debuggee):
    box, d = leased(), debuggee('sleepers')
    p = world.proxy(box.port)
    h = world.hdb_start('-p', d.pid, box=box, port=p.port)
    box.await_audit(event='attach')
    p.process.send_signal(signal.SIGSTOP)  # nobody gets through
    conn, = [pid for pid, what in box.children().items() if 'conn' in what]
    os.kill(conn, signal.SIGKILL)
    assert not clean.eventually(lambda: traced(d.pid), 20)
    p.process.send_signal(signal.SIGCONT)
    box.await_audit(event='resumed')
    out, err = h.communicate('ps sleepers\ninterrupt\ndetach\nquit\n', timeout=harness.PATIENCE)
    assert 'was let go when the link broke' in out and 'its breakpoints set again' in out, (out, err)
    assert not box.quiet() and not d.faults()


@pytest.mark.once
def test_hdb_asks_for_the_grace_and_for_what_becomes_of_the_process(world, leased, debuggee):
    box, d = leased(), debuggee('sleepers')
    p, h = console(world, box, d, '-grace', '20s', '-loss', 'hold')
    p.process.send_signal(signal.SIGSTOP)  # nobody gets through
    conn, = [pid for pid, what in box.children().items() if 'conn' in what]
    os.kill(conn, signal.SIGKILL)
    box.await_audit(event='lost')
    assert '20000 ms' in box.text()
    assert clean.eventually(lambda: traced(d.pid), 3) and state(d.pid) == 't'
    p.process.send_signal(signal.SIGCONT)
    box.await_audit(event='resumed')
    out, err = h.communicate('info threads\ndetach\nquit\n', timeout=harness.PATIENCE)
    assert h.returncode == 0 and out.count('LWP') == 5 and 'let go' not in out, (out, err)
    assert not box.quiet() and not d.faults()


# ---- once, and by nobody else


@pytest.mark.once
def test_each_request_has_its_effect_once_however_often_the_link_is_cut(leased, hosts, debuggee):
    """Real-time signals queue up in a process that stands; another one for each burst."""
    box, d = leased(), debuggee('signals')
    host = hosts(box)
    target, _ = stop(host, d)
    bursts = (1, 2, 7, 20, 3, 13)
    for n, burst in enumerate(bursts):
        asked = [host.ask('send_signal', target=target, signal=40 + n) for _ in range(burst)]
        if burst % 2:
            host.wait(asked[0])
        host.cut()
        host = hosts(box, before=host)
        for id in asked:
            if id in host.waiting or id in host.replies:
                host.wait(id)
        if burst > 10:
            host.ack()

    host.do('detach', target=target)

    def counts():
        with open(f'/proc/{d.pid}/mem', 'rb') as mem:
            mem.seek(d.facts['queued'])
            return struct.unpack(f'<{len(bursts)}Q', mem.read(8 * len(bursts)))
    clean.eventually(lambda: sum(counts()) < sum(bursts))
    assert counts() == bursts
    end(host, box)


def test_a_half_open_connection_is_put_out_by_the_next(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    old = hosts(box)
    target, _ = stop(old, d)
    new = hosts(box, before=old)
    assert new.opened['resumed']
    assert old.ending() in ('LOST', 'SHUTDOWN', 'closed', 'reset')
    new.do('threads', target=target)
    assert state(d.pid) == 't'
    end(new, box)


def test_the_secret_counts_and_turns_with_each_resume(leased, hosts, debuggee):
    box = leased()
    host = hosts(box)
    host.do('ps', limit=1)
    with pytest.raises(wire.Error) as e:
        hosts(box, before=host, secret=bytes(32))
    assert e.value.name == 'BAD_PROOF'
    assert len(box.await_audit(event='refused')) == 1
    host.do('ps', limit=1)
    host.leave()
    assert not box.quiet()


def test_the_secret_before_is_good_until_the_first_acknowledgement(leased, hosts):
    box = leased()
    first = hosts(box)
    first.do('ps', limit=1)
    hosts(box, before=first)  # the answer to this one might have been lost
    again = hosts(box, before=first)
    assert again.opened['secret'] != first.opened['secret']
    again.do('ps', limit=1)
    again.ack()
    again.do('ps', limit=1)
    path = f'{box.runtime}/s/{box.sessions()[0]}/secret'
    if harness.ROOT:
        def old_one_there():
            with open(path, 'rb') as f:
                return first.opened['secret'] in f.read()
        assert not clean.eventually(old_one_there)
    end(again, box)


def test_another_key_of_the_same_user_does_not_get_the_session(boxes, hosts, keys):
    box = boxes(rows=[row(keys), row(keys, name='bob')])
    host = hosts(box)
    host.do('ps', limit=1)
    with pytest.raises(wire.Error) as e:
        hosts(box, key='bob', before=host)
    assert e.value.name == 'NO_SESSION'
    host.do('ps', limit=1)
    end(host, box)


# ---- who leaves


def test_a_goodbye_is_heard_whatever_is_on_its_way_to_who_says_it(leased, hosts, debuggee):
    """A box that finds it cannot send has the goodbye still to read: that is no lost link, which would be waited for."""
    box, d = leased(), debuggee('sleepers', 40)
    for _ in range(25):
        host = hosts(box)
        asked = host.ask('attach', target=1, pid=d.pid)
        host.ask('snapshot', target=1, window=65536, total=8 << 20, notes=[{'note': wire.NT_PRSTATUS}])
        host.wait(asked)
        host.leave()
        assert not box.quiet() and not box.audit(event='lost')
    assert not d.faults()


# ---- who stands, and for how long


@pytest.mark.once
def test_who_shall_be_held_is_and_let_go_with_the_grace(leased, hosts, debuggee):
    box, d = leased('grace=4s'), debuggee('sleepers')
    host = hosts(box)
    stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    host.cut()
    box.await_audit(event='lost')
    assert clean.eventually(lambda: traced(d.pid), 2.5)
    assert not clean.eventually(lambda: traced(d.pid), 20)
    box.await_audit(event='expired')
    assert not box.quiet() and not d.faults()


def test_who_shall_be_killed_is(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    stop(host, d, loss=wire.ENUM['LOSS_KILL'])
    d.expect_gone = True
    host.cut()
    assert not clean.eventually(lambda: clean.alive(d.pid), 20)
    again = hosts(box, before=host)
    again.event('exited')
    end(again, box)


def test_nothing_stands_longer_than_the_map_allows(leased, hosts, debuggee):
    box, d = leased('max-stop=500ms'), debuggee('sleepers')
    host = hosts(box)
    assert host.opened['max_stop_ms'] == 500
    target, _ = stop(host, d)
    assert wire.ERRORS[host.event('released', target)['why']] == 'MAX_STOP'
    assert not clean.eventually(d.faults)
    end(host, box)


@pytest.mark.parametrize('role', ['conn', 'monitor'])
def test_a_dead_role_of_the_connection_is_a_lost_link(leased, hosts, debuggee, role):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    pid, = [pid for pid, what in box.children().items() if role in what]
    os.kill(pid, signal.SIGKILL)
    box.await_audit(event='lost')
    again = hosts(box, before=host)
    assert again.opened['resumed'] and traced(d.pid)
    again.do('threads', target=target)
    end(again, box)
    assert not d.faults()


# ---- whatever it was doing

MANY = 1 << 62


def places(d):
    """Where functions of its C library begin."""
    lo, path = next((int(line.split('-')[0], 16), line.split(None, 5)[5].strip())
                    for line in clean.read(f'/proc/{d.pid}/maps').splitlines() if 'libc.so' in line)
    text = subprocess.run(['nm', '-D', '--defined-only', path], check=True, capture_output=True, text=True).stdout
    return [lo + int(line.split()[0], 16) for line in text.splitlines() if line.split()[1] == 'T']


def busy_host(hosts, box, d, planted, doing):
    """Attached, with so much planted, and at work: the host."""
    host = hosts(box)
    target, _ = stop(host, d)
    at = {'0': [], '1': [d.facts['beat']], '100': places(d)[::13][:100], 'in hardware': [d.facts['beat']]}[planted]
    kind = wire.ENUM['PATCH_HARD' if planted == 'in hardware' else 'PATCH_SOFT']
    if at:
        ignore = MANY if doing == 'running' else 0
        host.do('patch_set', target=target, patches=[{'id': i + 1, 'addr': a, 'kind': kind, 'ignore': ignore}
                                                     for i, a in enumerate(at)])
    if doing != 'stopped':
        action = wire.ENUM['RESUME_STEP' if doing == 'stepping' else 'RESUME_CONT']
        host.do('go', target=target, stop=wire.ENUM['STOPS_ALL'], threads=[{'tid': 0, 'signal': -1, 'action': action}])
    return host


@pytest.mark.once
@pytest.mark.parametrize('threads', [1, 8, 200])
def test_whatever_a_host_was_doing_its_end_leaves_nothing(leased, hosts, debuggee, threads):
    box, rng, t = leased('grace=0'), random.Random(threads), Tally(f'host gone, {threads} threads')
    d = debuggee('beats', 5000 * min(threads, 20), threads, busy=True, env={'DEBUGGEE_SECONDS': '3600'})
    ways = list(itertools.product(('0', '1', '100', 'in hardware'), ('stopped', 'running', 'stepping')))
    rng.shuffle(ways)
    for planted, doing in (ways * (1 + times(5, 1000) // len(ways)))[:times(5, 1000)]:
        host = busy_host(hosts, box, d, planted, doing)
        time.sleep(rng.random() * 0.03)
        host.cut()
        t.add(seen := verdict(d))
        assert seen == GOOD, (planted, doing, seen)
    print(t)
    assert not box.quiet()


# ---- a key that is taken away


@pytest.mark.parametrize('what', ['out of the map', 'expired', 'readonly'])
def test_a_key_that_is_taken_away_ends_its_sessions(leased, hosts, keys, debuggee, what):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    stop(host, d)
    box.write_map({'out of the map': [row(keys, name='bob')], 'expired': [row(keys, 'expires=2001-01-01')],
                   'readonly': [row(keys, 'readonly')]}[what])
    assert host.ending() in ('NO_KEY', 'EXPIRED', 'RIGHT', 'SHUTDOWN')
    box.await_audit(event='revoked')
    assert not box.quiet() and not d.faults()


@pytest.mark.parametrize('what', ['out of the map', 'expired', 'not his'])
def test_a_key_that_is_taken_away_ends_a_session_that_waits(leased, hosts, keys, debuggee, what):
    """Long before its grace is over."""
    box, d = leased('grace=1h'), debuggee('sleepers')
    host = hosts(box)
    stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    host.cut()
    box.await_audit(event='lost')
    box.write_map([row(keys)])
    assert clean.eventually(lambda: traced(d.pid), 1.5), 'it waits for its host, still'
    monitor, = [pid for pid, what in box.children().items() if 'monitor' in what]
    if harness.ROOT:  # it lets nobody else look
        held = {os.readlink(f'/proc/{monitor}/fd/{fd}') for fd in os.listdir(f'/proc/{monitor}/fd') if int(fd) > 2}
        assert held <= {'anon_inode:[pidfd]'}, 'nothing of the connection is left'
    box.write_map({'out of the map': [row(keys, name='bob')], 'expired': [row(keys, 'expires=2001-01-01')],
                   'not his': [f'{keys["alice"].fingerprint} user=nobody']}[what] if harness.ROOT or what != 'not his'
                  else [row(keys, name='bob')])
    box.await_audit(event='revoked')
    assert not box.quiet() and not d.faults()


def test_who_comes_back_finds_his_session_watched_by_one(leased, hosts, keys, debuggee):
    box, d = leased('grace=1h'), debuggee('sleepers')
    host = hosts(box)
    stop(host, d)
    for _ in range(3):
        host.cut()
        box.await_audit(event='lost')
        host = hosts(box, before=host)

    def monitors():
        return len([1 for what in box.children().values() if 'monitor' in what]) != 1
    assert not clean.eventually(monitors)
    box.write_map([row(keys, name='bob')])
    assert host.ending() in ('NO_KEY', 'SHUTDOWN')
    assert len(box.await_audit(event='revoked')) == 1
    assert not box.quiet() and not d.faults()


def test_a_map_that_cannot_be_used_changes_nothing(leased, hosts, keys, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d)
    box.write_map(['nonsense'])
    assert not clean.eventually(lambda: 'stays as it is' not in box.text())
    host.do('threads', target=target)
    box.write_map([row(keys)])
    end(host, box)
