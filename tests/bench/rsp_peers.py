# SPDX-License-Identifier: BSD-2-Clause
"""Stock gdb over three roads to the same box: the bridge, gdbserver in clear, and gdbserver through ssh -L to an sshd
of this bench's own. The proxy stands where the long way is: between the bridge and procsrv, gdb and gdbserver, ssh
and sshd."""

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile

import harness
from peers import Peer, Run, listens

SCRIPT = """
set sysroot /
set debuginfod enabled off
set auto-load off
set confirm off
set pagination off
set height 0
set style enabled off
python
import time, gdb
def do(command):
    gdb.execute(command, to_string=True)
def took(began):
    print('SECONDS', time.monotonic() - began)
began = time.monotonic()
do('target extended-remote %(where)s')
do('attach %(pid)d')
connected = time.monotonic()
%(work)s
end
detach
"""
STOPS = """do('break %(at)s')
do('continue')
%(before)s
began = time.monotonic()
for n in range(%(count)d):
    %(each)s
print('SECONDS', (time.monotonic() - began) / %(count)d)
do('delete')
"""


def work(what, d=None, count=10, size=0, to='/dev/null'):
    if what == 'connect':
        return "print('SECONDS', connected - began)"
    if what == 'all':
        return "do('thread apply all bt')\ntook(connected)"
    if what == 'dump':
        start = d.facts['noise']
        return f"do('dump memory {to} {start:#x} {start + size:#x}')\ntook(connected)"
    if what == 'stops':
        return STOPS % {'at': 'hit', 'count': count, 'before': '', 'each': "do('continue'); do('bt')"}
    return STOPS % {'at': 'hit', 'count': count, 'before': "do('delete')\ndo('finish')", 'each': "do('next')"}


class Road(Peer):
    """Of gdb to the box: road(delay, what) is to give what stands behind `target extended-remote' and the proxy."""

    def go(self, d, what, delay, **how):
        with self.road(delay, what) as (where, proxy):
            path = self.world.path('gdb.script')
            with open(path, 'w') as f:
                f.write(SCRIPT % {'where': where, 'pid': d.pid, 'work': work(what, d, **how)})
            out = self.output(['gdb', '-nx', '-batch', '-x', path]).out
            links = proxy.finish()
        return Run(self.seconds(out), links[-1] if links else {'waits': 0, 'up': 0, 'down': 0})


class Bridge(Road):
    name = 'hdb -rsp'

    def __init__(self, world):
        super().__init__(world)
        self.box = world.box()

    @contextlib.contextmanager
    def road(self, delay, what):
        """A pipe, but for much data: of a pipe gdb looks at standard error after each single byte."""
        p = harness.Proxy(self.box.port, '-delay', delay)
        words = [harness.program('hdb'), *self.world.premote(self.box, port=p.port), '-rsp']
        path, listening = self.world.path('rsp.sock'), None
        try:
            if what == 'dump':
                listening = subprocess.Popen([*words, f'unix:path={path}', '--once'], stdin=subprocess.DEVNULL,
                                             stderr=subprocess.PIPE, env=self.world.env)
                assert listening.stderr.readline().startswith(b'Listening'), 'the bridge does not listen'
            yield path if listening else '| ' + shlex.join(words), p
        finally:
            if listening:
                listening.communicate()
            p.finish()


@contextlib.contextmanager
def gdbserver():
    """Its port."""
    p = subprocess.Popen(['gdbserver', '--multi', '--once', '127.0.0.1:0'], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield listens(p.pid)
    finally:
        p.kill()
        p.wait()


class Direct(Road):
    name = 'gdbserver'

    @contextlib.contextmanager
    def road(self, delay, what):
        with gdbserver() as port:
            p = harness.Proxy(port, '-delay', delay)
            try:
                yield f'127.0.0.1:{p.port}', p
            finally:
                p.finish()


class Tunnel(Road):
    name = 'ssh -L'

    def __init__(self, world):
        """An sshd with keys of its own, for who runs this; RuntimeError when it cannot be."""
        super().__init__(world)
        self.sshd = shutil.which('sshd', path=os.environ['PATH'] + ':/usr/sbin')
        if not self.sshd or not shutil.which('ssh'):
            raise RuntimeError('sshd and ssh are not installed')
        self.dir = tempfile.mkdtemp(prefix='pss')
        for name in ('host', 'user'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{self.dir}/{name}'], check=True)
        self.port = harness.free_port()
        with open(f'{self.dir}/sshd_config', 'w') as f:
            f.write(f'Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.dir}/host\nPidFile none\nUsePAM no\n'
                    f'AuthorizedKeysFile {self.dir}/user.pub\nStrictModes no\nPermitRootLogin yes\n')
        if harness.ROOT:  # which sshd wants to be there, of whatever package it is
            os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
        self.server = subprocess.Popen([self.sshd, '-D', '-f', f'{self.dir}/sshd_config'], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            listens(self.server.pid)
        except AssertionError:
            self.close()
            raise RuntimeError('sshd does not start here') from None

    def close(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.dir)

    @contextlib.contextmanager
    def road(self, delay, what):
        near = harness.free_port()
        with gdbserver() as far:
            p = harness.Proxy(self.port, '-delay', delay)
            argv = ['ssh', '-N', '-F', 'none', '-i', f'{self.dir}/user', '-p', str(p.port), '-L',
                    f'127.0.0.1:{near}:127.0.0.1:{far}', '-o', 'StrictHostKeyChecking=no', '-o',
                    'UserKnownHostsFile=/dev/null', '-o', 'ExitOnForwardFailure=yes', '127.0.0.1']
            ssh = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                listens(ssh.pid)
                yield f'127.0.0.1:{near}', p
            finally:
                ssh.terminate()
                ssh.wait()
                p.finish()


@contextlib.contextmanager
def roads(world):
    """Those there are here."""
    found = [Bridge(world), Direct(world)]
    tunnel = None
    try:
        tunnel = Tunnel(world)
        found.append(tunnel)
    except RuntimeError as e:
        print(f'  (not through ssh -L: {e})')
    try:
        yield found
    finally:
        if tunnel:
            tunnel.close()
