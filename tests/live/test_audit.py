# SPDX-License-Identifier: BSD-2-Clause
"""The record in a file of its own: who did what to which process, in a chain that shows what was changed."""

import collections
import os
import random
import re
import shlex
import signal
import subprocess
import threading

import pytest

import clean
import harness
import wire
from deaths import times
from resuming import Host
from tracer import as_user

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')

LINE = re.compile(r'n=(\d+) time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z boot=[0-9a-f]{32} (event=.*) hash=[0-9a-f]{64}\n')


class Record:
    """FILE of -audit."""

    def __init__(self, world):
        self.dir = world.path('records')
        os.mkdir(self.dir, 0o700)
        self.path = os.path.join(self.dir, 'audit')
        self.world = world

    def lines(self):
        """As dicts; each is what a line has to be."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, errors='surrogateescape') as f:
            found = [LINE.fullmatch(line) for line in f]
        assert all(found), open(self.path).read()
        return [dict(w.partition('=')[::2] for w in shlex.split(m[2].replace('\\', '\\\\'))) for m in found]

    def events(self, *without):
        return [line['event'] for line in self.lines() if line['event'] not in without]

    def await_events(self, *want):
        missing = clean.eventually(lambda: [w for w in want if w not in self.events()], 20)
        assert not missing, (missing, self.events())

    def check(self):
        return self.world.run([harness.program('procsrv'), '-check-audit', self.path])

    def is_whole(self):
        r = self.check()
        n = len(self.lines())
        assert r.status == 0 and r.out == f'{self.path}: records 1 to {n}, whole\n', repr(r)


@pytest.fixture
def record(world):
    return Record(world)


@pytest.fixture
def recorded(world, keys, record):
    """recorded(WORDS): a box that keeps a record."""
    def make(words='grace=3s', where=record.path):
        return world.box(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} {words} # alice@test'],
                         options=('-audit', where))
    return make


@pytest.fixture
def hosts(keys):
    made = []

    def make(box, **how):
        made.append(Host(box, keys['alice'], **how))
        return made[-1]
    yield make
    for h in made:
        h.close()


def attach(host, d, **how):
    host.do('attach', target=1, pid=d.pid, notes=[{'note': wire.NT_PRSTATUS}], **how)
    host.event('stopped', 1)


def test_everything_that_was_done_stands_in_it(world, recorded, record, hdb, debuggee, keys):
    box, d = recorded(), debuggee('sleepers')
    r = hdb('-p', d.pid, '-batch', '-ex', 'set var $rax = 1', '-ex', 'detach', box=box)
    r = hdb('-batch', '-ex', 'run', '--', '/bin/true', box=box)
    assert r.status == 0, repr(r)
    assert hdb('-ps', box=box, key='stranger').status == 1
    record.await_events('open', 'attach', 'write-registers', 'wrote-registers', 'detach', 'close', 'launch', 'exited', 'refused')
    lines = record.lines()
    first = lines[0]
    assert first['event'] == 'open' and first['key'] == 'alice@test' and first['from'].startswith('127.0.0.1:')
    assert f'user {harness.ALICE}' in first['why'] and 'may look, stop, write, launch' in first['why']
    seen, = [a for a in lines if a['event'] == 'attach' and a['pid'] == str(d.pid)]
    assert re.search(r'exe=[0-9a-f]+:\d+', seen['why']) and int(seen['start']) > 0
    assert not box.quiet()
    record.is_whole()
    assert os.stat(record.path).st_mode & 0o777 == 0o600
    # The same lines are on standard error, with their places.
    places = [int(m) for m in re.findall(r'event=.* n=(\d+) hash=[0-9a-f]{16}$', box.text(), re.M)]
    assert sorted(places) == list(range(1, len(record.lines()) + 1))


def test_what_was_done_while_nobody_listened_is_not_lost(recorded, record, hosts, debuggee):
    box, d = recorded('grace=2s'), debuggee('sleepers')
    host = hosts(box)
    attach(host, d)
    monitor, = [pid for pid, what in box.children().items() if 'monitor' in what]
    os.kill(monitor, signal.SIGKILL)
    box.await_audit(event='expired')
    assert not box.quiet() and not d.faults()
    record.await_events('lost', 'detach', 'expired')
    lost, = [a for a in record.lines() if a['event'] == 'lost']
    assert lost['key'] == 'alice@test' and lost['session'] == record.lines()[0]['session'] and 'at' in lost
    record.is_whole()


def test_who_takes_a_session_up_brings_in_what_was_left(recorded, record, hosts, debuggee):
    box, d = recorded('grace=30s'), debuggee('sleepers')
    host = hosts(box)
    attach(host, d)
    host.cut()
    box.await_audit(event='lost')
    again = hosts(box, before=host)
    again.do('ps', limit=1)
    record.await_events('lost', 'resumed')
    events = record.events()
    assert events.index('lost') < events.index('resumed')
    again.leave()
    assert not box.quiet() and not d.faults()
    record.await_events('detach')
    record.is_whole()


@pytest.mark.once
@pytest.mark.parametrize('both', [False, True])
def test_repairs_are_recorded(recorded, record, hosts, debuggee, both):
    box, d = recorded(), debuggee('sleepers')
    host = hosts(box)
    attach(host, d)
    guard, = [pid for pid, what in box.children().items() if 'guard' in what]
    tracer = int(clean.status(d.pid)['TracerPid'])
    if both:
        os.kill(guard, signal.SIGSTOP)
        os.kill(tracer, signal.SIGKILL)
        os.kill(guard, signal.SIGKILL)
    else:
        os.kill(tracer, signal.SIGKILL)
    host.close()
    assert not box.quiet() and not clean.eventually(d.faults)
    record.await_events('attach', *([] if both else ['repaired']))
    mended = [a for a in record.lines() if a['event'] == 'repaired']
    assert [a['pid'] for a in mended] == [str(d.pid)] and ('guard' in mended[0]['why']) == both
    record.is_whole()


@pytest.mark.root
def test_on_a_full_disk_nothing_new_is_done(world, recorded, record, hosts, hdb, debuggee):
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'records', record.dir], check=True)
    try:
        box, d, other = recorded(), debuggee('sleepers'), debuggee('sleepers')
        host = hosts(box)
        attach(host, d)
        record.await_events('attach')
        with open(os.path.join(record.dir, 'ballast'), 'wb', buffering=0) as f:
            try:
                while f.write(bytes(512)):
                    pass
            except OSError:
                pass
        # Nobody opens a session, with a sentence that says why.
        for _ in range(40):  # what the last page of the file has room for
            r = hdb('-ps', box=box)
            if r.status:
                break
        assert r.status == 1 and 'cannot write its record' in r.err and 'disk' in r.err, repr(r)
        # In one that is open what is done first may be, and nothing after that.
        refused = False
        for target in range(2, 6):
            try:
                host.do('attach', target=target, pid=other.pid)
                host.do('detach', target=target)
            except wire.Error as e:
                refused = refused or e.name == 'UNRECORDED'
            if refused:
                break
            clean.eventually(lambda: 'cannot be written' not in box.text(), 2)
        assert refused and clean.status(other.pid)['TracerPid'] == '0'
        # Letting go is never refused.
        host.do('detach', target=1)
        assert not clean.eventually(d.faults)
        # With room again all goes on, and nothing is missing.
        os.unlink(os.path.join(record.dir, 'ballast'))
        assert not clean.eventually(lambda: 'detach' not in record.events(), 20)
        assert not clean.eventually(lambda: hdb('-ps', box=box).status)
        attach_again = lambda: host.do('attach', target=9, pid=other.pid)
        assert attach_again()
        host.leave()
        assert not box.quiet()
        record.is_whole()
    finally:
        subprocess.run(['umount', '-l', record.dir], check=True)


def test_what_strangers_say_does_not_become_a_line(world, recorded, record):
    box = recorded()
    import socket
    with socket.create_connection(('127.0.0.1', box.port)) as s:
        s.sendall(b'x"\nevent=open key=root hash=\x1b[2J\r\n')
        s.recv(100)
    record.await_events('refused')
    assert not box.quiet()
    assert record.events() == ['refused'] and '\x1b' not in open(record.path).read()
    record.is_whole()


def test_what_was_changed_is_found_and_named(recorded, record, hdb):
    box = recorded()
    for _ in range(3):
        assert hdb('-ps', box=box).status == 0
    assert not box.quiet()
    record.is_whole()
    with open(record.path) as f:
        lines = f.readlines()
    with open(record.path, 'w') as f:
        f.writelines(lines[:2] + [lines[2].replace('alice', 'carol')] + lines[3:])
    r = record.check()
    assert r.status == 1 and f'{record.path}:3: record 3 was changed\n' in r.out and 'NOT' in r.out, repr(r)
    with open(record.path, 'w') as f:
        f.writelines(lines[:3] + lines[4:-1])
    r = record.check()
    assert r.status == 1 and 'record 4 is missing before this one' in r.out and \
        f'record {len(lines)} is missing at the end' in r.out, repr(r)


@pytest.mark.parametrize('where, why', [('audit', 'whole path'), ('/nowhere/audit', 'No such file'),
                                        ('/tmp/audit', 'others can write there')])
def test_a_record_nobody_could_trust_is_refused_at_the_start(world, keys, where, why):
    m = world.path('map')
    with open(m, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE}\n')
    r = world.run([harness.program('procsrv'), '-t', f'tls:port=0,key={keys["box"].path},map={m}', '-audit', where])
    assert r.status == 78 and why in r.err, repr(r)


# ---- what may not grow


def bound(pid, most, root=False):
    """As anybody of the same user can."""
    ids = as_user(harness.ALICE) if harness.ROOT and not root else {}
    subprocess.run(['prlimit', '--pid', str(pid), f'--fsize={most}:'], check=True, **ids)


def test_files_that_may_not_grow_end_nobody(recorded, record, hosts, debuggee):
    """Of the guard it is what waits for the record, of the monitor the record; the tracer's journal has its size."""
    box, d, other = recorded('grace=20s'), debuggee('sleepers'), debuggee('sleepers')
    host = hosts(box)
    attach(host, d)
    record.await_events('attach')
    children = box.children()
    guard, tracer, monitor = ([p for p, what in children.items() if name in what][0]
                              for name in ('guard', 'tracer', 'monitor'))
    bound(tracer, 0)
    host.do('attach', target=2, pid=other.pid)
    host.do('detach', target=2)
    clean.eventually(lambda: 'detach' not in record.events())
    bound(monitor, os.stat(record.path).st_size, root=harness.ROOT)
    with pytest.raises(wire.Error) as e:
        for target in range(3, 9):  # the first is done when it is found out
            host.do('attach', target=target, pid=other.pid)
            host.do('detach', target=target)
            clean.eventually(lambda: 'cannot be written' not in box.text(), 2)
    assert e.value.name == 'UNRECORDED' and host.do('threads', target=1)['threads']
    bound(monitor, 'unlimited', root=harness.ROOT)
    bound(guard, 100)
    os.kill(monitor, signal.SIGKILL)
    clean.eventually(lambda: clean.alive(monitor), 5)
    again = hosts(box, before=host)
    assert again.opened['resumed']
    bound(guard, 'unlimited')
    again.do('attach', target=5, pid=other.pid)
    again.leave()
    assert not box.quiet() and not d.faults() and not other.faults()
    record.is_whole()


# ---- killed between the record and what it is of


def spin(d):
    """What of it others can see: traced, written to, ended."""
    if not clean.alive(d.pid):
        return {'kill'}
    seen = {'attach'} if clean.status(d.pid).get('TracerPid', '0') != '0' else set()
    try:
        with open(f'/proc/{d.pid}/mem', 'rb') as f:
            f.seek(d.facts['counts'] + 8000)
            return seen | ({'write-memory'} if f.read(8) == b'x' * 8 else set())
    except (OSError, KeyError):
        return seen


def of_session(box, whom=''):
    """Its processes, or the one of that name; who would take over from another comes first."""
    alive = {pid: what for pid, what in box.children().items() if what[0] != 'Z'}
    return [pid for name in ('guard', 'tracer', 'monitor', 'conn') if whom in name
            for pid, what in alive.items() if f'procsrv-{name}' in what]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.once
@pytest.mark.parametrize('whom', ['tracer', 'conn', 'guard', 'monitor', ''])
def test_whoever_is_killed_has_what_was_done_on_record(recorded, record, hosts, debuggee, whom):
    """At any moment of it, or all of them; what is on record need not have been done."""
    box, rng, seen = recorded('grace=0'), random.Random(whom), collections.Counter()
    for _ in range(times(4, 200)):
        host, d = hosts(box), debuggee('beats', 10000, 2, busy=True)
        d.expect_gone = True
        host.do('ps', limit=1)
        pids = of_session(box, whom)
        threading.Timer(rng.uniform(0, 0.03), kill, [rng.sample(pids, len(pids))]).start()
        done = set()
        try:
            for name, fields in (('attach', dict(pid=d.pid, how=wire.ENUM['ATTACH_RUN'])),
                                 ('mem_write', dict(writes=[{'addr': d.facts['counts'] + 8000, 'data': b'x' * 8}])),
                                 ('kill', {})):
                host.ask(name, target=1, **fields)
                done |= spin(d)
                host.settle(rng.uniform(0, 0.01))
                done |= spin(d)
        except (OSError, wire.Closed, wire.Error, AssertionError):
            pass
        assert not box.quiet()
        done |= spin(d)
        missing = clean.eventually(
            lambda: done - {a['event'] for a in record.lines() if a['pid'] == str(d.pid)})
        assert not missing, (whom, done, record.events())
        seen.update(done)
        d.kill()
    print(f'SIGKILL of the {whom or "session"} amid what is recorded:', dict(seen))
    assert seen['attach']
    record.is_whole()


class Files:
    """Names to be told apart in the record."""

    def __init__(self, directory):
        self.directory, self.read, self.n = directory, [], 0
        os.mkdir(directory)
        os.chmod(directory, 0o755)

    def fetch(self, host):
        self.n += 1
        path = os.path.join(self.directory, f'file-{self.n}')
        with open(path, 'w') as f:
            f.write('x')
        host.do('file_read', path=path, len=1)
        self.read.append(path)

    def missing(self, record):
        """Of what was read."""
        on_record = {a['why'].split()[0] for a in record.lines() if a['event'] == 'file-read'}
        return [path for path in self.read if path not in on_record]


def test_what_a_stopped_monitor_has_not_written_is_on_record_when_all_are_killed(world, recorded, record, hosts):
    """It still has the session's lines, while a later one has the session and writes its own."""
    box, files = recorded('grace=30s'), Files(world.path('files'))
    host = hosts(box)
    files.fetch(host)
    monitor, = of_session(box, 'monitor')
    os.kill(monitor, signal.SIGSTOP)
    for _ in range(5):
        files.fetch(host)
    again = hosts(box, before=host)
    assert again.opened['resumed']
    before = files.n
    for _ in range(5):
        files.fetch(again)
    assert not clean.eventually(lambda: [p for p in files.missing(record) if p in files.read[before:]])
    kill(of_session(box))
    assert not box.quiet()
    assert not clean.eventually(lambda: files.missing(record))
    record.is_whole()


@pytest.mark.parametrize('stopped', ['monitor', 'guard'])
@pytest.mark.parametrize('whom', ['', 'tracer', 'guard'])
def test_what_does_not_go_through_one_that_is_stopped_is_on_record_when_all_is_over(
        world, recorded, record, hosts, debuggee, whom, stopped):
    """All that is on the way is full. Letting go is not refused, and stands there, too."""
    box, d, files = recorded('grace=0'), debuggee('sleepers'), Files(world.path('files'))
    host = hosts(box)
    attach(host, d)
    record.await_events('attach')
    halted = of_session(box, stopped)
    os.kill(halted[0], signal.SIGSTOP)
    with pytest.raises(wire.Error) as e:
        for _ in range(2000):
            files.fetch(host)
    assert e.value.name == 'UNRECORDED' and len(files.read) > 100
    host.do('detach', target=1)
    if whom:
        kill(of_session(box, whom))
    else:
        host.leave()
    if stopped == 'guard' != whom:
        os.kill(halted[0], signal.SIGCONT)
    assert not clean.eventually(lambda: of_session(box, 'guard') or of_session(box, 'tracer'), 20)
    if stopped == 'monitor':
        kill(halted)
    assert not box.quiet()
    record.await_events('detach')
    assert not files.missing(record)
    record.is_whole()
