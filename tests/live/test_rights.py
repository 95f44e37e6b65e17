# SPDX-License-Identifier: BSD-2-Clause
"""What keys may do, cell by cell: every request of the wire's table with every kind of row, on every kind of process;
that who may only look changes nothing; and that no moment of a changing map gives more than one of its states."""

import hashlib
import os
import pwd
import random
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

import clean
import harness
import test_conn
import wire

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')


def often(few, many):
    """make check does few, make torture many, or its share of them."""
    return max(few, int(many * float(os.environ.get('TORTURE') or 0)))


REQUESTS = {name: m for name, m in wire.MSGS.items() if m['kind'] == 'REQ' and name != 'open'}
PRESETS = {
    '': {'LOOK', 'STOP', 'WRITE', 'LAUNCH'},
    'no-launch': {'LOOK', 'STOP', 'WRITE'},
    'no-write': {'LOOK', 'STOP', 'LAUNCH'},
    'no-write no-launch': {'LOOK', 'STOP'},
    'readonly': {'LOOK'},
}
NEEDS_STOP_TOO = {'snapshot', 'attach'}  # unless it is for looking only: the table says LOOK


def code(link, name, **fields):
    """The error's name, or OK."""
    try:
        link.do(name, **fields)
        return 'OK'
    except wire.Error as e:
        return e.name


# ---- the table: every request, every row ------------------------------------------------------


@pytest.mark.parametrize('words', PRESETS)
def test_a_request_is_refused_for_its_right_exactly_where_the_table_says_so(leased, hosts, words):
    link = hosts(leased(words + ' grace=2s'))
    assert {r for r in PRESETS[''] if link.opened['rights'] & 1 << wire.ENUM['R_' + r]} == PRESETS[words]
    for name, m in REQUESTS.items():
        needed = {m['right']} - {'NONE'} | ({'STOP'} if name in NEEDS_STOP_TOO else set())
        # Nothing is named that there is: whatever else is wrong comes after the right.
        got = code(link, name, target=77)
        assert (got == 'RIGHT') == bool(needed - PRESETS[words]), (name, got)
    for how in ('STOP', 'RUN', 'LOOK'):
        got = code(link, 'attach', target=78, pid=2**22 + 1, how=wire.ENUM['ATTACH_' + how])
        assert got == ('NO_PROCESS' if how == 'LOOK' or 'STOP' in PRESETS[words] else 'RIGHT'), how


# ---- the kernel: every request that names a process, every process ------------------------------


@pytest.fixture
def kinds(world, debuggee):
    """Processes by kind, as pids."""
    sleep = ['/bin/sleep', '600']
    as_alice = ['setpriv', '--reuid=alice', '--regid=alice', '--clear-groups'] if harness.ROOT else []
    argv = {'own': [*as_alice, *sleep],
            'undumpable': [*as_alice, '/usr/bin/python3', '-c',
                           'import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); time.sleep(600)'],
            'of root': None}
    if harness.ROOT:
        argv['of root'] = sleep
        argv["another user's"] = ['setpriv', '--reuid=bob', '--regid=bob', '--clear-groups', *sleep]
        setuid = world.path('setuid')
        shutil.copy('/bin/sleep', setuid)
        os.chmod(setuid, 0o4755)
        argv['set-user-id'] = [*as_alice, setuid, '600']
        argv['in another pid namespace'] = ['unshare', '--pid', '--fork', '--kill-child', *as_alice, *sleep]
    found = {'of root': 1} if not harness.ROOT else {}
    for kind, words in argv.items():
        if words:
            found[kind] = world.start(words, stdin=subprocess.DEVNULL).pid

    def settled():
        for kind in list(found):
            if kind == 'in another pid namespace':
                below = list(clean.descendants(found[kind]))
                found[kind + ' inside'] = below[0] if below else 0
        names = {k: (clean.read(f'/proc/{p}/comm') or '').strip() for k, p in found.items() if p != 1}
        return all(n in ('sleep', 'setuid', 'python3', 'unshare') for n in names.values()) and \
            names.get('in another pid namespace inside', 'sleep') == 'sleep' and \
            undumpable_by_now(found['undumpable'])
    assert not clean.eventually(lambda: not settled())
    if 'in another pid namespace' in found:
        found['in another pid namespace'] = found.pop('in another pid namespace inside')
    yield found
    if 'in another pid namespace' in found:
        os.kill(found['in another pid namespace'], signal.SIGKILL)


def undumpable_by_now(pid):
    try:
        return os.stat(f'/proc/{pid}/environ').st_uid == 0
    except OSError:
        return False


REFUSED = {'own': 'OK', 'in another pid namespace': 'OK', 'undumpable': 'UNDUMPABLE', 'of root': 'OTHER_USER',
           "another user's": 'OTHER_USER', 'set-user-id': 'OTHER_USER'}
OPEN_TO_ALL = {'facts'}  # what /proc shows to everybody
WRITES = {'file_write': {'path': b'/tmp', 'data': b''}, 'file_change': {'path': b'/tmp/no/such', 'change': 2}}
NAMES_ONE = {
    'facts': {}, 'maps': {}, 'auxv': {}, 'environment': {}, 'file_stat': {'path': b'/etc/passwd'},
    'file_read': {'path': b'/etc/passwd', 'len': 10}, 'file_link': {'path': b'/proc/self'}, 'file_list': {'path': b'/etc'},
    'file_look': {'path': b'/etc/passwd'}, 'proc_text': {'text': wire.ENUM['TEXT_MAPS']},
    'snapshot': {'window': 4096, 'total': 1 << 20}, 'attach': {}, **WRITES,
}


def test_all_requests_that_name_a_process_are_in_the_matrix():
    assert set(NAMES_ONE) == {name for name, m in REQUESTS.items() if ('U32', ['pid']) in m['fields']}


@pytest.mark.parametrize('words', PRESETS)
def test_what_the_row_allows_the_kernel_judges_and_its_refusal_has_its_reason(leased, hosts, kinds, words):
    link = hosts(leased(words + ' grace=2s'))
    handle, cells = 100, 0
    for kind, pid in kinds.items():
        for name, fields in NAMES_ONE.items():
            variants = [fields] if name != 'attach' else [dict(how=wire.ENUM['ATTACH_' + h]) for h in ('STOP', 'RUN', 'LOOK')]
            for fields in variants:
                handle += 1
                looks = fields.get('how') == wire.ENUM['ATTACH_LOOK']
                needed = {REQUESTS[name]['right']} | ({'STOP'} if name == 'snapshot' or name == 'attach' and not looks else set())
                want = REFUSED[kind] if name not in OPEN_TO_ALL else 'OK'
                if needed - PRESETS[words]:
                    want = 'RIGHT'
                got = code(link, name, pid=pid, target=handle if name == 'attach' else 0, **fields)
                if name in WRITES and want == 'OK':
                    assert got != 'RIGHT' and got not in REFUSED.values(), (kind, name, got)
                else:
                    assert got == want, (kind, name, fields, got, want)
                cells += 1
                if name == 'attach' and got == 'OK':
                    link.do('detach', target=handle)
    assert cells == len(kinds) * (len(NAMES_ONE) + 2)
    assert not clean.eventually(lambda: [k for k, p in kinds.items() if p != 1 and (
        clean.status(p)['TracerPid'] != '0' or clean.status(p)['State'][0] != 'S')])


# ---- who may only look ------------------------------------------------------------------------

SAMPLER = """
import os, sys, time
pid = sys.argv[1]
fd = os.open(f'/proc/{pid}/status', os.O_RDONLY)
samples = traced = stopped = 0
began = time.monotonic()
print(flush=True)
os.set_blocking(0, False)
while True:
    text = os.pread(fd, 1024, 0)
    samples += 1
    traced += b'TracerPid:\\t0\\n' not in text
    stopped += text.split(b'State:\\t')[1][:1] in b'tT'
    if samples % 256 == 0:
        try:
            if os.read(0, 1) == b'':
                break
        except BlockingIOError:
            pass
print(samples, traced, stopped, time.monotonic() - began)
"""


def memory_hash(pid):
    """Of all that it can write."""
    found = hashlib.sha256()
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            bounds, prot = line.split()[:2]
            if prot[0] == 'r' and '[v' not in line:
                lo, hi = (int(x, 16) for x in bounds.split('-'))
                mem.seek(lo)
                found.update(mem.read(hi - lo))
    return found.hexdigest()


def threads_as_they_stand(pid):
    """Where each sleeps, by sp and pc, and how often it has slept: whoever was stopped has woken up."""
    return {t: (clean.read(f'/proc/{pid}/task/{t}/syscall'),
                clean.status(pid, t)['voluntary_ctxt_switches'], clean.status(pid, t)['nonvoluntary_ctxt_switches'])
            for t in clean.threads(pid)}


def any_fields(m, rng, pid):
    """Plausible in each field, or wild."""
    fields = {}
    for word, args in m['fields']:
        name = args[0]
        if name == 'pid':
            fields[name] = rng.choice([0, pid, pid])
        elif name == 'start':
            fields[name] = 0
        elif word in ('U8', 'U16', 'U32', 'U64'):
            fields[name] = rng.choice([0, 1, 2, 3, rng.randrange(1 << int(word[1:]))])
        elif word in ('I32', 'I64'):
            fields[name] = rng.choice([-1, 0, 9, 19])
        elif word == 'STR':
            fields[name] = rng.choice([b'', b'/etc/passwd', b'/proc/self/mem', b'x'])[:int(args[1])]
        elif word == 'BLOB':
            fields[name] = rng.randbytes(rng.randrange(min(40, int(args[1]) + 1)))
        elif word == 'RAW':
            fields[name] = rng.randbytes(int(args[1]))
        elif word == 'LIST':
            fields[name] = [any_fields({'fields': wire.RECS[args[1]]}, rng, pid) for _ in range(rng.randrange(3))]
    return fields


@pytest.mark.parametrize('mode', ['row', 'mode'])
def test_a_readonly_key_that_sends_everything_changes_nothing_and_stops_nothing(leased, world, debuggee, keys, mode):
    """By the word in the row, and by the mode that the host asked for itself."""
    box = leased(('readonly ' if mode == 'row' else '') + 'grace=2s')
    d = debuggee('sleepers', 4)
    link = test_conn.Link(box, keys['alice'], mode=1 if mode == 'mode' else 0)
    assert link.opened['rights'] == 3
    target, _ = link.attach(d.pid, how='LOOK')
    before = memory_hash(d.pid), threads_as_they_stand(d.pid)
    sampler = world.start(['/usr/bin/python3', '-c', SAMPLER, str(d.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True)
    sampler.stdout.readline()
    rng, answers = random.Random(5), {}
    for _ in range(often(12, 500)):
        for name, m in REQUESTS.items():
            if name in ('detach', 'ps'):
                continue  # the target is needed on; and long lists take their time
            to = rng.choice([0, target, target, rng.randrange(1 << 31)])
            got = code(link, name, target=to, **any_fields(m, rng, d.pid))
            answers.setdefault(name, set()).add(got)
            if m['right'] not in ('LOOK', 'NONE'):
                assert got == 'RIGHT', (name, got)
    sampler.stdin.close()
    samples, traced, stopped, seconds = sampler.stdout.read().split()
    sampler.wait()
    assert (traced, stopped) == ('0', '0')
    assert int(samples) > 1000 * float(seconds) or 'san' in harness.BUILD, (samples, seconds)
    assert (memory_hash(d.pid), threads_as_they_stand(d.pid)) == before
    assert answers['mem_read'] and 'RIGHT' in answers['attach']
    link.close()


# ---- the map, at every moment -------------------------------------------------------------------


def test_a_map_that_is_rewritten_all_the_time_never_gives_more_than_it_ever_said(boxes, keys, world):
    """In place, byte by byte as an editor might, and by other files in its stead."""
    alice, stranger = keys['alice'].fingerprint, keys['stranger'].fingerprint
    states = [f'{alice} user={harness.ALICE} readonly grace=0 # a\n',
              f'# {"x" * 3000}\n{stranger} user={harness.ALICE} grace=0\n{alice} user={harness.ALICE} grace=0 readonly no-launch # b\n',
              f'{stranger} user={harness.ALICE} grace=0\n', f'{alice} user={harness.ALICE} grace=0 no-write readonly\n']
    box = boxes(rows=[states[0].rstrip('\n')])
    over, rng = threading.Event(), random.Random(3)

    def rewrite():
        while not over.is_set():
            text = rng.choice(states)
            if rng.random() < 0.3:
                with open(box.map + '.new', 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
                    f.write(text)
                os.rename(box.map + '.new', box.map)
                continue
            fd = os.open(box.map, os.O_WRONLY | os.O_TRUNC)
            for at in range(0, len(text), 700):
                os.write(fd, text[at:at + 700].encode())
            os.close(fd)
            time.sleep(rng.random() / 500)
    thread = threading.Thread(target=rewrite)
    thread.start()
    opened = refused = 0
    try:
        for _ in range(often(40, 1000)):
            link = None
            try:
                link = test_conn.Link(box, keys['alice'])
                assert link.opened['rights'] == 3, link.opened
                opened += 1
            except (wire.Closed, wire.Error, ssl.SSLError, ConnectionError, AssertionError) as e:
                assert 'rights' not in str(e), e
                refused += 1
            if link:
                link.close()
    finally:
        over.set()
        thread.join()
    assert opened and opened + refused >= 40 and not box.audit(event='crash')
    assert not any('write' in line for line in box.text().splitlines() if 'event=open' in line)


# ---- files that are not what they were ------------------------------------------------------------


def test_of_what_is_no_plain_file_nothing_is_read_and_of_what_is_huge_what_was_asked_for(world, link, debuggee):
    d = debuggee('sleepers')
    for path in ('/dev/mem', '/dev/kmem', '/dev/null', '/dev/stdin', f'/proc/{d.pid}/mem', '/proc/kcore', '/proc/self/root/etc/passwd',
                 f'/proc/{d.pid}/cwd/etc/passwd', '/proc/self/fd/0'):
        got = code(link, 'file_read', pid=d.pid, path=path, len=16)
        assert got in ('NOT_FILE', 'OS', 'NO_FILE', 'NOT_DIR'), (path, got)
    sparse, size = world.path('sparse\nfile'), 2**43
    with open(sparse, 'wb') as f:
        os.truncate(f.fileno(), size)
    os.chmod(sparse, 0o644)
    r = link.do('file_read', pid=d.pid, path=sparse, offset=size - 8, len=1 << 20)
    assert (r['data'], r['size']) == (bytes(8), size)
    assert link.do('file_read', pid=d.pid, path=sparse, offset=2**63 - 1, len=1 << 20)['data'] == b''
    assert code(link, 'file_read', pid=d.pid, path=sparse, offset=0, len=2**63) != 'OK'


SWAP = """
import os, sys
place, outside = sys.argv[1:]
os.chdir(place)
print(flush=True)
while True:
    os.symlink(outside, 'n'); os.rename('n', 'dir')
    os.symlink('real', 'n'); os.rename('n', 'dir')
    os.symlink('/proc/self/root/..', 'n'); os.rename('n', 'dir')
    os.symlink('../' * 20 + outside.lstrip('/'), 'n'); os.rename('n', 'dir')
"""


@pytest.mark.root
def test_no_race_of_links_leads_out_of_the_targets_root(world, links):
    """The target's user swaps what a path goes through, as fast as it can."""
    inside, outside = world.path('r'), world.path('outside')
    for path, text in ((inside + '/real', b'inside'), (outside, b'outside')):
        os.makedirs(path)
        with open(path + '/file', 'wb') as f:
            f.write(text)
        os.chmod(path + '/file', 0o644)
    os.chmod(inside, 0o777)
    os.makedirs(inside + '/proc')
    ids = pwd.getpwnam(harness.ALICE)
    d = world.start(['/usr/bin/python3', '-c', f"""
import ctypes, os, time
os.chroot({inside!r}); os.chdir('/')
os.setgroups([]); os.setgid({ids.pw_gid}); os.setuid({ids.pw_uid})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
print(flush=True)
time.sleep(600)"""], stdout=subprocess.PIPE)
    d.stdout.readline()
    swapper = world.start(['setpriv', '--reuid=alice', '--regid=alice', '--clear-groups', '/usr/bin/python3', '-c', SWAP,
                           inside, outside], stdout=subprocess.PIPE)
    swapper.stdout.readline()
    link, seen = links(), {}
    for _ in range(often(100, 31250)):
        asked = [link.ask('file_read', pid=d.pid, path='/dir/file', len=16) for _ in range(32)]
        for id in asked:
            try:
                got = link.wait(id)['data']
            except wire.Error as e:
                got = e.name
            seen[got] = seen.get(got, 0) + 1
    assert set(seen) <= {b'inside', 'NO_FILE', 'OS', 'NOT_FILE', 'NOT_DIR', 'CHANGED'}, seen
    assert seen.get(b'inside') and len(seen) > 1, seen  # both ways were met
