# SPDX-License-Identifier: BSD-2-Clause
"""Whoever has no key: closed, nothing answered but TLS alerts, one audit line each; and what hdb says when it is
the stranger, or meets one."""

import socket
import ssl
import threading
import time

import pytest

import harness

ALERT = 21

PLAIN = {
    'an HTTP request': b'GET / HTTP/1.1\r\nHost: box\r\n\r\n',
    'an HTTP/2 preface': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0',
    'an ssh banner': b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n',
    'qSupported of gdb': b'+$qSupported:multiprocess+;swbreak+;hwbreak+#c6',
    'plain text': b'hello, is anybody there?\n' * 20,
    'zeros': bytes(300),
    'a huge TLS record': bytes.fromhex('16030147ff') + b'A' * 18000,
    'TLS 1.0 only': bytes.fromhex('160301002f0100002b0301' + '00' * 32 + '000004002f00350100'),
    'our own frames in clear': bytes.fromhex('00000000060000000000000000000000000000000000000000000000'),
}


def records(data):
    """Types of the TLS records in data."""
    found = []
    while len(data) >= 5:
        found.append(data[0])
        data = data[5 + int.from_bytes(data[3:5], 'big'):]
    return found + (['rest'] if data else [])


def talk(port, data):
    """Send, then read until the other side closes."""
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(30)
        got = b''
        try:
            s.sendall(data)
            while chunk := s.recv(65536):
                got += chunk
        except ConnectionResetError:
            pass
        return got


def refusals(box):
    """Audit lines about connections that came to nothing."""
    return [a for a in box.audit() if a['event'] not in ('accept', 'listen')]


def one_refusal(box):
    lines = box.quiet() or refusals(box)
    for _ in range(100):
        lines = refusals(box)
        if lines:
            break
        time.sleep(0.05)
    assert len(lines) == 1, box.text()
    assert '127.0.0.1' in lines[0].get('from', ''), lines
    assert lines[0].get('result') not in (None, 'ok', 'OK'), lines
    return lines[0]


@pytest.mark.parametrize('what', PLAIN)
def test_a_stranger_gets_alerts_at_most(box, what):
    got = talk(box.port, PLAIN[what])
    assert all(kind == ALERT for kind in records(got)), got
    assert not box.quiet()
    one_refusal(box)


def test_one_who_hangs_up_at_once_leaves_nothing(box):
    socket.create_connection(('127.0.0.1', box.port), 10).close()
    assert not box.quiet()


def context(key=None, alpn=('procsrv/1',)):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if alpn:
        c.set_alpn_protocols(list(alpn))
    if key:
        c.load_cert_chain(key.path)
    return c


def tls_application_bytes(port, c):
    """What a TLS client gets after its handshake; alerts raise."""
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(30)
        with c.wrap_socket(s) as t:
            return t.recv(65536)


CLIENTS = {
    'no certificate': lambda keys: context(),
    'no ALPN': lambda keys: context(keys['alice'], None),
    'another ALPN': lambda keys: context(keys['alice'], ['h2', 'http/1.1']),
    'another kind of server': lambda keys: context(keys['alice'], ['kdsrv/1']),
    'an unknown key': lambda keys: context(keys['stranger']),
}


@pytest.mark.parametrize('what', CLIENTS)
def test_a_tls_client_without_a_right_gets_an_alert(box, keys, what):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        got = tls_application_bytes(box.port, CLIENTS[what](keys))
        # TLS 1.3 clients learn of it with their first read: the end without a byte is as good.
        assert got == b'', got
        raise ConnectionError
    assert not box.quiet()
    one_refusal(box)


def test_a_known_key_gets_hello_and_challenge(box, keys):
    got = tls_application_bytes(box.port, context(keys['alice']))
    assert int.from_bytes(got[4:6], 'little') == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(box, keys):
    c = context(keys['alice'])
    c.set_ciphers('ALL:@SECLEVEL=0')
    c.minimum_version, c.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_application_bytes(box.port, c)


# ---- what hdb says ------------------------------------------------------------


def sentence(r):
    """hdb failed as a command should: status 1, nothing on stdout, one line that says who speaks."""
    assert r.status == 1, r
    assert r.out == '', r
    lines = [x for x in r.err.splitlines() if x]
    assert len(lines) == 1 and lines[0].startswith('hdb: '), r
    return lines[0]


def test_hdb_says_that_its_key_is_not_in_the_map(hdb, box, keys):
    said = sentence(hdb('-ps', box=box, key='stranger'))
    assert keys['stranger'].fingerprint in said and 'map' in said
    assert '/etc/procsrv/authorized_keys' in said and '~/.config/procsrv/authorized_keys' in said
    assert not box.quiet()
    one_refusal(box)


def test_hdb_says_so_when_the_key_was_removed(hdb, boxes, keys):
    first = boxes()
    assert hdb('-ps', box=first).status == 0
    first.stop()
    second = boxes(rows=[f'{keys["bob"].fingerprint} user={harness.ALICE}'])
    assert keys['alice'].fingerprint in sentence(hdb('-ps', box=second))


def test_hdb_refuses_a_box_with_another_key_than_pinned(world, box, keys):
    r = world.run([harness.program('hdb'), '-premote',
                   f'tls:server=127.0.0.1,port={box.port},key={keys["alice"].path},pin={keys["bob"].fingerprint}',
                   '-ps'])
    said = sentence(r)
    assert box.key.fingerprint in said


def test_hdb_does_not_trust_an_unknown_box_without_a_terminal(hdb, box):
    r = hdb('-ps', box=box, pin=False)
    assert r.status == 1 and box.key.fingerprint in r.err and 'hdb -trust' in r.err, r


def test_hdb_refuses_a_box_whose_key_has_changed(world, hdb, boxes, keys):
    first = boxes()
    where = f'127.0.0.1:{first.port}'
    assert world.run([harness.program('hdb'), '-trust', where, keys['bob'].fingerprint]).status == 0
    r = hdb('-ps', box=first, pin=False)
    assert r.status == 1 and first.key.fingerprint in r.err and keys['bob'].fingerprint in r.err, r


def test_hdb_says_that_nothing_listens(world, keys):
    port = harness.free_port()
    r = world.run([harness.program('hdb'), '-premote', f'tls:server=127.0.0.1,port={port},key={keys["alice"].path}',
                   '-ps'])
    assert 'refused' in sentence(r) and str(port) in r.err


class Peer:
    """A server of another kind."""

    def __init__(self, greeting, context=None):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.greeting, self.context = greeting, context
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            try:
                with (self.context.wrap_socket(c, server_side=True) if self.context else c) as s:
                    s.recv(4096)
                    s.sendall(self.greeting)
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def peers():
    opened = []

    def open_one(*args):
        opened.append(Peer(*args))
        return opened[-1]
    yield open_one
    for p in opened:
        p.close()


@pytest.mark.parametrize('greeting', [b'SSH-2.0-OpenSSH_9.2\r\n', b'HTTP/1.1 400 Bad Request\r\n\r\n', b'', b'\0' * 100])
def test_hdb_says_what_kind_of_peer_it_met(world, peers, keys, greeting):
    p = peers(greeting)
    r = world.run([harness.program('hdb'), '-premote',
                   f'tls:server=127.0.0.1,port={p.port},key={keys["alice"].path},pin={keys["box"].fingerprint}', '-ps'])
    said = sentence(r)
    assert str(p.port) in said
    assert not [c for c in said if not ' ' <= c <= '~']


def test_hdb_says_that_a_tls_server_is_no_procsrv(world, peers, keys):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(keys['box'].path)
    c.set_alpn_protocols(['h2'])
    p = peers(b'HTTP/1.1 200 OK\r\n\r\n', c)
    # Whether its key is the expected one does not matter, and nobody is asked about it.
    for pin in (f',pin={keys["box"].fingerprint}', f',pin={keys["bob"].fingerprint}', ''):
        r = world.run([harness.program('hdb'), '-premote',
                       f'tls:server=127.0.0.1,port={p.port},key={keys["alice"].path}{pin}', '-ps'])
        assert 'not procsrv' in sentence(r) and 'SHA256:' not in r.err
