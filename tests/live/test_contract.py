# SPDX-License-Identifier: BSD-2-Clause
"""The contract for scripts, line by line: options, exit statuses, shapes of JSON."""

import json
import os
import re
import signal
import stat
import subprocess

import pytest

import clean
import harness

FINGERPRINT = r'SHA256:[A-Za-z0-9+/]{43}'


def run(world, name, *args, **how):
    return world.run([harness.program(name), *map(str, args)], **how)


# ---- both ----------------------------------------------------------------------


@pytest.mark.parametrize('name', ['procsrv', 'hdb'])
def test_help_and_version_go_to_stdout(world, name):
    for option in ('-help', '--help', '-version', '--version'):
        r = run(world, name, option)
        assert r.status == 0 and r.out and not r.err, r
    assert re.search(r'\d+\.\d+', run(world, name, '-version').out)


@pytest.mark.parametrize('name', ['procsrv', 'hdb'])
def test_an_unknown_option_is_usage(world, name):
    r = run(world, name, '-frobnicate')
    assert r.status == 2 and not r.out and 'frobnicate' in r.err, r


@pytest.mark.parametrize('args', [('-t',), ('-t', 'foo:'), ('-t', 'tls:port=99999'), ('-t', 'tls:colour=red'),
                                  ('-check',), ('operand',)])
def test_procsrv_usage(world, args):
    r = run(world, 'procsrv', *args)
    assert r.status == 2 and not r.out and r.err.startswith('procsrv: '), r


@pytest.mark.parametrize('args', [('-p',), ('-p', 'abc'), ('-premote',), ('-premote', 'tls:port=70000,server=x', '-ps'),
                                  ('-batch', '-ex'), ('-p', '1', '-ps'), ('-trust', 'box')])
def test_hdb_usage(world, args):
    r = run(world, 'hdb', *args)
    assert r.status == 2 and not r.out and r.err.startswith('hdb: '), r


# ---- procsrv ---------------------------------------------------------------------


def test_the_line_of_a_listener(box):
    assert re.fullmatch(rf'tls:bind=127\.0\.0\.1,port={box.port},pin={FINGERPRINT}', box.listening), box.listening
    assert box.listening.endswith(box.key.fingerprint)


def test_several_transports_one_line_each(world, keys):
    base = world.box()
    p = world.start(
        [harness.program('procsrv')] + [x for _ in range(2) for x in
         ('-t', f'tls:port=0,bind=127.0.0.1,key={keys["box"].path},map={base.map}')],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [p.stdout.readline() for _ in range(2)]
    assert all(x.startswith('listening tls:bind=127.0.0.1,port=') for x in lines)
    assert len(set(lines)) == 2
    p.terminate()
    assert p.wait(15) == 0


def test_the_first_free_port_of_a_range(world, keys):
    import socket
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        base = world.box()
        p = world.start([harness.program('procsrv'), '-t',
                         f'tls:port={port}:{port + 20},bind=127.0.0.1,key={keys["box"].path},map={base.map}'],
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = p.stdout.readline()
        got = int(line.split('port=')[1].split(',')[0])
        assert port < got <= port + 20
        p.terminate()
        assert p.wait(15) == 0


def test_sigterm_releases_every_session_and_ends_with_0(world, hdb, box, debuggee):
    d = debuggee('sleepers')
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    assert box.stop(idle=False) == []
    assert d.faults() == []
    h.stdin.close()
    h.stdin = None
    assert h.wait(harness.PATIENCE) in (0, 1)


@pytest.mark.parametrize('row, word', [
    ('SHA256:short user={user}', 'SHA256:'), ('{key} user={user} frobnicate', 'frobnicate'),
    ('{key} user={user} unit=x', 'unit=x'), ('{key} user={user} expires=yesterday', 'yesterday'),
    ('{key} user={user} from=300.0.0.0/8', '300'), ('{key} user=nobody-of-that-name', 'nobody-of-that-name'),
    pytest.param('{key}', 'user=', marks=pytest.mark.root),
    pytest.param('{key} user=root', 'allow-root', marks=pytest.mark.root)])
def test_a_bad_map_is_78_and_names_line_and_word(world, keys, row, word):
    path = world.path('map')
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write('# first line\n' + row.format(key=keys['alice'].fingerprint, user=harness.ALICE) + '\n')
    r = run(world, 'procsrv', '-t', f'tls:port=0,bind=127.0.0.1,key={keys["box"].path},map={path}')
    assert r.status == 78 and not r.out, r
    assert f'{path}:2' in r.err and word in r.err, r


def test_a_map_others_may_write_is_78(world, keys):
    path = world.path('map')
    with open(path, 'w') as f:
        f.write(f'{keys["alice"].fingerprint} user={harness.ALICE}\n')
    os.chmod(path, 0o666)
    r = run(world, 'procsrv', '-t', f'tls:port=0,bind=127.0.0.1,key={keys["box"].path},map={path}')
    assert r.status == 78 and path in r.err, r


def test_a_missing_map_or_key_is_78(world, keys, box):
    for key, row in ((keys['box'].path, world.path('nowhere')), ('/dev/null', box.map)):
        r = run(world, 'procsrv', '-t', f'tls:port=0,bind=127.0.0.1,key={key},map={row}')
        assert r.status == 78 and not r.out and len(r.err.splitlines()) == 1, r


def test_check_says_in_words_what_a_map_allows(world, box):
    r = run(world, 'procsrv', '-check', box.map)
    assert r.status == 0 and harness.ALICE in r.out, r
    with open(box.map, 'a') as f:
        f.write('rubbish\n')
    r = run(world, 'procsrv', '-check', box.map)
    assert r.status in (1, 78) and ':2' in r.err, r


def test_keygen_makes_a_key_and_never_overwrites(world):
    path = world.path('key.pem')
    r = run(world, 'procsrv', '-keygen', '-key', path)
    assert r.status == 0 and re.search(FINGERPRINT, r.out), r
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    before = open(path).read()
    assert run(world, 'procsrv', '-keygen', '-key', path).status == 1
    assert open(path).read() == before


# ---- hdb: keys and boxes -----------------------------------------------------------


def test_hdb_keygen_prints_the_map_file_line(world, boxes, hdb):
    path = world.path('own.pem')
    r = run(world, 'hdb', '-keygen', '-key', path)
    assert r.status == 0, r
    fingerprint = re.search(FINGERPRINT, r.out).group()
    assert re.search(rf'^{re.escape(fingerprint)}\s+user=\S+', r.out, re.M), r
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    again = run(world, 'hdb', '-keygen', '-key', path)
    assert again.status == 1 and fingerprint in again.err and not again.out, again
    # And a box takes it.
    b = boxes(rows=[f'{fingerprint} user={harness.ALICE}'])
    r = run(world, 'hdb', '-premote', f'tls:server=127.0.0.1,port={b.port},key={path},pin={b.key.fingerprint}', '-ps')
    assert r.status == 0, r


def test_trust_remembers_a_box(world, hdb, box):
    assert hdb('-ps', box=box, pin=False).status == 1
    assert run(world, 'hdb', '-trust', f'127.0.0.1:{box.port}', box.key.fingerprint).status == 0
    assert hdb('-ps', box=box, pin=False).status == 0


def test_trust_does_not_replace_another_key_unless_told_to(world, hdb, box, keys):
    where, wrong = f'127.0.0.1:{box.port}', keys['bob'].fingerprint
    assert run(world, 'hdb', '-trust', where, wrong).status == 0
    r = run(world, 'hdb', '-trust', where, box.key.fingerprint)
    assert r.status == 1 and not r.out and r.err.startswith('hdb: ') and wrong in r.err, r
    advice = re.search(r'hdb (-replace -trust \S+ \S+?)\.?$', r.err, re.M).group(1).split()
    assert hdb('-ps', box=box, pin=False).status == 1
    assert run(world, 'hdb', '-trust', where, wrong).status == 0  # it is the one that is known
    assert run(world, 'hdb', *advice).status == 0
    assert hdb('-ps', box=box, pin=False).status == 0


def test_a_garbled_box_in_the_environment_is_no_usage(world):
    r = run(world, 'hdb', '-ps', env={'HDB_PREMOTE': 'tls:nonsense'})
    assert r.status == 1 and 'nonsense' in r.err, r


def test_the_environment_names_a_box(world, box, keys):
    r = run(world, 'hdb', '-ps', '-json', env={
        'HDB_PREMOTE': f'tls:server=127.0.0.1,port={box.port},key={keys["alice"].path},pin={box.key.fingerprint}'})
    assert r.status == 0 and r.json['processes'], r


# ---- hdb: lists and looks ------------------------------------------------------------


def test_ps_json(hdb, box, debuggee):
    d = debuggee('sleepers', 3)
    r = hdb('-ps', '-json', box=box)
    assert r.status == 0, r
    assert set(r.json) >= {'processes', 'truncated'}
    mine = [p for p in r.json['processes'] if p['pid'] == d.pid]
    assert len(mine) == 1
    p = mine[0]
    assert set(p) >= {'pid', 'ppid', 'user', 'threads', 'unit', 'exe', 'args', 'start'}
    assert p['ppid'] == os.getpid() and p['user'] == harness.ALICE and p['threads'] == 3
    assert p['exe'] == os.path.realpath(d.argv[0])


def test_ps_takes_a_pattern(hdb, box, debuggee):
    d, other = debuggee('sleepers', 2), debuggee('deep', 5)
    r = hdb('-ps', 'sleepers', '-json', box=box)
    pids = [p['pid'] for p in r.json['processes']]
    assert d.pid in pids and other.pid not in pids
    text = hdb('-ps', 'sleepers', box=box)
    assert text.status == 0 and re.search(rf'^\s*{d.pid}\s', text.out, re.M), text
    assert re.match(r'\s*PID\s+USER\s+THREADS\s+UNIT\s+COMMAND', text.out), text


@pytest.mark.parametrize('where', ['box', 'this machine'])
def test_a_pattern_does_not_find_who_asks(world, box, where):
    # All of these are in hdb's own arguments, the last in those of its private procsrv, too.
    nobody = f'nobody-{os.getpid()}'
    for pattern in (nobody, 'json', 'hdb', 'stdio'):
        p = world.hdb_start('-json', '-ps', pattern, box=box if where == 'box' else None)
        out, err = p.communicate(timeout=harness.PATIENCE)
        assert p.returncode == 0 and not err
        found = json.loads(out)['processes']
        assert not [x for x in found if p.pid in (x['pid'], x['ppid'])], found
        assert pattern != nobody or not found


def test_snapshot_json(hdb, box, debuggee):
    d = debuggee('sleepers', 3, 4)
    r = hdb('-snapshot', d.pid, '-json', box=box)
    assert r.status == 0, r
    s = r.json
    assert s['pid'] == d.pid and isinstance(s['stopped_us'], (int, float)) and s['stopped_us'] > 0
    assert [t['tid'] for t in s['threads']] == d.tids()
    for t in s['threads']:
        assert set(t) >= {'tid', 'name', 'end', 'frames'}
        for f in t['frames']:
            assert set(f) >= {'pc', 'function', 'file', 'line', 'inlined', 'module', 'build_id'}
            assert re.fullmatch(r'0x[0-9a-f]+', f['pc'])
    assert d.faults() == []


def test_snapshot_for_people_says_how_long_it_stood(hdb, box, debuggee):
    d = debuggee('sleepers', 3, 4)
    r = hdb('-snapshot', d.pid, box=box)
    assert r.status == 0 and re.search(r'stopped for [\d.]+ ms', r.out), r
    assert r.out.count('descend') == 3 * 4


def test_json_escapes_whatever_a_target_is_called(hdb, box, debuggee):
    debuggee('hostile_names')
    json.loads(hdb('-ps', '-json', box=box).out)


@pytest.mark.parametrize('how', [('-snapshot',), ('-p',)])
def test_a_process_that_does_not_exist_is_status_1(hdb, box, how):
    r = hdb(*how, 4194303, '-batch', box=box)
    assert r.status == 1 and '4194303' in r.err and len(r.err.splitlines()) == 1, r


def test_by_name(world, hdb, box, debuggee):
    # A name of its own: other tests that run now have processes called deep.
    name = f'deep-{os.getpid()}'
    os.symlink(os.path.join(harness.DEBUGGEES, 'deep'), world.path(name))
    d = debuggee(world.path(name), 5)
    r = hdb('-pn', name, '-batch', '-ex', 'bt', box=box)
    assert r.status == 0 and 'recurse' in r.out, r
    other = debuggee(world.path(name), 6)
    r = hdb('-pn', name, '-batch', '-ex', 'bt', box=box)
    assert r.status == 1 and str(d.pid) in r.err and str(other.pid) in r.err, r
    r = hdb('-pn', 'no-such-program', '-batch', box=box)
    assert r.status == 1 and 'no-such-program' in r.err, r


def test_by_unit_says_that_there_is_none(hdb, box):
    r = hdb('-psn', 'no-such.service', '-batch', box=box)
    assert r.status == 1 and 'no-such' in r.err, r


# ---- hdb: batch ----------------------------------------------------------------------


def test_batch_runs_commands_in_order(hdb, box, debuggee):
    d = debuggee('sleepers', 3, 4)
    r = hdb('-p', d.pid, '-batch', '-ex', 'info threads', '-ex', 'thread apply all bt', '-ex', 'detach', box=box)
    assert r.status == 0, r
    assert r.out.count('descend') == 12 and d.faults() == []


def test_a_failing_command_ends_a_batch_with_status_1(hdb, box, debuggee):
    d = debuggee('sleepers', 3, 4)
    r = hdb('-p', d.pid, '-batch', '-ex', 'info nonsense', '-ex', 'bt', box=box)
    assert r.status == 1 and 'descend' not in r.out and 'nonsense' in r.err, r
    assert clean.eventually(d.faults) == []


def test_a_batch_detaches_at_its_end(hdb, box, debuggee):
    d = debuggee('sleepers')
    assert hdb('-p', d.pid, '-batch', '-ex', 'bt', box=box).status == 0
    assert clean.eventually(d.faults) == []


def test_commands_from_a_file(world, hdb, box, debuggee):
    d = debuggee('sleepers', 2, 4)
    path = world.path('commands')
    with open(path, 'w') as f:
        f.write('# a comment\n\nbt\ninfo threads\n')
    r = hdb('-p', d.pid, '-batch', '-x', path, box=box)
    assert r.status == 0 and r.out.count('descend') >= 4, r
    with open(path, 'w') as f:
        f.write('bt\nnonsense\ninfo threads\n')
    r = hdb('-p', d.pid, '-batch', '-x', path, box=box)
    assert r.status == 1 and 'nonsense' in r.err, r
    assert hdb('-p', d.pid, '-batch', '-x', world.path('nowhere'), box=box).status in (1, 2)


def test_options_end_at_the_first_operand(hdb, box):
    r = hdb('-ps', 'pattern', 'more', box=box)
    assert r.status in (0, 2)
    assert hdb('--ps', '--json', box=box).json['processes'] is not None


def test_commands_on_stdin_without_a_terminal(hdb, box, debuggee):
    d = debuggee('sleepers', 2, 4)
    r = hdb('-p', d.pid, box=box, input='bt\nquit\n')
    assert r.status == 0 and r.out.count('descend') == 4, r
    assert '\x1b' not in r.out


# ---- hdb: other ways there -------------------------------------------------------------


def as_target_user():
    """Local targets must be of the user hdb runs as."""
    return {'user': 'root'} if harness.ROOT else {}


def test_on_this_machine_without_a_server(world, hdb, debuggee):
    d = debuggee('sleepers', 3, 4, **as_target_user())
    r = hdb('-p', d.pid, '-batch', '-ex', 'thread apply all bt')
    assert r.status == 0 and r.out.count('descend') == 12, r
    assert clean.eventually(d.faults) == []


def test_through_a_command(world, debuggee):
    d = debuggee('sleepers', 3, 4, **as_target_user())
    r = run(world, 'hdb', '-premote', f'exec:{harness.program("procsrv")} -t stdio', '-snapshot', d.pid, '-json')
    assert r.status == 0 and len(r.json['threads']) == 3, r


def test_a_command_that_fails_is_a_sentence(world):
    for command in ('exit 3', 'echo hello', 'cat /dev/null', '/nonexistent/program'):
        r = run(world, 'hdb', '-premote', f'exec:{command}', '-ps')
        assert r.status == 1 and not r.out and [x for x in r.err.splitlines() if x.startswith('hdb: ')], r


# ---- status and release -------------------------------------------------------------------


def procsrv_beside(world, box, *args):
    """procsrv in the same place as the box, to ask about its sessions."""
    return run(world, 'procsrv', *args, env={'XDG_RUNTIME_DIR': os.path.join(box.dir, 'run'),
                                             'XDG_CONFIG_HOME': os.path.join(box.dir, 'config')})


def test_status_shows_sessions(world, box, debuggee):
    d = debuggee('sleepers')
    assert procsrv_beside(world, box, '-status').status == 0
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    r = procsrv_beside(world, box, '-status')
    assert r.status == 0 and 'alice@test' in r.out, r
    j = procsrv_beside(world, box, '-status', '-json')
    assert j.status == 0 and len(j.json['sessions']) == 1, j
    s, = j.json['sessions']
    assert s['targets'] == [d.pid] and s['lost'] == 0 and s['received'] > 100 and s['sent'] > 1000, j
    h.stdin.close()
    h.stdin = None
    assert h.wait(harness.PATIENCE) == 0
    assert not box.quiet()
    assert procsrv_beside(world, box, '-status', '-json').json['sessions'] == []


def test_release_lets_every_target_go(world, box, debuggee):
    d = debuggee('sleepers')
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    assert procsrv_beside(world, box, '-release').status == 0
    assert d.faults() == []
    assert box.process.poll() is None
    h.stdin.close()
    h.stdin = None
    h.wait(harness.PATIENCE)


def test_an_attached_program_is_not_killed_by_signals_to_hdb(world, box, debuggee):
    d = debuggee('sleepers')
    h = world.hdb_start('-p', d.pid, box=box)
    assert not clean.eventually(lambda: clean.status(d.pid)['TracerPid'] == '0')
    h.send_signal(signal.SIGTERM)
    h.wait(harness.PATIENCE)
    assert clean.eventually(d.faults) == []
