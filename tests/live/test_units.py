# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units: judged by systemd's own tools, and booted once in a container."""

import json
import os
import re
import shutil
import subprocess

import pytest

import clean
import containers
import harness
from containers import Container, touch_port

EXPOSURE = 2.4
UNITS = ['procsrv.socket', 'procsrv.service']


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


@pytest.fixture
def container(world, keys):
    containers.need()
    c = Container(world.dir)
    try:
        c.prepare(keys)
        c.boot()
        yield c
    finally:
        c.close()


@pytest.mark.root
@pytest.mark.once
def test_what_make_install_does_on_a_running_box_lets_the_socket_be_enabled(world, keys):
    containers.need()
    c = Container(world.dir)
    try:
        containers.install(c.root)
        c.people()
        c.boot()
        shutil.copy(os.path.join(harness.TOP, 'systemd', 'setup.sh'), c.path('/setup.sh'))
        said = c.run('/setup.sh', '/usr/local', '/etc/procsrv').stdout
        assert 'then systemctl enable --now procsrv.socket' in said, said
        assert 'procsrv-conn' in c.run('getent', 'passwd', 'procsrv-conn').stdout
        pin = re.search(r'^SHA256:\S+', said, re.M)[0]
        assert c.run('/setup.sh', '/usr/local', '/etc/procsrv').returncode == 0
        c.write('/etc/procsrv/authorized_keys', f'{keys["alice"].fingerprint} user=alice # alice@test\n')
        r = c.run('systemctl', 'enable', '--now', 'procsrv.socket')
        assert r.returncode == 0, r.stderr
        touch_port(c)
        c.await_state('procsrv.service', 'active')
        assert c.status()['listeners'][0]['pin'] == pin
        assert not c.failed(), c.journal()
    finally:
        c.close()


@pytest.mark.root
def test_the_service_starts_at_the_first_connection_serves_and_stops(world, container):
    container.await_state('procsrv.socket', 'active')
    container.await_state('victim.service', 'active')
    assert container.systemctl('is-active', 'procsrv.service') == 'inactive'
    status = container.status()
    assert [one['transport'] for one in status['listeners']] == ['tls:port=7000']

    touch_port(container)
    container.await_state('procsrv.service', 'active')
    assert container.systemctl('show', '-P', 'StatusErrno', 'procsrv.service') == '0'
    status = container.status()
    assert [one['transport'] for one in status['listeners']] == ['tls:bind=[::],port=7000']
    assert 'not TLS' in container.journal()

    if os.path.exists(harness.program('hdb')):
        look(world, container)

    container.systemctl('stop', 'procsrv.socket', 'procsrv.service')
    assert container.systemctl('show', '-P', 'ExecMainStatus', 'procsrv.service') == '0'
    assert not container.failed(), container.journal()
    assert container.run('pgrep', 'procsrv').stdout == ''


@pytest.mark.root
@pytest.mark.skipif(not os.path.exists(harness.program('hdb')), reason='no hdb')
def test_with_its_drop_in_the_service_starts_programs_as_a_login_does(world, container):
    script = 'echo $(id -u) $(id -g) $PWD; grep -E "^(NoNewPrivs|Seccomp|Cap(Inh|Prm|Eff|Bnd)|SigBlk|SigIgn)" /proc/self/status;' \
        ' ls -d /home/.; touch /tmp/seen; ulimit -c'
    hdb = container.hdb(world.keys)
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
    assert not container.failed(), container.journal()
    p.stdin.close()
    p.wait(harness.PATIENCE)


@pytest.mark.root
@pytest.mark.once
@pytest.mark.skipif(not os.path.exists(harness.program('hdb')), reason='no hdb')
def test_with_its_drop_in_a_key_with_allow_root_debugs_processes_of_root(world, container, keys):
    container.write('/etc/procsrv/authorized_keys', f'{keys["bob"].fingerprint} user=root allow-root # bob@test\n', 'a')
    container.write('/etc/systemd/system/roots.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    container.systemctl('start', 'roots.service')
    roots = container.main('roots.service')
    alice = container.hdb(keys)
    bob = [alice[0], *alice[1:-1], alice[-1].replace(keys['alice'].path, keys['bob'].path)]
    r = world.run([*bob, '-p', roots, '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'allow-root.conf' in r.err, repr(r)
    directory = container.path('/etc/systemd/system/procsrv.service.d')
    os.makedirs(directory)
    shutil.copy(container.path('/usr/local/share/procsrv/allow-root.conf'), directory)
    container.systemctl('daemon-reload')
    container.systemctl('stop', 'procsrv.service')
    for pid in (roots, container.main('victim.service'), container.main('dbus.service')):
        r = world.run([*bob, '-p', pid, '-batch', '-ex', 'bt', '-ex', 'detach'])
        assert r.status == 0 and '#0 ' in r.out, (pid, repr(r))
    r = world.run([*alice, '-p', roots, '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'root' in r.err, repr(r)
    # Who holds it has these two and no others, and is found again when the service is stopped.
    for hdb, pid, caps in ((bob, roots, '80002'), (alice, container.main('victim.service'), '0')):
        p = world.start([*hdb, '-p', pid], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not clean.eventually(lambda: container.tracer(pid) == '0', 20), container.journal()
        text = container.run('cat', f'/proc/{container.tracer(pid)}/status').stdout
        assert re.search(rf'^CapPrm:\t0*{caps}$', text, re.M), text
        p.kill()
        p.wait()
    # What is left of it when all of it dies is put right with the same rights.
    p = world.start([*bob, '-p', roots], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not clean.eventually(lambda: container.tracer(roots) == '0', 20), container.journal()
    container.run('pkill', '-9', '-x', 'procsrv-guard|procsrv-tracer')
    container.systemctl('stop', 'procsrv.service')
    assert container.tracer(roots) == '0'
    assert re.search(r'State:\tS', container.run('cat', f'/proc/{roots}/status').stdout)
    p.kill()
    p.wait()


def by_unit(world, container, hdb):
    """Names of units lead to their main process, with and without the suffix."""
    for unit in ('victim', 'family'):
        main = int(container.main(f'{unit}.service'))
        for name in (unit, f'{unit}.service'):
            r = world.run([*hdb, '-snapshot', '-psn', name, '-json'])
            assert r.status == 0 and json.loads(r.out)['pid'] == main, repr(r)
    r = world.run([*hdb, '-psn', 'family', '-batch', '-ex', 'bt', '-ex', 'detach'])
    assert r.status == 0 and '#0 ' in r.out and str(main) in r.out, repr(r)
    r = world.run([*hdb, '-psn', 'procsrv.socket', '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'procsrv.socket' in r.err, repr(r)


def look(world, container):
    """Attached from outside, through TLS; then the service is stopped under it."""
    victim = container.main('victim.service')
    hdb = container.hdb(world.keys)
    r = world.run([*hdb, '-p', victim, '-batch', '-ex', 'bt', '-ex', 'detach'])
    assert r.status == 0 and '#0 ' in r.out, repr(r)
    r = world.run([*hdb, '-p', '1', '-batch', '-ex', 'bt'])
    assert r.status == 1 and 'root' in r.err, repr(r)
    by_unit(world, container, hdb)

    p = world.start([*hdb, '-p', victim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    assert not clean.eventually(lambda: container.tracer(victim) == '0', 20), container.journal()
    text = container.run('cat', f'/proc/{container.tracer(victim)}/status').stdout
    assert re.search(r'^Uid:\t30001\t30001\t30001\t30001$', text, re.M)
    assert re.search(r'^CapPrm:\t0000000000000000$', text, re.M)
    container.systemctl('stop', 'procsrv.service')
    assert container.tracer(victim) == '0'
    assert re.search(r'State:\tS', container.run('cat', f'/proc/{victim}/status').stdout)
    container.await_state('victim.service', 'active')
    p.stdin.close()
    p.wait(harness.PATIENCE)


@pytest.mark.root
@pytest.mark.once
@pytest.mark.skipif(not os.path.exists(harness.program('hdb')), reason='no hdb')
def test_whichever_role_is_killed_the_service_serves_and_the_process_runs_on(world, container):
    container.await_state('victim.service', 'active')
    hdb, victim = container.hdb(world.keys), container.main('victim.service')

    def look():
        r = world.run([*hdb, '-p', victim, '-batch', '-ex', 'detach'])
        assert r.status == 0, (repr(r), container.journal())

    def kill(role):
        pids = container.run('pgrep', '-x', f'procsrv-{role}'[:15]).stdout.split()
        assert pids, (role, container.run('ps', 'ax').stdout)
        container.run('kill', '-9', *pids)

    for role in ('conn', 'monitor', 'tracer', 'guard', 'listener'):
        p = world.start([*hdb, '-p', victim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not clean.eventually(lambda: container.tracer(victim) == '0', 20), container.journal()
        tracer, main = container.tracer(victim), container.main('procsrv.service')
        kill(role)
        if role == 'listener':
            # Another one, and the session goes on under the same hands.
            assert not clean.eventually(lambda: container.main('procsrv.service') in ('0', main), 20)
            container.await_state('procsrv.service', 'active')
            assert container.tracer(victim) == tracer
        p.kill()
        p.wait()
        assert not clean.eventually(lambda: container.tracer(victim) != '0', 20), (role, container.journal())
        assert re.search(r'State:\tS', container.run('cat', f'/proc/{victim}/status').stdout)
        assert container.systemctl('is-active', 'procsrv.service') == 'active'
        look()
    assert container.main('victim.service') == victim
    # Restarted under a session: it ends, and what it held runs on.
    p = world.start([*hdb, '-p', victim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not clean.eventually(lambda: container.tracer(victim) == '0', 20), container.journal()
    container.systemctl('restart', 'procsrv.service')
    assert container.tracer(victim) == '0' and container.main('victim.service') == victim
    p.kill()
    p.wait()
    look()
    # All of it is in the record.
    r = container.run('procsrv', '-check-audit', '/var/log/procsrv/audit')
    assert r.returncode == 0 and 'whole' in r.stdout, r.stdout
    text = container.run('cat', '/var/log/procsrv/audit').stdout
    assert all(f'event={e} ' in text for e in ('open', 'attach', 'detach', 'close', 'repaired')), text
