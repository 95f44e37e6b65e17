# SPDX-License-Identifier: BSD-2-Clause
"""Keys that may debug any process of the box. What the drop-in of the service has to do with it is in test_units.py."""

import os
import shutil
import subprocess

import pytest

import clean
import harness
from tracer import refused

pytestmark = pytest.mark.root

BOTH = 1 << 19 | 1 << 1  # CAP_SYS_PTRACE, CAP_DAC_OVERRIDE


@pytest.fixture
def root(boxes, keys):
    """root(WORDS): a box whose row for alice's key is root's."""
    return lambda words='user=root': boxes(rows=[f'{keys["alice"].fingerprint} {words} allow-root grace=2s # alice@test'])


@pytest.fixture
def roots(world):
    """A process of root's, one of bob's, and one with more rights than its user alice."""
    with_caps = ['setpriv', '--reuid=alice', '--regid=alice', '--clear-groups', '--inh-caps=+net_raw', '--ambient-caps=+net_raw']
    as_bob = ['setpriv', '--reuid=bob', '--regid=bob', '--clear-groups']
    started = [world.start([*argv, 'sleep', '600']) for argv in ([], as_bob, with_caps)]
    assert not clean.eventually(lambda: [p for p in started if clean.read(f'/proc/{p.pid}/comm') != 'sleep\n'])
    return [p.pid for p in started]


def caps(pid):
    status = clean.status(pid)
    return {int(status['Cap' + name], 16) for name in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')}


@pytest.mark.parametrize('words', ['user=root', 'user=alice'])
def test_it_attaches_to_what_is_roots_others_and_what_has_more_rights(root, hdb, roots, words):
    box = root(words)
    for pid in roots:
        r = hdb('-p', pid, '-batch', '-ex', 'bt', '-ex', 'detach', box=box)
        assert r.status == 0 and '#0 ' in r.out, repr(r)
        assert clean.status(pid)['TracerPid'] == '0' and clean.status(pid)['State'][0] in 'RS'
    r = hdb('-snapshot', roots[0], box=box)
    assert r.status == 0 and 'sleep' in r.out, repr(r)


@pytest.mark.parametrize('words, uid', [('user=root', 0), ('user=alice', 30001)])
def test_its_processes_have_these_two_capabilities_and_can_have_no_others(root, hosts, roots, words, uid):
    box = root(words)
    link = hosts(box)
    link.attach(roots[0], how='RUN')
    link.do('facts', pid=roots[0])
    found = {}
    for pid in clean.descendants(box.pid):
        found[clean.read(f'/proc/{pid}/comm').strip()] = pid
    for name in ('procsrv-guard', 'procsrv-tracer', 'procsrv-reader'):
        pid = found[name]
        assert clean.status(pid)['Uid'].split() == [str(uid)] * 4
        assert caps(pid) == {BOTH}, (name, clean.status(pid))


def test_other_rows_of_the_same_box_have_none(boxes, keys, hosts, roots, debuggee):
    rows = [f'{keys["bob"].fingerprint} user=root allow-root grace=2s', f'{keys["alice"].fingerprint} user=alice grace=2s']
    box = boxes(rows=rows)
    link = hosts(box)
    link.attach(debuggee('sleepers').pid, how='RUN')
    for pid in clean.descendants(box.pid):
        if clean.read(f'/proc/{pid}/comm').strip() in ('procsrv-guard', 'procsrv-tracer', 'procsrv-reader'):
            assert int(clean.status(pid)['CapPrm'], 16) == 0
    refused('OTHER_USER', link, 'attach', target=9, pid=roots[0])


def test_nothing_is_launched_with_it(root, hosts):
    refused('RIGHT', hosts(root()), 'launch', target=7, program='/bin/true', args=b'true\0')


def test_readonly_looks_at_memory_of_root_and_stops_nothing(root, hosts, roots):
    link = hosts(root('user=root readonly'))
    refused('RIGHT', link, 'attach', target=9, pid=roots[0])
    target, _ = link.attach(roots[0], how='LOOK')
    maps = link.do('maps', target=target)['maps']
    chunk = link.do('mem_read', target=target, ranges=[{'addr': maps[0]['lo'], 'len': 4}])['chunks'][0]
    assert chunk['data'] == b'\x7fELF'
    assert clean.status(roots[0])['TracerPid'] == '0'


def test_when_the_word_is_taken_away_its_session_ends(root, hosts, roots, keys):
    box = root('user=alice')
    link = hosts(box)
    link.attach(roots[0], how='RUN')
    box.write_map([f'{keys["alice"].fingerprint} user=alice'])
    box.await_audit(event='revoked')
    assert not clean.eventually(lambda: clean.status(roots[0])['TracerPid'] != '0')


def test_a_session_is_not_taken_up_by_a_row_without_the_word(root, hosts, keys):
    import wire
    box = root('user=alice')
    first = hosts(box)
    first.do('ps', limit=1)
    first.cut()
    box.write_map([f'{keys["alice"].fingerprint} user=alice grace=2s'])
    with pytest.raises(wire.Error) as e:
        hosts(box, before=first)
    assert e.value.name == 'RIGHT'


def test_without_the_rights_to_give_the_key_is_refused_and_the_drop_in_named(world, keys, hdb):
    path = world.path('map')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user=root allow-root\n{keys["bob"].fingerprint} user=bob\n')
    for missing in ('sys_ptrace', 'dac_override'):
        p = world.start([shutil.which('setpriv'), f'--bounding-set=-{missing}', harness.program('procsrv'), '-t',
                         f'tls:port=0,bind=127.0.0.1,key={keys["box"].path},map={path}'], stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL, text=True)
        port = int(p.stdout.readline().split('port=')[1].split(',')[0])
        for key, status in (('alice', 1), ('bob', 0)):
            where = f'tls:server=127.0.0.1,port={port},key={keys[key].path},pin={keys["box"].fingerprint}'
            r = hdb('-premote', where, '-ps', 'no-such-process')
            assert r.status == status, repr(r)
            assert status == 0 or 'allow-root.conf' in r.err and 'allow-root' in r.err, repr(r)
        p.terminate()
        assert p.wait(harness.PATIENCE) == 0
