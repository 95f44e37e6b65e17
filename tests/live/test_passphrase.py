# SPDX-License-Identifier: BSD-2-Clause
"""Keys under a passphrase: OpenSSL's are opened, ours are opened by OpenSSL, and who asks for it."""

import os
import subprocess

import pytest

import harness

pytestmark = pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')

SECRET = 'correct "horse" staple'


def sealed(world, keys, *how, name='sealed'):
    """Alice's key, protected by OpenSSL."""
    path = world.path(name + '.pem')
    with open(keys['alice'].path) as f:
        pem = f.read()
    key = subprocess.run(['openssl', 'pkcs8', '-topk8', *how, '-passout', 'pass:' + SECRET], input=pem, check=True,
                         capture_output=True, text=True).stdout
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(key + pem[pem.index('-----BEGIN CERT'):])
    return path


def asker(world, *answers):
    """A program that prints them, one a call."""
    path = world.path('asker')
    for i, text in enumerate(answers):
        with open(f'{path}.{i}', 'w') as f:
            f.write(text + '\n')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o755)) as f:
        f.write(f'#!/bin/sh\necho "$1" >>{path}.asked\nn=$(($(wc -l <{path}.asked) - 1))\ncat {path}.$n\n')
    return path


def asked(world):
    with open(world.path('asker.asked')) as f:
        return f.read().splitlines()


def ps(world, box, key, **env):
    premote = f'tls:server=127.0.0.1,port={box.port},key={key},pin={box.key.fingerprint}'
    return world.run([harness.program('hdb'), '-premote', premote, '-ps'], env=env)


def test_a_program_says_the_passphrase(world, keys, box):
    for how in (['-v2', 'aes-256-cbc'], ['-v2', 'aes-128-cbc', '-iter', '10000']):
        r = ps(world, box, sealed(world, keys, *how), HDB_ASKPASS=asker(world, SECRET))
        assert r.status == 0, repr(r)
        assert asked(world) == [f'Passphrase of {world.path("sealed.pem")}:']
        os.unlink(world.path('asker.asked'))


def test_without_a_terminal_ssh_s_program_is_asked(world, keys, box):
    r = ps(world, box, sealed(world, keys), SSH_ASKPASS=asker(world, SECRET))
    assert r.status == 0, repr(r)


def test_it_is_asked_for_three_times_and_then_no_more(world, keys, box):
    path = sealed(world, keys)
    assert ps(world, box, path, HDB_ASKPASS=asker(world, 'no', 'not this', SECRET)).status == 0
    os.unlink(world.path('asker.asked'))
    r = ps(world, box, path, HDB_ASKPASS=asker(world, 'no', 'nor that', 'nor this', SECRET))
    assert r.status == 1 and 'not its passphrase' in r.err and path in r.err and len(asked(world)) == 3, repr(r)


def test_where_nobody_can_be_asked_a_sentence_says_what_to_do(world, keys, box):
    path = sealed(world, keys)
    for env in ({}, {'HDB_ASKPASS': '/nonexistent'}):
        r = ps(world, box, path, SSH_ASKPASS='', **env)
        assert r.status == 1 and path in r.err and 'HDB_ASKPASS' in r.err, repr(r)


def test_another_kind_of_protection_is_named_with_the_cure(world, keys, box):
    r = ps(world, box, sealed(world, keys, '-v2', 'des3'), HDB_ASKPASS=asker(world, SECRET))
    assert r.status == 1 and 'openssl pkcs8' in r.err, repr(r)


def test_at_a_terminal_nobody_sees_what_is_typed(world, keys, box, terminal):
    premote = f'tls:server=127.0.0.1,port={box.port},key={sealed(world, keys)},pin={box.key.fingerprint}'
    t = terminal('-premote', premote, '-ps', 'nothing-has-that-name')
    t.until('sealed.pem: ').type('wrong\n').until('sealed.pem: ').type(SECRET + '\n')
    assert t.end() in (0, 1) and SECRET not in t.text and 'wrong' not in t.text, t.text
    assert 'not its passphrase' not in t.text, t.text


def test_a_new_key_is_protected_as_openssl_knows_it(world, keys, boxes):
    path = world.path('new.pem')
    keygen = [harness.program('hdb'), '-keygen', '-passphrase', '-key', path]
    r = world.run(keygen, env={'HDB_ASKPASS': asker(world, SECRET, 'something else')})
    assert r.status == 1 and 'two different' in r.err and not os.path.exists(path), repr(r)
    os.unlink(world.path('asker.asked'))
    r = world.run(keygen, env={'HDB_ASKPASS': asker(world, SECRET, SECRET)})
    assert r.status == 0 and len(asked(world)) == 2, repr(r)
    with open(path) as f:
        assert f.read().startswith('-----BEGIN ENCRYPTED PRIVATE KEY-----')
    der = subprocess.run(['openssl', 'pkey', '-in', path, '-passin', 'pass:' + SECRET, '-pubout', '-outform', 'DER'],
                         check=True, capture_output=True).stdout
    assert len(der) == 91
    fingerprint = next(line.split()[0] for line in r.out.splitlines() if line.startswith('SHA256:'))
    box = boxes(rows=[f'{fingerprint} user={harness.ALICE} grace=2s'])
    os.unlink(world.path('asker.asked'))
    assert ps(world, box, path, HDB_ASKPASS=asker(world, SECRET)).status == 0


def test_a_server_has_nobody_to_ask(world, keys):
    path = sealed(world, keys)
    m = world.path('map')
    with open(m, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE}\n')
    r = world.run([harness.program('procsrv'), '-t', f'tls:port=0,key={path},map={m}'], env={'HDB_ASKPASS': asker(world, SECRET)})
    assert r.status == 78 and 'passphrase' in r.err and path in r.err, repr(r)
