# SPDX-License-Identifier: BSD-2-Clause
"""What the tracer tells of processes and files."""

import os
import pwd
import subprocess

import harness
from tracer import refused


# ---- operating system


def test_the_process_list_finds_by_any_name(link, debuggee):
    d = debuggee('sleepers', 7)
    for pattern in ('sleepers', 'leeper', f'{d.argv[0]} 7'):
        procs = link.do('ps', pattern=pattern)['procs']
        found = [p for p in procs if p['pid'] == d.pid]
        assert found and found[0]['threads'] == 7 and found[0]['user'].decode() == harness.ALICE
    assert not link.do('ps', pattern='no process is called like this one')['procs']


def test_what_the_process_list_leaves_out_is_counted(link, debuggee):
    for _ in range(3):
        debuggee('sleepers', 1)
    r = link.do('ps', pattern='/debuggees/sleepers', limit=1)
    assert len(r['procs']) == 1 and r['more'] >= 2


def test_facts_of_a_process(link, debuggee):
    d = debuggee('sleepers')
    f = link.do('facts', pid=d.pid)
    ids = pwd.getpwnam(harness.ALICE)
    assert f['ruid'] == ids.pw_uid and f['rgid'] == ids.pw_gid
    assert f['procs'][0]['start'] and f['cwd'] == b'/' and f['root'] == b'/'
    st = os.stat(d.argv[0])
    assert (f['exe_dev'], f['exe_ino']) == (st.st_dev, st.st_ino)
    assert b'\nThreads:\t5' in f['status']


def test_maps_carry_build_ids(link, debuggee):
    d = debuggee('sleepers')
    maps = link.do('maps', pid=d.pid)['maps']
    with open(f'/proc/{d.pid}/maps') as f:
        lines = f.read().splitlines()
    assert [(m['lo'], m['hi']) for m in maps] == [tuple(int(x, 16) for x in l.split()[0].split('-')) for l in lines]
    exe = next(m for m in maps if m['name'].decode() == os.path.realpath(d.argv[0]))
    notes = subprocess.run(['readelf', '-n', d.argv[0]], capture_output=True, text=True).stdout
    assert exe['build_id'].hex() in notes and exe['build_id']
    st = os.stat(d.argv[0])
    assert (exe['dev'], exe['ino']) == (st.st_dev, st.st_ino)
    assert next(m for m in maps if m['name'] == b'[vdso]')['build_id']


def test_auxv_and_environment(link, debuggee):
    d = debuggee('sleepers', env={'SOMETHING': 'special'})
    with open(f'/proc/{d.pid}/auxv', 'rb') as f:
        assert link.do('auxv', pid=d.pid)['data'] == f.read()
    assert b'\0SOMETHING=special\0' in b'\0' + link.do('environment', pid=d.pid)['data']


def test_hostile_names_arrive_as_they_are(world, link):
    name = b'a)\n(b\x1b[2J\xff'
    p = world.start(['/usr/bin/python3', '-c', f"""
import ctypes, time
ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)
print(flush=True)
time.sleep(60)"""], stdout=subprocess.PIPE)
    p.stdout.readline()
    found = link.do('facts', pid=p.pid)['procs'][0]
    assert found['comm'] == name and found['pid'] == p.pid and found['state'] in b'SR'
    assert [f['pid'] for f in link.do('ps', pattern=name[:5])['procs']] == [p.pid]


def test_stale_identities_are_refused(link, debuggee):
    d = debuggee('sleepers')
    start = link.do('facts', pid=d.pid)['procs'][0]['start']
    link.do('facts', pid=d.pid, start=start)
    for request in ('facts', 'maps', 'auxv', 'environment'):
        refused('STALE', link, request, pid=d.pid, start=start - 1)
    refused('STALE', link, 'attach', target=1, pid=d.pid, start=start + 1)
    refused('STALE', link, 'snapshot', pid=d.pid, start=start + 1, window=64, total=1 << 20)
    refused('STALE', link, 'file_stat', pid=d.pid, start=1, path='/')


# ---- files


def test_files_are_read_from_the_targets_root(world, link, debuggee):
    d = debuggee('sleepers')
    path = world.path('file')
    data = os.urandom(300000)
    with open(path, 'wb') as f:
        f.write(data)
    os.chmod(path, 0o644)
    st = link.do('file_stat', pid=d.pid, path=path)
    assert st['size'] == len(data) and st['mode'] == 0o100644
    r = link.do('file_read', pid=d.pid, path=path, len=1 << 20)
    assert r['data'] == data and r['size'] == len(data)
    r = link.do('file_read', pid=d.pid, path=path, offset=299990, len=100, dev=st['dev'], ino=st['ino'])
    assert r['data'] == data[-10:]
    assert link.do('file_read', pid=d.pid, path=path, offset=1 << 63, len=100)['data'] == b''
    os.symlink('file', world.path('link'))
    assert link.do('file_link', pid=d.pid, path=world.path('link'))['data'] == b'file'
    assert link.do('file_read', pid=d.pid, path=world.path('link'), len=10)['data'] == data[:10]
    names = {e['name'] for e in link.do('file_list', pid=d.pid, path=world.dir)['entries']}
    assert {b'file', b'link'} <= names
    refused('CHANGED', link, 'file_read', pid=d.pid, path=path, len=10, dev=st['dev'], ino=st['ino'] + 1)


def test_only_regular_files_are_read(world, link, debuggee):
    d = debuggee('sleepers')
    os.mkfifo(world.path('fifo'), 0o666)
    for path, name in ((world.path('fifo'), 'NOT_FILE'), ('/dev/zero', 'NOT_FILE'), ('/tmp', 'NOT_FILE'),
                       ('/proc/self/environ', 'NOT_FILE'), ('/proc/self/exe', 'OS'), ('', 'NO_FILE'),
                       ('/no/such/file', 'NO_FILE'), ('/etc/passwd/x', 'NOT_DIR'), (b'/etc/pass\0wd', 'NO_FILE'),
                       ('x' * 4096, 'TOO_BIG')):
        assert refused(name, link, 'file_read', pid=d.pid, path=path, len=10)['subject'] == \
            (path.encode() if isinstance(path, str) else path).split(b'\0')[0][:255]
    refused('NOT_DIR', link, 'file_list', pid=d.pid, path='/etc/passwd')


def test_dots_do_not_leave_the_root(link, debuggee):
    d = debuggee('sleepers')
    want = link.do('file_stat', pid=d.pid, path='/etc/passwd')
    assert link.do('file_stat', pid=d.pid, path='/../../../etc/./passwd') == want
    assert link.do('file_stat', pid=d.pid, path='etc/passwd') == want
