# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the map that are for some processes only: unit= and exe=."""

import json
import os
import signal

import pytest

import clean
import harness
import wire
from tracer import refused

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')


def path(name):
    return os.path.join(harness.DEBUGGEES, name)


@pytest.fixture
def both(debuggee):
    """One of the row's programs, and another."""
    return debuggee('sleepers', 1), debuggee('becomes', '/bin/true')


@pytest.fixture
def bounded(leased):
    """bounded(WORDS): a box whose row has exe= of sleepers."""
    return lambda words='': leased(f'exe={path("sleepers")} grace=2s {words}')


def test_another_program_is_not_attached_to_and_the_word_is_named(bounded, hdb, both):
    ours, other = both
    box = bounded()
    r = hdb('-p', ours.pid, '-batch', '-ex', 'bt', '-ex', 'detach', box=box)
    assert r.status == 0, repr(r)
    for args in (['-p', other.pid, '-batch', '-ex', 'bt'], ['-snapshot', other.pid]):
        r = hdb(*args, box=box)
        assert r.status == 1 and 'for other processes' in r.err and f'exe={path("sleepers")}' in r.err, repr(r)
        assert '(becomes)' in r.err, repr(r)


def test_the_list_has_the_rows_processes_alone(bounded, hdb, both):
    ours, other = both
    r = hdb('-ps', '-json', box=bounded())
    pids = [p['pid'] for p in json.loads(r.out)['processes']]
    assert ours.pid in pids and other.pid not in pids
    assert all(os.path.basename(p['exe']) == 'sleepers' for p in json.loads(r.out)['processes'])


def test_a_name_does_not_make_it_the_program(world, leased, hdb, debuggee):
    """The file counts that was there when the map was read, whatever is called so."""
    real, name = world.path('real'), world.path('name')
    with open(path('sleepers'), 'rb') as f, open(real, 'wb') as to:
        to.write(f.read())
    os.chmod(real, 0o755)
    os.link(real, name)
    d = harness.Debuggee([real, '1'])
    world.debuggees.append(d)
    box = leased(f'exe={name}')
    assert hdb('-p', d.pid, '-batch', '-ex', 'detach', box=box).status == 0
    os.unlink(name)
    os.symlink(path('becomes'), name)
    r = hdb('-p', d.pid, '-batch', box=box)
    assert r.status == 1 and 'exe=' in r.err, repr(r)


OF_A_PROCESS = ['facts', 'maps', 'auxv', 'environment', 'file_stat', 'file_read', 'file_link', 'file_list', 'file_look',
                'proc_text', 'snapshot', 'attach']
FIELDS = {name: {'path': b'/etc/hostname'} for name in OF_A_PROCESS if name.startswith('file')}
FIELDS['file_link'] = {'path': b'/proc/self'}
FIELDS['file_list'] = {'path': b'/etc'}
FIELDS['proc_text'] = {'text': wire.ENUM['TEXT_STATUS']}
FIELDS['attach'] = {'how': wire.ENUM['ATTACH_LOOK']}


def test_the_table_of_requests_that_name_a_process_is_whole():
    named = {name for name, m in wire.MSGS.items() if m['kind'] == 'REQ' and ('U32', ['pid']) in m['fields']}
    assert named == set(OF_A_PROCESS) | {'file_write', 'file_change'}


@pytest.mark.parametrize('words', ['', 'readonly'])
def test_every_request_that_names_another_process_is_refused(bounded, hosts, both, words):
    ours, other = both
    link = hosts(bounded(words))
    for name in OF_A_PROCESS:
        if name == 'snapshot' and words:
            continue
        f = refused('BOUNDS', link, name, pid=other.pid, target=1 if name == 'attach' else 0, **FIELDS.get(name, {}))
        assert f['subject'] == b'becomes' and f['detail'] == b'exe=' + path('sleepers').encode(), (name, f)
    assert link.do('facts', pid=ours.pid)['procs'][0]['pid'] == ours.pid


def become(d):
    """It executes sleepers."""
    os.kill(d.pid, signal.SIGUSR1)
    assert not clean.eventually(lambda: os.readlink(f'/proc/{d.pid}/exe') != os.path.realpath(path('sleepers')))


@pytest.fixture
def becoming(debuggee):
    return debuggee('becomes', path('sleepers'), 1)


def test_what_becomes_another_program_while_it_is_looked_at_is_not_looked_at_any_more(leased, hosts, becoming):
    d, link = becoming, hosts(leased(f'exe={path("becomes")} grace=2s readonly'))
    target, _ = link.attach(d.pid, how='LOOK')
    assert link.do('threads', target=target)['threads']
    become(d)
    for name in ('threads', 'maps', 'auxv', 'environment'):
        f = refused('BOUNDS', link, name, target=target)
        assert f['detail'].startswith(b'exe='), f
    refused('BOUNDS', link, 'mem_read', target=target, ranges=[{'addr': 0x1000, 'len': 8}])
    link.do('detach', target=target)


def test_what_becomes_another_program_while_it_is_traced_is_let_go(leased, hosts, becoming):
    d, link = becoming, hosts(leased(f'exe={path("becomes")} grace=2s'))
    target, _ = link.attach(d.pid, how='RUN')
    become(d)
    assert wire.ERRORS[link.event('released', target)['why']] == 'BOUNDS'
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')


def test_only_the_rows_programs_are_launched(bounded, hosts):
    link = hosts(bounded())
    f = refused('BOUNDS', link, 'launch', target=7, program='/bin/true', args=b'true\0')
    assert f['detail'] == b'exe=' + path('sleepers').encode()
    pid = link.do('launch', target=7, program=path('sleepers'), args=b'sleepers\0' b'1\0')['pid']
    assert link.event('stopped', 7)
    link.do('kill', target=7)
    link.event('exited', 7)
    assert not clean.status(pid)


def test_with_units_nothing_is_launched_that_would_not_be_of_them(leased, hosts):
    link = hosts(leased('unit=no-such-unit.service grace=2s'))
    f = refused('BOUNDS', link, 'launch', target=7, program='/bin/true', args=b'true\0')
    assert f['detail'] == b'unit=no-such-unit.service'


def test_a_process_of_another_unit_is_refused_and_not_listed(leased, hdb, both):
    box = leased('unit=no-such-unit.service')
    r = hdb('-p', both[0].pid, '-batch', box=box)
    assert r.status == 1 and 'unit=no-such-unit.service' in r.err, repr(r)
    assert json.loads(hdb('-ps', '-json', box=box).out)['processes'] == []


def test_a_row_that_is_given_to_other_processes_ends_its_sessions(bounded, hosts, both, keys):
    box = bounded()
    link = hosts(box)
    link.attach(both[0].pid, how='RUN')
    box.write_map([f'{keys["alice"].fingerprint} user={harness.ALICE} exe={path("becomes")}'])
    box.await_audit(event='revoked')
    assert not clean.eventually(lambda: clean.status(both[0].pid)['TracerPid'] != '0')


def test_a_session_is_not_taken_up_by_a_row_for_other_processes(bounded, hosts, both, keys):
    box = bounded()
    first = hosts(box)
    first.attach(both[0].pid, how='RUN')
    first.cut()
    box.write_map([f'{keys["alice"].fingerprint} user={harness.ALICE} grace=2s'])
    with pytest.raises(wire.Error) as e:
        hosts(box, before=first)
    assert e.value.name == 'RIGHT'


@pytest.mark.parametrize('words, why', [
    ('unit=redis', 'names of units'), ('unit=a.service,', 'names of units'), ('unit=a/b.service', 'names of units'),
    ('exe=sleepers', 'whole path'), ('exe=/nowhere/at/all', 'No such file'), ('exe=/dev/null', 'no regular file'),
    ('exe=/etc', 'no regular file'), ('unit=' + ','.join(f'{i}.service' for i in range(9)), 'more than 8'),
    ('exe=' + ','.join(['/bin/sh'] * 9), 'more than 8'), ('unit=' + 'x' * 249 + '.service', 'names of units')])
def test_a_word_that_names_nothing_is_refused_with_the_map(world, keys, words, why):
    path = world.path('map')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE} {words}\n')
    r = world.run([harness.program('procsrv'), '-check', path])
    assert r.status == 78 and ':1:' in r.err and why in r.err, repr(r)


def test_check_says_which_processes_a_row_is_for(world, keys):
    map = world.path('map')
    with open(map, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE} unit=a.service,b@*.service exe={path("sleepers")}\n')
    r = world.run([harness.program('procsrv'), '-check', map])
    assert 'only processes of the units: a.service, b@*.service\n' in r.out
    assert f'only processes that run: {path("sleepers")}\n' in r.out
