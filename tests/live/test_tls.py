# SPDX-License-Identifier: BSD-2-Clause
"""TLS as strangers may try it: old versions, weak ciphers, what was switched off, and certificates that nobody should
have to read. The client is OpenSSL's. sslscan and testssl.sh look, too, where they are installed (make torture)."""

import json
import os
import re
import shutil
import ssl
import subprocess

import pytest

import harness
import test_conn
import wire
from test_strangers import context, one_refusal, tls_application_bytes
from tracer import rss

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')


def s_client(box, *args, key=None, input=''):
    """What openssl s_client says of a connection."""
    words = ['openssl', 's_client', '-connect', f'127.0.0.1:{box.port}', '-alpn', 'procsrv/1', *args]
    if key:
        words += ['-cert', key.path, '-key', key.path]
    r = subprocess.run(words, input=input, capture_output=True, text=True, errors='replace', timeout=harness.PATIENCE)
    return r.stdout + r.stderr


LOW = '@SECLEVEL=0'
REFUSED = {
    'TLS 1.0': ['-tls1', '-cipher', 'ALL:' + LOW], 'TLS 1.1': ['-tls1_1', '-cipher', 'ALL:' + LOW],
    'the key exchange of RSA': ['-tls1_2', '-cipher', 'kRSA:' + LOW],
    'a shared secret': ['-tls1_2', '-cipher', 'PSK:' + LOW, '-psk', '00' * 16],
    'nobody to be': ['-tls1_2', '-cipher', 'aNULL:' + LOW], 'no cipher': ['-tls1_2', '-cipher', 'eNULL:' + LOW],
    'CBC': ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:' + LOW],
    'CCM of eight bytes': ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM8:' + LOW],
    'finite fields': ['-tls1_2', '-cipher', 'kDHE:' + LOW],
}


@pytest.mark.parametrize('what', REFUSED)
def test_what_is_old_or_weak_finds_no_server(box, keys, what):
    said = s_client(box, *REFUSED[what], key=keys['alice'])
    if 'no cipher match' in said or 'unknown option' in said.lower():
        pytest.skip(f'this OpenSSL cannot even ask for that: {said.splitlines()[0]}')
    assert 'Cipher is (NONE)' in said and 'BEGIN CERTIFICATE' not in said, said
    assert not box.quiet()
    one_refusal(box)


def test_what_is_new_and_strong_is_served(box, keys):
    said = s_client(box, key=keys['alice'])
    assert re.search(r'Cipher is (TLS_|ECDHE-ECDSA-)(AES|CHACHA)', said), said
    assert 'Compression: NONE' in said and 'ALPN protocol: procsrv/1' in said, said
    assert re.search(r'Server Temp Key: (X25519|ECDH, prime256v1|ECDH, secp)', said) or 'Peer Temp Key' in said, said


def test_no_session_is_taken_up_by_ticket_or_id(box, keys, world):
    """It would skip the proof's beginnings; there is another way to come back."""
    kept = world.path('session')
    said = s_client(box, '-tls1_2', '-sess_out', kept, key=keys['alice'])
    assert 'TLS session ticket:' not in said, said
    for _ in range(2):
        said = s_client(box, '-tls1_2', *(['-sess_in', kept] if os.path.exists(kept) else []), key=keys['alice'])
        assert 'Reused, ' not in said and 'New, ' in said, said


def test_nobody_changes_the_keys_of_a_link_midway(box, keys):
    said = s_client(box, '-tls1_2', key=keys['alice'], input='R\nR\n')
    assert said.count('BEGIN CERTIFICATE') <= 1
    if 'RENEGOTIATING' in said:
        assert re.search('no renegotiation|unexpected message|error|closed', said.split('RENEGOTIATING')[1]), said
    assert not box.quiet() and not box.audit(event='crash')


# ---- certificates ------------------------------------------------------------------------------


def with_certificates(world, key, count):
    """The key with so many certificates behind its own."""
    with open(key.path) as f:
        pem = f.read()
    path = world.path('chain.pem')
    certificate = pem[pem.index('-----BEGIN CERTIFICATE'):]
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(pem + certificate * count)
    return path


def with_huge_certificate(world, key, size):
    """The key with a certificate of that many bytes."""
    path, config = world.path('huge.pem'), world.path('huge.cnf')
    with open(config, 'w') as f:
        f.write('[req]\ndistinguished_name=n\n[n]\n[x]\n')
        step = 30000
        for i in range(0, size, step):
            f.write(f'1.2.3.{i // step}=DER:04:82:{step >> 8:02x}:{step & 255:02x}:' + ':'.join(['41'] * step) + '\n')
    certificate = subprocess.run(['openssl', 'req', '-x509', '-key', key.path, '-subj', '/CN=huge', '-days', '30', '-config',
                                  config, '-extensions', 'x'], capture_output=True, text=True)
    if certificate.returncode:
        pytest.skip('this OpenSSL makes no such certificate: ' + certificate.stderr.strip().splitlines()[-1])
    with open(key.path) as f:
        pem = f.read()
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(pem[:pem.index('-----BEGIN CERTIFICATE')] + certificate.stdout)
    return path


@pytest.mark.parametrize('what', ['a hundred', 'a hundred of a known key', 'a megabyte', 'a megabyte of a known key'])
def test_certificates_nobody_wants_to_read_are_not_read(world, box, keys, what):
    key = keys['alice' if 'known' in what else 'stranger']
    path = with_certificates(world, key, 100) if 'hundred' in what else with_huge_certificate(world, key, 1 << 20)
    assert os.stat(path).st_size > (30 << 10 if 'hundred' in what else 1 << 20)
    c = context()
    c.load_cert_chain(path)
    before = rss(box.pid)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        if tls_application_bytes(box.port, c) == b'':
            raise ConnectionError
    assert not box.quiet()
    one_refusal(box)
    assert not box.audit(event='open') and not box.audit(event='crash')
    assert rss(box.pid) - before < 1024
    # And whoever has a right is served.
    assert tls_application_bytes(box.port, context(keys['alice']))


@pytest.mark.parametrize('when', ['removed', 'expired', 'revoked'])
def test_a_row_that_is_no_more_is_refused_with_one_line(boxes, keys, when):
    alice, bob = keys['alice'].fingerprint, keys['bob'].fingerprint
    box = boxes(rows=[f'{bob} user={harness.ALICE}' if when == 'removed' else
                      f'{alice} user={harness.ALICE}' + (' expires=2001-01-01' if when == 'expired' else '')])
    if when == 'revoked':
        with open(os.path.join(box.dir, 'revoked_keys'), 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(alice + '\n')
    with pytest.raises((ssl.SSLError, ConnectionError, wire.Error, wire.Closed)) as e:
        test_conn.Link(box, keys['alice'])
    if when != 'removed':
        assert e.value.name == when.upper()
    assert not box.quiet()
    one_refusal(box)


def test_the_name_of_a_certificate_is_nobodys_key(world, box, keys):
    """Right name, other key."""
    path = world.path('alice.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
                    '/CN=alice', '-days', '30', '-keyout', path, '-out', path + '.crt'], check=True, capture_output=True)
    c = context()
    c.load_cert_chain(path + '.crt', path)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        if tls_application_bytes(box.port, c) == b'':
            raise ConnectionError
    one_refusal(box)


# ---- what others think of it --------------------------------------------------------------------


# (Neither can name a protocol by ALPN, without which there is no server.)


@pytest.mark.skipif('TORTURE' not in os.environ, reason='make torture')
@pytest.mark.skipif(not shutil.which('sslscan'), reason='no sslscan')
def test_sslscan_finds_no_server_at_all(box, keys):
    said = subprocess.run(['sslscan', '--no-colour', f'--certs={keys["alice"].path}', f'--pk={keys["alice"].path}',
                           f'127.0.0.1:{box.port}'], capture_output=True, text=True, timeout=600).stdout
    assert 'Connected to 127.0.0.1' in said, said
    assert re.findall(r'(?:SSL|TLS)v\S+ +(\w+)$', said, re.M) == ['disabled'] * 6 and not re.search('Accepted|Preferred', said), said
    assert len(box.audit(event='refused')) >= 6 and not box.audit(event='crash')


@pytest.mark.skipif('TORTURE' not in os.environ, reason='make torture')
@pytest.mark.skipif(not shutil.which('testssl'), reason='no testssl')
def test_testssl_finds_nothing_above_info(box, keys, world):
    """Through an openssl that always shows alice's certificate and names the protocol."""
    report, client = world.path('testssl.json'), world.path('openssl')
    with open(client, 'w') as f:
        f.write(f"""#!/bin/sh
[ "$1" = s_client ] || exec openssl "$@"
shift
exec openssl s_client -cert {keys["alice"].path} -key {keys["alice"].path} -alpn procsrv/1 "$@"
""")
    os.chmod(client, 0o755)
    subprocess.run(['testssl', '--quiet', '--color', '0', '--ip', 'one', '--ssl-native', '--openssl', client, '--protocols', '--std',
                    '--vulnerable', '--jsonfile', report, f'127.0.0.1:{box.port}'], capture_output=True, timeout=3000,
                   stdin=subprocess.DEVNULL)
    with open(report) as f:
        said = {r['id']: r for r in json.load(f)}
    assert said['TLS1_2']['finding'] == 'offered', said
    assert said['TLS1']['finding'] == said['TLS1_1']['finding'] == 'not offered', said
    # 1.3 comes with Mbed TLS 3; the other one it tries with a client of its own, that names no protocol.
    found = {id: r for id, r in said.items() if r['severity'] in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL') and
             id not in ('TLS1_3', 'pre_128cipher')}
    assert not found, found
    assert not box.audit(event='crash')
