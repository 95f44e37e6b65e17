# SPDX-License-Identifier: BSD-2-Clause
"""Processes one cannot attach to: each its own sentence."""

import os
import subprocess

import pytest

import clean
import harness


def refused(hdb, box, pid):
    r = hdb('-p', pid, '-batch', '-ex', 'bt', box=box)
    assert r.status == 1 and not r.out, r
    lines = r.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith('hdb: ') and str(pid) in lines[0], r
    return lines[0]


def test_one_that_does_not_exist(hdb, box):
    assert 'no such process' in refused(hdb, box, 4194303).lower() or 'does not exist' in refused(hdb, box, 4194303)


def test_an_undumpable_one(hdb, box, debuggee):
    d = debuggee('awkward', 'undumpable')
    assert 'dumpable' in refused(hdb, box, d.pid)


def test_a_zombie(hdb, box, debuggee):
    d = debuggee('awkward', 'zombie')
    assert 'ended' in refused(hdb, box, d.facts['pid'])


def test_one_that_is_traced_names_the_holder(hdb, box, debuggee):
    d = debuggee('awkward', 'traced')
    said = refused(hdb, box, d.facts['pid'])
    assert 'already' in said and ('awkward' in said or str(d.pid) in said)


def test_one_held_by_another_session_of_ours_names_it(world, hdb, box, debuggee):
    d = debuggee('sleepers')
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    said = refused(hdb, box, d.pid)
    assert 'already' in said and 'alice@test' in said, said
    h.stdin.close()
    h.stdin = None
    assert h.wait(harness.PATIENCE) == 0


def test_a_kernel_thread(hdb, box):
    if not (clean.read('/proc/2/status') or '').startswith('Name:\tkthreadd'):
        pytest.skip('no kernel threads in this pid namespace')
    assert 'kernel thread' in refused(hdb, box, 2)


def test_the_debugger_itself(world, box, debuggee):
    d = debuggee('sleepers')
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    tracer = clean.status(d.pid)['TracerPid']
    out, err = h.communicate(f'attach {tracer}\nquit\n', timeout=harness.PATIENCE)
    assert tracer in err and 'part of the debugger' in err, (out, err)


@pytest.mark.root
def test_another_users_process(hdb, box, debuggee):
    d = debuggee('sleepers', user='bob')
    said = refused(hdb, box, d.pid)
    assert 'bob' in said and 'alice' in said


@pytest.mark.root
def test_a_process_with_another_group(world, hdb, box):
    p = world.start(['setpriv', '--reuid=alice', '--regid=bob', '--clear-groups', 'sleep', '60'])
    assert not clean.eventually(lambda: clean.status(p.pid)['Name'] != 'sleep')
    assert 'group' in refused(hdb, box, p.pid)


@pytest.mark.root
def test_a_process_with_more_capabilities(world, hdb, box):
    p = world.start(['setpriv', '--reuid=alice', '--regid=alice', '--clear-groups', '--inh-caps=+net_raw',
                     '--ambient-caps=+net_raw', 'sleep', '60'])
    assert not clean.eventually(lambda: clean.status(p.pid)['Name'] != 'sleep')
    assert 'capabilities' in refused(hdb, box, p.pid)


@pytest.mark.root
def test_the_user_asked_for_has_to_stand_in_the_row(world, boxes, keys):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user=alice,bob'])
    base = f'tls:server=127.0.0.1,port={box.port},key={keys["alice"].path},pin={box.key.fingerprint}'
    for user, status in (('bob', 0), ('alice', 0), ('root', 1)):
        r = world.run([harness.program('hdb'), '-premote', f'{base},user={user}', '-ps', '-json'])
        assert r.status == status, r
    assert 'root' in r.err


def test_a_readonly_row_neither_stops_nor_snapshots(hdb, boxes, debuggee, keys):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} readonly'])
    d = debuggee('sleepers')
    assert hdb('-ps', '-json', box=box).status == 0
    for args in (['-p', d.pid, '-batch', '-ex', 'bt'], ['-snapshot', d.pid]):
        r = hdb(*args, box=box)
        assert r.status == 1 and 'readonly' in r.err or 'allow' in r.err, r
    assert d.faults() == []


def test_memory_that_cannot_be_read_is_named_by_its_address(hdb, box, debuggee):
    d = debuggee('memory')
    hole = d.facts['hole'] + d.facts['page']
    r = hdb('-p', d.pid, '-batch', '-ex', f'x/8xb {hole - 4:#x}', box=box)
    assert r.status == 1 and '0x68' in r.out and f'{hole:#x}' in r.err, r
    r = hdb('-p', d.pid, '-batch', '-ex', f'x/8xb {d.facts["forbidden"]:#x}', box=box)
    assert r.status == 1 and f'{d.facts["forbidden"]:#x}' in r.err, r
