# SPDX-License-Identifier: BSD-2-Clause
"""The link is lost, and comes back or does not: what becomes of the session and of those it debugs."""

import os
import signal

import pytest

import clean
import harness
import wire
from resuming import Host


def key_of(keys, name='alice'):
    return keys[name]


def row(keys, words='', name='alice'):
    return f'{keys[name].fingerprint} user={harness.ALICE} {words} # {name}@test'


@pytest.fixture
def leased(boxes, keys):
    """leased(WORDS): a box whose row for alice has these words."""
    return lambda words='': boxes(rows=[row(keys, words)])


@pytest.fixture
def hosts(keys):
    """hosts(BOX, …): a host with alice's key, gone with the test."""
    made = []

    def make(box, key='alice', **how):
        made.append(Host(box, keys[key], **how))
        return made[-1]
    yield make
    for h in made:
        h.close()


def traced(pid):
    s = clean.status(pid)
    return s and s['TracerPid'] != '0'


def state(pid):
    return clean.status(pid)['State'][0]


def stop(host, debuggee, **how):
    target = host.next_target
    host.next_target += 1
    host.do('attach', target=target, pid=debuggee.pid, notes=[{'note': wire.NT_PRSTATUS}], **how)
    return target, host.event('stopped', target)


def end(host, box):
    host.leave()
    assert not box.quiet()


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
    for times in (1, 2):
        cut(p, box, times)
        assert traced(d.pid)
    out, err = h.communicate('info threads\ndetach\nquit\n', timeout=harness.PATIENCE)
    assert h.returncode == 0, (out, err)
    assert 'resuming...' in err and 'is back' in err and out.count('LWP') == 5, (out, err)
    assert not box.quiet() and not d.faults()
