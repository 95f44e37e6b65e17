# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units: judged by systemd's own tools, and booted once in a container."""

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

EXPOSURE = 2.4
UNITS = ['procsrv.socket', 'procsrv.service']
SANITIZED = 'san' in os.path.basename(harness.BUILD)


def sh(*args, **how):
    return subprocess.run(args, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, **how)


def install(destdir):
    """Below destdir/usr/local; the host's programs stay out, for a box has none of their libraries."""
    sh(os.environ.get('MAKE', 'make'), '-C', harness.TOP, f'BUILD={os.path.relpath(harness.BUILD, harness.TOP)}',
       'PROGS_HOST=', 'install', f'DESTDIR={destdir}', 'PREFIX=/usr/local')


@pytest.fixture
def units(tmp_path):
    """The units by themselves, with an ExecStart that exists."""
    for name in UNITS:
        with open(os.path.join(harness.TOP, 'systemd', name)) as f:
            text = f.read().replace('/usr/local/bin/procsrv', harness.program('procsrv'))
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in UNITS]


@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='no systemd-analyze')
@pytest.mark.skipif(harness.ROOT and not harness.PREFIX, reason='root needs an installed procsrv')
def test_systemd_has_nothing_to_say_about_the_units(units, tmp_path):
    # It asks man(1) for the pages the units name.
    pages = tmp_path / 'man' / 'man8'
    pages.mkdir(parents=True)
    shutil.copy(os.path.join(harness.TOP, 'man', 'procsrv.8'), pages)
    r = subprocess.run(['systemd-analyze', 'verify', *(['--man=no'] if not shutil.which('man') else []), *units],
                       capture_output=True, text=True, env=dict(os.environ, MANPATH=str(tmp_path / 'man')))
    ours = [line for line in r.stderr.splitlines() if 'procsrv' in line or 'nknown' in line]
    assert (r.returncode, ours) == (0, [])


@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='no systemd-analyze')
def test_the_service_is_exposed_to_2_4_at_most(units):
    r = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager',
                        f'--threshold={int(EXPOSURE * 10)}', units[1]], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    assert float(re.search(r'Overall exposure level.*: ([\d.]+)', r.stdout)[1]) <= EXPOSURE


# ---- a box -----------------------------------------------------------------------------


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

    def prepare(self, keys):
        install(self.root)
        sh('chroot', self.root, '/usr/local/bin/procsrv', '-keygen')
        self.write('/etc/passwd', 'alice:x:30001:30001::/:/bin/sh\n', 'a')
        self.write('/etc/group', 'alice:x:30001:\n', 'a')
        self.write('/etc/procsrv/authorized_keys', f'{keys["alice"].fingerprint} user=alice # alice@test\n', 'a')
        self.write('/etc/systemd/system/victim.service',
                   '[Service]\nUser=alice\nExecStart=/bin/sleep infinity\nPrivateTmp=yes\nProtectHome=yes\n')
        # Its main process is neither its newest nor the only one of its name.
        self.write('/etc/systemd/system/family.service',
                   '[Service]\nUser=alice\nExecStart=/bin/sh -c "/bin/sh -c \'sleep infinity; :\' & wait"\n')
        for wants, unit in (('sockets', '/usr/local/lib/systemd/system/procsrv.socket'),
                            ('multi-user', '/etc/systemd/system/victim.service'),
                            ('multi-user', '/etc/systemd/system/family.service')):
            directory = self.path(f'/etc/systemd/system/{wants}.target.wants')
            os.makedirs(directory, exist_ok=True)
            os.symlink(unit, os.path.join(directory, os.path.basename(unit)))

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
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE)

    def systemctl(self, *args):
        return self.run('systemctl', '--no-pager', *args).stdout.strip()

    def await_state(self, unit, state):
        last = clean.eventually(lambda: (s := self.systemctl('is-active', unit)) != state and [s], 20)
        assert not last, f'{unit} is {last}:\n{self.journal()}'

    def journal(self):
        return self.run('journalctl', '--no-pager', '-u', 'procsrv.service').stdout

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


@pytest.fixture
def container(world, keys):
    if SANITIZED:
        pytest.skip('the sanitizers\' run-time is not in the container')
    for tool in ('systemd-nspawn', 'mmdebstrap', 'nsenter'):
        if not shutil.which(tool):
            pytest.skip(f'no {tool}')
    c = Container(world.dir)
    try:
        c.prepare(keys)
        c.boot()
        yield c
    finally:
        c.close()


def touch_port(container):
    """A connection from inside its network, which sends nothing of use."""
    return container.run('/bin/bash', '-c', 'exec 7<>/dev/tcp/127.0.0.1/7000 && echo >&7 && cat <&7', inside=('-n',))


@pytest.mark.root
def test_the_service_starts_at_the_first_connection_serves_and_stops(world, container):
    container.await_state('procsrv.socket', 'active')
    container.await_state('victim.service', 'active')
    assert container.systemctl('is-active', 'procsrv.service') == 'inactive'
    status = json.loads(container.run('/usr/local/bin/procsrv', '-status', '-json').stdout)
    assert [one['transport'] for one in status['listeners']] == ['tls:port=7000']

    touch_port(container)
    container.await_state('procsrv.service', 'active')
    assert container.systemctl('show', '-P', 'StatusErrno', 'procsrv.service') == '0'
    status = json.loads(container.run('/usr/local/bin/procsrv', '-status', '-json').stdout)
    assert [one['transport'] for one in status['listeners']] == ['tls:bind=[::],port=7000']
    pin = status['listeners'][0]['pin']
    assert 'not TLS' in container.journal()

    if os.path.exists(harness.program('hdb')):
        look(world, container, pin)

    container.systemctl('stop', 'procsrv.socket', 'procsrv.service')
    assert container.systemctl('show', '-P', 'Result', 'procsrv.service') == 'success'
    assert container.systemctl('show', '-P', 'ExecMainStatus', 'procsrv.service') == '0'
    assert container.systemctl('--failed', '--quiet') == ''
    assert container.run('pgrep', 'procsrv').stdout == ''


@pytest.mark.root
@pytest.mark.skipif(not os.path.exists(harness.program('hdb')), reason='no hdb')
def test_with_its_drop_in_the_service_starts_programs_as_a_login_does(world, container):
    script = 'echo $(id -u) $(id -g) $PWD; grep -E "^(NoNewPrivs|Seccomp|Cap(Inh|Prm|Eff|Bnd)|SigBlk|SigIgn)" /proc/self/status;' \
        ' ls -d /home/.; touch /tmp/seen; ulimit -c'
    hdb = inside(world, container)
    r = world.run([*hdb, '-batch', '-ex', 'run', '--', '/bin/sh', '-c', script])
    assert r.status == 1 and 'launch.conf' in r.err, repr(r)

    container.launches()
    container.systemctl('stop', 'procsrv.service')
    r = world.run([*hdb, '-batch', '-ex', 'run', '--', '/bin/sh', '-c', script])
    assert r.status == 0 and 'exited with status 0' in r.out, repr(r)
    # What a unit of that user without restrictions finds in the same box.
    plain = container.run('systemd-run', '--wait', '--pipe', '-q', '--uid=alice', '-p', 'IgnoreSIGPIPE=no', '/bin/sh', '-c',
                          script).stdout
    ours, theirs = ([line for line in text.splitlines() if re.match('NoNew|Seccomp|Cap|Sig', line)] for text in (r.out, plain))
    # What the box's systemd found ignored of the C library's own two signals it cannot but pass on.
    theirs = [re.sub('^SigIgn:\t.*', lambda m: f'SigIgn:\t{int(m[0].split()[1], 16) & ~(3 << 31):016x}', line) for line in theirs]
    assert len(ours) > 7 and ours == theirs
    assert '30001 30001 ' in r.out and '/home/.' in r.out
    assert container.run('test', '-e', '/tmp/seen').returncode == 0
    # A breakpoint in it, and everything is gone with the service.
    p = world.start([*hdb, '-ex', 'run', '--', '/bin/sleep', '600'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
    assert not clean.eventually(lambda: container.run('pgrep', '-u', 'alice', '-f', 'sleep 600').stdout == '', 20)
    container.systemctl('stop', 'procsrv.socket', 'procsrv.service')
    assert not clean.eventually(lambda: container.run('pgrep', '-f', 'sleep 600').stdout)
    assert container.systemctl('--failed', '--quiet') == ''
    p.stdin.close()
    p.wait(harness.PATIENCE)


def inside(world, container):
    """hdb as alice, in the box's network."""
    touch_port(container)
    container.await_state('procsrv.service', 'active')
    status = json.loads(container.run('/usr/local/bin/procsrv', '-status', '-json').stdout)
    premote = f'tls:server=127.0.0.1,port=7000,key={world.keys["alice"].path},pin={status["listeners"][0]["pin"]}'
    return ['nsenter', '-t', container.init[0], '-n', harness.program('hdb'), '-premote', premote]


def by_unit(world, container, hdb):
    """Names of units lead to their main process, with and without the suffix."""
    for unit in ('victim', 'family'):
        main = int(container.systemctl('show', '-P', 'MainPID', f'{unit}.service'))
        for name in (unit, f'{unit}.service'):
            r = world.run([*hdb, '-snapshot', '-psn', name, '-json'])
            assert r.status == 0 and json.loads(r.out)['pid'] == main, repr(r)
    r = world.run([*hdb, '-psn', 'family', '-batch', '-ex', 'bt', '-ex', 'detach'])
    assert r.status == 0 and '#0 ' in r.out and str(main) in r.out, repr(r)
    r = world.run([*hdb, '-psn', 'procsrv.socket', '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'procsrv.socket' in r.err, repr(r)


def look(world, container, pin):
    """Attached from outside, through TLS; then the service is stopped under it."""
    victim = container.systemctl('show', '-P', 'MainPID', 'victim.service')
    premote = f'tls:server=127.0.0.1,port=7000,key={world.keys["alice"].path},pin={pin}'
    hdb = ['nsenter', '-t', container.init[0], '-n', harness.program('hdb'), '-premote', premote]
    r = world.run([*hdb, '-p', victim, '-batch', '-ex', 'bt', '-ex', 'detach'])
    assert r.status == 0 and '#0 ' in r.out, repr(r)
    r = world.run([*hdb, '-p', '1', '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'root' in r.err, repr(r)
    by_unit(world, container, hdb)

    p = world.start([*hdb, '-p', victim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def tracer():
        text = container.run('cat', f'/proc/{victim}/status').stdout
        return re.search(r'TracerPid:\t(\d+)', text)[1]
    assert not clean.eventually(lambda: tracer() == '0', 20), container.journal()
    text = container.run('cat', f'/proc/{tracer()}/status').stdout
    assert re.search(r'^Uid:\t30001\t30001\t30001\t30001$', text, re.M)
    assert re.search(r'^CapPrm:\t0000000000000000$', text, re.M)
    container.systemctl('stop', 'procsrv.service')
    assert tracer() == '0'
    assert re.search(r'State:\tS', container.run('cat', f'/proc/{victim}/status').stdout)
    container.await_state('victim.service', 'active')
    p.stdin.close()
    p.wait(harness.PATIENCE)
