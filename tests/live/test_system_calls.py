# SPDX-License-Identifier: BSD-2-Clause
"""What a person changes in a thread that is inside a system call, and which calls are caught."""

import os
import re
import signal
import subprocess

import pytest

import beside
import harness

# With how many frames there are below inner().
PROGRAMS = [('waits', 1), pytest.param('waits-i386', 2, marks=pytest.mark.i386)]


def said(d):
    """What it says at its end, and how that is."""
    d.expect_gone = True
    return d.process.stdout.read().decode(), d.process.wait(harness.PATIENCE)


@pytest.mark.parametrize('program,below', PROGRAMS)
@pytest.mark.parametrize('command', ['jump elsewhere', 'set var $pc = elsewhere'])
def test_a_pc_that_is_moved_during_a_call_stays_where_it_was_put(debuggee, hdb, program, below, command):
    d = debuggee(program)
    r = hdb('-batch', '-p', d.pid, '-ex', f'bt {below + 1}', '-ex', command)
    assert r.status == 0 and ' inner (x=10)' in r.out, r
    # The kernel does not begin the call anew, two bytes before.
    assert said(d) == ('elsewhere 0x1\n', 7)


@pytest.mark.parametrize('program,below', PROGRAMS)
def test_a_frame_that_is_made_to_return_during_a_call_does(debuggee, hdb, program, below):
    d = debuggee(program)
    r = hdb('-batch', '-p', d.pid, '-ex', f'up {below}', '-ex', 'return 90')
    assert r.status == 0 and ' outer (n=5)' in r.out, r
    assert said(d)[0] == f'result {90 + 5 + 10:#x}\n'


@pytest.mark.parametrize('program,below', PROGRAMS)
def test_a_call_that_is_only_looked_at_goes_on(debuggee, hdb, program, below):
    d = debuggee(program)
    assert hdb('-batch', '-p', d.pid, '-ex', f'bt {below}').status == 0
    os.kill(d.pid, signal.SIGUSR1)
    assert said(d)[0] == f'result {9 + 5 + 10:#x}\n'


@pytest.mark.parametrize('program,below', PROGRAMS)
def test_registers_and_locals_of_outer_frames_are_changed_where_they_are_kept(debuggee, hdb, program, below):
    d, bx = debuggee(program), 'rbx' if below == 1 else 'ebx'
    r = hdb('-batch', '-p', d.pid, '-ex', f'up {below + 1}', '-ex', f'print ${bx}', '-ex', f'print ${bx} = 100', '-ex', 'set var local = 1000',
            '-ex', f'print ${bx}', '-ex', 'print kept')
    assert r.status == 0 and re.findall(r'^\$\d+ = (\d+)$', r.out, re.M) == ['10', '100', '100', '100'], r
    os.kill(d.pid, signal.SIGUSR1)
    assert said(d)[0] == f'result {9 + 1000 + 100:#x}\n'


def test_the_stack_pointer_of_an_outer_frame_is_said_to_be_kept_nowhere(debuggee, hdb):
    d = debuggee('waits')
    r = hdb('-batch', '-p', d.pid, '-ex', 'up', '-ex', 'set var $rsp = 5')
    assert r.status == 1 and '$rsp of frame 1 is calculated' in r.err


# ---- groups -----------------------------------------------------------------------------------------


def calls(text):
    return dict(re.findall(r"'(\w+)' \[(\d+)\]", text))


@pytest.mark.parametrize('group', ['descriptor', 'file', 'ipc', 'memory', 'network', 'process', 'signal'])
def test_a_group_has_all_calls_that_gdb_has_in_it(hdb, group):
    theirs = subprocess.run(['gdb', '-nx', '-batch', '-ex', f'catch syscall group:{group}', '/bin/true'],
                            capture_output=True, text=True).stdout
    ours = calls(hdb('-batch', '-ex', f'catch syscall group:{group}').out)
    assert calls(theirs) and calls(theirs).items() <= ours.items()
    assert calls(hdb('-batch', '-ex', f'catch syscall g:{group}').out) == ours


def test_a_group_stops_at_its_calls_only(hdb):
    out = beside.script(hdb, 'waits', 'break main', 'run', 'catch syscall g:signal', 'continue', 'continue', 'continue')
    assert re.findall(r'^Catchpoint 2 \(((?:call|returned) .*?)\)', out, re.M)[:3] == \
        ['call to syscall rt_sigaction', 'returned from syscall rt_sigaction', 'call to syscall pause']


def test_groups_names_and_numbers_may_be_mixed(hdb):
    out = hdb('-batch', '-ex', 'catch syscall write g:ipc 0 write').out
    assert {'write', 'shmget', 'read'} <= calls(out).keys()


def test_a_group_that_there_is_not_is_said_so(hdb):
    r = hdb('-batch', '-ex', 'catch syscall group:nosuch')
    assert r.status == 1 and 'nosuch is not a group of system calls; there are descriptor, file, ' in r.err


# ---- how they are listed -----------------------------------------------------------------------------


@pytest.mark.once
def test_the_table_of_what_is_caught_reads_as_gdbs(hdb, tmp_path):
    events = ['syscall write', 'syscall read 1', 'syscall', 'signal SIGUSR1', 'signal SIGUSR1 SIGINT', 'signal', 'signal all',
              'fork', 'vfork', 'exec', 'load', 'load foo', 'unload', 'throw', 'catch', 'rethrow']
    commands = ['catch ' + e for e in events] + ['info breakpoints']
    pattern = '^Catchpoint|^Num|^[0-9]+ '
    ours = beside.told(hdb('-batch', *[w for c in commands for w in ('-ex', c)]).out, pattern)
    theirs = beside.told(beside.gdb(tmp_path, 'waits', *commands), pattern)
    assert ours == theirs and len(ours) == 2 * len(events) + 1
