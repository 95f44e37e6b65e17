# SPDX-License-Identifier: BSD-2-Clause
"""Files changed in the target's root, and the texts of /proc, in the raw wire."""

import os
import pwd
import shutil
import socket
import stat
import subprocess

import pytest

import clean
import harness
import tracer
import wire
from tracer import refused

CREATE, EMPTY, NEW = (wire.ENUM['WRITE_' + w] for w in ('CREATE', 'EMPTY', 'NEW'))
UNLINK, MKDIR, CHMOD, SYMLINK = (wire.ENUM['FILE_' + w] for w in ('UNLINK', 'MKDIR', 'CHMOD', 'SYMLINK'))
TEXT = {name.removeprefix('TEXT_'): n for name, n in wire.ENUM.items() if name.startswith('TEXT_')}


@pytest.fixture
def place(world):
    """A directory that alice may write to."""
    path = world.path('place')
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path


def read(path):
    with open(path, 'rb') as f:
        return f.read()


# ---- looking


def test_details_are_those_of_stat(link, debuggee, place):
    d = debuggee('sleepers')
    os.symlink('/etc/passwd', place + '/link')
    for path, flags, st in (('/etc/passwd', 0, os.stat('/etc/passwd')), (place + '/link', 0, os.stat('/etc/passwd')),
                            (place + '/link', 1, os.lstat(place + '/link')), ('/dev/null', 0, os.stat('/dev/null'))):
        for who in (dict(pid=d.pid), dict(pid=0)):
            f = link.do('file_look', path=path, flags=flags, **who)
            assert (f['dev'], f['ino'], f['rdev'], f['size'], f['blocks'], f['block_size'], f['links'], f['mode'],
                    f['uid'], f['gid'], f['mtime'] * 10**9 + f['mtime_ns'], f['ctime'] * 10**9 + f['ctime_ns']) == \
                (st.st_dev, st.st_ino, st.st_rdev, st.st_size, st.st_blocks, st.st_blksize, st.st_nlink, st.st_mode,
                 st.st_uid, st.st_gid, st.st_mtime_ns, st.st_ctime_ns)
    refused('NO_FILE', link, 'file_look', path=place + '/none', pid=d.pid)
    refused('MALFORMED', link, 'file_look', path='/', pid=d.pid, flags=2)
    refused('NO_PROCESS', link, 'file_look', path='/', pid=4194304)


@pytest.fixture
def running(place, world):
    """A program of alice's that runs: its process, path and stat."""
    path = place + '/program'
    shutil.copy('/bin/sleep', path)
    p = world.start([path, '600'], **tracer.as_user(harness.ALICE))
    assert tracer.eventually(lambda: os.readlink(f'/proc/{p.pid}/exe') == path)
    return p, path, os.stat(path)


@pytest.mark.parametrize('replaced', [False, True])
def test_a_program_that_was_deleted_can_be_read_as_long_as_it_runs(link, running, replaced):
    p, path, st = running
    content = read(path)
    os.unlink(path)
    if replaced:
        shutil.copy('/bin/true', path)
    got = link.do('file_read', pid=p.pid, path=path, dev=st.st_dev, ino=st.st_ino, len=1 << 20)
    assert got['size'] == len(content)
    # Whatever it is called; but no other file, and not without being named.
    link.do('file_read', pid=p.pid, path='/none', dev=st.st_dev, ino=st.st_ino, len=100)
    for why, fields in (('CHANGED' if replaced else 'NO_FILE', dict(dev=st.st_dev, ino=os.stat('/').st_ino)),
                        ('CHANGED' if replaced else 'NO_FILE', dict(dev=st.st_dev + 1, ino=st.st_ino))):
        assert refused(why, link, 'file_read', pid=p.pid, path=path, len=100, **fields)['subject'] == path.encode()
    if not replaced:
        refused('NO_FILE', link, 'file_read', pid=p.pid, path=path, len=100)
    refused('CHANGED' if replaced else 'NO_FILE', link, 'file_read', path=path, dev=st.st_dev, ino=st.st_ino, len=100)


def test_on_record_is_what_the_kernel_calls_a_program_that_was_deleted(box, hosts, running):
    p, path, st = running
    os.unlink(path)
    host = hosts(box)
    host.do('file_read', pid=p.pid, path='/etc/passwd', dev=st.st_dev, ino=st.st_ino, len=100)
    host.leave()
    assert len(box.await_audit(event='file-read')) == 1
    assert f'why="{path} (deleted) exe=' in box.text() and 'passwd' not in box.text()


def test_without_a_target_files_are_those_of_the_sessions_user(link, place):
    with open(place + '/file', 'wb') as f:
        f.write(b'content')
    assert link.do('file_read', path=place + '/file', len=100)['data'] == b'content'
    assert link.do('file_stat', path=place + '/file')['size'] == 7
    os.symlink('file', place + '/link')
    assert link.do('file_link', path=place + '/link')['data'] == b'file'
    assert {b'file', b'link'} <= {e['name'] for e in link.do('file_list', path=place)['entries']}
    # A handle that names nothing is not the same as none.
    for request in ('file_stat', 'file_read', 'file_look', 'file_write', 'file_change'):
        with pytest.raises(wire.Error) as e:
            link.do(request, target=77, path=place + '/file')
        assert e.value.name == 'NO_TARGET', request


# ---- writing


def test_a_file_is_written_where_and_as_it_was_asked(link, debuggee, place):
    d = debuggee('sleepers')
    path = place + '/new'
    refused('NO_FILE', link, 'file_write', pid=d.pid, path=path, data=b'x')
    made = link.do('file_write', pid=d.pid, path=path, flags=CREATE, mode=0o640)
    assert (made['size'], stat.S_IMODE(made['mode'])) == (0, 0o640 & ~0o022)
    st = os.stat(path)
    assert (made['dev'], made['ino']) == (st.st_dev, st.st_ino)
    if harness.ROOT:
        assert st.st_uid != 0
    data = os.urandom(150000)
    ids = [link.ask('file_write', pid=d.pid, path=path, dev=made['dev'], ino=made['ino'], offset=at,
                    data=data[at:at + 60000]) for at in range(0, len(data), 60000)]
    assert link.wait(ids[-1])['size'] == len(data)
    assert read(path) == data
    assert link.do('file_write', pid=d.pid, path=path, flags=CREATE, offset=4, data=b'....')['ino'] == made['ino']
    assert read(path) == data[:4] + b'....' + data[8:]
    link.do('file_write', pid=d.pid, path=path, flags=CREATE | EMPTY, data=b'short')
    assert read(path) == b'short'
    assert refused('OS', link, 'file_write', pid=d.pid, path=path, flags=NEW)['os_errno'] == 17  # EEXIST
    refused('CHANGED', link, 'file_write', pid=d.pid, path=path, dev=made['dev'], ino=made['ino'] + 1, data=b'no')
    refused('TOO_BIG', link, 'file_write', pid=d.pid, path=path, offset=(1 << 63) - 1, data=b'no')
    refused('MALFORMED', link, 'file_write', pid=d.pid, path=path, flags=128)
    assert read(path) == b'short'


def test_only_regular_files_that_the_user_may_write_are_written(link, debuggee, place):
    d = debuggee('sleepers')
    os.mkfifo(place + '/fifo', 0o666)
    os.chmod(place + '/fifo', 0o666)
    s = socket.socket(socket.AF_UNIX)
    s.bind(place + '/socket')
    for path, name in ((place + '/fifo', 'NOT_FILE'), (place + '/socket', 'NOT_FILE'), ('/dev/null', 'NOT_FILE'),
                       (place, 'NOT_FILE'), ('/proc/self/comm', 'NOT_FILE'), ('', 'NO_FILE'), ('/proc/self/exe', 'OS'),
                       (f'/proc/{d.pid}/fd/0', 'OS'), (b'/tmp/x\0y', 'NO_FILE'), ('/etc/passwd/x', 'NOT_DIR'),
                       ('x' * 4096, 'TOO_BIG')):
        for flags in (0, CREATE | EMPTY):
            refused(name, link, 'file_write', pid=d.pid, path=path, flags=flags, data=b'x')
    if harness.ROOT:  # as alice, not as who started it all
        assert refused('OS', link, 'file_write', pid=d.pid, path='/etc/passwd', data=b'x')['os_errno'] == 13
        assert refused('OS', link, 'file_write', path='/etc/new', flags=NEW)['os_errno'] == 13
    s.close()


def test_links_and_dots_do_not_lead_a_write_out_of_the_root(world, links, place):
    if not harness.ROOT:
        pytest.skip('a root of its own takes root')
    root = place + '/root'
    os.makedirs(root + place)
    os.chmod(root + place, 0o777)
    os.symlink(place + '/outside', root + place + '/absolute')
    os.symlink('../' * 12 + place.lstrip('/') + '/outside', root + place + '/relative')
    with open(place + '/outside', 'wb') as f:
        f.write(b'outside')
    os.chmod(place + '/outside', 0o666)
    ids = pwd.getpwnam(harness.ALICE)
    p = world.start(['/usr/bin/python3', '-c', f"""
import ctypes, os, time
libc = ctypes.CDLL(None)
os.chroot({root!r})
os.setgroups([]), os.setgid({ids.pw_gid}), os.setuid({ids.pw_uid})
libc.prctl(4, 1, 0, 0, 0)  # dumpable again
print(flush=True)
time.sleep(60)"""], stdout=subprocess.PIPE)
    p.stdout.readline()
    link = links()
    for name in ('absolute', 'relative'):
        path = f'{place}/{name}'
        refused('NO_FILE', link, 'file_write', pid=p.pid, path=path, data=b'x')
        refused('OS', link, 'file_write', pid=p.pid, path=path, flags=CREATE, data=b'x')  # a link is no new file
    link.do('file_write', pid=p.pid, path=f'/../..{place}/within', flags=CREATE, data=b'x')
    link.do('file_change', pid=p.pid, path=f'/../..{place}/link', change=SYMLINK, text=place + '/outside')
    link.do('file_change', pid=p.pid, path=place + '/link', change=UNLINK)
    refused('NO_FILE', link, 'file_change', pid=p.pid, path=place + '/outside', change=UNLINK)
    assert read(place + '/outside') == b'outside' and read(root + place + '/within') == b'x'


# ---- names


def test_what_a_box_makes_has_the_mode_of_a_logins_files(leased, hosts, place):
    """A server's own are for nobody else."""
    box = leased()
    host = hosts(box)
    made = host.do('file_write', path=place + '/new', flags=CREATE, mode=0o666)
    assert stat.S_IMODE(made['mode']) == 0o644
    host.do('file_change', path=place + '/sub', change=MKDIR, mode=0o777)
    assert stat.S_IMODE(os.stat(place + '/sub').st_mode) == 0o755
    host.leave()
    assert not box.quiet()


def test_the_record_of_a_file_has_its_name_and_what_was_done_to_it(leased, hosts, place):
    box = leased()
    host = hosts(box)
    hidden = '/' + './' * 400 + place.lstrip('/')
    host.do('file_write', path=hidden + '/secret', flags=CREATE, data=b'x')
    host.do('file_change', path=place + '/secret', change=CHMOD, mode=0o640)
    host.do('file_change', path=hidden + '/' + '\x01' * 250, change=MKDIR, mode=0o700)
    host.do('file_change', path=place + '/secret', change=UNLINK)
    assert not clean.eventually(lambda: len(box.audit(event='file-write') + box.audit(event='file-change')) < 4)
    lines = [line for line in box.text().splitlines() if 'event=file-' in line]
    for want in ('why="...', f'{place}/secret', f'{place}/secret (chmod 640)', ' (mkdir 700)"',
                 f'{place}/secret (unlink)"'):
        assert any(want in line for line in lines), (want, lines)
    assert all(line.endswith('"') for line in lines)
    host.leave()
    assert not box.quiet()


def test_names_and_modes_are_changed(link, debuggee, place):
    d = debuggee('sleepers')

    def change(name, change, path=place, **fields):
        return link.do('file_change', pid=d.pid, path=f'{path}/{name}', change=change, **fields)

    change('sub', MKDIR, mode=0o755)
    assert os.path.isdir(place + '/sub')
    link.do('file_write', pid=d.pid, path=place + '/sub/file', flags=CREATE, mode=0o600, data=b'1')
    change('sub/file', CHMOD, mode=0o4711)
    assert stat.S_IMODE(os.stat(place + '/sub/file').st_mode) == 0o711  # no set-user-id bit
    change('link', SYMLINK, text='sub/file')
    assert os.readlink(place + '/link') == 'sub/file'
    change('link', UNLINK)
    assert not os.path.lexists(place + '/link') and os.path.exists(place + '/sub/file')
    change('sub/file', UNLINK)
    assert os.listdir(place + '/sub') == []


def test_bad_names_are_refused_and_change_nothing(link, debuggee, place):
    d = debuggee('sleepers')
    os.mkdir(place + '/dir')
    os.mkfifo(place + '/fifo')
    os.chmod(place + '/fifo', 0o600)
    before = sorted(os.listdir(place))
    for deed, path, name, os_errno in (
            (UNLINK, place + '/dir', 'OS', 21), (UNLINK, place + '/fifo', 'OS', 1), (UNLINK, place + '/dir/', 'OS', 21),
            (UNLINK, place + '/dir/..', 'OS', 21), (UNLINK, place + '/none', 'NO_FILE', 2), (UNLINK, '', 'NO_FILE', 2),
            (UNLINK, '/', 'OS', 21), (UNLINK, place + '/fifo/x', 'NOT_DIR', 20), (UNLINK, b'/tmp/\0', 'OS', 21),
            (UNLINK, place + '/' + 'x' * 256, 'TOO_BIG', 36), (CHMOD, place + '/fifo', 'OS', 1),
            (CHMOD, place + '/none', 'NO_FILE', 2), (MKDIR, place + '/dir', 'OS', 17), (SYMLINK, place + '/s', 'OS', 22),
            (UNLINK, f'/proc/{d.pid}/fd/0', 'OS', 13)):
        assert refused(name, link, 'file_change', pid=d.pid, path=path, change=deed)['os_errno'] == os_errno, path
    refused('MALFORMED', link, 'file_change', pid=d.pid, path=place, change=4)
    assert sorted(os.listdir(place)) == before


# ---- rights and records


def test_changing_files_takes_the_right_to_write(sessions, debuggee, place):
    d = debuggee('sleepers')
    link = sessions('LOOK', 'STOP').link
    link.do('file_look', pid=d.pid, path=place)
    link.do('proc_text', pid=d.pid, text=TEXT['STAT'])
    refused('RIGHT', link, 'file_write', pid=d.pid, path=place + '/x', flags=CREATE)
    refused('RIGHT', link, 'file_change', pid=d.pid, path=place + '/x', change=MKDIR)
    assert os.listdir(place) == []


def test_what_was_stored_is_on_record_before_it_is_done(sessions, debuggee, place):
    d = debuggee('sleepers')
    s = sessions('LOOK', 'WRITE')
    path = place + '/x'
    made = s.link.do('file_write', pid=d.pid, path=path, flags=CREATE, mode=0o644)
    assert s.record(sized=True) == ('file_write', d.pid, path.encode(), 0)
    for at in range(3):
        s.link.do('file_write', pid=d.pid, path=path, dev=made['dev'], ino=made['ino'], offset=at + 1, data=b'data')
    assert s.record(sized=True) == ('file_write', d.pid, path.encode(), 0)
    s.link.do('file_write', path=path, flags=EMPTY)
    assert s.record(sized=True) == ('file_write', 0, path.encode(), 7)
    s.link.do('file_change', pid=d.pid, path=path, change=UNLINK)
    assert s.record() == ('file_change', d.pid, path.encode() + b' (unlink)')
    s.pipe.setblocking(False)
    with pytest.raises(BlockingIOError):
        s.pipe.recv(1)


# ---- texts of /proc


def test_texts_of_the_machine_and_of_processes(link, debuggee):
    d = debuggee('sleepers', 7)
    listener = socket.create_server(('127.0.0.1', 0))
    port = ':%04X' % listener.getsockname()[1]
    assert port in link.do('proc_text', text=TEXT['NET_TCP'])['data'].decode()
    assert port in link.do('proc_text', pid=d.pid, text=TEXT['NET_TCP'])['data'].decode()
    assert b'processor' in link.do('proc_text', text=TEXT['CPUINFO'])['data']
    assert link.do('proc_text', text=TEXT['SYSV_SHM'])['data'].split()[0] == b'key'
    assert link.do('proc_text', pid=d.pid, text=TEXT['STAT'])['data'].startswith(b'%d (sleepers) ' % d.pid)
    tasks = link.do('proc_text', pid=d.pid, text=TEXT['TASKS'])['data'].split(b'\0')
    assert tasks.pop() == b''
    assert {int(t.split()[0]) for t in tasks} == {int(t) for t in os.listdir(f'/proc/{d.pid}/task')}
    fds = link.do('proc_text', pid=d.pid, text=TEXT['FDS'])['data'].split(b'\0')
    assert fds.pop() == b''
    assert dict(zip(fds[::2], fds[1::2])) == {
        n.encode(): os.readlink(f'/proc/{d.pid}/fd/{n}').encode() for n in os.listdir(f'/proc/{d.pid}/fd')}
    for text, name in (('CMDLINE', 'cmdline'), ('MAPS', 'maps'), ('COREDUMP_FILTER', 'coredump_filter')):
        assert link.do('proc_text', pid=d.pid, text=TEXT[text])['data'] == read(f'/proc/{d.pid}/{name}')
    assert b'\nRss:' in link.do('proc_text', pid=d.pid, text=TEXT['SMAPS'])['data']
    assert b'\nThreads:\t7\n' in link.do('proc_text', pid=d.pid, text=TEXT['STATUS'])['data']
    listener.close()


def test_texts_that_are_not_listed_are_refused(link, debuggee):
    d = debuggee('sleepers')
    refused('MALFORMED', link, 'proc_text', text=len(TEXT))
    refused('MALFORMED', link, 'proc_text', pid=d.pid, text=TEXT['CPUINFO'])
    refused('NO_TARGET', link, 'proc_text', text=TEXT['FDS'])
    refused('NO_PROCESS', link, 'proc_text', pid=4194304, text=TEXT['STAT'])
    if harness.ROOT:
        refused('OTHER_USER', link, 'proc_text', pid=1, text=TEXT['FDS'])
