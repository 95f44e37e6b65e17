# SPDX-License-Identifier: BSD-2-Clause
"""What conn makes of a client that has a key: wrong proofs, rows that say no, frames out of turn, too long, too
many. The client is Python's TLS and the wire's table, not hdb."""

import base64
import os
import select
import socket
import ssl
import struct
import time

import pytest

import clean
import harness
import proofs
import wire
from tracer import go_on, hold_up

ACCESS_DENIED = 'access denied'
EXTREMES = [0, 1, 65537, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]


class Link(wire.Link):
    """wire.Link over TLS instead of a child's pipes; proves its key unless told otherwise."""

    def __init__(self, box, key, start=True, user='', mode=0, nonce=None, server=None, sign_with=None, alter=None,
                 session=bytes(16), timeout=20, credit=64 << 20):
        self.credit = credit
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(['procsrv/1'])
        context.load_cert_chain(key.path)
        self.socket = context.wrap_socket(socket.create_connection((box.address, box.port), 10))
        self.socket.setblocking(False)
        self.timeout, self.inbuf, self.next_id, self.next_target = timeout, b'', 1, 1
        self.parts, self.replies, self.events, self.acks = {}, {}, [], 0
        self.goodbye, self.pieces, self.auto_ack, self.owed, self.hello = None, 0, True, 0, None
        self.box, self.key = box, key
        assert self.take() == 'hello'
        self.nonce = self._challenge()
        if start:
            self.greet()
            self.prove(user, mode, nonce, server, sign_with, alter, session)
            self.opened = self.do('open')

    def _challenge(self):
        number, _, _, _, _, body = self._message(time.monotonic() + self.timeout)
        assert wire.BY_NUMBER[number] == 'challenge'
        return wire.decode('challenge', body)['nonce']

    def greet(self):
        self.send('hello', kind=wire.ENUM['PEER_HOST'], version_min=1, version_max=1, credit_bytes=self.credit)

    def prove(self, user='', mode=0, nonce=None, server=None, sign_with=None, alter=None, session=bytes(16)):
        fields = dict(proof_version=1, point=proofs.point(self.key), user=user, mode=mode, session=session,
                      sig=proofs.signature(sign_with or self.key, server or self.box.key, nonce or self.nonce, user,
                                           mode, session))
        fields.update(alter or {})
        self.send('proof', **fields)

    def raw(self, data):
        end = time.monotonic() + self.timeout
        while data:
            try:
                data = data[self.socket.send(data):]
            except ssl.SSLWantWriteError:
                assert select.select([], [self.socket], [], end - time.monotonic())[1], 'it takes nothing'
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [], 1)

    def _message(self, block_until):
        while True:
            if len(self.inbuf) >= wire.HEAD.size:
                n, number, flags, target, piece, _, id = wire.HEAD.unpack_from(self.inbuf)
                if len(self.inbuf) >= wire.HEAD.size + n:
                    body = self.inbuf[wire.HEAD.size:wire.HEAD.size + n]
                    self.inbuf = self.inbuf[wire.HEAD.size + n:]
                    return number, flags, target, piece, id, body
            try:
                data = self.socket.recv(1 << 16)
            except ssl.SSLWantReadError:
                if not select.select([self.socket], [], [], max(0, block_until - time.monotonic()))[0]:
                    return None
                continue
            if not data:
                raise wire.Closed(self.goodbye)
            self.inbuf += data

    def ending(self):
        """Read to the end of the link: its goodbye's error, or the words of the alert."""
        end = time.monotonic() + self.timeout
        try:
            while time.monotonic() < end:
                self.take(end - time.monotonic())
            raise AssertionError('the link is still open')
        except wire.Closed as e:
            return wire.ERRORS[e.goodbye['code']] if e.goodbye else 'closed'
        except ssl.SSLError as e:
            return str(e)
        except ConnectionError:
            return 'reset'

    def close(self):
        self.socket.close()


@pytest.fixture
def link(box, keys):
    """link(…): a client of the box, with alice's key unless another is named."""
    made = []

    def make(of=None, key='alice', **how):
        made.append(Link(of or box, keys[key], **how))
        return made[-1]
    yield make
    for made_one in made:
        made_one.close()


def roles(box):
    """Names of the processes below the box."""
    found = []
    for pid in box.children():
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                found.append(f.read().split(b'\0')[0].decode().rsplit('/', 1)[-1].split(':')[0])
        except OSError:
            pass
    return found


def pid_of(box, role):
    for pid in box.children():
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            if role.encode() in f.read():
                return pid
    raise AssertionError(f'no {role} below {box.pid}: {roles(box)}')


def test_a_proven_client_opens_a_session_and_is_told_who_it_is(link):
    opened = link().opened
    assert opened['user'].decode() == harness.ALICE
    assert any(opened['session']) and any(opened['secret']) and not opened['resumed']


@pytest.mark.parametrize('loss,answer', [('HOLD', 'POLICY'), ('KILL', 'POLICY'), (4, 'MALFORMED'), (255, 'MALFORMED')])
def test_a_session_promises_nothing_about_a_lost_link_that_is_not_kept(link, boxes, keys, loss, answer):
    box = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} grace=0 # alice@test'])
    c = link(of=box, start=False)
    c.greet()
    c.prove()
    with pytest.raises(wire.Error) as e:
        c.do('open', loss=wire.ENUM[f'LOSS_{loss}'] if isinstance(loss, str) else loss)
    assert e.value.name == answer
    assert box.await_audit(event='refused') and not box.audit(event='open')
    assert not box.quiet()


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


WRONG = {
    'another nonce': lambda keys: dict(nonce=bytes(32)),
    "another server's": lambda keys: dict(server=keys['bob']),
    "another key's signature": lambda keys: dict(sign_with=keys['stranger']),
    'another key': lambda keys: dict(sign_with=keys['stranger'], alter=dict(point=proofs.point(keys['stranger']))),
    'another user than signed': lambda keys: dict(alter=dict(user='root')),
    'another mode than signed': lambda keys: dict(alter=dict(mode=1)),
    'a signature of zeros': lambda keys: dict(alter=dict(sig=bytes(64))),
    'a point off the curve': lambda keys: dict(alter=dict(point=flipped(proofs.point(keys['alice']), 64))),
    'a compressed point': lambda keys: dict(alter=dict(point=b'\x02' + proofs.point(keys['alice'])[1:])),
    'an unknown version': lambda keys: dict(alter=dict(proof_version=2)),
    'a grant': lambda keys: dict(alter=dict(grant=b'x')),
    'a session that was not signed': lambda keys: dict(alter=dict(session=b'\1' * 16)),
}


@pytest.mark.parametrize('what', WRONG)
def test_a_wrong_proof_gets_access_denied_and_nothing_starts(link, box, keys, what):
    c = link(start=False)
    c.greet()
    c.prove(**WRONG[what](keys))
    c.send('open', id=1)
    c.send('ps', id=2)
    assert ACCESS_DENIED in c.ending()
    line, = box.await_audit(event='refused')
    assert line['result'] in ('BAD_PROOF', 'NO_KEY') and line['key'] == '-'
    assert not box.audit(event='open') and not box.quiet()


def test_a_proof_cannot_be_replayed(link, box):
    first = link()
    fields = dict(sig=proofs.signature(first.key, box.key, first.nonce))
    again = link(start=False)
    again.greet()
    again.prove(alter=fields)
    assert ACCESS_DENIED in again.ending()
    again.close()
    assert kept_out(box, others=1)


ROWS = {
    'another user': ('', dict(user='root'), 'NO_USER'),
    'expired': ('expires=2001-01-01', {}, 'EXPIRED'),
    'another address': ('from=192.0.2.0/24', {}, 'FROM'),
    'an unknown mode': ('', dict(mode=2), 'MODE'),
    'a session to resume': ('', dict(session=b'\1' * 16), 'NO_SESSION'),
}


@pytest.mark.parametrize('what', ROWS)
def test_a_row_that_says_no_is_named_in_the_answer_to_open(link, boxes, keys, what):
    words, how, error = ROWS[what]
    b = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} {words} # alice@test'])
    with pytest.raises(wire.Error) as e:
        link(of=b, **how)
    assert e.value.name == error
    line, = b.await_audit(event='refused')
    assert line['result'] == error and line['key'] == 'alice@test'
    assert not b.quiet()


def test_a_map_may_be_as_long_as_it_may(link, boxes, keys):
    rows = [f'SHA256:{base64.b64encode(i.to_bytes(32, "big")).decode().rstrip("=")} user={harness.ALICE}'
            for i in range(4095)]
    link(of=boxes(rows=rows + [f'{keys["alice"].fingerprint} user={harness.ALICE} grace=1s'])).do('ps', limit=1)


def test_more_sessions_than_the_row_allows_are_refused(link, boxes, keys):
    b = boxes(rows=[f'{keys["alice"].fingerprint} user={harness.ALICE} max-sessions=1 grace=1s # alice@test'])
    first = link(of=b)
    first.do('ps', limit=1)
    with pytest.raises(wire.Error) as e:
        link(of=b)
    assert e.value.name == 'SESSIONS'
    first.close()
    assert not b.quiet()
    link(of=b)


def test_readonly_mode_takes_the_right_to_stop(link):
    rights = link(mode=1).opened['rights']
    assert rights == 1 << wire.ENUM['R_NONE'] | 1 << wire.ENUM['R_LOOK']


def early(name):
    m = wire.MSGS[name]
    return wire.frame(m['number'], wire.encode(name), id=1 if m['kind'] == 'REQ' else 0)


def test_nothing_is_taken_before_hello(link, box):
    names = [n for n, m in wire.MSGS.items()
             if m['kind'] in ('LINK_H', 'LINK_B', 'REQ') and n not in ('hello', 'goodbye')]
    for n, name in enumerate(names):
        c = link(start=False)
        c.raw(early(name))
        assert 'alert' in c.ending(), name
        c.close()
        clean.eventually(lambda: len(box.audit(event='refused')) <= n)
    assert not box.quiet()
    assert len(box.audit(event='refused')) == len(names)


@pytest.mark.parametrize('name', ['open', 'ps', 'ack', 'cancel', 'hello'])
def test_nothing_is_taken_before_the_proof(link, box, name):
    c = link(start=False)
    c.greet()
    c.raw(early(name))
    assert 'alert' in c.ending()
    assert not box.audit(event='open')


def test_a_request_before_open_is_refused(link):
    c = link(start=False)
    c.greet()
    c.prove()
    c.send('ps', id=1)
    assert c.ending() in ('STATE', 'PROTOCOL')


BAD_FRAMES = {
    'a reply': dict(number=wire.MSGS['opened']['number'], body=wire.encode('opened', user=b''), id=9),
    'an event': dict(number=wire.MSGS['job_continued']['number'], body=b''),
    'an unknown message about the link': dict(number=200, body=b'', id=0),
    'hello again': dict(number=1, body=wire.encode('hello', kind=1)),
    'proof again': dict(number=3, body=wire.encode('proof')),
    'open again': dict(number=4, body=wire.encode('open'), id=9),
    'an unknown flag': dict(number=32, body=wire.encode('ps'), id=9, flags=2),
    'a request in pieces': dict(number=32, body=wire.encode('ps'), id=9, flags=1),
    'a request without an id': dict(number=32, body=wire.encode('ps'), id=0),
    'an id that is not new': dict(number=32, body=wire.encode('ps'), id=1),
    'a string longer than the body': dict(number=32, body=struct.pack('<HIB', 200, 0, 0), id=9),
    'bytes left over': dict(number=32, body=wire.encode('ps') + b'x', id=9),
    'a body too short': dict(number=32, body=b'', id=9),
}


@pytest.mark.parametrize('what', BAD_FRAMES)
def test_a_bad_frame_ends_the_link_with_a_reason(link, box, what):
    c = link()
    c.raw(wire.frame(**BAD_FRAMES[what]))
    assert c.ending() in ('PROTOCOL', 'MALFORMED', 'STATE')
    assert not box.quiet()


def test_a_length_that_cannot_be_ends_the_link_at_once(link, box):
    for length in EXTREMES:
        c = link()
        conn = pid_of(box, 'procsrv-conn')
        before = memory(conn)
        c.raw(wire.frame(wire.MSGS['ps']['number'], b'', id=9, length=length))
        assert c.ending() in ('TOO_BIG', 'MALFORMED'), length
        c.close()
        assert memory(conn) - before < 2048, length
        assert not box.quiet()


def memory(pid):
    try:
        with open(f'/proc/{pid}/status') as f:
            return next((int(line.split()[1]) for line in f if line.startswith('VmHWM')), 0)
    except (OSError, ValueError):
        return 0


def test_an_unknown_request_is_answered_and_the_link_goes_on(link):
    c = link()
    c.raw(wire.frame(220, b'whatever', id=2))
    with pytest.raises(wire.Error) as e:
        c.wait(2)
    assert e.value.name == 'UNKNOWN'
    c.next_id = 3
    c.do('ps', limit=1)


def test_heartbeats_are_answered_while_the_tracer_stands_still(link, box):
    c = link()
    c.do('ps', limit=1)
    tracer = pid_of(box, 'procsrv-tracer')
    hold_up(tracer)
    try:
        c.ask('ps', limit=1)
        for stamp in (1, 2**64 - 1):
            c.send('heartbeat', stamp=stamp)
            number, _, _, _, _, body = c._message(time.monotonic() + 10)
            assert wire.BY_NUMBER[number] == 'heartbeat_ack'
            assert wire.decode('heartbeat_ack', body)['stamp'] == stamp
    finally:
        go_on(tracer)
    c.wait(3)


def test_heartbeats_of_one_who_reads_nothing_take_no_memory(link, box):
    c = link()
    conn = pid_of(box, 'procsrv-conn')
    before = memory(conn)
    beats = wire.frame(wire.MSGS['heartbeat']['number'], wire.encode('heartbeat', stamp=1)) * 4096
    for _ in range((32 << 20) // len(beats)):  # more than the kernel keeps of the answers
        c.raw(beats)
    if 'san' not in os.path.basename(harness.BUILD):  # their quarantine says nothing of ours
        assert memory(conn) - before < 8 * 1024
    assert pid_of(box, 'procsrv-conn') == conn


def test_the_tracer_keeps_to_the_credit_in_the_hosts_hello(link, debuggee):
    d = debuggee('memory', 2)
    c = link(credit=100000)
    c.auto_ack = False
    c.do('attach', target=1, pid=d.pid, how=wire.ENUM['ATTACH_LOOK'])
    id = c.ask('mem_read', target=1, ranges=[{'addr': d.facts['noise'], 'len': 1 << 20}])
    c.settle(0.5)
    assert id not in c.replies and c.owed <= 100000 + 65536 + 28
    c.send('ack', credit_bytes=4 << 20)
    assert sum(chunk['len'] for chunk in c.wait(id)['chunks']) == 1 << 20


def test_requests_beyond_the_credit_end_the_link_and_take_no_memory(link, box):
    c = link()
    c.do('ps', limit=1)
    tracer, conn = pid_of(box, 'procsrv-tracer'), pid_of(box, 'procsrv-conn')
    before = memory(conn)
    hold_up(tracer)
    body = wire.encode('mem_read', ranges=[dict(space=0, addr=i, len=1) for i in range(2900)])
    try:
        for _ in range(60):
            c.raw(wire.frame(wire.MSGS['mem_read']['number'], body, id=c.next_id, target=1))
            c.next_id += 1
    except (ConnectionError, ssl.SSLError):
        pass
    peak = memory(conn) or before
    try:
        assert c.ending() in ('PROTOCOL', 'reset')
    finally:
        go_on(tracer)
    assert peak - before < 3 * 1024, (before, peak)


def test_more_requests_than_credit_end_the_link(link, box):
    c = link()
    c.do('ps', limit=1)
    tracer = pid_of(box, 'procsrv-tracer')
    hold_up(tracer)
    try:
        for _ in range(65):
            c.ask('ps', limit=1)
        assert c.ending() == 'PROTOCOL'
    finally:
        go_on(tracer)


def test_a_client_that_sends_byte_by_byte_is_served(link):
    c = link(start=False)
    c.send_whole, c.raw_whole = c.send, c.raw

    def slowly(data):
        for i in range(len(data)):
            c.raw_whole(data[i:i + 1])
    c.raw = slowly
    c.greet()
    c.prove()
    c.do('open')
    c.do('ps', limit=1)


def test_goodbye_is_answered(link, box):
    c = link()
    c.do('ps', limit=1)
    c.send('goodbye')
    assert c.ending() == 'OK'
    assert box.await_audit(event='close')[0]['result'] == 'OK'
    assert not box.quiet()


@pytest.mark.once
@pytest.mark.parametrize('greets', [False, True])
def test_one_who_proves_nothing_is_closed_after_a_while(link, box, greets):
    c = link(start=False)
    if greets:
        c.greet()
    assert ACCESS_DENIED in c.ending()
    assert box.await_audit(event='refused')[0]['result'] == 'TIMEOUT'


def kept_out(box, others=0):
    """Once the monitor is buried, who comes from there is closed for a penalty; others: monitors that live."""
    assert not clean.eventually(lambda: len([r for r in box.children().values() if 'monitor' in r]) > others)
    with socket.create_connection(('127.0.0.1', box.port), 10) as s:
        s.settimeout(20)
        try:
            assert s.recv(1) == b''
        except ConnectionResetError:
            pass
    return [a for a in box.await_audit(result='dropped') if a['why'] == 'penalty']


@pytest.mark.once
def test_one_who_says_nothing_is_closed_after_a_while_and_kept_out_for_another(box):
    with socket.create_connection(('127.0.0.1', box.port), 10) as s:
        s.settimeout(20)
        assert s.recv(1) == b''
    assert box.await_audit(event='refused')[0]['result'] == 'TIMEOUT'
    assert kept_out(box)


def test_only_what_a_target_depends_on_is_kept_from_the_oom_killer(link, box):
    try:
        with open(f'/proc/{box.pid}/oom_score_adj', 'w') as f:
            f.write('-900')
    except PermissionError:
        pytest.skip('needs CAP_SYS_RESOURCE')
    link().do('ps', limit=1)
    scores = {role: clean.read(f'/proc/{pid_of(box, "procsrv-" + role)}/oom_score_adj').strip()
              for role in ('conn', 'guard', 'tracer')}
    assert scores == {'conn': '0', 'guard': '-900', 'tracer': '-900'}


def test_nothing_runs_as_the_mapped_user_before_the_first_request(link, box):
    c = link()
    assert not any('guard' in r or 'tracer' in r for r in roles(box)), roles(box)
    c.do('ps', limit=1)
    assert any('tracer' in r for r in roles(box)), roles(box)


@pytest.mark.root
def test_each_role_runs_as_who_it_should(link, box):
    import pwd
    c = link()
    c.do('ps', limit=1)
    uid = {role: clean.status(pid_of(box, role)) for role in ('procsrv-monitor', 'procsrv-conn', 'procsrv-tracer')}
    want = {'procsrv-monitor': 0, 'procsrv-conn': pwd.getpwnam('procsrv-conn').pw_uid,
            'procsrv-tracer': pwd.getpwnam('alice').pw_uid}
    for role, status in uid.items():
        assert status['Uid'].split() == [str(want[role])] * 4, role
        assert status['Gid'].split() == [str(want[role])] * 4, role
        if want[role]:
            assert int(status['CapEff'], 16) == int(status['CapPrm'], 16) == int(status['CapAmb'], 16) == 0, role
    conn = uid['procsrv-conn']
    assert conn['NoNewPrivs'] == '1' and int(conn['CapBnd'], 16) in (0, 1 << 18)
    assert uid['procsrv-tracer']['NoNewPrivs'] == '0' and uid['procsrv-tracer']['Seccomp'] == '0'
    assert os.listdir(f'/proc/{pid_of(box, "procsrv-conn")}/root') == []
