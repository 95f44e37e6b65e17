# SPDX-License-Identifier: BSD-2-Clause
"""Files and objects of the target as Debian's gdb has them through hdb -rsp."""

import os
import re
import shutil
import subprocess

import pytest

import harness

pytestmark = [pytest.mark.once, pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed')]


@pytest.fixture
def gdb(world):
    """gdb(COMMAND…): the result of a batch on this machine, its files read through the bridge."""
    def run(*commands, cache=None):
        argv = ['gdb', '-q', '-nx', '-batch', '-iex', 'set debuginfod enabled off', '-iex', 'set confirm off',
                '-iex', 'set sysroot target:', '-ex', f'target extended-remote | {harness.program("hdb")} -rsp']
        for command in commands:
            argv += ['-ex', command]
        return world.run(argv, env={'XDG_CACHE_HOME': cache or world.path('cache')})
    return run


def counts(r):
    found = re.search(r'^files: (\d+) opened, (\d+) of them from this machine, (\d+) bytes', r.err, re.M)
    assert found, r
    return [int(n) for n in found.groups()]


def test_what_this_machine_has_is_not_fetched(gdb, debuggee):
    d = debuggee('sleepers')
    r = gdb(f'attach {d.pid}', 'info sharedlibrary', 'monitor stats', 'detach')
    assert re.search(r'^0x\w+ +0x\w+ +Yes.*target:.*/libc\.so\.6$', r.out, re.M), r
    opened, local, fetched = counts(r)
    assert opened >= local >= 3 and fetched == 0, r


def test_a_program_without_a_build_id_comes_in_few_pieces(gdb, world):
    path = world.path('program')
    source = world.path('program.c')
    with open(source, 'w') as f:
        f.write('int twice(int n) { return 2 * n; }\nint main(void) { return twice(21) != 42; }\n')
    subprocess.run(['gcc', '-g', '-Wl,--build-id=none', '-o', path, source], check=True)
    os.chmod(os.path.dirname(path), 0o755)
    r = gdb(f'set remote exec-file {path}', f'file target:{path}', 'break twice', 'run', 'bt', 'monitor stats', 'kill')
    assert re.search(r'#0 +twice \(n=21\) at ', r.out) and re.search(r'#1 .* main \(\) at ', r.out), r
    opened, local, fetched = counts(r)
    assert opened > local and os.path.getsize(path) <= fetched < 4 * os.path.getsize(path), r


def test_files_are_copied_both_ways_and_removed(gdb, world):
    there, back = world.path('there'), world.path('back')
    os.chmod(os.path.dirname(there), 0o777)
    here = world.path('here')
    with open(here, 'wb') as f:
        f.write(os.urandom(300000) + b'}$#*')
    r = gdb(f'remote put {here} {there}', f'remote get {there} {back}', f'remote delete {there}',
            'remote get /proc/1/no/such /tmp/x')
    with open(here, 'rb') as a, open(back, 'rb') as b:
        assert a.read() == b.read(), r
    assert not os.path.exists(there) and 'No such file' in r.err, r


def test_a_core_file_that_gdb_writes_has_the_memory(gdb, world, debuggee):
    d = debuggee('sleepers')
    core = world.path('core')
    r = gdb(f'attach {d.pid}', f'gcore {core}', 'info auxv', 'detach')
    assert 'AT_ENTRY' in r.out and 'Saved corefile' in r.out, r
    heads = subprocess.run(['readelf', '-lW', core], capture_output=True, text=True).stdout
    loads = [int(line.split()[4], 16) for line in heads.splitlines() if line.split()[:1] == ['LOAD']]
    assert len(loads) > 5 and sum(loads) > 100000, heads


def test_tables_of_the_system_name_the_process(gdb, debuggee):
    d = debuggee('sleepers', 3)
    r = gdb('info os', 'info os processes', 'info os threads', 'info os files', 'info os procgroups', 'info os sockets',
            'info os shm', 'info os semaphores', 'info os msg', 'info os cpus')
    assert re.search(rf'^{d.pid} +\S+ +\S*sleepers 3', r.out, re.M), r
    assert len(re.findall(rf'^{d.pid} +sleepers +\d+ +\d+ *$', r.out, re.M)) == 3, r
    assert re.search(rf'^{d.pid} +sleepers +1 +pipe:', r.out, re.M), r
    assert re.search(r'^procgroups +Listing', r.out, re.M), r


def test_monitor_commands_say_what_they_do_not_know(gdb):
    r = gdb('monitor help', 'monitor targets', 'monitor nonsense', 'monitor exit')
    assert 'The following monitor commands are supported' in r.err and 'no targets' in r.err, r
    assert 'Unknown monitor command' in r.err, r
