# SPDX-License-Identifier: BSD-2-Clause
"""A network that loses, delays and reorders packets: two namespaces (network_namespaces(7)) with a TUN device each
(the kernel's Documentation/networking/tuntap.rst), and what is between them."""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
BOX, HOST = '10.77.0.1', '10.77.0.2'


def own_namespace():
    fd = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    return fd


def enter(namespace):
    """This thread, and who it starts."""
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


class Lossy:
    """In its block this thread is at the host's end; at_box() is the other one."""

    def __init__(self, loss=0.3, delay=0.15, reorder=0.05, seed=1):
        self.loss, self.delay, self.reorder, self.random = loss, delay, reorder, random.Random(seed)
        self.seen = self.lost = 0
        self.over = False

    def _end(self, mine, theirs):
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'unshare')
        tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'wire', IFF_TUN | IFF_NO_PI))
        for command in ('link set lo up', f'addr add {mine} peer {theirs} dev wire', 'link set wire up'):
            subprocess.run(['ip', *command.split()], check=True)
        return tun, own_namespace()

    def __enter__(self):
        self.outside = own_namespace()
        try:
            self.box = self._end(BOX, HOST)
            self.host = self._end(HOST, BOX)
        except BaseException:
            enter(self.outside)
            raise
        self.carrier = threading.Thread(target=self.carry, daemon=True)
        self.carrier.start()
        return self

    @contextlib.contextmanager
    def at_box(self):
        enter(self.box[1])
        yield
        enter(self.host[1])

    def carry(self):
        under_way, n = [], 0
        ends = {self.box[0]: self.host[0], self.host[0]: self.box[0]}
        while not self.over:
            wait = max(0, under_way[0][0] - time.monotonic()) if under_way else 0.1
            for fd in select.select(list(ends), [], [], min(wait, 0.1))[0]:
                packet = os.read(fd, 65536)
                self.seen += 1
                if self.random.random() < self.loss:
                    self.lost += 1
                    continue
                late = self.delay * (2 if self.random.random() < self.reorder else 1)
                n += 1
                heapq.heappush(under_way, (time.monotonic() + late, n, ends[fd], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                with contextlib.suppress(OSError):
                    os.write(under_way[0][2], under_way[0][3])
                heapq.heappop(under_way)

    def __exit__(self, *exc):
        self.over = True
        self.carrier.join()
        enter(self.outside)
        for fd in (*self.box, *self.host, self.outside):
            os.close(fd)
