# SPDX-License-Identifier: BSD-2-Clause
"""Servers that nobody wrote for these tests, started for one of them."""

import glob
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


def start_nginx(world):
    """The master and its port."""
    port, directory = harness.free_port(), own_dir(world, 'nginx')
    config = world.path('nginx.conf')
    with open(config, 'w') as f:
        f.write(f'daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;\n'
                'events {} http { access_log off;\n' +
                ''.join(f'{k}_temp_path {directory}/{k};' for k in
                        ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')) +
                f'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "here\\n"; }} }} }}')
    nginx = Service(world, [need('nginx'), '-e', f'{directory}/error.log', '-p', directory, '-c', config], port)
    assert not clean.eventually(lambda: not clean.descendants(nginx.pid)), "no worker"
    return nginx, port


def start_postgres(world):
    """The postmaster and its port; anybody may connect as its user."""
    port, directory = harness.free_port(), own_dir(world, 'postgres')
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
    if not found:
        pytest.skip('postgres is not installed')
    ids = pwd.getpwnam(harness.ALICE)
    subprocess.run([f'{found[-1]}/initdb', '-D', directory, '-A', 'trust', '-U', 'alice', '--no-sync'], check=True,
                   stdout=subprocess.DEVNULL, cwd=world.dir,
                   **(dict(user=ids.pw_uid, group=ids.pw_gid, extra_groups=[]) if harness.ROOT else {}))
    return Service(world, [f'{found[-1]}/postgres', '-D', directory, '-k', directory, '-p', str(port), '-c',
                           'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', 'autovacuum=off'], port), port


def start_python(world):
    port = harness.free_port()
    code = ('import http.server as h\n'
            f'h.HTTPServer(("127.0.0.1",{port}),h.SimpleHTTPRequestHandler).serve_forever()')
    return Service(world, ['/usr/bin/python3', '-c', code], port), port


def start_node(world):
    port = harness.free_port()
    code = f"require('http').createServer((q, r) => r.end('here\\n')).listen({port}, '127.0.0.1')"
    return Service(world, [need('node'), '-e', code], port), port
