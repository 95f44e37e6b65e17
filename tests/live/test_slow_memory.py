# SPDX-License-Identifier: BSD-2-Clause
"""Memory that somebody else has to provide, and does not: the session goes on without."""

import os
import signal

import pytest

import clean
import harness
import wire
from frozen import GETXATTR, FrozenFile
from test_reader import reader_of
from tracer import eventually, go, stop, tracer_of

PAGES = 64
PAGE = 4096
FILE = b''.join(bytes([n + 1]) * PAGE for n in range(PAGES))


@pytest.fixture
def frozen(world):
    with FrozenFile(world.path('frozen'), FILE) as f:
        yield f
        f.thaw()


def ask(link, target, *ranges):
    return link.ask('mem_read', target=target, ranges=[{'addr': a, 'len': n} for a, n in ranges])


def busy(link, id):
    with pytest.raises(wire.Error) as e:
        link.wait(id)
    return e.value.name == 'BUSY'


def whole(link, target, code):
    try:
        return b''.join(c['data'] for c in link.wait(ask(link, target, (code, len(FILE))))['chunks'])
    except wire.Error as e:
        assert e.name == 'BUSY'
        return b''


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


@pytest.mark.root
def test_memory_of_a_frozen_file_is_busy_and_everything_else_is_served(link, debuggee, frozen):
    d = debuggee('mapped', f'{frozen.path}/file', PAGES)
    other = debuggee('sleepers')
    target, _ = stop(link, d)
    second, _ = stop(link, other)
    code, tracer = d.facts['code'], tracer_of(link)
    assert busy(link, ask(link, target, (code, 64)))
    assert frozen.waiting, 'it was asked for'
    assert link.do('threads', target=target)['threads']
    sp = int.from_bytes(link.do('regs_read', target=target, notes=[{'note': wire.NT_PRSTATUS}])['regs'][0]['data']
                        [152:160], 'little')
    chunks = link.wait(ask(link, target, (sp, 64), (code + PAGE, 8)))['chunks']
    assert sum(c['len'] for c in chunks if c['addr'] < sp + 64 and c['addr'] >= sp and not c['os_errno']) == 64
    assert [(c['addr'], os.strerror(c['os_errno'])) for c in chunks if c['os_errno']] == [
        (code + PAGE, 'Device or resource busy')]
    assert len(link.do('threads', target=second)['threads']) == len(other.tids())
    go(link, second)
    for _ in range(40):  # more than may hang at once
        assert busy(link, ask(link, target, (code + 5 * PAGE, 1)))
    assert link.do('threads', target=target)['threads'] and tracer_of(link) == tracer
    frozen.thaw()
    assert eventually(lambda: whole(link, target, code) == FILE)
    assert not clean.eventually(lambda: len(reader_of(link)) > 1)
    before = descriptors(tracer) if harness.ROOT else 0
    link.do('detach', target=target)
    link.do('detach', target=second)
    assert not harness.ROOT or descriptors(tracer) < before
    assert not d.faults() and not other.faults()


@pytest.mark.root
def test_a_breakpoint_in_a_frozen_file_is_refused_and_can_be_set_later(link, debuggee, frozen):
    d = debuggee('mapped', f'{frozen.path}/file', PAGES)
    target, _ = stop(link, d)
    where = [{'id': 1, 'addr': d.facts['code'] + 3 * PAGE + 7}]
    r = link.do('patch_set', target=target, patches=where)['results'][0]
    assert wire.ERRORS[r['err']] != 'OK'
    assert link.do('threads', target=target)['threads']
    frozen.thaw()
    r = link.do('patch_set', target=target, patches=where)['results'][0]
    assert wire.ERRORS[r['err']] == 'OK'
    link.do('detach', target=target)
    assert not d.faults()


@pytest.mark.root
def test_a_session_is_left_while_memory_does_not_come(link, debuggee, frozen):
    d = debuggee('mapped', f'{frozen.path}/file', PAGES)
    target, _ = stop(link, d)
    assert busy(link, ask(link, target, (d.facts['code'], 64)))
    assert link.close() == 0
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')


@pytest.mark.root
@pytest.mark.parametrize('program, arch', [('sleepers', 0xc000003e), ('sleepers-i386', 0x40000003)])
def test_a_program_whose_file_system_is_dead_is_debugged_all_the_same(world, link, debuggee, program, arch):
    """It is not opened, nor is its server asked about it, by the tracer itself."""
    with open(os.path.join(harness.DEBUGGEES, program), 'rb') as f:
        frozen = FrozenFile(world.path('frozen'), f.read())
    with frozen:
        d = debuggee('becomes', f'{frozen.path}/file', 2)
        target, _ = link.attach(d.pid, how='RUN')
        frozen.executed_once()
        os.kill(d.pid, signal.SIGUSR1)
        e = link.event('executed', target)
        assert e['arch'] == arch and not e['privileged'] and e['exe'] == f'{frozen.path}/file'.encode()
        assert d.process.stdout.readline() == b'ready\n'
        assert frozen.unanswered == [GETXATTR], 'one asked, who may be given up'
        link.do('detach', target=target)
        link.next_target += 1
        target, facts = link.attach(d.pid, how='RUN')
        assert facts['arch'] == arch
        link.do('detach', target=target)
        shot = link.do('snapshot', pid=d.pid, window=512, total=1 << 20, notes=[{'note': wire.NT_PRSTATUS}])
        assert shot
        assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')
        d.kill()
