# SPDX-License-Identifier: BSD-2-Clause
"""A small Debian, booted in a container with systemd as its first process."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

import clean
import harness

SANITIZED = 'san' in os.path.basename(harness.BUILD)


def sh(*args, **how):
    return subprocess.run(args, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, **how)


def install(destdir):
    """Below destdir/usr/local; the host's programs stay out, for a box has none of their libraries."""
    sh(os.environ.get('MAKE', 'make'), '-C', harness.TOP, f'BUILD={os.path.relpath(harness.BUILD, harness.TOP)}',
       'PROGS_HOST=', 'install', f'DESTDIR={destdir}', 'PREFIX=/usr/local')


def libraries():
    """The packages a box needs to run what was built here."""
    found = set()
    for program in ('bin/procsrv', 'libexec/procsrv/procsrv-listener', 'libexec/procsrv/procsrv-monitor',
                    'libexec/procsrv/procsrv-conn', 'libexec/procsrv/procsrv-keygen'):
        for path in re.findall(r'=> (/\S+)', sh('ldd', os.path.join(harness.BUILD, program)).stdout):
            for name in {path, os.path.realpath(path), path.removeprefix('/usr')}:
                r = subprocess.run(['dpkg-query', '-S', name], capture_output=True, text=True)
                found |= {line.split(':')[0] for line in r.stdout.splitlines()}
    return sorted(found)


def rootfs():
    """A small Debian, made once and kept outside the tree."""
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'procsrv-tests')
    with open('/etc/os-release') as f:
        suite = re.search(r'VERSION_CODENAME=(\w+)', f.read())[1]
    packages = ','.join(['systemd', 'systemd-sysv', 'dbus', 'procps', *libraries()])
    path = os.path.join(cache, f'box-{suite}-{hashlib.sha256(packages.encode()).hexdigest()[:8]}')
    if not os.path.exists(path):
        os.makedirs(cache, exist_ok=True)
        making = f'{path}.{os.getpid()}'
        r = subprocess.run(['mmdebstrap', '--quiet', '--variant=minbase', f'--include={packages}', suite, making],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if r.returncode:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip('mmdebstrap cannot make a box: ' + ' '.join(r.stderr.split('\n')[-3:]).strip())
        os.rename(making, path)
    return path


class Container:
    """A booted box; what is written into it is gone with it."""

    def __init__(self, directory):
        self.dir = directory
        self.root = os.path.join(directory, 'root')
        top = os.path.join(directory, 'top')
        for d in (self.root, top):
            os.mkdir(d)
        sh('mount', '-t', 'tmpfs', 'box', top)
        for d in ('upper', 'work'):
            os.mkdir(os.path.join(top, d))
        sh('mount', '-t', 'overlay', 'overlay', '-o', f'lowerdir={rootfs()},upperdir={top}/upper,workdir={top}/work',
           self.root)
        self.mounts = [self.root, top]
        # Nothing is to be remounted in a container, and where it fails the box counts as degraded.
        self.mask('systemd-remount-fs.service')
        self.init, self.log, self.nspawn = [], None, None

    def boot(self):
        self.log = open(os.path.join(self.dir, 'boot.log'), 'w')
        # Its own network: port 7000 of this machine may be taken.
        self.nspawn = subprocess.Popen(
            ['systemd-nspawn', '-q', '--register=no', '--keep-unit', '--boot', '-D', self.root, '--private-network'],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        late = clean.eventually(lambda: not self.is_up() and self.nspawn.poll() is None, 30)
        if self.nspawn.poll() is not None:
            with open(self.log.name) as f:
                pytest.skip('systemd-nspawn cannot boot a box here: ' + ' '.join(f.read().split('\n')[-3:]).strip())
        assert not late, f'the box is {self.systemctl("is-system-running")}: {self.systemctl("--failed")}'

    def path(self, name):
        return os.path.join(self.root, name.lstrip('/'))

    def write(self, name, text, mode='w'):
        with open(self.path(name), mode) as f:
            f.write(text)

    def mask(self, unit):
        directory = self.path('/etc/systemd/system')
        os.makedirs(directory, exist_ok=True)
        # A file without a word: no link to the machine's own /dev/null, whoever may write through it.
        self.write(os.path.join('/etc/systemd/system', unit), '')

    def people(self):
        self.write('/etc/passwd', 'alice:x:30001:30001::/:/bin/sh\n', 'a')
        self.write('/etc/group', 'alice:x:30001:\n', 'a')

    def want(self, target, unit):
        """What systemctl enable does."""
        directory = self.path(f'/etc/systemd/system/{target}.target.wants')
        os.makedirs(directory, exist_ok=True)
        os.symlink(unit, os.path.join(directory, os.path.basename(unit)))

    def service(self, name, command, more=''):
        """Something of alice's, to be debugged."""
        unit = f'/etc/systemd/system/{name}.service'
        self.write(unit, f'[Service]\nUser=alice\nExecStart={command}\n{more}')
        self.want('multi-user', unit)

    def prepare(self, keys):
        install(self.root)
        sh('chroot', self.root, '/usr/local/bin/procsrv', '-keygen')
        self.people()
        self.write('/etc/procsrv/authorized_keys', f'{keys["alice"].fingerprint} user=alice # alice@test\n', 'a')
        self.service('victim', '/bin/sleep infinity', 'PrivateTmp=yes\nProtectHome=yes\n')
        # Its main process is neither its newest nor the only one of its name.
        self.service('family', '/bin/sh -c "/bin/sh -c \'sleep infinity; :\' & wait"')
        self.want('sockets', '/usr/local/lib/systemd/system/procsrv.socket')

    def launches(self):
        """The drop-in, as its own text says."""
        directory = self.path('/etc/systemd/system/procsrv.service.d')
        os.makedirs(directory)
        shutil.copy(self.path('/usr/local/share/procsrv/launch.conf'), directory)
        self.systemctl('daemon-reload')

    def is_up(self):
        # Its first child is soon replaced by the one that stays.
        try:
            with open(f'/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children') as f:
                self.init = f.read().split()[0:1]
        except OSError:
            self.init = []  # it has ended
        return self.init and self.systemctl('is-system-running') == 'running'

    def run(self, *args, inside=('-m', '-u', '-i', '-n', '-p', '-C')):
        return subprocess.run(['nsenter', '-t', self.init[0], *inside, *args], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE,
                              env=dict(os.environ, PATH='/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'))

    def systemctl(self, *args):
        return self.run('systemctl', '--no-pager', *args).stdout.strip()

    def await_state(self, unit, state):
        last = clean.eventually(lambda: (s := self.systemctl('is-active', unit)) != state and [s], 20)
        assert not last, f'{unit} is {last}:\n{self.journal()}'

    def journal(self):
        return self.run('journalctl', '--no-pager', '-u', 'procsrv.service').stdout

    def status(self):
        return json.loads(self.run('procsrv', '-status', '-json').stdout)

    def failed(self):
        """Units that have. On a busy machine the box's systemd removes a control group (of version 1) that it is about to
        start ExecStopPost in, and says 219/CGROUP: where that is all the service has failed in, it is no failure of ours."""
        failed = self.systemctl('--failed', '--quiet', '--plain').splitlines()
        said = self.journal()
        ends = re.findall(r'procsrv\.service: (\w+) process exited, code=(\w+), status=(\S+)', said)
        why = re.findall(r"procsrv\.service: Failed with result '([\w-]+)'", said)
        ours = set(ends) != {('Control', 'exited', '219/CGROUP')} or set(why) != {'exit-code'}
        return [line for line in failed if ours or line.split()[0] != 'procsrv.service']

    def main(self, unit):
        return self.systemctl('show', '-P', 'MainPID', unit)

    def tracer(self, pid):
        return re.search(r'TracerPid:\t(\d+)', self.run('cat', f'/proc/{pid}/status').stdout)[1]

    def hdb(self, keys):
        """hdb as alice, in the box's network."""
        touch_port(self)
        self.await_state('procsrv.service', 'active')
        where = f'tls:server=127.0.0.1,port=7000,key={keys["alice"].path},pin={self.status()["listeners"][0]["pin"]}'
        return [shutil.which('nsenter'), '-t', self.init[0], '-n', harness.program('hdb'), '-premote', where]

    def close(self):
        if self.init and self.nspawn.poll() is None:
            try:
                os.kill(int(self.init[0]), signal.SIGRTMIN + 3)
                self.nspawn.wait(30)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                self.nspawn.kill()
                self.nspawn.wait()
        if self.log:
            self.log.close()
        for mount in self.mounts:
            subprocess.run(['umount', '-l', mount], check=True)


def need(*tools):
    """Else the test is skipped by the name of what is missing."""
    if SANITIZED:
        pytest.skip('the sanitizers\' run-time is not in the container')
    for tool in ('systemd-nspawn', 'mmdebstrap', 'nsenter', *tools):
        if not shutil.which(tool):
            pytest.skip(f'no {tool}')


def touch_port(container):
    """A connection from inside its network, which sends nothing of use."""
    return container.run('/bin/bash', '-c', 'exec 7<>/dev/tcp/127.0.0.1/7000 && echo >&7 && cat <&7', inside=('-n',))
