# SPDX-License-Identifier: BSD-2-Clause
"""The proof of a client's key, made with OpenSSL and written down a second time."""

import hashlib
import hmac
import struct
import subprocess


def openssl(*argv, data):
    return subprocess.run(['openssl', *argv], input=data, check=True, capture_output=True).stdout


def spki(key):
    with open(key.path, 'rb') as f:
        return openssl('pkey', '-pubout', '-outform', 'DER', data=f.read())


def point(key):
    return spki(key)[-65:]


def raw_signature(der):
    """r and s of a DER signature, 32 bytes each."""
    def integer(at):
        n = der[at + 1]
        return int.from_bytes(der[at + 2:at + 2 + n], 'big'), at + 2 + n
    r, at = integer(2)
    s, _ = integer(at)
    return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


def resume_mac(secret, nonce, last_reply=0, last_event=0):
    return hmac.digest(secret, nonce + struct.pack('<QQ', last_reply, last_event), 'sha256')


def signature(key, server, nonce, user='', mode=0, session=bytes(16), mac=bytes(32)):
    text = (b'procsrv-proof-1\0' + b'\x09procsrv/1' + struct.pack('<H', 1) + nonce +
            hashlib.sha256(spki(server)).digest() + session + mac +
            struct.pack('<BB', mode, len(user)) + user.encode())
    return raw_signature(openssl('dgst', '-sha256', '-sign', key.path, data=text))
