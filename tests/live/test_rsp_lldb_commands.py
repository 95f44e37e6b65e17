# SPDX-License-Identifier: BSD-2-Clause
"""Commands of LLDB's that lean on what the bridge says: its mappings, libraries, steps, signals and streams."""

import os
import re
import shutil
import subprocess
import time

import harness
from terminal import Terminal
from test_rsp_lldb import LLDB, file, lldb, pytestmark, runs, wrap  # noqa: F401
from tracer import eventually


def test_mappings_and_libraries_are_those_of_proc(lldb, box, debuggee):  # noqa: F811
    """LLDB 14 has no --all yet."""
    d = debuggee('sleepers', 1)
    with open(f'/proc/{d.pid}/maps') as f:
        lines = [line.split() for line in f if '[vsyscall]' not in line]
    there = [tuple(f'{int(x, 16):016x}' for x in words[0].split('-')) + (words[1][:3],) for words in lines]
    r = lldb(f'process attach -p {d.pid}', *(f'memory region 0x{lo}' for lo, _, _ in there), 'image list', 'detach',
             box=box)
    assert re.findall(r'^\[0x([0-9a-f]+)-0x([0-9a-f]+)\) ([r-][w-][x-])', r.out, re.M) == there, r
    for name in ('sleepers', 'libc.so.6', 'ld-linux-x86-64.so.2', '[vdso]'):
        assert name in r.out, r
    assert eventually(lambda: runs(d))


def test_a_thread_is_known_by_what_pthread_self_returns(lldb, debuggee):  # noqa: F811
    d = debuggee('sleepers', 3)
    r = lldb(f'process attach -p {d.pid}', 'thread select 2', 'thread info --json', 'register read --format d fs_base', 'detach')
    said = re.search(r'"pthread_t": (\d+)', r.out)
    assert said and re.search(rf'fs_base = {said.group(1)}$', r.out, re.M), r


def test_steps_of_all_kinds(lldb):  # noqa: F811
    r = lldb('breakpoint set -n work', 'run', 'thread step-inst', 'thread step-inst-over', 'thread step-in', 'thread step-over',
             'thread step-out', 'thread until 1', 'thread info', 'kill', file=file('points'))
    assert r.out.count('stop reason = instruction step into') == 1, r
    assert r.out.count('stop reason = instruction step over') == 1, r
    assert 'stop reason = step over' in r.out and 'stop reason = step out' in r.out, r


def test_a_signal_stops_or_passes_as_process_handle_says(lldb):  # noqa: F811
    begin = ['breakpoint set -n main', 'run']
    r = lldb(*begin, 'continue', crash=['kill'], file=file('nullcall'))
    assert 'stop reason = signal SIGSEGV' in r.out, r
    r = lldb(*begin, 'process handle -p true -s false -n true SIGSEGV', 'continue', file=file('nullcall'))
    assert 'stop reason = signal SIGSEGV' not in r.out and re.search(r'exited with status = 11', r.out), r


def test_an_interruption_is_no_signal_that_the_program_would_get(world, box, debuggee):
    d = debuggee('spin', busy=True)
    wrapper = wrap(world, world.premote(box))
    t = Terminal([shutil.which(LLDB), '-x', '-X'], env=dict(world.env, LLDB_DEBUGSERVER_PATH=wrapper),
                 timeout=harness.PATIENCE)
    states = [f'Process {d.pid} stopped', f'Process {d.pid} is running', f'Process {d.pid} exited']
    try:
        t.until('(lldb) ').type('settings set use-color false\n').until('(lldb) ')
        t.type(f'process attach -p {d.pid}\n').until(states[0]).until('Architecture set to')
        t.type('process handle -p true -s false SIGINT\n').until('SIGINT  ').until('(lldb) ')
        t.type('continue\n').until('resuming')
        assert eventually(lambda: t.type('process status\n').either(*states) == states[1])
        t.type('process interrupt\n').until('stop reason = signal SIGSTOP')
        t.type('continue\n').until('resuming')
        assert eventually(lambda: t.type('process status\n').either(*states) == states[1])
        t.type('detach\n').until(f'Process {d.pid} detached').type('quit\n')
        assert t.end() == 0
    finally:
        t.kill()
    assert eventually(lambda: runs(d))


def test_a_program_that_comes_later_is_waited_for(world, box):
    name = f'late{os.getpid()}'
    shutil.copy(file('sleepers'), world.path(name))
    wrapper = wrap(world, world.premote(box))
    said = world.path('said')
    with open(said, 'w') as out:
        p = world.start([LLDB, '-x', '-b', '-o', f'process attach --name {name} --waitfor', '-o', 'thread list', '-o', 'detach'],
                        stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                        env=dict(world.env, LLDB_DEBUGSERVER_PATH=wrapper))

    def text():
        with open(said) as f:
            return f.read()
    assert eventually(lambda: 'attach --name' in text())
    time.sleep(1)  # until it waits: one that is there already is not the next
    d = world.debuggee(world.path(name), 2)
    assert p.wait(harness.PATIENCE) == 0
    assert f'Process {d.pid} stopped' in text() and f'Process {d.pid} detached' in text(), text()
    assert eventually(lambda: runs(d))


def test_globals_are_read_and_memory_is_found_and_written(lldb):  # noqa: F811
    r = lldb('breakpoint set -n work', 'run', 'target variable total', 'memory write &total 7 0 0 0', 'expression total',
             'memory read --size 4 --format x --count 1 &total', 'memory find -e (int)7 -- &total `(unsigned long)&total+8`',
             'register write rbx 0x1234', 'register read rbx', 'kill', file=file('points'))
    assert '= 7' in r.out and '0x00000007' in r.out, r
    assert 'rbx = 0x0000000000001234' in r.out, r
