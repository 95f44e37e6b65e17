# SPDX-License-Identifier: BSD-2-Clause
"""Servers that nobody wrote for these tests, started for one of them."""

import os
import pwd
import shutil
import socket
import subprocess
import time

import pytest

import clean
import harness


class Service:
    """Duck-typed as a Debuggee: judged and ended with the test."""

    def __init__(self, world, argv, listening=None, user=None):
        ids = pwd.getpwnam(user or harness.ALICE) if harness.ROOT else None
        self.argv = argv
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=world.dir,
            **(dict(user=ids.pw_uid, group=ids.pw_gid, extra_groups=[]) if ids else {}))
        self.pid = self.process.pid
        world.debuggees.append(self)
        if listening:
            end = time.monotonic() + 30
            while socket.socket().connect_ex(('127.0.0.1', listening)) != 0:
                assert self.process.poll() is None, f'{argv} ended'
                assert time.monotonic() < end, f'{argv} does not listen'
                time.sleep(0.02)

    def faults(self):
        if self.process.poll() is not None:
            return [f'{self.argv} has ended']
        return [f for pid in [self.pid, *clean.descendants(self.pid)] for f in clean.process_faults(pid)]

    def end(self):
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(10)
            return []
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f'{self.argv} did not end']


def own_dir(world, name):
    path = world.path(name)
    os.mkdir(path)
    if harness.ROOT:
        os.chown(path, pwd.getpwnam(harness.ALICE).pw_uid, -1)
    return path


def need(program):
    path = shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin:/sbin')
    if not path:
        pytest.skip(f'{program} is not installed')
    return path


def start_redis(world):
    """The server and its port."""
    port = harness.free_port()
    return Service(world, [need('redis-server'), '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--dir',
                           own_dir(world, 'redis')], port), port
