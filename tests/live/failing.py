# SPDX-License-Identifier: BSD-2-Clause
"""Programs of ours that run short of something at a moment of the test's choice (tests/failing), and a session that
comes by most of what they do."""

import contextlib
import mmap
import os
import shutil
import struct

import harness
import tracer
import wire
from launched import strings
from patching import E, patch

PLACE = os.path.join(harness.PREFIX if harness.ROOT and harness.PREFIX else os.path.join(harness.BUILD, 'tests'),
                     'failing')
CONTROL = struct.Struct('<32sQQQqqq')


class Control:
    """The page they look at: who of them fails when, how often it has, and what time it is for them."""

    def __init__(self, world, beside='libexec/procsrv'):
        """With programs of its own; where those are whose turn it is."""
        self.place = world.path('failing')
        shutil.copytree(PLACE, self.place)
        self.path = os.path.join(self.place, beside, 'control')
        with open(self.path, 'wb') as f:
            f.write(bytes(4096))
        os.chmod(self.path, 0o666)
        with open(self.path, 'r+b') as f:
            self.page = mmap.mmap(f.fileno(), 4096)

    def fail(self, program, n, own=False):
        """The nth allocation of that program's, counted over all its processes from now on. own: of its libraries' none."""
        self.page[:CONTROL.size] = CONTROL.pack(program.encode(), 0, n, 0, 0, 0, own)

    @property
    def count(self):
        return CONTROL.unpack_from(self.page)[1]

    @property
    def failed(self):
        return CONTROL.unpack_from(self.page)[3]

    def jump(self, wall_s=0, boot_ms=0):
        """So far ahead of what the clocks say."""
        struct.pack_into('<qq', self.page, 56, wall_s, boot_ms)

    def close(self):
        self.page.close()


class Session:
    """Asks for a bit of everything; each thing may fail."""

    def __init__(self, link, d):
        self.link, self.d, self.target, self.failures = link, d, link.next_target, []

    def do(self, name, **fields):
        try:
            return self.link.do(name, **fields)
        except wire.Error as e:
            self.failures.append((name, e.name))
        return None

    def look(self):
        """What the reader answers."""
        self.do('ps', limit=3)
        self.do('facts', pid=self.d.pid)
        self.do('maps', pid=self.d.pid)
        self.do('environment', pid=self.d.pid)
        self.do('file_read', path='/etc/passwd', len=100)
        self.do('file_list', path='/')

    def debug(self):
        target, d = self.target, self.d
        with contextlib.suppress(wire.Error):
            self.link.attach(d.pid)
        self.link.settle(0.02)
        p = patch(d, 1, 'beat')
        self.do('patch_set', target=target, patches=[p, patch(d, 2, 'beat', False, kind='HARD', ignore=1 << 60)])
        for _ in range(3):
            self.do('go', target=target, stop=E['STOPS_ALL'],
                    threads=[{'tid': 0, 'signal': -1, 'action': E['RESUME_CONT']}])
            self.link.settle(0.02)
        self.do('threads', target=target)
        self.do('mem_read', target=target, ranges=[{'addr': p['addr'], 'len': 64}])
        self.do('mem_write', target=target, writes=[{'addr': d.facts['counts'] + 8000, 'data': b'x' * 8}])
        self.do('regs_read', target=target, notes=[{'note': 1}])
        self.do('snapshot', target=target, window=512, total=1 << 20, notes=[{'note': 1}])
        self.do('catch', target=target, events=0, follow=E['FOLLOW_PARENT'])
        self.do('patch_clear', target=target, ids=[{'id': 2}])

    def launch(self):
        self.do('launch', target=77, program='/bin/true', args=strings(['true']), env=b'')
        self.link.settle(0.02)
        self.do('resume', target=77, threads=[{'tid': 0, 'signal': -1}])
        self.link.settle(0.02)

    def run(self):
        """How the guard ended."""
        try:
            self.look()
            self.debug()
            self.launch()
            self.do('detach', target=self.target)
        except (wire.Closed, OSError):
            self.failures.append(('link', 'closed'))
        with contextlib.suppress(OSError):
            self.link.child.stdin.close()
        status = self.link.child.wait(harness.PATIENCE)
        self.link.close()
        return status


def session(control, d):
    """A guard and tracer of these programs; None: they ended at once, or could not open a session."""
    guard = os.path.join(control.place, 'libexec/procsrv/procsrv-guard')
    link = wire.Link([guard, '-stdio'], open=False, timeout=harness.PATIENCE,
                     cwd='/', **tracer.as_user(harness.ALICE))
    try:
        link.start(64 << 20)
        return Session(link, d)
    except (wire.Closed, wire.Error, OSError):
        link.close()
        return None
