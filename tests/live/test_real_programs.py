# SPDX-License-Identifier: BSD-2-Clause
"""Programs nobody wrote for us: attach, backtraces of all threads, detach, and they still serve."""

import shutil
import socket
import urllib.request

import clean
import harness
from services import Service, start_nginx, start_redis


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


def ask_redis(port, *words):
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.sendall(b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%s\r\n' % (len(w), w) for w in words))
        return s.recv(4096)


def test_redis_serves_on(world, hdb, box):
    redis, port = start_redis(world)
    assert ask_redis(port, b'SET', b'key', b'value') == b'+OK\r\n'
    out, snapshot = look(hdb, box, redis.pid)
    assert len(snapshot['threads']) == len(clean.threads(redis.pid)) > 1
    assert 'epoll_wait' in ' '.join(names(snapshot))
    assert ask_redis(port, b'GET', b'key') == b'$5\r\nvalue\r\n'


def test_redis_answers_while_it_is_looked_at_again_and_again(world, hdb, box):
    redis, port = start_redis(world)
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
    nginx, port = start_nginx(world)
    workers = list(clean.descendants(nginx.pid))
    for pid in (nginx.pid, workers[0]):
        out, snapshot = look(hdb, box, pid)
        assert snapshot['threads'][0]['frames'][-1]['function'] in ('_start', 'main', '__libc_start_main', None)
    assert urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=10).read() == b'here\n'
