# SPDX-License-Identifier: BSD-2-Clause
"""A session that is taken up by several at once, by somebody who only listened, in the middle of much; and what is on
record of it."""

import os
import signal
import socket
import threading

import pytest

import clean
import harness
import test_conn
import wire
from launched import Launched
from resuming import end, state, stop, traced

REPLIES = 4 << 20  # CREDIT_REPLY_BYTES


def role(box, name):
    pid, = [pid for pid, what in box.children().items() if name in what]
    return pid


class Several(threading.Thread):
    """A host that takes a session up, while others do; what came of it."""

    def __init__(self, hosts, box, before):
        super().__init__()
        self.host, self.error = None, None
        self.make = lambda: hosts(box, before=before)
        self.start()

    def run(self):
        try:
            self.host = self.make()
        except (OSError, wire.Closed, wire.Error) as e:
            self.error = e


def lives(host, target):
    try:
        host.do('threads', target=target)
        return True
    except (OSError, wire.Closed, wire.Error):
        return False


# ---- several at once


@pytest.mark.once
def test_of_three_that_take_a_session_up_at_once_one_gets_it_and_it_lives_on(leased, hosts, debuggee):
    """The others' links were there for a moment, and are gone: that is no loss."""
    box, d = leased('grace=2s'), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    guard = role(box, 'guard')
    os.kill(guard, signal.SIGSTOP)
    several = [Several(hosts, box, host) for _ in range(3)]
    clean.eventually(lambda: len([1 for what in box.children().values() if 'monitor' in what]) < 4, 2)
    clean.eventually(lambda: True, 0.5)
    os.kill(guard, signal.SIGCONT)
    for s in several:
        s.join()
    alive = [s.host for s in several if s.host and lives(s.host, target)]
    assert len(alive) == 1, [s.error for s in several]
    assert state(d.pid) == 't'
    # Longer than the grace: nobody takes the link for lost.
    assert clean.eventually(lambda: traced(d.pid), 2.5)
    assert lives(alive[0], target) and not box.audit(event='expired')
    end(alive[0], box)
    assert not d.faults()


# ---- who listened


def test_what_a_host_said_to_take_it_up_is_worth_nothing_to_others(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d)
    again = hosts(box, before=host)
    thief = test_conn.Link(box, again.key, start=False)
    thief.greet()
    thief.send('proof', **again.proof)
    thief.send('open', id=1)
    assert 'access denied' in thief.ending()
    assert box.await_audit(event='refused')[0]['result'] == 'BAD_PROOF'
    assert lives(again, target) and state(d.pid) == 't'
    end(again, box)


def test_nor_to_who_has_the_key_as_well_but_not_the_secret(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d)
    again = hosts(box, before=host)
    with pytest.raises(wire.Error) as e:
        hosts(box, before=host, nonce=again.nonce)
    assert e.value.name == 'BAD_PROOF'
    assert lives(again, target)
    end(again, box)


def test_a_broken_byte_on_the_way_is_a_lost_link_and_nothing_more(leased, hosts, debuggee):
    """Whoever can reach the connection can do that."""
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    target, _ = stop(host, d)
    with socket.socket(fileno=os.dup(host.socket.fileno())) as raw:
        raw.setblocking(True)
        raw.sendall(b'\x17\x03\x03\0\x20' + bytes(32))
    box.await_audit(event='lost')
    again = hosts(box, before=host)
    assert again.opened['resumed'] and lives(again, target) and state(d.pid) == 't'
    end(again, box)


# ---- in the middle of much


def test_a_stop_larger_than_all_replies_may_be_comes_again(leased, hosts, debuggee):
    box, d = leased(), debuggee('memory', 8)
    host = hosts(box)
    recipe = dict(scope=wire.ENUM['SCOPE_CAUSE'], base=wire.ENUM['BASE_ZERO'], offset=d.facts['noise'], len=6 << 20)
    target, stopped = stop(host, d, recipes=[recipe])
    assert sum(c['len'] for c in stopped['chunks']) >= 6 << 20
    host.last_event = 0  # as if it had been lost on the way
    host.cut()
    again = hosts(box, before=host)
    assert again.event('stopped', target)['chunks'] == stopped['chunks']
    end(again, box)


def test_what_comes_again_uses_up_the_credit_of_the_new_link(leased, hosts, debuggee):
    box, d = leased(), debuggee('memory', 2)
    host = hosts(box)
    target, _ = stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    host.auto_ack = False

    def read(h):
        return h.ask('mem_read', target=target, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    asked = [read(host) for _ in range(8)]
    host.wait(asked[0])
    host.cut()
    again = hosts(box, before=host, credit=REPLIES)
    again.auto_ack = False
    asked.append(read(again))  # with it the tracer hears what the credit is
    again.settle(1)
    assert again.owed <= REPLIES + 65536 + 28
    again.auto_ack = True
    again.ack()
    for id in asked:
        if id in again.waiting or id in again.replies:
            try:
                again.wait(id)
            except wire.Error as e:
                assert e.name == 'AGAIN'
    end(again, box)


# ---- the record


def test_what_happened_while_somebody_takes_it_up_is_on_record_and_in_nobodys_way(world, boxes, keys, hosts, debuggee):
    os.mkdir(world.path('records'), 0o700)
    path = world.path('records/audit')
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} # alice@test'], options=('-audit', path))
    d = debuggee('sleepers')
    host = hosts(box)
    stop(host, d)
    guard = role(box, 'guard')
    os.kill(guard, signal.SIGSTOP)
    waiting = [host.ask('send_signal', target=1, signal=0) for _ in range(2)]
    for n in range(2, 12):  # each on record before it is done, and again since it fails
        waiting.append(host.ask('attach', target=n, pid=1))
    for id in waiting:
        with pytest.raises(wire.Error):
            host.wait(id)
    one = Several(hosts, box, host)
    clean.eventually(lambda: len([1 for what in box.children().values() if 'monitor' in what]) < 2, 5)
    clean.eventually(lambda: True, 0.5)
    os.kill(guard, signal.SIGCONT)
    one.join()
    assert one.host, one.error
    assert lives(one.host, 1)
    end(one.host, box)
    with open(path) as f:
        assert f.read().count('event=attach') == 1 + 2 * 10
    assert world.run([harness.program('procsrv'), '-check-audit', path]).status == 0


def test_nothing_that_was_done_is_missing_when_the_monitor_dies(leased, hosts, debuggee):
    box, d = leased(), debuggee('sleepers')
    host = hosts(box)
    host.do('ps', limit=1)
    guard, monitor = role(box, 'guard'), role(box, 'monitor')
    os.kill(guard, signal.SIGSTOP)
    stop(host, d)
    os.kill(monitor, signal.SIGKILL)
    clean.eventually(lambda: clean.alive(monitor), 5)
    os.kill(guard, signal.SIGCONT)
    assert box.await_audit(event='attach', pid=d.pid)
    again = hosts(box, before=host)
    end(again, box)


@pytest.mark.once
def test_a_host_hears_that_it_may_come_back_whoever_notices_first_that_the_monitor_died(leased, hosts):
    box = leased()
    host = hosts(box)
    for n in range(20):
        host.do('ps', limit=1)
        monitor, = [pid for pid, what in box.children().items() if 'monitor' in what]
        os.kill(monitor, signal.SIGKILL)
        with pytest.raises(wire.Closed) as e:
            while True:
                host.settle(30)
        code = e.value.goodbye and wire.ERRORS[e.value.goodbye['code']]
        assert code == 'LOST', (n, code)
        host = hosts(box, before=host)
    end(host, box)


def test_the_record_shows_where_the_host_is_now(world, leased, hosts):
    box = leased()
    host = hosts(box)
    host.do('ps', limit=1)
    env = dict(world.env, XDG_RUNTIME_DIR=os.path.join(box.dir, 'run'))

    def one():
        return world.run([harness.program('procsrv'), '-status', '-json'], env=env).json['sessions'][0]
    first = one()
    host.cut()
    assert not clean.eventually(lambda: not one()['lost'])
    again = hosts(box, before=host)
    assert not one()['lost'] and one()['from'] != first['from'] and one()['key'] == first['key']
    end(again, box)


# ---- a key that is taken away before anything was asked for


def test_a_session_nothing_was_asked_of_ends_with_its_key_too(leased, hosts, keys):
    box = leased()
    host = hosts(box)
    box.write_map([f'{keys["bob"].fingerprint} user={harness.ALICE}'])
    assert host.ending() in ('NO_KEY', 'SHUTDOWN')
    assert box.await_audit(event='revoked')[0]['result'] == 'NO_KEY'
    assert not box.quiet()


# ---- programs that were launched


def launch(host, loss='DEFAULT'):
    p = Launched(host, ['/bin/sh', '-c', 'while :; do sleep 0.1; done'], loss=loss)
    p.go()
    return p.pid


def runs(pid):
    """D, too: a shell waits in vfork for what it starts."""
    return state(pid) in 'RSD'


def ended(pid):
    return not clean.eventually(lambda: clean.alive(pid))


@pytest.fixture
def kept():
    """kept(PID): ended after the test, should it live on."""
    pids = []
    yield pids.append
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.once
@pytest.mark.parametrize('words, lives_on', [('grace=2s', False), ('grace=2s keep-launched', True)])
def test_a_program_outlives_the_grace_where_the_map_says_so(leased, hosts, kept, words, lives_on):
    box = leased(words)
    host = hosts(box)
    pid = launch(host)
    kept(pid)
    host.cut()
    box.await_audit(event='expired')
    assert not clean.eventually(lambda: traced(pid))
    assert not box.sessions() or not clean.eventually(box.sessions)
    assert clean.alive(pid) == lives_on
    assert bool(box.audit(event='kill', pid=pid)) != lives_on
    assert not lives_on or runs(pid)


@pytest.mark.once
def test_it_is_held_for_the_grace_and_goes_on_where_it_was(leased, hosts):
    box = leased('keep-launched')
    host = hosts(box)
    pid = launch(host)
    host.do('interrupt', target=77)
    host.event('stopped', 77)
    host.cut()
    box.await_audit(event='lost')
    assert clean.eventually(lambda: traced(pid), 2.5) and state(pid) == 't'
    again = hosts(box, before=host)
    again.do('threads', target=77)
    end(again, box)  # the host says so: it does not live on
    assert ended(pid)


@pytest.mark.once
@pytest.mark.parametrize('how', ['server stopped', 'key taken away', 'tracer killed', 'host asked for it'])
def test_a_kept_program_lives_on_whatever_ends_its_session_but_its_host(leased, hosts, keys, kept, how):
    box = leased('keep-launched grace=4s')
    host = hosts(box)
    pid = launch(host, 'KILL' if how == 'host asked for it' else 'DEFAULT')
    kept(pid)
    if how == 'server stopped':
        assert not box.stop(idle=False)
    elif how == 'key taken away':
        box.write_map([f'{keys["bob"].fingerprint} user={harness.ALICE}'])
    elif how == 'tracer killed':
        os.kill(role(box, 'tracer'), signal.SIGKILL)
    else:
        host.cut()
        assert ended(pid)
        return
    assert not clean.eventually(box.sessions)
    assert clean.alive(pid) and not traced(pid) and runs(pid)
