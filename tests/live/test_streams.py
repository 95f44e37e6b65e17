# SPDX-License-Identifier: BSD-2-Clause
"""Whatever bytes come to the port: noise, records of TLS with anything in them, what a real client says with some of it
changed, cut or said twice. Two hundred in `make check`, ten thousand in `make torture`."""

import os
import random
import socket
import ssl
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

import clean
import harness
from deaths import times
from test_listener import connect, monitors
from test_strangers import ALERT, context, records
from tracer import rss

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')
SANITIZED = 'san' in os.path.basename(harness.BUILD)
HANDSHAKE = 22
AT_ONCE = 4
SOURCE_MAX = 3  # connections of one address that have proven nothing
GROWS = 1024  # KiB, of the listener
EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x3fff, 0x4000, 0x4001, 0x7fff, 0x8000, 0xffff]


def flight(box, key):
    """All that a client with a key says up to the end of its handshake: (its hello, the rest)."""
    c = context(key)
    c.maximum_version = ssl.TLSVersion.TLSv1_2  # of later ones most is encrypted with what the other side chose
    incoming, outgoing, said = ssl.MemoryBIO(), ssl.MemoryBIO(), []
    tls = c.wrap_bio(incoming, outgoing)
    with socket.create_connection(('127.0.0.1', box.port), 10) as s:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                said.append(outgoing.read())
                s.sendall(said[-1])
                incoming.write(s.recv(65536))
    assert len(said) == 2 and said[0][0] == HANDSHAKE, [len(part) for part in said]
    return said


def changed(rng, data):
    """One thing done to it."""
    data = bytearray(data)
    at = rng.randrange(len(data))
    n = rng.choice([1, 2, 3, 4, 16, 64])
    what = rng.randrange(7)
    if what == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[at:at + n] = rng.randbytes(n)
    elif what == 2:
        del data[at:at + n]
    elif what == 3:
        data[at:at] = rng.randbytes(n)
    elif what == 4:  # a length, perhaps
        data[at:at + 2] = struct.pack('>H', rng.choice(EXTREMES))
    elif what == 5:
        del data[at + 1:]
    else:
        data[at:at] = data[rng.randrange(len(data)):][:rng.choice([16, 64, 256])]
    return bytes(data) or b'\0'


def stream(rng, hello, rest):
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.choice([1, 5, 40, 300, 3000, 40000]))
    if kind == 1:  # records, with anything in them
        return b''.join(struct.pack('>BHH', rng.choice([20, 21, 22, 23, rng.randrange(256)]), rng.choice([0x301, 0x303]),
                                    rng.choice([len(body), *EXTREMES])) + body
                        for body in (rng.randbytes(rng.randrange(200)) for _ in range(rng.randrange(1, 6))))
    data = hello if kind == 2 else hello + rest if kind == 3 else hello + hello
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        data = changed(rng, data)
    return data


def said_to(port, source, rng, data):
    """What is answered until the other side closes; in some cases nobody waits for it."""
    got = b''
    with connect(port, source=source) as s:
        s.settimeout(harness.PATIENCE)
        try:
            cut = rng.randrange(len(data) + 1)
            for part in (data[:cut], data[cut:]):
                s.sendall(part)
            if rng.randrange(8) == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                return got
            s.shutdown(socket.SHUT_WR)
            while chunk := s.recv(65536):
                got += chunk
        except TimeoutError:
            raise AssertionError('it is not closed') from None
        except OSError:
            pass  # closed while we still speak
    return got


def test_whatever_comes_is_answered_by_alerts_and_harms_nobody(box, hdb, keys):
    """Where the beginning is a hello still, a handshake may have begun: it does not end."""
    n, seed = times(60 if SANITIZED else 200, 10000), random.SystemRandom().randrange(2**31)
    hello, rest = flight(box, keys['alice'])
    assert not box.quiet()
    before, most = rss(box.pid), 0

    def some(first):
        """Those of one address."""
        nonlocal most
        for i in range(first, n, AT_ONCE):
            rng = random.Random(seed + i)
            data = stream(rng, hello, rest)
            kinds = set(records(said_to(box.port, f'127.0.2.{first + 1}', rng, data)))
            allowed = {ALERT, HANDSHAKE} if data[0] == HANDSHAKE and data[5:6] == b'\1' else {ALERT}
            assert kinds <= allowed, (seed + i, kinds, data.hex())
            most = max(most, len(monitors(box)) if i % 16 < AT_ONCE else 0)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(some, range(AT_ONCE)))
    assert not box.quiet()
    assert most <= AT_ONCE * SOURCE_MAX, most
    assert not box.audit(event='crash') and not box.audit(event='open'), (seed, box.text())
    # Each has its line; one that came while those before it were still going was not even listened to.
    dropped = len(box.audit(result='dropped'))
    assert not clean.eventually(lambda: len(box.audit(event='refused')) - dropped < n * 3 // 4), (seed, dropped)
    assert rss(box.pid) - before < GROWS
    r = hdb('-ps', box=box)
    assert r.status == 0, r
    print(f'streams to the port: {n} injected, {n} survived')
