# SPDX-License-Identifier: BSD-2-Clause
"""Targets, hosts and boxes that ask much of a session: what it takes stays bounded, and others are served."""

import os
import shutil
import signal
import struct
import subprocess

import pytest

import clean
import failing
import harness
import wire
from deaths import GOOD, Tally, times
from patching import plant
from resuming import state, stop as stop_host, traced
from test_reader import reader_of
from tracer import as_user, eventually, rss, tracer_of

MIB = 1024  # KiB


# ---- a target that strikes back


def order(d, n):
    """What it has done, and what came of looking into its tracer."""
    def said():
        with open(f'/proc/{d.pid}/mem', 'rb') as f:
            f.seek(d.facts['said'])
            return struct.unpack('<3Q', f.read(24))
    before = said()[0]
    os.kill(d.pid, signal.SIGRTMIN + n)
    assert eventually(lambda: said()[0] > before)
    return [os.strerror(e) for e in said()[1:]]


@pytest.mark.skipif('san' in os.path.basename(harness.BUILD), reason='the check for leaks traces the tracer itself')
def test_a_target_cannot_look_into_its_tracer_nor_stop_it(link, debuggee):
    d = debuggee('strikes')
    target, _ = link.attach(d.pid, how='RUN')
    assert order(d, 0) == ['Operation not permitted', 'Permission denied']
    for _ in range(5):
        order(d, 1)
        link.do('threads', target=target)
    link.do('detach', target=target)
    assert not d.faults()


@pytest.mark.skipif('san' in os.path.basename(harness.BUILD), reason='the check for leaks traces the tracer itself')
def test_a_target_that_kills_its_tracer_goes_on(links, debuggee):
    d, t = debuggee('strikes'), Tally('SIGKILL by the target')
    for _ in range(times(3, 100)):
        link = links()
        target, _ = link.attach(d.pid, how='RUN')
        plant(link, target, {'id': 1, 'addr': d.facts['said'] & ~4095, 'kind': wire.ENUM['PATCH_HARD']})
        order(d, 2)
        assert link.child.wait(harness.PATIENCE) == 128 + signal.SIGKILL
        t.add(GOOD if not clean.eventually(d.faults) else 'faults')
    print(t)
    assert set(t.seen) == {GOOD}


# ---- much of everything


@pytest.fixture
def deep(world):
    """A file whose name is as long as names can be, and full of newlines."""
    path = os.open(world.dir, os.O_RDONLY)
    name, total = '\n'.join('x' * 3 for _ in range(60))[:239], len(world.dir)
    while total + 240 < 4096 - 8:
        os.mkdir(name, 0o755, dir_fd=path)
        deeper = os.open(name, os.O_RDONLY, dir_fd=path)
        os.close(path)
        path, total = deeper, total + 240
    os.close(os.open('file', os.O_RDWR | os.O_CREAT, 0o644, dir_fd=path))
    yield os.readlink(f'/proc/self/fd/{path}') + '/file'
    os.close(path)


@pytest.mark.once
def test_a_target_with_all_maps_and_endless_threads_takes_bounded_memory(links, debuggee, deep):
    link = links(credit=100000)
    d = debuggee('crowded', deep, times(4000, 70000), busy=True)
    target, _ = link.attach(d.pid, how='RUN')
    tracer = tracer_of(link)
    link.auto_ack = False
    id = link.ask('maps', target=target)
    link.settle(1)
    assert id not in link.replies and rss(tracer) < 48 * MIB, 'the reply waits in pieces'
    link.auto_ack = True
    link.send('ack', credit_bytes=5 << 18)
    maps = link.wait(id)['maps']
    # 16 MiB of the kernel's text is as far as it is read, which escapes newlines.
    assert len(maps) > 2000 and max(len(m['name']) for m in maps) > 3900
    for _ in range(3):
        link.events.clear()  # of threads that come and go
        link.do('interrupt', target=target)
        bundle = link.event('stopped', target)
        assert all(b'\n' not in t['name'] or t['name'] for t in bundle['threads'])
        link.do('snapshot', target=target, window=512, total=1 << 20, notes=[{'note': wire.NT_PRSTATUS}])
        link.do('resume', target=target, threads=[{'tid': 0, 'signal': -1}])
    assert rss(tracer) < 64 * MIB and all(rss(pid) < 64 * MIB for pid in reader_of(link))
    link.do('detach', target=target)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] != '0')


def test_of_3000_that_are_opened_64_are_held_and_the_next_can_be_when_one_goes(world, link):
    n = 80
    pids = [world.start(['sleep', '120'], **as_user(harness.ALICE)).pid for _ in range(n)]
    assert not clean.eventually(lambda: [p for p in pids if clean.status(p)['Name'] != 'sleep'])
    seen = {}
    for i in range(3000):
        try:
            link.do('attach', target=1 + i, pid=pids[i % n], how=wire.ENUM['ATTACH_LOOK'])
            seen['OK'] = seen.get('OK', 0) + 1
        except wire.Error as e:
            seen[e.name] = seen.get(e.name, 0) + 1
    attached = 64 * (3000 // n) - 64 + min(64, 3000 % n)
    assert seen == {'OK': 64, 'ATTACHED': attached, 'LIMIT': 3000 - 64 - attached}
    for i in range(3000):
        link.do('file_stat', path='/etc/passwd') if i % 100 else link.do('file_read', path='/etc/passwd', len=10)
    link.do('detach', target=1)
    link.do('attach', target=4000, pid=pids[70], how=wire.ENUM['ATTACH_LOOK'])
    for target in [*range(2, 65), 4000]:
        link.do('detach', target=target)


# ---- a host that takes nothing


@pytest.mark.once
def test_a_host_that_reads_nothing_holds_up_nobody_and_is_lost_in_time(leased, hosts, debuggee):
    box, d, other = leased('grace=2s'), debuggee('memory', 2), debuggee('sleepers')
    deaf = hosts(box)
    target, _ = stop_host(deaf, d)
    deaf.auto_ack = False
    asked = {'addr': d.facts['noise'], 'len': 1 << 20}
    for _ in range(50):
        deaf.ask('mem_read', target=target, ranges=[asked])
    host = hosts(box)
    theirs, _ = stop_host(host, other)
    for _ in range(200):
        assert host.do('threads', target=theirs)['threads']
    sizes = {what.split()[1]: rss(pid) for pid, what in box.children().items()}
    assert all(kib < 32 * MIB for kib in sizes.values()), sizes

    def held():
        return host.do('threads', target=theirs)['threads'] and traced(d.pid)
    assert not clean.eventually(held, 40)
    assert len(box.audit(event='lost')) == 1 and traced(other.pid)
    host.leave()
    assert not box.quiet() and not d.faults() and not other.faults()


# ---- a box that is upgraded


@pytest.mark.once
@pytest.mark.root
def test_files_replaced_and_the_listener_killed_while_sessions_run(world, keys, hosts, debuggee, monkeypatch):
    """As when a new version is installed: what runs has the old one, which works together with the new."""
    place = world.path('inst')
    shutil.copytree(failing.PLACE, place)  # of programs that find each other wherever they are
    monkeypatch.setattr(harness, 'program', lambda name: os.path.join(place, 'bin', name))
    for round in range(times(2, 20)):
        box = world.box(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} grace=4s # alice@test'])
        d = debuggee('sleepers')
        host = hosts(box)
        target, _ = stop_host(host, d, loss=wire.ENUM['LOSS_HOLD'])
        for directory, _, names in os.walk(place):
            for name in names:
                path = os.path.join(directory, name)
                shutil.copy2(path, path + '.new')
                os.rename(path + '.new', path)
        box.stopped = True
        box.process.kill()
        box.process.wait()
        box.process.stdout.close()
        assert host.do('threads', target=target)['threads']
        assert host.do('ps', limit=1)['procs'] and state(d.pid) == 't'
        host.do('detach', target=target)
        assert not d.faults()
        target, _ = stop_host(host, d, loss=wire.ENUM['LOSS_HOLD'])
        guard, = [int(s.split('=')[1]) for s in box_record(box) if s.startswith('pid=')]
        host.cut()
        assert not clean.eventually(lambda: clean.alive(guard), 20), 'the lease goes on without a listener'
        assert not clean.eventually(d.faults)
        subprocess.run([harness.program('procsrv'), '-repair'], check=True, stdout=subprocess.DEVNULL,
                       env=dict(world.env, XDG_RUNTIME_DIR=os.path.join(box.dir, 'run')))
        subprocess.run([harness.program('procsrv'), '-release'], check=True, stdout=subprocess.DEVNULL,
                       env=dict(world.env, XDG_RUNTIME_DIR=os.path.join(box.dir, 'run')))
        box.log.close()


def box_record(box):
    session, = box.sessions()
    with open(f'{box.runtime}/s/{session}/record') as f:
        return f.read().splitlines()
