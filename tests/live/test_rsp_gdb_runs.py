# SPDX-License-Identifier: BSD-2-Clause
"""What a program does while Debian's gdb debugs it through hdb -rsp: libraries that come and go, children, threads."""

import os
import shutil
import subprocess
import threading
import time

import pytest

import harness
from test_rsp_gdb import bridge, file, gdb  # noqa: F401

needs_gdb = pytest.mark.skipif(not shutil.which('gdb'), reason='gdb is not installed')


@needs_gdb
@pytest.mark.once
def test_a_breakpoint_in_a_library_that_took_anothers_place_is_met(gdb):
    words = [os.path.join(harness.DEBUGGEES, 'libfirst.so'), 'first_twin',
             os.path.join(harness.DEBUGGEES, 'libsecond.so'), 'second_twin']
    r = gdb(f'set remote exec-file {file("swaps")}', 'set breakpoint pending on', 'break first_twin',
            'break second_twin', f'run {" ".join(words)}', 'print $pc', 'continue', 'print $pc', 'continue',
            file=file('swaps'))
    assert 'Breakpoint 1, first_twin ' in r.out and 'Breakpoint 2, second_twin ' in r.out, r
    first, second = (line.split()[4] for line in r.out.splitlines() if line.startswith('$') and '()) 0x' in line)
    assert first == second, 'they do not lie at the same address: nothing is tested'
    assert 'exited with code 024' in r.out, r


@needs_gdb
@pytest.mark.once
@pytest.mark.parametrize('displaced', ['on', 'off'])
def test_nobody_goes_on_before_gdb_knows_that_he_stands(gdb, displaced):
    r = gdb('disconnect', 'set non-stop on', f'set displaced-stepping {displaced}', 'set pagination off',
            f'target extended-remote | {harness.program("hdb")} -rsp', f'set remote exec-file {file("forkers")}',
            'break main', 'run 8 6', 'set breakpoint condition-evaluation host', 'break busy if n < 0', 'continue',
            file=file('forkers'))
    assert '[Inferior 1 ' in r.out and 'exited normally]' in r.out, r
    assert r.out.count('Detaching after fork') == 8 * 6, r
    assert "Can't detach" not in r.out + r.err and 'failure reply' not in r.out + r.err, r
    assert 'New inferior' not in r.out and 'Cannot insert' not in r.out + r.err, r


@needs_gdb
@pytest.mark.once
def test_gdb_lets_go_of_a_process_that_ends_at_that_moment(gdb):
    r = gdb(f'set remote exec-file {file("departs")}', 'break depart', 'run 64', 'delete', 'detach', 'info inferiors',
            file=file('departs'))
    assert 'hit Breakpoint 1, depart ' in r.out, r
    assert 'detached]' in r.out and '<null>' in r.out, r


@needs_gdb
@pytest.mark.once
def test_a_child_that_gdb_has_not_heard_of_is_not_left_behind(gdb, world):
    made = world.path('made')
    r = gdb(f'set remote exec-file {file("forks_later")}', 'break count', f'run {made}', 'delete', 'set var released = 1',
            'stepi', 'detach', f'shell for i in $(seq {harness.PATIENCE * 10}); do test -e {made} && break; sleep 0.1; done',
            'info inferiors', file=file('forks_later'))
    assert 'Breakpoint 1, count ' in r.out and '<null>' in r.out, r
    assert os.path.exists(made), 'the child stands still, or was never made'


@needs_gdb
@pytest.mark.once
def test_a_program_is_named_by_where_the_bridge_is(world):
    r = world.run(['gdb', '-q', '-nx', '-batch', '-iex', 'set sysroot /', '-ex',
                   f'target remote | cd {harness.DEBUGGEES} && {harness.program("hdb")} -rsp steps', '-ex', 'break main',
                   '-ex', 'continue', '-ex', 'kill', file('steps')])
    assert 'Breakpoint 1, main ' in r.out, r


@needs_gdb
@pytest.mark.once
def test_libraries_are_found_where_the_program_is_the_linker_itself(world):
    words = [os.path.join(harness.DEBUGGEES, 'libfirst.so'), 'first_twin'] * 2
    linker = os.path.realpath('/lib64/ld-linux-x86-64.so.2')
    bridge = ' '.join([harness.program('hdb'), '-rsp', linker, file('swaps'), *words])
    r = world.run(['gdb', '-q', '-nx', '-batch', '-iex', 'set sysroot /', '-iex', 'set confirm off', '-ex',
                   f'target remote | {bridge}', '-ex', 'catch syscall exit_group', '-ex', 'continue', '-ex', 'sharedlibrary',
                   '-ex', 'info sharedlibrary', '-ex', 'kill', file('swaps')])
    assert 'Catchpoint 1 (call to syscall exit_group)' in r.out and 'libc.so.6' in r.out, r


@needs_gdb
@pytest.mark.once
@pytest.mark.parametrize('ways', [
    ['set follow-fork-mode child', 'run'],
    ['set detach-on-fork off', 'run', 'inferior 2', 'continue'],
], ids=['is let go', 'has ended'])
def test_a_child_is_read_and_written_to_when_its_maker(world, ways):
    path = world.path('rsp.sock')
    bridge = world.start([harness.program('hdb'), '-rsp', f'unix:path={path}', '--once'], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    said = []

    def converse():
        for line in bridge.stdout:
            said.append(line)
            if line == 'child asks\n':
                bridge.stdin.write('who is there\n')
                bridge.stdin.flush()

    listener = threading.Thread(target=converse)
    listener.start()
    deadline = time.monotonic() + harness.PATIENCE
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    r = world.run(['gdb', '-q', '-nx', '-batch', '-iex', 'set sysroot /', '-iex', 'set confirm off', '-ex',
                   f'target extended-remote {path}', '-ex', f'set remote exec-file {file("heirs")}',
                   *[word for way in ways for word in ('-ex', way)], file('heirs')])
    listener.join(harness.PATIENCE)
    bridge.stdin.close()
    assert '[Inferior 2 ' in r.out and 'exited normally]' in r.out, r
    assert said[0] == 'maker forks\n' and 'child heard who is there\n' in said, (said, r)


@needs_gdb
@pytest.mark.once
def test_a_child_of_vfork_comes_to_breakpoints_and_its_makers_memory_has_none(gdb):
    r = gdb(f'set remote exec-file {file("lends")}', 'set detach-on-fork off', 'set follow-fork-mode child', 'break visit',
            'run', 'info inferiors', 'continue', 'inferior 1', 'continue', 'continue', file=file('lends'))
    assert 'Thread 2.1 "lends" hit Breakpoint 1' in r.out and 'is vfork parent of inferior 2' in r.out, r
    assert '[Inferior 2 ' in r.out and 'exited with code 03]' in r.out, r
    assert r.out.count('hit Breakpoint 1, visit ') == 2, r
    assert '[Inferior 1 ' in r.out and 'exited normally]' in r.out, r


@needs_gdb
@pytest.mark.once
def test_gdb_hears_of_a_main_thread_that_ran_alone_and_ended(gdb):
    r = gdb(f'set remote exec-file {file("resigns")}', 'break resign', 'run', 'set scheduler-locking on', 'continue',
            'info threads', 'set scheduler-locking off', 'thread 2', 'continue', file=file('resigns'))
    assert 'No unwaited-for children left.' in r.out, r
    assert 'The current thread <Thread ID 1> has terminated.' in r.out, r
    assert 'exited with code 05]' in r.out, r
