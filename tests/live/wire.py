# SPDX-License-Identifier: BSD-2-Clause
"""Frames of the wire, encoded and decoded as common/wire.def says.

The table is read when this module is imported, so that the two cannot disagree.
Messages and records are dicts; texts, blobs and raw fields bytes; lists lists."""

import math
import os
import re
import select
import struct
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAD = struct.Struct("<IHHIIIQ")
MORE = 1

INTS = {"U8": "<B", "U16": "<H", "U32": "<I", "U64": "<Q", "I32": "<i", "I64": "<q"}


def _read_table():
    text = open(os.path.join(ROOT, "common/wire.def")).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    recs, msgs, current = {}, {}, None
    for word, args in re.findall(r"\b([A-Z][A-Z0-9]*)\b(?:\(([^)]*)\))?", text):
        args = [a.strip() for a in args.split(",")] if args else []
        if word == "REC":
            current = recs[args[0]] = []
        elif word == "MSG":
            current = []
            msgs[args[1]] = {
                "number": int(args[0]), "kind": args[2], "reply": args[4],
                "state": args[5], "right": args[6], "effect": args[7] == "1", "fields": current,
            }
        elif word in ("END", "EMPTY"):
            pass
        elif current is not None and args:
            current.append((word, args))
    return recs, msgs


def _read_errors():
    text = open(os.path.join(ROOT, "common/err.def")).read()
    return {int(n): name for n, name in re.findall(r"^ERR\((\d+), (\w+),", text, flags=re.M)}


def _read_enums():
    """Enumerators of wire.h, by name without WIRE_."""
    text = re.sub(r"/\*.*?\*/", "", open(os.path.join(ROOT, "common/wire.h")).read(), flags=re.S)
    found = {}
    for body in re.findall(r"enum\s*\w*\s*\{([^}#]*)\}", text):
        value = 0
        for item in body.split(","):
            name, _, given = item.partition("=")
            if given.strip():
                value = math.prod(int(factor, 0) for factor in given.split("*"))
            if name.strip():
                found[name.strip().removeprefix("WIRE_")] = value
                value += 1
    return found


RECS, MSGS = _read_table()
ERRORS = _read_errors()
ENUM = _read_enums()
BY_NUMBER = {m["number"]: name for name, m in MSGS.items()}
NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE = 1, 2, 0x202


def _put(fields, value):
    out = b""
    unknown = set(value) - {args[0] for _, args in fields}
    assert not unknown, f"no such field: {unknown}"
    for word, args in fields:
        name = args[0]
        if word in INTS:
            out += struct.pack(INTS[word], value.get(name, 0))
        elif word == "RAW":
            out += value.get(name, bytes(int(args[1])))
        elif word == "STR":
            v = value.get(name, b"")
            v = v.encode() if isinstance(v, str) else v
            out += struct.pack("<H", len(v)) + v
        elif word == "BLOB":
            v = value.get(name, b"")
            out += struct.pack("<I", len(v)) + v
        elif word == "LIST":
            v = b"".join(_put(RECS[args[1]], r) for r in value.get(name, []))
            out += struct.pack("<I", len(v)) + v
    return out


def _get(fields, b, at):
    value = {}
    for word, args in fields:
        name = args[0]
        if word in INTS:
            (value[name],) = struct.unpack_from(INTS[word], b, at)
            at += struct.calcsize(INTS[word])
        elif word == "RAW":
            n = int(args[1])
            value[name] = b[at:at + n]
            at += n
        else:
            (n,) = struct.unpack_from("<H" if word == "STR" else "<I", b, at)
            at += 2 if word == "STR" else 4
            assert at + n <= len(b), "a length beyond the body"
            value[name] = b[at:at + n]
            at += n
            if word == "LIST":
                value[name] = _get_list(RECS[args[1]], value[name])
    return value, at


def _get_list(fields, b):
    out, at = [], 0
    while at < len(b):
        r, at = _get(fields, b, at)
        out.append(r)
    return out


def encode(name, **fields):
    """The body of a message."""
    return _put(MSGS[name]["fields"], fields)


def decode(name, body):
    value, at = _get(MSGS[name]["fields"], body, 0)
    assert at == len(body), f"{name}: {len(body) - at} bytes left over"
    return value


def frame(number, body, id=0, target=0, flags=0, piece=0, epoch=0, length=None):
    return HEAD.pack(len(body) if length is None else length, number, flags, target, piece, epoch, id) + body


class Closed(Exception):
    """The agent closed the link; .goodbye is its last message, if it said one."""

    def __init__(self, goodbye=None):
        super().__init__(goodbye)
        self.goodbye = goodbye


class Error(Exception):
    """An error reply."""

    def __init__(self, fields):
        self.name = ERRORS.get(fields["code"], str(fields["code"]))
        self.fields = fields
        super().__init__(f"{self.name} {fields}")


class Link:
    """A host's end of the wire over the pipes of a child (guard with -stdio)."""

    def __init__(self, argv, open=True, credit=64 << 20, timeout=20, **popen):
        self.timeout = timeout
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **popen)
        self.out, self.fd = self.child.stdin.write, self.child.stdout.fileno()
        self._reset()
        if open:
            self.start(credit)

    @classmethod
    def over(cls, sock, timeout=20):
        """A link on a socket, past hello and open, as behind conn."""
        self = cls.__new__(cls)
        self.timeout, self.child, self.sock = timeout, None, sock
        self.out, self.fd = sock.sendall, sock.fileno()
        self._reset()
        return self

    def _reset(self):
        self.inbuf = b""
        self.next_id = 1
        self.next_target = 1
        self.parts = {}    # id -> (type name, [decoded pieces])
        self.replies = {}  # id -> (type name, merged)
        self.events = []   # (name, target, fields, number)
        self.acks = 0
        self.goodbye = None
        self.pieces = 0    # frames received that belong to replies or events
        self.auto_ack = True
        self.owed = 0
        self.hello = None

    def start(self, credit):
        self.send("hello", kind=ENUM["PEER_HOST"], version_min=1, version_max=1, heartbeat_ms=3000,
                  credit_requests=64, credit_bytes=credit, build="test")
        self.opened = self.do("open")

    # ---- out

    def raw(self, data):
        self.out(data)

    def send(self, name, id=0, target=0, **fields):
        self.raw(frame(MSGS[name]["number"], encode(name, **fields), id=id, target=target))

    def ask(self, name, target=0, **fields):
        """Send a request; its id."""
        id = self.next_id
        self.next_id += 1
        self.send(name, id=id, target=target, **fields)
        return id

    # ---- in

    def _message(self, block_until):
        while True:
            if len(self.inbuf) >= HEAD.size:
                n, number, flags, target, piece, epoch, id = HEAD.unpack_from(self.inbuf)
                assert n <= 65536, "a body longer than the limit"
                if len(self.inbuf) >= HEAD.size + n:
                    body = self.inbuf[HEAD.size:HEAD.size + n]
                    self.inbuf = self.inbuf[HEAD.size + n:]
                    return number, flags, target, piece, id, body
            left = block_until - time.monotonic()
            ready = select.select([self.fd], [], [], max(0, left))[0]
            if not ready:
                return None
            data = os.read(self.fd, 1 << 20)
            if not data:
                raise Closed(self.goodbye)
            self.inbuf += data

    def _merge(self, name, parts):
        value = dict(parts[0])
        for word, args in MSGS[name]["fields"]:
            if word in ("LIST", "BLOB"):
                joined = parts[0][args[0]]
                for p in parts[1:]:
                    joined = joined + p[args[0]]
                value[args[0]] = joined
            else:
                value[args[0]] = parts[-1][args[0]]
        if name == "file_data":
            value["offset"] = parts[0]["offset"]
        return value

    def take(self, timeout=None):
        """Receive one message and put it where it belongs; None: nothing came."""
        m = self._message(time.monotonic() + (self.timeout if timeout is None else timeout))
        if m is None:
            return None
        number, flags, target, piece, id, body = m
        name = BY_NUMBER[number]
        fields = decode(name, body)
        kind = MSGS[name]["kind"]
        if kind in ("REP", "EVT"):
            self._piece(name, kind, flags, target, piece, id, fields, len(body) + HEAD.size)
        elif name == "hello":
            self.hello = fields
        elif name == "heartbeat":
            self.send("heartbeat_ack", stamp=fields["stamp"])
        elif name == "ack":
            self.acks += fields["credit_bytes"]
        elif name == "goodbye":
            self.goodbye = fields
        return name

    def _piece(self, name, kind, flags, target, piece, id, fields, size):
        self.pieces += 1
        self.owed += size
        if self.auto_ack and self.owed > 1 << 20:
            self.send("ack", credit_bytes=self.owed)
            self.owed = 0
        key = (kind, id)
        was, parts = self.parts.setdefault(key, (name, []))
        assert piece == len(parts), f"piece {piece} of {name} #{id}, expected {len(parts)}"
        if name != was:
            assert name == "error", f"{name} among pieces of {was}"
            parts.clear()
        parts.append(fields)
        if flags & MORE:
            return
        del self.parts[key]
        merged = self._merge(name, parts)
        if kind == "REP":
            self.replies[id] = (name, merged)
        else:
            self.events.append((name, target, merged, id))

    # ---- together

    def wait(self, id):
        """The reply to a request; raises Error for an error."""
        end = time.monotonic() + self.timeout
        while id not in self.replies:
            assert time.monotonic() < end and self.take(end - time.monotonic()), f"no reply to #{id}"
        name, fields = self.replies.pop(id)
        if name == "error":
            raise Error(fields)
        return fields

    def do(self, name, target=0, **fields):
        return self.wait(self.ask(name, target=target, **fields))

    def event(self, name, target=None, timeout=None, where=lambda fields: True):
        """The next event of that name (others stay), received now if need be."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            for i, (n, t, fields, _) in enumerate(self.events):
                if n == name and target in (None, t) and where(fields):
                    del self.events[i]
                    return fields
            if time.monotonic() >= end or self.take(end - time.monotonic()) is None:
                raise AssertionError(f"no event {name}; there are {[e[0] for e in self.events]}")

    def settle(self, seconds=0.2):
        """Take whatever comes within that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(end - time.monotonic())

    def attach(self, pid, how="STOP", start=0, recipes=(), notes=(NT_PRSTATUS,)):
        """Handle of the new target, and attach's reply."""
        target = self.next_target
        self.next_target += 1
        r = self.do("attach", target=target, pid=pid, start=start, how=ENUM["ATTACH_" + how],
                    recipes=list(recipes), notes=[{"note": n} for n in notes])
        return target, r

    def close(self):
        """End of the link; the agent's exit status."""
        if self.child.stdin:
            self.child.stdin.close()
        try:
            return self.child.wait(10)
        finally:
            if self.child.poll() is None:
                self.child.kill()
                self.child.wait()
            self.child.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
