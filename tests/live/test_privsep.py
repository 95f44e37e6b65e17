# SPDX-License-Identifier: BSD-2-Clause
"""A conn that was taken over: tests/privsep/lying-conn stands in its place below a private libexec
directory and does what it likes to the real procsrv-monitor. It must win nothing."""

import fcntl
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import clean
import grants
import harness
import proofs
from deaths import times

SETUP, KEYS, GO, SIGN, SIGNATURE, PROOF, PROVEN, OPEN, OPENED, ENDED, SESSION, AUDIT = range(1, 13)
GRANT = 24
TYPES = range(0, 16)
VERSION = 1
SANITIZED = 'san' in os.path.basename(harness.BUILD)
# KiB, whatever it is sent; what the sanitizers note of each allocation counts, too.
GROWS = 4096 if SANITIZED else 2048
SIZES = {SIGN: 32, PROOF: 296, OPEN: 24, ENDED: 128}
E_OK, E_NO_KEY, E_BAD_PROOF, E_NO_USER, E_MODE, E_GRANT = 0, 21, 22, 23, 27, 33
DONE, REFUSED, BAD_PROOF, CRASH = 0, 10, 11, 13
CONFIG = 78
EXTREMES = [0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]


def libexec():
    base = harness.PREFIX if harness.ROOT and harness.PREFIX else harness.BUILD
    return os.path.join(base, 'libexec', 'procsrv')


def memory(pid):
    """Peak of resident memory, KiB; 0 when it is gone."""
    try:
        with open(f'/proc/{pid}/status') as f:
            return next((int(line.split()[1]) for line in f if line.startswith('VmHWM')), 0)
    except (OSError, ValueError):
        return 0


def private_programs(directory):
    """A libexec directory with the lying conn in conn's place."""
    private = os.path.join(directory, 'libexec')
    shutil.copytree(libexec(), private)
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'lying-conn'), os.path.join(private, 'procsrv-conn'))
    os.chmod(os.path.join(private, 'procsrv-conn'), 0o755)
    return private


def among(private, argv):
    """The command, which finds those programs: root looks at the compiled-in place only."""
    if not harness.ROOT:
        return argv
    return ['unshare', '-m', 'sh', '-c', 'mount --bind "$1" "$2" && shift 2 && exec "$@"', 'sh', private, libexec(),
            *argv]


class Monitor:
    """A real procsrv-monitor with a lying conn, and the wire to tell that what to do."""

    def __init__(self, world, rows=None):
        self.dir = world.path('m%d' % len(os.listdir(world.dir)))
        os.makedirs(os.path.join(self.dir, 'run'), mode=0o700)
        os.chmod(self.dir, 0o755)
        self.keys = world.keys
        self.map = os.path.join(self.dir, 'authorized_keys')
        rows = rows or [f'{world.keys["alice"].fingerprint} user={harness.ALICE} # alice@test']
        with open(self.map, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write('\n'.join(rows) + '\n')
        private = private_programs(self.dir)
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(20)
        self.file = self.ours.makefile('r')
        self.log_path = os.path.join(self.dir, 'log')
        self.runtime = '/run/procsrv' if harness.ROOT else os.path.join(self.dir, 'run', 'procsrv')
        self.process = self.start(private, theirs)
        theirs.close()
        self.pid = self.process.pid
        self.peak = 0
        self.before = None
        self.sampler = threading.Thread(target=self.sample)
        self.sampler.start()

    def start(self, private, theirs):
        monitor = os.path.join(libexec() if harness.ROOT else private, 'procsrv-monitor')
        argv = among(private, [monitor, '-key', self.keys['box'].path, '-map', self.map])
        with open(self.log_path, 'wb') as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                                    env=dict(os.environ, XDG_RUNTIME_DIR=os.path.join(self.dir, 'run')),
                                    preexec_fn=lambda: (os.dup2(theirs.fileno(), 5), os.closerange(6, 256),
                                                        os.closerange(3, 5)))

    def sample(self):
        while self.process.returncode is None:
            now = memory(self.pid)
            if self.before is not None:
                self.peak = max(self.peak, now)
            time.sleep(0.0005)

    def say(self, *words):
        """One order to the lying conn, and its answer as words; none when it was killed over it."""
        try:
            self.ours.sendall((' '.join(map(str, words)) + '\n').encode())
            return self.file.readline().split()
        except (BrokenPipeError, ConnectionResetError):
            return []

    def setup(self):
        words = self.say('setup')
        assert words[0] == 'setup', words
        self.nonce = bytes.fromhex(words[2])
        self.before = self.peak = memory(self.pid)
        return self

    def ask(self, type, body=b''):
        """A well-formed message and its answer's body; None when there is none."""
        self.say('message', type, body.hex())
        words = self.say('answer')
        return bytes.fromhex(words[2]) if words and words[0] == 'answer' else None

    def text(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def descendants(self):
        return clean.descendants(self.pid)

    def sessions(self):
        try:
            return os.listdir(os.path.join(self.runtime, 's'))
        except FileNotFoundError:
            return []

    def close(self):
        self.file.close()
        self.ours.close()

    def sweep(self):
        """What a listener does when a guard has ended: remove the directory, once its lock is free."""
        for name in self.sessions():
            path = os.path.join(self.runtime, 's', name)
            with open(os.path.join(path, 'record')) as f:
                fcntl.flock(f, fcntl.LOCK_EX)
            shutil.rmtree(path)

    def end(self, *expected):
        """Its exit status, once it has ended by itself; nothing may be left, nor have grown."""
        status = self.process.wait(40)
        self.sampler.join()
        self.close()
        assert status in expected, f'exit status {status}, expected {expected}\n{self.text()}'
        assert not any(d in self.text() for d in harness.DAMAGE), self.text()
        assert self.before is None or self.peak - self.before < GROWS, (self.before, self.peak)
        assert not clean.eventually(self.sessions), self.sessions()
        return status


def proof(m, key, server=None, user='', signed_user=None, nonce=None, mode=0, session=bytes(16), sign_with=None):
    """struct ipc_proof."""
    sig = proofs.signature(sign_with or key, server or m.keys['box'], nonce or m.nonce,
                           user if signed_user is None else signed_user, mode, session)
    return (struct.pack('<QQHBB', 0, 0, 1, mode, len(user)) + user.encode().ljust(32, b'\0') + proofs.point(key) +
            sig + session + bytes(32) + b'\0')


def verdict(body):
    return struct.unpack('<I', body)[0] if body is not None else None


@pytest.fixture
def monitor(world):
    started = []

    def start(**how):
        started.append(Monitor(world, **how))
        return started[-1]
    yield start
    for m in started:
        if m.process.poll() is None:
            m.process.kill()
            m.process.wait()
        m.sampler.join()
        m.close()


def packet(type, size, version=VERSION, body=b''):
    return (struct.pack('<HHI', version, type, size) + body).hex()


def test_every_message_that_is_not_its_turn_ends_conn(monitor):
    for type in TYPES:
        if type in (SIGN, ENDED):
            continue
        m = monitor().setup()
        assert m.ask(type) is None, type
        m.end(CRASH)
        assert m.text().count('event=crash') == 1, m.text()
        assert 'event=open' not in m.text()


def test_one_signature_and_no_more(monitor):
    m = monitor().setup()
    answer = m.ask(SIGN, bytes(range(32)))
    assert verdict(answer[:4]) == E_OK and any(answer[4:68])
    assert m.ask(SIGN, bytes(range(1, 33))) is None
    m.end(CRASH)


def test_a_second_signature_cannot_be_had_by_asking_twice_at_once(monitor):
    m = monitor().setup()
    m.say('message', SIGN, '01')
    m.say('message', SIGN, '02')
    answers = [m.say('answer') for _ in range(3)]
    assert sum(a[:2] == ['answer', str(SIGNATURE)] for a in answers) <= 1, answers
    m.end(CRASH)


def test_every_message_out_of_turn_after_the_signature_ends_conn(monitor):
    for type in TYPES:
        if type in (PROOF, ENDED):
            continue
        m = monitor().setup()
        m.ask(SIGN)
        assert m.ask(type) is None, type
        m.end(CRASH)


def test_a_proof_of_zeros_wins_nothing_and_opens_nothing(monitor):
    m = monitor().setup()
    m.ask(SIGN)
    assert verdict(m.ask(PROOF)) in (E_NO_KEY, E_BAD_PROOF)
    assert m.ask(OPEN) is None
    m.end(CRASH)
    assert 'event=open' not in m.text()


@pytest.mark.parametrize('wrong', ['nonce', 'server', 'user', 'key', 'mode'])
def test_a_proof_made_for_something_else_is_refused(monitor, wrong):
    m = monitor().setup()
    m.ask(SIGN)
    alice, bob = m.keys['alice'], m.keys['bob']
    body = {
        'nonce': lambda: proof(m, alice, nonce=bytes(32)),
        'server': lambda: proof(m, alice, server=bob),
        'user': lambda: proof(m, alice, user='root', signed_user=''),
        'key': lambda: proof(m, alice, sign_with=bob),
        'mode': lambda: bytearray(proof(m, alice, mode=1)),
    }[wrong]()
    if wrong == 'mode':  # signed readonly, sent as normal
        body[18] = 0
    assert verdict(m.ask(PROOF, bytes(body))) == E_BAD_PROOF
    m.say('message', ENDED)
    m.process.send_signal(0)
    m.ours.shutdown(socket.SHUT_RDWR)
    m.end(BAD_PROOF)
    assert m.text().count('event=refused') == 1, m.text()


def test_a_proof_is_not_taken_a_second_time(monitor):
    first = monitor().setup()
    body = proof(first, first.keys['alice'])
    first.ask(SIGN)
    assert verdict(first.ask(PROOF, body)) == E_OK
    first.ours.shutdown(socket.SHUT_RDWR)
    first.end(DONE)
    again = monitor().setup()
    again.ask(SIGN)
    assert verdict(again.ask(PROOF, body)) == E_BAD_PROOF
    again.ours.shutdown(socket.SHUT_RDWR)
    again.end(BAD_PROOF)


def test_a_grant_comes_once_and_between_signature_and_proof(monitor):
    early = monitor().setup()
    assert early.ask(GRANT) is None
    early.end(CRASH)
    twice = monitor().setup()
    twice.ask(SIGN)
    twice.say('message', GRANT)
    assert twice.ask(GRANT) is None
    twice.end(CRASH)
    late = monitor().setup()
    late.ask(SIGN)
    assert verdict(late.ask(PROOF, proof(late, late.keys['alice']))) == E_OK
    assert late.ask(GRANT) is None
    late.end(CRASH)


@pytest.mark.parametrize('what', ['zeros', 'of another key', 'genuine', 'genuine, with a wrong proof'])
def test_a_grant_that_conn_shows_counts_for_the_key_that_is_proven_alone(monitor, keys, what):
    alice, bob, stranger = keys['alice'], keys['bob'], keys['stranger']
    m = monitor(rows=[f'ca {bob.fingerprint} user={harness.ALICE}']).setup()
    m.ask(SIGN)
    m.say('message', GRANT, '' if what == 'zeros' else grants.record(stranger if 'another' in what else alice, bob).hex())
    body = proof(m, alice, sign_with=stranger if 'wrong' in what else None)[:-1] + b'\1'
    answer = verdict(m.ask(PROOF, body))
    assert answer == {'genuine': E_OK, 'genuine, with a wrong proof': E_BAD_PROOF}.get(what, E_GRANT)
    if answer != E_OK:
        assert m.ask(OPEN) is None
        m.end(CRASH)
    else:
        m.ours.shutdown(socket.SHUT_RDWR)
        m.end(DONE)


def test_a_key_that_is_not_in_the_map_is_refused_whatever_tls_said(monitor):
    m = monitor().setup()
    m.ask(SIGN)
    assert verdict(m.ask(PROOF, proof(m, m.keys['stranger']))) == E_NO_KEY
    m.ours.shutdown(socket.SHUT_RDWR)
    m.end(REFUSED)


def test_a_user_outside_the_row_is_refused_with_a_valid_proof(monitor):
    m = monitor().setup()
    m.ask(SIGN)
    assert verdict(m.ask(PROOF, proof(m, m.keys['alice'], user='root'))) == E_OK
    assert verdict(m.ask(OPEN)[:4]) == E_NO_USER
    m.ours.shutdown(socket.SHUT_RDWR)
    m.end(REFUSED)


def test_frames_in_the_channel_before_the_proof_end_conn(monitor):
    m = monitor().setup()
    m.ask(SIGN)
    assert m.say('channel', 64) == ['sent']
    assert m.ask(PROOF, proof(m, m.keys['alice'])) is None
    m.end(CRASH)
    assert 'event=open' not in m.text()


@pytest.mark.once
def test_nothing_starts_before_the_first_frame_and_then_as_the_mapped_user(monitor):
    m = monitor().setup()
    m.ask(SIGN)
    assert verdict(m.ask(PROOF, proof(m, m.keys['alice']))) == E_OK
    assert verdict(m.ask(OPEN)[:4]) == E_OK
    assert len(m.descendants()) == 1, 'conn alone'
    assert m.say('channel', 4) == ['sent']
    late = clean.eventually(lambda: len(m.descendants()) < 3)
    assert not late, m.text()
    uid = {pid: clean.status(pid)['Uid'].split() for pid in m.descendants()}
    if harness.ROOT:
        import pwd
        conn = str(pwd.getpwnam('procsrv-conn').pw_uid)
        alice = str(pwd.getpwnam('alice').pw_uid)
        assert sorted(map(tuple, uid.values())) == sorted([(conn,) * 4, (alice,) * 4, (alice,) * 4])
    m.ours.shutdown(socket.SHUT_RDWR)
    m.process.wait(40)
    m.sweep()
    m.end(DONE)


@pytest.mark.parametrize('type', [PROOF, OPEN, SIGN])
def test_everything_after_opened_but_the_end_ends_conn(monitor, type):
    m = monitor().setup()
    m.ask(SIGN)
    m.ask(PROOF, proof(m, m.keys['alice']))
    assert verdict(m.ask(OPEN)[:4]) == E_OK
    assert m.ask(type) is None
    m.end(CRASH)


def test_a_descriptor_sent_along_ends_conn(monitor):
    for type in (SIGN, ENDED):
        m = monitor().setup()
        m.say('descriptor', type)
        m.end(CRASH)


def test_packets_of_any_wrong_size_end_conn(monitor):
    for type in (SIGN, ENDED):
        n = SIZES[type]
        for size, sent in [(n - 1, n - 1), (n + 1, n + 1), (0, 0), (n, n - 1), (n, n + 1), (n, 60000)] + [
                (extreme, n) for extreme in EXTREMES]:
            m = monitor().setup()
            m.say('packet', packet(type, size), sent)
            m.end(CRASH)


def test_lengths_inside_a_message_are_not_believed(monitor):
    for length in (33, 127, 255):
        m = monitor().setup()
        m.ask(SIGN)
        body = bytearray(proof(m, m.keys['alice']))
        body[19] = length
        assert verdict(m.ask(PROOF, bytes(body))) == E_BAD_PROOF
        m.ours.shutdown(socket.SHUT_RDWR)
        m.end(BAD_PROOF)
    for length in EXTREMES:  # of what a stranger said, in conn's last words
        m = monitor().setup()
        body = bytearray(SIZES[ENDED])
        struct.pack_into('<I', body, 0, 5)
        struct.pack_into('<I', body, 24, length)
        m.say('message', ENDED, body.hex())
        m.ours.shutdown(socket.SHUT_RDWR)
        m.end(REFUSED)


def test_another_version_of_the_pipe_ends_conn(monitor):
    for version in (0, 2, 65535):
        m = monitor().setup()
        m.say('packet', packet(SIGN, 32, version), 32)
        m.end(CRASH)


def test_random_packets_win_nothing(monitor):
    seed = random.SystemRandom().randrange(2**31)
    for i in range(40):
        m = monitor().setup()
        m.say('random', seed + i, 200)
        status = m.end(CRASH, REFUSED, BAD_PROOF)
        assert 'event=open' not in m.text(), (seed + i, status, m.text())


def test_no_random_sequence_wins_anything(world, keys):
    """Every message in every phase up to the proof, mostly in its turn and mostly well-formed; a monitor for each, as
    many as SECURITY asks for in make torture (tests/privsep/lying-batch.c says when one counts as won over)."""
    n, seed = times(40 if SANITIZED else 200, 10**6), random.SystemRandom().randrange(2**31)
    private, table = private_programs(world.dir), world.path('authorized_keys')
    with open(table, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE} # alice@test\n')
    monitor = os.path.join(libexec() if harness.ROOT else private, 'procsrv-monitor')
    os.mkdir(world.path('run'), mode=0o700)
    r = world.run(among(private, [os.path.join(harness.BUILD, 'tests', 'lying-batch'), str(n), str(seed),
                                  str(os.cpu_count()), monitor, '-key', keys['box'].path, '-map', table]),
                  env={'XDG_RUNTIME_DIR': world.path('run')}, timeout=harness.PATIENCE + n * 0.2)
    assert r.status == 0, r
    seen = dict(zip(r.out.split()[::2], map(int, r.out.split()[1::2])))
    assert seen['crash'] + seen['refused'] + seen['bad_proof'] == n and seen['signatures'] > n // 4, r
    assert seen['grew'] < GROWS, r
    print(f'sequences of a lying conn: {n} injected, {n} survived')


@pytest.mark.parametrize('opens', [False, True])
def test_no_random_sequence_of_who_has_proven_a_key_wins_more_than_it_gives(monitor, opens):
    seed, n = random.SystemRandom().randrange(2**31), times(6, 1000)
    for i in range(n):
        m = monitor().setup()
        m.ask(SIGN)
        assert verdict(m.ask(PROOF, proof(m, m.keys['alice']))) == E_OK
        if opens:
            assert verdict(m.ask(OPEN)[:4]) == E_OK
        m.say('steps', seed + i)
        m.ours.shutdown(socket.SHUT_RDWR)
        m.end(CRASH, DONE, REFUSED)
        assert m.text().count('event=open') <= 1, (seed + i, m.text())
    print(f'sequences of a lying conn with a key, {opens}: {n} injected, {n} survived')


def test_last_words_cannot_forge_a_line_of_the_record(monitor):
    m = monitor().setup()
    body = bytearray(SIZES[ENDED])
    lie = b'x"\nevent=open key=root'
    struct.pack_into('<I', body, 0, 5)
    struct.pack_into('<I', body, 24, len(lie))
    body[28:28 + len(lie)] = lie
    m.say('message', ENDED, body.hex())
    m.ours.shutdown(socket.SHUT_RDWR)
    m.end(REFUSED)
    lines = [line for line in m.text().splitlines() if 'event=' in line]
    assert len(lines) == 1 and '\nevent=open' not in m.text(), m.text()
    assert lines[0].count('"') == 2


def test_a_conn_that_is_killed_counts_as_a_crash(monitor):
    m = monitor().setup()
    child, = m.descendants()
    os.kill(child, signal.SIGKILL)
    m.end(CRASH)
