# SPDX-License-Identifier: BSD-2-Clause
"""The Debian package in a booted container: installed, enabled, upgraded under a session, removed, purged."""

import glob
import os
import re
import shutil
import subprocess

import pytest

import clean
import containers
import harness
from terminal import Terminal

pytestmark = [pytest.mark.root, pytest.mark.once,
              pytest.mark.skipif(not harness.STRESS, reason='building the package takes its time: make stress')]

DIRECTORY = '/var/cache/packages'  # in the box


def build(directory):
    """The package of what a box needs, and the same again as a later version."""
    r = subprocess.run([os.path.join(harness.TOP, 'debian', 'build.sh'), directory, '-Ppkg.procsrv.target', '-j2'],
                       capture_output=True, text=True, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, DEB_BUILD_OPTIONS='noopt nodbgsym', QUICK='1'))
    assert r.returncode == 0, r.stdout + r.stderr
    deb, = glob.glob(os.path.join(directory, 'procsrv_*.deb'))
    tree, later = os.path.join(directory, 'tree'), os.path.join(directory, 'later.deb')
    containers.sh('dpkg-deb', '-R', deb, tree)
    control = os.path.join(tree, 'DEBIAN', 'control')
    with open(control) as f:
        text = re.sub('^(Version: .*)$', r'\1+later', f.read(), flags=re.M)
    with open(control, 'w') as f:
        f.write(text)
    containers.sh('dpkg-deb', '--root-owner-group', '-b', tree, later)
    return deb, later


class Machine(containers.Container):
    def prepare(self, keys):
        self.people()
        self.service('victim', '/bin/sleep infinity')

    def dpkg(self, *args):
        r = self.run('env', 'DEBIAN_FRONTEND=noninteractive', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'dpkg', *args)
        assert r.returncode == 0, r.stdout + r.stderr
        return r.stdout

    def exists(self, path):
        return self.run('test', '-e', path).returncode == 0

    def mode(self, path):
        return self.run('stat', '-c', '%a %U', path).stdout.strip()


@pytest.fixture
def machine(world, keys):
    containers.need('dpkg-buildpackage', 'dh')
    m = Machine(world.dir)
    try:
        directory = m.path(DIRECTORY)
        os.makedirs(directory)
        m.deb, m.later = (os.path.join(DIRECTORY, os.path.basename(p)) for p in build(os.path.join(world.dir, 'deb')))
        for name in (m.deb, m.later):
            shutil.copy(os.path.join(world.dir, 'deb', os.path.basename(name)), directory)
        m.prepare(keys)
        m.boot()
        yield m
    finally:
        m.close()


def test_a_package_comes_is_upgraded_under_a_session_and_goes(world, machine):
    m = machine
    # Installed: a key, a map, a user; nothing listens.
    m.dpkg('-i', m.deb)
    assert m.systemctl('is-enabled', 'procsrv.socket') == 'disabled'
    assert m.systemctl('is-active', 'procsrv.socket') == 'inactive'
    assert m.mode('/etc/procsrv/key.pem') == '600 root' and m.mode('/etc/procsrv/authorized_keys') == '600 root'
    assert m.mode('/etc/procsrv') == '700 root' and m.mode('/usr/libexec/procsrv/procsrv-tracer') == '711 root'
    assert m.run('getent', 'passwd', 'procsrv-conn').returncode == 0
    key = m.run('cat', '/etc/procsrv/key.pem').stdout

    # Enabled by who wants it, and used.
    m.write('/etc/procsrv/authorized_keys', f'{world.keys["alice"].fingerprint} user=alice # alice@test\n', 'a')
    m.systemctl('enable', '--now', 'procsrv.socket')
    m.await_state('procsrv.socket', 'active')
    hdb, victim = m.hdb(world.keys), m.main('victim.service')
    session = Terminal([*hdb, '-p', victim], env=world.env, timeout=harness.PATIENCE).prompt()
    assert not clean.eventually(lambda: m.tracer(victim) == '0', 20), m.journal()
    tracer, listener = m.tracer(victim), m.main('procsrv.service')

    # Upgraded: another listener, the same session with the same hold.
    m.dpkg('-i', m.later)
    assert not clean.eventually(lambda: m.main('procsrv.service') in ('0', listener), 20)
    m.await_state('procsrv.service', 'active')
    assert m.tracer(victim) == tracer
    assert m.run('cat', '/etc/procsrv/key.pem').stdout == key
    session.type('info threads\n').until('sleep').prompt()
    status = m.status()
    assert [s['targets'] for s in status['sessions']] == [[int(victim)]] and len(status['listeners']) == 1
    r = world.run([*hdb, '-ps', 'sleep', '-json'])
    assert [p['pid'] for p in r.json['processes']] == [int(victim)], repr(r)

    # Removed: the session is released, the key is there.
    m.dpkg('-r', 'procsrv')
    assert m.tracer(victim) == '0' and m.systemctl('is-active', 'victim.service') == 'active'
    assert m.run('pgrep', 'procsrv').stdout == ''
    assert m.run('cat', '/etc/procsrv/key.pem').stdout == key
    assert m.exists('/etc/procsrv/authorized_keys') and not m.exists('/usr/bin/procsrv')
    session.kill()
    # Purged: nothing is.
    m.dpkg('-P', 'procsrv')
    left = m.run('find', '/etc', '/usr', '/lib', '/var', '/run', '-name', '*procsrv*', '-not', '-path',
                 f'{DIRECTORY}/*', '-not', '-path', '/run/log/*', '-not', '-path', '/var/log/journal/*').stdout.split()
    assert [p for p in left if not p.startswith('/run/systemd/')] == []
