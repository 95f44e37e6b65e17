# SPDX-License-Identifier: BSD-2-Clause
"""A host that loses its link and comes back, written a second time: Python's TLS and the wire's table."""

import socket
import struct

import clean
import proofs
import test_conn
import wire


def traced(pid):
    s = clean.status(pid)
    return s and s['TracerPid'] != '0'


def state(pid):
    return clean.status(pid)['State'][0]


def stop(host, debuggee, **how):
    """Attached and stopped: handle and the first stop."""
    target = host.next_target
    host.next_target += 1
    how.setdefault('notes', [{'note': wire.NT_PRSTATUS}])
    host.do('attach', target=target, pid=debuggee.pid, **how)
    return target, host.event('stopped', target)


def end(host, box):
    host.leave()
    assert not box.quiet()


class Host(test_conn.Link):
    """A client that keeps count of what it has, so that another can go on where it stopped."""

    def __init__(self, box, key, before=None, port=None, secret=None, nonce=None, credit=64 << 20, **opening):
        """before: the one whose session is taken up; secret, nonce: what the MAC is made of instead."""
        self.before, self.done_to, self.last_event, self.waiting = before, 0, 0, {}
        real, box_port = box, box.port
        try:
            if port:
                real.port = port
            super().__init__(real, key, start=False, credit=credit)
        finally:
            real.port = box_port
        self.greet()
        if before:
            self.take_over(before, secret, nonce)
        else:
            self.prove()
        self.opened = self.do('open', **opening)
        if before:
            self.next_id = max(self.next_id, before.next_id)
            self.resend()

    def take_over(self, before, secret, nonce):
        """The proof, with what the other one had."""
        self.done_to, self.last_event = before.done_to, before.last_event
        self.events, self.replies, self.waiting = list(before.events), dict(before.replies), dict(before.waiting)
        self.next_target = before.next_target
        session = before.opened['session']
        mac = proofs.resume_mac(secret or before.opened['secret'], nonce or self.nonce, self.done_to, self.last_event)
        self.proof = dict(proof_version=1, point=proofs.point(self.key), session=session, resume_mac=mac,
                          last_reply=self.done_to, last_event=self.last_event,
                          sig=proofs.signature(self.key, self.box.key, self.nonce, session=session, mac=mac))
        self.send('proof', **self.proof)

    def resend(self):
        """What the agent has not seen."""
        for id, (name, target, fields) in sorted(self.waiting.items()):
            if id > self.opened['last_reply']:
                self.send(name, id=id, target=target, **fields)

    def ask(self, name, target=0, **fields):
        id = self.next_id
        self.next_id += 1
        if name != 'open':
            self.waiting[id] = (name, target, fields)
        self.send(name, id=id, target=target, **fields)
        return id

    def _piece(self, name, kind, flags, target, piece, id, fields, size):
        """Replies that came once before are nothing new; nor is an event."""
        if kind == 'REP' and id > 1 and id not in self.waiting:
            self.repeated = getattr(self, 'repeated', 0) + 1
            return
        assert kind != 'EVT' or id > self.last_event, f'event {id} again'
        super()._piece(name, kind, flags, target, piece, id, fields, size)
        if flags & wire.MORE:
            return
        if kind == 'EVT':
            self.last_event = id
        else:
            self.waiting.pop(id, None)
            self.done_to = min(self.waiting, default=self.next_id) - 1

    def ack(self):
        self.send('ack', last_reply=self.done_to, last_event=self.last_event, credit_bytes=self.owed)
        self.owed = 0

    def cut(self):
        """Reset the connection, without a word."""
        raw = self.socket.detach()
        s = socket.socket(fileno=raw)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.close()

    def leave(self):
        """As a host that has done."""
        self.send('goodbye')
        self.socket.close()
