# SPDX-License-Identifier: BSD-2-Clause
"""procsrv, the listener: its options, its words, and whom it lets in."""

import json
import os
import re
import resource
import signal
import socket
import subprocess

import pytest

import clean
import harness
from tracer import rss

PROCSRV = harness.program('procsrv')
LISTENING = re.compile(r'listening tls:bind=(\S+),port=(\d+),pin=(SHA256:[A-Za-z0-9+/]{43})\n')

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')


class Listener:
    """One with options of its own, unlike harness.Box."""

    def __init__(self, world, *args, lines=1, **how):
        self.log = open(world.path('log'), 'w+')
        self.process = world.start([PROCSRV, *args], stdout=subprocess.PIPE, stderr=self.log, text=True, **how)
        self.lines = [self.process.stdout.readline() for _ in range(lines)]
        assert all(self.lines), self.said()
        self.found = [LISTENING.fullmatch(line) for line in self.lines]
        assert all(self.found), self.lines

    def port(self, i=0):
        return int(self.found[i][2])

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def await_said(self, text):
        assert not clean.eventually(lambda: text not in self.said()), self.said()

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(harness.PATIENCE)


@pytest.fixture
def files(world):
    """key= and map= of a box, as words of a transport."""
    path = world.path('authorized_keys')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{world.keys["alice"].fingerprint} user={harness.ALICE} # alice@test\n')
    return f'key={world.keys["box"].path},map={path}'


@pytest.fixture
def environment(world):
    os.mkdir(world.path('run'), 0o700)
    return dict(world.env, XDG_RUNTIME_DIR=world.path('run'))


def connect(port, source='127.0.0.1', host='127.0.0.1'):
    return socket.create_connection((host, port), timeout=harness.PATIENCE, source_address=(source, 0))


def refused(s):
    """Closed without a byte, while a connection that was let in would wait for its handshake."""
    try:
        return s.recv(1) == b''
    except ConnectionResetError:
        return True


# ---- what it prints ------------------------------------------------------------------


def test_it_says_where_it_listens_and_with_which_key(world, files):
    listener = Listener(world, '-t', f'tls:port=0,bind=127.0.0.1,{files}')
    bind, port, pin = listener.found[0].groups()
    assert (bind, pin) == ('127.0.0.1', world.keys['box'].fingerprint)
    connect(int(port)).close()
    assert listener.end() == 0
    assert listener.process.stdout.read() == ''


def test_each_transport_gets_its_line_in_order(world, files):
    listener = Listener(world, '-t', f'tls:port=0,bind=127.0.0.2,{files}', '--t', f'tls:{files},bind=127.0.0.3,port=0',
                        lines=2)
    assert [f[1] for f in listener.found] == ['127.0.0.2', '127.0.0.3']
    for i, address in enumerate(('127.0.0.2', '127.0.0.3')):
        connect(listener.port(i), host=address).close()
    assert listener.end(signal.SIGINT) == 0


def test_without_bind_it_listens_on_ipv4_and_ipv6(world, files):
    listener = Listener(world, '-t', f'tls:port=0,{files}')
    connect(listener.port()).close()
    if listener.found[0][1] == '[::]':
        connect(listener.port(), source='::1', host='::1').close()
    else:
        assert listener.found[0][1] == '0.0.0.0'
    assert listener.end() == 0


def test_of_a_range_the_first_free_port_is_taken(world, files):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        low = taken.getsockname()[1]
        listener = Listener(world, '-t', f'tls:bind=127.0.0.1,port={low}:{min(low + 50, 65535)},{files}')
        assert low < listener.port() <= low + 50
        assert listener.end() == 0


def test_a_port_in_use_is_named(world, files):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        r = world.run([PROCSRV, '-t', f'tls:bind=127.0.0.1,port={port},{files}'])
    assert (r.status, r.out) == (1, '')
    assert f'127.0.0.1 port {port}' in r.err and 'in use' in r.err


# ---- options ---------------------------------------------------------------------------


@pytest.mark.parametrize('args, words', [
    ([], 'nothing to do'),
    (['-frobnicate'], '-frobnicate'),
    (['stdio'], '"stdio" is no option'),
    (['-t'], '-t TRANSPORT'),
    (['-t', 'tls:prot=1'], '"prot"; allowed are port= bind= key= map='),
    (['-t', 'tcp:port=1'], 'tls:port=N'),
    (['-t', 'unix:path=/nowhere'], 'unix sockets'),
    (['-t', 'stdio', '-t', 'stdio'], 'goes with no other'),
    (['-status', '-release'], 'another command'),
    (['-status', '-t', 'stdio'], '-t goes with no command'),
    (['-help', '-json'], '-status only'),
    (['--', '-help'], '"-help" is no option'),
])
def test_wrong_options_are_named_and_end_with_2(world, args, words):
    r = world.run([PROCSRV, *args])
    assert (r.status, r.out) == (2, '')
    assert words in r.err and r.err.count('\n') == 1


@pytest.mark.parametrize('dashes', ['-', '--'])
def test_help_and_version_take_one_dash_or_two(world, dashes):
    assert re.fullmatch(r'procsrv \d+\.\d+\n', world.run([PROCSRV, dashes + 'version']).out)
    r = world.run([PROCSRV, dashes + 'help'])
    assert r.status == 0 and '-t TRANSPORT' in r.out


def test_there_is_nothing_to_repair(world):
    r = world.run([PROCSRV, '-repair'])
    assert r.status == 0 and 'nothing to repair' in r.out


# ---- key and map -----------------------------------------------------------------------


@pytest.mark.parametrize('row, words', [
    ('{key} user={user} readnoly', [':1:', 'readnoly']),
    ('{key} user={user} unit=redis', [':1:', 'unit']),
    ('{key} user=root readonly', [':1:', 'root']),
    ('{key} user=no-such-user', [':1:', 'no-such-user']),
])
def test_a_map_that_is_not_understood_ends_it_with_78(world, row, words):
    path = world.path('map')
    with open(path, 'w') as f:
        f.write(row.format(key=world.keys['alice'].fingerprint, user=harness.ALICE) + '\n')
    serve = world.run([PROCSRV, '-t', f'tls:port=0,key={world.keys["box"].path},map={path}'])
    check = world.run([PROCSRV, '-check', path])
    for r in (serve, check):
        assert (r.status, r.out) == (78, '')
        assert all(w in r.err for w in words) and r.err.count('\n') == 1


def test_a_map_others_may_write_ends_it_with_78(world, files):
    os.chmod(world.path('authorized_keys'), 0o666)
    r = world.run([PROCSRV, '-t', f'tls:port=0,{files}'])
    assert r.status == 78 and 'chmod' in r.err


@pytest.mark.parametrize('which', ['key', 'map'])
def test_a_missing_key_or_map_ends_it_with_78(world, files, which):
    words = re.sub(which + r'=[^,]*', f'{which}={world.path("missing")}', files)
    r = world.run([PROCSRV, '-t', f'tls:port=0,{words}'])
    assert (r.status, r.out) == (78, '')
    assert world.path('missing') in r.err and not os.path.exists(world.path('missing'))


def test_check_says_in_words_what_a_map_allows(world):
    path = world.path('map')
    with open(path, 'w') as f:
        f.write(f'{world.keys["alice"].fingerprint} user={harness.ALICE} readonly from=10.0.0.0/8 '
                'expires=2027-06-30 # on-call\n')
    r = world.run([PROCSRV, '-check', path])
    assert r.status == 0
    for word in (world.keys['alice'].fingerprint, harness.ALICE, 'on-call', 'may: look\n', '10.0.0.0/8', '2027-06-30'):
        assert word in r.out


def test_keygen_makes_a_key_once(world):
    path = world.path('new.pem')
    first = world.run([PROCSRV, '-keygen', '-key', path])
    assert first.status == 0 and path in first.out and 'SHA256:' in first.out
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path) as f:
        text = f.read()
    second = world.run([PROCSRV, '-keygen', '-key', path])
    assert second.status != 0 and path in second.err
    with open(path) as f:
        assert f.read() == text


@pytest.mark.skipif(harness.ROOT, reason='as root these files are those of this machine')
def test_an_ordinary_user_needs_only_a_map(world, environment):
    directory = os.path.join(world.env['XDG_CONFIG_HOME'], 'procsrv')
    os.makedirs(directory, mode=0o700)
    with open(os.path.join(directory, 'authorized_keys'), 'w') as f:
        f.write(world.keys['alice'].fingerprint + '\n')
    listener = Listener(world, '-t', 'tls:port=0,bind=127.0.0.1', env=environment)
    made = listener.found[0][3]
    assert listener.end() == 0
    again = Listener(world, '-t', 'tls:port=0,bind=127.0.0.1', env=environment)
    assert again.found[0][3] == made
    assert again.end() == 0


# ---- status ----------------------------------------------------------------------------


def status(world, environment):
    return world.run([PROCSRV, '-status', '-json'], env=environment).json


def test_status_shows_listeners_that_live(world, files, environment):
    listener = Listener(world, '-t', f'tls:port=0,bind=127.0.0.1,{files}', env=environment)
    mine = [one for one in status(world, environment)['listeners'] if one['pid'] == listener.process.pid]
    assert mine == [{'transport': f'tls:bind=127.0.0.1,port={listener.port()}', 'pin': world.keys['box'].fingerprint,
                     'map': world.path('authorized_keys'), 'keys': 1, 'pid': listener.process.pid}]
    words = world.run([PROCSRV, '-status'], env=environment).out
    assert f'port={listener.port()}  key {world.keys["box"].fingerprint}' in words and '(1 key)' in words
    assert 'no sessions' in words
    listener.end(signal.SIGKILL)
    assert listener.process.pid not in [one['pid'] for one in status(world, environment)['listeners']]


def test_release_without_sessions_is_done(world, environment):
    assert world.run([PROCSRV, '-release'], env=environment).status == 0


# ---- systemd ---------------------------------------------------------------------------


def test_it_takes_sockets_from_systemd_and_tells_when_it_is_ready(world, files, environment):
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(world.path('notify'))
    notified.settimeout(harness.PATIENCE)
    listening = socket.create_server(('127.0.0.1', 0))
    # LISTEN_PID has to name procsrv itself, which only the shell before it knows.
    log = open(world.path('log'), 'w+')
    p = world.start(['/bin/bash', '-c', f'exec 3<&{listening.fileno()}; LISTEN_PID=$$ exec "$@"', 'bash', PROCSRV,
                     '-t', f'tls:{files}'],
                    stdout=subprocess.PIPE, stderr=log, text=True, pass_fds=[listening.fileno()],
                    env=dict(environment, NOTIFY_SOCKET=world.path('notify'), LISTEN_FDS='1'))
    found = LISTENING.fullmatch(p.stdout.readline())
    assert found and int(found[2]) == listening.getsockname()[1]
    assert notified.recv(64) == b'READY=1'
    p.terminate()
    assert notified.recv(64) == b'STOPPING=1'
    assert p.wait(harness.PATIENCE) == 0
    log.close()
    notified.close()
    listening.close()


def test_without_sockets_from_systemd_it_says_so(world, files):
    r = world.run([PROCSRV, '-t', f'tls:{files}'])
    assert r.status == 1 and 'systemd' in r.err and 'port=' in r.err


# ---- whom it lets in --------------------------------------------------------------------


def monitors(box):
    """Those of the listener itself: what a monitor forks has its name until it is another program."""
    named = (pid for pid, what in box.children().items() if 'procsrv-monitor' in str(what))
    return [pid for pid in named if (clean.status(pid) or {}).get('PPid') == str(box.pid)]


def admitted(box, number):
    """So many connections have a monitor each."""
    return not clean.eventually(lambda: len(monitors(box)) != number)


def test_the_fourth_unproven_connection_of_an_address_is_closed(box):
    waiting = [connect(box.port) for _ in range(3)]
    with connect(box.port) as fourth:
        assert refused(fourth)
    assert box.await_audit(result='dropped')[0]['why'] == 'too-many-unproven-from-there'
    waiting.append(connect(box.port, source='127.0.0.2'))
    assert admitted(box, 4)
    for s in waiting:
        s.close()
    assert not box.quiet()
    with connect(box.port):
        assert admitted(box, 1)


def test_an_address_whose_monitor_dies_is_kept_out(box):
    with connect(box.port) as s:
        assert admitted(box, 1)
        os.kill(monitors(box)[0], signal.SIGKILL)
        while s.recv(64):
            pass
    assert not box.quiet()
    with connect(box.port) as s:
        assert refused(s)
    assert box.await_audit(result='dropped')[0]['why'] == 'penalty'
    with connect(box.port, source='127.0.0.2'):
        assert admitted(box, 1)


@pytest.mark.once
def test_a_crowd_that_says_next_to_nothing_keeps_nobody_out_and_is_closed(box, hdb):
    crowd = [connect(box.port, source=f'127.1.{i // 100}.{i % 100 + 1}') for i in range(1000 if harness.STRESS else 60)]
    for s in crowd[::2]:
        try:
            s.send(b'\x16')  # a TLS record, a byte at a time
        except OSError:
            pass
    assert len(monitors(box)) <= 100
    assert any(hdb('-ps', 'procsrv', box=box).status == 0 for _ in range(50))
    for s in crowd:
        s.settimeout(harness.PATIENCE)
        try:
            while harness.STRESS and s.recv(64):  # for its handshake it has ten seconds
                pass
        except ConnectionResetError:
            pass
        s.close()
    assert not box.quiet()
    assert rss(box.pid) <= 16 * 1024


def test_without_descriptors_it_waits_and_goes_on(box):
    before = resource.prlimit(box.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(box.pid, resource.RLIMIT_NOFILE, (len(os.listdir(f'/proc/{box.pid}/fd')), before[1]))
    with connect(box.port) as s:
        assert not clean.eventually(lambda: 'Too many open files' not in box.text()), box.text()
        resource.prlimit(box.pid, resource.RLIMIT_NOFILE, before)
        assert admitted(box, 1)
        s.sendall(b'GET / HTTP/1.0\r\n\r\n')
        s.recv(64)
    assert not box.quiet()


def test_it_keeps_nothing_of_connections_that_are_gone(box):
    def descriptors():
        return len(os.listdir(f'/proc/{box.pid}/fd'))
    before = descriptors()
    for _ in range(30):
        with connect(box.port) as s:
            s.sendall(b'\n')
            s.settimeout(harness.PATIENCE)
            refused(s)
    assert not box.quiet()
    assert not clean.eventually(lambda: descriptors() != before)


def test_the_listener_holds_no_connection(box):
    with connect(box.port):
        assert admitted(box, 1)
        links = [os.readlink(f'/proc/{box.pid}/fd/{fd}') for fd in os.listdir(f'/proc/{box.pid}/fd')]
        tcp = {line.split()[9] for line in open('/proc/net/tcp') if line.split()[3] == '01'}
        assert not [link for link in links if link.startswith('socket:[') and link[8:-1] in tcp]


def records(environment):
    home = '/run/procsrv' if harness.ROOT else os.path.join(environment['XDG_RUNTIME_DIR'], 'procsrv')
    return os.listdir(home)


def test_what_stays_is_the_listener_alone_and_its_record_goes_with_it(world, files, environment):
    listener = Listener(world, '-t', f'tls:port=0,bind=127.0.0.1,{files}', env=environment)
    pid = listener.process.pid
    assert os.path.basename(os.readlink(f'/proc/{pid}/exe')) == 'procsrv-listener'
    assert f'listener.{pid}' in records(environment)
    assert listener.end() == 0
    assert f'listener.{pid}' not in records(environment)


def test_the_record_of_a_listener_that_was_killed_goes_with_the_next_start(world, files, environment):
    transport = f'tls:port=0,bind=127.0.0.1,{files}'
    first = Listener(world, '-t', transport, env=environment)
    assert f'listener.{first.process.pid}' in records(environment)
    # The sweep that it began itself may still be under way and take the record at once.
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = Listener(world, '-t', transport, env=environment)
    assert not clean.eventually(lambda: f'listener.{first.process.pid}' in records(environment))
    assert f'listener.{second.process.pid}' in records(environment)
    assert second.end() == 0


@pytest.mark.parametrize('program', ['procsrv-listener', 'procsrv-admin'])
def test_a_private_program_started_by_hand_says_whose_it_is(world, program):
    base = harness.PREFIX if harness.ROOT and harness.PREFIX else harness.BUILD
    r = world.run([os.path.join(base, 'libexec', 'procsrv', program), '-t'])
    assert r.status == 2 and 'procsrv -help' in r.err


def test_json_stays_json_whatever_the_map_is_called(world, environment):
    directory = world.path('a "b\\ c')
    os.mkdir(directory)
    path = os.path.join(directory, 'map')
    with open(path, 'w') as f:
        f.write(f'{world.keys["alice"].fingerprint} user={harness.ALICE}\n')
    listener = Listener(world, '-t', f'tls:port=0,bind=127.0.0.1,key={world.keys["box"].path},map={path}',
                        env=environment)
    text = world.run([PROCSRV, '-status', '-json'], env=environment).out
    assert '"b' in [one for one in json.loads(text)['listeners'] if one['pid'] == listener.process.pid][0]['map']
    assert listener.end() == 0


# ---- sessions ---------------------------------------------------------------------------


def environment_of(box):
    """What -status and -release need to look where this box's sessions are."""
    return {'XDG_RUNTIME_DIR': os.path.join(box.dir, 'run')}


@pytest.fixture
def attached(world, hdb, debuggee):
    """attached(BOX): an hdb that holds a program of its own, and the program."""
    def attach(box):
        program = debuggee('sleepers', 2)
        front = world.hdb_start('-p', str(program.pid), box=box)
        assert not clean.eventually(lambda: clean.status(program.pid)['TracerPid'] == '0', 30), box.text()
        return front, program
    return attach


def tracer(program):
    return clean.status(program.pid)['TracerPid']


def terminate(box):
    """The exit status; unlike box.stop() with sessions open."""
    box.stopped = True
    box.process.terminate()
    box.process.stdout.close()
    box.log.close()
    return box.process.wait(harness.PATIENCE)


def test_sigterm_releases_every_session_and_ends_with_0(box, attached):
    held = [attached(box), attached(box)]
    assert terminate(box) == 0
    for front, program in held:
        assert tracer(program) == '0' and not program.faults()
    assert not box.sessions()


def test_sigterm_leaves_the_sessions_of_another_listener_alone(boxes, attached):
    one, other = boxes(), boxes()
    _, program = attached(other)
    assert terminate(one) == 0
    assert tracer(program) != '0'


def test_status_and_release_find_the_sessions(world, box, attached):
    front, program = attached(box)
    where = environment_of(box)
    text = world.run([PROCSRV, '-status', '-json'], env=where).out
    session, = json.loads(text)['sessions']
    assert (session['key'], session['user']) == ('alice@test', harness.ALICE)
    assert session['fingerprint'] == world.keys['alice'].fingerprint and session['from'].startswith('127.0.0.1')
    assert session['targets'] == [program.pid]
    words = world.run([PROCSRV, '-status'], env=where).out
    assert f'debugs {program.pid} (sleepers)' in words
    assert f'alice@test as {harness.ALICE}' in words
    assert session['pid'] in clean.descendants(box.pid)
    assert world.run([PROCSRV, '-release'], env=where).status == 0
    assert tracer(program) == '0' and not program.faults()
    assert not box.quiet()


def test_a_listener_that_is_killed_takes_no_session_with_it(world, box, attached):
    front, program = attached(box)
    box.stopped = True
    box.process.kill()
    box.process.wait()
    box.process.stdout.close()
    assert tracer(program) != '0'
    front.stdin.write('info threads\ndetach\nquit\n')
    front.stdin.flush()
    out, err = front.communicate(timeout=harness.PATIENCE)
    assert str(program.pid) in out, err
    assert not clean.eventually(lambda: tracer(program) != '0')
    # Nobody was there to see the end of the guard.
    assert world.run([PROCSRV, '-release'], env=environment_of(box)).status == 0
    assert not box.sessions()
    box.log.close()
