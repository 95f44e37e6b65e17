# SPDX-License-Identifier: BSD-2-Clause
"""A file system whose server has stopped answering: FUSE (the kernel's Documentation/filesystems/fuse.rst and
linux/fuse.h), spoken as far as to be mounted, or to have one file."""

import ctypes
import errno
import os
import select
import struct
import threading

libc = ctypes.CDLL(None, use_errno=True)
IN_HEAD = struct.Struct('<IIQQIIIHH')
LOOKUP, FORGET, GETATTR, OPEN, READ, GETXATTR, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 15, 22, 26, 36, 42
DETACH = 2
LONG = 1 << 30  # seconds for which an answer is good


class Frozen:
    """Mounted at path while in its block; whoever asks for anything below waits until its end."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        os.mkdir(self.path)
        self.fd = os.open('/dev/fuse', os.O_RDWR)
        data = f'fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
        if libc.mount(b'frozen', self.path.encode(), b'fuse', 0, data) != 0:
            raise OSError(ctypes.get_errno(), 'mount')
        head = IN_HEAD.unpack_from(request := os.read(self.fd, 1 << 20))
        assert head[1] == INIT
        major, minor = struct.unpack_from('<II', request, IN_HEAD.size)
        self.answer(head[2], struct.pack('<IIIIHHIIHHI28x', major, minor, 0, 0, 1, 1, 4096, 1, 0, 0, 0))
        # A request that the server has taken cannot be broken off any more, not even by SIGKILL.
        self.over = False
        self.server = threading.Thread(target=self.take, daemon=True)
        self.server.start()
        return self

    def answer(self, id, data=b'', error=0):
        os.write(self.fd, struct.pack('<IiQ', 16 + len(data), -error, id) + data)

    def take(self):
        while not self.over:
            if select.select([self.fd], [], [], 0.05)[0]:
                self.taken(os.read(self.fd, 1 << 20))

    def taken(self, request):
        pass

    def __exit__(self, *exc):
        self.over = True
        self.server.join()
        os.close(self.fd)  # all who wait are told that there is nobody
        libc.umount2(self.path.encode(), DETACH)


class FrozenFile(Frozen):
    """With one file, "file", whose bytes nobody gets until thaw()."""

    def __init__(self, path, data):
        super().__init__(path)
        self.data, self.waiting, self.thawed, self.lock = data, [], False, threading.Lock()
        self.left = {}  # {what: how often that is still answered}
        self.unanswered = []

    def attributes(self, node):
        mode, size = (0o40755, 0) if node == 1 else (0o100755, len(self.data))
        return struct.pack('<6Q10I', node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def taken(self, request):
        size, what, id, node, *_ = IN_HEAD.unpack_from(request)
        if what in self.left:
            self.left[what] -= 1
        if self.left.get(what, 0) < 0:
            self.unanswered.append(what)
        elif what == LOOKUP and request[IN_HEAD.size:].rstrip(b'\0') == b'file':
            self.answer(id, struct.pack('<4Q2I', 2, 0, LONG, LONG, 0, 0) + self.attributes(2))
        elif what == LOOKUP:
            self.answer(id, error=errno.ENOENT)
        elif what == GETATTR:
            self.answer(id, struct.pack('<Q2I', LONG, 0, 0) + self.attributes(node))
        elif what == OPEN:
            self.answer(id, struct.pack('<Q2I', 1, 0, 0))
        elif what == READ:
            with self.lock:
                self.waiting.append((id, *struct.unpack_from('<QQI', request, IN_HEAD.size)[1:]))
            if self.thawed:
                self.thaw()
        elif what == GETXATTR:
            self.answer(id, error=errno.ENODATA)
        elif what not in (FORGET, INTERRUPT, BATCH_FORGET):
            self.answer(id, error=errno.ENOSYS)

    def executed_once(self):
        """Whoever executes it gets what that takes (opened, and asked for its capabilities by the kernel), and
        everybody after it waits."""
        self.thaw()
        self.left = {OPEN: 1, GETXATTR: 1, GETATTR: 0, LOOKUP: 1}

    def thaw(self):
        """From now on, and what was asked before."""
        self.thawed = True
        with self.lock:
            for id, offset, size in self.waiting:
                self.answer(id, self.data[offset:offset + size])
            self.waiting = []
