# SPDX-License-Identifier: BSD-2-Clause
"""Clocks that jump while sessions run: leases go by time that only goes forward. The programs are those of
tests/failing, whose clocks do as they are told; the machine's own is left alone."""

import os

import pytest

import clean
import failing
import harness
import wire
from resuming import state, stop, traced

pytestmark = pytest.mark.skipif('san' in os.path.basename(harness.BUILD), reason='not built with sanitizers')
HOUR = 3600


@pytest.fixture
def control(world, monkeypatch):
    c = failing.Control(world)
    monkeypatch.setattr(harness, 'program', lambda name: os.path.join(c.place, 'bin', name))
    yield c
    c.close()


@pytest.mark.once
def test_a_wall_clock_that_jumps_ends_no_lease_and_makes_none_longer(control, leased, hosts, debuggee):
    box, d = leased('grace=5s'), debuggee('sleepers')
    host = hosts(box)
    stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    for wall_s in (HOUR, -HOUR, 24 * HOUR, 0):
        control.jump(wall_s)
        host.do('ps', limit=1)
        host.cut()
        box.await_audit(event='lost')
        control.jump(-wall_s)
        assert clean.eventually(lambda: traced(d.pid), 1.5) and state(d.pid) == 't'
        host = hosts(box, before=host)
        assert host.opened['resumed'] and not box.audit(event='expired')
    host.cut()
    control.jump(-HOUR)
    assert not clean.eventually(lambda: not box.audit(event='expired'), 20)
    assert not box.quiet() and not d.faults()


@pytest.mark.once
def test_a_sleep_of_the_machine_counts(control, leased, hosts, debuggee):
    box, d = leased('grace=1h'), debuggee('sleepers')
    host = hosts(box)
    stop(host, d, loss=wire.ENUM['LOSS_HOLD'])
    host.cut()
    box.await_audit(event='lost')
    assert clean.eventually(lambda: traced(d.pid), 2.5)
    control.jump(boot_ms=1000 * HOUR)
    box.await_audit(event='expired')
    assert not box.quiet() and not d.faults()


def test_a_key_is_judged_by_the_calendar(control, boxes, hosts, keys, debuggee):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} expires=2050-01-01 # alice@test'])
    host = hosts(box)
    host.do('ps', limit=1)
    control.jump(wall_s=30 * 365 * 24 * HOUR)
    assert host.ending() in ('EXPIRED', 'SHUTDOWN')
    assert not box.quiet()


@pytest.mark.once
@pytest.mark.parametrize('before, after, ends', [
    ('', 'expires=2050-01-01', True), ('expires=2050-01-01', '', False),
    ('expires=2050-01-01', 'expires=2100-01-01', False)])
@pytest.mark.parametrize('waits', [False, True])
def test_a_date_that_is_written_into_the_map_later_counts(control, boxes, hosts, keys, before, after, ends, waits):
    """And the one that stood there before does not."""
    def row(words):
        return f'{keys["alice"].fingerprint} user={harness.ALICE} grace=1h {words} # alice@test'
    box = boxes(rows=[row(before)])
    host = hosts(box)
    host.do('ps', limit=1)
    if waits:
        host.cut()
        box.await_audit(event='lost')
    box.write_map([row(after)])
    assert clean.eventually(lambda: not box.audit(event='revoked'), 1.5), 'it is read, and nothing is wrong with it'
    control.jump(wall_s=30 * 365 * 24 * HOUR)
    if ends:
        assert box.await_audit(event='revoked')[0]['result'] == 'EXPIRED'
        assert not box.quiet()
        return
    assert clean.eventually(lambda: not box.audit(event='revoked'), 1.5)
    if not waits:
        host.do('ps', limit=1)
        host.leave()
    else:
        box.write_map([row('expires=2001-01-01')])
    assert not box.quiet()
