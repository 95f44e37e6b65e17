# SPDX-License-Identifier: BSD-2-Clause
"""Grants, written down a second time, and a client that shows one."""

import base64
import hashlib
import struct
import time

import harness
import proofs
import test_conn

RIGHTS = {'none': 1, 'look': 2, 'stop': 4, 'write': 8, 'launch': 16}
ALL = 31
HOUR = 3600


def record(key, signer, users=(harness.ALICE,), rights=ALL, serial=7, begins=None, expires=None, max_stop=0,
           name='alice@grant', sign_with=None):
    """The bytes, signed by signer."""
    now = int(time.time())
    text = (b'procsrv-grant-1\0' + hashlib.sha256(proofs.spki(key)).digest() +
            struct.pack('<QQQII', serial, now - HOUR if begins is None else begins,
                        now + HOUR if expires is None else expires, rights, max_stop) +
            name.encode().ljust(64, b'\0') + b''.join(u.encode().ljust(32, b'\0') for u in users).ljust(256, b'\0') +
            proofs.point(signer))
    sig = proofs.raw_signature(proofs.openssl('dgst', '-sha256', '-sign', (sign_with or signer).path, data=text))
    return text + sig


def text(bytes):
    return 'procsrv-grant-1 ' + base64.b64encode(bytes).decode() + '\n'


class Link(test_conn.Link):
    """It proves its key and shows a grant, which may be any bytes."""

    def __init__(self, box, key, grant, user='', mode=0, **how):
        super().__init__(box, key, start=False, **how)
        try:
            self.greet()
            self.prove(user=user, mode=mode, alter={'grant': grant})
            self.opened = self.do('open')
        except Exception:
            self.close()  # it would be one of a crowd
            raise
