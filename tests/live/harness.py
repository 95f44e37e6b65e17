# SPDX-License-Identifier: BSD-2-Clause
"""Boxes, debuggees, hdb and proxies of one test, and the check that nothing of it is left."""

import base64
import hashlib
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time

import clean

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get('BUILD', 'build'))
PREFIX = os.environ.get('PROCSRV_PREFIX')  # root: where "make install" put things
ROOT = os.geteuid() == 0
# As root they run as other users, who may not reach a clone below /root: check.sh has made a copy.
DEBUGGEES = os.path.join(PREFIX if ROOT and PREFIX and os.path.exists(os.path.join(PREFIX, 'debuggees')) else BUILD,
                         'debuggees')
# The sanitizers and a busy machine are slow; nothing but hangs should meet this.
PATIENCE = 120 if 'san' in os.path.basename(BUILD) else 60

# make stress: as often as it takes to find what is rare.
STRESS = 'STRESS' in os.environ

# Who the box serves. As root these come from the bound /etc/passwd (conftest).
ALICE = 'alice' if ROOT else pwd.getpwuid(os.getuid()).pw_name
BOB = 'bob' if ROOT else None

# Programs for i386 are there when the cross compilers are.
I386 = all(os.path.exists(os.path.join(DEBUGGEES, name)) for name in ('sleepers-i386', 'steps-cc-i386'))

DAMAGE = ('AddressSanitizer', 'LeakSanitizer', 'runtime error:', 'Assertion', 'stack smashing', 'core dumped')


def program(name):
    """A program of ours: installed where root runs it from, else of the build."""
    base = PREFIX if ROOT and PREFIX else BUILD
    return os.path.join(base, 'bin', name)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Key:
    """A key file as ours are: private key and self-signed certificate; made by OpenSSL, so that the
    programs' own idea of keys and fingerprints is checked against another's."""

    def __init__(self, directory, name):
        self.name = name
        self.path = os.path.join(directory, name + '.pem')
        pem = subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-sha256',
             '-nodes', '-days', '3650', '-subj', '/CN=' + name, '-keyout', '-', '-out', '-'],
            check=True, capture_output=True, text=True).stdout
        with open(self.path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(pem)
        der = subprocess.run(['openssl', 'pkey', '-pubout', '-outform', 'DER'], input=pem.encode(), check=True,
                             capture_output=True).stdout
        self.fingerprint = 'SHA256:' + base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip('=')


class Result:
    """What a finished program said."""

    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f'{" ".join(self.argv)}\nstatus {self.status}\n--- out\n{self.out}\n--- err\n{self.err}'


class Debuggee:
    """One of tests/debuggees, up to its "ready"."""

    def __init__(self, argv, user=None, busy=False, env=None):
        self.argv = argv
        self.expect_gone = False
        ids = pwd.getpwnam(user or ALICE) if ROOT else None
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, **(env or {})), cwd='/',
            **(dict(user=ids.pw_uid, group=ids.pw_gid, extra_groups=[]) if ids else {}))
        self.pid = self.process.pid
        self.facts = {}
        while (line := self.process.stdout.readline().decode()) != 'ready\n':
            if not line:
                raise RuntimeError(f'{argv} ended before it was ready')
            name, _, value = line.partition(' ')
            self.facts[name] = int(value, 16)
        if not busy:
            self.settle()

    def settle(self):
        """Until all its threads are asleep."""
        def awake():
            return [t for t in clean.threads(self.pid)
                    if (s := clean.status(self.pid, t)) and s['State'][0] != 'S']
        left = clean.eventually(awake, 30)
        assert not left, f'{self.argv}: threads {left} do not sleep'

    def tids(self):
        return clean.threads(self.pid)

    def faults(self):
        if self.process.poll() is not None:
            return [] if self.expect_gone else [f'{self.argv} has ended: status {self.process.returncode}']
        return clean.process_faults(self.pid)

    def end_children(self):
        """SIGKILL for what it has made."""
        for pid in clean.descendants(self.pid):
            os.kill(pid, signal.SIGKILL)

    def kill(self):
        self.expect_gone = True
        self.process.kill()
        self.process.wait()

    def end(self):
        """Close its stdin, which ends it when it runs: a frozen one does not."""
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
            return []
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f'{self.argv} ({self.pid}) did not end when its stdin was closed']


class Proxy:
    """tests/proxy between hdb and a server; counts is filled when the link has ended."""

    def __init__(self, port, *options, host='127.0.0.1'):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, 'tests', 'proxy'), '-listen', '127.0.0.1:0', '-connect', f'{host}:{port}',
             *map(str, options)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.links = []

    def finish(self):
        """End it; the counts of every link there was."""
        if self.process.returncode is None:
            self.process.terminate()
            self.links = [json.loads(line) for line in self.process.stdout]
            self.process.wait()
            self.process.stdout.close()
        return self.links


class Box:
    """A procsrv on loopback with throw-away key and map. As root it is the installed one, with all its users;
    else it serves whoever runs the tests."""

    def __init__(self, directory, keys, rows=None, options=(), transport='', mode=None, key=None, env=None,
                 at='127.0.0.1'):
        self.dir = directory
        self.address = at
        self.map = os.path.join(directory, 'authorized_keys')
        self.key = key or keys['box']
        self.log_path = os.path.join(directory, 'procsrv.log')
        self.mode = mode or ('root' if ROOT else 'user')
        self.runtime = '/run/procsrv' if self.mode == 'root' else os.path.join(directory, 'run', 'procsrv')
        os.makedirs(os.path.join(directory, 'run'), mode=0o700, exist_ok=True)
        # A short grace: what is left is looked at when a test ends. test_lease.py has others.
        self.write_map(rows if rows is not None else
                       [f'{keys["alice"].fingerprint} user={ALICE} grace=2s # alice@test'])
        self.expect_status = 0
        self.stopped = False
        self.log = open(self.log_path, 'wb')
        self.process = subprocess.Popen(
            [program('procsrv'), '-t', f'tls:port=0,bind={at},key={self.key.path},map={self.map}{transport}',
             *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, XDG_RUNTIME_DIR=os.path.join(directory, 'run'),
                     XDG_CONFIG_HOME=os.path.join(directory, 'config'), **(env or {})))
        self.pid = self.process.pid
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ''
        if not line.startswith('listening '):
            self.process.kill()
            self.process.wait()
            self.stopped = True
            raise RuntimeError(f'procsrv said {line!r} and\n{self.text()}')
        self.listening = line.split(None, 1)[1].strip()
        self.port = int(self.listening.split('port=')[1].split(',')[0])

    def write_map(self, rows):
        with open(self.map, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(''.join(row + '\n' for row in rows))

    def text(self):
        self.log.flush()
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def audit(self, **want):
        """Audit lines as dicts, those that have these fields; the words of a value stay as written."""
        found = []
        for line in self.text().splitlines():
            if 'event=' not in line:
                continue
            fields = dict(w.partition('=')[::2] for w in line[line.index('event='):].split() if '=' in w)
            if all(fields.get(k) == str(v) for k, v in want.items()):
                found.append(fields)
        return found

    def await_audit(self, **want):
        """The same, waited for: audit lines come from other processes than the one that answered."""
        missing = clean.eventually(lambda: not self.audit(**want))
        assert not missing, f'no audit line with {want} in\n{self.text()}'
        return self.audit(**want)

    def sessions(self):
        try:
            return os.listdir(os.path.join(self.runtime, 's'))
        except FileNotFoundError:
            return []

    def children(self):
        return clean.descendants(self.pid)

    def quiet(self):
        """Until the last connection's processes and session are gone; what is left of them."""
        return clean.eventually(lambda: self.sessions() or self.children())

    def stop(self, idle=True):
        """SIGTERM; what was found wrong. idle: no session may be there any more."""
        if self.stopped:
            return []
        self.stopped = True
        faults = [f'session left in {self.runtime}: {s}' for s in (clean.eventually(self.sessions) if idle else [])]
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = f'still there 15 s after SIGTERM, then {self.process.wait()}'
        self.process.stdout.close()
        if status != self.expect_status:
            faults.append(f'procsrv ended with {status}')
        faults += [f'procsrv said: {line}' for line in self.text().splitlines() if any(d in line for d in DAMAGE)]
        self.log.close()
        return faults + [f'session left in {self.runtime} after the end: {s}' for s in clean.eventually(self.sessions)]


class World:
    """Everything one test has started."""

    def __init__(self, keys, base):
        self.keys = keys
        # Short, because unix socket paths end after 108 bytes.
        self.dir = tempfile.mkdtemp(prefix='ps', dir=base)
        os.chmod(self.dir, 0o755)
        self.debuggees, self.boxes, self.proxies, self.others = [], [], [], []
        self.said = []
        self.env = dict(os.environ, XDG_CONFIG_HOME=os.path.join(self.dir, 'config'),
                        XDG_CACHE_HOME=os.path.join(self.dir, 'cache'), DEBUGINFOD_URLS='', HDB_PREMOTE='',
                        NO_COLOR='1')

    def path(self, name):
        return os.path.join(self.dir, name)

    def debuggee(self, name, *args, **how):
        d = Debuggee([os.path.join(DEBUGGEES, name), *map(str, args)], **how)
        self.debuggees.append(d)
        return d

    def box(self, **how):
        directory = self.path(f'b{len(self.boxes)}')
        os.mkdir(directory)
        b = Box(directory, self.keys, **how)
        self.boxes.append(b)
        return b

    def proxy(self, port, *options, **how):
        p = Proxy(port, *options, **how)
        self.proxies.append(p)
        return p

    def premote(self, box, key='alice', port=None, pin=True, more=''):
        text = f'tls:server=127.0.0.1,port={port or box.port},key={self.keys[key].path}'
        return ['-premote', text + (f',pin={box.key.fingerprint}' if pin else '') + more]

    def start(self, argv, **how):
        """Any program, ended with the test."""
        how.setdefault('env', self.env)
        p = subprocess.Popen(argv, **how)
        self.others.append(p)
        return p

    def run(self, argv, input=None, env=None, timeout=PATIENCE):
        p = subprocess.run(argv, input=input, capture_output=True, text=True, errors='replace',
                           env=dict(self.env, **(env or {})), timeout=timeout,
                           **({} if input is not None else {'stdin': subprocess.DEVNULL}), start_new_session=True)
        r = Result(argv, p.returncode, p.stdout, p.stderr)
        self.said.append(r)
        return r

    def hdb(self, *args, box=None, key='alice', port=None, pin=True, **how):
        """hdb to its end; without a box it works on this machine."""
        where = self.premote(box, key, port, pin) if box else []
        return self.run([program('hdb'), *where, *map(str, args)], **how)

    def hdb_start(self, *args, box=None, key='alice', port=None, **how):
        where = self.premote(box, key, port) if box else []
        how = dict(dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                        start_new_session=True), **how)
        return self.start([program('hdb'), *where, *map(str, args)], **how)

    def close(self):
        """End it all, in an order in which each step can be judged; what was found wrong."""
        faults = [f'{r.argv[0]} said: {line}' for r in self.said for line in r.err.splitlines()
                  if any(d in line for d in DAMAGE)]
        for p in self.others:
            if p.poll() is None:
                p.kill()
            p.wait()
            for stream in (p.stdin, p.stdout, p.stderr):
                if stream:
                    stream.close()
        for p in self.proxies:
            p.finish()
        for d in self.debuggees:
            faults += clean.eventually(d.faults)
        for d in self.debuggees:
            faults += d.end()
        for b in self.boxes:
            faults += b.stop()
        faults += [f'process left: {pid} {what}' for pid, what in clean.eventually(self.left).items()]
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)
        self.left()
        shutil.rmtree(self.dir, ignore_errors=True)
        return faults

    @staticmethod
    def left():
        """What is below us; we are the subreaper, so nothing gets away. The dead are buried on the way."""
        found = clean.descendants(os.getpid())
        for pid, what in list(found.items()):
            if what[0] == 'Z':
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass  # somebody else's, soon buried
        return {pid: what for pid, what in found.items() if what[0] != 'Z'}
