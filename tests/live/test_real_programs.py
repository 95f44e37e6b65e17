# SPDX-License-Identifier: BSD-2-Clause
"""Programs nobody wrote for us: attach, backtraces of all threads, detach, and they still serve."""

import os
import pwd
import shutil
import socket
import subprocess
import time
import urllib.request

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


def look(hdb, box, pid):
    """Attach, all backtraces, detach; and a snapshot."""
    r = hdb('-p', pid, '-batch', '-ex', 'info threads', '-ex', 'thread apply all bt', '-ex', 'detach', box=box)
    assert r.status == 0, r
    assert '#0' in r.out
    s = hdb('-snapshot', pid, '-json', box=box)
    assert s.status == 0, s
    return r.out, s.json


def names(snapshot):
    return [f['function'] for t in snapshot['threads'] for f in t['frames'] if f['function']]


def need(program):
    path = shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin:/sbin')
    if not path:
        pytest.skip(f'{program} is not installed')
    return path


def ask_redis(port, *words):
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words))
        return s.recv(4096)


def test_redis_serves_on(world, hdb, box):
    port = harness.free_port()
    redis = Service(world, [need('redis-server'), '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--dir',
                            own_dir(world, 'redis')], port)
    assert ask_redis(port, b'SET', b'key', b'value') == b'+OK\r\n'
    out, snapshot = look(hdb, box, redis.pid)
    assert len(snapshot['threads']) == len(clean.threads(redis.pid)) > 1
    assert 'epoll_wait' in ' '.join(names(snapshot))
    assert ask_redis(port, b'GET', b'key') == b'$5\r\nvalue\r\n'


def test_redis_answers_while_it_is_looked_at_again_and_again(world, hdb, box):
    port = harness.free_port()
    redis = Service(world, [need('redis-server'), '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--dir',
                            own_dir(world, 'redis')], port)
    for i in range(10):
        assert hdb('-snapshot', redis.pid, '-json', box=box).status == 0
        assert ask_redis(port, b'INCR', b'n') == b':%d\r\n' % (i + 1)


def test_python_is_seen_by_its_c_functions(world, hdb, box):
    port = harness.free_port()
    python = shutil.which('python3-dbg') or '/usr/bin/python3'
    code = ('import threading,time,http.server as h\n'
            'threading.Thread(target=time.sleep,args=(1000,),daemon=True).start()\n'
            f'h.HTTPServer(("127.0.0.1",{port}),h.SimpleHTTPRequestHandler).serve_forever()')
    service = Service(world, [python, '-c', code], port)
    _, snapshot = look(hdb, box, service.pid)
    assert len(snapshot['threads']) == 2
    seen = names(snapshot)
    if 'dbg' in python:
        assert any('PyEval_EvalFrameDefault' in n for n in seen), seen
        assert any(f['line'] for t in snapshot['threads'] for f in t['frames'] if 'PyEval' in (f['function'] or ''))
    assert urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=10).status == 200


def test_nginx_serves_on(world, hdb, box):
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
    workers = list(clean.descendants(nginx.pid))
    for pid in (nginx.pid, workers[0]):
        out, snapshot = look(hdb, box, pid)
        assert snapshot['threads'][0]['frames'][-1]['function'] in ('_start', 'main', '__libc_start_main', None)
    assert urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=10).read() == b'here\n'
